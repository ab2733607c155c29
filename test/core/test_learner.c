/* A follower with its leader in the test's hands: what it promises, and when. */
#include "rig_ens.h"

#include "support/cmocka_all.h"

static void offer(struct rig_ens *r, uint32_t wire, int64_t epoch)
{
    uint8_t version[4];
    rk_store_i32(version, RK_PEER_PROTOCOL);
    rig_ens_send(r, wire, RK_PACKET_LEADER_INFO, epoch << 32, rk_bytes_of(version, 4));
}

static int32_t promised(struct rig_ens *r, uint32_t wire)
{
    struct rk_packet p = rig_ens_expect(r, wire, RK_PACKET_ACK_EPOCH, 0);
    assert_int_equal(p.data.len, 4);
    return rk_load_i32(p.data.data);
}

static void start(struct rig_ens *r, int64_t accepted, int64_t current)
{
    rig_ens_init(r, 3, 0);
    r->accepted_epoch = accepted;
    r->current_epoch = current;
    rig_ens_start(r);
}

/* The promise is what keeps an epoch to one leader, so a crash must not undo it. */
static void a_later_epoch_is_promised_when_it_is_durable(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    start(&r, 4, 3);
    r.holds_epochs = true;
    wire = rig_ens_follow(&r, 1);
    offer(&r, wire, 5);
    rig_ens_expect_nothing(&r, wire);
    rig_ens_store(&r);
    assert_int_equal(r.accepted_epoch, 5);
    assert_int_equal(promised(&r, wire), 3);
    rig_ens_deinit(&r);
}

/* It was promised to somebody, maybe another leader: it must not complete a quorum twice (C3.2). */
static void an_epoch_accepted_before_does_not_count_again(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    start(&r, 5, 3);
    wire = rig_ens_follow(&r, 1);
    offer(&r, wire, 5);
    assert_int_equal(promised(&r, wire), -1);
    assert_int_equal(r.accepted_epoch, 5);
    rig_ens_deinit(&r);
}

static void an_epoch_older_than_one_accepted_is_refused(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    start(&r, 5, 3);
    wire = rig_ens_follow(&r, 1);
    r.has_voted = false;
    offer(&r, wire, 4);
    assert_true(rig_ens_is_dropped(&r, wire));
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    rig_ens_deinit(&r);
}

static void an_epoch_far_beyond_any_is_refused(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    start(&r, 5, 3);
    wire = rig_ens_follow(&r, 1);
    r.has_voted = false;
    offer(&r, wire, 5 + (INT64_C(1) << 21));
    assert_true(rig_ens_is_dropped(&r, wire));
    assert_int_equal(r.accepted_epoch, 5);
    rig_ens_deinit(&r);
}

static void propose(struct rig_ens *r, uint32_t wire, rk_zxid zxid)
{
    struct rk_txn_header h = {.client_id = 1, .cxid = 1, .zxid = zxid, .time = 1, .type = -1};
    struct rk_error_txn txn = {.err = RK_ZK_NO_NODE};
    struct rk_buf b;
    rk_buf_init(&b, &r->rig.mem, 1000);
    rk_proto_write_txn_header(&b, &h);
    rk_proto_write_error_txn(&b, &txn);
    rig_ens_send(r, wire, RK_PACKET_PROPOSAL, zxid, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

/* In step with a leader of epoch 1, with nothing before it; serving, or short of UPTODATE. */
static uint32_t sync(struct rig_ens *r, bool serves)
{
    uint32_t wire;
    start(r, 0, 0);
    wire = rig_ens_follow(r, 1);
    offer(r, wire, 1);
    assert_int_equal(promised(r, wire), 0);
    rig_ens_send(r, wire, RK_PACKET_DIFF, 0, rk_bytes_str(NULL));
    rig_ens_send(r, wire, RK_PACKET_NEW_LEADER, INT64_C(1) << 32, rk_bytes_str(NULL));
    (void)rig_ens_expect(r, wire, RK_PACKET_ACK, INT64_C(1) << 32);
    if (serves) {
        rig_ens_send(r, wire, RK_PACKET_UP_TO_DATE, -1, rk_bytes_str(NULL));
        assert_int_equal(rig_ens_phase(r), RK_PHASE_BROADCAST);
    }
    return wire;
}

/* Whoever has an epoch's beginning lacks its first transactions otherwise, and does not know it. */
static void an_epoch_begins_with_its_first_proposal(void **state)
{
    struct rig_ens r;
    (void)state;
    for (uint32_t serves = 0; serves < 2; serves++) {
        for (uint32_t counter = 1; counter < 4; counter++) {
            uint32_t wire = sync(&r, serves != 0);
            propose(&r, wire, (INT64_C(1) << 32) + counter);
            assert_int_equal(rig_ens_is_dropped(&r, wire), counter != 1);
            assert_int_equal(r.rig.appended, counter == 1 ? (INT64_C(1) << 32) + 1 : 0);
            rig_ens_deinit(&r);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_epoch_is_promised_when_it_is_durable),
        cmocka_unit_test(an_epoch_accepted_before_does_not_count_again),
        cmocka_unit_test(an_epoch_older_than_one_accepted_is_refused),
        cmocka_unit_test(an_epoch_far_beyond_any_is_refused),
        cmocka_unit_test(an_epoch_begins_with_its_first_proposal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
