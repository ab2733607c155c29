/* The life of a client: connect, shake hands, ask with some requests outstanding, ping, lose the
 * connection and come back with the session it had. */
#include "sim/client_lib.h"

#include "sim/node.h"
#include "sim/scene.h"

#include <stdio.h>
#include <string.h>

#define RETRY_US     20000
#define SHAKE_US_MAX 5000000

struct sim_clients *rk_sim_clients_create(struct sim_world *w)
{
    struct sim_clients *all = rk_mem_must_zalloc(&w->mem, sizeof(*all));
    const struct sim_client_options *o = &w->opt.client;
    static const char *const tops[] = {"/a", "/b", "/c", "/d"};
    RK_ASSERT(o->count <= SIM_CLIENTS_MAX && o->path_count <= SIM_PATHS_MAX);
    all->w = w;
    all->count = o->count;
    rk_buf_init(&all->out, &w->mem, (size_t)64 << 20);
    for (uint32_t i = 0; i < o->path_count; i++) {
        const char *above = i < 2 ? "" : i < 4 ? tops[i % 2] : all->paths[(i * 7 + 3) % i];
        const char *name = i < 2 ? tops[i] + 1 : i % 3 == 0 ? "x" : i % 3 == 1 ? "yy" : "z-";
        (void)snprintf(all->paths[i], SIM_PATH_BYTES, "%.60s/%s%.0u", above, name, i > 11 ? i : 0);
    }
    all->path_count = o->path_count;
    for (uint32_t i = 0; i < all->count; i++) {
        all->clients[i].index = i;
        all->clients[i].next_xid = 1 + (int32_t)(i << 20); /* everybody's are different */
        all->clients[i].has_read_only = rk_sim_chance(&w->tape, SIM_SITE_CLIENT, 3, 4);
        rk_buf_init(&all->clients[i].in, &w->mem, (size_t)64 << 20);
        if (i < o->library_count) {
            rk_lib_create(all, &all->clients[i]);
        }
    }
    return all;
}

void rk_sim_clients_destroy(struct sim_clients *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        rk_buf_deinit(&all->clients[i].in);
        if (all->clients[i].lib != NULL) {
            rk_lib_destroy(all, &all->clients[i]);
        }
    }
    rk_buf_deinit(&all->out);
    rk_mem_free(&all->w->mem, all, sizeof(*all));
}

const char *rk_user_path(struct sim_clients *all)
{
    struct sim_tape *tape = &all->w->tape;
    uint32_t made = all->made_total < SIM_MADE_MAX ? all->made_total : SIM_MADE_MAX;
    if (made > 0 && rk_sim_chance(tape, SIM_SITE_OP, 1, 10)) {
        return all->made[rk_sim_below(tape, SIM_SITE_OP, made)];
    }
    if (rk_sim_chance(tape, SIM_SITE_OP, 1, 60)) {
        static const char *const odd[] = {"/", "/zookeeper", "/zookeeper/config", "/none/at/all",
                                          "/zookeeper/quota"};
        /* Written when serving begins, on each server for itself: a client's own value is no
         * part of what servers agree on. */
        uint64_t at = rk_sim_below(tape, SIM_SITE_OP, 5);
        return odd[at == 2 && rk_sim_is_ensemble(all->w) ? 0 : at];
    }
    return all->paths[rk_sim_below(tape, SIM_SITE_OP, all->path_count)];
}

/* -- Sending -- */

void rk_user_send(struct sim_clients *all, struct sim_client *c)
{
    RK_ASSERT(!all->out.failed);
    rk_sim_net_client_send(all->w->net, c->conn, rk_buf_view(&all->out));
    rk_buf_reset(&all->out);
    c->sent_us = all->w->now_us;
}

int32_t rk_user_ask(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                    uint32_t list)
{
    int32_t xid = op == RK_OP_PING ? -2 : op == RK_OP_AUTH ? -4 : c->next_xid++;
    size_t place = rk_frame_begin(&all->out);
    RK_ASSERT(place == 0 || place == 4); /* one frame at a time */
    rk_buf_put_i32(&all->out, xid);
    rk_buf_put_i32(&all->out, op);
    if (c->lib != NULL) {
        rk_lib_begin(c, path, list);
    } else if (op != RK_OP_AUTH && op != RK_OP_SASL && c->asked_count < SIM_ASKED_MAX) {
        struct asked *a = &c->asked[(c->asked_first + c->asked_count) % SIM_ASKED_MAX];
        c->asked_count++;
        *a = (struct asked){.xid = xid, .op = op, .list = (uint8_t)list};
        (void)snprintf(a->path, sizeof(a->path), "%s", path == NULL ? "" : path);
    }
    all->sent++;
    return xid;
}

