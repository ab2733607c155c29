/* Walking the logs. Guarantees that what comes out is, from the base on, every transaction in
 * order: within an epoch each zxid is the one before plus 1, an epoch begins with counter 1. What
 * stops a file (torn tail, damage) matters only if it can hide a transaction that the base does not
 * hold and that no later file continues from:
 *
 *   behind the stop at zxid L      torn tail           damage, not proven      damage, proven
 *   next file begins <= base + 1   fine                fine                    fine
 *   next file begins at L + 1      recovered before    recovered before        stop
 *   next file begins an epoch      fine                stop                    stop
 *   no next file                   fine                stop                    stop
 *
 * "Recovered before": the server that wrote the next file had read this one up to L and no further,
 * so what lay behind was not part of its history. Only proof that it had been acknowledged weighs
 * more. */
#include "store/log_walk.h"
#include "base/bug.h"

#include <string.h>

#define WHAT_TO_DO                                                                                 \
    "Restore the file from a backup, or empty the data directory if other servers hold the data; " \
    "-Drookery.allowHoles=true starts with what can be read."

void rk_log_walk_init(struct rk_log_walk *w, struct rk_mem *mem, const struct rk_disk *disk,
                      const struct rk_store_names *logs, rk_zxid base_zxid)
{
    *w = (struct rk_log_walk){.mem = mem,
                              .disk = disk,
                              .logs = logs,
                              .has_base = true,
                              .base_zxid = base_zxid,
                              .end_zxid = INT64_MAX,
                              .last_zxid = base_zxid};
    /* ZK: FileTxnLog.getLogFiles: the last file that begins at or before the snapshot, and all
     * behind. */
    for (uint32_t i = 0; i < logs->count; i++) {
        if (logs->items[i].zxid <= base_zxid) {
            w->next_file = i;
        }
    }
}

static void close_file(struct rk_log_walk *w)
{
    if (w->is_open) {
        rk_wal_scan_close(&w->scan);
        w->is_open = false;
    }
}

void rk_log_walk_deinit(struct rk_log_walk *w)
{
    close_file(w);
}

/* -- Judging
 * ---------------------------------------------------------------------------------------- */

static enum rk_err set_damaged(const struct rk_log_walk *w, struct rk_problem *ret_problem)
{
    rk_problem_set(
        ret_problem,
        "%s is damaged at offset %llu, behind zxid 0x%llx: %s, and this is no torn tail: %s. %s",
        w->tail_file, (unsigned long long)w->tail.offset, (unsigned long long)w->tail_zxid,
        w->tail.why, w->tail.evidence, WHAT_TO_DO);
    return RK_ERR_CORRUPT;
}

static bool continues(rk_zxid last, rk_zxid next)
{
    return next == last + 1 ||
           (RK_ZXID_EPOCH(next) > RK_ZXID_EPOCH(last) && RK_ZXID_COUNTER(next) == 1);
}

static void note_torn(struct rk_log_walk *w)
{
    memcpy(w->torn_file, w->tail_file, sizeof(w->torn_file));
    w->torn_offset = w->tail.offset;
}

/* Without a base any record may begin the sequence, but not if one before it was lost. */
static enum rk_err check_first(struct rk_log_walk *w, struct rk_problem *ret_problem)
{
    if (w->has_tail && w->tail.verdict == RK_WAL_TAIL_DAMAGED && !w->allow_holes) {
        return set_damaged(w, ret_problem);
    }
    w->has_base = true;
    w->has_tail = false;
    return RK_OK;
}

/* Whether the transaction next, the first behind what is known, may follow. */
static enum rk_err check_next(struct rk_log_walk *w, rk_zxid next, struct rk_problem *ret_problem)
{
    bool has_damage = w->has_tail && w->tail.verdict == RK_WAL_TAIL_DAMAGED;
    if (w->allow_holes) {
        w->has_tail = false;
        return RK_OK;
    }
    /* The base covers whatever the stop hid, unless that surely went further. */
    if (next == w->base_zxid + 1 && !(w->tail.is_proven && w->tail.evidence_zxid >= next)) {
        has_damage = false;
    }
    if (has_damage && (w->tail.is_proven || next != w->last_zxid + 1)) {
        return set_damaged(w, ret_problem);
    }
    if (!continues(w->last_zxid, next)) {
        rk_problem_set(
            ret_problem,
            "transactions are missing: zxid 0x%llx is followed by 0x%llx in %s%s%s. %s",
            (unsigned long long)w->last_zxid, (unsigned long long)next, w->file,
            w->has_tail && w->tail.verdict == RK_WAL_TAIL_TORN ? "; records end early in " : "",
            w->has_tail && w->tail.verdict == RK_WAL_TAIL_TORN ? w->tail_file : "", WHAT_TO_DO);
        return RK_ERR_NOT_FOUND;
    }
    if (w->has_tail && w->tail.verdict != RK_WAL_TAIL_CLEAN) {
        note_torn(w);
    }
    w->has_tail = false;
    return RK_OK;
}

