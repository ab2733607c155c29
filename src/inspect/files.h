/* The disk port of the tools: files named on a command line, or the data directories of a server
 * that may be running. It never locks anything and, unless told otherwise, changes nothing. */
#ifndef RK_INSPECT_FILES_H
#define RK_INSPECT_FILES_H

#include "inspect/tool.h"
#include "store/disk.h"
#include "store/names.h"

enum rk_ins_mode {
    RK_INS_READ,    /* whatever would change something is RK_ERR_DENIED, but for syncs */
    RK_INS_PRETEND, /* it is said to have been done, and counted */
    RK_INS_CHANGE,  /* it is done */
};

#define RK_INS_PATH_MAX 4096u

struct rk_ins_files {
    struct rk_disk port; /* ctx: this struct, which must not move */
    int dirs[4];         /* by enum rk_disk_dir; -1: not there */
    int locks[2];        /* -1: not held */
    enum rk_ins_mode mode;
    /* One file alone: what the store calls it, and its name. */
    bool is_single;
    char shown[RK_STORE_NAME_MAX];
    char real[RK_STORE_NAME_MAX];
    bool has_mark;      /* single: its durability mark may be looked at */
    uint32_t faked;     /* pretend: changes */
    uint32_t odd;       /* names that cannot be printed, which are passed over when listed */
    FILE *say;          /* if not NULL: a line for each file removed or (pretend) made */
    char *dir_paths[2]; /* of snapshots and logs, for that line; owned */
    struct rk_mem *mem;
};

/* path names one file, prefix says of which kind it is ("log", "snapshot"): a name that says
 * nothing is taken for the zxid 0. RK_ERR_NOT_FOUND, RK_ERR_DENIED, RK_ERR_INVALID (no regular
 * file). */
enum rk_err rk_ins_files_open_file(struct rk_ins_files *f, struct rk_mem *mem, const char *path,
                                   const char *prefix) RK_MUST_CHECK;
/* Each is a dataDir or its version-2; log_dir NULL: the same. */
enum rk_err rk_ins_files_open_dirs(struct rk_ins_files *f, struct rk_mem *mem, const char *data_dir,
                                   const char *log_dir, enum rk_ins_mode mode) RK_MUST_CHECK;
void rk_ins_files_close(struct rk_ins_files *f);
/* Whether snapshots and logs have a directory each. */
bool rk_ins_files_are_two(const struct rk_ins_files *f);
bool rk_ins_is_dir(const char *path);
/* The process that holds rookery.lock of the data directory, 0 if none does. Looks at /proc, so
 * that a server which is just starting is not in the way. */
int rk_ins_files_holder(const struct rk_ins_files *f);
/* For what a server must not run beside: holds its locks until close. RK_ERR_BUSY. A directory
 * without a lock file was never one of our servers', and is not locked. */
enum rk_err rk_ins_files_lock(struct rk_ins_files *f) RK_MUST_CHECK;

/* -- Files that are made -- */

struct rk_ins_copy; /* a file in the making */

/* Writes part.PATH, to become PATH, with the mode of like, and its owner as far as that is allowed.
 * A line on err if not RK_INS_OK: PATH is there and is not to be replaced, say. */
enum rk_ins_exit rk_ins_copy_create(struct rk_ins_tool *t, const char *path, const char *like,
                                    bool is_replacing, struct rk_ins_copy **ret);
void rk_ins_copy_put(struct rk_ins_copy *c, const void *data, size_t len); /* latches */
uint64_t rk_ins_copy_bytes(const struct rk_ins_copy *c);
/* Makes it durable under its name. */
enum rk_err rk_ins_copy_finish(struct rk_ins_copy *c) RK_MUST_CHECK;
/* The same where PATH is there: it is kept as backup (RK_ERR_EXISTS if something else is there),
 * and at any time one of both has the name PATH. */
enum rk_err rk_ins_copy_replace(struct rk_ins_copy *c, const char *backup) RK_MUST_CHECK;
/* Removes what was not finished. Accepts NULL. */
void rk_ins_copy_destroy(struct rk_ins_copy *c);

/* Whether path is there, and is no other name of the file that. */
bool rk_ins_is_taken(const char *path, const char *that);
/* Renames within one directory, durably; RK_ERR_EXISTS if to is there. */
enum rk_err rk_ins_rename(const char *from, const char *to) RK_MUST_CHECK;
/* "dir/" + "prefix" + base name of path + suffix; false if that is too long. */
bool rk_ins_beside(char out[RK_INS_PATH_MAX], const char *path, const char *prefix,
                   const char *suffix) RK_MUST_CHECK;
const char *rk_ins_base_name(const char *path);

#endif
