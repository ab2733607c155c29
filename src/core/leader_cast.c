/* Broadcast as leader: what is proposed and committed goes out to everybody who follows, who is
 * still there is found out by pings, syncs wait for a quorum of their answers, and without a quorum
 * the role is left. The way of a proposal allocates nothing and looks at no learner: the channels
 * to send to are kept ready, who lags is found out at the next ping.
 *
 * Pings are counted in rounds. Each voter in step gets one ping of every round, and a learner
 * answers pings one by one in order, so the number of its answers tells the round that it has
 * confirmed. spec-quorum C5.1, C5.5, C5.6, C4.5; reliability.md 5.7; ZK: Leader, LearnerHandler. */
#include "core/leader_int.h"

/* One tick's grace for a voter whose channel was closed: it may come again at once. */
#define GONE_GRACE_TICKS 1

#define HAND_OVER_TICKS 2

#define ROLL_OVER_COUNTER 0xfffffff0u

/* TxnHeader: client 8, cxid 4, zxid 8, time 8 */
#define TXN_TIME_AT 20u

static int64_t sync_limit_ms(const struct rk_core *c)
{
    return rk_ens_ticks(c, c->ens->config.sync_limit);
}

static bool is_serving(const struct rk_core *c)
{
    return c->ens->state == RK_PEER_LEADING && c->ens->phase == RK_PHASE_BROADCAST;
}

/* -- who gets what ----------------------------------------------------------------------------- */

static void collect_channels(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    const struct rk_link *it;
    d->follower_count = 0;
    d->observer_count = 0;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (!l->is_forwarding) {
            continue;
        }
        /* One for each other member at most. */
        RK_ASSERT(d->follower_count < RK_MEMBERS_MAX && d->observer_count < RK_MEMBERS_MAX);
        if (l->is_observer) {
            d->observers[d->observer_count++] = l->chan->id;
        } else {
            d->followers[d->follower_count++] = l->chan->id;
        }
    }
}

void rk_leader_set_forwarding(struct rk_core *c, struct learner *l, bool is_forwarding)
{
    if (l->is_forwarding != is_forwarding) {
        l->is_forwarding = is_forwarding;
        collect_channels(c);
    }
}

/* -- proposals and commits --------------------------------------------------------------------- */

static void measure_proposal(struct leader *d, int64_t bytes)
{
    d->last_proposal_bytes = bytes;
    if (bytes > d->max_proposal_bytes) {
        d->max_proposal_bytes = bytes;
    }
    if (d->min_proposal_bytes < 0 || bytes < d->min_proposal_bytes) {
        d->min_proposal_bytes = bytes;
    }
}

void rk_leader_proposed(struct rk_core *c, const struct rk_proposal *p)
{
    struct leader *d = &c->ens->leader;
    RK_ASSERT(RK_ZXID_COUNTER(p->zxid) != UINT32_MAX);
    measure_proposal(d, p->len);
    if (RK_BUG(LEADER_ACKS_EARLY)) {
        rk_broadcast_ack(&c->broadcast, c->ens->config.my_sid, p->zxid);
    }
    if (d->follower_count > 0) {
        rk_fx_chan_begin_many(c->fx, d->followers, d->follower_count);
        rk_packet_write(&c->fx->bytes, RK_PACKET_PROPOSAL, p->zxid,
                        rk_bytes_of(p->payload, p->len));
        rk_fx_chan_end_many(c->fx);
    }
}

static void measure_commit(struct rk_core *c, const struct rk_proposal *p)
{
    int64_t took_ms =
        p->len < TXN_TIME_AT + 8 ? 0 : c->wall_ms - rk_load_i64(p->payload + TXN_TIME_AT);
    uint64_t latency = took_ms < 0 ? 0 : (uint64_t)took_ms;
    rk_summary_add(&c->metrics.quorum_ack_latency, latency);
    rk_hist_add(&c->metrics.quorum_ack_latency_hist, latency);
}

