/* The client machine under an arbitrary server: the input is a tape of steps - what the user asks
 * for, time, connections, well-formed answers with drawn contents, raw bytes in drawn pieces, and
 * allocations that fail. After every step the effects make sense: connections are used between
 * CONNECT and DROP, frames are whole, each accepted request completes once. At the end no memory is
 * left. */
#include <string.h>

#include "base/mem_libc.h"
#include "client/client.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 600u
#define TAGS      (STEPS_MAX + 1)
#define XIDS      256u

struct tape {
    const uint8_t *at;
    const uint8_t *end;
};

struct host {
    struct rk_mem mem;
    struct rk_mem own;
    struct rk_client *client;
    int64_t now_ms;
    uint64_t conns[2]; /* open or opening */
    uint32_t tags;
    bool is_accepted[TAGS];
    bool is_done[TAGS];
    int32_t xids[XIDS];
    uint32_t xid_first;
    uint32_t xid_count;
    struct rk_buf bytes;
};

static uint8_t take(struct tape *t)
{
    return t->at < t->end ? *t->at++ : 0;
}

static struct rk_bytes take_bytes(struct tape *t)
{
    size_t len = take(t);
    size_t left = (size_t)(t->end - t->at);
    len = len < left ? len : left;
    struct rk_bytes b = {t->at, (uint32_t)len};
    t->at += len;
    return b;
}

static void note_sent(struct host *h, const struct rk_client_effect *fx)
{
    struct rk_bytes in = fx->u.send.bytes;
    struct rk_bytes frame;
    RK_ASSERT(fx->u.send.conn == h->conns[0] || fx->u.send.conn == h->conns[1]);
    if (rk_bytes_is(in, "isro")) {
        return;
    }
    while (rk_frame_next(&in, INT32_MAX, &frame) == RK_OK) {
        int32_t xid = rk_load_i32(frame.data);
        if (xid > 0 && h->xid_count < XIDS && rk_client_state(h->client) >= RK_CLIENT_CONNECTED) {
            h->xids[(h->xid_first + h->xid_count++) % XIDS] = xid;
        }
    }
    RK_ASSERT(in.len == 0);
}

static void open_conn(struct host *h, uint64_t conn)
{
    uint32_t slot = h->conns[0] == 0 ? 0 : 1;
    RK_ASSERT(h->conns[slot] == 0);
    h->conns[slot] = conn;
}

static void close_conn(struct host *h, uint64_t conn)
{
    RK_ASSERT(conn != 0 && (conn == h->conns[0] || conn == h->conns[1]));
    h->conns[conn == h->conns[0] ? 0 : 1] = 0;
}

static void take_effect(struct host *h, const struct rk_client_effect *fx)
{
    switch (fx->type) {
    case RK_CLIENT_FX_CONNECT:
        open_conn(h, fx->u.connect.conn);
        break;
    case RK_CLIENT_FX_DROP:
        close_conn(h, fx->u.drop.conn);
        break;
    case RK_CLIENT_FX_SEND:
        note_sent(h, fx);
        break;
    case RK_CLIENT_FX_COMPLETE:
        RK_ASSERT(fx->u.complete.tag < TAGS && h->is_accepted[fx->u.complete.tag]);
        RK_ASSERT(!h->is_done[fx->u.complete.tag]);
        h->is_done[fx->u.complete.tag] = true;
        RK_ASSERT(fx->u.complete.body.data != NULL);
        break;
    case RK_CLIENT_FX_WATCH:
        RK_ASSERT(fx->u.watch.count > 0 && fx->u.watch.watchers[0].fn != 0);
        RK_ASSERT(fx->u.watch.path.data != NULL);
        break;
    case RK_CLIENT_FX_STATE:
        h->xid_count = fx->u.state.state < RK_CLIENT_CONNECTED ? 0 : h->xid_count;
        break;
    default:
        break;
    }
}

static int32_t step(struct host *h, struct rk_client_event *e)
{
    struct rk_client_effects out;
    e->now_ms = h->now_ms;
    rk_client_step(h->client, e, &out);
    for (uint32_t i = 0; i < out.count; i++) {
        take_effect(h, &out.list[i]);
    }
    return out.result;
}

static void begin(struct host *h, size_t *place)
{
    rk_buf_reset(&h->bytes);
    *place = rk_frame_begin(&h->bytes);
}

