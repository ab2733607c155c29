/* Every word but mntr, byte for byte, over a core with known sessions, nodes and watches. The
 * shapes are those captured from Apache ZooKeeper 3.8.0. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin_support.h"

static struct desk desk; /* large */

static void the_fixed_answers(void **state)
{
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    desk_expect(d, "ruok", "imok");
    desk_expect(d, "isro", "rw");
    desk_expect(d, "gtmk", "306");
    desk_expect(d, "crst", "Connection stats reset.\n");
    assert_int_equal(d->shell_resets, 0);
    desk_expect(d, "srst", "Server stats reset.\n");
    assert_int_equal(d->shell_resets, 1);
    desk_expect(d, "dirs", "datadir_size: 67109358\nlogdir_size: 457\n");
    desk_expect(d, "hash", "");
    desk_expect(d, "\xff\xf4\xff\xfd", "");
    desk_deinit(d);
}

static void only_words_are_words(void **state)
{
    static const char *const others[] = {"lead", "RUOK", "ruo ", "    ", "GET ", "icfg", "Stat"};
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    const struct rk_admin_hook *hook = rk_admin_hook_of(d->admin);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(hook->is_word(hook->ctx, rk_load_i32((const uint8_t *)others[i])));
    }
    assert_false(hook->is_word(hook->ctx, 0));
    assert_false(hook->is_word(hook->ctx, -1));
    assert_false(hook->is_word(hook->ctx, 44));
    for (uint32_t i = 0; i < RK_WORD_COUNT; i++) {
        assert_true(hook->is_word(hook->ctx, rk_load_i32((const uint8_t *)rk_admin_word_names[i])));
    }
    desk_deinit(d);
}

static void words_outside_the_white_list_say_so(void **state)
{
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 1u << RK_WORD_ruok, 0);
    for (uint32_t i = 0; i < RK_WORD_COUNT; i++) {
        char expected[100];
        const char *word = rk_admin_word_names[i];
        (void)snprintf(expected, sizeof(expected),
                       "%s is not executed because it is not in the whitelist.\n", word);
        if (i == RK_WORD_ruok || i == RK_WORD_srvr) {
            assert_string_not_equal(desk_ask(d, word), expected);
        } else {
            desk_expect(d, word, expected);
        }
    }
    assert_int_equal(d->shell_resets, 0);
    desk_deinit(d);
}

static void the_trace_mask_is_kept(void **state)
{
    uint8_t mask[9];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    desk_expect(d, "stmk", "");
    rk_store_i64(mask, INT64_C(1) << 40);
    mask[8] = '\n';
    assert_string_equal(desk_ask_with(d, "stmk", rk_bytes_of(mask, 7)), "");
    desk_expect(d, "gtmk", "306");
    assert_string_equal(desk_ask_with(d, "stmk", rk_bytes_of(mask, 9)), "1099511627776");
    desk_expect(d, "gtmk", "1099511627776");
    rk_store_i64(mask, -1);
    assert_string_equal(desk_ask_with(d, "stmk", rk_bytes_of(mask, 8)), "-1");
    desk_deinit(d);
}

static void conf_tells_what_was_configured(void **state)
{
    static const char expected[] =
        "clientPort=%d\nsecureClientPort=-1\ndataDir=/d/version-2\ndataDirSize=67109358\n"
        "dataLogDir=/l/version-2\ndataLogSize=457\ntickTime=2000\nmaxClientCnxns=60\n"
        "minSessionTimeout=4000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\nserverId=0\n";
    static const struct {
        const char *bound;
        int port;
    } rows[] = {{"", 2181},
                {"127.0.0.1:2182", 2182},
                {"[0:0:0:0:0:0:0:1]:2183", 2183},
                {"[0:0:0:0:0:0:0:1]:2184, 127.0.0.1:2185", 2184}};
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        d->bound = rows[i].bound;
        (void)snprintf(text, sizeof(text), expected, rows[i].port);
        desk_expect(d, "conf", text);
    }
    desk_deinit(d);
}

