/* The machine's test stand. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "proto/frame.h"
#include "proto/records.h"
#include "support/cmocka_all.h"

static void note(struct rig *r, const char *text)
{
    size_t len = strlen(text);
    if (r->log_len + len + 1 > r->log_cap) {
        r->log_cap = (r->log_cap + len + 1) * 2;
        r->log = realloc(r->log, r->log_cap);
        assert_non_null(r->log);
    }
    memcpy(r->log + r->log_len, text, len + 1);
    r->log_len += len;
}

#define NOTE(r, ...)                                                                               \
    do {                                                                                           \
        char text[512];                                                                            \
        (void)snprintf(text, sizeof(text), __VA_ARGS__);                                           \
        note(r, text);                                                                             \
    } while (0)

void rig_forget(struct rig *r)
{
    r->log_len = 0;
    if (r->log != NULL) {
        r->log[0] = '\0';
    }
}

void rig_expect(struct rig *r, const char *lines)
{
    assert_string_equal(r->log_len == 0 ? "" : r->log, lines);
    rig_forget(r);
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    rk_mem_libc_init(&r->mem, 0);
    r->now_ms = 1000;
    r->config = (struct rk_client_config){.mem = &r->mem,
                                          .seed = 1,
                                          .session_timeout_ms = 30000,
                                          .order = RK_CLIENT_AS_GIVEN,
                                          .chroot = rk_bytes_str(""),
                                          .frame_bytes_max = 1 << 20,
                                          .requests_max = 1000,
                                          .request_bytes_max = 1 << 20,
                                          .connect_timeout_ms = 1000,
                                          .backoff_min_ms = 100,
                                          .backoff_max_ms = 1000};
}

void rig_open(struct rig *r)
{
    assert_int_equal(rk_client_create(&r->config, &r->client), RK_OK);
}

void rig_deinit(struct rig *r)
{
    rk_client_destroy(r->client);
    assert_int_equal(r->mem.used_bytes, 0);
    free(r->log);
}

/* -- Effects as text -- */

static const char *state_name(enum rk_client_state state)
{
    static const char *const names[] = {"idle",        "resolving",   "connecting",
                                        "associating", "connected",   "read_only",
                                        "expired",     "auth_failed", "closed"};
    return names[state];
}

static void note_paths(struct rig *r, const char *name, struct rk_reader *in)
{
    int32_t count = rk_read_count(in, 4);
    NOTE(r, " %s=", name);
    for (int32_t i = 0; i < count; i++) {
        struct rk_bytes path = rk_read_bytes(in);
        NOTE(r, "%s%.*s", i == 0 ? "" : ",", (int)path.len, (const char *)path.data);
    }
}

static void note_set_watches(struct rig *r, struct rk_reader *in, bool is_two)
{
    NOTE(r, "setWatches%s zxid=%lld", is_two ? "2" : "", (long long)rk_read_i64(in));
    note_paths(r, "data", in);
    note_paths(r, "exist", in);
    note_paths(r, "child", in);
    if (is_two) {
        note_paths(r, "persistent", in);
        note_paths(r, "recursive", in);
    }
    assert_false(in->failed);
    assert_int_equal(rk_reader_left(in), 0);
}

static void note_frame(struct rig *r, uint64_t conn, struct rk_bytes frame)
{
    struct rk_reader in;
    rk_reader_init(&in, frame, UINT32_MAX);
    int32_t xid = rk_read_i32(&in);
    int32_t op = rk_read_i32(&in);
    NOTE(r, "SEND %llu ", (unsigned long long)conn);
    if (xid == -4) {
        struct rk_auth_packet a;
        assert_true(rk_proto_read_auth_packet(&in, NULL, &a));
        NOTE(r, "auth %.*s:%.*s", (int)a.scheme.len, (const char *)a.scheme.data, (int)a.auth.len,
             (const char *)a.auth.data);
    } else if (xid == -8) {
        note_set_watches(r, &in, op == RK_OP_SET_WATCHES2);
    } else {
        NOTE(r, "%s", rk_op_name(op));
        if (op != RK_OP_PING) {
            assert_true(xid > 0 && r->xid_count < RIG_XIDS);
            r->xids[(r->xid_first + r->xid_count++) % RIG_XIDS] = xid;
        }
    }
    note(r, "\n");
}

static void note_send(struct rig *r, uint64_t conn, struct rk_bytes bytes)
{
    struct rk_bytes frame;
    size_t before = r->log_len;
    if (rk_bytes_is(bytes, "isro")) {
        NOTE(r, "SEND %llu isro\n", (unsigned long long)conn);
        return;
    }
    while (rk_frame_next(&bytes, INT32_MAX, &frame) == RK_OK) {
        struct rk_reader in;
        struct rk_connect_request q;
        rk_reader_init(&in, frame, UINT32_MAX);
        if (rk_client_state(r->client) == RK_CLIENT_ASSOCIATING) {
            assert_true(rk_proto_read_connect_request(&in, NULL, &q));
            NOTE(r, "SEND %llu connect session=%llx zxid=%lld timeout=%d ro=%d\n",
                 (unsigned long long)conn, (unsigned long long)q.session_id,
                 (long long)q.last_zxid_seen, q.time_out, q.read_only);
            r->xid_count = 0;
        } else {
            note_frame(r, conn, frame);
        }
    }
    assert_int_equal(bytes.len, 0);
    if (r->is_quiet) {
        r->log_len = before;
        r->log[before] = '\0';
    }
}

