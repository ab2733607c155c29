/* Barriers: one node in the way; and a meeting point where all begin and end together. */
#include "recipes/recipes_int.h"
#include <rookery/recipes_sync.h>

#include <stdlib.h>
#include <string.h>

/* -- Barrier --------------------------------------------------------------------------------------
 */

int rk_barrier_set(struct rk_keeper *keeper, const char *path, int timeout_ms)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = rk_rec_create(&t, path, NULL, 0);
    }
    return t.rc == ZNODEEXISTS ? ZOK : t.rc;
}

int rk_barrier_lift(struct rk_keeper *keeper, const char *path, int timeout_ms)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    while (rk_try(&t)) {
        t.rc = zoo_delete(t.zh, path, -1);
    }
    return t.rc == ZNONODE ? ZOK : t.rc;
}

/* Waits in an object of its own: there is no handle to this recipe. */
static int wait_gone(struct rk_object *object, const char *path, int64_t deadline_ms)
{
    for (;;) {
        uint64_t seen = rk_object_pokes(object);
        char byte;
        int bytes = 0;
        struct rk_try t = {.keeper = object->keeper, .deadline_ms = deadline_ms};
        while (rk_try(&t)) {
            t.rc = rk_sync(t.zh, path); /* one that was lifted before this call shall not hold us */
            if (t.rc == ZOK) {
                t.rc = zoo_wget(t.zh, path, rk_object_watcher, object->cell, &byte, &bytes, NULL);
            }
        }
        if (t.rc == ZNONODE) {
            return ZOK;
        }
        int rc = t.rc == ZOK ? rk_object_wait_again(object, seen, deadline_ms) : t.rc;
        if (rc != ZOK) {
            return rc;
        }
    }
}

int rk_barrier_wait(struct rk_keeper *keeper, const char *path, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    int rc = rk_keeper_enter(keeper);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_object object = {0};
    rc = rk_object_init(&object, keeper);
    if (rc == ZOK) {
        rc = wait_gone(&object, path, deadline_ms);
        rk_object_deinit(&object);
    }
    rk_keeper_leave(keeper);
    return rc;
}

/* -- Double barrier -------------------------------------------------------------------------------
 * Who enters makes a node and waits until there is `ready`, which the one makes who counts enough.
 * Who leaves removes the node and waits until there is no other. */

struct rk_double_barrier {
    struct rk_object object; /* first */
    char *path;
    char *ready;
    int members;
    struct rk_node *node; /* while inside; of the owner */
};

static void double_free(struct rk_double_barrier *b)
{
    free(b->path);
    free(b->ready);
    free(b);
}

int rk_double_barrier_open(struct rk_keeper *keeper, const char *path, int members,
                           struct rk_double_barrier **ret_barrier)
{
    if (keeper == NULL || !rk_rec_is_path(path) || members < 1) {
        return ZBADARGUMENTS;
    }
    struct rk_double_barrier *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return ZSYSTEMERROR;
    }
    b->members = members;
    b->path = strdup(path);
    b->ready = rk_rec_join(path, "ready");
    int rc = rk_object_open(&b->object, keeper, b->path != NULL && b->ready != NULL, NULL);
    if (rc != ZOK) {
        double_free(b);
        return rc;
    }
    *ret_barrier = b;
    return ZOK;
}

int rk_double_barrier_close(struct rk_double_barrier *b)
{
    if (b == NULL) {
        return ZOK;
    }
    int rc = rk_object_close(&b->object, &b->node);
    if (rc == ZOK) {
        double_free(b);
    }
    return rc;
}

/* Others inside, without ready and without ours. */
static int count_others(struct rk_try *t, const struct rk_double_barrier *b, const char *own,
                        bool *ret_is_own_there, int *ret_others)
{
    struct String_vector names = {0};
    int rc = zoo_wget_children(t->zh, b->path, rk_object_watcher, b->object.cell, &names);
    if (rc != ZOK) {
        return rc;
    }
    *ret_is_own_there = false;
    *ret_others = 0;
    for (int i = 0; i < names.count; i++) {
        if (own != NULL && strcmp(names.data[i], own) == 0) {
            *ret_is_own_there = true;
        } else if (strcmp(names.data[i], "ready") != 0) {
            (*ret_others)++;
        }
    }
    deallocate_String_vector(&names);
    return ZOK;
}

