/* What learners ask of a leader for their clients: writes, sessions, reattaches, touches. The
 * answers are transactions, taken apart here. */
#include "rig_ens.h"

#include "core/ensemble_int.h"
#include "support/cmocka_all.h"

#include <string.h>

#define SESSION ((rk_session_id)0x0100000000000042) /* of a client of server 1 */
#define OTHER   ((rk_session_id)0x0200000000000043)

struct scene {
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first;
    struct rk_buf body;
    struct rk_arena arena;
};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    rig_ens_init(&s->r, 3, 0);
}

static void serve(struct scene *s)
{
    rig_ens_start(&s->r);
    s->first = rig_ens_serve(&s->r, 2, s->wires);
    rk_buf_init(&s->body, &s->r.rig.mem, 1 << 20);
    rk_arena_init(&s->arena, &s->r.rig.mem);
}

static void end(struct scene *s)
{
    rk_buf_deinit(&s->body);
    rk_arena_deinit(&s->arena);
    rig_ens_deinit(&s->r);
}

/* -- requests ---------------------------------------------------------------------------------- */

static void send_request(struct scene *s, uint32_t follower, rk_session_id session, int32_t cxid,
                         int32_t op)
{
    rig_ens_request(&s->r, s->wires[follower], session, cxid, op, rk_buf_view(&s->body),
                    op == RK_OP_CREATE_SESSION);
}

static void create_session(struct scene *s, uint32_t follower, rk_session_id session,
                           int32_t timeout_ms)
{
    rk_buf_reset(&s->body);
    rk_buf_put_i32(&s->body, timeout_ms);
    send_request(s, follower, session, 0, RK_OP_CREATE_SESSION);
}

static void put_create(struct scene *s, const char *path, int32_t flags)
{
    rk_buf_reset(&s->body);
    rk_buf_put_bytes(&s->body, rk_bytes_str(path));
    rk_buf_put_bytes(&s->body, rk_bytes_str("data"));
    rig_put_open_acl(&s->body);
    rk_buf_put_i32(&s->body, flags);
}

static void create(struct scene *s, uint32_t follower, rk_session_id session, int32_t cxid,
                   const char *path, int32_t flags)
{
    put_create(s, path, flags);
    send_request(s, follower, session, cxid, RK_OP_CREATE);
}

static void close_session(struct scene *s, uint32_t follower, rk_session_id session, int32_t cxid)
{
    rk_buf_reset(&s->body);
    send_request(s, follower, session, cxid, RK_OP_CLOSE_SESSION);
}

/* The next proposal that the second follower gets, committed. */
static struct rk_txn next(struct scene *s)
{
    struct rk_packet p = rig_ens_skip_to(&s->r, s->wires[1], RK_PACKET_PROPOSAL);
    struct rk_txn txn;
    assert_int_equal(rk_txn_decode(p.data, &s->arena, 1 << 20, &txn), RK_OK);
    assert_int_equal(txn.header.zxid, p.zxid);
    rig_ens_ack(&s->r, s->wires[0], p.zxid);
    return txn;
}

static struct rk_txn expect_txn(struct scene *s, rk_session_id session, int32_t cxid, int32_t type)
{
    struct rk_txn txn = next(s);
    assert_int_equal(txn.header.client_id, session);
    assert_int_equal(txn.header.cxid, cxid);
    assert_int_equal(txn.type, type);
    return txn;
}

static void expect_error(struct scene *s, rk_session_id session, int32_t cxid, int32_t err)
{
    struct rk_txn txn = expect_txn(s, session, cxid, RK_OP_ERROR);
    assert_int_equal(txn.body.error.err, err);
}

static void expect_no_proposal(struct scene *s)
{
    while (rig_ens_has(&s->r, s->wires[1])) {
        assert_int_not_equal(rig_ens_take(&s->r, s->wires[1]).type, RK_PACKET_PROPOSAL);
    }
}

static const struct rk_session *session_of(struct scene *s, rk_session_id id)
{
    return rk_session_find(rk_core_sessions(s->r.rig.core), id);
}

