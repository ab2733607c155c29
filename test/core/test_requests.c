/* Requests one by one: results, Stat, errors and their order, sessions, watches, multi. Byte-level
 * agreement with Apache is the differential test's business (test/blackbox). */
#include "rig.h"

#include "support/cmocka_all.h"

#include <string.h>

static struct rk_stat stat_of(struct rig *r, uint32_t slot, const char *path)
{
    struct rk_exists_response out;
    struct rk_arena a;
    struct rk_reader in;
    rig_exists(r, slot, 999, path, false);
    rk_reader_init(&in, rig_expect(r, slot, 999, 0), 1 << 20);
    rk_arena_init(&a, &r->mem);
    assert_true(rk_proto_read_exists_response(&in, &a, &out));
    rk_arena_deinit(&a);
    return out.stat;
}

static void create_get_set_delete(void **state)
{
    struct rig r;
    struct rk_bytes body;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/a", "one", 0);
    body = rig_expect(&r, 1, 1, 0);
    assert_int_equal(body.len, 4 + 2);
    assert_memory_equal(body.data + 4, "/a", 2);
    rig_get(&r, 1, 2, "/a", false);
    body = rig_expect(&r, 1, 2, 0);
    assert_int_equal(body.len, 4 + 3 + 68);
    assert_memory_equal(body.data + 4, "one", 3);
    rig_set(&r, 1, 3, "/a", "three", 0);
    (void)rig_expect(&r, 1, 3, 0);
    rig_set(&r, 1, 4, "/a", "x", 0);
    (void)rig_expect(&r, 1, 4, RK_ZK_BAD_VERSION);
    assert_int_equal(stat_of(&r, 1, "/a").version, 1);
    assert_int_equal(stat_of(&r, 1, "/a").data_length, 5);
    rig_create(&r, 1, 5, "/a/b", "", 0);
    (void)rig_expect(&r, 1, 5, 0);
    rig_delete(&r, 1, 6, "/a", -1);
    (void)rig_expect(&r, 1, 6, RK_ZK_NOT_EMPTY);
    rig_delete(&r, 1, 7, "/a/b", 0);
    (void)rig_expect(&r, 1, 7, 0);
    assert_int_equal(stat_of(&r, 1, "/a").cversion, 2);
    rig_delete(&r, 1, 8, "/a", 9);
    (void)rig_expect(&r, 1, 8, RK_ZK_BAD_VERSION);
    rig_delete(&r, 1, 9, "/a", 1);
    (void)rig_expect(&r, 1, 9, 0);
    rig_get(&r, 1, 10, "/a", false);
    (void)rig_expect(&r, 1, 10, RK_ZK_NO_NODE);
    rig_deinit(&r);
}

struct create_case {
    const char *path;
    int32_t flags;
    int32_t err;
};

static void create_errors_come_in_order(void **state)
{
    static const struct create_case cases[] = {
        {"/x", 7, RK_ZK_BAD_ARGUMENTS},
        {"/x", -1, RK_ZK_BAD_ARGUMENTS},
        {"/x", 5, RK_ZK_UNIMPLEMENTED},
        {"x", 0, RK_ZK_BAD_ARGUMENTS},
        {"/none/x", 0, RK_ZK_NO_NODE},
        {"/none/", 0, RK_ZK_NO_NODE},
        {"/e/x", 0, RK_ZK_NO_CHILDREN_FOR_EPHEMERALS},
        {"/p/", 0, RK_ZK_BAD_ARGUMENTS},
        {"/p//y", 0, RK_ZK_NO_NODE},
        {"/p/.", 0, RK_ZK_BAD_ARGUMENTS},
        {"/p", 0, RK_ZK_NODE_EXISTS},
        {"/", 0, RK_ZK_NODE_EXISTS},
        {"/p/", 2, RK_ZK_OK},
    };
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/p", NULL, 0);
    (void)rig_expect(&r, 1, 1, 0);
    rig_create(&r, 1, 2, "/e", "", 1);
    (void)rig_expect(&r, 1, 2, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rk_zxid before = rk_core_last_zxid(r.core);
        rig_create(&r, 1, (int32_t)(100 + i), cases[i].path, "", cases[i].flags);
        (void)rig_expect(&r, 1, (int32_t)(100 + i), cases[i].err);
        assert_int_equal(rk_core_last_zxid(r.core), before + 1); /* failed writes count */
    }
    rig_deinit(&r);
}

