/* A server that cannot prove what it held (reliability.md 3.4): it says so, counts nobody, leads
 * nobody, joins those who have a leader, and takes part only where nobody has anything. And what
 * others make of such a server. */
#include "support/cmocka_all.h"

#include "elector.h"

static void start_amnesiac(struct elector *t, rk_zxid zxid, int64_t epoch)
{
    rk_election_start(&t->e, zxid, epoch, true, t->now_ms, &t->out);
}

/* Server sid of three, amnesiac with this left, both others reachable. */
static void open_amnesiac(struct elector *t, int64_t sid, rk_zxid zxid, int64_t epoch)
{
    struct rk_quorum q = majority(3);
    open_with(t, &q, sid);
    start_amnesiac(t, zxid, epoch);
    reach_all(t, true);
}

/* A message that is surely no old one: the second over its channel. */
static void hear_twice(struct elector *t, int64_t sid, enum rk_peer_state state, int64_t leader,
                       rk_zxid zxid, int64_t round, int64_t epoch)
{
    hear(t, sid, state, leader, zxid, round, epoch);
    hear(t, sid, state, leader, zxid, round, epoch);
}

/* -- the amnesiac server ----------------------------------------------------------------------- */

static void it_votes_with_zxid_minus_1(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start_amnesiac(&t, 0, 0);
    assert_sent(&t, 0, LOOKING, 1, -1, 1, 0);
    start_amnesiac(&t, 0x500000003, 5);
    assert_sent(&t, 0, LOOKING, 1, -1, 2, 5);
    rk_election_start(&t.e, -1, 0, false, t.now_ms, &t.out); /* Apache's "no database" */
    assert_sent(&t, 0, LOOKING, 1, -1, 3, 0);
    assert_true(t.e.is_amnesiac);
}

/* Data of a standalone server is of epoch 0. Nobody may take its owner for one without any. */
static void with_something_left_it_tells_an_epoch(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start_amnesiac(&t, 0x2f, 0);
    assert_sent(&t, 0, LOOKING, 1, -1, 1, 1);
}

static void it_counts_no_looking_vote(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 3, 0, 0);
    hear_twice(&t, 1, LOOKING, 2, 7, 1, 1);
    assert_silent(&t);
    hear_twice(&t, 2, LOOKING, 2, 7, 1, 1);
    hear_twice(&t, 2, LOOKING, 2, 7, 9, 1); /* nor its round */
    assert_silent(&t);
    assert_int_equal(t.e.round, 1);
    pass(&t, FINALIZE_MS);
    assert_sent(&t, 0, LOOKING, 3, -1, 1, 0);
    assert_false(t.out.is_decided);
    reach_all(&t, false);
    pass(&t, FINALIZE_MS);
    assert_false(t.out.is_decided);
}

static void it_still_answers_who_looks(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 3, 0, 0);
    start_amnesiac(&t, 0, 0);
    hear(&t, 1, LOOKING, 1, 7, 1, 1);
    assert_sent(&t, 1, LOOKING, 3, -1, 2, 0);
    hear(&t, 91, LOOKING, INT64_MIN, INT64_MIN, 1, INT64_MIN);
    assert_sent(&t, 91, LOOKING, 3, -1, 2, 0);
}

static void it_joins_a_leader_that_the_others_have(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 3, LEADING, 3, 7, 4, 1);
    assert_silent(&t); /* one and itself would be a quorum: it is no vote */
    hear_twice(&t, 2, FOLLOWING, 3, 7, 4, 1);
    assert_decided(&t, FOLLOWING, 3);
    assert_true(t.e.is_amnesiac); /* the caller knows when that ends */
    hear(&t, 2, LOOKING, 2, 7, 4, 1);
    assert_sent(&t, 2, FOLLOWING, 3, 7, 4, 1);

    open_amnesiac(&t, 1, 0, 0); /* in its own round just as well */
    hear_twice(&t, 2, FOLLOWING, 3, 7, 1, 1);
    hear_twice(&t, 3, LEADING, 3, 7, 1, 2);
    assert_decided(&t, FOLLOWING, 3);
}

/* It led in round 1, lost everything and is back in round 1 before the others have noticed. */
static void it_does_not_lead_because_the_others_still_follow_it(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 3, 0, 0);
    hear_twice(&t, 1, FOLLOWING, 3, 0, 1, 1);
    hear_twice(&t, 2, FOLLOWING, 3, 0, 1, 1);
    assert_false(t.out.is_decided);
    pass(&t, 10 * FINALIZE_MS);
    assert_false(t.out.is_decided);
}

