/* The leader's side of discovery and synchronisation: learners come, an epoch is chosen that is
 * later than any that a quorum has accepted, a quorum promises to follow it, this server's history
 * becomes theirs (leader_sync.c), and when a quorum has it durably serving begins. Everything a
 * learner says is checked before it counts; one that breaks the protocol is dropped, with a note.
 * spec-quorum C2, C4.5; ZK: Leader.lead, LearnerHandler.run. */
#include "core/leader_int.h"

#include <string.h>

/* An epoch further ahead than this is nobody's honest one (reliability.md Q4). */
#define EPOCH_JUMP_MAX ((int64_t)1 << 20)

/* Channels that have not said who they are: more than any ensemble has members. The oldest goes. */
#define STRANGERS_MAX 128u

/* A table of a million sessions touched since the last ping. */
#define TOUCHED_BYTES_MAX (16u << 20)

/* What waits behind a sync: more than the clients of one server may have in work. */
#define DEFERRED_BYTES_MAX ((size_t)256 << 20)

#define INPUT_KEPT_BYTES ((size_t)1 << 20)

static bool is_leading(const struct rk_core *c)
{
    return c->ens != NULL && c->ens->state == RK_PEER_LEADING;
}

static int64_t init_limit_ms(const struct rk_core *c)
{
    return rk_ens_ticks(c, c->ens->config.init_limit);
}

uint64_t rk_leader_own_bit(const struct rk_core *c)
{
    int32_t index = rk_quorum_index(&c->ens->quorum, c->ens->config.my_sid);
    RK_ASSERT(index >= 0);
    return UINT64_C(1) << index;
}

uint64_t rk_leader_bit(const struct learner *l)
{
    if (RK_BUG(OBSERVERS_COUNT) && l->voter < 0 && l->sid > 0) {
        return UINT64_C(1) << l->sid % 2;
    }
    return l->voter < 0 ? 0 : UINT64_C(1) << l->voter;
}

rk_zxid rk_leader_first_zxid(const struct rk_core *c)
{
    RK_ASSERT(c->ens->leader.epoch > 0);
    return c->ens->leader.epoch << 32;
}

/* -- saying something -------------------------------------------------------------------------- */

void rk_leader_note(struct rk_core *c, enum rk_note note, const struct learner *l, const char *what)
{
    char text[192];
    size_t address_len = strlen(l->chan->address);
    size_t what_len = strlen(what);
    size_t len = 0;
    RK_ASSERT(address_len < sizeof(l->chan->address));
    if (what_len > sizeof(text) - sizeof(l->chan->address) - 3) {
        what_len = sizeof(text) - sizeof(l->chan->address) - 3;
    }
    memcpy(text, what, what_len);
    len = what_len;
    text[len++] = ' ';
    text[len++] = '[';
    memcpy(text + len, l->chan->address, address_len);
    len += address_len;
    text[len++] = ']';
    rk_fx_note(c->fx, note, 0, 0, l->sid, rk_bytes_of(text, len));
}

struct rk_buf *rk_leader_send_begin(struct rk_core *c, const struct learner *l)
{
    RK_ASSERT(l->chan->owner == CHAN_LEARNER);
    rk_fx_chan_begin_many(c->fx, &l->chan->id, 1);
    return &c->fx->bytes;
}

void rk_leader_send_end(struct rk_core *c)
{
    rk_fx_chan_end_many(c->fx);
}

void rk_leader_send(struct rk_core *c, const struct learner *l, int32_t type, rk_zxid zxid,
                    struct rk_bytes data)
{
    rk_packet_write(rk_leader_send_begin(c, l), type, zxid, data);
    rk_leader_send_end(c);
}

/* -- learners come and go ---------------------------------------------------------------------- */

void rk_leader_release_slot(struct learner *l)
{
    l->holds_sync_slot = false;
}

