/* The membership's text: D1's grammar, D2's properties, groups and weights, what must be refused,
 * and that what is printed reads back as the same. */
#include "zab/members.h"

#include "base/mem_libc.h"
#include "base/prng.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

/* One, with its end where sanitizers see it; freed by the next call. */
static struct rk_bytes exact(const char *text, size_t len)
{
    static uint8_t *copy;
    free(copy);
    copy = NULL;
    if (text == NULL) {
        return (struct rk_bytes){NULL, 0};
    }
    copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return rk_bytes_of(copy, len);
}

static struct rk_bytes exact_str(const char *text)
{
    return exact(text, text == NULL ? 0 : strlen(text));
}

static void parse(const char *text, struct rk_members *ret)
{
    const char *why = "";
    if (rk_members_parse(exact_str(text), ret, &why) != RK_OK) {
        fail_msg("%s: %s", text, why);
    }
}

static const char *refusal(const char *text)
{
    static struct rk_members m;
    const char *why = NULL;
    m.count = 77;
    enum rk_err err = rk_members_parse(exact_str(text), &m, &why);
    assert_int_equal(m.count, err == RK_OK ? m.count : 77);
    assert_int_equal(why != NULL, err != RK_OK);
    return why == NULL ? "" : why;
}

static void check_printed(const struct rk_members *m, const char *text)
{
    struct rk_mem mem;
    struct rk_buf b;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, RK_MEMBERS_TEXT_MAX);
    rk_members_print(&b, m);
    rk_buf_put_u8(&b, 0);
    assert_string_equal((const char *)b.data, text);
    rk_buf_deinit(&b);
}

/* -- one server -------------------------------------------------------------------------------- */

static void servers_are_read_as_apache_reads_them(void **state)
{
    static const struct {
        const char *value;
        struct rk_member want;
    } cases[] = {
        {"zk1:2888:3888", {.host = "zk1", .quorum_port = 2888, .election_port = 3888}},
        {"zk1:2888:3888:participant", {.host = "zk1", .quorum_port = 2888, .election_port = 3888}},
        {" zk1:2888:3888:Observer ",
         {.host = "zk1", .quorum_port = 2888, .election_port = 3888, .is_observer = true}},
        {"127.0.0.1:21211:21221:participant;127.0.0.1:21201",
         {.host = "127.0.0.1",
          .quorum_port = 21211,
          .election_port = 21221,
          .has_client = true,
          .client_host = "127.0.0.1",
          .client_port = 21201}},
        {"a:1:65535;2181",
         {.host = "a",
          .quorum_port = 1,
          .election_port = 65535,
          .has_client = true,
          .client_host = "0.0.0.0",
          .client_port = 2181}},
        {"[::1]:1:2:observer;[fe80::1%eth0]:0",
         {.host = "::1",
          .quorum_port = 1,
          .election_port = 2,
          .is_observer = true,
          .has_client = true,
          .client_host = "fe80::1%eth0"}},
        {"[a]:1:2", {.host = "a", .quorum_port = 1, .election_port = 2}},
        {"a:1:2:", {.host = "a", .quorum_port = 1, .election_port = 2}},
        {"a:1:2;", {.host = "a", .quorum_port = 1, .election_port = 2}},
        {"a:1:2;;b:2182", {.host = "a", .quorum_port = 1, .election_port = 2}},
        {"a:1:2;2181;b:2182",
         {.host = "a",
          .quorum_port = 1,
          .election_port = 2,
          .has_client = true,
          .client_host = "0.0.0.0",
          .client_port = 2181}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_member m;
        const char *why = NULL;
        const struct rk_member *want = &cases[i].want;
        memset(&m, 0xee, sizeof(m));
        assert_int_equal(rk_member_parse(5, exact_str(cases[i].value), &m, &why), RK_OK);
        assert_null(why);
        assert_int_equal(m.sid, 5);
        assert_string_equal(m.host, want->host);
        assert_int_equal(m.quorum_port, want->quorum_port);
        assert_int_equal(m.election_port, want->election_port);
        assert_int_equal(m.is_observer, want->is_observer);
        assert_int_equal(m.has_client, want->has_client);
        assert_string_equal(m.client_host, want->client_host);
        assert_int_equal(m.client_port, want->client_port);
    }
}

#define H64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define H255 H64 H64 H64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void servers_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *value;
        const char *why; /* a part of it */
    } cases[] = {
        {NULL, "host"},
        {"", "host"},
        {";2181", "host"},
        {":1:2", "host"},
        {"[]:1:2", "host"},
        {"[a:1:2", "host"},
        {"::1:2888:3888", "host"},
        {"a b:1:2", "host"},
        {"a\x01:1:2", "host"},
        {"a\\:1:2", "host"},
        {"a,b:1:2", "host"},
        {"a]:1:2", "host"},
        {"a\nserver.9=b:1:2", "host"},
        {H255 "a:1:2", "host"},
        {"a", "host:port:port"},
        {"a:1", "host:port:port"},
        {"a:1:", "host:port:port"},
        {"a:0:2", "host:port:port"},
        {"a:1:65536", "host:port:port"},
        {"a:-1:2", "host:port:port"},
        {"a:1:2x", "host:port:port"},
        {"a:1:2:leader", "host:port:port"},
        {"a:1:2:observer:3", "host:port:port"},
        {"a:1:1", "must differ"},
        {"a:1:2|b:3:4", "several addresses"},
        {"a:1:2|", "several addresses"},
        {"a:1:2;b", "client"},
        {"a:1:2;:2181", "client"},
        {"a:1:2;b:", "client"},
        {"a:1:2;b:65536", "client"},
        {"a:1:2;b:1:2", "client"},
        {"a:1:2;::1:2181", "client"},
        {"a:1:2;" H255 "a:2181", "client"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_member m = {.sid = 77};
        const char *why = "nothing";
        if (rk_member_parse(5, exact_str(cases[i].value), &m, &why) != RK_ERR_INVALID ||
            strstr(why, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].value, why);
        }
        assert_int_equal(m.sid, 77);
    }
}

