/* The shell and the network of the trio. */
#include "trio.h"
#include "rig.h"

#include "proto/snap_stream.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_MAX ((size_t)1 << 28)

struct trio_event {
    struct trio_event *next;
    uint32_t node, generation;
    struct rk_event event;
    struct rk_buf bytes;
};

static struct rk_mem trio_mem;

static struct trio_event *post(struct trio *t, uint32_t node, enum rk_event_kind kind)
{
    struct trio_event *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    rk_buf_init(&e->bytes, &trio_mem, BUF_MAX);
    e->node = node;
    e->generation = t->nodes[node].generation;
    e->event.kind = kind;
    if (t->last == NULL) {
        t->first = e;
    } else {
        t->last->next = e;
    }
    t->last = e;
    return e;
}

/* -- wires ------------------------------------------------------------------------------------- */

static struct trio_wire *wire_of(struct trio *t, uint32_t node, rk_chan_id id)
{
    for (uint32_t i = 0; i < TRIO_WIRES; i++) {
        struct trio_wire *w = &t->wires[i];
        if (w->is_open &&
            ((w->from == node && w->from_id == id) || (w->to == node && w->to_id == id))) {
            return w;
        }
    }
    return NULL;
}

static void post_closed(struct trio *t, uint32_t node, rk_chan_id id)
{
    struct trio_event *e = post(t, node, RK_EV_CHAN_CLOSED);
    e->event.u.chan.chan = id;
}

static void cut_wire(struct trio *t, struct trio_wire *w)
{
    w->is_open = false;
    post_closed(t, w->from, w->from_id);
    post_closed(t, w->to, w->to_id);
}

static void dial(struct trio *t, uint32_t from, const struct rk_effect *fx)
{
    uint32_t to = (uint32_t)(fx->u.chan.number % 100) - 1;
    struct trio_wire *w = NULL;
    struct trio_event *e;
    assert_true(to < t->count);
    if (!t->nodes[to].is_up || t->nodes[to].is_cut || t->nodes[from].is_cut) {
        post_closed(t, from, fx->u.chan.chan);
        return;
    }
    for (uint32_t i = 0; i < TRIO_WIRES && w == NULL; i++) {
        w = t->wires[i].is_open ? NULL : &t->wires[i];
    }
    assert_non_null(w);
    t->next_id++;
    *w = (struct trio_wire){
        .is_open = true, .from = from, .to = to, .from_id = fx->u.chan.chan, .to_id = t->next_id};
    e = post(t, to, RK_EV_CHAN_ACCEPTED);
    e->event.u.chan.chan = w->to_id;
    e->event.u.chan.port = fx->u.chan.port;
    rk_buf_put(&e->bytes, "127.0.0.1", 9);
    e = post(t, from, RK_EV_CHAN_CONNECTED);
    e->event.u.chan.chan = w->from_id;
}

static void send_bytes(struct trio *t, uint32_t node, rk_chan_id id, struct rk_bytes bytes)
{
    struct trio_wire *w = wire_of(t, node, id);
    struct trio_event *e;
    bool is_from = w != NULL && w->from == node && w->from_id == id;
    if (w == NULL) {
        return;
    }
    e = post(t, is_from ? w->to : w->from, RK_EV_CHAN_BYTES);
    e->event.u.chan.chan = is_from ? w->to_id : w->from_id;
    rk_buf_put(&e->bytes, bytes.data, bytes.len);
}

/* -- disk -------------------------------------------------------------------------------------- */

static void append(struct trio_node *n, rk_zxid zxid, struct rk_bytes bytes)
{
    struct trio_record *r;
    if (n->log_count == n->log_cap) {
        n->log_cap = n->log_cap == 0 ? 64 : n->log_cap * 2;
        n->log = realloc(n->log, n->log_cap * sizeof(*n->log));
        assert_non_null(n->log);
    }
    assert_true(n->log_count == 0 || zxid > n->log[n->log_count - 1].zxid);
    r = &n->log[n->log_count++];
    r->zxid = zxid;
    r->len = bytes.len;
    r->bytes = malloc(bytes.len + 1u);
    assert_non_null(r->bytes);
    memcpy(r->bytes, bytes.data, bytes.len);
}

