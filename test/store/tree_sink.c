/* Builds a tree from what recovery feeds and compares the digest of every transaction that has one.
 */
#include "tree_sink.h"

#include <zlib.h>

static uint32_t zlib_crc32(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

static struct rk_tree_config config(void)
{
    return (struct rk_tree_config){
        .seed = 11, .extended_types = true, .digest = true, .crc32 = zlib_crc32};
}

void tree_sink_open(struct tree_sink *s, struct rk_mem *mem)
{
    *s = (struct tree_sink){.mem = mem};
    rk_arena_init(&s->arena, mem);
}

void tree_sink_close(struct tree_sink *s)
{
    rk_tree_destroy(s->tree);
    rk_arena_deinit(&s->arena);
}

static enum rk_err sink_begin(void *ctx)
{
    struct tree_sink *s = ctx;
    struct rk_tree_config c = config();
    rk_tree_destroy(s->tree);
    s->tree = rk_tree_create_empty(s->mem, &c);
    s->sessions = s->digests = s->mismatches = s->txns = 0;
    return s->tree != NULL ? RK_OK : RK_ERR_NOMEM;
}

static enum rk_err sink_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct tree_sink *s = ctx;
    s->sessions += id != 0 && timeout_ms > 0;
    return RK_OK;
}

static enum rk_err sink_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    struct tree_sink *s = ctx;
    return rk_tree_load_acl(s->tree, acl_id, acl);
}

static enum rk_err sink_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct tree_sink *s = ctx;
    return rk_tree_load_node(s->tree, path, data, acl_id, stat);
}

static enum rk_err sink_snapshot_done(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                      uint64_t digest)
{
    struct tree_sink *s = ctx;
    enum rk_err err = rk_tree_load_done(s->tree);
    if (err == RK_OK && has_digest && digest_zxid == zxid) {
        s->digests++;
        s->mismatches += rk_tree_digest(s->tree) != digest;
    }
    return err;
}

static enum rk_err sink_fresh(void *ctx)
{
    struct tree_sink *s = ctx;
    struct rk_tree_config c = config();
    rk_tree_destroy(s->tree);
    s->tree = rk_tree_create(s->mem, &c);
    return s->tree != NULL ? RK_OK : RK_ERR_NOMEM;
}

static enum rk_err sink_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    struct tree_sink *s = ctx;
    struct rk_tree_outcome out;
    (void)payload; /* the tree wants it decoded */
    rk_arena_reset(&s->arena);
    rk_tree_apply(s->tree, txn, &s->arena, &out);
    s->txns++;
    s->digests += txn->has_digest;
    s->mismatches += out.digest_mismatch;
    if (txn->type == RK_OP_CREATE_SESSION) {
        s->sessions++;
    } else if (txn->type == RK_OP_CLOSE_SESSION) {
        s->sessions--;
    }
    return RK_OK;
}

struct rk_restore_sink tree_sink_port(struct tree_sink *s)
{
    return (struct rk_restore_sink){s,         sink_begin,         sink_session, sink_acl,
                                    sink_node, sink_snapshot_done, sink_fresh,   sink_txn};
}
