/* Encoding of durability marks. Guarantees that a half-written mark is not taken for one; when it
 * may be written is wal_file.c's business. */
#include "store/wal_mark.h"

#include <zlib.h>

#define MAGIC INT64_C(0x524b4d41524b3032) /* "RKMARK02" */

static int64_t checksum(const uint8_t *in)
{
    return (int64_t)crc32(crc32(0, NULL, 0), in, RK_WAL_MARK_BYTES - 8);
}

void rk_wal_mark_encode(uint8_t out[RK_WAL_MARK_BYTES], const struct rk_wal_mark *mark)
{
    rk_store_i64(out, MAGIC);
    rk_store_i64(out + 8, mark->dbid);
    rk_store_i64(out + 16, (int64_t)mark->offset);
    rk_store_i64(out + 24, mark->zxid);
    rk_store_i64(out + 32, (int64_t)mark->size);
    rk_store_i64(out + 40, checksum(out));
}

enum rk_err rk_wal_mark_decode(const uint8_t *in, size_t len, struct rk_wal_mark *ret)
{
    if (len < RK_WAL_MARK_BYTES) {
        return RK_ERR_SHORT;
    }
    if (rk_load_i64(in) != MAGIC || rk_load_i64(in + 40) != checksum(in) ||
        rk_load_i64(in + 16) < 0 || rk_load_i64(in + 32) < 0) {
        return RK_ERR_CORRUPT;
    }
    ret->dbid = rk_load_i64(in + 8);
    ret->offset = (uint64_t)rk_load_i64(in + 16);
    ret->zxid = rk_load_i64(in + 24);
    ret->size = (uint64_t)rk_load_i64(in + 32);
    return RK_OK;
}

enum rk_err rk_wal_mark_read(const struct rk_disk *disk, const char *name, struct rk_wal_mark *ret)
{
    uint8_t bytes[RK_WAL_MARK_BYTES];
    size_t got = 0;
    rk_file file;
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_LOG, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    err = disk->ops->read(disk->ctx, file, 0, bytes, sizeof(bytes), &got);
    disk->ops->close(disk->ctx, file);
    return err != RK_OK ? err : rk_wal_mark_decode(bytes, got, ret);
}
