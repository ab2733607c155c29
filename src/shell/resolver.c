/* Lookups in detached threads. Guarantees that nothing of a lookup outlives both its thread and the
 * resolver, whichever ends first, and that the news handle is not touched after destroy. */
#include "shell/resolver.h"

#include "base/list.h"
#include "base/mem_libc.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

struct rk_resolver {
    struct rk_mem mem; /* its own: threads use it under the lock */
    pthread_mutex_t lock;
    uv_async_t *news;
    rk_lookup_fn lookup;
    struct rk_link lookups; /* under way, or answered and not taken */
    uint32_t count;         /* of them */
    uint32_t running;       /* threads */
    bool is_closed;
};

struct lookup {
    struct rk_link link;
    struct rk_resolver *resolver;
    bool is_done;
    int error;
    char host[RK_LOOKUP_HOST_MAX];
    struct rk_addrs addrs;
};

static void lock(struct rk_resolver *r)
{
    int err = pthread_mutex_lock(&r->lock);
    RK_ASSERT(err == 0);
}

static void unlock(struct rk_resolver *r)
{
    int err = pthread_mutex_unlock(&r->lock);
    RK_ASSERT(err == 0);
}

bool rk_addr_parse(const char *host, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof(*ret));
    return uv_ip4_addr(host, 0, (struct sockaddr_in *)ret) == 0 ||
           uv_ip6_addr(host, 0, (struct sockaddr_in6 *)ret) == 0;
}

static int system_lookup(const char *host, struct rk_addrs *ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, NULL, &hints, &list);
    if (error != 0) {
        return error;
    }
    for (const struct addrinfo *it = list; it != NULL; it = it->ai_next) {
        bool is_ip = it->ai_family == AF_INET || it->ai_family == AF_INET6;
        if (is_ip && ret->count < RK_LOOKUP_ADDRS_MAX) {
            memcpy(&ret->items[ret->count], it->ai_addr, it->ai_addrlen);
            ret->count++;
        }
    }
    freeaddrinfo(list);
    return 0;
}

static void free_lookup(struct rk_resolver *r, struct lookup *l)
{
    rk_list_unlink(&l->link);
    r->count--;
    rk_mem_free(&r->mem, l, sizeof(*l));
}

static void free_resolver(struct rk_resolver *r)
{
    struct rk_mem mem = r->mem;
    (void)pthread_mutex_destroy(&r->lock); /* nobody knows of it any more */
    rk_mem_free(&mem, r, sizeof(*r));
    RK_ASSERT(mem.used_bytes == 0);
}

static void *run(void *ctx)
{
    struct lookup *l = ctx;
    struct rk_resolver *r = l->resolver;
    struct rk_addrs addrs;
    memset(&addrs, 0, sizeof(addrs));
    int error = r->lookup(l->host, &addrs); /* neither changes while we run */
    lock(r);
    l->error = error;
    l->addrs = addrs;
    l->is_done = true;
    r->running--;
    bool is_last = r->is_closed && r->running == 0;
    if (r->is_closed) {
        free_lookup(r, l);
    } else {
        int err = uv_async_send(r->news);
        RK_ASSERT(err == 0);
    }
    unlock(r);
    if (is_last) {
        free_resolver(r);
    }
    return NULL;
}

struct rk_resolver *rk_resolver_create(uv_async_t *news, rk_lookup_fn lookup)
{
    struct rk_mem mem;
    rk_mem_libc_init(&mem, 0);
    struct rk_resolver *r = rk_mem_zalloc(&mem, sizeof(*r));
    if (r == NULL) {
        return NULL;
    }
    r->mem = mem;
    r->news = news;
    r->lookup = lookup != NULL ? lookup : system_lookup;
    rk_list_init(&r->lookups);
    int err = pthread_mutex_init(&r->lock, NULL);
    RK_ASSERT(err == 0);
    return r;
}

void rk_resolver_destroy(struct rk_resolver *r)
{
    struct rk_link *it;
    struct rk_link *next;
    if (r == NULL) {
        return;
    }
    lock(r);
    r->is_closed = true;
    r->news = NULL;
    RK_LIST_EACH(it, next, &r->lookups)
    {
        struct lookup *l = RK_CONTAINER_OF(it, struct lookup, link);
        if (l->is_done) {
            free_lookup(r, l);
        }
    }
    bool is_last = r->running == 0;
    unlock(r);
    if (is_last) {
        free_resolver(r);
    }
}

/* Signals are the loop's: a thread starts with all of them blocked. */
static bool start(struct lookup *l)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    pthread_attr_t attr;
    (void)sigfillset(&all); /* cannot fail */
    if (pthread_attr_init(&attr) != 0) {
        return false;
    }
    int err = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    RK_ASSERT(err == 0);
    err = pthread_sigmask(SIG_SETMASK, &all, &before);
    RK_ASSERT(err == 0);
    bool is_started = pthread_create(&thread, &attr, run, l) == 0;
    err = pthread_sigmask(SIG_SETMASK, &before, NULL);
    RK_ASSERT(err == 0);
    (void)pthread_attr_destroy(&attr); /* cannot fail */
    return is_started;
}

static struct lookup *find(struct rk_resolver *r, const char *host)
{
    struct rk_link *it;
    struct rk_link *next;
    RK_LIST_EACH(it, next, &r->lookups)
    {
        struct lookup *l = RK_CONTAINER_OF(it, struct lookup, link);
        if (strcmp(l->host, host) == 0) {
            return l;
        }
    }
    return NULL;
}

/* Under the lock, so that a thread which is done at once finds itself counted. */
static enum rk_err begin(struct rk_resolver *r, const char *host)
{
    if (find(r, host) != NULL) {
        return RK_OK;
    }
    if (r->count >= RK_LOOKUPS_MAX) {
        return RK_ERR_BUSY;
    }
    struct lookup *l = rk_mem_zalloc(&r->mem, sizeof(*l));
    if (l == NULL) {
        return RK_ERR_NOMEM;
    }
    l->resolver = r;
    memcpy(l->host, host, strlen(host) + 1);
    rk_list_push(&r->lookups, &l->link);
    r->count++;
    r->running++;
    if (!start(l)) {
        r->running--;
        free_lookup(r, l);
        return RK_ERR_NOMEM;
    }
    return RK_OK;
}

enum rk_err rk_resolver_begin(struct rk_resolver *r, const char *host)
{
    RK_ASSERT(strlen(host) < RK_LOOKUP_HOST_MAX);
    lock(r);
    enum rk_err err = begin(r, host);
    unlock(r);
    return err;
}

bool rk_resolver_take(struct rk_resolver *r, char ret_host[RK_LOOKUP_HOST_MAX], int *ret_error,
                      struct rk_addrs *ret)
{
    struct rk_link *it;
    struct rk_link *next;
    bool is_here = false;
    lock(r);
    RK_LIST_EACH(it, next, &r->lookups)
    {
        struct lookup *l = RK_CONTAINER_OF(it, struct lookup, link);
        if (l->is_done) {
            memcpy(ret_host, l->host, sizeof(l->host));
            *ret_error = l->error;
            *ret = l->addrs;
            free_lookup(r, l);
            is_here = true;
            break;
        }
    }
    unlock(r);
    return is_here;
}
