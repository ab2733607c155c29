/* Shared by the store's tests. */
#include "store_support.h"

#include <stdlib.h>

#include "proto/opcode.h"

#define PATH "/some/path"

/* -- The sink
 * --------------------------------------------------------------------------------------- */

static enum rk_err sink_begin(void *ctx)
{
    struct fixture *f = ctx;
    f->begun++;
    f->sessions = f->acls = f->nodes = f->seen_count = 0;
    f->mismatches = 0;
    f->is_fresh = false;
    f->snapshot_zxid = -1;
    return RK_OK;
}

static enum rk_err sink_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct fixture *f = ctx;
    f->sessions += id != 0 && timeout_ms > 0;
    return RK_OK;
}

static enum rk_err sink_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    struct fixture *f = ctx;
    f->acls += acl_id > 0 && acl->count > 0;
    return RK_OK;
}

static enum rk_err sink_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct fixture *f = ctx;
    (void)acl_id; /* any will do */
    f->nodes++;
    /* Nodes of try_snapshot say twice how long their data is. Nothing is sealed yet: see
     * snapshot_done. */
    if (rk_bytes_starts_with(path, rk_bytes_str("/node-"))) {
        f->mismatches += data.len != (uint32_t)stat->version;
    }
    return f->refuse_nodes ? RK_ERR_CORRUPT : RK_OK;
}

static enum rk_err sink_snapshot_done(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                      uint64_t digest)
{
    struct fixture *f = ctx;
    f->snapshot_zxid = zxid;
    f->has_digest = has_digest;
    f->digest = digest;
    assert_int_equal(f->mismatches, 0);
    assert_true(!has_digest || digest_zxid == zxid);
    return RK_OK;
}

static enum rk_err sink_fresh(void *ctx)
{
    struct fixture *f = ctx;
    f->is_fresh = true;
    return RK_OK;
}

static uint8_t data_byte(rk_zxid zxid, uint32_t i)
{
    return (uint8_t)((uint64_t)zxid * 31 + i * 7 + 1);
}

static enum rk_err sink_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    struct fixture *f = ctx;
    assert_true(payload.len >= RK_WAL_PAYLOAD_MIN);
    assert_true(f->seen_count < SEEN_MAX);
    if (txn->header.zxid == f->refuse_txn) {
        return RK_ERR_MALFORMED;
    }
    f->seen[f->seen_count++] = txn->header.zxid;
    if (txn->type == RK_OP_SET_DATA && rk_bytes_is(txn->body.set_data.path, PATH)) {
        struct rk_bytes data = txn->body.set_data.data;
        size_t plain = 32 + 4 + strlen(PATH) + 4 + data.len + 4;
        /* A file that lost its mark leaves the trailers on. */
        assert_true(payload.len == plain || payload.len == plain + RK_WAL_TRAILER_BYTES);
        for (uint32_t i = 0; i < data.len; i++) {
            assert_int_equal(data.data[i], data_byte(txn->header.zxid, i));
        }
    }
    return RK_OK;
}

/* -- The fixture
 * ------------------------------------------------------------------------------------ */

void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    rk_mem_libc_init(&f->mem, 0);
    fake_disk_init(&f->disk);
    rk_buf_init(&f->payload, &f->mem, (size_t)1 << 30);
    f->options = (struct rk_recover_options){.record_bytes_max = 2097150, .db_autocreate = true};
    f->sink = (struct rk_restore_sink){f,         sink_begin,         sink_session, sink_acl,
                                       sink_node, sink_snapshot_done, sink_fresh,   sink_txn};
}

struct tracked {
    struct tracked *prev;
    struct tracked *next;
};

static void unlink_block(struct fixture *f, struct tracked *b)
{
    if (b->prev != NULL) {
        b->prev->next = b->next;
    } else {
        f->tracked = b->next;
    }
    if (b->next != NULL) {
        b->next->prev = b->prev;
    }
}

static void *resize_tracked(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct fixture *f = ctx;
    struct tracked *b = NULL;
    if (new_size > 0) {
        b = malloc(sizeof(*b) + new_size);
        assert_non_null(b);
        *b = (struct tracked){.next = f->tracked};
        if (f->tracked != NULL) {
            f->tracked->prev = b;
        }
        f->tracked = b;
        if (ptr != NULL) {
            memcpy(b + 1, ptr, old_size < new_size ? old_size : new_size);
        }
    }
    if (ptr != NULL) {
        struct tracked *old = (struct tracked *)ptr - 1;
        unlink_block(f, old);
        free(old);
    }
    return b != NULL ? b + 1 : NULL;
}

