/* Channels from other servers: accepted, read, held back, closed; what the core hears of them. */
#include "support/cmocka_all.h"

#include <errno.h>
#include <signal.h>
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

/* -- accepting -------------------------------------------------------------------------------- */

static void both_ports_accept_and_say_who_came(void **state)
{
    (void)state;
    peer_open(&r, &config);
    int election = peer_connect(&r, RK_PORT_ELECTION, 0);
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, 1, 5000));
    int quorum = peer_connect(&r, RK_PORT_QUORUM, 0);
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, 2, 5000));
    const struct fake_event *first = &r.core->events[0];
    const struct fake_event *second = &r.core->events[1];
    assert_int_equal(first->port, RK_PORT_ELECTION);
    assert_int_equal(second->port, RK_PORT_QUORUM);
    assert_string_equal(first->text, "127.0.0.1");
    assert_string_equal(second->text, "127.0.0.1");
    assert_true(first->chan != 0 && first->chan != second->chan);
    assert_int_equal((first->chan | second->chan) & RK_CHAN_DIALED, 0);
    close(election);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, first->chan, 1, 5000));
    assert_string_equal(fake_last(r.core, RK_EV_CHAN_CLOSED, 0)->text, "closed by the other side");
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, second->chan), 0);
    close(quorum);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, second->chan, 1, 5000));
    rig_close(&r);
}

static rk_chan_id accepted(int *ret_fd)
{
    uint32_t before = fake_count(r.core, RK_EV_CHAN_ACCEPTED, 0);
    *ret_fd = peer_connect(&r, RK_PORT_ELECTION, 0);
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, before + 1, 5000));
    return fake_last(r.core, RK_EV_CHAN_ACCEPTED, 0)->chan;
}

static void what_is_over_the_limit_is_refused_with_a_line(void **state)
{
    (void)state;
    int fds[4];
    char byte;
    config.peer_accepted_max = 3;
    peer_open(&r, &config);
    for (int i = 0; i < 4; i++) {
        fds[i] = peer_connect(&r, RK_PORT_ELECTION, 0);
    }
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_ACCEPTED, 0), 3);
    assert_int_equal(recv(fds[3], &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_true(rig_has_logged(&r, "too many channels on the election port"));
    int quorum = peer_connect(&r, RK_PORT_QUORUM, 0); /* the ports have a limit each */
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, 4, 5000));
    close(fds[0]);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 1, 5000));
    int again = peer_connect(&r, RK_PORT_ELECTION, 0);
    assert_true(peer_wait(&r, RK_EV_CHAN_ACCEPTED, 0, 5, 5000));
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 1);
    for (int i = 1; i < 4; i++) {
        close(fds[i]);
    }
    close(quorum);
    close(again);
    rig_close(&r);
}

/* -- reading ---------------------------------------------------------------------------------- */

static void echo(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    (void)c;
    if (e->kind == RK_EV_CHAN_BYTES) {
        rk_fx_chan_send(fx, e->u.chan.chan, e->u.chan.bytes);
    }
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 31 + i / 251);
}

static void bytes_go_in_and_come_back_whole(void **state)
{
    (void)state;
    static uint8_t out[4u << 20];
    static uint8_t in[sizeof(out)];
    int fd;
    peer_open(&r, &config);
    r.core->on_event = echo;
    rk_chan_id chan = accepted(&fd);
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = pattern(i);
    }
    size_t sent = 0;
    size_t got = 0;
    while (got < sizeof(in)) {
        ssize_t n = sent < sizeof(out) ? send(fd, out + sent, sizeof(out) - sent, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? (size_t)n : 0;
        rig_turn_once(&r);
        n = recv(fd, in + got, sizeof(in) - got, 0);
        got += n > 0 ? (size_t)n : 0;
    }
    assert_memory_equal(in, out, sizeof(out));
    assert_int_equal(fake_input(r.core, chan)->total, sizeof(out));
    close(fd);
    rig_close(&r);
}

static void pause_at_the_first_bytes(struct rk_core *c, const struct rk_event *e,
                                     struct rk_effects *fx)
{
    if (e->kind == RK_EV_CHAN_BYTES && fake_input(c, e->u.chan.chan)->events == 1) {
        rk_fx_chan(fx, RK_FX_CHAN_PAUSE, e->u.chan.chan);
    }
}

/* Not even what libuv would still read in the same turn. */
static void nothing_comes_while_paused(void **state)
{
    (void)state;
    static uint8_t out[1u << 20];
    int fd;
    peer_open(&r, &config);
    r.core->on_event = pause_at_the_first_bytes;
    rk_chan_id chan = accepted(&fd);
    int size = 4 << 20;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    size_t sent = 0;
    while (sent < 400000) { /* before the shell looks: several reads are there at once */
        ssize_t n = send(fd, out, sizeof(out), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
    }
    rig_turn(&r, 50);
    struct fake_input *in = fake_input(r.core, chan);
    assert_int_equal(in->events, 1);
    assert_true(in->total <= RK_READ_BYTES);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 0);
    peer_ask(&r, RK_FX_CHAN_RESUME, chan);
    peer_go(&r);
    assert_true(peer_wait_input(&r, chan, sent, 5000));
    close(fd);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, chan, 1, 5000));
    assert_int_equal(in->total, sent);
    rig_close(&r);
}

