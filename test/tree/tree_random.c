/* Random transactions; see tree_random.h. */
#include "tree_random.h"

#define SESSIONS 4

static uint32_t below(struct generator *g, uint32_t bound)
{
    return (uint32_t)rk_prng_below(&g->prng, bound);
}

void generator_open(struct generator *g, struct rk_mem *mem, const struct rk_tree *t, uint64_t seed)
{
    memset(g, 0, sizeof(*g));
    rk_prng_init(&g->prng, seed);
    rk_arena_init(&g->arena, mem);
    g->t = t;
}

void generator_close(struct generator *g)
{
    rk_arena_deinit(&g->arena);
}

static struct rk_bytes dup(struct generator *g, const char *text)
{
    return rk_arena_dup(&g->arena, rk_bytes_str(text));
}

static const char *const names[] = {"a", "b", "cc", "dddd", "e"};

/* depth_min..4 components; the first is names[top] unless top is negative. */
static struct rk_bytes pick_path(struct generator *g, uint32_t depth_min, int top)
{
    char text[128];
    size_t len = 0;
    uint32_t depth = depth_min + below(g, 5 - depth_min);
    if (g->has_quota && top < 0 && below(g, 6) == 0) {
        static const char *const quotas[] = {
            "/zookeeper/quota/a",
            "/zookeeper/quota/a/zookeeper_limits",
            "/zookeeper/quota/a/zookeeper_stats",
            "/zookeeper/quota/a/b",
            "/zookeeper/quota/a/b/zookeeper_limits",
            "/zookeeper/quota/a/b/zookeeper_stats",
            "/zookeeper/quota/cc",
            "/zookeeper/quota/cc/zookeeper_limits",
            "/zookeeper/quota/cc/zookeeper_stats",
            "/zookeeper/quota/zookeeper_limits",
            "/zookeeper/quota/zookeeper_stats",
            "/zookeeper/x",
            "/zookeeper/quota/zookeeper",
            "/zookeeper/quota/zookeeper/zookeeper_limits",
            "/zookeeper/quota/zookeeper/zookeeper_stats",
        };
        return dup(g, quotas[below(g, sizeof(quotas) / sizeof(quotas[0]))]);
    }
    for (uint32_t i = 0; i < depth; i++) {
        const char *name = i == 0 && top >= 0 ? names[top] : names[below(g, 5)];
        len += (size_t)snprintf(text + len, sizeof(text) - len, "/%s", name);
    }
    if (g->is_wild && below(g, 50) == 0) {
        static const char *const odd[] = {"", "/", "a", "//a", "/a/", "/a//b", "/zookeeper", "//"};
        return dup(g, odd[below(g, 8)]);
    }
    return dup(g, text);
}

/* A node that is there, by a random walk down; not the root. */
static struct rk_bytes pick_existing(struct generator *g)
{
    rk_node_id n = rk_tree_find(g->t, rk_bytes_str("/"));
    do {
        uint32_t skip = below(g, rk_tree_child_count(g->t, n));
        n = rk_tree_first_child(g->t, n);
        for (; skip > 0; skip--) {
            n = rk_tree_next_sibling(g->t, n);
        }
    } while (rk_tree_child_count(g->t, n) > 0 && below(g, 3) != 0);
    return rk_tree_path(g->t, n, &g->arena);
}

/* Mostly a path that makes a transaction possible. */
static struct rk_bytes pick_target(struct generator *g)
{
    uint32_t dice = below(g, 10);
    struct rk_bytes path = dice < 7 ? pick_existing(g) : pick_path(g, 1, -1);
    if (dice >= 4 || path.len > 80 || rk_bytes_starts_with(path, rk_bytes_str("/zookeeper"))) {
        return path;
    }
    const char *name = names[below(g, 5)];
    uint8_t *child = rk_arena_alloc(&g->arena, path.len + 1 + strlen(name));
    memcpy(child, path.data, path.len);
    child[path.len] = '/';
    memcpy(child + path.len + 1, name, strlen(name));
    return rk_bytes_of(child, path.len + 1 + strlen(name));
}

static struct rk_bytes pick_data(struct generator *g)
{
    if (below(g, 10) == 0) {
        return rk_bytes_str(NULL);
    }
    static const char *const quotas[] = {
        "count=3,bytes=100",
        "count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=6",
        "junk",
        "count=,bytes=x;;,,=",
    };
    if (g->has_quota && below(g, 10) == 0) {
        return dup(g, quotas[below(g, 4)]);
    }
    uint32_t len = below(g, 5) == 0 ? below(g, 300) : below(g, 20);
    uint8_t *data = rk_arena_alloc(&g->arena, len + 1u);
    for (uint32_t i = 0; i < len; i++) {
        data[i] = (uint8_t)('a' + below(g, 26));
    }
    return rk_bytes_of(data, len);
}

