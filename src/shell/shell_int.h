/* The shell's own view of itself: connections, the loop's state, and the calls between its files.
 */
#ifndef RK_SHELL_SHELL_INT_H
#define RK_SHELL_SHELL_INT_H

#include "base/slab.h"
#include "shell/chan.h"
#include "shell/conn.h"
#include "shell/log_thread.h"
#include "shell/shell.h"
#include "shell/snap_thread.h"

#include <uv.h>

#define RK_LISTENERS_MAX  16u /* for clients; and two for other servers */
#define RK_BOUND_TEXT_MAX 1024u

enum rk_listener_kind {
    RK_LISTENER_CLIENT,
    RK_LISTENER_ELECTION,
    RK_LISTENER_QUORUM,
};

struct rk_listener {
    struct rk_shell *shell;
    enum rk_listener_kind kind;
    const struct rk_shell_listen *at;
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;        /* -1: none */
    bool is_open;  /* the handles live */
    uint16_t port; /* bound */
};

/* Output of this turn: bytes of the effects, for one connection. */
struct rk_seg {
    uint32_t next; /* index + 1 of the connection's next one, 0 = last */
    uint32_t len;
    size_t offset;
};

#define RK_NOTE_COUNT_ONE(name, level, text) +1
enum { RK_LIMIT_COUNT = RK_LIMIT_NOTES RK_NOTE_TABLE(RK_NOTE_COUNT_ONE) };

enum rk_stop_phase {
    RK_STOP_NOT,
    RK_STOP_DRAINING, /* the core finishes what is in flight */
    RK_STOP_FLUSHING, /* answers go out */
    RK_STOP_DONE,
};

/* What must have the files for itself. */
enum rk_disk_op {
    RK_DISK_OP_NONE,
    RK_DISK_OP_TRUNCATE,
    RK_DISK_OP_RELOAD,
};

struct rk_shell {
    struct rk_shell_config config;
    struct rk_shell_parts parts;
    struct rk_log_thread *log_thread;
    struct rk_snap_thread *snap_thread;

    uv_loop_t loop;
    uv_check_t check;
    uv_idle_t idle; /* on: the next turn must not wait */
    uv_async_t log_news, snap_news;
    uv_timer_t tick, chores, purge, stop;
    uv_signal_t signals[4];
    struct rk_listener listeners[RK_LISTENERS_MAX + 2];
    uint32_t listener_count;
    int bind_status; /* of the process, when listening failed */
    char bound[RK_BOUND_TEXT_MAX];
    int reserve_fd;

    /* -- the turn ---------------------------------------------------------------------------------
     */
    uint32_t turn;
    bool has_time; /* now_ms and wall_ms are this turn's */
    int64_t now_ms, wall_ms;
    int64_t told_ms;                   /* the time that the core was given last */
    uint32_t gap_turn;                 /* when that was long ago for the last time: turn */
    int64_t gap_ms;                    /* ... and time */
    int64_t asleep_base_ms, asleep_ms; /* the machine was suspended: before the start, since */
    int64_t tick_due_ms;               /* what the tick timer is armed for */
    struct rk_effects fx;
    size_t fx_seen; /* effects that chan.c has looked ahead at */
    struct rk_seg *segs;
    uint32_t seg_count, seg_cap;

    /* -- connections ------------------------------------------------------------------------------
     */
    struct rk_slab conns;
    uint32_t last_generation;
    struct rk_bytemap ips;
    struct rk_link sessionless, lingering, stalled, dirty, backlog, gone;
    uint32_t round;        /* see input.c */
    bool is_round_late;    /* some of the round were not served in its first turn */
    bool is_share_used;    /* clients have had their share of this turn */
    uint64_t share_end_ns; /* ... which ends then; 0: not begun */
    uint64_t looked_ns;    /* when the clock was looked at last while clients were read */

    /* -- other servers ----------------------------------------------------------------------------
     */
    struct rk_map chans_by_id;
    struct rk_link chans, chans_dirty, chans_flushed;
    uint32_t chan_count;
    uint32_t chans_accepted[2]; /* by enum rk_chan_port */
    rk_chan_id last_accepted;
    uv_timer_t chan_timer;
    int64_t chan_due_ms; /* what it is armed for */
    uv_async_t lookup_news;
    struct rk_resolver *resolver;
    bool is_ending; /* the core hears nothing more */

