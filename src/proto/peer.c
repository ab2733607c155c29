/* Encodings between servers. Guarantees that a parser decides from the bytes that are there, tells
 * BAD as soon as a whole field shows it, and leaves its results alone unless it says OK. What the
 * messages mean is left to zab and core. ZK: QuorumCnxManager.InitialMessage,
 * FastLeaderElection.Messenger, QuorumPacket. */
#include "proto/peer.h"

#include "base/num.h"
#include "proto/frame.h"

static struct rk_bytes slice(struct rk_bytes in, size_t from, size_t len)
{
    RK_ASSERT(from <= in.len && len <= in.len - from);
    return rk_bytes_of(in.data + from, len);
}

/* -- election: initial message ----------------------------------------------------------------- */

#define INITIAL_HEAD_BYTES 20u /* version, sid, length of the addresses */

enum rk_parse rk_peer_parse_initial(struct rk_bytes in, struct rk_peer_initial *ret,
                                    size_t *ret_used)
{
    if (in.len < 8) {
        return RK_PARSE_MORE;
    }
    int64_t version = rk_load_i64(in.data);
    if (version != RK_PEER_PROTOCOL_V1 && version != RK_PEER_PROTOCOL_V2) {
        return RK_PARSE_BAD;
    }
    if (in.len < INITIAL_HEAD_BYTES) {
        return RK_PARSE_MORE;
    }
    int32_t len = rk_load_i32(in.data + 16);
    if (len <= 0 || (uint32_t)len > RK_PEER_ADDRESS_BYTES_MAX) {
        return RK_PARSE_BAD;
    }
    if (in.len - INITIAL_HEAD_BYTES < (uint32_t)len) {
        return RK_PARSE_MORE;
    }
    ret->version = version;
    ret->sid = rk_load_i64(in.data + 8);
    ret->addresses = slice(in, INITIAL_HEAD_BYTES, (size_t)len);
    *ret_used = INITIAL_HEAD_BYTES + (size_t)len;
    RK_ASSERT(*ret_used <= RK_PEER_INITIAL_BYTES_MAX);
    return RK_PARSE_OK;
}

void rk_peer_write_initial(struct rk_buf *b, int64_t sid, struct rk_bytes address)
{
    RK_ASSERT(address.len > 0 && address.len <= RK_PEER_ADDRESS_BYTES_MAX);
    rk_buf_put_i64(b, RK_PEER_PROTOCOL_V1);
    rk_buf_put_i64(b, sid);
    rk_buf_put_bytes(b, address);
}

/* Up to the next c; *rest is what follows it. */
static struct rk_bytes take_until(struct rk_bytes *rest, uint8_t c)
{
    size_t len = 0;
    while (len < rest->len && rest->data[len] != c) {
        len++;
    }
    size_t next = len == rest->len ? len : len + 1;
    struct rk_bytes part = slice(*rest, 0, len);
    *rest = slice(*rest, next, rest->len - next);
    return part;
}

/* Every spelling of 0.0.0.0 and :: has no other characters, and no usable address has only these.
 */
static bool is_wildcard(struct rk_bytes host)
{
    for (uint32_t i = 0; i < host.len; i++) {
        if (host.data[i] != '0' && host.data[i] != ':' && host.data[i] != '.') {
            return false;
        }
    }
    return true;
}

/* "host:port" or "[host]:port" of somebody who could be dialed. */
static bool parse_address(struct rk_bytes text, struct rk_bytes *ret_host, uint16_t *ret_port)
{
    struct rk_bytes rest = text;
    struct rk_bytes host;
    int64_t port;
    if (text.len > 0 && text.data[0] == '[') {
        rest = slice(text, 1, text.len - 1);
        host = take_until(&rest, ']');
        if (rest.len == 0 || rest.data[0] != ':') {
            return false;
        }
        rest = slice(rest, 1, rest.len - 1);
    } else {
        host = take_until(&rest, ':');
    }
    if (is_wildcard(host) || !rk_num_parse_dec(rest, &port) || port <= 0 || port > UINT16_MAX) {
        return false;
    }
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return true;
}

bool rk_peer_first_address(struct rk_bytes addresses, struct rk_bytes *ret_host, uint16_t *ret_port)
{
    while (addresses.len > 0) {
        if (parse_address(take_until(&addresses, '|'), ret_host, ret_port)) {
            return true;
        }
    }
    return false;
}

