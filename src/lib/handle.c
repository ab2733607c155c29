/* Handles: opened, asked, closed. */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/flavour.h"
#include "lib/io.h"
#include "lib/link.h"
#include "lib/log.h"
#include "lib/queue.h"
#include "lib/session.h"
#include "lib/view.h"

#define SESSION_TIMEOUT_MS 30000

static atomic_bool is_order_given; /* zoo_deterministic_conn_order */

void zoo_deterministic_conn_order(int yesOrNo)
{
    atomic_store(&is_order_given, yesOrNo != 0);
}

void rk_options_init(struct rk_options *options)
{
    *options = (struct rk_options){.size = sizeof(*options)};
}

/* ZK: log_env. */
static void log_environment(struct rk_lib *s)
{
    char text[1024];
    struct utsname uts;
    RK_LIB_LOG(s, INFO, "Client environment:zookeeper.version=rookery C client %s", ZOO_VERSION);
    if (gethostname(text, sizeof(text)) == 0)
        RK_LIB_LOG(s, INFO, "Client environment:host.name=%s", text);
    if (uname(&uts) == 0) {
        RK_LIB_LOG(s, INFO, "Client environment:os.name=%s", uts.sysname);
        RK_LIB_LOG(s, INFO, "Client environment:os.arch=%s", uts.release);
        RK_LIB_LOG(s, INFO, "Client environment:os.version=%s", uts.version);
    }
    struct passwd user, *found = NULL;
    if (getpwuid_r(getuid(), &user, text, sizeof(text), &found) == 0 && found) {
        RK_LIB_LOG(s, INFO, "Client environment:user.name=%s", user.pw_name);
        RK_LIB_LOG(s, INFO, "Client environment:user.home=%s", user.pw_dir);
    }
    if (getcwd(text, sizeof(text)))
        RK_LIB_LOG(s, INFO, "Client environment:user.dir=%s", text);
}

static int first_servers(struct rk_lib *s)
{
    struct rk_client_event event = {.type = RK_CLIENT_EV_SERVERS};
    event.u.servers.count = s->hosts.count;
    return rk_lib_step(s, &event) == ZOK ? 0 : ENOMEM;
}

static zhandle_t *open_handle(const char *text, const struct rk_options *options, int flags)
{
    struct rk_lib_hosts hosts;
    int error = rk_lib_hosts_parse(text, &hosts);
    if (error) {
        errno = error;
        return NULL;
    }
    struct rk_lib *s = rk_lib_create(&hosts, options);
    if (!s)
        return NULL;
    zhandle_t *zh = s->handle;
    *zh = (zhandle_t){.s = s,
                      .watcher = options->watcher,
                      .context = options->context,
                      .request_timeout_ms =
                          options->request_timeout_ms > 0 ? options->request_timeout_ms : 0};
    rk_lib_lock(s);
    if (!(flags & ZOO_NO_LOG_CLIENTENV))
        log_environment(s);
    RK_LIB_LOG(s, INFO,
               "Initiating client connection, host=%s sessionTimeout=%d watcher=%p sessionId=%#llx "
               "sessionPasswd=%s context=%p flags=%d",
               text, options->session_timeout_ms, (void *)(uintptr_t)options->watcher,
               (unsigned long long)s->id.client_id, s->id.passwd[0] ? "<hidden>" : "<null>",
               options->context, flags & ~ZOO_SINGLE_THREADED);
    error = first_servers(s);
    rk_lib_unlock(s);
    if (!error && s->is_threaded)
        error = rk_lib_io_start(s);
    if (error) {
        rk_lib_lock(s);
        rk_lib_unref(s);
        errno = error;
        return NULL;
    }
    return zh;
}

zhandle_t *rk_open(const char *hosts, const struct rk_options *options)
{
    struct rk_options own;
    rk_options_init(&own);
    if (options) {
        if (options->size == 0 || options->size > sizeof(own)) {
            errno = EINVAL;
            return NULL;
        }
        memcpy(&own, options, options->size);
    }
    if (own.session_timeout_ms == 0)
        own.session_timeout_ms = SESSION_TIMEOUT_MS;
    if (!rk_lib_flavour_is_threaded)
        own.is_single_threaded = 1;
    if (own.session_timeout_ms < 0 || own.request_timeout_ms < 0) {
        errno = EINVAL;
        return NULL;
    }
    return open_handle(hosts, &own, own.is_read_only_allowed ? ZOO_READONLY : 0);
}

zhandle_t *(zookeeper_init2)(const char *host, watcher_fn fn, int recv_timeout,
                             const clientid_t *clientid, void *context, int flags,
                             log_callback_fn log_callback)
{
    struct rk_options options;
    rk_options_init(&options);
    options.watcher = fn;
    options.context = context;
    options.client_id = clientid;
    options.session_timeout_ms = recv_timeout > 0 ? recv_timeout : SESSION_TIMEOUT_MS;
    options.is_read_only_allowed = (flags & ZOO_READONLY) != 0;
    options.is_single_threaded =
        !rk_lib_flavour_is_threaded || (rk_lib_flavour_has_flag && (flags & ZOO_SINGLE_THREADED));
    options.log = log_callback;
    if (atomic_load(&is_order_given))
        options.order = RK_ORDER_AS_GIVEN;
    return open_handle(host, &options, flags);
}

