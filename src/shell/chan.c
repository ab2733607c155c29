/* The life of a channel: accepted or dialed, open, flushing, gone. Guarantees that the core hears
 * RK_EV_CHAN_CLOSED exactly once for every id it knows, as the last event of it and never from
 * within a step: it comes from libuv's close callback, when the descriptor is given back. */
#include "shell/shell_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_MS       1000 /* for what was sent before RK_FX_CHAN_CLOSE */
#define TURN_READS_MAX 4u   /* of 64 KiB, of one channel in a turn */
#define MAP_SEED       UINT64_C(0x6368616e6e656c73)

static void on_closed(uv_handle_t *handle);

/* -- All of them ------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer);

static void on_lookup_news(uv_async_t *async)
{
    rk_channel_on_lookup_news(async->data);
}

bool rk_channel_init_all(struct rk_shell *s)
{
    int err = uv_timer_init(&s->loop, &s->chan_timer);
    err |= uv_async_init(&s->loop, &s->lookup_news, on_lookup_news);
    RK_ASSERT(err == 0); /* there are descriptors at the very start */
    s->chan_timer.data = s;
    s->lookup_news.data = s;
    s->chan_due_ms = INT64_MAX;
    rk_list_init(&s->chans);
    rk_list_init(&s->chans_dirty);
    rk_list_init(&s->chans_flushed);
    rk_map_init(&s->chans_by_id, s->parts.mem, MAP_SEED ^ uv_hrtime());
    s->resolver = rk_resolver_create(&s->lookup_news, s->parts.lookup);
    return s->resolver != NULL;
}

void rk_channel_kill_all(struct rk_shell *s)
{
    struct rk_link *it;
    struct rk_link *next;
    s->is_ending = true;
    rk_resolver_destroy(s->resolver);
    s->resolver = NULL;
    uv_close((uv_handle_t *)&s->lookup_news, NULL);
    uv_close((uv_handle_t *)&s->chan_timer, NULL);
    RK_LIST_EACH(it, next, &s->chans)
    {
        rk_channel_end(RK_CONTAINER_OF(it, struct rk_channel, link), "the server ends");
    }
}

void rk_channel_deinit_all(struct rk_shell *s)
{
    RK_ASSERT(rk_list_empty(&s->chans) && s->chan_count == 0);
    RK_ASSERT(s->stats.peer_queue_bytes == 0);
    rk_map_deinit(&s->chans_by_id);
}

void rk_channel_close_all(struct rk_shell *s)
{
    struct rk_link *it;
    struct rk_link *next;
    RK_LIST_EACH(it, next, &s->chans)
    {
        rk_channel_close(RK_CONTAINER_OF(it, struct rk_channel, link));
    }
}

static struct rk_channel *chan_of(void *handle)
{
    struct rk_channel *ch = RK_CONTAINER_OF((uv_tcp_t *)handle, struct rk_channel, tcp);
    RK_ASSERT(ch->magic == RK_CHAN_MAGIC);
    return ch;
}

struct rk_channel *rk_channel_find(const struct rk_shell *s, rk_chan_id id)
{
    struct rk_map_entry *entry = rk_map_find(&s->chans_by_id, id);
    if (entry == NULL) {
        return NULL;
    }
    struct rk_channel *ch = RK_CONTAINER_OF(entry, struct rk_channel, by_id);
    return ch->state <= RK_CHAN_OPEN ? ch : NULL;
}

void rk_channel_log(struct rk_channel *ch, const char *format, ...)
{
    struct rk_shell *s = ch->shell;
    if (!rk_log_is_on(s->parts.log, RK_LEVEL_DEBUG)) {
        return;
    }
    char text[RK_LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut is fine */
    va_end(args);
    bool is_dialed = (ch->id & RK_CHAN_DIALED) != 0;
    char from[RK_ADDR_TEXT_MAX];
    (void)rk_addr_text(&ch->addr, from); /* its length is not needed */
    rk_log_write(s->parts.log, RK_LEVEL_DEBUG, "[chan %s%llu %s %s] %s", is_dialed ? "out" : "in",
                 (unsigned long long)(ch->id & ~RK_CHAN_DIALED),
                 ch->port == RK_PORT_ELECTION ? "election" : "quorum", is_dialed ? ch->host : from,
                 text);
}

/* -- Opening ---------------------------------------------------------------------------------- */

struct rk_channel *rk_channel_add(struct rk_shell *s, rk_chan_id id, enum rk_chan_port port)
{
    struct rk_channel *ch = rk_mem_must_zalloc(s->parts.mem, sizeof(*ch));
    ch->magic = RK_CHAN_MAGIC;
    ch->id = id;
    ch->port = port;
    ch->shell = s;
    ch->deadline_ms = INT64_MAX;
    rk_list_init(&ch->dirty_link);
    rk_list_init(&ch->flushed_link);
    rk_map_insert(&s->chans_by_id, &ch->by_id, id);
    rk_list_push(&s->chans, &ch->link);
    s->chan_count++;
    int err = uv_tcp_init(&s->loop, &ch->tcp);
    RK_ASSERT(err == 0); /* allocates nothing */
    return ch;
}

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf);
static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

