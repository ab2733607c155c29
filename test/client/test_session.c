/* Connecting, shaking hands, staying alive, losing, closing: one transcript per behaviour. */
#include "rig.h"

#include "support/cmocka_all.h"

static void connects_and_gets_a_session(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_expect(&r, "RESOLVE 0\nSTATE resolving\n");
    rig_resolved(&r, 0, "a");
    rig_expect(&r, "STATE connecting\nCONNECT 1 to a\n");
    rig_connected(&r, 1);
    rig_expect(&r, "STATE associating\n"
                   "SEND 1 connect session=0 zxid=0 timeout=30000 ro=0\n");
    rig_welcome(&r, 7, 10000, false);
    rig_expect(&r, "STATE connected new\n");
    assert_int_equal(rk_client_timeout_ms(r.client), 10000);
    assert_int_equal(rk_client_session(r.client), 7);
    assert_memory_equal(rk_client_password(r.client), "0123456789abcdef", 16);
    assert_int_equal(rk_client_conn(r.client), 1);
    rig_deinit(&r);
}

static void answers_requests_in_order(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    assert_int_equal(rig_get(&r, 1), RK_ZK_OK);
    assert_int_equal(rig_get(&r, 2), RK_ZK_OK);
    rig_expect(&r, "SEND 1 get_data\nSEND 1 get_data\n");
    rig_reply(&r, 5, 0, "one");
    rig_reply(&r, 6, RK_ZK_NO_NODE, "");
    rig_expect(&r, "DONE 1 rc=0 zxid=5 \"one\"\nDONE 2 rc=-101 zxid=6\n");
    assert_int_equal(rk_client_last_zxid(r.client), 6);
    assert_int_equal(rk_client_requests(r.client), 0);
    rig_deinit(&r);
}

static void requests_wait_for_the_connection(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    assert_int_equal(rig_get(&r, 1), RK_ZK_OK);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    rig_forget(&r);
    assert_int_equal(rig_get(&r, 2), RK_ZK_OK);
    rig_welcome(&r, 7, 10000, false);
    rig_expect(&r, "STATE connected new\nSEND 1 get_data\nSEND 1 get_data\n");
    rig_deinit(&r);
}

static void pings_when_idle(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    assert_int_equal(r.wake_ms, r.now_ms + 10000);
    rig_tick(&r, 9999);
    rig_expect(&r, "");
    rig_tick(&r, 1);
    rig_expect(&r, "SEND 1 ping\n");
    rig_reply_xid(&r, -2, 4, 0);
    assert_int_equal(r.wake_ms, r.now_ms + 10000);
    rig_tick(&r, 5000);
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_tick(&r, 9999);
    rig_expect(&r, "");
    rig_tick(&r, 1);
    rig_expect(&r, "SEND 1 ping\n");
    rig_deinit(&r);
}

static void silence_of_two_thirds_costs_the_connection(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rig_tick(&r, 19999);
    rig_forget(&r);
    rig_tick(&r, 1);
    rig_expect(&r, "DROP 1\nSTATE idle\nDONE 1 rc=-4\nRESOLVE 0\nRESOLVE 1\nRESOLVE 2\n"
                   "STATE connecting\nCONNECT 2 to b\n");
    rig_connected(&r, 2);
    rig_expect(&r, "STATE associating\n"
                   "SEND 2 connect session=7 zxid=0 timeout=30000 ro=0\n");
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\n");
    rig_deinit(&r);
}

static void a_lost_session_is_terminal(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    (void)rig_get(&r, 1);
    rig_auth(&r, 2, "digest", "u:p");
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 0, 0, false);
    rig_expect(&r, "DROP 2\nSTATE expired\nDONE 1 rc=-112\nDONE 2 rc=-112\n");
    assert_int_equal(rig_get(&r, 3), RK_CLIENT_INVALID_STATE);
    rig_tick(&r, 100000);
    rig_expect(&r, "");
    assert_int_equal(r.wake_ms, INT64_MAX);
    rig_close(&r, 100);
    rig_expect(&r, "STATE closed\n");
    rig_deinit(&r);
}

