/* Which role this server has, and the way from one to the next. Everything that ends a role comes
 * through rk_ens_leave; the next election begins only when memory, log and disk say the same
 * (reliability.md 2.G 3): appends are durable, epoch files written, a cut log is cut, a snapshot
 * that replaced memory is on disk, or memory is read again. ZK: QuorumPeer.run, and what
 * ZK-2845, 3642, 4541, 4712 and 5094 taught. */
#include "core/ensemble_int.h"

#include <string.h>

/* A client that connects while nobody leads is kept waiting so long before it is sent away: an
 * election takes a tenth of it, and clients' own retries take longer. */
#define HOLD_HANDSHAKE_MS 1000

/* A leader that handed over lets the others elect first. */
#define HAND_OVER_HOLD_OFF_MS 500

#define PACKET_SCRATCH_MAX ((size_t)512 << 20)

/* -- create, destroy --------------------------------------------------------------------------- */

static void init_peers(struct ensemble *e)
{
    for (uint32_t i = 0; i < e->config.members.count; i++) {
        const struct rk_member *m = &e->config.members.items[i];
        if (m->sid != e->config.my_sid) {
            e->peers[e->peer_count].member = m;
            e->peer_count++;
        }
    }
}

static void init_election(struct ensemble *e)
{
    const struct rk_ensemble_config *g = &e->config;
    const struct rk_member *me = rk_members_find(&g->members, g->my_sid);
    struct rk_election_config config = {.my_sid = g->my_sid,
                                        .is_observer = me->is_observer,
                                        .min_interval_ms = g->election_min_ms,
                                        .max_interval_ms = g->election_max_ms,
                                        .finalize_ms = g->election_finalize_ms};
    rk_quorum_init(&e->quorum, &g->members);
    rk_election_init(&e->election, &config, &e->quorum);
}

bool rk_ens_create(struct rk_core *c, const struct rk_ensemble_config *config)
{
    struct ensemble *e = rk_mem_zalloc(c->mem, sizeof(*e));
    if (e == NULL) {
        return false;
    }
    RK_ASSERT(rk_members_find(&config->members, config->my_sid) != NULL);
    RK_ASSERT(config->init_limit > 0 && config->sync_limit > 0);
    c->ens = e;
    e->config = *config;
    e->state = RK_PEER_LOOKING;
    e->phase = RK_PHASE_LEAVING;
    e->election_ms = -1;
    e->hold_off_ms = INT64_MIN;
    e->tell_ms = INT64_MAX;
    e->read_only_due_ms = INT64_MAX;
    rk_list_init(&e->chans);
    rk_list_init(&e->touched);
    rk_buf_init(&e->text, c->mem, RK_MEMBERS_TEXT_MAX);
    rk_buf_init(&e->out, c->mem, PACKET_SCRATCH_MAX);
    rk_history_init(&e->history, c->mem, config->commit_log_count, config->history_bytes_max,
                    config->history_pin_bytes_max);
    rk_members_print(&e->text, &e->config.members);
    init_peers(e);
    init_election(e);
    return !e->text.failed;
}

static void free_chan(struct rk_core *c, struct chan *chan)
{
    rk_list_unlink(&chan->link);
    c->ens->chan_count--;
    rk_buf_deinit(&chan->in);
    rk_mem_free(c->mem, chan, sizeof(*chan));
}

void rk_ens_destroy(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_link *it;
    if (e == NULL) {
        return;
    }
    if (c->fx != NULL) {
        if (e->state == RK_PEER_LEADING) {
            rk_leader_end(c);
        } else if (e->state != RK_PEER_LOOKING) {
            rk_follow_end(c);
        }
    }
    while ((it = rk_list_first(&e->chans)) != NULL) {
        free_chan(c, RK_CONTAINER_OF(it, struct chan, link));
    }
    rk_ens_free_tail(c);
    rk_history_deinit(&e->history);
    rk_buf_deinit(&e->text);
    rk_buf_deinit(&e->out);
    rk_mem_free(c->mem, e, sizeof(*e));
    c->ens = NULL;
}

