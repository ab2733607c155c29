/* Reading logs as they are. Guarantees bounded memory and termination on any bytes: one window, one
 * record of at most RK_WAL_PAYLOAD_MAX, one arena for its decoded form. */
#include "inspect/log_file.h"

#include <libdeflate.h>
#include <string.h>

/* Checksums computed while looking for records in what may be hostile bytes, in all of a file. */
#define CHECK_BYTES_MAX ((uint64_t)2 << 30)
#define LEAST           (RK_WAL_HEAD_BYTES + RK_WAL_PAYLOAD_MIN + 1u)
#define ZERO_RUN        64u

enum rk_err rk_ins_log_open(struct rk_ins_log *l, struct rk_mem *mem, const struct rk_disk *disk,
                            const char *name)
{
    rk_file file;
    const uint8_t *head = NULL;
    size_t len = 0;
    *l = (struct rk_ins_log){.pos = RK_WAL_HEADER_BYTES};
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_LOG, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    rk_window_init(&l->window, mem, disk, file);
    rk_arena_init(&l->arena, mem);
    err = disk->ops->size(disk->ctx, file, &l->size);
    if (err == RK_OK) {
        err = rk_window_get(&l->window, 0, RK_WAL_HEADER_BYTES, &head, &len);
    }
    if (err == RK_OK && rk_wal_get_header(head, len, &l->dbid) != RK_OK) {
        err = RK_ERR_MALFORMED;
    }
    if (err != RK_OK) {
        rk_ins_log_close(l);
        return err;
    }
    l->version = rk_load_i32(head + 4);
    l->trailer_key = rk_wal_is_marked(l->dbid) ? rk_wal_trailer_key(l->dbid) : 0;
    return RK_OK;
}

void rk_ins_log_close(struct rk_ins_log *l)
{
    l->window.disk->ops->close(l->window.disk->ctx, l->window.file);
    rk_window_deinit(&l->window);
    rk_arena_deinit(&l->arena);
}

static enum rk_ins_found broken(struct rk_ins_record *ret, const char *why)
{
    ret->why = why;
    return RK_INS_BROKEN;
}

/* The record whose n payload bytes begin at in. */
static enum rk_ins_found take(struct rk_ins_log *l, const uint8_t *in, uint32_t n,
                              struct rk_ins_record *ret)
{
    const uint8_t *trailer = in + n - RK_WAL_TRAILER_BYTES;
    if (in[n] != RK_WAL_END_BYTE) {
        return broken(ret, "its end byte is missing");
    }
    ret->stored = rk_bytes_of(in, n);
    ret->payload = ret->stored;
    ret->has_trailer = l->trailer_key != 0 && n >= RK_WAL_PAYLOAD_MIN + RK_WAL_TRAILER_BYTES &&
                       (uint32_t)rk_load_i32(trailer) == l->trailer_key;
    ret->payload.len -= ret->has_trailer ? RK_WAL_TRAILER_BYTES : 0;
    ret->bytes = RK_WAL_HEAD_BYTES + n + 1;
    ret->real_sum = libdeflate_adler32(1, in, n);
    rk_arena_reset(&l->arena);
    ret->decode_err = rk_txn_decode(ret->payload, &l->arena, RK_INS_LIMIT_BYTES, &ret->txn);
    ret->is_decoded = ret->decode_err == RK_OK;
    l->pos += ret->bytes;
    return ret->stored_sum == (int64_t)ret->real_sum ? RK_INS_RECORD : RK_INS_BAD_SUM;
}

enum rk_err rk_ins_log_next(struct rk_ins_log *l, enum rk_ins_found *ret_found,
                            struct rk_ins_record *ret)
{
    const uint8_t *in;
    size_t len;
    *ret = (struct rk_ins_record){.offset = l->pos, .why = ""};
    *ret_found = RK_INS_END;
    enum rk_err err = rk_window_get(&l->window, l->pos, RK_WAL_HEAD_BYTES, &in, &len);
    if (err != RK_OK || len < RK_WAL_HEAD_BYTES) {
        return err;
    }
    ret->stored_sum = rk_load_i64(in);
    int32_t n = rk_load_i32(in + 8);
    if (n == 0) {
        return RK_OK;
    }
    if (n < (int32_t)RK_WAL_PAYLOAD_MIN || n > (int32_t)RK_WAL_PAYLOAD_MAX) {
        *ret_found = broken(ret, "its length is impossible");
        return RK_OK;
    }
    size_t want = RK_WAL_HEAD_BYTES + (size_t)n + 1;
    err = rk_window_get(&l->window, l->pos, want, &in, &len);
    if (err != RK_OK) {
        return err;
    }
    *ret_found = len < want ? broken(ret, "the file ends inside it")
                            : take(l, in + RK_WAL_HEAD_BYTES, (uint32_t)n, ret);
    return RK_OK;
}

/* -- The next record behind a broken place
 * --------------------------------------------------------------- */

static bool is_zero_run(const uint8_t *in)
{
    static const uint8_t zeros[ZERO_RUN];
    return memcmp(in, zeros, ZERO_RUN) == 0;
}

