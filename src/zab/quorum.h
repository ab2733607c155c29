/* Who may vote and what a quorum of them is. Majority for now; weights and groups are other
 * verifiers behind the same question. ZK: QuorumVerifier, QuorumMaj. */
#ifndef RK_ZAB_QUORUM_H
#define RK_ZAB_QUORUM_H

#include "base/assert.h"
#include "base/types.h"

#define RK_QUORUM_VOTERS_MAX 64u

struct rk_quorum {
    int64_t voters[RK_QUORUM_VOTERS_MAX]; /* server ids */
    uint32_t voter_count;
};

/* The ensemble of one. */
void rk_quorum_init_single(struct rk_quorum *q, int64_t server_id);
/* Index of a voter, -1 for a server without vote. */
int32_t rk_quorum_index(const struct rk_quorum *q, int64_t server_id);
/* Is this set of voters (bit i = voters[i]) a quorum? */
bool rk_quorum_contains(const struct rk_quorum *q, uint64_t voter_bits);
/* The highest zxid that a quorum has acknowledged; acked[i] belongs to voters[i], acknowledgements
 * are cumulative. -1 if there is none. */
rk_zxid rk_quorum_acked(const struct rk_quorum *q, const rk_zxid *acked);

#endif
