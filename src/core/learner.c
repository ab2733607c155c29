/* A follower's or observer's side: to the leader, through the discovery of its epoch, and the
 * broadcast. What lies between is in learner_sync.c. Everything that goes wrong ends in
 * rk_ens_leave. ZK: Learner, Follower, Observer; spec-quorum C3, C5.3, C5.6. */
#include "core/ensemble_int.h"

#include <string.h>

/* An epoch further ahead than this is nobody's honest one (reliability.md Q4, Q5). */
#define EPOCH_JUMP_MAX ((int64_t)1 << 20)

/* -- connecting -------------------------------------------------------------------------------- */

static int64_t connect_limit_ms(const struct rk_core *c)
{
    const struct rk_ensemble_config *g = &c->ens->config;
    return g->connect_limit_ms > 0 ? g->connect_limit_ms : rk_ens_ticks(c, g->init_limit);
}

static void dial(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    const struct rk_member *m = rk_members_find(&c->ens->config.members, f->leader_sid);
    int64_t left_ms = f->deadline_ms - c->now_ms;
    RK_ASSERT(m != NULL && f->chan == NULL);
    f->retry_ms = INT64_MAX;
    f->tries++;
    f->chan = rk_ens_chan_dial(c, RK_PORT_QUORUM, rk_bytes_str(m->host), m->quorum_port,
                               (int32_t)(left_ms > 0 ? left_ms : 1));
    f->chan->owner = CHAN_LEADER;
}

void rk_follow_begin(struct rk_core *c, int64_t leader_sid)
{
    struct follow *f = &c->ens->follow;
    memset(f, 0, sizeof(*f));
    rk_list_init(&f->syncs);
    rk_list_init(&f->revalidations);
    f->leader_sid = leader_sid;
    f->deadline_ms = c->now_ms + connect_limit_ms(c);
    f->retry_ms = INT64_MAX;
    dial(c);
}

void rk_follow_end(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    if (f->chan != NULL) {
        struct chan *chan = f->chan;
        f->chan = NULL;
        rk_ens_chan_close(c, chan);
    }
    rk_snap_push_destroy(f->push);
    f->push = NULL;
    rk_restored_destroy(f->incoming);
    f->incoming = NULL;
    if (RK_BUG(DIFF_ZXID_CLAIMED) && f->state == FOLLOW_SYNC && f->target > c->ens->logged) {
        c->ens->durable = c->ens->logged = f->target;
    }
    if (f->is_swapped) {
        c->ens->is_reload_wanted = !RK_BUG(SNAP_KEPT_IN_MEMORY);
        c->ens->durable =
            c->ens->logged; /* nothing was appended since: there is no sync to wait for */
        f->is_swapped = false;
    }
    rk_forward_end(c);
}

static void send_packet(struct rk_core *c, int32_t type, rk_zxid zxid, struct rk_bytes data)
{
    struct ensemble *e = c->ens;
    rk_buf_reset(&e->out);
    rk_packet_write(&e->out, type, zxid, data);
    RK_ASSERT(!e->out.failed);
    rk_ens_chan_send(c, e->follow.chan, rk_buf_view(&e->out));
}

void rk_follow_on_connected(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    uint8_t info[RK_LEARNER_INFO];
    size_t len;
    rk_store_i64(info, e->config.my_sid);
    rk_store_i32(info + 8, RK_PEER_PROTOCOL);
    rk_store_i64(info + 12, e->config.members.version);
    rk_store_i32(info + 20, (int32_t)(RK_LEARNER_MARK | RK_LEARNER_CUTS));
    len = e->config.says_nothing_more ? RK_LEARNER_INFO - 4 : RK_LEARNER_INFO;
    send_packet(c,
                e->state == RK_PEER_OBSERVING ? RK_PACKET_OBSERVER_INFO : RK_PACKET_FOLLOWER_INFO,
                e->accepted_epoch << 32, rk_bytes_of(info, len));
    e->follow.state = FOLLOW_INFO_SENT;
    e->follow.deadline_ms = c->now_ms + rk_ens_ticks(c, e->config.init_limit);
}

void rk_follow_on_closed(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    f->chan = NULL;
    if (f->state == FOLLOW_CONNECTING && c->now_ms < f->deadline_ms) {
        f->retry_ms = c->now_ms + c->ens->config.connect_retry_ms;
        return;
    }
    if (f->state == FOLLOW_SNAP_STORE && f->is_swapped && !RK_BUG(SNAP_KEPT_IN_MEMORY)) {
        return; /* what replaced memory goes to disk first */
    }
    rk_ens_leave(c, "the leader's channel was closed");
}

