/* Plain numbers; the admin room gives them names and shapes. */
#include "core/metrics.h"

#include <string.h>

static void summary_init(struct rk_summary *s)
{
    s->count = 0;
    s->sum = 0;
    s->min = UINT64_MAX;
    s->max = 0;
}

void rk_metrics_init(struct rk_metrics *m)
{
    memset(m, 0, sizeof(*m));
#define INIT_SUMMARY(name) summary_init(&m->name);
    RK_CORE_SUMMARIES(INIT_SUMMARY)
#undef INIT_SUMMARY
#define INIT_HIST(name) rk_hist_init(&m->name##_hist);
    RK_CORE_PERCENTILES(INIT_HIST)
#undef INIT_HIST
    summary_init(&m->latency_ms);
    m->last_response_bytes = -1;
    m->min_response_bytes = -1;
    m->max_response_bytes = -1;
}

void rk_metrics_reset(struct rk_metrics *m)
{
    rk_metrics_init(m);
}

void rk_summary_add(struct rk_summary *s, uint64_t value)
{
    s->count++;
    s->sum += value;
    s->min = value < s->min ? value : s->min;
    s->max = value > s->max ? value : s->max;
}
