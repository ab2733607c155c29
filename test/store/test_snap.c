/* Snapshots: written and read in every compression, cut, flipped, failing, and as other releases
 * end them. */
#include "store_support.h"

#include <stdlib.h>
#include <zlib.h>

static const char *const names[] = {
    [RK_SNAP_PLAIN] = "snapshot.1f",
    [RK_SNAP_GZIP] = "snapshot.1f.gz",
    [RK_SNAP_SNAPPY] = "snapshot.1f.snappy",
};

static enum rk_err read_it(struct fixture *f, const char *name, struct rk_snap_info *ret)
{
    const char *why = NULL;
    f->sessions = f->acls = f->nodes = f->mismatches = 0;
    enum rk_err err = rk_snap_read(&f->mem, &f->disk.port, name, f->options.record_bytes_max,
                                   &f->sink, ret, &why);
    assert_non_null(why);
    assert_int_equal(err == RK_ERR_CORRUPT && !f->refuse_nodes, *why != '\0');
    assert_true(err != RK_OK || f->mismatches == 0);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    return err;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 1000, 20000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int kind = RK_SNAP_PLAIN; kind <= RK_SNAP_SNAPPY; kind++) {
            for (int digest = 0; digest < 2; digest++) {
                struct fixture f;
                struct rk_snap_info info;
                fixture_open(&f);
                assert_int_equal(
                    try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, counts[i], digest),
                    RK_OK);
                assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, ""), 1);
                fake_disk_crash(&f.disk, FAKE_CRASH_NONE, NULL);
                assert_int_equal(read_it(&f, names[kind], &info), RK_OK);
                assert_int_equal(f.nodes, counts[i] + 4);
                assert_int_equal(f.sessions, 1);
                assert_int_equal(f.acls, 1);
                assert_int_equal(info.node_count, counts[i] + 4);
                assert_int_equal(info.session_count, 1);
                assert_int_equal(info.acl_count, 1);
                assert_int_equal(info.has_digest, digest);
                assert_int_equal(info.has_last_zxid, digest);
                if (digest) {
                    assert_int_equal(info.digest, 0xabcdef0123456789u);
                    assert_int_equal(info.digest_zxid, 0x1f);
                    assert_int_equal(info.last_zxid, 0x1f);
                }
                fixture_close(&f);
            }
        }
    }
}

static void the_plain_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    assert_int_equal(try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 0, true), RK_OK);
    const struct fake_file *file = fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.1f");
    const uint8_t *in = file->now;
    size_t len = file->now_len;
    assert_int_equal(rk_load_i32(in), 0x5a4b534e);
    assert_int_equal(rk_load_i32(in + 4), 2);
    assert_int_equal(rk_load_i64(in + 8), -1);
    /* Nodes end, seal, digest, seal, lastZxid, seal. */
    size_t nodes_end = len - 13 - 8 - 13 - 20 - 13;
    assert_memory_equal(in + nodes_end - 5, "\0\0\0\1/", 5);
    assert_int_equal(rk_load_i64(in + nodes_end), adler32(1, in, (uInt)nodes_end));
    assert_int_equal(rk_load_i32(in + nodes_end + 13 + 8), 2);
    assert_int_equal(rk_load_i64(in + nodes_end + 33), adler32(1, in, (uInt)nodes_end + 33));
    assert_int_equal(rk_load_i64(in + nodes_end + 46), 0x1f);
    assert_int_equal(rk_load_i64(in + len - 13), adler32(1, in, (uInt)(len - 13)));
    assert_memory_equal(in + len - 5, "\0\0\0\1/", 5);
    fixture_close(&f);
}

/* Plain bytes with new last sections: from the end of the nodes on. */
static void put_tail(struct fixture *f, const uint8_t *tail, size_t len)
{
    const struct fake_file *file = fake_disk_get(&f->disk, RK_DIR_SNAP, "snapshot.1f");
    size_t body = file->now_len - 13 - 8 - 13 - 20 - 13;
    uint8_t *bytes = malloc(body + len);
    assert_non_null(bytes);
    memcpy(bytes, file->now, body);
    memcpy(bytes + body, tail, len);
    fake_disk_put(&f->disk, RK_DIR_SNAP, "snapshot.1e", bytes, body + len);
    free(bytes);
}

