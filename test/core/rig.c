/* The test's shell: sorts effects, makes the log durable, plays the snapshot writer. */
#include "rig.h"

#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <openssl/sha.h>
#include <zlib.h>

#define RIG_BUF_MAX ((size_t)1 << 30)

static uint32_t crc(uint32_t seed, const void *data, size_t len)
{
    return (uint32_t)crc32(seed, data, (uInt)len);
}

static void sha1(const void *data, size_t len, uint8_t ret[64])
{
    SHA1(data, len, ret);
}

void rig_config(struct rk_core_config *g)
{
    memset(g, 0, sizeof(*g));
    g->seed = 42;
    g->server_id = 1;
    g->clock_ms = 1000000;
    g->tick_ms = 2000;
    g->min_session_timeout_ms = 4000;
    g->max_session_timeout_ms = 40000;
    g->frame_bytes_max = 0xfffff;
    g->record_bytes_max = 2 * 0xfffff;
    g->conn_max = RIG_CONNS;
    g->digest = true;
    g->close_session_txn = true;
    g->crc32 = crc;
    g->digest_alg.hash = sha1;
    g->digest_alg.len = 20;
    g->digest_scheme = true;
    g->snap_count = 100000;
    g->snap_slice_nodes = 64;
    g->container_check_ms = 60000;
    g->container_per_minute = 10000;
    g->global_outstanding_max = 1000;
    g->conn_outstanding_max = 1000;
    g->queued_bytes_max = 64 << 20;
    g->inflight_bytes_max = 64 << 20;
    g->request_throttle_drop_stale = true;
    g->request_stale_connection_check = true;
    g->large_request_threshold = -1;
    g->connect_fill_time_ms = 1;
    g->connect_fill_count = 1;
    g->connect_freeze_ms = -1;
}

void rig_prepare(struct rig *r, const struct rk_core_config *config)
{
    memset(r, 0, sizeof(*r));
    rk_mem_libc_init(&r->mem, 0);
    if (config != NULL) {
        r->config = *config;
    } else {
        rig_config(&r->config);
    }
    r->now_ms = 50000;
    r->wall_ms = 1700000000000;
    r->auto_sync = true;
    r->auto_snap = true;
    rk_effects_init(&r->fx, &r->mem);
    rk_buf_init(&r->request, &r->mem, RIG_BUF_MAX);
    rk_buf_init(&r->log, &r->mem, RIG_BUF_MAX);
    rk_buf_init(&r->snapshot, &r->mem, RIG_BUF_MAX);
    for (uint32_t i = 0; i < RIG_CONNS; i++) {
        rk_buf_init(&r->in[i].bytes, &r->mem, RIG_BUF_MAX);
    }
    r->core = rk_core_create(&r->mem, &r->config);
    assert_non_null(r->core);
}

void rig_start(struct rig *r)
{
    struct rk_restore_sink sink = rk_core_restore_sink(r->core);
    assert_int_equal(sink.fresh(sink.ctx), RK_OK);
    rk_core_start(r->core, r->now_ms, r->wall_ms, &r->fx);
    rig_advance(r, 0);
}

void rig_init(struct rig *r, const struct rk_core_config *config)
{
    rig_prepare(r, config);
    rig_start(r);
}

void rig_deinit(struct rig *r)
{
    rk_core_destroy(r->core);
    rk_effects_deinit(&r->fx);
    rk_buf_deinit(&r->request);
    rk_buf_deinit(&r->log);
    rk_buf_deinit(&r->snapshot);
    for (uint32_t i = 0; i < RIG_CONNS; i++) {
        rk_buf_deinit(&r->in[i].bytes);
    }
    assert_int_equal(r->mem.used_bytes, 0);
}

static uint32_t slot_of(rk_conn_id conn)
{
    return (uint32_t)(conn & 0xffffffffu);
}

static void put_log(struct rig *r, const struct rk_effect *e)
{
    if (r->other == NULL) {
        assert_int_equal(e->u.log.zxid, r->appended + 1);
    } else {
        assert_true(e->u.log.zxid > r->appended);
    }
    r->appended = e->u.log.zxid;
    rk_buf_put_bytes(&r->log, rk_effects_bytes(&r->fx, e));
}

