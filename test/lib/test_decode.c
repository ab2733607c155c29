/* Answers taken apart: right ones, ones that end early, and ones from a server that means harm. */
#include "lib/decode.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "support/cmocka_all.h"

static struct rk_mem mem;
static struct rk_lib session;
static zhandle_t handle;
static bool is_unharmed = true; /* the answers are what they should be */

static int set_up(void **state)
{
    (void)state;
    rk_mem_libc_init(&mem, 0);
    struct rk_client_config config = {.mem = &mem,
                                      .seed = 1,
                                      .session_timeout_ms = 10000,
                                      .chroot = rk_bytes_str("/root"),
                                      .frame_bytes_max = 1000,
                                      .requests_max = 10,
                                      .request_bytes_max = 1000,
                                      .backoff_min_ms = 10,
                                      .backoff_max_ms = 10};
    handle = (zhandle_t){.s = &session};
    return rk_client_create(&config, &session.client) == RK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rk_client_destroy(session.client);
    return mem.used_bytes == 0 ? 0 : -1;
}

/* A call with this answer, in memory of its own so that a sanitizer sees its ends. */
static struct rk_lib_call *answered(const struct rk_buf *b, size_t len)
{
    struct rk_lib_call *call = calloc(1, sizeof(*call));
    assert_non_null(call);
    call->zh = &handle;
    call->body = malloc(len + 1);
    assert_non_null(call->body);
    if (len > 0)
        memcpy(call->body, b->data, len);
    call->body_bytes = (uint32_t)len;
    return call;
}

static void forget(struct rk_lib_call *call)
{
    free(call->body);
    free(call->extra);
    free(call);
}

static void put_stat(struct rk_buf *b)
{
    for (int i = 0; i < 68; i++)
        rk_buf_put_u8(b, (uint8_t)i);
}

static void put_strings(struct rk_buf *b)
{
    rk_buf_put_i32(b, 4);
    rk_buf_put_bytes(b, rk_bytes_str("/root/a"));
    rk_buf_put_bytes(b, rk_bytes_str("/root"));
    rk_buf_put_bytes(b, rk_bytes_of("", 0));
    rk_buf_put_bytes(b, rk_bytes_str("/rooted"));
    put_stat(b);
}

static void put_acls(struct rk_buf *b)
{
    rk_buf_put_i32(b, 2);
    rk_buf_put_i32(b, 31);
    rk_buf_put_bytes(b, rk_bytes_str("world"));
    rk_buf_put_bytes(b, rk_bytes_str("anyone"));
    rk_buf_put_i32(b, 1);
    rk_buf_put_bytes(b, rk_bytes_str(""));
    rk_buf_put_bytes(b, rk_bytes_str("x"));
    put_stat(b);
}

static void put_header(struct rk_buf *b, int type, bool is_done)
{
    rk_buf_put_i32(b, type);
    rk_buf_put_bool(b, is_done);
    rk_buf_put_i32(b, 0);
}

static void put_multi(struct rk_buf *b)
{
    put_header(b, ZOO_CREATE_OP, false);
    rk_buf_put_bytes(b, rk_bytes_str("/root/made"));
    put_header(b, ZOO_SETDATA_OP, false);
    put_stat(b);
    put_header(b, ZOO_DELETE_OP, false);
    put_header(b, -1, false);
    rk_buf_put_i32(b, ZNONODE);
    put_header(b, -1, true);
}

static void put_reads(struct rk_buf *b)
{
    put_header(b, RK_READ_DATA, false);
    rk_buf_put_bytes(b, rk_bytes_str("data"));
    put_stat(b);
    put_header(b, RK_READ_CHILDREN, false);
    rk_buf_put_i32(b, 1);
    rk_buf_put_bytes(b, rk_bytes_str("child"));
    put_header(b, -1, false);
    rk_buf_put_i32(b, ZNONODE);
    put_header(b, -1, true);
}

static void put_who(struct rk_buf *b)
{
    rk_buf_put_i32(b, 2);
    for (int i = 0; i < 2; i++) {
        rk_buf_put_bytes(b, rk_bytes_str("ip"));
        rk_buf_put_bytes(b, rk_bytes_str("127.0.0.1"));
    }
}

/* Each takes the answer apart and looks at what it may look at; the result. */
static int strings_in_place(struct rk_lib_call *call)
{
    struct String_vector strings;
    struct Stat stat;
    int rc = rk_lib_strings_in_place(call, true, &strings, &stat);
    for (int32_t i = 0; rc == ZOK && i < strings.count; i++)
        assert_true(strlen(strings.data[i]) <= call->body_bytes);
    free(strings.data);
    return rc;
}

static int strings(struct rk_lib_call *call)
{
    struct String_vector made;
    struct Stat stat;
    int rc = rk_lib_strings(call, true, &made, &stat);
    (void)deallocate_String_vector(&made);
    return rc;
}

static int acls_in_place(struct rk_lib_call *call)
{
    struct ACL_vector acls;
    struct Stat stat;
    int rc = rk_lib_acls_in_place(call, &acls, &stat);
    for (int32_t i = 0; rc == ZOK && i < acls.count; i++)
        assert_true(strlen(acls.data[i].id.scheme) + strlen(acls.data[i].id.id) <=
                    call->body_bytes);
    free(acls.data);
    return rc;
}