static void note_complete(struct rig *r, const struct rk_client_effect *fx)
{
    NOTE(r, "DONE %llu rc=%d", (unsigned long long)fx->u.complete.tag, fx->u.complete.result);
    if (fx->u.complete.zxid != 0) {
        NOTE(r, " zxid=%lld", (long long)fx->u.complete.zxid);
    }
    if (fx->u.complete.body.len != 0) {
        NOTE(r, " \"%.*s\"", (int)fx->u.complete.body.len, (const char *)fx->u.complete.body.data);
    }
    note(r, "\n");
    r->done++;
}

static void note_watch(struct rig *r, const struct rk_client_effect *fx)
{
    NOTE(r, "WATCH %d %d %.*s:", fx->u.watch.event, fx->u.watch.state, (int)fx->u.watch.path.len,
         (const char *)fx->u.watch.path.data);
    for (uint32_t i = 0; i < fx->u.watch.count; i++) {
        NOTE(r, " %llu", (unsigned long long)fx->u.watch.watchers[i].fn);
        assert_int_equal(fx->u.watch.watchers[i].ctx, fx->u.watch.watchers[i].fn * 10);
    }
    note(r, "\n");
}

static void note_effect(struct rig *r, const struct rk_client_effect *fx)
{
    switch (fx->type) {
    case RK_CLIENT_FX_RESOLVE:
        NOTE(r, "RESOLVE %u\n", fx->u.resolve.server);
        break;
    case RK_CLIENT_FX_CONNECT:
        assert_true(fx->u.connect.conn > r->conn);
        r->conn = fx->u.connect.conn;
        NOTE(r, "CONNECT %llu to %c\n", (unsigned long long)r->conn, fx->u.connect.addr.bytes[0]);
        break;
    case RK_CLIENT_FX_SEND:
        note_send(r, fx->u.send.conn, fx->u.send.bytes);
        break;
    case RK_CLIENT_FX_DROP:
        NOTE(r, "DROP %llu\n", (unsigned long long)fx->u.drop.conn);
        break;
    case RK_CLIENT_FX_COMPLETE:
        note_complete(r, fx);
        break;
    case RK_CLIENT_FX_WATCH:
        note_watch(r, fx);
        break;
    case RK_CLIENT_FX_STATE:
        if (!r->is_quiet) {
            NOTE(r, "STATE %s%s\n", state_name(fx->u.state.state),
                 fx->u.state.is_new_session ? " new" : "");
        }
        break;
    }
}

/* -- Events -- */

void rig_step(struct rig *r, struct rk_client_event *event)
{
    struct rk_client_effects out;
    event->now_ms = r->now_ms;
    rk_client_step(r->client, event, &out);
    r->wake_ms = out.wake_at_ms;
    r->result = out.result;
    for (uint32_t i = 0; i < out.count; i++) {
        note_effect(r, &out.list[i]);
    }
}

void rig_tick(struct rig *r, int64_t ms)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_TICK};
    r->now_ms += ms;
    rig_step(r, &e);
}

void rig_servers(struct rig *r, uint32_t count, bool is_new)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_SERVERS};
    e.u.servers.count = count;
    e.u.servers.is_new_list = is_new;
    rig_step(r, &e);
}

void rig_resolved(struct rig *r, uint32_t server, const char *addrs)
{
    struct rk_client_addr list[RK_CLIENT_ADDRS_MAX + 8] = {{.len = 0}};
    struct rk_client_event e = {.type = RK_CLIENT_EV_RESOLVED};
    uint32_t count = 0;
    for (; addrs[count] != '\0'; count++) {
        list[count].bytes[0] = (uint8_t)addrs[count];
        list[count].len = 1;
        list[count].distance = addrs[count] >= 'x' ? 0 : 1;
    }
    e.u.resolved.server = server;
    e.u.resolved.count = count;
    e.u.resolved.addrs = list;
    rig_step(r, &e);
}

void rig_connected(struct rig *r, uint64_t conn)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_CONNECTED};
    e.u.connected.conn = conn;
    rig_step(r, &e);
}

void rig_gone(struct rig *r, uint64_t conn)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_GONE};
    e.u.gone.conn = conn;
    rig_step(r, &e);
}

void rig_bytes(struct rig *r, uint64_t conn, const void *data, size_t len)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_BYTES};
    e.u.bytes.conn = conn;
    e.u.bytes.bytes = rk_bytes_of(data, len);
    rig_step(r, &e);
}

