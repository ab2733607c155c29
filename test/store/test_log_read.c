/* Reading transactions back for a learner: every range, what damage and holes do to it, beside a
 * log that is written, and whether it is worth it. */
#include "store_support.h"

#include "store/log_slice.h"

#define EPOCH ((rk_zxid)1 << 32)

/* Reads to the end or an error; payloads are compared with those that were appended. *ret_count is
 * how many came, in order from the first. */
static enum rk_err read_all(struct fixture *f, rk_zxid from, rk_zxid to, rk_zxid *ret_first,
                            uint32_t *ret_count, rk_zxid *ret_before)
{
    struct rk_log_read *r = NULL;
    *ret_count = 0;
    enum rk_err err = rk_log_read_create(&f->mem, &f->disk.port, from, to, &r, &f->problem);
    assert_int_equal(err == RK_OK, f->problem.text[0] == '\0');
    while (err == RK_OK) {
        rk_zxid zxid = 0;
        struct rk_bytes payload;
        err = rk_log_read_next(r, &zxid, &payload, &f->problem);
        if (err == RK_OK) {
            *ret_first = *ret_count == 0 ? zxid : *ret_first;
            assert_int_equal(zxid, *ret_first + *ret_count);
            assert_true(zxid >= from && zxid <= to);
            struct rk_bytes want = payload_of(f, zxid, 100);
            /* A file that lost its mark leaves the trailers on: nobody minds. */
            if (payload.len == want.len + RK_WAL_TRAILER_BYTES) {
                payload.len = want.len;
            }
            assert_true(rk_bytes_equal(payload, want));
            (*ret_count)++;
        }
    }
    assert_int_equal(err == RK_ERR_END, f->problem.text[0] == '\0');
    if (r != NULL) {
        *ret_before = rk_log_read_before(r);
    }
    rk_log_read_destroy(r);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    return err;
}

static void logs_from_5(struct fixture *f)
{
    fixture_open(f);
    write_snapshot(f, 4);
    write_log(f, 5, 9, 100, 1);
    write_log(f, 10, 17, 100, 3);
    (void)put_apache_log(f, "log.12", 18, 24, 100);
    write_log(f, 25, 30, 100, 2);
}

static void every_range(void **state)
{
    (void)state;
    struct fixture f;
    logs_from_5(&f);
    for (rk_zxid from = 0; from <= 33; from++) {
        for (rk_zxid to = from; to <= 33; to++) {
            rk_zxid first = 0;
            rk_zxid before = -7;
            uint32_t count = 0;
            enum rk_err err = read_all(&f, from, to, &first, &count, &before);
            if (from < 5) {
                assert_int_equal(err, RK_ERR_NOT_FOUND);
                assert_int_equal(count, 0);
                continue;
            }
            assert_int_equal(err, to <= 30 ? RK_ERR_END : RK_ERR_NOT_FOUND);
            rk_zxid last = to <= 30 ? to : 30;
            assert_int_equal(count, from <= last ? last - from + 1 : 0);
            if (count > 0) {
                assert_int_equal(first, from);
                /* Known only if it is in the same log. */
                bool is_first_of_log = from == 5 || from == 10 || from == 18 || from == 25;
                assert_int_equal(before, is_first_of_log ? 0 : from - 1);
            }
        }
    }
    fixture_close(&f);
}

