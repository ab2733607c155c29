/* What takes more than one step to send to a learner: a snapshot, or transactions from the log
 * files; then what was committed meanwhile. A few learners at a time, each in slices as its channel
 * takes them, beside live traffic; a step sends one slice to one of them.
 *
 * A snapshot is a point in time: the tree adds old images of what changes while it is sent. Log
 * files are read by the shell, a slice at a time, so that neither disk nor length matter here. In
 * both cases history is pinned from where they end. spec-quorum C4; reliability.md B11, B12; ZK:
 * LearnerHandler.syncFollower, ZKDatabase.getProposalsFromTxnLog. */
#include "core/leader_int.h"

#include <string.h>

#define SLICE_BYTES ((size_t)256 << 10)
#define STEP_NODES  64u

/* Old images that wait because learners are slow, of all of them: more, and the one that has the
 * most is better off with a new try. */
#define BACKLOG_BYTES_MAX ((size_t)512 << 20)
#define OUT_BYTES_MAX     ((size_t)1900 << 20)

enum source {
    FROM_TREE,
    FROM_LOG,
    FROM_HISTORY, /* of both, the last part */
};

struct leader_stream {
    struct rk_link link;
    struct learner *to;
    enum source source;
    rk_zxid zxid;      /* history up to here was sent, or is in what is being sent; pinned behind */
    struct rk_buf out; /* of a snapshot; those before at were handed over */
    size_t at;
    uint32_t walk;
    uint64_t reader;  /* of log files */
    bool is_open;     /* the shell has it */
    bool is_awaited;  /* a slice was asked for */
    bool is_diff_out; /* DIFF or TRUNC was sent: there is no other way any more */
};

_Static_assert(RK_LEADER_STREAMS_MAX < RK_TREE_WALKS, "one walk is left for the disk");
_Static_assert(RK_LEADER_STREAMS_MAX <= RK_LOG_READERS_MAX, "each may read log files");

/* No limit but that it goes on (B11). */
static void has_moved(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    l->heard_ms = c->now_ms;
    l->deadline_ms = c->now_ms + rk_ens_ticks(c, c->ens->config.init_limit);
    if (d->phase_deadline_ms < l->deadline_ms) {
        d->phase_deadline_ms = l->deadline_ms;
    }
}

/* -- what history has to keep for them --------------------------------------------------------- */

static void pin(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    rk_zxid zxid = INT64_MAX;
    const struct rk_link *it;
    for (it = d->streams.next; it != &d->streams; it = it->next) {
        const struct leader_stream *s = RK_CONTAINER_OF(it, struct leader_stream, link);
        zxid = s->zxid < zxid ? s->zxid : zxid;
    }
    if (zxid == INT64_MAX) {
        rk_history_unpin(&c->ens->history);
    } else if (c->ens->history.pinned != zxid) {
        rk_history_pin(&c->ens->history, zxid);
    }
}

/* -- begin and end ----------------------------------------------------------------------------- */

void rk_leader_stream_end(struct rk_core *c, struct learner *l)
{
    struct leader_stream *s = l->stream;
    if (s == NULL) {
        return;
    }
    if (s->source == FROM_TREE) {
        rk_tree_snap_end(c->tree, s->walk);
    }
    if (s->is_open) {
        rk_fx_push(c->fx, RK_FX_LOG_READ_END)->u.read.reader = s->reader;
    }
    l->stream = NULL;
    rk_list_unlink(&s->link);
    c->ens->leader.stream_count--;
    rk_buf_deinit(&s->out);
    rk_mem_free(c->mem, s, sizeof(*s));
    pin(c);
}

