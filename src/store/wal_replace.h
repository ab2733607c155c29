/* Replacing the whole history by a leader's snapshot (SNAP). What was here may be no prefix of the
 * leader's history, so nothing of it may be left beside the snapshot; and until the snapshot is
 * durable nothing of it may go, because it may be what a quorum counts on. The file zreplace.<zxid>
 * says, durably, that from the moment on at which a finished snapshot of that zxid exists nothing
 * else counts. For wal_file.c and recover.c. */
#ifndef RK_STORE_WAL_REPLACE_H
#define RK_STORE_WAL_REPLACE_H

#include "store/names.h"

#define RK_NAME_REPLACE "zreplace"

/* Before the snapshot is written. */
enum rk_err rk_replace_begin(struct rk_mem *mem, const struct rk_disk *disk,
                             rk_zxid zxid) RK_MUST_CHECK;
/* The snapshot is there: deletes every other snapshot, every log and every mark, then the file
 * itself. No log may be open. */
enum rk_err rk_replace_end(struct rk_mem *mem, const struct rk_disk *disk,
                           rk_zxid zxid) RK_MUST_CHECK;
/* At a start: carries out what a crash left undone, or forgets what never came to be. *ret_zxid:
 * the snapshot that replaced the rest, -1 if nothing had to be done. */
enum rk_err rk_replace_settle(struct rk_mem *mem, const struct rk_disk *disk,
                              rk_zxid *ret_zxid) RK_MUST_CHECK;

#endif
