/* The core's disk, clients and invariants. */
#include "member.h"

#include "proto/snap_stream.h"

#include <string.h>

#include <openssl/sha.h>
#include <zlib.h>

#define BUF_MAX    ((size_t)1 << 26)
#define RECORD_MAX 65536u
#define WALL_MS    1700000000000

uint8_t tape_byte(struct tape *t)
{
    if (t->left == 0) {
        return 0;
    }
    t->left--;
    return *t->at++;
}

struct rk_bytes tape_bytes(struct tape *t, size_t max)
{
    size_t len = tape_byte(t);
    struct rk_bytes bytes;
    len = len > max ? max : len;
    len = len > t->left ? t->left : len;
    bytes = rk_bytes_of(t->at, len);
    t->at += len;
    t->left -= len;
    return bytes;
}

/* -- begin ------------------------------------------------------------------------------------- */

static uint32_t crc(uint32_t seed, const void *data, size_t len)
{
    return (uint32_t)crc32(seed, data, (uInt)len);
}

static void sha1(const void *data, size_t len, uint8_t ret[64])
{
    SHA1(data, len, ret);
}

static void set_core_config(struct member *m, int64_t my_sid)
{
    struct rk_core_config *g = &m->config;
    g->seed = (uint64_t)my_sid;
    g->server_id = (uint8_t)my_sid;
    g->tick_ms = MEMBER_TICK_MS;
    g->min_session_timeout_ms = 400;
    g->max_session_timeout_ms = 4000;
    g->frame_bytes_max = RECORD_MAX;
    g->record_bytes_max = RECORD_MAX;
    g->conn_max = MEMBER_CONNS + 1;
    g->extended_types = true;
    g->digest = true;
    g->close_session_txn = true;
    g->crc32 = crc;
    g->digest_alg.hash = sha1;
    g->digest_alg.len = 20;
    g->snap_count = 100000;
    g->snap_slice_nodes = 4;
    g->global_outstanding_max = 100;
    g->conn_outstanding_max = 20;
    g->queued_bytes_max = 1 << 20;
    g->inflight_bytes_max = 1 << 20;
    g->large_request_threshold = -1;
    g->connect_fill_time_ms = 1;
    g->connect_freeze_ms = -1;
    g->ensemble = &m->ensemble;
}

static void set_members(struct rk_members *members, uint32_t voters, uint32_t observers)
{
    const char *why = "";
    rk_members_init(members);
    for (uint32_t i = 0; i < voters + observers; i++) {
        struct rk_member member;
        memset(&member, 0, sizeof(member));
        member.sid = (int64_t)i + 1;
        member.is_observer = i >= voters;
        memcpy(member.host, "127.0.0.1", 10);
        member.quorum_port = (uint16_t)(2001 + i);
        member.election_port = (uint16_t)(3001 + i);
        member.group = RK_GROUP_NONE;
        member.weight = 1;
        RK_ASSERT(rk_members_add(members, &member) == RK_OK);
    }
    RK_ASSERT(rk_members_finish(members, &why) == RK_OK);
}

void member_init(struct member *m, int64_t my_sid, uint32_t voters, uint32_t observers)
{
    struct rk_ensemble_config *g = &m->ensemble;
    memset(m, 0, sizeof(*m));
    rk_mem_libc_init(&m->mem, 0);
    rk_mem_libc_init(&m->disk_mem, 0);
    rk_buf_init(&m->base_snapshot, &m->disk_mem, BUF_MAX);
    rk_buf_init(&m->snapshot, &m->disk_mem, BUF_MAX);
    rk_buf_init(&m->snap_part, &m->disk_mem, BUF_MAX);
    m->now_ms = 100000;
    set_core_config(m, my_sid);
    set_members(&g->members, voters, observers);
    g->my_sid = my_sid;
    g->init_limit = MEMBER_INIT_LIM;
    g->sync_limit = MEMBER_SYNC_LIM;
    g->cnx_timeout_ms = 1000;
    g->connect_retry_ms = 20;
    g->election_min_ms = 200;
    g->election_max_ms = 1000;
    g->election_finalize_ms = 20;
    g->epoch_wait_ms = 40;
    g->commit_log_count = 8;
    g->history_bytes_max = 1 << 16;
    g->history_pin_bytes_max = 1 << 16;
    g->max_concurrent_snap_syncs = 10;
    g->max_concurrent_diff_syncs = 100;
    g->leader_serves = true;
    g->may_initialize = true;
}