/* -- election: notification -------------------------------------------------------------------- */

/* Bodies by age: without the peer's epoch, and with a version that is not read. */
#define NOTIFICATION_OLDEST_BYTES 28u
#define NOTIFICATION_OLD_BYTES    40u
#define NOTIFICATION_HEAD_BYTES   44u /* in front of the config */

enum rk_parse rk_peer_parse_frame(struct rk_bytes in, struct rk_bytes *ret_body, size_t *ret_used)
{
    if (in.len < RK_FRAME_HEADER_BYTES) {
        return RK_PARSE_MORE;
    }
    int32_t len = rk_load_i32(in.data);
    if (len <= 0 || (uint32_t)len > RK_NOTIFICATION_BYTES_MAX) {
        return RK_PARSE_BAD;
    }
    if (in.len - RK_FRAME_HEADER_BYTES < (uint32_t)len) {
        return RK_PARSE_MORE;
    }
    *ret_body = slice(in, RK_FRAME_HEADER_BYTES, (size_t)len);
    *ret_used = RK_FRAME_HEADER_BYTES + (size_t)len;
    return RK_PARSE_OK;
}

/* Version and config, which only bodies of some lengths have. ZK: WorkerReceiver.run,
 * backCompatibility40 */
static bool parse_tail(struct rk_bytes body, struct rk_notification *n)
{
    struct rk_reader r;
    if (body.len == NOTIFICATION_OLD_BYTES) {
        return true;
    }
    rk_reader_init(&r, slice(body, 36, body.len - 36), RK_NOTIFICATION_BYTES_MAX);
    n->version = rk_read_i32(&r);
    if (n->version > 1) {
        n->config = rk_read_bytes(&r);
        return !r.failed && n->config.data != NULL;
    }
    return !r.failed;
}

bool rk_peer_parse_notification(struct rk_bytes body, struct rk_notification *ret)
{
    struct rk_notification n = {.version = 0, .config = {NULL, 0}};
    if (body.len < NOTIFICATION_OLDEST_BYTES) {
        return false;
    }
    int32_t state = rk_load_i32(body.data);
    if (state < RK_PEER_LOOKING || state > RK_PEER_OBSERVING) {
        return false;
    }
    n.state = (enum rk_peer_state)state;
    n.leader = rk_load_i64(body.data + 4);
    n.zxid = rk_load_i64(body.data + 12);
    n.round = rk_load_i64(body.data + 20);
    if (body.len == NOTIFICATION_OLDEST_BYTES) {
        n.peer_epoch = RK_ZXID_EPOCH(n.zxid);
    } else {
        if (body.len < 36) {
            return false;
        }
        n.peer_epoch = rk_load_i64(body.data + 28);
        if (!parse_tail(body, &n)) {
            return false;
        }
    }
    *ret = n;
    return true;
}

void rk_peer_write_notification(struct rk_buf *b, const struct rk_notification *n)
{
    RK_ASSERT(n->config.len <= RK_NOTIFICATION_BYTES_MAX - NOTIFICATION_HEAD_BYTES);
    RK_ASSERT(n->version > 1 || n->config.data == NULL);
    size_t place = rk_frame_begin(b);
    rk_buf_put_i32(b, (int32_t)n->state);
    rk_buf_put_i64(b, n->leader);
    rk_buf_put_i64(b, n->zxid);
    rk_buf_put_i64(b, n->round);
    rk_buf_put_i64(b, n->peer_epoch);
    rk_buf_put_i32(b, n->version);
    if (n->version > 1) {
        /* Null is not known here: its length would be a lie to the receiver. */
        rk_buf_put_i32(b, (int32_t)n->config.len);
        rk_buf_put(b, n->config.data, n->config.len);
    }
    rk_frame_end(b, place);
}

/* -- quorum: packets --------------------------------------------------------------------------- */

#define PACKET_HEAD_BYTES 16u /* type, zxid, length of data */

