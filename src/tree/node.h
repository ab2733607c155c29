/* The record of one znode: one allocation holding a fixed head, the sections that this node needs,
 * its name and its data. A node that was never changed, has no children and no owner is 32 bytes
 * over name and data. What a missing section would say follows from the head: a node without
 * RK_NODE_MOD has mzxid
 * == czxid, and so on. Records grow by being rebuilt; nothing but the slot table points at them. */
#ifndef RK_TREE_NODE_H
#define RK_TREE_NODE_H

#include "proto/records.h"
#include "tree/tree.h"

/* Flags: sections present, in this order in the record, and RK_NODE_NO_DIGEST for what is below
 * /zookeeper/ and so not part of the tree digest. */
#define RK_NODE_MOD       0x01u
#define RK_NODE_DIR       0x02u
#define RK_NODE_EXT       0x04u
#define RK_NODE_NO_DIGEST 0x08u
#define RK_NODE_SECTIONS  (RK_NODE_MOD | RK_NODE_DIR | RK_NODE_EXT)

#define RK_NODE_NAME_MAX  0xffffffu
#define RK_NODE_DATA_NULL UINT32_MAX

struct rk_node {
    int64_t czxid;
    int64_t ctime;
    rk_node_id parent;
    uint32_t acl;       /* index in the ACL table */
    uint32_t name_bits; /* flags << 24 | length of the name */
    uint32_t data_len;  /* RK_NODE_DATA_NULL: null */
    uint8_t tail[];
};
_Static_assert(sizeof(struct rk_node) == 32, "the memory budget counts on it");

/* Changed after its creation. */
struct rk_node_mod {
    int64_t mzxid;
    int64_t mtime;
    int32_t version;
};
#define RK_NODE_MOD_BYTES 20u

/* Has, or had, children. */
struct rk_node_dir {
    int64_t pzxid;
    uint64_t bytes_below; /* data of all descendants */
    int32_t cversion;     /* as stored: children ever created */
    rk_node_id first_child;
    uint32_t child_count;
    uint32_t count_below; /* descendants */
};
#define RK_NODE_DIR_BYTES 32u

/* Has an owner or changed ACLs. prev and next link the nodes of one session, or the reapable ones.
 */
struct rk_node_ext {
    int64_t owner;
    int32_t aversion;
    rk_node_id prev;
    rk_node_id next;
};
#define RK_NODE_EXT_BYTES 20u

/* A record from its parts; the sections that stat needs are there. name is at most
 * RK_NODE_NAME_MAX. */
struct rk_node *rk_node_create(struct rk_mem *mem, struct rk_bytes name, struct rk_bytes data,
                               const struct rk_stat_persisted *stat);
void rk_node_destroy(struct rk_mem *mem, struct rk_node *n);
/* The same node with these sections added, in place of take_n, which is gone. */
struct rk_node *rk_node_with(struct rk_mem *mem, struct rk_node *take_n, uint32_t sections);
/* The same node with other data, in place of take_n. */
struct rk_node *rk_node_with_data(struct rk_mem *mem, struct rk_node *take_n, struct rk_bytes data);
size_t rk_node_bytes(const struct rk_node *n); /* of the allocation */

static inline uint32_t rk_node_flags(const struct rk_node *n)
{
    return n->name_bits >> 24;
}

static inline uint32_t rk_node_name_len(const struct rk_node *n)
{
    return n->name_bits & RK_NODE_NAME_MAX;
}

static inline uint32_t rk_node_data_len(const struct rk_node *n)
{
    return n->data_len == RK_NODE_DATA_NULL ? 0 : n->data_len;
}

struct rk_bytes rk_node_name(const struct rk_node *n);
struct rk_bytes rk_node_data(const struct rk_node *n);

/* Sections: a missing one reads as what it would say; writing needs it to be there. */
void rk_node_get_mod(const struct rk_node *n, struct rk_node_mod *ret);
void rk_node_get_dir(const struct rk_node *n, struct rk_node_dir *ret);
void rk_node_get_ext(const struct rk_node *n, struct rk_node_ext *ret);
void rk_node_put_mod(struct rk_node *n, const struct rk_node_mod *v);
void rk_node_put_dir(struct rk_node *n, const struct rk_node_dir *v);
void rk_node_put_ext(struct rk_node *n, const struct rk_node_ext *v);
void rk_node_stat(const struct rk_node *n, struct rk_stat_persisted *ret);

#endif
