/* The disk in memory. A file is what readers see and what was synced; a crash decides sector by
 * sector between the two. Directory changes wait in order for the sync of their directory. */
#include "fake_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (p == NULL) {
        rk_panic(__FILE__, __LINE__, "the test is out of memory");
    }
    return p;
}

static void set_bytes(uint8_t **to, size_t *to_len, const uint8_t *from, size_t len)
{
    *to = must(realloc(*to, len + 1));
    if (len > 0) {
        memcpy(*to, from, len);
    }
    *to_len = len;
}

/* -- Failing
 * ---------------------------------------------------------------------------------------- */

static enum rk_err step(struct fake_disk *d)
{
    d->calls++;
    if (d->fail_at != 0 && d->calls >= d->fail_at && d->calls <= d->fail_at + d->fail_calls) {
        return d->fail_err;
    }
    return RK_OK;
}

static bool has_room(const struct fake_disk *d, const struct fake_file *f, size_t len)
{
    uint64_t total = len > f->now_len ? len - f->now_len : 0;
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        total += d->files[i].used ? d->files[i].now_len : 0;
    }
    return d->space_bytes == 0 || total <= d->space_bytes || len <= f->now_len;
}

/* -- Names
 * ------------------------------------------------------------------------------------------ */

static struct fake_entry *find(struct fake_entry *table, enum rk_disk_dir dir, const char *name)
{
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        if (table[i].used && table[i].dir == dir && strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void bind(struct fake_entry *table, enum rk_disk_dir dir, const char *name, uint32_t file)
{
    struct fake_entry *e = find(table, dir, name);
    for (uint32_t i = 0; e == NULL; i++) {
        RK_ASSERT(i < FAKE_FILES);
        e = table[i].used ? NULL : &table[i];
    }
    RK_ASSERT(strlen(name) < sizeof(e->name));
    *e = (struct fake_entry){.used = true, .dir = dir, .file = file};
    memcpy(e->name, name, strlen(name) + 1);
}

static void unbind(struct fake_entry *table, enum rk_disk_dir dir, const char *name)
{
    struct fake_entry *e = find(table, dir, name);
    if (e != NULL) {
        e->used = false;
    }
}

static void apply(struct fake_entry *table, const struct fake_op *op)
{
    if (op->from[0] != '\0') {
        unbind(table, op->dir, op->from);
    }
    if (op->to[0] != '\0') {
        bind(table, op->dir, op->to, op->file);
    }
}

/* Forgets the files that no name, no pending change and no handle refers to. */
static void collect(struct fake_disk *d)
{
    bool is_used[FAKE_FILES];
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        is_used[i] = d->files[i].open_count > 0;
    }
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        is_used[d->now[i].file] |= d->now[i].used;
        is_used[d->synced[i].file] |= d->synced[i].used;
    }
    for (uint32_t i = 0; i < d->op_count; i++) {
        is_used[d->ops[i].file] |= d->ops[i].to[0] != '\0';
    }
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        if (d->files[i].used && !is_used[i]) {
            free(d->files[i].now);
            free(d->files[i].synced);
            d->files[i] = (struct fake_file){.used = false};
        }
    }
}

static void note(struct fake_disk *d, enum rk_disk_dir dir, const char *from, const char *to,
                 uint32_t file)
{
    RK_ASSERT(d->op_count < FAKE_OPS);
    struct fake_op *op = &d->ops[d->op_count++];
    *op = (struct fake_op){.dir = dir, .file = file};
    memcpy(op->from, from, strlen(from) + 1);
    memcpy(op->to, to, strlen(to) + 1);
    apply(d->now, op);
}

static uint32_t new_file(struct fake_disk *d)
{
    collect(d);
    uint32_t i = 0;
    while (d->files[i].used) {
        i++;
        RK_ASSERT(i < FAKE_FILES);
    }
    d->files[i] =
        (struct fake_file){.used = true, .now = must(malloc(1)), .synced = must(malloc(1))};
    return i;
}

/* -- The port
 * --------------------------------------------------------------------------------------- */

static struct fake_file *file_of(struct fake_disk *d, rk_file file)
{
    RK_ASSERT(file > 0 && (uint32_t)file <= FAKE_FILES);
    RK_ASSERT(d->files[file - 1].open_count > 0);
    return &d->files[file - 1];
}

static enum rk_err port_list(void *ctx, enum rk_disk_dir dir,
                             void (*each)(void *each_ctx, const char *name), void *each_ctx)
{
    struct fake_disk *d = ctx;
    enum rk_err err = step(d);
    for (uint32_t i = 0; i < FAKE_FILES && err == RK_OK; i++) {
        if (d->now[i].used && d->now[i].dir == dir) {
            each(each_ctx, d->now[i].name);
        }
    }
    return err;
}

