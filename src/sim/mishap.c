/* The list of mishaps: drawn, carried out, and over. */
#include "sim/mishap.h"

#include "sim/check.h"
#include "sim/scene.h"
#include "sim/wire.h"

#include <string.h>

#define LEADER_GONE_US 300000

struct sim_mishaps {
    struct sim_world *w;
    struct sim_mishap items[SIM_MISHAPS_MAX];
    uint32_t count;
    uint32_t ended;
    /* What the next crash of a server is to be, if it is one of the list. */
    const struct sim_mishap *crashing[SIM_NODES_MAX];
    int64_t down_us[SIM_NODES_MAX]; /* of the crash that was; 0: as drawn */
    bool is_to_be_wiped[SIM_NODES_MAX];
    struct sim_mishap *in_sync; /* waits for one to begin */
    struct sim_mishap scene_end;
    uint32_t victim_starts;
    uint32_t cuts[SIM_NODES_MAX][SIM_NODES_MAX]; /* mishaps that cut this path */
};

/* -- The list -- */

static enum sim_persist draw_policy(struct sim_tape *t)
{
    return (enum sim_persist)rk_sim_below(t, SIM_SITE_MISHAP, SIM_PERSIST_COUNT);
}

static uint32_t draw_who(struct sim_tape *t, uint32_t nodes)
{
    uint64_t kind = rk_sim_below(t, SIM_SITE_MISHAP, 3);
    return kind == 0   ? SIM_WHO_LEADER
           : kind == 1 ? SIM_WHO_LEARNER
                       : (uint32_t)rk_sim_below(t, SIM_SITE_MISHAP, nodes);
}

static enum sim_mishap_kind draw_kind(const struct sim_ens_options *o, struct sim_tape *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SIM_MISHAP_COUNT; i++) {
        sum += o->mishap_weights[i];
    }
    uint64_t at = rk_sim_below(t, SIM_SITE_MISHAP, sum);
    uint32_t kind = 0;
    while (at >= o->mishap_weights[kind]) {
        at -= o->mishap_weights[kind];
        kind++;
    }
    return (enum sim_mishap_kind)kind;
}

static void draw_one(const struct sim_options *o, struct sim_tape *t, struct sim_mishap *ret)
{
    const struct sim_ens_options *e = &o->ens;
    ret->kind = draw_kind(e, t);
    ret->at_us = rk_sim_between(t, SIM_SITE_MISHAP, 0, e->horizon_us);
    ret->for_us = rk_sim_log_between(t, SIM_SITE_MISHAP, 2000, e->mishap_us_max);
    ret->who = draw_who(t, e->count);
    ret->is_kill = rk_sim_chance(t, SIM_SITE_MISHAP, 1, 2);
    ret->policy = draw_policy(t);
    ret->number = rk_sim_below(t, SIM_SITE_MISHAP, UINT64_MAX);
}

uint32_t rk_sim_mishap_list(const struct sim_options *o, struct sim_mishap ret[SIM_MISHAPS_MAX])
{
    struct sim_tape tape;
    uint32_t count = 0;
    RK_ASSERT(o->ens.mishap_count <= SIM_MISHAPS_MAX);
    if (o->ens.scene.is_on) {
        return rk_sim_scene_mishaps(o, ret);
    }
    rk_sim_tape_init(&tape, o->seed);
    for (uint32_t i = 0; i < o->ens.mishap_count; i++) {
        struct sim_mishap m;
        draw_one(o, &tape, &m);
        if ((o->ens.mishap_mask & UINT64_C(1) << i) == 0) {
            ret[count++] = m;
        }
    }
    return count;
}

static const char *const texts[] = {
#define MISHAP_TEXT(name, text) text,
    RK_SIM_MISHAP_TABLE(MISHAP_TEXT)
#undef MISHAP_TEXT
};

const char *rk_sim_mishap_text(enum sim_mishap_kind kind)
{
    RK_ASSERT((uint32_t)kind < SIM_MISHAP_COUNT);
    return texts[kind];
}

struct sim_mishaps *rk_sim_mishaps_create(struct sim_world *w)
{
    struct sim_mishaps *all = rk_mem_must_zalloc(&w->mem, sizeof(*all));
    all->w = w;
    all->count = rk_sim_mishap_list(&w->opt, all->items);
    return all;
}

