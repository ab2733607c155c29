/* The tree of transactions and the committed path in it. */
#include "sim/truth.h"

#include "sim/wire.h"

#include <stdio.h>
#include <string.h>

#define BUCKETS    4096u
#define EPOCHS_MAX 4096u

struct epoch {
    bool has_begun;
    int64_t began_us;
    uint32_t node;
    struct sim_txn *real;
};

struct sim_truth {
    struct sim_world *w;
    struct rk_mem *mem;
    struct sim_txn *txns[BUCKETS];
    struct sim_asked *asked[BUCKETS];
    uint64_t asked_count;
    struct sim_txn *committed;
    struct sim_txn **path;
    uint32_t path_cap;
    struct epoch epochs[EPOCHS_MAX];
    uint32_t epoch_count;
    struct sim_tsession *sessions;
    uint32_t session_count;
    uint32_t session_cap;
    rk_zxid shown;
    char config[1024];
};

static uint32_t bucket_of(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 52) % BUCKETS;
}

/* spec-quorum D2. */
static void write_config(struct sim_truth *t)
{
    const struct sim_world *w = t->w;
    size_t at = 0;
    for (uint32_t i = 0; i < w->node_count && rk_sim_is_ensemble(w); i++) {
        char host[16];
        rk_wire_host(i, host);
        at += (size_t)snprintf(
            t->config + at, sizeof(t->config) - at, "server.%u=%s:%u:%u:%s;0.0.0.0:2181\n", i + 1,
            host, SIM_QUORUM_PORT, SIM_ELECTION_PORT,
            i >= w->node_count - w->opt.ens.observers ? "observer" : "participant");
        RK_ASSERT(at + 20 < sizeof(t->config));
    }
    if (at > 0) {
        (void)snprintf(t->config + at, sizeof(t->config) - at, "version=0");
    }
}

struct sim_truth *rk_truth_create(struct sim_world *w)
{
    struct sim_truth *t = rk_mem_must_zalloc(&w->mem, sizeof(*t));
    t->w = w;
    t->mem = &w->mem;
    write_config(t);
    return t;
}

struct rk_bytes rk_truth_config(const struct sim_truth *t)
{
    return rk_bytes_str(t->config);
}

static void free_txn(struct sim_truth *t, struct sim_txn *txn)
{
    rk_sim_blob_drop(t->mem, txn->payload);
    rk_sim_blob_drop(t->mem, txn->body);
    rk_sim_ids_deinit(t->mem, &txn->ids);
    if (txn->checkpoint != NULL) {
        rk_sim_model_deinit(txn->checkpoint);
        rk_mem_free(t->mem, txn->checkpoint, sizeof(*txn->checkpoint));
    }
    if (txn->has_quota_view) {
        rk_sim_model_deinit(&txn->quota_view);
    }
    if (txn->has_late_view) {
        rk_sim_model_deinit(&txn->late_view);
    }
    rk_mem_free(t->mem, txn, sizeof(*txn));
}

void rk_truth_destroy(struct sim_truth *t)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        while (t->txns[i] != NULL) {
            struct sim_txn *txn = t->txns[i];
            t->txns[i] = txn->next_in_bucket;
            free_txn(t, txn);
        }
        while (t->asked[i] != NULL) {
            struct sim_asked *a = t->asked[i];
            t->asked[i] = a->next;
            rk_sim_blob_drop(t->mem, a->body);
            rk_sim_ids_deinit(t->mem, &a->ids);
            rk_mem_free(t->mem, a, sizeof(*a));
        }
    }
    rk_mem_free(t->mem, t->path, t->path_cap * sizeof(t->path[0]));
    rk_mem_free(t->mem, t->sessions, t->session_cap * sizeof(t->sessions[0]));
    rk_mem_free(t->mem, t, sizeof(*t));
}

/* -- Transactions -- */

struct sim_txn *rk_truth_find(const struct sim_truth *t, rk_zxid zxid)
{
    struct sim_txn *txn = t->txns[bucket_of((uint64_t)zxid)];
    while (txn != NULL && txn->zxid != zxid) {
        txn = txn->next_in_bucket;
    }
    return txn;
}

struct sim_txn *rk_truth_add(struct sim_truth *t, struct sim_txn *prev, rk_zxid zxid,
                             struct rk_bytes payload)
{
    struct sim_txn **bucket = &t->txns[bucket_of((uint64_t)zxid)];
    struct sim_txn *txn = rk_mem_must_zalloc(t->mem, sizeof(*txn));
    RK_ASSERT(rk_truth_find(t, zxid) == NULL);
    txn->prev = prev;
    txn->depth = prev == NULL ? 0 : prev->depth + 1;
    txn->zxid = zxid;
    txn->payload = rk_sim_blob(t->mem, payload);
    txn->next_in_bucket = *bucket;
    *bucket = txn;
    return txn;
}