/* Returns true if the writer owes the core an answer. */
static bool play_snapshot(struct rig *r, const struct rk_effect *e, struct rk_event *ret)
{
    struct rk_bytes bytes = rk_effects_bytes(&r->fx, e);
    memset(ret, 0, sizeof(*ret));
    switch (e->kind) {
    case RK_FX_SNAP_BEGIN:
        assert_false(r->snap_open);
        r->snap_open = true;
        r->snap_ended = false;
        r->snap_zxid = e->u.log.zxid;
        rk_buf_reset(&r->snapshot);
        return false;
    case RK_FX_SNAP_BYTES:
        assert_true(r->snap_open);
        rk_buf_put(&r->snapshot, bytes.data, bytes.len);
        ret->kind = RK_EV_SNAP_READY;
        return e->u.log.is_slice_end;
    default:
        assert_true(r->snap_open);
        r->snap_open = false;
        r->snap_ended = e->kind == RK_FX_SNAP_END;
        ret->kind = RK_EV_SNAP_DONE;
        ret->u.snap_done.zxid = r->snap_zxid;
        ret->u.snap_done.is_ok = r->snap_ended;
        return true;
    }
}

static void deliver(struct rig *r, const struct rk_effect *e)
{
    struct rk_bytes bytes = rk_effects_bytes(&r->fx, e);
    if (e->kind == RK_FX_SEND) {
        assert_true(r->in[slot_of(e->conn)].is_open);
        rk_buf_put(&r->in[slot_of(e->conn)].bytes, bytes.data, bytes.len);
        return;
    }
    for (uint32_t i = 0; i < e->u.many.count; i++) {
        struct rig_inbox *in = &r->in[slot_of(r->fx.conns[e->u.many.first + i])];
        assert_true(in->is_open);
        rk_buf_put(&in->bytes, bytes.data, bytes.len);
    }
}

static void note(struct rig *r, const struct rk_effect *e)
{
#define NOTE_NAME(name, level, text) #name,
    static const char *const names[] = {RK_NOTE_TABLE(NOTE_NAME)};
#undef NOTE_NAME
    struct rk_bytes text = rk_effects_bytes(&r->fx, e);
    r->notes[e->u.note.note]++;
    if (r->is_loud) {
        printf("%lld %s %lld %.*s\n", (long long)r->now_ms, names[e->u.note.note],
               (long long)e->u.note.number, (int)text.len, (const char *)text.data);
    }
}

static void carry_out(struct rig *r)
{
    struct rk_event owed[64];
    uint32_t owed_count = 0;
    for (size_t i = 0; i < r->fx.count; i++) {
        const struct rk_effect *e = &r->fx.items[i];
        switch (e->kind) {
        case RK_FX_SEND:
        case RK_FX_SEND_MANY:
            deliver(r, e);
            break;
        case RK_FX_CLOSE:
            r->in[slot_of(e->conn)].is_closed = true;
            break;
        case RK_FX_PAUSE:
        case RK_FX_RESUME:
            r->in[slot_of(e->conn)].is_paused = e->kind == RK_FX_PAUSE;
            break;
        case RK_FX_APPEND:
            put_log(r, e);
            break;
        case RK_FX_ROLL:
            r->rolls++;
            break;
        case RK_FX_NOTE:
            note(r, e);
            break;
        case RK_FX_SNAP_BEGIN:
        case RK_FX_SNAP_BYTES:
        case RK_FX_SNAP_END:
        case RK_FX_SNAP_ABORT:
            assert_true(owed_count < 64);
            owed_count += play_snapshot(r, e, &owed[owed_count]);
            break;
        default:
            if (r->other == NULL) {
                fail_msg("an ensemble's effect %d in a standalone core", (int)e->kind);
            }
            r->other(r, e);
        }
    }
    rk_effects_reset(&r->fx);
    for (uint32_t i = 0; i < owed_count && r->auto_snap; i++) {
        rig_step(r, &owed[i]);
    }
}

