/* Numbers as text against the C library, over the whole range. */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "base/prng.h"

static void check(int64_t v)
{
    char out[RK_NUM_MAX];
    char expected[64];
    size_t len = rk_num_dec(out, v);
    (void)snprintf(expected, sizeof(expected), "%" PRId64, v);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
    int64_t back = 0;
    assert_true(rk_num_parse_dec(rk_bytes_of(out, len), &back));
    assert_true(back == v);

    len = rk_num_hex(out, (uint64_t)v);
    (void)snprintf(expected, sizeof(expected), "%" PRIx64, (uint64_t)v);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
    uint64_t hex = 0;
    assert_true(rk_num_parse_hex(rk_bytes_of(out, len), &hex));
    assert_true(hex == (uint64_t)v);

    len = rk_num_dec10(out, (int32_t)v);
    (void)snprintf(expected, sizeof(expected), "%010" PRId32, (int32_t)v);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void writes_as_the_c_library_does(void **state)
{
    (void)state;
    static const int64_t edges[] = {0,         1,           -1,        9,         10,
                                    -10,       99999,       INT32_MAX, INT32_MIN, INT64_MAX,
                                    INT64_MIN, -2147483647, 999999999, -999999999};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        check(edges[i]);
    }
    struct rk_prng prng;
    rk_prng_init(&prng, 8);
    for (unsigned i = 0; i < 20000; i++) {
        check((int64_t)(rk_prng_next(&prng) >> rk_prng_below(&prng, 64)));
        check(-(int64_t)(rk_prng_next(&prng) >> (1 + rk_prng_below(&prng, 63))));
    }
}

static void parses_dec_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+7", true, 7},
        {"000000000000000000000000000012", true, 12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"92233720368547758070", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+", false, 0},
        {"--1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"0x1", false, 0},
        {"1.0", false, 0},
        {"\xff", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t v = 4711;
        assert_int_equal(rk_num_parse_dec(rk_bytes_str(rows[i].text), &v), rows[i].is_ok);
        assert_true(v == (rows[i].is_ok ? rows[i].value : 4711));
    }
    int64_t v = 4711;
    assert_false(rk_num_parse_dec(rk_bytes_of("1\0", 2), &v));
}

static void parses_hex_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_ok;
        uint64_t value;
    } rows[] = {
        {"0", true, 0},
        {"ffffffffffffffff", true, UINT64_MAX},
        {"FFFFffffFFFFffff", true, UINT64_MAX},
        {"000ffffffffffffffff", true, UINT64_MAX},
        {"10000000000000000", false, 0},
        {"1ffffffffffffffff", false, 0},
        {"100000001", true, UINT64_C(0x100000001)},
        {"", false, 0},
        {"g", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"0x1", false, 0},
        {"1 ", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t v = 4711;
        assert_int_equal(rk_num_parse_hex(rk_bytes_str(rows[i].text), &v), rows[i].is_ok);
        assert_true(v == (rows[i].is_ok ? rows[i].value : 4711));
    }
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (int e = RK_OK; e <= RK_ERR_AGAIN; e++) {
        const char *text = rk_err_text((enum rk_err)e);
        assert_non_null(text);
        assert_string_not_equal(text, "unknown error");
    }
    assert_string_equal(rk_err_text(RK_OK), "ok");
    assert_string_equal(rk_err_text((enum rk_err)(RK_ERR_AGAIN + 1)), "unknown error");
    assert_string_equal(rk_err_text((enum rk_err) - 1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_as_the_c_library_does),
        cmocka_unit_test(parses_dec_strictly),
        cmocka_unit_test(parses_hex_strictly),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests_name("base num", tests, NULL, NULL);
}
