/* Commit and apply: committed proposals reach the tree in zxid order; watch events leave before any
 * reply that shows the new state; then the request that caused it is answered and what its
 * connection held behind it runs. ZK: FinalRequestProcessor. */
#include "core/ensemble_int.h"

static void put_multi_results(struct rk_core *c, const struct rk_tree_outcome *out)
{
    struct rk_buf *b = &c->fx->bytes;
    for (uint32_t i = 0; i < out->sub_count; i++) {
        const struct rk_tree_result *s = &out->sub[i];
        struct rk_multi_header h = {.type = s->type, .done = false, .err = s->err};
        if (s->type == RK_OP_CREATE_CONTAINER || s->type == RK_OP_CREATE_TTL) {
            h.type = RK_OP_CREATE2; /* ZK: MultiResponse writes all creates with Stat as create2 */
        }
        rk_proto_write_multi_header(b, &h);
        switch (s->type) {
        case RK_OP_CREATE:
            rk_buf_put_bytes(b, s->path);
            break;
        case RK_OP_CREATE2:
        case RK_OP_CREATE_CONTAINER:
        case RK_OP_CREATE_TTL:
            rk_buf_put_bytes(b, s->path);
            rk_proto_write_stat(b, &s->stat);
            break;
        case RK_OP_SET_DATA:
            rk_proto_write_stat(b, &s->stat);
            break;
        case RK_OP_ERROR:
            rk_buf_put_i32(b, s->err);
            break;
        default: /* delete, check: the header is all */
            break;
        }
    }
    rk_buf_put_i32(b, -1);
    rk_buf_put_bool(b, true);
    rk_buf_put_i32(b, -1);
}

static void put_result(struct rk_core *c, int32_t op, const struct rk_tree_outcome *out)
{
    struct rk_buf *b = &c->fx->bytes;
    switch (op) {
    case RK_OP_CREATE:
        rk_buf_put_bytes(b, out->result.path);
        break;
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
        rk_buf_put_bytes(b, out->result.path);
        rk_proto_write_stat(b, &out->result.stat);
        break;
    case RK_OP_SET_DATA:
    case RK_OP_SET_ACL:
        rk_proto_write_stat(b, &out->result.stat);
        break;
    case RK_OP_MULTI:
        put_multi_results(c, out);
        break;
    default: /* delete, closeSession */
        break;
    }
}

/* The leader has it from another server that this session's client is there now. Nobody is told by
 * a reply: who is here still has to connect again, so that both know where it is. A connection that
 * lived on would have every write refused while its pings keep the session alive. ZK:
 * FinalRequestProcessor, SessionMovedException; ZOOKEEPER-710. */
static bool has_session_moved(const struct rk_txn *txn, const struct rk_tree_outcome *out)
{
    if (txn->type == RK_OP_MULTI) {
        return out->sub_count > 0 && out->sub[0].err == RK_ZK_SESSION_MOVED;
    }
    return txn->type == RK_OP_ERROR && txn->body.error.err == RK_ZK_SESSION_MOVED;
}

/* Answers the write that waited for this transaction. */
static void answer(struct rk_core *c, uint32_t id, const struct rk_txn *txn,
                   const struct rk_tree_outcome *out)
{
    struct request q = *rk_core_request(c, id);
    struct conn *conn = q.conn == 0 ? NULL : rk_core_conn(c, q.conn);
    size_t mark;
    int32_t err = RK_ZK_OK;
    RK_ASSERT(q.state == REQUEST_IN_FLIGHT);
    if (conn == NULL) {
        rk_core_request_forget(c, id);
        c->metrics.stale_replies++;
        return;
    }
    rk_core_request_pop(c, conn, id);
    if (has_session_moved(txn, out)) {
        rk_core_conn_close(c, conn);
        return;
    }
    if (txn->type == RK_OP_ERROR) {
        err = txn->body.error.err;
    } else if (txn->type != RK_OP_MULTI) {
        err = out->result.err;
    }
    mark = rk_core_reply_begin(c, conn, q.xid, txn->header.zxid);
    if (err == RK_ZK_OK) {
        put_result(c, q.op, out);
    }
    rk_core_reply_end(c, conn, mark, err, false, q.op, q.received_ms);
    if (q.op == RK_OP_CLOSE_SESSION) {
        rk_fx_note(c->fx, RK_NOTE_SESSION_CLOSED, conn->id, conn->session, 0, rk_bytes_str(""));
        rk_core_conn_close(c, conn);
        return;
    }
    rk_core_request_drain(c, conn);
}

