/* The null server. It does what no ZooKeeper can do without: splits frames, finds out the
 * operation, answers as many bytes as a real one with the xid and a zxid in them, in order, and
 * sends events to connections that asked for a watch. It keeps no data: gets answer --size bytes,
 * lists --children names. With a file, whatever changes something (sessions too) is answered only
 * once its record is synced: one write and one fdatasync for all that a turn of the loop brought.
 *
 * Replies wait in the connection's output, in order. Up to free_end they may leave; what follows
 * waits for the log: up to syncing_end for the batch that is being written, the rest for the next.
 */
#include "null_server.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "null_log.h"
#include "proto/frame.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"
#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRATCH_BYTES   ((size_t)4 << 20)
#define READ_BYTES      ((size_t)64 << 10)
#define OUT_MAX         ((size_t)256 << 20)
#define COMPACT_BYTES   ((size_t)64 << 10)
#define EVENTS_MAX      256
#define CONNECT_BYTES   44u
#define STAT_MZXID      8u
#define STAT_DATA_LEN   52u
#define STAT_CHILDREN   56u
#define STATE_CONNECTED 3

struct conn {
    struct conn *next; /* all of them, or the dead ones */
    struct conn **link;
    int fd;
    bool is_open; /* handshake done */
    bool is_watching;
    bool is_closing; /* hang up once everything is sent */
    bool is_dead;
    bool is_dirty;
    bool waits_for_room;
    bool waits_open; /* has a reply that waits for the batch being collected */
    bool waits_sent; /* and one for the batch being written */
    struct rk_buf in;
    struct rk_buf out;
    size_t out_at;
    size_t free_end;
    size_t syncing_end;
};

struct conn_list {
    struct conn **items;
    uint32_t count;
    uint32_t cap;
};

struct server {
    struct rk_mem *mem;
    struct rk_bench_null_log *log; /* NULL: no file */
    bool has_thread;
    int epoll;
    int listener;
    int signals;
    bool stops;
    rk_session_id session;
    rk_zxid zxid;
    struct rk_buf get; /* bodies of replies */
    struct rk_buf children;
    uint8_t stat[RK_BENCH_STAT_BYTES];
    struct conn *conns;
    struct conn *dead; /* freed at the end of the turn */
    struct conn_list dirty;
    struct conn_list watchers;
    struct conn_list waits_open; /* whose replies wait for which batch */
    struct conn_list waits_sent;
    uint8_t *scratch;
};

static void list_add(struct server *s, struct conn_list *list, struct conn *c)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 64 : list->cap * 2;
        list->items = rk_mem_must_resize(s->mem, list->items, list->cap * sizeof(list->items[0]),
                                         cap * sizeof(list->items[0]));
        list->cap = cap;
    }
    list->items[list->count++] = c;
}

static void list_remove(struct conn_list *list, const struct conn *c)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i] == c) {
            list->items[i] = list->items[--list->count];
            return;
        }
    }
}

/* -- connections ------------------------------------------------------------------------------ */

static void watch_fd(struct server *s, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    int err = epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
    RK_ASSERT(err == 0);
}

static void accept_all(struct server *s)
{
    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return; /* no more, or gone again, or no descriptors: the client will notice */
        }
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only slower without */
        struct conn *c = rk_mem_must_zalloc(s->mem, sizeof(*c));
        c->fd = fd;
        c->next = s->conns;
        c->link = &s->conns;
        if (s->conns != NULL) {
            s->conns->link = &c->next;
        }
        s->conns = c;
        rk_buf_init(&c->in, s->mem, SCRATCH_BYTES);
        rk_buf_init(&c->out, s->mem, OUT_MAX);
        watch_fd(s, fd, c);
    }
}

static void kill_conn(struct server *s, struct conn *c)
{
    if (c->is_dead) {
        return;
    }
    c->is_dead = true;
    (void)close(c->fd);
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
    if (c->is_watching) {
        list_remove(&s->watchers, c);
    }
    if (c->waits_open) {
        list_remove(&s->waits_open, c);
    }
    if (c->waits_sent) {
        list_remove(&s->waits_sent, c);
    }
    c->next = s->dead;
    s->dead = c;
}

static void bury(struct server *s)
{
    while (s->dead != NULL) {
        struct conn *c = s->dead;
        s->dead = c->next;
        rk_buf_deinit(&c->in);
        rk_buf_deinit(&c->out);
        rk_mem_free(s->mem, c, sizeof(*c));
    }
}

/* -- output ----------------------------------------------------------------------------------- */

static void mark_dirty(struct server *s, struct conn *c)
{
    if (!c->is_dirty) {
        c->is_dirty = true;
        list_add(s, &s->dirty, c);
    }
}

