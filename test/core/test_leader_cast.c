/* Broadcast as leader: proposals, acknowledgements, commits, pings, syncs, and when the role ends.
 */
#include "rig_ens.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

/* Client 1 of the core, with its session committed as first + 1; wires are empty again. */
static void connect_client(struct rig_ens *r, rk_zxid first, const uint32_t *wires, uint32_t count)
{
    rig_open(&r->rig, 1);
    rig_handshake(&r->rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
    for (uint32_t i = 0; i < count; i++) {
        rig_ens_ack(r, wires[i], first + 1);
    }
    assert_int_equal(rig_take(&r->rig, 1).len, 37);
    for (uint32_t i = 0; i < count; i++) {
        rig_ens_forget(r, wires[i]);
    }
}

/* -- proposals and commits --------------------------------------------------------------------- */

static void a_quorum_of_others_commits_before_the_leaders_own_log(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    struct rk_packet p;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    r.rig.auto_sync = false;
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    for (uint32_t i = 0; i < 2; i++) {
        p = rig_ens_expect(&r, wires[i], RK_PACKET_PROPOSAL, first + 2);
        assert_int_equal(rk_load_i32(p.data.data + 8), 1);          /* cxid */
        assert_int_equal(rk_load_i64(p.data.data + 12), first + 2); /* zxid */
    }
    rig_ens_ack(&r, wires[0], first + 2);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_ack(&r, wires[1], first + 2);
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    for (uint32_t i = 0; i < 2; i++) {
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_COMMIT, first + 2);
        rig_ens_expect_nothing(&r, wires[i]);
    }
    assert_true(r.rig.synced < r.rig.appended);
    rig_sync(&r.rig); /* too late to matter */
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_deinit(&r);
}

static void the_leaders_own_log_is_one_voice(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    r.rig.auto_sync = false;
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    rig_sync(&r.rig);
    rig_expect_nothing(&r.rig, 1); /* alone it is none */
    rig_create(&r.rig, 1, 2, "/b", "x", 0);
    rig_ens_ack(&r, wires[1], first + 3); /* and everything before it */
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    rig_expect_nothing(&r.rig, 1);
    rig_sync(&r.rig);
    (void)rig_expect(&r.rig, 1, 2, RK_ZK_OK);
    rig_ens_deinit(&r);
}

static void commits_go_out_in_order_and_informs_carry_the_payload(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t observer;
    uint8_t payload[3][512];
    uint32_t len[3];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    observer = rig_ens_join(&r, 3, true, 0);
    rig_ens_ack(&r, observer, first);
    rig_ens_forget(&r, observer);
    connect_client(&r, first, wires, 1);
    rig_ens_forget(&r, observer);
    for (int32_t i = 0; i < 3; i++) {
        char path[8];
        struct rk_packet p;
        (void)snprintf(path, sizeof(path), "/n%d", i);
        rig_create(&r.rig, 1, i + 1, path, "some data", 0);
        p = rig_ens_expect(&r, wires[0], RK_PACKET_PROPOSAL, first + 2 + i);
        len[i] = p.data.len;
        assert_true(len[i] <= sizeof(payload[i]));
        memcpy(payload[i], p.data.data, p.data.len);
    }
    rig_ens_expect_nothing(&r, observer);
    rig_ens_ack(&r, wires[0], first + 4);
    for (int32_t i = 0; i < 3; i++) {
        struct rk_packet p = rig_ens_expect(&r, observer, RK_PACKET_INFORM, first + 2 + i);
        assert_int_equal(p.data.len, len[i]);
        assert_memory_equal(p.data.data, payload[i], len[i]);
        (void)rig_ens_expect(&r, wires[0], RK_PACKET_COMMIT, first + 2 + i);
        (void)rig_expect(&r.rig, 1, i + 1, RK_ZK_OK);
    }
    rig_ens_expect_nothing(&r, observer);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_deinit(&r);
}

