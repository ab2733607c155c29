/* Requests in, replies and events out. Every reply is evaluated in the state that its header names,
 * which must be the state that was applied when it was sent; every watch event that a transaction
 * causes must be sent when it is applied, before any reply that shows the new state. */
#include "sim/check_int.h"

#include "proto/frame.h"

#include <stdio.h>
#include <string.h>

struct mconn *rk_check_conn(struct sim_check *c, rk_conn_id id)
{
    uint32_t slot = (uint32_t)(id & UINT32_MAX);
    RK_ASSERT(slot < MCONNS);
    struct mconn *conn = &c->conns[slot];
    return conn->state != MCONN_FREE && conn->id == id ? conn : NULL;
}

void rk_check_conn_open(struct sim_check *c, rk_conn_id id, struct rk_bytes address)
{
    struct mconn *conn = &c->conns[id & UINT32_MAX];
    RK_ASSERT((id & UINT32_MAX) < MCONNS && conn->state == MCONN_FREE);
    *conn = (struct mconn){.id = id, .state = MCONN_NEW};
    rk_sim_ids_add(c->mem, &conn->viewer.ids, rk_bytes_str("ip"), address);
}

/* -- Lists -- */

void rk_check_request_free(struct sim_check *c, struct mreq *q)
{
    rk_sim_blob_drop(c->mem, q->body);
    rk_sim_ids_deinit(c->mem, &q->ids);
    rk_buf_deinit(&q->result);
    rk_mem_free(c->mem, q, sizeof(*q));
}

static void push_due(struct sim_check *c, struct mdue **list, const struct mdue *due)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = rk_mem_must_alloc(c->mem, sizeof(**list));
    **list = *due;
    (*list)->next = NULL;
}

static void pop_due(struct sim_check *c, struct mdue **at)
{
    struct mdue *due = *at;
    *at = due->next;
    rk_sim_blob_drop(c->mem, due->path);
    rk_mem_free(c->mem, due, sizeof(*due));
}

static void push_frame(struct sim_check *c, struct mframe **list, struct rk_bytes bytes)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = rk_mem_must_zalloc(c->mem, sizeof(**list));
    (*list)->bytes = rk_sim_blob(c->mem, bytes);
}

static void pop_frame(struct sim_check *c, struct mframe **list)
{
    struct mframe *f = *list;
    *list = f->next;
    rk_sim_blob_drop(c->mem, f->bytes);
    rk_mem_free(c->mem, f, sizeof(*f));
}

/* Nothing more is due to this connection. */
static void forget_dues(struct sim_check *c, struct mconn *conn)
{
    while (conn->reqs != NULL) {
        struct mreq *q = conn->reqs;
        conn->reqs = q->next;
        rk_check_request_free(c, q);
    }
    while (conn->events != NULL) {
        pop_due(c, &conn->events);
    }
    while (conn->inlines != NULL) {
        pop_due(c, &conn->inlines);
    }
    while (conn->early != NULL) {
        pop_frame(c, &conn->early);
    }
    while (conn->catch_up != NULL) {
        pop_frame(c, &conn->catch_up);
    }
    rk_sim_viewer_deinit(c->mem, &conn->viewer);
}

static void detach(struct sim_check *c, const struct mconn *conn)
{
    struct msession *s = rk_check_session(c, conn->viewer.session);
    if (s != NULL && s->conn == conn->id) {
        s->conn = 0;
    }
}

void rk_check_conn_drop(struct sim_check *c, struct mconn *conn)
{
    detach(c, conn);
    forget_dues(c, conn);
    *conn = (struct mconn){.state = MCONN_FREE};
}

void rk_check_free_conns(struct sim_check *c)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        if (c->conns[i].state != MCONN_FREE) {
            rk_check_conn_drop(c, &c->conns[i]);
        }
    }
}

static bool has_request(const struct mconn *conn, int32_t xid)
{
    const struct mreq *q = conn->reqs;
    while (q != NULL && q->xid != xid) {
        q = q->next;
    }
    return q != NULL;
}

