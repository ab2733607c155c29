/* A handle without threads in a loop of the program's own. THREADED is not defined here.
 *
 *   cc poll_loop.c $(pkg-config --cflags --libs rookery) && ./a.out localhost:2181
 *
 * Prints: children of
 */
#include <poll.h>
#include <stdio.h>

#include <zookeeper/zookeeper.h>

static int is_over;

static void on_children(int rc, const struct String_vector *names, const void *data)
{
    (void)data;
    if (rc == ZOK) {
        printf("children of /: ");
        for (int i = 0; i < names->count; i++)
            printf("%s ", names->data[i]);
        printf("\n");
    } else {
        printf("get_children: %s\n", zerror(rc));
    }
    is_over = 1;
}

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)path;
    (void)context;
    if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE &&
        zoo_aget_children(zh, "/", 0, on_children, NULL) != ZOK)
        is_over = 1;
}

int main(int argc, char **argv)
{
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zhandle_t *zh =
        zookeeper_init(argc > 1 ? argv[1] : "localhost:2181", on_event, 10000, NULL, NULL, 0);
    while (zh && !is_over) {
        int fd, interest, events = 0;
        struct timeval tv;
        if (zookeeper_interest(zh, &fd, &interest, &tv) == ZINVALIDSTATE)
            break;
        struct pollfd p = {.fd = fd}; /* the program's own descriptors would stand beside it */
        p.events = (short)(((interest & ZOOKEEPER_READ) ? POLLIN : 0) |
                           ((interest & ZOOKEEPER_WRITE) ? POLLOUT : 0));
        poll(&p, fd >= 0, (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000));
        events |= (p.revents & (POLLIN | POLLERR | POLLHUP)) ? ZOOKEEPER_READ : 0;
        events |= (p.revents & POLLOUT) ? ZOOKEEPER_WRITE : 0;
        zookeeper_process(zh, events);
    }
    zookeeper_close(zh);
    return is_over ? 0 : 1;
}