const char *rk_packet_name(int32_t type)
{
    static const char *const names[] = {
        [RK_PACKET_REQUEST] = "REQUEST",
        [RK_PACKET_PROPOSAL] = "PROPOSAL",
        [RK_PACKET_ACK] = "ACK",
        [RK_PACKET_COMMIT] = "COMMIT",
        [RK_PACKET_PING] = "PING",
        [RK_PACKET_REVALIDATE] = "REVALIDATE",
        [RK_PACKET_SYNC] = "SYNC",
        [RK_PACKET_INFORM] = "INFORM",
        [RK_PACKET_COMMIT_AND_ACTIVATE] = "COMMITANDACTIVATE",
        [RK_PACKET_NEW_LEADER] = "NEWLEADER",
        [RK_PACKET_FOLLOWER_INFO] = "FOLLOWERINFO",
        [RK_PACKET_UP_TO_DATE] = "UPTODATE",
        [RK_PACKET_DIFF] = "DIFF",
        [RK_PACKET_TRUNC] = "TRUNC",
        [RK_PACKET_SNAP] = "SNAP",
        [RK_PACKET_OBSERVER_INFO] = "OBSERVERINFO",
        [RK_PACKET_LEADER_INFO] = "LEADERINFO",
        [RK_PACKET_ACK_EPOCH] = "ACKEPOCH",
        [RK_PACKET_INFORM_AND_ACTIVATE] = "INFORMANDACTIVATE",
    };
    if (type < RK_PACKET_REQUEST || type > RK_PACKET_INFORM_AND_ACTIVATE) {
        return "?";
    }
    return names[type];
}

/* Moves *at behind one length-prefixed string of at most max bytes. */
static enum rk_parse skip_string(struct rk_bytes in, uint32_t max, size_t *at)
{
    if (in.len - *at < 4) {
        return RK_PARSE_MORE;
    }
    int32_t len = rk_load_i32(in.data + *at);
    if (len < -1 || (len > 0 && (uint32_t)len > max)) {
        return RK_PARSE_BAD;
    }
    size_t bytes = len < 0 ? 0 : (size_t)len;
    if (in.len - *at - 4 < bytes) {
        return RK_PARSE_MORE;
    }
    *at += 4 + bytes;
    return RK_PARSE_OK;
}

/* authinfo from *at on, which then is behind it. */
static enum rk_parse parse_ids(struct rk_bytes in, uint32_t max, struct rk_packet *p, size_t *at)
{
    size_t start = *at;
    if (in.len - start < 4) {
        return RK_PARSE_MORE;
    }
    int32_t count = rk_load_i32(in.data + start);
    if (count > (int32_t)RK_PACKET_IDS_MAX) {
        return RK_PARSE_BAD;
    }
    *at += 4;
    uint32_t strings = count < 0 ? 0 : 2 * (uint32_t)count;
    for (uint32_t i = 0; i < strings; i++) {
        enum rk_parse result = skip_string(in, max, at);
        if (result != RK_PARSE_OK) {
            return result;
        }
    }
    /* Other negative counts are empty lists, as everywhere in these encodings. */
    p->id_count = count < -1 ? 0 : count;
    p->ids = count == -1 ? (struct rk_bytes){NULL, 0} : slice(in, start, *at - start);
    return RK_PARSE_OK;
}

enum rk_parse rk_packet_parse(struct rk_bytes in, uint32_t data_max, struct rk_packet *ret,
                              size_t *ret_used)
{
    struct rk_packet p;
    if (in.len < PACKET_HEAD_BYTES) {
        return RK_PARSE_MORE;
    }
    int32_t len = rk_load_i32(in.data + 12);
    if (len < -1 || (len > 0 && (uint32_t)len > data_max)) {
        return RK_PARSE_BAD;
    }
    size_t at = PACKET_HEAD_BYTES + (len < 0 ? 0 : (size_t)len);
    if (in.len < at) {
        return RK_PARSE_MORE;
    }
    p.type = rk_load_i32(in.data);
    p.zxid = rk_load_i64(in.data + 4);
    p.data = (struct rk_bytes){NULL, 0};
    if (len >= 0) {
        p.data = slice(in, PACKET_HEAD_BYTES, (size_t)len);
    }
    enum rk_parse result = parse_ids(in, data_max, &p, &at);
    if (result != RK_PARSE_OK) {
        return result;
    }
    RK_ASSERT(at <= in.len);
    *ret = p;
    *ret_used = at;
    return RK_PARSE_OK;
}

static struct rk_bytes take_string(struct rk_bytes in, size_t *at)
{
    int32_t len = rk_load_i32(in.data + *at);
    *at += 4;
    if (len < 0) {
        return (struct rk_bytes){NULL, 0};
    }
    struct rk_bytes text = slice(in, *at, (size_t)len);
    *at += (size_t)len;
    return text;
}

