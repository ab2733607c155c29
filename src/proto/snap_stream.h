/* A snapshot as a SNAP packet's follow-up carries it (spec-quorum C4.4): sessions, ACL map, nodes
 * and the final "/" as in a snapshot file, without header, seals, digest or compression, then the
 * string "BenWasHere". Bytes are pushed as they come, in any pieces; records go to the sink as soon
 * as they are whole. Holds at most one unfinished record, which is bounded. */
#ifndef RK_PROTO_SNAP_STREAM_H
#define RK_PROTO_SNAP_STREAM_H

#include "base/arena.h"
#include "proto/peer.h"
#include "proto/restore.h"

struct rk_snap_push;

/* sink: its session, acl and node are called; begin, snapshot_done, fresh and txn are not.
 * record_bytes_max: longest string, buffer or ACL accepted. NULL without memory. */
struct rk_snap_push *rk_snap_push_create(struct rk_mem *mem, const struct rk_restore_sink *sink,
                                         uint32_t record_bytes_max);
void rk_snap_push_destroy(struct rk_snap_push *s); /* accepts NULL */
/* OK: the signature was read, *ret_used says how many of in's bytes belonged to the stream; MORE:
 * all of in was taken; BAD: *ret_why (static) tells. */
enum rk_parse rk_snap_push_bytes(struct rk_snap_push *s, struct rk_bytes in, size_t *ret_used,
                                 const char **ret_why);
uint64_t rk_snap_push_nodes(const struct rk_snap_push *s); /* so far */

#endif
