/* rookery-snapshot on snapshots of Apache 3.8.0, whole and damaged at every place. */
#include "inspect_support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "store/snap_format.h"

static void sound_snapshots_of_all_kinds_are_found_sound(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"plain/snapshot.1c", "snapshot.1c"},
                                           {"gzip/snapshot.1c.gz", "snapshot.1c.gz"},
                                           {"snappy/snapshot.1c.snappy", "snapshot.1c.snappy"},
                                           {"nodigest/snapshot.1c", "snapshot.1c"}};
    for (size_t i = 0; i < 4; i++) {
        struct bench b;
        char name[32];
        bench_open(&b);
        (void)snprintf(name, sizeof(name), "@%s", kinds[i][1]);
        bench_golden(&b, kinds[i][0], kinds[i][1]);
        assert_int_equal(SNAPSHOT(&b, "verify", name), RK_INS_OK);
        assert_true(says(b.out, "ok, 18 nodes (1 ephemeral, 1 container, 1 TTL) with 2074 bytes"));
        assert_int_equal(says(b.out, "0x1c: right"), i != 3);
        assert_int_equal(SNAPSHOT(&b, "verify", "-j", name), RK_INS_OK);
        assert_true(says(b.out, "\"verdict\":\"ok\",\"nodes\":18,"));
        assert_int_equal(SNAPSHOT(&b, "dump", name), RK_INS_OK);
        assert_true(
            says(b.out, "ZNode Details (count=19):\n----\n/\n  cZxid = 0x00000000000000\n"));
        assert_true(says(b.out, "  dataLength = 2048\n"));
        assert_true(says(b.out, ", 30000, 1\n----\nLast zxid: 0x1c\n"));
        bench_close(&b);
    }
}

static void every_flipped_byte_is_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"plain/snapshot.1c", "snappy/snapshot.1c.snappy"};
    static const char *const copies[] = {"snapshot.1c", "snapshot.1c.snappy"};
    for (size_t kind = 0; kind < 2; kind++) {
        struct bench b;
        size_t len;
        char name[32];
        bench_open(&b);
        (void)snprintf(name, sizeof(name), "@%s", copies[kind]);
        bench_golden(&b, names[kind], copies[kind]);
        uint8_t *data = bench_read(&b, copies[kind], &len);
        size_t same = 0;
        for (size_t at = 0; at < len; at++) {
            data[at] ^= 0x04;
            bench_write(&b, copies[kind], data, len);
            int status = SNAPSHOT(&b, "verify", name);
            /* Nobody looks at the versions in snappy's header, and another distance within a run
             * of zeros unpacks to the same bytes. */
            bool is_same = kind == 1 && status == RK_INS_OK && says(b.out, "0x1c: right");
            assert_true(is_same || status == RK_INS_DAMAGED);
            same += is_same ? 1 : 0;
            if (at % 11 == 0 && !is_same) {
                assert_int_equal(SNAPSHOT(&b, "dump", name), RK_INS_DAMAGED);
                assert_int_equal(b.out_len, 0); /* checked before the first line */
            }
            data[at] ^= 0x04;
        }
        assert_true(same < 40);
        free(data);
        bench_close(&b);
    }
}

static void a_cut_snapshot_is_damaged_and_its_beginning_can_be_had(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    uint8_t *data = bench_read(&b, "snapshot.1c", &len);
    uint64_t saved = 0;
    for (size_t end = 0; end < len - 33; end += 31) {
        bench_write(&b, "snapshot.1c", data, end);
        assert_int_equal(SNAPSHOT(&b, "verify", "@snapshot.1c"), RK_INS_DAMAGED);
        int status = SNAPSHOT(&b, "repair", "-y", "-o", "@fixed", "@snapshot.1c");
        assert_true(status == RK_INS_OK || status == RK_INS_DAMAGED);
        if (status == RK_INS_OK) {
            assert_true(says(b.out, "LOST: every node behind these"));
            assert_int_equal(SNAPSHOT(&b, "verify", "@fixed"), RK_INS_OK);
            assert_int_equal(remove(bench_path(&b, "fixed")), 0);
            saved++;
        }
    }
    assert_true(saved > 50);
    free(data);
    bench_close(&b);
}

