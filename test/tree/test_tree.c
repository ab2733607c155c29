/* The tree through its transactions: what clients see of a node, events in Apache's order, owners,
 * ACLs, and every row of the replay rules (spec-quorum A7). */
#include "tree_support.h"

#define SESSION INT64_C(0x1000012345678901)
#define OTHER   INT64_C(0x1000012345678902)

static void fresh_tree_is_apaches(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_tree_counts counts;
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.nodes, 5);
    assert_int_equal(counts.ephemerals, 0);
    assert_int_equal(counts.acl_lists, 1);
    assert_int_equal(counts.data_bytes, 1 + 10 + 16 + 17);
    assert_int_equal(rk_tree_descendant_count(f.t, find(&f, "/")), 3);
    assert_int_equal(stat_of(&f, "/").cversion, -1);
    assert_int_equal(stat_of(&f, "/zookeeper").cversion, -2);
    assert_int_equal(persisted_of(&f, "/zookeeper/config").aversion, -1);
    const struct rk_vec_acl *acl = rk_tree_acl(f.t, find(&f, "/zookeeper/config"));
    assert_int_equal(acl->count, 1);
    assert_int_equal(acl->items[0].perms, RK_PERM_READ);
    acl = rk_tree_acl(f.t, find(&f, "/zookeeper/quota"));
    assert_int_equal(acl->count, 1);
    assert_int_equal(acl->items[0].perms, RK_PERM_ALL);
    assert_true(rk_bytes_is(acl->items[0].id.scheme, "world"));
    assert_true(rk_bytes_is(acl->items[0].id.id, "anyone"));
    assert_string_equal(data_of(&f, "/zookeeper/config"), "");
    fixture_close(&f);
}

static void finding(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "1");
    make(&f, "/a/b", "2");
    make(&f, "/a/bb", "3");
    assert_int_equal(find(&f, ""), find(&f, "/"));
    assert_int_not_equal(find(&f, "/"), RK_NODE_NONE);
    static const char *const missing[] = {"a",    "/a/", "//a", "/a//b", "/b",  "/a/b/",
                                          "/a/c", "//",  "a/b", "/aa",   "/a/", "/zookeeper/",
                                          " /a",  "/a ", "/A",  "/a/bbb"};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
        assert_int_equal(find(&f, missing[i]), RK_NODE_NONE);
    }
    assert_int_equal(rk_tree_find(f.t, rk_bytes_str(NULL)), RK_NODE_NONE);
    rk_node_id n = find(&f, "/a/bb");
    assert_true(rk_bytes_is(rk_tree_name(f.t, n), "bb"));
    assert_true(rk_bytes_is(rk_tree_path(f.t, n, &f.arena), "/a/bb"));
    assert_true(rk_bytes_is(rk_tree_path(f.t, find(&f, "/"), &f.arena), "/"));
    assert_int_equal(rk_tree_parent(f.t, n), find(&f, "/a"));
    assert_int_equal(rk_tree_parent(f.t, find(&f, "/")), RK_NODE_NONE);
    assert_int_equal(rk_tree_first_child(f.t, n), RK_NODE_NONE);
    assert_int_equal(rk_tree_child_count(f.t, find(&f, "/a")), 2);
    assert_int_equal(rk_tree_descendant_count(f.t, find(&f, "/")), 6);
    fixture_close(&f);
}

static void create_fills_stat_and_fires(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE2, "/a", "xyz", 1)), 0);
    assert_string_equal(f.events, "created /a, children /");
    struct rk_stat stat = stat_of(&f, "/a");
    assert_same_stat(&stat, &f.out.result.stat);
    assert_int_equal(f.out.result.type, RK_OP_CREATE2);
    assert_true(rk_bytes_is(f.out.result.path, "/a"));
    assert_int_equal(stat.czxid, 1);
    assert_int_equal(stat.mzxid, 1);
    assert_int_equal(stat.pzxid, 1);
    assert_int_equal(stat.ctime, TIME_OF(1));
    assert_int_equal(stat.mtime, TIME_OF(1));
    assert_int_equal(stat.data_length, 3);
    assert_int_equal(stat.version + stat.cversion + stat.aversion + stat.num_children, 0);
    struct rk_stat root = stat_of(&f, "/");
    assert_int_equal(root.pzxid, 1);
    assert_int_equal(root.mzxid, 0);
    assert_int_equal(root.cversion, 2 * 1 - 2);
    assert_int_equal(root.num_children, 2);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/a/b", NULL, 1)), 0);
    assert_string_equal(f.events, "created /a/b, children /a");
    assert_string_equal(data_of(&f, "/a/b"), "(null)");
    assert_int_equal(stat_of(&f, "/a/b").data_length, 0);
    fixture_close(&f);
}

