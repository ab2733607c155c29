/* What holds for every record, by table and seed: what was written reads back equal, a missing byte
 * is noticed, and no length or count that lies makes a decoder reserve memory or leave its input.
 * Then the distinctions that are easily lost: null and empty, optional and absent. */
#include "proto_support.h"

#include "base/mem_libc.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define SEED   20240607u
#define ROUNDS 60

static struct rk_bytes written(struct fixture *f, const struct rk_proto_record *t, const void *v)
{
    rk_buf_reset(&f->b);
    t->write(&f->b, v);
    assert_false(f->b.failed);
    return rk_arena_dup(&f->a, rk_buf_view(&f->b));
}

static void random_values_come_back(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, SEED);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT * ROUNDS; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i % RK_PROTO_RECORD_COUNT];
        union rk_proto_any v;
        union rk_proto_any back;
        random_record(&p, &f->a, t, &v);
        struct rk_bytes bytes = written(f, t, &v);
        assert_true(bytes.len >= t->bytes_min);
        memset(&back, 0xa5, sizeof(back));
        struct rk_reader r;
        rk_reader_init(&r, bytes, bytes.len);
        assert_true(t->read(&r, &f->a, &back));
        assert_int_equal(rk_reader_left(&r), 0);
        if (!records_equal(t, &v, &back)) {
            fail_msg("%s differs, round %u", t->name, i / RK_PROTO_RECORD_COUNT);
        }
        rk_arena_reset(&f->a);
    }
}

/* The comparison above must be able to fail. */
static void comparison_sees_every_changed_byte(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, SEED + 1);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i];
        union rk_proto_any v;
        random_record(&p, &f->a, t, &v);
        struct rk_bytes bytes = written(f, t, &v);
        for (uint32_t at = 0; at < bytes.len; at++) {
            uint8_t *copy = exact_copy(bytes);
            copy[at] ^= 0x40;
            struct rk_reader r;
            rk_reader_init(&r, rk_bytes_of(copy, bytes.len), bytes.len);
            union rk_proto_any back;
            /* A boolean other than 0 and 1 is true as well, and may have been before. */
            bool is_bool = t->read(&r, &f->a, &back) && copy[at] == (0x40 | 1);
            if (!r.failed && !is_bool && records_equal(t, &v, &back)) {
                fail_msg("%s: byte %u changed unseen", t->name, at);
            }
            free(copy);
        }
        rk_arena_reset(&f->a);
    }
}

static void a_missing_byte_fails(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, SEED + 2);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT * 8; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i % RK_PROTO_RECORD_COUNT];
        union rk_proto_any v;
        random_record(&p, &f->a, t, &v);
        bool has_optional = t->fields[t->field_count - 1].has_offset >= 0;
        struct rk_bytes bytes = written(f, t, &v);
        for (uint32_t len = 0; len < bytes.len; len++) {
            uint8_t *copy = exact_copy(rk_bytes_of(bytes.data, len));
            struct rk_reader r;
            rk_reader_init(&r, rk_bytes_of(copy, len), bytes.len);
            union rk_proto_any back;
            memset(&back, 0xa5, sizeof(back));
            bool is_read = t->read(&r, &f->a, &back);
            assert_int_equal(is_read, !r.failed);
            if (is_read && !(has_optional && len == bytes.len - 1)) {
                fail_msg("%s: %u of %u bytes were enough", t->name, len, bytes.len);
            }
            free(copy);
        }
        rk_arena_reset(&f->a);
    }
}

/* Wherever a length or a count may lie, these are the numbers it would lie with. */
static void lies_cost_no_memory_and_stay_inside(void **state)
{
    static const uint32_t lies[] = {0x7fffffff, 0x80000000, 0xfffffffe, 0x00ffffff,
                                    0x10000000, 0x0aaaaaab, 0x00010000, 0x00000100};
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, SEED + 3);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT * 4; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i % RK_PROTO_RECORD_COUNT];
        union rk_proto_any v;
        random_record(&p, &f->a, t, &v);
        struct rk_bytes bytes = written(f, t, &v);
        for (uint32_t at = 0; at + 4 <= bytes.len; at++) {
            uint8_t *copy = exact_copy(bytes);
            rk_store_i32(copy + at, (int32_t)lies[(at + i) % 8]);
            struct rk_arena a;
            rk_arena_init(&a, &f->mem);
            struct rk_reader r;
            rk_reader_init(&r, rk_bytes_of(copy, bytes.len), 1u << 20);
            union rk_proto_any back;
            (void)t->read(&r, &a, &back); /* either outcome is fine here */
            /* 4 bytes of input become at most one struct rk_bytes, 12 at most one ACL. */
            assert_true(a.used_bytes <= 4 * (size_t)bytes.len + 16 * (size_t)t->field_count);
            rk_arena_deinit(&a);
            free(copy);
        }
        rk_arena_reset(&f->a);
    }
}