static void the_longest_name_is_accepted(void **state)
{
    struct rk_member m;
    const char *why = NULL;
    (void)state;
    assert_int_equal(rk_member_parse(1, exact_str(H255 ":1:2;" H255 ":3"), &m, &why), RK_OK);
    assert_int_equal(strlen(m.host), RK_MEMBER_HOST_MAX - 1);
    assert_string_equal(m.host, m.client_host);
}

/* -- the text ---------------------------------------------------------------------------------- */

static void apaches_text_is_printed_alike(void **state)
{
    static const char *const texts[] = {
        "server.1=127.0.0.1:21211:21221:participant;127.0.0.1:21201\n"
        "server.2=127.0.0.1:21212:21222:participant;127.0.0.1:21202\n"
        "version=100000011",
        "server.1=zk1:2888:3888:participant\nversion=0",
        "server.1=[0:0:0:0:0:0:0:1]:2888:3888:participant;[0:0:0:0:0:0:0:0]:2181\n"
        "server.10=zk2:2888:3888:observer\nversion=7fffffffffffffff",
        "server.1=a:1:2:participant\nserver.2=a:3:4:participant\nserver.3=a:5:6:participant\n"
        "server.4=a:7:8:observer\n"
        "group.1=1:3\ngroup.7=2\nweight.1=1\nweight.2=1\nweight.3=0\nversion=0",
        "server.1=a:1:2:participant\nserver.2=a:3:4:observer\n"
        "group.1=1\nweight.1=1\nweight.2=5\nversion=0",
    };
    struct rk_members m;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        parse(texts[i], &m);
        check_printed(&m, texts[i]);
    }
}

