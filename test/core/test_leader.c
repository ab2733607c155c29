/* The leader's side of discovery and synchronisation: who is let in, which epoch is chosen, when it
 * counts, what one learner is sent, and what happens to those that break the rules. */
#include "rig_ens.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define EPOCH(n) ((int64_t)(n) * ((int64_t)1 << 32))

static void a_lone_voter_goes_through_all_phases_at_once(void **state)
{
    struct rig_ens r;
    (void)state;
    rig_ens_init(&r, 1, 1);
    rig_ens_start(&r);
    for (uint32_t i = 0; i < 20 && rig_ens_phase(&r) != RK_PHASE_BROADCAST; i++) {
        rig_advance(&r.rig, 50);
    }
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    assert_int_equal(r.accepted_epoch, 1);
    assert_int_equal(r.current_epoch, 1);
    assert_int_not_equal(rig_connect(&r.rig, 1), 0);
    rig_create(&r.rig, 1, 1, "/a", "x", 0);
    (void)rig_expect(&r.rig, 1, 1, RK_ZK_OK);
    rig_ens_pass(&r, 60000); /* nobody is missed */
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_deinit(&r);
}

static void the_epoch_is_one_more_than_any_that_was_accepted(void **state)
{
    struct rig_ens r;
    uint32_t first;
    uint32_t late;
    (void)state;
    rig_ens_init(&r, 3, 1);
    r.accepted_epoch = 4;
    r.current_epoch = 4;
    r.holds_epochs = true;
    rig_ens_start(&r);
    rig_ens_elect(&r);
    late = rig_ens_dial(&r); /* an observer: counts for the maximum, not for the quorum */
    rig_ens_info(&r, late, RK_PACKET_OBSERVER_INFO, 3, 9);
    assert_int_equal(r.owed_count, 0);
    first = rig_ens_dial(&r);
    rig_ens_info(&r, first, RK_PACKET_FOLLOWER_INFO, 1, 7);
    assert_int_equal(r.owed_count, 1);
    assert_int_equal(r.owed[0].u.epoch.file, RK_EPOCH_ACCEPTED);
    assert_int_equal(r.owed[0].u.epoch.epoch, 10);
    rig_ens_expect_nothing(&r, first); /* nobody hears of it before it is durable */
    rig_ens_expect_nothing(&r, late);
    rig_ens_store(&r);
    (void)rig_ens_expect(&r, first, RK_PACKET_LEADER_INFO, EPOCH(10));
    (void)rig_ens_expect(&r, late, RK_PACKET_LEADER_INFO, EPOCH(10));
    late = rig_ens_dial(&r); /* told at once; it had accepted this epoch before */
    rig_ens_info(&r, late, RK_PACKET_FOLLOWER_INFO, 2, 10);
    (void)rig_ens_expect(&r, late, RK_PACKET_LEADER_INFO, EPOCH(10));
    late = rig_ens_dial(&r);
    rig_ens_info(&r, late, RK_PACKET_FOLLOWER_INFO, 2, 11);
    assert_true(rig_ens_is_dropped(&r, late));
    rig_ens_deinit(&r);
}

static void leader_info_has_the_bytes_apache_expects(void **state)
{
    static const uint8_t expected[] = {0, 0, 0, 0x11, 0, 0, 0, 1, 0,    0,    0,    0,
                                       0, 0, 0, 4,    0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff};
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    wire = rig_ens_dial(&r);
    rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
    assert_int_equal(r.wires[wire].got.len, sizeof(expected));
    assert_memory_equal(r.wires[wire].got.data, expected, sizeof(expected));
    rig_ens_deinit(&r);
}

