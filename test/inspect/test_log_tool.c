/* rookery-log on logs of Apache 3.8.0, whole and damaged at every place. */
#include "inspect_support.h"

#include <stdlib.h>

#include "store/wal_format.h"

static void a_sound_log_is_found_sound(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    bench_golden(&b, "plain/log.1d", "log.1d");
    assert_int_equal(LOG(&b, "verify", "@"), RK_INS_OK);
    assert_true(says(b.out, "log.1: ok, 28 transactions 0x1 to 0x1c in 1 epoch, 25 digests"));
    assert_true(says(b.out, "log.1d: ok, 29 transactions 0x1d to 0x39"));
    assert_int_equal(LOG(&b, "verify", "--json", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "\"verdict\":\"ok\",\"txns\":28,"));
    bench_close(&b);
}

static void every_flipped_byte_is_noticed(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    for (size_t at = 0; at < len; at++) {
        data[at] ^= 0x20;
        bench_write(&b, "log.1", data, len);
        int status = LOG(&b, "verify", "@log.1");
        bool is_ignored = at >= 4 && at < RK_WAL_HEADER_BYTES; /* version and dbid */
        bool is_last = at >= r.at[r.count - 1];
        if (is_ignored) {
            assert_int_equal(status, RK_INS_OK);
        } else if (at < 4) {
            assert_int_not_equal(status, RK_INS_USAGE);
        } else if (is_last) {
            assert_true(says(b.out, "torn") || says(b.out, "DAMAGED"));
        } else {
            assert_int_equal(status, RK_INS_DAMAGED);
        }
        if (at % 7 == 0) {
            (void)LOG(&b, "dump", "@log.1");
            (void)LOG(&b, "summary", "@log.1");
        }
        data[at] ^= 0x20;
    }
    free(data);
    bench_close(&b);
}

static void a_cut_is_a_torn_tail(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    for (size_t end = 0; end < len; end += end < 200 ? 1 : 13) {
        bench_write(&b, "log.1", data, end);
        assert_int_equal(LOG(&b, "verify", "@log.1"), RK_INS_OK);
        bool is_clean = false;
        for (size_t i = 0; i <= r.count; i++) {
            is_clean = is_clean || r.at[i] == end;
        }
        assert_int_equal(says(b.out, "torn"), !is_clean);
        assert_int_equal(LOG(&b, "verify", "--strict", "@log.1"),
                         is_clean ? RK_INS_OK : RK_INS_DAMAGED);
    }
    free(data);
    bench_close(&b);
}

static void a_gap_is_a_gap_unless_a_snapshot_covers_it(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    bench_golden(&b, "plain/log.1d", "log.1d");
    bench_write(&b, "log.1", data, r.at[20]);
    assert_int_equal(LOG(&b, "verify", "@"), RK_INS_GAP);
    assert_true(says(b.out, "zxid 0x14 is followed by 0x1d: transactions are missing"));
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    assert_int_equal(LOG(&b, "verify", "@"), RK_INS_OK);
    assert_true(says(b.out, "no loss, because of snapshot.1c"));
    free(data);
    bench_close(&b);
}