static bool looks_like_record(const uint8_t *in, rk_zxid last_zxid)
{
    int32_t n = rk_load_i32(in + 8);
    const uint8_t *header = in + RK_WAL_HEAD_BYTES;
    return rk_load_i32(in) == 0 && n >= (int32_t)RK_WAL_PAYLOAD_MIN &&
           n <= (int32_t)RK_WAL_PAYLOAD_MAX && rk_load_i64(header + 12) > last_zxid &&
           rk_txn_is_type(rk_load_i32(header + 28));
}

/* How many bytes of in hold no start of a record. */
static size_t skip(const uint8_t *in, size_t len, rk_zxid last_zxid)
{
    size_t i = 0;
    while (len - i >= LEAST) {
        if (len - i >= ZERO_RUN && is_zero_run(in + i)) {
            i += ZERO_RUN - RK_WAL_HEAD_BYTES + 1;
        } else if (looks_like_record(in + i, last_zxid)) {
            return i;
        } else {
            i++;
        }
    }
    return i;
}

static enum rk_err try_record(struct rk_ins_log *l, uint64_t at, bool *ret_is_record)
{
    const uint8_t *in;
    size_t len;
    struct rk_wal_record record;
    *ret_is_record = false;
    enum rk_err err = rk_window_get(&l->window, at, RK_WAL_HEAD_BYTES, &in, &len);
    if (err != RK_OK) {
        return err;
    }
    size_t want = RK_WAL_HEAD_BYTES + (size_t)rk_load_i32(in + 8) + 1;
    if (want > l->size - at) {
        return RK_OK;
    }
    err = rk_window_get(&l->window, at, want, &in, &len);
    if (err != RK_OK || len < want || in[want - 1] != RK_WAL_END_BYTE) {
        return err;
    }
    const uint8_t *trailer = in + want - 1 - RK_WAL_TRAILER_BYTES;
    if (l->trailer_key != 0 && (uint32_t)rk_load_i32(trailer) != l->trailer_key) {
        return RK_OK; /* data of a client may look like a record, but not like one of this file */
    }
    l->checked_bytes += want;
    *ret_is_record = rk_wal_get_record(in, len, l->trailer_key, &record) == RK_WAL_RECORD;
    return RK_OK;
}

/* Whether at pos, where none was, is a record by now. */
static enum rk_err look_again(struct rk_ins_log *l, bool *ret_is_record)
{
    uint64_t pos = l->pos;
    enum rk_ins_found found;
    struct rk_ins_record record;
    l->window.len = 0; /* what the file says now, not what it said */
    enum rk_err err = rk_ins_log_next(l, &found, &record);
    *ret_is_record = err == RK_OK && found == RK_INS_RECORD;
    l->pos = pos;
    return err;
}

static enum rk_err find_next(struct rk_ins_log *l, rk_zxid last_zxid, bool *ret_is_found)
{
    uint64_t at = l->pos + 1;
    *ret_is_found = false;
    while (l->checked_bytes <= CHECK_BYTES_MAX) {
        const uint8_t *in;
        size_t len;
        enum rk_err err = rk_window_get(&l->window, at, LEAST, &in, &len);
        if (err != RK_OK || len < LEAST) {
            return err;
        }
        size_t skipped = skip(in, len, last_zxid);
        at += skipped;
        if (len - skipped < LEAST) {
            continue;
        }
        bool is_record;
        err = try_record(l, at, &is_record);
        if (err != RK_OK) {
            return err;
        }
        if (is_record) {
            l->pos = at;
            *ret_is_found = true;
            return RK_OK;
        }
        at++;
    }
    return RK_OK;
}

enum rk_err rk_ins_log_resync(struct rk_ins_log *l, rk_zxid last_zxid, bool *ret_is_found)
{
    uint64_t from = l->pos;
    enum rk_err err = find_next(l, last_zxid, ret_is_found);
    if (err != RK_OK || !*ret_is_found) {
        return err;
    }
    uint64_t next = l->pos;
    bool is_there = false;
    l->pos = from;
    err = look_again(l, &is_there);
    l->pos = is_there ? from : next;
    return err;
}

enum rk_err rk_ins_log_behind(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                              uint64_t offset, rk_zxid last, struct rk_ins_behind *ret)
{
    struct rk_ins_log log;
    bool is_found = false;
    *ret = (struct rk_ins_behind){.count = 0};
    enum rk_err err = rk_ins_log_open(&log, mem, disk, name);
    if (err != RK_OK) {
        return err == RK_ERR_MALFORMED ? RK_OK : err;
    }
    log.pos = offset;
    err = rk_ins_log_resync(&log, last, &is_found);
    while (err == RK_OK && is_found) {
        enum rk_ins_found found;
        struct rk_ins_record record;
        err = rk_ins_log_next(&log, &found, &record);
        if (err == RK_OK && found == RK_INS_RECORD && record.is_decoded) {
            last = record.txn.header.zxid;
            ret->first = ret->count == 0 ? last : ret->first;
            ret->last = last;
            ret->count++;
        } else if (err == RK_OK && found != RK_INS_BAD_SUM) {
            err = rk_ins_log_resync(&log, last, &is_found);
        }
    }
    rk_ins_log_close(&log);
    return err;
}
