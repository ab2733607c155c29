/* The session: made and freed, locked, stepped. What the machine wants done is done here at once
 * (under the lock nothing blocks), except for looking up names, which the I/O side does. */
#include "lib/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/mem_libc.h"
#include "lib/io.h"
#include "lib/link.h"
#include "lib/log.h"
#include "lib/queue.h"
#include "lib/view.h"

#define BODY_BYTES_MAX (1024u * 1024u * 1024u)
#define PATH_BYTES_MAX (16u * 1024u * 1024u)

int64_t rk_lib_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t draw_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        seed = (uint64_t)now.tv_nsec * 2654435761u + (uint64_t)now.tv_sec + (uint64_t)getpid();
    }
    return seed;
}

static uint32_t or_default(int value, uint32_t standard)
{
    return value > 0 ? (uint32_t)value : standard;
}

static int make_client(struct rk_lib *s, const struct rk_options *o)
{
    struct rk_client_config config = {
        .mem = &s->mem,
        .seed = draw_seed(),
        .session_timeout_ms = o->session_timeout_ms,
        .may_read_only = o->is_read_only_allowed != 0,
        .chroot = rk_bytes_str(s->hosts.chroot),
        .frame_bytes_max = or_default(o->reply_bytes_max, 64u * 1024u * 1024u),
        .requests_max = or_default(o->requests_max, 100000),
        .request_bytes_max = s->queued_bytes_max,
        .connect_timeout_ms = or_default(o->connect_timeout_ms, 0),
        .backoff_min_ms = or_default(o->backoff_min_ms, 100),
        .backoff_max_ms = or_default(o->backoff_max_ms, 5000),
    };
    if (config.backoff_max_ms < config.backoff_min_ms)
        config.backoff_max_ms = config.backoff_min_ms;
    config.order = o->order == RK_ORDER_AS_GIVEN  ? RK_CLIENT_AS_GIVEN
                   : o->order == RK_ORDER_NEAREST ? RK_CLIENT_NEAREST
                                                  : RK_CLIENT_SHUFFLED;
    if (o->client_id) {
        config.session_id = o->client_id->client_id;
        memcpy(config.password, o->client_id->passwd, sizeof(config.password));
        s->id = *o->client_id;
    }
    enum rk_err err = rk_client_create(&config, &s->client);
    return err == RK_OK ? 0 : err == RK_ERR_NOMEM ? ENOMEM : EINVAL;
}

static void session_free(struct rk_lib *s)
{
    rk_lib_link_free_all(s);
    rk_client_destroy(s->client);
    rk_buf_deinit(&s->path);
    rk_buf_deinit(&s->body);
    rk_lib_hosts_free(&s->hosts);
    while (s->spare) {
        struct rk_lib_call *call = s->spare;
        s->spare = (struct rk_lib_call *)(void *)call->item.next;
        free(call);
    }
    rk_lib_log_flush(atomic_load(&s->log), s->log_first);
    free(s->wanted);
    free(s->lookup);
    free(s->reserve);
    free(s->in);
    if (s->wake_fd >= 0)
        (void)close(s->wake_fd);
    rk_lib_view_free_all(s);
    free(s->handle);
    (void)pthread_cond_destroy(&s->to_tell);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mu);
    free(s);
}

