/* The memory port's bookkeeping: limit, peak, fault injection. Guarantees that a failed call leaves
 * both the old block and the counters as they were. Where the bytes come from is the port's
 * business (mem_libc.c for programs). */
#include "base/mem.h"

#include <string.h>

/* No sane request is near this; it keeps the sums below free of overflow. */
#define SIZE_LIMIT (SIZE_MAX / 4)

void *rk_mem_resize(struct rk_mem *mem, void *ptr, size_t old_size, size_t new_size)
{
    RK_ASSERT(mem->used_bytes >= old_size);
    RK_ASSERT((ptr == NULL) == (old_size == 0));
    if (new_size == 0) {
        if (ptr != NULL) {
            (void)mem->resize(mem->ctx, ptr, old_size, 0); /* freeing returns NULL by contract */
            mem->used_bytes -= old_size;
        }
        return NULL;
    }
    mem->count++;
    if (mem->count == mem->fail_at || new_size > SIZE_LIMIT) {
        return NULL;
    }
    size_t used_after = mem->used_bytes - old_size + new_size;
    /* Giving some back must work even when the limit was lowered below what is held. */
    if (mem->limit_bytes != 0 && new_size > old_size && used_after > mem->limit_bytes) {
        return NULL;
    }
    void *block = mem->resize(mem->ctx, ptr, old_size, new_size);
    if (block == NULL) {
        return NULL;
    }
    RK_ASSERT(((uintptr_t)block & 15u) == 0);
    mem->used_bytes = used_after;
    if (mem->peak_bytes < used_after) {
        mem->peak_bytes = used_after;
    }
    return block;
}

void *rk_mem_alloc(struct rk_mem *mem, size_t size)
{
    RK_ASSERT(size > 0);
    return rk_mem_resize(mem, NULL, 0, size);
}

void *rk_mem_zalloc(struct rk_mem *mem, size_t size)
{
    void *block = rk_mem_alloc(mem, size);
    if (block != NULL) {
        memset(block, 0, size);
    }
    return block;
}

void rk_mem_free(struct rk_mem *mem, void *ptr, size_t size)
{
    if (ptr == NULL) {
        return;
    }
    RK_ASSERT(size > 0);
    void *none = rk_mem_resize(mem, ptr, size, 0);
    RK_ASSERT(none == NULL);
}

void *rk_mem_must_alloc(struct rk_mem *mem, size_t size)
{
    return rk_mem_must_resize(mem, NULL, 0, size);
}

void *rk_mem_must_zalloc(struct rk_mem *mem, size_t size)
{
    void *block = rk_mem_must_resize(mem, NULL, 0, size);
    memset(block, 0, size);
    return block;
}

void *rk_mem_must_resize(struct rk_mem *mem, void *ptr, size_t old_size, size_t new_size)
{
    RK_ASSERT(new_size > 0);
    void *block = rk_mem_resize(mem, ptr, old_size, new_size);
    if (block == NULL) {
        rk_panic(__FILE__, __LINE__, "out of memory for the server's own state");
    }
    return block;
}
