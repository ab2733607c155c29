/* Snapshots: a point in time, serialised in slices beside live traffic. The tree emits old images
 * of nodes before they change (tree/tree.h); the shell's writer paces the slices by
 * RK_EV_SNAP_READY. When one is due is decided here, as Apache does (spec-quorum A6), and a
 * snapshot always starts a new log file. */
#include "core/ensemble_int.h"

#define SNAP_OUT_BYTES_MAX ((size_t)1900 << 20)
#define SNAP_SLICE_BYTES   ((size_t)256 << 10)
#define SNAP_STEP_NODES    64u

/* ZK: SyncRequestProcessor.resetSnapshotStats */
static void draw_triggers(struct rk_core *c)
{
    struct snapshot_run *s = &c->snap;
    int64_t half_count = c->config.snap_count / 2;
    int64_t half_size = c->config.snap_size_bytes / 2;
    s->txns = 0;
    s->bytes = 0;
    s->txn_trigger =
        half_count + (half_count > 0 ? (int64_t)rk_prng_below(&c->prng, (uint64_t)half_count) : 0);
    s->byte_trigger = INT64_MAX;
    if (half_size > 0) {
        s->byte_trigger = half_size + (int64_t)rk_prng_below(&c->prng, (uint64_t)half_size);
    }
}

void rk_core_snapshot_count(struct rk_core *c, size_t record_bytes)
{
    struct snapshot_run *s = &c->snap;
    if (s->txn_trigger == 0) {
        draw_triggers(c);
    }
    s->txns++;
    s->bytes += (int64_t)record_bytes;
    if (s->txns > s->txn_trigger || s->bytes > s->byte_trigger) {
        draw_triggers(c);
        rk_fx_push(c->fx, RK_FX_ROLL);
        s->is_wanted = true; /* taken once what is in flight now is applied: see rk_core_step */
    }
}

void rk_core_put_sessions(struct rk_core *c, struct rk_buf *b)
{
    size_t cursor = 0;
    struct rk_session *s = NULL;
    size_t count_at = b->len;
    int32_t count = 0;
    rk_buf_put_i32(b, 0);
    while ((s = rk_sessions_next(c->sessions, &cursor, s)) != NULL) {
        if (s->is_replicated && !RK_BUG(SNAPSHOT_WITHOUT_SESSIONS)) {
            rk_buf_put_i64(b, s->id);
            rk_buf_put_i32(b, s->timeout_ms);
            count++;
        }
    }
    rk_buf_patch_i32(b, count_at, count);
}

void rk_core_snapshot_start(struct rk_core *c)
{
    struct snapshot_run *s = &c->snap;
    struct rk_effect *e;
    if (s->is_active || s->is_waiting) {
        return; /* is_wanted stays: it follows the one under way */
    }
    s->is_wanted = false;
    s->is_active = true;
    s->zxid = c->ens != NULL ? c->ens->applied : c->last_zxid;
    s->digest = c->config.digest ? rk_tree_digest(c->tree) : 0;
    s->has_digest = c->config.digest && !c->restore_fuzzy;
    s->started_ms = c->now_ms;
    s->slices_out = 0;
    if (s->out.mem == NULL) {
        rk_buf_init(&s->out, c->mem, SNAP_OUT_BYTES_MAX);
    }
    rk_buf_reset(&s->out);
    e = rk_fx_push(c->fx, RK_FX_SNAP_BEGIN);
    e->u.log.zxid = s->zxid;
    rk_core_put_sessions(c, &s->out);
    s->walk = rk_tree_snap_begin(c->tree, &s->out);
    rk_fx_note(c->fx, RK_NOTE_SNAPSHOT_STARTED, 0, 0, s->zxid, rk_bytes_str(""));
    rk_core_snapshot_ready(c);
}

