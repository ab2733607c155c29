/* One elector comes to a decision: by the votes of a round, with the wait that it takes; without
 * those who cannot be reached; by what the others say who have a leader. */
#include "support/cmocka_all.h"

#include "elector.h"

/* -- deciding ---------------------------------------------------------------------------------- */

static void all_agree_and_it_is_decided_at_once(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 3, 5, 1);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    assert_false(t.out.is_decided);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    assert_decided(&t, LEADING, 3);

    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    hear(&t, 3, LOOKING, 3, 5, 1, 1);
    assert_decided(&t, FOLLOWING, 3);
}

static void a_reachable_voter_that_has_not_agreed_is_waited_for(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 2, 5, 1);
    t.now_ms += 50;
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    assert_int_equal(rk_election_next_due(&t.e), 1000 + MIN_MS);
    pass(&t, FINALIZE_MS - 1);
    assert_false(t.out.is_decided);
    assert_int_equal(rk_election_next_due(&t.e), 1050 + FINALIZE_MS);
    hear(&t, 1, LOOKING, 2, 5, 1, 1); /* saying it again does not make it longer */
    pass(&t, 1);
    assert_decided(&t, LEADING, 2);
}

static void a_better_vote_ends_the_wait(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 2, 5, 1);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    pass(&t, FINALIZE_MS - 1);
    hear(&t, 3, LOOKING, 3, 5, 1, 1);
    assert_sent(&t, 0, LOOKING, 3, 5, 1, 1);
    assert_false(t.out.is_decided); /* 2 and 3 agree, 1 will hear of it */
    pass(&t, FINALIZE_MS - 1);
    assert_false(t.out.is_decided);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    assert_decided(&t, FOLLOWING, 3);
}

static void a_voter_that_leaves_the_quorum_ends_the_wait(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 2, 5, 1);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    hear(&t, 3, LOOKING, 2, 5, 1, 1);
    assert_true(t.e.decide_ms != INT64_MAX);
    hear(&t, 3, FOLLOWING, 4, 5, 1, 1);
    assert_int_equal(t.e.decide_ms, INT64_MAX);
    pass(&t, FINALIZE_MS);
    assert_false(t.out.is_decided);
}

static void who_was_seen_and_cannot_be_reached_is_not_waited_for(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 2, 5, 1);
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    assert_silent(&t);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    assert_decided(&t, LEADING, 2);
}

static void the_one_waited_for_goes_and_it_is_decided(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 3, 5, 1);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    rk_election_set_reachable(&t.e, 4, false, t.now_ms, &t.out);
    assert_false(t.out.is_decided);
    rk_election_set_reachable(&t.e, 5, false, t.now_ms, &t.out);
    assert_decided(&t, LEADING, 3);
}

/* At a cold start channels come up within milliseconds of each other. */
static void who_was_never_seen_is_waited_for_until_the_start_is_over(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 2);
    start(&t, 5, 1);
    rk_election_set_reachable(&t.e, 1, true, t.now_ms, &t.out);
    t.now_ms += 30;
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    assert_false(t.out.is_decided);
    assert_int_equal(rk_election_next_due(&t.e), 1000 + FINALIZE_MS);
    pass(&t, FINALIZE_MS - 31);
    assert_false(t.out.is_decided);
    pass(&t, 1); /* not 30 ms later, as Apache */
    assert_decided(&t, LEADING, 2);

    open_with(&t, &q, 2);
    start(&t, 5, 1);
    pass(&t, FINALIZE_MS + 5);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    assert_decided(&t, LEADING, 2);
}

static void a_voter_that_comes_up_during_the_wait_is_waited_for(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 2);
    start(&t, 5, 1);
    rk_election_set_reachable(&t.e, 1, true, t.now_ms, &t.out);
    t.now_ms += 150;
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    assert_sent(&t, 3, LOOKING, 2, 5, 1, 1);
    pass(&t, 100);
    assert_false(t.out.is_decided);
    hear(&t, 3, LOOKING, 3, 9, 1, 1);
    assert_sent(&t, 0, LOOKING, 3, 9, 1, 1);
    hear(&t, 1, LOOKING, 3, 9, 1, 1);
    assert_decided(&t, FOLLOWING, 3);
}

/* -- candidates that cannot be reached --------------------------------------------------------- */

