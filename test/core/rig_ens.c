/* The other servers' end of a core's channels. */
#include "rig_ens.h"

#include "core/ensemble_int.h"
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define RIG_BUF_MAX      ((size_t)1 << 30)
#define RIG_OTHERS_EPOCH INT64_C(100)

static struct rig_ens *ens_of(struct rig *r)
{
    return RK_CONTAINER_OF(r, struct rig_ens, rig);
}

/* -- wires ------------------------------------------------------------------------------------- */

static struct rig_wire *find_wire(struct rig_ens *r, rk_chan_id id)
{
    for (uint32_t i = 0; i < r->wire_count; i++) {
        if (r->wires[i].id == id) {
            return &r->wires[i];
        }
    }
    fail_msg("an effect for a channel that never was");
    return NULL;
}

static struct rig_wire *add_wire(struct rig_ens *r, rk_chan_id id, enum rk_chan_port port)
{
    struct rig_wire *w = &r->wires[r->wire_count];
    assert_true(r->wire_count < RIG_WIRES);
    r->wire_count++;
    memset(w, 0, sizeof(*w));
    w->id = id;
    w->port = port;
    w->is_up = true;
    rk_buf_init(&w->got, &r->rig.mem, RIG_BUF_MAX);
    return w;
}

static void owe(struct rig_ens *r, const struct rk_event *e)
{
    assert_true(r->owed_count < RIG_OWED_MAX);
    r->owed[r->owed_count++] = *e;
}

static void chan_event(struct rig_ens *r, enum rk_event_kind kind, rk_chan_id id,
                       struct rk_bytes bytes)
{
    struct rk_event e = {.kind = kind};
    e.u.chan.chan = id;
    e.u.chan.port = RK_PORT_QUORUM;
    e.u.chan.bytes = bytes;
    rig_step(&r->rig, &e);
}

static void put_sent(struct rig_ens *r, rk_chan_id id, struct rk_bytes bytes)
{
    struct rig_wire *w = find_wire(r, id);
    assert_false(w->is_closed);
    if (w->is_up) {
        rk_buf_put(&w->got, bytes.data, bytes.len);
    }
}

static void on_epoch_effect(struct rig_ens *r, const struct rk_effect *fx)
{
    struct rk_event e = {.kind = RK_EV_EPOCH_STORED};
    e.u.epoch.file = fx->u.epoch.file;
    e.u.epoch.epoch = fx->u.epoch.epoch;
    owe(r, &e);
}

static void on_effect(struct rig *rig, const struct rk_effect *e)
{
    struct rig_ens *r = ens_of(rig);
    struct rk_bytes bytes = rk_effects_bytes(&rig->fx, e);
    switch (e->kind) {
    case RK_FX_CHAN_DIAL:
        add_wire(r, e->u.chan.chan, e->u.chan.port)->number = e->u.chan.number;
        break;
    case RK_FX_CHAN_SEND:
        put_sent(r, e->u.chan.chan, bytes);
        break;
    case RK_FX_CHAN_SEND_MANY:
        for (uint32_t i = 0; i < e->u.many.count; i++) {
            put_sent(r, rig->fx.conns[e->u.many.first + i], bytes);
        }
        break;
    case RK_FX_CHAN_MARK:
        find_wire(r, e->u.chan.chan)->marks++;
        break;
    case RK_FX_CHAN_PAUSE:
    case RK_FX_CHAN_RESUME:
        find_wire(r, e->u.chan.chan)->is_paused = e->kind == RK_FX_CHAN_PAUSE;
        break;
    case RK_FX_CHAN_CLOSE:
        assert_false(find_wire(r, e->u.chan.chan)->is_closed);
        find_wire(r, e->u.chan.chan)->is_closed = true;
        break;
    case RK_FX_EPOCH:
        on_epoch_effect(r, e);
        break;
    case RK_FX_LOG_READ:
        r->reads++;
        r->read = *e;
        break;
    case RK_FX_LOG_READ_END:
        r->read_ends++;
        break;
    case RK_FX_FATAL:
        r->is_fatal = true;
        break;
    default:
        fail_msg("effect %d is nothing for this rig", (int)e->kind);
    }
}

