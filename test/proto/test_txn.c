/* Transactions: Apache's bytes in and out, the two old layouts, digests told apart by what is left.
 */
#include "proto_support.h"

#include "proto/opcode.h"
#include "proto/txn.h"
#include "proto/zk_error.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define LIMIT 2097150u

#define HEADER(type) "0100001744450000 00000001 0000000000000002 000001a204c4a4f9 " type " "
#define ACL_OPEN     "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 "
#define DIGEST       "00000002 00000001034e08b2"

static struct rk_txn decoded(struct fixture *f, const char *hex)
{
    struct rk_txn txn;
    assert_int_equal(rk_txn_decode(unhex(f, hex), &f->a, LIMIT, &txn), RK_OK);
    assert_int_equal(txn.type, txn.header.type);
    return txn;
}

static void encodes_to(struct fixture *f, const struct rk_txn *txn, const char *hex)
{
    rk_buf_reset(&f->b);
    rk_txn_encode(&f->b, txn);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), unhex(f, hex)));
}

static enum rk_err verdict(struct fixture *f, const char *hex)
{
    struct rk_txn txn;
    struct rk_txn before;
    memset(&txn, 0x5a, sizeof(txn));
    before = txn;
    enum rk_err err = rk_txn_decode(unhex(f, hex), &f->a, LIMIT, &txn);
    if (err != RK_OK) {
        assert_memory_equal(&txn, &before, sizeof(txn));
    }
    return err;
}

static void the_first_records_of_a_log(void **state)
{
    struct fixture *f = *state;
    static const char session[] = "0100001744450000 00000000 0000000000000001 000001a204c4a4eb "
                                  "fffffff6 00001f40 00000002 0000000051c6d660";
    struct rk_txn txn = decoded(f, session);
    assert_int_equal(txn.type, RK_OP_CREATE_SESSION);
    assert_int_equal(txn.header.client_id, 0x0100001744450000);
    assert_int_equal(txn.header.cxid, 0);
    assert_int_equal(txn.header.zxid, 1);
    assert_int_equal(txn.header.time, 0x1a204c4a4eb);
    assert_int_equal(txn.body.create_session.time_out, 8000);
    assert_true(txn.has_digest);
    assert_int_equal(txn.digest.version, 2);
    assert_int_equal(txn.digest.tree_digest, 0x51c6d660);
    encodes_to(f, &txn, session);

    static const char create[] =
        HEADER("00000001") "00000002 2f61 00000001 78 " ACL_OPEN "00 00000001 " DIGEST;
    txn = decoded(f, create);
    assert_int_equal(txn.type, RK_OP_CREATE);
    assert_true(rk_bytes_is(txn.body.create.path, "/a"));
    assert_true(rk_bytes_is(txn.body.create.data, "x"));
    assert_int_equal(txn.body.create.acl.count, 1);
    assert_int_equal(txn.body.create.acl.items[0].perms, RK_PERM_ALL);
    assert_true(rk_bytes_is(txn.body.create.acl.items[0].id.id, "anyone"));
    assert_false(txn.body.create.ephemeral);
    assert_int_equal(txn.body.create.parent_cversion, 1);
    assert_int_equal(txn.digest.tree_digest, 0x1034e08b2);
    encodes_to(f, &txn, create);
}