/* The learner is gone from everything that knows it; its channel stays. */
static void free_learner(struct rk_core *c, struct learner *l)
{
    struct leader *d = &c->ens->leader;
    rk_leader_stream_end(c, l);
    rk_leader_set_forwarding(c, l, false);
    rk_leader_forget_syncs(c, l->chan->id);
    if (l->voter >= 0) {
        d->gone_ms[l->voter] = c->now_ms;
    }
    l->chan->learner = NULL;
    rk_buf_deinit(&l->deferred);
    rk_list_unlink(&l->link);
    rk_mem_free(c->mem, l, sizeof(*l));
}

static void drop(struct rk_core *c, struct learner *l, enum rk_note note, const char *why)
{
    struct chan *chan = l->chan;
    rk_leader_note(c, note, l, why);
    free_learner(c, l);
    rk_ens_chan_close(c, chan);
}

void rk_leader_drop(struct rk_core *c, struct learner *l, const char *why)
{
    drop(c, l, RK_NOTE_LEARNER_DROPPED, why);
}

static void refuse(struct rk_core *c, struct learner *l, const char *why)
{
    drop(c, l, RK_NOTE_LEARNER_REFUSED, why);
}

void rk_leader_on_closed(struct rk_core *c, struct chan *chan)
{
    struct learner *l = chan->learner;
    if (l == NULL) {
        return;
    }
    rk_leader_note(c, RK_NOTE_LEARNER_GONE, l, "");
    free_learner(c, l);
}

/* Whoever fills the port with silent connections keeps nobody else out. */
static void make_room(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct learner *oldest = NULL;
    struct rk_link *it;
    uint32_t count = 0;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_CONNECTED) {
            oldest = oldest == NULL ? l : oldest;
            count++;
        }
    }
    if (count >= STRANGERS_MAX) {
        refuse(c, oldest, "too many channels that have not said who they are");
    }
}

void rk_leader_adopt(struct rk_core *c, struct chan *chan)
{
    struct learner *l;
    RK_ASSERT(chan->port == RK_PORT_QUORUM && chan->owner == CHAN_STRANGER);
    make_room(c);
    l = rk_mem_must_zalloc(c->mem, sizeof(*l));
    l->chan = chan;
    l->state = LEARNER_CONNECTED;
    l->sid = RK_SID_NONE;
    l->voter = -1;
    l->current_epoch = -1;
    l->heard_ms = c->now_ms;
    l->deadline_ms = c->now_ms + init_limit_ms(c);
    rk_buf_init(&l->deferred, c->mem, DEFERRED_BYTES_MAX);
    rk_list_push(&c->ens->leader.learners, &l->link);
    chan->owner = CHAN_LEARNER;
    chan->learner = l;
    if (chan->in.len > 0) {
        rk_leader_on_bytes(c, chan);
    }
}

/* -- the epoch --------------------------------------------------------------------------------- */

static void tell_epoch(struct rk_core *c, struct learner *l)
{
    uint8_t version[4];
    RK_ASSERT(l->state == LEARNER_INFO && c->ens->leader.is_epoch_durable);
    rk_store_i32(version, RK_PEER_PROTOCOL);
    rk_leader_send(c, l, RK_PACKET_LEADER_INFO, rk_leader_first_zxid(c),
                   rk_bytes_of(version, sizeof(version)));
    l->state = LEARNER_TOLD;
    l->deadline_ms = c->now_ms + init_limit_ms(c);
}

/* C2 step 4. */
static void choose_epoch(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    if (d->epoch != 0 || !rk_quorum_contains(&c->ens->quorum, d->info_bits)) {
        return;
    }
    if (d->max_accepted >= INT32_MAX) {
        rk_ens_leave(c, "there is no epoch left: it is a number of 31 bits");
        return;
    }
    d->epoch = d->max_accepted + 1;
    d->phase_deadline_ms = c->now_ms + init_limit_ms(c);
    rk_fx_note(c->fx, RK_NOTE_LEADER_EPOCH, 0, 0, d->epoch, rk_bytes_str(""));
    rk_ens_write_epoch(c, RK_EPOCH_ACCEPTED, d->epoch);
    if (RK_BUG(EPOCH_OFFERED_EARLY)) {
        rk_leader_on_epoch_stored(c, RK_EPOCH_ACCEPTED, d->epoch);
    }
    if (RK_BUG(EPOCH_BEFORE_QUORUM)) {
        rk_ens_write_epoch(c, RK_EPOCH_CURRENT, d->epoch);
    }
}

