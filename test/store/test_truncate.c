/* TRUNC: what is left, whatever was there; every call that fails; every loss of power. */
#include "store_support.h"

#include "sim/disk.h"
#include "store/wal_scan.h"
#include "support/sanitized.h"
#include <stdlib.h>
#define LISTED 16

/* What lies in the directory. Zxids are in one epoch unless a test says otherwise. */
struct layout {
    const char *name;
    struct {
        rk_zxid first;
        rk_zxid last;
        uint32_t batch;
    } logs[LISTED];
    rk_zxid snapshots[LISTED]; /* -1 ends the list; 0 is one */
    bool is_apaches;           /* logs without marks or padding */
};

static const struct layout layouts[] = {
    {"one log", {{1, 30, 1}}, {0, -1}, false},
    {"one log in batches", {{1, 30, 4}}, {0, -1}, false},
    {"several logs", {{1, 9, 1}, {10, 19, 3}, {20, 30, 2}}, {0, -1}, false},
    {"a snapshot at every log", {{1, 9, 1}, {10, 19, 1}, {20, 30, 1}}, {0, 9, 19, -1}, false},
    {"a snapshot of the tail",
     {{1, 9, 1}, {10, 19, 1}, {20, 30, 1}},
     {0, 9, 19, 27, 30, -1},
     false},
    {"old logs purged", {{10, 19, 1}, {20, 30, 1}}, {12, 19, 25, -1}, false},
    {"snapshots only behind", {{21, 30, 1}}, {20, -1}, false},
    {"a log for every record",
     {{26, 26, 1}, {27, 27, 1}, {28, 28, 1}, {29, 29, 1}, {30, 30, 1}},
     {25, -1},
     false},
    {"Apache's", {{1, 9, 1}, {10, 19, 1}, {20, 30, 1}}, {0, 9, 19, 27, -1}, true},
};
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))
#define END     30

static void build(struct fixture *f, const struct layout *l)
{
    for (size_t i = 0; l->snapshots[i] >= 0; i++) {
        write_snapshot(f, l->snapshots[i]);
    }
    for (size_t i = 0; l->logs[i].first != 0; i++) {
        char name[40];
        (void)snprintf(name, sizeof(name), "log.%llx", (unsigned long long)l->logs[i].first);
        if (l->is_apaches) {
            (void)put_apache_log(f, name, l->logs[i].first, l->logs[i].last, 100);
        } else {
            write_log(f, l->logs[i].first, l->logs[i].last, 100, l->logs[i].batch);
        }
    }
}

static struct rk_wal *open_wal(struct fixture *f)
{
    struct rk_wal_options options = wal_options();
    return rk_wal_create(&f->mem, &f->disk.port, &options);
}

static enum rk_err truncate_to(struct fixture *f, rk_zxid zxid, rk_zxid *ret_last)
{
    struct rk_wal *w = open_wal(f);
    enum rk_err err = rk_wal_truncate(w, zxid, ret_last);
    rk_wal_destroy(w);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    return err;
}

/* The newest snapshot at or before zxid; -1: none. */
static rk_zxid base_of(const struct layout *l, rk_zxid zxid)
{
    rk_zxid base = -1;
    for (size_t i = 0; l->snapshots[i] >= 0; i++) {
        base = l->snapshots[i] <= zxid ? l->snapshots[i] : base;
    }
    return base;
}

/* Nothing on the disk speaks of a zxid behind this one. */
static void assert_nothing_newer(struct fixture *f, rk_zxid zxid)
{
    for (size_t i = 0; i < FAKE_FILES; i++) {
        const struct fake_entry *e = &f->disk.now[i];
        rk_zxid of = -1;
        if (!e->used) {
            continue;
        }
        if (rk_store_parse_name(e->name, RK_NAME_SNAPSHOT, &of) ||
            rk_store_parse_name(e->name, RK_NAME_SNAP_PART, &of) ||
            rk_store_parse_name(e->name, RK_NAME_LOG, &of)) {
            assert_true(of <= zxid);
        }
        struct rk_wal_mark mark;
        if (rk_store_parse_name(e->name, RK_NAME_MARK, &of) &&
            rk_wal_mark_read(&f->disk.port, e->name, &mark) == RK_OK) {
            assert_true(mark.zxid <= zxid);
        }
    }
}

