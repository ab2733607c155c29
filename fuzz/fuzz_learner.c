/* One server that others have elected a leader for, and that leader says anything: packets that are
 * well-formed and wrong, the right next one, mutated ones, in pieces, and any bytes; the disk, the
 * network, the election port, clients and time are the input's too. Whatever comes: no assertion
 * fires, what is in memory is in the log, what is durable was logged, and no memory is left. */
#include "member.h"

#include "proto/snap_stream.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANS     64u
#define STEPS_MAX 400u
#define VOTERS    3u
#define LEADER    2

struct chan_seen {
    rk_chan_id id;
    enum rk_chan_port port;
    int64_t sid; /* dialed */
    bool is_up, is_connected, is_closed;
};

struct host {
    struct member m;
    struct chan_seen chans[CHANS];
    uint32_t chan_count;
    uint64_t accepted_ids;
    struct rk_mem mem;
    struct rk_buf out;
    uint32_t piece; /* packets go in pieces of so many bytes; 0: whole */
    rk_zxid said;   /* by the leader, last */
};

/* -- channels ---------------------------------------------------------------------------------- */

static struct chan_seen *find(struct host *h, rk_chan_id id)
{
    for (uint32_t i = 0; i < h->chan_count; i++) {
        if (h->chans[i].is_up && h->chans[i].id == id) {
            return &h->chans[i];
        }
    }
    return NULL;
}

static struct chan_seen *add(struct host *h, rk_chan_id id, enum rk_chan_port port, int64_t sid)
{
    struct chan_seen *s = NULL;
    for (uint32_t i = 0; i < h->chan_count && s == NULL; i++) {
        s = h->chans[i].is_up ? NULL : &h->chans[i];
    }
    if (s == NULL) {
        RK_ASSERT(h->chan_count < CHANS);
        s = &h->chans[h->chan_count];
        h->chan_count++;
    }
    *s = (struct chan_seen){.id = id, .port = port, .sid = sid, .is_up = true};
    return s;
}

static void on_chan(struct member *m, const struct rk_effect *fx)
{
    struct host *h = m->ctx;
    struct chan_seen *s;
    if (fx->kind == RK_FX_CHAN_DIAL) {
        (void)add(h, fx->u.chan.chan, fx->u.chan.port, fx->u.chan.number % 1000);
        return;
    }
    if (fx->kind == RK_FX_CHAN_SEND_MANY) {
        return;
    }
    s = find(h, fx->u.chan.chan);
    RK_ASSERT(s != NULL && !s->is_closed);
    s->is_closed = fx->kind == RK_FX_CHAN_CLOSE;
}

static void tell_closed(struct host *h, struct chan_seen *s)
{
    s->is_up = false;
    member_chan(&h->m, RK_EV_CHAN_CLOSED, s->id, s->port, rk_bytes_str("closed"));
}

static void confirm_closed(struct host *h)
{
    for (uint32_t i = 0; i < h->chan_count; i++) {
        if (h->chans[i].is_up && h->chans[i].is_closed) {
            tell_closed(h, &h->chans[i]);
        }
    }
}

static struct chan_seen *leader_chan(struct host *h)
{
    for (uint32_t i = 0; i < h->chan_count; i++) {
        struct chan_seen *s = &h->chans[i];
        if (s->is_up && !s->is_closed && s->port == RK_PORT_QUORUM && s->sid != 0) {
            return s;
        }
    }
    return NULL;
}

static void connect_all(struct host *h, bool is_ok)
{
    for (uint32_t i = 0; i < h->chan_count; i++) {
        struct chan_seen *s = &h->chans[i];
        if (!s->is_up || s->is_closed || s->sid == 0 || s->is_connected) {
            continue;
        }
        if (is_ok) {
            s->is_connected = true;
            member_chan(&h->m, RK_EV_CHAN_CONNECTED, s->id, s->port, rk_bytes_str(""));
        } else {
            tell_closed(h, s);
        }
    }
    confirm_closed(h);
}

/* -- election ---------------------------------------------------------------------------------- */

static struct chan_seen *election_chan(struct host *h, int64_t sid)
{
    struct chan_seen *s;
    struct rk_buf b;
    for (uint32_t i = 0; i < h->chan_count; i++) {
        s = &h->chans[i];
        if (s->is_up && !s->is_closed && s->port == RK_PORT_ELECTION && s->sid == sid &&
            s->is_connected) {
            return s;
        }
    }
    h->accepted_ids++;
    s = add(h, h->accepted_ids, RK_PORT_ELECTION, sid);
    s->is_connected = true;
    member_chan(&h->m, RK_EV_CHAN_ACCEPTED, h->accepted_ids, RK_PORT_ELECTION,
                rk_bytes_str("127.0.0.1"));
    rk_buf_init(&b, &h->mem, 4096);
    rk_peer_write_initial(&b, sid, rk_bytes_str("127.0.0.1:3003"));
    member_chan(&h->m, RK_EV_CHAN_BYTES, h->accepted_ids, RK_PORT_ELECTION, rk_buf_view(&b));
    rk_buf_deinit(&b);
    return find(h, h->accepted_ids);
}