static void serving_begins_with_a_quorum_of_new_leader_acks(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    struct rk_packet p;
    (void)state;
    rig_ens_init(&r, 5, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    for (uint32_t i = 0; i < 2; i++) {
        wires[i] = rig_ens_dial(&r);
        rig_ens_info(&r, wires[i], RK_PACKET_FOLLOWER_INFO, i + 1, 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_LEADER_INFO, EPOCH(1));
        rig_ens_expect_nothing(&r, wires[i]);
        rig_ens_ack_epoch(&r, wires[i], 0, 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_DIFF, 0);
        p = rig_ens_expect(&r, wires[i], RK_PACKET_NEW_LEADER, EPOCH(1));
        assert_non_null(memmem(p.data.data, p.data.len, "server.9=", 9));
        assert_non_null(memmem(p.data.data, p.data.len, "version=0", 9));
    }
    rig_ens_ack(&r, wires[0], EPOCH(1));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_SYNCHRONIZATION);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_ack(&r, wires[1], EPOCH(1));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    for (uint32_t i = 0; i < 2; i++) {
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_UP_TO_DATE, -1);
        (void)rig_ens_expect(&r, wires[i], RK_PACKET_PING, EPOCH(1));
        rig_ens_ack(&r, wires[i], EPOCH(1)); /* UPTODATE's: ignored */
        assert_false(rig_ens_is_dropped(&r, wires[i]));
    }
    rig_ens_deinit(&r);
}

static void an_observer_joins_but_never_counts(void **state)
{
    struct rig_ens r;
    uint32_t observer;
    uint32_t follower;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    observer = rig_ens_dial(&r);
    rig_ens_info(&r, observer, RK_PACKET_OBSERVER_INFO, 3, 0);
    rig_ens_expect_nothing(&r, observer); /* no quorum, no epoch */
    follower = rig_ens_dial(&r);
    rig_ens_info(&r, follower, RK_PACKET_FOLLOWER_INFO, 1, 0);
    (void)rig_ens_expect(&r, observer, RK_PACKET_LEADER_INFO, EPOCH(1));
    rig_ens_ack_epoch(&r, observer, 0, 0);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_DISCOVERY);
    rig_ens_ack_epoch(&r, follower, 0, 0);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_SYNCHRONIZATION);
    rig_ens_ack(&r, observer, EPOCH(1));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_SYNCHRONIZATION);
    rig_ens_ack(&r, follower, EPOCH(1));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    (void)rig_ens_skip_to(&r, observer, RK_PACKET_UP_TO_DATE);
    rig_ens_deinit(&r);
}

/* A configured voter that says to be an observer is treated as one; a configured observer that says
 * to be a participant gets proposals, and its word does not count. */
static void what_counts_is_both_the_packet_and_the_configuration(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    wires[0] = rig_ens_dial(&r);
    rig_ens_info(&r, wires[0], RK_PACKET_OBSERVER_INFO, 1, 0);
    wires[1] = rig_ens_dial(&r);
    rig_ens_info(&r, wires[1], RK_PACKET_FOLLOWER_INFO, 3, 0);
    rig_ens_expect_nothing(&r, wires[0]);
    rig_ens_expect_nothing(&r, wires[1]);
    assert_false(rig_ens_is_dropped(&r, wires[0]));
    assert_false(rig_ens_is_dropped(&r, wires[1]));
    rig_ens_deinit(&r);
}

static void current_epoch_is_durable_before_anybody_is_synchronised(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    wire = rig_ens_dial(&r);
    rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
    (void)rig_ens_expect(&r, wire, RK_PACKET_LEADER_INFO, EPOCH(1));
    r.holds_epochs = true;
    rig_ens_ack_epoch(&r, wire, 0, 0);
    assert_int_equal(r.owed_count, 1);
    assert_int_equal(r.owed[0].u.epoch.file, RK_EPOCH_CURRENT);
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_DISCOVERY);
    rig_ens_expect_nothing(&r, wire);
    rig_ens_store(&r);
    assert_int_equal(r.current_epoch, 1);
    (void)rig_ens_expect(&r, wire, RK_PACKET_DIFF, 0);
    rig_ens_deinit(&r);
}

/* -- who does not count, and who is refused ---------------------------------------------------- */

struct ack_row {
    int32_t current;
    rk_zxid last;
    bool is_counted;
    bool is_dropped;
};

static void an_epoch_is_promised_only_by_those_that_are_not_ahead(void **state)
{
    static const struct ack_row rows[] = {
        {0, 0, true, false},                     /* equal */
        {-1, 0, false, false},                   /* had accepted it before */
        {0, -1, false, false},                   /* does not know what it had */
        {0, 5, false, true},                     /* ahead in the same epoch */
        {1, 0, false, true},                     /* of a later one */
        {0, ((int64_t)2 << 32) | 1, false, true} /* transactions nobody can have */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig_ens r;
        uint32_t wire;
        rig_ens_init(&r, 3, 0);
        rig_ens_start(&r);
        rig_ens_elect(&r);
        wire = rig_ens_dial(&r);
        rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
        (void)rig_ens_expect(&r, wire, RK_PACKET_LEADER_INFO, EPOCH(1));
        rig_ens_ack_epoch(&r, wire, rows[i].current, rows[i].last);
        assert_int_equal(rig_ens_is_dropped(&r, wire), rows[i].is_dropped);
        assert_int_equal(rig_ens_phase(&r),
                         rows[i].is_counted ? RK_PHASE_SYNCHRONIZATION : RK_PHASE_DISCOVERY);
        rig_ens_deinit(&r);
    }
}

