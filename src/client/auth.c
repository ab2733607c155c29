/* Logins: kept for the life of the client and said again on every connection. They are answered in
 * the order in which they were sent; a refusal ends the session's use. ZK: auth_completion_func */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/records.h"

#define PACKET_BYTES 24u /* length, header, and the record without its texts */

static struct rk_client_auth *of(struct rk_link *link)
{
    return RK_CONTAINER_OF(link, struct rk_client_auth, link);
}

static struct rk_bytes scheme_of(const struct rk_client_auth *a)
{
    return (struct rk_bytes){a->text, a->scheme_len};
}

static struct rk_bytes auth_of(const struct rk_client_auth *a)
{
    return (struct rk_bytes){a->is_null ? NULL : a->text + a->scheme_len, a->auth_len};
}

static void free_auth(struct rk_client *c, struct rk_client_auth *a)
{
    rk_list_unlink(&a->link);
    if (!a->is_sent && !a->is_answered) {
        c->auth_unsent--;
    }
    c->auth_count--;
    rk_mem_free(c->mem, a, sizeof(*a) + a->scheme_len + a->auth_len);
}

void rk_client_auth_free(struct rk_client *c)
{
    struct rk_link *link;
    while ((link = rk_list_first(&c->auths)) != NULL) {
        free_auth(c, of(link));
    }
}

static bool is_known(struct rk_client *c, struct rk_bytes scheme, struct rk_bytes auth)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &c->auths)
    {
        if (rk_bytes_equal(scheme_of(of(it)), scheme) && rk_bytes_equal(auth_of(of(it)), auth)) {
            return true;
        }
    }
    return false;
}

static struct rk_client_auth *make(struct rk_client *c, struct rk_bytes scheme,
                                   struct rk_bytes auth)
{
    struct rk_client_auth *a = rk_mem_alloc(c->mem, sizeof(*a) + scheme.len + auth.len);
    if (a == NULL) {
        return NULL;
    }
    *a = (struct rk_client_auth){
        .scheme_len = scheme.len, .auth_len = auth.len, .is_null = auth.data == NULL};
    if (scheme.len > 0) {
        memcpy(a->text, scheme.data, scheme.len);
    }
    if (auth.len > 0) {
        memcpy(a->text + scheme.len, auth.data, auth.len);
    }
    rk_list_init(&a->link);
    return a;
}

void rk_client_on_auth(struct rk_client *c, uint64_t tag, struct rk_bytes scheme,
                       struct rk_bytes auth)
{
    if (c->is_closing || rk_client_is_over(c)) {
        c->result = c->is_closing ? RK_CLIENT_CLOSING : RK_CLIENT_INVALID_STATE;
        return;
    }
    if (scheme.data == NULL || (uint64_t)scheme.len + auth.len > RK_CLIENT_AUTH_BYTES_MAX) {
        c->result = RK_ZK_BAD_ARGUMENTS;
        return;
    }
    if (c->auth_count >= RK_CLIENT_AUTHS_MAX) {
        c->result = RK_ZK_API_ERROR;
        return;
    }
    struct rk_client_auth *a = make(c, scheme, auth);
    if (a == NULL || !rk_client_fx_reserve(c, 1)) {
        rk_mem_free(c->mem, a, sizeof(*a) + scheme.len + auth.len);
        c->result = RK_ZK_SYSTEM_ERROR;
        return;
    }
    a->is_once = is_known(c, scheme, auth);
    a->tag = tag;
    c->auth_tags += tag != 0;
    c->auth_count++;
    c->auth_unsent++;
    rk_list_push(&c->auths, &a->link);
}

bool rk_client_auth_send(struct rk_client *c)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &c->auths)
    {
        struct rk_client_auth *a = of(it);
        if (a->is_sent || a->is_answered) {
            continue;
        }
        if (!rk_client_out_room(c, PACKET_BYTES + (size_t)a->scheme_len + a->auth_len)) {
            return false;
        }
        struct rk_auth_packet q = {.scheme = scheme_of(a), .auth = auth_of(a)};
        size_t from = c->out.len;
        size_t place = rk_frame_begin(&c->out);
        rk_buf_put_i32(&c->out, RK_CLIENT_XID_AUTH);
        rk_buf_put_i32(&c->out, RK_OP_AUTH);
        rk_proto_write_auth_packet(&c->out, &q);
        rk_frame_end(&c->out, place);
        rk_client_fx_sent(c, c->line.id, from);
        a->is_sent = true;
        c->auth_unsent--;
    }
    return true;
}

static void tell(struct rk_client *c, struct rk_client_auth *a, int32_t result, rk_zxid zxid)
{
    if (a->tag == 0) {
        return;
    }
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_COMPLETE);
    fx->u.complete.tag = a->tag;
    fx->u.complete.op = RK_OP_AUTH;
    fx->u.complete.result = result;
    fx->u.complete.zxid = zxid;
    fx->u.complete.body = rk_bytes_str("");
    a->tag = 0;
    c->auth_tags--;
}

void rk_client_auth_take(struct rk_client *c, int32_t err, rk_zxid zxid)
{
    struct rk_link *it;
    struct rk_link *tmp;
    struct rk_client_auth *a = NULL;
    RK_LIST_EACH(it, tmp, &c->auths)
    {
        if (of(it)->is_sent) {
            a = of(it);
            break;
        }
    }
    if (a == NULL) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP); /* nobody asked */
        return;
    }
    a->is_sent = false;
    a->is_answered = true;
    if (err != RK_ZK_OK) {
        tell(c, a, err, zxid);
        rk_client_end(c, RK_CLIENT_AUTH_FAILED, RK_ZK_AUTH_FAILED);
        return;
    }
    tell(c, a, err, zxid);
    if (a->is_once) {
        free_auth(c, a);
    }
}

void rk_client_auth_connect(struct rk_client *c)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &c->auths)
    {
        of(it)->is_sent = false;
        of(it)->is_answered = false;
    }
    c->auth_unsent = c->auth_count;
}

void rk_client_auth_fail(struct rk_client *c, bool is_all, int32_t result)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &c->auths)
    {
        struct rk_client_auth *a = of(it);
        if (is_all || a->is_sent) {
            tell(c, a, result, 0);
            if (a->is_once) {
                free_auth(c, a);
            }
        }
    }
}