static void what_the_leader_does_is_measured(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    struct rk_ensemble_report report;
    const struct rk_metrics *m;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    m = rk_core_metrics(r.rig.core);
    rk_core_ensemble_report(r.rig.core, &report);
    assert_int_equal(report.last_proposal_bytes, -1);
    assert_int_equal(report.synced_followers, 2);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "xxxxxxxxxxxxxxxxxxxx", 0);
    rig_advance(&r.rig, 120);
    rig_ens_ack(&r, wires[0], first + 2);
    assert_int_equal(m->quorum_ack_latency.count, 2);
    assert_int_equal(m->quorum_ack_latency.max, 120);
    assert_int_equal(m->diff_count, 2);
    assert_int_equal(m->inflight_diff_count.max, 2);
    rk_core_ensemble_report(r.rig.core, &report);
    assert_true(report.min_proposal_bytes < report.max_proposal_bytes);
    assert_int_equal(report.last_proposal_bytes, report.max_proposal_bytes);
    assert_int_equal(report.quorum_ack_count, 2);
    rig_ens_deinit(&r);
}

static void acks_of_what_was_never_proposed_drop_the_learner(void **state)
{
    static const rk_zxid offsets[] = {5, 0x7fffffff, (rk_zxid)1 << 40, -((rk_zxid)1 << 33)};
    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct rig_ens r;
        uint32_t wires[2];
        rk_zxid first;
        rig_ens_init(&r, 3, 0);
        rig_ens_start(&r);
        first = rig_ens_serve(&r, 2, wires);
        connect_client(&r, first, wires, 2);
        rig_ens_ack(&r, wires[0], first + 1); /* again, and old ones: nothing */
        rig_ens_ack(&r, wires[0], 3);
        assert_false(rig_ens_is_dropped(&r, wires[0]));
        rig_ens_ack(&r, wires[0], first + offsets[i]);
        assert_true(rig_ens_is_dropped(&r, wires[0]));
        assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
        rig_ens_deinit(&r);
    }
}

/* A server outside the quorum may say what it wants: nothing is committed by it. */
static void acks_without_a_vote_commit_nothing(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t stranger;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    stranger = rig_ens_join(&r, 3, false, 0); /* an observer that calls itself follower */
    rig_ens_ack(&r, stranger, first);
    rig_ens_forget(&r, stranger);
    connect_client(&r, first, wires, 1);
    (void)rig_ens_expect(&r, stranger, RK_PACKET_PROPOSAL, first + 1);
    (void)rig_ens_expect(&r, stranger, RK_PACKET_COMMIT, first + 1);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    rig_ens_ack(&r, stranger, first + 2);
    rig_expect_nothing(&r.rig, 1);
    assert_false(rig_ens_is_dropped(&r, stranger));
    rig_ens_ack(&r, wires[0], first + 2);
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    rig_ens_deinit(&r);
}

/* It acknowledged, went away, and came back to have that cut off again: meanwhile it is durable
 * nowhere but here. */
static void what_a_follower_had_cut_off_is_not_committed_by_its_old_ack(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    uint32_t again;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    r.rig.auto_sync = false;
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    rig_ens_ack(&r, wires[0], first + 2);
    rig_ens_hang_up(&r, wires[0]);
    again = rig_ens_dial(&r);
    rig_ens_info(&r, again, RK_PACKET_FOLLOWER_INFO, 1, 1);
    (void)rig_ens_expect(&r, again, RK_PACKET_LEADER_INFO, first);
    rig_ens_ack_epoch(&r, again, -1, first + 2);
    (void)rig_ens_expect(&r, again, RK_PACKET_TRUNC, first + 1);
    (void)rig_ens_expect(&r, again, RK_PACKET_NEW_LEADER, first);
    (void)rig_ens_expect(&r, again, RK_PACKET_PROPOSAL, first + 2);
    rig_sync(&r.rig); /* the leader has it now, and nobody else for certain */
    rig_expect_nothing(&r.rig, 1);
    rig_ens_ack(&r, again, first);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_ack(&r, again, first + 2);
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    rig_ens_deinit(&r);
}

/* -- pings and liveness ------------------------------------------------------------------------ */

static void answer_pings(struct rig_ens *r, uint32_t wire)
{
    while (rig_ens_has(r, wire)) {
        struct rk_packet p = rig_ens_take(r, wire);
        if (p.type == RK_PACKET_PING) {
            rig_ens_send(r, wire, RK_PACKET_PING, p.zxid, rk_bytes_of("", 0));
        }
    }
}

