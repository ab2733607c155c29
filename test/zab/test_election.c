/* One elector, rule by rule: comparison, first votes, answers, counting, observers, time. How it
 * decides: test_election_decide.c. What many of them do together: test_election_net.c. */
#include "support/cmocka_all.h"

#include "elector.h"

/* -- comparison -------------------------------------------------------------------------------- */

static void better_is_epoch_then_zxid_then_sid_all_signed(void **state)
{
    static const struct {
        struct rk_vote candidate, current;
        bool is_better;
    } rows[] = {
        {{.leader = 1, .zxid = 1, .peer_epoch = 2},
         {.leader = 2, .zxid = 9, .peer_epoch = 1},
         true},
        {{.leader = 2, .zxid = 9, .peer_epoch = 1},
         {.leader = 1, .zxid = 1, .peer_epoch = 2},
         false},
        {{.leader = 1, .zxid = 6, .peer_epoch = 1},
         {.leader = 2, .zxid = 5, .peer_epoch = 1},
         true},
        {{.leader = 2, .zxid = 5, .peer_epoch = 1},
         {.leader = 1, .zxid = 6, .peer_epoch = 1},
         false},
        {{.leader = 2, .zxid = 5, .peer_epoch = 1},
         {.leader = 1, .zxid = 5, .peer_epoch = 1},
         true},
        {{.leader = 1, .zxid = 5, .peer_epoch = 1},
         {.leader = 2, .zxid = 5, .peer_epoch = 1},
         false},
        {{.leader = 1, .zxid = 5, .peer_epoch = 1},
         {.leader = 1, .zxid = 5, .peer_epoch = 1},
         false},
        {{.leader = 1, .zxid = 0, .peer_epoch = -1},
         {.leader = 1, .zxid = 0, .peer_epoch = 0},
         false},
        {{.leader = 1, .zxid = INT64_MIN, .peer_epoch = 0},
         {.leader = 1, .zxid = INT64_MAX, .peer_epoch = 0},
         false},
        {{.leader = 1, .zxid = 0, .peer_epoch = 0},
         {.leader = RK_SID_NONE, .zxid = INT64_MIN, .peer_epoch = INT64_MIN},
         true},
        {{.leader = 7, .zxid = 9, .peer_epoch = 9},
         {.leader = 1, .zxid = 0, .peer_epoch = 0},
         false},
    };
    struct rk_quorum q = majority(3);
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(rk_vote_is_better(&q, &rows[i].candidate, &rows[i].current),
                         rows[i].is_better);
    }
}

/* Groups {1, 2, 3} and {4}; 3 and 4 weigh nothing, so the second group does not count. */
static struct rk_quorum weighted(void)
{
    struct rk_quorum q = majority(4);
    q.is_hierarchical = true;
    q.group_count = 2;
    q.weights[0] = 1;
    q.weights[1] = 1;
    q.groups[3] = 1;
    return q;
}

static void a_server_of_weight_0_votes_and_is_never_elected(void **state)
{
    struct rk_quorum q = weighted();
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start(&t, 5, 1);
    reach_all(&t, true);
    hear(&t, 3, LOOKING, 3, 99, 1, 1); /* better, but weightless: counted, not adopted */
    assert_sent(&t, 3, LOOKING, 1, 5, 1, 1);
    hear(&t, 2, LOOKING, 1, 5, 1, 1);
    hear(&t, 3, LOOKING, 1, 5, 1, 1);
    assert_false(t.out.is_decided); /* 4 may still know better */
    hear(&t, 4, LOOKING, 1, 5, 1, 1);
    assert_decided(&t, LEADING, 1);

    open_with(&t, &q, 3); /* everybody lies */
    start(&t, 5, 1);
    for (int64_t sid = 1; sid <= 4; sid++) {
        hear(&t, sid, LOOKING, 3, 5, 1, 1);
        hear(&t, sid, FOLLOWING, 3, 5, 1, 1);
    }
    pass(&t, 100000);
    assert_int_equal(t.e.state, LOOKING);
}

/* -- beginning --------------------------------------------------------------------------------- */

