/* Takes replies apart. They come from a server, which may be anybody: every length is checked
 * against what is there before anything is allocated. */
#include "lib/decode.h"

#include <stdlib.h>
#include <string.h>

struct rk_reader rk_lib_reply(const struct rk_lib_call *call)
{
    struct rk_reader r;
    rk_reader_init(&r, rk_bytes_of(call->body, call->body_bytes), call->body_bytes);
    return r;
}

void rk_lib_read_stat(struct rk_reader *r, struct Stat *stat)
{
    stat->czxid = rk_read_i64(r);
    stat->mzxid = rk_read_i64(r);
    stat->ctime = rk_read_i64(r);
    stat->mtime = rk_read_i64(r);
    stat->version = rk_read_i32(r);
    stat->cversion = rk_read_i32(r);
    stat->aversion = rk_read_i32(r);
    stat->ephemeralOwner = rk_read_i64(r);
    stat->dataLength = rk_read_i32(r);
    stat->numChildren = rk_read_i32(r);
    stat->pzxid = rk_read_i64(r);
}

struct rk_bytes rk_lib_strip(const zhandle_t *zh, struct rk_bytes path)
{
    struct rk_bytes stripped = rk_client_strip(zh->s->client, path);
    /* The chroot itself is "/", which its first byte is too; the result stays within the reply. */
    path = stripped.len == 1 && path.len > 0 ? rk_bytes_of(path.data, 1) : stripped;
    if (!zh->root || path.len < zh->root_len || memcmp(path.data, zh->root, zh->root_len) != 0)
        return path;
    if (path.len == zh->root_len)
        return rk_bytes_of(path.data, 1); /* the root itself: "/" */
    if (path.data[zh->root_len] != '/')
        return path;
    return rk_bytes_of(path.data + zh->root_len, path.len - zh->root_len);
}

const char *rk_lib_end_string(struct rk_bytes path)
{
    if (!path.data)
        return NULL;
    char *text = (char *)(uintptr_t)path.data; /* in a reply of ours, with room behind it */
    text[path.len] = 0;
    return text;
}

static char *copy(struct rk_bytes text)
{
    char *made = malloc((size_t)text.len + 1);
    if (!made)
        return NULL;
    if (text.len > 0)
        memcpy(made, text.data, text.len);
    made[text.len] = 0;
    return made;
}

static const struct rk_bytes empty = {(const uint8_t *)"", 0};

/* A string of a vector: null, which no server sends there, becomes empty in front of its end. */
static struct rk_bytes read_string(struct rk_reader *r)
{
    struct rk_bytes text = rk_read_bytes(r);
    return text.data ? text : rk_bytes_of(r->at, 0);
}

int rk_lib_strings_in_place(struct rk_lib_call *call, bool is_path, struct String_vector *ret,
                            struct Stat *ret_stat)
{
    struct rk_reader r = rk_lib_reply(call);
    *ret = (struct String_vector){0};
    int32_t count = rk_read_count(&r, 4);
    if (count > 0) {
        ret->data = malloc((size_t)count * sizeof(*ret->data));
        if (!ret->data)
            return ZSYSTEMERROR;
    }
    for (int32_t i = 0; i < count && !r.failed; i++)
        ret->data[i] = (char *)(uintptr_t)read_string(&r).data;
    if (ret_stat)
        rk_lib_read_stat(&r, ret_stat);
    if (r.failed)
        return ZMARSHALLINGERROR;
    ret->count = count > 0 ? count : 0;
    /* From the back, because the 0 of a string goes where the length of the next one was. */
    for (int32_t i = ret->count - 1; i >= 0; i--) {
        int32_t len = rk_load_i32((const uint8_t *)ret->data[i] - 4);
        struct rk_bytes text = rk_bytes_of(ret->data[i], len > 0 ? (size_t)len : 0);
        if (is_path)
            text = rk_lib_strip(call->zh, text);
        ret->data[i] = (char *)(uintptr_t)text.data;
        ret->data[i][text.len] = 0;
    }
    return ZOK;
}

