/* One epoll loop for all the sessions. A wake of a connection is one read, the frames in it, and
 * one write of whatever these made the load send, so that the generator costs little beside the
 * server. Guarantees that a reply is taken only for the oldest open request with its xid, and that
 * zxids do not go back within a session; a connection that breaks either is cut and counted. */
#include "net.h"

#include "base/assert.h"
#include "proto/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCRATCH_BYTES  ((size_t)4 << 20) /* longest reply: a list of 100,000 children */
#define READ_BYTES     ((size_t)256 << 10)
#define OUT_MAX        ((size_t)1 << 30)
#define EVENTS_MAX     256
#define CONNECTING_MAX 32u /* Apache's accept queue holds 50 */
#define OPEN_NS        UINT64_C(30000000000)
#define CLOSE_NS       UINT64_C(2000000000)
#define SECOND_NS      UINT64_C(1000000000)
#define XID_EVENT      (-1)
#define XID_PING       (-2)
#define REPLY_HEADER   16u

struct rk_bench_addr {
    struct sockaddr_storage addr;
    socklen_t len;
};

/* -- set up and take down --------------------------------------------------------------------- */

static bool resolve(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    for (uint32_t i = 0; i < o->server_count; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
        struct addrinfo *found;
        char port[8];
        (void)snprintf(port, sizeof(port), "%u", (unsigned)o->servers[i].port);
        int err = getaddrinfo(o->servers[i].host, port, &hints, &found);
        if (err != 0) {
            (void)fprintf(stderr, "rookery-bench: %s: %s\n", o->servers[i].host, gai_strerror(err));
            return false;
        }
        RK_ASSERT(found->ai_addrlen <= sizeof(net->addrs[i].addr));
        memcpy(&net->addrs[i].addr, found->ai_addr, found->ai_addrlen);
        net->addrs[i].len = found->ai_addrlen;
        freeaddrinfo(found);
    }
    return true;
}

static bool raise_file_limit(uint32_t conn_count)
{
    struct rlimit files;
    rlim_t needed = conn_count + 64;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= needed) {
        return true;
    }
    files.rlim_cur = needed > files.rlim_max ? files.rlim_max : needed;
    if (files.rlim_cur < needed || setrlimit(RLIMIT_NOFILE, &files) != 0) {
        (void)fprintf(stderr, "rookery-bench: %u connections need more open files than %llu\n",
                      (unsigned)conn_count, (unsigned long long)files.rlim_max);
        return false;
    }
    return true;
}

static uint32_t ring_for(uint32_t outstanding)
{
    uint32_t ring = 32;
    while (ring < outstanding) {
        ring *= 2;
    }
    return ring;
}

bool rk_bench_net_init(struct rk_bench_net *net, struct rk_mem *mem,
                       const struct rk_bench_options *o, const struct rk_bench_wire *wire,
                       struct rk_bench_result *result)
{
    *net = (struct rk_bench_net){.mem = mem, .options = o, .wire = wire, .result = result};
    net->conn_count = o->connections + (o->kind == RK_BENCH_WATCH ? 1 : 0); /* and the writer */
    net->ring = ring_for(o->outstanding);
    net->conns = rk_mem_must_zalloc(mem, net->conn_count * sizeof(net->conns[0]));
    net->dirty = rk_mem_must_alloc(mem, net->conn_count * sizeof(net->dirty[0]));
    net->scratch = rk_mem_must_alloc(mem, SCRATCH_BYTES);
    net->addrs = rk_mem_must_zalloc(mem, o->server_count * sizeof(net->addrs[0]));
    net->shows_progress = !o->is_quiet && isatty(STDERR_FILENO) == 1;
    for (uint32_t i = 0; i < net->conn_count; i++) {
        struct rk_bench_conn *c = &net->conns[i];
        c->index = i;
        c->fd = -1;
        rk_buf_init(&c->in, mem, SCRATCH_BYTES);
        rk_buf_init(&c->out, mem, OUT_MAX);
        c->sent = rk_mem_must_alloc(mem, net->ring * sizeof(c->sent[0]));
    }
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    RK_ASSERT(net->epoll >= 0);
    net->now_ns = net->keep_ns = net->progress_ns = rk_bench_now_ns();
    return raise_file_limit(net->conn_count) && resolve(net);
}

void rk_bench_net_deinit(struct rk_bench_net *net)
{
    for (uint32_t i = 0; i < net->conn_count; i++) {
        struct rk_bench_conn *c = &net->conns[i];
        if (c->fd >= 0) {
            (void)close(c->fd);
        }
        rk_buf_deinit(&c->in);
        rk_buf_deinit(&c->out);
        rk_mem_free(net->mem, c->sent, net->ring * sizeof(c->sent[0]));
    }
    (void)close(net->epoll);
    rk_mem_free(net->mem, net->conns, net->conn_count * sizeof(net->conns[0]));
    rk_mem_free(net->mem, net->dirty, net->conn_count * sizeof(net->dirty[0]));
    rk_mem_free(net->mem, net->scratch, SCRATCH_BYTES);
    rk_mem_free(net->mem, net->addrs, net->options->server_count * sizeof(net->addrs[0]));
}

