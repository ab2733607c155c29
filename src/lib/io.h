/* The two ways of a handle: threads of its own, or a program that calls. */
#ifndef RK_LIB_IO_H
#define RK_LIB_IO_H

#include "lib/lib_int.h"

#define RK_LIB_IN_BYTES (128u * 1024u)
/* How long the server may take to answer to the end of a session. */
#define RK_LIB_CLOSE_MS 1500u

/* Starts both threads: 0 or an errno, and then there is none. Not under the lock. */
int rk_lib_io_start(struct rk_lib *s);
/* Under the lock, let go meanwhile: time, names, and what is to be sent. */
void rk_lib_io_prepare(struct rk_lib *s);
/* Under the lock, let go meanwhile: waits on a condition of the session until deadline_ms. False
 * once that has passed. */
bool rk_lib_io_wait(struct rk_lib *s, pthread_cond_t *cond, int64_t deadline_ms);
/* Under the lock, let go meanwhile, and without threads: drives a closed session to its end and
 * tells the program what is left. */
void rk_lib_io_finish(struct rk_lib *s);
/* Whether the session has ended for good and nothing will come any more. */
bool rk_lib_io_is_over(const struct rk_lib *s);

#endif