void rk_core_set_epochs(struct rk_core *c, int64_t accepted, int64_t current, bool is_blank)
{
    RK_ASSERT(c->ens != NULL && !c->is_started);
    c->ens->accepted_epoch = accepted;
    c->ens->current_epoch = current;
    /* A first snapshot of nothing is no history either: one that was wiped and then started twice
     * knows no more than after the first time. */
    c->ens->is_blank = is_blank || (c->last_zxid <= 0 && current <= 0);
    c->ens->is_amnesiac = c->ens->is_blank && !RK_BUG(WIPED_VOTES) &&
                          !c->ens->config.may_initialize &&
                          rk_members_voter_count(&c->ens->config.members) > 1;
}

/* -- questions --------------------------------------------------------------------------------- */

bool rk_core_is_serving(const struct rk_core *c)
{
    return c->ens == NULL || c->ens->phase == RK_PHASE_BROADCAST;
}

bool rk_core_is_leading(const struct rk_core *c)
{
    return c->ens == NULL ||
           (c->ens->phase == RK_PHASE_BROADCAST && c->ens->state == RK_PEER_LEADING);
}

bool rk_core_is_learner(const struct rk_core *c)
{
    return c->ens != NULL && c->ens->phase == RK_PHASE_BROADCAST &&
           c->ens->state != RK_PEER_LEADING;
}

bool rk_ens_follows(rk_zxid last, rk_zxid next)
{
    if (RK_ZXID_EPOCH(next) == RK_ZXID_EPOCH(last)) {
        return next == last + 1;
    }
    return RK_ZXID_EPOCH(next) > RK_ZXID_EPOCH(last) && RK_ZXID_COUNTER(next) > 0;
}

int64_t rk_ens_ticks(const struct rk_core *c, int32_t ticks)
{
    return (int64_t)ticks * c->config.tick_ms;
}

void rk_ens_write_epoch(struct rk_core *c, enum rk_epoch_file file, int64_t epoch)
{
    struct rk_effect *fx = rk_fx_push(c->fx, RK_FX_EPOCH);
    fx->u.epoch.file = file;
    fx->u.epoch.epoch = epoch;
    c->ens->epoch_writes++;
}

/* -- leaving a role ---------------------------------------------------------------------------- */

/* Sessions that were never made are forgotten, and nobody is about to be closed any more: whatever
 * was proposed of that is in the log, and will come back as committed or not at all. */
void rk_ens_settle_sessions(struct rk_core *c)
{
    size_t cursor = 0;
    size_t doomed_count = 0;
    struct rk_session *s = NULL;
    struct rk_session **doomed;
    rk_sessions_stop(c->sessions);
    doomed = rk_arena_alloc(&c->arena, (rk_sessions_count(c->sessions) + 1) * sizeof(doomed[0]));
    while ((s = rk_sessions_next(c->sessions, &cursor, s)) != NULL) {
        s->is_closing = RK_BUG(CLOSING_SURVIVES) && s->is_closing;
        s->owner = 0;
        s->touch_ms = s->timeout_ms; /* what its client negotiated since is not known here */
        rk_list_unlink(&s->touched);
        if (!s->is_replicated) {
            doomed[doomed_count] = s;
            doomed_count++;
        }
    }
    for (size_t i = 0; i < doomed_count; i++) {
        rk_session_remove(c->sessions, doomed[i]);
    }
    rk_arena_reset(&c->arena);
}

/* What the leader proposed and nobody is known to have committed stays in its log. */
static void keep_proposals(struct rk_core *c)
{
    struct rk_proposal *p = rk_broadcast_take_all(&c->broadcast);
    while (p != NULL) {
        struct rk_proposal *next = p->next;
        rk_overlay_applied(&c->overlay, p);
        if (p->request != RK_REQUEST_NONE) {
            rk_core_request_forget(c, p->request); /* its connection was closed just now */
            p->request = RK_REQUEST_NONE;
        }
        if (RK_BUG(TAIL_LOST)) {
            rk_proposal_free(c->mem, p);
        } else {
            rk_ens_push_tail(c, p);
        }
        p = next;
    }
    rk_overlay_attach(&c->overlay, c->tree, c->config.digest ? c->config.crc32 : NULL);
}

static void forget_uncommitted(struct rk_core *c)
{
    for (struct rk_proposal *p = c->ens->tail_first; p != NULL; p = p->next) {
        p->request = RK_REQUEST_NONE;
    }
    c->ens->apply_limit = c->ens->applied;
}