static void sequential_names_count_all_creates(void **state)
{
    struct rig r;
    struct rk_bytes body;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/q", "", 0);
    (void)rig_expect(&r, 1, 1, 0);
    rig_create(&r, 1, 2, "/q/plain", "", 0);
    (void)rig_expect(&r, 1, 2, 0);
    rig_create(&r, 1, 3, "/q/n-", "", 2);
    body = rig_expect(&r, 1, 3, 0);
    assert_memory_equal(body.data + 4, "/q/n-0000000001", 15);
    rig_delete(&r, 1, 4, "/q/n-0000000001", -1);
    (void)rig_expect(&r, 1, 4, 0);
    rig_create(&r, 1, 5, "/q/n-", "", 3);
    body = rig_expect(&r, 1, 5, 0);
    assert_memory_equal(body.data + 4, "/q/n-0000000002", 15);
    rig_deinit(&r);
}

static void own_event_precedes_own_reply(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_exists(&r, 1, 1, "/w", true);
    (void)rig_expect(&r, 1, 1, RK_ZK_NO_NODE);
    rig_children(&r, 1, 2, "/", true);
    (void)rig_expect(&r, 1, 2, 0);
    rig_create(&r, 1, 3, "/w", "", 0);
    rig_expect_event(&r, 1, RK_EVENT_NODE_CREATED, "/w");
    rig_expect_event(&r, 1, RK_EVENT_NODE_CHILDREN_CHANGED, "/");
    (void)rig_expect(&r, 1, 3, 0);
    rig_get(&r, 1, 4, "/w", true);
    (void)rig_expect(&r, 1, 4, 0);
    rig_children(&r, 1, 5, "/w", true);
    (void)rig_expect(&r, 1, 5, 0);
    rig_delete(&r, 1, 6, "/w", -1);
    rig_expect_event(&r, 1, RK_EVENT_NODE_DELETED, "/w"); /* once, though two tables had it */
    (void)rig_expect(&r, 1, 6, 0);
    rig_expect_nothing(&r, 1);
    rig_deinit(&r);
}

static void put_multi_op(struct rk_buf *b, int32_t type)
{
    rk_buf_put_i32(b, type);
    rk_buf_put_bool(b, false);
    rk_buf_put_i32(b, -1);
}

static void put_multi_end(struct rk_buf *b)
{
    rk_buf_put_i32(b, -1);
    rk_buf_put_bool(b, true);
    rk_buf_put_i32(b, -1);
}

static void failed_multi_changes_nothing(void **state)
{
    static const int32_t expected[] = {0, RK_ZK_BAD_VERSION, RK_ZK_RUNTIME_INCONSISTENCY};
    struct rig r;
    struct rk_buf *b;
    struct rk_bytes body;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/v", "x", 0);
    (void)rig_expect(&r, 1, 1, 0);
    b = rig_request(&r, 2, RK_OP_MULTI);
    put_multi_op(b, RK_OP_CREATE);
    rk_buf_put_bytes(b, rk_bytes_str("/v/m-"));
    rk_buf_put_bytes(b, rk_bytes_str(""));
    rig_put_open_acl(b);
    rk_buf_put_i32(b, 2);
    put_multi_op(b, RK_OP_CHECK);
    rk_buf_put_bytes(b, rk_bytes_str("/v"));
    rk_buf_put_i32(b, 9);
    put_multi_op(b, RK_OP_DELETE);
    rk_buf_put_bytes(b, rk_bytes_str("/v/m-0000000000"));
    rk_buf_put_i32(b, -1);
    put_multi_end(b);
    rig_send(&r, 1);
    body = rig_expect(&r, 1, 2, 0);
    assert_int_equal(body.len, 3 * 13 + 9);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(rk_load_i32(body.data + i * 13), -1);
        assert_int_equal(rk_load_i32(body.data + i * 13 + 5), expected[i]);
        assert_int_equal(rk_load_i32(body.data + i * 13 + 9), expected[i]);
    }
    /* the counter was rolled back as well */
    rig_create(&r, 1, 3, "/v/m-", "", 2);
    body = rig_expect(&r, 1, 3, 0);
    assert_memory_equal(body.data + 4, "/v/m-0000000000", 15);
    rig_deinit(&r);
}

static void expired_session_takes_its_ephemerals(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    rig_create(&r, 1, 1, "/e1", "", 1);
    (void)rig_expect(&r, 1, 1, 0);
    rig_exists(&r, 2, 2, "/e1", true);
    (void)rig_expect(&r, 2, 2, 0);
    for (int i = 0; i < 5; i++) {
        rig_advance(&r, 3000);
        rig_simple(&r, 2, -2, RK_OP_PING);
    }
    assert_true(r.in[1].is_closed);
    assert_false(r.in[2].is_closed);
    rig_close(&r, 1);
    for (int i = 0; i < 3; i++) {
        (void)rig_expect(&r, 2, -2, 0);
    }
    rig_expect_event(&r, 2, RK_EVENT_NODE_DELETED, "/e1");
    rig_deinit(&r);
}

