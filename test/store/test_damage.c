/* Torn tail or damage: every cut, every flipped byte, every way in which a batch may be half there.
 */
#include "store_support.h"

#include <stdlib.h>

#include "proto/opcode.h"

#define DATA_LEN 40u

/* Three batches of three records, on a snapshot: 1-3, 4-6, 7-9. */
static void open_batches(struct fixture *f, bool keep_mark)
{
    fixture_open(f);
    write_snapshot(f, 0);
    write_log(f, 1, 9, DATA_LEN, 3);
    if (!keep_mark) {
        fake_disk_drop(&f->disk, RK_DIR_LOG, "zidx.1");
    }
    /* The zeros behind are tested apart: here they only cost time. */
    log_file(f, "log.1")->now_len = end_of(f, "log.1") + 64;
}

static void every_cut_of_a_log_of_ours(void **state)
{
    (void)state;
    for (int keep_mark = 0; keep_mark < 2; keep_mark++) {
        struct fixture f;
        open_batches(&f, keep_mark);
        struct fake_file *file = log_file(&f, "log.1");
        size_t end = end_of(&f, "log.1");
        size_t first_end = offset_of(&f, "log.1", 2);
        for (size_t len = 0; len <= end; len++) {
            file = log_file(&f, "log.1");
            size_t whole = file->now_len;
            rk_zxid last = 0;
            for (rk_zxid z = 1; z <= 9; z++) {
                size_t next = z == 9 ? end : offset_of(&f, "log.1", z + 1);
                last = next <= len ? z : last;
            }
            file->now_len = len;
            enum rk_err err = recover_copy(&f);
            file = log_file(&f, "log.1");
            file->now_len = whole;
            bool is_boundary =
                len == end || (last > 0 && last < 9 && len == offset_of(&f, "log.1", last + 1));
            /* Behind a record, and nowhere else, it is a cut of another server's: test_cut.c. */
            if (keep_mark ? !is_boundary : (len >= 16 && len < first_end)) {
                assert_int_equal(err, RK_ERR_CORRUPT);
                continue;
            }
            assert_int_equal(err, RK_OK);
            assert_seen(&f, 1, last);
            assert_string_equal(f.out.torn_file, is_boundary ? "" : "log.1");
        }
        fixture_close(&f);
    }
}

/* What must come of the byte at `at` of the log in f having been damaged: g is how the start went.
 */
static void check_flip(struct fixture *f, const struct fixture *g, enum rk_err err, size_t at,
                       int kind)
{
    bool is_ours = kind != 2;
    rk_zxid bad = 0;
    for (rk_zxid z = 1; z <= 9; z++) {
        bad = offset_of(f, "log.1", z) <= at ? z : bad;
    }
    if (at >= 4 && at < (is_ours ? 11 : 16)) {
        /* The version is nobody's business; without its mark the file is like one of Apache's. */
        assert_int_equal(err, RK_OK);
        assert_seen(g, 1, 9);
    } else if (at < 16 || kind == 1 || bad <= (is_ours ? 6 : 8)) {
        assert_int_equal(err, RK_ERR_CORRUPT);
        assert_non_null(strstr(g->problem.text, "log.1"));
    } else {
        assert_int_equal(err, RK_OK);
        assert_seen(g, 1, bad - 1);
        assert_string_equal(g->out.torn_file, "log.1");
        assert_int_equal(g->out.torn_offset, offset_of(f, "log.1", bad));
    }
}

/* Kinds: ours without a durability mark, ours with one, Apache's. */
static void every_flipped_byte(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x42};
    for (int kind = 0; kind < 3; kind++) {
        struct fixture f;
        open_batches(&f, kind == 1);
        if (kind == 2) {
            put_apache_log(&f, "log.1", 1, 9, DATA_LEN);
        }
        size_t end = end_of(&f, "log.1");
        for (size_t at = 0; at < end; at++) {
            for (size_t m = 0; m < sizeof(masks); m++) {
                log_file(&f, "log.1")->now[at] ^= masks[m];
                struct fixture g = f;
                g.sink.ctx = &g;
                fake_disk_copy(&g.disk, &f.disk);
                log_file(&f, "log.1")->now[at] ^= masks[m];
                enum rk_err err = recover(&g);
                fake_disk_deinit(&g.disk);
                check_flip(&f, &g, err, at, kind);
            }
        }
        fixture_close(&f);
    }
}

/* What is written behind a start must be startable again. */
static void go_on(struct fixture *f, rk_zxid acknowledged)
{
    assert_int_equal(recover(f), RK_OK);
    assert_true(f->out.last_zxid >= acknowledged);
    rk_zxid last = f->out.last_zxid;
    assert_seen(f, 1, last);
    write_log(f, last + 1, last + 3, 30, 2);
    assert_int_equal(recover(f), RK_OK);
    assert_seen(f, 1, last + 3);
}