static void everybody_in_step_is_pinged_twice_a_tick(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t observer;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    observer = rig_ens_join(&r, 3, true, 0);
    rig_ens_ack(&r, observer, first);
    (void)rig_ens_skip_to(&r, observer, RK_PACKET_UP_TO_DATE);
    (void)rig_ens_expect(&r, observer, RK_PACKET_PING, first);
    for (uint32_t i = 0; i < 4; i++) {
        struct rk_packet p;
        rig_ens_pass(&r, RIG_TICK_MS / 2);
        p = rig_ens_expect(&r, wires[0], RK_PACKET_PING, first);
        assert_null(p.data.data);
        (void)rig_ens_expect(&r, observer, RK_PACKET_PING, first);
        rig_ens_expect_nothing(&r, wires[0]);
        rig_ens_expect_nothing(&r, observer);
    }
    rig_ens_deinit(&r);
}

static void a_leader_that_hears_nothing_leaves_after_sync_limit(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    (void)rig_ens_serve(&r, 2, wires);
    for (uint32_t i = 0; i < 20; i++) {
        rig_ens_pass(&r, RIG_TICK_MS / 2);
        answer_pings(&r, wires[0]); /* one is enough */
    }
    assert_true(rig_ens_is_dropped(&r, wires[1]));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_pass(&r, RIG_TICK_MS * RIG_SYNC_LIM - RIG_TICK_MS / 2);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_pass(&r, RIG_TICK_MS);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void a_follower_whose_channel_breaks_may_come_again_within_a_tick(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    rig_ens_hang_up(&r, wires[0]);
    rig_ens_pass(&r, RIG_TICK_MS / 2);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    wires[0] = rig_ens_dial(&r);
    rig_ens_info(&r, wires[0], RK_PACKET_FOLLOWER_INFO, 1, 1);
    rig_ens_ack_epoch(&r, wires[0], -1, first);
    rig_ens_ack(&r, wires[0], first);
    (void)rig_ens_skip_to(&r, wires[0], RK_PACKET_UP_TO_DATE);
    rig_ens_pass(&r, RIG_TICK_MS);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_hang_up(&r, wires[0]);
    rig_ens_pass(&r, RIG_TICK_MS * 3 / 2);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void a_follower_that_acknowledges_nothing_is_dropped(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    rig_ens_ack(&r, wires[0], first + 2);
    for (uint32_t i = 0; i < 2 * RIG_SYNC_LIM + 2; i++) {
        rig_ens_pass(&r, RIG_TICK_MS / 2);
        answer_pings(&r, wires[0]);
        answer_pings(&r, wires[1]);
        assert_false(rig_ens_is_dropped(&r, wires[0]));
    }
    assert_true(rig_ens_is_dropped(&r, wires[1]));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_deinit(&r);
}

static void after_a_standstill_nothing_is_answered(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    r.rig.now_ms += RIG_TICK_MS * RIG_SYNC_LIM + 1; /* stopped, and goes on where it was */
    rig_ens_ack(&r, wires[0], first + 2);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_deinit(&r);
}

static void after_a_standstill_no_read_is_answered(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    r.rig.now_ms += RIG_TICK_MS * RIG_SYNC_LIM + 1;
    rig_get(&r.rig, 1, 1, "/", false);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_deinit(&r);
}

/* It has longer to answer NEWLEADER, but whom it would follow by now nobody knows. */
static void a_silent_learner_that_is_being_synchronised_is_no_quorum(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    connect_client(&r, first, wires, 1);
    wires[1] = rig_ens_join(&r, 2, false, first + 1);
    rig_ens_pass(&r, RIG_TICK_MS * RIG_SYNC_LIM - RIG_TICK_MS / 2);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_ens_pass(&r, RIG_TICK_MS);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

/* Neither the silence nor the standstill is too long by itself. */
static void after_silence_and_a_standstill_no_read_is_answered(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_ens_pass(&r, RIG_TICK_MS * (RIG_SYNC_LIM - 1));
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    r.rig.now_ms += RIG_TICK_MS + 1;
    rig_get(&r.rig, 1, 1, "/", false);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_deinit(&r);
}

/* -- syncs ------------------------------------------------------------------------------------- */

static void sync_of_learner(struct rig_ens *r, uint32_t wire, int32_t cxid)
{
    uint8_t path[5] = {0, 0, 0, 1, '/'};
    rig_ens_request(r, wire, 0x0100000000000001, cxid, RK_OP_SYNC, rk_bytes_of(path, sizeof(path)),
                    false);
}

static void ping_back(struct rig_ens *r, uint32_t wire, rk_zxid zxid)
{
    rig_ens_send(r, wire, RK_PACKET_PING, zxid, rk_bytes_of("", 0));
}

/* Serving answers the pings that came with UPTODATE. */
static rk_zxid serve_answered(struct rig_ens *r, uint32_t followers, uint32_t *wires)
{
    rk_zxid first = rig_ens_serve(r, followers, wires);
    for (uint32_t i = 0; i < followers; i++) {
        ping_back(r, wires[i], first);
    }
    return first;
}

static void a_sync_waits_for_a_ping_answered_after_it(void **state)
{
    struct rig_ens r;
    uint32_t wires[4];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 5, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 4, wires);
    sync_of_learner(&r, wires[0], 1);
    for (uint32_t i = 0; i < 4; i++) {
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_PING, first); /* at once */
        rig_ens_expect_nothing(&r, wires[i]);
    }
    ping_back(&r, wires[3], first);
    rig_ens_expect_nothing(&r, wires[0]);
    ping_back(&r, wires[3], first); /* it cannot answer twice */
    rig_ens_expect_nothing(&r, wires[0]);
    ping_back(&r, wires[0], first);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_SYNC, 0);
    rig_ens_expect_nothing(&r, wires[1]);
    rig_ens_deinit(&r);
}