#define ODD_LINES                                                                                  \
    "\n\r\n# comment\n  ! another = one\n\t\fserver.1 = a:1:2\r\n"                                 \
    "server.2\tb:3:4:observer\rversion : 1f \n"

static void properties_are_read_as_java_reads_them(void **state)
{
    static const char *const texts[] = {
        "server.1=a:1:2\nserver.2=b:3:4:observer\nversion=1f",
        "version=1F\nserver.2=b:3:4:observer\nserver.1=a:1:2\n",
        ODD_LINES,
        "server.1=a:1\\\n   :2\nserver.2=b:3:4:obser\\\r\nver\nversion=1f\\\n",
        "ser\\ver.1=a:1:2\nserver.2=\\u0062:3:4\\u003Aobserver\nversion=0000000000000000001f",
        "server.1==a:1:2\nserver.2=b:3:4:observer\nversion=1f",
    };
    struct rk_members want;
    struct rk_members m;
    (void)state;
    parse(texts[0], &want);
    assert_int_equal(want.count, 2);
    assert_int_equal(want.version, 0x1f);
    for (size_t i = 0; i < 5; i++) {
        parse(texts[i], &m);
        assert_true(rk_members_equal(&m, &want));
        assert_int_equal(m.version, want.version);
    }
    assert_string_equal(refusal(texts[5]),
                        "a server's host is missing, too long or has characters that no name has");
}

static void texts_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *why; /* a part of it */
    } cases[] = {
        {NULL, "no server votes"},
        {"", "no server votes"},
        {"version=1", "no server votes"},
        {"server.1=a:1:2:observer", "no server votes"},
        {"server.1=a:1:2\nclientPort=2181", "neither"},
        {"server=a:1:2", "neither"},
        {"server.=a:1:2", "neither"},
        {"server.x=a:1:2", "neither"},
        {"server.9223372036854775808=a:1:2", "neither"},
        {"group1=1", "neither"},
        {"\\", "no server votes"},
        {"=", "neither"},
        {"server.1=a:1:2\nserver.1=a:1:2", "a server is given twice"},
        {"server.1=a:1:2\nserver.01=a:1:2", "a server is given twice"},
        {"server.1=a:1:1", "must differ"},
        {"server.1=a:1:2\nversion=", "version must be"},
        {"server.1=a:1:2\nversion=x", "version must be"},
        {"server.1=a:1:2\nversion=-1", "version must be"},
        {"server.1=a:1:2\nversion=8000000000000000", "version must be"},
        {"server.1=a:1:2\nversion=1\nversion=1", "version is given twice"},
        {"server.1=a\\u12:1:2", "escape"},
        {"server.1=a\\u00e4:1:2", "escape"},
        {"server.1=a\\u004g:1:2", "escape"},
        {"server.1=a\\u000a:1:2", "host"},
        {"server.1=a\\n:1:2", "host"},
        {"server.1=a:1:2\ngroup.1=", "list of server numbers"},
        {"server.1=a:1:2\ngroup.1=1:", "list of server numbers"},
        {"server.1=a:1:2\ngroup.1=1:x", "list of server numbers"},
        {"server.1=a:1:2\ngroup.1=1:1", "in two groups"},
        {"server.1=a:1:2\ngroup.1=1\ngroup.2=1", "in two groups"},
        {"server.1=a:1:2\ngroup.1=1\ngroup.1=2", "a group is given twice"},
        {"server.1=a:1:2\ngroup.1=1:2", "names a server that is no member"},
        {"server.1=a:1:2\ngroup.1=1\nweight.2=1", "names a server that is no member"},
        {"server.1=a:1:2\nweight.1=1", "in no group"},
        {"server.1=a:1:2\nserver.2=a:3:4\ngroup.1=1", "in no group"},
        {"server.1=a:1:2\nserver.2=a:3:4:observer\ngroup.1=1:2", "an observer is in a group"},
        {"server.1=a:1:2\ngroup.1=1\nweight.1=0", "no server has a weight"},
        {"server.1=a:1:2\ngroup.1=1\nweight.1=-1", "a weight must be"},
        {"server.1=a:1:2\ngroup.1=1\nweight.1=2147483648", "a weight must be"},
        {"server.1=a:1:2\ngroup.1=1\nweight.1=x", "a weight must be"},
        {"server.1=a:1:2\ngroup.1=1\nweight.1=1\nweight.1=1", "a weight is given twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = refusal(cases[i].text);
        if (strstr(why, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].text, why);
        }
    }
}

