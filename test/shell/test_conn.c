/* Connections of a whole server in this process: what clients may do to it and what it does to
 * them. */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/rig.h"

#define MANY 2000

static uint8_t big[1 << 21];

static struct rk_shell_stats stats_of(const struct rig *r)
{
    struct rk_shell_stats stats;
    rk_shell_stats(r->shell, &stats);
    return stats;
}

/* err of a reply: xid, zxid, err. */
static int32_t err_of(const uint8_t *reply)
{
    return rk_load_i32(reply + 12);
}

static void serves_a_session_from_connect_to_close(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    rig_send(fd, big, put_create(big, 1, "/a", 5));
    assert_true(rig_frame(&r, fd, big, sizeof(big), 5000) > 16);
    assert_int_equal(err_of(big), 0);
    rig_send(fd, big, put_get(big, 2, "/a"));
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), 16 + 4 + 5 + 68);
    assert_int_equal(rk_load_i32(big + 16), 5);
    assert_int_equal(stats_of(&r).conn_count, 1);
    /* What comes behind closeSession must not turn its answer into a reset. */
    size_t len = put_close(big, 3);
    len += put_get(big + len, 4, "/a");
    rig_send(fd, big, len);
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), 16);
    rig_send(fd, "garbage behind", 14);
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
    close(fd);
    rig_turn(&r, 50);
    assert_int_equal(stats_of(&r).conn_count, 0);
    assert_int_equal(stats_of(&r).closing_count, 0);
    rig_close(&r);
}

static void frames_may_come_byte_by_byte(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    uint8_t bytes[256];
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_connect(&r, 0);
    int on = 1;
    assert_int_equal(setsockopt(fd, 6, 1 /* TCP_NODELAY */, &on, sizeof(on)), 0);
    size_t len = put_connect(bytes, 0, 30000);
    for (size_t i = 0; i < len; i++) {
        rig_send(fd, bytes + i, 1);
        rig_turn_once(&r);
    }
    assert_int_equal(rig_frame(&r, fd, bytes, sizeof(bytes), 5000), 37);
    len = put_create(bytes, 1, "/slow", 50);
    for (size_t i = 0; i < len; i++) {
        rig_send(fd, bytes + i, 1);
        rig_turn(&r, 0);
    }
    assert_true(rig_frame(&r, fd, bytes, sizeof(bytes), 5000) > 16);
    assert_int_equal(err_of(bytes), 0);
    assert_int_equal(stats_of(&r).input_bytes, 0);
    close(fd);
    rig_close(&r);
}

/* Any cut of a stream of frames gives the same answers. */
static void frames_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    static uint8_t stream[200000];
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    rig_send(fd, stream, put_create(stream, 1, "/n", 0));
    assert_true(rig_frame(&r, fd, big, sizeof(big), 5000) > 0);
    static const size_t cuts[] = {3, 4, 5, 63, 64, 65, 1000, 4096, 4099, 65535, 65536};
    for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
        size_t len = 0;
        int32_t count = 0;
        while (len < 60000) {
            len += put_set(stream + len, count, "/n", (size_t)(count * 37 % 6000));
            count++;
        }
        for (size_t at = 0; at < len; at += cuts[c]) {
            rig_send(fd, stream + at, len - at < cuts[c] ? len - at : cuts[c]);
            if (cuts[c] > 100 || at % 50 == 0) {
                rig_turn_once(&r);
            }
        }
        for (int32_t i = 0; i < count; i++) {
            assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), 16 + 68);
            assert_int_equal(rk_load_i32(big), i);
            assert_int_equal(err_of(big), 0);
        }
        assert_int_equal(stats_of(&r).input_bytes, 0);
    }
    close(fd);
    rig_close(&r);
}

static void pipelining_is_answered_in_order_and_leaves_room_for_others(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int greedy = rig_session(&r, 0);
    int modest = rig_session(&r, 0);
    size_t len = 0;
    for (int32_t i = 0; i < MANY; i++) {
        len += put_get(big + len, i, "/");
    }
    rig_send(greedy, big, len);
    rig_turn_once(&r); /* one share of the greedy one's frames */
    rig_send(modest, big, put_ping(big));
    unsigned turns = 0;
    uint8_t answer[256];
    while (recv(modest, answer, sizeof(answer), MSG_DONTWAIT) < 0 && turns < 100) {
        rig_turn_once(&r);
        turns++;
    }
    /* 2000 requests are 31 shares; the ping waits for one or two of them. */
    assert_in_range(turns, 1, 5);
    for (int32_t i = 0; i < MANY; i++) {
        assert_int_equal(rig_frame(&r, greedy, answer, sizeof(answer), 5000) > 0 ? 1 : 0, 1);
        assert_int_equal(rk_load_i32(answer), i);
    }
    close(greedy);
    close(modest);
    rig_close(&r);
}

