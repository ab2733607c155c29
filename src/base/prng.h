/* Seeded randomness (xoshiro256**, seeded by splitmix64): the only source in the pure rooms. */
#ifndef RK_BASE_PRNG_H
#define RK_BASE_PRNG_H

#include "base/types.h"

struct rk_prng {
    uint64_t s[4];
};

void rk_prng_init(struct rk_prng *p, uint64_t seed);
uint64_t rk_prng_next(struct rk_prng *p);
uint64_t rk_prng_below(struct rk_prng *p, uint64_t bound); /* uniform in [0, bound); bound > 0 */
bool rk_prng_chance(struct rk_prng *p, uint32_t num, uint32_t den); /* true num times in den */

#endif
