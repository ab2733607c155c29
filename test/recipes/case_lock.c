/* Locks, read-write locks and semaphores against one server. */
#include "rig.h"

static void lock_excludes_and_tokens_grow(struct rig *rig)
{
    struct rk_lock *a, *b;
    int64_t first = 0, second = 0;
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, NULL, &a));
    CHECK_RC(ZOK, rk_lock_open(rig->b, rig->root, NULL, &b));
    CHECK_RC(ZINVALIDSTATE, rk_lock_release(a));
    CHECK_RC(ZOK, rk_lock_acquire(a, 1000, &first));
    CHECK(first > 0 && rk_lock_token(a) == first && rk_lock_state(a) == RK_HOLD_SURE);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(b, 0, &second));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(b, 200, &second));
    CHECK(rig_child_count(rig->a, rig->root) == 1);
    CHECK_RC(ZOK, rk_lock_verify(a, 1000));
    CHECK_RC(ZINVALIDSTATE, rk_lock_verify(b, 1000));
    CHECK_RC(ZOK, rk_lock_release(a));
    CHECK_RC(ZOK, rk_lock_acquire(b, 1000, &second));
    CHECK(second > first && rk_lock_token(a) == 0);
    CHECK_RC(ZINVALIDSTATE, rk_keeper_close(rig->a));
    CHECK_RC(ZOK, rk_lock_close(a));
    CHECK_RC(ZOK, rk_lock_close(b));
    CHECK(rig_child_count(rig->a, rig->root) == 0);
}

static void lock_is_reentrant_by_handle(struct rig *rig)
{
    struct rk_lock *a, *b;
    int64_t first = 0, again = 0;
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, NULL, &a));
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, NULL, &b));
    CHECK_RC(ZOK, rk_lock_acquire(a, -1, &first));
    CHECK_RC(ZOK, rk_lock_acquire(a, -1, &again));
    CHECK(first == again);
    CHECK_RC(ZOK, rk_lock_release(a));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(b, 100, NULL));
    CHECK_RC(ZOK, rk_lock_release(a));
    CHECK_RC(ZOK, rk_lock_acquire(b, 1000, NULL));
    CHECK_RC(ZOK, rk_lock_close(a));
    CHECK_RC(ZOK, rk_lock_close(b));
}

static int acquire_forever(void *lock)
{
    return rk_lock_acquire(lock, -1, NULL);
}

/* a holds it, b waits for it. */
static void contend_of_two(struct rig *rig, struct rk_lock **a, struct rk_lock **b,
                           struct rig_thread *waiter)
{
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, NULL, a));
    CHECK_RC(ZOK, rk_lock_open(rig->b, rig->root, NULL, b));
    CHECK_RC(ZOK, rk_lock_acquire(*a, -1, NULL));
    rig_start(waiter, acquire_forever, *b);
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 2);
}

static void lock_is_fair(struct rig *rig)
{
    struct rk_lock *holder, *locks[4];
    struct rig_thread threads[4];
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, NULL, &holder));
    CHECK_RC(ZOK, rk_lock_acquire(holder, -1, NULL));
    for (int i = 0; i < 4; i++) {
        CHECK_RC(ZOK, rk_lock_open(i % 2 ? rig->a : rig->b, rig->root, NULL, &locks[i]));
        rig_start(&threads[i], acquire_forever, locks[i]);
        CHECK_SOON(rig_child_count(rig->a, rig->root) == i + 2);
    }
    CHECK_RC(ZOK, rk_lock_release(holder));
    for (int i = 0; i < 4; i++) {
        CHECK_SOON(threads[i].is_done);
        CHECK_RC(ZOK, rig_join(&threads[i]));
        CHECK(i == 3 || !threads[i + 1].is_done);
        CHECK_RC(ZOK, rk_lock_release(locks[i]));
        CHECK_RC(ZOK, rk_lock_close(locks[i]));
    }
    CHECK_RC(ZOK, rk_lock_close(holder));
}

