/* Names to addresses without making anybody wait: each lookup has a thread of its own for as long
 * as it takes, which the system's resolver may stretch to minutes. At most one lookup of a name is
 * under way at a time; whoever asks meanwhile shares its answer. One thread uses a resolver.
 *
 * Not uv_getaddrinfo: libuv gives it half of a small pool, and joins that pool when the process
 * ends, so that one dead name server would delay other dials and the exit. */
#ifndef RK_SHELL_RESOLVER_H
#define RK_SHELL_RESOLVER_H

#include "base/assert.h"
#include "base/err.h"
#include "shell/lookup.h"

#include <uv.h>

#define RK_LOOKUP_HOST_MAX 256u
#define RK_LOOKUPS_MAX     128u /* at once; two names per possible member */

struct rk_resolver;

/* news is uv_async_sent whenever an answer can be taken; lookup NULL: the system's. NULL without
 * memory. */
struct rk_resolver *rk_resolver_create(uv_async_t *news, rk_lookup_fn lookup);
/* Does not wait for lookups under way; nothing more is heard of them. Accepts NULL. */
void rk_resolver_destroy(struct rk_resolver *r);

/* Begins a lookup unless one of this host is under way. RK_ERR_BUSY: too many are; RK_ERR_NOMEM: no
 * memory or no thread. */
enum rk_err rk_resolver_begin(struct rk_resolver *r, const char *host) RK_MUST_CHECK;
/* The next answer: its host, and 0 or an error of getaddrinfo. False: none is there. */
bool rk_resolver_take(struct rk_resolver *r, char ret_host[RK_LOOKUP_HOST_MAX], int *ret_error,
                      struct rk_addrs *ret);

/* An IPv4 or IPv6 address in text, also "fe80::1%eth0"; false if host is a name. */
bool rk_addr_parse(const char *host, struct sockaddr_storage *ret);

#endif
