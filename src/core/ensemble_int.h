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

#include "core/core_int.h"
#include "proto/peer.h"
#include "proto/snap_stream.h"
#include "zab/election.h"
#include "zab/history.h"

/* -- channels -----------------------------------------------------------------------------------
 */

enum chan_owner {
    CHAN_STRANGER, /* accepted, has not said who it is */
    CHAN_PEER,     /* election channel of a struct peer */
    CHAN_LEARNER,  /* leader's side of a quorum channel */
    CHAN_LEADER,   /* learner's side */
    CHAN_DONE,     /* close asked for: what still comes is dropped */
};

struct chan {
    struct rk_link link; /* in ensemble.chans */
    rk_chan_id id;
    enum rk_chan_port port;
    enum chan_owner owner;
    bool is_connected;
    bool is_paused;
    int64_t opened_ms;
    struct rk_buf in;        /* the beginning of a message */
    char address[64];        /* the other end's IP as text */
    struct peer *peer;       /* CHAN_PEER */
    struct learner *learner; /* CHAN_LEARNER */
};

/* One other server of the ensemble, on the election side. */
struct peer {
    const struct rk_member *member;
    struct chan *up;      /* messages go here */
    struct chan *dialing; /* ours, not connected yet */
    bool has_message;
    struct rk_notification last; /* the last one sent or to be sent: goes first on a new channel */
    char call_back_host[RK_MEMBER_HOST_MAX]; /* where its knock said it can be reached; "" none */
    uint16_t call_back_port;
};

/* -- the leader's view of one learner -----------------------------------------------------------
 */

enum learner_state {
    LEARNER_CONNECTED,   /* nothing was said yet */
    LEARNER_INFO,        /* FOLLOWERINFO or OBSERVERINFO is here, no epoch to tell yet */
    LEARNER_TOLD,        /* LEADERINFO sent, ACKEPOCH outstanding */
    LEARNER_ACKED_EPOCH, /* ACKEPOCH is here; waits for a quorum of them */
    LEARNER_SNAP_WAIT,   /* needs a snapshot and another one is being sent */
    LEARNER_SNAP,        /* its snapshot is being sent; proposals wait in history */
    LEARNER_SYNCED,      /* NEWLEADER sent; gets proposals; its ACK is outstanding */
    LEARNER_READY,       /* NEWLEADER acknowledged; UPTODATE waits for serving to begin */
    LEARNER_ACTIVE,      /* UPTODATE sent */
};

struct learner {
    struct rk_link link; /* in leader.learners */
    struct chan *chan;
    enum learner_state state;
    int64_t sid;
    int32_t voter;    /* index in the quorum, -1: its acks do not count */
    bool is_observer; /* by its first packet: gets INFORM instead of PROPOSAL and COMMIT */
    int64_t accepted_epoch;
    int64_t current_epoch;  /* of ACKEPOCH, -1: had accepted this epoch before */
    rk_zxid last_zxid;      /* of ACKEPOCH */
    rk_zxid acked;          /* highest ACK of a transaction */
    int64_t heard_ms;       /* any packet */
    int64_t deadline_ms;    /* must have been heard of by then, else it is dropped */
    rk_zxid oldest_unacked; /* for the lagging check (C4.5); 0 none */
    int64_t oldest_sent_ms;
    uint64_t pings_sent, pings_answered;
    bool is_forwarding; /* gets what is proposed and committed from now on */
    rk_zxid synced;     /* what went out before NEWLEADER ends here */
    bool holds_sync_slot;
    bool is_snap_sync; /* which kind of slot */
};

/* A sync that waits: for a commit, then for a quorum of pings answered. */
struct leader_sync {
    struct rk_link link;
    rk_zxid after;   /* everything up to here must be committed first */
    uint64_t round;  /* pings of this round or later confirm it */
    rk_chan_id chan; /* learner that asked; 0: a client of ours */
    rk_conn_id conn; /* ours */
    uint32_t request;
};

struct leader {
    int64_t epoch;         /* 0: not chosen yet */
    bool is_epoch_durable; /* acceptedEpoch written */
    int64_t max_accepted;
    uint64_t info_bits; /* voters (bits of the quorum) that have told their acceptedEpoch */
    uint64_t ack_epoch_bits;
    uint64_t new_leader_bits;
    bool is_current_asked; /* currentEpoch is being written */
    int64_t began_ms;
    int64_t phase_deadline_ms;
    struct rk_link learners;
    int64_t next_ping_ms;
    uint64_t ping_round;
    struct rk_link syncs; /* in order of arrival */
    rk_zxid commit_told;  /* COMMIT and INFORM have gone out up to here */
    uint32_t sync_count;
    struct learner *snap_to; /* whose snapshot is being sent */
    struct rk_buf snap_out;  /* bytes of it; those before snap_at were handed over */
    size_t snap_at;
    bool snap_is_walked;   /* the tree is in snap_out; what was committed meanwhile comes next */
    rk_zxid snap_zxid;     /* history up to here was sent, or is in the snapshot */
    uint64_t handing_over; /* 0 no */
    int64_t hand_over_deadline_ms;
    int64_t looked_ms;                     /* when this leader last ran: a standstill ends it */
    int64_t gone_ms[RK_QUORUM_VOTERS_MAX]; /* when the channel of a voter was closed */
    /* Channels of those that are forwarding: participants, observers. */
    rk_chan_id followers[RK_MEMBERS_MAX], observers[RK_MEMBERS_MAX];
    uint32_t follower_count, observer_count;
    /* mntr: -1 before the first */
    int64_t last_proposal_bytes, min_proposal_bytes, max_proposal_bytes;
};

