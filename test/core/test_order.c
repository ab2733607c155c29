/* Order and durability: what waits for what, with the log in the test's hands. */
#include "rig.h"

#include "support/cmocka_all.h"

#include <string.h>

static void no_reply_before_the_log_is_durable(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_expect_nothing(&r, 1);
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    rig_deinit(&r);
}

static void reads_wait_for_own_writes_only(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "x", 0);
    rig_get(&r, 1, 2, "/a", false);
    rig_simple(&r, 1, -2, RK_OP_PING);
    rig_get(&r, 2, 1, "/a", false);
    rig_expect_nothing(&r, 1);
    (void)rig_expect(&r, 2, 1, RK_ZK_NO_NODE); /* not committed: nobody sees it */
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 1, 2, 0);
    (void)rig_expect(&r, 1, -2, 0);
    rig_deinit(&r);
}

static void a_read_sees_exactly_the_writes_before_it(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/n", "0", 0);
    (void)rig_expect(&r, 1, 1, 0);
    r.auto_sync = false;
    for (int32_t i = 0; i < 50; i++) {
        rig_set(&r, 1, 10 + 2 * i, "/n", "z", i);
        rig_get(&r, 1, 11 + 2 * i, "/n", false);
    }
    rig_expect_nothing(&r, 1);
    rig_sync(&r); /* one group commit for all */
    for (int32_t i = 0; i < 50; i++) {
        struct rig_reply w = rig_reply(&r, 1);
        struct rig_reply g = rig_reply(&r, 1);
        assert_int_equal(w.xid, 10 + 2 * i);
        assert_int_equal(w.err, 0);
        assert_int_equal(g.xid, 11 + 2 * i);
        assert_int_equal(g.zxid, w.zxid); /* the state right behind that write */
        assert_int_equal(rk_load_i32(g.body.data + 4 + 1 + 32), i + 1);
    }
    rig_deinit(&r);
}

static void pending_creates_are_visible_to_later_writes(void **state)
{
    struct rig r;
    struct rk_bytes body;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_create(&r, 1, 2, "/a/b", "", 0);
    rig_create(&r, 1, 3, "/a", "", 0);
    rig_delete(&r, 1, 4, "/a", -1);
    rig_create(&r, 1, 5, "/a/s-", "", 2);
    rig_delete(&r, 1, 6, "/a/b", -1);
    rig_delete(&r, 1, 7, "/a/s-0000000001", -1);
    rig_delete(&r, 1, 8, "/a", 0);
    rig_set(&r, 1, 9, "/a", "", -1);
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 1, 2, 0);
    (void)rig_expect(&r, 1, 3, RK_ZK_NODE_EXISTS);
    (void)rig_expect(&r, 1, 4, RK_ZK_NOT_EMPTY);
    body = rig_expect(&r, 1, 5, 0);
    assert_memory_equal(body.data + 4, "/a/s-0000000001", 15);
    (void)rig_expect(&r, 1, 6, 0);
    (void)rig_expect(&r, 1, 7, 0);
    (void)rig_expect(&r, 1, 8, 0);
    (void)rig_expect(&r, 1, 9, RK_ZK_NO_NODE);
    assert_int_equal(rk_core_metrics(r.core)->digest_mismatches_count, 0);
    rig_deinit(&r);
}

static void close_session_takes_pending_ephemerals(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    rig_create(&r, 1, 1, "/old", "", 1);
    (void)rig_expect(&r, 1, 1, 0);
    r.auto_sync = false;
    rig_create(&r, 1, 2, "/new", "", 1);
    rig_delete(&r, 1, 3, "/old", -1);
    rig_simple(&r, 1, 4, RK_OP_CLOSE_SESSION);
    rig_create(&r, 1, 5, "/late", "", 1); /* dropped: the session is closing */
    rig_sync(&r);
    (void)rig_expect(&r, 1, 2, 0);
    (void)rig_expect(&r, 1, 3, 0);
    (void)rig_expect(&r, 1, 4, 0);
    rig_expect_nothing(&r, 1);
    assert_true(r.in[1].is_closed);
    rig_close(&r, 1);
    r.auto_sync = true;
    rig_exists(&r, 2, 1, "/new", false);
    (void)rig_expect(&r, 2, 1, RK_ZK_NO_NODE);
    rig_exists(&r, 2, 2, "/late", false);
    (void)rig_expect(&r, 2, 2, RK_ZK_NO_NODE);
    assert_int_equal(rk_core_metrics(r.core)->digest_mismatches_count, 0);
    rig_deinit(&r);
}

