/* Connections and their sessions: accept, handshake (spec-client 2), reattach, expiry, end. */
#include "core/ensemble_int.h"

#include <string.h>

#define PASSWORD_BYTES       16u
#define EXPIRE_PER_STEP      256u
#define CONNECT_PASSWD_LIMIT 1024u /* a password is 16 bytes; anything longer is noise */
#define SLOT_OF(id)          ((uint32_t)((id)&0xffffffffu))

struct conn *rk_core_conn(const struct rk_core *c, rk_conn_id id)
{
    uint32_t slot = SLOT_OF(id);
    struct conn *conn = slot < c->conn_cap ? c->conns[slot] : NULL;
    return conn != NULL && conn->id == id ? conn : NULL;
}

static void grow_slots(struct rk_core *c, uint32_t slot)
{
    uint32_t cap = c->conn_cap == 0 ? 64 : c->conn_cap;
    while (cap <= slot) {
        cap *= 2;
    }
    if (cap != c->conn_cap) {
        c->conns = rk_mem_must_resize(c->mem, c->conns, c->conn_cap * sizeof(*c->conns),
                                      cap * sizeof(*c->conns));
        memset(c->conns + c->conn_cap, 0, (cap - c->conn_cap) * sizeof(*c->conns));
        c->conn_cap = cap;
    }
}

void rk_core_conn_open(struct rk_core *c, const struct rk_event *e)
{
    uint32_t slot = SLOT_OF(e->conn);
    struct conn *conn = rk_mem_must_zalloc(c->mem, sizeof(*conn));
    enum rk_err err;
    RK_ASSERT(slot != 0 && slot < c->config.conn_max);
    grow_slots(c, slot);
    RK_ASSERT(c->conns[slot] == NULL);
    c->conns[slot] = conn;
    c->conn_count++;
    conn->id = e->conn;
    rk_list_init(&conn->late_link);
    conn->state = CONN_NEW;
    conn->established_wall_ms = c->wall_ms;
    conn->last_cxid = -1;
    conn->last_zxid = -1;
    rk_auth_ids_init(&conn->ids);
    err = rk_auth_ids_add(&conn->ids, c->mem, rk_bytes_str("ip"), e->u.open.address);
    if (err != RK_OK) {
        rk_core_conn_close(c, conn);
    }
}

static void detach_session(struct conn *conn)
{
    if (conn->session_ref != NULL && conn->session_ref->conn == conn->id) {
        conn->session_ref->conn = 0;
    }
    conn->session_ref = NULL;
}

/* Watches taken off in one step: a few milliseconds. Until the rest is gone nobody hears of them,
 * because events go to open connections only. */
#define WATCHES_A_STEP 10000u

static void leave_watches(struct rk_core *c, rk_conn_id conn)
{
    struct past_watcher *p;
    if (rk_watch_remove_some(c->watches, conn, WATCHES_A_STEP)) {
        return;
    }
    p = rk_mem_must_alloc(c->mem, sizeof(*p));
    p->conn = conn;
    rk_list_init(&p->link);
    rk_list_push(&c->past_watchers, &p->link);
}

void rk_core_sweep_watches(struct rk_core *c)
{
    struct rk_link *it = rk_list_first(&c->past_watchers);
    if (it != NULL) {
        struct past_watcher *p = RK_CONTAINER_OF(it, struct past_watcher, link);
        if (rk_watch_remove_some(c->watches, p->conn, WATCHES_A_STEP)) {
            rk_list_unlink(it);
            rk_mem_free(c->mem, p, sizeof(*p));
        }
    }
}

static void drop_held_handshake(struct rk_core *c, struct conn *conn)
{
    rk_mem_free(c->mem, conn->held_handshake, conn->held_len);
    conn->held_handshake = NULL;
    conn->held_len = 0;
}

void rk_core_conn_close(struct rk_core *c, struct conn *conn)
{
    if (conn->state == CONN_CLOSING) {
        return;
    }
    conn->state = CONN_CLOSING;
    detach_session(conn);
    rk_core_request_drop_all(c, conn);
    rk_list_unlink(&conn->late_link);
    rk_fx_conn(c->fx, RK_FX_CLOSE, conn->id);
}

void rk_core_conn_closed(struct rk_core *c, rk_conn_id id)
{
    struct conn *conn = rk_core_conn(c, id);
    RK_ASSERT(conn != NULL);
    detach_session(conn);
    rk_core_request_drop_all(c, conn);
    rk_list_unlink(&conn->late_link);
    drop_held_handshake(c, conn);
    leave_watches(c, id);
    rk_auth_ids_deinit(&conn->ids, c->mem);
    c->conns[SLOT_OF(id)] = NULL;
    c->conn_count--;
    c->metrics.connection_drop_count++;
    rk_mem_free(c->mem, conn, sizeof(*conn));
}

