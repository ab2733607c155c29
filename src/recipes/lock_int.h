/* A lock's fields, for lock.c, semaphore.c and election.c. */
#ifndef RK_RECIPES_LOCK_INT_H
#define RK_RECIPES_LOCK_INT_H

#include "recipes/line.h"
#include <rookery/recipes_lock.h>

struct rk_lock {
    struct rk_object object; /* first */
    enum rk_line_kind kind;
    struct rk_lock_options options;
    char *path;
    void *data;
    int data_bytes;
    struct rk_lock *writer; /* of a reader: the other half */
    struct rk_lock *reader; /* of a writer */
    /* Under object.mutex. */
    struct rk_node *node; /* while held */
    int count;
    int shared_count; /* of a writer: how many of these are its reader's */
    int64_t token;
    uint64_t generation;
    bool is_lost;
    bool is_acquiring;
    enum rk_hold told; /* the last that on_change heard of the hold with told_token */
    int64_t told_token;
};

int rk_lock_new(struct rk_keeper *keeper, const char *path, enum rk_line_kind kind,
                const struct rk_lock_options *options, struct rk_lock **ret_lock);

#endif
