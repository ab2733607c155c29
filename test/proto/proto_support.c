/* See the header. Works on the fields as the table lists them and knows no record by name, so that
 * a record added to the schema is tested from its first day. */
#include "proto_support.h"

#include "base/mem_libc.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    rk_mem_libc_init(&f->mem, 0);
    rk_arena_init(&f->a, &f->mem);
    rk_buf_init(&f->b, &f->mem, (size_t)1 << 24);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    rk_arena_deinit(&f->a);
    rk_buf_deinit(&f->b);
    size_t held = f->mem.used_bytes;
    free(f);
    return held == 0 ? 0 : 1;
}

static unsigned nibble(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = memchr(digits, c, 16);
    assert_non_null(at);
    return (unsigned)(at - digits);
}

struct rk_bytes unhex(struct fixture *f, const char *hex)
{
    size_t len = strlen(hex);
    uint8_t *out = rk_arena_alloc(&f->a, len / 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (hex[i] == ' ') {
            continue;
        }
        assert_true(i + 1 < len);
        out[n++] = (uint8_t)(nibble(hex[i]) << 4 | nibble(hex[i + 1]));
        i++;
    }
    return rk_bytes_of(out, n);
}

uint8_t *exact_copy(struct rk_bytes bytes)
{
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    return copy;
}

const struct rk_proto_record *record_named(const char *name, size_t len)
{
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT; i++) {
        const char *candidate = rk_proto_records[i].name;
        if (strlen(candidate) == len && memcmp(candidate, name, len) == 0) {
            return &rk_proto_records[i];
        }
    }
    fail_msg("no record %.*s", (int)len, name);
    return NULL;
}

/* Null, empty and short ones are as likely as others: that is where codecs go wrong. */
static struct rk_bytes random_bytes(struct rk_prng *p, struct rk_arena *a)
{
    uint64_t shape = rk_prng_below(p, 4);
    if (shape == 0) {
        return (struct rk_bytes){NULL, 0};
    }
    size_t len = shape == 1 ? 0 : (size_t)rk_prng_below(p, shape == 2 ? 8 : 200);
    uint8_t *data = rk_arena_alloc(a, len);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)rk_prng_next(p);
    }
    return rk_bytes_of(data, len);
}

static uint64_t random_integer(struct rk_prng *p)
{
    static const uint64_t edges[] = {
        0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, INT32_MAX, (uint64_t)INT32_MAX + 1};
    size_t edge = (size_t)rk_prng_below(p, 2 * sizeof(edges) / sizeof(edges[0]));
    return edge < sizeof(edges) / sizeof(edges[0]) ? edges[edge] : rk_prng_next(p);
}

static int32_t random_count(struct rk_prng *p)
{
    return (int32_t)rk_prng_below(p, 6) - 1;
}

/* All vectors have this layout, whatever the items are. */
struct vec {
    int32_t count;
    void *items;
};
_Static_assert(sizeof(struct vec) == sizeof(struct rk_vec_acl), "vectors look alike");
_Static_assert(offsetof(struct vec, items) == offsetof(struct rk_vec_acl, items),
               "vectors look alike");

static struct vec vec_at(const void *field)
{
    struct vec v;
    memcpy(&v, field, sizeof(v));
    return v;
}

static void random_field(struct rk_prng *p, struct rk_arena *a, const struct rk_proto_field *f,
                         uint8_t *at)
{
    uint64_t integer = random_integer(p);
    int32_t i32 = (int32_t)(uint32_t)integer;
    bool is_true = rk_prng_chance(p, 1, 2);
    struct vec v = {random_count(p), NULL};
    struct rk_bytes bytes = random_bytes(p, a);
    switch (f->kind) {
    case RK_PROTO_BOOL:
        memcpy(at, &is_true, sizeof(is_true));
        break;
    case RK_PROTO_I32:
        memcpy(at, &i32, sizeof(i32));
        break;
    case RK_PROTO_I64:
        memcpy(at, &integer, sizeof(integer));
        break;
    case RK_PROTO_TEXT:
    case RK_PROTO_DATA:
        memcpy(at, &bytes, sizeof(bytes));
        break;
    case RK_PROTO_RECORD:
        random_record(p, a, &rk_proto_records[f->record_index], at);
        break;
    case RK_PROTO_VEC_BYTES:
        v.items = rk_arena_alloc(a, 8 * sizeof(struct rk_bytes));
        for (int32_t i = 0; i < v.count; i++) {
            ((struct rk_bytes *)v.items)[i] = random_bytes(p, a);
        }
        memcpy(at, &v, sizeof(v));
        break;
    case RK_PROTO_VEC_RECORD: {
        const struct rk_proto_record *t = &rk_proto_records[f->record_index];
        v.items = rk_arena_alloc(a, 8 * (size_t)t->struct_bytes);
        for (int32_t i = 0; i < v.count; i++) {
            random_record(p, a, t, (uint8_t *)v.items + (size_t)i * t->struct_bytes);
        }
        memcpy(at, &v, sizeof(v));
        break;
    }
    }
}

void random_record(struct rk_prng *p, struct rk_arena *a, const struct rk_proto_record *t,
                   void *ret)
{
    memset(ret, 0, t->struct_bytes);
    for (uint32_t i = 0; i < t->field_count; i++) {
        const struct rk_proto_field *f = &t->fields[i];
        bool is_here = true;
        if (f->has_offset >= 0) {
            is_here = rk_prng_chance(p, 1, 2);
            memcpy((uint8_t *)ret + f->has_offset, &is_here, sizeof(is_here));
        }
        if (is_here) {
            random_field(p, a, f, (uint8_t *)ret + f->offset);
        }
    }
}

