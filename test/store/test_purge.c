/* Purge at every point, broken off at every point, and what is left must start. */
#include "store_support.h"

static enum rk_err purge(struct fixture *f, uint32_t keep, uint32_t *ret_deleted)
{
    enum rk_err err = rk_purge(&f->mem, &f->disk.port, keep, ret_deleted, &f->problem);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    assert_int_equal(err == RK_OK, f->problem.text[0] == '\0');
    return err;
}

static bool has(struct fixture *f, enum rk_disk_dir dir, const char *name)
{
    return fake_disk_get(&f->disk, dir, name) != NULL;
}

/* Snapshots 0, 10, .. 50 and logs 1-15, 16-25, ..., 46-58, so that logs straddle snapshots. */
static void fill_many(struct fixture *f)
{
    for (rk_zxid z = 0; z <= 50; z += 10) {
        write_snapshot(f, z);
    }
    write_log(f, 1, 15, 30, 2);
    for (rk_zxid z = 16; z <= 36; z += 10) {
        write_log(f, z, z + 9, 30, 2);
    }
    write_log(f, 46, 58, 30, 2);
}

static void open_many(struct fixture *f)
{
    fixture_open(f);
    fill_many(f);
}

static void keeps_what_is_needed(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t deleted = 99;
    open_many(&f);
    assert_int_equal(purge(&f, 6, &deleted), RK_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(purge(&f, 7, &deleted), RK_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(purge(&f, 3, &deleted), RK_OK);
    assert_int_equal(deleted, 3 + 2);
    /* Kept: snapshots 30, 40, 50; log 26-35 straddles 30. */
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, "snapshot."), 3);
    assert_true(has(&f, RK_DIR_SNAP, "snapshot.1e"));
    assert_false(has(&f, RK_DIR_LOG, "log.1") || has(&f, RK_DIR_LOG, "log.10"));
    assert_true(has(&f, RK_DIR_LOG, "log.1a") && has(&f, RK_DIR_LOG, "log.24"));
    assert_false(has(&f, RK_DIR_LOG, "zidx.1") || has(&f, RK_DIR_LOG, "zidx.10"));
    assert_true(has(&f, RK_DIR_LOG, "zidx.1a"));
    assert_int_equal(purge(&f, 3, &deleted), RK_OK);
    assert_int_equal(deleted, 0);
    /* Each of the kept ones carries to the end. */
    static const char *const newest_first[] = {"snapshot.32", "snapshot.28", "snapshot.1e"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(recover(&f), RK_OK);
        assert_string_equal(f.out.snapshot_name, newest_first[i]);
        assert_int_equal(f.out.last_zxid, 58);
        fake_disk_drop(&f.disk, RK_DIR_SNAP, newest_first[i]);
    }
    fixture_close(&f);
}

static void bad_snapshots_do_not_count(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t deleted = 99;
    open_many(&f);
    /* Whole at their ends: Apache would count them and delete the only good ones. */
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.32")->now[100] ^= 1;
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.28")->now[100] ^= 1;
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.14")->now[100] ^= 1;
    assert_int_equal(purge(&f, 3, &deleted), RK_OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(purge(&f, 2, &deleted), RK_OK);
    assert_true(has(&f, RK_DIR_SNAP, "snapshot.1e") && has(&f, RK_DIR_SNAP, "snapshot.a"));
    assert_false(has(&f, RK_DIR_SNAP, "snapshot.0"));
    assert_true(has(&f, RK_DIR_LOG, "log.1")); /* straddles 10 */
    assert_int_equal(purge(&f, 1, &deleted), RK_OK);
    assert_false(has(&f, RK_DIR_SNAP, "snapshot.14") || has(&f, RK_DIR_SNAP, "snapshot.a"));
    assert_int_equal(recover(&f), RK_OK);
    assert_string_equal(f.out.snapshot_name, "snapshot.1e");
    assert_int_equal(f.out.last_zxid, 58);
    fixture_close(&f);
}

static void one_state_in_two_files_is_one(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t deleted = 99;
    open_many(&f);
    assert_int_equal(try_snapshot(&f, 50, RK_SNAP_GZIP, 3, true), RK_OK);
    assert_int_equal(try_snapshot(&f, 50, RK_SNAP_SNAPPY, 3, true), RK_OK);
    assert_int_equal(purge(&f, 2, &deleted), RK_OK);
    assert_true(has(&f, RK_DIR_SNAP, "snapshot.28"));
    assert_false(has(&f, RK_DIR_SNAP, "snapshot.1e"));
    fixture_close(&f);
}

static void leftovers_go_and_what_is_in_the_making_stays(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t deleted = 99;
    open_many(&f);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.1", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.31", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.32", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.3a", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_LOG, RK_NAME_LOG_PART, "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "myid", "1", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "currentEpoch", "1", 1);
    assert_int_equal(purge(&f, 6, &deleted), RK_OK);
    assert_int_equal(deleted, 2);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, "zsnap."), 2);
    assert_true(has(&f, RK_DIR_LOG, RK_NAME_LOG_PART));
    assert_true(has(&f, RK_DIR_SNAP, "myid") && has(&f, RK_DIR_SNAP, "currentEpoch"));
    fixture_close(&f);
}