static void another_session_than_asked_is_expiry(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.session_id = 5;
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    rig_expect(&r, "RESOLVE 0\nSTATE resolving\nSTATE connecting\nCONNECT 1 to a\n"
                   "STATE associating\n"
                   "SEND 1 connect session=5 zxid=0 timeout=30000 ro=0\n");
    rig_welcome(&r, 6, 30000, false);
    rig_expect(&r, "DROP 1\nSTATE expired\n");
    rig_deinit(&r);
}

static void no_session_for_a_new_client_is_a_failed_try(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 2, false);
    rig_resolved(&r, 0, "a");
    rig_resolved(&r, 1, "b");
    rig_connected(&r, 1);
    rig_forget(&r);
    rig_welcome(&r, 0, 0, false);
    rig_expect(&r, "DROP 1\nSTATE idle\nSTATE connecting\nCONNECT 2 to b\n");
    rig_deinit(&r);
}

static void close_waits_for_what_was_sent(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_close(&r, 500);
    rig_expect(&r, "SEND 1 close_session\n");
    assert_int_equal(rig_get(&r, 2), RK_CLIENT_CLOSING);
    rig_reply(&r, 5, 0, "");
    rig_expect(&r, "DONE 1 rc=0 zxid=5\n");
    rig_reply(&r, 6, 0, "");
    rig_expect(&r, "DROP 1\nSTATE closed\n");
    rig_deinit(&r);
}

static void close_gives_up_in_time(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rig_close(&r, 500);
    rig_forget(&r);
    assert_int_equal(r.wake_ms, r.now_ms + 500);
    rig_tick(&r, 500);
    rig_expect(&r, "DROP 1\nDONE 1 rc=-116\nSTATE closed\n");
    rig_deinit(&r);
}

static void close_without_waiting_still_says_so(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_close(&r, 0);
    rig_expect(&r, "SEND 1 close_session\nDROP 1\nSTATE closed\n");
    rig_deinit(&r);
}

static void close_without_a_connection_is_at_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_close(&r, 500);
    rig_expect(&r, "DROP 1\nDONE 1 rc=-116\nSTATE closed\n");
    rig_deinit(&r);
}

static void close_during_the_handshake_ends_the_new_session(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_close(&r, 500);
    rig_expect(&r, "DONE 1 rc=-116\n");
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected new\nSEND 1 close_session\n");
    rig_gone(&r, 1);
    rig_expect(&r, "STATE closed\n");
    rig_deinit(&r);
}

static void a_request_times_out_alone(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_request(&r, 1, RK_OP_GET_DATA, RK_CLIENT_WATCH_DATA, "/a", 1, 300);
    (void)rig_request(&r, 2, RK_OP_GET_DATA, RK_CLIENT_WATCH_NONE, NULL, 0, 100);
    (void)rig_request(&r, 3, RK_OP_GET_DATA, RK_CLIENT_WATCH_NONE, NULL, 0, 200);
    (void)rig_get(&r, 4);
    rig_forget(&r);
    assert_int_equal(r.wake_ms, r.now_ms + 100);
    rig_tick(&r, 100);
    rig_expect(&r, "DONE 2 rc=-7\n");
    rig_tick(&r, 200);
    rig_expect(&r, "DONE 3 rc=-7\nDONE 1 rc=-7\n");
    for (int i = 0; i < 4; i++) {
        rig_reply(&r, 5, 0, "");
    }
    rig_expect(&r, "DONE 4 rc=0 zxid=5\n");
    rig_event(&r, 3, "/a", 6);
    rig_expect(&r, ""); /* the watch of the one that was given up is none */
    rig_deinit(&r);
}

static void a_waiting_request_times_out_and_is_not_sent(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    (void)rig_request(&r, 1, RK_OP_GET_DATA, RK_CLIENT_WATCH_NONE, NULL, 0, 300);
    rig_tick(&r, 300);
    rig_expect(&r, "DONE 1 rc=-7\n");
    rig_connect(&r);
    assert_int_equal(r.xid_count, 0);
    rig_deinit(&r);
}

