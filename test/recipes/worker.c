/* A worker of the chaos stage: `recipes_worker HOSTS ROOT JUDGE NUMBER SESSION_MS`. One session,
 * four threads: lock, read-write lock, semaphore, latch. Each takes it, writes with its token, lets
 * go, and notes when it held it and whether its session and its node outlived that.
 *
 * And a contender for the test with Java: `recipes_worker turns KIND HOSTS PATH BUSY-FILE COUNT`.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rookery/recipes.h>

#include "worker.h"

#define PATIENCE_MS 2000
#define LEASES      2

static struct judge *judge;
static struct rk_keeper *keeper;
static const char *root;
static int number;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int number_of(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static void nap(unsigned *state, unsigned max_us)
{
    *state = *state * 1103515245u + 12345u;
    usleep((*state >> 8) % max_us);
}

/* What a resource does that remembers the greatest token it has seen. */
static bool fenced_write(struct judge_count *count, int64_t token)
{
    int64_t seen = atomic_load(&count->token_max);
    while (seen <= token) {
        if (atomic_compare_exchange_weak(&count->token_max, &seen, token)) {
            atomic_fetch_add(&count->accepted, 1);
            return true;
        }
    }
    atomic_fetch_add(&count->refused, 1);
    return false;
}

static void work(struct judge_entry *e, unsigned *state)
{
    struct judge_count *count = &judge->kinds[e->kind];
    bool is_exclusive = !e->is_shared && e->kind != JUDGE_SEMAPHORE;
    bool is_long = (*state >> 20) % 3u == 0; /* so that whoever is stopped often holds something */
    atomic_fetch_add(&count->acquired, 1);
    e->begin_ns = now_ns();
    for (int i = 0; i < 3; i++) {
        if (is_exclusive && !fenced_write(count, e->token)) {
            e->refused++;
        }
        nap(state, is_long ? 150000 : 4000);
    }
    e->end_ns = now_ns();
}

static void note(const struct judge_entry *e)
{
    int64_t at = atomic_fetch_add(&judge->next, 1);
    if (at >= JUDGE_ENTRIES) {
        return;
    }
    struct judge_entry *to = &judge->entries[at];
    to->kind = e->kind;
    to->is_shared = e->is_shared;
    to->token = e->token;
    to->begin_ns = e->begin_ns;
    to->end_ns = e->end_ns;
    to->is_verified = e->is_verified;
    to->refused = e->refused;
    to->worker = number;
    atomic_store(&to->is_whole, 1);
}

/* A write in the keeper's session: a quorum says that the session lives. */
static bool beat(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/beat-%d", root, number);
    zhandle_t *zh = rk_keeper_hold(keeper);
    if (zh == NULL) {
        return false;
    }
    int rc = zoo_set(zh, path, "", 0, -1);
    rk_keeper_release(keeper);
    return rc == ZOK;
}

/* What chaos may bring. */
static void check_rc(int kind, const char *what, int rc)
{
    if (rc != ZOK && rc != ZOPERATIONTIMEOUT && rc != ZSESSIONEXPIRED) {
        atomic_fetch_add(&judge->kinds[kind].errors, 1);
        printf("worker %d, kind %d: %s: %d %s\n", number, kind, what, rc, zerror(rc));
        fflush(stdout);
    }
}

static bool is_stopping(void)
{
    return atomic_load(&judge->is_stopping) != 0;
}

static void hold_lock(struct rk_lock *lock, struct judge_entry *e, unsigned *state)
{
    int rc = rk_lock_acquire(lock, PATIENCE_MS, &e->token);
    check_rc(e->kind, "acquire", rc);
    if (rc != ZOK) {
        return;
    }
    work(e, state);
    rc = rk_lock_verify(lock, PATIENCE_MS);
    check_rc(e->kind, "verify", rc);
    e->is_verified = rc == ZOK && beat() && rk_lock_state(lock) != RK_HOLD_LOST;
    note(e);
    check_rc(e->kind, "release", rk_lock_release(lock));
}

static void path_of(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", root, name);
}

static void on_hold(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context)
{
    (void)lock;
    (void)hold;
    (void)token;
    (void)context; /* that there is a thread is what counts */
}

static void *run_lock(void *arg)
{
    (void)arg;
    char path[128];
    unsigned state = (unsigned)number * 7u + 1u;
    struct rk_lock *lock;
    struct rk_lock_options options = {.on_change = on_hold};
    path_of(path, "lock");
    check_rc(JUDGE_LOCK, "open", rk_lock_open(keeper, path, &options, &lock));
    while (!is_stopping()) {
        struct judge_entry e = {.kind = JUDGE_LOCK};
        hold_lock(lock, &e, &state);
        nap(&state, 20000);
    }
    check_rc(JUDGE_LOCK, "close", rk_lock_close(lock));
    return NULL;
}