/* The strings at r, each malloced. */
static int copy_strings(struct rk_reader *r, const zhandle_t *strip_for, struct String_vector *ret)
{
    *ret = (struct String_vector){0};
    int32_t count = rk_read_count(r, 4);
    if (r->failed)
        return ZMARSHALLINGERROR;
    if (count <= 0)
        return ZOK;
    ret->data = calloc((size_t)count, sizeof(*ret->data));
    if (!ret->data)
        return ZSYSTEMERROR;
    ret->count = count;
    int rc = ZOK;
    for (int32_t i = 0; i < count && rc == ZOK; i++) {
        struct rk_bytes text = read_string(r);
        if (strip_for)
            text = rk_lib_strip(strip_for, text);
        ret->data[i] = copy(r->failed ? empty : text);
        rc = r->failed ? ZMARSHALLINGERROR : ret->data[i] ? ZOK : ZSYSTEMERROR;
    }
    return rc;
}

int rk_lib_strings(struct rk_lib_call *call, bool is_path, struct String_vector *ret,
                   struct Stat *ret_stat)
{
    struct rk_reader r = rk_lib_reply(call);
    int rc = copy_strings(&r, is_path ? call->zh : NULL, ret);
    if (rc == ZOK && ret_stat)
        rk_lib_read_stat(&r, ret_stat);
    if (rc == ZOK && r.failed)
        rc = ZMARSHALLINGERROR;
    if (rc != ZOK) {
        (void)deallocate_String_vector(ret); /* always 0 */
        *ret = (struct String_vector){0};
    }
    return rc;
}

int rk_lib_acls_in_place(struct rk_lib_call *call, struct ACL_vector *ret, struct Stat *ret_stat)
{
    struct rk_reader r = rk_lib_reply(call);
    *ret = (struct ACL_vector){0};
    int32_t count = rk_read_count(&r, 12);
    if (count > 0) {
        ret->data = malloc((size_t)count * sizeof(*ret->data));
        if (!ret->data)
            return ZSYSTEMERROR;
    }
    for (int32_t i = 0; i < count && !r.failed; i++) {
        ret->data[i].perms = rk_read_i32(&r);
        ret->data[i].id.scheme = (char *)(uintptr_t)read_string(&r).data;
        ret->data[i].id.id = (char *)(uintptr_t)read_string(&r).data;
    }
    rk_lib_read_stat(&r, ret_stat);
    if (r.failed)
        return ZMARSHALLINGERROR;
    ret->count = count > 0 ? count : 0;
    for (int32_t i = ret->count - 1; i >= 0; i--) {
        struct Id *id = &ret->data[i].id;
        int32_t id_len = rk_load_i32((const uint8_t *)id->id - 4);
        int32_t scheme_len = rk_load_i32((const uint8_t *)id->scheme - 4);
        id->id[id_len > 0 ? id_len : 0] = 0;
        id->scheme[scheme_len > 0 ? scheme_len : 0] = 0;
    }
    return ZOK;
}

int rk_lib_acls(struct rk_lib_call *call, struct ACL_vector *ret, struct Stat *ret_stat)
{
    struct ACL_vector borrowed;
    int rc = rk_lib_acls_in_place(call, &borrowed, ret_stat);
    if (rc == ZOK && allocate_ACL_vector(ret, borrowed.count) != 0)
        rc = ZSYSTEMERROR;
    for (int32_t i = 0; rc == ZOK && i < borrowed.count; i++) {
        ret->data[i].perms = borrowed.data[i].perms;
        ret->data[i].id.scheme = strdup(borrowed.data[i].id.scheme);
        ret->data[i].id.id = strdup(borrowed.data[i].id.id);
        if (!ret->data[i].id.scheme || !ret->data[i].id.id) {
            (void)deallocate_ACL_vector(ret);
            rc = ZSYSTEMERROR;
        }
    }
    free(borrowed.data);
    if (rc != ZOK)
        *ret = (struct ACL_vector){0};
    return rc;
}

int rk_lib_who(struct rk_lib_call *call, struct ClientInfo_vector *ret)
{
    struct rk_reader r = rk_lib_reply(call);
    *ret = (struct ClientInfo_vector){0};
    int32_t count = rk_read_count(&r, 8);
    if (r.failed)
        return ZMARSHALLINGERROR;
    if (allocate_ClientInfo_vector(ret, count > 0 ? count : 0) != 0)
        return ZSYSTEMERROR;
    int rc = ZOK;
    for (int32_t i = 0; i < ret->count && rc == ZOK; i++) {
        struct rk_bytes scheme = read_string(&r);
        struct rk_bytes user = read_string(&r);
        if (r.failed) {
            rc = ZMARSHALLINGERROR;
            break;
        }
        ret->data[i].authScheme = copy(scheme);
        ret->data[i].user = copy(user);
        rc = ret->data[i].authScheme && ret->data[i].user ? ZOK : ZSYSTEMERROR;
    }
    if (rc != ZOK) {
        (void)deallocate_ClientInfo_vector(ret);
        *ret = (struct ClientInfo_vector){0};
    }
    return rc;
}

