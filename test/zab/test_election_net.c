/* Three, five and seven electors together: fault-free starts, a killed leader, links that are cut
 * in one or both directions, empty disks, and thousands of seeds with all of it at once. The net
 * itself asserts what must always hold (election_net.h). */
#include "support/cmocka_all.h"

#include <string.h>

#include "election_net.h"

#define SEEDS 1000u

static struct net net; /* large */

static const struct net_options calm = {
    .delay_min_ms = 1, .delay_max_ms = 1, .dial_ms = 2, .notice_ms = 0};

static struct net_options with_voters(const struct net_options *base, uint32_t voters)
{
    struct net_options options = *base;
    options.voters = voters;
    return options;
}

static const uint32_t sizes[] = {3, 5, 7};

static void boot_all(void)
{
    for (uint32_t i = 0; i < net.count; i++) {
        net_boot(&net, i);
    }
}

/* A settled ensemble in which some things have been committed. */
static void open_settled(const struct net_options *options, uint64_t seed)
{
    net_init(&net, options, seed);
    boot_all();
    assert_true(net_settle(&net, 1000));
    for (int i = 0; i < 3; i++) {
        net_propose(&net, true);
    }
}

/* -- without faults ---------------------------------------------------------------------------- */

struct calm_run {
    uint32_t decided[8]; /* per round: leader's index + 1 */
};

static void all_of_a_round_agree(struct net *n, uint32_t who)
{
    struct calm_run *run = n->ctx;
    struct rk_vote v = rk_election_vote(&n->servers[who].e);
    assert_true(v.round >= 0 && v.round < 8);
    if (run->decided[v.round] == 0) {
        run->decided[v.round] = (uint32_t)v.leader;
    }
    assert_int_equal(run->decided[v.round], v.leader);
}

static uint32_t best_of_those_that_boot(void)
{
    uint32_t best = NET_NOBODY;
    for (uint32_t i = 0; i < net.options.voters; i++) {
        const struct net_server *s = &net.servers[i];
        const struct net_server *b = &net.servers[best == NET_NOBODY ? 0 : best];
        if (s->restart_ms != NET_NEVER && (best == NET_NOBODY || s->epoch > b->epoch ||
                                           (s->epoch == b->epoch && s->zxid >= b->zxid))) {
            best = i;
        }
    }
    return best;
}

/* Everybody starts within 50 ms, channels and messages take up to 20 ms: less than the wait. */
static void fault_free_start(uint32_t voters, uint32_t down, uint64_t seed)
{
    static const struct net_options options = {
        .observers = 1, .delay_min_ms = 0, .delay_max_ms = 20, .dial_ms = 20, .notice_ms = 5};
    struct net_options o = with_voters(&options, voters);
    struct calm_run run = {{0}};
    uint32_t best;
    net_init(&net, &o, seed);
    net.on_decided = all_of_a_round_agree;
    net.ctx = &run;
    for (uint32_t i = 0; i < net.count; i++) {
        int64_t epoch = 1 + net_below(&net, 3);
        net_set_history(&net, i, (epoch << 32) + net_below(&net, 3), epoch);
    }
    for (uint32_t i = 0; i < net.count; i++) {
        if (i >= voters || i < voters - down) {
            net_boot_at(&net, i, net_below(&net, 50));
        }
    }
    best = best_of_those_that_boot();
    assert_true(net_settle(&net, 1000));
    assert_int_equal(net_leader(&net), best);
    assert_int_equal(net.establishments, 1);
    net_run(&net, 100000);
    assert_int_equal(net.establishments, 1);
    assert_int_equal(net.decisions, voters - down + 1);
}

static void without_faults_all_agree_on_the_best_at_the_first_try(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            fault_free_start(sizes[size], 0, seed);
            fault_free_start(sizes[size], 1, seed);
            fault_free_start(sizes[size], sizes[size] / 2, seed);
        }
    }
}

