/* Filling a tree from a snapshot, and what a server repairs after it. Guarantees that no input,
 * however damaged, breaks the tree: it is refused as RK_ERR_CORRUPT, or it is what it says. ZK:
 * DataTree.deserialize, ZKDatabase.loadDataBase. */
#include "tree/path.h"
#include "tree/tree_int.h"

#include "proto/opcode.h"

enum rk_err rk_tree_load_acl(struct rk_tree *t, int64_t acl_id, const struct rk_vec_acl *acl)
{
    RK_ASSERT(t->walk_count == 0);
    if (acl->count < 0 || !rk_acls_define(&t->acls, acl_id, acl)) {
        return RK_ERR_CORRUPT;
    }
    return RK_OK;
}

/* Nodes wait here for a moment, so that the memory they will touch is on its way when their turn
 * comes: a load of a million nodes is all cache misses otherwise. */
#define LOAD_QUEUE 16u /* power of two */
#define LOAD_CLOSE 8u  /* this far from its turn a node's neighbours in the index are fetched */

struct queued {
    struct rk_buf bytes; /* path, then data */
    uint32_t path_len;
    uint32_t data_len;
    bool has_data;
    uint32_t hash;
    int64_t acl_id;
    struct rk_stat_persisted stat;
};

struct rk_tree_loader {
    struct queued queue[LOAD_QUEUE];
    uint32_t head; /* next one's turn; counts on */
    uint32_t tail;
};

static enum rk_err add_loaded(struct rk_tree *t, struct rk_bytes path, struct rk_bytes data,
                              int64_t acl_id, const struct rk_stat_persisted *stat)
{
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

static struct rk_tree_loader *loader_of(struct rk_tree *t)
{
    if (t->loader == NULL) {
        t->loader = rk_mem_must_zalloc(t->mem, sizeof(*t->loader));
        for (uint32_t i = 0; i < LOAD_QUEUE; i++) {
            rk_buf_init(&t->loader->queue[i].bytes, t->mem, SIZE_MAX / 2);
        }
    }
    return t->loader;
}

void rk_tree_loader_destroy(struct rk_tree *t)
{
    if (t->loader != NULL) {
        for (uint32_t i = 0; i < LOAD_QUEUE; i++) {
            rk_buf_deinit(&t->loader->queue[i].bytes);
        }
        rk_mem_free(t->mem, t->loader, sizeof(*t->loader));
        t->loader = NULL;
    }
}

static enum rk_err load_first(struct rk_tree *t, struct rk_tree_loader *l)
{
    const struct queued *q = &l->queue[l->head % LOAD_QUEUE];
    struct rk_bytes path =
        rk_bytes_of(q->path_len == 0 ? (const void *)"" : q->bytes.data, q->path_len);
    struct rk_bytes data = rk_bytes_str(NULL);
    if (q->has_data) {
        data = rk_bytes_of(q->data_len == 0 ? (const void *)"" : q->bytes.data + q->path_len,
                           q->data_len);
    }
    if (l->tail - l->head > LOAD_CLOSE) {
        rk_table_prefetch_chain(&t->table, l->queue[(l->head + LOAD_CLOSE) % LOAD_QUEUE].hash);
        rk_table_prefetch_split(&t->table, LOAD_CLOSE);
    }
    l->head++;
    return add_loaded(t, path, data, q->acl_id, &q->stat);
}

enum rk_err rk_tree_load_flush(struct rk_tree *t)
{
    enum rk_err err = RK_OK;
    while (t->loader != NULL && err == RK_OK && t->loader->head != t->loader->tail) {
        err = load_first(t, t->loader);
    }
    rk_tree_loader_destroy(t);
    return err;
}

enum rk_err rk_tree_load_node(struct rk_tree *t, struct rk_bytes path, struct rk_bytes data,
                              int64_t acl_id, const struct rk_stat_persisted *stat)
{
    struct rk_tree_loader *l = loader_of(t);
    struct queued *q = &l->queue[l->tail % LOAD_QUEUE];
    RK_ASSERT(t->walk_count == 0);
    if (path.data == NULL) {
        return RK_ERR_CORRUPT;
    }
    if (l->tail - l->head == LOAD_QUEUE) {
        enum rk_err err = load_first(t, l);
        if (err != RK_OK) {
            return err;
        }
    }
    rk_buf_reset(&q->bytes);
    rk_buf_put(&q->bytes, path.data, path.len);
    if (data.data != NULL) {
        rk_buf_put(&q->bytes, data.data, data.len);
    }
    if (q->bytes.failed) {
        rk_panic(__FILE__, __LINE__, "out of memory while loading the tree");
    }
    q->path_len = path.len;
    q->data_len = data.len;
    q->has_data = data.data != NULL;
    q->acl_id = acl_id;
    q->stat = *stat;
    q->hash = rk_tree_hash(t, path);
    rk_table_prefetch_bucket(&t->table, q->hash);
    l->tail++;
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
    enum rk_err err = rk_tree_load_flush(t);
    if (err != RK_OK) {
        return err;
    }
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
