/* Views, the reader and the growing buffer. Guarantees: a reader never looks past its end, a buffer
 * never grows past its maximum, and both keep their first failure until they are set up again.
 * Empty views made here are never NULL, because NULL means null. What records look like is proto's.
 */
#include "base/bytes.h"

#include <string.h>

/* What empty views point at; also spares memcmp and pointer sums a NULL. */
static const uint8_t nothing[1];

/* The first allocation of a buffer: most replies fit. */
#define BUF_CAP_MIN 128u

struct rk_bytes rk_bytes_of(const void *data, size_t len)
{
    RK_ASSERT(len <= UINT32_MAX);
    RK_ASSERT(data != NULL || len == 0);
    return (struct rk_bytes){data, (uint32_t)len};
}

struct rk_bytes rk_bytes_str(const char *text)
{
    return text == NULL ? (struct rk_bytes){NULL, 0} : rk_bytes_of(text, strlen(text));
}

bool rk_bytes_equal(struct rk_bytes a, struct rk_bytes b)
{
    if (a.len != b.len || (a.data == NULL) != (b.data == NULL)) {
        return false;
    }
    return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

int rk_bytes_compare(struct rk_bytes a, struct rk_bytes b)
{
    uint32_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

bool rk_bytes_starts_with(struct rk_bytes text, struct rk_bytes prefix)
{
    if (text.len < prefix.len) {
        return false;
    }
    return prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0;
}

bool rk_bytes_is(struct rk_bytes text, const char *literal)
{
    RK_ASSERT(literal != NULL);
    return text.data != NULL && rk_bytes_equal(text, rk_bytes_str(literal));
}

int32_t rk_load_i32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return (int32_t)__builtin_bswap32(v);
}

int64_t rk_load_i64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return (int64_t)__builtin_bswap64(v);
}

void rk_store_i32(uint8_t *p, int32_t v)
{
    uint32_t swapped = __builtin_bswap32((uint32_t)v);
    memcpy(p, &swapped, sizeof(swapped));
}