/* -- disk: the state --------------------------------------------------------------------------- */

static void *grow(struct member *m, void *items, uint32_t *cap, size_t size)
{
    uint32_t wanted = *cap == 0 ? 32 : *cap * 2;
    void *more = rk_mem_must_zalloc(&m->disk_mem, wanted * size);
    if (items != NULL) {
        memcpy(more, items, *cap * size);
        rk_mem_free(&m->disk_mem, items, *cap * size);
    }
    *cap = wanted;
    return more;
}

static void cut_log(struct member *m, rk_zxid zxid)
{
    while (m->log_count > 0 && m->log[m->log_count - 1].zxid > zxid) {
        m->log_count--;
        rk_buf_deinit(&m->log[m->log_count].bytes);
    }
}

static void append(struct member *m, struct member_record record)
{
    RK_ASSERT(m->log_count == 0 || record.zxid > m->log[m->log_count - 1].zxid);
    if (m->log_count == m->log_cap) {
        m->log = grow(m, m->log, &m->log_cap, sizeof(m->log[0]));
    }
    m->log[m->log_count] = record;
    m->log_count++;
}

/* Everything but the snapshot goes. */
static void begin_with_snapshot(struct member *m)
{
    cut_log(m, INT64_MIN);
    m->log_base = m->snapshot_zxid;
    rk_buf_reset(&m->base_snapshot);
    rk_buf_put(&m->base_snapshot, m->snapshot.data, m->snapshot.len);
    m->has_snapshot = false;
    m->is_replacing = false;
    m->is_snapshot_replacing = false;
}

static bool cut_behind(struct member *m, rk_zxid zxid)
{
    if (zxid < m->log_base) {
        return false;
    }
    cut_log(m, zxid);
    if (m->has_snapshot && m->snapshot_zxid > zxid) {
        m->has_snapshot = false;
    }
    return true;
}

static bool restore_snapshot(struct member *m, struct rk_restore_sink *sink,
                             const struct rk_buf *from, rk_zxid zxid)
{
    struct rk_snap_push *push;
    size_t used = 0;
    const char *why = "";
    enum rk_parse parsed;
    if (sink->begin(sink->ctx) != RK_OK) {
        return false;
    }
    push = rk_snap_push_create(&m->mem, sink, RECORD_MAX);
    parsed = rk_snap_push_bytes(push, rk_buf_view(from), &used, &why);
    rk_snap_push_destroy(push);
    return parsed == RK_PARSE_OK && sink->snapshot_done(sink->ctx, zxid, false, 0, 0) == RK_OK;
}

/* False: a hostile leader wrote what cannot be read. */
static bool recover(struct member *m)
{
    struct rk_restore_sink sink = rk_core_restore_sink(m->core);
    struct rk_arena arena;
    rk_zxid base = m->has_snapshot ? m->snapshot_zxid : m->log_base;
    bool is_ok;
    if (m->has_snapshot) {
        is_ok = restore_snapshot(m, &sink, &m->snapshot, base);
    } else if (m->base_snapshot.len > 0) {
        is_ok = restore_snapshot(m, &sink, &m->base_snapshot, base);
    } else {
        is_ok = sink.fresh(sink.ctx) == RK_OK;
    }
    rk_arena_init(&arena, &m->mem);
    for (uint32_t i = 0; i < m->log_count && is_ok; i++) {
        struct rk_txn txn;
        struct rk_bytes payload = rk_buf_view(&m->log[i].bytes);
        if (m->log[i].zxid > base) {
            is_ok = rk_txn_decode(payload, &arena, RECORD_MAX, &txn) == RK_OK &&
                    sink.txn(sink.ctx, &txn, payload) == RK_OK;
        }
    }
    rk_arena_deinit(&arena);
    return is_ok;
}

/* -- disk: what is asked of it ----------------------------------------------------------------- */