void rig_step(struct rig *r, struct rk_event *e)
{
    e->now_ms = r->now_ms;
    e->wall_ms = r->wall_ms;
    rk_core_step(r->core, e, &r->fx);
    if (!r->is_hasty) {
        rk_core_check(r->core);
    }
    carry_out(r);
    if (r->settle != NULL) {
        r->settle(r);
    }
    if (r->auto_sync) {
        rig_sync(r);
    }
}

void rig_sync(struct rig *r)
{
    while (r->synced < r->appended) {
        struct rk_event e = {.kind = RK_EV_LOG_SYNCED};
        bool was_auto = r->auto_sync;
        e.u.log_synced.zxid = r->appended;
        r->synced = r->appended;
        r->auto_sync = false;
        rig_step(r, &e);
        r->auto_sync = was_auto;
    }
}

void rig_advance(struct rig *r, int64_t ms)
{
    struct rk_event e = {.kind = RK_EV_TICK};
    r->now_ms += ms;
    r->wall_ms += ms;
    rig_step(r, &e);
}

static rk_conn_id conn_id(uint32_t slot)
{
    return ((rk_conn_id)7 << 32) | slot;
}

rk_conn_id rig_open(struct rig *r, uint32_t slot)
{
    struct rk_event e = {.kind = RK_EV_CONN_OPEN, .conn = conn_id(slot)};
    assert_false(r->in[slot].is_open);
    r->in[slot].is_open = true;
    r->in[slot].is_closed = false;
    r->in[slot].is_paused = false;
    r->in[slot].at = 0;
    rk_buf_reset(&r->in[slot].bytes);
    e.u.open.address = rk_bytes_str("127.0.0.1");
    rig_step(r, &e);
    return conn_id(slot);
}

void rig_close(struct rig *r, uint32_t slot)
{
    struct rk_event e = {.kind = RK_EV_CONN_CLOSED, .conn = conn_id(slot)};
    r->in[slot].is_open = false;
    rig_step(r, &e);
}

void rig_frame(struct rig *r, uint32_t slot, struct rk_bytes frame)
{
    struct rk_event e = {.kind = RK_EV_FRAME, .conn = conn_id(slot)};
    e.u.frame.bytes = frame;
    rig_step(r, &e);
}

void rig_handshake(struct rig *r, uint32_t slot, rk_zxid seen, int32_t timeout, rk_session_id id,
                   struct rk_bytes passwd, bool with_read_only)
{
    struct rk_connect_request q = {.last_zxid_seen = seen,
                                   .time_out = timeout,
                                   .session_id = id,
                                   .passwd = passwd,
                                   .has_read_only = with_read_only};
    rk_buf_reset(&r->request);
    rk_proto_write_connect_request(&r->request, &q);
    rig_frame(r, slot, rk_buf_view(&r->request));
}

rk_session_id rig_connect(struct rig *r, uint32_t slot)
{
    uint8_t zero[16] = {0};
    struct rk_bytes f;
    rig_open(r, slot);
    rig_handshake(r, slot, 0, 10000, 0, rk_bytes_of(zero, 16), true);
    f = rig_take(r, slot);
    assert_int_equal(f.len, 37);
    assert_int_equal(rk_load_i32(f.data + 4), 10000);
    return rk_load_i64(f.data + 8);
}

struct rk_buf *rig_request(struct rig *r, int32_t xid, int32_t op)
{
    rk_buf_reset(&r->request);
    rk_buf_put_i32(&r->request, xid);
    rk_buf_put_i32(&r->request, op);
    return &r->request;
}

void rig_send(struct rig *r, uint32_t slot)
{
    rig_frame(r, slot, rk_buf_view(&r->request));
}

bool rig_has(const struct rig *r, uint32_t slot)
{
    return r->in[slot].at < r->in[slot].bytes.len;
}

struct rk_bytes rig_take(struct rig *r, uint32_t slot)
{
    struct rig_inbox *in = &r->in[slot];
    uint32_t len;
    struct rk_bytes frame;
    assert_true(rig_has(r, slot));
    len = (uint32_t)rk_load_i32(in->bytes.data + in->at);
    assert_true(in->at + 4 + len <= in->bytes.len);
    frame = rk_bytes_of(in->bytes.data + in->at + 4, len);
    in->at += 4 + len;
    return frame;
}

