/* What waits to be told to the program, and the calls it is about. */
#ifndef RK_LIB_QUEUE_H
#define RK_LIB_QUEUE_H

#include "lib/lib_int.h"

/* Under the lock. A call to be filled in, NULL without memory; and back again. */
struct rk_lib_call *rk_lib_call_new(struct rk_lib *s);
void rk_lib_call_free(struct rk_lib *s, struct rk_lib_call *call);

/* Under the lock: the call has its answer. body is copied. */
void rk_lib_queue_call(struct rk_lib *s, struct rk_lib_call *call, int rc, int64_t zxid,
                       struct rk_bytes body);
/* Under the lock. false: no memory, and the reserve is used up. */
bool rk_lib_queue_watch(struct rk_lib *s, int event, int state, int64_t zxid, struct rk_bytes path,
                        const struct rk_client_watcher *watchers, uint32_t count);
bool rk_lib_queue_state(struct rk_lib *s, int state, int change);

/* Under the lock. Whether so much waits to be told that nothing more should be read. */
bool rk_lib_queue_is_full(const struct rk_lib *s);

/* Under the lock, which it lets go meanwhile: runs the callbacks of all that is queued. */
void rk_lib_tell_all(struct rk_lib *s);

#endif
