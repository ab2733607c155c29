/* Requests: accepted, kept while there is no connection, sent once, completed once. Those sent are
 * answered in order, so that the oldest is always the next one answered. */
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"
#include "proto/frame.h"
#include "proto/opcode.h"

#define HEADER_BYTES 12u /* length, xid, op */
#define HEAP_FIRST   16u

/* -- Deadlines: a binary heap, the soonest first -- */

static void heap_put(struct rk_client *c, uint32_t at, struct rk_client_pending *p)
{
    c->heap[at] = p;
    p->heap_at = at + 1;
}

static void heap_up(struct rk_client *c, uint32_t at)
{
    struct rk_client_pending *p = c->heap[at];
    while (at > 0 && c->heap[(at - 1) / 2]->deadline_ms > p->deadline_ms) {
        heap_put(c, at, c->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(c, at, p);
}

static void heap_down(struct rk_client *c, uint32_t at)
{
    struct rk_client_pending *p = c->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < c->heap_count &&
            c->heap[child + 1]->deadline_ms < c->heap[child]->deadline_ms) {
            child++;
        }
        if (child >= c->heap_count || c->heap[child]->deadline_ms >= p->deadline_ms) {
            break;
        }
        heap_put(c, at, c->heap[child]);
        at = child;
    }
    heap_put(c, at, p);
}

static void heap_remove(struct rk_client *c, struct rk_client_pending *p)
{
    if (p->heap_at == 0) {
        return;
    }
    uint32_t at = p->heap_at - 1;
    RK_ASSERT(c->heap[at] == p);
    p->heap_at = 0;
    struct rk_client_pending *last = c->heap[--c->heap_count];
    if (last != p) {
        heap_put(c, at, last);
        heap_up(c, at);
        heap_down(c, last->heap_at - 1);
    }
}

static bool heap_reserve(struct rk_client *c)
{
    if (c->heap_count < c->heap_cap) {
        return true;
    }
    uint32_t cap = c->heap_cap == 0 ? HEAP_FIRST : c->heap_cap * 2;
    void *heap =
        rk_mem_resize(c->mem, c->heap, c->heap_cap * sizeof(c->heap[0]), cap * sizeof(c->heap[0]));
    if (heap == NULL) {
        return false;
    }
    c->heap = heap;
    c->heap_cap = cap;
    return true;
}

/* -- The end of a request -- */

static void free_pending(struct rk_client *c, struct rk_client_pending *p)
{
    rk_list_unlink(&p->link);
    rk_client_watch_order_deinit(&c->watches, &p->watch);
    rk_mem_free(c->mem, p->body, p->body_len);
    rk_mem_free(c->mem, p, sizeof(*p));
}

static void tell(struct rk_client *c, struct rk_client_pending *p, int32_t result, rk_zxid zxid,
                 struct rk_bytes body)
{
    struct rk_client_effect *fx = rk_client_fx(c, RK_CLIENT_FX_COMPLETE);
    RK_ASSERT(c->request_count > 0);
    c->request_count--;
    heap_remove(c, p);
    fx->u.complete.tag = p->tag;
    fx->u.complete.op = p->op;
    fx->u.complete.result = result;
    fx->u.complete.zxid = zxid;
    fx->u.complete.body = body;
}

void rk_client_complete(struct rk_client *c, struct rk_client_pending *p, int32_t result,
                        rk_zxid zxid, struct rk_bytes body)
{
    if (p->is_given_up) {
        RK_ASSERT(c->given_up_count > 0);
        c->given_up_count--;
    } else {
        tell(c, p, result, zxid, body);
    }
    free_pending(c, p);
}

static void forget_waiting(struct rk_client *c, const struct rk_client_pending *p)
{
    uint64_t bytes = sizeof(*p) + p->body_len;
    RK_ASSERT(c->waiting_bytes >= bytes);
    c->waiting_bytes -= bytes;
}