struct info_row {
    int32_t type;
    int64_t sid;
    int32_t version;
    int64_t config;
    int64_t accepted;
    uint32_t len;
};

static void strangers_are_refused(void **state)
{
    static const struct info_row rows[] = {
        {RK_PACKET_FOLLOWER_INFO, 7, RK_PEER_PROTOCOL, 0, 0, 20},        /* nobody's sid */
        {RK_PACKET_FOLLOWER_INFO, -1, RK_PEER_PROTOCOL, 0, 0, 20},       /* no sid */
        {RK_PACKET_FOLLOWER_INFO, RIG_SID, RK_PEER_PROTOCOL, 0, 0, 20},  /* ours */
        {RK_PACKET_FOLLOWER_INFO, 1, 0xffff, 0, 0, 20},                  /* before 3.4 */
        {RK_PACKET_FOLLOWER_INFO, 1, RK_PEER_PROTOCOL, 1, 0, 20},        /* newer config */
        {RK_PACKET_FOLLOWER_INFO, 1, RK_PEER_PROTOCOL, 0, 0x100001, 20}, /* vote inflation */
        {RK_PACKET_FOLLOWER_INFO, 1, RK_PEER_PROTOCOL, 0, -2, 20},       /* negative */
        {RK_PACKET_FOLLOWER_INFO, 1, RK_PEER_PROTOCOL, 0, 0, 7},         /* too short */
        {RK_PACKET_FOLLOWER_INFO, 1, RK_PEER_PROTOCOL, 0, 0, 0},         /* none */
        {RK_PACKET_ACK, 1, RK_PEER_PROTOCOL, 0, 0, 20},                  /* something else */
        {-5, 1, RK_PEER_PROTOCOL, 0, 0, 20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct info_row *row = &rows[i];
        struct rig_ens r;
        uint8_t info[20];
        uint32_t wire;
        rig_ens_init(&r, 3, 0);
        rig_ens_start(&r);
        rig_ens_elect(&r);
        rk_store_i64(info, row->sid);
        rk_store_i32(info + 8, row->version);
        rk_store_i64(info + 12, row->config);
        wire = rig_ens_dial(&r);
        rig_ens_send(&r, wire, row->type, EPOCH(row->accepted), rk_bytes_of(info, row->len));
        assert_true(rig_ens_is_dropped(&r, wire));
        assert_int_equal(r.wires[wire].got.len, 0);
        assert_int_equal(r.owed_count, 0);
        assert_int_equal(r.accepted_epoch, 0);
        assert_int_equal(r.rig.notes[RK_NOTE_LEARNER_REFUSED] + r.rig.notes[RK_NOTE_LEARNER_ALARM],
                         1);
        rig_ens_deinit(&r);
    }
}

static void bytes_of_a_stranger_are_few(void **state)
{
    struct rig_ens r;
    uint8_t noise[RK_PACKET_INFO_MAX + 1];
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    memset(noise, 0, sizeof(noise));
    rk_store_i32(noise, RK_PACKET_FOLLOWER_INFO);
    rk_store_i32(noise + 12, 1 << 20); /* data of a megabyte */
    wire = rig_ens_dial(&r);
    rig_ens_bytes(&r, wire, rk_bytes_of(noise, 24));
    assert_true(rig_ens_is_dropped(&r, wire));
    wire = rig_ens_dial(&r);
    rk_store_i32(noise + 12, 4000);
    rk_store_i32(noise + 16 + 4000, 60); /* authinfo that goes on and on */
    rk_store_i32(noise + 20 + 4000, 4090);
    rig_ens_bytes(&r, wire, rk_bytes_of(noise, sizeof(noise)));
    assert_true(rig_ens_is_dropped(&r, wire));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_DISCOVERY);
    rig_ens_deinit(&r);
}

