/* The checker's front: steps, crashes, restarts, probes. */
#include "sim/check_int.h"

#include "proto/frame.h"

#include <string.h>

struct sim_check *rk_sim_check_create(struct sim_world *w)
{
    struct sim_check *c = rk_mem_must_zalloc(&w->mem, sizeof(*c));
    c->w = w;
    c->mem = &w->mem;
    c->config = w->opt.node.core;
    rk_sim_outcome_init(&c->out, c->mem);
    rk_buf_init(&c->got, c->mem, (size_t)64 << 20);
    rk_buf_init(&c->must, c->mem, (size_t)64 << 20);
    struct sim_rules rules = {.extended_types = c->config.extended_types,
                              .skip_acl = c->config.skip_acl,
                              .enforce_quota = c->config.enforce_quota,
                              .digest_scheme = c->config.digest_scheme,
                              .super_digest = c->config.super_digest,
                              .record_bytes_max = c->config.record_bytes_max,
                              .watch_per_conn_max = c->config.watch_per_conn_max};
    rk_sim_model_init(&c->model, c->mem, &rules);
    return c;
}

static void drop_snap_model(struct sim_check *c)
{
    if (c->has_snap_model) {
        rk_sim_model_deinit(&c->snap_model);
        c->has_snap_model = false;
    }
}