void rk_user_asked_end(struct sim_clients *all, struct sim_client *c)
{
    rk_store_i32(all->out.data, (int32_t)(all->out.len - RK_FRAME_HEADER_BYTES));
    if (c->lib != NULL) {
        rk_lib_ask(all, c);
    } else {
        rk_user_send(all, c);
    }
}

void rk_user_put_handshake(struct sim_clients *all, const struct sim_client *c, rk_zxid seen,
                           rk_session_id session, struct rk_bytes password)
{
    int32_t most = all->w->opt.client.timeout_ms_max;
    struct rk_connect_request q = {
        .last_zxid_seen = seen,
        .time_out = (int32_t)rk_sim_between(&all->w->tape, SIM_SITE_CLIENT, most / 8, most),
        .session_id = session,
        .passwd = password,
        .has_read_only = c->has_read_only,
    };
    size_t place = rk_frame_begin(&all->out);
    rk_proto_write_connect_request(&all->out, &q);
    rk_frame_end(&all->out, place);
}

/* -- Acting -- */

static void on_act(struct sim_world *w, void *ctx, uint64_t arg);

void rk_user_act_after(struct sim_clients *all, struct sim_client *c, int64_t us)
{
    c->token++;
    rk_sim_after(all->w, us, on_act, all, c->token << 8 | c->index);
}

static void forget_session(struct sim_client *c)
{
    c->session = 0;
    memset(c->password, 0, sizeof(c->password));
    memset(c->is_user, 0, sizeof(c->is_user));
    memset(c->watched, 0, sizeof(c->watched));
}

static void go_off(struct sim_clients *all, struct sim_client *c, int64_t retry_us)
{
    c->state = CLIENT_OFF;
    c->conn = 0;
    c->asked_count = 0;
    c->is_spoiled = false;
    c->is_last_word_said = false;
    c->is_last_word_answered = false;
    rk_buf_reset(&c->in);
    rk_user_act_after(all, c, retry_us);
}

/* Two that use one session would throw each other out for ever. */
static bool is_shared(const struct sim_clients *all, const struct sim_client *c)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (i != c->index && c->session != 0 && all->clients[i].session == c->session) {
            return true;
        }
    }
    return false;
}

/* Any server will do, one more than another. */
static uint32_t draw_server(struct sim_clients *all, const struct sim_client *c)
{
    struct sim_world *w = all->w;
    uint32_t node = 0;
    if (w->node_count == 1) {
        return 0;
    }
    if (w->opt.ens.scene.is_on && w->phase == SIM_PHASE_FAULTS) {
        return rk_sim_scene_server(&w->opt, c->index);
    }
    do {
        node = (uint32_t)rk_sim_below(&w->tape, SIM_SITE_CLIENT, w->node_count);
    } while ((w->up_bits & 1u << node) == 0);
    return node;
}

static void connect(struct sim_clients *all, struct sim_client *c)
{
    struct sim_world *w = all->w;
    const struct sim_client_options *o = &w->opt.client;
    c->node = draw_server(all, c);
    c->conn = rk_sim_net_connect(w->net, c->index, c->node);
    if (c->conn == 0) {
        rk_user_act_after(all, c, RETRY_US + rk_sim_delay(w, SIM_SITE_CLIENT, RETRY_US));
        return;
    }
    if (w->phase == SIM_PHASE_FAULTS && o->forgets_sessions &&
        rk_sim_chance(&w->tape, SIM_SITE_CLIENT, 1, 5)) {
        forget_session(c);
    }
    c->state = CLIENT_SHAKING;
    if (w->phase == SIM_PHASE_FAULTS && rk_sim_pct(w, SIM_SITE_RUDE, o->rude_pct)) {
        rk_user_rude_handshake(all, c);
    } else {
        rk_user_put_handshake(all, c, c->seen, c->session,
                              rk_bytes_of(c->password, sizeof(c->password)));
        if (rk_sim_chance(&w->tape, SIM_SITE_CLIENT, 1, 8)) {
            /* Not waiting for the answer. */
            rk_user_send(all, c);
            rk_user_login(all, c, 0);
            rk_user_get(all, c, RK_OP_GET_DATA, rk_user_path(all), false);
            rk_user_set(all, c, rk_user_path(all));
        }
    }
    rk_user_send(all, c);
    rk_user_act_after(all, c, SHAKE_US_MAX);
}

