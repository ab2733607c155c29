/* The exhaustive campaign: a short script of writes, rolls, snapshots, purges and epoch files is
 * crashed before and after every disk call that changes something, with everything that may survive
 * such a crash; each time the server starts again, the script goes on, and the power is lost once
 * more at its end. */
#ifndef RK_SIM_ENUMERATE_H
#define RK_SIM_ENUMERATE_H

#include "sim/campaign.h"

/* Runs the script without a crash to count its calls. */
struct sim_points *rk_sim_points_create(void);
void rk_sim_points_destroy(struct sim_points *points);
uint64_t rk_sim_points_count(const struct sim_points *points);
void rk_sim_point_options(void *points, uint64_t index, struct sim_options *ret, char *ret_replay,
                          size_t room);

#endif
