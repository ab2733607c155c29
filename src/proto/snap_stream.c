/* The push parser of SNAP streams. Guarantees that the same records come out however the stream is
 * cut, that records are taken from the caller's bytes wherever they are whole there, and that what
 * is kept of an unfinished one grows with the bytes that came, not with the lengths they claim. No
 * byte is looked at more than a few times: after MORE a record is not tried again before the bytes
 * it asked for are there.
 *
 * What it leaves to the sink: that a parent comes before its children, that ACL ids exist.
 *
 * ZK: Learner.syncWithLeader, SerializeUtils.deserializeSnapshot */
#include "proto/snap_stream.h"

#include <string.h>

#include "proto/snap_record.h"

#define SIGNATURE_BYTES (sizeof(RK_SNAP_SIGNATURE) - 1)

enum stage {
    STAGE_SESSION_COUNT,
    STAGE_SESSIONS,
    STAGE_ACL_COUNT,
    STAGE_ACLS,
    STAGE_NODES,
    STAGE_SIGNATURE,
    STAGE_DONE,
    STAGE_BAD,
};

struct rk_snap_push {
    struct rk_mem *mem;
    struct rk_restore_sink sink;
    struct rk_arena arena;
    struct rk_buf part; /* the beginning of a record */
    size_t want;        /* of it, before it is tried again */
    struct rk_snap_acl_scan scan;
    uint32_t limit;
    enum stage stage;
    int32_t left; /* sessions or ACLs to come */
    uint64_t nodes;
    const char *why;
};