    /* -- disk -------------------------------------------------------------------------------------
     */
    rk_zxid appended;
    rk_zxid durable; /* as told to the core */
    bool must_wake_log;
    bool is_log_open;                /* its mailbox is locked for the effects under way */
    struct rk_log_report log_report; /* as last handed to the core */
    struct rk_snap_report snap_report;
    enum rk_disk_op disk_op;
    rk_zxid disk_op_zxid;
    enum rk_cut disk_op_cut;
    bool is_replacing;                /* between RK_CUT_REPLACE and _REPLACED */
    bool is_disk_op_waiting;          /* for the snapshot thread to have nothing to do */
    uint32_t snaps_open, purges_open; /* begun and not reported as done */
    uint32_t reads_open;              /* slices of the log asked for and not here yet */
    bool is_purge_owed;               /* it came while a disk_op was under way */
    uint32_t slices_in_flight;
    bool is_slice_owed; /* READY waits for the writer */
    bool is_slice_due;  /* READY goes to the core in the next turn */

    enum rk_stop_phase stop_phase;
    struct rk_shell_stats stats;
    struct rk_log_limit limits[RK_LIMIT_COUNT];
    uint8_t read_buf[RK_READ_BYTES];
};

/* -- turn.c ----------------------------------------------------------------------------------- */

void rk_turn_start_clock(struct rk_shell *s);
/* The core's clock, as of the loop's last look at its own. */
int64_t rk_turn_clock_ms(const struct rk_shell *s);
/* The time of this turn; call before the first event of a callback. After a standstill a leader
 * gets its late tick here. */
void rk_turn_begin(struct rk_shell *s);
/* An event of this turn's time, to be filled in and given to rk_turn_step. */
struct rk_event rk_turn_event(const struct rk_shell *s, enum rk_event_kind kind, rk_conn_id conn);
void rk_turn_step(struct rk_shell *s, const struct rk_event *event);
/* Carries all effects out, tells the core of connections that ended by that, until nothing is left.
 */
void rk_turn_settle(struct rk_shell *s);
/* Carries out early when a turn has collected much output. */
void rk_turn_relieve(struct rk_shell *s);
/* The end of a loop iteration: what waits gets its share, everything is carried out. */
void rk_turn_end(struct rk_shell *s);
/* After a standstill, what threads report waits until the sockets have been read. */
bool rk_turn_puts_off(struct rk_shell *s, uv_async_t *news);

/* -- storage.c -------------------------------------------------------------------------------- */

/* One of those about the log, epochs and snapshots. */
void rk_storage_run_effect(struct rk_shell *s, const struct rk_effect *fx);
/* The effects are through: hands over to the log thread. */
void rk_storage_effects_done(struct rk_shell *s);
/* A cut or a reload has been waiting and can begin. */
bool rk_storage_has_work(const struct rk_shell *s);
bool rk_storage_must_reload(const struct rk_shell *s);
void rk_storage_reload(struct rk_shell *s);
/* Now, or when nothing is in its way any more. */
void rk_storage_purge(struct rk_shell *s);
void rk_storage_next_slice(struct rk_shell *s);
void rk_storage_report_log(struct rk_shell *s);
void rk_storage_report_snap(struct rk_shell *s);

/* -- listener.c ------------------------------------------------------------------------------- */

enum rk_err rk_listener_bind_all(struct rk_shell *s) RK_MUST_CHECK;
enum rk_err rk_listener_start_all(struct rk_shell *s) RK_MUST_CHECK;
void rk_listener_close_clients(struct rk_shell *s);
void rk_listener_close_all(struct rk_shell *s);

/* -- shell.c ---------------------------------------------------------------------------------- */

/* Looks whether a shutdown can go on. */
void rk_shell_check_stop(struct rk_shell *s);
/* True if a line may be written; text for its end in ret_more. */
bool rk_shell_may_log(struct rk_shell *s, enum rk_limit limit, char ret_more[48]);

#endif