bool rk_packet_next_id(const struct rk_packet *p, size_t *at, struct rk_id *ret)
{
    if (*at == 0) {
        *at = 4; /* the count */
    }
    if (*at >= p->ids.len) {
        return false;
    }
    ret->scheme = take_string(p->ids, at);
    ret->id = take_string(p->ids, at);
    return true;
}

size_t rk_packet_begin(struct rk_buf *b, int32_t type, rk_zxid zxid)
{
    rk_buf_put_i32(b, type);
    rk_buf_put_i64(b, zxid);
    size_t mark = b->len;
    rk_buf_put_i32(b, 0);
    return mark;
}

/* Data is complete: fill in its length. */
static void end_data(struct rk_buf *b, size_t mark)
{
    if (b->failed) {
        return;
    }
    RK_ASSERT(mark <= b->len && b->len - mark >= 4);
    RK_ASSERT(b->len - mark - 4 <= INT32_MAX);
    rk_buf_patch_i32(b, mark, (int32_t)(b->len - mark - 4));
}

void rk_packet_end(struct rk_buf *b, size_t mark)
{
    end_data(b, mark);
    rk_buf_put_i32(b, -1);
}

void rk_packet_write(struct rk_buf *b, int32_t type, rk_zxid zxid, struct rk_bytes data)
{
    rk_buf_put_i32(b, type);
    rk_buf_put_i64(b, zxid);
    rk_buf_put_bytes(b, data);
    rk_buf_put_i32(b, -1);
}

void rk_packet_write_request(struct rk_buf *b, rk_session_id session, int32_t cxid, int32_t op,
                             struct rk_bytes body, const struct rk_id *ids, uint32_t id_count,
                             bool null_ids)
{
    RK_ASSERT(id_count <= RK_PACKET_IDS_MAX);
    RK_ASSERT(!null_ids || id_count == 0);
    size_t mark = rk_packet_begin(b, RK_PACKET_REQUEST, -1);
    rk_buf_put_i64(b, session);
    rk_buf_put_i32(b, cxid);
    rk_buf_put_i32(b, op);
    rk_buf_put(b, body.data, body.len);
    end_data(b, mark);
    rk_buf_put_i32(b, null_ids ? -1 : (int32_t)id_count);
    for (uint32_t i = 0; i < id_count; i++) {
        rk_buf_put_bytes(b, ids[i].scheme);
        rk_buf_put_bytes(b, ids[i].id);
    }
}

bool rk_packet_parse_request(const struct rk_packet *p, struct rk_packet_request *ret)
{
    if (p->data.len < 16) {
        return false;
    }
    ret->session = rk_load_i64(p->data.data);
    ret->cxid = rk_load_i32(p->data.data + 8);
    ret->op = rk_load_i32(p->data.data + 12);
    ret->body = slice(p->data, 16, p->data.len - 16);
    return true;
}

bool rk_packet_parse_learner_info(const struct rk_packet *p, struct rk_learner_info *ret)
{
    const uint8_t *data = p->data.data;
    if (p->data.len < 8) {
        return false;
    }
    ret->sid = rk_load_i64(data);
    /* 1: what LearnerHandler takes for those who do not say. */
    ret->protocol_version = p->data.len < 12 ? 1 : rk_load_i32(data + 8);
    ret->config_version = p->data.len < 20 ? 0 : rk_load_i64(data + 12);
    return true;
}

uint32_t rk_packet_learner_abilities(const struct rk_packet *p)
{
    uint32_t word = p->data.len < RK_LEARNER_INFO
                        ? 0
                        : (uint32_t)rk_load_i32(p->data.data + RK_LEARNER_INFO - 4);
    return (word & ~0xffu) == RK_LEARNER_MARK ? word & 0xffu : 0;
}

bool rk_packet_next_touch(const struct rk_packet *p, size_t *at, rk_session_id *ret_session,
                          int32_t *ret_timeout_ms)
{
    RK_ASSERT(*at <= p->data.len);
    if (p->data.len - *at < 12) {
        return false;
    }
    *ret_session = rk_load_i64(p->data.data + *at);
    *ret_timeout_ms = rk_load_i32(p->data.data + *at + 8);
    *at += 12;
    return true;
}
