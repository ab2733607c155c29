/* What learners ask of the leader for their clients: writes, sessions, syncs, reattaches; and whom
 * they heard of. Which session may ask what is decided here, as Apache's prep stage does; a refused
 * write becomes an error transaction, because that is how the learner learns of it.
 * spec-quorum C5.4 to C5.8; ZK: LearnerHandler, LeaderSessionTracker.checkSession. */
#include "core/leader_int.h"

#include <string.h>

/* What learners may have in flight together, as a multiple of what one server admits for its own
 * clients. Each bounds its own; this is for one that does not. */
#define INFLIGHT_FACTOR 64u

/* Ids that own a node and are no session must not get through (0 owns the persistent ones). */
static bool is_session_id(const struct rk_core *c, rk_session_id id)
{
    return rk_tree_kind_of_owner(c->tree, id) == RK_NODE_EPHEMERAL;
}

/* ZK: LeaderSessionTracker.checkSession. A session of which no owner is known belongs to the first
 * that asks. */
static int32_t check_session(struct rk_core *c, const struct learner *l, rk_session_id id,
                             bool *ret_is_local)
{
    struct rk_session *s = rk_session_find(c->sessions, id);
    *ret_is_local = false;
    if (s == NULL) {
        uint8_t origin = (uint8_t)((uint64_t)id >> 56);
        if (!c->ens->config.local_sessions || origin == c->config.server_id) {
            return RK_ZK_SESSION_EXPIRED;
        }
        *ret_is_local = true;
        return RK_ZK_OK;
    }
    if (s->is_closing && !RK_BUG(CLOSING_MAY_WRITE)) {
        return RK_ZK_SESSION_EXPIRED;
    }
    if (s->owner == 0) {
        s->owner = l->sid;
    }
    return s->owner == l->sid || RK_BUG(MOVED_NOT_CHECKED) ? RK_ZK_OK : RK_ZK_SESSION_MOVED;
}

/* The identities as the learner authenticated them, borrowed from the packet. */
static void borrow_ids(struct rk_core *c, const struct rk_packet *p, struct rk_auth_ids *ret)
{
    struct rk_id id;
    size_t at = 0;
    rk_auth_ids_init(ret);
    if (p->id_count <= 0) {
        return;
    }
    RK_ASSERT((uint32_t)p->id_count <= RK_PACKET_IDS_MAX);
    ret->items = rk_arena_alloc(&c->arena, (size_t)p->id_count * sizeof(ret->items[0]));
    while (rk_packet_next_id(p, &at, &id)) {
        if (id.scheme.data == NULL || id.id.data == NULL) {
            continue; /* matches nobody */
        }
        RK_ASSERT(ret->count < (uint32_t)p->id_count);
        ret->items[ret->count] = id;
        ret->count++;
        ret->is_super = ret->is_super || rk_bytes_is(id.scheme, "super");
    }
}

static bool is_answered(int32_t op)
{
    return rk_core_op_is_write(op) || op == RK_OP_CHECK || op == RK_OP_DELETE_CONTAINER;
}

static void write_request(struct rk_core *c, struct learner *l, const struct rk_packet *packet,
                          const struct rk_packet_request *q)
{
    struct rk_auth_ids ids;
    struct prep p = {.session = q->session, .cxid = q->cxid, .op = q->op, .ids = &ids};
    borrow_ids(c, packet, &ids);
    p.session_err = check_session(c, l, q->session, &p.is_local_session);
    if (!rk_core_op_is_write(q->op)) {
        p.refusal = RK_ZK_UNIMPLEMENTED; /* check alone, deleteContainer: as for our own clients */
    } else if (packet->id_count < 0 && !c->config.skip_acl) {
        p.refusal = RK_ZK_MARSHALLING_ERROR;
    } else if (q->body.len > c->config.record_bytes_max) {
        p.refusal = RK_ZK_MARSHALLING_ERROR;
    }
    rk_prep_request(c, &p, q->body);
}

static void refuse_session(struct rk_core *c, const struct rk_packet_request *q)
{
    struct prep p = {
        .session = q->session, .cxid = q->cxid, .op = q->op, .refusal = RK_ZK_SESSION_EXPIRED};
    rk_prep_request(c, &p, q->body);
}

