/* The log writer over the disk port. Guarantees:
 *
 * - rk_wal_commit returns RK_OK only after everything appended, and the directory entry of every
 * file it lies in, was synced.
 * - A log file gets its name only when its first batch is durable (written as zlog.next, synced,
 * renamed, directory synced). A file that the name is taken from had no record.
 * - A file is finished before the next one is begun: a commit that spans a roll is one batch per
 * file.
 * - RK_ERR_NO_SPACE leaves everything as it was; the same bytes go to the same place later.
 * - After any other error nothing more is written; every call fails.
 *
 * Space: files grow by prealloc_bytes at a time with the port's allocate, so that the reserve is
 * real. In front of the records 256 KiB are kept written with zeros while commits are small: a sync
 * of blocks that were written before needs no change of the file's extents (measured:
 * docs/internals/store.md).
 *
 * Blocks: a preallocated file is written in whole blocks, the last one's rest with zeros, which are
 * there anyway; what is in front of the records in their first block is written again as it is. The
 * disk does the same in either case, and the page cache has no part in it. */
#include <stdalign.h>
#include <string.h>

#include "base/bug.h"
#include "proto/opcode.h"
#include "store/names.h"
#include "store/wal.h"
#include "store/wal_format.h"
#include "store/wal_mark.h"
#include "store/wal_replace.h"
#include "store/wal_scan.h"
#include "store/wal_truncate.h"

#define PENDING_MAX     ((size_t)1 << 30)
#define GROW_MARGIN     4096u /* ZK: FilePadding; a record is never the last thing in its file */
#define GROW_LEAST      ((uint64_t)1 << 20)
#define ZERO_AHEAD      ((uint64_t)256 << 10)
#define ZERO_BATCH_MAX  ((size_t)64 << 10) /* above it zeroing costs more than it saves */
#define BLOCKS_BYTES    ((size_t)1 << 20)  /* written at a time */
#define MARK_COMMITS    64u
#define MARK_BYTES_STEP ((uint64_t)1 << 20)
#define DIGEST_VERSION  2
#define DIGEST_BYTES    12u
#define PENDING_KEEP    ((size_t)4 << 20) /* memory kept between commits */

/* What goes into one file: pending.data[begin..end). */
struct segment {
    size_t begin;
    size_t end;
    rk_zxid first_zxid;
    rk_zxid last_zxid;
    bool is_new_file;
};

struct log_file {
    rk_file file;                /* 0 = none */
    uint64_t pos;                /* end of what is durable */
    uint64_t allocated;          /* the file's size */
    uint64_t zeroed;             /* written, if only with zeros, up to here */
    uint8_t tail[RK_DISK_BLOCK]; /* what lies in front of pos in its block; preallocated files */
};

struct rk_wal {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    struct rk_wal_options options;
    int64_t dbid;
    uint32_t trailer_key;
    enum rk_err failed; /* latched */

    /* Collected. */
    struct rk_buf pending;
    struct segment *segments;
    uint32_t segment_count;
    uint32_t segment_cap;
    uint32_t segment_done; /* committed by an attempt that failed later on */
    bool roll_next;
    uint64_t append_pos; /* in the file that the next record goes to, if that is not a new one */
    rk_zxid last_zxid;

    struct log_file current;
    struct log_file next; /* prepared, not named yet */
    void *blocks_memory;
    uint8_t *blocks;      /* BLOCKS_BYTES of it, aligned */
    rk_zxid current_zxid; /* in the name of the current one */
    bool can_allocate;    /* false once the file system said that it cannot */
    rk_zxid durable_zxid;
    uint64_t synced_count;

    rk_file mark_file;
    uint32_t mark_commits; /* since the mark was written */
    uint64_t mark_pos;
};

static const alignas(RK_DISK_BLOCK) uint8_t zeros[ZERO_AHEAD];

