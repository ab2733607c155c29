/* How servers that were away are brought up to date, looked at on whole servers: log files where
 * history does not reach back, cuts over epochs, empty disks. */
#include "trio.h"

#include "support/cmocka_all.h"

#include "core/metrics.h"

#include <stdio.h>

#define MANY 60 /* more than history keeps */

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

/* A leader with a client, and a follower that went down before MANY were written. */
static uint32_t leave_one_behind(struct trio *t, uint32_t *ret_away)
{
    uint32_t leader;
    start_all(t);
    leader = trio_leader(t, 2, 5000);
    *ret_away = (leader + 1) % 3;
    assert_int_not_equal(trio_connect(t, leader, 1), 0);
    create_many(t, leader, 1, 1, 3);
    trio_kill(t, *ret_away);
    create_many(t, leader, 1, 10, MANY);
    return leader;
}

static void bring_back(struct trio *t, uint32_t away)
{
    trio_start(t, away);
    (void)trio_leader(t, 2, 5000);
    trio_run(t, 100);
    trio_check_equal(t);
}

static const struct rk_metrics *metrics(const struct trio *t, uint32_t node)
{
    return rk_core_metrics(t->nodes[node].core);
}

static void one_that_is_far_behind_gets_the_log_files(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    bring_back(&t, away);
    assert_true(t.nodes[leader].reads > 10);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 0);
    trio_kill(&t, away); /* what it has is as good as everybody's */
    bring_back(&t, away);
    trio_deinit(&t);
}

static void without_log_files_it_gets_a_snapshot(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    t.nodes[leader].has_no_log = true;
    bring_back(&t, away);
    assert_int_equal(t.nodes[leader].reads, 1);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 1);
    trio_deinit(&t);
}

static void switched_off_the_log_files_are_not_looked_at(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    for (uint32_t i = 0; i < 3; i++) {
        t.nodes[i].ensemble.snapshot_size_permille = -1;
    }
    uint32_t leader = leave_one_behind(&t, &away);
    bring_back(&t, away);
    assert_int_equal(t.nodes[leader].reads, 0);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 1);
    trio_deinit(&t);
}

/* It comes again with what it has by then, and is not sent into the same gap. */
static void log_files_that_end_in_the_middle_are_made_up_for(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    trio_start(&t, away);
    for (int i = 0; i < 5000 && t.nodes[leader].reads < 5; i++) {
        trio_step_one(&t);
    }
    assert_int_equal(t.nodes[leader].reads, 5);
    t.nodes[leader].has_no_log = true;
    (void)trio_leader(&t, 2, 5000);
    trio_run(&t, 100);
    trio_check_equal(&t);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 1);
    assert_int_equal(t.nodes[leader].reads, 6);
    trio_deinit(&t);
}

static void writes_go_on_while_log_files_are_sent(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    trio_start(&t, away);
    for (int i = 0; i < 5000 && t.nodes[leader].reads < 3; i++) {
        trio_step_one(&t);
    }
    create_many(&t, leader, 1, 500, MANY);
    (void)trio_leader(&t, 2, 5000);
    trio_run(&t, 100);
    trio_check_equal(&t);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 0);
    trio_deinit(&t);
}

static void an_old_leader_is_cut_back_over_epochs(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) { /* how far the others are by then */
        struct trio t;
        uint32_t old;
        uint32_t leader;
        trio_init(&t, 3, 0);
        start_all(&t);
        old = trio_leader(&t, 2, 5000);
        assert_int_not_equal(trio_connect(&t, old, 1), 0);
        create_many(&t, old, 1, 1, 3);
        trio_cut(&t, old, true);
        trio_create(&t, old, 1, 77, "/alone"); /* logged by the old leader alone */
        trio_run(&t, 20);
        assert_false(trio_has(&t, old, 1));
        trio_kill(&t, old);
        leader = trio_leader(&t, 1, 8000);
        if (i > 0) {
            assert_int_not_equal(trio_connect(&t, leader, 2), 0);
            create_many(&t, leader, 2, 200, i == 1 ? 3 : MANY);
        }
        trio_cut(&t, old, false);
        bring_back(&t, old);
        assert_int_equal(metrics(&t, leader)->learner_snap_count, 0);
        assert_int_equal(t.nodes[old].cuts, 1);
        trio_deinit(&t);
    }
}

static void an_empty_disk_gets_what_history_began_with(void **state)
{
    struct trio t;
    uint32_t away;
    uint32_t leader;
    (void)state;
    trio_init(&t, 3, 0);
    start_all(&t);
    leader = trio_leader(&t, 2, 5000);
    away = (leader + 1) % 3;
    assert_int_not_equal(trio_connect(&t, leader, 1), 0);
    create_many(&t, leader, 1, 1, 3);
    trio_kill(&t, away);
    trio_wipe(&t, away);
    bring_back(&t, away);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 0);
    assert_int_equal(metrics(&t, leader)->diff_count, 3);
    trio_deinit(&t);
}

static void an_empty_disk_gets_a_snapshot_when_history_began_later(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    trio_wipe(&t, away);
    bring_back(&t, away);
    assert_int_equal(metrics(&t, leader)->learner_snap_count, 1);
    trio_deinit(&t);
}

static void what_mntr_says_of_elections_and_synchronisations(void **state)
{
    struct trio t;
    uint32_t away;
    (void)state;
    trio_init(&t, 3, 0);
    uint32_t leader = leave_one_behind(&t, &away);
    bring_back(&t, away);
    const struct rk_metrics *m = metrics(&t, leader);
    assert_int_equal(m->looking_count, 1);
    assert_int_equal(m->election_time.count, 1);
    assert_int_equal(m->leader_unavailable_time.count, 1);
    assert_int_equal(m->unavailable_time.count, 1);
    assert_int_equal(m->follower_sync_time.count, 0);
    m = metrics(&t, away); /* of its second life */
    assert_int_equal(m->follower_sync_time.count, 1);
    assert_int_equal(m->observer_sync_time.count, 0);
    assert_int_equal(m->leader_unavailable_time.count, 0);
    assert_int_equal(m->learner_proposal_received_count, MANY);
    assert_int_equal(m->learner_commit_received_count, MANY);
    trio_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_far_behind_gets_the_log_files),
        cmocka_unit_test(without_log_files_it_gets_a_snapshot),
        cmocka_unit_test(switched_off_the_log_files_are_not_looked_at),
        cmocka_unit_test(log_files_that_end_in_the_middle_are_made_up_for),
        cmocka_unit_test(writes_go_on_while_log_files_are_sent),
        cmocka_unit_test(an_old_leader_is_cut_back_over_epochs),
        cmocka_unit_test(what_mntr_says_of_elections_and_synchronisations),
        cmocka_unit_test(an_empty_disk_gets_what_history_began_with),
        cmocka_unit_test(an_empty_disk_gets_a_snapshot_when_history_began_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
