/* The client machine from outside: its life, and a step. A step takes the event, then whatever has
 * become due, then sends what can be sent. */
#include "client/client.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "client/client_calls.h"

#define SET_WATCHES_BYTES (128u * 1024u)
#define BACKOFF_MIN_MS    100u
#define BACKOFF_MAX_MS    5000u
#define OUT_BYTES_MAX     ((size_t)1 << 31)
#define FIRST_XIDS        (1u << 20) /* where counting may begin: resumed sessions differ */

static bool is_good(const struct rk_client_config *config)
{
    return config->mem != NULL && config->session_timeout_ms > 0 && config->frame_bytes_max > 0 &&
           config->frame_bytes_max <= INT32_MAX && config->requests_max > 0 &&
           config->requests_max <= INT32_MAX && config->backoff_min_ms <= INT32_MAX &&
           config->backoff_max_ms <= INT32_MAX && rk_client_chroot_is_valid(config->chroot);
}

static void set_defaults(struct rk_client_config *config)
{
    if (config->set_watches_bytes_max == 0) {
        config->set_watches_bytes_max = SET_WATCHES_BYTES;
    }
    if (config->backoff_min_ms == 0) {
        config->backoff_min_ms = BACKOFF_MIN_MS;
    }
    if (config->backoff_max_ms == 0) {
        config->backoff_max_ms = BACKOFF_MAX_MS;
    }
    if (config->backoff_max_ms < config->backoff_min_ms) {
        config->backoff_max_ms = config->backoff_min_ms;
    }
}

static bool keep_chroot(struct rk_client *c)
{
    struct rk_bytes chroot = c->config.chroot;
    c->config.chroot = rk_bytes_of("", 0);
    if (chroot.len < 2) {
        return true; /* "/" is none, as in Apache's */
    }
    c->chroot = rk_mem_alloc(c->mem, chroot.len);
    if (c->chroot == NULL) {
        return false;
    }
    memcpy(c->chroot, chroot.data, chroot.len);
    c->config.chroot = rk_bytes_of(c->chroot, chroot.len);
    return true;
}

enum rk_err rk_client_create(const struct rk_client_config *config, struct rk_client **ret_client)
{
    if (!is_good(config)) {
        return RK_ERR_INVALID;
    }
    struct rk_client *c = rk_mem_zalloc(config->mem, sizeof(*c));
    if (c == NULL) {
        return RK_ERR_NOMEM;
    }
    c->mem = config->mem;
    c->config = *config;
    set_defaults(&c->config);
    rk_prng_init(&c->prng, config->seed);
    rk_client_watches_init(&c->watches, c->mem, rk_prng_next(&c->prng));
    rk_list_init(&c->waiting);
    rk_list_init(&c->sent);
    rk_list_init(&c->auths);
    rk_buf_init(&c->in, c->mem, (size_t)config->frame_bytes_max + 4);
    rk_buf_init(&c->in_done, c->mem, (size_t)config->frame_bytes_max + 4);
    rk_buf_init(&c->out, c->mem, OUT_BYTES_MAX);
    c->now_ms = INT64_MIN;
    c->retry_ms = INT64_MIN;
    c->state = RK_CLIENT_IDLE;
    c->session_id = config->session_id;
    c->seen_rw = config->session_id != 0;
    c->timeout_ms = config->session_timeout_ms;
    c->next_xid = 1 + (int32_t)rk_prng_below(&c->prng, FIRST_XIDS);
    memcpy(c->password, config->password, sizeof(c->password));
    if (!keep_chroot(c) || !rk_client_fx_reserve(c, 0)) {
        rk_client_destroy(c);
        return RK_ERR_NOMEM;
    }
    *ret_client = c;
    return RK_OK;
}

void rk_client_destroy(struct rk_client *c)
{
    if (c == NULL) {
        return;
    }
    c->fx_count = 0;
    rk_client_complete_all(c, &c->sent, RK_CLIENT_CLOSING);
    rk_client_complete_all(c, &c->waiting, RK_CLIENT_CLOSING);
    rk_client_auth_free(c);
    rk_client_servers_free(c);
    rk_client_watches_deinit(&c->watches);
    rk_buf_deinit(&c->in);
    rk_buf_deinit(&c->in_done);
    rk_buf_deinit(&c->out);
    rk_mem_free(c->mem, c->heap, c->heap_cap * sizeof(c->heap[0]));
    rk_mem_free(c->mem, c->fx, c->fx_cap * sizeof(c->fx[0]));
    rk_mem_free(c->mem, c->fx_at, c->fx_at_cap * sizeof(c->fx_at[0]));
    rk_mem_free(c->mem, c->chroot, c->config.chroot.len);
    rk_mem_free(c->mem, c, sizeof(*c));
}