/* Appends a seal over the body and what of the tail there is. */
static void put_seal(struct fixture *f, struct rk_buf *tail)
{
    const struct fake_file *file = fake_disk_get(&f->disk, RK_DIR_SNAP, "snapshot.1f");
    size_t body = file->now_len - 13 - 8 - 13 - 20 - 13;
    uint32_t sum = (uint32_t)adler32(1, file->now, (uInt)body);
    if (tail->len > 0) {
        sum = (uint32_t)adler32(sum, tail->data, (uInt)tail->len);
    }
    rk_buf_put_i64(tail, sum);
    rk_buf_put_bytes(tail, rk_bytes_str("/"));
}

static void sections_of_other_releases(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_snap_info info;
    struct rk_buf tail;
    fixture_open(&f);
    rk_buf_init(&tail, &f.mem, 4096);
    assert_int_equal(try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 5, true), RK_OK);
    put_seal(&f, &tail); /* 3.5: nothing more */
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_false(info.has_digest || info.has_last_zxid);
    size_t seal = tail.len;

    rk_buf_put_i64(&tail, 0x77); /* 3.9 without digest: lastZxid alone */
    put_seal(&f, &tail);
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_true(info.has_last_zxid && !info.has_digest);
    assert_int_equal(info.last_zxid, 0x77);

    tail.len = seal; /* 3.6 to 3.8: digest */
    rk_buf_put_i64(&tail, 0x1e);
    rk_buf_put_i32(&tail, 2);
    rk_buf_put_i64(&tail, 99);
    put_seal(&f, &tail);
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_true(info.has_digest && !info.has_last_zxid);
    assert_int_equal(info.digest, 99);
    size_t with_digest = tail.len;

    /* A release to come: more than is known, sealed or not as it likes, but ending as a snapshot.
     */
    rk_buf_put_i64(&tail, 0x1e);
    put_seal(&f, &tail);
    rk_buf_put_i64(&tail, 123456);
    rk_buf_put_bytes(&tail, rk_bytes_str("/"));
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_true(info.has_digest && info.has_last_zxid);

    tail.len = seal; /* betas of 3.6: text */
    rk_buf_put_i64(&tail, 0x1e);
    rk_buf_put_i32(&tail, 1);
    rk_buf_put_bytes(&tail, rk_bytes_str("12345678abcdef"));
    put_seal(&f, &tail);
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_false(info.has_digest);

    tail.len = seal; /* of a fresh server: no digest yet */
    rk_buf_put_i64(&tail, 0);
    rk_buf_put_i32(&tail, 2);
    rk_buf_put_i64(&tail, 0);
    put_seal(&f, &tail);
    assert_int_equal(tail.len, with_digest);
    put_tail(&f, tail.data, tail.len);
    assert_int_equal(read_it(&f, "snapshot.1e", &info), RK_OK);
    assert_false(info.has_digest);
    rk_buf_deinit(&tail);
    fixture_close(&f);
}

static void no_cut_is_taken_for_whole(void **state)
{
    (void)state;
    for (int kind = RK_SNAP_PLAIN; kind <= RK_SNAP_SNAPPY; kind++) {
        struct fixture f;
        struct rk_snap_info info;
        fixture_open(&f);
        assert_int_equal(try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, 60, true), RK_OK);
        struct fake_file *file = fake_disk_get(&f.disk, RK_DIR_SNAP, names[kind]);
        size_t len = file->now_len;
        for (file->now_len = 0; file->now_len < len; file->now_len++) {
            enum rk_err err = read_it(&f, names[kind], &info);
            /* A plain file cut behind a seal is one of an older release. */
            bool is_older = kind == RK_SNAP_PLAIN &&
                            (file->now_len == len - 21 || file->now_len == len - 21 - 33);
            assert_int_equal(err, is_older ? RK_OK : RK_ERR_CORRUPT);
        }
        assert_int_equal(read_it(&f, names[kind], &info), RK_OK);
        fixture_close(&f);
    }
}

