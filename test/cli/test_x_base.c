/* Paths, numbers and texts of the extra commands. */
#include "cli/x_base.h"
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static void paths_are_checked_as_a_server_would(void **state)
{
    (void)state;
    static const char *const good[] = {"/", "/a", "/a/b", "/a.b/..c", "/a/...", "/\xc3\xa4"};
    static const char *const bad[] = {"", "a", "/a/", "//", "/a//b", "/.", "/a/..", "/a/./b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(rk_x_path_wrong(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_non_null(rk_x_path_wrong(bad[i]));
}

static void a_path_goes_below_a_root_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *root, *path, *below;
    } cases[] = {
        {"/", "/", "/"}, {"/", "/a/b", "/a/b"}, {"/a", "/a", "/"}, {"/a", "/a/b/c", "/b/c"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(rk_x_path_is_in(cases[i].root, cases[i].path));
        assert_string_equal(rk_x_path_below(cases[i].root, cases[i].path), cases[i].below);
        char *back = rk_x_path_at(cases[i].root, cases[i].below);
        assert_string_equal(back, cases[i].path);
        free(back);
    }
    assert_false(rk_x_path_is_in("/a", "/ab"));
    assert_false(rk_x_path_is_in("/a/b", "/a"));
    assert_string_equal(rk_x_path_name("/a/b"), "b");
    assert_string_equal(rk_x_path_name("/"), "/");
}

/* The order of a walk: a node, all below it, then its next sibling. */
static void paths_compare_in_the_order_of_a_walk(void **state)
{
    (void)state;
    static const char *const order[] = {"/",    "/ ",   "/a",     "/a/b", "/a/b/c", "/a/z",
                                        "/a!b", "/a-b", "/a-b/c", "/aa",  "/b",     "/\xff"};
    size_t count = sizeof order / sizeof *order;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int expected = i < k ? -1 : i > k;
            assert_int_equal(rk_x_path_compare(order[i], order[k]), expected);
        }
}

static void sizes_have_units_and_signs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int sign;
        int64_t bytes;
    } good[] = {{"0", 0, 0},          {"17", 0, 17},         {"+10k", 1, 10240},
                {"-3M", -1, 3 << 20}, {"2GB", 0, 2ll << 30}, {"5b", 0, 5}};
    static const char *const bad[] = {
        "", "k", "-", "1x", "1 k", "99999999999999999999", "+-1", "9223372036854775807k"};
    int sign;
    int64_t bytes;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(rk_x_parse_size(good[i].text, &sign, &bytes));
        assert_int_equal(sign, good[i].sign);
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rk_x_parse_size(bad[i], &sign, &bytes));
    assert_true(rk_x_parse_age("-2h", &sign, &bytes));
    assert_true(sign == -1 && bytes == 7200000);
    assert_true(rk_x_parse_age("1500ms", &sign, &bytes) && bytes == 1500);
    assert_false(rk_x_parse_age("2y", &sign, &bytes));
}

static void sizes_and_times_are_written_short(void **state)
{
    (void)state;
    char text[32];
    static const struct {
        int64_t bytes;
        const char *text;
    } sizes[] = {{0, "0"},          {1023, "1023"},      {1024, "1.0K"},
                 {1048575, "1.0M"}, {5ll << 30, "5.0G"}, {INT64_MAX, "8.0E"}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        rk_x_size_text(sizes[i].bytes, text);
        assert_string_equal(text, sizes[i].text);
    }
    rk_x_time_text(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    rk_x_time_text(1700000000123, text);
    assert_string_equal(text, "2023-11-14T22:13:20.123Z");
    rk_x_time_text(INT64_MAX, text);
    assert_true(strlen(text) > 0);
    rk_x_time_text(-5, text);
    assert_string_equal(text, "-5");
}

static void text_is_valid_utf8_without_zeros(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t count;
        bool is_text;
    } cases[] = {
        {"", 0, true},
        {"plain\n\t", 7, true},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, true},
        {"a\0b", 3, false},
        {"\xc3", 1, false},
        {"\xe2\x82", 2, false},
        {"\xc0\x80", 2, false},
        {"\xe0\x80\x80", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xff", 1, false},
        {"\x80", 1, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(rk_x_is_text(cases[i].bytes, cases[i].count) == cases[i].is_text);
}

static void a_text_grows(void **state)
{
    (void)state;
    struct rk_x_text t = {0};
    for (int i = 0; i < 1000; i++) {
        char *number = rk_x_format("%d,", i);
        rk_x_text_add(&t, number, strlen(number));
        free(number);
    }
    rk_x_text_add(&t, "end", 3);
    assert_int_equal(t.bytes, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_string_equal(t.at + t.bytes - 7, "999,end");
    rk_x_text_free(&t);
    assert_null(t.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_checked_as_a_server_would),
        cmocka_unit_test(a_path_goes_below_a_root_and_back),
        cmocka_unit_test(paths_compare_in_the_order_of_a_walk),
        cmocka_unit_test(sizes_have_units_and_signs),
        cmocka_unit_test(sizes_and_times_are_written_short),
        cmocka_unit_test(text_is_valid_utf8_without_zeros),
        cmocka_unit_test(a_text_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
