/* Against Apache: every record with values chosen and encoded by Apache's own classes
 * (apache/JuteVectors.java), frames captured from its servers, and the payloads of a log that 3.8.0
 * wrote (apache/log_payloads.txt: type and hex, one record a line). Names, order
 * and values of fields are compared, not just the bytes, so that two neighbours swapped in the
 * schema are found. */
#include "proto_support.h"

#include "proto/opcode.h"
#include "proto/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define LINE_MAX_BYTES 4096

/* One line of the vector file: name, hex, description. */
static void check_vector(struct fixture *f, char *line)
{
    char *hex = strchr(line, ' ');
    assert_non_null(hex);
    *hex++ = '\0';
    char *text = strchr(hex, ' ');
    assert_non_null(text);
    *text++ = '\0';
    text[strcspn(text, "\n")] = '\0';
    const struct rk_proto_record *t = record_named(line, strlen(line));
    struct rk_bytes bytes = unhex(f, hex);
    union rk_proto_any v;
    struct rk_reader r;
    rk_reader_init(&r, bytes, bytes.len);
    assert_true(t->read(&r, &f->a, &v));
    assert_int_equal(rk_reader_left(&r), 0);
    rk_buf_reset(&f->b);
    describe_record(&f->b, t, &v);
    rk_buf_put_u8(&f->b, 0);
    assert_string_equal((const char *)f->b.data, text);
    rk_buf_reset(&f->b);
    t->write(&f->b, &v);
    assert_false(f->b.failed);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), bytes));
}

static void every_record_is_as_apache_encodes_it(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(RK_TEST_APACHE_VECTORS, "r");
    assert_non_null(file);
    char *line = malloc(LINE_MAX_BYTES);
    assert_non_null(line);
    uint32_t seen[RK_PROTO_RECORD_COUNT] = {0};
    while (fgets(line, LINE_MAX_BYTES, file) != NULL) {
        assert_non_null(strchr(line, '\n'));
        check_vector(f, line);
        seen[record_named(line, strlen(line)) - rk_proto_records]++;
        rk_arena_reset(&f->a);
    }
    assert_int_equal(fclose(file), 0);
    free(line);
    for (uint32_t i = 0; i < RK_PROTO_RECORD_COUNT; i++) {
        if (seen[i] == 0) {
            fail_msg("no vector for %s", rk_proto_records[i].name);
        }
    }
}

static void check_payload(struct fixture *f, int32_t type, struct rk_bytes payload)
{
    struct rk_txn txn;
    assert_int_equal(rk_txn_decode(payload, &f->a, 1 << 21, &txn), RK_OK);
    assert_int_equal(txn.type, type);
    /* Only the error of a single operation comes without one. */
    assert_int_equal(txn.has_digest, type != RK_OP_ERROR);
    assert_int_equal(txn.digest.version, txn.has_digest ? 2 : 0);
    rk_buf_reset(&f->b);
    rk_txn_encode(&f->b, &txn);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), payload));
    int32_t elements = type == RK_OP_MULTI ? txn.body.multi.txns.count : 0;
    for (int32_t i = 0; i < elements; i++) {
        const struct rk_sub_txn *sub = &txn.body.multi.txns.items[i];
        struct rk_txn element;
        assert_int_equal(rk_txn_decode_body(sub->type, sub->data, &f->a, 1 << 21, &element), RK_OK);
        rk_buf_reset(&f->b);
        rk_txn_encode_body(&f->b, &element);
        assert_true(rk_bytes_equal(rk_buf_view(&f->b), sub->data));
    }
}