void rk_ens_leave(struct rk_core *c, const char *why)
{
    struct ensemble *e = c->ens;
    enum rk_peer_state was = e->state;
    if (was == RK_PEER_LOOKING) {
        return;
    }
    rk_fx_note(c->fx, RK_NOTE_ROLE_LEFT, 0, 0, (int64_t)was, rk_bytes_str(why));
    if (e->phase == RK_PHASE_BROADCAST) {
        e->left_ms = c->now_ms;
    }
    rk_core_close_all(c, false);
    c->is_delivery_held = false;
    if (was == RK_PEER_LEADING) {
        if (e->phase == RK_PHASE_BROADCAST) {
            keep_proposals(c);
        }
        rk_leader_end(c);
    } else {
        rk_follow_end(c);
    }
    if (was == RK_PEER_OBSERVING && e->config.observer_delay_ms > 0) {
        /* Not all observers of a leader that is gone at once. */
        e->hold_off_ms =
            c->now_ms + (int64_t)rk_prng_below(&c->prng, (uint64_t)e->config.observer_delay_ms);
    }
    e->state = RK_PEER_LOOKING;
    e->phase = RK_PHASE_LEAVING;
    forget_uncommitted(c);
    rk_ens_settle_sessions(c);
    if (RK_BUG(APPENDS_FORGOTTEN) && e->durable < e->logged) {
        rk_ens_cut_tail(c, e->durable > e->applied ? e->durable : e->applied);
        e->durable = e->logged;
    }
}

/* -- looking for a leader ---------------------------------------------------------------------- */

static void start_election(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_election_out out;
    RK_ASSERT(e->durable == e->logged);
    RK_ASSERT(e->applied <= e->logged);
    e->phase = RK_PHASE_ELECTION;
    e->looking_ms = c->now_ms;
    c->metrics.looking_count++;
    memset(&out, 0, sizeof(out));
    rk_fx_note(c->fx, RK_NOTE_LOOKING, 0, 0, e->logged,
               rk_bytes_str(e->is_amnesiac ? "without a vote: this server has nothing on disk and "
                                             "waits for one that has, or for all the others"
                                           : ""));
    rk_election_start(&e->election, RK_BUG(VOTE_OF_APPLIED) ? e->applied : e->logged,
                      e->current_epoch, e->is_amnesiac, c->now_ms, &out);
    rk_peers_run(c, &out);
}

/* Is what the last role left behind settled? Then the next election begins. */
static void look_if_settled(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    if (e->phase != RK_PHASE_LEAVING || c->is_log_full || e->durable < e->logged ||
        e->epoch_writes > 0 || e->is_truncating || e->is_reloading || c->is_shutting_down ||
        c->now_ms < e->hold_off_ms) {
        return;
    }
    if (RK_ZXID_EPOCH(e->logged) > e->current_epoch && !e->is_reload_wanted) {
        /* With one transaction of an epoch the log has all that the epoch began with: the same rule
         * as at a start (rk_epochs_load). */
        rk_ens_write_epoch(c, RK_EPOCH_CURRENT, RK_ZXID_EPOCH(e->logged));
        return;
    }
    if (e->is_reload_wanted) {
        if (c->snap.is_active) {
            rk_core_snapshot_abort(c);
        }
        if (!c->snap.is_waiting) {
            e->is_reloading = true;
            rk_fx_push(c->fx, RK_FX_RELOAD);
        }
        return;
    }
    start_election(c);
}

static uint64_t ms_since(const struct rk_core *c, int64_t since_ms)
{
    return c->now_ms <= since_ms ? 0 : (uint64_t)(c->now_ms - since_ms);
}

