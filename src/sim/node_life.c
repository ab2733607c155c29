/* Start, stop, crash. A crash ends everything the process held at once; what of its files is left
 * is the disk's business, what the clients may have seen the checker's. */
#include "sim/node_int.h"

#include "sim/plan.h"
#include "sim/wire.h"

#include <stdio.h>
#include <string.h>

#define RESTART_US_LEAST 1000
#define STOP_US_MAX      5000000

struct sim_node *rk_sim_node_create(struct sim_world *w, uint32_t index)
{
    struct sim_node *n = rk_mem_must_zalloc(&w->mem, sizeof(*n));
    n->w = w;
    n->index = index;
    n->check = w->checks[index];
    n->disk = w->disks[index];
    n->clock_rate_permille = rk_sim_is_ensemble(w) ? w->opt.ens.clock_rate_permille[index]
                                                   : w->opt.node.clock_rate_permille;
    n->port = rk_sim_disk_port(n->disk);
    n->wall_base_ms = INT64_C(1700000000000);
    rk_mem_libc_init(&n->mem, 0);
    rk_node_threads_init(n);
    rk_node_set_hooks(n);
    return n;
}

static void finish_threads(struct sim_node *n)
{
    struct node_thread *threads[] = {&n->log, &n->snap, &n->boot};
    for (uint32_t i = 0; i < 3; i++) {
        while (!rk_sim_fiber_is_idle(threads[i]->fiber)) {
            rk_sim_fiber_resume(threads[i]->fiber);
        }
        threads[i]->is_sleeping = false;
        threads[i]->token++;
        threads[i]->work = WORK_NONE;
    }
}

/* Nothing of the process is left. */
static void tear_down(struct sim_node *n)
{
    n->is_dying = true;
    rk_sim_disk_cut(n->disk);
    finish_threads(n);
    n->is_dying = false;
    n->is_crash_due = false;
    if (n->core != NULL) {
        rk_core_destroy(n->core);
        rk_effects_deinit(&n->fx);
        n->core = NULL;
    }
    n->fx_seen = (struct sim_fx_mark){.count = 0};
    if (n->mem.used_bytes != 0) {
        rk_sim_fail(n->w, "%zu bytes of memory were never freed", n->mem.used_bytes);
    }
    n->incarnation++;
    n->tick_token++;
    n->state = NODE_DOWN;
    n->is_turn_due = false;
    n->is_log_report_due = false;
    n->is_snap_report_due = false;
    n->crash_turns = 0;
    n->crash_call = 0;
    n->frozen_until_us = 0;
    n->slow_until_us = 0;
}

void rk_sim_node_destroy(struct sim_node *n)
{
    if (n->state != NODE_DOWN) {
        tear_down(n);
        rk_sim_disk_kill(n->disk);
    }
    rk_node_threads_deinit(n);
    rk_mem_free(&n->w->mem, n, sizeof(*n));
}

/* -- Start -- */

static void create_core(struct sim_node *n)
{
    struct sim_world *w = n->w;
    struct rk_core_config config = w->opt.node.core;
    struct rk_ensemble_config *ens = NULL;
    config.seed = w->opt.seed + n->incarnation;
    config.clock_ms = n->wall_ms; /* of all clocks the one that goes on over restarts */
    if (rk_sim_is_ensemble(w)) {
        ens = rk_mem_must_zalloc(&w->mem, sizeof(*ens));
        rk_node_member_config(n, &config, ens);
    }
    n->core = rk_core_create(&n->mem, &config);
    RK_ASSERT(n->core != NULL);
    rk_mem_free(&w->mem, ens, sizeof(*ens));
}

void rk_sim_node_start(struct sim_node *n)
{
    struct sim_world *w = n->w;
    RK_ASSERT(n->state == NODE_DOWN);
    n->state = NODE_STARTING;
    n->has_no_power = false;
    n->boot_us = w->now_us;
    n->mono_base_ms = rk_sim_between(&w->tape, SIM_SITE_NODE, 1000, INT64_C(1) << 40);
    rk_node_clock(n);
    create_core(n);
    rk_effects_init(&n->fx, &n->mem);
    n->had_read_fault = false;
    n->died = false;
    rk_node_member_booted(n);
    rk_sim_trace_line(&w->trace, w->now_us, "start", n->incarnation, n->index, rk_bytes_str(NULL));
    if (w->wire != NULL) {
        rk_wire_host_up(w->wire, n->index);
    }
    rk_sim_plan_starting(w->plan, n);
    rk_node_start_boot(n);
}

