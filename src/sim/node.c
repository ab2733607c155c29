/* The server's turns: what arrived goes into the core, effects come out and are carried out, as
 * shell/turn.c does with real sockets and threads. */
#include "sim/node_int.h"

#include "proto/frame.h"
#include "sim/wire.h"

#include <string.h>

#define SLICES_MAX      2u
#define FRAME_BYTES_MIN 8u

/* -- Time -- */

void rk_node_clock(struct sim_node *n)
{
    int64_t elapsed_us = n->w->now_us - n->boot_us;
    n->now_ms = n->mono_base_ms + elapsed_us / 1000 * n->clock_rate_permille / 1000;
    n->wall_ms = n->wall_base_ms + n->w->now_us / 1000;
}

void rk_sim_node_step_clock(struct sim_node *n, int64_t ms)
{
    n->wall_base_ms += ms;
    RK_MARK(n->w, CLOCK_STEP);
}

static void on_tick(struct sim_world *w, void *ctx, uint64_t token)
{
    struct sim_node *n = ctx;
    (void)w;
    if (token != n->tick_token || n->state == NODE_DOWN || n->state == NODE_STARTING) {
        return;
    }
    if (rk_node_postpone(n, on_tick, token)) {
        return;
    }
    n->tick_due_ms = INT64_MAX;
    struct rk_event e = rk_node_event(n, RK_EV_TICK, 0);
    rk_node_step(n, &e);
    rk_node_settle(n);
}

void rk_node_arm_tick(struct sim_node *n)
{
    int64_t due_ms = rk_core_next_due(n->core);
    if (due_ms == n->tick_due_ms) {
        return;
    }
    n->tick_due_ms = due_ms;
    n->tick_token++;
    if (due_ms == INT64_MAX) {
        return;
    }
    rk_node_clock(n);
    int64_t wait_ms = due_ms > n->now_ms ? due_ms - n->now_ms : 0;
    int64_t wait_us = (wait_ms + 1) * 1000 * 1000 / n->clock_rate_permille;
    rk_sim_after(n->w, wait_us, on_tick, n, n->tick_token);
}

/* -- Events -- */

struct rk_event rk_node_event(struct sim_node *n, enum rk_event_kind kind, rk_conn_id conn)
{
    rk_node_clock(n);
    return (struct rk_event){
        .kind = kind, .now_ms = n->now_ms, .wall_ms = n->wall_ms, .conn = conn};
}

static const char *const event_names[] = {
    [RK_EV_TICK] = "tick",
    [RK_EV_CONN_OPEN] = "open",
    [RK_EV_FRAME] = "frame",
    [RK_EV_CONN_CLOSED] = "closed",
    [RK_EV_LOG_SYNCED] = "synced",
    [RK_EV_LOG_FULL] = "full",
    [RK_EV_LOG_ROOM] = "room",
    [RK_EV_SNAP_READY] = "snap ready",
    [RK_EV_SNAP_DONE] = "snap done",
    [RK_EV_SHUTDOWN] = "shutdown",
    [RK_EV_CHAN_ACCEPTED] = "accepted",
    [RK_EV_CHAN_CONNECTED] = "connected",
    [RK_EV_CHAN_BYTES] = "bytes",
    [RK_EV_CHAN_FLUSHED] = "flushed",
    [RK_EV_CHAN_CLOSED] = "chan closed",
    [RK_EV_EPOCH_STORED] = "epoch stored",
    [RK_EV_TRUNCATED] = "truncated",
    [RK_EV_LOG_SLICE] = "log slice",
    [RK_EV_RELOADED] = "reloaded",
    [RK_EV_HAND_OVER] = "hand over",
};