void rk_ens_take_role(struct rk_core *c, enum rk_peer_state state)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->state == RK_PEER_LOOKING && e->phase == RK_PHASE_ELECTION);
    rk_local_end_read_only(c);
    e->is_amnesiac = e->election.is_amnesiac; /* not if everybody turned out to have nothing */
    e->state = state;
    e->phase = RK_PHASE_DISCOVERY;
    rk_summary_add(&c->metrics.election_time, ms_since(c, e->looking_ms));
    if (state == RK_PEER_LEADING) {
        rk_fx_note(c->fx, RK_NOTE_LEADING, 0, 0, e->logged, rk_bytes_str(""));
        rk_leader_begin(c);
        return;
    }
    struct rk_vote vote = rk_election_vote(&e->election);
    rk_fx_note(c->fx, RK_NOTE_FOLLOWING, 0, 0, vote.leader,
               rk_bytes_str(state == RK_PEER_OBSERVING ? "as observer" : ""));
    rk_follow_begin(c, vote.leader);
}

void rk_ens_begin_serving(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->state != RK_PEER_LOOKING && e->phase != RK_PHASE_BROADCAST);
    e->election_ms = c->now_ms - e->left_ms;
    rk_summary_add(&c->metrics.unavailable_time, ms_since(c, e->left_ms));
    if (e->state == RK_PEER_LEADING) {
        rk_summary_add(&c->metrics.leader_unavailable_time, ms_since(c, e->left_ms));
    } else {
        rk_summary_add(e->state == RK_PEER_FOLLOWING ? &c->metrics.follower_sync_time
                                                     : &c->metrics.observer_sync_time,
                       ms_since(c, e->follow.sync_ms));
    }
    e->is_amnesiac = false;
    e->is_blank = false;
    rk_election_set_epoch(&e->election, e->current_epoch);
    /* The state is the one all have at the beginning of this epoch; clients are told so everywhere.
     */
    if (RK_ZXID_EPOCH(c->last_zxid) < e->current_epoch) {
        c->last_zxid = e->current_epoch << 32;
    }
    if (e->state == RK_PEER_LEADING) {
        RK_ASSERT(e->tail_first == NULL);
        rk_broadcast_deinit(&c->broadcast);
        rk_broadcast_init(&c->broadcast, c->mem, &e->quorum, c->last_zxid);
        rk_overlay_attach(&c->overlay, c->tree, c->config.digest ? c->config.crc32 : NULL);
        if (!RK_BUG(EXPIRY_NOT_RESTARTED)) {
            rk_sessions_restart(c->sessions, c->now_ms);
        }
    }
    e->known_committed = e->applied;
    rk_tree_set_config(c->tree, rk_buf_view(&e->text), e->config.members.version);
    e->phase = RK_PHASE_BROADCAST;
    e->serving_since_ms = c->now_ms;
    rk_fx_note(c->fx, RK_NOTE_SERVING, 0, 0, c->last_zxid,
               rk_bytes_str(e->state == RK_PEER_LEADING     ? "leader"
                            : e->state == RK_PEER_FOLLOWING ? "follower"
                                                            : "observer"));
    rk_core_run_held_handshakes(c);
}

/* -- the database is read ---------------------------------------------------------------- */

static void has_read_database(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    e->applied = c->last_zxid;
    e->logged = c->last_zxid;
    e->durable = c->last_zxid;
    e->apply_limit = c->last_zxid;
}

static void on_reloaded(struct rk_core *c, bool is_ok)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->is_reloading);
    e->is_reloading = false;
    if (!is_ok) {
        rk_ens_fatal(c, 1, "the database could not be read again");
        return;
    }
    e->is_reload_wanted = false;
    has_read_database(c);
    rk_ens_free_tail(c);
    rk_overlay_attach(&c->overlay, c->tree, c->config.digest ? c->config.crc32 : NULL);
    if (e->state != RK_PEER_LOOKING) {
        rk_follow_on_reloaded(c);
    }
}

/* -- events ------------------------------------------------------------------------------------ */

void rk_ens_start(struct rk_core *c)
{
    has_read_database(c);
    c->ens->left_ms = c->now_ms;
    look_if_settled(c);
}

void rk_ens_on_durable(struct rk_core *c, rk_zxid zxid)
{
    struct ensemble *e = c->ens;
    if (zxid > e->logged) {
        zxid = e->logged; /* a commit that a cut overtook */
    }
    if (zxid <= e->durable) {
        return;
    }
    e->durable = zxid;
    if (e->state == RK_PEER_LEADING && e->phase == RK_PHASE_BROADCAST) {
        rk_broadcast_ack(&c->broadcast, e->config.my_sid, zxid);
        rk_leader_committed(c);
    } else if (e->state == RK_PEER_LEADING) {
        rk_leader_tick(c);
    } else if (e->state != RK_PEER_LOOKING) {
        rk_follow_on_durable(c);
    }
}

