/* Snapshots: whatever changes while one is written, it holds the tree as it was at begin, parents
 * first; and what loading refuses and repairs. */
#include "image.h"
#include "tree_random.h"

struct run {
    struct fixture f;
    struct generator g;
    struct rk_buf out;
};

static void open_run(struct run *r, uint64_t seed)
{
    fixture_open(&r->f, NULL);
    generator_open(&r->g, &r->f.mem, r->f.t, seed);
    r->g.has_quota = true;
    rk_buf_init(&r->out, &r->f.mem, (size_t)1 << 30);
}

static void close_run(struct run *r)
{
    rk_buf_deinit(&r->out);
    generator_close(&r->g);
    fixture_close(&r->f);
}

static void change(struct run *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        rk_arena_reset(&r->g.arena);
        struct rk_txn txn = generator_next(&r->g);
        r->f.zxid = txn.header.zxid - 1;
        (void)apply_as(&r->f, txn.header.client_id, txn); /* any result will do */
    }
}

/* What the snapshot says, against the image taken at its begin. */
static void verify(struct run *r, const struct image *begin)
{
    assert_false(r->out.failed);
    struct rk_tree *t = image_load(&r->f.mem, rk_buf_view(&r->out));
    rk_tree_check(t);
    image_compare(begin, t, false);
    assert_int_equal(rk_tree_load_done(t), RK_OK);
    rk_tree_check(t);
    image_compare(begin, t, true);
    rk_tree_destroy(t);
}

static void snapshot_beside_changes(struct run *r, uint32_t changes_max, uint32_t nodes_max)
{
    struct image begin;
    image_take(&begin, r->f.t);
    rk_buf_reset(&r->out);
    (void)rk_tree_snap_begin(r->f.t, &r->out);
    do {
        change(r, (uint32_t)rk_prng_below(&r->g.prng, changes_max + 1));
        rk_tree_check(r->f.t);
    } while (!rk_tree_snap_step(r->f.t, 0, 1 + (uint32_t)rk_prng_below(&r->g.prng, nodes_max)));
    change(r, 5); /* after the last step, before end: nothing may be added */
    rk_tree_snap_end(r->f.t, 0);
    verify(r, &begin);
    image_free(&begin);
}

static void quiet_tree(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, 1);
    snapshot_beside_changes(&r, 0, 1);
    change(&r, 500);
    snapshot_beside_changes(&r, 0, 1000);
    close_run(&r);
}

static void changing_tree(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 130; seed++) {
        struct run r;
        open_run(&r, seed);
        r.g.is_wild = seed % 3 == 0;
        change(&r, 400);
        for (int i = 0; i < 12; i++) {
            snapshot_beside_changes(&r, 1 + (uint32_t)i, 1 + (uint32_t)i % 4);
        }
        close_run(&r);
    }
}

/* Each is of its own instant, whatever the others do meanwhile. */
static void several_at_a_time(void **state)
{
    (void)state;
    for (uint64_t seed = 200; seed < 210; seed++) {
        struct run r;
        struct rk_buf outs[RK_TREE_WALKS];
        struct image begins[RK_TREE_WALKS];
        bool is_running[RK_TREE_WALKS] = {false};
        uint32_t done = 0;
        open_run(&r, seed);
        change(&r, 300);
        for (uint32_t i = 0; i < RK_TREE_WALKS; i++) {
            rk_buf_init(&outs[i], &r.f.mem, (size_t)1 << 30);
        }
        while (done < 20) {
            uint32_t walk = (uint32_t)rk_prng_below(&r.g.prng, RK_TREE_WALKS);
            change(&r, (uint32_t)rk_prng_below(&r.g.prng, 4));
            if (!is_running[walk]) { /* the lowest that is free */
                walk = 0;
                while (is_running[walk]) {
                    walk++;
                }
                is_running[walk] = true;
                image_take(&begins[walk], r.f.t);
                rk_buf_reset(&outs[walk]);
                assert_int_equal(rk_tree_snap_begin(r.f.t, &outs[walk]), walk);
            } else if (rk_tree_snap_step(r.f.t, walk, 1 + (uint32_t)rk_prng_below(&r.g.prng, 9))) {
                struct rk_buf own = r.out;
                rk_tree_snap_end(r.f.t, walk);
                is_running[walk] = false;
                r.out = outs[walk];
                verify(&r, &begins[walk]);
                outs[walk] = r.out;
                r.out = own;
                image_free(&begins[walk]);
                done++;
            }
        }
        for (uint32_t i = 0; i < RK_TREE_WALKS; i++) {
            if (is_running[i]) {
                rk_tree_snap_end(r.f.t, i);
                image_free(&begins[i]);
            }
            rk_buf_deinit(&outs[i]);
        }
        assert_int_equal(rk_tree_snap_count(r.f.t), 0);
        close_run(&r);
    }
}