/* A learner may have what this history does not: the first that comes is behind it then. */
static void epochs(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid first = 0;
    rk_zxid before = 0;
    uint32_t count = 0;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 5; z++) {
        append(&f, w, z, 100);
    }
    for (rk_zxid z = EPOCH + 1; z <= EPOCH + 3; z++) {
        append(&f, w, z, 100);
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    /* 7 is of a leader that nobody followed; EPOCH is where the epoch begins. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_all(&f, i == 0 ? 7 : EPOCH, EPOCH + 3, &first, &count, &before),
                         RK_ERR_END);
        assert_int_equal(count, 3);
        assert_int_equal(first, EPOCH + 1);
        assert_int_equal(before, 5);
    }
    fixture_close(&f);
}

static void a_hole_is_told(void **state)
{
    (void)state;
    struct fixture f;
    rk_zxid first = 0;
    rk_zxid before = 0;
    uint32_t count = 0;
    logs_from_5(&f);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.12");
    assert_int_equal(read_all(&f, 11, 28, &first, &count, &before), RK_ERR_NOT_FOUND);
    assert_int_equal(count, 7);
    assert_non_null(strstr(f.problem.text, "missing"));
    /* Up to it and behind it all is well. */
    assert_int_equal(read_all(&f, 11, 17, &first, &count, &before), RK_ERR_END);
    assert_int_equal(read_all(&f, 26, 30, &first, &count, &before), RK_ERR_END);
    /* In it there is no beginning. */
    assert_int_equal(read_all(&f, 20, 28, &first, &count, &before), RK_ERR_NOT_FOUND);
    assert_int_equal(count, 0);
    fixture_close(&f);

    fixture_open(&f);
    assert_int_equal(read_all(&f, 1, 1, &first, &count, &before), RK_ERR_NOT_FOUND);
    fixture_close(&f);
}

/* Wherever a byte is wrong: what comes is right, and it ends with an error or not at all. */
static void damage_is_never_passed_over(void **state)
{
    (void)state;
    struct fixture f;
    logs_from_5(&f);
    struct fake_file *file = log_file(&f, "log.a");
    size_t end = end_of(&f, "log.a");
    for (size_t at = 0; at < end; at += 3) {
        rk_zxid first = 0;
        rk_zxid before = 0;
        uint32_t count = 0;
        file->now[at] ^= 0x41;
        enum rk_err err = read_all(&f, 12, 27, &first, &count, &before);
        if (err != RK_ERR_END) {
            assert_true(err == RK_ERR_CORRUPT || err == RK_ERR_NOT_FOUND);
            assert_true(count <= 5);
        } else {
            assert_int_equal(first, 12);
            assert_int_equal(count, 16);
        }
        file->now[at] ^= 0x41;
    }
    /* Behind the end it does not matter. */
    file->now[offset_of(&f, "log.a", 16) + 30] ^= 1;
    rk_zxid first = 0;
    rk_zxid before = 0;
    uint32_t count = 0;
    assert_int_equal(read_all(&f, 12, 15, &first, &count, &before), RK_ERR_END);
    assert_int_equal(count, 4);
    fixture_close(&f);
}

static void the_log_is_written_meanwhile(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_wal_options options = wal_options();
    fixture_open(&f);
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 20; z++) {
        append(&f, w, z, 100);
        assert_int_equal(rk_wal_commit(w), RK_OK);
    }
    struct rk_log_read *r = NULL;
    assert_int_equal(rk_log_read_create(&f.mem, &f.disk.port, 3, 20, &r, &f.problem), RK_OK);
    for (rk_zxid z = 3; z <= 20; z++) {
        rk_zxid zxid = 0;
        struct rk_bytes payload;
        assert_int_equal(rk_log_read_next(r, &zxid, &payload, &f.problem), RK_OK);
        assert_int_equal(zxid, z);
        for (int i = 0; i < 3; i++) {
            append(&f, w, 20 + (z - 3) * 3 + i + 1, 100);
        }
        if (z == 9) {
            rk_wal_roll(w);
        }
        assert_int_equal(rk_wal_commit(w), RK_OK);
    }
    rk_zxid zxid = 0;
    struct rk_bytes payload;
    assert_int_equal(rk_log_read_next(r, &zxid, &payload, &f.problem), RK_ERR_END);
    assert_int_equal(rk_log_read_next(r, &zxid, &payload, &f.problem), RK_ERR_END);
    rk_log_read_destroy(r);
    rk_wal_destroy(w);
    fixture_close(&f);
}

