/* Pending changes by path. Between begin and commit every record touched is journaled, so that a
 * multi that fails half-way leaves no trace. Values of pending nodes are not copied: they lie in
 * the payload of the proposal that carries them, or, once that is applied, in the tree. */
#include "core/overlay.h"

#include <string.h>

#define OVERLAY_ACL_LIMIT 0x7fffffffu

static struct rk_bytes change_path(const struct rk_map_entry *entry)
{
    const struct rk_change *c = RK_CONTAINER_OF(entry, struct rk_change, by_path);
    return rk_bytes_of(c->path, c->path_len);
}

void rk_overlay_init(struct rk_overlay *o, struct rk_mem *mem, uint64_t seed)
{
    memset(o, 0, sizeof(*o));
    o->mem = mem;
    rk_bytemap_init(&o->changes, mem, seed, change_path);
}

/* Records of paths up to this length are all of one size and are kept for the next write. */
#define SHORT_PATH 112u
#define SPARE_MAX  4096u

static size_t change_bytes(uint32_t path_len)
{
    return sizeof(struct rk_change) + (path_len <= SHORT_PATH ? SHORT_PATH : path_len);
}

static struct rk_change *alloc_change(struct rk_overlay *o, uint32_t path_len)
{
    struct rk_map_entry *spare = o->spare;
    if (path_len > SHORT_PATH || spare == NULL) {
        return rk_mem_must_alloc(o->mem, change_bytes(path_len));
    }
    o->spare = spare->next;
    o->spare_count--;
    return RK_CONTAINER_OF(spare, struct rk_change, by_path);
}

static void free_change(struct rk_overlay *o, struct rk_change *c)
{
    if (c->path_len > SHORT_PATH || o->spare_count == SPARE_MAX) {
        rk_mem_free(o->mem, c, change_bytes(c->path_len));
        return;
    }
    c->by_path.next = o->spare;
    o->spare = &c->by_path;
    o->spare_count++;
}

static void free_spare(struct rk_overlay *o)
{
    while (o->spare != NULL) {
        struct rk_map_entry *next = o->spare->next;
        rk_mem_free(o->mem, RK_CONTAINER_OF(o->spare, struct rk_change, by_path), change_bytes(0));
        o->spare = next;
    }
    o->spare_count = 0;
}

static void drop_all(struct rk_overlay *o)
{
    struct rk_map_entry *e;
    while ((e = rk_map_drain(&o->changes.map)) != NULL) {
        struct rk_change *c = RK_CONTAINER_OF(e, struct rk_change, by_path);
        rk_list_unlink(&c->in_proposal);
        free_change(o, c);
    }
    o->count = 0;
    o->ephemeral_count = 0;
}

void rk_overlay_deinit(struct rk_overlay *o)
{
    drop_all(o);
    free_spare(o);
    rk_bytemap_deinit(&o->changes);
    rk_mem_free(o->mem, o->touched, o->touched_cap * sizeof(*o->touched));
    memset(o, 0, sizeof(*o));
}

void rk_overlay_attach(struct rk_overlay *o, const struct rk_tree *tree, rk_crc32_fn crc32)
{
    RK_ASSERT(o->count == 0);
    o->tree = tree;
    o->crc32 = crc32;
    o->digest = crc32 == NULL ? 0 : rk_tree_digest(tree);
}

static bool is_pending_ephemeral(const struct rk_overlay *o, const struct rk_change_state *s)
{
    return s->exists && s->stat.ephemeral_owner != 0 &&
           rk_tree_kind_of_owner(o->tree, s->stat.ephemeral_owner) == RK_NODE_EPHEMERAL;
}

const struct rk_change *rk_overlay_find(const struct rk_overlay *o, struct rk_bytes path)
{
    struct rk_map_entry *e;
    if (o->count == 0) {
        return NULL;
    }
    e = rk_bytemap_find(&o->changes, path.len == 0 ? rk_bytes_str("/") : path);
    return e == NULL ? NULL : RK_CONTAINER_OF(e, struct rk_change, by_path);
}

