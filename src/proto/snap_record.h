/* The records of a serialised database (spec-quorum A4.1), as snapshot files and SNAP streams hold
 * them: sessions, ACL map, nodes. Looked at in place; nothing is allocated but what a decoded ACL
 * takes from an arena. */
#ifndef RK_PROTO_SNAP_RECORD_H
#define RK_PROTO_SNAP_RECORD_H

#include "base/arena.h"
#include "proto/peer.h"

#define RK_SNAP_COUNT_BYTES   4u
#define RK_SNAP_SESSION_BYTES 12u

/* What a record can be long, when strings, buffers and ACLs may have limit bytes: a node, which has
 * a path and data. */
#define RK_SNAP_RECORD_BYTES_MAX(limit) (2u * (size_t)(limit) + 76u)

struct rk_snap_node {
    bool is_last; /* the terminator, the path "/": nothing else is valid */
    struct rk_bytes path;
    struct rk_bytes data;
    int64_t acl_id;
    struct rk_stat_persisted stat;
};

/* The node at in[0..len). OK: *ret is filled, borrowed from in. *ret_bytes: OK: how long the record
 * is; MORE: how many bytes have to be there before another try can tell more, which is at most
 * three times per record. BAD: *ret_why, static. */
enum rk_parse rk_snap_node_parse(const uint8_t *in, size_t len, uint32_t limit,
                                 struct rk_snap_node *ret, size_t *ret_bytes, const char **ret_why);

/* How far an entry of the ACL map was looked through; all zero to begin one. */
struct rk_snap_acl_scan {
    size_t at;
    int32_t left; /* ACLs behind at */
};

/* Finds the end of the entry at in[0..len), going on where the last call with the same scan
 * stopped, so that no byte is looked at more than a few times. *ret_bytes and *ret_why as above. */
enum rk_parse rk_snap_acl_find(struct rk_snap_acl_scan *scan, const uint8_t *in, size_t len,
                               uint32_t limit, size_t *ret_bytes, const char **ret_why);
/* Decodes an entry whose end was found. Strings are borrowed from entry. */
void rk_snap_acl_read(struct rk_bytes entry, uint32_t limit, struct rk_arena *a, int64_t *ret_id,
                      struct rk_vec_acl *ret);

#endif
