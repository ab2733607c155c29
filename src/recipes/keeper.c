/* The keeper: one session for all recipes of a program, and the next one when it is lost. The
 * watcher of the handle notes what happens and pokes the objects; the keeper's thread replaces
 * handles, tells on_link, gives up a session that was suspended for too long, and removes nodes
 * that could not be removed when they should. */
#include "recipes/keeper_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REOPEN_PAUSE_MS    1000
#define SESSION_DEFAULT_MS 30000 /* of rk_options */

void rk_keeper_lock(struct rk_keeper *k)
{
    pthread_mutex_lock(&k->mutex);
}

void rk_keeper_unlock(struct rk_keeper *k)
{
    pthread_mutex_unlock(&k->mutex);
}

void rk_keeper_wake(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    pthread_cond_broadcast(&k->cond);
    rk_keeper_unlock(k);
}

/* -- What happens to the connection ---------------------------------------------------------------
 */

static void move(struct rk_keeper *k, enum rk_link link, enum rk_link told)
{
    k->link = link;
    k->moves++;
    if (k->news_count == RK_KEEPER_NEWS) {
        memmove(k->news, k->news + 1, sizeof(k->news) - sizeof(k->news[0]));
        k->news_count--;
    }
    k->news[k->news_count++] = told;
    for (struct rk_object *o = k->objects; o != NULL; o = o->next) {
        rk_object_poke(o);
    }
    pthread_cond_broadcast(&k->cond);
}

static void lose(struct rk_keeper *k)
{
    k->generation++;
    k->has_session = false;
    k->is_ending = true;
    move(k, RK_LINK_SUSPENDED, RK_LINK_LOST);
    move(k, RK_LINK_SUSPENDED, RK_LINK_SUSPENDED);
}

static void remember_session(struct rk_keeper *k, zhandle_t *zh)
{
    const clientid_t *id = zoo_client_id(zh);
    k->session_timeout_ms = zoo_recv_timeout(zh);
    if (k->session_count == 0 ||
        k->sessions[(k->session_count - 1u) % RK_KEEPER_SESSIONS] != id->client_id) {
        k->sessions[k->session_count++ % RK_KEEPER_SESSIONS] = id->client_id;
    }
}

static void note_state(struct rk_keeper *k, zhandle_t *zh, int state)
{
    if (k->is_ending || k->link == RK_LINK_FAILED) {
        return;
    }
    if (state == ZOO_CONNECTED_STATE) {
        remember_session(k, zh);
        k->has_session = true;
        if (k->link != RK_LINK_CONNECTED) {
            move(k, RK_LINK_CONNECTED, RK_LINK_CONNECTED);
        }
    } else if (state == ZOO_EXPIRED_SESSION_STATE) {
        lose(k);
    } else if (state == ZOO_AUTH_FAILED_STATE) {
        move(k, RK_LINK_FAILED, RK_LINK_FAILED);
    } else if (k->link == RK_LINK_CONNECTED) {
        k->suspended_at_ms = rk_rec_now_ms();
        move(k, RK_LINK_SUSPENDED, RK_LINK_SUSPENDED);
    }
}

static void on_handle(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct rk_keeper *k = context;
    rk_keeper_lock(k);
    k->callback_thread = pthread_self();
    k->has_callback_thread = true;
    if (type == ZOO_SESSION_EVENT) {
        note_state(k, zh, state);
    }
    rk_keeper_unlock(k);
    if (k->options.session.watcher != NULL) {
        k->options.session.watcher(zh, type, state, path, k->options.session.context);
    }
}

/* -- The keeper's thread; the keeper is locked in all of these ------------------------------------
 */

/* A request without an answer ends with the session timeout at the latest: whoever holds a lock and
 * waits for ever would keep everybody else waiting. */
static struct rk_options handle_options(struct rk_keeper *k)
{
    struct rk_options options = k->options.session;
    options.watcher = on_handle;
    options.context = k;
    if (options.request_timeout_ms == 0) {
        options.request_timeout_ms =
            options.session_timeout_ms > 0 ? options.session_timeout_ms : SESSION_DEFAULT_MS;
    }
    return options;
}