void rk_ens_on_log_full(struct rk_core *c)
{
    rk_ens_leave(c, "no room on the log device: it could not keep what it acknowledges");
}

void rk_ens_on_snap_done(struct rk_core *c, rk_zxid zxid, bool is_ok)
{
    (void)zxid;
    if (c->ens->state == RK_PEER_FOLLOWING || c->ens->state == RK_PEER_OBSERVING) {
        rk_follow_on_snap_done(c, is_ok);
    }
}

static void on_epoch_stored(struct rk_core *c, enum rk_epoch_file file, int64_t epoch)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->epoch_writes > 0);
    e->epoch_writes--;
    if (file == RK_EPOCH_ACCEPTED) {
        e->accepted_epoch = epoch;
    } else {
        e->current_epoch = epoch;
    }
    if (e->state == RK_PEER_LEADING) {
        rk_leader_on_epoch_stored(c, file, epoch);
    } else if (e->state != RK_PEER_LOOKING) {
        rk_follow_on_epoch_stored(c, file, epoch);
    }
}

void rk_ens_fatal(struct rk_core *c, int32_t status, const char *why)
{
    struct rk_bytes text = rk_bytes_str(why);
    struct rk_effect *fx = rk_fx_push(c->fx, RK_FX_FATAL);
    c->ens->is_fatal = true;
    fx->u.status = status;
    fx->len = text.len;
    rk_buf_put(&c->fx->bytes, text.data, text.len);
}

void rk_ens_truncate(struct rk_core *c, rk_zxid zxid, enum rk_cut cut)
{
    struct ensemble *e = c->ens;
    struct rk_effect *fx = rk_fx_push(c->fx, RK_FX_TRUNCATE);
    RK_ASSERT(!e->is_truncating);
    e->is_truncating = true;
    e->truncate_to = zxid;
    fx->u.log.zxid = zxid;
    fx->u.log.cut = cut;
}

static void on_truncated(struct rk_core *c, bool is_ok)
{
    struct ensemble *e = c->ens;
    RK_ASSERT(e->is_truncating);
    e->is_truncating = false;
    if (!is_ok) {
        /* What is on disk does not lead there, and nothing was changed. Another way is asked for.
         */
        e->wants_snapshot = true;
        rk_ens_leave(c, "the log cannot be cut where the leader wants it");
        return;
    }
    rk_ens_cut_tail(c, e->truncate_to);
    if (e->applied > e->truncate_to && !RK_BUG(TRUNC_KEPT_IN_MEMORY)) {
        e->is_reload_wanted = true;
    }
    if (e->state != RK_PEER_LOOKING) {
        rk_follow_on_truncated(c);
    }
}

void rk_ens_replaced(struct rk_core *c, rk_zxid zxid)
{
    struct ensemble *e = c->ens;
    rk_ens_free_tail(c);
    rk_history_clear(&e->history, zxid);
    e->applied = zxid;
    e->logged = zxid;
    e->apply_limit = zxid;
    e->known_committed = INT64_MIN;
    rk_overlay_attach(&c->overlay, c->tree, c->config.digest ? c->config.crc32 : NULL);
}

static void on_chan_accepted(struct rk_core *c, const struct rk_event *event)
{
    struct ensemble *e = c->ens;
    struct chan *chan = rk_mem_must_zalloc(c->mem, sizeof(*chan));
    size_t len = event->u.chan.bytes.len < sizeof(chan->address) - 1 ? event->u.chan.bytes.len
                                                                     : sizeof(chan->address) - 1;
    chan->id = event->u.chan.chan;
    chan->port = event->u.chan.port;
    chan->is_connected = true;
    chan->opened_ms = c->now_ms;
    memcpy(chan->address, event->u.chan.bytes.data, len);
    rk_buf_init(&chan->in, c->mem, PACKET_SCRATCH_MAX);
    rk_list_push(&e->chans, &chan->link);
    e->chan_count++;
    if (chan->port == RK_PORT_ELECTION) {
        rk_peers_on_accepted(c, chan);
    } else if (e->state == RK_PEER_LEADING) {
        rk_leader_adopt(c, chan);
    } else if (e->state != RK_PEER_LOOKING) {
        rk_ens_chan_close(c, chan); /* who believes that this server leads will find out sooner */
    }
}