static void leave(struct sim_clients *all, struct sim_client *c)
{
    rk_sim_net_client_close(all->w->net, c->conn,
                            rk_sim_chance(&all->w->tape, SIM_SITE_CLIENT, 1, 2));
    go_off(all, c,
           RETRY_US + rk_sim_delay(all->w, SIM_SITE_CLIENT, all->w->opt.client.think_us_max));
}

enum sim_op rk_user_draw_op(struct sim_clients *all)
{
    const uint32_t *weights = all->w->opt.client.weights;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SIM_OP_COUNT; i++) {
        sum += weights[i];
    }
    uint64_t at = rk_sim_below(&all->w->tape, SIM_SITE_OP, sum);
    for (uint32_t i = 0; i < SIM_OP_COUNT; i++) {
        if (at < weights[i]) {
            return (enum sim_op)i;
        }
        at -= weights[i];
    }
    rk_panic(__FILE__, __LINE__, "weights");
}

/* One or several requests at once. */
static void talk(struct sim_clients *all, struct sim_client *c)
{
    struct sim_world *w = all->w;
    uint32_t room =
        w->opt.client.depth_max > c->asked_count ? w->opt.client.depth_max - c->asked_count : 0;
    uint64_t burst = room == 0 ? 0 : 1 + rk_sim_below(&w->tape, SIM_SITE_CLIENT, room);
    for (uint64_t i = 0; i < burst && c->state == CLIENT_TALKING; i++) {
        enum sim_op op = rk_user_draw_op(all);
        if (op == SIM_OP_DISCONNECT) {
            leave(all, c);
        } else if (op == SIM_OP_RUDE) {
            rk_user_rude(all, c);
        } else {
            rk_user_request(all, c, op);
        }
    }
}

/* A few requests whose answers the checker will look at, and the keep-alive. */
static void last_word(struct sim_clients *all, struct sim_client *c)
{
    c->is_last_word_said = true;
    if (all->w->opt.node.core.enforce_auth_schemes.data != NULL) {
        rk_user_login(all, c, 0);
    }
    rk_user_simple(all, c, RK_OP_PING);
    rk_user_set(all, c, rk_user_path(all));
    rk_user_get(all, c, RK_OP_GET_CHILDREN2, "/", false);
    rk_user_get(all, c, RK_OP_SYNC, "/", false);
    rk_user_get(all, c, RK_OP_GET_DATA, rk_user_path(all), true);
    c->last_word_xid = c->next_xid - 1;
}

static int64_t think_us(struct sim_clients *all, struct sim_client *c)
{
    int64_t us = rk_sim_delay(all->w, SIM_SITE_CLIENT, all->w->opt.client.think_us_max);
    int64_t ping_us = (int64_t)c->timeout_ms * 1000 / 8;
    bool is_idle = all->w->phase == SIM_PHASE_HEAL
                       ? c->is_last_word_said
                       : all->sent >= all->w->opt.client.request_budget && !all->w->opt.is_script;
    return is_idle || (us > ping_us && all->w->phase == SIM_PHASE_HEAL) ? ping_us : us;
}

/* Until it has something to say again; a faithful client pings meanwhile. */
static void think(struct sim_clients *all, struct sim_client *c)
{
    struct sim_world *w = all->w;
    int64_t ping_us = (int64_t)c->timeout_ms * 1000 / 4;
    if (w->now_us >= c->talk_us) {
        c->talk_us = w->now_us + 1 + think_us(all, c);
    }
    int64_t us = c->talk_us - w->now_us;
    rk_user_act_after(all, c, us > ping_us && w->opt.client.is_faithful ? ping_us : us);
}