/* -- the end of a connection ------------------------------------------------------------------ */

void rk_bench_net_cut(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    if (c->state == RK_BENCH_CONN_CLOSED) {
        return;
    }
    if (c->state == RK_BENCH_CONN_READY || c->state == RK_BENCH_CONN_CLOSING) {
        net->ready_count--;
    } else {
        net->connecting_count--;
    }
    (void)close(c->fd);
    c->fd = -1;
    c->state = RK_BENCH_CONN_CLOSED;
    c->waits_for_room = false;
    rk_buf_reset(&c->in);
    rk_buf_reset(&c->out);
    c->out_at = 0;
    c->sent_first = 0;
    c->sent_count = 0;
    c->pongs_due = 0;
}

static void lose(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    net->result->lost_connections++;
    net->result->unanswered += c->sent_count;
    rk_bench_net_cut(net, c);
}

static void distrust(struct rk_bench_net *net, struct rk_bench_conn *c, const char *why)
{
    rk_bench_result_add_wrong(net->result, why);
    lose(net, c);
}

/* -- sending ---------------------------------------------------------------------------------- */

static void mark_dirty(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    if (!c->is_dirty) {
        c->is_dirty = true;
        net->dirty[net->dirty_count++] = c->index;
    }
}

static void watch_for_room(struct rk_bench_net *net, struct rk_bench_conn *c, bool waits)
{
    if (c->waits_for_room == waits) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = c->index};
    event.events |= waits ? (uint32_t)EPOLLOUT : 0;
    int err = epoll_ctl(net->epoll, EPOLL_CTL_MOD, c->fd, &event);
    RK_ASSERT(err == 0);
    c->waits_for_room = waits;
}

static void flush(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    if (c->state == RK_BENCH_CONN_CLOSED || c->state == RK_BENCH_CONN_CONNECTING ||
        c->out_at == c->out.len) {
        return;
    }
    ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        lose(net, c);
        return;
    }
    c->out_at += n > 0 ? (size_t)n : 0;
    if (c->out_at == c->out.len) {
        rk_buf_reset(&c->out);
        c->out_at = 0;
    }
    watch_for_room(net, c, c->out_at < c->out.len);
}

static void flush_dirty(struct rk_bench_net *net)
{
    for (uint32_t i = 0; i < net->dirty_count; i++) {
        struct rk_bench_conn *c = &net->conns[net->dirty[i]];
        c->is_dirty = false;
        flush(net, c);
    }
    net->dirty_count = 0;
}

bool rk_bench_conn_has_room(const struct rk_bench_net *net, const struct rk_bench_conn *c)
{
    return c->state == RK_BENCH_CONN_READY && c->sent_count < net->options->outstanding;
}

static void next_xid(struct rk_bench_conn *c)
{
    c->xid = c->xid == INT32_MAX ? 1 : c->xid + 1;
}

void rk_bench_net_send(struct rk_bench_net *net, struct rk_bench_conn *c,
                       enum rk_bench_request request, uint64_t number, uint64_t start_ns)
{
    RK_ASSERT(c->state == RK_BENCH_CONN_READY);
    RK_ASSERT(c->sent_count < net->ring);
    const struct rk_buf *frame = &net->wire->frames[request].bytes;
    size_t at = c->out.len;
    rk_buf_put(&c->out, frame->data, frame->len);
    RK_ASSERT(!c->out.failed);
    uint8_t *copy = c->out.data + at;
    int32_t xid = XID_PING;
    if (request != RK_BENCH_REQ_PING) {
        next_xid(c);
        xid = c->xid;
        rk_store_i32(copy + RK_FRAME_HEADER_BYTES, xid);
        rk_bench_wire_number(net->wire, request, copy, number);
    }
    uint32_t place = (c->sent_first + c->sent_count) & (net->ring - 1);
    c->sent[place] = (struct rk_bench_sent){
        .start_ns = start_ns, .number = number, .xid = xid, .request = (uint8_t)request};
    c->sent_count++;
    c->sent_ns = net->now_ns;
    mark_dirty(net, c);
}

