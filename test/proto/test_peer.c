/* What servers say to each other: Apache's bytes, round trips, every truncation, hostile bytes. */
#include "proto_support.h"

#include "proto/peer.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define DATA_MAX 2097150u

#define CONFIG_HEX                                                                                 \
    "7365727665722e313d3132372e302e302e313a32313231313a32313232313a7061727469636970616e743b"       \
    "3132372e302e302e313a32313230310a76657273696f6e3d30"
#define CONFIG_TEXT "server.1=127.0.0.1:21211:21221:participant;127.0.0.1:21201\nversion=0"
#define INITIAL_HEX "ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3231323232"
#define NOTIFICATION_HEX                                                                           \
    "00000070 00000000 0000000000000002 0000000000000000 0000000000000001 0000000000000000 "       \
    "00000002 00000044 " CONFIG_HEX
#define REQUEST_HEX                                                                                \
    "00000001 ffffffffffffffff 0000003f 0100001b2ff80001 00000001 00000001 00000003 2f6631 "       \
    "00000005 68656c6c6f 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000 "    \
    "00000002 00000002 6970 00000009 3132372e302e302e31 00000006 646967657374 0000001e "           \
    "753a4a7137774d79412f7732566435574944414b6475344f49494645513d"

/* -- quorum packets, as 3.8.0 sent them -------------------------------------------------------- */

struct vector {
    const char *name;
    const char *hex;
    int32_t type;
    rk_zxid zxid;
    int64_t data_len; /* -1: null */
};

static const struct vector vectors[] = {
    {"FOLLOWERINFO",
     "0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff",
     RK_PACKET_FOLLOWER_INFO, 0, 20},
    {"LEADERINFO", "00000011 0000000100000000 00000004 00010000 ffffffff", RK_PACKET_LEADER_INFO,
     INT64_C(1) << 32, 4},
    {"ACKEPOCH", "00000012 0000000000000000 00000004 00000000 ffffffff", RK_PACKET_ACK_EPOCH, 0, 4},
    {"DIFF", "0000000d 0000000000000000 ffffffff ffffffff", RK_PACKET_DIFF, 0, -1},
    {"ACK", "00000003 0000000100000000 ffffffff ffffffff", RK_PACKET_ACK, INT64_C(1) << 32, -1},
    {"UPTODATE", "0000000c ffffffffffffffff ffffffff ffffffff", RK_PACKET_UP_TO_DATE, -1, -1},
    {"PING", "00000005 0000000100000000 ffffffff ffffffff", RK_PACKET_PING, INT64_C(1) << 32, -1},
    {"PING", "00000005 0000000100000000 00000000 ffffffff", RK_PACKET_PING, INT64_C(1) << 32, 0},
    {"PING", "00000005 000000010000000a 0000000c 0100001b2ff80001 00001770 ffffffff",
     RK_PACKET_PING, 0x10000000a, 12},
    {"REVALIDATE", "00000006 ffffffffffffffff 0000000c 0100001b2ff80001 00001770 ffffffff",
     RK_PACKET_REVALIDATE, -1, 12},
    {"REVALIDATE", "00000006 ffffffffffffffff 00000009 0100001b2ff80001 01 ffffffff",
     RK_PACKET_REVALIDATE, -1, 9},
    {"COMMITANDACTIVATE", "00000009 0000000100000011 00000008 0000000000000002 ffffffff",
     RK_PACKET_COMMIT_AND_ACTIVATE, 0x100000011, 8},
    {"PROPOSAL",
     "00000002 0000000100000008 0000005c 0100001b2ff80001 00000001 0000000100000008 "
     "000001a204c8fe0a 00000001 00000003 2f6631 00000005 68656c6c6f 00000001 0000001f 00000005 "
     "776f726c64 00000006 616e796f6e65 00 00000001 00000002 000000021168304f ffffffff",
     RK_PACKET_PROPOSAL, 0x100000008, 0x5c},
};

