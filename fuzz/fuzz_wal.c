/* Recovery over arbitrary logs. The first byte says what the rest is: the bytes of a log as they
 * are, or payloads that are framed with right checksums first (marked or not) and then damaged,
 * with a durability mark or without. Whatever comes: no crash, bounded memory, the same answer
 * twice, transactions in order; and a start that succeeded can go on: a record appended then is
 * there after the next start, and gone again when the log was cut back. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../test/store/fake_disk.h"
#include "base/mem_libc.h"
#include "store/recover.h"
#include "store/snap.h"
#include "store/wal.h"
#include "store/wal_format.h"
#include "store/wal_mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODE_RAW    1u
#define MODE_MARKED 2u
#define MODE_MARK   4u
#define MODE_HOLES  8u
#define MEMORY_MAX  ((size_t)256 << 20)

struct seen {
    rk_zxid last;
    uint64_t count;
    uint64_t sum; /* of everything that was handed over */
};

static void touch(struct seen *s, struct rk_bytes b)
{
    for (uint32_t i = 0; i < b.len; i++) {
        s->sum = s->sum * 31 + b.data[i];
    }
}

static enum rk_err on_begin(void *ctx)
{
    *(struct seen *)ctx = (struct seen){.last = 0};
    return RK_OK;
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    (void)ctx; /* the snapshot here is our own */
    (void)id;
    (void)timeout_ms;
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    (void)ctx; /* as above */
    (void)id;
    (void)acl;
    return RK_OK;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes bytes, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    touch(ctx, path);
    touch(ctx, bytes);
    (void)acl_id; /* as above */
    (void)stat;
    return RK_OK;
}

static enum rk_err on_snapshot(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                               uint64_t digest)
{
    (void)ctx; /* as above */
    (void)zxid;
    (void)has_digest;
    (void)digest_zxid;
    (void)digest;
    return RK_OK;
}

static enum rk_err on_fresh(void *ctx)
{
    (void)ctx; /* there is a snapshot */
    return RK_OK;
}

static enum rk_err on_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    struct seen *s = ctx;
    RK_ASSERT(txn->header.zxid > s->last);
    s->last = txn->header.zxid;
    s->count++;
    touch(s, payload);
    return RK_OK;
}

static void put_snapshot(struct fake_disk *d, struct rk_mem *mem)
{
    static const uint8_t body[8] = {0};
    struct rk_snap_writer *w = NULL;
    enum rk_err err = rk_snap_writer_create(mem, &d->port, 0, RK_SNAP_PLAIN, &w);
    RK_ASSERT(err == RK_OK);
    err = rk_snap_writer_put(w, rk_bytes_of(body, sizeof(body)));
    RK_ASSERT(err == RK_OK);
    err = rk_snap_writer_finish(w, false, 0, 0);
    RK_ASSERT(err == RK_OK);
    rk_snap_writer_destroy(w);
}

/* {u16 length, payload}... as records; a length of 0xffff ends them and what follows are {u16
 * offset, xor}. */
static void frame(struct rk_buf *b, const uint8_t *in, size_t len, uint32_t key)
{
    size_t at = 0;
    uint8_t head[RK_WAL_HEAD_BYTES];
    uint8_t record[RK_WAL_HEAD_BYTES + 65536 + RK_WAL_TRAILER_BYTES + 1];
    size_t batch = b->len;
    while (len - at >= 2) {
        size_t n = (size_t)in[at] << 8 | in[at + 1];
        at += 2;
        if (n == 0xffff) {
            break;
        }
        n = n < len - at ? n : len - at;
        if (key != 0 && n >= RK_WAL_PAYLOAD_MIN) {
            batch = n % 3 == 0 ? b->len : batch;
            rk_wal_put_record(record, rk_bytes_of(in + at, n), key, (uint32_t)(b->len - batch));
            rk_buf_put(b, record, rk_wal_record_bytes(n));
        } else {
            rk_store_i64(head, (int64_t)adler32(1, in + at, (uInt)n));
            rk_store_i32(head + 8, (int32_t)n);
            rk_buf_put(b, head, sizeof(head));
            rk_buf_put(b, in + at, n);
            rk_buf_put_u8(b, RK_WAL_END_BYTE);
        }
        at += n;
    }
    for (; len - at >= 3; at += 3) {
        b->data[((size_t)in[at] << 8 | in[at + 1]) % b->len] ^= in[at + 2];
    }
}

