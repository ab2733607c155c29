/* Scratch for one unit of work: bump allocation from chunks, all given back by one reset. */
#ifndef RK_BASE_ARENA_H
#define RK_BASE_ARENA_H

#include "base/bytes.h"

struct rk_arena_chunk;

struct rk_arena {
    struct rk_mem *mem;
    struct rk_arena_chunk *first;
    struct rk_arena_chunk *current;
    size_t used_bytes;
};

void rk_arena_init(struct rk_arena *a, struct rk_mem *mem);
void rk_arena_deinit(struct rk_arena *a);
/* Keeps one chunk of at most 64 KiB for the next unit of work and frees the rest. */
void rk_arena_reset(struct rk_arena *a);
/* Aligned to 16, not zeroed; panics when memory is out (inputs were bounded before). */
void *rk_arena_alloc(struct rk_arena *a, size_t size);
struct rk_bytes rk_arena_dup(struct rk_arena *a, struct rk_bytes b); /* null stays null */

#endif
