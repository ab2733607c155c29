/* Names, epoch files, marks. */
#include "store_support.h"

#include <stdlib.h>

static void names_as_apache_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *prefix;
        rk_zxid zxid; /* -1: none */
    } cases[] = {
        {"log.1", "log", 1},
        {"log.100000001", "log", 0x100000001},
        {"log.1F", "log", 0x1f},
        {"log.7fffffffffffffff", "log", INT64_MAX},
        {"log.8000000000000000", "log", -1},
        {"log.10000000000000000", "log", -1},
        {"log.0", "log", 0},
        {"log.", "log", -1},
        {"log", "log", -1},
        {"log.x", "log", -1},
        {"log.1x", "log", -1},
        {"log.-1", "log", -1},
        {"log. 1", "log", -1},
        {"xlog.1", "log", -1},
        {"log1.1", "log", -1},
        {"", "log", -1},
        {"snapshot.1c", "snapshot", 0x1c},
        {"snapshot.1c.foo", "snapshot", 0x1c},
        {"snapshot.1c.gz", "snapshot", 0x1c},
        {"snapshot.gz", "snapshot", -1},
        {"snapshot..1", "snapshot", -1},
        {"snapshot.1c", "log", -1},
        {"zidx.1c", "log", -1},
        {"zsnap.1c", "snapshot", -1},
        {"zlog.next", "log", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rk_zxid zxid = -77;
        bool is = rk_store_parse_name(cases[i].name, cases[i].prefix, &zxid);
        assert_int_equal(is, cases[i].zxid >= 0);
        assert_int_equal(zxid, is ? cases[i].zxid : -77);
    }
    char name[RK_STORE_NAME_MAX];
    rk_store_name_make(name, "snapshot", 0x1fab, ".gz");
    assert_string_equal(name, "snapshot.1fab.gz");
    assert_int_equal(rk_store_name_compression("snapshot.1.GZ"), RK_SNAP_GZIP);
    assert_int_equal(rk_store_name_compression("snapshot.1.Snappy"), RK_SNAP_SNAPPY);
    assert_int_equal(rk_store_name_compression("snapshot.1.gz.x"), RK_SNAP_PLAIN);
    assert_int_equal(rk_store_name_compression("snapshot.1"), RK_SNAP_PLAIN);
}

static void lists_are_sorted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    static const char *const names[] = {"snapshot.ff", "snapshot.2", "snapshot.10", "snapshot.2.gz",
                                        "snapshot.1",  "log.3",      "snapshot.x"};
    static const char *const sorted[] = {"snapshot.1", "snapshot.2", "snapshot.2.gz", "snapshot.10",
                                         "snapshot.ff"};
    for (size_t i = 0; i < 7; i++) {
        fake_disk_put(&f.disk, RK_DIR_SNAP, names[i], "", 0);
    }
    struct rk_store_names list;
    assert_int_equal(
        rk_store_names_list(&f.mem, &f.disk.port, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &list), RK_OK);
    assert_int_equal(list.count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_string_equal(list.items[i].name, sorted[i]);
    }
    rk_store_names_deinit(&list);
    f.mem.fail_at = f.mem.count + 1;
    assert_int_equal(
        rk_store_names_list(&f.mem, &f.disk.port, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &list),
        RK_ERR_NOMEM);
    f.mem.fail_at = 0;
    fixture_close(&f);
}

static void epochs_are_read_as_apache_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum rk_err err;
        int64_t epoch;
    } cases[] = {
        {"7", RK_OK, 7},
        {"7\n", RK_OK, 7},
        {"7\r\nmore", RK_OK, 7},
        {"-1", RK_OK, -1},
        {"9223372036854775807", RK_OK, INT64_MAX},
        {"9223372036854775808", RK_ERR_CORRUPT, 0},
        {"", RK_ERR_CORRUPT, 0},
        {"\n7", RK_ERR_CORRUPT, 0},
        {" 7", RK_ERR_CORRUPT, 0},
        {"0x7", RK_ERR_CORRUPT, 0},
        {"7 ", RK_ERR_CORRUPT, 0},
        {"0000000000000000000000000000000000000000000000000000000000000000000007", RK_ERR_CORRUPT,
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        int64_t epoch = 77;
        fixture_open(&f);
        assert_int_equal(rk_epoch_read(&f.disk.port, "currentEpoch", &epoch), RK_ERR_NOT_FOUND);
        fake_disk_put(&f.disk, RK_DIR_SNAP, "currentEpoch", cases[i].text, strlen(cases[i].text));
        assert_int_equal(rk_epoch_read(&f.disk.port, "currentEpoch", &epoch), cases[i].err);
        assert_int_equal(epoch, cases[i].err == RK_OK ? cases[i].epoch : 77);
        fixture_close(&f);
    }
}

