/* Runs the recipe cases: `recipes_cases --list`, `recipes_cases HOSTS NAME...`. Each case in a
 * process of its own, so that one that hangs or dies does not take the others along. */
#include "rig.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#define CASE_SECONDS 40

void rig_fail(const char *file, int line, const char *text, int wanted, int got)
{
    printf("  %s:%d: %s", file, line, text);
    if (wanted != got) {
        printf(": wanted %d (%s), got %d (%s)", wanted, zerror(wanted), got, zerror(got));
    }
    printf("\n");
    fflush(stdout);
    _exit(1);
}

int64_t rig_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *rig_path(struct rig *rig, const char *name)
{
    static __thread char paths[8][256];
    static __thread unsigned next;
    char *path = paths[next++ % 8u];
    snprintf(path, sizeof(paths[0]), "%s/%s", rig->root, name);
    return path;
}

struct rk_keeper *rig_keeper(struct rig *rig, int session_timeout_ms)
{
    struct rk_keeper_options options;
    struct rk_keeper *keeper = NULL;
    rk_keeper_options_init(&options);
    options.session.session_timeout_ms = session_timeout_ms;
    CHECK_RC(ZOK, rk_keeper_open(rig->hosts, &options, &keeper));
    CHECK_RC(ZOK, rk_keeper_wait(keeper, 10000));
    return keeper;
}

/* The handle that takes the session over must know where: the cases have one server. */
static const char *all_hosts;

void rig_end_session(struct rk_keeper *keeper)
{
    uint64_t generation = rk_keeper_generation(keeper);
    /* The keeper connects again and may take the session back before it is closed. */
    for (int i = 0; i < 20 && rk_keeper_generation(keeper) == generation; i++) {
        zhandle_t *zh = rk_keeper_hold(keeper);
        if (zh == NULL) {
            break;
        }
        clientid_t id = *zoo_client_id(zh);
        rk_keeper_release(keeper);
        zhandle_t *thief = zookeeper_init(all_hosts, NULL, 10000, &id, NULL, 0);
        CHECK(thief != NULL);
        int64_t until = rig_now_ms() + 2000;
        while (zoo_state(thief) != ZOO_CONNECTED_STATE && rig_now_ms() < until) {
            usleep(1000);
        }
        (void)zookeeper_close(thief); /* or it was thrown out again */
        until = rig_now_ms() + 300;
        while (rk_keeper_generation(keeper) == generation && rig_now_ms() < until) {
            usleep(1000);
        }
    }
    CHECK_SOON(rk_keeper_generation(keeper) > generation);
}

static void set_servers(struct rk_keeper *keeper, const char *hosts, enum rk_link wanted)
{
    zhandle_t *zh = rk_keeper_hold(keeper);
    CHECK(zh != NULL);
    CHECK_RC(ZOK, zoo_set_servers(zh, hosts));
    rk_keeper_release(keeper);
    CHECK_SOON(rk_keeper_link(keeper) == wanted);
}

void rig_disconnect(struct rk_keeper *keeper)
{
    set_servers(keeper, "127.0.0.1:1", RK_LINK_SUSPENDED);
}

void rig_reconnect(struct rk_keeper *keeper)
{
    set_servers(keeper, all_hosts, RK_LINK_CONNECTED);
}

static void *thread_main(void *arg)
{
    struct rig_thread *thread = arg;
    thread->rc = thread->fn(thread->arg);
    thread->is_done = true;
    return NULL;
}

void rig_start(struct rig_thread *thread, int (*fn)(void *), void *arg)
{
    *thread = (struct rig_thread){.fn = fn, .arg = arg};
    CHECK(pthread_create(&thread->thread, NULL, thread_main, thread) == 0);
}

int rig_join(struct rig_thread *thread)
{
    pthread_join(thread->thread, NULL);
    return thread->rc;
}

