/* "host:port,[::1]:port/chroot": taken apart, and looked up. */
#ifndef RK_LIB_HOSTS_H
#define RK_LIB_HOSTS_H

#include "client/client.h"

#define RK_LIB_DEFAULT_PORT "2181"

struct rk_lib_host {
    char *name; /* and behind its 0 the port */
    const char *port;
};
struct rk_lib_hosts {
    struct rk_lib_host *list;
    uint32_t count;
    char *chroot; /* "" without one */
};

/* 0, EINVAL, ENOMEM; with an error *ret_hosts is empty. */
int rk_lib_hosts_parse(const char *text, struct rk_lib_hosts *ret_hosts);
void rk_lib_hosts_free(struct rk_lib_hosts *hosts);

/* Asks the resolver and blocks. How many addresses went into addrs (at most max), 0 if there are
 * none. With is_distance they say how far away they are: 0 this host, 1 a network of this host's, 2
 * elsewhere. */
uint32_t rk_lib_hosts_lookup(const struct rk_lib_host *host, bool is_distance,
                             struct rk_client_addr *addrs, uint32_t max);

/* "1.2.3.4:2181" or "[::1]:2181" into text. */
void rk_lib_addr_text(const struct rk_client_addr *addr, char *text, size_t text_bytes);

#endif