void fixture_track(struct fixture *f)
{
    RK_ASSERT(f->mem.used_bytes == 0);
    f->mem.resize = resize_tracked;
    f->mem.ctx = f;
}

void fixture_abandon(struct fixture *f)
{
    while (f->tracked != NULL) {
        struct tracked *next = f->tracked->next;
        free(f->tracked);
        f->tracked = next;
    }
    fake_disk_deinit(&f->disk);
}

void fixture_close(struct fixture *f)
{
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    fake_disk_deinit(&f->disk);
    rk_buf_deinit(&f->payload);
    assert_int_equal(f->mem.used_bytes, 0);
}

/* -- Logs
 * ------------------------------------------------------------------------------------------- */

struct rk_bytes payload_of(struct fixture *f, rk_zxid zxid, uint32_t data_len)
{
    uint8_t *data = malloc(data_len + 1);
    assert_non_null(data);
    for (uint32_t i = 0; i < data_len; i++) {
        data[i] = data_byte(zxid, i);
    }
    struct rk_txn txn = {.header = {.client_id = 7, .zxid = zxid, .type = RK_OP_SET_DATA},
                         .type = RK_OP_SET_DATA};
    txn.body.set_data = (struct rk_set_data_txn){rk_bytes_str(PATH), {data, data_len}, 1};
    rk_buf_reset(&f->payload);
    rk_txn_encode(&f->payload, &txn);
    assert_false(f->payload.failed);
    free(data);
    return rk_buf_view(&f->payload);
}

void append(struct fixture *f, struct rk_wal *w, rk_zxid zxid, uint32_t data_len)
{
    rk_wal_append(w, zxid, payload_of(f, zxid, data_len));
}

struct rk_wal_options wal_options(void)
{
    return (struct rk_wal_options){
        .prealloc_bytes = 16384, .force_sync = true, .direct = true, .nonce = 0x1234567890};
}

void write_log(struct fixture *f, rk_zxid first, rk_zxid last, uint32_t data_len, uint32_t batch)
{
    struct rk_wal_options options = wal_options();
    struct rk_wal *w = rk_wal_create(&f->mem, &f->disk.port, &options);
    for (rk_zxid z = first; z <= last; z++) {
        append(f, w, z, data_len);
        if ((z - first + 1) % batch == 0 || z == last) {
            assert_int_equal(rk_wal_commit(w), RK_OK);
        }
    }
    rk_wal_destroy(w);
}

size_t put_apache_log(struct fixture *f, const char *name, rk_zxid first, rk_zxid last,
                      uint32_t data_len)
{
    struct rk_buf b;
    uint8_t header[RK_WAL_HEADER_BYTES];
    uint8_t head[RK_WAL_HEAD_BYTES + 1];
    rk_buf_init(&b, &f->mem, (size_t)1 << 30);
    rk_wal_put_header(header, 0);
    rk_buf_put(&b, header, sizeof(header));
    for (rk_zxid z = first; z <= last; z++) {
        struct rk_bytes payload = payload_of(f, z, data_len);
        uint32_t a = 1;
        uint32_t c = 0;
        for (uint32_t i = 0; i < payload.len; i++) {
            a = (a + payload.data[i]) % 65521;
            c = (c + a) % 65521;
        }
        rk_store_i64(head, (int64_t)(c << 16 | a));
        rk_store_i32(head + 8, (int32_t)payload.len);
        rk_buf_put(&b, head, RK_WAL_HEAD_BYTES);
        rk_buf_put(&b, payload.data, payload.len);
        rk_buf_put_u8(&b, RK_WAL_END_BYTE);
    }
    size_t end = b.len;
    fake_disk_put(&f->disk, RK_DIR_LOG, name, b.data, b.len);
    rk_buf_deinit(&b);
    return end;
}

struct fake_file *log_file(struct fixture *f, const char *name)
{
    struct fake_file *file = fake_disk_get(&f->disk, RK_DIR_LOG, name);
    assert_non_null(file);
    return file;
}

size_t offset_of(struct fixture *f, const char *name, rk_zxid zxid)
{
    const struct fake_file *file = log_file(f, name);
    size_t at = RK_WAL_HEADER_BYTES;
    while (at + 32 <= file->now_len && rk_load_i32(file->now + at + 8) > 0) {
        if (rk_load_i64(file->now + at + 12 + 12) == zxid) {
            return at;
        }
        at += 12 + (size_t)rk_load_i32(file->now + at + 8) + 1;
    }
    fail_msg("zxid %lld is not in %s", (long long)zxid, name);
    return 0;
}

