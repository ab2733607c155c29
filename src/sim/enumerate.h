/* The exhaustive campaign: a short script of writes, rolls, snapshots, purges and epoch files is
 * crashed before and after every disk call that changes something, with everything that may survive
 * such a crash; each time the server starts again, the script goes on, and the power is lost once
 * more at its end. */
#ifndef RK_SIM_ENUMERATE_H
#define RK_SIM_ENUMERATE_H

#include "sim/campaign.h"

/* What may come of a crash at a disk call. */
struct sim_crash_outcome {
    enum sim_persist policy;
    bool is_kill;
    uint64_t salt;
};
extern const struct sim_crash_outcome rk_sim_crash_outcomes[];
extern const uint32_t rk_sim_crash_outcome_count;

/* Runs the script without a crash to count its calls. */
struct sim_points *rk_sim_points_create(void);
void rk_sim_points_destroy(struct sim_points *points);
uint64_t rk_sim_points_count(const struct sim_points *points);
void rk_sim_point_options(void *points, uint64_t index, struct sim_options *ret, char *ret_replay,
                          size_t room);

/* The same of an ensemble: the victim of each scene (scene.h) on its way to being brought up to
 * date, with and without its leader, at every call and between steps and effects. */
struct sim_scene_points *rk_sim_scene_points_create(void);
void rk_sim_scene_points_destroy(struct sim_scene_points *points);
uint64_t rk_sim_scene_points_count(const struct sim_scene_points *points);
void rk_sim_scene_point_options(void *points, uint64_t index, struct sim_options *ret,
                                char *ret_replay, size_t room);

#endif
