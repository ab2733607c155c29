/* Test of librookery: a handle without threads, driven with poll. This file does not define
 * THREADED, so zookeeper_init makes one by itself. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#undef THREADED
#include <zookeeper/zookeeper.h>

#include "cl.h"

struct loop {
    int connected;
    int lost;
    int answers;
    int last_rc;
    int events;
    int must_close;
    char text[64];
};

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct loop *loop = context;
    (void)zh;
    (void)path;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        loop->connected++;
    else if (type == ZOO_SESSION_EVENT)
        loop->lost++;
    else
        loop->events++;
}

static void on_string(int rc, const char *value, const void *data)
{
    struct loop *loop = (struct loop *)(uintptr_t)data;
    loop->last_rc = rc;
    loop->answers++;
    snprintf(loop->text, sizeof(loop->text), "%s", value ? value : "");
}

static void on_data(int rc, const char *value, int bytes, const struct Stat *stat, const void *data)
{
    (void)bytes;
    (void)stat;
    on_string(rc, value ? "data" : NULL, data);
}

/* One turn; what zookeeper_process says. */
static int turn(zhandle_t *zh, int most_ms)
{
    int fd, interest;
    struct timeval tv;
    int rc = zookeeper_interest(zh, &fd, &interest, &tv);
    if (rc == ZINVALIDSTATE)
        return rc;
    int wait = (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000);
    struct pollfd p = {.fd = fd};
    p.events = (short)(((interest & ZOOKEEPER_READ) ? POLLIN : 0) |
                       ((interest & ZOOKEEPER_WRITE) ? POLLOUT : 0));
    poll(&p, fd >= 0, wait < most_ms ? wait : most_ms);
    int events = ((p.revents & (POLLIN | POLLHUP | POLLERR)) ? ZOOKEEPER_READ : 0) |
                 ((p.revents & POLLOUT) ? ZOOKEEPER_WRITE : 0);
    return zookeeper_process(zh, events);
}

static bool drive(zhandle_t *zh, const int *number, int least)
{
    int64_t end = cl_now_ms() + CL_PATIENCE_MS;
    while (*number < least && cl_now_ms() < end)
        turn(zh, 100);
    return *number >= least;
}

