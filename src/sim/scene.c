/* The courses of the scenes. Times are far enough apart for an election each. */
#include "sim/scene.h"

#define QUIET_US  150000 /* everybody is up */
#define DOWN_US   400000 /* the victim goes, or is cut off */
#define BACK_US   700000 /* it comes back */
#define AGAIN_US  900000 /* others write again */
#define END_US    1200000
#define TAIL_US   40000 /* how long it leads nobody, and does not know it */
#define REPEAT_US 20000 /* the second time it is not gone for long */

static enum sim_scene scene_of(const struct sim_options *o)
{
    RK_ASSERT(o->ens.scene.is_on && o->ens.scene.scene < SIM_SCENE_COUNT);
    return (enum sim_scene)o->ens.scene.scene;
}

static bool has_tail(const struct sim_options *o)
{
    return scene_of(o) == SIM_SCENE_TRUNC || scene_of(o) == SIM_SCENE_OTHER_EPOCH;
}

/* All are equal at the start, so the one with the largest number leads. */
uint32_t rk_sim_scene_victim(const struct sim_options *o)
{
    return has_tail(o) ? 2 : 0;
}

uint32_t rk_sim_scene_mishaps(const struct sim_options *o, struct sim_mishap ret[SIM_MISHAPS_MAX])
{
    uint32_t victim = rk_sim_scene_victim(o);
    uint32_t count = 0;
    if (has_tail(o)) {
        ret[count++] = (struct sim_mishap){
            .kind = SIM_MISHAP_ISOLATE, .at_us = DOWN_US, .for_us = 2 * TAIL_US, .who = victim};
    }
    ret[count++] = (struct sim_mishap){.kind = SIM_MISHAP_CRASH,
                                       .at_us = DOWN_US + (has_tail(o) ? TAIL_US : 0),
                                       .for_us = BACK_US - DOWN_US - (has_tail(o) ? TAIL_US : 0),
                                       .who = victim,
                                       .is_kill = true};
    return count;
}

struct sim_mishap rk_sim_scene_end(const struct sim_options *o)
{
    return (struct sim_mishap){.kind = SIM_MISHAP_CRASH_AT_CALL,
                               .for_us = REPEAT_US,
                               .who = rk_sim_scene_victim(o),
                               .is_kill = o->ens.scene.is_kill,
                               .policy = o->ens.scene.policy};
}

uint32_t rk_sim_scene_server(const struct sim_options *o, uint32_t client)
{
    return client == 0 && has_tail(o) ? rk_sim_scene_victim(o) : 1;
}

bool rk_sim_scene_writes(const struct sim_options *o, uint32_t client, int64_t now_us)
{
    bool is_on_victim = client == 0 && has_tail(o);
    if (now_us < QUIET_US || now_us > END_US) {
        return false;
    }
    if (now_us < DOWN_US) {
        return true;
    }
    if (now_us < AGAIN_US) {
        return has_tail(o) ? is_on_victim || scene_of(o) == SIM_SCENE_OTHER_EPOCH
                           : now_us < BACK_US;
    }
    return true;
}

void rk_sim_scene_options(struct sim_options *o, enum sim_scene scene)
{
    struct sim_ens_options *e = &o->ens;
    rk_sim_options_script(o, (uint32_t)scene);
    o->nodes = 3;
    o->duration_us_max = END_US + 100000;
    o->node.core.snap_count = 1000;
    o->node.purge_every_us = 0;
    o->node.epoch_every_us = 0;
    o->node.log_reserve_bytes = 0;
    o->node.core.tick_ms = 40;
    o->node.core.min_session_timeout_ms = 400;
    o->node.core.max_session_timeout_ms = 800;
    o->client.count = 2;
    o->client.library_count = 0;
    o->client.timeout_ms_max = 800;
    o->client.think_us_max = 20000;
    o->client.is_faithful = true;
    o->crash = (struct sim_crash_options){.down_us_max = 1000, .policies = 1};
    *e = (struct sim_ens_options){.count = 3,
                                  .init_limit = 10,
                                  .sync_limit = 4,
                                  .cnx_timeout_ms = 500,
                                  .connect_retry_ms = 5,
                                  .election_min_ms = 20,
                                  .election_max_ms = 400,
                                  .election_finalize_ms = 20,
                                  .commit_log_count = scene == SIM_SCENE_SNAP ? 2 : 500,
                                  .history_bytes_max = 1 << 24,
                                  .history_pin_bytes_max = 1 << 24,
                                  .horizon_us = END_US};
    for (uint32_t i = 0; i < RK_SIM_NODES_MAX; i++) {
        e->clock_rate_permille[i] = 1000;
    }
    e->wire = (struct sim_wire_options){
        .delay_us_max = 200, .send_bytes = 1 << 20, .receive_bytes = 1 << 20};
    e->scene.is_on = true;
    e->scene.scene = (uint32_t)scene;
}
