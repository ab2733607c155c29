/* Sessions that only this server knows: local ones (localSessionsEnabled), which become global when
 * they first need to (they create an ephemeral node), and those of clients that read while nobody
 * leads (readonlymode.enabled). They are tracked here, are in no log and no snapshot, and do not
 * outlive the role in which they began. spec-quorum C5.8, B4; spec-client 2; ZK:
 * UpgradeableSessionTracker, LearnerSessionTracker, ReadOnlyZooKeeperServer. */
#include "core/ensemble_int.h"

/* -- read-only ----------------------------------------------------------------------------------
 */

#define READ_ONLY_AFTER_MS 2000

bool rk_core_is_read_only(const struct rk_core *c)
{
    return c->ens != NULL && c->ens->is_read_only;
}

static int64_t read_only_due_ms(const struct rk_core *c)
{
    const struct ensemble *e = c->ens;
    int64_t wait_ms =
        c->config.tick_ms > READ_ONLY_AFTER_MS ? c->config.tick_ms : READ_ONLY_AFTER_MS;
    if (!e->config.read_only_mode || e->is_read_only || e->state != RK_PEER_LOOKING ||
        e->is_reload_wanted || e->is_reloading || c->is_shutting_down) {
        return INT64_MAX;
    }
    return e->left_ms + wait_ms;
}

void rk_local_tick(struct rk_core *c)
{
    if (c->now_ms >= read_only_due_ms(c)) {
        c->ens->is_read_only = true;
        rk_fx_note(c->fx, RK_NOTE_READ_ONLY, 0, 0, c->last_zxid, rk_bytes_str(""));
        rk_core_run_held_handshakes(c);
    }
}

int64_t rk_local_next_due(const struct rk_core *c)
{
    int64_t due = read_only_due_ms(c);
    int64_t expiry = rk_core_is_leading(c) ? INT64_MAX : rk_sessions_next_due(c->sessions);
    return expiry < due ? expiry : due;
}

/* Somebody leads again, or this server ends: these clients find one that writes. */
void rk_local_end_read_only(struct rk_core *c)
{
    if (c->ens->is_read_only) {
        rk_core_close_all(c, false);
        c->ens->is_read_only = false;
        rk_ens_settle_sessions(c);
    }
}

/* -- local sessions -----------------------------------------------------------------------------
 */

bool rk_local_is_wanted(const struct rk_core *c)
{
    return c->ens != NULL && (c->ens->is_read_only || c->ens->config.local_sessions);
}

/* A session of this server's own, open at once. */
void rk_local_begin(struct rk_core *c, struct rk_session *s)
{
    s->is_local = true;
    rk_session_retime(c->sessions, s, s->timeout_ms, c->now_ms);
}

void rk_local_expire(struct rk_core *c, struct rk_session *s)
{
    struct conn *conn = s->conn == 0 ? NULL : rk_core_conn(c, s->conn);
    rk_fx_note(c->fx, RK_NOTE_SESSION_EXPIRED, s->conn, s->id, s->touch_ms, rk_bytes_str("local"));
    c->metrics.stale_sessions_expired++;
    if (conn != NULL) {
        rk_core_conn_close(c, conn);
    }
    rk_session_remove(c->sessions, s);
}

/* In its turn among the connection's requests. */
void rk_local_close(struct rk_core *c, struct conn *conn, int32_t xid, int64_t received_ms)
{
    struct rk_session *s = conn->session_ref;
    RK_ASSERT(s != NULL && s->is_local);
    rk_core_reply_error(c, conn, xid, c->last_zxid, RK_ZK_OK, RK_OP_CLOSE_SESSION, received_ms);
    rk_fx_note(c->fx, RK_NOTE_SESSION_CLOSED, conn->id, s->id, 0, rk_bytes_str("local"));
    rk_core_conn_close(c, conn);
    rk_session_remove(c->sessions, s);
}

/* Before a request that creates an ephemeral node: its session becomes everybody's. The
 * createSession goes first, so it is made before the node is. */
void rk_local_upgrade(struct rk_core *c, struct conn *conn, int32_t op, struct rk_bytes body)
{
    struct rk_session *s = conn->session_ref;
    if (s == NULL || !s->is_local || s->is_upgrading || !c->ens->config.local_sessions_upgrading ||
        !rk_prep_has_ephemeral(c, op, body)) {
        return;
    }
    s->is_upgrading = true;
    if (rk_core_is_learner(c)) {
        rk_forward_create_session(c, conn);
    } else {
        s->owner = c->ens->config.my_sid;
        rk_prep_create_session(c, s->id, conn->timeout_ms, RK_REQUEST_NONE);
    }
}

bool rk_local_refuses(struct rk_core *c, const struct conn *conn, int32_t op, struct rk_bytes body)
{
    const struct rk_session *s = conn->session_ref;
    return s->is_local && !c->ens->is_read_only && !c->ens->config.local_sessions_upgrading &&
           rk_prep_has_ephemeral(c, op, body);
}

/* Its createSession was applied. */
void rk_local_became_global(struct rk_core *c, struct rk_session *s)
{
    s->is_local = false;
    s->is_upgrading = false;
    if (rk_core_is_learner(c)) {
        rk_session_untrack(c->sessions, s);
    }
}