void rk_sim_check_destroy(struct sim_check *c)
{
    rk_check_free_conns(c);
    rk_check_drop_txns(c);
    drop_snap_model(c);
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

rk_zxid rk_sim_check_appended(const struct sim_check *c)
{
    return c->appended;
}

uint32_t rk_sim_check_sessions(const struct sim_check *c)
{
    return c->session_count;
}

/* -- Steps -- */

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
        CHECK(c, event->u.log_synced.zxid <= c->appended, "more is durable than there is");
        c->durable = event->u.log_synced.zxid > c->durable ? event->u.log_synced.zxid : c->durable;
        break;
    case RK_EV_LOG_FULL:
    case RK_EV_LOG_ROOM:
        c->is_log_full = event->kind == RK_EV_LOG_FULL;
        rk_check_log_full(c);
        c->room_ms = event->now_ms;
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

static void take_note(struct sim_check *c, const struct rk_effect *e)
{
    switch (e->u.note.note) {
    case RK_NOTE_DIGEST_MISMATCH:
        rk_sim_fail(c->w, "digest mismatch at zxid %llx", (unsigned long long)e->u.note.number);
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
    case RK_FX_SNAP_BEGIN:
        rk_check_advance(c, e->u.log.zxid);
        CHECK(c, c->model.zxid == e->u.log.zxid, "a snapshot of zxid %llx begins at %llx",
              (unsigned long long)e->u.log.zxid, (unsigned long long)c->model.zxid);
        drop_snap_model(c);
        rk_sim_model_copy(&c->snap_model, &c->model);
        c->has_snap_model = true;
        break;
    case RK_FX_PAUSE:
        RK_MARK(c->w, PAUSED);
        break;
    case RK_FX_NOTE:
        take_note(c, e);
        break;
    default:
        break;
    }
}

void rk_sim_check_after(struct sim_check *c, const struct rk_core *core,
                        const struct rk_effects *fx, const struct sim_fx_mark *seen)
{
    if (seen->count > 0 && fx->items[seen->count - 1].len > seen->last_len) {
        const struct rk_effect *last = &fx->items[seen->count - 1];
        RK_ASSERT(last->kind == RK_FX_SEND);
        take_frames(c, last->conn,
                    rk_bytes_of(fx->bytes.data + last->offset + seen->last_len,
                                last->len - seen->last_len));
    }
    for (size_t i = seen->count; i < fx->count; i++) {
        take_effect(c, fx, &fx->items[i]);
    }
    rk_check_advance(c, rk_core_last_zxid(core));
    CHECK(c, c->model.zxid == rk_core_last_zxid(core), "the core is at zxid %llx, must be at %llx",
          (unsigned long long)rk_core_last_zxid(core), (unsigned long long)c->model.zxid);
    if (c->config.enforce_quota) {
        rk_check_late_views(c);
    }
    rk_check_step_ended(c);
    if (c->event.kind == RK_EV_TICK) {
        rk_check_overdue(c);
    }
}

/* -- Crashes and restarts -- */

void rk_sim_check_crashed(struct sim_check *c)
{
    rk_check_free_conns(c);
    drop_snap_model(c);
    c->is_up = false;
    c->is_log_full = false;
    c->is_stopping = false;
    c->last_crash_zxid = c->model.zxid;
}

void rk_sim_check_stopped(struct sim_check *c)
{
    CHECK(c, c->first_txn == NULL, "an orderly stop left zxid %llx behind",
          (unsigned long long)c->first_txn->zxid);
    rk_sim_check_crashed(c);
}

/* The model as it is at zxid, which recovery came to. */
static void catch_up_model(struct sim_check *c, struct sim_model *m, rk_zxid zxid, const char *what)
{
    CHECK(c, zxid >= c->model.zxid, "%s: zxid %llx was shown, recovered is %llx: LOST", what,
          (unsigned long long)c->model.zxid, (unsigned long long)zxid);
    CHECK(c, zxid <= c->appended, "%s: recovered is %llx, but only %llx was ever written", what,
          (unsigned long long)zxid, (unsigned long long)c->appended);
    for (const struct mtxn *t = c->first_txn; t != NULL && t->zxid <= zxid; t = t->next) {
        if (m->zxid < t->zxid) {
            rk_check_apply(c, m, t, &c->out);
        }
    }
}

void rk_sim_check_recovered(struct sim_check *c, const struct rk_core *core,
                            const struct rk_recovered *recovered, int64_t now_ms)
{
    rk_zxid zxid = rk_core_last_zxid(core);
    CHECK(c, recovered->last_zxid == zxid, "recovery reports zxid %llx, the core has %llx",
          (unsigned long long)recovered->last_zxid, (unsigned long long)zxid);
    rk_zxid before = c->model.zxid;
    catch_up_model(c, &c->model, zxid, "restart");
    rk_check_compare(c, &c->model, core, "restart");
    if (zxid > before) {
        RK_MARK(c->w, TXNS_SURVIVED);
    }
    if (zxid < c->appended) {
        RK_MARK(c->w, TXNS_LOST);
    }
    rk_check_drop_txns(c);
    c->appended = zxid;
    c->durable = zxid;
    c->is_up = true;
    c->restarts++;
    rk_check_sessions_restart(c, now_ms);
    c->room_ms = now_ms;
}

rk_zxid rk_sim_check_probe(struct sim_check *c, struct sim_disk *disk, const char *what)
{
    struct rk_mem mem;
    struct rk_recovered recovered;
    struct rk_problem problem;
    struct sim_model model;
    rk_mem_libc_init(&mem, 0);
    struct rk_core *core = rk_core_create(&mem, &c->config);
    struct rk_restore_sink sink = rk_core_restore_sink(core);
    struct rk_disk port = rk_sim_disk_port(disk);
    struct rk_recover_options options = {.record_bytes_max = c->config.record_bytes_max,
                                         .db_autocreate = true};
    enum rk_err err = rk_recover(&mem, &port, &options, &sink, &recovered, &problem);
    CHECK(c, err == RK_OK, "%s: the server would not start: %s", what, problem.text);
    rk_zxid zxid = rk_core_last_zxid(core);
    rk_sim_model_copy(&model, &c->model);
    catch_up_model(c, &model, zxid, what);
    rk_check_compare(c, &model, core, what);
    rk_sim_model_deinit(&model);
    rk_core_destroy(core);
    RK_ASSERT(mem.used_bytes == 0);
    c->w->stats.probes++;
    RK_MARK(c->w, PROBE);
    return zxid;
}

void rk_sim_check_at_rest(struct sim_check *c)
{
    CHECK(c, c->first_txn == NULL, "zxid %llx is still in flight",
          (unsigned long long)c->first_txn->zxid);
    for (uint32_t i = 0; i < MCONNS; i++) {
        const struct mconn *conn = &c->conns[i];
        CHECK(c, conn->state != MCONN_PENDING, "a handshake hangs");
        CHECK(c, conn->state != MCONN_OPEN || conn->reqs == NULL,
              "op %d (xid %d) of session %llx is never answered", conn->reqs->op, conn->reqs->xid,
              (unsigned long long)conn->viewer.session);
    }
}
