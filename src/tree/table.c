/* Slots and the index over paths. Guarantees that an id names one node until it is removed, that
 * adding and removing cost O(1) however large the table is, and that nothing depends on addresses.
 * The index never shrinks. Comparing paths is the tree's business: here equal hashes are just one
 * chain. */
#include "tree/table.h"

#include <string.h>

#define BUCKET_BITS     12u
#define SEGMENT_BUCKETS (1u << BUCKET_BITS)
#define CAP_FIRST       4u

void rk_table_init(struct rk_table *t, struct rk_mem *mem)
{
    *t = (struct rk_table){.mem = mem, .high = 1}; /* slot 0 is RK_NODE_NONE */
}

void rk_table_deinit(struct rk_table *t)
{
    for (rk_node_id id = 1; id < t->high; id++) {
        struct rk_node *node = rk_table_slot(t, id)->node;
        if (node != NULL) {
            rk_node_destroy(t->mem, node);
        }
    }
    for (uint32_t i = 0; i < t->segment_count; i++) {
        rk_mem_free(t->mem, t->segments[i], sizeof(*t->segments[i]));
    }
    rk_mem_free(t->mem, t->segments, t->segment_cap * sizeof(t->segments[0]));
    for (uint32_t i = 0; i < t->bucket_count; i += SEGMENT_BUCKETS) {
        rk_mem_free(t->mem, t->buckets[i >> BUCKET_BITS], SEGMENT_BUCKETS * sizeof(rk_node_id));
    }
    rk_mem_free(t->mem, t->buckets, t->bucket_segment_cap * sizeof(t->buckets[0]));
    rk_table_init(t, t->mem);
}

/* Makes room for one more entry in a directory of pointers. */
static void *grow_directory(struct rk_mem *mem, void *directory, uint32_t *cap)
{
    uint32_t new_cap = *cap == 0 ? CAP_FIRST : *cap * 2;
    RK_ASSERT(new_cap > *cap);
    void *grown =
        rk_mem_must_resize(mem, directory, *cap * sizeof(void *), new_cap * sizeof(void *));
    *cap = new_cap;
    return grown;
}

static rk_node_id take_slot(struct rk_table *t)
{
    rk_node_id id = t->free_head;
    if (id != RK_NODE_NONE) {
        t->free_head = rk_table_slot(t, id)->hash_next;
        RK_ASSERT(rk_table_slot(t, id)->node == NULL);
        return id;
    }
    if (t->high == UINT32_MAX) {
        rk_panic(__FILE__, __LINE__, "more nodes than node ids");
    }
    if (t->high >> RK_TABLE_SEGMENT_BITS == t->segment_count) {
        if (t->segment_count == t->segment_cap) {
            t->segments = grow_directory(t->mem, t->segments, &t->segment_cap);
        }
        struct rk_table_segment *segment = rk_mem_must_alloc(t->mem, sizeof(*segment));
        memset(segment->marks_of, 0, sizeof(segment->marks_of));
        memset(segment->marks, 0, sizeof(segment->marks));
        t->segments[t->segment_count] = segment;
        t->segment_count++;
    }
    id = t->high;
    t->high++;
    return id;
}

/* Low bits of the hash, as many as make the next power of two; buckets not yet split off are those
 * of the power before. */
static uint32_t bucket_of(const struct rk_table *t, uint32_t hash)
{
    RK_ASSERT(t->bucket_count > 0);
    uint32_t mask = UINT32_MAX >> __builtin_clz(t->bucket_count | 1u);
    uint32_t bucket = hash & mask;
    return bucket < t->bucket_count ? bucket : bucket & (mask >> 1);
}

static rk_node_id *head_of(const struct rk_table *t, uint32_t bucket)
{
    return &t->buckets[bucket >> BUCKET_BITS][bucket & (SEGMENT_BUCKETS - 1)];
}

/* The bucket whose nodes bucket number added, not 0, takes a share of. */
static uint32_t buddy_of(uint32_t added)
{
    RK_ASSERT(added > 0);
    return added & ~(0x80000000u >> __builtin_clz(added));
}

