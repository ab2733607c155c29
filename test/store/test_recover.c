/* Which snapshot, which logs, and when a start must not happen. */
#include "store_support.h"

#include <stdlib.h>

static void add_file(struct fixture *f, rk_zxid first, rk_zxid last)
{
    write_log(f, first, last, 60, 2);
}

/* Snapshots 0, 20, 40; logs 1-20, 21-40, 41-50. */
static void fill_usual(struct fixture *f)
{
    write_snapshot(f, 0);
    write_snapshot(f, 20);
    write_snapshot(f, 40);
    add_file(f, 1, 20);
    add_file(f, 21, 40);
    add_file(f, 41, 50);
}

static void open_usual(struct fixture *f)
{
    fixture_open(f);
    fill_usual(f);
}

static struct fake_file *snapshot_file(struct fixture *f, const char *name)
{
    struct fake_file *file = fake_disk_get(&f->disk, RK_DIR_SNAP, name);
    assert_non_null(file);
    return file;
}

static void the_newest_snapshot_and_the_logs_behind_it(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    assert_int_equal(recover(&f), RK_OK);
    assert_string_equal(f.out.snapshot_name, "snapshot.28");
    assert_int_equal(f.out.snapshot_zxid, 40);
    assert_int_equal(f.snapshot_zxid, 40);
    assert_true(f.has_digest && f.digest == 0xabcdef0123456789u);
    assert_int_equal(f.out.txn_count, 10);
    assert_int_equal(f.out.bad_snapshots, 0);
    assert_false(f.out.is_fresh);
    assert_seen(&f, 41, 50);
    /* In the middle of a log. */
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.28");
    write_snapshot(&f, 0x1b);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 28, 50);
    /* Beyond the logs: nothing to replay. */
    write_snapshot(&f, 50);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 51, 50);
    assert_int_equal(f.out.last_zxid, 50);
    write_snapshot(&f, 60);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 60);
    fixture_close(&f);
}

static void a_bad_snapshot_falls_back_if_the_logs_cover_it(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    snapshot_file(&f, "snapshot.28")->now[100] ^= 1;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_string_equal(f.out.snapshot_name, "snapshot.14");
    assert_int_equal(f.out.bad_snapshots, 1);
    assert_int_equal(f.begun, 2);
    assert_seen(&f, 21, 50);
    snapshot_file(&f, "snapshot.14")->now_len -= 7; /* no candidate at all */
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_int_equal(f.out.bad_snapshots, 2);
    assert_seen(&f, 1, 50);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.15");
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "0x14 is followed by 0x29"));
    snapshot_file(&f, "snapshot.0")->now[20] ^= 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "snapshot.28"));
    fixture_close(&f);
}

static void the_logs_must_reach_the_snapshot_passed_over(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    write_snapshot(&f, 60);
    assert_int_equal(recover_copy(&f), RK_OK);
    snapshot_file(&f, "snapshot.3c")->now[100] ^= 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "snapshot.3c"));
    f.options.allow_holes = true;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 50);
    f.options.allow_holes = false;
    /* What a learner of Apache's was receiving when it died was nobody's yet. */
    struct fake_file *bad = snapshot_file(&f, "snapshot.3c");
    fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.3c.tmp", bad->now, bad->now_len);
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.3c");
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 50);
    fixture_close(&f);
}

static void nothing_at_all(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    f.options.db_autocreate = false;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recover(&f), RK_OK);
        assert_true(f.out.is_fresh && f.is_fresh);
        assert_int_equal(f.out.last_zxid, -1);
        assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, ""), 0);
    }
    fake_disk_put(&f.disk, RK_DIR_DATALOG, "initialize", "", 0);
    assert_int_equal(recover(&f), RK_OK);
    assert_true(f.out.is_fresh && f.is_fresh);
    assert_int_equal(f.out.last_zxid, 0);
    fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
    assert_null(fake_disk_get(&f.disk, RK_DIR_DATALOG, "initialize"));
    /* From now on it has a history, also if the power went at once. */
    assert_int_equal(recover(&f), RK_OK);
    assert_false(f.out.is_fresh);
    assert_string_equal(f.out.snapshot_name, "snapshot.0");
    assert_int_equal(f.out.last_zxid, 0);
    assert_int_equal(f.nodes, 4);
    fixture_close(&f);
}

