/* Durability marks: zidx.<zxid of the log>, a small file beside a log file that says how much of it
 * was durable once. Written after a commit returned, never synced: it may lag or be missing, but it
 * never overstates. Recovery calls a bad record below a mark damage, whatever else it looks like.
 */
#ifndef RK_STORE_WAL_MARK_H
#define RK_STORE_WAL_MARK_H

#include "store/disk.h"

#define RK_WAL_MARK_BYTES 48u

struct rk_wal_mark {
    int64_t dbid;    /* of the log file; ties the mark to this incarnation of it */
    uint64_t offset; /* everything before it was durable */
    rk_zxid zxid;    /* the last one before it */
    uint64_t size;   /* of the file, if it never had a size at which a record ends; else 0 */
};

void rk_wal_mark_encode(uint8_t out[RK_WAL_MARK_BYTES], const struct rk_wal_mark *mark);
/* RK_ERR_SHORT, RK_ERR_CORRUPT. */
enum rk_err rk_wal_mark_decode(const uint8_t *in, size_t len,
                               struct rk_wal_mark *ret) RK_MUST_CHECK;

/* Reads the mark file. RK_ERR_NOT_FOUND, RK_ERR_SHORT and RK_ERR_CORRUPT all mean that there is no
 * such evidence. */
enum rk_err rk_wal_mark_read(const struct rk_disk *disk, const char *name,
                             struct rk_wal_mark *ret) RK_MUST_CHECK;

#endif