/* -- the learner ------------------------------------------------------------------------------- */

enum follow_state {
    FOLLOW_CONNECTING, /* dialing, again after a refusal */
    FOLLOW_INFO_SENT,  /* waits for LEADERINFO */
    FOLLOW_EPOCH,      /* acceptedEpoch is being written */
    FOLLOW_ACK_EPOCH,  /* waits for DIFF, SNAP or TRUNC */
    FOLLOW_SNAP,       /* the stream is coming, into a database of its own */
    FOLLOW_SNAP_STORE, /* database taken over; log being cut, then the snapshot written */
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
    int64_t left_ms; /* when the last role was left: how long an election takes */
    int64_t election_ms;
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
/* Adds a record to the log and to the tail. It must follow ensemble.logged. */
void rk_ens_append(struct rk_core *c, rk_zxid zxid, struct rk_bytes payload);
/* Takes the tail's front up to zxid through rk_core_apply_committed. */
void rk_ens_apply_tail(struct rk_core *c, rk_zxid upto);
/* Drops the tail's entries behind zxid (they are being cut off the log). */
void rk_ens_cut_tail(struct rk_core *c, rk_zxid zxid);
/* Memory was replaced by a snapshot of zxid: no tail, no history. */
void rk_ens_replaced(struct rk_core *c, rk_zxid zxid);
void rk_ens_truncate(struct rk_core *c, rk_zxid zxid);
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
void rk_ens_on_durable(struct rk_core *c, rk_zxid zxid);
void rk_ens_on_log_full(struct rk_core *c);
void rk_ens_on_snap_done(struct rk_core *c, rk_zxid zxid, bool is_ok);
void rk_ens_shutdown(struct rk_core *c);
/* Nothing of a role is left and everything logged is durable; true when standalone. */
bool rk_ens_is_settled(const struct rk_core *c);
/* What is committed and can be applied next on a server that does not lead; NULL if nothing. */
struct rk_proposal *rk_ens_peek_tail(const struct rk_core *c);
struct rk_proposal *rk_ens_take_tail(struct rk_core *c);

/* -- channels (peers.c) -- */
struct chan *rk_chan_find(struct rk_core *c, rk_chan_id id);
struct chan *rk_chan_dial(struct rk_core *c, enum rk_chan_port port, struct rk_bytes host,
                          uint16_t number, int32_t timeout_ms);
void rk_chan_send(struct rk_core *c, struct chan *chan, struct rk_bytes bytes);
void rk_chan_pause(struct rk_core *c, struct chan *chan);
/* Parsing goes on with what has come meanwhile. */
void rk_chan_resume(struct rk_core *c, struct chan *chan);
/* Flushed, then closed; its owner has let go of it. Nothing more of it is handled. */
void rk_chan_close(struct rk_core *c, struct chan *chan);
/* Sends e->text-carrying notifications and starts dials, as out says. */
void rk_peers_run(struct rk_core *c, const struct rk_election_out *out);
void rk_peers_on_accepted(struct rk_core *c, struct chan *chan);
void rk_peers_on_bytes(struct rk_core *c, struct chan *chan);
void rk_peers_on_connected(struct rk_core *c, struct chan *chan);
void rk_peers_on_closed(struct rk_core *c, struct chan *chan);

/* -- leader.c, leader_sync.c, leader_cast.c, leader_req.c -- */
void rk_leader_begin(struct rk_core *c); /* role taken: DISCOVERY; adopts waiting channels */
void rk_leader_end(struct rk_core *c);   /* everything of struct leader is given back */
void rk_leader_adopt(struct rk_core *c, struct chan *chan); /* an accepted quorum channel */
void rk_leader_on_bytes(struct rk_core *c, struct chan *chan);
void rk_leader_on_closed(struct rk_core *c, struct chan *chan);
void rk_leader_on_flushed(struct rk_core *c, struct chan *chan);
void rk_leader_on_epoch_stored(struct rk_core *c, enum rk_epoch_file file, int64_t epoch);
void rk_leader_tick(struct rk_core *c);
int64_t rk_leader_next_due(const struct rk_core *c);
/* Drops one learner and its channel. */
void rk_leader_drop(struct rk_core *c, struct learner *l, const char *why);
void rk_leader_sync_learner(struct rk_core *c, struct learner *l); /* ACKEPOCH quorum is there */
void rk_leader_snap_pump(struct rk_core *c); /* next slice of the snapshot being sent */
/* A proposal was made (prep.c): its PROPOSAL packets go out. */
void rk_leader_proposed(struct rk_core *c, const struct rk_proposal *p);
/* Acks moved: COMMIT and INFORM go out, then what is committed is delivered. */
void rk_leader_committed(struct rk_core *c);
void rk_leader_on_ack(struct rk_core *c, struct learner *l, rk_zxid zxid);
/* A client of ours asked for a sync; answered by rk_core_sync_done when confirmed. */
void rk_leader_client_sync(struct rk_core *c, rk_conn_id conn, uint32_t request);
void rk_leader_request(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_revalidate(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_touch(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_hand_over(struct rk_core *c); /* begins it; ends in rk_ens_leave */
/* First thing in every step of a leader: after a standstill longer than syncLimit others may have
 * elected another one, so the role is left before anything is answered, and this is true. */
bool rk_leader_overslept(struct rk_core *c);
/* A learner's snapshot holds the tree's walk: one for the disk has to wait. */
bool rk_leader_is_snapping(const struct rk_core *c);
/* The counter is all but used up: a new epoch is due. No proposal may be made with 0xffffffff. */
bool rk_leader_must_roll_over(const struct rk_core *c);

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

#endif