/* Sessions that were silent for a third of their timeout. */
static void keep_alive(struct rk_bench_net *net)
{
    if (net->now_ns - net->keep_ns < SECOND_NS / 4) {
        return;
    }
    net->keep_ns = net->now_ns;
    const struct rk_buf *ping = &net->wire->frames[RK_BENCH_REQ_PING].bytes;
    for (uint32_t i = 0; i < net->conn_count; i++) {
        struct rk_bench_conn *c = &net->conns[i];
        if (c->state == RK_BENCH_CONN_READY &&
            net->now_ns - c->sent_ns > (uint64_t)c->timeout_ms * 1000000u / 3) {
            rk_buf_put(&c->out, ping->data, ping->len);
            c->pongs_due++;
            c->sent_ns = net->now_ns;
            mark_dirty(net, c);
        }
    }
}

/* -- connecting ------------------------------------------------------------------------------- */

void rk_bench_net_open(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    RK_ASSERT(c->state == RK_BENCH_CONN_CLOSED);
    struct rk_bench_addr *to = &net->addrs[c->index % net->options->server_count];
    net->connecting_count++;
    c->state = RK_BENCH_CONN_CONNECTING;
    c->begun_ns = net->now_ns;
    c->sent_ns = net->now_ns;
    c->xid = 0;
    c->zxid = 0;
    c->fd = socket(to->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        (void)fprintf(stderr, "rookery-bench: socket: %s\n", strerror(errno));
        lose(net, c);
        return;
    }
    int on = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only slower without */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u32 = c->index};
    int err = epoll_ctl(net->epoll, EPOLL_CTL_ADD, c->fd, &event);
    RK_ASSERT(err == 0);
    c->waits_for_room = true;
    if (connect(c->fd, (const struct sockaddr *)&to->addr, to->len) != 0 && errno != EINPROGRESS) {
        lose(net, c);
    }
}

static void connected(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    int err = 0;
    socklen_t len = sizeof(err);
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 || err != 0) {
        lose(net, c);
        return;
    }
    c->state = RK_BENCH_CONN_HANDSHAKE;
    rk_bench_wire_connect(&c->out, net->options->session_timeout_ms);
    mark_dirty(net, c);
}

bool rk_bench_net_open_all(struct rk_bench_net *net)
{
    uint64_t until = rk_bench_now_ns() + OPEN_NS;
    uint32_t next = 0;
    while (net->ready_count < net->conn_count) {
        while (next < net->conn_count && net->connecting_count < CONNECTING_MAX) {
            rk_bench_net_open(net, &net->conns[next++]);
        }
        rk_bench_net_turn(net, SECOND_NS / 10);
        rk_bench_net_progress(net, "sessions", net->ready_count);
        if (net->result->lost_connections > 0 || net->now_ns > until) {
            (void)fprintf(stderr, "rookery-bench: %u of %u sessions; is a server there?\n",
                          (unsigned)net->ready_count, (unsigned)net->conn_count);
            return false;
        }
    }
    return true;
}

/* -- receiving -------------------------------------------------------------------------------- */

static void take_handshake(struct rk_bench_net *net, struct rk_bench_conn *c, struct rk_bytes frame)
{
    if (!rk_bench_wire_read_connected(frame, &c->session, &c->timeout_ms)) {
        distrust(net, c, "answer to the handshake");
        return;
    }
    c->state = RK_BENCH_CONN_READY;
    net->connecting_count--;
    net->ready_count++;
    if (net->hooks.ready != NULL) {
        net->hooks.ready(net->hooks.ctx, c);
    }
}

static void take_reply(struct rk_bench_net *net, struct rk_bench_conn *c,
                       const struct rk_bench_reply *reply)
{
    struct rk_bench_sent sent = c->sent[c->sent_first];
    if (c->sent_count == 0 || sent.xid != reply->xid) {
        distrust(net, c, "reply to another request than the oldest");
        return;
    }
    if (reply->zxid < c->zxid) {
        distrust(net, c, "zxid goes back within a session");
        return;
    }
    c->zxid = reply->zxid;
    c->sent_first = (c->sent_first + 1) & (net->ring - 1);
    c->sent_count--;
    if (sent.request == RK_BENCH_REQ_CLOSE && reply->err == 0) {
        c->state = RK_BENCH_CONN_CLOSING;
    }
    if (net->hooks.reply != NULL) {
        net->hooks.reply(net->hooks.ctx, c, &sent, reply);
    }
}

static void take_frame(struct rk_bench_net *net, struct rk_bench_conn *c, struct rk_bytes frame)
{
    if (c->state == RK_BENCH_CONN_HANDSHAKE) {
        take_handshake(net, c, frame);
        return;
    }
    if (frame.len < REPLY_HEADER) {
        distrust(net, c, "frame shorter than a reply header");
        return;
    }
    struct rk_bench_reply reply = {
        .xid = rk_load_i32(frame.data),
        .zxid = rk_load_i64(frame.data + 4),
        .err = rk_load_i32(frame.data + 12),
        .body = {.data = frame.data + REPLY_HEADER, .len = frame.len - REPLY_HEADER},
    };
    if (reply.xid == XID_EVENT) {
        if (net->hooks.event == NULL) {
            distrust(net, c, "event nobody asked for");
            return;
        }
        net->hooks.event(net->hooks.ctx, c, frame);
    } else if (reply.xid == XID_PING && c->pongs_due > 0) {
        c->pongs_due--;
    } else {
        take_reply(net, c, &reply);
    }
}

