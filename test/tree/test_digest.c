/* The digest: vectors of a real server's log (spec-quorum A2.7, A5), and a whole log of one, whose
 * every transaction carries the digest that Apache's tree had after it. */
#include "tree_support.h"

#include "tree/tree_int.h"

static void fresh_tree(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    assert_int_equal(rk_tree_digest(f.t), 0x51c6d660u);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/")), 0x04128908u);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/zookeeper")), 0x4db44d58u);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/zookeeper/config")), 0);
    fixture_close(&f);
}

static void one_create(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a", "x", 1);
    txn.header = (struct rk_txn_header){0x0100001744450000, 1, 2, 0x000001a204c4a4f9, RK_OP_CREATE};
    txn.has_digest = true;
    txn.digest = (struct rk_txn_digest){2, 0x1034e08b2};
    rk_tree_apply(f.t, &txn, &f.arena, &f.out);
    assert_false(f.out.digest_mismatch);
    assert_int_equal(rk_tree_digest(f.t), 0x1034e08b2);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/")), 0x031578f2);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/a")), 0xb2844268);
    struct rk_stat_persisted stat = persisted_of(&f, "/a");
    assert_int_equal(rk_tree_node_digest(test_crc32, rk_bytes_str("/a"), rk_bytes_str("x"), &stat),
                     0xb2844268);
    fixture_close(&f);
}

static void root_and_reserved_paths(void **state)
{
    (void)state;
    struct rk_stat_persisted zero = {.czxid = 0};
    struct rk_bytes none = rk_bytes_str(NULL);
    assert_int_equal(rk_tree_node_digest(test_crc32, rk_bytes_str(""), none, &zero), 0x04128908);
    assert_int_equal(rk_tree_node_digest(test_crc32, rk_bytes_str("/"), none, &zero), 0x04128908);
    assert_int_equal(rk_tree_node_digest(test_crc32, rk_bytes_str("/zookeeper"), none, &zero),
                     0x4db44d58);
    assert_int_equal(rk_tree_node_digest(test_crc32, rk_bytes_str("/zookeeper/x"), none, &zero), 0);
    assert_int_not_equal(rk_tree_node_digest(test_crc32, rk_bytes_str("/zookeeperx"), none, &zero),
                         0);
}

/* Null and empty data digest alike. */
static void data_of_every_length(void **state)
{
    (void)state;
    static char text[301];
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/a", NULL);
    for (int32_t len = 0; len <= 300; len++) {
        struct rk_stat_persisted stat = persisted_of(&f, "/a");
        uint8_t all[2 + 300 + 60] = "/a";
        size_t at = 2 + (size_t)(len > 0 ? len - 1 : 0);
        memset(all + 2, 'x', at - 2);
        rk_store_i64(all + at, stat.czxid);
        rk_store_i64(all + at + 8, stat.mzxid);
        rk_store_i64(all + at + 16, stat.pzxid);
        rk_store_i64(all + at + 24, stat.ctime);
        rk_store_i64(all + at + 32, stat.mtime);
        rk_store_i32(all + at + 40, stat.version);
        rk_store_i32(all + at + 44, stat.cversion);
        rk_store_i32(all + at + 48, stat.aversion);
        rk_store_i64(all + at + 52, stat.ephemeral_owner);
        assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/a")), test_crc32(0, all, at + 60));
        memset(text, 'x', (size_t)len);
        text[len] = '\0';
        assert_int_equal(apply(&f, txn_set_data("/a", text, len)), 0);
    }
    fixture_close(&f);
}

static void mismatch_is_told(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a", "x", 1);
    txn.has_digest = true;
    txn.digest = (struct rk_txn_digest){2, 1};
    assert_int_equal(apply(&f, txn), 0);
    assert_true(f.out.digest_mismatch);
    txn = txn_error(RK_ZK_NO_NODE);
    txn.has_digest = true;
    txn.digest = (struct rk_txn_digest){2, (int64_t)rk_tree_digest(f.t)};
    assert_int_equal(apply(&f, txn), RK_ZK_NO_NODE);
    assert_false(f.out.digest_mismatch);
    txn.digest = (struct rk_txn_digest){1, 1}; /* another version says nothing */
    assert_int_equal(apply(&f, txn), RK_ZK_NO_NODE);
    assert_false(f.out.digest_mismatch);
    fixture_close(&f);
}

static void switched_off(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_tree_config config = test_config();
    config.digest = false;
    fixture_open(&f, &config);
    struct rk_txn txn = txn_create(RK_OP_CREATE, "/a", "x", 1);
    txn.has_digest = true;
    txn.digest = (struct rk_txn_digest){2, 1};
    assert_int_equal(apply(&f, txn), 0);
    assert_false(f.out.digest_mismatch);
    assert_int_equal(rk_tree_digest(f.t), 0);
    assert_int_equal(rk_tree_digest_of(f.t, find(&f, "/a")), 0);
    fixture_close(&f);
}

/* Applies every payload of a file and compares digests; returns how many carried one. */
static int replay(struct fixture *f, const char *file_name)
{
    static char line[1 << 20];
    static uint8_t payload[1 << 19];
    int with_digest = 0;
    FILE *file = fopen(file_name, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || strchr(line, ' ') == NULL) {
            continue;
        }
        size_t len = test_unhex(strchr(line, ' ') + 1, payload, sizeof(payload));
        struct rk_txn txn;
        rk_arena_reset(&f->arena);
        enum rk_err err = rk_txn_decode(rk_bytes_of(payload, len), &f->arena, 1 << 20, &txn);
        assert_int_equal(err, RK_OK);
        rk_tree_apply(f->t, &txn, &f->arena, &f->out);
        if (f->out.digest_mismatch) {
            fail_msg("zxid 0x%llx (type %d): digest 0x%llx, Apache had 0x%llx",
                     (unsigned long long)txn.header.zxid, txn.type,
                     (unsigned long long)rk_tree_digest(f->t),
                     (unsigned long long)txn.digest.tree_digest);
        }
        with_digest += txn.has_digest ? 1 : 0;
    }
    fclose(file);
    return with_digest;
}

static void log_of_apache(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    assert_in_range(replay(&f, RK_TEST_APACHE_LOG), 15, 1000);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_tree),
        cmocka_unit_test(one_create),
        cmocka_unit_test(root_and_reserved_paths),
        cmocka_unit_test(data_of_every_length),
        cmocka_unit_test(mismatch_is_told),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(log_of_apache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