void rk_truth_forget_after(struct sim_truth *t, const struct sim_txn *prev)
{
    rk_zxid last = prev == NULL ? 0 : prev->zxid;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        struct sim_txn **at = &t->txns[i];
        while (*at != NULL) {
            struct sim_txn *txn = *at;
            if (txn->zxid > last) {
                RK_ASSERT(!txn->is_committed);
                *at = txn->next_in_bucket;
                free_txn(t, txn);
            } else {
                at = &txn->next_in_bucket;
            }
        }
    }
}

bool rk_truth_is_same(const struct sim_txn *txn, struct rk_bytes payload)
{
    const uint32_t header_bytes = 32;
    struct rk_bytes must = rk_sim_bytes(txn->payload);
    if (txn->type == RK_OP_CLOSE_SESSION && must.len <= header_bytes + 12 &&
        payload.len == header_bytes) {
        must.len = header_bytes;
    }
    return rk_bytes_equal(must, payload);
}

bool rk_truth_is_before(const struct sim_txn *a, const struct sim_txn *b)
{
    if (a == NULL) {
        return true;
    }
    while (b != NULL && b->depth > a->depth) {
        if (a->is_committed && b->is_committed) {
            return true; /* they are on one path */
        }
        b = b->prev;
    }
    return a == b;
}

struct sim_txn *rk_truth_cut(struct sim_txn *at, rk_zxid zxid)
{
    while (at != NULL && at->zxid > zxid) {
        at = at->prev;
    }
    return at;
}

uint32_t rk_truth_path(struct sim_truth *t, const struct sim_txn *from, struct sim_txn *to,
                       struct sim_txn ***ret_items)
{
    uint32_t count = (to == NULL ? 0 : to->depth + 1) - (from == NULL ? 0 : from->depth + 1);
    if (count > t->path_cap) {
        t->path = rk_mem_must_resize(t->mem, t->path, t->path_cap * sizeof(t->path[0]),
                                     2 * count * sizeof(t->path[0]));
        t->path_cap = 2 * count;
    }
    for (uint32_t i = count; i-- > 0;) {
        t->path[i] = to;
        to = to->prev;
    }
    RK_ASSERT(to == from);
    *ret_items = t->path;
    return count;
}

/* -- Who holds what -- */

void rk_truth_durable(struct sim_truth *t, uint32_t node, struct sim_txn *to)
{
    (void)t;
    for (; to != NULL && (to->durable & 1u << node) == 0; to = to->prev) {
        to->durable |= 1u << node;
    }
}

void rk_truth_not_durable(struct sim_truth *t, uint32_t node, const struct sim_txn *keep,
                          struct sim_txn *head)
{
    (void)t;
    for (; head != keep && head != NULL; head = head->prev) {
        head->durable &= ~(1u << node);
    }
}

bool rk_truth_has_quorum(const struct sim_truth *t, const struct sim_txn *txn)
{
    uint32_t voters = t->w->node_count - t->w->opt.ens.observers;
    uint32_t held = txn->durable & ((1u << voters) - 1);
    return (uint32_t)__builtin_popcount(held) > voters / 2;
}

struct sim_txn *rk_truth_committed(const struct sim_truth *t)
{
    return t->committed;
}

rk_zxid rk_truth_committed_at(const struct sim_truth *t, int64_t at_us)
{
    const struct sim_txn *txn = t->committed;
    while (txn != NULL && txn->committed_us > at_us) {
        txn = txn->prev;
    }
    return txn == NULL ? 0 : txn->zxid;
}

static void note_closed(struct sim_truth *t, const struct sim_txn *txn)
{
    struct sim_tsession *ts =
        txn->type == RK_OP_CLOSE_SESSION ? rk_truth_session(t, txn->session) : NULL;
    if (ts != NULL) {
        ts->is_closed = true;
    }
}

