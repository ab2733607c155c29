/* The effects of a step. Guarantees that what must be told (completions above all) always has a
 * place: the room for it was taken when the request was accepted. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"

#define FX_FIRST 64u

/* What one step may have to tell without asking for memory. */
static uint64_t certain(const struct rk_client *c)
{
    return (uint64_t)c->request_count + c->auth_tags + c->server_count + RK_CLIENT_FX_STEP_MAX;
}

bool rk_client_fx_reserve(struct rk_client *c, uint32_t extra)
{
    uint64_t need = c->fx_count + certain(c) + extra;
    if (need <= c->fx_cap && need <= c->fx_at_cap) {
        return true;
    }
    if (need > UINT32_MAX / 2) {
        return false;
    }
    uint32_t cap = c->fx_cap == 0 ? FX_FIRST : c->fx_cap;
    while (cap < need) {
        cap *= 2;
    }
    if (cap > c->fx_cap) {
        void *fx =
            rk_mem_resize(c->mem, c->fx, c->fx_cap * sizeof(c->fx[0]), cap * sizeof(c->fx[0]));
        if (fx == NULL) {
            return false;
        }
        c->fx = fx;
        c->fx_cap = cap;
    }
    void *at = rk_mem_resize(c->mem, c->fx_at, c->fx_at_cap * sizeof(c->fx_at[0]),
                             cap * sizeof(c->fx_at[0]));
    if (at == NULL) {
        return false;
    }
    c->fx_at = at;
    c->fx_at_cap = cap;
    return true;
}

struct rk_client_effect *rk_client_fx(struct rk_client *c, enum rk_client_effect_type type)
{
    RK_ASSERT(c->fx_count < c->fx_cap);
    RK_ASSERT(c->fx_count < c->fx_at_cap);
    struct rk_client_effect *fx = &c->fx[c->fx_count];
    memset(fx, 0, sizeof(*fx));
    fx->type = type;
    c->fx_at[c->fx_count] = type == RK_CLIENT_FX_WATCH ? c->watches.told_count : c->out.len;
    c->fx_count++;
    return fx;
}

bool rk_client_out_room(struct rk_client *c, size_t bytes)
{
    bool is_ok = rk_buf_reserve(&c->out, bytes);
    c->out.failed = false; /* what is in it is whole */
    return is_ok;
}

void rk_client_fx_sent(struct rk_client *c, uint64_t conn, size_t from)
{
    size_t len = c->out.len - from;
    struct rk_client_effect *last = c->fx_count == 0 ? NULL : &c->fx[c->fx_count - 1];
    RK_ASSERT(!c->out.failed && len > 0);
    c->last_send_ms = conn == c->line.id ? c->now_ms : c->last_send_ms;
    if (last != NULL && last->type == RK_CLIENT_FX_SEND && last->u.send.conn == conn &&
        last->u.send.bytes.len + len <= UINT32_MAX) {
        last->u.send.bytes.len += (uint32_t)len;
        return;
    }
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_SEND);
    c->fx_at[c->fx_count - 1] = from;
    fx->u.send.conn = conn;
    fx->u.send.bytes.len = (uint32_t)len;
}

/* What Apache's library tells every watcher; 0: nothing. */
static int32_t session_event(enum rk_client_state old, enum rk_client_state state)
{
    bool was_connected = old == RK_CLIENT_CONNECTED || old == RK_CLIENT_READ_ONLY;
    switch (state) {
    case RK_CLIENT_CONNECTED:
        return 3;
    case RK_CLIENT_READ_ONLY:
        return 5;
    case RK_CLIENT_EXPIRED:
        return -112;
    case RK_CLIENT_AUTH_FAILED:
        return -113;
    case RK_CLIENT_CLOSED:
        return 0;
    default:
        return was_connected ? 1 : 0;
    }
}

void rk_client_fx_state(struct rk_client *c, enum rk_client_state state, bool is_new_session)
{
    int32_t event = session_event(c->state, state);
    if (c->state == state) {
        return;
    }
    c->state = state;
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_STATE);
    fx->u.state.state = state;
    fx->u.state.is_new_session = is_new_session;
    uint32_t count = event == 0 ? 0 : rk_client_watches_show(&c->watches);
    if (count > 0) {
        fx = rk_client_fx(c, RK_CLIENT_FX_WATCH);
        fx->u.watch.event = -1;
        fx->u.watch.state = event;
        fx->u.watch.path = rk_bytes_str("");
        fx->u.watch.count = count;
    }
}

void rk_client_fx_begin(struct rk_client *c)
{
    c->fx_count = 0;
    c->result = RK_ZK_OK;
    c->has_more = false;
    rk_buf_reset(&c->out);
    if (c->out.cap > 2 * RK_CLIENT_STEP_BYTES) {
        rk_buf_deinit(&c->out);
    }
}

/* Now nothing moves any more: what was noted as a place becomes a pointer. */
void rk_client_fx_end(struct rk_client *c, struct rk_client_effects *out)
{
    for (uint32_t i = 0; i < c->fx_count; i++) {
        struct rk_client_effect *fx = &c->fx[i];
        if (fx->type == RK_CLIENT_FX_SEND) {
            RK_ASSERT(c->fx_at[i] + fx->u.send.bytes.len <= c->out.len);
            fx->u.send.bytes.data = c->out.data + c->fx_at[i];
        } else if (fx->type == RK_CLIENT_FX_WATCH) {
            fx->u.watch.watchers =
                fx->u.watch.event == -1 ? c->watches.whos : c->watches.told + c->fx_at[i];
        }
    }
    out->list = c->fx;
    out->count = c->fx_count;
    out->result = c->result;
}