static void apaches_packets_are_understood_and_written_alike(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        struct rk_bytes in = unhex(f, v->hex);
        struct rk_packet p;
        size_t used = 0;
        assert_int_equal(rk_packet_parse(in, DATA_MAX, &p, &used), RK_PARSE_OK);
        assert_int_equal(used, in.len);
        assert_int_equal(p.type, v->type);
        assert_int_equal(p.zxid, v->zxid);
        assert_int_equal(p.id_count, -1);
        assert_null(p.ids.data);
        assert_int_equal(p.data.data == NULL, v->data_len < 0);
        assert_int_equal(p.data.len, v->data_len < 0 ? 0 : v->data_len);
        assert_string_equal(rk_packet_name(p.type), v->name);
        rk_buf_reset(&f->b);
        rk_packet_write(&f->b, p.type, p.zxid, p.data);
        assert_true(rk_bytes_equal(rk_buf_view(&f->b), in));
    }
}

static void a_request_carries_the_identities_of_its_client(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, REQUEST_HEX);
    struct rk_packet p;
    struct rk_packet_request request;
    struct rk_id ids[2];
    size_t used = 0;
    size_t at = 0;
    assert_int_equal(rk_packet_parse(in, DATA_MAX, &p, &used), RK_PARSE_OK);
    assert_int_equal(used, in.len);
    assert_true(rk_packet_parse_request(&p, &request));
    assert_int_equal(request.session, 0x0100001b2ff80001);
    assert_int_equal(request.cxid, 1);
    assert_int_equal(request.op, 1);
    assert_int_equal(request.body.len, 0x3f - 16);
    assert_int_equal(p.id_count, 2);
    assert_true(rk_packet_next_id(&p, &at, &ids[0]));
    assert_true(rk_packet_next_id(&p, &at, &ids[1]));
    assert_false(rk_packet_next_id(&p, &at, &ids[1]));
    assert_true(rk_bytes_is(ids[0].scheme, "ip"));
    assert_true(rk_bytes_is(ids[0].id, "127.0.0.1"));
    assert_true(rk_bytes_is(ids[1].scheme, "digest"));
    assert_true(rk_bytes_is(ids[1].id, "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="));
    rk_packet_write_request(&f->b, request.session, request.cxid, request.op, request.body, ids, 2,
                            false);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), in));
}

static void a_request_without_identities_says_so_in_two_ways(void **state)
{
    struct fixture *f = *state;
    struct rk_packet p;
    struct rk_packet_request request;
    size_t used = 0;
    size_t at = 0;
    struct rk_id id;
    rk_packet_write_request(&f->b, 5, 0, -11, rk_bytes_of("", 0), NULL, 0, false);
    assert_int_equal(rk_packet_parse(rk_buf_view(&f->b), 16, &p, &used), RK_PARSE_OK);
    assert_int_equal(p.id_count, 0);
    assert_int_equal(p.ids.len, 4);
    assert_false(rk_packet_next_id(&p, &at, &id));
    assert_true(rk_packet_parse_request(&p, &request));
    assert_int_equal(request.op, -11);
    assert_int_equal(request.body.len, 0);
    assert_non_null(request.body.data);
    rk_buf_reset(&f->b);
    rk_packet_write_request(&f->b, 5, 0, -10, rk_bytes_of("\0\0\x17\x70", 4), NULL, 0, true);
    assert_int_equal(rk_packet_parse(rk_buf_view(&f->b), 20, &p, &used), RK_PARSE_OK);
    assert_int_equal(p.id_count, -1);
    at = 0;
    assert_false(rk_packet_next_id(&p, &at, &id));
    p.data.len = 15;
    assert_false(rk_packet_parse_request(&p, &request));
    p.data = (struct rk_bytes){NULL, 0};
    assert_false(rk_packet_parse_request(&p, &request));
}

static void identities_may_have_null_parts(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, "00000001 0000000000000000 ffffffff 00000002 "
                                  "ffffffff 00000000 00000001 61 ffffffff");
    struct rk_packet p;
    struct rk_id id;
    size_t used = 0;
    size_t at = 0;
    assert_int_equal(rk_packet_parse(in, 1, &p, &used), RK_PARSE_OK);
    assert_true(rk_packet_next_id(&p, &at, &id));
    assert_null(id.scheme.data);
    assert_non_null(id.id.data);
    assert_int_equal(id.id.len, 0);
    assert_true(rk_packet_next_id(&p, &at, &id));
    assert_true(rk_bytes_is(id.scheme, "a"));
    assert_null(id.id.data);
    assert_false(rk_packet_next_id(&p, &at, &id));
}

