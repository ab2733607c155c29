/* The splitter: whole, split, several, lying frames. */
#include "proto_support.h"

#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

static void a_whole_frame_is_borrowed_from_the_input(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, "00000003 616263 ff");
    const uint8_t *start = in.data;
    struct rk_bytes frame;
    assert_int_equal(rk_frame_next(&in, 3, &frame), RK_OK);
    assert_ptr_equal(frame.data, start + 4);
    assert_true(rk_bytes_is(frame, "abc"));
    assert_int_equal(in.len, 1);
    assert_ptr_equal(in.data, start + 7);
}

static void an_empty_frame_is_not_null(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, "00000000");
    struct rk_bytes frame;
    assert_int_equal(rk_frame_next(&in, 0, &frame), RK_OK);
    assert_non_null(frame.data);
    assert_int_equal(frame.len, 0);
    assert_int_equal(in.len, 0);
}

static void every_missing_byte_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes whole = unhex(f, "00000005 6162636465");
    for (uint32_t len = 0; len < whole.len; len++) {
        uint8_t *copy = exact_copy(rk_bytes_of(whole.data, len));
        struct rk_bytes in = rk_bytes_of(copy, len);
        struct rk_bytes frame = {NULL, 77};
        assert_int_equal(rk_frame_next(&in, 5, &frame), RK_ERR_SHORT);
        assert_ptr_equal(in.data, copy);
        assert_int_equal(in.len, len);
        assert_int_equal(frame.len, 77);
        assert_int_equal(rk_frame_need(in), len < 4 ? 4 - len : 9 - len);
        free(copy);
    }
    assert_int_equal(rk_frame_need(whole), 0);
    struct rk_bytes null = {NULL, 0};
    assert_int_equal(rk_frame_need(null), 4);
}

static void impossible_lengths_are_told_at_once(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes frame = {NULL, 77};
    struct rk_bytes in = unhex(f, "ffffffff");
    assert_int_equal(rk_frame_next(&in, UINT32_MAX, &frame), RK_ERR_MALFORMED);
    assert_int_equal(rk_frame_need(in), 0);
    in = unhex(f, "80000000 00");
    assert_int_equal(rk_frame_next(&in, UINT32_MAX, &frame), RK_ERR_MALFORMED);
    in = unhex(f, "00100000");
    assert_int_equal(rk_frame_next(&in, 0xfffff, &frame), RK_ERR_TOO_BIG);
    assert_int_equal(rk_frame_next(&in, 0x100000, &frame), RK_ERR_SHORT);
    assert_int_equal(rk_frame_need(in), 0x100000);
    in = unhex(f, "7fffffff");
    assert_int_equal(rk_frame_next(&in, INT32_MAX, &frame), RK_ERR_SHORT);
    assert_int_equal(rk_frame_need(in), INT32_MAX);
    assert_int_equal(in.len, 4);
    assert_int_equal(frame.len, 77);
}

/* However the stream is cut, the same frames come out. */
static void cuts_do_not_matter(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, 3);
    struct rk_buf stream;
    rk_buf_init(&stream, &f->mem, 1 << 16);
    for (int i = 0; i < 100; i++) {
        size_t place = rk_frame_begin(&stream);
        for (uint64_t n = rk_prng_below(&p, 40); n > 0; n--) {
            rk_buf_put_u8(&stream, (uint8_t)i);
        }
        rk_frame_end(&stream, place);
    }
    for (int round = 0; round < 200; round++) {
        size_t from = 0;
        size_t to = 0;
        uint32_t frames = 0;
        while (from < stream.len) {
            struct rk_bytes in = rk_bytes_of(stream.data + from, to - from);
            struct rk_bytes frame;
            enum rk_err err = rk_frame_next(&in, 40, &frame);
            if (err == RK_ERR_SHORT) {
                uint32_t need = rk_frame_need(in);
                assert_true(need > 0 && to + need <= stream.len);
                to += 1 + (size_t)rk_prng_below(&p, stream.len - to);
                continue;
            }
            assert_int_equal(err, RK_OK);
            for (uint32_t i = 0; i < frame.len; i++) {
                assert_int_equal(frame.data[i], frames);
            }
            frames++;
            from = to - in.len;
        }
        assert_int_equal(frames, 100);
    }
    rk_buf_deinit(&stream);
}

static void a_frame_is_closed_with_its_length(void **state)
{
    struct fixture *f = *state;
    rk_buf_put_u8(&f->b, 9);
    size_t place = rk_frame_begin(&f->b);
    rk_buf_put(&f->b, "abc", 3);
    rk_frame_end(&f->b, place);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), unhex(f, "09 00000003 616263")));

    struct rk_buf small;
    rk_buf_init(&small, &f->mem, 6);
    place = rk_frame_begin(&small);
    rk_buf_put(&small, "abc", 3);
    rk_frame_end(&small, place);
    assert_true(small.failed);
    rk_buf_deinit(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_frame_is_borrowed_from_the_input),
        TEST(an_empty_frame_is_not_null),
        TEST(every_missing_byte_is_asked_for),
        TEST(impossible_lengths_are_told_at_once),
        TEST(cuts_do_not_matter),
        TEST(a_frame_is_closed_with_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
