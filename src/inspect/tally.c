/* Counting by key. Guarantees bounded memory whatever the keys are: an item each, up to a maximum.
 */
#include "inspect/tally.h"

#include <stdlib.h>

#include "inspect/tool.h"

static struct rk_bytes key_of(const struct rk_map_entry *entry)
{
    return ((const struct rk_ins_tally_item *)entry)->key;
}

void rk_ins_tally_init(struct rk_ins_tally *t, struct rk_mem *mem, uint32_t max)
{
    *t = (struct rk_ins_tally){.mem = mem, .max = max};
    rk_bytemap_init(&t->map, mem, rk_ins_seed(), key_of);
    rk_arena_init(&t->arena, mem);
}

void rk_ins_tally_deinit(struct rk_ins_tally *t)
{
    rk_bytemap_deinit(&t->map);
    rk_arena_deinit(&t->arena);
}

void rk_ins_tally_add(struct rk_ins_tally *t, struct rk_bytes key, uint64_t count, uint64_t bytes)
{
    struct rk_ins_tally_item *item = (struct rk_ins_tally_item *)rk_bytemap_find(&t->map, key);
    if (item == NULL && t->map.map.count >= t->max) {
        t->rest += count;
        t->rest_bytes += bytes;
        return;
    }
    if (item == NULL) {
        item = rk_arena_alloc(&t->arena, sizeof(*item));
        *item = (struct rk_ins_tally_item){.key = rk_arena_dup(&t->arena, key)};
        rk_bytemap_insert(&t->map, &item->entry);
    }
    item->count += count;
    item->bytes += bytes;
}

static int compare(const void *a, const void *b)
{
    const struct rk_ins_tally_item *x = *(struct rk_ins_tally_item *const *)a;
    const struct rk_ins_tally_item *y = *(struct rk_ins_tally_item *const *)b;
    if (x->count != y->count) {
        return x->count > y->count ? -1 : 1;
    }
    return rk_bytes_compare(x->key, y->key);
}

struct rk_ins_tally_item **rk_ins_tally_sorted(struct rk_ins_tally *t, size_t *ret_count)
{
    size_t count = t->map.map.count;
    struct rk_ins_tally_item **items = NULL;
    *ret_count = 0;
    if (count > 0) {
        items = rk_mem_alloc(t->mem, count * sizeof(struct rk_ins_tally_item *));
    }
    if (items == NULL) {
        return NULL;
    }
    size_t bucket = 0;
    struct rk_map_entry *entry = NULL;
    while ((entry = rk_map_next(&t->map.map, &bucket, entry)) != NULL) {
        items[(*ret_count)++] = (struct rk_ins_tally_item *)entry;
    }
    RK_ASSERT(*ret_count == count);
    qsort(items, count, sizeof(struct rk_ins_tally_item *), compare);
    return items;
}

void rk_ins_tally_free(struct rk_ins_tally *t, struct rk_ins_tally_item **items)
{
    if (items != NULL) {
        rk_mem_free(t->mem, items, t->map.map.count * sizeof(struct rk_ins_tally_item *));
    }
}