/* sid says that LEADER leads, or something that choice says. */
static void notify(struct host *h, int64_t sid, uint8_t choice)
{
    struct chan_seen *s = election_chan(h, sid);
    struct rk_notification n = {.leader = LEADER, .version = RK_NOTIFICATION_VERSION};
    const struct ensemble *e = h->m.core->ens;
    n.state = sid == LEADER ? RK_PEER_LEADING : RK_PEER_FOLLOWING;
    n.round = 1;
    n.zxid = e->logged;
    n.peer_epoch = e->current_epoch;
    n.config = rk_bytes_str("");
    if ((choice & 1) != 0) {
        n.state = (enum rk_peer_state)(choice >> 1 & 3);
        n.leader = choice >> 3 & 3;
        n.zxid = (rk_zxid)((uint64_t)n.zxid + (choice >> 5));
    }
    rk_buf_reset(&h->out);
    rk_peer_write_notification(&h->out, &n);
    if (s != NULL && !s->is_closed) {
        member_chan(&h->m, RK_EV_CHAN_BYTES, s->id, RK_PORT_ELECTION, rk_buf_view(&h->out));
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
        confirm_closed(h);
        notify(h, 2, 0);
        notify(h, 3, 0);
    }
    connect_all(h, true);
}

/* -- the leader's packets ---------------------------------------------------------------------- */

static void say(struct host *h)
{
    struct rk_bytes left = rk_buf_view(&h->out);
    struct rk_buf copy;
    rk_buf_init(&copy, &h->mem, 1 << 20);
    rk_buf_put(&copy, left.data, left.len);
    left = rk_buf_view(&copy);
    while (left.len > 0) {
        struct chan_seen *s = leader_chan(h);
        size_t len = h->piece == 0 || h->piece > left.len ? left.len : h->piece;
        if (s == NULL || !s->is_connected) {
            break;
        }
        member_chan(&h->m, RK_EV_CHAN_BYTES, s->id, s->port, rk_bytes_of(left.data, len));
        left = rk_bytes_of(left.data + len, left.len - len);
    }
    rk_buf_deinit(&copy);
    confirm_closed(h);
}

static void put_txn(struct host *h, int32_t type, rk_zxid zxid, uint8_t choice)
{
    size_t mark = rk_packet_begin(&h->out, type, zxid);
    if (type == RK_PACKET_INFORM_AND_ACTIVATE) {
        rk_buf_put_i64(&h->out, choice);
    }
    member_write_txn(&h->out, zxid, choice);
    rk_packet_end(&h->out, mark);
    h->said = zxid;
}

/* A small database: nodes under the root as choice says. */
static void put_snapshot(struct host *h, uint8_t choice)
{
    static const char *const paths[] = {
        "", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", "/a", "/a/c", "/b"};
    struct rk_buf *b = &h->out;
    rk_buf_put_i32(b, 1);
    rk_buf_put_i64(b, 0x0100000000000000);
    rk_buf_put_i32(b, 4000);
    rk_buf_put_i32(b, 1); /* one ACL */
    rk_buf_put_i64(b, 1);
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, 31);
    rk_buf_put_bytes(b, rk_bytes_str("world"));
    rk_buf_put_bytes(b, rk_bytes_str("anyone"));
    for (uint32_t i = 0; i < 7; i++) {
        if (i >= 4 && (choice >> i & 1) != 0) {
            continue;
        }
        rk_buf_put_bytes(b, rk_bytes_str(paths[i]));
        rk_buf_put_bytes(b, rk_bytes_str("data"));
        rk_buf_put_i64(b, i == 3 || i == 0 ? -1 : 1);
        rk_buf_put_i64(b, 0); /* czxid, mzxid, ctime, mtime */
        rk_buf_put_i64(b, 0);
        rk_buf_put_i64(b, 0);
        rk_buf_put_i64(b, 0);
        rk_buf_put_i32(b, 0); /* version, cversion, aversion */
        rk_buf_put_i32(b, 0);
        rk_buf_put_i32(b, 0);
        rk_buf_put_i64(b, i == 6 && (choice & 1) != 0 ? 0x0100000000000000 : 0);
        rk_buf_put_i64(b, 0); /* pzxid */
    }
    rk_buf_put_bytes(b, rk_bytes_str("/"));
    rk_buf_put_bytes(b, rk_bytes_str(RK_SNAP_SIGNATURE));
}

/* The sum of what may be anything. */
static rk_zxid plus(rk_zxid a, int64_t b)
{
    return (rk_zxid)((uint64_t)a + (uint64_t)b);
}