static void cut_log(struct trio_node *n, rk_zxid zxid)
{
    while (n->log_count > 0 && n->log[n->log_count - 1].zxid > zxid) {
        n->log_count--;
        free(n->log[n->log_count].bytes);
    }
    if (n->log_durable > n->log_count) {
        n->log_durable = n->log_count;
    }
    if (n->has_snapshot && n->snapshot_zxid > zxid) {
        n->has_snapshot = false;
    }
}

static void sync_log(struct trio *t, uint32_t node)
{
    struct trio_node *n = &t->nodes[node];
    if (!n->holds_syncs && n->log_durable < n->log_count) {
        n->log_durable = n->log_count;
        post(t, node, RK_EV_LOG_SYNCED)->event.u.log_synced.zxid = n->log[n->log_count - 1].zxid;
    }
}

static void recover(struct trio_node *n)
{
    struct rk_restore_sink sink = rk_core_restore_sink(n->core);
    struct rk_arena arena;
    rk_zxid base = 0;
    rk_arena_init(&arena, &n->mem);
    if (n->has_snapshot) {
        struct rk_snap_push *push;
        size_t used = 0;
        const char *why = "";
        assert_int_equal(sink.begin(sink.ctx), RK_OK);
        push = rk_snap_push_create(&n->mem, &sink, 1 << 20);
        assert_int_equal(rk_snap_push_bytes(push, rk_buf_view(&n->snapshot), &used, &why),
                         RK_PARSE_OK);
        rk_snap_push_destroy(push);
        base = n->snapshot_zxid;
        assert_int_equal(sink.snapshot_done(sink.ctx, base, false, 0, 0), RK_OK);
    } else {
        assert_int_equal(sink.fresh(sink.ctx), RK_OK);
    }
    for (uint32_t i = 0; i < n->log_durable; i++) {
        struct rk_txn txn;
        struct rk_bytes payload = rk_bytes_of(n->log[i].bytes, n->log[i].len);
        if (n->log[i].zxid > base) {
            assert_int_equal(rk_txn_decode(payload, &arena, 1 << 20, &txn), RK_OK);
            assert_int_equal(sink.txn(sink.ctx, &txn, payload), RK_OK);
        }
    }
    rk_arena_deinit(&arena);
}

static void run_snap(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct trio_node *n = &t->nodes[node];
    struct rk_bytes bytes = rk_effects_bytes(&n->fx, fx);
    struct trio_event *e;
    switch (fx->kind) {
    case RK_FX_SNAP_BEGIN:
        rk_buf_reset(&n->snap_part);
        n->snap_part_zxid = fx->u.log.zxid;
        break;
    case RK_FX_SNAP_BYTES:
        rk_buf_put(&n->snap_part, bytes.data, bytes.len);
        if (fx->u.log.is_slice_end) {
            post(t, node, RK_EV_SNAP_READY);
        }
        break;
    case RK_FX_SNAP_END:
        rk_buf_reset(&n->snapshot);
        rk_buf_put(&n->snapshot, n->snap_part.data, n->snap_part.len);
        rk_buf_put_bytes(&n->snapshot, rk_bytes_str("/"));
        rk_buf_put_bytes(&n->snapshot, rk_bytes_str(RK_SNAP_SIGNATURE));
        n->snapshot_zxid = n->snap_part_zxid;
        n->has_snapshot = true;
        break;
    default:
        break;
    }
    if (fx->kind == RK_FX_SNAP_END || fx->kind == RK_FX_SNAP_ABORT) {
        e = post(t, node, RK_EV_SNAP_DONE);
        e->event.u.snap_done.zxid = n->snap_part_zxid;
        e->event.u.snap_done.is_ok = fx->kind == RK_FX_SNAP_END;
    }
}