static void lock_close_wakes_the_waiter(struct rig *rig)
{
    struct rk_lock *a, *b;
    struct rig_thread thread;
    contend_of_two(rig, &a, &b, &thread);
    CHECK_RC(ZINVALIDSTATE, rk_lock_acquire(b, 0, NULL));
    CHECK_RC(ZOK, rk_lock_close(b));
    CHECK_RC(ZCLOSING, rig_join(&thread));
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 1);
    CHECK_RC(ZOK, rk_lock_close(a));
}

struct told {
    pthread_mutex_t mutex;
    enum rk_hold holds[16];
    int64_t tokens[16];
    int count;
    int close_rc;
};

static void on_hold(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context)
{
    struct told *told = context;
    int close_rc = lock != NULL ? rk_lock_close(lock) : ZOK;
    pthread_mutex_lock(&told->mutex);
    told->close_rc = close_rc;
    if (told->count < 16) {
        told->holds[told->count] = hold;
        told->tokens[told->count++] = token;
    }
    pthread_mutex_unlock(&told->mutex);
}

static int told_count(struct told *told)
{
    pthread_mutex_lock(&told->mutex);
    int count = told->count;
    pthread_mutex_unlock(&told->mutex);
    return count;
}

static void lock_tells_of_a_lost_session(struct rig *rig)
{
    struct told told = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_lock_options options = {.on_change = on_hold, .context = &told};
    struct rk_lock *a, *b;
    int64_t token = 0;
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, &options, &a));
    CHECK_RC(ZOK, rk_lock_open(rig->b, rig->root, NULL, &b));
    CHECK_RC(ZOK, rk_lock_acquire(a, -1, &token));
    rig_end_session(rig->a);
    CHECK_SOON(told_count(&told) >= 1 && told.holds[told.count - 1] == RK_HOLD_LOST);
    CHECK(told.tokens[told.count - 1] == token && told.close_rc == ZINVALIDSTATE);
    CHECK(rk_lock_state(a) == RK_HOLD_LOST);
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_acquire(a, 1000, NULL));
    CHECK_RC(ZOK, rk_lock_acquire(b, 1000, NULL));
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_release(a));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(a, 100, NULL));
    CHECK_RC(ZOK, rk_lock_release(b));
    CHECK_RC(ZOK, rk_lock_acquire(a, 1000, NULL));
    CHECK_RC(ZOK, rk_lock_close(a));
    CHECK_RC(ZOK, rk_lock_close(b));
}

static void lock_tells_of_a_deleted_node(struct rig *rig)
{
    struct told told = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rk_lock_options options = {.on_change = on_hold, .context = &told};
    struct rk_lock *a;
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, &options, &a));
    CHECK_RC(ZOK, rk_lock_acquire(a, -1, NULL));
    char *name = rig_child(rig->b, rig->root, "-lock-");
    CHECK(name != NULL && strncmp(name, "_c_", 3) == 0);
    usleep(100000); /* the watch is set in the background */
    rig_delete(rig->b, rig_path(rig, name));
    CHECK_SOON(told_count(&told) == 1);
    CHECK(told.holds[0] == RK_HOLD_LOST);
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_release(a));
    CHECK_RC(ZOK, rk_lock_close(a));
    free(name);
}

static void lock_waiter_queues_again_in_a_new_session(struct rig *rig)
{
    struct rk_lock *a, *b;
    struct rig_thread thread;
    contend_of_two(rig, &a, &b, &thread);
    rig_end_session(rig->b);
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 2);
    CHECK(!thread.is_done);
    CHECK_RC(ZOK, rk_lock_release(a));
    CHECK_RC(ZOK, rig_join(&thread));
    CHECK_RC(ZOK, rk_lock_close(a));
    CHECK_RC(ZOK, rk_lock_close(b));
}