struct rig_reply rig_reply(struct rig *r, uint32_t slot)
{
    struct rk_bytes f = rig_take(r, slot);
    struct rig_reply reply;
    assert_true(f.len >= 16);
    reply.xid = rk_load_i32(f.data);
    reply.zxid = rk_load_i64(f.data + 4);
    reply.err = rk_load_i32(f.data + 12);
    reply.body = rk_bytes_of(f.data + 16, f.len - 16);
    return reply;
}

struct rk_bytes rig_expect(struct rig *r, uint32_t slot, int32_t xid, int32_t err)
{
    struct rig_reply reply = rig_reply(r, slot);
    assert_int_equal(reply.xid, xid);
    assert_int_equal(reply.err, err);
    return reply.body;
}

void rig_expect_event(struct rig *r, uint32_t slot, int32_t type, const char *path)
{
    struct rig_reply reply = rig_reply(r, slot);
    assert_int_equal(reply.xid, -1);
    assert_int_equal(reply.err, 0);
    assert_int_equal(rk_load_i32(reply.body.data), type);
    assert_int_equal(rk_load_i32(reply.body.data + 4), 3);
    assert_int_equal(rk_load_i32(reply.body.data + 8), strlen(path));
    assert_memory_equal(reply.body.data + 12, path, strlen(path));
}

void rig_expect_nothing(struct rig *r, uint32_t slot)
{
    assert_false(rig_has(r, slot));
}

void rig_put_open_acl(struct rk_buf *b)
{
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, RK_PERM_ALL);
    rk_buf_put_bytes(b, rk_bytes_str("world"));
    rk_buf_put_bytes(b, rk_bytes_str("anyone"));
}

void rig_create(struct rig *r, uint32_t slot, int32_t xid, const char *path, const char *data,
                int32_t flags)
{
    struct rk_buf *b = rig_request(r, xid, RK_OP_CREATE);
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bytes(b, rk_bytes_str(data));
    rig_put_open_acl(b);
    rk_buf_put_i32(b, flags);
    rig_send(r, slot);
}

static void path_and_flag(struct rig *r, uint32_t slot, int32_t xid, int32_t op, const char *path,
                          bool watch)
{
    struct rk_buf *b = rig_request(r, xid, op);
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bool(b, watch);
    rig_send(r, slot);
}

void rig_get(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch)
{
    path_and_flag(r, slot, xid, RK_OP_GET_DATA, path, watch);
}

void rig_exists(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch)
{
    path_and_flag(r, slot, xid, RK_OP_EXISTS, path, watch);
}

void rig_children(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch)
{
    path_and_flag(r, slot, xid, RK_OP_GET_CHILDREN, path, watch);
}

void rig_set(struct rig *r, uint32_t slot, int32_t xid, const char *path, const char *data,
             int32_t version)
{
    struct rk_buf *b = rig_request(r, xid, RK_OP_SET_DATA);
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bytes(b, rk_bytes_str(data));
    rk_buf_put_i32(b, version);
    rig_send(r, slot);
}

void rig_delete(struct rig *r, uint32_t slot, int32_t xid, const char *path, int32_t version)
{
    struct rk_buf *b = rig_request(r, xid, RK_OP_DELETE);
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_i32(b, version);
    rig_send(r, slot);
}

void rig_simple(struct rig *r, uint32_t slot, int32_t xid, int32_t op)
{
    (void)rig_request(r, xid, op);
    rig_send(r, slot);
}

void rig_auth(struct rig *r, uint32_t slot, const char *scheme, const char *auth)
{
    struct rk_buf *b = rig_request(r, -4, RK_OP_AUTH);
    rk_buf_put_i32(b, 0);
    rk_buf_put_bytes(b, rk_bytes_str(scheme));
    rk_buf_put_bytes(b, rk_bytes_str(auth));
    rig_send(r, slot);
}