static void a_fresh_start_that_fails_is_still_to_come(void **state)
{
    (void)state;
    static const enum rk_err errors[] = {RK_ERR_NO_SPACE, RK_ERR_IO};
    for (size_t e = 0; e < 2; e++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            for (uint64_t seed = 0; seed < 12; seed++) {
                struct fixture f;
                struct rk_prng prng;
                fixture_open(&f);
                rk_prng_init(&prng, seed);
                fake_disk_put(&f.disk, RK_DIR_DATALOG, "initialize", "", 0);
                f.options.db_autocreate = false;
                f.disk.fail_at = n;
                f.disk.fail_calls = 100;
                f.disk.fail_err = errors[e];
                enum rk_err err = recover(&f);
                is_done = f.disk.calls < n;
                assert_int_equal(err == RK_OK, is_done);
                f.disk.fail_at = 0;
                fake_disk_crash(&f.disk, (enum fake_crash)(seed % 3), &prng);
                assert_int_equal(recover(&f), RK_OK);
                assert_int_equal(f.out.last_zxid, 0);
                write_log(&f, 1, 2, 5, 1);
                fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
                assert_int_equal(recover(&f), RK_OK);
                assert_seen(&f, 1, 2);
                fixture_close(&f);
            }
        }
    }
}

static void the_initialize_file_goes_also_if_there_are_data(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    fake_disk_put(&f.disk, RK_DIR_DATALOG, "initialize", "", 0);
    assert_int_equal(recover(&f), RK_OK);
    assert_null(fake_disk_get(&f.disk, RK_DIR_DATALOG, "initialize"));
    /* But not if the start fails. */
    fake_disk_put(&f.disk, RK_DIR_DATALOG, "initialize", "", 0);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.29");
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(fake_disk_get(&f.disk, RK_DIR_DATALOG, "initialize"));
    fixture_close(&f);
}

static void logs_without_a_snapshot(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    add_file(&f, 1, 5);
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "log.1"));
    f.options.trust_empty = true;
    assert_int_equal(recover(&f), RK_OK);
    assert_false(f.out.is_fresh);
    assert_true(f.is_fresh);
    assert_seen(&f, 1, 5);
    /* An unfinished snapshot is none. */
    f.options.trust_empty = false;
    write_snapshot(&f, 2);
    snapshot_file(&f, "snapshot.2")->now_len -= 9;
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    f.options.trust_empty = true;
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 5);
    /* The history must be all there. */
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.1");
    add_file(&f, 6, 7);
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    fixture_close(&f);
}

static void every_subset_of_the_files(void **state)
{
    (void)state;
    static const struct {
        enum rk_disk_dir dir;
        const char *name;
    } files[] = {{RK_DIR_SNAP, "snapshot.0"},  {RK_DIR_SNAP, "snapshot.14"},
                 {RK_DIR_SNAP, "snapshot.28"}, {RK_DIR_LOG, "log.1"},
                 {RK_DIR_LOG, "log.15"},       {RK_DIR_LOG, "log.29"}};
    for (int how = 0; how < 3; how++) {
        for (uint32_t subset = 0; subset < 64; subset++) {
            struct fixture f;
            open_usual(&f);
            for (uint32_t i = 0; i < 6; i++) {
                if ((subset >> i & 1u) == 0) {
                    continue;
                }
                struct fake_file *file = fake_disk_get(&f.disk, files[i].dir, files[i].name);
                if (how == 0) {
                    fake_disk_drop(&f.disk, files[i].dir, files[i].name);
                } else if (how == 1) {
                    file->now_len = 0;
                } else {
                    memset(file->now, 0, file->now_len);
                }
            }
            /* Everything acknowledged is there, or the start says why not. */
            enum rk_err err = recover(&f);
            bool is_good = err == RK_OK && f.out.last_zxid == 50;
            assert_true(is_good || err == RK_ERR_CORRUPT);
            bool log_gone = (subset & 32u) != 0;
            bool snap_gone = (subset & 4u) != 0;
            assert_true(!is_good || !log_gone);
            assert_true(is_good || log_gone || snap_gone);
            if (!log_gone && snap_gone && (subset & 16u) == 0 && (subset & 2u) == 0) {
                assert_true(is_good);
                assert_seen(&f, 21, 50);
            }
            fixture_close(&f);
        }
    }
}

