/* Majority quorums. Pure arithmetic over at most 64 voters. */
#include "zab/quorum.h"

#include <string.h>

void rk_quorum_init_single(struct rk_quorum *q, int64_t server_id)
{
    memset(q, 0, sizeof(*q));
    q->voters[0] = server_id;
    q->voter_count = 1;
}

int32_t rk_quorum_index(const struct rk_quorum *q, int64_t server_id)
{
    for (uint32_t i = 0; i < q->voter_count; i++) {
        if (q->voters[i] == server_id) {
            return (int32_t)i;
        }
    }
    return -1;
}

bool rk_quorum_contains(const struct rk_quorum *q, uint64_t voter_bits)
{
    uint32_t in_set = 0;
    RK_ASSERT(q->voter_count > 0);
    for (uint32_t i = 0; i < q->voter_count; i++) {
        in_set += (uint32_t)((voter_bits >> i) & 1u);
    }
    return in_set > q->voter_count / 2;
}

rk_zxid rk_quorum_acked(const struct rk_quorum *q, const rk_zxid *acked)
{
    rk_zxid best = -1;
    for (uint32_t i = 0; i < q->voter_count; i++) {
        uint64_t bits = 0;
        if (acked[i] <= best) {
            continue;
        }
        for (uint32_t j = 0; j < q->voter_count; j++) {
            bits |= acked[j] >= acked[i] ? UINT64_C(1) << j : 0;
        }
        if (rk_quorum_contains(q, bits)) {
            best = acked[i];
        }
    }
    return best;
}
