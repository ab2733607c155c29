/* Printers: readable, on one line, harmless, and silent about secrets. Names of codes. */
#include "proto_support.h"

#include "proto/opcode.h"
#include "proto/print.h"
#include "proto/zk_error.h"

#include <string.h>

#include "support/cmocka_all.h"

static const char *text_of(struct fixture *f)
{
    assert_false(f->b.failed);
    rk_buf_put_u8(&f->b, 0);
    f->b.len--;
    return (const char *)f->b.data;
}

static void a_request_reads_well(void **state)
{
    struct fixture *f = *state;
    struct rk_acl acl = {.perms = 31, .id = {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_create_request v = {.path = rk_bytes_str("/a \"b\"\\\n\x7f"),
                                  .data = rk_bytes_of("\0hi", 3),
                                  .acl = {1, &acl},
                                  .flags = -1};
    rk_proto_print_create_request(&f->b, &v);
    assert_string_equal(text_of(f), "{path=\"/a \\\"b\\\"\\\\\\x0a\\x7f\" data=3:\"\\x00hi\" "
                                    "acl=[{perms=31 id={scheme=\"world\" id=\"anyone\"}}] "
                                    "flags=-1}");
}

static void null_and_empty_look_different(void **state)
{
    struct fixture *f = *state;
    struct rk_create_request v = {.data = rk_bytes_str(""), .acl = {-1, NULL}};
    rk_proto_print_create_request(&f->b, &v);
    v.path = rk_bytes_str("");
    v.data.data = NULL;
    v.acl.count = 0;
    rk_proto_print_create_request(&f->b, &v);
    assert_string_equal(text_of(f), "{path=null data=0:\"\" acl=null flags=0}"
                                    "{path=\"\" data=null acl=[] flags=0}");
}

static void passwords_stay_hidden(void **state)
{
    struct fixture *f = *state;
    struct rk_connect_request v = {.session_id = 0x100,
                                   .last_zxid_seen = INT64_MIN,
                                   .passwd = rk_bytes_str("0123456789abcdef"),
                                   .has_read_only = true};
    rk_proto_print_connect_request(&f->b, &v);
    struct rk_auth_packet auth = {.scheme = rk_bytes_str("digest"), .auth = rk_bytes_str("u:pw")};
    rk_proto_print_auth_packet(&f->b, &auth);
    assert_string_equal(text_of(f),
                        "{protocol_version=0 last_zxid_seen=0x8000000000000000 time_out=0 "
                        "session_id=0x100 passwd=16:(hidden) read_only=false}"
                        "{type=0 scheme=\"digest\" auth=4:(hidden)}");
}

static void an_absent_field_is_not_shown(void **state)
{
    struct fixture *f = *state;
    struct rk_connect_response v = {.time_out = 1};
    rk_proto_print_connect_response(&f->b, &v);
    assert_string_equal(text_of(f), "{protocol_version=0 time_out=1 session_id=0x0 passwd=null}");
}

static void long_data_is_cut_and_says_so(void **state)
{
    struct fixture *f = *state;
    char big[1000];
    memset(big, 'x', sizeof(big));
    rk_proto_show_data(&f->b, rk_bytes_of(big, RK_PROTO_SHOW_DATA_MAX));
    rk_proto_show_data(&f->b, rk_bytes_of(big, sizeof(big)));
    assert_string_equal(text_of(f), "32:\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""
                                    "1000:\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...");
}

/* Whatever is in a record, its line can be logged. */
static void nothing_but_printable_text_comes_out(void **state)
{
    struct fixture *f = *state;
    struct rk_prng p;
    rk_prng_init(&p, 11);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT * 20; i++) {
        const struct rk_proto_record *t = &rk_proto_records[i % RK_PROTO_RECORD_COUNT];
        union rk_proto_any v;
        random_record(&p, &f->a, t, &v);
        rk_buf_reset(&f->b);
        t->print(&f->b, &v);
        assert_false(f->b.failed);
        assert_true(f->b.len >= 2 && f->b.data[0] == '{' && f->b.data[f->b.len - 1] == '}');
        for (size_t at = 0; at < f->b.len; at++) {
            assert_in_range(f->b.data[at], 0x20, 0x7e);
        }
        rk_arena_reset(&f->a);
    }
}

static void codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(rk_op_name(RK_OP_GET_CHILDREN2), "get_children2");
    assert_string_equal(rk_op_lop(RK_OP_GET_CHILDREN2), "GETC");
    assert_string_equal(rk_op_name(RK_OP_CLOSE_SESSION), "close_session");
    assert_string_equal(rk_op_lop(RK_OP_CREATE_SESSION), "SESS");
    assert_string_equal(rk_op_name(10), "unknown");
    assert_string_equal(rk_op_lop(10), "NA");
    assert_string_equal(rk_op_lop(INT32_MIN), "NA");
    assert_string_equal(rk_zk_error_name(0), "OK");
    assert_string_equal(rk_zk_error_name(RK_ZK_NO_NODE), "NO_NODE");
    assert_string_equal(rk_zk_error_name(RK_ZK_THROTTLED_OP), "THROTTLED_OP");
    assert_string_equal(rk_zk_error_name(-9), "UNKNOWN");
    assert_string_equal(rk_zk_error_name(1), "UNKNOWN");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_reads_well),
        TEST(null_and_empty_look_different),
        TEST(passwords_stay_hidden),
        TEST(an_absent_field_is_not_shown),
        TEST(long_data_is_cut_and_says_so),
        TEST(nothing_but_printable_text_comes_out),
        TEST(codes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
