/* What the files of the leader share: leader.c, leader_sync.c, leader_stream.c, leader_cast.c,
 * leader_req.c. */
#ifndef RK_CORE_LEADER_INT_H
#define RK_CORE_LEADER_INT_H

#include "core/ensemble_int.h"

/* The zxid of pings that no learner answers, because they come before UPTODATE. Should one be
 * answered all the same, this zxid comes back and tells it from the answers that count. */
#define RK_EARLY_PING_ZXID 0

/* This server's own bit among the voters. */
uint64_t rk_leader_own_bit(const struct rk_core *c);
uint64_t rk_leader_bit(const struct learner *l);       /* 0 for one whose word does not count */
rk_zxid rk_leader_first_zxid(const struct rk_core *c); /* epoch << 32 */
/* One line about a learner: its sid and address, and what. */
void rk_leader_note(struct rk_core *c, enum rk_note note, const struct learner *l,
                    const char *what);

/* Packets to one learner, written in place: begin, packets into c->fx->bytes, end. Nothing else may
 * be asked of the shell in between. */
struct rk_buf *rk_leader_send_begin(struct rk_core *c, const struct learner *l);
void rk_leader_send_end(struct rk_core *c);
void rk_leader_send(struct rk_core *c, const struct learner *l, int32_t type, rk_zxid zxid,
                    struct rk_bytes data);

/* leader_cast.c */
/* What l has acknowledged counts: once for all the packets that came together. */
void rk_leader_count_acks(struct rk_core *c, const struct learner *l);
void rk_leader_set_forwarding(struct rk_core *c, struct learner *l, bool is_forwarding);
/* UPTODATE: the learner serves clients from here on, and answers pings. */
void rk_leader_activate(struct rk_core *c, struct learner *l);
void rk_leader_on_ping_answer(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_learner_sync(struct rk_core *c, struct learner *l);
/* A reattach that cannot be granted now: rk_leader_decide when it is confirmed that we lead. */
void rk_leader_learner_reattach(struct rk_core *c, struct learner *l, rk_session_id session,
                                int32_t timeout_ms);
/* leader_req.c */
void rk_leader_decide(struct rk_core *c, const struct learner *l, rk_session_id session,
                      int32_t timeout_ms);
/* leader_req.c: all syncs of l are answered, what it asked behind them is handled. It may be
 * dropped for it. */
void rk_leader_run_deferred(struct rk_core *c, struct learner *l);
void rk_leader_forget_syncs(struct rk_core *c, rk_chan_id chan); /* 0: all of them */

/* leader.c */
/* Serving begins if a quorum has acknowledged NEWLEADER. */
void rk_leader_try_serving(struct rk_core *c);
/* Elected, but not by those who are there now: another election does better than waiting for
 * initLimit. The role was left. ZK: Leader.quitWaitForEpoch */
bool rk_leader_gave_up_waiting(struct rk_core *c);
void rk_leader_release_slot(struct learner *l);

/* leader_sync.c */
/* Those whose synchronisation was put off. */
void rk_leader_sync_waiting(struct rk_core *c);
/* False: it has to come again later. What it held before is given back. */
bool rk_leader_take_slot(struct rk_core *c, struct learner *l, bool is_snap);
/* Delivery is held for a moment. What followers were told to be committed and neither history nor
 * the tree has yet must not look like something to be cut. */
bool rk_leader_is_delivery_behind(const struct rk_core *c);
/* The parts of what a learner is sent; behind put_rest it is in step (become_synced). */
void rk_leader_put_committed(struct rk_buf *b, const struct rk_proposal *p);
void rk_leader_put_rest(struct rk_core *c, struct learner *l, struct rk_buf *b);
void rk_leader_become_synced(struct rk_core *c, struct learner *l);

/* leader_stream.c */
/* Those that wait for a stream and can have one now. */
void rk_leader_stream_next(struct rk_core *c);
void rk_leader_stream_pump(struct rk_core *c, struct learner *l); /* the next slice */
/* Log files are no way for it: it waits for a snapshot, or is dropped. */
void rk_leader_stream_fall_back(struct rk_core *c, struct learner *l, const char *why);
/* It is gone, or has everything. */
void rk_leader_stream_end(struct rk_core *c, struct learner *l);

#endif
