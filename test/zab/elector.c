/* See elector.h. */
#include "elector.h"

#include "support/cmocka_all.h"

#include <string.h>

struct rk_quorum majority(uint32_t voters)
{
    struct rk_quorum q = {.voter_count = voters};
    for (uint32_t i = 0; i < voters; i++) {
        q.voters[i] = (int64_t)i + 1;
    }
    return q;
}

void open_with(struct elector *t, const struct rk_quorum *q, int64_t sid)
{
    struct rk_election_config config = {.my_sid = sid,
                                        .is_observer = sid > 90,
                                        .min_interval_ms = MIN_MS,
                                        .max_interval_ms = MAX_MS,
                                        .finalize_ms = FINALIZE_MS};
    memset(t, 0, sizeof(*t));
    t->now_ms = 1000;
    rk_election_init(&t->e, &config, q);
}

void start(struct elector *t, rk_zxid zxid, int64_t epoch)
{
    rk_election_start(&t->e, zxid, epoch, false, t->now_ms, &t->out);
}

void reach_all(struct elector *t, bool is_reachable)
{
    for (uint32_t i = 0; i < t->e.quorum.voter_count; i++) {
        rk_election_set_reachable(&t->e, t->e.quorum.voters[i], is_reachable, t->now_ms, &t->out);
    }
}

void open_looking(struct elector *t, uint32_t voters, int64_t sid, rk_zxid zxid, int64_t epoch)
{
    struct rk_quorum q = majority(voters);
    open_with(t, &q, sid);
    start(t, zxid, epoch);
    reach_all(t, true);
}

void hear_version(struct elector *t, struct said s, int32_t version)
{
    struct rk_notification n = {.state = s.state,
                                .leader = s.leader,
                                .zxid = s.zxid,
                                .round = s.round,
                                .peer_epoch = s.epoch,
                                .version = version};
    rk_election_receive(&t->e, s.sid, &n, t->now_ms, &t->out);
}

void hear(struct elector *t, int64_t sid, enum rk_peer_state state, int64_t leader, rk_zxid zxid,
          int64_t round, int64_t epoch)
{
    hear_version(t, (struct said){sid, state, leader, zxid, round, epoch}, 2);
}

void pass(struct elector *t, int64_t ms)
{
    t->now_ms += ms;
    rk_election_tick(&t->e, t->now_ms, &t->out);
}

void assert_sent(const struct elector *t, int64_t to, enum rk_peer_state state, int64_t leader,
                 rk_zxid zxid, int64_t round, int64_t epoch)
{
    const struct rk_election_send *s = &t->out.sends[0];
    assert_int_equal(t->out.send_count, 1);
    assert_int_equal(s->is_to_all, to == 0);
    assert_int_equal(s->to, to);
    assert_int_equal(s->message.state, state);
    assert_int_equal(s->message.leader, leader);
    assert_int_equal(s->message.zxid, zxid);
    assert_int_equal(s->message.round, round);
    assert_int_equal(s->message.peer_epoch, epoch);
    assert_int_equal(s->message.version, 2);
    assert_null(s->message.config.data);
}

void assert_silent(const struct elector *t)
{
    assert_int_equal(t->out.send_count, 0);
    assert_false(t->out.is_decided);
}

void assert_decided(const struct elector *t, enum rk_peer_state state, int64_t leader)
{
    assert_true(t->out.is_decided);
    assert_int_equal(t->out.state, state);
    assert_int_equal(t->e.state, state);
    assert_int_equal(rk_election_vote(&t->e).leader, leader);
    assert_int_equal(rk_election_vote(&t->e).round, t->e.round);
    assert_int_equal(rk_election_next_due(&t->e), INT64_MAX);
}
