/* Printing, matching, options: what needs no file. */
#include "inspect_support.h"

#include <stdlib.h>

#include "inspect/match.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/skeleton.h"

static void check_put(void (*put)(FILE *to, struct rk_bytes v), const char *in, size_t len,
                      const char *expected)
{
    char *text = NULL;
    size_t text_len = 0;
    FILE *to = open_memstream(&text, &text_len);
    assert_non_null(to);
    put(to, rk_bytes_of(in, len));
    (void)fclose(to);
    assert_string_equal(text, expected);
    free(text);
}

static void nothing_that_drives_a_terminal_is_printed(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t len;
        const char *expected;
    } cases[] = {
        {"plain /a-b", 10, "plain /a-b"},
        {"\x1b[2J\r\n\t", 7, "\\x1b[2J\\x0d\\x0a\\x09"},
        {"\x7f\0x", 3, "\\x7f\\x00x"},
        {"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
        {"\xc2\x9b", 2, "\\xc2\\x9b"},          /* CSI as one character */
        {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"}, /* right to left from here */
        {"\xc0\xaf", 2, "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* half of a pair */
        {"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
        {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"}, /* beyond Unicode */
        {"a\xe2\x82", 3, "a\\xe2\\x82"},                 /* ends early */
        {"\xff", 1, "\\xff"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_put(rk_ins_put_text, cases[i].in, cases[i].len, cases[i].expected);
    }
}

static void json_strings_are_json_whatever_the_bytes(void **state)
{
    (void)state;
    check_put(rk_ins_json_text, "a\"b\\\n\x1b", 6, "\"a\\\"b\\\\\\u000a\\u001b\"");
    check_put(rk_ins_json_text, "x\xff\xc3\xbc", 4, "\"x\\ufffd\xc3\xbc\"");
    check_put(rk_ins_json_data, "", 0, "\"\"");
    check_put(rk_ins_json_data, "f", 1, "\"Zg==\"");
    check_put(rk_ins_json_data, "fo", 2, "\"Zm8=\"");
    check_put(rk_ins_json_data, "foo\xff", 4, "\"Zm9v/w==\"");
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    rk_ins_json_text(to, (struct rk_bytes){NULL, 0});
    rk_ins_json_data(to, (struct rk_bytes){NULL, 0});
    (void)fclose(to);
    assert_string_equal(text, "nullnull");
    free(text);
}

static void dates_look_as_in_java(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *expected;
    } cases[] = {
        {0, "1/1/70, 12:00:00 AM UTC|Thu Jan 01 00:00:00 UTC 1970|0x00000000000000"},
        {INT64_C(1795412388000), "11/23/26, 5:39:48 AM UTC|Mon Nov 23 05:39:48 UTC 2026|"
                                 "0x000001a206c10220"},
        {INT64_C(1795440000999), "11/23/26, 1:20:00 PM UTC|Mon Nov 23 13:20:00 UTC 2026|"
                                 "0x000001a208665be7"},
        {-1, "12/31/69, 11:59:59 PM UTC|Wed Dec 31 23:59:59 UTC 1969|0xffffffffffffffff"},
    };
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *to = open_memstream(&text, &len);
        rk_ins_put_date(to, cases[i].ms);
        (void)fputc('|', to);
        rk_ins_put_long_date(to, cases[i].ms);
        (void)fputc('|', to);
        rk_ins_put_hex16(to, cases[i].ms);
        (void)fclose(to);
        if (i == 0 || i == 3) {
            assert_string_equal(text, cases[i].expected);
        } else {
            size_t shown = (size_t)(strrchr(cases[i].expected, '|') - cases[i].expected);
            assert_memory_equal(text, cases[i].expected, shown);
        }
        free(text);
    }
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    rk_ins_put_date(to, INT64_MAX); /* no calendar goes so far, and none has to */
    rk_ins_put_long_date(to, INT64_MIN);
    (void)fclose(to);
    assert_true(len > 0);
    free(text);
}

static void globs_match_paths(void **state)
{
    (void)state;
    static const struct {
        const char *glob;
        const char *path;
        bool matches;
    } cases[] = {
        {"/a", "/a", true},
        {"/a", "/ab", false},
        {"/*", "/a", true},
        {"/*", "/a/b", false},
        {"/**", "/a/b", true},
        {"/a/*/c", "/a/b/c", true},
        {"/a/*/c", "/a/b/b/c", false},
        {"/a/**/c", "/a/b/b/c", true},
        {"**/lock-*", "/x/y/lock-0001", true},
        {"**/lock-*", "/x/lock-1/y", false},
        {"/a?c", "/abc", true},
        {"/a?c", "/a/c", false},
        {"*", "", true},
        {"", "", true},
        {"", "/", false},
        {"/a*b*c", "/aXbYbZc", true},
        {"/**x*y", "/a/x/b/xzy", true},
        {"/**x*y", "/a/x/b/y", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(rk_ins_glob_matches(cases[i].glob, rk_bytes_str(cases[i].path)),
                         cases[i].matches);
    }
    /* Not exponential. */
    char path[4096];
    memset(path, 'a', sizeof(path));
    assert_false(rk_ins_glob_matches("*a*a*a*a*a*a*a*a*a*a*b", rk_bytes_of(path, sizeof(path))));
    assert_false(rk_ins_glob_matches("**a**a**a**a**a**a**b", rk_bytes_of(path, sizeof(path))));
}

static void ranges_and_times_are_read(void **state)
{
    (void)state;
    int64_t from;
    int64_t to;
    assert_true(rk_ins_range("0x10-0x20", &from, &to) && from == 16 && to == 32);
    assert_true(rk_ins_range("-7", &from, &to) && from == INT64_MIN && to == 7);
    assert_true(rk_ins_range("7-", &from, &to) && from == 7 && to == INT64_MAX);
    assert_true(rk_ins_range("0x7", &from, &to) && from == 7 && to == 7);
    static const char *const bad[] = {
        "", "-", "x", "1-x", "9-1", "0x", "1-2-3", "99999999999999999999999999999999999999-1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(rk_ins_range(bad[i], &from, &to));
    }
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    assert_true(rk_ins_time("1795412388000", &from) && from == INT64_C(1795412388000));
    assert_true(rk_ins_time("2026-11-23T05:39:48Z", &from) && from == INT64_C(1795412388000));
    assert_true(rk_ins_time("2026-11-23 05:39:48", &from) && from == INT64_C(1795412388000));
    assert_true(rk_ins_time("1970-01-02", &from) && from == 86400000);
    assert_true(rk_ins_time("2028-02-29", &from));
    assert_false(rk_ins_time("2026-02-29", &from));
    assert_false(rk_ins_time("yesterday", &from));
    assert_false(rk_ins_time("2026-11-23T05:39:48+01", &from));
}

/* -- Trees of names
 * ----------------------------------------------------------------------------------- */

static enum rk_err add(struct rk_ins_skeleton *s, unsigned side, const char *path, uint64_t bytes)
{
    struct rk_ins_side info = {.data_bytes = bytes};
    return rk_ins_skeleton_add(s, side, rk_bytes_str(path), &info);
}

static void a_skeleton_counts_what_is_below(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_ins_skeleton s;
    rk_mem_libc_init(&mem, 0);
    rk_ins_skeleton_init(&s, &mem, UINT32_MAX);
    assert_int_equal(add(&s, 0, "/early", 1), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 0, "", 1), RK_OK);
    assert_int_equal(add(&s, 0, "", 1), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 0, "/b", 10), RK_OK);
    assert_int_equal(add(&s, 0, "/a", 20), RK_OK);
    assert_int_equal(add(&s, 0, "/b/x", 100), RK_OK);
    assert_int_equal(add(&s, 0, "/b/x", 100), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 0, "/c/x", 100), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 0, "no slash", 100), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 1, "/b", 1), RK_ERR_CORRUPT); /* no root on that side */
    assert_int_equal(add(&s, 1, "", 0), RK_OK);
    assert_int_equal(add(&s, 1, "/b/x", 1), RK_ERR_CORRUPT);
    assert_int_equal(add(&s, 1, "/b", 11), RK_OK);
    for (int i = 0; i < 5000; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/b/n%d", i);
        assert_int_equal(add(&s, 1, path, 1), RK_OK);
    }
    rk_ins_skeleton_done(&s);
    const struct rk_ins_node *root = &s.nodes[0];
    assert_int_equal(root->side[0].total_bytes, 131);
    assert_int_equal(root->side[0].total_count, 3);
    assert_int_equal(root->side[1].total_bytes, 5011);
    assert_int_equal(root->side[1].total_count, 5001);
    uint32_t first = root->first;
    assert_true(rk_bytes_is(rk_ins_skeleton_name(&s, first), "a"));
    assert_true(rk_bytes_is(rk_ins_skeleton_name(&s, s.nodes[first].next), "b"));
    assert_int_equal(rk_ins_skeleton_find(&s, rk_bytes_str("/")), 0);
    assert_int_equal(rk_ins_skeleton_find(&s, rk_bytes_str("/b/none")), RK_INS_NODE_NONE);
    uint32_t count = 0;
    for (uint32_t n = 0; n != RK_INS_NODE_NONE; n = rk_ins_skeleton_walk(&s, 0, n)) {
        count++;
    }
    assert_int_equal(count, s.count);
    rk_ins_skeleton_deinit(&s);
    assert_int_equal(mem.used_bytes, 0);
}

