/* The histogram: the error bound over the whole range, quantiles against sorted samples, merging.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/hist.h"
#include "base/prng.h"

static struct rk_hist h;

static void every_magnitude_keeps_the_error_bound(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        static const int64_t offsets[] = {-1, 0, 1, 3};
        for (size_t i = 0; i < 4; i++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)offsets[i];
            rk_hist_init(&h);
            rk_hist_add(&h, value);
            rk_hist_add(&h, UINT64_MAX); /* so that max does not hide the bucket's bound */
            uint64_t got = rk_hist_quantile(&h, 500000);
            assert_true(got >= value);
            assert_true((double)(got - value) <= 0.016 * (double)value);
        }
    }
}

static void small_values_are_exact(void **state)
{
    (void)state;
    rk_hist_init(&h);
    for (uint64_t v = 0; v < 100; v++) {
        rk_hist_add(&h, v);
    }
    assert_int_equal(h.count, 100);
    assert_int_equal(h.sum, 4950);
    assert_int_equal(h.min, 0);
    assert_int_equal(h.max, 99);
    assert_int_equal(rk_hist_quantile(&h, 0), 0);
    assert_int_equal(rk_hist_quantile(&h, 10000), 0);
    assert_int_equal(rk_hist_quantile(&h, 10001), 1);
    assert_int_equal(rk_hist_quantile(&h, 500000), 49);
    assert_int_equal(rk_hist_quantile(&h, 1000000), 99);
}

static void the_empty_one_has_no_quantiles(void **state)
{
    (void)state;
    rk_hist_init(&h);
    assert_int_equal(rk_hist_quantile(&h, 0), 0);
    assert_int_equal(rk_hist_quantile(&h, 1000000), 0);
    assert_true(h.min == UINT64_MAX);
    expect_assert_failure(rk_hist_quantile(&h, 1000001));
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_follow_sorted_samples_also_when_merged(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t samples[COUNT];
    static struct rk_hist halves[2];
    struct rk_prng prng;
    rk_prng_init(&prng, 4);
    rk_hist_init(&h);
    rk_hist_init(&halves[0]);
    rk_hist_init(&halves[1]);
    for (size_t i = 0; i < COUNT; i++) {
        samples[i] = rk_prng_next(&prng) >> rk_prng_below(&prng, 64);
        rk_hist_add(&h, samples[i]);
        rk_hist_add(&halves[i % 2], samples[i]);
    }
    rk_hist_merge(&halves[0], &halves[1]);
    assert_memory_equal(&h, &halves[0], sizeof(h));
    qsort(samples, COUNT, sizeof(samples[0]), by_value);
    assert_true(h.min == samples[0] && h.max == samples[COUNT - 1]);
    static const uint32_t shares[] = {1,      1000,   250000, 500000, 900000,
                                      990000, 999000, 999999, 1000000};
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        uint64_t rank = ((uint64_t)COUNT * shares[i] + 999999) / 1000000;
        uint64_t exact = samples[rank - 1];
        uint64_t got = rk_hist_quantile(&h, shares[i]);
        assert_true(got >= exact);
        assert_true((double)(got - exact) <= 0.016 * (double)exact);
    }
}

static void full_counters_stay_full(void **state)
{
    (void)state;
    static struct rk_hist other;
    rk_hist_init(&h);
    rk_hist_init(&other);
    h.buckets[5] = UINT32_MAX - 1;
    h.count = UINT32_MAX - 1;
    rk_hist_add(&h, 5);
    rk_hist_add(&h, 5);
    assert_true(h.buckets[5] == UINT32_MAX);
    assert_true(h.count == (uint64_t)UINT32_MAX + 1);
    rk_hist_add(&other, 5);
    rk_hist_merge(&h, &other);
    assert_true(h.buckets[5] == UINT32_MAX);
    assert_int_equal(rk_hist_quantile(&h, 1000000), 5);
    rk_hist_add(&h, UINT64_MAX);
    rk_hist_add(&h, UINT64_MAX);
    assert_true(h.sum == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_magnitude_keeps_the_error_bound),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(the_empty_one_has_no_quantiles),
        cmocka_unit_test(quantiles_follow_sorted_samples_also_when_merged),
        cmocka_unit_test(full_counters_stay_full),
    };
    return cmocka_run_group_tests_name("base hist", tests, NULL, NULL);
}
