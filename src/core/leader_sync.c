/* How one learner is brought up to date: what it lacks of the history, or a snapshot and what was
 * committed while it was sent; then NEWLEADER. From that instant on it is forwarding, so nothing is
 * lost and nothing comes twice: the list of what it gets ends exactly where live traffic begins.
 *
 * A snapshot is a point in time, sent in slices as the learner's channel takes them, beside live
 * traffic; the tree adds old images of what changes meanwhile. The tree has one walk at a time:
 * snapshots for learners and for the disk wait for one another. spec-quorum C4; reliability.md
 * B11, B12; ZK: LearnerHandler.syncFollower, Leader.startForwarding. */
#include "core/leader_int.h"

#include <string.h>

#define SLICE_BYTES ((size_t)256 << 10)
#define STEP_NODES  64u

/* Old images that wait because the learner is slow: more, and it is better off with a new try. */
#define BACKLOG_BYTES_MAX ((size_t)512 << 20)

static int64_t init_limit_ms(const struct rk_core *c)
{
    return rk_ens_ticks(c, c->ens->config.init_limit);
}

/* -- slots ------------------------------------------------------------------------------------- */

static uint32_t count_slots(const struct rk_core *c, bool is_snap)
{
    const struct leader *d = &c->ens->leader;
    const struct rk_link *it;
    uint32_t count = 0;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        count += l->holds_sync_slot && l->is_snap_sync == is_snap;
    }
    return count;
}

/* Followers are counted, observers are refused. ZK: LearnerSyncThrottler.beginSync. */
static bool take_slot(struct rk_core *c, struct learner *l, bool is_snap)
{
    const struct rk_ensemble_config *g = &c->ens->config;
    uint32_t max = is_snap ? g->max_concurrent_snap_syncs : g->max_concurrent_diff_syncs;
    uint32_t count = count_slots(c, is_snap);
    if (l->is_observer && count >= max) {
        return false;
    }
    l->holds_sync_slot = true;
    l->is_snap_sync = is_snap;
    rk_summary_add(is_snap ? &c->metrics.inflight_snap_count : &c->metrics.inflight_diff_count,
                   count + 1u);
    return true;
}

/* -- packets ----------------------------------------------------------------------------------- */

static void put_proposal(struct rk_buf *b, const struct rk_proposal *p)
{
    rk_packet_write(b, RK_PACKET_PROPOSAL, p->zxid, rk_bytes_of(p->payload, p->len));
}

static void put_committed(struct rk_buf *b, const struct rk_proposal *p)
{
    put_proposal(b, p);
    rk_packet_write(b, RK_PACKET_COMMIT, p->zxid, rk_bytes_str(NULL));
}

/* The learner has everything that is applied. What follows: committed and not delivered yet;
 * NEWLEADER; and for a participant what is not committed either (C4.3). Apache sends those before
 * NEWLEADER, and its followers before 3.9.3 break at a COMMIT of one of them that comes before
 * UPTODATE (ZK-4394), or acknowledge them too early (ZK-4685). */
static void put_rest(struct rk_core *c, struct learner *l, struct rk_buf *b)
{
    const struct leader *d = &c->ens->leader;
    const struct rk_proposal *p =
        c->ens->phase == RK_PHASE_BROADCAST ? rk_broadcast_first(&c->broadcast) : NULL;
    rk_zxid sent = c->last_zxid;
    for (; p != NULL && p->zxid <= d->commit_told; p = p->next) {
        RK_ASSERT(p->zxid > sent);
        put_committed(b, p);
        sent = p->zxid;
    }
    if (sent > l->acked) {
        l->acked = sent;
    }
    rk_packet_write(b, RK_PACKET_NEW_LEADER, rk_leader_first_zxid(c), rk_buf_view(&c->ens->text));
    for (; p != NULL && !l->is_observer; p = p->next) {
        put_proposal(b, p);
        sent = p->zxid;
    }
    l->synced = sent;
}

static void become_synced(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    int64_t deadline_ms = c->now_ms + init_limit_ms(c) + rk_ens_ticks(c, c->ens->config.sync_limit);
    l->state = LEARNER_SYNCED;
    l->deadline_ms = deadline_ms;
    if (l->is_snap_sync && d->phase_deadline_ms < deadline_ms) {
        d->phase_deadline_ms = deadline_ms; /* it writes all that to its disk first */
    }
    rk_leader_set_forwarding(c, l, true);
}

/* -- DIFF and TRUNC ---------------------------------------------------------------------------- */