static void lock_participants_are_in_order(struct rig *rig)
{
    struct rk_lock_options options = {.data = "first", .data_bytes = 5};
    struct rk_lock *a, *b;
    struct rig_thread thread;
    struct String_vector ids = {0};
    CHECK_RC(ZOK, rk_lock_participants(rig->a, rig->root, 1000, &ids));
    CHECK(ids.count == 0);
    CHECK_RC(ZOK, rk_lock_open(rig->a, rig->root, &options, &a));
    options = (struct rk_lock_options){.data = "second", .data_bytes = 6};
    CHECK_RC(ZOK, rk_lock_open(rig->b, rig->root, &options, &b));
    CHECK_RC(ZOK, rk_lock_acquire(a, -1, NULL));
    rig_start(&thread, acquire_forever, b);
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 2);
    deallocate_String_vector(&ids);
    CHECK_RC(ZOK, rk_lock_participants(rig->a, rig->root, 1000, &ids));
    CHECK(ids.count == 2 && strcmp(ids.data[0], "first") == 0 &&
          strcmp(ids.data[1], "second") == 0);
    deallocate_String_vector(&ids);
    CHECK_RC(ZOK, rk_lock_close(a));
    CHECK_RC(ZOK, rig_join(&thread));
    CHECK_RC(ZOK, rk_lock_close(b));
}

static void lock_refuses_bad_arguments(struct rig *rig)
{
    struct rk_lock *lock;
    struct rk_semaphore *semaphore;
    CHECK_RC(ZBADARGUMENTS, rk_lock_open(rig->a, "relative", NULL, &lock));
    CHECK_RC(ZBADARGUMENTS, rk_lock_open(rig->a, "/slash/", NULL, &lock));
    CHECK_RC(ZBADARGUMENTS, rk_lock_open(rig->a, "/a//b", NULL, &lock));
    CHECK_RC(ZBADARGUMENTS, rk_lock_open(NULL, "/a", NULL, &lock));
    CHECK_RC(ZBADARGUMENTS, rk_semaphore_open(rig->a, "/a", 0, NULL, &semaphore));
    CHECK_RC(ZOK, rk_lock_close(NULL));
}

struct shared {
    struct rig *rig;
    _Atomic int64_t inside, inside_max, entered;
    int64_t token_max;
    pthread_mutex_t mutex;
};

static void visit(struct shared *s, int64_t token)
{
    pthread_mutex_lock(&s->mutex);
    s->inside++;
    s->entered++;
    s->inside_max = s->inside > s->inside_max ? s->inside : s->inside_max;
    CHECK(token > s->token_max);
    s->token_max = token;
    pthread_mutex_unlock(&s->mutex);
    usleep(500);
    pthread_mutex_lock(&s->mutex);
    s->inside--;
    pthread_mutex_unlock(&s->mutex);
}

static int contend(void *arg)
{
    struct shared *s = arg;
    struct rk_lock *lock;
    CHECK_RC(ZOK, rk_lock_open(s->entered % 2 ? s->rig->a : s->rig->b, s->rig->root, NULL, &lock));
    for (int i = 0; i < 25; i++) {
        int64_t token;
        CHECK_RC(ZOK, rk_lock_acquire(lock, -1, &token));
        visit(s, token);
        CHECK_RC(ZOK, rk_lock_release(lock));
    }
    CHECK_RC(ZOK, rk_lock_close(lock));
    return ZOK;
}

static void lock_under_contention_of_threads(struct rig *rig)
{
    struct shared s = {.rig = rig, .mutex = PTHREAD_MUTEX_INITIALIZER};
    struct rig_thread threads[8];
    for (int i = 0; i < 8; i++) {
        rig_start(&threads[i], contend, &s);
    }
    for (int i = 0; i < 8; i++) {
        CHECK_RC(ZOK, rig_join(&threads[i]));
    }
    CHECK(s.inside_max == 1 && s.entered == 200);
}

