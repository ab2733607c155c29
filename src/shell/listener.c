/* The ports. Accepts with calls of its own instead of libuv's listener, because a server that runs
 * out of file descriptors must say so and must not spin: one descriptor is kept in reserve to
 * accept with and close at once. Guarantees at most ACCEPTS_MAX new connections per turn and port.
 */
#include "shell/shell_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_MAX     64
#define ACCEPT_PAUSE_MS 100
#define BACKLOG_MAX     65535 /* the kernel cuts it to net.core.somaxconn */

/* -- Taking a port ---------------------------------------------------------------------------- */

/* Java serves IPv4 and IPv6 for "no address" and for 0.0.0.0, so both are one dual-stack socket
 * here. False: this machine knows no such address. */
static bool resolve(const struct rk_shell_listen *at, struct sockaddr_storage *ret,
                    socklen_t *ret_len)
{
    memset(ret, 0, sizeof(*ret));
    if (at->host[0] == '\0' || strcmp(at->host, "0.0.0.0") == 0) {
        struct sockaddr_in6 any = {
            .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT, .sin6_port = htons(at->port)};
        memcpy(ret, &any, sizeof(any));
        *ret_len = sizeof(any);
        return true;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    if (getaddrinfo(at->host, NULL, &hints, &list) != 0) {
        return false;
    }
    const struct addrinfo *best = list; /* Java prefers IPv4 */
    for (const struct addrinfo *it = list; it != NULL; it = it->ai_next) {
        if (it->ai_family == AF_INET && best->ai_family != AF_INET) {
            best = it;
        }
    }
    memcpy(ret, best->ai_addr, best->ai_addrlen);
    *ret_len = best->ai_addrlen;
    freeaddrinfo(list);
    if (ret->ss_family == AF_INET) {
        ((struct sockaddr_in *)ret)->sin_port = htons(at->port);
    } else {
        ((struct sockaddr_in6 *)ret)->sin6_port = htons(at->port);
    }
    return true;
}

/* A machine without IPv6 still has every IPv4 address. */
static void make_v4_any(struct sockaddr_storage *addr, socklen_t *len)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_ANY),
                              .sin_port = ((struct sockaddr_in6 *)addr)->sin6_port};
    memset(addr, 0, sizeof(*addr));
    memcpy(addr, &any, sizeof(any));
    *len = sizeof(any);
}

static int open_socket(const struct rk_shell_listen *at, struct sockaddr_storage *addr,
                       socklen_t *len)
{
    bool is_any = at->host[0] == '\0' || strcmp(at->host, "0.0.0.0") == 0;
    int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && is_any) {
        make_v4_any(addr, len);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    int v6_only = is_any ? 0 : 1;
    bool is_set = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0;
    if (addr->ss_family == AF_INET6) {
        is_set =
            is_set && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)) == 0;
    }
    if (!is_set || bind(fd, (struct sockaddr *)addr, *len) != 0) {
        int err = errno;
        (void)close(fd); /* nothing was written */
        errno = err;
        return -1;
    }
    return fd;
}

static enum rk_err bind_error(struct rk_shell *s, const struct rk_shell_listen *at, int err)
{
    const char *hint = err == EADDRINUSE
                           ? " Is another server running? Stop it or choose another clientPort."
                       : err == EADDRNOTAVAIL ? " This machine has no such address."
                       : err == EACCES        ? " Ports below 1024 need a privilege."
                                              : "";
    rk_log_write(s->parts.log, RK_LEVEL_ERROR, "cannot listen on %s:%u: %s.%s",
                 at->host[0] == '\0' ? "*" : at->host, (unsigned)at->port, strerror(err), hint);
    switch (err) {
    case EADDRINUSE:
        return RK_ERR_BUSY;
    case EADDRNOTAVAIL:
        return RK_ERR_INVALID;
    case EACCES:
        return RK_ERR_DENIED;
    default:
        return RK_ERR_IO;
    }
}

static void add_bound_text(struct rk_shell *s, int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    char text[RK_ADDR_TEXT_MAX] = "?";
    memset(&addr, 0, sizeof(addr));
    if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0) {
        struct rk_addr at = rk_addr_of(&addr);
        (void)rk_addr_text(&at, text); /* its length is not needed */
    }
    size_t used = strlen(s->bound);
    (void)snprintf(s->bound + used, sizeof(s->bound) - used, "%s%s", used > 0 ? ", " : "", text);
}

