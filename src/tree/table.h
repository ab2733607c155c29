/* The table of nodes: id to slot, and hash of the path to ids. Slots live in segments that never
 * move; the index is a linear hash, so no insertion ever pays for a rehash. Marks, one bit a slot
 * and walk, say which nodes a running snapshot has already written; a new snapshot forgets those of
 * its walk segment by segment, when it first looks. */
#ifndef RK_TREE_TABLE_H
#define RK_TREE_TABLE_H

#include "tree/node.h"

#define RK_TABLE_SEGMENT_BITS  12u
#define RK_TABLE_SEGMENT_SLOTS (1u << RK_TABLE_SEGMENT_BITS)

struct rk_slot {
    struct rk_node *node; /* NULL: free, hash_next is the next free one */
    uint32_t hash;
    rk_node_id hash_next;
    rk_node_id prev; /* siblings */
    rk_node_id next;
};
_Static_assert(sizeof(struct rk_slot) == 24, "the memory budget counts on it");

struct rk_table_segment {
    struct rk_slot slots[RK_TABLE_SEGMENT_SLOTS];
    uint32_t crcs[RK_TABLE_SEGMENT_SLOTS]; /* of path and data: what the digest begins with */
    uint64_t marks[RK_TREE_WALKS][RK_TABLE_SEGMENT_SLOTS / 64];
    uint64_t marks_of[RK_TREE_WALKS]; /* the snapshots that the marks belong to */
};

struct rk_table {
    struct rk_mem *mem;
    struct rk_table_segment **segments;
    uint32_t segment_count;
    uint32_t segment_cap;
    rk_node_id high; /* slots ever used: every live id is below */
    rk_node_id free_head;
    uint32_t live;
    rk_node_id **buckets; /* directory of segments of chain heads */
    uint32_t bucket_segment_cap;
    uint32_t bucket_count;
};

void rk_table_init(struct rk_table *t, struct rk_mem *mem);
void rk_table_deinit(struct rk_table *t); /* frees the records too */

/* A slot for take_node, found by this hash from now on, without siblings. Panics when ids run out.
 */
rk_node_id rk_table_add(struct rk_table *t, struct rk_node *take_node, uint32_t hash);
/* Frees the record and the slot. */
void rk_table_remove(struct rk_table *t, rk_node_id id);

/* First node of the hash's bucket; go on by hash_next, which ends with RK_NODE_NONE. */
rk_node_id rk_table_chain(const struct rk_table *t, uint32_t hash);

static inline struct rk_table_segment *rk_table_segment(const struct rk_table *t, rk_node_id id)
{
    RK_ASSERT(id < t->high);
    return t->segments[id >> RK_TABLE_SEGMENT_BITS];
}

static inline struct rk_slot *rk_table_slot(const struct rk_table *t, rk_node_id id)
{
    return &rk_table_segment(t, id)->slots[id & (RK_TABLE_SEGMENT_SLOTS - 1)];
}

static inline uint32_t *rk_table_crc(const struct rk_table *t, rk_node_id id)
{
    return &rk_table_segment(t, id)->crcs[id & (RK_TABLE_SEGMENT_SLOTS - 1)];
}

/* Hints for a bulk load, which would otherwise wait for memory at every insertion: the bucket that
 * hash will be added to; then, a little later, its first node; and what the insertion after `ahead`
 * more will split. */
void rk_table_prefetch_bucket(const struct rk_table *t, uint32_t hash);
void rk_table_prefetch_chain(const struct rk_table *t, uint32_t hash);
void rk_table_prefetch_split(const struct rk_table *t, uint32_t ahead);

/* By the snapshot of that number, which has this walk. */
bool rk_table_is_marked(const struct rk_table *t, rk_node_id id, uint32_t walk, uint64_t snapshot);
void rk_table_mark(struct rk_table *t, rk_node_id id, uint32_t walk, uint64_t snapshot);

#endif