static void set_data_and_acl(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    assert_int_equal(apply(&f, txn_set_data("/a", "longer data", 1)), 0);
    assert_string_equal(f.events, "data /a");
    struct rk_stat stat = stat_of(&f, "/a");
    assert_same_stat(&stat, &f.out.result.stat);
    assert_int_equal(stat.version, 1);
    assert_int_equal(stat.mzxid, 2);
    assert_int_equal(stat.mtime, TIME_OF(2));
    assert_int_equal(stat.czxid, 1);
    assert_int_equal(stat.pzxid, 1);
    assert_string_equal(data_of(&f, "/a"), "longer data");
    assert_int_equal(apply(&f, txn_set_data("/a", NULL, -5)), 0);
    assert_string_equal(data_of(&f, "/a"), "(null)");
    assert_int_equal(stat_of(&f, "/a").version, -5);
    assert_int_equal(apply(&f, txn_set_data("/a", "", 7)), 0);
    assert_string_equal(data_of(&f, "/a"), "");
    assert_int_equal(apply(&f, txn_set_acl("/a", test_acl(2), 9)), 0);
    assert_string_equal(f.events, "");
    stat = stat_of(&f, "/a");
    assert_int_equal(stat.aversion, 9);
    assert_int_equal(stat.mzxid, 4);
    assert_int_equal(rk_tree_acl(f.t, find(&f, "/a"))->items[1].perms, 2);
    assert_int_equal(apply(&f, txn_set_data("/", "root", 1)), 0);
    assert_string_equal(f.events, "data /");
    assert_string_equal(data_of(&f, "/"), "root");
    assert_int_equal(apply(&f, txn_set_data("/nope", "x", 1)), RK_ZK_NO_NODE);
    assert_int_equal(apply(&f, txn_set_acl("/nope", test_acl(1), 1)), RK_ZK_NO_NODE);
    assert_string_equal(f.events, "");
    fixture_close(&f);
}

static void delete_fires_and_counts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    make(&f, "/a/b", "x");
    assert_int_equal(stat_of(&f, "/a").cversion, 1);
    assert_int_equal(apply(&f, txn_delete("/a/b")), 0);
    assert_string_equal(f.events, "deleted /a/b, children /a");
    assert_int_equal(find(&f, "/a/b"), RK_NODE_NONE);
    struct rk_stat stat = stat_of(&f, "/a");
    assert_int_equal(stat.cversion, 2);
    assert_int_equal(stat.pzxid, 3);
    assert_int_equal(persisted_of(&f, "/a").cversion, 1);
    struct rk_txn txn = txn_delete("/a");
    txn.type = RK_OP_DELETE_CONTAINER;
    assert_int_equal(apply(&f, txn), 0);
    assert_string_equal(f.events, "deleted /a, children /");
    fixture_close(&f);
}