static struct leader_stream *begin(struct rk_core *c, struct learner *l, enum source source,
                                   rk_zxid zxid)
{
    struct leader *d = &c->ens->leader;
    struct leader_stream *s = rk_mem_must_zalloc(c->mem, sizeof(*s));
    RK_ASSERT(l->stream == NULL && l->state == LEARNER_STREAM_WAIT);
    s->to = l;
    s->source = source;
    s->zxid = zxid;
    rk_buf_init(&s->out, c->mem, OUT_BYTES_MAX);
    rk_list_push(&d->streams, &s->link);
    d->stream_count++;
    l->stream = s;
    l->state = LEARNER_STREAM;
    pin(c);
    has_moved(c, l);
    return s;
}

static void begin_snapshot(struct rk_core *c, struct learner *l)
{
    rk_zxid zxid = c->last_zxid;
    struct leader_stream *s;
    if (RK_BUG(SNAP_LABELLED_NEWER) && c->ens->phase == RK_PHASE_BROADCAST) {
        zxid = c->broadcast.last_proposed;
    }
    s = begin(c, l, FROM_TREE, zxid);
    rk_packet_write(&s->out, RK_PACKET_SNAP, zxid, rk_bytes_str(NULL));
    rk_core_put_sessions(c, &s->out);
    s->walk = rk_tree_snap_begin(c->tree, &s->out);
    c->metrics.learner_snap_count++;
    rk_leader_stream_pump(c, l);
}

/* History begins behind the last one that is read. */
static void begin_log(struct rk_core *c, struct learner *l)
{
    const struct ensemble *e = c->ens;
    rk_zxid to = e->history.count == 0 ? e->applied : rk_history_at(&e->history, 0)->zxid;
    struct leader_stream *s;
    if (to <= l->last_zxid || to > e->durable) {
        rk_leader_stream_fall_back(c, l, "SNAP, the log files are not durable so far yet");
        return;
    }
    s = begin(c, l, FROM_LOG, to);
    s->reader = ++c->ens->leader.last_reader;
    rk_leader_stream_pump(c, l);
}

void rk_leader_stream_fall_back(struct rk_core *c, struct learner *l, const char *why)
{
    rk_leader_stream_end(c, l);
    l->wants_log = false;
    rk_leader_note(c, RK_NOTE_LEARNER_SYNC, l, why);
    l->state = LEARNER_STREAM_WAIT;
    if (!rk_leader_take_slot(c, l, true)) {
        rk_leader_drop(c, l, "too many are being synchronised already");
    }
}

void rk_leader_stream_next(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (d->stream_count >= RK_LEADER_STREAMS_MAX || rk_leader_is_delivery_behind(c)) {
            return;
        }
        if (l->state == LEARNER_STREAM_WAIT && l->wants_log) {
            begin_log(c, l);
        } else if (l->state == LEARNER_STREAM_WAIT) {
            begin_snapshot(c, l);
        }
    }
}

/* -- a snapshot -------------------------------------------------------------------------------- */

/* Fills the slice with nodes; behind the last one come what ends the stream. */
static void walk(struct rk_core *c, struct leader_stream *s)
{
    while (s->source == FROM_TREE && s->out.len - s->at < SLICE_BYTES) {
        if (rk_tree_snap_step(c->tree, s->walk, STEP_NODES)) {
            rk_tree_snap_end(c->tree, s->walk);
            s->source = FROM_HISTORY;
            rk_buf_put_bytes(&s->out, rk_bytes_str("/"));
            rk_buf_put_bytes(&s->out, rk_bytes_str(RK_SNAP_SIGNATURE));
        }
    }
}

static void send_slice(struct rk_core *c, struct leader_stream *s)
{
    size_t len = s->out.len - s->at;
    struct rk_buf *b;
    if (len == 0) {
        return;
    }
    len = len > 2 * SLICE_BYTES ? SLICE_BYTES : len;
    b = rk_leader_send_begin(c, s->to);
    rk_buf_put(b, s->out.data + s->at, len);
    rk_leader_send_end(c);
    s->at += len;
    if (s->at == s->out.len) {
        rk_buf_reset(&s->out);
        s->at = 0;
    } else if (s->at > 16 * SLICE_BYTES && s->at > s->out.len / 2) {
        memmove(s->out.data, s->out.data + s->at, s->out.len - s->at);
        s->out.len -= s->at;
        s->at = 0;
    }
}

