/* The steps that every change of the tree is made of. Guarantees that links, counts, owners, the
 * digest and the running snapshot agree with the nodes after each step. What a transaction changes
 * is decided in apply.c; here nothing is refused. */
#include "tree/path.h"
#include "tree/tree_int.h"

void rk_tree_change_begin(struct rk_tree *t, rk_node_id n)
{
    rk_tree_preserve(t, n);
    t->digest -= rk_tree_digest_of(t, n);
}

void rk_tree_change_end(struct rk_tree *t, rk_node_id n)
{
    t->digest += rk_tree_digest_of(t, n);
}

/* Makes sure that the node has these sections. */
static struct rk_node *with(struct rk_tree *t, rk_node_id n, uint32_t sections)
{
    struct rk_slot *slot = rk_table_slot(&t->table, n);
    RK_ASSERT(slot->node != NULL);
    slot->node = rk_node_with(t->mem, slot->node, sections);
    return slot->node;
}

/* Adds, modulo 2^n, to the totals of every node from n up. */
static void add_above(struct rk_tree *t, rk_node_id n, uint32_t count, uint64_t bytes)
{
    while (n != RK_NODE_NONE) {
        struct rk_node *node = rk_tree_node(t, n);
        struct rk_node_dir dir;
        rk_node_get_dir(node, &dir);
        dir.count_below += count;
        dir.bytes_below += bytes;
        rk_node_put_dir(node, &dir);
        n = node->parent;
    }
}

static void link_child(struct rk_tree *t, rk_node_id parent, rk_node_id n)
{
    struct rk_node *node = with(t, parent, RK_NODE_DIR);
    struct rk_node_dir dir;
    rk_node_get_dir(node, &dir);
    RK_ASSERT(dir.child_count < INT32_MAX);
    rk_table_slot(&t->table, n)->next = dir.first_child;
    if (dir.first_child != RK_NODE_NONE) {
        rk_table_slot(&t->table, dir.first_child)->prev = n;
    }
    dir.first_child = n;
    dir.child_count++;
    rk_node_put_dir(node, &dir);
}

static void unlink_child(struct rk_tree *t, rk_node_id parent, rk_node_id n)
{
    struct rk_slot *slot = rk_table_slot(&t->table, n);
    struct rk_node *node = rk_tree_node(t, parent);
    struct rk_node_dir dir;
    rk_node_get_dir(node, &dir);
    RK_ASSERT(dir.child_count > 0);
    if (slot->prev != RK_NODE_NONE) {
        rk_table_slot(&t->table, slot->prev)->next = slot->next;
    } else {
        RK_ASSERT(dir.first_child == n);
        dir.first_child = slot->next;
    }
    if (slot->next != RK_NODE_NONE) {
        rk_table_slot(&t->table, slot->next)->prev = slot->prev;
    }
    slot->prev = RK_NODE_NONE;
    slot->next = RK_NODE_NONE;
    dir.child_count--;
    rk_node_put_dir(node, &dir);
}

static void put_links(struct rk_tree *t, rk_node_id n, rk_node_id prev, rk_node_id next)
{
    struct rk_node *node = rk_tree_node(t, n);
    struct rk_node_ext ext;
    rk_node_get_ext(node, &ext);
    ext.prev = prev;
    ext.next = next;
    rk_node_put_ext(node, &ext);
}

/* Puts n before first in their list; it becomes the first. */
static void push(struct rk_tree *t, rk_node_id *first, rk_node_id n)
{
    struct rk_node_ext ext;
    put_links(t, n, RK_NODE_NONE, *first);
    if (*first != RK_NODE_NONE) {
        rk_node_get_ext(rk_tree_node(t, *first), &ext);
        RK_ASSERT(ext.prev == RK_NODE_NONE);
        put_links(t, *first, n, ext.next);
    }
    *first = n;
}

