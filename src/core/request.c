/* A connection's requests are answered in order. Each is handled at once if nothing of that
 * connection is waiting; writes are proposed at once in any case, so that thousands can be in
 * flight; reads behind a write wait in the connection's queue with a copy of their frame. */
#include "core/ensemble_int.h"

#include <string.h>

#define REQUEST_HEADER_BYTES 8u

struct request *rk_core_request(const struct rk_core *c, uint32_t id)
{
    RK_ASSERT(id != RK_REQUEST_NONE);
    return rk_slab_at(&c->requests, id);
}

bool rk_core_op_is_write(int32_t op)
{
    switch (op) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
    case RK_OP_DELETE:
    case RK_OP_SET_DATA:
    case RK_OP_SET_ACL:
    case RK_OP_MULTI:
    case RK_OP_RECONFIG:
    case RK_OP_CLOSE_SESSION:
        return true;
    default:
        return false;
    }
}

/* What clients may send (spec-client 4.1). check outside a multi, deleteContainer and createSession
 * are refused: 18.1, 18.5, 18.10. */
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
        return rk_core_op_is_write(op);
    }
}

/* -- the queue of a connection -- */

static uint32_t enqueue(struct rk_core *c, struct conn *conn, enum request_state state, int32_t xid,
                        int32_t op, struct rk_bytes body)
{
    uint32_t id = rk_slab_take(&c->requests);
    struct request *q;
    RK_ASSERT(id != RK_REQUEST_NONE); /* no maximum but memory: pausing bounds it */
    q = rk_core_request(c, id);
    q->state = state;
    q->xid = xid;
    q->op = op;
    q->conn = conn->id;
    q->received_ms = c->now_ms;
    q->whole_len = body.len + REQUEST_HEADER_BYTES;
    if (conn->queue_tail == RK_REQUEST_NONE) {
        conn->queue_head = id;
    } else {
        rk_core_request(c, conn->queue_tail)->next = id;
    }
    conn->queue_tail = id;
    conn->queue_count++;
    conn->close_count += op == RK_OP_CLOSE_SESSION;
    c->outstanding++;
    if (c->config.large_request_threshold >= 0 &&
        (int64_t)q->whole_len > c->config.large_request_threshold) {
        c->large_bytes += q->whole_len;
    }
    return id;
}

static void keep_frame(struct rk_core *c, uint32_t id, struct rk_bytes body)
{
    struct request *q = rk_core_request(c, id);
    if (body.len == 0) {
        return;
    }
    q->frame = rk_mem_must_alloc(c->mem, body.len);
    q->frame_len = body.len;
    memcpy(q->frame, body.data, body.len);
    c->queued_bytes += body.len;
}

static void drop_frame(struct rk_core *c, struct request *q)
{
    rk_mem_free(c->mem, q->frame, q->frame_len);
    c->queued_bytes -= q->frame_len;
    q->frame = NULL;
    q->frame_len = 0;
}

static void uncount(struct rk_core *c, const struct request *q)
{
    RK_ASSERT(c->outstanding > 0);
    c->outstanding--;
    if (q->state == REQUEST_FIXED || q->state == REQUEST_DROPPED) {
        RK_ASSERT(c->settled > 0);
        c->settled--;
    }
    if (c->config.large_request_threshold >= 0 &&
        (int64_t)q->whole_len > c->config.large_request_threshold) {
        c->large_bytes -= q->whole_len;
    }
}

void rk_core_request_pop(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    RK_ASSERT(conn->queue_head == id);
    conn->queue_head = q->next;
    if (conn->queue_head == RK_REQUEST_NONE) {
        conn->queue_tail = RK_REQUEST_NONE;
    }
    RK_ASSERT(conn->queue_count > 0);
    conn->queue_count--;
    conn->close_count -= q->op == RK_OP_CLOSE_SESSION;
    uncount(c, q);
    drop_frame(c, q);
    rk_slab_give(&c->requests, id);
}

void rk_core_request_forget(struct rk_core *c, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    RK_ASSERT(q->conn == 0);
    uncount(c, q);
    rk_slab_give(&c->requests, id);
}

static void unlink_throttled(struct rk_core *c, uint32_t id)
{
    uint32_t prev = RK_REQUEST_NONE;
    uint32_t at = c->throttled_head;
    while (at != id) {
        RK_ASSERT(at != RK_REQUEST_NONE);
        prev = at;
        at = rk_core_request(c, at)->next_throttled;
    }
    if (prev == RK_REQUEST_NONE) {
        c->throttled_head = rk_core_request(c, id)->next_throttled;
    } else {
        rk_core_request(c, prev)->next_throttled = rk_core_request(c, id)->next_throttled;
    }
    if (c->throttled_tail == id) {
        c->throttled_tail = prev;
    }
    c->throttled_count--;
}