static void tell_observers(struct rk_core *c, const struct rk_proposal *p, rk_zxid upto)
{
    struct leader *d = &c->ens->leader;
    rk_fx_chan_begin_many(c->fx, d->observers, d->observer_count);
    for (; p != NULL && p->zxid <= upto; p = p->next) {
        rk_packet_write(&c->fx->bytes, RK_PACKET_INFORM, p->zxid, rk_bytes_of(p->payload, p->len));
    }
    rk_fx_chan_end_many(c->fx);
}

static void tell_followers(struct rk_core *c, rk_zxid first, rk_zxid upto)
{
    struct leader *d = &c->ens->leader;
    rk_fx_chan_begin_many(c->fx, d->followers, d->follower_count);
    for (rk_zxid zxid = first; zxid <= upto; zxid++) {
        rk_packet_write(&c->fx->bytes, RK_PACKET_COMMIT, zxid, rk_bytes_str(NULL));
    }
    rk_fx_chan_end_many(c->fx);
}

static void tell_commits(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    rk_zxid upto = c->broadcast.last_committed;
    const struct rk_proposal *first = rk_broadcast_first(&c->broadcast);
    const struct rk_proposal *p;
    if (upto <= d->commit_told) {
        return;
    }
    while (first != NULL && first->zxid <= d->commit_told) {
        first = first->next; /* told, but its delivery is held */
    }
    RK_ASSERT(first != NULL && first->zxid == d->commit_told + 1);
    for (p = first; p != NULL && p->zxid <= upto; p = p->next) {
        measure_commit(c, p);
    }
    if (d->follower_count > 0) {
        tell_followers(c, d->commit_told + 1, upto);
    }
    if (d->observer_count > 0) {
        tell_observers(c, first, upto);
    }
    d->commit_told = upto;
}

void rk_leader_committed(struct rk_core *c)
{
    if (is_serving(c)) {
        tell_commits(c);
        rk_core_deliver(c);
    }
}

void rk_leader_on_ack(struct rk_core *c, struct learner *l, rk_zxid zxid)
{
    if (zxid > c->broadcast.last_proposed || zxid < 0) {
        rk_leader_drop(c, l, "it acknowledged what was never proposed");
    } else if (zxid > l->acked) {
        l->acked = zxid;
    }
}

void rk_leader_count_acks(struct rk_core *c, const struct learner *l)
{
    rk_zxid before = c->broadcast.last_committed;
    if (!is_serving(c) || l->state != LEARNER_ACTIVE || l->voter < 0) {
        return;
    }
    rk_broadcast_ack(&c->broadcast, l->sid,
                     RK_BUG(ACK_COUNTS_FOR_ALL) ? c->broadcast.last_proposed : l->acked);
    if (c->broadcast.last_committed > before) {
        rk_leader_committed(c);
    }
}

bool rk_leader_must_roll_over(const struct rk_core *c)
{
    uint32_t max = c->ens->config.epoch_txns_max;
    return RK_ZXID_COUNTER(c->broadcast.last_proposed) >= (max > 0 ? max : ROLL_OVER_COUNTER) &&
           !RK_BUG(ROLL_OVER_IGNORED);
}

bool rk_leader_takes_no_more(const struct rk_core *c)
{
    return c->ens != NULL && is_serving(c) &&
           (c->ens->leader.handing_over != 0 || rk_leader_must_roll_over(c));
}

/* -- pings ------------------------------------------------------------------------------------- */

static void send_ping(struct rk_core *c, const rk_chan_id *chans, uint32_t count, rk_zxid zxid)
{
    if (count > 0) {
        rk_fx_chan_begin_many(c->fx, chans, count);
        rk_packet_write(&c->fx->bytes, RK_PACKET_PING, zxid, rk_bytes_str(NULL));
        rk_fx_chan_end_many(c->fx);
    }
}

