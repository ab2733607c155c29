/* What an id of an ACL entry may look like, and addresses as text. What is right was asked of
 * Apache's provider classes and of javax.security.auth.x500.X500Principal. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "core/acl.h"
#include "core/acl_syntax.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct rk_bytes bytes(const char *text)
{
    return rk_bytes_str(text);
}

/* -- syntax of ids ----------------------------------------------------------------------------- */

static void digest_ids_have_two_parts(void **state)
{
    (void)state;
    static const char *const good[] = {"a:b", ":b", "a:b:", "a:b:::", " : ", "\xff:\xff"};
    static const char *const bad[] = {"", "a", "a:", ":", "::", "a:b:c", "a::b", "::b", "a:b:c:"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(rk_acl_digest_is_valid(bytes(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(rk_acl_digest_is_valid(bytes(bad[i])));
    }
}

static void sasl_ids_look_like_principals(void **state)
{
    (void)state;
    static const char *const good[] = {"",  "bob", "a/b/c", "bob@R", "a/b@R",
                                       "@", "/@",  "a@",    "a b@c", "\n@\n"};
    static const char *const bad[] = {"a/b/c@R", "a@b@c", "a@b/c", "a@/", "//@"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(rk_acl_sasl_is_valid(bytes(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(rk_acl_sasl_is_valid(bytes(bad[i])));
    }
}

static const char *const names[] = {
    "",
    "CN=bob",
    "cn=bob, OU = x;O=\"a, b; c\"  ,C=DE",
    "CN=a+O=b,DC=c",
    "CN=",
    "CN= ,O=",
    "CN=a=b#c",
    "CN=\\41\\,\\\\\\ \\\"",
    "CN=\\# x",
    "1.2.840.113549.1.9.1=x",
    "OID.2.5.4.3=x",
    "oid.2.999.12345678901234567890=x",
    "1.39=x",
    "EMAILADDRESS=x,UID=y,SERIALNUMBER=z,DNQ=q,T=t,S=s,ST=st,IP=i,STREET=r,L=l",
    "CN=#0401aa",
    "CN=#3000,O=x",
    "CN=#04820001FF",
    "CN=\xc3\xa4\n",
};
static const char *const no_names[] = {
    "bob",
    "=x",
    "XX=bob",
    "CN",
    "CN=a,",
    ",CN=a",
    "CN=a,,O=b",
    "CN=a+",
    "+CN=a",
    "CN=a<b",
    "CN=\"a",
    "CN=\"a\"b",
    "CN=a\"",
    "CN=a\\",
    "CN=a\\4",
    "CN=a\\4g",
    "CN=a\\x",
    "CN=\"\\ \"",
    "CN=\"a\\",
    "1=x",
    "3.1=x",
    "1.40=x",
    "0.40=x",
    "1.2.=x",
    "1..2=x",
    ".1.2=x",
    "OID.=x",
    "OID.CN=x",
    "99999999999.1=x",
    "CN=#",
    "CN=#0",
    "CN=#04",
    "CN=#0401",
    "CN=#0401aabb",
    "CN=#0401aab",
    "CN=#0g00",
    "CN=#040 1aa",
    "CN=#0401aa ",
    "CN=#1f00",
    "CN=#0485000000000101",
    "CN=#0480",
    "CN=#0482",
    " ",
    "CN=a;",
    "C N=a",
    "GIVENNAMEGIVENNAME=x",
};

static void x509_ids_are_distinguished_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(rk_acl_x509_is_valid(bytes(names[i])));
    }
    for (size_t i = 0; i < COUNT_OF(no_names); i++) {
        assert_false(rk_acl_x509_is_valid(bytes(no_names[i])));
    }
}

/* -- addresses --------------------------------------------------------------------------------- */

static void addresses_are_read_as_apache_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address; /* as formatted again; NULL: refused */
        uint32_t bits;
    } cases[] = {
        {"1.2.3.4", "1.2.3.4", 32},
        {"010.0.0.256", NULL, 0},
        {"010.+1.-0.00000000000007/08", "10.1.0.7", 8},
        {"1.2.3.4/0", "1.2.3.4", 0},
        {"1.2.3.4/33", NULL, 0},
        {"1.2.3.4/", NULL, 0},
        {"1.2.3.4/-1", NULL, 0},
        {"1.2.3.4/8/8", NULL, 0},
        {"1.2.3.4/99999999999999999999", NULL, 0},
        {"1.2.3.4/4294967304", NULL, 0}, /* 8 in 32 bits */
        {"-1.2.3.4", NULL, 0},
        {"1.2.3", NULL, 0},
        {"1.2.3.4.5", NULL, 0},
        {"1.2..4", NULL, 0},
        {"1.2.3.4 ", NULL, 0},
        {"", NULL, 0},
        {"/8", NULL, 0},
        {"a.b.c.d", NULL, 0},
        {"::1", "0:0:0:0:0:0:0:1", 128},
        {"::", "0:0:0:0:0:0:0:0", 128},
        {"1::", "1:0:0:0:0:0:0:0", 128},
        {"2001:DB8::0042:1/64", "2001:db8:0:0:0:0:42:1", 64},
        {"1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8", 128},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 128},
        {"::ffff:102:304", "1.2.3.4", 128},
        {"::/129", NULL, 0},
        {"1:2:3:4:5:6:7:8::", NULL, 0},
        {"1:2:3:4::5:6:7:8", NULL, 0},
        {"1:2:3:4:5:6:7", NULL, 0},
        {"1:2:3:4:5:6:7:8:9", NULL, 0},
        {"1::2::3", NULL, 0},
        {":::", NULL, 0},
        {"::::", NULL, 0},
        {":1", NULL, 0},
        {"1:", NULL, 0},
        {"12345::", NULL, 0},
        {"g::", NULL, 0},
        {"::1.2.3.4", NULL, 0},
        {"fe80::1%eth0", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t address[16];
        size_t len = 0;
        uint32_t bits = 77;
        char text[48];
        bool is_valid = rk_ip_parse(bytes(cases[i].text), address, &len, &bits);
        assert_int_equal(is_valid, cases[i].address != NULL);
        if (is_valid) {
            assert_int_equal(rk_ip_format(address, len, text), strlen(cases[i].address));
            assert_string_equal(text, cases[i].address);
            assert_int_equal(bits, cases[i].bits);
        } else {
            assert_int_equal(len, 0);
            assert_int_equal(bits, 77);
        }
    }
}

static void addresses_are_written_as_java_writes_them(void **state)
{
    (void)state;
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0x0f, 0x00,
                                   0,    0,    0,    0,    0, 0, 0,    1};
    static const uint8_t longest[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    char text[48];
    assert_int_equal(rk_ip_format(v6, 16, text), strlen("2001:db8:0:f00:0:0:0:1"));
    assert_string_equal(text, "2001:db8:0:f00:0:0:0:1");
    assert_int_equal(rk_ip_format(longest, 16, text), 39);
    static const uint8_t v4[4] = {10, 0, 0, 1};
    assert_int_equal(rk_ip_format(v4, sizeof(v4), text), strlen("10.0.0.1"));
    assert_string_equal(text, "10.0.0.1");
    assert_int_equal(rk_ip_format(longest, 4, text), 15);
    assert_string_equal(text, "255.255.255.255");
    /* Written and read again. */
    struct rk_prng prng;
    rk_prng_init(&prng, 8);
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t address[16];
        uint8_t again[16];
        size_t len = i % 2 == 0 ? 4 : 16;
        size_t again_len = 0;
        uint32_t bits = 0;
        for (size_t k = 0; k < len; k++) {
            address[k] = rk_prng_chance(&prng, 1, 3) ? 0 : (uint8_t)rk_prng_next(&prng);
        }
        size_t text_len = rk_ip_format(address, len, text);
        assert_int_equal(text_len, strlen(text));
        assert_true(rk_ip_parse(bytes(text), again, &again_len, &bits));
        assert_int_equal(again_len, len);
        assert_memory_equal(again, address, len);
    }
}

/* Against comparison bit by bit. */
static void address_masks_compare_exactly_their_bits(void **state)
{
    (void)state;
    struct rk_prng prng;
    rk_prng_init(&prng, 21);
    unsigned matches = 0;
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = i % 2 == 0 ? 4 : 16;
        uint8_t a[16];
        uint8_t b[16];
        for (size_t k = 0; k < len; k++) {
            a[k] = (uint8_t)rk_prng_next(&prng);
            b[k] = a[k];
        }
        uint32_t differing = (uint32_t)rk_prng_below(&prng, len * 8 + 1);
        if (differing < len * 8) {
            b[differing / 8] ^= (uint8_t)(0x80u >> differing % 8);
        }
        uint32_t bits = (uint32_t)rk_prng_below(&prng, len * 8 + 1);
        char id[48];
        char expression[64];
        char network[48];
        (void)rk_ip_format(a, len, id);
        (void)rk_ip_format(b, len, network);
        (void)snprintf(expression, sizeof(expression), "%s/%u", network, bits);
        bool want = bits <= differing;
        assert_int_equal(rk_acl_ip_matches(bytes(id), bytes(expression)), want);
        assert_int_equal(rk_acl_ip_matches(bytes(id), bytes(network)), differing == len * 8);
        matches += want;
    }
    assert_true(matches > 2000 && matches < 18000);
    assert_false(rk_acl_ip_matches(bytes("1.2.3.4"), bytes("::/0")));
    assert_false(rk_acl_ip_matches(bytes("::1"), bytes("0.0.0.0/0")));
    assert_false(rk_acl_ip_matches(bytes("1.2.3.4/8"), bytes("1.2.3.4/8"))); /* ids have no bits */
    assert_false(rk_acl_ip_matches(bytes("fe80:0:0:0:0:0:0:1%2"), bytes("fe80::/10")));
    assert_false(rk_acl_ip_matches(bytes("1.2.3.4"), bytes("nonsense")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_ids_have_two_parts),
        cmocka_unit_test(sasl_ids_look_like_principals),
        cmocka_unit_test(x509_ids_are_distinguished_names),
        cmocka_unit_test(addresses_are_read_as_apache_reads_them),
        cmocka_unit_test(addresses_are_written_as_java_writes_them),
        cmocka_unit_test(address_masks_compare_exactly_their_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