static void the_first_vote_is_for_oneself_with_what_one_has(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 2);
    start(&t, 0x300000007, 3);
    assert_sent(&t, 0, LOOKING, 2, 0x300000007, 1, 3);
    assert_true(t.out.dial_all);
    assert_false(t.out.is_decided);
    assert_int_equal(rk_election_vote(&t.e).leader, 2);
}

static void an_observer_votes_for_nobody(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start(&t, 0x300000007, 3);
    assert_sent(&t, 0, LOOKING, INT64_MIN, INT64_MIN, 1, INT64_MIN);
}

static void a_participant_outside_the_config_tells_what_it_has_and_ends_following(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 4);
    start(&t, 0x300000007, 3);
    assert_sent(&t, 0, LOOKING, INT64_MIN, 0x300000007, 1, 3);
    hear(&t, 3, LEADING, 3, 5, 9, 1);
    hear(&t, 2, FOLLOWING, 3, 5, 9, 1);
    assert_decided(&t, FOLLOWING, 3);
}

static void an_observer_among_the_voters_is_a_mistake_of_the_caller(void **state)
{
    struct rk_quorum q = majority(3);
    struct rk_election_config config = {
        .my_sid = 3, .is_observer = true, .min_interval_ms = 1, .max_interval_ms = 1};
    static struct rk_election e;
    (void)state;
    expect_assert_failure(rk_election_init(&e, &config, &q));
}

static void before_the_first_election_nobody_is_answered(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 2);
    hear(&t, 1, LOOKING, 1, 0, 1, 0);
    assert_silent(&t);
    hear(&t, 77, LOOKING, 1, 0, 1, 0);
    assert_silent(&t);
    reach_all(&t, true);
    assert_silent(&t);
    pass(&t, 100000);
    assert_silent(&t);
    assert_int_equal(rk_election_next_due(&t.e), INT64_MAX);
}

static void every_election_is_a_round_and_begins_with_empty_sets(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 2, LOOKING, 2, 5, 1, 1);
    hear(&t, 3, LEADING, 3, 5, 7, 1);
    start(&t, 5, 1);
    assert_sent(&t, 0, LOOKING, 1, 5, 2, 1);
    hear(&t, 2, FOLLOWING, 3, 5, 7, 1); /* the other half was said in the round before */
    assert_false(t.out.is_decided);
    t.e.round = INT64_MAX;
    start(&t, 5, 1);
    assert_sent(&t, 0, LOOKING, 1, 5, INT64_MIN, 1);
}

static void a_lone_voter_leads_at_once(void **state)
{
    struct rk_quorum q = majority(1);
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start(&t, 5, 1);
    assert_int_equal(t.out.send_count, 0);
    assert_decided(&t, LEADING, 1);
    hear(&t, 91, LOOKING, INT64_MIN, INT64_MIN, 1, INT64_MIN);
    assert_sent(&t, 91, LEADING, 1, 5, 1, 1);
}

/* -- answers ----------------------------------------------------------------------------------- */

static void who_has_no_vote_is_answered_at_once_and_never_counted(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    for (int64_t sid = 90; sid < 95; sid++) {
        hear(&t, sid, LOOKING, 1, 5, 1, 1);
        assert_sent(&t, sid, LOOKING, 1, 5, 1, 1);
        hear(&t, sid, LOOKING, 1, 5, 7,
             1); /* not even its round; told in it, so that it is quiet */
        assert_sent(&t, sid, LOOKING, 1, 5, 7, 1);
        assert_int_equal(t.e.round, 1);
        hear(&t, sid, LEADING, 3, 5, 1, 1);
        assert_silent(&t);
        hear(&t, sid, FOLLOWING, 1, 5, 1, 1);
        assert_silent(&t);
    }
    pass(&t, FINALIZE_MS);
    assert_false(t.out.is_decided);
    hear(&t, 3, LEADING, 3, 6, 4, 2);
    hear(&t, 2, FOLLOWING, 3, 6, 4, 2);
    assert_decided(&t, FOLLOWING, 3);
    hear(&t, 91, LOOKING, INT64_MIN, INT64_MIN, 1, INT64_MIN);
    assert_sent(&t, 91, FOLLOWING, 3, 6, 4, 2);
    hear(&t, 91, OBSERVING, 3, 6, 4, 2);
    assert_silent(&t);
}