static void requests_behind_the_handshake_wait_for_it(void **state)
{
    struct rig r;
    uint8_t zero[16] = {0};
    (void)state;
    rig_init(&r, NULL);
    r.auto_sync = false;
    rig_open(&r, 1);
    rig_handshake(&r, 1, 0, 10000, 0, rk_bytes_of(zero, 16), true);
    assert_true(r.in[1].is_paused);
    rig_auth(&r, 1, "digest", "u:p");
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_get(&r, 1, 2, "/a", false);
    rig_expect_nothing(&r, 1);
    rig_sync(&r);
    assert_false(r.in[1].is_paused);
    assert_int_equal(rig_take(&r, 1).len, 37);
    (void)rig_expect(&r, 1, -4, 0);
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 1, 2, 0);
    rig_deinit(&r);
}

static void a_client_that_vanishes_leaves_its_writes(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_get(&r, 1, 2, "/a", false);
    rig_close(&r, 1);
    rig_sync(&r);
    rig_get(&r, 2, 3, "/a", false);
    (void)rig_expect(&r, 2, 3, 0);
    assert_int_equal(rk_core_outstanding(r.core), 0);
    rig_deinit(&r);
}

static void full_log_refuses_writes_and_serves_reads(void **state)
{
    struct rig r;
    struct rk_event full = {.kind = RK_EV_LOG_FULL};
    struct rk_event room = {.kind = RK_EV_LOG_ROOM};
    rk_zxid before;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/a", "x", 0);
    (void)rig_expect(&r, 1, 1, 0);
    before = rk_core_last_zxid(r.core);
    rig_step(&r, &full);
    rig_set(&r, 1, 2, "/a", "y", -1);
    (void)rig_expect(&r, 1, 2, RK_ZK_SYSTEM_ERROR);
    rig_get(&r, 1, 3, "/a", false);
    assert_memory_equal(rig_expect(&r, 1, 3, 0).data + 4, "x", 1);
    rig_open(&r, 2);
    rig_handshake(&r, 2, 0, 10000, 0, rk_bytes_str(""), true);
    assert_true(r.in[2].is_closed);
    rig_close(&r, 2);
    rig_advance(&r, 100000); /* nobody expires meanwhile */
    assert_false(r.in[1].is_closed);
    assert_int_equal(rk_core_last_zxid(r.core), before);
    rig_step(&r, &room);
    rig_set(&r, 1, 4, "/a", "z", -1);
    (void)rig_expect(&r, 1, 4, 0);
    rig_deinit(&r);
}

static void many_in_flight_pause_the_client(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.conn_outstanding_max = 10;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    r.auto_sync = false;
    for (int32_t i = 0; i < 20; i++) {
        rig_create(&r, 1, i, "/s-", "", 2);
        assert_int_equal(r.in[1].is_paused, i >= 9);
    }
    rig_sync(&r);
    assert_false(r.in[1].is_paused);
    for (int32_t i = 0; i < 20; i++) {
        (void)rig_expect(&r, 1, i, 0);
    }
    rig_deinit(&r);
}

static void throttled_requests_keep_their_order(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.request_throttle_max = 2;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.auto_sync = false;
    for (int32_t i = 0; i < 6; i++) {
        rig_create(&r, 1, i, "/s-", "", 2);
        rig_exists(&r, 2, i, "/s-0000000000", false);
    }
    for (int round = 0; round < 12; round++) {
        rig_sync(&r);
    }
    for (int32_t i = 0; i < 6; i++) {
        (void)rig_expect(&r, 1, i, 0);
        (void)rig_reply(&r, 2);
    }
    rig_expect_nothing(&r, 1);
    rig_expect_nothing(&r, 2);
    assert_int_equal(rk_core_outstanding(r.core), 0);
    rig_deinit(&r);
}

/* Admitted after the end of its session was proposed, an ephemeral would outlive the session; and
 * a login, which waits for nothing before it, would be answered although its client has left. */
