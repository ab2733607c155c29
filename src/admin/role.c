/* What this server is at the moment, in the words of Apache. ZK: ServerStats.Provider.getState,
 * QuorumPeer.getDetailedPeerState. */
#include "admin/admin_int.h"

enum rk_admin_role rk_admin_role(const struct rk_admin *a, struct rk_ensemble_report *ret)
{
    void *ctx = a->sources.ctx;
    a->sources.ensemble_report(ctx, ret);
    if (ret->is_standalone) {
        return RK_ROLE_STANDALONE;
    }
    if (ret->is_read_only) {
        return RK_ROLE_READ_ONLY;
    }
    if (!a->sources.is_serving(ctx)) {
        return RK_ROLE_NONE;
    }
    switch (ret->state) {
    case RK_PEER_LEADING:
        return RK_ROLE_LEADER;
    case RK_PEER_FOLLOWING:
        return RK_ROLE_FOLLOWER;
    case RK_PEER_OBSERVING:
        return RK_ROLE_OBSERVER;
    case RK_PEER_LOOKING:
        break;
    }
    return RK_ROLE_NONE;
}

const char *rk_admin_role_text(enum rk_admin_role role)
{
    switch (role) {
    case RK_ROLE_STANDALONE:
        return "standalone";
    case RK_ROLE_LEADER:
        return "leader";
    case RK_ROLE_FOLLOWER:
        return "follower";
    case RK_ROLE_OBSERVER:
        return "observer";
    case RK_ROLE_READ_ONLY:
        return "read-only";
    case RK_ROLE_NONE:
        break;
    }
    RK_ASSERT(false);
    return "";
}

void rk_admin_put_peer_state(struct rk_buf *b, const struct rk_ensemble_report *r)
{
    static const char *const states[] = {"looking", "following", "leading", "observing"};
    static const char *const phases[] = {"", "", " - discovery", " - synchronization",
                                         " - broadcast"};
    _Static_assert(RK_PEER_OBSERVING == 3 && RK_PHASE_BROADCAST == 4, "order of the tables");
    rk_admin_put(b, states[r->state]);
    rk_admin_put(b, phases[r->phase]);
}
