/* A channel: one TCP connection to another server of the ensemble, dialed or accepted. Bytes in,
 * bytes out; what they mean is the core's. The calls of chan.c, chan_dial.c and chan_out.c to each
 * other and to the turn. */
#ifndef RK_SHELL_CHAN_H
#define RK_SHELL_CHAN_H

#include "base/list.h"
#include "base/map.h"
#include "core/effects.h"
#include "shell/addr.h"
#include "shell/resolver.h"

#include <uv.h>

struct rk_shell;

#define RK_CHAN_MAGIC     0x4e414843u
#define RK_CHAN_MARKS_MAX 64u /* RK_FX_CHAN_MARK without answer, of one channel */
#define RK_CHAN_WHY_MAX   256u

enum rk_channel_state {
    RK_CHAN_RESOLVING,  /* dialed: waits for its host's addresses */
    RK_CHAN_CONNECTING, /* ... for one of them to answer */
    RK_CHAN_RETRYING,   /* ... for the socket of a failed attempt to be closed */
    RK_CHAN_OPEN,
    RK_CHAN_FLUSHING,  /* the core asked for the end: what was sent goes out first */
    RK_CHAN_LINGERING, /* FIN sent; what still comes is thrown away until the other side's FIN */
    RK_CHAN_ENDING,    /* uv_close called; its callback tells the core RK_EV_CHAN_CLOSED */
};

struct rk_channel_chunk;

struct rk_channel {
    uint32_t magic;
    enum rk_channel_state state;
    enum rk_chan_port port;
    bool is_known;   /* to the core */
    bool is_paused;  /* no bytes to the core */
    bool is_reading; /* uv_read_start is on */
    bool is_writing; /* the first chunk is in a uv_write */
    bool is_dirty;   /* in the list of those with something to do at the end of the effects */
    rk_chan_id id;   /* with RK_CHAN_DIALED: we dialed */
    struct rk_shell *shell;
    struct rk_map_entry by_id; /* in rk_shell.chans_by_id */
    struct rk_link link;       /* in rk_shell.chans */
    struct rk_link dirty_link;
    struct rk_link flushed_link; /* a mark was reached and the core has not heard of it */
    struct rk_addr addr;         /* the other end */
    uv_tcp_t tcp;

    /* -- dialing ----------------------------------------------------------------------------------
     */
    uv_connect_t connect;
    char host[RK_LOOKUP_HOST_MAX];
    uint16_t number;
    struct rk_addrs addrs;
    uint32_t next_addr;
    int64_t dial_end_ms;       /* of the whole dial */
    int64_t deadline_ms;       /* of an attempt or, in the end, of flushing; INT64_MAX: none */
    char why[RK_CHAN_WHY_MAX]; /* it ends */

    /* -- input ------------------------------------------------------------------------------------
     */
    uint32_t read_turn; /* the turn in which it was read last */
    uint32_t reads;     /* ... and how often */

    /* -- output -----------------------------------------------------------------------------------
     */
    uint32_t seg_first, seg_last; /* of this turn, 0 = none */
    struct rk_channel_chunk *out_first, *out_last;
    uint64_t out_held;                 /* bytes in chunks, also of one that is partly written */
    uint64_t out_sent;                 /* ever asked for */
    uint64_t marks[RK_CHAN_MARKS_MAX]; /* out_sent when they were set */
    uint32_t mark_count;
    uint32_t flushed; /* marks reached and not told */
};

/* -- chan.c ----------------------------------------------------------------------------------- */

bool rk_channel_init_all(struct rk_shell *s); /* nothing is open yet; false without memory */
/* Closes all without telling the core, which ends with us; deinit when their callbacks have run. */
void rk_channel_kill_all(struct rk_shell *s);
void rk_channel_deinit_all(struct rk_shell *s);
/* Flushes and closes all, for a shutdown. rk_shell.chan_count is 0 when it is done. */
void rk_channel_close_all(struct rk_shell *s);

/* A channel of that id that the core may still act upon; NULL if it ended. */
struct rk_channel *rk_channel_find(const struct rk_shell *s, rk_chan_id id);
struct rk_channel *rk_channel_add(struct rk_shell *s, rk_chan_id id, enum rk_chan_port port);
/* Takes the socket over, or closes it when there are too many. */
void rk_channel_accept(struct rk_shell *s, enum rk_chan_port port, int take_fd,
                       const struct rk_addr *addr);
/* The socket is a stream now: options, reading. */
void rk_channel_opened(struct rk_channel *ch);
/* Ends it at once; RK_EV_CHAN_CLOSED with why follows. */
void rk_channel_end(struct rk_channel *ch, const char *why);
/* Its socket alone; then rk_channel_dial_next if it is RK_CHAN_RETRYING. */
void rk_channel_close_socket(struct rk_channel *ch);
/* What was sent goes out within a second, then as rk_channel_end. */
void rk_channel_close(struct rk_channel *ch);
/* Everything held has gone out. */
void rk_channel_drained(struct rk_channel *ch);
/* RK_FX_CHAN_PAUSE, RK_FX_CHAN_RESUME. */
void rk_channel_set_paused(struct rk_channel *ch, bool is_paused);
/* The clock of deadlines: that of uv_now, but not as old as the turn. */
int64_t rk_channel_clock_ms(void);
/* The earliest deadline of all moved to at_ms or before it. */
void rk_channel_need_timer(struct rk_shell *s, int64_t at_ms);
/* Carries out one of the RK_FX_CHAN_ effects, but for the two that send. */
void rk_channel_run_effect(struct rk_shell *s, const struct rk_effect *fx);
/* A debug line about one channel. */
void rk_channel_log(struct rk_channel *ch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* -- chan_dial.c ------------------------------------------------------------------------------ */

void rk_channel_dial(struct rk_shell *s, const struct rk_effect *fx);
void rk_channel_on_lookup_news(struct rk_shell *s);
/* RK_CHAN_RETRYING and its socket is closed: the next address, or the end. */
void rk_channel_dial_next(struct rk_channel *ch);
/* Its deadline is over while dialing. */
void rk_channel_dial_late(struct rk_channel *ch);

/* -- chan_out.c ------------------------------------------------------------------------------- */

/* Sends what can be sent now and holds the rest; ch may be ending afterwards. */
void rk_channel_send(struct rk_channel *ch, uv_buf_t *bufs, uint32_t count);
void rk_channel_mark(struct rk_channel *ch);
/* Something was sent, or marked: rk_channel_turn_done is due when the effects are carried out. */
void rk_channel_set_dirty(struct rk_channel *ch);
/* What was sent in these effects has been given to rk_channel_send. */
void rk_channel_turn_done(struct rk_channel *ch);
/* Chunks that are in no uv_write. */
void rk_channel_free_output(struct rk_channel *ch);
/* Tells the core of marks that were reached, once for each. */
void rk_channel_tell_flushed(struct rk_shell *s);

#endif