static int32_t usable_timeout(const struct rk_core *c, int32_t timeout_ms)
{
    return timeout_ms > 0 ? timeout_ms : c->config.min_session_timeout_ms;
}

/* Also for one that is known: a local session that becomes a global one may come twice. */
static void create_session(struct rk_core *c, struct learner *l, const struct rk_packet_request *q)
{
    struct rk_session *s = rk_session_find(c->sessions, q->session);
    int32_t timeout_ms;
    if (q->body.len < 4) {
        rk_leader_drop(c, l, "a createSession without timeout");
        return;
    }
    timeout_ms = usable_timeout(c, rk_load_i32(q->body.data));
    if (s != NULL && s->is_closing) {
        refuse_session(c, q);
        return;
    }
    if (s == NULL) {
        s = rk_session_add(c->sessions, q->session, timeout_ms);
    }
    rk_session_retime(c->sessions, s, timeout_ms, c->now_ms);
    s->owner = l->sid;
    rk_prep_create_session(c, q->session, timeout_ms, RK_REQUEST_NONE);
}

/* Never refused, whoever asks and whatever is known of the session: ZK: PrepRequestProcessor,
 * closeSession. */
static void close_session(struct rk_core *c, const struct rk_packet_request *q)
{
    struct rk_session *s = rk_session_find(c->sessions, q->session);
    if (s != NULL) {
        s->is_closing = true;
    }
    rk_prep_close_session(c, q->session, q->cxid, RK_REQUEST_NONE);
}

static void handle(struct rk_core *c, struct learner *l, const struct rk_packet *p,
                   const struct rk_packet_request *q)
{
    if (q->op == RK_OP_SYNC) {
        rk_leader_learner_sync(c, l);
        return;
    }
    if (!is_session_id(c, q->session)) {
        rk_leader_drop(c, l, "a request of no session");
        return;
    }
    if (c->broadcast.inflight_bytes / INFLIGHT_FACTOR > c->config.inflight_bytes_max) {
        rk_leader_drop(c, l, "more in flight than anything bounds");
        return;
    }
    if (rk_leader_takes_no_more(c) || c->is_log_full) {
        return; /* the role is about to end: its client will ask again */
    }
    if (q->op == RK_OP_CREATE_SESSION) {
        create_session(c, l, q);
    } else if (q->op == RK_OP_CLOSE_SESSION) {
        close_session(c, q);
    } else if (is_answered(q->op)) {
        write_request(c, l, p, q);
    } else {
        rk_leader_note(c, RK_NOTE_LEARNER_ODD, l, rk_op_name(q->op)); /* a read: nobody waits */
    }
    rk_arena_reset(&c->arena);
}

/* -- behind a sync ------------------------------------------------------------------------------
 *
 * Apache's learner takes what comes back for the answers to what it sent, in that order, syncs and
 * writes of all its clients alike; a commit that overtakes a SYNC goes by unanswered (ZK:
 * CommitProcessor, queuedWriteRequests). A sync waits for its pings here, so what the same learner
 * asks behind it waits for the sync. */

static void defer(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    struct rk_buf *b = &l->deferred;
    rk_buf_put_i32(b, p->type);
    rk_buf_put_i64(b, p->zxid);
    rk_buf_put_bytes(b, p->data);
    if (p->id_count < 0) {
        rk_buf_put_i32(b, -1);
    } else {
        rk_buf_put(b, p->ids.data, p->ids.len);
    }
    if (b->failed) {
        rk_leader_drop(c, l, "more requests than may wait behind a sync");
    }
}

void rk_leader_request(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    struct rk_packet_request q;
    RK_ASSERT(c->ens->phase == RK_PHASE_BROADCAST);
    if (!rk_packet_parse_request(p, &q)) {
        rk_leader_drop(c, l, "a request that cannot be decoded");
    } else if (l->deferred.len > 0 || (l->syncs_waiting > 0 && q.op != RK_OP_SYNC)) {
        defer(c, l, p);
    } else {
        handle(c, l, p, &q);
    }
}

