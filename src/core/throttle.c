/* Limits: how fast connections may come (a token bucket with early random drop), how many requests
 * are in work, when a connection is not read from. ZK: BlueThrottle, RequestThrottler,
 * ZooKeeperServer.shouldThrottle. */
#include "core/ensemble_int.h"

#define PPM 1000000

static int64_t most_tokens(const struct rk_core *c)
{
    const struct rk_core_config *g = &c->config;
    return g->connect_tokens * (g->connect_weight_enabled ? g->connect_weight_global : 1);
}

static void fill_tokens(struct rk_core *c)
{
    struct connect_throttle *t = &c->connect_throttle;
    const struct rk_core_config *g = &c->config;
    int64_t max = most_tokens(c);
    int64_t per_fill =
        g->connect_fill_count * (g->connect_weight_enabled ? g->connect_weight_global : 1);
    int64_t elapsed = c->now_ms - t->last_fill_ms;
    int64_t fills = g->connect_fill_time_ms > 0 ? elapsed / g->connect_fill_time_ms : 0;
    if (fills > 0) {
        t->last_fill_ms += fills * g->connect_fill_time_ms;
        /* Saturate before multiplying: an idle night must not overflow. */
        t->tokens =
            fills > max || t->tokens + fills * per_fill > max ? max : t->tokens + fills * per_fill;
    }
}

/* ZK: BlueThrottle.checkBlue */
static bool passes_early_drop(struct rk_core *c)
{
    struct connect_throttle *t = &c->connect_throttle;
    const struct rk_core_config *g = &c->config;
    if (g->connect_freeze_ms < 0) {
        return true;
    }
    if (c->now_ms - t->last_freeze_ms > g->connect_freeze_ms) {
        int64_t deficit = g->connect_tokens - t->tokens;
        if (t->tokens <= 0 && t->drop_ppm < PPM) {
            t->drop_ppm += g->connect_drop_increase_ppm;
            t->drop_ppm = t->drop_ppm > PPM ? PPM : t->drop_ppm;
            t->last_freeze_ms = c->now_ms;
        } else if (deficit * PPM <= g->connect_decrease_ratio_ppm * g->connect_tokens &&
                   t->drop_ppm > 0) {
            t->drop_ppm -= g->connect_drop_decrease_ppm;
            t->drop_ppm = t->drop_ppm < 0 ? 0 : t->drop_ppm;
            t->last_freeze_ms = c->now_ms;
        }
    }
    return t->drop_ppm == 0 || !rk_prng_chance(&c->prng, (uint32_t)t->drop_ppm, PPM);
}

bool rk_core_connect_admitted(struct rk_core *c, bool is_renew)
{
    const struct rk_core_config *g = &c->config;
    int64_t need = 1;
    if (g->connect_tokens <= 0) {
        rk_summary_add(&c->metrics.connection_token_deficit, 0);
        return true;
    }
    if (g->connect_weight_enabled) {
        need = is_renew ? g->connect_weight_renew : g->connect_weight_global;
    }
    fill_tokens(c);
    if (!passes_early_drop(c) || c->connect_throttle.tokens < need) {
        return false;
    }
    c->connect_throttle.tokens -= need;
    rk_summary_add(&c->metrics.connection_token_deficit,
                   (uint64_t)(most_tokens(c) - c->connect_throttle.tokens));
    return true;
}

bool rk_core_can_admit(const struct rk_core *c)
{
    uint32_t max = c->config.request_throttle_max;
    /* A settled one may wait behind a throttled one: if it counted, both would wait for ever. */
    uint32_t in_work = c->outstanding - c->throttled_count - c->settled;
    return (max == 0 || in_work < max) &&
           c->broadcast.inflight_bytes < c->config.inflight_bytes_max &&
           !rk_leader_takes_no_more(c);
}

static bool should_pause(const struct rk_core *c, const struct conn *conn)
{
    return conn->queue_count > 0 && (conn->queue_count >= c->config.conn_outstanding_max ||
                                     c->outstanding > c->config.global_outstanding_max ||
                                     c->queued_bytes > c->config.queued_bytes_max);
}

void rk_core_pause_check(struct rk_core *c, struct conn *conn)
{
    bool should = should_pause(c, conn);
    /* Half the bound before reading on: not one pause and resume per request. */
    bool may_resume = !should && (conn->queue_count <= c->config.conn_outstanding_max / 2);
    if (conn->state == CONN_CLOSING || conn->state == CONN_PENDING) {
        return;
    }
    if (!conn->is_paused && should) {
        conn->is_paused = true;
        c->any_paused = true;
        rk_fx_conn(c->fx, RK_FX_PAUSE, conn->id);
    } else if (conn->is_paused && may_resume) {
        conn->is_paused = false;
        rk_fx_conn(c->fx, RK_FX_RESUME, conn->id);
    }
}

/* After replies made room: those paused for the sake of all may read again. */
void rk_core_resume_all(struct rk_core *c)
{
    if (!c->any_paused || c->outstanding > c->config.global_outstanding_max ||
        c->queued_bytes > c->config.queued_bytes_max) {
        return;
    }
    c->any_paused = false;
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        struct conn *conn = c->conns[slot];
        if (conn != NULL && conn->is_paused) {
            rk_core_pause_check(c, conn);
            c->any_paused = c->any_paused || conn->is_paused;
        }
    }
}

/* Gone stale while it waited? ZK: Request.isStale */
static bool is_stale(const struct rk_core *c, const struct request *q, const struct conn *conn)
{
    if (!c->config.request_throttle_drop_stale || q->op == RK_OP_CLOSE_SESSION) {
        return false;
    }
    if (conn == NULL || conn->state == CONN_CLOSING) {
        return c->config.request_stale_connection_check;
    }
    return conn->is_stale ||
           (c->config.request_stale_latency_check && c->now_ms - q->received_ms > conn->timeout_ms);
}

void rk_core_drain_throttled(struct rk_core *c)
{
    while (c->throttled_head != RK_REQUEST_NONE && rk_core_can_admit(c)) {
        uint32_t id = c->throttled_head;
        struct request *q = rk_core_request(c, id);
        struct conn *conn = rk_core_conn(c, q->conn);
        int64_t limit = c->config.throttled_op_wait_ms;
        c->throttled_head = q->next_throttled;
        if (c->throttled_head == RK_REQUEST_NONE) {
            c->throttled_tail = RK_REQUEST_NONE;
        }
        c->throttled_count--;
        RK_ASSERT(q->state == REQUEST_THROTTLED);
        RK_ASSERT(conn != NULL); /* a closed connection takes its requests with it */
        if (is_stale(c, q, conn)) {
            c->metrics.stale_requests++;
            c->metrics.stale_requests_dropped++;
            rk_fx_note(c->fx, RK_NOTE_REQUEST_DROPPED, conn->id, conn->session, q->op,
                       rk_bytes_str(""));
            q->state = REQUEST_HELD; /* dropped with its connection */
            conn->is_stale = true;
            rk_core_conn_close(c, conn);
            continue;
        }
        if (limit > 0 && c->now_ms - q->received_ms > limit && q->op != RK_OP_PING &&
            q->op != RK_OP_CLOSE_SESSION) {
            c->metrics.throttled_ops++;
            rk_core_request_fix(c, q, RK_ZK_THROTTLED_OP);
            rk_core_request_drain(c, conn);
            continue;
        }
        rk_core_request_admit(c, conn, id);
    }
}
