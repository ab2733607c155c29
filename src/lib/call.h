/* Making a request: rk_lib_begin (which locks), the body into s->body, rk_lib_submit (which
 * unlocks). */
#ifndef RK_LIB_CALL_H
#define RK_LIB_CALL_H

#include "lib/lib_int.h"

/* A synchronous call, on the stack of who waits. */
struct rk_lib_wait {
    sem_t sem;
    struct rk_lib_call *call; /* NULL: it was not accepted */
};

/* Where the answer goes: to a completion, or (wait) to somebody who waits. */
struct rk_lib_to {
    enum rk_lib_kind kind;
    union rk_lib_fn fn;
    const void *data;
    struct rk_lib_wait *wait;
    void *extra; /* for the call; still the caller's after a failure */
};
#define RK_LIB_TO(kind_, member, completion, data_)                                                \
    (struct rk_lib_to)                                                                             \
    {                                                                                              \
        .kind = (kind_), .fn.member = (completion), .data = (data_)                                \
    }
#define RK_LIB_TO_WAIT(kind_, wait_)                                                               \
    (struct rk_lib_to)                                                                             \
    {                                                                                              \
        .kind = (kind_), .wait = (wait_)                                                           \
    }

/* The watch that a request sets, or removes. */
struct rk_lib_ask {
    enum rk_client_watch_kind kind;
    watcher_fn fn; /* NULL: none; of a removal: all */
    void *context;
    bool is_removal;
};

/* ZOK with the lock held, s->path the server's path (path NULL: empty) and s->body empty; else
 * ZBADARGUMENTS, ZINVALIDSTATE, ZSYSTEMERROR without it. */
int rk_lib_begin(zhandle_t *zh, const char *path, bool is_sequential);
/* The server's path into b, behind what is there: ZOK, ZBADARGUMENTS, ZSYSTEMERROR. */
int rk_lib_path(zhandle_t *zh, const char *path, bool is_sequential, struct rk_buf *b);
int rk_lib_submit(zhandle_t *zh, int op, const struct rk_lib_ask *ask, const struct rk_lib_to *to);
/* Gives up between begin and submit; returns rc. */
int rk_lib_abandon(zhandle_t *zh, int rc);

/* What submit does around the step of the machine, for events that are no requests. ZOK with a call
 * for the answer, or ZSYSTEMERROR, or ZINVALIDSTATE: this thread may not wait. */
int rk_lib_call_begin(zhandle_t *zh, const struct rk_lib_to *to, struct rk_lib_call **ret_call);
/* Unlocks. rc of the machine, which it returns: unless it is ZOK there will be no answer. With it
 * the call may have gone its way already, and so may a view that it was of. */
int rk_lib_call_end(struct rk_lib *s, struct rk_lib_call *call, const struct rk_lib_to *to, int rc);

/* Waits for a call that was accepted, and returns its result; then the call is there to be read,
 * until it is freed. */
int rk_lib_wait_end(struct rk_lib_wait *wait);
void rk_lib_wait_free(struct rk_lib_wait *wait);

#endif
