/* The shell of the client machine in the simulated world: connections over the simulated network,
 * names that resolve late or not at all, time, and memory that runs out now and then. */
#include "sim/client_lib.h"

#include "proto/records.h"
#include "sim/node.h"

#include <string.h>

#define REST_US  20000
#define CLOSE_MS 200

static uint64_t below(struct sim_clients *all, uint64_t bound)
{
    return rk_sim_below(&all->w->tape, SIM_SITE_LIBRARY, bound);
}

static bool is_fault_time(const struct sim_clients *all)
{
    return all->w->phase == SIM_PHASE_FAULTS && !all->w->opt.ens.is_calm;
}

/* -- Effects -- */

static struct lib_conn *find(struct sim_lib *lib, uint64_t conn)
{
    for (uint32_t i = 0; i < LIB_CONNS; i++) {
        if (lib->conns[i].conn == conn) {
            return &lib->conns[i];
        }
    }
    return NULL;
}

static struct lib_conn *find_id(struct sim_lib *lib, rk_conn_id id)
{
    for (uint32_t i = 0; i < LIB_CONNS; i++) {
        if (lib->conns[i].conn != 0 && lib->conns[i].id == id) {
            return &lib->conns[i];
        }
    }
    return NULL;
}

static void step(struct sim_clients *all, struct sim_client *c, struct rk_client_event *e);

static uint64_t pack(const struct sim_client *c, uint64_t what)
{
    return what << 24 | (uint64_t)(c->lib->life & 0xffff) << 8 | c->index;
}

/* Of the same life? */
static struct sim_client *unpack(struct sim_clients *all, uint64_t arg, uint64_t *ret_what)
{
    struct sim_client *c = &all->clients[arg & 0xff];
    *ret_what = arg >> 24;
    return c->lib->machine != NULL && (c->lib->life & 0xffff) == (arg >> 8 & 0xffff) ? c : NULL;
}

static void on_resolve(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_clients *all = ctx;
    uint64_t server;
    struct sim_client *c = unpack(all, arg, &server);
    if (c == NULL || w->phase == SIM_PHASE_DONE) {
        return;
    }
    struct rk_client_addr addr = {.len = 1};
    struct rk_client_event e = {.type = RK_CLIENT_EV_RESOLVED};
    addr.bytes[0] = (uint8_t)c->lib->nodes[server];
    e.u.resolved.server = (uint32_t)server;
    e.u.resolved.count = is_fault_time(all) && below(all, 10) == 0 ? 0 : 1;
    e.u.resolved.addrs = &addr;
    step(all, c, &e);
}

static void on_connect(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_clients *all = ctx;
    uint64_t conn;
    struct sim_client *c = unpack(all, arg, &conn);
    struct lib_conn *l = c == NULL ? NULL : find(c->lib, conn);
    if (l == NULL || w->phase == SIM_PHASE_DONE) {
        return;
    }
    struct rk_client_event e = {.type = RK_CLIENT_EV_CONNECTED};
    e.u.connected.conn = conn;
    l->id = rk_sim_net_connect(w->net, c->index, l->node);
    if (l->id == 0) {
        e.type = RK_CLIENT_EV_GONE;
        e.u.gone.conn = conn;
        l->conn = 0;
    }
    step(all, c, &e);
}

static void take_connect(struct sim_clients *all, struct sim_client *c,
                         const struct rk_client_effect *fx)
{
    struct lib_conn *l = find(c->lib, 0);
    RK_ASSERT(l != NULL);
    *l = (struct lib_conn){.conn = fx->u.connect.conn, .node = fx->u.connect.addr.bytes[0]};
    rk_sim_after(all->w, rk_sim_delay(all->w, SIM_SITE_LIBRARY, all->w->opt.net.delay_us_max),
                 on_connect, all, pack(c, l->conn));
}

static void take_drop(struct sim_clients *all, struct sim_client *c,
                      const struct rk_client_effect *fx)
{
    struct lib_conn *l = find(c->lib, fx->u.drop.conn);
    RK_ASSERT(l != NULL && l->conn != 0);
    rk_conn_id id = l->id;
    *l = (struct lib_conn){.conn = 0};
    if (id != 0) {
        rk_sim_net_client_close(all->w->net, id, below(all, 2) == 0);
    }
}