static void a_sync_waits_for_what_was_proposed_before_it(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    r.rig.auto_sync = false;
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    sync_of_learner(&r, wires[0], 1);
    rig_create(&r.rig, 1, 2, "/b", "x", 0); /* after it: not waited for */
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_PROPOSAL, first + 2);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_PING, first + 2);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_PROPOSAL, first + 3);
    ping_back(&r, wires[0], first + 2);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_ack(&r, wires[0], first + 2);
    rig_ens_ack(&r, wires[1], first + 2);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_COMMIT, first + 2);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_SYNC, 0); /* behind it, on the same channel */
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_deinit(&r);
}

/* One round is under way and one waits: a thousand syncs cost two. */
static void syncs_share_rounds_of_pings(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    for (int32_t i = 0; i < 100; i++) {
        sync_of_learner(&r, wires[i % 2], i);
    }
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_PING, first);
    rig_ens_expect_nothing(&r, wires[0]);
    (void)rig_ens_expect(&r, wires[1], RK_PACKET_PING, first);
    ping_back(&r, wires[1], first);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_SYNC, 0); /* the first one */
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_PING, first);
    rig_ens_expect_nothing(&r, wires[0]);
    (void)rig_ens_expect(&r, wires[1], RK_PACKET_PING, first);
    ping_back(&r, wires[0], first); /* the first round's */
    rig_ens_expect_nothing(&r, wires[0]);
    ping_back(&r, wires[0], first);
    for (uint32_t i = 0; i < 99; i++) {
        (void)rig_ens_expect(&r, wires[i % 2 == 0 ? 1 : 0], RK_PACKET_SYNC, 0);
    }
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_expect_nothing(&r, wires[1]);
    rig_ens_deinit(&r);
}

static void a_clients_sync_is_answered_in_its_turn(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    struct rk_buf *b;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    b = rig_request(&r.rig, 2, RK_OP_SYNC);
    rk_buf_put_bytes(b, rk_bytes_str("/a"));
    rig_send(&r.rig, 1);
    rig_get(&r.rig, 1, 3, "/a", false);
    rig_expect_nothing(&r.rig, 1);
    rig_ens_ack(&r, wires[0], first + 2);
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    rig_expect_nothing(&r.rig, 1);
    ping_back(&r, wires[1], first + 2);
    (void)rig_expect(&r.rig, 1, 2, RK_ZK_OK);
    (void)rig_expect(&r.rig, 1, 3, RK_ZK_OK);
    rig_ens_deinit(&r);
}