/* One ping to every voter in step; to the others in step too if is_periodic. */
static void ping_round(struct rk_core *c, bool is_periodic)
{
    struct leader *d = &c->ens->leader;
    rk_chan_id chans[RK_MEMBERS_MAX];
    uint32_t count = 0;
    struct rk_link *it;
    d->ping_round++;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_ACTIVE && (l->voter >= 0 || is_periodic)) {
            RK_ASSERT(count < RK_MEMBERS_MAX);
            l->pings_sent++;
            RK_ASSERT(l->voter < 0 || l->pings_sent == d->ping_round);
            chans[count++] = l->chan->id;
        }
    }
    send_ping(c, chans, count, c->broadcast.last_proposed);
}

/* Those that wait for UPTODATE listen already, and give up a leader that says nothing. */
static void ping_early(struct rk_core *c)
{
    const struct leader *d = &c->ens->leader;
    rk_chan_id chans[RK_MEMBERS_MAX];
    uint32_t count = 0;
    const struct rk_link *it;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_SYNCED || l->state == LEARNER_READY) {
            RK_ASSERT(count < RK_MEMBERS_MAX);
            chans[count++] = l->chan->id;
        }
    }
    send_ping(c, chans, count, RK_EARLY_PING_ZXID);
}

void rk_leader_activate(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    struct rk_buf *b;
    RK_ASSERT(l->state == LEARNER_READY && is_serving(c));
    l->state = LEARNER_ACTIVE;
    l->heard_ms = c->now_ms;
    /* A ping of its own in the round under way: its answer confirms that round as well. */
    l->pings_sent = d->ping_round;
    l->pings_answered = d->ping_round - 1;
    rk_leader_note(c, RK_NOTE_LEARNER_ACTIVE, l, l->is_observer ? "observer" : "follower");
    b = rk_leader_send_begin(c, l);
    rk_packet_write(b, RK_PACKET_UP_TO_DATE, -1, rk_bytes_str(NULL));
    rk_packet_write(b, RK_PACKET_PING, c->broadcast.last_proposed, rk_bytes_str(NULL));
    rk_leader_send_end(c);
    if (l->acked < rk_leader_first_zxid(c)) {
        l->acked = rk_leader_first_zxid(c); /* as its ACK of NEWLEADER said */
    }
    rk_leader_count_acks(c, l); /* what it has, it has durably by now */
}

void rk_leader_on_ping_answer(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    rk_leader_touch(c, l, p);
    if (p->zxid != RK_EARLY_PING_ZXID && l->pings_answered < l->pings_sent) {
        l->pings_answered++;
    }
}

/* The latest round that this server and those that answered it are a quorum of. */
static uint64_t confirmed_round(const struct rk_core *c)
{
    const struct leader *d = &c->ens->leader;
    rk_zxid answered[RK_QUORUM_VOTERS_MAX];
    const struct rk_link *it;
    rk_zxid round;
    for (uint32_t i = 0; i < RK_QUORUM_VOTERS_MAX; i++) {
        answered[i] = -1;
    }
    answered[rk_quorum_index(&c->ens->quorum, c->ens->config.my_sid)] = INT64_MAX;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_ACTIVE && l->voter >= 0) {
            answered[l->voter] = (rk_zxid)l->pings_answered;
        }
    }
    round = rk_quorum_acked(&c->ens->quorum, answered);
    return round < 0 ? 0 : (uint64_t)round;
}

/* -- syncs ------------------------------------------------------------------------------------- */

static struct leader_sync *push_sync(struct rk_core *c, rk_chan_id chan, rk_conn_id conn,
                                     uint32_t request)
{
    struct leader *d = &c->ens->leader;
    struct leader_sync *s = rk_mem_must_zalloc(c->mem, sizeof(*s));
    s->after = c->broadcast.last_proposed;
    s->round = d->ping_round + 1;
    s->chan = chan;
    s->conn = conn;
    s->request = request;
    rk_list_init(&s->link);
    rk_list_push(&d->syncs, &s->link);
    d->sync_count++;
    return s;
}

/* Confirmed at the end of the step, with all others that came in it. */
void rk_leader_client_sync(struct rk_core *c, rk_conn_id conn, uint32_t request)
{
    RK_ASSERT(is_serving(c));
    (void)push_sync(c, 0, conn, request);
}