/* C2 step 8: this server's history, with all of its tail, is the new epoch's. */
static void on_epoch_quorum(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    if (d->is_current_asked || !rk_quorum_contains(&c->ens->quorum, d->ack_epoch_bits)) {
        return;
    }
    d->is_current_asked = true;
    d->phase_deadline_ms = c->now_ms + init_limit_ms(c);
    rk_ens_apply_tail(c, c->ens->logged);
    rk_ens_write_epoch(c, RK_EPOCH_CURRENT, d->epoch);
}

static void begin_synchronisation(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_ASSERT(e->tail_first == NULL);
    e->phase = RK_PHASE_SYNCHRONIZATION;
    d->phase_deadline_ms = c->now_ms + init_limit_ms(c);
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_ACKED_EPOCH) {
            rk_leader_sync_learner(c, l);
        }
    }
    rk_leader_try_serving(c);
}

void rk_leader_on_epoch_stored(struct rk_core *c, enum rk_epoch_file file, int64_t epoch)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    RK_ASSERT(epoch == d->epoch);
    if ((RK_BUG(EPOCH_OFFERED_EARLY) && file == RK_EPOCH_ACCEPTED && d->is_epoch_durable) ||
        (RK_BUG(EPOCH_BEFORE_QUORUM) && file == RK_EPOCH_CURRENT &&
         (c->ens->epoch_writes > 0 || !d->is_current_asked))) {
        return;
    }
    if (file == RK_EPOCH_CURRENT) {
        RK_ASSERT(d->is_current_asked && c->ens->phase == RK_PHASE_DISCOVERY);
        begin_synchronisation(c);
        return;
    }
    RK_ASSERT(!d->is_epoch_durable);
    d->is_epoch_durable = true;
    for (it = d->learners.next; it != &d->learners; it = it->next) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_INFO) {
            tell_epoch(c, l);
        }
    }
    d->ack_epoch_bits |= rk_leader_own_bit(c);
    on_epoch_quorum(c);
}

/* -- the first words --------------------------------------------------------------------------- */

/* Why this one cannot be a learner of ours; NULL if it can. */
static const char *objection(const struct rk_core *c, const struct rk_packet *p,
                             const struct rk_learner_info *info)
{
    const struct ensemble *e = c->ens;
    int64_t accepted = RK_ZXID_EPOCH(p->zxid);
    if (info->protocol_version < RK_PEER_PROTOCOL) {
        return "it speaks a protocol older than ZooKeeper 3.4's";
    }
    if (info->sid == e->config.my_sid || rk_members_find(&e->config.members, info->sid) == NULL) {
        return "it is not another member of the configuration";
    }
    if (info->config_version > e->config.members.version) {
        return "it has a later configuration than the leader";
    }
    if (accepted < -1) {
        return "an epoch below zero";
    }
    return NULL;
}

/* It may follow no leader of an epoch as early as ours, and would be kept out for as long as this
 * server leads. Only another election can take it in, with a later epoch: our own promise sees to
 * that. */
static void on_later_epoch(struct rk_core *c, struct learner *l)
{
    int64_t epoch = l->accepted_epoch;
    bool is_voter = rk_quorum_index(&c->ens->quorum, l->sid) >= 0;
    refuse(c, l, "it has accepted a later epoch than the leader's");
    if (is_voter && c->ens->phase == RK_PHASE_BROADCAST) {
        rk_ens_leave(c, "a voter has accepted a later epoch, and cannot come back before another "
                        "election");
        rk_ens_write_epoch(c, RK_EPOCH_ACCEPTED, epoch);
    }
}

/* Only one that has shown that it may be who it says takes the place of its older channel. */
static void replace_older(struct rk_core *c, const struct learner *newer)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l != newer && l->sid == newer->sid) {
            rk_leader_drop(c, l, "it came again");
        }
    }
}

