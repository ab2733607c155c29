/* CRC-32 as zlib computes it, faster where the processor can multiply without carries. The tree's
 * digest runs it over every node that a write touches, twice. */
#ifndef RK_SHELL_CRC32_H
#define RK_SHELL_CRC32_H

#include "base/types.h"

/* Same values as zlib's crc32_z for every input; 0 to start. */
uint32_t rk_crc32(uint32_t crc, const void *data, size_t len);

#endif
