/* Replay. Guarantees that what reaches the sink is, from the snapshot on, every transaction in
 * order: within an epoch each zxid is the one before plus 1, an epoch begins with counter 1. What
 * stops a file (torn tail, damage) matters only if it can hide a transaction that the snapshot does
 * not hold and that no later file continues from:
 *
 *   behind the stop at zxid L      torn tail           damage, not proven      damage, proven
 *   next file begins <= snap + 1   fine                fine                    fine
 *   next file begins at L + 1      recovered before    recovered before        stop
 *   next file begins an epoch      fine                stop                    stop
 *   no next file                   fine                stop                    stop
 *
 * "Recovered before": the server that wrote the next file had read this one up to L and no further,
 * so what lay behind was not part of its history. Only proof that it had been acknowledged weighs
 * more. */
#include "store/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WHAT_TO_DO                                                                                 \
    "Restore the file from a backup, or empty the data directory if other servers hold the data; " \
    "-Drookery.allowHoles=true starts with what can be read."

void rk_problem_set(struct rk_problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->text, sizeof(p->text), format, args); /* cut if it does not fit */
    va_end(args);
}

static enum rk_err set_damaged(const struct rk_replay *r, struct rk_problem *ret_problem)
{
    rk_problem_set(
        ret_problem,
        "%s is damaged at offset %llu, behind zxid 0x%llx: %s, and this is no torn tail: %s. %s",
        r->tail_file, (unsigned long long)r->tail.offset, (unsigned long long)r->tail_zxid,
        r->tail.why, r->tail.evidence, WHAT_TO_DO);
    return RK_ERR_CORRUPT;
}

static bool continues(rk_zxid last, rk_zxid next)
{
    return next == last + 1 ||
           (RK_ZXID_EPOCH(next) > RK_ZXID_EPOCH(last) && RK_ZXID_COUNTER(next) == 1);
}

/* Whether the transaction next, the first behind what is known, may follow; file is where it is. */
static enum rk_err check_next(struct rk_replay *r, rk_zxid next, const char *file,
                              struct rk_problem *ret_problem)
{
    bool has_damage = r->has_tail && r->tail.verdict == RK_WAL_TAIL_DAMAGED;
    if (r->options->allow_holes) {
        r->has_tail = false;
        return RK_OK;
    }
    /* The snapshot covers whatever the stop hid, unless that surely went further. */
    if (next == r->snapshot_zxid + 1 && !(r->tail.is_proven && r->tail.evidence_zxid >= next)) {
        has_damage = false;
    }
    if (has_damage && (r->tail.is_proven || next != r->last_zxid + 1)) {
        return set_damaged(r, ret_problem);
    }
    if (!continues(r->last_zxid, next)) {
        rk_problem_set(
            ret_problem,
            "transactions are missing: zxid 0x%llx is followed by 0x%llx in %s%s%s. %s",
            (unsigned long long)r->last_zxid, (unsigned long long)next, file,
            r->has_tail && r->tail.verdict == RK_WAL_TAIL_TORN ? "; records end early in " : "",
            r->has_tail && r->tail.verdict == RK_WAL_TAIL_TORN ? r->tail_file : "", WHAT_TO_DO);
        return RK_ERR_CORRUPT;
    }
    if (r->has_tail && r->tail.verdict != RK_WAL_TAIL_CLEAN) {
        memcpy(r->torn_file, r->tail_file, sizeof(r->torn_file));
        r->torn_offset = r->tail.offset;
    }
    r->has_tail = false;
    return RK_OK;
}

static enum rk_err feed(struct rk_replay *r, const struct rk_wal_record *record, const char *file,
                        uint64_t offset, struct rk_problem *ret_problem)
{
    struct rk_txn txn;
    enum rk_err err = check_next(r, record->zxid, file, ret_problem);
    if (err != RK_OK) {
        return err;
    }
    rk_arena_reset(&r->arena);
    err = rk_txn_decode(record->payload, &r->arena, r->options->record_bytes_max, &txn);
    if (err != RK_OK) {
        rk_problem_set(
            ret_problem,
            "%s holds a transaction at offset %llu (zxid 0x%llx) that cannot be read: %s. It was "
            "written whole; a lower jute.maxbuffer than before or a newer release explain it.",
            file, (unsigned long long)offset, (unsigned long long)record->zxid, rk_err_text(err));
        return RK_ERR_CORRUPT;
    }
    err = r->sink->txn(r->sink->ctx, &txn, record->payload);
    if (err != RK_OK) {
        rk_problem_set(
            ret_problem, "%s: the transaction at offset %llu (zxid 0x%llx) cannot be applied: %s",
            file, (unsigned long long)offset, (unsigned long long)record->zxid, rk_err_text(err));
        return err;
    }
    r->last_zxid = record->zxid;
    r->txn_count++;
    return RK_OK;
}

