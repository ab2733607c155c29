/* The copy that a cache keeps: a tree of names with data and stats. */
#include "recipes/cache_int.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 8

/* What follows the root in path, without a slash; NULL: outside. */
static const char *below(const struct rk_copy *copy, const char *path)
{
    size_t bytes = strlen(copy->root_path);
    if (bytes == 1u) {
        return path[0] == '/' ? path + 1 : NULL;
    }
    if (strncmp(path, copy->root_path, bytes) != 0) {
        return NULL;
    }
    return path[bytes] == '/' ? path + bytes + 1 : path[bytes] == '\0' ? path + bytes : NULL;
}

int rk_copy_depth(const struct rk_copy *copy, const char *path)
{
    const char *rest = below(copy, path);
    if (rest == NULL) {
        return -1;
    }
    int depth = rest[0] != '\0';
    for (; *rest != '\0'; rest++) {
        depth += *rest == '/';
    }
    return depth;
}

/* Like strcmp(name, part[0..bytes)). */
static int compare_part(const char *name, const char *part, size_t bytes)
{
    int order = strncmp(name, part, bytes);
    return order != 0 ? order : name[bytes] != '\0';
}

/* Index of the child, or where it belongs. */
static int place(const struct rk_copy_node *node, const char *part, size_t bytes,
                 bool *ret_is_there)
{
    int low = 0;
    int high = node->child_count;
    *ret_is_there = false;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = compare_part(node->children[middle]->name, part, bytes);
        if (order == 0) {
            *ret_is_there = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool rk_copy_has_child(const struct rk_copy_node *node, const char *name)
{
    bool is_there;
    (void)place(node, name, strlen(name), &is_there); /* where is of no interest */
    return is_there;
}

/* The node at the first `bytes` of rest. */
static struct rk_copy_node *walk(const struct rk_copy *copy, const char *rest, size_t bytes)
{
    struct rk_copy_node *node = copy->root;
    const char *end = rest + bytes;
    while (node != NULL && rest < end) {
        const char *slash = memchr(rest, '/', (size_t)(end - rest));
        size_t part = slash == NULL ? (size_t)(end - rest) : (size_t)(slash - rest);
        bool is_there;
        int index = place(node, rest, part, &is_there);
        node = is_there ? node->children[index] : NULL;
        rest += part + 1u;
    }
    return node;
}

struct rk_copy_node *rk_copy_find(const struct rk_copy *copy, const char *path)
{
    const char *rest = below(copy, path);
    return rest == NULL ? NULL : walk(copy, rest, strlen(rest));
}

static bool make_room(struct rk_copy_node *node)
{
    if (node->child_count < node->child_room) {
        return true;
    }
    int room = node->child_room == 0 ? ROOM_MIN : node->child_room * 2;
    struct rk_copy_node **children =
        realloc(node->children, (size_t)room * sizeof(struct rk_copy_node *));
    if (children == NULL) {
        return false;
    }
    node->children = children;
    node->child_room = room;
    return true;
}

int rk_copy_add(struct rk_copy *copy, const char *path, struct rk_copy_node **ret_node)
{
    const char *rest = below(copy, path);
    if (rest == NULL) {
        return ZNONODE;
    }
    const char *name = strrchr(rest, '/');
    size_t parent_bytes = name == NULL ? 0 : (size_t)(name - rest);
    name = name == NULL ? rest : name + 1;
    struct rk_copy_node *parent = name[0] == '\0' ? NULL : walk(copy, rest, parent_bytes);
    if (name[0] != '\0' && parent == NULL) {
        return ZNONODE;
    }
    if (parent != NULL && !make_room(parent)) {
        return ZSYSTEMERROR;
    }
    struct rk_copy_node *node = calloc(1, sizeof(*node));
    char *own = strdup(name);
    if (node == NULL || own == NULL) {
        free(node);
        free(own);
        return ZSYSTEMERROR;
    }
    node->name = own;
    node->parent = parent;
    if (parent == NULL) {
        copy->root = node;
    } else {
        bool is_there;
        int index = place(parent, name, strlen(name), &is_there);
        memmove(parent->children + index + 1, parent->children + index,
                (size_t)(parent->child_count - index) * sizeof(struct rk_copy_node *));
        parent->children[index] = node;
        parent->child_count++;
    }
    copy->count++;
    *ret_node = node;
    return ZOK;
}

void rk_copy_remove(struct rk_copy *copy, struct rk_copy_node *node)
{
    struct rk_copy_node *parent = node->parent;
    if (parent == NULL) {
        copy->root = NULL;
    } else {
        bool is_there;
        int index = place(parent, node->name, strlen(node->name), &is_there);
        parent->child_count--;
        memmove(parent->children + index, parent->children + index + 1,
                (size_t)(parent->child_count - index) * sizeof(struct rk_copy_node *));
    }
    copy->count--;
    free(node->children);
    free(node->name);
    free(node->data);
    free(node);
}

struct rk_copy_node *rk_copy_leaf(struct rk_copy_node *node)
{
    while (node->child_count > 0) {
        node = node->children[node->child_count - 1];
    }
    return node;
}

struct rk_copy_node *rk_copy_next(const struct rk_copy_node *node)
{
    if (node->child_count > 0) {
        return node->children[0];
    }
    while (node->parent != NULL) {
        const struct rk_copy_node *parent = node->parent;
        bool is_there;
        int index = place(parent, node->name, strlen(node->name), &is_there) + 1;
        if (index < parent->child_count) {
            return parent->children[index];
        }
        node = parent;
    }
    return NULL;
}

char *rk_copy_path(const struct rk_copy *copy, const struct rk_copy_node *node)
{
    size_t root = strlen(copy->root_path) == 1u ? 0 : strlen(copy->root_path);
    size_t bytes = root;
    for (const struct rk_copy_node *n = node; n->parent != NULL; n = n->parent) {
        bytes += 1u + strlen(n->name);
    }
    char *path = malloc(bytes + 2u);
    if (path == NULL) {
        return NULL;
    }
    path[bytes] = '\0';
    char *at = path + bytes;
    for (const struct rk_copy_node *n = node; n->parent != NULL; n = n->parent) {
        size_t part = strlen(n->name);
        at -= part;
        memcpy(at, n->name, part);
        *--at = '/';
    }
    memcpy(path, copy->root_path, root);
    if (bytes == 0) {
        memcpy(path, "/", 2);
    }
    return path;
}
