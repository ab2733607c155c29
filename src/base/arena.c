/* Bump allocation. Guarantees that pointers stay valid until the next reset, that a reset returns
 * all but one modest chunk, and that one huge request does not waste what is left of the current
 * chunk. */
#include "base/arena.h"

#include <string.h>

#include "base/poison.h"

#define CHUNK_BYTES_FIRST ((size_t)4096)
#define CHUNK_BYTES_MAX   ((size_t)65536)
#define ALIGN             ((size_t)16)

/* Sits at the start of its block; the payload follows. */
struct rk_arena_chunk {
    struct rk_arena_chunk *next;
    size_t block_bytes;
    size_t used; /* from the block's start, header included */
    size_t padding;
};
_Static_assert(sizeof(struct rk_arena_chunk) % 16 == 0, "the payload must start aligned");

void rk_arena_init(struct rk_arena *a, struct rk_mem *mem)
{
    *a = (struct rk_arena){.mem = mem};
}

/* Frees every chunk but keep, which may be NULL. */
static void free_chunks(struct rk_arena *a, const struct rk_arena_chunk *keep)
{
    struct rk_arena_chunk *chunk = a->first;
    while (chunk != NULL) {
        struct rk_arena_chunk *next = chunk->next;
        if (chunk != keep) {
            rk_unpoison(chunk, chunk->block_bytes);
            rk_mem_free(a->mem, chunk, chunk->block_bytes);
        }
        chunk = next;
    }
}

void rk_arena_deinit(struct rk_arena *a)
{
    free_chunks(a, NULL);
    a->first = NULL;
    a->current = NULL;
    a->used_bytes = 0;
}

void rk_arena_reset(struct rk_arena *a)
{
    a->used_bytes = 0;
    struct rk_arena_chunk *keep = NULL;
    for (struct rk_arena_chunk *chunk = a->first; chunk != NULL; chunk = chunk->next) {
        bool is_modest = chunk->block_bytes <= CHUNK_BYTES_MAX;
        if (is_modest && (keep == NULL || keep->block_bytes < chunk->block_bytes)) {
            keep = chunk;
        }
    }
    if (keep == NULL || keep->next != NULL || a->first != keep) {
        free_chunks(a, keep);
    }
    a->first = keep;
    a->current = keep;
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = sizeof(*keep);
        rk_poison(keep + 1, keep->block_bytes - sizeof(*keep));
    }
}

static struct rk_arena_chunk *add_chunk(struct rk_arena *a, size_t payload)
{
    size_t block_bytes = CHUNK_BYTES_FIRST;
    if (a->current != NULL && a->current->block_bytes < CHUNK_BYTES_MAX) {
        block_bytes = a->current->block_bytes * 2;
    } else if (a->current != NULL) {
        block_bytes = CHUNK_BYTES_MAX;
    }
    if (block_bytes > CHUNK_BYTES_MAX) {
        block_bytes = CHUNK_BYTES_MAX;
    }
    size_t need = sizeof(struct rk_arena_chunk) + payload;
    bool is_own = need > block_bytes;
    struct rk_arena_chunk *chunk = rk_mem_must_alloc(a->mem, is_own ? need : block_bytes);
    *chunk = (struct rk_arena_chunk){
        .next = a->first, .block_bytes = is_own ? need : block_bytes, .used = sizeof(*chunk)};
    a->first = chunk;
    rk_poison(chunk + 1, chunk->block_bytes - sizeof(*chunk));
    if (!is_own || a->current == NULL) {
        a->current = chunk;
    }
    return chunk;
}

void *rk_arena_alloc(struct rk_arena *a, size_t size)
{
    RK_ASSERT(size <= SIZE_MAX / 4);
    /* Also for nothing a distinct address, because NULL means null. */
    size_t rounded = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(ALIGN - 1);
    struct rk_arena_chunk *chunk = a->current;
    if (chunk == NULL || chunk->block_bytes - chunk->used < rounded) {
        chunk = add_chunk(a, rounded);
    }
    uint8_t *p = (uint8_t *)chunk + chunk->used;
    chunk->used += rounded;
    RK_ASSERT(chunk->used <= chunk->block_bytes);
    a->used_bytes += rounded;
    rk_unpoison(p, size);
    return p;
}

struct rk_bytes rk_arena_dup(struct rk_arena *a, struct rk_bytes b)
{
    if (b.data == NULL) {
        RK_ASSERT(b.len == 0);
        return b;
    }
    uint8_t *copy = rk_arena_alloc(a, b.len);
    memcpy(copy, b.data, b.len);
    return (struct rk_bytes){copy, b.len};
}
