/* The table of keys: values as Java reads them, names that are known, hints, and that the
 * documentation names every one of them. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config_keys.h"

struct value {
    enum rk_key_id id;
    const char *text;
    bool is_good;
    int64_t number;
};

static const struct value values[] = {
    /* INT: Integer.parseInt */
    {RK_KEY_tick_time, "2000", true, 2000},
    {RK_KEY_tick_time, "+2000", true, 2000},
    {RK_KEY_tick_time, "02000", true, 2000},
    {RK_KEY_tick_time, "2147483647", true, 2147483647},
    {RK_KEY_tick_time, "2147483648", false, 0},
    {RK_KEY_tick_time, "0", false, 0},
    {RK_KEY_tick_time, "-5", false, 0},
    {RK_KEY_tick_time, "", false, 0},
    {RK_KEY_tick_time, "0x10", false, 0},
    {RK_KEY_tick_time, "2 000", false, 0},
    {RK_KEY_tick_time, "2000ms", false, 0},
    {RK_KEY_tick_time, "99999999999999999999", false, 0},
    {RK_KEY_min_session_timeout, "-1", true, -1},
    {RK_KEY_client_port, "65535", true, 65535},
    {RK_KEY_client_port, "65536", false, 0},
    {RK_KEY_client_port, "-0", true, 0},
    /* DECODE: Integer.decode */
    {RK_KEY_jute_maxbuffer, "4194304", true, 4194304},
    {RK_KEY_jute_maxbuffer, "0x400000", true, 0x400000},
    {RK_KEY_jute_maxbuffer, "0X40", true, 0x40},
    {RK_KEY_jute_maxbuffer, "#fffff", true, 0xfffff},
    {RK_KEY_jute_maxbuffer, "0100", true, 64},
    {RK_KEY_jute_maxbuffer, "08", false, 0},
    {RK_KEY_jute_maxbuffer, "0x", false, 0},
    {RK_KEY_jute_maxbuffer, "#", false, 0},
    {RK_KEY_jute_maxbuffer, "63", false, 0},
    {RK_KEY_max_cnxns, "0", true, 0},
    {RK_KEY_max_cnxns, "-0x10", true, -16},
    /* BYTES */
    {RK_KEY_queued_bytes, "64m", true, 64 << 20},
    {RK_KEY_queued_bytes, "64M", true, 64 << 20},
    {RK_KEY_queued_bytes, "1k", true, 1024},
    {RK_KEY_queued_bytes, "2G", true, INT64_C(2) << 30},
    {RK_KEY_queued_bytes, "0xa", true, 10},
    {RK_KEY_queued_bytes, "m", false, 0},
    {RK_KEY_queued_bytes, "64q", false, 0},
    {RK_KEY_queued_bytes, "-1k", false, 0},
    {RK_KEY_queued_bytes, "9999999999g", false, 0},
    /* BOOL, YES_NO */
    {RK_KEY_digest, "true", true, 1},
    {RK_KEY_digest, "FALSE", true, 0},
    {RK_KEY_digest, "yes", false, 0},
    {RK_KEY_digest, "1", false, 0},
    {RK_KEY_skip_acl, "yes", true, 1},
    {RK_KEY_skip_acl, "no", true, 0},
    {RK_KEY_skip_acl, "true", false, 0},
    {RK_KEY_force_sync, "false", false, 0},
    /* PPM */
    {RK_KEY_connect_drop_increase, "0.02", true, 20000},
    {RK_KEY_connect_drop_increase, ".5", true, 500000},
    {RK_KEY_connect_drop_increase, "1", true, 1000000},
    {RK_KEY_connect_drop_increase, "1.", true, 1000000},
    {RK_KEY_connect_drop_increase, "0.0000019", true, 1},
    {RK_KEY_connect_drop_increase, "1.000001", false, 0},
    {RK_KEY_connect_drop_increase, ".", false, 0},
    {RK_KEY_connect_drop_increase, "1e-3", false, 0},
    {RK_KEY_connect_drop_increase, "-0.1", false, 0},
    {RK_KEY_connect_drop_increase, "99999999999999999999999", false, 0},
    /* HOURS */
    {RK_KEY_purge_interval, "0", true, 0},
    {RK_KEY_purge_interval, "24", true, 86400000},
    {RK_KEY_purge_interval, "-1", true, -3600000},
    {RK_KEY_purge_interval, "10s", true, 10000},
    {RK_KEY_purge_interval, "250ms", true, 250},
    {RK_KEY_purge_interval, "5M", true, 300000},
    {RK_KEY_purge_interval, "1d", true, 86400000},
    {RK_KEY_purge_interval, "1w", false, 0},
    {RK_KEY_purge_interval, "s", false, 0},
    {RK_KEY_purge_interval, "9223372036854775807", false, 0},
};

static void reads_values_as_java_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct value *v = &values[i];
        int64_t number = 4711;
        bool is_good = rk_key_parse(rk_key_of(v->id), v->text, &number);
        if (is_good != v->is_good) {
            fail_msg("%s=%s: %s", rk_key_of(v->id)->name, v->text, is_good ? "taken" : "refused");
        }
        assert_true(number == (v->is_good ? v->number : 4711));
    }
}

