/* A tree as it was at some moment, to be compared with another one later; and snapshots as bytes.
 */
#ifndef RK_TEST_TREE_IMAGE_H
#define RK_TEST_TREE_IMAGE_H

#include "tree_support.h"

struct image_node {
    char *path;
    uint8_t *data;
    struct rk_bytes view; /* of data, keeps null apart */
    int acl;              /* a number that tells the lists of test_acl apart */
    struct rk_stat_persisted stat;
    uint32_t children;
    uint32_t below;
};

struct image {
    struct image_node *nodes; /* by path */
    size_t count;
    uint64_t digest;
};

/* A walk over all nodes, from the root; RK_NODE_NONE after the last. */
rk_node_id image_next(const struct rk_tree *t, rk_node_id n);
void image_take(struct image *i, const struct rk_tree *t);
void image_free(struct image *i);
/* Fails the test where they differ. skip_usage: not the data of quota stats, which loading
 * recounts. */
void image_compare(const struct image *i, const struct rk_tree *t, bool skip_usage);

/* Reads "ACL map, nodes" into a new tree; the nodes end with the bytes. Parents must come first, or
 * it fails. Without rk_tree_load_done. */
struct rk_tree *image_load(struct rk_mem *mem, struct rk_bytes snapshot);

#endif
