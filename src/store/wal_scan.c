/* Reading a log file and telling a torn tail from damage.
 *
 * The writer starts a commit batch only after the batch before it was synced, and acknowledges
 * nothing before that. So what is bad is unacknowledged exactly if it belongs to the last batch
 * that was begun. At a bad record X this file looks for whole records behind X:
 *
 * - In a marked file a record's trailer says where its batch began. A batch that began behind X
 * proves that X was durable: damage. If all records found belong to batches that began at or before
 * X, X's batch was never acknowledged: torn. Trailers hold the file's nonce, so that data written
 * by clients cannot pose as records.
 * - A marked file got its name only after its first batch was durable, so its first record is never
 * torn.
 * - In Apache's files any whole record behind X is taken for damage.
 * - Below the durability mark (wal_mark.h) everything is damage.
 *
 * A whole record that lacks the trailer of a marked file, or that steps back, is damage as well:
 * tearing does not make records.
 *
 * Nothing is ever written here. */
#include "store/wal_scan.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "proto/txn.h"

/* Checksums computed while looking for records in what may be hostile bytes; beyond it nothing is
 * proved and the tail counts as damaged. A second or so of work. */
#define CHECK_BYTES_MAX ((uint64_t)2 << 30)

enum rk_err rk_wal_scan_open(struct rk_wal_scan *s, struct rk_mem *mem, const struct rk_disk *disk,
                             const char *name)
{
    *s = (struct rk_wal_scan){.pos = RK_WAL_HEADER_BYTES};
    bool is_log = rk_store_parse_name(name, RK_NAME_LOG, &s->name_zxid);
    RK_ASSERT(is_log);
    rk_file file;
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_LOG, name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    rk_window_init(&s->window, mem, disk, file);
    err = disk->ops->size(disk->ctx, file, &s->size);
    const uint8_t *head = NULL;
    size_t len = 0;
    if (err == RK_OK) {
        err = rk_window_get(&s->window, 0, RK_WAL_HEADER_BYTES, &head, &len);
    }
    if (err != RK_OK) {
        rk_wal_scan_close(s);
        return err;
    }
    s->has_header = rk_wal_get_header(head, len, &s->dbid) == RK_OK;
    if (s->has_header && rk_wal_is_marked(s->dbid)) {
        s->trailer_key = rk_wal_trailer_key(s->dbid);
    }
    char mark_name[RK_STORE_NAME_MAX];
    rk_store_name_make(mark_name, RK_NAME_MARK, s->name_zxid, "");
    err = rk_wal_mark_read(disk, mark_name, &s->mark);
    /* A mark of another incarnation says nothing; with a bad header it may be of this one. */
    s->has_mark = err == RK_OK && (!s->has_header || s->mark.dbid == s->dbid);
    return RK_OK;
}

void rk_wal_scan_close(struct rk_wal_scan *s)
{
    if (s->window.file > 0) {
        s->window.disk->ops->close(s->window.disk->ctx, s->window.file);
        s->window.file = 0;
    }
    rk_window_deinit(&s->window);
}

/* Gets the record at offset, as long as the file allows. */
static enum rk_err get_record(struct rk_wal_scan *s, uint64_t offset, enum rk_wal_found *ret_found,
                              struct rk_wal_record *ret)
{
    size_t want = RK_WAL_HEAD_BYTES;
    for (;;) {
        const uint8_t *in;
        size_t len;
        enum rk_err err = rk_window_get(&s->window, offset, want, &in, &len);
        if (err != RK_OK) {
            return err;
        }
        *ret_found = rk_wal_get_record(in, len, s->trailer_key, ret);
        if (*ret_found != RK_WAL_MORE || len < want || ret->bytes > s->size - offset) {
            return RK_OK;
        }
        RK_ASSERT(ret->bytes > want);
        want = ret->bytes;
    }
}

/* Whole records that no tearing explains. */
static const char *find_fault(const struct rk_wal_scan *s, const struct rk_wal_record *record,
                              uint64_t offset, rk_zxid last_zxid)
{
    if (s->trailer_key == 0) {
        return NULL;
    }
    if (!record->has_trailer || record->distance > offset - RK_WAL_HEADER_BYTES) {
        return "it is whole but is not one of this file's";
    }
    if (record->zxid <= last_zxid) {
        return "it is whole but out of order";
    }
    return NULL;
}

