/* Timers and draws of everything that is done to the server. */
#include "sim/plan.h"

#include "sim/check.h"
#include "sim/mishap.h"
#include "sim/node_int.h"
#include "store/names.h"

#include <string.h>

enum rot {
    ROT_NONE,
    ROT_FLIP,
    ROT_LOST,
};

struct sim_plan {
    struct sim_world *w;
    struct sim_mishaps *mishaps; /* NULL: one server */
    uint32_t crashes_left;
    uint32_t starts;
    enum rot rot;
    enum rk_disk_dir rot_dir;
    char rot_name[SIM_NAME_MAX];
    uint32_t rot_file;
    uint64_t rot_offset;
    uint8_t rot_mask;
    bool is_rot_survived; /* by a start, so by every other one */
    uint64_t token;       /* of the planned crash that counts */
};

#define LOST_NAME "lost+found"

struct sim_plan *rk_sim_plan_create(struct sim_world *w)
{
    struct sim_plan *p = rk_mem_must_zalloc(&w->mem, sizeof(*p));
    p->w = w;
    p->crashes_left = w->opt.crash.count;
    p->mishaps = rk_sim_is_ensemble(w) ? rk_sim_mishaps_create(w) : NULL;
    return p;
}

void rk_sim_plan_destroy(struct sim_plan *p)
{
    rk_sim_mishaps_destroy(p->mishaps);
    rk_mem_free(&p->w->mem, p, sizeof(*p));
}

struct sim_mishaps *rk_sim_plan_mishaps(struct sim_plan *p)
{
    return p->mishaps;
}

bool rk_sim_plan_is_over(const struct sim_plan *p)
{
    return p->mishaps != NULL ? rk_sim_mishaps_are_over(p->mishaps) : p->crashes_left == 0;
}

/* -- Timers -- */

static int64_t around(struct sim_plan *p, int64_t us)
{
    return rk_sim_between(&p->w->tape, SIM_SITE_PLAN, us / 2, us + us / 2);
}

static void on_purge(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_plan *p = ctx;
    (void)arg;
    if (w->phase == SIM_PHASE_FAULTS) {
        rk_sim_node_purge(w->nodes[0]);
        rk_sim_after(w, around(p, w->opt.node.purge_every_us), on_purge, p, 0);
    }
}

static void on_epoch(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_plan *p = ctx;
    (void)arg;
    if (w->phase == SIM_PHASE_FAULTS) {
        rk_sim_node_write_epoch(w->nodes[0]);
        rk_sim_after(w, around(p, w->opt.node.epoch_every_us), on_epoch, p, 0);
    }
}

static void on_clock(struct sim_world *w, void *ctx, uint64_t arg)
{
    (void)arg;
    if (w->phase == SIM_PHASE_FAULTS) {
        static const int64_t steps[] = {-31536000000, -3600000, -500, 250, 86400000};
        rk_sim_node_step_clock(w->nodes[0], steps[rk_sim_below(&w->tape, SIM_SITE_NODE, 5)]);
        rk_sim_after(w, around(ctx, 400000), on_clock, ctx, 0);
    }
}

#define FULL_EVERY_US 600000
#define FULL_FOR_US   300000