/* Both followers are heard, session by session. */
static void pass(struct scene *s, int64_t ms, rk_session_id touched, int32_t timeout_ms)
{
    while (ms > 0) {
        uint8_t table[12];
        rk_store_i64(table, touched);
        rk_store_i32(table + 8, timeout_ms);
        rig_ens_pass(&s->r, RIG_TICK_MS / 2);
        rig_ens_send(&s->r, s->wires[0], RK_PACKET_PING, s->first,
                     rk_bytes_of(table, touched == 0 ? 0 : sizeof(table)));
        rig_ens_send(&s->r, s->wires[1], RK_PACKET_PING, s->first, rk_bytes_of("", 0));
        rig_ens_ack(&s->r, s->wires[1], s->r.rig.appended);
        ms -= RIG_TICK_MS / 2;
    }
}

/* -- sessions and writes ----------------------------------------------------------------------- */

static void a_learners_client_has_a_session_and_writes(void **state)
{
    struct scene s;
    struct rk_txn txn;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    txn = expect_txn(&s, SESSION, 0, RK_OP_CREATE_SESSION);
    assert_int_equal(txn.body.create_session.time_out, 6000);
    assert_int_equal(txn.header.zxid, s.first + 1);
    assert_int_equal(session_of(&s, SESSION)->owner, 1);
    assert_true(session_of(&s, SESSION)->is_replicated);
    create(&s, 0, SESSION, 7, "/a", 0);
    txn = expect_txn(&s, SESSION, 7, RK_OP_CREATE);
    assert_true(rk_bytes_is(txn.body.create.path, "/a"));
    create(&s, 0, SESSION, 8, "/a", 0);
    expect_error(&s, SESSION, 8, RK_ZK_NODE_EXISTS);
    create(&s, 0, SESSION, 9, "/e", RK_CREATE_EPHEMERAL);
    (void)expect_txn(&s, SESSION, 9, RK_OP_CREATE);
    close_session(&s, 0, SESSION, 10);
    txn = expect_txn(&s, SESSION, 10, RK_OP_CLOSE_SESSION);
    assert_int_equal(txn.body.close_session.paths.count, 1);
    assert_null(session_of(&s, SESSION));
    end(&s);
}

static void a_session_belongs_to_one_server_at_a_time(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    create(&s, 1, SESSION, 1, "/a", 0);
    expect_error(&s, SESSION, 1, RK_ZK_SESSION_MOVED);
    create(&s, 0, SESSION, 2, "/a", 0);
    (void)expect_txn(&s, SESSION, 2, RK_OP_CREATE);
    create(&s, 1, OTHER, 3, "/b", 0);
    expect_error(&s, OTHER, 3, RK_ZK_SESSION_EXPIRED); /* nobody's */
    close_session(&s, 1, SESSION, 4);                  /* anybody may end it */
    create(&s, 0, SESSION, 5, "/c", 0);
    (void)expect_txn(&s, SESSION, 4, RK_OP_CLOSE_SESSION);
    expect_error(&s, SESSION, 5, RK_ZK_SESSION_EXPIRED);
    end(&s);
}

/* A multi of a session that moved is a multi of errors, as Apache's is. */
static void a_multi_without_session_fails_operation_by_operation(void **state)
{
    struct scene s;
    struct rk_txn txn;
    (void)state;
    begin(&s);
    serve(&s);
    rk_buf_reset(&s.body);
    for (int32_t i = 0; i < 2; i++) {
        rk_buf_put_i32(&s.body, RK_OP_DELETE);
        rk_buf_put_bool(&s.body, false);
        rk_buf_put_i32(&s.body, -1);
        rk_buf_put_bytes(&s.body, rk_bytes_str("/x"));
        rk_buf_put_i32(&s.body, -1);
    }
    rk_buf_put_i32(&s.body, -1);
    rk_buf_put_bool(&s.body, true);
    rk_buf_put_i32(&s.body, -1);
    send_request(&s, 0, SESSION, 1, RK_OP_MULTI);
    txn = expect_txn(&s, SESSION, 1, RK_OP_MULTI);
    assert_int_equal(txn.body.multi.txns.count, 2);
    for (int32_t i = 0; i < 2; i++) {
        const struct rk_sub_txn *sub = &txn.body.multi.txns.items[i];
        assert_int_equal(sub->type, RK_OP_ERROR);
        assert_int_equal(rk_load_i32(sub->data.data),
                         i == 0 ? RK_ZK_SESSION_EXPIRED : RK_ZK_RUNTIME_INCONSISTENCY);
    }
    end(&s);
}

