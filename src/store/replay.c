/* Replay. Guarantees that what reaches the sink is, from the snapshot on, every transaction in
 * order (log_walk.c), decoded. */
#include "store/replay.h"

static enum rk_err feed(struct rk_replay *r, const struct rk_wal_record *record,
                        struct rk_arena *arena, struct rk_problem *ret_problem)
{
    struct rk_txn txn;
    rk_arena_reset(arena);
    enum rk_err err = rk_txn_decode(record->payload, arena, r->options->record_bytes_max, &txn);
    if (err != RK_OK) {
        rk_problem_set(
            ret_problem,
            "%s holds a transaction at offset %llu (zxid 0x%llx) that cannot be read: %s. It was "
            "written whole; a lower jute.maxbuffer than before or a newer release explain it.",
            r->walk.file, (unsigned long long)r->walk.offset, (unsigned long long)record->zxid,
            rk_err_text(err));
        return RK_ERR_CORRUPT;
    }
    err = r->sink->txn(r->sink->ctx, &txn, record->payload);
    if (err != RK_OK) {
        rk_problem_set(ret_problem,
                       "%s: the transaction at offset %llu (zxid 0x%llx) cannot be applied: %s",
                       r->walk.file, (unsigned long long)r->walk.offset,
                       (unsigned long long)record->zxid, rk_err_text(err));
        return err;
    }
    r->txn_count++;
    return RK_OK;
}

enum rk_err rk_replay_logs(struct rk_replay *r, struct rk_problem *ret_problem)
{
    struct rk_arena arena;
    struct rk_wal_record record;
    rk_arena_init(&arena, r->walk.mem);
    r->walk.allow_holes = r->options->allow_holes;
    r->walk.is_synced = true;
    enum rk_err err = RK_OK;
    while (err == RK_OK) {
        err = rk_log_walk_next(&r->walk, &record, ret_problem);
        if (err == RK_ERR_END) {
            err = RK_OK;
            break;
        }
        if (err == RK_ERR_NOT_FOUND) {
            err = RK_ERR_CORRUPT; /* a hole */
        }
        if (err == RK_OK) {
            err = feed(r, &record, &arena, ret_problem);
        }
    }
    rk_arena_deinit(&arena);
    return err;
}