static void ask(struct member *m, const struct rk_effect *fx)
{
    struct member_op *op;
    if (m->op_count == m->op_cap) {
        m->ops = grow(m, m->ops, &m->op_cap, sizeof(m->ops[0]));
    }
    op = &m->ops[m->op_count];
    m->op_count++;
    op->kind = fx->kind;
    op->fx = *fx;
    rk_buf_init(&op->record.bytes, &m->disk_mem, BUF_MAX);
    if (fx->kind == RK_FX_APPEND) {
        struct rk_bytes bytes = rk_effects_bytes(&m->fx, fx);
        op->record.zxid = fx->u.log.zxid;
        rk_buf_put(&op->record.bytes, bytes.data, bytes.len);
    }
}

static void on_snap(struct member *m, const struct rk_effect *fx)
{
    struct rk_bytes bytes = rk_effects_bytes(&m->fx, fx);
    switch (fx->kind) {
    case RK_FX_SNAP_BEGIN:
        RK_ASSERT(!m->is_snap_done_owed);
        rk_buf_reset(&m->snap_part);
        m->snap_part_zxid = fx->u.log.zxid;
        m->slices_owed = 0;
        break;
    case RK_FX_SNAP_BYTES:
        rk_buf_put(&m->snap_part, bytes.data, bytes.len);
        m->slices_owed += fx->u.log.is_slice_end;
        break;
    default:
        m->is_snap_done_owed = true;
        m->is_snap_ok = fx->kind == RK_FX_SNAP_END;
        break;
    }
}

/* The op at the front, with its answer in *ret. False: there is none. */
static bool carry_out_op(struct member *m, struct member_op *op, bool is_ok, struct rk_event *ret)
{
    switch (op->kind) {
    case RK_FX_APPEND:
        append(m, op->record);
        return false;
    case RK_FX_EPOCH:
        if (op->fx.u.epoch.file == RK_EPOCH_ACCEPTED) {
            m->accepted = op->fx.u.epoch.epoch;
        } else {
            m->current = op->fx.u.epoch.epoch;
        }
        ret->kind = RK_EV_EPOCH_STORED;
        ret->u.epoch.file = op->fx.u.epoch.file;
        ret->u.epoch.epoch = op->fx.u.epoch.epoch;
        return true;
    default:
        break;
    }
    RK_ASSERT(op->kind == RK_FX_TRUNCATE);
    if (op->fx.u.log.cut == RK_CUT_BEHIND) {
        is_ok = is_ok && cut_behind(m, op->fx.u.log.zxid);
    } else {
        is_ok = true; /* it is done, or the process ends */
    }
    if (op->fx.u.log.cut == RK_CUT_REPLACE) {
        m->is_replacing = true;
    } else if (op->fx.u.log.cut == RK_CUT_REPLACED) {
        RK_ASSERT(m->has_snapshot && m->is_snapshot_replacing);
        begin_with_snapshot(m);
    }
    ret->kind = RK_EV_TRUNCATED;
    ret->u.truncated.zxid = op->fx.u.log.zxid;
    ret->u.truncated.is_ok = is_ok;
    return true;
}

static void tell_synced(struct member *m, rk_zxid zxid)
{
    struct rk_event e = {.kind = RK_EV_LOG_SYNCED};
    if (zxid != 0) {
        e.u.log_synced.zxid = zxid;
        member_step(m, &e);
    }
}

void member_disk(struct member *m, uint32_t count, bool is_ok)
{
    rk_zxid synced = 0;
    for (; count > 0 && m->op_count > 0 && m->core != NULL && !m->is_fatal; count--) {
        struct rk_event e = {.kind = RK_EV_TICK};
        struct member_op op = m->ops[0];
        bool has_answer;
        m->op_count--;
        memmove(m->ops, m->ops + 1, m->op_count * sizeof(m->ops[0]));
        has_answer = carry_out_op(m, &op, is_ok, &e);
        synced = op.kind == RK_FX_APPEND ? op.record.zxid : synced;
        if (has_answer) {
            tell_synced(m, synced);
            synced = 0;
            member_step(m, &e);
        }
    }
    if (m->core != NULL) {
        tell_synced(m, synced);
    }
}

