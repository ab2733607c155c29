/* Locks and read-write locks: a place in a line, held with a token, and somebody who notices its
 * loss. */
#include "recipes/lock_int.h"

#include <stdlib.h>
#include <string.h>

struct rk_rwlock {
    struct rk_lock *read;
    struct rk_lock *write;
};

/* -- How the hold is ------------------------------------------------------------------------------
 */

/* The mutex of the object is not held: the keeper's comes first. */
static enum rk_hold hold_now(struct rk_lock *lock)
{
    struct rk_look look;
    rk_keeper_look(lock->object.keeper, &look);
    pthread_mutex_lock(&lock->object.mutex);
    enum rk_hold hold = RK_HOLD_NONE;
    if (lock->count > 0) {
        /* The look may be older than the hold. */
        lock->is_lost = lock->is_lost || look.generation > lock->generation;
        hold = lock->is_lost                    ? RK_HOLD_LOST
               : look.link != RK_LINK_CONNECTED ? RK_HOLD_UNSURE
                                                : RK_HOLD_SURE;
    }
    pthread_mutex_unlock(&lock->object.mutex);
    return hold;
}

/* The lock whose node is held: the writer of a reader that holds by that one. */
static struct rk_lock *holder(struct rk_lock *lock)
{
    struct rk_lock *write = lock->writer;
    if (write == NULL) {
        return lock;
    }
    pthread_mutex_lock(&write->object.mutex);
    bool is_shared = write->shared_count > 0;
    pthread_mutex_unlock(&write->object.mutex);
    return is_shared ? write : lock;
}

/* What is held through `lock` itself; with the mutex of the holder. */
static int own_count(const struct rk_lock *lock, const struct rk_lock *held)
{
    return lock == held ? held->count - held->shared_count : held->shared_count;
}

/* 0: `lock` holds nothing, though its other half may. */
static int64_t token_of(struct rk_lock *lock, struct rk_lock *held)
{
    pthread_mutex_lock(&held->object.mutex);
    int64_t token = own_count(lock, held) > 0 ? held->token : 0;
    pthread_mutex_unlock(&held->object.mutex);
    return token;
}

enum rk_hold rk_lock_state(struct rk_lock *lock)
{
    struct rk_lock *held = holder(lock);
    return token_of(lock, held) == 0 ? RK_HOLD_NONE : hold_now(held);
}

int64_t rk_lock_token(struct rk_lock *lock)
{
    return token_of(lock, holder(lock));
}

/* Path of the node held, its generation and token; NULL: nothing is held. */
static char *held_path(struct rk_lock *lock, uint64_t *ret_generation, int64_t *ret_token)
{
    pthread_mutex_lock(&lock->object.mutex);
    char *path = lock->count > 0 && lock->node != NULL ? strdup(lock->node->path) : NULL;
    *ret_generation = lock->generation;
    *ret_token = lock->token;
    pthread_mutex_unlock(&lock->object.mutex);
    return path;
}

static void note_lost(struct rk_lock *lock, int64_t token)
{
    pthread_mutex_lock(&lock->object.mutex);
    if (lock->count > 0 && lock->token == token) {
        lock->is_lost = true;
    }
    pthread_mutex_unlock(&lock->object.mutex);
}

int rk_lock_verify(struct rk_lock *lock, int timeout_ms)
{
    int rc = rk_object_enter(&lock->object);
    if (rc != ZOK) {
        return rc;
    }
    uint64_t generation;
    int64_t token;
    struct rk_lock *held = holder(lock);
    char *path = rk_lock_token(lock) == 0 ? NULL : held_path(held, &generation, &token);
    if (path == NULL) {
        rc = ZINVALIDSTATE;
    } else {
        rc = rk_node_verify(lock->object.keeper, NULL, path, generation,
                            rk_rec_deadline(timeout_ms));
    }
    if (rc == ZSESSIONEXPIRED) {
        note_lost(held, token);
        rk_object_poke(&held->object);
    }
    free(path);
    rk_object_leave(&lock->object);
    return rc;
}

/* -- The thread that tells ------------------------------------------------------------------------
 */

/* Looks whether the node of the hold still stands, and leaves a watch on it. False: no answer. */
static bool check_node(struct rk_lock *lock)
{
    uint64_t generation;
    int64_t token;
    int rc = ZOK;
    char *path = held_path(lock, &generation, &token);
    if (path != NULL) {
        rc = rk_node_verify(lock->object.keeper, &lock->object, path, generation, rk_rec_now_ms());
        if (rc == ZSESSIONEXPIRED) {
            note_lost(lock, token);
        }
    }
    free(path);
    return rc != ZOPERATIONTIMEOUT;
}