void rk_sim_mishaps_destroy(struct sim_mishaps *all)
{
    if (all != NULL) {
        rk_mem_free(&all->w->mem, all, sizeof(*all));
    }
}

bool rk_sim_mishaps_are_over(const struct sim_mishaps *all)
{
    return all->ended == all->count;
}

/* -- Whom -- */

static struct sim_node *leader_of(struct sim_world *w)
{
    for (uint32_t i = w->node_count; i-- > 0;) {
        if (rk_sim_check_is_leading(w->checks[i])) {
            return w->nodes[i];
        }
    }
    return NULL;
}

static struct sim_node *whom(const struct sim_mishaps *all, const struct sim_mishap *m)
{
    struct sim_world *w = all->w;
    struct sim_node *leader = leader_of(w);
    if (m->who == SIM_WHO_LEADER) {
        return leader != NULL ? leader : w->nodes[m->number % w->node_count];
    }
    if (m->who == SIM_WHO_LEARNER) {
        struct sim_node *n = w->nodes[m->number % w->node_count];
        return n != leader ? n : w->nodes[(m->number + 1) % w->node_count];
    }
    return w->nodes[m->who];
}

static uint32_t index_of(const struct sim_mishaps *all, const struct sim_node *n)
{
    uint32_t i = 0;
    while (all->w->nodes[i] != n) {
        i++;
    }
    return i;
}

/* -- Crashes -- */

static bool can_crash(const struct sim_node *n)
{
    return !rk_sim_node_is_down(n);
}

static void crash_now(struct sim_mishaps *all, struct sim_node *n, const struct sim_mishap *m)
{
    uint32_t index = index_of(all, n);
    if (can_crash(n)) {
        RK_MARK(all->w, CRASH_IDLE);
        all->down_us[index] = m->for_us;
        rk_sim_node_crash(n, m->is_kill ? SIM_CRASH_KILL : SIM_CRASH_POWER, m->policy);
    }
}

static void on_leader_gone(struct sim_world *w, void *ctx, uint64_t index)
{
    struct sim_mishaps *all = ctx;
    struct sim_node *n = w->nodes[index];
    if (!rk_sim_node_is_down(n)) {
        all->down_us[index] = LEADER_GONE_US;
        rk_sim_node_crash(n, SIM_CRASH_KILL, SIM_PERSIST_ALL);
    }
}

void rk_sim_mishaps_draw_crash(struct sim_mishaps *all, struct sim_node *n,
                               enum sim_crash_kind *ret_kind, enum sim_persist *ret_policy)
{
    uint32_t index = index_of(all, n);
    const struct sim_mishap *m = all->crashing[index];
    all->crashing[index] = NULL;
    all->down_us[index] = m == NULL ? 0 : m->for_us;
    *ret_kind = m == NULL || m->is_kill ? SIM_CRASH_KILL : SIM_CRASH_POWER;
    *ret_policy = m == NULL ? SIM_PERSIST_ALL : m->policy;
    struct sim_node *leader = leader_of(all->w);
    if (m == &all->scene_end && all->w->opt.ens.scene.takes_leader && leader != NULL &&
        leader != n) {
        rk_sim_after(all->w, 0, on_leader_gone, all, index_of(all, leader));
    }
}

int64_t rk_sim_mishaps_down_us(struct sim_mishaps *all, struct sim_node *n, int64_t us)
{
    uint32_t index = index_of(all, n);
    int64_t down_us = all->down_us[index];
    all->down_us[index] = 0;
    return down_us > 0 && all->w->phase == SIM_PHASE_FAULTS ? down_us : us;
}

/* The victim of a scene is back: its end is armed, and counted are calls and turns from now on. */
void rk_sim_mishaps_starting(struct sim_mishaps *all, struct sim_node *n)
{
    const struct sim_scene_point *point = &all->w->opt.ens.scene;
    uint32_t index = index_of(all, n);
    if (!point->is_on || index != rk_sim_scene_victim(&all->w->opt) || ++all->victim_starts != 2) {
        return;
    }
    rk_sim_node_count_points(n);
    if (point->at_call > 0) {
        rk_sim_node_crash_at_call(n, point->at_call, point->is_after);
    } else if (point->at_turn > 0) {
        rk_sim_node_crash_in_turn(n, point->at_turn);
    } else {
        return;
    }
    all->scene_end = rk_sim_scene_end(&all->w->opt);
    all->crashing[index] = &all->scene_end;
}