static void apply_create_session(struct rk_core *c, const struct rk_txn *txn)
{
    struct rk_session *s = rk_session_find(c->sessions, txn->header.client_id);
    struct conn *conn;
    if (s == NULL) {
        /* Where it was proposed it is known since then; elsewhere it begins here. */
        RK_ASSERT(!rk_core_is_leading(c));
        s = rk_session_add(c->sessions, txn->header.client_id, txn->body.create_session.time_out);
    }
    s->timeout_ms = txn->body.create_session.time_out;
    s->is_replicated = true;
    if (s->is_local) {
        rk_local_became_global(c, s);
    }
    if (rk_core_is_learner(c)) {
        (void)rk_forward_touch(c, s); /* every learner reports a new session once (C5.6) */
    }
    conn = s->conn == 0 ? NULL : rk_core_conn(c, s->conn);
    if (conn != NULL && conn->state == CONN_PENDING) {
        rk_core_session_established(c, conn);
    }
}

static void apply_close_session(struct rk_core *c, const struct rk_txn *txn, uint32_t request)
{
    struct rk_session *s = rk_session_find(c->sessions, txn->header.client_id);
    struct conn *conn;
    if (s == NULL) {
        return;
    }
    conn = s->conn == 0 ? NULL : rk_core_conn(c, s->conn);
    if (conn != NULL && request == RK_REQUEST_NONE) {
        rk_core_conn_close(c, conn); /* expired: no message */
    } else if (conn != NULL) {
        conn->session_ref = NULL; /* answered and closed right after this */
    }
    rk_session_remove(c->sessions, s);
}

static void remember_digest(struct rk_core *c, rk_zxid zxid)
{
    uint32_t at = (c->digest_first + c->digest_count) % RK_DIGEST_HISTORY;
    if (zxid % 128 != 0 || !c->config.digest) {
        return;
    }
    c->digests[at].zxid = zxid;
    c->digests[at].digest = rk_tree_digest(c->tree);
    if (c->digest_count < RK_DIGEST_HISTORY) {
        c->digest_count++;
    } else {
        c->digest_first = (c->digest_first + 1) % RK_DIGEST_HISTORY;
    }
}

static void count_ttl(struct rk_core *c, const struct rk_txn *txn,
                      const struct rk_tree_outcome *out)
{
    if (txn->type == RK_OP_CREATE_TTL && out->result.err == RK_ZK_OK) {
        c->metrics.ttl_node_created_count++;
    }
}

static void apply_one(struct rk_core *c, struct rk_proposal *p)
{
    struct rk_tree_outcome out;
    struct rk_txn txn;
    enum rk_err err;
    err = rk_txn_decode(rk_bytes_of(p->payload, p->len), &c->apply_arena, UINT32_MAX >> 1, &txn);
    if (err != RK_OK) {
        /* Only another leader's: it is committed, so this server cannot go on without it. */
        RK_ASSERT(c->ens != NULL);
        rk_ens_fatal(c, 1, "a committed transaction cannot be decoded");
        return;
    }
    RK_ASSERT(rk_ens_follows(c->last_zxid, txn.header.zxid));
    if (p->has_hint && rk_core_is_leading(c)) {
        struct rk_tree_hint hint = {p->hint_before, p->hint_after, p->hint_crc};
        rk_tree_give_hint(c->tree, &hint);
    }
    rk_tree_apply(c->tree, &txn, &c->apply_arena, &out);
    c->last_zxid = txn.header.zxid;
    if (rk_core_is_leading(c)) {
        rk_overlay_applied(&c->overlay, p);
    }
    c->metrics.commit_count++;
    if (!out.digest_mismatch && txn.has_digest) {
        c->restore_fuzzy = false;
    }
    if (out.digest_mismatch && !c->restore_fuzzy) {
        c->metrics.digest_mismatches_count++;
        rk_fx_note(c->fx, RK_NOTE_DIGEST_MISMATCH, 0, txn.header.client_id, txn.header.zxid,
                   rk_bytes_str(rk_op_name(txn.type)));
    }
    remember_digest(c, c->last_zxid);
    count_ttl(c, &txn, &out);
    for (uint32_t i = 0; i < out.event_count && !RK_BUG(EVENT_AFTER_REPLY); i++) {
        rk_core_fire(c, &out.events[i], c->last_zxid);
    }
    if (RK_BUG(SESSIONS_LOST_IN_SYNC) && !rk_core_is_serving(c)) {
        return;
    }
    if (txn.type == RK_OP_CREATE_SESSION) {
        apply_create_session(c, &txn);
    } else if (txn.type == RK_OP_CLOSE_SESSION) {
        apply_close_session(c, &txn, p->request);
    }
    if (p->request != RK_REQUEST_NONE) {
        answer(c, p->request, &txn, &out);
    }
    for (uint32_t i = 0; i < out.event_count && RK_BUG(EVENT_AFTER_REPLY); i++) {
        rk_core_fire(c, &out.events[i], txn.header.zxid);
    }
}

