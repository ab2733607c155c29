/* A lookup of a host's addresses, as something that can be handed over: the system's, or a test's.
 */
#ifndef RK_SHELL_LOOKUP_H
#define RK_SHELL_LOOKUP_H

#include "base/types.h"

#include <sys/socket.h>

#define RK_LOOKUP_ADDRS_MAX 16u

struct rk_addrs {
    uint32_t count;
    struct sockaddr_storage items[RK_LOOKUP_ADDRS_MAX]; /* ports are 0 */
};

/* Blocks; called from any thread. 0 and *ret filled in, which was empty, or an error of
 * getaddrinfo. */
typedef int (*rk_lookup_fn)(const char *host, struct rk_addrs *ret);

#endif
