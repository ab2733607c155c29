/* Locks of an ensemble: mutual exclusion between processes. Rules: recipes_keeper.h.
 *
 * Guarantees
 * - At most one holder at a time as the ensemble sees it: a holder is one whose node is the first.
 *   Fair: in the order in which the server saw the requests; who loses the session queues up again.
 * - Every holder has a fencing token (czxid of its node), greater than those of all holders
 *   before it. Whoever keeps the greatest token seen and refuses smaller ones is safe from a holder
 *   that does not know yet that it lost the lock.
 * - A lost answer leaves no node behind: creates are protected, deletes are repeated in the
 *   background until done or the session is over.
 * Limits
 * - Between the end of a session at the server and the news of it here, the old holder and the next
 *   may both act: stop at SUSPENDED, or use the token.
 * - 2^31 acquisitions of one path; then the server's counter turns negative (Curator has the same).
 * - About 4 ms of work for the server per hand-over, and a list of all waiters per waiter.
 *
 * Layout, as Curator's InterProcessMutex, InterProcessReadWriteLock, InterProcessSemaphoreV2:
 *   lock        path/_c_<uuid>-lock-0000000001
 *   read-write  path/_c_<uuid>-__READ__0000000001, path/_c_<uuid>-__WRIT__0000000002
 *   semaphore   path/leases/_c_<uuid>-lease-0000000001, path/locks (a lock: one asks at a time) */
#ifndef ROOKERY_RECIPES_LOCK_H
#define ROOKERY_RECIPES_LOCK_H

#include <rookery/recipes_keeper.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What became of something held. */
enum rk_hold {
    RK_HOLD_NONE = 0,   /* not held, or released by its owner */
    RK_HOLD_SURE = 1,   /* held and connected; told after UNSURE when it is still there */
    RK_HOLD_UNSURE = 2, /* SUSPENDED */
    RK_HOLD_LOST = 3    /* session lost, or somebody deleted the node; stays until released */
};

struct rk_lock;
/* Told of UNSURE, SURE again, and LOST, in this order, without repetitions; not of a release. token
 * says which hold is meant. */
typedef void (*rk_lock_fn)(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context);

struct rk_lock_options {
    rk_lock_fn on_change; /* NULL: none (saves a thread and a watch) */
    void *context;
    const void *data; /* of the node; Curator writes the host's address */
    int data_bytes;
};

/* options NULL: defaults. The path and its parents are made at the first acquire. A handle is one
 * owner: threads that are to exclude one another take a handle each. */
ROOKERY_API int rk_lock_open(struct rk_keeper *keeper, const char *path,
                             const struct rk_lock_options *options, struct rk_lock **ret_lock);
/* Releases what is held. ZINVALIDSTATE in its own callback. Accepts NULL. */
ROOKERY_API int rk_lock_close(struct rk_lock *lock);

/* ZOK: held, *ret_token (may be NULL) is the fencing token. Held already (SURE or UNSURE): counts
 * one more and gives the same token. LOST: ZSESSIONEXPIRED until every hold of it was released.
 * On ZOPERATIONTIMEOUT no request of this handle stays in the queue (if no server answers just
 * then, it is taken out as soon as one does). Two threads may not acquire with one handle at once
 * (ZINVALIDSTATE). */
ROOKERY_API int rk_lock_acquire(struct rk_lock *lock, int timeout_ms, int64_t *ret_token);
/* Counts one less; the last one lets the next waiter in. ZOK also if no server could be reached
 * within the session timeout: the node is deleted in the background then. ZSESSIONEXPIRED: it was
 * LOST (the hold is gone all the same). ZINVALIDSTATE: not held. */
ROOKERY_API int rk_lock_release(struct rk_lock *lock);

ROOKERY_API enum rk_hold rk_lock_state(struct rk_lock *lock);
/* Token of the present hold (also when it was lost), 0 without one. */
ROOKERY_API int64_t rk_lock_token(struct rk_lock *lock);
/* Asks the ensemble, not this process's memory: syncs and looks at the node. ZOK: it was there
 * with the session of this handle when the server answered. ZSESSIONEXPIRED: lost. */
ROOKERY_API int rk_lock_verify(struct rk_lock *lock, int timeout_ms);

/* Those who hold or wait for the lock at path, first the holder: data of their nodes.
 * ret_vector is freed with deallocate_String_vector. */
ROOKERY_API int rk_lock_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                                     struct String_vector *ret_vector);

/* -- Read-write lock ---------------------------------------------------------------------------
 * Many readers or one writer; fair: a reader waits behind an earlier writer. Who holds the write
 * lock of an rk_rwlock also gets its read lock at once, with the same token, and may then release
 * the write lock: a downgrade. Other readers come in when both are released. The other way round
 * would wait for itself: ZINVALIDSTATE. Tokens grow over both. */
struct rk_rwlock;
ROOKERY_API int rk_rwlock_open(struct rk_keeper *keeper, const char *path,
                               const struct rk_lock_options *options, struct rk_rwlock **ret_lock);
ROOKERY_API int rk_rwlock_close(struct rk_rwlock *lock);
/* Borrowed; for all functions above but rk_lock_close. */
ROOKERY_API struct rk_lock *rk_rwlock_read(struct rk_rwlock *lock);
ROOKERY_API struct rk_lock *rk_rwlock_write(struct rk_rwlock *lock);

/* -- Semaphore ---------------------------------------------------------------------------------
 * At most `leases` leases are out, if all who use the path say the same number. Fair. A lease is
 * held, told of and released like a lock; its token is unique and grows with the order of leases,
 * but several are valid at once. */
struct rk_semaphore;
struct rk_lease;
/* leases >= 1. */
ROOKERY_API int rk_semaphore_open(struct rk_keeper *keeper, const char *path, int leases,
                                  const struct rk_lock_options *options,
                                  struct rk_semaphore **ret_semaphore);
/* ZINVALIDSTATE while it has leases out. options->on_change is not called for a semaphore's
 * leases: rk_lease_state says how they are. Accepts NULL. */
ROOKERY_API int rk_semaphore_close(struct rk_semaphore *semaphore);
/* Any number of threads may ask with one semaphore; they queue up one behind the other. */
ROOKERY_API int rk_semaphore_acquire(struct rk_semaphore *semaphore, int timeout_ms,
                                     struct rk_lease **ret_lease);
/* Frees the lease in any case; results as rk_lock_release. */
ROOKERY_API int rk_lease_release(struct rk_lease *lease);
ROOKERY_API int64_t rk_lease_token(const struct rk_lease *lease);
/* SURE, UNSURE or LOST. A node that somebody else deleted is noticed by rk_lease_verify only. */
ROOKERY_API enum rk_hold rk_lease_state(struct rk_lease *lease);
ROOKERY_API int rk_lease_verify(struct rk_lease *lease, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
