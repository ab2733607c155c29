/* Test of librookery: system calls that take their time. eventfd_write, send and getaddrinfo of
 * this program stand before those of the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cl.h"

#define SLOW_NAME "slow.test"
#define SLOW_MS   2000

static atomic_int is_write_slow, is_send_slow;

int eventfd_write(int fd, eventfd_t value)
{
    if (atomic_load(&is_write_slow))
        cl_sleep_ms(5);
    return write(fd, &value, sizeof(value)) == (ssize_t)sizeof(value) ? 0 : -1;
}

/* What is sent is there before the call returns. */
ssize_t send(int fd, const void *data, size_t len, int flags)
{
    ssize_t n = sendto(fd, data, len, flags, NULL, 0);
    int error = errno;
    if (atomic_load(&is_send_slow))
        cl_sleep_ms(50);
    errno = error;
    return n;
}

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*theirs)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&theirs = dlsym(RTLD_NEXT, "getaddrinfo");
    if (name && strcmp(name, SLOW_NAME) == 0) {
        cl_sleep_ms(SLOW_MS);
        name = "127.0.0.1";
    }
    return theirs(name, port, hints, found);
}

static int64_t cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The connection that ends wakes the I/O thread before who has ended it does. */
static void a_waker_that_is_late_is_heard_once(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    atomic_store(&is_write_slow, 1);
    zoo_cycle_next_server(zh);
    atomic_store(&is_write_slow, 0);
    cl_sleep_ms(200); /* longer than the pause before the next connection */
    CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZOK);
    int64_t before = cpu_ms();
    cl_sleep_ms(400);
    int64_t spent = cpu_ms() - before;
    if (spent > 60)
        cl_fail(__FILE__, __LINE__, "%d ms of CPU while nothing was to be done", (int)spent);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void closing_waits_without_spinning(void)
{
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    CL_RC(zoo_set_servers_resolution_delay(zh, 1), ZOK);
    cl_ask("pause");
    int64_t before = cpu_ms();
    CL_RC(zookeeper_close(zh), ZOK);
    int64_t spent = cpu_ms() - before;
    cl_ask("resume");
    if (spent > 300)
        cl_fail(__FILE__, __LINE__, "%d ms of CPU to close", (int)spent);
}

static void a_slow_resolver_delays_nobody_else(void)
{
    char hosts[128];
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    snprintf(hosts, sizeof(hosts), "%s,%s:1", cl_hosts, SLOW_NAME);
    CL_RC(zoo_set_servers(zh, hosts), ZOK);
    cl_sleep_ms(50);
    int64_t begin = cl_now_ms();
    CL_RC(zoo_exists(zh, "/", 0, NULL), ZOK);
    CL_CHECK(cl_now_ms() - begin < SLOW_MS / 2);
    begin = cl_now_ms();
    CL_RC(zookeeper_close(zh), ZOK);
    CL_CHECK(cl_now_ms() - begin < SLOW_MS / 2);
    cl_sleep_ms(SLOW_MS + 100);
}

static zhandle_t *closed_view;
static void close_view(int rc, const struct Stat *stat, const void *data)
{
    CL_RC(rc, ZOK);
    (void)stat;
    CL_RC(zookeeper_close(closed_view), ZOK);
    cl_add((struct cl_count *)(uintptr_t)data, 1);
}

static void a_view_may_be_closed_before_its_request_returns(void)
{
    struct cl_count done = CL_COUNT;
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    closed_view = rk_view(zh, NULL, 0);
    atomic_store(&is_send_slow, 1);
    CL_RC(zoo_aexists(closed_view, "/", 0, close_view, &done), ZOK);
    atomic_store(&is_send_slow, 0);
    CL_CHECK(cl_value(&done) == 1); /* or the test shows nothing */
    CL_RC(zoo_exists(zh, "/", 0, NULL), ZOK);
    CL_RC(zookeeper_close(zh), ZOK);
}

const struct cl_case cl_cases_slow[] = {
    {"a_waker_that_is_late_is_heard_once", a_waker_that_is_late_is_heard_once},
    {"a_view_may_be_closed_before_its_request_returns",
     a_view_may_be_closed_before_its_request_returns},
    {"closing_waits_without_spinning", closing_waits_without_spinning},
    {"a_slow_resolver_delays_nobody_else", a_slow_resolver_delays_nobody_else},
    {NULL, NULL},
};