/* Writes in flight go on without anybody to answer: their proposals find no connection. */
void rk_core_request_drop_all(struct rk_core *c, struct conn *conn)
{
    while (conn->queue_head != RK_REQUEST_NONE) {
        uint32_t id = conn->queue_head;
        struct request *q = rk_core_request(c, id);
        if (q->state == REQUEST_THROTTLED) {
            unlink_throttled(c, id);
        }
        if (q->state == REQUEST_IN_FLIGHT && (q->op == RK_OP_SYNC || !rk_core_is_learner(c))) {
            /* The proposal, or a list of syncs, still names this slot: keep it, without its
             * connection. */
            drop_frame(c, q);
            conn->queue_head = q->next;
            conn->queue_count--;
            q->conn = 0;
            q->next = RK_REQUEST_NONE;
            continue;
        }
        rk_core_request_pop(c, conn, id);
    }
    conn->queue_tail = RK_REQUEST_NONE;
    RK_ASSERT(conn->queue_count == 0);
}

/* -- handling -- */

static void propose(struct rk_core *c, struct conn *conn, uint32_t id, int32_t xid, int32_t op,
                    struct rk_bytes body)
{
    struct prep p = {
        .session = conn->session, .cxid = xid, .op = op, .request = id, .ids = &conn->ids};
    if (op == RK_OP_CLOSE_SESSION) {
        conn->session_ref->is_closing = true;
    }
    if (conn->session_ref->is_local) {
        rk_local_upgrade(c, conn, op, body);
        p.is_local_session = !conn->session_ref->is_upgrading;
    }
    if (rk_core_is_learner(c)) {
        rk_forward_request(c, conn, id, body);
    } else if (op == RK_OP_CLOSE_SESSION) {
        rk_prep_close_session(c, conn->session, xid, id);
    } else {
        rk_prep_request(c, &p, body);
    }
}

void rk_core_request_fix(struct rk_core *c, struct request *q, int32_t err)
{
    RK_ASSERT(q->state == REQUEST_THROTTLED || q->state == REQUEST_HELD);
    q->state = REQUEST_FIXED;
    q->err = err;
    q->fixed_zxid = INT64_MIN;
    c->settled++;
}

/* Proposed, unless something has come up since it was throttled. False: it waits for its turn. */
static bool admit_write(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    if (conn->sync_count > 0) {
        q->state = REQUEST_HELD; /* see on_write */
        return true;
    }
    struct rk_bytes body =
        rk_bytes_of(q->frame == NULL ? (const void *)"" : q->frame, q->frame_len);
    if (conn->session_ref->is_closing && !RK_BUG(CLOSING_MAY_WRITE)) {
        c->settled++;
        q->state = REQUEST_DROPPED; /* behind a closeSession: never executed, never answered */
        return true;
    }
    if (c->is_log_full) {
        c->metrics.writes_refused_log_full++;
        rk_core_request_fix(c, q, RK_ZK_SYSTEM_ERROR);
        return false;
    }
    if (q->op == RK_OP_RECONFIG && !rk_prep_is_reconfig(c, body)) {
        rk_core_request_fix(c, q, RK_ZK_MARSHALLING_ERROR);
        return false;
    }
    q->state = REQUEST_IN_FLIGHT;
    propose(c, conn, id, q->xid, q->op, body);
    drop_frame(c, rk_core_request(c, id));
    rk_arena_reset(&c->arena);
    return true;
}

/* In an ensemble: confirmed by the leader and a quorum, answered in its turn. */
static void begin_sync(struct rk_core *c, struct conn *conn, uint32_t id, struct rk_bytes body)
{
    rk_core_request(c, id)->state = REQUEST_IN_FLIGHT;
    conn->sync_count++;
    if (rk_core_is_learner(c)) {
        rk_forward_request(c, conn, id, body);
    } else {
        rk_leader_client_sync(c, conn->id, id);
    }
}

void rk_core_request_admit(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    q->state = REQUEST_HELD;
    if (rk_core_op_is_write(q->op) && conn->state == CONN_OPEN && admit_write(c, conn, id)) {
        return;
    }
    if (q->op == RK_OP_SYNC && c->ens != NULL && conn->state == CONN_OPEN) {
        begin_sync(c, conn, id,
                   rk_bytes_of(q->frame == NULL ? (const void *)"" : q->frame, q->frame_len));
        return;
    }
    rk_core_request_drain(c, conn);
}

