/* The history: what the core hands to the log, in order, and what each of it must lead to when it
 * is applied. */
#include "sim/check_int.h"

#include <string.h>

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

/* Nobody's request: the end of a session that was not heard of. */
static void link_expiry(struct sim_check *c, struct sim_txn *t)
{
    struct msession *s = rk_check_session(c, t->session);
    CHECK(c, s != NULL, "zxid %llx closes a session that does not exist",
          (unsigned long long)t->zxid);
    CHECK(c, t->cxid == 0, "zxid %llx closes a session with cxid %d that nobody sent",
          (unsigned long long)t->zxid, t->cxid);
    rk_check_expiry(c, s);
    s->is_closing = true;
}

/* Refused without a look: the session has moved to another server, or is about to end. */
static void link_refused(struct sim_check *c, struct sim_txn *t, int32_t err)
{
    const struct sim_tsession *ts = rk_truth_session(c->w->truth, t->session);
    CHECK(c, ts != NULL, "zxid %llx is of a session that never was", (unsigned long long)t->zxid);
    CHECK(c, err != RK_ZK_SESSION_EXPIRED || ts->is_close_proposed,
          "zxid %llx says that session %llx has expired, which it has not",
          (unsigned long long)t->zxid, (unsigned long long)t->session);
    CHECK(c, err != RK_ZK_SESSION_MOVED || ts->wanted_by[0] != 0,
          "zxid %llx says that session %llx has moved, which it has not",
          (unsigned long long)t->zxid, (unsigned long long)t->session);
    t->refused = err;
    if (err == RK_ZK_SESSION_MOVED) {
        RK_MARK(c->w, SESSION_MOVED);
    }
}

/* An error may have come up before anybody looked at the session; its end may be asked for from
 * anywhere. */
static bool has_changed(const struct rk_txn *txn)
{
    bool has_changed = txn->type != RK_OP_ERROR && txn->type != RK_OP_CLOSE_SESSION;
    if (txn->type == RK_OP_MULTI) {
        const struct rk_vec_sub_txn *subs = &txn->body.multi.txns;
        has_changed = subs->count > 0;
        for (int32_t i = 0; i < subs->count; i++) {
            has_changed = has_changed && subs->items[i].type != RK_OP_ERROR;
        }
    }
    return has_changed;
}

/* What was under way when a session moved is refused, or it would follow what its client asked for
 * elsewhere (ZOOKEEPER-710). */
static void check_attach(struct sim_check *c, const struct sim_txn *t, const struct rk_txn *txn,
                         uint32_t attach)
{
    struct sim_tsession *ts = rk_truth_session(c->w->truth, t->session);
    if (!c->is_ensemble || ts == NULL || !has_changed(txn)) {
        return;
    }
    CHECK(c, attach >= ts->attach,
          "zxid %llx is of a connection that session %llx had left, and asked elsewhere",
          (unsigned long long)t->zxid, (unsigned long long)t->session);
    ts->attach = attach;
}

/* From a client of another server. */
static bool link_forwarded(struct sim_check *c, struct sim_txn *t, const struct rk_txn *txn)
{
    struct sim_asked *a = rk_truth_asked(c->w->truth, t->session, t->cxid);
    if (!c->is_ensemble || a == NULL || a->is_linked || a->node == c->index) {
        return false;
    }
    check_attach(c, t, txn, a->attach);
    t->floor = a->floor;
    a->is_linked = true;
    t->is_request = true;
    t->op = a->op;
    t->body = rk_sim_blob_ref(a->body);
    rk_sim_ids_copy(c->mem, &t->ids, &a->ids);
    if (t->type == RK_OP_CLOSE_SESSION) {
        struct msession *s = rk_check_session(c, t->session);
        if (s != NULL) {
            s->is_closing = true; /* it may have expired meanwhile: then it is closed twice */
        }
    }
    RK_MARK(c->w, FORWARDED);
    return true;
}