/* The bytes in two pieces. */
static void give(struct host *h, struct tape *t, uint64_t conn)
{
    size_t cut = take(t);
    size_t len = h->bytes.len;
    struct rk_client_event e = {.type = RK_CLIENT_EV_BYTES};
    if (len == 0) {
        return;
    }
    cut = cut < len ? cut : len;
    e.u.bytes.conn = conn;
    e.u.bytes.bytes = rk_bytes_of(h->bytes.data, cut);
    (void)step(h, &e);
    e.u.bytes.bytes = rk_bytes_of(h->bytes.data + cut, len - cut);
    (void)step(h, &e);
}

static void welcome(struct host *h, struct tape *t)
{
    size_t place;
    uint8_t flags = take(t);
    struct rk_connect_response p = {.time_out = (flags & 1) != 0 ? (int8_t)take(t) : 3000,
                                    .session_id = (flags & 2) != 0 ? take(t) : 7,
                                    .passwd = rk_bytes_of("0123456789abcdef", 16),
                                    .has_read_only = (flags & 4) == 0,
                                    .read_only = (flags & 8) != 0};
    begin(h, &place);
    rk_proto_write_connect_response(&h->bytes, &p);
    rk_frame_end(&h->bytes, place);
    give(h, t, h->conns[0]);
}

static int32_t draw_xid(struct host *h, struct tape *t)
{
    static const int32_t special[] = {-2, -4, -8, 0, -1};
    uint8_t pick = take(t);
    if (pick < 5) {
        return special[pick];
    }
    if (h->xid_count == 0) {
        return pick;
    }
    int32_t xid = h->xids[h->xid_first];
    h->xid_first = (h->xid_first + 1) % XIDS;
    h->xid_count--;
    return xid;
}

static void reply(struct host *h, struct tape *t)
{
    size_t place;
    uint8_t err = take(t);
    struct rk_reply_header q = {
        .xid = draw_xid(h, t), .zxid = take(t), .err = err < 128 ? 0 : -(int32_t)(err - 100)};
    struct rk_bytes body = take_bytes(t);
    begin(h, &place);
    rk_proto_write_reply_header(&h->bytes, &q);
    rk_buf_put(&h->bytes, body.data, body.len);
    rk_frame_end(&h->bytes, place);
    give(h, t, h->conns[0]);
}

static void event(struct host *h, struct tape *t)
{
    size_t place;
    struct rk_reply_header q = {.xid = -1, .zxid = -1};
    struct rk_watcher_event e = {.type = (int8_t)take(t), .state = 3, .path = take_bytes(t)};
    begin(h, &place);
    rk_proto_write_reply_header(&h->bytes, &q);
    rk_proto_write_watcher_event(&h->bytes, &e);
    rk_frame_end(&h->bytes, place);
    give(h, t, h->conns[0]);
}

static void request(struct host *h, struct tape *t)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_REQUEST};
    uint32_t tag = h->tags++;
    e.u.request.tag = tag;
    e.u.request.op = (int8_t)take(t);
    e.u.request.watch = (enum rk_client_watch_kind)(take(t) % 6);
    e.u.request.watch_path = take_bytes(t);
    e.u.request.watcher.fn = take(t) % 4;
    e.u.request.timeout_ms = take(t);
    e.u.request.body = take_bytes(t);
    h->is_accepted[tag] = true;
    h->is_accepted[tag] = step(h, &e) == RK_ZK_OK;
    RK_ASSERT(h->is_accepted[tag] || !h->is_done[tag]);
}

static void auth(struct host *h, struct tape *t)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_AUTH};
    uint32_t tag = h->tags++;
    e.u.auth.tag = tag;
    e.u.auth.scheme = take_bytes(t);
    e.u.auth.auth = take_bytes(t);
    h->is_accepted[tag] = true;
    h->is_accepted[tag] = step(h, &e) == RK_ZK_OK;
}

static void servers(struct host *h, struct tape *t, bool is_list)
{
    struct rk_client_addr addrs[8];
    struct rk_client_event e = {.type = is_list ? RK_CLIENT_EV_SERVERS : RK_CLIENT_EV_RESOLVED};
    memset(addrs, 0, sizeof(addrs));
    if (is_list) {
        e.u.servers.count = take(t) % 8;
        e.u.servers.is_new_list = (take(t) & 1) != 0;
    } else {
        e.u.resolved.server = take(t) % 8;
        e.u.resolved.count = take(t) % 8;
        e.u.resolved.addrs = addrs;
        for (uint32_t i = 0; i < e.u.resolved.count; i++) {
            addrs[i].len = 1;
            addrs[i].bytes[0] = take(t);
        }
    }
    (void)step(h, &e);
}