static void a_lone_voter_confirms_syncs_at_once(void **state)
{
    struct rig_ens r;
    uint32_t observer;
    (void)state;
    rig_ens_init(&r, 1, 1);
    rig_ens_start(&r);
    (void)rig_ens_serve(&r, 0, NULL);
    observer = rig_ens_join(&r, 1, true, 0);
    rig_ens_ack(&r, observer, (rk_zxid)1 << 32);
    (void)rig_ens_skip_to(&r, observer, RK_PACKET_UP_TO_DATE);
    rig_ens_forget(&r, observer);
    sync_of_learner(&r, observer, 1);
    (void)rig_ens_expect(&r, observer, RK_PACKET_SYNC, 0);
    rig_ens_deinit(&r);
}

/* The new channel of a follower has answered nothing, whatever the old one had. */
static void a_ping_answered_by_a_channel_that_is_gone_does_not_count(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    uint32_t again;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    sync_of_learner(&r, wires[0], 1);
    again = rig_ens_join(&r, 2, false, first); /* in the place of wires[1] */
    assert_true(rig_ens_is_dropped(&r, wires[1]));
    ping_back(&r, again, 0); /* it answers those before UPTODATE, which nobody should */
    rig_ens_ack(&r, again, first);
    ping_back(&r, again, 0);
    rig_ens_forget(&r, wires[0]);
    rig_ens_expect_nothing(&r, wires[0]);
    (void)rig_ens_skip_to(&r, again, RK_PACKET_UP_TO_DATE);
    (void)rig_ens_expect(&r, again, RK_PACKET_PING, first);
    ping_back(&r, again, first);
    (void)rig_ens_expect(&r, wires[0], RK_PACKET_SYNC, 0);
    rig_ens_deinit(&r);
}

static void syncs_of_those_that_leave_are_forgotten(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    struct rk_buf *b;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    sync_of_learner(&r, wires[0], 1);
    b = rig_request(&r.rig, 2, RK_OP_SYNC);
    rk_buf_put_bytes(b, rk_bytes_str("/"));
    rig_send(&r.rig, 1);
    rig_close(&r.rig, 1);
    rig_ens_hang_up(&r, wires[0]);
    rig_ens_pass(&r, RIG_TICK_MS / 2);
    answer_pings(&r, wires[1]);
    ping_back(&r, wires[1], first + 1);
    rig_ens_pass(&r, RIG_TICK_MS * 5); /* the role ends with one waiting, perhaps */
    rig_ens_deinit(&r);
}

/* -- handing over ------------------------------------------------------------------------------ */

static void hand_over(struct rig_ens *r)
{
    struct rk_event e = {.kind = RK_EV_HAND_OVER};
    rig_step(&r->rig, &e);
}

static void a_leader_hands_over_when_nothing_is_outstanding(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    hand_over(&r);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_ack(&r, wires[0], first + 2); /* committed, but not everybody has it */
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_forget(&r, wires[0]);
    rig_ens_request(&r, wires[0], 0x0100000000000001, 1, RK_OP_CREATE_SESSION,
                    rk_bytes_of("\0\0\x20\0", 4), true);
    rig_ens_expect_nothing(&r, wires[0]); /* nothing new is proposed */
    rig_ens_ack(&r, wires[1], first + 2);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    (void)rig_ens_skip_to(&r, wires[1], RK_PACKET_COMMIT); /* went out before the end */
    assert_true(rig_ens_is_dropped(&r, wires[0]));
    rig_ens_deinit(&r);
}

