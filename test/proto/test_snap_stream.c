/* SNAP streams: the same records however they are cut, hostile ones, little memory, linear time. */
#include "proto_support.h"

#include "base/mem_libc.h"

#include "proto/snap_record.h"
#include "proto/snap_stream.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define LIMIT ((uint32_t)1 << 20)

/* A sink that writes down what it gets. */
struct record {
    struct rk_mem mem;
    struct rk_buf text;
    uint32_t nodes;
    enum rk_err session_err;
    enum rk_err acl_err;
    enum rk_err node_err;
};

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct record *r = ctx;
    rk_buf_put_u8(&r->text, 's');
    rk_buf_put_i64(&r->text, id);
    rk_buf_put_i32(&r->text, timeout_ms);
    return r->session_err;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct record *r = ctx;
    rk_buf_put_u8(&r->text, 'a');
    rk_buf_put_i64(&r->text, id);
    rk_proto_write_vec_acl(&r->text, acl);
    return r->acl_err;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct record *r = ctx;
    r->nodes++;
    rk_buf_put_u8(&r->text, 'n');
    rk_buf_put_bytes(&r->text, path);
    rk_buf_put_bytes(&r->text, data);
    rk_buf_put_i64(&r->text, acl_id);
    rk_proto_write_stat_persisted(&r->text, stat);
    return r->node_err;
}

static struct rk_restore_sink sink_of(struct record *r)
{
    return (struct rk_restore_sink){
        .ctx = r, .session = on_session, .acl = on_acl, .node = on_node};
}

static void record_open(struct record *r)
{
    *r = (struct record){.nodes = 0};
    rk_mem_libc_init(&r->mem, 0);
    rk_buf_init(&r->text, &r->mem, (size_t)64 << 20);
}

static void record_close(struct record *r)
{
    assert_false(r->text.failed);
    rk_buf_deinit(&r->text);
    assert_int_equal(r->mem.used_bytes, 0);
}

/* -- Streams ----------------------------------------------------------------------------------- */

static void put_node(struct rk_buf *b, const char *path, struct rk_bytes data, int64_t acl_id)
{
    struct rk_stat_persisted stat = {.czxid = 1,
                                     .mzxid = -2,
                                     .ctime = 3,
                                     .mtime = 4,
                                     .version = 5,
                                     .cversion = -6,
                                     .aversion = 7,
                                     .ephemeral_owner = 8,
                                     .pzxid = 9};
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bytes(b, data);
    rk_buf_put_i64(b, acl_id);
    rk_proto_write_stat_persisted(b, &stat);
}

static void put_end(struct rk_buf *b)
{
    rk_buf_put_bytes(b, rk_bytes_str("/"));
    rk_buf_put_bytes(b, rk_bytes_str("BenWasHere"));
}

static struct rk_bytes some_bytes(struct rk_prng *p, struct rk_arena *a, uint32_t len)
{
    uint8_t *data = rk_arena_alloc(a, len + 1);
    for (uint32_t i = 0; i < len; i++) {
        data[i] = (uint8_t)rk_prng_next(p);
    }
    return rk_bytes_of(data, len);
}

static void put_acl(struct rk_buf *b, struct rk_prng *p, int64_t id)
{
    struct rk_acl items[4] = {{1, {rk_bytes_str("world"), rk_bytes_str("anyone")}},
                              {31, {rk_bytes_str("digest"), rk_bytes_str("a:b")}},
                              {-1, {rk_bytes_str(""), rk_bytes_str(NULL)}},
                              {16, {rk_bytes_str(NULL), rk_bytes_str("x")}}};
    struct rk_vec_acl acl = {(int32_t)rk_prng_below(p, 6) - 1, items};
    rk_buf_put_i64(b, id);
    if (acl.count > 4) {
        rk_buf_put_i32(b, -7); /* as good as none */
    } else {
        rk_proto_write_vec_acl(b, &acl);
    }
}

