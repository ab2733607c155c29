/* Log-linear histogram of unsigned values: fixed memory, relative error below 1.6 %, exact count,
 * sum, min and max. Mergeable. */
#ifndef RK_BASE_HIST_H
#define RK_BASE_HIST_H

#include "base/types.h"

#define RK_HIST_SUB_BITS 6u
#define RK_HIST_BUCKETS  ((64u - RK_HIST_SUB_BITS + 1u) << RK_HIST_SUB_BITS)

struct rk_hist {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* UINT64_MAX when empty */
    uint64_t max;
    uint32_t buckets[RK_HIST_BUCKETS];
};

void rk_hist_init(struct rk_hist *h);
void rk_hist_add(struct rk_hist *h, uint64_t value);
void rk_hist_merge(struct rk_hist *into, const struct rk_hist *from);
/* Upper bound of the bucket that holds the given share (per_million of 1,000,000) of values; 0 if
 * empty. */
uint64_t rk_hist_quantile(const struct rk_hist *h, uint32_t per_million);

#endif
