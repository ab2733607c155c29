/* The folding CRC-32 against zlib's: every length, alignment and start value that could matter. */
#include "support/cmocka_all.h"

#include <string.h>
#include <zlib.h>

#include "base/prng.h"
#include "shell/crc32.h"

static void equals_zlib_for_every_length_and_alignment(void **state)
{
    (void)state;
    static uint8_t bytes[2048];
    struct rk_prng prng;
    rk_prng_init(&prng, 9);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)rk_prng_next(&prng);
    }
    for (size_t len = 0; len <= 1200; len++) {
        for (size_t offset = 0; offset < 17; offset += len < 300 ? 1 : 5) {
            uint32_t start = len % 3 == 0 ? 0 : (uint32_t)rk_prng_next(&prng);
            assert_int_equal(rk_crc32(start, bytes + offset, len),
                             crc32_z(start, bytes + offset, len));
        }
    }
}

static void equals_zlib_for_long_and_plain_inputs(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    static const uint8_t fills[] = {0x00, 0xff, 0x80, 0x01};
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(bytes, fills[i], sizeof(bytes));
        assert_int_equal(rk_crc32(0, bytes, sizeof(bytes)), crc32_z(0, bytes, sizeof(bytes)));
        assert_int_equal(rk_crc32(0xffffffff, bytes, 65537), crc32_z(0xffffffff, bytes, 65537));
    }
    assert_int_equal(rk_crc32(0, "123456789", 9), 0xcbf43926); /* the check value of CRC-32 */
}

static void pieces_make_the_whole(void **state)
{
    (void)state;
    static uint8_t bytes[5000];
    struct rk_prng prng;
    rk_prng_init(&prng, 10);
    for (unsigned round = 0; round < 500; round++) {
        size_t len = rk_prng_below(&prng, sizeof(bytes));
        size_t cut = rk_prng_below(&prng, len + 1);
        memset(bytes, (int)round, len);
        bytes[cut] = (uint8_t)~round;
        uint32_t crc = rk_crc32(rk_crc32(0, bytes, cut), bytes + cut, len - cut);
        assert_int_equal(crc, crc32_z(0, bytes, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_zlib_for_every_length_and_alignment),
        cmocka_unit_test(equals_zlib_for_long_and_plain_inputs),
        cmocka_unit_test(pieces_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
