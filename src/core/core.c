/* The step function, and the core's beginning and end. Read from rk_core_step: an event comes in,
 * the room that owns it handles it, and what became due (expiry, reaping, a snapshot) follows. */
#include "core/ensemble_int.h"

#include <string.h>

#define REQUESTS_MAX 0x7fffffffu

static bool dup_bytes(struct rk_core *c, struct rk_bytes *b)
{
    uint8_t *copy;
    if (b->data == NULL) {
        return true;
    }
    copy = rk_mem_alloc(c->mem, (size_t)b->len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, b->data, b->len);
    b->data = copy;
    return true;
}

static void free_bytes(struct rk_core *c, struct rk_bytes *b)
{
    if (b->data != NULL) {
        rk_mem_free(c->mem, (void *)(uintptr_t)b->data, (size_t)b->len + 1);
        b->data = NULL;
    }
}

static void check_config(const struct rk_core_config *g)
{
    RK_ASSERT(g->tick_ms > 0);
    RK_ASSERT(g->min_session_timeout_ms <= g->max_session_timeout_ms);
    RK_ASSERT(g->frame_bytes_max > 0);
    RK_ASSERT(g->conn_max > 1);
    RK_ASSERT(g->snap_count >= 2);
    RK_ASSERT(g->snap_slice_nodes > 0);
    RK_ASSERT(g->conn_outstanding_max > 0);
    RK_ASSERT(g->inflight_bytes_max > 0);
    RK_ASSERT(!g->digest || g->crc32 != NULL);
    RK_ASSERT(!g->digest_scheme || g->digest_alg.hash != NULL);
}

struct rk_core *rk_core_create(struct rk_mem *mem, const struct rk_core_config *config)
{
    struct rk_watch_limits limits = {.per_conn_max = config->watch_per_conn_max,
                                     .total_max = config->watch_total_max};
    struct rk_core *c = rk_mem_zalloc(mem, sizeof(*c));
    check_config(config);
    if (c == NULL) {
        return NULL;
    }
    c->mem = mem;
    c->config = *config;
    c->config.super_digest = rk_bytes_str(NULL);
    c->config.enforce_auth_schemes = rk_bytes_str(NULL);
    c->config.ensemble_names = rk_bytes_str(NULL);
    rk_list_init(&c->late);
    rk_list_init(&c->past_watchers);
    rk_arena_init(&c->arena, mem);
    rk_arena_init(&c->apply_arena, mem);
    rk_prng_init(&c->prng, config->seed);
    rk_slab_init(&c->requests, mem, sizeof(struct request), REQUESTS_MAX);
    rk_overlay_init(&c->overlay, mem, config->seed);
    rk_metrics_init(&c->metrics);
    c->schemes.digest = config->digest_scheme;
    c->schemes.ip = true;
    c->schemes.sasl = config->sasl_scheme;
    c->schemes.x509 = config->x509_scheme;
    c->next_session_id = rk_session_first_id(config->server_id, config->clock_ms);
    c->watches = rk_watches_create(mem, config->seed, &limits);
    c->config.super_digest = config->super_digest;
    if (c->watches == NULL || !dup_bytes(c, &c->config.super_digest)) {
        c->config.super_digest.data = NULL;
        rk_core_destroy(c);
        return NULL;
    }
    c->config.enforce_auth_schemes = config->enforce_auth_schemes;
    if (!dup_bytes(c, &c->config.enforce_auth_schemes)) {
        c->config.enforce_auth_schemes.data = NULL;
        rk_core_destroy(c);
        return NULL;
    }
    c->config.ensemble_names = config->ensemble_names;
    if (!dup_bytes(c, &c->config.ensemble_names)) {
        c->config.ensemble_names.data = NULL;
        rk_core_destroy(c);
        return NULL;
    }
    c->config.ensemble = NULL;
    if (config->ensemble != NULL && !rk_ens_create(c, config->ensemble)) {
        rk_core_destroy(c);
        return NULL;
    }
    return c;
}

