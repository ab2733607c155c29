/* The two phases of a seed: first anything may happen, then nothing does any more and everything
 * must come to rest; at the end the power goes once more, and what was acknowledged must be there.
 * Of an ensemble a quorum is healed and has to elect, to serve and to agree; what is not in it
 * stays away (reliability.md 6.5). */
#include "sim/run.h"

#include "sim/check.h"
#include "sim/client.h"
#include "sim/mishap.h"
#include "sim/net.h"
#include "sim/node.h"
#include "sim/plan.h"
#include "sim/scene.h"
#include "sim/truth.h"
#include "sim/wire.h"

#define LOOK_EVERY_US 20000
#define HEAL_US_MAX   INT64_C(180000000)

/* A scene's victim that is back serves again: how many points there were on the way. */
static void look_at_victim(struct sim_world *w, struct sim_result *ret)
{
    if (!w->opt.ens.scene.is_on || ret->calls > 0) {
        return;
    }
    uint32_t victim = rk_sim_scene_victim(&w->opt);
    if (rk_sim_mishaps_is_back(rk_sim_plan_mishaps(w->plan)) &&
        rk_sim_check_is_serving(w->checks[victim])) {
        rk_sim_node_points(w->nodes[victim], &ret->calls, &ret->turns);
    }
}

static void on_look(struct sim_world *w, void *ctx, uint64_t arg)
{
    (void)arg;
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    look_at_victim(w, ctx);
    bool is_over = rk_sim_clients_sent(w->clients) >= w->opt.client.request_budget &&
                   rk_sim_plan_is_over(w->plan) && !w->opt.is_script;
    if (is_over || w->now_us >= w->opt.duration_us_max) {
        w->phase = SIM_PHASE_HEAL;
        return;
    }
    rk_sim_after(w, LOOK_EVERY_US, on_look, ctx, 0);
}

static bool is_of_core(const struct sim_world *w, uint32_t node)
{
    return (w->up_bits & 1u << node) != 0;
}

/* Everybody serves and is where everybody else is. */
static bool is_agreed(const struct sim_world *w)
{
    const struct sim_check *first = NULL;
    for (uint32_t i = 0; i < w->node_count; i++) {
        struct sim_check *c = w->checks[i];
        if (!is_of_core(w, i)) {
            continue;
        }
        first = first == NULL ? c : first;
        if (!rk_sim_check_is_serving(c) || !rk_sim_check_is_idle(c) ||
            rk_sim_node_is_busy(w->nodes[i]) ||
            rk_sim_check_applied(c) != rk_sim_check_applied(first)) {
            return false;
        }
    }
    return true;
}

static void say_who_does_not(struct sim_world *w, char *out, size_t room)
{
    size_t at = 0;
    for (uint32_t i = 0; i < w->node_count && at < room; i++) {
        at += (size_t)snprintf(out + at, room - at, " %u:%s%s%s@%llx", i + 1,
                               is_of_core(w, i) ? "" : "(away)",
                               rk_sim_check_is_leading(w->checks[i])   ? "leads"
                               : rk_sim_check_is_serving(w->checks[i]) ? "serves"
                                                                       : "looks",
                               rk_sim_node_is_busy(w->nodes[i]) ? ",busy" : "",
                               (unsigned long long)rk_sim_check_applied(w->checks[i]));
    }
}

static void check_core(struct sim_world *w)
{
    uint32_t leaders = 0;
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (is_of_core(w, i)) {
            leaders += rk_sim_check_is_leading(w->checks[i]);
            rk_sim_check_at_rest(w->checks[i]);
            rk_sim_check_whole(w->checks[i], rk_sim_node_core(w->nodes[i]), "at rest");
            rk_sim_node_check_at_rest(w->nodes[i]);
        }
    }
    if (leaders != 1) {
        rk_sim_fail(w, "%u servers lead", leaders);
    }
    if (w->opt.ens.is_calm && rk_truth_epochs(w->truth) != 1) {
        rk_sim_fail(w, "%u elections, and nothing had happened", rk_truth_epochs(w->truth));
    }
    if (w->opt.ens.is_calm && w->stats.marks[SIM_MARK_SESSION_EXPIRED] > 0) {
        rk_sim_fail(w, "a session expired, and nothing had happened");
    }
    RK_MARK(w, CONVERGED);
}

static void heal(struct sim_world *w)
{
    char text[300];
    int64_t deadline_us = w->now_us + HEAL_US_MAX;
    rk_sim_plan_heal(w->plan);
    rk_sim_clients_heal(w->clients);
    while (!is_agreed(w) || !rk_sim_clients_are_at_rest(w->clients)) {
        if (w->now_us >= deadline_us) {
            say_who_does_not(w, text, sizeof(text));
            for (uint32_t i = 0; i < w->node_count && !rk_sim_is_ensemble(w); i++) {
                rk_sim_check_at_rest(w->checks[i]);
            }
            rk_sim_fail(w, "no rest: the clients are %s, the servers:%s",
                        rk_sim_clients_are_at_rest(w->clients) ? "done" : "waiting", text);
        }
        (void)rk_sim_world_run(w, w->now_us + LOOK_EVERY_US);
    }
    if (rk_sim_is_ensemble(w)) {
        check_core(w);
    } else {
        rk_sim_check_at_rest(w->checks[0]);
        rk_sim_node_check_at_rest(w->nodes[0]);
    }
    RK_MARK(w, LIVENESS);
}