static void a_loop_of_its_own(void)
{
    struct loop loop = {0};
    zhandle_t *zh = zookeeper_init(cl_hosts, on_event, CL_SESSION_MS, NULL, &loop, 0);
    CL_CHECK(zh != NULL && drive(zh, &loop.connected, 1));
    CL_RC(zoo_acreate(zh, "/poll", "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, on_string, &loop), ZOK);
    CL_CHECK(drive(zh, &loop.answers, 1) && loop.last_rc == ZOK && strcmp(loop.text, "/poll") == 0);
    CL_RC(zoo_awget(zh, "/poll", on_event, &loop, on_data, &loop), ZOK);
    CL_RC(zoo_aset(zh, "/poll", "y", 1, -1, NULL, NULL), ZOK);
    CL_CHECK(drive(zh, &loop.events, 1));
    for (int i = 0; i < 1000; i++)
        CL_RC(zoo_aget(zh, "/poll", 0, on_data, &loop), ZOK);
    CL_CHECK(drive(zh, &loop.answers, 1002));
    CL_RC(zoo_exists(zh, "/poll", 0, NULL), ZINVALIDSTATE);
    CL_RC(zoo_remove_all_watches(zh, "/poll", ZWATCHTYPE_ANY, 1), ZINVALIDSTATE);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void a_loop_outlives_the_server(void)
{
    struct loop loop = {0};
    zhandle_t *zh = zookeeper_init(cl_hosts, on_event, CL_SESSION_MS, NULL, &loop, 0);
    CL_CHECK(zh != NULL && drive(zh, &loop.connected, 1));
    cl_ask("restart");
    CL_CHECK(drive(zh, &loop.lost, 1));
    CL_CHECK(drive(zh, &loop.connected, 2));
    CL_RC(zoo_aget(zh, "/", 0, on_data, &loop), ZOK);
    CL_CHECK(drive(zh, &loop.answers, 1) && loop.last_rc == ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void closing_completes_what_is_pending_here_too(void)
{
    struct loop loop = {0};
    zhandle_t *zh = zookeeper_init(cl_hosts, on_event, CL_SESSION_MS, NULL, &loop, 0);
    CL_CHECK(zh != NULL && drive(zh, &loop.connected, 1));
    for (int i = 0; i < 100; i++)
        CL_RC(zoo_aget(zh, "/", 0, on_data, &loop), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
    CL_CHECK(loop.answers == 100);
}

static zhandle_t *closed_inside;
static void close_it(int rc, const char *value, int bytes, const struct Stat *stat,
                     const void *data)
{
    on_data(rc, value, bytes, stat, data);
    if (closed_inside) {
        zhandle_t *zh = closed_inside;
        closed_inside = NULL;
        CL_RC(zookeeper_close(zh), ZOK);
    }
}

static void a_loop_may_close_in_a_callback(void)
{
    struct loop loop = {0};
    zhandle_t *zh = zookeeper_init(cl_hosts, on_event, CL_SESSION_MS, NULL, &loop, 0);
    CL_CHECK(zh != NULL && drive(zh, &loop.connected, 1));
    closed_inside = zh;
    for (int i = 0; i < 10; i++)
        CL_RC(zoo_aget(zh, "/", 0, close_it, &loop), ZOK);
    int rc = ZOK;
    for (int i = 0; i < 1000 && loop.answers == 0; i++)
        rc = turn(zh, 100);
    CL_RC(rc, ZOK);
    CL_CHECK(loop.answers == 10);
}

static void waiting_for_a_connection_drives_the_loop(void)
{
    struct rk_options options;
    rk_options_init(&options);
    options.is_single_threaded = 1;
    zhandle_t *zh = cl_open(cl_hosts, &options);
    struct loop loop = {0};
    CL_RC(zoo_aget(zh, "/", 0, on_data, &loop), ZOK);
    CL_CHECK(drive(zh, &loop.answers, 1) && loop.last_rc == ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
    zh = cl_open(cl_hosts, NULL);
    int fd, interest;
    struct timeval tv;
    CL_RC(zookeeper_interest(zh, &fd, &interest, &tv), ZINVALIDSTATE);
    CL_RC(zookeeper_process(zh, 0), ZINVALIDSTATE);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void close_at_once(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    on_event(zh, type, state, path, context);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void a_handle_may_be_closed_while_its_connection_is_waited_for(void)
{
    struct loop loop = {0};
    zhandle_t *zh = zookeeper_init(cl_hosts, close_at_once, CL_SESSION_MS, NULL, &loop, 0);
    CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZCLOSING);
    CL_CHECK(loop.connected == 1);
}

static void close_in_the_log(const char *line)
{
    zhandle_t *zh = strstr(line, "no address") ? closed_inside : NULL;
    if (zh) {
        closed_inside = NULL;
        CL_RC(zookeeper_close(zh), ZOK);
    }
}

static void a_loop_may_close_in_its_log(void)
{
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    closed_inside = zookeeper_init2("one.invalid:1,two.invalid:1", NULL, CL_SESSION_MS, NULL, NULL,
                                    0, close_in_the_log);
    CL_RC(rk_wait_connected(closed_inside, CL_PATIENCE_MS), ZCLOSING);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
}

const struct cl_case cl_cases_poll[] = {
    {"a_loop_of_its_own", a_loop_of_its_own},
    {"a_loop_outlives_the_server", a_loop_outlives_the_server},
    {"closing_completes_what_is_pending_here_too", closing_completes_what_is_pending_here_too},
    {"a_loop_may_close_in_a_callback", a_loop_may_close_in_a_callback},
    {"waiting_for_a_connection_drives_the_loop", waiting_for_a_connection_drives_the_loop},
    {"a_handle_may_be_closed_while_its_connection_is_waited_for",
     a_handle_may_be_closed_while_its_connection_is_waited_for},
    {"a_loop_may_close_in_its_log", a_loop_may_close_in_its_log},
    {NULL, NULL},
};
