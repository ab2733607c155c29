/* A follower's or observer's side (learner.c, learner_sync.c), and what it does for its clients
 * (forward.c). */
#ifndef RK_CORE_ENS_LEARNER_H
#define RK_CORE_ENS_LEARNER_H

#include "core/ens_chan.h"
#include "proto/snap_stream.h"

/* -- the learner ------------------------------------------------------------------------------- */

enum follow_state {
    FOLLOW_CONNECTING, /* dialing, again after a refusal */
    FOLLOW_INFO_SENT,  /* waits for LEADERINFO */
    FOLLOW_EPOCH,      /* acceptedEpoch is being written */
    FOLLOW_ACK_EPOCH,  /* waits for DIFF, SNAP or TRUNC */
    FOLLOW_SNAP,       /* the stream is coming, into a database of its own */
    FOLLOW_SNAP_STORE, /* database taken over; log being cut, then the snapshot written */
    FOLLOW_FORGET,     /* what that snapshot replaced is being deleted */
    FOLLOW_TRUNC,      /* the log is being cut */
    FOLLOW_RELOAD,     /* memory was ahead of the cut: being read again */
    FOLLOW_SYNC,       /* proposals of the sync are coming */
    FOLLOW_NEW_LEADER, /* NEWLEADER is here: history, then currentEpoch are becoming durable */
    FOLLOW_ACKED,      /* waits for UPTODATE */
    FOLLOW_ACTIVE,
};

struct follow {
    enum follow_state state;
    int64_t leader_sid;
    struct chan *chan; /* NULL while waiting to dial again */
    uint32_t tries;
    int64_t retry_ms;    /* dial again then; INT64_MAX: not waiting */
    int64_t deadline_ms; /* of the state, or of silence */
    int64_t sync_ms;     /* when ACKEPOCH went out */
    int64_t epoch;       /* the leader's */
    int32_t ack_epoch;   /* to answer with: currentEpoch or -1 */
    rk_zxid claimed;     /* what ACKEPOCH said we have */
    rk_zxid target;      /* SNAP, TRUNC: its zxid */
    rk_zxid committed;   /* known to be, though maybe not applied before UPTODATE */
    rk_zxid acked;       /* proposals up to here are acknowledged or need none */
    bool is_swapped;     /* memory is a leader's snapshot that is not on disk yet */
    struct rk_snap_push *push;
    struct rk_restored *incoming; /* FOLLOW_SNAP: the database being built, see restore.c */
    struct rk_link syncs;         /* clients' syncs in order: struct follow_sync */
    struct rk_link revalidations;
};

struct follow_sync {
    struct rk_link link;
    rk_conn_id conn;
    uint32_t request;
    bool is_confirmed; /* SYNC came; everything up to after is to be applied first */
    rk_zxid after;
};

struct follow_revalidation {
    struct rk_link link;
    rk_conn_id conn;
    rk_session_id session;
};

/* -- learner.c, learner_sync.c -- */
void rk_follow_begin(struct rk_core *c, int64_t leader_sid);
void rk_follow_end(struct rk_core *c);
void rk_follow_on_connected(struct rk_core *c);
void rk_follow_on_bytes(struct rk_core *c);
void rk_follow_on_closed(struct rk_core *c);
void rk_follow_on_epoch_stored(struct rk_core *c, enum rk_epoch_file file, int64_t epoch);
void rk_follow_on_truncated(struct rk_core *c);
void rk_follow_on_reloaded(struct rk_core *c);
/* learner_sync.c */
void rk_follow_snap_bytes(struct rk_core *c, struct rk_bytes in, size_t *ret_used);
void rk_follow_send_acks(struct rk_core *c);
void rk_follow_send_ack(struct rk_core *c, rk_zxid zxid);
/* Bytes that came while the channel was paused. */
void rk_follow_go_on(struct rk_core *c);
/* The leader broke the protocol. */
void rk_follow_bad(struct rk_core *c, const char *what);
bool rk_follow_propose(struct rk_core *c, const struct rk_packet *p);
bool rk_follow_commit(struct rk_core *c, rk_zxid zxid);
void rk_follow_on_snap_done(struct rk_core *c, bool is_ok);
void rk_follow_on_durable(struct rk_core *c); /* ensemble.durable moved */
void rk_follow_tick(struct rk_core *c);
/* Before anything else of a step: this server serves, and its leader was silent for syncLimit. What
 * it knows may be that old, whatever is in its sockets by now; the role was left. */
bool rk_follow_out_of_touch(struct rk_core *c);
int64_t rk_follow_next_due(const struct rk_core *c);
/* A packet in the states from FOLLOW_ACK_EPOCH to FOLLOW_ACKED; false: the role was left. */
bool rk_follow_sync_packet(struct rk_core *c, const struct rk_packet *p);

/* restore.c: a database beside the live one. */
struct rk_restored *rk_restored_create(struct rk_core *c);
void rk_restored_destroy(struct rk_restored *r); /* accepts NULL */
struct rk_restore_sink rk_restored_sink(struct rk_restored *r);
/* It is complete: becomes the live one, at zxid; destroys r. RK_ERR_CORRUPT: it was not. */
enum rk_err rk_restored_take(struct rk_restored *r, rk_zxid zxid) RK_MUST_CHECK;

/* -- forward.c: on a learner -- */
/* An admitted write or sync of a client: to the leader; answered when it comes back. */
void rk_forward_request(struct rk_core *c, struct conn *conn, uint32_t id, struct rk_bytes body);
void rk_forward_create_session(struct rk_core *c, struct conn *conn);
/* Reattach: asks the leader; conn stays CONN_PENDING until it answers. */
void rk_forward_revalidate(struct rk_core *c, struct conn *conn, rk_session_id session);
void rk_forward_on_revalidated(struct rk_core *c, const struct rk_packet *p);
void rk_forward_on_sync(struct rk_core *c);
/* Confirmed syncs whose state is applied by now are answered. */
void rk_forward_run_syncs(struct rk_core *c);
/* A client of ours was heard of. False: its session is closing. */
bool rk_forward_touch(struct rk_core *c, struct rk_session *s);
/* The request of ours that this committed transaction answers, RK_REQUEST_NONE if it is another
 * server's. */
uint32_t rk_forward_match(struct rk_core *c, rk_session_id session, int32_t cxid, int32_t type);
/* The touch table since the last call, as PING data. */
void rk_forward_put_touched(struct rk_core *c, struct rk_buf *b);
void rk_forward_end(struct rk_core *c);

/* -- local.c: sessions that only this server knows -- */
bool rk_core_is_read_only(const struct rk_core *c); /* reads are served though nobody leads */
void rk_local_tick(struct rk_core *c);
int64_t rk_local_next_due(const struct rk_core *c);
void rk_local_end_read_only(struct rk_core *c);
bool rk_local_is_wanted(const struct rk_core *c); /* new sessions are local */
void rk_local_begin(struct rk_core *c, struct rk_session *s);
void rk_local_expire(struct rk_core *c, struct rk_session *s);
void rk_local_close(struct rk_core *c, struct conn *conn, int32_t xid, int64_t received_ms);
void rk_local_upgrade(struct rk_core *c, struct conn *conn, int32_t op, struct rk_bytes body);
/* An ephemeral node for a session that has to stay local. */
bool rk_local_refuses(struct rk_core *c, const struct conn *conn, int32_t op, struct rk_bytes body);
void rk_local_became_global(struct rk_core *c, struct rk_session *s);

#endif