struct rk_wal *rk_wal_create(struct rk_mem *mem, const struct rk_disk *disk,
                             const struct rk_wal_options *options)
{
    struct rk_wal *w = rk_mem_must_zalloc(mem, sizeof(*w));
    w->mem = mem;
    w->disk = disk;
    w->options = *options;
    w->dbid = rk_wal_dbid(options->nonce);
    w->trailer_key = rk_wal_trailer_key(w->dbid);
    w->can_allocate = true;
    w->roll_next = true;
    w->last_zxid = -1;
    w->durable_zxid = -1;
    rk_buf_init(&w->pending, mem, PENDING_MAX);
    w->blocks_memory = rk_mem_must_alloc(mem, BLOCKS_BYTES + RK_DISK_BLOCK);
    w->blocks = w->blocks_memory;
    w->blocks += RK_DISK_BLOCK - (uintptr_t)w->blocks % RK_DISK_BLOCK;
    return w;
}

/* -- Collecting
 * ------------------------------------------------------------------------------------- */

static struct segment *add_segment(struct rk_wal *w, rk_zxid zxid)
{
    if (w->segment_count == w->segment_cap) {
        uint32_t cap = w->segment_cap == 0 ? 4 : w->segment_cap * 2;
        w->segments = rk_mem_must_resize(w->mem, w->segments, w->segment_cap * sizeof(*w->segments),
                                         cap * sizeof(*w->segments));
        w->segment_cap = cap;
    }
    struct segment *s = &w->segments[w->segment_count++];
    *s = (struct segment){.begin = w->pending.len,
                          .end = w->pending.len,
                          .first_zxid = zxid,
                          .is_new_file = w->roll_next};
    if (w->roll_next) {
        w->append_pos = RK_WAL_HEADER_BYTES;
        w->roll_next = false;
    }
    return s;
}

/* Of a closeSession without a body (a leader with zookeeper.closeSessionTxn.enabled=false) the
 * digest is left out: Apache takes what is there for a list of paths, and gives up only at the end
 * of the record, which our trailer moves. A list of two empty paths, which would look the same,
 * does not exist. ZK: SerializeUtils.deserializeTxn */
static struct rk_bytes to_be_logged(struct rk_bytes payload)
{
    const uint8_t *header = payload.data;
    if (rk_load_i32(header + 28) == RK_OP_CLOSE_SESSION &&
        payload.len == RK_WAL_PAYLOAD_MIN + DIGEST_BYTES &&
        rk_load_i32(header + RK_WAL_PAYLOAD_MIN) == DIGEST_VERSION) {
        payload.len = RK_WAL_PAYLOAD_MIN;
    }
    return payload;
}

void rk_wal_append(struct rk_wal *w, rk_zxid zxid, struct rk_bytes payload)
{
    RK_ASSERT(payload.len >= RK_WAL_PAYLOAD_MIN);
    RK_ASSERT(rk_load_i64(payload.data + 12) == zxid);
    RK_ASSERT(zxid > w->last_zxid);
    payload = to_be_logged(payload);
    if (w->options.size_limit_bytes != 0 && w->append_pos >= w->options.size_limit_bytes) {
        w->roll_next = true;
    }
    struct segment *s = w->segment_count == 0 ? NULL : &w->segments[w->segment_count - 1];
    if (s == NULL || w->roll_next) {
        s = add_segment(w, zxid);
    }
    size_t bytes = rk_wal_record_bytes(payload.len);
    if (!rk_buf_reserve(&w->pending, bytes)) {
        rk_panic(__FILE__, __LINE__, "out of memory for the transaction log");
    }
    RK_ASSERT(w->pending.len == s->end);
    rk_wal_put_record(w->pending.data + w->pending.len, payload, w->trailer_key,
                      (uint32_t)(w->pending.len - s->begin));
    w->pending.len += bytes;
    s->end = w->pending.len;
    s->last_zxid = zxid;
    w->append_pos += bytes;
    w->last_zxid = zxid;
}

void rk_wal_roll(struct rk_wal *w)
{
    w->roll_next = true;
}

size_t rk_wal_pending_bytes(const struct rk_wal *w)
{
    size_t done = w->segment_done == 0 ? 0 : w->segments[w->segment_done - 1].end;
    return w->pending.len - done;
}

/* -- The durability mark
 * ---------------------------------------------------------------------------- */

