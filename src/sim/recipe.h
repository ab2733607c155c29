/* A recipe: the options of one run as a small text file. A run is its seed and what was changed of
 * the options that the seed draws; the file says just that, and survives changes of the simulator
 * better than the seed alone, because what was left out stays out. */
#ifndef RK_SIM_RECIPE_H
#define RK_SIM_RECIPE_H

#include "sim/run.h"

/* Names of options that can be changed by number. */
uint32_t rk_sim_recipe_keys(void);
const char *rk_sim_recipe_key(uint32_t key);
int64_t rk_sim_recipe_get(const struct sim_options *o, uint32_t key);
void rk_sim_recipe_set(struct sim_options *o, uint32_t key, int64_t value);
/* The value that makes a run simplest. */
int64_t rk_sim_recipe_plain(uint32_t key);

/* What differs from the options that the seed draws. */
void rk_sim_recipe_write(FILE *out, const struct sim_options *o);
/* False: *ret_why says why, and in which line. */
bool rk_sim_recipe_read(FILE *in, struct sim_options *ret, char *ret_why, size_t room);

#endif
