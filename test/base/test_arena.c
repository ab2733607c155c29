/* The arena: alignment, no overlap, what reset keeps and gives back, each allocation failing. */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem_libc.h"
#include "base/poison.h"
#include "base/prng.h"

static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct rk_mem mem;
    struct rk_arena a;
    struct rk_prng prng;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    rk_prng_init(&prng, 7);
    for (unsigned round = 0; round < 20; round++) {
        uint8_t *blocks[COUNT];
        size_t sizes[COUNT];
        for (unsigned i = 0; i < COUNT; i++) {
            bool is_big = rk_prng_chance(&prng, 1, 50);
            sizes[i] = rk_prng_below(&prng, is_big ? 200000 : 300);
            blocks[i] = rk_arena_alloc(&a, sizes[i]);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] & 15u, 0);
            memset(blocks[i], (int)(i & 0xff), sizes[i]);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            for (size_t at = 0; at < sizes[i]; at++) {
                assert_true(blocks[i][at] == (i & 0xff));
            }
        }
        rk_arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
        assert_true(mem.used_bytes <= 65536);
    }
    rk_arena_deinit(&a);
    assert_int_equal(mem.used_bytes, 0);
}

static void steady_work_asks_for_no_memory(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_arena a;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    uint64_t warm = 0;
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 60; i++) {
            (void)rk_arena_alloc(&a, 1000);
        }
        rk_arena_reset(&a);
        if (round == 5) {
            warm = mem.count;
        }
    }
    assert_int_equal(mem.count, warm);
    rk_arena_deinit(&a);
}

static void a_huge_block_does_not_retire_the_current_chunk(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_arena a;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    uint8_t *before = rk_arena_alloc(&a, 16);
    (void)rk_arena_alloc(&a, 1 << 20);
    uint8_t *after = rk_arena_alloc(&a, 16);
    assert_ptr_equal(after, before + 16);
    rk_arena_reset(&a);
    assert_true(mem.used_bytes <= 65536);
    rk_arena_deinit(&a);
    /* Also when the huge one comes first. */
    (void)rk_arena_alloc(&a, 1 << 20);
    (void)rk_arena_alloc(&a, 16);
    rk_arena_reset(&a);
    assert_true(mem.used_bytes <= 65536);
    rk_arena_deinit(&a);
    assert_int_equal(mem.used_bytes, 0);
}

static void dup_keeps_null_and_empty_apart(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_arena a;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    assert_null(rk_arena_dup(&a, rk_bytes_str(NULL)).data);
    struct rk_bytes empty = rk_arena_dup(&a, rk_bytes_str(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    char text[] = "hello";
    struct rk_bytes copy = rk_arena_dup(&a, rk_bytes_str(text));
    text[0] = 'j';
    assert_true(rk_bytes_is(copy, "hello"));
    assert_ptr_not_equal(rk_arena_alloc(&a, 0), rk_arena_alloc(&a, 0));
    rk_arena_deinit(&a);
    assert_int_equal(mem.used_bytes, 0);
}

static void running_out_panics_and_leaves_it_whole(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 4; at++) {
        struct rk_mem mem;
        struct rk_arena a;
        rk_mem_libc_init(&mem, 0);
        rk_arena_init(&a, &mem);
        for (uint64_t i = 1; i < at; i++) {
            (void)rk_arena_alloc(&a, 100000);
        }
        mem.fail_at = at;
        expect_assert_failure(rk_arena_alloc(&a, 100000));
        expect_assert_failure(rk_arena_alloc(&a, SIZE_MAX));
        assert_non_null(rk_arena_alloc(&a, 10));
        rk_arena_reset(&a);
        rk_arena_deinit(&a);
        assert_int_equal(mem.used_bytes, 0);
    }
}

#ifdef RK_POISON
int __asan_address_is_poisoned(void const volatile *at);

static void what_is_not_handed_out_is_poisoned(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_arena a;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&a, &mem);
    for (size_t size = 1; size <= 40; size++) {
        uint8_t *p = rk_arena_alloc(&a, size);
        assert_false(__asan_address_is_poisoned(p));
        assert_false(__asan_address_is_poisoned(p + size - 1));
        assert_true(__asan_address_is_poisoned(p + size));
        rk_arena_reset(&a);
        assert_true(__asan_address_is_poisoned(p));
    }
    rk_arena_deinit(&a);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(steady_work_asks_for_no_memory),
        cmocka_unit_test(a_huge_block_does_not_retire_the_current_chunk),
        cmocka_unit_test(dup_keeps_null_and_empty_apart),
        cmocka_unit_test(running_out_panics_and_leaves_it_whole),
#ifdef RK_POISON
        cmocka_unit_test(what_is_not_handed_out_is_poisoned),
#endif
    };
    return cmocka_run_group_tests_name("base arena", tests, NULL, NULL);
}