/* Best effort: the mark is more evidence, not a promise, so every failure is ignored. */
static void write_mark(struct rk_wal *w)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    uint8_t bytes[RK_WAL_MARK_BYTES];
    /* Without preallocation the file is as long as its records at any time. */
    bool is_padded = w->options.prealloc_bytes > 0;
    struct rk_wal_mark mark = {.dbid = w->dbid,
                               .offset = w->current.pos,
                               .zxid = w->durable_zxid,
                               .size = is_padded ? w->current.allocated : 0};
    if (w->current.file <= 0 || !w->options.force_sync) {
        return;
    }
    if (w->mark_file == 0) {
        char name[RK_STORE_NAME_MAX];
        rk_store_name_make(name, RK_NAME_MARK, w->current_zxid, "");
        if (ops->open(w->disk->ctx, RK_DIR_LOG, name, RK_OPEN_CREATE, &w->mark_file) != RK_OK) {
            w->mark_file = -1; /* not again for this file */
        }
    }
    w->mark_commits = 0;
    w->mark_pos = w->current.pos;
    if (w->mark_file > 0) {
        rk_wal_mark_encode(bytes, &mark);
        (void)ops->write(w->disk->ctx, w->mark_file, 0, bytes, sizeof(bytes));
    }
}

/* Now and then: the first commit of a file at once, then by count and bytes. */
static void mark_sometimes(struct rk_wal *w)
{
    w->mark_commits++;
    if (w->mark_file == 0 || w->mark_commits >= MARK_COMMITS ||
        w->current.pos - w->mark_pos >= MARK_BYTES_STEP) {
        write_mark(w);
    }
}

/* -- Space
 * ------------------------------------------------------------------------------------------ */

/* Grows the file to want, or as far towards it as there is room, but at least to need. */
static enum rk_err grow(struct rk_wal *w, struct log_file *f, uint64_t need, uint64_t want)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    RK_ASSERT(need <= want && need > f->allocated);
    uint64_t middle = need + GROW_LEAST < want ? need + GROW_LEAST : need;
    uint64_t sizes[] = {want, middle, need};
    enum rk_err err = RK_ERR_NO_SPACE;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && w->can_allocate; i++) {
        err = ops->allocate(w->disk->ctx, f->file, sizes[i]);
        if (err == RK_OK) {
            f->allocated = sizes[i];
            return RK_OK;
        }
        w->can_allocate = err != RK_ERR_UNSUPPORTED;
        if (err != RK_ERR_NO_SPACE) {
            break;
        }
    }
    if (w->can_allocate) {
        return err;
    }
    err = ops->truncate(w->disk->ctx, f->file, want);
    if (err == RK_OK) {
        f->allocated = want;
    }
    return err;
}

/* ZK: FilePadding.calculateFileSizeWithPadding, but the space is real. */
static enum rk_err ensure_space(struct rk_wal *w, struct log_file *f, uint64_t end)
{
    uint64_t step = w->options.prealloc_bytes;
    uint64_t need = end + GROW_MARGIN;
    if (step == 0 || need <= f->allocated) {
        return RK_OK;
    }
    uint64_t base = f->allocated < RK_WAL_HEADER_BYTES ? RK_WAL_HEADER_BYTES : f->allocated;
    uint64_t steps = (need - base + step - 1) / step;
    return grow(w, f, need, base + steps * step);
}

/* Opens the file that will be the next log. */
static enum rk_err open_next(struct rk_wal *w)
{
    bool is_direct = w->options.direct && w->options.force_sync && w->options.prealloc_bytes > 0;
    if (w->next.file > 0) {
        return RK_OK;
    }
    w->next = (struct log_file){.pos = RK_WAL_HEADER_BYTES};
    return w->disk->ops->open(w->disk->ctx, RK_DIR_LOG, RK_NAME_LOG_PART,
                              is_direct ? RK_OPEN_CREATE_DIRECT : RK_OPEN_CREATE, &w->next.file);
}