/* The whole range at once, two records a slice. */
static void read_log(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct trio_node *n = &t->nodes[node];
    struct trio_event *e = post(t, node, RK_EV_LOG_SLICE);
    uint32_t at = fx->u.read.is_first ? 0 : n->read_at;
    e->event.u.slice.reader = fx->u.read.reader;
    while (at < n->log_count && n->log[at].zxid < fx->u.read.from) {
        e->event.u.slice.before = n->log[at].zxid;
        at++;
    }
    e->event.u.slice.is_ok =
        !n->has_no_log && at < n->log_count && (n->log[at].zxid == fx->u.read.from || at > 0);
    for (uint32_t i = 0; e->event.u.slice.is_ok && i < 2 && !e->event.u.slice.is_last; i++) {
        assert_true(at < n->log_durable);
        rk_buf_put_i64(&e->bytes, n->log[at].zxid);
        rk_buf_put_bytes(&e->bytes, rk_bytes_of(n->log[at].bytes, n->log[at].len));
        e->event.u.slice.is_last = n->log[at].zxid == fx->u.read.to;
        at++;
    }
    n->read_at = at;
    n->reads++;
}

static void run_disk(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct trio_node *n = &t->nodes[node];
    struct trio_event *e;
    switch (fx->kind) {
    case RK_FX_APPEND:
        append(n, fx->u.log.zxid, rk_effects_bytes(&n->fx, fx));
        break;
    case RK_FX_EPOCH:
        n->log_durable = n->log_count;
        if (fx->u.epoch.file == RK_EPOCH_ACCEPTED) {
            n->accepted = fx->u.epoch.epoch;
        } else {
            n->current = fx->u.epoch.epoch;
        }
        if (n->log_count > 0) {
            post(t, node, RK_EV_LOG_SYNCED)->event.u.log_synced.zxid =
                n->log[n->log_count - 1].zxid;
        }
        e = post(t, node, RK_EV_EPOCH_STORED);
        e->event.u.epoch.file = fx->u.epoch.file;
        e->event.u.epoch.epoch = fx->u.epoch.epoch;
        break;
    case RK_FX_TRUNCATE:
        if (fx->u.log.cut == RK_CUT_BEHIND) {
            n->cuts++;
            cut_log(n, fx->u.log.zxid);
        } else if (fx->u.log.cut == RK_CUT_REPLACED) {
            while (n->log_count > 0) {
                n->log_count--;
                free(n->log[n->log_count].bytes);
            }
            n->log_durable = 0;
        }
        e = post(t, node, RK_EV_TRUNCATED);
        e->event.u.truncated.zxid = fx->u.log.zxid;
        e->event.u.truncated.is_ok = true;
        break;
    case RK_FX_LOG_READ:
        read_log(t, node, fx);
        break;
    case RK_FX_LOG_READ_END:
        break;
    case RK_FX_RELOAD:
        post(t, node, RK_EV_RELOADED)->event.u.reloaded.is_ok = true;
        break;
    default:
        run_snap(t, node, fx);
        break;
    }
}

/* -- effects ----------------------------------------------------------------------------------- */

static const char *const note_names[] = {
#define NOTE_NAME(name, level, text) #name,
    RK_NOTE_TABLE(NOTE_NAME)
#undef NOTE_NAME
};

static void run_note(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct rk_bytes text = rk_effects_bytes(&t->nodes[node].fx, fx);
    t->nodes[node].notes[fx->u.note.note]++;
    if (fx->u.note.note == RK_NOTE_WAITING) {
        assert_true(text.len < sizeof(t->nodes[node].waiting));
        memcpy(t->nodes[node].waiting, text.data, text.len);
        t->nodes[node].waiting[text.len] = '\0';
    }
    if (t->is_loud) {
        (void)printf("%8lld sid %u %s number=%llx session=%llx %.*s\n", (long long)t->now_ms,
                     node + 1, note_names[fx->u.note.note], (unsigned long long)fx->u.note.number,
                     (unsigned long long)fx->u.note.session, (int)text.len,
                     (const char *)text.data);
    }
}

