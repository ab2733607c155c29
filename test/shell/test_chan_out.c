/* Output to other servers: one write for many sends, no copy while the kernel takes it, a bound,
 * marks. */
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

static struct rk_shell_stats stats(void)
{
    struct rk_shell_stats s;
    rk_shell_stats(r.shell, &s);
    return s;
}

static void sends_of_a_turn_arrive_in_order(void **state)
{
    (void)state;
    static uint8_t in[2000 * 4];
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 0);
    for (int32_t i = 0; i < 2000; i++) {
        uint8_t number[4];
        rk_store_i32(number, i);
        peer_send(&r, OUT(1), number, 4);
        peer_ask(&r, RK_FX_CHAN_PAUSE, OUT(1)); /* or they would be one effect */
    }
    peer_go(&r);
    assert_int_equal(stats().peer_queue_bytes, 0);
    assert_int_equal(rig_recv(&r, fd, in, sizeof(in), 2000), sizeof(in));
    for (int32_t i = 0; i < 2000; i++) {
        assert_int_equal(rk_load_i32(in + i * 4), i);
    }
    close(fd);
    rig_close(&r);
}

static void one_send_to_many_is_not_copied_while_the_kernel_takes_it(void **state)
{
    (void)state;
    static uint8_t out[100000];
    static uint8_t in[sizeof(out)];
    const rk_chan_id chans[] = {OUT(1), OUT(2), OUT(3), OUT(77)}; /* the last one never was */
    int fds[3];
    peer_open(&r, &config);
    for (uint32_t i = 0; i < 3; i++) {
        fds[i] = peer_dialed(&r, chans[i], 0);
    }
    memset(out, 7, sizeof(out));
    size_t held = r.mem.used_bytes;
    peer_send_many(&r, chans, 4, out, sizeof(out));
    assert_true(r.shell->fx.bytes.len < 2 * sizeof(out)); /* once, whoever gets it */
    peer_go(&r);
    assert_int_equal(stats().peer_queue_bytes, 0);
    assert_true(r.mem.used_bytes < held + 3 * sizeof(out)); /* the effects' own buffer grew */
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(rig_recv(&r, fds[i], in, sizeof(in), 2000), sizeof(in));
        assert_memory_equal(in, out, sizeof(out));
        close(fds[i]);
    }
    rig_close(&r);
}

static void who_does_not_read_is_closed_at_the_bound_and_nobody_else(void **state)
{
    (void)state;
    static uint8_t out[256u << 10];
    const rk_chan_id chans[] = {OUT(1), OUT(2)};
    config.peer_queue_bytes = 4u << 20;
    peer_open(&r, &config);
    int stalled = peer_dialed(&r, OUT(1), 4096);
    int reading = peer_dialed(&r, OUT(2), 0);
    uint32_t rounds = 0;
    uint64_t most = 0;
    while (fake_count(r.core, RK_EV_CHAN_CLOSED, 0) == 0 && rounds < 200) {
        peer_send_many(&r, chans, 2, out, sizeof(out));
        peer_go(&r);
        rig_turn_once(&r);
        most = stats().peer_queue_bytes > most ? stats().peer_queue_bytes : most;
        assert_int_equal(rig_recv(&r, reading, out, sizeof(out), 2000), sizeof(out));
        rounds++;
    }
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, OUT(1)), 1);
    assert_string_equal(fake_last(r.core, RK_EV_CHAN_CLOSED, 0)->text, "too much is unsent");
    assert_true(rig_has_logged(&r, "another server does not take what is sent to it"));
    assert_true(rounds >= 16);
    assert_in_range(most, 3u << 20, 5u << 20);
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, OUT(2)), 0);
    assert_int_equal(stats().peer_queue_bytes, 0);
    close(stalled);
    close(reading);
    rig_close(&r);
}

static void a_message_over_the_bound_closes_the_channel(void **state)
{
    (void)state;
    static uint8_t out[16u << 20];
    config.peer_queue_bytes = 1u << 20;
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 4096);
    peer_send(&r, OUT(1), out, sizeof(out));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(1), 1, 1000));
    close(fd);
    rig_close(&r);
}

/* -- marks ------------------------------------------------------------------------------------ */

static void a_mark_with_nothing_unsent_is_answered_later_but_soon(void **state)
{
    (void)state;
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 0);
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_send(&r, OUT(1), "abc", 3);
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_go(&r);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, 0), 0); /* not from within */
    rig_turn_once(&r);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, OUT(1)), 2); /* one for each */
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, OUT(1)), 2);
    close(fd);
    rig_close(&r);
}