static void a_cold_start_of_all_takes_milliseconds(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        struct net_options options = with_voters(&calm, sizes[size]);
        net_init(&net, &options, 1);
        boot_all();
        assert_true(net_settle(&net, 1000));
        print_message("# %u voters: %d ms, %d messages\n", sizes[size], (int)net.now_ms,
                      (int)net.message_count);
        assert_true(net.now_ms < 15);
        assert_true(net.message_count < 6 * sizes[size] * sizes[size]);
    }
}

/* -- one fault --------------------------------------------------------------------------------- */

static void a_killed_leader_is_replaced_within_10_ms(void **state)
{
    struct net_options options = calm;
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        int64_t longest_ms = 0;
        options.voters = sizes[size];
        for (uint64_t seed = 0; seed < 200; seed++) {
            int64_t killed_ms;
            options.notice_ms = (int64_t)(seed % 4); /* one follower notices before the other */
            open_settled(&options, seed);
            net_run(&net, 5000 + net_below(&net, 1000));
            killed_ms = net.now_ms;
            net_crash(&net, net_leader(&net));
            assert_true(net_settle(&net, killed_ms + 1000));
            longest_ms = net.now_ms - killed_ms > longest_ms ? net.now_ms - killed_ms : longest_ms;
        }
        print_message("# %u voters: at most %d ms\n", sizes[size], (int)longest_ms);
        assert_true(longest_ms < 10);
    }
}

/* ZOOKEEPER-3109: any one server may go at any moment of an election. */
static void whoever_dies_during_an_election_it_ends(void **state)
{
    struct net_options options = {
        .delay_min_ms = 0, .delay_max_ms = 5, .dial_ms = 5, .notice_ms = 3};
    int64_t longest_ms = 0;
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        options.voters = sizes[size];
        for (int64_t moment_ms = 0; moment_ms < 40; moment_ms++) {
            for (uint32_t victim = 0; victim < sizes[size]; victim++) {
                net_init(&net, &options, (uint64_t)moment_ms * 8 + victim);
                boot_all();
                net_run(&net, moment_ms);
                net_crash(&net, victim);
                assert_true(net_settle(&net, 5000));
                longest_ms =
                    net.now_ms - moment_ms > longest_ms ? net.now_ms - moment_ms : longest_ms;
            }
        }
    }
    print_message("# at most %d ms\n", (int)longest_ms);
    assert_true(longest_ms < 1500);
}

static void a_late_joiner_joins_after_any_number_of_epochs(void **state)
{
    struct net_options options = with_voters(&calm, 3);
    (void)state;
    options.observers = 1;
    for (uint32_t epochs = 1; epochs < 8; epochs++) {
        for (uint32_t late = 0; late < 4; late++) {
            uint32_t leader;
            open_settled(&options, epochs);
            net_crash(&net, late);
            assert_true(net_settle(&net, net.now_ms + 2000));
            for (uint32_t i = 1; i < epochs; i++) {
                uint32_t restarted = net_leader(&net);
                net_crash(&net, restarted);
                net_run(&net, net.now_ms + 5);
                net_boot(&net, restarted);
                assert_true(net_settle(&net, net.now_ms + 2000));
                net_propose(&net, true);
            }
            leader = net_leader(&net);
            net_run(&net, net.now_ms + 5000);
            net_boot(&net, late);
            assert_true(net_settle(&net, net.now_ms + 2000));
            assert_int_equal(net_leader(&net), leader);
        }
    }
}