static void mark_start(struct sim_node *n)
{
    struct sim_world *w = n->w;
    const char *dot = strrchr(n->recovered.snapshot_name, '.');
    if (n->recovered.is_fresh) {
        RK_MARK(w, START_FRESH);
    } else if (n->recovered.txn_count == 0) {
        RK_MARK(w, START_SNAPSHOT_ONLY);
    } else {
        RK_MARK(w, START_REPLAY);
    }
    if (n->recovered.bad_snapshots > 0) {
        RK_MARK(w, BAD_SNAPSHOT);
    }
    if (n->recovered.torn_file[0] != '\0') {
        RK_MARK(w, TORN_TAIL);
    }
    if (dot != NULL && strcmp(dot, ".gz") == 0) {
        RK_MARK(w, SNAP_GZIP);
    } else if (dot != NULL && strcmp(dot, ".snappy") == 0) {
        RK_MARK(w, SNAP_SNAPPY);
    }
}

static void on_start(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    (void)w;
    if (n->incarnation == incarnation && n->state == NODE_DOWN &&
        rk_sim_plan_may_start(n->w->plan, n)) {
        rk_sim_node_start(n);
    }
}

static void start_later(struct sim_node *n)
{
    int64_t down_us = n->w->phase == SIM_PHASE_FAULTS ? n->w->opt.crash.down_us_max : 0;
    int64_t us = RESTART_US_LEAST + rk_sim_delay(n->w, SIM_SITE_CRASH, down_us);
    rk_sim_after(n->w, rk_sim_plan_down_us(n->w->plan, n, us), on_start, n, n->incarnation);
}

/* Refused: only with a reason, and without having touched what is there. */
static void start_failed(struct sim_node *n)
{
    struct sim_world *w = n->w;
    bool is_rotten = rk_sim_plan_is_rotten(w->plan, n);
    rk_sim_trace_line(&w->trace, w->now_us, "start refused", (uint64_t)n->boot_err, 0,
                      rk_bytes_str(n->problem.text));
    bool is_full = rk_sim_is_ensemble(w) && n->boot_err == RK_ERR_NO_SPACE;
    if (!n->had_read_fault && !is_rotten && !is_full) {
        rk_sim_fail(w, "the server would not start: %s", n->problem.text);
    }
    if (n->problem.text[0] == '\0') {
        rk_sim_fail(w, "start refused without a word (%s)", rk_err_text(n->boot_err));
    }
    if (is_rotten) {
        RK_MARK(w, START_REFUSED_ROT);
        rk_sim_plan_repair(w->plan, n);
    } else {
        RK_MARK(w, START_REFUSED_EIO);
    }
    tear_down(n);
    rk_sim_disk_kill(n->disk);
    n->was_killed = true;
    if (w->wire != NULL) {
        rk_wire_died(w->wire, n->index, true);
    }
    start_later(n);
}

void rk_node_booted(struct sim_node *n)
{
    struct sim_world *w = n->w;
    if (n->boot_err != RK_OK) {
        start_failed(n);
        return;
    }
    mark_start(n);
    if (rk_sim_plan_is_rotten(w->plan, n)) {
        RK_MARK(w, START_DESPITE_ROT);
        rk_sim_plan_repair(w->plan, n);
    }
    rk_node_clock(n);
    rk_sim_check_recovered(n->check, n->core, &n->recovered, n->now_ms);
    rk_sim_trace_line(&w->trace, w->now_us, "started", (uint64_t)n->recovered.last_zxid,
                      n->recovered.txn_count, rk_bytes_str(n->recovered.snapshot_name));
    n->state = NODE_UP;
    n->is_serving = rk_sim_is_ensemble(w) || !n->recovered.is_fresh;
    n->tick_due_ms = INT64_MIN;
    rk_zxid last_zxid = n->recovered.last_zxid < 0 ? 0 : n->recovered.last_zxid;
    n->report_durable = last_zxid;
    n->seen_durable = last_zxid;
    n->log_appended = last_zxid;
    n->report_is_full = false;
    n->seen_full = false;
    n->slices_taken = 0;
    n->snaps_done = 0;
    n->slices_in_flight = 0;
    n->is_slice_due = false;
    n->is_slice_owed = false;
    rk_node_start_threads(n);
    rk_sim_check_before(n->check, NULL);
    rk_core_start(n->core, n->now_ms, n->wall_ms, &n->fx);
    rk_core_check(n->core);
    rk_sim_check_after(n->check, n->core, &n->fx, &n->fx_seen);
    rk_node_settle(n);
    rk_sim_plan_started(w->plan, n);
    rk_sim_node_wake(n);
}

