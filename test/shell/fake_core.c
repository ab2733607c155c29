/* The core's functions, as far as the shell uses them; see fake_core.h. */
#include "support/cmocka_all.h"

#include "shell/fake_core.h"

#include <string.h>

struct rk_core *rk_core_create(struct rk_mem *mem, const struct rk_core_config *config)
{
    (void)config;
    struct rk_core *c = rk_mem_zalloc(mem, sizeof(*c));
    assert_non_null(c);
    c->mem = mem;
    c->due_ms = INT64_MAX;
    c->is_drained = true;
    c->is_input_kept = true;
    rk_metrics_init(&c->metrics);
    return c;
}

void rk_core_destroy(struct rk_core *c)
{
    for (uint32_t i = 0; i < c->input_count; i++) {
        rk_buf_deinit(&c->inputs[i].bytes);
    }
    rk_mem_free(c->mem, c, sizeof(*c));
}

void rk_core_start(struct rk_core *c, int64_t now_ms, int64_t wall_ms, struct rk_effects *fx)
{
    (void)c;
    (void)now_ms;
    (void)wall_ms;
    (void)fx;
}

struct fake_input *fake_input(struct rk_core *c, rk_chan_id chan)
{
    for (uint32_t i = 0; i < c->input_count; i++) {
        if (c->inputs[i].chan == chan) {
            return &c->inputs[i];
        }
    }
    assert_true(c->input_count < FAKE_CHANS_MAX);
    struct fake_input *in = &c->inputs[c->input_count];
    c->input_count++;
    in->chan = chan;
    rk_buf_init(&in->bytes, c->mem, 64u << 20);
    return in;
}

static bool is_chan_event(enum rk_event_kind kind)
{
    return kind >= RK_EV_CHAN_ACCEPTED && kind <= RK_EV_CHAN_CLOSED;
}

static void keep_input(struct rk_core *c, const struct rk_event *e)
{
    struct fake_input *in = fake_input(c, e->u.chan.chan);
    in->events++;
    in->total += e->u.chan.bytes.len;
    if (c->is_input_kept) {
        rk_buf_put(&in->bytes, e->u.chan.bytes.data, e->u.chan.bytes.len);
        assert_false(in->bytes.failed);
    }
}

static void record(struct rk_core *c, const struct rk_event *e)
{
    assert_true(c->count < FAKE_EVENTS_MAX);
    struct fake_event *r = &c->events[c->count];
    c->count++;
    memset(r, 0, sizeof(*r));
    r->kind = e->kind;
    r->now_ms = e->now_ms;
    r->conn = e->conn;
    if (is_chan_event(e->kind)) {
        r->chan = e->u.chan.chan;
        r->port = e->u.chan.port;
        if (e->kind != RK_EV_CHAN_BYTES && e->u.chan.bytes.len > 0) {
            assert_true(e->u.chan.bytes.len < sizeof(r->text));
            memcpy(r->text, e->u.chan.bytes.data, e->u.chan.bytes.len);
        }
    } else if (e->kind == RK_EV_LOG_SYNCED) {
        r->zxid = e->u.log_synced.zxid;
    } else if (e->kind == RK_EV_SNAP_DONE) {
        r->zxid = e->u.snap_done.zxid;
        r->is_ok = e->u.snap_done.is_ok;
    } else if (e->kind == RK_EV_TRUNCATED) {
        r->zxid = e->u.truncated.zxid;
        r->is_ok = e->u.truncated.is_ok;
    } else if (e->kind == RK_EV_RELOADED) {
        r->is_ok = e->u.reloaded.is_ok;
    } else if (e->kind == RK_EV_EPOCH_STORED) {
        r->file = e->u.epoch.file;
        r->epoch = e->u.epoch.epoch;
    }
}

void rk_core_step(struct rk_core *c, const struct rk_event *event, struct rk_effects *fx)
{
    if (event->kind == RK_EV_CHAN_BYTES) {
        keep_input(c, event);
    } else {
        record(c, event);
    }
    if (event->kind == RK_EV_TICK) {
        c->due_ms = INT64_MAX;
    }
    if (c->on_event != NULL) {
        c->on_event(c, event, fx);
    }
}

uint32_t fake_count(const struct rk_core *c, enum rk_event_kind kind, rk_chan_id chan)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        count += c->events[i].kind == kind && (chan == 0 || c->events[i].chan == chan) ? 1 : 0;
    }
    return count;
}

const struct fake_event *fake_last(const struct rk_core *c, enum rk_event_kind kind,
                                   rk_chan_id chan)
{
    for (uint32_t i = c->count; i > 0; i--) {
        const struct fake_event *e = &c->events[i - 1];
        if (e->kind == kind && (chan == 0 || e->chan == chan)) {
            return e;
        }
    }
    return NULL;
}

void fake_forget_events(struct rk_core *c)
{
    c->count = 0;
}

int64_t rk_core_next_due(const struct rk_core *c)
{
    return c->due_ms;
}

bool rk_core_is_drained(const struct rk_core *c)
{
    return c->is_drained;
}

rk_zxid rk_core_last_zxid(const struct rk_core *c)
{
    return c->last_zxid;
}

struct rk_metrics *rk_core_metrics(struct rk_core *c)
{
    return &c->metrics;
}

void rk_core_ensemble_report(const struct rk_core *c, struct rk_ensemble_report *ret)
{
    *ret = c->report;
}

/* -- restoring -------------------------------------------------------------------------------- */

static enum rk_err sink_begin(void *ctx)
{
    struct rk_core *c = ctx;
    c->restored_zxid = -1;
    c->restores++;
    return RK_OK;
}

static enum rk_err sink_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    (void)ctx;
    (void)id;
    (void)timeout_ms;
    return RK_OK;
}

static enum rk_err sink_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    (void)ctx;
    (void)acl_id;
    (void)acl;
    return RK_OK;
}

static enum rk_err sink_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    (void)ctx;
    (void)path;
    (void)data;
    (void)acl_id;
    (void)stat;
    return RK_OK;
}

static enum rk_err sink_snapshot_done(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                      uint64_t digest)
{
    (void)has_digest;
    (void)digest_zxid;
    (void)digest;
    struct rk_core *c = ctx;
    c->restored_zxid = zxid;
    return RK_OK;
}

static enum rk_err sink_fresh(void *ctx)
{
    struct rk_core *c = ctx;
    c->restored_zxid = 0;
    return RK_OK;
}

static enum rk_err sink_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    (void)payload;
    struct rk_core *c = ctx;
    c->restored_zxid = txn->header.zxid;
    return RK_OK;
}

struct rk_restore_sink rk_core_restore_sink(struct rk_core *c)
{
    return (struct rk_restore_sink){
        .ctx = c,
        .begin = sink_begin,
        .session = sink_session,
        .acl = sink_acl,
        .node = sink_node,
        .snapshot_done = sink_snapshot_done,
        .fresh = sink_fresh,
        .txn = sink_txn,
    };
}
