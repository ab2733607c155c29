/* Client addresses. Guarantees Java's spelling, which clients and operators see in ACLs (scheme
 * ip), cons and log lines. */
#include "shell/addr.h"

#include "base/num.h"

#include <netinet/in.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct rk_addr rk_addr_of(const struct sockaddr_storage *from)
{
    struct rk_addr addr;
    memset(&addr, 0, sizeof(addr));
    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof(in));
        memcpy(addr.ip, v4_prefix, sizeof(v4_prefix));
        memcpy(addr.ip + 12, &in.sin_addr, 4);
        addr.port = ntohs(in.sin_port);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof(in6));
        memcpy(addr.ip, &in6.sin6_addr, 16);
        addr.scope = in6.sin6_scope_id;
        addr.port = ntohs(in6.sin6_port);
    }
    return addr;
}

bool rk_addr_is_v4(const struct rk_addr *addr)
{
    return memcmp(addr->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

size_t rk_addr_host_text(const struct rk_addr *addr, char out[RK_ADDR_TEXT_MAX])
{
    size_t len = 0;
    if (rk_addr_is_v4(addr)) {
        for (size_t i = 12; i < 16; i++) {
            if (i > 12) {
                out[len++] = '.';
            }
            len += rk_num_dec(out + len, addr->ip[i]);
        }
    } else {
        for (size_t i = 0; i < 16; i += 2) {
            if (i > 0) {
                out[len++] = ':';
            }
            len += rk_num_hex(out + len, (uint64_t)addr->ip[i] << 8 | addr->ip[i + 1]);
        }
        if (addr->scope != 0) {
            out[len++] = '%';
            len += rk_num_dec(out + len, addr->scope);
        }
    }
    RK_ASSERT(len < RK_ADDR_TEXT_MAX);
    out[len] = '\0';
    return len;
}

size_t rk_addr_text(const struct rk_addr *addr, char out[RK_ADDR_TEXT_MAX])
{
    char host[RK_ADDR_TEXT_MAX];
    size_t host_len = rk_addr_host_text(addr, host);
    size_t len = 0;
    if (!rk_addr_is_v4(addr)) {
        out[len++] = '[';
    }
    memcpy(out + len, host, host_len);
    len += host_len;
    if (!rk_addr_is_v4(addr)) {
        out[len++] = ']';
    }
    out[len++] = ':';
    len += rk_num_dec(out + len, addr->port);
    RK_ASSERT(len < RK_ADDR_TEXT_MAX);
    out[len] = '\0';
    return len;
}
