/* The push parser of SNAP streams beside the pull parser of snapshot files. The first byte says how
 * low the limit on lengths is and whether an end is put behind the rest, which is the stream.
 * However the stream is cut, the same records come out, the same bytes are used and the same thing
 * is said of it. The pull parser, given the same bytes as a file, sees the same records and refuses
 * what the push parser refuses; what that accepts is a good snapshot once it has a seal. */
#include <string.h>
#include <zlib.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "proto/snap_stream.h"
#include "store/snap_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIGNATURE_BYTES 14u
#define SIZE_MAX_IN     ((size_t)1 << 20)
#define LIMIT_LOW       64u
#define LIMIT_HIGH      ((uint32_t)1 << 20)
#define NO_SIGNATURE    "its signature is missing"

struct seen {
    uint64_t count;
    uint64_t sum;
};

struct verdict {
    enum rk_parse parsed;
    size_t used;
    const char *why;
    struct seen seen;
};

static void touch(struct seen *s, uint64_t v)
{
    s->sum = s->sum * 31 + v;
    s->count++;
}

static void touch_bytes(struct seen *s, struct rk_bytes b)
{
    touch(s, b.data == NULL ? 1 : 2);
    for (uint32_t i = 0; i < b.len; i++) {
        touch(s, b.data[i]);
    }
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    touch(ctx, (uint64_t)id);
    touch(ctx, (uint64_t)timeout_ms);
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    touch(ctx, (uint64_t)id);
    touch(ctx, (uint64_t)acl->count);
    for (int32_t i = 0; i < acl->count; i++) {
        touch(ctx, (uint64_t)acl->items[i].perms);
        touch_bytes(ctx, acl->items[i].id.scheme);
        touch_bytes(ctx, acl->items[i].id.id);
    }
    return RK_OK;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes bytes, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    touch_bytes(ctx, path);
    touch_bytes(ctx, bytes);
    touch(ctx, (uint64_t)acl_id);
    touch(ctx, (uint64_t)stat->czxid ^ (uint64_t)stat->version);
    touch(ctx, (uint64_t)stat->ephemeral_owner ^ (uint64_t)stat->pzxid);
    return RK_OK;
}

static struct rk_restore_sink sink_of(struct seen *seen)
{
    return (struct rk_restore_sink){
        .ctx = seen, .session = on_session, .acl = on_acl, .node = on_node};
}

/* Pieces of up to step bytes; 0: all at once. */
static struct verdict push(struct rk_bytes in, uint32_t limit, uint32_t step)
{
    struct verdict v = {.parsed = RK_PARSE_MORE, .why = ""};
    struct rk_restore_sink sink = sink_of(&v.seen);
    struct rk_mem mem;
    struct rk_prng prng;
    rk_mem_libc_init(&mem, 0);
    rk_prng_init(&prng, step);
    struct rk_snap_push *s = rk_snap_push_create(&mem, &sink, limit);
    RK_ASSERT(s != NULL);
    do {
        size_t left = in.len - v.used;
        size_t n = step == 0 ? left : 1 + (size_t)rk_prng_below(&prng, step);
        n = n < left ? n : left;
        size_t used = SIZE_MAX;
        v.parsed = rk_snap_push_bytes(s, rk_bytes_of(in.data + v.used, n), &used, &v.why);
        RK_ASSERT(used <= n);
        RK_ASSERT(v.parsed != RK_PARSE_MORE || used == n);
        v.used += used;
    } while (v.parsed == RK_PARSE_MORE && v.used < in.len);
    /* Doubling, and a list of ACLs decoded: in proportion to what came. */
    RK_ASSERT(mem.peak_bytes <= 8 * (size_t)in.len + ((size_t)128 << 10));
    rk_snap_push_destroy(s);
    RK_ASSERT(mem.used_bytes == 0);
    return v;
}

/* A file: header, body, and a seal if asked for. */
struct file {
    struct rk_bytes body;
    size_t at;
    uint8_t head[RK_SNAP_HEADER_BYTES];
    uint8_t seal[RK_SNAP_SEAL_BYTES];
    bool is_sealed;
};

