/* Memory that runs out: `recipes_torture HOSTS [STRIDE [FIRST]]`. Every STRIDE-th allocation of a
 * round of recipes, in whatever thread, fails once. Each time nothing may break or hang, and
 * everything must work right after: nobody is left standing in a line, nothing is held by nobody.
 *
 * malloc and its like are defined here, over those of glibc; not for builds with sanitizers. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rookery/recipes.h>

#define SESSION_MS 2000

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

static _Atomic long countdown; /* 0: none fails */
static _Atomic bool has_failed;

static bool fails(void)
{
    if (atomic_load(&countdown) <= 0 || atomic_fetch_sub(&countdown, 1) != 1) {
        return false;
    }
    atomic_store(&has_failed, true);
    errno = ENOMEM;
    return true;
}

#define SEEN __attribute__((visibility("default"))) /* by the library */

SEEN void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

SEEN void *calloc(size_t count, size_t bytes)
{
    return fails() ? NULL : __libc_calloc(count, bytes);
}

SEEN void *realloc(void *old, size_t bytes)
{
    return fails() ? NULL : __libc_realloc(old, bytes);
}

static char now[40];

static void check(int line, const char *what, int rc)
{
    if (rc != ZOK) {
        printf("torture.c:%d: %s: %s: %d %s\n", line, now, what, rc, zerror(rc));
        exit(1);
    }
}
#define CHECK(call) check(__LINE__, #call, (call))

static struct rk_keeper *open_keeper(const char *hosts)
{
    struct rk_keeper_options options;
    struct rk_keeper *keeper = NULL;
    rk_keeper_options_init(&options);
    options.session.session_timeout_ms = SESSION_MS;
    int rc = rk_keeper_open(hosts, &options, &keeper);
    return rc == ZOK ? keeper : NULL;
}

static void locks(struct rk_keeper *keeper)
{
    struct rk_lock *lock = NULL;
    struct rk_semaphore *semaphore = NULL;
    struct rk_lease *lease = NULL;
    struct rk_latch *latch = NULL;
    if (rk_lock_open(keeper, "/torture/lock", NULL, &lock) == ZOK) {
        if (rk_lock_acquire(lock, 1000, NULL) == ZOK) {
            (void)rk_lock_release(lock); /* the next round sees whether it is free */
        }
        CHECK(rk_lock_close(lock));
    }
    if (rk_semaphore_open(keeper, "/torture/semaphore", 1, NULL, &semaphore) == ZOK) {
        if (rk_semaphore_acquire(semaphore, 1000, &lease) == ZOK) {
            (void)rk_lease_release(lease); /* the same */
        }
        CHECK(rk_semaphore_close(semaphore));
    }
    if (rk_latch_open(keeper, "/torture/latch", "t", NULL, NULL, &latch) == ZOK) {
        (void)rk_latch_wait(latch, 1000, NULL); /* may have failed */
        CHECK(rk_latch_close(latch));
    }
}

static void others(struct rk_keeper *keeper)
{
    struct rk_queue *queue = NULL;
    struct rk_queue_item *item = NULL;
    struct rk_member *member = NULL;
    struct rk_cache *cache = NULL;
    struct rk_group group;
    if (rk_queue_open(keeper, "/torture/queue", &queue) == ZOK) {
        (void)rk_queue_put(queue, "x", 1, 0, 1000); /* may have failed */
        if (rk_queue_claim(queue, 1000, &item) == ZOK) {
            (void)rk_queue_done(queue, item, 1000); /* may have failed */
        }
        CHECK(rk_queue_close(queue));
    }
    if (rk_member_open(keeper, "/torture/group", "t", "d", 1, NULL, NULL, &member) == ZOK) {
        (void)rk_member_wait(member, 1000); /* may have failed */
        if (rk_group_list(keeper, "/torture/group", 1000, &group) == ZOK) {
            rk_group_free(&group);
        }
        CHECK(rk_member_close(member));
    }
    if (rk_cache_open(keeper, "/torture", NULL, &cache) == ZOK) {
        (void)rk_cache_wait(cache, 1000); /* may have failed */
        CHECK(rk_cache_close(cache));
    }
}

/* Everything works, for a session that has nothing to do with what came before. */
static void must_work(struct rk_keeper *witness)
{
    struct rk_lock *lock = NULL;
    struct rk_semaphore *semaphore = NULL;
    struct rk_lease *lease = NULL;
    struct rk_latch *latch = NULL;
    struct rk_queue *queue = NULL;
    struct rk_queue_item *item = NULL;
    CHECK(rk_queue_open(witness, "/torture/queue", &queue));
    while (rk_queue_take(queue, 0, &item) == ZOK) {
        rk_queue_item_free(item);
    }
    CHECK(rk_queue_close(queue));
    CHECK(rk_lock_open(witness, "/torture/lock", NULL, &lock));
    CHECK(rk_lock_acquire(lock, 2 * SESSION_MS, NULL));
    CHECK(rk_lock_release(lock));
    CHECK(rk_lock_close(lock));
    CHECK(rk_semaphore_open(witness, "/torture/semaphore", 1, NULL, &semaphore));
    CHECK(rk_semaphore_acquire(semaphore, 2 * SESSION_MS, &lease));
    CHECK(rk_lease_release(lease));
    CHECK(rk_semaphore_close(semaphore));
    CHECK(rk_latch_open(witness, "/torture/latch", "w", NULL, NULL, &latch));
    CHECK(rk_latch_wait(latch, 2 * SESSION_MS, NULL));
    CHECK(rk_latch_close(latch));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: recipes_torture HOSTS [STRIDE [FIRST]]\n");
        return 2;
    }
    long first = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    long stride = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    zoo_set_debug_level((ZooLogLevel)0);
    struct rk_keeper *witness = open_keeper(argv[1]);
    CHECK(rk_keeper_wait(witness, 10000));
    long count = 0;
    bool is_done = false;
    for (long n = first; !is_done; n += stride) {
        alarm(30);
        snprintf(now, sizeof(now), "allocation %ld", n);
        atomic_store(&has_failed, false);
        atomic_store(&countdown, n);
        struct rk_keeper *keeper = open_keeper(argv[1]);
        if (keeper != NULL) {
            (void)rk_keeper_wait(keeper, 2000); /* may have failed */
            locks(keeper);
            others(keeper);
        }
        is_done = !atomic_load(&has_failed);
        atomic_store(&countdown, 0);
        /* The session of this round lives on: what it left would be in the way. */
        must_work(witness);
        CHECK(rk_keeper_close(keeper));
        count++;
        if (getenv("VERBOSE") != NULL) {
            printf("%ld\n", n);
            fflush(stdout);
        }
    }
    CHECK(rk_keeper_close(witness));
    printf("done: %ld rounds, one allocation failed in each\n", count - 1);
    return 0;
}
