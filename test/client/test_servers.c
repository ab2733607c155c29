/* Choosing servers: order, backoff, names that change, new lists, and read-only ones. */
#include <string.h>

#include "rig.h"
#include "support/cmocka_all.h"

static void tries_each_server_then_waits_longer_and_longer(void **state)
{
    struct rig r;
    int64_t most = 100;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    (void)rig_get(&r, 1);
    rig_three(&r);
    rig_forget(&r);
    rig_gone(&r, 1);
    rig_expect(&r, "STATE idle\nSTATE connecting\nCONNECT 2 to b\n");
    rig_tick(&r, 1000); /* does not answer */
    rig_expect(&r, "DROP 2\nSTATE idle\nSTATE connecting\nCONNECT 3 to c\n");
    rig_gone(&r, 3);
    rig_expect(&r, "STATE idle\nDONE 1 rc=-4\nRESOLVE 0\nRESOLVE 1\nRESOLVE 2\n");
    for (int round = 0; round < 6; round++) {
        int64_t wait_ms = r.wake_ms - r.now_ms;
        assert_in_range(wait_ms, (most + 1) / 2, most);
        rig_tick(&r, wait_ms - 1);
        assert_int_equal(rk_client_state(r.client), RK_CLIENT_IDLE);
        rig_tick(&r, 1);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(rk_client_state(r.client), RK_CLIENT_CONNECTING);
            rig_gone(&r, r.conn);
        }
        assert_int_equal(rk_client_state(r.client), RK_CLIENT_IDLE);
        most = most * 2 > 1000 ? 1000 : most * 2;
    }
    rig_deinit(&r);
}

static void pauses_are_short_beside_the_session(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.session_timeout_ms = 4000;
    r.config.backoff_max_ms = 5000;
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    for (int i = 0; i < 10; i++) {
        rig_gone(&r, r.conn);
        assert_in_range(r.wake_ms - r.now_ms, 50, 500);
        rig_tick(&r, r.wake_ms - r.now_ms);
    }
    rig_deinit(&r);
}

static void a_server_that_hangs_up_at_once_counts_as_failed(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    rig_welcome(&r, 7, 30000, false);
    rig_forget(&r);
    rig_gone(&r, 1);
    rig_expect(&r, "STATE idle\nRESOLVE 0\n");
    rig_deinit(&r);
}

static void new_addresses_count_after_a_reconnect(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    rig_welcome(&r, 7, 30000, false);
    rig_tick(&r, 5000);
    rig_forget(&r);
    rig_gone(&r, 1);
    rig_expect(&r, "STATE idle\nRESOLVE 0\nSTATE connecting\nCONNECT 2 to a\n");
    rig_resolved(&r, 0, "de");
    rig_gone(&r, 2);
    rig_expect(&r, "STATE idle\nSTATE connecting\nCONNECT 3 to d\n");
    rig_gone(&r, 3);
    rig_expect(&r, "STATE idle\nRESOLVE 0\n");
    rig_resolved(&r, 0, ""); /* not known just now: what was known still is */
    rig_tick(&r, 200);
    rig_expect(&r, "STATE connecting\nCONNECT 4 to e\n");
    rig_deinit(&r);
}

static void names_without_addresses_are_asked_again(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    (void)rig_get(&r, 1);
    rig_servers(&r, 1, false);
    rig_forget(&r);
    rig_resolved(&r, 0, "");
    rig_expect(&r, "STATE idle\nDONE 1 rc=-4\nRESOLVE 0\n");
    rig_resolved(&r, 0, "a");
    rig_tick(&r, 100);
    rig_expect(&r, "STATE connecting\nCONNECT 1 to a\n");
    rig_deinit(&r);
}

static void a_slow_resolver_delays_nobody_with_an_address(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 2, false);
    rig_resolved(&r, 1, "b");
    rig_forget(&r);
    rig_tick(&r, 10000);
    rig_expect(&r, "STATE connecting\nCONNECT 1 to b\n");
    rig_resolved(&r, 0, "a");
    rig_resolved(&r, 0, "x"); /* nobody asked */
    rig_resolved(&r, 7, "x");
    rig_gone(&r, 1);
    rig_expect(&r, "STATE idle\nSTATE connecting\nCONNECT 2 to a\n");
    rig_deinit(&r);
}

static void requests_do_not_wait_for_a_resolver_for_ever(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    (void)rig_get(&r, 1);
    rig_auth(&r, 2, "digest", "u:p");
    rig_forget(&r);
    assert_int_equal(r.wake_ms, r.now_ms + 10000);
    rig_tick(&r, 10000);
    rig_expect(&r, "DONE 1 rc=-4\nDONE 2 rc=-4\n");
    rig_resolved(&r, 0, "a");
    rig_expect(&r, "STATE connecting\nCONNECT 1 to a\n");
    rig_deinit(&r);
}