/* A stranger's bytes are kept until there is somebody to read them, a few of them. */
static bool take_bytes(struct rk_core *c, struct chan *chan, struct rk_bytes bytes)
{
    if (chan->owner == CHAN_STRANGER && chan->in.len + bytes.len > RK_PACKET_INFO_MAX) {
        rk_fx_note(c->fx, RK_NOTE_STRANGER, 0, 0, (int64_t)chan->in.len,
                   rk_bytes_str(chan->address));
        rk_ens_chan_close(c, chan);
        return false;
    }
    rk_buf_put(&chan->in, bytes.data, bytes.len);
    if (chan->in.failed) {
        rk_fx_note(c->fx, RK_NOTE_STRANGER, 0, 0, (int64_t)chan->in.len,
                   rk_bytes_str(chan->address));
        rk_ens_chan_close(c, chan);
        return false;
    }
    return true;
}

static void on_chan_bytes(struct rk_core *c, const struct rk_event *event)
{
    struct chan *chan = rk_ens_chan_find(c, event->u.chan.chan);
    if (chan == NULL || chan->owner == CHAN_DONE || !take_bytes(c, chan, event->u.chan.bytes)) {
        return;
    }
    if (chan->port == RK_PORT_ELECTION) {
        rk_peers_on_bytes(c, chan);
    } else if (chan->owner == CHAN_LEARNER) {
        rk_leader_on_bytes(c, chan);
    } else if (chan->owner == CHAN_LEADER) {
        rk_follow_on_bytes(c);
    }
}

static void on_chan_connected(struct rk_core *c, rk_chan_id id)
{
    struct chan *chan = rk_ens_chan_find(c, id);
    if (chan == NULL || chan->owner == CHAN_DONE) {
        return;
    }
    chan->is_connected = true;
    if (chan->port == RK_PORT_ELECTION) {
        rk_peers_on_connected(c, chan);
    } else {
        rk_follow_on_connected(c);
    }
}

static void on_chan_closed(struct rk_core *c, rk_chan_id id)
{
    struct chan *chan = rk_ens_chan_find(c, id);
    if (chan == NULL) {
        return;
    }
    if (chan->port == RK_PORT_ELECTION) {
        rk_peers_on_closed(c, chan);
    } else if (chan->owner == CHAN_LEARNER) {
        rk_leader_on_closed(c, chan);
    } else if (chan->owner == CHAN_LEADER) {
        rk_follow_on_closed(c);
    }
    free_chan(c, chan);
}

bool rk_ens_is_settled(const struct rk_core *c)
{
    const struct ensemble *e = c->ens;
    return e == NULL || (e->state == RK_PEER_LOOKING && e->durable >= e->logged &&
                         e->epoch_writes == 0 && !e->is_truncating && !e->is_reloading);
}

void rk_ens_shutdown(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    e->shutdown_ms = c->now_ms;
    rk_local_end_read_only(c);
    if (e->state == RK_PEER_LEADING && e->phase == RK_PHASE_BROADCAST) {
        rk_leader_hand_over(c);
    } else if (e->phase != RK_PHASE_BROADCAST || c->outstanding == 0) {
        rk_ens_leave(c, "shutting down");
    }
}