/* Any stream; the records in it are what comes out when it is pushed whole. */
static void put_stream(struct rk_buf *b, struct rk_prng *p, struct rk_arena *a, uint32_t size)
{
    uint32_t sessions = (uint32_t)rk_prng_below(p, 5);
    uint32_t acls = (uint32_t)rk_prng_below(p, 5);
    uint32_t nodes = (uint32_t)rk_prng_below(p, 12);
    rk_buf_put_i32(b, sessions > 0 ? (int32_t)sessions : -(int32_t)rk_prng_below(p, 2));
    for (uint32_t i = 0; i < sessions; i++) {
        rk_buf_put_i64(b, (int64_t)rk_prng_next(p));
        rk_buf_put_i32(b, (int32_t)rk_prng_next(p));
    }
    rk_buf_put_i32(b, (int32_t)acls);
    for (uint32_t i = 0; i < acls; i++) {
        put_acl(b, p, i + 1);
    }
    static const char *const paths[] = {"", "/zookeeper", "a", "/a/b/c", "//"};
    for (uint32_t i = 0; i < nodes; i++) {
        struct rk_bytes data = some_bytes(p, a, (uint32_t)rk_prng_below(p, size));
        put_node(b, paths[rk_prng_below(p, 5)],
                 rk_prng_chance(p, 1, 5) ? (struct rk_bytes){NULL, 0} : data, i);
    }
    put_end(b);
}

/* -- Pushing ----------------------------------------------------------------------------------- */

/* Pushes in pieces of at most step bytes, each from a block of just its size; with a generator,
 * of any length up to step. */
static enum rk_parse push_all(struct record *r, struct rk_bytes in, uint32_t step,
                              struct rk_prng *p, uint32_t limit, size_t *ret_used,
                              const char **ret_why)
{
    struct rk_restore_sink sink = sink_of(r);
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    struct rk_snap_push *s = rk_snap_push_create(&mem, &sink, limit);
    assert_non_null(s);
    enum rk_parse parsed = RK_PARSE_MORE;
    size_t at = 0;
    *ret_why = NULL;
    while (parsed == RK_PARSE_MORE && at < in.len) {
        size_t n = p != NULL ? 1 + (size_t)rk_prng_below(p, step) : step;
        n = n < in.len - at ? n : in.len - at;
        uint8_t *piece = exact_copy(rk_bytes_of(in.data + at, n));
        size_t used = SIZE_MAX;
        parsed = rk_snap_push_bytes(s, rk_bytes_of(piece, n), &used, ret_why);
        free(piece);
        assert_true(used <= n);
        assert_true(parsed != RK_PARSE_MORE || used == n);
        at += used;
    }
    assert_int_equal(rk_snap_push_nodes(s), r->nodes);
    /* Nothing that was not sent is held. */
    assert_true(mem.peak_bytes <= 3 * (size_t)in.len + 70000);
    rk_snap_push_destroy(s);
    assert_int_equal(mem.used_bytes, 0);
    *ret_used = at;
    return parsed;
}

static void cuts_do_not_matter(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rk_prng p;
        struct record whole;
        struct record cut;
        size_t used = 0;
        const char *why = NULL;
        rk_prng_init(&p, seed);
        rk_buf_reset(&f->b);
        put_stream(&f->b, &p, &f->a, 1 + (uint32_t)(seed % 300));
        size_t len = f->b.len;
        rk_buf_put(&f->b, "next packet", 11);
        record_open(&whole);
        assert_int_equal(push_all(&whole, rk_buf_view(&f->b), UINT32_MAX, NULL, LIMIT, &used, &why),
                         RK_PARSE_OK);
        assert_int_equal(used, len);
        for (uint32_t step = 1; step < 400; step = step * 2 + 1) {
            record_open(&cut);
            assert_int_equal(push_all(&cut, rk_buf_view(&f->b), step, &p, LIMIT, &used, &why),
                             RK_PARSE_OK);
            assert_int_equal(used, len);
            assert_true(rk_bytes_equal(rk_buf_view(&whole.text), rk_buf_view(&cut.text)));
            record_close(&cut);
        }
        record_open(&cut);
        assert_int_equal(push_all(&cut, rk_buf_view(&f->b), 1, NULL, LIMIT, &used, &why),
                         RK_PARSE_OK);
        assert_int_equal(used, len);
        assert_true(rk_bytes_equal(rk_buf_view(&whole.text), rk_buf_view(&cut.text)));
        record_close(&cut);
        record_close(&whole);
    }
}