static void orders_differ(void **state)
{
    char first[3][60];
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        for (uint32_t order = 0; order < 3; order++) {
            struct rig r;
            rig_init(&r);
            r.config.seed = seed;
            r.config.order = (enum rk_client_order)order;
            rig_open(&r);
            rig_servers(&r, 2, false);
            rig_resolved(&r, 0, "ab");
            rig_forget(&r);
            rig_resolved(&r, 1, "xyab"); /* x and y are near, a and b come twice */
            first[order][seed] = r.log[strlen(r.log) - 2];
            rig_deinit(&r);
        }
    }
    assert_non_null(memchr(first[RK_CLIENT_SHUFFLED], 'a', 60));
    assert_non_null(memchr(first[RK_CLIENT_SHUFFLED], 'y', 60));
    assert_null(memchr(first[RK_CLIENT_AS_GIVEN], 'x', 60));
    assert_null(memchr(first[RK_CLIENT_AS_GIVEN], 'b', 60));
    assert_non_null(memchr(first[RK_CLIENT_NEAREST], 'x', 60));
    assert_non_null(memchr(first[RK_CLIENT_NEAREST], 'y', 60));
    assert_null(memchr(first[RK_CLIENT_NEAREST], 'a', 60));
}

/* Of so many clients on three servers, how many move when the list becomes to. */
static uint32_t moved(const char *to, uint32_t clients, uint32_t counts[128])
{
    uint32_t moves = 0;
    memset(counts, 0, 128 * sizeof(counts[0]));
    for (uint32_t i = 0; i < clients; i++) {
        struct rig r;
        rig_init(&r);
        r.config.seed = i;
        r.config.order = RK_CLIENT_SHUFFLED;
        rig_open(&r);
        rig_servers(&r, 1, false);
        rig_resolved(&r, 0, "abc");
        char at = r.log[r.log_len - 2];
        rig_connected(&r, 1);
        rig_welcome(&r, 7, 30000, false);
        rig_servers(&r, 1, true);
        rig_forget(&r);
        rig_resolved(&r, 0, to);
        if (rk_client_state(r.client) == RK_CLIENT_CONNECTING) {
            moves++;
            at = r.log[r.log_len - 2];
        }
        counts[(uint8_t)at]++;
        rig_deinit(&r);
    }
    return moves;
}

static void a_new_list_keeps_the_load_even(void **state)
{
    uint32_t counts[128];
    (void)state;
    assert_int_equal(moved("abc", 300, counts), 0);
    assert_int_equal(moved("cab", 300, counts), 0);

    /* Two servers more: two fifths move, all to the new ones. */
    assert_in_range(moved("abcde", 2000, counts), 700, 900);
    for (char at = 'a'; at <= 'e'; at++) {
        assert_in_range(counts[(uint8_t)at], 320, 480);
    }
    /* One less: only its clients move. */
    assert_in_range(moved("ab", 2000, counts), 560, 780);
    assert_int_equal(counts['c'], 0);
    assert_in_range(counts['a'], 880, 1120);
    /* One exchanged: its clients go to the new one. */
    assert_in_range(moved("abd", 2000, counts), 560, 780);
    assert_in_range(counts['d'], 560, 780);
    /* All exchanged. */
    assert_int_equal(moved("xyz", 300, counts), 300);
}

static void moving_goes_round_when_nobody_answers(void **state)
{
    struct rig r;
    char seen[4] = "";
    (void)state;
    rig_start(&r);
    rig_servers(&r, 1, true);
    rig_resolved(&r, 0, "bxy"); /* of a, b, c only b is left */
    for (int i = 0; i < 3; i++) {
        seen[i] = r.log[r.log_len - 2];
        rig_gone(&r, r.conn);
    }
    assert_non_null(strchr(seen, 'b'));
    assert_non_null(strchr(seen, 'x'));
    assert_non_null(strchr(seen, 'y'));
    assert_int_equal(rk_client_state(r.client), RK_CLIENT_IDLE);
    rig_tick(&r, 100);
    assert_int_equal(r.log[r.log_len - 2], 'b'); /* in order again */
    rig_deinit(&r);
}

static void the_nearest_is_tried_first_again(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.order = RK_CLIENT_NEAREST;
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "ax");
    rig_gone(&r, 1); /* x */
    rig_connected(&r, 2);
    rig_welcome(&r, 7, 30000, false);
    rig_tick(&r, 5000);
    rig_forget(&r);
    rig_gone(&r, 2);
    rig_expect(&r, "STATE idle\nRESOLVE 0\nSTATE connecting\nCONNECT 3 to x\n");
    rig_deinit(&r);
}

