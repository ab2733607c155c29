/* Building the state from disk: the receiving end of proto/restore.h. */
#include "core/ensemble_int.h"

#include <string.h>

static struct rk_tree_config tree_config(const struct rk_core *c)
{
    struct rk_tree_config t;
    memset(&t, 0, sizeof(t));
    t.seed = c->config.seed;
    t.extended_types = c->config.extended_types;
    t.emulate_353_ttl = c->config.emulate_353_ttl;
    t.digest = c->config.digest;
    t.crc32 = c->config.crc32;
    return t;
}

static enum rk_err replace(struct rk_core *c, bool fresh)
{
    struct rk_tree_config t = tree_config(c);
    rk_tree_destroy(c->tree);
    rk_sessions_destroy(c->sessions);
    c->tree = fresh ? rk_tree_create(c->mem, &t) : rk_tree_create_empty(c->mem, &t);
    c->sessions = rk_sessions_create(c->mem, c->config.seed, c->config.tick_ms);
    c->last_zxid = 0;
    c->replayed_txns = 0;
    c->was_fresh = fresh;
    c->restore_fuzzy = false;
    return c->tree == NULL || c->sessions == NULL ? RK_ERR_NOMEM : RK_OK;
}

static enum rk_err on_begin(void *ctx)
{
    return replace(ctx, false);
}

static void begin_history(struct rk_core *c)
{
    if (c->ens != NULL) {
        rk_history_clear(&c->ens->history, c->last_zxid);
    }
}

static enum rk_err on_fresh(void *ctx)
{
    enum rk_err err = replace(ctx, true);
    begin_history(ctx);
    return err;
}

static enum rk_err load_session(struct rk_sessions *sessions, rk_session_id id, int32_t timeout_ms)
{
    if (id == 0 || rk_session_find(sessions, id) != NULL) {
        return RK_ERR_CORRUPT;
    }
    rk_session_add(sessions, id, timeout_ms)->is_replicated = true;
    return RK_OK;
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct rk_core *c = ctx;
    return load_session(c->sessions, id, timeout_ms);
}

static enum rk_err on_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    struct rk_core *c = ctx;
    return rk_tree_load_acl(c->tree, acl_id, acl);
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct rk_core *c = ctx;
    return rk_tree_load_node(c->tree, path, data, acl_id, stat);
}

/* ZK: DataTree.compareSnapshotDigests: a fuzzy snapshot's digest is compared once replay reaches
 * it. */
static enum rk_err on_snapshot_done(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                    uint64_t digest)
{
    struct rk_core *c = ctx;
    enum rk_err err = rk_tree_load_done(c->tree);
    if (err != RK_OK) {
        return err;
    }
    c->last_zxid = zxid;
    begin_history(c);
    c->restore_fuzzy = has_digest && digest_zxid > zxid;
    c->restore_digest_zxid = digest_zxid;
    if (has_digest && c->config.digest && digest_zxid == zxid && zxid != 0 &&
        digest != rk_tree_digest(c->tree)) {
        c->metrics.digest_mismatches_count++;
    }
    return RK_OK;
}

static void replay_session(struct rk_core *c, const struct rk_txn *txn)
{
    struct rk_session *s = rk_session_find(c->sessions, txn->header.client_id);
    if (txn->type == RK_OP_CREATE_SESSION) {
        if (s == NULL && txn->header.client_id != 0) {
            s = rk_session_add(c->sessions, txn->header.client_id,
                               txn->body.create_session.time_out);
        }
        if (s != NULL) {
            s->timeout_ms = txn->body.create_session.time_out;
            s->is_replicated = true;
        }
    } else if (s != NULL) {
        rk_session_remove(c->sessions, s);
    }
}

static enum rk_err on_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    struct rk_core *c = ctx;
    struct rk_tree_outcome out;
    rk_tree_apply(c->tree, txn, &c->apply_arena, &out);
    if (txn->type == RK_OP_CREATE_SESSION || txn->type == RK_OP_CLOSE_SESSION) {
        replay_session(c, txn);
    }
    if (out.digest_mismatch && !c->restore_fuzzy) {
        c->metrics.digest_mismatches_count++;
    }
    if (c->restore_fuzzy && txn->header.zxid >= c->restore_digest_zxid) {
        c->restore_fuzzy = false;
    }
    c->last_zxid = txn->header.zxid;
    c->replayed_txns++;
    if (c->ens != NULL) {
        rk_history_add_copy(&c->ens->history, txn->header.zxid, payload);
    }
    rk_arena_reset(&c->apply_arena);
    return RK_OK;
}

struct rk_restore_sink rk_core_restore_sink(struct rk_core *c)
{
    struct rk_restore_sink sink;
    memset(&sink, 0, sizeof(sink));
    RK_ASSERT(!c->is_started || (c->ens != NULL && c->ens->is_reloading));
    sink.ctx = c;
    sink.begin = on_begin;
    sink.session = on_session;
    sink.acl = on_acl;
    sink.node = on_node;
    sink.snapshot_done = on_snapshot_done;
    sink.fresh = on_fresh;
    sink.txn = on_txn;
    return sink;
}

/* -- a database beside the live one (a leader's SNAP) -------------------------------------------
 */

static enum rk_err on_side_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct rk_restored *r = ctx;
    return load_session(r->sessions, id, timeout_ms);
}

static enum rk_err on_side_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    struct rk_restored *r = ctx;
    return rk_tree_load_acl(r->tree, acl_id, acl);
}

static enum rk_err on_side_node(void *ctx, struct rk_bytes path, struct rk_bytes data,
                                int64_t acl_id, const struct rk_stat_persisted *stat)
{
    struct rk_restored *r = ctx;
    return rk_tree_load_node(r->tree, path, data, acl_id, stat);
}

struct rk_restored *rk_restored_create(struct rk_core *c)
{
    struct rk_tree_config t = tree_config(c);
    struct rk_restored *r = rk_mem_zalloc(c->mem, sizeof(*r));
    if (r == NULL) {
        return NULL;
    }
    r->core = c;
    r->tree = rk_tree_create_empty(c->mem, &t);
    r->sessions = rk_sessions_create(c->mem, c->config.seed, c->config.tick_ms);
    if (r->tree == NULL || r->sessions == NULL) {
        rk_restored_destroy(r);
        return NULL;
    }
    return r;
}

void rk_restored_destroy(struct rk_restored *r)
{
    if (r != NULL) {
        rk_tree_destroy(r->tree);
        rk_sessions_destroy(r->sessions);
        rk_mem_free(r->core->mem, r, sizeof(*r));
    }
}

struct rk_restore_sink rk_restored_sink(struct rk_restored *r)
{
    struct rk_restore_sink sink;
    memset(&sink, 0, sizeof(sink));
    sink.ctx = r;
    sink.session = on_side_session;
    sink.acl = on_side_acl;
    sink.node = on_side_node;
    return sink;
}

enum rk_err rk_restored_take(struct rk_restored *r, rk_zxid zxid)
{
    struct rk_core *c = r->core;
    enum rk_err err = rk_tree_load_done(r->tree);
    if (err == RK_OK) {
        rk_tree_destroy(c->tree);
        rk_sessions_destroy(c->sessions);
        c->tree = r->tree;
        c->sessions = r->sessions;
        r->tree = NULL;
        r->sessions = NULL;
        c->last_zxid = zxid;
        /* An Apache leader changes its tree while it sends it: digests count again once one is
         * right. */
        c->restore_fuzzy = true;
        c->restore_digest_zxid = INT64_MAX;
    }
    rk_restored_destroy(r);
    return err;
}
