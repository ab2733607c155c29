/* What clients do not read: order and content when they read late, and every bound when they do
 * not. */
#include "support/cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "shell/rig.h"

#define DATA_BYTES  100000u
#define REPLY_BYTES (4u + 16u + 4u + DATA_BYTES + 68u)
#define SLOWS       8u
#define MODEST      3u /* of them */

static uint8_t big[1 << 20];

static struct rk_shell_stats stats_of(const struct rig *r)
{
    struct rk_shell_stats stats;
    rk_shell_stats(r->shell, &stats);
    return stats;
}

static void make_node(struct rig *r)
{
    int fd = rig_session(r, 0);
    size_t len = put_create(big, 1, "/data", DATA_BYTES);
    rig_send(fd, big, len);
    assert_true(rig_frame(r, fd, big, sizeof(big), 5000) > 16);
    assert_int_equal(rk_load_i32(big + 12), 0);
    close(fd);
}

static void ask(int fd, int32_t first_xid, unsigned count)
{
    uint8_t bytes[64];
    for (unsigned i = 0; i < count; i++) {
        rig_send(fd, bytes, put_get(bytes, first_xid + (int32_t)i, "/data"));
    }
}

static void check_reply(const uint8_t *reply, int32_t xid)
{
    assert_int_equal(rk_load_i32(reply), xid);
    assert_int_equal(rk_load_i32(reply + 16), DATA_BYTES);
    for (size_t i = 0; i < DATA_BYTES; i += 97) {
        assert_int_equal(reply[20 + i], (uint8_t)(i * 7 + i / 256));
    }
}

static void a_late_reader_gets_everything_in_order(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.output_pause_bytes = 512u << 10;
    rig_open(&r, &config, NULL);
    make_node(&r);
    int fd = rig_session(&r, 4096);
    int32_t xid = 0;
    for (unsigned round = 0; round < 20; round++) {
        ask(fd, xid + (int32_t)round * 20, 20);
        rig_turn(&r, 2);
    }
    rig_turn(&r, 50);
    /* It is not read from while it does not read: one share of answers may be over. */
    assert_true(stats_of(&r).output_bytes < (512u << 10) + (1u << 20));
    assert_int_equal(stats_of(&r).stalled_count, 1);
    for (; xid < 400; xid++) {
        assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), REPLY_BYTES - 4);
        check_reply(big, xid);
    }
    assert_int_equal(stats_of(&r).output_bytes, 0);
    assert_int_equal(stats_of(&r).stalled_count, 0);
    assert_int_equal(stats_of(&r).dropped_slow, 0);
    close(fd);
    rig_close(&r);
}

static void who_makes_no_progress_is_dropped(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.output_stall_ms = 700;
    rig_open(&r, &config, NULL);
    make_node(&r);
    int dead = rig_session(&r, 4096);
    int slow = rig_session(&r, 4096);
    ask(dead, 0, 100);
    ask(slow, 0, 100);
    /* The slow one takes a little now and then, the dead one nothing. */
    size_t got = 0;
    for (unsigned i = 0; i < 20; i++) {
        got += rig_recv(&r, slow, big, 20000, 1000);
        rig_turn(&r, 100);
    }
    assert_int_equal(got, 20 * 20000);
    assert_int_equal(stats_of(&r).dropped_slow, 1);
    assert_int_equal(stats_of(&r).conn_count, 1);
    assert_true(rig_has_logged(&r, "client has stopped reading what is sent to it"));
    close(dead);
    close(slow);
    rig_close(&r);
}

/* Answers that cannot be held back (watch events, answers to writes) have a hard limit. */
static void too_much_for_one_is_dropped(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    uint64_t most = 0;
    rig_config(&config);
    config.output_pause_bytes = 64u << 20; /* so that reading goes on */
    config.output_drop_bytes = 4u << 20;
    rig_open(&r, &config, NULL);
    make_node(&r);
    int fd = rig_session(&r, 4096);
    for (unsigned i = 0; i < 200 && stats_of(&r).dropped_slow == 0; i++) {
        ask(fd, (int32_t)i * 2, 2);
        rig_turn(&r, 1);
        uint64_t held = stats_of(&r).output_bytes;
        most = held > most ? held : most;
    }
    assert_int_equal(stats_of(&r).dropped_slow, 1);
    assert_true(rig_has_logged(&r, "client does not read what is sent to it, connection dropped"));
    assert_in_range(most, 2u << 20, (4u << 20) + (1u << 20));
    rig_turn(&r, 20);
    assert_int_equal(stats_of(&r).output_bytes, 0);
    size_t got = 0;
    size_t n;
    while ((n = rig_recv(&r, fd, big, sizeof(big), 200)) > 0) {
        got += n;
    }
    assert_true(got < 100 * REPLY_BYTES); /* a reset, and not the rest */
    close(fd);
    rig_close(&r);
}