void rk_store_i64(uint8_t *p, int64_t v)
{
    uint64_t swapped = __builtin_bswap64((uint64_t)v);
    memcpy(p, &swapped, sizeof(swapped));
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads and stores swap unconditionally");

void rk_reader_init(struct rk_reader *r, struct rk_bytes in, uint32_t limit_bytes)
{
    RK_ASSERT(in.data != NULL || in.len == 0);
    r->at = in.data == NULL ? nothing : in.data;
    r->end = r->at + in.len;
    r->limit_bytes = limit_bytes;
    r->failed = false;
}

size_t rk_reader_left(const struct rk_reader *r)
{
    RK_ASSERT(r->at <= r->end);
    return (size_t)(r->end - r->at);
}

/* Where the next n bytes are, past which the reader has moved; NULL once it has failed. A failed
 * reader is moved to its end, so the length check alone keeps it failing for every n > 0. */
static const uint8_t *take(struct rk_reader *r, size_t n)
{
    if (rk_reader_left(r) < n || r->failed) {
        r->failed = true;
        r->at = r->end;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    return p;
}

static void fail(struct rk_reader *r)
{
    r->failed = true;
    r->at = r->end;
}

uint8_t rk_read_u8(struct rk_reader *r)
{
    const uint8_t *p = take(r, 1);
    return p == NULL ? 0 : *p;
}

bool rk_read_bool(struct rk_reader *r)
{
    return rk_read_u8(r) != 0;
}

int32_t rk_read_i32(struct rk_reader *r)
{
    const uint8_t *p = take(r, 4);
    return p == NULL ? 0 : rk_load_i32(p);
}

int64_t rk_read_i64(struct rk_reader *r)
{
    const uint8_t *p = take(r, 8);
    return p == NULL ? 0 : rk_load_i64(p);
}

struct rk_bytes rk_read_bytes(struct rk_reader *r)
{
    const struct rk_bytes null = {NULL, 0};
    int32_t len = rk_read_i32(r);
    if (len == -1 || r->failed) {
        return null;
    }
    if (len < 0 || (uint32_t)len > r->limit_bytes) {
        fail(r);
        return null;
    }
    const uint8_t *p = take(r, (size_t)len);
    return p == NULL ? null : (struct rk_bytes){p, (uint32_t)len};
}

int32_t rk_read_count(struct rk_reader *r, uint32_t element_bytes_min)
{
    RK_ASSERT(element_bytes_min > 0);
    int32_t count = rk_read_i32(r);
    if (r->failed) {
        return 0;
    }
    if (count < 0) {
        return count == -1 ? -1 : 0;
    }
    if ((uint64_t)count * element_bytes_min > rk_reader_left(r)) {
        fail(r);
        return 0;
    }
    return count;
}

void rk_read_skip(struct rk_reader *r, size_t n)
{
    (void)take(r, n); /* the latch is the result */
}

void rk_buf_init(struct rk_buf *b, struct rk_mem *mem, size_t max)
{
    *b = (struct rk_buf){.mem = mem, .max = max};
}

void rk_buf_deinit(struct rk_buf *b)
{
    rk_mem_free(b->mem, b->data, b->cap);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->failed = false;
}

void rk_buf_reset(struct rk_buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* Doubles, so that n bytes cost O(n) however they arrive; never past max. */
static bool grow(struct rk_buf *b, size_t more)
{
    RK_ASSERT(b->len <= b->cap);
    if (b->failed || b->len > b->max || more > b->max - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap < BUF_CAP_MIN ? BUF_CAP_MIN : b->cap;
    while (cap < need && cap <= SIZE_MAX / 2) {
        cap *= 2;
    }
    if (cap < need || cap > b->max) {
        cap = b->max;
    }
    uint8_t *data = rk_mem_resize(b->mem, b->data, b->cap, cap);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    RK_ASSERT(b->cap - b->len >= more);
    return true;
}

/* The hot path of every put: one branch when there is room. cap never exceeds max. */
static inline bool has_room(struct rk_buf *b, size_t more)
{
    return __builtin_expect(!b->failed && b->cap - b->len >= more, 1) || grow(b, more);
}

bool rk_buf_reserve(struct rk_buf *b, size_t more)
{
    return has_room(b, more);
}

void rk_buf_put(struct rk_buf *b, const void *data, size_t len)
{
    RK_ASSERT(data != NULL || len == 0);
    if (len != 0 && has_room(b, len)) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void rk_buf_put_u8(struct rk_buf *b, uint8_t v)
{
    if (has_room(b, 1)) {
        b->data[b->len] = v;
        b->len += 1;
    }
}

void rk_buf_put_bool(struct rk_buf *b, bool v)
{
    rk_buf_put_u8(b, v ? 1 : 0);
}

void rk_buf_put_i32(struct rk_buf *b, int32_t v)
{
    if (has_room(b, 4)) {
        rk_store_i32(b->data + b->len, v);
        b->len += 4;
    }
}

void rk_buf_put_i64(struct rk_buf *b, int64_t v)
{
    if (has_room(b, 8)) {
        rk_store_i64(b->data + b->len, v);
        b->len += 8;
    }
}

void rk_buf_put_bytes(struct rk_buf *b, struct rk_bytes v)
{
    if (v.data == NULL) {
        RK_ASSERT(v.len == 0);
        rk_buf_put_i32(b, -1);
        return;
    }
    RK_ASSERT(v.len <= INT32_MAX);
    if (has_room(b, 4 + (size_t)v.len)) {
        rk_store_i32(b->data + b->len, (int32_t)v.len);
        memcpy(b->data + b->len + 4, v.data, v.len);
        b->len += 4 + (size_t)v.len;
    }
}

void rk_buf_patch_i32(struct rk_buf *b, size_t offset, int32_t v)
{
    if (b->failed) {
        return;
    }
    RK_ASSERT(b->len >= 4 && offset <= b->len - 4);
    rk_store_i32(b->data + offset, v);
}

struct rk_bytes rk_buf_view(const struct rk_buf *b)
{
    return rk_bytes_of(b->data == NULL ? nothing : b->data, b->len);
}