/* conn: or of a request of this one that is refused because the session has moved; may be NULL. */
static void advance_to_end(struct sim_check *c, rk_session_id session, const struct mconn *conn)
{
    struct sim_txn **items;
    uint32_t count = rk_check_in_flight(c, &items);
    uint32_t i = 0;
    while (i < count && (items[i]->session != session ||
                         (items[i]->type != RK_OP_CLOSE_SESSION &&
                          (conn == NULL || items[i]->refused != RK_ZK_SESSION_MOVED ||
                           !has_request(conn, items[i]->cxid))))) {
        i++;
    }
    if (i < count && (c->is_ensemble ? rk_truth_has_quorum(c->w->truth, items[i])
                                     : items[i]->zxid <= c->durable)) {
        rk_check_advance(c, items[i]->zxid);
    }
}

void rk_check_advance_to_close(struct sim_check *c, rk_session_id session)
{
    advance_to_end(c, session, NULL);
}

/* The leader takes nothing more, and leaves in a moment. */
static bool takes_no_more(const struct sim_check *c)
{
    uint32_t max = c->w->opt.ens.epoch_txns_max;
    bool is_used_up = max > 0 && c->head != NULL && RK_ZXID_COUNTER(c->head->zxid) >= max;
    return c->is_leading && (c->is_handing_over || is_used_up);
}

/* The handshake that came in this step takes its session. */
static bool is_being_stolen(struct sim_check *c, const struct mconn *conn)
{
    const struct mconn *by = rk_check_conn(c, c->event.conn);
    return by != NULL && by != conn && by->wanted == conn->viewer.session;
}

void rk_check_closed(struct sim_check *c, rk_conn_id id)
{
    struct mconn *conn = rk_check_conn(c, id);
    if (conn != NULL && conn->state == MCONN_OPEN && !conn->must_close && !c->may_close &&
        !is_being_stolen(c, conn)) {
        /* The end of a session may show in nothing but the end of its connection. */
        advance_to_end(c, conn->viewer.session, conn);
    }
    if (conn == NULL && c->is_ensemble && c->event.conn == id) {
        return; /* all are closed in the step in which it is gone */
    }
    CHECK(c, conn != NULL && conn->state != MCONN_CLOSED, "connection %llx closed twice",
          (unsigned long long)id);
    CHECK(c,
          conn->may_close || conn->must_close || c->may_close || takes_no_more(c) ||
              rk_check_is_wanted_elsewhere(c, conn),
          "connection %llx (session %llx) was closed without a reason", (unsigned long long)id,
          (unsigned long long)conn->viewer.session);
    CHECK(c, c->may_close || (conn->inlines == NULL && conn->events == NULL),
          "connection %llx was closed while something was due", (unsigned long long)id);
    detach(c, conn);
    forget_dues(c, conn);
    conn->state = MCONN_CLOSED;
    conn->closed_step = c->step;
    conn->must_close = false;
    conn->shake = MSHAKE_NONE;
}

/* -- Requests -- */

static bool is_client_op(int32_t op)
{
    switch (op) {
    case RK_OP_EXISTS:
    case RK_OP_GET_DATA:
    case RK_OP_GET_ACL:
    case RK_OP_GET_CHILDREN:
    case RK_OP_GET_CHILDREN2:
    case RK_OP_SYNC:
    case RK_OP_PING:
    case RK_OP_CHECK_WATCHES:
    case RK_OP_REMOVE_WATCHES:
    case RK_OP_MULTI_READ:
    case RK_OP_SET_WATCHES:
    case RK_OP_SET_WATCHES2:
    case RK_OP_ADD_WATCH:
    case RK_OP_GET_EPHEMERALS:
    case RK_OP_GET_ALL_CHILDREN_NUMBER:
    case RK_OP_WHO_AM_I:
        return true;
    default:
        return rk_sim_is_write(op);
    }
}

static struct mreq *add_request(struct sim_check *c, struct mconn *conn, int32_t xid, int32_t op,
                                struct rk_bytes body)
{
    struct mreq **at = &conn->reqs;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    struct mreq *q = rk_mem_must_zalloc(c->mem, sizeof(*q));
    *at = q;
    q->xid = xid;
    q->op = op;
    q->body = rk_sim_blob(c->mem, body);
    q->step = c->step;
    q->was_full = c->is_log_full;
    q->arrived_ms = c->now_ms;
    q->floor = rk_truth_shown(c->w->truth);
    rk_sim_ids_copy(c->mem, &q->ids, &conn->viewer.ids);
    rk_buf_init(&q->result, c->mem, (size_t)64 << 20);
    c->w->stats.requests++;
    return q;
}

