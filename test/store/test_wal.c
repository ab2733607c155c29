/* The log writer: bytes, batches, rolling, space, failures. */
#include "store_support.h"

#include "proto/opcode.h"

#include <zlib.h>

static void records_are_as_apache_writes_them(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 5, 10);
    append(&f, w, 6, 20);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    const struct fake_file *file = log_file(&f, "log.5");
    const uint8_t *in = file->now;
    assert_int_equal(rk_load_i32(in), 0x5a4b4c47);
    assert_int_equal(rk_load_i32(in + 4), 2);
    size_t at = 16;
    for (rk_zxid z = 5; z <= 6; z++) {
        int32_t len = rk_load_i32(in + at + 8);
        struct rk_bytes payload = payload_of(&f, z, z == 5 ? 10 : 20);
        assert_int_equal(len, payload.len + RK_WAL_TRAILER_BYTES);
        assert_memory_equal(in + at + 12, payload.data, payload.len);
        assert_int_equal(rk_load_i64(in + at), adler32(1, in + at + 12, (uInt)len));
        /* Apache must find no digest in the trailer and an old closeSession an empty list. */
        assert_true(rk_load_i32(in + at + 12 + payload.len) < 0);
        assert_int_equal(rk_load_i32(in + at + 12 + payload.len + 4), at - 16);
        assert_int_equal(in[at + 12 + (size_t)len], 0x42);
        at += 13 + (size_t)len;
    }
    for (; at < file->now_len; at++) {
        assert_int_equal(in[at], 0);
    }
    /* ZK: FilePadding grows by whole steps from the header on. */
    assert_int_equal(file->now_len, 16 + 16384);
    rk_wal_destroy(w);
    fixture_close(&f);
}

static void a_batch_is_one_write_and_one_sync(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    options.prealloc_bytes = (size_t)1 << 20;
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 1, 100);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    for (uint32_t round = 0; round < 10; round++) {
        uint64_t writes = f.disk.writes;
        uint64_t syncs = f.disk.syncs;
        for (uint32_t i = 0; i < 20; i++) {
            append(&f, w, 2 + round * 20 + i, 100);
        }
        assert_true(rk_wal_pending_bytes(w) > 20 * 100);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        assert_int_equal(rk_wal_pending_bytes(w), 0);
        assert_int_equal(f.disk.writes - writes, 1);
        assert_int_equal(f.disk.syncs - syncs, 1);
    }
    struct rk_wal_status status;
    rk_wal_status(w, &status);
    assert_int_equal(status.last_zxid, 201);
    assert_int_equal(status.durable_zxid, 201);
    assert_int_equal(status.synced_count, 11);
    assert_string_equal(status.file_name, "log.1");
    assert_int_equal(status.file_bytes, end_of(&f, "log.1"));
    uint64_t syncs = f.disk.syncs;
    assert_int_equal(rk_wal_commit(w), RK_OK); /* nothing to do */
    assert_int_equal(f.disk.syncs, syncs);
    rk_wal_destroy(w);
    fixture_close(&f);
}

static void every_file_has_its_name_only_when_durable(void **state)
{
    (void)state;
    /* Crash behind each call of the first commit: there is a log with the record, or there is none.
     */
    for (uint64_t n = 1;; n++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        append(&f, w, 1, 600);
        append(&f, w, 2, 600);
        f.disk.fail_at = f.disk.calls + n;
        f.disk.fail_calls = 1000;
        f.disk.fail_err = RK_ERR_IO;
        enum rk_err err = rk_wal_commit(w);
        bool is_done = f.disk.calls < f.disk.fail_at;
        rk_wal_destroy(w);
        f.disk.fail_at = 0;
        for (uint64_t seed = 0; seed < 40; seed++) {
            struct fixture g = f;
            struct rk_prng prng;
            rk_prng_init(&prng, seed);
            fake_disk_copy(&g.disk, &f.disk);
            g.sink.ctx = &g;
            fake_disk_crash(&g.disk, seed == 0 ? FAKE_CRASH_NONE : FAKE_CRASH_SECTORS, &prng);
            assert_int_equal(recover(&g), RK_OK);
            assert_true(err != RK_OK || g.seen_count == 2);
            if (fake_disk_get(&g.disk, RK_DIR_LOG, "log.1") != NULL) {
                assert_int_equal(g.seen_count, 2);
            }
            fake_disk_deinit(&g.disk);
        }
        fixture_close(&f);
        if (is_done) {
            assert_true(n > 8);
            break;
        }
    }
}