void rig_close(struct rig *r, uint32_t ms)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_CLOSE};
    e.u.close.close_ms = ms;
    rig_step(r, &e);
}

void rig_auth(struct rig *r, uint64_t tag, const char *scheme, const char *auth)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_AUTH};
    e.u.auth.tag = tag;
    e.u.auth.scheme = rk_bytes_str(scheme);
    e.u.auth.auth = rk_bytes_str(auth);
    rig_step(r, &e);
}

static void begin(struct rig *r, struct rk_buf *b, size_t *place)
{
    static struct rk_mem host; /* what the server allocates is not the machine's */
    (void)r;
    rk_mem_libc_init(&host, 0);
    rk_buf_init(b, &host, 1 << 24);
    *place = rk_frame_begin(b);
}

static void end(struct rig *r, struct rk_buf *b, size_t place)
{
    rk_frame_end(b, place);
    assert_false(b->failed);
    rig_bytes(r, r->conn, b->data, b->len);
    rk_buf_deinit(b);
}

void rig_welcome(struct rig *r, rk_session_id session, int32_t timeout_ms, bool is_read_only)
{
    struct rk_buf b;
    size_t place;
    struct rk_connect_response p = {.time_out = timeout_ms,
                                    .session_id = session,
                                    .passwd = rk_bytes_of("0123456789abcdef", 16),
                                    .has_read_only = true,
                                    .read_only = is_read_only};
    begin(r, &b, &place);
    rk_proto_write_connect_response(&b, &p);
    end(r, &b, place);
}

static void header(struct rig *r, int32_t xid, rk_zxid zxid, int32_t err, const char *body)
{
    struct rk_buf b;
    size_t place;
    struct rk_reply_header h = {.xid = xid, .zxid = zxid, .err = err};
    begin(r, &b, &place);
    rk_proto_write_reply_header(&b, &h);
    rk_buf_put(&b, body, strlen(body));
    end(r, &b, place);
}

void rig_reply_xid(struct rig *r, int32_t xid, rk_zxid zxid, int32_t err)
{
    header(r, xid, zxid, err, "");
}

void rig_reply(struct rig *r, rk_zxid zxid, int32_t err, const char *body)
{
    assert_true(r->xid_count > 0);
    int32_t xid = r->xids[r->xid_first];
    r->xid_first = (r->xid_first + 1) % RIG_XIDS;
    r->xid_count--;
    header(r, xid, zxid, err, body);
}

void rig_event(struct rig *r, int32_t type, const char *path, rk_zxid zxid)
{
    struct rk_buf b;
    size_t place;
    struct rk_reply_header h = {.xid = -1, .zxid = zxid};
    struct rk_watcher_event e = {.type = type, .state = 3, .path = rk_bytes_str(path)};
    begin(r, &b, &place);
    rk_proto_write_reply_header(&b, &h);
    rk_proto_write_watcher_event(&b, &e);
    end(r, &b, place);
}

/* -- Ways that many tests go -- */

void rig_three(struct rig *r)
{
    rig_servers(r, 3, false);
    rig_resolved(r, 0, "a");
    rig_resolved(r, 1, "b");
    rig_resolved(r, 2, "c");
}

void rig_connect(struct rig *r)
{
    rig_three(r);
    rig_connected(r, r->conn);
    rig_welcome(r, 7, 30000, false);
    assert_int_equal(rk_client_state(r->client), RK_CLIENT_CONNECTED);
    rig_forget(r);
}

void rig_start(struct rig *r)
{
    rig_init(r);
    rig_open(r);
    rig_connect(r);
}

int32_t rig_request(struct rig *r, uint64_t tag, int32_t op, enum rk_client_watch_kind watch,
                    const char *path, uint64_t watcher, uint32_t timeout_ms)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_REQUEST};
    e.u.request = (struct rk_client_request){.tag = tag,
                                             .op = op,
                                             .body = rk_bytes_str("body"),
                                             .watch = watch,
                                             .watch_path = rk_bytes_str(path),
                                             .watcher = {.fn = watcher, .ctx = watcher * 10},
                                             .timeout_ms = timeout_ms};
    rig_step(r, &e);
    return r->result;
}

int32_t rig_get(struct rig *r, uint64_t tag)
{
    return rig_request(r, tag, RK_OP_GET_DATA, RK_CLIENT_WATCH_NONE, NULL, 0, 0);
}

void rig_watch(struct rig *r, enum rk_client_watch_kind kind, const char *path, uint64_t watcher)
{
    bool is_missing = kind == RK_CLIENT_WATCH_EXISTS;
    assert_int_equal(rig_request(r, 99, RK_OP_EXISTS, kind, path, watcher, 0), RK_ZK_OK);
    rig_reply(r, 3, is_missing ? RK_ZK_NO_NODE : RK_ZK_OK, "");
    rig_forget(r);
}