static void a_half_closed_client_gets_its_answers(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    size_t len = 0;
    for (int32_t i = 0; i < 300; i++) { /* more than one share */
        len += put_get(big + len, i, "/");
    }
    rig_send(fd, big, len);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (int32_t i = 0; i < 300; i++) {
        assert_true(rig_frame(&r, fd, big, sizeof(big), 5000) > 0);
        assert_int_equal(rk_load_i32(big), i);
    }
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
    close(fd);
    rig_turn(&r, 20);
    assert_int_equal(r.shell->conns.live, 0);
    rig_close(&r);
}

/* -- what is no client
 * ------------------------------------------------------------------------------ */

static void garbage_is_named_and_closed(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *line;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18, "HTTP request on the client port"},
        {"POST /x HTTP/1.0\r\n", 18, "HTTP request on the client port"},
        {"\x16\x03\x01\x02\x00\x01\x00", 7, "TLS hello on the client port"},
        {"abcd", 4, "unknown four-letter word"},
        {"\xff\xff\xff\xff", 4,
         "no ZooKeeper client, connection closed first_bytes=\"\\xff\\xff\\xff\\xff\""},
        {"\x80\x00\x00\x00", 4, "no ZooKeeper client"},
        {"\x7f\xff\xff\xff", 4, "no ZooKeeper client"},
        {"\x00\x10\x00\x00", 4, "no ZooKeeper client"}, /* one over jute.maxbuffer */
    };
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r.shell->limits[RK_LIMIT_GARBAGE].burst = 1000;
        int fd = rig_connect(&r, 0);
        rig_send(fd, cases[i].bytes, cases[i].len);
        assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
        assert_true(rig_has_logged(&r, cases[i].line));
        close(fd);
    }
    assert_int_equal(stats_of(&r).garbage, sizeof(cases) / sizeof(cases[0]));
    /* After the handshake even a word is only a length. */
    int fd = rig_session(&r, 0);
    rig_send(fd, "ruok", 4);
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
    assert_true(rig_has_logged(&r, "frame length 1920298859 is outside 8 to 1048575"));
    close(fd);
    static const uint8_t shorts[][11] = {{0, 0, 0, 0}, {0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7}};
    for (size_t i = 0; i < 2; i++) {
        fd = rig_session(&r, 0);
        rig_send(fd, shorts[i], 4 + shorts[i][3]);
        assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
        close(fd);
    }
    /* The largest frame is a frame. */
    fd = rig_session(&r, 0);
    size_t len = put_create(big, 1, "/big", 0xfffff - 8 - 8 - 4 - 27 - 8);
    assert_in_range(len, 0xfffff - 20, 0xfffff + 4);
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(fd, big + sent, len - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        rig_turn_once(&r);
    }
    assert_true(rig_frame(&r, fd, big, sizeof(big), 5000) > 16);
    assert_int_equal(err_of(big), 0);
    close(fd);
    rig_close(&r);
}

