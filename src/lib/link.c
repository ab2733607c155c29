/* Sockets: non-blocking, closed on exec, without Nagle. What is to be sent is collected while
 * another thread is sending, so that it leaves in batches; whoever comes first sends. */
#include "lib/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/log.h"
#include "lib/session.h"

#define OUT_KEEP_BYTES  (256u * 1024u)
#define OUT_FIRST_BYTES 4096u
#define READS_MAX       8

struct rk_lib_link *rk_lib_link_find(const struct rk_lib *s, uint64_t conn)
{
    struct rk_lib_link *link = s->links;
    while (link && (link->conn != conn || link->is_dropped))
        link = link->next;
    return link;
}

struct rk_lib_link *rk_lib_link_main(const struct rk_lib *s)
{
    return rk_lib_link_find(s, rk_client_conn(s->client));
}

static void link_free(struct rk_lib_link *link)
{
    if (link->fd >= 0)
        (void)close(link->fd); /* nothing to be done about a socket that does not close well */
    free(link->pending.data);
    free(link->sending.data);
    free(link);
}

void rk_lib_link_put(struct rk_lib *s, struct rk_lib_link *link)
{
    RK_ASSERT(link->users > 0);
    link->users--;
    if (link->users > 0 || !link->is_dropped)
        return;
    struct rk_lib_link **at = &s->links;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link_free(link);
}

void rk_lib_link_free_all(struct rk_lib *s)
{
    while (s->links) {
        struct rk_lib_link *link = s->links;
        s->links = link->next;
        link_free(link);
    }
}

static int open_socket(const struct rk_client_addr *addr)
{
    sa_family_t family;
    memcpy(&family, addr->bytes, sizeof(family));
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* only slower without */
    union {
        struct sockaddr any;
        uint8_t bytes[RK_CLIENT_ADDR_BYTES];
    } to;
    memcpy(to.bytes, addr->bytes, sizeof(to.bytes));
    int rc;
    do
        rc = connect(fd, &to.any, (socklen_t)addr->len);
    while (rc != 0 && errno == EINTR);
    if (rc != 0 && errno != EINPROGRESS) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void rk_lib_link_open(struct rk_lib *s, uint64_t conn, const struct rk_client_addr *addr)
{
    char text[64];
    struct rk_lib_link *link = calloc(1, sizeof(*link));
    int fd = link ? open_socket(addr) : -1;
    if (fd < 0) {
        rk_lib_addr_text(addr, text, sizeof(text));
        RK_LIB_LOG(s, ERROR, "cannot connect to %s: %s", text,
                   link ? strerrordesc_np(errno) : "out of memory");
        free(link);
        rk_lib_gone(s, conn);
        return;
    }
    link->conn = conn;
    link->addr = *addr;
    link->fd = fd;
    link->is_connecting = true;
    link->next = s->links;
    s->links = link;
    rk_lib_wake_io(s);
}

void rk_lib_link_drop(struct rk_lib *s, uint64_t conn)
{
    struct rk_lib_link *link = rk_lib_link_find(s, conn);
    if (!link)
        return;
    /* Somebody may be waiting for it or sending on it: shutdown ends that, the last one closes. */
    (void)shutdown(link->fd, SHUT_RDWR);
    link->is_dropped = true;
    link->users++;
    rk_lib_link_put(s, link);
}

static bool append(struct rk_lib_out *out, struct rk_bytes bytes)
{
    if (out->cap - out->len < bytes.len) {
        size_t cap = out->cap ? out->cap : OUT_FIRST_BYTES;
        while (cap - out->len < bytes.len)
            cap *= 2;
        uint8_t *data = realloc(out->data, cap);
        if (!data)
            return false;
        out->data = data;
        out->cap = cap;
    }
    memcpy(out->data + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
    return true;
}

void rk_lib_link_send(struct rk_lib *s, uint64_t conn, struct rk_bytes bytes)
{
    struct rk_lib_link *link = rk_lib_link_find(s, conn);
    if (!link || bytes.len == 0)
        return;
    if (!append(&link->pending, bytes)) {
        RK_LIB_LOG(s, ERROR, "out of memory for a request: the connection is given up");
        rk_lib_gone(s, conn);
    }
}

static size_t unsent(const struct rk_lib_link *link)
{
    return link->pending.len + (link->sending.len - link->sending.at);
}

uint64_t rk_lib_link_unsent(const struct rk_lib *s)
{
    const struct rk_lib_link *link = rk_lib_link_main(s);
    return link ? unsent(link) : 0;
}

int rk_lib_link_wants(const struct rk_lib_link *link)
{
    bool is_out = link->is_connecting || (link->is_full && unsent(link) > 0);
    return is_out ? POLLIN | POLLOUT : POLLIN;
}

static void lost(struct rk_lib *s, struct rk_lib_link *link, int error)
{
    char text[64];
    rk_lib_addr_text(&link->addr, text, sizeof(text));
    RK_LIB_LOG(s, WARN, "connection to %s lost: %s", text,
               error ? strerrordesc_np(error) : "closed by the server");
    if (link->conn == rk_client_conn(s->client)) /* not one that looks for a server */
        s->last_error = ZCONNECTIONLOSS;
    rk_lib_gone(s, link->conn);
}

/* What is queued moves to sending, whose buffer is used again for what comes. */
static bool next_batch(struct rk_lib_link *link)
{
    if (link->sending.at < link->sending.len)
        return true;
    if (link->pending.len == 0)
        return false;
    struct rk_lib_out sent = link->sending;
    link->sending = link->pending;
    link->sending.at = 0;
    if (sent.cap > OUT_KEEP_BYTES) {
        free(sent.data);
        sent = (struct rk_lib_out){0};
    }
    sent.len = sent.at = 0;
    link->pending = sent;
    return true;
}

static void write_link(struct rk_lib *s, struct rk_lib_link *link)
{
    link->is_writing = true;
    link->users++;
    int error = 0;
    while (!link->is_dropped && !link->is_full && !error && next_batch(link)) {
        const uint8_t *data = link->sending.data + link->sending.at;
        size_t len = link->sending.len - link->sending.at;
        int fd = link->fd;
        rk_lib_unlock(s);
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        int code = errno;
        rk_lib_lock(s);
        if (n >= 0)
            link->sending.at += (size_t)n;
        else if (code == EAGAIN || code == EWOULDBLOCK)
            link->is_full = true;
        else if (code != EINTR)
            error = code;
    }
    link->is_writing = false;
    if (link->is_full)
        rk_lib_wake_io(s);
    if (error && !link->is_dropped)
        lost(s, link, error);
    rk_lib_link_put(s, link);
}

static struct rk_lib_link *first_due(const struct rk_lib *s)
{
    struct rk_lib_link *link = s->links;
    while (link && (link->is_writing || link->is_connecting || link->is_dropped || link->is_full ||
                    unsent(link) == 0))
        link = link->next;
    return link;
}

void rk_lib_link_flush(struct rk_lib *s)
{
    struct rk_lib_link *link;
    do {
        while ((link = first_due(s)) != NULL)
            write_link(s, link);
        rk_lib_settle(s); /* which may bring more to be sent */
    } while (first_due(s));
}

static void connected(struct rk_lib *s, struct rk_lib_link *link)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error) {
        lost(s, link, error);
        return;
    }
    link->is_connecting = false;
    struct rk_client_event event = {.type = RK_CLIENT_EV_CONNECTED};
    event.u.connected.conn = link->conn;
    (void)rk_lib_step(s, &event); /* this event has no result */
}