void rk_leader_run_deferred(struct rk_core *c, struct learner *l)
{
    const struct chan *chan = l->chan;
    struct rk_buf *b = &l->deferred;
    size_t at = 0;
    if (b->len == 0) {
        return;
    }
    while (at < b->len) {
        struct rk_packet_request q;
        struct rk_packet p;
        size_t used = 0;
        enum rk_parse parsed =
            rk_packet_parse(rk_bytes_of(b->data + at, b->len - at), INT32_MAX, &p, &used);
        RK_ASSERT(parsed == RK_PARSE_OK); /* it was before */
        if (!rk_packet_parse_request(&p, &q) || (l->syncs_waiting > 0 && q.op != RK_OP_SYNC)) {
            break;
        }
        at += used;
        handle(c, l, &p, &q);
        if (chan->learner != l) {
            return; /* dropped, and the buffer with it */
        }
    }
    memmove(b->data, b->data + at, b->len - at);
    b->len -= at;
    if (b->len == 0) {
        rk_buf_deinit(b);
    }
}

/* -- reattach and touch ------------------------------------------------------------------------ */

/* ZK: ZooKeeperServer.checkIfValidGlobalSession, Leader.revalidateSession */
static bool revalidate(struct rk_core *c, const struct learner *l, rk_session_id id,
                       int32_t timeout_ms)
{
    struct rk_session *s = rk_session_find(c->sessions, id);
    struct conn *ours;
    if (s == NULL || s->is_closing || !s->is_replicated) {
        return false;
    }
    ours = s->conn != 0 ? rk_core_conn(c, s->conn) : NULL;
    if (ours != NULL) {
        rk_fx_note(c->fx, RK_NOTE_SESSION_STOLEN, ours->id, id, l->sid,
                   rk_bytes_str("to another server"));
        rk_core_conn_close(c, ours);
    }
    rk_session_retime(c->sessions, s, usable_timeout(c, timeout_ms), c->now_ms);
    s->owner = l->sid;
    return true;
}

static void answer_revalidate(struct rk_core *c, const struct learner *l, rk_session_id id,
                              bool is_valid)
{
    uint8_t answer[9];
    rk_store_i64(answer, id);
    answer[8] = is_valid;
    rk_leader_send(c, l, RK_PACKET_REVALIDATE, -1, rk_bytes_of(answer, sizeof(answer)));
}

void rk_leader_decide(struct rk_core *c, const struct learner *l, rk_session_id session,
                      int32_t timeout_ms)
{
    answer_revalidate(c, l, session, revalidate(c, l, session, timeout_ms));
}

/* A client that is refused takes its session for expired. A leader that was deposed and does not
 * know it would say so of sessions that the next one made, so it is said only when a quorum has
 * confirmed since that we lead, and what was proposed until now, closeSession of it maybe, is
 * committed. Apache refuses at once. */
void rk_leader_revalidate(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    rk_session_id id;
    int32_t timeout_ms;
    if (p->data.len < 12) {
        rk_leader_drop(c, l, "a short REVALIDATE");
        return;
    }
    c->metrics.revalidate_count++;
    id = rk_load_i64(p->data.data);
    timeout_ms = rk_load_i32(p->data.data + 8);
    if (revalidate(c, l, id, timeout_ms)) {
        answer_revalidate(c, l, id, true);
    } else if (id == 0 || RK_BUG(REFUSES_UNSURE)) {
        answer_revalidate(c, l, id, false);
    } else {
        rk_leader_learner_reattach(c, l, id, timeout_ms);
    }
}

/* The timeout is the one that the client negotiated with the learner. */
void rk_leader_touch(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    rk_session_id id;
    int32_t timeout_ms;
    size_t at = 0;
    (void)l; /* whoever heard of it: it is alive */
    while (rk_packet_next_touch(p, &at, &id, &timeout_ms)) {
        struct rk_session *s = rk_session_find(c->sessions, id);
        if (s != NULL && !s->is_closing) {
            s->touch_ms = usable_timeout(c, timeout_ms);
            (void)rk_session_touch(c->sessions, s, c->now_ms);
        }
    }
}
