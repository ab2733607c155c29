/* The ensemble half of the core: one server's part in Zab. Who does what:
 *
 *   role.c       which role this server has; how one is taken up, and how it is left so that the
 *                next begins with memory == log == what is durable
 *   peers.c      election channels: who dials whom, notifications in and out of zab/election
 *   leader.c     discovery and synchronisation as leader: epochs, NEWLEADER, start of serving;
 *   leader_sync.c  what one learner is sent to be brought up to date; snapshot streams
 *   leader_cast.c  broadcast as leader: proposals, acks, commits, pings, liveness, sync
 *   leader_req.c   what learners ask of the leader: REQUEST, REVALIDATE, touch tables
 *   learner.c    discovery and broadcast as follower or observer
 *   learner_sync.c the way from the first packet of a sync to UPTODATE, in the safe order
 *   forward.c    client requests and sessions on a server that does not lead
 *
 * Histories. Applied (tree, sessions, rk_core.last_zxid) <= logged (appended, maybe not durable
 * yet) at all times; what is between them is the tail, in order, without gaps. durable <= logged.
 * A learner applies only what is known to be committed; a leader-elect applies its tail when a
 * quorum has promised to follow it. The vote is the last logged zxid, given only when it is
 * durable.
 */
#ifndef RK_CORE_ENSEMBLE_INT_H
#define RK_CORE_ENSEMBLE_INT_H

#include "base/bug.h"
#include "core/ens_leader.h"
#include "core/ens_learner.h"
#include "zab/history.h"

/* -- all of it --------------------------------------------------------------------------------- */

struct ensemble {
    struct rk_ensemble_config config;
    struct rk_quorum quorum;
    struct rk_buf text;                    /* the config's text (D2) */
    int64_t accepted_epoch, current_epoch; /* durable */
    int64_t epoch_writes;                  /* RK_FX_EPOCH without answer */
    bool is_blank;    /* the disk had nothing at the start and nobody vouched for it */
    bool is_amnesiac; /* must not vote by what it has until synchronised */
    enum rk_peer_state state;
    enum rk_phase phase;
    int64_t looking_ms; /* when the last election began */
    int64_t left_ms;    /* when the last role was left: how long an election takes */
    int64_t election_ms;
    int64_t serving_since_ms;
    /* Last transaction in memory. rk_core.last_zxid is the same, or, before the first one of an
     * epoch that is being served, that epoch's beginning: what clients are told. */
    rk_zxid applied;
    rk_zxid logged; /* last appended */
    rk_zxid durable;
    rk_zxid known_committed; /* a leader once said so: never truncated */
    rk_zxid apply_limit;     /* the tail may be applied up to here */
    rk_zxid truncate_to;     /* while is_truncating */
    bool is_truncating, is_reloading;
    bool wants_snapshot;   /* what is on disk cannot be brought up to date otherwise */
    bool is_reload_wanted; /* memory is not what the disk says */
    bool is_fatal;         /* RK_FX_FATAL was said: nothing more is applied */
    int64_t tell_ms;       /* waiting.c: the next line; INT64_MAX: not looking */
    int64_t hold_off_ms;   /* no election before: another one is to lead */
    int64_t shutdown_ms;   /* when the end was asked for */
    /* logged and not applied, in order. On a leader these are in the broadcast instead. */
    struct rk_proposal *tail_first, *tail_last;
    uint64_t tail_bytes;
    uint32_t tail_count;
    struct rk_history history;

    struct rk_election election;
    struct peer peers[RK_MEMBERS_MAX];
    uint32_t peer_count;
    struct rk_link chans;
    struct rk_link touched; /* sessions heard of on a learner, for the next PING */
    uint32_t chan_count;
    uint64_t next_dial;

    struct leader leader; /* valid while LEADING */
    struct follow follow; /* valid while FOLLOWING or OBSERVING */
    int64_t read_only_due_ms;
    bool is_read_only;
    struct rk_buf out; /* scratch for packets */
};

/* waiting.c: in every tick, what keeps this server from finding a leader */
void rk_ens_tell_waiting(struct rk_core *c);
/* -- role.c -- */
bool rk_ens_create(struct rk_core *c, const struct rk_ensemble_config *config);
void rk_ens_destroy(struct rk_core *c);
void rk_ens_start(struct rk_core *c);
void rk_ens_step(struct rk_core *c, const struct rk_event *e);
int64_t rk_ens_next_due(const struct rk_core *c);
void rk_ens_tick(struct rk_core *c);
/* Ends the present role, whatever it is; why is for the log. Client connections are closed,
 * proposals without commit become the tail, sessions that only they would have made are forgotten.
 * The next election begins when everything logged is durable. Safe to call twice. */
void rk_ens_leave(struct rk_core *c, const char *why);
/* The election decided. */
void rk_ens_take_role(struct rk_core *c, enum rk_peer_state state);
/* A client that comes while nobody leads may wait a little (an election is short). */
bool rk_ens_may_hold_clients(const struct rk_core *c);
/* Client connections may be served from now on: phase BROADCAST. */
void rk_ens_begin_serving(struct rk_core *c);
/* tail.c */
void rk_ens_push_tail(struct rk_core *c, struct rk_proposal *take_p);
void rk_ens_free_tail(struct rk_core *c);
/* Adds a record to the log and to the tail. It must follow ensemble.logged. */
void rk_ens_append(struct rk_core *c, rk_zxid zxid, struct rk_bytes payload);
/* Takes the tail's front up to zxid through rk_core_apply_committed. */
void rk_ens_apply_tail(struct rk_core *c, rk_zxid upto);
/* Drops the tail's entries behind zxid (they are being cut off the log). */
void rk_ens_cut_tail(struct rk_core *c, rk_zxid zxid);
/* Memory was replaced by a snapshot of zxid: no tail, no history. */
void rk_ens_replaced(struct rk_core *c, rk_zxid zxid);
void rk_ens_truncate(struct rk_core *c, rk_zxid zxid, enum rk_cut cut);
/* Ends the process: status of spec-quorum A11. */
void rk_ens_fatal(struct rk_core *c, int32_t status, const char *why);
/* One more transaction may follow logged: the next counter, or a later epoch's first. */
bool rk_ens_follows(rk_zxid last, rk_zxid next);
void rk_ens_write_epoch(struct rk_core *c, enum rk_epoch_file file, int64_t epoch);
int64_t rk_ens_ticks(const struct rk_core *c, int32_t ticks); /* in ms */
/* This server decides about sessions and writes: the leader while it serves, or standalone. */
bool rk_core_is_leading(const struct rk_core *c);
/* Serves clients as a follower or observer. */
bool rk_core_is_learner(const struct rk_core *c);
/* Sessions without a createSession are forgotten, nobody is closing or watched any more. */
void rk_ens_settle_sessions(struct rk_core *c);
void rk_ens_on_durable(struct rk_core *c, rk_zxid zxid);
void rk_ens_on_log_full(struct rk_core *c);
void rk_ens_on_snap_done(struct rk_core *c, rk_zxid zxid, bool is_ok);
void rk_ens_shutdown(struct rk_core *c);
/* Nothing of a role is left and everything logged is durable; true when standalone. */
bool rk_ens_is_settled(const struct rk_core *c);
/* What is committed and can be applied next on a server that does not lead; NULL if nothing. */
struct rk_proposal *rk_ens_peek_tail(const struct rk_core *c);
struct rk_proposal *rk_ens_take_tail(struct rk_core *c);

#endif
