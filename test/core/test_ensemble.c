/* Three cores together: elect, serve on each, lose and regain members, be brought up to date. */
#include "trio.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static void start_all(struct trio *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        trio_start(t, i);
    }
}

static void create_many(struct trio *t, uint32_t node, uint32_t slot, int32_t first, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/n%d", first + i);
        trio_create(t, node, slot, first + i, path);
        trio_expect(t, node, slot, first + i, RK_ZK_OK);
    }
}

static void three_fresh_servers_elect_and_serve_on_each(void **state)
{
    struct trio t;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    (void)trio_leader(&t, 2, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_not_equal(trio_connect(&t, i, 1), 0);
        create_many(&t, i, 1, (int32_t)(i * 10 + 1), 5);
        trio_sync(&t, i, 1, 99);
        trio_expect(&t, i, 1, 99, RK_ZK_OK);
    }
    trio_run(&t, 200);
    trio_check_equal(&t);
    for (uint32_t i = 0; i < 3; i++) {
        trio_close_session(&t, i, 1, 100);
        trio_expect(&t, i, 1, 100, RK_ZK_OK);
    }
    trio_run(&t, 200);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void a_follower_that_was_away_gets_a_diff(void **state)
{
    struct trio t;
    uint32_t leader;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    away = (leader + 1) % 3;
    assert_int_not_equal(trio_connect(&t, leader, 1), 0);
    create_many(&t, leader, 1, 1, 3);
    trio_kill(&t, away);
    create_many(&t, leader, 1, 10, 5);
    trio_start(&t, away);
    (void)trio_leader(&t, 2, 5000);
    trio_run(&t, 100);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void a_follower_that_was_away_long_gets_a_snapshot(void **state)
{
    struct trio t;
    uint32_t leader;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    away = (leader + 1) % 3;
    assert_int_not_equal(trio_connect(&t, leader, 1), 0);
    create_many(&t, leader, 1, 1, 3);
    trio_kill(&t, away);
    create_many(&t, leader, 1, 10, 60);
    trio_start(&t, away);
    (void)trio_leader(&t, 2, 5000);
    trio_run(&t, 100);
    trio_check_equal(&t);
    trio_kill(&t, away);
    trio_start(&t, away);
    (void)trio_leader(&t, 2, 5000);
    trio_run(&t, 100);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void a_leader_that_dies_is_replaced_and_its_own_proposals_are_cut(void **state)
{
    struct trio t;
    uint32_t old;
    uint32_t leader;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    old = trio_leader(&t, 2, 5000);
    assert_int_not_equal(trio_connect(&t, old, 1), 0);
    create_many(&t, old, 1, 1, 3);
    trio_cut(&t, old, true);
    trio_create(&t, old, 1, 77, "/alone"); /* logged by the old leader alone */
    trio_run(&t, 20);
    assert_false(trio_has(&t, old, 1));
    leader = (old + 1) % 3;
    for (int i = 0; i < 3000 && leader != UINT32_MAX; i++) {
        struct rk_ensemble_report r;
        trio_run(&t, 1);
        rk_core_ensemble_report(t.nodes[(old + 1) % 3].core, &r);
        if (r.phase == RK_PHASE_BROADCAST) {
            break;
        }
    }
    assert_int_not_equal(trio_connect(&t, (old + 1) % 3, 2), 0);
    create_many(&t, (old + 1) % 3, 2, 200, 3);
    trio_cut(&t, old, false);
    (void)trio_leader(&t, 2, 8000);
    trio_run(&t, 300);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void all_go_down_and_come_back_with_everything(void **state)
{
    struct trio t;
    uint32_t leader;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    rk_session_id session = trio_connect(&t, leader, 1);
    create_many(&t, leader, 1, 1, 8);
    for (uint32_t i = 0; i < 3; i++) {
        trio_kill(&t, i);
    }
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    assert_true(trio_reconnect(&t, (leader + 1) % 3, 1, session) == session);
    create_many(&t, (leader + 1) % 3, 1, 100, 2);
    trio_run(&t, 100);
    trio_check_equal(&t);
    trio_deinit(&t);
}

/* What its sockets hold may be as old as the standstill, and the leader has others by now. */
static void a_learner_that_stood_still_for_too_long_answers_no_read(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < 3; i++) {
        struct trio t;
        uint32_t node;
        trio_init(&t, 4, 1);
        start_all(&t);
        node = (trio_leader(&t, 3, 5000) + i) % 4;
        assert_int_not_equal(trio_connect(&t, node, 1), 0);
        trio_exists(&t, node, 1, 1, "/");
        trio_expect(&t, node, 1, 1, RK_ZK_OK);
        t.now_ms += t.nodes[node].ensemble.sync_limit * t.nodes[node].config.tick_ms;
        trio_exists(&t, node, 1, 2, "/");
        assert_false(trio_has(&t, node, 1));
        assert_true(t.nodes[node].in[1].is_closed);
        trio_deinit(&t);
    }
}

static void an_observer_gets_everything_and_forwards(void **state)
{
    struct trio t;
    (void)state;
    trio_init(&t, 4, 1);
    start_all(&t);
    (void)trio_leader(&t, 3, 5000);
    assert_int_not_equal(trio_connect(&t, 3, 1), 0);
    create_many(&t, 3, 1, 1, 5);
    trio_run(&t, 100);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void local_sessions_are_nobody_elses_until_they_need_to_be(void **state)
{
    struct trio t;
    uint32_t leader;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        t.nodes[i].ensemble.local_sessions = true;
        t.nodes[i].ensemble.local_sessions_upgrading = true;
    }
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        const struct rk_sessions *there = rk_core_sessions(t.nodes[(i + 1) % 3].core);
        char path[16];
        rk_session_id id = trio_connect(&t, i, 1);
        (void)snprintf(path, sizeof(path), "/p%u", i);
        assert_int_not_equal(id, 0);
        trio_create(&t, i, 1, 1, path);
        trio_expect(&t, i, 1, 1, RK_ZK_OK);
        assert_int_equal(rk_sessions_replicated_count(there), i);
        (void)snprintf(path, sizeof(path), "/e%u", i);
        trio_create_flags(&t, i, 1, 2, path, RK_CREATE_EPHEMERAL);
        trio_expect(&t, i, 1, 2, RK_ZK_OK);
        trio_run(&t, 50);
        assert_int_equal(rk_sessions_replicated_count(there), i + 1);
    }
    trio_check_equal(&t);
    assert_int_not_equal(trio_connect(&t, leader, 2), 0); /* local, and closed as such */
    trio_close_session(&t, leader, 2, 1);
    trio_expect(&t, leader, 2, 1, RK_ZK_OK);
    trio_close_session(&t, leader, 1, 9);
    trio_expect(&t, leader, 1, 9, RK_ZK_OK);
    trio_run(&t, 50);
    trio_check_equal(&t);
    assert_int_equal(rk_sessions_replicated_count(rk_core_sessions(t.nodes[leader].core)), 2);
    trio_deinit(&t);
}

static void a_local_session_gets_no_ephemerals_if_it_may_not_become_global(void **state)
{
    struct trio t;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        t.nodes[i].ensemble.local_sessions = true;
    }
    start_all(&t);
    (void)trio_leader(&t, 2, 5000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_not_equal(trio_connect(&t, i, 1), 0);
        trio_create_flags(&t, i, 1, 2, "/e", RK_CREATE_EPHEMERAL);
        trio_expect(&t, i, 1, 2, RK_ZK_EPHEMERAL_ON_LOCAL_SESSION);
    }
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void alone_a_server_serves_reads_if_it_may(void **state)
{
    struct trio t;
    uint32_t leader;
    struct rk_ensemble_report report;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        t.nodes[i].ensemble.read_only_mode = true;
    }
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    assert_int_not_equal(trio_connect(&t, leader, 1), 0);
    create_many(&t, leader, 1, 1, 3);
    trio_kill(&t, (leader + 1) % 3);
    trio_kill(&t, (leader + 2) % 3);
    trio_run(&t, 3000);
    rk_core_ensemble_report(t.nodes[leader].core, &report);
    assert_true(report.is_read_only);
    t.asks_read_only = true;
    assert_int_not_equal(trio_connect(&t, leader, 2), 0);
    trio_create(&t, leader, 2, 7, "/no");
    trio_expect(&t, leader, 2, 7, RK_ZK_NOT_READ_ONLY);
    trio_sync(&t, leader, 2, 8);
    trio_expect(&t, leader, 2, 8, RK_ZK_NOT_READ_ONLY);
    trio_start(&t, (leader + 1) % 3);
    leader = trio_leader(&t, 1, 5000);
    assert_int_not_equal(trio_connect(&t, leader, 3), 0);
    create_many(&t, leader, 3, 20, 2);
    trio_check_equal(&t);
    trio_deinit(&t);
}

static void fresh_servers_without_a_marker_wait_for_all(void **state)
{
    struct trio t;
    struct rk_ensemble_report report;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        t.nodes[i].ensemble.may_initialize = false;
    }
    trio_start(&t, 0);
    trio_start(&t, 1);
    trio_run(&t, 3000);
    for (uint32_t i = 0; i < 2; i++) {
        rk_core_ensemble_report(t.nodes[i].core, &report);
        assert_true(report.is_amnesiac);
        assert_int_equal(report.state, RK_PEER_LOOKING);
    }
    trio_start(&t, 2);
    (void)trio_leader(&t, 2, 5000);
    trio_check_equal(&t);
    trio_deinit(&t);
}

