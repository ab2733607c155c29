/* What other servers send, as a stream. The first byte says which channel it is and how low the
 * limit on data is. Whatever is cut off, nothing but the rest is asked for; what was parsed is
 * written as the same bytes; packets are what the generated decoder makes of them. */
#include <string.h>

#include "base/mem_libc.h"
#include "proto/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_IN 4096u
#define LIMIT_LOW   32u
#define LIMIT_HIGH  ((uint32_t)1 << 20)

struct fuzz {
    struct rk_mem mem;
    struct rk_arena arena;
    struct rk_buf out;
    uint32_t limit;
};

static void expect_written(struct fuzz *f, struct rk_bytes in, size_t used)
{
    RK_ASSERT(!f->out.failed);
    RK_ASSERT(rk_bytes_equal(rk_buf_view(&f->out), rk_bytes_of(in.data, used)));
    rk_buf_reset(&f->out);
}

/* -- election ---------------------------------------------------------------------------------- */

static enum rk_parse initial(struct fuzz *f, struct rk_bytes in, size_t *ret_used)
{
    struct rk_peer_initial m;
    struct rk_bytes host;
    uint16_t port;
    enum rk_parse result = rk_peer_parse_initial(in, &m, ret_used);
    if (result != RK_PARSE_OK) {
        return result;
    }
    RK_ASSERT(m.addresses.len > 0);
    if (rk_peer_first_address(m.addresses, &host, &port)) {
        RK_ASSERT(port > 0 && host.len > 0);
        RK_ASSERT(host.data >= m.addresses.data);
        RK_ASSERT(host.data + host.len <= m.addresses.data + m.addresses.len);
    }
    if (m.version == RK_PEER_PROTOCOL_V1) {
        rk_peer_write_initial(&f->out, m.sid, m.addresses);
        expect_written(f, in, *ret_used);
    }
    return result;
}

/* Bytes behind the config are not written again, nor the version of 40 bytes that is not read. */
static void check_notification(struct fuzz *f, struct rk_bytes body)
{
    struct rk_notification n;
    struct rk_notification back;
    struct rk_bytes again;
    size_t used = 0;
    if (!rk_peer_parse_notification(body, &n)) {
        return;
    }
    RK_ASSERT(n.state >= RK_PEER_LOOKING && n.state <= RK_PEER_OBSERVING);
    RK_ASSERT((n.config.data != NULL) == (n.version > 1));
    rk_peer_write_notification(&f->out, &n);
    RK_ASSERT(rk_peer_parse_frame(rk_buf_view(&f->out), &again, &used) == RK_PARSE_OK);
    RK_ASSERT(used == f->out.len);
    RK_ASSERT(rk_peer_parse_notification(again, &back));
    RK_ASSERT(back.state == n.state && back.leader == n.leader && back.zxid == n.zxid);
    RK_ASSERT(back.round == n.round && back.peer_epoch == n.peer_epoch);
    RK_ASSERT(back.version == n.version || n.version <= 1);
    RK_ASSERT(rk_bytes_equal(back.config, n.config));
    if (n.version > 1 && body.len == 44 + n.config.len) {
        RK_ASSERT(rk_bytes_equal(again, body));
    }
    rk_buf_reset(&f->out);
}

static enum rk_parse frame(struct fuzz *f, struct rk_bytes in, size_t *ret_used)
{
    struct rk_bytes body;
    enum rk_parse result = rk_peer_parse_frame(in, &body, ret_used);
    if (result == RK_PARSE_OK) {
        RK_ASSERT(*ret_used == 4 + (size_t)body.len);
        check_notification(f, body);
    }
    return result;
}

/* -- quorum ------------------------------------------------------------------------------------ */

static void check_parts(const struct rk_packet *p)
{
    struct rk_packet_request request;
    struct rk_learner_info info;
    rk_session_id session;
    int32_t timeout_ms;
    size_t at = 0;
    RK_ASSERT(rk_packet_parse_request(p, &request) == (p->data.len >= 16));
    RK_ASSERT(rk_packet_parse_learner_info(p, &info) == (p->data.len >= 8));
    while (rk_packet_next_touch(p, &at, &session, &timeout_ms)) {
        RK_ASSERT(at <= p->data.len);
    }
    RK_ASSERT(p->data.len - at < 12);
    RK_ASSERT(strlen(rk_packet_name(p->type)) > 0);
}