void rk_client_complete_all(struct rk_client *c, struct rk_link *list, int32_t result)
{
    struct rk_link *link;
    while ((link = rk_list_first(list)) != NULL) {
        struct rk_client_pending *p = RK_CONTAINER_OF(link, struct rk_client_pending, link);
        if (list == &c->waiting) {
            forget_waiting(c, p);
        }
        rk_client_complete(c, p, result, 0, rk_bytes_str(""));
    }
}

/* -- Sending -- */

int32_t rk_client_xid(struct rk_client *c)
{
    int32_t xid = c->next_xid;
    RK_ASSERT(xid > 0);
    c->next_xid = xid == INT32_MAX ? 1 : xid + 1;
    return xid;
}

bool rk_client_header_send(struct rk_client *c, int32_t xid, int32_t op, struct rk_bytes body)
{
    if (!rk_client_out_room(c, HEADER_BYTES + (size_t)body.len)) {
        return false;
    }
    size_t from = c->out.len;
    size_t place = rk_frame_begin(&c->out);
    rk_buf_put_i32(&c->out, xid);
    rk_buf_put_i32(&c->out, op);
    rk_buf_put(&c->out, body.data, body.len);
    rk_frame_end(&c->out, place);
    rk_client_fx_sent(c, c->line.id, from);
    return true;
}

static bool send_now(struct rk_client *c, struct rk_client_pending *p, struct rk_bytes body)
{
    if (!rk_client_header_send(c, c->next_xid, p->op, body)) {
        return false;
    }
    p->xid = rk_client_xid(c);
    rk_list_unlink(&p->link);
    rk_list_push(&c->sent, &p->link);
    return true;
}

static void send_waiting(struct rk_client *c)
{
    struct rk_link *link;
    while (c->out.len < RK_CLIENT_STEP_BYTES && (link = rk_list_first(&c->waiting)) != NULL) {
        struct rk_client_pending *p = RK_CONTAINER_OF(link, struct rk_client_pending, link);
        struct rk_bytes body = {p->body, p->body_len};
        forget_waiting(c, p);
        if (!send_now(c, p, body)) {
            rk_client_complete(c, p, RK_ZK_SYSTEM_ERROR, 0, rk_bytes_str(""));
            break; /* the others in another step: effects of this one are counted */
        }
        rk_mem_free(c->mem, p->body, p->body_len);
        p->body = NULL;
        p->body_len = 0;
    }
}

/* Logins first, then the watches, then what waits: a login or a watch that should have been there
 * before a request was sent, is. */
void rk_client_pump(struct rk_client *c)
{
    if (!rk_client_is_connected(c) || c->is_closing || c->is_leaving) {
        return;
    }
    if (c->auth_unsent > 0 && !rk_client_auth_send(c)) {
        rk_client_lose(c, RK_CLIENT_LOSS_DROP);
        return;
    }
    while (c->out.len < RK_CLIENT_STEP_BYTES && !rk_list_empty(&c->watches.unset)) {
        if (!rk_client_set_watches_send(c)) {
            rk_client_lose(c, RK_CLIENT_LOSS_DROP);
            return;
        }
    }
    if (rk_list_empty(&c->watches.unset)) {
        send_waiting(c);
    }
    c->has_more = !rk_list_empty(&c->watches.unset) || !rk_list_empty(&c->waiting);
}

/* -- Accepting -- */

