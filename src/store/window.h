/* Reads a file at any offset through one buffer, in big reads. */
#ifndef RK_STORE_WINDOW_H
#define RK_STORE_WINDOW_H

#include "store/disk.h"

struct rk_window {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    rk_file file;
    uint8_t *data;
    size_t cap;
    uint64_t start; /* offset in the file of data[0] */
    size_t len;     /* bytes valid in data */
};

void rk_window_init(struct rk_window *w, struct rk_mem *mem, const struct rk_disk *disk,
                    rk_file file);
/* Frees the buffer; the file stays open. */
void rk_window_deinit(struct rk_window *w);
/* Points *ret at the bytes from offset on, at least want of them unless the file ends before;
 * *ret_len is how many are there. Valid until the next call. RK_ERR_IO, RK_ERR_NOMEM. */
enum rk_err rk_window_get(struct rk_window *w, uint64_t offset, size_t want, const uint8_t **ret,
                          size_t *ret_len) RK_MUST_CHECK;

#endif