static void throttled_requests_behind_a_close_are_dropped(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.request_throttle_max = 1;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0); /* in work: what follows is throttled */
    rig_simple(&r, 1, 2, RK_OP_CLOSE_SESSION);
    rig_create(&r, 1, 3, "/zombie", "", RK_CREATE_EPHEMERAL);
    rig_auth(&r, 1, "digest", "u:p");
    rig_expect_nothing(&r, 1);
    for (uint32_t i = 0; i < 4; i++) {
        rig_sync(&r);
    }
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 1, 2, 0);
    rig_expect_nothing(&r, 1);
    assert_true(r.in[1].is_closed);
    rig_close(&r, 1);
    r.auto_sync = true;
    rig_exists(&r, 2, 1, "/zombie", false);
    (void)rig_expect(&r, 2, 1, RK_ZK_NO_NODE);
    rig_deinit(&r);
}

static void an_answer_that_waits_is_no_work(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.request_throttle_max = 1;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_exists(&r, 2, 1, "/a", false); /* throttled */
    rig_simple(&r, 2, 2, 999);         /* known to be refused, behind it */
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 2, 1, 0);
    (void)rig_expect(&r, 2, 2, RK_ZK_UNIMPLEMENTED);
    assert_true(r.in[2].is_closed);
    rig_deinit(&r);
}

static void what_is_throttled_is_judged_when_it_is_admitted(void **state)
{
    struct rig r;
    struct rk_core_config config;
    struct rk_event full = {.kind = RK_EV_LOG_FULL};
    (void)state;
    rig_config(&config);
    config.request_throttle_max = 1;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    r.auto_sync = false;
    rig_create(&r, 1, 1, "/a", "", 0);
    rig_simple(&r, 1, 2, RK_OP_RECONFIG); /* without a body */
    rig_create(&r, 1, 3, "/b", "", 0);
    rig_step(&r, &full);
    for (uint32_t i = 0; i < 4; i++) {
        rig_sync(&r);
    }
    (void)rig_expect(&r, 1, 1, 0);
    (void)rig_expect(&r, 1, 2, RK_ZK_SYSTEM_ERROR);
    (void)rig_expect(&r, 1, 3, RK_ZK_SYSTEM_ERROR);
    full.kind = RK_EV_LOG_ROOM;
    rig_step(&r, &full);
    rig_create(&r, 1, 4, "/a/b", "", 0);
    rig_simple(&r, 1, 5, RK_OP_RECONFIG);
    rig_sync(&r);
    (void)rig_expect(&r, 1, 4, 0);
    (void)rig_expect(&r, 1, 5, RK_ZK_MARSHALLING_ERROR);
    rig_deinit(&r);
}

static void a_snapshot_is_a_point_in_time(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.snap_count = 40;
    config.snap_slice_nodes = 1;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    for (int32_t i = 0; i < 200; i++) {
        rig_create(&r, 1, i, "/s-", "some data", 2);
        (void)rig_expect(&r, 1, i, 0);
    }
    assert_true(r.rolls > 2);
    assert_true(rk_core_metrics(r.core)->snap_count > 2);
    assert_true(r.snapshot.len > 0);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_reply_before_the_log_is_durable),
        cmocka_unit_test(reads_wait_for_own_writes_only),
        cmocka_unit_test(a_read_sees_exactly_the_writes_before_it),
        cmocka_unit_test(pending_creates_are_visible_to_later_writes),
        cmocka_unit_test(close_session_takes_pending_ephemerals),
        cmocka_unit_test(requests_behind_the_handshake_wait_for_it),
        cmocka_unit_test(a_client_that_vanishes_leaves_its_writes),
        cmocka_unit_test(full_log_refuses_writes_and_serves_reads),
        cmocka_unit_test(many_in_flight_pause_the_client),
        cmocka_unit_test(throttled_requests_keep_their_order),
        cmocka_unit_test(throttled_requests_behind_a_close_are_dropped),
        cmocka_unit_test(an_answer_that_waits_is_no_work),
        cmocka_unit_test(what_is_throttled_is_judged_when_it_is_admitted),
        cmocka_unit_test(a_snapshot_is_a_point_in_time),
    };
    return cmocka_run_group_tests_name("core order", tests, NULL, NULL);
}