static void a_skeleton_stops_at_its_depth(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_ins_skeleton s;
    rk_mem_libc_init(&mem, 0);
    rk_ins_skeleton_init(&s, &mem, 1);
    assert_int_equal(add(&s, 0, "", 1), RK_OK);
    assert_int_equal(add(&s, 0, "/a", 2), RK_OK);
    assert_int_equal(add(&s, 0, "/a/b", 4), RK_OK);
    assert_int_equal(add(&s, 0, "/a/b/c", 8), RK_OK);
    rk_ins_skeleton_done(&s);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.nodes[1].side[0].total_count, 2);
    assert_int_equal(s.nodes[0].side[0].total_bytes, 15);
    assert_int_equal(s.nodes[0].side[0].total_count, 3);
    rk_ins_skeleton_deinit(&s);
}

static void paths_compare_as_texts(void **state)
{
    (void)state;
    /* In this order, each pair of the same depth. */
    static const char *const sorted[] = {"/a!/x", "/a-b/x", "/a/x", "/a/xx", "/a0/a", "/b/a"};
    const size_t count = sizeof(sorted) / sizeof(sorted[0]);
    struct rk_mem mem;
    struct rk_ins_skeleton s;
    rk_mem_libc_init(&mem, 0);
    rk_ins_skeleton_init(&s, &mem, UINT32_MAX);
    assert_int_equal(add(&s, 0, "", 0), RK_OK);
    for (size_t i = 0; i < count; i++) {
        char parent[16];
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(sorted[i], '/') - sorted[i]),
                       sorted[i]);
        if (rk_ins_skeleton_find(&s, rk_bytes_str(parent)) == RK_INS_NODE_NONE) {
            assert_int_equal(add(&s, 0, parent, 0), RK_OK);
        }
        assert_int_equal(add(&s, 0, sorted[i], 0), RK_OK);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            int order =
                rk_ins_skeleton_compare(&s, rk_ins_skeleton_find(&s, rk_bytes_str(sorted[i])),
                                        rk_ins_skeleton_find(&s, rk_bytes_str(sorted[k])));
            int expected = strcmp(sorted[i], sorted[k]);
            assert_true((order < 0) == (expected < 0) && (order == 0) == (expected == 0));
        }
    }
    rk_ins_skeleton_deinit(&s);
}