static void start_reading(struct rk_channel *ch)
{
    if (ch->is_reading) {
        return;
    }
    ch->is_reading = true;
    if (uv_read_start((uv_stream_t *)&ch->tcp, alloc, on_read) != 0) {
        rk_channel_end(ch, "cannot be read from");
    }
}

static void stop_reading(struct rk_channel *ch)
{
    (void)uv_read_stop((uv_stream_t *)&ch->tcp); /* always 0 */
    ch->is_reading = false;
}

void rk_channel_opened(struct rk_channel *ch)
{
    struct rk_shell *s = ch->shell;
    uv_os_fd_t fd;
    int on = 1;
    ch->state = RK_CHAN_OPEN;
    ch->deadline_ms = INT64_MAX;
    ch->read_turn = s->turn - 1;
    (void)uv_tcp_nodelay(&ch->tcp, 1); /* neither is worth a channel */
    if (s->config.peer_tcp_keepalive && uv_fileno((uv_handle_t *)&ch->tcp, &fd) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    rk_channel_log(ch, "channel open");
    start_reading(ch);
}

/* Resets, so that the other end knows at once. */
static void refuse(struct rk_shell *s, enum rk_chan_port port, int fd, const struct rk_addr *addr)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)); /* else a plain close */
    (void)close(fd);                                                    /* nothing was written */
    s->stats.peer_refused++;
    char more[48];
    if (rk_shell_may_log(s, RK_LIMIT_PEERS, more)) {
        char from[RK_ADDR_TEXT_MAX];
        (void)rk_addr_text(addr, from); /* its length is not needed */
        rk_log_write(s->parts.log, RK_LEVEL_WARN,
                     "too many channels on the %s port (rookery.peer.accepted), refused from=%s "
                     "max=%u%s",
                     port == RK_PORT_ELECTION ? "election" : "quorum", from,
                     (unsigned)s->config.peer_accepted_max, more);
    }
}

void rk_channel_accept(struct rk_shell *s, enum rk_chan_port port, int take_fd,
                       const struct rk_addr *addr)
{
    if (s->chans_accepted[port] >= s->config.peer_accepted_max) {
        refuse(s, port, take_fd, addr);
        return;
    }
    rk_turn_begin(s);
    s->last_accepted++;
    RK_ASSERT((s->last_accepted & RK_CHAN_DIALED) == 0);
    struct rk_channel *ch = rk_channel_add(s, s->last_accepted, port);
    ch->addr = *addr;
    s->chans_accepted[port]++;
    s->stats.peer_accepted++;
    if (uv_tcp_open(&ch->tcp, take_fd) != 0) {
        (void)close(take_fd); /* nothing was written */
        rk_channel_end(ch, "not a socket");
        return;
    }
    char host[RK_ADDR_TEXT_MAX];
    struct rk_event event = rk_turn_event(s, RK_EV_CHAN_ACCEPTED, 0);
    event.u.chan.chan = ch->id;
    event.u.chan.port = port;
    event.u.chan.bytes = rk_bytes_of(host, rk_addr_host_text(addr, host));
    ch->is_known = true;
    rk_turn_step(s, &event);
    rk_channel_opened(ch);
}

/* -- Reading ---------------------------------------------------------------------------------- */

/* What the core has asked for in this turn and is not carried out yet: no byte comes after
 * RK_FX_CHAN_PAUSE. */
