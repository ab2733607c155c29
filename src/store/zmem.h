/* zlib's allocator over the memory port. */
#ifndef RK_STORE_ZMEM_H
#define RK_STORE_ZMEM_H

#include <zlib.h>

#include "base/mem.h"

/* Before inflateInit2 or deflateInit2. */
void rk_zmem_attach(z_stream *z, struct rk_mem *mem);

#endif
