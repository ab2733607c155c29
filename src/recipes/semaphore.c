/* A semaphore: leases are nodes, and a lock sees to it that only one at a time counts them. */
#include "recipes/lock_int.h"

#include <stdlib.h>
#include <string.h>

struct rk_semaphore {
    struct rk_object object; /* first */
    char *locks;
    char *leases;
    int lease_count;
    void *data;
    int data_bytes;
};

struct rk_lease {
    struct rk_semaphore *semaphore;
    struct rk_node *node;
    bool is_lost; /* under the semaphore's mutex */
};

static void semaphore_free(struct rk_semaphore *s)
{
    free(s->locks);
    free(s->leases);
    free(s->data);
    free(s);
}

int rk_semaphore_open(struct rk_keeper *keeper, const char *path, int leases,
                      const struct rk_lock_options *options, struct rk_semaphore **ret_semaphore)
{
    if (keeper == NULL || !rk_rec_is_path(path) || leases < 1 ||
        (options != NULL && !rk_rec_is_data(options->data, options->data_bytes))) {
        return ZBADARGUMENTS;
    }
    struct rk_semaphore *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return ZSYSTEMERROR;
    }
    bool has_data = options != NULL && options->data != NULL;
    s->lease_count = leases;
    s->locks = rk_rec_join(path, "locks");
    s->leases = rk_rec_join(path, "leases");
    s->data = has_data ? rk_rec_memdup(options->data, options->data_bytes) : NULL;
    s->data_bytes = has_data ? options->data_bytes : 0;
    bool is_whole = s->locks != NULL && s->leases != NULL && (!has_data || s->data != NULL);
    int rc = rk_object_open(&s->object, keeper, is_whole, NULL);
    if (rc != ZOK) {
        semaphore_free(s);
        return rc;
    }
    *ret_semaphore = s;
    return ZOK;
}

int rk_semaphore_close(struct rk_semaphore *s)
{
    if (s == NULL) {
        return ZOK;
    }
    int rc = rk_object_shut(&s->object);
    if (rc == ZOK) {
        rk_object_deinit(&s->object);
        semaphore_free(s);
    }
    return rc;
}

/* ZOK: our lease counts. Curator counts every child, and so do we. */
static int count_once(struct rk_semaphore *s, const struct rk_node *node, int64_t deadline_ms,
                      bool *ret_has_room)
{
    struct rk_try t = {.keeper = s->object.keeper,
                       .object = &s->object,
                       .deadline_ms = deadline_ms,
                       .generation = node->generation};
    while (rk_try(&t)) {
        struct String_vector names = {0};
        t.rc = zoo_wget_children(t.zh, s->leases, rk_object_watcher, s->object.cell, &names);
        if (t.rc != ZOK) {
            continue;
        }
        bool is_there = false;
        for (int i = 0; i < names.count; i++) {
            is_there = is_there || strcmp(names.data[i], rk_rec_name(node->path)) == 0;
        }
        *ret_has_room = names.count <= s->lease_count;
        deallocate_String_vector(&names);
        t.rc = is_there ? ZOK : ZNONODE;
    }
    return t.rc == ZNONODE ? ZSESSIONEXPIRED : t.rc;
}

static int wait_for_room(struct rk_semaphore *s, const struct rk_node *node, int64_t deadline_ms)
{
    for (;;) {
        bool has_room = false;
        uint64_t seen = rk_object_pokes(&s->object);
        int rc = count_once(s, node, deadline_ms, &has_room);
        if (rc != ZOK || has_room) {
            return rc;
        }
        rc = rk_object_wait_again(&s->object, seen, deadline_ms);
        if (rc != ZOK) {
            return rc;
        }
    }
}

