/* Creating a node that is not lost when the connection is. ZK recipes, Curator: protection: the
 * name carries a mark that nobody else has, so that a node whose answer was lost is found again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/session.h"

#define MARK_BYTES 16

struct protected_name {
    char *parent; /* "/" or "/a/b" */
    char *path;   /* parent/_c_<mark>-name */
    char prefix[3 + 2 * MARK_BYTES + 2];
};

static int make_name(const char *path, struct protected_name *name)
{
    uint8_t mark[MARK_BYTES];
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || path[0] != '/')
        return ZBADARGUMENTS;
    if (getrandom(mark, sizeof(mark), 0) != (ssize_t)sizeof(mark))
        return ZSYSTEMERROR;
    memcpy(name->prefix, "_c_", 4);
    for (size_t i = 0; i < sizeof(mark); i++)
        (void)snprintf(name->prefix + 3 + 2 * i, 3, "%02x", mark[i]); /* two digits and 0 */
    memcpy(name->prefix + 3 + 2 * MARK_BYTES, "-", 2);
    size_t parent_len = (size_t)(slash - path);
    size_t bytes = strlen(path) + sizeof(name->prefix) + 1;
    name->parent = strndup(parent_len ? path : "/", parent_len ? parent_len : 1);
    name->path = malloc(bytes);
    if (!name->parent || !name->path) {
        free(name->parent);
        free(name->path);
        return ZSYSTEMERROR;
    }
    (void)snprintf(name->path, bytes, "%.*s/%s%s", (int)parent_len, path, name->prefix, slash + 1);
    return ZOK;
}

/* The node with the mark: ZOK with *ret_path and the stat, ZNONODE if it is not there. */
static int find(zhandle_t *zh, const struct protected_name *name, char **ret_path,
                struct Stat *ret_stat)
{
    struct String_vector children;
    int rc = rk_sync(zh, name->parent); /* the server may be behind what it is asked about */
    rc = rc == ZOK ? zoo_get_children(zh, name->parent, 0, &children) : rc;
    if (rc != ZOK)
        return rc;
    char *found = NULL;
    size_t prefix_len = strlen(name->prefix);
    rc = ZNONODE;
    for (int32_t i = 0; i < children.count && rc == ZNONODE; i++) {
        if (strncmp(children.data[i], name->prefix, prefix_len) != 0)
            continue;
        size_t bytes = strlen(name->parent) + strlen(children.data[i]) + 2;
        found = malloc(bytes);
        rc = found ? ZOK : ZSYSTEMERROR;
        if (found)
            (void)snprintf(found, bytes, "%s/%s", name->parent[1] ? name->parent : "",
                           children.data[i]);
    }
    (void)deallocate_String_vector(&children); /* always 0 */
    if (rc == ZOK)
        rc = zoo_exists(zh, found, 0, ret_stat);
    if (rc != ZOK) {
        free(found);
        return rc;
    }
    *ret_path = found;
    return ZOK;
}

static bool is_unsure(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT;
}

int rk_create_protected(zhandle_t *zh, const char *path, const char *value, int value_bytes,
                        const struct ACL_vector *acl, int mode, int timeout_ms, char **ret_path,
                        struct Stat *ret_stat)
{
    struct protected_name name;
    struct Stat stat;
    if (!zh || !ret_path || timeout_ms < 0)
        return ZBADARGUMENTS;
    int rc = make_name(path, &name);
    if (rc != ZOK)
        return rc;
    int64_t deadline = rk_lib_now_ms() + timeout_ms;
    size_t bytes = strlen(name.path) + zh->root_len + 32; /* a sequence number has ten digits */
    char *made = malloc(bytes);
    bool must_look = false;
    rc = made ? ZCONNECTIONLOSS : ZSYSTEMERROR;
    while (is_unsure(rc)) {
        if (must_look) {
            int64_t left = deadline - rk_lib_now_ms();
            rc = left > 0 ? rk_wait_connected(zh, (int)left) : ZOPERATIONTIMEOUT;
            char *found = NULL;
            rc = rc == ZOK ? find(zh, &name, &found, &stat) : rc;
            if (rc == ZOK) {
                free(made);
                made = found;
            }
        }
        if (!must_look || rc == ZNONODE) {
            rc = zoo_create2(zh, name.path, value, value_bytes, acl, mode, made, (int)bytes, &stat);
            must_look = is_unsure(rc);
        }
        if (is_unsure(rc) && rk_lib_now_ms() >= deadline)
            break;
    }
    if (rc == ZOK) {
        *ret_path = made;
        made = NULL;
        if (ret_stat)
            *ret_stat = stat;
    }
    free(made);
    free(name.parent);
    free(name.path);
    return rc;
}
