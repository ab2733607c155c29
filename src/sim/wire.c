/* Channels between servers. */
#include "sim/wire.h"

#include "sim/node_int.h"
#include "sim/plan.h"
#include "sim/sniff.h"

#include <stdio.h>
#include <string.h>

#define LINES_MAX        256u
#define STREAM_BYTES_MAX ((size_t)256 << 20)
#define DIAL_AGAIN_US    200000
#define UNSENT_BYTES_MAX ((size_t)64 << 20) /* more closes the channel */
#define CLOSE_US_MAX     1000000
#define OTHER(side)      (1u - (side))

/* One direction: from the end of the same index to the other. */
struct flow {
    struct rk_buf bytes; /* under way */
    bool is_due;         /* a delivery is in the world's queue */
    bool is_ending;      /* the end comes behind the bytes */
    bool is_reset;       /* ... and does not wait for them */
    bool has_ended;      /* the receiver's kernel knows */
    bool is_breaking;    /* ... after so many bytes more */
    uint64_t left;
    struct sim_sniff *sent;
    struct sim_sniff *received;
};

/* One end: what a process has of the line. */
struct end {
    uint32_t node;
    rk_chan_id id;   /* 0: the process does not have it (yet, or any more) */
    bool is_new;     /* CONNECTED or ACCEPTED is to be told */
    bool is_failed;  /* a dial: CLOSED is to be told */
    bool is_closing; /* by the process; CLOSED is to be told when is_flushed */
    bool is_flushed;
    bool is_paused;
    bool has_mark;
    bool is_gone; /* the process has let go of it, or died */
    bool is_mute; /* ... with its host: nobody sends a reset */
    struct rk_buf arrived;
};

enum line_state {
    LINE_FREE,
    LINE_DIALING,
    LINE_UP,
};

struct line {
    enum line_state state;
    uint32_t generation;
    enum rk_chan_port port;
    int64_t dial_until_us;
    struct end ends[2]; /* who dialed, who was dialed */
    struct flow flows[2];
};

struct sim_wire {
    struct sim_world *w;
    uint64_t next_id;
    uint32_t line_count; /* slots that were ever used */
    bool is_cut[SIM_NODES_MAX][SIM_NODES_MAX];
    struct line lines[LINES_MAX];
};

/* -- Lines -- */

struct sim_wire *rk_wire_create(struct sim_world *w)
{
    struct sim_wire *wire = rk_mem_must_zalloc(&w->mem, sizeof(*wire));
    wire->w = w;
    for (uint32_t i = 0; i < LINES_MAX; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            struct line *l = &wire->lines[i];
            rk_buf_init(&l->ends[side].arrived, &w->mem, STREAM_BYTES_MAX);
            rk_buf_init(&l->flows[side].bytes, &w->mem, STREAM_BYTES_MAX);
        }
    }
    return wire;
}

static void free_sniffers(struct flow *f)
{
    rk_sniff_destroy(f->sent);
    rk_sniff_destroy(f->received);
    f->sent = NULL;
    f->received = NULL;
}

void rk_wire_destroy(struct sim_wire *wire)
{
    for (uint32_t i = 0; i < LINES_MAX; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            rk_buf_deinit(&wire->lines[i].ends[side].arrived);
            rk_buf_deinit(&wire->lines[i].flows[side].bytes);
            free_sniffers(&wire->lines[i].flows[side]);
        }
    }
    rk_mem_free(&wire->w->mem, wire, sizeof(*wire));
}

void rk_wire_host(uint32_t node, char ret[16])
{
    (void)snprintf(ret, 16, "10.1.0.%u", (node + 1) % 100);
}