static void every_zxid_of_every_layout(void **state)
{
    (void)state;
    for (size_t i = 0; i < LAYOUTS; i++) {
        for (rk_zxid z = 0; z <= END + 2; z++) {
            struct fixture f;
            rk_zxid last = -7;
            fixture_open(&f);
            build(&f, &layouts[i]);
            rk_zxid base = base_of(&layouts[i], z);
            bool is_possible = base >= 0;
            enum rk_err err = truncate_to(&f, z, &last);
            assert_int_equal(err, is_possible ? RK_OK : RK_ERR_NOT_FOUND);
            /* Durable: the power goes at once. */
            fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
            assert_int_equal(recover(&f), RK_OK);
            rk_zxid end = z > END || !is_possible ? END : z;
            rk_zxid from = is_possible ? base : base_of(&layouts[i], END);
            assert_seen(&f, from + 1, end);
            assert_int_equal(f.out.snapshot_zxid, from);
            assert_int_equal(f.out.last_zxid, end);
            assert_string_equal(f.out.torn_file, "");
            if (is_possible) {
                rk_zxid first = layouts[i].logs[0].first;
                assert_int_equal(last, end >= first ? end : 0);
                assert_nothing_newer(&f, z);
            } else {
                assert_int_equal(last, -7);
            }
            fixture_close(&f);
        }
    }
}

static void the_log_ends_right_behind_the_last_record(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 30, 100, 4);
    size_t end = offset_of(&f, "log.1", 18);
    assert_int_equal(truncate_to(&f, 17, &last), RK_OK);
    assert_int_equal(log_file(&f, "log.1")->now_len, end);
    assert_int_equal(log_file(&f, "log.1")->synced_len, end);
    /* And its mark says so, too. */
    struct rk_wal_mark mark;
    assert_int_equal(rk_wal_mark_read(&f.disk.port, "zidx.1", &mark), RK_OK);
    assert_int_equal(mark.zxid, 17);
    assert_int_equal(mark.offset, end);
    /* It is evidence again. */
    log_file(&f, "log.1")->now_len = end - 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "its mark"));
    fixture_close(&f);
}

static void no_log_is_left_without_a_record(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last = -7;
    uint8_t header[RK_WAL_HEADER_BYTES];
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 9, 100, 4);
    /* Apache began a log, or it has a name that does not fit what is in it. */
    rk_wal_put_header(header, 0);
    fake_disk_put(&f.disk, RK_DIR_LOG, "log.5", header, sizeof(header));
    (void)put_apache_log(&f, "log.a", 10, 20, 10);
    assert_int_equal(truncate_to(&f, 7, &last), RK_OK);
    assert_int_equal(last, 7);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, "log."), 1);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 7);
    fixture_close(&f);
}

/* -- What goes along --------------------------------------------------------------------------- */

static void snapshots_of_every_kind_go(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_snapshot(&f, 5);
    write_log(&f, 1, 20, 50, 1);
    assert_int_equal(try_snapshot(&f, 11, RK_SNAP_GZIP, 3, true), RK_OK);
    assert_int_equal(try_snapshot(&f, 12, RK_SNAP_SNAPPY, 3, true), RK_OK);
    write_snapshot(&f, 20);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.f.tmp", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.e.old", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.d", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.5", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.3.tmp", "x", 1);
    assert_int_equal(truncate_to(&f, 10, &last), RK_OK);
    assert_nothing_newer(&f, 10);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, ""), 4);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.snapshot_zxid, 5);
    assert_int_equal(f.out.last_zxid, 10);
    fixture_close(&f);
}

/* Unfinished ones go even if nothing else has to, and need no snapshot in their place. */
static void leftovers_alone(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last = -7;
    fixture_open(&f);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "zsnap.d", "x", 1);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.d.tmp", "x", 1);
    assert_int_equal(truncate_to(&f, 3, &last), RK_OK);
    assert_int_equal(last, 0);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, ""), 0);
    fixture_close(&f);
}