static void who_makes_no_session_is_closed_however_slowly_it_talks(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    uint8_t hello[64];
    rig_config(&config);
    config.sessionless_timeout_ms = 400;
    rig_open(&r, &config, NULL);
    int silent = rig_connect(&r, 0);
    int slow = rig_connect(&r, 0);
    int good = rig_session(&r, 0);
    (void)put_connect(hello, 0, 30000);
    for (size_t i = 0; i < 44; i++) {
        if (send(slow, hello + i, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
        rig_turn(&r, 30);
    }
    assert_int_equal(rig_frame(&r, silent, hello, sizeof(hello), 1000), -1);
    int32_t end = rig_frame(&r, slow, hello, sizeof(hello), 1000);
    assert_true(end == -1 || end == -2);
    assert_int_equal(stats_of(&r).sessionless_expired, 2);
    assert_true(rig_has_logged(&r, "no session after 400 ms"));
    rig_send(good, hello, put_ping(hello));
    assert_int_equal(rig_frame(&r, good, hello, sizeof(hello), 1000), 16);
    close(silent);
    close(slow);
    close(good);
    rig_close(&r);
}

static void connections_over_a_limit_are_reset(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.client_conn_max = 3;
    rig_open(&r, &config, NULL);
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = rig_session(&r, 0);
    }
    for (size_t i = 0; i < 5; i++) {
        int fd = rig_connect(&r, 0);
        assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 1000), -2);
        close(fd);
    }
    assert_int_equal(stats_of(&r).refused_client_max, 5);
    assert_true(rig_has_logged(&r, "too many connections from this address (maxClientCnxns)"));
    close(fds[0]);
    rig_turn(&r, 50);
    fds[0] = rig_session(&r, 0); /* there is room again */
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    rig_close(&r);

    rig_config(&config);
    config.total_conn_max = 2;
    rig_open(&r, &config, NULL);
    fds[0] = rig_session(&r, 0);
    fds[1] = rig_session(&r, 0);
    fds[2] = rig_connect(&r, 0);
    assert_int_equal(rig_frame(&r, fds[2], big, sizeof(big), 1000), -2);
    assert_int_equal(stats_of(&r).refused_total_max, 1);
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    rig_close(&r);

    rig_config(&config);
    config.conn_max = 3; /* two slots: 0 is none */
    rig_open(&r, &config, NULL);
    fds[0] = rig_session(&r, 0);
    fds[1] = rig_session(&r, 0);
    fds[2] = rig_connect(&r, 0);
    assert_int_equal(rig_frame(&r, fds[2], big, sizeof(big), 1000), -2);
    assert_int_equal(stats_of(&r).refused_total_max, 1);
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
    rig_close(&r);
}

/* The place is free with our FIN, though the old socket still lingers. */
static void a_client_at_its_limit_may_come_back_at_once(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    config.client_conn_max = 1;
    rig_open(&r, &config, NULL);
    int old = rig_session(&r, 0);
    rig_send(old, big, put_close(big, 1));
    assert_int_equal(rig_frame(&r, old, big, sizeof(big), 5000), 16);
    assert_int_equal(rig_frame(&r, old, big, sizeof(big), 5000), -1);
    int fresh = rig_session(&r, 0);
    assert_int_equal(stats_of(&r).closing_count, 1);
    assert_int_equal(stats_of(&r).refused_client_max, 0);
    close(old);
    close(fresh);
    rig_close(&r);
}

