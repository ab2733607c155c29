/* Sessions: handshakes, who may reattach, when a session may and when it must expire (spec-client
 * 2, 10; reliability.md 5.5). */
#include "sim/check_int.h"
#include "sim/node.h"

#include <string.h>

#define PASSWORD_BYTES 16u
#define OVERDUE_TICKS  3
#define LATELY_US      10000000

struct msession *rk_check_session(struct sim_check *c, rk_session_id id)
{
    for (uint32_t i = 0; i < c->session_count; i++) {
        if (c->sessions[i].id == id) {
            return &c->sessions[i];
        }
    }
    return NULL;
}

struct msession *rk_check_session_add(struct sim_check *c, rk_session_id id, int32_t timeout_ms)
{
    if (c->session_count == c->session_cap) {
        uint32_t cap = c->session_cap == 0 ? 8 : c->session_cap * 2;
        c->sessions =
            rk_mem_must_resize(c->mem, c->sessions, c->session_cap * sizeof(c->sessions[0]),
                               cap * sizeof(c->sessions[0]));
        c->session_cap = cap;
    }
    struct msession *s = &c->sessions[c->session_count++];
    *s = (struct msession){.id = id, .timeout_ms = timeout_ms, .touched_ms = c->now_ms};
    return s;
}

void rk_check_session_remove(struct sim_check *c, rk_session_id id)
{
    struct msession *s = rk_check_session(c, id);
    RK_ASSERT(s != NULL);
    *s = c->sessions[--c->session_count];
}

/* 2.3: java.util.Random seeded with id ^ 0xB3415C00, four ints, each with its lowest byte first. */
static void password_of(rk_session_id id, uint8_t ret[PASSWORD_BYTES])
{
    const uint64_t mask = (UINT64_C(1) << 48) - 1;
    uint64_t seed = ((uint64_t)id ^ UINT64_C(0xB3415C00) ^ UINT64_C(0x5DEECE66D)) & mask;
    for (uint32_t i = 0; i < 4; i++) {
        seed = (seed * UINT64_C(0x5DEECE66D) + 0xB) & mask;
        uint32_t v = (uint32_t)(seed >> 16);
        for (uint32_t k = 0; k < 4; k++) {
            ret[4 * i + k] = (uint8_t)(v >> (8 * k));
        }
    }
}

bool rk_check_password(rk_session_id id, struct rk_bytes password)
{
    uint8_t right[PASSWORD_BYTES];
    password_of(id, right);
    return rk_bytes_equal(password, rk_bytes_of(right, sizeof(right)));
}

static bool may_reattach(struct sim_check *c, const struct rk_connect_request *q)
{
    const struct msession *s = rk_check_session(c, q->session_id);
    return q->session_id != 0 && s != NULL && s->is_applied && !s->is_closing &&
           rk_check_password(q->session_id, q->passwd);
}

static int32_t negotiate(const struct sim_check *c, int32_t asked)
{
    if (asked < c->config.min_session_timeout_ms) {
        return c->config.min_session_timeout_ms;
    }
    return asked > c->config.max_session_timeout_ms ? c->config.max_session_timeout_ms : asked;
}

/* Whoever has the session now loses it, unless the throttle turns the new one away. */
static void begin_reattach(struct sim_check *c, struct mconn *conn, rk_session_id id)
{
    const struct msession *s = rk_check_session(c, id);
    struct mconn *old = s->conn == 0 ? NULL : rk_check_conn(c, s->conn);
    if (old != NULL) {
        old->may_close = true;
    }
    conn->viewer.session = id;
    conn->shake = MSHAKE_REATTACH;
}

static void reattached(struct sim_check *c, struct mconn *conn)
{
    struct msession *s = rk_check_session(c, conn->viewer.session);
    for (uint32_t i = 0; i < MCONNS; i++) {
        const struct mconn *old = &c->conns[i];
        CHECK(c, old == conn || old->state != MCONN_OPEN || old->viewer.session != s->id,
              "session %llx has two connections", (unsigned long long)s->id);
        if (old->state == MCONN_CLOSED && c->step == old->closed_step) {
            RK_MARK(c->w, SESSION_STOLEN);
        }
    }
    s->conn = conn->id;
    s->timeout_ms = conn->timeout_ms;
    s->touched_ms = c->now_ms;
    RK_MARK(c->w, SESSION_REATTACHED);
    if (c->restarts > 1) {
        RK_MARK(c->w, SESSION_REATTACHED_AFTER_CRASH);
    }
}

