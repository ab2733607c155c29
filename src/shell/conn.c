/* The life of a connection: open, closing, flushing, lingering, dead. Guarantees that the core
 * hears of the end of every connection it heard of exactly once, that nobody stays without a
 * session for longer than the configured time however slowly they talk, and that an answer sent
 * just before our FIN is not lost to a reset: we wait a moment for the peer's FIN and throw away
 * what it still sends. */
#include "shell/shell_int.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS 1000
#define CHORES_MS 250

struct rk_ip_count {
    struct rk_map_entry by_ip; /* first, as rk_bytemap wants it */
    uint8_t ip[16];
    uint32_t count;
};

/* -- Finding and counting --------------------------------------------------------------------- */

struct rk_conn *rk_conn_find(const struct rk_shell *s, rk_conn_id id)
{
    uint32_t slot = (uint32_t)id;
    if (slot == 0 || slot >= s->conns.high) {
        return NULL;
    }
    struct rk_conn *c = rk_slab_at(&s->conns, slot);
    bool is_here = c->id == id && (c->state == RK_CONN_OPEN || c->state == RK_CONN_CLOSING);
    return is_here ? c : NULL;
}

static struct rk_ip_count *ip_of(struct rk_shell *s, const struct rk_addr *addr)
{
    struct rk_map_entry *entry = rk_bytemap_find(&s->ips, rk_bytes_of(addr->ip, sizeof(addr->ip)));
    return entry == NULL ? NULL : RK_CONTAINER_OF(entry, struct rk_ip_count, by_ip);
}

static struct rk_ip_count *count_ip(struct rk_shell *s, const struct rk_addr *addr)
{
    struct rk_ip_count *ip = ip_of(s, addr);
    if (ip == NULL) {
        ip = rk_mem_must_zalloc(s->parts.mem, sizeof(*ip));
        memcpy(ip->ip, addr->ip, sizeof(ip->ip));
        rk_bytemap_insert(&s->ips, &ip->by_ip);
    }
    ip->count++;
    return ip;
}

static void uncount_ip(struct rk_conn *c)
{
    struct rk_ip_count *ip = c->ip;
    if (ip == NULL) {
        return;
    }
    c->ip = NULL;
    RK_ASSERT(ip->count > 0);
    ip->count--;
    if (ip->count == 0) {
        rk_bytemap_remove(&c->shell->ips, &ip->by_ip);
        rk_mem_free(c->shell->parts.mem, ip, sizeof(*ip));
    }
}

struct rk_bytes rk_conn_ip_key(const struct rk_map_entry *entry)
{
    const struct rk_ip_count *ip = RK_CONTAINER_OF(entry, const struct rk_ip_count, by_ip);
    return rk_bytes_of(ip->ip, sizeof(ip->ip));
}

/* -- Lines ------------------------------------------------------------------------------------ */

bool rk_shell_may_log(struct rk_shell *s, enum rk_limit limit, char ret_more[48])
{
    uint64_t suppressed = 0;
    ret_more[0] = '\0';
    if (!rk_log_limit_pass(&s->limits[limit], (int64_t)uv_now(&s->loop), &suppressed)) {
        return false;
    }
    if (suppressed > 0) {
        (void)snprintf(ret_more, 48, " suppressed=%llu", (unsigned long long)suppressed);
    }
    return true;
}

void rk_conn_log(struct rk_conn *c, enum rk_limit limit, enum rk_log_level level,
                 const char *format, ...)
{
    struct rk_shell *s = c->shell;
    char more[48];
    if (!rk_log_is_on(s->parts.log, level) || !rk_shell_may_log(s, limit, more)) {
        return;
    }
    char text[RK_LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut is fine */
    va_end(args);
    char addr[RK_ADDR_TEXT_MAX];
    (void)rk_addr_text(&c->addr, addr); /* its length is not needed */
    rk_log_write(s->parts.log, level, "[conn 0x%llx %s] %s%s", (unsigned long long)c->id, addr,
                 text, more);
}

/* -- Opening ---------------------------------------------------------------------------------- */

/* Resets the peer: it sees at once that nobody is going to answer. ZK: maxClientCnxns does the
 * same. */
static void refuse(int fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
                     sizeof(reset)); /* then it is a plain close */
    (void)close(fd);                 /* nothing was written */
}

static bool has_room(struct rk_shell *s, const struct rk_addr *addr)
{
    const struct rk_shell_config *config = &s->config;
    const struct rk_ip_count *ip = ip_of(s, addr);
    char host[RK_ADDR_TEXT_MAX];
    char more[48];
    const char *what = NULL;
    uint32_t max = 0;
    if (config->client_conn_max > 0 && ip != NULL && ip->count >= config->client_conn_max) {
        s->stats.refused_client_max++;
        what = "too many connections from this address (maxClientCnxns)";
        max = config->client_conn_max;
    } else if (config->total_conn_max > 0 && s->stats.conn_count >= config->total_conn_max) {
        s->stats.refused_total_max++;
        what = "too many connections (maxCnxns)";
        max = config->total_conn_max;
    } else if (s->conns.live >= s->conns.max) {
        s->stats.refused_total_max++;
        what = "no connection slot left (limit of open files)";
        max = s->conns.max;
    }
    if (what == NULL) {
        return true;
    }
    rk_core_metrics(s->parts.core)->connection_rejected++;
    if (rk_shell_may_log(s, RK_LIMIT_REFUSED, more)) {
        (void)rk_addr_text(addr, host); /* its length is not needed */
        rk_log_write(s->parts.log, RK_LEVEL_WARN, "connection refused: %s client=%s max=%u%s", what,
                     host, (unsigned)max, more);
    }
    return false;
}

