/* File names of the store, and lists of the files that carry a zxid in theirs. */
#ifndef RK_STORE_NAMES_H
#define RK_STORE_NAMES_H

#include "store/disk.h"
#include "store/snap.h"

#define RK_STORE_NAME_MAX 256u /* with the final NUL; what file systems allow */

#define RK_NAME_LOG      "log"
#define RK_NAME_SNAPSHOT "snapshot"
/* Ours alone; Apache reads only names whose first part is "log" or "snapshot". */
#define RK_NAME_MARK      "zidx"      /* zidx.<zxid of the log>: how much of it is durable */
#define RK_NAME_SNAP_PART "zsnap"     /* zsnap.<zxid>: a snapshot in the making */
#define RK_NAME_LOG_PART  "zlog.next" /* the next log file before it has its name */

struct rk_store_name {
    rk_zxid zxid;
    char name[RK_STORE_NAME_MAX];
};

struct rk_store_names {
    struct rk_mem *mem;
    struct rk_store_name *items; /* by zxid, then name, rising */
    uint32_t count;
    uint32_t cap;
};

/* Fills *ret with the files of dir whose name is <prefix>.<zxid>...; free with _deinit. */
enum rk_err rk_store_names_list(struct rk_mem *mem, const struct rk_disk *disk,
                                enum rk_disk_dir dir, const char *prefix,
                                struct rk_store_names *ret) RK_MUST_CHECK;
void rk_store_names_deinit(struct rk_store_names *names);

/* "<prefix>.<hex><suffix>"; it always fits. */
void rk_store_name_make(char out[RK_STORE_NAME_MAX], const char *prefix, rk_zxid zxid,
                        const char *suffix);
/* Copies what fits, always ended by a NUL: for names that are shown. */
void rk_store_name_show(char *out, size_t cap, const char *name);
/* How a snapshot of this name is compressed: the last part decides, in any case. */
enum rk_snap_compression rk_store_name_compression(const char *name);
/* "snapshot.1f.tmp" is Apache's for one that a learner is receiving: not to have it is no loss. */
bool rk_store_name_is_unfinished(const char *name);

#endif
