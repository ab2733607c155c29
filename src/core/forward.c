/* Client requests and sessions on a server that does not lead. Writes and syncs go to the leader in
 * the order in which they came; a write is answered when its transaction comes back committed,
 * known by session and cxid; the leader alone decides about sessions and hears of them with every
 * ping. ZK: FollowerRequestProcessor, LearnerSessionTracker, LearnerZooKeeperServer; spec-quorum
 * C5.3 to C5.8. */
#include "core/ensemble_int.h"

/* -- to the leader ----------------------------------------------------------------------------- */

static void send_request(struct rk_core *c, rk_session_id session, int32_t cxid, int32_t op,
                         struct rk_bytes body, const struct rk_auth_ids *ids)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->follow.state == FOLLOW_ACTIVE && e->follow.chan != NULL);
    rk_buf_reset(&e->out);
    rk_packet_write_request(&e->out, session, cxid, op, body, ids == NULL ? NULL : ids->items,
                            ids == NULL ? 0 : ids->count, op == RK_OP_CREATE_SESSION);
    RK_ASSERT(!e->out.failed);
    rk_ens_chan_send(c, e->follow.chan, rk_buf_view(&e->out));
}

static void push_sync(struct rk_core *c, struct conn *conn, uint32_t id)
{
    struct follow_sync *s = rk_mem_must_zalloc(c->mem, sizeof(*s));
    s->conn = conn->id;
    s->request = id;
    rk_list_init(&s->link);
    rk_list_push(&c->ens->follow.syncs, &s->link);
}

void rk_forward_request(struct rk_core *c, struct conn *conn, uint32_t id, struct rk_bytes body)
{
    const struct request *q = rk_core_request(c, id);
    if (q->op == RK_OP_SYNC) {
        push_sync(c, conn, id);
    }
    send_request(c, conn->session, q->xid, q->op, body, &conn->ids);
}

void rk_forward_create_session(struct rk_core *c, struct conn *conn)
{
    uint8_t timeout[4];
    rk_store_i32(timeout, conn->timeout_ms);
    send_request(c, conn->session, RK_CXID_INTERNAL, RK_OP_CREATE_SESSION,
                 rk_bytes_of(timeout, sizeof(timeout)), NULL);
}

/* -- back from the leader ---------------------------------------------------------------------- */

/* A client's writes come back in the order in which it sent them, so the first one in flight is
 * the one, or the transaction is of another connection of that session. */
uint32_t rk_forward_match(struct rk_core *c, rk_session_id session, int32_t cxid, int32_t type)
{
    struct rk_session *s = rk_session_find(c->sessions, session);
    struct conn *conn = s == NULL || s->conn == 0 ? NULL : rk_core_conn(c, s->conn);
    uint32_t id;
    if (conn == NULL || conn->state != CONN_OPEN || type == RK_OP_CREATE_SESSION) {
        return RK_REQUEST_NONE;
    }
    for (id = conn->queue_head; id != RK_REQUEST_NONE; id = rk_core_request(c, id)->next) {
        const struct request *q = rk_core_request(c, id);
        if (q->state == REQUEST_IN_FLIGHT && q->op != RK_OP_SYNC) {
            return q->xid == cxid || RK_BUG(ANSWER_OF_ANOTHER) ? id : RK_REQUEST_NONE;
        }
    }
    return RK_REQUEST_NONE;
}

void rk_forward_on_sync(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    struct rk_link *it;
    for (it = f->syncs.next; it != &f->syncs; it = it->next) {
        struct follow_sync *s = RK_CONTAINER_OF(it, struct follow_sync, link);
        if (!s->is_confirmed) {
            s->is_confirmed = true;
            s->after = f->committed;
            rk_forward_run_syncs(c);
            return;
        }
    }
    rk_follow_bad(c, "a SYNC that nobody asked for");
}

void rk_forward_run_syncs(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    struct rk_link *it;
    while ((it = rk_list_first(&f->syncs)) != NULL) {
        struct follow_sync s = *RK_CONTAINER_OF(it, struct follow_sync, link);
        if (!s.is_confirmed || s.after > c->last_zxid) {
            return;
        }
        rk_list_unlink(it);
        rk_mem_free(c->mem, RK_CONTAINER_OF(it, struct follow_sync, link), sizeof(s));
        rk_core_sync_done(c, s.conn, s.request);
    }
}

