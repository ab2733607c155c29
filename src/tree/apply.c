/* Transactions. Guarantees that every decodable transaction applies, the same way on every server:
 * what cannot be done, because a fuzzy snapshot is ahead of its log, is a result and changes
 * nothing but what spec-quorum A7 says; a failed multi changes nothing. ZK: DataTree.processTxn,
 * createNode, deleteNode, setData, setACL, killSession. */
#include "tree/path.h"
#include "tree/tree_int.h"

#include "proto/opcode.h"
#include "proto/zk_error.h"

#include <string.h>

#define DIGEST_VERSION 2

/* The transaction being applied; sub-transactions of a multi share its header. */
struct apply {
    struct rk_tree *t;
    struct rk_arena *a;
    const struct rk_txn_header *header;
    struct rk_tree_outcome *out;
    uint32_t event_cap;
};

/* What the four kinds of create have in common. */
struct creation {
    struct rk_bytes path;
    struct rk_bytes data;
    const struct rk_vec_acl *acl;
    int64_t owner;
    int32_t parent_cversion;
};

static void fire(struct apply *x, enum rk_event_type type, struct rk_bytes path,
                 const struct rk_vec_acl *acl)
{
    RK_ASSERT(x->out->event_count < x->event_cap);
    x->out->events[x->out->event_count] = (struct rk_tree_event){type, path, acl};
    x->out->event_count++;
}

/* The children of the node above path changed. */
static void fire_parent(struct apply *x, struct rk_bytes path, const struct rk_vec_acl *acl)
{
    struct rk_bytes parent = rk_path_parent(path);
    fire(x, RK_EVENT_NODE_CHILDREN_CHANGED, parent.len == 0 ? rk_bytes_str("/") : parent, acl);
}

/* Names something that could be created or deleted: from the root, without an empty last component.
 */
static bool is_name(struct rk_bytes path)
{
    return path.data != NULL && path.len >= 2 && path.data[0] == '/' &&
           path.data[path.len - 1] != '/' && rk_path_name(path).len <= RK_NODE_NAME_MAX;
}

/* The parent may have come from a fuzzy snapshot that holds later creates: only ever raised. */
static void raise_cversion(struct apply *x, rk_node_id parent, int32_t cversion)
{
    struct rk_node_dir dir;
    rk_node_get_dir(rk_tree_node(x->t, parent), &dir);
    if (cversion == -1) { /* a log from before 3.3 */
        cversion = (int32_t)((uint32_t)dir.cversion + 1);
    }
    if (cversion > dir.cversion) {
        rk_tree_change_begin(x->t, parent);
        rk_tree_put_children(x->t, parent, x->header->zxid, cversion);
        rk_tree_change_end(x->t, parent);
    }
}