static void look_ahead(struct rk_shell *s)
{
    for (; s->fx_seen < s->fx.count; s->fx_seen++) {
        const struct rk_effect *fx = &s->fx.items[s->fx_seen];
        if (fx->kind == RK_FX_CHAN_PAUSE || fx->kind == RK_FX_CHAN_RESUME ||
            fx->kind == RK_FX_CHAN_CLOSE) {
            struct rk_channel *ch = rk_channel_find(s, fx->u.chan.chan);
            if (ch != NULL) {
                ch->is_paused = fx->kind != RK_FX_CHAN_RESUME;
            }
        }
    }
}

/* Giving no buffer makes libuv call on_read with UV_ENOBUFS and come back in the next turn. */
static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested; /* always 64 KiB, as ours */
    struct rk_channel *ch = chan_of(handle);
    struct rk_shell *s = ch->shell;
    look_ahead(s);
    if (ch->read_turn != s->turn) {
        ch->read_turn = s->turn;
        ch->reads = 0;
    }
    if (ch->is_paused || ch->reads == TURN_READS_MAX) {
        *ret_buf = uv_buf_init(NULL, 0);
        return;
    }
    ch->reads++;
    *ret_buf = uv_buf_init((char *)s->read_buf, RK_READ_BYTES);
}

static void end_of_input(struct rk_channel *ch, ssize_t nread)
{
    stop_reading(ch);
    if (nread != UV_EOF) {
        rk_channel_end(ch, uv_strerror((int)nread));
    } else if (ch->state != RK_CHAN_FLUSHING) {
        rk_channel_end(ch, "closed by the other side");
    }
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
    struct rk_channel *ch = chan_of(stream);
    struct rk_shell *s = ch->shell;
    RK_ASSERT(ch->state >= RK_CHAN_OPEN && ch->state < RK_CHAN_ENDING);
    if (nread == UV_ENOBUFS) {
        if (ch->is_paused) {
            stop_reading(ch);
        }
        return;
    }
    if (nread < 0) {
        end_of_input(ch, nread);
        return;
    }
    s->stats.peer_bytes_read += (uint64_t)nread;
    if (nread == 0) {
        return;
    }
    if (ch->state != RK_CHAN_OPEN) {
        return; /* thrown away */
    }
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_CHAN_BYTES, 0);
    event.u.chan.chan = ch->id;
    event.u.chan.port = ch->port;
    event.u.chan.bytes = rk_bytes_of(buf->base, (size_t)nread);
    rk_turn_step(s, &event);
    rk_turn_relieve(s);
}

void rk_channel_set_paused(struct rk_channel *ch, bool is_paused)
{
    ch->is_paused = is_paused;
    if (!is_paused && ch->state == RK_CHAN_OPEN) {
        start_reading(ch);
    }
}

/* -- Ending ----------------------------------------------------------------------------------- */