struct liar {
    const char *record;
    const char *hex;
};

static void impossible_counts_fail_before_anything_is_allocated(void **state)
{
    static const struct liar liars[] = {
        {"get_children_response", "7fffffff"},
        {"get_children_response", "00000001"},
        {"get_children_response", "00000003 00000000 00000000 000000"},
        {"get_children2_response", "40000000 00000000"},
        {"who_am_i_response", "00000002 00000000 00000000 00000000 000000"},
        {"create_request", "00000000 00000000 00000001 0000001f 00000000 000000"},
        {"create_request", "00000000 00000000 7fffffff 0000001f 00000000 00000000 00000000"},
        {"multi_txn", "00000002 00000000 00000000 00000000 000000"},
        {"multi_txn", "20000000 00000000 00000000 00000000 00000000"},
        {"set_watches2", "0000000000000000 7fffffff 00000000 00000000 00000000 00000000"},
        {"quorum_packet", "00000001 0000000000000000 ffffffff 7fffffff 0000"},
        {"create_response", "7fffffff 2f"},
        {"create_response", "00000002 2f"},
        {"create_response", "fffffffe 2f"},
        {"create_response", "80000000"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++) {
        const struct rk_proto_record *t = record_named(liars[i].record, strlen(liars[i].record));
        struct rk_bytes bytes = unhex(f, liars[i].hex);
        struct rk_mem mem;
        rk_mem_libc_init(&mem, 0);
        struct rk_arena a;
        rk_arena_init(&a, &mem);
        struct rk_reader r;
        rk_reader_init(&r, bytes, 0x7fffffff);
        union rk_proto_any v;
        assert_false(t->read(&r, &a, &v));
        assert_int_equal(mem.count, 0);
        assert_int_equal(mem.used_bytes, 0);
        rk_arena_deinit(&a);
    }
}

static void a_vector_that_fails_is_left_empty(void **state)
{
    struct fixture *f = *state;
    struct rk_reader r;
    rk_reader_init(&r, unhex(f, "00000002 00000001 61 00000005 62"), 100);
    struct rk_vec_bytes names;
    memset(&names, 0xa5, sizeof(names));
    assert_false(rk_proto_read_vec_bytes(&r, &f->a, &names));
    assert_int_equal(names.count, 0);
    assert_null(names.items);
    rk_reader_init(&r, unhex(f, "00000001 0000001f 00000001 61 00000005 62"), 100);
    struct rk_vec_acl acl;
    memset(&acl, 0xa5, sizeof(acl));
    assert_false(rk_proto_read_vec_acl(&r, &f->a, &acl));
    assert_int_equal(acl.count, 0);
    assert_null(acl.items);
}

static void a_string_over_the_limit_fails(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes bytes = unhex(f, "00000005 2f61626364 00000002 6869 ffffffff 00000000");
    struct rk_create_request request;
    struct rk_reader r;
    rk_reader_init(&r, bytes, 5);
    assert_true(rk_proto_read_create_request(&r, &f->a, &request));
    rk_reader_init(&r, bytes, 4);
    assert_false(rk_proto_read_create_request(&r, &f->a, &request));
}

static void null_and_empty_differ(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes bytes = unhex(f, "00000000 ffffffff ffffffff 00000000"
                                     "ffffffff 00000000 00000000 00000000");
    struct rk_reader r;
    rk_reader_init(&r, bytes, 100);
    struct rk_create_request x;
    struct rk_create_request y;
    assert_true(rk_proto_read_create_request(&r, &f->a, &x));
    assert_true(rk_proto_read_create_request(&r, &f->a, &y));
    assert_non_null(x.path.data);
    assert_null(x.data.data);
    assert_int_equal(x.acl.count, -1);
    assert_null(y.path.data);
    assert_non_null(y.data.data);
    assert_int_equal(y.acl.count, 0);
    rk_proto_write_create_request(&f->b, &x);
    rk_proto_write_create_request(&f->b, &y);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), bytes));
}