/* One of every type; PATH and DATA are told from the expected text. */
static const struct {
    const char *hex;
    const char *text;
} samples[] = {
    {HEADER("0000000f") "00000002 2f61 ffffffff ffffffff 01 00000007 " DIGEST,
     "create2{path=\"/a\" data=null acl=null ephemeral=true parent_cversion=7} digest=0x1034e08b2"},
    {HEADER("00000013") "00000002 2f63 00000000 00000000 00000003",
     "create_container{path=\"/c\" data=0:\"\" acl=[] parent_cversion=3}"},
    {HEADER("00000015") "00000002 2f74 00000001 79 " ACL_OPEN "00000004 00000000000003e8 " DIGEST,
     "create_ttl{path=\"/t\" data=1:\"y\" acl=[{perms=31 id={scheme=\"world\" id=\"anyone\"}}] "
     "parent_cversion=4 ttl=1000} digest=0x1034e08b2"},
    {HEADER("00000002") "00000002 2f61", "delete{path=\"/a\"}"},
    {HEADER("00000014") "00000002 2f61", "delete_container{path=\"/a\"}"},
    {HEADER("00000005") "00000002 2f61 00000001 7a 00000009",
     "set_data{path=\"/a\" data=1:\"z\" version=9}"},
    {HEADER("00000010") "00000002 2f61 00000001 7a ffffffff",
     "reconfig{path=\"/a\" data=1:\"z\" version=-1}"},
    {HEADER("00000007") "00000002 2f61 " ACL_OPEN "00000002",
     "set_acl{path=\"/a\" acl=[{perms=31 id={scheme=\"world\" id=\"anyone\"}}] version=2}"},
    {HEADER("0000000d") "00000002 2f61 00000003", "check{path=\"/a\" version=3}"},
    {HEADER("fffffff6") "00001f40", "create_session{time_out=8000}"},
    {HEADER("fffffff5") "00000002 00000002 2f61 00000002 2f62 " DIGEST,
     "close_session{paths=[\"/a\" \"/b\"]} digest=0x1034e08b2"},
    {HEADER("fffffff5") "00000000 " DIGEST, "close_session{paths=[]} digest=0x1034e08b2"},
    {HEADER("fffffff5"), "close_session{paths=null}"},
    {HEADER("fffffff5") DIGEST, "close_session{paths=null} digest=0x1034e08b2"},
    {HEADER("ffffffff") "ffffff9b", "error{err=-101 NO_NODE}"},
    {HEADER("0000000e") "00000000 " DIGEST, "multi[] digest=0x1034e08b2"},
    {HEADER("0000000e") "00000004 00000002 00000006 00000002 2f61 ffffffff 00000004 fffffffe "
                        "0000000e 00000000 00000001 00000001 2f",
     "multi[delete{path=\"/a\"} error{err=-2 RUNTIME_INCONSISTENCY} multi(14, not supported) "
     "0:\"\" create(1, malformed) 1:\"/\"]"},
};

static void every_type_comes_back_and_prints(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rk_txn txn = decoded(f, samples[i].hex);
        encodes_to(f, &txn, samples[i].hex);
        rk_buf_reset(&f->b);
        rk_txn_print(&f->b, &txn);
        rk_buf_put_u8(&f->b, 0);
        static const char start[] = "zxid=0x2 session=0x100001744450000 cxid=1 time=1795376325881 ";
        assert_false(f->b.failed);
        assert_memory_equal(f->b.data, start, sizeof(start) - 1);
        assert_string_equal((const char *)f->b.data + sizeof(start) - 1, samples[i].text);
    }
}

/* Where the record may end instead: inside the digest, and before parts that old releases left out.
 * Without a body, the rest of a digest looks like a list that is damaged. */
static bool may_end_at(const struct rk_txn *txn, uint32_t len, uint32_t whole)
{
    uint32_t digest = txn->has_digest ? RK_TXN_DIGEST_BYTES_MIN : 0;
    if (txn->type == RK_OP_CLOSE_SESSION) {
        bool has_body = txn->body.close_session.paths.count >= 0;
        return len == RK_TXN_HEADER_BYTES_MIN ||
               len == RK_TXN_HEADER_BYTES_MIN + RK_TXN_DIGEST_BYTES_MIN ||
               (has_body && len >= whole - digest);
    }
    bool is_v0 = txn->type == RK_OP_CREATE && len >= whole - digest - 4;
    return len >= whole - digest || is_v0;
}

static void a_record_cut_anywhere_fails_cleanly(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct rk_txn txn = decoded(f, samples[i].hex);
        struct rk_bytes whole = unhex(f, samples[i].hex);
        for (uint32_t len = 0; len < whole.len; len++) {
            uint8_t *copy = exact_copy(rk_bytes_of(whole.data, len));
            struct rk_txn back;
            enum rk_err err = rk_txn_decode(rk_bytes_of(copy, len), &f->a, LIMIT, &back);
            if ((err == RK_OK) != may_end_at(&txn, len, whole.len)) {
                fail_msg("sample %zu cut at %u: %s", i, len, rk_err_text(err));
            }
            if (err != RK_OK) {
                assert_int_equal(err, RK_ERR_MALFORMED);
            }
            free(copy);
        }
    }
}