static void limits_refuse_requests(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.requests_max = 2;
    rig_open(&r);
    rig_connect(&r);
    assert_int_equal(rig_request(&r, 1, RK_OP_GET_DATA, RK_CLIENT_WATCH_NONE, NULL, 0, 10), 0);
    assert_int_equal(rig_get(&r, 2), RK_ZK_OK);
    assert_int_equal(rig_get(&r, 3), RK_ZK_API_ERROR);
    rig_tick(&r, 10); /* given up, but the server may still answer: it counts */
    assert_int_equal(rk_client_requests(r.client), 1);
    assert_int_equal(rig_get(&r, 3), RK_ZK_API_ERROR);
    rig_reply(&r, 5, 0, "");
    assert_int_equal(rig_get(&r, 3), RK_ZK_OK);
    rig_deinit(&r);

    rig_init(&r);
    r.config.request_bytes_max = 10;
    rig_open(&r);
    assert_int_equal(rig_get(&r, 1), RK_ZK_API_ERROR);
    rig_connect(&r);
    assert_int_equal(rig_get(&r, 1), RK_ZK_OK); /* does not wait */
    rig_deinit(&r);
}

static void refuses_what_is_its_own_to_send(void **state)
{
    static const int32_t ops[] = {RK_OP_AUTH,          RK_OP_PING, RK_OP_SET_WATCHES,
                                  RK_OP_SET_WATCHES2,  RK_OP_SASL, RK_OP_CLOSE_SESSION,
                                  RK_OP_CREATE_SESSION};
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        assert_int_equal(rig_request(&r, 1, ops[i], RK_CLIENT_WATCH_NONE, NULL, 0, 0),
                         RK_ZK_BAD_ARGUMENTS);
    }
    rig_deinit(&r);
}

static void a_configuration_must_make_sense(void **state)
{
    struct rig r;
    struct rk_client *c = NULL;
    static const char *const chroots[] = {"a", "/a/", "//", "/a//b", "/.", "/a/..", "/a\x01"};
    (void)state;
    rig_init(&r);
    for (size_t i = 0; i < sizeof(chroots) / sizeof(chroots[0]); i++) {
        r.config.chroot = rk_bytes_str(chroots[i]);
        assert_int_equal(rk_client_create(&r.config, &c), RK_ERR_INVALID);
    }
    r.config.chroot = rk_bytes_str("/");
    r.config.session_timeout_ms = 0;
    assert_int_equal(rk_client_create(&r.config, &c), RK_ERR_INVALID);
    r.config.session_timeout_ms = 1;
    r.config.requests_max = 0;
    assert_int_equal(rk_client_create(&r.config, &c), RK_ERR_INVALID);
    r.config.requests_max = 1;
    assert_int_equal(rk_client_create(&r.config, &r.client), RK_OK);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_and_gets_a_session),
        cmocka_unit_test(answers_requests_in_order),
        cmocka_unit_test(requests_wait_for_the_connection),
        cmocka_unit_test(pings_when_idle),
        cmocka_unit_test(silence_of_two_thirds_costs_the_connection),
        cmocka_unit_test(a_lost_session_is_terminal),
        cmocka_unit_test(another_session_than_asked_is_expiry),
        cmocka_unit_test(no_session_for_a_new_client_is_a_failed_try),
        cmocka_unit_test(close_waits_for_what_was_sent),
        cmocka_unit_test(close_gives_up_in_time),
        cmocka_unit_test(close_without_waiting_still_says_so),
        cmocka_unit_test(close_without_a_connection_is_at_once),
        cmocka_unit_test(close_during_the_handshake_ends_the_new_session),
        cmocka_unit_test(a_request_times_out_alone),
        cmocka_unit_test(a_waiting_request_times_out_and_is_not_sent),
        cmocka_unit_test(limits_refuse_requests),
        cmocka_unit_test(refuses_what_is_its_own_to_send),
        cmocka_unit_test(a_configuration_must_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
