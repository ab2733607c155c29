/* Mishaps: what befalls an ensemble, as a list that is drawn before the run begins. Each is a thing
 * of its own and can be left out without changing the others, which is how a failing seed is made
 * smaller (shrink.h). */
#ifndef RK_SIM_MISHAP_H
#define RK_SIM_MISHAP_H

#include "sim/plan.h"

/* Whom: a server, or the one that leads then, or one that does not. */
#define SIM_WHO_LEADER  100u
#define SIM_WHO_LEARNER 101u

struct sim_mishap {
    enum sim_mishap_kind kind;
    int64_t at_us;
    int64_t for_us; /* down, cut, frozen, slow, full */
    uint32_t who;
    bool is_kill;
    enum sim_persist policy;
    uint64_t number; /* of the call, of the turn; which way; who is on which side */
};

struct sim_mishaps;

struct sim_mishaps *rk_sim_mishaps_create(struct sim_world *w);
void rk_sim_mishaps_destroy(struct sim_mishaps *all);
void rk_sim_mishaps_begin(struct sim_mishaps *all);
void rk_sim_mishaps_heal(struct sim_mishaps *all);
void rk_sim_mishaps_sync_began(struct sim_mishaps *all, uint32_t leader, uint32_t learner);
bool rk_sim_mishaps_are_over(const struct sim_mishaps *all);
/* As rk_sim_plan_ has them. */
void rk_sim_mishaps_draw_crash(struct sim_mishaps *all, struct sim_node *n,
                               enum sim_crash_kind *ret_kind, enum sim_persist *ret_policy);
void rk_sim_mishaps_starting(struct sim_mishaps *all, struct sim_node *n);
int64_t rk_sim_mishaps_down_us(struct sim_mishaps *all, struct sim_node *n, int64_t us);
bool rk_sim_mishaps_may_start(struct sim_mishaps *all, struct sim_node *n);

/* The victim of a scene has come back. */
bool rk_sim_mishaps_is_back(const struct sim_mishaps *all);

/* The list of a world's options, without those that are masked: for people. */
uint32_t rk_sim_mishap_list(const struct sim_options *o, struct sim_mishap ret[SIM_MISHAPS_MAX]);
const char *rk_sim_mishap_text(enum sim_mishap_kind kind);

#endif