static void a_crowd_of_silent_channels_keeps_nobody_out(void **state)
{
    struct rig_ens r;
    uint32_t first;
    uint32_t wire = 0;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    first = rig_ens_dial(&r);
    for (uint32_t i = 0; i < 200; i++) {
        wire = rig_ens_dial(&r);
    }
    assert_true(rig_ens_is_dropped(&r, first)); /* the oldest went */
    rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
    (void)rig_ens_expect(&r, wire, RK_PACKET_LEADER_INFO, EPOCH(1));
    rig_ens_pass(&r, RIG_TICK_MS * RIG_INIT_LIM - 1000);
    assert_false(rig_ens_is_dropped(&r, wire - 1));
    rig_ens_deinit(&r);
}

static void a_second_channel_replaces_the_first_once_it_has_said_who_it_is(void **state)
{
    struct rig_ens r;
    uint32_t old;
    uint32_t liar;
    uint32_t again;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    old = rig_ens_dial(&r);
    rig_ens_info(&r, old, RK_PACKET_FOLLOWER_INFO, 1, 0);
    liar = rig_ens_dial(&r);
    again = rig_ens_dial(&r);
    assert_false(rig_ens_is_dropped(&r, old));
    rig_ens_info(&r, liar, RK_PACKET_FOLLOWER_INFO, 1, 1 << 30); /* refused: replaces nobody */
    assert_true(rig_ens_is_dropped(&r, liar));
    assert_false(rig_ens_is_dropped(&r, old));
    rig_ens_info(&r, again, RK_PACKET_FOLLOWER_INFO, 1, 0);
    assert_true(rig_ens_is_dropped(&r, old));
    (void)rig_ens_expect(&r, again, RK_PACKET_LEADER_INFO, EPOCH(1));
    rig_ens_deinit(&r);
}

static void a_channel_that_waited_for_a_leader_is_heard(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    wire = rig_ens_dial(&r); /* before anybody was elected */
    rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
    rig_ens_expect_nothing(&r, wire);
    rig_ens_elect(&r);
    (void)rig_ens_expect(&r, wire, RK_PACKET_LEADER_INFO, EPOCH(1));
    rig_ens_deinit(&r);
}

/* One that has accepted an epoch of a leader who failed could follow nobody before the next
 * election, whenever that came. */
static void a_voter_that_accepted_a_later_epoch_brings_about_an_election(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    (void)rig_ens_serve(&r, 1, wires);
    wire = rig_ens_dial(&r);
    rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 2, 4);
    assert_true(rig_ens_is_dropped(&r, wire));
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    assert_int_equal(r.accepted_epoch, 4); /* the next one will be later */
    rig_ens_deinit(&r);
}

/* -- deadlines --------------------------------------------------------------------------------- */

static void a_leader_without_followers_gives_up_after_init_limit(void **state)
{
    struct rig_ens r;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    rig_ens_pass(&r, RIG_TICK_MS * RIG_INIT_LIM - 500);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_ens_pass(&r, 500);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    assert_int_equal(r.accepted_epoch, 0); /* nothing happened */
    rig_ens_deinit(&r);
}

static void a_learner_that_says_nothing_is_dropped_after_init_limit(void **state)
{
    struct rig_ens r;
    uint32_t silent;
    uint32_t told;
    uint32_t wires[2];
    rk_zxid zxid;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    zxid = rig_ens_serve(&r, 2, wires);
    silent = rig_ens_dial(&r);
    told = rig_ens_dial(&r);
    rig_ens_info(&r, told, RK_PACKET_OBSERVER_INFO, 3, 0);
    (void)rig_ens_expect(&r, told, RK_PACKET_LEADER_INFO, zxid);
    for (uint32_t i = 0; i < RIG_INIT_LIM + 1; i++) {
        assert_int_equal(rig_ens_is_dropped(&r, silent), i >= RIG_INIT_LIM);
        assert_int_equal(rig_ens_is_dropped(&r, told), i >= RIG_INIT_LIM);
        rig_ens_pass(&r, RIG_TICK_MS);
        rig_ens_send(&r, wires[0], RK_PACKET_PING, zxid, rk_bytes_of("", 0));
        rig_ens_send(&r, wires[1], RK_PACKET_PING, zxid, rk_bytes_of("", 0));
    }
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    rig_ens_deinit(&r);
}

