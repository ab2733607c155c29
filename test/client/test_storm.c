/* The machine against a small server that really keeps nodes and watches, over a network that cuts
 * and breaks, with memory that runs out: whatever happens, each accepted request completes once, no
 * answer shows a change that a watch was not told of before, and in the end everything works and
 * nothing is left in memory. */
#include <stdio.h>
#include <string.h>

#include "proto/frame.h"
#include "proto/records.h"
#include "rig.h"
#include "support/cmocka_all.h"

#define NODES   6u
#define TAGS    3000u
#define SESSION 77

/* What the server knows of one connection. */
struct peer {
    uint64_t conn;
    bool is_open;
    bool is_known; /* handshake done */
    bool has_data[NODES];
    bool has_persistent[NODES];
    struct rk_buf in;
    struct rk_buf out;
    size_t out_at;
};

struct storm {
    struct rk_mem mem;  /* the machine's */
    struct rk_mem host; /* the test's */
    struct rk_prng prng;
    struct rk_client *client;
    int64_t now_ms;
    int64_t wake_ms;
    rk_zxid zxid;
    rk_zxid changed[NODES];
    struct peer peer;
    uint64_t asked_conn; /* CONNECT to be answered */
    uint32_t resolving;  /* bits of servers */
    uint32_t servers;
    bool is_calm;
    uint32_t tags;
    bool is_done[TAGS];
    bool is_accepted[TAGS];
    uint32_t node_of[TAGS];
    bool is_watching[TAGS];
    int64_t deadline_ms[TAGS];
    uint64_t last_tag;      /* of this connection */
    rk_zxid watched[NODES]; /* the change its one-shot watch is behind; 0: none */
    uint32_t persistent_told[NODES];
    uint32_t connects;
    uint32_t completed;
};

static void path_of(uint32_t node, char path[8])
{
    (void)snprintf(path, 8, "/n%u", node);
}

static uint32_t node_of(struct rk_bytes path)
{
    assert_int_equal(path.len, 3);
    assert_in_range(path.data[2], '0', '0' + NODES - 1);
    return (uint32_t)(path.data[2] - '0');
}

/* -- The server -- */

static void put_event(struct storm *s, uint32_t node, rk_zxid zxid)
{
    char path[8];
    struct rk_reply_header h = {.xid = -1, .zxid = zxid};
    path_of(node, path);
    struct rk_watcher_event e = {.type = 3, .state = 3, .path = rk_bytes_str(path)};
    size_t place = rk_frame_begin(&s->peer.out);
    rk_proto_write_reply_header(&s->peer.out, &h);
    rk_proto_write_watcher_event(&s->peer.out, &e);
    rk_frame_end(&s->peer.out, place);
}

static void put_reply(struct storm *s, int32_t xid, int64_t value)
{
    struct rk_reply_header h = {.xid = xid, .zxid = xid > 0 ? s->zxid : 0};
    size_t place = rk_frame_begin(&s->peer.out);
    rk_proto_write_reply_header(&s->peer.out, &h);
    rk_buf_put_i64(&s->peer.out, value);
    rk_frame_end(&s->peer.out, place);
}

static void change(struct storm *s, uint32_t node)
{
    s->changed[node] = ++s->zxid;
    if (s->peer.is_known && (s->peer.has_data[node] || s->peer.has_persistent[node])) {
        put_event(s, node, s->zxid);
        s->peer.has_data[node] = false;
    }
}

static void serve_set_watches(struct storm *s, struct rk_reader *in, bool is_two)
{
    rk_zxid since = rk_read_i64(in);
    for (int kind = 0; kind < (is_two ? 5 : 3); kind++) {
        int32_t count = rk_read_count(in, 4);
        for (int32_t i = 0; i < count; i++) {
            uint32_t node = node_of(rk_read_bytes(in));
            if (kind == 3) {
                s->peer.has_persistent[node] = true;
            } else if (s->changed[node] > since) {
                put_event(s, node, -1);
            } else {
                s->peer.has_data[node] = true;
            }
        }
    }
    assert_false(in->failed);
    put_reply(s, -8, 0);
}