static void a_create_from_before_3_3_has_no_parent_version(void **state)
{
    struct fixture *f = *state;
    struct rk_txn txn = decoded(f, HEADER("00000001") "00000002 2f61 00000001 78 " ACL_OPEN "01");
    assert_true(rk_bytes_is(txn.body.create.path, "/a"));
    assert_true(rk_bytes_is(txn.body.create.data, "x"));
    assert_int_equal(txn.body.create.acl.count, 1);
    assert_true(txn.body.create.ephemeral);
    assert_int_equal(txn.body.create.parent_cversion, -1);
    assert_false(txn.has_digest);
    encodes_to(f, &txn, HEADER("00000001") "00000002 2f61 00000001 78 " ACL_OPEN "01 ffffffff");
    /* create2 is younger than that. */
    assert_int_equal(verdict(f, HEADER("0000000f") "00000002 2f61 00000001 78 " ACL_OPEN "01"),
                     RK_ERR_MALFORMED);
}

static void fewer_bytes_than_a_digest_are_none_and_more_are_ignored(void **state)
{
    struct fixture *f = *state;
    static const char delete[] = HEADER("00000002") "00000002 2f61";
    struct rk_txn txn = decoded(f, HEADER("00000002") "00000002 2f61 0000000200000001034e08");
    assert_false(txn.has_digest);
    encodes_to(f, &txn, delete);
    txn = decoded(f, HEADER("00000002") "00000002 2f61 " DIGEST "aabbcc");
    assert_true(txn.has_digest);
    encodes_to(f, &txn, HEADER("00000002") "00000002 2f61 " DIGEST);
}

static void close_session_bodies_are_told_from_digests(void **state)
{
    struct fixture *f = *state;
    struct rk_txn txn = decoded(f, HEADER("fffffff5") "00000001 00000004 2f616263");
    assert_int_equal(txn.body.close_session.paths.count, 1);
    assert_false(txn.has_digest);
    txn = decoded(f, HEADER("fffffff5") "00000002 0000000051c6d660");
    assert_int_equal(txn.body.close_session.paths.count, -1);
    assert_true(txn.has_digest);
    txn = decoded(f, HEADER("fffffff5") "ffffffff 00000000 0000000000000000");
    assert_int_equal(txn.body.close_session.paths.count, 0);
    assert_true(txn.has_digest);
    encodes_to(f, &txn, HEADER("fffffff5") "00000000 00000000 0000000000000000");
    /* A list that lies is damage, not a missing body. */
    assert_int_equal(verdict(f, HEADER("fffffff5") "00000001 0000000d 2f616263 00000000 00000000"),
                     RK_ERR_MALFORMED);
    assert_int_equal(verdict(f, HEADER("fffffff5") "000000"), RK_ERR_MALFORMED);
}

static void what_is_no_transaction_is_told_apart_from_damage(void **state)
{
    struct fixture *f = *state;
    static const char *const types[] = {"00000000", "00000003", "00000009", "0000000b", "00000016",
                                        "00000064", "fffffffe", "7fffffff", "80000000"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char hex[200] = "0100001744450000 00000001 0000000000000002 000001a204c4a4f9 ";
        strncat(hex, types[i], 8);
        strncat(hex, "00000000 00000000", 20);
        assert_int_equal(verdict(f, hex), RK_ERR_UNSUPPORTED);
    }
    assert_int_equal(verdict(f, ""), RK_ERR_MALFORMED);
    assert_int_equal(verdict(f, HEADER("0000000e") "7fffffff"), RK_ERR_MALFORMED);
    assert_int_equal(verdict(f, HEADER("00000002") "fffffffe 2f61"), RK_ERR_MALFORMED);
}

