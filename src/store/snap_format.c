/* Snapshot bytes: no I/O, streaming. Guarantees that memory stays within a window of 1 MiB plus the
 * longest entry the limit allows, whatever the stream claims, and that a snapshot is good only if
 * its seals match. That a parent comes before its children, that ACL ids exist, is for the sink to
 * say.
 *
 * Which sections follow the first seal is told by what is left: nothing, digest + seal (33),
 * lastZxid + seal (21), or both (54); what comes behind the ones known here is ignored, as Apache
 * does. */
#include "store/snap_format.h"

#include <libdeflate.h>
#include <string.h>

#include "proto/snap_record.h"

#define MAGIC          ((int32_t)0x5a4b534e) /* "ZKSN" */
#define VERSION        2
#define DIGEST_VERSION 2
#define WINDOW         ((size_t)1 << 20)
#define WINDOW_FIRST   ((size_t)1 << 16) /* many snapshots are small */
#define REST_MAX       ((size_t)65536)   /* of the sections behind the first seal */

const uint8_t rk_snap_tail[RK_SNAP_TAIL_BYTES] = {0, 0, 0, 1, '/'};

struct parser {
    struct rk_mem *mem;
    struct rk_snap_source source;
    const struct rk_restore_sink *sink;
    struct rk_arena arena;
    uint32_t limit;
    uint8_t *data;
    size_t cap;
    size_t at;     /* parsed up to here */
    size_t summed; /* in the checksum up to here; <= at */
    size_t len;
    bool is_end; /* the source has no more */
    uint32_t adler;
    struct rk_snap_info info;
    const char *why;
};

static enum rk_err corrupt(struct parser *p, const char *why)
{
    p->why = why;
    return RK_ERR_CORRUPT;
}

static void sum_up(struct parser *p)
{
    p->adler = libdeflate_adler32(p->adler, p->data + p->summed, p->at - p->summed);
    p->summed = p->at;
}

/* Makes room for n bytes from p->at on, moving what is left to the front. */
static enum rk_err make_room(struct parser *p, size_t n)
{
    sum_up(p);
    p->len -= p->at;
    memmove(p->data, p->data + p->at, p->len);
    p->at = 0;
    p->summed = 0;
    /* The first window was not enough, or an entry is larger than any window. */
    size_t cap = n <= WINDOW ? WINDOW : n + WINDOW;
    if (cap <= p->cap || (p->info.plain_bytes == 0 && n <= p->cap)) {
        return RK_OK;
    }
    uint8_t *data = rk_mem_resize(p->mem, p->data, p->cap, cap);
    if (data == NULL) {
        return RK_ERR_NOMEM;
    }
    p->data = data;
    p->cap = cap;
    return RK_OK;
}

/* Gets n bytes at p->at, or as many as there are. */
static enum rk_err fill(struct parser *p, size_t n)
{
    if (p->len - p->at >= n || p->is_end) {
        return RK_OK;
    }
    enum rk_err err = make_room(p, n);
    while (err == RK_OK && p->len < n && !p->is_end) {
        size_t got = 0;
        err = p->source.read(p->source.ctx, p->data + p->len, p->cap - p->len, &got);
        if (err == RK_OK) {
            RK_ASSERT(got <= p->cap - p->len);
            p->len += got;
            p->is_end = got == 0;
        }
    }
    return err;
}

/* As fill, but the bytes must be there. */
static enum rk_err need(struct parser *p, size_t n)
{
    if (p->len - p->at >= n) {
        return RK_OK;
    }
    enum rk_err err = fill(p, n);
    if (err == RK_OK && p->len - p->at < n) {
        return corrupt(p, "it ends too early");
    }
    return err;
}

static void take(struct parser *p, size_t n)
{
    RK_ASSERT(n <= p->len - p->at);
    p->at += n;
    p->info.plain_bytes += n;
}

static enum rk_err parse_header(struct parser *p)
{
    enum rk_err err = need(p, RK_SNAP_HEADER_BYTES);
    if (err != RK_OK) {
        return err;
    }
    /* ZK: FileSnap.deserialize checks the magic alone. */
    if (rk_load_i32(p->data + p->at) != MAGIC) {
        return corrupt(p, "it does not begin as a snapshot");
    }
    take(p, RK_SNAP_HEADER_BYTES);
    return RK_OK;
}