static void a_count_below_minus_one_is_an_empty_list(void **state)
{
    struct fixture *f = *state;
    struct rk_packet p;
    struct rk_id id;
    size_t used = 0;
    size_t at = 0;
    assert_int_equal(
        rk_packet_parse(unhex(f, "00000003 0000000000000000 ffffffff fffffff0"), 0, &p, &used),
        RK_PARSE_OK);
    assert_int_equal(p.id_count, 0);
    assert_int_equal(used, 20);
    assert_false(rk_packet_next_id(&p, &at, &id));
}

static void packets_that_cannot_become_right_are_bad(void **state)
{
    static const char *const bad[] = {
        "00000003 0000000000000000 fffffffe",          /* length of data below -1 */
        "00000003 0000000000000000 00000011",          /* more data than 16 */
        "00000003 0000000000000000 7fffffff",          /* the same, by far */
        "00000003 0000000000000000 80000000",          /* negative */
        "00000003 0000000000000000 ffffffff 00000041", /* 65 identities */
        "00000003 0000000000000000 ffffffff 7fffffff",
        "00000003 0000000000000000 ffffffff 00000001 fffffffe",
        "00000003 0000000000000000 ffffffff 00000001 00000011",
        "00000003 0000000000000000 ffffffff 00000001 00000001 61 80000000",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rk_packet p = {.type = 77};
        size_t used = 77;
        assert_int_equal(rk_packet_parse(unhex(f, bad[i]), 16, &p, &used), RK_PARSE_BAD);
        assert_int_equal(p.type, 77);
        assert_int_equal(used, 77);
    }
}

static void sixty_four_identities_are_accepted(void **state)
{
    struct fixture *f = *state;
    struct rk_id ids[RK_PACKET_IDS_MAX];
    struct rk_packet p;
    struct rk_id id;
    size_t used = 0;
    size_t at = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < RK_PACKET_IDS_MAX; i++) {
        ids[i] = (struct rk_id){rk_bytes_str("ip"), rk_bytes_str("10.0.0.1")};
    }
    rk_packet_write_request(&f->b, 1, 2, 3, rk_bytes_of("", 0), ids, RK_PACKET_IDS_MAX, false);
    assert_int_equal(rk_packet_parse(rk_buf_view(&f->b), 16, &p, &used), RK_PARSE_OK);
    while (rk_packet_next_id(&p, &at, &id)) {
        assert_true(rk_bytes_is(id.id, "10.0.0.1"));
        count++;
    }
    assert_int_equal(count, RK_PACKET_IDS_MAX);
}

static void data_can_be_written_in_place(void **state)
{
    struct fixture *f = *state;
    struct rk_packet p;
    size_t used = 0;
    rk_buf_put_u8(&f->b, 0xee);
    size_t mark = rk_packet_begin(&f->b, RK_PACKET_ACK_EPOCH, 0x100000002);
    rk_buf_put_i32(&f->b, 1);
    rk_packet_end(&f->b, mark);
    struct rk_bytes all = rk_buf_view(&f->b);
    assert_true(rk_bytes_equal(rk_bytes_of(all.data + 1, all.len - 1),
                               unhex(f, "00000012 0000000100000002 00000004 00000001 ffffffff")));
    rk_buf_reset(&f->b);
    rk_packet_end(&f->b, rk_packet_begin(&f->b, RK_PACKET_PING, 0));
    assert_int_equal(rk_packet_parse(rk_buf_view(&f->b), 0, &p, &used), RK_PARSE_OK);
    assert_non_null(p.data.data);
    assert_int_equal(p.data.len, 0);
}

static void a_buffer_that_is_full_stays_failed(void **state)
{
    struct fixture *f = *state;
    struct rk_buf small;
    rk_buf_init(&small, &f->mem, 10);
    size_t mark = rk_packet_begin(&small, RK_PACKET_PING, 0);
    rk_packet_end(&small, mark);
    assert_true(small.failed);
    rk_buf_deinit(&small);
}

