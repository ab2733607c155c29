/* Transactions: payload to struct rk_txn, back, and to text. Guarantees that decoding is total over
 * any bytes and that what was decoded encodes to an equal payload, with exceptions that lose
 * nothing: a create from before 3.3 gains the parent version -1, the null list of a closeSession
 * becomes an empty one, and bytes behind the digest, or too few for one, are dropped. Checksums,
 * lengths and continuity of zxids are left to the log, meaning to the tree.
 *
 * ZK: SerializeUtils.deserializeTxn */
#include "proto/txn.h"

#include "proto/opcode.h"
#include "proto/print.h"
#include "proto/zk_error.h"

bool rk_txn_is_type(int32_t type)
{
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
    case RK_OP_CREATE_CONTAINER:
    case RK_OP_CREATE_TTL:
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
    case RK_OP_SET_ACL:
    case RK_OP_CHECK:
    case RK_OP_CREATE_SESSION:
    case RK_OP_CLOSE_SESSION:
    case RK_OP_ERROR:
    case RK_OP_MULTI:
        return true;
    default:
        return false;
    }
}

/* ZK: MultiTxnRecord's types, which leave nothing that could nest. */
static bool is_multi_element(int32_t type)
{
    switch (type) {
    case RK_OP_SET_ACL:
    case RK_OP_RECONFIG:
    case RK_OP_CREATE_SESSION:
    case RK_OP_CLOSE_SESSION:
    case RK_OP_MULTI:
        return false;
    default:
        return rk_txn_is_type(type);
    }
}

/* Takes a body of any type but closeSession, whose body may be missing. */
static bool read_body(struct rk_reader *r, struct rk_arena *a, int32_t type, union rk_txn_body *ret)
{
    switch (type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        return rk_proto_read_create_txn(r, a, &ret->create);
    case RK_OP_CREATE_CONTAINER:
        return rk_proto_read_create_container_txn(r, a, &ret->create_container);
    case RK_OP_CREATE_TTL:
        return rk_proto_read_create_ttl_txn(r, a, &ret->create_ttl);
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        return rk_proto_read_delete_txn(r, a, &ret->delete_);
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        return rk_proto_read_set_data_txn(r, a, &ret->set_data);
    case RK_OP_SET_ACL:
        return rk_proto_read_set_acl_txn(r, a, &ret->set_acl);
    case RK_OP_CHECK:
        return rk_proto_read_check_version_txn(r, a, &ret->check);
    case RK_OP_CREATE_SESSION:
        return rk_proto_read_create_session_txn(r, a, &ret->create_session);
    case RK_OP_ERROR:
        return rk_proto_read_error_txn(r, a, &ret->error);
    case RK_OP_MULTI:
        return rk_proto_read_multi_txn(r, a, &ret->multi);
    default:
        RK_ASSERT(false);
        return false;
    }
}

/* A create as releases before 3.3 logged it. They knew no digest, so it ends within the bytes that
 * a parent version would have taken. */
static bool read_create_v0(struct rk_reader *r, struct rk_arena *a, struct rk_create_txn *ret)
{
    struct rk_create_txn_v0 v0;
    if (!rk_proto_read_create_txn_v0(r, a, &v0)) {
        return false;
    }
    RK_ASSERT(rk_reader_left(r) < sizeof(ret->parent_cversion));
    *ret = (struct rk_create_txn){.path = v0.path,
                                  .data = v0.data,
                                  .acl = v0.acl,
                                  .ephemeral = v0.ephemeral,
                                  .parent_cversion = -1};
    return true;
}

/* Before 3.6, or with closeSessionTxn.enabled=false, there is no body: then the record ends after
 * the header, or a digest follows. Twelve bytes that are both a list and a digest are taken for the
 * list, as Apache does; as a digest they would say zero or all ones. */
