/* The I/O side of a session: its two threads, or zookeeper_interest and zookeeper_process.
 *
 * The I/O thread waits for sockets, for the time and for being woken, and does whatever is due: the
 * machine's ticks, sending what has collected, reading. The telling thread runs callbacks. A name
 * is looked up by a thread of its own. A session that was closed by one of its own threads ends by
 * itself: the I/O thread when the server has answered, the telling thread when everything is told;
 * the last one frees it.
 */
#include "lib/io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "lib/link.h"
#include "lib/log.h"
#include "lib/queue.h"
#include "lib/session.h"

#define POLLED_MAX 4

bool rk_lib_io_wait(struct rk_lib *s, pthread_cond_t *cond, int64_t deadline_ms)
{
    if (s->woken || s->log_first) {
        /* What the lock holder owes to others goes first; whoever waits looks again. */
        rk_lib_unlock(s);
        rk_lib_lock(s);
        return true;
    }
    if (deadline_ms == INT64_MAX) {
        (void)pthread_cond_wait(cond, &s->mu);
        return true;
    }
    struct timespec at = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
    return pthread_cond_timedwait(cond, &s->mu, &at) != ETIMEDOUT;
}

bool rk_lib_io_is_over(const struct rk_lib *s)
{
    enum rk_client_state state = rk_client_state(s->client);
    return s->is_closing && (state == RK_CLIENT_CLOSED || state == RK_CLIENT_EXPIRED ||
                             state == RK_CLIENT_AUTH_FAILED);
}

/* -- Names -- */

static void step_resolved(struct rk_lib *s, uint32_t server, const struct rk_client_addr *addrs,
                          uint32_t count)
{
    struct rk_client_event event = {.type = RK_CLIENT_EV_RESOLVED};
    event.u.resolved.server = server;
    event.u.resolved.count = count;
    event.u.resolved.addrs = addrs;
    (void)rk_lib_step(s, &event); /* this event has no result */
}

struct rk_lib_lookup {
    struct rk_lib *s;
    struct rk_lib_host host; /* in text */
    uint32_t server;
    uint32_t version; /* of the list that it is in */
    bool is_done;     /* under the lock; what follows is ours until then */
    uint32_t count;
    struct rk_client_addr addrs[RK_CLIENT_ADDRS_MAX];
    char text[];
};

/* Without the lock; takes it. */
static void look_up(struct rk_lib_lookup *l)
{
    l->count = rk_lib_hosts_lookup(&l->host, l->s->is_nearest, l->addrs, RK_CLIENT_ADDRS_MAX);
    rk_lib_lock(l->s);
    l->is_done = true;
}

/* Nobody waits for this thread: a resolver may take longer than a session lasts. */
static void *names_main(void *context)
{
    struct rk_lib_lookup *l = context;
    look_up(l);
    rk_lib_wake_io(l->s);
    rk_lib_unref(l->s);
    return NULL;
}

static struct rk_lib_lookup *make_lookup(struct rk_lib *s, uint32_t server)
{
    const struct rk_lib_host *host = &s->hosts.list[server];
    size_t port_at = strlen(host->name) + 1, port_bytes = strlen(host->port) + 1;
    struct rk_lib_lookup *l = malloc(sizeof(*l) + port_at + port_bytes);
    if (!l)
        return NULL;
    l->s = s;
    l->server = server;
    l->version = s->hosts_version;
    l->is_done = false;
    memcpy(l->text, host->name, port_at);
    memcpy(l->text + port_at, host->port, port_bytes);
    l->host = (struct rk_lib_host){l->text, l->text + port_at};
    return l;
}

static void take_lookup(struct rk_lib *s)
{
    struct rk_lib_lookup *l = s->lookup;
    s->lookup = NULL;
    if (l->version == s->hosts_version) {
        if (l->count == 0)
            RK_LIB_LOG(s, WARN, "no address for %s", l->host.name);
        step_resolved(s, l->server, l->addrs, l->count);
    }
    free(l);
}

static void begin_lookup(struct rk_lib *s)
{
    uint32_t server = 0;
    pthread_t names;
    while (!s->wanted[server])
        server++;
    RK_ASSERT(server < s->hosts.count);
    s->wanted[server] = 0;
    s->wanted_count--;
    s->lookup = make_lookup(s, server);
    if (!s->lookup) {
        RK_LIB_LOG(s, WARN, "out of memory: a name is not looked up");
        step_resolved(s, server, NULL, 0);
    } else if (s->is_threaded && pthread_create(&names, NULL, names_main, s->lookup) == 0) {
        (void)pthread_detach(names); /* it is still there: it needs the lock */
        s->refs++;
    } else {
        rk_lib_unlock(s);
        look_up(s->lookup);
        take_lookup(s);
    }
}

