/* Scenes: fixed courses of events in which one server of three has to be brought up to date, for
 * the enumeration of crash points on that way (reliability.md 6.3). The victim comes back, and goes
 * down once more at an exact point: before or after a disk call of its, or between steps and their
 * effects; with the leader, if so wanted, so that it has a say in who leads next. */
#ifndef RK_SIM_SCENE_H
#define RK_SIM_SCENE_H

#include "sim/mishap.h"

/* X(NAME, text) */
#define RK_SIM_SCENE_TABLE(X)                                                                      \
    X(DIFF, "behind by what history holds")                                                        \
    X(SNAP, "behind by more")                                                                      \
    X(TRUNC, "a deposed leader with a tail that nobody else has")                                  \
    X(OTHER_EPOCH, "the same, and others have gone on")

enum sim_scene {
#define RK_SIM_SCENE_ENUM(name, text) SIM_SCENE_##name,
    RK_SIM_SCENE_TABLE(RK_SIM_SCENE_ENUM)
#undef RK_SIM_SCENE_ENUM
        SIM_SCENE_COUNT
};

/* A small and quiet world for it. */
void rk_sim_scene_options(struct sim_options *o, enum sim_scene scene);
uint32_t rk_sim_scene_mishaps(const struct sim_options *o, struct sim_mishap ret[SIM_MISHAPS_MAX]);
uint32_t rk_sim_scene_victim(const struct sim_options *o);
/* What its end is to be, the second time. */
struct sim_mishap rk_sim_scene_end(const struct sim_options *o);
/* Where this client connects, and whether it writes now. */
uint32_t rk_sim_scene_server(const struct sim_options *o, uint32_t client);
bool rk_sim_scene_writes(const struct sim_options *o, uint32_t client, int64_t now_us);

#endif