static void check_ids(const struct rk_packet *p, const struct rk_quorum_packet *want)
{
    struct rk_id id;
    size_t at = 0;
    int32_t count = 0;
    while (rk_packet_next_id(p, &at, &id)) {
        RK_ASSERT(count < want->authinfo.count);
        RK_ASSERT(rk_bytes_equal(id.scheme, want->authinfo.items[count].scheme));
        RK_ASSERT(rk_bytes_equal(id.id, want->authinfo.items[count].id));
        count++;
    }
    RK_ASSERT(p->id_count == want->authinfo.count);
    RK_ASSERT(count == (p->id_count < 0 ? 0 : p->id_count));
}

/* A list of less than -1 is written as an empty one. */
static bool is_odd_list(const struct rk_packet *p)
{
    return p->ids.len >= 4 && rk_load_i32(p->ids.data) < -1;
}

static void check_written(struct fuzz *f, const struct rk_packet *p,
                          const struct rk_quorum_packet *want, struct rk_bytes in, size_t used)
{
    struct rk_packet_request request;
    if (p->id_count == -1) {
        rk_packet_write(&f->out, p->type, p->zxid, p->data);
        expect_written(f, in, used);
    }
    if (p->type == RK_PACKET_REQUEST && p->zxid == -1 && !is_odd_list(p) &&
        rk_packet_parse_request(p, &request)) {
        rk_packet_write_request(&f->out, request.session, request.cxid, request.op, request.body,
                                want->authinfo.items, p->id_count < 0 ? 0 : (uint32_t)p->id_count,
                                p->id_count < 0);
        expect_written(f, in, used);
    }
}

static enum rk_parse packet(struct fuzz *f, struct rk_bytes in, size_t *ret_used)
{
    struct rk_packet p;
    struct rk_quorum_packet want;
    struct rk_reader r;
    enum rk_parse result = rk_packet_parse(in, f->limit, &p, ret_used);
    rk_reader_init(&r, in, f->limit);
    bool is_ok = rk_proto_read_quorum_packet(&r, &f->arena, &want) && !r.failed;
    if (result == RK_PARSE_OK) {
        RK_ASSERT(is_ok);
        RK_ASSERT(*ret_used == in.len - rk_reader_left(&r));
        RK_ASSERT(p.type == want.type && p.zxid == want.zxid);
        RK_ASSERT(rk_bytes_equal(p.data, want.data));
        check_ids(&p, &want);
        check_parts(&p);
        check_written(f, &p, &want, in, *ret_used);
    } else {
        RK_ASSERT(!is_ok || want.authinfo.count > (int32_t)RK_PACKET_IDS_MAX);
    }
    rk_arena_reset(&f->arena);
    return result;
}

/* -- streams ----------------------------------------------------------------------------------- */

typedef enum rk_parse parse_fn(struct fuzz *f, struct rk_bytes in, size_t *ret_used);

/* What is asked for is the rest, until it is there: no beginning of a message is a message, and
 * none is bad before the message is. */
static void check_beginnings(struct fuzz *f, parse_fn *parse, struct rk_bytes in, size_t used,
                             enum rk_parse result)
{
    size_t step = used > 256 ? used / 64 : 1;
    for (size_t len = 0; len < used; len += step) {
        size_t unused = SIZE_MAX;
        enum rk_parse part = parse(f, rk_bytes_of(in.data, len), &unused);
        RK_ASSERT(part == RK_PARSE_MORE || (part == RK_PARSE_BAD && result == RK_PARSE_BAD));
        RK_ASSERT(unused == SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static parse_fn *const parsers[] = {initial, frame, packet, packet};
    struct fuzz f;
    if (size == 0 || size > SIZE_MAX_IN) {
        return 0;
    }
    parse_fn *parse = parsers[data[0] & 3];
    f.limit = (data[0] & 4) != 0 ? LIMIT_LOW : LIMIT_HIGH;
    rk_mem_libc_init(&f.mem, 0);
    rk_arena_init(&f.arena, &f.mem);
    rk_buf_init(&f.out, &f.mem, 2 * SIZE_MAX_IN);
    struct rk_bytes in = rk_bytes_of(data + 1, size - 1);
    enum rk_parse result = RK_PARSE_OK;
    while (result == RK_PARSE_OK) {
        size_t used = in.len;
        result = parse(&f, in, &used);
        RK_ASSERT(used <= in.len && (used > 0 || result != RK_PARSE_OK));
        check_beginnings(&f, parse, in, used, result);
        in = rk_bytes_of(in.data + used, in.len - used);
    }
    rk_buf_deinit(&f.out);
    rk_arena_deinit(&f.arena);
    RK_ASSERT(f.mem.used_bytes == 0);
    return 0;
}