static void wrong_checksums_are_mended_if_a_person_agrees(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    data[r.at[3] + 7] ^= 1; /* the checksum itself */
    data[r.at[9] + 7] ^= 1;
    bench_write(&b, "log.1", data, len);
    assert_int_equal(LOG(&b, "dump", "@log.1"), RK_INS_DAMAGED);
    assert_int_equal(count_of(b.out, "CRC ERROR - "), 2);
    assert_true(says(b.out, "EOF reached after 28 txns."));

    static const char *const repair[] = {"repair", "@log.1", NULL};
    assert_int_equal(bench_log(&b, "y\nabort\n", repair), RK_INS_REFUSED);
    assert_false(bench_has(&b, "log.1.fixed") || bench_has(&b, "part.log.1.fixed"));
    assert_int_equal(bench_log(&b, "", repair), RK_INS_REFUSED);
    assert_int_equal(bench_log(&b, "what?\nYes\nno\n", repair), RK_INS_DAMAGED);
    assert_true(says(b.out, "written with 1 fixed CRC error(s)"));
    assert_int_equal(LOG(&b, "verify", "@log.1.fixed"), RK_INS_DAMAGED);
    assert_int_equal(LOG(&b, "repair", "-y", "@log.1"), RK_INS_IO); /* it is there already */
    assert_int_equal(LOG(&b, "repair", "-y", "-o", "@other", "@log.1"), RK_INS_OK);
    assert_int_equal(count_of(b.out, "CRC FIXED - "), 2);
    assert_int_equal(LOG(&b, "verify", "@other"), RK_INS_OK);
    bench_golden(&b, "plain/log.1", "whole");
    assert_int_equal(LOG(&b, "compare", "@other", "@whole"), RK_INS_OK);

    size_t now_len;
    uint8_t *now = bench_read(&b, "log.1", &now_len);
    assert_int_equal(now_len, len);
    assert_memory_equal(now, data, len); /* the original was left alone */
    free(now);
    free(data);
    bench_close(&b);
}

static void what_cannot_be_mended_is_told(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    data[r.at[10] + 8] = 0x7f; /* an impossible length */
    bench_write(&b, "log.1", data, len);
    assert_int_equal(LOG(&b, "repair", "-y", "@log.1"), RK_INS_DAMAGED);
    assert_true(says(b.out, "It ends behind zxid 0xa"));
    assert_true(says(b.out, "LOST: what was there, and 17 transactions behind it, 0xc to 0x1c."));
    assert_int_equal(LOG(&b, "verify", "@log.1.fixed"), RK_INS_OK);
    assert_true(says(b.out, "10 transactions 0x1 to 0xa"));
    assert_int_equal(LOG(&b, "dump", "@log.1"), RK_INS_DAMAGED);
    assert_int_equal(count_of(b.out, " zxid 0x"), 27); /* all but one */
    assert_true(says(b.err, "damaged from offset"));
    free(data);
    bench_close(&b);
}

static void a_cut_keeps_the_original(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    static const char *const cut[] = {"repair", "--truncate", "@log.1", NULL};
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    bench_golden(&b, "plain/log.1d", "log.1d");
    assert_int_equal(LOG(&b, "repair", "-t", "-y", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "not damaged"));
    data[r.at[10] + 40] ^= 1;
    bench_write(&b, "log.1", data, len);

    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    assert_int_equal(LOG(&b, "repair", "-t", "-y", "@log.1"), RK_INS_REFUSED);
    assert_true(says(b.out, "a start from snapshot.1c does not need that"));
    assert_int_equal(remove(bench_path(&b, "snapshot.1c")), 0);

    assert_int_equal(bench_log(&b, "n\n", cut), RK_INS_REFUSED);
    assert_true(says(b.out, "all of log.1d"));
    assert_false(bench_has(&b, "damaged.log.1"));
    assert_int_equal(bench_log(&b, "y\n", cut), RK_INS_OK);
    assert_true(bench_has(&b, "damaged.log.1") && bench_has(&b, "damaged.log.1d"));
    assert_false(bench_has(&b, "log.1d") || bench_has(&b, "part.log.1"));
    assert_int_equal(LOG(&b, "verify", "@"), RK_INS_OK);
    assert_true(says(b.out, "10 transactions 0x1 to 0xa"));
    size_t now_len;
    uint8_t *now = bench_read(&b, "damaged.log.1", &now_len);
    assert_int_equal(now_len, len);
    assert_memory_equal(now, data, len);
    free(now);
    free(data);
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
        {"-p", "/r0/two", "4"},
        {"-P", "^/r0/(two|gone)$", "6"},
        {"-d", "^changed", "2"},
        {"-t", "multi", "2"},
        {"-t", "check", "1"},
        {"-t", "createsession", "2"},
        {"-z", "0x5-0x7", "3"},
        {"-z", "0x1b-", "2"},
        {"-s", "0x1000033f0570001", "4"},
        {"--to", "1795388106895", "1"},
        {"--from", "2100-01-01", "0"},
    };
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = LOG(&b, "grep", "-c", cases[i].option, cases[i].value, "@log.1");
        b.out[strcspn(b.out, "\n")] = '\0';
        assert_string_equal(b.out, cases[i].count);
        assert_int_equal(status, cases[i].count[0] == '0' ? RK_INS_DIFFERS : RK_INS_OK);
    }
    assert_int_equal(LOG(&b, "grep", "-j", "-v", "-p", "/r0/m1", "-t", "setData", "@log.1"),
                     RK_INS_OK);
    assert_true(
        says(b.out, "\"type\":\"multi\",\"txns\":[{\"type\":\"create\",\"path\":\"/r0/m1\""));
    assert_int_equal(count_of(b.out, "\n"), 1);
    bench_close(&b);
}