static void fix_answer(struct mreq *q, int32_t err, rk_zxid zxid)
{
    q->state = MREQ_FIXED;
    q->err = err;
    q->zxid = zxid;
    q->is_last = true;
}

void rk_check_log_full(struct sim_check *c)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        for (struct mreq *q = c->conns[i].reqs; q != NULL; q = q->next) {
            q->was_full = q->was_full || (c->is_log_full && q->state != MREQ_PROPOSED);
        }
    }
}

/* 8.6: at once, whatever is waiting. */
static void accept_auth(struct sim_check *c, struct mconn *conn, int32_t xid, struct rk_bytes body)
{
    struct rk_auth_packet packet;
    struct rk_reader r;
    struct rk_arena a;
    struct mdue due = {.xid = xid, .err = RK_ZK_AUTH_FAILED};
    rk_arena_init(&a, c->mem);
    rk_reader_init(&r, body, c->config.record_bytes_max);
    if (!rk_proto_read_auth_packet(&r, &a, &packet)) {
        conn->must_close = true;
        rk_arena_deinit(&a);
        return;
    }
    struct sim_blob *id = NULL;
    if (rk_bytes_is(packet.scheme, "ip")) {
        due.err = RK_ZK_OK;
    } else if (rk_bytes_is(packet.scheme, "digest") && c->config.digest_scheme &&
               rk_sim_digest_login(c->mem, packet.auth, &id)) {
        due.err = RK_ZK_OK;
        if (c->config.super_digest.data != NULL &&
            rk_bytes_equal(rk_sim_bytes(id), c->config.super_digest)) {
            rk_sim_ids_add(c->mem, &conn->viewer.ids, rk_bytes_str("super"), rk_bytes_of("", 0));
            RK_MARK(c->w, SUPER);
        }
        rk_sim_ids_add(c->mem, &conn->viewer.ids, rk_bytes_str("digest"), rk_sim_bytes(id));
        rk_sim_blob_drop(c->mem, id);
        RK_MARK(c->w, AUTH_OK);
    }
    if (due.err != RK_ZK_OK) {
        conn->is_ending = true;
        RK_MARK(c->w, AUTH_FAILED);
    }
    push_due(c, &conn->inlines, &due);
    rk_arena_deinit(&a);
}

/* 8.7, without a SASL server. */
static void accept_sasl(struct sim_check *c, struct mconn *conn, int32_t xid, struct rk_bytes body)
{
    struct rk_reader r;
    rk_reader_init(&r, body, c->config.record_bytes_max);
    struct rk_bytes token = rk_read_bytes(&r);
    if (r.failed || token.data == NULL) {
        conn->must_close = true;
        return;
    }
    struct mdue due = {.xid = xid, .err = RK_ZK_OK, .is_unordered = true};
    push_due(c, &conn->inlines, &due);
}

/* Of all writes only this one takes no zxid if it cannot be decoded, as in Apache. */
static bool is_reconfig(struct sim_check *c, struct rk_bytes body)
{
    struct rk_reconfig_request q;
    struct rk_reader r;
    struct rk_arena a;
    rk_arena_init(&a, c->mem);
    rk_reader_init(&r, body, c->config.record_bytes_max);
    bool is_ok = rk_proto_read_reconfig_request(&r, &a, &q);
    rk_arena_deinit(&a);
    return is_ok;
}

/* A closeSession came, and nothing behind it is looked at; but it waits for a sync before it. */
static bool is_leaving(const struct sim_check *c, const struct mconn *conn)
{
    const struct mreq *q = conn->reqs;
    while (q != NULL && q->op != RK_OP_CLOSE_SESSION && q->op != RK_OP_SYNC) {
        q = q->next;
    }
    return c->is_ensemble && q != NULL && q->op == RK_OP_CLOSE_SESSION;
}

/* Of what answers at once, whatever is waiting, nothing is heard behind a closeSession. */
static bool is_late_login(const struct mconn *conn, int32_t op)
{
    const struct mreq *q = conn->reqs;
    while (q != NULL && q->op != RK_OP_CLOSE_SESSION) {
        q = q->next;
    }
    return q != NULL && (op == RK_OP_AUTH || op == RK_OP_SASL);
}

