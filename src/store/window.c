/* A window onto a file. Guarantees that the bytes handed out are contiguous and that moving forward
 * reads no byte twice; the buffer grows to the largest request and no further. */
#include "store/window.h"

#include <string.h>

#define READ_BYTES  ((size_t)1 << 20)
#define FIRST_BYTES ((size_t)1 << 16) /* many files are small */

void rk_window_init(struct rk_window *w, struct rk_mem *mem, const struct rk_disk *disk,
                    rk_file file)
{
    *w = (struct rk_window){.mem = mem, .disk = disk, .file = file};
}

void rk_window_deinit(struct rk_window *w)
{
    rk_mem_free(w->mem, w->data, w->cap);
    w->data = NULL;
    w->cap = 0;
    w->len = 0;
}

static enum rk_err grow(struct rk_window *w, size_t cap)
{
    if (cap <= w->cap) {
        return RK_OK;
    }
    uint8_t *data = rk_mem_resize(w->mem, w->data, w->cap, cap);
    if (data == NULL) {
        return RK_ERR_NOMEM;
    }
    w->data = data;
    w->cap = cap;
    return RK_OK;
}

enum rk_err rk_window_get(struct rk_window *w, uint64_t offset, size_t want, const uint8_t **ret,
                          size_t *ret_len)
{
    RK_ASSERT(want <= SIZE_MAX / 4);
    if (offset >= w->start && offset - w->start <= w->len && w->len - (offset - w->start) >= want &&
        w->data != NULL) {
        *ret = w->data + (offset - w->start);
        *ret_len = w->len - (size_t)(offset - w->start);
        return RK_OK;
    }
    size_t least = w->data == NULL ? FIRST_BYTES : READ_BYTES;
    enum rk_err err = grow(w, want > least / 2 ? want + READ_BYTES : least);
    if (err != RK_OK) {
        return err;
    }
    size_t keep = 0;
    if (offset >= w->start && offset - w->start < w->len) {
        keep = w->len - (size_t)(offset - w->start);
        memmove(w->data, w->data + (offset - w->start), keep);
    }
    w->start = offset;
    w->len = keep;
    size_t got = 0;
    err = w->disk->ops->read(w->disk->ctx, w->file, offset + keep, w->data + keep, w->cap - keep,
                             &got);
    if (err != RK_OK) {
        return err;
    }
    RK_ASSERT(got <= w->cap - keep);
    w->len += got;
    *ret = w->data;
    *ret_len = w->len;
    return RK_OK;
}
