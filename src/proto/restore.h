/* The stream of a restored database: from who reads the files (store/recover.c) to who builds the
 * state (core/restore.c), neither of whom knows the other. */
#ifndef RK_PROTO_RESTORE_H
#define RK_PROTO_RESTORE_H

#include "base/err.h"
#include "proto/records.h"
#include "proto/txn.h"

/* What recovery feeds; core/restore.c implements this. An error from it ends the candidate
 * (snapshot part) or the recovery (txn). */
struct rk_restore_sink {
    void *ctx;
    /* Forget everything, start from an empty state (no nodes at all). Called before each candidate.
     */
    enum rk_err (*begin)(void *ctx);
    enum rk_err (*session)(void *ctx, rk_session_id id, int32_t timeout_ms);
    enum rk_err (*acl)(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl);
    enum rk_err (*node)(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                        const struct rk_stat_persisted *stat);
    /* The snapshot was read and verified. zxid is the one in its name. */
    enum rk_err (*snapshot_done)(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                 uint64_t digest);
    /* No snapshot at all: the state of a fresh server. */
    enum rk_err (*fresh)(void *ctx);
    enum rk_err (*txn)(void *ctx, const struct rk_txn *txn, struct rk_bytes payload);
};

#endif