static void *run_rwlock(void *arg)
{
    (void)arg;
    char path[128];
    unsigned state = (unsigned)number * 11u + 2u;
    struct rk_rwlock *lock;
    path_of(path, "rwlock");
    check_rc(JUDGE_RW, "open", rk_rwlock_open(keeper, path, NULL, &lock));
    while (!is_stopping()) {
        struct judge_entry e = {.kind = JUDGE_RW, .is_shared = (state >> 12) % 3u != 0};
        hold_lock(e.is_shared ? rk_rwlock_read(lock) : rk_rwlock_write(lock), &e, &state);
        nap(&state, 20000);
    }
    check_rc(JUDGE_RW, "close", rk_rwlock_close(lock));
    return NULL;
}

static void *run_semaphore(void *arg)
{
    (void)arg;
    char path[128];
    unsigned state = (unsigned)number * 13u + 3u;
    struct rk_semaphore *semaphore;
    path_of(path, "semaphore");
    check_rc(JUDGE_SEMAPHORE, "open", rk_semaphore_open(keeper, path, LEASES, NULL, &semaphore));
    while (!is_stopping()) {
        struct rk_lease *lease;
        struct judge_entry e = {.kind = JUDGE_SEMAPHORE};
        int rc = rk_semaphore_acquire(semaphore, PATIENCE_MS, &lease);
        check_rc(JUDGE_SEMAPHORE, "acquire", rc);
        if (rc == ZOK) {
            e.token = rk_lease_token(lease);
            work(&e, &state);
            rc = rk_lease_verify(lease, PATIENCE_MS);
            check_rc(JUDGE_SEMAPHORE, "verify", rc);
            e.is_verified = rc == ZOK && beat() && rk_lease_state(lease) != RK_HOLD_LOST;
            note(&e);
            check_rc(JUDGE_SEMAPHORE, "release", rk_lease_release(lease));
        }
        nap(&state, 20000);
    }
    check_rc(JUDGE_SEMAPHORE, "close", rk_semaphore_close(semaphore));
    return NULL;
}

static void *run_latch(void *arg)
{
    (void)arg;
    char path[128];
    unsigned state = (unsigned)number * 17u + 4u;
    path_of(path, "latch");
    while (!is_stopping()) {
        struct rk_latch *latch;
        struct judge_entry e = {.kind = JUDGE_LATCH};
        int rc = rk_latch_open(keeper, path, "worker", NULL, NULL, &latch);
        check_rc(JUDGE_LATCH, "open", rc);
        rc = rk_latch_wait(latch, PATIENCE_MS, &e.token);
        check_rc(JUDGE_LATCH, "wait", rc);
        if (rc == ZOK) {
            int64_t token = 0;
            work(&e, &state);
            e.is_verified = beat() && rk_latch_is_leader(latch, &token) && token == e.token;
            note(&e);
        }
        check_rc(JUDGE_LATCH, "close", rk_latch_close(latch));
        nap(&state, 20000);
    }
    return NULL;
}