static void a_vote_for_one_that_is_gone_is_counted_and_not_adopted(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    hear(&t, 2, LOOKING, 3, 9, 1, 1);
    assert_sent(&t, 2, LOOKING, 1, 5, 1, 1);
    hear(&t, 2, LOOKING, 3, 9, 2, 1);
    assert_sent(&t, 0, LOOKING, 1, 5, 2, 1);
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    hear(&t, 3, LOOKING, 3, 9, 2, 1);
    assert_sent(&t, 0, LOOKING, 3, 9, 2, 1);
    assert_decided(&t, FOLLOWING, 3);
}

/* Known from others only, and all agree: its channel may be milliseconds away. */
static void nobody_is_elected_before_it_can_be_reached(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start(&t, 5, 1);
    rk_election_set_reachable(&t.e, 2, true, t.now_ms, &t.out);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    assert_sent(&t, 0, LOOKING, 3, 5, 1, 1);
    pass(&t, 10);
    assert_false(t.out.is_decided);
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    assert_sent(&t, 3, LOOKING, 3, 5, 1, 1);
    assert_false(t.out.is_decided); /* it may vote for somebody better */
    hear(&t, 3, LOOKING, 3, 5, 1, 1);
    assert_decided(&t, FOLLOWING, 3);
}

static void a_candidate_that_stays_away_is_abandoned_in_a_new_round(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 3, LOOKING, 3, 9, 1, 1);
    t.now_ms += 10;
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    hear(&t, 2, LOOKING, 3, 9, 1, 1);
    assert_false(t.out.is_decided);
    pass(&t, FINALIZE_MS - 1);
    assert_int_equal(t.e.round, 1);
    assert_int_equal(rk_election_next_due(&t.e), 1010 + FINALIZE_MS);
    pass(&t, 1);
    assert_sent(&t, 0, LOOKING, 1, 5, 2, 1);
    hear(&t, 2, LOOKING, 3, 9, 2, 1); /* not again */
    assert_sent(&t, 2, LOOKING, 1, 5, 2, 1);
    hear(&t, 2, LOOKING, 2, 5, 2, 1);
    assert_decided(&t, FOLLOWING, 2);
}

static void a_candidate_that_comes_back_in_time_is_kept(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 3, LOOKING, 3, 9, 1, 1);
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    pass(&t, FINALIZE_MS - 1);
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    pass(&t, 1);
    assert_decided(&t, FOLLOWING, 3);
    assert_int_equal(t.e.round, 1);
}

static void nobody_is_joined_who_is_gone_again(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 3, LEADING, 3, 6, 40, 9);
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    hear(&t, 2, FOLLOWING, 3, 6, 40, 9);
    hear(&t, 2, FOLLOWING, 3, 6, 1, 9);
    assert_false(t.out.is_decided);
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    hear(&t, 3, LEADING, 3, 6, 40, 9);
    assert_decided(&t, FOLLOWING, 3);
}

/* -- groups ------------------------------------------------------------------------------------ */

static void a_decision_needs_a_quorum_of_the_groups(void **state)
{
    struct rk_quorum q = majority(6);
    struct elector t;
    (void)state;
    q.is_hierarchical = true;
    q.group_count = 2;
    for (uint32_t i = 0; i < 6; i++) {
        q.weights[i] = 1;
        q.groups[i] = i / 3;
    }
    open_with(&t, &q, 6);
    start(&t, 5, 1);
    for (int64_t sid = 3; sid <= 5; sid++) {
        hear(&t, sid, LOOKING, 6, 5, 1, 1); /* four of six, but one group */
    }
    assert_int_equal(t.e.decide_ms, INT64_MAX);
    hear(&t, 2, LOOKING, 6, 5, 1, 1);
    assert_true(t.e.decide_ms != INT64_MAX);
    pass(&t, FINALIZE_MS);
    assert_decided(&t, LEADING, 6);
}

/* -- joining those who have a leader ----------------------------------------------------------- */

static void a_late_joiner_takes_the_leader_and_the_round_of_the_others(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 2, FOLLOWING, 3, 6, 40, 9);
    assert_silent(&t);
    hear(&t, 3, LEADING, 3, 6, 40, 9);
    assert_decided(&t, FOLLOWING, 3);
    assert_int_equal(t.e.round, 40);
    assert_int_equal(rk_election_vote(&t.e).peer_epoch, 9);
    start(&t, 6, 9);
    assert_sent(&t, 0, LOOKING, 1, 6, 41, 9);
}

