/* Names of marks, sums of counters. */
#include "sim/mark.h"

#include "base/assert.h"

static const struct {
    const char *name;
    const char *text;
} marks[] = {
#define MARK_ENTRY(name, text) {#name, text},
    RK_SIM_MARK_TABLE(MARK_ENTRY) RK_SIM_ENSEMBLE_MARK_TABLE(MARK_ENTRY)
#undef MARK_ENTRY
};

bool rk_sim_mark_is_of_ensemble(enum sim_mark mark)
{
    return mark >= SIM_MARK_LEADER_SERVES;
}

bool rk_sim_mark_is_seldom(enum sim_mark mark)
{
    return mark == SIM_MARK_SYNC_WALK_NEW_EPOCH || mark == SIM_MARK_SYNC_NEW_EPOCH_AHEAD;
}

const char *rk_sim_mark_name(enum sim_mark mark)
{
    RK_ASSERT((uint32_t)mark < SIM_MARK_COUNT);
    return marks[mark].name;
}

const char *rk_sim_mark_text(enum sim_mark mark)
{
    RK_ASSERT((uint32_t)mark < SIM_MARK_COUNT);
    return marks[mark].text;
}

/* The struct is nothing but counters. */
void rk_sim_stats_add(struct sim_stats *to, const struct sim_stats *from)
{
    uint64_t *sum = (uint64_t *)to;
    const uint64_t *more = (const uint64_t *)from;
    _Static_assert(sizeof(*to) % sizeof(uint64_t) == 0, "counters only");
    for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++) {
        sum[i] += more[i];
    }
}
