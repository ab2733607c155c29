/* Reads: executed against the applied tree when it is their turn, answered with the zxid of exactly
 * that state. spec-client 4.5 to 4.9, 5; ZK: FinalRequestProcessor. */
#include "core/ensemble_int.h"

static bool may_read(const struct rk_core *c, const struct conn *conn, rk_node_id n, int32_t perms)
{
    return c->config.skip_acl ||
           rk_acl_allows(rk_tree_acl(c->tree, n), perms, &conn->ids, &c->schemes);
}

/* Finds a node the connection may see; the error is Apache's. */
static int32_t find_readable(struct rk_core *c, struct conn *conn, struct rk_bytes path,
                             int32_t perms, rk_node_id *ret)
{
    if (path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    *ret = rk_tree_find(c->tree, path);
    if (*ret == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    return may_read(c, conn, *ret, perms) ? RK_ZK_OK : RK_ZK_NO_AUTH;
}

static int32_t add_watch(struct rk_core *c, struct conn *conn, enum rk_watch_table table,
                         struct rk_bytes path)
{
    enum rk_err err = rk_watch_add(c->watches, table, path, conn->id, RK_WATCH_STANDARD);
    return err == RK_OK ? RK_ZK_OK : RK_ZK_SYSTEM_ERROR;
}

/* After the reply: its frame is open until then. Only a limit on watches gives a read this error.
 */
static void note_watch_limit(struct rk_core *c, const struct conn *conn, int32_t op, int32_t err)
{
    if (err == RK_ZK_SYSTEM_ERROR) {
        rk_fx_note(c->fx, RK_NOTE_WATCH_LIMIT, conn->id, conn->session, 0,
                   rk_bytes_str(rk_op_name(op)));
    }
}

static void put_stat(struct rk_core *c, rk_node_id n)
{
    struct rk_stat stat;
    rk_tree_stat(c->tree, n, &stat);
    rk_proto_write_stat(&c->fx->bytes, &stat);
}

static int32_t read_exists(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    struct rk_exists_request q;
    rk_node_id n;
    int32_t err;
    if (!rk_proto_read_exists_request(r, &c->arena, &q) || q.path.data == NULL) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    for (uint32_t i = 0; i < q.path.len; i++) {
        if (q.path.data[i] == 0) {
            return RK_ZK_BAD_ARGUMENTS;
        }
    }
    err = find_readable(c, conn, q.path, RK_PERM_READ, &n);
    if (q.watch && (err == RK_ZK_OK || err == RK_ZK_NO_NODE)) {
        int32_t watch_err = add_watch(c, conn, RK_WATCH_DATA, q.path);
        err = watch_err != RK_ZK_OK ? watch_err : err;
    }
    if (err == RK_ZK_OK) {
        put_stat(c, n);
    }
    return err;
}

static int32_t read_get_data(struct rk_core *c, struct conn *conn, struct rk_reader *r,
                             bool may_watch)
{
    struct rk_get_data_request q;
    rk_node_id n;
    int32_t err;
    if (!rk_proto_read_get_data_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    err = find_readable(c, conn, q.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK && q.watch && may_watch) {
        err = add_watch(c, conn, RK_WATCH_DATA, q.path);
    }
    if (err == RK_ZK_OK) {
        rk_buf_put_bytes(&c->fx->bytes, rk_tree_data(c->tree, n));
        put_stat(c, n);
    }
    return err;
}

static void put_children(struct rk_core *c, rk_node_id n)
{
    rk_node_id child = rk_tree_first_child(c->tree, n);
    rk_buf_put_i32(&c->fx->bytes, (int32_t)rk_tree_child_count(c->tree, n));
    for (; child != RK_NODE_NONE; child = rk_tree_next_sibling(c->tree, child)) {
        rk_buf_put_bytes(&c->fx->bytes, rk_tree_name(c->tree, child));
    }
}

static int32_t read_get_children(struct rk_core *c, struct conn *conn, struct rk_reader *r,
                                 bool may_watch, bool with_stat)
{
    struct rk_get_children_request q;
    rk_node_id n;
    int32_t err;
    if (!rk_proto_read_get_children_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    err = find_readable(c, conn, q.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK && q.watch && may_watch) {
        err = add_watch(c, conn, RK_WATCH_CHILD, q.path);
    }
    if (err == RK_ZK_OK) {
        put_children(c, n);
        if (with_stat) {
            put_stat(c, n);
        }
    }
    return err;
}

static int32_t read_get_acl(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    struct rk_get_acl_request q;
    struct rk_vec_acl masked;
    const struct rk_vec_acl *acl;
    rk_node_id n;
    int32_t err;
    if (!rk_proto_read_get_acl_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    err = find_readable(c, conn, q.path, RK_PERM_READ | RK_PERM_ADMIN, &n);
    if (err != RK_ZK_OK) {
        return err;
    }
    acl = rk_tree_acl(c->tree, n);
    if (acl == NULL) {
        return RK_ZK_MARSHALLING_ERROR; /* damaged: super gets here, Apache throws */
    }
    if (!may_read(c, conn, n, RK_PERM_ADMIN)) {
        rk_acl_mask(acl, &c->arena, &masked);
        acl = &masked;
    }
    rk_proto_write_vec_acl(&c->fx->bytes, acl);
    put_stat(c, n);
    return RK_ZK_OK;
}

static int32_t read_sync(struct rk_core *c, struct rk_reader *r)
{
    struct rk_sync_request q;
    if (!rk_proto_read_sync_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    rk_buf_put_bytes(&c->fx->bytes, q.path);
    return RK_ZK_OK;
}

/* Java's String.trim(). */
static struct rk_bytes trim(struct rk_bytes text)
{
    while (text.len > 0 && text.data[0] <= ' ') {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && text.data[text.len - 1] <= ' ') {
        text.len--;
    }
    return text;
}

static int32_t read_get_ephemerals(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    struct rk_get_ephemerals_request q;
    size_t count_at = c->fx->bytes.len;
    int32_t count = 0;
    rk_node_id n;
    bool all;
    if (!rk_proto_read_get_ephemerals_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    all = trim(q.prefix_path).len == 0 || rk_bytes_is(trim(q.prefix_path), "/");
    rk_buf_put_i32(&c->fx->bytes, 0);
    n = rk_tree_first_of_owner(c->tree, conn->session);
    for (; n != RK_NODE_NONE; n = rk_tree_next_of_owner(c->tree, n)) {
        struct rk_bytes path = rk_tree_path(c->tree, n, &c->arena);
        if (all || rk_bytes_starts_with(path, q.prefix_path)) {
            rk_buf_put_bytes(&c->fx->bytes, path);
            count++;
        }
    }
    rk_buf_patch_i32(&c->fx->bytes, count_at, count);
    return RK_ZK_OK;
}

static int32_t read_children_number(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    struct rk_get_all_children_number_request q;
    rk_node_id n;
    int32_t err;
    if (!rk_proto_read_get_all_children_number_request(r, &c->arena, &q)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    err = find_readable(c, conn, q.path, RK_PERM_READ, &n);
    if (err == RK_ZK_OK) {
        rk_buf_put_i32(&c->fx->bytes, (int32_t)rk_tree_descendant_count(c->tree, n));
    }
    return err;
}

static int32_t read_who_am_i(struct rk_core *c, struct conn *conn)
{
    rk_buf_put_i32(&c->fx->bytes, (int32_t)conn->ids.count);
    for (uint32_t i = 0; i < conn->ids.count; i++) {
        rk_buf_put_bytes(&c->fx->bytes, conn->ids.items[i].scheme);
        rk_buf_put_bytes(&c->fx->bytes, rk_auth_user(&conn->ids.items[i], &c->schemes));
    }
    return RK_ZK_OK;
}

/* -- multiRead -- */

/* One request can name one large node tens of thousands of times: what it costs is bounded by what
 * it is answered, not by what it is long. */
#define MULTI_READ_BYTES_MAX ((size_t)16 << 20)

static void put_multi_header(struct rk_core *c, int32_t type, bool done, int32_t err)
{
    struct rk_multi_header h = {.type = type, .done = done, .err = err};
    rk_proto_write_multi_header(&c->fx->bytes, &h);
}

static int32_t read_multi_op(struct rk_core *c, struct conn *conn, int32_t type,
                             struct rk_reader *r)
{
    size_t at = c->fx->bytes.len;
    int32_t err;
    put_multi_header(c, type, false, RK_ZK_OK);
    if (type == RK_OP_GET_DATA) {
        err = read_get_data(c, conn, r, false);
    } else {
        err = read_get_children(c, conn, r, false, false);
    }
    if (err != RK_ZK_OK) {
        c->fx->bytes.len = at;
    }
    if (err != RK_ZK_OK && err != RK_ZK_MARSHALLING_ERROR) {
        put_multi_header(c, RK_OP_ERROR, false, err);
        rk_buf_put_i32(&c->fx->bytes, err);
    }
    return err;
}

static bool is_multi_read_op(int32_t type)
{
    return type == RK_OP_GET_DATA || type == RK_OP_GET_CHILDREN;
}

/* Decodes all of it before anything is answered. False: malformed, or reads and writes mixed. */
static bool scan_multi_read(struct rk_core *c, struct rk_reader scan, bool *ret_has_writes)
{
    uint32_t reads = 0;
    uint32_t writes = 0;
    for (;;) {
        struct rk_multi_header h;
        struct rk_get_data_request read;
        struct write_op write;
        if (!rk_proto_read_multi_header(&scan, &c->arena, &h)) {
            return false;
        }
        if (h.done) {
            *ret_has_writes = writes > 0;
            return true;
        }
        if (is_multi_read_op(h.type)) {
            reads++;
            if (!rk_proto_read_get_data_request(&scan, &c->arena, &read)) {
                return false;
            }
        } else {
            writes++;
            if (!rk_prep_is_multi_op(h.type) || !rk_prep_decode(h.type, &scan, &c->arena, &write)) {
                return false;
            }
        }
        if (reads > 0 && writes > 0) {
            return false;
        }
    }
}

/* Malformed: -5 alone. Well-formed write operations, or a null path: -5 with what was answered
 * before and the terminator of the response (spec-client 3.4). */
static int32_t read_multi(struct rk_core *c, struct conn *conn, struct rk_reader *r)
{
    bool has_writes = false;
    size_t first = c->fx->bytes.len;
    int32_t err;
    if (!scan_multi_read(c, *r, &has_writes)) {
        return RK_ZK_MARSHALLING_ERROR;
    }
    err = has_writes ? RK_ZK_MARSHALLING_ERROR : RK_ZK_OK;
    while (!has_writes) {
        struct rk_multi_header h;
        bool is_ok = rk_proto_read_multi_header(r, &c->arena, &h);
        RK_ASSERT(is_ok);
        if (h.done) {
            break;
        }
        /* Any other error is an element of the body. */
        if (read_multi_op(c, conn, h.type, r) == RK_ZK_MARSHALLING_ERROR) {
            err = RK_ZK_MARSHALLING_ERROR;
            break;
        }
        if (c->fx->bytes.len - first > MULTI_READ_BYTES_MAX) {
            c->fx->bytes.failed = true; /* as if there were no room: the reply is taken back */
            return RK_ZK_MARSHALLING_ERROR;
        }
    }
    put_multi_header(c, -1, true, -1);
    return err;
}

/* -- dispatch -- */

static int32_t read_op(struct rk_core *c, struct conn *conn, int32_t op, struct rk_reader *r)
{
    switch (op) {
    case RK_OP_EXISTS:
        return read_exists(c, conn, r);
    case RK_OP_GET_DATA:
        return read_get_data(c, conn, r, true);
    case RK_OP_GET_ACL:
        return read_get_acl(c, conn, r);
    case RK_OP_GET_CHILDREN:
        return read_get_children(c, conn, r, true, false);
    case RK_OP_GET_CHILDREN2:
        return read_get_children(c, conn, r, true, true);
    case RK_OP_SYNC:
        return read_sync(c, r);
    case RK_OP_PING:
        return RK_ZK_OK;
    case RK_OP_CHECK_WATCHES:
        return rk_core_check_watches(c, conn, r, false);
    case RK_OP_REMOVE_WATCHES:
        return rk_core_check_watches(c, conn, r, true);
    case RK_OP_MULTI_READ:
        return read_multi(c, conn, r);
    case RK_OP_GET_EPHEMERALS:
        return read_get_ephemerals(c, conn, r);
    case RK_OP_GET_ALL_CHILDREN_NUMBER:
        return read_children_number(c, conn, r);
    case RK_OP_ADD_WATCH:
        return rk_core_add_watch(c, conn, r);
    case RK_OP_WHO_AM_I:
        return read_who_am_i(c, conn);
    default:
        return RK_ZK_UNIMPLEMENTED;
    }
}

/* Catch-up events go out before the reply, so this one cannot have its frame open meanwhile. */
static void reply_set_watches(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                              struct rk_reader *r, int64_t received_ms)
{
    int32_t err = rk_core_set_watches(c, conn, r, op == RK_OP_SET_WATCHES2);
    rk_core_reply_error(c, conn, xid, c->last_zxid, err, op, received_ms);
    note_watch_limit(c, conn, op, err);
}

void rk_core_read(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                  struct rk_bytes body, int64_t received_ms)
{
    struct rk_reader r;
    size_t mark;
    int32_t err;
    if (op == RK_OP_CLOSE_SESSION) {
        rk_local_close(c, conn, xid, received_ms);
        return;
    }
    rk_reader_init(&r, body, c->config.record_bytes_max);
    if (op == RK_OP_SET_WATCHES || op == RK_OP_SET_WATCHES2) {
        reply_set_watches(c, conn, xid, op, &r, received_ms);
        return;
    }
    mark = rk_core_reply_begin(c, conn, op == RK_OP_PING ? -2 : xid,
                               c->last_zxid + RK_BUG(READ_ZXID_AHEAD));
    err = read_op(c, conn, op, &r);
    if (c->fx->bytes.failed) {
        /* The effects' bound: nobody gets a reply of this size. */
        rk_fx_frame_cancel(c->fx, mark);
        rk_fx_note(c->fx, RK_NOTE_RESPONSE_TOO_BIG, conn->id, conn->session, op, rk_bytes_str(""));
        rk_core_reply_error(c, conn, xid, c->last_zxid, RK_ZK_MARSHALLING_ERROR, op, received_ms);
        return;
    }
    rk_core_reply_end(c, conn, mark, err, op == RK_OP_MULTI_READ && err == RK_ZK_MARSHALLING_ERROR,
                      op, received_ms);
    note_watch_limit(c, conn, op, err);
}