static void what_is_sent_comes_out(void **state)
{
    struct fixture *f = *state;
    struct rk_acl item = {31, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_vec_acl acl = {1, &item};
    struct record r;
    size_t used = 0;
    const char *why = NULL;
    rk_buf_reset(&f->b);
    rk_buf_put_i32(&f->b, 2);
    rk_buf_put_i64(&f->b, 0x1000);
    rk_buf_put_i32(&f->b, 30000);
    rk_buf_put_i64(&f->b, -5);
    rk_buf_put_i32(&f->b, -6);
    rk_buf_put_i32(&f->b, 1);
    rk_buf_put_i64(&f->b, 77);
    rk_proto_write_vec_acl(&f->b, &acl);
    put_node(&f->b, "", rk_bytes_str(""), -1);
    put_node(&f->b, "/a", rk_bytes_str(NULL), 77);
    put_end(&f->b);
    record_open(&r);
    assert_int_equal(push_all(&r, rk_buf_view(&f->b), UINT32_MAX, NULL, LIMIT, &used, &why),
                     RK_PARSE_OK);
    /* Written down by the sink: letters, and the records as they were sent. */
    struct rk_buf want;
    rk_buf_init(&want, &f->mem, 4096);
    rk_buf_put_u8(&want, 's');
    rk_buf_put(&want, f->b.data + 4, 12);
    rk_buf_put_u8(&want, 's');
    rk_buf_put(&want, f->b.data + 16, 12);
    rk_buf_put_u8(&want, 'a');
    rk_buf_put(&want, f->b.data + 32, 8 + 4 + 4 + 9 + 10);
    rk_buf_put_u8(&want, 'n');
    rk_buf_put(&want, f->b.data + 67, 76);
    rk_buf_put_u8(&want, 'n');
    rk_buf_put(&want, f->b.data + 143, 78);
    assert_int_equal(used, 143 + 78 + 5 + 14);
    assert_true(rk_bytes_equal(rk_buf_view(&r.text), rk_buf_view(&want)));
    rk_buf_deinit(&want);
    record_close(&r);
}

static void no_beginning_is_taken_for_whole(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, 5);
    rk_buf_reset(&f->b);
    put_stream(&f->b, &p, &f->a, 50);
    for (uint32_t len = 0; len < f->b.len; len++) {
        struct record r;
        size_t used = 0;
        const char *why = NULL;
        record_open(&r);
        assert_int_equal(push_all(&r, rk_bytes_of(f->b.data, len), 7, NULL, LIMIT, &used, &why),
                         RK_PARSE_MORE);
        assert_int_equal(used, len);
        record_close(&r);
    }
}

/* -- Hostile ----------------------------------------------------------------------------------- */

#define NO_SESSIONS "00000000"
#define NO_ACLS     "00000000"

