/* Leader election: a lock of its own and a thread that takes it, runs `lead`, and gives it back. */
#include "recipes/lock_int.h"
#include <rookery/recipes_leader.h>

#include <stdlib.h>
#include <string.h>

struct rk_election {
    struct rk_object object; /* first */
    struct rk_election_options options;
    struct rk_lock *lock;
    bool is_standing; /* under object.mutex */
    bool is_leading;  /* under object.mutex */
};

/* From the lock's thread: whoever sleeps in rk_election_pause looks again. */
static void on_hold(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context)
{
    (void)lock;
    struct rk_election *e = context;
    rk_object_poke(&e->object);
    if (e->options.on_change != NULL) {
        e->options.on_change(NULL, hold, token, e->options.context);
    }
}

static void set_leading(struct rk_election *e, bool is_leading)
{
    pthread_mutex_lock(&e->object.mutex);
    e->is_leading = is_leading;
    pthread_mutex_unlock(&e->object.mutex);
}

static void rest(struct rk_election *e)
{
    pthread_mutex_lock(&e->object.mutex);
    e->is_standing = e->options.is_standing_again;
    pthread_mutex_unlock(&e->object.mutex);
}

static bool is_standing(struct rk_election *e)
{
    pthread_mutex_lock(&e->object.mutex);
    bool is_it = e->is_standing && !e->object.is_closing;
    pthread_mutex_unlock(&e->object.mutex);
    return is_it;
}

static void election_run(struct rk_object *object)
{
    struct rk_election *e = (struct rk_election *)object;
    bool is_open = true;
    while (is_open) {
        uint64_t seen = rk_object_pokes(object);
        int64_t token;
        int rc = is_standing(e) ? rk_lock_acquire(e->lock, -1, &token) : ZNOTHING;
        if (rc == ZOK) {
            set_leading(e, true);
            if (rk_election_is_leader(e)) {
                e->options.lead(e, token, e->options.context);
                rest(e);
            }
            set_leading(e, false);
            (void)rk_lock_release(e->lock); /* lost or not: it is gone */
            is_open = rk_object_wait(object, seen, rk_rec_now_ms());
        } else {
            is_open = rk_object_wait(object, seen,
                                     rc == ZNOTHING ? RK_FOREVER : rk_rec_now_ms() + RK_RETRY_MS);
        }
    }
}

int rk_election_open(struct rk_keeper *keeper, const char *path, const char *id,
                     const struct rk_election_options *options, struct rk_election **ret_election)
{
    if (keeper == NULL || !rk_rec_is_path(path) || id == NULL || options == NULL ||
        options->lead == NULL) {
        return ZBADARGUMENTS;
    }
    struct rk_election *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return ZSYSTEMERROR;
    }
    e->options = *options;
    e->is_standing = true;
    int rc = rk_object_init(&e->object, keeper);
    if (rc != ZOK) {
        free(e);
        return rc;
    }
    struct rk_lock_options lock_options = {
        .on_change = on_hold, .context = e, .data = id, .data_bytes = (int)strlen(id)};
    rc = rk_lock_open(keeper, path, &lock_options, &e->lock);
    if (rc == ZOK) {
        rc = rk_object_start(&e->object, election_run);
    }
    if (rc != ZOK) {
        (void)rk_lock_close(e->lock); /* nobody is in it */
        rk_object_deinit(&e->object);
        free(e);
        return rc;
    }
    *ret_election = e;
    return ZOK;
}

int rk_election_close(struct rk_election *e)
{
    if (e == NULL) {
        return ZOK;
    }
    if (rk_object_is_own_thread(&e->object) || rk_object_is_own_thread(&e->lock->object)) {
        return ZINVALIDSTATE;
    }
    if (rk_keeper_on_own_thread(e->object.keeper)) {
        return ZINVALIDSTATE;
    }
    rk_object_begin_closing(&e->lock->object); /* wakes the thread that waits for the lock */
    (void)rk_object_shut(&e->object);          /* cannot fail any more */
    (void)rk_lock_close(e->lock);
    rk_object_deinit(&e->object);
    free(e);
    return ZOK;
}

bool rk_election_is_leader(struct rk_election *e)
{
    enum rk_hold hold = rk_lock_state(e->lock);
    pthread_mutex_lock(&e->object.mutex);
    bool is_it = e->is_leading && !e->object.is_closing && hold == RK_HOLD_SURE;
    pthread_mutex_unlock(&e->object.mutex);
    return is_it;
}

bool rk_election_pause(struct rk_election *e, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    for (;;) {
        uint64_t seen = rk_object_pokes(&e->object);
        if (!rk_election_is_leader(e)) {
            return false;
        }
        if (!rk_object_wait(&e->object, seen, deadline_ms)) {
            return false;
        }
        if (rk_rec_now_ms() >= deadline_ms) {
            return rk_election_is_leader(e);
        }
    }
}

int rk_election_stand(struct rk_election *e)
{
    pthread_mutex_lock(&e->object.mutex);
    int rc = e->is_standing ? ZINVALIDSTATE : ZOK;
    e->is_standing = true;
    e->object.pokes++;
    pthread_cond_broadcast(&e->object.cond);
    pthread_mutex_unlock(&e->object.mutex);
    return rc;
}

int rk_election_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                             struct String_vector *ret_vector)
{
    return rk_line_list(keeper, path, RK_LINE_LOCK, timeout_ms, INT32_MAX, ret_vector);
}
