/* Replays the log files behind a snapshot, checking that the history has no hole. */
#ifndef RK_STORE_REPLAY_H
#define RK_STORE_REPLAY_H

#include "store/log_walk.h"
#include "store/recover.h"

struct rk_replay {
    struct rk_log_walk walk; /* rk_log_walk_init'ed at the snapshot */
    const struct rk_recover_options *options;
    const struct rk_restore_sink *sink;
    uint64_t txn_count;
};

/* Feeds every transaction behind the snapshot to the sink, in order, and makes durable what was
 * read. RK_ERR_CORRUPT with *ret_problem. */
enum rk_err rk_replay_logs(struct rk_replay *r, struct rk_problem *ret_problem) RK_MUST_CHECK;

#endif