static void sizes_are_bounded(void **state)
{
    struct rk_members m;
    const char *why = NULL;
    char *text = malloc(RK_MEMBERS_TEXT_MAX + 1);
    (void)state;
    assert_non_null(text);
    memset(text, '#', RK_MEMBERS_TEXT_MAX + 1);
    memcpy(text, "server.1=a:1:2\n", 15);
    assert_int_equal(rk_members_parse(exact(text, RK_MEMBERS_TEXT_MAX), &m, &why), RK_OK);
    assert_int_equal(rk_members_parse(exact(text, RK_MEMBERS_TEXT_MAX + 1), &m, &why),
                     RK_ERR_TOO_BIG);
    memset(text + 15, 'a', RK_MEMBERS_LINE_MAX + 1);
    text[15 + RK_MEMBERS_LINE_MAX + 1] = '\0';
    assert_string_equal(refusal(text), "a line is too long");
    text[15 + RK_MEMBERS_LINE_MAX] = '\0';
    assert_non_null(strstr(refusal(text), "neither"));
    free(text);
}

static void there_may_be_sixty_four_members(void **state)
{
    struct rk_members m;
    struct rk_member one;
    const char *why = NULL;
    (void)state;
    rk_members_init(&m);
    assert_int_equal(rk_member_parse(0, exact_str("a:1:2"), &one, &why), RK_OK);
    for (int64_t i = 0; i < RK_MEMBERS_MAX; i++) {
        one.sid = (i * 37) % 64 - 10; /* in no order */
        assert_int_equal(rk_members_add(&m, &one), RK_OK);
        assert_int_equal(rk_members_add(&m, &one), RK_ERR_INVALID);
    }
    one.sid = 1000;
    assert_int_equal(rk_members_add(&m, &one), RK_ERR_INVALID);
    assert_int_equal(rk_members_finish(&m, &why), RK_OK);
    for (uint32_t i = 0; i < RK_MEMBERS_MAX; i++) {
        assert_int_equal(m.items[i].sid, (int64_t)i - 10);
        assert_ptr_equal(rk_members_find(&m, (int64_t)i - 10), &m.items[i]);
    }
    assert_null(rk_members_find(&m, 1000));
    assert_int_equal(rk_members_voter_count(&m), RK_MEMBERS_MAX);
}

static void groups_and_what_they_name_are_bounded(void **state)
{
    struct rk_members m;
    const char *why = NULL;
    (void)state;
    rk_members_init(&m);
    for (int64_t i = 0; i < RK_GROUPS_MAX; i++) {
        char sid[2] = {(char)('0' + i / 10), (char)('0' + i % 10)};
        assert_int_equal(rk_members_add_group(&m, 100 - i, rk_bytes_of(sid, 2), &why), RK_OK);
    }
    assert_int_equal(rk_members_add_group(&m, 1, rk_bytes_str("99"), &why), RK_ERR_INVALID);
    assert_non_null(strstr(why, "more groups"));
    for (uint32_t i = 0; i < RK_GROUPS_MAX; i++) {
        assert_int_equal(m.groups[i], 100 - RK_GROUPS_MAX + 1 + i);
        assert_int_equal(m.marks[i].group, RK_GROUPS_MAX - 1 - i);
    }
    for (int64_t sid = 100; m.mark_count < RK_MEMBERS_MAX; sid++) {
        assert_int_equal(rk_members_add_weight(&m, sid, rk_bytes_str("1"), &why), RK_OK);
    }
    assert_int_equal(rk_members_add_weight(&m, 99, rk_bytes_str("1"), &why), RK_ERR_INVALID);
    assert_non_null(strstr(why, "more servers than 64"));
    rk_members_init(&m);
    for (int64_t sid = 100; m.mark_count < RK_MEMBERS_MAX; sid++) {
        assert_int_equal(rk_members_add_weight(&m, sid, rk_bytes_str("1"), &why), RK_OK);
    }
    assert_int_equal(rk_members_add_group(&m, 1, rk_bytes_str("99"), &why), RK_ERR_INVALID);
    assert_non_null(strstr(why, "more servers than 64"));
}