static const char *const effect_names[] = {
    [RK_FX_SEND] = "> send",
    [RK_FX_SEND_MANY] = "> send many",
    [RK_FX_CLOSE] = "> close",
    [RK_FX_PAUSE] = "> pause",
    [RK_FX_RESUME] = "> resume",
    [RK_FX_APPEND] = "> append",
    [RK_FX_ROLL] = "> roll",
    [RK_FX_SNAP_BEGIN] = "> snap begin",
    [RK_FX_SNAP_BYTES] = "> snap bytes",
    [RK_FX_SNAP_END] = "> snap end",
    [RK_FX_SNAP_ABORT] = "> snap abort",
    [RK_FX_NOTE] = "> note",
    [RK_FX_CHAN_DIAL] = "> dial",
    [RK_FX_CHAN_SEND] = "> chan send",
    [RK_FX_CHAN_SEND_MANY] = "> chan send many",
    [RK_FX_CHAN_MARK] = "> chan mark",
    [RK_FX_CHAN_PAUSE] = "> chan pause",
    [RK_FX_CHAN_RESUME] = "> chan resume",
    [RK_FX_CHAN_CLOSE] = "> chan close",
    [RK_FX_EPOCH] = "> epoch",
    [RK_FX_TRUNCATE] = "> truncate",
    [RK_FX_LOG_READ] = "> read log",
    [RK_FX_LOG_READ_END] = "> read end",
    [RK_FX_RELOAD] = "> reload",
    [RK_FX_FATAL] = "> FATAL",
};

static void trace_event(struct sim_node *n, const struct rk_event *e)
{
    struct rk_bytes bytes = rk_bytes_str(NULL);
    uint64_t b = 0;
    if (e->kind == RK_EV_FRAME) {
        bytes = e->u.frame.bytes;
    } else if (e->kind == RK_EV_CONN_OPEN) {
        bytes = e->u.open.address;
    } else if (e->kind == RK_EV_LOG_SYNCED) {
        b = (uint64_t)e->u.log_synced.zxid;
    } else if (e->kind == RK_EV_SNAP_DONE) {
        b = (uint64_t)e->u.snap_done.zxid;
    } else if (e->kind == RK_EV_EPOCH_STORED) {
        b = (uint64_t)e->u.epoch.epoch << 1 | (e->u.epoch.file == RK_EPOCH_CURRENT);
    } else if (e->kind == RK_EV_TRUNCATED) {
        b = (uint64_t)e->u.truncated.zxid;
    } else if (e->kind == RK_EV_LOG_SLICE) {
        b = e->u.slice.reader;
        bytes = e->u.slice.bytes;
    } else if (e->kind >= RK_EV_CHAN_ACCEPTED && e->kind <= RK_EV_CHAN_CLOSED) {
        b = e->u.chan.chan;
        bytes = e->u.chan.bytes;
    }
    rk_sim_trace_line(&n->w->trace, n->w->now_us, event_names[e->kind],
                      (uint64_t)n->index << 56 | e->conn, b, bytes);
}

/* Not every effect has bytes, and those that have none point nowhere. */
static struct rk_bytes bytes_of(const struct sim_node *n, const struct rk_effect *e)
{
    return e->len == 0 ? rk_bytes_of("", 0) : rk_effects_bytes(&n->fx, e);
}

static void trace_effects(struct sim_node *n)
{
    size_t first = n->fx_seen.count;
    if (first > 0 && n->fx.items[first - 1].len > n->fx_seen.last_len) {
        first--; /* it has grown */
    }
    for (size_t i = first; i < n->fx.count; i++) {
        const struct rk_effect *e = &n->fx.items[i];
        uint64_t b = e->kind == RK_FX_NOTE ? (uint64_t)e->u.note.note : (uint64_t)e->u.log.zxid;
        if (e->kind == RK_FX_SEND_MANY || e->kind == RK_FX_CHAN_SEND_MANY) {
            b = e->u.many.count;
        } else if (e->kind == RK_FX_EPOCH) {
            b = (uint64_t)e->u.epoch.epoch << 1 | (e->u.epoch.file == RK_EPOCH_CURRENT);
        } else if (e->kind == RK_FX_LOG_READ || e->kind == RK_FX_LOG_READ_END) {
            b = e->u.read.reader;
        } else if (e->kind == RK_FX_SEND || e->kind == RK_FX_CLOSE || e->kind == RK_FX_PAUSE ||
                   e->kind == RK_FX_RESUME || e->kind == RK_FX_SNAP_BYTES ||
                   e->kind == RK_FX_RELOAD || e->kind == RK_FX_FATAL) {
            b = 0;
        }
        rk_sim_trace_line(&n->w->trace, n->w->now_us, effect_names[e->kind],
                          (uint64_t)n->index << 56 | e->conn, b, bytes_of(n, e));
    }
}