static enum rk_err read_file(void *ctx, uint8_t *out, size_t cap, size_t *ret_got)
{
    struct file *f = ctx;
    size_t body_end = RK_SNAP_HEADER_BYTES + f->body.len;
    size_t end = body_end + (f->is_sealed ? RK_SNAP_SEAL_BYTES : 0);
    size_t n = 0;
    while (n < cap && f->at < end) {
        out[n++] = f->at < RK_SNAP_HEADER_BYTES ? f->head[f->at]
                   : f->at < body_end           ? f->body.data[f->at - RK_SNAP_HEADER_BYTES]
                                                : f->seal[f->at - body_end];
        f->at++;
    }
    *ret_got = n;
    return RK_OK;
}

static enum rk_err pull(struct rk_bytes body, bool is_sealed, uint32_t limit, struct seen *seen,
                        const char **ret_why)
{
    struct file f = {.body = body, .is_sealed = is_sealed};
    struct rk_snap_source source = {read_file, &f};
    struct rk_restore_sink sink = sink_of(seen);
    struct rk_snap_info info;
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    rk_snap_put_header(f.head);
    uint32_t sum = (uint32_t)adler32(adler32(0, NULL, 0), f.head, sizeof(f.head));
    sum = body.len > 0 ? (uint32_t)adler32(sum, body.data, body.len) : sum;
    rk_snap_put_seal(f.seal, sum);
    enum rk_err err = rk_snap_parse(&mem, &source, limit, &sink, &info, ret_why);
    RK_ASSERT(mem.used_bytes == 0);
    return err;
}

static void check_same(const struct seen *a, const struct seen *b)
{
    RK_ASSERT(a->count == b->count);
    RK_ASSERT(a->sum == b->sum);
}

static void compare(struct rk_bytes in, uint32_t limit)
{
    static const uint32_t steps[] = {1, 2, 7, 40, 4096};
    struct verdict whole = push(in, limit, 0);
    RK_ASSERT(whole.parsed != RK_PARSE_BAD || *whole.why != '\0');
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct verdict cut = push(in, limit, steps[i]);
        RK_ASSERT(cut.parsed == whole.parsed);
        RK_ASSERT(cut.parsed == RK_PARSE_BAD || cut.used == whole.used);
        RK_ASSERT(strcmp(cut.why, whole.why) == 0);
        check_same(&cut.seen, &whole.seen);
    }
    struct seen seen = {.count = 0};
    const char *why = NULL;
    enum rk_err err = pull(in, false, limit, &seen, &why);
    check_same(&seen, &whole.seen);
    if (whole.parsed == RK_PARSE_BAD && strcmp(whole.why, NO_SIGNATURE) != 0) {
        RK_ASSERT(err == RK_ERR_CORRUPT);
        RK_ASSERT(strcmp(why, whole.why) == 0);
    }
    if (whole.parsed == RK_PARSE_OK) {
        seen = (struct seen){.count = 0};
        err = pull(rk_bytes_of(in.data, whole.used - SIGNATURE_BYTES), true, limit, &seen, &why);
        RK_ASSERT(err == RK_OK);
        check_same(&seen, &whole.seen);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > SIZE_MAX_IN) {
        return 0;
    }
    struct rk_mem mem;
    struct rk_buf b;
    uint32_t limit = (data[0] & 1) != 0 ? LIMIT_LOW : LIMIT_HIGH;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, SIZE_MAX_IN + 64);
    rk_buf_put(&b, data + 1, size - 1);
    if ((data[0] & 2) != 0) {
        rk_buf_put_bytes(&b, rk_bytes_str("/"));
        rk_buf_put_bytes(&b, rk_bytes_str(RK_SNAP_SIGNATURE));
    }
    RK_ASSERT(!b.failed);
    compare(b.data != NULL ? rk_buf_view(&b) : rk_bytes_str(""), limit);
    rk_buf_deinit(&b);
    RK_ASSERT(mem.used_bytes == 0);
    return 0;
}
