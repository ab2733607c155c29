/* The core's own header: what its files share. Others see core.h.
 *
 * A request's way: rk_core_on_frame (request.c), then at once, or held behind earlier requests of
 * its connection, or throttled (throttle.c). A write: rk_prep_request (prep.c) against overlay.c,
 * proposal (zab/broadcast.h), APPEND effect, LOG_SYNCED event, rk_core_deliver (apply.c): tree,
 * watches, reply. A read: rk_core_read (read.c). */
#ifndef RK_CORE_CORE_INT_H
#define RK_CORE_CORE_INT_H

#include "core/state.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"
#include "tree/path.h"

/* -- conn.c: connections, handshake, sessions -- */
struct conn *rk_core_conn(const struct rk_core *c, rk_conn_id id); /* NULL if gone */
void rk_core_conn_open(struct rk_core *c, const struct rk_event *e);
void rk_core_conn_closed(struct rk_core *c, rk_conn_id id);
/* Close after what was sent; nothing more of it is handled. */
void rk_core_conn_close(struct rk_core *c, struct conn *conn);
void rk_core_handshake(struct rk_core *c, struct conn *conn, struct rk_bytes frame);
/* createSession of conn was applied: answer and let it talk. */
void rk_core_session_established(struct rk_core *c, struct conn *conn);
/* Expires due sessions, a bounded number per call. */
void rk_core_expire(struct rk_core *c);
/* It was confirmed that we lead: the session is there, or it is gone. */
void rk_core_decide_reattach(struct rk_core *c, rk_conn_id id, rk_session_id session);
/* Reattach was allowed by whoever may decide it. */
void rk_core_reattached(struct rk_core *c, struct conn *conn);
void rk_core_reattach_refused(struct rk_core *c, struct conn *conn, rk_session_id session);
/* Serving begins: handshakes that waited for it are handled now. Or they are refused. */
void rk_core_run_held_handshakes(struct rk_core *c);
/* Those with a session, or only those whose handshake waits. */
void rk_core_close_all(struct rk_core *c, bool only_held);

/* throttle.c */
bool rk_core_connect_admitted(struct rk_core *c, bool is_renew);
bool rk_core_can_admit(const struct rk_core *c); /* one more request into the pipeline? */
void rk_core_pause_check(struct rk_core *c, struct conn *conn);
void rk_core_resume_all(struct rk_core *c);
void rk_core_drain_throttled(struct rk_core *c);
void rk_core_sweep_watches(struct rk_core *c);
/* Queues that the bound on a step had stopped, in turn. */
void rk_core_drain_late(struct rk_core *c);

/* request.c */
void rk_core_on_frame(struct rk_core *c, struct conn *conn, struct rk_bytes frame);
struct request *rk_core_request(const struct rk_core *c, uint32_t id);
/* Takes the head of conn's queue off; it must be id. */
void rk_core_request_pop(struct rk_core *c, struct conn *conn, uint32_t id);
/* Gives back a request whose connection is gone. */
void rk_core_request_forget(struct rk_core *c, uint32_t id);
/* Runs what waits at the head of conn's queue until something has to wait again. */
void rk_core_request_drain(struct rk_core *c, struct conn *conn);
/* Not executed: answered with err when its turn comes. */
void rk_core_request_fix(struct rk_core *c, struct request *q, int32_t err);
/* Handles an admitted request: proposes a write, or leaves a read to its turn. */
void rk_core_request_admit(struct rk_core *c, struct conn *conn, uint32_t id);
void rk_core_request_drop_all(struct rk_core *c, struct conn *conn);
/* The sync that waits as this request may be answered when its turn comes. */
void rk_core_sync_done(struct rk_core *c, rk_conn_id conn, uint32_t request);
bool rk_core_op_is_write(int32_t op);

/* auth.c: inline requests */
void rk_core_on_auth(struct rk_core *c, struct conn *conn, int32_t xid, struct rk_bytes body);
void rk_core_on_sasl(struct rk_core *c, struct conn *conn, int32_t xid, struct rk_bytes body);
bool rk_core_auth_is_satisfied(const struct rk_core *c, const struct conn *conn);

/* reply.c: frames to clients */
/* Opens a reply with header {xid, zxid, 0}; write the body to c->fx->bytes, then end. */
size_t rk_core_reply_begin(struct rk_core *c, struct conn *conn, int32_t xid, rk_zxid zxid);
/* err != 0 drops the body unless keep_body. op and received_ms are for the statistics. */
void rk_core_reply_end(struct rk_core *c, struct conn *conn, size_t mark, int32_t err,
                       bool keep_body, int32_t op, int64_t received_ms);