static rk_zxid epoch_zxid(int64_t epoch)
{
    return (rk_zxid)((uint64_t)epoch << 32);
}

static rk_zxid next_zxid(const struct host *h)
{
    const struct ensemble *e = h->m.core->ens;
    rk_zxid last = h->said > e->logged ? h->said : e->logged;
    rk_zxid first = epoch_zxid(e->follow.epoch);
    return plus(last > first ? last : first, 1);
}

static rk_zxid some_zxid(const struct host *h, uint8_t choice)
{
    const struct ensemble *e = h->m.core->ens;
    switch (choice & 7) {
    case 0:
        return e->logged;
    case 1:
        return next_zxid(h);
    case 2:
        return e->applied;
    case 3:
        return epoch_zxid(e->follow.epoch);
    case 4:
        return plus(e->logged, -(choice >> 3));
    case 5:
        return plus(e->logged, choice >> 3);
    case 6:
        return epoch_zxid(e->follow.epoch + (choice >> 3));
    default:
        return (choice & 128) != 0 ? INT64_MAX : -(choice >> 3);
    }
}

static void put_leader_info(struct host *h, int64_t epoch)
{
    size_t mark = rk_packet_begin(&h->out, RK_PACKET_LEADER_INFO, epoch_zxid(epoch));
    rk_buf_put_i32(&h->out, RK_PEER_PROTOCOL);
    rk_packet_end(&h->out, mark);
}

static void begin_sync(struct host *h, uint8_t choice)
{
    const struct ensemble *e = h->m.core->ens;
    rk_zxid zxid = e->logged;
    h->said = e->logged;
    switch (choice & 3) {
    case 0:
        h->said = plus(zxid, -(choice >> 2 & 7));
        h->said = h->said < e->known_committed ? zxid : h->said;
        rk_packet_write(&h->out, RK_PACKET_TRUNC, h->said, rk_bytes_str(NULL));
        break;
    case 1:
        h->said = (choice & 128) == 0 ? plus(zxid, choice >> 2 & 7)
                                      : some_zxid(h, (uint8_t)(choice >> 2 | (choice & 64) << 1));
        rk_packet_write(&h->out, RK_PACKET_SNAP, h->said, rk_bytes_str(NULL));
        put_snapshot(h, choice);
        break;
    default:
        rk_packet_write(&h->out, RK_PACKET_DIFF, zxid, rk_bytes_str(NULL));
        break;
    }
}

/* What a leader would say now. */
static void put_next(struct host *h, uint8_t choice)
{
    const struct ensemble *e = h->m.core->ens;
    const struct follow *f = &e->follow;
    rk_zxid zxid = next_zxid(h);
    switch (f->state) {
    case FOLLOW_INFO_SENT:
        put_leader_info(h, e->accepted_epoch + (choice & 1));
        break;
    case FOLLOW_ACK_EPOCH:
        begin_sync(h, choice);
        break;
    case FOLLOW_SYNC:
        if ((choice & 3) == 0) {
            rk_packet_write(&h->out, RK_PACKET_NEW_LEADER, epoch_zxid(f->epoch),
                            rk_bytes_str(NULL));
            break;
        } /* fall through */
    case FOLLOW_NEW_LEADER:
    case FOLLOW_ACTIVE:
        if ((choice & 3) == 1) {
            rk_packet_write(&h->out, RK_PACKET_PING, plus(zxid, -1), rk_bytes_str(NULL));
        } else if ((choice & 3) == 2) {
            rk_packet_write(&h->out, RK_PACKET_COMMIT, h->said, rk_bytes_str(NULL));
        } else if ((choice & 4) != 0 || e->state == RK_PEER_OBSERVING) {
            put_txn(h, RK_PACKET_INFORM, zxid, choice >> 2);
        } else {
            put_txn(h, RK_PACKET_PROPOSAL, zxid, choice >> 2);
            if ((choice & 8) != 0) {
                rk_packet_write(&h->out, RK_PACKET_COMMIT, zxid, rk_bytes_str(NULL));
            }
        }
        break;
    case FOLLOW_ACKED:
        rk_packet_write(&h->out, RK_PACKET_UP_TO_DATE, -1, rk_bytes_str(NULL));
        break;
    default:
        break; /* it waits for its disk */
    }
}

