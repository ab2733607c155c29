/* Validation of single writes, in Apache's order of checks (spec-client 4.2 to 4.6): the first that
 * fails decides the error. On success the transaction's body is in c->txn and the overlay knows the
 * outcome. */
#include "base/num.h"
#include "core/core_int.h"

#include <string.h>

static bool decode_create(struct rk_reader *r, struct rk_arena *a, struct write_op *w)
{
    struct rk_create_request q;
    if (!rk_proto_read_create_request(r, a, &q)) {
        return false;
    }
    w->path = q.path;
    w->data = q.data;
    w->acl = q.acl;
    w->flags = q.flags;
    w->ttl = -1;
    return true;
}

static bool decode_create_ttl(struct rk_reader *r, struct rk_arena *a, struct write_op *w)
{
    struct rk_create_ttl_request q;
    if (!rk_proto_read_create_ttl_request(r, a, &q)) {
        return false;
    }
    w->path = q.path;
    w->data = q.data;
    w->acl = q.acl;
    w->flags = q.flags;
    w->ttl = q.ttl;
    return true;
}

static bool decode_versioned(int32_t op, struct rk_reader *r, struct rk_arena *a,
                             struct write_op *w)
{
    if (op == RK_OP_SET_DATA) {
        struct rk_set_data_request q;
        if (!rk_proto_read_set_data_request(r, a, &q)) {
            return false;
        }
        w->path = q.path;
        w->data = q.data;
        w->version = q.version;
    } else if (op == RK_OP_SET_ACL) {
        struct rk_set_acl_request q;
        if (!rk_proto_read_set_acl_request(r, a, &q)) {
            return false;
        }
        w->path = q.path;
        w->acl = q.acl;
        w->version = q.version;
    } else {
        /* delete and check have the same fields */
        struct rk_delete_request q;
        if (!rk_proto_read_delete_request(r, a, &q)) {
            return false;
        }
        w->path = q.path;
        w->version = q.version;
    }
    return true;
}

bool rk_prep_decode(int32_t op, struct rk_reader *r, struct rk_arena *a, struct write_op *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->op = op;
    switch (op) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
        return decode_create(r, a, ret);
    case RK_OP_CREATE_TTL:
        return decode_create_ttl(r, a, ret);
    default:
        return decode_versioned(op, r, a, ret);
    }
}

static bool may(const struct rk_core *c, const struct prep *p, const struct rk_view *v,
                int32_t perm)
{
    if (c->config.skip_acl || p->ids == NULL) {
        return true;
    }
    return rk_acl_allows(v->acl, perm, p->ids, &c->schemes);
}

/* ZK: PrepRequestProcessor.checkAndIncVersion as of 3.9: -1 expects any, the next version is one
 * more. */
static bool next_version(int32_t expected, int32_t current, int32_t *ret_next)
{
    if (expected != -1 && expected != current) {
        return false;
    }
    *ret_next = (int32_t)((uint32_t)current + 1u);
    return true;
}

static int32_t check_quota(struct rk_core *c, const struct prep *p, struct rk_bytes path,
                           int64_t count, int64_t bytes)
{
    struct rk_bytes root;
    enum rk_quota_verdict verdict;
    if (!c->config.enforce_quota) {
        return RK_ZK_OK;
    }
    verdict = rk_tree_quota_check(c->tree, path, count, bytes, &root);
    if (verdict == RK_QUOTA_OK) {
        return RK_ZK_OK;
    }
    rk_fx_note(c->fx, RK_NOTE_QUOTA_EXCEEDED, 0, p->session, verdict == RK_QUOTA_HARD, root);
    if (verdict == RK_QUOTA_SOFT) {
        return RK_ZK_OK;
    }
    c->metrics.quota_exceeded_error++;
    return RK_ZK_QUOTA_EXCEEDED;
}

static bool is_ephemeral(int32_t flags)
{
    return flags == RK_CREATE_EPHEMERAL || flags == RK_CREATE_EPHEMERAL_SEQUENTIAL;
}