static zhandle_t *hold(struct rk_keeper *keeper)
{
    CHECK_RC(ZOK, rk_keeper_wait(keeper, 10000));
    zhandle_t *zh = rk_keeper_hold(keeper);
    CHECK(zh != NULL);
    return zh;
}

void rig_create(struct rk_keeper *keeper, const char *path, const char *data)
{
    zhandle_t *zh = hold(keeper);
    CHECK_RC(ZOK, zoo_create(zh, path, data, data == NULL ? -1 : (int)strlen(data),
                             &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0));
    rk_keeper_release(keeper);
}

void rig_set(struct rk_keeper *keeper, const char *path, const char *data)
{
    zhandle_t *zh = hold(keeper);
    CHECK_RC(ZOK, zoo_set(zh, path, data, (int)strlen(data), -1));
    rk_keeper_release(keeper);
}

void rig_delete(struct rk_keeper *keeper, const char *path)
{
    zhandle_t *zh = hold(keeper);
    CHECK_RC(ZOK, zoo_delete(zh, path, -1));
    rk_keeper_release(keeper);
}

int rig_child_count(struct rk_keeper *keeper, const char *path)
{
    struct String_vector names = {0};
    zhandle_t *zh = hold(keeper);
    int rc = zoo_get_children(zh, path, 0, &names);
    rk_keeper_release(keeper);
    int count = rc == ZOK ? names.count : 0;
    deallocate_String_vector(&names);
    return count;
}

char *rig_child(struct rk_keeper *keeper, const char *path, const char *text)
{
    struct String_vector names = {0};
    char *found = NULL;
    zhandle_t *zh = hold(keeper);
    int rc = zoo_get_children(zh, path, 0, &names);
    rk_keeper_release(keeper);
    for (int i = 0; rc == ZOK && i < names.count && found == NULL; i++) {
        found = strstr(names.data[i], text) != NULL ? strdup(names.data[i]) : NULL;
    }
    deallocate_String_vector(&names);
    return found;
}

static const struct rig_case *const tables[] = {lock_cases, leader_cases, sync_cases, group_cases,
                                                cache_cases};

static int run_here(const char *hosts, const struct rig_case *c)
{
    struct rig rig = {.hosts = hosts, .name = c->name};
    snprintf(rig.root, sizeof(rig.root), "/case-%d-%s", (int)getpid(), c->name);
    alarm(CASE_SECONDS);
    rig.a = rig_keeper(&rig, 6000);
    rig.b = rig_keeper(&rig, 6000);
    c->fn(&rig);
    CHECK_RC(ZOK, rk_keeper_close(rig.a));
    CHECK_RC(ZOK, rk_keeper_close(rig.b));
    return 0;
}

static bool run(const char *hosts, const struct rig_case *c)
{
    int64_t from = rig_now_ms();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        exit(run_here(hosts, c));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    bool is_ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("%s %s (%.1f s", is_ok ? "ok  " : "FAIL", c->name, (double)(rig_now_ms() - from) / 1e3);
    if (WIFSIGNALED(status)) {
        printf(", signal %d", WTERMSIG(status));
    }
    printf(")\n");
    return is_ok;
}

static bool is_wanted(const char *name, char **wanted, int count)
{
    bool is_it = count == 0;
    for (int i = 0; i < count; i++) {
        is_it = is_it || strstr(name, wanted[i]) != NULL;
    }
    return is_it;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: recipes_cases --list | HOSTS [PART OF NAME]...\n");
        return 2;
    }
    bool is_list = strcmp(argv[1], "--list") == 0;
    int passed = 0;
    int failed = 0;
    zoo_set_debug_level((ZooLogLevel)0);
    all_hosts = argv[1];
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct rig_case *c = tables[i]; c->name != NULL; c++) {
            if (is_list) {
                printf("%s\n", c->name);
            } else if (is_wanted(c->name, argv + 2, argc - 2)) {
                bool is_ok = run(argv[1], c);
                passed += is_ok;
                failed += !is_ok;
            }
        }
    }
    if (!is_list) {
        printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    }
    return failed > 0;
}