static void on_closed(uv_handle_t *handle)
{
    struct rk_conn *c = RK_CONTAINER_OF((uv_tcp_t *)handle, struct rk_conn, tcp);
    struct rk_shell *s = c->shell;
    RK_ASSERT(c->magic == RK_CONN_MAGIC);
    RK_ASSERT(c->state == RK_CONN_DEAD);
    RK_ASSERT(!c->is_writing && c->gone_link.next == &c->gone_link);
    RK_ASSERT(c->out_bytes == 0 && c->in == NULL && c->ip == NULL);
    uint32_t slot = (uint32_t)c->id;
    c->magic = 0;
    c->state = RK_CONN_FREE;
    c->id = 0;
    rk_slab_give(&s->conns, slot);
}

static struct rk_conn *new_conn(struct rk_shell *s, const struct rk_addr *addr)
{
    uint32_t slot = rk_slab_take(&s->conns);
    RK_ASSERT(slot != 0); /* has_room looked */
    struct rk_conn *c = rk_slab_at(&s->conns, slot);
    s->last_generation++;
    s->last_generation += s->last_generation == 0 ? 1 : 0;
    c->magic = RK_CONN_MAGIC;
    c->state = RK_CONN_DEAD; /* until the socket is a handle */
    c->id = (uint64_t)s->last_generation << 32 | slot;
    c->shell = s;
    c->addr = *addr;
    c->next_turn = s->turn;
    c->round = s->round - 1;
    rk_list_init(&c->phase_link);
    rk_list_init(&c->stall_link);
    rk_list_init(&c->dirty_link);
    rk_list_init(&c->backlog_link);
    rk_list_init(&c->gone_link);
    return c;
}

static void set_options(struct rk_shell *s, int fd)
{
    int on = 1;
    /* Neither is worth refusing a client for. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (s->config.tcp_keepalive) {
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
}

void rk_conn_open(struct rk_shell *s, int take_fd, const struct rk_addr *addr)
{
    if (!has_room(s, addr)) {
        refuse(take_fd);
        return;
    }
    set_options(s, take_fd);
    struct rk_conn *c = new_conn(s, addr);
    int err = uv_tcp_init(&s->loop, &c->tcp);
    RK_ASSERT(err == 0); /* allocates nothing */
    err = uv_tcp_open(&c->tcp, take_fd);
    if (err != 0) {
        (void)close(take_fd); /* nothing was written */
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        return;
    }
    rk_turn_begin(s);
    c->state = RK_CONN_OPEN;
    c->ip = count_ip(s, addr);
    c->phase_ms = s->now_ms;
    rk_list_push(&s->sessionless, &c->phase_link);
    rk_conn_need_chores(s);
    s->stats.accepted++;
    s->stats.conn_count++;
    if (s->stats.conn_peak < s->stats.conn_count) {
        s->stats.conn_peak = s->stats.conn_count;
    }
    char host[RK_ADDR_TEXT_MAX];
    struct rk_event event = rk_turn_event(s, RK_EV_CONN_OPEN, c->id);
    event.u.open.address = rk_bytes_of(host, rk_addr_host_text(addr, host));
    rk_turn_step(s, &event);
    rk_conn_log(c, RK_LIMIT_TRAFFIC, RK_LEVEL_DEBUG, "connection opened");
    rk_conn_start_reading(c);
}

void rk_conn_start_reading(struct rk_conn *c)
{
    if (c->is_reading || c->is_eof) {
        return;
    }
    c->is_reading = true;
    if (uv_read_start((uv_stream_t *)&c->tcp, rk_input_alloc, rk_input_read) != 0) {
        rk_conn_kill(c, false);
    }
}

/* -- Holding ---------------------------------------------------------------------------------- */

void rk_conn_hold(struct rk_conn *c, enum rk_conn_hold hold)
{
    c->holds |= (uint8_t)hold;
    if (c->holds != RK_HOLD_BACKLOG) {
        rk_list_unlink(&c->backlog_link);
    }
}

void rk_conn_release(struct rk_conn *c, enum rk_conn_hold hold)
{
    if ((c->holds & hold) == 0) {
        return;
    }
    c->holds &= (uint8_t)~hold;
    if (c->state != RK_CONN_OPEN) {
        return;
    }
    if (c->holds == RK_HOLD_BACKLOG) {
        rk_list_push(&c->shell->backlog, &c->backlog_link);
    } else if (c->holds == 0 && c->is_eof) {
        rk_conn_close(c);
    } else if (c->holds == 0) {
        rk_conn_start_reading(c);
    }
}