static void other(struct host *h, struct tape *t, uint8_t what)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_TICK};
    uint64_t conn = h->conns[take(t) & 1];
    switch (what) {
    case 0:
        h->now_ms += (int64_t)take(t) * take(t);
        break;
    case 1:
        e.type = RK_CLIENT_EV_CONNECTED;
        e.u.connected.conn = conn;
        break;
    case 2:
        e.type = RK_CLIENT_EV_GONE;
        e.u.gone.conn = conn;
        if (conn != 0) {
            close_conn(h, conn);
        }
        break;
    case 3:
        e.type = RK_CLIENT_EV_NEXT_SERVER;
        break;
    case 4:
        e.type = RK_CLIENT_EV_REMOVE_WATCHES;
        e.u.remove.path = take_bytes(t);
        e.u.remove.kind = (enum rk_client_watch_kind)(take(t) % 6);
        e.u.remove.watcher.fn = take(t) % 4;
        e.u.remove.is_all = e.u.remove.watcher.fn == 0;
        break;
    case 5:
        h->mem.fail_at = h->mem.count + take(t);
        break;
    default:
        e.type = RK_CLIENT_EV_CLOSE;
        e.u.close.close_ms = take(t);
        break;
    }
    (void)step(h, &e);
}

static void act(struct host *h, struct tape *t)
{
    uint8_t what = take(t) % 18;
    struct rk_bytes raw;
    if (what < 4) {
        request(h, t);
    } else if (what < 6) {
        reply(h, t);
    } else if (what == 6) {
        event(h, t);
    } else if (what == 7) {
        welcome(h, t);
    } else if (what == 8) {
        raw = take_bytes(t);
        rk_buf_reset(&h->bytes);
        rk_buf_put(&h->bytes, raw.data, raw.len);
        give(h, t, h->conns[take(t) & 1]);
    } else if (what == 9) {
        auth(h, t);
    } else if (what == 10) {
        servers(h, t, take(t) % 4 == 0);
    } else {
        other(h, t, (uint8_t)(what - 11));
    }
}

static void finish(struct host *h)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_CLOSE};
    h->mem.fail_at = 0;
    (void)step(h, &e);
    e.type = RK_CLIENT_EV_TICK;
    h->now_ms += 100000;
    (void)step(h, &e);
    RK_ASSERT(rk_client_state(h->client) == RK_CLIENT_CLOSED);
    RK_ASSERT(h->conns[0] == 0 && h->conns[1] == 0);
    for (uint32_t i = 0; i < h->tags; i++) {
        RK_ASSERT(h->is_done[i] == h->is_accepted[i]);
    }
    rk_client_destroy(h->client);
    RK_ASSERT(h->mem.used_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host h;
    struct tape t = {data, data + size};
    uint8_t options = take(&t);
    memset(&h, 0, sizeof(h));
    rk_mem_libc_init(&h.mem, 0);
    rk_mem_libc_init(&h.own, 0);
    h.tags = 1; /* a login with tag 0 is nobody's */
    rk_buf_init(&h.bytes, &h.own, 1 << 20);
    struct rk_client_config config = {
        .mem = &h.mem,
        .seed = options,
        .session_timeout_ms = 3000,
        .session_id = (options & 1) != 0 ? 7 : 0,
        .may_read_only = (options & 2) != 0,
        .order = (enum rk_client_order)(options >> 6 > 2 ? 0 : options >> 6),
        .chroot = rk_bytes_str((options & 4) != 0 ? "/a" : ""),
        .frame_bytes_max = (options & 8) != 0 ? 60 : 1 << 20,
        .requests_max = (options & 16) != 0 ? 3 : 1000,
        .request_bytes_max = (options & 32) != 0 ? 300 : 1 << 20,
        .set_watches_bytes_max = 60};
    if (rk_client_create(&config, &h.client) != RK_OK) {
        return 0;
    }
    struct rk_client_event e = {.type = RK_CLIENT_EV_SERVERS};
    e.u.servers.count = 1 + options % 3;
    (void)step(&h, &e);
    for (uint32_t i = 0; i < STEPS_MAX && t.at < t.end && h.tags < TAGS; i++) {
        act(&h, &t);
    }
    finish(&h);
    rk_buf_deinit(&h.bytes);
    return 0;
}
