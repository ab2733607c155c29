/* The history: what the core hands to the log, in order, and what each of it must lead to when it
 * is applied. */
#include "sim/check_int.h"

#include <string.h>

void rk_check_free_txn(struct sim_check *c, struct mtxn *t)
{
    if (t->req != NULL) {
        t->req->txn = NULL;
    }
    rk_sim_blob_drop(c->mem, t->payload);
    rk_sim_blob_drop(c->mem, t->body);
    rk_sim_ids_deinit(c->mem, &t->ids);
    if (t->has_quota_view) {
        rk_sim_model_deinit(&t->quota_view);
    }
    if (t->has_late_view) {
        rk_sim_model_deinit(&t->late_view);
    }
    rk_mem_free(c->mem, t, sizeof(*t));
}

void rk_check_drop_txns(struct sim_check *c)
{
    while (c->first_txn != NULL) {
        struct mtxn *t = c->first_txn;
        c->first_txn = t->next;
        rk_check_free_txn(c, t);
    }
    c->last_txn = NULL;
}

/* The write of this session that is proposed next must be the first not proposed yet. */
static struct mreq *find_request(struct sim_check *c, const struct rk_txn_header *h,
                                 struct mconn **ret_conn)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        struct mconn *conn = &c->conns[i];
        if (conn->state != MCONN_OPEN || conn->viewer.session != h->client_id) {
            continue;
        }
        *ret_conn = conn;
        for (struct mreq *q = conn->reqs; q != NULL; q = q->next) {
            if (q->state != MREQ_WAITING || !rk_sim_is_write(q->op)) {
                continue;
            }
            if (q->xid == h->cxid) {
                return q;
            }
            if (!q->was_full && c->config.throttled_op_wait_ms == 0) {
                return NULL;
            }
            q->state = MREQ_FIXED; /* it must have been refused; its answer will show */
            q->zxid = INT64_MIN;
        }
    }
    return NULL;
}

static void link_request(struct sim_check *c, struct mtxn *t, const struct rk_txn_header *h)
{
    struct mconn *conn = NULL;
    struct mreq *q = find_request(c, h, &conn);
    bool is_close = t->type == RK_OP_CLOSE_SESSION;
    if (is_close && (q == NULL || q->op != RK_OP_CLOSE_SESSION)) {
        struct msession *s = rk_check_session(c, h->client_id);
        CHECK(c, s != NULL, "zxid %llx closes a session that does not exist",
              (unsigned long long)t->zxid);
        CHECK(c, h->cxid == 0, "zxid %llx closes a session with cxid %d that nobody sent",
              (unsigned long long)t->zxid, h->cxid);
        rk_check_expiry(c, s);
        s->is_closing = true;
        return;
    }
    CHECK(c, q != NULL, "zxid %llx (type %d, session %llx, cxid %d) answers no request in turn",
          (unsigned long long)t->zxid, t->type, (unsigned long long)h->client_id, h->cxid);
    CHECK(c, t->zxid > q->floor, "zxid %llx was seen before the request of %llx came",
          (unsigned long long)q->floor, (unsigned long long)t->zxid);
    CHECK(c, !rk_check_session(c, h->client_id)->is_closing,
          "zxid %llx is of session %llx, whose end was proposed before",
          (unsigned long long)t->zxid, (unsigned long long)h->client_id);
    q->state = MREQ_PROPOSED;
    q->zxid = t->zxid;
    q->txn = t;
    t->req = q;
    t->is_request = true;
    t->op = q->op;
    t->body = rk_sim_blob_ref(q->body);
    rk_sim_ids_copy(c->mem, &t->ids, q->step == c->step ? &q->ids : &conn->viewer.ids);
    if (is_close) {
        rk_check_session(c, h->client_id)->is_closing = true;
    }
}

/* 6.6: is it time to delete this one? Judged by the state that is applied. */
static void check_reaping(struct sim_check *c, const struct rk_txn *txn)
{
    const struct sim_znode *n = rk_sim_find(&c->model, txn->body.delete_.path);
    CHECK(c, n != NULL, "a node that does not exist was reaped");
    int64_t age = c->wall_ms - n->mtime;
    bool is_container = n->owner == INT64_MIN;
    bool is_ttl = n->owner != 0 && !is_container && !rk_sim_is_ephemeral(&c->model, n);
    bool is_due = is_ttl && age > (n->owner & INT64_C(0xffffffffff));
    if (is_container) {
        is_due = n->creations > 0 ||
                 (c->config.container_never_used_ms > 0 && age > c->config.container_never_used_ms);
    }
    CHECK(c, is_due, "%.*s was reaped before its time", (int)n->path->len,
          (const char *)n->path->data);
    RK_MARK(c->w, REAPED);
}