/* Whether this server serves, and what the leader knows, shows later. */
static void begin_open_handshake(struct sim_check *c, struct mconn *conn,
                                 const struct rk_connect_request *q)
{
    conn->shake = MSHAKE_OPEN;
    conn->state = MCONN_PENDING;
    conn->may_close = true;
    conn->is_bad = q == NULL;
    if (q == NULL) {
        RK_MARK(c->w, HANDSHAKE_BAD);
        return;
    }
    conn->seen = q->last_zxid_seen;
    conn->wanted = q->session_id;
    conn->has_password = rk_check_password(q->session_id, q->passwd);
    conn->has_read_only = q->has_read_only;
    conn->timeout_ms = negotiate(c, q->time_out);
    conn->opened_us = c->w->now_us;
    struct sim_tsession *ts =
        conn->wanted == 0 ? NULL : rk_truth_session(c->w->truth, conn->wanted);
    if (ts != NULL) {
        ts->wanted_by[1] = ts->wanted_by[0];
        ts->wanted_us[1] = ts->wanted_us[0];
        ts->wanted_by[0] = conn->id;
        ts->wanted_us[0] = c->w->now_us;
    }
    if (q->last_zxid_seen > c->model.zxid) {
        RK_MARK(c->w, HANDSHAKE_AHEAD);
    }
}

void rk_check_handshake_in(struct sim_check *c, struct mconn *conn, struct rk_bytes frame)
{
    struct rk_connect_request q;
    struct rk_reader r;
    struct rk_arena a;
    rk_arena_init(&a, c->mem);
    rk_reader_init(&r, frame, c->config.record_bytes_max);
    bool is_ok = rk_proto_read_connect_request(&r, &a, &q) && q.passwd.len <= 1024;
    conn->may_close = c->config.connect_tokens > 0;
    if (c->is_ensemble) {
        begin_open_handshake(c, conn, is_ok ? &q : NULL);
    } else if (!is_ok) {
        conn->must_close = true;
        RK_MARK(c->w, HANDSHAKE_BAD);
    } else if (q.last_zxid_seen > c->model.zxid) {
        conn->must_close = true;
        RK_MARK(c->w, HANDSHAKE_AHEAD);
    } else {
        conn->has_read_only = q.has_read_only;
        conn->timeout_ms = negotiate(c, q.time_out);
        if (q.session_id == 0) {
            conn->shake = MSHAKE_NEW;
            conn->may_close = conn->may_close || c->is_log_full;
        } else if (may_reattach(c, &q)) {
            begin_reattach(c, conn, q.session_id);
        } else {
            conn->shake = MSHAKE_REFUSE;
            RK_MARK(c->w, SESSION_REFUSED);
        }
    }
    rk_arena_deinit(&a);
}

/* A new session is there as soon as its transaction is applied: the answer shows it. */
static void advance_to_session(struct sim_check *c, const struct mconn *conn)
{
    struct sim_txn **items;
    uint32_t count = rk_check_in_flight(c, &items);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i]->type == RK_OP_CREATE_SESSION && items[i]->session == conn->viewer.session) {
            rk_check_advance(c, items[i]->zxid);
            break;
        }
    }
    const struct msession *s = rk_check_session(c, conn->viewer.session);
    CHECK(c, s != NULL && s->is_applied, "session %llx was confirmed before it existed",
          (unsigned long long)conn->viewer.session);
}

/* Another connection, on whatever server, asks for its session or did so lately. */
bool rk_check_is_wanted_elsewhere(struct sim_check *c, const struct mconn *conn)
{
    const struct sim_tsession *ts = rk_truth_session(c->w->truth, conn->viewer.session);
    for (uint32_t i = 0; i < 2 && ts != NULL && c->is_ensemble; i++) {
        if (ts->wanted_by[i] != 0 && ts->wanted_by[i] != conn->id &&
            ts->wanted_us[i] >= conn->opened_us - LATELY_US) {
            return true;
        }
    }
    return false;
}