static void writes_without_identities_are_malformed(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    put_create(&s, "/a", 0);
    rig_ens_request(&s.r, s.wires[0], SESSION, 1, RK_OP_CREATE, rk_buf_view(&s.body), true);
    expect_error(&s, SESSION, 1, RK_ZK_MARSHALLING_ERROR);
    rk_buf_reset(&s.body);
    rk_buf_put_i32(&s.body, 1 << 30); /* a path of a gigabyte */
    send_request(&s, 0, SESSION, 2, RK_OP_DELETE);
    expect_error(&s, SESSION, 2, RK_ZK_MARSHALLING_ERROR);
    assert_false(rig_ens_is_dropped(&s.r, s.wires[0]));
    end(&s);
}

static void acls_are_checked_with_the_learners_identities(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    rk_buf_reset(&s.body);
    rk_buf_put_bytes(&s.body, rk_bytes_str("/mine"));
    rk_buf_put_bytes(&s.body, rk_bytes_str("x"));
    rk_buf_put_i32(&s.body, 1);
    rk_buf_put_i32(&s.body, RK_PERM_ALL);
    rk_buf_put_bytes(&s.body, rk_bytes_str("ip"));
    rk_buf_put_bytes(&s.body, rk_bytes_str("10.0.0.1"));
    rk_buf_put_i32(&s.body, 0);
    send_request(&s, 0, SESSION, 1, RK_OP_CREATE);
    (void)expect_txn(&s, SESSION, 1, RK_OP_CREATE);
    create(&s, 0, SESSION, 2, "/mine/below", 0); /* the request comes from 127.0.0.1 */
    expect_error(&s, SESSION, 2, RK_ZK_NO_AUTH);
    end(&s);
}

static void what_no_client_may_ask_is_answered_with_unimplemented(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    rk_buf_reset(&s.body);
    rk_buf_put_bytes(&s.body, rk_bytes_str("/"));
    rk_buf_put_i32(&s.body, -1);
    send_request(&s, 0, SESSION, 1, RK_OP_CHECK);
    expect_error(&s, SESSION, 1, RK_ZK_UNIMPLEMENTED);
    send_request(&s, 0, SESSION, 2, RK_OP_DELETE_CONTAINER);
    expect_error(&s, SESSION, 2, RK_ZK_UNIMPLEMENTED);
    send_request(&s, 0, SESSION, 3, RK_OP_GET_DATA); /* nobody waits for an answer to that */
    send_request(&s, 0, SESSION, 4, 4711);
    expect_no_proposal(&s);
    assert_false(rig_ens_is_dropped(&s.r, s.wires[0]));
    end(&s);
}

static void sessions_that_can_be_none_drop_the_learner(void **state)
{
    static const rk_session_id ids[] = {0, INT64_MIN};
    static const int32_t ops[] = {RK_OP_CREATE_SESSION, RK_OP_CLOSE_SESSION, RK_OP_CREATE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct scene s;
            begin(&s);
            serve(&s);
            put_create(&s, "/a", 0);
            send_request(&s, 0, ids[i], 1, ops[k]);
            assert_true(rig_ens_is_dropped(&s.r, s.wires[0]));
            expect_no_proposal(&s);
            end(&s);
        }
    }
}

static void torn_packets_drop_the_learner(void **state)
{
    static const int32_t types[] = {RK_PACKET_REQUEST, RK_PACKET_REVALIDATE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t len = 0; len < 12; len++) {
            struct scene s;
            begin(&s);
            serve(&s);
            rig_ens_send(&s.r, s.wires[0], types[i], -1, rk_bytes_of("0123456789ab", len));
            assert_true(rig_ens_is_dropped(&s.r, s.wires[0]));
            assert_int_equal(rig_ens_phase(&s.r), RK_PHASE_BROADCAST);
            end(&s);
        }
    }
}

