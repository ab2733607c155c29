/* Views, reader and buffer: every limit from both sides, the latches, and each allocation failing.
 */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem_libc.h"
#include "base/prng.h"

static struct rk_mem mem;

static int setup(void **state)
{
    (void)state;
    rk_mem_libc_init(&mem, 0);
    return 0;
}

static int nothing_is_held(void **state)
{
    (void)state;
    return mem.used_bytes == 0 ? 0 : -1;
}

static void null_and_empty_differ(void **state)
{
    (void)state;
    struct rk_bytes null = rk_bytes_str(NULL);
    struct rk_bytes empty = rk_bytes_str("");
    assert_null(null.data);
    assert_non_null(empty.data);
    assert_true(rk_bytes_equal(null, null));
    assert_true(rk_bytes_equal(empty, empty));
    assert_false(rk_bytes_equal(null, empty));
    assert_false(rk_bytes_equal(empty, null));
    assert_int_equal(rk_bytes_compare(null, empty), 0);
    assert_true(rk_bytes_is(empty, ""));
    assert_false(rk_bytes_is(null, ""));
    assert_true(rk_bytes_starts_with(null, null));
    assert_true(rk_bytes_starts_with(empty, null));
    expect_assert_failure((void)rk_bytes_of(NULL, 1));
}

static void comparison_orders_as_memcmp_then_length(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        int sign;
    } rows[] = {
        {"", "", 0},     {"a", "", 1},   {"a", "b", -1},   {"ab", "a", 1},
        {"a", "ab", -1}, {"b", "ab", 1}, {"\xff", "a", 1}, {"/a/b", "/a-b", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rk_bytes a = rk_bytes_str(rows[i].a);
        struct rk_bytes b = rk_bytes_str(rows[i].b);
        int order = rk_bytes_compare(a, b);
        assert_int_equal((order > 0) - (order < 0), rows[i].sign);
        order = rk_bytes_compare(b, a);
        assert_int_equal((order > 0) - (order < 0), -rows[i].sign);
        assert_int_equal(rk_bytes_equal(a, b), rows[i].sign == 0);
    }
    assert_true(rk_bytes_starts_with(rk_bytes_str("/a/b"), rk_bytes_str("/a")));
    assert_false(rk_bytes_starts_with(rk_bytes_str("/a"), rk_bytes_str("/a/b")));
    assert_false(rk_bytes_starts_with(rk_bytes_str("/b/a"), rk_bytes_str("/a")));
    assert_true(rk_bytes_is(rk_bytes_of("ruok", 4), "ruok"));
    assert_false(rk_bytes_is(rk_bytes_of("ruok\0", 5), "ruok"));
    assert_false(rk_bytes_is(rk_bytes_of("ruo", 3), "ruok"));
}

static void extremes_round_trip(void **state)
{
    (void)state;
    static const int64_t wide[] = {0,         1,         -1,        INT64_MIN,
                                   INT64_MAX, INT32_MIN, INT32_MAX, INT64_C(0x0102030405060708)};
    struct rk_buf b;
    rk_buf_init(&b, &mem, 1000);
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        rk_buf_reset(&b);
        rk_buf_put_i64(&b, wide[i]);
        rk_buf_put_i32(&b, (int32_t)wide[i]);
        rk_buf_put_u8(&b, 0xfe);
        rk_buf_put_bool(&b, true);
        rk_buf_put_bool(&b, false);
        rk_buf_put_bytes(&b, rk_bytes_str(NULL));
        rk_buf_put_bytes(&b, rk_bytes_str(""));
        rk_buf_put_bytes(&b, rk_bytes_str("xyz"));
        assert_false(b.failed);
        struct rk_reader r;
        rk_reader_init(&r, rk_buf_view(&b), 3);
        assert_true(rk_read_i64(&r) == wide[i]);
        assert_int_equal(rk_read_i32(&r), (int32_t)wide[i]);
        assert_int_equal(rk_read_u8(&r), 0xfe);
        assert_true(rk_read_bool(&r));
        assert_false(rk_read_bool(&r));
        assert_null(rk_read_bytes(&r).data);
        struct rk_bytes empty = rk_read_bytes(&r);
        assert_non_null(empty.data);
        assert_int_equal(empty.len, 0);
        assert_true(rk_bytes_is(rk_read_bytes(&r), "xyz"));
        assert_int_equal(rk_reader_left(&r), 0);
        assert_false(r.failed);
    }
    rk_buf_deinit(&b);
}

