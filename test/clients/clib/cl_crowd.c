/* Test of librookery: many threads, many handles, servers that die. */
#include "cl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 64
#define ROUNDS  50

struct worker {
    zhandle_t *zh;
    int number;
    int failed;
    struct cl_count *done;
};

static void on_data(int rc, const char *value, int bytes, const struct Stat *stat, const void *data)
{
    struct worker *w = (struct worker *)(uintptr_t)data;
    (void)stat;
    if (rc != ZOK || bytes < 1 || value[0] != 'v')
        __atomic_fetch_add(&w->failed, 1, __ATOMIC_RELAXED);
    cl_add(w->done, 1);
}

static void *work(void *context)
{
    struct worker *w = context;
    char path[64], value[32];
    snprintf(path, sizeof(path), "/crowd/%d", w->number);
    if (zoo_create(w->zh, path, "v", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) != ZOK)
        __atomic_fetch_add(&w->failed, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < ROUNDS; i++) {
        int bytes = sizeof(value), wanted;
        char read[32];
        wanted = snprintf(value, sizeof(value), "v%d-%d", w->number, i);
        bool is_right = zoo_set(w->zh, path, value, wanted, -1) == ZOK &&
                        zoo_get(w->zh, path, 0, read, &bytes, NULL) == ZOK && bytes == wanted &&
                        memcmp(read, value, (size_t)bytes) == 0 &&
                        zoo_aget(w->zh, path, 0, on_data, w) == ZOK;
        if (!is_right)
            __atomic_fetch_add(&w->failed, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void sixty_four_threads_share_a_handle(void)
{
    static struct worker workers[THREADS];
    static struct cl_count done = CL_COUNT;
    pthread_t threads[THREADS];
    zhandle_t *zh = cl_open(cl_hosts, NULL);
    CL_RC(cl_make(zh, "/crowd", ""), ZOK);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){zh, i, 0, &done};
        CL_CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CL_CHECK(cl_wait_for(&done, THREADS * ROUNDS));
    for (int i = 0; i < THREADS; i++)
        CL_CHECK(__atomic_load_n(&workers[i].failed, __ATOMIC_RELAXED) == 0);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void count_stat(int rc, const struct Stat *stat, const void *data)
{
    struct cl_count *counts = (struct cl_count *)(uintptr_t)data;
    (void)stat;
    cl_add(&counts[rc == ZOK ? 0 : rc == ZCONNECTIONLOSS ? 1 : 2], 1);
}

static void thirty_two_handles_live_side_by_side(void)
{
    enum { HANDLES = 32 };
    zhandle_t *handles[HANDLES];
    struct cl_count counts[3] = {CL_COUNT, CL_COUNT, CL_COUNT};
    for (int i = 0; i < HANDLES; i++)
        handles[i] = cl_open(cl_hosts, NULL);
    for (int n = 0; n < 100; n++) {
        for (int i = 0; i < HANDLES; i++)
            CL_RC(zoo_aexists(handles[i], "/", 0, count_stat, counts), ZOK);
    }
    CL_CHECK(cl_wait_for(&counts[0], HANDLES * 100));
    for (int i = 0; i < HANDLES; i++)
        CL_RC(zookeeper_close(handles[i]), ZOK);
    CL_CHECK(cl_value(&counts[1]) == 0 && cl_value(&counts[2]) == 0);
}

/* Each of many requests is completed once, whatever happens to the server meanwhile. */
static void a_killed_server_leaves_nothing_open(void)
{
    struct cl_count counts[3] = {CL_COUNT, CL_COUNT, CL_COUNT};
    struct rk_options options;
    rk_options_init(&options);
    options.session_timeout_ms = 30000;
    zhandle_t *zh = cl_open(cl_hosts, &options);
    int accepted = 0;
    for (int round = 0; round < 3; round++) {
        cl_ask("pause");
        for (int i = 0; i < 2000; i++)
            accepted += zoo_aset(zh, "/", "x", 1, -1, count_stat, counts) == ZOK;
        cl_ask("restart");
        int sum = 0;
        for (int i = 0; i < CL_PATIENCE_MS && sum < accepted; i += 10) {
            cl_sleep_ms(10);
            sum = cl_value(&counts[0]) + cl_value(&counts[1]) + cl_value(&counts[2]);
        }
        CL_CHECK(sum == accepted);
        CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZOK);
    }
    cl_sleep_ms(20);
    CL_CHECK(cl_value(&counts[0]) + cl_value(&counts[1]) == accepted);
    CL_CHECK(accepted == 6000 && cl_value(&counts[2]) == 0);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void what_a_stopped_server_does_not_take_is_bounded(void)
{
    enum { MIB = 1 << 20, MOST = 256 }; /* more than sockets hold */
    struct cl_count counts[3] = {CL_COUNT, CL_COUNT, CL_COUNT};
    struct rk_options options;
    rk_options_init(&options);
    options.session_timeout_ms = 30000;
    options.queued_bytes_max = 4 * MIB;
    zhandle_t *zh = cl_open(cl_hosts, &options);
    char *value = calloc(1, MIB / 2);
    int rc = ZOK, accepted = 0;
    cl_ask("pause");
    while (rc == ZOK && accepted < MOST) {
        rc = zoo_aset(zh, "/none", value, MIB / 2, -1, count_stat, counts);
        accepted += rc == ZOK;
    }
    CL_RC(rc, ZAPIERROR);
    cl_ask("resume");
    CL_CHECK(cl_wait_for(&counts[2], accepted)); /* ZNONODE */
    CL_RC(zoo_aset(zh, "/none", value, MIB / 2, -1, count_stat, counts), ZOK);
    CL_CHECK(cl_wait_for(&counts[2], accepted + 1));
    free(value);
    CL_RC(zookeeper_close(zh), ZOK);
}

static void *keep_reading(void *context)
{
    struct worker *w = context;
    while (cl_value(w->done) == 0) {
        int rc = zoo_exists(w->zh, "/", 0, NULL);
        if (rc != ZOK && rc != ZCONNECTIONLOSS)
            __atomic_fetch_add(&w->failed, 1, __ATOMIC_RELAXED);
        if (rc != ZOK)
            (void)rk_wait_connected(w->zh, 1000);
    }
    return NULL;
}

static void threads_that_wait_survive_restarts_and_cuts(void)
{
    enum { READERS = 8 };
    struct worker workers[READERS];
    pthread_t threads[READERS];
    struct cl_count over = CL_COUNT;
    zhandle_t *zh = cl_open(cl_hosts_forwarded, NULL);
    for (int i = 0; i < READERS; i++) {
        workers[i] = (struct worker){zh, i, 0, &over};
        CL_CHECK(pthread_create(&threads[i], NULL, keep_reading, &workers[i]) == 0);
    }
    for (int i = 0; i < 3; i++) {
        cl_sleep_ms(50);
        cl_cut();
        cl_sleep_ms(50);
        cl_ask("restart");
    }
    CL_RC(rk_wait_connected(zh, CL_PATIENCE_MS), ZOK);
    cl_add(&over, 1);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        CL_CHECK(__atomic_load_n(&workers[i].failed, __ATOMIC_RELAXED) == 0);
    }
    CL_RC(zookeeper_close(zh), ZOK);
}

const struct cl_case cl_cases_crowd[] = {
    {"sixty_four_threads_share_a_handle", sixty_four_threads_share_a_handle},
    {"thirty_two_handles_live_side_by_side", thirty_two_handles_live_side_by_side},
    {"a_killed_server_leaves_nothing_open", a_killed_server_leaves_nothing_open},
    {"what_a_stopped_server_does_not_take_is_bounded",
     what_a_stopped_server_does_not_take_is_bounded},
    {"threads_that_wait_survive_restarts_and_cuts", threads_that_wait_survive_restarts_and_cuts},
    {NULL, NULL},
};