static void on_info(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    struct rk_learner_info info;
    const char *why;
    if ((p->type != RK_PACKET_FOLLOWER_INFO && p->type != RK_PACKET_OBSERVER_INFO) ||
        !rk_packet_parse_learner_info(p, &info)) {
        refuse(c, l, "its first packet is not FOLLOWERINFO or OBSERVERINFO");
        return;
    }
    l->sid = info.sid;
    why = objection(c, p, &info);
    if (why != NULL) {
        refuse(c, l, why);
        return;
    }
    l->accepted_epoch = RK_ZXID_EPOCH(p->zxid);
    if (l->accepted_epoch > e->accepted_epoch + EPOCH_JUMP_MAX) {
        drop(c, l, RK_NOTE_LEARNER_ALARM, "it says to have accepted an epoch that nobody chose");
        return;
    }
    if (e->leader.epoch != 0 && l->accepted_epoch > e->leader.epoch) {
        on_later_epoch(c, l);
        return;
    }
    replace_older(c, l);
    l->is_observer = p->type == RK_PACKET_OBSERVER_INFO;
    l->is_ours = (rk_packet_learner_abilities(p) & RK_LEARNER_CUTS) != 0;
    l->voter = l->is_observer ? -1 : rk_quorum_index(&e->quorum, l->sid);
    l->state = LEARNER_INFO;
    rk_leader_note(c, RK_NOTE_LEARNER_CONNECTED, l, l->is_observer ? "observer" : "follower");
    if (e->leader.epoch == 0) {
        if (l->accepted_epoch > e->leader.max_accepted) {
            e->leader.max_accepted = l->accepted_epoch;
        }
        e->leader.info_bits |= rk_leader_bit(l);
        choose_epoch(c);
    } else if (e->leader.is_epoch_durable) {
        tell_epoch(c, l);
    }
}

/* A leader that proposed nothing says that it stands at epoch << 32; whoever has that epoch as its
 * current one has everything that came before it. */
static bool is_beginning_of_our_epoch(const struct ensemble *e, rk_zxid zxid)
{
    return RK_ZXID_COUNTER(zxid) == 0 && RK_ZXID_EPOCH(zxid) == e->current_epoch;
}

/* C2 step 7. */
static void on_ack_epoch(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    if (p->type != RK_PACKET_ACK_EPOCH || p->data.len < 4) {
        rk_leader_drop(c, l, "something else than ACKEPOCH");
        return;
    }
    l->current_epoch = rk_load_i32(p->data.data);
    l->last_zxid = p->zxid;
    if (RK_ZXID_EPOCH(l->last_zxid) > d->epoch) {
        rk_leader_drop(c, l, "it has transactions of a later epoch than the leader's");
        return;
    }
    l->state = LEARNER_ACKED_EPOCH;
    if (e->phase != RK_PHASE_DISCOVERY) {
        rk_leader_sync_learner(c, l);
        return;
    }
    if (d->is_current_asked || l->current_epoch == -1) {
        return; /* it is decided, or it had accepted this epoch before: it does not count */
    }
    if (RK_BUG(AHEAD_ACCEPTED)) {
        l->current_epoch = e->current_epoch - 1;
    }
    if (l->current_epoch > e->current_epoch ||
        (l->current_epoch == e->current_epoch && l->last_zxid > e->logged &&
         !is_beginning_of_our_epoch(e, l->last_zxid))) {
        rk_leader_drop(c, l, "it is ahead of the leader");
        return;
    }
    if (l->last_zxid != -1) {
        d->ack_epoch_bits |= rk_leader_bit(l);
        on_epoch_quorum(c);
    }
}

/* -- NEWLEADER --------------------------------------------------------------------------------- */

void rk_leader_try_serving(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    struct rk_link *it;
    struct rk_link *tmp;
    if (e->phase != RK_PHASE_SYNCHRONIZATION) {
        return;
    }
    if (e->durable >= e->logged) {
        d->new_leader_bits |= rk_leader_own_bit(c);
    }
    if (!(d->new_leader_bits & rk_leader_own_bit(c)) ||
        (!rk_quorum_contains(&e->quorum, d->new_leader_bits) && !RK_BUG(SERVING_WITHOUT_QUORUM))) {
        return;
    }
    d->commit_told = rk_leader_first_zxid(c);
    d->next_ping_ms = c->now_ms + c->config.tick_ms / 2;
    rk_ens_begin_serving(c);
    RK_LIST_EACH(it, tmp, &d->learners)
    {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        if (l->state == LEARNER_READY) {
            rk_leader_activate(c, l);
        }
    }
}