static void what_cannot_become_right_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *hex;
        const char *why;
    } cases[] = {
        /* An ACL map's entry: id, count, then perms, scheme, id. */
        {NO_SESSIONS "00000001 0000000000000001 7fffffff", "it holds an impossible ACL"},
        {NO_SESSIONS "00000001 0000000000000001 00000056", "it holds an impossible ACL"},
        {NO_SESSIONS "00000001 0000000000000001 00000001 0000001f fffffffe",
         "it holds an impossible length"},
        {NO_SESSIONS "00000001 0000000000000001 00000001 0000001f 80000000",
         "it holds an impossible length"},
        {NO_SESSIONS "00000001 0000000000000001 00000001 0000001f 00000401",
         "it holds an impossible length"},
        {NO_SESSIONS "00000001 0000000000000001 00000001 0000001f 00000400",
         "it holds an impossible ACL"},
        {NO_SESSIONS "00000001 0000000000000001 00000001 0000001f 00000001 61 00000401",
         "it holds an impossible length"},
        /* Nodes. */
        {NO_SESSIONS NO_ACLS "ffffffff", "it holds a node without a path"},
        {NO_SESSIONS NO_ACLS "fffffffe", "it holds an impossible length"},
        {NO_SESSIONS NO_ACLS "80000000", "it holds an impossible length"},
        {NO_SESSIONS NO_ACLS "00000401", "it holds an impossible length"},
        {NO_SESSIONS NO_ACLS "7fffffff", "it holds an impossible length"},
        {NO_SESSIONS NO_ACLS "00000001 61 fffffffe", "it holds an impossible length"},
        {NO_SESSIONS NO_ACLS "00000001 61 00000401", "it holds an impossible length"},
        /* The signature. */
        {NO_SESSIONS NO_ACLS "00000001 2f 0000000b", "its signature is missing"},
        {NO_SESSIONS NO_ACLS "00000001 2f ffffffff", "its signature is missing"},
        {NO_SESSIONS NO_ACLS "00000001 2f 0000000a 42656e57617348657261",
         "its signature is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t step = 1; step < 80; step += 3) {
            struct rk_bytes in = unhex(f, cases[i].hex);
            struct record r;
            size_t used = 0;
            const char *why = NULL;
            record_open(&r);
            assert_int_equal(push_all(&r, in, step, NULL, 1024, &used, &why), RK_PARSE_BAD);
            assert_string_equal(why, cases[i].why);
            record_close(&r);
        }
        /* And not before the last byte. */
        struct rk_bytes in = unhex(f, cases[i].hex);
        struct record r;
        size_t used = 0;
        const char *why = NULL;
        record_open(&r);
        in.len -= 1;
        assert_int_equal(push_all(&r, in, 5, NULL, 1024, &used, &why), RK_PARSE_MORE);
        record_close(&r);
    }
}

/* The limit itself is accepted. */
static void the_longest_records_pass(void **state)
{
    struct fixture *f = *state;
    enum { MAX = 1024 };
    char path[MAX + 1];
    uint8_t data[MAX];
    memset(path, 'p', MAX);
    path[MAX] = '\0';
    memset(data, 'd', MAX);
    struct rk_acl item = {31, {rk_bytes_of(data, MAX - 16), rk_bytes_str("")}};
    struct rk_vec_acl acl = {1, &item};
    for (uint32_t step = 1; step < 5000; step = step * 3) {
        struct record r;
        size_t used = 0;
        const char *why = NULL;
        rk_buf_reset(&f->b);
        rk_buf_put_i32(&f->b, 0);
        rk_buf_put_i32(&f->b, 1);
        rk_buf_put_i64(&f->b, 1);
        rk_proto_write_vec_acl(&f->b, &acl);
        put_node(&f->b, path, rk_bytes_of(data, MAX), 1);
        put_end(&f->b);
        record_open(&r);
        assert_int_equal(push_all(&r, rk_buf_view(&f->b), step, NULL, MAX, &used, &why),
                         RK_PARSE_OK);
        record_close(&r);
        record_open(&r);
        assert_int_equal(push_all(&r, rk_buf_view(&f->b), step, NULL, MAX - 1, &used, &why),
                         RK_PARSE_BAD);
        record_close(&r);
    }
}

