/* Bounded staleness (reliability.md R4): who is cut off stops answering in time. By how much a
 * state may be behind follows from how long a server may hear nothing and still serve.
 *
 * Let S be syncLimit by the server's own clock, T a tick.
 *
 * A learner leaves in the first step that finds S of silence, before it answers anybody: what it
 * answers is at most S behind its last word from the leader.
 *
 * A leader looks every T/2, and first thing in a step that comes more than T behind the last one,
 * and drops who was silent for S; whose channel was closed is missed T later. So a quorum has been
 * heard of within S + 3 T.
 *
 * That goes for a leader from the moment when it began to serve: those who acknowledged NEWLEADER
 * say nothing more before they are told UPTODATE. They may have done so initLimit ago.
 *
 * What was heard was said before. Paths hold what is under way while they are cut, and a process
 * that stands still has it in its sockets; but who hears nothing for S leaves, so old words come at
 * most S behind those before them. A learner is thus at most 2 S behind its leader, and a leader
 * 2 S + 3 T behind the moment when a quorum still followed it, and nobody else could commit. */
#include "sim/check_int.h"

#include <string.h>

#define LEADER_TICKS 3
#define ROUNDING_MS  3 /* clocks are read in whole ms, and rates apply to those */

/* So much by this server's clock, in time that is nobody's. */
static int64_t us_by_clock(const struct sim_check *c, int64_t ms)
{
    return (ms + ROUNDING_MS) * 1000 * 1000 / c->w->opt.ens.clock_rate_permille[c->index];
}

static int64_t sync_limit_ms(const struct sim_check *c)
{
    return (int64_t)c->w->opt.ens.sync_limit * c->config.tick_ms;
}

void rk_sim_check_heard(struct sim_check *c, uint32_t from)
{
    c->heard_us[from] = c->w->now_us;
}

/* The latest of this many of the voters, itself left out. */
static int64_t heard_of(const struct sim_check *c, uint32_t voters, uint32_t wanted)
{
    int64_t heard_us[SIM_NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < voters; i++) {
        uint32_t at = count;
        if (i == c->index) {
            continue;
        }
        for (; at > 0 && heard_us[at - 1] < c->heard_us[i]; at--) {
            heard_us[at] = heard_us[at - 1];
        }
        heard_us[at] = c->heard_us[i];
        count++;
    }
    return wanted == 0 ? c->w->now_us : heard_us[wanted - 1];
}

static void check_contact(struct sim_check *c)
{
    uint32_t nodes = c->w->node_count;
    uint32_t voters = nodes - c->w->opt.ens.observers;
    int64_t limit_ms = sync_limit_ms(c);
    int64_t heard_us;
    if (c->is_leading) {
        int64_t began_us = rk_truth_epoch_us(c->w->truth, RK_ZXID_EPOCH(c->model.zxid));
        limit_ms += LEADER_TICKS * (int64_t)c->config.tick_ms;
        heard_us = heard_of(c, voters, voters / 2);
        heard_us = began_us > heard_us ? began_us : heard_us;
    } else {
        heard_us = heard_of(c, nodes, 1);
    }
    int64_t silent_us = c->w->now_us - heard_us;
    CHECK(c, silent_us <= us_by_clock(c, limit_ms),
          "server %u answers, and has not heard of %s for %lld ms", c->index + 1,
          c->is_leading ? "a quorum" : "its leader", (long long)silent_us / 1000);
}

/* Of the slowest clock that there may be. */
static int64_t bound_us(const struct sim_check *c)
{
    int64_t tick_ms = c->config.tick_ms;
    int64_t us = (4 * sync_limit_ms(c) + LEADER_TICKS * tick_ms) * 1250;
    int64_t began_us = rk_truth_epoch_us(c->w->truth, RK_ZXID_EPOCH(c->model.zxid));
    return began_us < c->w->now_us - us ? us : us + c->w->opt.ens.init_limit * tick_ms * 1250;
}

void rk_check_staleness(struct sim_check *c, rk_zxid zxid)
{
    if (!c->is_ensemble) {
        return;
    }
    check_contact(c);
    rk_zxid must = rk_truth_committed_at(c->w->truth, c->w->now_us - bound_us(c));
    CHECK(c, zxid >= must, "server %u answers in the state of %llx, %llx was committed %lld ms ago",
          c->index + 1, (unsigned long long)zxid, (unsigned long long)must,
          (long long)bound_us(c) / 1000);
    if (zxid <
        rk_truth_committed_at(c->w->truth, c->w->now_us - us_by_clock(c, sync_limit_ms(c)) / 2)) {
        RK_MARK(c->w, STALE_READ);
    }
}
