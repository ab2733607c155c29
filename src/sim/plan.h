/* What befalls the servers of a seed, and when. A server alone: crashes and what survives them,
 * damage at rest, full disks, purges, epoch files, clock steps. An ensemble: the list of mishaps
 * (mishap.h). */
#ifndef RK_SIM_PLAN_H
#define RK_SIM_PLAN_H

#include "sim/node.h"

struct sim_mishaps;

struct sim_plan *rk_sim_plan_create(struct sim_world *w);
void rk_sim_plan_destroy(struct sim_plan *p);
struct sim_mishaps *rk_sim_plan_mishaps(struct sim_plan *p); /* NULL: a server alone */
void rk_sim_plan_begin(struct sim_plan *p);
/* No more of it. */
void rk_sim_plan_heal(struct sim_plan *p);
bool rk_sim_plan_is_over(const struct sim_plan *p); /* all of it has happened */

/* From a server. */
void rk_sim_plan_starting(struct sim_plan *p, struct sim_node *n);
void rk_sim_plan_started(struct sim_plan *p, struct sim_node *n);
/* A learner is being brought up to date. */
void rk_sim_plan_sync_began(struct sim_plan *p, uint32_t leader, uint32_t learner);
/* Before the disk loses anything: tries what else could have survived. */
void rk_sim_plan_crashed(struct sim_plan *p, struct sim_node *n);
void rk_sim_plan_draw_crash(struct sim_plan *p, struct sim_node *n, bool has_died,
                            enum sim_crash_kind *ret_kind, enum sim_persist *ret_policy);
/* How long it stays down, where us was drawn. */
int64_t rk_sim_plan_down_us(struct sim_plan *p, struct sim_node *n, int64_t us);
/* It is down, and would start now: does it? It may lose its disk first. */
bool rk_sim_plan_may_start(struct sim_plan *p, struct sim_node *n);

/* Damage at rest: done after a crash; undone once the server has said what it thinks of it. */
void rk_sim_plan_rot(struct sim_plan *p, struct sim_node *n);
bool rk_sim_plan_is_rotten(const struct sim_plan *p, const struct sim_node *n);
void rk_sim_plan_repair(struct sim_plan *p, struct sim_node *n);

#endif