/* The descriptor is given back: nothing can come any more. */
static void finish(struct rk_channel *ch)
{
    struct rk_shell *s = ch->shell;
    bool must_tell = ch->is_known && !s->is_ending;
    RK_ASSERT(!ch->is_writing && ch->out_first == NULL && !ch->is_dirty);
    struct rk_map_entry *entry = rk_map_remove(&s->chans_by_id, ch->id);
    RK_ASSERT(entry == &ch->by_id);
    rk_list_unlink(&ch->link);
    s->chan_count--;
    if ((ch->id & RK_CHAN_DIALED) == 0) {
        s->chans_accepted[ch->port]--;
    }
    if (must_tell) {
        rk_turn_begin(s);
        struct rk_event event = rk_turn_event(s, RK_EV_CHAN_CLOSED, 0);
        event.u.chan.chan = ch->id;
        event.u.chan.port = ch->port;
        event.u.chan.bytes = rk_bytes_str(ch->why);
        rk_turn_step(s, &event);
    }
    ch->magic = 0;
    rk_mem_free(s->parts.mem, ch, sizeof(*ch));
    if (must_tell || s->stop_phase == RK_STOP_FLUSHING) {
        rk_turn_settle(s);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct rk_channel *ch = chan_of(handle);
    if (ch->state == RK_CHAN_RETRYING) {
        int err = uv_tcp_init(&ch->shell->loop, &ch->tcp);
        RK_ASSERT(err == 0); /* allocates nothing */
        rk_channel_dial_next(ch);
    } else {
        RK_ASSERT(ch->state == RK_CHAN_ENDING);
        finish(ch);
    }
}

void rk_channel_close_socket(struct rk_channel *ch)
{
    uv_close((uv_handle_t *)&ch->tcp, on_closed);
}

void rk_channel_end(struct rk_channel *ch, const char *why)
{
    enum rk_channel_state was = ch->state;
    if (was == RK_CHAN_ENDING) {
        return;
    }
    if (why != ch->why) {
        (void)snprintf(ch->why, sizeof(ch->why), "%s", why); /* cut is fine */
    }
    rk_channel_log(ch, "channel ends: %s", ch->why);
    ch->state = RK_CHAN_ENDING;
    ch->deadline_ms = INT64_MAX;
    rk_list_unlink(&ch->dirty_link);
    rk_list_unlink(&ch->flushed_link);
    ch->is_dirty = false;
    rk_channel_free_output(ch);
    if (was != RK_CHAN_RETRYING) {
        rk_channel_close_socket(ch);
    }
}

void rk_channel_close(struct rk_channel *ch)
{
    struct rk_shell *s = ch->shell;
    if (ch->state < RK_CHAN_OPEN) {
        rk_channel_end(ch, "given up");
    }
    if (ch->state != RK_CHAN_OPEN) {
        return;
    }
    ch->state = RK_CHAN_FLUSHING;
    ch->deadline_ms = rk_channel_clock_ms() + FLUSH_MS;
    rk_channel_need_timer(s, ch->deadline_ms);
    rk_list_unlink(&ch->flushed_link);
    ch->is_paused = false; /* what comes is thrown away */
    start_reading(ch);
    if (ch->state == RK_CHAN_FLUSHING && ch->out_first == NULL && !ch->is_dirty) {
        rk_channel_drained(ch);
    }
}

/* Closing a socket with unread input would make the kernel send a reset, and that makes the other
 * kernel throw away what was sent last. So its FIN is waited for, if anything was sent. */
void rk_channel_drained(struct rk_channel *ch)
{
    uv_os_fd_t fd;
    RK_ASSERT(ch->state == RK_CHAN_FLUSHING && ch->out_first == NULL);
    if (ch->out_sent == 0 || uv_fileno((uv_handle_t *)&ch->tcp, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0) {
        rk_channel_end(ch, "closed");
        return;
    }
    ch->state = RK_CHAN_LINGERING;
    start_reading(ch);
}

/* -- Deadlines -------------------------------------------------------------------------------- */

int64_t rk_channel_clock_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

void rk_channel_need_timer(struct rk_shell *s, int64_t at_ms)
{
    if (at_ms >= s->chan_due_ms) {
        return;
    }
    int64_t wait_ms = at_ms - (int64_t)uv_now(&s->loop);
    s->chan_due_ms = at_ms;
    int err = uv_timer_start(&s->chan_timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
    RK_ASSERT(err == 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct rk_shell *s = timer->data;
    int64_t now_ms = (int64_t)uv_now(&s->loop);
    struct rk_link *it;
    struct rk_link *next;
    s->chan_due_ms = INT64_MAX;
    RK_LIST_EACH(it, next, &s->chans)
    {
        struct rk_channel *ch = RK_CONTAINER_OF(it, struct rk_channel, link);
        if (ch->deadline_ms > now_ms) {
            continue;
        }
        if (ch->state < RK_CHAN_OPEN) {
            rk_channel_dial_late(ch);
        } else {
            rk_channel_end(ch, "closed");
        }
    }
    RK_LIST_EACH(it, next, &s->chans)
    {
        rk_channel_need_timer(s, RK_CONTAINER_OF(it, struct rk_channel, link)->deadline_ms);
    }
}

/* -- Effects ---------------------------------------------------------------------------------- */

void rk_channel_run_effect(struct rk_shell *s, const struct rk_effect *fx)
{
    if (fx->kind == RK_FX_CHAN_DIAL) {
        rk_channel_dial(s, fx);
        return;
    }
    struct rk_channel *ch = rk_channel_find(s, fx->u.chan.chan);
    if (ch == NULL) {
        return; /* it ended before the core heard of that */
    }
    if (fx->kind == RK_FX_CHAN_CLOSE) {
        rk_channel_close(ch);
        return;
    }
    RK_ASSERT(ch->state == RK_CHAN_OPEN);
    if (fx->kind == RK_FX_CHAN_MARK) {
        rk_channel_mark(ch);
    } else {
        RK_ASSERT(fx->kind == RK_FX_CHAN_PAUSE || fx->kind == RK_FX_CHAN_RESUME);
        rk_channel_set_paused(ch, fx->kind == RK_FX_CHAN_PAUSE);
    }
}
