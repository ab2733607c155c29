/* Mending: that nothing is lost which nobody agreed to, and that it helps where a start stops. */
#include "inspect_support.h"

#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "store/wal_format.h"
#include "store/wal_mark.h"

static const char *const cut[] = {"repair", "--truncate", "@log.1", NULL};

/* log.1 with record 10, of zxid 0xb, damaged in its type. */
static void open_damaged(struct bench *b, struct bench_records *r)
{
    size_t len;
    bench_open(b);
    uint8_t *data = bench_log_1(b, &len, r);
    data[r->at[10] + 40] ^= 1;
    bench_write(b, "log.1", data, len);
    free(data);
}

/* A snapshot of a zxid behind the damage does not help if what was acknowledged goes further. */
static void a_cut_is_made_where_a_start_stops(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    open_damaged(&b, &r);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.14");
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_DAMAGED);
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_true(says(b.out, "17 whole transactions behind it, 0xc to 0x1c"));
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_OK);
    assert_true(says(b.out, "comes out: zxid 0x14,"));
    bench_close(&b);
}

static void a_log_without_a_good_record_is_moved_away(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    static const char *const second[] = {"repair", "--truncate", "@log.1d", NULL};
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    bench_golden(&b, "plain/log.1d", "log.1d");
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    uint8_t *data = bench_read(&b, "log.1d", &len);
    data[RK_WAL_HEADER_BYTES + 40] ^= 1;
    bench_write(&b, "log.1d", data, len);
    free(data);
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_DAMAGED);
    assert_int_equal(bench_log(&b, "y\n", second), RK_INS_OK);
    assert_true(bench_has(&b, "damaged.log.1d") && !bench_has(&b, "log.1d"));
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_OK);
    bench_close(&b);
}

/* What stops a start lies in another file: the later logs are worth more than this one's rest. */
static void a_cut_elsewhere_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    size_t len;
    open_damaged(&b, &r);
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    bench_golden(&b, "plain/log.1d", "log.1d");
    uint8_t *data = bench_read(&b, "log.1d", &len);
    size_t first = RK_WAL_HEADER_BYTES;
    size_t second = first + RK_WAL_HEAD_BYTES + (size_t)rk_load_i32(data + first + 8) + 1;
    data[second + 40] ^= 1;
    bench_write(&b, "log.1d", data, len);
    free(data);
    assert_int_equal(LOG(&b, "repair", "-t", "-y", "@log.1"), RK_INS_REFUSED);
    assert_true(says(b.out, "what a start stops at is another matter: log.1d is damaged"));
    assert_true(bench_has(&b, "log.1d") && !bench_has(&b, "damaged.log.1d"));
    bench_close(&b);
}

/* Zeros where the mark says that transactions were: no server passes over that. */
static void a_tail_that_was_durable_is_damage(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    size_t len;
    uint8_t bytes[RK_WAL_MARK_BYTES];
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    struct rk_wal_mark mark = {.offset = len, .zxid = 0x1c};
    memset(data + r.at[20], 0, len - r.at[20]);
    bench_write(&b, "log.1", data, len);
    free(data);
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_true(says(b.out, "is not damaged"));
    rk_wal_mark_encode(bytes, &mark);
    bench_write(&b, "zidx.1", bytes, sizeof(bytes));
    bench_golden(&b, "plain/snapshot.0", "snapshot.0");
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_DAMAGED);
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_true(bench_has(&b, "damaged.zidx.1") && bench_has(&b, "damaged.log.1"));
    assert_int_equal(SNAPSHOT(&b, "restore-check", "@"), RK_INS_OK);
    assert_true(says(b.out, "comes out: zxid 0x14,"));
    bench_close(&b);
}

static void a_cut_keeps_servers_out(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    static const char *const inner[] = {"repair", "-ty", "@version-2/log.1", NULL};
    open_damaged(&b, &r);
    assert_int_equal(mkdir(bench_path(&b, "version-2"), 0755), 0);
    char from[512];
    (void)snprintf(from, sizeof(from), "%s", bench_path(&b, "log.1"));
    assert_int_equal(rename(from, bench_path(&b, "version-2/log.1")), 0);
    bench_write(&b, "rookery.lock", "", 0);
    FILE *held = fopen(bench_path(&b, "rookery.lock"), "r+");
    assert_non_null(held);
    assert_int_equal(flock(fileno(held), LOCK_EX | LOCK_NB), 0);
    assert_int_equal(bench_log(&b, "", inner), RK_INS_REFUSED);
    assert_true(says(b.err, "in use by a server"));
    assert_false(bench_has(&b, "version-2/damaged.log.1"));
    assert_int_equal(fclose(held), 0);
    assert_int_equal(bench_log(&b, "", inner), RK_INS_OK);
    assert_true(bench_has(&b, "version-2/damaged.log.1"));
    bench_close(&b);
}