/* It holds more old images than its share of what all may hold, and they are too many. */
static bool is_over_backlog(const struct rk_core *c, const struct leader_stream *s)
{
    const struct leader *d = &c->ens->leader;
    const struct rk_link *it;
    size_t sum = 0;
    for (it = d->streams.next; it != &d->streams; it = it->next) {
        const struct leader_stream *other = RK_CONTAINER_OF(it, struct leader_stream, link);
        sum += other->out.len - other->at;
    }
    return s->out.failed ||
           (sum > BACKLOG_BYTES_MAX && s->out.len - s->at >= sum / d->stream_count);
}

/* -- log files --------------------------------------------------------------------------------- */

static void ask_for_slice(struct rk_core *c, struct leader_stream *s)
{
    struct rk_effect *fx;
    if (s->is_awaited) {
        return;
    }
    fx = rk_fx_push(c->fx, RK_FX_LOG_READ);
    fx->u.read.reader = s->reader;
    fx->u.read.is_first = !s->is_open;
    fx->u.read.from = s->to->last_zxid;
    fx->u.read.to = s->zxid;
    fx->u.read.size_permille = (uint32_t)c->ens->config.snapshot_size_permille;
    s->is_open = true;
    s->is_awaited = true;
}

/* What goes first, before the first record that the learner may lack. Its own last one is there:
 * DIFF. It stands at the beginning of an epoch: whatever comes behind is new to it. Else it has
 * transactions that nobody committed. False: only a snapshot helps. */
static bool put_first(struct rk_core *c, struct leader_stream *s, rk_zxid first, rk_zxid before)
{
    const struct ensemble *e = c->ens;
    const struct learner *l = s->to;
    bool is_known = first == l->last_zxid || RK_ZXID_COUNTER(l->last_zxid) == 0;
    rk_zxid max =
        e->history.count == 0 ? s->zxid : rk_history_at(&e->history, e->history.count - 1)->zxid;
    struct rk_buf *b;
    if (!is_known && (!l->is_ours || RK_ZXID_COUNTER(before) == 0)) {
        return false;
    }
    b = rk_leader_send_begin(c, l);
    rk_packet_write(b, is_known ? RK_PACKET_DIFF : RK_PACKET_TRUNC, is_known ? max : before,
                    rk_bytes_str(NULL));
    rk_leader_send_end(c);
    s->is_diff_out = true;
    c->metrics.diff_count++;
    return true;
}

/* False: the learner's history is another one. */
static bool send_records(struct rk_core *c, struct leader_stream *s, const struct rk_event *event)
{
    struct rk_reader r;
    rk_reader_init(&r, event->u.slice.bytes, UINT32_MAX);
    while (rk_reader_left(&r) > 0) {
        rk_zxid zxid = rk_read_i64(&r);
        struct rk_bytes payload = rk_read_bytes(&r);
        RK_ASSERT(!r.failed && zxid <= s->zxid);
        if (!s->is_diff_out && !put_first(c, s, zxid, event->u.slice.before)) {
            return false;
        }
        if (zxid > s->to->last_zxid) {
            struct rk_buf *b = rk_leader_send_begin(c, s->to);
            rk_packet_write(b, RK_PACKET_PROPOSAL, zxid, payload);
            rk_packet_write(b, RK_PACKET_COMMIT, zxid, rk_bytes_str(NULL));
            rk_leader_send_end(c);
        }
    }
    return true;
}

