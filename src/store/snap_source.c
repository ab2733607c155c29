/* Snapshot files as plain bytes: read through, gunzipped, or unpacked from xerial's snappy framing
 * (spec-quorum A4.3). Guarantees bounded memory (one read buffer, one chunk) on any bytes, and that
 * a compressed stream which ends early or fails its own checks is an error, never a short read. */
#include "store/snap_source.h"

#include <snappy-c.h>
#include <string.h>
#include <zlib.h>

#include "store/names.h"
#include "store/zmem.h"

#define RAW_BYTES       ((size_t)256 << 10)
#define SNAPPY_HEADER   16u
#define SNAPPY_BLOCK    ((size_t)1 << 20) /* plain bytes; Java writes 32 KiB, its reader takes any */
#define SNAPPY_COMP_MAX ((size_t)2 << 20)
#define LOOKS_LIKE_MIN  10u /* ZK: SnapStream.isValidSnapshot */

static const uint8_t snappy_magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

struct rk_snap_stream {
    struct rk_mem *mem;
    const struct rk_disk *disk; /* NULL: wrapped around a source */
    rk_file file;
    uint64_t offset;
    struct rk_snap_source raw;
    enum rk_snap_compression compression;

    uint8_t *in; /* compressed bytes */
    size_t in_cap;
    size_t in_at;
    size_t in_len;
    bool is_raw_end;

    z_stream z;
    bool has_z;
    bool is_done;
    bool is_damaged; /* a read found the compressed bytes wrong */

    uint8_t *block; /* snappy: unpacked, not yet handed out */
    size_t block_at;
    size_t block_len;
    bool has_header;
};

static enum rk_err read_file(void *ctx, uint8_t *out, size_t cap, size_t *ret_got)
{
    struct rk_snap_stream *s = ctx;
    enum rk_err err = s->disk->ops->read(s->disk->ctx, s->file, s->offset, out, cap, ret_got);
    if (err == RK_OK) {
        s->offset += *ret_got;
    }
    return err;
}

/* Gets n compressed bytes at s->in + s->in_at; fewer only at the end. */
static enum rk_err fill_in(struct rk_snap_stream *s, size_t n)
{
    RK_ASSERT(n <= s->in_cap);
    if (s->in_len - s->in_at >= n) {
        return RK_OK;
    }
    s->in_len -= s->in_at;
    memmove(s->in, s->in + s->in_at, s->in_len);
    s->in_at = 0;
    while (s->in_len < n && !s->is_raw_end) {
        size_t got = 0;
        enum rk_err err = s->raw.read(s->raw.ctx, s->in + s->in_len, s->in_cap - s->in_len, &got);
        if (err != RK_OK) {
            return err;
        }
        s->in_len += got;
        s->is_raw_end = got == 0;
    }
    return RK_OK;
}

/* -- gzip
 * ------------------------------------------------------------------------------------------- */

static enum rk_err read_gzip(struct rk_snap_stream *s, uint8_t *out, size_t cap, size_t *ret_got)
{
    s->z.next_out = out;
    s->z.avail_out = (uInt)(cap > (1u << 30) ? (1u << 30) : cap);
    uInt room = s->z.avail_out;
    while (s->z.avail_out == room && !s->is_done) {
        enum rk_err err = fill_in(s, 1);
        if (err != RK_OK) {
            return err;
        }
        s->z.next_in = s->in + s->in_at;
        s->z.avail_in = (uInt)(s->in_len - s->in_at);
        int rc = inflate(&s->z, Z_NO_FLUSH);
        s->in_at = s->in_len - s->z.avail_in;
        if (rc == Z_STREAM_END) {
            s->is_done = true; /* ZK: one member; what follows is not looked at */
        } else if (rc == Z_MEM_ERROR) {
            return RK_ERR_NOMEM;
        } else if (rc != Z_OK && !(rc == Z_BUF_ERROR && !s->is_raw_end)) {
            return RK_ERR_CORRUPT;
        } else if (s->is_raw_end && s->in_at == s->in_len && s->z.avail_out == room) {
            return RK_ERR_CORRUPT; /* ends in the middle */
        }
    }
    *ret_got = room - s->z.avail_out;
    return RK_OK;
}