static void envi_keeps_the_keys_of_java(void **state)
{
    char expected[2048];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    (void)snprintf(
        expected, sizeof(expected),
        "Environment:\nzookeeper.version=%s\nhost.name=<host.name>\njava.version=<NA>\n"
        "java.vendor=<NA>\njava.home=<NA>\njava.class.path=<NA>\njava.library.path=<NA>\n"
        "java.io.tmpdir=<NA>\njava.compiler=<NA>\nos.name=<os.name>\nos.arch=<os.arch>\n"
        "os.version=<os.version>\nuser.name=<user.name>\nuser.home=<user.home>\n"
        "user.dir=<user.dir>\nos.memory.free=<os.memory.free>\n"
        "os.memory.max=<os.memory.max>\nos.memory.total=<os.memory.total>\n",
        rk_admin_version());
    desk_expect(d, "envi", expected);
    desk_deinit(d);
}

static void the_version_is_one_that_clients_parse(void **state)
{
    int a, b, c, end = 0;
    char commit[64];
    (void)state;
    assert_int_equal(sscanf(rk_admin_version(),
                            "%d.%d.%d-rookery-%63[^,], built on %*4d-%*2d-%*2d %*2d:%*2d UTC%n", &a,
                            &b, &c, commit, &end),
                     4);
    assert_int_equal(end, strlen(rk_admin_version()));
    assert_true(a == 3 && b == 9 && c >= 5);
}

/* Two sessions, three connections (with the one that asks), some nodes and watches. */
static void populate(struct desk *d, rk_session_id ids[2])
{
    ids[0] = rig_connect(&d->rig, 1);
    ids[1] = rig_connect(&d->rig, 2);
    rig_create(&d->rig, 1, 1, "/a", "", 0);
    rig_create(&d->rig, 1, 2, "/a/e", "", 1);
    rig_create(&d->rig, 2, 3, "/e", "", 1);
    rig_get(&d->rig, 1, 4, "/a", true);
    rig_get(&d->rig, 2, 5, "/a", true);
    rig_exists(&d->rig, 2, 6, "/none", true);
    rig_children(&d->rig, 2, 7, "/a", true);
    d->shell.conn_count = 3;
}

static void srvr_and_stat_tell_the_numbers(void **state)
{
    static const char numbers[] =
        "Latency min/avg/max: 0/0.0/0\nReceived: %d\nSent: %d\nConnections: 3\n"
        "Outstanding: 0\nZxid: 0x5\nMode: standalone\nNode count: 8\n";
    char expected[2048];
    char tail[512];
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    /* 9 requests of clients, and the words that came before and this one; a word is sent when it is
     * over. */
    (void)snprintf(tail, sizeof(tail), numbers, 10, 9);
    (void)snprintf(expected, sizeof(expected), "Zookeeper version: %s\n%s", rk_admin_version(),
                   tail);
    desk_expect(d, "srvr", expected);
    (void)snprintf(tail, sizeof(tail), numbers, 11, 10);
    (void)snprintf(
        expected, sizeof(expected),
        "Zookeeper version: %s\nClients:\n /127.0.0.1:40001[1](queued=0,recved=4,sent=4)\n"
        " /127.0.0.1:40002[1](queued=0,recved=5,sent=5)\n"
        " /127.0.0.1:40060[0](queued=0,recved=1,sent=0)\n\n%s",
        rk_admin_version(), tail);
    desk_expect(d, "stat", expected);
    (void)desk_ask(d, "srst");
    (void)snprintf(tail, sizeof(tail), numbers, 1, 1);
    (void)snprintf(expected, sizeof(expected), "Zookeeper version: %s\n%s", rk_admin_version(),
                   tail);
    desk_expect(d, "srvr", expected);
    desk_deinit(d);
}

static void latency_is_averaged(void **state)
{
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    (void)desk_ask(d, "srst");
    d->rig.auto_sync = false;
    rig_set(&d->rig, 1, 8, "/a", "x", -1);
    d->rig.now_ms += 34;
    rig_sync(&d->rig);
    d->rig.auto_sync = true;
    rig_get(&d->rig, 1, 9, "/a", false);
    rig_get(&d->rig, 1, 10, "/a", false);
    assert_non_null(strstr(desk_ask(d, "srvr"), "\nLatency min/avg/max: 0/11.3333/34\n"));
    desk_deinit(d);
}