static void the_wire_is_big_endian(void **state)
{
    (void)state;
    uint8_t raw[12];
    rk_store_i32(raw, 0x01020304);
    rk_store_i64(raw + 4, INT64_C(-2));
    static const uint8_t expected[12] = {1,    2,    3,    4,    0xff, 0xff,
                                         0xff, 0xff, 0xff, 0xff, 0xff, 0xfe};
    assert_memory_equal(raw, expected, 12);
    assert_int_equal(rk_load_i32(raw), 0x01020304);
    assert_true(rk_load_i64(raw + 4) == -2);
    assert_int_equal(rk_load_i32(raw + 1), 0x020304ff); /* unaligned */
}

static void any_nonzero_byte_is_true(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        uint8_t byte = (uint8_t)v;
        struct rk_reader r;
        rk_reader_init(&r, rk_bytes_of(&byte, 1), 0);
        assert_int_equal(rk_read_bool(&r), v != 0);
    }
}

/* Every read on every input that is too short fails, yields nothing and stays failed. */
static void short_input_latches(void **state)
{
    (void)state;
    uint8_t raw[16];
    memset(raw, 0x11, sizeof(raw));
    for (size_t kind = 0; kind < 4; kind++) {
        static const size_t needs[] = {1, 4, 8, 4};
        for (size_t len = 0; len < needs[kind]; len++) {
            struct rk_reader r;
            rk_reader_init(&r, rk_bytes_of(raw, len), 100);
            switch (kind) {
            case 0:
                assert_int_equal(rk_read_u8(&r), 0);
                break;
            case 1:
                assert_int_equal(rk_read_i32(&r), 0);
                break;
            case 2:
                assert_true(rk_read_i64(&r) == 0);
                break;
            default:
                assert_null(rk_read_bytes(&r).data);
                break;
            }
            assert_true(r.failed);
            assert_int_equal(rk_reader_left(&r), 0);
            assert_int_equal(rk_read_u8(&r), 0);
            assert_int_equal(rk_read_count(&r, 1), 0);
            assert_true(r.failed);
        }
    }
    struct rk_reader r;
    rk_reader_init(&r, (struct rk_bytes){NULL, 0}, 10);
    assert_int_equal(rk_reader_left(&r), 0);
    rk_read_skip(&r, 0);
    assert_false(r.failed);
    rk_read_skip(&r, 1);
    assert_true(r.failed);
}