/* Given up half-way, again and again: the next one must not believe old marks. */
static void given_up(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, 7);
    change(&r, 500);
    for (int i = 0; i < 40; i++) {
        rk_buf_reset(&r.out);
        (void)rk_tree_snap_begin(r.f.t, &r.out);
        change(&r, 3);
        for (int steps = i % 7; steps > 0; steps--) {
            (void)rk_tree_snap_step(r.f.t, 0, 10); /* given up whatever it says */
        }
        change(&r, 3);
        rk_tree_snap_end(r.f.t, 0);
        change(&r, 10);
        if (i % 5 == 0) {
            snapshot_beside_changes(&r, 4, 3);
        }
    }
    close_run(&r);
}

/* The output ran over its maximum: the tree goes on, the buffer says so. */
static void output_too_small(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, 8);
    change(&r, 300);
    rk_buf_deinit(&r.out);
    rk_buf_init(&r.out, &r.f.mem, 500);
    (void)rk_tree_snap_begin(r.f.t, &r.out);
    change(&r, 100);
    while (!rk_tree_snap_step(r.f.t, 0, 10)) {
    }
    rk_tree_snap_end(r.f.t, 0);
    assert_true(r.out.failed);
    change(&r, 100);
    close_run(&r);
}

/* A step writes what it was asked for and no more than the ancestors of the last one on top. */
static void steps_are_bounded(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, 9);
    char path[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/n%d", i);
        make(&r.f, path, "0123456789");
    }
    (void)rk_tree_snap_begin(r.f.t, &r.out);
    int steps = 0;
    size_t before = r.out.len;
    while (!rk_tree_snap_step(r.f.t, 0, 10)) {
        assert_in_range(r.out.len - before, 0, 11 * (4 + 5 + 4 + 10 + 8 + 60 + 10));
        before = r.out.len;
        steps++;
    }
    rk_tree_snap_end(r.f.t, 0);
    assert_in_range(steps, 99, 102);
    /* large data ends a step early */
    char *large = malloc(200001);
    memset(large, 'x', 200000);
    large[200000] = '\0';
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof(path), "/n%d", i);
        assert_int_equal(apply(&r.f, txn_set_data(path, large, 1)), 0);
    }
    rk_buf_reset(&r.out);
    (void)rk_tree_snap_begin(r.f.t, &r.out);
    before = r.out.len;
    while (!rk_tree_snap_step(r.f.t, 0, 1000)) {
        assert_in_range(r.out.len - before, 0, 256 * 1024 + 200200);
        before = r.out.len;
    }
    rk_tree_snap_end(r.f.t, 0);
    free(large);
    close_run(&r);
}

static void fresh_tree_is_apaches(void **state)
{
    (void)state;
    struct run r;
    open_run(&r, 10);
    (void)rk_tree_snap_begin(r.f.t, &r.out);
    assert_true(rk_tree_snap_step(r.f.t, 0, 100));
    rk_tree_snap_end(r.f.t, 0);
    /* spec-quorum A4.2: 411 bytes less header, sessions and terminator */
    assert_int_equal(r.out.len, 411 - 16 - 4 - 5);
    struct rk_tree *t = image_load(&r.f.mem, rk_buf_view(&r.out));
    assert_int_equal(rk_tree_digest(t), 0x51c6d660);
    rk_tree_destroy(t);
    close_run(&r);
}