void rk_follow_bad(struct rk_core *c, const char *what)
{
    rk_fx_note(c->fx, RK_NOTE_PEER_BAD, 0, 0, c->ens->follow.leader_sid, rk_bytes_str(what));
    rk_ens_leave(c, "the leader broke the protocol");
}

/* -- discovery --------------------------------------------------------------------------------- */

static void send_ack_epoch(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    uint8_t data[4];
    e->follow.claimed = e->wants_snapshot ? -1 : e->logged; /* 0 may get a DIFF of everything */
    rk_store_i32(data, e->wants_snapshot ? -1 : e->follow.ack_epoch);
    send_packet(c, RK_PACKET_ACK_EPOCH, e->follow.claimed, rk_bytes_of(data, sizeof(data)));
    e->follow.state = FOLLOW_ACK_EPOCH;
    e->follow.sync_ms = c->now_ms;
}

static void on_leader_info(struct rk_core *c, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    f->epoch = RK_ZXID_EPOCH(p->zxid);
    if (p->type != RK_PACKET_LEADER_INFO || p->data.len < 4 ||
        rk_load_i32(p->data.data) < RK_PEER_PROTOCOL) {
        rk_follow_bad(c, "something else than LEADERINFO");
    } else if (f->epoch > e->accepted_epoch + EPOCH_JUMP_MAX) {
        rk_follow_bad(c, "an epoch far beyond any that was accepted");
    } else if (f->epoch < e->accepted_epoch) {
        rk_ens_leave(c, "the leader's epoch is older than one accepted already");
    } else if (f->epoch == e->accepted_epoch) {
        f->ack_epoch = RK_BUG(EPOCH_COUNTED_TWICE) ? (int32_t)e->current_epoch : -1;
        send_ack_epoch(c);
    } else {
        /* Without a history to show, its word must not complete a quorum (reliability.md 3.4). */
        f->ack_epoch = e->is_amnesiac ? -1 : (int32_t)e->current_epoch;
        f->state = FOLLOW_EPOCH;
        if (RK_BUG(EPOCH_PROMISED_EARLY)) {
            rk_ens_write_epoch(c, RK_EPOCH_ACCEPTED, f->epoch);
            send_ack_epoch(c);
            return;
        }
        rk_ens_chan_pause(c, f->chan);
        rk_ens_write_epoch(c, RK_EPOCH_ACCEPTED, f->epoch);
    }
}

void rk_follow_on_epoch_stored(struct rk_core *c, enum rk_epoch_file file, int64_t epoch)
{
    struct follow *f = &c->ens->follow;
    if (epoch != f->epoch) {
        return; /* of a role that was left before */
    }
    if (file == RK_EPOCH_ACCEPTED && f->state == FOLLOW_EPOCH) {
        if (f->chan != NULL) {
            send_ack_epoch(c);
            rk_follow_go_on(c);
        }
    } else if (file == RK_EPOCH_CURRENT && f->state == FOLLOW_NEW_LEADER &&
               !(RK_BUG(EPOCH_BEFORE_HISTORY) && c->ens->epoch_writes > 0)) {
        RK_ASSERT(c->ens->durable <= c->ens->logged);
        rk_follow_send_ack(c, f->epoch << 32);
        f->state = FOLLOW_ACKED;
    }
}

/* -- broadcast --------------------------------------------------------------------------------- */

void rk_follow_send_ack(struct rk_core *c, rk_zxid zxid)
{
    send_packet(c, RK_PACKET_ACK, zxid, rk_bytes_str(NULL));
}

/* One ACK for each: Apache's leader counts them one by one. */
void rk_follow_send_acks(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct follow *f = &e->follow;
    rk_zxid first = f->acked > f->epoch << 32 ? f->acked : f->epoch << 32;
    if (e->state != RK_PEER_FOLLOWING || e->durable <= first) {
        return;
    }
    rk_buf_reset(&e->out);
    for (rk_zxid zxid = first + 1; zxid <= e->durable; zxid++) {
        rk_packet_write(&e->out, RK_PACKET_ACK, zxid, rk_bytes_str(NULL));
    }
    RK_ASSERT(!e->out.failed);
    rk_ens_chan_send(c, f->chan, rk_buf_view(&e->out));
    f->acked = e->durable;
}

void rk_follow_on_durable(struct rk_core *c)
{
    enum follow_state state = c->ens->follow.state;
    if (state == FOLLOW_ACTIVE ||
        (RK_BUG(ACKS_BEFORE_NEWLEADER) && (state == FOLLOW_SYNC || state == FOLLOW_NEW_LEADER))) {
        rk_follow_send_acks(c);
    }
}