static void init_locks(struct rk_lib *s)
{
    /* None of these can fail with glibc and these arguments. */
    pthread_condattr_t attr;
    (void)pthread_mutex_init(&s->mu, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->to_tell, &attr);
    (void)pthread_cond_init(&s->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
}

struct rk_lib *rk_lib_create(struct rk_lib_hosts *hosts, const struct rk_options *o)
{
    struct rk_lib *s = calloc(1, sizeof(*s));
    if (!s) {
        rk_lib_hosts_free(hosts);
        errno = ENOMEM;
        return NULL;
    }
    init_locks(s);
    s->hosts = *hosts;
    *hosts = (struct rk_lib_hosts){0};
    s->is_threaded = !o->is_single_threaded;
    s->refs = 1;
    s->wake_fd = -1;
    s->done_last = &s->done_first;
    s->log_last = &s->log_first;
    s->watch_zxid = -1;
    s->is_nearest = o->order == RK_ORDER_NEAREST;
    s->on_session = o->on_session;
    s->on_session_context = o->on_session_context;
    s->log_level = (int)o->log_level;
    s->wake_at_ms = INT64_MAX;
    s->queued_bytes_max =
        o->queued_bytes_max > 0 ? (uint64_t)o->queued_bytes_max : UINT64_C(64) * 1024 * 1024;
    atomic_init(&s->log, o->log);
    atomic_init(&s->state, ZOO_NOTCONNECTED_STATE);
    atomic_init(&s->timeout_ms, o->session_timeout_ms);
    rk_mem_libc_init(&s->mem, 0);
    rk_buf_init(&s->path, &s->mem, PATH_BYTES_MAX);
    rk_buf_init(&s->body, &s->mem, BODY_BYTES_MAX);
    int error = make_client(s, o);
    s->in = malloc(RK_LIB_IN_BYTES);
    s->reserve = malloc(RK_LIB_RESERVE_BYTES);
    s->wanted = calloc(RK_CLIENT_SERVERS_MAX, 1);
    s->handle = calloc(1, sizeof(*s->handle));
    if (!error && (!s->in || !s->reserve || !s->wanted || !s->handle))
        error = ENOMEM;
    if (!error && s->is_threaded) {
        s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        error = s->wake_fd < 0 ? errno : 0;
    }
    if (error) {
        session_free(s);
        errno = error;
        return NULL;
    }
    return s;
}

void rk_lib_lock(struct rk_lib *s)
{
    (void)pthread_mutex_lock(&s->mu); /* cannot fail: it is no recursive or robust one */
}

void rk_lib_unlock(struct rk_lib *s)
{
    struct rk_lib_call *woken = s->woken;
    struct rk_lib_log_line *lines = s->log_first;
    log_callback_fn log = lines ? atomic_load(&s->log) : NULL;
    s->woken = NULL;
    s->log_first = NULL;
    s->log_last = &s->log_first;
    (void)pthread_mutex_unlock(&s->mu);
    while (woken) {
        /* The call is its waiter's from the moment it is posted. */
        struct rk_lib_call *next = (struct rk_lib_call *)(void *)woken->item.next;
        (void)sem_post(woken->waiter);
        woken = next;
    }
    if (lines)
        rk_lib_log_flush(log, lines);
}

void rk_lib_unref(struct rk_lib *s)
{
    RK_ASSERT(s->refs > 0);
    bool is_last = --s->refs == 0;
    rk_lib_unlock(s);
    if (is_last)
        session_free(s);
}

void rk_lib_wake_io(struct rk_lib *s)
{
    if (s->is_io_asleep && !s->is_io_signalled) {
        s->is_io_signalled = true;
        (void)eventfd_write(s->wake_fd, 1); /* a small number, which does not block */
    }
}

bool rk_lib_is_own_thread(const struct rk_lib *s)
{
    if (!s->is_threaded)
        return s->is_telling;
    pthread_t self = pthread_self();
    return pthread_equal(self, s->teller) || pthread_equal(self, s->io);
}

void rk_lib_gone(struct rk_lib *s, uint64_t conn)
{
    /* A connection is told once, and there are two at most. */
    RK_ASSERT(s->gone_count < RK_LIB_GONE_MAX);
    s->gone[s->gone_count++] = conn;
    rk_lib_link_drop(s, conn);
}

/* -- Effects -- */

static int zoo_state_of(const struct rk_lib *s, enum rk_client_state state)
{
    switch (state) {
    case RK_CLIENT_IDLE:
    case RK_CLIENT_RESOLVING:
        return s->was_tried ? 0 : ZOO_NOTCONNECTED_STATE;
    case RK_CLIENT_CONNECTING:
        return ZOO_CONNECTING_STATE;
    case RK_CLIENT_ASSOCIATING:
        return ZOO_ASSOCIATING_STATE;
    case RK_CLIENT_CONNECTED:
        return ZOO_CONNECTED_STATE;
    case RK_CLIENT_READ_ONLY:
        return ZOO_READONLY_STATE;
    case RK_CLIENT_EXPIRED:
        return ZOO_EXPIRED_SESSION_STATE;
    case RK_CLIENT_AUTH_FAILED:
        return ZOO_AUTH_FAILED_STATE;
    case RK_CLIENT_CLOSED:
        break;
    }
    return 0;
}

static void log_connected(struct rk_lib *s, int state)
{
    char text[64] = "?";
    const struct rk_lib_link *link = rk_lib_link_main(s);
    if (link)
        rk_lib_addr_text(&link->addr, text, sizeof(text));
    RK_LIB_LOG(s, INFO,
               "session establishment complete on server %s, sessionId=%#llx, negotiated "
               "timeout=%d %s",
               text, (unsigned long long)s->id.client_id, atomic_load(&s->timeout_ms),
               state == ZOO_READONLY_STATE ? "(READ-ONLY mode)" : "");
}

/* What the program hears of it: the events that Apache's client sends, and rk_session_change. */
static void on_state(struct rk_lib *s, enum rk_client_state client_state, bool is_new)
{
    int state = zoo_state_of(s, client_state);
    bool is_connected = state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE;
    bool is_queued = true;
    if (client_state == RK_CLIENT_CONNECTING)
        s->was_tried = true;
    /* Programs read it through a pointer, at any time: it is only written when it changes. */
    clientid_t id = {.client_id = rk_client_session(s->client)};
    memcpy(id.passwd, rk_client_password(s->client), sizeof(id.passwd));
    if (memcmp(&s->id, &id, sizeof(id)) != 0)
        s->id = id;
    atomic_store(&s->timeout_ms, rk_client_timeout_ms(s->client));
    atomic_store(&s->state, state);
    if (is_connected) {
        log_connected(s, state);
        is_queued = rk_lib_queue_state(s, state, is_new ? RK_SESSION_NEW : RK_SESSION_RESUMED);
    } else if (state == ZOO_EXPIRED_SESSION_STATE) {
        RK_LIB_LOG(s, ERROR, "sessionId=%#llx has expired", (unsigned long long)s->id.client_id);
        s->last_error = ZSESSIONEXPIRED;
        is_queued = rk_lib_queue_state(s, state, RK_SESSION_EXPIRED);
    } else if (state == ZOO_AUTH_FAILED_STATE) {
        RK_LIB_LOG(s, ERROR, "authentication failed, connection closed");
        s->last_error = ZAUTHFAILED;
        is_queued = rk_lib_queue_state(s, state, RK_SESSION_AUTH_FAILED);
    } else if (s->was_connected && client_state != RK_CLIENT_CLOSED) {
        is_queued = rk_lib_queue_state(s, ZOO_CONNECTING_STATE, RK_SESSION_SUSPENDED);
    }
    if (!is_queued)
        RK_LIB_LOG(s, ERROR, "out of memory: a session event is lost");
    s->was_connected = is_connected;
    (void)pthread_cond_broadcast(&s->changed);
}

static void on_watch(struct rk_lib *s, const struct rk_client_effect *fx)
{
    if (rk_lib_queue_watch(s, fx->u.watch.event, fx->u.watch.state, fx->u.watch.zxid,
                           fx->u.watch.path, fx->u.watch.watchers, fx->u.watch.count))
        return;
    /* The reserve is gone too. A new connection tells the default watcher that something was
     * missed, which is the best that can be said without memory. */
    RK_LIB_LOG(s, ERROR, "out of memory: a watch event is lost, the connection is given up");
    const struct rk_lib_link *link = rk_lib_link_main(s);
    if (link)
        rk_lib_gone(s, link->conn);
}

static void carry_out(struct rk_lib *s, const struct rk_client_effect *fx)
{
    switch (fx->type) {
    case RK_CLIENT_FX_RESOLVE:
        if (!s->wanted[fx->u.resolve.server])
            s->wanted_count++;
        s->wanted[fx->u.resolve.server] = 1;
        rk_lib_wake_io(s);
        break;
    case RK_CLIENT_FX_CONNECT:
        rk_lib_link_open(s, fx->u.connect.conn, &fx->u.connect.addr);
        break;
    case RK_CLIENT_FX_SEND:
        rk_lib_link_send(s, fx->u.send.conn, fx->u.send.bytes);
        break;
    case RK_CLIENT_FX_DROP:
        rk_lib_link_drop(s, fx->u.drop.conn);
        break;
    case RK_CLIENT_FX_COMPLETE:
        if (fx->u.complete.tag)
            rk_lib_queue_call(s, (struct rk_lib_call *)(uintptr_t)fx->u.complete.tag,
                              fx->u.complete.result, fx->u.complete.zxid, fx->u.complete.body);
        break;
    case RK_CLIENT_FX_WATCH:
        on_watch(s, fx);
        break;
    case RK_CLIENT_FX_STATE:
        on_state(s, fx->u.state.state, fx->u.state.is_new_session);
        break;
    }
}

static int step_once(struct rk_lib *s, struct rk_client_event *event)
{
    struct rk_client_effects effects = {0};
    event->now_ms = rk_lib_now_ms();
    rk_client_step(s->client, event, &effects);
    for (uint32_t i = 0; i < effects.count; i++)
        carry_out(s, &effects.list[i]);
    if (effects.wake_at_ms < s->wake_at_ms)
        rk_lib_wake_io(s);
    s->wake_at_ms = effects.wake_at_ms;
    atomic_store_explicit(&s->last_zxid, rk_client_last_zxid(s->client), memory_order_relaxed);
    return effects.result;
}

int rk_lib_step(struct rk_lib *s, struct rk_client_event *event)
{
    int result = step_once(s, event);
    rk_lib_settle(s);
    return result;
}

void rk_lib_settle(struct rk_lib *s)
{
    while (s->gone_count > 0) {
        struct rk_client_event gone = {.type = RK_CLIENT_EV_GONE};
        gone.u.gone.conn = s->gone[--s->gone_count];
        (void)step_once(s, &gone); /* this event has no result */
    }
}
