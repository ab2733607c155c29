/* Counts by key, for summaries: bounded, the rest is counted together. */
#ifndef RK_INSPECT_TALLY_H
#define RK_INSPECT_TALLY_H

#include "base/arena.h"
#include "base/map.h"

struct rk_ins_tally_item {
    struct rk_map_entry entry; /* first: rk_bytemap */
    struct rk_bytes key;
    uint64_t count;
    uint64_t bytes;
};

struct rk_ins_tally {
    struct rk_mem *mem;
    struct rk_bytemap map;
    struct rk_arena arena;
    uint32_t max;  /* different keys */
    uint64_t rest; /* what came with others after these */
    uint64_t rest_bytes;
};

void rk_ins_tally_init(struct rk_ins_tally *t, struct rk_mem *mem, uint32_t max);
void rk_ins_tally_deinit(struct rk_ins_tally *t);
void rk_ins_tally_add(struct rk_ins_tally *t, struct rk_bytes key, uint64_t count, uint64_t bytes);
/* All of them, the largest count first, equal ones by key; *ret in mem, free with
 * rk_ins_tally_free. NULL if there are none, or no memory. */
struct rk_ins_tally_item **rk_ins_tally_sorted(struct rk_ins_tally *t, size_t *ret_count);
void rk_ins_tally_free(struct rk_ins_tally *t, struct rk_ins_tally_item **items);

#endif
