/* The ACL table. Guarantees that equal lists share an entry, that a list stays readable until the
 * sweep after its last use, and that a list out of use is never found again: using it anew gives it
 * a new id, as in Apache. Judging ACLs is the core's business. */
#include "tree/acls.h"

#include "base/list.h"
#include "proto/opcode.h"

#include <string.h>

/* Leaves room for every list a server could ever intern after the largest id a file may hold. */
#define ID_MAX (INT64_MAX / 2)

struct acl_entry {
    struct rk_map_entry
        by_list; /* first, for the slab's chain must not touch what tells live from free */
    struct rk_map_entry by_id;
    int64_t id;
    struct rk_vec_acl list;  /* strings lie in encoded */
    struct rk_bytes encoded; /* as in a snapshot; null: the id is used but not defined */
    uint32_t uses;
    uint32_t dead_next;
    bool is_live;    /* in by_id */
    bool is_in_list; /* in by_list: false for the elder of two equal lists in a file */
};

static const struct rk_acl open_acl = {
    .perms = RK_PERM_ALL,
    .id = {{(const uint8_t *)"world", 5}, {(const uint8_t *)"anyone", 6}},
};
static const struct rk_vec_acl open_list = {1, (struct rk_acl *)(uintptr_t)&open_acl};

static struct acl_entry *entry_at(const struct rk_acls *t, uint32_t index)
{
    RK_ASSERT(index != RK_ACLS_OPEN);
    return rk_slab_at(&t->entries, index);
}

static struct rk_bytes key_of(const struct rk_map_entry *link)
{
    const struct acl_entry *e = RK_CONTAINER_OF(link, struct acl_entry, by_list);
    return e->encoded;
}

/* The slab hands out indexes, the maps find entries: this leads from one to the other. */
static uint32_t index_of(const struct acl_entry *e)
{
    RK_ASSERT(e->dead_next != 0);
    return e->dead_next; /* its own index while it lives */
}

void rk_acls_init(struct rk_acls *t, struct rk_mem *mem, uint64_t seed)
{
    *t = (struct rk_acls){.mem = mem};
    rk_slab_init(&t->entries, mem, sizeof(struct acl_entry), UINT32_MAX - 1);
    rk_bytemap_init(&t->by_list, mem, seed, key_of);
    rk_map_init(&t->by_id, mem, seed);
    rk_buf_init(&t->scratch, mem, SIZE_MAX / 4);
}

static void free_list(struct rk_acls *t, struct acl_entry *e)
{
    if (e->list.items != NULL) {
        rk_mem_free(t->mem, e->list.items, (size_t)e->list.count * sizeof(e->list.items[0]));
    }
    if (e->encoded.data != NULL) {
        rk_mem_free(t->mem, (uint8_t *)(uintptr_t)e->encoded.data, e->encoded.len);
    }
    e->list.items = NULL;
    e->encoded.data = NULL;
}

void rk_acls_sweep(struct rk_acls *t)
{
    while (t->dead_head != 0) {
        uint32_t index = t->dead_head;
        struct acl_entry *e = entry_at(t, index);
        RK_ASSERT(!e->is_live);
        t->dead_head = e->dead_next;
        free_list(t, e);
        rk_slab_give(&t->entries, index);
    }
}

void rk_acls_deinit(struct rk_acls *t)
{
    rk_acls_sweep(t);
    struct rk_map_entry *link;
    while ((link = rk_map_drain(&t->by_id)) != NULL) {
        free_list(t, RK_CONTAINER_OF(link, struct acl_entry, by_id));
    }
    rk_map_deinit(&t->by_id);
    rk_bytemap_deinit(&t->by_list);
    rk_slab_deinit(&t->entries);
    rk_buf_deinit(&t->scratch);
}