static void lines_may_come_in_any_order(void **state)
{
    struct rk_members m;
    (void)state;
    parse("weight.2=3\ngroup.9=3\ngroup.1=2:1\nserver.3=c:5:6\nversion=5\nserver.1=a:1:2\n"
          "weight.4=7\nserver.4=d:7:8:observer\nserver.2=b:3:4",
          &m);
    check_printed(&m, "server.1=a:1:2:participant\nserver.2=b:3:4:participant\n"
                      "server.3=c:5:6:participant\nserver.4=d:7:8:observer\ngroup.1=1:2\n"
                      "group.9=3\nweight.1=1\nweight.2=3\nweight.3=1\nweight.4=7\nversion=5");
    assert_int_equal(m.items[0].group, 0);
    assert_int_equal(m.items[2].group, 1);
    assert_int_equal(m.items[3].group, RK_GROUP_NONE);
    assert_int_equal(m.items[1].weight, 3);
}

/* -- comparing --------------------------------------------------------------------------------- */

static void equality_is_of_meaning(void **state)
{
    static const char base[] = "server.1=a:1:2;c:9\nserver.2=[::1]:3:4:observer\n";
    static const struct {
        const char *text;
        bool is_equal;
    } cases[] = {
        {base, true},
        {"server.2=[0:0:0:0:0:0:0:1]:3:4:observer\nserver.1=A:1:2:participant;C:9\nversion=5",
         true},
        {"server.1=a:1:2;c:9\nserver.2=[0::0:1]:3:4:observer", true},
        {"server.1=a:1:2;c:9\nserver.2=[::2]:3:4:observer", false},
        {"server.1=a:1:2;c:9\nserver.2=[::1%lo]:3:4:observer", false},
        {"server.1=a:1:2;c:9\nserver.2=[1::]:3:4:observer", false},
        {"server.1=a:1:2;c:9\nserver.2=[::1]:3:4", false},
        {"server.1=a:1:2;c:9\nserver.3=[::1]:3:4:observer", false},
        {"server.1=b:1:2;c:9\nserver.2=[::1]:3:4:observer", false},
        {"server.1=aa:1:2;c:9\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:3:2;c:9\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:1:3;c:9\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:1:2;d:9\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:1:2;c:8\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:1:2\nserver.2=[::1]:3:4:observer", false},
        {"server.1=a:1:2;c:9", false},
        {"server.1=a:1:2;c:9\nserver.2=[::1]:3:4:observer\ngroup.1=1", false},
    };
    struct rk_members x;
    struct rk_members y;
    (void)state;
    parse(base, &x);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse(cases[i].text, &y);
        assert_int_equal(rk_members_equal(&x, &y), cases[i].is_equal);
        assert_int_equal(rk_members_equal(&y, &x), cases[i].is_equal);
    }
}

#define THREE "server.1=a:1:2\nserver.2=a:3:4\nserver.3=a:5:6\n"