static void rolling(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    rk_wal_roll(w); /* before the first record: nothing to roll */
    append(&f, w, 1, 50);
    append(&f, w, 2, 50);
    rk_wal_roll(w);
    append(&f, w, 3, 50);
    rk_wal_roll(w);
    rk_wal_roll(w);
    append(&f, w, 4, 50);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    append(&f, w, 5, 50);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_roll(w);
    assert_int_equal(rk_wal_commit(w), RK_OK); /* creates nothing */
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, "log."), 3);
    append(&f, w, 6, 50);
    rk_wal_destroy(w); /* not committed: dropped */
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, "log."), 3);
    assert_int_equal(offset_of(&f, "log.4", 5) > 16, 1);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 5);
    fixture_close(&f);
}

static void rolls_at_the_size_limit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    options.size_limit_bytes = 1000;
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 20; z++) {
        append(&f, w, z, 200);
        if (z % 3 == 0) {
            assert_int_equal(rk_wal_commit(w), RK_OK);
        }
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, "log."), 5);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 20);
    fixture_close(&f);
}

static void records_larger_than_the_preallocation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (rk_zxid z = 1; z <= 80; z++) {
        append(&f, w, z,
               z <= 12 ? (uint32_t)(z % 4) * 16384 + (uint32_t)z - 1 : (uint32_t)z * 337 % 9000);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        const struct fake_file *file = log_file(&f, "log.1");
        assert_int_equal((file->now_len - 16) % 16384, 0);
        assert_true(end_of(&f, "log.1") + 4096 <= file->now_len);
    }
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 80);
    fixture_close(&f);
}

/* Batches that end right at a block's end, one byte beside it, and that take several writes. */
static void batches_of_every_length_in_whole_blocks(void **state)
{
    static const uint32_t lengths[] = {0, 1, 4095, 4096, 4097, 8192, 300000, 600001};
    (void)state;
    struct fixture f;
    rk_zxid z = 0;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, ++z, 0);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    for (uint32_t i = 0; i < 8; i++) {
        for (uint32_t off = 0; off < 3; off++) {
            /* One so long that the next begins that far from a block's beginning. */
            uint64_t pos = end_of(&f, "log.1");
            append(&f, w, ++z, 0);
            assert_int_equal(rk_wal_commit(w), RK_OK);
            uint64_t step = end_of(&f, "log.1") - pos;
            uint64_t left = (RK_DISK_BLOCK * 2 - (pos + step * 2) % RK_DISK_BLOCK + off - 1);
            append(&f, w, ++z, (uint32_t)left);
            assert_int_equal(rk_wal_commit(w), RK_OK);
            for (uint32_t k = 0; k < 4; k++) {
                append(&f, w, ++z, lengths[i]);
            }
            assert_int_equal(rk_wal_commit(w), RK_OK);
        }
    }
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, z);
    fixture_close(&f);
}

static void without_preallocation_or_allocate(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        options.prealloc_bytes = how == 0 ? 0 : 16384;
        f.disk.cannot_allocate = true;
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        assert_int_equal(rk_wal_reserve(w, 100000), RK_OK); /* as far as it can be promised */
        for (rk_zxid z = 1; z <= 40; z++) {
            append(&f, w, z, 1000);
            assert_int_equal(rk_wal_commit(w), RK_OK);
        }
        rk_wal_destroy(w);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 1, 40);
        fixture_close(&f);
    }
}