/* ZK: BinaryInputArchive.startVector; other negatives are an empty list there. */
static void a_negative_count_other_than_null_is_empty(void **state)
{
    struct fixture *f = *state;
    struct rk_reader r;
    rk_reader_init(&r, unhex(f, "fffffffe"), 100);
    struct rk_get_children_response v;
    assert_true(rk_proto_read_get_children_response(&r, &f->a, &v));
    assert_int_equal(v.children.count, 0);
}

static void any_boolean_but_zero_is_true(void **state)
{
    struct fixture *f = *state;
    struct rk_reader r;
    rk_reader_init(&r, unhex(f, "00000000 02"), 100);
    struct rk_exists_request v;
    assert_true(rk_proto_read_exists_request(&r, &f->a, &v));
    assert_true(v.watch);
    rk_proto_write_exists_request(&f->b, &v);
    assert_int_equal(f->b.data[4], 1);
}

static void read_only_is_written_only_if_it_was_there(void **state)
{
    struct fixture *f = *state;
    struct rk_connect_response v = {.time_out = 10000, .passwd = rk_bytes_str("0123456789abcdef")};
    rk_proto_write_connect_response(&f->b, &v);
    assert_int_equal(f->b.len, 36);
    v.has_read_only = true;
    rk_buf_reset(&f->b);
    rk_proto_write_connect_response(&f->b, &v);
    assert_int_equal(f->b.len, 37);

    struct rk_reader r;
    struct rk_connect_response back;
    rk_reader_init(&r, rk_bytes_of(f->b.data, 36), 100);
    assert_true(rk_proto_read_connect_response(&r, &f->a, &back));
    assert_false(back.has_read_only);
    assert_false(back.read_only);
    f->b.data[36] = 1;
    rk_reader_init(&r, rk_buf_view(&f->b), 100);
    assert_true(rk_proto_read_connect_response(&r, &f->a, &back));
    assert_true(back.has_read_only);
    assert_true(back.read_only);
}

static void bytes_behind_a_record_are_left(void **state)
{
    struct fixture *f = *state;
    struct rk_reader r;
    rk_reader_init(&r, unhex(f, "00000001 2f aabb"), 100);
    struct rk_sync_request v;
    assert_true(rk_proto_read_sync_request(&r, &f->a, &v));
    assert_int_equal(rk_reader_left(&r), 2);
}

static void a_full_buffer_latches(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, SEED + 4);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i];
        union rk_proto_any v;
        random_record(&p, &f->a, t, &v);
        uint32_t len = written(f, t, &v).len;
        for (uint32_t max = 0; max < len; max++) {
            struct rk_buf small;
            rk_buf_init(&small, &f->mem, max);
            t->write(&small, &v);
            assert_true(small.failed);
            assert_true(small.len <= max);
            rk_buf_deinit(&small);
        }
    }
}

static void sizes_are_those_of_the_formats(void **state)
{
    (void)state;
    _Static_assert(RK_STAT_BYTES_MIN == 68, "Stat");
    _Static_assert(RK_STAT_PERSISTED_BYTES_MIN == 60, "StatPersisted");
    _Static_assert(RK_TXN_HEADER_BYTES_MIN == 32, "TxnHeader");
    _Static_assert(RK_TXN_DIGEST_BYTES_MIN == 12, "TxnDigest");
    _Static_assert(RK_FILE_HEADER_BYTES_MIN == 16, "FileHeader");
    _Static_assert(RK_REPLY_HEADER_BYTES_MIN == 16, "ReplyHeader");
    _Static_assert(RK_MULTI_HEADER_BYTES_MIN == 9, "MultiHeader");
    _Static_assert(RK_LEARNER_INFO_BYTES_MIN == 20, "LearnerInfo");
    struct fixture *f = *state;
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i];
        union rk_proto_any v;
        memset(&v, 0, sizeof(v));
        assert_int_equal(written(f, t, &v).len, t->bytes_min);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_values_come_back),
        TEST(comparison_sees_every_changed_byte),
        TEST(a_missing_byte_fails),
        TEST(lies_cost_no_memory_and_stay_inside),
        TEST(impossible_counts_fail_before_anything_is_allocated),
        TEST(a_vector_that_fails_is_left_empty),
        TEST(a_string_over_the_limit_fails),
        TEST(null_and_empty_differ),
        TEST(a_negative_count_other_than_null_is_empty),
        TEST(any_boolean_but_zero_is_true),
        TEST(read_only_is_written_only_if_it_was_there),
        TEST(bytes_behind_a_record_are_left),
        TEST(a_full_buffer_latches),
        TEST(sizes_are_those_of_the_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