static void link_internal(struct sim_check *c, struct mtxn *t, const struct rk_txn *txn)
{
    if (t->type == RK_OP_DELETE_CONTAINER) {
        CHECK(c, t->session == 0, "deleteContainer of a session");
        t->body = rk_sim_blob(c->mem, txn->body.delete_.path);
        check_reaping(c, txn);
        return;
    }
    struct mconn *conn = rk_check_conn(c, c->event.conn);
    RK_ASSERT(t->type == RK_OP_CREATE_SESSION);
    CHECK(c, c->event.kind == RK_EV_FRAME && conn != NULL && conn->shake == MSHAKE_NEW,
          "a session was created without a handshake that asks for one");
    CHECK(c,
          rk_check_session(c, t->session) == NULL && t->session != 0 &&
              rk_sim_session_of(&c->model, t->session) == NULL,
          "session id %llx was given out again", (unsigned long long)t->session);
    CHECK(c, txn->body.create_session.time_out == conn->timeout_ms,
          "session with a timeout of %d, negotiated %d", txn->body.create_session.time_out,
          conn->timeout_ms);
    t->timeout_ms = conn->timeout_ms;
    conn->shake = MSHAKE_NONE;
    conn->state = MCONN_PENDING;
    conn->viewer.session = t->session;
    struct msession *s = rk_check_session_add(c, t->session, conn->timeout_ms);
    s->conn = conn->id;
}

void rk_check_append(struct sim_check *c, rk_zxid zxid, struct rk_bytes payload)
{
    struct rk_arena a;
    struct rk_txn txn;
    rk_arena_init(&a, c->mem);
    enum rk_err err = rk_txn_decode(payload, &a, UINT32_MAX >> 1, &txn);
    CHECK(c, err == RK_OK, "zxid %llx cannot be decoded", (unsigned long long)zxid);
    CHECK(c, zxid == c->appended + 1 && txn.header.zxid == zxid, "zxid %llx follows %llx",
          (unsigned long long)zxid, (unsigned long long)c->appended);
    CHECK(c, txn.header.time == c->wall_ms, "zxid %llx has the time %lld at %lld",
          (unsigned long long)zxid, (long long)txn.header.time, (long long)c->wall_ms);
    struct mtxn *t = rk_mem_must_zalloc(c->mem, sizeof(*t));
    t->zxid = zxid;
    t->step = c->step;
    t->type = txn.type;
    t->op = txn.type;
    t->session = txn.header.client_id;
    t->time_ms = txn.header.time;
    t->payload = rk_sim_blob(c->mem, payload);
    c->appended = zxid;
    if (txn.type == RK_OP_CREATE_SESSION || txn.type == RK_OP_DELETE_CONTAINER) {
        link_internal(c, t, &txn);
    } else {
        link_request(c, t, &txn.header);
    }
    if (c->config.enforce_quota && t->is_request) {
        t->has_quota_view = true;
        rk_sim_model_copy(&t->quota_view, &c->model);
    }
    if (c->last_txn == NULL) {
        c->first_txn = t;
    } else {
        c->last_txn->next = t;
    }
    c->last_txn = t;
    c->w->stats.txns++;
    rk_arena_deinit(&a);
}

/* Does the record say what must have happened? */
static bool is_logged(const struct rk_txn *txn, const struct sim_outcome *out)
{
    int32_t err = txn->type == RK_OP_ERROR ? txn->body.error.err : RK_ZK_OK;
    if (err != out->err) {
        return false;
    }
    if (txn->type != RK_OP_MULTI) {
        return true;
    }
    /* In the log of a failed multi the operations before the one that failed keep their bodies. In
     * its answer every element is an error: nine bytes of header, four of error. */
    const struct rk_vec_sub_txn *subs = &txn->body.multi.txns;
    for (int32_t i = 0; i < subs->count; i++) {
        const struct rk_sub_txn *sub = &subs->items[i];
        bool is_error = sub->type == RK_OP_ERROR && sub->data.len == 4;
        int32_t logged = is_error ? rk_load_i32(sub->data.data) : RK_ZK_OK;
        int32_t must = RK_ZK_OK;
        if (out->failed_ops > 0) {
            must = rk_load_i32(out->body.data + 13 * (size_t)i + 9);
        }
        if (logged != must) {
            return false;
        }
    }
    return true;
}

