/* Asynchronous requests on a handle with threads.
 *
 *   cc -DTHREADED async.c $(pkg-config --cflags --libs rookery) && ./a.out localhost:2181
 *
 * Prints: read back: hello
 */
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include <rookery/rookery.h>

static sem_t done;

/* Runs on the handle's completion thread; what it is given is borrowed. */
static void on_data(int rc, const char *value, int bytes, const struct Stat *stat, const void *data)
{
    (void)data;
    if (rc == ZOK)
        printf("read back: %.*s (version %d)\n", bytes, value, stat->version);
    else
        printf("get: %s\n", zerror(rc));
    sem_post(&done);
}

static void on_created(int rc, const char *path, const void *data)
{
    zhandle_t *zh = (zhandle_t *)data;
    /* Requests may be made in a completion, but none that waits. */
    if (rc != ZOK && rc != ZNODEEXISTS)
        printf("create: %s\n", zerror(rc));
    if (rc != ZOK || zoo_aget(zh, path, 0, on_data, NULL) != ZOK)
        sem_post(&done);
}

int main(int argc, char **argv)
{
    struct rk_options options;
    rk_options_init(&options);
    options.log_level = ZOO_LOG_LEVEL_ERROR;
    zhandle_t *zh = rk_open(argc > 1 ? argv[1] : "localhost:2181", &options);
    if (!zh || rk_wait_connected(zh, 10000) != ZOK) {
        fprintf(stderr, "no connection\n");
        zookeeper_close(zh);
        return 1;
    }
    sem_init(&done, 0, 0);
    int rc = zoo_acreate(zh, "/example-async", "hello", 5, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                         on_created, zh);
    if (rc == ZOK)
        sem_wait(&done);
    zookeeper_close(zh);
    return rc == ZOK ? 0 : 1;
}
