/* xoshiro256** by Blackman and Vigna (public domain reference), seeded by splitmix64 as its authors
 * advise. Guarantees the same stream for the same seed on every machine; not for secrets. */
#include "base/prng.h"

#include "base/assert.h"

static uint64_t rotate_left(uint64_t v, unsigned bits)
{
    return (v << bits) | (v >> (64u - bits));
}

static uint64_t splitmix(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rk_prng_init(struct rk_prng *p, uint64_t seed)
{
    uint64_t state = seed;
    for (unsigned i = 0; i < 4; i++) {
        p->s[i] = splitmix(&state);
    }
}

uint64_t rk_prng_next(struct rk_prng *p)
{
    /* The all-zero state is the one the generator never leaves. */
    RK_ASSERT((p->s[0] | p->s[1] | p->s[2] | p->s[3]) != 0);
    uint64_t result = rotate_left(p->s[1] * 5, 7) * 9;
    uint64_t t = p->s[1] << 17;
    p->s[2] ^= p->s[0];
    p->s[3] ^= p->s[1];
    p->s[1] ^= p->s[2];
    p->s[0] ^= p->s[3];
    p->s[2] ^= t;
    p->s[3] = rotate_left(p->s[3], 45);
    return result;
}

uint64_t rk_prng_below(struct rk_prng *p, uint64_t bound)
{
    RK_ASSERT(bound > 0);
    /* Lemire's method: the high half of a 128-bit product, with the biased low halves drawn again.
     */
    uint64_t threshold = (0 - bound) % bound;
    for (;;) {
        unsigned __int128 product = (unsigned __int128)rk_prng_next(p) * bound;
        if ((uint64_t)product >= threshold) {
            uint64_t result = (uint64_t)(product >> 64);
            RK_ASSERT(result < bound);
            return result;
        }
    }
}

bool rk_prng_chance(struct rk_prng *p, uint32_t num, uint32_t den)
{
    RK_ASSERT(den > 0);
    RK_ASSERT(num <= den);
    return rk_prng_below(p, den) < num;
}