/* One channel that sends without end gets its share of a turn, not all of it. */
static void one_channel_does_not_take_a_turn_for_itself(void **state)
{
    (void)state;
    static uint8_t out[1u << 20];
    int fd;
    peer_open(&r, &config);
    rk_chan_id chan = accepted(&fd);
    int size = 4 << 20;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    ssize_t n = send(fd, out, sizeof(out), MSG_NOSIGNAL);
    assert_true(n > 400000);
    rig_turn_once(&r);
    assert_in_range(fake_input(r.core, chan)->total, 1, 4 * RK_READ_BYTES);
    assert_true(peer_wait_input(&r, chan, (uint64_t)n, 5000));
    close(fd);
    rig_close(&r);
}

/* -- closing ---------------------------------------------------------------------------------- */

static void what_was_sent_before_a_close_arrives(void **state)
{
    (void)state;
    static uint8_t out[3u << 20];
    static uint8_t in[sizeof(out) + 1];
    int fd;
    peer_open(&r, &config);
    rk_chan_id chan = accepted(&fd);
    /* Unread input on our side would make the kernel reset the connection. */
    assert_int_equal(send(fd, "late", 4, MSG_NOSIGNAL), 4);
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = pattern(i);
    }
    peer_send(&r, chan, out, sizeof(out));
    peer_ask(&r, RK_FX_CHAN_CLOSE, chan);
    peer_send(&r, chan, "never", 5);
    peer_go(&r);
    size_t got = rig_recv(&r, fd, in, sizeof(in), 900);
    assert_int_equal(got, sizeof(out));
    assert_memory_equal(in, out, sizeof(out));
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, chan), 0); /* waits for our end */
    close(fd);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, chan, 1, 500));
    assert_string_equal(fake_last(r.core, RK_EV_CHAN_CLOSED, chan)->text,
                        "closed by the other side");
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, chan), 1);
    assert_int_equal(fake_input(r.core, chan)->total, 0); /* thrown away */
    rig_close(&r);
}

static void a_close_waits_a_second_at_most(void **state)
{
    (void)state;
    static uint8_t out[16u << 20];
    int fd;
    peer_open(&r, &config);
    rk_chan_id chan = accepted(&fd);
    peer_send(&r, chan, out, sizeof(out)); /* never read */
    peer_ask(&r, RK_FX_CHAN_CLOSE, chan);
    int64_t began_ms = peer_now_ms();
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, chan, 1, 5000));
    assert_in_range(peer_now_ms() - began_ms, 900, 2500);
    assert_string_equal(fake_last(r.core, RK_EV_CHAN_CLOSED, chan)->text, "closed");
    close(fd);
    rig_close(&r);
}

static void a_channel_without_output_closes_at_once(void **state)
{
    (void)state;
    int fd;
    peer_open(&r, &config);
    rk_chan_id chan = accepted(&fd);
    peer_ask(&r, RK_FX_CHAN_CLOSE, chan);
    peer_ask(&r, RK_FX_CHAN_CLOSE, chan); /* twice is once */
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, chan, 1, 200));
    peer_ask(&r, RK_FX_CHAN_CLOSE, chan); /* nor does anything hurt that comes late */
    peer_ask(&r, RK_FX_CHAN_PAUSE, chan);
    peer_ask(&r, RK_FX_CHAN_MARK, chan);
    peer_send(&r, chan, "x", 1);
    peer_go(&r);
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, chan), 1);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, chan), 0);
    close(fd);
    rig_close(&r);
}

/* -- order ------------------------------------------------------------------------------------ */

struct watcher {
    rk_chan_id closed[64];
    uint32_t closed_count;
    uint32_t depth;
    uint32_t violations;
};

/* Nothing comes after CLOSED, and no step within a step. */
static void watch(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    struct watcher *w = c->ctx;
    (void)fx;
    if (e->kind < RK_EV_CHAN_ACCEPTED || e->kind > RK_EV_CHAN_CLOSED) {
        return;
    }
    for (uint32_t i = 0; i < w->closed_count; i++) {
        w->violations += w->closed[i] == e->u.chan.chan ? 1 : 0;
    }
    if (e->kind == RK_EV_CHAN_CLOSED && w->closed_count < 64) {
        w->closed[w->closed_count] = e->u.chan.chan;
        w->closed_count++;
    }
    if (e->kind == RK_EV_CHAN_BYTES) {
        rk_fx_chan_send(fx, e->u.chan.chan, rk_bytes_str("answer"));
        rk_fx_chan(fx, RK_FX_CHAN_MARK, e->u.chan.chan);
        if (e->u.chan.bytes.data[0] == 'q') {
            rk_fx_chan(fx, RK_FX_CHAN_CLOSE, e->u.chan.chan);
        }
    }
}