static void a_create_session_without_timeout_drops_the_learner(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    rk_buf_reset(&s.body);
    send_request(&s, 0, SESSION, 0, RK_OP_CREATE_SESSION);
    assert_true(rig_ens_is_dropped(&s.r, s.wires[0]));
    assert_null(session_of(&s, SESSION));
    end(&s);
}

/* -- behind a sync ----------------------------------------------------------------------------- */

static void sync(struct scene *s, uint32_t follower, rk_session_id session, int32_t cxid)
{
    rk_buf_reset(&s->body);
    rk_buf_put_bytes(&s->body, rk_bytes_str("/"));
    send_request(s, follower, session, cxid, RK_OP_SYNC);
}

static void ping_back(struct scene *s, uint32_t follower)
{
    rig_ens_send(&s->r, s->wires[follower], RK_PACKET_PING, s->first, rk_bytes_of("", 0));
}

/* Apache's learner takes what comes back for the answers to what it sent, in that order. */
static void what_a_learner_asks_behind_a_sync_waits_for_it(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    create_session(&s, 1, OTHER, 6000);
    (void)next(&s);
    (void)next(&s);
    ping_back(&s, 0);
    ping_back(&s, 1);
    rig_ens_forget(&s.r, s.wires[0]);
    sync(&s, 0, SESSION, 1);
    create(&s, 0, SESSION, 2, "/a", 0);
    sync(&s, 0, SESSION, 3);
    put_create(&s, "/b", 0); /* without identities: it must come through as it was */
    rig_ens_request(&s.r, s.wires[0], SESSION, 4, RK_OP_CREATE, rk_buf_view(&s.body), true);
    create(&s, 1, OTHER, 1, "/c", 0); /* another learner's does not wait */
    (void)expect_txn(&s, OTHER, 1, RK_OP_CREATE);
    expect_no_proposal(&s);
    rig_ens_forget(&s.r, s.wires[0]);
    ping_back(&s, 1);
    (void)rig_ens_expect(&s.r, s.wires[0], RK_PACKET_SYNC, 0);
    (void)rig_ens_expect(&s.r, s.wires[0], RK_PACKET_PROPOSAL, s.first + 4);
    (void)expect_txn(&s, SESSION, 2, RK_OP_CREATE);
    expect_no_proposal(&s);
    (void)rig_ens_expect(&s.r, s.wires[0], RK_PACKET_PING, s.first + 4); /* of the second sync */
    (void)rig_ens_expect(&s.r, s.wires[0], RK_PACKET_COMMIT, s.first + 4);
    rig_ens_expect_nothing(&s.r, s.wires[0]);
    ping_back(&s, 1);
    (void)rig_ens_expect(&s.r, s.wires[0], RK_PACKET_SYNC, 0);
    expect_error(&s, SESSION, 4, RK_ZK_MARSHALLING_ERROR);
    end(&s);
}

static void what_waits_behind_a_sync_goes_with_its_learner(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    sync(&s, 0, SESSION, 1);
    create(&s, 0, SESSION, 2, "/a", 0);
    sync(&s, 1, OTHER, 1);
    create(&s, 1, 0, 2, "/a", 0); /* of no session: found out when its turn comes */
    create(&s, 1, OTHER, 3, "/b", 0);
    assert_false(rig_ens_is_dropped(&s.r, s.wires[1]));
    rig_ens_hang_up(&s.r, s.wires[0]);
    for (uint32_t i = 0; i < 4; i++) {
        ping_back(&s, 1);
    }
    assert_true(rig_ens_is_dropped(&s.r, s.wires[1]));
    assert_int_equal(s.r.rig.appended, s.first + 1);
    end(&s);
}

/* -- local sessions ---------------------------------------------------------------------------- */

