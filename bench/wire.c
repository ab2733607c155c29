/* Requests are encoded once into frames; sending one is a copy and a few digits. Every reply is
 * judged by its exact length, and by those of its bytes that are known beforehand: the data, the
 * path, the length in the Stat. What ZooKeeper decides (times, versions) is not judged here; the
 * tests of the server do that. */
#include "wire.h"

#include "base/assert.h"
#include "proto/frame.h"
#include "proto/opcode.h"

#include <string.h>

#define PATH_AT         16u /* length, xid, type, length of the path */
#define REPLY_HEADER    16u
#define FRAME_MAX       ((size_t)2 << 20)
#define PING_XID        (-2)
#define STAT_MZXID      8u
#define STAT_DATA_LEN   52u
#define STATE_CONNECTED 3

void rk_bench_wire_digits(uint8_t *out, uint64_t number)
{
    for (uint32_t i = RK_BENCH_DIGITS; i-- > 0;) {
        out[i] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

void rk_bench_wire_fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)('a' + i % 23);
    }
}

static void begin(struct rk_bench_frame *f, int32_t op)
{
    rk_buf_reset(&f->bytes);
    size_t place = rk_frame_begin(&f->bytes);
    RK_ASSERT(place == 0);
    rk_buf_put_i32(&f->bytes, op == RK_OP_PING ? PING_XID : 0);
    rk_buf_put_i32(&f->bytes, op);
}

static void end(struct rk_bench_frame *f)
{
    rk_frame_end(&f->bytes, 0);
    RK_ASSERT(!f->bytes.failed);
}

/* root, then "/p" with digits if there is a parent, then "/" and the prefix with digits. */
static void put_path(struct rk_bench_frame *f, const char *root, bool has_parent,
                     const char *prefix)
{
    static const char zeros[] = "0000000000";
    char path[256];
    int len = snprintf(path, sizeof(path), "%s%s%s%s%s%s", root, has_parent ? "/p" : "",
                       has_parent ? zeros : "", prefix != NULL ? "/" : "",
                       prefix != NULL ? prefix : "", prefix != NULL ? zeros : "");
    RK_ASSERT(len > 0 && (size_t)len < sizeof(path));
    size_t root_len = strlen(root);
    f->parent_at = has_parent ? (uint32_t)(PATH_AT + root_len + 2) : 0;
    f->digits_at = prefix != NULL ? PATH_AT + (uint32_t)len - RK_BENCH_DIGITS : 0;
    f->path_len = (uint32_t)len;
    rk_buf_put_bytes(&f->bytes, rk_bytes_of(path, (size_t)len));
}

static void build_create(struct rk_bench_wire *w, enum rk_bench_request request, const char *root,
                         bool has_parent, const char *prefix, bool has_value)
{
    struct rk_bench_frame *f = &w->frames[request];
    struct rk_buf *b = &f->bytes;
    begin(f, RK_OP_CREATE);
    put_path(f, root, has_parent, prefix);
    rk_buf_put_bytes(b, has_value ? rk_buf_view(&w->value) : rk_bytes_str(""));
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, RK_PERM_ALL);
    rk_buf_put_bytes(b, rk_bytes_str("world"));
    rk_buf_put_bytes(b, rk_bytes_str("anyone"));
    rk_buf_put_i32(b, RK_CREATE_PERSISTENT);
    end(f);
}

static void build_read(struct rk_bench_wire *w, enum rk_bench_request request, int32_t op,
                       const char *root, const char *prefix, bool is_watching)
{
    struct rk_bench_frame *f = &w->frames[request];
    begin(f, op);
    put_path(f, root, false, prefix);
    rk_buf_put_bool(&f->bytes, is_watching);
    end(f);
}

static void build_bare(struct rk_bench_wire *w, enum rk_bench_request request, int32_t op)
{
    begin(&w->frames[request], op);
    end(&w->frames[request]);
}

