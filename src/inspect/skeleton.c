/* A tree of names. Guarantees that whatever a snapshot says, it is a tree: a node hangs below one
 * that was there before, so that nothing can be its own ancestor, and no walk recurses. */
#include "inspect/skeleton.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "inspect/tool.h"

#define NODES_MAX ((uint32_t)1 << 30) /* twice as many slots must be countable */
#define SLOTS_MIN 1024u
#define NODES_MIN 256u
#define NAMES_MIN ((uint64_t)1 << 16)

void rk_ins_skeleton_init(struct rk_ins_skeleton *s, struct rk_mem *mem, uint32_t depth_max)
{
    *s = (struct rk_ins_skeleton){.mem = mem, .depth_max = depth_max, .seed = rk_ins_seed()};
}

void rk_ins_skeleton_deinit(struct rk_ins_skeleton *s)
{
    rk_mem_free(s->mem, s->nodes, s->cap * sizeof(*s->nodes));
    rk_mem_free(s->mem, s->names, s->names_cap);
    rk_mem_free(s->mem, s->slots, s->slot_count * sizeof(*s->slots));
    rk_ins_skeleton_init(s, s->mem, s->depth_max);
}

struct rk_bytes rk_ins_skeleton_name(const struct rk_ins_skeleton *s, uint32_t node)
{
    const struct rk_ins_node *n = &s->nodes[node];
    return (struct rk_bytes){s->names + n->name_at, n->name_len};
}

/* -- Finding
 * ------------------------------------------------------------------------------------------ */

static uint32_t *slot_of(const struct rk_ins_skeleton *s, uint32_t parent, struct rk_bytes name)
{
    uint32_t at =
        (uint32_t)rk_hash_bytes(name.data, name.len, s->seed + parent) & (s->slot_count - 1);
    for (;;) {
        uint32_t *slot = &s->slots[at];
        if (*slot == 0) {
            return slot;
        }
        uint32_t node = *slot - 1;
        if (s->nodes[node].parent == parent &&
            rk_bytes_equal(rk_ins_skeleton_name(s, node), name)) {
            return slot;
        }
        at = (at + 1) & (s->slot_count - 1);
    }
}

/* The component of path that begins behind the slash at *at; moves *at behind it. */
static struct rk_bytes next_name(struct rk_bytes path, uint32_t *at)
{
    uint32_t start = *at + 1;
    const uint8_t *end = memchr(path.data + start, '/', path.len - start);
    uint32_t len = end != NULL ? (uint32_t)(end - path.data) - start : path.len - start;
    *at = start + len;
    return (struct rk_bytes){path.data + start, len};
}

static uint32_t child_of(const struct rk_ins_skeleton *s, uint32_t parent, struct rk_bytes name)
{
    return *slot_of(s, parent, name) - 1; /* 0 - 1 is NONE */
}

uint32_t rk_ins_skeleton_find(const struct rk_ins_skeleton *s, struct rk_bytes path)
{
    uint32_t node = 0;
    uint32_t at = 0;
    if (s->count == 0 || (path.len > 0 && path.data[0] != '/')) {
        return RK_INS_NODE_NONE;
    }
    if (path.len == 1) {
        return 0;
    }
    while (at < path.len && node != RK_INS_NODE_NONE) {
        struct rk_bytes name = next_name(path, &at);
        node = child_of(s, node, name);
    }
    return node;
}

/* -- Adding
 * ------------------------------------------------------------------------------------------- */

static bool grow_nodes(struct rk_ins_skeleton *s)
{
    uint32_t cap = s->cap == 0 ? NODES_MIN : s->cap * 2;
    struct rk_ins_node *nodes = NULL;
    if (cap <= NODES_MAX) {
        nodes = rk_mem_resize(s->mem, s->nodes, s->cap * sizeof(*nodes), cap * sizeof(*nodes));
    }
    if (nodes == NULL) {
        return false;
    }
    s->nodes = nodes;
    s->cap = cap;
    return true;
}

