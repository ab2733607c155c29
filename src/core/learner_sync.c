/* How a learner is brought up to date, from the first packet after ACKEPOCH to UPTODATE, in the
 * order that loses nothing (reliability.md 0.3, 2.A; spec-quorum C3.3, C3.4):
 *
 * TRUNC: the log is cut and newer snapshots are gone, durably; memory that was ahead is read again.
 *
 * SNAP: the stream builds a database beside the live one. When its signature is there it takes
 * memory's place and is written as a snapshot; then all else on disk goes, because what was there
 * may be no prefix of the leader's history.
 *
 * DIFF: nothing; proposals go to the log as they come, memory stays where it is.
 *
 * NEWLEADER: the log durable, then currentEpoch durable (one queue, in this order), then the ACK.
 *
 * UPTODATE: what is known to be committed is applied, then clients are served, then other ACKs.
 *
 * A leader that disappears at any point leaves behind a log that is a prefix of its history, or a
 * database on disk that is. */
#include "core/ensemble_int.h"

/* -- TRUNC ------------------------------------------------------------------------------------- */

/* A snapshot being written may be newer than what is cut: it is given up first. */
static bool must_wait_for_snapshot(struct rk_core *c)
{
    if (c->snap.is_active) {
        rk_core_snapshot_abort(c);
    }
    return c->snap.is_waiting;
}

static void truncate_when_possible(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    if (!e->is_truncating && !must_wait_for_snapshot(c)) {
        rk_ens_truncate(c, e->follow.target, RK_CUT_BEHIND);
    }
}

static void begin_diff(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    e->follow.committed = e->logged;
    e->follow.state = FOLLOW_SYNC;
}

static bool begin_trunc(struct rk_core *c, rk_zxid zxid)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    if (zxid > e->logged) {
        rk_follow_bad(c, "TRUNC to more than there is");
        return false;
    }
    if (RK_BUG(TRUNC_IGNORED)) {
        begin_diff(c);
        return true;
    }
    if (zxid < e->known_committed) {
        rk_ens_fatal(c, 13,
                     "the leader wants transactions cut off that this server knows to be "
                     "committed: an operator has to decide which history is right");
        rk_ens_leave(c, "TRUNC behind what is committed");
        return false;
    }
    f->target = zxid;
    f->state = FOLLOW_TRUNC;
    rk_ens_chan_pause(c, f->chan);
    truncate_when_possible(c);
    return true;
}

static void after_trunc(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    if (e->logged != e->follow.target) {
        e->wants_snapshot = true;
        rk_ens_leave(c, "the log does not hold where it should have been cut");
        return;
    }
    begin_diff(c);
    rk_follow_go_on(c);
}

static void after_replaced(struct rk_core *c);

void rk_follow_on_truncated(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    if (f->state == FOLLOW_SNAP_STORE) {
        rk_core_snapshot_start(c);
        return;
    }
    if (f->state == FOLLOW_FORGET) {
        after_replaced(c);
        return;
    }
    RK_ASSERT(f->state == FOLLOW_TRUNC);
    if (!e->is_reload_wanted) {
        after_trunc(c);
        return;
    }
    f->state = FOLLOW_RELOAD;
    e->is_reloading = true;
    rk_fx_push(c->fx, RK_FX_RELOAD);
}

void rk_follow_on_reloaded(struct rk_core *c)
{
    RK_ASSERT(c->ens->follow.state == FOLLOW_RELOAD);
    after_trunc(c);
}

/* -- SNAP -------------------------------------------------------------------------------------- */

static bool begin_snap(struct rk_core *c, rk_zxid zxid)
{
    struct follow *f = &c->ens->follow;
    struct rk_restore_sink sink;
    if (zxid < c->ens->known_committed) {
        rk_follow_bad(c, "SNAP of less than what this server knows to be committed");
        return false;
    }
    if (RK_ZXID_EPOCH(zxid) > f->epoch) {
        rk_follow_bad(c, "SNAP of an epoch beyond its leader's");
        return false;
    }
    f->target = zxid;
    f->incoming = rk_restored_create(c);
    if (f->incoming != NULL) {
        sink = rk_restored_sink(f->incoming);
        f->push = rk_snap_push_create(c->mem, &sink, c->config.record_bytes_max);
    }
    if (f->push == NULL) {
        rk_ens_leave(c, "no memory for the leader's snapshot");
        return false;
    }
    f->state = FOLLOW_SNAP;
    return true;
}

/* Memory becomes the leader's snapshot; nothing else may happen before the disk has it too. */
static void swap_when_possible(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    struct rk_restored *incoming = f->incoming;
    if (must_wait_for_snapshot(c)) {
        return;
    }
    f->incoming = NULL;
    if (rk_restored_take(incoming, f->target) != RK_OK) {
        rk_follow_bad(c, "a snapshot that is no database");
        return;
    }
    rk_ens_replaced(c, f->target);
    f->is_swapped = true;
    if (RK_BUG(SNAP_KEEPS_LOG)) {
        rk_core_snapshot_start(c);
        return;
    }
    rk_ens_truncate(c, f->target, RK_CUT_REPLACE);
}

void rk_follow_snap_bytes(struct rk_core *c, struct rk_bytes in, size_t *ret_used)
{
    struct follow *f = &c->ens->follow;
    const char *why = "";
    enum rk_parse parsed = rk_snap_push_bytes(f->push, in, ret_used, &why);
    if (parsed == RK_PARSE_MORE) {
        *ret_used = in.len;
        return;
    }
    if (parsed == RK_PARSE_BAD) {
        *ret_used = in.len;
        rk_follow_bad(c, why);
        return;
    }
    rk_fx_note(c->fx, RK_NOTE_SNAP_RECEIVED, 0, 0, f->target, rk_bytes_str(""));
    rk_snap_push_destroy(f->push);
    f->push = NULL;
    f->state = FOLLOW_SNAP_STORE;
    rk_ens_chan_pause(c, f->chan);
    swap_when_possible(c);
}