/* The error that ended it, if it may be one of the session; of a multi that of its first part. */
static int32_t refusal_of(const struct rk_txn *txn)
{
    if (txn->type == RK_OP_ERROR) {
        return txn->body.error.err;
    }
    const struct rk_vec_sub_txn *subs = &txn->body.multi.txns;
    if (txn->type != RK_OP_MULTI || subs->count <= 0 || subs->items[0].type != RK_OP_ERROR ||
        subs->items[0].data.len != 4) {
        return RK_ZK_OK;
    }
    return rk_load_i32(subs->items[0].data.data);
}

static void link_request(struct sim_check *c, struct sim_txn *t, const struct rk_txn *txn)
{
    struct mconn *conn = NULL;
    struct mreq *q = find_request(c, &txn->header, &conn);
    bool is_close = t->type == RK_OP_CLOSE_SESSION;
    int32_t err = refusal_of(txn);
    if (err == RK_ZK_SESSION_MOVED || err == RK_ZK_SESSION_EXPIRED) {
        link_refused(c, t, err);
    }
    if (q == NULL && link_forwarded(c, t, txn)) {
        return;
    }
    if (is_close && (q == NULL || q->op != RK_OP_CLOSE_SESSION)) {
        link_expiry(c, t);
        return;
    }
    CHECK(c, q != NULL, "zxid %llx (type %d, session %llx, cxid %d) answers no request in turn",
          (unsigned long long)t->zxid, t->type, (unsigned long long)t->session, t->cxid);
    check_attach(c, t, txn, conn->attach);
    t->floor = q->floor;
    CHECK(c, t->refused != RK_ZK_OK || !rk_check_session(c, t->session)->is_closing,
          "zxid %llx is of session %llx, whose end was proposed before",
          (unsigned long long)t->zxid, (unsigned long long)t->session);
    q->state = MREQ_PROPOSED;
    q->zxid = t->zxid;
    t->is_request = true;
    t->op = q->op;
    t->body = rk_sim_blob_ref(q->body);
    rk_sim_ids_copy(c->mem, &t->ids, q->step == c->step ? &q->ids : &conn->viewer.ids);
    if (is_close) {
        rk_check_session(c, t->session)->is_closing = true;
    }
}

/* 6.6: is it time to delete this one? Judged by the state that is applied. */
static void check_reaped(struct sim_check *c, struct rk_bytes path)
{
    const struct sim_znode *n = rk_sim_find(&c->model, path);
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

void rk_check_reaping(struct sim_check *c)
{
    for (uint32_t i = 0; i < c->reaped_count; i++) {
        check_reaped(c, rk_sim_bytes(c->reaped[i]));
        rk_sim_blob_drop(c->mem, c->reaped[i]);
    }
    c->reaped_count = 0;
}

/* Of a client of another server, which has said so. */
static void link_forwarded_session(struct sim_check *c, struct sim_txn *t, const struct rk_txn *txn)
{
    struct sim_tsession *ts = rk_truth_session(c->w->truth, t->session);
    CHECK(c, ts != NULL && !ts->is_created && ts->node != c->index,
          "session %llx was created, and nobody asked for it", (unsigned long long)t->session);
    CHECK(c, txn->body.create_session.time_out == ts->timeout_ms,
          "session with a timeout of %d, asked for %d", txn->body.create_session.time_out,
          ts->timeout_ms);
    ts->is_created = true;
    t->timeout_ms = ts->timeout_ms;
    (void)rk_check_session_add(c, t->session, t->timeout_ms);
}

/* One of those that asked for a session of that timeout: which it is shows in the answer. */
static struct mconn *find_asking(struct sim_check *c, int32_t timeout_ms)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        struct mconn *conn = &c->conns[i];
        if (conn->state == MCONN_PENDING && conn->shake == MSHAKE_OPEN && conn->wanted == 0 &&
            conn->timeout_ms == timeout_ms) {
            return conn;
        }
    }
    return NULL;
}

