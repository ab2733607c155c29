/* What rookery-bench makes of what it counted: rates, CPU per operation, errors by code, the
 * verdict, and that wrong answers are found by the judgement of replies. */
#include "support/cmocka_all.h"

#include "../../bench/result.h"
#include "../../bench/wire.h"
#include "base/mem_libc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void rates_are_over_the_measured_time(void **state)
{
    static struct rk_bench_result r;
    (void)state;
    rk_bench_result_init(&r);
    assert_true(rk_bench_ops_per_s(&r) == 0.0);
    assert_true(rk_bench_cpu_us_per_op(&r) == 0.0);
    r.ops = 500;
    r.measured_ns = 250000000;
    assert_true(rk_bench_ops_per_s(&r) == 2000.0);
    r.before.cpu_ns = 1000000;
    r.after.cpu_ns = 3000000;
    assert_true(rk_bench_cpu_us_per_op(&r) == 0.0); /* no pid was given */
    r.has_proc = true;
    assert_true(rk_bench_cpu_us_per_op(&r) == 4.0);
}

static void errors_are_counted_by_code(void **state)
{
    static struct rk_bench_result r;
    (void)state;
    rk_bench_result_init(&r);
    rk_bench_result_add_error(&r, -101);
    rk_bench_result_add_error(&r, -110);
    rk_bench_result_add_error(&r, -101);
    assert_int_equal(r.error_count, 2);
    assert_int_equal(r.errors[0].code, -101);
    assert_int_equal(r.errors[0].count, 2);
    assert_int_equal(r.errors[1].count, 1);
    for (int32_t i = 0; i < (int32_t)RK_BENCH_CODES_MAX; i++) {
        rk_bench_result_add_error(&r, 1000 + i);
    }
    assert_int_equal(r.error_count, RK_BENCH_CODES_MAX);
    assert_int_equal(r.wrong, 2);
}

static void a_run_is_good_only_if_every_answer_is_right(void **state)
{
    static struct rk_bench_result r;
    (void)state;
    rk_bench_result_init(&r);
    assert_true(rk_bench_result_is_good(&r));
    rk_bench_result_add_error(&r, -101);
    assert_false(rk_bench_result_is_good(&r)); /* nothing but errors */
    r.ops = 1;
    assert_true(rk_bench_result_is_good(&r));
    r.unanswered = 1;
    assert_false(rk_bench_result_is_good(&r));
    r.unanswered = 0;
    r.lost_connections = 1;
    assert_false(rk_bench_result_is_good(&r));
    r.lost_connections = 0;
    rk_bench_result_add_wrong(&r, "first");
    rk_bench_result_add_wrong(&r, "second");
    assert_false(rk_bench_result_is_good(&r));
    assert_string_equal(r.wrong_first, "first");
    assert_int_equal(r.wrong, 2);
}

static void own_process_can_be_accounted_for(void **state)
{
    struct rk_bench_proc a;
    struct rk_bench_proc b;
    int64_t pids[2] = {getpid(), getpid()};
    (void)state;
    assert_int_equal(rk_bench_proc_read(pids, 1, &a), RK_OK);
    assert_true(a.rss_bytes > 100000);
    assert_true(a.hwm_bytes >= a.rss_bytes);
    uint64_t cpu_ns = rk_bench_own_cpu_ns();
    while (rk_bench_own_cpu_ns() - cpu_ns < 5000000) {
    }
    assert_int_equal(rk_bench_proc_read(pids, 1, &b), RK_OK);
    assert_true(b.cpu_ns - a.cpu_ns >= 5000000);
    assert_true(b.cpu_ns - a.cpu_ns < UINT64_C(5000000000));
    assert_int_equal(rk_bench_proc_read(pids, 2, &a), RK_OK);
    assert_true(a.cpu_ns >= 2 * b.cpu_ns);
    pids[1] = INT32_MAX; /* above any pid_max */
    assert_int_equal(rk_bench_proc_read(pids, 2, &a), RK_ERR_NOT_FOUND);
}

/* -- the judgement of replies ----------------------------------------------------------------- */

struct wired {
    struct rk_mem mem;
    struct rk_bench_wire wire;
};

static int set_up(void **state)
{
    static struct wired w;
    struct rk_bench_options o = {
        .value_bytes = 3, .children = 2, .parents = 7, .root = "/r", .run_id = 0xab};
    rk_mem_libc_init(&w.mem, 0);
    rk_bench_wire_init(&w.wire, &w.mem, &o);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    struct wired *w = *state;
    rk_bench_wire_deinit(&w->wire);
    assert_int_equal(w->mem.used_bytes, 0);
    return 0;
}

static const char *judge(void **state, enum rk_bench_request request, uint64_t number,
                         const void *body, size_t len)
{
    struct wired *w = *state;
    struct rk_bench_reply reply = {.zxid = 9, .body = rk_bytes_of(body, len)};
    return rk_bench_wire_check(&w->wire, request, number, &reply);
}