void rk_bench_wire_init(struct rk_bench_wire *w, struct rk_mem *mem,
                        const struct rk_bench_options *o)
{
    memset(w, 0, sizeof(*w));
    w->parents = o->parents;
    w->children = o->children;
    w->child_name_len = 1 + RK_BENCH_DIGITS;
    rk_buf_init(&w->value, mem, FRAME_MAX);
    rk_buf_init(&w->key_path, mem, FRAME_MAX);
    bool has_room = rk_buf_reserve(&w->value, o->value_bytes + 1);
    RK_ASSERT(has_room);
    rk_bench_wire_fill(w->value.data, o->value_bytes);
    w->value.len = o->value_bytes;
    for (uint32_t i = 0; i < RK_BENCH_REQ_COUNT; i++) {
        rk_buf_init(&w->frames[i].bytes, mem, FRAME_MAX);
    }

    build_read(w, RK_BENCH_REQ_GET, RK_OP_GET_DATA, o->root, "k", false);
    build_read(w, RK_BENCH_REQ_WATCH, RK_OP_GET_DATA, o->root, "k", true);
    build_read(w, RK_BENCH_REQ_EXISTS, RK_OP_EXISTS, o->root, "k", false);
    build_read(w, RK_BENCH_REQ_CHILDREN, RK_OP_GET_CHILDREN2, o->root, "l", false);
    build_bare(w, RK_BENCH_REQ_PING, RK_OP_PING);
    build_bare(w, RK_BENCH_REQ_CLOSE, RK_OP_CLOSE_SESSION);

    struct rk_bench_frame *set = &w->frames[RK_BENCH_REQ_SET];
    begin(set, RK_OP_SET_DATA);
    put_path(set, o->root, false, "k");
    rk_buf_put(&w->key_path, set->bytes.data + PATH_AT, set->path_len);
    rk_buf_put_bytes(&set->bytes, rk_buf_view(&w->value));
    rk_buf_put_i32(&set->bytes, -1);
    end(set);

    char prefix[16];
    (void)snprintf(prefix, sizeof(prefix), "c%08x", (unsigned)o->run_id);
    build_create(w, RK_BENCH_REQ_CREATE, o->root, true, prefix, true);
    build_create(w, RK_BENCH_REQ_PREPARE_ROOT, o->root, false, NULL, false);
    build_create(w, RK_BENCH_REQ_PREPARE_PARENT, o->root, false, "p", false);
    build_create(w, RK_BENCH_REQ_PREPARE_LIST, o->root, false, "l", false);
    build_create(w, RK_BENCH_REQ_PREPARE_KEY, o->root, false, "k", true);
    char list[128];
    (void)snprintf(list, sizeof(list), "%s/l0000000000", o->root);
    build_create(w, RK_BENCH_REQ_PREPARE_CHILD, list, false, "n", false);
}

void rk_bench_wire_deinit(struct rk_bench_wire *w)
{
    for (uint32_t i = 0; i < RK_BENCH_REQ_COUNT; i++) {
        rk_buf_deinit(&w->frames[i].bytes);
    }
    rk_buf_deinit(&w->value);
    rk_buf_deinit(&w->key_path);
}

void rk_bench_wire_number(const struct rk_bench_wire *w, enum rk_bench_request request,
                          uint8_t *frame, uint64_t number)
{
    const struct rk_bench_frame *f = &w->frames[request];
    if (f->parent_at != 0) {
        rk_bench_wire_digits(frame + f->parent_at, number % w->parents);
    }
    if (f->digits_at != 0) {
        rk_bench_wire_digits(frame + f->digits_at, number);
    }
}

void rk_bench_wire_connect(struct rk_buf *b, uint32_t timeout_ms)
{
    static const uint8_t password[RK_BENCH_PASSWORD_BYTES];
    size_t place = rk_frame_begin(b);
    rk_buf_put_i32(b, 0);
    rk_buf_put_i64(b, 0);
    rk_buf_put_i32(b, (int32_t)timeout_ms);
    rk_buf_put_i64(b, 0);
    rk_buf_put_bytes(b, rk_bytes_of(password, sizeof(password)));
    rk_buf_put_bool(b, false);
    rk_frame_end(b, place);
}

bool rk_bench_wire_read_connected(struct rk_bytes frame, rk_session_id *ret_session,
                                  uint32_t *ret_timeout_ms)
{
    struct rk_reader r;
    rk_reader_init(&r, frame, frame.len);
    int32_t version = rk_read_i32(&r);
    int32_t timeout_ms = rk_read_i32(&r);
    rk_session_id session = rk_read_i64(&r);
    struct rk_bytes password = rk_read_bytes(&r);
    (void)rk_read_bool(&r); /* served read-only or not */
    if (r.failed || rk_reader_left(&r) != 0 || version != 0 || timeout_ms <= 0 || session == 0 ||
        password.len != RK_BENCH_PASSWORD_BYTES) {
        return false;
    }
    *ret_session = session;
    *ret_timeout_ms = (uint32_t)timeout_ms;
    return true;
}