struct rk_snap_push *rk_snap_push_create(struct rk_mem *mem, const struct rk_restore_sink *sink,
                                         uint32_t record_bytes_max)
{
    struct rk_snap_push *s = rk_mem_zalloc(mem, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->mem = mem;
    s->sink = *sink;
    s->limit = record_bytes_max;
    s->why = "";
    rk_arena_init(&s->arena, mem);
    rk_buf_init(&s->part, mem, RK_SNAP_RECORD_BYTES_MAX(record_bytes_max));
    return s;
}

void rk_snap_push_destroy(struct rk_snap_push *s)
{
    if (s != NULL) {
        rk_buf_deinit(&s->part);
        rk_arena_deinit(&s->arena);
        rk_mem_free(s->mem, s, sizeof(*s));
    }
}

uint64_t rk_snap_push_nodes(const struct rk_snap_push *s)
{
    return s->nodes;
}

static enum rk_parse fail(struct rk_snap_push *s, const char *why)
{
    s->why = why;
    return RK_PARSE_BAD;
}

/* What the sink said about a record. */
static enum rk_parse settle(struct rk_snap_push *s, enum rk_err err)
{
    return err == RK_OK ? RK_PARSE_OK : fail(s, rk_err_text(err));
}

/* Each step looks at the record at in[0..len) and takes it if it is whole. *ret_bytes as in
 * snap_record.h. */

static enum rk_parse step_count(struct rk_snap_push *s, const uint8_t *in, size_t len,
                                size_t *ret_bytes)
{
    *ret_bytes = RK_SNAP_COUNT_BYTES;
    if (len < RK_SNAP_COUNT_BYTES) {
        return RK_PARSE_MORE;
    }
    s->left = rk_load_i32(in);
    s->stage = s->stage == STAGE_SESSION_COUNT ? STAGE_SESSIONS : STAGE_ACLS;
    return RK_PARSE_OK;
}

static enum rk_parse step_session(struct rk_snap_push *s, const uint8_t *in, size_t len,
                                  size_t *ret_bytes)
{
    *ret_bytes = RK_SNAP_SESSION_BYTES;
    if (len < RK_SNAP_SESSION_BYTES) {
        return RK_PARSE_MORE;
    }
    s->left--;
    return settle(s, s->sink.session(s->sink.ctx, rk_load_i64(in), rk_load_i32(in + 8)));
}

static enum rk_parse step_acl(struct rk_snap_push *s, const uint8_t *in, size_t len,
                              size_t *ret_bytes)
{
    enum rk_parse parsed = rk_snap_acl_find(&s->scan, in, len, s->limit, ret_bytes, &s->why);
    if (parsed != RK_PARSE_OK) {
        return parsed;
    }
    int64_t id;
    struct rk_vec_acl acl;
    rk_arena_reset(&s->arena);
    rk_snap_acl_read(rk_bytes_of(in, *ret_bytes), s->limit, &s->arena, &id, &acl);
    s->scan = (struct rk_snap_acl_scan){.at = 0};
    s->left--;
    return settle(s, s->sink.acl(s->sink.ctx, id, &acl));
}

static enum rk_parse step_node(struct rk_snap_push *s, const uint8_t *in, size_t len,
                               size_t *ret_bytes)
{
    struct rk_snap_node node;
    enum rk_parse parsed = rk_snap_node_parse(in, len, s->limit, &node, ret_bytes, &s->why);
    if (parsed != RK_PARSE_OK) {
        return parsed;
    }
    if (node.is_last) {
        s->stage = STAGE_SIGNATURE;
        return RK_PARSE_OK;
    }
    s->nodes++;
    return settle(s, s->sink.node(s->sink.ctx, node.path, node.data, node.acl_id, &node.stat));
}

static enum rk_parse step_signature(struct rk_snap_push *s, const uint8_t *in, size_t len,
                                    size_t *ret_bytes)
{
    *ret_bytes = 4;
    if (len < 4) {
        return RK_PARSE_MORE;
    }
    if (rk_load_i32(in) != (int32_t)SIGNATURE_BYTES) {
        return fail(s, "its signature is missing");
    }
    *ret_bytes = 4 + SIGNATURE_BYTES;
    if (len < 4 + SIGNATURE_BYTES) {
        return RK_PARSE_MORE;
    }
    if (memcmp(in + 4, RK_SNAP_SIGNATURE, SIGNATURE_BYTES) != 0) {
        return fail(s, "its signature is missing");
    }
    s->stage = STAGE_DONE;
    return RK_PARSE_OK;
}

static enum rk_parse step(struct rk_snap_push *s, const uint8_t *in, size_t len, size_t *ret_bytes)
{
    if (s->stage == STAGE_SESSIONS && s->left <= 0) {
        s->stage = STAGE_ACL_COUNT;
    }
    if (s->stage == STAGE_ACLS && s->left <= 0) {
        s->stage = STAGE_NODES;
    }
    switch (s->stage) {
    case STAGE_SESSION_COUNT:
    case STAGE_ACL_COUNT:
        return step_count(s, in, len, ret_bytes);
    case STAGE_SESSIONS:
        return step_session(s, in, len, ret_bytes);
    case STAGE_ACLS:
        return step_acl(s, in, len, ret_bytes);
    case STAGE_NODES:
        return step_node(s, in, len, ret_bytes);
    case STAGE_SIGNATURE:
        return step_signature(s, in, len, ret_bytes);
    case STAGE_DONE:
    case STAGE_BAD:
        break;
    }
    rk_panic(__FILE__, __LINE__, "no record to parse");
}

/* Keeps n bytes of in as part of an unfinished record. */
static bool keep(struct rk_snap_push *s, const uint8_t *in, size_t n)
{
    rk_buf_put(&s->part, in, n);
    return !s->part.failed;
}

/* Goes on with the record whose beginning is kept; *at moves over what was used of in. OK: it is
 * done and nothing is kept any more. */
static enum rk_parse finish_part(struct rk_snap_push *s, struct rk_bytes in, size_t *at)
{
    while (s->part.len > 0) {
        RK_ASSERT(s->want > s->part.len);
        size_t missing = s->want - s->part.len;
        size_t n = missing < in.len - *at ? missing : in.len - *at;
        if (!keep(s, in.data + *at, n)) {
            return fail(s, rk_err_text(RK_ERR_NOMEM));
        }
        *at += n;
        if (n < missing) {
            return RK_PARSE_MORE;
        }
        size_t bytes = 0;
        enum rk_parse parsed = step(s, s->part.data, s->part.len, &bytes);
        if (parsed == RK_PARSE_BAD) {
            return parsed;
        }
        if (parsed == RK_PARSE_OK) {
            /* It never asked for more than the record has. */
            RK_ASSERT(bytes == s->part.len);
            rk_buf_reset(&s->part);
        }
        s->want = bytes;
    }
    return RK_PARSE_OK;
}

static enum rk_parse parse(struct rk_snap_push *s, struct rk_bytes in, size_t *at)
{
    enum rk_parse parsed = finish_part(s, in, at);
    while (parsed == RK_PARSE_OK && s->stage != STAGE_DONE) {
        size_t bytes = 0;
        size_t left = in.len - *at;
        parsed = step(s, left > 0 ? in.data + *at : (const uint8_t *)"", left, &bytes);
        if (parsed == RK_PARSE_OK) {
            RK_ASSERT(bytes <= left);
            *at += bytes;
        } else if (parsed == RK_PARSE_MORE) {
            RK_ASSERT(bytes > left);
            s->want = bytes;
            if (left > 0 && !keep(s, in.data + *at, left)) {
                return fail(s, rk_err_text(RK_ERR_NOMEM));
            }
            *at = in.len;
        }
    }
    return parsed;
}

enum rk_parse rk_snap_push_bytes(struct rk_snap_push *s, struct rk_bytes in, size_t *ret_used,
                                 const char **ret_why)
{
    size_t at = 0;
    enum rk_parse parsed = s->stage == STAGE_BAD ? RK_PARSE_BAD : parse(s, in, &at);
    *ret_used = at;
    if (parsed == RK_PARSE_BAD) {
        s->stage = STAGE_BAD; /* for good */
        *ret_why = s->why;
    }
    return parsed;
}
