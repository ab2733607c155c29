/* The ports, for clients and for other servers. Accepts with calls of its own instead of libuv's
 * listener, because a server that runs out of file descriptors must say so and must not spin: one
 * descriptor is kept in reserve to accept with and close at once. Guarantees at most ACCEPTS_MAX
 * new connections per turn and port. */
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
#define BIND_PAUSE_S    1     /* ZK: QuorumCnxManager.Listener sleeps so long between two tries */
#define BIND_LINE_EVERY 60u   /* of endless tries */

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

static const char *const port_names[] = {
    [RK_LISTENER_CLIENT] = "client",
    [RK_LISTENER_ELECTION] = "election",
    [RK_LISTENER_QUORUM] = "quorum",
};

static const char *hint_of(const struct rk_listener *l, int err)
{
    switch (err) {
    case EADDRINUSE:
        return l->kind == RK_LISTENER_CLIENT
                   ? " Is another server running? Stop it or choose another clientPort."
                   : " Is another server running? Stop it or choose other ports in server.N.";
    case EADDRNOTAVAIL:
        return l->kind == RK_LISTENER_CLIENT
                   ? " This machine has no such address."
                   : " This machine has no such address; quorumListenOnAllIPs listens on all.";
    case EACCES:
        return " Ports below 1024 need a privilege.";
    default:
        return "";
    }
}

static enum rk_err bind_error(const struct rk_listener *l, enum rk_log_level level, int err,
                              const char *then)
{
    struct rk_shell *s = l->shell;
    char port[32] = "";
    if (l->kind != RK_LISTENER_CLIENT) {
        (void)snprintf(port, sizeof(port), " (%s port)", port_names[l->kind]);
    }
    rk_log_write(s->parts.log, level, "cannot listen on %s:%u%s: %s.%s%s",
                 l->at->host[0] == '\0' ? "*" : l->at->host, (unsigned)l->at->port, port,
                 err == ENXIO ? "no such host" : strerror(err), hint_of(l, err), then);
    enum rk_err ret = RK_ERR_IO;
    if (err == EADDRINUSE) {
        ret = RK_ERR_BUSY;
    } else if (err == EADDRNOTAVAIL || err == ENXIO) {
        ret = RK_ERR_INVALID;
    } else if (err == EACCES) {
        ret = RK_ERR_DENIED;
    }
    s->bind_status = l->kind == RK_LISTENER_ELECTION ? RK_EXIT_ELECTION_PORT
                     : ret == RK_ERR_INVALID         ? 2
                                                     : 1;
    return ret;
}

static void find_bound(struct rk_listener *l)
{
    struct rk_shell *s = l->shell;
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    memset(&addr, 0, sizeof(addr));
    if (getsockname(l->fd, (struct sockaddr *)&addr, &len) != 0) {
        return;
    }
    char text[RK_ADDR_TEXT_MAX];
    struct rk_addr at = rk_addr_of(&addr);
    l->port = at.port;
    (void)rk_addr_text(&at, text); /* its length is not needed */
    if (l->kind == RK_LISTENER_CLIENT) {
        size_t used = strlen(s->bound);
        (void)snprintf(s->bound + used, sizeof(s->bound) - used, "%s%s", used > 0 ? ", " : "",
                       text);
    } else {
        rk_log_write(s->parts.log, RK_LEVEL_INFO, "the %s port is ours: %s", port_names[l->kind],
                     text);
    }
}

/* 0 or an errno; ENXIO: no such host. */
static int take_port(struct rk_listener *l)
{
    struct sockaddr_storage addr;
    socklen_t len;
    if (!resolve(l->at, &addr, &len)) {
        return ENXIO;
    }
    l->fd = open_socket(l->at, &addr, &len);
    if (l->fd < 0) {
        return errno;
    }
    find_bound(l);
    return 0;
}