static void an_empty_directory_has_nothing_to_cut(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last = -7;
    fixture_open(&f);
    assert_int_equal(truncate_to(&f, 7, &last), RK_OK);
    assert_int_equal(last, 0);
    assert_int_equal(truncate_to(&f, -1, &last), RK_ERR_NOT_FOUND);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, ""), 0);
    fixture_close(&f);
}

/* -- When it may not be cut -------------------------------------------------------------------- */

static void assert_untouched(struct fixture *f, rk_zxid zxid)
{
    struct fake_disk before;
    rk_zxid last = -7;
    fake_disk_copy(&before, &f->disk);
    assert_int_equal(truncate_to(f, zxid, &last), RK_ERR_NOT_FOUND);
    assert_int_equal(last, -7);
    for (size_t i = 0; i < FAKE_FILES; i++) {
        assert_int_equal(f->disk.now[i].used, before.now[i].used);
        assert_int_equal(f->disk.files[i].used, before.files[i].used);
        if (before.files[i].used) {
            assert_int_equal(f->disk.files[i].now_len, before.files[i].now_len);
            assert_memory_equal(f->disk.files[i].now, before.files[i].now, before.files[i].now_len);
        }
    }
    fake_disk_deinit(&before);
}

static void a_snapshot_that_stays_must_be_whole(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_snapshot(&f, 9);
    write_log(&f, 1, 20, 50, 1);
    write_snapshot(&f, 20);
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.9")->now[30] ^= 1;
    assert_int_equal(truncate_to(&f, 15, &last), RK_OK);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.snapshot_zxid, 0);
    assert_int_equal(f.out.last_zxid, 15);
    fixture_close(&f);

    fixture_open(&f);
    write_snapshot(&f, 9);
    write_log(&f, 10, 20, 50, 1);
    write_snapshot(&f, 20);
    fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.9")->now[30] ^= 1;
    assert_untouched(&f, 15);
    /* Another server's, stored behind all of this, will do. */
    write_snapshot(&f, 15);
    assert_int_equal(truncate_to(&f, 15, &last), RK_OK);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.snapshot_zxid, 15);
    assert_int_equal(f.out.last_zxid, 15);
    fixture_close(&f);
}

static void a_zxid_of_another_history_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    const rk_zxid epoch = (rk_zxid)1 << 32;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 9, 50, 1);
    write_log(&f, epoch + 1, epoch + 5, 50, 1);
    assert_untouched(&f, 10);
    assert_untouched(&f, epoch);
    assert_int_equal(truncate_to(&f, 9, &last), RK_OK);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 9);
    fixture_close(&f);
}

/* It got snapshot 20 from a leader when its log ended at 9. */
static void a_hole_that_a_snapshot_covers(void **state)
{
    (void)state;
    for (rk_zxid z = 0; z <= 26; z++) {
        struct fixture f;
        rk_zxid last;
        fixture_open(&f);
        write_snapshot(&f, 0);
        write_log(&f, 1, 9, 50, 1);
        write_snapshot(&f, 20);
        write_log(&f, 21, 25, 50, 1);
        if (z > 9 && z < 20) {
            assert_untouched(&f, z);
        } else {
            assert_int_equal(truncate_to(&f, z, &last), RK_OK);
            assert_int_equal(recover(&f), RK_OK);
            assert_int_equal(f.out.last_zxid, z > 25 ? 25 : z);
            assert_int_equal(f.out.snapshot_zxid, z >= 20 ? 20 : 0);
        }
        fixture_close(&f);
    }
}

static void damage_before_zxid_is_no_torn_tail(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 30, 100, 1);
    log_file(&f, "log.1")->now[offset_of(&f, "log.1", 12) + 20] ^= 1;
    assert_untouched(&f, 20);
    /* Before it all is well. */
    assert_int_equal(truncate_to(&f, 8, &last), RK_OK);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 8);
    fixture_close(&f);

    /* Damage that a snapshot covers, and that the log behind it excuses, goes with that log. */
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 20, 100, 1);
    write_snapshot(&f, 20);
    write_log(&f, 21, 30, 100, 1);
    log_file(&f, "log.1")->now[offset_of(&f, "log.1", 12) + 20] ^= 1;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_untouched(&f, 13);
    assert_int_equal(truncate_to(&f, 20, &last), RK_OK);
    assert_int_equal(last, 11);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 20);
    fixture_close(&f);
}

