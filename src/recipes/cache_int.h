/* The copy of a cache (cache_copy.c), its thread (cache.c), and what the configuration watch sees.
 */
#ifndef RK_RECIPES_CACHE_INT_H
#define RK_RECIPES_CACHE_INT_H

#include "recipes/recipes_int.h"
#include <rookery/recipes_cache.h>

/* -- cache_copy.c: a tree of names. Not locked: readers hold the cache's mutex, and so does the one
 * thread that changes it while it does. */

struct rk_copy_node {
    char *name; /* of the root: "" */
    struct rk_copy_node *parent;
    struct rk_copy_node **children; /* by name */
    int child_count;
    int child_room;
    char *data; /* NULL: null or without data */
    int data_bytes;
    struct Stat stat;
};

struct rk_copy {
    char *root_path;
    struct rk_copy_node *root; /* NULL: not there */
    int count;
};

/* Path is whole. NULL: not in the copy, or outside of it. */
struct rk_copy_node *rk_copy_find(const struct rk_copy *copy, const char *path);
/* The root, or below a parent that is there: else ZNONODE. ZSYSTEMERROR. */
int rk_copy_add(struct rk_copy *copy, const char *path, struct rk_copy_node **ret_node);
/* A leaf; frees it. */
void rk_copy_remove(struct rk_copy *copy, struct rk_copy_node *node);
/* First in post-order of the subtree: a leaf. */
struct rk_copy_node *rk_copy_leaf(struct rk_copy_node *node);
/* Next after node in pre-order; NULL at the end. Starts with copy->root. */
struct rk_copy_node *rk_copy_next(const struct rk_copy_node *node);
char *rk_copy_path(const struct rk_copy *copy, const struct rk_copy_node *node);
/* Below the root; -1: outside. */
int rk_copy_depth(const struct rk_copy *copy, const char *path);
bool rk_copy_has_child(const struct rk_copy_node *node, const char *name);

/* -- cache.c */

struct rk_cache_pair {
    char *path;
    char *data; /* "" for null */
};
/* Everything below the root. Freed with rk_cache_pairs_free. */
int rk_cache_pairs(struct rk_cache *cache, struct rk_cache_pair **ret_pairs, int *ret_count);
void rk_cache_pairs_free(struct rk_cache_pair *pairs, int count);

#endif