static void every_record_of_a_log_comes_out_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(RK_TEST_APACHE_LOG, "r");
    assert_non_null(file);
    char *line = malloc(LINE_MAX_BYTES);
    assert_non_null(line);
    uint32_t count = 0;
    while (fgets(line, LINE_MAX_BYTES, file) != NULL) {
        char *hex = NULL;
        long type = strtol(line, &hex, 10);
        line[strcspn(line, "\n")] = '\0';
        check_payload(f, (int32_t)type, unhex(f, hex));
        rk_arena_reset(&f->a);
        count++;
    }
    assert_int_equal(fclose(file), 0);
    free(line);
    assert_int_equal(count, 23);
}

struct capture {
    const char *what;
    const char *hex;
    const char *records; /* in order; "frame" first where the bytes start with a frame's length */
};

static const struct capture captures[] = {
    {"connect",
     "0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010 "
     "00000000000000000000000000000000 00",
     "frame connect_request"},
    {"connected",
     "00000025 00000000 00002710 010000238f1c0000 00000010 a695ddbf3b0d697bf46f02f27c2b319e 00",
     "frame connect_response"},
    {"old client connects",
     "0000002c 00000000 0000000000000000 00002710 0000000000000000 00000010 "
     "00000000000000000000000000000000",
     "frame connect_request"},
    {"old client connected",
     "00000024 00000000 00002710 010000238f1c0000 00000010 a695ddbf3b0d697bf46f02f27c2b319e",
     "frame connect_response"},
    {"session gone",
     "00000025 00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00",
     "frame connect_response"},
    {"create",
     "00000033 00000001 00000001 000000022f76 000000026869 00000001 0000001f 00000005776f726c64 "
     "00000006616e796f6e65 00000000",
     "frame request_header create_request"},
    {"created", "00000016 00000001 0000000000000002 00000000 000000022f76",
     "frame reply_header create_response"},
    {"getData", "0000000f 00000002 00000004 000000022f76 01",
     "frame request_header get_data_request"},
    {"data",
     "0000005a 00000002 0000000000000002 00000000 000000026869 0000000000000002 0000000000000002 "
     "000001a204d000b3 000001a204d000b3 00000000 00000000 00000000 0000000000000000 00000002 "
     "00000000 0000000000000002",
     "frame reply_header get_data_response"},
    {"setData", "00000017 00000003 00000005 000000022f76 0000000178 00000000",
     "frame request_header set_data_request"},
    {"event of 3.8", "0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 000000022f76",
     "frame reply_header watcher_event"},
    {"event since 3.9",
     "0000001e ffffffff 0000000000000003 00000000 00000003 00000003 000000022f76",
     "frame reply_header watcher_event"},
    {"data set",
     "00000054 00000003 0000000000000003 00000000 0000000000000002 0000000000000003 "
     "000001a204d000b3 000001a204d000c7 00000001 00000000 00000000 0000000000000000 00000001 "
     "00000000 0000000000000002",
     "frame reply_header set_data_response"},
    {"no node", "00000010 00000004 0000000000000003 ffffff9b", "frame reply_header"},
    {"multi",
     "00000069 00000005 0000000e 00000001 00 ffffffff 000000022f6d 00000000 00000001 0000001f "
     "00000005776f726c64 00000006616e796f6e65 00000000 0000000d 00 ffffffff 000000022f76 00000001 "
     "00000002 00 ffffffff 000000022f6d ffffffff ffffffff 01 ffffffff",
     "frame request_header multi_header create_request multi_header check_version_request "
     "multi_header delete_request multi_header"},
    {"multi done",
     "0000003a 00000005 0000000000000004 00000000 00000001 00 00000000 000000022f6d 0000000d 00 "
     "00000000 00000002 00 00000000 ffffffff 01 ffffffff",
     "frame reply_header multi_header create_response multi_header multi_header multi_header"},
    {"multi failed",
     "00000040 00000006 0000000000000005 00000000 ffffffff 00 00000000 00000000 ffffffff 00 "
     "ffffff99 ffffff99 ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff",
     "frame reply_header multi_header error_response multi_header error_response multi_header "
     "error_response multi_header"},
    {"ping", "00000008 fffffffe 0000000b", "frame request_header"},
    {"setWatches2",
     "00000033 fffffff8 00000069 0000000000000001 00000001 000000022f76 00000001 "
     "000000052f6e6f6e65 00000000 00000000 00000000",
     "frame request_header set_watches2"},
    {"create2",
     "00000034 00000007 0000000f 000000052f762f732d ffffffff 00000001 0000001f 00000005776f726c64 "
     "00000006616e796f6e65 00000002",
     "frame request_header create_request"},
    {"created2",
     "00000067 00000007 0000000000000006 00000000 0000000f2f762f732d30303030303030303030 "
     "0000000000000006 0000000000000006 000001a204d000df 000001a204d000df 00000000 00000000 "
     "00000000 0000000000000000 00000000 00000000 0000000000000006",
     "frame reply_header create2_response"},
    {"addWatch", "00000012 00000008 0000006a 000000022f76 00000001",
     "frame request_header add_watch_request"},
    {"watch added", "00000014 00000008 0000000000000006 00000000 00000000",
     "frame reply_header error_response"},
    {"getChildren2", "0000000f 00000009 0000000c 000000022f76 00",
     "frame request_header get_children2_request"},
    {"children",
     "00000068 00000009 0000000000000006 00000000 00000001 0000000c732d30303030303030303030 "
     "0000000000000002 0000000000000003 000001a204d000b3 000001a204d000c7 00000001 00000001 "
     "00000000 0000000000000000 00000001 00000001 0000000000000006",
     "frame reply_header get_children2_response"},
    {"auth", "0000001d fffffffc 00000064 00000000 00000006646967657374 00000003753a70",
     "frame request_header auth_packet"},
    {"closeSession", "00000008 0000000a fffffff5", "frame request_header"},
    {"read-only server",
     "00000025 00000000 00002710 0100001fabc60000 00000010 d8a7c61485b8162b76da10dbd650ddb8 01",
     "frame connect_response"},
    {"FOLLOWERINFO",
     "0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000 ffffffff",
     "quorum_packet"},
    {"LEADERINFO", "00000011 0000000100000000 00000004 00010000 ffffffff", "quorum_packet"},
    {"DIFF", "0000000d 0000000000000000 ffffffff ffffffff", "quorum_packet"},
    {"PING without sessions", "00000005 0000000100000000 00000000 ffffffff", "quorum_packet"},
    {"PROPOSAL",
     "00000002 0000000100000008 0000005c 0100001b2ff80001 00000001 0000000100000008 "
     "000001a204c8fe0a 00000001 00000003 2f6631 00000005 68656c6c6f 00000001 0000001f 00000005 "
     "776f726c64 00000006 616e796f6e65 00 00000001 00000002 000000021168304f ffffffff",
     "quorum_packet"},
    {"REQUEST",
     "00000001 ffffffffffffffff 0000003f 0100001b2ff80001 00000001 00000001 00000003 2f6631 "
     "00000005 68656c6c6f 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000000 "
     "00000002 00000002 6970 00000009 3132372e302e302e31 00000006 646967657374 0000001e "
     "753a4a7137774d79412f7732566435574944414b6475344f49494645513d",
     "quorum_packet"},
};

