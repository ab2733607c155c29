/* Draws of the decision tape. Same seed, same sequence per site. A shrinker would put its own
 * choices in here instead of the streams. */
#include "sim/tape.h"

#include "base/assert.h"

void rk_sim_tape_init(struct sim_tape *t, uint64_t seed)
{
    t->seed = seed;
    t->draws = 0;
    for (uint32_t i = 0; i < SIM_SITE_COUNT; i++) {
        /* Any odd factor keeps the streams of neighbouring seeds apart: the seeder mixes. */
        rk_prng_init(&t->streams[i], seed * UINT64_C(0x9e3779b97f4a7c15) + i + 1);
    }
}

void rk_sim_tape_salt(struct sim_tape *t, enum sim_site site, uint64_t salt)
{
    if (salt != 0) {
        rk_prng_init(&t->streams[site], t->seed + (salt << 32) + site);
    }
}

uint64_t rk_sim_below(struct sim_tape *t, enum sim_site site, uint64_t bound)
{
    RK_ASSERT((uint32_t)site < SIM_SITE_COUNT);
    RK_ASSERT(bound > 0);
    t->draws++;
    return rk_prng_below(&t->streams[site], bound);
}

int64_t rk_sim_between(struct sim_tape *t, enum sim_site site, int64_t low, int64_t high)
{
    RK_ASSERT(low <= high);
    return low + (int64_t)rk_sim_below(t, site, (uint64_t)high - (uint64_t)low + 1);
}

int64_t rk_sim_log_between(struct sim_tape *t, enum sim_site site, int64_t low, int64_t high)
{
    RK_ASSERT(low > 0 && low <= high);
    uint32_t octaves = 0;
    while (octaves < 62 && (high >> octaves) >= 2 * low) {
        octaves++;
    }
    int64_t from = low << rk_sim_below(t, site, octaves + 1);
    int64_t to = from > high / 2 ? high : 2 * from - 1;
    return rk_sim_between(t, site, from, to);
}

bool rk_sim_chance(struct sim_tape *t, enum sim_site site, uint32_t num, uint32_t den)
{
    RK_ASSERT(den > 0);
    return rk_sim_below(t, site, den) < num;
}