static struct rk_vec_acl pick_acl(struct generator *g)
{
    int which =
        below(g, 4) != 0 ? (int)below(g, 4) - 1 : (int)below(g, TEST_ACLS); /* some are rare */
    const struct rk_vec_acl *list = test_acl(which);
    struct rk_vec_acl copy = {list->count, NULL};
    if (list->count > 0) {
        copy.items = rk_arena_alloc(&g->arena, (size_t)list->count * sizeof(copy.items[0]));
        memcpy(copy.items, list->items, (size_t)list->count * sizeof(copy.items[0]));
    }
    return copy;
}

static struct rk_bytes parent_of(struct rk_bytes path)
{
    uint32_t len = path.len;
    while (len > 0 && path.data[len - 1] != '/') {
        len--;
    }
    return rk_bytes_of(path.data, len > 0 ? len - 1 : 0);
}

static int32_t pick_parent_cversion(struct generator *g, struct rk_bytes path)
{
    if (g->is_wild && below(g, 8) == 0) {
        return below(g, 2) == 0 ? -1 : (int32_t)below(g, 60);
    }
    rk_node_id parent = rk_tree_find(g->t, parent_of(path));
    if (parent == RK_NODE_NONE) {
        return 1;
    }
    struct rk_stat_persisted stat;
    rk_tree_stat_persisted(g->t, parent, &stat);
    return stat.cversion + 1;
}

static bool can_create(struct generator *g, struct rk_bytes path)
{
    rk_node_id parent = rk_tree_find(g->t, parent_of(path));
    return g->is_wild || (parent != RK_NODE_NONE && rk_tree_find(g->t, path) == RK_NODE_NONE &&
                          rk_tree_kind(g->t, parent) != RK_NODE_EPHEMERAL);
}

static bool can_delete(struct generator *g, struct rk_bytes path)
{
    rk_node_id n = rk_tree_find(g->t, path);
    bool has_children = n != RK_NODE_NONE && rk_tree_child_count(g->t, n) > 0;
    if (g->is_wild) {
        return !has_children || below(g, 20) == 0;
    }
    return n != RK_NODE_NONE && !has_children;
}

static struct rk_txn make_create(struct generator *g, struct rk_bytes path)
{
    static const int32_t types[] = {RK_OP_CREATE,           RK_OP_CREATE,    RK_OP_CREATE,
                                    RK_OP_CREATE,           RK_OP_CREATE2,   RK_OP_CREATE2,
                                    RK_OP_CREATE_CONTAINER, RK_OP_CREATE_TTL};
    struct rk_txn txn = {.type = types[below(g, 8)]};
    struct rk_bytes data = pick_data(g);
    struct rk_vec_acl acl = pick_acl(g);
    int32_t cversion = pick_parent_cversion(g, path);
    if (txn.type == RK_OP_CREATE_CONTAINER) {
        txn.body.create_container = (struct rk_create_container_txn){path, data, acl, cversion};
    } else if (txn.type == RK_OP_CREATE_TTL) {
        int64_t ttl = g->is_wild && below(g, 5) == 0 ? -1 : 1 + (int64_t)below(g, 1000);
        txn.body.create_ttl = (struct rk_create_ttl_txn){path, data, acl, cversion, ttl};
    } else {
        txn.body.create = (struct rk_create_txn){path, data, acl, below(g, 3) == 0, cversion};
    }
    return txn;
}

static int32_t next_version(struct generator *g, struct rk_bytes path, bool is_acl)
{
    rk_node_id n = rk_tree_find(g->t, path);
    if (n == RK_NODE_NONE || (g->is_wild && below(g, 10) == 0)) {
        return (int32_t)below(g, 10) - 2;
    }
    struct rk_stat_persisted stat;
    rk_tree_stat_persisted(g->t, n, &stat);
    return (is_acl ? stat.aversion : stat.version) + 1;
}