static void no_flipped_byte_goes_unnoticed(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    for (int kind = RK_SNAP_PLAIN; kind <= RK_SNAP_SNAPPY; kind++) {
        struct fixture f;
        struct rk_snap_info info;
        fixture_open(&f);
        assert_int_equal(try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, 20, true), RK_OK);
        struct fake_file *file = fake_disk_get(&f.disk, RK_DIR_SNAP, names[kind]);
        struct rk_snap_info right;
        assert_int_equal(read_it(&f, names[kind], &right), RK_OK);
        /* What gzip says about time, flags and system has no bearing on the content, nor have
         * snappy's versions. */
        size_t from = kind == RK_SNAP_GZIP ? 10 : kind == RK_SNAP_SNAPPY ? 16 : 0;
        for (size_t at = from; at < file->now_len; at++) {
            for (size_t m = 0; m < sizeof(masks); m++) {
                file->now[at] ^= masks[m];
                enum rk_err err = read_it(&f, names[kind], &info);
                file->now[at] ^= masks[m];
                if (kind != RK_SNAP_PLAIN && err == RK_OK) {
                    /* Copied from another place that holds the same: the seals say it is all there.
                     */
                    assert_memory_equal(&info, &right, sizeof(info));
                    continue;
                }
                assert_int_equal(err, RK_ERR_CORRUPT);
            }
        }
        fixture_close(&f);
    }
}

static void lengths_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_snap_info info;
    fixture_open(&f);
    assert_int_equal(try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 300, true), RK_OK);
    f.options.record_bytes_max = 299; /* data of up to 299 bytes */
    assert_int_equal(read_it(&f, "snapshot.1f", &info), RK_OK);
    f.options.record_bytes_max = 298;
    assert_int_equal(read_it(&f, "snapshot.1f", &info), RK_ERR_CORRUPT);
    fixture_close(&f);
}

static void memory_stays_bounded_whatever_is_claimed(void **state)
{
    (void)state;
    static const int32_t claims[] = {INT32_MAX, INT32_MIN, -2, 2097150, 2097151, 1 << 30};
    struct fixture f;
    struct rk_snap_info info;
    fixture_open(&f);
    assert_int_equal(try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 10, true), RK_OK);
    const struct fake_file *file = fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.1f");
    size_t len = file->now_len;
    uint8_t *kept = malloc(len);
    assert_non_null(kept);
    memcpy(kept, file->now, len);
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        for (size_t at = 16; at + 4 < len; at++) {
            memcpy(file->now, kept, len);
            rk_store_i32(file->now + at, claims[i]);
            f.mem.peak_bytes = f.mem.used_bytes;
            (void)read_it(&f, "snapshot.1f", &info); /* it must end, in little memory */
            assert_true(f.mem.peak_bytes < 8u << 20);
        }
    }
    free(kept);
    fixture_close(&f);
}

static void compressed_bombs_and_odd_chunks(void **state)
{
    (void)state;
    static const uint8_t header[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                       0,    0,   0,   1,   0,   0,   0,   1};
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } chunks[] = {
        {{0}, 0},                                           /* nothing at all */
        {{0, 0, 0}, 3},                                     /* cut in the length */
        {{0, 0, 0, 0}, 4},                                  /* an empty chunk */
        {{0xff, 0xff, 0xff, 0xff, 1}, 5},                   /* negative */
        {{0x7f, 0xff, 0xff, 0xff, 1}, 5},                   /* huge */
        {{0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x0f}, 9},    /* says 4 GiB plain */
        {{0, 0, 0, 5, 0x80, 0x80, 0x80, 0x01, 0x00}, 9},    /* says 2 MiB plain */
        {{0, 0, 0, 6, 0x05, 0x10, 'a', 'b', 'c', 'd'}, 10}, /* a block that is none */
        {{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}, 8},       /* another header */
    };
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct fixture f;
        struct rk_snap_info info;
        uint8_t bytes[32];
        fixture_open(&f);
        memcpy(bytes, header, sizeof(header));
        memcpy(bytes + sizeof(header), chunks[i].bytes, chunks[i].len);
        fake_disk_put(&f.disk, RK_DIR_SNAP, "snapshot.1.snappy", bytes,
                      sizeof(header) + chunks[i].len);
        assert_int_equal(read_it(&f, "snapshot.1.snappy", &info), RK_ERR_CORRUPT);
        assert_true(f.mem.peak_bytes < 8u << 20);
        fixture_close(&f);
    }
}