static bool host_of(struct rk_bytes name, uint32_t count, uint32_t *ret)
{
    for (uint32_t i = 0; i < count; i++) {
        char host[16];
        rk_wire_host(i, host);
        if (rk_bytes_is(name, host)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static uint64_t key_of(const struct sim_wire *wire, const struct line *l)
{
    return (uint64_t)l->generation << 16 | (uint64_t)(l - wire->lines);
}

static struct line *line_of(struct sim_wire *wire, uint64_t key)
{
    struct line *l = &wire->lines[key & 0xffff];
    return l->state != LINE_FREE && l->generation == key >> 16 ? l : NULL;
}

static struct end *end_of(struct sim_wire *wire, uint32_t node, rk_chan_id id, struct line **ret)
{
    for (uint32_t i = 0; i < wire->line_count; i++) {
        struct line *l = &wire->lines[i];
        for (uint32_t side = 0; side < 2 && l->state != LINE_FREE; side++) {
            if (l->ends[side].node == node && l->ends[side].id == id && !l->ends[side].is_gone) {
                *ret = l;
                return &l->ends[side];
            }
        }
    }
    return NULL;
}

static void free_if_over(struct line *l)
{
    if (l->ends[0].is_gone && l->ends[1].is_gone) {
        l->state = LINE_FREE;
        for (uint32_t side = 0; side < 2; side++) {
            rk_buf_reset(&l->ends[side].arrived);
            rk_buf_reset(&l->flows[side].bytes);
            free_sniffers(&l->flows[side]);
        }
    }
}

static void wake(struct sim_wire *wire, const struct end *e)
{
    rk_sim_node_wake(wire->w->nodes[e->node]);
}

/* -- Delivery -- */

static void on_deliver(struct sim_world *w, void *ctx, uint64_t arg);

static bool is_cut(const struct sim_wire *wire, const struct line *l, uint32_t from_side)
{
    return wire->is_cut[l->ends[from_side].node][l->ends[OTHER(from_side)].node];
}

static bool has_room(const struct sim_wire *wire, const struct end *e)
{
    return e->is_gone || e->is_closing || e->arrived.len < wire->w->opt.ens.wire.receive_bytes;
}

static void schedule(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct flow *f = &l->flows[side];
    bool has_work = f->bytes.len > 0 || (f->is_ending && !f->has_ended);
    if (f->is_due || !has_work || l->state != LINE_UP || is_cut(wire, l, side) ||
        (!f->is_reset && !has_room(wire, &l->ends[OTHER(side)]))) {
        return;
    }
    f->is_due = true;
    rk_sim_after(wire->w, rk_sim_delay(wire->w, SIM_SITE_NET, wire->w->opt.ens.wire.delay_us_max),
                 on_deliver, wire, key_of(wire, l) << 1 | side);
}

static void reset_line(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct flow *f = &l->flows[side];
    rk_buf_reset(&f->bytes);
    f->is_ending = true;
    f->is_reset = true;
    schedule(wire, l, side);
}

/* The receiver has a part of it. */
static void break_off(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct flow *f = &l->flows[side];
    RK_MARK(wire->w, SYNC_BROKEN);
    rk_buf_reset(&f->bytes);
    f->is_breaking = false;
    f->is_ending = true;
    reset_line(wire, l, OTHER(side));
}

static bool is_due_for_reset(struct sim_wire *wire)
{
    uint32_t ppm = wire->w->phase == SIM_PHASE_FAULTS ? wire->w->opt.ens.wire.reset_ppm : 0;
    return ppm > 0 && rk_sim_chance(&wire->w->tape, SIM_SITE_NET, ppm, 1000000);
}

static bool is_overflow_due(struct sim_wire *wire)
{
    uint32_t ppm = wire->w->phase == SIM_PHASE_FAULTS ? wire->w->opt.ens.wire.overflow_ppm : 0;
    return ppm > 0 && rk_sim_chance(&wire->w->tape, SIM_SITE_NET, ppm, 1000000);
}

static size_t draw_piece(struct sim_wire *wire, size_t len)
{
    if (len > 1 && rk_sim_pct(wire->w, SIM_SITE_NET, wire->w->opt.ens.wire.split_pct)) {
        return 1 + rk_sim_below(&wire->w->tape, SIM_SITE_NET, len - 1);
    }
    return len;
}

static void take_end(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct end *to = &l->ends[OTHER(side)];
    l->flows[side].has_ended = true;
    if (!to->is_gone) {
        wake(wire, to);
    }
}

/* What arrives where nobody is any more is answered with a reset, if there is a host to do it. */
static void bounce(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct flow *f = &l->flows[side];
    if (l->ends[OTHER(side)].is_mute) {
        return; /* retransmitted until the host is up */
    }
    rk_buf_reset(&f->bytes);
    f->has_ended = f->is_ending;
    if (!l->ends[side].is_gone) {
        reset_line(wire, l, OTHER(side));
    }
    free_if_over(l);
}

static void on_deliver(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_wire *wire = ctx;
    struct line *l = line_of(wire, arg >> 1);
    uint32_t side = (uint32_t)(arg & 1);
    (void)w;
    if (l == NULL) {
        return;
    }
    struct flow *f = &l->flows[side];
    struct end *to = &l->ends[OTHER(side)];
    f->is_due = false;
    if (is_cut(wire, l, side)) {
        return;
    }
    if (to->is_gone) {
        bounce(wire, l, side);
        return;
    }
    if (is_due_for_reset(wire)) {
        RK_MARK(wire->w, WIRE_RESET);
        reset_line(wire, l, OTHER(side));
        reset_line(wire, l, side);
        return;
    }
    if (f->is_reset || (f->bytes.len == 0 && f->is_ending)) {
        take_end(wire, l, side);
    } else if (f->bytes.len > 0 && has_room(wire, to)) {
        size_t n = draw_piece(wire, f->bytes.len);
        n = f->is_breaking && n > f->left ? (size_t)f->left : n;
        if (!to->is_closing) {
            rk_buf_put(&to->arrived, f->bytes.data, n);
        }
        memmove(f->bytes.data, f->bytes.data + n, f->bytes.len - n);
        f->bytes.len -= n;
        f->left -= f->is_breaking ? n : 0;
        wake(wire, to);
        if (l->ends[side].has_mark && !l->ends[side].is_gone) {
            wake(wire, &l->ends[side]);
        }
        if (f->is_breaking && f->left == 0) {
            break_off(wire, l, side);
        }
    }
    schedule(wire, l, side);
}

/* -- Dialing -- */

static void on_dial(struct sim_world *w, void *ctx, uint64_t key)
{
    struct sim_wire *wire = ctx;
    struct line *l = line_of(wire, key);
    if (l == NULL || l->state != LINE_DIALING) {
        return;
    }
    struct end *from = &l->ends[0];
    struct end *to = &l->ends[1];
    const struct sim_node *host = w->nodes[to->node];
    bool is_lost = wire->is_cut[from->node][to->node] || wire->is_cut[to->node][from->node] ||
                   rk_sim_node_has_no_power(host);
    if (is_lost && w->now_us < l->dial_until_us) {
        int64_t wait_us = l->dial_until_us - w->now_us;
        rk_sim_after(w, wait_us < DIAL_AGAIN_US ? wait_us : DIAL_AGAIN_US, on_dial, wire, key);
        return;
    }
    if (is_lost || rk_sim_node_is_down(host)) {
        w->stats.marks[is_lost ? SIM_MARK_DIAL_TIMED_OUT : SIM_MARK_DIAL_REFUSED]++;
        from->is_failed = true;
        to->is_gone = true;
        wake(wire, from);
        return;
    }
    l->state = LINE_UP;
    from->is_new = true;
    to->is_new = true;
    to->id = ++wire->next_id;
    wake(wire, from);
    wake(wire, to);
}

static void open_line(struct line *l, uint32_t node, uint32_t host, rk_chan_id id)
{
    l->generation++;
    l->state = LINE_DIALING;
    for (uint32_t side = 0; side < 2; side++) {
        struct rk_buf arrived = l->ends[side].arrived;
        struct rk_buf bytes = l->flows[side].bytes;
        l->ends[side] = (struct end){.node = side == 0 ? node : host, .arrived = arrived};
        l->flows[side] = (struct flow){.bytes = bytes};
    }
    l->ends[0].id = id;
}

static void dial(struct sim_wire *wire, uint32_t node, const struct rk_effect *e,
                 struct rk_bytes name)
{
    struct sim_world *w = wire->w;
    uint32_t host = 0;
    struct line *l = NULL;
    bool is_known = host_of(name, w->node_count, &host);
    for (uint32_t i = 0; i < LINES_MAX && l == NULL; i++) {
        l = wire->lines[i].state == LINE_FREE ? &wire->lines[i] : NULL;
    }
    if (l == NULL || !is_known) {
        rk_sim_fail(w, "server %u dials %.*s, and %s", node + 1, (int)name.len,
                    (const char *)name.data, l == NULL ? "has too many lines" : "nobody has it");
    }
    if ((uint32_t)(l - wire->lines) >= wire->line_count) {
        wire->line_count = (uint32_t)(l - wire->lines) + 1;
    }
    open_line(l, node, host, e->u.chan.chan);
    l->port = e->u.chan.port;
    l->dial_until_us = w->now_us + (int64_t)e->u.chan.timeout_ms * 1000;
    rk_sim_after(w, rk_sim_delay(w, SIM_SITE_NET, w->opt.ens.wire.delay_us_max), on_dial, wire,
                 key_of(wire, l));
}

/* -- Effects -- */

/* reliability.md A8, A14: a learner that sees a part of a synchronisation. */
static void sniff(struct sim_wire *wire, struct line *l, uint32_t side, struct rk_bytes bytes)
{
    struct flow *f = &l->flows[side];
    struct sim_world *w = wire->w;
    if (f->sent == NULL) {
        f->sent = rk_sniff_create(w, l->ends[side].node, l->ends[OTHER(side)].node, false);
    }
    rk_sniff_take(f->sent, bytes);
    if (rk_sniff_has_begun_sync(f->sent)) {
        rk_sim_plan_sync_began(w->plan, l->ends[side].node, l->ends[OTHER(side)].node);
    }
    if (rk_sniff_has_begun_sync(f->sent) && w->phase == SIM_PHASE_FAULTS &&
        rk_sim_pct(w, SIM_SITE_NET, w->opt.ens.wire.sync_break_pct)) {
        f->is_breaking = true;
        f->left = f->bytes.len +
                  (uint64_t)rk_sim_log_between(&w->tape, SIM_SITE_NET, 1, (int64_t)bytes.len + 500);
    }
}

static void send_bytes(struct sim_wire *wire, uint32_t node, rk_chan_id id, struct rk_bytes bytes)
{
    struct line *l;
    struct end *e = end_of(wire, node, id, &l);
    if (e == NULL || e->is_closing) {
        return; /* it has been closed, and the core has not heard of it */
    }
    uint32_t side = e == &l->ends[1];
    struct flow *f = &l->flows[side];
    if (l->port == RK_PORT_QUORUM) {
        sniff(wire, l, side, bytes);
    }
    if (f->is_ending) {
        return;
    }
    rk_buf_put(&f->bytes, bytes.data, bytes.len);
    if (f->bytes.len > UNSENT_BYTES_MAX || is_overflow_due(wire)) {
        RK_MARK(wire->w, CHAN_OVERFLOW);
        e->is_closing = true;
        e->is_flushed = true;
        reset_line(wire, l, side);
        wake(wire, e);
        return;
    }
    schedule(wire, l, side);
}

static void on_close_time(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_wire *wire = ctx;
    struct line *l = line_of(wire, arg >> 1);
    (void)w;
    if (l == NULL || l->ends[arg & 1].is_gone || l->ends[arg & 1].is_flushed) {
        return;
    }
    l->ends[arg & 1].is_flushed = true;
    wake(wire, &l->ends[arg & 1]);
}

static void close_end(struct sim_wire *wire, struct line *l, struct end *e)
{
    uint32_t side = e == &l->ends[1];
    if (e->is_closing) {
        return;
    }
    e->is_closing = true;
    rk_buf_reset(&e->arrived);
    l->flows[side].is_ending = true;
    schedule(wire, l, side);
    schedule(wire, l, OTHER(side));
    int64_t us_max = l->flows[side].bytes.len > wire->w->opt.ens.wire.send_bytes
                         ? CLOSE_US_MAX
                         : wire->w->opt.ens.wire.delay_us_max;
    rk_sim_after(wire->w, rk_sim_delay(wire->w, SIM_SITE_NET, us_max), on_close_time, wire,
                 key_of(wire, l) << 1 | side);
}

static void one_effect(struct sim_wire *wire, uint32_t node, const struct rk_effect *e)
{
    struct line *l;
    struct end *end = end_of(wire, node, e->u.chan.chan, &l);
    if (end == NULL) {
        return;
    }
    switch (e->kind) {
    case RK_FX_CHAN_MARK:
        end->has_mark = true;
        wake(wire, end);
        break;
    case RK_FX_CHAN_PAUSE:
        end->is_paused = true;
        break;
    case RK_FX_CHAN_RESUME:
        end->is_paused = false;
        wake(wire, end);
        break;
    default:
        RK_ASSERT(e->kind == RK_FX_CHAN_CLOSE);
        close_end(wire, l, end);
        break;
    }
}

void rk_wire_effect(struct sim_wire *wire, uint32_t node, const struct rk_effect *e,
                    struct rk_bytes bytes, const rk_chan_id *many)
{
    switch (e->kind) {
    case RK_FX_CHAN_DIAL:
        dial(wire, node, e, bytes);
        break;
    case RK_FX_CHAN_SEND:
        send_bytes(wire, node, e->u.chan.chan, bytes);
        break;
    case RK_FX_CHAN_SEND_MANY:
        for (uint32_t i = 0; i < e->u.many.count; i++) {
            send_bytes(wire, node, many[i], bytes);
        }
        break;
    default:
        one_effect(wire, node, e);
        break;
    }
}

/* -- Events -- */

static bool has_ended(const struct line *l, uint32_t side)
{
    return l->flows[OTHER(side)].has_ended;
}

static void let_go(struct sim_wire *wire, struct line *l, uint32_t side)
{
    struct end *e = &l->ends[side];
    e->is_gone = true;
    rk_buf_reset(&e->arrived);
    if (!l->flows[side].is_ending) {
        rk_buf_reset(&l->flows[side].bytes);
        l->flows[side].is_ending = true;
    }
    schedule(wire, l, side);
    schedule(wire, l, OTHER(side));
    free_if_over(l);
}

static void give(struct sim_wire *wire, struct sim_node *n, struct line *l, uint32_t side,
                 enum rk_event_kind kind)
{
    struct end *e = &l->ends[side];
    struct flow *in = &l->flows[OTHER(side)];
    struct rk_event event = rk_node_event(n, kind, 0);
    char host[16];
    event.u.chan.chan = e->id;
    event.u.chan.port = l->port;
    event.u.chan.bytes = rk_bytes_of("", 0);
    if (kind == RK_EV_CHAN_ACCEPTED) {
        rk_wire_host(l->ends[OTHER(side)].node, host);
        event.u.chan.bytes = rk_bytes_str(host);
    } else if (kind == RK_EV_CHAN_CLOSED) {
        event.u.chan.bytes = rk_bytes_str("closed");
        let_go(wire, l, side);
    } else if (kind == RK_EV_CHAN_BYTES) {
        event.u.chan.bytes = rk_buf_view(&e->arrived);
        if (l->port == RK_PORT_QUORUM) {
            if (in->received == NULL) {
                in->received = rk_sniff_create(wire->w, l->ends[OTHER(side)].node, n->index, true);
            }
            rk_sniff_take(in->received, event.u.chan.bytes);
            rk_sim_check_heard(wire->w->checks[n->index], l->ends[OTHER(side)].node);
        }
    }
    rk_node_step(n, &event);
    if (kind == RK_EV_CHAN_BYTES) {
        rk_buf_reset(&e->arrived);
        schedule(wire, l, OTHER(side));
    }
}

/* The next event of this end, or RK_EV_TICK for none. */
static enum rk_event_kind next_event(const struct sim_wire *wire, const struct line *l,
                                     uint32_t side)
{
    const struct end *e = &l->ends[side];
    if (e->is_new) {
        return side == 0 ? RK_EV_CHAN_CONNECTED : RK_EV_CHAN_ACCEPTED;
    }
    if (e->is_failed || (e->is_closing && e->is_flushed)) {
        return RK_EV_CHAN_CLOSED;
    }
    if (e->is_closing || l->state != LINE_UP) {
        return RK_EV_TICK;
    }
    if (e->has_mark && l->flows[side].bytes.len <= wire->w->opt.ens.wire.send_bytes) {
        return RK_EV_CHAN_FLUSHED;
    }
    if (l->flows[OTHER(side)].is_reset && has_ended(l, side)) {
        return RK_EV_CHAN_CLOSED;
    }
    if (e->is_paused) {
        return RK_EV_TICK;
    }
    if (e->arrived.len > 0) {
        return RK_EV_CHAN_BYTES;
    }
    return has_ended(l, side) ? RK_EV_CHAN_CLOSED : RK_EV_TICK;
}

static bool turn_of(struct sim_wire *wire, struct sim_node *n, struct line *l, uint32_t side)
{
    struct end *e = &l->ends[side];
    if (l->state == LINE_FREE || e->node != n->index || e->id == 0 || e->is_gone) {
        return false;
    }
    enum rk_event_kind kind = next_event(wire, l, side);
    if (kind == RK_EV_TICK) {
        return false;
    }
    if (kind == RK_EV_CHAN_FLUSHED) {
        e->has_mark = false;
    }
    e->is_new = false;
    give(wire, n, l, side, kind);
    return true;
}

bool rk_wire_turn(struct sim_wire *wire, struct sim_node *n)
{
    bool is_more = false;
    uint32_t count = 2 * wire->line_count;
    if (count == 0) {
        return false;
    }
    uint32_t first = (uint32_t)rk_sim_below(&wire->w->tape, SIM_SITE_NODE, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (first + i) % count;
        is_more |= turn_of(wire, n, &wire->lines[at / 2], at % 2);
    }
    return is_more;
}

/* -- Hosts and paths -- */

static void end_died(struct sim_wire *wire, struct line *l, uint32_t side, bool has_power)
{
    struct end *e = &l->ends[side];
    struct flow *out = &l->flows[side];
    if (l->state == LINE_DIALING) {
        if (side == 0) {
            l->ends[1].is_gone = true;
            e->is_gone = true;
            free_if_over(l);
        }
        return; /* nobody listens: whoever dials will find out */
    }
    e->is_gone = true;
    e->is_mute = !has_power;
    rk_buf_reset(&e->arrived);
    if (has_power) {
        out->bytes.len = rk_sim_below(&wire->w->tape, SIM_SITE_NET, out->bytes.len + 1);
        out->is_ending = true;
    } else {
        rk_buf_reset(&out->bytes);
    }
    schedule(wire, l, side);
    schedule(wire, l, OTHER(side));
    free_if_over(l);
}

void rk_wire_died(struct sim_wire *wire, uint32_t node, bool has_power)
{
    for (uint32_t i = 0; i < wire->line_count; i++) {
        struct line *l = &wire->lines[i];
        for (uint32_t side = 0; side < 2 && l->state != LINE_FREE; side++) {
            if (l->ends[side].node == node && !l->ends[side].is_gone) {
                end_died(wire, l, side, has_power);
            }
        }
    }
}

void rk_wire_host_up(struct sim_wire *wire, uint32_t node)
{
    for (uint32_t i = 0; i < wire->line_count; i++) {
        struct line *l = &wire->lines[i];
        for (uint32_t side = 0; side < 2 && l->state != LINE_FREE; side++) {
            if (l->ends[side].node == node && l->ends[side].is_mute) {
                l->ends[side].is_mute = false;
                schedule(wire, l, OTHER(side));
            }
        }
    }
}

void rk_wire_cut(struct sim_wire *wire, uint32_t from, uint32_t to, bool is_to_be_cut)
{
    wire->is_cut[from][to] = is_to_be_cut;
    for (uint32_t i = 0; i < wire->line_count && !is_to_be_cut; i++) {
        schedule(wire, &wire->lines[i], 0);
        schedule(wire, &wire->lines[i], 1);
    }
}

bool rk_wire_is_cut(const struct sim_wire *wire, uint32_t from, uint32_t to)
{
    return wire->is_cut[from][to];
}