/* -- what is owed after a step ----------------------------------------------------------------- */

void rig_ens_store(struct rig_ens *r)
{
    while (r->owed_count > 0) {
        struct rk_event e = r->owed[0];
        r->owed_count--;
        memmove(r->owed, r->owed + 1, r->owed_count * sizeof(r->owed[0]));
        if (e.u.epoch.file == RK_EPOCH_ACCEPTED) {
            r->accepted_epoch = e.u.epoch.epoch;
        } else {
            r->current_epoch = e.u.epoch.epoch;
        }
        rig_sync(&r->rig); /* one queue: records before it are durable */
        rig_step(&r->rig, &e);
    }
}

/* The core closed it: the shell says so. */
static void confirm_closed(struct rig_ens *r)
{
    for (uint32_t i = 0; i < r->wire_count; i++) {
        struct rig_wire *w = &r->wires[i];
        if (w->is_closed && w->is_up) {
            w->is_up = false;
            chan_event(r, RK_EV_CHAN_CLOSED, w->id, rk_bytes_str(""));
        }
    }
}

/* Election channels: whoever is dialed answers, and votes as it is told. */
static void answer_notifications(struct rig_ens *r, struct rig_wire *w)
{
    struct rk_peer_initial initial;
    struct rk_notification n;
    struct rk_bytes body;
    struct rk_buf b;
    size_t used = 0;
    if (w->at == 0) {
        assert_int_equal(rk_peer_parse_initial(rk_buf_view(&w->got), &initial, &used), RK_PARSE_OK);
        assert_int_equal(initial.sid, RIG_SID);
        w->at = used;
    }
    rk_buf_init(&b, &r->rig.mem, RIG_BUF_MAX);
    while (r->has_voted && rk_peer_parse_frame(rk_bytes_of(w->got.data + w->at, w->got.len - w->at),
                                               &body, &used) == RK_PARSE_OK) {
        w->at += used;
        assert_true(rk_peer_parse_notification(body, &n));
        if (r->votes_for != 0) {
            n.leader = r->votes_for;
            n.peer_epoch = RIG_OTHERS_EPOCH;
            n.zxid = RIG_OTHERS_EPOCH << 32;
        }
        if (n.state == RK_PEER_LOOKING && (n.leader == RIG_SID || r->votes_for != 0)) {
            rk_buf_reset(&b);
            rk_peer_write_notification(&b, &n); /* the same vote, from another server */
            chan_event(r, RK_EV_CHAN_BYTES, w->id, rk_buf_view(&b));
        }
    }
    rk_buf_deinit(&b);
}

static void settle(struct rig *rig)
{
    struct rig_ens *r = ens_of(rig);
    rig->settle = NULL; /* not within itself */
    for (uint32_t i = 0; i < r->wire_count; i++) {
        struct rig_wire *w = &r->wires[i];
        if (w->port == RK_PORT_ELECTION && w->is_up && !w->is_closed) {
            if (w->number != 0 && r->has_voted) {
                w->number = 0;
                chan_event(r, RK_EV_CHAN_CONNECTED, w->id, rk_bytes_str(""));
            }
            if (w->got.len > 0) {
                answer_notifications(r, w);
            }
        }
    }
    confirm_closed(r);
    if (!r->holds_epochs) {
        rig_ens_store(r);
    }
    confirm_closed(r);
    rig->settle = settle;
}

/* -- begin and end ----------------------------------------------------------------------------- */

static void add_member(struct rk_members *m, int64_t sid, bool is_observer)
{
    struct rk_member member;
    memset(&member, 0, sizeof(member));
    member.sid = sid;
    member.is_observer = is_observer;
    memcpy(member.host, "127.0.0.1", 10);
    member.quorum_port = (uint16_t)(RIG_QUORUM + sid);
    member.election_port = (uint16_t)(RIG_ELECTION + sid);
    member.group = RK_GROUP_NONE;
    member.weight = 1;
    assert_int_equal(rk_members_add(m, &member), RK_OK);
}