static void on_ping(struct rk_core *c, rk_zxid zxid)
{
    struct ensemble *e = c->ens;
    size_t mark;
    rk_buf_reset(&e->out);
    mark = rk_packet_begin(&e->out, RK_PACKET_PING, zxid);
    if (!RK_BUG(TOUCHES_LOST)) {
        rk_forward_put_touched(c, &e->out);
    }
    rk_packet_end(&e->out, mark);
    RK_ASSERT(!e->out.failed);
    rk_ens_chan_send(c, e->follow.chan, rk_buf_view(&e->out));
}

/* History comes before NEWLEADER, what is new after it. */
static bool is_of_its_epoch(const struct follow *f, rk_zxid zxid)
{
    return RK_ZXID_EPOCH(zxid) == f->epoch ||
           (f->state < FOLLOW_NEW_LEADER && RK_ZXID_EPOCH(zxid) < f->epoch);
}

/* Before it is in the log and acknowledged: its commit would end this server, and every start from
 * that log (PagerDuty's poison packet). */
static bool is_decodable(struct rk_core *c, struct rk_bytes payload)
{
    struct rk_txn txn;
    bool is_ok = rk_txn_decode(payload, &c->arena, UINT32_MAX >> 1, &txn) == RK_OK;
    rk_arena_reset(&c->arena);
    return is_ok;
}

/* What the next proposal has to follow: whoever is in step with an epoch of which nothing came yet
 * stands at its beginning. */
static rk_zxid last_proposed(const struct ensemble *e)
{
    rk_zxid begin = e->follow.state < FOLLOW_NEW_LEADER ? 0 : e->follow.epoch << 32;
    return e->logged > begin ? e->logged : begin;
}

bool rk_follow_propose(struct rk_core *c, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    c->metrics.learner_proposal_received_count++;
    if (p->data.len < 32 || rk_load_i64(p->data.data + 12) != p->zxid) {
        rk_follow_bad(c, "a proposal whose zxid is not its transaction's");
        return false;
    }
    if (!is_of_its_epoch(&e->follow, p->zxid)) {
        rk_follow_bad(c, "a proposal of an epoch that is not its leader's");
        return false;
    }
    if (!rk_ens_follows(last_proposed(e), p->zxid)) {
        rk_follow_bad(c, "a proposal that does not follow the last one");
        return false;
    }
    if (!is_decodable(c, p->data)) {
        rk_follow_bad(c, "a proposal that cannot be decoded");
        return false;
    }
    rk_ens_append(c, p->zxid, p->data);
    if (RK_BUG(ACK_BEFORE_FSYNC)) {
        rk_ens_on_durable(c, p->zxid);
    }
    return true;
}

bool rk_follow_commit(struct rk_core *c, rk_zxid zxid)
{
    struct follow *f = &c->ens->follow;
    c->metrics.learner_commit_received_count++;
    if (zxid > c->ens->logged) {
        rk_follow_bad(c, "a commit of what was never proposed");
        return false;
    }
    if (zxid > f->committed) {
        f->committed = zxid;
    }
    return true;
}

/* False: the role was left. */
static bool on_broadcast(struct rk_core *c, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    switch (p->type) {
    case RK_PACKET_PROPOSAL:
        return rk_follow_propose(c, p);
    case RK_PACKET_INFORM:
    case RK_PACKET_INFORM_AND_ACTIVATE: {
        struct rk_packet txn = *p;
        if (p->type == RK_PACKET_INFORM_AND_ACTIVATE) {
            txn.data = p->data.len < 8 ? rk_bytes_str(NULL)
                                       : rk_bytes_of(p->data.data + 8, p->data.len - 8);
        }
        if (!rk_follow_propose(c, &txn)) {
            return false;
        }
    } /* fall through */
    case RK_PACKET_COMMIT:
    case RK_PACKET_COMMIT_AND_ACTIVATE:
        if (!rk_follow_commit(c, p->zxid)) {
            return false;
        }
        rk_ens_apply_tail(c, RK_BUG(UNCOMMITTED_APPLIED) ? e->logged : e->follow.committed);
        return e->follow.state == FOLLOW_ACTIVE;
    case RK_PACKET_PING:
        on_ping(c, p->zxid);
        return true;
    case RK_PACKET_SYNC:
        rk_forward_on_sync(c);
        return true;
    case RK_PACKET_REVALIDATE:
        rk_forward_on_revalidated(c, p);
        return true;
    case RK_PACKET_UP_TO_DATE:
        return true; /* a second one says nothing new */
    default:
        rk_fx_note(c->fx, RK_NOTE_PEER_BAD, 0, 0, e->follow.leader_sid,
                   rk_bytes_str(rk_packet_name(p->type)));
        return true;
    }
}

