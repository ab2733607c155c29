/* What disk.c and disk_crash.c share. */
#ifndef RK_SIM_DISK_INT_H
#define RK_SIM_DISK_INT_H

#include "sim/disk.h"

#define SIM_DIRS    4u
#define SIM_HANDLES 64u

/* One change of a file. A change of the size alone has len 0. */
struct sim_write {
    uint64_t seq;
    uint64_t offset;
    uint64_t len;
    uint8_t *data;     /* NULL: zeros */
    uint64_t new_size; /* of the file behind it */
};

struct sim_inode {
    uint32_t id; /* never reused */
    uint32_t handles;
    struct sim_image now;
    struct sim_image durable;
    struct sim_write *writes; /* since the last sync, oldest first */
    uint32_t write_count;
    uint32_t write_cap;
    uint64_t charged_bytes; /* of the disk's space */
    bool is_marked;         /* by who looks for those in use */
    bool has_ghosts;        /* visible and not durable, and no sync will change that */
};

struct sim_entry {
    char name[SIM_NAME_MAX];
    uint32_t inode;
};

/* to := inode, and from (unless empty) goes; inode 0 removes to. */
struct sim_dir_op {
    uint64_t seq;
    char from[SIM_NAME_MAX];
    char to[SIM_NAME_MAX];
    uint32_t inode;
};

struct sim_names {
    struct sim_entry *items;
    uint32_t count;
    uint32_t cap;
};

struct sim_dir {
    struct sim_names now;
    struct sim_names durable;
    struct sim_dir_op *ops;
    uint32_t op_count;
    uint32_t op_cap;
};

struct sim_handle {
    struct sim_inode *inode; /* NULL: free */
    bool can_write, is_direct;
    char name[SIM_NAME_MAX];
};

struct sim_disk {
    struct rk_mem *mem;
    struct sim_tape *tape;
    struct sim_disk_shape shape;
    struct sim_disk_hooks hooks;
    bool is_cut;
    uint64_t next_seq;
    uint32_t next_inode;
    struct sim_inode **inodes;
    uint32_t inode_count;
    uint32_t inode_cap;
    struct sim_dir dirs[SIM_DIRS];
    struct sim_handle handles[SIM_HANDLES];
};

struct sim_dir *rk_sim_disk_dir(struct sim_disk *d, enum rk_disk_dir dir);
struct sim_inode *rk_sim_disk_inode(const struct sim_disk *d, uint32_t id);
struct sim_entry *rk_sim_names_find(const struct sim_names *names, const char *name);
/* inode 0 removes. */
void rk_sim_names_set(struct rk_mem *mem, struct sim_names *names, const char *name,
                      uint32_t inode);
void rk_sim_names_copy(struct rk_mem *mem, struct sim_names *to, const struct sim_names *from);
void rk_sim_names_apply(struct rk_mem *mem, struct sim_names *names, const struct sim_dir_op *op);
void rk_sim_inode_forget_writes(struct rk_mem *mem, struct sim_inode *inode);
/* Frees the files that nothing names or holds any more. */
void rk_sim_disk_collect(struct sim_disk *d);

#endif