static int32_t refusal(const struct rk_client *c, const struct rk_client_request *q)
{
    bool is_removal = q->op == RK_OP_REMOVE_WATCHES || q->op == RK_OP_CHECK_WATCHES;
    bool has_path = q->watch_path.data != NULL && q->watch_path.len > 0;
    if (c->is_closing) {
        return RK_CLIENT_CLOSING;
    }
    if (rk_client_is_over(c)) {
        return RK_CLIENT_INVALID_STATE;
    }
    if (q->op == RK_OP_AUTH || q->op == RK_OP_PING || q->op == RK_OP_SET_WATCHES ||
        q->op == RK_OP_SET_WATCHES2 || q->op == RK_OP_SASL || q->op == RK_OP_CLOSE_SESSION ||
        q->op == RK_OP_CREATE_SESSION || q->body.len > (uint32_t)INT32_MAX - HEADER_BYTES ||
        ((is_removal || q->watch != RK_CLIENT_WATCH_NONE) && !has_path) ||
        (!is_removal && q->watch != RK_CLIENT_WATCH_NONE && q->watcher.fn == 0)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (is_removal && q->watcher.fn != 0 &&
        !rk_client_watches_has(&c->watches, q->watch_path, q->watch, q->watcher)) {
        return RK_ZK_NO_WATCHER;
    }
    if (c->request_count + c->given_up_count >= c->config.requests_max) {
        return RK_ZK_API_ERROR;
    }
    return RK_ZK_OK;
}

static bool can_send(const struct rk_client *c)
{
    return rk_client_is_connected(c) && !c->is_leaving && c->auth_unsent == 0 &&
           rk_list_empty(&c->watches.unset) && rk_list_empty(&c->waiting);
}

static struct rk_client_pending *make(struct rk_client *c, const struct rk_client_request *q)
{
    struct rk_client_pending *p = rk_mem_zalloc(c->mem, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    rk_list_init(&p->link);
    p->tag = q->tag;
    p->op = q->op;
    p->watch.kind = q->watch;
    p->watch.is_removal = q->op == RK_OP_REMOVE_WATCHES || q->op == RK_OP_CHECK_WATCHES;
    p->watch.watcher = q->watcher;
    p->deadline_ms = c->now_ms + q->timeout_ms;
    if (!rk_client_watch_order_init(&c->watches, &p->watch, q->watch_path)) {
        rk_mem_free(c->mem, p, sizeof(*p));
        return NULL;
    }
    return p;
}

static bool hold(struct rk_client *c, struct rk_client_pending *p, struct rk_bytes body)
{
    if (body.len > 0) {
        p->body = rk_mem_alloc(c->mem, body.len);
        if (p->body == NULL) {
            return false;
        }
        p->body_len = body.len;
        memcpy(p->body, body.data, body.len);
    }
    c->waiting_bytes += sizeof(*p) + body.len;
    rk_list_push(&c->waiting, &p->link);
    return true;
}

void rk_client_on_request(struct rk_client *c, const struct rk_client_request *q)
{
    c->result = refusal(c, q);
    if (c->result != RK_ZK_OK) {
        return;
    }
    bool is_now = can_send(c);
    if (!is_now && c->waiting_bytes + sizeof(struct rk_client_pending) + q->body.len >
                       c->config.request_bytes_max) {
        c->result = RK_ZK_API_ERROR;
        return;
    }
    struct rk_client_pending *p = make(c, q);
    if (p == NULL) {
        c->result = RK_ZK_SYSTEM_ERROR;
        return;
    }
    bool is_ok = rk_client_fx_reserve(c, 1) && (q->timeout_ms == 0 || heap_reserve(c)) &&
                 (is_now ? send_now(c, p, q->body) : hold(c, p, q->body));
    if (!is_ok) {
        free_pending(c, p);
        c->result = RK_ZK_SYSTEM_ERROR;
        return;
    }
    c->request_count++;
    if (q->timeout_ms != 0) {
        c->heap[c->heap_count++] = p;
        heap_up(c, c->heap_count - 1);
    }
}

/* -- Time -- */

void rk_client_request_timers(struct rk_client *c)
{
    while (c->heap_count > 0 && c->heap[0]->deadline_ms <= c->now_ms) {
        struct rk_client_pending *p = c->heap[0];
        if (p->xid == 0) {
            forget_waiting(c, p);
            rk_client_complete(c, p, RK_ZK_OPERATION_TIMEOUT, 0, rk_bytes_str(""));
        } else {
            tell(c, p, RK_ZK_OPERATION_TIMEOUT, 0, rk_bytes_str(""));
            rk_client_watch_order_deinit(&c->watches, &p->watch);
            p->is_given_up = true;
            c->given_up_count++;
        }
    }
}

int64_t rk_client_request_wake(const struct rk_client *c)
{
    return c->heap_count == 0 ? RK_CLIENT_NEVER : c->heap[0]->deadline_ms;
}