static void failures_are_told(void **state)
{
    (void)state;
    for (int is_memory = 0; is_memory < 2; is_memory++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct fixture f;
            rk_zxid first = 0;
            rk_zxid before = 0;
            uint32_t count = 0;
            logs_from_5(&f);
            rk_buf_deinit(&f.payload);
            rk_buf_reset(&f.payload);
            assert_true(rk_buf_reserve(&f.payload, 4096));
            uint64_t calls = f.disk.calls;
            uint64_t allocations = f.mem.count;
            if (is_memory) {
                f.mem.fail_at = allocations + n;
            } else {
                f.disk.fail_at = calls + n;
                f.disk.fail_err = RK_ERR_IO;
            }
            enum rk_err err = read_all(&f, 6, 28, &first, &count, &before);
            is_done = is_memory ? f.mem.count < allocations + n : f.disk.calls < calls + n;
            if (is_done) {
                assert_int_equal(err, RK_ERR_END);
                assert_int_equal(count, 23);
            } else if (err == RK_ERR_END) {
                assert_int_equal(count, 23); /* a mark could not be read: nothing depends on it */
            } else {
                assert_int_equal(err, is_memory ? RK_ERR_NOMEM : RK_ERR_IO);
            }
            f.mem.fail_at = 0;
            fixture_close(&f);
        }
    }
}

static void whether_it_is_worth_it(void **state)
{
    (void)state;
    static const struct {
        uint64_t snapshot_bytes; /* 0: none */
        uint32_t factor_permille;
        rk_zxid from;
        bool is_cheap;
    } cases[] = {
        /* Logs of 1000, 2000 and 4000 bytes begin at 1, 11 and 21; the one that holds from is free.
         */
        {10000, 330, 25, true}, {10000, 330, 21, true},  {10000, 330, 15, false},
        {10000, 400, 15, true}, {10000, 399, 15, false}, {10000, 599, 5, false},
        {10000, 600, 5, true},  {10000, 699, 0, false},  {10000, 700, 0, true},
        {10000, 0, 0, true},    {0, 330, 0, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static uint8_t bytes[10000];
        struct fixture f;
        bool is_cheap = !cases[i].is_cheap;
        fixture_open(&f);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.1", bytes, 1000);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.b", bytes, 2000);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.15", bytes, 4000);
        fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.9", "short", 5);
        if (cases[i].snapshot_bytes > 0) {
            memcpy(bytes + sizeof(bytes) - 5, "\0\0\0\1/", 5);
            fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.5", bytes, sizeof(bytes));
        }
        assert_int_equal(rk_log_read_is_cheap(&f.mem, &f.disk.port, cases[i].from,
                                              cases[i].factor_permille, &is_cheap),
                         RK_OK);
        assert_int_equal(is_cheap, cases[i].is_cheap);
        f.disk.fail_at = f.disk.calls + 1;
        f.disk.fail_err = RK_ERR_IO;
        assert_int_equal(rk_log_read_is_cheap(&f.mem, &f.disk.port, cases[i].from, 330, &is_cheap),
                         RK_ERR_IO);
        fixture_close(&f);
    }
}

/* -- in slices
 * -------------------------------------------------------------------------------------- */

struct sliced {
    uint32_t slices, count;
    rk_zxid first, last, before;
    bool is_ok, is_last;
};

/* One more slice of a reader; what comes goes on where the last one ended. */
static void take_slice(struct fixture *f, struct rk_log_slicer *s, struct rk_log_ask *ask,
                       struct sliced *ret)
{
    struct rk_log_slice slice;
    struct rk_reader r;
    rk_log_slicer_next(s, ask, &slice, &f->problem);
    assert_int_equal(slice.is_ok, f->problem.text[0] == '\0');
    assert_true(slice.bytes.len < 400 + 200);
    rk_reader_init(&r, slice.bytes, UINT32_MAX);
    while (rk_reader_left(&r) > 0) {
        rk_zxid zxid = rk_read_i64(&r);
        struct rk_bytes payload = rk_read_bytes(&r);
        assert_false(r.failed);
        assert_true(ret->count == 0 || zxid == ret->last + 1);
        assert_true(payload.len >= 100);
        ret->first = ret->count == 0 ? zxid : ret->first;
        ret->last = zxid;
        ret->count++;
    }
    ret->before = ret->slices == 0 ? slice.before : ret->before;
    ret->slices++;
    ret->is_ok = slice.is_ok;
    ret->is_last = slice.is_last;
    ask->is_first = false;
}