static void pull(struct rk_tree *t, rk_node_id *first, rk_node_id n)
{
    struct rk_node_ext ext;
    struct rk_node_ext other;
    rk_node_get_ext(rk_tree_node(t, n), &ext);
    if (ext.prev != RK_NODE_NONE) {
        rk_node_get_ext(rk_tree_node(t, ext.prev), &other);
        RK_ASSERT(other.next == n);
        put_links(t, ext.prev, other.prev, ext.next);
    } else {
        RK_ASSERT(*first == n);
        *first = ext.next;
    }
    if (ext.next != RK_NODE_NONE) {
        rk_node_get_ext(rk_tree_node(t, ext.next), &other);
        put_links(t, ext.next, ext.prev, other.next);
    }
    put_links(t, n, RK_NODE_NONE, RK_NODE_NONE);
}

static struct rk_tree_owner *need_owner(struct rk_tree *t, rk_session_id id)
{
    struct rk_tree_owner *o = rk_tree_owner_of(t, id);
    if (o == NULL) {
        uint32_t index = rk_slab_take(&t->owners);
        if (index == 0) {
            rk_panic(__FILE__, __LINE__, "more owners of ephemerals than the table can hold");
        }
        o = rk_slab_at(&t->owners, index);
        o->id = id;
        o->index = index;
        rk_map_insert(&t->owners_by_id, &o->by_id, (uint64_t)id);
    }
    return o;
}

static void link_owner(struct rk_tree *t, rk_node_id n, int64_t owner)
{
    enum rk_node_kind kind = rk_tree_kind_of_owner(t, owner);
    if (kind == RK_NODE_EPHEMERAL) {
        struct rk_tree_owner *o = need_owner(t, owner);
        push(t, &o->first, n);
        o->count++;
        t->ephemerals++;
    } else if (kind != RK_NODE_PERSISTENT) {
        push(t, &t->first_reapable, n);
    }
}

static void unlink_owner(struct rk_tree *t, rk_node_id n)
{
    int64_t owner = rk_tree_owner(t, n);
    enum rk_node_kind kind = rk_tree_kind_of_owner(t, owner);
    if (kind == RK_NODE_EPHEMERAL) {
        struct rk_tree_owner *o = rk_tree_owner_of(t, owner);
        RK_ASSERT(o != NULL);
        RK_ASSERT(o->count > 0);
        pull(t, &o->first, n);
        o->count--;
        t->ephemerals--;
        if (o->count == 0) {
            struct rk_map_entry *link = rk_map_remove(&t->owners_by_id, (uint64_t)owner);
            RK_ASSERT(link == &o->by_id);
            rk_slab_give(&t->owners, o->index);
        }
    } else if (kind != RK_NODE_PERSISTENT) {
        pull(t, &t->first_reapable, n);
    }
}

rk_node_id rk_tree_add(struct rk_tree *t, rk_node_id parent, struct rk_bytes path,
                       struct rk_bytes data, uint32_t take_acl,
                       const struct rk_stat_persisted *stat)
{
    bool is_root = parent == RK_NODE_NONE;
    RK_ASSERT(is_root == (path.len == 0));
    struct rk_bytes name = is_root ? path : rk_path_name(path);
    struct rk_node *node = rk_node_create(t->mem, name, data, stat);
    node->parent = parent;
    node->acl = take_acl;
    bool is_digested = !rk_tree_is_undigested(path);
    if (!is_digested) {
        node->name_bits |= RK_NODE_NO_DIGEST << 24;
    }
    rk_node_id n = rk_table_add(&t->table, node, rk_tree_hash(t, path));
    RK_ASSERT(is_root == (n == RK_TREE_ROOT));
    rk_tree_mark_young(t, n);
    if (!is_root) {
        rk_tree_preserve(t, parent);
        link_child(t, parent, n);
        add_above(t, parent, 1, rk_node_data_len(node));
    }
    if (is_digested) {
        *rk_table_crc(&t->table, n) = rk_tree_content_crc(t, path, data);
        t->digest += rk_tree_digest_of(t, n);
    }
    link_owner(t, n, stat->ephemeral_owner);
    t->path_bytes += is_root ? 1 : path.len;
    return n;
}

