/* Log lines as they reach the descriptor: shape, escaping, cutting, levels, the journal, lost
 * lines, and the limit per second. */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/prng.h"
#include "shell/log.h"

/* What came out of the pipe since the last call, NUL-terminated. */
static const char *drain(int fd)
{
    static char out[65536];
    ssize_t n = read(fd, out, sizeof(out) - 1);
    out[n > 0 ? n : 0] = '\0';
    return out;
}

static void open_pipe(int ret[2])
{
    assert_int_equal(pipe2(ret, O_NONBLOCK | O_CLOEXEC), 0);
}

static void a_line_has_time_level_and_text(void **state)
{
    (void)state;
    int fds[2];
    struct rk_log log;
    open_pipe(fds);
    rk_log_init(&log, fds[1], RK_LEVEL_INFO);
    assert_false(log.is_journal);
    rk_log_write(&log, RK_LEVEL_WARN, "text key=%d", 7);
    const char *line = drain(fds[0]);
    assert_int_equal(strlen(line), 24 + 1 + 5 + 1 + strlen("text key=7") + 1);
    assert_string_equal(line + 24, " WARN  text key=7\n");
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < 24; i++) {
        if (shape[i] == 'd') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    close(fds[0]);
    close(fds[1]);
}

static void levels_below_the_set_one_are_silent(void **state)
{
    (void)state;
    int fds[2];
    struct rk_log log;
    open_pipe(fds);
    rk_log_init(&log, fds[1], RK_LEVEL_WARN);
    rk_log_write(&log, RK_LEVEL_INFO, "no");
    rk_log_write(&log, RK_LEVEL_DEBUG, "no");
    assert_string_equal(drain(fds[0]), "");
    rk_log_write(&log, RK_LEVEL_ERROR, "yes");
    assert_non_null(strstr(drain(fds[0]), " ERROR yes\n"));
    enum rk_log_level level = RK_LEVEL_ERROR;
    assert_true(rk_log_level_parse(rk_bytes_str("DEBUG"), &level));
    assert_int_equal(level, RK_LEVEL_DEBUG);
    assert_true(rk_log_level_parse(rk_bytes_str("warn"), &level));
    assert_int_equal(level, RK_LEVEL_WARN);
    assert_false(rk_log_level_parse(rk_bytes_str("warning"), &level));
    assert_false(rk_log_level_parse(rk_bytes_str(""), &level));
    assert_int_equal(level, RK_LEVEL_WARN);
    close(fds[0]);
    close(fds[1]);
}

static void the_journal_gets_a_priority_and_no_time(void **state)
{
    (void)state;
    int fds[2];
    struct stat st;
    char stream[64];
    struct rk_log log;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fstat(fds[1], &st), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    rk_log_init(&log, fds[1], RK_LEVEL_DEBUG);
    assert_true(log.is_journal);
    rk_log_write(&log, RK_LEVEL_ERROR, "a");
    rk_log_write(&log, RK_LEVEL_WARN, "b");
    rk_log_write(&log, RK_LEVEL_INFO, "c");
    rk_log_write(&log, RK_LEVEL_DEBUG, "d");
    assert_string_equal(drain(fds[0]), "<3>a\n<4>b\n<6>c\n<7>d\n");
    /* stderr was redirected elsewhere: the variable is inherited, the socket is not. */
    rk_log_init(&log, fds[0], RK_LEVEL_DEBUG);
    assert_false(log.is_journal);
    static const char *const bad[] = {
        "", ":", "1", "1:", ":1", "1:2:3", "x:y", "99999999999999999999:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(setenv("JOURNAL_STREAM", bad[i], 1), 0);
        rk_log_init(&log, fds[1], RK_LEVEL_DEBUG);
        assert_false(log.is_journal);
    }
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    close(fds[0]);
    close(fds[1]);
}