static void groups_and_weights_are_compared(void **state)
{
    static const struct {
        const char *text;
        bool is_equal;
    } cases[] = {
        {THREE "group.1=1:2\ngroup.2=3\nweight.3=2", true},
        {THREE "weight.3=2\nweight.1=1\ngroup.2=3\ngroup.1=2:1", true},
        {THREE "group.1=1:2\ngroup.2=3", false},
        {THREE "group.1=1:2\ngroup.3=3\nweight.3=2", false},
        {THREE "group.1=1\ngroup.2=2:3\nweight.3=2", false},
        {THREE "group.1=1\ngroup.2=2\ngroup.3=3\nweight.3=2", false},
        {THREE, false},
    };
    struct rk_members x;
    struct rk_members y;
    (void)state;
    parse(cases[0].text, &x);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        parse(cases[i].text, &y);
        assert_int_equal(rk_members_equal(&x, &y), cases[i].is_equal);
        assert_int_equal(rk_members_equal(&y, &x), cases[i].is_equal);
    }
}

/* -- hostile bytes ----------------------------------------------------------------------------- */

/* What was read prints as something that reads back as the same. */
static void check_round_trip(const struct rk_members *m)
{
    static struct rk_members back;
    struct rk_mem mem;
    struct rk_buf b;
    const char *why = NULL;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&b, &mem, (size_t)1 << 20);
    rk_members_print(&b, m);
    assert_false(b.failed);
    assert_int_equal(rk_members_parse(rk_buf_view(&b), &back, &why), RK_OK);
    assert_true(rk_members_equal(m, &back));
    assert_int_equal(m->version, back.version);
    rk_buf_deinit(&b);
}

static void truncations_and_mutations_are_harmless(void **state)
{
    static const char whole[] =
        "# c\\\nserver.1=127.0.0.1:21211:21221:participant;127.0.0.1:21201\n"
        "server.2 : [::1]:21212:21222:observer;21202;[::1]:1\\u0030\n"
        "server.-3=zk3.example.org:2888:3\\\n  888\ngroup.1=1:-3\nweight.1=12\nweight.-3=0\n"
        "version=100000011";
    static const char spice[] = "=:;|[]\\\n\r#! .0u\t\x80";
    static struct rk_members m;
    struct rk_prng prng;
    uint32_t read = 0;
    (void)state;
    rk_prng_init(&prng, 3);
    for (size_t len = 0; len < sizeof(whole); len++) {
        const char *why = NULL;
        if (rk_members_parse(exact(whole, len), &m, &why) == RK_OK) {
            check_round_trip(&m);
        }
    }
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(whole)];
        const char *why = NULL;
        size_t len =
            rk_prng_below(&prng, 3) == 0 ? rk_prng_below(&prng, sizeof(whole)) : sizeof(whole) - 1;
        memcpy(text, whole, sizeof(whole));
        for (uint64_t hits = rk_prng_below(&prng, 4); hits > 0; hits--) {
            text[rk_prng_below(&prng, sizeof(whole))] =
                rk_prng_below(&prng, 2) == 0 ? spice[rk_prng_below(&prng, sizeof(spice))]
                                             : (char)rk_prng_below(&prng, 256);
        }
        if (rk_members_parse(exact(text, len), &m, &why) == RK_OK) {
            check_round_trip(&m);
            read++;
        }
    }
    assert_true(read > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_read_as_apache_reads_them),
        cmocka_unit_test(servers_that_make_no_sense_are_refused),
        cmocka_unit_test(the_longest_name_is_accepted),
        cmocka_unit_test(apaches_text_is_printed_alike),
        cmocka_unit_test(properties_are_read_as_java_reads_them),
        cmocka_unit_test(texts_that_make_no_sense_are_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(there_may_be_sixty_four_members),
        cmocka_unit_test(groups_and_what_they_name_are_bounded),
        cmocka_unit_test(lines_may_come_in_any_order),
        cmocka_unit_test(equality_is_of_meaning),
        cmocka_unit_test(groups_and_weights_are_compared),
        cmocka_unit_test(truncations_and_mutations_are_harmless),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    exact(NULL, 0); /* frees the last one */
    return failed;
}
