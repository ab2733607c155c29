/* One server that is made leader by hand-played voters, and up to four learners that say anything:
 * the right next packet, one that is out of place, mutated ones, requests of any kind, in pieces,
 * and any bytes; the disk, clients and time are the input's too. Whatever comes: no assertion
 * fires, what is sent can be parsed, what is in memory is in the log, and no memory is left. */
#include "member.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WIRES     64u
#define LEARNERS  4u
#define STEPS_MAX 400u
#define VOTERS    3u
#define ME        3

struct wire {
    rk_chan_id id;
    enum rk_chan_port port;
    int64_t sid;
    bool is_up, is_closed, is_snap;
    bool is_dialed, is_connected;
    uint32_t marks;
    struct rk_buf got;
};

struct host {
    struct member m;
    struct wire wires[WIRES];
    uint32_t learners[LEARNERS]; /* wires, + 1 */
    uint64_t accepted_ids;
    struct rk_mem mem;
    struct rk_buf out;
    uint32_t piece;
};

/* -- wires ------------------------------------------------------------------------------------- */

static struct wire *find(struct host *h, rk_chan_id id)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        if (h->wires[i].is_up && h->wires[i].id == id) {
            return &h->wires[i];
        }
    }
    return NULL;
}

static struct wire *add(struct host *h, rk_chan_id id, enum rk_chan_port port, int64_t sid)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        struct wire *w = &h->wires[i];
        if (!w->is_up) {
            rk_buf_deinit(&w->got);
            memset(w, 0, sizeof(*w));
            w->id = id;
            w->port = port;
            w->sid = sid;
            w->is_up = true;
            rk_buf_init(&w->got, &h->mem, 1 << 24);
            return w;
        }
    }
    rk_panic(__FILE__, __LINE__, "channels without end");
}

/* What the core says is well-formed; snapshots are jumped over. */
static void parse(struct wire *w)
{
    size_t at = 0;
    while (at < w->got.len) {
        struct rk_bytes rest = rk_bytes_of(w->got.data + at, w->got.len - at);
        struct rk_packet p;
        size_t used = 0;
        if (w->is_snap) {
            size_t k = 0;
            while (k + 10 <= rest.len && memcmp(rest.data + k, RK_SNAP_SIGNATURE, 10) != 0) {
                k++;
            }
            w->is_snap = k + 10 > rest.len;
            at += w->is_snap ? k : k + 10;
            if (w->is_snap) {
                break;
            }
            continue;
        }
        if (rk_packet_parse(rest, INT32_MAX, &p, &used) != RK_PARSE_OK) {
            rk_panic(__FILE__, __LINE__, "the core sent what is no packet");
        }
        w->is_snap = p.type == RK_PACKET_SNAP;
        at += used;
    }
    memmove(w->got.data, w->got.data + at, w->got.len - at);
    w->got.len -= at;
}

static void put_sent(struct host *h, rk_chan_id id, struct rk_bytes bytes)
{
    struct wire *w = find(h, id);
    RK_ASSERT(w != NULL && !w->is_closed);
    if (w->port == RK_PORT_QUORUM && !w->is_dialed && bytes.len > 0) {
        rk_buf_put(&w->got, bytes.data, bytes.len);
        parse(w);
    }
}

static void on_chan(struct member *m, const struct rk_effect *fx)
{
    struct host *h = m->ctx;
    struct rk_bytes bytes = rk_effects_bytes(&m->fx, fx);
    struct wire *w;
    if (fx->kind == RK_FX_CHAN_DIAL) {
        w = add(h, fx->u.chan.chan, fx->u.chan.port, fx->u.chan.number % 1000);
        w->is_dialed = true;
        return;
    }
    if (fx->kind == RK_FX_CHAN_SEND_MANY) {
        for (uint32_t i = 0; i < fx->u.many.count; i++) {
            put_sent(h, m->fx.conns[fx->u.many.first + i], bytes);
        }
        return;
    }
    if (fx->kind == RK_FX_CHAN_SEND) {
        put_sent(h, fx->u.chan.chan, bytes);
        return;
    }
    w = find(h, fx->u.chan.chan);
    RK_ASSERT(w != NULL && !w->is_closed);
    w->is_closed = fx->kind == RK_FX_CHAN_CLOSE;
    w->marks += fx->kind == RK_FX_CHAN_MARK;
}

