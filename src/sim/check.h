/* The checker: follows every event into the core and every effect out of it, keeps the history of
 * transactions, and holds each reply, each watch event and each recovered state against the
 * reference model (reliability.md 5). There is one for each server of the world, and what they must
 * agree on is in the truth (truth.h). A contradiction ends the seed. */
#ifndef RK_SIM_CHECK_H
#define RK_SIM_CHECK_H

#include "sim/model.h"
#include "sim/world.h"
#include "store/recover.h"

struct sim_check *rk_sim_check_create(struct sim_world *w, uint32_t index);
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

/* The server was given something that another one said. */
void rk_sim_check_heard(struct sim_check *c, uint32_t from);

/* After healing: nobody waits for anything. */
void rk_sim_check_at_rest(struct sim_check *c);

/* The core's whole state is that of the model. */
void rk_sim_check_whole(struct sim_check *c, const struct rk_core *core, const char *what);

rk_zxid rk_sim_check_applied(const struct sim_check *c);
/* What the log thread knows: synced up to zxid; about to cut behind zxid; cut, and what is left
 * ends at zxid. */
void rk_sim_check_durable(struct sim_check *c, rk_zxid zxid);
void rk_sim_check_truncating(struct sim_check *c, rk_zxid zxid);
void rk_sim_check_truncated(struct sim_check *c, rk_zxid zxid);
/* The core was fed from its disk again. */
void rk_sim_check_reloaded(struct sim_check *c, const struct rk_core *core);
/* Somebody emptied the disk of this server, which is down. */
void rk_sim_check_wiped(struct sim_check *c);
/* It was not wiped, or has been brought up to date since. */
bool rk_sim_check_is_whole(const struct sim_check *c);
/* It never had anything, so nothing is what it should have. */
bool rk_sim_check_is_virgin(const struct sim_check *c);

/* Nothing is logged that is not applied. */
bool rk_sim_check_is_idle(struct sim_check *c);
bool rk_sim_check_is_serving(const struct sim_check *c);
bool rk_sim_check_is_leading(const struct sim_check *c);
uint64_t rk_sim_check_digest(const struct sim_check *c); /* of the applied state */
uint32_t rk_sim_check_sessions(const struct sim_check *c);

#endif
