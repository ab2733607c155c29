/* The session behind a handle: its lock, the steps of its client machine, and what they bring. */
#ifndef RK_LIB_SESSION_H
#define RK_LIB_SESSION_H

#include "lib/lib_int.h"

int64_t rk_lib_now_ms(void);

/* hosts becomes the session's, also on failure. NULL with errno. The threads are not started yet.
 */
struct rk_lib *rk_lib_create(struct rk_lib_hosts *hosts, const struct rk_options *options);

void rk_lib_lock(struct rk_lib *s);
/* Lets go, and then wakes whom the steps under the lock have made ready and writes the log. */
void rk_lib_unlock(struct rk_lib *s);
/* Under the lock: gives back one reference, unlocks, and frees the session with the last one. */
void rk_lib_unref(struct rk_lib *s);

/* Under the lock: one step of the machine, its effects, and the ends of connections that these
 * brought. Returns the result of the step. */
int rk_lib_step(struct rk_lib *s, struct rk_client_event *event);
/* Under the lock: the machine is to hear with the next step that this connection has ended. */
void rk_lib_gone(struct rk_lib *s, uint64_t conn);
/* Under the lock: it hears of them now. */
void rk_lib_settle(struct rk_lib *s);
/* Under the lock: the I/O thread is to look again. */
void rk_lib_wake_io(struct rk_lib *s);
/* Whether this thread is one of the session's, or runs its callbacks. */
bool rk_lib_is_own_thread(const struct rk_lib *s);

#endif
