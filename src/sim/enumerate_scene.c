/* Crash points of an ensemble in a fixed order: scene, then calls (before, after, what survives),
 * then turns (the process alone, or the power); each with and without the leader. */
#include "sim/enumerate.h"
#include "sim/scene.h"

#include <stdio.h>

#define SIDES      2u  /* before the call, after it */
#define TURN_ENDS  2u  /* the process alone; the power, and nothing unsynced survives */
#define LEADERS    2u  /* the leader stays, the leader goes too */
#define CALLS_MORE 10u /* behind the moment when it serves: its first writes */

/* Of what may come of a crash at a call: the process alone, and one of each way of losing power. */
static const uint32_t outcomes[] = {0, 1, 2, 3, 5, 8};
#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

struct sim_scene_points {
    struct rk_mem mem;
    uint64_t calls[SIM_SCENE_COUNT];
    uint32_t turns[SIM_SCENE_COUNT];
};

struct sim_scene_points *rk_sim_scene_points_create(void)
{
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    struct sim_scene_points *points = rk_mem_must_zalloc(&mem, sizeof(*points));
    points->mem = mem;
    for (uint32_t scene = 0; scene < SIM_SCENE_COUNT; scene++) {
        struct sim_options options;
        struct sim_result result;
        rk_sim_scene_options(&options, (enum sim_scene)scene);
        rk_sim_run(&options, NULL, &result);
        RK_ASSERT(result.calls > 0);
        points->calls[scene] = result.calls + CALLS_MORE;
        points->turns[scene] = result.turns;
    }
    return points;
}

void rk_sim_scene_points_destroy(struct sim_scene_points *points)
{
    struct rk_mem mem = points->mem;
    rk_mem_free(&mem, points, sizeof(*points));
}

static uint64_t count_of(const struct sim_scene_points *points, uint32_t scene)
{
    return (points->calls[scene] * SIDES * OUTCOMES + points->turns[scene] * TURN_ENDS) * LEADERS;
}

uint64_t rk_sim_scene_points_count(const struct sim_scene_points *points)
{
    uint64_t count = 0;
    for (uint32_t scene = 0; scene < SIM_SCENE_COUNT; scene++) {
        count += count_of(points, scene);
    }
    return count;
}

void rk_sim_scene_point_options(void *ctx, uint64_t index, struct sim_options *ret,
                                char *ret_replay, size_t room)
{
    const struct sim_scene_points *points = ctx;
    uint64_t at = index;
    uint32_t scene = 0;
    while (at >= count_of(points, scene)) {
        at -= count_of(points, scene);
        scene++;
        RK_ASSERT(scene < SIM_SCENE_COUNT);
    }
    rk_sim_scene_options(ret, (enum sim_scene)scene);
    struct sim_scene_point *point = &ret->ens.scene;
    uint64_t of_calls = points->calls[scene] * SIDES * OUTCOMES;
    point->takes_leader = at % LEADERS == 1;
    at /= LEADERS;
    if (at < of_calls) {
        const struct sim_crash_outcome *o = &rk_sim_crash_outcomes[outcomes[at % OUTCOMES]];
        at /= OUTCOMES;
        point->is_after = at % SIDES == 1;
        point->at_call = at / SIDES + 1;
        point->is_kill = o->is_kill;
        point->policy = o->policy;
        ret->persist_salt = o->salt;
    } else {
        at -= of_calls;
        point->is_kill = at % TURN_ENDS == 0;
        point->policy = SIM_PERSIST_NONE;
        point->at_turn = (uint32_t)(at / TURN_ENDS) + 1;
    }
    (void)snprintf(ret_replay, room, "--point %llu --nodes 3", (unsigned long long)index);
}