/* What is committed and comes next: of our own proposals on a leader, of the log's tail elsewhere.
 */
static struct rk_proposal *peek(struct rk_core *c)
{
    struct rk_proposal *p;
    if (c->ens != NULL && c->ens->is_fatal) {
        return NULL;
    }
    if (c->ens == NULL || rk_core_is_leading(c)) {
        return rk_broadcast_peek(&c->broadcast) == NULL ? NULL : c->broadcast.first;
    }
    p = rk_ens_peek_tail(c);
    if (p != NULL && rk_core_is_learner(c) && p->len >= 32) {
        /* TxnHeader: client 8, cxid 4, zxid 8, time 8, type 4 */
        p->request = rk_forward_match(c, rk_load_i64(p->payload), rk_load_i32(p->payload + 8),
                                      rk_load_i32(p->payload + 28));
    }
    return p;
}

static void take(struct rk_core *c, struct rk_proposal *p)
{
    struct rk_proposal *taken = c->ens == NULL || rk_core_is_leading(c)
                                    ? rk_broadcast_deliver(&c->broadcast)
                                    : rk_ens_take_tail(c);
    RK_ASSERT(taken == p);
}

static void applied(struct rk_core *c, struct rk_proposal *p)
{
    if (c->ens == NULL) {
        rk_broadcast_release(&c->broadcast, p);
        return;
    }
    c->ens->applied = p->zxid;
    if (rk_core_is_serving(c)) {
        c->ens->known_committed = p->zxid;
    }
    if (RK_BUG(HISTORY_HOLE) && !rk_core_is_serving(c)) {
        rk_proposal_free(c->mem, p);
        return;
    }
    rk_history_add(&c->ens->history, p);
}

/* The next commit answers a write that has reads before it, stopped by the bound on a step: they
 * must not see it. It waits for them, and so does what is behind it. */
static bool must_wait(const struct rk_core *c, const struct rk_proposal *p)
{
    const struct request *q;
    const struct conn *conn;
    if (p->request == RK_REQUEST_NONE || rk_list_empty(&c->late)) {
        return false;
    }
    q = rk_core_request(c, p->request);
    conn = q->conn == 0 ? NULL : rk_core_conn(c, q->conn);
    return conn != NULL && conn->queue_head != p->request;
}

void rk_core_deliver(struct rk_core *c)
{
    struct rk_proposal *p;
    uint32_t batch = 0;
    c->is_delivery_held = false;
    while ((p = peek(c)) != NULL && !(c->is_delivery_held = must_wait(c, p))) {
        take(c, p);
        apply_one(c, p);
        applied(c, p);
        rk_arena_reset(&c->apply_arena);
        batch++;
    }
    if (batch > 0) {
        rk_summary_add(&c->metrics.sync_processor_batch_size, batch);
        if (rk_core_is_learner(c)) {
            rk_forward_run_syncs(c);
        }
        rk_core_drain_throttled(c);
        rk_core_resume_all(c);
    }
}