/* -- handshake -- */

static void put_connect_response(struct rk_core *c, struct conn *conn, int32_t timeout_ms,
                                 rk_session_id session)
{
    uint8_t password[PASSWORD_BYTES];
    struct rk_connect_response out;
    size_t mark;
    memset(password, 0, sizeof(password));
    if (session != 0) {
        rk_session_password(session, password);
    }
    out.protocol_version = 0;
    out.time_out = timeout_ms;
    out.session_id = session;
    out.passwd = rk_bytes_of(password, sizeof(password));
    out.read_only = rk_core_is_read_only(c);
    out.has_read_only = conn->has_read_only;
    mark = rk_fx_frame_begin(c->fx, conn->id);
    rk_proto_write_connect_response(&c->fx->bytes, &out);
    rk_fx_frame_end(c->fx, mark);
    conn->sent++;
    c->metrics.packets_sent++;
    conn->last_op = RK_OP_CREATE_SESSION;
    conn->last_response_ms = c->now_ms;
}

/* 2.5: how clients learn that their session is gone. */
void rk_core_reattach_refused(struct rk_core *c, struct conn *conn, rk_session_id session)
{
    rk_fx_note(c->fx, RK_NOTE_SESSION_REFUSED, conn->id, session, 0, rk_bytes_str(""));
    put_connect_response(c, conn, 0, 0);
    rk_core_conn_close(c, conn);
}

static void become_open(struct rk_core *c, struct conn *conn)
{
    conn->state = CONN_OPEN;
    put_connect_response(c, conn, conn->timeout_ms, conn->session);
    if (conn->is_paused) {
        conn->is_paused = false;
        rk_fx_conn(c->fx, RK_FX_RESUME, conn->id);
    }
    rk_core_request_drain(c, conn);
}

void rk_core_session_established(struct rk_core *c, struct conn *conn)
{
    RK_ASSERT(conn->state == CONN_PENDING);
    c->metrics.op_count[108]++;
    rk_fx_note(c->fx, RK_NOTE_SESSION_CREATED, conn->id, conn->session, conn->timeout_ms,
               rk_bytes_str(""));
    become_open(c, conn);
}

static rk_session_id take_session_id(struct rk_core *c)
{
    rk_session_id id;
    do {
        id = c->next_session_id;
        c->next_session_id = (int64_t)((uint64_t)c->next_session_id + 1u);
    } while (id == 0 || id == RK_OWNER_CONTAINER || rk_session_find(c->sessions, id) != NULL);
    return id;
}

static void become_pending(struct rk_core *c, struct conn *conn)
{
    conn->state = CONN_PENDING;
    conn->is_paused = true;
    rk_fx_conn(c->fx, RK_FX_PAUSE, conn->id);
}

/* Only who leads watches over it. */
static void set_timeout(struct rk_core *c, struct rk_session *s, int32_t timeout_ms)
{
    if (rk_core_is_read_only(c) && !s->is_local) {
        s->touch_ms = timeout_ms; /* whoever leads elsewhere decides about it */
    } else if (rk_core_is_learner(c) && !s->is_local) {
        s->touch_ms = timeout_ms;
        (void)rk_forward_touch(c, s);
    } else {
        rk_session_retime(c->sessions, s, timeout_ms, c->now_ms);
    }
}

static void new_session(struct rk_core *c, struct conn *conn)
{
    struct rk_session *s;
    if (c->is_log_full) {
        c->metrics.writes_refused_log_full++;
        rk_fx_note(c->fx, RK_NOTE_LOG_FULL, conn->id, 0, 0, rk_bytes_str("no new session"));
        rk_core_conn_close(c, conn);
        return;
    }
    if (rk_leader_takes_no_more(c) ||
        (c->ens != NULL && rk_core_is_leading(c) && !c->ens->config.leader_serves)) {
        rk_core_conn_close(c, conn); /* another one leads in a moment */
        return;
    }
    s = rk_session_add(c->sessions, take_session_id(c), conn->timeout_ms);
    s->conn = conn->id;
    conn->session = s->id;
    conn->session_ref = s;
    if (rk_local_is_wanted(c)) {
        rk_local_begin(c, s);
        become_open(c, conn);
        return;
    }
    set_timeout(c, s, conn->timeout_ms);
    become_pending(c, conn);
    if (rk_core_is_learner(c)) {
        rk_forward_create_session(c, conn);
    } else {
        s->owner = c->ens != NULL ? c->ens->config.my_sid : 0;
        rk_prep_create_session(c, s->id, conn->timeout_ms, RK_REQUEST_NONE);
    }
}