static void after_snap_stored(struct rk_core *c, bool is_ok)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    if (!is_ok) {
        rk_ens_leave(c, "the leader's snapshot could not be written");
        return;
    }
    f->is_swapped = false;
    e->durable = e->logged;
    e->wants_snapshot = false;
    f->state = FOLLOW_FORGET;
    rk_ens_truncate(c, f->target, RK_CUT_REPLACED);
}

/* The disk has nothing else any more. */
static void after_replaced(struct rk_core *c)
{
    if (c->ens->follow.chan == NULL) {
        rk_ens_leave(c, "the leader's channel was closed");
        return;
    }
    begin_diff(c);
    rk_follow_go_on(c);
}

void rk_follow_on_snap_done(struct rk_core *c, bool is_ok)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    if (f->state == FOLLOW_TRUNC && !e->is_truncating) {
        truncate_when_possible(c);
    } else if (f->state == FOLLOW_SNAP_STORE && !f->is_swapped) {
        swap_when_possible(c);
    } else if (f->state == FOLLOW_SNAP_STORE && !e->is_truncating) {
        after_snap_stored(c, is_ok);
    }
}

/* -- packets ----------------------------------------------------------------------------------- */

static bool on_first(struct rk_core *c, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    rk_fx_note(c->fx, RK_NOTE_SYNC_BEGAN, 0, 0, p->zxid, rk_bytes_str(rk_packet_name(p->type)));
    switch (p->type) {
    case RK_PACKET_DIFF:
        if (p->zxid < e->follow.claimed && RK_ZXID_COUNTER(e->follow.claimed) > 0 &&
            !RK_BUG(DIFF_FOR_TRUNC)) {
            rk_follow_bad(c, "DIFF to less than this server has");
            return false;
        }
        if (e->wants_snapshot) {
            rk_follow_bad(c, "DIFF though this server has nothing");
            return false;
        }
        begin_diff(c);
        e->follow.target = RK_BUG(DIFF_ZXID_CLAIMED) ? p->zxid : e->follow.target;
        if (RK_BUG(EPOCH_BEFORE_HISTORY)) {
            rk_ens_write_epoch(c, RK_EPOCH_CURRENT, e->follow.epoch);
        }
        return true;
    case RK_PACKET_TRUNC:
        return begin_trunc(c, p->zxid);
    case RK_PACKET_SNAP:
        return begin_snap(c, p->zxid);
    default:
        rk_follow_bad(c, "a synchronisation that begins with none of DIFF, TRUNC and SNAP");
        return false;
    }
}

static bool on_new_leader(struct rk_core *c, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    if (e->follow.state != FOLLOW_SYNC || p->zxid != e->follow.epoch << 32) {
        rk_follow_bad(c, "NEWLEADER out of place");
        return false;
    }
    e->follow.state = FOLLOW_NEW_LEADER;
    rk_ens_write_epoch(c, RK_EPOCH_CURRENT, e->follow.epoch);
    if (RK_BUG(NEWLEADER_ACKED_EARLY)) {
        rk_follow_on_epoch_stored(c, RK_EPOCH_CURRENT, e->follow.epoch);
    }
    return true;
}

static bool on_up_to_date(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    if (f->state != FOLLOW_ACKED) {
        rk_follow_bad(c, "UPTODATE out of place");
        return false;
    }
    if (!RK_BUG(SERVING_BEFORE_APPLY)) {
        rk_ens_apply_tail(c, f->committed);
        if (e->tail_first != NULL && RK_ZXID_EPOCH(e->tail_first->zxid) < f->epoch) {
            rk_follow_bad(c, "UPTODATE before what earlier epochs left was committed");
            return false;
        }
    }
    f->acked = f->committed;
    rk_follow_send_ack(c, f->epoch << 32);
    f->state = FOLLOW_ACTIVE;
    rk_ens_begin_serving(c);
    rk_follow_send_acks(c);
    return true;
}

bool rk_follow_sync_packet(struct rk_core *c, const struct rk_packet *p)
{
    if (c->ens->follow.state == FOLLOW_ACK_EPOCH) {
        return on_first(c, p);
    }
    switch (p->type) {
    case RK_PACKET_PROPOSAL:
        return rk_follow_propose(c, p);
    case RK_PACKET_COMMIT:
    case RK_PACKET_COMMIT_AND_ACTIVATE:
        return (RK_BUG(COMMIT_BEFORE_UPTODATE_LOST) && c->ens->follow.state > FOLLOW_SYNC) ||
               rk_follow_commit(c, p->zxid);
    case RK_PACKET_INFORM:
        return rk_follow_propose(c, p) && rk_follow_commit(c, p->zxid);
    case RK_PACKET_INFORM_AND_ACTIVATE: {
        struct rk_packet txn = *p;
        txn.data =
            p->data.len < 8 ? rk_bytes_str(NULL) : rk_bytes_of(p->data.data + 8, p->data.len - 8);
        return rk_follow_propose(c, &txn) && rk_follow_commit(c, p->zxid);
    }
    case RK_PACKET_NEW_LEADER:
        return on_new_leader(c, p);
    case RK_PACKET_UP_TO_DATE:
        return on_up_to_date(c);
    default:
        return true; /* PING and others: not now, and no answer (C3.3) */
    }
}