/* What came on it later would be forwarded behind the REVALIDATE, as the session's owner. */
static void a_learner_closes_at_once_what_a_session_leaves(void **state)
{
    struct trio t;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        trio_start(&t, i);
    }
    uint32_t follower = (trio_leader(&t, 2, 5000) + 1) % 3;
    rk_session_id session = trio_connect(&t, follower, 1);
    trio_ask_session(&t, follower, 2, session);
    assert_true(t.nodes[follower].in[1].is_closed);
    trio_run(&t, 1);
    assert_true(trio_has(&t, follower, 2));
    trio_deinit(&t);
}

/* And say so, and what to do about it. */
static void who_waits_says_for_what(void **state)
{
    struct trio t;
    (void)state;
    trio_init(&t, 3, 0);
    t.nodes[0].ensemble.may_initialize = false;
    t.nodes[1].ensemble.may_initialize = false;
    trio_start(&t, 0);
    trio_start(&t, 1);
    trio_run(&t, 2990);
    assert_int_equal(t.nodes[0].notes[RK_NOTE_WAITING], 0);
    trio_run(&t, 200);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(t.nodes[i].notes[RK_NOTE_WAITING], 1);
        assert_non_null(strstr(t.nodes[i].waiting, "this server's disk is empty, and server 3 "));
        assert_non_null(strstr(t.nodes[i].waiting, "make the file initialize in dataLogDir"));
    }
    trio_run(&t, 10100);
    assert_int_equal(t.nodes[0].notes[RK_NOTE_WAITING], 2);
    trio_kill(&t, 0);
    trio_start(&t, 2);
    trio_run(&t, 14000);
    assert_non_null(strstr(t.nodes[1].waiting, "disk is empty, and server 1 cannot be reached"));
    trio_kill(&t, 1);
    trio_run(&t, 14000);
    assert_string_equal(t.nodes[2].waiting, "too few voters can be reached; missing: server 1, 2");
    trio_start(&t, 0);
    trio_start(&t, 1);
    (void)trio_leader(&t, 2, 70000);
    memset(t.nodes[2].notes, 0, sizeof(t.nodes[2].notes));
    trio_run(&t, 20000);
    assert_int_equal(t.nodes[2].notes[RK_NOTE_WAITING], 0);
    trio_deinit(&t);
}

