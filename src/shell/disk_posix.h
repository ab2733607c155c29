/* The disk port (store/disk.h) over POSIX files, and the lock that keeps a second server out of the
 * data directories. */
#ifndef RK_SHELL_DISK_POSIX_H
#define RK_SHELL_DISK_POSIX_H

#include "store/disk.h"
#include "store/recover.h"

#define RK_DISK_LOCK_NAME "rookery.lock" /* in dataDir and in dataLogDir */

struct rk_disk_posix;

struct rk_disk_posix_options {
    const char *data_dir;
    const char *data_log_dir; /* NULL: the same */
    bool autocreate;          /* zookeeper.datadir.autocreate: make what is missing */
};

/* Opens dataDir, dataLogDir and their version-2, makes sure that they can be written and locks
 * them. Held until the process ends, however that happens. RK_ERR_BUSY: another server has them;
 * RK_ERR_NOT_FOUND, RK_ERR_DENIED, RK_ERR_NO_SPACE, RK_ERR_IO; *ret_problem says which directory
 * and what to do. */
enum rk_err rk_disk_posix_create(struct rk_mem *mem, const struct rk_disk_posix_options *options,
                                 struct rk_disk_posix **ret,
                                 struct rk_problem *ret_problem) RK_MUST_CHECK;
/* Gives the lock back. No file of it may be open. Accepts NULL. */
void rk_disk_posix_destroy(struct rk_disk_posix *d);

/* Safe from any number of threads. After a failed call errno says why. */
struct rk_disk rk_disk_posix_port(struct rk_disk_posix *d);
/* Whether dataDir and dataLogDir are two directories (then rk_store_check_dirs applies). */
bool rk_disk_posix_has_two_dirs(const struct rk_disk_posix *d);

#endif
