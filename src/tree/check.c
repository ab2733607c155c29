/* Every invariant of the tree, asserted by a walk over everything. Guarantees nothing to a running
 * server: tests and the simulator call it. */
#include "tree/path.h"
#include "tree/tree_int.h"

struct check {
    const struct rk_tree *t;
    struct rk_buf path;
    uint32_t *acl_uses;
    uint64_t digest;
    uint64_t path_bytes;
    uint64_t owned;
    uint64_t reapable;
};

/* Totals of a directory against its children. */
static void check_children(const struct rk_tree *t, rk_node_id n)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(t, n), &dir);
    uint32_t children = 0;
    uint32_t below = 0;
    uint64_t bytes = 0;
    rk_node_id prev = RK_NODE_NONE;
    for (rk_node_id c = dir.first_child; c != RK_NODE_NONE; c = rk_tree_next_sibling(t, c)) {
        const struct rk_node *child = rk_tree_node(t, c);
        struct rk_node_dir of_child;
        rk_node_get_dir(child, &of_child);
        RK_ASSERT(child->parent == n);
        RK_ASSERT(rk_table_slot(&t->table, c)->prev == prev);
        prev = c;
        children++;
        below += 1 + of_child.count_below;
        bytes += rk_node_data_len(child) + of_child.bytes_below;
    }
    RK_ASSERT(children == dir.child_count);
    RK_ASSERT(below == dir.count_below);
    RK_ASSERT(bytes == dir.bytes_below);
}

static void check_node(struct check *k, rk_node_id n)
{
    const struct rk_tree *t = k->t;
    const struct rk_node *node = rk_tree_node(t, n);
    struct rk_bytes path = rk_tree_path_in(t, n, &k->path);
    RK_ASSERT(rk_tree_find(t, path) == n);
    RK_ASSERT(rk_table_slot(&t->table, n)->hash == rk_tree_hash(t, path));
    RK_ASSERT((n == RK_TREE_ROOT) == (node->parent == RK_NODE_NONE));
    RK_ASSERT((n == RK_TREE_ROOT) == (rk_node_name_len(node) == 0));
    bool is_undigested = (rk_node_flags(node) & RK_NODE_NO_DIGEST) != 0;
    RK_ASSERT(is_undigested == rk_tree_is_undigested(path));
    if (t->config.digest) {
        struct rk_stat_persisted stat;
        rk_node_stat(node, &stat);
        uint64_t digest = rk_tree_node_digest(t->config.crc32, path, rk_node_data(node), &stat);
        RK_ASSERT(digest == rk_tree_digest_of(t, n));
        k->digest += digest;
    }
    k->path_bytes += n == RK_TREE_ROOT ? 1 : path.len;
    k->acl_uses[node->acl]++;
    enum rk_node_kind kind = rk_tree_kind(t, n);
    k->owned += kind == RK_NODE_EPHEMERAL ? 1 : 0;
    k->reapable += kind == RK_NODE_CONTAINER || kind == RK_NODE_TTL ? 1 : 0;
    check_children(t, n);
}

/* A list of owned or reapable nodes; returns its length. */
static uint64_t check_list(const struct rk_tree *t, rk_node_id first, int64_t owner)
{
    uint64_t count = 0;
    rk_node_id prev = RK_NODE_NONE;
    rk_node_id n = first;
    while (n != RK_NODE_NONE) {
        struct rk_node_ext ext;
        rk_node_get_ext(rk_tree_node(t, n), &ext);
        RK_ASSERT(ext.prev == prev);
        if (owner != 0) {
            RK_ASSERT(ext.owner == owner);
        }
        prev = n;
        n = ext.next;
        count++;
        RK_ASSERT(count <= t->table.live);
    }
    return count;
}

static void check_owners(const struct check *k)
{
    const struct rk_tree *t = k->t;
    size_t cursor = 0;
    size_t owners = 0;
    uint64_t owned = 0;
    rk_session_id id;
    while (rk_tree_next_owner(t, &cursor, &id)) {
        const struct rk_tree_owner *o = rk_tree_owner_of(t, id);
        RK_ASSERT(o != NULL);
        RK_ASSERT(o->index == cursor);
        RK_ASSERT(check_list(t, o->first, id) == o->count);
        owned += o->count;
        owners++;
    }
    RK_ASSERT(owners == t->owners_by_id.count);
    RK_ASSERT(owned == k->owned);
    RK_ASSERT(owned == t->ephemerals);
    RK_ASSERT(check_list(t, t->first_reapable, 0) == k->reapable);
}

void rk_tree_check(const struct rk_tree *t)
{
    struct check k = {.t = t};
    size_t acl_bytes = t->acls.entries.high * sizeof(k.acl_uses[0]);
    rk_buf_init(&k.path, t->mem, SIZE_MAX / 4);
    k.acl_uses = rk_mem_must_zalloc(t->mem, acl_bytes);
    uint32_t live = 0;
    uint32_t chained = 0;
    for (rk_node_id n = 1; n < t->table.high; n++) {
        if (rk_table_slot(&t->table, n)->node != NULL) {
            check_node(&k, n);
            live++;
        }
    }
    for (uint32_t hash = 0; hash < t->table.bucket_count; hash++) {
        rk_node_id n = rk_table_chain(&t->table, hash);
        for (; n != RK_NODE_NONE; n = rk_table_slot(&t->table, n)->hash_next) {
            chained++;
        }
    }
    RK_ASSERT(live == t->table.live);
    RK_ASSERT(chained == live);
    RK_ASSERT(k.digest == t->digest);
    RK_ASSERT(k.path_bytes == t->path_bytes);
    check_owners(&k);
    rk_acls_check(&t->acls, k.acl_uses);
    rk_mem_free(t->mem, k.acl_uses, acl_bytes);
    rk_buf_deinit(&k.path);
}