static void serve(struct storm *s, struct rk_bytes frame)
{
    struct rk_reader in;
    rk_reader_init(&in, frame, UINT32_MAX);
    if (!s->peer.is_known) {
        struct rk_connect_request q;
        assert_true(rk_proto_read_connect_request(&in, NULL, &q));
        assert_true(q.session_id == 0 || q.session_id == SESSION);
        assert_true(q.last_zxid_seen <= s->zxid);
        struct rk_connect_response p = {
            .time_out = 3000, .session_id = SESSION, .passwd = rk_bytes_of("0123456789abcdef", 16)};
        size_t place = rk_frame_begin(&s->peer.out);
        rk_proto_write_connect_response(&s->peer.out, &p);
        rk_frame_end(&s->peer.out, place);
        s->peer.is_known = true;
        return;
    }
    int32_t xid = rk_read_i32(&in);
    int32_t op = rk_read_i32(&in);
    uint32_t node = 0;
    if (xid > 0 && op != RK_OP_CLOSE_SESSION) {
        node = node_of(rk_read_bytes(&in));
    }
    switch (op) {
    case RK_OP_SET_DATA:
        change(s, node);
        put_reply(s, xid, s->changed[node]);
        break;
    case RK_OP_GET_DATA:
        s->peer.has_data[node] = s->peer.has_data[node] || rk_read_bool(&in);
        put_reply(s, xid, s->changed[node]);
        break;
    case RK_OP_ADD_WATCH:
        s->peer.has_persistent[node] = true;
        put_reply(s, xid, 0);
        break;
    case RK_OP_SET_WATCHES:
    case RK_OP_SET_WATCHES2:
        serve_set_watches(s, &in, op == RK_OP_SET_WATCHES2);
        break;
    default:
        put_reply(s, xid, 0); /* ping, auth, close */
    }
}

static void hang_up(struct storm *s)
{
    rk_buf_reset(&s->peer.in);
    rk_buf_reset(&s->peer.out);
    struct rk_buf in = s->peer.in;
    struct rk_buf out = s->peer.out;
    s->peer = (struct peer){.in = in, .out = out};
}

/* -- What the machine does -- */

static void take_complete(struct storm *s, const struct rk_client_effect *fx)
{
    uint64_t tag = fx->u.complete.tag;
    assert_true(tag < TAGS && s->is_accepted[tag] && !s->is_done[tag]);
    s->is_done[tag] = true;
    s->completed++;
    if (fx->u.complete.result != RK_ZK_OK) {
        assert_true(fx->u.complete.result == RK_ZK_CONNECTION_LOSS ||
                    fx->u.complete.result == RK_ZK_SYSTEM_ERROR ||
                    fx->u.complete.result == RK_ZK_OPERATION_TIMEOUT ||
                    fx->u.complete.result == RK_CLIENT_CLOSING);
        return;
    }
    if (fx->u.complete.op == RK_OP_AUTH) {
        return;
    }
    assert_true(tag > s->last_tag);
    s->last_tag = tag;
    assert_int_equal(fx->u.complete.body.len, 8);
    rk_zxid value = rk_load_i64(fx->u.complete.body.data);
    uint32_t node = s->node_of[tag];
    if (fx->u.complete.op == RK_OP_ADD_WATCH) {
        return;
    }
    /* A watch that was set before must have told of what this answer shows. */
    assert_true(s->watched[node] == 0 || value <= s->watched[node]);
    if (s->is_watching[tag]) {
        s->watched[node] = value == 0 ? 1 : value;
    }
}

static void take_watch(struct storm *s, const struct rk_client_effect *fx)
{
    assert_true(fx->u.watch.count > 0);
    if (fx->u.watch.event == -1) {
        return;
    }
    uint32_t node = node_of(fx->u.watch.path);
    bool is_persistent = false;
    for (uint32_t i = 0; i < fx->u.watch.count; i++) {
        if (fx->u.watch.watchers[i].fn == 1) {
            s->watched[node] = 0;
        } else {
            is_persistent = true;
        }
    }
    s->persistent_told[node] += is_persistent;
}

