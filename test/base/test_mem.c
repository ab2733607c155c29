/* The memory port: accounting, limit, fault injection, and the libc port under it. */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/mem_libc.h"

static void counts_follow_every_operation(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    uint8_t *a = rk_mem_alloc(&mem, 100);
    uint8_t *b = rk_mem_zalloc(&mem, 50);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(mem.used_bytes, 150);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(b[i], 0);
    }
    memset(a, 7, 100);
    a = rk_mem_resize(&mem, a, 100, 1000);
    assert_non_null(a);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(a[i], 7);
    }
    assert_int_equal(mem.used_bytes, 1050);
    a = rk_mem_resize(&mem, a, 1000, 10);
    assert_non_null(a);
    assert_int_equal(mem.used_bytes, 60);
    rk_mem_free(&mem, a, 10);
    rk_mem_free(&mem, b, 50);
    rk_mem_free(&mem, NULL, 0);
    rk_mem_free(&mem, NULL, 12); /* the size of nothing does not matter */
    assert_int_equal(mem.used_bytes, 0);
    assert_int_equal(mem.peak_bytes, 1050);
    assert_int_equal(mem.count, 4); /* freeing is not asking */
}

static void resize_from_null_and_to_zero(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    void *p = rk_mem_resize(&mem, NULL, 0, 33);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p & 15u, 0);
    assert_null(rk_mem_resize(&mem, p, 33, 0));
    assert_null(rk_mem_resize(&mem, NULL, 0, 0));
    assert_int_equal(mem.used_bytes, 0);
}

static void limit_is_exact(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 100);
    char *a = rk_mem_alloc(&mem, 60);
    assert_non_null(a);
    assert_null(rk_mem_alloc(&mem, 41));
    assert_null(rk_mem_resize(&mem, a, 60, 101));
    assert_int_equal(mem.used_bytes, 60);
    void *b = rk_mem_alloc(&mem, 40);
    assert_non_null(b);
    assert_int_equal(mem.used_bytes, 100);
    rk_mem_free(&mem, b, 40);
    a = rk_mem_resize(&mem, a, 60, 100);
    assert_non_null(a);
    rk_mem_free(&mem, a, 100);
}

static void shrinking_works_over_a_lowered_limit(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    void *a = rk_mem_alloc(&mem, 1000);
    assert_non_null(a);
    mem.limit_bytes = 10;
    a = rk_mem_resize(&mem, a, 1000, 500);
    assert_non_null(a);
    assert_null(rk_mem_alloc(&mem, 1));
    rk_mem_free(&mem, a, 500);
}

static void huge_sizes_fail_and_leave_the_block(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    char *a = rk_mem_alloc(&mem, 4);
    assert_non_null(a);
    memcpy(a, "abc", 4);
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_null(rk_mem_resize(&mem, a, 4, sizes[i]));
        assert_null(rk_mem_zalloc(&mem, sizes[i]));
        assert_string_equal(a, "abc");
        assert_int_equal(mem.used_bytes, 4);
    }
    rk_mem_free(&mem, a, 4);
}

static void fail_at_hits_exactly_one_request(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 5; at++) {
        struct rk_mem mem;
        rk_mem_libc_init(&mem, 0);
        mem.fail_at = at;
        for (uint64_t i = 1; i <= 5; i++) {
            void *p = rk_mem_alloc(&mem, 8);
            assert_true((p == NULL) == (i == at));
            rk_mem_free(&mem, p, 8);
        }
        assert_int_equal(mem.used_bytes, 0);
    }
}

static void must_variants_panic(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 64);
    expect_assert_failure(rk_mem_must_alloc(&mem, 65));
    expect_assert_failure(rk_mem_must_zalloc(&mem, 65));
    uint8_t *p = rk_mem_must_zalloc(&mem, 64);
    assert_int_equal(p[0] | p[63], 0);
    expect_assert_failure(rk_mem_must_resize(&mem, p, 64, 65));
    p = rk_mem_must_resize(&mem, p, 64, 32);
    assert_int_equal(mem.used_bytes, 32);
    rk_mem_free(&mem, p, 32);
}

static void wrong_sizes_are_caught(void **state)
{
    (void)state;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    void *p = rk_mem_must_alloc(&mem, 16);
    expect_assert_failure(rk_mem_free(&mem, p, 17));
    expect_assert_failure(rk_mem_free(&mem, p, 0));
    expect_assert_failure(rk_mem_must_alloc(&mem, 0));
    rk_mem_free(&mem, p, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_follow_every_operation),
        cmocka_unit_test(resize_from_null_and_to_zero),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(shrinking_works_over_a_lowered_limit),
        cmocka_unit_test(huge_sizes_fail_and_leave_the_block),
        cmocka_unit_test(fail_at_hits_exactly_one_request),
        cmocka_unit_test(must_variants_panic),
        cmocka_unit_test(wrong_sizes_are_caught),
    };
    return cmocka_run_group_tests_name("base mem", tests, NULL, NULL);
}
