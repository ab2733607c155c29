/* The tree as plainly as can be: an array of nodes with their whole paths, searched from front to
 * back. Written from the specification, sharing no code with src/tree, to be compared with it. */
#ifndef RK_TEST_TREE_NAIVE_H
#define RK_TEST_TREE_NAIVE_H

#include "tree_support.h"

#define NAIVE_NODES_MAX 1000

struct naive_node {
    char path[128]; /* "" for the root */
    uint8_t data[512];
    uint32_t data_len;
    bool is_null;
    int acl_perms; /* of the second item of test_acl: tells them apart; 0 for 0 and -1 for null */
    struct rk_stat_persisted stat;
    uint64_t born; /* order of creation */
};

struct naive {
    struct naive_node nodes[NAIVE_NODES_MAX];
    int count;
    uint64_t births;
    char events[8192]; /* of the last transaction, as fixture.events */
};

void naive_open(struct naive *m);
/* Returns the overall error; sub_errs gets those of a multi's elements. */
int32_t naive_apply(struct naive *m, const struct rk_txn *txn, struct rk_arena *a,
                    int32_t *sub_errs);
struct naive_node *naive_find(struct naive *m, const char *path, size_t len);
uint64_t naive_digest(const struct naive *m);
int naive_child_count(const struct naive *m, const struct naive_node *n);
int naive_descendant_count(const struct naive *m, const struct naive_node *n);
/* What test_acl list this is, as acl_perms. */
int naive_acl_perms(const struct rk_vec_acl *list);

#endif