static void take_effect(struct storm *s, const struct rk_client_effect *fx)
{
    switch (fx->type) {
    case RK_CLIENT_FX_RESOLVE:
        assert_true(fx->u.resolve.server < s->servers);
        s->resolving |= 1u << fx->u.resolve.server;
        break;
    case RK_CLIENT_FX_CONNECT:
        assert_int_equal(s->asked_conn, 0);
        assert_false(s->peer.is_open);
        s->asked_conn = fx->u.connect.conn;
        break;
    case RK_CLIENT_FX_SEND:
        assert_true(s->peer.is_open && fx->u.send.conn == s->peer.conn);
        rk_buf_put(&s->peer.in, fx->u.send.bytes.data, fx->u.send.bytes.len);
        break;
    case RK_CLIENT_FX_DROP:
        assert_true(fx->u.drop.conn == s->asked_conn || fx->u.drop.conn == s->peer.conn);
        s->asked_conn = fx->u.drop.conn == s->asked_conn ? 0 : s->asked_conn;
        if (fx->u.drop.conn == s->peer.conn) {
            hang_up(s);
        }
        break;
    case RK_CLIENT_FX_COMPLETE:
        take_complete(s, fx);
        break;
    case RK_CLIENT_FX_WATCH:
        take_watch(s, fx);
        break;
    case RK_CLIENT_FX_STATE:
        if (fx->u.state.state == RK_CLIENT_CONNECTED) {
            s->last_tag = 0;
            s->connects++;
        }
        break;
    }
}

static int32_t step(struct storm *s, struct rk_client_event *e)
{
    struct rk_client_effects out;
    e->now_ms = s->now_ms;
    rk_client_step(s->client, e, &out);
    s->wake_ms = out.wake_at_ms;
    for (uint32_t i = 0; i < out.count; i++) {
        take_effect(s, &out.list[i]);
    }
    return out.result;
}

/* -- What happens -- */

static void request(struct storm *s)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_REQUEST};
    uint32_t tag = s->tags;
    uint32_t node = (uint32_t)rk_prng_below(&s->prng, NODES);
    struct rk_buf body;
    char path[8];
    static const int32_t ops[] = {RK_OP_GET_DATA, RK_OP_GET_DATA, RK_OP_SET_DATA, RK_OP_ADD_WATCH};
    if (tag + 1 >= TAGS) {
        return;
    }
    path_of(node, path);
    int32_t op = ops[rk_prng_below(&s->prng, 4)];
    bool is_watch = op == RK_OP_GET_DATA && rk_prng_chance(&s->prng, 1, 2);
    rk_buf_init(&body, &s->host, 1024);
    rk_buf_put_bytes(&body, rk_bytes_str(path));
    rk_buf_put_bool(&body, is_watch);
    s->tags = tag + 1;
    s->is_accepted[tag] = true; /* it may be completed within the step */
    s->node_of[tag] = node;
    s->is_watching[tag] = is_watch;
    e.u.request.tag = tag;
    e.u.request.op = op;
    e.u.request.body = rk_buf_view(&body);
    e.u.request.watch_path = rk_bytes_str(path);
    e.u.request.timeout_ms =
        rk_prng_chance(&s->prng, 1, 2) ? 1 + (uint32_t)rk_prng_below(&s->prng, 200) : 0;
    s->deadline_ms[tag] =
        e.u.request.timeout_ms == 0 ? INT64_MAX : s->now_ms + e.u.request.timeout_ms;
    if (is_watch || op == RK_OP_ADD_WATCH) {
        e.u.request.watch = is_watch ? RK_CLIENT_WATCH_DATA : RK_CLIENT_WATCH_PERSISTENT;
        e.u.request.watcher.fn = is_watch ? 1 : 2;
        e.u.request.watcher.ctx = rk_prng_below(&s->prng, 40);
    }
    int32_t result = step(s, &e);
    s->is_accepted[tag] = result == RK_ZK_OK;
    assert_true(result == RK_ZK_OK || !s->is_done[tag]);
    rk_buf_deinit(&body);
}

static void deliver(struct storm *s, size_t most)
{
    struct peer *p = &s->peer;
    struct rk_bytes in = rk_buf_view(&p->in);
    struct rk_bytes frame;
    while (rk_frame_next(&in, 1 << 24, &frame) == RK_OK) {
        serve(s, frame);
    }
    if (in.len > 0) {
        memmove(p->in.data, in.data, in.len);
    }
    p->in.len = in.len;
    size_t len = p->out.len - p->out_at;
    len = len < most ? len : most;
    if (len == 0) {
        return;
    }
    struct rk_client_event e = {.type = RK_CLIENT_EV_BYTES};
    static uint8_t bytes[1 << 16];
    assert_true(len <= sizeof(bytes));
    memcpy(bytes, p->out.data + p->out_at, len);
    p->out_at += len;
    if (p->out_at == p->out.len) {
        p->out_at = 0;
        rk_buf_reset(&p->out);
    }
    e.u.bytes.conn = p->conn;
    e.u.bytes.bytes = rk_bytes_of(bytes, len);
    (void)step(s, &e);
}