static void refused_open(struct sim_check *c, struct mconn *conn)
{
    const struct sim_tsession *ts = rk_truth_session(c->w->truth, conn->wanted);
    CHECK(c, conn->wanted != 0, "a new session was refused");
    if (conn->has_password && ts != NULL && !ts->is_closed) {
        /* A leader may answer in the step in which it commits the session's end. */
        rk_check_advance_to_close(c, conn->wanted);
    }
    /* Not even by a leader that was deposed and does not know it, or the session's end. */
    CHECK(c, !conn->has_password || ts == NULL || !ts->is_taken || ts->is_closed,
          "server %u refuses session %llx, which is alive", c->index + 1,
          (unsigned long long)conn->wanted);
    conn->must_close = true;
    conn->shake = MSHAKE_NONE;
    RK_MARK(c->w, SESSION_REFUSED);
}

/* It has no other connection any more, here or elsewhere, that could do more than fail. */
static void attach(struct sim_check *c, struct mconn *conn, struct sim_tsession *ts)
{
    struct msession *s = rk_check_session(c, ts->id);
    if (s == NULL) {
        s = rk_check_session_add(c, ts->id, conn->timeout_ms);
    }
    s->conn = conn->id;
    s->timeout_ms = conn->timeout_ms;
    if (conn->wanted != 0) {
        s->touched_ms = c->now_ms; /* a new one was heard of when it was asked for */
    }
    if (ts->attaches > 0) {
        RK_MARK(c->w, SESSION_REATTACHED);
        if (ts->node != c->index) {
            RK_MARK(c->w, SESSION_OTHER_SERVER);
        }
    }
    ts->node = c->index;
    if (conn->opened_us >= ts->attached_us) {
        ts->turn++; /* else both were asked for at once: either may be the later one */
    }
    conn->attach = ts->turn;
    ts->attached_us = c->w->now_us;
    ts->attaches++;
    for (uint32_t i = 0; i < c->w->node_count; i++) {
        struct sim_check *other = c->w->checks[i];
        for (uint32_t k = 0; k < MCONNS; k++) {
            struct mconn *old = &other->conns[k];
            if (old != conn && old->state == MCONN_OPEN && old->viewer.session == ts->id) {
                CHECK(c, i != c->index, "session %llx has two connections",
                      (unsigned long long)ts->id);
                old->may_close = true;
            }
        }
    }
}

static void take_open_answer(struct sim_check *c, struct mconn *conn,
                             const struct rk_connect_response *p)
{
    CHECK(c, !conn->is_bad, "a malformed handshake was answered");
    if (p->session_id == 0) {
        refused_open(c, conn);
        return;
    }
    struct sim_tsession *ts = rk_truth_session(c->w->truth, p->session_id);
    CHECK(c, c->is_serving, "server %u takes session %llx and serves nobody", c->index + 1,
          (unsigned long long)p->session_id);
    CHECK(c, ts != NULL, "session %llx was never created", (unsigned long long)p->session_id);
    conn->viewer.session = p->session_id;
    if (conn->wanted == 0) {
        advance_to_session(c, conn);
        CHECK(c, !ts->is_taken && ts->timeout_ms == conn->timeout_ms,
              "session %llx was given to somebody before", (unsigned long long)p->session_id);
        ts->is_taken = true;
        RK_MARK(c->w, SESSION_NEW);
    } else {
        CHECK(c, p->session_id == conn->wanted && conn->has_password,
              "a reattach to session %llx was answered with %llx", (unsigned long long)conn->wanted,
              (unsigned long long)p->session_id);
    }
    CHECK(c, conn->seen <= c->model.zxid, "server %u at zxid %llx takes a client of %llx",
          c->index + 1, (unsigned long long)c->model.zxid, (unsigned long long)conn->seen);
    attach(c, conn, ts);
}

static void check_refusal(struct sim_check *c, struct mconn *conn,
                          const struct rk_connect_response *p)
{
    static const uint8_t zeros[PASSWORD_BYTES];
    CHECK(c,
          p->time_out == 0 && p->session_id == 0 &&
              rk_bytes_equal(p->passwd, rk_bytes_of(zeros, sizeof(zeros))),
          "a reattach to session %llx that had to be refused was not",
          (unsigned long long)p->session_id);
    conn->must_close = true;
    conn->shake = MSHAKE_NONE;
}

