/* Integer identities shared by every room. */
#ifndef RK_BASE_TYPES_H
#define RK_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* epoch << 32 | counter; signed as in ZooKeeper. */
typedef int64_t rk_zxid;
typedef int64_t rk_session_id;

/* slot (low 32 bits) and generation (high 32 bits) of a client connection; 0 is never valid. */
typedef uint64_t rk_conn_id;

/* A channel: one TCP connection to another server, on its election or its quorum port. Who opened
 * it chose the id: the shell for accepted ones, the core for dialed ones (RK_CHAN_DIALED set).
 * Never used again; 0 is never valid. */
typedef uint64_t rk_chan_id;
#define RK_CHAN_DIALED ((rk_chan_id)1 << 63)

#define RK_ZXID_EPOCH(z)   ((int64_t)(z) >> 32)
#define RK_ZXID_COUNTER(z) ((uint32_t)((uint64_t)(z)&0xffffffffu))

#endif