static void on_act(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_clients *all = ctx;
    struct sim_client *c = &all->clients[arg & 0xff];
    if (c->token != arg >> 8 || w->phase == SIM_PHASE_DONE) {
        return;
    }
    if (c->lib != NULL) {
        rk_lib_act(all, c);
        return;
    }
    if (c->state == CLIENT_OFF) {
        connect(all, c);
        return;
    }
    if (c->state == CLIENT_SHAKING || c->is_spoiled) {
        leave(all, c);
        return;
    }
    if (w->phase == SIM_PHASE_FAULTS && w->now_us < c->talk_us) {
        rk_user_simple(all, c, RK_OP_PING);
    } else if (w->phase == SIM_PHASE_HEAL) {
        if (!c->is_last_word_said) {
            last_word(all, c);
        } else {
            rk_user_simple(all, c, RK_OP_PING);
        }
    } else if (w->opt.ens.scene.is_on) {
        if (rk_sim_scene_writes(&w->opt, c->index, w->now_us)) {
            rk_user_set(all, c, rk_user_path(all));
            rk_user_create(all, c, RK_OP_CREATE, rk_user_path(all), 2);
        }
    } else if (w->opt.is_script) {
        if (!rk_user_script(all, c)) {
            w->phase = SIM_PHASE_HEAL;
        }
    } else if (all->sent < w->opt.client.request_budget) {
        talk(all, c);
    } else if (c->asked_count == 0) {
        rk_user_simple(all, c, RK_OP_PING);
    }
    if (c->state == CLIENT_TALKING) {
        think(all, c);
    }
}

void rk_sim_clients_start(struct sim_clients *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        rk_user_act_after(all, &all->clients[i],
                          rk_sim_delay(all->w, SIM_SITE_CLIENT, all->w->opt.client.think_us_max));
    }
}

void rk_sim_clients_heal(struct sim_clients *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        struct sim_client *c = &all->clients[i];
        if (c->lib != NULL) {
            rk_lib_heal(all, c);
            continue;
        }
        if (c->state != CLIENT_OFF && (all->w->up_bits & 1u << c->node) == 0) {
            leave(all, c);
        }
        if (is_shared(all, c)) {
            forget_session(c);
            if (c->state != CLIENT_OFF) {
                leave(all, c);
            }
        }
        if (c->state != CLIENT_SHAKING) {
            rk_user_act_after(all, c, 1000); /* else it is answered first, or gives up later */
        }
    }
}

bool rk_sim_clients_are_at_rest(const struct sim_clients *all)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct sim_client *c = &all->clients[i];
        if (c->state != CLIENT_TALKING || !c->is_last_word_answered) {
            return false;
        }
    }
    return true;
}

uint32_t rk_sim_clients_sent(const struct sim_clients *all)
{
    return all->sent;
}

/* -- Receiving -- */

static void take_handshake(struct sim_clients *all, struct sim_client *c, struct rk_bytes frame)
{
    struct rk_connect_response p;
    struct rk_reader r;
    struct rk_arena a;
    rk_arena_init(&a, &all->w->mem);
    rk_reader_init(&r, frame, 1024);
    bool is_ok = rk_proto_read_connect_response(&r, &a, &p);
    RK_ASSERT(is_ok); /* the checker has seen it */
    if (p.session_id == 0) {
        forget_session(c);
    } else {
        bool is_same = p.session_id == c->session;
        if (!is_same) {
            forget_session(c);
        }
        c->session = p.session_id;
        c->timeout_ms = p.time_out;
        memcpy(c->password, p.passwd.data, sizeof(c->password));
        c->state = CLIENT_TALKING;
        if (all->w->phase == SIM_PHASE_HEAL && is_shared(all, c)) {
            forget_session(c);
            leave(all, c);
            rk_arena_deinit(&a);
            return;
        }
        if (is_same) {
            rk_user_resume(all, c);
        }
        c->talk_us = 0;
        think(all, c);
    }
    rk_arena_deinit(&a);
}

static void remember_watch(struct sim_client *c, const struct asked *a, int32_t err)
{
    uint32_t list = a->list;
    if (list == 0 || (err != 0 && (list != 1 + WATCHED_EXIST || err != RK_ZK_NO_NODE))) {
        return;
    }
    list -= 1;
    if (list == WATCHED_EXIST && err == 0) {
        list = WATCHED_DATA;
    }
    struct watch_list *l = &c->watched[list];
    for (uint32_t i = 0; i < l->count; i++) {
        if (strcmp(l->paths[i], a->path) == 0) {
            return;
        }
    }
    if (l->count < SIM_WATCHED_MAX) {
        (void)snprintf(l->paths[l->count++], SIM_PATH_BYTES, "%s", a->path);
    }
}