/* ZOK: begin. ZNOTHING: not yet. ZSESSIONEXPIRED: our node is gone. */
static int enter_once(struct rk_double_barrier *b, int64_t deadline_ms)
{
    struct rk_try t = {.keeper = b->object.keeper,
                       .object = &b->object,
                       .deadline_ms = deadline_ms,
                       .generation = b->node->generation};
    while (rk_try(&t)) {
        bool is_own_there = false;
        int others = 0;
        t.rc = count_others(&t, b, rk_rec_name(b->node->path), &is_own_there, &others);
        if (t.rc != ZOK || !is_own_there) {
            t.rc = t.rc == ZOK ? ZNONODE : t.rc;
            continue;
        }
        t.rc = zoo_exists(t.zh, b->ready, 0, NULL);
        if (t.rc == ZNONODE && others + 1 >= b->members) {
            t.rc = zoo_create(t.zh, b->ready, NULL, -1, rk_keeper_acl(b->object.keeper),
                              ZOO_PERSISTENT, NULL, 0);
            t.rc = t.rc == ZNODEEXISTS ? ZOK : t.rc;
        } else if (t.rc == ZNONODE) {
            t.rc = ZNOTHING;
        }
    }
    return t.rc == ZNONODE ? ZSESSIONEXPIRED : t.rc;
}

static int enter_wait(struct rk_double_barrier *b, int64_t deadline_ms)
{
    bool is_last = false;
    for (;;) {
        uint64_t seen = rk_object_pokes(&b->object);
        int rc = enter_once(b, is_last ? rk_rec_now_ms() : deadline_ms);
        if (rc != ZNOTHING) {
            return rc;
        }
        if (is_last) {
            return ZOPERATIONTIMEOUT;
        }
        /* The others may have begun meanwhile: a last look decides. */
        is_last = rk_object_wait_again(&b->object, seen, deadline_ms) == ZOPERATIONTIMEOUT;
    }
}

static int enter(struct rk_double_barrier *b, int64_t deadline_ms)
{
    struct rk_node_plan plan = {.parent = b->path, .name = "member", .mode = ZOO_EPHEMERAL};
    for (;;) {
        int rc = rk_node_create(b->object.keeper, &b->object, &plan, deadline_ms, &b->node);
        if (rc == ZOK) {
            rc = enter_wait(b, deadline_ms);
        }
        if (rc != ZOK && b->node != NULL) {
            (void)rk_node_remove(b->object.keeper, b->node,
                                 rk_rec_deadline(RK_RELEASE_MS)); /* or in the background */
            b->node = NULL;
        }
        /* A session lost before the others began: enter anew. */
        if (rc != ZSESSIONEXPIRED) {
            return rc;
        }
        if (rk_rec_now_ms() >= deadline_ms) {
            return ZOPERATIONTIMEOUT;
        }
    }
}

int rk_double_barrier_enter(struct rk_double_barrier *b, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(&b->object);
    if (rc != ZOK) {
        return rc;
    }
    rc = b->node != NULL ? ZINVALIDSTATE : ZOK;
    if (rc == ZOK) {
        rc = enter(b, deadline_ms);
    }
    rk_object_leave(&b->object);
    return rc;
}

static int leave_wait(struct rk_double_barrier *b, int64_t deadline_ms)
{
    for (;;) {
        uint64_t seen = rk_object_pokes(&b->object);
        int others = 0;
        struct rk_try t = {
            .keeper = b->object.keeper, .object = &b->object, .deadline_ms = deadline_ms};
        while (rk_try(&t)) {
            bool is_own_there;
            t.rc = count_others(&t, b, NULL, &is_own_there, &others);
            if (t.rc == ZOK && others == 0) {
                t.rc = zoo_delete(t.zh, b->ready, -1);
            }
        }
        if (t.rc == ZNONODE || (t.rc == ZOK && others == 0)) {
            return ZOK;
        }
        if (t.rc != ZOK) {
            return t.rc;
        }
        int rc = rk_object_wait_again(&b->object, seen, deadline_ms);
        if (rc != ZOK) {
            return rc;
        }
    }
}

int rk_double_barrier_leave(struct rk_double_barrier *b, int timeout_ms)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(&b->object);
    if (rc != ZOK) {
        return rc;
    }
    if (b->node == NULL) {
        rc = ZINVALIDSTATE;
    } else {
        bool was_lost = rk_keeper_is_gone(b->object.keeper, b->node->generation);
        (void)rk_node_remove(b->object.keeper, b->node, deadline_ms); /* or in the background */
        b->node = NULL;
        rc = leave_wait(b, deadline_ms);
        rc = rc == ZOK && was_lost ? ZSESSIONEXPIRED : rc;
    }
    rk_object_leave(&b->object);
    return rc;
}
