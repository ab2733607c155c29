/* mntr of a member of an ensemble: what Apache prints for its role, then our own numbers. ZK:
 * QuorumZooKeeperServer, LeaderZooKeeperServer, ObserverZooKeeperServer: registerMetrics and
 * dumpMonitorValues. */
#include "admin/admin_int.h"

#include "base/num.h"

#include <string.h>

static void put_leader(struct rk_buf *b, const struct rk_ensemble_report *r)
{
    rk_admin_put_number(b, "", "learners", r->learners);
    /* Apache counts those without a vote among them. */
    rk_admin_put_number(b, "", "synced_followers",
                        (int64_t)r->synced_followers + r->synced_non_voting);
    rk_admin_put_number(b, "", "synced_non_voting_followers", r->synced_non_voting);
    rk_admin_put_number(b, "", "synced_observers", r->synced_observers);
    rk_admin_put_number(b, "", "pending_syncs", r->pending_syncs);
    rk_admin_put_number(b, "", "leader_uptime", r->serving_ms);
    rk_admin_put_number(b, "", "last_proposal_size", r->last_proposal_bytes);
    rk_admin_put_number(b, "", "max_proposal_size", r->max_proposal_bytes);
    rk_admin_put_number(b, "", "min_proposal_size", r->min_proposal_bytes);
}

void rk_admin_put_member_gauges(struct rk_admin *a, struct rk_buf *b, enum rk_admin_role role,
                                const struct rk_ensemble_report *r)
{
    if (role == RK_ROLE_READ_ONLY) {
        return; /* as Apache's read-only server, which is no quorum's */
    }
    rk_admin_put_key(b, "", "peer_state");
    rk_admin_put_peer_state(b, r);
    rk_buf_put_u8(b, '\n');
    if (role == RK_ROLE_OBSERVER) {
        rk_admin_put_number(b, "", "observer_master_id", r->leader_sid);
    }
    rk_admin_put_number(b, "", "quorum_size", rk_members_voter_count(&a->config.ensemble->members));
    if (role == RK_ROLE_LEADER) {
        put_leader(b, r);
    }
}

/* "zk_<sid>_rookery_learner_...": a set, as Apache names its own. */
static void put_learner(struct rk_buf *b, const struct rk_learner_report *l,
                        const struct rk_ensemble_report *r)
{
    char prefix[RK_NUM_MAX + 2];
    size_t len = rk_num_dec(prefix, l->sid);
    bool is_of_epoch = l->last_acked >> 32 == r->last_logged >> 32;
    memcpy(prefix + len, "_", 2);
    rk_admin_put_number(b, prefix, "rookery_learner_is_synced", l->is_synced);
    rk_admin_put_number(b, prefix, "rookery_learner_heard_ms_ago", l->heard_ms_ago);
    /* How many transactions it has not acknowledged; an observer acknowledges none. */
    if (!l->is_observer && l->is_synced && is_of_epoch) {
        rk_admin_put_number(b, prefix, "rookery_learner_lag", r->last_logged - l->last_acked);
    }
}

void rk_admin_put_member_own(struct rk_admin *a, struct rk_buf *b,
                             const struct rk_ensemble_report *r)
{
    struct rk_learner_report learner;
    uint32_t index = 0;
    rk_admin_put_number(b, "rookery_", "server_id", r->my_sid);
    rk_admin_put_number(b, "rookery_", "leader_id",
                        r->leader_sid == RK_SID_NONE ? -1 : r->leader_sid);
    rk_admin_put_number(b, "rookery_", "epoch", r->epoch);
    rk_admin_put_number(b, "rookery_", "accepted_epoch", r->accepted_epoch);
    rk_admin_put_number(b, "rookery_", "last_logged", r->last_logged);
    rk_admin_put_number(b, "rookery_", "last_committed", r->last_committed);
    rk_admin_put_number(b, "rookery_", "election_ms", r->election_ms);
    rk_admin_put_number(b, "rookery_", "serving_ms", r->serving_ms);
    if (r->state == RK_PEER_LEADING) {
        rk_admin_put_number(b, "rookery_", "outstanding_proposals",
                            (int64_t)r->outstanding_proposals);
    }
    while (!rk_admin_is_full(a, b) && a->sources.next_learner(a->sources.ctx, &index, &learner)) {
        put_learner(b, &learner, r);
    }
}