static void answer_fixed(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request q = *rk_core_request(c, id);
    rk_zxid zxid = q.fixed_zxid == INT64_MIN ? c->last_zxid : q.fixed_zxid;
    rk_core_request_pop(c, conn, id);
    rk_core_reply_error(c, conn, q.xid, zxid, q.err, q.op, q.received_ms);
    if (q.is_last) {
        rk_core_conn_close(c, conn);
    }
}

/* A request kept while its connection was not open yet starts over as if it came now. */
static void replay_frame(struct rk_core *c, struct conn *conn, uint32_t id);

static void run_held(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    struct request copy = *q;
    struct rk_bytes body =
        rk_bytes_of(copy.frame == NULL ? (const void *)"" : copy.frame, copy.frame_len);
    /* The frame outlives the slot, which pop gives back. */
    q->frame = NULL;
    q->frame_len = 0;
    rk_core_request_pop(c, conn, id);
    rk_core_read(c, conn, copy.xid, copy.op, body, copy.received_ms);
    rk_arena_reset(&c->arena);
    rk_mem_free(c->mem, copy.frame, copy.frame_len);
    c->queued_bytes -= copy.frame_len;
}

/* What one commit lets go may be a thousand reads of a megabyte for each of many connections:
 * others are served in between, and no step's effects grow past this by more than one answer. */
#define STEP_BYTES_MAX ((size_t)1 << 20)

static bool is_step_full(const struct rk_core *c)
{
    return c->fx->bytes.len > STEP_BYTES_MAX && c->fx->bytes.len - STEP_BYTES_MAX > c->step_first;
}

void rk_core_request_drain(struct rk_core *c, struct conn *conn)
{
    while (conn->state == CONN_OPEN && conn->queue_head != RK_REQUEST_NONE) {
        uint32_t id = conn->queue_head;
        struct request *q = rk_core_request(c, id);
        if (q->state == REQUEST_IN_FLIGHT || q->state == REQUEST_THROTTLED ||
            q->state == REQUEST_DROPPED) {
            break;
        }
        if (is_step_full(c)) {
            rk_list_unlink(&conn->late_link);
            rk_list_push(&c->late, &conn->late_link);
            break;
        }
        if (q->state == REQUEST_FIXED) {
            answer_fixed(c, conn, id);
        } else if (q->op == 0) {
            replay_frame(c, conn, id);
        } else {
            run_held(c, conn, id);
        }
    }
    if (conn->state == CONN_OPEN) {
        rk_core_pause_check(c, conn);
    }
}

void rk_core_drain_late(struct rk_core *c)
{
    while (!is_step_full(c) && !rk_list_empty(&c->late)) {
        struct rk_link *it = rk_list_pop(&c->late);
        rk_core_request_drain(c, RK_CONTAINER_OF(it, struct conn, late_link));
    }
}

static void fix_answer(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op, rk_zxid zxid,
                       int32_t err, bool is_last)
{
    uint32_t id = enqueue(c, conn, REQUEST_HELD, xid, op, rk_bytes_of("", 0));
    struct request *q = rk_core_request(c, id);
    rk_core_request_fix(c, q, err);
    q->fixed_zxid = zxid;
    q->is_last = is_last;
    if (conn->queue_head == id) {
        rk_core_request_drain(c, conn);
    }
}

static void throttle(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                     struct rk_bytes body)
{
    uint32_t id = enqueue(c, conn, REQUEST_THROTTLED, xid, op, body);
    keep_frame(c, id, body);
    if (c->throttled_tail == RK_REQUEST_NONE) {
        c->throttled_head = id;
    } else {
        rk_core_request(c, c->throttled_tail)->next_throttled = id;
    }
    c->throttled_tail = id;
    c->throttled_count++;
    c->metrics.request_throttle_wait_count++;
    rk_core_pause_check(c, conn);
}

static void on_write(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                     struct rk_bytes body)
{
    uint32_t id;
    if (c->is_log_full) {
        c->metrics.writes_refused_log_full++;
        fix_answer(c, conn, xid, op, INT64_MIN, RK_ZK_SYSTEM_ERROR, false);
        return;
    }
    if (op == RK_OP_RECONFIG && !rk_prep_is_reconfig(c, body)) {
        rk_fx_note(c->fx, RK_NOTE_REQUEST_BAD, conn->id, conn->session, op,
                   rk_bytes_str("reconfig"));
        fix_answer(c, conn, xid, op, INT64_MIN, RK_ZK_MARSHALLING_ERROR, false);
        return;
    }
    if (conn->sync_count > 0) {
        /* A sync is confirmed by a round of its own, and might be overtaken by a commit: then this
         * one's answer would be due first. */
        id = enqueue(c, conn, REQUEST_HELD, xid, op, body);
        keep_frame(c, id, body);
        rk_core_pause_check(c, conn);
        return;
    }
    id = enqueue(c, conn, REQUEST_IN_FLIGHT, xid, op, body);
    propose(c, conn, id, xid, op, body);
    rk_core_pause_check(c, conn);
}