static void any_part_of_a_batch_may_be_there(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 4; z++) {
        append(&f, w, z, 90);
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
    struct fake_disk before;
    fake_disk_copy(&before, &f.disk);
    size_t from = end_of(&f, "log.1");
    for (rk_zxid z = 5; z <= 26; z++) {
        append(&f, w, z, (uint32_t)(z * 37 % 211));
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    size_t to = end_of(&f, "log.1");
    size_t first = from / FAKE_SECTOR;
    size_t sectors = (to + FAKE_SECTOR - 1) / FAKE_SECTOR - first;
    assert_in_range(sectors, 6, 12);
    const uint8_t *after = log_file(&f, "log.1")->now;
    for (int garbage = 0; garbage < 2; garbage++) {
        for (uint32_t subset = 0; subset < 1u << sectors; subset++) {
            struct fixture g = f;
            g.sink.ctx = &g;
            fake_disk_copy(&g.disk, &before);
            uint8_t *now = log_file(&g, "log.1")->now;
            for (size_t s = 0; s < sectors; s++) {
                size_t at = (first + s) * FAKE_SECTOR;
                if (subset >> s & 1u) {
                    memcpy(now + at, after + at, FAKE_SECTOR);
                } else if (garbage && at >= from) {
                    for (size_t i = 0; i < FAKE_SECTOR; i++) {
                        now[at + i] = (uint8_t)((at + i) * 2654435761u >> 13 ^ subset);
                    }
                }
            }
            go_on(&g, 4);
            if (subset == (1u << sectors) - 1) {
                assert_true(g.out.last_zxid == 29);
            }
            fake_disk_deinit(&g.disk);
        }
    }
    fake_disk_deinit(&before);
    fixture_close(&f);
}

static void a_zeroed_block_is_no_end(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 90, 100, 1);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.1");
    size_t end = end_of(&f, "log.1");
    assert_true(end > 12288);
    for (size_t at = 0; at < 12288; at += 4096) {
        uint8_t kept[4096];
        memcpy(kept, log_file(&f, "log.1")->now + at, sizeof(kept));
        memset(log_file(&f, "log.1")->now + at, 0, sizeof(kept));
        assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
        memcpy(log_file(&f, "log.1")->now + at, kept, sizeof(kept));
    }
    /* All of it: only the mark knows. */
    write_log(&f, 91, 92, 10, 1);
    memset(log_file(&f, "log.5b")->now, 0, log_file(&f, "log.5b")->now_len);
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "log.5b"));
    fake_disk_drop(&f.disk, RK_DIR_LOG, "log.5b");
    assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "zidx.5b"));
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.5b");
    assert_int_equal(recover_copy(&f), RK_OK);
    assert_seen(&f, 1, 90);
    fixture_close(&f);
}

static void however_long_the_gap(void **state)
{
    (void)state;
    /* The record behind a gap of zeros is found wherever it begins. */
    for (uint32_t data_len = 0; data_len < 150; data_len++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        put_apache_log(&f, "log.1", 1, 3, data_len);
        size_t from = offset_of(&f, "log.1", 2);
        size_t to = offset_of(&f, "log.1", 3);
        memset(log_file(&f, "log.1")->now + from, 0, to - from);
        assert_int_equal(recover(&f), RK_ERR_CORRUPT);
        fixture_close(&f);
    }
}

static void a_record_in_a_wrong_place(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 9, DATA_LEN, 1);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.1");
    uint8_t *now = log_file(&f, "log.1")->now;
    size_t len = offset_of(&f, "log.1", 2) - offset_of(&f, "log.1", 1);
    for (rk_zxid from = 1; from <= 9; from++) {
        for (rk_zxid to = 1; to <= 9; to++) {
            uint8_t kept[256];
            size_t at = offset_of(&f, "log.1", to);
            if (from == to) {
                continue;
            }
            memcpy(kept, now + at, len);
            memcpy(now + at, now + offset_of(&f, "log.1", from), len);
            assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
            now = log_file(&f, "log.1")->now;
            memcpy(now + at, kept, len);
        }
    }
    assert_int_equal(recover_copy(&f), RK_OK);
    fixture_close(&f);
}