static void kinds_and_owners(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/e1", "", 1);
    txn.body.create.ephemeral = true;
    assert_int_equal(apply_as(&f, SESSION, txn), 0);
    txn.body.create.path = rk_bytes_str("/e2");
    assert_int_equal(apply_as(&f, SESSION, txn), 0);
    txn.body.create.path = rk_bytes_str("/f");
    assert_int_equal(apply_as(&f, OTHER, txn), 0);
    assert_int_equal(apply(&f, txn_container("/c", 4)), 0);
    assert_int_equal(apply(&f, txn_ttl("/t", 1500, 5)), 0);
    assert_int_equal(stat_of(&f, "/e1").ephemeral_owner, SESSION);
    assert_int_equal(stat_of(&f, "/c").ephemeral_owner, 0);
    assert_int_equal(stat_of(&f, "/t").ephemeral_owner, 0);
    assert_int_equal(persisted_of(&f, "/c").ephemeral_owner, RK_OWNER_CONTAINER);
    assert_int_equal(persisted_of(&f, "/t").ephemeral_owner,
                     (int64_t)(UINT64_C(0xff00000000000000) | 1500));
    assert_int_equal(rk_tree_kind(f.t, find(&f, "/e1")), RK_NODE_EPHEMERAL);
    assert_int_equal(rk_tree_kind(f.t, find(&f, "/c")), RK_NODE_CONTAINER);
    assert_int_equal(rk_tree_kind(f.t, find(&f, "/t")), RK_NODE_TTL);
    assert_int_equal(rk_tree_kind(f.t, find(&f, "/")), RK_NODE_PERSISTENT);
    /* newest first */
    assert_int_equal(rk_tree_first_of_owner(f.t, SESSION), find(&f, "/e2"));
    assert_int_equal(rk_tree_next_of_owner(f.t, find(&f, "/e2")), find(&f, "/e1"));
    assert_int_equal(rk_tree_next_of_owner(f.t, find(&f, "/e1")), RK_NODE_NONE);
    assert_int_equal(rk_tree_count_of_owner(f.t, SESSION), 2);
    assert_int_equal(rk_tree_count_of_owner(f.t, 99), 0);
    assert_int_equal(rk_tree_first_reapable(f.t), find(&f, "/t"));
    assert_int_equal(rk_tree_next_reapable(f.t, find(&f, "/t")), find(&f, "/c"));
    assert_int_equal(rk_tree_next_reapable(f.t, find(&f, "/c")), RK_NODE_NONE);
    assert_int_equal(rk_tree_next_reapable(f.t, find(&f, "/e1")), RK_NODE_NONE);
    rk_node_id gone = find(&f, "/t");
    assert_int_equal(apply(&f, txn_delete("/t")), 0);
    assert_int_equal(rk_tree_next_reapable(f.t, gone), RK_NODE_NONE);
    size_t cursor = 0;
    rk_session_id owner;
    int owners = 0;
    while (rk_tree_next_owner(f.t, &cursor, &owner)) {
        assert_true(owner == SESSION || owner == OTHER);
        owners++;
    }
    assert_int_equal(owners, 2);
    struct rk_tree_counts counts;
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.ephemerals, 3);
    fixture_close(&f);
}

static void bad_ttl_is_persistent(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    static const int64_t bad[] = {0, -1, INT64_MIN, INT64_MAX, RK_TTL_MAX + 1};
    for (int i = 0; i < 5; i++) {
        char path[8];
        snprintf(path, sizeof(path), "/t%d", i);
        assert_int_equal(apply(&f, txn_ttl(path, bad[i], i + 1)), 0);
        assert_int_equal(rk_tree_kind(f.t, find(&f, path)), RK_NODE_PERSISTENT);
        assert_int_equal(persisted_of(&f, path).ephemeral_owner, 0);
    }
    assert_int_equal(apply(&f, txn_ttl("/good", RK_TTL_MAX, 6)), 0);
    assert_int_equal(rk_tree_kind(f.t, find(&f, "/good")), RK_NODE_TTL);
    fixture_close(&f);
}