static void open_handle(struct rk_keeper *k)
{
    struct rk_options options = handle_options(k);
    rk_keeper_unlock(k);
    zhandle_t *zh = rk_open(k->hosts, &options);
    rk_keeper_lock(k);
    if (zh == NULL) {
        int64_t until = rk_rec_now_ms() + REOPEN_PAUSE_MS;
        while (!k->is_closing && rk_rec_now_ms() < until) {
            rk_rec_cond_wait(&k->cond, &k->mutex, until);
        }
        return;
    }
    k->zh = zh;
    for (struct rk_auth *a = k->auths; a != NULL; a = a->next) {
        (void)zoo_add_auth(zh, a->scheme, a->cert, a->cert_bytes, NULL, NULL); /* tells by state */
    }
    pthread_cond_broadcast(&k->cond);
}

static void close_handle(struct rk_keeper *k)
{
    while (k->holders > 0) {
        pthread_cond_wait(&k->cond, &k->mutex);
    }
    zhandle_t *zh = k->zh;
    k->zh = NULL;
    k->has_callback_thread = false;
    rk_keeper_unlock(k);
    if (zh != NULL) {
        zookeeper_close(zh);
    }
    rk_keeper_lock(k);
    k->has_callback_thread = false;
    k->is_ending = false;
}

static void tell(struct rk_keeper *k)
{
    enum rk_link link = k->news[0];
    k->news_count--;
    memmove(k->news, k->news + 1, k->news_count * sizeof(k->news[0]));
    if (k->options.on_link != NULL) {
        rk_keeper_unlock(k);
        k->options.on_link(k, link, k->options.on_link_context);
        rk_keeper_lock(k);
    }
}

/* The first that gets no answer ends it: each of the others would wait as long, and this thread has
 * sessions to look after. Next time it is the last. */
static void sweep(struct rk_keeper *k)
{
    struct rk_node *list = k->discarded;
    struct rk_node *failed = NULL;
    zhandle_t *zh = k->zh;
    k->discarded = NULL;
    k->holders++;
    uint64_t generation = k->generation;
    rk_keeper_unlock(k);
    while (list != NULL && failed == NULL) {
        struct rk_node *node = list;
        list = node->next;
        node->next = NULL;
        if (node->generation != generation || rk_node_sweep(k, zh, node)) {
            rk_node_free(node);
        } else {
            failed = node;
        }
    }
    rk_keeper_lock(k);
    k->holders--;
    k->is_sweeping_late = failed != NULL;
    struct rk_node **end = &k->discarded;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = list;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = failed;
    pthread_cond_broadcast(&k->cond);
}

/* True: it did something, look again. */
static bool work(struct rk_keeper *k, int64_t *ret_wake_ms)
{
    *ret_wake_ms = RK_FOREVER;
    if (k->news_count > 0) {
        tell(k);
        return true;
    }
    if (k->is_ending) {
        close_handle(k);
        return true;
    }
    if (k->zh == NULL) {
        open_handle(k);
        return true;
    }
    if (k->link == RK_LINK_SUSPENDED && k->has_session) {
        *ret_wake_ms = k->suspended_at_ms + k->session_timeout_ms;
        if (rk_rec_now_ms() >= *ret_wake_ms) {
            lose(k);
            return true;
        }
    }
    if (k->discarded != NULL && k->link == RK_LINK_CONNECTED) {
        if (!k->is_sweeping_late) {
            sweep(k);
            return true;
        }
        k->is_sweeping_late = false;
        *ret_wake_ms = rk_rec_now_ms() + RK_RETRY_MS;
    }
    return false;
}

static void *keeper_main(void *arg)
{
    struct rk_keeper *k = arg;
    rk_keeper_lock(k);
    while (!k->is_closing) {
        int64_t wake_ms;
        if (!work(k, &wake_ms) && !k->is_closing) {
            rk_rec_cond_wait(&k->cond, &k->mutex, wake_ms);
        }
    }
    rk_keeper_unlock(k);
    return NULL;
}