/* What is to be told, RK_HOLD_NONE: nothing. */
static enum rk_hold news(struct rk_lock *lock, enum rk_hold hold, int64_t *ret_token)
{
    enum rk_hold tell = RK_HOLD_NONE;
    pthread_mutex_lock(&lock->object.mutex);
    if (lock->count == 0 || lock->told_token != lock->token) {
        lock->told = RK_HOLD_SURE; /* of a new hold that is no news */
        lock->told_token = lock->token;
    }
    if (lock->count > 0 && hold != RK_HOLD_NONE && hold != lock->told) {
        lock->told = hold;
        tell = hold;
    }
    *ret_token = lock->token;
    pthread_mutex_unlock(&lock->object.mutex);
    return tell;
}

static void tell_run(struct rk_object *object)
{
    struct rk_lock *lock = (struct rk_lock *)object;
    for (;;) {
        uint64_t seen = rk_object_pokes(object);
        bool is_checked = hold_now(lock) != RK_HOLD_SURE || check_node(lock);
        int64_t token;
        enum rk_hold tell = news(lock, hold_now(lock), &token);
        if (tell != RK_HOLD_NONE) {
            lock->options.on_change(lock, tell, token, lock->options.context);
        }
        if (!rk_object_wait(object, seen,
                            is_checked ? RK_FOREVER : rk_rec_now_ms() + RK_RETRY_MS)) {
            return;
        }
    }
}

/* -- Open and close -------------------------------------------------------------------------------
 */

static void lock_free(struct rk_lock *lock)
{
    free(lock->path);
    free(lock->data);
    free(lock);
}

int rk_lock_new(struct rk_keeper *keeper, const char *path, enum rk_line_kind kind,
                const struct rk_lock_options *options, struct rk_lock **ret_lock)
{
    if (keeper == NULL || !rk_rec_is_path(path) ||
        (options != NULL && !rk_rec_is_data(options->data, options->data_bytes))) {
        return ZBADARGUMENTS;
    }
    struct rk_lock *lock = calloc(1, sizeof(*lock));
    if (lock == NULL) {
        return ZSYSTEMERROR;
    }
    lock->kind = kind;
    lock->path = strdup(path);
    if (options != NULL) {
        lock->options = *options;
        lock->data =
            options->data == NULL ? NULL : rk_rec_memdup(options->data, options->data_bytes);
        lock->data_bytes = options->data_bytes;
    }
    bool is_whole = lock->path != NULL && (lock->options.data == NULL || lock->data != NULL);
    int rc = rk_object_open(&lock->object, keeper, is_whole,
                            lock->options.on_change != NULL ? tell_run : NULL);
    if (rc != ZOK) {
        lock_free(lock);
        return rc;
    }
    *ret_lock = lock;
    return ZOK;
}

int rk_lock_open(struct rk_keeper *keeper, const char *path, const struct rk_lock_options *options,
                 struct rk_lock **ret_lock)
{
    return rk_lock_new(keeper, path, RK_LINE_LOCK, options, ret_lock);
}

int rk_lock_close(struct rk_lock *lock)
{
    if (lock == NULL) {
        return ZOK;
    }
    int rc = rk_object_close(&lock->object, &lock->node);
    if (rc == ZOK) {
        lock_free(lock);
    }
    return rc;
}

/* -- Acquire and release --------------------------------------------------------------------------
 */

/* ZOK: it is held already and counted, for its reader if is_shared; ZNOTHING: it is not held. */
static int count_hold(struct rk_lock *lock, bool is_shared, int64_t *ret_token)
{
    (void)hold_now(lock); /* notes a loss */
    int rc = ZNOTHING;
    pthread_mutex_lock(&lock->object.mutex);
    if (lock->is_acquiring) {
        rc = ZINVALIDSTATE;
    } else if (lock->count > 0 && lock->is_lost) {
        rc = ZSESSIONEXPIRED;
    } else if (lock->count > 0) {
        lock->count++;
        lock->shared_count += is_shared;
        *ret_token = lock->token;
        rc = ZOK;
    } else {
        lock->is_acquiring = !is_shared;
    }
    pthread_mutex_unlock(&lock->object.mutex);
    return rc;
}

static void end_acquire(struct rk_lock *lock, struct rk_node *node)
{
    pthread_mutex_lock(&lock->object.mutex);
    lock->is_acquiring = false;
    if (node != NULL) {
        lock->node = node;
        lock->token = node->token;
        lock->generation = node->generation;
        lock->is_lost = false;
        lock->count = 1;
        lock->object.pokes++; /* the thread sets its watch */
        pthread_cond_broadcast(&lock->object.cond);
    }
    pthread_mutex_unlock(&lock->object.mutex);
}