static void learner_info_is_read_by_its_length(void **state)
{
    static const struct {
        uint32_t len;
        bool is_ok;
        int32_t protocol;
        int64_t config;
    } cases[] = {{0, false, 0, 0},        {7, false, 0, 0},        {8, true, 1, 0},
                 {11, true, 1, 0},        {12, true, 0x10000, 0},  {19, true, 0x10000, 0},
                 {20, true, 0x10000, 77}, {21, true, 0x10000, 77}, {400, true, 0x10000, 77}};
    uint8_t data[400] = {0};
    data[7] = 3;
    data[9] = 1;
    data[19] = 77;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_learner_info info = {.sid = 99};
        uint8_t *copy = exact_copy(rk_bytes_of(data, cases[i].len));
        struct rk_packet p = {.data = {copy, cases[i].len}};
        assert_int_equal(rk_packet_parse_learner_info(&p, &info), cases[i].is_ok);
        assert_int_equal(info.sid, cases[i].is_ok ? 3 : 99);
        if (cases[i].is_ok) {
            assert_int_equal(info.protocol_version, cases[i].protocol);
            assert_int_equal(info.config_version, cases[i].config);
        }
        free(copy);
    }
    struct rk_learner_info info;
    struct rk_packet null = {.type = RK_PACKET_FOLLOWER_INFO};
    assert_false(rk_packet_parse_learner_info(&null, &info));
}

static void touched_sessions_come_one_by_one(void **state)
{
    struct fixture *f = *state;
    struct rk_packet p = {.type = RK_PACKET_PING};
    rk_session_id session = 0;
    int32_t timeout_ms = 0;
    size_t at = 0;
    assert_false(rk_packet_next_touch(&p, &at, &session, &timeout_ms));
    p.data = unhex(f, "0100001b2ff80001 00001770 0200000000000002 00000fa0 02000000000000");
    assert_true(rk_packet_next_touch(&p, &at, &session, &timeout_ms));
    assert_int_equal(session, 0x0100001b2ff80001);
    assert_int_equal(timeout_ms, 6000);
    assert_true(rk_packet_next_touch(&p, &at, &session, &timeout_ms));
    assert_int_equal(session, 0x0200000000000002);
    assert_int_equal(timeout_ms, 4000);
    assert_false(rk_packet_next_touch(&p, &at, &session, &timeout_ms));
    assert_int_equal(at, 24);
}

static void types_have_names(void **state)
{
    (void)state;
    for (int32_t type = RK_PACKET_REQUEST; type <= RK_PACKET_INFORM_AND_ACTIVATE; type++) {
        assert_true(strlen(rk_packet_name(type)) > 2);
    }
    assert_string_equal(rk_packet_name(0), "?");
    assert_string_equal(rk_packet_name(20), "?");
    assert_string_equal(rk_packet_name(INT32_MIN), "?");
}

/* -- election ---------------------------------------------------------------------------------- */

static void apaches_initial_message_is_understood_and_written_alike(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, INITIAL_HEX "ff");
    struct rk_peer_initial m;
    size_t used = 0;
    assert_int_equal(rk_peer_parse_initial(in, &m, &used), RK_PARSE_OK);
    assert_int_equal(used, in.len - 1);
    assert_int_equal(m.version, RK_PEER_PROTOCOL_V1);
    assert_int_equal(m.sid, 2);
    assert_true(rk_bytes_is(m.addresses, "127.0.0.1:21222"));
    rk_peer_write_initial(&f->b, 2, m.addresses);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), rk_bytes_of(in.data, used)));
}

static void initial_messages_of_others_are_bad(void **state)
{
    static const char *const bad[] = {
        "0000000000000002",                                  /* the ancient form */
        "ffffffffffff0002",                                  /* an unknown version */
        "ffffffffffff0000 0000000000000002 00000000",        /* no address */
        "ffffffffffff0000 0000000000000002 ffffffff",        /* null */
        "ffffffffffff0001 0000000000000002 00000801 616263", /* 2049 bytes */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rk_peer_initial m = {.sid = 77};
        size_t used = 77;
        assert_int_equal(rk_peer_parse_initial(unhex(f, bad[i]), &m, &used), RK_PARSE_BAD);
        assert_int_equal(m.sid, 77);
        assert_int_equal(used, 77);
    }
}

