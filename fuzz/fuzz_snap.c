/* The snapshot reader over arbitrary bytes. The first byte says what the rest is: a file of one of
 * the three compressions, or a body that is put through the writer first, so that the seals are
 * right. Whatever comes: no crash, bounded memory; and what the writer made of a body reads the
 * same from all three. */
#include <stdlib.h>
#include <string.h>

#include "../test/store/fake_disk.h"
#include "base/mem_libc.h"
#include "store/snap.h"
#include "store/snap_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT_BYTES ((uint32_t)1 << 20)
#define MEMORY_MAX  ((size_t)16 << 20)

static const char *const names[] = {"snapshot.5", "snapshot.5.gz", "snapshot.5.snappy"};

struct seen {
    uint64_t count;
    uint64_t sum;
};

static void touch(struct seen *s, struct rk_bytes b)
{
    RK_ASSERT(b.len <= LIMIT_BYTES);
    for (uint32_t i = 0; i < b.len; i++) {
        s->sum = s->sum * 31 + b.data[i];
    }
    s->count++;
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct seen *s = ctx;
    s->sum += (uint64_t)id ^ (uint64_t)timeout_ms;
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct seen *s = ctx;
    s->sum += (uint64_t)id;
    for (int32_t i = 0; i < acl->count; i++) {
        touch(s, acl->items[i].id.scheme);
        touch(s, acl->items[i].id.id);
    }
    return RK_OK;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes bytes, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct seen *s = ctx;
    touch(s, path);
    touch(s, bytes);
    s->sum += (uint64_t)acl_id ^ (uint64_t)stat->pzxid;
    return RK_OK;
}

static enum rk_err parse(struct fake_disk *d, struct rk_mem *mem, const char *name,
                         struct seen *seen, struct rk_snap_info *info)
{
    struct rk_restore_sink sink = {
        .ctx = seen, .session = on_session, .acl = on_acl, .node = on_node};
    const char *why = NULL;
    struct rk_snap_info other;
    *seen = (struct seen){.count = 0};
    enum rk_err err = rk_snap_read(mem, &d->port, name, LIMIT_BYTES, &sink, info, &why);
    /* Whether anybody listens changes nothing. */
    enum rk_err silent = rk_snap_read(mem, &d->port, name, LIMIT_BYTES, NULL, &other, &why);
    RK_ASSERT(err == silent);
    RK_ASSERT(why != NULL && (err != RK_ERR_CORRUPT || *why != '\0'));
    return err;
}

static void write_it(struct fake_disk *d, struct rk_mem *mem, enum rk_snap_compression compression,
                     struct rk_bytes body)
{
    struct rk_snap_writer *w = NULL;
    enum rk_err err = rk_snap_writer_create(mem, &d->port, 5, compression, &w);
    RK_ASSERT(err == RK_OK);
    err = rk_snap_writer_put(w, body);
    RK_ASSERT(err == RK_OK);
    err = rk_snap_writer_finish(w, body.len % 2 == 0, 5, 77);
    RK_ASSERT(err == RK_OK);
    rk_snap_writer_destroy(w);
}

static void written(struct fake_disk *d, struct rk_mem *mem, const uint8_t *data, size_t size)
{
    struct seen seen[3];
    struct rk_snap_info info[3];
    enum rk_err err[3];
    memset(info, 0, sizeof(info));
    for (int kind = 0; kind < 3; kind++) {
        write_it(d, mem, (enum rk_snap_compression)kind, rk_bytes_of(data, size));
        err[kind] = parse(d, mem, names[kind], &seen[kind], &info[kind]);
        RK_ASSERT(err[kind] == err[0]);
        RK_ASSERT(seen[kind].sum == seen[0].sum && seen[kind].count == seen[0].count);
        RK_ASSERT(err[0] != RK_OK || info[kind].node_count == info[0].node_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_disk d;
    struct rk_mem mem;
    if (size < 1) {
        return 0;
    }
    rk_mem_libc_init(&mem, MEMORY_MAX);
    fake_disk_init(&d);
    uint8_t mode = data[0] % 4;
    if (mode == 3) {
        written(&d, &mem, data + 1, size - 1);
    } else {
        struct seen seen;
        struct rk_snap_info info;
        fake_disk_put(&d, RK_DIR_SNAP, names[mode], data + 1, size - 1);
        (void)parse(&d, &mem, names[mode], &seen, &info);
    }
    RK_ASSERT(fake_disk_open_count(&d) == 0);
    fake_disk_deinit(&d);
    RK_ASSERT(mem.used_bytes == 0);
    return 0;
}
