/* Slots addressed by a 32-bit index, in segments that never move: ids instead of pointers, O(1)
 * allocation, no stall on growth. Slot 0 is never handed out. */
#ifndef RK_BASE_SLAB_H
#define RK_BASE_SLAB_H

#include "base/mem.h"

#define RK_SLAB_SEGMENT_SLOTS 4096u

struct rk_slab {
    struct rk_mem *mem;
    uint8_t **segments;
    uint32_t segment_count;
    uint32_t segment_cap;
    uint32_t slot_bytes; /* >= 4: free slots are chained through their first four bytes */
    uint32_t high;       /* slots ever used: every live index is < high */
    uint32_t free_head;  /* 0 = none */
    uint32_t live;
    uint32_t max; /* most slots alive at once */
};

void rk_slab_init(struct rk_slab *s, struct rk_mem *mem, uint32_t slot_bytes, uint32_t max);
void rk_slab_deinit(struct rk_slab *s);
/* A zeroed slot's index, or 0 when max is reached. Panics when memory is out. */
uint32_t rk_slab_take(struct rk_slab *s) RK_MUST_CHECK;
/* Overwrites the first four bytes; the others stay as they are until the slot is taken again. */
void rk_slab_give(struct rk_slab *s, uint32_t index);
/* Valid for 0 < index < high; the caller knows which are alive. */
void *rk_slab_at(const struct rk_slab *s, uint32_t index);

#endif