static void run_chan(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct trio_node *n = &t->nodes[node];
    struct trio_wire *w;
    switch (fx->kind) {
    case RK_FX_CHAN_DIAL:
        dial(t, node, fx);
        break;
    case RK_FX_CHAN_SEND:
        send_bytes(t, node, fx->u.chan.chan, rk_effects_bytes(&n->fx, fx));
        break;
    case RK_FX_CHAN_SEND_MANY:
        for (uint32_t i = 0; i < fx->u.many.count; i++) {
            send_bytes(t, node, n->fx.conns[fx->u.many.first + i], rk_effects_bytes(&n->fx, fx));
        }
        break;
    case RK_FX_CHAN_MARK:
        post(t, node, RK_EV_CHAN_FLUSHED)->event.u.chan.chan = fx->u.chan.chan;
        break;
    case RK_FX_CHAN_CLOSE:
        w = wire_of(t, node, fx->u.chan.chan);
        if (w != NULL) {
            cut_wire(t, w);
        }
        break;
    default:
        break; /* PAUSE, RESUME: bytes come all the same, which must not hurt */
    }
}

static void run_client(struct trio *t, uint32_t node, const struct rk_effect *fx)
{
    struct trio_node *n = &t->nodes[node];
    struct trio_inbox *in = &n->in[fx->conn & 0xff];
    struct rk_bytes bytes;
    if (fx->kind == RK_FX_SEND) {
        bytes = rk_effects_bytes(&n->fx, fx);
        assert_true(in->is_open);
        rk_buf_put(&in->bytes, bytes.data, bytes.len);
    } else if (fx->kind == RK_FX_CLOSE) {
        in->is_closed = true;
        post(t, node, RK_EV_CONN_CLOSED)->event.conn = fx->conn;
    }
}

static void carry_out(struct trio *t, uint32_t node)
{
    struct trio_node *n = &t->nodes[node];
    for (size_t i = 0; i < n->fx.count; i++) {
        const struct rk_effect *fx = &n->fx.items[i];
        if (fx->kind == RK_FX_NOTE) {
            run_note(t, node, fx);
        } else if (fx->kind == RK_FX_FATAL) {
            n->fatal = fx->u.status;
        } else if (fx->kind >= RK_FX_CHAN_DIAL && fx->kind <= RK_FX_CHAN_CLOSE) {
            run_chan(t, node, fx);
        } else if (fx->kind <= RK_FX_RESUME) {
            run_client(t, node, fx);
        } else if (fx->kind != RK_FX_ROLL) {
            run_disk(t, node, fx);
        }
    }
    rk_effects_reset(&n->fx);
    sync_log(t, node);
}

static void step(struct trio *t, uint32_t node, struct rk_event *event)
{
    struct trio_node *n = &t->nodes[node];
    event->now_ms = t->now_ms;
    event->wall_ms = 1700000000000 + t->now_ms;
    if (event->kind == RK_EV_RELOADED) {
        recover(n);
    }
    rk_core_step(n->core, event, &n->fx);
    rk_core_check(n->core);
    carry_out(t, node);
}

static void deliver_one(struct trio *t)
{
    struct trio_event *e = t->first;
    struct trio_node *n = &t->nodes[e->node];
    t->first = e->next;
    t->last = t->first == NULL ? NULL : t->last;
    if (n->is_up && n->generation == e->generation) {
        if (e->event.kind == RK_EV_CHAN_BYTES || e->event.kind == RK_EV_CHAN_ACCEPTED) {
            e->event.u.chan.bytes = rk_buf_view(&e->bytes);
        } else if (e->event.kind == RK_EV_LOG_SLICE) {
            e->event.u.slice.bytes = rk_buf_view(&e->bytes);
        } else if (e->event.kind == RK_EV_CONN_CLOSED) {
            n->in[e->event.conn & 0xff].is_open = false;
        }
        step(t, e->node, &e->event);
    }
    rk_buf_deinit(&e->bytes);
    free(e);
}

static void deliver_all(struct trio *t)
{
    uint32_t budget = 2000000;
    while (t->first != NULL) {
        assert_true(budget-- > 0); /* something goes round for ever */
        deliver_one(t);
    }
}

/* -- life -------------------------------------------------------------------------------------- */

