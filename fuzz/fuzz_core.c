/* The whole core under arbitrary connections: the input is a tape of steps - open, close, raw
 * frame, a request with mutated body, log durable, time passes, log full and room, snapshot slices
 * - over a few connections. After every step all invariants hold, no digest differs between prep
 * and apply, every record proposed decodes again, and at the end no memory is left. */
#include <string.h>

#include <openssl/sha.h>
#include <zlib.h>

#include "base/mem_libc.h"
#include "core/core.h"
#include "proto/opcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNS     5u
#define STEPS_MAX 400u

struct host {
    struct rk_mem mem;
    struct rk_core *core;
    struct rk_effects fx;
    struct rk_arena a;
    bool is_open[CONNS];
    int64_t now_ms;
    rk_zxid appended;
    rk_zxid synced;
    uint32_t slices_owed;
    bool snap_ended;
    bool snap_ok;
    rk_zxid snap_zxid;
    rk_session_id last_session;
};

static uint32_t crc(uint32_t seed, const void *data, size_t len)
{
    return (uint32_t)crc32(seed, data, (uInt)len);
}

static void sha1(const void *data, size_t len, uint8_t ret[64])
{
    SHA1(data, len, ret);
}

static void config(struct rk_core_config *g, uint8_t options)
{
    memset(g, 0, sizeof(*g));
    g->seed = 7;
    g->server_id = 1;
    g->clock_ms = 1;
    g->tick_ms = 1000;
    g->min_session_timeout_ms = 2000;
    g->max_session_timeout_ms = 20000;
    g->frame_bytes_max = 0xfffff;
    g->record_bytes_max = 2 * 0xfffff;
    g->conn_max = CONNS + 1;
    g->digest = true;
    g->crc32 = crc;
    g->digest_alg.hash = sha1;
    g->digest_alg.len = 20;
    g->digest_scheme = true;
    g->extended_types = (options & 1) != 0;
    g->close_session_txn = (options & 2) == 0;
    g->enforce_quota = (options & 4) != 0;
    g->request_throttle_max = (options & 8) != 0 ? 2 : 0;
    g->throttled_op_wait_ms = (options & 16) != 0 ? 100 : 0;
    g->conn_outstanding_max = (options & 32) != 0 ? 3 : 1000;
    g->watch_per_conn_max = (options & 64) != 0 ? 4 : 0;
    g->snap_count = (options & 128) != 0 ? 4 : 100000;
    g->request_throttle_drop_stale = true;
    g->request_stale_connection_check = true;
    g->snap_slice_nodes = 64;
    g->container_check_ms = 1000;
    g->container_per_minute = 1000;
    g->global_outstanding_max = 100;
    g->queued_bytes_max = 1 << 20;
    g->inflight_bytes_max = 1 << 20;
    g->large_request_threshold = -1;
    g->connect_fill_time_ms = 1;
    g->connect_freeze_ms = -1;
}

/* Effects make sense: records decode and are contiguous, frames go to connections that are open. */
static void carry_out(struct host *h)
{
    for (size_t i = 0; i < h->fx.count; i++) {
        const struct rk_effect *e = &h->fx.items[i];
        struct rk_txn txn;
        switch (e->kind) {
        case RK_FX_APPEND:
            RK_ASSERT(e->u.log.zxid == h->appended + 1);
            h->appended = e->u.log.zxid;
            RK_ASSERT(rk_txn_decode(rk_effects_bytes(&h->fx, e), &h->a, 2 * 0xfffff, &txn) ==
                      RK_OK);
            rk_arena_reset(&h->a);
            break;
        case RK_FX_SEND:
            RK_ASSERT(h->is_open[(e->conn & 0xff) - 1]);
            if (e->len == 41 && rk_load_i32(rk_effects_bytes(&h->fx, e).data + 4) == 0) {
                h->last_session = rk_load_i64(rk_effects_bytes(&h->fx, e).data + 12);
            }
            break;
        case RK_FX_SNAP_BEGIN:
            h->snap_zxid = e->u.log.zxid;
            h->slices_owed = 0;
            break;
        case RK_FX_SNAP_BYTES:
            h->slices_owed += e->u.log.is_slice_end;
            break;
        case RK_FX_SNAP_END:
        case RK_FX_SNAP_ABORT:
            h->snap_ended = true;
            h->snap_ok = e->kind == RK_FX_SNAP_END;
            break;
        default:
            break;
        }
    }
    rk_effects_reset(&h->fx);
}

static void step(struct host *h, struct rk_event *e)
{
    e->now_ms = h->now_ms;
    e->wall_ms = h->now_ms + 1700000000000;
    rk_core_step(h->core, e, &h->fx);
    rk_core_check(h->core);
    RK_ASSERT(rk_core_metrics(h->core)->digest_mismatches_count == 0);
    carry_out(h);
}

static void sync_log(struct host *h)
{
    struct rk_event e = {.kind = RK_EV_LOG_SYNCED};
    if (h->synced < h->appended) {
        e.u.log_synced.zxid = h->appended;
        h->synced = h->appended;
        step(h, &e);
    }
}

static void snapshot(struct host *h)
{
    struct rk_event e = {.kind = RK_EV_SNAP_READY};
    if (h->slices_owed > 0) {
        h->slices_owed--;
        step(h, &e);
    } else if (h->snap_ended) {
        h->snap_ended = false;
        e.kind = RK_EV_SNAP_DONE;
        e.u.snap_done.zxid = h->snap_zxid;
        e.u.snap_done.is_ok = h->snap_ok;
        step(h, &e);
    }
}

