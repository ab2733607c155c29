/* The checker: follows every event into the core and every effect out of it, keeps the history of
 * transactions, and holds each reply, each watch event and each recovered state against the
 * reference model (reliability.md 5, for one server). A contradiction ends the seed. */
#ifndef RK_SIM_CHECK_H
#define RK_SIM_CHECK_H

#include "sim/model.h"
#include "sim/world.h"
#include "store/recover.h"

struct sim_check *rk_sim_check_create(struct sim_world *w);
void rk_sim_check_destroy(struct sim_check *c);

/* A core was restored from disk and is about to start: is what it holds a state that it may hold?
 */
void rk_sim_check_recovered(struct sim_check *c, const struct rk_core *core,
                            const struct rk_recovered *recovered, int64_t now_ms);
/* The server is gone; what was in flight is in doubt until the next start. */
void rk_sim_check_crashed(struct sim_check *c);
/* An orderly stop: nothing is in doubt. */
void rk_sim_check_stopped(struct sim_check *c);

/* How far into the effects somebody has looked: a step may add to the last of them. */
struct sim_fx_mark {
    size_t count;
    size_t last_len;
};

/* Around each rk_core_step (and rk_core_start, with event NULL). */
void rk_sim_check_before(struct sim_check *c, const struct rk_event *event);
void rk_sim_check_after(struct sim_check *c, const struct rk_core *core,
                        const struct rk_effects *fx, const struct sim_fx_mark *seen);

/* The snapshot of zxid has its final name: is it of exactly that state? */
void rk_sim_check_snapshot(struct sim_check *c, struct rk_mem *mem, const struct rk_disk *disk,
                           rk_zxid zxid, enum rk_snap_compression compression);

/* Recovers from this disk (which it may change) into a core of its own and compares. Returns the
 * zxid reached. An error of rk_recover is a failure. */
rk_zxid rk_sim_check_probe(struct sim_check *c, struct sim_disk *disk, const char *what);

/* After healing: nobody waits for anything. */
void rk_sim_check_at_rest(struct sim_check *c);

rk_zxid rk_sim_check_applied(const struct sim_check *c);
rk_zxid rk_sim_check_appended(const struct sim_check *c);
uint32_t rk_sim_check_sessions(const struct sim_check *c);

#endif