/* -- The end -- */

static void lose(struct sim_node *n, enum sim_crash_kind kind, enum sim_persist policy)
{
    static const enum sim_mark marks[] = {SIM_MARK_CRASH_POWER_NONE, SIM_MARK_CRASH_POWER_ALL,
                                          SIM_MARK_CRASH_POWER_PREFIX, SIM_MARK_CRASH_POWER_SUBSET,
                                          SIM_MARK_CRASH_POWER_GARBAGE};
    if (kind == SIM_CRASH_KILL) {
        RK_MARK(n->w, CRASH_KILL);
        rk_sim_disk_kill(n->disk);
        n->was_killed = true;
        return;
    }
    n->w->stats.marks[marks[policy]]++;
    if (n->was_killed) {
        RK_MARK(n->w, POWER_AFTER_KILL);
    }
    n->was_killed = false;
    rk_sim_disk_lose_power(n->disk, policy, SIM_SITE_PERSIST);
}

void rk_sim_node_crash(struct sim_node *n, enum sim_crash_kind kind, enum sim_persist policy)
{
    struct sim_world *w = n->w;
    rk_sim_trace_line(&w->trace, w->now_us, "CRASH", (uint64_t)kind, (uint64_t)policy,
                      rk_bytes_str(rk_sim_persist_name(policy)));
    w->stats.crashes++;
    bool was_up = n->state == NODE_UP || n->state == NODE_STOPPING;
    tear_down(n);
    rk_sim_disk_kill(n->disk);
    if (was_up) {
        rk_sim_check_crashed(n->check);
        rk_sim_net_server_died(w->net, n->index);
    }
    if (w->wire != NULL) {
        n->has_no_power = kind == SIM_CRASH_POWER;
        rk_wire_died(w->wire, n->index, kind == SIM_CRASH_KILL);
    }
    rk_sim_plan_crashed(w->plan, n);
    lose(n, kind, policy);
    rk_sim_plan_rot(w->plan, n);
    start_later(n);
}

void rk_node_carry_out_crash(struct sim_node *n)
{
    enum sim_crash_kind kind;
    enum sim_persist policy;
    rk_sim_plan_draw_crash(n->w->plan, n, n->died, &kind, &policy);
    rk_sim_node_crash(n, kind, policy);
}

void rk_sim_node_crash_at_call(struct sim_node *n, uint64_t call, bool is_after)
{
    RK_ASSERT(call > 0);
    n->crash_call = n->calls + call;
    n->crash_is_after = is_after;
}

void rk_sim_node_crash_in_turn(struct sim_node *n, uint32_t turns)
{
    n->crash_turns = turns;
}

/* -- Orderly stop -- */