bool rk_sim_mishaps_is_back(const struct sim_mishaps *all)
{
    return all->victim_starts >= 2;
}

/* A minority may lose what it knew, and only if that minority is not still without (reliability.md
 * 3.1, 3.4). */
static bool may_wipe(const struct sim_mishaps *all, uint32_t index)
{
    struct sim_world *w = all->w;
    uint32_t voters = w->node_count - w->opt.ens.observers;
    uint32_t whole = 0;
    if (index >= voters) {
        return true;
    }
    for (uint32_t i = 0; i < voters; i++) {
        whole += i != index && rk_sim_check_is_whole(w->checks[i]);
    }
    return whole == voters - 1 && voters >= 3;
}

bool rk_sim_mishaps_may_start(struct sim_mishaps *all, struct sim_node *n)
{
    uint32_t index = index_of(all, n);
    if ((all->w->up_bits & 1u << index) == 0) {
        return false;
    }
    if (all->is_to_be_wiped[index]) {
        all->is_to_be_wiped[index] = false;
        if (may_wipe(all, index)) {
            rk_sim_node_wipe(n);
        }
    }
    return true;
}

/* -- Paths -- */

static void cut(struct sim_mishaps *all, uint32_t from, uint32_t to, bool is_cut)
{
    uint32_t *count = &all->cuts[from][to];
    if (from == to) {
        return;
    }
    *count = is_cut ? *count + 1 : *count - 1;
    rk_wire_cut(all->w->wire, from, to, *count > 0);
}

/* What of the paths between a and b this mishap cuts: bit 0 from a to b, bit 1 back. */
static uint32_t cut_of(const struct sim_mishaps *all, const struct sim_mishap *m, uint32_t victim,
                       uint32_t a, uint32_t b)
{
    uint32_t other = (uint32_t)((m->number >> 8) % all->w->node_count);
    bool a_side = (m->number >> (8 + a) & 1) != 0;
    bool b_side = (m->number >> (8 + b) & 1) != 0;
    bool is_one_way = (m->number & 1) != 0;
    switch (m->kind) {
    case SIM_MISHAP_ISOLATE:
        return a == victim || b == victim ? 3 : 0;
    case SIM_MISHAP_ISOLATE_ONE_WAY:
        if (a == victim || b == victim) {
            return (a == victim) == is_one_way ? 1 : 2;
        }
        return 0;
    case SIM_MISHAP_SPLIT:
        return a_side != b_side ? 3 : 0;
    case SIM_MISHAP_BRIDGE:
        return a != victim && b != victim && a_side != b_side ? 3 : 0;
    default:
        if ((a == victim && b == other) || (b == victim && a == other)) {
            return is_one_way ? 1 : 2;
        }
        return 0;
    }
}

static void cut_paths(struct sim_mishaps *all, const struct sim_mishap *m, uint32_t victim,
                      bool is_cut)
{
    for (uint32_t a = 0; a < all->w->node_count; a++) {
        for (uint32_t b = a + 1; b < all->w->node_count; b++) {
            uint32_t bits = cut_of(all, m, victim, a, b);
            if ((bits & 1) != 0) {
                cut(all, a, b, is_cut);
            }
            if ((bits & 2) != 0) {
                cut(all, b, a, is_cut);
            }
        }
    }
}

/* -- Beginning and end of one -- */

static void on_mishap_end(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_mishaps *all = ctx;
    const struct sim_mishap *m = &all->items[arg & 0xff];
    uint32_t victim = (uint32_t)(arg >> 8);
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    if (m->kind == SIM_MISHAP_FULL_DISK) {
        rk_sim_disk_set_capacity(w->disks[victim], 0);
    } else {
        cut_paths(all, m, victim, false);
        rk_sim_trace_line(&w->trace, w->now_us, "PATHS BACK", victim, 0, rk_bytes_str(NULL));
    }
    all->ended++;
}

static void crash_some(struct sim_mishaps *all, const struct sim_mishap *m, uint32_t spared)
{
    struct sim_world *w = all->w;
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (i != spared) {
            crash_now(all, w->nodes[i], m);
        }
    }
}