enum rk_err rk_wal_scan_next(struct rk_wal_scan *s, rk_zxid last_zxid, enum rk_wal_step *ret_step,
                             struct rk_wal_record *ret)
{
    enum rk_wal_found found = RK_WAL_END;
    if (s->has_header && s->pos < s->size) {
        enum rk_err err = get_record(s, s->pos, &found, ret);
        if (err != RK_OK) {
            return err;
        }
    }
    if (found != RK_WAL_RECORD || find_fault(s, ret, s->pos, last_zxid) != NULL) {
        *ret_step = RK_WAL_STEP_STOP;
        return RK_OK;
    }
    s->pos += ret->bytes;
    *ret_step = RK_WAL_STEP_RECORD;
    return RK_OK;
}

/* -- Judging
 * ---------------------------------------------------------------------------------------- */

struct search {
    struct rk_wal_scan *scan;
    rk_zxid last_zxid;
    uint64_t bad_offset;
    uint64_t checked_bytes;
    bool has_rest; /* any byte that is not zero was seen */
};

#define ZERO_RUN 64u
#define LEAST    (RK_WAL_HEAD_BYTES + RK_WAL_PAYLOAD_MIN + 1u)

static bool is_zero_run(const uint8_t *in)
{
    uint64_t words[ZERO_RUN / 8];
    memcpy(words, in, sizeof(words));
    return (words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] |
            words[7]) == 0;
}

/* Cheap tests before a checksum is spent on it. */
static bool looks_like_record(const struct search *q, const uint8_t *in)
{
    if (rk_load_i32(in) != 0) {
        return false;
    }
    int32_t n = rk_load_i32(in + 8);
    if (n < (int32_t)RK_WAL_PAYLOAD_MIN || n > (int32_t)RK_WAL_PAYLOAD_MAX) {
        return false;
    }
    const uint8_t *header = in + RK_WAL_HEAD_BYTES;
    return rk_load_i64(header + 12) > q->last_zxid && rk_txn_is_type(rk_load_i32(header + 28));
}

/* How many bytes of in hold no start of a record; the byte behind them may. What is too short at
 * the end of the window is left for the next one. */
static size_t skip_to_candidate(struct search *q, const uint8_t *in, size_t len)
{
    size_t i = 0;
    while (len - i >= LEAST) {
        if (len - i >= ZERO_RUN && is_zero_run(in + i)) {
            /* A head in here would have a length of zero. */
            i += ZERO_RUN - RK_WAL_HEAD_BYTES + 1;
            continue;
        }
        q->has_rest = q->has_rest || in[i] != 0;
        if (looks_like_record(q, in + i)) {
            return i;
        }
        i++;
    }
    return i;
}

/* Whether a whole record lies at offset. */
static enum rk_err try_record(struct search *q, uint64_t offset, bool *ret_is,
                              struct rk_wal_record *ret)
{
    struct rk_wal_scan *s = q->scan;
    const uint8_t *in;
    size_t len;
    *ret_is = false;
    enum rk_err err = rk_window_get(&s->window, offset, RK_WAL_HEAD_BYTES, &in, &len);
    if (err != RK_OK || len < RK_WAL_HEAD_BYTES) {
        return err;
    }
    size_t want = RK_WAL_HEAD_BYTES + (size_t)rk_load_i32(in + 8) + 1;
    if (want > s->size - offset) {
        return RK_OK;
    }
    err = rk_window_get(&s->window, offset, want, &in, &len);
    if (err != RK_OK || len < want || in[want - 1] != RK_WAL_END_BYTE) {
        return err;
    }
    const uint8_t *trailer = in + want - 1 - RK_WAL_TRAILER_BYTES;
    if (s->trailer_key != 0 && (uint32_t)rk_load_i32(trailer) != s->trailer_key) {
        return RK_OK;
    }
    q->checked_bytes += want;
    *ret_is = rk_wal_get_record(in, len, s->trailer_key, ret) == RK_WAL_RECORD &&
              (s->trailer_key == 0 || ret->has_trailer);
    return RK_OK;
}

static void set_damage(struct rk_wal_tail *ret, bool is_proven, const char *format, uint64_t offset,
                       rk_zxid zxid)
{
    ret->verdict = RK_WAL_TAIL_DAMAGED;
    ret->is_proven = is_proven;
    ret->evidence_zxid = zxid;
    /* NOLINTNEXTLINE: every format here takes exactly these two. */
    (void)snprintf(ret->evidence, sizeof(ret->evidence), format, (unsigned long long)offset,
                   (unsigned long long)zxid);
}

/* A whole record at offset, behind the bad one. */
static void weigh(const struct search *q, uint64_t offset, const struct rk_wal_record *record,
                  struct rk_wal_tail *ret)
{
    if (q->scan->trailer_key == 0) {
        set_damage(ret, false, "a whole record follows at offset %llu (zxid 0x%llx)", offset,
                   record->zxid);
    } else if (record->distance < offset - q->bad_offset) {
        set_damage(
            ret, true,
            "a record of a later commit follows at offset %llu (zxid 0x%llx), so it was durable",
            offset, record->zxid);
    }
}

