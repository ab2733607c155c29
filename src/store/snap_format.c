/* Snapshot bytes: no I/O, streaming. Guarantees that memory stays within a window of 1 MiB plus the
 * longest entry the limit allows, whatever the stream claims, and that a snapshot is good only if
 * its seals match. That a parent comes before its children, that ACL ids exist, is for the sink to
 * say.
 *
 * Which sections follow the first seal is told by what is left: nothing, digest + seal (33),
 * lastZxid + seal (21), or both (54); what comes behind the ones known here is ignored, as Apache
 * does. */
#include "store/snap_format.h"

#include <string.h>
#include <zlib.h>

#define MAGIC          ((int32_t)0x5a4b534e) /* "ZKSN" */
#define VERSION        2
#define DIGEST_VERSION 2
#define WINDOW         ((size_t)1 << 20)
#define WINDOW_FIRST   ((size_t)1 << 16) /* many snapshots are small */
#define STAT_BYTES     60u
#define REST_MAX       ((size_t)65536) /* of the sections behind the first seal */

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
    p->adler = (uint32_t)adler32_z(p->adler, p->data + p->summed, p->at - p->summed);
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

/* The length of a buffer or string at p->at + skip, whose length field is there; -1 is null. */
static enum rk_err get_length(struct parser *p, size_t skip, size_t *ret_len, bool *ret_is_null)
{
    int32_t n = rk_load_i32(p->data + p->at + skip);
    if (n < -1 || (n > 0 && (uint32_t)n > p->limit)) {
        return corrupt(p, "it holds an impossible length");
    }
    *ret_is_null = n == -1;
    *ret_len = n > 0 ? (size_t)n : 0;
    return RK_OK;
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
    enum rk_err err = need(p, 4);
    if (err == RK_OK) {
        *ret_count = rk_load_i32(p->data + p->at);
        take(p, 4);
    }
    return err;
}

static enum rk_err parse_sessions(struct parser *p)
{
    int32_t count = 0;
    enum rk_err err = parse_count(p, &count);
    for (int32_t i = 0; i < count && err == RK_OK; i++) {
        err = need(p, 12);
        if (err != RK_OK) {
            break;
        }
        int64_t id = rk_load_i64(p->data + p->at);
        int32_t timeout_ms = rk_load_i32(p->data + p->at + 8);
        take(p, 12);
        p->info.session_count++;
        if (p->sink != NULL) {
            err = p->sink->session(p->sink->ctx, id, timeout_ms);
        }
    }
    return err;
}

/* One entry of the ACL map. Its length is not known before it is parsed, so the window grows until
 * it fits, up to the limit. */
static enum rk_err parse_acl(struct parser *p)
{
    size_t want = 4096;
    for (;;) {
        enum rk_err err = fill(p, want);
        if (err != RK_OK) {
            return err;
        }
        size_t have = p->len - p->at;
        struct rk_reader r;
        struct rk_vec_acl acl;
        rk_arena_reset(&p->arena);
        rk_reader_init(&r, rk_bytes_of(p->data + p->at, have < want ? have : want), p->limit);
        int64_t id = rk_read_i64(&r);
        if (rk_proto_read_vec_acl(&r, &p->arena, &acl) && !r.failed) {
            take(p, (size_t)(r.at - (p->data + p->at)));
            p->info.acl_count++;
            return p->sink != NULL ? p->sink->acl(p->sink->ctx, id, &acl) : RK_OK;
        }
        if (have < want || want > p->limit) {
            return corrupt(p, have < want ? "it ends too early" : "it holds an impossible ACL");
        }
        want *= 2;
    }
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

static void get_stat(const uint8_t *in, struct rk_stat_persisted *ret)
{
    ret->czxid = rk_load_i64(in);
    ret->mzxid = rk_load_i64(in + 8);
    ret->ctime = rk_load_i64(in + 16);
    ret->mtime = rk_load_i64(in + 24);
    ret->version = rk_load_i32(in + 32);
    ret->cversion = rk_load_i32(in + 36);
    ret->aversion = rk_load_i32(in + 40);
    ret->ephemeral_owner = rk_load_i64(in + 44);
    ret->pzxid = rk_load_i64(in + 52);
}

/* One node, or the terminator, which is the path "/". */
static enum rk_err parse_node(struct parser *p, bool *ret_is_last)
{
    size_t path_len = 0;
    size_t data_len = 0;
    bool is_null;
    enum rk_err err = need(p, 4);
    if (err == RK_OK) {
        err = get_length(p, 0, &path_len, &is_null);
    }
    if (err == RK_OK && is_null) {
        err = corrupt(p, "it holds a node without a path");
    }
    if (err == RK_OK) {
        err = need(p, 4 + path_len);
    }
    if (err != RK_OK) {
        return err;
    }
    *ret_is_last = path_len == 1 && p->data[p->at + 4] == '/';
    if (*ret_is_last) {
        take(p, 5);
        return RK_OK;
    }
    err = need(p, 4 + path_len + 4);
    if (err == RK_OK) {
        err = get_length(p, 4 + path_len, &data_len, &is_null);
    }
    size_t total = 4 + path_len + 4 + data_len + 8 + STAT_BYTES;
    if (err == RK_OK) {
        err = need(p, total);
    }
    if (err != RK_OK) {
        return err;
    }
    const uint8_t *in = p->data + p->at;
    const uint8_t *tail = in + total - STAT_BYTES - 8;
    p->info.node_count++;
    take(p, total);
    if (p->sink == NULL) {
        return RK_OK;
    }
    struct rk_stat_persisted stat;
    get_stat(tail + 8, &stat);
    struct rk_bytes data = {is_null ? NULL : in + 8 + path_len, (uint32_t)data_len};
    return p->sink->node(p->sink->ctx, (struct rk_bytes){in + 4, (uint32_t)path_len}, data,
                         rk_load_i64(tail), &stat);
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

static enum rk_err parse_digest(struct parser *p)
{
    enum rk_err err = need(p, 12);
    if (err != RK_OK) {
        return err;
    }
    const uint8_t *in = p->data + p->at;
    rk_zxid zxid = rk_load_i64(in);
    if (rk_load_i32(in + 8) < DIGEST_VERSION) {
        /* Betas of 3.6 wrote the digest as text, of a kind nobody computes any more. */
        size_t len = 0;
        bool is_null;
        err = need(p, 16);
        if (err == RK_OK) {
            err = get_length(p, 12, &len, &is_null);
        }
        if (err == RK_OK) {
            err = need(p, 16 + len);
        }
        if (err == RK_OK) {
            take(p, 16 + len);
        }
        return err;
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
                       .adler = (uint32_t)adler32(0, NULL, 0),
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
