/* Another server cut our logs: Apache's TRUNC takes records and later logs away and leaves our
 * marks behind, which then speak of what is gone. That is no loss; a loss must not pass for it. */
#include "store_support.h"

#include <stdlib.h>

#define EPOCH ((rk_zxid)1 << 32)

/* ZK: FileTxnLog.truncate. Logs are named by their first record here, in one epoch. */
static void apache_truncates(struct fixture *f, rk_zxid zxid)
{
    rk_zxid holds = -1;
    char name[40];
    for (size_t i = 0; i < FAKE_FILES; i++) {
        rk_zxid of;
        if (f->disk.now[i].used && rk_store_parse_name(f->disk.now[i].name, RK_NAME_LOG, &of) &&
            of <= zxid && of > holds) {
            holds = of;
        }
    }
    assert_true(holds >= 0);
    for (size_t i = 0; i < FAKE_FILES; i++) {
        rk_zxid of;
        if (f->disk.now[i].used && rk_store_parse_name(f->disk.now[i].name, RK_NAME_LOG, &of) &&
            of > holds) {
            (void)snprintf(name, sizeof(name), "%s", f->disk.now[i].name);
            fake_disk_drop(&f->disk, RK_DIR_LOG, name);
        }
    }
    (void)snprintf(name, sizeof(name), "log.%llx", (unsigned long long)holds);
    struct fake_file *file = log_file(f, name);
    size_t at = offset_of(f, name, zxid);
    file->now_len = at + 13 + (size_t)rk_load_i32(file->now + at + 8);
    file->synced_len = file->now_len;
}

static void three_logs(struct fixture *f)
{
    fixture_open(f);
    write_snapshot(f, 0);
    write_log(f, 1, 12, 100, 1);
    write_log(f, 13, 20, 100, 4);
    write_log(f, 21, 30, 100, 2);
}

static void a_cut_at_any_record_is_accepted(void **state)
{
    (void)state;
    for (rk_zxid z = 1; z <= 30; z++) {
        struct fixture f;
        three_logs(&f);
        apache_truncates(&f, z);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 1, z);
        assert_string_equal(f.out.torn_file, "");
        /* From now on nothing excuses a loss. */
        for (uint32_t i = 0; i < 3; i++) {
            static const struct {
                const char *name;
                rk_zxid first;
            } marks[] = {{"zidx.1", 1}, {"zidx.d", 13}, {"zidx.15", 21}};
            bool is_there = fake_disk_get(&f.disk, RK_DIR_LOG, marks[i].name) != NULL;
            rk_zxid next = i < 2 ? marks[i + 1].first : 31;
            assert_int_equal(is_there, next <= z);
        }
        assert_int_equal(recover(&f), RK_OK);
        write_log(&f, z + 1, z + 4, 100, 1);
        assert_int_equal(recover_copy(&f), RK_OK);
        assert_seen(&f, 1, z + 4);
        char name[40];
        (void)snprintf(name, sizeof(name), "log.%llx", (unsigned long long)z + 1);
        fake_disk_drop(&f.disk, RK_DIR_LOG, name);
        assert_int_equal(recover(&f), RK_ERR_CORRUPT);
        assert_non_null(strstr(f.problem.text, "transactions are missing"));
        fixture_close(&f);
    }
}

/* The history went on, there or here: in a later epoch, behind a snapshot or without one. */
static void what_the_other_server_wrote_behind_it(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct fixture f;
        three_logs(&f);
        apache_truncates(&f, 17);
        if (kind == 1 || kind == 2) {
            write_snapshot(&f, 17);
        }
        if (kind == 3) {
            /* Commits of the synchronisation are in its snapshot alone. */
            write_snapshot(&f, EPOCH + 2);
        }
        if (kind == 0 || kind == 2) {
            (void)put_apache_log(&f, "log.100000001", EPOCH + 1, EPOCH + 3, 20);
        }
        assert_int_equal(recover(&f), RK_OK);
        assert_int_equal(f.out.last_zxid, kind == 1 ? 17 : kind == 3 ? EPOCH + 2 : EPOCH + 3);
        assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, RK_NAME_MARK), 1);
        assert_int_equal(recover(&f), RK_OK);
        fixture_close(&f);
    }
}

/* Ours were newer than where it was cut, and Apache leaves them. */
static void a_snapshot_of_what_was_cut_off_stops_the_start(void **state)
{
    (void)state;
    for (rk_zxid s = 16; s <= 22; s++) {
        struct fixture f;
        three_logs(&f);
        write_snapshot(&f, s);
        apache_truncates(&f, 17);
        assert_int_equal(recover_copy(&f), s <= 17 ? RK_OK : RK_ERR_CORRUPT);
        if (s > 17) {
            char name[40];
            (void)snprintf(name, sizeof(name), "snapshot.%llx", (unsigned long long)s);
            assert_non_null(strstr(f.problem.text, name));
            assert_non_null(strstr(f.problem.text, "TRUNC"));
            /* The advice works. */
            fake_disk_drop(&f.disk, RK_DIR_SNAP, name);
            assert_int_equal(recover(&f), RK_OK);
            assert_int_equal(f.out.last_zxid, 17);
        }
        fixture_close(&f);
    }
}