/* The list of a pending node: in its proposal, or still in the transaction being built. */
static const struct rk_vec_acl *pending_acl(const struct rk_overlay *o,
                                            const struct rk_change_state *s, struct rk_arena *a)
{
    struct rk_bytes encoded = s->acl;
    struct rk_reader r;
    struct rk_vec_acl *acl = rk_arena_alloc(a, sizeof(*acl));
    bool is_ok;
    if (s->acl_zxid == o->building) {
        encoded = rk_bytes_of(o->txn->data + s->acl_offset, o->txn->len - s->acl_offset);
    }
    rk_reader_init(&r, encoded, OVERLAY_ACL_LIMIT);
    is_ok = rk_proto_read_vec_acl(&r, a, acl);
    RK_ASSERT(is_ok); /* we encoded it */
    return acl;
}

bool rk_overlay_view(const struct rk_overlay *o, struct rk_bytes path, rk_zxid applied,
                     struct rk_arena *a, struct rk_view *ret)
{
    const struct rk_change *c = rk_overlay_find(o, path);
    memset(ret, 0, sizeof(*ret));
    if (c != NULL && !c->state.exists) {
        return false;
    }
    ret->node = rk_tree_find(o->tree, path);
    if (c == NULL) {
        if (ret->node == RK_NODE_NONE) {
            return false;
        }
        rk_tree_stat_persisted(o->tree, ret->node, &ret->stat);
        ret->child_count = (int32_t)rk_tree_child_count(o->tree, ret->node);
        ret->digest = rk_tree_digest_of(o->tree, ret->node);
    } else {
        ret->stat = c->state.stat;
        ret->child_count = c->state.child_count;
        ret->digest = c->state.digest;
    }
    ret->exists = true;
    if (c != NULL && c->state.data_zxid > applied) {
        ret->data = c->state.data;
    } else {
        RK_ASSERT(ret->node != RK_NODE_NONE);
        ret->data = rk_tree_data(o->tree, ret->node);
    }
    if (c != NULL && c->state.acl_zxid > applied) {
        ret->acl = pending_acl(o, &c->state, a);
    } else {
        RK_ASSERT(ret->node != RK_NODE_NONE);
        ret->acl = rk_tree_acl(o->tree, ret->node);
    }
    return true;
}

void rk_overlay_begin(struct rk_overlay *o, rk_zxid zxid, const struct rk_buf *txn)
{
    RK_ASSERT(o->building == 0);
    RK_ASSERT(o->touched_count == 0);
    o->building = zxid;
    o->txn = txn;
    o->serial++;
    o->digest_before = o->digest;
    o->ephemeral_before = o->ephemeral_count;
}

static struct rk_touched *push_touched(struct rk_overlay *o)
{
    if (o->touched_count == o->touched_cap) {
        uint32_t cap = o->touched_cap == 0 ? 16 : o->touched_cap * 2;
        o->touched = rk_mem_must_resize(o->mem, o->touched, o->touched_cap * sizeof(*o->touched),
                                        cap * sizeof(*o->touched));
        o->touched_cap = cap;
    }
    return &o->touched[o->touched_count++];
}

static struct rk_change *new_change(struct rk_overlay *o, struct rk_bytes path)
{
    struct rk_change *c = alloc_change(o, path.len);
    memset(c, 0, sizeof(*c));
    rk_list_init(&c->in_proposal);
    c->path_len = path.len;
    memcpy(c->path, path.data, path.len);
    rk_bytemap_insert(&o->changes, &c->by_path);
    o->count++;
    return c;
}

/* The record to write to, journaled if this transaction meets it for the first time. */
static struct rk_change *touch(struct rk_overlay *o, struct rk_bytes path)
{
    struct rk_map_entry *e = rk_bytemap_find(&o->changes, path);
    struct rk_change *c = e == NULL ? NULL : RK_CONTAINER_OF(e, struct rk_change, by_path);
    struct rk_touched *t;
    if (c != NULL && c->touched_by == o->serial) {
        return c;
    }
    t = push_touched(o);
    t->is_new = c == NULL;
    if (c == NULL) {
        c = new_change(o, path);
    } else {
        t->before = c->state;
    }
    c->touched_by = o->serial;
    t->change = c;
    return c;
}