static void clients_cannot_forge_records(void **state)
{
    (void)state;
    /* Data that looks like a record of a later batch, in a record that is then torn. */
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    write_log(&f, 1, 3, 10, 1);
    struct fixture forger;
    fixture_open(&forger);
    struct rk_wal_options options = wal_options();
    options.nonce ^= 0x7777; /* what a client cannot know */
    struct rk_wal *w = rk_wal_create(&forger.mem, &forger.disk.port, &options);
    append(&forger, w, 100, 30);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    const struct fake_file *fake = log_file(&forger, "log.64");
    size_t fake_len = end_of(&forger, "log.64") - 16;
    struct rk_txn txn = {.header = {.zxid = 4, .type = RK_OP_SET_DATA}, .type = RK_OP_SET_DATA};
    txn.body.set_data =
        (struct rk_set_data_txn){rk_bytes_str("/x"), rk_bytes_of(fake->now + 16, fake_len), 1};
    struct rk_buf b;
    rk_buf_init(&b, &f.mem, 65536);
    rk_txn_encode(&b, &txn);
    struct rk_wal_options ours = wal_options();
    w = rk_wal_create(&f.mem, &f.disk.port, &ours);
    append(&f, w, 4, 10);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_store_i64(b.data + 12, 5);
    rk_wal_append(w, 5, rk_buf_view(&b));
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.4");
    size_t at = offset_of(&f, "log.4", 5);
    log_file(&f, "log.4")->now[at + 4] ^= 1; /* its checksum: the forged one is whole */
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 4);
    assert_string_equal(f.out.torn_file, "log.4");
    rk_buf_deinit(&b);
    fixture_close(&forger);
    fixture_close(&f);
}

static void hostile_bytes_behind_the_end_take_bounded_time(void **state)
{
    (void)state;
    /* Every byte offset may begin a record of 60 MiB that ends with the right byte. */
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    size_t end = put_apache_log(&f, "log.1", 1, 2, 10);
    size_t len = (size_t)8 << 20;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, log_file(&f, "log.1")->now, end);
    for (size_t i = end; i < len; i++) {
        bytes[i] = 0x42;
    }
    for (size_t at = end; at + 64 < len / 2; at += 64) {
        memset(bytes + at, 0, 8);
        rk_store_i32(bytes + at + 8, (int32_t)(len - at - 14));
        rk_store_i64(bytes + at + 12 + 12, 77);
        rk_store_i32(bytes + at + 12 + 28, RK_OP_DELETE);
    }
    fake_disk_put(&f.disk, RK_DIR_LOG, "log.1", bytes, len);
    free(bytes);
    assert_int_equal(recover(&f), RK_ERR_CORRUPT);
    assert_non_null(strstr(f.problem.text, "too odd"));
    fixture_close(&f);
}

static void files_of_a_creation_that_broke_off(void **state)
{
    (void)state;
    uint8_t header[16];
    rk_wal_put_header(header, 0);
    for (size_t len = 0; len <= 16; len++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        write_log(&f, 1, 3, 10, 1);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.4", header, len);
        assert_int_equal(recover_copy(&f), RK_OK);
        assert_seen(&f, 1, 3);
        assert_string_equal(f.out.torn_file, len < 16 ? "log.4" : "");
        /* An older one: what it could have held must be elsewhere. */
        write_log(&f, 4, 5, 10, 1);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.2", header, len);
        assert_int_equal(recover_copy(&f), RK_OK);
        assert_seen(&f, 1, 5);
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.1", header, len);
        assert_int_equal(recover_copy(&f), RK_ERR_CORRUPT);
        fixture_close(&f);
    }
    /* A size that lasted and bytes that did not. */
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    uint8_t zeros[600] = {0};
    fake_disk_put(&f.disk, RK_DIR_LOG, "log.1", zeros, sizeof(zeros));
    assert_int_equal(recover(&f), RK_OK);
    assert_int_equal(f.out.last_zxid, 0);
    memcpy(zeros, "not a log", 9);
    fake_disk_put(&f.disk, RK_DIR_LOG, "log.1", zeros, sizeof(zeros));
    assert_int_equal(recover(&f), RK_OK);
    assert_string_equal(f.out.torn_file, "log.1");
    fixture_close(&f);
}

static void oversized_and_lying_lengths(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1,          31,         0x7fffffff, 0x80000000,
                                       0xffffffff, 0x04000001, 0x04000000, 1000000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (rk_zxid z = 8; z <= 9; z++) {
            struct fixture f;
            fixture_open(&f);
            write_snapshot(&f, 0);
            put_apache_log(&f, "log.1", 1, 9, 50);
            rk_store_i32(log_file(&f, "log.1")->now + offset_of(&f, "log.1", z) + 8,
                         (int32_t)lengths[i]);
            enum rk_err err = recover(&f);
            assert_int_equal(err, z == 9 ? RK_OK : RK_ERR_CORRUPT);
            fixture_close(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_log_of_ours),
        cmocka_unit_test(every_flipped_byte),
        cmocka_unit_test(any_part_of_a_batch_may_be_there),
        cmocka_unit_test(a_zeroed_block_is_no_end),
        cmocka_unit_test(however_long_the_gap),
        cmocka_unit_test(a_record_in_a_wrong_place),
        cmocka_unit_test(clients_cannot_forge_records),
        cmocka_unit_test(hostile_bytes_behind_the_end_take_bounded_time),
        cmocka_unit_test(files_of_a_creation_that_broke_off),
        cmocka_unit_test(oversized_and_lying_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