/* What the end of the last file says. */
static enum rk_err check_end(struct rk_log_walk *w, struct rk_problem *ret_problem)
{
    if (!w->has_tail || w->tail.verdict == RK_WAL_TAIL_CLEAN) {
        return RK_ERR_END;
    }
    if (w->tail.verdict == RK_WAL_TAIL_DAMAGED && !w->allow_holes) {
        return set_damaged(w, ret_problem);
    }
    note_torn(w);
    return RK_ERR_END;
}

/* -- Reading
 * ---------------------------------------------------------------------------------------- */

static enum rk_err open_file(struct rk_log_walk *w, struct rk_problem *ret_problem)
{
    const char *name = w->logs->items[w->next_file++].name;
    memcpy(w->file, name, strlen(name) + 1);
    enum rk_err err = rk_wal_scan_open(&w->scan, w->mem, w->disk, name);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be opened: %s", name, rk_err_text(err));
        return err;
    }
    w->is_open = true;
    w->last_here = -1;
    return RK_OK;
}

static void note_tail(struct rk_log_walk *w, const struct rk_wal_tail *tail)
{
    if (tail->is_cut && !w->has_cut) {
        w->has_cut = true;
        w->cut_name_zxid = w->scan.name_zxid;
        w->cut_zxid = w->last_here;
    }
    /* A file that gave nothing new does not make up for what stopped the one before. */
    if (!w->has_tail || tail->verdict > w->tail.verdict) {
        w->has_tail = true;
        w->tail = *tail;
        w->tail_zxid = w->last_here < 0 ? 0 : w->last_here;
        memcpy(w->tail_file, w->file, sizeof(w->tail_file));
    }
}

/* The records of the open file end. */
static enum rk_err leave_file(struct rk_log_walk *w, struct rk_problem *ret_problem)
{
    struct rk_wal_tail tail;
    enum rk_err err = rk_wal_scan_judge(&w->scan, w->last_here, &tail);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be read: %s", w->file, rk_err_text(err));
        return err;
    }
    if (RK_BUG(DAMAGE_IS_TORN) && tail.verdict == RK_WAL_TAIL_DAMAGED) {
        tail.verdict = RK_WAL_TAIL_TORN;
    } else if (RK_BUG(TORN_TAIL_FATAL) && tail.verdict == RK_WAL_TAIL_TORN) {
        tail.verdict = RK_WAL_TAIL_DAMAGED;
    }
    note_tail(w, &tail);
    /* What was read may still be in memory only; it is acted upon from now on, so it must last. */
    err = w->is_synced ? w->disk->ops->sync(w->disk->ctx, w->scan.window.file) : RK_OK;
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be synced: %s", w->file, rk_err_text(err));
        return err;
    }
    close_file(w);
    return RK_OK;
}

/* The next record of the open file, new or not; false at its end. */
static enum rk_err read_record(struct rk_log_walk *w, bool *ret_is_record,
                               struct rk_wal_record *ret, struct rk_problem *ret_problem)
{
    enum rk_wal_step step;
    w->offset = w->scan.pos;
    enum rk_err err = rk_wal_scan_next(&w->scan, w->last_here, &step, ret);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s cannot be read at offset %llu: %s", w->file,
                       (unsigned long long)w->offset, rk_err_text(err));
        return err;
    }
    *ret_is_record = step == RK_WAL_STEP_RECORD;
    return RK_OK;
}

enum rk_err rk_log_walk_next(struct rk_log_walk *w, struct rk_wal_record *ret,
                             struct rk_problem *ret_problem)
{
    while (w->last_zxid < w->end_zxid) {
        bool is_record = false;
        if (!w->is_open && w->next_file == w->logs->count) {
            return check_end(w, ret_problem);
        }
        enum rk_err err = w->is_open ? RK_OK : open_file(w, ret_problem);
        if (err == RK_OK) {
            err = read_record(w, &is_record, ret, ret_problem);
        }
        if (err == RK_OK && !is_record) {
            err = leave_file(w, ret_problem);
        }
        if (err != RK_OK) {
            return err;
        }
        if (is_record && ret->zxid > w->end_zxid) {
            return check_end(w, ret_problem);
        }
        if (!is_record) {
            continue;
        }
        w->last_here = ret->zxid;
        /* ZK applies a transaction again that comes twice; to skip it is the same. */
        if (ret->zxid <= w->last_zxid) {
            continue;
        }
        err = w->has_base ? check_next(w, ret->zxid, ret_problem) : check_first(w, ret_problem);
        if (err == RK_OK) {
            w->last_zxid = ret->zxid;
        }
        return err;
    }
    return RK_ERR_END;
}