static void a_hole_stops_the_start(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    add_file(&f, 1, 5);
    add_file(&f, 7, 9);
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "0x5 is followed by 0x7 in log.7"));
    f.options.allow_holes = true;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_int_equal(f.seen_count, 8);
    assert_int_equal(f.out.last_zxid, 9);
    f.options.allow_holes = false;
    /* A snapshot closes it. */
    write_snapshot(&f, 6);
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_seen(&f, 7, 9);
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.6");
    /* The first one missing. */
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.1");
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    fixture_close(&f);
}

#define EPOCH(e) ((rk_zxid)(e) << 32)

static void epochs_begin_with_one(void **state)
{
    (void)state;
    static const struct {
        rk_zxid next;
        enum rk_err err;
    } cases[] = {
        {EPOCH(1) | 4, RK_OK},       {EPOCH(1) | 5, RK_ERR_CORRUPT}, {EPOCH(2) | 1, RK_OK},
        {EPOCH(7) | 1, RK_OK},       {EPOCH(2) | 2, RK_ERR_CORRUPT}, {EPOCH(2), RK_ERR_CORRUPT},
        {INT64_MAX, RK_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        append(&f, w, EPOCH(1) | 1, 5);
        append(&f, w, EPOCH(1) | 2, 5);
        append(&f, w, EPOCH(1) | 3, 5);
        append(&f, w, cases[i].next, 5);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        rk_wal_destroy(w);
        assert_int_equal(recover(&f), cases[i].err);
        assert_int_equal(f.seen_count, cases[i].err == RK_OK ? 4 : 3);
        fixture_close(&f);
    }
    /* From a snapshot that is named after the beginning of an epoch. */
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, EPOCH(3));
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, EPOCH(3) | 1, 5);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.seen_count, 1);
    fixture_close(&f);
}

static void what_comes_twice_is_applied_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    put_apache_log(&f, "log.1", 1, 6, 30);
    put_apache_log(&f, "log.4", 4, 9, 30);
    put_apache_log(&f, "log.7", 7, 12, 30);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 12);
    fixture_close(&f);
}