static enum rk_err port_open(void *ctx, enum rk_disk_dir dir, const char *name,
                             enum rk_disk_open how, rk_file *ret_file)
{
    struct fake_disk *d = ctx;
    enum rk_err err = step(d);
    if (err != RK_OK) {
        return err;
    }
    const struct fake_entry *e = find(d->now, dir, name);
    if (e == NULL && !rk_disk_creates(how)) {
        return RK_ERR_NOT_FOUND;
    }
    uint32_t file = e != NULL ? e->file : new_file(d);
    if (e == NULL) {
        note(d, dir, "", name, file);
    } else if (rk_disk_creates(how)) {
        d->files[file].now_len = 0;
    }
    d->files[file].open_count++;
    d->files[file].is_direct = how == RK_OPEN_CREATE_DIRECT;
    *ret_file = (rk_file)file + 1;
    return RK_OK;
}

static void port_close(void *ctx, rk_file file)
{
    file_of(ctx, file)->open_count--;
}

static enum rk_err port_size(void *ctx, rk_file file, uint64_t *ret_size)
{
    enum rk_err err = step(ctx);
    if (err == RK_OK) {
        *ret_size = file_of(ctx, file)->now_len;
    }
    return err;
}

static enum rk_err port_read(void *ctx, rk_file file, uint64_t offset, void *out, size_t len,
                             size_t *ret_got)
{
    const struct fake_file *f = file_of(ctx, file);
    enum rk_err err = step(ctx);
    if (err != RK_OK) {
        return err;
    }
    size_t left = offset < f->now_len ? f->now_len - (size_t)offset : 0;
    *ret_got = left < len ? left : len;
    if (*ret_got > 0) {
        memcpy(out, f->now + offset, *ret_got);
    }
    return RK_OK;
}

static void grow(struct fake_file *f, size_t len)
{
    if (len > f->now_len) {
        f->now = must(realloc(f->now, len + 1));
        memset(f->now + f->now_len, 0, len - f->now_len);
        f->now_len = len;
    }
}

static enum rk_err port_write(void *ctx, rk_file file, uint64_t offset, const void *data,
                              size_t len)
{
    struct fake_disk *d = ctx;
    struct fake_file *f = file_of(d, file);
    enum rk_err err = step(d);
    size_t end = (size_t)offset + len;
    if (f->is_direct) {
        RK_ASSERT((offset | len | (uintptr_t)data) % RK_DISK_BLOCK == 0);
    }
    if (err == RK_OK && !has_room(d, f, end)) {
        err = RK_ERR_NO_SPACE;
    }
    /* A write that fails may have gone half its way. */
    size_t part = err == RK_OK ? len : len / 2;
    if (err == RK_OK || has_room(d, f, (size_t)offset + part)) {
        grow(f, (size_t)offset + part);
        memcpy(f->now + offset, data, part);
    }
    d->writes++;
    return err;
}

static enum rk_err port_allocate(void *ctx, rk_file file, uint64_t size)
{
    struct fake_disk *d = ctx;
    struct fake_file *f = file_of(d, file);
    enum rk_err err = step(d);
    if (err != RK_OK || d->cannot_allocate) {
        return err != RK_OK ? err : RK_ERR_UNSUPPORTED;
    }
    if (!has_room(d, f, (size_t)size)) {
        return RK_ERR_NO_SPACE;
    }
    grow(f, (size_t)size);
    return RK_OK;
}

static enum rk_err port_truncate(void *ctx, rk_file file, uint64_t size)
{
    struct fake_file *f = file_of(ctx, file);
    enum rk_err err = step(ctx);
    if (err == RK_OK) {
        grow(f, (size_t)size);
        f->now_len = (size_t)size;
    }
    return err;
}

static enum rk_err port_sync(void *ctx, rk_file file)
{
    struct fake_disk *d = ctx;
    struct fake_file *f = file_of(d, file);
    enum rk_err err = step(d);
    if (err == RK_OK) {
        set_bytes(&f->synced, &f->synced_len, f->now, f->now_len);
        d->syncs++;
    }
    return err;
}

static enum rk_err port_sync_dir(void *ctx, enum rk_disk_dir dir)
{
    struct fake_disk *d = ctx;
    enum rk_err err = step(d);
    if (err != RK_OK) {
        return err;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->op_count; i++) {
        if (d->ops[i].dir == dir) {
            apply(d->synced, &d->ops[i]);
        } else {
            d->ops[kept++] = d->ops[i];
        }
    }
    d->op_count = kept;
    return RK_OK;
}

static enum rk_err port_rename(void *ctx, enum rk_disk_dir dir, const char *from, const char *to)
{
    struct fake_disk *d = ctx;
    enum rk_err err = step(d);
    if (err != RK_OK) {
        return err;
    }
    const struct fake_entry *e = find(d->now, dir, from);
    if (e == NULL) {
        return RK_ERR_NOT_FOUND;
    }
    note(d, dir, from, to, e->file);
    return RK_OK;
}

static enum rk_err port_unlink(void *ctx, enum rk_disk_dir dir, const char *name)
{
    struct fake_disk *d = ctx;
    enum rk_err err = step(d);
    if (err != RK_OK) {
        return err;
    }
    if (find(d->now, dir, name) == NULL) {
        return RK_ERR_NOT_FOUND;
    }
    note(d, dir, name, "", 0);
    return RK_OK;
}

