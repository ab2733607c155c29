/* mntr: names, shapes, and numbers that come from the core and the shell. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "admin_support.h"

static struct desk desk; /* large */

static void starts_with_version_and_state(void **state)
{
    char expected[256];
    (void)state;
    desk_init(&desk, 0, 0);
    (void)snprintf(expected, sizeof(expected), "zk_version\t%s\nzk_server_state\tstandalone\n",
                   rk_admin_version());
    assert_memory_equal(desk_ask(&desk, "mntr"), expected, strlen(expected));
    desk_deinit(&desk);
}

/* Lines are "zk_<name>\t<value>", no name comes twice. */
static void every_line_has_a_name_of_its_own(void **state)
{
    static char names[1000][80];
    size_t count = 0;
    (void)state;
    desk_init(&desk, 0, 0);
    for (const char *at = desk_ask(&desk, "mntr"); *at != '\0'; at = strchr(at, '\n') + 1) {
        size_t len = strcspn(at, "\t\n");
        assert_true(strncmp(at, "zk_", 3) == 0 && at[len] == '\t' && at[len + 1] != '\n');
        assert_true(count < 1000 && len < 80);
        memcpy(names[count], at, len);
        names[count][len] = '\0';
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(names[i], names[count]);
        }
        count++;
    }
    assert_true(count > 300);
    desk_deinit(&desk);
}

static void numbers_come_from_the_core(void **state)
{
    struct rig *r = &desk.rig;
    (void)state;
    desk_init(&desk, 0, 0);
    (void)rig_connect(r, 1);
    rig_create(r, 1, 1, "/a", "12345", 0);
    rig_create(r, 1, 2, "/a/e", "", 1);
    rig_get(r, 1, 3, "/a", true);
    r->auto_sync = false;
    rig_set(r, 1, 4, "/a", "x", -1);
    r->now_ms += 7;
    rig_sync(r);
    r->auto_sync = true;
    desk_expect_metric(&desk, "znode_count", "7");
    desk_expect_metric(&desk, "ephemerals_count", "1");
    desk_expect_metric(&desk, "watch_count", "0");
    desk_expect_metric(&desk, "global_sessions", "1");
    desk_expect_metric(&desk, "uptime", "7");
    desk_expect_metric(&desk, "commit_count", "4");
    desk_expect_metric(&desk, "proposal_count", "4");
    desk_expect_metric(&desk, "connection_request_count", "1");
    desk_expect_metric(&desk, "op_count_create", "2");
    desk_expect_metric(&desk, "op_count_create_session", "1");
    desk_expect_metric(&desk, "op_count_get_data", "1");
    desk_expect_metric(&desk, "op_count_total", "5");
    desk_expect_metric(&desk, "cnt_updatelatency", "3");
    desk_expect_metric(&desk, "max_updatelatency", "7");
    desk_expect_metric(&desk, "sum_updatelatency", "7");
    desk_expect_metric(&desk, "avg_updatelatency", "2.3333");
    desk_expect_metric(&desk, "p50_updatelatency", "0");
    desk_expect_metric(&desk, "p999_updatelatency", "7");
    desk_expect_metric(&desk, "cnt_readlatency", "1");
    desk_expect_metric(&desk, "cnt_node_changed_watch_count", "1");
    desk_expect_metric(&desk, "avg_node_changed_watch_count", "1.0");
    desk_expect_metric(&desk, "max_latency", "7");
    desk_expect_metric(&desk, "max_client_response_size", "93");
    desk_deinit(&desk);
}

/* Also those that were held back and handled later. */
static void every_request_is_counted_once(void **state)
{
    struct rig *r = &desk.rig;
    (void)state;
    desk_init(&desk, 0, 0);
    (void)rig_connect(r, 1);
    rig_create(r, 1, 1, "/a", "", 0);
    r->auto_sync = false;
    rig_set(r, 1, 2, "/a", "x", -1);
    rig_get(r, 1, 3, "/a", false); /* waits for the set */
    rig_exists(r, 1, 4, "/a", false);
    rig_sync(r);
    r->auto_sync = true;
    desk_expect_metric(&desk, "op_count_set_data", "1");
    desk_expect_metric(&desk, "op_count_get_data", "1");
    desk_expect_metric(&desk, "op_count_exists", "1");
    desk_expect_metric(&desk, "op_count_total", "5");
    desk_expect_metric(&desk, "packets_received", "10"); /* and five words */
    desk_deinit(&desk);
}