static void tell_closed(struct host *h, struct wire *w)
{
    w->is_up = false;
    member_chan(&h->m, RK_EV_CHAN_CLOSED, w->id, w->port, rk_bytes_str("closed"));
}

static void confirm_closed(struct host *h)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        if (h->wires[i].is_up && h->wires[i].is_closed) {
            tell_closed(h, &h->wires[i]);
        }
    }
}

/* -- election ---------------------------------------------------------------------------------- */

/* Those it dials answer, and vote for it. */
static void vote(struct host *h, bool is_ok)
{
    struct rk_election *e = &h->m.core->ens->election;
    for (uint32_t i = 0; i < WIRES; i++) {
        struct wire *w = &h->wires[i];
        struct rk_notification n = {.leader = ME, .version = RK_NOTIFICATION_VERSION};
        struct rk_vote v = rk_election_vote(e);
        if (!w->is_up || w->is_closed || w->port != RK_PORT_ELECTION || !w->is_dialed) {
            continue;
        }
        if (!is_ok) {
            tell_closed(h, w);
            continue;
        }
        if (!w->is_connected) {
            w->is_connected = true;
            member_chan(&h->m, RK_EV_CHAN_CONNECTED, w->id, w->port, rk_bytes_str(""));
        }
        n.zxid = v.zxid;
        n.round = v.round;
        n.peer_epoch = v.peer_epoch;
        n.config = rk_bytes_str("");
        rk_buf_reset(&h->out);
        rk_peer_write_notification(&h->out, &n);
        if (w->is_up && !w->is_closed) {
            member_chan(&h->m, RK_EV_CHAN_BYTES, w->id, w->port, rk_buf_view(&h->out));
        }
    }
    confirm_closed(h);
}

static void elect(struct host *h)
{
    for (uint32_t i = 0; i < 40 && h->m.core->ens->state == RK_PEER_LOOKING && !h->m.is_fatal;
         i++) {
        member_disk(&h->m, 8, true);
        member_snap(&h->m, true);
        h->m.now_ms += 50;
        member_tick(&h->m);
        vote(h, true);
    }
}

/* -- learners ---------------------------------------------------------------------------------- */

static struct wire *learner_wire(struct host *h, uint32_t who)
{
    uint32_t n = h->learners[who];
    struct wire *w = n == 0 ? NULL : &h->wires[n - 1];
    return w != NULL && w->is_up && !w->is_closed && w->port == RK_PORT_QUORUM && !w->is_dialed
               ? w
               : NULL;
}

static struct learner *learner(struct host *h, const struct wire *w)
{
    struct chan *chan = rk_ens_chan_find(h->m.core, w->id);
    return chan == NULL || chan->owner != CHAN_LEARNER ? NULL : chan->learner;
}

static struct wire *dial(struct host *h, uint32_t who)
{
    struct wire *w = learner_wire(h, who);
    if (w != NULL) {
        return w;
    }
    h->accepted_ids++;
    w = add(h, h->accepted_ids, RK_PORT_QUORUM, who + 1);
    h->learners[who] = (uint32_t)(w - h->wires) + 1;
    member_chan(&h->m, RK_EV_CHAN_ACCEPTED, w->id, RK_PORT_QUORUM, rk_bytes_str("127.0.0.1"));
    confirm_closed(h);
    return learner_wire(h, who);
}

