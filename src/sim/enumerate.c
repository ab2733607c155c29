/* Crash points in a fixed order: variant, call, before or after, what survives. The policies that
 * draw are tried several times. */
#include "sim/enumerate.h"

#include <stdio.h>

const struct sim_crash_outcome rk_sim_crash_outcomes[] = {
    {SIM_PERSIST_ALL, true, 0},      {SIM_PERSIST_NONE, false, 0},
    {SIM_PERSIST_ALL, false, 0},     {SIM_PERSIST_PREFIX, false, 1},
    {SIM_PERSIST_PREFIX, false, 2},  {SIM_PERSIST_SUBSET, false, 1},
    {SIM_PERSIST_SUBSET, false, 2},  {SIM_PERSIST_SUBSET, false, 3},
    {SIM_PERSIST_GARBAGE, false, 1}, {SIM_PERSIST_GARBAGE, false, 2},
    {SIM_PERSIST_GARBAGE, false, 3},
};
#define OUTCOMES (sizeof(rk_sim_crash_outcomes) / sizeof(rk_sim_crash_outcomes[0]))
const uint32_t rk_sim_crash_outcome_count = OUTCOMES;
#define SIDES 2u /* before the call, after it */

struct sim_points {
    struct rk_mem mem;
    uint64_t calls[RK_SIM_SCRIPT_VARIANTS];
};

struct sim_points *rk_sim_points_create(void)
{
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    struct sim_points *points = rk_mem_must_zalloc(&mem, sizeof(*points));
    points->mem = mem;
    for (uint32_t variant = 0; variant < RK_SIM_SCRIPT_VARIANTS; variant++) {
        struct sim_options options;
        struct sim_result result;
        rk_sim_options_script(&options, variant);
        rk_sim_run(&options, NULL, &result);
        points->calls[variant] = result.calls;
    }
    return points;
}

void rk_sim_points_destroy(struct sim_points *points)
{
    struct rk_mem mem = points->mem;
    rk_mem_free(&mem, points, sizeof(*points));
}

uint64_t rk_sim_points_count(const struct sim_points *points)
{
    uint64_t calls = 0;
    for (uint32_t variant = 0; variant < RK_SIM_SCRIPT_VARIANTS; variant++) {
        calls += points->calls[variant];
    }
    return calls * SIDES * OUTCOMES;
}

void rk_sim_point_options(void *ctx, uint64_t index, struct sim_options *ret, char *ret_replay,
                          size_t room)
{
    const struct sim_points *points = ctx;
    const struct sim_crash_outcome *o = &rk_sim_crash_outcomes[index % OUTCOMES];
    uint64_t at = index / OUTCOMES / SIDES;
    uint32_t variant = 0;
    while (at >= points->calls[variant]) {
        at -= points->calls[variant];
        variant++;
        RK_ASSERT(variant < RK_SIM_SCRIPT_VARIANTS);
    }
    rk_sim_options_script(ret, variant);
    ret->crash.exact_call = at + 1;
    ret->crash.exact_is_after = index / OUTCOMES % SIDES == 1;
    ret->crash.exact_policy = o->policy;
    ret->crash.exact_is_kill = o->is_kill;
    ret->persist_salt = o->salt;
    (void)snprintf(ret_replay, room, "--point %llu", (unsigned long long)index);
}