static void remove_watches(struct rk_client *c, const struct rk_client_event *event)
{
    struct rk_bytes path = event->u.remove.path;
    enum rk_client_watch_kind kind = event->u.remove.kind;
    if (path.data == NULL) {
        c->result = RK_ZK_BAD_ARGUMENTS;
    } else if (!event->u.remove.is_all &&
               !rk_client_watches_has(&c->watches, path, kind, event->u.remove.watcher)) {
        c->result = RK_ZK_NO_WATCHER;
    } else {
        rk_client_watches_remove(&c->watches, path, kind, event->u.remove.is_all,
                                 event->u.remove.watcher);
    }
}

static void take(struct rk_client *c, const struct rk_client_event *event)
{
    switch (event->type) {
    case RK_CLIENT_EV_TICK:
        break;
    case RK_CLIENT_EV_SERVERS:
        rk_client_on_servers(c, event->u.servers.count, event->u.servers.is_new_list);
        break;
    case RK_CLIENT_EV_RESOLVED:
        rk_client_on_resolved(c, event->u.resolved.server, event->u.resolved.count,
                              event->u.resolved.addrs);
        break;
    case RK_CLIENT_EV_CONNECTED:
        rk_client_on_connected(c, event->u.connected.conn);
        break;
    case RK_CLIENT_EV_BYTES:
        rk_client_on_bytes(c, event->u.bytes.conn, event->u.bytes.bytes);
        break;
    case RK_CLIENT_EV_GONE:
        rk_client_on_gone(c, event->u.gone.conn);
        break;
    case RK_CLIENT_EV_REQUEST:
        rk_client_on_request(c, &event->u.request);
        break;
    case RK_CLIENT_EV_AUTH:
        rk_client_on_auth(c, event->u.auth.tag, event->u.auth.scheme, event->u.auth.auth);
        break;
    case RK_CLIENT_EV_REMOVE_WATCHES:
        remove_watches(c, event);
        break;
    case RK_CLIENT_EV_NEXT_SERVER:
        c->retry_ms = rk_client_is_over(c) ? c->retry_ms : c->now_ms;
        rk_client_leave(c);
        break;
    case RK_CLIENT_EV_CLOSE:
        rk_client_on_close(c, event->u.close.close_ms);
        break;
    }
}

static int64_t wake_ms(const struct rk_client *c)
{
    int64_t all[] = {rk_client_session_wake(c), rk_client_servers_wake(c), rk_client_probe_wake(c),
                     rk_client_request_wake(c)};
    int64_t wake_ms = c->has_more ? c->now_ms : RK_CLIENT_NEVER;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        wake_ms = all[i] < wake_ms ? all[i] : wake_ms;
    }
    return wake_ms;
}

void rk_client_step(struct rk_client *c, const struct rk_client_event *event,
                    struct rk_client_effects *out)
{
    if (event->now_ms > c->now_ms) {
        c->now_ms = event->now_ms;
    }
    rk_client_fx_begin(c);
    rk_client_watches_begin(&c->watches);
    if (c->in_done.cap > RK_CLIENT_KEEP_BYTES) {
        rk_buf_deinit(&c->in_done);
    }
    take(c, event);
    rk_client_session_timers(c);
    rk_client_request_timers(c);
    rk_client_servers_timers(c);
    rk_client_probe_timers(c);
    rk_client_pump(c);
    rk_client_servers_timers(c); /* sending may have cost the connection */
    rk_client_fx_end(c, out);
    out->wake_at_ms = wake_ms(c);
}

enum rk_client_state rk_client_state(const struct rk_client *client)
{
    return client->state;
}

rk_session_id rk_client_session(const struct rk_client *client)
{
    return client->session_id;
}

const uint8_t *rk_client_password(const struct rk_client *client)
{
    return client->password;
}

int32_t rk_client_timeout_ms(const struct rk_client *client)
{
    return client->timeout_ms;
}

rk_zxid rk_client_last_zxid(const struct rk_client *client)
{
    return client->last_zxid;
}

uint32_t rk_client_requests(const struct rk_client *client)
{
    return client->request_count;
}

uint64_t rk_client_conn(const struct rk_client *client)
{
    return client->line.id;
}
