/* Nodes that are ours: created with protection, so that a lost answer neither doubles nor leaves
 * one, and removed for certain.
 *
 * Protection: the name begins with _c_<uuid>-, as Curator's. When an answer was lost, the parent is
 * synced and listed before the create is repeated: the sync goes through the leader behind whatever
 * our earlier connection still had in flight, which a plain list on another server would not. */
#include "recipes/recipes_int.h"

#include <stdlib.h>
#include <string.h>

#define SEQUENCE_CHARS 12

static int create_container(zhandle_t *zh, const char *path, const struct ACL_vector *acl)
{
    int rc = zoo_create(zh, path, NULL, -1, acl, ZOO_CONTAINER, NULL, 0);
    if (rc == ZUNIMPLEMENTED || rc == ZBADARGUMENTS) {
        rc = zoo_create(zh, path, NULL, -1, acl, ZOO_PERSISTENT, NULL, 0); /* before 3.5 */
    }
    return rc;
}

/* One attempt, from the top. */
int rk_rec_make_path(struct rk_try *t, const char *path)
{
    int rc = zoo_exists(t->zh, path, 0, NULL);
    if (rc != ZNONODE) {
        return rc;
    }
    char *part = strdup(path);
    if (part == NULL) {
        return ZSYSTEMERROR;
    }
    for (size_t i = 1; rc == ZNONODE || rc == ZOK || rc == ZNODEEXISTS; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        part[i] = '\0';
        rc = create_container(t->zh, part, rk_keeper_acl(t->keeper));
        part[i] = path[i];
        if (path[i] == '\0') {
            break;
        }
        if (rc == ZNOAUTH) {
            rc = ZOK; /* it may be there; the one below says */
        }
    }
    free(part);
    return rc == ZNODEEXISTS ? ZOK : rc;
}

int rk_rec_create(struct rk_try *t, const char *path, const void *data, int data_bytes)
{
    char *parent = rk_rec_parent(path);
    if (parent == NULL) {
        return ZSYSTEMERROR;
    }
    int rc = ZNONODE;
    for (int i = 0; i < RK_PARENT_TRIES && rc == ZNONODE; i++) {
        rc = zoo_create(t->zh, path, data, data == NULL ? -1 : data_bytes, rk_keeper_acl(t->keeper),
                        ZOO_PERSISTENT, NULL, 0);
        if (rc == ZNONODE) {
            rc = rk_rec_make_path(t, parent);
            rc = rc == ZOK ? ZNONODE : rc;
        }
    }
    free(parent);
    return rc;
}

void rk_node_free(struct rk_node *node)
{
    if (node != NULL) {
        free(node->path);
        free(node->parent);
        free(node->prefix);
        free(node->content);
        free(node);
    }
}

static struct rk_node *node_new(const struct rk_node_plan *plan)
{
    char uuid[RK_UUID_CHARS + 1u];
    rk_rec_uuid(uuid);
    struct rk_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    size_t name_bytes = strlen(plan->name);
    node->parent = strdup(plan->parent);
    node->prefix = malloc(4u + RK_UUID_CHARS + name_bytes + 1u);
    if (node->parent == NULL || node->prefix == NULL) {
        rk_node_free(node);
        return NULL;
    }
    memcpy(node->prefix, "_c_", 3);
    memcpy(node->prefix + 3, uuid, RK_UUID_CHARS);
    node->prefix[3 + RK_UUID_CHARS] = '-';
    memcpy(node->prefix + 4 + RK_UUID_CHARS, plan->name, name_bytes + 1u);
    return node;
}

/* The one child with the prefix. ZNONODE: none. */
static int find(zhandle_t *zh, const struct rk_node *node, char **ret_path, struct Stat *ret_stat)
{
    struct String_vector names = {0};
    int rc = rk_sync(zh, node->parent);
    if (rc == ZOK) {
        rc = zoo_get_children(zh, node->parent, 0, &names);
    }
    if (rc != ZOK) {
        return rc;
    }
    size_t bytes = strlen(node->prefix);
    const char *found = NULL;
    for (int i = 0; i < names.count; i++) {
        if (strncmp(names.data[i], node->prefix, bytes) == 0) {
            found = names.data[i];
        }
    }
    char *path = found == NULL ? NULL : rk_rec_join(node->parent, found);
    deallocate_String_vector(&names);
    if (found == NULL) {
        return ZNONODE;
    }
    if (path == NULL) {
        return ZSYSTEMERROR;
    }
    rc = zoo_exists(zh, path, 0, ret_stat);
    if (rc == ZOK) {
        *ret_path = path;
    } else {
        free(path);
    }
    return rc;
}

/* ZOK: it is ours, ZNONODE: not, or there is none. */
static int check_ours(struct rk_keeper *keeper, zhandle_t *zh, const struct rk_node *node)
{
    char *data = NULL;
    int bytes = 0;
    struct Stat stat = {0};
    int rc = rk_sync(zh, node->path);
    if (rc == ZOK) {
        rc = rk_get(zh, node->path, NULL, NULL, &data, &bytes, &stat);
    }
    bool is_other = node->content != NULL && (data == NULL || strcmp(data, node->content) != 0);
    bool is_strange = node->is_by_owner && stat.ephemeralOwner != rk_keeper_session_id(keeper);
    if (rc == ZOK && (is_other || is_strange)) {
        rc = ZNONODE;
    }
    free(data);
    return rc;
}