static void moving_waits_for_the_answers(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rig_servers(&r, 1, true);
    rig_forget(&r);
    rig_resolved(&r, 0, "x");
    (void)rig_get(&r, 2);
    rig_expect(&r, "");
    rig_reply(&r, 5, 0, "");
    rig_expect(&r, "DONE 1 rc=0 zxid=5\nDROP 1\nSTATE idle\nSTATE connecting\nCONNECT 2 to x\n");
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\nSEND 2 get_data\n");
    rig_deinit(&r);
}

static void moving_does_not_wait_for_ever(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rig_forget(&r);
    struct rk_client_event e = {.type = RK_CLIENT_EV_NEXT_SERVER};
    rig_step(&r, &e);
    rig_expect(&r, "");
    rig_tick(&r, 10000);
    rig_expect(&r, "SEND 1 ping\nDROP 1\nSTATE idle\nDONE 1 rc=-4\nSTATE connecting\n"
                   "CONNECT 2 to b\n");
    rig_deinit(&r);
}

static void next_server_ends_a_wait(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_three(&r);
    rig_gone(&r, 1);
    rig_gone(&r, 2);
    rig_gone(&r, 3);
    rig_forget(&r);
    struct rk_client_event e = {.type = RK_CLIENT_EV_NEXT_SERVER};
    rig_step(&r, &e);
    rig_expect(&r, "STATE connecting\nCONNECT 4 to a\n");
    rig_step(&r, &e);
    rig_expect(&r, "DROP 4\nSTATE idle\nSTATE connecting\nCONNECT 5 to b\n");
    rig_deinit(&r);
}

static void lists_must_have_servers(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 0, false);
    assert_int_equal(r.result, RK_ZK_BAD_ARGUMENTS);
    rig_servers(&r, RK_CLIENT_SERVERS_MAX + 1, false);
    assert_int_equal(r.result, RK_ZK_BAD_ARGUMENTS);
    rig_expect(&r, "");
    rig_deinit(&r);
}

/* -- Read-only -- */

static void connect_read_only(struct rig *r)
{
    rig_init(r);
    r->config.may_read_only = true;
    rig_open(r);
    rig_three(r);
    rig_connected(r, 1);
    rig_forget(r);
    rig_welcome(r, 7, 30000, true);
    rig_expect(r, "STATE read_only new\n");
}

static void looks_for_a_read_write_server(void **state)
{
    struct rig r;
    (void)state;
    connect_read_only(&r);
    assert_int_equal(r.wake_ms, r.now_ms + 200);
    rig_tick(&r, 200);
    rig_expect(&r, "CONNECT 2 to b\n");
    rig_connected(&r, 2);
    rig_expect(&r, "SEND 2 isro\n");
    assert_int_equal(rk_client_conn(r.client), 1);
    rig_bytes(&r, 2, "ro", 2);
    rig_expect(&r, "DROP 2\n");
    assert_in_range(r.wake_ms - r.now_ms, 200, 400);
    rig_tick(&r, r.wake_ms - r.now_ms);
    rig_expect(&r, "CONNECT 3 to c\n");
    rig_gone(&r, 3);
    assert_in_range(r.wake_ms - r.now_ms, 400, 800);
    rig_tick(&r, r.wake_ms - r.now_ms);
    rig_expect(&r, "CONNECT 4 to b\n");
    rig_tick(&r, 1000);
    rig_expect(&r, "DROP 4\n");
    rig_tick(&r, r.wake_ms - r.now_ms);
    rig_expect(&r, "CONNECT 5 to c\n");
    rig_connected(&r, 5);
    rig_bytes(&r, 5, "r", 1);
    rig_forget(&r);
    rig_bytes(&r, 5, "w", 1);
    rig_expect(&r, "DROP 5\nDROP 1\nSTATE idle\nSTATE connecting\nCONNECT 6 to c\n");
    rig_connected(&r, 6);
    /* The session of the read-only server was its own invention. */
    rig_expect(&r, "STATE associating\n"
                   "SEND 6 connect session=0 zxid=0 timeout=30000 ro=1\n");
    rig_welcome(&r, 8, 30000, false);
    rig_expect(&r, "STATE connected new\n");
    rig_deinit(&r);
}

static void a_read_only_server_keeps_a_real_session(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.config.may_read_only = true;
    rig_open(&r);
    rig_connect(&r);
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_connected(&r, 2);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, true);
    rig_expect(&r, "STATE read_only\n");
    rig_tick(&r, 200);
    rig_forget(&r);
    rig_gone(&r, 2); /* the search ends with it */
    rig_expect(&r, "DROP 3\nSTATE idle\nSTATE connecting\nCONNECT 4 to c\n");
    rig_deinit(&r);
}

