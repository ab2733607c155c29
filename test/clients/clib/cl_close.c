/* Test of librookery: closing a handle from everywhere. Every request that was accepted has its
 * completion called once, whatever happens. */
#include "cl.h"

#include <stdio.h>
#include <string.h>

struct closing {
    struct cl_count closed; /* callbacks that closed their handle */
    struct cl_count called; /* completions */
    zhandle_t *zh;
    const char *where;
    int is_closed;
};

static void close_now(struct closing *c)
{
    if (__atomic_exchange_n(&c->is_closed, 1, __ATOMIC_SEQ_CST))
        return;
    struct Stat stat;
    CL_RC(zoo_exists(c->zh, "/", 0, &stat), ZINVALIDSTATE); /* it would wait for itself */
    CL_RC(zookeeper_close(c->zh), ZOK);
    cl_add(&c->closed, 1);
}

static void on_void(int rc, const void *data)
{
    struct closing *c = (struct closing *)(uintptr_t)data;
    (void)rc;
    close_now(c);
    cl_add(&c->called, 1);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    (void)stat;
    on_void(rc, data);
}

static void on_data(int rc, const char *value, int bytes, const struct Stat *stat, const void *data)
{
    (void)value;
    (void)bytes;
    on_stat(rc, stat, data);
}

static void on_string(int rc, const char *value, const void *data)
{
    (void)value;
    on_void(rc, data);
}

static void on_strings(int rc, const struct String_vector *strings, const void *data)
{
    (void)strings;
    on_void(rc, data);
}

static void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                            const void *data)
{
    (void)strings;
    on_stat(rc, stat, data);
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data)
{
    (void)acl;
    on_stat(rc, stat, data);
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)state;
    (void)path;
    if (type != ZOO_SESSION_EVENT)
        close_now(context);
}

static void ignore_stat(int rc, const struct Stat *stat, const void *data)
{
    struct closing *c = (struct closing *)(uintptr_t)data;
    (void)rc;
    (void)stat;
    cl_add(&c->called, 1);
}

static int start(struct closing *c)
{
    if (strcmp(c->where, "void") == 0)
        return zoo_adelete(c->zh, "/none", -1, on_void, c);
    if (strcmp(c->where, "stat") == 0)
        return zoo_aexists(c->zh, "/", 0, on_stat, c);
    if (strcmp(c->where, "data") == 0)
        return zoo_aget(c->zh, "/", 0, on_data, c);
    if (strcmp(c->where, "string") == 0)
        return zoo_async(c->zh, "/", on_string, c);
    if (strcmp(c->where, "strings") == 0)
        return zoo_aget_children(c->zh, "/", 0, on_strings, c);
    if (strcmp(c->where, "strings_stat") == 0)
        return zoo_aget_children2(c->zh, "/", 0, on_strings_stat, c);
    if (strcmp(c->where, "acl") == 0)
        return zoo_aget_acl(c->zh, "/", on_acl, c);
    if (strcmp(c->where, "auth") == 0)
        return zoo_add_auth(c->zh, "digest", "a:b", 3, on_void, c);
    CL_RC(zoo_awexists(c->zh, "/close-watch", on_watch, c, ignore_stat, c), ZOK);
    return zoo_acreate(c->zh, "/close-watch", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, on_string,
                       c);
}

static void a_handle_may_be_closed_in_every_callback(void)
{
    static const char *const places[] = {"void",         "stat", "data", "string", "strings",
                                         "strings_stat", "acl",  "auth", "watch"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct closing c = {.closed = CL_COUNT, .called = CL_COUNT, .where = places[i]};
        c.zh = cl_open(cl_hosts, NULL);
        int extra = 0;
        for (int n = 0; n < 50; n++)
            extra += zoo_aexists(c.zh, "/", 0, ignore_stat, &c) == ZOK;
        CL_RC(start(&c), ZOK); /* the handle is gone from here on */
        if (!cl_wait_for(&c.closed, 1))
            cl_fail(__FILE__, __LINE__, "not closed in %s", places[i]);
        int own = strcmp(places[i], "watch") == 0 ? 2 : 1;
        if (!cl_wait_for(&c.called, extra + own))
            cl_fail(__FILE__, __LINE__, "%s: %d completions, not %d", places[i],
                    cl_value(&c.called), extra + own);
    }
    cl_sleep_ms(50);
}

static void on_connected(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct cl_count *closed = context;
    (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE) {
        CL_RC(zookeeper_close(zh), ZOK);
        cl_add(closed, 1);
    }
}

static void on_session(zhandle_t *zh, enum rk_session_change change, int64_t id, void *context)
{
    struct cl_count *closed = context;
    if (change == RK_SESSION_NEW && id != 0) {
        CL_RC(zookeeper_close(zh), ZOK);
        cl_add(closed, 1);
    }
}