static bool vecs_equal(const struct rk_proto_field *f, const uint8_t *x, const uint8_t *y)
{
    struct vec vx = vec_at(x);
    struct vec vy = vec_at(y);
    if (vx.count != vy.count) {
        return false;
    }
    for (int32_t i = 0; i < vx.count; i++) {
        if (f->kind == RK_PROTO_VEC_BYTES) {
            const struct rk_bytes *bx = vx.items;
            const struct rk_bytes *by = vy.items;
            if (!rk_bytes_equal(bx[i], by[i])) {
                return false;
            }
            continue;
        }
        const struct rk_proto_record *t = &rk_proto_records[f->record_index];
        size_t skip = (size_t)i * t->struct_bytes;
        if (!records_equal(t, (uint8_t *)vx.items + skip, (uint8_t *)vy.items + skip)) {
            return false;
        }
    }
    return true;
}

static bool fields_equal(const struct rk_proto_field *f, const uint8_t *x, const uint8_t *y)
{
    switch (f->kind) {
    case RK_PROTO_BOOL:
        return memcmp(x, y, sizeof(bool)) == 0;
    case RK_PROTO_I32:
        return memcmp(x, y, sizeof(int32_t)) == 0;
    case RK_PROTO_I64:
        return memcmp(x, y, sizeof(int64_t)) == 0;
    case RK_PROTO_TEXT:
    case RK_PROTO_DATA:
        return rk_bytes_equal(*(const struct rk_bytes *)(const void *)x,
                              *(const struct rk_bytes *)(const void *)y);
    case RK_PROTO_RECORD:
        return records_equal(&rk_proto_records[f->record_index], x, y);
    case RK_PROTO_VEC_BYTES:
    case RK_PROTO_VEC_RECORD:
        return vecs_equal(f, x, y);
    }
    return false;
}

bool records_equal(const struct rk_proto_record *t, const void *x, const void *y)
{
    for (uint32_t i = 0; i < t->field_count; i++) {
        const struct rk_proto_field *f = &t->fields[i];
        const uint8_t *fx = x;
        const uint8_t *fy = y;
        if (f->has_offset >= 0 &&
            memcmp(fx + f->has_offset, fy + f->has_offset, sizeof(bool)) != 0) {
            return false;
        }
        if (!fields_equal(f, fx + f->offset, fy + f->offset)) {
            return false;
        }
    }
    return true;
}

static void put_text(struct rk_buf *b, const char *text)
{
    rk_buf_put(b, text, strlen(text));
}

static void put_number(struct rk_buf *b, int64_t v)
{
    char text[RK_NUM_MAX];
    rk_buf_put(b, text, rk_num_dec(text, v));
}

static void put_described_bytes(struct rk_buf *b, struct rk_bytes v)
{
    if (v.data == NULL) {
        put_text(b, "null");
        return;
    }
    put_text(b, "<");
    for (uint32_t i = 0; i < v.len; i++) {
        rk_buf_put(b, &"0123456789abcdef"[v.data[i] >> 4], 1);
        rk_buf_put(b, &"0123456789abcdef"[v.data[i] & 15], 1);
    }
    put_text(b, ">");
}

static void describe_vec(struct rk_buf *b, const struct rk_proto_field *f, struct vec v)
{
    if (v.count < 0) {
        put_text(b, "null");
        return;
    }
    put_text(b, "[");
    for (int32_t i = 0; i < v.count; i++) {
        put_text(b, i > 0 ? "," : "");
        if (f->kind == RK_PROTO_VEC_BYTES) {
            put_described_bytes(b, ((const struct rk_bytes *)v.items)[i]);
        } else {
            const struct rk_proto_record *t = &rk_proto_records[f->record_index];
            describe_record(b, t, (const uint8_t *)v.items + (size_t)i * t->struct_bytes);
        }
    }
    put_text(b, "]");
}

static void describe_field(struct rk_buf *b, const struct rk_proto_field *f, const void *at)
{
    switch (f->kind) {
    case RK_PROTO_BOOL:
        put_text(b, *(const bool *)at ? "true" : "false");
        break;
    case RK_PROTO_I32:
        put_number(b, *(const int32_t *)at);
        break;
    case RK_PROTO_I64:
        put_number(b, *(const int64_t *)at);
        break;
    case RK_PROTO_TEXT:
    case RK_PROTO_DATA:
        put_described_bytes(b, *(const struct rk_bytes *)at);
        break;
    case RK_PROTO_RECORD:
        describe_record(b, &rk_proto_records[f->record_index], at);
        break;
    case RK_PROTO_VEC_BYTES:
    case RK_PROTO_VEC_RECORD:
        describe_vec(b, f, vec_at(at));
        break;
    }
}

void describe_record(struct rk_buf *b, const struct rk_proto_record *t, const void *v)
{
    put_text(b, "(");
    for (uint32_t i = 0; i < t->field_count; i++) {
        const struct rk_proto_field *f = &t->fields[i];
        if (f->has_offset >= 0 && !*((const bool *)v + f->has_offset)) {
            continue;
        }
        put_text(b, i > 0 ? "," : "");
        put_text(b, f->name);
        put_text(b, "=");
        describe_field(b, f, (const uint8_t *)v + f->offset);
    }
    put_text(b, ")");
}