static void end_snapshot(struct member *m, bool is_ok)
{
    struct rk_event e = {.kind = RK_EV_SNAP_DONE};
    m->is_snap_done_owed = false;
    e.u.snap_done.zxid = m->snap_part_zxid;
    e.u.snap_done.is_ok = is_ok && m->is_snap_ok;
    if (e.u.snap_done.is_ok) {
        rk_buf_reset(&m->snapshot);
        rk_buf_put(&m->snapshot, m->snap_part.data, m->snap_part.len);
        rk_buf_put_bytes(&m->snapshot, rk_bytes_str("/"));
        rk_buf_put_bytes(&m->snapshot, rk_bytes_str(RK_SNAP_SIGNATURE));
        m->snapshot_zxid = m->snap_part_zxid;
        m->has_snapshot = true;
        m->is_snapshot_replacing = m->is_replacing;
    }
    m->is_replacing = false;
    member_step(m, &e);
}

void member_snap(struct member *m, bool is_ok)
{
    struct rk_event e = {.kind = RK_EV_SNAP_READY};
    if (m->core == NULL || m->is_fatal) {
        return;
    }
    if (m->is_reload_owed) {
        RK_ASSERT(m->op_count == 0 && !m->is_snap_done_owed);
        m->is_reload_owed = false;
        m->is_replacing = false;
        e.kind = RK_EV_RELOADED;
        e.u.reloaded.is_ok = recover(m);
        member_step(m, &e);
    } else if (m->is_snap_done_owed) {
        m->slices_owed = 0;
        end_snapshot(m, is_ok);
    } else if (m->slices_owed > 0) {
        m->slices_owed--;
        member_step(m, &e);
    }
}

bool member_is_busy(const struct member *m)
{
    return m->op_count > 0 || m->is_reload_owed || m->is_snap_done_owed || m->slices_owed > 0;
}

/* -- steps ------------------------------------------------------------------------------------- */

static void check(const struct member *m)
{
    const struct ensemble *e = m->core->ens;
    bool is_behind = e->is_reload_wanted || e->is_reloading; /* the disk is, memory follows */
    rk_zxid last = e->applied;
    uint32_t count = 0;
    rk_core_check(m->core);
    RK_ASSERT(e->applied <= e->logged || is_behind);
    RK_ASSERT(e->durable <= e->logged || e->follow.is_swapped);
    for (const struct rk_proposal *p = e->tail_first; p != NULL; p = p->next) {
        RK_ASSERT(is_behind || rk_ens_follows(last, p->zxid));
        last = p->zxid;
        count++;
    }
    RK_ASSERT(count == e->tail_count);
    RK_ASSERT(count == 0 || last == e->logged);
    RK_ASSERT(rk_core_next_due(m->core) > m->now_ms);
}

static void on_client(struct member *m, const struct rk_effect *fx)
{
    uint32_t slot = (uint32_t)(fx->conn & 0xff) - 1;
    struct rk_bytes bytes = rk_effects_bytes(&m->fx, fx);
    if (fx->kind == RK_FX_SEND) {
        RK_ASSERT(slot < MEMBER_CONNS && m->is_open[slot]);
        if (bytes.len == 41 && rk_load_i32(bytes.data + 4) == 0) {
            m->last_session = rk_load_i64(bytes.data + 12);
        }
    }
    if (m->on_conn != NULL) {
        m->on_conn(m, fx);
    }
}

static void carry_out(struct member *m)
{
    for (size_t i = 0; i < m->fx.count && !m->is_fatal; i++) {
        const struct rk_effect *fx = &m->fx.items[i];
        if (fx->kind <= RK_FX_RESUME) {
            on_client(m, fx);
        } else if (fx->kind == RK_FX_APPEND || fx->kind == RK_FX_EPOCH ||
                   fx->kind == RK_FX_TRUNCATE) {
            ask(m, fx);
        } else if (fx->kind >= RK_FX_SNAP_BEGIN && fx->kind <= RK_FX_SNAP_ABORT) {
            on_snap(m, fx);
        } else if (fx->kind >= RK_FX_CHAN_DIAL && fx->kind <= RK_FX_CHAN_CLOSE) {
            m->on_chan(m, fx);
        } else if (fx->kind == RK_FX_RELOAD) {
            RK_ASSERT(m->op_count == 0);
            m->is_reload_owed = true;
        } else if (fx->kind == RK_FX_FATAL) {
            m->is_fatal = true;
        }
    }
    rk_effects_reset(&m->fx);
}