static const char *check_stat(const uint8_t *stat, uint32_t data_bytes)
{
    return rk_load_i32(stat + STAT_DATA_LEN) == (int32_t)data_bytes ? NULL
                                                                    : "data length in the Stat";
}

static const char *check_get(const struct rk_bench_wire *w, struct rk_bytes body)
{
    uint32_t value_bytes = (uint32_t)w->value.len;
    if (body.len != 4 + value_bytes + RK_BENCH_STAT_BYTES) {
        return "length of a getData reply";
    }
    if (rk_load_i32(body.data) != (int32_t)value_bytes) {
        return "length of the data";
    }
    if (value_bytes > 0 && memcmp(body.data + 4, w->value.data, value_bytes) != 0) {
        return "data";
    }
    return check_stat(body.data + 4 + value_bytes, value_bytes);
}

static const char *check_set(const struct rk_bench_wire *w, const struct rk_bench_reply *reply)
{
    if (reply->body.len != RK_BENCH_STAT_BYTES) {
        return "length of a setData reply";
    }
    if (rk_load_i64(reply->body.data + STAT_MZXID) != reply->zxid) {
        return "mzxid of a setData reply";
    }
    return check_stat(reply->body.data, (uint32_t)w->value.len);
}

static const char *check_created(const struct rk_bench_wire *w, enum rk_bench_request request,
                                 uint64_t number, struct rk_bytes body)
{
    const struct rk_bench_frame *f = &w->frames[request];
    if (body.len != 4 + f->path_len || rk_load_i32(body.data) != (int32_t)f->path_len) {
        return "length of a create reply";
    }
    if (f->digits_at != 0) {
        uint8_t digits[RK_BENCH_DIGITS];
        rk_bench_wire_digits(digits, number);
        if (memcmp(body.data + body.len - RK_BENCH_DIGITS, digits, sizeof(digits)) != 0) {
            return "path of a create reply";
        }
    }
    return NULL;
}

static const char *check_children(const struct rk_bench_wire *w, struct rk_bytes body)
{
    uint64_t each = 4 + (uint64_t)w->child_name_len;
    if (body.len != 4 + w->children * each + RK_BENCH_STAT_BYTES) {
        return "length of a getChildren2 reply";
    }
    if (rk_load_i32(body.data) != (int32_t)w->children) {
        return "count of children";
    }
    for (uint32_t i = 0; i < w->children; i++) {
        if (rk_load_i32(body.data + 4 + i * each) != (int32_t)w->child_name_len) {
            return "name of a child";
        }
    }
    return NULL;
}

const char *rk_bench_wire_check(const struct rk_bench_wire *w, enum rk_bench_request request,
                                uint64_t number, const struct rk_bench_reply *reply)
{
    struct rk_bytes body = reply->body;
    RK_ASSERT(reply->err == 0);
    switch (request) {
    case RK_BENCH_REQ_GET:
    case RK_BENCH_REQ_WATCH:
        return check_get(w, body);
    case RK_BENCH_REQ_SET:
        return check_set(w, reply);
    case RK_BENCH_REQ_EXISTS:
        if (body.len != RK_BENCH_STAT_BYTES) {
            return "length of an exists reply";
        }
        return check_stat(body.data, (uint32_t)w->value.len);
    case RK_BENCH_REQ_CHILDREN:
        return check_children(w, body);
    case RK_BENCH_REQ_PING:
    case RK_BENCH_REQ_CLOSE:
        return body.len == 0 ? NULL : "bytes after a bare reply";
    default:
        return check_created(w, request, number, body);
    }
}

const char *rk_bench_wire_check_event(const struct rk_bench_wire *w, struct rk_bytes frame)
{
    struct rk_reader r;
    rk_reader_init(&r, frame, frame.len);
    rk_read_skip(&r, REPLY_HEADER);
    int32_t type = rk_read_i32(&r);
    int32_t state = rk_read_i32(&r);
    struct rk_bytes path = rk_read_bytes(&r);
    if (r.failed || rk_reader_left(&r) != 0) {
        return "length of an event";
    }
    if (type != RK_EVENT_NODE_DATA_CHANGED || state != STATE_CONNECTED) {
        return "type of an event";
    }
    return rk_bytes_equal(path, rk_buf_view(&w->key_path)) ? NULL : "path of an event";
}