static bool password_is_right(const struct rk_connect_request *q)
{
    uint8_t expected[PASSWORD_BYTES];
    if (q->session_id == 0) {
        return false;
    }
    rk_session_password(q->session_id, expected);
    return rk_auth_equal_secret(q->passwd, rk_bytes_of(expected, sizeof(expected)));
}

static bool is_there(const struct rk_session *s)
{
    return s != NULL && !s->is_closing && (s->is_replicated || s->is_local);
}

void rk_core_decide_reattach(struct rk_core *c, rk_conn_id id, rk_session_id session)
{
    struct conn *conn = rk_core_conn(c, id);
    if (conn == NULL || conn->state != CONN_PENDING || conn->session != session) {
        return; /* went away meanwhile */
    }
    if (is_there(rk_session_find(c->sessions, session))) {
        rk_core_reattached(c, conn);
    } else {
        rk_core_reattach_refused(c, conn, session);
    }
}

/* What is refused is expired to the client, so whoever is not sure of that does not say it: a
 * leader asks a quorum first, and without one there is no answer. */
static void refuse_when_sure(struct rk_core *c, struct conn *conn)
{
    if (c->ens == NULL || RK_BUG(REFUSES_UNSURE)) {
        rk_core_reattach_refused(c, conn, conn->session);
    } else if (rk_core_is_leading(c) && rk_leader_client_reattach(c, conn->id, conn->session)) {
        become_pending(c, conn);
    } else {
        rk_core_conn_close(c, conn);
    }
}

/* Whatever its old connection here still brings must not follow what its client asks on this one.
 * ZK: ZooKeeperServer.processConnectRequest */
static void close_old(struct rk_core *c, const struct rk_session *s)
{
    struct conn *old = s == NULL || s->conn == 0 ? NULL : rk_core_conn(c, s->conn);
    if (old != NULL) {
        rk_fx_note(c->fx, RK_NOTE_SESSION_STOLEN, old->id, s->id, 0, rk_bytes_str(""));
        rk_core_conn_close(c, old);
    }
}

/* 2.4, but with the password checked before the old connection is closed (18.6). */
static void reattach(struct rk_core *c, struct conn *conn, const struct rk_connect_request *q)
{
    struct rk_session *s = rk_session_find(c->sessions, q->session_id);
    c->metrics.connection_revalidate_count++;
    if (!password_is_right(q)) {
        rk_core_reattach_refused(c, conn, q->session_id);
        return;
    }
    conn->session = q->session_id;
    if (rk_core_is_learner(c) && (s == NULL || !s->is_local)) {
        close_old(c, s);
        become_pending(c, conn);
        rk_forward_revalidate(c, conn, q->session_id);
    } else if (s != NULL && s->is_local && s->is_closing) {
        rk_core_reattach_refused(c, conn, q->session_id); /* nobody else decides about it */
    } else if (!is_there(s)) {
        refuse_when_sure(c, conn);
    } else {
        rk_core_reattached(c, conn);
    }
}

void rk_core_reattached(struct rk_core *c, struct conn *conn)
{
    struct rk_session *s = rk_session_find(c->sessions, conn->session);
    if (s == NULL) {
        /* The leader knows it; its createSession has not come here yet. */
        s = rk_session_add(c->sessions, conn->session, conn->timeout_ms);
    }
    close_old(c, s);
    s->owner = c->ens != NULL && !rk_core_is_learner(c) ? c->ens->config.my_sid : 0;
    set_timeout(c, s, conn->timeout_ms);
    s->conn = conn->id;
    conn->session_ref = s;
    rk_fx_note(c->fx, RK_NOTE_SESSION_REATTACHED, conn->id, s->id, conn->timeout_ms,
               rk_bytes_str(""));
    become_open(c, conn);
}

static int32_t clamp_timeout(const struct rk_core_config *g, int32_t asked)
{
    if (asked < g->min_session_timeout_ms) {
        return g->min_session_timeout_ms;
    }
    return asked > g->max_session_timeout_ms ? g->max_session_timeout_ms : asked;
}

/* Nobody leads just now: that is over soon, or this is the wrong server to wait at. */
static void hold_handshake(struct rk_core *c, struct conn *conn, struct rk_bytes frame)
{
    if (conn->held_handshake != NULL || frame.len > CONNECT_PASSWD_LIMIT ||
        !rk_ens_may_hold_clients(c)) {
        c->metrics.cnxn_closed_without_zk_server_running++;
        rk_core_conn_close(c, conn);
        return;
    }
    conn->held_handshake = rk_mem_must_alloc(c->mem, frame.len + 1u);
    conn->held_len = frame.len + 1u;
    memcpy(conn->held_handshake, frame.data, frame.len);
    rk_fx_conn(c->fx, RK_FX_PAUSE, conn->id);
}

