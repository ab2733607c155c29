/* Load through the C interface: the same source is linked to Apache's client and to librookery.
 *
 *   client_bench HOSTS get|set async OUTSTANDING SECONDS
 *   client_bench HOSTS get|set sync THREADS SECONDS
 *
 * One handle. async keeps OUTSTANDING requests in flight, each completion makes the next request;
 * sync lets THREADS threads ask one after another. A line of JSON: operations, wrong answers, wall
 * seconds, and user and system seconds of this process, all within the measured time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <zookeeper/zookeeper.h>

#define PATH        "/client-bench"
#define VALUE_BYTES 100
#define WARM_S      0.3
#define THREADS_MAX 256

static zhandle_t *zh;
static char value[VALUE_BYTES], expected[4096];
static int expected_bytes = sizeof(expected);
static int is_set;
static atomic_int is_over;
static atomic_long done, wrong, in_flight;
static atomic_int is_connected;

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context)
{
    (void)handle;
    (void)path;
    (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
        atomic_store(&is_connected, 1);
}

static double seconds_of(const struct timeval *tv)
{
    return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void count(int is_right)
{
    if (is_right)
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed);
}

static void ask(void);

static void on_data(int rc, const char *data, int bytes, const struct Stat *stat, const void *ctx)
{
    (void)ctx;
    count(rc == ZOK && bytes == expected_bytes && stat &&
          memcmp(data, expected, (size_t)bytes) == 0);
    ask();
}

static void on_stat(int rc, const struct Stat *stat, const void *ctx)
{
    (void)ctx;
    count(rc == ZOK && stat && stat->dataLength >= 0);
    ask();
}

static void ask(void)
{
    int rc = ZINVALIDSTATE;
    if (!atomic_load_explicit(&is_over, memory_order_relaxed))
        rc = is_set ? zoo_aset(zh, PATH, value, VALUE_BYTES, -1, on_stat, NULL)
                    : zoo_aget(zh, PATH, 0, on_data, NULL);
    if (rc != ZOK)
        atomic_fetch_sub(&in_flight, 1);
}

static void *ask_sync(void *context)
{
    (void)context;
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        char buffer[sizeof(expected)];
        int bytes = sizeof(buffer);
        struct Stat stat;
        int rc = is_set ? zoo_set2(zh, PATH, value, VALUE_BYTES, -1, &stat)
                        : zoo_get(zh, PATH, 0, buffer, &bytes, &stat);
        count(rc == ZOK && (is_set || bytes == expected_bytes) && stat.dataLength >= 0);
    }
    return NULL;
}

static void wait_seconds(double seconds)
{
    usleep((useconds_t)(seconds * 1e6));
}

static int connect_and_prepare(const char *hosts)
{
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    memset(value, 'v', sizeof(value));
    zh = zookeeper_init(hosts, on_event, 30000, NULL, NULL, 0);
    for (int i = 0; zh && i < 1000 && !atomic_load(&is_connected); i++)
        wait_seconds(0.01);
    if (!zh || !atomic_load(&is_connected)) {
        fprintf(stderr, "client_bench: no connection to %s\n", hosts);
        return -1;
    }
    int rc = zoo_create(zh, PATH, value, VALUE_BYTES, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    if (rc != ZOK && rc != ZNODEEXISTS) {
        fprintf(stderr, "client_bench: create: %s\n", zerror(rc));
        return -1;
    }
    /* What the server says now is what it has to say each time; the null server has data of its
     * own. */
    struct Stat stat;
    rc = zoo_get(zh, PATH, 0, expected, &expected_bytes, &stat);
    if (rc != ZOK) {
        fprintf(stderr, "client_bench: get: %s\n", zerror(rc));
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: client_bench HOSTS get|set async|sync NUMBER SECONDS\n");
        return 2;
    }
    is_set = strcmp(argv[2], "set") == 0;
    int is_async = strcmp(argv[3], "async") == 0;
    int number = (int)strtol(argv[4], NULL, 10);
    double seconds = strtod(argv[5], NULL);
    pthread_t threads[THREADS_MAX];
    struct rusage before, after;
    if (number < 1 || number > THREADS_MAX || connect_and_prepare(argv[1]) != 0)
        return 1;
    for (int i = 0; i < number; i++) {
        if (is_async) {
            atomic_fetch_add(&in_flight, 1);
            ask();
        } else if (pthread_create(&threads[i], NULL, ask_sync, NULL) != 0) {
            return 1;
        }
    }
    wait_seconds(WARM_S);
    getrusage(RUSAGE_SELF, &before);
    long first = atomic_load(&done);
    double begin = now();
    wait_seconds(seconds);
    long last = atomic_load(&done);
    double end = now();
    getrusage(RUSAGE_SELF, &after);
    atomic_store(&is_over, 1);
    for (int i = 0; i < number && !is_async; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; is_async && i < 1000 && atomic_load(&in_flight) > 0; i++)
        wait_seconds(0.01);
    printf("{\"operations\": %ld, \"wrong\": %ld, \"seconds\": %.4f, \"user_s\": %.4f, "
           "\"system_s\": %.4f}\n",
           last - first, atomic_load(&wrong), end - begin,
           seconds_of(&after.ru_utime) - seconds_of(&before.ru_utime),
           seconds_of(&after.ru_stime) - seconds_of(&before.ru_stime));
    zookeeper_close(zh);
    return atomic_load(&wrong) ? 1 : 0;
}