static void a_synchronisation_that_nobody_acknowledges_ends_the_role(void **state)
{
    struct rig_ens r;
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    wire = rig_ens_join(&r, 1, false, 0);
    rig_ens_pass(&r, RIG_TICK_MS);
    (void)rig_ens_skip_to(&r, wire, RK_PACKET_NEW_LEADER);
    (void)rig_ens_expect(&r, wire, RK_PACKET_PING, 0); /* it is kept listening */
    rig_ens_pass(&r, RIG_TICK_MS * RIG_INIT_LIM);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LOOKING);
    assert_true(rig_ens_is_dropped(&r, wire));
    rig_ens_deinit(&r);
}

/* -- what a learner is sent -------------------------------------------------------------------- */

static void create_some(struct rig_ens *r, int32_t first, int32_t count)
{
    for (int32_t i = first; i < first + count; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/n%d", i);
        rig_create(&r->rig, 1, i, path, "data", 0);
    }
}

static void ack_from(struct rig_ens *r, uint32_t wire, rk_zxid first, rk_zxid last)
{
    for (rk_zxid zxid = first; zxid <= last; zxid++) {
        rig_ens_ack(r, wire, zxid);
    }
}

struct sync_row {
    rk_zxid peer;
    int32_t op;
    rk_zxid op_zxid;
    rk_zxid from; /* first of the pairs that follow, 0 none */
};