void rk_check_handshake_out(struct sim_check *c, struct mconn *conn, struct rk_bytes frame)
{
    uint8_t password[PASSWORD_BYTES];
    struct rk_connect_response p;
    struct rk_reader r;
    struct rk_arena a;
    rk_arena_init(&a, c->mem);
    rk_reader_init(&r, frame, UINT32_MAX >> 1);
    bool is_ok = rk_proto_read_connect_response(&r, &a, &p) && rk_reader_left(&r) == 0;
    CHECK(c,
          is_ok && p.protocol_version == 0 && !p.read_only &&
              p.has_read_only == conn->has_read_only,
          "malformed answer to a handshake");
    bool is_refused = p.session_id == 0;
    if (conn->shake == MSHAKE_OPEN) {
        take_open_answer(c, conn, &p);
    } else if (conn->shake == MSHAKE_REFUSE) {
        is_refused = true;
    } else if (conn->state == MCONN_PENDING) {
        advance_to_session(c, conn);
        RK_MARK(c->w, SESSION_NEW);
    } else {
        CHECK(c, conn->shake == MSHAKE_REATTACH, "an answer to a handshake that is not due");
        reattached(c, conn);
    }
    if (is_refused) {
        check_refusal(c, conn, &p);
        rk_arena_deinit(&a);
        return;
    }
    password_of(conn->viewer.session, password);
    CHECK(c,
          p.session_id == conn->viewer.session && p.time_out == conn->timeout_ms &&
              rk_bytes_equal(p.passwd, rk_bytes_of(password, sizeof(password))),
          "handshake: session %llx timeout %d, must be %llx and %d with its password",
          (unsigned long long)p.session_id, p.time_out, (unsigned long long)conn->viewer.session,
          conn->timeout_ms);
    conn->shake = MSHAKE_NONE;
    conn->state = MCONN_OPEN;
    conn->may_close = false;
    rk_arena_deinit(&a);
}

/* -- Expiry -- */

void rk_check_expiry(struct sim_check *c, const struct msession *s)
{
    CHECK(c, !s->is_closing, "session %llx is closed twice", (unsigned long long)s->id);
    CHECK(c, c->now_ms >= s->touched_ms + s->timeout_ms,
          "session %llx expired %lld ms after its last request, its timeout is %d",
          (unsigned long long)s->id, (long long)(c->now_ms - s->touched_ms), s->timeout_ms);
}

void rk_check_overdue(struct sim_check *c)
{
    if (c->is_log_full || c->is_stopping) {
        return;
    }
    for (uint32_t i = 0; i < c->session_count; i++) {
        const struct msession *s = &c->sessions[i];
        int64_t due_ms = s->touched_ms + s->timeout_ms;
        due_ms = due_ms > s->late_ms ? due_ms : s->late_ms;
        due_ms = (due_ms > c->room_ms ? due_ms : c->room_ms) + OVERDUE_TICKS * c->config.tick_ms;
        CHECK(c, s->is_closing || c->now_ms <= due_ms,
              "session %llx should have expired %lld ms ago", (unsigned long long)s->id,
              (long long)(c->now_ms - due_ms));
    }
}

void rk_check_touched(struct sim_check *c, rk_session_id id, int32_t timeout_ms)
{
    struct msession *s = rk_check_session(c, id);
    if (s != NULL && !s->is_closing) {
        int64_t due_ms = s->touched_ms + s->timeout_ms;
        s->late_ms = due_ms > s->late_ms ? due_ms : s->late_ms; /* nothing makes it less */
        s->touched_ms = rk_sim_node_now_ms(c->w->nodes[c->index]);
        s->timeout_ms = timeout_ms;
    }
}

/* 10.4: a fresh timeout for everybody, that of the session's creation. */
void rk_check_sessions_restart(struct sim_check *c, int64_t now_ms)
{
    c->session_count = 0;
    c->now_ms = now_ms;
    for (uint32_t i = 0; i < c->model.session_count; i++) {
        const struct sim_msession *m = &c->model.sessions[i];
        rk_check_session_add(c, m->id, m->timeout_ms)->is_applied = true;
    }
}
