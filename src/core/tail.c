/* The tail: transactions that are in the log and not in memory, because nobody has said yet that
 * they are committed. In order, without gaps; its front follows what is applied, its end is what
 * was logged last. On a leader that serves, proposals in flight are the broadcast's instead. */
#include "core/ensemble_int.h"

void rk_ens_push_tail(struct rk_core *c, struct rk_proposal *p)
{
    struct ensemble *e = c->ens;
    p->next = NULL;
    if (e->tail_last == NULL) {
        e->tail_first = p;
    } else {
        RK_ASSERT(rk_ens_follows(e->tail_last->zxid, p->zxid));
        e->tail_last->next = p;
    }
    e->tail_last = p;
    e->tail_bytes += p->len;
    e->tail_count++;
}

void rk_ens_append(struct rk_core *c, rk_zxid zxid, struct rk_bytes payload)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(zxid > e->logged);
    rk_ens_push_tail(c, rk_proposal_create(c->mem, zxid, payload));
    rk_fx_append(c->fx, zxid, payload);
    e->logged = zxid;
    rk_core_snapshot_count(c, payload.len);
}

struct rk_proposal *rk_ens_peek_tail(const struct rk_core *c)
{
    struct rk_proposal *p = c->ens->tail_first;
    return p != NULL && p->zxid <= c->ens->apply_limit ? p : NULL;
}

struct rk_proposal *rk_ens_take_tail(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_proposal *p = rk_ens_peek_tail(c);
    if (p != NULL) {
        e->tail_first = p->next;
        e->tail_last = e->tail_first == NULL ? NULL : e->tail_last;
        e->tail_bytes -= p->len;
        e->tail_count--;
    }
    return p;
}

void rk_ens_apply_tail(struct rk_core *c, rk_zxid upto)
{
    RK_ASSERT(upto <= c->ens->logged);
    if (upto > c->ens->apply_limit) {
        c->ens->apply_limit = upto;
    }
    rk_core_deliver(c);
}

void rk_ens_cut_tail(struct rk_core *c, rk_zxid zxid)
{
    struct ensemble *e = c->ens;
    struct rk_proposal *keep = NULL;
    struct rk_proposal *p = e->tail_first;
    while (p != NULL && p->zxid <= zxid) {
        keep = p;
        p = p->next;
    }
    if (keep == NULL) {
        e->tail_first = NULL;
    } else {
        keep->next = NULL;
    }
    e->tail_last = keep;
    while (p != NULL) {
        struct rk_proposal *next = p->next;
        e->tail_bytes -= p->len;
        e->tail_count--;
        rk_proposal_free(c->mem, p);
        p = next;
    }
    if (e->logged > zxid) {
        e->logged = keep != NULL ? keep->zxid : zxid < e->applied ? zxid : e->applied;
    }
    if (e->durable > e->logged) {
        e->durable = e->logged;
    }
}

void rk_ens_free_tail(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    while (e->tail_first != NULL) {
        struct rk_proposal *p = e->tail_first;
        e->tail_first = p->next;
        rk_proposal_free(c->mem, p);
    }
    e->tail_last = NULL;
    e->tail_bytes = 0;
    e->tail_count = 0;
}