static void accept(struct sim_check *c, struct mconn *conn, struct rk_bytes frame)
{
    int32_t xid = rk_load_i32(frame.data);
    int32_t op = rk_load_i32(frame.data + 4);
    struct rk_bytes body = rk_bytes_of(frame.data + 8, frame.len - 8);
    struct msession *s = rk_check_session(c, conn->viewer.session);
    if (conn->must_close || conn->is_ending || is_leaving(c, conn) || s == NULL || s->is_closing ||
        is_late_login(conn, op)) {
        return; /* behind a closeSession or a failed login: never executed, never answered */
    }
    if (op == RK_OP_AUTH) {
        accept_auth(c, conn, xid, body);
        return;
    }
    if (op == RK_OP_SASL) {
        accept_sasl(c, conn, xid, body);
        return;
    }
    if (c->config.enforce_auth_schemes.data != NULL &&
        !rk_sim_ids_has_scheme(&conn->viewer.ids,
                               (const char *)c->config.enforce_auth_schemes.data)) {
        fix_answer(add_request(c, conn, xid, op, body), RK_ZK_SESSION_CLOSED_REQUIRE_SASL_AUTH, 0);
        RK_MARK(c->w, AUTH_REQUIRED);
        return;
    }
    s->touched_ms = c->now_ms;
    conn->may_close = conn->may_close ||
                      (c->config.request_stale_latency_check && c->config.request_throttle_max > 0);
    struct mreq *q = add_request(c, conn, xid, op, body);
    if (c->is_ensemble && rk_sim_is_write(op)) {
        struct sim_asked *a = rk_truth_ask(c->w->truth, conn->viewer.session, xid, c->index);
        a->op = op;
        a->attach = conn->attach;
        a->body = rk_sim_blob_ref(q->body);
        rk_sim_ids_copy(c->mem, &a->ids, &q->ids);
    }
    if (!is_client_op(op)) {
        fix_answer(q, RK_ZK_UNIMPLEMENTED, -1);
        RK_MARK(c->w, OP_UNKNOWN);
    } else if (op == RK_OP_RECONFIG && !is_reconfig(c, body)) {
        q->state = MREQ_UNDECODABLE;
    }
}

void rk_check_frame_in(struct sim_check *c, struct mconn *conn, struct rk_bytes frame)
{
    if (conn->state == MCONN_CLOSED || c->is_stopping) {
        return;
    }
    if (conn->state == MCONN_NEW) {
        rk_check_handshake_in(c, conn, frame);
    } else if (frame.len < 8) {
        conn->must_close = true;
    } else if (conn->state == MCONN_PENDING) {
        push_frame(c, &conn->early, frame);
        RK_MARK(c->w, EARLY_REQUESTS);
    } else {
        accept(c, conn, frame);
    }
}

/* -- The state moves -- */

static void mark_event(struct sim_check *c, const struct mdue *due)
{
    static const enum sim_mark marks[] = {
        [RK_EVENT_NODE_CREATED] = SIM_MARK_EVENT_CREATED,
        [RK_EVENT_NODE_DELETED] = SIM_MARK_EVENT_DELETED,
        [RK_EVENT_NODE_DATA_CHANGED] = SIM_MARK_EVENT_DATA,
        [RK_EVENT_NODE_CHILDREN_CHANGED] = SIM_MARK_EVENT_CHILDREN,
    };
    c->w->stats.marks[marks[due->type]]++;
    if ((due->modes & 2) != 0) {
        RK_MARK(c->w, EVENT_PERSISTENT);
    }
    if ((due->modes & 4) != 0) {
        RK_MARK(c->w, EVENT_RECURSIVE);
    }
}

