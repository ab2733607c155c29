/* CRC-32 (polynomial 0x04C11DB7, reflected) by folding 16 bytes at a time with PCLMULQDQ.
 *
 * V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
 * Intel 2009; the constants are x^n mod P for the distances folded over, bit-reflected, as given
 * there. Short inputs, tails and other processors go to zlib, so the two agree by construction
 * there, and by test/shell/test_crc32.c elsewhere. */
#include "shell/crc32.h"

#include <zlib.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define FOLD_BYTES 16u
#define FOLD_MIN   64u /* below it the set-up costs more than it saves */

/* Multiplies both halves of x and adds: x moved on by the distance that k stands for, plus data. */
__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold(__m128i x, __m128i k,
                                                                    __m128i data)
{
    __m128i low = _mm_clmulepi64_si128(x, k, 0x00);
    __m128i high = _mm_clmulepi64_si128(x, k, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), data);
}

/* Of 16 bytes to 4, first by two foldings, then by Barrett's reduction. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t reduce(__m128i x)
{
    const __m128i k3k4 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i poly = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i mask = _mm_setr_epi32(-1, 0, -1, 0);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, k3k4, 0x10));
    __m128i low = _mm_and_si128(x, mask);
    x = _mm_xor_si128(_mm_srli_si128(x, 4), _mm_clmulepi64_si128(low, k5, 0x00));
    __m128i t = _mm_clmulepi64_si128(_mm_and_si128(x, mask), poly, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, mask), poly, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

static __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* len is a multiple of 16, at least 64. crc is the inverted register. */
__attribute__((target("pclmul,sse4.1"))) static uint32_t run(uint32_t crc, const uint8_t *p,
                                                             size_t len)
{
    const __m128i k1k2 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4); /* over 64 bytes */
    const __m128i k3k4 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0); /* over 16 bytes */
    __m128i x0 = _mm_xor_si128(load(p), _mm_cvtsi32_si128((int)crc));
    __m128i x1 = load(p + 16);
    __m128i x2 = load(p + 32);
    __m128i x3 = load(p + 48);
    p += 64;
    len -= 64;
    while (len >= 64) {
        x0 = fold(x0, k1k2, load(p));
        x1 = fold(x1, k1k2, load(p + 16));
        x2 = fold(x2, k1k2, load(p + 32));
        x3 = fold(x3, k1k2, load(p + 48));
        p += 64;
        len -= 64;
    }
    x0 = fold(x0, k3k4, x1);
    x0 = fold(x0, k3k4, x2);
    x0 = fold(x0, k3k4, x3);
    while (len >= FOLD_BYTES) {
        x0 = fold(x0, k3k4, load(p));
        p += FOLD_BYTES;
        len -= FOLD_BYTES;
    }
    return reduce(x0);
}

static bool has_pclmul(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

uint32_t rk_crc32(uint32_t crc, const void *data, size_t len)
{
    if (len < FOLD_MIN || !has_pclmul()) {
        return (uint32_t)crc32_z(crc, data, len);
    }
    size_t whole = len - len % FOLD_BYTES;
    crc = ~run(~crc, data, whole);
    return whole == len ? crc : (uint32_t)crc32_z(crc, (const uint8_t *)data + whole, len - whole);
}

#else

uint32_t rk_crc32(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

#endif
