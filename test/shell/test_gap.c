/* Who hears what first after a standstill, and what clients may take of a turn. */
#include "support/cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/peer_rig.h"

static struct rig r;
static struct rk_shell_config config;

static int setup(void **state)
{
    (void)state;
    peer_config(&config);
    return 0;
}

/* -- standing still --------------------------------------------------------------------------- */

/* In order, with BYTES, which fake_core does not record as events. */
static struct {
    enum rk_event_kind kind;
    bool is_late;
    int64_t now_ms;
} seen[64];
static uint32_t seen_count;

static void see(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    (void)fx;
    assert_true(seen_count < 64);
    seen[seen_count].kind = e->kind;
    seen[seen_count].is_late = e->kind == RK_EV_TICK && e->u.tick.is_late;
    seen[seen_count].now_ms = e->now_ms;
    seen_count++;
    c->due_ms = e->kind == RK_EV_TICK && !e->u.tick.is_late ? INT64_MAX : e->now_ms + 100;
}

/* A client and another server send while the process stands still over a due tick. */
static void stand_still(int client, int server)
{
    uint8_t frame[64];
    r.core->on_event = see;
    rig_send(server, "x", 1);
    rig_turn(&r, 50);
    seen_count = 0;
    rig_send(client, frame, put_ping(frame));
    rig_send(server, "y", 1);
    (void)usleep(800000);
    rig_turn(&r, 150);
}

static void a_leader_hears_the_time_before_anything_else(void **state)
{
    (void)state;
    peer_open(&r, &config);
    r.core->report.state = RK_PEER_LEADING;
    int client = rig_connect(&r, 0);
    int server = peer_connect(&r, RK_PORT_QUORUM, 0);
    rig_turn(&r, 50);
    int64_t began_ms = peer_now_ms();
    stand_still(client, server);
    assert_int_equal(seen[0].kind, RK_EV_TICK);
    assert_true(seen[0].is_late);
    assert_true(seen[0].now_ms >= began_ms + 790); /* the true time */
    bool has_frame = false;
    bool has_bytes = false;
    uint32_t i = 1;
    for (; i < seen_count && seen[i].kind != RK_EV_TICK; i++) {
        has_frame = has_frame || seen[i].kind == RK_EV_FRAME;
        has_bytes = has_bytes || seen[i].kind == RK_EV_CHAN_BYTES;
    }
    assert_true(has_frame && has_bytes); /* and sessions wait for what was sent meanwhile */
    assert_true(i < seen_count);
    assert_false(seen[i].is_late);
    close(client);
    close(server);
    rig_close(&r);
}

static void everybody_else_reads_first(void **state)
{
    (void)state;
    static const enum rk_peer_state states[] = {RK_PEER_LOOKING, RK_PEER_FOLLOWING,
                                                RK_PEER_OBSERVING};
    for (size_t k = 0; k < sizeof(states) / sizeof(states[0]); k++) {
        peer_open(&r, &config);
        r.core->report.state = states[k];
        int client = rig_connect(&r, 0);
        int server = peer_connect(&r, RK_PORT_QUORUM, 0);
        rig_turn(&r, 50);
        stand_still(client, server);
        assert_true(seen_count >= 3);
        uint32_t i = 0;
        for (; i < seen_count && seen[i].kind != RK_EV_TICK; i++) {
            assert_true(seen[i].kind == RK_EV_FRAME || seen[i].kind == RK_EV_CHAN_BYTES);
        }
        assert_int_equal(i, 2);
        assert_true(i < seen_count);
        assert_false(seen[i].is_late);
        close(client);
        close(server);
        rig_close(&r);
    }
}

static void see_and_be_late(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    see(c, e, fx);
    c->due_ms = e->kind == RK_EV_TICK ? INT64_MAX : e->now_ms - 200;
}

/* The process was stopped while it waited, and the wait ended with the first socket alone. */
static void a_tick_waits_until_all_sockets_were_looked_at(void **state)
{
    (void)state;
    uint8_t frame[64];
    peer_open(&r, &config);
    r.core->report.state = RK_PEER_FOLLOWING;
    int client = rig_connect(&r, 0);
    int server = peer_connect(&r, RK_PORT_QUORUM, 0);
    rig_turn(&r, 50);
    r.core->on_event = see_and_be_late;
    (void)usleep(800000);
    seen_count = 0;
    rig_send(server, "y", 1);
    rig_turn_once(&r);
    rig_send(client, frame, put_ping(frame));
    rig_turn(&r, 50);
    assert_int_equal(seen_count, 3);
    assert_int_equal(seen[0].kind, RK_EV_CHAN_BYTES);
    assert_int_equal(seen[1].kind, RK_EV_FRAME);
    assert_int_equal(seen[2].kind, RK_EV_TICK);
    close(client);
    close(server);
    rig_close(&r);
}