static void no_space_at_any_call_loses_nothing(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        f.disk.fail_at = f.disk.calls + n;
        f.disk.fail_calls = n % 5; /* it lasts for a while */
        f.disk.fail_err = RK_ERR_NO_SPACE;
        rk_zxid acknowledged = 0;
        enum rk_err err = RK_OK;
        for (rk_zxid z = 1; z <= 30 && (err == RK_OK || err == RK_ERR_NO_SPACE); z++) {
            append(&f, w, z, 700);
            if (z == 10 || z == 17) {
                rk_wal_roll(w);
            }
            size_t pending = rk_wal_pending_bytes(w);
            err = z % 2 == 0 ? rk_wal_commit(w) : RK_OK;
            acknowledged = z % 2 == 0 && err == RK_OK ? z : acknowledged;
            /* What was collected stays collected, but for files that were finished. */
            assert_true(err != RK_ERR_NO_SPACE || (rk_wal_pending_bytes(w) > 0 && pending > 0));
        }
        while (err == RK_ERR_NO_SPACE) {
            err = rk_wal_commit(w);
            acknowledged = err == RK_OK ? 30 : acknowledged;
        }
        is_done = f.disk.calls < f.disk.fail_at;
        f.disk.fail_at = 0;
        struct rk_wal_status status;
        rk_wal_status(w, &status);
        /* Only a sync, of file or directory, must not be tried again. */
        assert_true(err == RK_OK || err == RK_ERR_IO);
        assert_true(acknowledged == 0 || status.durable_zxid >= acknowledged);
        rk_wal_destroy(w);
        fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
        assert_int_equal(recover(&f), RK_OK);
        assert_true(f.seen_count >= acknowledged);
        if (err == RK_OK) {
            assert_seen(&f, 1, 30);
        }
        fixture_close(&f);
    }
}

static void a_full_disk_resumes_when_there_is_room(void **state)
{
    (void)state;
    for (uint64_t space = 2000; space < 60000; space += 997) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        f.disk.space_bytes = space;
        rk_zxid acknowledged = 0;
        uint32_t refused = 0;
        for (rk_zxid z = 1; z <= 60; z++) {
            append(&f, w, z, 800);
            if (rk_wal_commit(w) == RK_OK) {
                acknowledged = z;
            } else {
                refused++;
            }
        }
        struct rk_wal_status status;
        rk_wal_status(w, &status);
        assert_int_equal(status.durable_zxid, acknowledged > 0 ? acknowledged : -1);
        /* 60 records of 870 bytes do not fit into less. */
        assert_true(refused > 0 || space > 50000);
        /* Shrunk steps use the room there is, but for the margin. */
        assert_true((uint64_t)acknowledged * 870 + 8192 + 2000 > space || refused == 0);
        if (refused > 0) {
            assert_int_equal(rk_wal_reserve(w, 1), RK_ERR_NO_SPACE);
        }
        /* What was refused is still there, in order, when there is room. */
        assert_int_equal(recover_copy(&f), RK_OK);
        assert_true(f.out.last_zxid >= acknowledged);
        f.disk.space_bytes = 0;
        assert_int_equal(rk_wal_commit(w), RK_OK);
        rk_wal_destroy(w);
        fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
        assert_int_equal(recover(&f), RK_OK);
        assert_seen(&f, 1, 60);
        fixture_close(&f);
    }
}

static void io_error_at_any_call_ends_the_log(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        struct fixture f;
        fixture_open(&f);
        write_snapshot(&f, 0);
        struct rk_wal_options options = wal_options();
        struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
        f.disk.fail_at = f.disk.calls + n;
        f.disk.fail_err = RK_ERR_IO;
        rk_zxid acknowledged = 0;
        enum rk_err err = RK_OK;
        for (rk_zxid z = 1; z <= 30 && err == RK_OK; z++) {
            append(&f, w, z, 700);
            if (z == 10) {
                rk_wal_roll(w);
            }
            err = rk_wal_commit(w);
            acknowledged = err == RK_OK ? z : acknowledged;
        }
        is_done = f.disk.calls < f.disk.fail_at;
        if (err != RK_OK) {
            /* Never again, though the disk would work. */
            uint64_t calls = f.disk.calls;
            assert_int_equal(rk_wal_commit(w), RK_ERR_IO);
            assert_int_equal(rk_wal_reserve(w, 1), RK_ERR_IO);
            assert_int_equal(f.disk.calls, calls);
        }
        rk_wal_destroy(w);
        f.disk.fail_at = 0;
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct fixture g = f;
            struct rk_prng prng;
            rk_prng_init(&prng, seed);
            fake_disk_copy(&g.disk, &f.disk);
            g.sink.ctx = &g;
            fake_disk_crash(&g.disk, (enum fake_crash)(seed % 3), &prng);
            assert_int_equal(recover(&g), RK_OK);
            assert_true(g.out.last_zxid >= acknowledged);
            fake_disk_deinit(&g.disk);
        }
        fixture_close(&f);
    }
}