/* Whatever happened before, everything that was acknowledged is there. */
static void check_start(struct fixture *f)
{
    assert_int_equal(recover(f), RK_OK);
    assert_int_equal(f->out.last_zxid, 58);
}

static void any_part_of_a_purge_leaves_a_startable_set(void **state)
{
    (void)state;
    for (uint32_t keep = 1; keep <= 5; keep++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct fixture f;
            uint32_t deleted = 0;
            open_many(&f);
            f.disk.calls = 0;
            f.disk.fail_at = n;
            f.disk.fail_calls = 1000;
            f.disk.fail_err = RK_ERR_IO;
            (void)purge(&f, keep, &deleted); /* the power goes at any point */
            is_done = f.disk.calls < n;
            f.disk.fail_at = 0;
            for (uint64_t seed = 0; seed < 12; seed++) {
                struct fixture g = f;
                struct rk_prng prng;
                rk_prng_init(&prng, seed * 1000 + n);
                g.sink.ctx = &g;
                fake_disk_copy(&g.disk, &f.disk);
                fake_disk_crash(&g.disk, seed == 0 ? FAKE_CRASH_ALL : FAKE_CRASH_SECTORS, &prng);
                check_start(&g);
                fake_disk_deinit(&g.disk);
            }
            fixture_close(&f);
        }
    }
}

static void what_is_kept_is_durable_before_the_rest_goes(void **state)
{
    (void)state;
    /* Apache writes a snapshot without a sync, and a crash behind the purge finds it in memory
     * only. */
    struct fixture f;
    uint32_t deleted = 0;
    open_many(&f);
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.32")->synced_len = 0;
    assert_int_equal(purge(&f, 1, &deleted), RK_OK);
    assert_true(deleted > 0);
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct fixture g = f;
        struct rk_prng prng;
        rk_prng_init(&prng, seed);
        g.sink.ctx = &g;
        fake_disk_copy(&g.disk, &f.disk);
        fake_disk_crash(&g.disk, FAKE_CRASH_SECTORS, &prng);
        check_start(&g);
        fake_disk_deinit(&g.disk);
    }
    fixture_close(&f);
}

static void nothing_goes_on_a_memory_failure(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fixture f;
        uint32_t deleted = 0;
        jmp_buf env;
        fixture_open(&f);
        fixture_track(&f);
        fill_many(&f);
        uint64_t from = f.mem.count;
        f.mem.fail_at = from + n;
        rk_test_panic_env = &env;
        if (setjmp(env) == 0) {
            enum rk_err err = purge(&f, 2, &deleted);
            is_done = f.mem.count < from + n;
            assert_int_equal(err, is_done ? RK_OK : RK_ERR_NOMEM);
            assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, "snapshot."), is_done ? 2 : 6);
            fixture_close(&f);
        } else {
            fixture_abandon(&f); /* an arena: the end of the process by contract */
        }
        rk_test_panic_env = NULL;
    }
    struct fixture f;
    uint32_t deleted = 0;
    fixture_open(&f);
    expect_assert_failure((void)purge(&f, 0, &deleted));
    fixture_close(&f);
}

static void an_empty_directory(void **state)
{
    (void)state;
    struct fixture f;
    uint32_t deleted = 99;
    fixture_open(&f);
    assert_int_equal(purge(&f, 3, &deleted), RK_OK);
    assert_int_equal(deleted, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_needed),
        cmocka_unit_test(bad_snapshots_do_not_count),
        cmocka_unit_test(one_state_in_two_files_is_one),
        cmocka_unit_test(leftovers_go_and_what_is_in_the_making_stays),
        cmocka_unit_test(any_part_of_a_purge_leaves_a_startable_set),
        cmocka_unit_test(what_is_kept_is_durable_before_the_rest_goes),
        cmocka_unit_test(nothing_goes_on_a_memory_failure),
        cmocka_unit_test(an_empty_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
