/* Log-linear histogram: values below 64 have a bucket each; above, every power of two is cut into
 * 64 equal buckets, so a bucket is at most 1/64 of its values wide. Counters stop at their maximum
 * rather than wrap. */
#include "base/hist.h"

#include <string.h>

#include "base/assert.h"

#define SUB_COUNT (UINT64_C(1) << RK_HIST_SUB_BITS)

static uint32_t bucket_of(uint64_t value)
{
    if (value < SUB_COUNT) {
        return (uint32_t)value;
    }
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(value);
    uint32_t shift = exponent - RK_HIST_SUB_BITS;
    uint32_t sub = (uint32_t)((value >> shift) & (SUB_COUNT - 1));
    uint32_t index = ((shift + 1) << RK_HIST_SUB_BITS) + sub;
    RK_ASSERT(index < RK_HIST_BUCKETS);
    return index;
}

static uint64_t bucket_upper(uint32_t index)
{
    RK_ASSERT(index < RK_HIST_BUCKETS);
    if (index < SUB_COUNT) {
        return index;
    }
    uint32_t shift = (index >> RK_HIST_SUB_BITS) - 1;
    uint64_t low = (SUB_COUNT + (index & (SUB_COUNT - 1))) << shift;
    return low + ((UINT64_C(1) << shift) - 1);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void rk_hist_init(struct rk_hist *h)
{
    memset(h, 0, sizeof(*h));
    h->min = UINT64_MAX;
}

void rk_hist_add(struct rk_hist *h, uint64_t value)
{
    uint32_t *bucket = &h->buckets[bucket_of(value)];
    if (*bucket != UINT32_MAX) {
        (*bucket)++;
    }
    h->count++;
    h->sum = add_saturated(h->sum, value);
    if (value < h->min) {
        h->min = value;
    }
    if (value > h->max) {
        h->max = value;
    }
}

void rk_hist_merge(struct rk_hist *into, const struct rk_hist *from)
{
    for (uint32_t i = 0; i < RK_HIST_BUCKETS; i++) {
        uint32_t room = UINT32_MAX - into->buckets[i];
        into->buckets[i] += from->buckets[i] < room ? from->buckets[i] : room;
    }
    into->count = add_saturated(into->count, from->count);
    into->sum = add_saturated(into->sum, from->sum);
    if (from->min < into->min) {
        into->min = from->min;
    }
    if (from->max > into->max) {
        into->max = from->max;
    }
}

uint64_t rk_hist_quantile(const struct rk_hist *h, uint32_t per_million)
{
    const uint64_t million = 1000000;
    RK_ASSERT(per_million <= million);
    if (h->count == 0) {
        return 0;
    }
    /* ceil(count * per_million / million), split so that it cannot overflow. */
    uint64_t rank = h->count / million * per_million;
    rank += (h->count % million * per_million + million - 1) / million;
    if (rank == 0) {
        rank = 1;
    }
    uint64_t seen = 0;
    for (uint32_t i = 0; i < RK_HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t upper = bucket_upper(i);
            return upper < h->max ? upper : h->max;
        }
    }
    /* Only when some bucket hit its maximum. */
    return h->max;
}