static void fire(struct sim_check *c, const struct sim_txn *t, const struct sim_fired *e)
{
    struct mdue due = {.type = e->type,
                       .zxid = t->zxid,
                       .is_unordered =
                           t->type == RK_OP_CLOSE_SESSION && !c->config.close_session_txn};
    for (uint32_t i = 0; i < MCONNS; i++) {
        struct mconn *conn = &c->conns[i];
        if (conn->state != MCONN_OPEN || conn->must_close ||
            !rk_sim_watch_fires(c->mem, &conn->viewer, e->type, rk_sim_bytes(e->path),
                                &due.modes)) {
            continue;
        }
        if (!rk_sim_allows(&c->model, e->acl, RK_PERM_READ, &conn->viewer.ids)) {
            RK_MARK(c->w, EVENT_FILTERED);
            continue;
        }
        due.path = rk_sim_blob_ref(e->path);
        push_due(c, &conn->events, &due);
    }
}

/* The request of a client of ours that this transaction answers, if its connection is still there.
 */
static struct mreq *request_of(struct sim_check *c, const struct sim_txn *t,
                               struct mconn **ret_conn)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        struct mconn *conn = &c->conns[i];
        *ret_conn = conn;
        if (conn->state != MCONN_OPEN || conn->viewer.session != t->session) {
            continue;
        }
        for (struct mreq *q = conn->reqs; q != NULL; q = q->next) {
            bool is_proposed = q->state == MREQ_PROPOSED && q->zxid == t->zxid;
            bool is_forwarded = c->is_ensemble && q->state == MREQ_WAITING &&
                                rk_sim_is_write(q->op) && q->xid == t->cxid;
            if (is_proposed || is_forwarded) {
                return q;
            }
        }
    }
    return NULL;
}

static void settle_request(struct sim_check *c, const struct sim_txn *t)
{
    struct mconn *conn = NULL;
    struct mreq *q = t->is_request ? request_of(c, t, &conn) : NULL;
    if (q == NULL) {
        return;
    }
    conn->must_close = conn->must_close || t->refused == RK_ZK_SESSION_MOVED;
    q->state = MREQ_APPLIED;
    q->err = c->out.err;
    q->zxid = t->zxid;
    rk_buf_put(&q->result, c->out.body.data, c->out.body.len);
}

static void settle_session(struct sim_check *c, const struct sim_txn *t)
{
    struct msession *s = rk_check_session(c, t->session);
    RK_ASSERT(s != NULL || c->is_ensemble);
    if (t->type == RK_OP_CREATE_SESSION) {
        if (s == NULL) {
            s = rk_check_session_add(c, t->session, t->timeout_ms);
        }
        s->is_applied = true;
        return;
    }
    struct mconn *conn = s == NULL || s->conn == 0 ? NULL : rk_check_conn(c, s->conn);
    if (conn != NULL) {
        conn->must_close = true;
    }
    if (t->is_request) {
        RK_MARK(c->w, SESSION_CLOSED);
    } else {
        RK_MARK(c->w, SESSION_EXPIRED);
        if (c->out.event_count > 0) {
            RK_MARK(c->w, SESSION_EXPIRED_EPHEMERALS);
        }
    }
    if (s != NULL) {
        rk_check_session_remove(c, t->session);
    }
}

static void mark_txn(struct sim_check *c, const struct sim_txn *t)
{
    if (t->op == RK_OP_MULTI && t->is_request && c->out.err == RK_ZK_OK) {
        c->w->stats.marks[c->out.failed_ops > 0 ? SIM_MARK_MULTI_FAILED : SIM_MARK_MULTI_OK]++;
    } else if (t->op == RK_OP_SET_ACL && c->out.err == RK_ZK_OK) {
        RK_MARK(c->w, SET_ACL);
    } else if (t->type == RK_OP_CREATE_CONTAINER) {
        RK_MARK(c->w, CONTAINER);
    } else if (t->type == RK_OP_CREATE_TTL) {
        RK_MARK(c->w, TTL);
    }
    if (c->out.err == RK_ZK_NO_AUTH) {
        RK_MARK(c->w, NO_AUTH);
    } else if (c->out.err == RK_ZK_QUOTA_EXCEEDED) {
        RK_MARK(c->w, QUOTA_EXCEEDED);
    }
}

void rk_check_applied(struct sim_check *c, const struct sim_txn *t)
{
    mark_txn(c, t);
    for (uint32_t i = 0; i < c->out.event_count; i++) {
        fire(c, t, &c->out.events[i]);
    }
    settle_request(c, t);
    if (t->refused == RK_ZK_OK &&
        (t->type == RK_OP_CREATE_SESSION || t->type == RK_OP_CLOSE_SESSION)) {
        settle_session(c, t);
    }
}