static void lying_lengths_fail(void **state)
{
    (void)state;
    static const struct {
        int32_t len;
        uint32_t limit;
        bool is_null;
        bool fails;
    } rows[] = {
        {-1, 0, true, false},
        {-2, 100, true, true},
        {INT32_MIN, 100, true, true},
        {INT32_MAX, 100, true, true},
        {INT32_MAX, UINT32_MAX, true, true},
        {9, 100, true, true},
        {8, 7, true, true},
        {8, 8, false, false},
        {7, 8, false, false},
        {0, 0, false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t raw[12] = {0};
        rk_store_i32(raw, rows[i].len);
        struct rk_reader r;
        rk_reader_init(&r, rk_bytes_of(raw, sizeof(raw)), rows[i].limit);
        struct rk_bytes got = rk_read_bytes(&r);
        assert_int_equal(got.data == NULL, rows[i].is_null);
        assert_int_equal(r.failed, rows[i].fails);
        if (!rows[i].is_null) {
            assert_int_equal(got.len, rows[i].len);
            assert_ptr_equal(got.data, raw + 4);
        }
    }
}

static void counts_are_checked_against_what_is_left(void **state)
{
    (void)state;
    static const struct {
        int32_t count;
        uint32_t element;
        int32_t expected;
        bool fails;
    } rows[] = {
        {-1, 1, -1, false}, {-2, 1, 0, false},       {INT32_MIN, 1, 0, false},
        {0, 100, 0, false}, {8, 1, 8, false},        {9, 1, 0, true},
        {2, 4, 2, false},   {3, 4, 0, true},         {INT32_MAX, UINT32_MAX, 0, true},
        {1, 8, 1, false},   {INT32_MAX, 1, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t raw[12] = {0};
        rk_store_i32(raw, rows[i].count);
        struct rk_reader r;
        rk_reader_init(&r, rk_bytes_of(raw, sizeof(raw)), 100);
        assert_int_equal(rk_read_count(&r, rows[i].element), rows[i].expected);
        assert_int_equal(r.failed, rows[i].fails);
    }
}

/* Random reads on random bytes never leave the input; the sanitizers watch. */
static void random_reads_stay_inside(void **state)
{
    (void)state;
    struct rk_prng prng;
    rk_prng_init(&prng, 42);
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = rk_prng_below(&prng, 24);
        uint8_t *raw = rk_mem_must_alloc(&mem, len + 1);
        for (size_t i = 0; i < len; i++) {
            raw[i] = rk_prng_chance(&prng, 2, 3) ? 0 : (uint8_t)rk_prng_next(&prng);
        }
        uint8_t *tight = rk_mem_must_resize(&mem, raw, len + 1, len == 0 ? 1 : len);
        struct rk_reader r;
        rk_reader_init(&r, rk_bytes_of(tight, len), 16);
        for (unsigned step = 0; step < 8; step++) {
            struct rk_bytes b = {NULL, 0};
            switch (rk_prng_below(&prng, 5)) {
            case 0:
                (void)rk_read_u8(&r);
                break;
            case 1:
                (void)rk_read_i64(&r);
                break;
            case 2:
                b = rk_read_bytes(&r);
                break;
            case 3:
                (void)rk_read_count(&r, 1);
                break;
            default:
                rk_read_skip(&r, rk_prng_next(&prng) >> rk_prng_below(&prng, 64));
                break;
            }
            assert_true(b.data == NULL || (b.data >= tight && b.data + b.len <= tight + len));
            assert_true(r.at >= tight && r.at <= tight + len);
        }
        rk_mem_free(&mem, tight, len == 0 ? 1 : len);
    }
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 20; max++) {
        struct rk_buf b;
        rk_buf_init(&b, &mem, max);
        for (size_t i = 0; i < max; i++) {
            rk_buf_put_u8(&b, (uint8_t)i);
        }
        assert_false(b.failed);
        assert_int_equal(b.len, max);
        assert_true(b.cap <= max);
        rk_buf_put_u8(&b, 1);
        assert_true(b.failed);
        assert_int_equal(b.len, max);
        rk_buf_put(&b, NULL, 0);
        rk_buf_put_i32(&b, 5);
        rk_buf_patch_i32(&b, 1000, 5); /* dropped, like every write after the latch */
        assert_false(rk_buf_reserve(&b, 0));
        assert_int_equal(b.len, max);
        rk_buf_reset(&b);
        assert_false(b.failed);
        if (max >= 4) {
            rk_buf_put_i32(&b, -7);
            assert_int_equal(rk_load_i32(rk_buf_view(&b).data), -7);
        }
        rk_buf_deinit(&b);
        assert_int_equal(mem.used_bytes, 0);
    }
}

static void a_record_that_does_not_fit_is_not_cut(void **state)
{
    (void)state;
    struct rk_buf b;
    rk_buf_init(&b, &mem, 10);
    rk_buf_put_i32(&b, 1);
    rk_buf_put_i64(&b, 2);
    assert_true(b.failed);
    assert_int_equal(b.len, 4);
    rk_buf_put_u8(&b, 3); /* would fit, but comes after the failure */
    assert_int_equal(b.len, 4);
    rk_buf_reset(&b);
    rk_buf_put_bytes(&b, rk_bytes_str("seven77"));
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    rk_buf_reset(&b);
    rk_buf_put_bytes(&b, rk_bytes_str("six666"));
    assert_false(b.failed);
    assert_int_equal(b.len, 10);
    rk_buf_deinit(&b);
}