/* Checks 2 to 4 of spec-client 4.2. */
static int32_t check_create_mode(const struct rk_core *c, const struct prep *p,
                                 const struct write_op *w)
{
    bool is_ttl = w->flags == RK_CREATE_TTL || w->flags == RK_CREATE_TTL_SEQUENTIAL;
    if (w->flags < RK_CREATE_PERSISTENT || w->flags > RK_CREATE_TTL_SEQUENTIAL) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (is_ttl && !c->config.extended_types) {
        return RK_ZK_UNIMPLEMENTED;
    }
    if (is_ttl ? (w->ttl <= 0 || w->ttl > RK_TTL_MAX) : w->ttl >= 0) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    /* Upstream logs this one and then cannot apply it (spec-client 18.2): refused here. */
    if (w->op == RK_OP_CREATE_TTL && !is_ttl) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    /* ZK: LeaderSessionTracker.checkGlobalSession */
    if (p->is_local_session && is_ephemeral(w->flags)) {
        return RK_ZK_SESSION_EXPIRED;
    }
    return RK_ZK_OK;
}

static bool is_sequential(int32_t flags)
{
    return flags == RK_CREATE_PERSISTENT_SEQUENTIAL || flags == RK_CREATE_EPHEMERAL_SEQUENTIAL ||
           flags == RK_CREATE_TTL_SEQUENTIAL;
}

/* path + %010d of the parent's creation counter. ZK: PrepRequestProcessor, Locale.ENGLISH "%010d".
 */
static struct rk_bytes sequential_name(struct rk_core *c, struct rk_bytes path, int32_t counter)
{
    uint8_t *name = rk_arena_alloc(&c->arena, path.len + RK_NUM_MAX);
    size_t digits;
    memcpy(name, path.data, path.len);
    digits = rk_num_dec10((char *)name + path.len, counter);
    return rk_bytes_of(name, path.len + digits);
}

/* The kind that results is told by the opcode, not by the flags (spec-client 4.2). */
static int64_t owner_of_new(const struct prep *p, const struct write_op *w)
{
    if (w->op == RK_OP_CREATE_CONTAINER) {
        return RK_OWNER_CONTAINER;
    }
    if (w->op == RK_OP_CREATE_TTL) {
        return (int64_t)(UINT64_C(0xff00000000000000) | (uint64_t)w->ttl);
    }
    if (is_ephemeral(w->flags)) {
        return p->session;
    }
    return 0;
}

static void put_create_body(struct rk_core *c, const struct write_op *w, int64_t owner,
                            int32_t parent_cversion)
{
    if (w->op == RK_OP_CREATE_CONTAINER) {
        struct rk_create_container_txn t = {
            .path = w->path, .data = w->data, .acl = w->acl, .parent_cversion = parent_cversion};
        rk_proto_write_create_container_txn(&c->txn, &t);
    } else if (w->op == RK_OP_CREATE_TTL) {
        struct rk_create_ttl_txn t = {.path = w->path,
                                      .data = w->data,
                                      .acl = w->acl,
                                      .parent_cversion = parent_cversion,
                                      .ttl = w->ttl};
        rk_proto_write_create_ttl_txn(&c->txn, &t);
    } else {
        struct rk_create_txn t = {.path = w->path,
                                  .data = w->data,
                                  .acl = w->acl,
                                  .ephemeral = owner != 0,
                                  .parent_cversion = parent_cversion};
        rk_proto_write_create_txn(&c->txn, &t);
    }
}

