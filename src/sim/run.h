/* One seed, from an empty disk to the last look at what is left. */
#ifndef RK_SIM_RUN_H
#define RK_SIM_RUN_H

#include "sim/world.h"

struct sim_result {
    struct sim_stats stats;
    uint64_t trace_hash;
    uint64_t calls; /* of the disk that change something; of a scene's victim until it serves */
    uint32_t turns; /* of a scene's victim until it serves */
};

/* Returns only if nothing was found; else the hook of rk_sim_set_on_fail does not. */
void rk_sim_run(const struct sim_options *options, FILE *trace_out, struct sim_result *ret);
/* A server alone; or an ensemble of so many, 0: the seed decides. */
struct sim_size {
    bool is_ensemble;
    uint32_t count;
};
/* The options of a seed. */
void rk_sim_seed_options(uint64_t seed, const struct sim_size *size, struct sim_options *ret);

#endif