static void say(struct host *h, uint32_t who)
{
    struct rk_bytes left;
    struct rk_buf copy;
    rk_buf_init(&copy, &h->mem, 1 << 20);
    rk_buf_put(&copy, h->out.data, h->out.len);
    left = rk_buf_view(&copy);
    while (left.len > 0 && learner_wire(h, who) != NULL) {
        struct wire *w = learner_wire(h, who);
        size_t len = h->piece == 0 || h->piece > left.len ? left.len : h->piece;
        member_chan(&h->m, RK_EV_CHAN_BYTES, w->id, w->port, rk_bytes_of(left.data, len));
        left = rk_bytes_of(left.data + len, left.len - len);
    }
    rk_buf_deinit(&copy);
    confirm_closed(h);
}

/* -- packets ----------------------------------------------------------------------------------- */

/* Learners 0 and 1 are voters, 2 an observer, 3 who choice says. */
static void put_info(struct host *h, uint32_t who, uint8_t choice)
{
    int64_t sid = who == 2 ? VOTERS + 1 : who == 3 ? choice % 6 : (int64_t)who + 1;
    size_t mark;
    mark =
        rk_packet_begin(&h->out, sid > VOTERS ? RK_PACKET_OBSERVER_INFO : RK_PACKET_FOLLOWER_INFO,
                        (rk_zxid)(choice >> 5) << 32);
    rk_buf_put_i64(&h->out, sid);
    rk_buf_put_i32(&h->out, RK_PEER_PROTOCOL);
    rk_buf_put_i64(&h->out, 0);
    rk_packet_end(&h->out, mark);
}

static rk_zxid some_zxid(const struct host *h, uint8_t choice)
{
    const struct ensemble *e = h->m.core->ens;
    switch (choice & 7) {
    case 0:
        return e->logged;
    case 1:
        return e->applied;
    case 2:
        return e->leader.epoch << 32;
    case 3:
        return e->logged - (choice >> 3);
    case 4:
        return e->logged + (choice >> 3);
    case 5:
        return 0;
    case 6:
        return (int64_t)(choice >> 3) << 32;
    default:
        return (choice & 128) != 0 ? INT64_MAX : INT64_MIN + (choice >> 3);
    }
}

static void put_ack_epoch(struct host *h, uint8_t choice)
{
    size_t mark = rk_packet_begin(&h->out, RK_PACKET_ACK_EPOCH, some_zxid(h, choice));
    rk_buf_put_i32(&h->out, (choice & 64) != 0 ? -1 : choice >> 5);
    rk_packet_end(&h->out, mark);
}

static void put_request(struct host *h, uint8_t choice, struct rk_bytes body)
{
    static const int8_t ops[] = {1, 2, 5, 7, 9, 13, 14, 15, 16, 19, 20, 21, -10, -11, 3, 100};
    struct rk_id id = {.scheme = rk_bytes_str("ip"), .id = rk_bytes_str("127.0.0.1")};
    int32_t op = ops[choice & 15];
    rk_session_id session =
        (choice & 16) != 0 ? h->m.last_session : ((int64_t)1 << 56) + (choice >> 6);
    struct rk_buf b;
    rk_buf_init(&b, &h->mem, 4096);
    if ((choice & 32) == 0) {
        rk_buf_put(&b, body.data, body.len);
    } else if (op == -10) {
        rk_buf_put_i32(&b, 4000);
    } else {
        rk_buf_put_bytes(&b, rk_bytes_str((choice & 64) != 0 ? "/a" : "/b"));
        rk_buf_put_bytes(&b, body);
        rk_buf_put_i32(&b, op == 5 ? -1 : 1);
        rk_buf_put_i32(&b, 31);
        rk_buf_put_bytes(&b, rk_bytes_str("world"));
        rk_buf_put_bytes(&b, rk_bytes_str("anyone"));
        rk_buf_put_i32(&b, choice >> 7);
    }
    rk_packet_write_request(&h->out, session, choice, op, rk_buf_view(&b), &id, op == -10 ? 0 : 1,
                            op == -10);
    rk_buf_deinit(&b);
}