static bool read_link(struct rk_lib *s, struct rk_lib_link *link)
{
    bool is_read = false;
    for (int i = 0; i < READS_MAX && !link->is_dropped; i++) {
        int fd = link->fd;
        rk_lib_unlock(s);
        ssize_t n = recv(fd, s->in, RK_LIB_IN_BYTES, 0);
        int code = errno;
        rk_lib_lock(s);
        if (link->is_dropped)
            break;
        if (n < 0 && code == EINTR)
            continue;
        if (n < 0 && (code == EAGAIN || code == EWOULDBLOCK))
            break;
        if (n <= 0) {
            lost(s, link, n == 0 ? 0 : code);
            break;
        }
        is_read = true;
        struct rk_client_event event = {.type = RK_CLIENT_EV_BYTES};
        event.u.bytes.conn = link->conn;
        event.u.bytes.bytes = rk_bytes_of(s->in, (size_t)n);
        (void)rk_lib_step(s, &event);
        if ((size_t)n < RK_LIB_IN_BYTES)
            break;
    }
    return is_read;
}

bool rk_lib_link_ready(struct rk_lib *s, struct rk_lib_link *link, int events)
{
    bool is_read = false;
    if (link->is_dropped)
        return false;
    if (link->is_connecting) {
        if (events & (POLLOUT | POLLERR | POLLHUP))
            connected(s, link);
    } else {
        if (events & POLLOUT)
            link->is_full = false;
        if (events & (POLLIN | POLLERR | POLLHUP))
            is_read = read_link(s, link);
    }
    rk_lib_settle(s);
    return is_read;
}