static enum rk_err begin_gzip(struct rk_snap_stream *s)
{
    rk_zmem_attach(&s->z, s->mem);
    if (inflateInit2(&s->z, 15 + 16) != Z_OK) {
        return RK_ERR_NOMEM;
    }
    s->has_z = true;
    return RK_OK;
}

/* -- snappy
 * ----------------------------------------------------------------------------------------- */

static enum rk_err next_block(struct rk_snap_stream *s)
{
    enum rk_err err = fill_in(s, s->has_header ? 4 : SNAPPY_HEADER);
    if (err != RK_OK) {
        return err;
    }
    if (!s->has_header) {
        if (s->in_len - s->in_at < SNAPPY_HEADER ||
            memcmp(s->in + s->in_at, snappy_magic, sizeof(snappy_magic)) != 0) {
            return RK_ERR_CORRUPT;
        }
        s->in_at += SNAPPY_HEADER;
        s->has_header = true;
        return RK_OK;
    }
    size_t left = s->in_len - s->in_at;
    if (left == 0) {
        s->is_done = true;
        return RK_OK;
    }
    int32_t n = left >= 4 ? rk_load_i32(s->in + s->in_at) : -1;
    if (n <= 0 || (size_t)n > SNAPPY_COMP_MAX) {
        return RK_ERR_CORRUPT;
    }
    err = fill_in(s, 4 + (size_t)n);
    if (err != RK_OK) {
        return err;
    }
    const char *packed = (const char *)s->in + s->in_at + 4;
    size_t plain = 0;
    if (s->in_len - s->in_at < 4 + (size_t)n ||
        snappy_uncompressed_length(packed, (size_t)n, &plain) != SNAPPY_OK ||
        plain > SNAPPY_BLOCK) {
        return RK_ERR_CORRUPT;
    }
    size_t room = SNAPPY_BLOCK;
    if (snappy_uncompress(packed, (size_t)n, (char *)s->block, &room) != SNAPPY_OK) {
        return RK_ERR_CORRUPT;
    }
    s->in_at += 4 + (size_t)n;
    s->block_at = 0;
    s->block_len = room;
    return RK_OK;
}

static enum rk_err read_snappy(struct rk_snap_stream *s, uint8_t *out, size_t cap, size_t *ret_got)
{
    while (s->block_at == s->block_len && !s->is_done) {
        enum rk_err err = next_block(s);
        if (err != RK_OK) {
            return err;
        }
    }
    size_t n = s->block_len - s->block_at;
    n = n < cap ? n : cap;
    memcpy(out, s->block + s->block_at, n);
    s->block_at += n;
    *ret_got = n;
    return RK_OK;
}

/* -- All kinds
 * -------------------------------------------------------------------------------------- */

static enum rk_err read_stream(void *ctx, uint8_t *out, size_t cap, size_t *ret_got)
{
    struct rk_snap_stream *s = ctx;
    enum rk_err err = RK_OK;
    switch (s->compression) {
    case RK_SNAP_GZIP:
        err = read_gzip(s, out, cap, ret_got);
        break;
    case RK_SNAP_SNAPPY:
        err = read_snappy(s, out, cap, ret_got);
        break;
    case RK_SNAP_PLAIN:
        return s->raw.read(s->raw.ctx, out, cap, ret_got);
    }
    s->is_damaged = err == RK_ERR_CORRUPT;
    return err;
}

struct rk_snap_source rk_snap_stream_source(struct rk_snap_stream *s)
{
    return (struct rk_snap_source){read_stream, s};
}

void rk_snap_stream_destroy(struct rk_snap_stream *s)
{
    if (s == NULL) {
        return;
    }
    if (s->has_z) {
        (void)inflateEnd(&s->z); /* fails only on a stream that was never begun */
    }
    if (s->file > 0) {
        s->disk->ops->close(s->disk->ctx, s->file);
    }
    rk_mem_free(s->mem, s->in, s->in_cap);
    rk_mem_free(s->mem, s->block, s->block != NULL ? SNAPPY_BLOCK : 0);
    rk_mem_free(s->mem, s, sizeof(*s));
}