void rk_truth_commit(struct sim_truth *t, struct sim_txn *txn, uint32_t node)
{
    struct sim_txn *base = txn;
    struct sim_txn **items;
    while (base != NULL && !base->is_committed) {
        base = base->prev;
    }
    if (base == txn) {
        return;
    }
    if (base != t->committed) {
        rk_sim_fail(t->w,
                    "server %u takes zxid %llx for committed, which follows %llx; but %llx is "
                    "committed: LOST",
                    node + 1, (unsigned long long)txn->zxid,
                    (unsigned long long)(base == NULL ? 0 : base->zxid),
                    (unsigned long long)t->committed->zxid);
    }
    uint32_t count = rk_truth_path(t, base, txn, &items);
    for (uint32_t i = 0; i < count; i++) {
        if (!rk_truth_has_quorum(t, items[i])) {
            rk_sim_fail(t->w,
                        "server %u takes zxid %llx for committed, but no quorum holds it (of the "
                        "servers: bits %x)",
                        node + 1, (unsigned long long)items[i]->zxid, items[i]->durable);
        }
        if (items[i]->zxid <= items[i]->floor) {
            rk_sim_fail(t->w, "zxid %llx was seen before the request of %llx came",
                        (unsigned long long)items[i]->floor, (unsigned long long)items[i]->zxid);
        }
        items[i]->is_committed = true;
        note_closed(t, items[i]);
        items[i]->committed_us = t->w->now_us;
    }
    t->committed = txn;
    rk_sim_trace_line(&t->w->trace, t->w->now_us, "committed", (uint64_t)txn->zxid, node,
                      rk_bytes_str(NULL));
}

/* -- Epochs -- */

void rk_truth_begin_epoch(struct sim_truth *t, int64_t epoch, uint32_t node, struct sim_txn *real)
{
    if (epoch <= 0 || epoch >= (int64_t)EPOCHS_MAX) {
        rk_sim_fail(t->w, "server %u leads epoch %lld", node + 1, (long long)epoch);
    }
    struct epoch *e = &t->epochs[epoch];
    if (e->has_begun) {
        rk_sim_fail(t->w, "server %u leads epoch %lld, which server %u has led", node + 1,
                    (long long)epoch, e->node + 1);
    }
    *e = (struct epoch){.has_begun = true, .began_us = t->w->now_us, .node = node, .real = real};
    t->epoch_count++;
    if (real != NULL) {
        rk_truth_commit(t, real, node);
    }
    rk_sim_trace_line(&t->w->trace, t->w->now_us, "EPOCH", (uint64_t)epoch, node,
                      rk_bytes_str(NULL));
}

bool rk_truth_epoch(const struct sim_truth *t, int64_t epoch, struct sim_txn **ret_real)
{
    if (epoch <= 0 || epoch >= (int64_t)EPOCHS_MAX || !t->epochs[epoch].has_begun) {
        return false;
    }
    *ret_real = t->epochs[epoch].real;
    return true;
}

int64_t rk_truth_epoch_us(const struct sim_truth *t, int64_t epoch)
{
    RK_ASSERT(epoch > 0 && epoch < (int64_t)EPOCHS_MAX && t->epochs[epoch].has_begun);
    return t->epochs[epoch].began_us;
}

uint32_t rk_truth_epochs(const struct sim_truth *t)
{
    return t->epoch_count;
}

/* -- Requests and sessions -- */

static uint32_t asked_bucket(rk_session_id session, int32_t cxid)
{
    return bucket_of((uint64_t)session * 31 + (uint32_t)cxid);
}

struct sim_asked *rk_truth_ask(struct sim_truth *t, rk_session_id session, int32_t cxid,
                               uint32_t node)
{
    struct sim_asked **bucket = &t->asked[asked_bucket(session, cxid)];
    struct sim_asked *a = rk_mem_must_zalloc(t->mem, sizeof(*a));
    a->session = session;
    a->cxid = cxid;
    a->node = node;
    a->seq = t->asked_count++;
    a->floor = t->shown;
    a->next = *bucket; /* the youngest is found first */
    *bucket = a;
    return a;
}

struct sim_asked *rk_truth_asked(const struct sim_truth *t, rk_session_id session, int32_t cxid)
{
    struct sim_asked *a = t->asked[asked_bucket(session, cxid)];
    while (a != NULL && (a->session != session || a->cxid != cxid)) {
        a = a->next;
    }
    return a;
}

rk_zxid rk_truth_shown(const struct sim_truth *t)
{
    return t->shown;
}

void rk_truth_show(struct sim_truth *t, rk_zxid zxid)
{
    t->shown = zxid > t->shown ? zxid : t->shown;
}

struct sim_tsession *rk_truth_session(struct sim_truth *t, rk_session_id id)
{
    for (uint32_t i = 0; i < t->session_count; i++) {
        if (t->sessions[i].id == id) {
            return &t->sessions[i];
        }
    }
    return NULL;
}

struct sim_tsession *rk_truth_session_add(struct sim_truth *t, rk_session_id id)
{
    if (t->session_count == t->session_cap) {
        uint32_t cap = t->session_cap == 0 ? 16 : 2 * t->session_cap;
        t->sessions =
            rk_mem_must_resize(t->mem, t->sessions, t->session_cap * sizeof(t->sessions[0]),
                               cap * sizeof(t->sessions[0]));
        t->session_cap = cap;
    }
    struct sim_tsession *s = &t->sessions[t->session_count++];
    *s = (struct sim_tsession){.id = id};
    return s;
}