/* -- Replies -- */

static void put_hex(char *out, size_t room, struct rk_bytes bytes)
{
    size_t at = 0;
    for (uint32_t i = 0; i < bytes.len && at + 3 < room; i++) {
        static const char digits[] = "0123456789abcdef";
        out[at++] = digits[bytes.data[i] >> 4];
        out[at++] = digits[bytes.data[i] & 15];
    }
    out[at] = '\0';
}

static void check_body(struct sim_check *c, const struct mreq *q, int32_t err, struct rk_bytes body,
                       int32_t must_err, struct rk_bytes must_body)
{
    char got[300];
    char must[300];
    if (err == must_err && rk_sim_canonical(c->mem, q->op, body, &c->got) &&
        rk_sim_canonical(c->mem, q->op, must_body, &c->must) && c->got.len == c->must.len &&
        (c->got.len == 0 || memcmp(c->got.data, c->must.data, c->got.len) == 0)) {
        return;
    }
    put_hex(got, sizeof(got), body);
    put_hex(must, sizeof(must), must_body);
    rk_sim_fail(c->w, "op %d (xid %d) at zxid %llx answered %d %s, must be %d %s", q->op, q->xid,
                (unsigned long long)c->model.zxid, err, got, must_err, must);
}

static void check_event_frame(struct sim_check *c, enum rk_event_type type, struct sim_blob *path,
                              struct rk_bytes frame, const char *what)
{
    struct rk_reader r;
    struct rk_arena a;
    struct rk_watcher_event e;
    rk_arena_init(&a, c->mem);
    rk_reader_init(&r, rk_bytes_of(frame.data + 16, frame.len - 16), UINT32_MAX >> 1);
    bool is_ok = rk_proto_read_watcher_event(&r, &a, &e) && rk_reader_left(&r) == 0;
    CHECK(c, is_ok && rk_load_i32(frame.data + 12) == 0 && e.state == 3, "malformed event");
    CHECK(c, e.type == (int32_t)type && rk_bytes_equal(e.path, rk_sim_bytes(path)),
          "%s: event %d of %.*s, must be %d of %.*s", what, e.type, (int)e.path.len,
          (const char *)e.path.data, (int)type, (int)path->len, (const char *)path->data);
    rk_arena_deinit(&a);
}

static bool is_event_of(struct sim_check *c, const struct mdue *due, struct rk_bytes frame)
{
    (void)c;
    struct rk_bytes path = rk_bytes_of(frame.data + 28, frame.len - 28);
    return rk_load_i32(frame.data + 16) == (int32_t)due->type &&
           rk_bytes_equal(path, rk_sim_bytes(due->path));
}

static void take_event(struct sim_check *c, struct mconn *conn, rk_zxid zxid, struct rk_bytes frame)
{
    CHECK(c, frame.len >= 28, "short event");
    rk_check_advance(c, zxid);
    struct mdue **at = &conn->events;
    CHECK(c, *at != NULL, "connection %llx got event %d of %.*s (zxid %llx) that is not due",
          (unsigned long long)conn->id, rk_load_i32(frame.data + 16), (int)(frame.len - 28),
          (const char *)frame.data + 28, (unsigned long long)zxid);
    while ((*at)->is_unordered && (*at)->next != NULL && (*at)->next->zxid == (*at)->zxid &&
           !is_event_of(c, *at, frame)) {
        at = &(*at)->next;
    }
    CHECK(c, (*at)->zxid == zxid, "event of zxid %llx where that of %llx is due",
          (unsigned long long)zxid, (unsigned long long)(*at)->zxid);
    check_event_frame(c, (*at)->type, (*at)->path, frame, "watch");
    mark_event(c, *at);
    pop_due(c, at);
    c->w->stats.watch_events++;
}

/* The events of setWatches were sent before its answer, which tells the state they come from. */
static void check_catch_up(struct sim_check *c, struct mconn *conn)
{
    for (uint32_t i = 0; i < c->out.event_count; i++) {
        CHECK(c, conn->catch_up != NULL, "setWatches: %u of %u missed events were sent", i,
              c->out.event_count);
        check_event_frame(c, c->out.events[i].type, c->out.events[i].path,
                          rk_sim_bytes(conn->catch_up->bytes), "setWatches");
        pop_frame(c, &conn->catch_up);
        RK_MARK(c->w, EVENT_CATCH_UP);
        c->w->stats.watch_events++;
    }
    CHECK(c, conn->catch_up == NULL, "setWatches: an event that was not missed");
}