static void unfinished_frames_of_all_are_bounded(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    int fds[8];
    rig_config(&config);
    config.input_bytes_max = 1u << 20;
    rig_open(&r, &config, NULL);
    for (size_t i = 0; i < 8; i++) {
        fds[i] = rig_session(&r, 0);
    }
    /* Each begins a frame of 1 MB and stops after 200 KB. */
    memset(big, 0, 200000);
    rk_store_i32(big, 1000000);
    for (size_t i = 0; i < 8; i++) {
        size_t sent = 0;
        for (unsigned k = 0; k < 200 && sent < 200000; k++) {
            ssize_t n = send(fds[i], big + sent, 200000 - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            rig_turn(&r, 0);
        }
        assert_true(stats_of(&r).input_bytes <= config.input_bytes_max);
    }
    assert_true(rig_has_logged(&r, "unfinished frames of all clients hold"));
    assert_in_range(stats_of(&r).conn_count, 2, 7); /* some had to go, those with little stay */
    for (size_t i = 0; i < 8; i++) {
        close(fds[i]);
    }
    rig_turn(&r, 50);
    assert_int_equal(stats_of(&r).input_bytes, 0);
    rig_close(&r);
}

/* A claimed length costs nothing. */
static void memory_follows_bytes_not_lengths(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    rig_config(&config);
    rig_open(&r, &config, NULL);
    int fd = rig_session(&r, 0);
    static const uint8_t head[] = {0, 0x0f, 0xff, 0xff, 1, 2, 3};
    rig_send(fd, head, sizeof(head));
    rig_turn(&r, 20);
    assert_in_range(stats_of(&r).input_bytes, sizeof(head), 512);
    close(fd);
    rig_close(&r);
}

/* -- four-letter words
 * ------------------------------------------------------------------------------ */

struct words {
    unsigned asked;
    uint8_t rest[64];
    size_t rest_len;
    size_t answer_len;
};

static bool is_word(void *ctx, int32_t word)
{
    struct words *w = ctx;
    w->asked++;
    return word == 0x72756f6b || word == 0x73746d6b; /* ruok, stmk */
}

static void answer(void *ctx, int32_t word, struct rk_bytes rest, rk_conn_id conn,
                   struct rk_buf *out)
{
    struct words *w = ctx;
    assert_true(conn != 0);
    assert_true(rest.len <= sizeof(w->rest));
    memcpy(w->rest, rest.data, rest.len);
    w->rest_len = rest.len;
    if (word == 0x72756f6b) {
        for (size_t i = 0; i < w->answer_len; i++) {
            rk_buf_put_u8(out, (uint8_t)(i * 31 + i / 250));
        }
    }
}

static void words_are_answered_instead_of_a_first_frame(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    struct words words = {.answer_len = 4};
    struct rk_admin_hook hook = {.ctx = &words, .is_word = is_word, .answer = answer};
    uint8_t got[64];
    rig_config(&config);
    rig_open(&r, &config, &hook);
    int fd = rig_connect(&r, 0);
    rig_send(fd, "ruok\n", 5);
    assert_int_equal(rig_recv(&r, fd, got, sizeof(got), 5000), 4); /* and the end */
    assert_int_equal(words.rest_len, 1);
    close(fd);
    /* In pieces. */
    fd = rig_connect(&r, 0);
    rig_send(fd, "r", 1);
    rig_turn(&r, 5);
    rig_send(fd, "uo", 2);
    rig_turn(&r, 5);
    rig_send(fd, "krest", 5);
    assert_int_equal(rig_recv(&r, fd, got, sizeof(got), 5000), 4);
    assert_memory_equal(words.rest, "rest", 4);
    close(fd);
    /* No answer: only the end. */
    fd = rig_connect(&r, 0);
    rig_send(fd, "stmk", 4);
    assert_int_equal(rig_frame(&r, fd, got, sizeof(got), 5000), -1);
    close(fd);
    /* With our FIN behind it, as `echo ruok | nc` does. */
    fd = rig_connect(&r, 0);
    rig_send(fd, "ruok", 4);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(rig_recv(&r, fd, got, sizeof(got), 5000), 4);
    close(fd);
    assert_int_equal(stats_of(&r).words, 4);
    /* Never again once there was a frame. */
    fd = rig_session(&r, 0);
    unsigned asked = words.asked;
    rig_send(fd, "ruok", 4);
    assert_int_equal(rig_frame(&r, fd, got, sizeof(got), 5000), -1);
    assert_int_equal(words.asked, asked);
    close(fd);
    rig_close(&r);
}

static void a_long_answer_reaches_a_slow_reader_whole(void **state)
{
    (void)state;
    struct rk_shell_config config;
    struct rig r;
    struct words words = {.answer_len = 20u << 20};
    struct rk_admin_hook hook = {.ctx = &words, .is_word = is_word, .answer = answer};
    rig_config(&config);
    config.output_drop_bytes = 1u << 20; /* one message may always be longer */
    rig_open(&r, &config, &hook);
    int fd = rig_connect(&r, 4096);
    rig_send(fd, "ruok", 4);
    rig_turn(&r, 20);
    assert_true(stats_of(&r).output_bytes > 1u << 20);
    size_t got = 0;
    while (got < words.answer_len) {
        size_t n = rig_recv(
            &r, fd, big,
            words.answer_len - got < sizeof(big) ? words.answer_len - got : sizeof(big), 5000);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
            size_t at = got + i;
            assert_int_equal(big[i], (uint8_t)(at * 31 + at / 250));
        }
        got += n;
    }
    assert_int_equal(rig_frame(&r, fd, big, sizeof(big), 5000), -1);
    assert_int_equal(stats_of(&r).output_bytes, 0);
    close(fd);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_a_session_from_connect_to_close),
        cmocka_unit_test(frames_may_come_byte_by_byte),
        cmocka_unit_test(frames_may_be_cut_anywhere),
        cmocka_unit_test(pipelining_is_answered_in_order_and_leaves_room_for_others),
        cmocka_unit_test(a_half_closed_client_gets_its_answers),
        cmocka_unit_test(garbage_is_named_and_closed),
        cmocka_unit_test(who_makes_no_session_is_closed_however_slowly_it_talks),
        cmocka_unit_test(connections_over_a_limit_are_reset),
        cmocka_unit_test(a_client_at_its_limit_may_come_back_at_once),
        cmocka_unit_test(unfinished_frames_of_all_are_bounded),
        cmocka_unit_test(memory_follows_bytes_not_lengths),
        cmocka_unit_test(words_are_answered_instead_of_a_first_frame),
        cmocka_unit_test(a_long_answer_reaches_a_slow_reader_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
