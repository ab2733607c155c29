/* Guarantees that after a loss of power at any call the directory starts either with what it had or
 * with the snapshot alone. Apache ignores the marker; it would start from the snapshot, and replay
 * logs behind it as it does after a SNAP of its own. */
#include "store/wal_replace.h"

#include "store/snap_source.h"

#define LIMIT_BYTES ((uint32_t)INT32_MAX) /* as checked when it was read from the leader */

static enum rk_err drop(const struct rk_disk *disk, enum rk_disk_dir dir, const char *name)
{
    enum rk_err err = disk->ops->unlink(disk->ctx, dir, name);
    return err == RK_ERR_NOT_FOUND ? RK_OK : err;
}

/* Files of this kind but those of the zxid to be kept (-1: all go). */
static enum rk_err drop_all(struct rk_mem *mem, const struct rk_disk *disk, enum rk_disk_dir dir,
                            const char *prefix, rk_zxid keep)
{
    struct rk_store_names names = {.mem = mem};
    enum rk_err err = rk_store_names_list(mem, disk, dir, prefix, &names);
    for (uint32_t i = 0; i < names.count && err == RK_OK; i++) {
        if (names.items[i].zxid != keep) {
            err = drop(disk, dir, names.items[i].name);
        }
    }
    rk_store_names_deinit(&names);
    return err == RK_OK ? disk->ops->sync_dir(disk->ctx, dir) : err;
}

enum rk_err rk_replace_begin(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid zxid)
{
    char name[RK_STORE_NAME_MAX];
    rk_file file;
    enum rk_err err = drop_all(mem, disk, RK_DIR_SNAP, RK_NAME_REPLACE, zxid);
    if (err != RK_OK) {
        return err;
    }
    rk_store_name_make(name, RK_NAME_REPLACE, zxid, "");
    err = disk->ops->open(disk->ctx, RK_DIR_SNAP, name, RK_OPEN_CREATE, &file);
    if (err == RK_OK) {
        err = disk->ops->sync(disk->ctx, file);
        disk->ops->close(disk->ctx, file);
    }
    return err == RK_OK ? disk->ops->sync_dir(disk->ctx, RK_DIR_SNAP) : err;
}

/* Is there a finished snapshot of zxid? One that cannot be read is an error: others may be deleted
 * already. */
static enum rk_err find_snapshot(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid zxid,
                                 bool *ret_is_there)
{
    struct rk_store_names names = {.mem = mem};
    enum rk_err err = rk_store_names_list(mem, disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &names);
    *ret_is_there = false;
    for (uint32_t i = 0; i < names.count && err == RK_OK && !*ret_is_there; i++) {
        struct rk_snap_info info;
        const char *why;
        if (names.items[i].zxid != zxid || rk_store_name_is_unfinished(names.items[i].name)) {
            continue;
        }
        err = rk_snap_read(mem, disk, names.items[i].name, LIMIT_BYTES, NULL, &info, &why);
        *ret_is_there = err == RK_OK;
    }
    rk_store_names_deinit(&names);
    return err;
}

enum rk_err rk_replace_end(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid zxid)
{
    char name[RK_STORE_NAME_MAX];
    enum rk_err err = drop_all(mem, disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, zxid);
    if (err == RK_OK) {
        err = drop_all(mem, disk, RK_DIR_SNAP, RK_NAME_SNAP_PART, -1);
    }
    if (err == RK_OK) {
        err = drop_all(mem, disk, RK_DIR_LOG, RK_NAME_MARK, -1);
    }
    if (err == RK_OK) {
        err = drop_all(mem, disk, RK_DIR_LOG, RK_NAME_LOG, -1);
    }
    if (err == RK_OK) {
        rk_store_name_make(name, RK_NAME_REPLACE, zxid, "");
        err = drop(disk, RK_DIR_SNAP, name);
    }
    return err == RK_OK ? disk->ops->sync_dir(disk->ctx, RK_DIR_SNAP) : err;
}

enum rk_err rk_replace_settle(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid *ret_zxid)
{
    struct rk_store_names names = {.mem = mem};
    enum rk_err err = rk_store_names_list(mem, disk, RK_DIR_SNAP, RK_NAME_REPLACE, &names);
    *ret_zxid = -1;
    for (uint32_t i = 0; i < names.count && err == RK_OK; i++) {
        bool is_there = false;
        err = find_snapshot(mem, disk, names.items[i].zxid, &is_there);
        if (err == RK_OK && is_there) {
            *ret_zxid = names.items[i].zxid;
            err = rk_replace_end(mem, disk, *ret_zxid);
        } else if (err == RK_OK) {
            err = drop(disk, RK_DIR_SNAP, names.items[i].name);
        }
    }
    rk_store_names_deinit(&names);
    return err;
}