static void put_touches(struct host *h, int32_t type, uint8_t choice)
{
    size_t mark = rk_packet_begin(&h->out, type, some_zxid(h, 0));
    rk_buf_put_i64(&h->out, (choice & 1) != 0 ? h->m.last_session : ((int64_t)1 << 56) + choice);
    rk_buf_put_i32(&h->out, 4000);
    rk_packet_end(&h->out, mark);
}

/* What a learner would say now. */
static void put_next(struct host *h, uint32_t who, uint8_t choice, struct rk_bytes body)
{
    struct wire *w = learner_wire(h, who);
    struct learner *l = w == NULL ? NULL : learner(h, w);
    if (l == NULL) {
        return;
    }
    switch (l->state) {
    case LEARNER_CONNECTED:
        put_info(h, who, choice & 0x1f);
        break;
    case LEARNER_TOLD:
        put_ack_epoch(h, choice & 0x1f);
        break;
    case LEARNER_SYNCED:
        rk_packet_write(&h->out, RK_PACKET_ACK, h->m.core->ens->leader.epoch << 32,
                        rk_bytes_str(NULL));
        break;
    case LEARNER_READY:
    case LEARNER_ACTIVE:
        if ((choice & 3) == 0) {
            put_request(h, choice >> 2 | 32, body);
        } else if ((choice & 7) == 1) {
            put_touches(h, RK_PACKET_PING, choice >> 3);
        } else if ((choice & 7) == 5) {
            put_touches(h, RK_PACKET_REVALIDATE, choice >> 3);
        } else {
            for (rk_zxid z = l->acked + 1; l->acked > 0 && z <= h->m.core->ens->logged; z++) {
                rk_packet_write(&h->out, RK_PACKET_ACK, z, rk_bytes_str(NULL));
            }
            if (h->out.len == 0) {
                rk_packet_write(&h->out, RK_PACKET_ACK, h->m.core->ens->logged, rk_bytes_str(NULL));
            }
        }
        break;
    default:
        break; /* it waits */
    }
}

static void out_of_place(struct host *h, uint32_t who, struct tape *t, uint8_t choice)
{
    uint8_t how = tape_byte(t);
    int32_t type = choice % 21;
    switch (type) {
    case RK_PACKET_REQUEST:
        put_request(h, how, tape_bytes(t, 100));
        break;
    case RK_PACKET_FOLLOWER_INFO:
    case RK_PACKET_OBSERVER_INFO:
        put_info(h, who, how);
        break;
    case RK_PACKET_ACK_EPOCH:
        put_ack_epoch(h, how);
        break;
    case RK_PACKET_PING:
    case RK_PACKET_REVALIDATE:
        put_touches(h, type, how);
        break;
    default:
        rk_packet_write(&h->out, type, some_zxid(h, how), tape_bytes(t, 64));
        break;
    }
}

static void packet(struct host *h, struct tape *t, uint8_t what, uint8_t choice)
{
    uint32_t who = what >> 4 & 3;
    uint8_t how;
    if (dial(h, who) == NULL) {
        return;
    }
    rk_buf_reset(&h->out);
    switch (what & 15) {
    case 0:
        out_of_place(h, who, t, choice);
        break;
    case 1: /* mutated */
        how = tape_byte(t);
        put_next(h, who, choice, tape_bytes(t, 20));
        for (uint32_t i = 0; i < 1u + how % 3 && h->out.len > 0; i++) {
            size_t at = tape_byte(t);
            h->out.data[at % h->out.len] ^= tape_byte(t);
        }
        break;
    case 2: {
        struct rk_bytes bytes = tape_bytes(t, 255);
        rk_buf_put(&h->out, bytes.data, bytes.len);
        break;
    }
    default:
        put_next(h, who, choice, tape_bytes(t, 20));
        break;
    }
    say(h, who);
}

/* -- steps ------------------------------------------------------------------------------------- */

static void flushed(struct host *h)
{
    for (uint32_t i = 0; i < WIRES; i++) {
        struct wire *w = &h->wires[i];
        if (w->is_up && !w->is_closed && w->marks > 0) {
            w->marks--;
            member_chan(&h->m, RK_EV_CHAN_FLUSHED, w->id, w->port, rk_bytes_str(""));
        }
    }
}

