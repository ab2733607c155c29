/* Makes a failing run smaller, as long as it fails in the same way: leaves out mishaps, shortens,
 * takes away clients, makes options plain. Each try is a process of its own. */
#ifndef RK_SIM_SHRINK_H
#define RK_SIM_SHRINK_H

#include "sim/run.h"

/* Prints what it finds; the recipe of the smallest run goes to path. The exit status: 0 if it
 * failed and a recipe was written. */
int rk_sim_shrink(const struct sim_options *options, const char *path, uint32_t tries_max);

#endif
