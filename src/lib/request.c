/* Requests as bytes. ZK: the zoo_a... functions of zookeeper.c, with their checks of arguments. */
#include "lib/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/decode.h"
#include "lib/queue.h"
#include "lib/session.h"
#include "lib/view.h"
#include "proto/opcode.h"

#define TTL_MAX INT64_C(0xFFFFFFFFFF)

watcher_fn rk_lib_default_watcher(zhandle_t *zh, int watch)
{
    return zh && watch ? __atomic_load_n(&zh->watcher, __ATOMIC_RELAXED) : NULL;
}

void *rk_lib_default_context(zhandle_t *zh)
{
    return zh ? __atomic_load_n(&zh->context, __ATOMIC_RELAXED) : NULL;
}

static void put_path(struct rk_lib *s)
{
    rk_buf_put_bytes(&s->body, rk_buf_view(&s->path));
}

/* ZK: CreateRequest_init; null is NULL or a length of -1. */
static void put_value(struct rk_buf *b, const char *value, int value_bytes)
{
    struct rk_bytes bytes = {0};
    if (value_bytes == 0)
        bytes = rk_bytes_of("", 0);
    else if (value && value_bytes > 0)
        bytes = rk_bytes_of(value, (size_t)value_bytes);
    rk_buf_put_bytes(b, bytes);
}

static void put_acl(struct rk_buf *b, const struct ACL_vector *acl)
{
    int32_t count = acl ? acl->count : 0;
    rk_buf_put_i32(b, count);
    for (int32_t i = 0; i < count; i++) {
        rk_buf_put_i32(b, acl->data[i].perms);
        rk_buf_put_bytes(b, rk_bytes_str(acl->data[i].id.scheme));
        rk_buf_put_bytes(b, rk_bytes_str(acl->data[i].id.id));
    }
}

static bool is_sequential(int mode)
{
    return mode == ZOO_PERSISTENT_SEQUENTIAL || mode == ZOO_EPHEMERAL_SEQUENTIAL ||
           mode == ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;
}

static bool is_ttl(int mode)
{
    return mode == ZOO_PERSISTENT_WITH_TTL || mode == ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;
}

static void put_node(struct rk_buf *b, struct rk_bytes path, const struct rk_lib_node *node)
{
    rk_buf_put_bytes(b, path);
    put_value(b, node->value, node->value_bytes);
    put_acl(b, node->acl);
    rk_buf_put_i32(b, node->mode);
    if (is_ttl(node->mode))
        rk_buf_put_i64(b, node->ttl);
}

int rk_lib_request_create(zhandle_t *zh, int op, const struct rk_lib_node *node,
                          const struct rk_lib_to *to)
{
    bool has_ttl = is_ttl(node->mode);
    if (has_ttl ? node->ttl <= 0 || node->ttl > TTL_MAX : node->ttl >= 0)
        return ZBADARGUMENTS;
    if (node->value_bytes < -1 || !node->path)
        return ZBADARGUMENTS;
    int rc = rk_lib_begin(zh, node->path, is_sequential(node->mode));
    if (rc != ZOK)
        return rc;
    if (node->mode == ZOO_CONTAINER)
        op = ZOO_CREATE_CONTAINER_OP;
    if (has_ttl)
        op = ZOO_CREATE_TTL_OP;
    put_node(&zh->s->body, rk_buf_view(&zh->s->path), node);
    return rk_lib_submit(zh, op, NULL, to);
}

/* A path that must be there. */
static int begin_path(zhandle_t *zh, const char *path)
{
    return path ? rk_lib_begin(zh, path, false) : ZBADARGUMENTS;
}

int rk_lib_request_delete(zhandle_t *zh, const char *path, int version, const struct rk_lib_to *to)
{
    int rc = begin_path(zh, path);
    if (rc != ZOK)
        return rc;
    put_path(zh->s);
    rk_buf_put_i32(&zh->s->body, version);
    return rk_lib_submit(zh, ZOO_DELETE_OP, NULL, to);
}

