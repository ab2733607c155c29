/* How one learner is brought up to date: what it lacks of the history, the log files or a snapshot
 * (leader_stream.c) and what was committed while they were sent; then NEWLEADER. From that instant
 * on it is forwarding, so nothing is lost and nothing comes twice: the list of what it gets ends
 * exactly where live traffic begins. spec-quorum C4; reliability.md B11, B12; ZK:
 * LearnerHandler.syncFollower, Leader.startForwarding. */
#include "core/leader_int.h"

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
bool rk_leader_take_slot(struct rk_core *c, struct learner *l, bool is_snap)
{
    const struct rk_ensemble_config *g = &c->ens->config;
    uint32_t max = is_snap ? g->max_concurrent_snap_syncs : g->max_concurrent_diff_syncs;
    uint32_t count;
    l->holds_sync_slot = false;
    count = count_slots(c, is_snap);
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

void rk_leader_put_committed(struct rk_buf *b, const struct rk_proposal *p)
{
    put_proposal(b, p);
    rk_packet_write(b, RK_PACKET_COMMIT, p->zxid, rk_bytes_str(NULL));
}

/* The learner has everything that is applied. What follows: committed and not delivered yet;
 * NEWLEADER; and for a participant what is not committed either (C4.3). Apache sends those before
 * NEWLEADER, and its followers before 3.9.3 break at a COMMIT of one of them that comes before
 * UPTODATE (ZK-4394), or acknowledge them too early (ZK-4685). */
void rk_leader_put_rest(struct rk_core *c, struct learner *l, struct rk_buf *b)
{
    const struct leader *d = &c->ens->leader;
    const struct rk_proposal *p =
        c->ens->phase == RK_PHASE_BROADCAST ? rk_broadcast_first(&c->broadcast) : NULL;
    rk_zxid sent = c->last_zxid;
    for (; p != NULL && p->zxid <= d->commit_told; p = p->next) {
        RK_ASSERT(p->zxid > sent);
        rk_leader_put_committed(b, p);
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

void rk_leader_become_synced(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    int64_t deadline_ms = c->now_ms + init_limit_ms(c) + rk_ens_ticks(c, c->ens->config.sync_limit);
    l->state = LEARNER_SYNCED;
    l->deadline_ms = deadline_ms;
    if ((l->is_snap_sync || l->wants_log) && d->phase_deadline_ms < deadline_ms) {
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
    case RK_SYNC_AHEAD_CUT:
    case RK_SYNC_WALK_CUT:
        return "TRUNC, what it has too much is of another epoch";
    case RK_SYNC_BEGINNING:
        return "DIFF, it stands where history begins";
    case RK_SYNC_DISK:
        return "log files, it is further behind than history reaches";
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
        rk_leader_put_committed(b, rk_history_at(h, i));
    }
    rk_leader_put_rest(c, l, b);
    rk_leader_send_end(c);
    c->metrics.diff_count++;
    rk_leader_become_synced(c, l);
}

bool rk_leader_is_delivery_behind(const struct rk_core *c)
{
    return c->ens->phase == RK_PHASE_BROADCAST && c->broadcast.last_committed > c->last_zxid;
}

/* ZK: LearnerHandler, ZKDatabase.isTxnLogSyncEnabled */
static bool may_use_log(const struct rk_core *c, const struct learner *l)
{
    return c->ens->config.snapshot_size_permille >= 0 && l->last_zxid >= c->ens->leader.log_gap;
}

void rk_leader_sync_learner(struct rk_core *c, struct learner *l)
{
    struct ensemble *e = c->ens;
    struct rk_sync_question question = {.peer = l->last_zxid,
                                        .last_applied = c->last_zxid,
                                        .force_snapshot = e->config.force_snapshot_sync,
                                        .can_use_disk = may_use_log(c, l),
                                        .can_cut_epochs = l->is_ours};
    struct rk_sync_plan plan;
    RK_ASSERT(l->state == LEARNER_ACKED_EPOCH);
    if (rk_leader_is_delivery_behind(c)) {
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
    l->wants_log = plan.reason == RK_SYNC_DISK;
    if (!rk_leader_take_slot(c, l, plan.kind == RK_SYNC_SNAP && !l->wants_log)) {
        rk_leader_drop(c, l, "too many are being synchronised already");
        return;
    }
    rk_leader_note(c, RK_NOTE_LEARNER_SYNC, l, reason_text(plan.reason));
    if (plan.kind == RK_SYNC_SNAP) {
        l->state = LEARNER_STREAM_WAIT;
        rk_leader_stream_next(c);
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