static bool grow_names(struct rk_ins_skeleton *s, uint32_t more)
{
    uint64_t cap = s->names_cap == 0 ? NAMES_MIN : s->names_cap * 2;
    while (cap - s->names_len < more) {
        cap *= 2;
    }
    uint8_t *names = rk_mem_resize(s->mem, s->names, s->names_cap, cap);
    if (names == NULL) {
        return false;
    }
    s->names = names;
    s->names_cap = cap;
    return true;
}

static bool grow_slots(struct rk_ins_skeleton *s)
{
    uint32_t old = s->slot_count;
    uint32_t *slots = s->slots;
    uint32_t count = old == 0 ? SLOTS_MIN : old * 2;
    uint32_t *fresh = rk_mem_zalloc(s->mem, count * sizeof(*fresh));
    if (fresh == NULL) {
        return false;
    }
    s->slots = fresh;
    s->slot_count = count;
    for (uint32_t i = 0; i < s->count; i++) {
        *slot_of(s, s->nodes[i].parent, rk_ins_skeleton_name(s, i)) = i + 1;
    }
    rk_mem_free(s->mem, slots, old * sizeof(*slots));
    return true;
}

static bool make_room(struct rk_ins_skeleton *s, uint32_t name_len)
{
    /* At most half of the slots are taken. */
    return (s->count < s->cap || grow_nodes(s)) &&
           (s->names_cap - s->names_len >= name_len || grow_names(s, name_len)) &&
           (s->count < s->slot_count / 2 || grow_slots(s));
}

static enum rk_err insert(struct rk_ins_skeleton *s, uint32_t parent, struct rk_bytes name,
                          uint32_t *ret)
{
    if (!make_room(s, name.len)) {
        return RK_ERR_NOMEM;
    }
    uint32_t *slot = slot_of(s, parent, name);
    RK_ASSERT(*slot == 0);
    struct rk_ins_node *n = &s->nodes[s->count];
    *n = (struct rk_ins_node){.parent = parent,
                              .first = RK_INS_NODE_NONE,
                              .next = RK_INS_NODE_NONE,
                              .name_at = s->names_len,
                              .name_len = name.len};
    n->depth = parent == RK_INS_NODE_NONE ? 0 : s->nodes[parent].depth + 1;
    if (name.len > 0) {
        memcpy(s->names + s->names_len, name.data, name.len);
    }
    s->names_len += name.len;
    *ret = s->count++;
    *slot = *ret + 1;
    return RK_OK;
}

static void count_in(struct rk_ins_node *n, unsigned side, const struct rk_ins_side *info)
{
    n->side[side].total_bytes += info->data_bytes;
    n->side[side].total_count++;
}

static enum rk_err take(struct rk_ins_skeleton *s, unsigned side, uint32_t node,
                        const struct rk_ins_side *info)
{
    struct rk_ins_node *n = &s->nodes[node];
    if (n->is_there[side]) {
        return RK_ERR_CORRUPT;
    }
    n->is_there[side] = true;
    n->side[side] = *info;
    n->side[side].total_bytes = 0;
    n->side[side].total_count = 0;
    return RK_OK;
}

enum rk_err rk_ins_skeleton_add(struct rk_ins_skeleton *s, unsigned side, struct rk_bytes path,
                                const struct rk_ins_side *info)
{
    uint32_t node = RK_INS_NODE_NONE;
    uint32_t parent = RK_INS_NODE_NONE;
    struct rk_bytes name = rk_bytes_str("");
    uint32_t at = 0;
    uint32_t depth = 0;
    if (path.len > 0 && (path.data[0] != '/' || s->count == 0)) {
        return RK_ERR_CORRUPT;
    }
    node = s->count > 0 ? 0 : RK_INS_NODE_NONE;
    while (at < path.len) {
        parent = node;
        if (parent == RK_INS_NODE_NONE || !s->nodes[parent].is_there[side]) {
            return RK_ERR_CORRUPT;
        }
        if (depth == s->depth_max) {
            count_in(&s->nodes[parent], side, info);
            return RK_OK;
        }
        name = next_name(path, &at);
        if (name.len == 0) {
            return RK_ERR_CORRUPT;
        }
        node = child_of(s, parent, name);
        depth++;
    }
    if (node == RK_INS_NODE_NONE) {
        enum rk_err err = insert(s, parent, name, &node);
        if (err != RK_OK) {
            return err;
        }
    }
    return take(s, side, node, info);
}