static struct rk_listener *add_listener(struct rk_shell *s, enum rk_listener_kind kind,
                                        const struct rk_shell_listen *at)
{
    struct rk_listener *l = &s->listeners[s->listener_count];
    s->listener_count++;
    l->shell = s;
    l->kind = kind;
    l->at = at;
    l->fd = -1;
    return l;
}

/* A port of a server that was just stopped, or an interface that is still coming up. */
static enum rk_err bind_patiently(struct rk_listener *l)
{
    struct rk_shell *s = l->shell;
    uint32_t max = s->config.bind_tries;
    for (uint32_t tries = 1;; tries++) {
        int err = take_port(l);
        if (err == 0) {
            return RK_OK;
        }
        if (tries == max) {
            return bind_error(l, RK_LEVEL_ERROR, err, "");
        }
        if (max != 0 || tries % BIND_LINE_EVERY == 1) {
            (void)bind_error(l, RK_LEVEL_WARN, err, " Trying again."); /* not the last word */
        }
        (void)sleep(BIND_PAUSE_S); /* a signal without a handler ends us, others do not matter */
    }
}

enum rk_err rk_listener_bind_all(struct rk_shell *s)
{
    for (uint32_t i = 0; i < s->config.listen_count; i++) {
        struct rk_listener *l = add_listener(s, RK_LISTENER_CLIENT, &s->config.listen[i]);
        int err = take_port(l);
        if (err != 0) {
            return bind_error(l, RK_LEVEL_ERROR, err, "");
        }
    }
    if (!s->config.has_ensemble) {
        return RK_OK;
    }
    enum rk_err err = bind_patiently(add_listener(s, RK_LISTENER_ELECTION, &s->config.election));
    if (err == RK_OK) {
        err = bind_patiently(add_listener(s, RK_LISTENER_QUORUM, &s->config.quorum));
    }
    return err;
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

static void take(struct rk_listener *l, int fd, const struct rk_addr *addr)
{
    if (l->kind == RK_LISTENER_CLIENT) {
        rk_conn_open(l->shell, fd, addr);
    } else {
        rk_channel_accept(l->shell,
                          l->kind == RK_LISTENER_ELECTION ? RK_PORT_ELECTION : RK_PORT_QUORUM, fd,
                          addr);
    }
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct rk_listener *l = poll->data;
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
            take(l, fd, &addr);
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
    s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (uint32_t i = 0; i < s->listener_count; i++) {
        struct rk_listener *l = &s->listeners[i];
        bool has_limit = l->kind == RK_LISTENER_CLIENT && s->config.backlog > 0;
        if (listen(l->fd, has_limit ? s->config.backlog : BACKLOG_MAX) != 0) {
            return bind_error(l, RK_LEVEL_ERROR, errno, "");
        }
        int err = uv_poll_init(&s->loop, &l->poll, l->fd);
        if (err != 0) {
            return bind_error(l, RK_LEVEL_ERROR, -err, "");
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

static void close_listener(struct rk_listener *l)
{
    if (l->is_open) {
        l->is_open = false;
        uv_close((uv_handle_t *)&l->pause, NULL);
        uv_close((uv_handle_t *)&l->poll, on_poll_closed);
    } else if (l->fd >= 0 && uv_is_closing((uv_handle_t *)&l->poll) == 0) {
        (void)close(l->fd); /* nothing was written */
        l->fd = -1;
    }
}

void rk_listener_close_clients(struct rk_shell *s)
{
    for (uint32_t i = 0; i < s->listener_count; i++) {
        if (s->listeners[i].kind == RK_LISTENER_CLIENT) {
            close_listener(&s->listeners[i]);
        }
    }
}

void rk_listener_close_all(struct rk_shell *s)
{
    for (uint32_t i = 0; i < s->listener_count; i++) {
        close_listener(&s->listeners[i]);
    }
    if (s->reserve_fd >= 0) {
        (void)close(s->reserve_fd); /* it was /dev/null */
        s->reserve_fd = -1;
    }
}
