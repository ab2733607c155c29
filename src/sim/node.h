/* A server: the production core and store, the simulated disk, and what the shell does around
 * them: the log thread and the snapshot thread as coroutines, turns, ticks, start and stop. */
#ifndef RK_SIM_NODE_H
#define RK_SIM_NODE_H

#include "core/event.h"
#include "sim/world.h"

struct sim_node *rk_sim_node_create(struct sim_world *w, uint32_t index);
void rk_sim_node_destroy(struct sim_node *n);

void rk_sim_node_start(struct sim_node *n);
bool rk_sim_node_is_up(const struct sim_node *n);
/* Up, and clients are let in: an empty server has its first snapshot on disk before that, because
 * logs without a snapshot are no database (to Apache neither). */
bool rk_sim_node_is_serving(const struct sim_node *n);
/* Orderly; ends with the node down, or with a crash if it takes too long. */
void rk_sim_node_stop(struct sim_node *n);
bool rk_sim_node_is_down(const struct sim_node *n);
/* Now, from outside of its coroutines. */
enum sim_crash_kind {
    SIM_CRASH_KILL,
    SIM_CRASH_POWER,
};
void rk_sim_node_crash(struct sim_node *n, enum sim_crash_kind kind, enum sim_persist policy);
/* At the next call of the disk that changes something, counted from now: 1 is the next. */
void rk_sim_node_crash_at_call(struct sim_node *n, uint64_t call, bool is_after);
/* Between a turn's steps and their effects. */
void rk_sim_node_crash_in_turn(struct sim_node *n, uint32_t turns);
uint64_t rk_sim_node_calls(const struct sim_node *n); /* that change something, so far */
/* Since rk_sim_node_count_points: calls, and turns with effects. */
void rk_sim_node_count_points(struct sim_node *n);
void rk_sim_node_points(const struct sim_node *n, uint64_t *ret_calls, uint32_t *ret_turns);

/* -- a member of an ensemble -- */
/* The whole process stands still so long; what it is sent waits. */
void rk_sim_node_freeze(struct sim_node *n, int64_t us);
/* No slow disk any more, and no crash to come. */
void rk_sim_node_thaw(struct sim_node *n);
bool rk_sim_node_is_frozen(const struct sim_node *n);
/* Disk calls take as long as one of a bad disk, for so long. */
void rk_sim_node_slow_down(struct sim_node *n, int64_t us);
void rk_sim_node_hand_over(struct sim_node *n);
/* All files are gone; it must be down. */
void rk_sim_node_wipe(struct sim_node *n);
/* What is on its disk for good. */
int64_t rk_sim_node_epoch(const struct sim_node *n, enum rk_epoch_file file);
bool rk_sim_node_has_no_power(const struct sim_node *n);
int64_t rk_sim_node_now_ms(const struct sim_node *n);
const struct rk_core *rk_sim_node_core(const struct sim_node *n); /* NULL: down */

/* Where the last commit to this log file began that the server knows to be durable; 0: unknown. */
uint64_t rk_sim_node_batch_start(const struct sim_node *n, const char *name);

void rk_sim_node_purge(struct sim_node *n);
void rk_sim_node_write_epoch(struct sim_node *n);
void rk_sim_node_step_clock(struct sim_node *n, int64_t ms);

/* From the network. */
void rk_sim_node_conn_open(struct sim_node *n, rk_conn_id id, struct rk_bytes address);
void rk_sim_node_conn_gone(struct sim_node *n, rk_conn_id id);
/* Something arrived. */
void rk_sim_node_wake(struct sim_node *n);

/* After healing: asserts that nothing is stuck inside. */
void rk_sim_node_check_at_rest(struct sim_node *n);
bool rk_sim_node_is_busy(const struct sim_node *n);

#endif
