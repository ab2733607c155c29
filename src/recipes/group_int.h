/* A member's fields, for group.c and service.c. */
#ifndef RK_RECIPES_GROUP_INT_H
#define RK_RECIPES_GROUP_INT_H

#include "recipes/recipes_int.h"
#include <rookery/recipes_group.h>

struct rk_member {
    struct rk_object object; /* first */
    char *path;
    char *parent;
    rk_member_fn on_change;
    void *context;
    bool is_ephemeral;
    bool is_service; /* on_change gets no member */
    /* Under object.mutex. */
    bool is_in;
    int code;
    char *data;
    int data_bytes;
    uint64_t edition;    /* of the data, from 1 */
    uint64_t written;    /* edition at the server */
    uint64_t generation; /* of the session that wrote it */
    uint64_t tried;      /* of the last session that may have made a node; of the thread */
};

struct rk_member_plan {
    const char *parent;
    const char *id;
    const void *data;
    int data_bytes;
    rk_member_fn on_change;
    void *context;
    bool is_ephemeral;
    bool is_service;
};
int rk_member_new(struct rk_keeper *keeper, const struct rk_member_plan *plan,
                  struct rk_member **ret_member);

#endif
