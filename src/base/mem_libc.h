/* The memory port over the C library's allocator, for programs and tests; not part of the pure
 * core. */
#ifndef RK_BASE_MEM_LIBC_H
#define RK_BASE_MEM_LIBC_H

#include "base/mem.h"

/* limit_bytes 0 = none. The port has no state outside mem and needs no deinit. */
void rk_mem_libc_init(struct rk_mem *mem, size_t limit_bytes);

#endif
