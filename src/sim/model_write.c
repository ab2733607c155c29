/* Transactions of the reference model: each request against the state that all earlier ones left,
 * in the order of checks that spec-client 4.2 to 4.6 and 5 give. */
#include "sim/model.h"

#include <stdio.h>
#include <string.h>

/* A decoded write; also an element of a multi. */
struct op {
    int32_t type;
    struct rk_bytes path;
    struct rk_bytes data;
    struct rk_vec_acl acl;
    int32_t flags;
    int64_t ttl;
    int32_t version;
};

bool rk_sim_is_write(int32_t op)
{
    return op == RK_OP_CREATE || op == RK_OP_CREATE2 || op == RK_OP_CREATE_CONTAINER ||
           op == RK_OP_CREATE_TTL || op == RK_OP_DELETE || op == RK_OP_SET_DATA ||
           op == RK_OP_SET_ACL || op == RK_OP_MULTI || op == RK_OP_RECONFIG ||
           op == RK_OP_CLOSE_SESSION;
}

static bool is_create(int32_t type)
{
    return type == RK_OP_CREATE || type == RK_OP_CREATE2 || type == RK_OP_CREATE_CONTAINER ||
           type == RK_OP_CREATE_TTL;
}

/* -- Paths -- */

/* Bytes of the character at p, 0 if it is none that a path may hold. */
static uint32_t good_char(const uint8_t *p, uint32_t left)
{
    uint32_t c = p[0];
    uint32_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : 0;
    if (n == 0 || n > left) {
        return 0;
    }
    c &= n == 1 ? 0x7fu : n == 2 ? 0x1fu : 0x0fu;
    for (uint32_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (p[i] & 0x3fu);
    }
    bool is_forbidden = c < 0x20 || (c >= 0x7f && c <= 0x9f) || (n == 3 && c < 0x800) ||
                        (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
    return is_forbidden ? 0 : n;
}

static bool is_dots(const uint8_t *p, uint32_t len)
{
    return (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.');
}

bool rk_sim_path_is_valid(struct rk_bytes path)
{
    if (path.data == NULL || path.len == 0 || path.data[0] != '/') {
        return false;
    }
    if (path.len == 1) {
        return true;
    }
    uint32_t from = 1;
    for (uint32_t i = 1; i <= path.len;) {
        if (i == path.len || path.data[i] == '/') {
            if (i == from || is_dots(path.data + from, i - from)) {
                return false;
            }
            from = i + 1;
            i++;
            continue;
        }
        uint32_t n = good_char(path.data + i, path.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

static bool names_parent(struct rk_bytes path)
{
    return path.len > 0 && memchr(path.data, '/', path.len) != NULL &&
           memchr(path.data, 0, path.len) == NULL;
}

static bool is_builtin(struct rk_bytes path)
{
    return rk_bytes_is(path, "/") || rk_bytes_is(path, "/zookeeper") ||
           rk_bytes_is(path, "/zookeeper/quota") || rk_bytes_is(path, "/zookeeper/config");
}

/* -- Decoding -- */

static bool decode_op(struct rk_reader *r, struct rk_arena *a, int32_t type, struct op *ret)
{
    *ret = (struct op){.type = type, .ttl = -1};
    if (type == RK_OP_CREATE_TTL) {
        struct rk_create_ttl_request q;
        bool is_ok = rk_proto_read_create_ttl_request(r, a, &q);
        *ret = (struct op){type, q.path, q.data, q.acl, q.flags, q.ttl, 0};
        return is_ok;
    }
    if (is_create(type)) {
        struct rk_create_request q;
        bool is_ok = rk_proto_read_create_request(r, a, &q);
        *ret = (struct op){type, q.path, q.data, q.acl, q.flags, -1, 0};
        return is_ok;
    }
    if (type == RK_OP_SET_DATA) {
        struct rk_set_data_request q;
        bool is_ok = rk_proto_read_set_data_request(r, a, &q);
        ret->path = q.path;
        ret->data = q.data;
        ret->version = q.version;
        return is_ok;
    }
    if (type == RK_OP_SET_ACL) {
        struct rk_set_acl_request q;
        bool is_ok = rk_proto_read_set_acl_request(r, a, &q);
        ret->path = q.path;
        ret->acl = q.acl;
        ret->version = q.version;
        return is_ok;
    }
    struct rk_check_version_request q; /* delete has the same fields */
    bool is_ok = rk_proto_read_check_version_request(r, a, &q);
    ret->path = q.path;
    ret->version = q.version;
    return is_ok;
}

/* -- Single writes -- */

static void put_stat(struct sim_model *m, struct sim_outcome *out, const struct sim_znode *n)
{
    struct rk_stat stat;
    rk_sim_stat_of(m, n, &stat);
    rk_proto_write_stat(&out->body, &stat);
}

static void fire(struct sim_model *m, struct sim_outcome *out, enum rk_event_type type,
                 struct sim_blob *path, struct sim_acl *acl)
{
    if (out->event_count == out->event_cap) {
        uint32_t cap = out->event_cap == 0 ? 8 : out->event_cap * 2;
        out->events =
            rk_mem_must_resize(m->mem, out->events, out->event_cap * sizeof(out->events[0]),
                               cap * sizeof(out->events[0]));
        out->event_cap = cap;
    }
    out->events[out->event_count++] =
        (struct sim_fired){.type = type, .path = rk_sim_blob_ref(path), .acl = rk_sim_acl_ref(acl)};
}

static int32_t check_kind(const struct sim_model *m, const struct op *op)
{
    bool is_ttl = op->flags == RK_CREATE_TTL || op->flags == RK_CREATE_TTL_SEQUENTIAL;
    if (op->flags < 0 || op->flags > 6) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (is_ttl && !m->rules.extended_types) {
        return RK_ZK_UNIMPLEMENTED;
    }
    if (is_ttl && (op->ttl < 1 || op->ttl > INT64_C(0xffffffffff))) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    /* 18.2: createTTL without a TTL flag is refused whatever its ttl. */
    if (!is_ttl && (op->ttl >= 0 || op->type == RK_OP_CREATE_TTL)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    return RK_ZK_OK;
}

static int64_t owner_for(const struct sim_write_request *q, const struct op *op)
{
    if (op->type == RK_OP_CREATE_CONTAINER) {
        return INT64_MIN;
    }
    if (op->type == RK_OP_CREATE_TTL) {
        return (int64_t)(UINT64_C(0xff) << 56 | (uint64_t)op->ttl);
    }
    bool is_ephemeral =
        op->flags == RK_CREATE_EPHEMERAL || op->flags == RK_CREATE_EPHEMERAL_SEQUENTIAL;
    return is_ephemeral ? q->session : 0;
}

static bool is_sequential(int32_t flags)
{
    return flags == RK_CREATE_PERSISTENT_SEQUENTIAL || flags == RK_CREATE_EPHEMERAL_SEQUENTIAL ||
           flags == RK_CREATE_TTL_SEQUENTIAL;
}

static struct sim_blob *final_name(struct sim_model *m, const struct op *op, int32_t counter)
{
    char name[1100];
    if (!is_sequential(op->flags)) {
        return rk_sim_blob(m->mem, op->path);
    }
    int len = snprintf(name, sizeof(name), "%.*s%010d", (int)op->path.len,
                       (const char *)op->path.data, (int)counter);
    RK_ASSERT(len > 0 && (size_t)len < sizeof(name));
    return rk_sim_blob(m->mem, rk_bytes_of(name, (size_t)len));
}

static bool is_limits(const struct sim_blob *path)
{
    static const char name[] = "/zookeeper_limits";
    uint32_t len = sizeof(name) - 1;
    return path->len > len && memcmp(path->data + path->len - len, name, len) == 0;
}

/* All checks but those that need the final name. */
static int32_t check_create(struct sim_model *m, const struct sim_write_request *q,
                            const struct op *op, struct sim_acl **ret_acl)
{
    int32_t err = check_kind(m, op);
    if (err != RK_ZK_OK) {
        return err;
    }
    if (op->path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (!names_parent(op->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    struct sim_acl *acl = NULL;
    err = rk_sim_fix_acl(m, &op->acl, q->ids, &acl);
    if (err != RK_ZK_OK) {
        return err;
    }
    const struct sim_znode *parent = rk_sim_find(m, rk_sim_parent_path(op->path));
    if (parent == NULL) {
        err = RK_ZK_NO_NODE;
    } else if (!rk_sim_allows(m, parent->acl, RK_PERM_CREATE, q->ids)) {
        err = RK_ZK_NO_AUTH;
    }
    if (err != RK_ZK_OK) {
        rk_sim_acl_drop(m->mem, acl);
        return err;
    }
    *ret_acl = acl;
    return RK_ZK_OK;
}

static int32_t check_name(struct sim_model *m, const struct sim_write_request *q,
                          const struct op *op, struct rk_bytes name)
{
    if (!rk_sim_path_is_valid(name)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    if (rk_sim_find(m, name) != NULL) {
        return RK_ZK_NODE_EXISTS;
    }
    if (rk_sim_is_ephemeral(m, rk_sim_find(m, rk_sim_parent_path(name)))) {
        return RK_ZK_NO_CHILDREN_FOR_EPHEMERALS;
    }
    if (rk_sim_quota_forbids(q->quota_view, name, 1, op->data.len)) {
        return RK_ZK_QUOTA_EXCEEDED;
    }
    return RK_ZK_OK;
}

static int32_t apply_create(struct sim_model *m, const struct sim_write_request *q,
                            const struct op *op, struct sim_outcome *out)
{
    struct sim_acl *acl;
    int32_t err = check_create(m, q, op, &acl);
    if (err != RK_ZK_OK) {
        return err;
    }
    struct rk_bytes parent_path = rk_sim_parent_path(op->path);
    struct sim_znode *parent = rk_sim_find(m, parent_path);
    struct sim_znode fresh = {.path = final_name(m, op, parent->creations),
                              .acl = acl,
                              .czxid = q->zxid,
                              .mzxid = q->zxid,
                              .pzxid = q->zxid,
                              .ctime = q->time_ms,
                              .mtime = q->time_ms,
                              .owner = owner_for(q, op)};
    err = check_name(m, q, op, rk_sim_bytes(fresh.path));
    if (err != RK_ZK_OK) {
        rk_sim_blob_drop(m->mem, fresh.path);
        rk_sim_acl_drop(m->mem, acl);
        return err;
    }
    fresh.data = rk_sim_blob(m->mem, op->data);
    parent->creations = (int32_t)((uint32_t)parent->creations + 1);
    parent->pzxid = q->zxid;
    const struct sim_znode *n = rk_sim_insert(m, &fresh);
    rk_buf_put_bytes(&out->body, rk_sim_bytes(n->path));
    if (op->type != RK_OP_CREATE) {
        put_stat(m, out, n);
    }
    fire(m, out, RK_EVENT_NODE_CREATED, n->path, n->acl);
    parent = rk_sim_find(m, parent_path);
    fire(m, out, RK_EVENT_NODE_CHILDREN_CHANGED, parent->path, parent->acl);
    m->quota_count += is_limits(n->path);
    return RK_ZK_OK;
}

static void remove_node(struct sim_model *m, rk_zxid zxid, struct sim_znode *n,
                        struct sim_outcome *out)
{
    struct sim_blob *path = rk_sim_blob_ref(n->path);
    fire(m, out, RK_EVENT_NODE_DELETED, path, n->acl);
    m->quota_count -= is_limits(path);
    rk_sim_erase(m, n);
    struct sim_znode *parent = rk_sim_find(m, rk_sim_parent_path(rk_sim_bytes(path)));
    RK_ASSERT(parent != NULL);
    parent->pzxid = zxid;
    fire(m, out, RK_EVENT_NODE_CHILDREN_CHANGED, parent->path, parent->acl);
    rk_sim_blob_drop(m->mem, path);
}

static int32_t apply_delete(struct sim_model *m, const struct sim_write_request *q,
                            const struct op *op, struct sim_outcome *out)
{
    if (op->path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    if (!names_parent(op->path) || is_builtin(op->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    const struct sim_znode *parent = rk_sim_find(m, rk_sim_parent_path(op->path));
    if (parent == NULL) {
        return RK_ZK_NO_NODE;
    }
    if (!rk_sim_allows(m, parent->acl, RK_PERM_DELETE, q->ids)) {
        return RK_ZK_NO_AUTH;
    }
    struct sim_znode *n = rk_sim_find(m, op->path);
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    if (op->version != -1 && op->version != n->version) {
        return RK_ZK_BAD_VERSION;
    }
    if (rk_sim_child_count(m, n) > 0) {
        return RK_ZK_NOT_EMPTY;
    }
    remove_node(m, q->zxid, n, out);
    return RK_ZK_OK;
}

static int32_t apply_set_data(struct sim_model *m, const struct sim_write_request *q,
                              const struct op *op, struct sim_outcome *out)
{
    if (!rk_sim_path_is_valid(op->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    struct sim_znode *n = rk_sim_find(m, op->path);
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    if (!rk_sim_allows(m, n->acl, RK_PERM_WRITE, q->ids)) {
        return RK_ZK_NO_AUTH;
    }
    int64_t more = (int64_t)op->data.len - (n->data == NULL ? 0 : n->data->len);
    if (rk_sim_quota_forbids(q->quota_view, op->path, 0, more)) {
        return RK_ZK_QUOTA_EXCEEDED;
    }
    if (op->version != -1 && op->version != n->version) {
        return RK_ZK_BAD_VERSION;
    }
    rk_sim_blob_drop(m->mem, n->data);
    n->data = rk_sim_blob(m->mem, op->data);
    n->version = (int32_t)((uint32_t)n->version + 1);
    n->mzxid = q->zxid;
    n->mtime = q->time_ms;
    put_stat(m, out, n);
    fire(m, out, RK_EVENT_NODE_DATA_CHANGED, n->path, n->acl);
    return RK_ZK_OK;
}

static int32_t apply_set_acl(struct sim_model *m, const struct sim_write_request *q,
                             const struct op *op, struct sim_outcome *out)
{
    struct sim_acl *acl;
    if (!rk_sim_path_is_valid(op->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    int32_t err = rk_sim_fix_acl(m, &op->acl, q->ids, &acl);
    if (err != RK_ZK_OK) {
        return err;
    }
    struct sim_znode *n = rk_sim_find(m, op->path);
    if (n == NULL) {
        err = RK_ZK_NO_NODE;
    } else if (!rk_sim_allows(m, n->acl, RK_PERM_ADMIN, q->ids)) {
        err = RK_ZK_NO_AUTH;
    } else if (op->version != -1 && op->version != n->aversion) {
        err = RK_ZK_BAD_VERSION;
    }
    if (err != RK_ZK_OK) {
        rk_sim_acl_drop(m->mem, acl);
        return err;
    }
    rk_sim_acl_drop(m->mem, n->acl);
    n->acl = acl;
    n->aversion = (int32_t)((uint32_t)n->aversion + 1);
    put_stat(m, out, n);
    return RK_ZK_OK;
}

static int32_t apply_check(struct sim_model *m, const struct sim_write_request *q,
                           const struct op *op)
{
    if (!rk_sim_path_is_valid(op->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    const struct sim_znode *n = rk_sim_find(m, op->path);
    if (n == NULL) {
        return RK_ZK_NO_NODE;
    }
    if (!rk_sim_allows(m, n->acl, RK_PERM_READ, q->ids)) {
        return RK_ZK_NO_AUTH;
    }
    return op->version != -1 && op->version != n->version ? RK_ZK_BAD_VERSION : RK_ZK_OK;
}

static int32_t apply_op(struct sim_model *m, const struct sim_write_request *q, const struct op *op,
                        struct sim_outcome *out)
{
    if (is_create(op->type)) {
        return apply_create(m, q, op, out);
    }
    switch (op->type) {
    case RK_OP_DELETE:
        return apply_delete(m, q, op, out);
    case RK_OP_SET_DATA:
        return apply_set_data(m, q, op, out);
    case RK_OP_SET_ACL:
        return apply_set_acl(m, q, op, out);
    default:
        RK_ASSERT(op->type == RK_OP_CHECK);
        return apply_check(m, q, op);
    }
}

/* -- multi -- */

#define MULTI_OPS_MAX 64u

/* 5.1: what decoding alone changes or refuses. */
static bool normalise(struct op *op)
{
    bool is_ttl = op->flags == RK_CREATE_TTL || op->flags == RK_CREATE_TTL_SEQUENTIAL;
    if (op->path.data == NULL) {
        return false;
    }
    if (!is_create(op->type)) {
        return true;
    }
    if (op->type == RK_OP_CREATE_TTL && is_ttl) {
        return true;
    }
    if (is_ttl) {
        return false;
    }
    if (op->type == RK_OP_CREATE_TTL) {
        op->type = RK_OP_CREATE;
        op->ttl = -1;
    }
    if (op->flags == RK_CREATE_CONTAINER) {
        op->type = RK_OP_CREATE_CONTAINER;
    }
    return true;
}

static bool decode_multi(struct rk_reader *r, struct rk_arena *a, struct op *ops,
                         uint32_t *ret_count)
{
    for (*ret_count = 0;; (*ret_count)++) {
        struct rk_multi_header h;
        if (!rk_proto_read_multi_header(r, a, &h)) {
            return false;
        }
        if (h.done) {
            return true;
        }
        bool is_known = is_create(h.type) || h.type == RK_OP_DELETE || h.type == RK_OP_SET_DATA ||
                        h.type == RK_OP_CHECK;
        RK_ASSERT(*ret_count < MULTI_OPS_MAX);
        if (!is_known || !decode_op(r, a, h.type, &ops[*ret_count]) ||
            !normalise(&ops[*ret_count])) {
            return false;
        }
    }
}

static void put_element(struct rk_buf *b, int32_t type, int32_t err)
{
    struct rk_multi_header h = {.type = type, .err = err};
    rk_proto_write_multi_header(b, &h);
    if (type == RK_OP_ERROR) {
        rk_buf_put_i32(b, err);
    }
}

void rk_sim_put_failed_multi(struct sim_outcome *out, uint32_t count, uint32_t failed, int32_t err)
{
    rk_sim_outcome_reset(out);
    for (uint32_t i = 0; i < count; i++) {
        int32_t e = i < failed ? RK_ZK_OK : i == failed ? err : RK_ZK_RUNTIME_INCONSISTENCY;
        put_element(&out->body, RK_OP_ERROR, e);
    }
    out->failed_ops = count;
}

static int32_t apply_multi(struct sim_model *m, const struct sim_write_request *q,
                           struct rk_reader *r, struct rk_arena *a, struct sim_outcome *out)
{
    struct op ops[MULTI_OPS_MAX];
    struct sim_model before;
    uint32_t count;
    int32_t err = RK_ZK_OK;
    if (!decode_multi(r, a, ops, &count)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    rk_sim_model_copy(&before, m);
    for (uint32_t i = 0; i < count && err == RK_ZK_OK; i++) {
        int32_t type = ops[i].type;
        bool has_stat = type == RK_OP_CREATE_CONTAINER || type == RK_OP_CREATE_TTL;
        put_element(&out->body, has_stat ? RK_OP_CREATE2 : type, RK_ZK_OK);
        err = apply_op(m, q, &ops[i], out);
        if (err != RK_ZK_OK) {
            rk_sim_put_failed_multi(out, count, i, err);
        }
    }
    if (err != RK_ZK_OK) {
        struct sim_model undone = *m;
        *m = before;
        before = undone;
    }
    rk_sim_model_deinit(&before);
    struct rk_multi_header end = {.type = -1, .done = true, .err = -1};
    rk_proto_write_multi_header(&out->body, &end);
    return RK_ZK_OK;
}

/* -- Transactions -- */

static int32_t apply(struct sim_model *m, const struct sim_write_request *q, struct rk_arena *a,
                     struct sim_outcome *out)
{
    struct rk_reader r;
    struct op op;
    rk_reader_init(&r, q->body, m->rules.record_bytes_max);
    if (q->op == RK_OP_RECONFIG) {
        return RK_ZK_RECONFIG_DISABLED;
    }
    if (q->op == RK_OP_MULTI) {
        return apply_multi(m, q, &r, a, out);
    }
    if (!decode_op(&r, a, q->op, &op)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    return apply_op(m, q, &op, out);
}

void rk_sim_model_write(struct sim_model *m, const struct sim_write_request *q,
                        struct sim_outcome *out)
{
    struct rk_arena a;
    struct sim_write_request copy = *q;
    RK_ASSERT(q->zxid > m->zxid);
    if (copy.quota_view == NULL) {
        copy.quota_view = m;
    }
    rk_arena_init(&a, m->mem);
    rk_sim_outcome_reset(out);
    out->err = apply(m, &copy, &a, out);
    if (out->err != RK_ZK_OK) {
        rk_buf_reset(&out->body);
    }
    rk_arena_deinit(&a);
    m->zxid = q->zxid;
    rk_sim_quota_refresh(m);
}

void rk_sim_model_create_session(struct sim_model *m, rk_zxid zxid, rk_session_id id,
                                 int32_t timeout_ms)
{
    RK_ASSERT(zxid > m->zxid);
    RK_ASSERT(rk_sim_session_of(m, id) == NULL);
    if (m->session_count == m->session_cap) {
        uint32_t cap = m->session_cap == 0 ? 8 : m->session_cap * 2;
        m->sessions =
            rk_mem_must_resize(m->mem, m->sessions, m->session_cap * sizeof(m->sessions[0]),
                               cap * sizeof(m->sessions[0]));
        m->session_cap = cap;
    }
    m->sessions[m->session_count++] = (struct sim_msession){.id = id, .timeout_ms = timeout_ms};
    m->zxid = zxid;
}

void rk_sim_model_close_session(struct sim_model *m, rk_zxid zxid, rk_session_id id,
                                const struct rk_vec_bytes *paths, struct sim_outcome *out)
{
    RK_ASSERT(zxid > m->zxid);
    rk_sim_outcome_reset(out);
    for (int32_t i = 0; i < paths->count; i++) {
        struct sim_znode *n = rk_sim_find(m, paths->items[i]);
        if (n != NULL && n->owner == id) {
            remove_node(m, zxid, n, out);
        }
    }
    for (uint32_t i = 0; i < m->node_count;) {
        if (m->nodes[i].owner == id && rk_sim_is_ephemeral(m, &m->nodes[i])) {
            remove_node(m, zxid, &m->nodes[i], out);
            i = 0;
        } else {
            i++;
        }
    }
    struct sim_msession *s = rk_sim_session_of(m, id);
    if (s != NULL) {
        *s = m->sessions[--m->session_count];
    }
    m->zxid = zxid;
    rk_sim_quota_refresh(m);
}

void rk_sim_model_reap(struct sim_model *m, rk_zxid zxid, struct rk_bytes path,
                       struct sim_outcome *out)
{
    struct sim_znode *n = rk_sim_find(m, path);
    RK_ASSERT(zxid > m->zxid);
    rk_sim_outcome_reset(out);
    if (n != NULL) {
        remove_node(m, zxid, n, out);
    }
    m->zxid = zxid;
    rk_sim_quota_refresh(m);
}
