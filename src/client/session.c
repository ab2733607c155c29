/* The life of a connection and of the session: opening, keeping alive, losing, leaving, ending.
 * Whatever happens to a connection goes through rk_client_lose or rk_client_end, so that each
 * request it carried is told once. */
#include <string.h>

#include "base/assert.h"
#include "client/client_calls.h"
#include "proto/opcode.h"

bool rk_client_is_connected(const struct rk_client *c)
{
    return c->state == RK_CLIENT_CONNECTED || c->state == RK_CLIENT_READ_ONLY;
}

bool rk_client_is_over(const struct rk_client *c)
{
    return c->state >= RK_CLIENT_EXPIRED;
}

static int64_t connect_timeout_ms(const struct rk_client *c)
{
    if (c->config.connect_timeout_ms != 0) {
        return c->config.connect_timeout_ms;
    }
    int64_t ms = c->timeout_ms / (c->target_count == 0 ? 1 : (int64_t)c->target_count);
    return ms < 1 ? 1 : ms;
}

void rk_client_open(struct rk_client *c, const struct rk_client_target *target)
{
    RK_ASSERT(c->line.id == 0 && !rk_client_is_over(c));
    c->line = (struct rk_client_line){.id = ++c->last_conn,
                                      .addr = target->addr,
                                      .deadline_ms = c->now_ms + connect_timeout_ms(c)};
    rk_client_fx_state(c, RK_CLIENT_CONNECTING, false);
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_CONNECT);
    fx->u.connect.conn = c->line.id;
    fx->u.connect.addr = target->addr;
}

void rk_client_on_connected(struct rk_client *c, uint64_t conn)
{
    if (conn == 0) {
        return;
    }
    if (conn == c->probe.id) {
        rk_client_probe_connected(c);
    } else if (conn == c->line.id && c->state == RK_CLIENT_CONNECTING) {
        rk_client_fx_state(c, RK_CLIENT_ASSOCIATING, false);
        c->last_recv_ms = c->now_ms;
        if (!rk_client_handshake_send(c)) {
            rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        }
    }
}

void rk_client_on_gone(struct rk_client *c, uint64_t conn)
{
    if (conn == 0) {
        return;
    }
    if (conn == c->probe.id) {
        rk_client_probe_stop(c, true);
    } else if (conn == c->line.id) {
        rk_client_lose(c, RK_CLIENT_LOSS_GONE);
    }
}

/* Forgets the connection, with its input and what it was to carry. */
static void hang_up(struct rk_client *c, bool is_gone)
{
    rk_client_probe_stop(c, false);
    if (c->line.id != 0 && !is_gone) {
        rk_client_fx(c, RK_CLIENT_FX_DROP)->u.drop.conn = c->line.id;
    }
    c->line = (struct rk_client_line){.id = 0};
    c->is_leaving = false;
    rk_client_frames_forget(c);
}