static void an_epoch_is_the_old_or_the_new_one(void **state)
{
    (void)state;
    static const enum rk_err errors[] = {RK_ERR_IO, RK_ERR_NO_SPACE};
    for (size_t e = 0; e < 2; e++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            for (uint64_t seed = 0; seed < 30; seed++) {
                struct fixture f;
                struct rk_prng prng;
                int64_t epoch = 0;
                fixture_open(&f);
                rk_prng_init(&prng, seed);
                assert_int_equal(rk_epoch_write(&f.disk.port, "acceptedEpoch", 9), RK_OK);
                f.disk.calls = 0;
                f.disk.fail_at = n;
                f.disk.fail_calls = seed % 2 == 0 ? 0 : 100;
                f.disk.fail_err = errors[e];
                enum rk_err err = rk_epoch_write(&f.disk.port, "acceptedEpoch", 10);
                is_done = f.disk.calls < n;
                f.disk.fail_at = 0;
                assert_true(err == RK_OK ? is_done : err == errors[e]);
                fake_disk_crash(&f.disk, (enum fake_crash)(seed % 3), &prng);
                assert_int_equal(rk_epoch_read(&f.disk.port, "acceptedEpoch", &epoch), RK_OK);
                assert_true(epoch == 10 || (epoch == 9 && err != RK_OK));
                /* Whatever was left behind, the next one works. */
                assert_int_equal(rk_epoch_write(&f.disk.port, "acceptedEpoch", 11), RK_OK);
                fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
                assert_int_equal(rk_epoch_read(&f.disk.port, "acceptedEpoch", &epoch), RK_OK);
                assert_int_equal(epoch, 11);
                assert_int_equal(fake_disk_open_count(&f.disk), 0);
                fixture_close(&f);
            }
        }
    }
}

static void marks_that_are_half_written_are_none(void **state)
{
    (void)state;
    uint8_t bytes[RK_WAL_MARK_BYTES];
    struct rk_wal_mark mark = {.dbid = 77, .offset = 123456, .zxid = 99};
    struct rk_wal_mark got = {.zxid = 0};
    rk_wal_mark_encode(bytes, &mark);
    assert_int_equal(rk_wal_mark_decode(bytes, sizeof(bytes), &got), RK_OK);
    assert_memory_equal(&got, &mark, sizeof(got));
    for (size_t len = 0; len < sizeof(bytes); len++) {
        assert_int_equal(rk_wal_mark_decode(bytes, len, &got), RK_ERR_SHORT);
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 4;
        assert_int_equal(rk_wal_mark_decode(bytes, sizeof(bytes), &got), RK_ERR_CORRUPT);
        bytes[i] ^= 4;
    }
}

static void a_damaged_mark_is_no_evidence(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 6, 20, 3);
    log_file(&f, "log.1")->now[offset_of(&f, "log.1", 5) + 20] ^= 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "its mark"));
    fake_disk_get(&f.disk, RK_DIR_LOG, "zidx.1")->now[20] ^= 1;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_seen(&f, 1, 4);
    fake_disk_get(&f.disk, RK_DIR_LOG, "zidx.1")->now[20] ^= 1;
    /* Of another file of that name, and not about more than is there. */
    struct rk_wal_mark mark = {.dbid = 1, .offset = 5000, .zxid = 3};
    rk_wal_mark_encode(fake_disk_get(&f.disk, RK_DIR_LOG, "zidx.1")->now, &mark);
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_seen(&f, 1, 4);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_as_apache_reads_them),
        cmocka_unit_test(lists_are_sorted),
        cmocka_unit_test(epochs_are_read_as_apache_reads_them),
        cmocka_unit_test(an_epoch_is_the_old_or_the_new_one),
        cmocka_unit_test(marks_that_are_half_written_are_none),
        cmocka_unit_test(a_damaged_mark_is_no_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
