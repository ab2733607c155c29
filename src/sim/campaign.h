/* Many runs in several processes: a run that fails, panics or hangs ends its process and nothing
 * else. */
#ifndef RK_SIM_CAMPAIGN_H
#define RK_SIM_CAMPAIGN_H

#include "sim/run.h"

struct sim_campaign {
    const char *what; /* "seed", "crash point" */
    uint64_t count;
    /* The options of run number index, and the arguments that replay it. */
    void (*options_of)(void *ctx, uint64_t index, struct sim_options *ret, char *ret_replay,
                       size_t room);
    void *ctx;
    uint32_t jobs;
    uint32_t seconds;     /* 0: all of them; else as many as fit */
    uint32_t twice_every; /* one run in so many is done twice and must be the same */
    bool stops_at_failure;
    const char *trace_folder; /* NULL: none */
};

struct sim_tally {
    uint64_t passed;
    uint64_t failed;
    uint64_t compared; /* run twice */
    struct sim_stats stats;
    double wall_s;
    double cpu_s;
};

/* What ended the run, to the parent or to people; then the process ends. For rk_panic. */
_Noreturn void rk_sim_end_badly(const char *text);
/* Before anything is run in this process. */
void rk_sim_campaign_init(void);
/* Prints failures as they come. */
void rk_sim_campaign_run(const struct sim_campaign *campaign, struct sim_tally *ret);
/* One run in a process of its own: does it fail, and how? */
bool rk_sim_campaign_fails(const struct sim_options *options, char *ret_text, size_t room);
/* One run in this process; prints what it finds. The exit status. */
int rk_sim_campaign_one(const struct sim_options *options, FILE *trace_out);

#endif