static void local_sessions_write_but_own_nothing(void **state)
{
    struct scene s;
    rk_session_id ours = ((rk_session_id)RIG_SID << 56) | 5;
    (void)state;
    begin(&s);
    s.r.ensemble.local_sessions = true;
    serve(&s);
    create(&s, 0, SESSION, 1, "/a", 0);
    (void)expect_txn(&s, SESSION, 1, RK_OP_CREATE);
    create(&s, 0, SESSION, 2, "/e", RK_CREATE_EPHEMERAL);
    expect_error(&s, SESSION, 2, RK_ZK_SESSION_EXPIRED);
    create(&s, 0, ours, 3, "/b", 0); /* one of ours would be known */
    expect_error(&s, ours, 3, RK_ZK_SESSION_EXPIRED);
    create_session(&s, 0, SESSION, 6000); /* becomes a global one, and again */
    create_session(&s, 0, SESSION, 6000);
    create(&s, 0, SESSION, 4, "/e", RK_CREATE_EPHEMERAL);
    (void)expect_txn(&s, SESSION, 0, RK_OP_CREATE_SESSION);
    (void)expect_txn(&s, SESSION, 0, RK_OP_CREATE_SESSION);
    (void)expect_txn(&s, SESSION, 4, RK_OP_CREATE);
    end(&s);
}

/* -- time -------------------------------------------------------------------------------------- */

static void a_session_lives_as_long_as_its_learner_reports_it(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    pass(&s, 30000, SESSION, 6000);
    assert_non_null(session_of(&s, SESSION));
    expect_no_proposal(&s);
    pass(&s, 30000, SESSION, -1); /* no timeout that anybody negotiated: the shortest there is */
    assert_non_null(session_of(&s, SESSION));
    pass(&s, 6000, SESSION, 6000);
    pass(&s, 6000 - RIG_TICK_MS, OTHER, 6000); /* of one that nobody knows: ignored */
    assert_non_null(session_of(&s, SESSION));
    pass(&s, 3 * RIG_TICK_MS, 0, 0);
    (void)expect_txn(&s, SESSION, 0, RK_OP_CLOSE_SESSION);
    assert_null(session_of(&s, SESSION));
    end(&s);
}

static void a_closing_session_cannot_be_touched_or_made_again(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    (void)next(&s);
    close_session(&s, 0, SESSION, 1);
    create_session(&s, 0, SESSION, 6000);
    pass(&s, RIG_TICK_MS, SESSION, 6000);
    (void)expect_txn(&s, SESSION, 1, RK_OP_CLOSE_SESSION);
    expect_error(&s, SESSION, 0, RK_ZK_SESSION_EXPIRED);
    assert_null(session_of(&s, SESSION));
    end(&s);
}

/* -- reattach ---------------------------------------------------------------------------------- */

static void ask_to_revalidate(struct scene *s, uint32_t follower, rk_session_id session)
{
    uint8_t data[12];
    rk_store_i64(data, session);
    rk_store_i32(data + 8, 8000);
    rig_ens_send(&s->r, s->wires[follower], RK_PACKET_REVALIDATE, -1,
                 rk_bytes_of(data, sizeof(data)));
}

static void expect_revalidated(struct scene *s, uint32_t follower, rk_session_id session,
                               bool is_valid)
{
    struct rk_packet p = rig_ens_skip_to(&s->r, s->wires[follower], RK_PACKET_REVALIDATE);
    assert_int_equal(p.zxid, -1);
    assert_int_equal(p.data.len, 9);
    assert_int_equal(rk_load_i64(p.data.data), session);
    assert_int_equal(p.data.data[8], is_valid);
}

/* Those of the round under way and of the next one. With this server's own word that is a quorum.
 */
static void answer_pings(struct scene *s, uint32_t follower)
{
    rig_ens_send(&s->r, s->wires[follower], RK_PACKET_PING, s->first, rk_bytes_of("", 0));
    rig_ens_send(&s->r, s->wires[follower], RK_PACKET_PING, s->first, rk_bytes_of("", 0));
}

static void revalidate(struct scene *s, uint32_t follower, rk_session_id session, bool is_valid)
{
    ask_to_revalidate(s, follower, session);
    answer_pings(s, 0);
    expect_revalidated(s, follower, session, is_valid);
}

static void expect_no_answer(struct scene *s, uint32_t follower)
{
    while (rig_ens_has(&s->r, s->wires[follower])) {
        assert_int_not_equal(rig_ens_take(&s->r, s->wires[follower]).type, RK_PACKET_REVALIDATE);
    }
}