static void a_wrong_checksum_is_mended_if_a_person_agrees(void **state)
{
    (void)state;
    static const char *const repair[] = {"repair", "@snapshot.1c", NULL};
    struct bench b;
    size_t len;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    assert_int_equal(bench_snapshot(&b, "", repair), RK_INS_OK);
    assert_true(says(b.out, "is sound"));
    uint8_t *data = bench_read(&b, "snapshot.1c", &len);
    data[len - 33 - 13 + 7] ^= 1; /* the last byte of the first seal */
    bench_write(&b, "snapshot.1c", data, len);
    assert_int_equal(bench_snapshot(&b, "no\n", repair), RK_INS_REFUSED);
    assert_false(bench_has(&b, "snapshot.1c.fixed"));
    assert_int_equal(bench_snapshot(&b, "yes\n", repair), RK_INS_OK);
    assert_int_equal(SNAPSHOT(&b, "verify", "@snapshot.1c.fixed"), RK_INS_OK);
    assert_true(says(b.out, "ok, 18 nodes"));
    bench_golden(&b, "plain/snapshot.1c", "whole");
    assert_int_equal(SNAPSHOT(&b, "compare", "@whole", "@snapshot.1c.fixed"), RK_INS_OK);
    free(data);
    bench_close(&b);
}

static void summary_goes_to_its_depth(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    assert_int_equal(SNAPSHOT(&b, "summary", "@snapshot.1c", "/", "1"), RK_INS_OK);
    assert_string_equal(b.out, " /\n   children: 17\n   data: 2074\n"
                               "-- /r0\n--   children: 13\n--   data: 2074\n"
                               "-- /zookeeper\n--   children: 2\n--   data: 0\n\n");
    assert_int_equal(SNAPSHOT(&b, "@snapshot.1c", "/r0", "0"), RK_INS_OK);
    assert_string_equal(b.out, " /r0\n   children: 13\n   data: 2074\n"
                               "-- /r0/container\n--   children: 1\n--   data: 2\n\n");
    assert_int_equal(SNAPSHOT(&b, "summary", "@snapshot.1c", "/none"), RK_INS_DIFFERS);
    bench_close(&b);
}

static void compare_tells_what_differs(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.0", "left");
    bench_golden(&b, "plain/snapshot.1c", "right");
    assert_int_equal(SNAPSHOT(&b, "compare", "@left", "@left"), RK_INS_OK);
    assert_string_equal(b.out, "");
    assert_int_equal(SNAPSHOT(&b, "compare", "@left", "@right"), RK_INS_DIFFERS);
    assert_true(says(b.out, "! /  stat\n") && says(b.out, "+ /r0/big\n"));
    assert_int_equal(count_of(b.out, "\n+ "), 14);
    assert_int_equal(SNAPSHOT(&b, "-l", "@right", "-r", "@left", "-b", "1000", "-n", "1"),
                     RK_INS_OK);
    assert_true(says(b.out, "Node /r0/big found only in left tree. Descendant size: 2048. "
                            "Descendant count: 0\n"));
    assert_true(says(b.out, "Node  found in both trees. Delta: -2074 bytes, -14 descendants\n"));
    bench_close(&b);
}