/* What was read may still be in memory only; it is acted upon from now on, so it must last. */
static enum rk_err make_durable(struct rk_replay *r, struct rk_wal_scan *scan, const char *file,
                                struct rk_problem *ret_problem)
{
    enum rk_err err = r->disk->ops->sync(r->disk->ctx, scan->window.file);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be synced: %s", file, rk_err_text(err));
    }
    return err;
}

static enum rk_err replay_records(struct rk_replay *r, struct rk_wal_scan *scan, const char *file,
                                  struct rk_problem *ret_problem)
{
    rk_zxid last_here = -1;
    for (;;) {
        enum rk_wal_step step;
        struct rk_wal_record record;
        uint64_t offset = scan->pos;
        enum rk_err err = rk_wal_scan_next(scan, last_here, &step, &record);
        if (err != RK_OK) {
            rk_problem_set(ret_problem, "%s cannot be read at offset %llu: %s", file,
                           (unsigned long long)offset, rk_err_text(err));
            return err;
        }
        if (step == RK_WAL_STEP_STOP) {
            break;
        }
        last_here = record.zxid;
        /* ZK applies a transaction again that comes twice; to skip it is the same. */
        if (record.zxid > r->last_zxid) {
            err = feed(r, &record, file, offset, ret_problem);
        }
        if (err != RK_OK) {
            return err;
        }
    }
    struct rk_wal_tail tail;
    enum rk_err err = rk_wal_scan_judge(scan, last_here, &tail);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be read: %s", file, rk_err_text(err));
        return err;
    }
    /* A file that gave nothing new does not make up for what stopped the one before. */
    if (!r->has_tail || tail.verdict > r->tail.verdict) {
        r->has_tail = true;
        r->tail = tail;
        r->tail_zxid = last_here < 0 ? 0 : last_here;
        memcpy(r->tail_file, file, strlen(file) + 1);
    }
    return make_durable(r, scan, file, ret_problem);
}

static enum rk_err replay_file(struct rk_replay *r, const char *file,
                               struct rk_problem *ret_problem)
{
    struct rk_wal_scan scan;
    enum rk_err err = rk_wal_scan_open(&scan, r->mem, r->disk, file);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be opened: %s", file, rk_err_text(err));
        return err;
    }
    err = replay_records(r, &scan, file, ret_problem);
    rk_wal_scan_close(&scan);
    return err;
}

/* What the end of the last file says. */
static enum rk_err check_end(struct rk_replay *r, struct rk_problem *ret_problem)
{
    if (!r->has_tail || r->tail.verdict == RK_WAL_TAIL_CLEAN) {
        return RK_OK;
    }
    if (r->tail.verdict == RK_WAL_TAIL_DAMAGED && !r->options->allow_holes) {
        return set_damaged(r, ret_problem);
    }
    memcpy(r->torn_file, r->tail_file, sizeof(r->torn_file));
    r->torn_offset = r->tail.offset;
    return RK_OK;
}

enum rk_err rk_replay_logs(struct rk_replay *r, const struct rk_store_names *logs,
                           struct rk_problem *ret_problem)
{
    /* ZK: FileTxnLog.getLogFiles: the last file that begins at or before the snapshot, and all
     * behind. */
    uint32_t first = 0;
    for (uint32_t i = 0; i < logs->count; i++) {
        if (logs->items[i].zxid <= r->snapshot_zxid) {
            first = i;
        }
    }
    enum rk_err err = RK_OK;
    rk_arena_init(&r->arena, r->mem);
    for (uint32_t i = first; i < logs->count && err == RK_OK; i++) {
        err = replay_file(r, logs->items[i].name, ret_problem);
    }
    if (err == RK_OK) {
        err = check_end(r, ret_problem);
    }
    rk_arena_deinit(&r->arena);
    return err;
}