/* What nobody comes back for has expired; what was acknowledged survives the power. */
static void last_look(struct sim_world *w)
{
    int64_t timeouts_us =
        1000 * (int64_t)(w->opt.node.core.max_session_timeout_ms + 5 * w->opt.node.core.tick_ms);
    uint32_t rate = w->opt.node.clock_rate_permille;
    uint32_t epochs;
    do { /* a new leader gives every session its whole timeout again */
        epochs = rk_truth_epochs(w->truth);
        (void)rk_sim_world_run(w, w->now_us + timeouts_us * 1000 / (rate < 800 ? rate : 800));
    } while (rk_truth_epochs(w->truth) != epochs && w->opt.ens.epoch_txns_max > 0);
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (is_of_core(w, i) && rk_sim_check_sessions(w->checks[i]) > w->opt.client.count) {
            rk_sim_fail(w, "%u sessions for %u clients", rk_sim_check_sessions(w->checks[i]),
                        w->opt.client.count);
        }
    }
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (!rk_sim_node_is_down(w->nodes[i])) {
            rk_sim_node_crash(w->nodes[i], SIM_CRASH_POWER, SIM_PERSIST_NONE);
        }
    }
    for (uint32_t i = 0; i < w->node_count; i++) {
        while (is_of_core(w, i) && !rk_sim_node_is_up(w->nodes[i])) {
            (void)rk_sim_world_run(w, w->now_us + LOOK_EVERY_US);
        }
    }
}

static void create(struct sim_world *w)
{
    w->node_count = rk_sim_is_ensemble(w) ? w->opt.ens.count : 1;
    w->up_bits = (1u << w->node_count) - 1;
    w->truth = rk_truth_create(w);
    w->net = rk_sim_net_create(w);
    w->wire = rk_sim_is_ensemble(w) ? rk_wire_create(w) : NULL;
    for (uint32_t i = 0; i < w->node_count; i++) {
        w->disks[i] = rk_sim_disk_create(&w->mem, &w->tape, &w->opt.disk.shape);
        w->checks[i] = rk_sim_check_create(w, i);
    }
    w->clients = rk_sim_clients_create(w);
    w->plan = rk_sim_plan_create(w);
    for (uint32_t i = 0; i < w->node_count; i++) {
        w->nodes[i] = rk_sim_node_create(w, i);
    }
}

static void destroy(struct sim_world *w)
{
    for (uint32_t i = 0; i < w->node_count; i++) {
        rk_sim_node_destroy(w->nodes[i]);
    }
    rk_sim_plan_destroy(w->plan);
    rk_sim_clients_destroy(w->clients);
    if (w->wire != NULL) {
        rk_wire_destroy(w->wire);
    }
    rk_sim_net_destroy(w->net);
    for (uint32_t i = 0; i < w->node_count; i++) {
        rk_sim_check_destroy(w->checks[i]);
        rk_sim_disk_destroy(w->disks[i]);
    }
    rk_truth_destroy(w->truth);
    rk_sim_world_deinit(w);
}

void rk_sim_run(const struct sim_options *options, FILE *trace_out, struct sim_result *ret)
{
    struct sim_world w;
    rk_sim_world_init(&w, options, trace_out);
    create(&w);
    rk_sim_plan_begin(w.plan);
    for (uint32_t i = 0; i < w.node_count; i++) {
        rk_sim_node_start(w.nodes[i]);
    }
    rk_sim_clients_start(w.clients);
    *ret = (struct sim_result){.calls = 0};
    rk_sim_after(&w, LOOK_EVERY_US, on_look, ret, 0);
    (void)rk_sim_world_run(&w, INT64_MAX);
    heal(&w);
    if (!w.opt.ens.scene.is_on) {
        ret->calls = rk_sim_node_calls(w.nodes[0]);
    }
    last_look(&w);
    w.phase = SIM_PHASE_DONE;
    w.stats.seeds = 1;
    w.stats.simulated_us = (uint64_t)w.now_us;
    ret->stats = w.stats;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < w.node_count; i++) {
        hash = hash * 31 + rk_sim_disk_hash(w.disks[i]);
    }
    rk_sim_trace_line(&w.trace, w.now_us, "end", hash, w.tape.draws, rk_bytes_str(NULL));
    ret->trace_hash = w.trace.hash;
    destroy(&w);
}

void rk_sim_seed_options(uint64_t seed, const struct sim_size *size, struct sim_options *ret)
{
    struct sim_tape tape;
    *ret = (struct sim_options){.seed = seed};
    rk_sim_tape_init(&tape, seed);
    rk_sim_options_draw(ret, &tape);
    ret->nodes = size->is_ensemble ? size->count : 1;
    if (size->is_ensemble) {
        rk_sim_options_ensemble(ret, &tape, size->count);
    }
}
