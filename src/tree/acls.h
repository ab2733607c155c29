/* The ACL table: every distinct list once, counted by the nodes that use it. Nodes hold an index
 * here; snapshots hold the id, which grows by one with each new list and is never reused. Index 0
 * is the open list that no entry stands for (id -1). ZK: ReferenceCountedACLCache. */
#ifndef RK_TREE_ACLS_H
#define RK_TREE_ACLS_H

#include "base/map.h"
#include "base/slab.h"
#include "proto/records.h"

#define RK_ACLS_OPEN    0u
#define RK_ACLS_OPEN_ID (-1)

struct rk_acls {
    struct rk_mem *mem;
    struct rk_slab entries;
    struct rk_bytemap by_list;
    struct rk_map by_id;
    struct rk_buf scratch;
    int64_t id_last;      /* given out most recently */
    uint32_t dead_head;   /* out of use, but maybe still borrowed */
    uint32_t known_count; /* lists in use or loaded: those a snapshot holds */
};

void rk_acls_init(struct rk_acls *t, struct rk_mem *mem, uint64_t seed);
void rk_acls_deinit(struct rk_acls *t);

/* The index of this list, one use more; a null list is RK_ACLS_OPEN. */
uint32_t rk_acls_intern(struct rk_acls *t, const struct rk_vec_acl *list);
void rk_acls_release(struct rk_acls *t, uint32_t index);
/* Frees the lists that went out of use: ends what rk_acls_list lent. */
void rk_acls_sweep(struct rk_acls *t);

/* NULL if a snapshot used the id without defining it. */
const struct rk_vec_acl *rk_acls_list(const struct rk_acls *t, uint32_t index);
int64_t rk_acls_id(const struct rk_acls *t, uint32_t index);

/* Loading: false if the id is taken or impossible. The list is unused until a node uses it. */
bool rk_acls_define(struct rk_acls *t, int64_t id, const struct rk_vec_acl *list);
/* The index of an id, one use more; an unknown id gets an entry without a list. */
uint32_t rk_acls_use_id(struct rk_acls *t, int64_t id);
void rk_acls_purge(struct rk_acls *t); /* drops what nothing uses */

/* int count, {long id, vector<ACL>} */
void rk_acls_write(const struct rk_acls *t, struct rk_buf *out);

/* Asserts the table's invariants, given how many nodes use each index (uses[0 .. high)). */
void rk_acls_check(const struct rk_acls *t, const uint32_t *uses);

#endif
