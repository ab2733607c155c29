/* Four-letter words between arbitrary steps of clients: the input is a tape of connects, requests
 * with paths and data from it, disconnects, time and questions. Every answer stays within its bound
 * and, if it has lines, ends with one; asking changes no invariant of the core; no memory is left.
 */
#include <string.h>

#include <openssl/sha.h>
#include <zlib.h>

#include "admin/admin.h"
#include "base/mem_libc.h"
#include "proto/opcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNS        6u
#define STEPS_MAX    300u
#define ANSWER_BYTES 20000u
#define NOTE_BYTES   100u

struct host {
    struct rk_mem mem;
    struct rk_core *core;
    struct rk_admin *admin;
    struct rk_effects fx;
    bool is_open[CONNS];
    bool must_close[CONNS];
    int64_t now_ms;
    rk_zxid appended, synced;
};

static uint32_t crc(uint32_t seed, const void *data, size_t len)
{
    return (uint32_t)crc32(seed, data, (uInt)len);
}

static void sha1(const void *data, size_t len, uint8_t ret[64])
{
    SHA1(data, len, ret);
}

static void configure(struct rk_core_config *g)
{
    *g = (struct rk_core_config){.seed = 7,
                                 .server_id = 1,
                                 .clock_ms = 1,
                                 .tick_ms = 1000,
                                 .min_session_timeout_ms = 2000,
                                 .max_session_timeout_ms = 20000,
                                 .frame_bytes_max = 0xfffff,
                                 .record_bytes_max = 2 * 0xfffff,
                                 .conn_max = CONNS + 1,
                                 .digest = true,
                                 .close_session_txn = true,
                                 .crc32 = crc,
                                 .digest_alg = {sha1, 20},
                                 .digest_scheme = true,
                                 .extended_types = true,
                                 .snap_count = 100000,
                                 .snap_slice_nodes = 64,
                                 .container_check_ms = 1000,
                                 .container_per_minute = 1000,
                                 .global_outstanding_max = 100,
                                 .conn_outstanding_max = 100,
                                 .queued_bytes_max = 1 << 20,
                                 .inflight_bytes_max = 1 << 20,
                                 .large_request_threshold = -1,
                                 .connect_fill_time_ms = 1,
                                 .connect_freeze_ms = -1};
}

static rk_conn_id conn_id(uint32_t slot)
{
    return ((rk_conn_id)3 << 32) | (slot + 1);
}

static void step(struct host *h, struct rk_event *e)
{
    e->now_ms = h->now_ms;
    e->wall_ms = h->now_ms + 1700000000000;
    rk_core_step(h->core, e, &h->fx);
    for (size_t i = 0; i < h->fx.count; i++) {
        const struct rk_effect *fx = &h->fx.items[i];
        if (fx->kind == RK_FX_APPEND) {
            h->appended = fx->u.log.zxid;
        } else if (fx->kind == RK_FX_CLOSE) {
            h->must_close[(uint32_t)fx->conn - 1] = true;
        }
    }
    rk_effects_reset(&h->fx);
}

static void disconnect(struct host *h, uint32_t slot)
{
    struct rk_event e = {.kind = RK_EV_CONN_CLOSED, .conn = conn_id(slot)};
    if (h->is_open[slot]) {
        h->is_open[slot] = false;
        h->must_close[slot] = false;
        step(h, &e);
    }
}

/* What the shell would do after a step: the log becomes durable, connections close. */
static void settle(struct host *h)
{
    while (h->synced < h->appended) {
        struct rk_event e = {.kind = RK_EV_LOG_SYNCED};
        e.u.log_synced.zxid = h->appended;
        h->synced = h->appended;
        step(h, &e);
    }
    for (uint32_t slot = 0; slot < CONNS; slot++) {
        if (h->must_close[slot]) {
            disconnect(h, slot);
        }
    }
}

static void frame(struct host *h, uint32_t slot, const uint8_t *bytes, size_t len)
{
    struct rk_event e = {.kind = RK_EV_FRAME, .conn = conn_id(slot)};
    if (h->is_open[slot]) {
        e.u.frame.bytes = rk_bytes_of(bytes, len);
        step(h, &e);
        settle(h);
    }
}

static void dial(struct host *h, uint32_t slot, bool shakes_hands)
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
    if (shakes_hands) {
        frame(h, slot, request, sizeof(request));
    }
}