static void on_read(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                    struct rk_bytes body)
{
    if (conn->queue_count > 0 && !RK_BUG(READ_OVERTAKES)) {
        uint32_t id = enqueue(c, conn, REQUEST_HELD, xid, op, body);
        keep_frame(c, id, body);
        rk_core_pause_check(c, conn);
        return;
    }
    rk_core_read(c, conn, xid, op, body, c->now_ms);
}

static void on_sync(struct rk_core *c, struct conn *conn, int32_t xid, struct rk_bytes body)
{
    uint32_t id = enqueue(c, conn, REQUEST_IN_FLIGHT, xid, RK_OP_SYNC, body);
    keep_frame(c, id, body); /* the answer repeats its path */
    begin_sync(c, conn, id, body);
    rk_core_pause_check(c, conn);
}

/* Writes that waited for a sync, up to the next one. */
static void admit_behind_sync(struct rk_core *c, struct conn *conn)
{
    uint32_t id = conn->queue_head;
    uint32_t held = conn->sync_count;
    conn->sync_count = 0;
    while (id != RK_REQUEST_NONE) {
        const struct request *q = rk_core_request(c, id);
        uint32_t next = q->next;
        if (q->op == RK_OP_SYNC && q->state == REQUEST_IN_FLIGHT) {
            break;
        }
        if (q->state == REQUEST_HELD && rk_core_op_is_write(q->op)) {
            if (rk_leader_takes_no_more(c)) {
                rk_core_conn_close(c, conn); /* another one leads in a moment */
                return;
            }
            (void)admit_write(c, conn, id); /* or it is fixed, and the queue answers it */
        }
        id = next;
    }
    conn->sync_count = held;
}

void rk_core_sync_done(struct rk_core *c, rk_conn_id conn_id, uint32_t request)
{
    struct conn *conn = rk_core_conn(c, conn_id);
    struct request *q = rk_core_request(c, request);
    RK_ASSERT(q->state == REQUEST_IN_FLIGHT && q->op == RK_OP_SYNC);
    if (q->conn == 0) {
        rk_core_request_forget(c, request); /* its connection is gone */
        return;
    }
    RK_ASSERT(conn != NULL && conn->sync_count > 0);
    q->state = REQUEST_HELD;
    conn->sync_count--;
    if (conn->state == CONN_OPEN) {
        admit_behind_sync(c, conn);
    }
    rk_core_request_drain(c, conn);
}

/* ZK: ZooKeeperServer.checkRequestSizeWhenReceivingMessage */
static bool fits_large_budget(struct rk_core *c, struct conn *conn, size_t len)
{
    const struct rk_core_config *g = &c->config;
    if (g->large_request_threshold < 0 || (int64_t)len <= g->large_request_threshold ||
        c->large_bytes + (int64_t)len <= g->large_request_bytes_max) {
        return true;
    }
    c->metrics.large_requests_rejected++;
    rk_fx_note(c->fx, RK_NOTE_LARGE_REQUEST, conn->id, conn->session, (int64_t)len,
               rk_bytes_str(""));
    rk_core_conn_close(c, conn);
    return false;
}

/* Heard of: where it is watched over, or for the next word to the leader. */
static bool touch(struct rk_core *c, struct rk_session *s)
{
    if (s->is_local || rk_core_is_leading(c)) {
        return rk_session_touch(c->sessions, s, c->now_ms);
    }
    if (rk_core_is_read_only(c)) {
        return true;
    }
    return rk_forward_touch(c, s);
}

/* What is behind a closeSession is never executed, never answered. */
static bool has_left(const struct conn *conn, int32_t op)
{
    if (RK_BUG(CLOSING_MAY_WRITE)) {
        return false;
    }
    if (conn->close_count > 0 && (op == RK_OP_AUTH || op == RK_OP_SASL)) {
        return true; /* while it waits for its turn: all but these wait behind it */
    }
    return conn->session_ref != NULL && conn->session_ref->is_closing;
}

