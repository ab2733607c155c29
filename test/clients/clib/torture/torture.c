/* Memory that runs out, sockets that fail: the life of a session is gone through for each of its
 * allocations, connects, sends and reads, and each time that one fails. Whatever a call answers, it
 * answers; every accepted request has its completion; the session lives on; and afterwards nothing
 * more is held than before.
 *
 * Usage: torture HOSTS, with failing_malloc.so preloaded */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rookery/rookery.h>

#define ASYNC  20
#define STACKS 4  /* of threads: the C library keeps some, with an allocation each */
#define ONCE   80 /* resolver, name services and the like, loaded when first needed */

static void (*fail_at)(long n);
static long (*counted)(void);
static long (*live)(void);

static const char *hosts;
static atomic_int completed;
static char why[256];

static void on_log(const char *message)
{
    (void)message;
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context;
}

static void on_strings(int rc, const struct String_vector *strings, const void *data)
{
    (void)data;
    if (rc == ZOK && !strings)
        snprintf(why, sizeof(why), "ZOK without strings");
    atomic_fetch_add(&completed, 1);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    (void)data;
    if (rc == ZOK && !stat)
        snprintf(why, sizeof(why), "ZOK without stat");
    atomic_fetch_add(&completed, 1);
}

static int expect(int rc, const char *what)
{
    /* -110 and -101: an earlier call was refused, or answered although its answer was lost. */
    if (rc == ZOK || rc == ZSYSTEMERROR || rc == ZCONNECTIONLOSS || rc == ZNODEEXISTS ||
        rc == ZNONODE || rc == ZNOWATCHER)
        return rc;
    snprintf(why, sizeof(why), "%s: %s", what, zerror(rc));
    return rc;
}

static void talk(zhandle_t *zh)
{
    char data[400], *got = NULL;
    int bytes = 0;
    struct String_vector names;
    struct ACL_vector acl;
    struct ClientInfo_vector who;
    struct Stat stat;
    memset(data, 'x', sizeof(data));
    expect(zoo_create(zh, "/torture", data, sizeof(data), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                      NULL, 0),
           "create");
    if (expect(rk_get(zh, "/torture", on_watch, NULL, &got, &bytes, &stat), "get") == ZOK)
        free(got);
    if (expect(zoo_wget_children(zh, "/", on_watch, NULL, &names), "children") == ZOK)
        deallocate_String_vector(&names);
    expect(zoo_wexists(zh, "/torture/none", on_watch, NULL, NULL), "exists");
    expect(rk_add_watch(zh, "/torture", RK_WATCH_RECURSIVE, on_watch, NULL), "add watch");
    expect(zoo_set(zh, "/torture", data, 10, -1), "set");
    if (expect(zoo_get_acl(zh, "/torture", &acl, &stat), "get acl") == ZOK)
        deallocate_ACL_vector(&acl);
    if (expect(rk_who_am_i(zh, &who), "who") == ZOK)
        deallocate_ClientInfo_vector(&who);
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    zoo_check_op_init(&ops[0], "/torture", -1);
    zoo_set_op_init(&ops[1], "/torture", data, sizeof(data), -1, &stat);
    expect(zoo_multi(zh, 2, ops, results), "multi");
    struct rk_read reads[2] = {{RK_READ_DATA, "/torture"}, {RK_READ_CHILDREN, "/"}};
    struct rk_read_result read_results[2];
    if (expect(rk_multi_read(zh, 2, reads, read_results), "reads") == ZOK)
        rk_read_results_free(read_results, 2);
    expect(zoo_add_auth(zh, "digest", "a:b", 3, NULL, NULL), "auth");
    expect(zoo_remove_watches(zh, "/torture/none", ZWATCHTYPE_DATA, on_watch, NULL, 1), "remove");
    zhandle_t *view = rk_view(zh, "/torture", 0);
    if (view) {
        expect(zoo_wexists(view, "/x", on_watch, NULL, NULL), "exists in a view");
        zookeeper_close(view);
    }
    expect(zoo_delete(zh, "/torture", -1), "delete");
}

static void once(void)
{
    struct rk_options options;
    rk_options_init(&options);
    options.session_timeout_ms = 10000;
    options.backoff_min_ms = 5;
    options.backoff_max_ms = 20;
    options.watcher = on_watch;
    options.log = on_log;
    atomic_store(&completed, 0);
    zhandle_t *zh = rk_open(hosts, &options);
    if (!zh) {
        if (errno != ENOMEM && errno != EAGAIN)
            snprintf(why, sizeof(why), "rk_open: errno %d", errno);
        return;
    }
    int rc = rk_wait_connected(zh, 10000);
    if (rc != ZOK)
        snprintf(why, sizeof(why), "not connected: %s", zerror(rc));
    int accepted = 0;
    for (int i = 0; i < ASYNC; i++) {
        accepted += zoo_aexists(zh, "/", 0, on_stat, NULL) == ZOK;
        accepted += zoo_aget_children(zh, "/", 0, on_strings, NULL) == ZOK;
    }
    talk(zh);
    zookeeper_close(zh);
    if (atomic_load(&completed) != accepted)
        snprintf(why, sizeof(why), "%d completions of %d", atomic_load(&completed), accepted);
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* How much is held, once it is most or that time has passed: a lookup of names that was under way
 * when its handle was closed ends in a thread of its own. */
static long settled(long most, int within_ms)
{
    long held = live();
    for (int i = 0; i < within_ms / 10 && held > most; i++) {
        usleep(10000);
        held = live();
    }
    return held;
}

int main(int argc, char **argv)
{
    /* What dlsym returns is a function here; ISO C has no cast for that. */
    *(void **)&fail_at = dlsym(RTLD_DEFAULT, "failing_malloc_at");
    *(void **)&counted = dlsym(RTLD_DEFAULT, "failing_malloc_count");
    *(void **)&live = dlsym(RTLD_DEFAULT, "failing_malloc_live");
    if (argc != 2 || !fail_at || !counted || !live) {
        fprintf(stderr, "usage: LD_PRELOAD=failing_malloc.so torture HOSTS\n");
        return 2;
    }
    hosts = argv[1];
    int fds = open_files();
    for (int i = 0; i < 5; i++)
        once(); /* what the C library allocates once for all */
    fail_at(0);
    once();
    long all = counted(), before = live();
    printf("%ld calls, %ld held\n", all, before);
    fflush(stdout);
    long last = before; /* of the round before: a first look that is too high would hide a leak */
    for (long n = 1; n <= all + 20 && !why[0]; n++) {
        /* Twice: what the C library allocates once for all, because something failed in it, is
         * allocated by the first. */
        long held[2];
        for (int i = 0; i < 2 && !why[0]; i++) {
            fail_at(n);
            once();
            fail_at(0);
            held[i] = settled((i == 0 ? last : held[0]) + STACKS, i == 0 ? 500 : 5000);
        }
        if (why[0])
            printf("call %ld failed: %s\n", n, why);
        else if (held[1] > held[0] + STACKS)
            printf("call %ld failed: %ld are held, not %ld\n", n, held[1], held[0]);
        if (!why[0] && held[1] > held[0] + STACKS)
            return 1;
        last = held[1];
    }
    printf("%ld held at the end\n", settled(before + ONCE, 5000));
    if (live() > before + ONCE) {
        printf("that is more than the C library needs\n");
        return 1;
    }
    if (why[0])
        return 1;
    if (open_files() > fds + 1) { /* a descriptor of the C library's */
        printf("%d files open, not %d\n", open_files(), fds);
        return 1;
    }
    printf("every allocation and socket call has failed\n");
    return 0;
}