zhandle_t *(zookeeper_init)(const char *host, watcher_fn fn, int recv_timeout,
                            const clientid_t *clientid, void *context, int flags)
{
    return (zookeeper_init2)(host, fn, recv_timeout, clientid, context, flags, NULL);
}

/* -- Closing -- */

int zookeeper_close(zhandle_t *zh)
{
    if (!zh)
        return ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    rk_lib_lock(s);
    if (zh->is_view)
        return rk_lib_view_close(zh);
    if (s->is_closing) {
        rk_lib_unlock(s);
        return ZINVALIDSTATE;
    }
    RK_LIB_LOG(s, INFO, "Closing zookeeper sessionId=%#llx", (unsigned long long)s->id.client_id);
    s->is_closing = true;
    __atomic_store_n(&zh->is_closed, true, __ATOMIC_RELAXED);
    struct rk_client_event event = {.type = RK_CLIENT_EV_CLOSE};
    event.u.close.close_ms = RK_LIB_CLOSE_MS;
    (void)rk_lib_step(s, &event); /* this event has no result */
    rk_lib_wake_io(s);
    bool is_own = rk_lib_is_own_thread(s);
    if (!s->is_threaded) {
        /* Inside zookeeper_process that one finishes. */
        if (!is_own)
            rk_lib_io_finish(s);
    } else if (is_own) {
        (void)pthread_detach(s->io);
        (void)pthread_detach(s->teller);
    } else {
        rk_lib_unlock(s);
        (void)pthread_join(s->io, NULL); /* neither is this thread nor detached */
        (void)pthread_join(s->teller, NULL);
        rk_lib_lock(s);
    }
    rk_lib_unref(s);
    return ZOK;
}

void close_zsock(zsock_t *sock)
{
    if (sock->sock != -1)
        (void)close(sock->sock);
    sock->sock = -1;
}

/* -- Servers -- */

int zoo_set_servers(zhandle_t *zh, const char *hosts)
{
    struct rk_lib_hosts list;
    if (!zh || !hosts)
        return ZBADARGUMENTS;
    int error = rk_lib_hosts_parse(hosts, &list);
    if (!error && list.chroot[0]) {
        rk_lib_hosts_free(&list);
        error = EINVAL;
    }
    if (error)
        return error == ENOMEM ? ZSYSTEMERROR : ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    rk_lib_lock(s);
    struct rk_client_event event = {.type = RK_CLIENT_EV_SERVERS};
    event.u.servers.count = list.count;
    event.u.servers.is_new_list = true;
    int rc = rk_lib_step(s, &event);
    if (rc == ZOK) {
        /* All of the new list is wanted; what was of a longer old one is not any more. */
        struct rk_lib_hosts old = s->hosts;
        s->hosts = list;
        s->hosts_version++;
        list = old;
        memset(s->wanted + s->hosts.count, 0, RK_CLIENT_SERVERS_MAX - s->hosts.count);
        s->wanted_count = s->hosts.count;
    }
    rk_lib_unlock(s);
    rk_lib_hosts_free(&list);
    return rc;
}

int zoo_set_servers_resolution_delay(zhandle_t *zh, int delay_ms)
{
    if (!zh || delay_ms < -1)
        return ZBADARGUMENTS;
    rk_lib_lock(zh->s);
    zh->s->resolve_delay_ms = delay_ms;
    zh->s->resolved_ms = rk_lib_now_ms();
    rk_lib_wake_io(zh->s);
    rk_lib_unlock(zh->s);
    return ZOK;
}

void zoo_cycle_next_server(zhandle_t *zh)
{
    if (!zh)
        return;
    struct rk_client_event event = {.type = RK_CLIENT_EV_NEXT_SERVER};
    rk_lib_lock(zh->s);
    (void)rk_lib_step(zh->s, &event); /* this event has no result */
    rk_lib_wake_io(zh->s);
    rk_lib_unlock(zh->s);
}

const char *zoo_get_current_server(zhandle_t *zh)
{
    static _Thread_local char text[64];
    struct rk_client_addr none = {.len = 0};
    rk_lib_lock(zh->s);
    const struct rk_lib_link *link = rk_lib_link_main(zh->s);
    rk_lib_addr_text(link ? &link->addr : &none, text, sizeof(text));
    rk_lib_unlock(zh->s);
    return text;
}

struct sockaddr *zookeeper_get_connected_host(zhandle_t *zh, struct sockaddr *addr,
                                              socklen_t *addr_len)
{
    if (!zh || !addr || !addr_len || zoo_state(zh) != ZOO_CONNECTED_STATE)
        return NULL;
    rk_lib_lock(zh->s);
    const struct rk_lib_link *link = rk_lib_link_main(zh->s);
    bool is_there = link && getpeername(link->fd, addr, addr_len) == 0;
    rk_lib_unlock(zh->s);
    return is_there ? addr : NULL;
}