static int acls(struct rk_lib_call *call)
{
    struct ACL_vector made;
    struct Stat stat;
    int rc = rk_lib_acls(call, &made, &stat);
    (void)deallocate_ACL_vector(&made);
    return rc;
}

static int multi(struct rk_lib_call *call)
{
    static zoo_op_result_t results[4];
    static struct Stat stat;
    static char path[8];
    struct rk_lib_multi *m = malloc(sizeof(*m) + 4 * sizeof(m->ops[0]));
    static const int types[4] = {ZOO_CREATE_OP, ZOO_SETDATA_OP, ZOO_DELETE_OP, ZOO_CHECK_OP};
    assert_non_null(m);
    m->count = 4;
    for (int i = 0; i < 4; i++) {
        results[i] = (zoo_op_result_t){.value = path, .valuelen = sizeof(path), .stat = &stat};
        m->ops[i].type = types[i];
        m->ops[i].result = &results[i];
    }
    free(call->extra);
    call->extra = m;
    int rc = rk_lib_multi_results(call);
    if (rc == ZNONODE && is_unharmed) {
        assert_string_equal(path, "/made");
        assert_int_equal(results[0].err, ZOK);
        assert_int_equal(results[3].err, ZNONODE);
        assert_null(results[3].value);
    }
    return rc == ZNONODE ? ZOK : rc;
}

static int reads(struct rk_lib_call *call)
{
    struct rk_read_result results[3];
    memset(results, 0, sizeof(results));
    int rc = rk_lib_read_results(call, results, 3);
    rk_read_results_free(results, 3);
    return rc;
}

static int who(struct rk_lib_call *call)
{
    struct ClientInfo_vector made;
    int rc = rk_lib_who(call, &made);
    (void)deallocate_ClientInfo_vector(&made);
    return rc;
}

static const struct {
    const char *name;
    void (*put)(struct rk_buf *b);
    int (*take)(struct rk_lib_call *call);
} kinds[] = {
    {"strings in place", put_strings, strings_in_place},
    {"strings", put_strings, strings},
    {"acls in place", put_acls, acls_in_place},
    {"acls", put_acls, acls},
    {"multi", put_multi, multi},
    {"reads", put_reads, reads},
    {"who", put_who, who},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void whole_answers_are_taken_and_short_ones_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct rk_buf b;
        rk_buf_init(&b, &mem, 10000);
        kinds[k].put(&b);
        for (size_t len = 0; len <= b.len; len++) {
            struct rk_lib_call *call = answered(&b, len);
            int rc = kinds[k].take(call);
            /* A transaction's answer may lack the header that ends it: it is not needed any more;
             * nor does that of reads. */
            bool has_end = kinds[k].take == multi || kinds[k].take == reads;
            if (len == b.len && rc != ZOK)
                fail_msg("%s: %s", kinds[k].name, zerror(rc));
            if (rc == ZOK && len + (has_end ? 9 : 0) < b.len)
                fail_msg("%s: taken at %zu of %zu bytes", kinds[k].name, len, b.len);
            forget(call);
        }
        rk_buf_deinit(&b);
    }
}

static void answers_that_mean_harm_do_none(void **state)
{
    struct rk_prng prng;
    (void)state;
    rk_prng_init(&prng, 20261123);
    is_unharmed = false;
    for (int round = 0; round < 30000; round++) {
        size_t k = rk_prng_below(&prng, KINDS);
        struct rk_buf b;
        rk_buf_init(&b, &mem, 10000);
        kinds[k].put(&b);
        uint64_t changes = 1 + rk_prng_below(&prng, 4);
        for (uint64_t i = 0; i < changes; i++) {
            size_t at = rk_prng_below(&prng, b.len);
            b.data[at] = (uint8_t)(rk_prng_chance(&prng, 1, 2)   ? rk_prng_next(&prng)
                                   : rk_prng_chance(&prng, 1, 2) ? 0xff
                                                                 : 0x7f);
        }
        struct rk_lib_call *call = answered(&b, b.len - rk_prng_below(&prng, 3));
        RK_MAYBE(kinds[k].take(call) == ZOK);
        forget(call);
        rk_buf_deinit(&b);
    }
    is_unharmed = true;
}

static void the_chroot_is_taken_off(void **state)
{
    struct rk_buf b;
    struct String_vector made;
    (void)state;
    rk_buf_init(&b, &mem, 10000);
    put_strings(&b);
    struct rk_lib_call *call = answered(&b, b.len);
    assert_int_equal(rk_lib_strings_in_place(call, true, &made, NULL), ZOK);
    assert_int_equal(made.count, 4);
    assert_string_equal(made.data[0], "/a");
    assert_string_equal(made.data[1], "/");
    assert_string_equal(made.data[2], "");
    assert_string_equal(made.data[3], "/rooted");
    free(made.data);
    forget(call);
    rk_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_answers_are_taken_and_short_ones_refused),
        cmocka_unit_test(answers_that_mean_harm_do_none),
        cmocka_unit_test(the_chroot_is_taken_off),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