static void answer_connect(struct storm *s)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_CONNECTED};
    uint64_t conn = s->asked_conn;
    s->asked_conn = 0;
    if (!s->is_calm && rk_prng_chance(&s->prng, 1, 4)) {
        e.type = RK_CLIENT_EV_GONE;
        e.u.gone.conn = conn;
    } else {
        s->peer.conn = conn;
        s->peer.is_open = true;
        e.u.connected.conn = conn;
    }
    (void)step(s, &e);
}

static void answer_resolve(struct storm *s)
{
    struct rk_client_addr addrs[2] = {{.len = 1}, {.len = 1}};
    struct rk_client_event e = {.type = RK_CLIENT_EV_RESOLVED};
    uint32_t server = (uint32_t)__builtin_ctz(s->resolving);
    s->resolving &= ~(1u << server);
    addrs[0].bytes[0] = (uint8_t)('a' + rk_prng_below(&s->prng, 4));
    addrs[1].bytes[0] = (uint8_t)('a' + rk_prng_below(&s->prng, 4));
    e.u.resolved.server = server;
    e.u.resolved.count = s->is_calm ? 1 : (uint32_t)rk_prng_below(&s->prng, 3);
    e.u.resolved.addrs = addrs;
    (void)step(s, &e);
}

/* Another list, or another server. */
static void move(struct storm *s)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_NEXT_SERVER};
    uint32_t servers = s->servers;
    uint32_t resolving = s->resolving;
    if (rk_prng_chance(&s->prng, 1, 2)) {
        e.type = RK_CLIENT_EV_SERVERS;
        e.u.servers.count = 1 + (uint32_t)rk_prng_below(&s->prng, 3);
        e.u.servers.is_new_list = true;
        s->servers = e.u.servers.count;
        s->resolving = 0; /* of the old list no answer comes any more */
    }
    if (step(s, &e) != RK_ZK_OK) {
        s->servers = servers;
        s->resolving = resolving;
    }
}

static void pass_time(struct storm *s, int64_t ms)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_TICK};
    s->now_ms += ms;
    (void)step(s, &e);
    for (uint32_t i = s->tags > 300 ? s->tags - 300 : 0; i < s->tags; i++) {
        assert_true(!s->is_accepted[i] || s->is_done[i] || s->deadline_ms[i] > s->now_ms ||
                    s->deadline_ms[i] == 0);
    }
}

static void login(struct storm *s)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_AUTH};
    uint32_t tag = s->tags;
    if (tag + 1 >= TAGS) {
        return;
    }
    s->tags = tag + 1;
    s->is_accepted[tag] = true;
    e.u.auth.tag = tag;
    e.u.auth.scheme = rk_bytes_str("digest");
    e.u.auth.auth = rk_bytes_str(rk_prng_chance(&s->prng, 1, 2) ? "u:p" : "v:q");
    s->is_accepted[tag] = step(s, &e) == RK_ZK_OK;
}

static void break_up(struct storm *s)
{
    if (s->peer.is_open) {
        struct rk_client_event e = {.type = RK_CLIENT_EV_GONE};
        e.u.gone.conn = s->peer.conn;
        hang_up(s);
        (void)step(s, &e);
    }
}

static void act(struct storm *s)
{
    switch (rk_prng_below(&s->prng, 16)) {
    case 0:
        if (rk_prng_chance(&s->prng, 1, 4)) {
            break_up(s);
        } else if (rk_prng_chance(&s->prng, 1, 4)) {
            move(s);
        }
        break;
    case 1:
        login(s);
        for (uint64_t i = rk_prng_chance(&s->prng, 1, 8) ? rk_prng_below(&s->prng, 100) : 0; i > 0;
             i--) {
            request(s);
            change(s, (uint32_t)rk_prng_below(&s->prng, NODES));
        }
        break;
    case 2:
    case 3:
        change(s, (uint32_t)rk_prng_below(&s->prng, NODES));
        break;
    case 4:
    case 5:
        pass_time(s, (int64_t)rk_prng_below(&s->prng, 50));
        break;
    case 6:
        if (s->asked_conn != 0) {
            answer_connect(s);
        }
        break;
    case 7:
        if (s->resolving != 0) {
            answer_resolve(s);
        }
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        request(s);
        break;
    default:
        deliver(s, 1 + rk_prng_below(&s->prng, rk_prng_chance(&s->prng, 1, 2) ? 9 : 30000));
    }
}

