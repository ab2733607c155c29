/* The slab: reuse, zeroing, the maximum, addresses that never move. */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "base/slab.h"

static void random_takes_and_gives_match_a_model(void **state)
{
    (void)state;
    enum { MAX = 10000, SLOT = 24 };
    static void *address[MAX + 1];
    static bool is_live[MAX + 1];
    struct rk_mem mem;
    struct rk_slab s;
    struct rk_prng prng;
    rk_mem_libc_init(&mem, 0);
    rk_slab_init(&s, &mem, SLOT, MAX);
    rk_prng_init(&prng, 3);
    uint32_t live = 0;
    for (unsigned op = 0; op < 200000; op++) {
        bool is_taking = rk_prng_chance(&prng, op / 50000 % 2 == 0 ? 7 : 3, 10);
        if (is_taking) {
            uint32_t index = rk_slab_take(&s);
            if (live == MAX) {
                assert_int_equal(index, 0);
                continue;
            }
            assert_true(index > 0 && index <= MAX);
            assert_false(is_live[index]);
            uint8_t *slot = rk_slab_at(&s, index);
            for (size_t i = 0; i < SLOT; i++) {
                assert_int_equal(slot[i], 0);
            }
            assert_true(address[index] == NULL || address[index] == slot);
            address[index] = slot;
            memset(slot, 0xa5, SLOT);
            is_live[index] = true;
            live++;
        } else if (live > 0) {
            uint32_t index = (uint32_t)rk_prng_below(&prng, s.high - 1) + 1;
            if (is_live[index]) {
                const uint8_t *slot = rk_slab_at(&s, index);
                assert_int_equal(slot[0], 0xa5);
                assert_int_equal(slot[SLOT - 1], 0xa5);
                rk_slab_give(&s, index);
                is_live[index] = false;
                live--;
            }
        }
        assert_int_equal(s.live, live);
    }
    rk_slab_deinit(&s);
    assert_int_equal(mem.used_bytes, 0);
}

static void the_last_given_is_the_next_taken(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_slab s;
    rk_mem_libc_init(&mem, 0);
    rk_slab_init(&s, &mem, 12, 100);
    assert_int_equal(rk_slab_take(&s), 1);
    assert_int_equal(rk_slab_take(&s), 2);
    assert_int_equal(rk_slab_take(&s), 3);
    memset(rk_slab_at(&s, 1), 0x7e, 12);
    rk_slab_give(&s, 1);
    rk_slab_give(&s, 3);
    /* Who walks all slots may look at what it left in a dead one. */
    assert_memory_equal((uint8_t *)rk_slab_at(&s, 1) + 4, "\x7e\x7e\x7e\x7e\x7e\x7e\x7e\x7e", 8);
    assert_int_equal(rk_slab_take(&s), 3);
    assert_int_equal(rk_slab_take(&s), 1);
    assert_int_equal(rk_slab_take(&s), 4);
    assert_int_equal(s.high, 5);
    rk_slab_deinit(&s);
    assert_int_equal(rk_slab_take(&s), 1); /* usable again */
    rk_slab_deinit(&s);
    assert_int_equal(mem.used_bytes, 0);
}

static void the_maximum_is_exact(void **state)
{
    (void)state;
    static const uint32_t maxima[] = {0,
                                      1,
                                      RK_SLAB_SEGMENT_SLOTS - 1,
                                      RK_SLAB_SEGMENT_SLOTS,
                                      RK_SLAB_SEGMENT_SLOTS + 1,
                                      5 * RK_SLAB_SEGMENT_SLOTS};
    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        struct rk_mem mem;
        struct rk_slab s;
        rk_mem_libc_init(&mem, 0);
        rk_slab_init(&s, &mem, 8, maxima[i]);
        for (uint32_t n = 0; n < maxima[i]; n++) {
            assert_int_equal(rk_slab_take(&s), n + 1);
        }
        assert_int_equal(rk_slab_take(&s), 0);
        if (maxima[i] > 0) {
            rk_slab_give(&s, maxima[i]);
            assert_int_equal(rk_slab_take(&s), maxima[i]);
        }
        rk_slab_deinit(&s);
        assert_int_equal(mem.used_bytes, 0);
    }
}

static void misuse_is_caught(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_slab s;
    rk_mem_libc_init(&mem, 0);
    expect_assert_failure(rk_slab_init(&s, &mem, 3, 10));
    expect_assert_failure(rk_slab_init(&s, &mem, 8, UINT32_MAX));
    rk_slab_init(&s, &mem, 8, 10);
    expect_assert_failure((void)rk_slab_at(&s, 0));
    expect_assert_failure((void)rk_slab_at(&s, 1));
    expect_assert_failure(rk_slab_give(&s, 1));
    uint32_t index = rk_slab_take(&s);
    assert_int_equal(rk_slab_take(&s), index + 1);
    rk_slab_give(&s, index);
    expect_assert_failure(rk_slab_give(&s, index));
    rk_slab_deinit(&s);
}

static void running_out_panics(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 2; at++) {
        struct rk_mem mem;
        struct rk_slab s;
        rk_mem_libc_init(&mem, 0);
        rk_slab_init(&s, &mem, 8, 10);
        mem.fail_at = at;
        expect_assert_failure(assert_int_equal(rk_slab_take(&s), 0));
        rk_slab_deinit(&s);
        assert_int_equal(mem.used_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_takes_and_gives_match_a_model),
        cmocka_unit_test(the_last_given_is_the_next_taken),
        cmocka_unit_test(the_maximum_is_exact),
        cmocka_unit_test(misuse_is_caught),
        cmocka_unit_test(running_out_panics),
    };
    return cmocka_run_group_tests_name("base slab", tests, NULL, NULL);
}