/* Followers before 3.8.5 may acknowledge a proposal before NEWLEADER (ZK-4685); it is remembered,
 * and counts with the acknowledgement that has to come. */
static bool is_early_ack(const struct rk_core *c, rk_zxid zxid)
{
    return RK_ZXID_COUNTER(zxid) != 0 && zxid > 0 && zxid <= c->ens->logged;
}

static void on_new_leader_ack(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    if (p->zxid != rk_leader_first_zxid(c)) {
        if (!is_early_ack(c, p->zxid)) {
            rk_leader_drop(c, l, "it acknowledged something else than NEWLEADER");
        } else if (p->zxid > l->acked) {
            l->acked = p->zxid;
        }
        return;
    }
    c->ens->leader.new_leader_bits |= rk_leader_bit(l);
    l->state = LEARNER_READY;
    rk_leader_release_slot(l);
    if (c->ens->phase == RK_PHASE_BROADCAST) {
        rk_leader_activate(c, l);
    } else {
        rk_leader_try_serving(c);
    }
}

/* -- those who elected us ---------------------------------------------------------------------- */

bool rk_leader_gave_up_waiting(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    if (d->epoch != 0 || rk_election_may_lead(&e->election, d->info_bits)) {
        d->alone_ms = INT64_MAX;
        return false;
    }
    if (d->alone_ms == INT64_MAX) {
        d->alone_ms = c->now_ms;
    }
    if (c->now_ms - d->alone_ms < e->config.epoch_wait_ms) {
        return false;
    }
    c->metrics.quit_leading_due_to_disloyal_voter++;
    rk_ens_leave(c, "the voters have turned to another one, or are gone");
    return true;
}

/* -- packets ----------------------------------------------------------------------------------- */

static void on_broadcast(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    switch (p->type) {
    case RK_PACKET_ACK:
        if (p->zxid != rk_leader_first_zxid(c)) { /* that one is UPTODATE's */
            rk_leader_on_ack(c, l, p->zxid);
        }
        break;
    case RK_PACKET_PING:
        rk_leader_on_ping_answer(c, l, p);
        break;
    case RK_PACKET_REVALIDATE:
        rk_leader_revalidate(c, l, p);
        break;
    case RK_PACKET_REQUEST:
        rk_leader_request(c, l, p);
        break;
    default:
        rk_leader_note(c, RK_NOTE_LEARNER_ODD, l, rk_packet_name(p->type)); /* as Apache does */
        break;
    }
}

static void on_packet(struct rk_core *c, struct learner *l, const struct rk_packet *p)
{
    switch (l->state) {
    case LEARNER_CONNECTED:
        on_info(c, l, p);
        break;
    case LEARNER_TOLD:
        on_ack_epoch(c, l, p);
        break;
    case LEARNER_SYNCED:
    case LEARNER_READY:
        if (p->type == RK_PACKET_ACK && l->state == LEARNER_SYNCED) {
            on_new_leader_ack(c, l, p);
        } else if (p->type != RK_PACKET_ACK && p->type != RK_PACKET_PING) {
            rk_leader_drop(c, l, "it wants something before UPTODATE");
        }
        break;
    case LEARNER_ACTIVE:
        on_broadcast(c, l, p);
        break;
    case LEARNER_INFO:
    case LEARNER_ACKED_EPOCH:
    case LEARNER_STREAM_WAIT:
    case LEARNER_STREAM:
        rk_leader_drop(c, l, "it spoke out of turn");
        break;
    }
}

static uint32_t data_max(const struct rk_core *c, const struct learner *l)
{
    uint64_t max = (uint64_t)c->config.record_bytes_max + TOUCHED_BYTES_MAX;
    if (l->state == LEARNER_CONNECTED) {
        return RK_PACKET_INFO_MAX;
    }
    return max > INT32_MAX ? INT32_MAX : (uint32_t)max;
}

