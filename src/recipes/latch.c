/* The leader latch: a place in a line that is taken again in every session, and a thread that looks
 * whether it is the first. */
#include "recipes/line.h"
#include <rookery/recipes_leader.h>

#include <stdlib.h>
#include <string.h>

struct rk_latch {
    struct rk_object object; /* first */
    char *path;
    char *id;
    rk_latch_fn on_change;
    void *context;
    struct rk_node *node; /* of the thread */
    bool is_told;         /* of the thread: on_change heard of told_token */
    int64_t told_token;
    /* Under object.mutex. */
    bool is_leader;
    int64_t token;
    uint64_t generation;
};

static void tell(struct rk_latch *latch, bool is_leader, int64_t token)
{
    if (latch->is_told == is_leader && (!is_leader || latch->told_token == token)) {
        return;
    }
    latch->is_told = is_leader;
    if (is_leader) {
        latch->told_token = token;
    }
    if (latch->on_change != NULL) {
        latch->on_change(latch, is_leader, latch->told_token, latch->context);
    }
}

static void set_leader(struct rk_latch *latch, bool is_leader)
{
    pthread_mutex_lock(&latch->object.mutex);
    latch->object.pokes += is_leader && !latch->is_leader; /* for rk_latch_wait */
    latch->is_leader = is_leader;
    latch->token = is_leader ? latch->node->token : 0;
    latch->generation = is_leader ? latch->node->generation : 0;
    pthread_cond_broadcast(&latch->object.cond);
    pthread_mutex_unlock(&latch->object.mutex);
    tell(latch, is_leader, is_leader ? latch->node->token : 0);
}

/* One look at the ensemble. Lost connections are not waited out: they end the leadership for now.
 */
static int look_once(struct rk_latch *latch)
{
    struct rk_keeper *keeper = latch->object.keeper;
    bool is_first = false;
    int rc = ZOK;
    if (latch->node == NULL) {
        struct rk_node_plan plan = {.parent = latch->path,
                                    .name = rk_line_prefix(RK_LINE_LATCH),
                                    .data = latch->id,
                                    .data_bytes = (int)strlen(latch->id),
                                    .mode = ZOO_EPHEMERAL_SEQUENTIAL};
        rc = rk_node_create(keeper, &latch->object, &plan, RK_FOREVER, &latch->node);
    }
    if (rc == ZOK) {
        rc = rk_line_place(&latch->object, latch->node, RK_LINE_LATCH, rk_rec_now_ms(), &is_first);
    }
    if (rc == ZOK && is_first) {
        /* To hear when somebody takes it away from us. */
        rc = rk_node_verify(keeper, &latch->object, latch->node->path, latch->node->generation,
                            rk_rec_now_ms());
    }
    set_leader(latch, rc == ZOK && is_first);
    if (rc == ZSESSIONEXPIRED && latch->node != NULL) {
        (void)rk_node_remove(keeper, latch->node, rk_rec_now_ms()); /* or in the background */
        latch->node = NULL;
    }
    return rc;
}

static void latch_run(struct rk_object *object)
{
    struct rk_latch *latch = (struct rk_latch *)object;
    bool is_open = true;
    while (is_open) {
        uint64_t seen = rk_object_pokes(object);
        int rc = look_once(latch);
        int64_t again_ms = rc == ZOK ? RK_FOREVER : rk_rec_now_ms() + RK_RETRY_MS;
        if (rc != ZSESSIONEXPIRED) {
            is_open = rk_object_wait(object, seen, again_ms);
        }
    }
    tell(latch, false, 0);
}

static void latch_free(struct rk_latch *latch)
{
    free(latch->path);
    free(latch->id);
    free(latch);
}

int rk_latch_open(struct rk_keeper *keeper, const char *path, const char *id, rk_latch_fn on_change,
                  void *context, struct rk_latch **ret_latch)
{
    if (keeper == NULL || !rk_rec_is_path(path) || id == NULL) {
        return ZBADARGUMENTS;
    }
    struct rk_latch *latch = calloc(1, sizeof(*latch));
    if (latch == NULL) {
        return ZSYSTEMERROR;
    }
    latch->path = strdup(path);
    latch->id = strdup(id);
    latch->on_change = on_change;
    latch->context = context;
    int rc =
        rk_object_open(&latch->object, keeper, latch->path != NULL && latch->id != NULL, latch_run);
    if (rc != ZOK) {
        latch_free(latch);
        return rc;
    }
    *ret_latch = latch;
    return ZOK;
}

int rk_latch_close(struct rk_latch *latch)
{
    if (latch == NULL) {
        return ZOK;
    }
    int rc = rk_object_close(&latch->object, &latch->node);
    if (rc == ZOK) {
        latch_free(latch);
    }
    return rc;
}

bool rk_latch_is_leader(struct rk_latch *latch, int64_t *ret_token)
{
    struct rk_look look;
    rk_keeper_look(latch->object.keeper, &look);
    pthread_mutex_lock(&latch->object.mutex);
    bool is_leader = latch->is_leader && !latch->object.is_closing &&
                     look.link == RK_LINK_CONNECTED && look.generation == latch->generation;
    if (is_leader && ret_token != NULL) {
        *ret_token = latch->token;
    }
    pthread_mutex_unlock(&latch->object.mutex);
    return is_leader;
}

int rk_latch_wait(struct rk_latch *latch, int timeout_ms, int64_t *ret_token)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(&latch->object);
    if (rc != ZOK) {
        return rc;
    }
    uint64_t seen = rk_object_pokes(&latch->object);
    while (rc == ZOK && !rk_latch_is_leader(latch, ret_token)) {
        rc = rk_object_is_own_thread(&latch->object)
                 ? ZINVALIDSTATE
                 : rk_object_wait_again(&latch->object, seen, deadline_ms);
        seen = rk_object_pokes(&latch->object);
    }
    rk_object_leave(&latch->object);
    return rc;
}

int rk_latch_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                          struct String_vector *ret_vector)
{
    return rk_line_list(keeper, path, RK_LINE_LATCH, timeout_ms, INT32_MAX, ret_vector);
}

int rk_latch_leader(struct rk_keeper *keeper, const char *path, int timeout_ms, char **ret_id)
{
    struct String_vector ids = {0};
    int rc = rk_line_list(keeper, path, RK_LINE_LATCH, timeout_ms, 1, &ids);
    if (rc != ZOK) {
        return rc;
    }
    if (ids.count == 0) {
        rc = ZNONODE;
    } else {
        *ret_id = ids.data[0];
        ids.data[0] = NULL; /* freed as such by deallocate_String_vector */
    }
    deallocate_String_vector(&ids);
    return rc;
}