void rk_ens_step(struct rk_core *c, const struct rk_event *event)
{
    switch (event->kind) {
    case RK_EV_CHAN_ACCEPTED:
        on_chan_accepted(c, event);
        break;
    case RK_EV_CHAN_CONNECTED:
        on_chan_connected(c, event->u.chan.chan);
        break;
    case RK_EV_CHAN_BYTES:
        on_chan_bytes(c, event);
        break;
    case RK_EV_CHAN_FLUSHED: {
        struct chan *chan = rk_ens_chan_find(c, event->u.chan.chan);
        if (chan != NULL && chan->owner == CHAN_LEARNER) {
            rk_leader_on_flushed(c, chan);
        }
        break;
    }
    case RK_EV_CHAN_CLOSED:
        on_chan_closed(c, event->u.chan.chan);
        break;
    case RK_EV_EPOCH_STORED:
        on_epoch_stored(c, event->u.epoch.file, event->u.epoch.epoch);
        break;
    case RK_EV_TRUNCATED:
        on_truncated(c, event->u.truncated.is_ok);
        break;
    case RK_EV_LOG_SLICE:
        if (c->ens->state == RK_PEER_LEADING) {
            rk_leader_on_log_slice(c, event);
        }
        break;
    case RK_EV_RELOADED:
        on_reloaded(c, event->u.reloaded.is_ok);
        break;
    case RK_EV_HAND_OVER:
        if (c->ens->state == RK_PEER_LEADING && c->ens->phase == RK_PHASE_BROADCAST) {
            c->ens->hold_off_ms = c->now_ms + HAND_OVER_HOLD_OFF_MS;
            rk_leader_hand_over(c);
        }
        break;
    default:
        rk_panic(__FILE__, __LINE__, "not an event of the ensemble");
    }
}

/* -- time -------------------------------------------------------------------------------------- */

/* Strangers on the quorum port wait for somebody to lead, and not for ever. */
static void sweep_strangers(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &e->chans)
    {
        struct chan *chan = RK_CONTAINER_OF(it, struct chan, link);
        if (chan->owner == CHAN_STRANGER && chan->is_connected &&
            c->now_ms - chan->opened_ms >= rk_ens_ticks(c, e->config.init_limit)) {
            rk_ens_chan_close(c, chan);
        }
    }
}

/* After every step, whatever it was: the last thing a role left behind may just have been settled.
 */
void rk_ens_tick(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct rk_election_out out;
    memset(&out, 0, sizeof(out));
    if (c->is_shutting_down && e->state != RK_PEER_LOOKING && e->state != RK_PEER_LEADING &&
        (c->outstanding == 0 || c->now_ms - e->shutdown_ms > c->config.tick_ms)) {
        rk_ens_leave(c, "shutting down");
    }
    look_if_settled(c);
    if (e->state == RK_PEER_LEADING) {
        rk_leader_tick(c);
    } else if (e->state != RK_PEER_LOOKING) {
        rk_follow_tick(c);
    } else if (e->phase == RK_PHASE_ELECTION) {
        rk_election_tick(&e->election, c->now_ms, &out);
        rk_peers_run(c, &out);
    }
    rk_ens_tell_waiting(c);
    rk_local_tick(c);
    if (e->phase != RK_PHASE_BROADCAST && !rk_ens_may_hold_clients(c)) {
        rk_core_close_all(c, true);
    }
    sweep_strangers(c);
    look_if_settled(c);
}

bool rk_ens_may_hold_clients(const struct rk_core *c)
{
    /* With read-only mode they wait for that at most. */
    int64_t hold_ms = c->ens->config.read_only_mode ? 3 * HOLD_HANDSHAKE_MS : HOLD_HANDSHAKE_MS;
    return !c->is_shutting_down && c->now_ms - c->ens->left_ms < hold_ms;
}

int64_t rk_ens_next_due(const struct rk_core *c)
{
    const struct ensemble *e = c->ens;
    int64_t due = c->now_ms + c->config.tick_ms;
    int64_t other = INT64_MAX;
    if (e->state == RK_PEER_LEADING) {
        other = rk_leader_next_due(c);
    } else if (e->state != RK_PEER_LOOKING) {
        other = rk_follow_next_due(c);
    } else if (e->phase == RK_PHASE_ELECTION) {
        other = rk_election_next_due(&e->election);
    } else if (e->hold_off_ms > c->now_ms) {
        other = e->hold_off_ms;
    }
    due = other < due ? other : due;
    other = rk_local_next_due(c);
    due = other < due ? other : due;
    if (e->phase != RK_PHASE_BROADCAST && e->left_ms + HOLD_HANDSHAKE_MS > c->now_ms &&
        e->left_ms + HOLD_HANDSHAKE_MS < due) {
        due = e->left_ms + HOLD_HANDSHAKE_MS;
    }
    return due <= c->now_ms ? c->now_ms + 1 : due;
}
