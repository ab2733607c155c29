/* Purge. Guarantees that what is kept starts by itself: the newest `keep` snapshots whose every
 * seal was checked, and the logs from the oldest of these on. With fewer good ones than that
 * nothing goes but the leftovers of unfinished snapshots. Any subset of the deletions is as
 * startable as all of them, because the kept files are made durable first and need none of the
 * others.
 *
 * ZK: PurgeTxnLog, which counts snapshots by their last bytes alone. */
#include "base/bug.h"
#include "store/names.h"
#include "store/recover.h"
#include "store/snap_source.h"

#define LIMIT_BYTES                                                                                \
    ((uint32_t)INT32_MAX) /* lengths were checked when it was written and will be when read */

struct purge {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    struct rk_store_names snapshots;
    struct rk_store_names logs;
    struct rk_store_names marks;
    struct rk_store_names parts;
    rk_zxid newest_good; /* -1: none */
    rk_zxid oldest_kept; /* -1: fewer good ones than to keep */
    uint32_t deleted;
};

/* Makes what will be relied on durable: Apache does not sync its snapshots. */
static enum rk_err make_durable(struct purge *p, const char *name)
{
    rk_file file;
    enum rk_err err = p->disk->ops->open(p->disk->ctx, RK_DIR_SNAP, name, RK_OPEN_READ, &file);
    if (err == RK_OK) {
        err = p->disk->ops->sync(p->disk->ctx, file);
        p->disk->ops->close(p->disk->ctx, file);
    }
    return err;
}

/* The kept ones, newest first. */
static enum rk_err choose(struct purge *p, uint32_t keep)
{
    uint32_t good = 0;
    for (uint32_t i = p->snapshots.count; i-- > 0 && good < keep;) {
        const struct rk_store_name *item = &p->snapshots.items[i];
        struct rk_snap_info info;
        const char *why;
        enum rk_err err = rk_snap_read(p->mem, p->disk, item->name, LIMIT_BYTES, NULL, &info, &why);
        if (err == RK_ERR_NOMEM) {
            return err;
        }
        if (err != RK_OK && !RK_BUG(PURGE_UNCHECKED)) {
            continue;
        }
        /* The same state twice, plain and compressed, is one. */
        bool is_twin =
            p->newest_good >= 0 && i + 1 < p->snapshots.count && p->oldest_kept == item->zxid;
        err = make_durable(p, item->name);
        if (err != RK_OK) {
            return err;
        }
        p->newest_good = p->newest_good < 0 ? item->zxid : p->newest_good;
        p->oldest_kept = item->zxid;
        good += is_twin ? 0 : 1;
    }
    if (good < keep) {
        p->oldest_kept = -1;
    }
    return p->disk->ops->sync_dir(p->disk->ctx, RK_DIR_SNAP);
}

static enum rk_err drop(struct purge *p, enum rk_disk_dir dir, const char *name, bool is_counted)
{
    enum rk_err err = p->disk->ops->unlink(p->disk->ctx, dir, name);
    if (err == RK_ERR_NOT_FOUND) {
        return RK_OK;
    }
    p->deleted += err == RK_OK && is_counted ? 1 : 0;
    return err;
}

/* ZK: PurgeTxnLog.purgeOlderSnapshots: the last log that begins at or before the oldest snapshot
 * kept may hold what follows it. */
static rk_zxid find_straddling(const struct purge *p)
{
    rk_zxid straddling = -1;
    for (uint32_t i = 0; i < p->logs.count; i++) {
        if (p->logs.items[i].zxid <= p->oldest_kept) {
            straddling = p->logs.items[i].zxid;
        }
    }
    return straddling;
}

static enum rk_err drop_old(struct purge *p)
{
    enum rk_err err = RK_OK;
    rk_zxid straddling = find_straddling(p);
    for (uint32_t i = 0; i < p->snapshots.count && err == RK_OK; i++) {
        if (p->snapshots.items[i].zxid < p->oldest_kept) {
            err = drop(p, RK_DIR_SNAP, p->snapshots.items[i].name, true);
        }
    }
    for (uint32_t i = 0; i < p->logs.count && err == RK_OK; i++) {
        if (p->logs.items[i].zxid < straddling + RK_BUG(PURGE_TAKES_LOG)) {
            err = drop(p, RK_DIR_LOG, p->logs.items[i].name, true);
        }
    }
    /* Without a straddling log no log is that old, and such a mark belongs to one purged before. */
    for (uint32_t i = 0; i < p->marks.count && err == RK_OK; i++) {
        rk_zxid zxid = p->marks.items[i].zxid;
        if (straddling >= 0 ? zxid < straddling : zxid <= p->oldest_kept) {
            err = drop(p, RK_DIR_LOG, p->marks.items[i].name, false);
        }
    }
    return err;
}

/* One in the making has the zxid of the newest good one at least. */
static enum rk_err drop_parts(struct purge *p)
{
    enum rk_err err = RK_OK;
    for (uint32_t i = 0; i < p->parts.count && err == RK_OK; i++) {
        if (p->parts.items[i].zxid < p->newest_good) {
            err = drop(p, RK_DIR_SNAP, p->parts.items[i].name, true);
        }
    }
    return err;
}

static enum rk_err list_files(struct purge *p)
{
    enum rk_err err =
        rk_store_names_list(p->mem, p->disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &p->snapshots);
    if (err == RK_OK) {
        err = rk_store_names_list(p->mem, p->disk, RK_DIR_SNAP, RK_NAME_SNAP_PART, &p->parts);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(p->mem, p->disk, RK_DIR_LOG, RK_NAME_LOG, &p->logs);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(p->mem, p->disk, RK_DIR_LOG, RK_NAME_MARK, &p->marks);
    }
    return err;
}

enum rk_err rk_purge(struct rk_mem *mem, const struct rk_disk *disk, uint32_t keep,
                     uint32_t *ret_deleted, struct rk_problem *ret_problem)
{
    struct purge p = {.mem = mem,
                      .disk = disk,
                      .snapshots = {.mem = mem},
                      .logs = {.mem = mem},
                      .marks = {.mem = mem},
                      .parts = {.mem = mem},
                      .newest_good = -1,
                      .oldest_kept = -1};
    RK_ASSERT(keep > 0);
    ret_problem->text[0] = '\0';
    enum rk_err err = list_files(&p);
    const char *what = "the data directories cannot be listed";
    if (err == RK_OK) {
        what = "the snapshots to keep cannot be made sure of";
        err = choose(&p, keep);
    }
    if (err == RK_OK) {
        what = "an old file cannot be removed";
        err = p.oldest_kept >= 0 ? drop_old(&p) : RK_OK;
    }
    if (err == RK_OK) {
        err = drop_parts(&p);
    }
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "%s: %s", what, rk_err_text(err));
    }
    rk_store_names_deinit(&p.snapshots);
    rk_store_names_deinit(&p.logs);
    rk_store_names_deinit(&p.marks);
    rk_store_names_deinit(&p.parts);
    if (err == RK_OK) {
        *ret_deleted = p.deleted;
    }
    return err;
}
