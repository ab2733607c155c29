/* The memory port over realloc and free. Linked by programs, never part of the pure core. */
#include "base/mem_libc.h"

#include <stdlib.h>

/* The port promises blocks aligned to 16; malloc gives what max_align_t needs. */
_Static_assert(_Alignof(max_align_t) >= 16, "malloc must align to 16");

static void *resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

void rk_mem_libc_init(struct rk_mem *mem, size_t limit_bytes)
{
    *mem = (struct rk_mem){.resize = resize, .limit_bytes = limit_bytes};
}
