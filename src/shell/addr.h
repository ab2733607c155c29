/* Addresses of clients: kept small, compared per host, printed as Java prints them. */
#ifndef RK_SHELL_ADDR_H
#define RK_SHELL_ADDR_H

#include "base/bytes.h"

#include <sys/socket.h>

/* An IPv4 address is kept as ::ffff:a.b.c.d. */
struct rk_addr {
    uint8_t ip[16];
    uint32_t scope; /* of link-local addresses, else 0 */
    uint16_t port;
};

#define RK_ADDR_TEXT_MAX 64u

/* From what accept or getsockname gave; all zero if the family is neither IPv4 nor IPv6. */
struct rk_addr rk_addr_of(const struct sockaddr_storage *from);
bool rk_addr_is_v4(const struct rk_addr *addr);
/* The host alone: "10.1.2.3", "0:0:0:0:0:0:0:1", "fe80:0:0:0:0:0:0:1%2".
 * ZK: InetAddress.getHostAddress (spec-client 8.4). Returns the length. */
size_t rk_addr_host_text(const struct rk_addr *addr, char out[RK_ADDR_TEXT_MAX]);
/* With the port: "10.1.2.3:2181", "[0:0:0:0:0:0:0:1]:2181". ZK: InetSocketAddress.toString without
 * the leading slash. Returns the length. */
size_t rk_addr_text(const struct rk_addr *addr, char out[RK_ADDR_TEXT_MAX]);

#endif