static rk_conn_id conn_id(uint32_t slot)
{
    return ((rk_conn_id)3 << 32) | (slot + 1);
}

static void frame(struct host *h, uint32_t slot, struct rk_bytes bytes)
{
    struct rk_event e = {.kind = RK_EV_FRAME, .conn = conn_id(slot)};
    e.u.frame.bytes = bytes;
    if (h->is_open[slot]) {
        step(h, &e);
    }
}

static void connect(struct host *h, uint32_t slot, bool reattach)
{
    struct rk_event e = {.kind = RK_EV_CONN_OPEN, .conn = conn_id(slot)};
    uint8_t request[45] = {0};
    if (h->is_open[slot]) {
        return;
    }
    h->is_open[slot] = true;
    e.u.open.address = rk_bytes_str("127.0.0.1");
    step(h, &e);
    request[14] = 0x10;
    request[27] = 16;
    if (reattach && h->last_session != 0) {
        rk_store_i64(request + 16, h->last_session);
        rk_session_password(h->last_session, request + 28);
    }
    frame(h, slot, rk_bytes_of(request, sizeof(request)));
}

static void disconnect(struct host *h, uint32_t slot)
{
    struct rk_event e = {.kind = RK_EV_CONN_CLOSED, .conn = conn_id(slot)};
    if (h->is_open[slot]) {
        h->is_open[slot] = false;
        step(h, &e);
    }
}

static const int8_t ops[] = {1,  2,  3,  4,  5,  6,   7,   8,   9,   11,  12,  14,  15, 16,
                             17, 18, 19, 21, 22, 100, 101, 103, 104, 105, 106, 107, -11};
static const char *const paths[] = {"/a",
                                    "/a/b",
                                    "/",
                                    "/a/b/c",
                                    "/q",
                                    "/zookeeper/quota/a",
                                    "/zookeeper/quota/a/zookeeper_limits",
                                    "/zookeeper/config"};

/* A well-formed beginning (header, a path from a small set), then whatever the tape says. */
static void request(struct host *h, uint32_t slot, uint8_t choice, struct rk_bytes body)
{
    struct rk_buf b;
    int32_t op = ops[choice % sizeof(ops)];
    rk_buf_init(&b, &h->mem, 1 << 20);
    rk_buf_put_i32(&b, choice);
    rk_buf_put_i32(&b, op);
    if (op != 14 && op != 22 && op != 100 && op != 101 && op != 105 && body.len > 0) {
        rk_buf_put_bytes(&b, rk_bytes_str(paths[body.data[0] % 8]));
    }
    if (body.len > 1) {
        rk_buf_put(&b, body.data + 1, body.len - 1);
    }
    if (op == 1 || op == 15 || op == 19) {
        /* most creates should get past the decoder */
        rk_buf_reset(&b);
        rk_buf_put_i32(&b, choice);
        rk_buf_put_i32(&b, op);
        rk_buf_put_bytes(&b, rk_bytes_str(paths[body.len > 0 ? body.data[0] % 8 : 0]));
        rk_buf_put_bytes(&b, body);
        rk_buf_put_i32(&b, 1);
        rk_buf_put_i32(&b, body.len > 1 ? body.data[1] : 31);
        rk_buf_put_bytes(&b, rk_bytes_str("world"));
        rk_buf_put_bytes(&b, rk_bytes_str("anyone"));
        rk_buf_put_i32(&b, body.len > 2 ? body.data[2] % 9 : 0);
    }
    frame(h, slot, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

static void run_step(struct host *h, uint8_t what, uint8_t choice, struct rk_bytes body)
{
    struct rk_event e = {.kind = RK_EV_TICK};
    uint32_t slot = what % CONNS;
    switch (what / CONNS % 10) {
    case 0:
        connect(h, slot, choice % 4 == 0);
        break;
    case 1:
        disconnect(h, slot);
        break;
    case 2:
        frame(h, slot, body);
        break;
    case 3:
        h->now_ms += choice * 20;
        step(h, &e);
        break;
    case 4:
        sync_log(h);
        break;
    case 5:
        snapshot(h);
        break;
    case 6:
        e.kind = choice % 8 == 0 ? RK_EV_LOG_FULL : RK_EV_LOG_ROOM;
        step(h, &e);
        break;
    default:
        request(h, slot, choice, body);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rk_core_config g;
    struct rk_restore_sink sink;
    struct host h;
    size_t at = 1;
    memset(&h, 0, sizeof(h));
    if (size < 2) {
        return 0;
    }
    rk_mem_libc_init(&h.mem, 0);
    rk_effects_init(&h.fx, &h.mem);
    rk_arena_init(&h.a, &h.mem);
    h.now_ms = 1000;
    config(&g, data[0]);
    h.core = rk_core_create(&h.mem, &g);
    RK_ASSERT(h.core != NULL);
    sink = rk_core_restore_sink(h.core);
    RK_ASSERT(sink.fresh(sink.ctx) == RK_OK);
    rk_core_start(h.core, h.now_ms, h.now_ms, &h.fx);
    carry_out(&h);
    connect(&h, 0, false);
    sync_log(&h);
    for (uint32_t n = 0; n < STEPS_MAX && at + 3 <= size; n++) {
        size_t len = data[at + 2];
        len = len > size - at - 3 ? size - at - 3 : len;
        run_step(&h, data[at], data[at + 1], rk_bytes_of(data + at + 3, len));
        at += 3 + len;
    }
    rk_tree_check(rk_core_tree(h.core));
    rk_core_destroy(h.core);
    rk_effects_deinit(&h.fx);
    rk_arena_deinit(&h.a);
    RK_ASSERT(h.mem.used_bytes == 0);
    return 0;
}