void rig_ens_init(struct rig_ens *r, uint32_t voters, uint32_t observers)
{
    struct rk_ensemble_config *g = &r->ensemble;
    const char *why = "";
    memset(r, 0, sizeof(*r));
    rig_config(&r->config);
    r->config.server_id = RIG_SID;
    r->config.tick_ms = RIG_TICK_MS;
    g->my_sid = RIG_SID;
    rk_members_init(&g->members);
    for (uint32_t sid = 1; sid < voters; sid++) {
        add_member(&g->members, sid, false);
    }
    for (uint32_t i = 0; i < observers; i++) {
        add_member(&g->members, (int64_t)(voters + i), true);
    }
    add_member(&g->members, RIG_SID, false);
    assert_int_equal(rk_members_finish(&g->members, &why), RK_OK);
    g->init_limit = RIG_INIT_LIM;
    g->sync_limit = RIG_SYNC_LIM;
    g->cnx_timeout_ms = 5000;
    g->connect_retry_ms = 20;
    g->election_min_ms = 200;
    g->election_max_ms = 60000;
    g->election_finalize_ms = 200;
    g->epoch_wait_ms = 400;
    g->commit_log_count = 500;
    g->history_bytes_max = 64 << 20;
    g->history_pin_bytes_max = 64 << 20;
    g->max_concurrent_snap_syncs = 10;
    g->max_concurrent_diff_syncs = 100;
    g->snapshot_size_permille = -1;
    g->leader_serves = true;
    g->may_initialize = true;
}

void rig_ens_start(struct rig_ens *r)
{
    r->config.ensemble = &r->ensemble;
    rig_prepare(&r->rig, &r->config);
    r->rig.other = on_effect;
    r->rig.settle = settle;
    rk_core_set_epochs(r->rig.core, r->accepted_epoch, r->current_epoch, false);
    rig_start(&r->rig);
}

void rig_ens_deinit(struct rig_ens *r)
{
    for (uint32_t i = 0; i < r->wire_count; i++) {
        rk_buf_deinit(&r->wires[i].got);
    }
    rig_deinit(&r->rig);
}

enum rk_peer_state rig_ens_state(const struct rig_ens *r)
{
    struct rk_ensemble_report report;
    rk_core_ensemble_report(r->rig.core, &report);
    return report.state;
}

enum rk_phase rig_ens_phase(const struct rig_ens *r)
{
    struct rk_ensemble_report report;
    rk_core_ensemble_report(r->rig.core, &report);
    return report.phase;
}

void rig_ens_pass(struct rig_ens *r, int64_t ms)
{
    while (ms > 0) {
        int64_t step = ms < RIG_TICK_MS / 4 ? ms : RIG_TICK_MS / 4;
        rig_advance(&r->rig, step);
        ms -= step;
    }
}

void rig_ens_elect(struct rig_ens *r)
{
    r->has_voted = true;
    for (uint32_t i = 0; i < 100 && rig_ens_state(r) != RK_PEER_LEADING; i++) {
        rig_advance(&r->rig, 50);
    }
    assert_int_equal(rig_ens_state(r), RK_PEER_LEADING);
    r->has_voted = false;
}

void rig_ens_turn(struct rig_ens *r, uint32_t count, int64_t leader)
{
    struct rk_vote vote = rk_election_vote(&r->rig.core->ens->election);
    struct rk_notification n = {.state = RK_PEER_LOOKING,
                                .leader = leader,
                                .zxid = vote.zxid,
                                .round = vote.round,
                                .peer_epoch = vote.peer_epoch,
                                .version = 2,
                                .config = rk_bytes_str("")};
    struct rk_buf b;
    rk_buf_init(&b, &r->rig.mem, RIG_BUF_MAX);
    rk_peer_write_notification(&b, &n);
    for (uint32_t i = 0; i < r->wire_count && count > 0; i++) {
        struct rig_wire *w = &r->wires[i];
        if (w->port == RK_PORT_ELECTION && w->is_up && !w->is_closed) {
            chan_event(r, RK_EV_CHAN_BYTES, w->id, rk_buf_view(&b));
            count--;
        }
    }
    assert_int_equal(count, 0);
    rk_buf_deinit(&b);
}