static void readers_take_turns(void **state)
{
    (void)state;
    struct fixture f;
    logs_from_5(&f);
    struct rk_log_slicer *s = rk_log_slicer_create(&f.mem, &f.disk.port, 2, 400);
    assert_non_null(s);
    struct rk_log_ask asks[3] = {{.reader = 7, .from = 6, .to = 29, .is_first = true},
                                 {.reader = 8, .from = 11, .to = 12, .is_first = true},
                                 {.reader = 9, .from = 20, .to = 30, .is_first = true}};
    struct sliced got[3] = {{.is_ok = true}, {.is_ok = true}, {.is_ok = true}};
    take_slice(&f, s, &asks[0], &got[0]);
    take_slice(&f, s, &asks[1], &got[1]);
    assert_true(got[1].is_last && got[1].count == 2); /* and its place is free */
    take_slice(&f, s, &asks[2], &got[2]);
    while (!got[0].is_last || !got[2].is_last) {
        for (int i = 0; i < 3; i += 2) {
            if (!got[i].is_last) {
                take_slice(&f, s, &asks[i], &got[i]);
                assert_true(got[i].is_ok);
            }
        }
    }
    assert_true(got[0].slices > 4);
    assert_int_equal(got[0].count, 24);
    assert_int_equal(got[0].first, 6);
    assert_int_equal(got[0].before, 5);
    assert_int_equal(got[2].count, 11);
    assert_int_equal(fake_disk_open_count(&f.disk), 0);
    rk_log_slicer_destroy(s);
    fixture_close(&f);
}

static void a_reader_ends_with_what_is_wrong(void **state)
{
    (void)state;
    struct fixture f;
    logs_from_5(&f);
    struct rk_log_slicer *s = rk_log_slicer_create(&f.mem, &f.disk.port, 2, 400);
    struct rk_log_ask ask = {.reader = 1, .from = 6, .to = 30, .is_first = true};
    struct sliced got = {.is_ok = true};
    take_slice(&f, s, &ask, &got);
    assert_true(got.is_ok && !got.is_last);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.12"); /* purged meanwhile */
    for (int i = 0; i < 10 && got.is_ok; i++) {
        take_slice(&f, s, &ask, &got);
    }
    assert_false(got.is_ok || got.is_last);
    take_slice(&f, s, &ask, &got); /* it is over */
    assert_false(got.is_ok);
    ask = (struct rk_log_ask){.reader = 2, .from = 2, .to = 9, .is_first = true};
    take_slice(&f, s, &ask, &got); /* no log reaches back */
    assert_false(got.is_ok);
    ask = (struct rk_log_ask){
        .reader = 3, .from = 6, .to = 9, .size_permille = 100, .is_first = true};
    take_slice(&f, s, &ask, &got); /* too much beside the snapshot */
    assert_false(got.is_ok);
    for (uint64_t reader = 4; reader < 6; reader++) {
        got = (struct sliced){.is_ok = true};
        ask = (struct rk_log_ask){.reader = reader, .from = 6, .to = 17, .is_first = true};
        take_slice(&f, s, &ask, &got);
        assert_true(got.is_ok);
    }
    ask.reader = 6;
    ask.is_first = true;
    take_slice(&f, s, &ask, &got); /* more than there is room for */
    assert_false(got.is_ok);
    rk_log_slicer_drop(s, 4);
    rk_log_slicer_drop(s, 4);
    got = (struct sliced){.is_ok = true};
    ask.is_first = true;
    take_slice(&f, s, &ask, &got);
    assert_true(got.is_ok);
    rk_log_slicer_destroy(s); /* in the middle of two */
    rk_log_slicer_destroy(NULL);
    assert_int_equal(fake_disk_open_count(&f.disk), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range),
        cmocka_unit_test(epochs),
        cmocka_unit_test(a_hole_is_told),
        cmocka_unit_test(damage_is_never_passed_over),
        cmocka_unit_test(the_log_is_written_meanwhile),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(whether_it_is_worth_it),
        cmocka_unit_test(readers_take_turns),
        cmocka_unit_test(a_reader_ends_with_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
