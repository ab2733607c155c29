/* From a request to a proposal: takes the next zxid, validates (prep_op.c, prep_multi.c), encodes
 * the transaction with the digest the tree will have, and proposes it. A failed write takes its
 * place in the order as an error transaction. ZK: PrepRequestProcessor.pRequest2Txn. */
#include "core/ensemble_int.h"

#include <string.h>

#define TXN_BYTES_MAX ((size_t)256 << 20)

bool rk_prep_view(struct rk_core *c, struct rk_bytes path, struct rk_view *ret)
{
    return rk_overlay_view(&c->overlay, path, c->last_zxid, &c->arena, ret);
}

static void put_header(struct rk_core *c, const struct prep *p, int32_t type)
{
    struct rk_txn_header h;
    h.client_id = p->session;
    h.cxid = p->cxid;
    h.zxid = p->zxid;
    h.time = c->wall_ms;
    h.type = type;
    rk_proto_write_txn_header(&c->txn, &h);
}

/* Starts c->txn with a header whose type is patched once it is known. */
static void begin(struct rk_core *c, struct prep *p)
{
    if (c->txn.mem == NULL) {
        rk_buf_init(&c->txn, c->mem, TXN_BYTES_MAX);
    }
    rk_buf_reset(&c->txn);
    p->zxid = rk_broadcast_next_zxid(&c->broadcast);
    rk_overlay_begin(&c->overlay, p->zxid, &c->txn);
    put_header(c, p, 0);
}

#define TXN_HEADER_BYTES 32u
#define TXN_TYPE_OFFSET  28u

/* Proposes what c->txn holds. */
static void finish(struct rk_core *c, const struct prep *p, int32_t type)
{
    struct rk_proposal *proposal;
    struct rk_bytes payload;
    RK_ASSERT(c->txn.len >= TXN_HEADER_BYTES);
    rk_buf_patch_i32(&c->txn, TXN_TYPE_OFFSET, type);
    if (c->config.digest && type != RK_OP_ERROR) {
        struct rk_txn_digest d = {.version = 2, .tree_digest = (int64_t)c->overlay.digest};
        rk_proto_write_txn_digest(&c->txn, &d);
    }
    RK_ASSERT(!c->txn.failed);
    payload = rk_buf_view(&c->txn);
    proposal = rk_broadcast_propose(&c->broadcast, payload, p->request);
    rk_overlay_commit(&c->overlay, proposal);
    if (type == RK_OP_SET_DATA && c->config.digest) {
        proposal->has_hint = true;
        proposal->hint_before = c->overlay.hint.before;
        proposal->hint_after = c->overlay.hint.after;
        proposal->hint_crc = c->overlay.hint.content_crc;
    }
    rk_fx_append(c->fx, proposal->zxid, payload);
    if (c->ens != NULL) {
        c->ens->logged = proposal->zxid;
        rk_leader_proposed(c, proposal);
    }
    c->metrics.proposal_count++;
    c->metrics.outstanding_changes_queued++;
    rk_core_snapshot_count(c, payload.len);
}

/* The transaction failed: nothing of it stays but its zxid and its error. */
static void finish_error(struct rk_core *c, const struct prep *p, int32_t err)
{
    struct rk_error_txn txn = {.err = err};
    rk_overlay_rollback(&c->overlay);
    rk_overlay_begin(&c->overlay, p->zxid, &c->txn);
    c->txn.len = TXN_HEADER_BYTES;
    c->txn.failed = false;
    rk_proto_write_error_txn(&c->txn, &txn);
    finish(c, p, RK_OP_ERROR);
}

bool rk_prep_is_reconfig(struct rk_core *c, struct rk_bytes body)
{
    struct rk_reconfig_request request;
    struct rk_reader r;
    rk_reader_init(&r, body, c->config.record_bytes_max);
    return rk_proto_read_reconfig_request(&r, &c->arena, &request);
}

static int32_t prep_single(struct rk_core *c, const struct prep *p, struct rk_bytes body,
                           int32_t *ret_type)
{
    struct rk_reader r;
    struct write_op w;
    if (p->op == RK_OP_RECONFIG) {
        /* Apache's first two checks: switched off; not a member of an ensemble. */
        return c->config.reconfig_enabled ? RK_ZK_UNIMPLEMENTED : RK_ZK_RECONFIG_DISABLED;
    }
    rk_reader_init(&r, body, c->config.record_bytes_max);
    if (!rk_prep_decode(p->op, &r, &c->arena, &w)) {
        rk_fx_note(c->fx, RK_NOTE_REQUEST_BAD, 0, p->session, p->op,
                   rk_bytes_str(rk_op_name(p->op)));
        return RK_ZK_MARSHALLING_ERROR;
    }
    return rk_prep_op(c, p, &w, ret_type);
}

void rk_prep_request(struct rk_core *c, struct prep *p, struct rk_bytes body)
{
    int32_t type = p->op;
    int32_t err;
    begin(c, p);
    if (p->refusal != RK_ZK_OK) {
        err = p->refusal;
    } else if (p->op == RK_OP_MULTI) {
        err = rk_prep_multi(c, p, body);
    } else {
        err = prep_single(c, p, body, &type);
    }
    if (err == RK_ZK_OK && c->txn.failed) {
        err = RK_ZK_MARSHALLING_ERROR;
    }
    if (err != RK_ZK_OK) {
        finish_error(c, p, err);
    } else {
        finish(c, p, type);
    }
}

