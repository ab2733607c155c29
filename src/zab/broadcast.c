/* Proposals form one singly linked queue in zxid order; committing moves a mark, delivering takes
 * from the front. Nothing here knows what a transaction means. */
#include "zab/broadcast.h"

#include <string.h>

/* Proposals up to this payload are all of one size and are kept for the next one. */
#define SMALL_PAYLOAD 448u
#define SPARE_MAX     4096u

static size_t bytes_for(uint32_t len)
{
    return sizeof(struct rk_proposal) + (len <= SMALL_PAYLOAD ? SMALL_PAYLOAD : len);
}

size_t rk_proposal_bytes(const struct rk_proposal *p)
{
    return bytes_for(p->len);
}

static void fill(struct rk_proposal *p, rk_zxid zxid, struct rk_bytes payload, uint32_t request)
{
    p->next = NULL;
    p->zxid = zxid;
    rk_list_init(&p->changes);
    p->request = request;
    p->has_hint = false;
    p->len = payload.len;
    if (payload.len > 0) {
        memcpy(p->payload, payload.data, payload.len);
    }
}

struct rk_proposal *rk_proposal_create(struct rk_mem *mem, rk_zxid zxid, struct rk_bytes payload)
{
    struct rk_proposal *p = rk_mem_must_alloc(mem, bytes_for(payload.len));
    fill(p, zxid, payload, 0);
    return p;
}

void rk_proposal_free(struct rk_mem *mem, struct rk_proposal *take_p)
{
    RK_ASSERT(rk_list_empty(&take_p->changes));
    rk_mem_free(mem, take_p, bytes_for(take_p->len));
}

static void forget_acks(struct rk_broadcast *b)
{
    for (uint32_t i = 0; i < RK_QUORUM_VOTERS_MAX; i++) {
        b->acked[i] = -1;
    }
}

void rk_broadcast_init(struct rk_broadcast *b, struct rk_mem *mem, const struct rk_quorum *quorum,
                       rk_zxid last_zxid)
{
    memset(b, 0, sizeof(*b));
    b->mem = mem;
    b->quorum = *quorum;
    forget_acks(b);
    b->last_proposed = last_zxid;
    b->last_committed = last_zxid;
    b->last_delivered = last_zxid;
}

static struct rk_proposal *alloc_proposal(struct rk_broadcast *b, uint32_t len)
{
    struct rk_proposal *spare = b->spare;
    if (len > SMALL_PAYLOAD || spare == NULL) {
        return rk_mem_must_alloc(b->mem, bytes_for(len));
    }
    b->spare = spare->next;
    b->spare_count--;
    return spare;
}

static void free_proposal(struct rk_broadcast *b, struct rk_proposal *p)
{
    if (p->len > SMALL_PAYLOAD || b->spare_count == SPARE_MAX) {
        rk_mem_free(b->mem, p, bytes_for(p->len));
        return;
    }
    p->next = b->spare;
    b->spare = p;
    b->spare_count++;
}

void rk_broadcast_deinit(struct rk_broadcast *b)
{
    while (b->first != NULL) {
        struct rk_proposal *p = b->first;
        b->first = p->next;
        free_proposal(b, p);
    }
    b->last = NULL;
    while (b->spare != NULL) {
        struct rk_proposal *p = b->spare;
        b->spare = p->next;
        rk_mem_free(b->mem, p, bytes_for(0));
    }
    b->spare_count = 0;
}

rk_zxid rk_broadcast_next_zxid(const struct rk_broadcast *b)
{
    return b->last_proposed + 1;
}

struct rk_proposal *rk_broadcast_propose(struct rk_broadcast *b, struct rk_bytes payload,
                                         uint32_t request)
{
    struct rk_proposal *p = alloc_proposal(b, payload.len);
    fill(p, b->last_proposed + 1, payload, request);
    if (b->last == NULL) {
        RK_ASSERT(b->first == NULL);
        b->first = p;
    } else {
        RK_ASSERT(b->last->zxid + 1 == p->zxid);
        b->last->next = p;
    }
    b->last = p;
    b->last_proposed = p->zxid;
    b->inflight_bytes += p->len;
    b->inflight_count++;
    return p;
}

void rk_broadcast_ack(struct rk_broadcast *b, int64_t server_id, rk_zxid zxid)
{
    int32_t voter = rk_quorum_index(&b->quorum, server_id);
    rk_zxid committed;
    if (voter < 0 || zxid <= b->acked[voter]) {
        return;
    }
    RK_ASSERT(zxid <= b->last_proposed);
    b->acked[voter] = zxid;
    committed = rk_quorum_acked(&b->quorum, b->acked);
    if (committed > b->last_committed) {
        b->last_committed = committed;
    }
    RK_ASSERT(b->last_committed <= b->last_proposed);
}

void rk_broadcast_forget_ack(struct rk_broadcast *b, int64_t server_id, rk_zxid zxid)
{
    int32_t voter = rk_quorum_index(&b->quorum, server_id);
    RK_ASSERT(zxid <= b->last_committed);
    if (voter >= 0 && b->acked[voter] > zxid) {
        b->acked[voter] = zxid;
    }
}

const struct rk_proposal *rk_broadcast_peek(const struct rk_broadcast *b)
{
    return b->first == NULL || b->first->zxid > b->last_committed ? NULL : b->first;
}

struct rk_proposal *rk_broadcast_deliver(struct rk_broadcast *b)
{
    struct rk_proposal *p = b->first;
    if (rk_broadcast_peek(b) == NULL) {
        return NULL;
    }
    RK_ASSERT(p->zxid == b->last_delivered + 1);
    b->first = p->next;
    if (b->first == NULL) {
        b->last = NULL;
    }
    b->last_delivered = p->zxid;
    RK_ASSERT(b->inflight_count > 0);
    b->inflight_count--;
    b->inflight_bytes -= p->len;
    return p;
}

void rk_broadcast_release(struct rk_broadcast *b, struct rk_proposal *p)
{
    RK_ASSERT(p->zxid <= b->last_delivered);
    RK_ASSERT(rk_list_empty(&p->changes));
    free_proposal(b, p);
}

const struct rk_proposal *rk_broadcast_first(const struct rk_broadcast *b)
{
    return b->first;
}

struct rk_proposal *rk_broadcast_take_all(struct rk_broadcast *b)
{
    struct rk_proposal *all = b->first;
    b->first = NULL;
    b->last = NULL;
    b->inflight_bytes = 0;
    b->inflight_count = 0;
    b->last_proposed = b->last_delivered;
    b->last_committed = b->last_delivered;
    forget_acks(b);
    return all;
}