static void with_a_leader_only_those_who_look_are_answered(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 3, 5, 1);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    assert_decided(&t, LEADING, 3);
    hear(&t, 1, LOOKING, 1, 9, 4, 9);
    assert_sent(&t, 1, LEADING, 3, 5, 1, 1);
    hear(&t, 1, FOLLOWING, 3, 5, 1, 1);
    assert_silent(&t);
    rk_election_set_epoch(&t.e, 2);
    hear(&t, 2, LOOKING, 1, 5, 1, 1);
    assert_sent(&t, 2, LEADING, 3, 5, 1, 2);
    assert_int_equal(t.e.state, LEADING);
}

static void a_looking_peer_of_a_lower_round_is_told_our_vote_and_not_counted(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    start(&t, 5, 1);
    hear(&t, 3, LOOKING, 3, 9, 1, 9);
    assert_sent(&t, 3, LOOKING, 1, 5, 2, 1);
    assert_int_equal(rk_election_vote(&t.e).leader, 1);
    hear(&t, 3, LOOKING, 1, 5, 1, 1);
    assert_sent(&t, 3, LOOKING, 1, 5, 2, 1);
    assert_int_equal(t.e.decide_ms, INT64_MAX);
}

static void who_votes_first_in_our_round_is_told_our_vote_once(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 4, 5, 1);
    hear(&t, 1, LOOKING, 1, 5, 1, 1);
    assert_sent(&t, 1, LOOKING, 4, 5, 1, 1);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    assert_silent(&t);
    hear(&t, 5, LOOKING, 5, 5, 1, 1); /* its vote is better: all are told, and that is it */
    assert_sent(&t, 0, LOOKING, 5, 5, 1, 1);
    hear(&t, 2, LOOKING, 5, 5, 1, 1);
    assert_true(t.out.send_count == 1 && t.out.sends[0].to == 2);
}

static void garbage_changes_nothing(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 2, 5, 1);
    hear(&t, 3, LOOKING, 88, 99, 1, 99); /* for a stranger */
    hear(&t, 3, LOOKING, 88, 99, INT64_MAX, 99);
    hear(&t, 3, LEADING, 91, 99, 1, 99);
    hear(&t, 1, FOLLOWING, 91, 99, 1, 99);
    hear(&t, 3, OBSERVING, 3, 99, 1, 99);
    hear(&t, 2, LOOKING, 3, 99, 9, 99); /* in our own name */
    hear(&t, 2, LEADING, 2, 99, 1, 99);
    hear(&t, 77, LOOKING, 3, 99, 9, 99);
    assert_int_equal(t.e.round, 1);
    assert_int_equal(rk_election_vote(&t.e).leader, 2);
    hear(&t, 1, LOOKING, 2, 5, 1, 1);
    hear(&t, 3, LOOKING, 2, 5, 1, 1);
    assert_decided(&t, LEADING, 2);
}

/* -- counting ---------------------------------------------------------------------------------- */

static void a_better_vote_is_adopted_and_told_to_all(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 2, 5, 1);
    hear(&t, 3, LOOKING, 3, 6, 1, 1);
    assert_sent(&t, 0, LOOKING, 3, 6, 1, 1);
    hear(&t, 1, LOOKING, 1, 4, 1, 1);
    assert_sent(&t, 1, LOOKING, 3, 6, 1, 1);
}

static void a_higher_round_is_joined_with_the_better_of_its_vote_and_our_first(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 2, 5, 1);
    hear(&t, 3, LOOKING, 3, 7, 1, 1);
    hear(&t, 1, LOOKING, 3, 7, 1, 1); /* 1, 2, 3 agree */
    assert_true(t.e.decide_ms != INT64_MAX);
    hear(&t, 4, LOOKING, 4, 6, 5, 1); /* worse than what we proposed, better than our own */
    assert_sent(&t, 0, LOOKING, 4, 6, 5, 1);
    assert_int_equal(t.e.decide_ms, INT64_MAX);
    hear(&t, 5, LOOKING, 5, 4, 6, 1);
    assert_sent(&t, 0, LOOKING, 2, 5, 6, 1);
}