/* -- packets ----------------------------------------------------------------------------------- */

static bool on_packet(struct rk_core *c, const struct rk_packet *p)
{
    switch (c->ens->follow.state) {
    case FOLLOW_INFO_SENT:
        on_leader_info(c, p);
        return c->ens->follow.chan != NULL;
    case FOLLOW_ACTIVE:
        return on_broadcast(c, p);
    default:
        return rk_follow_sync_packet(c, p);
    }
}

static uint32_t data_max(const struct rk_core *c)
{
    uint64_t max = (uint64_t)c->config.record_bytes_max + 65536;
    return max > INT32_MAX ? INT32_MAX : (uint32_t)max;
}

/* Takes what is there apart; what is left is the beginning of a message. False: the role was left,
 * and the channel with it. */
static bool consume(struct rk_core *c, struct chan *chan, size_t *at)
{
    struct follow *f = &c->ens->follow;
    while (!chan->is_paused && *at < chan->in.len) {
        struct rk_bytes rest = rk_bytes_of(chan->in.data + *at, chan->in.len - *at);
        struct rk_packet p;
        size_t used = 0;
        enum rk_parse parsed;
        if (f->state == FOLLOW_SNAP) {
            rk_follow_snap_bytes(c, rest, &used);
            *at += used;
            if (f->chan != chan) {
                return false;
            }
            continue;
        }
        parsed = rk_packet_parse(rest, data_max(c), &p, &used);
        if (parsed == RK_PARSE_BAD) {
            rk_follow_bad(c, "undecodable packet");
            return false;
        }
        if (parsed == RK_PARSE_MORE) {
            return true;
        }
        *at += used;
        if (!on_packet(c, &p) || f->chan != chan) {
            return false;
        }
    }
    return true;
}

static int64_t silence_ms(const struct rk_core *c)
{
    const struct ensemble *e = c->ens;
    return rk_ens_ticks(c, e->follow.state >= FOLLOW_NEW_LEADER ? e->config.sync_limit
                                                                : e->config.init_limit);
}

void rk_follow_on_bytes(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    struct chan *chan = f->chan;
    size_t at = 0;
    if (!consume(c, chan, &at)) {
        return;
    }
    f->deadline_ms = c->now_ms + silence_ms(c);
    if (at > 0) {
        memmove(chan->in.data, chan->in.data + at, chan->in.len - at);
        chan->in.len -= at;
        if (chan->in.len == 0 && chan->in.cap > ((size_t)1 << 20)) {
            rk_buf_deinit(&chan->in);
        }
    }
}

void rk_follow_go_on(struct rk_core *c)
{
    struct chan *chan = c->ens->follow.chan;
    if (chan != NULL) {
        rk_ens_chan_resume(c, chan);
        rk_follow_on_bytes(c);
    }
}

/* -- time -------------------------------------------------------------------------------------- */

bool rk_follow_out_of_touch(struct rk_core *c)
{
    if (!rk_core_is_learner(c) || c->ens->follow.state != FOLLOW_ACTIVE ||
        c->now_ms < c->ens->follow.deadline_ms || RK_BUG(SILENCE_IGNORED)) {
        return false;
    }
    rk_ens_leave(c, "nothing was heard from the leader");
    return true;
}

void rk_follow_tick(struct rk_core *c)
{
    struct follow *f = &c->ens->follow;
    if (f->state == FOLLOW_CONNECTING && f->chan == NULL && c->now_ms >= f->retry_ms) {
        if (c->now_ms >= f->deadline_ms) {
            rk_ens_leave(c, "the leader could not be reached");
            return;
        }
        dial(c);
        return;
    }
    if (f->chan != NULL && !f->chan->is_paused && c->now_ms >= f->deadline_ms &&
        !(RK_BUG(SILENCE_IGNORED) && f->state == FOLLOW_ACTIVE)) {
        rk_ens_leave(c, f->state == FOLLOW_CONNECTING ? "the leader could not be reached"
                                                      : "nothing was heard from the leader");
    }
}

int64_t rk_follow_next_due(const struct rk_core *c)
{
    const struct follow *f = &c->ens->follow;
    if (f->state == FOLLOW_CONNECTING && f->chan == NULL) {
        return f->retry_ms;
    }
    return f->chan != NULL && !f->chan->is_paused ? f->deadline_ms : INT64_MAX;
}
