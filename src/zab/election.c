/* Fast leader election. While LOOKING, recvset (voters[].in) holds the votes of this round and
 * outofelection (voters[].out) those of servers that have a leader; both belong to one election.
 * The own vote is put into recvset where it is made, nothing is sent to oneself. Everything that
 * arrives may be a lie: rounds, zxids and epochs are only ever compared, and counted is only who
 * may vote. ZK: FastLeaderElection */
#include "zab/election.h"

#include <string.h>

#include "base/bug.h"

#define NEVER       INT64_MAX
#define AT_ONCE     INT64_MIN
#define ZXID_UNSURE (-1) /* of a server that does not know what it held */

bool rk_vote_is_better(const struct rk_quorum *q, const struct rk_vote *candidate,
                       const struct rk_vote *current)
{
    if (rk_quorum_weight(q, candidate->leader) == 0) {
        return false;
    }
    if (candidate->peer_epoch != current->peer_epoch && !RK_BUG(VOTE_IGNORES_EPOCH)) {
        return candidate->peer_epoch > current->peer_epoch;
    }
    if (candidate->zxid != current->zxid) {
        return candidate->zxid > current->zxid;
    }
    return candidate->leader > current->leader;
}

static struct rk_vote vote_in(const struct rk_notification *n)
{
    return (struct rk_vote){
        .leader = n->leader, .zxid = n->zxid, .round = n->round, .peer_epoch = n->peer_epoch};
}

/* ZK: Vote.equals. Servers that have a leader may differ in zxid and round (ZOOKEEPER-1805), those
 * from before ZOOKEEPER-1732 (version 0) in the epoch, too. */
static bool is_same_vote(const struct rk_notification *a, const struct rk_notification *b)
{
    if (a->state == RK_PEER_LOOKING || b->state == RK_PEER_LOOKING) {
        return a->leader == b->leader && a->zxid == b->zxid && a->round == b->round &&
               a->peer_epoch == b->peer_epoch;
    }
    if ((a->version > 0) != (b->version > 0)) {
        return a->leader == b->leader;
    }
    return a->leader == b->leader && a->peer_epoch == b->peer_epoch;
}

/* To be remembered: without the text, which is the sender's buffer. */
static struct rk_notification without_config(const struct rk_notification *n)
{
    struct rk_notification kept = *n;
    kept.config = (struct rk_bytes){.data = NULL, .len = 0};
    return kept;
}

/* Own index among the voters, -1 for an observer or a server outside the config. */
static int32_t my_index(const struct rk_election *e)
{
    return rk_quorum_index(&e->quorum, e->config.my_sid);
}

static bool is_looking(const struct rk_election *e)
{
    return e->is_started && e->state == RK_PEER_LOOKING;
}

static bool is_reachable(const struct rk_election *e, int64_t sid)
{
    int32_t voter = rk_quorum_index(&e->quorum, sid);
    return sid == e->config.my_sid || voter < 0 || e->voters[voter].is_reachable;
}

/* Cannot be reached, and not only because nobody has been dialed yet. */
static bool is_gone(const struct rk_election *e, int64_t sid, int64_t now_ms)
{
    return !is_reachable(e, sid) && (e->voters[rk_quorum_index(&e->quorum, sid)].was_reachable ||
                                     now_ms >= e->begin_ms + e->config.finalize_ms);
}

/* -- what is sent ------------------------------------------------------------------------------ */

struct rk_vote rk_election_vote(const struct rk_election *e)
{
    return e->state == RK_PEER_LOOKING ? e->proposal : e->vote;
}

static struct rk_notification told(const struct rk_election *e)
{
    struct rk_vote v = rk_election_vote(e);
    return (struct rk_notification){.state = e->state,
                                    .leader = v.leader,
                                    .zxid = v.zxid,
                                    .round = v.round,
                                    .peer_epoch = v.peer_epoch,
                                    .version = RK_NOTIFICATION_VERSION};
}

static void put(struct rk_election_out *out, const struct rk_election_send *send)
{
    RK_ASSERT(out->send_count < RK_ELECTION_SENDS_MAX);
    out->sends[out->send_count++] = *send;
}

static void answer(const struct rk_election *e, int64_t sid, struct rk_election_out *out)
{
    put(out, &(struct rk_election_send){.to = sid, .message = told(e)});
}