/* ZOOKEEPER-1805: their zxids and rounds may differ, the epoch may not. */
static void followers_count_by_leader_and_epoch(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 1, 5, 1);
    hear(&t, 2, FOLLOWING, 5, 6, 40, 9);
    hear(&t, 3, FOLLOWING, 5, 7, 41, 8);
    hear(&t, 5, LEADING, 5, 8, 42, 9);
    assert_silent(&t);
    hear(&t, 4, FOLLOWING, 5, 1, 2, 9);
    assert_decided(&t, FOLLOWING, 5);
}

/* ZOOKEEPER-1732: servers of version 0 do not tell the new epoch. */
static void votes_of_version_0_count_by_leader_alone_against_others(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear_version(&t, (struct said){2, FOLLOWING, 3, 6, 40, 8}, 0);
    hear_version(&t, (struct said){3, LEADING, 3, 6, 40, 9}, 2);
    assert_decided(&t, FOLLOWING, 3);

    open_looking(&t, 3, 1, 5, 1);
    hear_version(&t, (struct said){2, FOLLOWING, 3, 6, 40, 8}, 0);
    hear_version(&t, (struct said){3, LEADING, 3, 6, 40, 9}, 0);
    assert_false(t.out.is_decided);
}

/* Within a round Apache compares the leader only: one has synchronised already, one has not. */
static void in_one_round_followers_count_by_leader(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 2, FOLLOWING, 3, 5, 1, 1);
    hear(&t, 3, LEADING, 3, 5, 1, 2);
    assert_decided(&t, FOLLOWING, 3);
    assert_int_equal(t.e.round, 1);
}

static void nobody_is_followed_who_does_not_say_that_it_leads(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 1, 5, 1);
    for (int64_t sid = 2; sid <= 4; sid++) {
        hear(&t, sid, FOLLOWING, 5, 6, 1, 9);
        hear(&t, sid, FOLLOWING, 5, 6, 40, 9);
    }
    assert_silent(&t);
    hear(&t, 5, FOLLOWING, 5, 6, 40, 9);
    hear(&t, 5, LOOKING, 5, 6, 0, 9);
    assert_false(t.out.is_decided);
    hear(&t, 5, LEADING, 5, 6, 40, 9);
    assert_decided(&t, FOLLOWING, 5);
}

static void who_the_others_follow_in_this_round_leads(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 2, FOLLOWING, 1, 5, 7, 1);
    hear(&t, 3, FOLLOWING, 1, 5, 7, 1);
    assert_silent(&t);                  /* that was another one of us */
    hear(&t, 2, FOLLOWING, 1, 5, 1, 1); /* and our own vote */
    assert_decided(&t, LEADING, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_agree_and_it_is_decided_at_once),
        cmocka_unit_test(a_reachable_voter_that_has_not_agreed_is_waited_for),
        cmocka_unit_test(a_better_vote_ends_the_wait),
        cmocka_unit_test(a_voter_that_leaves_the_quorum_ends_the_wait),
        cmocka_unit_test(who_was_seen_and_cannot_be_reached_is_not_waited_for),
        cmocka_unit_test(the_one_waited_for_goes_and_it_is_decided),
        cmocka_unit_test(who_was_never_seen_is_waited_for_until_the_start_is_over),
        cmocka_unit_test(a_voter_that_comes_up_during_the_wait_is_waited_for),
        cmocka_unit_test(a_vote_for_one_that_is_gone_is_counted_and_not_adopted),
        cmocka_unit_test(nobody_is_elected_before_it_can_be_reached),
        cmocka_unit_test(a_candidate_that_stays_away_is_abandoned_in_a_new_round),
        cmocka_unit_test(a_candidate_that_comes_back_in_time_is_kept),
        cmocka_unit_test(nobody_is_joined_who_is_gone_again),
        cmocka_unit_test(a_decision_needs_a_quorum_of_the_groups),
        cmocka_unit_test(a_late_joiner_takes_the_leader_and_the_round_of_the_others),
        cmocka_unit_test(followers_count_by_leader_and_epoch),
        cmocka_unit_test(votes_of_version_0_count_by_leader_alone_against_others),
        cmocka_unit_test(in_one_round_followers_count_by_leader),
        cmocka_unit_test(nobody_is_followed_who_does_not_say_that_it_leads),
        cmocka_unit_test(who_the_others_follow_in_this_round_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