void rk_node_step(struct sim_node *n, const struct rk_event *event)
{
    trace_event(n, event);
    rk_sim_check_before(n->check, event);
    rk_core_step(n->core, event, &n->fx);
    n->steps++;
    if (n->steps % n->w->opt.node.check_every == 0) {
        rk_core_check(n->core);
    }
    trace_effects(n);
    rk_sim_check_after(n->check, n->core, &n->fx, &n->fx_seen);
    n->fx_seen.count = n->fx.count;
    n->fx_seen.last_len = n->fx.count == 0 ? 0 : n->fx.items[n->fx.count - 1].len;
}

/* -- Effects -- */

static void run_snap_effect(struct sim_node *n, const struct rk_effect *e)
{
    struct rk_bytes bytes = bytes_of(n, e);
    switch (e->kind) {
    case RK_FX_SNAP_BEGIN:
        rk_node_send(n, &n->snap, MSG_SNAP_OPEN, e->u.log.zxid, 0, false, bytes);
        break;
    case RK_FX_SNAP_BYTES:
        rk_node_send(n, &n->snap, MSG_SNAP_PUT, 0, 0, e->u.log.is_slice_end, bytes);
        if (e->u.log.is_slice_end) {
            n->slices_in_flight++;
            n->is_slice_due = n->slices_in_flight < SLICES_MAX;
            n->is_slice_owed = !n->is_slice_due;
        }
        break;
    case RK_FX_SNAP_END:
        rk_node_send(n, &n->snap, MSG_SNAP_FINISH, e->u.log.zxid, e->u.log.digest,
                     e->u.log.has_digest, bytes);
        break;
    default:
        RK_ASSERT(e->kind == RK_FX_SNAP_ABORT);
        rk_node_send(n, &n->snap, MSG_SNAP_ABORT, 0, 0, false, bytes);
        break;
    }
}

static void run_effect(struct sim_node *n, const struct rk_effect *e)
{
    struct rk_bytes bytes = bytes_of(n, e);
    switch (e->kind) {
    case RK_FX_SEND:
        rk_sim_net_server_send(n->w->net, e->conn, bytes);
        break;
    case RK_FX_SEND_MANY:
        for (uint32_t i = 0; i < e->u.many.count; i++) {
            rk_sim_net_server_send(n->w->net, n->fx.conns[e->u.many.first + i], bytes);
        }
        break;
    case RK_FX_CLOSE:
        rk_sim_net_server_close(n->w->net, e->conn);
        break;
    case RK_FX_PAUSE:
    case RK_FX_RESUME:
        rk_sim_net_server_hold(n->w->net, e->conn, e->kind == RK_FX_PAUSE);
        break;
    case RK_FX_APPEND:
        rk_node_send(n, &n->log, MSG_APPEND, e->u.log.zxid, 0, false, bytes);
        break;
    case RK_FX_ROLL:
        rk_node_send(n, &n->log, MSG_ROLL, 0, 0, false, bytes);
        RK_MARK(n->w, LOG_ROLLED);
        break;
    case RK_FX_NOTE:
        break;
    case RK_FX_SNAP_BEGIN:
    case RK_FX_SNAP_BYTES:
    case RK_FX_SNAP_END:
    case RK_FX_SNAP_ABORT:
        run_snap_effect(n, e);
        break;
    default:
        rk_node_member_effect(n, e, bytes);
        break;
    }
}