static void take_state(struct sim_clients *all, struct sim_client *c,
                       const struct rk_client_effect *fx)
{
    enum rk_client_state state = fx->u.state.state;
    rk_lib_check_state(all->w, c, state, fx->u.state.is_new_session);
    c->state = state == RK_CLIENT_CONNECTED ? CLIENT_TALKING : CLIENT_OFF;
    if (state == RK_CLIENT_CONNECTED) {
        const struct lib_conn *l = NULL;
        for (uint32_t i = 0; i < LIB_CONNS; i++) {
            l = c->lib->conns[i].conn != 0 ? &c->lib->conns[i] : l;
        }
        RK_ASSERT(l != NULL);
        c->node = l->node;
        c->conn = l->id;
    } else {
        c->conn = 0;
        c->is_last_word_said = false;
        c->is_last_word_answered = false;
    }
}

static void remember_name(struct sim_clients *all, const struct rk_client_effect *fx)
{
    if (fx->u.complete.result == RK_ZK_OK &&
        (fx->u.complete.op == RK_OP_CREATE || fx->u.complete.op == RK_OP_CREATE2)) {
        rk_user_remember_name(all, fx->u.complete.body);
    }
}

static void take_effect(struct sim_clients *all, struct sim_client *c,
                        const struct rk_client_effect *fx)
{
    struct lib_conn *l;
    switch (fx->type) {
    case RK_CLIENT_FX_RESOLVE:
        rk_sim_after(all->w, rk_sim_delay(all->w, SIM_SITE_LIBRARY, 30000), on_resolve, all,
                     pack(c, fx->u.resolve.server));
        break;
    case RK_CLIENT_FX_CONNECT:
        take_connect(all, c, fx);
        break;
    case RK_CLIENT_FX_SEND:
        l = find(c->lib, fx->u.send.conn);
        RK_ASSERT(l != NULL && l->id != 0);
        rk_lib_check_sent(all->w, c, fx->u.send.bytes);
        rk_sim_net_client_send(all->w->net, l->id, fx->u.send.bytes);
        break;
    case RK_CLIENT_FX_DROP:
        take_drop(all, c, fx);
        break;
    case RK_CLIENT_FX_COMPLETE:
        remember_name(all, fx);
        c->is_last_word_answered =
            c->is_last_word_answered ||
            (c->is_last_word_said && fx->u.complete.tag == c->lib->last_word);
        rk_lib_check_complete(all->w, c, fx);
        break;
    case RK_CLIENT_FX_WATCH:
        rk_lib_check_watch(all->w, c, fx);
        break;
    case RK_CLIENT_FX_STATE:
        take_state(all, c, fx);
        break;
    }
}

static void destroy(struct sim_world *w, struct sim_client *c)
{
    rk_client_destroy(c->lib->machine);
    c->lib->machine = NULL;
    if (c->lib->mem.used_bytes != 0) {
        rk_sim_fail(w, "client %u: the machine left %zu bytes", c->index, c->lib->mem.used_bytes);
    }
}

static void end_life(struct sim_clients *all, struct sim_client *c)
{
    rk_lib_check_end(all->w, c);
    destroy(all->w, c);
}

static void wake(struct sim_clients *all, struct sim_client *c)
{
    struct sim_lib *lib = c->lib;
    int64_t at_us = all->w->now_us + REST_US;
    if (lib->machine == NULL) {
        at_us += rk_sim_delay(all->w, SIM_SITE_LIBRARY, REST_US);
    } else if (c->state == CLIENT_TALKING) {
        at_us = c->talk_us;
    }
    at_us = lib->machine != NULL && lib->wake_us < at_us ? lib->wake_us : at_us;
    rk_user_act_after(all, c, at_us > all->w->now_us ? at_us - all->w->now_us : 1);
}

static void step(struct sim_clients *all, struct sim_client *c, struct rk_client_event *e)
{
    struct sim_lib *lib = c->lib;
    struct rk_client_effects out;
    e->now_ms = all->w->now_us / 1000;
    rk_client_step(lib->machine, e, &out);
    bool is_taken = out.result == RK_ZK_OK;
    for (uint32_t i = 0; i < out.count; i++) {
        take_effect(all, c, &out.list[i]);
    }
    lib->wake_us = out.wake_at_ms > INT64_MAX / 1000 ? INT64_MAX : out.wake_at_ms * 1000;
    if (!is_taken && e->type == RK_CLIENT_EV_REQUEST) {
        lib->asked[e->u.request.tag % LIB_TAGS].tag = 0;
    }
    if (lib->state >= RK_CLIENT_EXPIRED) {
        end_life(all, c);
    }
    wake(all, c);
}