static bool take_inline(struct sim_check *c, struct mconn *conn, int32_t xid, rk_zxid zxid,
                        int32_t err, struct rk_bytes body)
{
    struct mdue *due = conn->inlines;
    if (due == NULL || zxid != 0 || due->xid != xid || due->err != err) {
        return false;
    }
    bool is_token = body.len == 4 && rk_load_i32(body.data) == -1;
    CHECK(c, due->is_unordered ? is_token : body.len == 0, "auth or sasl with a wrong body");
    conn->must_close = conn->must_close || err == RK_ZK_AUTH_FAILED;
    pop_due(c, &conn->inlines);
    return true;
}

/* Not executed: no room on the log, or too long in the throttler. */
static bool is_refusal(struct sim_check *c, const struct mreq *q, int32_t err)
{
    if (err == RK_ZK_SYSTEM_ERROR && q->was_full && rk_sim_is_write(q->op)) {
        RK_MARK(c->w, WRITE_REFUSED_FULL);
        return true;
    }
    if (err == RK_ZK_THROTTLED_OP && c->config.throttled_op_wait_ms > 0 && q->op != RK_OP_PING &&
        q->op != RK_OP_CLOSE_SESSION &&
        c->now_ms - q->arrived_ms > c->config.throttled_op_wait_ms) {
        RK_MARK(c->w, THROTTLED_OP);
        return true;
    }
    return false;
}

static void mark_read(struct sim_check *c, const struct mreq *q)
{
    if (q->step != c->step) {
        RK_MARK(c->w, READ_HELD);
    }
    if (c->out.err == RK_ZK_NO_AUTH) {
        RK_MARK(c->w, NO_AUTH);
    } else if (c->out.err == RK_ZK_SYSTEM_ERROR) {
        RK_MARK(c->w, WATCH_LIMIT);
    } else if (q->op == RK_OP_REMOVE_WATCHES && c->out.err == RK_ZK_OK) {
        RK_MARK(c->w, WATCH_REMOVED);
    } else if (q->op == RK_OP_MULTI_READ && c->out.err == RK_ZK_OK) {
        RK_MARK(c->w, MULTI_READ);
    }
}

