/* Byte streams with a will of their own. */
#include "sim/net.h"

#include "sim/client.h"
#include "sim/node.h"

#include <stdio.h>
#include <string.h>

#define FROZEN_US        5000
#define STREAM_BYTES_MAX ((size_t)256 << 20)
#define SLOT_OF(id)      ((uint32_t)((id)&UINT32_MAX))

struct stream {
    struct rk_buf bytes; /* under way */
    bool is_due;         /* a delivery is in the world's queue */
    bool is_ending;      /* the sender has closed: the end comes behind the bytes */
    bool has_ended;      /* the receiver knows */
};

struct sim_conn {
    rk_conn_id id; /* 0: free */
    uint32_t client;
    uint32_t node;
    bool is_accepted; /* the server knows it */
    bool is_held;
    bool is_closing;    /* by the server */
    bool is_forgotten;  /* the server is done with it */
    bool is_left;       /* the client is done with it */
    struct stream up;   /* to the server */
    struct stream down; /* to the client */
    struct rk_buf arrived;
};

struct sim_net {
    struct sim_world *w;
    uint32_t generation;
    struct sim_conn conns[SIM_CONNS_MAX];
};

struct sim_net *rk_sim_net_create(struct sim_world *w)
{
    struct sim_net *net = rk_mem_must_zalloc(&w->mem, sizeof(*net));
    net->w = w;
    for (uint32_t i = 0; i < SIM_CONNS_MAX; i++) {
        rk_buf_init(&net->conns[i].up.bytes, &w->mem, STREAM_BYTES_MAX);
        rk_buf_init(&net->conns[i].down.bytes, &w->mem, STREAM_BYTES_MAX);
        rk_buf_init(&net->conns[i].arrived, &w->mem, STREAM_BYTES_MAX);
    }
    return net;
}

void rk_sim_net_destroy(struct sim_net *net)
{
    for (uint32_t i = 0; i < SIM_CONNS_MAX; i++) {
        rk_buf_deinit(&net->conns[i].up.bytes);
        rk_buf_deinit(&net->conns[i].down.bytes);
        rk_buf_deinit(&net->conns[i].arrived);
    }
    rk_mem_free(&net->w->mem, net, sizeof(*net));
}

static struct sim_conn *find(const struct sim_net *net, rk_conn_id id)
{
    const struct sim_conn *c = &net->conns[SLOT_OF(id)];
    RK_ASSERT(SLOT_OF(id) < SIM_CONNS_MAX);
    return id != 0 && c->id == id ? (struct sim_conn *)c : NULL;
}

static struct sim_node *server_of(const struct sim_net *net, const struct sim_conn *c)
{
    return net->w->nodes[c->node];
}

static void reset_stream(struct stream *s)
{
    rk_buf_reset(&s->bytes);
    s->is_due = false;
    s->is_ending = false;
    s->has_ended = false;
}

static void free_if_done(struct sim_conn *c)
{
    if (c->is_forgotten && c->is_left) {
        c->id = 0;
    }
}

static void on_up(struct sim_world *w, void *ctx, uint64_t id);
static void on_down(struct sim_world *w, void *ctx, uint64_t id);

static void schedule(struct sim_net *net, struct sim_conn *c, struct stream *s)
{
    if (s->is_due || (s->bytes.len == 0 && (!s->is_ending || s->has_ended))) {
        return;
    }
    s->is_due = true;
    rk_sim_after(net->w, rk_sim_delay(net->w, SIM_SITE_NET, net->w->opt.net.delay_us_max),
                 s == &c->up ? on_up : on_down, net, c->id);
}

/* -- Delivery -- */

/* How much of it comes in one piece. */
static size_t draw_piece(struct sim_net *net, size_t len)
{
    if (len > 1 && rk_sim_pct(net->w, SIM_SITE_NET, net->w->opt.net.split_pct)) {
        RK_MARK(net->w, NET_SPLIT);
        return 1 + rk_sim_below(&net->w->tape, SIM_SITE_NET, len - 1);
    }
    return len;
}

