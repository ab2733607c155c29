/* While the server is a read-only one: looks for one that is not, on a second connection, by the
 * word isro; each time twice as long after the last. ZK: ping_rw_server */
#include <string.h>

#include "base/assert.h"
#include "client/client_calls.h"

#define ANSWER_MS 1000 /* ZK: zookeeper_set_sock_timeout(.., 1) */

void rk_client_probe_start(struct rk_client *c)
{
    RK_ASSERT(c->probe.id == 0);
    c->probe_delay_ms = RK_CLIENT_PROBE_MIN_MS;
    c->probe_ms = c->now_ms + c->probe_delay_ms;
}

void rk_client_probe_stop(struct rk_client *c, bool is_gone)
{
    if (c->probe.id != 0 && !is_gone) {
        rk_client_fx(c, RK_CLIENT_FX_DROP)->u.drop.conn = c->probe.id;
    }
    c->probe = (struct rk_client_line){.id = 0};
    c->is_probe_open = false;
}

static void try_next(struct rk_client *c)
{
    const struct rk_client_target *t = &c->targets[c->probe_at % c->target_count];
    if (rk_client_addr_equal(&t->addr, &c->line.addr) && c->target_count > 1) {
        c->probe_at++;
        t = &c->targets[c->probe_at % c->target_count];
    }
    c->probe_at++;
    c->probe_delay_ms *= 2;
    if (c->probe_delay_ms > RK_CLIENT_PROBE_MAX_MS) {
        c->probe_delay_ms = RK_CLIENT_PROBE_MAX_MS;
    }
    /* Drawn, or all clients of a server ask at once. */
    c->probe_ms =
        c->now_ms + c->probe_delay_ms / 2 + (int64_t)rk_prng_below(&c->prng, c->probe_delay_ms / 2);
    c->probe = (struct rk_client_line){
        .id = ++c->last_conn, .addr = t->addr, .deadline_ms = c->now_ms + ANSWER_MS};
    c->probe_in_len = 0;
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_CONNECT);
    fx->u.connect.conn = c->probe.id;
    fx->u.connect.addr = t->addr;
}

void rk_client_probe_connected(struct rk_client *c)
{
    if (c->is_probe_open) {
        return;
    }
    c->is_probe_open = true;
    if (!rk_client_out_room(c, 4)) {
        rk_client_probe_stop(c, false);
        return;
    }
    size_t from = c->out.len;
    rk_buf_put(&c->out, "isro", 4);
    rk_client_fx_sent(c, c->probe.id, from);
}

void rk_client_probe_bytes(struct rk_client *c, struct rk_bytes bytes)
{
    for (uint32_t i = 0; i < bytes.len && c->probe_in_len < RK_CLIENT_PROBE_BYTES; i++) {
        c->probe_in[c->probe_in_len++] = bytes.data[i];
    }
    if (c->probe_in_len < 2) {
        return;
    }
    if (memcmp(c->probe_in, "rw", 2) == 0) {
        c->has_fixed = true;
        c->fixed = c->probe.addr;
        rk_client_probe_stop(c, false);
        c->probe_ms = RK_CLIENT_NEVER;
        rk_client_leave(c);
    } else {
        rk_client_probe_stop(c, false);
    }
}

void rk_client_probe_timers(struct rk_client *c)
{
    if (c->state != RK_CLIENT_READ_ONLY || c->is_closing || c->is_leaving) {
        return;
    }
    if (c->probe.id != 0 && c->now_ms >= c->probe.deadline_ms) {
        rk_client_probe_stop(c, false);
    }
    if (c->probe.id == 0 && c->now_ms >= c->probe_ms) {
        try_next(c);
    }
}

int64_t rk_client_probe_wake(const struct rk_client *c)
{
    if (c->state != RK_CLIENT_READ_ONLY || c->is_closing || c->is_leaving) {
        return RK_CLIENT_NEVER;
    }
    return c->probe.id != 0 ? c->probe.deadline_ms : c->probe_ms;
}
