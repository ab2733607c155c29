/* multi: all operations are decoded first (a malformed one fails the whole request), then validated
 * in order, each seeing the effects of those before; the first failure undoes everything and turns
 * the multi into a transaction of errors. spec-client 5; ZK: MultiOperationRecord,
 * PrepRequestProcessor multi. */
#include "core/core_int.h"

#include <string.h>

struct multi {
    struct write_op *ops;
    uint32_t count;
    uint32_t cap;
};

static struct write_op *push_op(struct multi *m, struct rk_arena *a)
{
    if (m->count == m->cap) {
        uint32_t cap = m->cap == 0 ? 8 : m->cap * 2;
        struct write_op *ops = rk_arena_alloc(a, cap * sizeof(*ops));
        if (m->count > 0) {
            memcpy(ops, m->ops, m->count * sizeof(*ops));
        }
        m->ops = ops;
        m->cap = cap;
    }
    return &m->ops[m->count++];
}

bool rk_prep_is_multi_op(int32_t op)
{
    switch (op) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
    case RK_OP_DELETE:
    case RK_OP_SET_DATA:
    case RK_OP_CHECK:
        return true;
    default:
        return false;
    }
}

static bool is_create(int32_t op)
{
    return op == RK_OP_CREATE || op == RK_OP_CREATE2 || op == RK_OP_CREATE_CONTAINER ||
           op == RK_OP_CREATE_TTL;
}

/* What Apache does to a create while decoding it into an Op (spec-client 5.1). False: the whole
 * multi is malformed. */
static bool normalise(struct write_op *w)
{
    bool is_ttl = w->flags == RK_CREATE_TTL || w->flags == RK_CREATE_TTL_SEQUENTIAL;
    if (w->path.data == NULL) {
        return false;
    }
    if (!is_create(w->op)) {
        return true;
    }
    if (w->op == RK_OP_CREATE_TTL) {
        if (is_ttl) {
            return true;
        }
        w->op = RK_OP_CREATE;
        w->ttl = -1;
    } else if (is_ttl) {
        return false;
    }
    if (w->flags == RK_CREATE_CONTAINER) {
        w->op = RK_OP_CREATE_CONTAINER;
    }
    return true;
}

static bool decode_multi(struct rk_core *c, struct rk_bytes body, struct multi *m)
{
    struct rk_reader r;
    rk_reader_init(&r, body, c->config.record_bytes_max);
    for (;;) {
        struct rk_multi_header h;
        struct write_op *w;
        if (!rk_proto_read_multi_header(&r, &c->arena, &h)) {
            return false;
        }
        if (h.done) {
            return true;
        }
        if (!rk_prep_is_multi_op(h.type)) {
            return false;
        }
        w = push_op(m, &c->arena);
        if (!rk_prep_decode(h.type, &r, &c->arena, w) || !normalise(w)) {
            return false;
        }
    }
}

bool rk_prep_has_ephemeral(struct rk_core *c, int32_t op, struct rk_bytes body)
{
    struct multi m;
    struct write_op single;
    struct rk_reader r;
    memset(&m, 0, sizeof(m));
    if (op == RK_OP_MULTI) {
        (void)decode_multi(c, body, &m); /* as far as it goes: what is malformed fails later */
    } else if (op == RK_OP_CREATE || op == RK_OP_CREATE2) {
        rk_reader_init(&r, body, c->config.record_bytes_max);
        m.ops = &single;
        m.count = rk_prep_decode(op, &r, &c->arena, &single) ? 1 : 0;
    }
    for (uint32_t i = 0; i < m.count; i++) {
        if ((m.ops[i].op == RK_OP_CREATE || m.ops[i].op == RK_OP_CREATE2) &&
            (m.ops[i].flags == RK_CREATE_EPHEMERAL ||
             m.ops[i].flags == RK_CREATE_EPHEMERAL_SEQUENTIAL)) {
            return true;
        }
    }
    return false;
}

/* Wraps what an operation appended behind `at` as one element {type, length, body}. The room for
 * type and length was left before it was built. */
static void close_element(struct rk_core *c, size_t at, int32_t type)
{
    rk_buf_patch_i32(&c->txn, at, type);
    rk_buf_patch_i32(&c->txn, at + 4, (int32_t)(c->txn.len - at - 8));
}

static void put_error_element(struct rk_core *c, int32_t err)
{
    struct rk_error_txn txn = {.err = err};
    size_t at = c->txn.len;
    rk_buf_put_i64(&c->txn, 0);
    rk_proto_write_error_txn(&c->txn, &txn);
    close_element(c, at, RK_OP_ERROR);
}

/* Nothing happens, but the transaction remembers what would have and where it failed. The elements
 * before keep their bodies, as Apache writes them. */
static void fail_from(struct rk_core *c, const struct prep *p, const struct multi *m,
                      uint32_t failed, int32_t err)
{
    rk_overlay_rollback(&c->overlay);
    rk_overlay_begin(&c->overlay, p->zxid, &c->txn);
    put_error_element(c, err);
    for (uint32_t i = failed + 1; i < m->count; i++) {
        put_error_element(c, RK_ZK_RUNTIME_INCONSISTENCY);
    }
}

int32_t rk_prep_multi(struct rk_core *c, const struct prep *p, struct rk_bytes body)
{
    struct multi m;
    memset(&m, 0, sizeof(m));
    if (!decode_multi(c, body, &m)) {
        rk_fx_note(c->fx, RK_NOTE_REQUEST_BAD, 0, p->session, p->op, rk_bytes_str("multi"));
        return RK_ZK_MARSHALLING_ERROR;
    }
    rk_buf_put_i32(&c->txn, (int32_t)m.count);
    for (uint32_t i = 0; i < m.count; i++) {
        size_t at = c->txn.len;
        int32_t type = 0;
        int32_t err;
        rk_buf_put_i64(&c->txn, 0);
        err = rk_prep_op(c, p, &m.ops[i], &type);
        if (err != RK_ZK_OK) {
            c->txn.len = at;
            fail_from(c, p, &m, i, err);
            return RK_ZK_OK;
        }
        if (c->txn.failed) {
            return RK_ZK_MARSHALLING_ERROR;
        }
        close_element(c, at, type);
    }
    return RK_ZK_OK;
}