/* ZOK: what may have stood is gone. */
static int remove_found(struct rk_keeper *keeper, zhandle_t *zh, const struct rk_node *node)
{
    char *path = NULL;
    struct Stat stat;
    int rc = node->content != NULL || node->is_by_owner ? check_ours(keeper, zh, node) : ZOK;
    if (rc == ZOK && node->path != NULL) {
        rc = zoo_delete(zh, node->path, -1);
    } else if (rc == ZOK) {
        rc = find(zh, node, &path, &stat);
        if (rc == ZOK) {
            rc = zoo_delete(zh, path, -1);
        }
        free(path);
    }
    return rc == ZNONODE ? ZOK : rc;
}

bool rk_node_sweep(struct rk_keeper *keeper, zhandle_t *zh, const struct rk_node *node)
{
    int rc = remove_found(keeper, zh, node);
    /* What is refused now will be refused for ever. */
    return !rk_rec_is_lost(rc) && rc != ZSYSTEMERROR;
}

/* One attempt; node->path and token on ZOK. */
static int attempt(struct rk_try *t, const struct rk_node_plan *plan, struct rk_node *node,
                   char *path, char *answer, int answer_bytes)
{
    struct Stat stat;
    if (t->lost > 0) {
        int rc = find(t->zh, node, &node->path, &stat);
        if (rc == ZOK) {
            node->token = stat.czxid;
        }
        if (rc != ZNONODE) {
            return rc;
        }
    }
    int rc = zoo_create2(t->zh, path, plan->data, plan->data == NULL ? -1 : plan->data_bytes,
                         rk_keeper_acl(t->keeper), plan->mode, answer, answer_bytes, &stat);
    if (rc == ZNONODE) {
        rc = rk_rec_make_path(t, plan->parent);
        return rc == ZOK ? ZNONODE : rc;
    }
    if (rc == ZOK) {
        node->token = stat.czxid;
        node->path = strdup(answer);
        rc = node->path == NULL ? ZSYSTEMERROR : ZOK;
    }
    return rc;
}

static int create(struct rk_try *t, const struct rk_node_plan *plan, struct rk_node *node)
{
    char *path = rk_rec_join(node->parent, node->prefix);
    int bytes = path == NULL ? 0 : (int)strlen(path) + SEQUENCE_CHARS;
    char *answer = malloc((size_t)bytes + 1u);
    if (path == NULL || answer == NULL) {
        free(path);
        free(answer);
        return ZSYSTEMERROR;
    }
    while (rk_try(t)) {
        node->generation = t->used_generation;
        t->generation = t->used_generation; /* a new session means a new place: start over */
        t->rc = ZNONODE;
        for (int i = 0; i < RK_PARENT_TRIES && t->rc == ZNONODE; i++) {
            t->rc = attempt(t, plan, node, path, answer, bytes);
        }
    }
    free(path);
    free(answer);
    return t->rc;
}

int rk_node_create(struct rk_keeper *keeper, struct rk_object *object,
                   const struct rk_node_plan *plan, int64_t deadline_ms, struct rk_node **ret_node)
{
    struct rk_node *node = node_new(plan);
    if (node == NULL) {
        return ZSYSTEMERROR;
    }
    struct rk_try t = {.keeper = keeper, .object = object, .deadline_ms = deadline_ms};
    int rc = create(&t, plan, node);
    if (rc == ZOK) {
        *ret_node = node;
        return ZOK;
    }
    /* ZSYSTEMERROR: also when the node was made and only its path could not be kept. */
    bool may_stand = t.lost > 0 || rc == ZSYSTEMERROR;
    if (may_stand && !rk_keeper_is_gone(keeper, node->generation)) {
        rk_keeper_discard(keeper, node);
    } else {
        rk_node_free(node);
    }
    return rc;
}

int rk_node_remove(struct rk_keeper *keeper, struct rk_node *node, int64_t deadline_ms)
{
    struct rk_try t = {
        .keeper = keeper, .deadline_ms = deadline_ms, .generation = node->generation};
    while (rk_try(&t)) {
        t.rc = remove_found(keeper, t.zh, node);
    }
    if (t.rc == ZOPERATIONTIMEOUT || t.rc == ZSYSTEMERROR || t.rc == ZINVALIDSTATE) {
        rk_keeper_discard(keeper, node);
        return ZOK;
    }
    rk_node_free(node);
    return t.rc == ZCLOSING ? ZOK : t.rc;
}

int rk_node_verify(struct rk_keeper *keeper, struct rk_object *watcher, const char *path,
                   uint64_t generation, int64_t deadline_ms)
{
    struct rk_try t = {
        .keeper = keeper, .object = watcher, .deadline_ms = deadline_ms, .generation = generation};
    while (rk_try(&t)) {
        char byte;
        int bytes = 0;
        struct Stat stat;
        if (watcher == NULL) {
            t.rc = rk_sync(t.zh, path);
            t.rc = t.rc == ZOK ? zoo_exists(t.zh, path, 0, &stat) : t.rc;
        } else {
            /* A get, not an exists: that one would leave a watch where no node is. */
            t.rc = zoo_wget(t.zh, path, rk_object_watcher, watcher->cell, &byte, &bytes, &stat);
        }
    }
    return t.rc == ZNONODE ? ZSESSIONEXPIRED : t.rc;
}