static void kinds_by_configuration(void **state)
{
    (void)state;
    const int64_t ttl = (int64_t)UINT64_C(0xff00000000000005);
    const int64_t reserved = (int64_t)UINT64_C(0xff00010000000005);
    const int64_t old_ttl = (int64_t)UINT64_C(0x8000000000000005);
    static const struct {
        bool extended;
        bool emulate;
        enum rk_node_kind ttl;
        enum rk_node_kind reserved;
        enum rk_node_kind old_ttl;
    } cases[] = {
        {false, false, RK_NODE_EPHEMERAL, RK_NODE_EPHEMERAL, RK_NODE_EPHEMERAL},
        {true, false, RK_NODE_TTL, RK_NODE_EPHEMERAL, RK_NODE_EPHEMERAL},
        {true, true, RK_NODE_TTL, RK_NODE_TTL, RK_NODE_TTL},
        {false, true, RK_NODE_EPHEMERAL, RK_NODE_EPHEMERAL, RK_NODE_EPHEMERAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct rk_tree_config config = test_config();
        config.extended_types = cases[i].extended;
        config.emulate_353_ttl = cases[i].emulate;
        fixture_open(&f, &config);
        assert_int_equal(rk_tree_kind_of_owner(f.t, 0), RK_NODE_PERSISTENT);
        assert_int_equal(rk_tree_kind_of_owner(f.t, RK_OWNER_CONTAINER), RK_NODE_CONTAINER);
        assert_int_equal(rk_tree_kind_of_owner(f.t, SESSION), RK_NODE_EPHEMERAL);
        assert_int_equal(rk_tree_kind_of_owner(f.t, ttl), cases[i].ttl);
        assert_int_equal(rk_tree_kind_of_owner(f.t, reserved), cases[i].reserved);
        assert_int_equal(rk_tree_kind_of_owner(f.t, old_ttl), cases[i].old_ttl);
        assert_int_equal(apply(&f, txn_ttl("/t", 5, 1)), 0);
        assert_int_equal(stat_of(&f, "/t").ephemeral_owner,
                         cases[i].ttl == RK_NODE_EPHEMERAL ? ttl : 0);
        fixture_close(&f);
    }
}

static void make_ephemerals(struct fixture *f)
{
    static const char *const paths[] = {"/d/e1", "/d/e2", "/e3"};
    make(f, "/d", "");
    for (int i = 0; i < 3; i++) {
        struct rk_txn txn = txn_create(RK_OP_CREATE, paths[i], "", next_cversion(f, paths[i]));
        txn.body.create.ephemeral = true;
        assert_int_equal(apply_as(f, SESSION, txn), 0);
    }
}

static void close_session_by_list(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make_ephemerals(&f);
    static const char *const paths[] = {"/e3", "/d/e1", "/d/e2", "/d/never", "/no/way", NULL};
    assert_int_equal(apply_as(&f, SESSION, txn_close(paths)), 0);
    assert_string_equal(f.events, "deleted /e3, children /, deleted /d/e1, children /d, "
                                  "deleted /d/e2, children /d");
    assert_int_equal(rk_tree_count_of_owner(f.t, SESSION), 0);
    assert_int_equal(stat_of(&f, "/d").num_children, 0);
    assert_int_equal(stat_of(&f, "/d").pzxid, f.zxid);
    fixture_close(&f);
}

static void close_session_takes_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make_ephemerals(&f);
    static const char *const paths[] = {"/d/e1", NULL};
    assert_int_equal(apply_as(&f, SESSION, txn_close(paths)), 0);
    assert_string_equal(f.events, "deleted /d/e1, children /d, deleted /e3, children /, "
                                  "deleted /d/e2, children /d");
    assert_int_equal(apply(&f, txn_delete("/d")), 0);
    make_ephemerals(&f);
    assert_int_equal(apply_as(&f, SESSION, txn_close(NULL)), 0); /* a log from before 3.6 */
    assert_string_equal(f.events, "deleted /e3, children /, deleted /d/e2, children /d, "
                                  "deleted /d/e1, children /d");
    assert_int_equal(apply_as(&f, OTHER, txn_close(NULL)), 0);
    assert_string_equal(f.events, "");
    fixture_close(&f);
}