/* -- Transactions -- */

static void put_path(zoo_op_result_t *result, struct rk_bytes path)
{
    if (!result->value || !path.data) {
        result->value = NULL;
        return;
    }
    int len = (int)path.len + 1;
    if (len > result->valuelen)
        len = result->valuelen;
    if (len > 0) {
        memcpy(result->value, path.data, (size_t)len - 1);
        result->value[len - 1] = 0;
    }
}

static void fail_op(zoo_op_result_t *result, int err)
{
    result->err = err;
    result->value = NULL;
    result->stat = NULL;
}

/* The result of one operation behind its header. */
static void read_op(const struct rk_lib_call *call, struct rk_reader *r, int type,
                    zoo_op_result_t *result)
{
    struct Stat stat;
    result->err = ZOK;
    switch (type) {
    case ZOO_CREATE_OP:
    case ZOO_CREATE2_OP:
    case ZOO_CREATE_CONTAINER_OP:
    case ZOO_CREATE_TTL_OP: {
        struct rk_bytes path = rk_read_bytes(r);
        if (type != ZOO_CREATE_OP)
            rk_lib_read_stat(r, &stat);
        if (!r->failed)
            put_path(result, path.data ? rk_lib_strip(call->zh, path) : path);
        break;
    }
    case ZOO_SETDATA_OP:
        rk_lib_read_stat(r, &stat);
        if (result->stat && !r->failed)
            *result->stat = stat;
        break;
    default: /* delete and check have no result */
        break;
    }
}

int rk_lib_multi_results(struct rk_lib_call *call)
{
    struct rk_lib_multi *multi = call->extra;
    struct rk_reader r = rk_lib_reply(call);
    int rc = call->rc, at = 0;
    bool is_answer = rc == ZOK;
    while (is_answer) {
        int32_t type = rk_read_i32(&r);
        bool is_done = rk_read_bool(&r);
        (void)rk_read_i32(&r); /* err: 0 or repeated in the result */
        if (is_done || r.failed || at >= multi->count)
            break;
        zoo_op_result_t *result = multi->ops[at++].result;
        if (type == -1) {
            int err = rk_read_i32(&r);
            fail_op(result, err);
            if (rc == ZOK && err != ZOK && err != ZRUNTIMEINCONSISTENCY)
                rc = err;
        } else {
            read_op(call, &r, type, result);
        }
    }
    if (is_answer && (r.failed || at < multi->count))
        rc = ZMARSHALLINGERROR;
    for (; at < multi->count; at++)
        fail_op(multi->ops[at].result, rc);
    return rc;
}

static int read_result(struct rk_reader *r, struct rk_read_result *ret)
{
    int32_t type = rk_read_i32(r);
    bool is_done = rk_read_bool(r);
    (void)rk_read_i32(r);
    if (is_done || r->failed)
        return ZMARSHALLINGERROR;
    if (type == -1) {
        ret->rc = rk_read_i32(r);
    } else if (type == RK_READ_DATA) {
        struct rk_bytes data = rk_read_bytes(r);
        rk_lib_read_stat(r, &ret->stat);
        ret->data.len = -1;
        if (data.data && !r->failed) {
            ret->data.buff = copy(data);
            ret->data.len = (int32_t)data.len;
            if (!ret->data.buff)
                return ZSYSTEMERROR;
        }
    } else if (type == RK_READ_CHILDREN) {
        return copy_strings(r, NULL, &ret->children);
    } else {
        return ZMARSHALLINGERROR;
    }
    return r->failed ? ZMARSHALLINGERROR : ZOK;
}

int rk_lib_read_results(struct rk_lib_call *call, struct rk_read_result *ret, int count)
{
    struct rk_reader r = rk_lib_reply(call);
    int rc = ZOK;
    for (int i = 0; i < count && rc == ZOK; i++)
        rc = read_result(&r, &ret[i]);
    return rc;
}
