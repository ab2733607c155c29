/* The two phases of a seed: first anything may happen, then nothing does any more and everything
 * must come to rest; at the end the power goes once more, and what was acknowledged must be there.
 */
#include "sim/run.h"

#include "sim/check.h"
#include "sim/client.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/plan.h"

#define LOOK_EVERY_US 20000
#define HEAL_US_MAX   INT64_C(180000000)

static void on_look(struct sim_world *w, void *ctx, uint64_t arg)
{
    (void)ctx;
    (void)arg;
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    bool is_over = rk_sim_clients_sent(w->clients) >= w->opt.client.request_budget &&
                   rk_sim_plan_is_over(w->plan) && !w->opt.is_script;
    if (is_over || w->now_us >= w->opt.duration_us_max) {
        w->phase = SIM_PHASE_HEAL;
        return;
    }
    rk_sim_after(w, LOOK_EVERY_US, on_look, NULL, 0);
}

static void heal(struct sim_world *w)
{
    int64_t deadline_us = w->now_us + HEAL_US_MAX;
    rk_sim_plan_heal(w->plan);
    rk_sim_clients_heal(w->clients);
    while (rk_sim_node_is_busy(w->node) || !rk_sim_clients_are_at_rest(w->clients)) {
        if (w->now_us >= deadline_us) {
            rk_sim_check_at_rest(w->check);
            rk_sim_fail(w, "no rest: the server is %s, the clients are %s",
                        rk_sim_node_is_busy(w->node) ? "busy" : "idle",
                        rk_sim_clients_are_at_rest(w->clients) ? "done" : "waiting");
        }
        (void)rk_sim_world_run(w, w->now_us + LOOK_EVERY_US);
    }
    rk_sim_check_at_rest(w->check);
    rk_sim_node_check_at_rest(w->node);
    RK_MARK(w, LIVENESS);
}

/* What nobody comes back for has expired; what was acknowledged survives the power. */
static void last_look(struct sim_world *w)
{
    int64_t timeouts_us =
        1000 * (int64_t)(w->opt.node.core.max_session_timeout_ms + 5 * w->opt.node.core.tick_ms);
    (void)rk_sim_world_run(w, w->now_us + timeouts_us * 1000 / w->opt.node.clock_rate_permille);
    if (rk_sim_check_sessions(w->check) > w->opt.client.count) {
        rk_sim_fail(w, "%u sessions for %u clients", rk_sim_check_sessions(w->check),
                    w->opt.client.count);
    }
    rk_sim_node_crash(w->node, SIM_CRASH_POWER, SIM_PERSIST_NONE);
    while (!rk_sim_node_is_up(w->node)) {
        (void)rk_sim_world_run(w, w->now_us + LOOK_EVERY_US);
    }
}

void rk_sim_run(const struct sim_options *options, FILE *trace_out, struct sim_result *ret)
{
    struct sim_world w;
    rk_sim_world_init(&w, options, trace_out);
    w.disk = rk_sim_disk_create(&w.mem, &w.tape, &options->disk.shape);
    w.check = rk_sim_check_create(&w);
    w.net = rk_sim_net_create(&w);
    w.clients = rk_sim_clients_create(&w);
    w.plan = rk_sim_plan_create(&w);
    w.node = rk_sim_node_create(&w);
    rk_sim_plan_begin(w.plan);
    rk_sim_node_start(w.node);
    rk_sim_clients_start(w.clients);
    rk_sim_after(&w, LOOK_EVERY_US, on_look, NULL, 0);
    (void)rk_sim_world_run(&w, INT64_MAX);
    heal(&w);
    ret->calls = rk_sim_node_calls(w.node);
    last_look(&w);
    w.phase = SIM_PHASE_DONE;
    w.stats.seeds = 1;
    w.stats.simulated_us = (uint64_t)w.now_us;
    ret->stats = w.stats;
    rk_sim_trace_line(&w.trace, w.now_us, "end", rk_sim_disk_hash(w.disk), w.tape.draws,
                      rk_bytes_str(NULL));
    ret->trace_hash = w.trace.hash;
    rk_sim_node_destroy(w.node);
    rk_sim_plan_destroy(w.plan);
    rk_sim_clients_destroy(w.clients);
    rk_sim_net_destroy(w.net);
    rk_sim_check_destroy(w.check);
    rk_sim_disk_destroy(w.disk);
    rk_sim_world_deinit(&w);
}

void rk_sim_seed_options(uint64_t seed, struct sim_options *ret)
{
    struct sim_tape tape;
    *ret = (struct sim_options){.seed = seed};
    rk_sim_tape_init(&tape, seed);
    rk_sim_options_draw(ret, &tape);
}