/* -- The log goes on --------------------------------------------------------------------------- */

static void write_some(struct fixture *f, struct rk_wal *w, rk_zxid first, rk_zxid last)
{
    for (rk_zxid z = first; z <= last; z++) {
        append(f, w, z, 60);
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
}

static void the_log_goes_on_in_a_new_file(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_wal_status status;
    rk_zxid last = 0;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal *w = open_wal(&f);
    write_some(&f, w, 1, 20);
    for (rk_zxid z = 19; z >= 1; z -= 6) {
        assert_int_equal(rk_wal_truncate(w, z, &last), RK_OK);
        assert_int_equal(last, z);
        rk_wal_status(w, &status);
        assert_int_equal(status.last_zxid, z);
        assert_int_equal(status.durable_zxid, z);
        assert_string_equal(status.file_name, "");
        assert_int_equal(rk_wal_pending_bytes(w), 0);
        /* The same names come again, and are replaced again. */
        write_some(&f, w, z + 1, z + 5);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        assert_int_equal(recover_copy(&f), RK_OK);
        assert_seen(&f, 1, z + 5);
    }
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    fixture_close(&f);
}

static void what_was_not_committed_is_dropped(void **state)
{
    (void)state;
    for (uint64_t space = 20000; space < 26000; space += 250) {
        struct fixture f;
        rk_zxid last = 0;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal *w = open_wal(&f);
        write_some(&f, w, 1, 6);
        for (rk_zxid z = 7; z <= 90; z++) {
            append(&f, w, z, 300);
            if (z == 40) {
                rk_wal_roll(w);
            }
        }
        /* The disk is full: some of it is written, in the file or in the one that was to come. */
        f.disk.space_bytes = space;
        assert_int_equal(rk_wal_commit(w), RK_ERR_NO_SPACE);
        f.disk.space_bytes = 0;
        assert_int_equal(rk_wal_truncate(w, 6, &last), RK_OK);
        assert_int_equal(last, 6);
        for (rk_zxid z = 7; z <= 20; z++) {
            append(&f, w, z, 300);
            assert_int_equal(rk_wal_commit(w), RK_OK);
        }
        rk_wal_destroy(w);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 1, 20);
        fixture_close(&f);
    }
}

/* A running server cuts, reads everything again, goes on, and does it again. */
static void recovery_with_the_log_open(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid last = 0;
    rk_zxid end = 0;
    struct rk_prng prng;
    fixture_open(&f);
    rk_prng_init(&prng, 17);
    write_snapshot(&f, 0);
    struct rk_wal *w = open_wal(&f);
    for (int round = 0; round < 60; round++) {
        rk_zxid first = end + 1;
        end += 1 + (rk_zxid)rk_prng_below(&prng, 12);
        write_some(&f, w, first, end);
        /* The log thread is idle, its file open and preallocated. */
        f.begun = 0;
        struct rk_recovered out;
        assert_int_equal(rk_recover(&f.mem, &f.disk.port, &f.options, &f.sink, &out, &f.problem),
                         RK_OK);
        assert_int_equal(f.begun, 1);
        assert_int_equal(out.last_zxid, end);
        assert_string_equal(out.torn_file, "");
        assert_int_equal(f.seen_count, end - out.snapshot_zxid);
        if (rk_prng_chance(&prng, 1, 3)) {
            end -= (rk_zxid)rk_prng_below(&prng, (uint64_t)(end - out.snapshot_zxid));
            assert_int_equal(rk_wal_truncate(w, end, &last), RK_OK);
            assert_int_equal(last, end);
            assert_int_equal(
                rk_recover(&f.mem, &f.disk.port, &f.options, &f.sink, &out, &f.problem), RK_OK);
            assert_int_equal(out.last_zxid, end);
        }
        if (rk_prng_chance(&prng, 1, 6)) {
            write_snapshot(&f, end);
            rk_wal_roll(w);
        }
    }
    rk_wal_destroy(w);
    fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, end);
    fixture_close(&f);
}

/* -- Failures ---------------------------------------------------------------------------------- */

struct trial {
    const struct layout *layout;
    rk_zxid zxid;
    bool is_live; /* the log is open and has written its last records itself */
};