static void reserve_makes_room_in_the_file_that_comes_next(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    write_snapshot(&f, 0);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    assert_int_equal(rk_wal_reserve(w, 20000), RK_OK);
    /* Reserved means that a full disk does not matter. */
    f.disk.space_bytes = 1;
    append(&f, w, 1, 19000);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    assert_int_equal(rk_wal_reserve(w, 40000), RK_ERR_NO_SPACE);
    f.disk.space_bytes = 0;
    assert_int_equal(rk_wal_reserve(w, 40000), RK_OK);
    f.disk.space_bytes = 1;
    append(&f, w, 2, 39000);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    f.disk.space_bytes = 0;
    rk_wal_roll(w);
    append(&f, w, 3, 100);
    assert_int_equal(rk_wal_reserve(w, 30000), RK_OK);
    f.disk.space_bytes = 1;
    append(&f, w, 4, 29000);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 4);
    /* A file made ready and not used is no log and hinders nobody. */
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    f.disk.space_bytes = 0;
    assert_int_equal(rk_wal_reserve(w, 1), RK_OK);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, RK_NAME_LOG_PART), 1);
    rk_wal_destroy(w);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, RK_NAME_LOG_PART), 0);
    fake_disk_put(&f.disk, RK_DIR_LOG, RK_NAME_LOG_PART, "left by a crash", 15);
    assert_int_equal(recover(&f), RK_OK);
    write_log(&f, 5, 6, 10, 1);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 6);
    fixture_close(&f);
}

static void an_existing_log_is_replaced_only_if_it_holds_no_record(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    size_t end = put_apache_log(&f, "log.3", 3, 5, 50);
    (void)end; /* only its records matter */
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 3, 10);
    assert_int_equal(rk_wal_commit(w), RK_ERR_CORRUPT);
    rk_wal_destroy(w);
    assert_int_equal(offset_of(&f, "log.3", 4) > 16, 1);
    /* Its first record torn, others behind: it may be damaged. */
    log_file(&f, "log.3")->now[40] ^= 1;
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 3, 10);
    assert_int_equal(rk_wal_commit(w), RK_ERR_CORRUPT);
    rk_wal_destroy(w);
    /* Nothing whole in it: Apache died while it wrote the first one. */
    put_apache_log(&f, "log.3", 3, 3, 50);
    log_file(&f, "log.3")->now_len -= 1;
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 3, 10);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    /* One of ours always holds a record. */
    memset(log_file(&f, "log.3")->now + 16, 0, log_file(&f, "log.3")->now_len - 16);
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 3, 10);
    assert_int_equal(rk_wal_commit(w), RK_ERR_CORRUPT);
    rk_wal_destroy(w);
    for (size_t len = 0; len <= 16; len++) {
        uint8_t header[16];
        rk_wal_put_header(header, 0);
        fake_disk_drop(&f.disk, RK_DIR_LOG, "zidx.3");
        fake_disk_put(&f.disk, RK_DIR_LOG, "log.3", header, len);
        w = rk_wal_create(&f.mem, &f.disk.port, &options);
        append(&f, w, 3, 10);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        rk_wal_destroy(w);
    }
    fixture_close(&f);
}