/* ZK: WorkerReceiver.run, "respond right away". Not Apache's: the round is at least the asker's.
 * One that looks in a higher round than its answer has would answer that, and so on for ever. */
static void answer_non_voter(const struct rk_election *e, int64_t sid,
                             const struct rk_notification *n, struct rk_election_out *out)
{
    struct rk_election_send send = {.to = sid, .message = told(e)};
    if (is_looking(e) && send.message.round < n->round) {
        send.message.round = n->round;
    }
    put(out, &send);
}

static bool has_told_all(const struct rk_election_out *out)
{
    for (uint32_t i = 0; i < out->send_count; i++) {
        if (out->sends[i].is_to_all) {
            return true;
        }
    }
    return false;
}

/* One to all in a call is enough: the last proposal. */
static void tell_all(const struct rk_election *e, struct rk_election_out *out)
{
    struct rk_election_send send = {.is_to_all = true, .message = told(e)};
    uint32_t others = e->quorum.voter_count - (my_index(e) >= 0 ? 1u : 0u);
    if (others == 0) {
        return;
    }
    for (uint32_t i = 0; i < out->send_count; i++) {
        if (out->sends[i].is_to_all) {
            out->sends[i] = send;
            return;
        }
    }
    put(out, &send);
}

/* -- counting ---------------------------------------------------------------------------------- */

/* Who of recvset, or of outofelection, votes the same as n. */
static uint64_t supporters(const struct rk_election *e, const struct rk_notification *n,
                           bool is_out)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        const struct rk_notification *stored = is_out ? &e->voters[i].out : &e->voters[i].in;
        bool has = is_out ? e->voters[i].has_out : e->voters[i].has;
        if (has && is_same_vote(stored, n)) {
            bits |= UINT64_C(1) << i;
        }
    }
    return bits;
}

static bool is_quorum_for(const struct rk_election *e, int64_t leader, uint64_t bits)
{
    return rk_quorum_weight(&e->quorum, leader) > 0 && rk_quorum_contains(&e->quorum, bits);
}

/* Somebody else leads only if it says so itself: a quorum may go on following one that has died.
 * ZK: checkLeader. Not Apache's: a server without memory does not become what others still take it
 * for; its round may well be the one in which it was elected, if that was the first. */
static bool is_leader_sure(const struct rk_election *e, const struct rk_notification *n,
                           bool is_out, int64_t now_ms)
{
    int32_t i = rk_quorum_index(&e->quorum, n->leader);
    RK_ASSERT(i >= 0);
    if (is_gone(e, n->leader, now_ms)) {
        return false;
    }
    if (n->leader == e->config.my_sid) {
        return n->round == e->round && !e->is_amnesiac;
    }
    return is_out ? e->voters[i].has_out && e->voters[i].out.state == RK_PEER_LEADING
                  : e->voters[i].has && e->voters[i].in.state == RK_PEER_LEADING;
}

static void decide(struct rk_election *e, const struct rk_vote *winner, struct rk_election_out *out)
{
    RK_ASSERT(is_looking(e));
    RK_ASSERT(!out->is_decided);
    e->vote = *winner;
    e->vote.round = e->round;
    if (winner->leader == e->config.my_sid) {
        RK_ASSERT(my_index(e) >= 0);
        RK_ASSERT(!e->is_amnesiac);
        e->state = RK_PEER_LEADING;
    } else {
        e->state = e->config.is_observer ? RK_PEER_OBSERVING : RK_PEER_FOLLOWING;
    }
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        e->voters[i].has_turned = false;
    }
    e->decide_ms = NEVER;
    e->abandon_ms = NEVER;
    e->resend_ms = NEVER;
    out->is_decided = true;
    out->state = e->state;
}

/* When a quorum agrees there is nothing to wait for, as far as this can be known: AT_ONCE; NEVER
 * if a voter that can be reached has not agreed. See rk_election_set_reachable. */
static int64_t early_ms(const struct rk_election *e, uint64_t agreeing)
{
    int64_t due = AT_ONCE;
    int32_t me = my_index(e);
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        if ((int32_t)i == me || (agreeing >> i & 1u) != 0) {
            continue;
        }
        if (e->voters[i].is_reachable) {
            return NEVER;
        }
        if (!e->voters[i].was_reachable) {
            due = e->begin_ms + e->config.finalize_ms;
        }
    }
    return due;
}