/* -- sessions ---------------------------------------------------------------------------------- */

bool rk_forward_touch(struct rk_core *c, struct rk_session *s)
{
    if (s->is_closing) {
        return false;
    }
    if (rk_list_empty(&s->touched)) {
        rk_list_push(&c->ens->touched, &s->touched);
    }
    return true;
}

/* Apache's limit on one buffer of a packet, halved: the rest goes with the next ping. */
#define TOUCHED_BYTES_MAX ((size_t)512 << 10)
#define TOUCH_BYTES       12u

void rk_forward_put_touched(struct rk_core *c, struct rk_buf *b)
{
    size_t begin = b->len;
    struct rk_link *it;
    while (b->len - begin + TOUCH_BYTES <= TOUCHED_BYTES_MAX &&
           (it = rk_list_pop(&c->ens->touched)) != NULL) {
        const struct rk_session *s = RK_CONTAINER_OF(it, struct rk_session, touched);
        rk_buf_put_i64(b, s->id);
        rk_buf_put_i32(b, s->touch_ms);
    }
}

void rk_forward_revalidate(struct rk_core *c, struct conn *conn, rk_session_id session)
{
    struct ensemble *e = c->ens;
    struct follow_revalidation *r = rk_mem_must_zalloc(c->mem, sizeof(*r));
    uint8_t data[12];
    r->conn = conn->id;
    r->session = session;
    rk_list_init(&r->link);
    rk_list_push(&e->follow.revalidations, &r->link);
    rk_store_i64(data, session);
    rk_store_i32(data + 8, conn->timeout_ms);
    rk_buf_reset(&e->out);
    rk_packet_write(&e->out, RK_PACKET_REVALIDATE, -1, rk_bytes_of(data, sizeof(data)));
    rk_ens_chan_send(c, e->follow.chan, rk_buf_view(&e->out));
}

static void revalidated(struct rk_core *c, struct conn *conn, rk_session_id session, bool is_valid)
{
    if (conn == NULL || conn->state != CONN_PENDING || conn->session != session) {
        return; /* went away, or something else became of it */
    }
    if (is_valid) {
        rk_core_reattached(c, conn);
    } else {
        rk_core_reattach_refused(c, conn, session);
    }
}

/* Answers come in order, but it is the id that counts. */
void rk_forward_on_revalidated(struct rk_core *c, const struct rk_packet *p)
{
    struct follow *f = &c->ens->follow;
    struct rk_link *it;
    struct rk_link *tmp;
    if (p->data.len < 9) {
        rk_follow_bad(c, "a short REVALIDATE");
        return;
    }
    RK_LIST_EACH(it, tmp, &f->revalidations)
    {
        struct follow_revalidation *r = RK_CONTAINER_OF(it, struct follow_revalidation, link);
        if (r->session == rk_load_i64(p->data.data)) {
            struct conn *conn = rk_core_conn(c, r->conn);
            rk_session_id session = r->session;
            rk_list_unlink(it);
            rk_mem_free(c->mem, r, sizeof(*r));
            revalidated(c, conn, session, p->data.data[8] != 0);
            return;
        }
    }
}

/* -- the end ----------------------------------------------------------------------------------- */

void rk_forward_end(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_link *it;
    while ((it = rk_list_pop(&e->follow.syncs)) != NULL) {
        rk_core_request_forget(c, RK_CONTAINER_OF(it, struct follow_sync, link)->request);
        rk_mem_free(c->mem, RK_CONTAINER_OF(it, struct follow_sync, link),
                    sizeof(struct follow_sync));
    }
    while ((it = rk_list_pop(&e->follow.revalidations)) != NULL) {
        rk_mem_free(c->mem, RK_CONTAINER_OF(it, struct follow_revalidation, link),
                    sizeof(struct follow_revalidation));
    }
    while (rk_list_pop(&e->touched) != NULL) {
    }
}