int rk_lib_request_set(zhandle_t *zh, const char *path, const char *value, int value_bytes,
                       int version, const struct rk_lib_to *to)
{
    int rc = value_bytes < -1 ? ZBADARGUMENTS : begin_path(zh, path);
    if (rc != ZOK)
        return rc;
    put_path(zh->s);
    put_value(&zh->s->body, value, value_bytes);
    rk_buf_put_i32(&zh->s->body, version);
    return rk_lib_submit(zh, ZOO_SETDATA_OP, NULL, to);
}

static int submit_read(zhandle_t *zh, int op, watcher_fn watcher, void *context,
                       const struct rk_lib_to *to)
{
    struct rk_lib_ask ask = {.kind = RK_CLIENT_WATCH_CHILD, .fn = watcher, .context = context};
    if (op == ZOO_EXISTS_OP)
        ask.kind = RK_CLIENT_WATCH_EXISTS;
    if (op == ZOO_GETDATA_OP)
        ask.kind = RK_CLIENT_WATCH_DATA;
    put_path(zh->s);
    rk_buf_put_bool(&zh->s->body, watcher != NULL);
    return rk_lib_submit(zh, op, &ask, to);
}

int rk_lib_request_read(zhandle_t *zh, int op, const char *path, watcher_fn watcher, void *context,
                        const struct rk_lib_to *to)
{
    int rc = begin_path(zh, path);
    return rc == ZOK ? submit_read(zh, op, watcher, context, to) : rc;
}

int rk_lib_request_config(zhandle_t *zh, watcher_fn watcher, void *context,
                          const struct rk_lib_to *to)
{
    int rc = rk_lib_begin(zh, NULL, false);
    if (rc != ZOK)
        return rc;
    rk_buf_put(&zh->s->path, ZOO_CONFIG_NODE, strlen(ZOO_CONFIG_NODE));
    return submit_read(zh, ZOO_GETDATA_OP, watcher, context, to);
}

int rk_lib_request_reconfig(zhandle_t *zh, const char *joining, const char *leaving,
                            const char *members, int64_t version, const struct rk_lib_to *to)
{
    int rc = rk_lib_begin(zh, NULL, false);
    if (rc != ZOK)
        return rc;
    rk_buf_put_bytes(&zh->s->body, rk_bytes_str(joining));
    rk_buf_put_bytes(&zh->s->body, rk_bytes_str(leaving));
    rk_buf_put_bytes(&zh->s->body, rk_bytes_str(members));
    rk_buf_put_i64(&zh->s->body, version);
    return rk_lib_submit(zh, ZOO_RECONFIG_OP, NULL, to);
}

int rk_lib_request_path(zhandle_t *zh, int op, const char *path, const struct rk_lib_to *to)
{
    int rc = begin_path(zh, path);
    if (rc != ZOK)
        return rc;
    put_path(zh->s);
    return rk_lib_submit(zh, op, NULL, to);
}

int rk_lib_request_set_acl(zhandle_t *zh, const char *path, int version,
                           const struct ACL_vector *acl, const struct rk_lib_to *to)
{
    int rc = acl ? begin_path(zh, path) : ZBADARGUMENTS;
    if (rc != ZOK)
        return rc;
    put_path(zh->s);
    put_acl(&zh->s->body, acl);
    rk_buf_put_i32(&zh->s->body, version);
    return rk_lib_submit(zh, ZOO_SETACL_OP, NULL, to);
}

/* -- Transactions -- */

static void put_header(struct rk_buf *b, int32_t type, bool is_done)
{
    rk_buf_put_i32(b, type);
    rk_buf_put_bool(b, is_done);
    rk_buf_put_i32(b, -1);
}

static int put_create_op(zhandle_t *zh, const zoo_op_t *op)
{
    struct rk_lib *s = zh->s;
    struct rk_lib_node node = {op->create_op.path, op->create_op.data,  op->create_op.datalen,
                               op->create_op.acl,  op->create_op.flags, op->create_op.ttl};
    if (node.value_bytes < -1)
        return ZBADARGUMENTS;
    /* ZK: a transaction cannot have them; this one can, if it says for how long. */
    if (is_ttl(node.mode) && (node.ttl <= 0 || node.ttl > TTL_MAX))
        return ZUNIMPLEMENTED;
    rk_buf_reset(&s->path);
    int rc = rk_lib_path(zh, node.path, is_sequential(node.mode), &s->path);
    if (rc == ZOK)
        put_node(&s->body, rk_buf_view(&s->path), &node);
    return rc;
}