static void client(struct host *h, struct tape *t, uint8_t choice)
{
    uint32_t slot = choice % MEMBER_CONNS;
    uint8_t what = tape_byte(t);
    if (!h->m.is_open[slot]) {
        member_connect(&h->m, slot, what < 64 ? h->m.last_session : 0);
    } else if (what == 255) {
        member_disconnect(&h->m, slot);
    } else {
        member_request(&h->m, slot, what, tape_bytes(t, 40));
    }
}

static void event(struct host *h, uint8_t choice)
{
    struct rk_event e = {.kind = choice < 16   ? RK_EV_HAND_OVER
                                 : choice < 32 ? RK_EV_SHUTDOWN
                                 : choice < 64 ? RK_EV_LOG_FULL
                                               : RK_EV_LOG_ROOM};
    member_step(&h->m, &e);
}

static void step(struct host *h, struct tape *t)
{
    uint8_t what = tape_byte(t);
    uint8_t choice = tape_byte(t);
    struct wire *w;
    switch (what & 15) {
    case 0:
    case 1:
    case 2:
        packet(h, t, what, choice);
        break;
    case 4:
        member_disk(&h->m, choice & 15, true);
        break;
    case 5:
        member_snap(&h->m, choice < 240);
        break;
    case 6:
        h->m.now_ms += choice;
        member_tick(&h->m);
        break;
    case 7:
        event(h, choice);
        break;
    case 8:
        w = learner_wire(h, choice % LEARNERS);
        if (w != NULL) {
            tell_closed(h, w);
        }
        break;
    case 9:
        client(h, t, choice);
        break;
    case 10:
        vote(h, choice < 240);
        break;
    case 11:
        elect(h);
        break;
    case 12:
        flushed(h);
        break;
    case 13:
        h->piece = choice;
        break;
    default:
        member_disk(&h->m, 8, true);
        member_snap(&h->m, true);
        flushed(h);
        packet(h, t, what, choice);
        break;
    }
    confirm_closed(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host h; /* large */
    struct tape t = {data, size};
    uint8_t options = tape_byte(&t);
    memset(&h, 0, sizeof(h));
    rk_mem_libc_init(&h.mem, 0);
    rk_buf_init(&h.out, &h.mem, 1 << 20);
    member_init(&h.m, ME, VOTERS, 1);
    h.m.config.snap_count = (options & 1) != 0 ? 4 : 100000;
    h.m.ensemble.commit_log_count = (options & 2) != 0 ? 2 : 100;
    h.m.ensemble.leader_serves = (options & 4) == 0;
    h.m.ensemble.max_concurrent_snap_syncs = (options & 8) != 0 ? 1 : 10;
    h.m.ensemble.max_concurrent_diff_syncs = (options & 16) != 0 ? 1 : 100;
    h.m.ensemble.force_snapshot_sync = (options & 32) != 0;
    h.m.ensemble.history_pin_bytes_max = (options & 64) != 0 ? 200 : 1 << 16;
    h.m.ensemble.local_sessions = (options & 128) != 0;
    h.m.ensemble.local_sessions_upgrading = (options & 128) != 0;
    h.m.ctx = &h;
    h.m.on_chan = on_chan;
    member_start(&h.m);
    elect(&h);
    for (uint32_t n = 0; n < STEPS_MAX && t.left > 0 && !h.m.is_fatal; n++) {
        step(&h, &t);
    }
    if (!h.m.is_fatal) {
        rk_tree_check(rk_core_tree(h.m.core));
    }
    member_deinit(&h.m);
    for (uint32_t i = 0; i < WIRES; i++) {
        rk_buf_deinit(&h.wires[i].got);
    }
    rk_buf_deinit(&h.out);
    RK_ASSERT(h.mem.used_bytes == 0);
    return 0;
}