static void the_longest_initial_message_is_accepted(void **state)
{
    struct fixture *f = *state;
    uint8_t in[RK_PEER_INITIAL_BYTES_MAX + 1];
    struct rk_peer_initial m;
    size_t used = 0;
    struct rk_bytes head = unhex(f, "ffffffffffff0001 7fffffffffffffff 00000800");
    memset(in, 'a', sizeof(in));
    memcpy(in, head.data, head.len);
    assert_int_equal(rk_peer_parse_initial(rk_bytes_of(in, sizeof(in)), &m, &used), RK_PARSE_OK);
    assert_int_equal(used, RK_PEER_INITIAL_BYTES_MAX);
    assert_int_equal(m.version, RK_PEER_PROTOCOL_V2);
    assert_int_equal(m.sid, INT64_MAX);
    assert_int_equal(m.addresses.len, 2048);
}

static void the_first_address_that_can_be_dialed_is_taken(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: none */
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:3888", "127.0.0.1", 3888},
        {"zk1.example.org:3888", "zk1.example.org", 3888},
        {"[::1]:3888", "::1", 3888},
        {"[0:0:0:0:0:0:0:1]:3888", "0:0:0:0:0:0:0:1", 3888},
        {"0.0.0.0:3888|10.0.0.2:3889", "10.0.0.2", 3889},
        {"[::]:3888|[0:0:0:0:0:0:0:0]:3888|b:1", "b", 1},
        {"a:1|b:2", "a", 1},
        {"nonsense|b:65535", "b", 65535},
        {"0.0.0.0:3888", NULL, 0},
        {"[::]:3888", NULL, 0},
        {"", NULL, 0},
        {"|", NULL, 0},
        {"a", NULL, 0},
        {"a:", NULL, 0},
        {":3888", NULL, 0},
        {"a:0", NULL, 0},
        {"a:-1", NULL, 0},
        {"a:65536", NULL, 0},
        {"a:3888x", NULL, 0},
        {"::1:3888", NULL, 0},
        {"[::1]", NULL, 0},
        {"[::1]3888", NULL, 0},
        {"[::1", NULL, 0},
        {"[]:1", NULL, 0},
        {"[", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_bytes host = {NULL, 0};
        uint16_t port = 0;
        uint8_t *copy = exact_copy(rk_bytes_str(cases[i].text));
        struct rk_bytes in = rk_bytes_of(copy, strlen(cases[i].text));
        assert_int_equal(rk_peer_first_address(in, &host, &port), cases[i].host != NULL);
        if (cases[i].host != NULL) {
            assert_true(rk_bytes_is(host, cases[i].host));
        }
        assert_int_equal(port, cases[i].port);
        free(copy);
    }
}

static void apaches_notification_is_understood_and_written_alike(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes in = unhex(f, NOTIFICATION_HEX);
    struct rk_bytes body;
    struct rk_notification n;
    size_t used = 0;
    assert_int_equal(rk_peer_parse_frame(in, &body, &used), RK_PARSE_OK);
    assert_int_equal(used, in.len);
    assert_int_equal(body.len, in.len - 4);
    assert_true(rk_peer_parse_notification(body, &n));
    assert_int_equal(n.state, RK_PEER_LOOKING);
    assert_int_equal(n.leader, 2);
    assert_int_equal(n.zxid, 0);
    assert_int_equal(n.round, 1);
    assert_int_equal(n.peer_epoch, 0);
    assert_int_equal(n.version, RK_NOTIFICATION_VERSION);
    assert_true(rk_bytes_is(n.config, CONFIG_TEXT));
    rk_peer_write_notification(&f->b, &n);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), in));
}

#define HEAD28 "00000002 0000000000000003 0000000500000007 0000000000000009"
#define HEAD36 HEAD28 " 0000000000000006"

static void notifications_of_every_age_are_read(void **state)
{
    static const struct {
        const char *hex;
        int64_t peer_epoch;
        int32_t version;
        int config_len; /* -1: null */
    } cases[] = {
        {HEAD28, 5, 0, -1},
        {HEAD36 "00000001", 6, 0, -1}, /* 40 bytes: the version is not read */
        {HEAD36 "00000001 00", 6, 1, -1},
        {HEAD36 "00000001 00000000", 6, 1, -1},
        {HEAD36 "fffffff0 00000000", 6, -16, -1},
        {HEAD36 "00000002 00000000", 6, 2, 0},
        {HEAD36 "00000002 00000002 6162", 6, 2, 2},
        {HEAD36 "00000003 00000002 6162 ffff", 6, 3, 2},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_bytes hex = unhex(f, cases[i].hex);
        uint8_t *copy = exact_copy(hex);
        struct rk_notification n;
        assert_true(rk_peer_parse_notification(rk_bytes_of(copy, hex.len), &n));
        assert_int_equal(n.state, RK_PEER_LEADING);
        assert_int_equal(n.leader, 3);
        assert_int_equal(n.zxid, 0x500000007);
        assert_int_equal(n.round, 9);
        assert_int_equal(n.peer_epoch, cases[i].peer_epoch);
        assert_int_equal(n.version, cases[i].version);
        assert_int_equal(n.config.data == NULL, cases[i].config_len < 0);
        assert_int_equal(n.config.len, cases[i].config_len < 0 ? 0 : cases[i].config_len);
        free(copy);
    }
}

