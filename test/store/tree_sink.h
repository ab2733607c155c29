/* A restore sink over the tree: what a server would build, for tests that compare whole states. */
#ifndef RK_TEST_TREE_SINK_H
#define RK_TEST_TREE_SINK_H

#include "proto/restore.h"
#include "tree/tree.h"

struct tree_sink {
    struct rk_mem *mem;
    struct rk_tree *tree; /* NULL before the first begin */
    struct rk_arena arena;
    uint32_t sessions; /* alive */
    uint32_t digests;  /* transactions whose digest was compared */
    uint32_t mismatches;
    uint32_t txns;
};

void tree_sink_open(struct tree_sink *s, struct rk_mem *mem);
void tree_sink_close(struct tree_sink *s);
struct rk_restore_sink tree_sink_port(struct tree_sink *s);

#endif