static struct rk_wal *begin_trial(struct fixture *f, const struct trial *t)
{
    fixture_open(f);
    build(f, t->layout);
    struct rk_wal *w = open_wal(f);
    if (t->is_live) {
        write_some(f, w, END + 1, END + 3);
        write_some(f, w, END + 4, END + 4);
    }
    return w;
}

static rk_zxid end_of_trial(const struct trial *t)
{
    return t->is_live ? END + 4 : END;
}

static void check_after(struct fixture *f, const struct trial *t)
{
    enum rk_err err = recover(f);
    if (err != RK_OK) {
        print_error("%s to %lld: %s\n", t->layout->name, (long long)t->zxid, f->problem.text);
    }
    assert_int_equal(err, RK_OK);
    assert_in_range(f->out.last_zxid, t->zxid, end_of_trial(t));
    assert_seen(f, f->out.snapshot_zxid + 1, f->out.last_zxid);
}

static void every_call_that_fails_is_told(void **state)
{
    (void)state;
    static const enum rk_err errors[] = {RK_ERR_IO, RK_ERR_NO_SPACE, RK_ERR_DENIED};
    for (size_t i = 0; i < LAYOUTS; i++) {
        struct trial t = {&layouts[i], 28, i % 2 == 0};
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct fixture f;
            rk_zxid last = -7;
            enum rk_err want = errors[n % 3];
            struct rk_wal *w = begin_trial(&f, &t);
            f.disk.calls = 0;
            f.disk.fail_at = n;
            f.disk.fail_err = want;
            enum rk_err err = rk_wal_truncate(w, t.zxid, &last);
            is_done = f.disk.calls < n;
            f.disk.fail_at = 0;
            /* Marks and a leftover of the log to come are written and dropped as well as it goes.
             */
            assert_true(err == want || err == RK_OK);
            assert_true(err == RK_OK || last == -7);
            if (err != RK_OK) {
                append(&f, w, 1000, 1);
                assert_int_equal(rk_wal_commit(w), err);
                assert_int_equal(rk_wal_truncate(w, t.zxid, &last), err);
            }
            rk_wal_destroy(w);
            check_after(&f, &t);
            assert_true(err != RK_OK || f.out.last_zxid == t.zxid);
            fixture_close(&f);
        }
    }
}

static void memory_failures_change_nothing(void **state)
{
    (void)state;
    struct trial t = {&layouts[4], 22, false};
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fixture f;
        jmp_buf env;
        rk_zxid last = 0;
        fixture_open(&f);
        rk_buf_deinit(&f.payload);
        fixture_track(&f);
        build(&f, t.layout);
        struct rk_wal *w = open_wal(&f);
        rk_buf_deinit(&f.payload);
        f.mem.fail_at = f.mem.count + n;
        rk_test_panic_env = &env;
        if (setjmp(env) == 0) {
            enum rk_err err = rk_wal_truncate(w, t.zxid, &last);
            is_done = err == RK_OK;
            assert_true(is_done || err == RK_ERR_NOMEM);
            rk_wal_destroy(w);
            rk_test_panic_env = NULL;
            f.mem.fail_at = 0;
            check_after(&f, &t);
            assert_int_equal(f.out.last_zxid, is_done ? t.zxid : END);
            fixture_close(&f);
        } else {
            fixture_abandon(&f);
        }
        rk_test_panic_env = NULL;
    }
}

/* -- Loss of power ----------------------------------------------------------------------------- */

static void crash_at_every_call(const struct trial *t, uint32_t seeds, uint64_t *ret_points)
{
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        for (uint64_t seed = 0; seed < seeds; seed++) {
            struct fixture f;
            struct rk_prng prng;
            rk_zxid last = -7;
            rk_prng_init(&prng, seed * 1000 + n);
            struct rk_wal *w = begin_trial(&f, t);
            f.disk.calls = 0;
            f.disk.fail_at = n;
            f.disk.fail_calls = UINT32_MAX;
            f.disk.fail_err = RK_ERR_IO;
            enum rk_err err = rk_wal_truncate(w, t->zxid, &last);
            is_done = f.disk.calls < n;
            rk_wal_destroy(w);
            f.disk.fail_at = 0;
            fake_disk_crash(&f.disk, seed < 2 ? (enum fake_crash)seed : FAKE_CRASH_SECTORS, &prng);
            check_after(&f, t);
            assert_true(err != RK_OK || f.out.last_zxid == t->zxid);
            /* Whoever cuts again gets there. */
            assert_int_equal(truncate_to(&f, t->zxid, &last), RK_OK);
            assert_nothing_newer(&f, t->zxid);
            assert_int_equal(recover(&f), RK_OK);
            assert_int_equal(f.out.last_zxid, t->zxid);
            fixture_close(&f);
            (*ret_points)++;
        }
    }
}