void rk_core_reply_error(struct rk_core *c, struct conn *conn, int32_t xid, rk_zxid zxid,
                         int32_t err, int32_t op, int64_t received_ms);

/* read.c, watch_ops.c: a read, executed now against the applied tree; replies. */
void rk_core_read(struct rk_core *c, struct conn *conn, int32_t xid, int32_t op,
                  struct rk_bytes body, int64_t received_ms);
/* Body of a watch operation; enum rk_zk_error. */
int32_t rk_core_set_watches(struct rk_core *c, struct conn *conn, struct rk_reader *r, bool is_2);
int32_t rk_core_add_watch(struct rk_core *c, struct conn *conn, struct rk_reader *r);
int32_t rk_core_check_watches(struct rk_core *c, struct conn *conn, struct rk_reader *r,
                              bool remove);
void rk_core_fire(struct rk_core *c, const struct rk_tree_event *event, rk_zxid zxid);

/* prep.c, prep_op.c, prep_multi.c: from request to proposal */
struct prep {
    rk_session_id session;
    int32_t cxid;
    int32_t op;
    uint32_t request;              /* waits for it, RK_REQUEST_NONE for internal ones */
    const struct rk_auth_ids *ids; /* NULL: internal, everything allowed */
    rk_zxid zxid;
    int32_t refusal;       /* not RK_ZK_OK: fails with this, whatever the request says */
    int32_t session_err;   /* what each operation fails with: expired or moved session */
    bool is_local_session; /* ephemeral nodes are not for it */
};
/* Every one of these ends in exactly one proposal: the transaction or an error transaction. */
void rk_prep_request(struct rk_core *c, struct prep *p, struct rk_bytes body);
/* The one write whose undecodable body takes no zxid (ZK: PrepRequestProcessor, reconfig). */
bool rk_prep_is_reconfig(struct rk_core *c, struct rk_bytes body);
void rk_prep_create_session(struct rk_core *c, rk_session_id session, int32_t timeout_ms,
                            uint32_t request);
void rk_prep_close_session(struct rk_core *c, rk_session_id session, int32_t cxid,
                           uint32_t request);
void rk_prep_delete_container(struct rk_core *c, struct rk_bytes path);

/* One write, decoded. */
struct write_op {
    int32_t op;
    struct rk_bytes path;
    struct rk_bytes data;
    struct rk_vec_acl acl;
    int32_t flags;
    int64_t ttl;
    int32_t version;
};
bool rk_prep_is_multi_op(int32_t op); /* may stand inside a multi */
/* Would this request create an ephemeral node? */
bool rk_prep_has_ephemeral(struct rk_core *c, int32_t op, struct rk_bytes body);
bool rk_prep_decode(int32_t op, struct rk_reader *r, struct rk_arena *a, struct write_op *ret);
/* Validates against tree and overlay; on RK_ZK_OK the body is appended to c->txn, the overlay has
 * the change and *ret_type is the transaction's type. */
int32_t rk_prep_op(struct rk_core *c, const struct prep *p, const struct write_op *w,
                   int32_t *ret_type);
int32_t rk_prep_multi(struct rk_core *c, const struct prep *p, struct rk_bytes body);
bool rk_prep_view(struct rk_core *c, struct rk_bytes path, struct rk_view *ret);

/* apply.c */
/* Applies what is committed, answers, and hands it to the history. */
void rk_core_deliver(struct rk_core *c);

/* snapshot.c */
void rk_core_snapshot_count(struct rk_core *c, size_t record_bytes);
void rk_core_snapshot_start(struct rk_core *c);
/* The replicated sessions as a snapshot begins with them. */
void rk_core_put_sessions(struct rk_core *c, struct rk_buf *b);
void rk_core_snapshot_ready(struct rk_core *c);
void rk_core_snapshot_abort(struct rk_core *c); /* gives up the one being written */
void rk_core_snapshot_done(struct rk_core *c, rk_zxid zxid, bool is_ok);
void rk_core_snapshot_flush(struct rk_core *c); /* hands old images over at the end of a step */
void rk_core_snapshot_deinit(struct rk_core *c);

/* reaper.c */
void rk_core_reap(struct rk_core *c);

#endif