void rk_tree_remove(struct rk_tree *t, rk_node_id n, struct rk_bytes path)
{
    struct rk_node *node = rk_tree_node(t, n);
    rk_node_id parent = node->parent;
    uint32_t data_len = rk_node_data_len(node);
    RK_ASSERT(n != RK_TREE_ROOT);
    RK_ASSERT(rk_tree_child_count(t, n) == 0);
    rk_tree_change_begin(t, n);
    rk_acls_release(&t->acls, node->acl);
    unlink_owner(t, n);
    unlink_child(t, parent, n);
    add_above(t, parent, UINT32_MAX, -(uint64_t)data_len);
    RK_ASSERT(t->path_bytes >= path.len);
    t->path_bytes -= path.len;
    rk_table_remove(&t->table, n);
    rk_tree_quota_removed(t, path);
    rk_tree_quota_count(t, path, -(int64_t)data_len, -1);
}

void rk_tree_raise_pzxid(struct rk_tree *t, rk_node_id n, rk_zxid zxid)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(t, n), &dir);
    if (zxid > dir.pzxid) {
        rk_tree_change_begin(t, n);
        rk_tree_put_children(t, n, zxid, dir.cversion);
        rk_tree_change_end(t, n);
    }
}

void rk_tree_remove_all(struct rk_tree *t, rk_node_id n)
{
    rk_node_id at = n;
    while (true) {
        rk_node_id child = rk_tree_first_child(t, at);
        if (child != RK_NODE_NONE) {
            at = child;
            continue;
        }
        rk_node_id parent = rk_tree_parent(t, at);
        rk_tree_remove(t, at, rk_tree_path_in(t, at, &t->path));
        if (at == n) {
            return;
        }
        at = parent;
    }
}

void rk_tree_put_data(struct rk_tree *t, rk_node_id n, struct rk_bytes path, struct rk_bytes data)
{
    bool is_digested = (rk_node_flags(rk_tree_node(t, n)) & RK_NODE_NO_DIGEST) == 0;
    rk_tree_put_data_crc(t, n, data, is_digested ? rk_tree_content_crc(t, path, data) : 0);
}

void rk_tree_put_data_crc(struct rk_tree *t, rk_node_id n, struct rk_bytes data,
                          uint32_t content_crc)
{
    struct rk_slot *slot = rk_table_slot(&t->table, n);
    RK_ASSERT(slot->node != NULL);
    uint32_t old_len = rk_node_data_len(slot->node);
    slot->node = rk_node_with_data(t->mem, slot->node, data);
    if (data.len != old_len) {
        add_above(t, slot->node->parent, 0, (uint64_t)data.len - old_len);
    }
    if ((rk_node_flags(slot->node) & RK_NODE_NO_DIGEST) == 0) {
        *rk_table_crc(&t->table, n) = content_crc;
    }
}

void rk_tree_put_acl(struct rk_tree *t, rk_node_id n, uint32_t take_acl)
{
    struct rk_node *node = rk_tree_node(t, n);
    rk_acls_release(&t->acls, node->acl);
    node->acl = take_acl;
}

void rk_tree_put_aversion(struct rk_tree *t, rk_node_id n, int32_t aversion)
{
    struct rk_node *node = with(t, n, RK_NODE_EXT);
    struct rk_node_ext ext;
    rk_node_get_ext(node, &ext);
    ext.aversion = aversion;
    rk_node_put_ext(node, &ext);
}

void rk_tree_put_mod(struct rk_tree *t, rk_node_id n, const struct rk_node_mod *mod)
{
    rk_node_put_mod(with(t, n, RK_NODE_MOD), mod);
}

void rk_tree_put_children(struct rk_tree *t, rk_node_id n, rk_zxid pzxid, int32_t cversion)
{
    struct rk_node *node = with(t, n, RK_NODE_DIR);
    struct rk_node_dir dir;
    rk_node_get_dir(node, &dir);
    dir.pzxid = pzxid;
    dir.cversion = cversion;
    rk_node_put_dir(node, &dir);
}