/* libuv's clock does not go on while the machine is suspended; the others' clocks do. */
static void a_suspended_machine_counts_as_standing_still(void **state)
{
    (void)state;
    peer_open(&r, &config);
    r.core->report.state = RK_PEER_LEADING;
    int server = peer_connect(&r, RK_PORT_QUORUM, 0);
    rig_turn(&r, 50);
    r.core->on_event = see;
    rig_send(server, "x", 1);
    rig_turn(&r, 50);
    int64_t before_ms = seen[seen_count - 1].now_ms;
    seen_count = 0;
    rig_send(server, "y", 1);
    r.shell->asleep_base_ms -= 60000; /* as if it had been asleep since */
    rig_turn(&r, 50);
    assert_true(seen_count >= 2);
    assert_int_equal(seen[0].kind, RK_EV_TICK);
    assert_true(seen[0].is_late);
    assert_in_range(seen[0].now_ms - before_ms, 60000, 61000);
    assert_int_equal(seen[1].kind, RK_EV_CHAN_BYTES);
    assert_int_equal(seen[1].now_ms, seen[0].now_ms);
    close(server);
    rig_close(&r);
}

static void a_standalone_server_does_not_age_while_suspended(void **state)
{
    (void)state;
    config.has_ensemble = false;
    peer_open(&r, &config);
    int client = rig_connect(&r, 0);
    uint8_t frame[64];
    r.core->on_event = see;
    seen_count = 0;
    rig_turn(&r, 50);
    int64_t before_ms = seen[0].now_ms;
    r.shell->asleep_base_ms -= 60000;
    rig_send(client, frame, put_ping(frame));
    rig_turn(&r, 50);
    assert_in_range(seen[seen_count - 1].now_ms - before_ms, 0, 5000);
    close(client);
    rig_close(&r);
}

/* -- shares ----------------------------------------------------------------------------------- */

#define CLIENTS 120u

static struct {
    rk_conn_id conns[CLIENTS];
    uint32_t frames[CLIENTS];
    uint32_t count;

} load;

/* Each frame costs a millisecond. */
static void toil(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    (void)c;
    (void)fx;
    if (e->kind == RK_EV_FRAME) {
        uint32_t i = 0;
        while (i < load.count && load.conns[i] != e->conn) {
            i++;
        }
        assert_true(i < CLIENTS);
        load.conns[i] = e->conn;
        load.count += i == load.count ? 1 : 0;
        load.frames[i]++;
        (void)usleep(1000);
    }
}

static void clients_together_get_a_share_of_a_turn(void **state)
{
    (void)state;
    int clients[CLIENTS];
    uint8_t frame[64];
    memset(&load, 0, sizeof(load));
    peer_open(&r, &config);
    size_t len = put_ping(frame);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = rig_connect(&r, 0);
    }
    rig_turn(&r, 50);
    r.core->on_event = toil;
    for (uint32_t round = 0; round < 6; round++) {
        for (uint32_t i = 0; i < CLIENTS; i++) {
            rig_send(clients[i], frame, len);
        }
        if (round % 2 == 0) {
            continue; /* some have more to say in one read than others in two */
        }
        uint32_t turns = 0;
        uint32_t total = 0;
        while (total < (round + 1) * CLIENTS) {
            int64_t began_ms = peer_now_ms();
            rig_turn_once(&r);
            assert_in_range(peer_now_ms() - began_ms, 0, 300); /* far below 120 or 240 ms each */
            turns++;
            assert_true(turns < 200);
            total = 0;
            for (uint32_t i = 0; i < load.count; i++) {
                total += load.frames[i];
            }
        }
        assert_true(turns >= 5);
    }
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(load.frames[i], 6);
        close(clients[i]);
    }
    rig_close(&r);
}

/* Nobody is read twice before everybody who sends was read once, in whichever order epoll names
 * them. */
static void no_client_is_left_out(void **state)
{
    (void)state;
    int clients[CLIENTS];
    uint32_t sent[CLIENTS] = {0};
    uint8_t frame[64];
    memset(&load, 0, sizeof(load));
    peer_open(&r, &config);
    size_t len = put_ping(frame);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = rig_connect(&r, 0);
        rig_turn(&r, 1);
        load.conns[i] = fake_last(r.core, RK_EV_CONN_OPEN, 0)->conn;
    }
    load.count = CLIENTS;
    r.core->on_event = toil;
    for (uint32_t turn = 0; turn < 60; turn++) {
        for (uint32_t i = 0; i < CLIENTS; i++) {
            if (sent[i] == load.frames[i]) { /* there is always exactly one to be read */
                rig_send(clients[i], frame, len);
                sent[i]++;
            }
        }
        rig_turn_once(&r);
        uint32_t least = UINT32_MAX;
        uint32_t most = 0;
        for (uint32_t i = 0; i < CLIENTS; i++) {
            least = load.frames[i] < least ? load.frames[i] : least;
            most = load.frames[i] > most ? load.frames[i] : most;
        }
        assert_true(most <= least + 1);
    }
    assert_true(load.frames[0] >= 2);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_leader_hears_the_time_before_anything_else, setup),
        cmocka_unit_test_setup(everybody_else_reads_first, setup),
        cmocka_unit_test_setup(a_tick_waits_until_all_sockets_were_looked_at, setup),
        cmocka_unit_test_setup(a_suspended_machine_counts_as_standing_still, setup),
        cmocka_unit_test_setup(a_standalone_server_does_not_age_while_suspended, setup),
        cmocka_unit_test_setup(clients_together_get_a_share_of_a_turn, setup),
        cmocka_unit_test_setup(no_client_is_left_out, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