static void absurd_reservations_fail(void **state)
{
    (void)state;
    static const size_t more[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, (size_t)1 << 40};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct rk_buf b;
        rk_buf_init(&b, &mem, i % 2 == 0 ? SIZE_MAX : 1 << 20);
        mem.limit_bytes = 1 << 20;
        rk_buf_put_u8(&b, 1);
        assert_false(rk_buf_reserve(&b, more[i]));
        assert_true(b.failed);
        assert_int_equal(b.len, 1);
        rk_buf_deinit(&b);
        mem.limit_bytes = 0;
    }
}

static void patching_needs_four_written_bytes(void **state)
{
    (void)state;
    struct rk_buf b;
    rk_buf_init(&b, &mem, 100);
    rk_buf_put_u8(&b, 9);
    expect_assert_failure(rk_buf_patch_i32(&b, 0, 1));
    rk_buf_put_i32(&b, 0);
    rk_buf_patch_i32(&b, 1, INT32_MIN);
    assert_int_equal(rk_load_i32(b.data + 1), INT32_MIN);
    expect_assert_failure(rk_buf_patch_i32(&b, 2, 1));
    expect_assert_failure(rk_buf_patch_i32(&b, SIZE_MAX, 1));
    rk_buf_deinit(&b);
}

static void an_empty_view_is_not_null(void **state)
{
    (void)state;
    struct rk_buf b;
    rk_buf_init(&b, &mem, 100);
    assert_non_null(rk_buf_view(&b).data);
    assert_int_equal(rk_buf_view(&b).len, 0);
    rk_buf_deinit(&b);
    assert_non_null(rk_buf_view(&b).data);
}

static void each_failing_allocation_latches(void **state)
{
    (void)state;
    bool is_over = false;
    for (uint64_t at = 1; !is_over; at++) {
        mem.count = 0;
        mem.fail_at = at;
        struct rk_buf b;
        rk_buf_init(&b, &mem, 1 << 20);
        for (int32_t i = 0; i < 2000; i++) {
            rk_buf_put_i32(&b, i);
        }
        is_over = !b.failed;
        assert_int_equal(b.failed, mem.count >= at);
        for (size_t i = 0; i * 4 < b.len; i++) {
            assert_int_equal(rk_load_i32(b.data + i * 4), i);
        }
        rk_buf_deinit(&b);
        assert_int_equal(mem.used_bytes, 0);
        assert_true(at < 100);
    }
    mem.fail_at = 0;
}

static void growth_is_linear_in_total(void **state)
{
    (void)state;
    struct rk_buf b;
    rk_buf_init(&b, &mem, SIZE_MAX);
    mem.count = 0;
    for (unsigned i = 0; i < 1u << 20; i++) {
        rk_buf_put_u8(&b, (uint8_t)i);
    }
    assert_false(b.failed);
    assert_true(mem.count < 20);
    assert_true(mem.used_bytes <= 2u << 20);
    rk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_and_empty_differ),
        cmocka_unit_test(comparison_orders_as_memcmp_then_length),
        cmocka_unit_test_setup_teardown(extremes_round_trip, setup, nothing_is_held),
        cmocka_unit_test(the_wire_is_big_endian),
        cmocka_unit_test(any_nonzero_byte_is_true),
        cmocka_unit_test(short_input_latches),
        cmocka_unit_test(lying_lengths_fail),
        cmocka_unit_test(counts_are_checked_against_what_is_left),
        cmocka_unit_test_setup_teardown(random_reads_stay_inside, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(a_buffer_stops_at_its_maximum, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(a_record_that_does_not_fit_is_not_cut, setup,
                                        nothing_is_held),
        cmocka_unit_test_setup_teardown(absurd_reservations_fail, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(patching_needs_four_written_bytes, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(an_empty_view_is_not_null, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(each_failing_allocation_latches, setup, nothing_is_held),
        cmocka_unit_test_setup_teardown(growth_is_linear_in_total, setup, nothing_is_held),
    };
    return cmocka_run_group_tests_name("base bytes", tests, NULL, NULL);
}