static void notifications_that_lie_are_skipped(void **state)
{
    static const char *const bad[] = {
        "",
        "00000000 0000000000000002 0000000000000000 00000000000000",   /* 27 */
        HEAD28 " 00",                                                  /* 29 */
        HEAD28 " 00000000000000",                                      /* 35 */
        HEAD36,                                                        /* 36 */
        HEAD36 "000000",                                               /* 39 */
        HEAD36 "00000002 00",                                          /* 41 */
        HEAD36 "00000002 000000",                                      /* 43 */
        HEAD36 "00000002 00000001",                                    /* config missing */
        HEAD36 "00000002 ffffffff",                                    /* config null */
        HEAD36 "00000002 80000000",                                    /* config negative */
        HEAD36 "00000002 00000003 6162",                               /* config short */
        "00000004 0000000000000002 0000000000000000 0000000000000001", /* state */
        "ffffffff 0000000000000002 0000000000000000 0000000000000001",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rk_bytes hex = unhex(f, bad[i]);
        uint8_t *copy = exact_copy(hex);
        struct rk_notification n = {.leader = 77};
        assert_false(rk_peer_parse_notification(rk_bytes_of(copy, hex.len), &n));
        assert_int_equal(n.leader, 77);
        free(copy);
    }
}

static void a_notification_without_config_is_written_as_empty(void **state)
{
    struct fixture *f = *state;
    struct rk_notification n = {.state = RK_PEER_OBSERVING, .leader = RK_SID_NONE, .version = 2};
    struct rk_notification back;
    struct rk_bytes body;
    size_t used = 0;
    rk_peer_write_notification(&f->b, &n);
    assert_int_equal(rk_peer_parse_frame(rk_buf_view(&f->b), &body, &used), RK_PARSE_OK);
    assert_int_equal(body.len, 44);
    assert_true(rk_peer_parse_notification(body, &back));
    assert_int_equal(back.leader, INT64_MIN);
    assert_int_equal(back.config.len, 0);
    rk_buf_reset(&f->b);
    n.version = 1;
    rk_peer_write_notification(&f->b, &n);
    assert_int_equal(f->b.len, 44);
}

static void frames_of_impossible_length_are_bad(void **state)
{
    static const char *const bad[] = {"00000000", "ffffffff", "80000000", "00080001", "7fffffff"};
    struct fixture *f = *state;
    struct rk_bytes body = {NULL, 77};
    size_t used = 77;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(rk_peer_parse_frame(unhex(f, bad[i]), &body, &used), RK_PARSE_BAD);
    }
    assert_int_equal(rk_peer_parse_frame(unhex(f, "00080000"), &body, &used), RK_PARSE_MORE);
    assert_int_equal(body.len, 77);
    assert_int_equal(used, 77);
}

/* -- hostile bytes ----------------------------------------------------------------------------- */

/* Everything that can be asked of these bytes; none of it may leave them. */
static enum rk_parse parse_as(int kind, struct rk_bytes in, size_t *ret_used)
{
    struct rk_peer_initial initial;
    struct rk_notification n;
    struct rk_packet p;
    struct rk_packet_request request;
    struct rk_learner_info info;
    struct rk_bytes body;
    struct rk_bytes host;
    struct rk_id id;
    enum rk_parse result;
    size_t at = 0;
    uint16_t port;
    int64_t session;
    int32_t timeout_ms;
    if (kind == 0) {
        result = rk_peer_parse_initial(in, &initial, ret_used);
        if (result == RK_PARSE_OK) {
            (void)rk_peer_first_address(initial.addresses, &host, &port);
        }
    } else if (kind == 1) {
        result = rk_peer_parse_frame(in, &body, ret_used);
        if (result == RK_PARSE_OK) {
            (void)rk_peer_parse_notification(body, &n);
        }
    } else {
        result = rk_packet_parse(in, 100, &p, ret_used);
        if (result == RK_PARSE_OK) {
            uint32_t count = 0;
            (void)rk_packet_parse_request(&p, &request);
            (void)rk_packet_parse_learner_info(&p, &info);
            while (rk_packet_next_id(&p, &at, &id)) {
                count++;
            }
            assert_int_equal(count, p.id_count < 0 ? 0 : p.id_count);
            at = 0;
            while (rk_packet_next_touch(&p, &at, &session, &timeout_ms)) {
            }
        }
    }
    assert_true(result != RK_PARSE_OK || *ret_used <= in.len);
    return result;
}