static void a_handle_may_be_closed_when_it_connects(void)
{
    struct cl_count closed = CL_COUNT;
    struct rk_options options;
    CL_CHECK(zookeeper_init(cl_hosts, on_connected, CL_SESSION_MS, NULL, &closed, 0) != NULL);
    CL_CHECK(cl_wait_for(&closed, 1));
    rk_options_init(&options);
    options.on_session = on_session;
    options.on_session_context = &closed;
    CL_CHECK(rk_open(cl_hosts, &options) != NULL);
    CL_CHECK(cl_wait_for(&closed, 2));
    cl_sleep_ms(50);
}

static struct cl_count calls_of_two = CL_COUNT;
static void one_of_two(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)state;
    (void)path;
    (void)context;
    if (type == ZOO_SESSION_EVENT)
        return;
    CL_RC(zookeeper_close(zh), ZOK);
    cl_add(&calls_of_two, 1);
}

static void no_watcher_is_called_after_closing(void)
{
    int first, second;
    zhandle_t *zh = cl_open(cl_hosts, NULL), *other = cl_open(cl_hosts, NULL);
    CL_RC(zoo_wexists(zh, "/two-watch", one_of_two, &first, NULL), ZNONODE);
    CL_RC(zoo_wexists(zh, "/two-watch", one_of_two, &second, NULL), ZNONODE);
    CL_RC(zoo_create(other, "/two-watch", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0),
          ZOK);
    CL_CHECK(cl_wait_for(&calls_of_two, 1));
    cl_sleep_ms(50);
    CL_CHECK(cl_value(&calls_of_two) == 1);
    CL_RC(zookeeper_close(other), ZOK);
}

static void count_stat(int rc, const struct Stat *stat, const void *data)
{
    struct cl_count *counts = (struct cl_count *)(uintptr_t)data;
    (void)stat;
    cl_add(&counts[rc == ZOK ? 0 : rc == ZCLOSING ? 1 : rc == ZCONNECTIONLOSS ? 2 : 3], 1);
}

static void closing_completes_what_is_pending(void)
{
    for (int round = 0; round < 20; round++) {
        struct cl_count counts[4] = {CL_COUNT, CL_COUNT, CL_COUNT, CL_COUNT};
        zhandle_t *zh = cl_open(cl_hosts, NULL);
        int accepted = 0;
        for (int i = 0; i < 500; i++)
            accepted += zoo_aexists(zh, "/", 0, count_stat, counts) == ZOK;
        if (round % 2)
            cl_sleep_ms(1);
        CL_RC(zookeeper_close(zh), ZOK);
        int sum = 0;
        for (int i = 0; i < 4; i++)
            sum += cl_value(&counts[i]);
        if (sum != accepted || cl_value(&counts[3]) != 0)
            cl_fail(__FILE__, __LINE__, "%d completions of %d, %d of them strange", sum, accepted,
                    cl_value(&counts[3]));
    }
}

static void a_handle_that_never_connected_closes(void)
{
    struct cl_count counts[4] = {CL_COUNT, CL_COUNT, CL_COUNT, CL_COUNT};
    int64_t begin = cl_now_ms();
    zhandle_t *zh = rk_open("127.0.0.1:1,[::1]:1", NULL);
    CL_CHECK(zh != NULL);
    CL_RC(rk_wait_connected(zh, 200), ZOPERATIONTIMEOUT);
    for (int i = 0; i < 10; i++)
        CL_RC(zoo_aexists(zh, "/", 0, count_stat, counts), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
    CL_CHECK(cl_value(&counts[1]) + cl_value(&counts[2]) == 10);
    CL_CHECK(cl_now_ms() - begin < 2000);
}

struct waiter {
    zhandle_t *zh;
    int rc;
};
static void *wait_forever(void *context)
{
    struct waiter *w = context;
    w->rc = zoo_exists(w->zh, "/", 0, NULL);
    return NULL;
}

static void closing_wakes_who_waits(void)
{
    struct waiter waiters[4];
    pthread_t threads[4];
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    cl_ask("pause");
    for (int i = 0; i < 4; i++) {
        waiters[i].zh = zh;
        CL_CHECK(pthread_create(&threads[i], NULL, wait_forever, &waiters[i]) == 0);
    }
    cl_sleep_ms(100);
    int64_t begin = cl_now_ms();
    CL_RC(zookeeper_close(zh), ZOK);
    CL_CHECK(cl_now_ms() - begin < 5000);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CL_RC(waiters[i].rc, ZCLOSING);
    }
    cl_ask("resume");
}

const struct cl_case cl_cases_close[] = {
    {"a_handle_may_be_closed_in_every_callback", a_handle_may_be_closed_in_every_callback},
    {"a_handle_may_be_closed_when_it_connects", a_handle_may_be_closed_when_it_connects},
    {"no_watcher_is_called_after_closing", no_watcher_is_called_after_closing},
    {"closing_completes_what_is_pending", closing_completes_what_is_pending},
    {"a_handle_that_never_connected_closes", a_handle_that_never_connected_closes},
    {"closing_wakes_who_waits", closing_wakes_who_waits},
    {NULL, NULL},
};
