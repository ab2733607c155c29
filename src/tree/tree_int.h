/* The tree's inside, shared by the files of this room. */
#ifndef RK_TREE_TREE_INT_H
#define RK_TREE_TREE_INT_H

#include "tree/acls.h"
#include "tree/node.h"
#include "tree/quota.h"
#include "tree/table.h"
#include "tree/tree.h"

#define RK_TREE_ROOT ((rk_node_id)1) /* the first node that any tree gets */

#define RK_TREE_ZOOKEEPER "/zookeeper"
#define RK_TREE_CONFIG    "/zookeeper/config"

/* A session with ephemerals. */
struct rk_tree_owner {
    struct rk_map_entry by_id;
    rk_session_id id;
    rk_node_id first;
    uint32_t count; /* 0: a free slot */
    uint32_t index; /* of the slot */
};

/* A snapshot being written. */
struct rk_tree_walk {
    struct rk_buf *out; /* NULL: none */
    uint64_t number;    /* owner of the marks */
    rk_node_id at, end; /* next slot; slots from end on were first used after begin */
};

struct rk_tree {
    struct rk_mem *mem;
    struct rk_tree_config config;
    struct rk_table table;
    struct rk_acls acls;
    struct rk_quotas quotas;
    struct rk_slab owners;
    struct rk_map owners_by_id;
    rk_node_id first_reapable;
    uint64_t ephemerals;
    uint64_t path_bytes; /* of all nodes, the root's "/" included */
    uint64_t digest;
    struct rk_buf path;            /* scratch: of a node that is removed or looked at */
    struct rk_buf text;            /* scratch: a path under /zookeeper/quota */
    struct rk_buf snap_path;       /* scratch: of a node that is written */
    struct rk_tree_loader *loader; /* load.c's; NULL unless nodes are being loaded */
    struct rk_tree_hint hint;      /* for the next setData */
    bool has_hint;
    struct rk_tree_walk walks[RK_TREE_WALKS];
    uint32_t walk_count;    /* of them running */
    uint64_t snap_number;   /* of the last one begun */
    rk_node_id *snap_chain; /* scratch: ancestors to be written, nearest first */
    uint32_t snap_chain_cap;
};

static inline struct rk_node *rk_tree_node(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node *node = rk_table_slot(&t->table, n)->node;
    RK_ASSERT(node != NULL); /* an id that was given out and not deleted since */
    return node;
}

/* -- tree.c */

struct rk_tree_owner *rk_tree_owner_of(const struct rk_tree *t, rk_session_id id);
uint32_t rk_tree_hash(const struct rk_tree *t, struct rk_bytes path);
/* The whole path, "" for the root, in buf. */
struct rk_bytes rk_tree_path_in(const struct rk_tree *t, rk_node_id n, struct rk_buf *buf);
/* Where a node of this path belongs; RK_NODE_NONE if that is not there or the path names nothing.
 */
rk_node_id rk_tree_find_parent(const struct rk_tree *t, struct rk_bytes path);

/* -- load.c */

void rk_tree_loader_destroy(struct rk_tree *t);

/* -- snap.c */

/* Before anything of n changes: its old image goes to the running snapshot. */
void rk_tree_preserve(struct rk_tree *t, rk_node_id n);
/* A node that was just made is younger than any snapshot under way. */
void rk_tree_mark_young(struct rk_tree *t, rk_node_id n);

/* -- digest.c */

/* Of path and data: what the digest of a node begins with. 0 for a tree without digests. */
uint32_t rk_tree_content_crc(const struct rk_tree *t, struct rk_bytes path, struct rk_bytes data);
/* Below /zookeeper/: not part of the tree digest. */
bool rk_tree_is_undigested(struct rk_bytes path);

/* -- change.c: the steps that every change is made of. They keep links, counts, owners, digest and
 * the running snapshot right. */

/* Around a change of what the digest covers; begin preserves. */
void rk_tree_change_begin(struct rk_tree *t, rk_node_id n);
void rk_tree_change_end(struct rk_tree *t, rk_node_id n);

/* Adds a node, whose path is free and well-formed, below parent (RK_NODE_NONE: the root). take_acl
 * is a use of an ACL. */
rk_node_id rk_tree_add(struct rk_tree *t, rk_node_id parent, struct rk_bytes path,
                       struct rk_bytes data, uint32_t take_acl,
                       const struct rk_stat_persisted *stat);
/* Removes a node without children that is not the root, and takes it out of the quotas. */
void rk_tree_remove(struct rk_tree *t, rk_node_id n, struct rk_bytes path);
/* Replaces the data; within change_begin and change_end, or preserve for what has no digest. */
void rk_tree_put_data(struct rk_tree *t, rk_node_id n, struct rk_bytes path, struct rk_bytes data);
/* The same with a CRC of path and data that is known. */
void rk_tree_put_data_crc(struct rk_tree *t, rk_node_id n, struct rk_bytes data,
                          uint32_t content_crc);
void rk_tree_put_acl(struct rk_tree *t, rk_node_id n, uint32_t take_acl);
void rk_tree_put_aversion(struct rk_tree *t, rk_node_id n, int32_t aversion);
void rk_tree_put_mod(struct rk_tree *t, rk_node_id n, const struct rk_node_mod *mod);
void rk_tree_put_children(struct rk_tree *t, rk_node_id n, rk_zxid pzxid, int32_t cversion);
/* pzxid is only ever raised. */
void rk_tree_raise_pzxid(struct rk_tree *t, rk_node_id n, rk_zxid zxid);
/* Removes a node and, deepest first, what is below it. */
void rk_tree_remove_all(struct rk_tree *t, rk_node_id n);

/* -- usage.c: quotas of the tree */

/* What was created, or is gone, may be a node that makes a quota. */
void rk_tree_quota_created(struct rk_tree *t, struct rk_bytes path);
void rk_tree_quota_removed(struct rk_tree *t, struct rk_bytes path);
/* Adds to the usage of the deepest quota that covers path. */
void rk_tree_quota_count(struct rk_tree *t, struct rk_bytes path, int64_t bytes, int64_t count);
/* After loading: registers every quota and counts its usage. */
void rk_tree_quota_rebuild(struct rk_tree *t);

/* -- load.c */

/* The built-in nodes that are not there. */
void rk_tree_add_builtins(struct rk_tree *t);

#endif