static void numbers_come_from_the_shell(void **state)
{
    struct rk_shell_stats *s = &desk.shell;
    (void)state;
    desk_init(&desk, 0, 0);
    desk_expect_metric(&desk, "cnt_fsynctime", "0");
    desk_expect_metric(&desk, "min_fsynctime", "0");
    assert_null(desk_metric(&desk, "cnt_dbinittime"));
    rk_admin_set_load_time(desk.admin, 123);
    s->conn_count = 5;
    s->closing_count = 2;
    s->refused_client_max = 3;
    s->refused_total_max = 4;
    s->sessionless_expired = 6;
    s->dropped_slow = 7;
    s->is_log_full = true;
    s->fsync_us = (struct rk_summary){.count = 2, .sum = 3500, .min = 1200, .max = 2300};
    s->commit_records = (struct rk_summary){.count = 2, .sum = 9, .min = 4, .max = 5};
    desk_expect_metric(&desk, "num_alive_connections", "5");
    desk_expect_metric(&desk, "open_file_descriptor_count", "27");
    desk_expect_metric(&desk, "max_file_descriptor_count", "20000");
    desk_expect_metric(&desk, "connection_rejected", "7");
    desk_expect_metric(&desk, "sessionless_connections_expired", "6");
    desk_expect_metric(&desk, "rookery_connections_dropped_slow", "7");
    desk_expect_metric(&desk, "rookery_log_is_full", "1");
    desk_expect_metric(&desk, "avg_fsynctime", "1.75");
    desk_expect_metric(&desk, "min_fsynctime", "1");
    desk_expect_metric(&desk, "max_fsynctime", "2");
    desk_expect_metric(&desk, "sum_fsynctime", "3");
    desk_expect_metric(&desk, "avg_sync_processor_batch_size", "4.5");
    desk_expect_metric(&desk, "avg_dbinittime", "123.0");
    desk_expect_metric(&desk, "connection_drop_probability", "0.0");
    desk_deinit(&desk);
}

static void srst_empties_counters(void **state)
{
    (void)state;
    desk_init(&desk, 0, 0);
    (void)rig_connect(&desk.rig, 1);
    rig_create(&desk.rig, 1, 1, "/a", "", 0);
    (void)desk_ask(&desk, "srst");
    desk_expect_metric(&desk, "commit_count", "0");
    desk_expect_metric(&desk, "cnt_updatelatency", "0");
    desk_expect_metric(&desk, "p99_updatelatency", "0");
    desk_expect_metric(&desk, "last_client_response_size", "-1");
    desk_expect_metric(&desk, "znode_count", "6"); /* a gauge */
    desk_deinit(&desk);
}

static void words_are_packets(void **state)
{
    (void)state;
    desk_init(&desk, 0, 0);
    (void)desk_ask(&desk, "srst");
    desk_expect_metric(&desk, "packets_received", "1");
    desk_expect_metric(&desk, "bytes_received_count", "8");
    desk_expect_metric(&desk, "packets_received", "3");
    /* srst, and three long answers of two packets each */
    const char *sent = desk_metric(&desk, "packets_sent");
    assert_non_null(sent);
    size_t len = strlen(desk_ask(&desk, "mntr"));
    assert_true(len > 8192 && len <= 2 * 8192);
    desk_expect_metric(&desk, "packets_sent", "11");
    desk_deinit(&desk);
}

static void quotas_are_added_up_by_namespace(void **state)
{
    struct rig *r = &desk.rig;
    (void)state;
    desk_init(&desk, 0, 0);
    (void)rig_connect(r, 1);
    assert_null(desk_metric(&desk, "a_quota_count_limit_per_namespace"));
    rig_create(r, 1, 1, "/a", "123", 0);
    rig_create(r, 1, 2, "/a/b", "1234", 0);
    rig_create(r, 1, 3, "/zookeeper/quota/a", "", 0);
    rig_create(r, 1, 4, "/zookeeper/quota/a/zookeeper_limits",
               "count=10,bytes=-1=;byteHardLimit=100;countHardLimit=-1", 0);
    rig_create(r, 1, 5, "/zookeeper/quota/a/zookeeper_stats", "count=2,bytes=7", 0);
    rig_create(r, 1, 6, "/zookeeper/quota/a/b", "", 0);
    rig_create(r, 1, 7, "/zookeeper/quota/a/b/zookeeper_limits", "count=5,bytes=50", 0);
    rig_create(r, 1, 8, "/zookeeper/quota/empty", "nonsense", 0);
    desk_expect_metric(&desk, "a_quota_count_limit_per_namespace", "15");
    desk_expect_metric(&desk, "a_quota_bytes_limit_per_namespace", "150");
    desk_expect_metric(&desk, "a_quota_count_usage_per_namespace", "2");
    desk_expect_metric(&desk, "a_quota_bytes_usage_per_namespace", "7");
    assert_null(desk_metric(&desk, "empty_quota_count_limit_per_namespace"));
    desk_deinit(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_version_and_state),
        cmocka_unit_test(every_line_has_a_name_of_its_own),
        cmocka_unit_test(numbers_come_from_the_core),
        cmocka_unit_test(every_request_is_counted_once),
        cmocka_unit_test(numbers_come_from_the_shell),
        cmocka_unit_test(srst_empties_counters),
        cmocka_unit_test(words_are_packets),
        cmocka_unit_test(quotas_are_added_up_by_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
