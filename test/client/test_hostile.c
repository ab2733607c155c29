/* Servers that send nonsense: it costs the connection, and nothing else. */
#include <string.h>

#include "rig.h"
#include "support/cmocka_all.h"

struct nonsense {
    const char *what;
    const char *bytes;
    size_t len;
};

#define BYTES(text) text, sizeof(text) - 1
#define LENGTH(n)   "\0\0\0" n
#define ZXID        "\0\0\0\0\0\0\0\1"
#define PASSWORD    "0123456789abcdef"

static const struct nonsense after_handshake[] = {
    {"a negative length", BYTES("\xff\xff\xff\xff")},
    {"a length over the limit", BYTES("\x00\x10\x00\x01")},
    {"an empty frame", BYTES(LENGTH("\0"))},
    {"less than a header", BYTES(LENGTH("\x0c") "\0\0\0\5" ZXID)},
    {"an answer to nothing", BYTES(LENGTH("\x10") "\0\0\0\5" ZXID "\0\0\0\0")},
    {"an answer to a login that was not", BYTES(LENGTH("\x10") "\xff\xff\xff\xfc" ZXID "\0\0\0\0")},
    {"watches that were not set", BYTES(LENGTH("\x10") "\xff\xff\xff\xf8" ZXID "\xff\xff\xff\xfb")},
    {"an event without a body", BYTES(LENGTH("\x10") "\xff\xff\xff\xff" ZXID "\0\0\0\0")},
    {"an event without a path", BYTES(LENGTH("\x1c") "\xff\xff\xff\xff" ZXID "\0\0\0\0"
                                                     "\0\0\0\1\0\0\0\3\xff\xff\xff\xff")},
    {"an event with a lying path", BYTES(LENGTH("\x1c") "\xff\xff\xff\xff" ZXID "\0\0\0\0"
                                                        "\0\0\0\1\0\0\0\3\x7f\xff\xff\xff")},
};