enum rk_err rk_wal_reserve(struct rk_wal *w, uint64_t reserve_bytes)
{
    if (w->failed != RK_OK) {
        return w->failed;
    }
    if (w->options.prealloc_bytes == 0) {
        return RK_OK;
    }
    bool is_next = w->current.file <= 0 || w->roll_next ||
                   (w->segment_count != 0 && w->segments[w->segment_count - 1].is_new_file);
    struct log_file *f = is_next ? &w->next : &w->current;
    enum rk_err err = is_next ? open_next(w) : RK_OK;
    if (err == RK_OK) {
        err = ensure_space(w, f, f->pos + rk_wal_pending_bytes(w) + reserve_bytes);
    }
    if (err != RK_OK && err != RK_ERR_NO_SPACE) {
        w->failed = err;
    }
    return err;
}

/* -- Writing
 * ---------------------------------------------------------------------------------------- */

/* A file of the name the next log will get holds no record, or it must stay. */
static enum rk_err check_replaceable(struct rk_wal *w, const char *name)
{
    struct rk_wal_scan scan;
    enum rk_err err = rk_wal_scan_open(&scan, w->mem, w->disk, name);
    if (err == RK_ERR_NOT_FOUND) {
        return RK_OK;
    }
    if (err != RK_OK) {
        return err;
    }
    enum rk_wal_step step;
    struct rk_wal_record record;
    struct rk_wal_tail tail = {.verdict = RK_WAL_TAIL_DAMAGED};
    err = rk_wal_scan_next(&scan, -1, &step, &record);
    if (err == RK_OK && step == RK_WAL_STEP_STOP) {
        err = rk_wal_scan_judge(&scan, -1, &tail);
    }
    if (err == RK_OK && tail.verdict == RK_WAL_TAIL_DAMAGED) {
        err = RK_ERR_CORRUPT;
    }
    rk_wal_scan_close(&scan);
    return err;
}

static void close_without_mark(struct rk_wal *w)
{
    if (w->mark_file > 0) {
        w->disk->ops->close(w->disk->ctx, w->mark_file);
    }
    if (w->current.file > 0) {
        w->disk->ops->close(w->disk->ctx, w->current.file);
    }
    w->current.file = 0;
    w->mark_file = 0;
    w->mark_pos = 0;
}

static void close_file(struct rk_wal *w)
{
    if (w->current.file > 0 && w->current.pos > w->mark_pos) {
        write_mark(w);
    }
    close_without_mark(w);
}

static uint64_t whole_blocks(uint64_t bytes)
{
    return (bytes + RK_DISK_BLOCK - 1) / RK_DISK_BLOCK * RK_DISK_BLOCK;
}

/* At f->pos, with the whole of the first block and of the last. */
static enum rk_err write_blocks(struct rk_wal *w, const struct log_file *f, struct rk_bytes data)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    size_t head = f->pos % RK_DISK_BLOCK;
    uint64_t at = f->pos - head;
    enum rk_err err = RK_OK;
    memcpy(w->blocks, f->tail, head);
    while (data.len > 0 && err == RK_OK) {
        uint32_t part = data.len < BLOCKS_BYTES - head ? data.len : (uint32_t)(BLOCKS_BYTES - head);
        size_t whole = whole_blocks(head + part);
        memcpy(w->blocks + head, data.data, part);
        memset(w->blocks + head + part, 0, whole - head - part);
        err = ops->write(w->disk->ctx, f->file, at, w->blocks, whole);
        data = rk_bytes_of(data.data + part, data.len - part);
        at += whole;
        head = 0;
    }
    return err;
}

/* Data was written at f->pos and f goes on behind it. */
static void go_on_behind(struct log_file *f, struct rk_bytes data)
{
    uint64_t end = f->pos + data.len;
    size_t keep = end % RK_DISK_BLOCK;
    size_t fresh = data.len < keep ? data.len : keep;
    memcpy(f->tail + (keep - fresh), data.data + (data.len - fresh), fresh);
    f->pos = end;
}

static struct rk_bytes bytes_of(const struct rk_wal *w, const struct segment *s)
{
    return rk_bytes_of(w->pending.data + s->begin, s->end - s->begin);
}

/* In front of what is written so far, so that the next syncs find blocks that were written. */
static enum rk_err write_zeros(struct rk_wal *w, struct log_file *f, uint64_t at)
{
    enum rk_err err = w->disk->ops->write(w->disk->ctx, f->file, at, zeros, ZERO_AHEAD);
    f->zeroed = at + ZERO_AHEAD;
    return err == RK_ERR_NO_SPACE ? RK_OK : err; /* the records are written all the same */
}

