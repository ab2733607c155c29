/* The log thread: takes what the core appended, makes it durable with one commit per wake-up (group
 * commit) and says how far it got; in an ensemble it also writes the epoch files and cuts the log,
 * in the order in which that was asked for. A full device is waited out; any other failure ends the
 * process with one line and status 10, because nothing may be acknowledged after it. */
#ifndef RK_SHELL_LOG_THREAD_H
#define RK_SHELL_LOG_THREAD_H

#include "core/event.h"
#include "core/metrics.h"
#include "shell/log.h"
#include "store/wal.h"

#include <uv.h>

#define RK_EXIT_STORAGE 10 /* spec-quorum A11: error taking snapshot or transaction log */

struct rk_log_thread_config {
    struct rk_wal_options wal;
    uint64_t reserve_bytes;
    int64_t fsync_warn_ms;
    int64_t retry_ms; /* while the device is full */
    size_t queue_bytes_max;
};

struct rk_log_thread;

/* What the thread tells, copied out. */
struct rk_log_report {
    rk_zxid durable; /* 0: nothing yet; goes back when the log is cut */
    bool is_full;
    struct rk_summary commit_us;
    struct rk_summary commit_records;
};

/* An epoch file was written, or the log was cut. */
struct rk_log_done {
    enum rk_event_kind kind; /* RK_EV_EPOCH_STORED, RK_EV_TRUNCATED */
    enum rk_epoch_file file;
    int64_t number;  /* epoch; zxid as asked for */
    bool is_ok;      /* TRUNCATED */
    rk_zxid durable; /* so far just before; as in the report */
};

#define RK_LOG_DONE_MAX 64u /* asked for and not answered; the core has a handful */

/* news is uv_async_sent whenever the report changed. NULL without memory or without a thread. */
struct rk_log_thread *rk_log_thread_create(struct rk_mem *mem,
                                           const struct rk_log_thread_config *config,
                                           const struct rk_disk *disk, struct rk_log *log,
                                           uv_async_t *news);
/* Commits what was sent (unless the device is full) and joins. Accepts NULL. */
void rk_log_thread_destroy(struct rk_log_thread *t);

/* In this order, on the loop thread: begin, any number of append, roll, epoch and truncate, end;
 * and wake before the loop waits for anything. */
void rk_log_thread_begin(struct rk_log_thread *t);
void rk_log_thread_append(struct rk_log_thread *t, rk_zxid zxid, struct rk_bytes payload);
void rk_log_thread_roll(struct rk_log_thread *t);
/* Everything appended before it is durable first. */
void rk_log_thread_epoch(struct rk_log_thread *t, enum rk_epoch_file file, int64_t epoch);
/* As rk_wal_truncate. No purge and no snapshot may be under way until it is done. */
void rk_log_thread_truncate(struct rk_log_thread *t, rk_zxid zxid, enum rk_cut cut);
void rk_log_thread_end(struct rk_log_thread *t);
void rk_log_thread_wake(struct rk_log_thread *t);

void rk_log_thread_report(struct rk_log_thread *t, struct rk_log_report *ret);
/* The next one in order, once; false: there is none. To be asked for before the report, which may
 * be newer. */
bool rk_log_thread_next_done(struct rk_log_thread *t, struct rk_log_done *ret);
/* Starts the summaries anew. */
void rk_log_thread_reset_report(struct rk_log_thread *t);

#endif