static void cons_tells_of_every_connection(void **state)
{
    char expected[2048];
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    (void)snprintf(expected, sizeof(expected),
                   " /"
                   "127.0.0.1:40001[1](queued=0,recved=4,sent=4,sid=0x%llx,lop=GETD,est="
                   "1700000000000,to=10000,"
                   "lcxid=0x4,lzxid=0x5,lresp=50000,llat=0,minlat=0,avglat=0,maxlat=0)\n"
                   " /"
                   "127.0.0.1:40002[1](queued=0,recved=5,sent=5,sid=0x%llx,lop=GETC,est="
                   "1700000000000,to=10000,"
                   "lcxid=0x7,lzxid=0x5,lresp=50000,llat=0,minlat=0,avglat=0,maxlat=0)\n"
                   " /127.0.0.1:40060[0](queued=0,recved=1,sent=0)\n\n",
                   (unsigned long long)ids[0], (unsigned long long)ids[1]);
    desk_expect(d, "cons", expected);
    (void)desk_ask(d, "crst");
    (void)snprintf(
        expected, sizeof(expected),
        " /"
        "127.0.0.1:40001[1](queued=0,recved=0,sent=0,sid=0x%llx,lop=NA,est=1700000000000,to=10000,"
        "lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n"
        " /"
        "127.0.0.1:40002[1](queued=0,recved=0,sent=0,sid=0x%llx,lop=NA,est=1700000000000,to=10000,"
        "lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n"
        " /127.0.0.1:40060[0](queued=0,recved=1,sent=0)\n\n",
        (unsigned long long)ids[0], (unsigned long long)ids[1]);
    desk_expect(d, "cons", expected);
    desk_deinit(d);
}

static void a_failed_write_has_no_name(void **state)
{
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    rig_create(&d->rig, 1, 9, "/a", "", 0); /* exists */
    assert_non_null(strstr(desk_ask(d, "cons"), ",lop=NA,"));
    assert_non_null(strstr(desk_ask(d, "cons"), ",lcxid=0x9,"));
    rig_exists(&d->rig, 1, 10, "/none", false);
    assert_non_null(strstr(desk_ask(d, "cons"), ",lop=EXIS,"));
    rig_simple(&d->rig, 1, -2, RK_OP_PING);
    assert_non_null(strstr(desk_ask(d, "cons"), ",lop=PING,"));
    assert_non_null(strstr(desk_ask(d, "cons"), ",lcxid=0xa,")); /* not the ping's */
    rig_auth(&d->rig, 1, "digest", "u:p");
    assert_non_null(strstr(desk_ask(d, "cons"), ",lop=PING,"));
    desk_deinit(d);
}

static void dump_tells_who_expires_when(void **state)
{
    char expected[2048];
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    /* Sessions: (50000 + 10000) / 2000 + 1 ticks; connections in steps of 10 s. The wall clock is
     * 1700000000 s at 50 s of the other. */
    (void)snprintf(
        expected, sizeof(expected),
        "SessionTracker dump:\nSession Sets (1)/(2):\n2 expire at Tue Nov 14 22:13:32 UTC 2023:\n"
        "\t0x%llx\n\t0x%llx\nephemeral nodes dump:\nSessions with Ephemerals "
        "(2):\n0x%llx:\n\t/a/e\n"
        "0x%llx:\n\t/e\nConnections dump:\nConnections Sets (1)/(3):\n"
        "3 expire at Tue Nov 14 22:13:40 UTC 2023:\n\tip: /127.0.0.1:40001 sessionId: 0x%llx\n"
        "\tip: /127.0.0.1:40002 sessionId: 0x%llx\n\tip: /127.0.0.1:40060 sessionId: 0x0\n",
        (unsigned long long)ids[0], (unsigned long long)ids[1], (unsigned long long)ids[0],
        (unsigned long long)ids[1], (unsigned long long)ids[0], (unsigned long long)ids[1]);
    desk_expect(d, "dump", expected);
    desk_deinit(d);
}

static void dump_of_nobody(void **state)
{
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    desk_expect(
        d, "dump",
        "SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\n"
        "Sessions with Ephemerals (0):\nConnections dump:\nConnections Sets (1)/(1):\n"
        "1 expire at Tue Nov 14 22:13:40 UTC 2023:\n\tip: /127.0.0.1:40060 sessionId: 0x0\n");
    desk_deinit(d);
}