static int64_t decision_due(const struct rk_election *e)
{
    struct rk_notification ours = told(e);
    int64_t early = early_ms(e, supporters(e, &ours, false));
    if (e->decide_ms == NEVER || !is_reachable(e, e->proposal.leader)) {
        return NEVER; /* see abandon */
    }
    return early < e->decide_ms ? early : e->decide_ms;
}

static void ask_by(struct rk_election *e, int64_t at_ms)
{
    if (e->resend_ms > at_ms) {
        e->resend_ms = at_ms;
    }
}

/* The votes of this round may have become enough, or be no longer. */
static void conclude(struct rk_election *e, int64_t now_ms, struct rk_election_out *out)
{
    struct rk_notification ours = told(e);
    uint64_t agreeing = supporters(e, &ours, false);
    RK_ASSERT(is_looking(e));
    if (e->is_amnesiac || !is_quorum_for(e, ours.leader, agreeing)) {
        e->decide_ms = NEVER;
        return;
    }
    if (e->decide_ms == NEVER) {
        e->decide_ms = now_ms + e->config.finalize_ms;
        if (my_index(e) < 0) {
            /* Nobody tells it of a better vote: it asks again in time. */
            ask_by(e, now_ms + e->config.finalize_ms / 2);
        }
    }
    if (now_ms >= decision_due(e)) {
        decide(e, &e->proposal, out);
    }
}

/* -- own proposal ------------------------------------------------------------------------------ */

/* The proposal is new: what was counted for the old one does not matter any more. */
static void announce(struct rk_election *e, int64_t now_ms, struct rk_election_out *out)
{
    int32_t me = my_index(e);
    e->proposal.round = e->round;
    e->decide_ms = NEVER;
    e->abandon_ms = is_reachable(e, e->proposal.leader) ? NEVER : now_ms + e->config.finalize_ms;
    if (me >= 0 && !e->is_amnesiac) {
        e->voters[me].has = true;
        e->voters[me].in = told(e);
    }
    tell_all(e, out);
}

/* Something new was heard: who waits long between two messages asks again soon. */
static void hurry(struct rk_election *e, int64_t now_ms)
{
    e->interval_ms = e->config.min_interval_ms;
    ask_by(e, now_ms + e->interval_ms);
}

static void hurry_if_new(struct rk_election *e, const struct rk_notification *last,
                         const struct rk_notification *n, int64_t now_ms)
{
    if (last->state != n->state || last->leader != n->leader || last->zxid != n->zxid ||
        last->round != n->round || last->peer_epoch != n->peer_epoch) {
        hurry(e, now_ms);
    }
}

static void empty_recvset(struct rk_election *e)
{
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        e->voters[i].has = false;
    }
}

static void enter_next_round(struct rk_election *e)
{
    e->round = (int64_t)((uint64_t)e->round + 1); /* a liar's INT64_MAX wraps, as in Java */
    empty_recvset(e);
}

/* The one we vote for could not be reached for as long as a decision may take: following it would
 * lead nowhere, and a better vote than one for it there may never be. Apache follows, fails, and
 * does so again if that one is only cut off from some. A vote never gets worse within a round. */
static void abandon(struct rk_election *e, int64_t now_ms, struct rk_election_out *out)
{
    e->proposal = e->initial;
    if (my_index(e) >= 0) {
        enter_next_round(e);
        hurry(e, now_ms);
    }
    announce(e, now_ms, out);
}

static bool may_adopt(const struct rk_election *e, const struct rk_vote *theirs,
                      const struct rk_vote *ours, int64_t now_ms)
{
    return !is_gone(e, theirs->leader, now_ms) && rk_vote_is_better(&e->quorum, theirs, ours);
}