/* A client of this server comes back with a session that nobody here has heard of. */
static void come_back(struct scene *s)
{
    uint8_t password[16];
    rk_session_password(OTHER, password);
    rig_open(&s->r.rig, 1);
    rig_handshake(&s->r.rig, 1, 0, 10000, OTHER, rk_bytes_of(password, sizeof(password)), true);
}

static void a_session_moves_with_its_client(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    ask_to_revalidate(&s, 1, SESSION); /* not committed yet: it waits for that */
    create(&s, 0, SESSION, 1, "/a", 0);
    rig_ens_ack(&s.r, s.wires[0], s.first + 2);
    answer_pings(&s, 0);
    expect_revalidated(&s, 1, SESSION, true);
    revalidate(&s, 1, SESSION, true);
    assert_int_equal(session_of(&s, SESSION)->owner, 2);
    assert_int_equal(session_of(&s, SESSION)->touch_ms, 8000);
    create(&s, 0, SESSION, 2, "/b", 0);
    expect_error(&s, SESSION, 2, RK_ZK_SESSION_MOVED);
    create(&s, 1, SESSION, 3, "/b", 0);
    (void)expect_txn(&s, SESSION, 3, RK_OP_CREATE);
    revalidate(&s, 0, OTHER, false);
    close_session(&s, 0, SESSION, 4);
    rig_ens_ack(&s.r, s.wires[0], s.r.rig.appended);
    revalidate(&s, 1, SESSION, false);
    assert_int_equal(rk_core_metrics(s.r.rig.core)->revalidate_count, 4);
    end(&s);
}

/* It may have been deposed, and the session is one that the next leader made. */
static void nobody_is_refused_before_a_quorum_says_that_this_server_leads(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    come_back(&s);
    ask_to_revalidate(&s, 0, OTHER);
    expect_no_answer(&s, 0);
    assert_int_equal(s.r.rig.in[1].bytes.len, 0);
    assert_false(s.r.rig.in[1].is_closed);
    answer_pings(&s, 1);
    expect_revalidated(&s, 0, OTHER, false);
    assert_int_equal(rk_load_i64(rig_take(&s.r.rig, 1).data + 8), 0);
    assert_true(s.r.rig.in[1].is_closed);
    end(&s);
}

static void a_leader_that_was_deposed_refuses_nobody(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    come_back(&s);
    ask_to_revalidate(&s, 0, OTHER);
    rig_ens_pass(&s.r, RIG_TICK_MS * (RIG_SYNC_LIM + 1)); /* nobody answers */
    assert_int_equal(rig_ens_state(&s.r), RK_PEER_LOOKING);
    assert_true(s.r.rig.in[1].is_closed);
    assert_int_equal(s.r.rig.in[1].bytes.len, 0);
    expect_no_answer(&s, 0);
    end(&s);
}

static void so_many_wait_for_the_quorum_and_no_more(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    for (uint32_t i = 0; i < RK_LEADER_SYNCS_MAX; i++) {
        ask_to_revalidate(&s, 0, OTHER);
    }
    assert_int_equal(s.r.rig.core->ens->leader.sync_count, RK_LEADER_SYNCS_MAX);
    come_back(&s); /* it may try again when these are through */
    assert_true(s.r.rig.in[1].is_closed);
    assert_int_equal(s.r.rig.in[1].bytes.len, 0);
    ask_to_revalidate(&s, 1, OTHER);
    assert_true(s.r.wires[s.wires[1]].is_closed);
    assert_int_equal(s.r.rig.core->ens->leader.sync_count, RK_LEADER_SYNCS_MAX);
    end(&s);
}

/* closeSession is proposed and may never be committed. */
static void one_whose_end_is_in_flight_is_refused_when_that_is_committed(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    serve(&s);
    create_session(&s, 0, SESSION, 6000);
    rig_ens_ack(&s.r, s.wires[0], s.r.rig.appended);
    close_session(&s, 0, SESSION, 4);
    ask_to_revalidate(&s, 1, SESSION);
    answer_pings(&s, 0);
    expect_no_answer(&s, 1);
    rig_ens_ack(&s.r, s.wires[0], s.r.rig.appended);
    expect_revalidated(&s, 1, SESSION, false);
    end(&s);
}