static void on_full(struct sim_world *w, void *ctx, uint64_t is_full)
{
    struct sim_plan *p = ctx;
    if (w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    uint64_t room = is_full != 0 ? rk_sim_below(&w->tape, SIM_SITE_PLAN, 20000) : 0;
    rk_sim_disk_set_capacity(w->disks[0], is_full != 0 ? rk_sim_disk_used(w->disks[0]) + room : 0);
    rk_sim_trace_line(&w->trace, w->now_us, is_full != 0 ? "disk full" : "disk room", room, 0,
                      rk_bytes_str(NULL));
    rk_sim_after(w, around(p, is_full != 0 ? FULL_FOR_US : FULL_EVERY_US), on_full, p,
                 is_full == 0);
}

void rk_sim_plan_begin(struct sim_plan *p)
{
    const struct sim_options *o = &p->w->opt;
    if (p->mishaps != NULL) {
        rk_sim_mishaps_begin(p->mishaps);
        return;
    }
    if (o->node.purge_every_us > 0) {
        rk_sim_after(p->w, around(p, o->node.purge_every_us), on_purge, p, 0);
    }
    if (o->node.epoch_every_us > 0) {
        rk_sim_after(p->w, around(p, o->node.epoch_every_us), on_epoch, p, 0);
    }
    if (o->node.has_clock_steps) {
        rk_sim_after(p->w, around(p, 400000), on_clock, p, 0);
    }
    if (o->disk.has_full_episodes) {
        rk_sim_after(p->w, around(p, FULL_EVERY_US), on_full, p, 1);
    }
}

void rk_sim_plan_heal(struct sim_plan *p)
{
    if (p->mishaps != NULL) {
        rk_sim_mishaps_heal(p->mishaps);
        return;
    }
    rk_sim_disk_set_capacity(p->w->disks[0], 0);
    p->crashes_left = 0;
    p->token++;
}

/* -- Crashes -- */

void rk_sim_plan_starting(struct sim_plan *p, struct sim_node *n)
{
    struct sim_world *w = p->w;
    const struct sim_crash_options *o = &w->opt.crash;
    if (p->mishaps != NULL) {
        rk_sim_mishaps_starting(p->mishaps, n);
        return;
    }
    p->starts++;
    if (o->exact_call > 0) {
        if (p->starts == 1) {
            rk_sim_node_crash_at_call(n, o->exact_call, o->exact_is_after);
        }
    } else if (p->crashes_left > 0 && rk_sim_pct(w, SIM_SITE_CRASH, o->in_start_pct)) {
        rk_sim_node_crash_at_call(n, 1 + rk_sim_below(&w->tape, SIM_SITE_CRASH, 12),
                                  rk_sim_chance(&w->tape, SIM_SITE_CRASH, 1, 2));
    }
}

static void on_crash(struct sim_world *w, void *ctx, uint64_t token)
{
    struct sim_plan *p = ctx;
    if (token != p->token || !rk_sim_node_is_up(w->nodes[0])) {
        return;
    }
    enum sim_crash_kind kind;
    enum sim_persist policy;
    rk_sim_plan_draw_crash(p, w->nodes[0], false, &kind, &policy);
    RK_MARK(w, CRASH_IDLE);
    rk_sim_node_crash(w->nodes[0], kind, policy);
}

static void on_stop(struct sim_world *w, void *ctx, uint64_t token)
{
    struct sim_plan *p = ctx;
    if (token == p->token && rk_sim_node_is_up(w->nodes[0])) {
        p->crashes_left -= p->crashes_left > 0;
        rk_sim_node_stop(w->nodes[0]);
    }
}

void rk_sim_plan_started(struct sim_plan *p, struct sim_node *n)
{
    struct sim_world *w = p->w;
    const struct sim_crash_options *o = &w->opt.crash;
    struct sim_tape *tape = &w->tape;
    p->token++;
    if (p->mishaps != NULL || p->crashes_left == 0 || o->exact_call > 0 ||
        w->phase != SIM_PHASE_FAULTS) {
        return;
    }
    if (rk_sim_pct(w, SIM_SITE_CRASH, o->clean_pct)) {
        rk_sim_after(w, rk_sim_log_between(tape, SIM_SITE_CRASH, 1000, 3000000), on_stop, p,
                     p->token);
    } else if (rk_sim_pct(w, SIM_SITE_CRASH, o->at_call_pct)) {
        rk_sim_node_crash_at_call(n, (uint64_t)rk_sim_log_between(tape, SIM_SITE_CRASH, 1, 600),
                                  rk_sim_chance(tape, SIM_SITE_CRASH, 1, 2));
    } else if (rk_sim_chance(tape, SIM_SITE_CRASH, 1, 4)) {
        rk_sim_node_crash_in_turn(n, (uint32_t)rk_sim_log_between(tape, SIM_SITE_CRASH, 1, 200));
    } else {
        rk_sim_after(w, rk_sim_log_between(tape, SIM_SITE_CRASH, 1000, 3000000), on_crash, p,
                     p->token);
    }
}

static enum sim_persist draw_policy(struct sim_plan *p, enum sim_site site)
{
    uint32_t policies = p->w->opt.crash.policies;
    enum sim_persist policy;
    RK_ASSERT(policies != 0);
    do {
        policy = (enum sim_persist)rk_sim_below(&p->w->tape, site, SIM_PERSIST_COUNT);
    } while ((policies & 1u << policy) == 0);
    return policy;
}

void rk_sim_plan_draw_crash(struct sim_plan *p, struct sim_node *n, bool has_died,
                            enum sim_crash_kind *ret_kind, enum sim_persist *ret_policy)
{
    const struct sim_crash_options *o = &p->w->opt.crash;
    if (p->mishaps != NULL) {
        rk_sim_mishaps_draw_crash(p->mishaps, n, ret_kind, ret_policy);
        return;
    }
    p->crashes_left -= p->crashes_left > 0;
    if (o->exact_call > 0) {
        *ret_kind = o->exact_is_kill ? SIM_CRASH_KILL : SIM_CRASH_POWER;
        *ret_policy = o->exact_policy;
        return;
    }
    *ret_policy = draw_policy(p, SIM_SITE_CRASH);
    *ret_kind = !has_died && rk_sim_pct(p->w, SIM_SITE_CRASH, o->kill_pct) ? SIM_CRASH_KILL
                                                                           : SIM_CRASH_POWER;
}

int64_t rk_sim_plan_down_us(struct sim_plan *p, struct sim_node *n, int64_t us)
{
    return p->mishaps != NULL ? rk_sim_mishaps_down_us(p->mishaps, n, us) : us;
}

bool rk_sim_plan_may_start(struct sim_plan *p, struct sim_node *n)
{
    return p->mishaps == NULL || rk_sim_mishaps_may_start(p->mishaps, n);
}

void rk_sim_plan_sync_began(struct sim_plan *p, uint32_t leader, uint32_t learner)
{
    rk_sim_mishaps_sync_began(p->mishaps, leader, learner);
}

void rk_sim_plan_crashed(struct sim_plan *p, struct sim_node *n)
{
    struct sim_world *w = p->w;
    for (uint32_t i = 0; i < w->opt.crash.probe_count && p->rot == ROT_NONE; i++) {
        enum sim_persist policy = draw_policy(p, SIM_SITE_PROBE);
        struct sim_disk *copy = rk_sim_disk_clone(w->disks[n->index]);
        rk_sim_disk_lose_power(copy, policy, SIM_SITE_PROBE);
        rk_zxid zxid = rk_sim_check_probe(w->checks[n->index], copy, rk_sim_persist_name(policy));
        rk_sim_trace_line(&w->trace, w->now_us, "probe", (uint64_t)policy, (uint64_t)zxid,
                          rk_bytes_str(NULL));
        rk_sim_disk_destroy(copy);
    }
}

/* -- Damage at rest -- */

struct candidate {
    enum rk_disk_dir dir;
    char name[SIM_NAME_MAX];
    uint64_t size;
};

static rk_zxid newest_log(const struct sim_disk *d)
{
    rk_zxid newest = -1;
    char name[SIM_NAME_MAX];
    uint64_t size;
    for (uint32_t i = 0; rk_sim_disk_name_at(d, RK_DIR_LOG, i, name, &size); i++) {
        rk_zxid zxid;
        if (rk_store_parse_name(name, RK_NAME_LOG, &zxid) && zxid > newest) {
            newest = zxid;
        }
    }
    return newest;
}

/* A file that the server can know to be damaged: any snapshot; any log but the newest; of the
 * newest what lies before its last commit, because a bad last commit looks like one that was never
 * acknowledged. */
static bool pick(struct sim_plan *p, bool want_log, struct candidate *ret)
{
    const struct sim_disk *d = p->w->disks[0];
    rk_zxid newest = newest_log(d);
    uint32_t seen = 0;
    char name[SIM_NAME_MAX];
    uint64_t size;
    enum rk_disk_dir dir = want_log ? RK_DIR_LOG : RK_DIR_SNAP;
    for (uint32_t i = 0; rk_sim_disk_name_at(d, dir, i, name, &size); i++) {
        rk_zxid zxid;
        if (!rk_store_parse_name(name, want_log ? RK_NAME_LOG : RK_NAME_SNAPSHOT, &zxid)) {
            continue;
        }
        if (want_log && zxid == newest) {
            size = rk_sim_node_batch_start(p->w->nodes[0], name);
        }
        seen++;
        if (size > 0 && rk_sim_below(&p->w->tape, SIM_SITE_ROT, seen) == 0) {
            ret->dir = dir;
            ret->size = size;
            memcpy(ret->name, name, sizeof(ret->name));
        }
    }
    return ret->size > 0;
}

void rk_sim_plan_rot(struct sim_plan *p, struct sim_node *n)
{
    struct sim_world *w = p->w;
    struct sim_tape *tape = &w->tape;
    struct candidate c = {.size = 0};
    (void)n;
    if (p->mishaps != NULL || w->phase != SIM_PHASE_FAULTS || p->rot != ROT_NONE ||
        !rk_sim_pct(w, SIM_SITE_ROT, w->opt.crash.rot_pct)) {
        return;
    }
    bool is_log = rk_sim_chance(tape, SIM_SITE_ROT, 1, 2);
    if (!pick(p, is_log, &c)) {
        return;
    }
    rk_zxid zxid;
    bool is_newest = is_log && rk_store_parse_name(c.name, RK_NAME_LOG, &zxid) &&
                     zxid == newest_log(w->disks[0]);
    memcpy(p->rot_name, c.name, sizeof(p->rot_name));
    p->rot_dir = c.dir;
    p->is_rot_survived = false;
    if (is_log && !is_newest && rk_sim_chance(tape, SIM_SITE_ROT, 1, 4)) {
        rk_sim_disk_move(w->disks[0], c.dir, c.name, LOST_NAME);
        p->rot = ROT_LOST;
        RK_MARK(w, LOG_LOST);
    } else {
        uint64_t most = rk_sim_chance(tape, SIM_SITE_ROT, 1, 2) && c.size > 600 ? 600 : c.size;
        p->rot_offset = rk_sim_below(tape, SIM_SITE_ROT, most);
        p->rot_mask = (uint8_t)(1u << rk_sim_below(tape, SIM_SITE_ROT, 8));
        p->rot_file = rk_sim_disk_file(w->disks[0], c.dir, c.name);
        if (!rk_sim_disk_flip(w->disks[0], p->rot_file, p->rot_offset, p->rot_mask)) {
            return;
        }
        p->rot = ROT_FLIP;
        w->stats.marks[is_log ? SIM_MARK_ROT_LOG : SIM_MARK_ROT_SNAPSHOT]++;
    }
    rk_sim_trace_line(&w->trace, w->now_us, "rot", p->rot_offset, p->rot_mask,
                      rk_bytes_str(p->rot_name));
}

bool rk_sim_plan_is_rotten(const struct sim_plan *p, const struct sim_node *n)
{
    return p->rot != ROT_NONE && (n->boot_err == RK_OK || !p->is_rot_survived);
}

void rk_sim_plan_repair(struct sim_plan *p, struct sim_node *n)
{
    if (n->boot_err == RK_OK && p->rot == ROT_FLIP && p->rot_dir == RK_DIR_SNAP &&
        rk_sim_chance(&p->w->tape, SIM_SITE_ROT, 2, 3)) {
        p->is_rot_survived = true; /* it stays: purges and later starts have to live with it */
        return;
    }
    if (p->rot == ROT_FLIP) {
        /* The file may be gone, and the damage with it. */
        (void)rk_sim_disk_flip(p->w->disks[0], p->rot_file, p->rot_offset, p->rot_mask);
    } else if (p->rot == ROT_LOST) {
        rk_sim_disk_move(p->w->disks[0], p->rot_dir, LOST_NAME, p->rot_name);
    }
    p->rot = ROT_NONE;
}
