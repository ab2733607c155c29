/* Connect strings and the resolver. ZK: the hosts argument of zookeeper_init; unlike there the port
 * may be missing, IPv6 addresses may stand in brackets, and names are looked up only when a
 * connection is wanted. */
#include "lib/hosts.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* One entry: text[0..len) without blanks around it. */
static int parse_host(const char *text, size_t len, struct rk_lib_host *host)
{
    const char *name = text, *port = RK_LIB_DEFAULT_PORT;
    size_t name_len = len, port_len = strlen(port);
    if (text[0] == '[') {
        const char *end = memchr(text, ']', len);
        if (!end)
            return EINVAL;
        name = text + 1;
        name_len = (size_t)(end - name);
        size_t behind = len - name_len - 2;
        if (behind == 1 || (behind > 0 && end[1] != ':'))
            return EINVAL;
        if (behind > 1) {
            port = end + 2;
            port_len = behind - 1;
        }
    } else {
        const char *colon = memrchr(text, ':', len);
        if (colon) {
            name_len = (size_t)(colon - text);
            port = colon + 1;
            port_len = len - name_len - 1;
        }
    }
    uint32_t number = 0;
    for (size_t i = 0; i < port_len && number <= 65535; i++) {
        if (!isdigit((unsigned char)port[i]))
            return EINVAL;
        number = number * 10 + (uint32_t)(port[i] - '0');
    }
    if (name_len == 0 || number == 0 || number > 65535)
        return EINVAL;
    host->name = malloc(name_len + port_len + 2);
    if (!host->name)
        return ENOMEM;
    memcpy(host->name, name, name_len);
    host->name[name_len] = 0;
    memcpy(host->name + name_len + 1, port, port_len);
    host->name[name_len + 1 + port_len] = 0;
    host->port = host->name + name_len + 1;
    return 0;
}

static int parse_list(const char *text, size_t len, struct rk_lib_hosts *hosts)
{
    uint32_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] == ',';
    if (count > RK_CLIENT_SERVERS_MAX)
        return EINVAL;
    hosts->list = calloc(count, sizeof(*hosts->list));
    if (!hosts->list)
        return ENOMEM;
    size_t at = 0;
    while (at <= len) {
        const char *comma = memchr(text + at, ',', len - at);
        size_t end = comma ? (size_t)(comma - text) : len;
        size_t first = at, last = end;
        while (first < last && isspace((unsigned char)text[first]))
            first++;
        while (last > first && isspace((unsigned char)text[last - 1]))
            last--;
        if (last > first) {
            int error = parse_host(text + first, last - first, &hosts->list[hosts->count]);
            if (error)
                return error;
            hosts->count++;
        }
        at = end + 1;
    }
    return hosts->count > 0 ? 0 : EINVAL;
}

int rk_lib_hosts_parse(const char *text, struct rk_lib_hosts *ret_hosts)
{
    *ret_hosts = (struct rk_lib_hosts){0};
    if (!text || !*text)
        return EINVAL;
    struct rk_lib_hosts hosts = {0};
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    int error = parse_list(text, len, &hosts);
    if (!error) {
        /* "/" alone is no chroot. ZK: zookeeper_init_internal */
        hosts.chroot = strdup(slash && slash[1] ? slash : "");
        error = hosts.chroot ? 0 : ENOMEM;
    }
    if (error) {
        rk_lib_hosts_free(&hosts);
        return error;
    }
    *ret_hosts = hosts;
    return 0;
}

void rk_lib_hosts_free(struct rk_lib_hosts *hosts)
{
    for (uint32_t i = 0; i < hosts->count; i++)
        free(hosts->list[i].name);
    free(hosts->list);
    free(hosts->chroot);
    *hosts = (struct rk_lib_hosts){0};
}

/* The bytes of an address, without family and port. */
static const uint8_t *raw_of(const struct sockaddr *sa, size_t *ret_len)
{
    if (sa->sa_family == AF_INET) {
        *ret_len = 4;
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    }
    if (sa->sa_family == AF_INET6) {
        *ret_len = 16;
        return (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    }
    *ret_len = 0;
    return NULL;
}

static uint32_t distance_of(const struct sockaddr *sa)
{
    struct ifaddrs *all = NULL;
    size_t len = 0;
    const uint8_t *raw = raw_of(sa, &len);
    if (!raw || getifaddrs(&all) != 0)
        return 2;
    uint32_t distance = 2;
    for (struct ifaddrs *i = all; i && distance > 0; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != sa->sa_family || !i->ifa_netmask)
            continue;
        size_t own_len = 0, mask_len = 0;
        const uint8_t *own = raw_of(i->ifa_addr, &own_len);
        const uint8_t *mask = raw_of(i->ifa_netmask, &mask_len);
        if (!own || own_len != len)
            continue;
        if (memcmp(own, raw, len) == 0) {
            distance = 0;
        } else if (mask && mask_len == len) {
            bool is_same = true;
            for (size_t b = 0; b < len; b++)
                is_same = is_same && ((own[b] ^ raw[b]) & mask[b]) == 0;
            distance = is_same ? 1 : distance;
        }
    }
    freeifaddrs(all);
    return distance;
}

uint32_t rk_lib_hosts_lookup(const struct rk_lib_host *host, bool is_distance,
                             struct rk_client_addr *addrs, uint32_t max)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *all = NULL;
    int rc = getaddrinfo(host->name, host->port, &hints, &all);
    if (rc != 0) {
        /* AI_ADDRCONFIG hides "localhost" on machines without a network. */
        hints.ai_flags = 0;
        rc = getaddrinfo(host->name, host->port, &hints, &all);
    }
    if (rc != 0)
        return 0;
    uint32_t count = 0;
    for (struct addrinfo *i = all; i && count < max; i = i->ai_next) {
        if ((i->ai_family != AF_INET && i->ai_family != AF_INET6) ||
            i->ai_addrlen > RK_CLIENT_ADDR_BYTES)
            continue;
        struct rk_client_addr *addr = &addrs[count++];
        *addr = (struct rk_client_addr){.len = (uint32_t)i->ai_addrlen};
        memcpy(addr->bytes, i->ai_addr, i->ai_addrlen);
        addr->distance = is_distance ? distance_of(i->ai_addr) : 0;
    }
    freeaddrinfo(all);
    return count;
}

void rk_lib_addr_text(const struct rk_client_addr *addr, char *text, size_t text_bytes)
{
    struct sockaddr_in6 in6;
    struct sockaddr_in in4;
    char name[INET6_ADDRSTRLEN] = "";
    sa_family_t family = AF_UNSPEC;
    if (addr->len >= sizeof(family))
        memcpy(&family, addr->bytes, sizeof(family));
    if (family == AF_INET6 && addr->len >= sizeof(in6)) {
        memcpy(&in6, addr->bytes, sizeof(in6));
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, name, sizeof(name)); /* the buffer fits */
        (void)snprintf(text, text_bytes, "[%s]:%u", name, (unsigned)ntohs(in6.sin6_port));
    } else if (family == AF_INET && addr->len >= sizeof(in4)) {
        memcpy(&in4, addr->bytes, sizeof(in4));
        (void)inet_ntop(AF_INET, &in4.sin_addr, name, sizeof(name));
        (void)snprintf(text, text_bytes, "%s:%u", name, (unsigned)ntohs(in4.sin_port));
    } else {
        (void)snprintf(text, text_bytes, ":0"); /* ZK: format_endpoint_info of nothing */
    }
}