static void check_answer(struct sim_check *c, struct mconn *conn, struct mreq *q, rk_zxid zxid,
                         int32_t err, struct rk_bytes body)
{
    bool is_write = rk_sim_is_write(q->op);
    if (q->state == MREQ_FIXED && q->zxid != INT64_MIN) {
        CHECK(c, zxid == q->zxid && err == q->err && body.len == 0,
              "op %d (xid %d) answered %d at %llx, must be %d at %llx", q->op, q->xid, err,
              (unsigned long long)zxid, q->err, (unsigned long long)q->zxid);
        return;
    }
    rk_check_advance(c, zxid);
    CHECK(c, conn->events == NULL, "a reply at zxid %llx before the event of zxid %llx",
          (unsigned long long)zxid, (unsigned long long)conn->events->zxid);
    CHECK(c, zxid == c->model.zxid, "op %d answered with zxid %llx in the state of %llx", q->op,
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
    CHECK(c, c->is_serving, "server %u answers op %d and serves nobody", c->index + 1, q->op);
    CHECK(c, q->op != RK_OP_SYNC || zxid >= q->floor,
          "server %u answers a sync at zxid %llx; zxid %llx was shown before it was asked for",
          c->index + 1, (unsigned long long)zxid, (unsigned long long)q->floor);
    if (!is_write) {
        rk_check_staleness(c, zxid);
    }
    rk_truth_show(c->w->truth, zxid);
    if (q->state == MREQ_APPLIED) {
        CHECK(c, zxid == q->zxid, "the write of zxid %llx was answered with zxid %llx",
              (unsigned long long)q->zxid, (unsigned long long)zxid);
        check_body(c, q, err, body, q->err, rk_buf_view(&q->result));
    } else if (q->state == MREQ_UNDECODABLE && err == RK_ZK_MARSHALLING_ERROR) {
        CHECK(c, body.len == 0, "an error with a body");
    } else if (q->state == MREQ_FIXED || is_write || (err != RK_ZK_OK && is_refusal(c, q, err))) {
        CHECK(c, q->state != MREQ_PROPOSED && is_refusal(c, q, err) && body.len == 0,
              "op %d (xid %d) was answered %d before it was applied", q->op, q->xid, err);
    } else {
        rk_sim_model_read(&c->model, &conn->viewer, q->op, rk_sim_bytes(q->body), &c->out);
        check_body(c, q, err, body, c->out.err, rk_buf_view(&c->out.body));
        mark_read(c, q);
        if (q->op == RK_OP_SET_WATCHES || q->op == RK_OP_SET_WATCHES2) {
            check_catch_up(c, conn);
        }
    }
    if (err == RK_ZK_MARSHALLING_ERROR) {
        RK_MARK(c->w, OP_MALFORMED);
    }
}

static void take_reply(struct sim_check *c, struct mconn *conn, struct rk_bytes frame)
{
    int32_t xid = rk_load_i32(frame.data);
    rk_zxid zxid = rk_load_i64(frame.data + 4);
    int32_t err = rk_load_i32(frame.data + 12);
    struct rk_bytes body = rk_bytes_of(frame.data + 16, frame.len - 16);
    c->w->stats.replies++;
    if (take_inline(c, conn, xid, zxid, err, body)) {
        return;
    }
    struct mreq *q = conn->reqs;
    CHECK(c, q != NULL, "connection %llx got an answer (xid %d) to nothing",
          (unsigned long long)conn->id, xid);
    bool is_ping = q->op == RK_OP_PING;
    CHECK(c, xid == (is_ping ? -2 : q->xid), "answer to xid %d where that to %d (op %d) is due",
          xid, q->xid, q->op);
    check_answer(c, conn, q, zxid, err, body);
    conn->must_close = conn->must_close || q->is_last;
    conn->reqs = q->next;
    rk_check_request_free(c, q);
}

void rk_check_frame_out(struct sim_check *c, rk_conn_id id, struct rk_bytes frame)
{
    struct mconn *conn = rk_check_conn(c, id);
    CHECK(c, conn != NULL && conn->state != MCONN_CLOSED,
          "a frame to connection %llx, which is gone", (unsigned long long)id);
    if (conn->state != MCONN_OPEN) {
        rk_check_handshake_out(c, conn, frame);
        while (conn->state == MCONN_OPEN && conn->early != NULL) {
            struct sim_blob *early = rk_sim_blob_ref(conn->early->bytes);
            pop_frame(c, &conn->early);
            accept(c, conn, rk_sim_bytes(early));
            rk_sim_blob_drop(c->mem, early);
        }
        return;
    }
    CHECK(c, frame.len >= 16, "a frame of %u bytes", frame.len);
    rk_zxid zxid = rk_load_i64(frame.data + 4);
    if (rk_load_i32(frame.data) != -1) {
        take_reply(c, conn, frame);
    } else if (zxid == -1) {
        push_frame(c, &conn->catch_up, frame);
    } else {
        take_event(c, conn, zxid, frame);
    }
}

void rk_check_step_ended(struct sim_check *c)
{
    for (uint32_t i = 0; i < MCONNS; i++) {
        const struct mconn *conn = &c->conns[i];
        if (conn->state == MCONN_FREE || conn->state == MCONN_CLOSED) {
            continue;
        }
        CHECK(c, conn->events == NULL, "event %d of %.*s (zxid %llx) was not sent",
              (int)conn->events->type, (int)conn->events->path->len,
              (const char *)conn->events->path->data, (unsigned long long)conn->events->zxid);
        CHECK(c, conn->catch_up == NULL, "events without the answer to their setWatches");
        CHECK(c, conn->inlines == NULL, "auth was not answered at once");
        CHECK(c, !conn->must_close, "connection %llx (session %llx) was not closed",
              (unsigned long long)conn->id, (unsigned long long)conn->viewer.session);
        CHECK(c, conn->shake == MSHAKE_NONE || conn->shake == MSHAKE_OPEN,
              "a handshake without an answer");
    }
}
