/* Reading logs for a learner. Guarantees that what is given out is without a hole, each record
 * whole, up to the end that was asked for or an error. */
#include "store/log_read.h"

#include "store/log_walk.h"
#include "store/snap_source.h"

struct rk_log_read {
    struct rk_mem *mem;
    struct rk_store_names logs;
    struct rk_log_walk walk;
    rk_zxid from;
    rk_zxid before_zxid;
    bool has_begun;
};

/* Any record may come first, as long as it is not behind from. */
static enum rk_err begin(struct rk_log_read *r, const struct rk_disk *disk, rk_zxid to,
                         struct rk_problem *ret_problem)
{
    enum rk_err err = rk_store_names_list(r->mem, disk, RK_DIR_LOG, RK_NAME_LOG, &r->logs);
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "the logs cannot be listed: %s", rk_err_text(err));
        return err;
    }
    if (r->logs.count == 0 || r->logs.items[0].zxid > r->from) {
        rk_problem_set(ret_problem, "no log reaches back to zxid 0x%llx",
                       (unsigned long long)r->from);
        return RK_ERR_NOT_FOUND;
    }
    rk_log_walk_init(&r->walk, r->mem, disk, &r->logs, r->from);
    r->walk.has_base = false;
    r->walk.last_zxid = -1;
    r->walk.end_zxid = to;
    return RK_OK;
}

enum rk_err rk_log_read_create(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid from,
                               rk_zxid to, struct rk_log_read **ret, struct rk_problem *ret_problem)
{
    RK_ASSERT(from >= 0);
    RK_ASSERT(from <= to);
    ret_problem->text[0] = '\0';
    struct rk_log_read *r = rk_mem_zalloc(mem, sizeof(*r));
    if (r == NULL) {
        rk_problem_set(ret_problem, "the logs cannot be read: %s", rk_err_text(RK_ERR_NOMEM));
        return RK_ERR_NOMEM;
    }
    r->mem = mem;
    r->logs.mem = mem;
    r->from = from;
    enum rk_err err = begin(r, disk, to, ret_problem);
    if (err != RK_OK) {
        rk_log_read_destroy(r);
        return err;
    }
    *ret = r;
    return RK_OK;
}

void rk_log_read_destroy(struct rk_log_read *r)
{
    if (r != NULL) {
        rk_log_walk_deinit(&r->walk);
        rk_store_names_deinit(&r->logs);
        rk_mem_free(r->mem, r, sizeof(*r));
    }
}

rk_zxid rk_log_read_before(const struct rk_log_read *r)
{
    return r->before_zxid;
}

/* The first record of the first log, which must not be behind from already. */
static enum rk_err check_start(const struct rk_log_read *r, rk_zxid zxid,
                               struct rk_problem *ret_problem)
{
    if (zxid <= r->from) {
        return RK_OK;
    }
    rk_problem_set(ret_problem, "no log reaches back to zxid 0x%llx: %s begins with 0x%llx",
                   (unsigned long long)r->from, r->walk.file, (unsigned long long)zxid);
    return RK_ERR_NOT_FOUND;
}

static enum rk_err check_last(const struct rk_log_read *r, struct rk_problem *ret_problem)
{
    if (r->walk.last_zxid == r->walk.end_zxid) {
        return RK_ERR_END;
    }
    rk_problem_set(ret_problem, "the logs have nothing between zxid 0x%llx and 0x%llx",
                   (unsigned long long)(r->walk.last_zxid < 0 ? 0 : r->walk.last_zxid),
                   (unsigned long long)r->walk.end_zxid);
    return RK_ERR_NOT_FOUND;
}

enum rk_err rk_log_read_next(struct rk_log_read *r, rk_zxid *ret_zxid, struct rk_bytes *ret_payload,
                             struct rk_problem *ret_problem)
{
    struct rk_wal_record record = {.zxid = -1};
    ret_problem->text[0] = '\0';
    do {
        if (record.zxid >= 0) {
            r->before_zxid = record.zxid;
        }
        enum rk_err err = rk_log_walk_next(&r->walk, &record, ret_problem);
        if (err == RK_OK && !r->has_begun) {
            r->has_begun = true;
            err = check_start(r, record.zxid, ret_problem);
        }
        if (err == RK_ERR_END) {
            return check_last(r, ret_problem);
        }
        if (err != RK_OK) {
            return err;
        }
    } while (record.zxid < r->from);
    *ret_zxid = record.zxid;
    *ret_payload = record.payload;
    return RK_OK;
}

/* -- Is it worth it
 * --------------------------------------------------------------------------------- */

static enum rk_err add_size(const struct rk_disk *disk, enum rk_disk_dir dir, const char *name,
                            uint64_t *io_sum)
{
    rk_file file;
    uint64_t size = 0;
    enum rk_err err = disk->ops->open(disk->ctx, dir, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    err = disk->ops->size(disk->ctx, file, &size);
    disk->ops->close(disk->ctx, file);
    *io_sum += size;
    return err;
}

/* 0 if there is none. ZK: FileSnap.findMostRecentSnapshot */
static enum rk_err size_of_newest_snapshot(struct rk_mem *mem, const struct rk_disk *disk,
                                           uint64_t *ret_size)
{
    struct rk_store_names names;
    enum rk_err err = rk_store_names_list(mem, disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &names);
    if (err != RK_OK) {
        return err;
    }
    *ret_size = 0;
    for (uint32_t i = names.count; i-- > 0;) {
        struct rk_snap_stream *stream = NULL;
        err = rk_snap_stream_create(mem, disk, names.items[i].name, &stream);
        rk_snap_stream_destroy(stream);
        if (err == RK_OK) {
            err = add_size(disk, RK_DIR_SNAP, names.items[i].name, ret_size);
            break;
        }
        if (err == RK_ERR_NOMEM) {
            break;
        }
        err = RK_OK; /* it does not look like one */
    }
    rk_store_names_deinit(&names);
    return err;
}

static enum rk_err size_of_logs(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid from,
                                uint64_t *ret_size)
{
    struct rk_store_names names;
    enum rk_err err = rk_store_names_list(mem, disk, RK_DIR_LOG, RK_NAME_LOG, &names);
    if (err != RK_OK) {
        return err;
    }
    *ret_size = 0;
    for (uint32_t i = 0; i < names.count && err == RK_OK; i++) {
        if (names.items[i].zxid > from) {
            err = add_size(disk, RK_DIR_LOG, names.items[i].name, ret_size);
        }
    }
    rk_store_names_deinit(&names);
    return err;
}

enum rk_err rk_log_read_is_cheap(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid from,
                                 uint32_t factor_permille, bool *ret)
{
    uint64_t snapshot_bytes = 0;
    uint64_t log_bytes = 0;
    enum rk_err err = size_of_newest_snapshot(mem, disk, &snapshot_bytes);
    if (err == RK_OK) {
        err = size_of_logs(mem, disk, from, &log_bytes);
    }
    if (err != RK_OK) {
        return err;
    }
    uint64_t limit = snapshot_bytes * factor_permille / 1000;
    *ret = limit == 0 || log_bytes <= limit;
    return RK_OK;
}