static void take_bytes(struct rk_bench_net *net, struct rk_bench_conn *c, size_t len)
{
    struct rk_bytes input = rk_bytes_of(net->scratch, len);
    struct rk_bytes frame;
    enum rk_err err;
    while ((err = rk_frame_next(&input, SCRATCH_BYTES - READ_BYTES, &frame)) == RK_OK) {
        take_frame(net, c, frame);
        if (c->state == RK_BENCH_CONN_CLOSED) {
            return;
        }
    }
    if (err != RK_ERR_SHORT) {
        distrust(net, c, "length of a frame");
        return;
    }
    rk_buf_put(&c->in, input.data, input.len);
}

static void hung_up(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    if (c->state != RK_BENCH_CONN_CLOSING) {
        lose(net, c);
        return;
    }
    rk_bench_net_cut(net, c);
    if (net->hooks.closed != NULL) {
        net->hooks.closed(net->hooks.ctx, c);
    }
}

static void receive(struct rk_bench_net *net, struct rk_bench_conn *c)
{
    size_t begun = c->in.len;
    RK_ASSERT(begun <= SCRATCH_BYTES - READ_BYTES);
    if (begun > 0) {
        memcpy(net->scratch, c->in.data, begun);
        rk_buf_reset(&c->in);
    }
    ssize_t n = recv(c->fd, net->scratch + begun, READ_BYTES, 0);
    net->now_ns = rk_bench_now_ns();
    if (n > 0) {
        take_bytes(net, c, begun + (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hung_up(net, c);
    } else {
        rk_buf_put(&c->in, net->scratch, begun);
    }
}

void rk_bench_net_turn(struct rk_bench_net *net, uint64_t wait_ns)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / SECOND_NS),
                            .tv_nsec = (long)(wait_ns % SECOND_NS)};
    keep_alive(net);
    flush_dirty(net);
    int n = epoll_pwait2(net->epoll, events, EVENTS_MAX, &wait, NULL);
    RK_ASSERT(n >= 0 || errno == EINTR);
    net->now_ns = rk_bench_now_ns();
    for (int i = 0; i < n; i++) {
        struct rk_bench_conn *c = &net->conns[events[i].data.u32];
        if (c->state == RK_BENCH_CONN_CLOSED) {
            continue;
        }
        if (c->state == RK_BENCH_CONN_CONNECTING) {
            connected(net, c);
        } else {
            if ((events[i].events & EPOLLOUT) != 0) {
                mark_dirty(net, c);
            }
            if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
                receive(net, c);
            }
        }
        flush_dirty(net);
    }
}

void rk_bench_net_close_all(struct rk_bench_net *net)
{
    static const struct rk_bench_hooks no_hooks;
    struct rk_bench_result after;
    struct rk_bench_result *result = net->result;
    rk_bench_result_init(&after);
    net->hooks = no_hooks;
    net->result = &after; /* what happens now is no part of what was measured */
    net->now_ns = rk_bench_now_ns();
    for (uint32_t i = 0; i < net->conn_count; i++) {
        struct rk_bench_conn *c = &net->conns[i];
        if (c->state == RK_BENCH_CONN_READY && c->sent_count < net->ring) {
            rk_bench_net_send(net, c, RK_BENCH_REQ_CLOSE, 0, net->now_ns);
        }
    }
    uint64_t until = net->now_ns + CLOSE_NS;
    while (net->ready_count > 0 && net->now_ns < until) {
        rk_bench_net_turn(net, SECOND_NS / 20);
    }
    net->result = result;
}

/* -- progress --------------------------------------------------------------------------------- */

void rk_bench_net_progress(struct rk_bench_net *net, const char *what, uint64_t ops)
{
    if (!net->shows_progress || net->now_ns - net->progress_ns < SECOND_NS) {
        return;
    }
    double seconds = (double)(net->now_ns - net->progress_ns) / 1e9;
    uint64_t more = ops >= net->progress_ops ? ops - net->progress_ops : ops;
    (void)fprintf(stderr, "\r%s: %llu, %.0f/s    ", what, (unsigned long long)ops,
                  (double)more / seconds);
    net->progress_ns = net->now_ns;
    net->progress_ops = ops;
}

void rk_bench_net_progress_end(struct rk_bench_net *net)
{
    if (net->shows_progress) {
        (void)fprintf(stderr, "\r%50s\r", "");
    }
}