/* -- Open and close -------------------------------------------------------------------------------
 */

void rk_keeper_options_init(struct rk_keeper_options *options)
{
    memset(options, 0, sizeof(*options));
    options->size = (uint32_t)sizeof(*options);
    rk_options_init(&options->session);
}

static void destroy(struct rk_keeper *k)
{
    while (k->auths != NULL) {
        struct rk_auth *a = k->auths;
        k->auths = a->next;
        free(a->scheme);
        free(a->cert);
        free(a);
    }
    while (k->cells != NULL) {
        struct rk_cell *cell = k->cells;
        k->cells = cell->next;
        free(cell);
    }
    while (k->discarded != NULL) {
        struct rk_node *node = k->discarded;
        k->discarded = node->next;
        rk_node_free(node);
    }
    pthread_cond_destroy(&k->cond);
    pthread_mutex_destroy(&k->mutex);
    free(k->hosts);
    free(k);
}

static int are_options_bad(const struct rk_keeper_options *options)
{
    return options->size != sizeof(*options) || options->session.is_single_threaded != 0 ||
           options->session.is_read_only_allowed != 0 || options->session.client_id != NULL;
}

/* The first handle is opened here, so that malformed hosts are told at once. */
static int start(struct rk_keeper *k)
{
    struct rk_options options = handle_options(k);
    errno = 0;
    zhandle_t *zh = rk_open(k->hosts, &options);
    if (zh == NULL) {
        return errno == EINVAL ? ZBADARGUMENTS : ZSYSTEMERROR;
    }
    /* Whoever asks for the thread finds it set. */
    rk_keeper_lock(k);
    k->zh = zh;
    int rc = rk_rec_thread(&k->thread, keeper_main, k);
    rk_keeper_unlock(k);
    if (rc != ZOK) {
        zookeeper_close(zh);
    }
    return rc;
}

int rk_keeper_open(const char *hosts, const struct rk_keeper_options *options,
                   struct rk_keeper **ret_keeper)
{
    struct rk_keeper_options defaults;
    rk_keeper_options_init(&defaults);
    if (hosts == NULL || (options != NULL && are_options_bad(options))) {
        return ZBADARGUMENTS;
    }
    struct rk_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return ZSYSTEMERROR;
    }
    k->options = options != NULL ? *options : defaults;
    k->hosts = strdup(hosts);
    k->link = RK_LINK_SUSPENDED;
    k->generation = 1;
    k->session_timeout_ms = k->options.session.session_timeout_ms;
    if (pthread_mutex_init(&k->mutex, NULL) != 0) {
        free(k->hosts);
        free(k);
        return ZSYSTEMERROR;
    }
    if (!rk_rec_cond_init(&k->cond)) {
        pthread_mutex_destroy(&k->mutex);
        free(k->hosts);
        free(k);
        return ZSYSTEMERROR;
    }
    int rc = k->hosts == NULL ? ZSYSTEMERROR : start(k);
    if (rc != ZOK) {
        destroy(k);
        return rc;
    }
    *ret_keeper = k;
    return ZOK;
}

int rk_keeper_close(struct rk_keeper *k)
{
    if (k == NULL) {
        return ZOK;
    }
    if (rk_keeper_on_own_thread(k)) {
        return ZINVALIDSTATE;
    }
    rk_keeper_lock(k);
    if (k->objects != NULL || k->is_closing) {
        rk_keeper_unlock(k);
        return ZINVALIDSTATE;
    }
    k->is_closing = true;
    pthread_cond_broadcast(&k->cond);
    rk_keeper_unlock(k);
    pthread_join(k->thread, NULL);
    rk_keeper_lock(k);
    close_handle(k);
    while (k->users > 0) {
        pthread_cond_wait(&k->cond, &k->mutex);
    }
    rk_keeper_unlock(k);
    destroy(k);
    return ZOK;
}