static void marks_follow_commits_and_never_overstate(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    struct rk_wal_mark mark = {.zxid = 0};
    for (rk_zxid z = 1; z <= 200; z++) {
        append(&f, w, z, 100);
        assert_int_equal(rk_wal_commit(w), RK_OK);
        assert_int_equal(rk_wal_mark_read(&f.disk.port, "zidx.1", &mark), RK_OK);
        assert_true(mark.zxid <= z && mark.zxid > z - 64);
        assert_int_equal(mark.offset,
                         offset_of(&f, "log.1", mark.zxid) + 13 +
                             (size_t)rk_load_i32(log_file(&f, "log.1")->now +
                                                 offset_of(&f, "log.1", mark.zxid) + 8));
    }
    /* Idle: a commit of nothing catches up, once. */
    append(&f, w, 201, 100);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    assert_int_equal(rk_wal_mark_read(&f.disk.port, "zidx.1", &mark), RK_OK);
    assert_int_equal(mark.zxid, 201);
    uint64_t calls = f.disk.calls;
    assert_int_equal(rk_wal_commit(w), RK_OK);
    assert_int_equal(f.disk.calls, calls);
    append(&f, w, 202, 100);
    rk_wal_destroy(w); /* closing marks what is durable, not what was dropped */
    assert_int_equal(rk_wal_mark_read(&f.disk.port, "zidx.1", &mark), RK_OK);
    assert_int_equal(mark.zxid, 201);
    assert_int_equal(mark.offset, end_of(&f, "log.1"));
    /* Without sync there is nothing to mark. */
    options.force_sync = false;
    uint64_t syncs = f.disk.syncs;
    w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 202, 100);
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    assert_int_equal(f.disk.syncs, syncs);
    assert_int_equal(fake_disk_count(&f.disk, RK_DIR_LOG, RK_NAME_MARK), 1);
    fixture_close(&f);
}

/* With a digest before the trailer Apache cannot read it: see to_be_logged. */
static void a_closed_session_without_a_body_has_no_digest(void **state)
{
    (void)state;
    static const struct {
        int32_t count; /* of paths, -1: no body */
        bool has_digest;
        size_t logged; /* bytes of payload behind the header */
    } cases[] = {{-1, false, 0}, {-1, true, 0}, {0, true, 16}, {1, false, 12}, {1, true, 24}};
    struct fixture f;
    fixture_open(&f);
    struct rk_bytes path = rk_bytes_str("/abc");
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rk_zxid zxid = (rk_zxid)i + 1;
        struct rk_txn txn = {.header = {.zxid = zxid, .type = RK_OP_CLOSE_SESSION},
                             .type = RK_OP_CLOSE_SESSION,
                             .has_digest = cases[i].has_digest,
                             .digest = {2, -1}};
        txn.body.close_session.paths = (struct rk_vec_bytes){cases[i].count, &path};
        rk_buf_reset(&f.payload);
        rk_txn_encode(&f.payload, &txn);
        rk_wal_append(w, zxid, rk_buf_view(&f.payload));
    }
    assert_int_equal(rk_wal_commit(w), RK_OK);
    rk_wal_destroy(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t at = offset_of(&f, "log.1", (rk_zxid)i + 1);
        assert_int_equal(rk_load_i32(log_file(&f, "log.1")->now + at + 8),
                         32 + cases[i].logged + RK_WAL_TRAILER_BYTES);
    }
    write_snapshot(&f, 0);
    assert_int_equal(recover(&f), RK_OK);
    assert_seen(&f, 1, 5);
    fixture_close(&f);
}

static void programmer_errors_panic(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f.mem, &f.disk.port, &options);
    append(&f, w, 5, 1);
    expect_assert_failure(append(&f, w, 5, 1));
    expect_assert_failure(append(&f, w, 4, 1));
    expect_assert_failure(rk_wal_append(w, 7, payload_of(&f, 6, 1)));
    expect_assert_failure(rk_wal_append(w, 0, rk_bytes_of("", 0)));
    rk_wal_destroy(w);
    rk_wal_destroy(NULL);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_as_apache_writes_them),
        cmocka_unit_test(a_batch_is_one_write_and_one_sync),
        cmocka_unit_test(every_file_has_its_name_only_when_durable),
        cmocka_unit_test(rolling),
        cmocka_unit_test(rolls_at_the_size_limit),
        cmocka_unit_test(records_larger_than_the_preallocation),
        cmocka_unit_test(batches_of_every_length_in_whole_blocks),
        cmocka_unit_test(without_preallocation_or_allocate),
        cmocka_unit_test(no_space_at_any_call_loses_nothing),
        cmocka_unit_test(a_full_disk_resumes_when_there_is_room),
        cmocka_unit_test(io_error_at_any_call_ends_the_log),
        cmocka_unit_test(reserve_makes_room_in_the_file_that_comes_next),
        cmocka_unit_test(an_existing_log_is_replaced_only_if_it_holds_no_record),
        cmocka_unit_test(marks_follow_commits_and_never_overstate),
        cmocka_unit_test(a_closed_session_without_a_body_has_no_digest),
        cmocka_unit_test(programmer_errors_panic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
