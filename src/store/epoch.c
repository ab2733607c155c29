/* The epoch files: a decimal number as text (spec-quorum A1). Guarantees that a reader sees the old
 * number or the new one, whenever the power goes, and that a leftover of an unfinished write
 * hinders nothing. The rules between the two files are the ensemble's. */
#include <string.h>

#include "base/num.h"
#include "store/names.h"
#include "store/recover.h"

#define TEXT_MAX 64u

enum rk_err rk_epoch_write(const struct rk_disk *disk, const char *name, int64_t epoch)
{
    const struct rk_disk_ops *ops = disk->ops;
    char text[RK_NUM_MAX];
    char part[RK_STORE_NAME_MAX];
    size_t name_len = strlen(name);
    RK_ASSERT(name_len + sizeof(".tmp") <= sizeof(part));
    memcpy(part, name, name_len);
    memcpy(part + name_len, ".tmp", sizeof(".tmp"));
    size_t len = rk_num_dec(text, epoch);
    rk_file file;
    enum rk_err err = ops->open(disk->ctx, RK_DIR_SNAP, part, RK_OPEN_CREATE, &file);
    if (err != RK_OK) {
        return err;
    }
    err = ops->write(disk->ctx, file, 0, text, len);
    if (err == RK_OK) {
        err = ops->sync(disk->ctx, file);
    }
    ops->close(disk->ctx, file);
    if (err == RK_OK) {
        err = ops->rename(disk->ctx, RK_DIR_SNAP, part, name);
    }
    if (err != RK_OK) {
        /* Whether it goes or stays: the next write begins it anew. */
        (void)ops->unlink(disk->ctx, RK_DIR_SNAP, part);
        return err;
    }
    return ops->sync_dir(disk->ctx, RK_DIR_SNAP);
}

enum rk_err rk_epoch_read(const struct rk_disk *disk, const char *name, int64_t *ret_epoch)
{
    char text[TEXT_MAX];
    size_t len = 0;
    rk_file file;
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_SNAP, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    err = disk->ops->read(disk->ctx, file, 0, text, sizeof(text), &len);
    disk->ops->close(disk->ctx, file);
    if (err != RK_OK) {
        return err;
    }
    /* ZK: BufferedReader.readLine, Long.parseLong */
    size_t line = 0;
    while (line < len && text[line] != '\n' && text[line] != '\r') {
        line++;
    }
    int64_t epoch;
    if (line == sizeof(text) || !rk_num_parse_dec(rk_bytes_of(text, line), &epoch)) {
        return RK_ERR_CORRUPT;
    }
    *ret_epoch = epoch;
    return RK_OK;
}
