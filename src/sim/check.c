/* The checker's front: steps, roles, what is shown. One per server; what they share is the truth.
 */
#include "sim/check_int.h"

#include "proto/frame.h"

#include <string.h>

struct sim_check *rk_sim_check_create(struct sim_world *w, uint32_t index)
{
    struct sim_check *c = rk_mem_must_zalloc(&w->mem, sizeof(*c));
    c->w = w;
    c->mem = &w->mem;
    c->index = index;
    c->is_ensemble = rk_sim_is_ensemble(w);
    c->config = w->opt.node.core;
    rk_sim_outcome_init(&c->out, c->mem);
    rk_buf_init(&c->got, c->mem, (size_t)64 << 20);
    rk_buf_init(&c->must, c->mem, (size_t)64 << 20);
    struct sim_rules rules = rk_check_rules(c);
    rk_sim_model_init(&c->model, c->mem, &rules);
    return c;
}

void rk_check_drop_snap_model(struct sim_check *c)
{
    if (c->has_snap_model) {
        rk_sim_model_deinit(&c->snap_model);
        c->has_snap_model = false;
    }
}

void rk_sim_check_destroy(struct sim_check *c)
{
    rk_check_free_conns(c);
    rk_check_drop_snap_model(c);
    rk_sim_model_deinit(&c->model);
    rk_sim_outcome_deinit(&c->out);
    rk_buf_deinit(&c->got);
    rk_buf_deinit(&c->must);
    rk_mem_free(c->mem, c->sessions, c->session_cap * sizeof(c->sessions[0]));
    rk_mem_free(c->mem, c, sizeof(*c));
}

rk_zxid rk_sim_check_applied(const struct sim_check *c)
{
    return c->model.zxid;
}

uint32_t rk_sim_check_sessions(const struct sim_check *c)
{
    return c->session_count;
}

bool rk_sim_check_is_idle(struct sim_check *c)
{
    struct sim_txn **items;
    return rk_check_in_flight(c, &items) == 0;
}

bool rk_sim_check_is_serving(const struct sim_check *c)
{
    return c->is_serving;
}

bool rk_sim_check_is_leading(const struct sim_check *c)
{
    return c->is_serving && c->is_leading;
}

uint64_t rk_sim_check_digest(const struct sim_check *c)
{
    return rk_sim_model_digest(&c->model);
}

/* -- Steps -- */

static void log_synced(struct sim_check *c, rk_zxid zxid)
{
    rk_zxid last = c->head == NULL ? 0 : c->head->zxid;
    if (c->is_ensemble) {
        return; /* it may be of a log that was cut since; the disk itself is asked */
    }
    CHECK(c, zxid <= last, "more is durable than there is");
    c->durable = zxid > c->durable ? zxid : c->durable;
    rk_truth_durable(c->w->truth, c->index, rk_truth_find(c->w->truth, zxid));
}

static void snap_done(struct sim_check *c, rk_zxid zxid, bool is_ok)
{
    if (!is_ok || !c->is_ensemble) {
        return;
    }
    struct sim_txn *real = rk_check_resolve(c, zxid);
    if (rk_truth_is_before(real, c->head)) {
        rk_truth_durable(c->w->truth, c->index, real);
        c->kept = c->is_replacing || rk_truth_is_before(c->kept, real) ? real : c->kept;
        c->is_replacing = false;
    }
}

void rk_sim_check_before(struct sim_check *c, const struct rk_event *event)
{
    c->step++;
    c->w->stats.steps++;
    if (event == NULL) {
        c->event = (struct rk_event){.kind = RK_EV_TICK};
        return;
    }
    c->event = *event;
    c->now_ms = event->now_ms;
    c->wall_ms = event->wall_ms;
    struct mconn *conn = event->conn == 0 ? NULL : rk_check_conn(c, event->conn);
    switch (event->kind) {
    case RK_EV_CONN_OPEN:
        rk_check_conn_open(c, event->conn, event->u.open.address);
        break;
    case RK_EV_FRAME:
        if (conn != NULL) {
            rk_check_frame_in(c, conn, event->u.frame.bytes);
        }
        break;
    case RK_EV_CONN_CLOSED:
        RK_ASSERT(conn != NULL);
        rk_check_conn_drop(c, conn);
        break;
    case RK_EV_LOG_SYNCED:
        log_synced(c, event->u.log_synced.zxid);
        break;
    case RK_EV_LOG_FULL:
    case RK_EV_LOG_ROOM:
        c->is_log_full = event->kind == RK_EV_LOG_FULL;
        rk_check_log_full(c);
        c->room_ms = event->now_ms;
        break;
    case RK_EV_SNAP_DONE:
        snap_done(c, event->u.snap_done.zxid, event->u.snap_done.is_ok);
        break;
    case RK_EV_SHUTDOWN:
        c->is_stopping = true;
        break;
    default:
        break;
    }
}