static void rwlock_lets_readers_in_together(struct rig *rig)
{
    struct rk_rwlock *a, *b;
    struct rig_thread writer;
    CHECK_RC(ZOK, rk_rwlock_open(rig->a, rig->root, NULL, &a));
    CHECK_RC(ZOK, rk_rwlock_open(rig->b, rig->root, NULL, &b));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_read(a), 1000, NULL));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_read(b), 1000, NULL));
    CHECK_RC(ZINVALIDSTATE, rk_lock_acquire(rk_rwlock_write(a), 1000, NULL));
    CHECK_RC(ZOK, rk_lock_release(rk_rwlock_read(b)));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(rk_rwlock_write(b), 100, NULL));
    /* A reader does not overtake a writer that waits. */
    struct rk_rwlock *c;
    CHECK_RC(ZOK, rk_rwlock_open(rig->a, rig->root, NULL, &c));
    rig_start(&writer, acquire_forever, rk_rwlock_write(b));
    CHECK_SOON(rig_child_count(rig->a, rig->root) == 2);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(rk_rwlock_read(c), 100, NULL));
    CHECK_RC(ZOK, rk_lock_release(rk_rwlock_read(a)));
    CHECK_RC(ZOK, rig_join(&writer));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(rk_rwlock_read(a), 100, NULL));
    CHECK_RC(ZOK, rk_rwlock_close(a));
    CHECK_RC(ZOK, rk_rwlock_close(b));
    CHECK_RC(ZOK, rk_rwlock_close(c));
}

static void rwlock_can_be_downgraded(struct rig *rig)
{
    struct rk_rwlock *a, *b;
    int64_t write_token, read_token;
    CHECK_RC(ZOK, rk_rwlock_open(rig->a, rig->root, NULL, &a));
    CHECK_RC(ZOK, rk_rwlock_open(rig->b, rig->root, NULL, &b));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_write(a), 1000, &write_token));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_read(a), 1000, &read_token));
    CHECK(write_token == read_token && rk_lock_state(rk_rwlock_read(a)) == RK_HOLD_SURE);
    CHECK_RC(ZOK, rk_lock_release(rk_rwlock_write(a)));
    CHECK_RC(ZOPERATIONTIMEOUT, rk_lock_acquire(rk_rwlock_write(b), 100, NULL));
    CHECK_RC(ZOK, rk_lock_release(rk_rwlock_read(a)));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_write(b), 1000, NULL));
    CHECK_RC(ZOK, rk_rwlock_close(a));
    CHECK_RC(ZOK, rk_rwlock_close(b));
}

static void rwlock_counts_its_halves(struct rig *rig)
{
    struct rk_rwlock *rw;
    int64_t first, again;
    CHECK_RC(ZOK, rk_rwlock_open(rig->a, rig->root, NULL, &rw));
    struct rk_lock *read = rk_rwlock_read(rw);
    struct rk_lock *write = rk_rwlock_write(rw);
    CHECK_RC(ZOK, rk_lock_acquire(write, 1000, &first));
    CHECK_RC(ZOK, rk_lock_acquire(read, 1000, NULL));
    CHECK_RC(ZOK, rk_lock_acquire(write, 1000, &again));
    CHECK(first == again);
    CHECK_RC(ZOK, rk_lock_release(write));
    CHECK_RC(ZOK, rk_lock_release(write));
    CHECK(rk_lock_state(write) == RK_HOLD_NONE && rk_lock_token(write) == 0);
    CHECK_RC(ZINVALIDSTATE, rk_lock_verify(write, 1000));
    CHECK_RC(ZINVALIDSTATE, rk_lock_release(write));
    CHECK_RC(ZINVALIDSTATE, rk_lock_acquire(write, 1000, NULL));
    CHECK(rk_lock_state(read) == RK_HOLD_SURE && rk_lock_token(read) == first);
    CHECK(rig_child_count(rig->b, rig->root) == 1);
    CHECK_RC(ZOK, rk_lock_release(read));
    CHECK_RC(ZINVALIDSTATE, rk_lock_release(read));
    CHECK(rig_child_count(rig->b, rig->root) == 0);
    CHECK_RC(ZOK, rk_rwlock_close(rw));
}