static bool has_names(const struct rk_lib *s)
{
    return s->lookup ? s->lookup->is_done : s->wanted_count > 0;
}

/* ZK: zoo_set_servers_resolution_delay: when names are looked up again while connected. */
static int64_t refresh_at(const struct rk_lib *s)
{
    bool is_busy = s->lookup || s->wanted_count > 0;
    bool is_over = s->is_closing || atomic_load(&s->state) < 0;
    return s->resolve_delay_ms > 0 && !is_busy && !is_over ? s->resolved_ms + s->resolve_delay_ms
                                                           : INT64_MAX;
}

static void refresh_names(struct rk_lib *s)
{
    int64_t now = rk_lib_now_ms();
    if (now < refresh_at(s))
        return;
    s->resolved_ms = now;
    struct rk_client_event event = {.type = RK_CLIENT_EV_SERVERS};
    event.u.servers.count = s->hosts.count;
    event.u.servers.is_new_list = true;
    if (rk_lib_step(s, &event) != ZOK)
        RK_LIB_LOG(s, WARN, "out of memory: names are not looked up again");
}

void rk_lib_io_prepare(struct rk_lib *s)
{
    if (rk_lib_now_ms() >= s->wake_at_ms) {
        struct rk_client_event tick = {.type = RK_CLIENT_EV_TICK};
        (void)rk_lib_step(s, &tick); /* this event has no result */
    }
    refresh_names(s);
    while (has_names(s)) {
        if (s->lookup)
            take_lookup(s);
        else
            begin_lookup(s);
    }
    rk_lib_link_flush(s);
}

static int64_t wake_at(const struct rk_lib *s)
{
    int64_t at = refresh_at(s);
    return at < s->wake_at_ms ? at : s->wake_at_ms;
}

/* -- Waiting -- */

struct polled {
    struct pollfd fds[1 + POLLED_MAX];
    struct rk_lib_link *links[POLLED_MAX];
    nfds_t count;
};

static void collect(struct rk_lib *s, struct polled *p)
{
    p->count = 0;
    for (struct rk_lib_link *link = s->links; link && p->count < POLLED_MAX; link = link->next) {
        if (link->is_dropped)
            continue;
        int wants = rk_lib_link_wants(link);
        /* A program that does not come to its answers gets no more of them. */
        if (rk_lib_queue_is_full(s))
            wants &= ~POLLIN;
        p->links[p->count] = link;
        p->fds[1 + p->count] = (struct pollfd){.fd = link->fd, .events = (short)wants};
        p->count++;
        link->users++;
    }
}

static void handle(struct rk_lib *s, struct polled *p)
{
    for (nfds_t i = 0; i < p->count; i++) {
        if (p->fds[1 + i].revents)
            (void)rk_lib_link_ready(s, p->links[i], p->fds[1 + i].revents);
        rk_lib_link_put(s, p->links[i]);
    }
}

/* Waits until something happens or timeout_ms has passed (-1: no end). */
static void wait_once(struct rk_lib *s, int timeout_ms)
{
    struct polled p;
    collect(s, &p);
    p.fds[0] = (struct pollfd){.fd = s->wake_fd, .events = POLLIN};
    s->is_io_asleep = true;
    rk_lib_unlock(s);
    (void)poll(p.fds, 1 + p.count, timeout_ms); /* an interrupted wait is a short one */
    rk_lib_lock(s);
    s->is_io_asleep = false;
    if (s->is_io_signalled) {
        eventfd_t value;
        (void)eventfd_read(s->wake_fd, &value);
        s->is_io_signalled = false;
    }
    handle(s, &p);
}

