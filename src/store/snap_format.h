/* The bytes of a snapshot (spec-quorum A4): a reader that pulls from a stream, whatever its length,
 * and the fixed parts for the writer. */
#ifndef RK_STORE_SNAP_FORMAT_H
#define RK_STORE_SNAP_FORMAT_H

#include "base/bytes.h"
#include "proto/restore.h"

#define RK_SNAP_HEADER_BYTES 16u
#define RK_SNAP_SEAL_BYTES   13u
#define RK_SNAP_DIGEST_BYTES 20u
#define RK_SNAP_LAST_BYTES   8u
#define RK_SNAP_TAIL_BYTES   5u /* of a plain file: the terminator of the last seal */

extern const uint8_t rk_snap_tail[RK_SNAP_TAIL_BYTES];

/* Where plain bytes come from. *ret_got 0 is the end; it may give fewer than asked for before that.
 */
struct rk_snap_source {
    enum rk_err (*read)(void *ctx, uint8_t *out, size_t cap, size_t *ret_got);
    void *ctx;
};

struct rk_snap_info {
    uint64_t session_count;
    uint64_t acl_count;
    uint64_t node_count;
    uint64_t plain_bytes;
    bool has_digest; /* and it says something: a fresh server writes zeros */
    rk_zxid digest_zxid;
    uint64_t digest;
    bool has_last_zxid;
    rk_zxid last_zxid;
};

/* Reads a whole snapshot and checks its seals. limit_bytes: longest string, buffer or ACL accepted.
 * sink may be NULL (only check); its begin and snapshot_done are the caller's to call.
 * RK_ERR_CORRUPT with *ret_why (static) if it is no good snapshot; errors of source and sink as
 * they come, with *ret_why "". */
enum rk_err rk_snap_parse(struct rk_mem *mem, const struct rk_snap_source *source,
                          uint32_t limit_bytes, const struct rk_restore_sink *sink,
                          struct rk_snap_info *ret, const char **ret_why) RK_MUST_CHECK;

void rk_snap_put_header(uint8_t out[RK_SNAP_HEADER_BYTES]);
/* adler: over every plain byte before the seal. */
void rk_snap_put_seal(uint8_t out[RK_SNAP_SEAL_BYTES], uint32_t adler);
void rk_snap_put_digest(uint8_t out[RK_SNAP_DIGEST_BYTES], rk_zxid zxid, uint64_t digest);

#endif
