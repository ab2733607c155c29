/* Images of trees; see image.h. */
#include "image.h"

#include "tree/path.h"

static int order(const void *a, const void *b)
{
    return strcmp(((const struct image_node *)a)->path, ((const struct image_node *)b)->path);
}

static int acl_number(const struct rk_vec_acl *list)
{
    if (list == NULL) {
        return -1;
    }
    return list->count * 1000 + list->items[list->count - 1].perms;
}

static void take_node(struct image_node *to, const struct rk_tree *t, rk_node_id n,
                      struct rk_arena *a)
{
    struct rk_bytes path = rk_tree_path(t, n, a);
    to->path = malloc(path.len + 1u);
    memcpy(to->path, path.data, path.len);
    to->path[path.len] = '\0';
    struct rk_bytes data = rk_tree_data(t, n);
    to->data = malloc(data.len + 1u);
    if (data.len > 0) {
        memcpy(to->data, data.data, data.len);
    }
    to->view = data.data == NULL ? data : rk_bytes_of(to->data, data.len);
    to->acl = acl_number(rk_tree_acl(t, n));
    rk_tree_stat_persisted(t, n, &to->stat);
    to->children = rk_tree_child_count(t, n);
    to->below = rk_tree_descendant_count(t, n);
}

rk_node_id image_next(const struct rk_tree *t, rk_node_id n)
{
    rk_node_id next = rk_tree_first_child(t, n);
    while (next == RK_NODE_NONE && n != RK_NODE_NONE) {
        next = rk_tree_next_sibling(t, n);
        n = rk_tree_parent(t, n);
    }
    return next;
}

void image_take(struct image *i, const struct rk_tree *t)
{
    struct rk_mem mem;
    struct rk_arena a;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    rk_node_id n = rk_tree_find(t, rk_bytes_str("/"));
    size_t cap = rk_tree_descendant_count(t, n) + 1u;
    *i = (struct image){malloc(cap * sizeof(i->nodes[0])), 0, rk_tree_digest(t)};
    for (; n != RK_NODE_NONE; n = image_next(t, n)) {
        assert_true(i->count < cap);
        take_node(&i->nodes[i->count], t, n, &a);
        i->count++;
    }
    assert_int_equal(i->count, cap);
    qsort(i->nodes, i->count, sizeof(i->nodes[0]), order);
    rk_arena_deinit(&a);
}

void image_free(struct image *i)
{
    for (size_t at = 0; at < i->count; at++) {
        free(i->nodes[at].path);
        free(i->nodes[at].data);
    }
    free(i->nodes);
}

static bool is_same_stat(const struct rk_stat_persisted *a, const struct rk_stat_persisted *b)
{
    return a->czxid == b->czxid && a->mzxid == b->mzxid && a->ctime == b->ctime &&
           a->mtime == b->mtime && a->version == b->version && a->cversion == b->cversion &&
           a->aversion == b->aversion && a->ephemeral_owner == b->ephemeral_owner &&
           a->pzxid == b->pzxid;
}

void image_compare(const struct image *i, const struct rk_tree *t, bool skip_usage)
{
    struct image other;
    image_take(&other, t);
    for (size_t at = 0; at < i->count && at < other.count; at++) {
        const struct image_node *a = &i->nodes[at];
        const struct image_node *b = &other.nodes[at];
        struct rk_bytes path = rk_bytes_str(a->path);
        bool skip = skip_usage && rk_bytes_is(rk_path_name(path), "zookeeper_stats");
        const char *what = strcmp(a->path, b->path) != 0                        ? "path"
                           : !skip && !rk_bytes_equal(a->view, b->view)         ? "data"
                           : a->acl != b->acl                                   ? "acl"
                           : !is_same_stat(&a->stat, &b->stat)                  ? "stat"
                           : a->children != b->children || a->below != b->below ? "children"
                                                                                : NULL;
        if (what != NULL) {
            fail_msg(
                "%s differs: expected \"%s\" \"%.*s\" acl %d cversion %d pzxid %lld, have \"%s\" "
                "\"%.*s\" acl %d cversion %d pzxid %lld",
                what, a->path, (int)a->view.len, a->view.data, a->acl, a->stat.cversion,
                (long long)a->stat.pzxid, b->path, (int)b->view.len, b->view.data, b->acl,
                b->stat.cversion, (long long)b->stat.pzxid);
        }
    }
    assert_int_equal(i->count, other.count);
    assert_int_equal(i->digest, other.digest);
    image_free(&other);
}

struct rk_tree *image_load(struct rk_mem *mem, struct rk_bytes snapshot)
{
    struct rk_tree_config config = test_config();
    struct rk_tree *t = rk_tree_create_empty(mem, &config);
    struct rk_reader r;
    struct rk_arena a;
    rk_arena_init(&a, mem);
    rk_reader_init(&r, snapshot, 1 << 30);
    int32_t acls = rk_read_i32(&r);
    for (int32_t i = 0; i < acls; i++) {
        struct rk_vec_acl list;
        int64_t id = rk_read_i64(&r);
        assert_true(rk_proto_read_vec_acl(&r, &a, &list));
        assert_int_equal(rk_tree_load_acl(t, id, &list), RK_OK);
    }
    while (rk_reader_left(&r) > 0) {
        struct rk_stat_persisted stat;
        struct rk_bytes path = rk_read_bytes(&r);
        struct rk_bytes data = rk_read_bytes(&r);
        int64_t acl = rk_read_i64(&r);
        assert_true(rk_proto_read_stat_persisted(&r, &a, &stat));
        assert_int_equal(rk_tree_load_node(t, path, data, acl, &stat), RK_OK);
    }
    assert_false(r.failed);
    assert_int_equal(rk_tree_load_flush(t), RK_OK);
    rk_arena_deinit(&a);
    return t;
}