/* Adds one bucket and moves into it what its hash sends there now. */
static void split_one(struct rk_table *t)
{
    uint32_t added = t->bucket_count;
    if ((added & (SEGMENT_BUCKETS - 1)) == 0) {
        uint32_t segment = added >> BUCKET_BITS;
        if (segment == t->bucket_segment_cap) {
            t->buckets = grow_directory(t->mem, t->buckets, &t->bucket_segment_cap);
        }
        t->buckets[segment] = rk_mem_must_alloc(t->mem, SEGMENT_BUCKETS * sizeof(rk_node_id));
    }
    t->bucket_count++;
    rk_node_id *to = head_of(t, added);
    *to = RK_NODE_NONE;
    if (added == 0) {
        return;
    }
    rk_node_id *from = head_of(t, buddy_of(added));
    while (*from != RK_NODE_NONE) {
        struct rk_slot *slot = rk_table_slot(t, *from);
        if (bucket_of(t, slot->hash) == added) {
            *to = *from;
            to = &slot->hash_next;
            *from = slot->hash_next;
            *to = RK_NODE_NONE;
        } else {
            from = &slot->hash_next;
        }
    }
}

rk_node_id rk_table_add(struct rk_table *t, struct rk_node *take_node, uint32_t hash)
{
    RK_ASSERT(take_node != NULL);
    if (t->live >= t->bucket_count) {
        split_one(t);
    }
    rk_node_id id = take_slot(t);
    rk_node_id *head = head_of(t, bucket_of(t, hash));
    *rk_table_slot(t, id) = (struct rk_slot){.node = take_node, .hash = hash, .hash_next = *head};
    *rk_table_crc(t, id) = 0;
    *head = id;
    t->live++;
    RK_ASSERT(t->live < t->high);
    return id;
}

void rk_table_remove(struct rk_table *t, rk_node_id id)
{
    struct rk_slot *slot = rk_table_slot(t, id);
    RK_ASSERT(slot->node != NULL);
    RK_ASSERT(t->live > 0);
    rk_node_id *at = head_of(t, bucket_of(t, slot->hash));
    while (*at != id) {
        RK_ASSERT(*at != RK_NODE_NONE);
        at = &rk_table_slot(t, *at)->hash_next;
    }
    *at = slot->hash_next;
    rk_node_destroy(t->mem, slot->node);
    *slot = (struct rk_slot){.hash_next = t->free_head};
    t->free_head = id;
    t->live--;
}

rk_node_id rk_table_chain(const struct rk_table *t, uint32_t hash)
{
    return t->bucket_count == 0 ? RK_NODE_NONE : *head_of(t, bucket_of(t, hash));
}

void rk_table_prefetch_bucket(const struct rk_table *t, uint32_t hash)
{
    if (t->bucket_count > 0) {
        __builtin_prefetch(head_of(t, bucket_of(t, hash)));
    }
}

void rk_table_prefetch_chain(const struct rk_table *t, uint32_t hash)
{
    rk_node_id first = rk_table_chain(t, hash);
    if (first != RK_NODE_NONE) {
        __builtin_prefetch(rk_table_slot(t, first));
    }
}

void rk_table_prefetch_split(const struct rk_table *t, uint32_t ahead)
{
    uint32_t added = t->bucket_count + ahead;
    if (added == 0 || buddy_of(added) >= t->bucket_count) {
        return;
    }
    rk_node_id first = *head_of(t, buddy_of(added));
    if (first != RK_NODE_NONE) {
        __builtin_prefetch(rk_table_slot(t, first));
    }
}

bool rk_table_is_marked(const struct rk_table *t, rk_node_id id, uint32_t walk, uint64_t snapshot)
{
    const struct rk_table_segment *segment = rk_table_segment(t, id);
    uint32_t at = id & (RK_TABLE_SEGMENT_SLOTS - 1);
    return segment->marks_of[walk] == snapshot &&
           (segment->marks[walk][at / 64] >> (at % 64) & 1u) != 0;
}

void rk_table_mark(struct rk_table *t, rk_node_id id, uint32_t walk, uint64_t snapshot)
{
    RK_ASSERT(snapshot != 0);
    struct rk_table_segment *segment = rk_table_segment(t, id);
    uint32_t at = id & (RK_TABLE_SEGMENT_SLOTS - 1);
    if (segment->marks_of[walk] != snapshot) {
        memset(segment->marks[walk], 0, sizeof(segment->marks[walk]));
        segment->marks_of[walk] = snapshot;
    }
    segment->marks[walk][at / 64] |= UINT64_C(1) << (at % 64);
}