static void create_on_existing_node(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    struct rk_stat_persisted before = persisted_of(&f, "/a");
    static const int32_t types[] = {RK_OP_CREATE2, RK_OP_CREATE_CONTAINER, RK_OP_CREATE_TTL};
    int32_t cversion = 10;
    for (int i = 0; i < 3; i++) {
        cversion += 10;
        struct rk_txn txn = txn_create(types[i], "/a", "other", cversion);
        if (types[i] == RK_OP_CREATE_CONTAINER) {
            txn = txn_container("/a", cversion);
        } else if (types[i] == RK_OP_CREATE_TTL) {
            txn = txn_ttl("/a", 5, cversion);
        }
        assert_int_equal(apply(&f, txn), RK_ZK_NODE_EXISTS);
        assert_string_equal(f.events, "");
        assert_int_equal(persisted_of(&f, "/").cversion, cversion);
    }
    /* the parent is raised, and the node gets the transaction's ACL */
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a", "other", 100);
    txn.body.create.acl = *test_acl(3);
    assert_int_equal(apply(&f, txn), RK_ZK_NODE_EXISTS);
    assert_int_equal(persisted_of(&f, "/").cversion, 100);
    assert_int_equal(persisted_of(&f, "/").pzxid, f.zxid);
    assert_int_equal(rk_tree_acl(f.t, find(&f, "/a"))->count, 2);
    /* never lowered */
    txn.body.create.parent_cversion = 50;
    assert_int_equal(apply(&f, txn), RK_ZK_NODE_EXISTS);
    assert_int_equal(persisted_of(&f, "/").cversion, 100);
    assert_int_equal(persisted_of(&f, "/").pzxid, f.zxid - 1);
    /* -1: one more */
    txn.body.create.parent_cversion = -1;
    assert_int_equal(apply(&f, txn), RK_ZK_NODE_EXISTS);
    assert_int_equal(persisted_of(&f, "/").cversion, 101);
    struct rk_stat_persisted after = persisted_of(&f, "/a");
    assert_same_persisted(&before, &after);
    assert_string_equal(data_of(&f, "/a"), "x");
    fixture_close(&f);
}

static void create_raises_the_parent_only(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/a", "", 10)), 0);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/b", "", 5)), 0);
    assert_int_equal(persisted_of(&f, "/").cversion, 10);
    assert_int_equal(persisted_of(&f, "/").pzxid, 1);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/c", "", -1)), 0);
    assert_int_equal(persisted_of(&f, "/").cversion, 11);
    assert_int_equal(persisted_of(&f, "/").pzxid, 3);
    /* sticks at the end of the numbers, as in Apache */
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/d", "", INT32_MAX)), 0);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/e", "", INT32_MIN)), 0);
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/f", "", -1)), 0);
    assert_int_equal(persisted_of(&f, "/").cversion, INT32_MAX);
    assert_int_equal(stat_of(&f, "/").cversion, (int32_t)(2u * INT32_MAX - 7));
    fixture_close(&f);
}

static void missing_parent_and_missing_node(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, "/no/b", "", 1)), RK_ZK_NO_NODE);
    assert_int_equal(apply(&f, txn_delete("/no/b")), RK_ZK_NO_NODE);
    assert_string_equal(f.events, "");
    uint64_t digest = rk_tree_digest(f.t);
    assert_int_equal(apply(&f, txn_delete("/a/gone")), RK_ZK_NO_NODE);
    assert_string_equal(f.events, "");
    assert_int_equal(persisted_of(&f, "/a").pzxid, f.zxid); /* raised although nothing went */
    assert_int_not_equal(rk_tree_digest(f.t), digest);
    /* an older delete does not lower it */
    int64_t newest = f.zxid;
    f.zxid = 1;
    assert_int_equal(apply(&f, txn_delete("/a/gone")), RK_ZK_NO_NODE);
    assert_int_equal(persisted_of(&f, "/a").pzxid, newest);
    fixture_close(&f);
}

static void delete_takes_a_later_life_along(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    make(&f, "/a/b", "yy");
    make(&f, "/a/b/c", "zzz");
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a/e", "", 2);
    txn.body.create.ephemeral = true;
    assert_int_equal(apply_as(&f, SESSION, txn), 0);
    assert_int_equal(apply(&f, txn_delete("/a")), 0);
    assert_string_equal(f.events, "deleted /a, children /");
    assert_int_equal(find(&f, "/a/b/c"), RK_NODE_NONE);
    assert_int_equal(rk_tree_count_of_owner(f.t, SESSION), 0);
    assert_int_equal(rk_tree_descendant_count(f.t, find(&f, "/")), 3);
    fixture_close(&f);
}