static void looking_votes_count_only_if_all_four_fields_agree(void **state)
{
    static const struct said rows[] = {
        {1, LOOKING, 2, 5, 1, 1},
        {1, LOOKING, 3, 4, 1, 1},
        {1, LOOKING, 3, 5, 1, 0},
    };
    struct elector t;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_looking(&t, 3, 3, 5, 1);
        hear_version(&t, rows[i], 2);
        assert_int_equal(t.e.decide_ms, INT64_MAX);
        pass(&t, FINALIZE_MS);
        assert_false(t.out.is_decided);
    }
}

/* -- observers --------------------------------------------------------------------------------- */

static void an_observer_tallies_the_voters_and_observes(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start(&t, 0x100000000, 7);
    reach_all(&t, true);
    hear(&t, 1, LOOKING, 1, 5, 1, 1);
    assert_sent(&t, 0, LOOKING, 1, 5, 1, 1);
    hear(&t, 2, LOOKING, 1, 5, 1, 1);
    assert_silent(&t);
    pass(&t, FINALIZE_MS);
    assert_decided(&t, OBSERVING, 1);
    hear(&t, 1, LOOKING, 1, 5, 2, 1);
    assert_sent(&t, 1, OBSERVING, 1, 5, 1, 1);

    start(&t, 0x100000000, 7);
    hear(&t, 3, LEADING, 3, 5, 5, 2);
    assert_false(t.out.is_decided); /* its own is no vote */
    hear(&t, 1, FOLLOWING, 3, 5, 5, 2);
    assert_decided(&t, OBSERVING, 3);
}

/* Nobody tells an observer anything unasked. */
static void an_observer_asks_again_before_it_decides(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start(&t, 0x100000000, 7);
    reach_all(&t, true);
    t.now_ms += 90;
    hear(&t, 1, LOOKING, 1, 5, 1, 1);
    hear(&t, 2, LOOKING, 1, 5, 1, 1);
    assert_int_equal(rk_election_next_due(&t.e), 1090 + FINALIZE_MS / 2);
    pass(&t, FINALIZE_MS / 2);
    assert_sent(&t, 0, LOOKING, 1, 5, 1, 1);
    hear(&t, 1, LOOKING, 3, 6, 1, 1);
    assert_sent(&t, 0, LOOKING, 3, 6, 1, 1);
    pass(&t, FINALIZE_MS / 2);
    assert_false(t.out.is_decided);
}

/* Both would answer the other's answer for ever. */
static void an_observer_answers_no_voter_that_looks(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start(&t, 0x100000000, 7);
    start(&t, 0x100000000, 7);
    hear(&t, 1, LOOKING, 1, 5, 1, 1);
    assert_silent(&t);
    hear(&t, 92, LOOKING, INT64_MIN, INT64_MIN, 9, INT64_MIN);
    assert_sent(&t, 92, LOOKING, INT64_MIN, INT64_MIN, 9, INT64_MIN);
}

static void an_observer_forgets_a_candidate_that_stays_away(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start(&t, 0x100000000, 7);
    reach_all(&t, true);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    rk_election_set_reachable(&t.e, 3, false, t.now_ms, &t.out);
    assert_false(t.out.is_decided);
    pass(&t, FINALIZE_MS);
    assert_false(t.out.is_decided);
    assert_int_equal(t.e.round, 1); /* the voters' rounds are what it follows */
    assert_int_equal(rk_election_vote(&t.e).leader, INT64_MIN);
    hear(&t, 1, LOOKING, 2, 5, 2, 1);
    hear(&t, 2, LOOKING, 2, 5, 2, 1);
    assert_decided(&t, OBSERVING, 2);
}