static void mark(struct sim_world *w, const struct sim_mishap *m)
{
    switch (m->kind) {
    case SIM_MISHAP_ISOLATE:
    case SIM_MISHAP_SPLIT:
        RK_MARK(w, PARTITION);
        break;
    case SIM_MISHAP_BRIDGE:
        RK_MARK(w, PARTITION_BRIDGE);
        break;
    case SIM_MISHAP_EDGE:
    case SIM_MISHAP_ISOLATE_ONE_WAY:
        RK_MARK(w, PARTITION_ONE_WAY);
        break;
    case SIM_MISHAP_CRASH_ALL:
        RK_MARK(w, CRASH_ALL);
        break;
    default:
        break;
    }
}

/* Those with an end of their own. */
static bool begin_lasting(struct sim_mishaps *all, const struct sim_mishap *m, uint32_t victim)
{
    struct sim_world *w = all->w;
    switch (m->kind) {
    case SIM_MISHAP_ISOLATE:
    case SIM_MISHAP_ISOLATE_ONE_WAY:
    case SIM_MISHAP_SPLIT:
    case SIM_MISHAP_BRIDGE:
    case SIM_MISHAP_EDGE:
        cut_paths(all, m, victim, true);
        break;
    case SIM_MISHAP_FULL_DISK:
        rk_sim_disk_set_capacity(w->disks[victim],
                                 rk_sim_disk_used(w->disks[victim]) + m->number % 20000);
        break;
    default:
        return false;
    }
    rk_sim_after(w, m->for_us, on_mishap_end, all,
                 (uint64_t)victim << 8 | (uint64_t)(m - all->items));
    return true;
}

static void begin_crash(struct sim_mishaps *all, const struct sim_mishap *m, struct sim_node *n)
{
    uint32_t victim = index_of(all, n);
    switch (m->kind) {
    case SIM_MISHAP_CRASH_AT_CALL:
        all->crashing[victim] = m;
        rk_sim_node_crash_at_call(n, 1 + m->number % 60, (m->number >> 32 & 1) != 0);
        break;
    case SIM_MISHAP_CRASH_IN_TURN:
        all->crashing[victim] = m;
        rk_sim_node_crash_in_turn(n, 1 + (uint32_t)(m->number % 40));
        break;
    case SIM_MISHAP_CRASH_ALL:
        crash_some(all, m, UINT32_MAX);
        break;
    case SIM_MISHAP_CRASH_MANY:
        crash_some(all, m, victim);
        break;
    case SIM_MISHAP_WIPE:
        all->is_to_be_wiped[victim] = true;
        crash_now(all, n, m);
        break;
    case SIM_MISHAP_STOP:
        all->down_us[victim] = m->for_us;
        rk_sim_node_stop(n);
        break;
    default:
        crash_now(all, n, m);
        break;
    }
}

/* One that waited for a synchronisation to begin becomes one of the usual kind. */
static void on_in_sync(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_mishaps *all = ctx;
    struct sim_mishap *m = &all->items[arg & 0xff];
    uint32_t victim = (uint32_t)(arg >> 8);
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    m->kind = (m->number & 1) != 0 ? SIM_MISHAP_ISOLATE : SIM_MISHAP_CRASH;
    rk_sim_trace_line(&w->trace, w->now_us, "IN SYNC", victim, (uint64_t)m->for_us,
                      rk_bytes_str(rk_sim_mishap_text(m->kind)));
    RK_MARK(w, GONE_IN_SYNC);
    if (m->kind == SIM_MISHAP_CRASH) {
        crash_now(all, w->nodes[victim], m);
        return;
    }
    all->ended--; /* not yet */
    (void)begin_lasting(all, m, victim);
}

void rk_sim_mishaps_sync_began(struct sim_mishaps *all, uint32_t leader, uint32_t learner)
{
    struct sim_mishap *m = all->in_sync;
    if (m != NULL) {
        uint32_t victim = m->who == SIM_WHO_LEARNER ? learner : leader;
        int64_t tick_us = (int64_t)all->w->opt.node.core.tick_ms * 1000;
        all->in_sync = NULL;
        rk_sim_after(all->w, rk_sim_log_between(&all->w->tape, SIM_SITE_MISHAP, 1, tick_us),
                     on_in_sync, all, (uint64_t)victim << 8 | (uint64_t)(m - all->items));
    }
}