static void no_log(struct rk_core *c, struct leader_stream *s)
{
    struct learner *l = s->to;
    if (s->is_diff_out) {
        /* It comes again with what it got so far, and is not sent into the same gap. */
        c->ens->leader.log_gap = s->zxid;
        rk_leader_drop(c, l, "the log files do not hold what it lacks, after all");
    } else {
        rk_leader_stream_fall_back(c, l, "SNAP, the log files do not lead there, or cost more");
    }
}

static struct leader_stream *stream_of(struct rk_core *c, uint64_t reader)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    for (it = d->streams.next; it != &d->streams; it = it->next) {
        struct leader_stream *s = RK_CONTAINER_OF(it, struct leader_stream, link);
        if (s->source == FROM_LOG && s->reader == reader) {
            return s;
        }
    }
    return NULL;
}

void rk_leader_on_log_slice(struct rk_core *c, const struct rk_event *event)
{
    struct leader_stream *s = stream_of(c, event->u.slice.reader);
    struct learner *l;
    if (s == NULL || rk_leader_overslept(c)) {
        return; /* of a learner that is gone */
    }
    RK_ASSERT(s->is_awaited);
    l = s->to;
    s->is_awaited = false;
    if (!event->u.slice.is_ok || event->u.slice.is_last) {
        s->is_open = false;
    }
    if (!event->u.slice.is_ok || !send_records(c, s, event)) {
        no_log(c, s);
        rk_leader_stream_next(c);
        return;
    }
    has_moved(c, l);
    if (event->u.slice.is_last) {
        s->source = FROM_HISTORY;
    }
    rk_fx_chan(c->fx, RK_FX_CHAN_MARK, l->chan->id);
}

/* -- what was committed meanwhile -------------------------------------------------------------- */

/* A slice of it; with the last one the learner is in step. */
static void catch_up(struct rk_core *c, struct leader_stream *s)
{
    const struct rk_history *h = &c->ens->history;
    struct learner *l = s->to;
    struct rk_buf *b = rk_leader_send_begin(c, l);
    size_t first = b->len;
    uint32_t i = rk_history_seek(h, s->zxid + 1);
    bool is_last;
    for (; i < h->count && b->len - first < SLICE_BYTES; i++) {
        const struct rk_proposal *p = rk_history_at(h, i);
        rk_leader_put_committed(b, p);
        s->zxid = p->zxid;
    }
    is_last = i == h->count;
    if (is_last) {
        rk_leader_put_rest(c, l, b);
    }
    rk_leader_send_end(c);
    if (is_last) {
        rk_leader_stream_end(c, l);
        rk_leader_become_synced(c, l);
        rk_leader_note(c, RK_NOTE_LEARNER_STREAMED, l, "");
    } else {
        pin(c);
    }
}

void rk_leader_stream_pump(struct rk_core *c, struct learner *l)
{
    struct leader_stream *s = l->stream;
    RK_ASSERT(s != NULL && l->state == LEARNER_STREAM);
    if (!rk_history_reaches(&c->ens->history, s->zxid)) {
        rk_leader_drop(c, l, "more was committed meanwhile than is kept for it");
        return;
    }
    pin(c); /* another one may have gone over the bound, and all pins with it */
    if (is_over_backlog(c, s)) {
        rk_leader_drop(c, l, "more was changed meanwhile than is kept for it");
        return;
    }
    if (s->source == FROM_LOG) {
        ask_for_slice(c, s);
        return;
    }
    walk(c, s);
    send_slice(c, s);
    if (s->source == FROM_HISTORY && s->out.len == 0) {
        catch_up(c, s);
    }
    if (l->stream != NULL) {
        rk_fx_chan(c->fx, RK_FX_CHAN_MARK, l->chan->id);
    }
}

void rk_leader_on_flushed(struct rk_core *c, struct chan *chan)
{
    struct learner *l = chan->learner;
    if (rk_leader_overslept(c) || l == NULL || l->stream == NULL) {
        return;
    }
    has_moved(c, l);
    rk_leader_stream_pump(c, l);
    rk_leader_stream_next(c);
}
