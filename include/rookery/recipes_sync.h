/* Meeting points, queues and shared values. Rules: recipes_keeper.h.
 *
 * Layout as Curator's DistributedBarrier, DistributedDoubleBarrier, SimpleDistributedQueue (qn-),
 * DistributedAtomicLong (8 bytes, big-endian) and SharedValue (plain bytes). */
#ifndef ROOKERY_RECIPES_SYNC_H
#define ROOKERY_RECIPES_SYNC_H

#include <rookery/recipes_keeper.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- Barrier -----------------------------------------------------------------------------------
 * A node that stands in the way, independent of sessions. Setting one that stands and lifting one
 * that does not is ZOK. Watches of waiters that ran out of time stay until the node goes. */
ROOKERY_API int rk_barrier_set(struct rk_keeper *keeper, const char *path, int timeout_ms);
ROOKERY_API int rk_barrier_lift(struct rk_keeper *keeper, const char *path, int timeout_ms);
/* ZOK as soon as there is none. */
ROOKERY_API int rk_barrier_wait(struct rk_keeper *keeper, const char *path, int timeout_ms);

/* -- Double barrier ----------------------------------------------------------------------------
 * `members` processes begin together and end together. One that dies counts as one that left. A
 * handle has one owner; enter and leave alternate. Not for the next round at the same path before
 * all have left; and if nobody lived to leave, path/ready stays and is to be deleted first. */
struct rk_double_barrier;
ROOKERY_API int rk_double_barrier_open(struct rk_keeper *keeper, const char *path, int members,
                                       struct rk_double_barrier **ret_barrier);
/* A member that is inside counts as gone from then on. Accepts NULL. */
ROOKERY_API int rk_double_barrier_close(struct rk_double_barrier *barrier);
/* ZOK: at least `members` were inside at one time. ZOPERATIONTIMEOUT: we are out again (unless the
 * others had begun meanwhile, which is ZOK). Whoever loses the session meanwhile enters anew. */
ROOKERY_API int rk_double_barrier_enter(struct rk_double_barrier *barrier, int timeout_ms);
/* ZOK: all have left. On ZOPERATIONTIMEOUT we have left, others not yet. ZSESSIONEXPIRED: all have
 * left, and we counted as one who did before. ZINVALIDSTATE: not inside. */
ROOKERY_API int rk_double_barrier_leave(struct rk_double_barrier *barrier, int timeout_ms);

/* -- Queue -------------------------------------------------------------------------------------
 * Items survive sessions and servers. Order: smaller priority first, then first in, first out;
 * among several consumers, in order of the start of work only.
 *
 * take is at most once: an item whose taker dies with it in hand is gone. A consumer that must not
 * lose one uses claim and done: the claim is an ephemeral node, so that the item comes back when
 * the consumer's session ends; it may then be worked on twice, the second time with a greater
 * token. Java's SimpleDistributedQueue sees items of priority 0 (and puts such) and knows nothing
 * of claims. Limits: each take lists the whole queue: keep it below some 10,000 items, of at most
 * 1 MiB (jute.maxbuffer).
 *
 * Nodes: path/qn-0000000001; path/qp-80000005-0000000002 with priority 5 (hex, shifted by 2^31);
 * path/claims/<name of item>, ephemeral; path/claims/<uuid>, ephemeral, while an item is put. */
struct rk_queue;
struct rk_queue_item {
    const void *data; /* NULL when empty */
    int data_bytes;
    int32_t priority;
    int64_t token;     /* czxid of the claim; of the item when taken without */
    int64_t put_at_ms; /* clock of the server */
};
ROOKERY_API int rk_queue_open(struct rk_keeper *keeper, const char *path,
                              struct rk_queue **ret_queue);
/* ZINVALIDSTATE while it has items claimed. Accepts NULL. */
ROOKERY_API int rk_queue_close(struct rk_queue *queue);
/* ZOK: it is in the queue exactly once. On failure (ZOPERATIONTIMEOUT, ZSESSIONEXPIRED) it may be
 * in or not. A queue whose path is gone is made again. */
ROOKERY_API int rk_queue_put(struct rk_queue *queue, const void *data, int data_bytes,
                             int32_t priority, int timeout_ms);
/* Removes the first item that nobody has claimed; waits for one. *ret_item is freed with
 * rk_queue_item_free. After a lost answer an item is not delivered unless it is certain that we
 * removed it: it may then be lost, as when the taker dies. */
ROOKERY_API int rk_queue_take(struct rk_queue *queue, int timeout_ms,
                              struct rk_queue_item **ret_item);
ROOKERY_API void rk_queue_item_free(struct rk_queue_item *item);
/* Claims it instead. Ends with exactly one of done and giveup, which free *ret_item. */
ROOKERY_API int rk_queue_claim(struct rk_queue *queue, int timeout_ms,
                               struct rk_queue_item **ret_item);
/* Removes item and claim in one transaction. ZSESSIONEXPIRED: the claim was lost, somebody else
 * works on the item or did; nothing was removed. ZOPERATIONTIMEOUT: not known; if nothing was
 * removed, the item goes back to the queue. */
ROOKERY_API int rk_queue_done(struct rk_queue *queue, struct rk_queue_item *item, int timeout_ms);
/* Gives the item back to the queue. */
ROOKERY_API int rk_queue_giveup(struct rk_queue *queue, struct rk_queue_item *item);
/* Items in the queue, claimed ones too. */
ROOKERY_API int rk_queue_count(struct rk_queue *queue, int timeout_ms, int *ret_count);

/* -- Atomic value and counter ------------------------------------------------------------------
 * No objects: a node with data. The node is made with the first write; before that version is -1,
 * a value is NULL with 0 bytes, a counter 0. Reads sync first, so they see every write that was
 * answered before. A conditional write whose answer was lost and whose fate cannot be told from the
 * node afterwards ends in ZCONNECTIONLOSS: it happened once or not at all. */
struct rk_value {
    char *data; /* malloced, one byte longer and ends in 0; NULL when null */
    int data_bytes;
    int32_t version;
};
ROOKERY_API int rk_value_get(struct rk_keeper *keeper, const char *path, int timeout_ms,
                             struct rk_value *ret_value);
/* Writes whatever is there. */
ROOKERY_API int rk_value_set(struct rk_keeper *keeper, const char *path, const void *data,
                             int data_bytes, int timeout_ms);
/* Writes if the version is still that one (-1: if there is no node). ZBADVERSION: it is not.
 * *ret_version (may be NULL) is the new one. */
ROOKERY_API int rk_value_swap(struct rk_keeper *keeper, const char *path, int32_t version,
                              const void *data, int data_bytes, int timeout_ms,
                              int32_t *ret_version);

/* ZMARSHALLINGERROR if the node holds something else than 8 bytes (none at all counts as 0). */
ROOKERY_API int rk_counter_get(struct rk_keeper *keeper, const char *path, int timeout_ms,
                               int64_t *ret_number);
/* Adds delta, wrapping around; *ret_number (may be NULL) is the sum. Tries again as long as others
 * are faster. */
ROOKERY_API int rk_counter_add(struct rk_keeper *keeper, const char *path, int64_t delta,
                               int timeout_ms, int64_t *ret_number);
/* Writes `to` if it is `from`, else ZBADVERSION. */
ROOKERY_API int rk_counter_swap(struct rk_keeper *keeper, const char *path, int64_t from,
                                int64_t to, int timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