/* A session, an ACL and a node, and then the signature. */
static void put_one_of_each(struct rk_buf *b)
{
    struct rk_acl item = {31, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_vec_acl acl = {1, &item};
    rk_buf_put_i32(b, 1);
    rk_buf_put_i64(b, 1);
    rk_buf_put_i32(b, 1);
    rk_buf_put_i32(b, 1);
    rk_buf_put_i64(b, 1);
    rk_proto_write_vec_acl(b, &acl);
    put_node(b, "/a", rk_bytes_str("x"), 1);
    put_end(b);
}

static void what_the_sink_refuses_ends_it(void **state)
{
    struct fixture *f = *state;
    rk_buf_reset(&f->b);
    put_one_of_each(&f->b);
    for (int kind = 0; kind < 3; kind++) {
        for (uint32_t step = 1; step < 200; step += 50) {
            struct record r;
            size_t used = 0;
            const char *why = NULL;
            record_open(&r);
            r.session_err = kind == 0 ? RK_ERR_CORRUPT : RK_OK;
            r.acl_err = kind == 1 ? RK_ERR_MALFORMED : RK_OK;
            r.node_err = kind == 2 ? RK_ERR_NOMEM : RK_OK;
            assert_int_equal(push_all(&r, rk_buf_view(&f->b), step, NULL, LIMIT, &used, &why),
                             RK_PARSE_BAD);
            assert_string_equal(why, rk_err_text(kind == 0   ? RK_ERR_CORRUPT
                                                 : kind == 1 ? RK_ERR_MALFORMED
                                                             : RK_ERR_NOMEM));
            record_close(&r);
        }
    }
}

static void the_last_word_stays(void **state)
{
    struct fixture *f = *state;
    struct record r;
    size_t used = 7;
    const char *why = NULL;
    rk_buf_reset(&f->b);
    put_one_of_each(&f->b);
    record_open(&r);
    struct rk_restore_sink sink = sink_of(&r);
    struct rk_snap_push *s = rk_snap_push_create(&f->mem, &sink, LIMIT);
    struct rk_bytes in = rk_buf_view(&f->b);
    /* Nothing at all, null or empty, is no end. */
    assert_int_equal(rk_snap_push_bytes(s, (struct rk_bytes){NULL, 0}, &used, &why), RK_PARSE_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(rk_snap_push_bytes(s, in, &used, &why), RK_PARSE_OK);
    assert_int_equal(used, in.len);
    assert_int_equal(rk_snap_push_bytes(s, in, &used, &why), RK_PARSE_OK);
    assert_int_equal(used, 0);
    assert_int_equal(rk_snap_push_nodes(s), 1);
    rk_snap_push_destroy(s);

    s = rk_snap_push_create(&f->mem, &sink, LIMIT);
    r.node_err = RK_ERR_CORRUPT;
    assert_int_equal(rk_snap_push_bytes(s, in, &used, &why), RK_PARSE_BAD);
    r.node_err = RK_OK;
    why = NULL;
    assert_int_equal(rk_snap_push_bytes(s, in, &used, &why), RK_PARSE_BAD);
    assert_string_equal(why, rk_err_text(RK_ERR_CORRUPT));
    assert_int_equal(r.nodes, 2);
    rk_snap_push_destroy(s);
    rk_snap_push_destroy(NULL);
    record_close(&r);
}

/* -- Memory and time --------------------------------------------------------------------------- */

static void claims_take_no_memory(void **state)
{
    struct fixture *f = *state;
    static const char *const claims[] = {
        NO_SESSIONS NO_ACLS "00100000 61",                /* a path of 1 MiB */
        NO_SESSIONS NO_ACLS "00000001 61 00100000 61",    /* data of 1 MiB */
        NO_SESSIONS "00000001 0000000000000001 00015554", /* 87,380 ACLs */
        "7fffffff 00",                                    /* sessions without end */
        NO_SESSIONS "7fffffff 00",                        /* ACLs without end */
    };
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        struct record r;
        struct rk_mem mem;
        size_t used = 0;
        const char *why = NULL;
        record_open(&r);
        rk_mem_libc_init(&mem, 0);
        struct rk_restore_sink sink = sink_of(&r);
        struct rk_snap_push *s = rk_snap_push_create(&mem, &sink, LIMIT);
        assert_int_equal(rk_snap_push_bytes(s, unhex(f, claims[i]), &used, &why), RK_PARSE_MORE);
        assert_true(mem.peak_bytes < 4096);
        rk_snap_push_destroy(s);
        record_close(&r);
    }
}

static void whole_records_are_not_copied(void **state)
{
    struct fixture *f = *state;
    struct record r;
    struct rk_mem mem;
    size_t used = 0;
    const char *why = NULL;
    static uint8_t data[LIMIT];
    rk_buf_reset(&f->b);
    rk_buf_put_i32(&f->b, 0);
    rk_buf_put_i32(&f->b, 0);
    for (int i = 0; i < 4; i++) {
        put_node(&f->b, "/big", rk_bytes_of(data, sizeof(data)), -1);
    }
    put_end(&f->b);
    record_open(&r);
    rk_mem_libc_init(&mem, 0);
    struct rk_restore_sink sink = sink_of(&r);
    struct rk_snap_push *s = rk_snap_push_create(&mem, &sink, LIMIT);
    assert_int_equal(rk_snap_push_bytes(s, rk_buf_view(&f->b), &used, &why), RK_PARSE_OK);
    assert_true(mem.peak_bytes < 4096);
    rk_snap_push_destroy(s);
    record_close(&r);
}

/* A second try for every byte would take hours. */
static void large_records_may_trickle(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[LIMIT];
    static struct rk_acl items[80000];
    struct rk_vec_acl acl = {80000, items};
    for (size_t i = 0; i < 80000; i++) {
        items[i].id.scheme = items[i].id.id = rk_bytes_str("");
    }
    struct record r;
    struct rk_mem mem;
    size_t used = 0;
    const char *why = NULL;
    rk_buf_reset(&f->b);
    rk_buf_put_i32(&f->b, 0);
    rk_buf_put_i32(&f->b, 1);
    rk_buf_put_i64(&f->b, 1);
    rk_proto_write_vec_acl(&f->b, &acl);
    put_node(&f->b, "/big", rk_bytes_of(data, sizeof(data)), -1);
    put_end(&f->b);
    assert_false(f->b.failed);
    record_open(&r);
    rk_mem_libc_init(&mem, 0);
    struct rk_restore_sink sink = sink_of(&r);
    struct rk_snap_push *s = rk_snap_push_create(&mem, &sink, LIMIT);
    enum rk_parse parsed = RK_PARSE_MORE;
    for (size_t i = 0; i < f->b.len; i++) {
        assert_int_equal(parsed, RK_PARSE_MORE);
        parsed = rk_snap_push_bytes(s, rk_bytes_of(f->b.data + i, 1), &used, &why);
    }
    assert_int_equal(parsed, RK_PARSE_OK);
    assert_int_equal(rk_snap_push_nodes(s), 1);
    assert_true(mem.peak_bytes < 8 * (size_t)LIMIT);
    rk_snap_push_destroy(s);
    record_close(&r);
}

static void memory_failures_are_told(void **state)
{
    struct fixture *f = *state;
    struct record r;
    size_t used = 0;
    const char *why = NULL;
    record_open(&r);
    struct rk_restore_sink sink = sink_of(&r);
    f->mem.fail_at = f->mem.count + 1;
    assert_null(rk_snap_push_create(&f->mem, &sink, LIMIT));
    f->mem.fail_at = 0;
    struct rk_snap_push *s = rk_snap_push_create(&f->mem, &sink, LIMIT);
    assert_non_null(s);
    f->mem.fail_at = f->mem.count + 1;
    assert_int_equal(rk_snap_push_bytes(s, rk_bytes_str("\1"), &used, &why), RK_PARSE_BAD);
    assert_string_equal(why, rk_err_text(RK_ERR_NOMEM));
    f->mem.fail_at = 0;
    rk_snap_push_destroy(s);
    record_close(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_comes_out),
        TEST(cuts_do_not_matter),
        TEST(no_beginning_is_taken_for_whole),
        TEST(what_cannot_become_right_is_refused_at_once),
        TEST(the_longest_records_pass),
        TEST(what_the_sink_refuses_ends_it),
        TEST(the_last_word_stays),
        TEST(claims_take_no_memory),
        TEST(whole_records_are_not_copied),
        TEST(large_records_may_trickle),
        TEST(memory_failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