/* Takes whole packets off; what remains is the beginning of one. The channel may be closed by any
 * of them, and its bytes with it. */
static size_t consume(struct rk_core *c, struct chan *chan)
{
    size_t at = 0;
    while (chan->owner == CHAN_LEARNER && at < chan->in.len) {
        struct learner *l = chan->learner;
        struct rk_bytes rest = rk_bytes_of(chan->in.data + at, chan->in.len - at);
        struct rk_packet p;
        size_t used = 0;
        enum rk_parse parsed = rk_packet_parse(rest, data_max(c, l), &p, &used);
        if (parsed == RK_PARSE_BAD ||
            (l->state == LEARNER_CONNECTED && rest.len > RK_PACKET_INFO_MAX)) {
            rk_leader_drop(c, l, "a packet that cannot be decoded");
            break;
        }
        if (parsed == RK_PARSE_MORE) {
            break;
        }
        at += used;
        l->heard_ms = c->now_ms;
        on_packet(c, l, &p);
    }
    return at;
}

void rk_leader_on_bytes(struct rk_core *c, struct chan *chan)
{
    size_t at;
    if (rk_leader_overslept(c)) {
        return;
    }
    at = consume(c, chan);
    if (chan->owner != CHAN_LEARNER || at == 0) {
        return;
    }
    memmove(chan->in.data, chan->in.data + at, chan->in.len - at);
    chan->in.len -= at;
    if (chan->in.len == 0 && chan->in.cap > INPUT_KEPT_BYTES) {
        rk_buf_deinit(&chan->in);
    }
    rk_leader_count_acks(c, chan->learner);
}

/* -- begin and end ----------------------------------------------------------------------------- */

static void adopt_waiting(struct rk_core *c)
{
    struct rk_link *it;
    struct rk_link *tmp;
    RK_LIST_EACH(it, tmp, &c->ens->chans)
    {
        struct chan *chan = RK_CONTAINER_OF(it, struct chan, link);
        if (is_leading(c) && chan->port == RK_PORT_QUORUM && chan->owner == CHAN_STRANGER) {
            rk_leader_adopt(c, chan);
        }
    }
}

void rk_leader_begin(struct rk_core *c)
{
    struct ensemble *e = c->ens;
    struct leader *d = &e->leader;
    RK_ASSERT(is_leading(c));
    memset(d, 0, sizeof(*d));
    rk_list_init(&d->learners);
    rk_list_init(&d->syncs);
    rk_list_init(&d->streams);
    d->log_gap = INT64_MIN;
    e->phase = RK_PHASE_DISCOVERY;
    d->began_ms = c->now_ms;
    d->looked_ms = c->now_ms;
    d->alone_ms = INT64_MAX;
    d->phase_deadline_ms = c->now_ms + init_limit_ms(c);
    d->next_ping_ms = c->now_ms + c->config.tick_ms / 2;
    d->max_accepted = e->accepted_epoch;
    d->info_bits = rk_leader_own_bit(c);
    d->ping_round = 1;
    d->last_proposal_bytes = -1;
    d->min_proposal_bytes = -1;
    d->max_proposal_bytes = -1;
    for (uint32_t i = 0; i < RK_QUORUM_VOTERS_MAX; i++) {
        d->gone_ms[i] = INT64_MIN;
    }
    adopt_waiting(c);
    if (is_leading(c)) {
        choose_epoch(c);
    }
}

void rk_leader_end(struct rk_core *c)
{
    struct leader *d = &c->ens->leader;
    struct rk_link *it;
    while ((it = rk_list_first(&d->learners)) != NULL) {
        struct learner *l = RK_CONTAINER_OF(it, struct learner, link);
        struct chan *chan = l->chan;
        free_learner(c, l);
        rk_ens_chan_close(c, chan);
    }
    RK_ASSERT(d->stream_count == 0 && d->follower_count == 0 && d->observer_count == 0);
    rk_leader_forget_syncs(c, 0);
}