static void on_stop(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_node *n = ctx;
    uint32_t incarnation = (uint32_t)(arg & UINT32_MAX);
    int64_t deadline_us = (int64_t)(arg >> 32) * 1000;
    if (n->incarnation != incarnation || n->state != NODE_STOPPING) {
        return;
    }
    if (w->now_us > deadline_us) {
        rk_sim_node_crash(n, SIM_CRASH_KILL, SIM_PERSIST_ALL); /* it will not wait for ever */
        return;
    }
    bool are_ended = rk_sim_fiber_is_idle(n->log.fiber) && rk_sim_fiber_is_idle(n->snap.fiber);
    if (!are_ended || !rk_core_is_drained(n->core) || n->is_log_report_due) {
        if (rk_core_is_drained(n->core) && !n->is_log_report_due && !n->log.must_end) {
            struct node_thread *threads[] = {&n->log, &n->snap};
            for (uint32_t i = 0; i < 2; i++) {
                threads[i]->must_end = true;
                if (threads[i]->is_sleeping) {
                    threads[i]->is_sleeping = false;
                    threads[i]->token++;
                    rk_node_resume(n, threads[i]);
                }
            }
        }
        if (n->incarnation == incarnation) {
            rk_sim_after(w, 1000, on_stop, n, arg);
        }
        return;
    }
    RK_MARK(w, STOP_CLEAN);
    rk_sim_trace_line(&w->trace, w->now_us, "stopped", 0, 0, rk_bytes_str(NULL));
    tear_down(n);
    rk_sim_disk_kill(n->disk);
    n->was_killed = true;
    rk_sim_check_stopped(n->check);
    rk_sim_net_server_died(w->net, n->index);
    if (w->wire != NULL) {
        rk_wire_died(w->wire, n->index, true);
    }
    start_later(n);
}

void rk_sim_node_stop(struct sim_node *n)
{
    if (n->state != NODE_UP || rk_sim_node_is_frozen(n)) {
        return;
    }
    n->state = NODE_STOPPING;
    struct rk_event e = rk_node_event(n, RK_EV_SHUTDOWN, 0);
    rk_node_step(n, &e);
    rk_node_settle(n);
    uint64_t deadline_ms = (uint64_t)(n->w->now_us + STOP_US_MAX) / 1000;
    rk_sim_after(n->w, 0, on_stop, n, deadline_ms << 32 | n->incarnation);
}

/* -- Looking -- */

bool rk_sim_node_is_up(const struct sim_node *n)
{
    return n->state == NODE_UP;
}

bool rk_sim_node_is_serving(const struct sim_node *n)
{
    return n->state == NODE_UP && n->is_serving;
}

bool rk_sim_node_is_down(const struct sim_node *n)
{
    return n->state == NODE_DOWN;
}

uint64_t rk_sim_node_batch_start(const struct sim_node *n, const char *name)
{
    return strcmp(n->batch_name, name) == 0 ? n->batch_start : 0;
}

uint64_t rk_sim_node_calls(const struct sim_node *n)
{
    return n->calls;
}

void rk_sim_node_count_points(struct sim_node *n)
{
    n->calls_before = n->calls;
    n->turns = 0;
}

void rk_sim_node_points(const struct sim_node *n, uint64_t *ret_calls, uint32_t *ret_turns)
{
    *ret_calls = n->calls - n->calls_before;
    *ret_turns = n->turns;
}

void rk_sim_node_purge(struct sim_node *n)
{
    if (n->state == NODE_UP) {
        rk_node_send(n, &n->snap, MSG_PURGE, 0, 0, false, rk_bytes_str(NULL));
    }
}

void rk_sim_node_write_epoch(struct sim_node *n)
{
    if (n->state == NODE_UP) {
        rk_node_send(n, &n->snap, MSG_EPOCH, n->epoch_tried + 1, 0, false, rk_bytes_str(NULL));
    }
}

bool rk_sim_node_is_busy(const struct sim_node *n)
{
    return !rk_sim_node_is_serving(n) || n->fx.count > 0 || n->log_records > 0 ||
           n->log.box.len > 0 || n->snap.box.len > 0 || n->writer != NULL || n->is_log_report_due ||
           n->is_snap_report_due || n->seen_full || rk_core_outstanding(n->core) > 0;
}

void rk_sim_node_check_at_rest(struct sim_node *n)
{
    rk_core_check(n->core);
    rk_tree_check(rk_core_tree(n->core));
    for (uint32_t slot = 0; slot < SIM_CONNS_MAX; slot++) {
        rk_conn_id id;
        if (rk_sim_net_arrived(n->w->net, n->index, slot, &id) != NULL &&
            rk_sim_net_is_held(n->w->net, id)) {
            rk_sim_fail(n->w, "connection %llx is still paused", (unsigned long long)id);
        }
    }
}
