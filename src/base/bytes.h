/* Borrowed bytes, and the two ends of an encoding: rk_reader takes big-endian values from borrowed
 * bytes and remembers the first failure; rk_buf collects them in a growing buffer that was born
 * with a maximum. Both latch: callers encode or decode a whole record and check once. */
#ifndef RK_BASE_BYTES_H
#define RK_BASE_BYTES_H

#include "base/assert.h"
#include "base/mem.h"
#include "base/types.h"

/* A view. data == NULL means null, which ZooKeeper keeps apart from empty (data != NULL, len 0). */
struct rk_bytes {
    const uint8_t *data;
    uint32_t len;
};

struct rk_bytes rk_bytes_of(const void *data, size_t len);
/* From a C string (NULL stays null). */
struct rk_bytes rk_bytes_str(const char *text);
bool rk_bytes_equal(struct rk_bytes a, struct rk_bytes b);  /* null equals only null */
int rk_bytes_compare(struct rk_bytes a, struct rk_bytes b); /* memcmp order, then length */
bool rk_bytes_starts_with(struct rk_bytes text, struct rk_bytes prefix);
/* text[0..n) against a C literal. */
bool rk_bytes_is(struct rk_bytes text, const char *literal);

struct rk_reader {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t limit_bytes; /* longest buffer or string accepted */
    bool failed; /* latched by the first short or malformed read; later reads give 0/null */
};

void rk_reader_init(struct rk_reader *r, struct rk_bytes in, uint32_t limit_bytes);
size_t rk_reader_left(const struct rk_reader *r);
uint8_t rk_read_u8(struct rk_reader *r);
bool rk_read_bool(struct rk_reader *r); /* any non-zero byte is true */
int32_t rk_read_i32(struct rk_reader *r);
int64_t rk_read_i64(struct rk_reader *r);
/* int length + bytes; -1 gives null; other negatives, over the limit or past the end fail. Borrowed
 * from the input. */
struct rk_bytes rk_read_bytes(struct rk_reader *r);
/* A vector's count: -1 stays -1 (null), other negatives become 0 as in Apache, and a count that
 * cannot fit into what is left at element_bytes_min each fails before anything is allocated. */
int32_t rk_read_count(struct rk_reader *r, uint32_t element_bytes_min);
void rk_read_skip(struct rk_reader *r, size_t n);

struct rk_buf {
    struct rk_mem *mem;
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;  /* never grows past this */
    bool failed; /* latched when max or memory ran out; later writes are dropped */
};

void rk_buf_init(struct rk_buf *b, struct rk_mem *mem, size_t max);
void rk_buf_deinit(struct rk_buf *b); /* frees; the buffer is empty and usable again */
void rk_buf_reset(struct rk_buf *b);  /* len 0, failed false, keeps the memory */
bool rk_buf_reserve(struct rk_buf *b,
                    size_t more) RK_MUST_CHECK; /* room for more bytes at data+len */
void rk_buf_put(struct rk_buf *b, const void *data, size_t len);
void rk_buf_put_u8(struct rk_buf *b, uint8_t v);
void rk_buf_put_bool(struct rk_buf *b, bool v);
void rk_buf_put_i32(struct rk_buf *b, int32_t v);
void rk_buf_put_i64(struct rk_buf *b, int64_t v);
void rk_buf_put_bytes(struct rk_buf *b, struct rk_bytes v); /* length + bytes; null as -1 */
/* Overwrites four bytes at offset (already written), for lengths known only later. */
void rk_buf_patch_i32(struct rk_buf *b, size_t offset, int32_t v);
struct rk_bytes rk_buf_view(const struct rk_buf *b);

/* Fixed-position big-endian access for formats at known offsets. */
int32_t rk_load_i32(const uint8_t *p);
int64_t rk_load_i64(const uint8_t *p);
void rk_store_i32(uint8_t *p, int32_t v);
void rk_store_i64(uint8_t *p, int64_t v);

#endif