uint32_t rig_ens_follow(struct rig_ens *r, int64_t sid)
{
    uint32_t wire = 0;
    r->has_voted = true;
    r->votes_for = sid;
    for (uint32_t i = 0; i < 100 && rig_ens_state(r) == RK_PEER_LOOKING; i++) {
        rig_advance(&r->rig, 50);
    }
    assert_int_equal(rig_ens_state(r), RK_PEER_FOLLOWING);
    while (r->wires[wire].number != RIG_QUORUM + sid || !r->wires[wire].is_up) {
        wire++;
        assert_true(wire < r->wire_count);
    }
    chan_event(r, RK_EV_CHAN_CONNECTED, r->wires[wire].id, rk_bytes_str(""));
    (void)rig_ens_expect(r, wire, RK_PACKET_FOLLOWER_INFO, r->accepted_epoch << 32);
    return wire;
}

/* -- to the core ------------------------------------------------------------------------------- */

uint32_t rig_ens_dial(struct rig_ens *r)
{
    uint32_t wire = r->wire_count;
    r->accepted_ids++;
    (void)add_wire(r, r->accepted_ids, RK_PORT_QUORUM);
    chan_event(r, RK_EV_CHAN_ACCEPTED, r->accepted_ids, rk_bytes_str("127.0.0.1"));
    return wire;
}

void rig_ens_hang_up(struct rig_ens *r, uint32_t wire)
{
    struct rig_wire *w = &r->wires[wire];
    assert_true(w->is_up);
    w->is_up = false;
    chan_event(r, RK_EV_CHAN_CLOSED, w->id, rk_bytes_str("end of file"));
}

void rig_ens_bytes(struct rig_ens *r, uint32_t wire, struct rk_bytes bytes)
{
    if (r->wires[wire].is_up) {
        chan_event(r, RK_EV_CHAN_BYTES, r->wires[wire].id, bytes);
    }
}

void rig_ens_flushed(struct rig_ens *r, uint32_t wire)
{
    assert_true(r->wires[wire].marks > 0);
    r->wires[wire].marks--;
    chan_event(r, RK_EV_CHAN_FLUSHED, r->wires[wire].id, rk_bytes_str(""));
}