static void a_client_of_the_leader_moves_to_a_learner(void **state)
{
    struct scene s;
    rk_session_id ours;
    (void)state;
    begin(&s);
    serve(&s);
    rig_open(&s.r.rig, 1);
    rig_handshake(&s.r.rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
    rig_ens_ack(&s.r, s.wires[0], s.first + 1);
    ours = rk_load_i64(rig_take(&s.r.rig, 1).data + 8);
    assert_int_equal(session_of(&s, ours)->owner, RIG_SID);
    create(&s, 0, ours, 1, "/a", 0);
    (void)next(&s); /* createSession */
    expect_error(&s, ours, 1, RK_ZK_SESSION_MOVED);
    revalidate(&s, 0, ours, true);
    assert_true(s.r.rig.in[1].is_closed);
    create(&s, 0, ours, 2, "/a", 0);
    (void)expect_txn(&s, ours, 2, RK_OP_CREATE);
    end(&s);
}

/* -- the end of an epoch ----------------------------------------------------------------------- */

/* As if four billion transactions had been: the counter's last values are never used. */
static void a_used_up_counter_begins_a_new_epoch(void **state)
{
    struct scene s;
    struct rk_core *c;
    rk_zxid last;
    (void)state;
    begin(&s);
    serve(&s);
    c = s.r.rig.core;
    last = s.first + 0xffffffee;
    c->broadcast.last_proposed = last;
    c->broadcast.last_committed = last;
    c->broadcast.last_delivered = last;
    c->last_zxid = last;
    c->ens->leader.commit_told = last;
    create_session(&s, 0, SESSION, 6000);
    (void)expect_txn(&s, SESSION, 0, RK_OP_CREATE_SESSION);
    assert_int_equal(rig_ens_phase(&s.r), RK_PHASE_BROADCAST);
    create(&s, 0, SESSION, 1, "/a", 0);
    create(&s, 0, SESSION, 2, "/b", 0); /* takes no place any more */
    assert_int_equal(s.r.rig.appended, last + 2);
    (void)expect_txn(&s, SESSION, 1, RK_OP_CREATE);
    expect_no_proposal(&s);
    rig_ens_ack(&s.r, s.wires[1], last + 2);
    assert_int_equal(rig_ens_state(&s.r), RK_PEER_LOOKING);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learners_client_has_a_session_and_writes),
        cmocka_unit_test(a_session_belongs_to_one_server_at_a_time),
        cmocka_unit_test(a_multi_without_session_fails_operation_by_operation),
        cmocka_unit_test(writes_without_identities_are_malformed),
        cmocka_unit_test(acls_are_checked_with_the_learners_identities),
        cmocka_unit_test(what_no_client_may_ask_is_answered_with_unimplemented),
        cmocka_unit_test(sessions_that_can_be_none_drop_the_learner),
        cmocka_unit_test(torn_packets_drop_the_learner),
        cmocka_unit_test(a_create_session_without_timeout_drops_the_learner),
        cmocka_unit_test(what_a_learner_asks_behind_a_sync_waits_for_it),
        cmocka_unit_test(what_waits_behind_a_sync_goes_with_its_learner),
        cmocka_unit_test(local_sessions_write_but_own_nothing),
        cmocka_unit_test(a_session_lives_as_long_as_its_learner_reports_it),
        cmocka_unit_test(a_closing_session_cannot_be_touched_or_made_again),
        cmocka_unit_test(a_session_moves_with_its_client),
        cmocka_unit_test(nobody_is_refused_before_a_quorum_says_that_this_server_leads),
        cmocka_unit_test(a_leader_that_was_deposed_refuses_nobody),
        cmocka_unit_test(so_many_wait_for_the_quorum_and_no_more),
        cmocka_unit_test(one_whose_end_is_in_flight_is_refused_when_that_is_committed),
        cmocka_unit_test(a_client_of_the_leader_moves_to_a_learner),
        cmocka_unit_test(a_used_up_counter_begins_a_new_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