static void watches_are_counted_and_listed(void **state)
{
    char expected[512];
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    desk_expect(d, "wchs", "0 connections watching 0 paths\nTotal watches:0\n");
    desk_expect(d, "wchc", "\n");
    desk_expect(d, "wchp", "\n");
    populate(d, ids);
    desk_expect(d, "wchs", "2 connections watching 2 paths\nTotal watches:3\n");
    const char *text = desk_ask(d, "wchc");
    (void)snprintf(expected, sizeof(expected), "0x%llx\n\t/a\n0x%llx\n", (unsigned long long)ids[0],
                   (unsigned long long)ids[1]);
    assert_memory_equal(text, expected, strlen(expected));
    assert_non_null(strstr(text + strlen(expected), "\t/a\n"));
    assert_non_null(strstr(text + strlen(expected), "\t/none\n"));
    assert_int_equal(strlen(text), strlen(expected) + strlen("\t/a\n\t/none\n\n"));
    text = desk_ask(d, "wchp");
    (void)snprintf(expected, sizeof(expected), "/none\n\t0x%llx\n", (unsigned long long)ids[1]);
    assert_non_null(strstr(text, expected));
    (void)snprintf(expected, sizeof(expected), "/a\n\t0x%llx\n\t0x%llx\n",
                   (unsigned long long)ids[0], (unsigned long long)ids[1]);
    assert_non_null(strstr(text, expected));
    assert_string_equal(text + strlen(text) - 2, "\n\n");
    desk_deinit(d);
}

static void hash_lists_digests(void **state)
{
    rk_session_id ids[2];
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 0);
    populate(d, ids);
    for (int32_t i = 0; i < 300; i++) {
        rig_set(&d->rig, 1, 10 + i, "/a", "x", -1);
    }
    unsigned long long first = 0, second = 0;
    long long digests[2];
    int end = 0;
    const char *text = desk_ask(d, "hash");
    assert_int_equal(
        sscanf(text, "%llx: %lld\n%llx: %lld%n", &first, &digests[0], &second, &digests[1], &end),
        4);
    assert_int_equal(first, 0x80);
    assert_int_equal(second, 0x100);
    assert_string_equal(text + end, "\n");
    desk_deinit(d);
}

static void long_answers_end_with_a_whole_line(void **state)
{
    static const char note[] = "... cut here, see rookery.4lw.answerBytes\n";
    static const char *const words[] = {"wchc", "wchp", "cons", "mntr"};
    struct desk *d = &desk;
    (void)state;
    desk_init(d, 0, 4096);
    for (uint32_t slot = 1; slot < 50; slot++) {
        (void)rig_connect(&d->rig, slot);
        for (int32_t i = 0; i < 10; i++) {
            char path[64];
            (void)snprintf(path, sizeof(path), "/a-path-that-is-long-enough-%u-%d", slot, (int)i);
            rig_exists(&d->rig, slot, 1 + i, path, true);
        }
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *text = desk_ask(d, words[i]);
        size_t len = strlen(text);
        assert_true(len <= 4096 + strlen(note) && len > 3900);
        assert_string_equal(text + len - strlen(note), note);
        assert_int_equal(text[len - strlen(note) - 1], '\n');
    }
    assert_null(strstr(desk_ask(d, "srvr"), "cut here"));
    desk_deinit(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixed_answers),
        cmocka_unit_test(only_words_are_words),
        cmocka_unit_test(words_outside_the_white_list_say_so),
        cmocka_unit_test(the_trace_mask_is_kept),
        cmocka_unit_test(conf_tells_what_was_configured),
        cmocka_unit_test(envi_keeps_the_keys_of_java),
        cmocka_unit_test(the_version_is_one_that_clients_parse),
        cmocka_unit_test(srvr_and_stat_tell_the_numbers),
        cmocka_unit_test(latency_is_averaged),
        cmocka_unit_test(cons_tells_of_every_connection),
        cmocka_unit_test(a_failed_write_has_no_name),
        cmocka_unit_test(dump_tells_who_expires_when),
        cmocka_unit_test(dump_of_nobody),
        cmocka_unit_test(watches_are_counted_and_listed),
        cmocka_unit_test(hash_lists_digests),
        cmocka_unit_test(long_answers_end_with_a_whole_line),
    };
    (void)setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