/* An entry for this id, without a list and unused. */
static struct acl_entry *add_entry(struct rk_acls *t, int64_t id)
{
    uint32_t index = rk_slab_take(&t->entries);
    if (index == 0) {
        rk_panic(__FILE__, __LINE__, "more ACL lists than the table can hold");
    }
    struct acl_entry *e = entry_at(t, index);
    e->id = id;
    e->dead_next = index;
    e->is_live = true;
    rk_map_insert(&t->by_id, &e->by_id, (uint64_t)id);
    return e;
}

/* The list as a snapshot holds it, in the scratch buffer. */
static struct rk_bytes encode(struct rk_acls *t, const struct rk_vec_acl *list)
{
    rk_buf_reset(&t->scratch);
    rk_proto_write_vec_acl(&t->scratch, list);
    if (t->scratch.failed) {
        rk_panic(__FILE__, __LINE__, "out of memory for an ACL list");
    }
    return rk_buf_view(&t->scratch);
}

/* Gives the entry its own copy of the list. */
static void set_list(struct rk_acls *t, struct acl_entry *e, struct rk_bytes encoded)
{
    uint8_t *copy = rk_mem_must_alloc(t->mem, encoded.len);
    memcpy(copy, encoded.data, encoded.len);
    e->encoded = rk_bytes_of(copy, encoded.len);
    struct rk_reader r;
    rk_reader_init(&r, e->encoded, UINT32_MAX);
    e->list.count = rk_read_i32(&r);
    RK_ASSERT(e->list.count >= 0);
    if (e->list.count > 0) {
        size_t bytes = (size_t)e->list.count * sizeof(e->list.items[0]);
        e->list.items = rk_mem_must_alloc(t->mem, bytes);
    }
    for (int32_t i = 0; i < e->list.count; i++) {
        e->list.items[i].perms = rk_read_i32(&r);
        e->list.items[i].id.scheme = rk_read_bytes(&r);
        e->list.items[i].id.id = rk_read_bytes(&r);
    }
    RK_ASSERT(!r.failed);
    RK_ASSERT(rk_reader_left(&r) == 0);
    rk_bytemap_insert(&t->by_list, &e->by_list);
    e->is_in_list = true;
    t->known_count++;
}

uint32_t rk_acls_intern(struct rk_acls *t, const struct rk_vec_acl *list)
{
    if (list->count < 0) {
        return RK_ACLS_OPEN;
    }
    struct rk_bytes encoded = encode(t, list);
    struct rk_map_entry *link = rk_bytemap_find(&t->by_list, encoded);
    struct acl_entry *e;
    if (link != NULL) {
        e = RK_CONTAINER_OF(link, struct acl_entry, by_list);
    } else {
        do {
            t->id_last++; /* an undefined id that a file used may be in the way */
        } while (rk_map_find(&t->by_id, (uint64_t)t->id_last) != NULL);
        e = add_entry(t, t->id_last);
        set_list(t, e, encoded);
    }
    e->uses++;
    RK_ASSERT(e->uses > 0);
    return index_of(e);
}

/* Out of both maps, and onto the dead list. */
static void kill_entry(struct rk_acls *t, struct acl_entry *e)
{
    RK_ASSERT(e->is_live);
    uint32_t index = index_of(e);
    if (e->is_in_list) {
        rk_bytemap_remove(&t->by_list, &e->by_list);
        e->is_in_list = false;
    }
    if (e->encoded.data != NULL) {
        t->known_count--;
    }
    struct rk_map_entry *link = rk_map_remove(&t->by_id, (uint64_t)e->id);
    RK_ASSERT(link == &e->by_id);
    e->is_live = false;
    e->dead_next = t->dead_head;
    t->dead_head = index;
}

void rk_acls_release(struct rk_acls *t, uint32_t index)
{
    if (index == RK_ACLS_OPEN) {
        return;
    }
    struct acl_entry *e = entry_at(t, index);
    RK_ASSERT(e->is_live);
    RK_ASSERT(e->uses > 0);
    e->uses--;
    if (e->uses == 0) {
        kill_entry(t, e);
    }
}

