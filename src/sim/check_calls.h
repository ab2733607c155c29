/* The calls of the checker's files to each other; included by check_int.h, which has the types. */
#ifndef RK_SIM_CHECK_CALLS_H
#define RK_SIM_CHECK_CALLS_H

#include "sim/check_int.h"

/* check_conn.c: requests and replies -- */
struct mconn *rk_check_conn(struct sim_check *c, rk_conn_id id); /* NULL if gone */
void rk_check_conn_open(struct sim_check *c, rk_conn_id id, struct rk_bytes address);
void rk_check_conn_drop(struct sim_check *c, struct mconn *conn);
void rk_check_frame_in(struct sim_check *c, struct mconn *conn, struct rk_bytes frame);
void rk_check_frame_out(struct sim_check *c, rk_conn_id id, struct rk_bytes frame);
void rk_check_closed(struct sim_check *c, rk_conn_id id);
void rk_check_step_ended(struct sim_check *c);
/* A transaction was applied: its watch events become due, its request gets its outcome. */
void rk_check_applied(struct sim_check *c, const struct sim_txn *t);
/* What waits in the throttler may be refused from now on. */
void rk_check_log_full(struct sim_check *c);
void rk_check_free_conns(struct sim_check *c);

/* As far as its end, if that is in flight, and may have been committed in this step. */
void rk_check_advance_to_close(struct sim_check *c, rk_session_id session);

/* check_session.c: handshakes, expiry -- */
void rk_check_handshake_in(struct sim_check *c, struct mconn *conn, struct rk_bytes frame);
void rk_check_handshake_out(struct sim_check *c, struct mconn *conn, struct rk_bytes frame);
struct msession *rk_check_session(struct sim_check *c, rk_session_id id);
struct msession *rk_check_session_add(struct sim_check *c, rk_session_id id, int32_t timeout_ms);
void rk_check_session_remove(struct sim_check *c, rk_session_id id);
bool rk_check_is_wanted_elsewhere(struct sim_check *c, const struct mconn *conn);
void rk_check_expiry(struct sim_check *c, const struct msession *s);
void rk_check_overdue(struct sim_check *c);
void rk_check_sessions_restart(struct sim_check *c, int64_t now_ms);
/* The leader heard of a session through a learner. */
void rk_check_touched(struct sim_check *c, rk_session_id id, int32_t timeout_ms);
bool rk_check_password(rk_session_id id, struct rk_bytes password);

/* check_txn.c: the history -- */
void rk_check_append(struct sim_check *c, rk_zxid zxid, struct rk_bytes payload);
/* Applies one transaction to a model; ret gets the outcome. */
void rk_check_apply(struct sim_check *c, struct sim_model *m, const struct sim_txn *t,
                    struct sim_outcome *ret);
/* At the end of the step, when the state is that of the core. */
void rk_check_reaping(struct sim_check *c);
void rk_check_late_views(struct sim_check *c);

/* check_move.c: the state moves -- */
struct sim_rules rk_check_rules(const struct sim_check *c);
/* ret is overwritten. */
void rk_check_model_at(struct sim_check *c, struct sim_txn *at, struct sim_model *ret);
/* What zxid stands for, E<<32 included. Fails if there is no such thing. */
struct sim_txn *rk_check_resolve(struct sim_check *c, rk_zxid zxid);
/* The state reaches zxid: outcomes, events, ends of sessions. Nothing if it is there already. */
void rk_check_advance(struct sim_check *c, rk_zxid zxid);
/* The core's state is that of zxid now, wherever it was. */
void rk_check_reach(struct sim_check *c, rk_zxid zxid);
void rk_check_replaced(struct sim_check *c, rk_zxid zxid);
/* In flight: handed to the log and not applied. Oldest first. */
uint32_t rk_check_in_flight(struct sim_check *c, struct sim_txn ***ret_items);

/* check_stale.c: a request that reads is answered in the state of zxid */
void rk_check_staleness(struct sim_check *c, rk_zxid zxid);

/* check_state.c: comparing whole states -- */
void rk_check_compare(struct sim_check *c, const struct sim_model *m, const struct rk_core *core,
                      const char *what);

/* check.c */
void rk_check_drop_snap_model(struct sim_check *c);

void rk_check_request_free(struct sim_check *c, struct mreq *q);

#endif
