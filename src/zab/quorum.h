/* Who may vote and what a quorum of them is: a majority, or with groups and weights a majority of
 * the groups, each with a majority of its weight (spec-quorum B3.6). ZK: QuorumMaj,
 * QuorumHierarchical. */
#ifndef RK_ZAB_QUORUM_H
#define RK_ZAB_QUORUM_H

#include "base/assert.h"
#include "base/types.h"
#include "zab/members.h"

#define RK_QUORUM_VOTERS_MAX RK_MEMBERS_MAX

struct rk_quorum {
    int64_t voters[RK_QUORUM_VOTERS_MAX]; /* server ids */
    uint32_t voter_count;
    bool is_hierarchical;
    int64_t weights[RK_QUORUM_VOTERS_MAX]; /* hierarchical only, as are the rest */
    uint32_t groups[RK_QUORUM_VOTERS_MAX]; /* of each voter: below group_count */
    uint32_t group_count;
};

/* The ensemble of one. */
void rk_quorum_init_single(struct rk_quorum *q, int64_t server_id);
/* The voters of m. */
void rk_quorum_init(struct rk_quorum *q, const struct rk_members *m);
/* Index of a voter, -1 for a server without vote. */
int32_t rk_quorum_index(const struct rk_quorum *q, int64_t server_id);
/* 1 in a majority quorum; 0 for a server without vote. A server of weight 0 is never elected. */
int64_t rk_quorum_weight(const struct rk_quorum *q, int64_t server_id);
/* Is this set of voters (bit i = voters[i]) a quorum? */
bool rk_quorum_contains(const struct rk_quorum *q, uint64_t voter_bits);
/* The highest zxid that a quorum has acknowledged; acked[i] belongs to voters[i], acknowledgements
 * are cumulative. -1 if there is none. */
rk_zxid rk_quorum_acked(const struct rk_quorum *q, const rk_zxid *acked);

#endif