static void check_capture(struct fixture *f, const struct capture *c)
{
    struct rk_bytes bytes = unhex(f, c->hex);
    struct rk_reader r;
    rk_reader_init(&r, bytes, bytes.len);
    rk_buf_reset(&f->b);
    const char *at = c->records;
    while (*at != '\0') {
        size_t len = strcspn(at, " ");
        if (len == 5 && memcmp(at, "frame", 5) == 0) {
            int32_t frame_bytes = rk_read_i32(&r);
            assert_int_equal(frame_bytes, rk_reader_left(&r));
            rk_buf_put_i32(&f->b, frame_bytes);
        } else {
            const struct rk_proto_record *t = record_named(at, len);
            union rk_proto_any v;
            if (!t->read(&r, &f->a, &v)) {
                fail_msg("%s: %s does not decode", c->what, t->name);
            }
            t->write(&f->b, &v);
        }
        at += len + (at[len] == ' ');
    }
    if (rk_reader_left(&r) != 0 || !rk_bytes_equal(rk_buf_view(&f->b), bytes)) {
        fail_msg("%s: does not come out as it went in", c->what);
    }
}

static void captured_frames_come_out_as_they_went_in(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
        check_capture(f, &captures[i]);
        rk_arena_reset(&f->a);
    }
}