static void wiped_servers_do_not_outvote_the_one_that_knows(void **state)
{
    struct trio t;
    uint32_t leader;
    uint32_t keeper;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    assert_int_not_equal(trio_connect(&t, leader, 1), 0);
    create_many(&t, leader, 1, 1, 3);
    trio_run(&t, 10);
    for (uint32_t i = 0; i < 3; i++) {
        trio_kill(&t, i);
        t.nodes[i].ensemble.may_initialize = false;
    }
    keeper = leader;
    trio_wipe(&t, (keeper + 1) % 3);
    trio_start(&t, (keeper + 1) % 3);
    trio_start(&t, (keeper + 2) % 3);
    trio_run(&t,
             4000); /* one that knows and one that was wiped: no quorum of what was acknowledged */
    assert_non_null(strstr(t.nodes[(keeper + 1) % 3].waiting, "may have data: waits for a leader"));
    assert_non_null(strstr(t.nodes[(keeper + 1) % 3].waiting, "cannot be reached: server "));
    trio_start(&t, keeper);
    leader = trio_leader(&t, 2, 8000);
    assert_int_not_equal(leader, (keeper + 1) % 3);
    trio_run(&t, 100);
    trio_check_equal(&t);
    assert_true(rk_tree_find(rk_core_tree(t.nodes[(keeper + 1) % 3].core), rk_bytes_str("/n1")) !=
                RK_NODE_NONE);
    trio_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_fresh_servers_elect_and_serve_on_each),
        cmocka_unit_test(a_follower_that_was_away_gets_a_diff),
        cmocka_unit_test(a_follower_that_was_away_long_gets_a_snapshot),
        cmocka_unit_test(a_leader_that_dies_is_replaced_and_its_own_proposals_are_cut),
        cmocka_unit_test(all_go_down_and_come_back_with_everything),
        cmocka_unit_test(a_learner_that_stood_still_for_too_long_answers_no_read),
        cmocka_unit_test(an_observer_gets_everything_and_forwards),
        cmocka_unit_test(fresh_servers_without_a_marker_wait_for_all),
        cmocka_unit_test(a_learner_closes_at_once_what_a_session_leaves),
        cmocka_unit_test(who_waits_says_for_what),
        cmocka_unit_test(wiped_servers_do_not_outvote_the_one_that_knows),
        cmocka_unit_test(local_sessions_are_nobody_elses_until_they_need_to_be),
        cmocka_unit_test(a_local_session_gets_no_ephemerals_if_it_may_not_become_global),
        cmocka_unit_test(alone_a_server_serves_reads_if_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
