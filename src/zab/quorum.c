/* Quorums, majority and hierarchical. Pure arithmetic over at most 64 voters; what an
 * acknowledgement costs is a selection among their zxids. ZK: QuorumMaj, QuorumHierarchical. */
#include "zab/quorum.h"

#include <string.h>

#include "base/bug.h"

void rk_quorum_init_single(struct rk_quorum *q, int64_t server_id)
{
    memset(q, 0, sizeof(*q));
    q->voters[0] = server_id;
    q->voter_count = 1;
}

void rk_quorum_init(struct rk_quorum *q, const struct rk_members *m)
{
    memset(q, 0, sizeof(*q));
    q->is_hierarchical = m->is_hierarchical;
    q->group_count = m->group_count;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct rk_member *member = &m->items[i];
        if (member->is_observer) {
            continue;
        }
        uint32_t voter = q->voter_count++;
        q->voters[voter] = member->sid;
        if (m->is_hierarchical) {
            RK_ASSERT(member->group >= 0 && (uint32_t)member->group < m->group_count);
            RK_ASSERT(member->weight >= 0);
            q->weights[voter] = member->weight;
            q->groups[voter] = (uint32_t)member->group;
        }
    }
    RK_ASSERT(q->voter_count > 0);
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

int64_t rk_quorum_weight(const struct rk_quorum *q, int64_t server_id)
{
    int32_t voter = rk_quorum_index(q, server_id);
    if (voter < 0) {
        return 0;
    }
    return q->is_hierarchical ? q->weights[voter] : 1;
}

/* Weight that is still missing in each group: at 0 or below the group agrees. Groups without any
 * weight do not count; how many others have to agree is the result, 1 more than half of them. */
static uint32_t missing_weights(const struct rk_quorum *q, int64_t missing[RK_GROUPS_MAX])
{
    uint32_t counting = 0;
    memset(missing, 0, RK_GROUPS_MAX * sizeof(missing[0]));
    for (uint32_t i = 0; i < q->voter_count; i++) {
        missing[q->groups[i]] += q->weights[i];
    }
    for (uint32_t group = 0; group < q->group_count; group++) {
        if (missing[group] > 0) {
            missing[group] = missing[group] / 2 + 1;
            counting++;
        }
    }
    return counting / 2 + 1;
}

/* Takes a voter's weight off what its group misses; true if that makes the group agree. */
static bool weigh(const struct rk_quorum *q, uint32_t voter, int64_t missing[RK_GROUPS_MAX])
{
    int64_t *left = &missing[q->groups[voter]];
    bool was_missing = *left > 0;
    *left -= q->weights[voter];
    return was_missing && *left <= 0;
}

bool rk_quorum_contains(const struct rk_quorum *q, uint64_t voter_bits)
{
    int64_t missing[RK_GROUPS_MAX];
    uint32_t agreeing = 0;
    uint32_t needed = q->voter_count / 2 + !RK_BUG(QUORUM_OF_HALF);
    RK_ASSERT(q->voter_count > 0);
    if (q->is_hierarchical) {
        needed = missing_weights(q, missing);
    }
    for (uint32_t i = 0; i < q->voter_count; i++) {
        if ((voter_bits >> i & 1u) != 0) {
            agreeing += !q->is_hierarchical || weigh(q, i, missing) ? 1 : 0;
        }
    }
    return agreeing >= needed;
}

/* The voters from the highest zxid down, until they are a quorum: its zxid is the last one's. */
static rk_zxid acked_hierarchical(const struct rk_quorum *q, const rk_zxid *acked)
{
    int64_t missing[RK_GROUPS_MAX];
    uint32_t order[RK_QUORUM_VOTERS_MAX];
    uint32_t agreeing = 0;
    uint32_t needed = missing_weights(q, missing);
    for (uint32_t i = 0; i < q->voter_count; i++) {
        uint32_t at = i;
        while (at > 0 && acked[order[at - 1]] < acked[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    for (uint32_t i = 0; i < q->voter_count; i++) {
        agreeing += weigh(q, order[i], missing) ? 1 : 0;
        if (agreeing == needed) {
            return acked[order[i]];
        }
    }
    return -1;
}

static rk_zxid median_of_3(const rk_zxid *z)
{
    rk_zxid low = z[0] < z[1] ? z[0] : z[1];
    rk_zxid high = z[0] < z[1] ? z[1] : z[0];
    return z[2] <= low ? low : z[2] >= high ? high : z[2];
}

/* The lowest of the n highest, n being a majority: kept in order, falling, while the rest passes.
 */
static rk_zxid acked_majority(const struct rk_quorum *q, const rk_zxid *acked)
{
    rk_zxid top[RK_QUORUM_VOTERS_MAX / 2 + 1];
    uint32_t needed = q->voter_count / 2 + !RK_BUG(COMMIT_OF_LESS);
    uint32_t count = 0;
    for (uint32_t i = 0; i < q->voter_count; i++) {
        if (count == needed && acked[i] <= top[needed - 1]) {
            continue;
        }
        uint32_t at = count < needed ? count++ : needed - 1;
        while (at > 0 && top[at - 1] < acked[i]) {
            top[at] = top[at - 1];
            at--;
        }
        top[at] = acked[i];
    }
    RK_ASSERT(count == needed);
    return top[needed - 1];
}

rk_zxid rk_quorum_acked(const struct rk_quorum *q, const rk_zxid *acked)
{
    rk_zxid zxid;
    if (q->is_hierarchical) {
        zxid = acked_hierarchical(q, acked);
    } else if (q->voter_count == 1) {
        zxid = acked[0];
    } else if (q->voter_count == 3 && !RK_BUG(COMMIT_OF_LESS)) {
        zxid = median_of_3(acked);
    } else {
        zxid = acked_majority(q, acked);
    }
    return zxid < -1 ? -1 : zxid;
}