static int32_t create(struct apply *x, const struct creation *c, struct rk_stat *ret_stat)
{
    struct rk_tree *t = x->t;
    if (!is_name(c->path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    rk_node_id parent = rk_tree_find_parent(t, c->path);
    if (parent == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    uint32_t acl = rk_acls_intern(&t->acls, c->acl);
    raise_cversion(x, parent, c->parent_cversion);
    rk_node_id n = rk_tree_find(t, c->path);
    if (n != RK_NODE_NONE) {
        /* The snapshot's ACL table may be older than the node (ZOOKEEPER-4846), and the parent may
         * have been written before a create that the log holds. Apache makes up for the latter
         * after type 1 only, and with the other types leaves the parent behind the leader's;
         * raising is never wrong. */
        rk_tree_preserve(t, n);
        rk_tree_put_acl(t, n, acl);
        return RK_ZK_NODE_EXISTS;
    }
    const struct rk_stat_persisted stat = {
        .czxid = x->header->zxid,
        .mzxid = x->header->zxid,
        .ctime = x->header->time,
        .mtime = x->header->time,
        .ephemeral_owner = c->owner,
        .pzxid = x->header->zxid,
    };
    n = rk_tree_add(t, parent, c->path, c->data, acl, &stat);
    rk_tree_stat(t, n, ret_stat);
    fire(x, RK_EVENT_NODE_CREATED, c->path, rk_acls_list(&t->acls, acl));
    fire_parent(x, c->path, rk_tree_acl(t, parent));
    rk_tree_quota_created(t, c->path);
    rk_tree_quota_count(t, c->path, c->data.len, 1);
    return RK_ZK_OK;
}

/* Of a node whose parent is there. Children can only be there when a fuzzy snapshot holds what was
 * created under the node's next life; their own creates follow in the log, so they go with it. */
static void remove_node(struct apply *x, rk_node_id n, struct rk_bytes path)
{
    struct rk_tree *t = x->t;
    rk_node_id parent = rk_tree_parent(t, n);
    const struct rk_vec_acl *acl = rk_tree_acl(t, n);
    if (rk_tree_child_count(t, n) == 0) {
        rk_tree_remove(t, n, path);
    } else {
        rk_tree_remove_all(t, n);
    }
    fire(x, RK_EVENT_NODE_DELETED, path, acl);
    fire_parent(x, path, rk_tree_acl(t, parent));
}

static int32_t delete_path(struct apply *x, struct rk_bytes path)
{
    struct rk_tree *t = x->t;
    if (!is_name(path) || rk_path_is_special(path)) {
        return RK_ZK_BAD_ARGUMENTS;
    }
    rk_node_id parent = rk_tree_find_parent(t, path);
    if (parent == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    /* Also without the node: it may have been gone when the snapshot came to it, after its parent.
     */
    rk_tree_raise_pzxid(t, parent, x->header->zxid);
    rk_node_id n = rk_tree_find(t, path);
    if (n == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    remove_node(x, n, path);
    return RK_ZK_OK;
}

static int32_t set_data(struct apply *x, const struct rk_set_data_txn *txn,
                        struct rk_stat *ret_stat)
{
    struct rk_tree *t = x->t;
    rk_node_id n = rk_tree_find(t, txn->path);
    if (n == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    int64_t more = (int64_t)txn->data.len - rk_node_data_len(rk_tree_node(t, n));
    struct rk_node_mod mod = {x->header->zxid, x->header->time, txn->version};
    if (t->has_hint) {
        t->has_hint = false;
        rk_tree_preserve(t, n);
        rk_tree_put_mod(t, n, &mod);
        rk_tree_put_data_crc(t, n, txn->data, t->hint.content_crc);
        t->digest += t->hint.after - t->hint.before;
    } else {
        rk_tree_change_begin(t, n);
        rk_tree_put_mod(t, n, &mod);
        rk_tree_put_data(t, n, txn->path, txn->data);
        rk_tree_change_end(t, n);
    }
    rk_tree_stat(t, n, ret_stat);
    fire(x, RK_EVENT_NODE_DATA_CHANGED, txn->path, rk_tree_acl(t, n));
    rk_tree_quota_count(t, txn->path, more, 0);
    return RK_ZK_OK;
}

static int32_t set_acl(struct apply *x, const struct rk_set_acl_txn *txn, struct rk_stat *ret_stat)
{
    struct rk_tree *t = x->t;
    rk_node_id n = rk_tree_find(t, txn->path);
    if (n == RK_NODE_NONE) {
        return RK_ZK_NO_NODE;
    }
    rk_tree_change_begin(t, n);
    rk_tree_put_acl(t, n, rk_acls_intern(&t->acls, &txn->acl));
    rk_tree_put_aversion(t, n, txn->version);
    rk_tree_change_end(t, n);
    rk_tree_stat(t, n, ret_stat);
    return RK_ZK_OK;
}

static void close_session(struct apply *x, const struct rk_close_session_txn *txn)
{
    struct rk_tree *t = x->t;
    rk_session_id session = x->header->client_id;
    for (int32_t i = 0; i < txn->paths.count; i++) {
        (void)delete_path(x, txn->paths.items[i]); /* what is gone already was to go */
    }
    rk_node_id n;
    while ((n = rk_tree_first_of_owner(t, session)) != RK_NODE_NONE) {
        RK_ASSERT(n != RK_TREE_ROOT); /* loading refuses owners of what is never deleted */
        rk_tree_raise_pzxid(t, rk_tree_parent(t, n), x->header->zxid);
        remove_node(x, n, rk_tree_path(t, n, x->a));
    }
}

/* A bad time to live gives a plain node: Apache logs such transactions and then dies of them. */
static int64_t ttl_owner(int64_t ttl)
{
    if (ttl <= 0 || ttl > RK_TTL_MAX) {
        return 0;
    }
    return (int64_t)(UINT64_C(0xff00000000000000) | (uint64_t)ttl);
}

static struct creation creation_of(const struct apply *x, int32_t type,
                                   const union rk_txn_body *body)
{
    if (type == RK_OP_CREATE_CONTAINER) {
        const struct rk_create_container_txn *c = &body->create_container;
        int64_t owner = RK_OWNER_CONTAINER;
        return (struct creation){c->path, c->data, &c->acl, owner, c->parent_cversion};
    }
    if (type == RK_OP_CREATE_TTL) {
        const struct rk_create_ttl_txn *c = &body->create_ttl;
        int64_t owner = ttl_owner(c->ttl);
        return (struct creation){c->path, c->data, &c->acl, owner, c->parent_cversion};
    }
    RK_ASSERT(type == RK_OP_CREATE || type == RK_OP_CREATE2);
    const struct rk_create_txn *c = &body->create;
    int64_t owner = c->ephemeral ? x->header->client_id : 0;
    return (struct creation){c->path, c->data, &c->acl, owner, c->parent_cversion};
}

/* Anything but a multi. */
static void apply_one(struct apply *x, int32_t type, const union rk_txn_body *body,
                      struct rk_tree_result *ret)
{
    *ret = (struct rk_tree_result){.type = type};
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL: {
        struct creation c = creation_of(x, type, body);
        ret->path = c.path;
        ret->err = create(x, &c, &ret->stat);
        break;
    }
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        ret->path = body->delete_.path;
        ret->err = delete_path(x, ret->path);
        break;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        ret->path = body->set_data.path;
        ret->err = set_data(x, &body->set_data, &ret->stat);
        break;
    case RK_OP_SET_ACL:
        ret->path = body->set_acl.path;
        ret->err = set_acl(x, &body->set_acl, &ret->stat);
        break;
    case RK_OP_CHECK:
        ret->path = body->check.path;
        break;
    case RK_OP_CLOSE_SESSION:
        close_session(x, &body->close_session);
        break;
    case RK_OP_ERROR:
        ret->err = body->error.err;
        break;
    default:
        RK_ASSERT(type == RK_OP_CREATE_SESSION); /* decoding knows no other types */
    }
}

/* Decodes the elements; tells the first that is an error or unreadable by its index and code, or
 * count. Nothing of such a multi may be applied, so this comes before the first change. */
static uint32_t decode_elements(struct apply *x, const struct rk_multi_txn *multi,
                                struct rk_txn *elements, uint32_t count, int32_t *ret_err)
{
    uint32_t bad = count;
    for (uint32_t i = 0; i < count && bad == count; i++) {
        const struct rk_sub_txn *sub = &multi->txns.items[i];
        if (rk_txn_decode_body(sub->type, sub->data, x->a, INT32_MAX, &elements[i]) != RK_OK) {
            bad = i;
            *ret_err = RK_ZK_MARSHALLING_ERROR;
        } else if (sub->type == RK_OP_ERROR) {
            bad = i;
            *ret_err = elements[i].body.error.err;
        }
    }
    RK_ASSERT(bad <= count);
    return bad;
}

/* ZK: processTxn, case multi: before the failed element "ok", after it "not tried". */
static void fail_elements(struct rk_tree_outcome *out, uint32_t bad, int32_t err)
{
    RK_ASSERT(bad < out->sub_count);
    for (uint32_t i = 0; i < out->sub_count; i++) {
        int32_t of_it = i < bad ? RK_ZK_OK : i == bad ? err : RK_ZK_RUNTIME_INCONSISTENCY;
        out->sub[i] = (struct rk_tree_result){.type = RK_OP_ERROR, .err = of_it};
        if (out->result.err == RK_ZK_OK) {
            out->result.err = of_it;
        }
    }
}

static void apply_multi(struct apply *x, const struct rk_multi_txn *multi)
{
    struct rk_tree_outcome *out = x->out;
    out->result = (struct rk_tree_result){.type = RK_OP_MULTI};
    uint32_t count = multi->txns.count < 0 ? 0 : (uint32_t)multi->txns.count;
    if (count == 0) {
        return;
    }
    out->sub_count = count;
    out->sub = rk_arena_alloc(x->a, count * sizeof(out->sub[0]));
    struct rk_txn *elements = rk_arena_alloc(x->a, count * sizeof(elements[0]));
    int32_t err = RK_ZK_OK;
    uint32_t bad = decode_elements(x, multi, elements, count, &err);
    if (bad < count) {
        fail_elements(out, bad, err);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        apply_one(x, elements[i].type, &elements[i].body, &out->sub[i]);
        if (out->result.err == RK_ZK_OK) {
            out->result.err = out->sub[i].err;
        }
    }
}

/* An upper bound of the events, so that they need one allocation. */
static uint32_t event_cap(const struct rk_tree *t, const struct rk_txn *txn)
{
    uint64_t nodes = 1;
    if (txn->type == RK_OP_MULTI && txn->body.multi.txns.count > 0) {
        nodes = (uint64_t)txn->body.multi.txns.count;
    } else if (txn->type == RK_OP_CLOSE_SESSION) {
        int32_t listed = txn->body.close_session.paths.count;
        nodes = rk_tree_count_of_owner(t, txn->header.client_id);
        nodes += listed > 0 ? (uint64_t)listed : 0;
    }
    RK_ASSERT(nodes <= UINT32_MAX / 2);
    return (uint32_t)nodes * 2;
}

void rk_tree_give_hint(struct rk_tree *t, const struct rk_tree_hint *hint)
{
    t->hint = *hint;
    t->has_hint = t->config.digest;
}

void rk_tree_apply(struct rk_tree *t, const struct rk_txn *txn, struct rk_arena *a,
                   struct rk_tree_outcome *ret)
{
    RK_ASSERT(txn->type == txn->header.type);
    memset(ret, 0, sizeof(*ret));
    rk_acls_sweep(&t->acls);
    struct apply x = {t, a, &txn->header, ret, event_cap(t, txn)};
    if (x.event_cap > 0) {
        ret->events = rk_arena_alloc(a, x.event_cap * sizeof(ret->events[0]));
    }
    if (txn->type == RK_OP_MULTI) {
        apply_multi(&x, &txn->body.multi);
    } else {
        apply_one(&x, txn->type, &txn->body, &ret->result);
    }
    RK_ASSERT(ret->event_count <= x.event_cap);
    RK_ASSERT(!t->has_hint); /* it was for a setData of a node that is there */
    ret->digest_mismatch = t->config.digest && txn->has_digest &&
                           txn->digest.version == DIGEST_VERSION &&
                           (uint64_t)txn->digest.tree_digest != t->digest;
}