static void link_session(struct sim_check *c, struct sim_txn *t, const struct rk_txn *txn)
{
    struct mconn *conn = c->event.conn == 0 ? NULL : rk_check_conn(c, c->event.conn);
    CHECK(c,
          rk_check_session(c, t->session) == NULL && t->session != 0 &&
              rk_sim_session_of(&c->model, t->session) == NULL,
          "session id %llx was given out again", (unsigned long long)t->session);
    if (c->is_ensemble && rk_truth_session(c->w->truth, t->session) != NULL) {
        link_forwarded_session(c, t, txn);
        return;
    }
    if (c->is_ensemble) {
        conn = find_asking(c, txn->body.create_session.time_out);
    }
    CHECK(c, conn != NULL && (c->is_ensemble || conn->shake == MSHAKE_NEW),
          "a session was created without a handshake that asks for one");
    CHECK(c, txn->body.create_session.time_out == conn->timeout_ms,
          "session with a timeout of %d, negotiated %d", txn->body.create_session.time_out,
          conn->timeout_ms);
    t->timeout_ms = conn->timeout_ms;
    struct msession *s = rk_check_session_add(c, t->session, conn->timeout_ms);
    if (!c->is_ensemble) {
        conn->shake = MSHAKE_NONE;
        conn->state = MCONN_PENDING;
        conn->viewer.session = t->session;
        s->conn = conn->id;
    }
    struct sim_tsession *ts = rk_truth_session_add(c->w->truth, t->session);
    ts->timeout_ms = conn->timeout_ms;
    ts->node = c->index;
    ts->is_created = true;
}

static void link_txn(struct sim_check *c, struct sim_txn *t, const struct rk_txn *txn)
{
    if (t->type == RK_OP_CREATE_SESSION) {
        link_session(c, t, txn);
    } else if (t->type == RK_OP_DELETE_CONTAINER) {
        CHECK(c, t->session == 0, "deleteContainer of a session");
        t->body = rk_sim_blob(c->mem, txn->body.delete_.path);
        RK_ASSERT(c->reaped_count < REAPED_MAX);
        c->reaped[c->reaped_count++] = rk_sim_blob_ref(t->body);
    } else {
        link_request(c, t, txn);
    }
    if (t->type == RK_OP_CLOSE_SESSION) {
        struct sim_tsession *ts = rk_truth_session(c->w->truth, t->session);
        CHECK(c, ts != NULL, "zxid %llx closes a session that never was",
              (unsigned long long)t->zxid);
        ts->is_close_proposed = true;
    }
}

/* One more than the last; or the first of an epoch. */
static bool follows(const struct sim_check *c, const struct sim_txn *prev, rk_zxid zxid)
{
    rk_zxid last = prev == NULL ? 0 : prev->zxid;
    if (zxid == last + 1) {
        return true;
    }
    return c->is_ensemble && RK_ZXID_EPOCH(zxid) > RK_ZXID_EPOCH(last) &&
           RK_ZXID_COUNTER(zxid) == 1;
}

static void propose(struct sim_check *c, rk_zxid zxid, struct rk_bytes payload)
{
    struct rk_arena a;
    struct rk_txn txn;
    rk_arena_init(&a, c->mem);
    enum rk_err err = rk_txn_decode(payload, &a, UINT32_MAX >> 1, &txn);
    CHECK(c, err == RK_OK, "zxid %llx cannot be decoded", (unsigned long long)zxid);
    CHECK(c, txn.header.zxid == zxid, "zxid %llx has the record of zxid %llx",
          (unsigned long long)zxid, (unsigned long long)txn.header.zxid);
    CHECK(c, c->is_serving && c->is_leading,
          "server %u, which does not lead, logs zxid %llx, which nobody proposed", c->index + 1,
          (unsigned long long)zxid);
    CHECK(c, txn.header.time == c->wall_ms, "zxid %llx has the time %lld at %lld",
          (unsigned long long)zxid, (long long)txn.header.time, (long long)c->wall_ms);
    struct sim_txn *t = rk_truth_add(c->w->truth, c->head, zxid, payload);
    t->step = c->step;
    t->type = txn.type;
    t->op = txn.type;
    t->session = txn.header.client_id;
    t->cxid = txn.header.cxid;
    t->time_ms = txn.header.time;
    t->proposer = c->index;
    link_txn(c, t, &txn);
    if (c->config.enforce_quota && t->is_request) {
        t->has_quota_view = true;
        rk_sim_model_copy(&t->quota_view, &c->model);
    }
    c->head = t;
    c->w->stats.txns++;
    rk_arena_deinit(&a);
}

