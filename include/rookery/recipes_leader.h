/* Leaders: one of several processes. Rules: recipes_keeper.h; guarantees and limits of a leadership
 * are those of a lock (recipes_lock.h), with the same fencing token.
 *
 * Layout: the latch as Curator's LeaderLatch (path/_c_<uuid>-latch-0000000001), the election as its
 * LeaderSelector (path/_c_<uuid>-lock-0000000001); data is the id in both.
 *
 * Which of the two: a latch is a state that the program looks at, an election runs a function. */
#ifndef ROOKERY_RECIPES_LEADER_H
#define ROOKERY_RECIPES_LEADER_H

#include <rookery/recipes_lock.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- Leader latch ------------------------------------------------------------------------------
 * Stands for election from open to close, and again in each new session. */
struct rk_latch;
/* is_leader: true with the token of this leadership; false when it ended or became UNSURE
 * (SUSPENDED). After that true again with the same token if the node survived, with a greater one
 * later if not. */
typedef void (*rk_latch_fn)(struct rk_latch *latch, bool is_leader, int64_t token, void *context);

/* id: who we are, for others to read. on_change may be NULL. */
ROOKERY_API int rk_latch_open(struct rk_keeper *keeper, const char *path, const char *id,
                              rk_latch_fn on_change, void *context, struct rk_latch **ret_latch);
/* Steps down; on_change(false) comes first if it led. Accepts NULL. */
ROOKERY_API int rk_latch_close(struct rk_latch *latch);
/* True only while CONNECTED. *ret_token may be NULL. */
ROOKERY_API bool rk_latch_is_leader(struct rk_latch *latch, int64_t *ret_token);
/* ZOK as soon as it leads. */
ROOKERY_API int rk_latch_wait(struct rk_latch *latch, int timeout_ms, int64_t *ret_token);
/* Id of the present leader of the latch at path; ZNONODE: nobody stands. *ret_id is malloced. */
ROOKERY_API int rk_latch_leader(struct rk_keeper *keeper, const char *path, int timeout_ms,
                                char **ret_id);
/* Ids of all who stand, the leader first. Freed with deallocate_String_vector. */
ROOKERY_API int rk_latch_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                                      struct String_vector *ret_vector);

/* -- Leader election ---------------------------------------------------------------------------
 * Runs a function while leader. */
struct rk_election;
/* Runs on the election's thread from the moment of leadership; when it returns, leadership is given
 * up and the election stands again at the end of the queue (if is_standing_again) or rests. It
 * should watch rk_election_is_leader or sleep in rk_election_pause, and return when they say so:
 * nothing else ends it. */
typedef void (*rk_lead_fn)(struct rk_election *election, int64_t token, void *context);

struct rk_election_options {
    rk_lead_fn lead;
    rk_lock_fn on_change; /* may be NULL; UNSURE, SURE, LOST while leading, from a second thread,
                             with lock NULL */
    void *context;        /* of both */
    bool is_standing_again;
};
ROOKERY_API int rk_election_open(struct rk_keeper *keeper, const char *path, const char *id,
                                 const struct rk_election_options *options,
                                 struct rk_election **ret_election);
/* Asks `lead` to end (pause and is_leader say false) and waits for it. Accepts NULL. */
ROOKERY_API int rk_election_close(struct rk_election *election);
/* False as soon as SUSPENDED, LOST or closing, and outside of `lead`. */
ROOKERY_API bool rk_election_is_leader(struct rk_election *election);
/* Sleeps up to timeout_ms (< 0: for ever); returns early, with false, when no longer leader (as
 * above). For use in `lead`. */
ROOKERY_API bool rk_election_pause(struct rk_election *election, int timeout_ms);
/* Stands again after `lead` returned and is_standing_again was not set. ZINVALIDSTATE if it does.
 */
ROOKERY_API int rk_election_stand(struct rk_election *election);
/* Ids of all who stand at path, the leader first. */
ROOKERY_API int rk_election_participants(struct rk_keeper *keeper, const char *path, int timeout_ms,
                                         struct String_vector *ret_vector);

#ifdef __cplusplus
}
#endif
#endif
