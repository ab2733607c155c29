/* Lets zlib allocate through the memory port, so that its memory counts and its allocations can
 * fail in tests. The size of a block travels in front of it. */
#include "store/zmem.h"

#include <string.h>

#define FRONT ((size_t)16)

static voidpf allocate(voidpf opaque, uInt items, uInt size)
{
    size_t bytes = (size_t)items * size + FRONT;
    uint8_t *block = rk_mem_alloc(opaque, bytes);
    if (block == NULL) {
        return Z_NULL;
    }
    memcpy(block, &bytes, sizeof(bytes));
    return block + FRONT;
}

static void release(voidpf opaque, voidpf address)
{
    uint8_t *block = (uint8_t *)address - FRONT;
    size_t bytes;
    memcpy(&bytes, block, sizeof(bytes));
    rk_mem_free(opaque, block, bytes);
}

void rk_zmem_attach(z_stream *z, struct rk_mem *mem)
{
    z->zalloc = allocate;
    z->zfree = release;
    z->opaque = mem;
}