/* create, exists with a watch, or a frame of raw bytes. */
static void request(struct host *h, uint32_t slot, uint8_t choice, struct rk_bytes body)
{
    struct rk_buf b;
    bool is_create = (choice & 1) == 0;
    rk_buf_init(&b, &h->mem, 1 << 20);
    if ((choice & 2) != 0) {
        rk_buf_put(&b, body.data, body.len);
    } else {
        rk_buf_put_i32(&b, choice);
        rk_buf_put_i32(&b, is_create ? RK_OP_CREATE : RK_OP_EXISTS);
        rk_buf_put_i32(&b, (int32_t)body.len + 1);
        rk_buf_put_u8(&b, '/');
        rk_buf_put(&b, body.data, body.len);
        if (is_create) {
            rk_buf_put_bytes(&b, body);
            rk_buf_put_i32(&b, 1);
            rk_buf_put_i32(&b, 31);
            rk_buf_put_bytes(&b, rk_bytes_str("world"));
            rk_buf_put_bytes(&b, rk_bytes_str("anyone"));
            rk_buf_put_i32(&b, (choice >> 2) % 7);
        } else {
            rk_buf_put_bool(&b, true);
        }
    }
    frame(h, slot, b.data, b.len);
    rk_buf_deinit(&b);
}

static void ask(struct host *h, uint32_t slot, uint8_t choice, struct rk_bytes rest)
{
    static const int32_t telnet = (int32_t)0xfff4fffd;
    const struct rk_admin_hook *hook = rk_admin_hook_of(h->admin);
    struct rk_buf answer;
    int32_t word = telnet;
    if (choice < RK_WORD_COUNT) {
        word = rk_load_i32((const uint8_t *)rk_admin_word_names[choice]);
    } else if (rest.len >= 4) {
        word = rk_load_i32(rest.data);
    }
    dial(h, slot, false);
    if (!hook->is_word(hook->ctx, word)) {
        return;
    }
    rk_buf_init(&answer, &h->mem, RK_ADMIN_ANSWER_BYTES_MAX);
    hook->answer(hook->ctx, word, rest, conn_id(slot), &answer);
    RK_ASSERT(!answer.failed);
    RK_ASSERT(answer.len <= ANSWER_BYTES + NOTE_BYTES);
    bool has_lines = answer.len > 0 && memchr(answer.data, '\n', answer.len) != NULL;
    RK_ASSERT(!has_lines || answer.data[answer.len - 1] == '\n');
    rk_buf_deinit(&answer);
    rk_core_check(h->core);
    disconnect(h, slot);
    settle(h);
}

static void run(struct host *h, struct rk_bytes tape)
{
    size_t at = 0;
    for (uint32_t steps = 0; steps < STEPS_MAX && at + 3 <= tape.len; steps++) {
        uint8_t what = tape.data[at];
        uint8_t choice = tape.data[at + 1];
        size_t len = tape.data[at + 2] % 64;
        uint32_t slot = what / 5u % CONNS;
        at += 3;
        len = len > tape.len - at ? tape.len - at : len;
        struct rk_bytes body = rk_bytes_of(tape.data + at, len);
        at += len;
        switch (what % 5u) {
        case 0:
            dial(h, slot, (choice & 1) == 0);
            break;
        case 1:
            request(h, slot, choice, body);
            break;
        case 2:
            disconnect(h, slot);
            break;
        case 3: {
            struct rk_event e = {.kind = RK_EV_TICK};
            h->now_ms += (int64_t)choice * choice;
            step(h, &e);
            break;
        }
        default:
            ask(h, slot, choice % (RK_WORD_COUNT + 2u), body);
            break;
        }
        settle(h);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host h;
    struct rk_core_config g;
    struct rk_admin_config config = {.allowed = (1u << RK_WORD_COUNT) - 1u,
                                     .snap_dir = "/nonexistent/version-2",
                                     .log_dir = "/nonexistent/version-2",
                                     .sessionless_timeout_ms = 10000,
                                     .answer_bytes_max = ANSWER_BYTES};
    memset(&h, 0, sizeof(h));
    rk_mem_libc_init(&h.mem, 0);
    rk_effects_init(&h.fx, &h.mem);
    configure(&g);
    h.now_ms = 1000;
    h.core = rk_core_create(&h.mem, &g);
    RK_ASSERT(h.core != NULL);
    struct rk_restore_sink sink = rk_core_restore_sink(h.core);
    RK_ASSERT(sink.fresh(sink.ctx) == RK_OK);
    rk_core_start(h.core, h.now_ms, h.now_ms, &h.fx);
    h.admin = rk_admin_create(&h.mem, &config, h.core);
    RK_ASSERT(h.admin != NULL);
    run(&h, rk_bytes_of(data, size));
    rk_admin_destroy(h.admin);
    rk_core_destroy(h.core);
    rk_effects_deinit(&h.fx);
    RK_ASSERT(h.mem.used_bytes == 0);
    return 0;
}
