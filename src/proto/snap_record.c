/* Layout of snapshot records. Guarantees that a record is refused as soon as a length shows that it
 * cannot be right, and that MORE asks for no byte which a right stream might not have. */
#include "proto/snap_record.h"

#define STAT_BYTES    60u
#define ACL_HEAD      12u /* id, count */
#define ACL_BYTES_MIN ((size_t)RK_ACL_BYTES_MIN)

static enum rk_parse bad(const char **ret_why, const char *why)
{
    *ret_why = why;
    return RK_PARSE_BAD;
}

static enum rk_parse more(size_t *ret_bytes, size_t bytes)
{
    *ret_bytes = bytes;
    return RK_PARSE_MORE;
}

/* The length of a string or buffer; -1 is null. */
static bool get_length(const uint8_t *in, uint32_t limit, size_t *ret_len, bool *ret_is_null)
{
    int32_t n = rk_load_i32(in);
    if (n < -1 || (n > 0 && (uint32_t)n > limit)) {
        return false;
    }
    *ret_is_null = n == -1;
    *ret_len = n > 0 ? (size_t)n : 0;
    return true;
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

enum rk_parse rk_snap_node_parse(const uint8_t *in, size_t len, uint32_t limit,
                                 struct rk_snap_node *ret, size_t *ret_bytes, const char **ret_why)
{
    size_t path_len = 0;
    size_t data_len = 0;
    bool is_null = false;
    if (len < 4) {
        return more(ret_bytes, 4);
    }
    if (!get_length(in, limit, &path_len, &is_null)) {
        return bad(ret_why, "it holds an impossible length");
    }
    if (is_null) {
        return bad(ret_why, "it holds a node without a path");
    }
    /* A path of one byte may be the terminator, behind which nothing need follow. */
    size_t data_at = 4 + path_len + 4;
    size_t known = path_len == 1 ? 5 : data_at;
    if (len < known) {
        return more(ret_bytes, known);
    }
    ret->is_last = path_len == 1 && in[4] == '/';
    if (ret->is_last) {
        *ret_bytes = 5;
        return RK_PARSE_OK;
    }
    if (len < data_at) {
        return more(ret_bytes, data_at);
    }
    if (!get_length(in + 4 + path_len, limit, &data_len, &is_null)) {
        return bad(ret_why, "it holds an impossible length");
    }
    size_t total = data_at + data_len + 8 + STAT_BYTES;
    RK_ASSERT(total <= RK_SNAP_RECORD_BYTES_MAX(limit));
    if (len < total) {
        return more(ret_bytes, total);
    }
    const uint8_t *tail = in + data_at + data_len;
    ret->path = (struct rk_bytes){in + 4, (uint32_t)path_len};
    ret->data = (struct rk_bytes){is_null ? NULL : in + data_at, (uint32_t)data_len};
    ret->acl_id = rk_load_i64(tail);
    get_stat(tail + 8, &ret->stat);
    *ret_bytes = total;
    return RK_PARSE_OK;
}

/* Skips the ACL at in + at: perms, scheme, id. */
static enum rk_parse skip_acl(const uint8_t *in, size_t len, size_t at, uint32_t limit,
                              size_t *ret_bytes, const char **ret_why)
{
    size_t end = at + 4; /* behind the perms */
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        bool is_null;
        if (len < end + 4) {
            return more(ret_bytes, end + 4);
        }
        if (!get_length(in + end, limit, &n, &is_null)) {
            return bad(ret_why, "it holds an impossible length");
        }
        end += 4 + n;
        if (end - 8 > limit) {
            return bad(ret_why, "it holds an impossible ACL");
        }
    }
    *ret_bytes = end;
    return len < end ? RK_PARSE_MORE : RK_PARSE_OK;
}

enum rk_parse rk_snap_acl_find(struct rk_snap_acl_scan *scan, const uint8_t *in, size_t len,
                               uint32_t limit, size_t *ret_bytes, const char **ret_why)
{
    if (scan->at == 0) {
        if (len < ACL_HEAD) {
            return more(ret_bytes, ACL_HEAD);
        }
        /* Negative is null or, as everywhere in Apache's lists, none. */
        int32_t count = rk_load_i32(in + 8);
        if (count > 0 && (uint64_t)count * ACL_BYTES_MIN > limit) {
            return bad(ret_why, "it holds an impossible ACL");
        }
        scan->at = ACL_HEAD;
        scan->left = count > 0 ? count : 0;
    }
    while (scan->left > 0) {
        size_t end = 0;
        enum rk_parse parsed = skip_acl(in, len, scan->at, limit, &end, ret_why);
        if (parsed != RK_PARSE_OK) {
            *ret_bytes = end;
            return parsed;
        }
        scan->at = end;
        scan->left--;
    }
    *ret_bytes = scan->at;
    return RK_PARSE_OK;
}

void rk_snap_acl_read(struct rk_bytes entry, uint32_t limit, struct rk_arena *a, int64_t *ret_id,
                      struct rk_vec_acl *ret)
{
    struct rk_reader r;
    rk_reader_init(&r, entry, limit);
    *ret_id = rk_read_i64(&r);
    bool is_read = rk_proto_read_vec_acl(&r, a, ret);
    RK_ASSERT(is_read);
    RK_ASSERT(rk_reader_left(&r) == 0);
}