static void all_together_have_a_limit_and_the_worst_pays(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    int fds[SLOWS];
    rig_config(&config);
    config.output_total_bytes = 6u << 20;
    config.output_pause_bytes = 8u << 20;
    rig_open(&r, &config, NULL);
    make_node(&r);
    int good = rig_session(&r, 0);
    for (unsigned i = 0; i < SLOWS; i++) {
        fds[i] = rig_session(&r, 4096);
    }
    for (unsigned i = 0; i < MODEST; i++) {
        ask(fds[i], 1, 1);
    }
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = MODEST; i < SLOWS; i++) {
            uint8_t bytes[64];
            for (unsigned k = 0; k <= i; k++) { /* some are gone already */
                (void)!write(fds[i], bytes, put_get(bytes, 1, "/data"));
            }
        }
        rig_turn(&r, 15);
        assert_true(stats_of(&r).output_bytes <= config.output_total_bytes);
    }
    assert_true(stats_of(&r).dropped_slow >= 1);
    assert_true(rig_has_logged(&r, "all clients together do not read"));
    for (unsigned i = 0; i < MODEST; i++) { /* these are not the worst */
        assert_int_equal(rig_frame(&r, fds[i], big, sizeof(big), 5000), REPLY_BYTES - 4);
        check_reply(big, 1);
    }
    ask(good, 7, 1);
    assert_int_equal(rig_frame(&r, good, big, sizeof(big), 5000), REPLY_BYTES - 4);
    check_reply(big, 7);
    for (unsigned i = 0; i < SLOWS; i++) {
        close(fds[i]);
    }
    close(good);
    rig_close(&r);
}

/* design.md section 4: an idle connection with a session costs at most 4 KiB, here and in the core.
 */
static void an_idle_session_is_cheap(void **state)
{
    (void)state;
    enum { COUNT = 400 };
    struct rk_shell_config config;
    struct rig r;
    static int fds[COUNT];
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int first = rig_session(&r, 0);
    rig_turn(&r, 50);
    size_t before = r.mem.used_bytes;
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t bytes[64];
        fds[i] = rig_session(&r, 0);
        rig_send(fds[i], bytes, put_ping(bytes));
        assert_int_equal(rig_frame(&r, fds[i], bytes, sizeof(bytes), 5000), 16);
    }
    rig_turn(&r, 50);
    size_t each = (r.mem.used_bytes - before) / COUNT + sizeof(struct rk_conn);
    print_message("# an idle connection with a session: %zu bytes, %zu of them the shell's\n", each,
                  sizeof(struct rk_conn));
    assert_in_range(each, sizeof(struct rk_conn), 4096);
    for (unsigned i = 0; i < COUNT; i++) {
        close(fds[i]);
    }
    close(first);
    rig_close(&r);
}

static void ends_with_output_held_and_frames_waiting(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    make_node(&r);
    int fds[4];
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = rig_session(&r, 4096);
        ask(fds[i], 0, 500);
        rig_send(fds[i], "\0\0\1", 3);
    }
    for (unsigned i = 0; i < 1000 && stats_of(&r).output_bytes == 0; i++) {
        rig_turn_once(&r);
    }
    assert_true(stats_of(&r).output_bytes > 0);
    rig_close(&r); /* checks that nothing is left */
    for (unsigned i = 0; i < 4; i++) {
        close(fds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_reader_gets_everything_in_order),
        cmocka_unit_test(who_makes_no_progress_is_dropped),
        cmocka_unit_test(too_much_for_one_is_dropped),
        cmocka_unit_test(all_together_have_a_limit_and_the_worst_pays),
        cmocka_unit_test(an_idle_session_is_cheap),
        cmocka_unit_test(ends_with_output_held_and_frames_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