static void forget_watch(struct sim_client *c, const char *path, uint32_t len)
{
    for (uint32_t k = 0; k < WATCHED_PERSISTENT; k++) {
        struct watch_list *l = &c->watched[k];
        for (uint32_t i = 0; i < l->count; i++) {
            if (strlen(l->paths[i]) == len && memcmp(l->paths[i], path, len) == 0) {
                l->count--;
                memmove(l->paths[i], l->paths[l->count], SIM_PATH_BYTES);
                i--;
            }
        }
    }
}

void rk_user_remember_name(struct sim_clients *all, struct rk_bytes body)
{
    struct rk_reader r;
    rk_reader_init(&r, body, 1024);
    struct rk_bytes path = rk_read_bytes(&r);
    if (path.len > 10 && path.len < SIM_PATH_BYTES && path.data[path.len - 1] <= '9' &&
        path.data[path.len - 10] == '0') {
        char *name = all->made[all->made_total % SIM_MADE_MAX];
        memcpy(name, path.data, path.len);
        name[path.len] = '\0';
        all->made_total++;
        RK_MARK(all->w, SEQUENTIAL);
    }
}

static void take_reply(struct sim_clients *all, struct sim_client *c, struct rk_bytes frame)
{
    int32_t xid = rk_load_i32(frame.data);
    rk_zxid zxid = rk_load_i64(frame.data + 4);
    int32_t err = rk_load_i32(frame.data + 12);
    if (zxid > 0 && zxid < c->seen) {
        rk_sim_fail(all->w, "client %u has seen zxid %llx and is shown %llx", c->index,
                    (unsigned long long)c->seen, (unsigned long long)zxid);
    }
    if (zxid > c->seen) {
        c->seen = zxid;
    }
    if (xid == -1) {
        uint32_t len = frame.len - 28;
        forget_watch(c, (const char *)frame.data + 28, len);
        return;
    }
    if (xid == -4 && err != 0) {
        memset(c->is_user, 0, sizeof(c->is_user)); /* not again */
    }
    if (c->asked_count == 0 || c->asked[c->asked_first].xid != xid) {
        return; /* auth, or something rude */
    }
    const struct asked a = c->asked[c->asked_first];
    c->asked_first = (c->asked_first + 1) % SIM_ASKED_MAX;
    c->asked_count--;
    remember_watch(c, &a, err);
    c->is_last_word_answered =
        c->is_last_word_answered || (c->is_last_word_said && xid == c->last_word_xid);
    if (err == 0 && (a.op == RK_OP_CREATE || a.op == RK_OP_CREATE2)) {
        rk_user_remember_name(all, rk_bytes_of(frame.data + 16, frame.len - 16));
    }
    if (a.op == RK_OP_CLOSE_SESSION && err == 0) {
        forget_session(c);
    }
}

void rk_sim_client_bytes(struct sim_clients *all, uint32_t client, rk_conn_id id,
                         struct rk_bytes bytes)
{
    struct sim_client *c = &all->clients[client];
    if (c->lib != NULL) {
        rk_lib_bytes(all, c, id, bytes);
        return;
    }
    if (c->conn != id) {
        return; /* of a connection it has given up */
    }
    rk_buf_put(&c->in, bytes.data, bytes.len);
    struct rk_bytes in = rk_buf_view(&c->in);
    struct rk_bytes frame;
    while (c->conn == id && rk_frame_next(&in, INT32_MAX, &frame) == RK_OK) {
        if (c->state == CLIENT_SHAKING) {
            take_handshake(all, c, frame);
        } else {
            take_reply(all, c, frame);
        }
    }
    if (c->conn == id) {
        memmove(c->in.data, c->in.data + (c->in.len - in.len), in.len);
        c->in.len = in.len;
    }
}

void rk_sim_client_gone(struct sim_clients *all, uint32_t client, rk_conn_id id)
{
    struct sim_client *c = &all->clients[client];
    if (c->lib != NULL) {
        rk_lib_gone(all, c, id);
    } else if (c->conn == id) {
        go_off(all, c, RETRY_US + rk_sim_delay(all->w, SIM_SITE_CLIENT, RETRY_US));
    }
}
