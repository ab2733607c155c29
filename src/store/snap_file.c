/* The snapshot writer over the disk port. Guarantees that a file of a snapshot's name is complete
 * and durable: it is written as zsnap.<zxid>, synced, renamed, and the directory is synced.
 * Anything that fails before leaves what was there as it was; the caller destroys the writer, which
 * removes the part.
 *
 * It syncs every few MiB, so that the disk never has much of a snapshot to write when the log wants
 * its turn. */
#include <libdeflate.h>
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>

#include "base/bug.h"
#include "store/names.h"
#include "store/snap.h"
#include "store/snap_format.h"
#include "store/zmem.h"

#define OUT_BYTES     ((size_t)256 << 10)
#define SYNC_BYTES    ((uint64_t)4 << 20)
#define SNAPPY_BLOCK  ((size_t)32 << 10) /* as Java writes it */
#define GZIP_MEMLEVEL 8

struct rk_snap_writer {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    rk_zxid zxid;
    enum rk_snap_compression compression;
    rk_file file;
    uint64_t offset; /* in the file */
    uint64_t synced;
    uint64_t plain_bytes;
    uint32_t adler;
    bool is_finished;
    enum rk_err failed; /* latched */

    uint8_t *out; /* file bytes on their way */
    size_t out_len;
    uint8_t *block; /* snappy: plain bytes of the chunk in the making */
    size_t block_len;
    z_stream z;
    bool has_z;
};

static void part_name(const struct rk_snap_writer *w, char out[RK_STORE_NAME_MAX])
{
    rk_store_name_make(out, RK_NAME_SNAP_PART, w->zxid, "");
}

/* -- Bytes of the file
 * ------------------------------------------------------------------------------ */

static enum rk_err flush(struct rk_snap_writer *w)
{
    const struct rk_disk_ops *ops = w->disk->ops;
    if (w->out_len == 0) {
        return RK_OK;
    }
    enum rk_err err = ops->write(w->disk->ctx, w->file, w->offset, w->out, w->out_len);
    if (err != RK_OK) {
        return err;
    }
    w->offset += w->out_len;
    w->out_len = 0;
    if (w->offset - w->synced >= SYNC_BYTES) {
        err = ops->sync(w->disk->ctx, w->file);
        w->synced = w->offset;
    }
    return err;
}

static enum rk_err put_raw(struct rk_snap_writer *w, const uint8_t *data, size_t len)
{
    enum rk_err err = RK_OK;
    while (len > 0 && err == RK_OK) {
        size_t n = OUT_BYTES - w->out_len;
        n = n < len ? n : len;
        memcpy(w->out + w->out_len, data, n);
        w->out_len += n;
        data += n;
        len -= n;
        if (w->out_len == OUT_BYTES) {
            err = flush(w);
        }
    }
    return err;
}

/* -- Compression
 * ------------------------------------------------------------------------------------ */

static enum rk_err put_gzip(struct rk_snap_writer *w, const uint8_t *data, size_t len, int how)
{
    RK_ASSERT(len <= UINT32_MAX);
    w->z.next_in = (Bytef *)(uintptr_t)data; /* zlib does not write there */
    w->z.avail_in = (uInt)len;
    int rc = Z_OK;
    do {
        w->z.next_out = w->out + w->out_len;
        w->z.avail_out = (uInt)(OUT_BYTES - w->out_len);
        rc = deflate(&w->z, how);
        RK_ASSERT(rc != Z_STREAM_ERROR);
        w->out_len = OUT_BYTES - w->z.avail_out;
        if (w->out_len == OUT_BYTES) {
            enum rk_err err = flush(w);
            if (err != RK_OK) {
                return err;
            }
        }
    } while (w->z.avail_in != 0 || (how == Z_FINISH && rc != Z_STREAM_END));
    return RK_OK;
}

/* One chunk of xerial's framing: length, block. */
static enum rk_err put_snappy_block(struct rk_snap_writer *w)
{
    uint8_t packed[4 + 32 + SNAPPY_BLOCK + SNAPPY_BLOCK / 6]; /* snappy_max_compressed_length */
    size_t n = sizeof(packed) - 4;
    if (w->block_len == 0) {
        return RK_OK;
    }
    snappy_status rc =
        snappy_compress((const char *)w->block, w->block_len, (char *)packed + 4, &n);
    RK_ASSERT(rc == SNAPPY_OK);
    rk_store_i32(packed, (int32_t)n);
    w->block_len = 0;
    return put_raw(w, packed, 4 + n);
}