/* -- When all are there
 * --------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b, void *ctx)
{
    const struct rk_ins_skeleton *s = ctx;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return rk_bytes_compare(rk_ins_skeleton_name(s, x), rk_ins_skeleton_name(s, y));
}

/* Sorted by name once, then hung below their parents from the last on, so that each list comes out
 * sorted. The slots are not needed for that, but stay right: indices do not change. */
static void link_children(struct rk_ins_skeleton *s)
{
    uint32_t *order = rk_mem_must_alloc(s->mem, s->count * sizeof(*order));
    for (uint32_t i = 0; i < s->count; i++) {
        order[i] = i;
    }
    qsort_r(order, s->count, sizeof(*order), compare_names, s);
    for (uint32_t i = s->count; i-- > 0;) {
        struct rk_ins_node *n = &s->nodes[order[i]];
        if (n->parent != RK_INS_NODE_NONE) {
            n->next = s->nodes[n->parent].first;
            s->nodes[n->parent].first = order[i];
        }
    }
    rk_mem_free(s->mem, order, s->count * sizeof(*order));
}

void rk_ins_skeleton_done(struct rk_ins_skeleton *s)
{
    if (s->count == 0) {
        return;
    }
    link_children(s);
    for (uint32_t i = s->count; i-- > 0;) {
        struct rk_ins_node *n = &s->nodes[i];
        for (unsigned side = 0; side < 2; side++) {
            n->side[side].total_bytes += n->side[side].data_bytes;
            if (n->is_there[side] && n->parent != RK_INS_NODE_NONE) {
                struct rk_ins_side *up = &s->nodes[n->parent].side[side];
                up->total_bytes += n->side[side].total_bytes;
                up->total_count += n->side[side].total_count + 1;
            }
        }
    }
}

void rk_ins_skeleton_path(const struct rk_ins_skeleton *s, uint32_t node, struct rk_buf *b)
{
    size_t len = 0;
    for (uint32_t i = node; s->nodes[i].parent != RK_INS_NODE_NONE; i = s->nodes[i].parent) {
        len += 1 + s->nodes[i].name_len;
    }
    if (!rk_buf_reserve(b, len)) {
        return;
    }
    size_t at = b->len + len;
    for (uint32_t i = node; s->nodes[i].parent != RK_INS_NODE_NONE; i = s->nodes[i].parent) {
        struct rk_bytes name = rk_ins_skeleton_name(s, i);
        at -= name.len;
        memcpy(b->data + at, name.data, name.len);
        b->data[--at] = '/';
    }
    b->len += len;
}

uint32_t rk_ins_skeleton_walk(const struct rk_ins_skeleton *s, uint32_t top, uint32_t node)
{
    if (s->nodes[node].first != RK_INS_NODE_NONE) {
        return s->nodes[node].first;
    }
    while (node != top && s->nodes[node].next == RK_INS_NODE_NONE) {
        node = s->nodes[node].parent;
    }
    return node == top ? RK_INS_NODE_NONE : s->nodes[node].next;
}

int rk_ins_skeleton_compare(const struct rk_ins_skeleton *s, uint32_t a, uint32_t b)
{
    bool is_deeper = false;
    if (a == b) {
        return 0;
    }
    while (s->nodes[a].parent != s->nodes[b].parent) {
        a = s->nodes[a].parent;
        b = s->nodes[b].parent;
        is_deeper = true;
    }
    struct rk_bytes x = rk_ins_skeleton_name(s, a);
    struct rk_bytes y = rk_ins_skeleton_name(s, b);
    uint32_t len = x.len < y.len ? x.len : y.len;
    int order = memcmp(x.data, y.data, len);
    if (order != 0 || !is_deeper || x.len == y.len) {
        return order != 0 ? order : rk_bytes_compare(x, y);
    }
    /* One goes on with a slash where the other's name goes on. */
    return x.len < y.len ? '/' - y.data[len] : x.data[len] - '/';
}