static void the_first_message_of_a_channel_is_not_believed(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 1, 0, 0);
    hear(&t, 2, LOOKING, 3, 0, 1, 0); /* from when the ensemble was new */
    hear(&t, 3, LOOKING, 3, 0, 1, 0);
    assert_true(t.e.is_amnesiac);
    hear(&t, 2, LOOKING, 2, 7, 4, 1);
    hear(&t, 3, LOOKING, 3, 0, 1, 0);
    assert_true(t.e.is_amnesiac);

    open_amnesiac(&t, 1, 0, 0);
    hear(&t, 2, FOLLOWING, 3, 7, 4, 1);
    hear(&t, 3, LEADING, 3, 7, 4, 1);
    assert_false(t.out.is_decided);
    hear(&t, 3, LEADING, 3, 7, 4, 1);
    reach_all(&t, true); /* other channels, and what they begin with */
    hear(&t, 2, FOLLOWING, 3, 7, 4, 1);
    assert_false(t.out.is_decided);
    hear(&t, 2, FOLLOWING, 3, 7, 4, 1);
    assert_decided(&t, FOLLOWING, 3);
}

static void it_asks_again_soon_when_others_begin_to_vote(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 2, LOOKING, 2, 7, 1, 1);
    for (int i = 0; i < 12; i++) {
        pass(&t, MAX_MS);
    }
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + MAX_MS);
    hear(&t, 2, LOOKING, 2, 7, 1, 1); /* no news */
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + MAX_MS);
    hear(&t, 2, LOOKING, 3, 8, 1, 1);
    assert_int_equal(rk_election_next_due(&t.e), t.now_ms + MIN_MS);
}

/* -- nothing to lose --------------------------------------------------------------------------- */

static void all_others_have_nothing_and_it_takes_part(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 3, 0, 0);
    hear_twice(&t, 1, LOOKING, 1, -1, 1, 0);
    assert_silent(&t);
    hear_twice(&t, 2, LOOKING, 2, -1, 1, -1);
    assert_sent(&t, 0, LOOKING, 3, 0, 1, 0);
    assert_false(t.e.is_amnesiac);
    hear(&t, 1, LOOKING, 3, 0, 1, 0);
    hear(&t, 2, LOOKING, 3, 0, 1, 0);
    assert_decided(&t, LEADING, 3);
}

/* Apache's empty servers vote with zxid 0. What they said before it took part counts then. */
static void votes_heard_before_are_counted_when_it_takes_part(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 2, LOOKING, 3, 0, 4, 0);
    assert_int_equal(t.e.round, 1);
    hear(&t, 3, LOOKING, 3, 0, 4, 0);
    assert_silent(&t);
    hear(&t, 3, LOOKING, 3, 0, 4, 0);
    assert_int_equal(t.out.send_count, 1);
    assert_true(t.out.sends[0].is_to_all);
    assert_int_equal(t.out.sends[0].message.leader, 3);
    assert_int_equal(t.out.sends[0].message.zxid, 0);
    assert_int_equal(t.out.sends[0].message.round, 4);
    assert_decided(&t, FOLLOWING, 3);
}

static void one_vote_with_history_keeps_it_out(void **state)
{
    static const struct said rows[] = {
        {2, LOOKING, 2, 1, 1, 0},   {2, LOOKING, 2, 0, 1, 1},   {2, LOOKING, 2, -1, 1, 1},
        {2, LOOKING, 2, -2, 1, 0},  {2, FOLLOWING, 3, 0, 1, 0}, {2, LEADING, 2, 0, 1, 0},
        {2, OBSERVING, 3, 0, 1, 0}, {2, LOOKING, 88, -1, 1, 0}, {2, LOOKING, RK_SID_NONE, 0, 1, 0},
        {91, LOOKING, 2, -1, 1, 0}, {1, LOOKING, 2, -1, 1, 0},  {3, LOOKING, 3, -1, 1, 0},
    };
    struct elector t;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_amnesiac(&t, 1, 0, 0);
        hear_twice(&t, 3, LOOKING, 3, -1, 1, 0);
        hear_version(&t, rows[i], 2);
        hear_version(&t, rows[i], 2);
        assert_true(t.e.is_amnesiac);
        pass(&t, 100 * MAX_MS);
        assert_true(t.e.is_amnesiac);
        assert_false(t.out.is_decided);
    }
}

