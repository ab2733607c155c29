/* Truncation. Guarantees that a loss of power at any call leaves a set of files that starts and
 * whose history is the one from before or a part of it that reaches at least to zxid; and that when
 * it returns RK_OK no record, snapshot, unfinished snapshot or mark on the disk is newer than zxid.
 *
 *   0  Nothing is touched unless the state at zxid can be had from what stays: a snapshot at or
 * before it that was read to its end, if newer ones have to go, and logs without a hole from there.
 *   1  Durability marks that would call the rest damage go, durably.
 *   2  Torn or damaged ends of logs that will be the last ones are cut off: a log behind them
 * excuses them, without it they might be taken for a loss. 3  Newer snapshots go. The logs still
 * reach as far as any of them. 4  Newer logs go, newest first, each durably before the next: no
 * hole at any time. 5  What is newer in the log that holds zxid is cut off.
 *
 * Where the logs behind zxid have a hole that a newer snapshot covers (the server got that snapshot
 * from a leader), 3 comes last: until then the newest snapshot is the state, without any log.
 *
 * ZK: FileTxnLog.truncate, which leaves snapshots alone (ZOOKEEPER-4837) and syncs nothing. */
#include "store/wal_truncate.h"
#include "base/bug.h"

#include "store/log_walk.h"
#include "store/snap_source.h"

#define LIMIT_BYTES                                                                                \
    ((uint32_t)INT32_MAX) /* lengths were checked when it was written and will be when read */

struct rk_cut_log {
    bool has_older; /* records up to zxid; the last one of them ends at end */
    bool has_newer;
    bool is_ragged;  /* no newer record, but a bad end that must go */
    bool is_damaged; /* and it may hide newer ones */
    uint64_t end;
    rk_zxid last_zxid;
    int64_t dbid;
};

/* -- The plan
 * --------------------------------------------------------------------------------------- */

static enum rk_err list_files(struct rk_cut *c)
{
    enum rk_err err =
        rk_store_names_list(c->mem, c->disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &c->snapshots);
    if (err == RK_OK) {
        err = rk_store_names_list(c->mem, c->disk, RK_DIR_SNAP, RK_NAME_SNAP_PART, &c->parts);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(c->mem, c->disk, RK_DIR_LOG, RK_NAME_LOG, &c->logs);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(c->mem, c->disk, RK_DIR_LOG, RK_NAME_MARK, &c->marks);
    }
    if (err == RK_OK && c->logs.count > 0) {
        c->plan = rk_mem_zalloc(c->mem, c->logs.count * sizeof(*c->plan));
        err = c->plan == NULL ? RK_ERR_NOMEM : RK_OK;
    }
    return err;
}

/* Looks through a log up to its first record behind zxid. */
static enum rk_err look_at_log(const struct rk_cut *c, const char *name, struct rk_cut_log *ret)
{
    struct rk_wal_scan scan;
    struct rk_wal_record record;
    enum rk_wal_step step = RK_WAL_STEP_RECORD;
    rk_zxid last = -1;
    enum rk_err err = rk_wal_scan_open(&scan, c->mem, c->disk, name);
    if (err != RK_OK) {
        return err;
    }
    *ret = (struct rk_cut_log){.dbid = scan.dbid};
    while (err == RK_OK && step == RK_WAL_STEP_RECORD && !ret->has_newer) {
        err = rk_wal_scan_next(&scan, last, &step, &record);
        if (err != RK_OK || step != RK_WAL_STEP_RECORD) {
            continue;
        }
        last = record.zxid;
        ret->has_newer = record.zxid > c->zxid;
        if (!ret->has_newer) {
            ret->has_older = true;
            ret->end = scan.pos;
            ret->last_zxid = record.zxid;
        }
    }
    if (err == RK_OK && !ret->has_newer) {
        struct rk_wal_tail tail;
        err = rk_wal_scan_judge(&scan, last, &tail);
        ret->is_ragged = err == RK_OK && (tail.verdict != RK_WAL_TAIL_CLEAN || !ret->has_older);
        ret->is_damaged = err == RK_OK && tail.verdict == RK_WAL_TAIL_DAMAGED;
    }
    rk_wal_scan_close(&scan);
    return err;
}

