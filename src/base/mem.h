/* Memory as a port: every room that allocates gets a struct rk_mem at init. It counts what is held,
 * enforces a limit, and lets tests fail allocation N. Sizes travel with free and realloc so that
 * accounting needs no headers. */
#ifndef RK_BASE_MEM_H
#define RK_BASE_MEM_H

#include "base/assert.h"
#include "base/types.h"

struct rk_mem {
    /* Like realloc with the old size; new_size 0 frees and returns NULL; NULL on failure leaves the
     * old block as it was. Blocks are aligned to 16. */
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *ctx;
    size_t used_bytes;  /* held now */
    size_t peak_bytes;  /* most ever held */
    size_t limit_bytes; /* 0 = none; over it allocation fails */
    uint64_t count;     /* allocations asked for so far */
    uint64_t fail_at;   /* tests: the allocation with this number fails; 0 = never */
};

/* Out of the limit or of memory: NULL. Memory is not zeroed. */
void *rk_mem_alloc(struct rk_mem *mem, size_t size) RK_MUST_CHECK;
void *rk_mem_zalloc(struct rk_mem *mem, size_t size) RK_MUST_CHECK;
void *rk_mem_resize(struct rk_mem *mem, void *ptr, size_t old_size, size_t new_size) RK_MUST_CHECK;
/* Accepts NULL. size must be what was asked for. */
void rk_mem_free(struct rk_mem *mem, void *ptr, size_t size);

/* As above, but for the server's own state, where going on without memory would diverge from the
 * other replicas: panics with one clear line instead of returning NULL. */
void *rk_mem_must_alloc(struct rk_mem *mem, size_t size);
void *rk_mem_must_zalloc(struct rk_mem *mem, size_t size);
void *rk_mem_must_resize(struct rk_mem *mem, void *ptr, size_t old_size, size_t new_size);

#endif