/* Paths that no leader sends, but a log could hold. */
static void odd_paths_are_results(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    uint64_t digest = rk_tree_digest(f.t);
    static const char *const odd[] = {"", "/", "a", "a/b", "/a/", "//", "/a//", NULL};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, odd[i], "", 100)), RK_ZK_BAD_ARGUMENTS);
        assert_int_equal(apply(&f, txn_delete(odd[i])), RK_ZK_BAD_ARGUMENTS);
        assert_string_equal(f.events, "");
    }
    static const char *const nowhere[] = {"//x", "/a//x", "//a/x"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(apply(&f, txn_create(RK_OP_CREATE, nowhere[i], "", 100)), RK_ZK_NO_NODE);
        assert_int_equal(apply(&f, txn_delete(nowhere[i])), RK_ZK_NO_NODE);
    }
    static const char *const special[] = {"/zookeeper", "/zookeeper/quota", "/zookeeper/config"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(apply(&f, txn_delete(special[i])), RK_ZK_BAD_ARGUMENTS);
        assert_int_not_equal(find(&f, special[i]), RK_NODE_NONE);
    }
    assert_int_equal(rk_tree_digest(f.t), digest);
    fixture_close(&f);
}

static void multi_applies_in_order(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    const struct rk_txn elements[] = {
        txn_create(RK_OP_CREATE, "/m", "1", 1),
        txn_create(RK_OP_CREATE2, "/m/n", "2", 1),
        txn_set_data("/m", "3", 1),
        txn_check("/m"),
        txn_delete("/m/n"),
        txn_container("/c", 2),
        txn_ttl("/t", 9, 3),
    };
    assert_int_equal(apply_multi_as(&f, SESSION, elements, 7), 0);
    assert_string_equal(f.events, "created /m, children /, created /m/n, children /m, data /m, "
                                  "deleted /m/n, children /m, created /c, children /, "
                                  "created /t, children /");
    assert_int_equal(f.out.sub_count, 7);
    static const int32_t types[] = {RK_OP_CREATE,    RK_OP_CREATE2, RK_OP_SET_DATA,
                                    RK_OP_CHECK,     RK_OP_DELETE,  RK_OP_CREATE_CONTAINER,
                                    RK_OP_CREATE_TTL};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(f.out.sub[i].type, types[i]);
        assert_int_equal(f.out.sub[i].err, 0);
    }
    assert_int_equal(f.out.result.type, RK_OP_MULTI);
    assert_int_equal(f.out.sub[1].stat.czxid, f.zxid);
    assert_int_equal(f.out.sub[2].stat.version, 1);
    assert_true(rk_bytes_is(f.out.sub[3].path, "/m"));
    assert_int_equal(persisted_of(&f, "/m").pzxid, f.zxid);
    assert_int_equal(apply_multi_as(&f, SESSION, elements, 0), 0);
    assert_int_equal(f.out.sub_count, 0);
    fixture_close(&f);
}

static void failed_multi_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", "x");
    uint64_t digest = rk_tree_digest(f.t);
    const struct rk_txn elements[] = {
        txn_create(RK_OP_CREATE, "/m", "1", 2),
        txn_set_data("/a", "3", 1),
        txn_error(RK_ZK_BAD_VERSION),
        txn_error(RK_ZK_RUNTIME_INCONSISTENCY),
        txn_delete("/a"),
    };
    assert_int_equal(apply_multi_as(&f, SESSION, elements, 5), RK_ZK_BAD_VERSION);
    static const int32_t errs[] = {0, 0, RK_ZK_BAD_VERSION, RK_ZK_RUNTIME_INCONSISTENCY,
                                   RK_ZK_RUNTIME_INCONSISTENCY};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(f.out.sub[i].type, RK_OP_ERROR);
        assert_int_equal(f.out.sub[i].err, errs[i]);
    }
    assert_string_equal(f.events, "");
    assert_string_equal(data_of(&f, "/a"), "x");
    assert_int_equal(find(&f, "/m"), RK_NODE_NONE);
    assert_int_equal(rk_tree_digest(f.t), digest);
    /* the first failed: everything after it was not tried */
    assert_int_equal(apply_multi_as(&f, SESSION, elements + 2, 3), RK_ZK_BAD_VERSION);
    fixture_close(&f);
}