/* Everything works from now on: lets it come to rest. */
static void calm(struct storm *s)
{
    s->is_calm = true;
    s->mem.fail_at = 0;
    for (int i = 0; i < 400; i++) {
        if (s->resolving != 0) {
            answer_resolve(s);
        }
        if (s->asked_conn != 0) {
            answer_connect(s);
        }
        deliver(s, 60000);
        if (!s->peer.is_known) {
            pass_time(s, 500);
        } else if (s->wake_ms <= s->now_ms) {
            pass_time(s, 0);
        }
    }
    assert_int_equal(rk_client_state(s->client), RK_CLIENT_CONNECTED);
}

static void check_rest(struct storm *s)
{
    for (uint32_t i = 0; i < s->tags; i++) {
        assert_int_equal(s->is_done[i], s->is_accepted[i]);
    }
    assert_int_equal(rk_client_requests(s->client), 0);
    /* A watch that is still set is behind no change. */
    for (uint32_t i = 0; i < NODES; i++) {
        assert_true(s->watched[i] == 0 || s->changed[i] <= s->watched[i]);
    }
    /* And what is watched is told, once more for each. */
    bool was_watched[NODES];
    uint32_t told[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        was_watched[i] = s->watched[i] != 0;
        told[i] = s->persistent_told[i];
        change(s, i);
    }
    deliver(s, 60000);
    for (uint32_t i = 0; i < NODES; i++) {
        assert_int_equal(s->watched[i], 0);
        assert_true(told[i] == 0 || s->persistent_told[i] == told[i] + 1);
        (void)was_watched;
    }
}

static void finish(struct storm *s)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_CLOSE};
    e.u.close.close_ms = 1000;
    (void)step(s, &e);
    deliver(s, 60000);
    assert_int_equal(rk_client_state(s->client), RK_CLIENT_CLOSED);
    rk_client_destroy(s->client);
    assert_int_equal(s->mem.used_bytes, 0);
    rk_buf_deinit(&s->peer.in);
    rk_buf_deinit(&s->peer.out);
    assert_int_equal(s->host.used_bytes, 0);
}

/* One storm; the machine's allocation number fail_at fails. False: it never came to that one. */
static bool run(struct storm *s, uint64_t seed, uint64_t fail_at, uint32_t acts)
{
    memset(s, 0, sizeof(*s));
    rk_mem_libc_init(&s->mem, 0);
    rk_mem_libc_init(&s->host, 0);
    rk_prng_init(&s->prng, seed);
    rk_buf_init(&s->peer.in, &s->host, 1 << 24);
    rk_buf_init(&s->peer.out, &s->host, 1 << 24);
    s->tags = 1;
    s->now_ms = 5;
    s->mem.fail_at = fail_at;
    struct rk_client_config config = {.mem = &s->mem,
                                      .seed = seed,
                                      .session_timeout_ms = 3000,
                                      .chroot = rk_bytes_str(""),
                                      .frame_bytes_max = 1 << 20,
                                      .requests_max = 100,
                                      .request_bytes_max = 2000,
                                      .backoff_min_ms = 10,
                                      .backoff_max_ms = 100,
                                      .set_watches_bytes_max = 80};
    enum rk_err err = rk_client_create(&config, &s->client);
    if (err != RK_OK) {
        assert_int_equal(err, RK_ERR_NOMEM);
        assert_int_equal(s->mem.used_bytes, 0);
        return true;
    }
    struct rk_client_event e = {.type = RK_CLIENT_EV_SERVERS};
    e.u.servers.count = 1;
    s->servers = 1;
    if (step(s, &e) != RK_ZK_OK) {
        (void)step(s, &e);
    }
    for (uint32_t i = 0; i < acts; i++) {
        act(s);
    }
    bool has_failed = s->mem.count >= fail_at;
    calm(s);
    check_rest(s);
    finish(s);
    return has_failed;
}

static void storms_pass(void **state)
{
    static struct storm s;
    uint64_t connects = 0;
    uint64_t completed = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        (void)run(&s, seed, 0, 2000);
        connects += s.connects;
        completed += s.completed;
    }
    assert_true(connects > 300 * 3);
    assert_true(completed > UINT64_C(300) * 100);
}

static void any_allocation_may_fail(void **state)
{
    static struct storm s;
    uint64_t fail_at = 1;
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        for (fail_at = 1; run(&s, seed, fail_at, 700); fail_at++) {
        }
        assert_true(fail_at > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storms_pass),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