static enum rk_err parse_count(struct parser *p, int32_t *ret_count)
{
    enum rk_err err = need(p, RK_SNAP_COUNT_BYTES);
    if (err == RK_OK) {
        *ret_count = rk_load_i32(p->data + p->at);
        take(p, RK_SNAP_COUNT_BYTES);
    }
    return err;
}

static enum rk_err parse_sessions(struct parser *p)
{
    int32_t count = 0;
    enum rk_err err = parse_count(p, &count);
    for (int32_t i = 0; i < count && err == RK_OK; i++) {
        err = need(p, RK_SNAP_SESSION_BYTES);
        if (err != RK_OK) {
            break;
        }
        int64_t id = rk_load_i64(p->data + p->at);
        int32_t timeout_ms = rk_load_i32(p->data + p->at + 8);
        take(p, RK_SNAP_SESSION_BYTES);
        p->info.session_count++;
        if (p->sink != NULL) {
            err = p->sink->session(p->sink->ctx, id, timeout_ms);
        }
    }
    return err;
}

/* What the look at a record said: OK; or MORE, and *want bytes of it are there now; or CORRUPT. */
static enum rk_err after_look(struct parser *p, enum rk_parse parsed, size_t want, const char *why)
{
    if (parsed == RK_PARSE_BAD) {
        return corrupt(p, why);
    }
    return parsed == RK_PARSE_MORE ? need(p, want) : RK_OK;
}

static enum rk_err parse_acl(struct parser *p)
{
    struct rk_snap_acl_scan scan = {.at = 0};
    enum rk_parse parsed = RK_PARSE_MORE;
    size_t bytes = 0;
    while (parsed != RK_PARSE_OK) {
        const char *why = "";
        parsed = rk_snap_acl_find(&scan, p->data + p->at, p->len - p->at, p->limit, &bytes, &why);
        enum rk_err err = after_look(p, parsed, bytes, why);
        if (err != RK_OK) {
            return err;
        }
    }
    int64_t id;
    struct rk_vec_acl acl;
    rk_arena_reset(&p->arena);
    rk_snap_acl_read(rk_bytes_of(p->data + p->at, bytes), p->limit, &p->arena, &id, &acl);
    take(p, bytes);
    p->info.acl_count++;
    return p->sink != NULL ? p->sink->acl(p->sink->ctx, id, &acl) : RK_OK;
}

static enum rk_err parse_acls(struct parser *p)
{
    int32_t count = 0;
    enum rk_err err = parse_count(p, &count);
    for (int32_t i = 0; i < count && err == RK_OK; i++) {
        err = parse_acl(p);
    }
    return err;
}

/* One node, or the terminator. */
static enum rk_err parse_node(struct parser *p, bool *ret_is_last)
{
    struct rk_snap_node node;
    enum rk_parse parsed = RK_PARSE_MORE;
    size_t bytes = 0;
    while (parsed != RK_PARSE_OK) {
        const char *why = "";
        parsed = rk_snap_node_parse(p->data + p->at, p->len - p->at, p->limit, &node, &bytes, &why);
        enum rk_err err = after_look(p, parsed, bytes, why);
        if (err != RK_OK) {
            return err;
        }
    }
    *ret_is_last = node.is_last;
    take(p, bytes);
    if (node.is_last) {
        return RK_OK;
    }
    p->info.node_count++;
    return p->sink != NULL
               ? p->sink->node(p->sink->ctx, node.path, node.data, node.acl_id, &node.stat)
               : RK_OK;
}

static enum rk_err parse_seal(struct parser *p)
{
    enum rk_err err = need(p, RK_SNAP_SEAL_BYTES);
    if (err != RK_OK) {
        return err;
    }
    sum_up(p);
    const uint8_t *in = p->data + p->at;
    if (rk_load_i64(in) != (int64_t)p->adler ||
        memcmp(in + 8, rk_snap_tail, RK_SNAP_TAIL_BYTES) != 0) {
        return corrupt(p, "its checksum does not match");
    }
    take(p, RK_SNAP_SEAL_BYTES);
    return RK_OK;
}

/* Betas of 3.6 wrote the digest as text, of a kind nobody computes any more. */
static enum rk_err skip_old_digest(struct parser *p)
{
    enum rk_err err = need(p, 16);
    if (err != RK_OK) {
        return err;
    }
    int32_t n = rk_load_i32(p->data + p->at + 12);
    if (n < -1 || (n > 0 && (uint32_t)n > p->limit)) {
        return corrupt(p, "it holds an impossible length");
    }
    size_t bytes = 16 + (n > 0 ? (size_t)n : 0);
    err = need(p, bytes);
    if (err == RK_OK) {
        take(p, bytes);
    }
    return err;
}

