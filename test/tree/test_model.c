/* Random transactions, wild ones included (missing parents, stale versions, odd paths, nodes that
 * exist, lists that lie), against the naive tree: results, events, every Stat, data, ACL, owner,
 * quota usage and the digest. */
#include "naive.h"
#include "tree/path.h"
#include "tree_random.h"

#define TXNS        2000
#define CHECK_EVERY 40

struct run {
    struct fixture f;
    struct generator g;
    struct naive *m;
};

static void compare_node(struct run *r, const struct naive_node *n)
{
    rk_node_id id = find(&r->f, n->path);
    if (id == RK_NODE_NONE) {
        fail_msg("\"%s\" is missing", n->path);
    }
    struct rk_stat_persisted stat;
    rk_tree_stat_persisted(r->f.t, id, &stat);
    assert_same_persisted(&stat, &n->stat);
    struct rk_bytes data = rk_tree_data(r->f.t, id);
    assert_int_equal(data.len, n->data_len);
    assert_int_equal(data.data == NULL, n->is_null);
    if (n->data_len > 0) {
        assert_memory_equal(data.data, n->data, n->data_len);
    }
    int perms = naive_acl_perms(rk_tree_acl(r->f.t, id));
    assert_int_equal(perms,
                     n->acl_perms == -1 ? 0 : n->acl_perms); /* null reads as the open list */
    int children = naive_child_count(r->m, n);
    assert_int_equal(rk_tree_child_count(r->f.t, id), children);
    assert_int_equal(rk_tree_descendant_count(r->f.t, id), naive_descendant_count(r->m, n));
    struct rk_stat seen;
    rk_tree_stat(r->f.t, id, &seen);
    bool is_ephemeral = n->stat.ephemeral_owner > 0;
    assert_int_equal(seen.ephemeral_owner, is_ephemeral ? n->stat.ephemeral_owner : 0);
    assert_int_equal(seen.cversion, 2 * n->stat.cversion - children);
    assert_int_equal(seen.num_children, children);
    assert_int_equal(seen.data_length, n->data_len);
}

/* Nodes of a session, newest first. */
static void compare_owner(struct run *r, rk_session_id session)
{
    uint64_t last = UINT64_MAX;
    uint32_t count = 0;
    rk_node_id n = rk_tree_first_of_owner(r->f.t, session);
    for (; n != RK_NODE_NONE; n = rk_tree_next_of_owner(r->f.t, n)) {
        struct rk_bytes path = rk_tree_path(r->f.t, n, &r->f.arena);
        const struct naive_node *of = naive_find(r->m, (const char *)path.data, path.len);
        assert_non_null(of);
        assert_int_equal(of->stat.ephemeral_owner, session);
        assert_true(of->born < last);
        last = of->born;
        count++;
    }
    for (int i = 0; i < r->m->count; i++) {
        count -= r->m->nodes[i].stat.ephemeral_owner == session ? 1 : 0;
    }
    assert_int_equal(count, 0);
}

static void compare_all(struct run *r)
{
    struct rk_tree_counts counts;
    uint64_t bytes = 1;
    uint64_t reapable = 0;
    rk_tree_check(r->f.t);
    rk_tree_counts(r->f.t, &counts);
    for (int i = 0; i < r->m->count; i++) {
        const struct naive_node *n = &r->m->nodes[i];
        compare_node(r, n);
        bytes += strlen(n->path) + n->data_len;
        reapable += n->stat.ephemeral_owner < 0 ? 1 : 0;
    }
    assert_int_equal(counts.nodes, r->m->count + 1);
    assert_int_equal(counts.data_bytes, bytes);
    for (rk_session_id session = 1; session <= 4; session++) {
        compare_owner(r, session);
    }
    rk_node_id n = rk_tree_first_reapable(r->f.t);
    for (; n != RK_NODE_NONE; n = rk_tree_next_reapable(r->f.t, n)) {
        assert_true(rk_tree_owner(r->f.t, n) < 0);
        reapable--;
    }
    assert_int_equal(reapable, 0);
}

/* What a create or set says of the node, against the node as it is after the whole transaction;
 * within a multi later elements may have changed it. */
static void compare_result(struct run *r, const struct rk_tree_result *result)
{
    bool has_stat = result->type != RK_OP_CHECK && result->type != RK_OP_ERROR &&
                    result->type != RK_OP_DELETE && result->type != RK_OP_DELETE_CONTAINER &&
                    result->type != RK_OP_CLOSE_SESSION;
    /* A stats node's data is replaced after the operation has taken its Stat. */
    bool is_usage = has_stat && rk_path_has_parent(result->path) &&
                    rk_bytes_is(rk_path_name(result->path), "zookeeper_stats");
    if (result->err == 0 && has_stat && !is_usage) {
        struct rk_stat stat;
        rk_tree_stat(r->f.t, rk_tree_find(r->f.t, result->path), &stat);
        assert_same_stat(&stat, &result->stat);
    }
}

static void step(struct run *r)
{
    int32_t sub_errs[32];
    rk_arena_reset(&r->g.arena);
    rk_arena_reset(&r->f.arena);
    struct rk_txn txn = generator_next(&r->g);
    txn.has_digest = true;
    int32_t err = naive_apply(r->m, &txn, &r->f.arena, sub_errs);
    txn.digest = (struct rk_txn_digest){2, (int64_t)naive_digest(r->m)};
    r->f.zxid = txn.header.zxid - 1; /* apply_as gives it back */
    int32_t got = apply_as(&r->f, txn.header.client_id, txn);
    if (got != err || strcmp(r->f.events, r->m->events) != 0 || r->f.out.digest_mismatch) {
        fail_msg("zxid %lld type %d: %d, expected %d\n  %s\n  expected %s\n  digest %s",
                 (long long)txn.header.zxid, txn.type, got, err, r->f.events, r->m->events,
                 r->f.out.digest_mismatch ? "differs" : "agrees");
    }
    for (uint32_t i = 0; i < r->f.out.sub_count; i++) {
        assert_int_equal(r->f.out.sub[i].err, sub_errs[i]);
    }
    if (txn.type != RK_OP_MULTI) {
        compare_result(r, &r->f.out.result);
    }
}

static void run_seed(uint64_t seed, bool is_wild, bool has_quota)
{
    struct run r;
    r.m = malloc(sizeof(*r.m));
    assert_non_null(r.m);
    naive_open(r.m);
    fixture_open(&r.f, NULL);
    generator_open(&r.g, &r.f.mem, r.f.t, seed);
    r.g.is_wild = is_wild;
    r.g.has_quota = has_quota;
    for (int i = 0; i < TXNS; i++) {
        step(&r);
        if (i % CHECK_EVERY == 0) {
            compare_all(&r);
        }
    }
    compare_all(&r);
    generator_close(&r.g);
    fixture_close(&r.f);
    free(r.m);
}

static void valid_transactions(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_seed(seed, false, false);
    }
}

static void valid_transactions_with_quotas(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 14; seed++) {
        run_seed(seed, false, true);
    }
}

static void wild_transactions(void **state)
{
    (void)state;
    for (uint64_t seed = 21; seed <= 28; seed++) {
        run_seed(seed, true, seed % 2 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_transactions),
        cmocka_unit_test(valid_transactions_with_quotas),
        cmocka_unit_test(wild_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