/* -- Lives -- */

static void give_servers(struct sim_clients *all, struct sim_client *c, bool is_new)
{
    struct rk_client_event e = {.type = RK_CLIENT_EV_SERVERS};
    struct sim_world *w = all->w;
    for (uint32_t i = 0; i < w->node_count; i++) {
        if ((w->up_bits & 1u << i) != 0) {
            c->lib->nodes[e.u.servers.count++] = i;
        }
    }
    e.u.servers.is_new_list = is_new;
    step(all, c, &e);
}

static void login(struct sim_clients *all, struct sim_client *c)
{
    rk_user_login(all, c, 0);
}

static void live(struct sim_clients *all, struct sim_client *c)
{
    struct sim_lib *lib = c->lib;
    const struct sim_options *o = &all->w->opt;
    int32_t most = o->client.timeout_ms_max;
    /* Where all is calm answers must not seem late because the network is slow. */
    int32_t least = o->ens.is_calm ? most : most / 8;
    uint32_t frame = o->node.core.frame_bytes_max;
    struct rk_client_config config = {
        .mem = &lib->mem,
        .seed = below(all, UINT64_C(1) << 60),
        .session_timeout_ms = (int32_t)rk_sim_between(&all->w->tape, SIM_SITE_LIBRARY, least, most),
        .order = (enum rk_client_order)below(all, 3),
        .chroot = rk_bytes_str(""),
        .frame_bytes_max = 64 << 20,
        .requests_max = LIB_TAGS / 4,
        .request_bytes_max = 1 << 20,
        /* Who gives a handshake up leaves a session behind that expires. */
        .connect_timeout_ms = o->ens.is_calm ? 5000 : 0,
        .backoff_min_ms = 10,
        .backoff_max_ms = 300,
        .set_watches_bytes_max = frame < 400 || below(all, 2) == 0 ? 150 : frame - 60};
    lib->mem.fail_at = 0;
    enum rk_err err = rk_client_create(&config, &lib->machine);
    RK_ASSERT(err == RK_OK);
    lib->life++;
    lib->state = RK_CLIENT_IDLE;
    lib->seen = 0;
    lib->sent_xid = 0;
    lib->had_session = false;
    lib->watch_count = 0;
    memset(lib->conns, 0, sizeof(lib->conns));
    RK_MARK(all->w, LIBRARY_CLIENT);
    give_servers(all, c, false);
    if (lib->machine != NULL && o->node.core.enforce_auth_schemes.data != NULL &&
        (below(all, 2) == 0 || all->w->phase == SIM_PHASE_HEAL)) {
        login(all, c);
    }
}

void rk_lib_create(struct sim_clients *all, struct sim_client *c)
{
    c->lib = rk_mem_must_zalloc(&all->w->mem, sizeof(*c->lib));
    rk_mem_libc_init(&c->lib->mem, 0);
}

void rk_lib_destroy(struct sim_clients *all, struct sim_client *c)
{
    destroy(all->w, c);
    rk_mem_free(&all->w->mem, c->lib, sizeof(*c->lib));
}

/* -- Requests: what the others would have sent -- */

void rk_lib_begin(struct sim_client *c, const char *path, uint32_t list)
{
    c->lib->next_list = (int32_t)list;
    (void)snprintf(c->lib->next_path, sizeof(c->lib->next_path), "%s", path == NULL ? "" : path);
}