struct rk_change *rk_overlay_put(struct rk_overlay *o, struct rk_bytes path,
                                 const struct rk_view *view, rk_zxid applied)
{
    struct rk_bytes key = path.len == 0 ? rk_bytes_str("/") : path;
    struct rk_change *c;
    RK_ASSERT(o->building > applied);
    c = touch(o, key);
    o->ephemeral_count -= is_pending_ephemeral(o, &c->state);
    if (o->crc32 != NULL) {
        struct rk_tree_hint *h = &o->hint;
        h->before = view->digest;
        h->after = view->exists ? rk_tree_node_digest_parts(o->crc32, key, view->data, &view->stat,
                                                            &h->content_crc)
                                : 0;
        o->digest += h->after - h->before;
        c->state.digest = h->after;
    }
    c->state.zxid = o->building;
    c->state.exists = view->exists;
    c->state.stat = view->stat;
    c->state.child_count = view->child_count;
    o->ephemeral_count += is_pending_ephemeral(o, &c->state);
    return c;
}

void rk_overlay_set_data(struct rk_overlay *o, struct rk_change *change, struct rk_bytes data,
                         size_t offset)
{
    RK_ASSERT(change->state.zxid == o->building);
    change->state.data_zxid = o->building;
    change->state.data = data;
    change->state.data_offset = offset;
}

void rk_overlay_set_acl(struct rk_overlay *o, struct rk_change *change, size_t offset)
{
    RK_ASSERT(change->state.zxid == o->building);
    change->state.acl_zxid = o->building;
    change->state.acl_offset = offset;
}

void rk_overlay_rollback(struct rk_overlay *o)
{
    for (uint32_t i = o->touched_count; i-- > 0;) {
        struct rk_touched *t = &o->touched[i];
        if (t->is_new) {
            rk_bytemap_remove(&o->changes, &t->change->by_path);
            free_change(o, t->change);
            o->count--;
        } else {
            t->change->state = t->before;
        }
    }
    o->touched_count = 0;
    o->building = 0;
    o->digest = o->digest_before;
    o->ephemeral_count = o->ephemeral_before;
}

void rk_overlay_commit(struct rk_overlay *o, struct rk_proposal *p)
{
    RK_ASSERT(p->zxid == o->building);
    for (uint32_t i = 0; i < o->touched_count; i++) {
        struct rk_change *c = o->touched[i].change;
        RK_ASSERT(c->state.zxid == p->zxid);
        rk_list_unlink(&c->in_proposal);
        rk_list_push(&p->changes, &c->in_proposal);
        if (c->state.data_zxid == p->zxid && c->state.data.data != NULL) {
            RK_ASSERT(c->state.data_offset + c->state.data.len <= p->len);
            c->state.data.data = p->payload + c->state.data_offset;
        }
        if (c->state.acl_zxid == p->zxid) {
            RK_ASSERT(c->state.acl_offset < p->len);
            c->state.acl =
                rk_bytes_of(p->payload + c->state.acl_offset, p->len - c->state.acl_offset);
        }
    }
    o->touched_count = 0;
    o->building = 0;
}

void rk_overlay_applied(struct rk_overlay *o, struct rk_proposal *p)
{
    struct rk_link *link;
    while ((link = rk_list_pop(&p->changes)) != NULL) {
        struct rk_change *c = RK_CONTAINER_OF(link, struct rk_change, in_proposal);
        RK_ASSERT(c->state.zxid == p->zxid);
        o->ephemeral_count -= is_pending_ephemeral(o, &c->state);
        rk_bytemap_remove(&o->changes, &c->by_path);
        free_change(o, c);
        o->count--;
    }
}

void rk_overlay_check(const struct rk_overlay *o)
{
    size_t bucket = 0;
    uint32_t count = 0;
    uint32_t ephemerals = 0;
    struct rk_map_entry *e = NULL;
    RK_ASSERT(o->building == 0);
    while ((e = rk_map_next(&o->changes.map, &bucket, e)) != NULL) {
        const struct rk_change *c = RK_CONTAINER_OF(e, struct rk_change, by_path);
        RK_ASSERT(c->state.zxid > 0);
        RK_ASSERT(!rk_list_empty(&c->in_proposal));
        count++;
        ephemerals += is_pending_ephemeral(o, &c->state);
    }
    RK_ASSERT(count == o->count);
    RK_ASSERT(ephemerals == o->ephemeral_count);
    if (count == 0 && o->crc32 != NULL) {
        RK_ASSERT(o->digest == rk_tree_digest(o->tree));
    }
}