/* Epoch 1 has session (1), /n1../n4 (2..5); epoch 1 goes on while others come. */
static void a_learner_gets_what_it_lacks(void **state)
{
    static const struct sync_row rows[] = {
        {0x100000005, RK_PACKET_DIFF, 0x100000005, 0},
        {0x100000002, RK_PACKET_DIFF, 0x100000005, 0x100000003},
        {0x100000001, RK_PACKET_DIFF, 0x100000005, 0x100000002},
        {0x100000009, RK_PACKET_TRUNC, 0x100000005, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig_ens r;
        uint32_t wires[1];
        uint32_t late;
        rk_zxid zxid;
        rig_ens_init(&r, 3, 0);
        rig_ens_start(&r);
        zxid = rig_ens_serve(&r, 1, wires);
        rig_open(&r.rig, 1);
        rig_handshake(&r.rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
        ack_from(&r, wires[0], zxid + 1, zxid + 1);
        create_some(&r, 1, 4);
        ack_from(&r, wires[0], zxid + 2, zxid + 5);
        late = rig_ens_dial(&r);
        rig_ens_info(&r, late, RK_PACKET_FOLLOWER_INFO, 2, 1);
        (void)rig_ens_expect(&r, late, RK_PACKET_LEADER_INFO, zxid);
        rig_ens_ack_epoch(&r, late, -1, rows[i].peer);
        (void)rig_ens_expect(&r, late, rows[i].op, rows[i].op_zxid);
        for (rk_zxid z = rows[i].from; z != 0 && z <= zxid + 5; z++) {
            struct rk_packet p = rig_ens_expect(&r, late, RK_PACKET_PROPOSAL, z);
            assert_int_equal(rk_load_i64(p.data.data + 12), z);
            (void)rig_ens_expect(&r, late, RK_PACKET_COMMIT, z);
        }
        (void)rig_ens_expect(&r, late, RK_PACKET_NEW_LEADER, zxid);
        rig_ens_expect_nothing(&r, late);
        rig_ens_deinit(&r);
    }
}

/* C4.3: proposals that are outstanding when a learner comes reach it exactly once, and so do their
 * commits; an observer hears of them when they are committed. */
static void nothing_is_lost_or_doubled_where_forwarding_begins(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t late;
    uint32_t observer;
    rk_zxid zxid;
    struct rk_packet p;
    (void)state;
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    zxid = rig_ens_serve(&r, 1, wires);
    rig_open(&r.rig, 1);
    rig_handshake(&r.rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
    rig_ens_ack(&r, wires[0], zxid + 1);
    create_some(&r, 1, 2); /* outstanding: + 2, + 3 */
    late = rig_ens_join(&r, 2, false, zxid + 1);
    observer = rig_ens_join(&r, 3, true, zxid + 1);
    create_some(&r, 3, 1); /* + 4, after NEWLEADER */
    (void)rig_ens_expect(&r, late, RK_PACKET_DIFF, zxid + 1);
    (void)rig_ens_expect(&r, late, RK_PACKET_NEW_LEADER, zxid);
    (void)rig_ens_expect(&r, late, RK_PACKET_PROPOSAL, zxid + 2);
    (void)rig_ens_expect(&r, late, RK_PACKET_PROPOSAL, zxid + 3);
    (void)rig_ens_expect(&r, late, RK_PACKET_PROPOSAL, zxid + 4);
    rig_ens_expect_nothing(&r, late);
    (void)rig_ens_skip_to(&r, observer, RK_PACKET_NEW_LEADER);
    rig_ens_expect_nothing(&r, observer);
    ack_from(&r, wires[0], zxid + 2, zxid + 4);
    for (rk_zxid z = zxid + 2; z <= zxid + 4; z++) {
        (void)rig_ens_expect(&r, late, RK_PACKET_COMMIT, z);
        p = rig_ens_expect(&r, observer, RK_PACKET_INFORM, z);
        assert_int_equal(rk_load_i64(p.data.data + 12), z);
    }
    rig_ens_ack(&r, late, zxid);
    (void)rig_ens_expect(&r, late, RK_PACKET_UP_TO_DATE, -1);
    rig_ens_deinit(&r);
}

/* After a new epoch began and before anything was proposed in it, whoever has the last transaction
 * of the one before has everything. */
static void a_learner_at_the_end_of_the_last_epoch_gets_an_empty_diff(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t late;
    rk_zxid zxid;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    zxid = rig_ens_serve(&r, 1, wires);
    late = rig_ens_join(&r, 2, false, 0);
    (void)rig_ens_expect(&r, late, RK_PACKET_DIFF, 0);
    (void)rig_ens_expect(&r, late, RK_PACKET_NEW_LEADER, zxid);
    rig_ens_deinit(&r);
}

static void observers_beyond_the_limit_are_refused_followers_are_not(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t one;
    uint32_t two;
    uint32_t follower;
    (void)state;
    rig_ens_init(&r, 3, 2);
    r.ensemble.max_concurrent_diff_syncs = 1;
    rig_ens_start(&r);
    (void)rig_ens_serve(&r, 1, wires);
    one = rig_ens_join(&r, 3, true, 0);
    two = rig_ens_join(&r, 4, true, 0);
    assert_false(rig_ens_is_dropped(&r, one));
    assert_true(rig_ens_is_dropped(&r, two));
    follower = rig_ens_join(&r, 2, false, 0);
    assert_false(rig_ens_is_dropped(&r, follower));
    rig_ens_ack(&r, one, EPOCH(1)); /* the slot is free with the NEWLEADER ACK */
    rig_ens_ack(&r, follower, EPOCH(1));
    two = rig_ens_join(&r, 4, true, 0);
    assert_false(rig_ens_is_dropped(&r, two));
    rig_ens_deinit(&r);
}

/* -- NEWLEADER --------------------------------------------------------------------------------- */

static void the_first_ack_is_new_leaders_or_an_early_one_that_can_be(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t late;
    rk_zxid zxid;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    zxid = rig_ens_serve(&r, 1, wires);
    late = rig_ens_join(&r, 2, false, 0);
    rig_ens_ack(&r, late, zxid + 7); /* of nothing that was proposed */
    assert_true(rig_ens_is_dropped(&r, late));
    late = rig_ens_join(&r, 2, false, 0);
    rig_ens_ack(&r, late, 0);
    assert_true(rig_ens_is_dropped(&r, late));
    rig_open(&r.rig, 1);
    rig_handshake(&r.rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
    r.rig.auto_sync = false;
    rig_ens_ack(&r, wires[0], zxid + 1);
    create_some(&r, 1, 1);
    late = rig_ens_join(&r, 2, false, zxid + 1);
    rig_ens_ack(&r, late, zxid + 2); /* ZK-4685 */
    assert_false(rig_ens_is_dropped(&r, late));
    assert_false(rig_has(&r.rig, 1) && r.rig.in[1].bytes.len > 41);
    rig_ens_ack(&r, wires[0], zxid + 2);
    rig_ens_forget(&r, wires[0]);
    rig_ens_ack(&r, late, zxid);
    (void)rig_ens_skip_to(&r, late, RK_PACKET_UP_TO_DATE);
    (void)rig_ens_skip_to(&r, late, RK_PACKET_COMMIT); /* both followers have it: + 2 */
    rig_ens_deinit(&r);
}

/* -- out of turn ------------------------------------------------------------------------------- */

static void packets_out_of_turn_drop_the_learner_in_every_state(void **state)
{
    static const int32_t types[] = {RK_PACKET_REQUEST, RK_PACKET_REVALIDATE, RK_PACKET_DIFF, 77};
    (void)state;
    for (uint32_t at = 0; at < 4; at++) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            struct rig_ens r;
            uint32_t wire;
            rig_ens_init(&r, 5, 0);
            rig_ens_start(&r);
            rig_ens_elect(&r);
            wire = rig_ens_dial(&r);
            if (at >= 1) { /* no epoch yet */
                rig_ens_info(&r, wire, RK_PACKET_FOLLOWER_INFO, 1, 0);
            }
            if (at >= 2) { /* told */
                rig_ens_info(&r, rig_ens_dial(&r), RK_PACKET_FOLLOWER_INFO, 2, 0);
            }
            if (at >= 3) { /* promised, alone */
                rig_ens_ack_epoch(&r, wire, 0, 0);
            }
            assert_false(rig_ens_is_dropped(&r, wire));
            rig_ens_send(&r, wire, types[i], 0, rk_bytes_of("0123456789abcdef", 16));
            assert_true(rig_ens_is_dropped(&r, wire));
            assert_int_equal(rig_ens_phase(&r), RK_PHASE_DISCOVERY);
            rig_ens_deinit(&r);
        }
    }
}

static void requests_before_up_to_date_are_refused_pings_are_not(void **state)
{
    struct rig_ens r;
    uint32_t wires[1];
    uint32_t late;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    (void)rig_ens_serve(&r, 1, wires);
    late = rig_ens_join(&r, 2, false, 0);
    rig_ens_send(&r, late, RK_PACKET_PING, 0, rk_bytes_of("", 0));
    assert_false(rig_ens_is_dropped(&r, late));
    rig_ens_request(&r, late, 0x0100000000000001, 1, RK_OP_SYNC, rk_bytes_str("x"), false);
    assert_true(rig_ens_is_dropped(&r, late));
    rig_ens_deinit(&r);
}

static void rubbish_in_every_state_drops_only_the_learner(void **state)
{
    struct rig_ens r;
    uint32_t wires[2];
    uint32_t late;
    uint8_t rubbish[64];
    (void)state;
    memset(rubbish, 0xee, sizeof(rubbish));
    rig_ens_init(&r, 3, 1);
    rig_ens_start(&r);
    (void)rig_ens_serve(&r, 2, wires);
    late = rig_ens_dial(&r);
    rig_ens_bytes(&r, late, rk_bytes_of(rubbish, sizeof(rubbish)));
    assert_true(rig_ens_is_dropped(&r, late));
    late = rig_ens_join(&r, 3, true, 0);
    rig_ens_bytes(&r, late, rk_bytes_of(rubbish, sizeof(rubbish)));
    assert_true(rig_ens_is_dropped(&r, late));
    rig_ens_bytes(&r, wires[1], rk_bytes_of(rubbish, sizeof(rubbish)));
    assert_true(rig_ens_is_dropped(&r, wires[1]));
    assert_int_equal(rig_ens_phase(&r), RK_PHASE_BROADCAST);
    assert_false(rig_ens_is_dropped(&r, wires[0]));
    rig_ens_deinit(&r);
}

/* Bytes come in any pieces. */
static void packets_are_put_together_byte_by_byte(void **state)
{
    struct rig_ens r;
    struct rk_buf b;
    uint8_t info[20];
    uint32_t wire;
    (void)state;
    rig_ens_init(&r, 3, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    rk_buf_init(&b, &r.rig.mem, 1000);
    rk_store_i64(info, 1);
    rk_store_i32(info + 8, RK_PEER_PROTOCOL);
    rk_store_i64(info + 12, 0);
    rk_packet_write(&b, RK_PACKET_FOLLOWER_INFO, 0, rk_bytes_of(info, sizeof(info)));
    wire = rig_ens_dial(&r);
    for (size_t i = 0; i < b.len; i++) {
        rig_ens_expect_nothing(&r, wire);
        rig_ens_bytes(&r, wire, rk_bytes_of(b.data + i, 1));
    }
    (void)rig_ens_expect(&r, wire, RK_PACKET_LEADER_INFO, EPOCH(1));
    rk_buf_deinit(&b);
    rig_ens_deinit(&r);
}

/* -- elected, and left alone ------------------------------------------------------------------- */

static void who_was_elected_by_voters_that_turned_looks_again_soon(void **state)
{
    struct rig_ens r;
    (void)state;
    rig_ens_init(&r, 5, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    rig_ens_turn(&r, 2, 3); /* two others may still come */
    rig_ens_pass(&r, RIG_TICK_MS);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_ens_turn(&r, 3, 3);
    rig_advance(&r.rig, 399);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_ens_turn(&r, 1, RIG_SID); /* one comes back */
    rig_advance(&r.rig, 200);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_ens_turn(&r, 3, 3);
    rig_advance(&r.rig, 399);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    rig_advance(&r.rig, 1);
    assert_int_equal(r.rig.notes[RK_NOTE_ROLE_LEFT], 1);
    rig_ens_elect(&r); /* it looks again, and may lead after all */
    rig_ens_deinit(&r);
}

static void those_who_came_count_whatever_they_voted_for(void **state)
{
    struct rig_ens r;
    (void)state;
    rig_ens_init(&r, 5, 0);
    rig_ens_start(&r);
    rig_ens_elect(&r);
    rig_ens_turn(&r, 4, 3);
    rig_ens_info(&r, rig_ens_dial(&r), RK_PACKET_FOLLOWER_INFO, 1, 0);
    rig_ens_info(&r, rig_ens_dial(&r), RK_PACKET_FOLLOWER_INFO, 2, 0);
    rig_ens_pass(&r, RIG_TICK_MS);
    assert_int_equal(rig_ens_state(&r), RK_PEER_LEADING);
    assert_int_equal(r.accepted_epoch, 1);
    rig_ens_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lone_voter_goes_through_all_phases_at_once),
        cmocka_unit_test(the_epoch_is_one_more_than_any_that_was_accepted),
        cmocka_unit_test(leader_info_has_the_bytes_apache_expects),
        cmocka_unit_test(serving_begins_with_a_quorum_of_new_leader_acks),
        cmocka_unit_test(an_observer_joins_but_never_counts),
        cmocka_unit_test(what_counts_is_both_the_packet_and_the_configuration),
        cmocka_unit_test(current_epoch_is_durable_before_anybody_is_synchronised),
        cmocka_unit_test(an_epoch_is_promised_only_by_those_that_are_not_ahead),
        cmocka_unit_test(who_was_elected_by_voters_that_turned_looks_again_soon),
        cmocka_unit_test(those_who_came_count_whatever_they_voted_for),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(bytes_of_a_stranger_are_few),
        cmocka_unit_test(a_crowd_of_silent_channels_keeps_nobody_out),
        cmocka_unit_test(a_second_channel_replaces_the_first_once_it_has_said_who_it_is),
        cmocka_unit_test(a_channel_that_waited_for_a_leader_is_heard),
        cmocka_unit_test(a_voter_that_accepted_a_later_epoch_brings_about_an_election),
        cmocka_unit_test(a_leader_without_followers_gives_up_after_init_limit),
        cmocka_unit_test(a_learner_that_says_nothing_is_dropped_after_init_limit),
        cmocka_unit_test(a_synchronisation_that_nobody_acknowledges_ends_the_role),
        cmocka_unit_test(a_learner_gets_what_it_lacks),
        cmocka_unit_test(nothing_is_lost_or_doubled_where_forwarding_begins),
        cmocka_unit_test(a_learner_at_the_end_of_the_last_epoch_gets_an_empty_diff),
        cmocka_unit_test(observers_beyond_the_limit_are_refused_followers_are_not),
        cmocka_unit_test(the_first_ack_is_new_leaders_or_an_early_one_that_can_be),
        cmocka_unit_test(packets_out_of_turn_drop_the_learner_in_every_state),
        cmocka_unit_test(requests_before_up_to_date_are_refused_pings_are_not),
        cmocka_unit_test(rubbish_in_every_state_drops_only_the_learner),
        cmocka_unit_test(packets_are_put_together_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