static void take_frames(struct sim_check *c, rk_conn_id conn, struct rk_bytes bytes)
{
    while (bytes.len > 0) {
        struct rk_bytes frame;
        enum rk_err err = rk_frame_next(&bytes, INT32_MAX, &frame);
        CHECK(c, err == RK_OK, "what is sent are no frames");
        rk_check_frame_out(c, conn, frame);
    }
}

/* Which row of the decision table (spec-quorum C4) the leader says it took. One of them cannot be:
 * TRUNC and what follows (row 4) is for a learner that stands where the leader's history has a hole
 * inside of an epoch, and the histories of our leaders have none; over epochs there is one. */
static void mark_sync(struct sim_check *c, struct rk_bytes text)
{
    static const struct {
        const char *begin;
        enum sim_mark mark;
    } rows[] = {
        {"SNAP, as configured", SIM_MARK_SYNC_FORCED},
        {"DIFF, it has everything", SIM_MARK_SYNC_EQUAL},
        {"TRUNC, it has more", SIM_MARK_SYNC_AHEAD},
        {"DIFF [", SIM_MARK_SYNC_WALK},
        {"DIFF, it stands at the beginning", SIM_MARK_SYNC_WALK_NEW_EPOCH},
        {"DIFF, it stands where history", SIM_MARK_SYNC_BEGINNING},
        {"TRUNC, what it has too much", SIM_MARK_SYNC_CUT},
        {"SNAP, what it has too much", SIM_MARK_SYNC_WALK_OTHER_EPOCH},
        {"log files, ", SIM_MARK_SYNC_LOG},
        {"SNAP, the log files", SIM_MARK_SYNC_NO_LOG},
        {"SNAP, it is further behind", SIM_MARK_SYNC_TOO_OLD},
        {"SNAP, it stands at the beginning", SIM_MARK_SYNC_NEW_EPOCH_AHEAD},
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].begin);
        if (text.len >= len && memcmp(text.data, rows[i].begin, len) == 0) {
            c->w->stats.marks[rows[i].mark]++;
            return;
        }
    }
    rk_sim_fail(c->w, "a synchronisation for no known reason: %.*s", (int)text.len,
                (const char *)text.data);
}

static void take_note(struct sim_check *c, const struct rk_effect *e, struct rk_bytes text)
{
    switch (e->u.note.note) {
    case RK_NOTE_LEARNER_SYNC:
        mark_sync(c, text);
        break;
    case RK_NOTE_DIGEST_MISMATCH:
        rk_sim_fail(c->w, "digest mismatch at zxid %llx", (unsigned long long)e->u.note.number);
    case RK_NOTE_SNAP_RECEIVED:
        c->has_snap_come = true;
        break;
    case RK_NOTE_LEADER_HANDING_OVER:
        c->is_handing_over = true;
        break;
    case RK_NOTE_ROLE_LEFT:
        c->is_handing_over = false;
        c->has_snap_come = false;
        break;
    case RK_NOTE_SNAPSHOT_FAILED:
        RK_MARK(c->w, SNAP_FAILED);
        break;
    case RK_NOTE_SNAPSHOT_DONE:
        RK_MARK(c->w, SNAP_DONE);
        c->w->stats.snapshots++;
        break;
    case RK_NOTE_LOG_FULL:
        RK_MARK(c->w, DISK_FULL);
        break;
    case RK_NOTE_LOG_ROOM:
        RK_MARK(c->w, DISK_ROOM);
        break;
    default:
        break;
    }
}