static void flush(struct server *s, struct conn *c)
{
    if (c->is_dead) {
        return;
    }
    if (c->out_at < c->free_end) {
        ssize_t n = send(c->fd, c->out.data + c->out_at, c->free_end - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            kill_conn(s, c);
            return;
        }
        c->out_at += n > 0 ? (size_t)n : 0;
    }
    if (c->out_at == c->out.len) {
        rk_buf_reset(&c->out);
        c->out_at = c->free_end = c->syncing_end = 0;
        if (c->is_closing) {
            kill_conn(s, c);
            return;
        }
    } else if (c->out_at > COMPACT_BYTES) {
        memmove(c->out.data, c->out.data + c->out_at, c->out.len - c->out_at);
        c->out.len -= c->out_at;
        c->free_end -= c->out_at;
        c->syncing_end -= c->syncing_end > c->out_at ? c->out_at : c->syncing_end;
        c->out_at = 0;
    }
    bool waits = c->out_at < c->free_end;
    if (waits != c->waits_for_room) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        event.events |= waits ? (uint32_t)EPOLLOUT : 0;
        int err = epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &event);
        RK_ASSERT(err == 0);
        c->waits_for_room = waits;
    }
}

static void flush_dirty(struct server *s)
{
    for (uint32_t i = 0; i < s->dirty.count; i++) {
        s->dirty.items[i]->is_dirty = false;
        flush(s, s->dirty.items[i]);
    }
    s->dirty.count = 0;
}

/* After bytes were put into the output: may they leave, or do they wait for the log? */
static void put_done(struct server *s, struct conn *c, bool is_write)
{
    RK_ASSERT(!c->out.failed);
    if (s->log != NULL && is_write && !c->waits_open) {
        c->waits_open = true;
        list_add(s, &s->waits_open, c);
    }
    if (!c->waits_open && !c->waits_sent) {
        c->free_end = c->out.len;
    }
    mark_dirty(s, c);
}

/* The batch that was collected is on its way; or, with `is_durable` at once, done. */
static void batch_sent(struct server *s)
{
    struct conn_list list = s->waits_sent;
    RK_ASSERT(list.count == 0);
    s->waits_sent = s->waits_open;
    s->waits_open = list;
    for (uint32_t i = 0; i < s->waits_sent.count; i++) {
        struct conn *c = s->waits_sent.items[i];
        c->waits_open = false;
        c->waits_sent = true;
        c->syncing_end = c->out.len;
    }
}

static void batch_durable(struct server *s)
{
    for (uint32_t i = 0; i < s->waits_sent.count; i++) {
        struct conn *c = s->waits_sent.items[i];
        c->waits_sent = false;
        c->free_end = c->waits_open ? c->syncing_end : c->out.len;
        mark_dirty(s, c);
    }
    s->waits_sent.count = 0;
}

static void run_log(struct server *s)
{
    if (s->log == NULL || !rk_bench_null_log_has_records(s->log)) {
        return;
    }
    if (s->has_thread) {
        if (rk_bench_null_log_submit(s->log)) {
            batch_sent(s);
        }
        return;
    }
    rk_bench_null_log_commit(s->log);
    batch_sent(s);
    batch_durable(s);
}

/* -- answers ---------------------------------------------------------------------------------- */

static void shake_hands(struct server *s, struct conn *c, struct rk_bytes frame)
{
    static const uint8_t password[RK_BENCH_PASSWORD_BYTES];
    if (frame.len < CONNECT_BYTES) {
        kill_conn(s, c);
        return;
    }
    if (s->log != NULL) {
        rk_bench_null_log_append(s->log, frame);
    }
    s->zxid++;
    size_t place = rk_frame_begin(&c->out);
    rk_buf_put_i32(&c->out, 0);
    rk_buf_put_i32(&c->out, rk_load_i32(frame.data + 12));
    rk_buf_put_i64(&c->out, ++s->session);
    rk_buf_put_bytes(&c->out, rk_bytes_of(password, sizeof(password)));
    if (frame.len > CONNECT_BYTES) {
        rk_buf_put_bool(&c->out, false);
    }
    rk_frame_end(&c->out, place);
    c->is_open = true;
    put_done(s, c, true);
}