static int put_op(zhandle_t *zh, const zoo_op_t *op, zoo_op_result_t *result)
{
    struct rk_lib *s = zh->s;
    const char *path = op->type == ZOO_SETDATA_OP ? op->set_op.path
                       : op->type == ZOO_CHECK_OP ? op->check_op.path
                                                  : op->delete_op.path;
    put_header(&s->body, op->type, false);
    switch (op->type) {
    case ZOO_CREATE_OP:
    case ZOO_CREATE2_OP:
    case ZOO_CREATE_CONTAINER_OP:
    case ZOO_CREATE_TTL_OP:
        result->value = op->create_op.buf;
        result->valuelen = op->create_op.buflen;
        return put_create_op(zh, op);
    case ZOO_DELETE_OP:
    case ZOO_CHECK_OP:
    case ZOO_SETDATA_OP:
        break;
    default:
        return ZUNIMPLEMENTED;
    }
    rk_buf_reset(&s->path);
    int rc = rk_lib_path(zh, path, false, &s->path);
    if (rc != ZOK)
        return rc;
    put_path(s);
    if (op->type == ZOO_SETDATA_OP) {
        if (op->set_op.datalen < -1)
            return ZBADARGUMENTS;
        put_value(&s->body, op->set_op.data, op->set_op.datalen);
        result->stat = op->set_op.stat;
    }
    rk_buf_put_i32(&s->body, op->type == ZOO_SETDATA_OP ? op->set_op.version
                             : op->type == ZOO_CHECK_OP ? op->check_op.version
                                                        : op->delete_op.version);
    return ZOK;
}

int rk_lib_request_multi(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                         struct rk_lib_to *to)
{
    if (count < 0 || (count > 0 && (!ops || !results)))
        return ZBADARGUMENTS;
    struct rk_lib_multi *multi =
        malloc(sizeof(*multi) + (size_t)count * sizeof(struct rk_lib_multi_op));
    if (!multi)
        return ZSYSTEMERROR;
    multi->count = count;
    int rc = rk_lib_begin(zh, NULL, false);
    if (rc != ZOK) {
        free(multi);
        return rc;
    }
    for (int i = 0; i < count && rc == ZOK; i++) {
        results[i] = (zoo_op_result_t){0};
        multi->ops[i] = (struct rk_lib_multi_op){ops[i].type, &results[i]};
        rc = put_op(zh, &ops[i], &results[i]);
    }
    if (rc == ZOK) {
        put_header(&zh->s->body, -1, true);
        to->extra = multi;
        rc = rk_lib_submit(zh, ZOO_MULTI_OP, NULL, to);
    } else {
        rc = rk_lib_abandon(zh, rc);
    }
    if (rc != ZOK)
        free(multi);
    return rc;
}

int rk_lib_request_reads(zhandle_t *zh, int count, const struct rk_read *reads,
                         struct rk_lib_to *to)
{
    if (count <= 0 || !reads)
        return ZBADARGUMENTS;
    int *kept = malloc(sizeof(*kept));
    if (!kept)
        return ZSYSTEMERROR;
    *kept = count;
    int rc = rk_lib_begin(zh, NULL, false);
    if (rc != ZOK) {
        free(kept);
        return rc;
    }
    struct rk_lib *s = zh->s;
    for (int i = 0; i < count && rc == ZOK; i++) {
        bool is_known = reads[i].type == RK_READ_DATA || reads[i].type == RK_READ_CHILDREN;
        rk_buf_reset(&s->path);
        rc = is_known ? rk_lib_path(zh, reads[i].path, false, &s->path) : ZBADARGUMENTS;
        put_header(&s->body, (int32_t)reads[i].type, false);
        put_path(s);
        rk_buf_put_bool(&s->body, false); /* no watch */
    }
    if (rc == ZOK) {
        put_header(&s->body, -1, true);
        to->extra = kept;
        rc = rk_lib_submit(zh, RK_OP_MULTI_READ, NULL, to);
    } else {
        rc = rk_lib_abandon(zh, rc);
    }
    if (rc != ZOK)
        free(kept);
    return rc;
}