static void grep_finds(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        const char *value;
        const char *count;
    } cases[] = {
        {"-p", "/r0/*", "12"},
        {"-P", "seq-", "3"},
        {"-d", "^changed again$", "1"},
        {"-a", "^digest:bob:.*:cdrwa$", "1"},
        {"-a", "^ip:127", "1"},
        {"-o", "0x1000033f0570000", "1"},
        {"-o", "7", "0"},
    };
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = SNAPSHOT(&b, "grep", "-c", cases[i].option, cases[i].value, "@snapshot.1c");
        b.out[strcspn(b.out, "\n")] = '\0';
        assert_string_equal(b.out, cases[i].count);
        assert_int_equal(status, cases[i].count[0] == '0' ? RK_INS_DIFFERS : RK_INS_OK);
    }
    assert_int_equal(SNAPSHOT(&b, "grep", "-l", "-p", "/r0/ephemeral", "@snapshot.1c"), RK_INS_OK);
    assert_true(says(b.out, "{\"path\":\"/r0/ephemeral\",\"czxid\":"));
    bench_close(&b);
}

static void export_gives_a_subtree(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    assert_int_equal(SNAPSHOT(&b, "export", "-r", "/r0/container", "@snapshot.1c"), RK_INS_OK);
    assert_int_equal(count_of(b.out, "\n"), 4);
    assert_true(says(b.out, "\"version\":1,\"root\":\"/r0/container\""));
    assert_true(says(b.out, "{\"path\":\"/\",\"type\":\"container\",\"data\":\"c\",\"acl\":[{"));
    assert_true(says(b.out, "{\"path\":\"/child\",\"type\":\"persistent\""));
    assert_true(says(b.out, "{\"end\":true,\"nodes\":2}\n"));
    assert_int_equal(SNAPSHOT(&b, "export", "@snapshot.1c"), RK_INS_OK);
    assert_false(says(b.out, "/zookeeper"));
    assert_true(says(b.out, "\"type\":\"ttl\",\"ttl_ms\":86400000,"));
    assert_true(says(b.out, "\"path\":\"/r0/big\",\"type\":\"persistent\",\"data_base64\":\"AAEC"));
    assert_true(says(b.out, "\"path\":\"/r0/null\",\"type\":\"persistent\",\"data\":null,"));
    assert_int_equal(SNAPSHOT(&b, "export", "-r", "/none", "@snapshot.1c"), RK_INS_DIFFERS);
    assert_int_equal(SNAPSHOT(&b, "export", "-r", "r0", "@snapshot.1c"), RK_INS_USAGE);
    bench_close(&b);
}

static void restore_check_says_what_a_start_finds(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    bench_open(&b);
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_OK);
    assert_true(says(b.out, "Would make: ") && says(b.out, "the directory is empty"));
    assert_false(bench_has(&b, "snapshot.0"));
    bench_golden(&b, "plain/snapshot.0", "snapshot.0");
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    bench_golden(&b, "plain/log.1", "log.1");
    bench_golden(&b, "plain/log.1d", "log.1d");
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_OK);
    assert_true(says(b.out, "starts from: snapshot.1c\nreplays: 29 transactions"));
    assert_true(says(b.out, "comes out: zxid 0x39, 33 nodes, 2 ephemerals, 3 sessions, "));
    assert_true(says(b.out, "digests: 27 compared, 0 wrong"));

    uint8_t *data = bench_read(&b, "snapshot.1c", &len);
    data[len / 2] ^= 1;
    bench_write(&b, "snapshot.1c", data, len);
    assert_int_equal(SNAPSHOT(&b, "restore-check", "-j", "@"), RK_INS_OK);
    assert_true(says(b.out, "\"snapshot\":\"snapshot.0\",\"badSnapshots\":1,\"txns\":57,"
                            "\"lastZxid\":\"0x39\",\"nodes\":33,"));
    free(data);

    data = bench_read(&b, "log.1", &len);
    data[500] ^= 1;
    bench_write(&b, "log.1", data, len);
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_DAMAGED);
    assert_true(says(b.out, "does not start: log.1 is damaged at offset "));
    assert_int_equal(SNAPSHOT(&b, "restore-check", "--allow-holes", "@"), RK_INS_OK);
    free(data);
    bench_close(&b);
}