static void a_get_must_bring_the_value(void **state)
{
    uint8_t body[4 + 3 + RK_BENCH_STAT_BYTES] = {0, 0, 0, 3, 'a', 'b', 'c'};
    rk_store_i32(body + 7 + 52, 3);
    assert_null(judge(state, RK_BENCH_REQ_GET, 0, body, sizeof(body)));
    assert_non_null(judge(state, RK_BENCH_REQ_GET, 0, body, sizeof(body) - 1));
    body[5] = 'x';
    assert_non_null(judge(state, RK_BENCH_REQ_GET, 0, body, sizeof(body)));
    body[5] = 'b';
    rk_store_i32(body + 7 + 52, 4);
    assert_non_null(judge(state, RK_BENCH_REQ_GET, 0, body, sizeof(body)));
}

static void a_set_must_bring_its_own_zxid(void **state)
{
    uint8_t body[RK_BENCH_STAT_BYTES] = {0};
    rk_store_i32(body + 52, 3);
    assert_non_null(judge(state, RK_BENCH_REQ_SET, 0, body, sizeof(body)));
    rk_store_i64(body + 8, 9);
    assert_null(judge(state, RK_BENCH_REQ_SET, 0, body, sizeof(body)));
    assert_non_null(judge(state, RK_BENCH_REQ_SET, 0, body, 0));
}

static void a_create_must_bring_the_path_asked_for(void **state)
{
    struct wired *w = *state;
    const struct rk_buf *frame = &w->wire.frames[RK_BENCH_REQ_CREATE].bytes;
    uint8_t copy[256];
    assert_true(frame->len < sizeof(copy));
    memcpy(copy, frame->data, frame->len);
    rk_bench_wire_number(&w->wire, RK_BENCH_REQ_CREATE, copy, 45);
    static const char path[] = "/r/p0000000003/c000000ab0000000045";
    assert_int_equal(rk_load_i32(copy + 12), sizeof(path) - 1);
    assert_memory_equal(copy + 16, path, sizeof(path) - 1);
    assert_int_equal(rk_load_i32(copy), frame->len - 4);

    uint8_t body[4 + sizeof(path) - 1];
    memcpy(body, copy + 12, sizeof(body));
    assert_null(judge(state, RK_BENCH_REQ_CREATE, 45, body, sizeof(body)));
    assert_non_null(judge(state, RK_BENCH_REQ_CREATE, 46, body, sizeof(body)));
    assert_non_null(judge(state, RK_BENCH_REQ_CREATE, 45, body, sizeof(body) - 1));
}

static void a_list_must_have_every_child(void **state)
{
    uint8_t body[4 + 2 * 15 + RK_BENCH_STAT_BYTES] = {0, 0, 0, 2};
    rk_store_i32(body + 4, 11);
    rk_store_i32(body + 19, 11);
    assert_null(judge(state, RK_BENCH_REQ_CHILDREN, 0, body, sizeof(body)));
    rk_store_i32(body + 19, 10);
    assert_non_null(judge(state, RK_BENCH_REQ_CHILDREN, 0, body, sizeof(body)));
    rk_store_i32(body, 1);
    assert_non_null(judge(state, RK_BENCH_REQ_CHILDREN, 0, body, sizeof(body)));
}

static void an_event_must_be_of_the_watched_node(void **state)
{
    struct wired *w = *state;
    static const char path[] = "/r/k0000000000";
    uint8_t frame[16 + 12 + sizeof(path) - 1] = {0};
    rk_store_i32(frame + 16, 3);
    rk_store_i32(frame + 20, 3);
    rk_store_i32(frame + 24, sizeof(path) - 1);
    memcpy(frame + 28, path, sizeof(path) - 1);
    struct rk_bytes bytes = rk_bytes_of(frame, sizeof(frame));
    assert_null(rk_bench_wire_check_event(&w->wire, bytes));
    frame[sizeof(frame) - 1] = '1';
    assert_non_null(rk_bench_wire_check_event(&w->wire, bytes));
    frame[sizeof(frame) - 1] = '0';
    rk_store_i32(frame + 16, 2);
    assert_non_null(rk_bench_wire_check_event(&w->wire, bytes));
    bytes.len--;
    assert_non_null(rk_bench_wire_check_event(&w->wire, bytes));
}

static void a_session_must_be_granted(void **state)
{
    uint8_t frame[4 + 4 + 8 + 4 + 16 + 1] = {0};
    rk_session_id session;
    uint32_t timeout_ms;
    (void)state;
    rk_store_i32(frame + 4, 4000);
    rk_store_i64(frame + 8, 77);
    rk_store_i32(frame + 16, 16);
    struct rk_bytes bytes = rk_bytes_of(frame, sizeof(frame));
    assert_true(rk_bench_wire_read_connected(bytes, &session, &timeout_ms));
    assert_int_equal(session, 77);
    assert_int_equal(timeout_ms, 4000);
    rk_store_i32(frame + 4, 0); /* the session is gone */
    assert_false(rk_bench_wire_read_connected(bytes, &session, &timeout_ms));
    rk_store_i32(frame + 4, 4000);
    bytes.len--;
    assert_false(rk_bench_wire_read_connected(bytes, &session, &timeout_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_over_the_measured_time),
        cmocka_unit_test(errors_are_counted_by_code),
        cmocka_unit_test(a_run_is_good_only_if_every_answer_is_right),
        cmocka_unit_test(own_process_can_be_accounted_for),
        cmocka_unit_test_setup_teardown(a_get_must_bring_the_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_set_must_bring_its_own_zxid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_create_must_bring_the_path_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_must_have_every_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_must_be_of_the_watched_node, set_up, tear_down),
        cmocka_unit_test(a_session_must_be_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