/* -- Watches -- */

static enum rk_client_watch_kind kind_of(ZooWatcherType type)
{
    return type == ZWATCHTYPE_CHILD  ? RK_CLIENT_WATCH_CHILD
           : type == ZWATCHTYPE_DATA ? RK_CLIENT_WATCH_DATA
                                     : RK_CLIENT_WATCH_NONE;
}

/* Removed here without asking the server; the completion is queued like every other. */
static int remove_locally(zhandle_t *zh, enum rk_client_watch_kind kind, bool is_all,
                          struct rk_client_watcher watcher, const struct rk_lib_to *to)
{
    struct rk_lib *s = zh->s;
    struct rk_lib_call *call;
    int rc = rk_lib_call_begin(zh, to, &call);
    if (rc != ZOK)
        return rk_lib_abandon(zh, rc);
    struct rk_client_event event = {.type = RK_CLIENT_EV_REMOVE_WATCHES};
    event.u.remove.path = rk_buf_view(&s->path);
    event.u.remove.kind = kind;
    event.u.remove.is_all = is_all;
    event.u.remove.watcher = watcher;
    rc = rk_lib_step(s, &event);
    if (rc == ZOK)
        rk_lib_queue_call(s, call, ZOK, 0, (struct rk_bytes){0});
    return rk_lib_call_end(s, call, to, rc);
}

int rk_lib_request_remove(zhandle_t *zh, const char *path, ZooWatcherType type, watcher_fn watcher,
                          void *context, bool is_all, bool is_local, const struct rk_lib_to *to)
{
    int rc = begin_path(zh, path);
    if (rc != ZOK)
        return rc;
    if (type < ZWATCHTYPE_CHILD || type > ZWATCHTYPE_ANY)
        return rk_lib_abandon(zh, ZBADARGUMENTS);
    struct rk_client_watcher words = {0};
    is_all = is_all || !watcher; /* ZK: no watcher matches every one */
    if (!is_all)
        words = rk_lib_view_watcher(zh, watcher, context);
    if (is_local)
        return remove_locally(zh, kind_of(type), is_all, words, to);
    put_path(zh->s);
    rk_buf_put_i32(&zh->s->body, (int32_t)type);
    struct rk_lib_ask ask = {.kind = kind_of(type), .is_removal = true};
    if (!is_all) {
        ask.fn = watcher;
        ask.context = context;
    }
    return rk_lib_submit(zh, is_all ? ZOO_REMOVE_WATCHES : ZOO_CHECK_WATCHES, &ask, to);
}

int rk_lib_request_add_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode,
                             watcher_fn watcher, void *context, const struct rk_lib_to *to)
{
    if (!watcher || (mode != RK_WATCH_PERSISTENT && mode != RK_WATCH_RECURSIVE))
        return ZBADARGUMENTS;
    int rc = begin_path(zh, path);
    if (rc != ZOK)
        return rc;
    struct rk_lib_ask ask = {.kind = mode == RK_WATCH_RECURSIVE ? RK_CLIENT_WATCH_RECURSIVE
                                                                : RK_CLIENT_WATCH_PERSISTENT,
                             .fn = watcher,
                             .context = context};
    put_path(zh->s);
    rk_buf_put_i32(&zh->s->body, (int32_t)mode);
    return rk_lib_submit(zh, RK_OP_ADD_WATCH, &ask, to);
}

int rk_lib_request_who(zhandle_t *zh, const struct rk_lib_to *to)
{
    int rc = rk_lib_begin(zh, NULL, false);
    return rc == ZOK ? rk_lib_submit(zh, RK_OP_WHO_AM_I, NULL, to) : rc;
}