bool rk_leader_client_reattach(struct rk_core *c, rk_conn_id conn, rk_session_id session)
{
    RK_ASSERT(is_serving(c) && session != 0);
    if (c->ens->leader.sync_count >= RK_LEADER_SYNCS_MAX) {
        return false;
    }
    push_sync(c, 0, conn, RK_REQUEST_NONE)->session = session;
    return true;
}

static bool has_too_many(struct rk_core *c, struct learner *l)
{
    if (c->ens->leader.sync_count < RK_LEADER_SYNCS_MAX) {
        return false;
    }
    rk_leader_drop(c, l, "more syncs than anybody needs");
    return true;
}

void rk_leader_learner_reattach(struct rk_core *c, struct learner *l, rk_session_id session,
                                int32_t timeout_ms)
{
    struct leader_sync *s;
    if (has_too_many(c, l)) {
        return;
    }
    s = push_sync(c, l->chan->id, 0, RK_REQUEST_NONE);
    s->session = session;
    s->timeout_ms = timeout_ms;
}

void rk_leader_learner_sync(struct rk_core *c, struct learner *l)
{
    if (has_too_many(c, l)) {
        return;
    }
    (void)push_sync(c, l->chan->id, 0, RK_REQUEST_NONE);
    l->syncs_waiting++;
}

static void free_sync(struct rk_core *c, struct leader_sync *s)
{
    rk_mem_free(c->mem, s, sizeof(*s));
}

void rk_leader_forget_syncs(struct rk_core *c, rk_chan_id chan)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &d->syncs)
    {
        struct leader_sync *s = RK_CONTAINER_OF(it, struct leader_sync, link);
        if (chan == 0 || s->chan == chan) {
            rk_list_unlink(it);
            d->sync_count--;
            if (s->chan == 0 && s->session == 0) {
                rk_core_sync_done(c, s->conn, s->request); /* nobody waits: it is given back */
            }
            free_sync(c, s);
        }
    }
}

static void answer_learner(struct rk_core *c, struct learner *l, const struct leader_sync *s)
{
    if (s->session != 0) {
        rk_leader_decide(c, l, s->session, s->timeout_ms);
        return;
    }
    RK_ASSERT(l->syncs_waiting > 0);
    l->syncs_waiting--;
    rk_leader_send(c, l, RK_PACKET_SYNC, 0, rk_bytes_str(NULL));
    if (l->syncs_waiting == 0) {
        rk_leader_run_deferred(c, l);
    }
}

static void answer_sync(struct rk_core *c, const struct leader_sync *s)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    if (s->chan == 0 && s->session != 0) {
        rk_core_decide_reattach(c, s->conn, s->session);
        return;
    }
    if (s->chan == 0) {
        rk_core_sync_done(c, s->conn, s->request);
        return;
    }
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->chan->id == s->chan) {
            answer_learner(c, l, s);
            return;
        }
    }
}

/* Both the round and what is to be committed first rise along the list, so those of one asker are
 * answered in its order, although delivery to our own clients may be held meanwhile. */
static void run_syncs(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link done;
    struct rk_link *it;
    struct rk_link *tmp;
    uint64_t confirmed = confirmed_round(c);
    rk_list_init(&done);
    RK_LIST_EACH(it, tmp, &d->syncs)
    {
        const struct leader_sync *s = RK_CONTAINER_OF(it, struct leader_sync, link);
        if (s->round > confirmed && !RK_BUG(SYNC_WITHOUT_QUORUM)) {
            break;
        }
        if (s->after <= (s->chan != 0 ? d->commit_told : c->last_zxid)) {
            rk_list_unlink(it);
            rk_list_push(&done, it);
            d->sync_count--;
        }
    }
    while ((it = rk_list_pop(&done)) != NULL) {
        struct leader_sync *s = RK_CONTAINER_OF(it, struct leader_sync, link);
        answer_sync(c, s);
        free_sync(c, s);
    }
    if (is_serving(c) && !rk_list_empty(&d->syncs) && confirmed >= d->ping_round) {
        const struct leader_sync *last = RK_CONTAINER_OF(d->syncs.prev, struct leader_sync, link);
        if (last->round > d->ping_round) {
            ping_round(c, false);
        }
    }
}