static void run_effects(struct sim_node *n)
{
    for (size_t i = 0; i < n->fx.count; i++) {
        run_effect(n, &n->fx.items[i]);
    }
    rk_effects_reset(&n->fx);
    n->fx_seen = (struct sim_fx_mark){.count = 0};
}

void rk_node_settle(struct sim_node *n)
{
    run_effects(n);
    while (n->is_reload_due) {
        n->is_reload_due = false;
        rk_node_reload(n);
        run_effects(n);
    }
    if (n->fatal != 0) {
        n->died = true;
        rk_node_carry_out_crash(n);
        return;
    }
    rk_node_arm_tick(n);
}

/* -- Turns -- */

static void close_conn(struct sim_node *n, rk_conn_id id)
{
    rk_sim_net_server_forget(n->w->net, id);
    struct rk_event e = rk_node_event(n, RK_EV_CONN_CLOSED, id);
    rk_node_step(n, &e);
}

/* Gives the core the whole frames that are there. */
static void feed(struct sim_node *n, rk_conn_id id, struct rk_buf *arrived)
{
    struct rk_bytes in = rk_buf_view(arrived);
    uint32_t frames = 0;
    enum rk_err err = RK_OK;
    struct rk_event e = rk_node_event(n, RK_EV_FRAME, id);
    while (frames < n->w->opt.node.turn_frames_max) {
        err = rk_frame_next(&in, n->w->opt.node.core.frame_bytes_max, &e.u.frame.bytes);
        if (err != RK_OK) {
            break;
        }
        frames++;
        rk_node_step(n, &e);
    }
    size_t taken = arrived->len - in.len;
    if (taken > 0) {
        memmove(arrived->data, arrived->data + taken, in.len);
        arrived->len = in.len;
    }
    if (err == RK_ERR_MALFORMED || err == RK_ERR_TOO_BIG) {
        RK_MARK(n->w, FRAME_GARBAGE);
        close_conn(n, id);
    } else if (err == RK_ERR_SHORT && rk_sim_net_is_eof(n->w->net, id)) {
        close_conn(n, id);
    } else if (err == RK_OK) {
        rk_sim_node_wake(n);
    }
}

static void next_slice(struct sim_node *n)
{
    n->is_slice_due = false;
    struct rk_event e = rk_node_event(n, RK_EV_SNAP_READY, 0);
    rk_node_step(n, &e);
}

static void on_turn(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    if (incarnation != n->incarnation || (n->state != NODE_UP && n->state != NODE_STOPPING)) {
        return;
    }
    if (rk_node_postpone(n, on_turn, incarnation)) {
        return;
    }
    n->is_turn_due = false;
    uint64_t first = rk_sim_below(&w->tape, SIM_SITE_NODE, SIM_CONNS_MAX);
    for (uint32_t i = 0; i < SIM_CONNS_MAX; i++) {
        rk_conn_id id;
        struct rk_buf *arrived =
            rk_sim_net_arrived(w->net, n->index, (uint32_t)((first + i) % SIM_CONNS_MAX), &id);
        if (arrived != NULL && !rk_sim_net_is_held(w->net, id) &&
            (arrived->len > 0 || rk_sim_net_is_eof(w->net, id))) {
            feed(n, id, arrived);
        }
    }
    bool is_more = w->wire != NULL && rk_wire_turn(w->wire, n);
    if (n->is_slice_due) {
        next_slice(n);
    }
    n->turns += n->fx.count > 0;
    if (n->crash_turns > 0 && n->fx.count > 0 && --n->crash_turns == 0) {
        RK_MARK(w, EFFECTS_LOST);
        rk_node_carry_out_crash(n);
        return;
    }
    rk_node_settle(n);
    if (n->is_slice_due || is_more) {
        rk_sim_node_wake(n);
    }
}

void rk_sim_node_wake(struct sim_node *n)
{
    if (n->is_turn_due || (n->state != NODE_UP && n->state != NODE_STOPPING)) {
        return;
    }
    n->is_turn_due = true;
    rk_sim_after(n->w, rk_sim_delay(n->w, SIM_SITE_NODE, n->w->opt.node.wake_us_max), on_turn, n,
                 n->incarnation);
}