/* All checks passed: body and pending nodes. w has the final path and the fixed ACL. */
static void do_create(struct rk_core *c, const struct prep *p, const struct write_op *w,
                      struct rk_bytes parent_path, struct rk_view *parent)
{
    int64_t owner = owner_of_new(p, w);
    size_t body = c->txn.len;
    size_t data_at = body + 4 + w->path.len + 4;
    size_t acl_at = data_at + w->data.len;
    struct rk_change *change;
    struct rk_view node;
    memset(&node, 0, sizeof(node));
    parent->child_count++;
    parent->stat.cversion = (int32_t)((uint32_t)parent->stat.cversion + 1u);
    parent->stat.pzxid = p->zxid;
    put_create_body(c, w, owner, parent->stat.cversion);
    if (c->txn.failed) {
        return;
    }
    (void)rk_overlay_put(&c->overlay, parent_path, parent, c->last_zxid);
    node.exists = true;
    node.stat.czxid = p->zxid;
    node.stat.mzxid = p->zxid;
    node.stat.pzxid = p->zxid;
    node.stat.ctime = c->wall_ms;
    node.stat.mtime = c->wall_ms;
    node.stat.ephemeral_owner = owner;
    node.data = w->data;
    change = rk_overlay_put(&c->overlay, w->path, &node, c->last_zxid);
    rk_overlay_set_data(&c->overlay, change, w->data, data_at);
    rk_overlay_set_acl(&c->overlay, change, acl_at);
}