/* Looks through [from, size) for records, until damage is found. */
static enum rk_err search_rest(struct search *q, uint64_t from, struct rk_wal_tail *ret)
{
    uint64_t at = from;
    while (ret->verdict != RK_WAL_TAIL_DAMAGED) {
        const uint8_t *in;
        size_t len;
        enum rk_err err = rk_window_get(&q->scan->window, at, LEAST, &in, &len);
        if (err != RK_OK) {
            return err;
        }
        if (len < LEAST) {
            for (size_t i = 0; i < len; i++) {
                q->has_rest = q->has_rest || in[i] != 0;
            }
            return RK_OK;
        }
        size_t skipped = skip_to_candidate(q, in, len);
        at += skipped;
        if (len - skipped < LEAST) {
            continue;
        }
        bool is_record;
        struct rk_wal_record record;
        err = try_record(q, at, &is_record, &record);
        if (err != RK_OK) {
            return err;
        }
        if (is_record) {
            weigh(q, at, &record, ret);
            at += record.bytes;
        } else if (q->checked_bytes > CHECK_BYTES_MAX) {
            set_damage(ret, false, "what follows offset %llu is too odd to tell (zxid 0x%llx)", at,
                       q->last_zxid);
        } else {
            at++;
        }
    }
    return RK_OK;
}

/* What the place itself says, before looking further. */
static enum rk_err judge_place(struct rk_wal_scan *s, rk_zxid last_zxid, struct rk_wal_tail *ret)
{
    struct rk_wal_record record = {.why = NULL};
    enum rk_wal_found found = RK_WAL_END;
    if (!s->has_header) {
        ret->offset = 0;
        ret->why = s->size < RK_WAL_HEADER_BYTES ? "the file ends inside its header"
                                                 : "it does not begin as a transaction log";
        ret->verdict = RK_WAL_TAIL_TORN;
        return RK_OK;
    }
    if (s->pos < s->size) {
        enum rk_err err = get_record(s, s->pos, &found, &record);
        if (err != RK_OK) {
            return err;
        }
    }
    if (found == RK_WAL_END) {
        ret->why = "the records end here";
        return RK_OK;
    }
    ret->verdict = RK_WAL_TAIL_TORN;
    ret->why = record.why;
    if (found == RK_WAL_RECORD) {
        ret->why = find_fault(s, &record, s->pos, last_zxid);
        RK_ASSERT(ret->why != NULL);
        set_damage(ret, true, "a torn write leaves no whole record (offset %llu, zxid 0x%llx)",
                   s->pos, record.zxid);
    }
    return RK_OK;
}

/* Whether the file ends here because another server cut it (TRUNC). Our files are preallocated, and
 * then no size they ever have, nor one that a file system might bring back, is one at which a
 * record ends; the mark says how large this one was. So only somebody who looked for the end of a
 * record can have cut it, and what lay behind is not missed. */
static bool was_cut(const struct rk_wal_scan *s)
{
    return s->has_header && s->has_mark && s->pos == s->size && s->pos > RK_WAL_HEADER_BYTES &&
           s->mark.size > s->size;
}

enum rk_err rk_wal_scan_judge(struct rk_wal_scan *s, rk_zxid last_zxid, struct rk_wal_tail *ret)
{
    *ret = (struct rk_wal_tail){.verdict = RK_WAL_TAIL_CLEAN, .offset = s->pos};
    enum rk_err err = judge_place(s, last_zxid, ret);
    if (err != RK_OK || ret->verdict == RK_WAL_TAIL_DAMAGED) {
        return err;
    }
    ret->is_cut = was_cut(s);
    if (s->has_mark && ret->offset < s->mark.offset && !ret->is_cut) {
        set_damage(ret, true, "the file was durable up to offset %llu (zxid 0x%llx), says its mark",
                   s->mark.offset, s->mark.zxid);
        return RK_OK;
    }
    if (s->trailer_key != 0 && s->pos == RK_WAL_HEADER_BYTES) {
        set_damage(
            ret, true,
            "the file got its name after its first record was durable (offset %llu, zxid 0x%llx)",
            s->pos, s->name_zxid);
        return RK_OK;
    }
    struct search q = {.scan = s, .last_zxid = last_zxid, .bad_offset = ret->offset};
    err = search_rest(&q, s->has_header ? s->pos : 0, ret);
    if (err == RK_OK && ret->verdict == RK_WAL_TAIL_CLEAN && q.has_rest) {
        ret->verdict = RK_WAL_TAIL_TORN;
        ret->why = "bytes follow the end of the records";
    }
    return err;
}