void rk_check_append(struct sim_check *c, rk_zxid zxid, struct rk_bytes payload)
{
    struct sim_txn *known = rk_truth_find(c->w->truth, zxid);
    CHECK(c, follows(c, c->head, zxid), "server %u logs zxid %llx behind %llx", c->index + 1,
          (unsigned long long)zxid, (unsigned long long)(c->head == NULL ? 0 : c->head->zxid));
    if (known == NULL) {
        uint32_t max = c->w->opt.ens.epoch_txns_max;
        CHECK(c, max == 0 || RK_ZXID_COUNTER(zxid) <= max,
              "server %u proposes zxid %llx in an epoch that has but %u", c->index + 1,
              (unsigned long long)zxid, max);
        if (max > 0 && RK_ZXID_COUNTER(zxid) == max) {
            RK_MARK(c->w, ROLLED_OVER);
        }
        propose(c, zxid, payload);
        return;
    }
    CHECK(c, c->is_ensemble && rk_truth_is_same(known, payload),
          "server %u logs zxid %llx, which is something else on server %u", c->index + 1,
          (unsigned long long)zxid, known->proposer + 1);
    CHECK(c, known->prev == c->head, "server %u logs zxid %llx behind %llx, it follows %llx",
          c->index + 1, (unsigned long long)zxid,
          (unsigned long long)(c->head == NULL ? 0 : c->head->zxid),
          (unsigned long long)(known->prev == NULL ? 0 : known->prev->zxid));
    c->head = known;
}

/* Does the record say what must have happened? */
static bool is_logged(struct sim_check *c, const struct rk_txn *txn, const struct sim_outcome *out)
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
            rk_sim_trace_line(&c->w->trace, c->w->now_us, "multi: logged, must", (uint64_t)logged,
                              (uint64_t)must, rk_bytes_str(NULL));
            return false;
        }
    }
    return true;
}

static void apply_close(struct sim_check *c, struct sim_model *m, const struct sim_txn *t,
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

static void apply_write(struct sim_check *c, struct sim_model *m, const struct sim_txn *t,
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
    if (t->has_late_view && !is_logged(c, txn, out)) {
        struct sim_model other = *m;
        *m = before;
        before = other;
        q.quota_view = &t->late_view;
        rk_sim_model_write(m, &q, out);
    }
    if (t->has_late_view) {
        rk_sim_model_deinit(&before);
    }
    CHECK(c, is_logged(c, txn, out),
          "zxid %llx (op %d) was logged as type %d, error %d; must be %d",
          (unsigned long long)t->zxid, t->op, txn->type,
          txn->type == RK_OP_ERROR ? txn->body.error.err : 0, out->err);
}

void rk_check_late_views(struct sim_check *c)
{
    struct sim_txn **items;
    uint32_t count = rk_check_in_flight(c, &items);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_txn *t = items[i];
        if (t->step == c->step && t->has_quota_view && t->quota_view.zxid != c->model.zxid) {
            rk_sim_model_copy(&t->late_view, &c->model);
            t->has_late_view = true;
        }
    }
}

void rk_check_apply(struct sim_check *c, struct sim_model *m, const struct sim_txn *t,
                    struct sim_outcome *out)
{
    struct rk_arena a;
    struct rk_txn txn;
    CHECK(c, t->zxid > m->zxid, "zxid %llx applied behind %llx", (unsigned long long)t->zxid,
          (unsigned long long)m->zxid);
    rk_arena_init(&a, c->mem);
    enum rk_err err = rk_txn_decode(rk_sim_bytes(t->payload), &a, UINT32_MAX >> 1, &txn);
    RK_ASSERT(err == RK_OK);
    rk_sim_outcome_reset(out);
    if (t->refused != RK_ZK_OK && t->type == RK_OP_MULTI) {
        struct rk_multi_header end = {.type = -1, .done = true, .err = -1};
        rk_sim_put_failed_multi(out, (uint32_t)txn.body.multi.txns.count, 0, t->refused);
        rk_proto_write_multi_header(&out->body, &end);
        m->zxid = t->zxid;
    } else if (t->refused != RK_ZK_OK) {
        out->err = t->refused;
        m->zxid = t->zxid;
    } else if (t->type == RK_OP_CREATE_SESSION) {
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