/* One direction of one link loses everything; later it works again. */
static void a_link_that_is_cut_one_way_costs_one_change_of_leader_at_most(void **state)
{
    struct net_options options = with_voters(&calm, 3);
    (void)state;
    for (uint32_t edge = 0; edge < 9; edge++) {
        uint32_t from = edge / 3;
        uint32_t to = edge % 3;
        uint32_t leader;
        if (from == to) {
            continue;
        }
        open_settled(&options, edge);
        net_mute(&net, from, to, true);
        net_run(&net, 300000);
        assert_true(net.establishments <= 2);
        leader = net_leader(&net);
        assert_true(leader != NET_NOBODY);
        net_mute(&net, from, to, false);
        assert_true(net_settle(&net, net.now_ms + 61000));
        assert_int_equal(net_leader(&net), leader);

        net_init(&net, &options, edge); /* and if it is so from the start */
        net_mute(&net, from, to, true);
        boot_all();
        net_run(&net, 5000);
        assert_true(net_leader(&net) != NET_NOBODY);
        net_run(&net, 300000);
        assert_int_equal(net.establishments, 1);
    }
}

/* Two camps that both see the servers of the bridge, and each other not. */
static void camps_with_a_bridge_find_one_leader(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        for (uint64_t seed = 0; seed < 300; seed++) {
            struct net_options options = with_voters(&calm, sizes[size]);
            uint32_t bridge;
            uint32_t leader;
            options.delay_max_ms = 5;
            net_init(&net, &options, seed);
            bridge = (uint32_t)net_below(&net, sizes[size]);
            for (uint32_t a = 0; a < sizes[size]; a++) {
                net_set_history(&net, a, (INT64_C(1) << 32) + net_below(&net, 2), 1);
                for (uint32_t b = 0; b < a; b++) {
                    bool is_bridge = a == bridge || b == bridge;
                    net_cut(&net, a, b, !is_bridge && (a + seed) % 2 != (b + seed) % 2);
                }
            }
            boot_all();
            net_run(&net, 10000);
            leader = net_leader(&net);
            assert_true(leader != NET_NOBODY);
            net_run(&net, 300000);
            assert_int_equal(net_leader(&net), leader);
            net_heal(&net);
            assert_true(net_settle(&net, net.now_ms + 5000));
            assert_int_equal(net_leader(&net), leader);
        }
    }
}

/* -- empty disks ------------------------------------------------------------------------------- */

static uint32_t ones(uint32_t bits)
{
    uint32_t n = 0;
    for (; bits != 0; bits &= bits - 1) {
        n++;
    }
    return n;
}

/* Servers of `wiped` have lost everything, the others have history, the first of them the most.
 * Committed is what a quorum had before: as many as it takes of those that still have something, or
 * with too few of them nobody can know. They boot in the order of this permutation. */
static void open_wiped(uint32_t voters, uint32_t wiped, uint32_t order, uint64_t seed)
{
    struct net_options options = with_voters(&calm, voters);
    bool is_booted[NET_SERVERS_MAX] = {false};
    uint32_t copies = voters / 2 + 1 > ones(wiped) ? voters / 2 + 1 - ones(wiped) : 0;
    options.delay_max_ms = 3;
    options.notice_ms = 2;
    net_init(&net, &options, seed);
    for (uint32_t i = 0; i < voters; i++) {
        if ((wiped >> i & 1) != 0) {
            continue;
        }
        net_set_history(&net, i, (INT64_C(3) << 32) + 10 - i, 3);
        if (copies > 0 || net.committed == 0) {
            net.committed = net.servers[i].zxid;
        }
        copies -= copies > 0;
    }
    for (uint32_t i = 0; i < voters; i++) {
        if ((wiped >> i & 1) != 0) {
            net_wipe(&net, i);
        }
    }
    for (uint32_t left = voters; left > 0; left--) {
        uint32_t place = order % left;
        order /= left;
        for (uint32_t i = 0; i < voters; i++) {
            if (!is_booted[i] && place-- == 0) {
                is_booted[i] = true;
                net_boot(&net, i);
                break;
            }
        }
        net_run(&net, net.now_ms + (seed % 2 == 0 ? 0 : 100 * net_below(&net, 8)));
    }
}