/* A LOOKING vote that counts, into recvset. ZK: lookForLeader, case LOOKING */
static void count(struct rk_election *e, uint32_t voter, const struct rk_notification *n,
                  int64_t now_ms, struct rk_election_out *out)
{
    struct rk_vote theirs = vote_in(n);
    bool is_first;
    if (n->round < e->round) {
        return;
    }
    hurry_if_new(e, &e->voters[voter].in, n, now_ms);
    if (n->round > e->round && !RK_BUG(ROUND_NOT_RAISED)) {
        e->round = n->round;
        empty_recvset(e);
        e->proposal = may_adopt(e, &theirs, &e->initial, now_ms) ? theirs : e->initial;
        announce(e, now_ms, out);
    } else if (may_adopt(e, &theirs, &e->proposal, now_ms)) {
        e->proposal = theirs;
        announce(e, now_ms, out);
    }
    is_first = !e->voters[voter].has;
    e->voters[voter].has = true;
    e->voters[voter].in = without_config(n);
    /* Our vote may have reached it while it still had a leader and did not count. */
    if (is_first && my_index(e) >= 0 && !has_told_all(out)) {
        answer(e, e->quorum.voters[voter], out);
    }
}

/* -- without memory ---------------------------------------------------------------------------- */

/* What a channel begins with may be of any age: the last message that was meant for this server.
 * Whoever votes again and again loses nothing by counting it, but here one old vote, from when the
 * ensemble was young, would say that there is nothing to lose: the first message of a channel is
 * not believed. A second one follows: who has a leader answers our vote, who has none repeats its
 * own. */

/* Whatever this vote is for, the one who gives it has no history: it would propose at least what it
 * has. An epoch says that there was something once, even if the zxid does not. */
static bool is_blank_vote(const struct rk_notification *n)
{
    return n->state == RK_PEER_LOOKING && (n->zxid == ZXID_UNSURE || n->zxid == 0) &&
           n->peer_epoch <= 0;
}

static bool is_nothing_to_lose(const struct rk_election *e)
{
    int32_t me = my_index(e);
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        if ((int32_t)i != me && !e->voters[i].is_blank) {
            return false;
        }
    }
    return e->initial.peer_epoch <= 0;
}

/* Takes part from now on, as a server that has nothing, with the votes that it did not count. */
static void wake_up(struct rk_election *e, int64_t now_ms, struct rk_election_out *out)
{
    RK_ASSERT(e->is_amnesiac);
    e->is_amnesiac = false;
    e->initial.zxid = 0;
    e->initial.peer_epoch = 0;
    e->proposal = e->initial;
    announce(e, now_ms, out);
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        struct rk_notification heard = e->voters[i].in;
        if (e->voters[i].is_blank && !e->voters[i].has && heard.zxid != ZXID_UNSURE) {
            count(e, i, &heard, now_ms, out);
        }
    }
    conclude(e, now_ms, out);
}

static void listen_only(struct rk_election *e, uint32_t voter, const struct rk_notification *n,
                        int64_t now_ms, struct rk_election_out *out)
{
    hurry_if_new(e, &e->voters[voter].in, n, now_ms);
    e->voters[voter].has = false;
    e->voters[voter].in = without_config(n);
    if (is_nothing_to_lose(e)) {
        wake_up(e, now_ms, out);
    }
}

/* -- receiving --------------------------------------------------------------------------------- */

static void on_looking(struct rk_election *e, uint32_t voter, const struct rk_notification *n,
                       int64_t now_ms, struct rk_election_out *out)
{
    e->voters[voter].is_blank = is_blank_vote(n);
    if (e->is_amnesiac) {
        listen_only(e, voter, n, now_ms, out);
        return;
    }
    if (n->zxid == ZXID_UNSURE) {
        e->voters[voter].has = false; /* it has lost what an earlier vote of it stood for */
    } else {
        count(e, voter, n, now_ms, out);
    }
    conclude(e, now_ms, out);
}

/* The sender has a leader. ZK: receivedFollowingNotification */
static void on_settled(struct rk_election *e, uint32_t voter, const struct rk_notification *n,
                       int64_t now_ms, struct rk_election_out *out)
{
    struct rk_vote theirs = vote_in(n);
    e->voters[voter].is_blank = false;
    hurry_if_new(e, &e->voters[voter].out, n, now_ms);
    if (n->round == e->round) {
        e->voters[voter].has = true;
        e->voters[voter].in = without_config(n);
        /* So in Apache: in recvset the leader alone is compared, epochs change while they sync. */
        e->voters[voter].in.version = 0;
        if (is_quorum_for(e, n->leader, supporters(e, n, false)) &&
            is_leader_sure(e, n, false, now_ms)) {
            decide(e, &theirs, out);
            return;
        }
    }
    e->voters[voter].has_out = true;
    e->voters[voter].out = without_config(n);
    if (is_quorum_for(e, n->leader, supporters(e, n, true)) && is_leader_sure(e, n, true, now_ms)) {
        e->round = n->round;
        decide(e, &theirs, out);
    } else if (e->decide_ms != NEVER) {
        conclude(e, now_ms, out);
    }
}