static void dispatch(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                     struct rk_bytes body)
{
    if (has_left(conn, op)) {
        return; /* its closeSession ends the connection */
    }
    if (op == RK_OP_AUTH) {
        rk_core_on_auth(c, conn, xid, body);
        return;
    }
    if (op == RK_OP_SASL) {
        rk_core_on_sasl(c, conn, xid, body);
        return;
    }
    if (!rk_core_auth_is_satisfied(c, conn)) {
        rk_fx_note(c->fx, RK_NOTE_AUTH_REQUIRED, conn->id, conn->session, op, rk_bytes_str(""));
        fix_answer(c, conn, xid, op, 0, RK_ZK_SESSION_CLOSED_REQUIRE_SASL_AUTH, true);
        return;
    }
    if (!touch(c, conn->session_ref) && !RK_BUG(CLOSING_MAY_WRITE)) {
        return; /* closing: its closeSession ends the connection */
    }
    if (!is_client_op(op)) {
        rk_fx_note(c->fx, RK_NOTE_OP_UNKNOWN, conn->id, conn->session, op, rk_bytes_str(""));
        fix_answer(c, conn, xid, op, -1, RK_ZK_UNIMPLEMENTED, true);
        return;
    }
    if (!fits_large_budget(c, conn, body.len + REQUEST_HEADER_BYTES)) {
        return;
    }
    if (op == RK_OP_CLOSE_SESSION && conn->session_ref->is_local &&
        !conn->session_ref->is_upgrading) {
        on_read(c, conn, xid, op, body); /* nobody else has to know */
    } else if (rk_local_refuses(c, conn, op, body)) {
        fix_answer(c, conn, xid, op, INT64_MIN, RK_ZK_EPHEMERAL_ON_LOCAL_SESSION, false);
    } else if (rk_core_is_read_only(c) && (rk_core_op_is_write(op) || op == RK_OP_SYNC)) {
        fix_answer(c, conn, xid, op, INT64_MIN, RK_ZK_NOT_READ_ONLY, false);
    } else if (c->throttled_count > 0 || !rk_core_can_admit(c)) {
        throttle(c, conn, xid, op, body);
    } else if (rk_core_op_is_write(op)) {
        on_write(c, conn, xid, op, body);
    } else if (op == RK_OP_SYNC && c->ens != NULL) {
        on_sync(c, conn, xid, body);
    } else {
        on_read(c, conn, xid, op, body);
    }
}

static void count_op(struct rk_core *c, int32_t op)
{
    if (op >= 0 && op < 108) {
        c->metrics.op_count[op]++;
    } else if (op == RK_OP_CLOSE_SESSION) {
        c->metrics.op_count[109]++;
    }
}

static void handle(struct rk_core *c, struct conn *conn, struct rk_bytes frame)
{
    int32_t xid = rk_load_i32(frame.data);
    int32_t op = rk_load_i32(frame.data + 4);
    count_op(c, op);
    dispatch(c, conn, xid, op,
             rk_bytes_of(frame.data + REQUEST_HEADER_BYTES, frame.len - REQUEST_HEADER_BYTES));
}

static void replay_frame(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct request *q = rk_core_request(c, id);
    uint8_t *frame = q->frame;
    uint32_t len = q->frame_len;
    q->frame = NULL;
    q->frame_len = 0;
    rk_core_request_pop(c, conn, id);
    handle(c, conn, rk_bytes_of(frame, len));
    rk_arena_reset(&c->arena);
    rk_mem_free(c->mem, frame, len);
    c->queued_bytes -= len;
}

void rk_core_on_frame(struct rk_core *c, struct conn *conn, struct rk_bytes frame)
{
    conn->received++;
    c->metrics.packets_received++;
    c->metrics.bytes_received_count += frame.len + 4u;
    switch (conn->state) {
    case CONN_NEW:
        rk_core_handshake(c, conn, frame);
        return;
    case CONN_CLOSING:
        return;
    case CONN_PENDING:
    case CONN_OPEN:
        break;
    }
    if (frame.len < REQUEST_HEADER_BYTES) {
        rk_fx_note(c->fx, RK_NOTE_FRAME_BAD, conn->id, conn->session, frame.len, rk_bytes_str(""));
        rk_core_conn_close(c, conn);
        return;
    }
    if (conn->state == CONN_PENDING) {
        /* Sent right behind the connect request: whole frame kept, op 0 marks it. */
        uint32_t id = enqueue(c, conn, REQUEST_HELD, 0, 0, frame);
        keep_frame(c, id, frame);
        return;
    }
    handle(c, conn, frame);
}
