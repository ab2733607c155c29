/* Slots by index. Guarantees that slots never move, that an index is never handed out twice while
 * it lives, and that growth costs one segment at a time. Generations, where reuse must be told
 * apart, are the caller's. */
#include "base/slab.h"

#include <string.h>

#define SEGMENT_CAP_FIRST 4u

void rk_slab_init(struct rk_slab *s, struct rk_mem *mem, uint32_t slot_bytes, uint32_t max)
{
    RK_ASSERT(slot_bytes >= sizeof(uint32_t));
    RK_ASSERT(max < UINT32_MAX); /* slot 0 is spent */
    *s = (struct rk_slab){.mem = mem, .slot_bytes = slot_bytes, .high = 1, .max = max};
}

static size_t segment_bytes(const struct rk_slab *s)
{
    return (size_t)RK_SLAB_SEGMENT_SLOTS * s->slot_bytes;
}

void rk_slab_deinit(struct rk_slab *s)
{
    for (uint32_t i = 0; i < s->segment_count; i++) {
        rk_mem_free(s->mem, s->segments[i], segment_bytes(s));
    }
    rk_mem_free(s->mem, s->segments, s->segment_cap * sizeof(s->segments[0]));
    rk_slab_init(s, s->mem, s->slot_bytes, s->max);
}

static uint8_t *slot_at(const struct rk_slab *s, uint32_t index)
{
    RK_ASSERT(index > 0);
    RK_ASSERT(index < s->high);
    uint8_t *segment = s->segments[index / RK_SLAB_SEGMENT_SLOTS];
    return segment + (size_t)(index % RK_SLAB_SEGMENT_SLOTS) * s->slot_bytes;
}

static void add_segment(struct rk_slab *s)
{
    if (s->segment_count == s->segment_cap) {
        uint32_t cap = s->segment_cap == 0 ? SEGMENT_CAP_FIRST : s->segment_cap * 2;
        size_t entry_bytes = sizeof(s->segments[0]);
        s->segments = rk_mem_must_resize(s->mem, s->segments, s->segment_cap * entry_bytes,
                                         cap * entry_bytes);
        s->segment_cap = cap;
    }
    s->segments[s->segment_count] = rk_mem_must_alloc(s->mem, segment_bytes(s));
    s->segment_count++;
}

uint32_t rk_slab_take(struct rk_slab *s)
{
    RK_ASSERT(s->live < s->high);
    if (s->live >= s->max) {
        return 0;
    }
    uint32_t index = s->free_head;
    if (index != 0) {
        memcpy(&s->free_head, slot_at(s, index), sizeof(s->free_head));
        RK_ASSERT(s->free_head < s->high);
    } else {
        RK_ASSERT(s->live == s->high - 1);
        if (s->high / RK_SLAB_SEGMENT_SLOTS == s->segment_count) {
            add_segment(s);
        }
        index = s->high;
        s->high++;
    }
    memset(slot_at(s, index), 0, s->slot_bytes);
    s->live++;
    return index;
}

void rk_slab_give(struct rk_slab *s, uint32_t index)
{
    RK_ASSERT(s->live > 0);
    RK_ASSERT(index != s->free_head); /* the commonest double give */
    memcpy(slot_at(s, index), &s->free_head, sizeof(s->free_head));
    s->free_head = index;
    s->live--;
}

void *rk_slab_at(const struct rk_slab *s, uint32_t index)
{
    return slot_at(s, index);
}