void rk_core_destroy(struct rk_core *c)
{
    if (c == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        if (c->conns[slot] != NULL) {
            struct rk_effects fx;
            rk_effects_init(&fx, c->mem);
            c->fx = &fx;
            rk_core_conn_closed(c, c->conns[slot]->id);
            rk_effects_deinit(&fx);
        }
    }
    if (c->ens != NULL) {
        struct rk_effects fx;
        rk_effects_init(&fx, c->mem);
        c->fx = &fx;
        rk_ens_destroy(c);
        rk_effects_deinit(&fx);
    }
    rk_core_snapshot_deinit(c);
    rk_mem_free(c->mem, c->conns, c->conn_cap * sizeof(*c->conns));
    rk_overlay_deinit(&c->overlay);
    if (c->is_started) {
        rk_broadcast_deinit(&c->broadcast);
    }
    rk_slab_deinit(&c->requests);
    while (!rk_list_empty(&c->past_watchers)) {
        struct rk_link *it = rk_list_pop(&c->past_watchers);
        rk_mem_free(c->mem, RK_CONTAINER_OF(it, struct past_watcher, link),
                    sizeof(struct past_watcher));
    }
    rk_watches_destroy(c->watches);
    rk_sessions_destroy(c->sessions);
    rk_tree_destroy(c->tree);
    if (c->txn.mem != NULL) {
        rk_buf_deinit(&c->txn);
    }
    rk_arena_deinit(&c->arena);
    rk_arena_deinit(&c->apply_arena);
    free_bytes(c, &c->config.super_digest);
    free_bytes(c, &c->config.enforce_auth_schemes);
    free_bytes(c, &c->config.ensemble_names);
    rk_mem_free(c->mem, c, sizeof(*c));
}

static bool session_is_alive(void *ctx, rk_session_id id)
{
    const struct rk_core *c = ctx;
    return rk_session_find(c->sessions, id) != NULL;
}

static void start_standalone(struct rk_core *c)
{
    struct rk_quorum quorum;
    (void)rk_tree_drop_orphans(c->tree, c->last_zxid, session_is_alive, c);
    rk_sessions_restart(c->sessions, c->now_ms);
    rk_quorum_init_single(&quorum, c->config.server_id);
    rk_broadcast_init(&c->broadcast, c->mem, &quorum, c->last_zxid);
}

static void start_member(struct rk_core *c)
{
    rk_broadcast_init(&c->broadcast, c->mem, &c->ens->quorum, c->last_zxid);
}

void rk_core_start(struct rk_core *c, int64_t now_ms, int64_t wall_ms, struct rk_effects *fx)
{
    RK_ASSERT(!c->is_started);
    RK_ASSERT(c->tree != NULL && c->sessions != NULL); /* restored */
    c->now_ms = now_ms;
    c->wall_ms = wall_ms;
    c->fx = fx;
    if (c->ens == NULL) {
        start_standalone(c);
    } else {
        start_member(c);
    }
    rk_overlay_attach(&c->overlay, c->tree, c->config.digest ? c->config.crc32 : NULL);
    c->connect_throttle.last_fill_ms = now_ms;
    c->connect_throttle.last_freeze_ms = now_ms;
    c->connect_throttle.tokens =
        c->config.connect_tokens *
        (c->config.connect_weight_enabled ? c->config.connect_weight_global : 1);
    c->reap_next_ms = now_ms + c->config.container_check_ms;
    c->reap_filled_ms = now_ms;
    rk_summary_add(&c->metrics.startup_txns_loaded, c->replayed_txns);
    c->is_started = true;
    if (c->ens != NULL) {
        rk_ens_start(c);
    }
    if (c->was_fresh || c->replayed_txns > 0) {
        rk_core_snapshot_start(c);
    }
    c->fx = NULL;
}

/* What time and completed work make due. Bounded work each. */
static void follow_up(struct rk_core *c)
{
    rk_core_reap(c);
    if (c->snap.is_wanted && rk_core_is_serving(c)) {
        rk_core_snapshot_start(c);
    }
    rk_core_snapshot_flush(c);
}

static void on_log_full(struct rk_core *c, bool is_full)
{
    if (c->is_log_full != is_full) {
        c->is_log_full = is_full;
        rk_fx_note(c->fx, is_full ? RK_NOTE_LOG_FULL : RK_NOTE_LOG_ROOM, 0, 0, c->last_zxid,
                   rk_bytes_str(""));
        if (is_full && c->ens != NULL) {
            rk_ens_on_log_full(c);
        }
    }
}

static void on_frame(struct rk_core *c, const struct rk_event *e)
{
    struct conn *conn = rk_core_conn(c, e->conn);
    if (conn == NULL || c->is_shutting_down) {
        return; /* closed meanwhile: the shell's last bytes of it */
    }
    rk_core_on_frame(c, conn, e->u.frame.bytes);
    rk_arena_reset(&c->arena);
}

static void on_tick(struct rk_core *c, bool is_late)
{
    if (is_late) {
        return; /* whether we still lead, and nothing else: rk_ens_tick */
    }
    rk_core_expire(c);
    rk_core_sweep_watches(c);
    rk_core_drain_late(c);
    if (c->is_delivery_held) {
        rk_core_deliver(c);
    }
    rk_core_drain_throttled(c);
    follow_up(c);
}