static void a_read_only_server_is_refused_unless_wanted(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_three(&r);
    rig_connected(&r, 1);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, true);
    rig_expect(&r, "DROP 1\nSTATE idle\nSTATE connecting\nCONNECT 2 to b\n");
    rig_deinit(&r);
}

/* -- Logins -- */

static void logins_are_said_on_every_connection(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_auth(&r, 5, "digest", "u:p");
    rig_three(&r);
    rig_connected(&r, 1);
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected new\nSEND 1 auth digest:u:p\nSEND 1 get_data\n");
    rig_auth(&r, 6, "ip", "");
    rig_auth(&r, 7, "digest", "u:p"); /* again: told again, kept once */
    rig_expect(&r, "SEND 1 auth ip:\nSEND 1 auth digest:u:p\n");
    rig_reply_xid(&r, -4, 0, 0);
    rig_reply_xid(&r, -4, 0, 0);
    rig_expect(&r, "DONE 5 rc=0\nDONE 6 rc=0\n");
    rig_tick(&r, 5000);
    rig_gone(&r, 1);
    rig_connected(&r, 2);
    rig_expect(&r, "STATE idle\nDONE 1 rc=-4\nDONE 7 rc=-4\nRESOLVE 0\nRESOLVE 1\nRESOLVE 2\n"
                   "STATE connecting\nCONNECT 2 to b\nSTATE associating\n"
                   "SEND 2 connect session=7 zxid=0 timeout=30000 ro=0\n");
    rig_welcome(&r, 7, 30000, false);
    rig_expect(&r, "STATE connected\nSEND 2 auth digest:u:p\nSEND 2 auth ip:\n");
    rig_deinit(&r);
}

static void a_refused_login_is_the_end(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_auth(&r, 5, "nope", "x");
    rig_auth(&r, 6, "digest", "u:p");
    (void)rig_get(&r, 1);
    rig_forget(&r);
    rig_reply_xid(&r, -4, 0, RK_ZK_AUTH_FAILED);
    rig_expect(&r, "DONE 5 rc=-115\nDROP 1\nSTATE auth_failed\nDONE 1 rc=-115\nDONE 6 rc=-115\n");
    assert_int_equal(rig_get(&r, 2), RK_CLIENT_INVALID_STATE);
    rig_auth(&r, 7, "digest", "u:p");
    assert_int_equal(r.result, RK_CLIENT_INVALID_STATE);
    rig_deinit(&r);
}

static void logins_are_bounded(void **state)
{
    struct rig r;
    char text[8] = "u:000";
    (void)state;
    rig_init(&r);
    rig_open(&r);
    for (uint32_t i = 0; i < RK_CLIENT_AUTHS_MAX; i++) {
        text[3] = (char)('a' + i / 16);
        text[4] = (char)('a' + i % 16);
        rig_auth(&r, 0, "digest", text);
        assert_int_equal(r.result, RK_ZK_OK);
    }
    rig_auth(&r, 0, "digest", "one:more");
    assert_int_equal(r.result, RK_ZK_API_ERROR);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_each_server_then_waits_longer_and_longer),
        cmocka_unit_test(pauses_are_short_beside_the_session),
        cmocka_unit_test(a_server_that_hangs_up_at_once_counts_as_failed),
        cmocka_unit_test(new_addresses_count_after_a_reconnect),
        cmocka_unit_test(names_without_addresses_are_asked_again),
        cmocka_unit_test(a_slow_resolver_delays_nobody_with_an_address),
        cmocka_unit_test(requests_do_not_wait_for_a_resolver_for_ever),
        cmocka_unit_test(orders_differ),
        cmocka_unit_test(a_new_list_keeps_the_load_even),
        cmocka_unit_test(moving_goes_round_when_nobody_answers),
        cmocka_unit_test(the_nearest_is_tried_first_again),
        cmocka_unit_test(moving_waits_for_the_answers),
        cmocka_unit_test(moving_does_not_wait_for_ever),
        cmocka_unit_test(next_server_ends_a_wait),
        cmocka_unit_test(lists_must_have_servers),
        cmocka_unit_test(looks_for_a_read_write_server),
        cmocka_unit_test(a_read_only_server_keeps_a_real_session),
        cmocka_unit_test(a_read_only_server_is_refused_unless_wanted),
        cmocka_unit_test(logins_are_said_on_every_connection),
        cmocka_unit_test(a_refused_login_is_the_end),
        cmocka_unit_test(logins_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