static void summary_counts(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    assert_int_equal(LOG(&b, "summary", "-d", "1", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "28 transactions in 4958 bytes of 1 file(s), zxid 0x1 to 0x1c"));
    assert_int_equal(LOG(&b, "summary", "-j", "-n", "1", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "\"txns\":28,\"bytes\":4958"));
    assert_true(says(b.out, "\"sessions\":[{\"key\":\"0x1000033f0570000\",\"txns\":24,"));
    bench_close(&b);
}

static void compare_says_where_they_part(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    bench_write(&b, "short", data, r.at[7]);
    assert_int_equal(LOG(&b, "compare", "@log.1", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "equal: 28 transactions, 0x1 to 0x1c"));
    assert_int_equal(LOG(&b, "compare", "@log.1", "@short"), RK_INS_DIFFERS);
    assert_true(says(b.out, "they part behind zxid 0x7, after 7 equal"));
    assert_int_equal(LOG(&b, "compare", "-q", "@log.1", "@short"), RK_INS_DIFFERS);
    assert_int_equal(b.out_len, 0);
    /* Without its first records it begins later, which is no difference. */
    memmove(data + r.at[0], data + r.at[5], len - r.at[5]);
    bench_write(&b, "later", data, len - (r.at[5] - r.at[0]));
    assert_int_equal(LOG(&b, "compare", "@later", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "begins earlier, with 5 transactions from 0x1 on"));
    bench_golden(&b, "gzip/log.1", "other");
    assert_int_equal(LOG(&b, "compare", "-a", "@log.1", "@other"), RK_INS_DIFFERS);
    assert_true(says(b.out, "0 equal, 28 different"));
    free(data);
    bench_close(&b);
}

static void chop_ends_a_copy(void **state)
{
    (void)state;
    struct bench b;
    size_t len;
    struct bench_records r;
    bench_open(&b);
    uint8_t *data = bench_log_1(&b, &len, &r);
    assert_int_equal(LOG(&b, "-c", "-z", "0xa", "@log.1"), RK_INS_OK);
    size_t chopped_len;
    uint8_t *chopped = bench_read(&b, "log.1.chopped10", &chopped_len);
    assert_non_null(chopped);
    assert_int_equal(chopped_len, r.at[10]);
    assert_memory_equal(chopped, data, chopped_len);
    assert_int_equal(LOG(&b, "chop", "-z", "0x1c", "@log.1"), RK_INS_DIFFERS);
    assert_int_equal(LOG(&b, "chop", "-z", "0x99", "@log.1"), RK_INS_USAGE);
    data[r.at[3] + 20] ^= 1;
    bench_write(&b, "log.1", data, len);
    assert_int_equal(LOG(&b, "chop", "-z", "0x9", "@log.1"), RK_INS_DAMAGED);
    assert_false(bench_has(&b, "log.1.chopped9") || bench_has(&b, "part.log.1.chopped9"));
    free(chopped);
    free(data);
    bench_close(&b);
}