/* What is to become of every log that is read behind a snapshot of base_zxid. */
static enum rk_err plan_logs(struct rk_cut *c, rk_zxid base_zxid)
{
    bool is_last = true;
    c->last_zxid = 0;
    c->first = 0;
    for (uint32_t i = 0; i < c->logs.count; i++) {
        if (c->logs.items[i].zxid <= base_zxid) {
            c->first = i;
        }
    }
    for (uint32_t i = c->logs.count; i-- > c->first;) {
        struct rk_cut_log *log = &c->plan[i];
        if (c->logs.items[i].zxid > c->zxid) {
            *log = (struct rk_cut_log){.has_newer = true};
            continue;
        }
        enum rk_err err = look_at_log(c, c->logs.items[i].name, log);
        if (err != RK_OK) {
            return err;
        }
        log->is_ragged = log->is_ragged && is_last;
        log->is_damaged = log->is_damaged && is_last;
        is_last = is_last && !log->has_older;
        c->last_zxid = log->last_zxid > c->last_zxid ? log->last_zxid : c->last_zxid;
    }
    return RK_OK;
}

static bool is_finished(const struct rk_store_name *snapshot)
{
    return !rk_store_name_is_unfinished(snapshot->name);
}

static bool has_newer(const struct rk_cut *c, const struct rk_store_names *names)
{
    return names->count > 0 && names->items[names->count - 1].zxid > c->zxid;
}

static bool has_newer_snapshot(const struct rk_cut *c)
{
    for (uint32_t i = 0; i < c->snapshots.count; i++) {
        if (c->snapshots.items[i].zxid > c->zxid && is_finished(&c->snapshots.items[i])) {
            return true;
        }
    }
    return false;
}

static bool may_have_newer_log(const struct rk_cut *c)
{
    for (uint32_t i = c->first; i < c->logs.count; i++) {
        if (c->plan[i].has_newer || c->plan[i].is_damaged) {
            return true;
        }
    }
    return false;
}

/* Whether the logs lead from base_zxid to exactly zxid, and whether there is no hole behind that.
 */
static enum rk_err follow_logs(const struct rk_cut *c, rk_zxid base_zxid, bool *ret_is_there,
                               bool *ret_is_whole)
{
    struct rk_log_walk walk;
    struct rk_wal_record record;
    struct rk_problem problem;
    enum rk_err err = RK_OK;
    rk_log_walk_init(&walk, c->mem, c->disk, &c->logs, base_zxid);
    *ret_is_there = false;
    while (err == RK_OK) {
        *ret_is_there = *ret_is_there || walk.last_zxid == c->zxid;
        err = rk_log_walk_next(&walk, &record, &problem);
    }
    rk_log_walk_deinit(&walk);
    *ret_is_whole = err == RK_ERR_END;
    bool is_told = err == RK_ERR_END || err == RK_ERR_CORRUPT || err == RK_ERR_NOT_FOUND;
    return is_told ? RK_OK : err;
}

