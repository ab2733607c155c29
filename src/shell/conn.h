/* One client connection inside the shell: its state, input and output, and the calls of conn.c,
 * input.c and output.c to each other. */
#ifndef RK_SHELL_CONN_H
#define RK_SHELL_CONN_H

#include "base/list.h"
#include "base/map.h"
#include "shell/addr.h"
#include "shell/log.h"

#include <uv.h>

struct rk_shell;

#define RK_CONN_MAGIC 0x4e4f434bu
#define RK_READ_BYTES 65536u

enum rk_conn_state {
    RK_CONN_FREE,
    RK_CONN_OPEN,
    RK_CONN_CLOSING,   /* nothing more is taken from it; the core will hear of that in this turn */
    RK_CONN_FLUSHING,  /* over for the core; what was sent before goes out, then our FIN */
    RK_CONN_LINGERING, /* FIN sent; what still comes is thrown away until the peer's FIN */
    RK_CONN_DEAD,      /* uv_close called, waiting for its callback */
};

/* Why nothing is read from a connection (bits of rk_conn.holds). */
enum rk_conn_hold {
    RK_HOLD_CORE = 1,    /* RK_FX_PAUSE */
    RK_HOLD_OUTPUT = 2,  /* it does not take what we send */
    RK_HOLD_BACKLOG = 4, /* whole frames are here and wait for their turn */
};

struct rk_chunk;

/* One client. An idle one holds nothing but this, a slot of the slab. */
struct rk_conn {
    uint32_t magic;
    uint8_t state; /* enum rk_conn_state */
    uint8_t holds;
    bool is_reading;     /* uv_read_start is on */
    bool is_writing;     /* the first chunk is in a uv_write */
    bool is_eof;         /* the peer sent its FIN */
    bool has_frame;      /* the first frame was taken: no four-letter word any more */
    bool is_established; /* the core answered its first frame */
    bool is_dirty;       /* in the dirty list */
    rk_conn_id id;
    struct rk_shell *shell;
    struct rk_ip_count *ip; /* counted there until closed */
    uint8_t *in;            /* part of a frame, or frames waiting: in[in_at..in_len) */
    uint32_t in_at, in_len, in_cap;
    uint32_t next_turn;           /* not read from before it */
    uint32_t round;               /* the one it was read in last */
    uint32_t seg_first, seg_last; /* of this turn's output, 0 = none */
    struct rk_chunk *out_first, *out_last;
    uint64_t out_bytes;          /* held in chunks */
    uint64_t out_seen;           /* what the peer had not taken when progress was last looked for */
    int64_t progress_ms;         /* when the peer last took something */
    int64_t phase_ms;            /* begin of the time without session, or of lingering */
    uint64_t thrown_bytes;       /* while lingering */
    struct rk_link phase_link;   /* sessionless or lingering */
    struct rk_link stall_link;   /* stalled: output is held */
    struct rk_link dirty_link;   /* output of this turn */
    struct rk_link backlog_link; /* RK_HOLD_BACKLOG and nothing else */
    struct rk_link gone_link;    /* the core must still be told */
    struct rk_addr addr;
    uv_tcp_t tcp;
};
_Static_assert(sizeof(struct rk_conn) <= 640, "an idle connection costs at most 4 KiB everywhere");

/* Kinds of lines that strangers can cause; see rk_shell.limits. */
enum rk_limit {
    RK_LIMIT_REFUSED,
    RK_LIMIT_NO_FD,
    RK_LIMIT_GARBAGE,
    RK_LIMIT_WORDS,
    RK_LIMIT_SESSIONLESS,
    RK_LIMIT_SLOW,
    RK_LIMIT_MEMORY,
    RK_LIMIT_PEERS,
    RK_LIMIT_TRAFFIC, /* debug lines: no limit */
    RK_LIMIT_NOTES,   /* and one for each rk_note */
};

/* -- conn.c ----------------------------------------------------------------------------------- */

struct rk_bytes rk_conn_ip_key(const struct rk_map_entry *entry);      /* of rk_shell.ips */
struct rk_conn *rk_conn_find(const struct rk_shell *s, rk_conn_id id); /* NULL: not open any more */
/* Takes the socket over, or closes it and counts why. */
void rk_conn_open(struct rk_shell *s, int take_fd, const struct rk_addr *addr);
/* Nothing more is taken from it; what was sent goes out first. */
void rk_conn_close(struct rk_conn *c);
/* At once. A reset spares the kernel what the peer does not take. */
void rk_conn_kill(struct rk_conn *c, bool must_reset);
/* The core was told that it is over. */
void rk_conn_told(struct rk_conn *c);
/* Everything sent has gone out. */
void rk_conn_flushed(struct rk_conn *c);
void rk_conn_hold(struct rk_conn *c, enum rk_conn_hold hold);
void rk_conn_release(struct rk_conn *c, enum rk_conn_hold hold);
void rk_conn_start_reading(struct rk_conn *c);
/* Deadlines; goes on by itself while there is any. */
void rk_conn_chores(struct rk_shell *s);
void rk_conn_need_chores(struct rk_shell *s);
/* A line about c, if there is still room for its kind in this second. */
void rk_conn_log(struct rk_conn *c, enum rk_limit limit, enum rk_log_level level,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* -- input.c ---------------------------------------------------------------------------------- */

void rk_input_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf);
void rk_input_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);
/* One round for everybody whose frames wait. */
void rk_input_run_backlog(struct rk_shell *s);
void rk_input_free(struct rk_conn *c);
/* The turn's reads are over. */
void rk_input_turn_over(struct rk_shell *s);

/* -- output.c --------------------------------------------------------------------------------- */

/* Sends what can be sent now and holds the rest; c may be dead afterwards. */
void rk_output_send(struct rk_conn *c, uv_buf_t *bufs, uint32_t count);
void rk_output_look_for_progress(struct rk_conn *c);
/* Chunks that are in no uv_write. */
void rk_output_free(struct rk_conn *c);

#endif