static void configure(struct trio *t, uint32_t node, uint32_t observers)
{
    struct trio_node *n = &t->nodes[node];
    struct rk_ensemble_config *g = &n->ensemble;
    const char *why = "";
    rig_config(&n->config);
    n->config.server_id = (uint8_t)(node + 1);
    n->config.tick_ms = 100;
    n->config.min_session_timeout_ms = 400;
    n->config.seed = node + 7;
    g->my_sid = node + 1;
    rk_members_init(&g->members);
    for (uint32_t i = 0; i < t->count; i++) {
        struct rk_member m;
        char text[128];
        (void)snprintf(text, sizeof(text), "127.0.0.1:%u:%u:%s", 2001 + i, 3001 + i,
                       i + observers >= t->count ? "observer" : "participant");
        assert_int_equal(rk_member_parse(i + 1, rk_bytes_str(text), &m, &why), RK_OK);
        assert_int_equal(rk_members_add(&g->members, &m), RK_OK);
    }
    assert_int_equal(rk_members_finish(&g->members, &why), RK_OK);
    g->init_limit = 10;
    g->sync_limit = 5;
    g->cnx_timeout_ms = 1000;
    g->connect_retry_ms = 20;
    g->election_min_ms = 200;
    g->election_max_ms = 1000;
    g->election_finalize_ms = 200;
    g->epoch_wait_ms = 400;
    g->commit_log_count = 20;
    g->history_bytes_max = 1 << 20;
    g->history_pin_bytes_max = 1 << 24;
    g->max_concurrent_snap_syncs = 10;
    g->max_concurrent_diff_syncs = 100;
    g->leader_serves = true;
    g->may_initialize = true;
    n->config.ensemble = g;
}

void trio_init(struct trio *t, uint32_t count, uint32_t observers)
{
    memset(t, 0, sizeof(*t));
    rk_mem_libc_init(&trio_mem, 0);
    t->count = count;
    t->now_ms = 100000;
    t->is_loud = getenv("TRIO_LOUD") != NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct trio_node *n = &t->nodes[i];
        rk_mem_libc_init(&n->mem, 0);
        rk_buf_init(&n->snapshot, &trio_mem, BUF_MAX);
        rk_buf_init(&n->snap_part, &trio_mem, BUF_MAX);
        for (uint32_t k = 0; k < TRIO_CONNS; k++) {
            rk_buf_init(&n->in[k].bytes, &trio_mem, BUF_MAX);
        }
        configure(t, i, observers);
    }
}

void trio_start(struct trio *t, uint32_t node)
{
    struct trio_node *n = &t->nodes[node];
    assert_false(n->is_up);
    n->is_up = true;
    n->generation++;
    n->config.clock_ms = t->now_ms;
    rk_effects_init(&n->fx, &n->mem);
    n->core = rk_core_create(&n->mem, &n->config);
    assert_non_null(n->core);
    recover(n);
    if (n->current == 0 && n->log_durable > 0) {
        n->current = RK_ZXID_EPOCH(n->log[n->log_durable - 1].zxid);
    }
    rk_core_set_epochs(n->core, n->accepted, n->current, n->log_durable == 0 && !n->has_snapshot);
    rk_core_start(n->core, t->now_ms, 1700000000000 + t->now_ms, &n->fx);
    carry_out(t, node);
}

void trio_kill(struct trio *t, uint32_t node)
{
    struct trio_node *n = &t->nodes[node];
    assert_true(n->is_up);
    n->is_up = false;
    n->generation++;
    for (uint32_t i = 0; i < TRIO_WIRES; i++) {
        if (t->wires[i].is_open && (t->wires[i].from == node || t->wires[i].to == node)) {
            cut_wire(t, &t->wires[i]);
        }
    }
    while (n->log_count > n->log_durable) {
        n->log_count--;
        free(n->log[n->log_count].bytes);
    }
    for (uint32_t k = 0; k < TRIO_CONNS; k++) {
        rk_buf_reset(&n->in[k].bytes);
        n->in[k].at = 0;
        n->in[k].is_open = false;
        n->in[k].is_closed = false;
    }
    rk_core_destroy(n->core);
    rk_effects_deinit(&n->fx);
    assert_int_equal(n->mem.used_bytes, 0);
}