/* Writes s at f->pos, and zeros in front of it, and syncs. */
static enum rk_err write_segment(struct rk_wal *w, struct log_file *f, const struct segment *s)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    struct rk_bytes data = bytes_of(w, s);
    uint64_t end = whole_blocks(f->pos + data.len);
    enum rk_err err = ensure_space(w, f, f->pos + data.len);
    if (err == RK_OK && w->options.prealloc_bytes == 0) {
        err = ops->write(w->disk->ctx, f->file, f->pos, data.data, data.len);
    } else if (err == RK_OK) {
        RK_ASSERT(end <= f->allocated);
        err = write_blocks(w, f, data);
        if (err == RK_OK && end > f->zeroed) {
            f->zeroed = end;
            err = data.len <= ZERO_BATCH_MAX && end + ZERO_AHEAD <= f->allocated
                      ? write_zeros(w, f, end)
                      : RK_OK;
        }
    }
    if (err != RK_OK || !w->options.force_sync || RK_BUG(COMMIT_UNSYNCED)) {
        return err;
    }
    err = ops->sync(w->disk->ctx, f->file);
    /* What a failed sync left on the disk is unknown, so trying again proves nothing. */
    return err == RK_ERR_NO_SPACE ? RK_ERR_IO : err;
}

static enum rk_err begin_file(struct rk_wal *w, const struct segment *s)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    char name[RK_STORE_NAME_MAX];
    uint8_t header[RK_WAL_HEADER_BYTES];
    rk_store_name_make(name, RK_NAME_LOG, s->first_zxid, "");
    enum rk_err err = check_replaceable(w, name);
    if (err == RK_OK) {
        err = open_next(w);
    }
    if (err == RK_OK) {
        rk_wal_put_header(header, w->dbid);
        memcpy(w->next.tail, header, sizeof(header));
        if (w->options.prealloc_bytes == 0) {
            err = ops->write(w->disk->ctx, w->next.file, 0, header, sizeof(header));
        }
    }
    if (err == RK_OK) {
        err = write_segment(w, &w->next, s);
    }
    if (err != RK_OK) {
        return err;
    }
    err = ops->rename(w->disk->ctx, RK_DIR_LOG, RK_NAME_LOG_PART, name);
    if (err != RK_OK) {
        return err;
    }
    if (w->options.force_sync && !RK_BUG(LOG_DIR_UNSYNCED)) {
        err = ops->sync_dir(w->disk->ctx, RK_DIR_LOG);
    }
    if (err != RK_OK) {
        return err == RK_ERR_NO_SPACE ? RK_ERR_IO : err;
    }
    close_file(w);
    w->current = w->next;
    w->current_zxid = s->first_zxid;
    w->next = (struct log_file){.file = 0};
    return RK_OK;
}

static enum rk_err commit_segment(struct rk_wal *w, const struct segment *s)
{
    enum rk_err err = s->is_new_file ? begin_file(w, s) : write_segment(w, &w->current, s);
    if (err != RK_OK) {
        return err;
    }
    go_on_behind(&w->current, bytes_of(w, s));
    if (w->current.allocated < w->current.pos) {
        w->current.allocated = w->current.pos;
    }
    w->durable_zxid = s->last_zxid;
    w->synced_count++;
    mark_sometimes(w);
    return RK_OK;
}

static void forget_pending(struct rk_wal *w)
{
    w->segment_count = 0;
    w->segment_done = 0;
    if (w->pending.cap > PENDING_KEEP) {
        rk_buf_deinit(&w->pending);
        rk_buf_init(&w->pending, w->mem, PENDING_MAX);
    }
    rk_buf_reset(&w->pending);
}

enum rk_err rk_wal_commit(struct rk_wal *w)
{
    if (w->failed != RK_OK) {
        return w->failed;
    }
    if (w->segment_count == 0 && w->current.file > 0 && w->current.pos > w->mark_pos) {
        write_mark(w); /* idle: the mark catches up */
    }
    while (w->segment_done < w->segment_count) {
        enum rk_err err = commit_segment(w, &w->segments[w->segment_done]);
        if (err == RK_ERR_NO_SPACE) {
            return err;
        }
        if (err != RK_OK) {
            w->failed = err;
            return err;
        }
        w->segment_done++;
    }
    forget_pending(w);
    return RK_OK;
}

