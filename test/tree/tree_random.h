/* Random transactions over a small set of paths, so that they meet each other often. */
#ifndef RK_TEST_TREE_RANDOM_H
#define RK_TEST_TREE_RANDOM_H

#include "tree_support.h"

struct generator {
    struct rk_prng prng;
    const struct rk_tree *t; /* what a leader would look at */
    struct rk_arena arena;   /* of the transactions made since the last reset */
    bool is_wild;   /* anything; else only what a leader can have found valid, or an error */
    bool has_quota; /* also nodes under /zookeeper/quota */
    rk_zxid zxid;
};

void generator_open(struct generator *g, struct rk_mem *mem, const struct rk_tree *t,
                    uint64_t seed);
void generator_close(struct generator *g);
/* The next transaction, with its header; everything lies in the arena. */
struct rk_txn generator_next(struct generator *g);

#endif