void trio_deinit(struct trio *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct trio_node *n = &t->nodes[i];
        if (n->is_up) {
            trio_kill(t, i);
        }
        cut_log(n, INT64_MIN);
        free(n->log);
        rk_buf_deinit(&n->snapshot);
        rk_buf_deinit(&n->snap_part);
        for (uint32_t k = 0; k < TRIO_CONNS; k++) {
            rk_buf_deinit(&n->in[k].bytes);
        }
    }
    deliver_all(t);
    assert_int_equal(trio_mem.used_bytes, 0);
}

void trio_wipe(struct trio *t, uint32_t node)
{
    struct trio_node *n = &t->nodes[node];
    assert_false(n->is_up);
    cut_log(n, INT64_MIN);
    n->has_snapshot = false;
    n->accepted = 0;
    n->current = 0;
}

void trio_cut(struct trio *t, uint32_t node, bool is_cut)
{
    t->nodes[node].is_cut = is_cut;
    for (uint32_t i = 0; is_cut && i < TRIO_WIRES; i++) {
        if (t->wires[i].is_open && (t->wires[i].from == node || t->wires[i].to == node)) {
            cut_wire(t, &t->wires[i]);
        }
    }
}

static void tick_all(struct trio *t)
{
    t->now_ms++;
    for (uint32_t k = 0; k < t->count; k++) {
        if (t->nodes[k].is_up && rk_core_next_due(t->nodes[k].core) <= t->now_ms) {
            struct rk_event tick = {.kind = RK_EV_TICK};
            step(t, k, &tick);
        }
    }
}

void trio_run(struct trio *t, int64_t ms)
{
    deliver_all(t);
    for (int64_t i = 0; i < ms; i++) {
        tick_all(t);
        deliver_all(t);
    }
}

void trio_step_one(struct trio *t)
{
    if (t->first != NULL) {
        deliver_one(t);
    } else {
        tick_all(t);
    }
}

uint32_t trio_leader(struct trio *t, uint32_t followers, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        for (uint32_t k = 0; k < t->count; k++) {
            struct rk_ensemble_report r;
            if (!t->nodes[k].is_up) {
                continue;
            }
            rk_core_ensemble_report(t->nodes[k].core, &r);
            if (r.state == RK_PEER_LEADING && r.phase == RK_PHASE_BROADCAST &&
                r.synced_followers + r.synced_observers >= followers) {
                trio_run(t, 1);
                return k;
            }
        }
        trio_run(t, 1);
    }
    fail_msg("no leader with %u learners within %lld ms", followers, (long long)ms);
    return 0;
}

/* -- clients ----------------------------------------------------------------------------------- */

static void frame(struct trio *t, uint32_t node, uint32_t slot, const struct rk_buf *b)
{
    struct rk_event e = {.kind = RK_EV_FRAME, .conn = t->nodes[node].in[slot].id};
    e.u.frame.bytes = rk_buf_view(b);
    step(t, node, &e);
    deliver_all(t);
}

static struct rk_bytes take(struct trio *t, uint32_t node, uint32_t slot)
{
    struct trio_inbox *in = &t->nodes[node].in[slot];
    uint32_t len;
    assert_true(in->at + 4 <= in->bytes.len);
    len = (uint32_t)rk_load_i32(in->bytes.data + in->at);
    in->at += 4 + len;
    assert_true(in->at <= in->bytes.len);
    return rk_bytes_of(in->bytes.data + in->at - len, len);
}

bool trio_has(struct trio *t, uint32_t node, uint32_t slot)
{
    return t->nodes[node].in[slot].at < t->nodes[node].in[slot].bytes.len;
}