/* Whatever is in the way is told before anything is moved. */
static void what_an_earlier_run_left_is_respected(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    char log[512];
    open_damaged(&b, &r);
    bench_golden(&b, "plain/log.1d", "log.1d");
    bench_write(&b, "damaged.log.1", "old", 3);
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_IO);
    assert_true(says(b.err, "damaged.log.1 is there from an earlier repair"));
    assert_true(bench_has(&b, "log.1d") && !bench_has(&b, "damaged.log.1d"));
    assert_int_equal(remove(bench_path(&b, "damaged.log.1")), 0);

    bench_write(&b, "part.log.1.fixed", "", 0);
    assert_int_equal(LOG(&b, "repair", "-y", "@log.1"), RK_INS_IO);
    assert_true(says(b.err, "part.log.1.fixed cannot be made") && says(b.err, "remove it"));

    /* Broken off between the link and the rename. */
    (void)snprintf(log, sizeof(log), "%s", bench_path(&b, "log.1"));
    assert_int_equal(link(log, bench_path(&b, "damaged.log.1")), 0);
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_int_equal(LOG(&b, "verify", "@log.1"), RK_INS_OK);
    assert_int_equal(LOG(&b, "verify", "@damaged.log.1"), RK_INS_DAMAGED);
    bench_close(&b);
}

static void a_mended_file_has_the_mode_of_the_old_one(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    struct stat st;
    open_damaged(&b, &r);
    assert_int_equal(chmod(bench_path(&b, "log.1"), 0604), 0);
    assert_int_equal(LOG(&b, "repair", "-y", "@log.1"), RK_INS_DAMAGED);
    assert_int_equal(stat(bench_path(&b, "log.1.fixed"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    assert_int_equal(LOG(&b, "repair", "-ty", "@log.1"), RK_INS_OK);
    assert_int_equal(stat(bench_path(&b, "log.1"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    bench_close(&b);
}

static void chop_looks_no_further_than_its_zxid(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    size_t len;
    open_damaged(&b, &r);
    assert_int_equal(LOG(&b, "chop", "-z", "0xa", "@log.1"), RK_INS_OK);
    uint8_t *data = bench_read(&b, "log.1", &len);
    data[r.at[10] + 8] = 0x7f; /* an impossible length */
    bench_write(&b, "log.1", data, len);
    assert_int_equal(LOG(&b, "chop", "-z", "0xa", "-o", "@other", "@log.1"), RK_INS_OK);
    assert_int_equal(LOG(&b, "chop", "-z", "0xb", "@log.1"), RK_INS_DAMAGED);
    assert_int_equal(LOG(&b, "compare", "@other", "@log.1.chopped10"), RK_INS_OK);
    assert_true(says(b.out, "equal: 10 transactions, 0x1 to 0xa"));
    free(data);
    bench_close(&b);
}

static void what_is_no_transaction_ends_a_mended_log(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    size_t len;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    uint8_t *record = data + r.at[10];
    uint32_t n = (uint32_t)rk_load_i32(record + 8);
    rk_store_i32(record + RK_WAL_HEAD_BYTES + 28, 77); /* its type */
    rk_store_i64(record, (int64_t)adler32(adler32(0, NULL, 0), record + RK_WAL_HEAD_BYTES, n));
    bench_write(&b, "log.1", data, len);
    free(data);
    assert_int_equal(LOG(&b, "repair", "-y", "@log.1"), RK_INS_DAMAGED);
    assert_true(says(b.out, "LOST: what was there, and 17 transactions behind it, 0xc to 0x1c."));
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_true(says(b.out, "it is no transaction") && says(b.out, "17 whole transactions behind"));
    assert_int_equal(LOG(&b, "verify", "@log.1"), RK_INS_OK);
    bench_close(&b);
}

/* Only the first word of a line is an answer, however long the line is. */
static void a_long_line_is_one_answer(void **state)
{
    (void)state;
    struct bench b;
    struct bench_records r;
    char line[128];
    open_damaged(&b, &r);
    memset(line, '?', 63);
    (void)snprintf(line + 63, sizeof(line) - 63, "yes\nn\n");
    assert_int_equal(bench_log(&b, line, cut), RK_INS_REFUSED);
    assert_false(bench_has(&b, "damaged.log.1"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_is_made_where_a_start_stops),
        cmocka_unit_test(a_log_without_a_good_record_is_moved_away),
        cmocka_unit_test(a_cut_elsewhere_is_refused),
        cmocka_unit_test(a_tail_that_was_durable_is_damage),
        cmocka_unit_test(a_cut_keeps_servers_out),
        cmocka_unit_test(what_an_earlier_run_left_is_respected),
        cmocka_unit_test(a_mended_file_has_the_mode_of_the_old_one),
        cmocka_unit_test(chop_looks_no_further_than_its_zxid),
        cmocka_unit_test(what_is_no_transaction_ends_a_mended_log),
        cmocka_unit_test(a_long_line_is_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