static const struct nonsense in_handshake[] = {
    {"a negative length", BYTES("\x80\x00\x00\x00")},
    {"an empty frame", BYTES(LENGTH("\0"))},
    {"half of an answer", BYTES(LENGTH("\x0c") "\0\0\0\0\0\0\x10\0\0\0\0\0")},
    {"no password", BYTES(LENGTH("\x14") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\5\xff\xff\xff\xff")},
    {"a short password", BYTES(LENGTH("\x15") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\5\0\0\0\1x")},
    {"a lying password", BYTES(LENGTH("\x14") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\5\0\1\0\0")},
    {"no session", BYTES(LENGTH("\x24") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\x10" PASSWORD)},
    {"no time", BYTES(LENGTH("\x24") "\0\0\0\0\x80\0\0\0\0\0\0\0\0\0\0\5\0\0\0\x10" PASSWORD)},
    {"read-only, unasked",
     BYTES(LENGTH("\x25") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\5\0\0\0\x10" PASSWORD "\1")},
};

static void expect_next_server(struct rig *r, const struct nonsense *n)
{
    rig_bytes(r, r->conn, n->bytes, n->len);
    if (rk_client_state(r->client) != RK_CLIENT_CONNECTING || r->conn != 2) {
        fail_msg("%s: %s", n->what, r->log);
    }
}

static void nonsense_costs_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(after_handshake) / sizeof(after_handshake[0]); i++) {
        struct rig r;
        rig_start(&r);
        expect_next_server(&r, &after_handshake[i]);
        rig_deinit(&r);
    }
}

static void nonsense_in_the_handshake_is_a_failed_try(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(in_handshake) / sizeof(in_handshake[0]); i++) {
        struct rig r;
        rig_init(&r);
        rig_open(&r);
        rig_servers(&r, 2, false);
        rig_resolved(&r, 0, "a");
        rig_resolved(&r, 1, "b");
        rig_connected(&r, 1);
        expect_next_server(&r, &in_handshake[i]);
        rig_deinit(&r);
    }
}

static void old_servers_leave_read_only_out(void **state)
{
    static const char answer[] =
        LENGTH("\x24") "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\5\0\0\0\x10" PASSWORD;
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_open(&r);
    rig_servers(&r, 1, false);
    rig_resolved(&r, 0, "a");
    rig_connected(&r, 1);
    rig_bytes(&r, 1, answer, sizeof(answer) - 1);
    assert_int_equal(rk_client_state(r.client), RK_CLIENT_CONNECTED);
    rig_deinit(&r);
}

static void pieces_of_any_size_make_frames(void **state)
{
    struct rig r;
    uint8_t bytes[200];
    (void)state;
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_PERSISTENT, "/ab", 1);
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        static const char event[] = LENGTH("\x1f") "\xff\xff\xff\xff" ZXID "\0\0\0\0"
                                                   "\0\0\0\1\0\0\0\3\0\0\0\3/ab";
        memcpy(bytes + len, event, sizeof(event) - 1);
        len += sizeof(event) - 1;
    }
    for (size_t piece = 1; piece <= len; piece++) {
        for (size_t at = 0; at < len; at += piece) {
            rig_bytes(&r, 1, bytes + at, piece < len - at ? piece : len - at);
        }
        rig_expect(&r, "WATCH 1 3 /ab: 1\nWATCH 1 3 /ab: 1\nWATCH 1 3 /ab: 1\n"
                       "WATCH 1 3 /ab: 1\n");
    }
    rig_deinit(&r);
}

static void a_long_reply_takes_memory_as_it_comes(void **state)
{
    static const uint8_t header[] = {0x00, 0x0f, 0xff, 0xff, 0, 0, 0, 1};
    static uint8_t rest[0xfffff];
    struct rig r;
    (void)state;
    rig_start(&r);
    size_t before = r.mem.used_bytes;
    rig_bytes(&r, 1, header, sizeof(header));
    assert_true(r.mem.used_bytes < before + 4096); /* a length is only a word */
    rig_bytes(&r, 1, rest, sizeof(rest) - 8);
    assert_int_equal(rk_client_state(r.client), RK_CLIENT_CONNECTED);
    rig_bytes(&r, 1, rest, 8);
    assert_int_equal(rk_client_state(r.client), RK_CLIENT_CONNECTING);
    rig_deinit(&r);
}

static void memory_of_long_replies_goes_back(void **state)
{
    static uint8_t reply[900000];
    struct rig r;
    (void)state;
    rig_start(&r);
    (void)rig_get(&r, 1);
    rk_store_i32(reply, (int32_t)sizeof(reply) - 4);
    rk_store_i32(reply + 4, r.xids[r.xid_first]);
    size_t before = r.mem.used_bytes;
    rig_bytes(&r, 1, reply, 1000);
    rig_bytes(&r, 1, reply + 1000, sizeof(reply) - 1000);
    assert_int_equal(r.done, 1);
    assert_true(r.mem.used_bytes > sizeof(reply));
    rig_tick(&r, 0);
    assert_true(r.mem.used_bytes <= before + 1000);
    rig_deinit(&r);
}

static void bytes_of_other_connections_are_nobodys(void **state)
{
    struct rig r;
    (void)state;
    rig_start(&r);
    rig_bytes(&r, 0, "\xff\xff\xff\xff", 4);
    rig_bytes(&r, 9, "\xff\xff\xff\xff", 4);
    rig_gone(&r, 0);
    rig_gone(&r, 9);
    rig_connected(&r, 9);
    rig_connected(&r, 1);
    rig_expect(&r, "");
    rig_deinit(&r);
}

static void an_event_of_a_path_without_end_is_cheap(void **state)
{
    /* A million components, with a recursive watch set: linear, or this would not come back. */
    enum { LEN = 900000 };
    static char path[LEN + 1];
    struct rig r;
    (void)state;
    for (size_t i = 0; i < LEN; i++) {
        path[i] = i % 2 == 0 ? '/' : 'a';
    }
    rig_start(&r);
    rig_watch(&r, RK_CLIENT_WATCH_RECURSIVE, "/a/a", 1);
    rig_event(&r, 1, path, 4);
    assert_memory_equal(r.log, "WATCH 1 3 /a/a", 14);
    rig_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_costs_the_connection),
        cmocka_unit_test(nonsense_in_the_handshake_is_a_failed_try),
        cmocka_unit_test(old_servers_leave_read_only_out),
        cmocka_unit_test(pieces_of_any_size_make_frames),
        cmocka_unit_test(a_long_reply_takes_memory_as_it_comes),
        cmocka_unit_test(memory_of_long_replies_goes_back),
        cmocka_unit_test(bytes_of_other_connections_are_nobodys),
        cmocka_unit_test(an_event_of_a_path_without_end_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