static void a_mark_waits_until_little_is_unsent(void **state)
{
    (void)state;
    static uint8_t out[12u << 20];
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 4096);
    peer_send(&r, OUT(1), out, sizeof(out));
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_send(&r, OUT(1), out, 1000); /* does not count */
    peer_go(&r);
    rig_turn(&r, 100);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, 0), 0);
    size_t got = 0;
    while (fake_count(r.core, RK_EV_CHAN_FLUSHED, 0) == 0) {
        assert_true(got < sizeof(out));
        got += rig_recv(&r, fd, out, 100000, 1000);
    }
    assert_true(got > 4u << 20); /* the kernel's buffers hold the rest */
    assert_true(stats().peer_queue_bytes <= 600u << 10);
    assert_int_equal(rig_recv(&r, fd, out, sizeof(out) + 1000 - got, 5000),
                     sizeof(out) + 1000 - got);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, 0), 1);
    close(fd);
    rig_close(&r);
}

/* A snapshot as the core sends one: a slice for each answer. */
static void next_slice(struct rk_core *c, const struct rk_event *e, struct rk_effects *fx)
{
    static const uint8_t slice[100000];
    uint32_t *left = c->ctx;
    if (e->kind == RK_EV_CHAN_FLUSHED && *left > 0) {
        (*left)--;
        rk_fx_chan_send(fx, e->u.chan.chan, rk_bytes_of(slice, sizeof(slice)));
        rk_fx_chan(fx, RK_FX_CHAN_MARK, e->u.chan.chan);
    }
}

static void marks_pace_a_long_stream(void **state)
{
    (void)state;
    static uint8_t in[100000];
    uint32_t left = 300;
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 65536);
    r.core->on_event = next_slice;
    r.core->ctx = &left;
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_go(&r);
    uint64_t most = 0;
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(rig_recv(&r, fd, in, sizeof(in), 5000), sizeof(in));
        most = stats().peer_queue_bytes > most ? stats().peer_queue_bytes : most;
    }
    rig_turn(&r, 10);
    assert_int_equal(left, 0);
    assert_true(most < 1u << 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, 0), 301);
    close(fd);
    rig_close(&r);
}

/* ... over a fast link a turn still ends: one answer per turn. */
static void marks_do_not_hold_a_turn(void **state)
{
    (void)state;
    uint32_t left = 300;
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 0);
    r.core->on_event = next_slice;
    r.core->ctx = &left;
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_go(&r);
    rig_turn_once(&r);
    assert_int_equal(left, 299);
    rig_turn_once(&r);
    assert_int_equal(left, 298);
    close(fd);
    rig_close(&r);
}

/* -- failures --------------------------------------------------------------------------------- */

static void a_reset_while_sending_closes(void **state)
{
    (void)state;
    static uint8_t out[12u << 20];
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    peer_open(&r, &config);
    int fd = peer_dialed(&r, OUT(1), 4096);
    peer_send(&r, OUT(1), out, sizeof(out));
    peer_ask(&r, RK_FX_CHAN_MARK, OUT(1));
    peer_go(&r);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    assert_true(peer_wait(&r, RK_EV_CHAN_CLOSED, OUT(1), 1, 5000));
    rig_turn(&r, 20);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_CLOSED, OUT(1)), 1);
    assert_int_equal(fake_count(r.core, RK_EV_CHAN_FLUSHED, 0), 0);
    assert_int_equal(stats().peer_queue_bytes, 0);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sends_of_a_turn_arrive_in_order, setup),
        cmocka_unit_test_setup(one_send_to_many_is_not_copied_while_the_kernel_takes_it, setup),
        cmocka_unit_test_setup(who_does_not_read_is_closed_at_the_bound_and_nobody_else, setup),
        cmocka_unit_test_setup(a_message_over_the_bound_closes_the_channel, setup),
        cmocka_unit_test_setup(a_mark_with_nothing_unsent_is_answered_later_but_soon, setup),
        cmocka_unit_test_setup(a_mark_waits_until_little_is_unsent, setup),
        cmocka_unit_test_setup(marks_pace_a_long_stream, setup),
        cmocka_unit_test_setup(marks_do_not_hold_a_turn, setup),
        cmocka_unit_test_setup(a_reset_while_sending_closes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