static void unreadable_multi_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_buf body;
    rk_buf_init(&body, &f.mem, 1000);
    const struct rk_txn good = txn_create(RK_OP_CREATE, "/m", "1", 1);
    rk_txn_encode_body(&body, &good);
    struct rk_sub_txn subs[] = {
        {RK_OP_CREATE, rk_buf_view(&body)},  {RK_OP_CREATE, rk_bytes_str("no")},
        {RK_OP_SET_ACL, rk_buf_view(&body)}, {RK_OP_MULTI, rk_bytes_str("")},
        {12345, rk_bytes_str(NULL)},
    };
    for (int i = 1; i < 5; i++) {
        struct rk_sub_txn pair[] = {subs[0], subs[i]};
        struct rk_txn txn = {.type = RK_OP_MULTI};
        txn.body.multi.txns = (struct rk_vec_sub_txn){2, pair};
        assert_int_equal(apply(&f, txn), RK_ZK_MARSHALLING_ERROR);
        assert_int_equal(f.out.sub[0].err, 0);
        assert_int_equal(f.out.sub[1].err, RK_ZK_MARSHALLING_ERROR);
        assert_int_equal(find(&f, "/m"), RK_NODE_NONE);
    }
    struct rk_txn null_list = {.type = RK_OP_MULTI};
    null_list.body.multi.txns = (struct rk_vec_sub_txn){-1, NULL};
    assert_int_equal(apply(&f, null_list), 0);
    rk_buf_deinit(&body);
    fixture_close(&f);
}

static void errors_and_sessions_are_no_ops(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    uint64_t digest = rk_tree_digest(f.t);
    assert_int_equal(apply(&f, txn_error(RK_ZK_SESSION_MOVED)), RK_ZK_SESSION_MOVED);
    assert_int_equal(f.out.result.type, RK_OP_ERROR);
    struct rk_txn txn = {.type = RK_OP_CREATE_SESSION};
    txn.body.create_session.time_out = 4000;
    assert_int_equal(apply_as(&f, SESSION, txn), 0);
    assert_int_equal(f.out.event_count, 0);
    assert_int_equal(rk_tree_digest(f.t), digest);
    fixture_close(&f);
}

static void acls_are_shared_and_outlive_the_apply(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_tree_counts counts;
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a", "", 1);
    txn.body.create.acl = *test_acl(1);
    assert_int_equal(apply(&f, txn), 0);
    txn.body.create.path = rk_bytes_str("/b");
    txn.body.create.acl = *test_acl(1);
    assert_int_equal(apply(&f, txn), 0);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 2);
    assert_ptr_equal(rk_tree_acl(f.t, find(&f, "/a")), rk_tree_acl(f.t, find(&f, "/b")));
    assert_int_equal(apply(&f, txn_delete("/a")), 0);
    assert_int_equal(apply(&f, txn_delete("/b")), 0);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 1);
    /* the list is gone from the table, but the event still shows it */
    assert_int_equal(f.out.events[0].acl->count, 2);
    assert_true(rk_bytes_is(f.out.events[0].acl->items[1].id.id, "u:secret"));
    assert_int_equal(f.out.events[1].acl->items[0].perms, RK_PERM_ALL);
    /* null: the open list that no entry stands for */
    txn.body.create.acl = *test_acl(-1);
    assert_int_equal(apply(&f, txn), 0);
    rk_tree_counts(f.t, &counts);
    assert_int_equal(counts.acl_lists, 1);
    assert_int_equal(rk_tree_acl(f.t, find(&f, "/b"))->count, 1);
    fixture_close(&f);
}

static void config_of_a_quorum(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    uint64_t digest = rk_tree_digest(f.t);
    rk_tree_set_config(f.t, rk_bytes_str("server.1=a:1:2\nversion=0"), 0x100000000);
    assert_string_equal(data_of(&f, "/zookeeper/config"), "server.1=a:1:2\nversion=0");
    struct rk_stat_persisted stat = persisted_of(&f, "/zookeeper/config");
    assert_int_equal(stat.version, -1);
    assert_int_equal(stat.mzxid, 0x100000000);
    assert_int_equal(rk_tree_digest(f.t), digest);
    struct rk_txn txn = txn_set_data("/zookeeper/config", "new", -1);
    txn.type = RK_OP_RECONFIG;
    assert_int_equal(apply(&f, txn), 0);
    assert_string_equal(f.events, "data /zookeeper/config");
    assert_string_equal(data_of(&f, "/zookeeper/config"), "new");
    assert_int_equal(rk_tree_digest(f.t), digest);
    fixture_close(&f);
}