static enum rk_err put_snappy(struct rk_snap_writer *w, const uint8_t *data, size_t len)
{
    enum rk_err err = RK_OK;
    while (len > 0 && err == RK_OK) {
        size_t n = SNAPPY_BLOCK - w->block_len;
        n = n < len ? n : len;
        memcpy(w->block + w->block_len, data, n);
        w->block_len += n;
        data += n;
        len -= n;
        if (w->block_len == SNAPPY_BLOCK) {
            err = put_snappy_block(w);
        }
    }
    return err;
}

static enum rk_err put_plain(struct rk_snap_writer *w, const uint8_t *data, size_t len)
{
    w->adler = libdeflate_adler32(w->adler, data, len);
    w->plain_bytes += len;
    switch (w->compression) {
    case RK_SNAP_GZIP:
        return put_gzip(w, data, len, Z_NO_FLUSH);
    case RK_SNAP_SNAPPY:
        return put_snappy(w, data, len);
    case RK_SNAP_PLAIN:
        break;
    }
    return put_raw(w, data, len);
}

static enum rk_err end_compression(struct rk_snap_writer *w)
{
    switch (w->compression) {
    case RK_SNAP_GZIP:
        return put_gzip(w, NULL, 0, Z_FINISH);
    case RK_SNAP_SNAPPY:
        return put_snappy_block(w);
    case RK_SNAP_PLAIN:
        break;
    }
    return RK_OK;
}

static enum rk_err begin_compression(struct rk_snap_writer *w)
{
    /* Magic, version 1, compatible with 1. */
    static const uint8_t snappy_header[16] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                              0,    0,   0,   1,   0,   0,   0,   1};
    if (w->compression == RK_SNAP_GZIP) {
        rk_zmem_attach(&w->z, w->mem);
        if (deflateInit2(&w->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, GZIP_MEMLEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK) {
            return RK_ERR_NOMEM;
        }
        w->has_z = true;
    } else if (w->compression == RK_SNAP_SNAPPY) {
        w->block = rk_mem_alloc(w->mem, SNAPPY_BLOCK);
        return w->block == NULL ? RK_ERR_NOMEM : put_raw(w, snappy_header, sizeof(snappy_header));
    }
    return RK_OK;
}

/* -- The writer
 * ------------------------------------------------------------------------------------- */

static enum rk_err begin(struct rk_snap_writer *w)
{
    char name[RK_STORE_NAME_MAX];
    uint8_t header[RK_SNAP_HEADER_BYTES];
    w->out = rk_mem_alloc(w->mem, OUT_BYTES);
    if (w->out == NULL) {
        return RK_ERR_NOMEM;
    }
    part_name(w, name);
    enum rk_err err = w->disk->ops->open(w->disk->ctx, RK_DIR_SNAP, name, RK_OPEN_CREATE, &w->file);
    if (err != RK_OK) {
        w->file = 0;
        return err;
    }
    err = begin_compression(w);
    if (err == RK_OK) {
        rk_snap_put_header(header);
        err = put_plain(w, header, sizeof(header));
    }
    return err;
}

enum rk_err rk_snap_writer_create(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid zxid,
                                  enum rk_snap_compression compression,
                                  struct rk_snap_writer **ret_writer)
{
    RK_ASSERT(zxid >= 0);
    struct rk_snap_writer *w = rk_mem_zalloc(mem, sizeof(*w));
    if (w == NULL) {
        return RK_ERR_NOMEM;
    }
    w->mem = mem;
    w->disk = disk;
    w->zxid = zxid;
    w->compression = compression;
    w->adler = 1;
    enum rk_err err = begin(w);
    if (err != RK_OK) {
        rk_snap_writer_destroy(w);
        return err;
    }
    *ret_writer = w;
    return RK_OK;
}

