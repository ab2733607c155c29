/* The generator: reference values, bounds, no glaring bias. */
#include "support/cmocka_all.h"

#include "base/prng.h"

static void matches_the_published_reference(void **state)
{
    (void)state;
    /* xoshiro256** from the state {1, 2, 3, 4}, as published with the reference implementation. */
    static const uint64_t expected[] = {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240),
                                        UINT64_C(1215971899390074240)};
    struct rk_prng p = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(rk_prng_next(&p) == expected[i]);
    }
    /* splitmix64 from 0: its first output is well known. */
    rk_prng_init(&p, 0);
    assert_true(p.s[0] == UINT64_C(0xe220a8397b1dcdaf));
}

static void same_seed_same_stream(void **state)
{
    (void)state;
    struct rk_prng a;
    struct rk_prng b;
    struct rk_prng c;
    rk_prng_init(&a, 1);
    rk_prng_init(&b, 1);
    rk_prng_init(&c, 2);
    unsigned same = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t v = rk_prng_next(&a);
        assert_true(v == rk_prng_next(&b));
        same += v == rk_prng_next(&c) ? 1 : 0;
    }
    assert_int_equal(same, 0);
}

static void below_stays_below_and_reaches_everything(void **state)
{
    (void)state;
    struct rk_prng p;
    rk_prng_init(&p, 9);
    static const uint64_t bounds[] = {1, 2, 3, 7, 64, 1000};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        unsigned seen[1000] = {0};
        for (unsigned n = 0; n < 200000; n++) {
            uint64_t v = rk_prng_below(&p, bounds[i]);
            assert_true(v < bounds[i]);
            seen[v]++;
        }
        uint64_t expected = 200000 / bounds[i];
        for (uint64_t v = 0; v < bounds[i]; v++) {
            /* More than eight standard deviations off at the widest. */
            assert_in_range(seen[v], expected * 2 / 5, expected * 8 / 5);
        }
    }
    for (unsigned n = 0; n < 1000; n++) {
        assert_true(rk_prng_below(&p, UINT64_MAX) < UINT64_MAX);
        assert_true(rk_prng_below(&p, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
    expect_assert_failure(rk_prng_below(&p, 0));
}

static void chance_keeps_its_promises(void **state)
{
    (void)state;
    struct rk_prng p;
    rk_prng_init(&p, 10);
    unsigned hits = 0;
    for (unsigned n = 0; n < 100000; n++) {
        assert_false(rk_prng_chance(&p, 0, 5));
        assert_true(rk_prng_chance(&p, UINT32_MAX, UINT32_MAX));
        hits += rk_prng_chance(&p, 1, 4) ? 1 : 0;
    }
    assert_in_range(hits, 24000, 26000);
    expect_assert_failure(rk_prng_chance(&p, 2, 1));
    expect_assert_failure(rk_prng_chance(&p, 0, 0));
}

static void the_dead_state_is_caught(void **state)
{
    (void)state;
    struct rk_prng p = {{0, 0, 0, 0}};
    expect_assert_failure(rk_prng_next(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_published_reference),
        cmocka_unit_test(same_seed_same_stream),
        cmocka_unit_test(below_stays_below_and_reaches_everything),
        cmocka_unit_test(chance_keeps_its_promises),
        cmocka_unit_test(the_dead_state_is_caught),
    };
    return cmocka_run_group_tests_name("base prng", tests, NULL, NULL);
}
