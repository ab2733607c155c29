/* Quotas of the tree: what their nodes under /zookeeper/quota mean, and the usage kept in them.
 * Guarantees that usage changes neither version nor digest and fires nothing, as in Apache, and
 * that counting a subtree costs nothing, since directories know their totals. Refusing is the
 * core's business. */
#include "tree/path.h"
#include "tree/tree_int.h"

/* For a node under /zookeeper/quota: the path that the quota is on ("" for the root's). */
static bool is_quota_node(struct rk_bytes path, const char *name, struct rk_bytes *ret_prefix)
{
    struct rk_bytes root = rk_bytes_str(RK_QUOTA_ROOT);
    if (!rk_path_is_below(path, root) || !rk_bytes_is(rk_path_name(path), name)) {
        return false;
    }
    struct rk_bytes parent = rk_path_parent(path);
    RK_ASSERT(parent.len >= root.len);
    *ret_prefix = rk_bytes_of(parent.data + root.len, parent.len - root.len);
    return true;
}

/* The path of the node called name of the quota on prefix, in text. */
static struct rk_bytes quota_path(struct rk_buf *text, struct rk_bytes prefix, const char *name)
{
    struct rk_bytes root = rk_bytes_str(RK_QUOTA_ROOT);
    struct rk_bytes last = rk_bytes_str(name);
    rk_buf_reset(text);
    rk_buf_put(text, root.data, root.len);
    rk_buf_put(text, prefix.data, prefix.len);
    rk_buf_put_u8(text, '/');
    rk_buf_put(text, last.data, last.len);
    if (text->failed) {
        rk_panic(__FILE__, __LINE__, "out of memory for a path");
    }
    return rk_buf_view(text);
}

static void put_usage(struct rk_tree *t, rk_node_id n, struct rk_bytes path,
                      const struct rk_quota_track *track)
{
    uint8_t text[RK_QUOTA_TEXT_MAX];
    size_t len = rk_quota_format(track, text);
    RK_ASSERT(len <= sizeof(text));
    rk_tree_preserve(t, n);
    rk_tree_put_data(t, n, path, rk_bytes_of(text, len));
}

/* Counts what is there now, whatever the node said. ZK: DataTree.updateQuotaForPath */
static void recount(struct rk_tree *t, struct rk_bytes prefix)
{
    struct rk_bytes path = quota_path(&t->text, prefix, RK_QUOTA_STATS);
    rk_node_id stats = rk_tree_find(t, path);
    if (stats == RK_NODE_NONE) {
        return; /* Apache only logs it */
    }
    struct rk_quota_track track;
    rk_quota_parse(rk_bytes_str(""), &track);
    track.count = 0;
    track.bytes = 0;
    rk_node_id n = rk_tree_find(t, prefix);
    if (n != RK_NODE_NONE) {
        const struct rk_node *node = rk_tree_node(t, n);
        struct rk_node_dir dir;
        rk_node_get_dir(node, &dir);
        track.count = (int64_t)dir.count_below + 1;
        track.bytes = (int64_t)(dir.bytes_below + rk_node_data_len(node));
    }
    put_usage(t, stats, path, &track);
}

void rk_tree_quota_created(struct rk_tree *t, struct rk_bytes path)
{
    struct rk_bytes prefix;
    if (is_quota_node(path, RK_QUOTA_LIMITS, &prefix)) {
        rk_quotas_add(&t->quotas, prefix);
    } else if (is_quota_node(path, RK_QUOTA_STATS, &prefix)) {
        recount(t, prefix);
    }
}

void rk_tree_quota_removed(struct rk_tree *t, struct rk_bytes path)
{
    struct rk_bytes prefix;
    if (is_quota_node(path, RK_QUOTA_LIMITS, &prefix)) {
        rk_quotas_remove(&t->quotas, prefix);
    }
}

static int64_t wrapping_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void rk_tree_quota_count(struct rk_tree *t, struct rk_bytes path, int64_t bytes, int64_t count)
{
    struct rk_bytes prefix = rk_quotas_deepest(&t->quotas, path);
    if (prefix.data == NULL) {
        return;
    }
    struct rk_bytes stats_path = quota_path(&t->text, prefix, RK_QUOTA_STATS);
    rk_node_id stats = rk_tree_find(t, stats_path);
    if (stats == RK_NODE_NONE) {
        return;
    }
    struct rk_quota_track track;
    rk_quota_parse(rk_tree_data(t, stats), &track);
    track.count = wrapping_sum(track.count, count);
    track.bytes = wrapping_sum(track.bytes, bytes);
    put_usage(t, stats, stats_path, &track);
}

void rk_tree_quota_rebuild(struct rk_tree *t)
{
    rk_node_id top = rk_tree_find(t, rk_bytes_str(RK_QUOTA_ROOT));
    rk_node_id n = top;
    while (n != RK_NODE_NONE) {
        rk_node_id next = rk_tree_first_child(t, n);
        if (next == RK_NODE_NONE) { /* ZK: DataTree.traverseNode looks at leaves only */
            struct rk_bytes prefix;
            if (is_quota_node(rk_tree_path_in(t, n, &t->path), RK_QUOTA_LIMITS, &prefix)) {
                rk_quotas_add(&t->quotas, prefix);
                recount(t, prefix);
            }
        }
        while (next == RK_NODE_NONE && n != top) {
            next = rk_tree_next_sibling(t, n);
            if (next == RK_NODE_NONE) {
                n = rk_tree_parent(t, n);
            }
        }
        n = next;
    }
}

/* One kind of limit. ZK: ZooKeeperServer.checkQuota: the hard limit, if there is one, hides the
 * soft. */
static enum rk_quota_verdict judge(int64_t used, int64_t more, int64_t soft, int64_t hard)
{
    if (more == 0 || (soft < 0 && hard < 0)) {
        return RK_QUOTA_OK;
    }
    int64_t limit = hard >= 0 ? hard : soft;
    RK_ASSERT(limit >= 0);
    if (wrapping_sum(used, more) <= limit) {
        return RK_QUOTA_OK;
    }
    return hard >= 0 ? RK_QUOTA_HARD : RK_QUOTA_SOFT;
}

enum rk_quota_verdict rk_tree_quota_check(const struct rk_tree *t, struct rk_bytes path,
                                          int64_t count, int64_t bytes, struct rk_bytes *ret_root)
{
    struct rk_bytes prefix = rk_quotas_deepest(&t->quotas, path);
    *ret_root = prefix;
    if (prefix.data == NULL) {
        return RK_QUOTA_OK;
    }
    struct rk_buf text; /* readers leave the tree's scratch alone */
    rk_buf_init(&text, t->mem, SIZE_MAX / 4);
    rk_node_id limits = rk_tree_find(t, quota_path(&text, prefix, RK_QUOTA_LIMITS));
    rk_node_id stats = rk_tree_find(t, quota_path(&text, prefix, RK_QUOTA_STATS));
    rk_buf_deinit(&text);
    if (limits == RK_NODE_NONE || stats == RK_NODE_NONE) {
        return RK_QUOTA_OK; /* Apache only logs it */
    }
    struct rk_quota_track limit;
    struct rk_quota_track used;
    rk_quota_parse(rk_tree_data(t, limits), &limit);
    rk_quota_parse(rk_tree_data(t, stats), &used);
    enum rk_quota_verdict of_count = judge(used.count, count, limit.count, limit.count_hard);
    enum rk_quota_verdict of_bytes = judge(used.bytes, bytes, limit.bytes, limit.bytes_hard);
    return of_count > of_bytes ? of_count : of_bytes;
}