static void a_string_over_the_limit_is_malformed(void **state)
{
    struct fixture *f = *state;
    struct rk_txn txn;
    struct rk_bytes payload = unhex(f, HEADER("00000002") "00000002 2f61");
    assert_int_equal(rk_txn_decode(payload, &f->a, 2, &txn), RK_OK);
    assert_int_equal(rk_txn_decode(payload, &f->a, 1, &txn), RK_ERR_MALFORMED);
}

static void elements_of_a_multi_decode_alone(void **state)
{
    struct fixture *f = *state;
    struct rk_txn multi = decoded(f, HEADER("0000000e") "00000002 00000005 0000000f "
                                                        "00000002 2f61 00000001 7a 00000009 "
                                                        "ffffffff 00000004 ffffff99");
    assert_int_equal(multi.body.multi.txns.count, 2);
    const struct rk_sub_txn *subs = multi.body.multi.txns.items;
    struct rk_txn sub = {.header = multi.header, .has_digest = false};
    assert_int_equal(rk_txn_decode_body(subs[0].type, subs[0].data, &f->a, LIMIT, &sub), RK_OK);
    assert_int_equal(sub.type, RK_OP_SET_DATA);
    assert_int_equal(sub.header.type, RK_OP_MULTI);
    assert_int_equal(sub.body.set_data.version, 9);
    rk_buf_reset(&f->b);
    rk_txn_encode_body(&f->b, &sub);
    assert_true(rk_bytes_equal(rk_buf_view(&f->b), subs[0].data));
    assert_int_equal(rk_txn_decode_body(subs[1].type, subs[1].data, &f->a, LIMIT, &sub), RK_OK);
    assert_int_equal(sub.body.error.err, RK_ZK_BAD_VERSION);

    struct rk_bytes null = {NULL, 0};
    assert_int_equal(rk_txn_decode_body(RK_OP_DELETE, null, &f->a, LIMIT, &sub), RK_ERR_MALFORMED);
    static const int32_t alone[] = {RK_OP_MULTI,          RK_OP_SET_ACL,       RK_OP_RECONFIG,
                                    RK_OP_CREATE_SESSION, RK_OP_CLOSE_SESSION, RK_OP_GET_DATA};
    struct rk_bytes zeros = unhex(f, "00000000 00000000 00000000 00000000");
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        assert_int_equal(rk_txn_decode_body(alone[i], zeros, &f->a, LIMIT, &sub),
                         RK_ERR_UNSUPPORTED);
    }
    assert_int_equal(sub.body.error.err, RK_ZK_BAD_VERSION);
}

static void only_listed_types_are_transactions(void **state)
{
    (void)state;
    static const int32_t yes[] = {1, 2, 5, 7, 13, 14, 15, 16, 19, 20, 21, -1, -10, -11};
    for (int32_t type = -200; type < 200; type++) {
        bool is_listed = false;
        for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
            is_listed = is_listed || yes[i] == type;
        }
        assert_int_equal(rk_txn_is_type(type), is_listed);
    }
}

static void types_that_disagree_are_a_bug(void **state)
{
    struct fixture *f = *state;
    struct rk_txn txn = {.header = {.type = RK_OP_DELETE}, .type = RK_OP_ERROR};
    expect_assert_failure(rk_txn_encode(&f->b, &txn));
    txn.type = RK_OP_GET_DATA;
    expect_assert_failure(rk_txn_encode_body(&f->b, &txn));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_records_of_a_log),
        TEST(every_type_comes_back_and_prints),
        TEST(a_record_cut_anywhere_fails_cleanly),
        TEST(a_create_from_before_3_3_has_no_parent_version),
        TEST(fewer_bytes_than_a_digest_are_none_and_more_are_ignored),
        TEST(close_session_bodies_are_told_from_digests),
        TEST(what_is_no_transaction_is_told_apart_from_damage),
        TEST(a_string_over_the_limit_is_malformed),
        TEST(elements_of_a_multi_decode_alone),
        TEST(only_listed_types_are_transactions),
        TEST(types_that_disagree_are_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