/* The newest snapshot at or before zxid, below index below; false if there is none. */
static bool find_older(const struct rk_cut *c, uint32_t below, uint32_t *ret_index)
{
    for (uint32_t i = below; i-- > 0;) {
        if (c->snapshots.items[i].zxid <= c->zxid && is_finished(&c->snapshots.items[i])) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* The snapshot from which the next start will begin: the newest that stays and is whole. */
static enum rk_err find_base(const struct rk_cut *c, rk_zxid *ret_zxid)
{
    uint32_t index = c->snapshots.count;
    while (find_older(c, index, &index)) {
        struct rk_snap_info info;
        const char *why;
        const struct rk_store_name *item = &c->snapshots.items[index];
        enum rk_err err = rk_snap_read(c->mem, c->disk, item->name, LIMIT_BYTES, NULL, &info, &why);
        if (err == RK_OK) {
            *ret_zxid = item->zxid;
            return RK_OK;
        }
        if (err == RK_ERR_NOMEM) {
            return err;
        }
    }
    return RK_ERR_NOT_FOUND;
}

static enum rk_err check_base(struct rk_cut *c, rk_zxid base_zxid)
{
    bool is_there = false;
    bool is_whole = false;
    enum rk_err err = follow_logs(c, base_zxid, &is_there, &is_whole);
    c->logs_first = !is_whole;
    return err == RK_OK && !is_there ? RK_ERR_NOT_FOUND : err;
}

enum rk_err rk_cut_plan(struct rk_cut *c, struct rk_mem *mem, const struct rk_disk *disk,
                        rk_zxid zxid)
{
    uint32_t index = 0;
    *c = (struct rk_cut){.mem = mem,
                         .disk = disk,
                         .zxid = zxid,
                         .snapshots = {.mem = mem},
                         .parts = {.mem = mem},
                         .logs = {.mem = mem},
                         .marks = {.mem = mem}};
    enum rk_err err = zxid < 0 ? RK_ERR_NOT_FOUND : list_files(c);
    if (err != RK_OK) {
        return err;
    }
    /* By its name for now. Logs alone begin with an empty state, if they could be started from. */
    rk_zxid base_zxid =
        find_older(c, c->snapshots.count, &index) ? c->snapshots.items[index].zxid : 0;
    err = plan_logs(c, base_zxid);
    if (err != RK_OK) {
        return err;
    }
    c->has_work = has_newer(c, &c->snapshots) || has_newer(c, &c->parts) || may_have_newer_log(c);
    bool is_relied_on = has_newer_snapshot(c);
    if (is_relied_on) {
        rk_zxid by_name = base_zxid;
        err = find_base(c, &base_zxid);
        if (err == RK_OK && base_zxid != by_name) {
            err = plan_logs(c, base_zxid);
        }
    }
    if (err == RK_OK && (is_relied_on || may_have_newer_log(c))) {
        err = check_base(c, base_zxid);
    }
    return err;
}

void rk_cut_deinit(struct rk_cut *c)
{
    if (c->plan != NULL) {
        rk_mem_free(c->mem, c->plan, c->logs.count * sizeof(*c->plan));
        c->plan = NULL;
    }
    rk_store_names_deinit(&c->snapshots);
    rk_store_names_deinit(&c->parts);
    rk_store_names_deinit(&c->logs);
    rk_store_names_deinit(&c->marks);
}

/* -- Its execution
 * ---------------------------------------------------------------------------------- */

static enum rk_err drop(const struct rk_cut *c, enum rk_disk_dir dir, const char *name)
{
    enum rk_err err = c->disk->ops->unlink(c->disk->ctx, dir, name);
    return err == RK_ERR_NOT_FOUND ? RK_OK : err;
}

static enum rk_err drop_durably(const struct rk_cut *c, enum rk_disk_dir dir, const char *name)
{
    enum rk_err err = drop(c, dir, name);
    return err == RK_OK ? c->disk->ops->sync_dir(c->disk->ctx, dir) : err;
}

static bool is_touched(const struct rk_cut *c, rk_zxid name_zxid)
{
    for (uint32_t i = c->first; i < c->logs.count; i++) {
        if (c->logs.items[i].zxid == name_zxid && (c->plan[i].has_newer || c->plan[i].is_ragged)) {
            return true;
        }
    }
    return false;
}

/* What cannot be read may say anything. */
static enum rk_err drop_marks(const struct rk_cut *c)
{
    for (uint32_t i = 0; i < c->marks.count; i++) {
        struct rk_wal_mark mark;
        const struct rk_store_name *item = &c->marks.items[i];
        enum rk_err err = rk_wal_mark_read(c->disk, item->name, &mark);
        if (err == RK_OK && mark.zxid <= c->zxid && !is_touched(c, item->zxid)) {
            continue;
        }
        err = drop(c, RK_DIR_LOG, item->name);
        if (err != RK_OK) {
            return err;
        }
    }
    return c->disk->ops->sync_dir(c->disk->ctx, RK_DIR_LOG);
}

static enum rk_err drop_newer(const struct rk_cut *c, const struct rk_store_names *names)
{
    enum rk_err err = RK_OK;
    for (uint32_t i = names->count; i-- > 0 && err == RK_OK;) {
        if (names->items[i].zxid > c->zxid) {
            err = drop_durably(c, RK_DIR_SNAP, names->items[i].name);
        }
    }
    return err;
}

static enum rk_err drop_snapshots(const struct rk_cut *c)
{
    enum rk_err err = drop_newer(c, &c->parts);
    return err == RK_OK && !RK_BUG(TRUNC_KEEPS_SNAPSHOTS) ? drop_newer(c, &c->snapshots) : err;
}

static enum rk_err shorten(const struct rk_cut *c, const char *name, uint64_t size)
{
    const struct rk_disk_ops *ops = c->disk->ops;
    rk_file file;
    enum rk_err err = ops->open(c->disk->ctx, RK_DIR_LOG, name, RK_OPEN_MODIFY, &file);
    if (err != RK_OK) {
        return err;
    }
    err = ops->truncate(c->disk->ctx, file, size);
    if (err == RK_OK) {
        err = ops->sync(c->disk->ctx, file);
    }
    ops->close(c->disk->ctx, file);
    return err;
}

/* A log without any record says nothing, and its name would be taken for a transaction
 * (spec-quorum A2.6, getLastLoggedZxid). */
static enum rk_err cut_log(const struct rk_cut *c, uint32_t i)
{
    const char *name = c->logs.items[i].name;
    return c->plan[i].has_older ? shorten(c, name, c->plan[i].end)
                                : drop_durably(c, RK_DIR_LOG, name);
}

static enum rk_err smooth_logs(const struct rk_cut *c)
{
    enum rk_err err = RK_OK;
    for (uint32_t i = c->logs.count; i-- > c->first && err == RK_OK;) {
        if (c->plan[i].is_ragged) {
            err = cut_log(c, i);
        }
    }
    return err;
}

static enum rk_err cut_logs(const struct rk_cut *c)
{
    enum rk_err err = RK_OK;
    for (uint32_t i = c->logs.count; i-- > c->first && err == RK_OK;) {
        if (c->plan[i].has_newer) {
            err = cut_log(c, i);
        }
    }
    return err;
}

/* As after a commit: evidence, not a promise, so that a failure does not matter. */
static void write_mark(const struct rk_cut *c)
{
    const struct rk_disk_ops *ops = c->disk->ops;
    uint8_t bytes[RK_WAL_MARK_BYTES];
    char name[RK_STORE_NAME_MAX];
    rk_file file;
    uint32_t i = c->logs.count;
    while (i > c->first && !c->plan[i - 1].has_older) {
        i--;
    }
    if (i == c->first || !rk_wal_is_marked(c->plan[i - 1].dbid) ||
        !is_touched(c, c->logs.items[i - 1].zxid)) {
        return;
    }
    const struct rk_cut_log *log = &c->plan[i - 1];
    struct rk_wal_mark mark = {
        .dbid = log->dbid, .offset = log->end, .zxid = log->last_zxid, .size = log->end};
    rk_wal_mark_encode(bytes, &mark);
    rk_store_name_make(name, RK_NAME_MARK, c->logs.items[i - 1].zxid, "");
    if (ops->open(c->disk->ctx, RK_DIR_LOG, name, RK_OPEN_CREATE, &file) == RK_OK) {
        (void)ops->write(c->disk->ctx, file, 0, bytes, sizeof(bytes));
        ops->close(c->disk->ctx, file);
    }
}

enum rk_err rk_cut_carry_out(struct rk_cut *c, bool with_mark)
{
    if (!c->has_work) {
        return RK_OK;
    }
    enum rk_err err = drop_marks(c);
    if (err == RK_OK) {
        err = smooth_logs(c);
    }
    if (err == RK_OK && !c->logs_first) {
        err = drop_snapshots(c);
    }
    if (err == RK_OK) {
        err = cut_logs(c);
    }
    if (err == RK_OK && c->logs_first) {
        err = drop_snapshots(c);
    }
    if (err == RK_OK && with_mark) {
        write_mark(c);
    }
    return err == RK_ERR_NOT_FOUND ? RK_ERR_IO : err; /* it was there when it was planned */
}