/* -- Closing ---------------------------------------------------------------------------------- */

/* The core hears of it in rk_turn_settle, after the effects of what was taken from c before. */
static void leave(struct rk_conn *c, const char *how)
{
    struct rk_shell *s = c->shell;
    RK_ASSERT(c->state == RK_CONN_OPEN);
    rk_conn_log(c, RK_LIMIT_TRAFFIC, RK_LEVEL_DEBUG, "connection %s", how);
    RK_ASSERT(s->stats.conn_count > 0);
    s->stats.conn_count--;
    rk_list_push(&s->gone, &c->gone_link);
    rk_input_free(c);
    rk_list_unlink(&c->backlog_link);
    rk_list_unlink(&c->phase_link);
    c->holds = 0;
}

void rk_conn_kill(struct rk_conn *c, bool must_reset)
{
    struct rk_shell *s = c->shell;
    if (c->state == RK_CONN_DEAD) {
        return;
    }
    if (c->state == RK_CONN_OPEN) {
        leave(c, must_reset ? "dropped" : "lost");
    } else {
        s->stats.closing_count--;
    }
    c->state = RK_CONN_DEAD;
    rk_list_unlink(&c->phase_link);
    rk_list_unlink(&c->dirty_link);
    c->is_dirty = false;
    uncount_ip(c);
    if (c->out_first != NULL) {
        rk_list_unlink(&c->stall_link);
        s->stats.stalled_count--;
        rk_output_free(c);
    }
    if (must_reset && uv_tcp_close_reset(&c->tcp, on_closed) == 0) {
        return;
    }
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void rk_conn_close(struct rk_conn *c)
{
    if (c->state == RK_CONN_OPEN) {
        leave(c, c->is_eof ? "closed by its client" : "closed");
        c->state = RK_CONN_CLOSING;
        c->shell->stats.closing_count++;
    }
}

void rk_conn_told(struct rk_conn *c)
{
    RK_ASSERT(c->state == RK_CONN_CLOSING || c->state == RK_CONN_DEAD);
    RK_ASSERT(!c->is_dirty);
    if (c->state == RK_CONN_CLOSING) {
        /* Before the client can see our FIN: it may come back at once. */
        uncount_ip(c);
        c->state = RK_CONN_FLUSHING;
        if (c->out_first == NULL) {
            rk_conn_flushed(c);
        }
    }
}

void rk_conn_flushed(struct rk_conn *c)
{
    struct rk_shell *s = c->shell;
    uv_os_fd_t fd;
    RK_ASSERT(c->state == RK_CONN_FLUSHING && c->out_first == NULL);
    if (c->is_eof || s->stop_phase >= RK_STOP_FLUSHING ||
        uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        rk_conn_kill(c, false);
        return;
    }
    c->state = RK_CONN_LINGERING;
    c->holds = 0;
    c->phase_ms = rk_turn_clock_ms(s);
    rk_list_push(&s->lingering, &c->phase_link);
    rk_conn_need_chores(s);
    rk_conn_start_reading(c);
}

/* -- Deadlines -------------------------------------------------------------------------------- */

static void on_chores(uv_timer_t *timer)
{
    struct rk_shell *s = timer->data;
    rk_turn_begin(s);
    rk_conn_chores(s);
    rk_turn_settle(s);
}

void rk_conn_need_chores(struct rk_shell *s)
{
    if (uv_is_active((uv_handle_t *)&s->chores) == 0) {
        int err = uv_timer_start(&s->chores, on_chores, CHORES_MS, CHORES_MS);
        RK_ASSERT(err == 0);
    }
}

/* Both lists are in order of phase_ms, because each has one timeout. */
static void end_phases(struct rk_shell *s, int64_t now_ms)
{
    struct rk_link *it;
    while ((it = rk_list_first(&s->sessionless)) != NULL) {
        struct rk_conn *c = RK_CONTAINER_OF(it, struct rk_conn, phase_link);
        if (now_ms - c->phase_ms < s->config.sessionless_timeout_ms) {
            break;
        }
        s->stats.sessionless_expired++;
        rk_conn_log(c, RK_LIMIT_SESSIONLESS, RK_LEVEL_WARN,
                    "no session after %lld ms, connection closed",
                    (long long)s->config.sessionless_timeout_ms);
        rk_conn_close(c);
    }
    while ((it = rk_list_first(&s->lingering)) != NULL) {
        struct rk_conn *c = RK_CONTAINER_OF(it, struct rk_conn, phase_link);
        if (now_ms - c->phase_ms < LINGER_MS) {
            break;
        }
        rk_conn_kill(c, false);
    }
}

void rk_conn_chores(struct rk_shell *s)
{
    end_phases(s, s->now_ms);
    struct rk_link *it;
    struct rk_link *next;
    RK_LIST_EACH(it, next, &s->stalled)
    {
        rk_output_look_for_progress(RK_CONTAINER_OF(it, struct rk_conn, stall_link));
    }
    if (rk_list_empty(&s->sessionless) && rk_list_empty(&s->lingering) &&
        rk_list_empty(&s->stalled)) {
        (void)uv_timer_stop(&s->chores); /* always 0 */
    }
}