static void tell_watchers(struct server *s, struct rk_bytes path)
{
    for (uint32_t i = 0; i < s->watchers.count; i++) {
        struct conn *c = s->watchers.items[i];
        size_t place = rk_frame_begin(&c->out);
        rk_buf_put_i32(&c->out, -1);
        rk_buf_put_i64(&c->out, -1);
        rk_buf_put_i32(&c->out, 0);
        rk_buf_put_i32(&c->out, RK_EVENT_NODE_DATA_CHANGED);
        rk_buf_put_i32(&c->out, STATE_CONNECTED);
        rk_buf_put_bytes(&c->out, path);
        rk_frame_end(&c->out, place);
        c->is_watching = false;
        put_done(s, c, true);
    }
    s->watchers.count = 0;
}

static bool is_write(int32_t op)
{
    return op == RK_OP_SET_DATA || op == RK_OP_CREATE || op == RK_OP_CREATE2 ||
           op == RK_OP_DELETE || op == RK_OP_CLOSE_SESSION;
}

static void put_stat(struct server *s, struct rk_buf *out)
{
    rk_store_i64(s->stat + STAT_MZXID, s->zxid);
    rk_buf_put(out, s->stat, sizeof(s->stat));
}

static int32_t put_body(struct server *s, struct conn *c, int32_t op, struct rk_bytes path,
                        bool is_watched)
{
    switch (op) {
    case RK_OP_GET_DATA:
        rk_buf_put(&c->out, s->get.data, s->get.len);
        put_stat(s, &c->out);
        if (is_watched && !c->is_watching) {
            c->is_watching = true;
            list_add(s, &s->watchers, c);
        }
        return RK_ZK_OK;
    case RK_OP_SET_DATA:
    case RK_OP_EXISTS:
        put_stat(s, &c->out);
        return RK_ZK_OK;
    case RK_OP_GET_CHILDREN2:
        rk_buf_put(&c->out, s->children.data, s->children.len);
        put_stat(s, &c->out);
        return RK_ZK_OK;
    case RK_OP_CREATE2:
        rk_buf_put_bytes(&c->out, path);
        put_stat(s, &c->out);
        return RK_ZK_OK;
    case RK_OP_CREATE:
        rk_buf_put_bytes(&c->out, path);
        return RK_ZK_OK;
    case RK_OP_DELETE:
    case RK_OP_PING:
        return RK_ZK_OK;
    case RK_OP_CLOSE_SESSION:
        c->is_closing = true;
        return RK_ZK_OK;
    default:
        return RK_ZK_UNIMPLEMENTED;
    }
}

static void answer(struct server *s, struct conn *c, struct rk_bytes frame)
{
    struct rk_reader r;
    rk_reader_init(&r, frame, frame.len);
    int32_t xid = rk_read_i32(&r);
    int32_t op = rk_read_i32(&r);
    struct rk_bytes path = {.data = NULL};
    bool is_watched = false;
    if (op != RK_OP_PING && op != RK_OP_CLOSE_SESSION) {
        path = rk_read_bytes(&r);
        is_watched = op == RK_OP_GET_DATA && rk_read_bool(&r);
    }
    if (r.failed) {
        kill_conn(s, c);
        return;
    }
    bool writes = is_write(op);
    if (writes) {
        s->zxid++;
        if (s->log != NULL) {
            rk_bench_null_log_append(s->log, frame);
        }
    }
    if (op == RK_OP_SET_DATA && s->watchers.count > 0) {
        tell_watchers(s, path);
    }
    size_t place = rk_frame_begin(&c->out);
    rk_buf_put_i32(&c->out, xid);
    rk_buf_put_i64(&c->out, s->zxid);
    rk_buf_put_i32(&c->out, 0);
    size_t err_at = c->out.len - 4;
    int32_t err = put_body(s, c, op, path, is_watched);
    rk_buf_patch_i32(&c->out, err_at, err);
    rk_frame_end(&c->out, place);
    put_done(s, c, writes);
}

static void receive(struct server *s, struct conn *c)
{
    size_t begun = c->in.len;
    if (begun > 0) {
        memcpy(s->scratch, c->in.data, begun);
        rk_buf_reset(&c->in);
    }
    ssize_t n = recv(c->fd, s->scratch + begun, READ_BYTES, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        kill_conn(s, c);
        return;
    }
    struct rk_bytes input = rk_bytes_of(s->scratch, begun + (n > 0 ? (size_t)n : 0));
    struct rk_bytes frame;
    enum rk_err err;
    while ((err = rk_frame_next(&input, SCRATCH_BYTES - READ_BYTES, &frame)) == RK_OK) {
        if (c->is_open) {
            answer(s, c, frame);
        } else {
            shake_hands(s, c, frame);
        }
        if (c->is_dead || c->is_closing) {
            return;
        }
    }
    if (err != RK_ERR_SHORT) {
        kill_conn(s, c);
        return;
    }
    rk_buf_put(&c->in, input.data, input.len);
}

/* -- the loop --------------------------------------------------------------------------------- */