/* One change of the own subtree; its answer may be lost. */
static void change(unsigned *state, const char *base)
{
    char path[160];
    nap(state, 5000);
    snprintf(path, sizeof(path), "%s/%u", base, *state >> 16 & 7u);
    zhandle_t *zh = rk_keeper_hold(keeper);
    if (zh == NULL) {
        return;
    }
    unsigned what = *state >> 24 & 3u;
    if (what == 0) {
        (void)zoo_delete(zh, path, -1); /* whatever comes of it, cache and server shall agree */
    } else if (what == 1) {
        (void)zoo_set(zh, path, path, (int)(*state >> 12 & 15u), -1);
    } else {
        (void)zoo_create(zh, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    }
    rk_keeper_release(keeper);
}

/* 1: cache and server agree on every node; 0: not; -1: no server could be asked. */
static int agrees(struct rk_cache *cache, const char *base)
{
    int result = rk_cache_refresh(cache, PATIENCE_MS) == ZOK ? 1 : -1;
    for (unsigned i = 0; i < 8 && result == 1; i++) {
        char path[160];
        struct Stat here, there;
        snprintf(path, sizeof(path), "%s/%u", base, i);
        zhandle_t *zh = rk_keeper_hold(keeper);
        int rc = zh == NULL ? ZCONNECTIONLOSS : zoo_exists(zh, path, 0, &there);
        if (zh != NULL) {
            rk_keeper_release(keeper);
        }
        if (rc != ZOK && rc != ZNONODE) {
            return -1;
        }
        result = rk_cache_get(cache, path, NULL, NULL, &here) == rc &&
                 (rc != ZOK || here.mzxid == there.mzxid);
    }
    return result;
}

/* A tree cache on a subtree that this worker alone changes. A write whose answer was lost may still
 * be on its way: only a difference that stays is one. */
static void *run_cache(void *arg)
{
    (void)arg;
    char base[128];
    char name[32];
    unsigned state = (unsigned)number * 19u + 5u;
    struct rk_cache *cache;
    struct rk_cache_options options;
    struct judge_count *count = &judge->kinds[JUDGE_CACHE];
    rk_cache_options_init(&options);
    options.is_with_classic_watches = number % 2 == 0;
    snprintf(name, sizeof(name), "own-%d", number);
    path_of(base, name);
    check_rc(JUDGE_CACHE, "make", rk_keeper_make_path(keeper, base, 60000));
    check_rc(JUDGE_CACHE, "open", rk_cache_open(keeper, base, &options, &cache));
    while (!is_stopping()) {
        for (int i = 0; i < 20; i++) {
            change(&state, base);
        }
        int result = agrees(cache, base);
        for (int i = 0; i < 5 && result == 0; i++) {
            usleep(200000);
            result = agrees(cache, base);
        }
        if (result == 0) {
            check_rc(JUDGE_CACHE, "the cache is not what the server has", ZDATAINCONSISTENCY);
        }
        atomic_fetch_add(&count->acquired, result == 1);
    }
    check_rc(JUDGE_CACHE, "close", rk_cache_close(cache));
    return NULL;
}

static void open_keeper(const char *hosts, int session_ms)
{
    struct rk_keeper_options options;
    rk_keeper_options_init(&options);
    options.session.session_timeout_ms = session_ms;
    int rc = rk_keeper_open(hosts, &options, &keeper);
    if (rc != ZOK) {
        fprintf(stderr, "keeper: %s\n", zerror(rc));
        exit(1);
    }
}

static int chaos(char **argv)
{
    void *(*const runs[])(void *) = {run_lock, run_rwlock, run_semaphore, run_latch, run_cache};
    pthread_t threads[JUDGE_KINDS];
    root = argv[2];
    number = number_of(argv[4]);
    int fd = open(argv[3], O_RDWR);
    judge =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*judge), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (judge == MAP_FAILED) {
        perror(argv[3]);
        return 1;
    }
    char path[128];
    open_keeper(argv[1], number_of(argv[5]));
    snprintf(path, sizeof(path), "%s/beat-%d", root, number);
    int rc = rk_value_set(keeper, path, "", 0, 60000);
    if (rc != ZOK) {
        fprintf(stderr, "beat: %s\n", zerror(rc));
        return 1;
    }
    for (int i = 0; i < JUDGE_KINDS; i++) {
        if (pthread_create(&threads[i], NULL, runs[i], NULL) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < JUDGE_KINDS; i++) {
        pthread_join(threads[i], NULL);
    }
    return rk_keeper_close(keeper) == ZOK ? 0 : 1;
}

/* -- Turns with Java ------------------------------------------------------------------------------
 */

/* Alone, or somebody else is inside. */
static bool visit(const char *busy)
{
    int fd = open(busy, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd < 0) {
        return false;
    }
    close(fd);
    usleep(1000);
    return unlink(busy) == 0;
}

static int turns(char **argv)
{
    struct rk_lock *lock = NULL;
    struct rk_rwlock *rw = NULL;
    struct rk_semaphore *semaphore = NULL;
    bool is_ok = true;
    int count = number_of(argv[6]);
    open_keeper(argv[3], 10000);
    if (strcmp(argv[2], "lock") == 0) {
        is_ok = rk_lock_open(keeper, argv[4], NULL, &lock) == ZOK;
    } else if (strcmp(argv[2], "rwlock") == 0) {
        is_ok = rk_rwlock_open(keeper, argv[4], NULL, &rw) == ZOK;
    } else {
        is_ok = rk_semaphore_open(keeper, argv[4], 1, NULL, &semaphore) == ZOK;
    }
    for (int i = 0; i < count && is_ok; i++) {
        struct rk_lease *lease = NULL;
        struct rk_lock *l = rw != NULL ? rk_rwlock_write(rw) : lock;
        is_ok = semaphore != NULL ? rk_semaphore_acquire(semaphore, 30000, &lease) == ZOK
                                  : rk_lock_acquire(l, 30000, NULL) == ZOK;
        is_ok = is_ok && visit(argv[5]);
        is_ok = is_ok && (semaphore != NULL ? rk_lease_release(lease) : rk_lock_release(l)) == ZOK;
    }
    is_ok = is_ok && rk_lock_close(lock) == ZOK && rk_rwlock_close(rw) == ZOK &&
            rk_semaphore_close(semaphore) == ZOK && rk_keeper_close(keeper) == ZOK;
    printf("%s\n", is_ok ? "done" : "two were inside, or a call failed");
    return is_ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    zoo_set_debug_level((ZooLogLevel)0);
    if (argc == 7 && strcmp(argv[1], "turns") == 0) {
        return turns(argv);
    }
    if (argc == 6) {
        return chaos(argv);
    }
    fprintf(stderr, "usage: see the head of worker.c\n");
    return 2;
}