static void put_watch(const struct sim_client *c, struct rk_client_request *q)
{
    static const enum rk_client_watch_kind kinds[] = {
        RK_CLIENT_WATCH_DATA, RK_CLIENT_WATCH_EXISTS, RK_CLIENT_WATCH_CHILD,
        RK_CLIENT_WATCH_PERSISTENT, RK_CLIENT_WATCH_RECURSIVE};
    static const enum rk_client_watch_kind removed[] = {
        RK_CLIENT_WATCH_NONE, RK_CLIENT_WATCH_CHILD,      RK_CLIENT_WATCH_DATA,
        RK_CLIENT_WATCH_NONE, RK_CLIENT_WATCH_PERSISTENT, RK_CLIENT_WATCH_RECURSIVE,
        RK_CLIENT_WATCH_NONE};
    const struct sim_lib *lib = c->lib;
    q->watch_path = rk_bytes_str(lib->next_path);
    if (q->op == RK_OP_REMOVE_WATCHES || q->op == RK_OP_CHECK_WATCHES) {
        q->watch = removed[rk_load_i32(q->body.data + q->body.len - 4) % 7];
    } else if (lib->next_list != 0) {
        q->watch = kinds[lib->next_list - 1];
        q->watcher = (struct rk_client_watcher){.fn = 1, .ctx = (uint64_t)lib->next_list - 1};
    }
}

static void ask_login(struct sim_clients *all, struct sim_client *c, struct rk_bytes body)
{
    struct rk_auth_packet p;
    struct rk_reader r;
    struct rk_client_event e = {.type = RK_CLIENT_EV_AUTH};
    rk_reader_init(&r, body, 1024);
    bool is_ok = rk_proto_read_auth_packet(&r, NULL, &p);
    RK_ASSERT(is_ok);
    e.u.auth.scheme = p.scheme;
    e.u.auth.auth = p.auth;
    step(all, c, &e);
}

/* The request in all->out goes to the machine. */
void rk_lib_ask(struct sim_clients *all, struct sim_client *c)
{
    struct sim_lib *lib = c->lib;
    struct rk_client_event e = {.type = RK_CLIENT_EV_REQUEST};
    struct rk_buf out = all->out;
    rk_buf_init(&all->out, &all->w->mem, out.max);
    int32_t op = rk_load_i32(out.data + 8);
    struct rk_bytes body = rk_bytes_of(out.data + 12, out.len - 12);
    if (lib->machine == NULL) {
        RK_MAYBE(op == RK_OP_PING);
    } else if (op == RK_OP_AUTH) {
        ask_login(all, c, body);
    } else if (op == RK_OP_CLOSE_SESSION) {
        /* Given up in a handover it would leave a session to expire. */
        if (!all->w->opt.ens.is_calm) {
            e.type = RK_CLIENT_EV_CLOSE;
            e.u.close.close_ms = CLOSE_MS;
            step(all, c, &e);
        }
    } else if (op != RK_OP_PING && op != RK_OP_SET_WATCHES && op != RK_OP_SET_WATCHES2) {
        struct lib_asked *a = &lib->asked[(lib->tags + 1) % LIB_TAGS];
        bool is_room = a->tag == 0 && lib->watch_count + LIB_DEPTH < LIB_WATCHES;
        if (is_room || (a->tag == 0 && lib->next_list == 0)) {
            e.u.request.tag = ++lib->tags;
            e.u.request.op = op;
            e.u.request.body = body;
            e.u.request.timeout_ms = below(all, 12) == 0 ? 1 + (uint32_t)below(all, 100) : 0;
            put_watch(c, &e.u.request);
            *a = (struct lib_asked){.tag = lib->tags,
                                    .op = op,
                                    .list = (uint8_t)lib->next_list,
                                    .removed = e.u.request.watch,
                                    .hash = rk_lib_hash(op, body)};
            memcpy(a->path, lib->next_path, sizeof(a->path));
            step(all, c, &e);
        }
    }
    rk_buf_deinit(&all->out);
    all->out = out;
    rk_buf_reset(&all->out);
}

/* -- Acting -- */

static void disturb(struct sim_clients *all, struct sim_client *c)
{
    struct sim_lib *lib = c->lib;
    struct rk_client_event e = {.type = RK_CLIENT_EV_NEXT_SERVER};
    struct lib_conn *l = c->conn == 0 ? NULL : find_id(lib, c->conn);
    uint64_t what = below(all, 3);
    if (what == 0) {
        lib->mem.fail_at = lib->mem.count + 1 + below(all, 20);
        RK_MARK(all->w, LIBRARY_NO_MEMORY);
        return;
    }
    if (what == 1 && l != NULL) {
        e.type = RK_CLIENT_EV_GONE;
        e.u.gone.conn = l->conn;
        rk_sim_net_client_close(all->w->net, l->id, false);
        *l = (struct lib_conn){.conn = 0};
    }
    step(all, c, &e);
}