/* The table at the head of replay.c. */
static void what_may_follow_a_stop(void **state)
{
    (void)state;
    enum stop { TORN, UNPROVEN, PROVEN };
    static const struct {
        enum stop stop;
        rk_zxid snapshot;
        rk_zxid next; /* the next file begins here, 0: there is none */
        enum rk_err err;
    } cases[] = {
        {TORN, 0, 9, RK_OK},
        {TORN, 0, 10, RK_ERR_CORRUPT},
        {TORN, 0, EPOCH(1) | 1, RK_OK},
        {TORN, 0, 0, RK_OK},
        {TORN, 12, 13, RK_OK},
        {UNPROVEN, 0, 4, RK_OK},
        {UNPROVEN, 0, 5, RK_ERR_CORRUPT},
        {UNPROVEN, 0, EPOCH(1) | 1, RK_ERR_CORRUPT},
        {UNPROVEN, 0, 0, RK_ERR_CORRUPT},
        {UNPROVEN, 3, 4, RK_OK},
        {UNPROVEN, 12, 13, RK_OK},
        {UNPROVEN, 12, 12, RK_OK},
        {UNPROVEN, 12, 0, RK_ERR_CORRUPT},
        {PROVEN, 0, 4, RK_ERR_CORRUPT},
        {PROVEN, 0, EPOCH(1) | 1, RK_ERR_CORRUPT},
        {PROVEN, 0, 0, RK_ERR_CORRUPT},
        {PROVEN, 12, 13, RK_OK},
        {PROVEN, 3, 4, RK_ERR_CORRUPT},
        {PROVEN, 12, 0, RK_ERR_CORRUPT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, cases[i].snapshot);
        if (cases[i].stop == PROVEN) {
            write_log(&f, 1, 9, 40, 1);
        } else {
            put_apache_log(&f, "log.1", 1, 9, 40);
        }
        fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.1");
        size_t at = offset_of(&f, "log.1", cases[i].stop == TORN ? 9 : 4);
        log_file(&f, "log.1")->now[at + 20] ^= 1;
        if (cases[i].next != 0) {
            struct rk_wal_options options = wal_options();
            struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
            append(&f, w, cases[i].next, 5);
            append(&f, w, cases[i].next + 1, 5);
            assert_int_equal(rk_wal_commit(w), RK_OK);
            rk_wal_destroy(w);
        }
        enum rk_err err = recover_copy(&f);
        assert_int_equal(err, cases[i].err);
        if (err == RK_OK && cases[i].next != 0) {
            assert_int_equal(f.out.last_zxid, cases[i].next + 1);
        }
        /* A file that broke off at its creation between them changes nothing, unless its name says
         * that what stopped before it is covered by the snapshot. */
        if ((cases[i].next == 0 || cases[i].next > 9) && cases[i].snapshot < 9) {
            fake_disk_put(&f.disk, RK_DIR_LOG, "log.9", "", 0);
            assert_int_equal(recover_copy(&f), cases[i].err);
        }
        fixture_close(&f);
    }
}

static void the_override_reads_what_can_be_read(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.14");
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.28");
    log_file(&f, "log.15")->now[offset_of(&f, "log.15", 30) + 20] ^= 1;
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "allowHoles"));
    f.options.allow_holes = true;
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_int_equal(f.seen_count, 29 + 10);
    assert_int_equal(f.out.last_zxid, 50);
    fixture_close(&f);
}

static void what_the_sink_refuses(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    f.refuse_txn = 45;
    assert_int_equal(recover(&f), RK_ERR_MALFORMED);
    assert_non_null(strstr(f.problem.text, "0x2d"));
    f.refuse_txn = 0;
    f.refuse_nodes = true; /* as if each snapshot held a child without its parent */
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "none of the 3 snapshots"));
    assert_int_equal(f.begun, 3);
    fixture_close(&f);
}

static void a_record_that_cannot_be_decoded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 1, 5);
    struct rk_bytes payload = payload_of(&f, 2, 50);
    rk_store_i32(f.payload.data + 28, 77); /* no such type */
    rk_wal_append(w, 2, payload);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "0x2"));
    f.options.allow_holes = true; /* does not help: it is no hole */
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    fixture_close(&f);
}

static void a_lower_limit_than_before(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 3, 5000, 1);
    f.options.record_bytes_max = 5000;
    assert_int_equal(recover(&f), RK_OK);
    f.options.record_bytes_max = 4999;
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "jute.maxbuffer"));
    /* The limit is on fields; a record of many may be larger. */
    f.options.record_bytes_max = 5000;
    assert_int_equal(recover(&f), RK_OK);
    fixture_close(&f);
}

static void an_io_error_is_never_an_end(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    fake_disk_drop(&f.disk, RK_DIR_SNAP, "snapshot.28");
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        f.disk.calls = 0;
        f.disk.fail_at = n;
        f.disk.fail_err = RK_ERR_IO;
        enum rk_err err = recover(&f);
        is_done = f.disk.calls < n;
        f.disk.fail_at = 0;
        assert_true(err == RK_OK || err == RK_ERR_IO || err == RK_ERR_CORRUPT);
        /* Some do not matter: a mark that cannot be read, a snapshot for which there is another. */
        assert_true(err != RK_OK || f.out.last_zxid == 50);
    }
    fixture_close(&f);
}

