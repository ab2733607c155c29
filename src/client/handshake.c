/* The handshake: what is asked of a server, and what its answer means for the session. */
#include <string.h>

#include "base/assert.h"
#include "client/client_calls.h"
#include "proto/frame.h"
#include "proto/records.h"

#define REQUEST_BYTES_MAX 64u

bool rk_client_handshake_send(struct rk_client *c)
{
    if (!rk_client_out_room(c, REQUEST_BYTES_MAX)) {
        return false;
    }
    struct rk_connect_request q = {
        .last_zxid_seen = c->last_zxid,
        .time_out = c->config.session_timeout_ms,
        .session_id = c->seen_rw ? c->session_id : 0,
        .passwd = rk_bytes_of(c->password, sizeof(c->password)),
        .has_read_only = true,
        .read_only = c->config.may_read_only,
    };
    size_t from = c->out.len;
    size_t place = rk_frame_begin(&c->out);
    rk_proto_write_connect_request(&c->out, &q);
    rk_frame_end(&c->out, place);
    RK_ASSERT(c->out.len - from <= REQUEST_BYTES_MAX);
    rk_client_fx_sent(c, c->line.id, from);
    return true;
}

static void take_session(struct rk_client *c, const struct rk_connect_response *p)
{
    bool is_new = !c->seen_rw || c->session_id == 0;
    c->session_id = p->session_id;
    memcpy(c->password, p->passwd.data, sizeof(c->password));
    c->timeout_ms = p->time_out;
    c->seen_rw = c->seen_rw || !p->read_only;
    c->connected_ms = c->now_ms;
    c->is_moving = false;
    rk_client_watches_unset(&c->watches);
    rk_client_auth_connect(c);
    rk_client_fx_state(c, p->read_only ? RK_CLIENT_READ_ONLY : RK_CLIENT_CONNECTED, is_new);
    if (p->read_only) {
        rk_client_probe_start(c);
    }
}

void rk_client_handshake_take(struct rk_client *c, struct rk_bytes frame)
{
    struct rk_connect_response p;
    struct rk_reader r;
    rk_session_id asked = c->seen_rw ? c->session_id : 0;
    rk_reader_init(&r, frame, RK_CLIENT_PASSWORD_BYTES);
    bool is_whole = rk_proto_read_connect_response(&r, NULL, &p);
    RK_ASSERT(c->state == RK_CLIENT_ASSOCIATING);
    if (is_whole && asked != 0 && (p.time_out <= 0 || p.session_id != asked)) {
        rk_client_end(c, RK_CLIENT_EXPIRED, RK_ZK_SESSION_EXPIRED);
        return;
    }
    /* A server that gives no session to a new client has none to give: another may. */
    bool is_good = is_whole && p.time_out > 0 && p.session_id != 0 &&
                   p.passwd.len == RK_CLIENT_PASSWORD_BYTES &&
                   (!p.read_only || c->config.may_read_only);
    if (is_good) {
        take_session(c, &p);
    } else {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
    }
}