/* Without the queue in between, so that each answer belongs to its node. */
static enum rk_err load_now(struct rk_tree *t, struct rk_bytes path, struct rk_bytes data,
                            int64_t acl, const struct rk_stat_persisted *stat)
{
    enum rk_err err = rk_tree_load_node(t, path, data, acl, stat);
    return err == RK_OK ? rk_tree_load_flush(t) : err;
}

static void a_bad_node_among_good_ones_is_told_in_the_end(void **state)
{
    (void)state;
    const struct rk_stat_persisted zero = {.czxid = 0};
    struct rk_bytes none = rk_bytes_str("");
    for (uint32_t bad = 0; bad < 40; bad++) {
        struct rk_mem mem;
        rk_mem_libc_init(&mem, 0);
        struct rk_tree_config config = test_config();
        struct rk_tree *t = rk_tree_create_empty(&mem, &config);
        enum rk_err err = rk_tree_load_node(t, rk_bytes_str(""), none, -1, &zero);
        for (uint32_t i = 0; i < 40 && err == RK_OK; i++) {
            char path[16];
            (void)snprintf(path, sizeof(path), "/n%u", i == bad ? (i + 39) % 40 : i);
            err = rk_tree_load_node(
                t, i == bad && i == 0 ? rk_bytes_str("/x/y") : rk_bytes_str(path), none, -1, &zero);
        }
        err = err == RK_OK ? rk_tree_load_done(t) : err;
        assert_int_equal(err, RK_ERR_CORRUPT);
        rk_tree_destroy(t);
        assert_int_equal(mem.used_bytes, 0);
    }
}

static void damaged_input_is_refused(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    struct rk_tree_config config = test_config();
    struct rk_tree *t = rk_tree_create_empty(&mem, &config);
    const struct rk_stat_persisted zero = {.czxid = 0};
    const struct rk_stat_persisted owned = {.ephemeral_owner = 5};
    struct rk_bytes none = rk_bytes_str("");
    assert_int_equal(rk_tree_load_done(t), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_find(t, rk_bytes_str("/")), RK_NODE_NONE);
    assert_int_equal(load_now(t, rk_bytes_str("/a"), none, -1, &zero), RK_ERR_CORRUPT);
    assert_int_equal(load_now(t, rk_bytes_str(""), none, -1, &owned), RK_ERR_CORRUPT);
    assert_int_equal(load_now(t, rk_bytes_str(""), none, -1, &zero), RK_OK);
    assert_int_equal(load_now(t, rk_bytes_str(""), none, -1, &zero), RK_ERR_CORRUPT);
    assert_int_equal(load_now(t, rk_bytes_str("/a"), none, -1, &zero), RK_OK);
    static const char *const bad[] = {"/a",   "/",     "a",  "/a/", "//",    "//b",
                                      "/b/c", "/a//b", NULL, "a/b", "/a/b/", "/a/x/y"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(load_now(t, rk_bytes_str(bad[i]), none, -1, &zero), RK_ERR_CORRUPT);
    }
    assert_int_equal(load_now(t, rk_bytes_str("/zookeeper"), none, -1, &owned), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_acl(t, 3, test_acl(-1)), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_acl(t, 0, test_acl(1)), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_acl(t, -1, test_acl(1)), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_acl(t, INT64_MAX, test_acl(1)), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_acl(t, 3, test_acl(1)), RK_OK);
    assert_int_equal(rk_tree_load_acl(t, 3, test_acl(2)), RK_ERR_CORRUPT);
    assert_int_equal(rk_tree_load_done(t), RK_OK);
    assert_int_not_equal(rk_tree_find(t, rk_bytes_str("/zookeeper/config")), RK_NODE_NONE);
    rk_tree_check(t);
    rk_tree_destroy(t);
    assert_int_equal(mem.used_bytes, 0);
}