static enum rk_err begin(struct rk_snap_stream *s)
{
    if (s->compression == RK_SNAP_PLAIN) {
        return RK_OK;
    }
    s->in_cap = s->compression == RK_SNAP_GZIP ? RAW_BYTES : 4 + SNAPPY_COMP_MAX;
    s->in = rk_mem_alloc(s->mem, s->in_cap);
    if (s->in == NULL) {
        return RK_ERR_NOMEM;
    }
    if (s->compression == RK_SNAP_GZIP) {
        return begin_gzip(s);
    }
    s->block = rk_mem_alloc(s->mem, SNAPPY_BLOCK);
    return s->block == NULL ? RK_ERR_NOMEM : RK_OK;
}

enum rk_err rk_snap_stream_wrap(struct rk_mem *mem, const struct rk_snap_source *raw,
                                enum rk_snap_compression compression, struct rk_snap_stream **ret)
{
    struct rk_snap_stream *s = rk_mem_zalloc(mem, sizeof(*s));
    if (s == NULL) {
        return RK_ERR_NOMEM;
    }
    s->mem = mem;
    s->raw = *raw;
    s->compression = compression;
    enum rk_err err = begin(s);
    if (err != RK_OK) {
        rk_snap_stream_destroy(s);
        return err;
    }
    *ret = s;
    return RK_OK;
}

static enum rk_err check_looks(struct rk_snap_stream *s)
{
    const struct rk_disk_ops *ops = s->disk->ops;
    uint8_t bytes[8];
    uint64_t size = 0;
    size_t got = 0;
    enum rk_err err = ops->size(s->disk->ctx, s->file, &size);
    if (err != RK_OK) {
        return err;
    }
    if (size < LOOKS_LIKE_MIN) {
        return RK_ERR_CORRUPT;
    }
    bool is_plain = s->compression == RK_SNAP_PLAIN;
    err = ops->read(s->disk->ctx, s->file, is_plain ? size - RK_SNAP_TAIL_BYTES : 0, bytes,
                    is_plain ? RK_SNAP_TAIL_BYTES : sizeof(bytes), &got);
    if (err != RK_OK) {
        return err;
    }
    bool looks = false;
    if (is_plain) {
        looks = got == RK_SNAP_TAIL_BYTES && memcmp(bytes, rk_snap_tail, got) == 0;
    } else if (s->compression == RK_SNAP_GZIP) {
        looks = got >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
    } else {
        looks = got == sizeof(bytes) && memcmp(bytes, snappy_magic, got) == 0;
    }
    return looks ? RK_OK : RK_ERR_CORRUPT;
}

enum rk_err rk_snap_stream_create(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                                  struct rk_snap_stream **ret)
{
    struct rk_snap_stream *s = rk_mem_zalloc(mem, sizeof(*s));
    if (s == NULL) {
        return RK_ERR_NOMEM;
    }
    s->mem = mem;
    s->disk = disk;
    s->raw = (struct rk_snap_source){read_file, s};
    s->compression = rk_store_name_compression(name);
    enum rk_err err = disk->ops->open(disk->ctx, RK_DIR_SNAP, name, RK_OPEN_READ, &s->file);
    if (err == RK_OK) {
        err = check_looks(s);
    } else {
        s->file = 0;
    }
    if (err == RK_OK) {
        err = begin(s);
    }
    if (err != RK_OK) {
        rk_snap_stream_destroy(s);
        return err;
    }
    *ret = s;
    return RK_OK;
}

enum rk_err rk_snap_read(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                         uint32_t limit_bytes, const struct rk_restore_sink *sink,
                         struct rk_snap_info *ret, const char **ret_why)
{
    struct rk_snap_stream *s;
    enum rk_err err = rk_snap_stream_create(mem, disk, name, &s);
    if (err != RK_OK) {
        *ret_why = err == RK_ERR_CORRUPT ? "it is no finished snapshot" : "";
        return err;
    }
    struct rk_snap_source source = rk_snap_stream_source(s);
    err = rk_snap_parse(mem, &source, limit_bytes, sink, ret, ret_why);
    if (s->is_damaged) {
        *ret_why = "its compressed stream is damaged";
    }
    rk_snap_stream_destroy(s);
    return err;
}