void rk_sim_node_conn_open(struct sim_node *n, rk_conn_id id, struct rk_bytes address)
{
    RK_ASSERT(rk_sim_node_is_serving(n));
    struct rk_event e = rk_node_event(n, RK_EV_CONN_OPEN, id);
    e.u.open.address = address;
    rk_node_step(n, &e);
    rk_node_settle(n);
}

void rk_sim_node_conn_gone(struct sim_node *n, rk_conn_id id)
{
    if ((n->state == NODE_UP || n->state == NODE_STOPPING) && rk_sim_net_is_known(n->w->net, id)) {
        close_conn(n, id);
        rk_node_settle(n);
    }
}

/* -- What the threads report -- */

static void on_log_report(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    (void)w;
    if (incarnation != n->incarnation || (n->state != NODE_UP && n->state != NODE_STOPPING)) {
        return;
    }
    if (rk_node_postpone(n, on_log_report, incarnation)) {
        return;
    }
    n->is_log_report_due = false;
    if (n->report_durable > n->seen_durable) {
        struct rk_event e = rk_node_event(n, RK_EV_LOG_SYNCED, 0);
        e.u.log_synced.zxid = n->report_durable;
        n->seen_durable = n->report_durable;
        rk_node_step(n, &e);
    }
    rk_node_give_answers(n);
    if (n->report_is_full != n->seen_full) {
        struct rk_event e =
            rk_node_event(n, n->report_is_full ? RK_EV_LOG_FULL : RK_EV_LOG_ROOM, 0);
        n->seen_full = n->report_is_full;
        rk_node_step(n, &e);
    }
    rk_node_settle(n);
    rk_sim_node_wake(n);
}

void rk_node_report_log(struct sim_node *n)
{
    if (!n->is_log_report_due) {
        n->is_log_report_due = true;
        rk_sim_after(n->w, rk_sim_delay(n->w, SIM_SITE_NODE, n->w->opt.node.wake_us_max),
                     on_log_report, n, n->incarnation);
    }
}

static void on_snap_report(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    if (incarnation != n->incarnation || (n->state != NODE_UP && n->state != NODE_STOPPING)) {
        return;
    }
    if (rk_node_postpone(n, on_snap_report, incarnation)) {
        return;
    }
    n->is_snap_report_due = false;
    rk_node_give_slices(n);
    RK_ASSERT(n->slices_taken <= n->slices_in_flight);
    n->slices_in_flight -= n->slices_taken;
    n->slices_taken = 0;
    if (n->is_slice_owed && n->slices_in_flight < SLICES_MAX) {
        n->is_slice_owed = false;
        n->is_slice_due = true;
    }
    if (n->snaps_done > 0) {
        RK_ASSERT(n->snaps_done == 1); /* the core begins none before it heard of the last */
        n->snaps_done = 0;
        n->is_slice_owed = false;
        n->is_slice_due = false;
        if (n->snap_is_ok) {
            struct rk_disk port = n->port;
            rk_sim_check_snapshot(n->check, &w->mem, &port, n->snap_zxid, w->opt.node.compression);
        }
        struct rk_event e = rk_node_event(n, RK_EV_SNAP_DONE, 0);
        e.u.snap_done.zxid = n->snap_zxid;
        e.u.snap_done.is_ok = n->snap_is_ok;
        rk_node_step(n, &e);
        if (!n->is_serving && !n->snap_is_ok) {
            n->died = true;
            rk_node_carry_out_crash(n);
            return;
        }
        n->is_serving = true;
    }
    rk_node_settle(n);
    if (n->is_slice_due) {
        rk_sim_node_wake(n);
    }
}

void rk_node_report_snap(struct sim_node *n)
{
    if (!n->is_snap_report_due) {
        n->is_snap_report_due = true;
        rk_sim_after(n->w, rk_sim_delay(n->w, SIM_SITE_NODE, n->w->opt.node.wake_us_max),
                     on_snap_report, n, n->incarnation);
    }
}