/* -- time -------------------------------------------------------------------------------------- */

static void the_vote_is_repeated_at_growing_intervals_and_everybody_dialed(void **state)
{
    struct elector t;
    int64_t interval_ms = MIN_MS;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(rk_election_next_due(&t.e), t.now_ms + interval_ms);
        pass(&t, interval_ms - 1);
        assert_silent(&t);
        assert_false(t.out.dial_all);
        pass(&t, 1);
        assert_sent(&t, 0, LOOKING, 1, 5, 1, 1);
        assert_true(t.out.dial_all);
        interval_ms = interval_ms * 2 < MAX_MS ? interval_ms * 2 : MAX_MS;
    }
    assert_int_equal(interval_ms, MAX_MS);
}

static void who_becomes_reachable_is_told_and_asked_again_soon(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    for (int i = 0; i < 12; i++) {
        pass(&t, MAX_MS);
    }
    rk_election_set_reachable(&t.e, 3, true, t.now_ms, &t.out);
    assert_sent(&t, 3, LOOKING, 1, 5, 1, 1);
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + MIN_MS);
    rk_election_set_reachable(&t.e, 91, true, t.now_ms, &t.out);
    assert_silent(&t);
    for (int i = 0; i < 12; i++) {
        pass(&t, MAX_MS);
    }
    hear(&t, 3, FOLLOWING, 2, 5, 9, 1); /* news: 2 may lead soon */
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + MIN_MS);
    pass(&t, MIN_MS);
    hear(&t, 3, FOLLOWING, 2, 5, 9, 1);
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + 2 * MIN_MS);
}

static void with_a_leader_time_and_reachability_say_nothing(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 3, LEADING, 3, 5, 1, 1);
    hear(&t, 2, FOLLOWING, 3, 5, 1, 1);
    assert_decided(&t, FOLLOWING, 3);
    reach_all(&t, false);
    assert_silent(&t);
    reach_all(&t, true);
    assert_silent(&t);
    pass(&t, 10 * MAX_MS);
    assert_silent(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(better_is_epoch_then_zxid_then_sid_all_signed),
        cmocka_unit_test(a_server_of_weight_0_votes_and_is_never_elected),
        cmocka_unit_test(the_first_vote_is_for_oneself_with_what_one_has),
        cmocka_unit_test(an_observer_votes_for_nobody),
        cmocka_unit_test(a_participant_outside_the_config_tells_what_it_has_and_ends_following),
        cmocka_unit_test(an_observer_among_the_voters_is_a_mistake_of_the_caller),
        cmocka_unit_test(before_the_first_election_nobody_is_answered),
        cmocka_unit_test(every_election_is_a_round_and_begins_with_empty_sets),
        cmocka_unit_test(a_lone_voter_leads_at_once),
        cmocka_unit_test(who_has_no_vote_is_answered_at_once_and_never_counted),
        cmocka_unit_test(with_a_leader_only_those_who_look_are_answered),
        cmocka_unit_test(a_looking_peer_of_a_lower_round_is_told_our_vote_and_not_counted),
        cmocka_unit_test(who_votes_first_in_our_round_is_told_our_vote_once),
        cmocka_unit_test(garbage_changes_nothing),
        cmocka_unit_test(a_better_vote_is_adopted_and_told_to_all),
        cmocka_unit_test(a_higher_round_is_joined_with_the_better_of_its_vote_and_our_first),
        cmocka_unit_test(looking_votes_count_only_if_all_four_fields_agree),
        cmocka_unit_test(an_observer_tallies_the_voters_and_observes),
        cmocka_unit_test(an_observer_asks_again_before_it_decides),
        cmocka_unit_test(an_observer_answers_no_voter_that_looks),
        cmocka_unit_test(an_observer_forgets_a_candidate_that_stays_away),
        cmocka_unit_test(the_vote_is_repeated_at_growing_intervals_and_everybody_dialed),
        cmocka_unit_test(who_becomes_reachable_is_told_and_asked_again_soon),
        cmocka_unit_test(with_a_leader_time_and_reachability_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