static void on_vote(struct rk_election *e, uint32_t voter, const struct rk_notification *n,
                    int64_t now_ms, struct rk_election_out *out)
{
    bool has_spoken = e->voters[voter].has_spoken;
    e->voters[voter].has_spoken = true;
    if (e->is_amnesiac && !has_spoken) {
        return;
    }
    if (rk_quorum_index(&e->quorum, n->leader) < 0) {
        e->voters[voter].is_blank = false;
        return;
    }
    switch (n->state) {
    case RK_PEER_LOOKING:
        on_looking(e, voter, n, now_ms, out);
        break;
    case RK_PEER_FOLLOWING:
    case RK_PEER_LEADING:
        on_settled(e, voter, n, now_ms, out);
        break;
    case RK_PEER_OBSERVING:
        break;
    }
}

/* Within a round votes only get better: who votes for another now does not come back to us, and
 * who is in a later round has left us already. */
static void watch_electors(struct rk_election *e, uint32_t voter, const struct rk_notification *n)
{
    if (n->round >= e->round) {
        e->voters[voter].has_turned = n->leader != e->config.my_sid;
    }
}

bool rk_election_may_lead(const struct rk_election *e, uint64_t come_bits)
{
    uint64_t bits = come_bits | UINT64_C(1) << my_index(e);
    RK_ASSERT(e->state == RK_PEER_LEADING);
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        if (e->voters[i].is_reachable && !e->voters[i].has_turned) {
            bits |= UINT64_C(1) << i;
        }
    }
    return rk_quorum_contains(&e->quorum, bits);
}

static void begin(struct rk_election_out *out)
{
    out->send_count = 0;
    out->dial_all = false;
    out->is_decided = false;
    out->state = RK_PEER_LOOKING;
}

void rk_election_receive(struct rk_election *e, int64_t sid, const struct rk_notification *n,
                         int64_t now_ms, struct rk_election_out *out)
{
    int32_t voter = rk_quorum_index(&e->quorum, sid);
    begin(out);
    if (!e->is_started || sid == e->config.my_sid) {
        return; /* nobody else speaks for us */
    }
    /* Who has a leader needs no answer. Apache gives one to non-voters in any state: two servers
     * that take each other for non-voters answer each other for ever. */
    if (voter < 0) {
        if (n->state == RK_PEER_LOOKING) {
            answer_non_voter(e, sid, n, out);
        }
        return;
    }
    if (e->state != RK_PEER_LOOKING) {
        if (n->state == RK_PEER_LOOKING) {
            watch_electors(e, (uint32_t)voter, n);
            answer(e, sid, out);
        }
        return;
    }
    if (n->state == RK_PEER_LOOKING && n->round < e->round && my_index(e) >= 0) {
        answer(e, sid, out);
    }
    on_vote(e, (uint32_t)voter, n, now_ms, out);
}

/* -- everything else --------------------------------------------------------------------------- */

void rk_election_init(struct rk_election *e, const struct rk_election_config *config,
                      const struct rk_quorum *quorum)
{
    RK_ASSERT(quorum->voter_count >= 1 && quorum->voter_count <= RK_QUORUM_VOTERS_MAX);
    RK_ASSERT(!config->is_observer || rk_quorum_index(quorum, config->my_sid) < 0);
    RK_ASSERT(config->min_interval_ms > 0);
    RK_ASSERT(config->max_interval_ms > 0);
    RK_ASSERT(config->finalize_ms >= 0);
    memset(e, 0, sizeof(*e));
    e->config = *config;
    e->quorum = *quorum;
    e->state = RK_PEER_LOOKING;
    e->resend_ms = NEVER;
    e->decide_ms = NEVER;
    e->abandon_ms = NEVER;
}