static bool read_close_session(struct rk_reader *r, struct rk_arena *a,
                               struct rk_close_session_txn *ret)
{
    struct rk_reader start = *r;
    if (rk_reader_left(r) > 0 && rk_proto_read_close_session_txn(r, a, ret)) {
        ret->paths.count = ret->paths.count < 0 ? 0 : ret->paths.count;
        return true;
    }
    *r = start;
    *ret = (struct rk_close_session_txn){.paths = {.count = -1, .items = NULL}};
    return rk_reader_left(r) == 0 || rk_reader_left(r) == RK_TXN_DIGEST_BYTES_MIN;
}

enum rk_err rk_txn_decode(struct rk_bytes payload, struct rk_arena *a, uint32_t limit_bytes,
                          struct rk_txn *ret)
{
    struct rk_reader r;
    rk_reader_init(&r, payload, limit_bytes);
    struct rk_txn txn = {.has_digest = false};
    if (!rk_proto_read_txn_header(&r, a, &txn.header)) {
        return RK_ERR_MALFORMED;
    }
    txn.type = txn.header.type;
    if (!rk_txn_is_type(txn.type)) {
        return RK_ERR_UNSUPPORTED;
    }
    struct rk_reader start = r;
    bool is_good;
    if (txn.type == RK_OP_CLOSE_SESSION) {
        is_good = read_close_session(&r, a, &txn.body.close_session);
    } else {
        is_good = read_body(&r, a, txn.type, &txn.body);
    }
    if (!is_good && txn.type == RK_OP_CREATE) {
        r = start;
        is_good = read_create_v0(&r, a, &txn.body.create);
    }
    if (!is_good) {
        return RK_ERR_MALFORMED;
    }
    if (rk_reader_left(&r) >= RK_TXN_DIGEST_BYTES_MIN) {
        txn.has_digest = rk_proto_read_txn_digest(&r, a, &txn.digest);
        RK_ASSERT(txn.has_digest);
    }
    *ret = txn;
    return RK_OK;
}

enum rk_err rk_txn_decode_body(int32_t type, struct rk_bytes body, struct rk_arena *a,
                               uint32_t limit_bytes, struct rk_txn *ret)
{
    if (!is_multi_element(type)) {
        return RK_ERR_UNSUPPORTED;
    }
    struct rk_reader r;
    rk_reader_init(&r, body, limit_bytes);
    union rk_txn_body decoded;
    if (!read_body(&r, a, type, &decoded)) {
        return RK_ERR_MALFORMED;
    }
    ret->type = type;
    ret->body = decoded;
    return RK_OK;
}

void rk_txn_encode_body(struct rk_buf *b, const struct rk_txn *txn)
{
    const union rk_txn_body *body = &txn->body;
    switch (txn->type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        rk_proto_write_create_txn(b, &body->create);
        break;
    case RK_OP_CREATE_CONTAINER:
        rk_proto_write_create_container_txn(b, &body->create_container);
        break;
    case RK_OP_CREATE_TTL:
        rk_proto_write_create_ttl_txn(b, &body->create_ttl);
        break;
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        rk_proto_write_delete_txn(b, &body->delete_);
        break;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        rk_proto_write_set_data_txn(b, &body->set_data);
        break;
    case RK_OP_SET_ACL:
        rk_proto_write_set_acl_txn(b, &body->set_acl);
        break;
    case RK_OP_CHECK:
        rk_proto_write_check_version_txn(b, &body->check);
        break;
    case RK_OP_CREATE_SESSION:
        rk_proto_write_create_session_txn(b, &body->create_session);
        break;
    case RK_OP_CLOSE_SESSION:
        if (body->close_session.paths.count >= 0) {
            rk_proto_write_close_session_txn(b, &body->close_session);
        }
        break;
    case RK_OP_ERROR:
        rk_proto_write_error_txn(b, &body->error);
        break;
    case RK_OP_MULTI:
        rk_proto_write_multi_txn(b, &body->multi);
        break;
    default:
        RK_ASSERT(false);
    }
}

void rk_txn_encode(struct rk_buf *b, const struct rk_txn *txn)
{
    RK_ASSERT(txn->type == txn->header.type);
    rk_proto_write_txn_header(b, &txn->header);
    rk_txn_encode_body(b, txn);
    if (txn->has_digest) {
        rk_proto_write_txn_digest(b, &txn->digest);
    }
}