static void apply_close(struct sim_check *c, struct sim_model *m, const struct mtxn *t,
                        const struct rk_txn *txn, struct sim_outcome *out)
{
    uint32_t owned = 0;
    for (uint32_t i = 0; i < m->node_count; i++) {
        owned += m->nodes[i].owner == t->session && rk_sim_is_ephemeral(m, &m->nodes[i]);
    }
    const struct rk_vec_bytes *paths = &txn->body.close_session.paths;
    if (c->config.close_session_txn) {
        CHECK(c, paths->count >= 0 && (uint32_t)paths->count == owned,
              "zxid %llx closes a session with %u ephemerals, its record lists %d",
              (unsigned long long)t->zxid, owned, paths->count);
    }
    for (int32_t i = 0; i < paths->count; i++) {
        const struct sim_znode *n = rk_sim_find(m, paths->items[i]);
        CHECK(c, n != NULL && n->owner == t->session,
              "zxid %llx closes a session and lists %.*s, which is not its own",
              (unsigned long long)t->zxid, (int)paths->items[i].len,
              (const char *)paths->items[i].data);
    }
    rk_sim_model_close_session(m, t->zxid, t->session, paths, out);
}

static void apply_write(struct sim_check *c, struct sim_model *m, const struct mtxn *t,
                        const struct rk_txn *txn, struct sim_outcome *out)
{
    struct sim_model before;
    struct sim_write_request q = {.op = t->op,
                                  .body = rk_sim_bytes(t->body),
                                  .session = t->session,
                                  .ids = &t->ids,
                                  .zxid = t->zxid,
                                  .time_ms = t->time_ms,
                                  .quota_view = t->has_quota_view ? &t->quota_view : NULL};
    if (t->has_late_view) {
        rk_sim_model_copy(&before, m);
    }
    rk_sim_model_write(m, &q, out);
    if (t->has_late_view && !is_logged(txn, out)) {
        struct sim_model other = *m;
        *m = before;
        before = other;
        q.quota_view = &t->late_view;
        rk_sim_model_write(m, &q, out);
    }
    if (t->has_late_view) {
        rk_sim_model_deinit(&before);
    }
    CHECK(c, is_logged(txn, out), "zxid %llx (op %d) was logged as type %d, error %d; must be %d",
          (unsigned long long)t->zxid, t->op, txn->type,
          txn->type == RK_OP_ERROR ? txn->body.error.err : 0, out->err);
}

void rk_check_late_views(struct sim_check *c)
{
    for (struct mtxn *t = c->first_txn; t != NULL; t = t->next) {
        if (t->step == c->step && t->has_quota_view && t->quota_view.zxid != c->model.zxid) {
            rk_sim_model_copy(&t->late_view, &c->model);
            t->has_late_view = true;
        }
    }
}

void rk_check_apply(struct sim_check *c, struct sim_model *m, const struct mtxn *t,
                    struct sim_outcome *out)
{
    struct rk_arena a;
    struct rk_txn txn;
    CHECK(c, t->zxid == m->zxid + 1, "zxid %llx applied behind %llx", (unsigned long long)t->zxid,
          (unsigned long long)m->zxid);
    rk_arena_init(&a, c->mem);
    enum rk_err err = rk_txn_decode(rk_sim_bytes(t->payload), &a, UINT32_MAX >> 1, &txn);
    RK_ASSERT(err == RK_OK);
    rk_sim_outcome_reset(out);
    if (t->type == RK_OP_CREATE_SESSION) {
        rk_sim_model_create_session(m, t->zxid, t->session, t->timeout_ms);
    } else if (t->type == RK_OP_CLOSE_SESSION) {
        apply_close(c, m, t, &txn, out);
    } else if (t->type == RK_OP_DELETE_CONTAINER) {
        struct rk_bytes path = rk_sim_bytes(t->body);
        const struct sim_znode *n = rk_sim_find(m, path);
        CHECK(c,
              n != NULL && n->owner != 0 && !rk_sim_is_ephemeral(m, n) &&
                  rk_sim_child_count(m, n) == 0,
              "zxid %llx reaps %.*s, which is not to be reaped", (unsigned long long)t->zxid,
              (int)path.len, (const char *)path.data);
        rk_sim_model_reap(m, t->zxid, path, out);
    } else {
        apply_write(c, m, t, &txn, out);
    }
    rk_arena_deinit(&a);
}