enum rk_err rk_listener_bind_all(struct rk_shell *s)
{
    for (uint32_t i = 0; i < s->config.listen_count; i++) {
        const struct rk_shell_listen *at = &s->config.listen[i];
        struct rk_listener *l = &s->listeners[i];
        struct sockaddr_storage addr;
        socklen_t len;
        l->shell = s;
        l->fd = -1;
        s->listener_count = i + 1;
        if (!resolve(at, &addr, &len)) {
            rk_log_write(s->parts.log, RK_LEVEL_ERROR, "cannot listen on %s: no such host",
                         at->host);
            return RK_ERR_INVALID;
        }
        l->fd = open_socket(at, &addr, &len);
        if (l->fd < 0) {
            return bind_error(s, at, errno);
        }
        add_bound_text(s, l->fd);
    }
    return RK_OK;
}

/* -- Accepting -------------------------------------------------------------------------------- */

static void on_connection(uv_poll_t *poll, int status, int events);

static void start_accepting(struct rk_listener *l)
{
    int err = uv_poll_start(&l->poll, UV_READABLE, on_connection);
    RK_ASSERT(err == 0);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct rk_listener *l = timer->data;
    struct rk_shell *s = l->shell;
    if (s->reserve_fd < 0) {
        s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    start_accepting(l);
}

static void pause_accepting(struct rk_listener *l)
{
    (void)uv_poll_stop(&l->poll); /* always 0 */
    int err = uv_timer_start(&l->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
    RK_ASSERT(err == 0);
}

/* Out of descriptors: the reserve is spent on telling those who wait that there is no room. */
static void turn_away(struct rk_listener *l, int why)
{
    struct rk_shell *s = l->shell;
    unsigned count = 0;
    if (s->reserve_fd >= 0) {
        (void)close(s->reserve_fd); /* it was /dev/null */
        s->reserve_fd = -1;
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        int fd;
        while (count < ACCEPTS_MAX && (fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
            (void)close(fd); /* nothing was written */
            count++;
        }
        s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    s->stats.refused_no_fd += count;
    rk_core_metrics(s->parts.core)->connection_rejected += count;
    char more[48];
    if (rk_shell_may_log(s, RK_LIMIT_NO_FD, more)) {
        rk_log_write(
            s->parts.log, RK_LEVEL_ERROR,
            "no file descriptor for a new connection: %s; %u turned away. Raise the limit of "
            "open files or lower maxCnxns.%s",
            strerror(why), count, more);
    }
    /* Without a reserve, or when nobody could be turned away, poll would report at once again. */
    if (s->reserve_fd < 0 || count == 0) {
        pause_accepting(l);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct rk_listener *l = poll->data;
    struct rk_shell *s = l->shell;
    (void)events;
    if (status < 0) {
        pause_accepting(l);
        return;
    }
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof(from);
        memset(&from, 0, sizeof(from));
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct rk_addr addr = rk_addr_of(&from);
            rk_conn_open(s, fd, &addr);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE) {
            turn_away(l, errno);
            return;
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(l);
            return;
        }
        /* Anything else is about that one connection, which is gone already (ECONNABORTED,
         * EINTR...). */
    }
}

enum rk_err rk_listener_start_all(struct rk_shell *s)
{
    int backlog = s->config.backlog > 0 ? s->config.backlog : BACKLOG_MAX;
    s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (uint32_t i = 0; i < s->listener_count; i++) {
        struct rk_listener *l = &s->listeners[i];
        if (listen(l->fd, backlog) != 0) {
            return bind_error(s, &s->config.listen[i], errno);
        }
        int err = uv_poll_init(&s->loop, &l->poll, l->fd);
        if (err != 0) {
            return bind_error(s, &s->config.listen[i], -err);
        }
        l->poll.data = l;
        err = uv_timer_init(&s->loop, &l->pause);
        RK_ASSERT(err == 0); /* allocates nothing */
        l->pause.data = l;
        l->is_open = true;
        start_accepting(l);
    }
    return RK_OK;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct rk_listener *l = handle->data;
    (void)close(l->fd); /* nothing was written */
    l->fd = -1;
}

void rk_listener_close_all(struct rk_shell *s)
{
    for (uint32_t i = 0; i < s->listener_count; i++) {
        struct rk_listener *l = &s->listeners[i];
        if (l->is_open) {
            l->is_open = false;
            uv_close((uv_handle_t *)&l->pause, NULL);
            uv_close((uv_handle_t *)&l->poll, on_poll_closed);
        } else if (l->fd >= 0 && uv_is_closing((uv_handle_t *)&l->poll) == 0) {
            (void)close(l->fd); /* nothing was written */
            l->fd = -1;
        }
    }
    if (s->reserve_fd >= 0) {
        (void)close(s->reserve_fd); /* it was /dev/null */
        s->reserve_fd = -1;
    }
}
