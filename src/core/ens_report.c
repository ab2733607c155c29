/* What others may see of an ensemble's member: copies, never its own structs. */
#include "core/ensemble_int.h"

#include <string.h>

static bool is_synced(const struct learner *l)
{
    return l->state == LEARNER_READY || l->state == LEARNER_ACTIVE;
}

static void report_leader(const struct rk_core *c, struct rk_ensemble_report *ret)
{
    const struct leader *d = &c->ens->leader;
    const struct rk_link *it;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        ret->learners++;
        if (!is_synced(l)) {
            continue;
        }
        ret->synced_observers += l->is_observer;
        ret->synced_followers += !l->is_observer && l->voter >= 0;
        ret->synced_non_voting += !l->is_observer && l->voter < 0;
    }
    for (it = d->syncs.next; it != &d->syncs; it = it->next) {
        ret->pending_syncs++;
    }
    ret->outstanding_proposals = c->broadcast.inflight_count;
    ret->last_proposal_bytes = d->last_proposal_bytes;
    ret->min_proposal_bytes = d->min_proposal_bytes;
    ret->max_proposal_bytes = d->max_proposal_bytes;
    ret->quorum_ack_count = c->metrics.quorum_ack_latency.count;
}

void rk_core_ensemble_report(const struct rk_core *c, struct rk_ensemble_report *ret)
{
    const struct ensemble *e = c->ens;
    memset(ret, 0, sizeof(*ret));
    ret->leader_sid = RK_SID_NONE;
    ret->is_standalone = e == NULL;
    if (e == NULL) {
        ret->state = RK_PEER_LEADING;
        ret->phase = RK_PHASE_BROADCAST;
        ret->last_logged = c->broadcast.last_proposed;
        ret->last_committed = c->broadcast.last_committed;
        return;
    }
    ret->state = e->state;
    ret->phase = e->phase;
    ret->is_read_only = e->is_read_only;
    ret->is_amnesiac = e->is_amnesiac;
    ret->my_sid = e->config.my_sid;
    ret->epoch = e->current_epoch;
    ret->accepted_epoch = e->accepted_epoch;
    ret->last_logged = e->logged;
    ret->last_committed = c->last_zxid;
    ret->election_ms = e->election_ms;
    if (e->phase == RK_PHASE_BROADCAST) {
        ret->serving_ms = c->now_ms - e->serving_since_ms;
    }
    if (e->state == RK_PEER_LEADING) {
        ret->leader_sid = e->config.my_sid;
        report_leader(c, ret);
    } else if (e->state != RK_PEER_LOOKING) {
        ret->leader_sid = e->follow.leader_sid;
    }
}

bool rk_core_next_learner(const struct rk_core *c, uint32_t *index, struct rk_learner_report *ret)
{
    const struct rk_link *it;
    uint32_t at = 0;
    if (c->ens == NULL || c->ens->state != RK_PEER_LEADING) {
        return false;
    }
    for (it = c->ens->leader.learners.next; it != &c->ens->leader.learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (at++ == *index) {
            (*index)++;
            ret->sid = l->sid;
            ret->is_observer = l->is_observer;
            ret->is_synced = is_synced(l);
            ret->last_acked = l->acked;
            ret->heard_ms_ago = c->now_ms - l->heard_ms;
            return true;
        }
    }
    return false;
}