static void wiped_servers_join_where_the_others_are_a_quorum(void **state)
{
    (void)state;
    for (uint32_t voters = 3; voters <= 5; voters += 2) {
        for (uint32_t wiped = 1; wiped < 1u << voters; wiped++) {
            for (uint32_t order = 0; order < (voters == 3 ? 24u : 120u); order++) {
                if (ones(wiped) <= voters / 2) {
                    open_wiped(voters, wiped, voters == 3 ? order / 4 : order, order);
                    assert_true(net_settle(&net, net.now_ms + 2000));
                    assert_true(net.servers[net_leader(&net)].zxid >= net.committed);
                }
            }
        }
    }
}

/* Unavailable by design: what the good ones are missing may have been committed. */
static void more_wiped_servers_elect_nobody_in_whatever_order_they_start(void **state)
{
    (void)state;
    for (uint32_t voters = 3; voters <= 5; voters += 2) {
        for (uint32_t wiped = 1; wiped < (1u << voters) - 1; wiped++) {
            for (uint32_t order = 0; order < (voters == 3 ? 24u : 120u); order++) {
                if (ones(wiped) > voters / 2) {
                    open_wiped(voters, wiped, voters == 3 ? order / 4 : order, order);
                    net_run(&net, 600000);
                    assert_int_equal(net.decisions, 0);
                }
            }
        }
    }
}

static void servers_that_all_have_nothing_elect_one_of_them(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        int64_t longest_ms = 0;
        for (uint32_t order = 0; order < 120; order++) {
            int64_t begin_ms;
            open_wiped(sizes[size], (1u << sizes[size]) - 1, order, order);
            begin_ms = net.now_ms;
            assert_true(net_settle(&net, begin_ms + 2000));
            longest_ms = net.now_ms - begin_ms > longest_ms ? net.now_ms - begin_ms : longest_ms;
        }
        print_message("# %u voters: %d ms after the last one started\n", sizes[size],
                      (int)longest_ms);
    }
}

/* The others' last messages to it are from the first election, when all was empty, and its new
 * channels begin with them. */
static void a_server_wiped_later_does_not_believe_that_all_is_still_empty(void **state)
{
    struct net_options options = with_voters(&calm, 3);
    (void)state;
    for (uint32_t victim = 0; victim < 3; victim++) {
        for (uint64_t seed = 0; seed < 50; seed++) {
            open_settled(&options, seed);
            assert_int_equal(net_leader(&net), 2);
            net_run(&net, 5000);
            net_crash(&net, victim);
            net_wipe(&net, victim);
            net_boot(&net, victim);
            assert_true(net_settle(&net, net.now_ms + 1000));
            assert_true(net.servers[victim].zxid >= net.committed);
        }
    }
}

/* What the one that is down has, the good one may not have. */
static void one_wiped_one_good_and_one_down_elect_nobody(void **state)
{
    struct net_options options = with_voters(&calm, 3);
    (void)state;
    for (uint32_t edge = 0; edge < 9; edge++) {
        uint32_t wiped = edge / 3;
        uint32_t down = edge % 3;
        uint32_t good = 3 - wiped - down;
        if (wiped == down) {
            continue;
        }
        open_settled(&options, edge);
        net_crash(&net, wiped);
        net_wipe(&net, wiped);
        net_crash(&net, down);
        net_run(&net, 8000);
        net.decisions = 0;
        net_boot(&net, wiped);
        net_run(&net, 300000);
        net_crash(&net, good);
        net_boot(&net, good); /* and again, with other channels */
        net_run(&net, 600000);
        assert_int_equal(net.decisions, 0);
        assert_true(net.servers[wiped].e.is_amnesiac);
        net_boot(&net, down);
        assert_true(net_settle(&net, net.now_ms + 2000));
    }
}

/* -- all at once ------------------------------------------------------------------------------- */

static uint32_t anybody(void)
{
    return (uint32_t)net_below(&net, net.count);
}