static void a_memory_failure_is_never_an_end(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fixture f;
        jmp_buf env;
        fixture_open(&f);
        fixture_track(&f);
        fill_usual(&f);
        uint64_t from = f.mem.count;
        f.mem.fail_at = from + n;
        rk_test_panic_env = &env;
        if (setjmp(env) == 0) {
            enum rk_err err = recover(&f);
            is_done = f.mem.count < from + n;
            assert_int_equal(err, is_done ? RK_OK : RK_ERR_NOMEM);
            fixture_close(&f);
        } else {
            fixture_abandon(&f); /* an arena: the end of the process by contract */
        }
        rk_test_panic_env = NULL;
    }
}

static void what_was_read_is_made_durable(void **state)
{
    (void)state;
    /* The server died, the system did not: its last batch is read, answered from, and must then
     * survive. */
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 3, 10, 1);
    struct fake_file *file = log_file(&f, "log.1");
    size_t from = offset_of(&f, "log.1", 3);
    memset(file->synced + from, 0, end_of(&f, "log.1") - from);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 3);
    fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 3);
    fixture_close(&f);
}

/* The server died between the rename of its first snapshot and the sync of the directory, was
 * started again, took writes; then the power went. */
static void the_snapshot_read_is_made_durable(void **state)
{
    (void)state;
    uint32_t hits = 0;
    for (uint64_t n = 1;; n++) {
        struct fixture f;
        fixture_open(&f);
        f.disk.fail_at = f.disk.calls + n;
        f.disk.fail_err = RK_ERR_IO;
        enum rk_err err = try_snapshot(&f, 0, RK_SNAP_PLAIN, 5, true);
        f.disk.fail_at = 0;
        if (err != RK_OK && fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.0") != NULL) {
            hits++;
            assert_int_equal(recover(&f), RK_OK);
            write_log(&f, 1, 3, 10, 1);
            fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
            assert_int_equal(recover(&f), RK_OK);
            assert_seen(&f, 1, 3);
        }
        fixture_close(&f);
        if (err == RK_OK) {
            break;
        }
    }
    assert_true(hits > 0);
}

static void directories_that_were_swapped(void **state)
{
    (void)state;
    struct fixture f;
    open_usual(&f);
    assert_int_equal(rk_store_check_dirs(&f.disk.port, &f.problem), RK_OK);
    fake_disk_put(&f.disk, RK_DIR_LOG, "snapshot.7", "", 0);
    assert_int_equal(rk_store_check_dirs(&f.disk.port, &f.problem), RK_ERR_INVALID);
    assert_non_null(strstr(f.problem.text, "snapshot.7"));
    fake_disk_drop(&f.disk, RK_DIR_LOG, "snapshot.7");
    fake_disk_put(&f.disk, RK_DIR_SNAP, "log.7", "", 0);
    assert_int_equal(rk_store_check_dirs(&f.disk.port, &f.problem), RK_ERR_INVALID);
    assert_non_null(strstr(f.problem.text, "log.7"));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_snapshot_and_the_logs_behind_it),
        cmocka_unit_test(a_bad_snapshot_falls_back_if_the_logs_cover_it),
        cmocka_unit_test(the_logs_must_reach_the_snapshot_passed_over),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(a_fresh_start_that_fails_is_still_to_come),
        cmocka_unit_test(the_initialize_file_goes_also_if_there_are_data),
        cmocka_unit_test(logs_without_a_snapshot),
        cmocka_unit_test(every_subset_of_the_files),
        cmocka_unit_test(a_hole_stops_the_start),
        cmocka_unit_test(epochs_begin_with_one),
        cmocka_unit_test(what_comes_twice_is_applied_once),
        cmocka_unit_test(what_may_follow_a_stop),
        cmocka_unit_test(the_override_reads_what_can_be_read),
        cmocka_unit_test(what_the_sink_refuses),
        cmocka_unit_test(a_record_that_cannot_be_decoded),
        cmocka_unit_test(a_lower_limit_than_before),
        cmocka_unit_test(an_io_error_is_never_an_end),
        cmocka_unit_test(a_memory_failure_is_never_an_end),
        cmocka_unit_test(what_was_read_is_made_durable),
        cmocka_unit_test(the_snapshot_read_is_made_durable),
        cmocka_unit_test(directories_that_were_swapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