static struct rk_tree *load_small(struct rk_mem *mem, int64_t acl_of_a, int64_t acl_of_b)
{
    struct rk_tree_config config = test_config();
    struct rk_tree *t = rk_tree_create_empty(mem, &config);
    const struct rk_stat_persisted zero = {.czxid = 0};
    struct rk_bytes none = rk_bytes_str("");
    assert_int_equal(rk_tree_load_acl(t, 5, test_acl(1)), RK_OK);
    assert_int_equal(rk_tree_load_acl(t, 9, test_acl(1)), RK_OK); /* two ids of one list */
    assert_int_equal(rk_tree_load_acl(t, 7, test_acl(2)), RK_OK); /* used by none */
    assert_int_equal(rk_tree_load_node(t, rk_bytes_str(""), none, -1, &zero), RK_OK);
    assert_int_equal(rk_tree_load_node(t, rk_bytes_str("/a"), none, acl_of_a, &zero), RK_OK);
    assert_int_equal(rk_tree_load_node(t, rk_bytes_str("/b"), none, acl_of_b, &zero), RK_OK);
    assert_int_equal(rk_tree_load_done(t), RK_OK);
    rk_tree_check(t);
    return t;
}

static void unknown_and_unused_acls(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_tree_counts counts;
    fixture_open(&f, NULL);
    rk_tree_destroy(f.t);
    f.t = load_small(&f.mem, 5, 42);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 2); /* 5 and the one of /zookeeper/config */
    assert_int_equal(rk_tree_acl(f.t, find(&f, "/a"))->items[1].perms, 1);
    assert_null(rk_tree_acl(f.t, find(&f, "/b")));
    /* the id survives a snapshot, still unknown */
    struct rk_buf out;
    rk_buf_init(&out, &f.mem, 10000);
    (void)rk_tree_snap_begin(f.t, &out);
    assert_int_equal(apply(&f, txn_set_data("/b", "x", 1)), 0);
    assert_null(f.out.events[0].acl);
    while (!rk_tree_snap_step(f.t, 0, 1)) {
    }
    rk_tree_snap_end(f.t, 0);
    struct rk_tree *again = image_load(&f.mem, rk_buf_view(&out));
    assert_null(rk_tree_acl(again, rk_tree_find(again, rk_bytes_str("/b"))));
    rk_tree_destroy(again);
    rk_buf_deinit(&out);
    /* a replayed create repairs it (ZOOKEEPER-4846) */
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/b", "", 1);
    txn.body.create.acl = *test_acl(3);
    assert_int_equal(apply(&f, txn), RK_ZK_NODE_EXISTS);
    assert_int_equal(rk_tree_acl(f.t, find(&f, "/b"))->items[1].perms, 3);
    fixture_close(&f);
}

static void equal_lists_of_a_file(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_tree_counts counts;
    fixture_open(&f, NULL);
    rk_tree_destroy(f.t);
    f.t = load_small(&f.mem, 5, 9);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 3);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/c", "", 1);
    txn.body.create.acl = *test_acl(1);
    assert_int_equal(apply(&f, txn), 0);
    assert_ptr_equal(rk_tree_acl(f.t, find(&f, "/c")), rk_tree_acl(f.t, find(&f, "/b")));
    assert_int_equal(apply(&f, txn_delete("/a")), 0);
    assert_int_equal(apply(&f, txn_delete("/b")), 0);
    rk_tree_check(f.t);
    assert_int_equal(apply(&f, txn_delete("/c")), 0);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet_tree),
        cmocka_unit_test(changing_tree),
        cmocka_unit_test(several_at_a_time),
        cmocka_unit_test(given_up),
        cmocka_unit_test(output_too_small),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(fresh_tree_is_apaches),
        cmocka_unit_test(damaged_input_is_refused),
        cmocka_unit_test(a_bad_node_among_good_ones_is_told_in_the_end),
        cmocka_unit_test(unknown_and_unused_acls),
        cmocka_unit_test(equal_lists_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