static enum rk_err parse_digest(struct parser *p)
{
    enum rk_err err = need(p, 12);
    if (err != RK_OK) {
        return err;
    }
    const uint8_t *in = p->data + p->at;
    rk_zxid zxid = rk_load_i64(in);
    if (rk_load_i32(in + 8) < DIGEST_VERSION) {
        return skip_old_digest(p);
    }
    err = need(p, RK_SNAP_DIGEST_BYTES);
    if (err != RK_OK) {
        return err;
    }
    uint64_t digest = (uint64_t)rk_load_i64(p->data + p->at + 12);
    p->info.has_digest = zxid != 0 || digest != 0;
    p->info.digest_zxid = zxid;
    p->info.digest = digest;
    take(p, RK_SNAP_DIGEST_BYTES);
    return RK_OK;
}

static enum rk_err parse_last_zxid(struct parser *p)
{
    enum rk_err err = need(p, RK_SNAP_LAST_BYTES);
    if (err != RK_OK) {
        return err;
    }
    p->info.has_last_zxid = true;
    p->info.last_zxid = rk_load_i64(p->data + p->at);
    take(p, RK_SNAP_LAST_BYTES);
    return parse_seal(p);
}

static enum rk_err parse_rest(struct parser *p)
{
    enum rk_err err = fill(p, REST_MAX);
    size_t left = p->len - p->at;
    if (err != RK_OK || left == 0) {
        return err;
    }
    if (left == RK_SNAP_LAST_BYTES + RK_SNAP_SEAL_BYTES) {
        return parse_last_zxid(p);
    }
    err = parse_digest(p);
    if (err == RK_OK) {
        err = parse_seal(p);
    }
    /* Less than that is of a release to come. */
    if (err == RK_OK && p->len - p->at >= RK_SNAP_LAST_BYTES + RK_SNAP_SEAL_BYTES) {
        err = parse_last_zxid(p);
    }
    return err;
}

static enum rk_err parse(struct parser *p)
{
    enum rk_err err = parse_header(p);
    if (err == RK_OK) {
        err = parse_sessions(p);
    }
    if (err == RK_OK) {
        err = parse_acls(p);
    }
    bool is_last = false;
    while (err == RK_OK && !is_last) {
        err = parse_node(p, &is_last);
    }
    if (err == RK_OK) {
        err = parse_seal(p);
    }
    if (err == RK_OK) {
        err = parse_rest(p);
    }
    /* To the end, so that a compressed stream's own checks are made. */
    while (err == RK_OK && !p->is_end) {
        p->at = p->len;
        err = fill(p, 1);
    }
    return err;
}

enum rk_err rk_snap_parse(struct rk_mem *mem, const struct rk_snap_source *source,
                          uint32_t limit_bytes, const struct rk_restore_sink *sink,
                          struct rk_snap_info *ret, const char **ret_why)
{
    struct parser p = {.mem = mem,
                       .source = *source,
                       .sink = sink,
                       .limit = limit_bytes,
                       .cap = WINDOW_FIRST,
                       .adler = 1,
                       .why = ""};
    p.data = rk_mem_alloc(mem, p.cap);
    *ret_why = "";
    if (p.data == NULL) {
        return RK_ERR_NOMEM;
    }
    rk_arena_init(&p.arena, mem);
    enum rk_err err = parse(&p);
    rk_arena_deinit(&p.arena);
    rk_mem_free(mem, p.data, p.cap);
    *ret_why = p.why;
    if (err == RK_OK) {
        *ret = p.info;
    }
    return err;
}

void rk_snap_put_header(uint8_t out[RK_SNAP_HEADER_BYTES])
{
    rk_store_i32(out, MAGIC);
    rk_store_i32(out + 4, VERSION);
    rk_store_i64(out + 8, -1);
}

void rk_snap_put_seal(uint8_t out[RK_SNAP_SEAL_BYTES], uint32_t adler)
{
    rk_store_i64(out, (int64_t)adler);
    memcpy(out + 8, rk_snap_tail, RK_SNAP_TAIL_BYTES);
}

void rk_snap_put_digest(uint8_t out[RK_SNAP_DIGEST_BYTES], rk_zxid zxid, uint64_t digest)
{
    rk_store_i64(out, zxid);
    rk_store_i32(out + 8, DIGEST_VERSION);
    rk_store_i64(out + 12, (int64_t)digest);
}