/* Whatever is proposed in one step: the counter must not run over. */
static void an_epoch_ends_when_its_zxids_are_used_up(void **state)
{
    static const char *const paths[] = {"/c1", "/c2", "/c3"};
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    r.ensemble.epoch_txns_max = 5;
    r.config.container_check_ms = RIG_TICK_MS;
    r.config.container_never_used_ms = 1;
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    for (int32_t i = 0; i < 3; i++) {
        struct rk_buf *b = rig_request(&r.rig, i + 1, RK_OP_CREATE_CONTAINER);
        rk_buf_put_bytes(b, rk_bytes_str(paths[i]));
        rk_buf_put_bytes(b, rk_bytes_str(""));
        rig_put_open_acl(b);
        rk_buf_put_i32(b, 4);
        rig_send(&r.rig, 1);
        rig_ens_ack(&r, wires[0], first + 2 + i);
        rig_ens_ack(&r, wires[1], first + 2 + i);
        (void)rig_expect(&r.rig, 1, i + 1, RK_ZK_OK);
    }
    rig_ens_forget(&r, wires[0]);
    rig_ens_pass(&r, RIG_TICK_MS + 1);
    (void)rig_ens_skip_to(&r, wires[0], RK_PACKET_PROPOSAL);
    for (uint32_t i = 0; i < 4 && rig_ens_has(&r, wires[0]); i++) {
        assert_int_not_equal(rig_ens_take(&r, wires[0]).type, RK_PACKET_PROPOSAL);
    }
    rig_ens_ack(&r, wires[0], first + 5);
    rig_ens_ack(&r, wires[1], first + 5);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void writes_behind_a_sync_do_not_use_up_more_than_there_is(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    struct rk_buf *b;
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    r.ensemble.epoch_txns_max = 2;
    rig_ens_start(&r);
    first = serve_answered(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    b = rig_request(&r.rig, 1, RK_OP_SYNC);
    rk_buf_put_bytes(b, rk_bytes_str("/"));
    rig_send(&r.rig, 1);
    rig_create(&r.rig, 1, 2, "/a", "x", 0);
    rig_create(&r.rig, 1, 3, "/b", "x", 0);
    ping_back(&r, wires[0], first + 1);
    (void)rig_ens_skip_to(&r, wires[0], RK_PACKET_PROPOSAL);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_ack(&r, wires[0], first + 2);
    rig_ens_ack(&r, wires[1], first + 2);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void handing_over_waits_for_nobody_who_is_not_in_step(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 1, wires);
    connect_client(&r, first, wires, 1);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    (void)rig_ens_join(&r, 2, false, first + 1); /* NEWLEADER is on its way to it */
    rig_ens_ack(&r, wires[0], first + 2);
    hand_over(&r);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void handing_over_takes_two_ticks_at_most(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    first = rig_ens_serve(&r, 2, wires);
    connect_client(&r, first, wires, 2);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    hand_over(&r);
    hand_over(&r); /* a second time changes nothing */
    rig_ens_pass(&r, RIG_TICK_MS * 2 - 100);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_pass(&r, 100);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quorum_of_others_commits_before_the_leaders_own_log),
        cmocka_unit_test(the_leaders_own_log_is_one_voice),
        cmocka_unit_test(commits_go_out_in_order_and_informs_carry_the_payload),
        cmocka_unit_test(what_the_leader_does_is_measured),
        cmocka_unit_test(acks_of_what_was_never_proposed_drop_the_learner),
        cmocka_unit_test(acks_without_a_vote_commit_nothing),
        cmocka_unit_test(what_a_follower_had_cut_off_is_not_committed_by_its_old_ack),
        cmocka_unit_test(everybody_in_step_is_pinged_twice_a_tick),
        cmocka_unit_test(a_leader_that_hears_nothing_leaves_after_sync_limit),
        cmocka_unit_test(a_follower_whose_channel_breaks_may_come_again_within_a_tick),
        cmocka_unit_test(a_follower_that_acknowledges_nothing_is_dropped),
        cmocka_unit_test(after_a_standstill_nothing_is_answered),
        cmocka_unit_test(after_a_standstill_no_read_is_answered),
        cmocka_unit_test(a_silent_learner_that_is_being_synchronised_is_no_quorum),
        cmocka_unit_test(after_silence_and_a_standstill_no_read_is_answered),
        cmocka_unit_test(a_sync_waits_for_a_ping_answered_after_it),
        cmocka_unit_test(a_sync_waits_for_what_was_proposed_before_it),
        cmocka_unit_test(syncs_share_rounds_of_pings),
        cmocka_unit_test(a_clients_sync_is_answered_in_its_turn),
        cmocka_unit_test(a_lone_voter_confirms_syncs_at_once),
        cmocka_unit_test(a_ping_answered_by_a_channel_that_is_gone_does_not_count),
        cmocka_unit_test(syncs_of_those_that_leave_are_forgotten),
        cmocka_unit_test(a_leader_hands_over_when_nothing_is_outstanding),
        cmocka_unit_test(an_epoch_ends_when_its_zxids_are_used_up),
        cmocka_unit_test(writes_behind_a_sync_do_not_use_up_more_than_there_is),
        cmocka_unit_test(handing_over_waits_for_nobody_who_is_not_in_step),
        cmocka_unit_test(handing_over_takes_two_ticks_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
