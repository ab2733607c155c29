/* Filling a tree from a snapshot, and what a server repairs after it. Guarantees that no input,
 * however damaged, breaks the tree: it is refused as RK_ERR_CORRUPT, or it is what it says. ZK:
 * DataTree.deserialize, ZKDatabase.loadDataBase. */
#include "tree/path.h"
#include "tree/tree_int.h"

#include "proto/opcode.h"

enum rk_err rk_tree_load_acl(struct rk_tree *t, int64_t acl_id, const struct rk_vec_acl *acl)
{
    RK_ASSERT(t->snap_out == NULL);
    if (acl->count < 0 || !rk_acls_define(&t->acls, acl_id, acl)) {
        return RK_ERR_CORRUPT;
    }
    return RK_OK;
}

enum rk_err rk_tree_load_node(struct rk_tree *t, struct rk_bytes path, struct rk_bytes data,
                              int64_t acl_id, const struct rk_stat_persisted *stat)
{
    RK_ASSERT(t->snap_out == NULL);
    if (path.data == NULL) {
        return RK_ERR_CORRUPT;
    }
    rk_node_id parent = RK_NODE_NONE;
    if (path.len == 0) {
        if (t->table.live > 0) {
            return RK_ERR_CORRUPT;
        }
    } else {
        parent = rk_tree_find_parent(t, path);
        if (parent == RK_NODE_NONE || rk_tree_find(t, path) != RK_NODE_NONE) {
            return RK_ERR_CORRUPT;
        }
    }
    /* They are never deleted, so nothing may own them. */
    if (stat->ephemeral_owner != 0 && (path.len == 0 || rk_path_is_special(path))) {
        return RK_ERR_CORRUPT;
    }
    (void)rk_tree_add(t, parent, path, data, rk_acls_use_id(&t->acls, acl_id), stat);
    return RK_OK;
}

static void add_builtin(struct rk_tree *t, const char *path, uint32_t take_acl, int32_t aversion)
{
    const struct rk_stat_persisted stat = {.aversion = aversion};
    struct rk_bytes at = rk_bytes_str(path);
    rk_node_id parent = rk_tree_find_parent(t, at);
    RK_ASSERT(parent != RK_NODE_NONE);
    (void)rk_tree_add(t, parent, at, rk_bytes_str(""), take_acl, &stat);
}

/* ZK: DataTree's constructor, addConfigNode */
void rk_tree_add_builtins(struct rk_tree *t)
{
    if (rk_tree_find(t, rk_bytes_str(RK_TREE_ZOOKEEPER)) == RK_NODE_NONE) {
        add_builtin(t, RK_TREE_ZOOKEEPER, RK_ACLS_OPEN, 0);
    }
    if (rk_tree_find(t, rk_bytes_str(RK_QUOTA_ROOT)) == RK_NODE_NONE) {
        add_builtin(t, RK_QUOTA_ROOT, RK_ACLS_OPEN, 0);
    }
    if (rk_tree_find(t, rk_bytes_str(RK_TREE_CONFIG)) == RK_NODE_NONE) {
        struct rk_acl world = {RK_PERM_READ, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
        struct rk_vec_acl read_only = {1, &world};
        add_builtin(t, RK_TREE_CONFIG, rk_acls_intern(&t->acls, &read_only), -1);
    }
}

enum rk_err rk_tree_load_done(struct rk_tree *t)
{
    if (t->table.live == 0) {
        return RK_ERR_CORRUPT;
    }
    rk_tree_add_builtins(t);
    rk_acls_purge(&t->acls);
    rk_tree_quota_rebuild(t);
    return RK_OK;
}

uint32_t rk_tree_drop_orphans(struct rk_tree *t, rk_zxid zxid,
                              bool (*is_alive)(void *ctx, rk_session_id id), void *ctx)
{
    uint32_t dropped = 0;
    size_t cursor = 0;
    rk_session_id owner;
    while (rk_tree_next_owner(t, &cursor, &owner)) {
        if (is_alive(ctx, owner)) {
            continue;
        }
        rk_node_id n;
        while ((n = rk_tree_first_of_owner(t, owner)) != RK_NODE_NONE) {
            rk_tree_raise_pzxid(t, rk_tree_parent(t, n), zxid);
            rk_tree_remove_all(t, n);
            dropped++;
        }
    }
    return dropped;
}

/* ZK: ZKDatabase.initConfigInZKDatabase. mtime, which Apache takes from the wall clock, stays: no
 * digest covers it, and servers disagree about it anyway. */
void rk_tree_set_config(struct rk_tree *t, struct rk_bytes text, rk_zxid version_zxid)
{
    struct rk_bytes path = rk_bytes_str(RK_TREE_CONFIG);
    rk_tree_add_builtins(t);
    rk_node_id n = rk_tree_find(t, path);
    RK_ASSERT(n != RK_NODE_NONE);
    struct rk_node_mod mod;
    rk_node_get_mod(rk_tree_node(t, n), &mod);
    mod.mzxid = version_zxid;
    mod.version = -1;
    rk_tree_change_begin(t, n);
    rk_tree_put_data(t, n, path, text);
    rk_tree_put_mod(t, n, &mod);
    rk_tree_change_end(t, n);
}
