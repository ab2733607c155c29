/* SNAP on disk: a leader's snapshot takes the place of everything, whatever was there; every call
 * that fails, every loss of power. */
#include "store_support.h"

#include "base/prng.h"

#define SNAP     100
#define OLD_LAST 130 /* the history that is replaced goes further */
#define NEW_LAST 105

static void build(struct fixture *f)
{
    write_snapshot(f, 0);
    write_log(f, 1, 60, 40, 3);
    write_snapshot(f, 60);
    write_log(f, 61, OLD_LAST, 40, 5);
    write_snapshot(f, 120);
}

/* What the log thread and the snapshot thread do, one after the other. */
static enum rk_err replace(struct fixture *f, bool *ret_is_done)
{
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f->mem, &f->disk.port, &options);
    enum rk_err err = rk_wal_replace_begin(w, SNAP);
    *ret_is_done = false;
    if (err == RK_OK) {
        err = try_snapshot(f, SNAP, RK_SNAP_PLAIN, 3, true);
    }
    if (err == RK_OK) {
        err = rk_wal_replace_end(w, SNAP);
    }
    if (err == RK_OK) {
        *ret_is_done = true;
        for (rk_zxid zxid = SNAP + 1; zxid <= NEW_LAST && err == RK_OK; zxid++) {
            append(f, w, zxid, 40);
            err = rk_wal_commit(w);
        }
    }
    rk_wal_destroy(w);
    return err;
}

/* All of the old history, or the snapshot and a part of what followed. */
static void check(struct fixture *f, bool must_be_new)
{
    assert_int_equal(recover(f), RK_OK);
    if (f->out.snapshot_zxid == SNAP) {
        assert_in_range(f->out.last_zxid, SNAP, NEW_LAST);
        if (f->out.last_zxid > SNAP) {
            assert_seen(f, SNAP + 1, f->out.last_zxid);
        }
        assert_int_equal(fake_disk_count(&f->disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT), 1);
        assert_null(fake_disk_get(&f->disk, RK_DIR_LOG, "log.3d"));
    } else {
        assert_false(must_be_new);
        assert_int_equal(f->out.snapshot_zxid, 120);
        assert_int_equal(f->out.last_zxid, OLD_LAST);
    }
    assert_int_equal(fake_disk_count(&f->disk, RK_DIR_SNAP, "zreplace"), 0);
}

static void nothing_else_is_left(void **state)
{
    struct fixture f;
    bool is_done;
    (void)state;
    fixture_open(&f);
    build(&f);
    assert_int_equal(replace(&f, &is_done), RK_OK);
    check(&f, true);
    assert_int_equal(f.out.last_zxid, NEW_LAST);
    fixture_close(&f);
}

static void a_loss_of_power_at_any_call_leaves_one_of_the_two(void **state)
{
    struct rk_prng prng;
    (void)state;
    rk_prng_init(&prng, 7);
    for (uint64_t at = 1, is_over = 0; !is_over; at++) {
        for (int how = FAKE_CRASH_ALL; how <= FAKE_CRASH_SECTORS; how++) {
            struct fixture f;
            bool is_done;
            fixture_open(&f);
            build(&f);
            f.disk.fail_at = f.disk.calls + at;
            f.disk.fail_calls = UINT32_MAX;
            f.disk.fail_err = RK_ERR_IO;
            is_over = replace(&f, &is_done) == RK_OK;
            f.disk.fail_at = 0;
            fake_disk_crash(&f.disk, (enum fake_crash)how, &prng);
            check(&f, is_done);
            fixture_close(&f);
        }
    }
}

static void a_full_disk_leaves_what_was_there(void **state)
{
    struct fixture f;
    struct rk_wal_options options = wal_options();
    struct rk_wal *w;
    (void)state;
    fixture_open(&f);
    build(&f);
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    f.disk.fail_at = f.disk.calls + 2;
    f.disk.fail_calls = 1;
    f.disk.fail_err = RK_ERR_NO_SPACE;
    assert_int_equal(rk_wal_replace_begin(w, SNAP), RK_ERR_NO_SPACE);
    f.disk.fail_at = 0;
    assert_int_equal(rk_wal_replace_begin(w, SNAP), RK_OK); /* later there is room */
    rk_wal_destroy(w);
    check(&f, false);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_else_is_left),
        cmocka_unit_test(a_loss_of_power_at_any_call_leaves_one_of_the_two),
        cmocka_unit_test(a_full_disk_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