static const char *reason_text(enum rk_sync_reason reason)
{
    switch (reason) {
    case RK_SYNC_FORCED:
        return "SNAP, as configured";
    case RK_SYNC_EQUAL:
        return "DIFF, it has everything";
    case RK_SYNC_AHEAD:
        return "TRUNC, it has more than was committed";
    case RK_SYNC_WALK:
        return "DIFF";
    case RK_SYNC_WALK_NEW_EPOCH:
        return "DIFF, it stands at the beginning of an epoch";
    case RK_SYNC_AHEAD_OTHER_EPOCH:
    case RK_SYNC_WALK_OTHER_EPOCH:
        return "SNAP, what it has too much is of another epoch";
    case RK_SYNC_DISK:
    case RK_SYNC_TOO_OLD:
        return "SNAP, it is further behind than history reaches";
    case RK_SYNC_NEW_EPOCH_AHEAD:
        return "SNAP, it stands at the beginning of an epoch unknown here";
    }
    return "";
}

static void send_history(struct rk_core *c, struct learner *l, const struct rk_sync_plan *plan)
{
    const struct rk_history *h = &c->ens->history;
    int32_t op = plan->kind == RK_SYNC_TRUNC ? RK_PACKET_TRUNC : RK_PACKET_DIFF;
    struct rk_buf *b = rk_leader_send_begin(c, l);
    rk_packet_write(b, op, plan->zxid, rk_bytes_str(NULL));
    for (uint32_t i = plan->first; i < h->count; i++) {
        put_committed(b, rk_history_at(h, i));
    }
    put_rest(c, l, b);
    rk_leader_send_end(c);
    c->metrics.diff_count++;
    become_synced(c, l);
}

/* Delivery is held for a moment. What followers were told to be committed and neither history nor
 * the tree has yet must not look like something to be cut. */
static bool is_delivery_behind(const struct rk_core *c)
{
    return c->ens->phase == RK_PHASE_BROADCAST && c->broadcast.last_committed > c->last_zxid;
}

void rk_leader_sync_learner(struct rk_core *c, struct learner *l)
{
    struct ensemble *e = c->ens;
    struct rk_sync_question question = {.peer = l->last_zxid,
                                        .last_applied = c->last_zxid,
                                        .force_snapshot = e->config.force_snapshot_sync,
                                        .can_use_disk = false};
    struct rk_sync_plan plan;
    RK_ASSERT(l->state == LEARNER_ACKED_EPOCH);
    if (is_delivery_behind(c)) {
        e->leader.is_sync_due = true;
        return;
    }
    if (l->last_zxid == e->applied) {
        question.last_applied = e->applied; /* since then an epoch has begun, and no more */
    }
    if (e->phase == RK_PHASE_BROADCAST && l->voter >= 0 && !RK_BUG(STALE_ACKS_COUNT)) {
        /* TRUNC, or a snapshot, takes from it what it acknowledged and nobody committed. Counted
         * all the same, that could be committed with nobody else having it. */
        rk_broadcast_forget_ack(&c->broadcast, l->sid, c->last_zxid);
    }
    rk_sync_choose(&e->history, &question, &plan);
    if (!take_slot(c, l, plan.kind == RK_SYNC_SNAP)) {
        rk_leader_drop(c, l, "too many are being synchronised already");
        return;
    }
    rk_leader_note(c, RK_NOTE_LEARNER_SYNC, l, reason_text(plan.reason));
    if (plan.kind == RK_SYNC_SNAP) {
        l->state = LEARNER_SNAP_WAIT;
        rk_leader_snap_next(c);
        return;
    }
    send_history(c, l, &plan);
}

void rk_leader_sync_waiting(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    if (!d->is_sync_due) {
        return;
    }
    d->is_sync_due = false;
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_ACKED_EPOCH) {
            rk_leader_sync_learner(c, l);
        }
    }
}

/* -- SNAP -------------------------------------------------------------------------------------- */

bool rk_leader_is_snapping(const struct rk_core *c)
{
    return c->ens != NULL && c->ens->state == RK_PEER_LEADING && c->ens->leader.snap_to != NULL &&
           !c->ens->leader.snap_is_walked;
}

void rk_leader_snap_end(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    RK_ASSERT(d->snap_to != NULL);
    if (!d->snap_is_walked) {
        rk_tree_snap_end(c->tree);
    }
    d->snap_to = NULL;
    d->snap_at = 0;
    rk_buf_deinit(&d->snap_out);
    rk_history_unpin(&c->ens->history);
}

