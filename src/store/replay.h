/* Replays the log files behind a snapshot, checking that the history has no hole. */
#ifndef RK_STORE_REPLAY_H
#define RK_STORE_REPLAY_H

#include "store/names.h"
#include "store/recover.h"
#include "store/wal_scan.h"

struct rk_replay {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    const struct rk_recover_options *options;
    const struct rk_restore_sink *sink;
    struct rk_arena arena;
    rk_zxid snapshot_zxid; /* everything up to here is known already */
    rk_zxid last_zxid;     /* of what is known so far */
    uint64_t txn_count;

    /* Where the last file read stopped. */
    bool has_tail;
    char tail_file[RK_STORE_NAME_MAX];
    struct rk_wal_tail tail;
    rk_zxid tail_zxid; /* the last good one of that file, 0 if none */

    char torn_file[RK_STORE_NAME_MAX]; /* the last torn tail passed over */
    uint64_t torn_offset;
};

/* Feeds every transaction behind snapshot_zxid to the sink, in order. RK_ERR_CORRUPT with
 * *ret_problem. */
enum rk_err rk_replay_logs(struct rk_replay *r, const struct rk_store_names *logs,
                           struct rk_problem *ret_problem) RK_MUST_CHECK;

/* printf into a problem; cut if it does not fit. */
void rk_problem_set(struct rk_problem *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
