/* What all objects of the recipes have: a place with their keeper, pokes, a thread if need be, and
 * an end that waits for everybody. */
#include "recipes/recipes_int.h"

int rk_object_init(struct rk_object *object, struct rk_keeper *keeper)
{
    object->keeper = keeper;
    if (pthread_mutex_init(&object->mutex, NULL) != 0) {
        return ZSYSTEMERROR;
    }
    if (!rk_rec_cond_init(&object->cond)) {
        pthread_mutex_destroy(&object->mutex);
        return ZSYSTEMERROR;
    }
    rk_keeper_lock(keeper);
    rk_keeper_link_object(keeper, object);
    rk_keeper_unlock(keeper);
    if (object->cell == NULL) {
        rk_object_deinit(object);
        return ZSYSTEMERROR;
    }
    return ZOK;
}

static void *thread_main(void *arg)
{
    struct rk_object *object = arg;
    object->run(object);
    return NULL;
}

int rk_object_start(struct rk_object *object, void (*run)(struct rk_object *object))
{
    object->run = run;
    /* has_thread and thread are set before the thread can ask for them. */
    pthread_mutex_lock(&object->mutex);
    int rc = rk_rec_thread(&object->thread, thread_main, object);
    object->has_thread = rc == ZOK;
    pthread_mutex_unlock(&object->mutex);
    return rc;
}

int rk_object_open(struct rk_object *object, struct rk_keeper *keeper, bool is_whole,
                   void (*run)(struct rk_object *object))
{
    int rc = is_whole ? rk_object_init(object, keeper) : ZSYSTEMERROR;
    if (rc == ZOK && run != NULL) {
        rc = rk_object_start(object, run);
        if (rc != ZOK) {
            rk_object_deinit(object);
        }
    }
    return rc;
}

bool rk_object_is_own_thread(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    bool is_own = object->has_thread && pthread_equal(object->thread, pthread_self());
    pthread_mutex_unlock(&object->mutex);
    return is_own;
}

int rk_object_enter(struct rk_object *object)
{
    if (rk_keeper_on_own_thread(object->keeper)) {
        return ZINVALIDSTATE;
    }
    pthread_mutex_lock(&object->mutex);
    int rc = object->is_closing ? ZCLOSING : ZOK;
    if (rc == ZOK) {
        object->users++;
    }
    pthread_mutex_unlock(&object->mutex);
    return rc;
}

void rk_object_leave(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    object->users--;
    pthread_cond_broadcast(&object->cond);
    pthread_mutex_unlock(&object->mutex);
}

void rk_object_begin_closing(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    object->is_closing = true;
    pthread_cond_broadcast(&object->cond);
    pthread_mutex_unlock(&object->mutex);
    rk_keeper_wake(object->keeper);
}

bool rk_object_lend(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    bool is_open = !object->is_closing;
    object->lent += is_open;
    pthread_mutex_unlock(&object->mutex);
    return is_open;
}

void rk_object_take_back(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    object->lent--;
    pthread_mutex_unlock(&object->mutex);
}

int rk_object_shut(struct rk_object *object)
{
    if (rk_keeper_on_own_thread(object->keeper) || rk_object_is_own_thread(object)) {
        return ZINVALIDSTATE;
    }
    pthread_mutex_lock(&object->mutex);
    bool is_free = object->lent == 0;
    object->is_closing = object->is_closing || is_free; /* from now on nothing is lent */
    pthread_mutex_unlock(&object->mutex);
    if (!is_free) {
        return ZINVALIDSTATE;
    }
    rk_object_begin_closing(object);
    pthread_mutex_lock(&object->mutex);
    while (object->users > 0) {
        pthread_cond_wait(&object->cond, &object->mutex);
    }
    bool has_thread = object->has_thread;
    pthread_mutex_unlock(&object->mutex);
    if (has_thread) {
        pthread_join(object->thread, NULL);
    }
    return ZOK;
}

int rk_object_close(struct rk_object *object, struct rk_node *const *node)
{
    int rc = rk_object_shut(object);
    if (rc == ZOK) {
        if (*node != NULL) {
            (void)rk_node_remove(object->keeper, *node, rk_rec_deadline(RK_RELEASE_MS));
        }
        rk_object_deinit(object);
    }
    return rc;
}

void rk_object_deinit(struct rk_object *object)
{
    rk_keeper_lock(object->keeper);
    rk_keeper_unlink_object(object->keeper, object);
    rk_keeper_unlock(object->keeper);
    pthread_cond_destroy(&object->cond);
    pthread_mutex_destroy(&object->mutex);
}

void rk_object_poke(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    object->pokes++;
    pthread_cond_broadcast(&object->cond);
    pthread_mutex_unlock(&object->mutex);
}

uint64_t rk_object_pokes(struct rk_object *object)
{
    pthread_mutex_lock(&object->mutex);
    uint64_t pokes = object->pokes;
    pthread_mutex_unlock(&object->mutex);
    return pokes;
}

bool rk_object_wait(struct rk_object *object, uint64_t seen, int64_t deadline_ms)
{
    pthread_mutex_lock(&object->mutex);
    while (object->pokes == seen && !object->is_closing && rk_rec_now_ms() < deadline_ms) {
        rk_rec_cond_wait(&object->cond, &object->mutex, deadline_ms);
    }
    bool is_open = !object->is_closing;
    pthread_mutex_unlock(&object->mutex);
    return is_open;
}

int rk_object_wait_again(struct rk_object *object, uint64_t seen, int64_t deadline_ms)
{
    if (!rk_object_wait(object, seen, deadline_ms)) {
        return ZCLOSING;
    }
    return rk_rec_now_ms() >= deadline_ms ? ZOPERATIONTIMEOUT : ZOK;
}

int rk_object_wait_flag(struct rk_object *object, const bool *flag, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(object);
    if (rc != ZOK) {
        return rc;
    }
    bool is_own = rk_object_is_own_thread(object);
    pthread_mutex_lock(&object->mutex);
    while (!*flag && !object->is_closing && !is_own && rk_rec_now_ms() < deadline_ms) {
        rk_rec_cond_wait(&object->cond, &object->mutex, deadline_ms);
    }
    rc = object->is_closing ? ZCLOSING : *flag ? ZOK : is_own ? ZINVALIDSTATE : ZOPERATIONTIMEOUT;
    pthread_mutex_unlock(&object->mutex);
    rk_object_leave(object);
    return rc;
}

void rk_object_watcher(zhandle_t *zh, int type, int state, const char *path, void *arg)
{
    (void)zh;
    (void)state;
    struct rk_cell *cell = arg;
    if (type == ZOO_SESSION_EVENT) {
        return; /* the keeper's own watcher hears of these */
    }
    rk_keeper_lock(cell->keeper);
    struct rk_object *object = cell->object;
    if (object != NULL) {
        pthread_mutex_lock(&object->mutex);
        if (object->on_event != NULL) {
            object->on_event(object, type, path);
        }
        object->pokes++;
        pthread_cond_broadcast(&object->cond);
        pthread_mutex_unlock(&object->mutex);
    }
    rk_keeper_unlock(cell->keeper);
}