/* As a server refuses them; neither is an empty directory. */
static void directories_that_are_not_what_they_seem_are_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    assert_int_equal(mkdir(bench_path(&b, "data"), 0755), 0);
    assert_int_equal(mkdir(bench_path(&b, "logs"), 0755), 0);
    bench_golden(&b, "plain/snapshot.0", "data/snapshot.0");
    bench_golden(&b, "plain/log.1", "logs/log.1");
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@data", "@logs"), RK_INS_OK);
    assert_true(says(b.out, "comes out: zxid 0x1c,"));
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@logs", "@data"), RK_INS_DAMAGED);
    assert_true(says(b.out, "look swapped"));
    assert_int_equal(symlink("version-2", bench_path(&b, "version-2")), 0); /* ELOOP */
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_IO);
    bench_close(&b);
}

/* A snapshot whose seal is right and whose tree is not. */
static void put(uint8_t *out, size_t *len, const void *data, size_t n)
{
    memcpy(out + *len, data, n);
    *len += n;
}

static void put_i32(uint8_t *out, size_t *len, int32_t v)
{
    rk_store_i32(out + *len, v);
    *len += 4;
}

static void put_node(uint8_t *out, size_t *len, const char *path)
{
    put_i32(out, len, (int32_t)strlen(path));
    put(out, len, path, strlen(path));
    put_i32(out, len, 0);
    rk_store_i64(out + *len, -1);
    memset(out + *len + 8, 0, 60);
    *len += 68;
}

static void a_tree_that_is_none_is_damage(void **state)
{
    (void)state;
    static const struct {
        const char *paths[4];
        const char *what;
    } cases[] = {
        {{"", "/a", "/a/b"}, NULL},
        {{"", "/a", "/b/c"}, "1 nodes without a parent"},
        {{"", "/a/b", "/a"}, "1 nodes without a parent"},
        {{"", "/a", "/a"}, "1 nodes that were there before"},
        {{"", "/a", "/a/"}, "1 nodes without a parent"},
        {{"", "a"}, "1 nodes without a parent"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b;
        uint8_t data[1024];
        size_t len = 0;
        bench_open(&b);
        rk_snap_put_header(data);
        len = RK_SNAP_HEADER_BYTES;
        put_i32(data, &len, 0);
        put_i32(data, &len, 0);
        for (size_t k = 0; k < 4 && cases[i].paths[k] != NULL; k++) {
            put_node(data, &len, cases[i].paths[k]);
        }
        put(data, &len, rk_snap_tail, RK_SNAP_TAIL_BYTES);
        rk_snap_put_seal(data + len, (uint32_t)adler32(adler32(0, NULL, 0), data, (uInt)len));
        len += RK_SNAP_SEAL_BYTES;
        bench_write(&b, "snapshot.5", data, len);
        assert_int_equal(SNAPSHOT(&b, "verify", "@snapshot.5"),
                         cases[i].what == NULL ? RK_INS_OK : RK_INS_DAMAGED);
        assert_true(cases[i].what == NULL || says(b.out, cases[i].what));
        assert_int_equal(SNAPSHOT(&b, "summary", "@snapshot.5", "/", "0") == RK_INS_OK,
                         cases[i].what == NULL);
        assert_int_equal(SNAPSHOT(&b, "dump", "@snapshot.5"), RK_INS_OK);
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_snapshots_of_all_kinds_are_found_sound),
        cmocka_unit_test(every_flipped_byte_is_damage),
        cmocka_unit_test(a_cut_snapshot_is_damaged_and_its_beginning_can_be_had),
        cmocka_unit_test(a_wrong_checksum_is_mended_if_a_person_agrees),
        cmocka_unit_test(summary_goes_to_its_depth),
        cmocka_unit_test(compare_tells_what_differs),
        cmocka_unit_test(grep_finds),
        cmocka_unit_test(export_gives_a_subtree),
        cmocka_unit_test(restore_check_says_what_a_start_finds),
        cmocka_unit_test(directories_that_are_not_what_they_seem_are_refused),
        cmocka_unit_test(a_tree_that_is_none_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