static void power_may_go_at_any_call(void **state)
{
    (void)state;
    static const rk_zxid zxids[] = {0, 8, 9, 12, 19, 22, 27, 29, 30};
    uint64_t points = 0;
    for (size_t i = 0; i < LAYOUTS; i++) {
        for (size_t z = 0; z < sizeof(zxids) / sizeof(zxids[0]); z++) {
            struct trial t = {&layouts[i], zxids[z], (i + z) % 2 == 0};
            if (base_of(t.layout, t.zxid) >= 0) {
                crash_at_every_call(&t, TEST_IS_SANITIZED ? 3 : 6, &points);
            }
        }
    }
    print_message("# %llu crashes\n", (unsigned long long)points);
    assert_true(points > 5000);
}

/* The newer snapshot came from a leader: between it and the logs before there is a hole. */
static void power_may_go_while_a_hole_is_cut_off(void **state)
{
    (void)state;
    static const struct layout hole = {
        "a hole", {{1, 9, 1}, {21, 25, 1}, {26, 30, 1}}, {0, 20, -1}, false};
    uint64_t points = 0;
    for (rk_zxid z = 5; z <= 9; z += 2) {
        struct trial t = {&hole, z, z == 7};
        crash_at_every_call(&t, 12, &points);
    }
    assert_true(points > 500);
}

/* -- The same on the simulator's disk ---------------------------------------------------------- */

struct sim {
    struct rk_mem mem;
    struct sim_tape tape;
    struct sim_disk *disk;
    struct rk_disk port;
    uint64_t calls;
    uint64_t cut_at; /* the power goes before this call */
    bool is_after;   /* or behind it */
};

static enum rk_err before_call(void *ctx, enum sim_disk_call call)
{
    struct sim *s = ctx;
    (void)call; /* each counts */
    s->calls++;
    if (s->calls == s->cut_at && !s->is_after) {
        rk_sim_disk_cut(s->disk);
    }
    return RK_OK;
}

static void after_call(void *ctx, enum sim_disk_call call, const char *name, uint64_t a, uint64_t b,
                       enum rk_err err)
{
    struct sim *s = ctx;
    (void)call; /* as above; nor does it matter how it went */
    (void)name;
    (void)a;
    (void)b;
    (void)err;
    if (s->calls == s->cut_at && s->is_after) {
        rk_sim_disk_cut(s->disk);
    }
}

static void sim_open(struct sim *s, const struct fake_disk *from, uint64_t seed)
{
    static const struct sim_disk_shape shape = {.is_one_dir = true};
    *s = (struct sim){.calls = 0};
    rk_mem_libc_init(&s->mem, 0);
    rk_sim_tape_init(&s->tape, seed);
    s->disk = rk_sim_disk_create(&s->mem, &s->tape, &shape);
    s->port = rk_sim_disk_port(s->disk);
    for (size_t i = 0; i < FAKE_FILES; i++) {
        const struct fake_entry *e = &from->now[i];
        const struct fake_file *file = &from->files[e->file];
        rk_file handle;
        if (!e->used) {
            continue;
        }
        const struct rk_disk_ops *ops = s->port.ops;
        assert_int_equal(ops->open(s->port.ctx, e->dir, e->name, RK_OPEN_CREATE, &handle), RK_OK);
        assert_int_equal(ops->write(s->port.ctx, handle, 0, file->now, file->now_len), RK_OK);
        assert_int_equal(ops->sync(s->port.ctx, handle), RK_OK);
        ops->close(s->port.ctx, handle);
        assert_int_equal(ops->sync_dir(s->port.ctx, e->dir), RK_OK);
    }
    struct sim_disk_hooks hooks = {s, before_call, after_call};
    rk_sim_disk_set_hooks(s->disk, &hooks);
}