/* -- who is still there ------------------------------------------------------------------------ */

/* C4.5: an old proposal without acknowledgement. What is looked at is the last one as of some
 * earlier ping. */
static bool is_lagging(const struct rk_core *c, struct learner *l)
{
    rk_zxid last = c->broadcast.last_proposed;
    if (l->acked >= l->oldest_unacked) {
        l->oldest_unacked = 0;
    }
    if (l->oldest_unacked == 0 && last > l->acked && last > l->synced) {
        l->oldest_unacked = last;
        l->oldest_sent_ms = c->now_ms;
    }
    return l->oldest_unacked != 0 && c->now_ms - l->oldest_sent_ms >= sync_limit_ms(c);
}

/* NULL: it may stay. */
static const char *objection(const struct rk_core *c, struct learner *l)
{
    switch (l->state) {
    case LEARNER_CONNECTED:
        return c->now_ms >= l->deadline_ms ? "it did not say who it is" : NULL;
    case LEARNER_TOLD:
        return c->now_ms >= l->deadline_ms ? "no ACKEPOCH" : NULL;
    case LEARNER_STREAM:
        return c->now_ms >= l->deadline_ms ? "what it lacks does not get through to it" : NULL;
    case LEARNER_SYNCED:
        return c->now_ms >= l->deadline_ms ? "NEWLEADER was not acknowledged" : NULL;
    case LEARNER_ACTIVE:
        if (c->now_ms - l->heard_ms >= sync_limit_ms(c)) {
            return "nothing was heard from it";
        }
        return !l->is_observer && is_lagging(c, l) ? "a proposal was not acknowledged" : NULL;
    case LEARNER_INFO:
    case LEARNER_ACKED_EPOCH:
    case LEARNER_STREAM_WAIT:
    case LEARNER_READY:
        break; /* it waits for us */
    }
    return NULL;
}

static void drop_silent(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        const char *why = objection(c, l);
        int32_t voter = l->voter;
        if (why != NULL) {
            rk_leader_drop(c, l, why);
            if (voter >= 0) {
                d->gone_ms[voter] = INT64_MIN; /* it had its time */
            }
        }
    }
}

static bool has_quorum(const struct rk_core *c)
{
    const struct leader *d = &c->ens->leader;
    uint64_t bits = rk_leader_own_bit(c);
    const struct rk_link *it;
    for (uint32_t i = 0; i < c->ens->quorum.voter_count; i++) {
        if (d->gone_ms[i] != INT64_MIN &&
            c->now_ms - d->gone_ms[i] < rk_ens_ticks(c, GONE_GRACE_TICKS)) {
            bits |= UINT64_C(1) << i;
        }
    }
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        bool is_heard = c->now_ms - l->heard_ms < sync_limit_ms(c);
        bits |= is_heard ? rk_leader_bit(l) : 0; /* one that is being synchronised may be silent */
    }
    return rk_quorum_contains(&c->ens->quorum, bits) || RK_BUG(LEADS_WITHOUT_QUORUM);
}

/* True: and the role was left. */
static bool has_lost_quorum(struct rk_core *c)
{
    drop_silent(c);
    if (!is_serving(c) || has_quorum(c)) {
        return false;
    }
    rk_ens_leave(c, "lost contact with a quorum of followers");
    return true;
}

/* Every half tick. */
static void look_around(struct rk_core *c)
{
    if (has_lost_quorum(c)) {
        return;
    }
    ping_early(c);
    if (is_serving(c)) {
        ping_round(c, true);
    }
}

/* -- handing over ------------------------------------------------------------------------------ */