static void closed_is_the_last_event_of_every_channel(void **state)
{
    (void)state;
    struct watcher w = {.depth = 0};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    peer_open(&r, &config);
    r.core->on_event = watch;
    r.core->ctx = &w;
    for (uint32_t i = 0; i < 48; i++) {
        int fd;
        (void)accepted(&fd);
        /* They end by us, by the other side, by a reset, in all mixtures with data. */
        assert_int_equal(send(fd, i % 3 == 0 ? "q" : "x", 1, MSG_NOSIGNAL), 1);
        if (i % 2 == 0) {
            rig_turn_once(&r);
        }
        if (i % 4 < 2) {
            assert_int_equal(send(fd, "more", 4, MSG_NOSIGNAL), 4);
        }
        if (i % 5 == 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        close(fd);
    }
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, 0, 48, 5000));
    rig_turn(&r, 50);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, 0), 48);
    assert_int_equal(w.violations, 0);
    rig_close(&r);
}

/* -- stopping --------------------------------------------------------------------------------- */

static void a_stop_lets_the_core_hand_over_first(void **state)
{
    (void)state;
    int fd;
    char text[8] = "";
    peer_open(&r, &config);
    r.core->is_drained = false;
    r.core->on_event = echo;
    rk_chan_id chan = accepted(&fd);
    assert_int_equal(raise(SIGTERM), 0);
    assert_true(peer_wait(&r, RK_EV_SHUTDOWN, 0, 1, 5000));
    /* Channels live on, and new ones come. */
    assert_int_equal(send(fd, "one", 3, MSG_NOSIGNAL), 3);
    assert_int_equal(rig_recv(&r, fd, text, 3, 1000), 3);
    int second;
    (void)accepted(&second);
    assert_int_equal(r.shell->stop_phase, RK_STOP_DRAINING);
    peer_send(&r, chan, "last", 4);
    r.core->is_drained = true;
    peer_go(&r);
    assert_int_equal(r.shell->stop_phase, RK_STOP_FLUSHING);
    assert_int_equal(rig_recv(&r, fd, text, 4, 1000), 4);
    assert_memory_equal(text, "last", 4);
    close(fd);
    close(second);
    int64_t until = peer_now_ms() + 2000;
    while (r.shell->stop_phase != RK_STOP_DONE && peer_now_ms() < until) {
        rig_turn_once(&r);
    }
    assert_int_equal(r.shell->stop_phase, RK_STOP_DONE);
    rig_close(&r);
}

static void sigusr2_asks_for_another_leader(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_int_equal(raise(SIGUSR2), 0);
    assert_true(peer_wait(&r, RK_EV_HAND_OVER, 0, 1, 5000));
    assert_true(rig_has_logged(&r, "SIGUSR2"));
    rig_close(&r);
    config.has_ensemble = false;
    peer_open(&r, &config);
    assert_int_equal(raise(SIGUSR2), 0);
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_HAND_OVER, 0), 0);
    assert_true(rig_has_logged(&r, "SIGUSR2 ignored"));
    rig_close(&r);
}

static void the_end_takes_open_channels_with_it(void **state)
{
    (void)state;
    static uint8_t out[8u << 20];
    int fd[3];
    peer_open(&r, &config);
    rk_chan_id stalled = accepted(&fd[0]);
    rk_chan_id flushing = accepted(&fd[1]);
    (void)accepted(&fd[2]);
    peer_send(&r, stalled, out, sizeof(out));
    peer_send(&r, flushing, out, sizeof(out));
    peer_ask(&r, RK_FX_CHAN_CLOSE, flushing);
    peer_dial(&r, OUT(1), "127.0.0.1", peer_closed_port(), 5000);
    peer_go(&r);
    rig_close(&r); /* which looks for memory that is left */
    for (int i = 0; i < 3; i++) {
        close(fd[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_ports_accept_and_say_who_came, setup),
        cmocka_unit_test_setup(what_is_over_the_limit_is_refused_with_a_line, setup),
        cmocka_unit_test_setup(bytes_go_in_and_come_back_whole, setup),
        cmocka_unit_test_setup(nothing_comes_while_paused, setup),
        cmocka_unit_test_setup(one_channel_does_not_take_a_turn_for_itself, setup),
        cmocka_unit_test_setup(what_was_sent_before_a_close_arrives, setup),
        cmocka_unit_test_setup(a_close_waits_a_second_at_most, setup),
        cmocka_unit_test_setup(a_channel_without_output_closes_at_once, setup),
        cmocka_unit_test_setup(closed_is_the_last_event_of_every_channel, setup),
        cmocka_unit_test_setup(a_stop_lets_the_core_hand_over_first, setup),
        cmocka_unit_test_setup(sigusr2_asks_for_another_leader, setup),
        cmocka_unit_test_setup(the_end_takes_open_channels_with_it, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