/* Hands over what has been written so far. */
static void flush(struct rk_core *c, bool is_slice_end)
{
    struct snapshot_run *s = &c->snap;
    struct rk_effect *e;
    if (s->out.len == 0 && !is_slice_end) {
        return;
    }
    RK_ASSERT(!s->out.failed);
    e = rk_fx_push(c->fx, RK_FX_SNAP_BYTES);
    rk_buf_put(&c->fx->bytes, s->out.data, s->out.len);
    RK_ASSERT(!c->fx->bytes.failed);
    e->len = s->out.len;
    e->u.log.is_slice_end = is_slice_end;
    if (is_slice_end) {
        s->slices_out++;
    }
    if (s->out.cap > 4 * SNAP_SLICE_BYTES) {
        rk_buf_deinit(&s->out);
    }
    rk_buf_reset(&s->out);
}

void rk_core_snapshot_flush(struct rk_core *c)
{
    if (c->snap.is_active && c->snap.out.len > SNAP_SLICE_BYTES) {
        flush(c, false);
    }
}

static void finish(struct rk_core *c)
{
    struct snapshot_run *s = &c->snap;
    struct rk_effect *e;
    rk_tree_snap_end(c->tree, s->walk);
    flush(c, false);
    s->is_active = false;
    s->is_waiting = true;
    e = rk_fx_push(c->fx, RK_FX_SNAP_END);
    e->u.log.zxid = s->zxid;
    e->u.log.digest = s->digest;
    e->u.log.has_digest = s->has_digest;
}

/* The writer took a slice: serialise the next one. */
void rk_core_snapshot_ready(struct rk_core *c)
{
    struct snapshot_run *s = &c->snap;
    uint32_t nodes = 0;
    if (!s->is_active) {
        return;
    }
    if (s->slices_out > 0) {
        s->slices_out--;
    }
    /* Bounded by nodes and by bytes: big nodes make short slices. */
    while (nodes < c->config.snap_slice_nodes && s->out.len < SNAP_SLICE_BYTES) {
        if (rk_tree_snap_step(c->tree, s->walk, SNAP_STEP_NODES)) {
            finish(c);
            return;
        }
        nodes += SNAP_STEP_NODES;
    }
    flush(c, true);
}

void rk_core_snapshot_abort(struct rk_core *c)
{
    struct snapshot_run *s = &c->snap;
    if (!s->is_active) {
        return;
    }
    rk_tree_snap_end(c->tree, s->walk);
    rk_buf_reset(&s->out);
    s->is_active = false;
    s->is_waiting = true;
    rk_fx_push(c->fx, RK_FX_SNAP_ABORT)->u.log.zxid = s->zxid;
}

void rk_core_snapshot_done(struct rk_core *c, rk_zxid zxid, bool is_ok)
{
    struct snapshot_run *s = &c->snap;
    int64_t took_ms = c->now_ms - s->started_ms;
    if (!s->is_active && !s->is_waiting) {
        return; /* a late answer to one given up */
    }
    RK_ASSERT(zxid == s->zxid);
    if (s->is_active) {
        rk_tree_snap_end(c->tree, s->walk);
        rk_buf_reset(&s->out);
        s->is_active = false;
    }
    s->is_waiting = false;
    if (is_ok) {
        c->metrics.snap_count++;
        rk_summary_add(&c->metrics.snapshottime, took_ms < 0 ? 0 : (uint64_t)took_ms);
        rk_fx_note(c->fx, RK_NOTE_SNAPSHOT_DONE, 0, 0, zxid, rk_bytes_str(""));
    } else {
        c->metrics.snapshot_error_count++;
        rk_fx_note(c->fx, RK_NOTE_SNAPSHOT_FAILED, 0, 0, zxid, rk_bytes_str(""));
    }
}

void rk_core_snapshot_deinit(struct rk_core *c)
{
    if (c->snap.is_active) {
        rk_tree_snap_end(c->tree, c->snap.walk);
    }
    if (c->snap.out.mem != NULL) {
        rk_buf_deinit(&c->snap.out);
    }
}
