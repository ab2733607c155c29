/* Coroutines: the server's log thread, snapshot thread and start, as code that blocks in disk calls
 * while virtual time goes on around it. Only one runs at a time, so there is nothing to race. */
#ifndef RK_SIM_FIBER_H
#define RK_SIM_FIBER_H

#include "base/types.h"

struct sim_fiber;

/* Nothing runs yet. Panics without memory. */
struct sim_fiber *rk_sim_fiber_create(void);
/* It must be idle. Accepts NULL. */
void rk_sim_fiber_destroy(struct sim_fiber *f);
/* Gives an idle fiber a body; it runs at the next resume. */
void rk_sim_fiber_start(struct sim_fiber *f, void (*body)(void *ctx), void *ctx);
/* From outside any fiber: goes on with the body until it yields or ends. */
void rk_sim_fiber_resume(struct sim_fiber *f);
/* From inside the body: back to whoever resumed it. */
void rk_sim_fiber_yield(struct sim_fiber *f);
/* No body, or it has ended. */
bool rk_sim_fiber_is_idle(const struct sim_fiber *f);
/* Whether this one's body is what executes now. */
bool rk_sim_fiber_is_inside(const struct sim_fiber *f);

#endif