static int32_t prep_create(struct rk_core *c, const struct prep *p, const struct write_op *request)
{
    struct write_op w = *request;
    struct rk_view parent;
    struct rk_view existing;
    struct rk_bytes parent_path;
    int32_t err = check_create_mode(c, p, &w);
    if (err != RK_ZK_OK) {
        return err;
    }
    if (w.path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (!rk_path_has_parent(w.path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    err = rk_acl_fix(&request->acl, p->ids, &c->schemes, &c->arena, &w.acl);
    if (err != RK_ZK_OK) {
        return err;
    }
    parent_path = rk_path_parent(w.path);
    if (!rk_prep_view(c, parent_path, &parent)) {
        return RK_ZK_NO_NODE;
    }
    if (!may(c, p, &parent, RK_PERM_CREATE)) {
        return RK_ZK_NO_AUTH;
    }
    if (is_sequential(w.flags)) {
        w.path = sequential_name(c, w.path, parent.stat.cversion);
    }
    if (!rk_path_is_valid(w.path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (rk_prep_view(c, w.path, &existing)) {
        return RK_ZK_NODE_EXISTS;
    }
    if (rk_tree_kind_of_owner(c->tree, parent.stat.ephemeral_owner) == RK_NODE_EPHEMERAL) {
        return RK_ZK_NO_CHILDREN_FOR_EPHEMERALS;
    }
    err = check_quota(c, p, w.path, 1, w.data.len);
    if (err != RK_ZK_OK) {
        return err;
    }
    do_create(c, p, &w, parent_path, &parent);
    return RK_ZK_OK;
}

static int32_t prep_delete(struct rk_core *c, const struct prep *p, const struct write_op *w)
{
    struct rk_delete_txn txn = {.path = w->path};
    struct rk_view parent;
    struct rk_view node;
    struct rk_bytes parent_path;
    int32_t unused;
    if (w->path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (!rk_path_has_parent(w->path) || rk_path_is_special(w->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    parent_path = rk_path_parent(w->path);
    if (!rk_prep_view(c, parent_path, &parent)) {
        return RK_ZK_NO_NODE;
    }
    if (!may(c, p, &parent, RK_PERM_DELETE)) {
        return RK_ZK_NO_AUTH;
    }
    if (!rk_prep_view(c, w->path, &node)) {
        return RK_ZK_NO_NODE;
    }
    if (!next_version(w->version, node.stat.version, &unused)) {
        return RK_ZK_BAD_VERSION;
    }
    if (node.child_count > 0) {
        return RK_ZK_NOT_EMPTY;
    }
    rk_proto_write_delete_txn(&c->txn, &txn);
    parent.child_count--;
    parent.stat.pzxid = p->zxid;
    (void)rk_overlay_put(&c->overlay, parent_path, &parent, c->last_zxid);
    node.exists = false;
    (void)rk_overlay_put(&c->overlay, w->path, &node, c->last_zxid);
    return RK_ZK_OK;
}

static int32_t prep_set_data(struct rk_core *c, const struct prep *p, const struct write_op *w)
{
    struct rk_set_data_txn txn = {.path = w->path, .data = w->data};
    struct rk_change *change;
    struct rk_view node;
    size_t body = c->txn.len;
    int32_t err;
    if (!rk_path_is_valid(w->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (!rk_prep_view(c, w->path, &node)) {
        return RK_ZK_NO_NODE;
    }
    if (!may(c, p, &node, RK_PERM_WRITE)) {
        return RK_ZK_NO_AUTH;
    }
    err = check_quota(c, p, w->path, 0, (int64_t)w->data.len - (int64_t)node.data.len);
    if (err != RK_ZK_OK) {
        return err;
    }
    if (!next_version(w->version, node.stat.version, &txn.version)) {
        return RK_ZK_BAD_VERSION;
    }
    rk_proto_write_set_data_txn(&c->txn, &txn);
    if (c->txn.failed) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    node.stat.version = txn.version;
    node.stat.mzxid = p->zxid;
    node.stat.mtime = c->wall_ms;
    node.data = w->data;
    change = rk_overlay_put(&c->overlay, w->path, &node, c->last_zxid);
    rk_overlay_set_data(&c->overlay, change, w->data, body + 4 + w->path.len + 4);
    return RK_ZK_OK;
}

static int32_t prep_set_acl(struct rk_core *c, const struct prep *p, const struct write_op *w)
{
    struct rk_set_acl_txn txn = {.path = w->path};
    struct rk_change *change;
    struct rk_view node;
    size_t acl_at = c->txn.len + 4 + w->path.len;
    int32_t err;
    if (!rk_path_is_valid(w->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    err = rk_acl_fix(&w->acl, p->ids, &c->schemes, &c->arena, &txn.acl);
    if (err != RK_ZK_OK) {
        return err;
    }
    if (!rk_prep_view(c, w->path, &node)) {
        return RK_ZK_NO_NODE;
    }
    if (!may(c, p, &node, RK_PERM_ADMIN)) {
        return RK_ZK_NO_AUTH;
    }
    if (!next_version(w->version, node.stat.aversion, &txn.version)) {
        return RK_ZK_BAD_VERSION;
    }
    rk_proto_write_set_acl_txn(&c->txn, &txn);
    if (c->txn.failed) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    node.stat.aversion = txn.version;
    change = rk_overlay_put(&c->overlay, w->path, &node, c->last_zxid);
    rk_overlay_set_acl(&c->overlay, change, acl_at);
    return RK_ZK_OK;
}

/* Only inside a multi: no effect, but the stored version is one more, as upstream stores it. */
static int32_t prep_check(struct rk_core *c, const struct prep *p, const struct write_op *w)
{
    struct rk_check_version_txn txn = {.path = w->path};
    struct rk_view node;
    if (!rk_path_is_valid(w->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (!rk_prep_view(c, w->path, &node)) {
        return RK_ZK_NO_NODE;
    }
    if (!may(c, p, &node, RK_PERM_READ)) {
        return RK_ZK_NO_AUTH;
    }
    if (!next_version(w->version, node.stat.version, &txn.version)) {
        return RK_ZK_BAD_VERSION;
    }
    rk_proto_write_check_version_txn(&c->txn, &txn);
    return RK_ZK_OK;
}

int32_t rk_prep_op(struct rk_core *c, const struct prep *p, const struct write_op *w,
                   int32_t *ret_type)
{
    *ret_type = w->op;
    if (p->session_err != RK_ZK_OK) {
        return p->session_err;
    }
    switch (w->op) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
        return prep_create(c, p, w);
    case RK_OP_DELETE:
        return prep_delete(c, p, w);
    case RK_OP_SET_DATA:
        return prep_set_data(c, p, w);
    case RK_OP_SET_ACL:
        return prep_set_acl(c, p, w);
    case RK_OP_CHECK:
        return prep_check(c, p, w);
    default:
        return RK_ZK_UNIMPLEMENTED;
    }
}