static void crash_somebody(void)
{
    uint32_t who = anybody();
    uint32_t unsure = 0;
    if (!net.servers[who].is_up) {
        return;
    }
    net_crash(&net, who);
    for (uint32_t i = 0; i < net.options.voters; i++) {
        unsure += net.servers[i].is_amnesiac && i != who;
    }
    /* As many as may be wiped without losing what was committed. */
    if (net_below(&net, 4) == 0 && who < net.options.voters && unsure < net.options.voters / 2) {
        bool is_only_copy = false;
        for (uint32_t i = 0, have = 0; i < net.options.voters; i++) {
            have += i != who && !net.servers[i].is_amnesiac && net.servers[i].zxid >= net.committed;
            is_only_copy = have == 0;
        }
        if (!is_only_copy) {
            net_wipe(&net, who);
        }
    }
    net_boot_at(&net, who, net.now_ms + net_below(&net, 800));
}

static void do_something(void)
{
    uint32_t a = anybody();
    uint32_t b = (a + 1 + (uint32_t)net_below(&net, net.count - 1)) % net.count;
    switch (net_below(&net, 8)) {
    case 0:
    case 1:
        crash_somebody();
        break;
    case 2:
        net_cut(&net, a, b, true);
        break;
    case 3:
    case 4:
        net_cut(&net, a, b, false);
        break;
    case 5:
        net_mute(&net, a, b, net_below(&net, 2) == 0);
        break;
    default:
        net_propose(&net, net_below(&net, 2) == 0);
        break;
    }
}

static void faults(uint32_t voters, uint64_t seed)
{
    struct net_options options = {.voters = voters};
    int64_t healed_ms;
    net_init(&net, &options, seed * 8 + voters);
    net.options.observers = (uint32_t)net_below(&net, 2);
    net.count += net.options.observers;
    net.options.delay_max_ms = net_below(&net, net_below(&net, 4) == 0 ? 400 : 20);
    net.options.dial_ms = net_below(&net, 50);
    net.options.notice_ms = net_below(&net, 30);
    net.options.lost_per_1000 = (uint32_t)net_below(&net, net_below(&net, 2) == 0 ? 200 : 1);
    for (uint32_t i = 0; i < net.count; i++) {
        net_boot_at(&net, i, net_below(&net, 300));
    }
    net_run(&net, 300);
    while (net.now_ms < 6000) {
        net_run(&net, net.now_ms + 1 + net_below(&net, 200));
        do_something();
    }
    net_heal(&net);
    healed_ms = net.now_ms;
    if (!net_settle(&net, healed_ms + 70000)) {
        fail_msg("%u voters, seed %d: no leader that all follow", voters, (int)seed);
    }
    net_propose(&net, true);
    net_run(&net, net.now_ms + 100000);
    assert_true(net_is_settled(&net));
}

static void under_any_faults_nothing_is_lost_and_then_all_follow_one(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < 3; size++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            faults(sizes[size], seed);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_all_agree_on_the_best_at_the_first_try),
        cmocka_unit_test(a_cold_start_of_all_takes_milliseconds),
        cmocka_unit_test(a_killed_leader_is_replaced_within_10_ms),
        cmocka_unit_test(whoever_dies_during_an_election_it_ends),
        cmocka_unit_test(a_late_joiner_joins_after_any_number_of_epochs),
        cmocka_unit_test(a_link_that_is_cut_one_way_costs_one_change_of_leader_at_most),
        cmocka_unit_test(camps_with_a_bridge_find_one_leader),
        cmocka_unit_test(wiped_servers_join_where_the_others_are_a_quorum),
        cmocka_unit_test(more_wiped_servers_elect_nobody_in_whatever_order_they_start),
        cmocka_unit_test(servers_that_all_have_nothing_elect_one_of_them),
        cmocka_unit_test(a_server_wiped_later_does_not_believe_that_all_is_still_empty),
        cmocka_unit_test(one_wiped_one_good_and_one_down_elect_nobody),
        cmocka_unit_test(under_any_faults_nothing_is_lost_and_then_all_follow_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