static void failures_leave_no_snapshot(void **state)
{
    (void)state;
    static const enum rk_err errors[] = {RK_ERR_NO_SPACE, RK_ERR_IO};
    for (int kind = RK_SNAP_PLAIN; kind <= RK_SNAP_SNAPPY; kind++) {
        for (size_t e = 0; e < 2; e++) {
            bool is_done = false;
            for (uint64_t n = 1; !is_done; n++) {
                struct fixture f;
                struct rk_snap_info info;
                fixture_open(&f);
                f.disk.fail_at = n;
                f.disk.fail_err = errors[e];
                enum rk_err err =
                    try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, 8000, true);
                is_done = f.disk.calls < n;
                f.disk.fail_at = 0;
                assert_int_equal(err, is_done ? RK_OK : errors[e]);
                /* The name is there only if all is; the part is cleaned up. */
                if (fake_disk_get(&f.disk, RK_DIR_SNAP, names[kind]) != NULL) {
                    assert_int_equal(read_it(&f, names[kind], &info), RK_OK);
                }
                assert_int_equal(fake_disk_count(&f.disk, RK_DIR_SNAP, RK_NAME_SNAP_PART), 0);
                fixture_close(&f);
            }
        }
    }
}

static void crashes_leave_no_half_snapshot(void **state)
{
    (void)state;
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct fixture f;
            struct rk_snap_info info;
            struct rk_prng prng;
            fixture_open(&f);
            rk_prng_init(&prng, seed);
            f.disk.fail_at = n;
            f.disk.fail_calls = 1000; /* the power is gone: cleaning up fails too */
            f.disk.fail_err = RK_ERR_IO;
            enum rk_err err = try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 200, true);
            is_done = f.disk.calls < n;
            f.disk.fail_at = 0;
            fake_disk_crash(&f.disk, (enum fake_crash)(seed % 3), &prng);
            bool exists = fake_disk_get(&f.disk, RK_DIR_SNAP, "snapshot.1f") != NULL;
            assert_true(exists || err != RK_OK);
            if (exists) {
                assert_int_equal(read_it(&f, "snapshot.1f", &info), RK_OK);
            }
            fixture_close(&f);
        }
    }
}

static void memory_failures_are_told(void **state)
{
    (void)state;
    for (int kind = RK_SNAP_PLAIN; kind <= RK_SNAP_SNAPPY; kind++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct fixture f;
            fixture_open(&f);
            f.mem.fail_at = n;
            enum rk_err err = try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, 10, true);
            is_done = err == RK_OK;
            assert_true(is_done || err == RK_ERR_NOMEM);
            assert_int_equal(is_done, f.mem.count < n);
            fixture_close(&f);
        }
        is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            struct fixture f;
            struct rk_snap_info info;
            jmp_buf env;
            fixture_open(&f);
            fixture_track(&f);
            assert_int_equal(try_snapshot(&f, 0x1f, (enum rk_snap_compression)kind, 10, true),
                             RK_OK);
            f.mem.fail_at = f.mem.count + n;
            rk_test_panic_env = &env;
            if (setjmp(env) == 0) {
                enum rk_err err = read_it(&f, names[kind], &info);
                is_done = err == RK_OK;
                assert_true(is_done || err == RK_ERR_NOMEM);
                fixture_close(&f);
            } else {
                /* An arena: the end of the process by contract, and no wrong result. */
                fixture_abandon(&f);
            }
            rk_test_panic_env = NULL;
        }
    }
}

static void an_error_of_the_sink_ends_it(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_snap_info info;
    fixture_open(&f);
    assert_int_equal(try_snapshot(&f, 0x1f, RK_SNAP_PLAIN, 10, true), RK_OK);
    f.refuse_nodes = true;
    assert_int_equal(read_it(&f, "snapshot.1f", &info), RK_ERR_CORRUPT);
    assert_int_equal(f.nodes, 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_plain_bytes_are_those_of_the_format),
        cmocka_unit_test(sections_of_other_releases),
        cmocka_unit_test(no_cut_is_taken_for_whole),
        cmocka_unit_test(no_flipped_byte_goes_unnoticed),
        cmocka_unit_test(lengths_beyond_the_limit_are_refused),
        cmocka_unit_test(memory_stays_bounded_whatever_is_claimed),
        cmocka_unit_test(compressed_bombs_and_odd_chunks),
        cmocka_unit_test(failures_leave_no_snapshot),
        cmocka_unit_test(crashes_leave_no_half_snapshot),
        cmocka_unit_test(memory_failures_are_told),
        cmocka_unit_test(an_error_of_the_sink_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