static void escapes(const char *in, size_t in_len, const char *expected)
{
    char out[256];
    size_t len = rk_log_escape(out, sizeof(out), rk_bytes_of(in, in_len));
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

#define ESCAPES(in, expected) escapes(in, sizeof(in) - 1, expected)

static void only_printable_utf8_gets_through(void **state)
{
    (void)state;
    ESCAPES("", "");
    ESCAPES("/a/b c", "/a/b c");
    ESCAPES("a\nb\r\tc", "a\\x0ab\\x0d\\x09c");
    ESCAPES("\x1b[31mred", "\\x1b[31mred");
    ESCAPES("a\0b", "a\\x00b");
    ESCAPES("back\\slash", "back\\\\slash");
    ESCAPES("\x7f", "\\x7f");
    ESCAPES("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    ESCAPES("\xe2\x82\xac \xf0\x9f\x90\xa6", "\xe2\x82\xac \xf0\x9f\x90\xa6");
    ESCAPES("\xc2\x9b"
            "31m",
            "\\xc2\\x9b31m"); /* C1: another way to say ESC [ */
    ESCAPES("\xe2\x80\xae"
            "drow",
            "\\xe2\\x80\\xaedrow");             /* right-to-left override */
    ESCAPES("\xe2\x80\xa8", "\\xe2\\x80\\xa8"); /* line separator */
    ESCAPES("\xef\xbb\xbf", "\\xef\\xbb\\xbf"); /* byte order mark */
    ESCAPES("\xc0\xaf", "\\xc0\\xaf");          /* overlong slash */
    ESCAPES("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    ESCAPES("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
    ESCAPES("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* over U+10FFFF */
    ESCAPES("\xe2\x82", "\\xe2\\x82");                   /* cut */
    ESCAPES("\xff\xfe", "\\xff\\xfe");
}

static void escaped_text_is_cut_at_whole_characters(void **state)
{
    (void)state;
    char out[16];
    /* 15 bytes and the NUL fit exactly. */
    assert_int_equal(rk_log_escape(out, sizeof(out), rk_bytes_str("123456789012345")), 15);
    assert_string_equal(out, "123456789012345");
    assert_int_equal(rk_log_escape(out, sizeof(out), rk_bytes_str("1234567890123456")), 15);
    assert_string_equal(out, "123456789012...");
    /* The escape of the newline would begin at 10 and need 14 of 12. */
    assert_int_equal(rk_log_escape(out, sizeof(out), rk_bytes_str("1234567890\nabcdef")), 13);
    assert_string_equal(out, "1234567890...");
    (void)rk_log_escape(out, sizeof(out),
                        rk_bytes_str("1234567890\xe2\x82\xac"
                                     "abcd"));
    assert_string_equal(out, "1234567890...");
}

static void no_input_makes_two_lines_or_unprintable_bytes(void **state)
{
    (void)state;
    int fds[2];
    struct rk_log log;
    struct rk_prng prng;
    open_pipe(fds);
    rk_log_init(&log, fds[1], RK_LEVEL_INFO);
    rk_prng_init(&prng, 3);
    for (unsigned round = 0; round < 3000; round++) {
        char bytes[3000];
        size_t len = rk_prng_below(&prng, round % 10 == 0 ? sizeof(bytes) : 200);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)rk_prng_next(&prng);
        }
        char field[400];
        size_t cap = 8 + rk_prng_below(&prng, sizeof(field) - 8);
        size_t field_len = rk_log_escape(field, cap, rk_bytes_of(bytes, len));
        assert_true(field_len < cap);
        assert_int_equal(strlen(field), field_len);
        if (round % 2 == 0) {
            rk_log_write(&log, RK_LEVEL_INFO, "path=%s", field);
        } else {
            rk_log_write(&log, RK_LEVEL_INFO, "raw=%.*s", (int)len, bytes);
        }
        const char *line = drain(fds[0]);
        size_t line_len = strlen(line);
        assert_in_range(line_len, 2, RK_LOG_LINE_MAX + 128);
        assert_ptr_equal(strchr(line, '\n'), line + line_len - 1);
        for (size_t i = 0; i + 1 < line_len; i++) {
            assert_false((unsigned char)line[i] < 0x20 || line[i] == 0x7f);
        }
    }
    close(fds[0]);
    close(fds[1]);
}

static void long_lines_are_cut_and_marked(void **state)
{
    (void)state;
    int fds[2];
    struct rk_log log;
    char text[5000];
    open_pipe(fds);
    rk_log_init(&log, fds[1], RK_LEVEL_INFO);
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    rk_log_write(&log, RK_LEVEL_INFO, "%s", text);
    const char *line = drain(fds[0]);
    size_t len = strlen(line);
    assert_in_range(len, RK_LOG_LINE_MAX - 100, RK_LOG_LINE_MAX + 128);
    assert_string_equal(line + len - 5, "x...\n");
    close(fds[0]);
    close(fds[1]);
}

static void lost_lines_are_counted_and_told(void **state)
{
    (void)state;
    int fds[2];
    struct rk_log log;
    char block[4096];
    open_pipe(fds);
    rk_log_init(&log, fds[1], RK_LEVEL_INFO);
    memset(block, '.', sizeof(block));
    while (write(fds[1], block, sizeof(block)) > 0) {
    }
    rk_log_write(&log, RK_LEVEL_INFO, "one");
    rk_log_write(&log, RK_LEVEL_INFO, "two");
    while (read(fds[0], block, sizeof(block)) > 0) {
    }
    rk_log_write(&log, RK_LEVEL_INFO, "three");
    assert_non_null(strstr(drain(fds[0]), " INFO  (2 lines before this one were lost) three\n"));
    rk_log_write(&log, RK_LEVEL_INFO, "four");
    assert_non_null(strstr(drain(fds[0]), " INFO  four\n"));
    close(fds[0]);
    rk_log_init(&log, -1, RK_LEVEL_INFO); /* a closed stderr hurts nobody */
    rk_log_write(&log, RK_LEVEL_INFO, "five");
    close(fds[1]);
}

static void times_follow_the_calendar(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {1709164800123, "2024-02-29T00:00:00.123Z"},
        {1735689599000, "2024-12-31T23:59:59.000Z"},
        {1795384862123, "2026-11-22T22:01:02.123Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* 2100 has no leap day */
        {-1, "1969-12-31T23:59:59.999Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[25];
        rk_log_time(out, cases[i].ms);
        assert_string_equal(out, cases[i].text);
    }
}

static void a_limit_lets_a_burst_through_per_second(void **state)
{
    (void)state;
    struct rk_log_limit limit = {.burst = 2};
    uint64_t suppressed = 99;
    assert_true(rk_log_limit_pass(&limit, 1000, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(rk_log_limit_pass(&limit, 1500, &suppressed));
    assert_false(rk_log_limit_pass(&limit, 1600, &suppressed));
    assert_false(rk_log_limit_pass(&limit, 1999, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_true(rk_log_limit_pass(&limit, 2000, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_true(rk_log_limit_pass(&limit, 2001, &suppressed));
    assert_int_equal(suppressed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_text),
        cmocka_unit_test(levels_below_the_set_one_are_silent),
        cmocka_unit_test(the_journal_gets_a_priority_and_no_time),
        cmocka_unit_test(only_printable_utf8_gets_through),
        cmocka_unit_test(escaped_text_is_cut_at_whole_characters),
        cmocka_unit_test(no_input_makes_two_lines_or_unprintable_bytes),
        cmocka_unit_test(long_lines_are_cut_and_marked),
        cmocka_unit_test(lost_lines_are_counted_and_told),
        cmocka_unit_test(times_follow_the_calendar),
        cmocka_unit_test(a_limit_lets_a_burst_through_per_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
