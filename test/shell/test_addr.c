/* Addresses as Java spells them (spec-client 8.4); the expectations for IPv6 were printed by
 * Java 17. */
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "shell/addr.h"

static struct rk_addr make(const char *text, uint16_t port, uint32_t scope)
{
    struct sockaddr_storage from;
    memset(&from, 0, sizeof(from));
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(&from, &in, sizeof(in));
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(&from, &in6, sizeof(in6));
    }
    return rk_addr_of(&from);
}

static void prints_hosts_and_ports_as_java_does(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        uint32_t scope;
        const char *host;
        const char *text;
    } cases[] = {
        {"127.0.0.1", 0, "127.0.0.1", "127.0.0.1:2181"},
        {"255.255.255.255", 0, "255.255.255.255", "255.255.255.255:2181"},
        {"0.0.0.0", 0, "0.0.0.0", "0.0.0.0:2181"},
        {"::1", 0, "0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]:2181"},
        {"::", 0, "0:0:0:0:0:0:0:0", "[0:0:0:0:0:0:0:0]:2181"},
        {"2001:0db8::00ff:0", 0, "2001:db8:0:0:0:0:ff:0", "[2001:db8:0:0:0:0:ff:0]:2181"},
        {"::ffff:10.1.2.3", 0, "10.1.2.3", "10.1.2.3:2181"},
        {"::10.1.2.3", 0, "0:0:0:0:0:0:a01:203", "[0:0:0:0:0:0:a01:203]:2181"},
        {"fe80::1", 2, "fe80:0:0:0:0:0:0:1%2", "[fe80:0:0:0:0:0:0:1%2]:2181"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UINT32_MAX,
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:2181"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_addr addr = make(cases[i].in, 2181, cases[i].scope);
        char out[RK_ADDR_TEXT_MAX];
        assert_int_equal(rk_addr_host_text(&addr, out), strlen(cases[i].host));
        assert_string_equal(out, cases[i].host);
        assert_int_equal(rk_addr_text(&addr, out), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
    struct rk_addr longest = make("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, UINT32_MAX);
    char out[RK_ADDR_TEXT_MAX];
    assert_true(rk_addr_text(&longest, out) < RK_ADDR_TEXT_MAX);
}

static void v4_and_mapped_v4_are_the_same_host(void **state)
{
    (void)state;
    struct rk_addr plain = make("10.1.2.3", 1, 0);
    struct rk_addr mapped = make("::ffff:10.1.2.3", 2, 0);
    struct rk_addr other = make("::10.1.2.3", 3, 0);
    assert_true(rk_addr_is_v4(&plain));
    assert_true(rk_addr_is_v4(&mapped));
    assert_false(rk_addr_is_v4(&other));
    assert_memory_equal(plain.ip, mapped.ip, 16);
    assert_memory_not_equal(plain.ip, other.ip, 16);
    struct sockaddr_storage local;
    memset(&local, 0, sizeof(local));
    local.ss_family = AF_UNIX;
    struct rk_addr none = rk_addr_of(&local);
    char out[RK_ADDR_TEXT_MAX];
    (void)rk_addr_text(&none, out);
    assert_string_equal(out, "[0:0:0:0:0:0:0:0]:0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_hosts_and_ports_as_java_does),
        cmocka_unit_test(v4_and_mapped_v4_are_the_same_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