/* One that may be part of a multi. */
static struct rk_txn make_single(struct generator *g, struct rk_bytes path)
{
    struct rk_txn txn = {.type = RK_OP_ERROR};
    txn.body.error.err = RK_ZK_NO_NODE;
    uint32_t dice = below(g, 20);
    bool exists = g->is_wild || rk_tree_find(g->t, path) != RK_NODE_NONE;
    if (dice < 10 && can_create(g, path)) {
        return make_create(g, path);
    }
    if (dice >= 10 && dice < 14 && can_delete(g, path)) {
        txn.type = below(g, 5) == 0 ? RK_OP_DELETE_CONTAINER : RK_OP_DELETE;
        txn.body.delete_.path = path;
    } else if (dice < 18 && exists) { /* also instead of what was not possible */
        txn.type = RK_OP_SET_DATA;
        txn.body.set_data =
            (struct rk_set_data_txn){path, pick_data(g), next_version(g, path, false)};
    } else if (dice == 18 && exists) {
        txn.type = RK_OP_CHECK;
        txn.body.check = (struct rk_check_version_txn){path, 1};
    }
    return txn;
}

static struct rk_txn make_multi(struct generator *g)
{
    struct rk_txn txn = {.type = RK_OP_MULTI};
    uint32_t count = below(g, 5);
    struct rk_sub_txn *subs = rk_arena_alloc(&g->arena, (count + 1) * sizeof(subs[0]));
    int top = (int)below(g, 5);
    for (uint32_t i = 0; i < count; i++) {
        /* Valid one by one is valid together only if they do not share parents. */
        struct rk_bytes path = pick_path(g, 2, g->is_wild ? -1 : (top + (int)i) % 5);
        struct rk_txn element = make_single(g, path);
        if (element.type == RK_OP_ERROR && below(g, 10) != 0) {
            element.type = RK_OP_CHECK;
            element.body.check = (struct rk_check_version_txn){path, 1};
        }
        struct rk_buf body;
        rk_buf_init(&body, g->arena.mem, 1 << 20);
        rk_txn_encode_body(&body, &element);
        subs[i] = (struct rk_sub_txn){element.type, rk_arena_dup(&g->arena, rk_buf_view(&body))};
        rk_buf_deinit(&body);
    }
    txn.body.multi.txns = (struct rk_vec_sub_txn){(int32_t)count, subs};
    return txn;
}

/* Lists what the session has, as prep does; a wild one forgets and invents some, or has no list. */
static struct rk_txn make_close(struct generator *g, rk_session_id session)
{
    struct rk_txn txn = {.type = RK_OP_CLOSE_SESSION};
    uint32_t count = rk_tree_count_of_owner(g->t, session);
    struct rk_bytes *items = rk_arena_alloc(&g->arena, (count + 2) * sizeof(items[0]));
    int32_t at = 0;
    rk_node_id n = rk_tree_first_of_owner(g->t, session);
    for (; n != RK_NODE_NONE; n = rk_tree_next_of_owner(g->t, n)) {
        if (!g->is_wild || below(g, 4) != 0) {
            items[at] = rk_tree_path(g->t, n, &g->arena);
            at++;
        }
    }
    if (g->is_wild && below(g, 3) == 0) {
        items[at] = pick_path(g, 1, -1);
        at++;
    }
    bool has_list = !g->is_wild || below(g, 4) != 0;
    txn.body.close_session.paths = (struct rk_vec_bytes){has_list ? at : -1, items};
    return txn;
}

struct rk_txn generator_next(struct generator *g)
{
    rk_session_id session = 1 + (int64_t)below(g, SESSIONS);
    struct rk_txn txn;
    uint32_t dice = below(g, 100);
    if (dice < 80) {
        txn = make_single(g, pick_target(g));
    } else if (dice < 90) {
        txn = make_multi(g);
    } else if (dice < 94) {
        txn = make_close(g, session);
    } else {
        struct rk_bytes path = pick_target(g);
        txn = (struct rk_txn){.type = RK_OP_ERROR};
        txn.body.error.err = RK_ZK_BAD_VERSION;
        if (g->is_wild || rk_tree_find(g->t, path) != RK_NODE_NONE) {
            txn.type = RK_OP_SET_ACL;
            txn.body.set_acl =
                (struct rk_set_acl_txn){path, pick_acl(g), next_version(g, path, true)};
        }
    }
    if (txn.type == RK_OP_CHECK) { /* has no place outside a multi, but must do no harm */
        txn.type = RK_OP_ERROR;
        txn.body.error.err = RK_ZK_UNIMPLEMENTED;
    }
    g->zxid++;
    txn.header =
        (struct rk_txn_header){session, (int32_t)g->zxid, g->zxid, TIME_OF(g->zxid), txn.type};
    return txn;
}