static void put_log(struct fake_disk *d, struct rk_mem *mem, const uint8_t *data, size_t size)
{
    uint8_t mode = data[0];
    if (mode & MODE_RAW) {
        fake_disk_put(d, RK_DIR_LOG, "log.1", data + 1, size - 1);
        return;
    }
    struct rk_buf b;
    uint8_t header[RK_WAL_HEADER_BYTES];
    int64_t dbid = mode & MODE_MARKED ? rk_wal_dbid(size) : 0;
    rk_buf_init(&b, mem, (size_t)64 << 20);
    rk_wal_put_header(header, dbid);
    rk_buf_put(&b, header, sizeof(header));
    frame(&b, data + 1, size - 1, mode & MODE_MARKED ? rk_wal_trailer_key(dbid) : 0);
    fake_disk_put(d, RK_DIR_LOG, "log.1", b.data, b.len);
    rk_buf_deinit(&b);
    if (mode & MODE_MARK) {
        struct rk_wal_mark mark = {.dbid = dbid, .offset = size, .zxid = 1};
        mark.size = size % 2 == 0 ? (uint64_t)1 << 30 : 0; /* it was cut, or that cannot be told */
        uint8_t bytes[RK_WAL_MARK_BYTES];
        rk_wal_mark_encode(bytes, &mark);
        fake_disk_put(d, RK_DIR_LOG, "zidx.1", bytes, sizeof(bytes));
    }
}

static enum rk_err recover(struct fake_disk *d, struct rk_mem *mem, bool allow_holes,
                           struct seen *seen, struct rk_recovered *ret)
{
    struct rk_recover_options options = {
        .record_bytes_max = 1 << 20, .db_autocreate = true, .allow_holes = allow_holes};
    struct rk_restore_sink sink = {seen,    on_begin,    on_session, on_acl,
                                   on_node, on_snapshot, on_fresh,   on_txn};
    struct rk_problem problem;
    enum rk_err err = rk_recover(mem, &d->port, &options, &sink, ret, &problem);
    RK_ASSERT(err != RK_OK || ret->last_zxid == seen->last);
    RK_ASSERT((err == RK_OK) == (problem.text[0] == '\0'));
    return err;
}

/* What could be started from can be cut back to, and started from again. */
static void go_back(struct fake_disk *d, struct rk_mem *mem, rk_zxid zxid)
{
    struct rk_wal_options options = {.force_sync = true, .nonce = 98};
    struct seen seen = {.last = 0};
    struct rk_recovered out;
    rk_zxid last = 0;
    struct rk_wal *w = rk_wal_create(mem, &d->port, &options);
    enum rk_err err = rk_wal_truncate(w, zxid, &last);
    RK_ASSERT(err == RK_OK);
    RK_ASSERT(last <= zxid);
    rk_wal_destroy(w);
    err = recover(d, mem, false, &seen, &out);
    RK_ASSERT(err == RK_OK);
    RK_ASSERT(out.last_zxid == zxid);
}

static void go_on(struct fake_disk *d, struct rk_mem *mem, bool allow_holes, rk_zxid last)
{
    struct rk_wal_options options = {.force_sync = true, .nonce = 99};
    uint8_t payload[36] = {0};
    struct seen seen = {.last = 0};
    struct rk_recovered out;
    if (last == INT64_MAX) {
        return;
    }
    rk_store_i64(payload + 12, last + 1);
    rk_store_i32(payload + 28, -1);
    struct rk_wal *w = rk_wal_create(mem, &d->port, &options);
    rk_wal_append(w, last + 1, rk_bytes_of(payload, sizeof(payload)));
    enum rk_err err = rk_wal_commit(w);
    rk_wal_destroy(w);
    /* A file of that name that holds something is never written over. */
    RK_ASSERT(err == RK_OK || err == RK_ERR_CORRUPT);
    if (err == RK_OK) {
        err = recover(d, mem, allow_holes, &seen, &out);
        RK_ASSERT(err == RK_OK);
        RK_ASSERT(out.last_zxid == last + 1);
        if (!allow_holes) {
            go_back(d, mem, last);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_disk d;
    struct rk_mem mem;
    struct seen first = {.last = 0};
    struct seen second = {.last = 0};
    struct rk_recovered out;
    if (size < 1) {
        return 0;
    }
    rk_mem_libc_init(&mem, MEMORY_MAX);
    fake_disk_init(&d);
    put_snapshot(&d, &mem);
    put_log(&d, &mem, data, size);
    bool allow_holes = (data[0] & MODE_HOLES) != 0;
    enum rk_err err = recover(&d, &mem, allow_holes, &first, &out);
    enum rk_err again = recover(&d, &mem, allow_holes, &second, &out);
    RK_ASSERT(err == again);
    RK_ASSERT(first.sum == second.sum && first.count == second.count);
    if (err == RK_OK) {
        go_on(&d, &mem, allow_holes, out.last_zxid);
    }
    RK_ASSERT(fake_disk_open_count(&d) == 0);
    fake_disk_deinit(&d);
    RK_ASSERT(mem.used_bytes == 0);
    return 0;
}