void trio_ask_session(struct trio *t, uint32_t node, uint32_t slot, rk_session_id session)
{
    struct trio_inbox *in = &t->nodes[node].in[slot];
    struct rk_event e = {.kind = RK_EV_CONN_OPEN};
    struct rk_buf b;
    uint8_t password[16] = {0};
    if (session != 0) {
        rk_session_password(session, password);
    }
    rk_buf_reset(&in->bytes);
    in->at = 0;
    in->is_open = true;
    in->is_closed = false;
    t->next_id++;
    in->id = (t->next_id << 32) | slot;
    e.conn = in->id;
    e.u.open.address = rk_bytes_str("127.0.0.1");
    step(t, node, &e);
    rk_buf_init(&b, &trio_mem, BUF_MAX);
    rk_buf_put_i32(&b, 0);
    rk_buf_put_i64(&b, 0);
    rk_buf_put_i32(&b, 4000);
    rk_buf_put_i64(&b, session);
    rk_buf_put_bytes(&b, rk_bytes_of(password, 16));
    rk_buf_put_bool(&b, t->asks_read_only);
    e = (struct rk_event){.kind = RK_EV_FRAME, .conn = in->id};
    e.u.frame.bytes = rk_buf_view(&b);
    step(t, node, &e);
    rk_buf_deinit(&b);
}

rk_session_id trio_reconnect(struct trio *t, uint32_t node, uint32_t slot, rk_session_id session)
{
    struct rk_bytes reply;
    trio_ask_session(t, node, slot, session);
    deliver_all(t);
    for (int i = 0; i < 500 && !trio_has(t, node, slot); i++) {
        trio_run(t, 1);
    }
    reply = take(t, node, slot);
    return rk_load_i64(reply.data + 8);
}

rk_session_id trio_connect(struct trio *t, uint32_t node, uint32_t slot)
{
    return trio_reconnect(t, node, slot, 0);
}

static void begin(struct rk_buf *b, int32_t xid, int32_t op)
{
    rk_buf_init(b, &trio_mem, BUF_MAX);
    rk_buf_put_i32(b, xid);
    rk_buf_put_i32(b, op);
}

void trio_create(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path)
{
    trio_create_flags(t, node, slot, xid, path, 0);
}

void trio_create_flags(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path,
                       int32_t flags)
{
    struct rk_buf b;
    begin(&b, xid, RK_OP_CREATE);
    rk_buf_put_bytes(&b, rk_bytes_str(path));
    rk_buf_put_bytes(&b, rk_bytes_str("value"));
    rig_put_open_acl(&b);
    rk_buf_put_i32(&b, flags);
    frame(t, node, slot, &b);
    rk_buf_deinit(&b);
}

void trio_exists(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path)
{
    struct rk_buf b;
    begin(&b, xid, RK_OP_EXISTS);
    rk_buf_put_bytes(&b, rk_bytes_str(path));
    rk_buf_put_bool(&b, false);
    frame(t, node, slot, &b);
    rk_buf_deinit(&b);
}

void trio_sync(struct trio *t, uint32_t node, uint32_t slot, int32_t xid)
{
    struct rk_buf b;
    begin(&b, xid, RK_OP_SYNC);
    rk_buf_put_bytes(&b, rk_bytes_str("/"));
    frame(t, node, slot, &b);
    rk_buf_deinit(&b);
}

void trio_close_session(struct trio *t, uint32_t node, uint32_t slot, int32_t xid)
{
    struct rk_buf b;
    begin(&b, xid, RK_OP_CLOSE_SESSION);
    frame(t, node, slot, &b);
    rk_buf_deinit(&b);
}

void trio_expect(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, int32_t err)
{
    struct rk_bytes reply;
    for (int i = 0; i < 500 && !trio_has(t, node, slot); i++) {
        trio_run(t, 1);
    }
    if (!trio_has(t, node, slot)) {
        fail_msg("no reply to xid %d", xid);
    }
    reply = take(t, node, slot);
    assert_true(reply.len >= 16);
    assert_int_equal(rk_load_i32(reply.data), xid);
    assert_int_equal(rk_load_i32(reply.data + 12), err);
}

void trio_check_equal(struct trio *t)
{
    const struct rk_core *first = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct rk_core *core = t->nodes[i].core;
        if (!t->nodes[i].is_up) {
            continue;
        }
        if (first == NULL) {
            first = core;
        }
        assert_int_equal(rk_core_last_zxid(core), rk_core_last_zxid(first));
        assert_int_equal(rk_tree_digest(rk_core_tree(core)), rk_tree_digest(rk_core_tree(first)));
        assert_int_equal(rk_sessions_replicated_count(rk_core_sessions(core)),
                         rk_sessions_replicated_count(rk_core_sessions(first)));
    }
}