static void the_toolkits_options_work(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    assert_int_equal(LOG(&b, "@log.1"), RK_INS_OK);
    assert_true(
        says(b.out, "ZooKeeper Transactional Log File with dbid 0 txnlog format version 2"));
    assert_true(says(b.out, "delete '/r0/gone\n"));
    assert_true(says(b.out, "createTtl /r0/ttl,t,[31,s{'world,'anyone}\n],"));
    assert_int_equal(LOG(&b, "-d", "@log.1"), RK_INS_OK);
    assert_int_equal(LOG(&b, "-rvy", "@log.1"), RK_INS_OK);
    assert_true(says(b.out, "written with 0 fixed CRC error(s)"));
    bench_close(&b);
}

static void purge_keeps_what_is_needed(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/snapshot.0", "snapshot.0");
    bench_golden(&b, "plain/snapshot.1c", "snapshot.1c");
    bench_golden(&b, "plain/snapshot.1c", "snapshot.20");
    bench_golden(&b, "plain/snapshot.1c", "snapshot.30");
    bench_golden(&b, "plain/log.1", "log.1");
    bench_golden(&b, "plain/log.1d", "log.1c");
    assert_int_equal(LOG(&b, "purge", "-n", "4", "@"), RK_INS_OK);
    assert_string_equal(b.out, "");
    assert_int_equal(LOG(&b, "purge", "--dry-run", "-n", "3", "@"), RK_INS_OK);
    assert_int_equal(count_of(b.out, "Would remove: "), 2);
    assert_true(bench_has(&b, "snapshot.0") && bench_has(&b, "log.1"));
    assert_int_equal(LOG(&b, "purge", "-n", "3", "@"), RK_INS_OK);
    assert_int_equal(count_of(b.out, "Removing file: "), 2);
    assert_false(bench_has(&b, "snapshot.0") || bench_has(&b, "log.1"));
    assert_true(bench_has(&b, "snapshot.1c") && bench_has(&b, "log.1c"));
    bench_close(&b);
}

static void names_cannot_drive_a_terminal(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    bench_golden(&b, "plain/log.1", "log.2.\x1b[2J");
    bench_golden(&b, "plain/log.1",
                 "log.2.\xc2\x9b"
                 "2J"); /* C1's CSI */
    assert_int_equal(LOG(&b, "verify", "@"), RK_INS_OK);
    assert_true(says(b.err, "2 files whose names cannot be printed"));
    assert_false(says(b.out, "\x1b") || says(b.err, "\x1b") || says(b.out, "\xc2\x9b"));
    bench_close(&b);
}

static void no_memory_is_an_error_not_a_crash(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_golden(&b, "plain/log.1", "log.1");
    b.mem.limit_bytes = 4096;
    assert_int_equal(LOG(&b, "verify", "@log.1"), RK_INS_IO);
    assert_int_equal(LOG(&b, "dump", "@log.1"), RK_INS_IO);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_log_is_found_sound),
        cmocka_unit_test(every_flipped_byte_is_noticed),
        cmocka_unit_test(a_cut_is_a_torn_tail),
        cmocka_unit_test(a_gap_is_a_gap_unless_a_snapshot_covers_it),
        cmocka_unit_test(wrong_checksums_are_mended_if_a_person_agrees),
        cmocka_unit_test(what_cannot_be_mended_is_told),
        cmocka_unit_test(a_cut_keeps_the_original),
        cmocka_unit_test(grep_finds),
        cmocka_unit_test(summary_counts),
        cmocka_unit_test(compare_says_where_they_part),
        cmocka_unit_test(chop_ends_a_copy),
        cmocka_unit_test(the_toolkits_options_work),
        cmocka_unit_test(purge_keeps_what_is_needed),
        cmocka_unit_test(names_cannot_drive_a_terminal),
        cmocka_unit_test(no_memory_is_an_error_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
