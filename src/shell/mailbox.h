/* The way from the loop thread to a worker thread: messages are appended to one buffer under a
 * lock, the worker takes the whole buffer at once and gives its emptied one in return. One thread
 * puts, one takes. Bounded: more than max bytes waiting is a broken promise of the core's
 * back-pressure. */
#ifndef RK_SHELL_MAILBOX_H
#define RK_SHELL_MAILBOX_H

#include "base/bytes.h"

#include <pthread.h>

struct rk_message {
    uint32_t kind; /* the worker's own enum */
    uint32_t len;  /* bytes that follow; filled in by put */
    int64_t number;
    uint64_t extra;
    uint64_t flags;
};

/* A buffer with a memory port of its own, because ports are not shared by threads. */
struct rk_mailbag {
    struct rk_mem mem;
    struct rk_buf bytes;
};

struct rk_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct rk_mailbag bags[2];
    uint32_t filling; /* index of the bag put goes to; the other one is the worker's */
    bool is_waiting;  /* the worker sleeps */
};

void rk_mailbox_init(struct rk_mailbox *box, size_t max_bytes);
/* After the worker's end. */
void rk_mailbox_deinit(struct rk_mailbox *box);

/* Putting: begin takes the lock, end gives it back. A worker that is busy finds what was put when
 * it comes back; one that sleeps is woken by wake, later, so that it finds more at once. Panics
 * when over max. */
void rk_mailbox_begin(struct rk_mailbox *box);
void rk_mailbox_put(struct rk_mailbox *box, struct rk_message message, struct rk_bytes bytes);
void rk_mailbox_end(struct rk_mailbox *box);
void rk_mailbox_wake(struct rk_mailbox *box);

/* Taking: waits until there is something or timeout_ms (< 0: for ever) went by; then *ret holds
 * whole messages (none after the time) and stays valid until the next take. */
void rk_mailbox_take(struct rk_mailbox *box, int64_t timeout_ms, struct rk_bytes *ret);
/* The next message off the front of *messages, its bytes borrowed; false at the end. */
bool rk_message_next(struct rk_bytes *messages, struct rk_message *ret, struct rk_bytes *ret_bytes);

#endif
