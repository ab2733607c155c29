/* The options of an ensemble, on top of those of a server alone (faults.c). */
#include "sim/faults.h"

#include "base/assert.h"

#include <string.h>

static bool pct(struct sim_tape *t, uint32_t percent)
{
    return rk_sim_chance(t, SIM_SITE_ENSEMBLE, percent, 100);
}

static int64_t log_of(struct sim_tape *t, int64_t low, int64_t high)
{
    return rk_sim_log_between(t, SIM_SITE_ENSEMBLE, low, high);
}

static uint32_t log32(struct sim_tape *t, int64_t low, int64_t high)
{
    return (uint32_t)log_of(t, low, high);
}

static void draw_size(struct sim_ens_options *e, struct sim_tape *t, uint32_t count)
{
    static const uint32_t counts[] = {3, 3, 3, 3, 3, 3, 5, 5, 4, 6};
    static const uint32_t observers[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    uint64_t at = rk_sim_below(t, SIM_SITE_ENSEMBLE, 10);
    e->count = count != 0 ? count : counts[at];
    e->observers = count != 0 ? 0 : observers[at];
}

static void draw_limits(struct sim_ens_options *e, struct sim_tape *t, int32_t tick_ms)
{
    e->init_limit = (int32_t)rk_sim_between(t, SIM_SITE_ENSEMBLE, 5, 12);
    e->sync_limit = (int32_t)rk_sim_between(t, SIM_SITE_ENSEMBLE, 2, 6);
    e->cnx_timeout_ms = (int32_t)log_of(t, 100, 5000);
    e->connect_retry_ms = log_of(t, 2, 100);
    e->election_min_ms = log_of(t, 10, 200);
    e->election_max_ms = log_of(t, 400, 10000);
    e->election_finalize_ms = pct(t, 50) ? 200 : log_of(t, 5, 200);
    e->commit_log_count = pct(t, 60) ? log32(t, 1, 60) : 500;
    e->history_bytes_max = pct(t, 80) ? 1 << 24 : (uint64_t)log_of(t, 500, 20000);
    e->history_pin_bytes_max = pct(t, 80) ? 1 << 24 : (uint64_t)log_of(t, 2000, 100000);
    e->force_snapshot_sync = pct(t, 5);
    e->says_nothing_more = pct(t, 50);
    e->snapshot_size_permille = pct(t, 40) ? -1 : pct(t, 30) ? 330 : 0;
    e->epoch_txns_max = pct(t, 15) ? log32(t, 20, 2000) : 0;
    (void)tick_ms;
    for (uint32_t i = 0; i < RK_SIM_NODES_MAX; i++) {
        e->clock_rate_permille[i] = 1000;
    }
    if (pct(t, 25)) {
        for (uint32_t i = 0; i < RK_SIM_NODES_MAX; i++) {
            e->clock_rate_permille[i] = (uint32_t)rk_sim_between(t, SIM_SITE_ENSEMBLE, 800, 1250);
        }
    }
}

/* A delay beyond a part of the tick would be an outage of its own. */
static void draw_wire(struct sim_wire_options *o, struct sim_tape *t, int32_t tick_ms)
{
    int64_t most_us = (int64_t)tick_ms * 1000 / 8;
    o->delay_us_max = pct(t, 90) ? log_of(t, 20, most_us > 40 ? most_us : 40) : 0;
    o->split_pct = pct(t, 50) ? log32(t, 2, 60) : 0;
    o->reset_ppm = pct(t, 25) ? log32(t, 20, 2000) : 0;
    o->sync_break_pct = pct(t, 30) ? log32(t, 5, 60) : 0;
    o->send_bytes = pct(t, 70) ? 1 << 20 : log32(t, 500, 100000);
    o->receive_bytes = pct(t, 70) ? 1 << 20 : log32(t, 500, 100000);
    o->overflow_ppm = pct(t, 20) ? log32(t, 20, 3000) : 0;
}

static void draw_weights(struct sim_ens_options *e, struct sim_tape *t)
{
    static const uint8_t usual[SIM_MISHAP_COUNT] = {
        [SIM_MISHAP_CRASH] = 20,         [SIM_MISHAP_CRASH_AT_CALL] = 40,
        [SIM_MISHAP_CRASH_IN_TURN] = 10, [SIM_MISHAP_CRASH_ALL] = 4,
        [SIM_MISHAP_CRASH_MANY] = 6,     [SIM_MISHAP_STOP] = 6,
        [SIM_MISHAP_WIPE] = 6,           [SIM_MISHAP_FREEZE] = 10,
        [SIM_MISHAP_ISOLATE] = 20,       [SIM_MISHAP_ISOLATE_ONE_WAY] = 8,
        [SIM_MISHAP_SPLIT] = 8,          [SIM_MISHAP_BRIDGE] = 6,
        [SIM_MISHAP_EDGE] = 8,           [SIM_MISHAP_SLOW_DISK] = 6,
        [SIM_MISHAP_FULL_DISK] = 5,      [SIM_MISHAP_CLOCK] = 4,
        [SIM_MISHAP_HAND_OVER] = 6,      [SIM_MISHAP_PURGE] = 6,
        [SIM_MISHAP_IN_SYNC] = 20,
    };
    for (uint32_t i = 0; i < SIM_MISHAP_COUNT; i++) {
        bool is_off = i != SIM_MISHAP_CRASH && pct(t, 45);
        e->mishap_weights[i] = is_off ? 0 : 1 + usual[i] * log32(t, 1, 20) / 4;
    }
}

/* What a server alone has, and the ensemble has in another way or not yet. */
static void without(struct sim_options *o)
{
    struct rk_core_config *g = &o->node.core;
    struct sim_crash_options *c = &o->crash;
    g->enforce_quota = false;
    g->conn_outstanding_max = 1000;
    g->global_outstanding_max = 1000;
    g->queued_bytes_max = 16 << 20;
    g->inflight_bytes_max = 16 << 20;
    g->request_throttle_max = 0;
    g->throttled_op_wait_ms = 0;
    g->request_stale_latency_check = false;
    g->connect_tokens = 0;
    *c = (struct sim_crash_options){.count = 0,
                                    .down_us_max = c->down_us_max,
                                    .probe_count = c->probe_count,
                                    .policies = (1 << SIM_PERSIST_COUNT) - 1};
    o->node.purge_every_us = 0;
    o->node.epoch_every_us = 0;
    o->node.has_clock_steps = false;
    o->disk.has_full_episodes = false;
    o->disk.start_fault_ppm = 0;
}

/* Nothing may happen by itself either. */
static void calm_down(struct sim_options *o)
{
    int64_t sync_us_max = (int64_t)o->node.core.tick_ms * 1000 / 40;
    o->ens.is_calm = true;
    o->ens.epoch_txns_max = 0;
    /* A disk that cannot keep up would be an outage, too. */
    o->disk.sync_us_max = o->disk.sync_us_max > sync_us_max ? sync_us_max : o->disk.sync_us_max;
    o->disk.write_us_max = o->disk.write_us_max > 100 ? 100 : o->disk.write_us_max;
    o->node.core.snap_count = o->node.core.snap_count < 50 ? 50 : o->node.core.snap_count;
    o->node.core.snap_size_bytes = 0;
    o->node.core.frame_bytes_max = 100000;
    o->node.core.record_bytes_max = 200000;
    o->node.wal.size_limit_bytes = 0;
    o->ens.mishap_count = 0;
    o->ens.wire.reset_ppm = 0;
    o->ens.wire.sync_break_pct = 0;
    o->ens.wire.send_bytes = 1 << 20;
    o->ens.wire.receive_bytes = 1 << 20;
    o->ens.wire.overflow_ppm = 0;
    o->net.reset_ppm = 0;
    o->disk.log_fault_ppm = 0;
    o->disk.snap_fault_ppm = 0;
    o->client.forgets_sessions = false;
    o->client.rude_pct = 0;
    o->client.weights[SIM_OP_RUDE] = 0;
    o->client.weights[SIM_OP_DISCONNECT] = 0;
    o->client.weights[SIM_OP_AUTH] = 0;
    o->node.core.enforce_auth_schemes = (struct rk_bytes){NULL, 0};
}

/* With a log file, and its three syncs, for each transaction a disk takes longer than the sync
 * limit for what the clients bring a new leader at once, and so it would go on for ever. */
#define LOG_FILE_BYTES_MIN 1000u
#define SNAP_COUNT_MIN     10

void rk_sim_options_ensemble(struct sim_options *o, struct sim_tape *t, uint32_t count)
{
    struct sim_ens_options *e = &o->ens;
    int32_t tick_ms = (int32_t)log_of(t, 20, 300);
    without(o);
    o->node.core.tick_ms = tick_ms;
    o->node.core.min_session_timeout_ms = 2 * tick_ms;
    o->node.core.max_session_timeout_ms = 20 * tick_ms;
    o->client.timeout_ms_max = 20 * tick_ms;
    if (o->node.wal.size_limit_bytes > 0 && o->node.wal.size_limit_bytes < LOG_FILE_BYTES_MIN) {
        o->node.wal.size_limit_bytes = LOG_FILE_BYTES_MIN;
    }
    if (o->node.core.snap_count < SNAP_COUNT_MIN) {
        o->node.core.snap_count = SNAP_COUNT_MIN;
    }
    draw_size(e, t, count);
    draw_limits(e, t, tick_ms);
    draw_wire(&e->wire, t, tick_ms);
    draw_weights(e, t);
    e->horizon_us = log_of(t, 40 * 1000 * (int64_t)tick_ms, 400 * 1000 * (int64_t)tick_ms);
    e->mishap_us_max = e->horizon_us / 3;
    e->mishap_count = log32(t, 1, 40);
    o->duration_us_max = 2 * e->horizon_us;
    if (o->disk.sync_us_max > tick_ms * 1000 / 2) {
        o->disk.sync_us_max = tick_ms * 1000 / 2;
    }
    /* Requests are to be spread over all of it. */
    int64_t think_us = e->horizon_us * o->client.count * (1 + o->client.depth_max / 2) /
                       o->client.request_budget * 2;
    o->client.think_us_max = think_us > 200 ? think_us : 200;
    o->client.is_faithful = pct(t, 75);
    if (pct(t, 10)) {
        o->client.is_faithful = true;
        calm_down(o);
    }
}
