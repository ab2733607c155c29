/* Dialing: a name to addresses, then one after the other until one answers or the time is over.
 * Each attempt gets its share of what is left, so that an address that swallows everything does not
 * use up the time of the next. */
#include "shell/shell_int.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* -- Attempts --------------------------------------------------------------------------------- */

/* The socket of a failed attempt cannot be used again. */
static void fail_attempt(struct rk_channel *ch, const char *why)
{
    if (ch->next_addr == ch->addrs.count) {
        ch->shell->stats.peer_dials_failed++;
        rk_channel_end(ch, why);
        return;
    }
    rk_channel_log(ch, "dialing the next of %u addresses: %s", (unsigned)ch->addrs.count, why);
    ch->state = RK_CHAN_RETRYING;
    ch->deadline_ms = INT64_MAX;
    rk_channel_close_socket(ch);
}

/* Dialing a port of our own that nobody listens on can connect a socket to itself, if the kernel
 * happens to choose that very port for our side. It would keep the port from its owner. */
static bool is_self(const struct rk_channel *ch)
{
    struct sockaddr_storage ours;
    struct sockaddr_storage theirs;
    int ours_len = sizeof(ours);
    int theirs_len = sizeof(theirs);
    memset(&ours, 0, sizeof(ours));
    memset(&theirs, 0, sizeof(theirs));
    if (uv_tcp_getsockname(&ch->tcp, (struct sockaddr *)&ours, &ours_len) != 0 ||
        uv_tcp_getpeername(&ch->tcp, (struct sockaddr *)&theirs, &theirs_len) != 0) {
        return false;
    }
    struct rk_addr a = rk_addr_of(&ours);
    struct rk_addr b = rk_addr_of(&theirs);
    return a.port == b.port && memcmp(a.ip, b.ip, sizeof(a.ip)) == 0;
}

static void on_connect(uv_connect_t *req, int status)
{
    struct rk_channel *ch = RK_CONTAINER_OF(req, struct rk_channel, connect);
    struct rk_shell *s = ch->shell;
    RK_ASSERT(ch->magic == RK_CHAN_MAGIC);
    if (ch->state != RK_CHAN_CONNECTING) {
        return; /* cancelled by uv_close */
    }
    if (status != 0 || is_self(ch)) {
        fail_attempt(ch, status != 0 ? uv_strerror(status) : "connection refused");
        return;
    }
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_CHAN_CONNECTED, 0);
    event.u.chan.chan = ch->id;
    event.u.chan.port = ch->port;
    rk_turn_step(s, &event);
    rk_channel_opened(ch);
}

void rk_channel_dial_next(struct rk_channel *ch)
{
    int64_t now_ms = rk_channel_clock_ms();
    int64_t left_ms = ch->dial_end_ms - now_ms;
    RK_ASSERT(ch->next_addr < ch->addrs.count);
    if (left_ms <= 0) {
        ch->next_addr = ch->addrs.count;
        fail_attempt(ch, "timed out");
        return;
    }
    struct sockaddr_storage *to = &ch->addrs.items[ch->next_addr];
    ch->deadline_ms = now_ms + left_ms / (int64_t)(ch->addrs.count - ch->next_addr);
    ch->next_addr++;
    ch->state = RK_CHAN_CONNECTING;
    if (to->ss_family == AF_INET) {
        ((struct sockaddr_in *)to)->sin_port = htons(ch->number);
    } else {
        ((struct sockaddr_in6 *)to)->sin6_port = htons(ch->number);
    }
    ch->addr = rk_addr_of(to);
    rk_channel_need_timer(ch->shell, ch->deadline_ms);
    int err = uv_tcp_connect(&ch->connect, &ch->tcp, (const struct sockaddr *)to, on_connect);
    if (err != 0) {
        fail_attempt(ch, uv_strerror(err));
    }
}

void rk_channel_dial_late(struct rk_channel *ch)
{
    char why[RK_CHAN_WHY_MAX];
    if (ch->state == RK_CHAN_RESOLVING) {
        (void)snprintf(why, sizeof(why), "cannot resolve host %.100s: timed out", ch->host);
        fail_attempt(ch, why);
    } else {
        RK_ASSERT(ch->state == RK_CHAN_CONNECTING);
        fail_attempt(ch, "timed out");
    }
}

/* -- Names ------------------------------------------------------------------------------------ */

static void unresolved(struct rk_channel *ch, const char *detail)
{
    char why[RK_CHAN_WHY_MAX];
    (void)snprintf(why, sizeof(why), "cannot resolve host %.100s: %s", ch->host, detail);
    fail_attempt(ch, why);
}

static void resolved(struct rk_channel *ch, int error, const struct rk_addrs *addrs)
{
    if (error != 0 || addrs->count == 0) {
        unresolved(ch, error != 0 ? gai_strerror(error) : "no address");
        return;
    }
    ch->addrs = *addrs;
    rk_channel_dial_next(ch);
}

void rk_channel_on_lookup_news(struct rk_shell *s)
{
    char host[RK_LOOKUP_HOST_MAX];
    struct rk_addrs addrs;
    int error;
    while (rk_resolver_take(s->resolver, host, &error, &addrs)) {
        struct rk_link *it;
        struct rk_link *next;
        RK_LIST_EACH(it, next, &s->chans)
        {
            struct rk_channel *ch = RK_CONTAINER_OF(it, struct rk_channel, link);
            if (ch->state == RK_CHAN_RESOLVING && strcmp(ch->host, host) == 0) {
                resolved(ch, error, &addrs);
            }
        }
    }
}

static void resolve(struct rk_channel *ch)
{
    ch->state = RK_CHAN_RESOLVING;
    ch->deadline_ms = ch->dial_end_ms;
    rk_channel_need_timer(ch->shell, ch->deadline_ms);
    enum rk_err err = rk_resolver_begin(ch->shell->resolver, ch->host);
    if (err != RK_OK) {
        unresolved(ch, err == RK_ERR_BUSY ? "too many lookups are under way" : "out of memory");
    }
}

/* Without the brackets around an IPv6 address. False: no host can be called that. */
static bool take_host(struct rk_channel *ch, struct rk_bytes host)
{
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = rk_bytes_of(host.data + 1, host.len - 2);
    }
    if (host.len == 0 || host.len >= sizeof(ch->host) ||
        memchr(host.data, '\0', host.len) != NULL) {
        return false;
    }
    memcpy(ch->host, host.data, host.len);
    return true;
}

void rk_channel_dial(struct rk_shell *s, const struct rk_effect *fx)
{
    rk_chan_id id = fx->u.chan.chan;
    RK_ASSERT((id & RK_CHAN_DIALED) != 0);
    RK_ASSERT(rk_map_find(&s->chans_by_id, id) == NULL);
    if (s->is_ending) {
        return;
    }
    struct rk_channel *ch = rk_channel_add(s, id, fx->u.chan.port);
    ch->is_known = true;
    ch->number = fx->u.chan.number;
    ch->dial_end_ms =
        rk_channel_clock_ms() + (fx->u.chan.timeout_ms > 0 ? fx->u.chan.timeout_ms : 1);
    s->stats.peer_dials++;
    if (!take_host(ch, rk_effects_bytes(&s->fx, fx))) {
        unresolved(ch, "not a host name");
    } else if (rk_addr_parse(ch->host, &ch->addrs.items[0])) {
        ch->addrs.count = 1;
        rk_channel_dial_next(ch);
    } else {
        resolve(ch);
    }
}