void rig_ens_send(struct rig_ens *r, uint32_t wire, int32_t type, rk_zxid zxid,
                  struct rk_bytes data)
{
    struct rk_buf b;
    rk_buf_init(&b, &r->rig.mem, RIG_BUF_MAX);
    rk_packet_write(&b, type, zxid, data);
    rig_ens_bytes(r, wire, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

void rig_ens_info(struct rig_ens *r, uint32_t wire, int32_t type, int64_t sid, int64_t accepted)
{
    uint8_t info[20];
    rk_store_i64(info, sid);
    rk_store_i32(info + 8, RK_PEER_PROTOCOL);
    rk_store_i64(info + 12, 0);
    rig_ens_send(r, wire, type, accepted * ((int64_t)1 << 32), rk_bytes_of(info, sizeof(info)));
}

void rig_ens_ack_epoch(struct rig_ens *r, uint32_t wire, int32_t current, rk_zxid last)
{
    uint8_t data[4];
    rk_store_i32(data, current);
    rig_ens_send(r, wire, RK_PACKET_ACK_EPOCH, last, rk_bytes_of(data, sizeof(data)));
}

void rig_ens_ack(struct rig_ens *r, uint32_t wire, rk_zxid zxid)
{
    rig_ens_send(r, wire, RK_PACKET_ACK, zxid, rk_bytes_str(NULL));
}

void rig_ens_request(struct rig_ens *r, uint32_t wire, rk_session_id session, int32_t cxid,
                     int32_t op, struct rk_bytes body, bool null_ids)
{
    struct rk_id id = {.scheme = rk_bytes_str("ip"), .id = rk_bytes_str("127.0.0.1")};
    struct rk_buf b;
    rk_buf_init(&b, &r->rig.mem, RIG_BUF_MAX);
    rk_packet_write_request(&b, session, cxid, op, body, &id, null_ids ? 0 : 1, null_ids);
    rig_ens_bytes(r, wire, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

/* -- from the core ----------------------------------------------------------------------------- */

bool rig_ens_has(const struct rig_ens *r, uint32_t wire)
{
    return r->wires[wire].at < r->wires[wire].got.len;
}

struct rk_packet rig_ens_take(struct rig_ens *r, uint32_t wire)
{
    struct rig_wire *w = &r->wires[wire];
    struct rk_packet p;
    size_t used = 0;
    struct rk_bytes rest = rk_bytes_of(w->got.data + w->at, w->got.len - w->at);
    assert_int_equal(rk_packet_parse(rest, INT32_MAX, &p, &used), RK_PARSE_OK);
    w->at += used;
    return p;
}

struct rk_packet rig_ens_expect(struct rig_ens *r, uint32_t wire, int32_t type, rk_zxid zxid)
{
    struct rk_packet p;
    assert_true(rig_ens_has(r, wire));
    p = rig_ens_take(r, wire);
    assert_string_equal(rk_packet_name(p.type), rk_packet_name(type));
    assert_int_equal(p.zxid, zxid);
    return p;
}

void rig_ens_expect_nothing(const struct rig_ens *r, uint32_t wire)
{
    assert_false(rig_ens_has(r, wire));
}

struct rk_packet rig_ens_skip_to(struct rig_ens *r, uint32_t wire, int32_t type)
{
    struct rk_packet p;
    do {
        assert_true(rig_ens_has(r, wire));
        p = rig_ens_take(r, wire);
    } while (p.type != type);
    return p;
}

void rig_ens_forget(struct rig_ens *r, uint32_t wire)
{
    r->wires[wire].at = r->wires[wire].got.len;
}

bool rig_ens_is_dropped(const struct rig_ens *r, uint32_t wire)
{
    return r->wires[wire].is_closed;
}

/* -- whole ways -------------------------------------------------------------------------------- */

uint32_t rig_ens_join(struct rig_ens *r, int64_t sid, bool is_observer, rk_zxid last)
{
    uint32_t wire = rig_ens_dial(r);
    struct rk_packet p;
    rig_ens_info(r, wire, is_observer ? RK_PACKET_OBSERVER_INFO : RK_PACKET_FOLLOWER_INFO, sid,
                 RK_ZXID_EPOCH(last));
    p = rig_ens_take(r, wire);
    assert_int_equal(p.type, RK_PACKET_LEADER_INFO);
    rig_ens_ack_epoch(r, wire, (int32_t)RK_ZXID_EPOCH(last), last);
    return wire;
}

rk_zxid rig_ens_serve(struct rig_ens *r, uint32_t followers, uint32_t *ret_wires)
{
    rk_zxid first;
    rig_ens_elect(r);
    for (uint32_t i = 0; i < followers; i++) {
        ret_wires[i] = rig_ens_dial(r);
        rig_ens_info(r, ret_wires[i], RK_PACKET_FOLLOWER_INFO, i + 1, 0);
    }
    first = (r->accepted_epoch) * ((int64_t)1 << 32);
    for (uint32_t i = 0; i < followers; i++) {
        (void)rig_ens_expect(r, ret_wires[i], RK_PACKET_LEADER_INFO, first);
        rig_ens_ack_epoch(r, ret_wires[i], 0, 0);
    }
    for (uint32_t i = 0; i < followers; i++) {
        (void)rig_ens_skip_to(r, ret_wires[i], RK_PACKET_NEW_LEADER);
        rig_ens_ack(r, ret_wires[i], first);
    }
    assert_int_equal(rig_ens_phase(r), RK_PHASE_BROADCAST);
    for (uint32_t i = 0; i < followers; i++) {
        (void)rig_ens_skip_to(r, ret_wires[i], RK_PACKET_UP_TO_DATE);
        rig_ens_ack(r, ret_wires[i], first);
        rig_ens_forget(r, ret_wires[i]);
    }
    return first;
}
