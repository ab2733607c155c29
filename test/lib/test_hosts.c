/* Connect strings: what is understood, and what is refused. */
#include <errno.h>
#include <string.h>

#include "lib/hosts.h"
#include "support/cmocka_all.h"

static void good_connect_strings(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        const char *name, *port; /* of the last one */
        const char *chroot;
    } rows[] = {
        {"a", 1, "a", "2181", ""},        {"a:1", 1, "a", "1", ""},
        {"a:65535", 1, "a", "65535", ""}, {"a:1,b:2", 2, "b", "2", ""},
        {" a:1 , b:2 ", 2, "b", "2", ""}, {"a:1,,b:2,", 2, "b", "2", ""},
        {"[::1]:3", 1, "::1", "3", ""},   {"[::1]", 1, "::1", "2181", ""},
        {"::1:4", 1, "::1", "4", ""},     {"a:1/", 1, "a", "1", ""},
        {"a:1/x", 1, "a", "1", "/x"},     {"a:1,b:2/x/y", 2, "b", "2", "/x/y"},
        {"a/x", 1, "a", "2181", "/x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rk_lib_hosts hosts;
        assert_int_equal(rk_lib_hosts_parse(rows[i].text, &hosts), 0);
        assert_int_equal(hosts.count, rows[i].count);
        assert_string_equal(hosts.list[hosts.count - 1].name, rows[i].name);
        assert_string_equal(hosts.list[hosts.count - 1].port, rows[i].port);
        assert_string_equal(hosts.chroot, rows[i].chroot);
        rk_lib_hosts_free(&hosts);
    }
}

static void bad_connect_strings(void **state)
{
    static const char *const rows[] = {"",
                                       ",",
                                       " ",
                                       "/x",
                                       ":1",
                                       "a:",
                                       "a:0",
                                       "a:-1",
                                       "a:65536",
                                       "a:1x",
                                       "a: 1",
                                       "[::1",
                                       "[]",
                                       "[]:1",
                                       "[::1]:",
                                       "[::1]x",
                                       "a:1,b:",
                                       "[::1]1",
                                       "a:99999999999999999999"};
    (void)state;
    assert_int_equal(rk_lib_hosts_parse(NULL, &(struct rk_lib_hosts){0}), EINVAL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rk_lib_hosts hosts;
        if (rk_lib_hosts_parse(rows[i], &hosts) != EINVAL)
            fail_msg("\"%s\" is not refused", rows[i]);
        assert_null(hosts.list);
        assert_null(hosts.chroot);
    }
}

static void more_servers_than_the_machine_takes_are_refused(void **state)
{
    char text[2 * (RK_CLIENT_SERVERS_MAX + 2)] = "";
    struct rk_lib_hosts hosts;
    (void)state;
    for (uint32_t i = 0; i <= RK_CLIENT_SERVERS_MAX; i++)
        memcpy(text + 2 * i, "a,", 3);
    assert_int_equal(rk_lib_hosts_parse(text, &hosts), EINVAL);
    text[2 * RK_CLIENT_SERVERS_MAX - 1] = 0;
    assert_int_equal(rk_lib_hosts_parse(text, &hosts), 0);
    assert_int_equal(hosts.count, RK_CLIENT_SERVERS_MAX);
    rk_lib_hosts_free(&hosts);
}

static void addresses_are_found_and_printed(void **state)
{
    struct rk_client_addr addrs[RK_CLIENT_ADDRS_MAX];
    char text[64];
    struct rk_lib_host v4 = {(char *)"127.0.0.1", "2181"}, v6 = {(char *)"::1", "7"};
    struct rk_lib_host none = {(char *)"no such name", "1"};
    (void)state;
    assert_int_equal(rk_lib_hosts_lookup(&v4, true, addrs, RK_CLIENT_ADDRS_MAX), 1);
    assert_int_equal(addrs[0].distance, 0);
    rk_lib_addr_text(&addrs[0], text, sizeof(text));
    assert_string_equal(text, "127.0.0.1:2181");
    assert_int_equal(rk_lib_hosts_lookup(&v6, false, addrs, RK_CLIENT_ADDRS_MAX), 1);
    rk_lib_addr_text(&addrs[0], text, sizeof(text));
    assert_string_equal(text, "[::1]:7");
    assert_int_equal(rk_lib_hosts_lookup(&none, false, addrs, RK_CLIENT_ADDRS_MAX), 0);
    assert_int_equal(rk_lib_hosts_lookup(&v4, false, addrs, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_connect_strings),
        cmocka_unit_test(bad_connect_strings),
        cmocka_unit_test(more_servers_than_the_machine_takes_are_refused),
        cmocka_unit_test(addresses_are_found_and_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