/* Every server has failed once: those who wait are told, and the next round waits. */
void rk_client_end_round(struct rk_client *c)
{
    uint64_t wait_ms = c->config.backoff_min_ms;
    /* Servers that come back must find the session alive. */
    uint64_t most_ms = (uint64_t)c->timeout_ms / 8;
    most_ms = most_ms < wait_ms ? wait_ms : most_ms;
    most_ms = most_ms > c->config.backoff_max_ms ? c->config.backoff_max_ms : most_ms;
    for (uint32_t i = 0; i < c->rounds && wait_ms < most_ms; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms > most_ms ? most_ms : wait_ms;
    wait_ms -= rk_prng_below(&c->prng, wait_ms / 2 + 1);
    c->retry_ms = c->now_ms + (int64_t)wait_ms;
    c->rounds++;
    c->failures = 0;
    rk_client_complete_all(c, &c->waiting, RK_ZK_CONNECTION_LOSS);
    rk_client_auth_fail(c, true, RK_ZK_CONNECTION_LOSS);
    rk_client_resolve(c);
}

/* A connection that ended at once counts as a failed try, or servers that accept and hang up would
 * be tried without pause. */
static void count_loss(struct rk_client *c, bool was_connected)
{
    if (was_connected && c->now_ms - c->connected_ms >= (int64_t)c->config.backoff_min_ms) {
        c->failures = 0;
        c->rounds = 0;
        if (c->config.order == RK_CLIENT_NEAREST) {
            c->target_at = 0;
        }
        rk_client_resolve(c);
        return;
    }
    c->failures++;
    if (c->failures >= c->target_count) {
        rk_client_end_round(c);
    }
}

void rk_client_lose(struct rk_client *c, enum rk_client_loss loss)
{
    bool was_connected = rk_client_is_connected(c);
    RK_ASSERT(c->line.id != 0 && !rk_client_is_over(c));
    if (c->is_closing) {
        if (loss == RK_CLIENT_LOSS_GONE) {
            c->line.id = 0;
        }
        rk_client_end(c, RK_CLIENT_CLOSED, RK_CLIENT_CLOSING);
        return;
    }
    hang_up(c, loss == RK_CLIENT_LOSS_GONE);
    rk_client_fx_state(c, RK_CLIENT_IDLE, false);
    rk_client_complete_all(c, &c->sent, RK_ZK_CONNECTION_LOSS);
    rk_client_auth_fail(c, false, RK_ZK_CONNECTION_LOSS);
    if (loss != RK_CLIENT_LOSS_LEAVE) {
        count_loss(c, was_connected);
    }
}

/* When what was sent is answered (request.c), or when that takes too long. */
void rk_client_leave(struct rk_client *c)
{
    if (c->line.id == 0 || c->is_leaving || c->is_closing) {
        return;
    }
    if (!rk_client_is_connected(c)) {
        rk_client_lose(c, RK_CLIENT_LOSS_LEAVE);
        return;
    }
    c->is_leaving = true;
    c->leave_ms = c->now_ms + c->timeout_ms / 3;
}

/* A terminal state. Everybody who waits for anything is told so. */
void rk_client_end(struct rk_client *c, enum rk_client_state state, int32_t result)
{
    RK_ASSERT(state >= RK_CLIENT_EXPIRED && c->state != RK_CLIENT_CLOSED);
    hang_up(c, false);
    c->retry_ms = RK_CLIENT_NEVER;
    if (state != RK_CLIENT_CLOSED) {
        rk_client_fx_state(c, state, false);
    }
    rk_client_complete_all(c, &c->sent, result);
    rk_client_complete_all(c, &c->waiting, result);
    rk_client_auth_fail(c, true, result);
    if (state == RK_CLIENT_CLOSED || c->is_closing) {
        rk_client_fx_state(c, RK_CLIENT_CLOSED, false);
    }
}

static void send_close(struct rk_client *c)
{
    c->close_xid = rk_client_xid(c);
    c->is_close_sent = true;
    rk_client_probe_stop(c, false);
    if (!rk_client_header_send(c, c->close_xid, RK_OP_CLOSE_SESSION, (struct rk_bytes){NULL, 0})) {
        rk_client_end(c, RK_CLIENT_CLOSED, RK_CLIENT_CLOSING);
    }
}

/* Without a connection the session is left to expire, as Apache's client leaves it. */
void rk_client_on_close(struct rk_client *c, uint32_t close_ms)
{
    if (c->is_closing || c->state == RK_CLIENT_CLOSED) {
        return;
    }
    c->is_closing = true;
    c->is_leaving = false;
    c->close_ms = c->now_ms + close_ms;
    if (rk_client_is_over(c)) {
        rk_client_fx_state(c, RK_CLIENT_CLOSED, false);
    } else if (rk_client_is_connected(c) || c->state == RK_CLIENT_ASSOCIATING) {
        rk_client_complete_all(c, &c->waiting, RK_CLIENT_CLOSING);
    } else {
        rk_client_end(c, RK_CLIENT_CLOSED, RK_CLIENT_CLOSING);
    }
}

static void keep_alive(struct rk_client *c)
{
    int64_t timeout_ms = c->timeout_ms;
    if (c->now_ms - c->last_recv_ms >= timeout_ms - timeout_ms / 3) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
    } else if (c->now_ms - c->last_send_ms >= (timeout_ms + 2) / 3 &&
               !rk_client_header_send(c, RK_CLIENT_XID_PING, RK_OP_PING,
                                      (struct rk_bytes){NULL, 0})) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
    }
}

void rk_client_session_timers(struct rk_client *c)
{
    if (c->is_closing && rk_client_is_connected(c) && !c->is_close_sent) {
        send_close(c);
    }
    if (c->is_closing && !rk_client_is_over(c) && c->now_ms >= c->close_ms) {
        rk_client_end(c, RK_CLIENT_CLOSED, RK_CLIENT_CLOSING);
    }
    if (c->line.id != 0 && !rk_client_is_connected(c) && c->now_ms >= c->line.deadline_ms) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
    }
    if (rk_client_is_connected(c) && !c->is_close_sent) {
        keep_alive(c);
    }
    if (c->is_leaving && (c->now_ms >= c->leave_ms || rk_list_empty(&c->sent))) {
        rk_client_lose(c, RK_CLIENT_LOSS_LEAVE);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t rk_client_session_wake(const struct rk_client *c)
{
    int64_t wake_ms = RK_CLIENT_NEVER;
    if (rk_client_is_over(c)) {
        return wake_ms;
    }
    if (c->is_closing) {
        wake_ms = sooner(wake_ms, c->close_ms);
    }
    if (c->is_leaving) {
        wake_ms = sooner(wake_ms, c->leave_ms);
    }
    if (rk_client_is_connected(c)) {
        int64_t timeout_ms = c->timeout_ms;
        wake_ms = sooner(wake_ms, c->last_recv_ms + timeout_ms - timeout_ms / 3);
        wake_ms = sooner(wake_ms, c->last_send_ms + (timeout_ms + 2) / 3);
    } else if (c->line.id != 0) {
        wake_ms = sooner(wake_ms, c->line.deadline_ms);
    }
    return wake_ms;
}