/* -- What is none ------------------------------------------------------------------------------ */

static void any_other_length_is_a_loss(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t accepted = 0;
    three_logs(&f);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.15");
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.15");
    struct fake_file *file = log_file(&f, "log.d");
    size_t whole = file->now_len;
    size_t end = end_of(&f, "log.d");
    for (size_t len = RK_WAL_HEADER_BYTES; len <= end; len++) {
        file->now_len = len;
        enum rk_err err = recover_copy(&f);
        assert_true(err == RK_OK || err == RK_ERR_CORRUPT);
        if (err == RK_OK) {
            /* It ended with a record. */
            assert_int_equal(file->now[len - 1], RK_WAL_END_BYTE);
            assert_int_equal(end_of(&f, "log.d"), len);
            accepted++;
        }
    }
    assert_int_equal(accepted, 8);
    /* Zeros behind the record: not how one cuts. */
    size_t at = offset_of(&f, "log.d", 18);
    file->now_len = whole;
    memset(file->now + at, 0, whole - at);
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    file->now_len = at + 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    fixture_close(&f);
}

/* Such a log is as long as its records at any time, so that its length proves nothing. */
static void without_preallocation_a_cut_cannot_be_told(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_wal_options options = wal_options();
    fixture_open(&f);
    write_snapshot(&f, 0);
    options.prealloc_bytes = 0;
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 20; z++) {
        append(&f, w, z, 100);
        assert_int_equal(rk_wal_commit(w), RK_OK);
    }
    rk_wal_destroy(w);
    apache_truncates(&f, 9);
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "its mark"));
    /* The operator may say so. */
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.1");
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 9);
    fixture_close(&f);
}

static void a_lost_log_before_the_cut_is_still_missed(void **state)
{
    (void)state;
    struct fixture f;
    three_logs(&f);
    apache_truncates(&f, 25);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.d");
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    fixture_close(&f);
    /* And one that is lost without any cut. */
    three_logs(&f);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.15");
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "zidx.15"));
    fixture_close(&f);
}

/* Our own cut leaves marks that are true; a second one, by another server, is told from it. */
static void a_cut_of_ours_is_none_of_theirs(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    struct rk_wal_options options = wal_options();
    three_logs(&f);
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    assert_int_equal(rk_wal_truncate(w, 18, &last), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 18);
    assert_non_null(fake_disk_get(&f.disk, RK_DIR_LOG, "zidx.d"));
    apache_truncates(&f, 15);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 15);
    assert_null(fake_disk_get(&f.disk, RK_DIR_LOG, "zidx.d"));
    fixture_close(&f);
}

/* -- Breaking off ------------------------------------------------------------------------------ */

static void a_start_that_breaks_off_finds_the_cut_again(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        for (uint64_t seed = 0; seed < 12; seed++) {
            struct fixture f;
            struct rk_prng prng;
            rk_prng_init(&prng, seed * 1000 + n);
            three_logs(&f);
            apache_truncates(&f, 7);
            fake_disk_crash(&f.disk, FAKE_CRASH_ALL, &prng); /* our server ended long ago */
            f.disk.calls = 0;
            f.disk.fail_at = n;
            f.disk.fail_calls = UINT32_MAX;
            f.disk.fail_err = RK_ERR_IO;
            enum rk_err err = recover(&f);
            is_done = f.disk.calls < n;
            assert_int_equal(err == RK_OK, is_done || f.out.last_zxid == 7);
            f.disk.fail_at = 0;
            fake_disk_crash(&f.disk, (enum fake_crash)(seed % 3), &prng);
            assert_int_equal(recover(&f), RK_OK);
            assert_seen(&f, 1, 7);
            assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, RK_NAME_MARK), 0);
            fixture_close(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_any_record_is_accepted),
        cmocka_unit_test(what_the_other_server_wrote_behind_it),
        cmocka_unit_test(a_snapshot_of_what_was_cut_off_stops_the_start),
        cmocka_unit_test(any_other_length_is_a_loss),
        cmocka_unit_test(without_preallocation_a_cut_cannot_be_told),
        cmocka_unit_test(a_lost_log_before_the_cut_is_still_missed),
        cmocka_unit_test(a_cut_of_ours_is_none_of_theirs),
        cmocka_unit_test(a_start_that_breaks_off_finds_the_cut_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
