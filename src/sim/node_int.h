/* What the files of the simulated server share. */
#ifndef RK_SIM_NODE_INT_H
#define RK_SIM_NODE_INT_H

#include "sim/check.h"
#include "sim/fiber.h"
#include "sim/net.h"
#include "sim/node.h"
#include "store/log_slice.h"
#include "store/recover.h"

enum node_state {
    NODE_DOWN,
    NODE_STARTING,
    NODE_UP,
    NODE_STOPPING,
};

/* What a coroutine is busy with: decides faults and marks. */
enum node_work {
    WORK_NONE,
    WORK_START,
    WORK_APPEND,
    WORK_SNAPSHOT,
    WORK_PURGE,
    WORK_EPOCH,
    WORK_STORE_EPOCH,
    WORK_TRUNCATE,
    WORK_READ_LOG,
};

enum node_message {
    MSG_APPEND,
    MSG_ROLL,
    MSG_SNAP_OPEN,
    MSG_SNAP_PUT,
    MSG_SNAP_FINISH,
    MSG_SNAP_ABORT,
    MSG_PURGE,
    MSG_EPOCH,
    MSG_STORE_EPOCH, /* number: epoch, flag: enum rk_epoch_file */
    MSG_TRUNCATE,
    MSG_LOG_READ,     /* bytes: struct rk_log_ask */
    MSG_LOG_READ_END, /* number: reader */
};

/* A coroutine with its queue, as the shell's threads have. */
struct node_thread {
    struct sim_fiber *fiber;
    enum node_work work;
    bool is_sleeping; /* until something is sent, or a deadline */
    bool must_end;
    uint64_t token; /* of the wake-up that counts */
    struct rk_buf box;
    struct rk_buf taken;
};

struct sim_node {
    struct sim_world *w;
    uint32_t index;
    struct sim_check *check;
    struct sim_disk *disk;
    enum node_state state;
    uint32_t incarnation; /* events of earlier ones are dropped */
    struct rk_mem mem;
    struct rk_core *core;
    struct rk_effects fx;
    struct sim_fx_mark fx_seen; /* by the checker */
    struct rk_disk port;

    /* clocks */
    int64_t boot_us;
    int64_t mono_base_ms;
    int64_t wall_base_ms;
    int64_t now_ms;
    int64_t wall_ms;
    uint32_t clock_rate_permille;
    int64_t frozen_until_us; /* the whole process stands still */
    int64_t tick_due_ms;
    uint64_t tick_token;
    uint64_t steps;

    bool is_turn_due;
    bool is_serving;
    uint32_t crash_turns; /* 0 = off */

    /* the log thread */
    struct node_thread log;
    struct rk_wal *wal;
    rk_zxid log_appended;
    uint64_t log_records;
    bool log_is_full;
    bool is_mark_late; /* commits since the durability mark was told to catch up */
    int64_t log_retry_us;
    char batch_name[SIM_NAME_MAX]; /* the last commit */
    uint64_t batch_start;
    rk_zxid report_durable;
    bool report_is_full;
    bool is_log_report_due;
    rk_zxid seen_durable;
    bool seen_full;

    /* the snapshot thread */
    struct node_thread snap;
    struct rk_snap_writer *writer;
    rk_zxid snap_zxid;
    uint32_t slices_taken; /* reported, not seen */
    uint32_t snaps_done;
    bool snap_is_ok;
    bool is_snap_report_due;
    struct rk_log_slicer *slicer;
    struct rk_buf log_slices; /* read and not handed over yet */
    uint32_t slices_in_flight;
    bool is_slice_due;
    bool is_slice_owed;

    /* start */
    struct node_thread boot;
    enum rk_err boot_err;
    struct rk_recovered recovered;
    struct rk_problem problem;
    bool had_read_fault;

    /* epoch files: of one server a toy, of a member by enum rk_epoch_file */
    int64_t epoch_tried;
    int64_t epoch_done;
    int64_t stored[2]; /* on the disk for good */
    int64_t asked[2];  /* may be on the disk */

    /* a member's other jobs of the log thread: answers not given yet */
    struct rk_buf log_answers;
    bool is_reload_due;
    bool is_reloading;
    int64_t slow_until_us; /* the disk takes its time */
    int32_t fatal;         /* status it ended with, 0: none */
    bool had_fault;        /* of the disk, in this life */
    bool has_no_power;

    /* crashes to come */
    bool is_dying;
    bool is_crash_due; /* wanted by a coroutine: carried out once it has yielded */
    bool died;         /* ... by itself, of an error */
    uint64_t calls;
    uint64_t calls_before; /* counting began */
    uint32_t turns;        /* with effects, since then */
    uint64_t crash_call;
    bool crash_is_after;
    bool was_killed; /* the last end left unsynced files behind */
};

/* node_threads.c */
void rk_node_threads_init(struct sim_node *n);
void rk_node_threads_deinit(struct sim_node *n);
void rk_node_resume(struct sim_node *n, struct node_thread *t);
void rk_node_send(struct sim_node *n, struct node_thread *t, enum node_message kind, int64_t number,
                  uint64_t extra, bool flag, struct rk_bytes bytes);
void rk_node_start_threads(struct sim_node *n);
void rk_node_start_boot(struct sim_node *n);
/* The coroutine that executes now, or NULL. */
struct node_thread *rk_node_running(struct sim_node *n);
void rk_node_sleep(struct sim_node *n, struct node_thread *t, int64_t us);

/* node_member.c: what only a member of an ensemble does */
/* The log thread does one of MSG_STORE_EPOCH and MSG_TRUNCATE. False: the process has to end. */
enum rk_err rk_node_member_job(struct sim_node *n, enum node_message kind, int64_t number,
                               uint64_t extra, bool flag);
void rk_node_give_answers(struct sim_node *n);                  /* of such jobs, as events */
void rk_node_read_log(struct sim_node *n, struct rk_bytes ask); /* the snapshot thread does */
void rk_node_give_slices(struct sim_node *n);
/* EPOCH, TRUNCATE, RELOAD, FATAL and those of channels. */
void rk_node_member_effect(struct sim_node *n, const struct rk_effect *e, struct rk_bytes bytes);
/* Reads the disk into the core, in one go. */
void rk_node_reload(struct sim_node *n);
/* In the boot coroutine, behind rk_recover. */
enum rk_err rk_node_load_epochs(struct sim_node *n);
void rk_node_member_config(struct sim_node *n, struct rk_core_config *config,
                           struct rk_ensemble_config *ens);
void rk_node_member_booted(struct sim_node *n);
struct rk_recover_options rk_node_recover_options(const struct sim_node *n);
/* It stands still: fn is called again when it goes on. */
bool rk_node_postpone(struct sim_node *n, sim_event_fn fn, uint64_t arg);

/* node_disk.c: hooks around every disk call */
void rk_node_set_hooks(struct sim_node *n);

/* node_life.c */
void rk_node_booted(struct sim_node *n);
/* A coroutine has yielded because the process is to end. */
void rk_node_carry_out_crash(struct sim_node *n);

/* node.c */
void rk_node_clock(struct sim_node *n);
void rk_node_step(struct sim_node *n, const struct rk_event *event);
void rk_node_settle(struct sim_node *n);
struct rk_event rk_node_event(struct sim_node *n, enum rk_event_kind kind, rk_conn_id conn);
void rk_node_report_log(struct sim_node *n);
void rk_node_report_snap(struct sim_node *n);
void rk_node_arm_tick(struct sim_node *n);

#endif