static void cut_front(struct rk_buf *b, size_t n)
{
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

/* Both sides lose it; bytes under way are gone. */
static void reset(struct sim_net *net, struct sim_conn *c)
{
    RK_MARK(net->w, NET_RESET);
    rk_sim_trace_line(&net->w->trace, net->w->now_us, "net reset", c->id, 0, rk_bytes_str(NULL));
    rk_buf_reset(&c->up.bytes);
    rk_buf_reset(&c->down.bytes);
    c->up.is_ending = true;
    c->down.is_ending = true;
    c->is_held = false;
    schedule(net, c, &c->up);
    schedule(net, c, &c->down);
}

static bool may_reset(struct sim_net *net)
{
    uint32_t ppm = net->w->phase == SIM_PHASE_FAULTS ? net->w->opt.net.reset_ppm : 0;
    return ppm > 0 && rk_sim_chance(&net->w->tape, SIM_SITE_NET, ppm, 1000000);
}

static void accept(struct sim_net *net, struct sim_conn *c)
{
    char address[32];
    (void)snprintf(address, sizeof(address), "10.0.%u.%u", c->client / 4 % 256, c->client % 4 + 1);
    c->is_accepted = true;
    rk_sim_node_conn_open(server_of(net, c), c->id, rk_bytes_str(address));
}

static void on_up(struct sim_world *w, void *ctx, uint64_t id)
{
    struct sim_net *net = ctx;
    struct sim_conn *c = find(net, id);
    if (c == NULL || c->is_forgotten) {
        return;
    }
    c->up.is_due = false;
    if (!c->is_accepted) {
        if (!rk_sim_node_is_serving(server_of(net, c))) {
            return; /* its end is on the way */
        }
        if (rk_sim_node_is_frozen(server_of(net, c))) {
            c->up.is_due = true;
            rk_sim_after(w, FROZEN_US, on_up, net, id);
            return;
        }
        accept(net, c);
    }
    if (c->is_held && !c->is_closing) {
        return; /* goes on when it is released */
    }
    if (may_reset(net)) {
        reset(net, c);
        return;
    }
    if (c->up.bytes.len > 0) {
        size_t n = draw_piece(net, c->up.bytes.len);
        if (!c->is_closing) {
            rk_buf_put(&c->arrived, c->up.bytes.data, n);
        }
        cut_front(&c->up.bytes, n);
    } else if (c->up.is_ending) {
        c->up.has_ended = true;
    }
    rk_sim_node_wake(server_of(net, c));
    schedule(net, c, &c->up);
}

static void on_down(struct sim_world *w, void *ctx, uint64_t id)
{
    struct sim_net *net = ctx;
    struct sim_conn *c = find(net, id);
    if (c == NULL) {
        return;
    }
    c->down.is_due = false;
    if (may_reset(net)) {
        reset(net, c);
        return;
    }
    if (c->down.bytes.len > 0) {
        size_t n = draw_piece(net, c->down.bytes.len);
        if (!c->is_left) {
            rk_sim_client_bytes(w->clients, c->client, id, rk_bytes_of(c->down.bytes.data, n));
        }
        if (c->id != id) {
            return; /* closed in return */
        }
        cut_front(&c->down.bytes, n);
    } else if (c->down.is_ending && !c->down.has_ended) {
        c->down.has_ended = true;
        bool was_left = c->is_left;
        c->is_left = true;
        c->up.is_ending = true;
        schedule(net, c, &c->up);
        if (!was_left) {
            rk_sim_client_gone(w->clients, c->client, id);
        }
        free_if_done(c);
        return;
    }
    schedule(net, c, &c->down);
}

/* -- Client's side -- */

rk_conn_id rk_sim_net_connect(struct sim_net *net, uint32_t client, uint32_t node)
{
    if (!rk_sim_node_is_serving(net->w->nodes[node])) {
        return 0;
    }
    for (uint32_t slot = 1; slot < SIM_CONNS_MAX; slot++) {
        struct sim_conn *c = &net->conns[slot];
        if (c->id != 0) {
            continue;
        }
        net->generation++;
        c->id = (rk_conn_id)net->generation << 32 | slot;
        c->client = client;
        c->node = node;
        c->is_accepted = false;
        c->is_held = false;
        c->is_closing = false;
        c->is_forgotten = false;
        c->is_left = false;
        reset_stream(&c->up);
        reset_stream(&c->down);
        rk_buf_reset(&c->arrived);
        return c->id;
    }
    return 0;
}

void rk_sim_net_client_send(struct sim_net *net, rk_conn_id id, struct rk_bytes bytes)
{
    struct sim_conn *c = find(net, id);
    if (c != NULL && !c->up.is_ending) {
        rk_buf_put(&c->up.bytes, bytes.data, bytes.len);
        schedule(net, c, &c->up);
    }
}

void rk_sim_net_client_close(struct sim_net *net, rk_conn_id id, bool is_orderly)
{
    struct sim_conn *c = find(net, id);
    if (c == NULL || c->is_left) {
        return;
    }
    c->is_left = true;
    c->up.is_ending = true;
    if (!is_orderly) {
        size_t kept = rk_sim_below(&net->w->tape, SIM_SITE_NET, c->up.bytes.len + 1);
        c->up.bytes.len = kept;
    }
    if (!c->is_accepted && !rk_sim_node_is_serving(server_of(net, c))) {
        c->is_forgotten = true;
    }
    schedule(net, c, &c->up);
    free_if_done(c);
}

/* -- Server's side -- */

void rk_sim_net_server_send(struct sim_net *net, rk_conn_id id, struct rk_bytes bytes)
{
    struct sim_conn *c = find(net, id);
    if (c != NULL && !c->is_closing && !c->down.is_ending) {
        rk_buf_put(&c->down.bytes, bytes.data, bytes.len);
        schedule(net, c, &c->down);
    }
}

static void on_flushed(struct sim_world *w, void *ctx, uint64_t id)
{
    struct sim_net *net = ctx;
    struct sim_conn *c = find(net, id);
    if (c != NULL && rk_sim_node_is_frozen(server_of(net, c))) {
        rk_sim_after(w, FROZEN_US, on_flushed, net, id);
    } else if (c != NULL) {
        rk_sim_node_conn_gone(server_of(net, c), id);
    }
}

void rk_sim_net_server_close(struct sim_net *net, rk_conn_id id)
{
    struct sim_conn *c = find(net, id);
    if (c == NULL || c->is_closing) {
        return;
    }
    c->is_closing = true;
    c->is_held = false;
    rk_buf_reset(&c->arrived);
    c->down.is_ending = true;
    schedule(net, c, &c->down);
    rk_sim_after(net->w, rk_sim_delay(net->w, SIM_SITE_NET, net->w->opt.net.delay_us_max),
                 on_flushed, net, id);
}

void rk_sim_net_server_hold(struct sim_net *net, rk_conn_id id, bool is_held)
{
    struct sim_conn *c = find(net, id);
    if (c == NULL || c->is_closing) {
        return;
    }
    c->is_held = is_held;
    if (!is_held) {
        schedule(net, c, &c->up);
        rk_sim_node_wake(server_of(net, c));
    }
}

bool rk_sim_net_is_held(const struct sim_net *net, rk_conn_id id)
{
    const struct sim_conn *c = find(net, id);
    return c != NULL && c->is_held;
}

void rk_sim_net_server_died(struct sim_net *net, uint32_t node)
{
    for (uint32_t slot = 1; slot < SIM_CONNS_MAX; slot++) {
        struct sim_conn *c = &net->conns[slot];
        if (c->id == 0 || c->node != node || c->is_forgotten) {
            continue;
        }
        c->is_forgotten = true;
        rk_buf_reset(&c->arrived);
        if (rk_sim_chance(&net->w->tape, SIM_SITE_NET, 1, 2)) {
            c->down.bytes.len = rk_sim_below(&net->w->tape, SIM_SITE_NET, c->down.bytes.len + 1);
        }
        c->down.is_ending = true;
        schedule(net, c, &c->down);
        free_if_done(c);
    }
}

struct rk_buf *rk_sim_net_arrived(struct sim_net *net, uint32_t node, uint32_t slot,
                                  rk_conn_id *ret_id)
{
    struct sim_conn *c = &net->conns[slot];
    if (c->id == 0 || c->node != node || !c->is_accepted || c->is_closing || c->is_forgotten) {
        return NULL;
    }
    *ret_id = c->id;
    return &c->arrived;
}

bool rk_sim_net_is_eof(const struct sim_net *net, rk_conn_id id)
{
    const struct sim_conn *c = find(net, id);
    return c != NULL && c->up.has_ended;
}

bool rk_sim_net_is_known(const struct sim_net *net, rk_conn_id id)
{
    const struct sim_conn *c = find(net, id);
    return c != NULL && c->is_accepted && !c->is_forgotten;
}

void rk_sim_net_server_forget(struct sim_net *net, rk_conn_id id)
{
    struct sim_conn *c = find(net, id);
    RK_ASSERT(c != NULL && !c->is_forgotten);
    c->is_forgotten = true;
    rk_buf_reset(&c->arrived);
    if (!c->is_left) {
        c->down.is_ending = true;
        schedule(net, c, &c->down);
    }
    free_if_done(c);
}