/* -- Truncation
 * ------------------------------------------------------------------------------------- */

/* What is prepared may hold records of a commit that failed for want of room. */
static void drop_next(struct rk_wal *w)
{
    if (w->next.file > 0) {
        w->disk->ops->close(w->disk->ctx, w->next.file);
        /* A leftover does no harm: the next one takes its place. */
        (void)w->disk->ops->unlink(w->disk->ctx, RK_DIR_LOG, RK_NAME_LOG_PART);
        w->next = (struct log_file){.file = 0};
    }
}

enum rk_err rk_wal_truncate(struct rk_wal *w, rk_zxid zxid, rk_zxid *ret_last)
{
    struct rk_cut cut;
    if (w->failed != RK_OK) {
        return w->failed;
    }
    enum rk_err err = rk_cut_plan(&cut, w->mem, w->disk, zxid);
    if (err == RK_OK) {
        forget_pending(w);
        close_without_mark(w);
        drop_next(w);
        w->roll_next = true;
        err = rk_cut_carry_out(&cut, w->options.force_sync);
    }
    rk_zxid last = cut.last_zxid;
    rk_cut_deinit(&cut);
    if (err == RK_ERR_NOT_FOUND) {
        return err;
    }
    if (err != RK_OK) {
        w->failed = err;
        return err;
    }
    w->durable_zxid = w->durable_zxid > zxid ? zxid : w->durable_zxid;
    w->last_zxid = w->durable_zxid;
    *ret_last = last;
    return RK_OK;
}

enum rk_err rk_wal_replace_begin(struct rk_wal *w, rk_zxid zxid)
{
    enum rk_err err;
    if (w->failed != RK_OK) {
        return w->failed;
    }
    err = rk_replace_begin(w->mem, w->disk, zxid);
    if (err == RK_ERR_NO_SPACE) {
        return err;
    }
    if (err != RK_OK) {
        w->failed = err;
        return err;
    }
    forget_pending(w);
    close_without_mark(w);
    drop_next(w);
    w->roll_next = true;
    return RK_OK;
}

enum rk_err rk_wal_replace_end(struct rk_wal *w, rk_zxid zxid)
{
    if (w->failed != RK_OK) {
        return w->failed;
    }
    RK_ASSERT(w->segment_count == 0 && w->roll_next);
    enum rk_err err = rk_replace_end(w->mem, w->disk, zxid);
    if (err != RK_OK) {
        w->failed = err == RK_ERR_NO_SPACE ? RK_ERR_IO : err;
        return w->failed;
    }
    w->durable_zxid = zxid;
    w->last_zxid = zxid;
    return RK_OK;
}

/* -- The rest
 * --------------------------------------------------------------------------------------- */

void rk_wal_destroy(struct rk_wal *w)
{
    if (w == NULL) {
        return;
    }
    close_file(w);
    drop_next(w);
    rk_buf_deinit(&w->pending);
    rk_mem_free(w->mem, w->segments, w->segment_cap * sizeof(*w->segments));
    rk_mem_free(w->mem, w->blocks_memory, BLOCKS_BYTES + RK_DISK_BLOCK);
    rk_mem_free(w->mem, w, sizeof(*w));
}

void rk_wal_status(const struct rk_wal *w, struct rk_wal_status *ret)
{
    *ret = (struct rk_wal_status){.last_zxid = w->last_zxid,
                                  .durable_zxid = w->durable_zxid,
                                  .file_bytes = w->current.file > 0 ? w->current.pos : 0,
                                  .synced_count = w->synced_count};
    if (w->current.file > 0) {
        char name[RK_STORE_NAME_MAX];
        rk_store_name_make(name, RK_NAME_LOG, w->current_zxid, "");
        RK_ASSERT(strlen(name) < sizeof(ret->file_name));
        memcpy(ret->file_name, name, strlen(name) + 1);
    }
}