void member_step(struct member *m, struct rk_event *e)
{
    if (m->core == NULL || m->is_fatal) {
        return;
    }
    e->now_ms = m->now_ms;
    e->wall_ms = WALL_MS + m->now_ms;
    rk_core_step(m->core, e, &m->fx);
    carry_out(m);
    if (!m->is_fatal) {
        check(m);
    }
}

void member_tick(struct member *m)
{
    struct rk_event e = {.kind = RK_EV_TICK};
    member_step(m, &e);
}

void member_chan(struct member *m, enum rk_event_kind kind, rk_chan_id id, enum rk_chan_port port,
                 struct rk_bytes bytes)
{
    struct rk_event e = {.kind = kind};
    e.u.chan.chan = id;
    e.u.chan.port = port;
    e.u.chan.bytes = bytes;
    member_step(m, &e);
}

/* -- life -------------------------------------------------------------------------------------- */

void member_start(struct member *m)
{
    RK_ASSERT(m->core == NULL);
    m->config.clock_ms = m->now_ms;
    if (m->has_snapshot && m->is_snapshot_replacing) {
        begin_with_snapshot(m);
    }
    m->is_replacing = false;
    rk_effects_init(&m->fx, &m->mem);
    m->core = rk_core_create(&m->mem, &m->config);
    RK_ASSERT(m->core != NULL);
    RK_ASSERT(recover(m));
    if (m->log_count > 0 && RK_ZXID_EPOCH(m->log[m->log_count - 1].zxid) > m->current) {
        m->current = RK_ZXID_EPOCH(m->log[m->log_count - 1].zxid); /* rk_epochs_load */
    }
    m->accepted = m->accepted < m->current ? m->current : m->accepted;
    rk_core_set_epochs(m->core, m->accepted, m->current,
                       m->log_count == 0 && !m->has_snapshot && m->base_snapshot.len == 0);
    rk_core_start(m->core, m->now_ms, WALL_MS + m->now_ms, &m->fx);
    carry_out(m);
}

void member_kill(struct member *m, bool is_disk_ahead)
{
    for (uint32_t i = 0; i < m->op_count; i++) {
        struct rk_event e;
        if (is_disk_ahead) {
            (void)carry_out_op(m, &m->ops[i], true, &e);
        }
        if (!is_disk_ahead || m->ops[i].kind != RK_FX_APPEND) {
            rk_buf_deinit(&m->ops[i].record.bytes);
        }
    }
    m->op_count = 0;
    m->slices_owed = 0;
    m->is_snap_done_owed = false;
    m->is_reload_owed = false;
    memset(m->is_open, 0, sizeof(m->is_open));
    rk_core_destroy(m->core);
    rk_effects_deinit(&m->fx);
    m->core = NULL;
    RK_ASSERT(m->mem.used_bytes == 0);
}

void member_deinit(struct member *m)
{
    if (m->core != NULL) {
        member_kill(m, false);
    }
    cut_log(m, INT64_MIN);
    rk_mem_free(&m->disk_mem, m->log, m->log_cap * sizeof(m->log[0]));
    rk_mem_free(&m->disk_mem, m->ops, m->op_cap * sizeof(m->ops[0]));
    rk_buf_deinit(&m->base_snapshot);
    rk_buf_deinit(&m->snapshot);
    rk_buf_deinit(&m->snap_part);
    RK_ASSERT(m->disk_mem.used_bytes == 0);
}

/* -- clients ----------------------------------------------------------------------------------- */

static rk_conn_id conn_id(uint32_t slot)
{
    return ((rk_conn_id)3 << 32) | (slot + 1);
}

static void frame(struct member *m, uint32_t slot, struct rk_bytes bytes)
{
    struct rk_event e = {.kind = RK_EV_FRAME, .conn = conn_id(slot)};
    e.u.frame.bytes = bytes;
    if (m->is_open[slot]) {
        member_step(m, &e);
    }
}

void member_connect(struct member *m, uint32_t slot, rk_session_id session)
{
    struct rk_event e = {.kind = RK_EV_CONN_OPEN};
    uint8_t request[45] = {0};
    if (m->is_open[slot] || m->core == NULL || m->is_fatal) {
        return;
    }
    m->is_open[slot] = true;
    e.conn = conn_id(slot);
    e.u.open.address = rk_bytes_str("127.0.0.1");
    member_step(m, &e);
    request[14] = 0x10;
    request[27] = 16;
    if (session != 0) {
        rk_store_i64(request + 16, session);
        rk_session_password(session, request + 28);
    }
    frame(m, slot, rk_bytes_of(request, sizeof(request)));
}