static int timeout_until(int64_t at_ms)
{
    if (at_ms == INT64_MAX)
        return -1;
    int64_t left = at_ms - rk_lib_now_ms();
    return left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

static void *io_main(void *context)
{
    struct rk_lib *s = context;
    rk_lib_lock(s);
    while (!s->must_stop_io && !rk_lib_io_is_over(s)) {
        rk_lib_io_prepare(s);
        if (s->must_stop_io || rk_lib_io_is_over(s) || has_names(s))
            continue;
        wait_once(s, timeout_until(wake_at(s)));
    }
    /* What the end of the session has queued is still told. */
    s->must_stop_teller = true;
    (void)pthread_cond_broadcast(&s->to_tell);
    (void)pthread_cond_broadcast(&s->changed);
    rk_lib_unref(s);
    return NULL;
}

static void *teller_main(void *context)
{
    struct rk_lib *s = context;
    rk_lib_lock(s);
    for (;;) {
        rk_lib_tell_all(s);
        if (s->done_first)
            continue;
        if (s->must_stop_teller)
            break;
        s->is_teller_asleep = true;
        (void)rk_lib_io_wait(s, &s->to_tell, INT64_MAX);
        s->is_teller_asleep = false;
    }
    rk_lib_unref(s);
    return NULL;
}

int rk_lib_io_start(struct rk_lib *s)
{
    rk_lib_lock(s);
    s->refs += 2;
    int error = pthread_create(&s->io, NULL, io_main, s);
    if (error) {
        s->refs -= 2;
        rk_lib_unlock(s);
        return error;
    }
    error = pthread_create(&s->teller, NULL, teller_main, s);
    if (error) {
        s->must_stop_io = true;
        s->refs--;
        rk_lib_unlock(s);
        (void)pthread_join(s->io, NULL);
        return error;
    }
    rk_lib_unlock(s);
    return 0;
}

/* -- Without threads -- */

static int terminal_error(const struct rk_lib *s)
{
    return atomic_load(&s->state) < 0 || s->is_closing ? ZINVALIDSTATE : ZOK;
}

/* Everything that is ready now. True if anything was read. */
static bool process_ready(struct rk_lib *s, int events)
{
    struct polled p;
    bool is_read = false;
    const struct rk_lib_link *main_link = rk_lib_link_main(s);
    collect(s, &p);
    rk_lib_unlock(s);
    /* The program may have asked its own way; poll knows about every connection. */
    (void)poll(p.fds + 1, p.count, 0);
    rk_lib_lock(s);
    for (nfds_t i = 0; i < p.count; i++) {
        int ready = p.fds[1 + i].revents;
        if (p.links[i] == main_link)
            ready |= ((events & ZOOKEEPER_READ) ? POLLIN : 0) |
                     ((events & ZOOKEEPER_WRITE) ? POLLOUT : 0);
        if (p.links[i]->is_connecting)
            ready = p.fds[1 + i].revents;
        if (ready)
            is_read = rk_lib_link_ready(s, p.links[i], ready) || is_read;
        rk_lib_link_put(s, p.links[i]);
    }
    return is_read;
}

int zookeeper_interest(zhandle_t *zh, int *fd, int *interest, struct timeval *tv)
{
    if (!zh || !fd || !interest || !tv)
        return ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    *fd = -1;
    *interest = 0;
    *tv = (struct timeval){0};
    if (s->is_threaded)
        return ZINVALIDSTATE;
    rk_lib_lock(s);
    s->refs++; /* a log callback may close the handle */
    int rc = terminal_error(s);
    if (rc == ZOK) {
        s->last_error = ZOK;
        /* A program that was busy elsewhere finds what has come before what was missed. */
        if (rk_lib_now_ms() >= s->wake_at_ms)
            (void)process_ready(s, 0);
        rk_lib_io_prepare(s);
        const struct rk_lib_link *link = rk_lib_link_main(s);
        int timeout = timeout_until(wake_at(s));
        int most = atomic_load(&s->timeout_ms) / 3;
        /* A connection that looks for a server has no place in this interface: it is looked at
         * often. */
        if (s->links && s->links->next && most > 50)
            most = 50;
        if (s->done_first)
            timeout = 0;
        if (timeout < 0 || timeout > most)
            timeout = most;
        *tv = (struct timeval){timeout / 1000, timeout % 1000 * 1000};
        if (link) {
            int wants = rk_lib_link_wants(link);
            *fd = link->fd;
            *interest =
                ((wants & POLLIN) ? ZOOKEEPER_READ : 0) | ((wants & POLLOUT) ? ZOOKEEPER_WRITE : 0);
        }
        rc = s->last_error;
    }
    rk_lib_unref(s);
    return rc;
}

void rk_lib_io_finish(struct rk_lib *s)
{
    while (!rk_lib_io_is_over(s)) {
        rk_lib_io_prepare(s);
        if (!rk_lib_io_is_over(s))
            wait_once(s, timeout_until(wake_at(s)));
    }
    rk_lib_tell_all(s);
}

int zookeeper_process(zhandle_t *zh, int events)
{
    if (!zh)
        return ZBADARGUMENTS;
    struct rk_lib *s = zh->s;
    if (s->is_threaded)
        return ZINVALIDSTATE;
    rk_lib_lock(s);
    int rc = terminal_error(s);
    if (rc != ZOK && !s->done_first) {
        rk_lib_unlock(s);
        return rc;
    }
    s->refs++; /* a callback may close the handle */
    s->last_error = ZOK;
    bool is_read = rc == ZOK && process_ready(s, events);
    if (rc == ZOK)
        rk_lib_io_prepare(s);
    rc = s->last_error;
    bool is_told = s->done_first != NULL;
    rk_lib_tell_all(s);
    if (s->is_closing && !s->is_telling)
        rk_lib_io_finish(s);
    /* ZK: closed by a callback is no error of this call. */
    if (!s->is_closing && rc == ZOK && (events & ZOOKEEPER_READ) && !is_read && !is_told)
        rc = ZNOTHING;
    rk_lib_unref(s);
    return rc;
}