static struct rk_bytes sample(struct fixture *f, size_t index, int *ret_kind)
{
    size_t count = sizeof(vectors) / sizeof(vectors[0]);
    *ret_kind = index == count ? 0 : index == count + 1 ? 1 : 2;
    if (index < count) {
        return unhex(f, vectors[index].hex);
    }
    return unhex(f, index == count       ? INITIAL_HEX
                    : index == count + 1 ? NOTIFICATION_HEX
                                         : REQUEST_HEX);
}

#define SAMPLES (sizeof(vectors) / sizeof(vectors[0]) + 3)

static void every_truncation_asks_for_more(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < SAMPLES; i++) {
        int kind;
        struct rk_bytes whole = sample(f, i, &kind);
        for (uint32_t len = 0; len < whole.len; len++) {
            size_t used = 0;
            uint8_t *copy = exact_copy(rk_bytes_of(whole.data, len));
            assert_int_equal(parse_as(kind, rk_bytes_of(copy, len), &used), RK_PARSE_MORE);
            free(copy);
        }
        size_t used = 0;
        assert_int_equal(parse_as(kind, whole, &used), RK_PARSE_OK);
        assert_int_equal(used, whole.len);
    }
}

static void random_mutations_stay_inside(void **state)
{
    struct fixture *f = *state;
    struct rk_prng prng;
    rk_prng_init(&prng, 1);
    for (size_t i = 0; i < SAMPLES; i++) {
        int kind;
        struct rk_bytes whole = sample(f, i, &kind);
        for (int round = 0; round < 3000; round++) {
            uint32_t len = (uint32_t)rk_prng_below(&prng, whole.len + 1);
            uint8_t *copy = exact_copy(rk_bytes_of(whole.data, len));
            for (uint32_t hits = 0; len > 0 && hits < 3; hits++) {
                static const uint8_t values[] = {0, 1, 0x40, 0x7f, 0x80, 0xff};
                uint64_t at = rk_prng_below(&prng, len);
                copy[at] = rk_prng_below(&prng, 2) == 0 ? values[rk_prng_below(&prng, 6)]
                                                        : (uint8_t)rk_prng_below(&prng, 256);
            }
            size_t used = 0;
            (void)parse_as(kind, rk_bytes_of(copy, len), &used);
            free(copy);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(apaches_packets_are_understood_and_written_alike),
        TEST(a_request_carries_the_identities_of_its_client),
        TEST(a_request_without_identities_says_so_in_two_ways),
        TEST(identities_may_have_null_parts),
        TEST(a_count_below_minus_one_is_an_empty_list),
        TEST(packets_that_cannot_become_right_are_bad),
        TEST(sixty_four_identities_are_accepted),
        TEST(data_can_be_written_in_place),
        TEST(a_buffer_that_is_full_stays_failed),
        TEST(learner_info_is_read_by_its_length),
        TEST(touched_sessions_come_one_by_one),
        TEST(types_have_names),
        TEST(apaches_initial_message_is_understood_and_written_alike),
        TEST(initial_messages_of_others_are_bad),
        TEST(the_longest_initial_message_is_accepted),
        TEST(the_first_address_that_can_be_dialed_is_taken),
        TEST(apaches_notification_is_understood_and_written_alike),
        TEST(notifications_of_every_age_are_read),
        TEST(notifications_that_lie_are_skipped),
        TEST(a_notification_without_config_is_written_as_empty),
        TEST(frames_of_impossible_length_are_bad),
        TEST(every_truncation_asks_for_more),
        TEST(random_mutations_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