static const struct rk_disk_ops port_ops = {port_list, port_open,     port_close,    port_size,
                                            port_read, port_write,    port_allocate, port_truncate,
                                            port_sync, port_sync_dir, port_rename,   port_unlink};

/* -- Life
 * ------------------------------------------------------------------------------------------- */

void fake_disk_init(struct fake_disk *d)
{
    memset(d, 0, sizeof(*d));
    d->port = (struct rk_disk){&port_ops, d};
}

void fake_disk_deinit(struct fake_disk *d)
{
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        free(d->files[i].now);
        free(d->files[i].synced);
    }
    memset(d, 0, sizeof(*d));
}

void fake_disk_copy(struct fake_disk *to, const struct fake_disk *from)
{
    *to = *from;
    to->port = (struct rk_disk){&port_ops, to};
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        struct fake_file *f = &to->files[i];
        f->open_count = 0;
        if (f->used) {
            f->now = NULL;
            f->synced = NULL;
            set_bytes(&f->now, &f->now_len, from->files[i].now, from->files[i].now_len);
            set_bytes(&f->synced, &f->synced_len, from->files[i].synced, from->files[i].synced_len);
        }
    }
}

/* -- Crashing
 * --------------------------------------------------------------------------------------- */

static size_t some_length(const struct fake_file *f, struct rk_prng *prng)
{
    /* A long file may be shortened in steps. */
    if (f->now_len < f->synced_len && rk_prng_chance(prng, 1, 3)) {
        return f->now_len + (size_t)rk_prng_below(prng, f->synced_len - f->now_len);
    }
    return rk_prng_chance(prng, 1, 2) ? f->now_len : f->synced_len;
}

/* Each sector old or new; the length old or new, with zeros where nothing was. Shortening takes
 * bytes away and writes none. */
static void mix(struct fake_file *f, struct rk_prng *prng)
{
    size_t len = some_length(f, prng);
    uint8_t *out = must(calloc(1, len + 1));
    for (size_t at = 0; at < len; at += FAKE_SECTOR) {
        size_t n = len - at < FAKE_SECTOR ? len - at : FAKE_SECTOR;
        bool is_new = rk_prng_chance(prng, 1, 2);
        bool is_shorter = f->now_len < f->synced_len;
        size_t old = at < f->synced_len ? f->synced_len - at : 0;
        size_t new = at < f->now_len ? f->now_len - at : 0;
        if (old > 0 && (!is_new || is_shorter)) {
            memcpy(out + at, f->synced + at, old < n ? old : n);
        }
        if (new > 0 && is_new) {
            memcpy(out + at, f->now + at, new < n ? new : n);
        }
    }
    set_bytes(&f->now, &f->now_len, out, len);
    free(out);
}

void fake_disk_crash(struct fake_disk *d, enum fake_crash how, struct rk_prng *prng)
{
    for (uint32_t i = 0; i < d->op_count; i++) {
        bool happened = how == FAKE_CRASH_ALL;
        if (how == FAKE_CRASH_SECTORS) {
            happened = rk_prng_chance(prng, 1, 2);
        }
        if (happened) {
            apply(d->synced, &d->ops[i]);
        }
    }
    d->op_count = 0;
    memcpy(d->now, d->synced, sizeof(d->now));
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        struct fake_file *f = &d->files[i];
        f->open_count = 0;
        if (f->used && how == FAKE_CRASH_NONE) {
            set_bytes(&f->now, &f->now_len, f->synced, f->synced_len);
        } else if (f->used && how == FAKE_CRASH_SECTORS) {
            mix(f, prng);
        }
        if (f->used) {
            set_bytes(&f->synced, &f->synced_len, f->now, f->now_len);
        }
    }
    collect(d);
}

/* -- For tests
 * -------------------------------------------------------------------------------------- */

void fake_disk_put(struct fake_disk *d, enum rk_disk_dir dir, const char *name, const void *data,
                   size_t len)
{
    fake_disk_drop(d, dir, name);
    uint32_t file = new_file(d);
    struct fake_file *f = &d->files[file];
    set_bytes(&f->now, &f->now_len, data, len);
    set_bytes(&f->synced, &f->synced_len, data, len);
    bind(d->now, dir, name, file);
    bind(d->synced, dir, name, file);
}

struct fake_file *fake_disk_get(struct fake_disk *d, enum rk_disk_dir dir, const char *name)
{
    const struct fake_entry *e = find(d->now, dir, name);
    return e != NULL ? &d->files[e->file] : NULL;
}

void fake_disk_drop(struct fake_disk *d, enum rk_disk_dir dir, const char *name)
{
    unbind(d->now, dir, name);
    unbind(d->synced, dir, name);
}

uint32_t fake_disk_count(const struct fake_disk *d, enum rk_disk_dir dir, const char *prefix)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        count += d->now[i].used && d->now[i].dir == dir &&
                 strncmp(d->now[i].name, prefix, strlen(prefix)) == 0;
    }
    return count;
}

uint32_t fake_disk_open_count(const struct fake_disk *d)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < FAKE_FILES; i++) {
        count += d->files[i].open_count;
    }
    return count;
}