/* Its content is that of the core at this moment. */
static void snap_begin(struct sim_check *c, rk_zxid zxid)
{
    bool is_same = c->is_ensemble && rk_check_resolve(c, zxid) == c->at;
    if (c->is_ensemble && !c->is_serving && !is_same) {
        rk_check_reach(c, zxid);
    } else if (!is_same) {
        rk_check_advance(c, zxid);
    }
    CHECK(c, is_same || c->model.zxid == zxid, "a snapshot of zxid %llx begins at %llx",
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
    rk_check_drop_snap_model(c);
    rk_sim_model_copy(&c->snap_model, &c->model);
    c->snap_model.zxid = zxid; /* it may be that of the epoch's beginning, or of what came before */
    c->has_snap_model = true;
}

static void take_effect(struct sim_check *c, const struct rk_effects *fx, const struct rk_effect *e)
{
    switch (e->kind) {
    case RK_FX_SEND:
        take_frames(c, e->conn, rk_effects_bytes(fx, e));
        break;
    case RK_FX_SEND_MANY:
        for (uint32_t i = 0; i < e->u.many.count; i++) {
            take_frames(c, fx->conns[e->u.many.first + i], rk_effects_bytes(fx, e));
        }
        break;
    case RK_FX_CLOSE:
        rk_check_closed(c, e->conn);
        break;
    case RK_FX_APPEND:
        rk_check_append(c, e->u.log.zxid, rk_effects_bytes(fx, e));
        break;
    case RK_FX_TRUNCATE:
        if (c->has_snap_come) {
            c->has_snap_come = false;
            rk_check_replaced(c, e->u.log.zxid);
        }
        break;
    case RK_FX_SNAP_BEGIN:
        snap_begin(c, e->u.log.zxid);
        break;
    case RK_FX_PAUSE:
        RK_MARK(c->w, PAUSED);
        break;
    case RK_FX_NOTE:
        take_note(c, e, rk_effects_bytes(fx, e));
        break;
    default:
        break;
    }
}

/* -- Roles -- */

static void begin_serving(struct sim_check *c, const struct rk_core *core)
{
    struct rk_ensemble_report report;
    rk_core_ensemble_report(core, &report);
    c->is_leading = report.state == RK_PEER_LEADING;
    if (c->is_leading) {
        rk_truth_begin_epoch(c->w->truth, report.epoch, c->index, c->head);
        rk_check_reach(c, report.epoch << 32);
        RK_MARK(c->w, LEADER_SERVES);
    } else {
        RK_MARK(c->w, LEARNER_SERVES);
    }
    c->is_serving = true;
    c->must_compare = true;
    c->is_wiped = false;
    c->room_ms = c->now_ms;
    rk_check_sessions_restart(c, c->now_ms);
    rk_sim_trace_line(&c->w->trace, c->w->now_us, c->is_leading ? "LEADS" : "FOLLOWS", c->index,
                      (uint64_t)report.epoch, rk_bytes_str(NULL));
}

static void look_at_role(struct sim_check *c, const struct rk_core *core)
{
    bool was_serving = c->is_serving;
    bool is_serving = rk_core_is_serving(core);
    if (!c->is_ensemble) {
        return;
    }
    c->may_close = !was_serving || !is_serving;
    if (!was_serving && is_serving) {
        begin_serving(c, core);
    }
}

static void look_if_left(struct sim_check *c, const struct rk_core *core)
{
    if (c->is_ensemble && c->is_serving && !rk_core_is_serving(core)) {
        c->led_us = c->is_leading ? c->w->now_us : c->led_us;
        c->is_serving = false;
        c->is_leading = false;
        rk_sim_trace_line(&c->w->trace, c->w->now_us, "LEAVES", c->index, 0, rk_bytes_str(NULL));
    }
}

static void look_at_state(struct sim_check *c, const struct rk_core *core)
{
    rk_zxid zxid = rk_core_last_zxid(core);
    rk_check_reach(c, zxid);
    CHECK(c, c->model.zxid == zxid, "the core is at zxid %llx, must be at %llx",
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
    if (c->is_serving && c->at != NULL) {
        rk_truth_commit(c->w->truth, c->at, c->index);
    }
    if (c->must_compare) {
        c->must_compare = false;
        rk_check_compare(c, &c->model, core, "memory");
    }
}

void rk_sim_check_after(struct sim_check *c, const struct rk_core *core,
                        const struct rk_effects *fx, const struct sim_fx_mark *seen)
{
    look_at_role(c, core);
    if (seen->count > 0 && fx->items[seen->count - 1].len > seen->last_len) {
        const struct rk_effect *last = &fx->items[seen->count - 1];
        RK_ASSERT(last->kind == RK_FX_SEND || last->kind == RK_FX_CHAN_SEND);
        if (last->kind == RK_FX_SEND) {
            take_frames(c, last->conn,
                        rk_bytes_of(fx->bytes.data + last->offset + seen->last_len,
                                    last->len - seen->last_len));
        }
    }
    for (size_t i = seen->count; i < fx->count; i++) {
        take_effect(c, fx, &fx->items[i]);
    }
    look_at_state(c, core);
    look_if_left(c, core);
    rk_check_reaping(c);
    if (c->config.enforce_quota) {
        rk_check_late_views(c);
    }
    rk_check_step_ended(c);
    if (c->event.kind == RK_EV_TICK && c->is_serving && c->is_leading) {
        rk_check_overdue(c);
    }
}

void rk_sim_check_whole(struct sim_check *c, const struct rk_core *core, const char *what)
{
    RK_ASSERT(core != NULL);
    rk_check_compare(c, &c->model, core, what);
}

void rk_sim_check_at_rest(struct sim_check *c)
{
    struct sim_txn **items;
    CHECK(c, rk_check_in_flight(c, &items) == 0, "zxid %llx is still in flight",
          (unsigned long long)c->head->zxid);
    for (uint32_t i = 0; i < MCONNS; i++) {
        const struct mconn *conn = &c->conns[i];
        CHECK(c, conn->state != MCONN_PENDING, "a handshake hangs");
        CHECK(c, conn->state != MCONN_OPEN || conn->reqs == NULL,
              "op %d (xid %d) of session %llx is never answered", conn->reqs->op, conn->reqs->xid,
              (unsigned long long)conn->viewer.session);
    }
}