static void talk(struct sim_clients *all, struct sim_client *c)
{
    struct sim_world *w = all->w;
    uint32_t open = rk_client_requests(c->lib->machine);
    uint32_t room = w->opt.client.depth_max > open ? w->opt.client.depth_max - open : 0;
    uint64_t burst = room == 0 ? 0 : 1 + below(all, room);
    for (uint64_t i = 0; i < burst && c->lib->machine != NULL; i++) {
        enum sim_op op = rk_user_draw_op(all);
        if (op == SIM_OP_DISCONNECT || op == SIM_OP_RUDE) {
            if (is_fault_time(all)) {
                disturb(all, c);
            }
        } else {
            rk_user_request(all, c, op);
        }
    }
}

/* What is watched is read once more: the answers would show what was not told. Written is but once:
 * where an epoch has few zxids, writes cost connections, and each connection has its last word. */
static void last_word(struct sim_clients *all, struct sim_client *c)
{
    static const int32_t ops[] = {RK_OP_GET_DATA, RK_OP_EXISTS, RK_OP_GET_CHILDREN2};
    struct sim_lib *lib = c->lib;
    c->is_last_word_said = true;
    if (all->w->opt.node.core.enforce_auth_schemes.data != NULL) {
        login(all, c);
    }
    for (uint32_t i = 0; i < lib->watch_count && lib->machine != NULL; i++) {
        struct lib_watch watch = lib->watches[i];
        if (watch.kind < WATCHED_PERSISTENT) {
            rk_user_get(all, c, ops[watch.kind], watch.path, false);
        } else if (!lib->has_written) {
            rk_user_set(all, c, watch.path);
            lib->has_written = true;
        }
    }
    if (!lib->has_written && lib->machine != NULL) {
        rk_user_set(all, c, rk_user_path(all));
        lib->has_written = true;
    }
    rk_user_get(all, c, RK_OP_SYNC, "/", false);
    lib->last_word = lib->tags;
}

void rk_lib_act(struct sim_clients *all, struct sim_client *c)
{
    struct sim_lib *lib = c->lib;
    struct sim_world *w = all->w;
    struct rk_client_event e = {.type = RK_CLIENT_EV_TICK};
    if (lib->machine == NULL) {
        live(all, c);
        return;
    }
    if (w->phase == SIM_PHASE_HEAL) {
        lib->mem.fail_at = 0;
        if (c->state == CLIENT_TALKING && !c->is_last_word_said) {
            last_word(all, c);
        }
        c->talk_us = w->now_us + REST_US;
    } else if (w->now_us >= c->talk_us) {
        c->talk_us = w->now_us + 1 + rk_sim_delay(w, SIM_SITE_LIBRARY, w->opt.client.think_us_max);
        if (all->sent < w->opt.client.request_budget) {
            talk(all, c);
        } else {
            c->talk_us = w->now_us + REST_US;
        }
    }
    if (lib->machine != NULL) {
        step(all, c, &e);
    }
}

void rk_lib_heal(struct sim_clients *all, struct sim_client *c)
{
    c->lib->mem.fail_at = 0;
    if (c->lib->machine != NULL) {
        give_servers(all, c, true);
    }
    rk_user_act_after(all, c, 1000);
}

/* -- From the network -- */

void rk_lib_bytes(struct sim_clients *all, struct sim_client *c, rk_conn_id id,
                  struct rk_bytes bytes)
{
    struct lib_conn *l = find_id(c->lib, id);
    struct rk_client_event e = {.type = RK_CLIENT_EV_BYTES};
    if (l == NULL || c->lib->machine == NULL) {
        return;
    }
    e.u.bytes.conn = l->conn;
    e.u.bytes.bytes = bytes;
    step(all, c, &e);
}

void rk_lib_gone(struct sim_clients *all, struct sim_client *c, rk_conn_id id)
{
    struct lib_conn *l = find_id(c->lib, id);
    struct rk_client_event e = {.type = RK_CLIENT_EV_GONE};
    if (l == NULL || c->lib->machine == NULL) {
        return;
    }
    e.u.gone.conn = l->conn;
    *l = (struct lib_conn){.conn = 0};
    step(all, c, &e);
}