/* One session's attempt: lock, lease, room, unlock. */
static int acquire_once(struct rk_semaphore *s, int64_t deadline_ms, struct rk_node **ret_node)
{
    struct rk_node_plan lock_plan = {
        .parent = s->locks, .name = rk_line_prefix(RK_LINE_LOCK), .mode = ZOO_EPHEMERAL_SEQUENTIAL};
    struct rk_node_plan lease_plan = {.parent = s->leases,
                                      .name = "lease-",
                                      .data = s->data,
                                      .data_bytes = s->data_bytes,
                                      .mode = ZOO_EPHEMERAL_SEQUENTIAL};
    struct rk_keeper *keeper = s->object.keeper;
    struct rk_node *lock = NULL;
    struct rk_node *lease = NULL;
    int rc = rk_line_acquire(&s->object, &lock_plan, RK_LINE_LOCK, deadline_ms, &lock);
    if (rc != ZOK) {
        return rc;
    }
    rc = rk_node_create(keeper, &s->object, &lease_plan, deadline_ms, &lease);
    if (rc == ZOK && lease->generation != lock->generation) {
        rc = ZSESSIONEXPIRED; /* nobody guards this one */
    }
    if (rc == ZOK) {
        rc = wait_for_room(s, lease, deadline_ms);
    }
    (void)rk_node_remove(keeper, lock, rk_rec_deadline(RK_RELEASE_MS)); /* or in the background */
    if (rc == ZOK && !rk_object_lend(&s->object)) {
        rc = ZCLOSING;
    }
    if (rc == ZOK) {
        *ret_node = lease;
    } else if (lease != NULL) {
        (void)rk_node_remove(keeper, lease, rk_rec_deadline(RK_RELEASE_MS)); /* the same */
    }
    return rc;
}

int rk_semaphore_acquire(struct rk_semaphore *s, int timeout_ms, struct rk_lease **ret_lease)
{
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(&s->object);
    if (rc != ZOK) {
        return rc;
    }
    struct rk_lease *lease = calloc(1, sizeof(*lease));
    rc = lease == NULL ? ZSYSTEMERROR : ZSESSIONEXPIRED;
    while (rc == ZSESSIONEXPIRED) {
        rc = acquire_once(s, deadline_ms, &lease->node);
        if (rc == ZSESSIONEXPIRED && rk_rec_now_ms() >= deadline_ms) {
            rc = ZOPERATIONTIMEOUT;
        }
    }
    if (rc == ZOK) {
        lease->semaphore = s;
        *ret_lease = lease;
    } else {
        free(lease);
    }
    rk_object_leave(&s->object);
    return rc;
}

int64_t rk_lease_token(const struct rk_lease *lease)
{
    return lease->node->token;
}

enum rk_hold rk_lease_state(struct rk_lease *lease)
{
    struct rk_object *object = &lease->semaphore->object;
    struct rk_look look;
    rk_keeper_look(object->keeper, &look);
    pthread_mutex_lock(&object->mutex);
    lease->is_lost = lease->is_lost || look.generation != lease->node->generation;
    bool is_lost = lease->is_lost;
    pthread_mutex_unlock(&object->mutex);
    return is_lost ? RK_HOLD_LOST : look.link == RK_LINK_CONNECTED ? RK_HOLD_SURE : RK_HOLD_UNSURE;
}

int rk_lease_verify(struct rk_lease *lease, int timeout_ms)
{
    struct rk_object *object = &lease->semaphore->object;
    int rc = rk_object_enter(object);
    if (rc != ZOK) {
        return rc;
    }
    rc = rk_node_verify(object->keeper, NULL, lease->node->path, lease->node->generation,
                        rk_rec_deadline(timeout_ms));
    if (rc == ZSESSIONEXPIRED) {
        pthread_mutex_lock(&object->mutex);
        lease->is_lost = true;
        pthread_mutex_unlock(&object->mutex);
    }
    rk_object_leave(object);
    return rc;
}

int rk_lease_release(struct rk_lease *lease)
{
    struct rk_semaphore *s = lease->semaphore;
    enum rk_hold hold = rk_lease_state(lease);
    int rc = rk_node_remove(s->object.keeper, lease->node, rk_rec_deadline(RK_RELEASE_MS));
    free(lease);
    rk_object_take_back(&s->object);
    return hold == RK_HOLD_LOST ? ZSESSIONEXPIRED : rc;
}