static void sim_close(struct sim *s)
{
    rk_sim_disk_destroy(s->disk);
    assert_int_equal(s->mem.used_bytes, 0);
}

/* One crash; false if the truncation was over before that. */
static bool sim_crash(struct fixture *f, const struct trial *t, uint64_t n, bool is_after,
                      enum sim_persist policy)
{
    struct sim s;
    rk_zxid last;
    struct rk_wal_options options = wal_options();
    sim_open(&s, &f->disk, n * 16 + (uint64_t)policy);
    struct rk_wal *w = rk_wal_create(&f->mem, &s.port, &options);
    s.cut_at = n;
    s.is_after = is_after;
    enum rk_err err = rk_wal_truncate(w, t->zxid, &last);
    bool is_there = s.calls >= n;
    rk_wal_destroy(w);
    rk_sim_disk_set_hooks(s.disk, &(struct sim_disk_hooks){.ctx = NULL});
    rk_sim_disk_lose_power(s.disk, policy, SIM_SITE_PERSIST);
    enum rk_err again = rk_recover(&f->mem, &s.port, &f->options, &f->sink, &f->out, &f->problem);
    if (again != RK_OK) {
        print_error("%s to %lld, call %llu, %s: %s\n", t->layout->name, (long long)t->zxid,
                    (unsigned long long)n, rk_sim_persist_name(policy), f->problem.text);
    }
    assert_int_equal(again, RK_OK);
    assert_in_range(f->out.last_zxid, t->zxid, END);
    assert_seen(f, f->out.snapshot_zxid + 1, f->out.last_zxid);
    assert_true(err != RK_OK || f->out.last_zxid == t->zxid);
    sim_close(&s);
    return is_there;
}

static void power_may_go_on_the_simulated_disk(void **state)
{
    (void)state;
    static const rk_zxid zxids[] = {0, 9, 12, 27};
    const size_t step = TEST_IS_SANITIZED ? 2 : 1;
    uint64_t points = 0;
    for (size_t i = 0; i < LAYOUTS; i++) {
        for (size_t z = i % step; z < sizeof(zxids) / sizeof(zxids[0]); z += step) {
            struct trial t = {&layouts[i], zxids[z], false};
            struct fixture f;
            fixture_open(&f);
            build(&f, t.layout);
            bool is_there = base_of(t.layout, t.zxid) >= 0;
            for (uint64_t n = 1; is_there; n++) {
                for (uint32_t k = 0; k < 2 * SIM_PERSIST_COUNT; k++) {
                    is_there = sim_crash(&f, &t, n, k % 2 == 0, (enum sim_persist)(k / 2));
                    points++;
                }
            }
            fixture_close(&f);
        }
    }
    print_message("# %llu crashes\n", (unsigned long long)points);
    assert_true(points > 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_zxid_of_every_layout),
        cmocka_unit_test(the_log_ends_right_behind_the_last_record),
        cmocka_unit_test(no_log_is_left_without_a_record),
        cmocka_unit_test(snapshots_of_every_kind_go),
        cmocka_unit_test(leftovers_alone),
        cmocka_unit_test(an_empty_directory_has_nothing_to_cut),
        cmocka_unit_test(a_snapshot_that_stays_must_be_whole),
        cmocka_unit_test(a_zxid_of_another_history_is_refused),
        cmocka_unit_test(a_hole_that_a_snapshot_covers),
        cmocka_unit_test(damage_before_zxid_is_no_torn_tail),
        cmocka_unit_test(the_log_goes_on_in_a_new_file),
        cmocka_unit_test(what_was_not_committed_is_dropped),
        cmocka_unit_test(recovery_with_the_log_open),
        cmocka_unit_test(every_call_that_fails_is_told),
        cmocka_unit_test(memory_failures_change_nothing),
        cmocka_unit_test(power_may_go_at_any_call),
        cmocka_unit_test(power_may_go_while_a_hole_is_cut_off),
        cmocka_unit_test(power_may_go_on_the_simulated_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