size_t end_of(struct fixture *f, const char *name)
{
    const struct fake_file *file = log_file(f, name);
    size_t at = RK_WAL_HEADER_BYTES;
    while (at + 32 <= file->now_len && rk_load_i32(file->now + at + 8) > 0) {
        at += 12 + (size_t)rk_load_i32(file->now + at + 8) + 1;
    }
    return at;
}

/* -- Snapshots
 * -------------------------------------------------------------------------------------- */

static void put_node(struct rk_buf *b, const char *path, uint32_t data_len, int64_t acl_id)
{
    struct rk_stat_persisted stat = {.version = (int32_t)data_len};
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_i32(b, (int32_t)data_len);
    for (uint32_t i = 0; i < data_len; i++) {
        rk_buf_put_u8(b, (uint8_t)i);
    }
    rk_buf_put_i64(b, acl_id);
    rk_proto_write_stat_persisted(b, &stat);
}

enum rk_err try_snapshot(struct fixture *f, rk_zxid zxid, enum rk_snap_compression compression,
                         uint32_t node_count, bool has_digest)
{
    struct rk_acl acl = {31, {rk_bytes_str("world"), rk_bytes_str("anyone")}};
    struct rk_vec_acl acls = {1, &acl};
    struct rk_mem plain; /* what may fail is the writer's memory, not the test's */
    struct rk_buf b;
    rk_mem_libc_init(&plain, 0);
    rk_buf_init(&b, &plain, (size_t)1 << 30);
    rk_buf_put_i32(&b, 1);
    rk_buf_put_i64(&b, 0x1000);
    rk_buf_put_i32(&b, 30000);
    rk_buf_put_i32(&b, 1);
    rk_buf_put_i64(&b, 1);
    rk_proto_write_vec_acl(&b, &acls);
    put_node(&b, "", 0, -1);
    put_node(&b, "/zookeeper", 0, -1);
    put_node(&b, "/zookeeper/config", 0, 1);
    put_node(&b, "/zookeeper/quota", 0, -1);
    for (uint32_t i = 0; i < node_count; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/node-%u", (unsigned)i);
        put_node(&b, path, i % 300, -1);
    }
    struct rk_snap_writer *w = NULL;
    enum rk_err err = rk_snap_writer_create(&f->mem, &f->disk.port, zxid, compression, &w);
    /* In two pieces that part in the middle of something. */
    if (err == RK_OK) {
        err = rk_snap_writer_put(w, rk_bytes_of(b.data, b.len / 2));
    }
    if (err == RK_OK) {
        err = rk_snap_writer_put(w, rk_bytes_of(b.data + b.len / 2, b.len - b.len / 2));
    }
    if (err == RK_OK) {
        err = rk_snap_writer_finish(w, has_digest, zxid, 0xabcdef0123456789u);
    }
    rk_snap_writer_destroy(w);
    rk_buf_deinit(&b);
    return err;
}

void write_snapshot(struct fixture *f, rk_zxid zxid)
{
    assert_int_equal(try_snapshot(f, zxid, RK_SNAP_PLAIN, 3, true), RK_OK);
}

/* -- Recovery
 * --------------------------------------------------------------------------------------- */

enum rk_err recover(struct fixture *f)
{
    f->begun = f->seen_count = 0;
    memset(&f->out, 0x5a, sizeof(f->out));
    enum rk_err err =
        rk_recover(&f->mem, &f->disk.port, &f->options, &f->sink, &f->out, &f->problem);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    /* Every failure says why, and only failures do. */
    assert_int_equal(err == RK_OK, f->problem.text[0] == '\0');
    return err;
}

enum rk_err recover_copy(struct fixture *f)
{
    struct fake_disk kept = f->disk;
    fake_disk_copy(&f->disk, &kept);
    enum rk_err err = recover(f);
    fake_disk_deinit(&f->disk);
    f->disk = kept; /* its port points here again */
    return err;
}

void assert_seen(const struct fixture *f, rk_zxid first, rk_zxid last)
{
    assert_int_equal(f->seen_count, last - first + 1);
    for (uint32_t i = 0; i < f->seen_count; i++) {
        assert_int_equal(f->seen[i], first + i);
    }
    if (f->seen_count > 0) {
        assert_int_equal(f->out.last_zxid, last);
    }
}