/* -- The rest -- */

const clientid_t *zoo_client_id(zhandle_t *zh)
{
    return &zh->s->id;
}

int zoo_recv_timeout(zhandle_t *zh)
{
    return atomic_load(&zh->s->timeout_ms);
}

const void *zoo_get_context(zhandle_t *zh)
{
    return __atomic_load_n(&zh->context, __ATOMIC_RELAXED);
}

void zoo_set_context(zhandle_t *zh, void *context)
{
    if (zh)
        __atomic_store_n(&zh->context, context, __ATOMIC_RELAXED);
}

watcher_fn zoo_set_watcher(zhandle_t *zh, watcher_fn newFn)
{
    return __atomic_exchange_n(&zh->watcher, newFn, __ATOMIC_RELAXED);
}

int zoo_state(zhandle_t *zh)
{
    return zh ? atomic_load(&zh->s->state) : 0;
}

int is_unrecoverable(zhandle_t *zh)
{
    return zoo_state(zh) < 0 ? ZINVALIDSTATE : ZOK;
}

log_callback_fn zoo_get_log_callback(const zhandle_t *zh)
{
    return zh ? atomic_load(&zh->s->log) : NULL;
}

void zoo_set_log_callback(zhandle_t *zh, log_callback_fn callback)
{
    if (zh)
        atomic_store(&zh->s->log, callback);
}

/* Exported by Apache's library without being declared; nothing here needs them. */
ZOOAPI int zoo_lock_auth(zhandle_t *zh);
ZOOAPI int zoo_unlock_auth(zhandle_t *zh);
int zoo_lock_auth(zhandle_t *zh)
{
    (void)zh;
    return 0;
}
int zoo_unlock_auth(zhandle_t *zh)
{
    (void)zh;
    return 0;
}

int64_t rk_last_zxid(zhandle_t *zh)
{
    return zh ? atomic_load(&zh->s->last_zxid) : 0;
}

int64_t rk_watch_zxid(zhandle_t *zh)
{
    return zh && rk_lib_is_own_thread(zh->s) ? zh->s->watch_zxid : -1;
}

/* -- Waiting for a connection -- */

static int connected_rc(const struct rk_lib *s)
{
    int state = atomic_load(&s->state);
    if (state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE)
        return ZOK;
    if (state == ZOO_EXPIRED_SESSION_STATE)
        return ZSESSIONEXPIRED;
    if (state == ZOO_AUTH_FAILED_STATE)
        return ZAUTHFAILED;
    return s->is_closing ? ZCLOSING : ZNOTHING;
}

/* Without threads the waiting one does the work. */
static int drive_until_connected(struct rk_lib *s, int64_t deadline_ms)
{
    int rc = ZNOTHING;
    while (rc == ZNOTHING && rk_lib_now_ms() < deadline_ms) {
        int fd, interest;
        struct timeval tv;
        (void)zookeeper_interest(s->handle, &fd, &interest, &tv); /* the state says it all */
        int64_t left = deadline_ms - rk_lib_now_ms();
        int64_t wait = tv.tv_sec * 1000 + tv.tv_usec / 1000;
        struct pollfd p = {.fd = fd,
                           .events = (short)(((interest & ZOOKEEPER_READ) ? POLLIN : 0) |
                                             ((interest & ZOOKEEPER_WRITE) ? POLLOUT : 0))};
        (void)poll(&p, fd >= 0, (int)(wait < left ? wait : left < 0 ? 0 : left));
        (void)zookeeper_process(s->handle, ((p.revents & ~POLLOUT) ? ZOOKEEPER_READ : 0) |
                                               ((p.revents & POLLOUT) ? ZOOKEEPER_WRITE : 0));
        rc = connected_rc(s);
    }
    return rc;
}

int rk_wait_connected(zhandle_t *zh, int timeout_ms)
{
    if (!zh || timeout_ms < 0)
        return ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    int64_t deadline = rk_lib_now_ms() + timeout_ms;
    rk_lib_lock(s);
    s->refs++; /* it may be closed meanwhile */
    int rc = connected_rc(s);
    if (rc == ZNOTHING && rk_lib_is_own_thread(s)) {
        rc = ZINVALIDSTATE;
    } else if (rc == ZNOTHING && !s->is_threaded) {
        rk_lib_unlock(s);
        rc = drive_until_connected(s, deadline);
        rk_lib_lock(s);
    } else {
        for (bool is_time = true; rc == ZNOTHING && is_time; rc = connected_rc(s))
            is_time = rk_lib_io_wait(s, &s->changed, deadline);
    }
    rk_lib_unref(s);
    return rc == ZNOTHING ? ZOPERATIONTIMEOUT : rc;
}