static void reattach_needs_the_password(void **state)
{
    struct rig r;
    rk_session_id id;
    uint8_t password[16];
    uint8_t wrong[16] = {1};
    struct rk_bytes f;
    (void)state;
    rig_init(&r, NULL);
    id = rig_connect(&r, 1);
    rk_session_password(id, password);
    rig_open(&r, 2);
    rig_handshake(&r, 2, 0, 10000, id, rk_bytes_of(wrong, 16), true);
    f = rig_take(&r, 2);
    assert_int_equal(f.len, 37);
    assert_int_equal(rk_load_i32(f.data + 4), 0);
    assert_true(r.in[2].is_closed);
    assert_false(r.in[1].is_closed); /* 18.6: the rightful connection lives */
    rig_close(&r, 2);
    rig_open(&r, 2);
    rig_handshake(&r, 2, 0, 5000, id, rk_bytes_of(password, 16), false);
    f = rig_take(&r, 2);
    assert_int_equal(f.len, 36);
    assert_int_equal(rk_load_i32(f.data + 4), 5000);
    assert_int_equal(rk_load_i64(f.data + 8), id);
    assert_true(r.in[1].is_closed);
    rig_close(&r, 1);
    rig_deinit(&r);
}

static void unknown_operations_end_the_connection(void **state)
{
    static const int32_t ops[] = {0, 10, 13, 20, 23, 50, 108, -1, -10, 1000, INT32_MIN};
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    for (uint32_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        struct rig_reply reply;
        rig_connect(&r, 1);
        rig_simple(&r, 1, 5, ops[i]);
        reply = rig_reply(&r, 1);
        assert_int_equal(reply.err, RK_ZK_UNIMPLEMENTED);
        assert_int_equal(reply.zxid, -1);
        assert_true(r.in[1].is_closed);
        rig_close(&r, 1);
    }
    rig_deinit(&r);
}

static void acl_guards_and_super_passes(void **state)
{
    struct rig r;
    struct rk_core_config config;
    struct rk_buf *b;
    (void)state;
    rig_config(&config);
    config.super_digest = rk_bytes_str("super:xQJmxLMiHGwaqBvst5y6rkB6HQs="); /* super:admin */
    rig_init(&r, &config);
    rig_connect(&r, 1);
    rig_auth(&r, 1, "digest", "u:p");
    (void)rig_expect(&r, 1, -4, 0);
    b = rig_request(&r, 1, RK_OP_CREATE);
    rk_buf_put_bytes(b, rk_bytes_str("/s"));
    rk_buf_put_bytes(b, rk_bytes_str("secret"));
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, RK_PERM_ALL);
    rk_buf_put_bytes(b, rk_bytes_str("auth"));
    rk_buf_put_bytes(b, rk_bytes_str(""));
    rk_buf_put_i32(b, 0);
    rig_send(&r, 1);
    (void)rig_expect(&r, 1, 1, 0);
    rig_connect(&r, 2);
    rig_get(&r, 2, 1, "/s", false);
    (void)rig_expect(&r, 2, 1, RK_ZK_NO_AUTH);
    rig_set(&r, 2, 2, "/s", "x", -1);
    (void)rig_expect(&r, 2, 2, RK_ZK_NO_AUTH);
    rig_auth(&r, 2, "digest", "super:admin");
    (void)rig_expect(&r, 2, -4, 0);
    rig_get(&r, 2, 3, "/s", false);
    (void)rig_expect(&r, 2, 3, 0);
    rig_auth(&r, 2, "nonsense", "x");
    (void)rig_expect(&r, 2, -4, RK_ZK_AUTH_FAILED);
    assert_true(r.in[2].is_closed);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_get_set_delete),
        cmocka_unit_test(create_errors_come_in_order),
        cmocka_unit_test(sequential_names_count_all_creates),
        cmocka_unit_test(own_event_precedes_own_reply),
        cmocka_unit_test(failed_multi_changes_nothing),
        cmocka_unit_test(expired_session_takes_its_ephemerals),
        cmocka_unit_test(reattach_needs_the_password),
        cmocka_unit_test(unknown_operations_end_the_connection),
        cmocka_unit_test(acl_guards_and_super_passes),
    };
    return cmocka_run_group_tests_name("core requests", tests, NULL, NULL);
}