static void on_mishap(struct sim_world *w, void *ctx, uint64_t index)
{
    static const int64_t steps[] = {-31536000000, -3600000, -500, 250, 86400000};
    struct sim_mishaps *all = ctx;
    const struct sim_mishap *m = &all->items[index];
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    struct sim_node *n = whom(all, m);
    uint32_t victim = index_of(all, n);
    rk_sim_trace_line(&w->trace, w->now_us, "MISHAP", victim, (uint64_t)m->for_us,
                      rk_bytes_str(rk_sim_mishap_text(m->kind)));
    mark(w, m);
    if (begin_lasting(all, m, victim)) {
        return;
    }
    all->ended++;
    switch (m->kind) {
    case SIM_MISHAP_FREEZE:
        rk_sim_node_freeze(n, m->for_us);
        break;
    case SIM_MISHAP_SLOW_DISK:
        rk_sim_node_slow_down(n, m->for_us);
        break;
    case SIM_MISHAP_CLOCK:
        rk_sim_node_step_clock(n, steps[m->number % 5]);
        break;
    case SIM_MISHAP_HAND_OVER:
        rk_sim_node_hand_over(n);
        break;
    case SIM_MISHAP_PURGE:
        rk_sim_node_purge(n);
        break;
    case SIM_MISHAP_IN_SYNC:
        all->in_sync = &all->items[index];
        break;
    default:
        begin_crash(all, m, n);
        break;
    }
}

void rk_sim_mishaps_begin(struct sim_mishaps *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        rk_sim_after(all->w, all->items[i].at_us, on_mishap, all, i);
    }
}

/* -- The end of all of them -- */

/* A quorum that has everything between its members is to be well again; what of the others is not
 * in it stays away for good. */
static uint32_t draw_core(struct sim_mishaps *all)
{
    struct sim_world *w = all->w;
    uint32_t everybody = (1u << w->node_count) - 1;
    uint32_t voters = w->node_count - w->opt.ens.observers;
    if (w->opt.ens.is_calm || rk_sim_chance(&w->tape, SIM_SITE_MISHAP, 1, 2)) {
        return everybody;
    }
    uint32_t core = (uint32_t)rk_sim_below(&w->tape, SIM_SITE_MISHAP, everybody) + 1;
    uint32_t whole = 0;
    for (uint32_t i = 0; i < voters; i++) {
        whole += (core & 1u << i) != 0 && rk_sim_check_is_whole(w->checks[i]);
    }
    return whole > voters / 2 ? core : everybody;
}

static void keep_away(struct sim_mishaps *all, uint32_t index)
{
    struct sim_world *w = all->w;
    if (rk_sim_chance(&w->tape, SIM_SITE_MISHAP, 1, 2)) {
        if (!rk_sim_node_is_down(w->nodes[index])) {
            rk_sim_node_crash(w->nodes[index], SIM_CRASH_POWER, SIM_PERSIST_ALL);
        }
        return;
    }
    bool is_heard = rk_sim_chance(&w->tape, SIM_SITE_MISHAP, 1, 2);
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (i != index) {
            rk_wire_cut(w->wire, i, index, true);
            rk_wire_cut(w->wire, index, i, !is_heard);
        }
    }
}

void rk_sim_mishaps_heal(struct sim_mishaps *all)
{
    struct sim_world *w = all->w;
    w->up_bits = draw_core(all);
    rk_sim_trace_line(&w->trace, w->now_us, "HEAL", w->up_bits, 0, rk_bytes_str(NULL));
    for (uint32_t i = 0; i < w->node_count; i++) {
        for (uint32_t k = 0; k < w->node_count; k++) {
            rk_wire_cut(w->wire, i, k, false);
        }
        all->is_to_be_wiped[i] = false;
        rk_sim_disk_set_capacity(w->disks[i], 0);
        rk_sim_node_thaw(w->nodes[i]);
    }
    for (uint32_t i = 0; i < w->node_count; i++) {
        if ((w->up_bits & 1u << i) == 0) {
            keep_away(all, i);
        } else if (rk_sim_node_is_down(w->nodes[i])) {
            rk_sim_node_start(w->nodes[i]);
        }
    }
}
