/* The disk port: everything the store asks of a file system, so that production
 * (shell/disk_posix.c) and the simulator (sim/disk.c) run the same store. Calls block; they are
 * made from the log thread, the snapshot thread or at start. Names are plain file names inside one
 * of two directories (which may be the same one). */
#ifndef RK_STORE_DISK_H
#define RK_STORE_DISK_H

#include "base/bytes.h"
#include "base/err.h"

enum rk_disk_dir {
    RK_DIR_SNAP,    /* dataDir/version-2: snapshots, epoch files */
    RK_DIR_LOG,     /* dataLogDir/version-2: transaction logs */
    RK_DIR_DATA,    /* dataDir itself: myid, lock */
    RK_DIR_DATALOG, /* dataLogDir itself: initialize marker */
};

enum rk_disk_open {
    RK_OPEN_READ,          /* must exist */
    RK_OPEN_CREATE,        /* read-write, created or truncated to nothing */
    RK_OPEN_CREATE_DIRECT, /* the same, past the page cache where the file system can: for what is
                              written in whole blocks (RK_DISK_BLOCK), offset, length and memory
                              aligned, and synced at once */
    RK_OPEN_MODIFY,        /* read-write, must exist */
};

#define RK_DISK_BLOCK 4096u

static inline bool rk_disk_creates(enum rk_disk_open how)
{
    return how == RK_OPEN_CREATE || how == RK_OPEN_CREATE_DIRECT;
}

typedef int32_t rk_file; /* > 0 when open */

struct rk_disk_ops {
    /* Calls each(each_ctx, name) for every regular file, in any order. */
    enum rk_err (*list)(void *ctx, enum rk_disk_dir dir,
                        void (*each)(void *each_ctx, const char *name), void *each_ctx);
    /* RK_ERR_NOT_FOUND, RK_ERR_DENIED, RK_ERR_NO_SPACE, RK_ERR_IO. */
    enum rk_err (*open)(void *ctx, enum rk_disk_dir dir, const char *name, enum rk_disk_open how,
                        rk_file *ret_file);
    void (*close)(void *ctx, rk_file file);
    enum rk_err (*size)(void *ctx, rk_file file, uint64_t *ret_size);
    /* Reads up to len; *ret_got < len only at the end of the file. */
    enum rk_err (*read)(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                        size_t *ret_got);
    /* All or an error; after RK_ERR_NO_SPACE the range is undefined and may be written again. */
    enum rk_err (*write)(void *ctx, rk_file file, uint64_t offset, const void *data, size_t len);
    /* Grows the file to size with zeros and reserves the blocks; RK_ERR_NO_SPACE,
     * RK_ERR_UNSUPPORTED (then sparse growth by truncate is the way). */
    enum rk_err (*allocate)(void *ctx, rk_file file, uint64_t size);
    enum rk_err (*truncate)(void *ctx, rk_file file, uint64_t size);
    enum rk_err (*sync)(void *ctx, rk_file file); /* data and what is needed to read it back */
    enum rk_err (*sync_dir)(void *ctx, enum rk_disk_dir dir);
    enum rk_err (*rename)(void *ctx, enum rk_disk_dir dir, const char *from, const char *to);
    enum rk_err (*unlink)(void *ctx, enum rk_disk_dir dir, const char *name);
};

struct rk_disk {
    const struct rk_disk_ops *ops;
    void *ctx;
};

#endif
