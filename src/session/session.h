/* Sessions: the replicated table (id -> timeout, part of every snapshot) and, on the server that
 * decides expiry, the tracker with its buckets of tickTime width. Time is the caller's monotonic
 * now. ZK: SessionTrackerImpl, ExpiryQueue, ZKDatabase.sessionsWithTimeouts. */
#ifndef RK_SESSION_SESSION_H
#define RK_SESSION_SESSION_H

#include "base/list.h"
#include "base/map.h"

struct rk_session {
    struct rk_map_entry by_id; /* key: the id */
    struct rk_link in_bucket;  /* lone when not tracked */
    struct rk_link touched;    /* on a learner: heard of since the leader was told */
    rk_session_id id;
    int32_t timeout_ms; /* as created: what snapshots keep */
    int32_t touch_ms;   /* as negotiated last: what touches use */
    int64_t expires_ms; /* bucket boundary */
    rk_conn_id conn;    /* attached here now; 0 = none */
    int64_t owner;      /* on the leader: sid of the server that has its client; 0 = unknown */
    bool is_closing;    /* closeSession is in the pipeline: requests fail */
    bool is_replicated; /* createSession is applied (false: only pending) */
    bool is_local;      /* only this server knows it */
    bool is_upgrading;  /* local, and its createSession is under way */
};

struct rk_sessions;

struct rk_sessions *rk_sessions_create(struct rk_mem *mem, uint64_t seed, int64_t tick_ms);
void rk_sessions_destroy(struct rk_sessions *s);
void rk_sessions_check(const struct rk_sessions *s);

struct rk_session *rk_session_find(const struct rk_sessions *s, rk_session_id id);
/* New and untracked; the id must be free. */
struct rk_session *rk_session_add(struct rk_sessions *s, rk_session_id id, int32_t timeout_ms);
void rk_session_remove(struct rk_sessions *s, struct rk_session *session);

/* expiry = ((now + timeout) / tick + 1) * tick; moves to a later bucket only. False if closing. */
bool rk_session_touch(struct rk_sessions *s, struct rk_session *session, int64_t now_ms);
/* A reattach: recomputed from now even if the timeout shrank. */
void rk_session_retime(struct rk_sessions *s, struct rk_session *session, int32_t touch_ms,
                       int64_t now_ms);
/* The next session whose bucket is due, taken out of its bucket; NULL when none is. Call until NULL
 * or until the caller's slice is used up. */
struct rk_session *rk_sessions_pop_expired(struct rk_sessions *s, int64_t now_ms);
/* Puts one back that could not be expired now (log full): due again after one tick. */
void rk_session_postpone(struct rk_sessions *s, struct rk_session *session, int64_t now_ms);
/* When the next bucket is due; INT64_MAX when there is none. */
int64_t rk_sessions_next_due(const struct rk_sessions *s);
/* Gives every session a fresh full timeout (start, new leader). */
void rk_sessions_restart(struct rk_sessions *s, int64_t now_ms);

/* Nobody watches over this one here any more. */
void rk_session_untrack(struct rk_sessions *s, struct rk_session *session);
/* Nobody expires here any more (this server leads no longer). */
void rk_sessions_stop(struct rk_sessions *s);

size_t rk_sessions_count(const struct rk_sessions *s);            /* in the table */
size_t rk_sessions_replicated_count(const struct rk_sessions *s); /* what a snapshot holds */
/* Stepping in no order: *cursor 0, session NULL to start. */
struct rk_session *rk_sessions_next(const struct rk_sessions *s, size_t *cursor,
                                    struct rk_session *session);

/* Buckets in order of time, for dump: *expires_ms = INT64_MIN to start; false at the end; *ret_head
 * is the list of in_bucket links. */
bool rk_sessions_next_bucket(const struct rk_sessions *s, int64_t *expires_ms,
                             struct rk_link **ret_head, size_t *ret_count);

/* Ids and passwords as every server of a mixed ensemble makes them (spec-client 2.3). */
rk_session_id rk_session_first_id(uint8_t server_id, int64_t clock_ms);
void rk_session_password(rk_session_id id, uint8_t ret[16]);

#endif
