/* What one request may cost everybody: limits met in the middle of a reply, replies and steps that
 * are bounded, and that a bound never changes the order of a connection's answers. */
#include "rig.h"

#include "support/cmocka_all.h"

#include <string.h>

static void a_watch_limit_inside_a_reply_is_an_error_of_that_reply(void **state)
{
    struct rig r;
    struct rk_core_config config;
    (void)state;
    rig_config(&config);
    config.watch_per_conn_max = 2;
    rig_init(&r, &config);
    rig_connect(&r, 1);
    rig_exists(&r, 1, 1, "/a", true);
    (void)rig_expect(&r, 1, 1, RK_ZK_NO_NODE);
    rig_children(&r, 1, 2, "/", true);
    (void)rig_expect(&r, 1, 2, 0);
    rig_exists(&r, 1, 3, "/b", true);
    (void)rig_expect(&r, 1, 3, RK_ZK_SYSTEM_ERROR);
    rig_get(&r, 1, 4, "/", true);
    (void)rig_expect(&r, 1, 4, RK_ZK_SYSTEM_ERROR);
    assert_int_equal(r.notes[RK_NOTE_WATCH_LIMIT], 2);
    rig_get(&r, 1, 5, "/", false);
    (void)rig_expect(&r, 1, 5, 0);
    rig_deinit(&r);
}

static char *filled(size_t len)
{
    static char text[600001];
    assert_true(len < sizeof(text));
    memset(text, 'v', len);
    text[len] = '\0';
    return text;
}

static void a_multi_read_of_one_node_many_times_is_refused(void **state)
{
    struct rig r;
    struct rk_buf *b;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_create(&r, 1, 1, "/big", filled(600000), 0);
    (void)rig_expect(&r, 1, 1, 0);
    b = rig_request(&r, 2, RK_OP_MULTI_READ);
    for (int i = 0; i < 1000; i++) {
        rk_buf_put_i32(b, RK_OP_GET_DATA);
        rk_buf_put_bool(b, false);
        rk_buf_put_i32(b, -1);
        rk_buf_put_bytes(b, rk_bytes_str("/big"));
        rk_buf_put_bool(b, false);
    }
    rk_buf_put_i32(b, -1);
    rk_buf_put_bool(b, true);
    rk_buf_put_i32(b, -1);
    rig_send(&r, 1);
    (void)rig_expect(&r, 1, 2, RK_ZK_MARSHALLING_ERROR);
    rig_get(&r, 1, 3, "/", false);
    (void)rig_expect(&r, 1, 3, 0);
    rig_deinit(&r);
}

/* Version of /n as a get of it saw it. */
static int32_t version_seen(struct rk_bytes body)
{
    uint32_t data = (uint32_t)rk_load_i32(body.data);
    return rk_load_i32(body.data + 4 + data + 32);
}

static void reads_let_go_by_one_commit_come_in_slices_and_in_order(void **state)
{
    struct rig r;
    int32_t xid = 10;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    rig_create(&r, 1, 1, "/n", filled(300000), 0);
    (void)rig_expect(&r, 1, 1, 0);
    r.auto_sync = false;
    /* write, twelve reads of 300 kB, write, twelve reads: one group commit for both writes */
    for (int32_t round = 0; round < 2; round++) {
        rig_set(&r, 1, xid++, "/n", filled(300000), round);
        for (int i = 0; i < 12; i++) {
            rig_get(&r, 1, xid++, "/n", false);
        }
    }
    rig_create(&r, 2, 1, "/other", "", 0);
    rig_sync(&r);
    assert_true(r.in[1].bytes.len - r.in[1].at < 3u << 20); /* not all at once */
    for (int i = 0; i < 40; i++) {
        rig_advance(&r, 1);
    }
    xid = 10;
    for (int32_t round = 0; round < 2; round++) {
        (void)rig_expect(&r, 1, xid++, 0);
        for (int i = 0; i < 12; i++) {
            /* a read never sees the write that was sent behind it */
            assert_int_equal(version_seen(rig_expect(&r, 1, xid++, 0)), round + 1);
        }
    }
    (void)rig_expect(&r, 2, 1, 0);
    rig_expect_nothing(&r, 1);
    assert_int_equal(rk_core_outstanding(r.core), 0);
    rig_deinit(&r);
}

static void many_watches_leave_in_slices(void **state)
{
    struct rig r;
    struct rk_watch_counts counts;
    char path[32];
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    rig_connect(&r, 2);
    r.is_hasty = true;
    for (int32_t i = 0; i < 25000; i++) {
        size_t len = 3;
        memcpy(path, "/w-", 3);
        for (int32_t rest = i; rest > 0; rest /= 10) {
            path[len++] = (char)('0' + rest % 10);
        }
        path[len] = '\0';
        rig_exists(&r, 1, i, path, true);
        (void)rig_expect(&r, 1, i, RK_ZK_NO_NODE);
    }
    r.is_hasty = false;
    rig_close(&r, 1);
    rk_watch_counts(rk_core_watches(r.core), &counts);
    assert_true(counts.total > 0); /* not in one step */
    rig_create(&r, 2, 1, "/w-1", "", 0);
    (void)rig_expect(&r, 2, 1, 0); /* nobody is told, nobody waits */
    for (int i = 0; i < 10; i++) {
        rig_advance(&r, 1);
    }
    rk_watch_counts(rk_core_watches(r.core), &counts);
    assert_int_equal(counts.total, 0);
    rig_deinit(&r);
}

static void nothing_behind_a_close_session_is_answered(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, NULL);
    rig_connect(&r, 1);
    r.auto_sync = false;
    rig_simple(&r, 1, 1, RK_OP_CLOSE_SESSION);
    rig_auth(&r, 1, "digest", "u:p");
    rig_get(&r, 1, 2, "/", false);
    rig_expect_nothing(&r, 1);
    rig_sync(&r);
    (void)rig_expect(&r, 1, 1, 0);
    rig_expect_nothing(&r, 1);
    assert_true(r.in[1].is_closed);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_limit_inside_a_reply_is_an_error_of_that_reply),
        cmocka_unit_test(a_multi_read_of_one_node_many_times_is_refused),
        cmocka_unit_test(reads_let_go_by_one_commit_come_in_slices_and_in_order),
        cmocka_unit_test(many_watches_leave_in_slices),
        cmocka_unit_test(nothing_behind_a_close_session_is_answered),
    };
    return cmocka_run_group_tests_name("core bounds", tests, NULL, NULL);
}