static void says_what_each_key_accepts(void **state)
{
    (void)state;
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        char form[160] = "";
        rk_key_form(rk_key_of(id), form, sizeof(form));
        assert_true(strlen(form) > 0 && strlen(form) < sizeof(form) - 1);
    }
    char form[160];
    rk_key_form(rk_key_of(RK_KEY_client_port), form, sizeof(form));
    assert_string_equal(form, "a whole decimal number from 0 to 65535");
    rk_key_form(rk_key_of(RK_KEY_skip_acl), form, sizeof(form));
    assert_string_equal(form, "yes or no");
}

static void every_default_is_a_value_or_stands_for_none(void **state)
{
    (void)state;
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        const struct rk_key *key = rk_key_of(id);
        bool is_inside = key->preset >= key->min && key->preset <= key->max;
        assert_true(key->kind == RK_KIND_TEXT || key->preset == -1 || is_inside);
    }
}

static void finds_keys_by_both_names(void **state)
{
    (void)state;
    assert_int_equal(rk_key_find("tickTime"), RK_KEY_tick_time);
    assert_int_equal(rk_key_find("requestThrottleLimit"), RK_KEY_request_throttle_max);
    assert_int_equal(rk_key_find("request_throttle_max_requests"), RK_KEY_request_throttle_max);
    assert_int_equal(rk_key_find("ticktime"), RK_KEY_COUNT);
    assert_int_equal(rk_key_find(""), RK_KEY_COUNT);
}

static void no_name_is_there_twice(void **state)
{
    (void)state;
    for (size_t i = 0; rk_key_name_at(i) != NULL; i++) {
        for (size_t j = i + 1; rk_key_name_at(j) != NULL; j++) {
            assert_string_not_equal(rk_key_name_at(i), rk_key_name_at(j));
        }
    }
    /* A family that came first would hide a key behind it. */
    for (size_t i = 0; rk_other_key_name_at(i) != NULL; i++) {
        const char *name = rk_other_key_name_at(i);
        assert_int_equal(rk_key_find(name), RK_KEY_COUNT);
        if (strchr(name, '*') == NULL) {
            assert_string_equal(rk_other_key_find(name)->name, name);
        }
    }
}

static void knows_families_and_harmless_values(void **state)
{
    const struct rk_other_key *key = rk_other_key_find("ssl.keyStore.password");
    (void)state;
    assert_non_null(key);
    assert_int_equal(key->why, RK_OTHER_LATER);
    assert_int_equal(rk_other_key_find("ssl.quorum.keyStore.location")->why, RK_OTHER_MEMBER_LATER);
    assert_null(rk_other_key_find("ssl."));
    assert_null(rk_other_key_find("sslfoo"));
    key = rk_other_key_find("admin.enableServer");
    assert_true(rk_other_key_is_harmless(key, "FALSE"));
    assert_false(rk_other_key_is_harmless(key, "true"));
    assert_null(rk_other_key_find("snapshotSizeFactor"));
    key = rk_other_key_find("metricsProvider.className");
    assert_true(
        rk_other_key_is_harmless(key, "org.apache.zookeeper.metrics.impl.NullMetricsProvider"));
    assert_false(rk_other_key_is_harmless(key, "org.apache.zookeeper.metrics.impl"));
    assert_false(rk_other_key_is_harmless(key, ""));
}

static void hints_at_the_nearest_key(void **state)
{
    static const struct {
        const char *name;
        const char *nearest;
    } hints[] = {{"tickTimes", "tickTime"},
                 {"ticktime", "tickTime"},
                 {"maxClientConns", "maxClientCnxns"},
                 {"snapCont", "snapCount"},
                 {"autopurge.snapRetainCout", "autopurge.snapRetainCount"},
                 {"4lw.command.whitelist", "4lw.commands.whitelist"},
                 {"initlimit", "initLimit"},
                 {"rookery.loglevel", "rookery.log.level"},
                 {"colour", NULL},
                 {"x", NULL},
                 {"", NULL}};
    char longest[500];
    (void)state;
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        const char *nearest = rk_key_nearest(hints[i].name);
        if (hints[i].nearest == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, hints[i].nearest);
        }
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(rk_key_nearest(longest));
}

static char *read_page(const char *path)
{
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    char *text = calloc(1, 1 << 20);
    size_t len = fread(text, 1, (1 << 20) - 1, in);
    assert_true(len > 0 && feof(in));
    (void)fclose(in);
    return text;
}

static void the_documentation_names_every_key(void **state)
{
    char *page = read_page(RK_TEST_DOCS "/configuration.md");
    uint32_t missing = 0;
    (void)state;
    for (size_t i = 0; rk_key_name_at(i) != NULL; i++) {
        char quoted[128];
        (void)snprintf(quoted, sizeof(quoted), "`%s`", rk_key_name_at(i));
        if (strstr(page, quoted) == NULL) {
            print_message("docs/configuration.md lacks %s\n", quoted);
            missing++;
        }
    }
    free(page);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_as_java_does),
        cmocka_unit_test(says_what_each_key_accepts),
        cmocka_unit_test(every_default_is_a_value_or_stands_for_none),
        cmocka_unit_test(finds_keys_by_both_names),
        cmocka_unit_test(no_name_is_there_twice),
        cmocka_unit_test(knows_families_and_harmless_values),
        cmocka_unit_test(hints_at_the_nearest_key),
        cmocka_unit_test(the_documentation_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
