/* The first snapshot of a server that begins with nothing. */
#ifndef RK_STORE_FRESH_H
#define RK_STORE_FRESH_H

#include "store/disk.h"

/* Writes snapshot.0, durably. Logs without any snapshot cannot be started from (spec-quorum A8), so
 * it has to be there before the first log is. */
enum rk_err rk_fresh_write(struct rk_mem *mem, const struct rk_disk *disk) RK_MUST_CHECK;

#endif