/* A fresh 3.8.0 server's snapshot.0. */
static const char snapshot_hex[] =
    "5a4b534e 00000002 ffffffffffffffff 00000000 00000001 0000000000000001 00000001 00000001 "
    "00000005 776f726c64 00000006 616e796f6e65 "
    "00000000 00000000 ffffffffffffffff "
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 "
    "00000000 0000000000000000 0000000000000000 "
    "0000000a 2f7a6f6f6b6565706572 00000000 ffffffffffffffff "
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 "
    "00000000 0000000000000000 0000000000000000 "
    "00000011 2f7a6f6f6b65657065722f636f6e666967 00000000 0000000000000001 "
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 "
    "ffffffff 0000000000000000 0000000000000000 "
    "00000010 2f7a6f6f6b65657065722f71756f7461 00000000 ffffffffffffffff "
    "0000000000000000 0000000000000000 0000000000000000 0000000000000000 00000000 00000000 "
    "00000000 0000000000000000 0000000000000000 "
    "00000001 2f 00000000b8a23b49 00000001 2f "
    "0000000000000000 00000002 0000000000000000 0000000095b93d59 00000001 2f";

static void a_fresh_snapshot_is_read_record_by_record(void **state)
{
    struct fixture *f = *state;
    struct rk_bytes bytes = unhex(f, snapshot_hex);
    assert_int_equal(bytes.len, 457);
    struct rk_reader r;
    rk_reader_init(&r, bytes, 1024);
    struct rk_file_header header;
    assert_true(rk_proto_read_file_header(&r, &f->a, &header));
    assert_int_equal(header.magic, 0x5a4b534e);
    assert_int_equal(header.version, 2);
    assert_int_equal(header.dbid, -1);
    assert_int_equal(rk_read_i32(&r), 0);
    assert_int_equal(rk_read_i32(&r), 1);
    assert_int_equal(rk_read_i64(&r), 1);
    struct rk_vec_acl acl;
    assert_true(rk_proto_read_vec_acl(&r, &f->a, &acl));
    assert_int_equal(acl.count, 1);
    assert_int_equal(acl.items[0].perms, 1);
    assert_true(rk_bytes_is(acl.items[0].id.scheme, "world"));
    assert_true(rk_bytes_is(acl.items[0].id.id, "anyone"));
    static const char *const paths[] = {"", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"};
    for (size_t i = 0; i < 4; i++) {
        bool is_config = i == 2;
        assert_true(rk_bytes_is(rk_read_bytes(&r), paths[i]));
        assert_true(rk_bytes_is(rk_read_bytes(&r), ""));
        assert_int_equal(rk_read_i64(&r), is_config ? 1 : -1);
        struct rk_stat_persisted stat;
        assert_true(rk_proto_read_stat_persisted(&r, &f->a, &stat));
        assert_int_equal(stat.aversion, is_config ? -1 : 0);
        assert_int_equal(stat.ephemeral_owner, 0);
    }
    assert_true(rk_bytes_is(rk_read_bytes(&r), "/"));
    assert_int_equal(bytes.len - rk_reader_left(&r), 411);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_record_is_as_apache_encodes_it, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(every_record_of_a_log_comes_out_as_it_went_in,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(captured_frames_come_out_as_they_went_in, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_fresh_snapshot_is_read_record_by_record, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