const struct rk_vec_acl *rk_acls_list(const struct rk_acls *t, uint32_t index)
{
    if (index == RK_ACLS_OPEN) {
        return &open_list;
    }
    const struct acl_entry *e = entry_at(t, index);
    return e->encoded.data == NULL ? NULL : &e->list;
}

int64_t rk_acls_id(const struct rk_acls *t, uint32_t index)
{
    return index == RK_ACLS_OPEN ? RK_ACLS_OPEN_ID : entry_at(t, index)->id;
}

bool rk_acls_define(struct rk_acls *t, int64_t id, const struct rk_vec_acl *list)
{
    RK_ASSERT(list->count >= 0);
    if (id <= 0 || id > ID_MAX || rk_map_find(&t->by_id, (uint64_t)id) != NULL) {
        return false;
    }
    struct rk_bytes encoded = encode(t, list);
    struct rk_map_entry *link = rk_bytemap_find(&t->by_list, encoded);
    if (link != NULL) { /* nodes may use either id; the later one is interned to, as in Apache */
        rk_bytemap_remove(&t->by_list, link);
        RK_CONTAINER_OF(link, struct acl_entry, by_list)->is_in_list = false;
    }
    set_list(t, add_entry(t, id), encoded);
    if (t->id_last < id) {
        t->id_last = id;
    }
    return true;
}

uint32_t rk_acls_use_id(struct rk_acls *t, int64_t id)
{
    if (id == RK_ACLS_OPEN_ID) {
        return RK_ACLS_OPEN;
    }
    struct rk_map_entry *link = rk_map_find(&t->by_id, (uint64_t)id);
    struct acl_entry *e =
        link == NULL ? add_entry(t, id) : RK_CONTAINER_OF(link, struct acl_entry, by_id);
    e->uses++;
    RK_ASSERT(e->uses > 0);
    return index_of(e);
}

void rk_acls_purge(struct rk_acls *t)
{
    for (uint32_t i = 1; i < t->entries.high; i++) {
        struct acl_entry *e = entry_at(t, i);
        if (e->is_live && e->uses == 0) {
            kill_entry(t, e);
        }
    }
    rk_acls_sweep(t);
}

void rk_acls_write(const struct rk_acls *t, struct rk_buf *out)
{
    RK_ASSERT(t->known_count <= INT32_MAX);
    uint32_t written = 0;
    rk_buf_put_i32(out, (int32_t)t->known_count);
    for (uint32_t i = 1; i < t->entries.high; i++) {
        const struct acl_entry *e = entry_at(t, i);
        if (e->is_live && e->encoded.data != NULL) {
            rk_buf_put_i64(out, e->id);
            rk_buf_put(out, e->encoded.data, e->encoded.len);
            written++;
        }
    }
    RK_ASSERT(written == t->known_count);
}

void rk_acls_check(const struct rk_acls *t, const uint32_t *uses)
{
    uint32_t live = 0;
    uint32_t known = 0;
    for (uint32_t i = 1; i < t->entries.high; i++) {
        const struct acl_entry *e = entry_at(t, i);
        if (!e->is_live) {
            RK_ASSERT(uses[i] == 0);
            continue;
        }
        live++;
        known += e->encoded.data != NULL ? 1 : 0;
        RK_ASSERT(e->uses == uses[i]);
        RK_ASSERT(index_of(e) == i);
        RK_ASSERT(e->id != RK_ACLS_OPEN_ID);
        RK_ASSERT(rk_map_find(&t->by_id, (uint64_t)e->id) == &e->by_id);
        if (e->is_in_list) {
            RK_ASSERT(rk_bytemap_find(&t->by_list, e->encoded) == &e->by_list);
        }
    }
    RK_ASSERT(live == t->by_id.count);
    RK_ASSERT(known == t->known_count);
}
