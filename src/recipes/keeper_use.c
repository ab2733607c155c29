/* The keeper as its users and the other recipes see it. */
#include "recipes/keeper_int.h"

#include <stdlib.h>
#include <string.h>

int rk_keeper_wait(struct rk_keeper *k, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_keeper_enter(k);
    if (rc != ZOK) {
        return rc;
    }
    rk_keeper_lock(k);
    while (k->link == RK_LINK_SUSPENDED && !k->is_closing && rk_rec_now_ms() < deadline_ms) {
        rk_rec_cond_wait(&k->cond, &k->mutex, deadline_ms);
    }
    rc = k->link == RK_LINK_CONNECTED ? ZOK
         : k->link == RK_LINK_FAILED  ? ZAUTHFAILED
         : k->is_closing              ? ZCLOSING
                                      : ZOPERATIONTIMEOUT;
    rk_keeper_unlock(k);
    rk_keeper_leave(k);
    return rc;
}

void rk_keeper_look(struct rk_keeper *k, struct rk_look *ret_look)
{
    rk_keeper_lock(k);
    ret_look->link = k->link;
    ret_look->generation = k->generation;
    ret_look->moves = k->moves;
    rk_keeper_unlock(k);
}

enum rk_link rk_keeper_link(struct rk_keeper *k)
{
    struct rk_look look;
    rk_keeper_look(k, &look);
    return look.link;
}

uint64_t rk_keeper_generation(struct rk_keeper *k)
{
    struct rk_look look;
    rk_keeper_look(k, &look);
    return look.generation;
}

bool rk_keeper_is_gone(struct rk_keeper *k, uint64_t generation)
{
    return rk_keeper_generation(k) != generation;
}

bool rk_keeper_was_ours(struct rk_keeper *k, int64_t session_id)
{
    bool is_ours = false;
    rk_keeper_lock(k);
    for (unsigned i = 0; i < k->session_count && i < RK_KEEPER_SESSIONS; i++) {
        is_ours = is_ours || k->sessions[i] == session_id;
    }
    rk_keeper_unlock(k);
    return is_ours;
}

int64_t rk_keeper_session_id(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    int64_t id =
        k->session_count == 0 ? 0 : k->sessions[(k->session_count - 1u) % RK_KEEPER_SESSIONS];
    rk_keeper_unlock(k);
    return id;
}

const struct ACL_vector *rk_keeper_acl(const struct rk_keeper *k)
{
    return k->options.acl != NULL ? k->options.acl : &ZOO_OPEN_ACL_UNSAFE;
}

static bool is_own_thread(const struct rk_keeper *k)
{
    pthread_t self = pthread_self();
    return pthread_equal(k->thread, self) ||
           (k->has_callback_thread && pthread_equal(k->callback_thread, self));
}

bool rk_keeper_on_own_thread(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    bool is_it = is_own_thread(k);
    rk_keeper_unlock(k);
    return is_it;
}

int rk_keeper_enter(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    int rc = is_own_thread(k) ? ZINVALIDSTATE : k->is_closing ? ZCLOSING : ZOK;
    k->users += rc == ZOK;
    rk_keeper_unlock(k);
    return rc;
}

void rk_keeper_leave(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    k->users--;
    pthread_cond_broadcast(&k->cond);
    rk_keeper_unlock(k);
}

int rk_keeper_add_auth(struct rk_keeper *k, const char *scheme, const char *cert, int cert_bytes)
{
    if (scheme == NULL || cert_bytes < 0 || (cert == NULL && cert_bytes > 0)) {
        return ZBADARGUMENTS;
    }
    struct rk_auth *auth = calloc(1, sizeof(*auth));
    if (auth == NULL) {
        return ZSYSTEMERROR;
    }
    auth->scheme = strdup(scheme);
    auth->cert = rk_rec_memdup(cert, cert_bytes);
    auth->cert_bytes = cert_bytes;
    if (auth->scheme == NULL || auth->cert == NULL) {
        free(auth->scheme);
        free(auth->cert);
        free(auth);
        return ZSYSTEMERROR;
    }
    int rc = ZOK;
    rk_keeper_lock(k);
    struct rk_auth **end = &k->auths;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = auth;
    if (k->zh != NULL && !k->is_ending) {
        rc = zoo_add_auth(k->zh, scheme, cert, cert_bytes, NULL, NULL);
    }
    rk_keeper_unlock(k);
    return rk_rec_is_lost(rc) ? ZOK : rc; /* the next session will have it */
}

zhandle_t *rk_keeper_hold(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    zhandle_t *zh = k->is_closing || k->is_ending ? NULL : k->zh;
    k->holders += zh != NULL;
    rk_keeper_unlock(k);
    return zh;
}

void rk_keeper_release(struct rk_keeper *k)
{
    rk_keeper_lock(k);
    k->holders--;
    pthread_cond_broadcast(&k->cond);
    rk_keeper_unlock(k);
}

void rk_keeper_discard(struct rk_keeper *k, struct rk_node *node)
{
    rk_keeper_lock(k);
    node->next = k->discarded;
    k->discarded = node;
    pthread_cond_broadcast(&k->cond);
    rk_keeper_unlock(k);
}

void rk_keeper_link_object(struct rk_keeper *k, struct rk_object *object)
{
    object->next = k->objects;
    object->previous = NULL;
    if (k->objects != NULL) {
        k->objects->previous = object;
    }
    k->objects = object;
    struct rk_cell *cell = k->cells;
    while (cell != NULL && cell->object != NULL) {
        cell = cell->next;
    }
    if (cell == NULL) {
        cell = calloc(1, sizeof(*cell));
        if (cell == NULL) {
            return; /* told by object->cell */
        }
        cell->keeper = k;
        cell->next = k->cells;
        k->cells = cell;
    }
    cell->object = object;
    object->cell = cell;
}

void rk_keeper_unlink_object(struct rk_keeper *k, struct rk_object *object)
{
    if (object->cell != NULL) {
        object->cell->object = NULL;
        object->cell = NULL;
    }
    if (object->previous != NULL) {
        object->previous->next = object->next;
    } else {
        k->objects = object->next;
    }
    if (object->next != NULL) {
        object->next->previous = object->previous;
    }
}

int rk_keeper_make_path(struct rk_keeper *k, const char *path, int timeout_ms)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = k, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = rk_rec_make_path(&t, path);
    }
    return t.rc;
}