void rk_core_step(struct rk_core *c, const struct rk_event *event, struct rk_effects *fx)
{
    RK_ASSERT(c->is_started);
    c->fx = fx;
    c->step_first = fx->bytes.len;
    c->now_ms = event->now_ms;
    c->wall_ms = event->wall_ms;
    /* If so, nothing of this event finds anybody to answer. */
    (void)(rk_leader_overslept(c) || rk_follow_out_of_touch(c));
    switch (event->kind) {
    case RK_EV_FRAME:
        on_frame(c, event);
        break;
    case RK_EV_CONN_OPEN:
        rk_core_conn_open(c, event);
        break;
    case RK_EV_CONN_CLOSED:
        rk_core_conn_closed(c, event->conn);
        break;
    case RK_EV_LOG_SYNCED:
        if (c->ens != NULL) {
            rk_ens_on_durable(c, event->u.log_synced.zxid);
        } else {
            rk_broadcast_ack(&c->broadcast, c->config.server_id, event->u.log_synced.zxid);
            rk_core_deliver(c);
        }
        follow_up(c);
        break;
    case RK_EV_LOG_FULL:
        on_log_full(c, true);
        break;
    case RK_EV_LOG_ROOM:
        on_log_full(c, false);
        break;
    case RK_EV_SNAP_READY:
        rk_core_snapshot_ready(c);
        break;
    case RK_EV_SNAP_DONE:
        rk_core_snapshot_done(c, event->u.snap_done.zxid, event->u.snap_done.is_ok);
        if (c->ens != NULL) {
            rk_ens_on_snap_done(c, event->u.snap_done.zxid, event->u.snap_done.is_ok);
        }
        follow_up(c);
        break;
    case RK_EV_SHUTDOWN:
        c->is_shutting_down = true;
        rk_core_snapshot_abort(c);
        if (c->ens != NULL) {
            rk_ens_shutdown(c);
        }
        break;
    case RK_EV_TICK:
        on_tick(c, event->u.tick.is_late);
        break;
    default:
        RK_ASSERT(c->ens != NULL); /* a standalone server has no such events */
        rk_ens_step(c, event);
        follow_up(c);
        break;
    }
    if (c->ens != NULL) {
        rk_ens_tick(c);
    }
    c->fx = NULL;
}

int64_t rk_core_next_due(const struct rk_core *c)
{
    int64_t due = rk_sessions_next_due(c->sessions);
    if (c->config.container_check_ms > 0 && !c->is_log_full && !c->is_shutting_down &&
        rk_core_is_leading(c)) {
        int64_t reap = c->is_reaping ? c->now_ms + 1 : c->reap_next_ms;
        due = reap < due ? reap : due;
    }
    if ((c->is_delivery_held || !rk_list_empty(&c->late) || !rk_list_empty(&c->past_watchers)) &&
        due > c->now_ms) {
        due = c->now_ms + 1;
    }
    if (c->ens != NULL) {
        int64_t ens = rk_ens_next_due(c);
        due = ens < due ? ens : due;
    }
    return due;
}

bool rk_core_is_drained(const struct rk_core *c)
{
    return c->is_shutting_down && rk_ens_is_settled(c) && c->broadcast.inflight_count == 0 &&
           rk_list_empty(&c->late) && !c->snap.is_active && !c->snap.is_waiting;
}

void rk_core_check(const struct rk_core *c)
{
    uint32_t queued = 0;
    uint32_t conns = 0;
    if (rk_core_is_leading(c)) {
        rk_overlay_check(&c->overlay);
    }
    rk_sessions_check(c->sessions);
    rk_watches_check(c->watches);
    RK_ASSERT(!rk_core_is_leading(c) || c->last_zxid == c->broadcast.last_delivered);
    RK_ASSERT(c->broadcast.last_committed <= c->broadcast.last_proposed);
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        const struct conn *conn = c->conns[slot];
        if (conn == NULL) {
            continue;
        }
        conns++;
        queued += conn->queue_count;
        if (conn->state == CONN_OPEN && conn->session_ref != NULL) {
            RK_ASSERT(conn->session_ref->conn == conn->id);
            RK_ASSERT(conn->session_ref->id == conn->session);
        }
    }
    RK_ASSERT(conns == c->conn_count);
    RK_ASSERT(queued <= c->outstanding); /* the rest waits for nobody any more */
}