enum rk_err rk_snap_writer_put(struct rk_snap_writer *w, struct rk_bytes body)
{
    RK_ASSERT(!w->is_finished);
    if (w->failed == RK_OK && body.len > 0) {
        w->failed = put_plain(w, body.data, body.len);
    }
    return w->failed;
}

static enum rk_err put_seal(struct rk_snap_writer *w)
{
    uint8_t seal[RK_SNAP_SEAL_BYTES];
    rk_snap_put_seal(seal, w->adler);
    return put_plain(w, seal, sizeof(seal));
}

/* Everything behind the nodes. */
static enum rk_err put_end(struct rk_snap_writer *w, bool has_digest, rk_zxid digest_zxid,
                           uint64_t digest)
{
    uint8_t bytes[RK_SNAP_DIGEST_BYTES];
    /* The nodes end with a path of "/". */
    enum rk_err err = put_plain(w, rk_snap_tail, sizeof(rk_snap_tail));
    if (err == RK_OK) {
        err = put_seal(w);
    }
    if (err == RK_OK && has_digest) {
        rk_snap_put_digest(bytes, digest_zxid, digest);
        err = put_plain(w, bytes, RK_SNAP_DIGEST_BYTES);
        if (err == RK_OK) {
            err = put_seal(w);
        }
        if (err == RK_OK) {
            rk_store_i64(bytes, w->zxid);
            err = put_plain(w, bytes, RK_SNAP_LAST_BYTES);
        }
        if (err == RK_OK) {
            err = put_seal(w);
        }
    }
    if (err == RK_OK) {
        err = end_compression(w);
    }
    return err == RK_OK ? flush(w) : err;
}

static enum rk_err publish(struct rk_snap_writer *w)
{
    static const char *const suffixes[] = {
        [RK_SNAP_PLAIN] = "", [RK_SNAP_GZIP] = ".gz", [RK_SNAP_SNAPPY] = ".snappy"};
    const struct rk_disk_ops *ops = w->disk->ops;
    char part[RK_STORE_NAME_MAX];
    char name[RK_STORE_NAME_MAX];
    part_name(w, part);
    rk_store_name_make(name, RK_NAME_SNAPSHOT, w->zxid, suffixes[w->compression]);
    enum rk_err err = RK_BUG(SNAPSHOT_UNSYNCED) ? RK_OK : ops->sync(w->disk->ctx, w->file);
    if (err != RK_OK) {
        return err;
    }
    ops->close(w->disk->ctx, w->file);
    w->file = 0;
    err = ops->rename(w->disk->ctx, RK_DIR_SNAP, part, name);
    if (err != RK_OK) {
        (void)ops->unlink(w->disk->ctx, RK_DIR_SNAP, part); /* purge finds what stays */
        return err;
    }
    w->is_finished = true;
    return ops->sync_dir(w->disk->ctx, RK_DIR_SNAP);
}

enum rk_err rk_snap_writer_finish(struct rk_snap_writer *w, bool has_digest, rk_zxid digest_zxid,
                                  uint64_t digest)
{
    RK_ASSERT(!w->is_finished);
    if (w->failed == RK_OK) {
        w->failed = put_end(w, has_digest, digest_zxid, digest);
    }
    if (w->failed == RK_OK) {
        w->failed = publish(w);
    }
    return w->failed;
}

void rk_snap_writer_destroy(struct rk_snap_writer *w)
{
    if (w == NULL) {
        return;
    }
    if (w->file > 0) {
        char name[RK_STORE_NAME_MAX];
        part_name(w, name);
        w->disk->ops->close(w->disk->ctx, w->file);
        (void)w->disk->ops->unlink(w->disk->ctx, RK_DIR_SNAP, name); /* purge finds what stays */
    }
    if (w->has_z) {
        (void)deflateEnd(&w->z); /* says only that the stream was not finished */
    }
    rk_mem_free(w->mem, w->out, w->out != NULL ? OUT_BYTES : 0);
    rk_mem_free(w->mem, w->block, w->block != NULL ? SNAPPY_BLOCK : 0);
    rk_mem_free(w->mem, w, sizeof(*w));
}

uint64_t rk_snap_writer_bytes(const struct rk_snap_writer *w)
{
    return w->plain_bytes;
}
