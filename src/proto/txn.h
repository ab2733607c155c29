/* A decoded transaction, as the log, the tree and proposals use it. Encoded ("payload") it is a
 * TxnHeader, the body of its type and, if the leader keeps digests, a TxnDigest, which only its
 * being there announces. */
#ifndef RK_PROTO_TXN_H
#define RK_PROTO_TXN_H

#include "base/err.h"
#include "proto/records.h"

/* Which member counts is told by the type:
 * create 1 15, create_container 19, create_ttl 21, delete_ 2 20, set_data 5 16, set_acl 7, check
 * 13, create_session -10, close_session -11, error -1, multi 14 (enum rk_op). */
union rk_txn_body {
    struct rk_create_txn create; /* parent_cversion -1 if the log is older than 3.3 */
    struct rk_create_container_txn create_container;
    struct rk_create_ttl_txn create_ttl;
    struct rk_delete_txn delete_;
    struct rk_set_data_txn set_data;
    struct rk_set_acl_txn set_acl;
    struct rk_check_version_txn check;
    struct rk_create_session_txn create_session;
    struct rk_close_session_txn close_session; /* paths.count -1: there is no body */
    struct rk_error_txn error;
    struct rk_multi_txn multi;
};

struct rk_txn {
    struct rk_txn_header header;
    int32_t type; /* == header.type */
    union rk_txn_body body;
    bool has_digest;
    struct rk_txn_digest digest;
};

/* Strings are borrowed from payload, vectors come from the arena; limit_bytes is the longest string
 * or buffer accepted. Fewer than 12 bytes behind the body are no digest, bytes behind a digest are
 * ignored. *ret is untouched on failure:
 * RK_ERR_MALFORMED    header or body end early or hold an impossible length
 * RK_ERR_UNSUPPORTED  a type that is no transaction */
enum rk_err rk_txn_decode(struct rk_bytes payload, struct rk_arena *a, uint32_t limit_bytes,
                          struct rk_txn *ret) RK_MUST_CHECK;

/* The body of one element of a multi, sets type and body; header and digest of *ret are left alone,
 * so the caller fills in the header of the multi and its own type. Errors as above;
 * RK_ERR_UNSUPPORTED also for the types that have no place in a multi. */
enum rk_err rk_txn_decode_body(int32_t type, struct rk_bytes body, struct rk_arena *a,
                               uint32_t limit_bytes, struct rk_txn *ret) RK_MUST_CHECK;

/* Appends the payload. txn must be one that could have been decoded. */
void rk_txn_encode(struct rk_buf *b, const struct rk_txn *txn);
/* Appends the body alone, as the elements of a multi hold it. Looks at type and body only. */
void rk_txn_encode_body(struct rk_buf *b, const struct rk_txn *txn);

/* Whether type is one of those listed at union rk_txn_body. */
bool rk_txn_is_type(int32_t type);

/* One line without its end, the elements of a multi included; takes scratch memory from b's port.
 */
void rk_txn_print(struct rk_buf *b, const struct rk_txn *txn);

#endif