static int acquire(struct rk_lock *lock, int64_t deadline_ms, int64_t *ret_token)
{
    bool is_to_upgrade =
        lock->reader != NULL && rk_lock_token(lock) == 0 && rk_lock_token(lock->reader) != 0;
    int rc = is_to_upgrade ? ZINVALIDSTATE : ZNOTHING;
    if (lock->writer != NULL) {
        /* A reader whose writer holds the lock holds it by that one's node. */
        rc = count_hold(lock->writer, true, ret_token);
    }
    if (rc == ZNOTHING) {
        rc = count_hold(lock, false, ret_token);
    }
    if (rc != ZNOTHING) {
        return rc;
    }
    struct rk_node_plan plan = {.parent = lock->path,
                                .name = rk_line_prefix(lock->kind),
                                .data = lock->data,
                                .data_bytes = lock->data_bytes,
                                .mode = ZOO_EPHEMERAL_SEQUENTIAL};
    struct rk_node *node = NULL;
    rc = rk_line_acquire(&lock->object, &plan, lock->kind, deadline_ms, &node);
    if (rc == ZOK) {
        *ret_token = node->token;
    }
    end_acquire(lock, node);
    return rc;
}

int rk_lock_acquire(struct rk_lock *lock, int timeout_ms, int64_t *ret_token)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int64_t token = 0;
    int rc = rk_object_enter(&lock->object);
    if (rc != ZOK) {
        return rc;
    }
    rc = acquire(lock, deadline_ms, &token);
    if (rc == ZOK && ret_token != NULL) {
        *ret_token = token;
    }
    rk_object_leave(&lock->object);
    return rc;
}

static int release(struct rk_lock *lock)
{
    struct rk_lock *held = holder(lock);
    enum rk_hold hold = hold_now(held);
    struct rk_node *node = NULL;
    pthread_mutex_lock(&held->object.mutex);
    if (own_count(lock, held) == 0) {
        pthread_mutex_unlock(&held->object.mutex);
        return ZINVALIDSTATE;
    }
    held->count--;
    held->shared_count -= held != lock;
    if (held->count == 0) {
        node = held->node;
        held->node = NULL;
    }
    pthread_mutex_unlock(&held->object.mutex);
    int rc = ZOK;
    if (node != NULL) {
        rc = rk_node_remove(lock->object.keeper, node, rk_rec_deadline(RK_RELEASE_MS));
    }
    return hold == RK_HOLD_LOST ? ZSESSIONEXPIRED : rc;
}

int rk_lock_release(struct rk_lock *lock)
{
    int rc = rk_object_enter(&lock->object);
    if (rc != ZOK) {
        return rc;
    }
    rc = release(lock);
    rk_object_leave(&lock->object);
    return rc;
}

int rk_lock_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                         struct String_vector *ret_vector)
{
    return rk_line_list(keeper, path, RK_LINE_LOCK, timeout_ms, INT32_MAX, ret_vector);
}

/* -- Read-write lock ------------------------------------------------------------------------------
 */

int rk_rwlock_open(struct rk_keeper *keeper, const char *path,
                   const struct rk_lock_options *options, struct rk_rwlock **ret_lock)
{
    struct rk_rwlock *rw = calloc(1, sizeof(*rw));
    if (rw == NULL) {
        return ZSYSTEMERROR;
    }
    int rc = rk_lock_new(keeper, path, RK_LINE_READ, options, &rw->read);
    if (rc == ZOK) {
        rc = rk_lock_new(keeper, path, RK_LINE_WRITE, options, &rw->write);
    }
    if (rc != ZOK) {
        (void)rk_lock_close(rw->read);
        free(rw);
        return rc;
    }
    rw->read->writer = rw->write;
    rw->write->reader = rw->read;
    *ret_lock = rw;
    return ZOK;
}

int rk_rwlock_close(struct rk_rwlock *rw)
{
    if (rw == NULL) {
        return ZOK;
    }
    struct rk_object *objects[] = {&rw->read->object, &rw->write->object};
    for (int i = 0; i < 2; i++) {
        if (rk_object_is_own_thread(objects[i])) {
            return ZINVALIDSTATE;
        }
    }
    int rc = rk_lock_close(rw->read);
    if (rc == ZOK) {
        rc = rk_lock_close(rw->write);
        free(rw);
    }
    return rc;
}

struct rk_lock *rk_rwlock_read(struct rk_rwlock *rw)
{
    return rw->read;
}

struct rk_lock *rk_rwlock_write(struct rk_rwlock *rw)
{
    return rw->write;
}