static void what_was_said_counts_while_the_speaker_stays(void **state)
{
    struct elector t;
    (void)state;
    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 2, LOOKING, 2, -1, 1, 0);
    rk_election_set_reachable(&t.e, 2, false, t.now_ms, &t.out);
    hear_twice(&t, 3, LOOKING, 3, -1, 1, 0);
    assert_true(t.e.is_amnesiac);

    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 2, LOOKING, 2, -1, 1, 0);
    hear(&t, 2, FOLLOWING, 3, 0, 1, 0);
    hear_twice(&t, 3, LOOKING, 3, -1, 1, 0);
    assert_true(t.e.is_amnesiac);

    open_amnesiac(&t, 1, 0, 0);
    hear_twice(&t, 2, LOOKING, 2, -1, 1, 0);
    start_amnesiac(&t, 0, 0);
    hear_twice(&t, 3, LOOKING, 3, -1, 1, 0);
    assert_true(t.e.is_amnesiac);
}

static void with_something_left_it_stays_out(void **state)
{
    static const struct {
        rk_zxid zxid;
        int64_t epoch;
    } rows[] = {{0x500000003, 5}, {0, 5}, {-1, 1}, {0x2f, 0}};
    struct elector t;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_amnesiac(&t, 1, rows[i].zxid, rows[i].epoch);
        hear_twice(&t, 2, LOOKING, 2, -1, 1, 0);
        hear_twice(&t, 3, LOOKING, 3, -1, 1, 0);
        assert_true(t.e.is_amnesiac);
    }
}

static void the_only_voter_without_anything_leads(void **state)
{
    struct rk_quorum q = majority(1);
    struct elector t;
    (void)state;
    open_with(&t, &q, 1);
    start_amnesiac(&t, -1, 0);
    assert_decided(&t, LEADING, 1);
    assert_int_equal(rk_election_vote(&t.e).zxid, 0);
    start_amnesiac(&t, 0x500000003, 5);
    assert_false(t.out.is_decided);
}

/* -- what others make of it -------------------------------------------------------------------- */

static void its_vote_is_not_counted_and_its_round_not_joined(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 3, 1, 5, 1);
    hear(&t, 3, LOOKING, 3, -1, 1, 9);
    assert_silent(&t);
    hear(&t, 3, LOOKING, 3, -1, 40, 9);
    assert_silent(&t);
    assert_int_equal(t.e.round, 1);
    assert_int_equal(rk_election_vote(&t.e).leader, 1);
    start(&t, 5, 1);
    hear(&t, 3, LOOKING, 3, -1, 1, 0);
    assert_sent(&t, 3, LOOKING, 1, 5, 2, 1); /* it looks in a lower round */
}

static void a_vote_from_before_it_forgot_does_not_count_any_more(void **state)
{
    struct elector t;
    (void)state;
    open_looking(&t, 5, 3, 5, 1);
    hear(&t, 1, LOOKING, 3, 5, 1, 1);
    hear(&t, 2, LOOKING, 3, 5, 1, 1);
    assert_true(t.e.decide_ms != INT64_MAX);
    hear(&t, 2, LOOKING, 2, -1, 1, 0);
    assert_int_equal(t.e.decide_ms, INT64_MAX);
    pass(&t, FINALIZE_MS);
    assert_false(t.out.is_decided);
}

/* An observer has no memory to lose. */
static void an_observer_is_never_amnesiac(void **state)
{
    struct rk_quorum q = majority(3);
    struct elector t;
    (void)state;
    open_with(&t, &q, 91);
    start_amnesiac(&t, 0, 0);
    assert_false(t.e.is_amnesiac);
    reach_all(&t, true);
    hear(&t, 1, LOOKING, 2, 7, 1, 1);
    hear(&t, 2, LOOKING, 2, 7, 1, 1);
    hear(&t, 3, LOOKING, 2, 7, 1, 1);
    assert_decided(&t, OBSERVING, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_votes_with_zxid_minus_1),
        cmocka_unit_test(with_something_left_it_tells_an_epoch),
        cmocka_unit_test(it_counts_no_looking_vote),
        cmocka_unit_test(it_still_answers_who_looks),
        cmocka_unit_test(it_joins_a_leader_that_the_others_have),
        cmocka_unit_test(it_does_not_lead_because_the_others_still_follow_it),
        cmocka_unit_test(the_first_message_of_a_channel_is_not_believed),
        cmocka_unit_test(it_asks_again_soon_when_others_begin_to_vote),
        cmocka_unit_test(all_others_have_nothing_and_it_takes_part),
        cmocka_unit_test(votes_heard_before_are_counted_when_it_takes_part),
        cmocka_unit_test(one_vote_with_history_keeps_it_out),
        cmocka_unit_test(what_was_said_counts_while_the_speaker_stays),
        cmocka_unit_test(with_something_left_it_stays_out),
        cmocka_unit_test(the_only_voter_without_anything_leads),
        cmocka_unit_test(its_vote_is_not_counted_and_its_round_not_joined),
        cmocka_unit_test(a_vote_from_before_it_forgot_does_not_count_any_more),
        cmocka_unit_test(an_observer_is_never_amnesiac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
