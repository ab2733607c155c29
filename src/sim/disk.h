/* A simulated disk: the disk port (store/disk.h) over files and directories that each have what is
 * durable, what is visible, and the list of changes in between. A sync moves changes from one to
 * the other; a loss of power keeps of the unsynced ones what the policy drawn says. */
#ifndef RK_SIM_DISK_H
#define RK_SIM_DISK_H

#include "sim/image.h"
#include "sim/tape.h"
#include "store/disk.h"

#define SIM_SECTOR_BYTES 512u
#define SIM_NAME_MAX     64u

#define RK_SIM_DISK_CALL_TABLE(X)                                                                  \
    X(LIST, "list")                                                                                \
    X(OPEN, "open")                                                                                \
    X(CLOSE, "close")                                                                              \
    X(SIZE, "size")                                                                                \
    X(READ, "read")                                                                                \
    X(WRITE, "write")                                                                              \
    X(ALLOCATE, "allocate")                                                                        \
    X(TRUNCATE, "truncate")                                                                        \
    X(SYNC, "sync")                                                                                \
    X(SYNC_DIR, "sync_dir")                                                                        \
    X(RENAME, "rename")                                                                            \
    X(UNLINK, "unlink")

enum sim_disk_call {
#define RK_SIM_DISK_CALL_ENUM(name, text) SIM_DISK_##name,
    RK_SIM_DISK_CALL_TABLE(RK_SIM_DISK_CALL_ENUM)
#undef RK_SIM_DISK_CALL_ENUM
        SIM_DISK_CALL_COUNT
};

const char *rk_sim_disk_call_name(enum sim_disk_call call);

/* What of the unsynced changes a loss of power leaves. Each sector and each directory operation for
 * itself, but for PREFIX, which is a cut in the order in which they were made. */
#define RK_SIM_PERSIST_TABLE(X)                                                                    \
    X(NONE, "none")                                                                                \
    X(ALL, "all")                                                                                  \
    X(PREFIX, "prefix")                                                                            \
    X(SUBSET, "subset")                                                                            \
    X(GARBAGE, "garbage") /* a subset, and of the rest some written with nonsense */

enum sim_persist {
#define RK_SIM_PERSIST_ENUM(name, text) SIM_PERSIST_##name,
    RK_SIM_PERSIST_TABLE(RK_SIM_PERSIST_ENUM)
#undef RK_SIM_PERSIST_ENUM
        SIM_PERSIST_COUNT
};

const char *rk_sim_persist_name(enum sim_persist policy);

/* before may take its (virtual) time; an error from it is what the call fails with. A failed sync
 * drops the changes it was to move: they will never be durable, and stay visible until the file is
 * opened for reading again, as in shell/disk_posix.c. */
struct sim_disk_hooks {
    void *ctx;
    enum rk_err (*before)(void *ctx, enum sim_disk_call call);
    void (*after)(void *ctx, enum sim_disk_call call, const char *name, uint64_t a, uint64_t b,
                  enum rk_err err);
};

struct sim_disk_shape {
    bool is_one_dir;  /* dataDir and dataLogDir are the same */
    bool no_allocate; /* the file system cannot reserve */
    uint64_t capacity_bytes;
};

struct sim_disk;

struct sim_disk *rk_sim_disk_create(struct rk_mem *mem, struct sim_tape *tape,
                                    const struct sim_disk_shape *shape);
void rk_sim_disk_destroy(struct sim_disk *d);
/* The same content, visible and durable, with the changes in between; no open files, no hooks. */
struct sim_disk *rk_sim_disk_clone(const struct sim_disk *d);
struct rk_disk rk_sim_disk_port(struct sim_disk *d);
void rk_sim_disk_set_hooks(struct sim_disk *d, const struct sim_disk_hooks *hooks);

/* From now on every call fails: the process that calls is dead and does not know it yet. */
void rk_sim_disk_cut(struct sim_disk *d);
/* The process is gone; files are closed, what it wrote stays visible. Calls work again. */
void rk_sim_disk_kill(struct sim_disk *d);
/* The power is gone as well. */
void rk_sim_disk_lose_power(struct sim_disk *d, enum sim_persist policy, enum sim_site site);
/* Sum of what is not durable yet: changes of files, operations of directories. */
uint32_t rk_sim_disk_unsynced(const struct sim_disk *d);

uint64_t rk_sim_disk_used(const struct sim_disk *d);
void rk_sim_disk_set_capacity(struct sim_disk *d, uint64_t bytes);

/* Damage at rest, on the durable and the visible side. Files have numbers that last, whatever
 * happens to their names; 0: there is no such file. */
uint32_t rk_sim_disk_file(struct sim_disk *d, enum rk_disk_dir dir, const char *name);
/* False if there is no such byte any more. */
bool rk_sim_disk_flip(struct sim_disk *d, uint32_t file, uint64_t offset, uint8_t mask);
/* The visible name number index, in the order of the directory; false at the end. */
bool rk_sim_disk_name_at(const struct sim_disk *d, enum rk_disk_dir dir, uint32_t index,
                         char ret_name[SIM_NAME_MAX], uint64_t *ret_size);
/* Renames on both sides, without a trace. */
void rk_sim_disk_move(struct sim_disk *d, enum rk_disk_dir dir, const char *from, const char *to);
/* A hash of every visible name and byte, for determinism. */
uint64_t rk_sim_disk_hash(const struct sim_disk *d);

#endif