static void rwlock_reader_by_its_writer_can_be_verified(struct rig *rig)
{
    struct rk_rwlock *rw;
    CHECK_RC(ZOK, rk_rwlock_open(rig->a, rig->root, NULL, &rw));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_write(rw), 1000, NULL));
    CHECK_RC(ZOK, rk_lock_acquire(rk_rwlock_read(rw), 1000, NULL));
    CHECK_RC(ZOK, rk_lock_verify(rk_rwlock_read(rw), 1000));
    char *name = rig_child(rig->b, rig->root, "__WRIT__");
    CHECK(name != NULL);
    rig_delete(rig->b, rig_path(rig, name));
    free(name);
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_verify(rk_rwlock_read(rw), 1000));
    CHECK(rk_lock_state(rk_rwlock_read(rw)) == RK_HOLD_LOST);
    CHECK(rk_lock_state(rk_rwlock_write(rw)) == RK_HOLD_LOST);
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_release(rk_rwlock_read(rw)));
    CHECK_RC(ZSESSIONEXPIRED, rk_lock_release(rk_rwlock_write(rw)));
    CHECK_RC(ZOK, rk_rwlock_close(rw));
}

static void semaphore_counts_leases(struct rig *rig)
{
    struct rk_semaphore *a, *b;
    struct rk_lease *x, *y, *z;
    CHECK_RC(ZOK, rk_semaphore_open(rig->a, rig->root, 2, NULL, &a));
    CHECK_RC(ZOK, rk_semaphore_open(rig->b, rig->root, 2, NULL, &b));
    CHECK_RC(ZOK, rk_semaphore_acquire(a, 1000, &x));
    CHECK_RC(ZOK, rk_semaphore_acquire(b, 1000, &y));
    CHECK(rk_lease_token(y) > rk_lease_token(x) && rk_lease_state(x) == RK_HOLD_SURE);
    CHECK_RC(ZOPERATIONTIMEOUT, rk_semaphore_acquire(a, 150, &z));
    CHECK(rig_child_count(rig->a, rig_path(rig, "leases")) == 2);
    CHECK_RC(ZINVALIDSTATE, rk_semaphore_close(a));
    CHECK_RC(ZOK, rk_lease_verify(x, 1000));
    rig_end_session(rig->a);
    CHECK(rk_lease_state(x) == RK_HOLD_LOST);
    CHECK_RC(ZSESSIONEXPIRED, rk_lease_verify(x, 1000));
    CHECK_RC(ZOK, rk_semaphore_acquire(b, 1000, &z));
    CHECK_RC(ZSESSIONEXPIRED, rk_lease_release(x));
    CHECK_RC(ZOK, rk_lease_release(y));
    CHECK_RC(ZOK, rk_lease_release(z));
    CHECK_RC(ZOK, rk_semaphore_close(a));
    CHECK_RC(ZOK, rk_semaphore_close(b));
}

const struct rig_case lock_cases[] = {
    {"lock_excludes_and_tokens_grow", lock_excludes_and_tokens_grow},
    {"lock_is_reentrant_by_handle", lock_is_reentrant_by_handle},
    {"lock_is_fair", lock_is_fair},
    {"lock_close_wakes_the_waiter", lock_close_wakes_the_waiter},
    {"lock_tells_of_a_lost_session", lock_tells_of_a_lost_session},
    {"lock_tells_of_a_deleted_node", lock_tells_of_a_deleted_node},
    {"lock_waiter_queues_again_in_a_new_session", lock_waiter_queues_again_in_a_new_session},
    {"lock_participants_are_in_order", lock_participants_are_in_order},
    {"lock_refuses_bad_arguments", lock_refuses_bad_arguments},
    {"lock_under_contention_of_threads", lock_under_contention_of_threads},
    {"rwlock_lets_readers_in_together", rwlock_lets_readers_in_together},
    {"rwlock_can_be_downgraded", rwlock_can_be_downgraded},
    {"rwlock_counts_its_halves", rwlock_counts_its_halves},
    {"rwlock_reader_by_its_writer_can_be_verified", rwlock_reader_by_its_writer_can_be_verified},
    {"semaphore_counts_leases", semaphore_counts_leases},
    {NULL, NULL}};