/* Any body but that of a multi. */
static void print_body(struct rk_buf *b, const struct rk_txn *txn)
{
    const union rk_txn_body *body = &txn->body;
    switch (txn->type) {
    case RK_OP_CREATE:
    case RK_OP_CREATE2:
        rk_proto_print_create_txn(b, &body->create);
        break;
    case RK_OP_CREATE_CONTAINER:
        rk_proto_print_create_container_txn(b, &body->create_container);
        break;
    case RK_OP_CREATE_TTL:
        rk_proto_print_create_ttl_txn(b, &body->create_ttl);
        break;
    case RK_OP_DELETE:
    case RK_OP_DELETE_CONTAINER:
        rk_proto_print_delete_txn(b, &body->delete_);
        break;
    case RK_OP_SET_DATA:
    case RK_OP_RECONFIG:
        rk_proto_print_set_data_txn(b, &body->set_data);
        break;
    case RK_OP_SET_ACL:
        rk_proto_print_set_acl_txn(b, &body->set_acl);
        break;
    case RK_OP_CHECK:
        rk_proto_print_check_version_txn(b, &body->check);
        break;
    case RK_OP_CREATE_SESSION:
        rk_proto_print_create_session_txn(b, &body->create_session);
        break;
    case RK_OP_CLOSE_SESSION:
        rk_proto_print_close_session_txn(b, &body->close_session);
        break;
    case RK_OP_ERROR:
        rk_proto_show_word(b, "{err=");
        rk_proto_show_dec(b, body->error.err);
        rk_proto_show_word(b, " ");
        rk_proto_show_word(b, rk_zk_error_name(body->error.err));
        rk_proto_show_word(b, "}");
        break;
    default:
        RK_ASSERT(false);
    }
}

static void print_element(struct rk_buf *b, struct rk_arena *a, const struct rk_sub_txn *sub)
{
    struct rk_txn txn;
    rk_proto_show_word(b, rk_op_name(sub->type));
    enum rk_err err = rk_txn_decode_body(sub->type, sub->data, a, INT32_MAX, &txn);
    if (err == RK_OK) {
        print_body(b, &txn);
        return;
    }
    rk_proto_show_word(b, "(");
    rk_proto_show_dec(b, sub->type);
    rk_proto_show_word(b, err == RK_ERR_UNSUPPORTED ? ", not supported) " : ", malformed) ");
    rk_proto_show_data(b, sub->data);
}

static void print_multi(struct rk_buf *b, const struct rk_multi_txn *multi)
{
    if (multi->txns.count < 0) {
        rk_proto_show_word(b, "null");
        return;
    }
    struct rk_arena a;
    rk_arena_init(&a, b->mem);
    rk_proto_show_word(b, "[");
    for (int32_t i = 0; i < multi->txns.count && !b->failed; i++) {
        if (i > 0) {
            rk_proto_show_word(b, " ");
        }
        print_element(b, &a, &multi->txns.items[i]);
        rk_arena_reset(&a);
    }
    rk_proto_show_word(b, "]");
    rk_arena_deinit(&a);
}

void rk_txn_print(struct rk_buf *b, const struct rk_txn *txn)
{
    RK_ASSERT(txn->type == txn->header.type);
    rk_proto_show_word(b, "zxid=");
    rk_proto_show_hex(b, (uint64_t)txn->header.zxid);
    rk_proto_show_word(b, " session=");
    rk_proto_show_hex(b, (uint64_t)txn->header.client_id);
    rk_proto_show_word(b, " cxid=");
    rk_proto_show_dec(b, txn->header.cxid);
    rk_proto_show_word(b, " time=");
    rk_proto_show_dec(b, txn->header.time);
    rk_proto_show_word(b, " ");
    rk_proto_show_word(b, rk_op_name(txn->type));
    if (txn->type == RK_OP_MULTI) {
        print_multi(b, &txn->body.multi);
    } else {
        print_body(b, txn);
    }
    if (txn->has_digest) {
        rk_proto_show_word(b, " digest=");
        rk_proto_show_hex(b, (uint64_t)txn->digest.tree_digest);
    }
}