void rk_prep_create_session(struct rk_core *c, rk_session_id session, int32_t timeout_ms,
                            uint32_t request)
{
    struct prep p = {.session = session, .cxid = 0, .op = RK_OP_CREATE_SESSION, .request = request};
    struct rk_create_session_txn txn = {.time_out = timeout_ms};
    begin(c, &p);
    rk_proto_write_create_session_txn(&c->txn, &txn);
    finish(c, &p, RK_OP_CREATE_SESSION);
}

/* Pending end of one node, as delete and closeSession make it. */
static void put_deleted(struct rk_core *c, const struct prep *p, struct rk_bytes path)
{
    struct rk_bytes parent = rk_path_parent(path);
    struct rk_view parent_view;
    struct rk_view gone;
    if (rk_prep_view(c, parent, &parent_view)) {
        parent_view.child_count--;
        parent_view.stat.pzxid = p->zxid;
        (void)rk_overlay_put(&c->overlay, parent, &parent_view, c->last_zxid);
    }
    if (rk_prep_view(c, path, &gone)) {
        gone.exists = false;
        (void)rk_overlay_put(&c->overlay, path, &gone, c->last_zxid);
    }
}

/* Ephemerals the session will have when this transaction is applied: the tree's that nobody is
 * about to delete, and the pending ones. */
static uint32_t collect_ephemerals(struct rk_core *c, rk_session_id session, struct rk_bytes *paths,
                                   uint32_t max)
{
    uint32_t n = 0;
    size_t bucket = 0;
    struct rk_map_entry *e = NULL;
    rk_node_id node = rk_tree_first_of_owner(c->tree, session);
    for (; node != RK_NODE_NONE; node = rk_tree_next_of_owner(c->tree, node)) {
        struct rk_bytes path = rk_tree_path(c->tree, node, &c->arena);
        const struct rk_change *change = rk_overlay_find(&c->overlay, path);
        if (change == NULL ||
            (change->state.exists && change->state.stat.ephemeral_owner == session)) {
            RK_ASSERT(n < max);
            paths[n++] = path;
        }
    }
    if (c->overlay.ephemeral_count == 0 || RK_BUG(PENDING_EPHEMERALS_STAY)) {
        return n;
    }
    while ((e = rk_map_next(&c->overlay.changes.map, &bucket, e)) != NULL) {
        const struct rk_change *change = RK_CONTAINER_OF(e, struct rk_change, by_path);
        struct rk_bytes path = rk_bytes_of(change->path, change->path_len);
        rk_node_id known = rk_tree_find(c->tree, path);
        if (!change->state.exists || change->state.stat.ephemeral_owner != session ||
            (known != RK_NODE_NONE && rk_tree_owner(c->tree, known) == session)) {
            continue;
        }
        RK_ASSERT(n < max);
        paths[n++] = rk_arena_dup(&c->arena, path);
    }
    return n;
}

/* Pending ones come in hash order: make the order that of their paths, so that it depends on
 * nothing. */
static void sort_paths(struct rk_bytes *paths, uint32_t n)
{
    for (uint32_t gap = n / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < n; i++) {
            struct rk_bytes x = paths[i];
            uint32_t j = i;
            for (; j >= gap && rk_bytes_compare(paths[j - gap], x) > 0; j -= gap) {
                paths[j] = paths[j - gap];
            }
            paths[j] = x;
        }
    }
}

void rk_prep_close_session(struct rk_core *c, rk_session_id session, int32_t cxid, uint32_t request)
{
    struct prep p = {
        .session = session, .cxid = cxid, .op = RK_OP_CLOSE_SESSION, .request = request};
    uint32_t max = rk_tree_count_of_owner(c->tree, session) + c->overlay.ephemeral_count;
    struct rk_bytes *paths = rk_arena_alloc(&c->arena, (max + 1) * sizeof(*paths));
    struct rk_close_session_txn txn;
    uint32_t n;
    begin(c, &p);
    n = collect_ephemerals(c, session, paths, max);
    sort_paths(paths, n);
    for (uint32_t i = 0; i < n; i++) {
        put_deleted(c, &p, paths[i]);
    }
    if (c->config.close_session_txn) {
        txn.paths.count = (int32_t)n;
        txn.paths.items = paths;
        rk_proto_write_close_session_txn(&c->txn, &txn);
    }
    finish(c, &p, RK_OP_CLOSE_SESSION);
}

/* ZK: PrepRequestProcessor, deleteContainer: everything is checked again, only the reaper asks. */
void rk_prep_delete_container(struct rk_core *c, struct rk_bytes path)
{
    struct prep p = {.op = RK_OP_DELETE_CONTAINER};
    struct rk_delete_txn txn = {.path = path};
    struct rk_view view;
    if (rk_path_is_special(path) || !rk_path_has_parent(path) || !rk_prep_view(c, path, &view) ||
        view.child_count > 0) {
        return;
    }
    switch (rk_tree_kind_of_owner(c->tree, view.stat.ephemeral_owner)) {
    case RK_NODE_CONTAINER:
    case RK_NODE_TTL:
        break;
    case RK_NODE_PERSISTENT:
    case RK_NODE_EPHEMERAL:
        return;
    }
    begin(c, &p);
    put_deleted(c, &p, path);
    rk_proto_write_delete_txn(&c->txn, &txn);
    finish(c, &p, RK_OP_DELETE_CONTAINER);
}