static void snap_begin(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    d->snap_to = l;
    d->snap_is_walked = false;
    d->snap_at = 0;
    d->snap_zxid = c->last_zxid;
    if (RK_BUG(SNAP_LABELLED_NEWER) && c->ens->phase == RK_PHASE_BROADCAST) {
        d->snap_zxid = c->broadcast.last_proposed;
    }
    rk_buf_reset(&d->snap_out);
    rk_history_pin(&c->ens->history, d->snap_zxid);
    rk_packet_write(&d->snap_out, RK_PACKET_SNAP, d->snap_zxid, rk_bytes_str(NULL));
    rk_core_put_sessions(c, &d->snap_out);
    rk_tree_snap_begin(c->tree, &d->snap_out);
    l->state = LEARNER_SNAP;
    l->deadline_ms = c->now_ms + init_limit_ms(c);
    c->metrics.learner_snap_count++;
    rk_leader_snap_pump(c);
}

void rk_leader_snap_next(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    if (d->snap_to != NULL || c->snap.is_active || is_delivery_behind(c)) {
        return;
    }
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_SNAP_WAIT) {
            snap_begin(c, l);
            return;
        }
    }
}

/* Fills the slice with nodes; behind the last one come what ends the stream. */
static void walk(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    while (!d->snap_is_walked && d->snap_out.len - d->snap_at < SLICE_BYTES) {
        if (rk_tree_snap_step(c->tree, STEP_NODES)) {
            rk_tree_snap_end(c->tree);
            d->snap_is_walked = true;
            rk_buf_put_bytes(&d->snap_out, rk_bytes_str("/"));
            rk_buf_put_bytes(&d->snap_out, rk_bytes_str(RK_SNAP_SIGNATURE));
        }
    }
}

static void send_slice(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    size_t len = d->snap_out.len - d->snap_at;
    struct rk_buf *b;
    if (len == 0) {
        return;
    }
    len = len > 2 * SLICE_BYTES ? SLICE_BYTES : len;
    b = rk_leader_send_begin(c, d->snap_to);
    rk_buf_put(b, d->snap_out.data + d->snap_at, len);
    rk_leader_send_end(c);
    d->snap_at += len;
    if (d->snap_at == d->snap_out.len) {
        rk_buf_reset(&d->snap_out);
        d->snap_at = 0;
    } else if (d->snap_at > 16 * SLICE_BYTES && d->snap_at > d->snap_out.len / 2) {
        memmove(d->snap_out.data, d->snap_out.data + d->snap_at, d->snap_out.len - d->snap_at);
        d->snap_out.len -= d->snap_at;
        d->snap_at = 0;
    }
}

/* What was committed since the snapshot's point in time, a slice of it; with the last one the
 * learner is in step. */
static void catch_up(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    struct learner *l = d->snap_to;
    struct rk_buf *b = rk_leader_send_begin(c, l);
    size_t begin = b->len;
    uint32_t i = rk_history_seek(&e->history, d->snap_zxid + 1);
    bool is_last;
    for (; i < e->history.count && b->len - begin < SLICE_BYTES; i++) {
        const struct rk_proposal *p = rk_history_at(&e->history, i);
        put_committed(b, p);
        d->snap_zxid = p->zxid;
    }
    is_last = i == e->history.count;
    if (is_last) {
        put_rest(c, l, b);
    }
    rk_leader_send_end(c);
    if (is_last) {
        rk_leader_snap_end(c);
        become_synced(c, l);
        rk_leader_note(c, RK_NOTE_LEARNER_SNAP_SENT, l, "");
    } else {
        rk_history_pin(&e->history, d->snap_zxid);
    }
}

void rk_leader_snap_pump(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct learner *l = d->snap_to;
    RK_ASSERT(l != NULL && l->state == LEARNER_SNAP);
    if (!rk_history_is_pinned(&c->ens->history)) {
        rk_leader_drop(c, l, "more was committed meanwhile than is kept for it");
        return;
    }
    if (d->snap_out.failed || d->snap_out.len - d->snap_at > BACKLOG_BYTES_MAX) {
        rk_leader_drop(c, l, "more was changed meanwhile than is kept for it");
        return;
    }
    walk(c);
    send_slice(c);
    if (d->snap_is_walked && d->snap_out.len == 0) {
        catch_up(c);
    }
    if (d->snap_to == l) {
        rk_fx_chan(c->fx, RK_FX_CHAN_MARK, l->chan->id);
    }
}

void rk_leader_on_flushed(struct rk_core *c, struct chan *chan)
{
    struct leader *d = &c->ens->leader;
    struct learner *l = chan->learner;
    if (rk_leader_overslept(c) || l == NULL || d->snap_to != l) {
        return;
    }
    l->heard_ms = c->now_ms;
    l->deadline_ms = c->now_ms + init_limit_ms(c);
    if (d->phase_deadline_ms < l->deadline_ms) {
        d->phase_deadline_ms = l->deadline_ms; /* no limit but that it goes on (B11) */
    }
    rk_leader_snap_pump(c);
}