static void bad_invocations_are_told_and_do_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    assert_int_equal(LOG(&b, "dump"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "dump", "@log.1", "more"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "dump", "--no-such", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "dump", "--json=yes", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "chop", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "chop", "-z"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "chop", "-z", "ten", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "grep", "-P", "(", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "grep", "-p", "/a", "-P", "a", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "grep", "-t", "dance", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "grep", "-z", "9-1", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "grep", "--from", "never", "@log.1"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "purge", "-n", "2", "@"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "repair", "@"), RK_INS_USAGE);
    assert_int_equal(LOG(&b, "dump", "@none"), RK_INS_IO);
    assert_int_equal(LOG(&b, "dump", "/dev/null"), RK_INS_IO);
    assert_int_equal(LOG(&b, "--no-such"), RK_INS_USAGE);
    assert_int_equal(SNAPSHOT(&b, "summary", "@x", "/", "deep"), RK_INS_USAGE);
    assert_int_equal(SNAPSHOT(&b, "compare", "@x"), RK_INS_USAGE);
    assert_int_equal(SNAPSHOT(&b, "dump", "--json", "-d", "@x"), RK_INS_USAGE);
    assert_int_equal(SNAPSHOT(&b, "dump", "@none"), RK_INS_IO);
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@none"), RK_INS_IO);
    bench_close(&b);
}

static void every_verb_has_help(void **state)
{
    (void)state;
    static const char *const log[] = {"dump", "verify",  "repair", "summary",
                                      "grep", "compare", "chop",   "purge"};
    static const char *const snapshot[] = {"dump", "verify", "summary", "compare",
                                           "grep", "repair", "export",  "restore-check"};
    struct bench b;
    bench_open(&b);
    for (size_t i = 0; i < sizeof(log) / sizeof(log[0]); i++) {
        assert_int_equal(LOG(&b, log[i], "--help"), RK_INS_OK);
        assert_true(says(b.out, "usage: rookery-log ") && says(b.out, log[i]));
    }
    for (size_t i = 0; i < sizeof(snapshot) / sizeof(snapshot[0]); i++) {
        assert_int_equal(SNAPSHOT(&b, "help", snapshot[i]), RK_INS_OK);
        assert_true(says(b.out, "usage: rookery-snapshot ") && says(b.out, snapshot[i]));
    }
    assert_int_equal(LOG(&b, "--help"), RK_INS_OK);
    assert_true(says(b.out, "purge") && says(b.out, "Exit status"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_drives_a_terminal_is_printed),
        cmocka_unit_test(json_strings_are_json_whatever_the_bytes),
        cmocka_unit_test(dates_look_as_in_java),
        cmocka_unit_test(globs_match_paths),
        cmocka_unit_test(ranges_and_times_are_read),
        cmocka_unit_test(a_skeleton_counts_what_is_below),
        cmocka_unit_test(a_skeleton_stops_at_its_depth),
        cmocka_unit_test(paths_compare_as_texts),
        cmocka_unit_test(bad_invocations_are_told_and_do_nothing),
        cmocka_unit_test(every_verb_has_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