void member_disconnect(struct member *m, uint32_t slot)
{
    struct rk_event e = {.kind = RK_EV_CONN_CLOSED, .conn = conn_id(slot)};
    if (m->is_open[slot]) {
        m->is_open[slot] = false;
        member_step(m, &e);
    }
}

static const char *const paths[] = {"/a", "/b", "/a/c", "/zookeeper/config"};

static void put_open_acl(struct rk_buf *b)
{
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, 31);
    rk_buf_put_bytes(b, rk_bytes_str("world"));
    rk_buf_put_bytes(b, rk_bytes_str("anyone"));
}

void member_request(struct member *m, uint32_t slot, uint8_t choice, struct rk_bytes body)
{
    static const int8_t ops[] = {RK_OP_CREATE, RK_OP_SET_DATA, RK_OP_SYNC, RK_OP_DELETE,
                                 RK_OP_EXISTS, RK_OP_GET_DATA, RK_OP_PING, RK_OP_CLOSE_SESSION};
    int32_t op = ops[choice & 7];
    struct rk_buf b;
    rk_buf_init(&b, &m->disk_mem, BUF_MAX);
    rk_buf_put_i32(&b, op == RK_OP_PING ? -2 : choice);
    rk_buf_put_i32(&b, op);
    if (op != RK_OP_PING && op != RK_OP_CLOSE_SESSION) {
        rk_buf_put_bytes(&b, rk_bytes_str(paths[choice >> 3 & 3]));
    }
    if (op == RK_OP_CREATE) {
        rk_buf_put_bytes(&b, body);
        put_open_acl(&b);
        rk_buf_put_i32(&b, choice >> 6); /* persistent, ephemeral, sequential, both */
    } else if (op == RK_OP_SET_DATA) {
        rk_buf_put_bytes(&b, body);
        rk_buf_put_i32(&b, -1);
    } else if (op == RK_OP_DELETE) {
        rk_buf_put_i32(&b, -1);
    } else if (op == RK_OP_EXISTS || op == RK_OP_GET_DATA) {
        rk_buf_put_bool(&b, (choice & 64) != 0);
    } else {
        rk_buf_put(&b, body.data, body.len);
    }
    frame(m, slot, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

/* -- transactions ------------------------------------------------------------------------------ */

void member_write_txn(struct rk_buf *b, rk_zxid zxid, uint8_t choice)
{
    static const int8_t types[] = {RK_OP_CREATE_SESSION, RK_OP_CREATE, RK_OP_SET_DATA,
                                   RK_OP_DELETE,         RK_OP_ERROR,  RK_OP_CLOSE_SESSION};
    int32_t type = types[choice % sizeof(types)];
    struct rk_bytes path = rk_bytes_str(paths[choice >> 6]);
    rk_buf_put_i64(b, (int64_t)0x0100000000000000 + (choice & 1)); /* client id */
    rk_buf_put_i32(b, choice);
    rk_buf_put_i64(b, zxid);
    rk_buf_put_i64(b, WALL_MS);
    rk_buf_put_i32(b, type);
    switch (type) {
    case RK_OP_CREATE_SESSION:
        rk_buf_put_i32(b, 4000);
        break;
    case RK_OP_CREATE:
        rk_buf_put_bytes(b, path);
        rk_buf_put_bytes(b, rk_bytes_str("value"));
        put_open_acl(b);
        rk_buf_put_bool(b, (choice & 32) != 0);
        rk_buf_put_i32(b, 1);
        break;
    case RK_OP_SET_DATA:
        rk_buf_put_bytes(b, path);
        rk_buf_put_bytes(b, rk_bytes_str("other"));
        rk_buf_put_i32(b, choice >> 3);
        break;
    case RK_OP_DELETE:
        rk_buf_put_bytes(b, path);
        break;
    case RK_OP_ERROR:
        rk_buf_put_i32(b, -101);
        break;
    default:
        rk_buf_put_i32(b, 0);
        break;
    }
}
