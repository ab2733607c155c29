/* A watch on everything below a node, which stays until it is removed.
 *
 *   cc -DTHREADED watch.c $(pkg-config --cflags --libs rookery) && ./a.out localhost:2181
 *
 * Prints: deleted /example-watch/child
 */
#include <semaphore.h>
#include <stdio.h>

#include <rookery/rookery.h>

static sem_t events;

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)context;
    if (type == ZOO_SESSION_EVENT) {
        printf("session: state %d\n", state); /* watches are set again by themselves */
        return;
    }
    printf("%s %s\n",
           type == ZOO_CREATED_EVENT   ? "created"
           : type == ZOO_DELETED_EVENT ? "deleted"
                                       : "changed",
           path);
    sem_post(&events);
}

int main(int argc, char **argv)
{
    struct rk_options options;
    rk_options_init(&options);
    options.log_level = ZOO_LOG_LEVEL_ERROR;
    zhandle_t *zh = rk_open(argc > 1 ? argv[1] : "localhost:2181", &options);
    int rc = zh ? rk_wait_connected(zh, 10000) : ZSYSTEMERROR;
    sem_init(&events, 0, 0);
    if (rc == ZOK)
        rc = zoo_create(zh, "/example-watch", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    if (rc == ZNODEEXISTS)
        rc = ZOK;
    if (rc == ZOK)
        rc = rk_add_watch(zh, "/example-watch", RK_WATCH_RECURSIVE, on_event, NULL);
    if (rc == ZOK)
        rc = zoo_create(zh, "/example-watch/child", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                        NULL, 0);
    if (rc == ZOK)
        rc = zoo_set(zh, "/example-watch/child", "x", 1, -1);
    if (rc == ZOK)
        rc = zoo_delete(zh, "/example-watch/child", -1);
    for (int i = 0; rc == ZOK && i < 3; i++)
        sem_wait(&events);
    if (rc != ZOK)
        fprintf(stderr, "%s\n", zerror(rc));
    zookeeper_close(zh);
    return rc == ZOK ? 0 : 1;
}