static bool is_session(void *ctx, rk_session_id id)
{
    return id == *(const rk_session_id *)ctx;
}

static void orphans_are_dropped(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make_ephemerals(&f);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/d/f", "", 3);
    txn.body.create.ephemeral = true;
    assert_int_equal(apply_as(&f, OTHER, txn), 0);
    rk_session_id alive = OTHER;
    assert_int_equal(rk_tree_drop_orphans(f.t, 77, is_session, &alive), 3);
    assert_int_equal(find(&f, "/d/e1"), RK_NODE_NONE);
    assert_int_not_equal(find(&f, "/d/f"), RK_NODE_NONE);
    assert_int_equal(persisted_of(&f, "/d").pzxid, 77);
    alive = 0;
    assert_int_equal(rk_tree_drop_orphans(f.t, 70, is_session, &alive), 1);
    assert_int_equal(persisted_of(&f, "/d").pzxid, 77);
    assert_int_equal(rk_tree_drop_orphans(f.t, 99, is_session, &alive), 0);
    fixture_close(&f);
}

/* A path of 4000 components: no recursion, and linear in the path. */
static void very_deep(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    enum { DEPTH = 4000 };
    static char path[2 * DEPTH + 1];
    for (int i = 0; i < DEPTH; i++) {
        path[2 * i] = '/';
        path[2 * i + 1] = 'x';
        struct rk_txn txn = txn_create(RK_OP_CREATE, NULL, "d", -1);
        txn.body.create.path = rk_bytes_of(path, 2 * (size_t)i + 2);
        struct rk_tree_outcome out;
        txn.header = (struct rk_txn_header){.zxid = i + 1, .type = RK_OP_CREATE};
        rk_tree_apply(f.t, &txn, &f.arena, &out);
        rk_arena_reset(&f.arena);
        assert_int_equal(out.result.err, 0);
    }
    f.zxid = DEPTH;
    assert_int_equal(rk_tree_descendant_count(f.t, find(&f, "/x")), DEPTH - 1);
    path[2 * DEPTH] = '\0';
    assert_int_not_equal(find(&f, path), RK_NODE_NONE);
    struct rk_buf out;
    rk_buf_init(&out, &f.mem, (size_t)1 << 30);
    (void)rk_tree_snap_begin(f.t, &out);
    assert_int_equal(apply(&f, txn_set_data(path, "new", 1)), 0); /* writes all ancestors */
    rk_tree_snap_end(f.t, 0);
    rk_buf_deinit(&out);
    assert_int_equal(apply(&f, txn_delete("/x")), 0);
    assert_int_equal(rk_tree_descendant_count(f.t, find(&f, "/")), 3);
    fixture_close(&f);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    mem.fail_at = 1;
    struct rk_tree_config config = test_config();
    assert_null(rk_tree_create(&mem, &config));
    rk_tree_destroy(NULL);
    assert_int_equal(mem.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_tree_is_apaches),
        cmocka_unit_test(finding),
        cmocka_unit_test(create_fills_stat_and_fires),
        cmocka_unit_test(set_data_and_acl),
        cmocka_unit_test(delete_fires_and_counts),
        cmocka_unit_test(kinds_and_owners),
        cmocka_unit_test(bad_ttl_is_persistent),
        cmocka_unit_test(kinds_by_configuration),
        cmocka_unit_test(close_session_by_list),
        cmocka_unit_test(close_session_takes_the_rest),
        cmocka_unit_test(create_on_existing_node),
        cmocka_unit_test(create_raises_the_parent_only),
        cmocka_unit_test(missing_parent_and_missing_node),
        cmocka_unit_test(delete_takes_a_later_life_along),
        cmocka_unit_test(odd_paths_are_results),
        cmocka_unit_test(multi_applies_in_order),
        cmocka_unit_test(failed_multi_changes_nothing),
        cmocka_unit_test(unreadable_multi_changes_nothing),
        cmocka_unit_test(errors_and_sessions_are_no_ops),
        cmocka_unit_test(acls_are_shared_and_outlive_the_apply),
        cmocka_unit_test(config_of_a_quorum),
        cmocka_unit_test(orphans_are_dropped),
        cmocka_unit_test(very_deep),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