void rk_core_run_held_handshakes(struct rk_core *c)
{
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        struct conn *conn = c->conns[slot];
        uint8_t *frame;
        uint32_t len;
        if (conn == NULL || conn->held_handshake == NULL || conn->state != CONN_NEW) {
            continue;
        }
        frame = conn->held_handshake;
        len = conn->held_len;
        conn->held_handshake = NULL;
        conn->held_len = 0;
        rk_fx_conn(c->fx, RK_FX_RESUME, conn->id);
        rk_core_handshake(c, conn, rk_bytes_of(frame, len - 1u));
        rk_mem_free(c->mem, frame, len);
        rk_arena_reset(&c->arena);
    }
}

void rk_core_close_all(struct rk_core *c, bool only_held)
{
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        struct conn *conn = c->conns[slot];
        if (conn != NULL && (only_held ? conn->held_handshake != NULL : conn->state != CONN_NEW)) {
            c->metrics.cnxn_closed_without_zk_server_running += only_held ? 1 : 0;
            rk_core_conn_close(c, conn);
        }
    }
}

void rk_core_handshake(struct rk_core *c, struct conn *conn, struct rk_bytes frame)
{
    struct rk_connect_request q;
    struct rk_reader r;
    RK_ASSERT(conn->state == CONN_NEW);
    if (!rk_core_is_serving(c) && !rk_core_is_read_only(c)) {
        hold_handshake(c, conn, frame);
        return;
    }
    c->metrics.connection_request_count++;
    rk_reader_init(&r, frame, CONNECT_PASSWD_LIMIT);
    if (!rk_proto_read_connect_request(&r, &c->arena, &q)) {
        rk_fx_note(c->fx, RK_NOTE_HANDSHAKE_BAD, conn->id, 0, frame.len, rk_bytes_str(""));
        rk_core_conn_close(c, conn);
        return;
    }
    if (!rk_core_connect_admitted(c, q.session_id != 0)) {
        c->metrics.connection_rejected++;
        rk_fx_note(c->fx, RK_NOTE_HANDSHAKE_THROTTLED, conn->id, 0, 0, rk_bytes_str(""));
        rk_core_conn_close(c, conn);
        return;
    }
    if (q.last_zxid_seen > c->last_zxid && !RK_BUG(CLIENT_AHEAD_TAKEN)) {
        rk_fx_note(c->fx, RK_NOTE_HANDSHAKE_AHEAD, conn->id, q.session_id, q.last_zxid_seen,
                   rk_bytes_str(""));
        rk_core_conn_close(c, conn);
        return;
    }
    if (rk_leader_takes_no_more(c)) {
        rk_core_conn_close(c, conn); /* another server will take it */
        return;
    }
    if (rk_core_is_read_only(c) && !(q.has_read_only && q.read_only)) {
        rk_core_conn_close(c, conn); /* it wants to write: not here, not now */
        return;
    }
    conn->has_read_only = q.has_read_only;
    conn->timeout_ms = clamp_timeout(&c->config, q.time_out);
    if (q.session_id == 0) {
        new_session(c, conn);
    } else {
        reattach(c, conn, &q);
    }
}

/* -- expiry -- */

void rk_core_expire(struct rk_core *c)
{
    if (!rk_core_is_serving(c) && !rk_core_is_read_only(c)) {
        return;
    }
    for (uint32_t i = 0; i < EXPIRE_PER_STEP; i++) {
        struct rk_session *s = rk_sessions_pop_expired(c->sessions, c->now_ms);
        if (s == NULL) {
            return;
        }
        if (s->is_closing) {
            continue; /* its client's closeSession is in flight */
        }
        if (s->is_local && !s->is_upgrading) {
            rk_local_expire(c, s);
            continue;
        }
        if (!rk_core_is_leading(c)) {
            continue; /* on its way to the leader's watch */
        }
        if (c->is_log_full || c->is_shutting_down || rk_leader_takes_no_more(c)) {
            rk_session_postpone(c->sessions, s, c->now_ms);
            continue;
        }
        s->is_closing = true;
        c->metrics.stale_sessions_expired++;
        rk_fx_note(c->fx, RK_NOTE_SESSION_EXPIRED, s->conn, s->id, s->touch_ms, rk_bytes_str(""));
        rk_prep_close_session(c, s->id, RK_CXID_INTERNAL, RK_REQUEST_NONE);
        rk_arena_reset(&c->arena);
    }
}