static void turn(struct server *s)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(s->epoll, events, EVENTS_MAX, -1);
    RK_ASSERT(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++) {
        void *what = events[i].data.ptr;
        if (what == &s->listener) {
            accept_all(s);
        } else if (what == &s->signals) {
            s->stops = true;
        } else if (what == &s->log) {
            rk_bench_null_log_take_done(s->log);
            batch_durable(s);
        } else {
            struct conn *c = what;
            if (!c->is_dead && (events[i].events & EPOLLOUT) != 0) {
                mark_dirty(s, c);
            }
            if (!c->is_dead && (events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
                receive(s, c);
            }
        }
    }
    run_log(s);
    flush_dirty(s);
    bury(s);
}

static bool listen_on(struct server *s, uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(addr);
    int on = 1;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listener < 0 ||
        setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(s->listener, (struct sockaddr *)&addr, len) != 0 || listen(s->listener, 1024) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&addr, &len) != 0) {
        (void)fprintf(stderr, "rookery-bench: port %u: %s\n", (unsigned)port, strerror(errno));
        return false;
    }
    (void)printf("null server on 127.0.0.1:%u\n", (unsigned)ntohs(addr.sin_port));
    (void)fflush(stdout);
    return true;
}

static void can_answers(struct server *s, const struct rk_bench_options *o)
{
    rk_store_i32(s->stat + STAT_DATA_LEN, (int32_t)o->value_bytes);
    rk_store_i32(s->stat + STAT_CHILDREN, (int32_t)o->children);
    rk_buf_init(&s->get, s->mem, SCRATCH_BYTES);
    rk_buf_init(&s->children, s->mem, SCRATCH_BYTES);
    rk_buf_put_i32(&s->get, (int32_t)o->value_bytes);
    bool has_room = rk_buf_reserve(&s->get, o->value_bytes + 1);
    RK_ASSERT(has_room);
    rk_bench_wire_fill(s->get.data + s->get.len, o->value_bytes);
    s->get.len += o->value_bytes;
    rk_buf_put_i32(&s->children, (int32_t)o->children);
    for (uint32_t i = 0; i < o->children; i++) {
        uint8_t name[1 + RK_BENCH_DIGITS] = {'n'};
        rk_bench_wire_digits(name + 1, i);
        rk_buf_put_bytes(&s->children, rk_bytes_of(name, sizeof(name)));
    }
    RK_ASSERT(!s->children.failed);
}

static void take_signals(struct server *s)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    int err = sigprocmask(SIG_BLOCK, &set, NULL);
    RK_ASSERT(err == 0);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    RK_ASSERT(s->signals >= 0);
}

static void free_list(struct server *s, struct conn_list *list)
{
    rk_mem_free(s->mem, list->items, list->cap * sizeof(list->items[0]));
}

static void clean_up(struct server *s)
{
    while (s->conns != NULL) {
        kill_conn(s, s->conns);
    }
    bury(s);
    rk_bench_null_log_destroy(s->log);
    rk_buf_deinit(&s->get);
    rk_buf_deinit(&s->children);
    free_list(s, &s->dirty);
    free_list(s, &s->watchers);
    free_list(s, &s->waits_open);
    free_list(s, &s->waits_sent);
    rk_mem_free(s->mem, s->scratch, SCRATCH_BYTES);
    (void)close(s->listener);
    (void)close(s->signals);
    (void)close(s->epoll);
}

int rk_bench_null_serve(const struct rk_bench_options *o, struct rk_mem *mem)
{
    struct server s = {.mem = mem, .session = INT64_C(0x100000000000000)};
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* what there is will do */
    }
    take_signals(&s); /* before the log's thread, which inherits that */
    s.epoll = epoll_create1(EPOLL_CLOEXEC);
    RK_ASSERT(s.epoll >= 0);
    s.scratch = rk_mem_must_alloc(mem, SCRATCH_BYTES);
    can_answers(&s, o);
    bool is_up = true;
    if (o->file != NULL) {
        s.log = rk_bench_null_log_create(mem, o);
        s.has_thread = o->null_log == RK_BENCH_NULL_LOG_THREAD;
        is_up = s.log != NULL;
    }
    is_up = is_up && listen_on(&s, o->null_port);
    if (is_up) {
        watch_fd(&s, s.listener, &s.listener);
        watch_fd(&s, s.signals, &s.signals);
        if (s.has_thread) {
            watch_fd(&s, rk_bench_null_log_fd(s.log), &s.log);
        }
    }
    while (is_up && !s.stops) {
        turn(&s);
    }
    clean_up(&s);
    return is_up ? 0 : 1;
}