void rk_leader_hand_over(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    RK_ASSERT(c->ens->state == RK_PEER_LEADING);
    if (!is_serving(c)) {
        rk_ens_leave(c, "handing over");
        return;
    }
    if (d->handing_over == 0) {
        d->handing_over = 1;
        d->hand_over_deadline_ms = c->now_ms + rk_ens_ticks(c, HAND_OVER_TICKS);
        rk_fx_note(c->fx, RK_NOTE_LEADER_HANDING_OVER, 0, 0, c->broadcast.last_proposed,
                   rk_bytes_str(""));
    }
}

/* Would any of the followers do as well as this server? If all of them have everything, or enough
 * of them to elect one without us. */
static bool are_even(const struct rk_core *c)
{
    const struct leader *d = &c->ens->leader;
    uint64_t even_bits = 0;
    bool all_even = true;
    const struct rk_link *it;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        const struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state != LEARNER_ACTIVE || l->voter < 0) {
            continue;
        }
        if (l->acked >= c->broadcast.last_proposed) {
            even_bits |= rk_leader_bit(l);
        } else {
            all_even = false;
        }
    }
    return all_even || rk_quorum_contains(&c->ens->quorum, even_bits);
}

static bool is_handed_over(const struct rk_core *c)
{
    return c->now_ms >= c->ens->leader.hand_over_deadline_ms ||
           (c->broadcast.inflight_count == 0 && are_even(c));
}

/* -- time -------------------------------------------------------------------------------------- */

bool rk_leader_overslept(struct rk_core *c)
{
    struct leader *d;
    int64_t gap_ms;
    if (c->ens == NULL || c->ens->state != RK_PEER_LEADING) {
        return false;
    }
    d = &c->ens->leader;
    gap_ms = c->now_ms - d->looked_ms;
    d->looked_ms = c->now_ms;
    if (gap_ms <= c->config.tick_ms || c->ens->quorum.voter_count == 1) {
        return false;
    }
    if (gap_ms > sync_limit_ms(c)) {
        rk_ens_leave(c, "this server stood still for longer than syncLimit");
        return true;
    }
    return is_serving(c) && has_lost_quorum(c); /* before it stood still, maybe */
}

static int64_t half_tick_ms(const struct rk_core *c)
{
    return c->config.tick_ms > 1 ? c->config.tick_ms / 2 : 1;
}

/* Runs after every step. */
void rk_leader_tick(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    if (rk_leader_overslept(c)) {
        return;
    }
    if (c->ens->phase != RK_PHASE_BROADCAST && c->now_ms >= d->phase_deadline_ms) {
        rk_ens_leave(c, c->ens->phase == RK_PHASE_DISCOVERY
                            ? "no quorum of followers came within initLimit"
                            : "no quorum of followers was synchronised within initLimit");
        return;
    }
    if (c->ens->phase == RK_PHASE_DISCOVERY && rk_leader_gave_up_waiting(c)) {
        return;
    }
    if (c->now_ms >= d->next_ping_ms) {
        d->next_ping_ms = c->now_ms + half_tick_ms(c);
        look_around(c);
    }
    rk_leader_try_serving(c);
    if (is_serving(c)) {
        rk_leader_sync_waiting(c);
        if (!rk_list_empty(&d->syncs)) {
            run_syncs(c);
        }
        if (rk_leader_must_roll_over(c)) {
            rk_leader_hand_over(c);
        }
    }
    if (is_serving(c) && d->handing_over != 0 && is_handed_over(c)) {
        rk_ens_leave(c, "handing over");
    }
    if (c->ens->state == RK_PEER_LEADING) {
        rk_leader_stream_next(c);
    }
}

int64_t rk_leader_next_due(const struct rk_core *c)
{
    const struct leader *d = &c->ens->leader;
    int64_t due = d->next_ping_ms;
    if (c->ens->phase != RK_PHASE_BROADCAST && d->phase_deadline_ms < due) {
        due = d->phase_deadline_ms;
    }
    if (d->alone_ms != INT64_MAX && d->alone_ms + c->ens->config.epoch_wait_ms < due) {
        due = d->alone_ms + c->ens->config.epoch_wait_ms;
    }
    if (d->handing_over != 0 && d->hand_over_deadline_ms < due) {
        due = d->hand_over_deadline_ms;
    }
    return due;
}