static void packet(struct host *h, struct tape *t, uint8_t what, uint8_t choice)
{
    uint8_t how = tape_byte(t);
    int32_t type = choice % 21;
    rk_buf_reset(&h->out);
    switch (what) {
    case 0: /* out of place */
        if (type == RK_PACKET_PROPOSAL || type == RK_PACKET_INFORM ||
            type == RK_PACKET_INFORM_AND_ACTIVATE) {
            put_txn(h, type, some_zxid(h, how), choice);
        } else if (type == RK_PACKET_LEADER_INFO) {
            put_leader_info(h, h->m.core->ens->accepted_epoch + (int8_t)how);
        } else {
            rk_packet_write(&h->out, type, some_zxid(h, how), tape_bytes(t, 64));
        }
        break;
    case 1: /* mutated */
        put_next(h, choice);
        for (uint32_t i = 0; i < 1u + how % 3 && h->out.len > 0; i++) {
            size_t at = (size_t)tape_byte(t) | (size_t)(how >> 4) << 8;
            h->out.data[at % h->out.len] ^= tape_byte(t);
        }
        break;
    case 2: { /* a transaction of any bytes, with its zxid */
        size_t mark = rk_packet_begin(&h->out, RK_PACKET_PROPOSAL, next_zxid(h));
        rk_zxid zxid = next_zxid(h);
        struct rk_bytes body = tape_bytes(t, 200);
        rk_buf_put_i64(&h->out, (int64_t)0x0100000000000000);
        rk_buf_put_i32(&h->out, 1);
        rk_buf_put_i64(&h->out, zxid);
        rk_buf_put_i64(&h->out, 1);
        rk_buf_put_i32(&h->out, (int8_t)how);
        rk_buf_put(&h->out, body.data, body.len);
        rk_packet_end(&h->out, mark);
        if ((choice & 1) != 0) {
            rk_packet_write(&h->out, RK_PACKET_COMMIT, zxid, rk_bytes_str(NULL));
        }
        break;
    }
    case 3: { /* any bytes */
        struct rk_bytes bytes = tape_bytes(t, 255);
        rk_buf_put(&h->out, bytes.data, bytes.len);
        break;
    }
    default:
        put_next(h, choice);
        if ((how & 1) != 0) { /* and another one that no disk stands between */
            put_next(h, how >> 1);
        }
        break;
    }
    say(h);
}

/* -- steps ------------------------------------------------------------------------------------- */

static void client(struct host *h, struct tape *t, uint8_t choice)
{
    uint32_t slot = choice % MEMBER_CONNS;
    uint8_t what = tape_byte(t);
    if (!h->m.is_open[slot]) {
        member_connect(&h->m, slot, what < 64 ? (int64_t)0x0100000000000000 : 0);
    } else if (what == 255) {
        member_disconnect(&h->m, slot);
    } else {
        member_request(&h->m, slot, what, tape_bytes(t, 40));
    }
}

static void step(struct host *h, struct tape *t)
{
    uint8_t what = tape_byte(t);
    uint8_t choice = tape_byte(t);
    struct rk_event e = {.kind = choice % 4 == 0 ? RK_EV_LOG_FULL : RK_EV_LOG_ROOM};
    struct chan_seen *s = leader_chan(h);
    switch (what & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
        packet(h, t, what & 15, choice);
        break;
    case 4:
        member_disk(&h->m, choice & 15, choice < 240);
        break;
    case 5:
        member_snap(&h->m, choice < 240);
        break;
    case 6:
        h->m.now_ms += choice * 2;
        member_tick(&h->m);
        break;
    case 7:
        if (choice < 8) {
            e.kind = RK_EV_SHUTDOWN;
        }
        member_step(&h->m, &e);
        break;
    case 8:
        if (s != NULL) {
            tell_closed(h, s);
        }
        break;
    case 9:
        client(h, t, choice);
        break;
    case 10:
        notify(h, 2 + (choice & 1), choice >> 1);
        break;
    case 11:
        elect(h);
        break;
    case 12:
        connect_all(h, choice < 240);
        break;
    case 13:
        h->piece = choice;
        break;
    default:
        member_disk(&h->m, 8, true);
        member_snap(&h->m, true);
        packet(h, t, 4, choice);
        break;
    }
    confirm_closed(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host h; /* large */
    struct tape t = {data, size};
    uint8_t options = tape_byte(&t);
    bool is_observer = (options & 1) != 0;
    memset(&h, 0, sizeof(h));
    rk_mem_libc_init(&h.mem, 0);
    rk_buf_init(&h.out, &h.mem, 1 << 20);
    member_init(&h.m, is_observer ? VOTERS + 1 : 1, VOTERS, is_observer ? 1 : 0);
    h.m.config.snap_count = (options & 2) != 0 ? 4 : 100000;
    h.m.ensemble.read_only_mode = (options & 4) != 0;
    h.m.ensemble.local_sessions = (options & 8) != 0;
    h.m.ensemble.local_sessions_upgrading = (options & 16) != 0;
    h.m.ensemble.may_initialize = (options & 32) == 0;
    h.m.config.skip_acl = (options & 64) != 0;
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
    rk_buf_deinit(&h.out);
    RK_ASSERT(h.mem.used_bytes == 0);
    return 0;
}