/* ZK: getInitId, getInitLastLoggedZxid, getPeerEpoch; spec-quorum B3.2. */
static struct rk_vote initial_vote(const struct rk_election *e, rk_zxid last_zxid,
                                   int64_t current_epoch)
{
    struct rk_vote v = {.leader = my_index(e) >= 0 ? e->config.my_sid : RK_SID_NONE,
                        .zxid = last_zxid,
                        .peer_epoch = current_epoch};
    if (e->config.is_observer) {
        v.zxid = INT64_MIN;
        v.peer_epoch = INT64_MIN;
    } else if (e->is_amnesiac) {
        /* With something left it must not look as if there had never been anything. */
        v.zxid = ZXID_UNSURE;
        v.peer_epoch = last_zxid > 0 && current_epoch < 1 ? 1 : current_epoch;
    }
    return v;
}

void rk_election_start(struct rk_election *e, rk_zxid last_zxid, int64_t current_epoch,
                       bool is_amnesiac, int64_t now_ms, struct rk_election_out *out)
{
    begin(out);
    e->is_started = true;
    e->is_amnesiac = (is_amnesiac || last_zxid < 0) && my_index(e) >= 0;
    e->state = RK_PEER_LOOKING;
    enter_next_round(e);
    for (uint32_t i = 0; i < e->quorum.voter_count; i++) {
        e->voters[i].has_out = false;
        e->voters[i].is_blank = false;
    }
    e->initial = initial_vote(e, last_zxid, current_epoch);
    e->proposal = e->initial;
    e->begin_ms = now_ms;
    e->interval_ms = e->config.min_interval_ms;
    e->resend_ms = now_ms + e->interval_ms;
    out->dial_all = true;
    announce(e, now_ms, out);
    if (e->is_amnesiac && is_nothing_to_lose(e)) {
        wake_up(e, now_ms, out); /* the only voter */
    } else {
        conclude(e, now_ms, out);
    }
}

void rk_election_set_reachable(struct rk_election *e, int64_t sid, bool is_now, int64_t now_ms,
                               struct rk_election_out *out)
{
    int32_t voter = rk_quorum_index(&e->quorum, sid);
    begin(out);
    if (voter < 0 || sid == e->config.my_sid) {
        return;
    }
    e->voters[voter].is_reachable = is_now;
    e->voters[voter].has_spoken = false;
    if (is_now) {
        e->voters[voter].was_reachable = true;
    } else {
        e->voters[voter].is_blank = false; /* it may come back with a disk from elsewhere */
    }
    if (!is_looking(e)) {
        return;
    }
    if (sid == e->proposal.leader && is_now != (e->abandon_ms == NEVER)) {
        e->abandon_ms = is_now ? NEVER : now_ms + e->config.finalize_ms;
    }
    if (is_now) {
        hurry(e, now_ms);
        answer(e, sid, out);
    }
    if (e->decide_ms != NEVER) {
        conclude(e, now_ms, out);
    }
}

void rk_election_tick(struct rk_election *e, int64_t now_ms, struct rk_election_out *out)
{
    begin(out);
    if (!is_looking(e)) {
        return;
    }
    if (now_ms >= e->abandon_ms) {
        abandon(e, now_ms, out);
        conclude(e, now_ms, out);
    } else if (e->decide_ms != NEVER) {
        conclude(e, now_ms, out);
    }
    if (out->is_decided || now_ms < e->resend_ms) {
        return;
    }
    e->interval_ms = e->interval_ms > e->config.max_interval_ms / 2 ? e->config.max_interval_ms
                                                                    : e->interval_ms * 2;
    e->resend_ms = now_ms + e->interval_ms;
    out->dial_all = true;
    tell_all(e, out);
}

int64_t rk_election_next_due(const struct rk_election *e)
{
    int64_t due;
    if (!is_looking(e)) {
        return NEVER;
    }
    due = decision_due(e);
    due = e->abandon_ms < due ? e->abandon_ms : due;
    return e->resend_ms < due ? e->resend_ms : due;
}

void rk_election_set_epoch(struct rk_election *e, int64_t epoch)
{
    e->vote.peer_epoch = epoch;
}
