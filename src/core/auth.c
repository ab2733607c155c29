/* auth and sasl requests: handled when they arrive, outside the order of the others, as Apache
 * does. spec-client 8.5 to 8.9; ZK: ZooKeeperServer.processPacket. */
#include "core/core_int.h"

/* Is text one of the comma separated words of list? Blanks around words do not count. */
static bool list_has(struct rk_bytes list, struct rk_bytes text)
{
    uint32_t at = 0;
    while (at <= list.len && list.data != NULL) {
        uint32_t end = at;
        uint32_t from = at;
        uint32_t to;
        while (end < list.len && list.data[end] != ',') {
            end++;
        }
        to = end;
        while (from < to && list.data[from] == ' ') {
            from++;
        }
        while (to > from && list.data[to - 1] == ' ') {
            to--;
        }
        if (to > from && rk_bytes_equal(rk_bytes_of(list.data + from, to - from), text)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

bool rk_core_auth_is_satisfied(const struct rk_core *c, const struct conn *conn)
{
    if (c->config.enforce_auth_schemes.data == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < conn->ids.count; i++) {
        if (list_has(c->config.enforce_auth_schemes, conn->ids.items[i].scheme)) {
            return true;
        }
    }
    return false;
}

static bool add_id(struct rk_core *c, struct conn *conn, const char *scheme, struct rk_bytes id)
{
    return rk_auth_ids_add(&conn->ids, c->mem, rk_bytes_str(scheme), id) == RK_OK;
}

static bool login_digest(struct rk_core *c, struct conn *conn, struct rk_bytes auth)
{
    struct rk_bytes id;
    if (auth.data == NULL) {
        return false;
    }
    id = rk_auth_digest_id(&c->config.digest_alg, auth, &c->arena);
    if (c->config.super_digest.data != NULL && rk_auth_equal_secret(id, c->config.super_digest) &&
        !add_id(c, conn, "super", rk_bytes_str(""))) {
        return false;
    }
    return add_id(c, conn, "digest", id);
}

/* ZK: EnsembleAuthenticationProvider: no names configured, or no data, passes. */
static bool login_ensemble(struct rk_core *c, struct rk_bytes auth)
{
    if (auth.len == 0 || c->config.ensemble_names.data == NULL) {
        c->metrics.ensemble_auth_skip++;
        return true;
    }
    if (list_has(c->config.ensemble_names, auth)) {
        c->metrics.ensemble_auth_success++;
        return true;
    }
    c->metrics.ensemble_auth_fail++;
    return false;
}

void rk_core_on_auth(struct rk_core *c, struct conn *conn, int32_t xid, struct rk_bytes body)
{
    struct rk_auth_packet packet;
    struct rk_reader r;
    bool is_ok = false;
    rk_reader_init(&r, body, c->config.record_bytes_max);
    if (!rk_proto_read_auth_packet(&r, &c->arena, &packet)) {
        rk_fx_note(c->fx, RK_NOTE_REQUEST_BAD, conn->id, conn->session, RK_OP_AUTH,
                   rk_bytes_str("auth"));
        rk_core_conn_close(c, conn);
        return;
    }
    if (rk_bytes_is(packet.scheme, "digest") && c->schemes.digest) {
        is_ok = login_digest(c, conn, packet.auth);
    } else if (rk_bytes_is(packet.scheme, "ip")) {
        is_ok = true; /* the address it really has is there already */
    } else if (rk_bytes_is(packet.scheme, "ensemble") && c->config.ensemble_names.data != NULL) {
        if (!login_ensemble(c, packet.auth)) {
            rk_fx_note(c->fx, RK_NOTE_AUTH_FAILED, conn->id, conn->session, 0,
                       rk_bytes_str("another ensemble's name"));
            rk_core_conn_close(c, conn);
            return;
        }
        is_ok = true;
    }
    if (!is_ok) {
        c->metrics.auth_failed_count++;
        rk_fx_note(c->fx, RK_NOTE_AUTH_FAILED, conn->id, conn->session, 0, packet.scheme);
        rk_core_reply_error(c, conn, xid, 0, RK_ZK_AUTH_FAILED, RK_OP_AUTH, c->now_ms);
        rk_core_conn_close(c, conn);
        return;
    }
    rk_fx_note(c->fx, RK_NOTE_AUTH_OK, conn->id, conn->session, 0, packet.scheme);
    rk_core_reply_error(c, conn, xid, 0, RK_ZK_OK, RK_OP_AUTH, c->now_ms);
}

/* No SASL server is configured: a token is answered with a null one, no token ends the connection.
 */
void rk_core_on_sasl(struct rk_core *c, struct conn *conn, int32_t xid, struct rk_bytes body)
{
    struct rk_get_sasl_request request;
    struct rk_reader r;
    size_t mark;
    rk_reader_init(&r, body, c->config.record_bytes_max);
    if (!rk_proto_read_get_sasl_request(&r, &c->arena, &request) || request.token.data == NULL) {
        rk_fx_note(c->fx, RK_NOTE_REQUEST_BAD, conn->id, conn->session, RK_OP_SASL,
                   rk_bytes_str("sasl"));
        rk_core_conn_close(c, conn);
        return;
    }
    mark = rk_core_reply_begin(c, conn, xid, 0);
    rk_buf_put_bytes(&c->fx->bytes, rk_bytes_str(NULL));
    rk_core_reply_end(c, conn, mark, RK_ZK_OK, false, RK_OP_SASL, c->now_ms);
}
