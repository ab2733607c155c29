/* Requests that are repeated until they have an answer, over lost connections and sessions. */
#include "recipes/keeper_int.h"

/* Between attempts: a server that answers with a lost connection at once shall not be hammered. */
#define PAUSE_MS 10

static bool is_object_closing(struct rk_object *object)
{
    if (object == NULL) {
        return false;
    }
    pthread_mutex_lock(&object->mutex);
    bool is_closing = object->is_closing;
    pthread_mutex_unlock(&object->mutex);
    return is_closing;
}

/* What speaks against an attempt; ZOK: nothing, ZNOTHING: the connection is missing. */
static int obstacle(const struct rk_try *t)
{
    const struct rk_keeper *k = t->keeper;
    if (is_object_closing(t->object) || k->is_closing) {
        return ZCLOSING;
    }
    if (t->generation != 0 && t->generation != k->generation) {
        return ZSESSIONEXPIRED;
    }
    if (k->link == RK_LINK_FAILED) {
        return ZAUTHFAILED;
    }
    return k->link == RK_LINK_CONNECTED && k->zh != NULL && !k->is_ending ? ZOK : ZNOTHING;
}

/* With the keeper locked: waits for a connection and takes hold of the handle. */
static int begin(struct rk_try *t)
{
    struct rk_keeper *k = t->keeper;
    for (;;) {
        int why = obstacle(t);
        if (why == ZOK) {
            k->holders++;
            t->zh = k->zh;
            t->used_generation = k->generation;
            return ZOK;
        }
        if (why != ZNOTHING) {
            return why;
        }
        if (rk_rec_now_ms() >= t->deadline_ms) {
            return ZOPERATIONTIMEOUT;
        }
        rk_rec_cond_wait(&k->cond, &k->mutex, t->deadline_ms);
    }
}

static void pause_a_little(struct rk_keeper *k)
{
    int64_t until = rk_rec_now_ms() + PAUSE_MS;
    while (!k->is_closing && rk_rec_now_ms() < until) {
        rk_rec_cond_wait(&k->cond, &k->mutex, until);
    }
}

/* With the keeper locked: ends the last attempt. False: no other one. */
static bool is_another_due(struct rk_try *t)
{
    struct rk_keeper *k = t->keeper;
    if (t->zh == NULL) {
        return true;
    }
    t->zh = NULL;
    k->holders--;
    pthread_cond_broadcast(&k->cond);
    if (!rk_rec_is_lost(t->rc)) {
        return false;
    }
    t->lost++;
    if (rk_rec_now_ms() >= t->deadline_ms) {
        t->rc = ZOPERATIONTIMEOUT;
        return false;
    }
    pause_a_little(k);
    return true;
}

bool rk_try(struct rk_try *t)
{
    struct rk_keeper *k = t->keeper;
    if (!t->is_inside) {
        t->rc = rk_keeper_enter(k);
        if (t->rc != ZOK) {
            return false;
        }
        t->is_inside = true;
    }
    rk_keeper_lock(k);
    bool is_on = is_another_due(t);
    if (is_on) {
        int rc = begin(t);
        is_on = rc == ZOK;
        t->rc = is_on ? t->rc : rc;
    }
    rk_keeper_unlock(k);
    if (!is_on) {
        t->is_inside = false;
        rk_keeper_leave(k);
    }
    return is_on;
}
