/* The leader's side: what it knows of its learners, and what the rest of the core asks of it
 * (leader.c, leader_sync.c, leader_stream.c, leader_cast.c, leader_req.c). */
#ifndef RK_CORE_ENS_LEADER_H
#define RK_CORE_ENS_LEADER_H

#include "core/ens_chan.h"

/* Snapshots and log files that are sent at a time. */
#define RK_LEADER_STREAMS_MAX 3u

/* Syncs and reattaches that wait for a quorum: more is nobody's honest need. Those syncs that our
 * own clients asked for are bounded as requests. */
#define RK_LEADER_SYNCS_MAX (1u << 18)

/* -- the leader's view of one learner -----------------------------------------------------------
 */

enum learner_state {
    LEARNER_CONNECTED,   /* nothing was said yet */
    LEARNER_INFO,        /* FOLLOWERINFO or OBSERVERINFO is here, no epoch to tell yet */
    LEARNER_TOLD,        /* LEADERINFO sent, ACKEPOCH outstanding */
    LEARNER_ACKED_EPOCH, /* ACKEPOCH is here; waits for a quorum of them */
    LEARNER_STREAM_WAIT, /* needs a snapshot or log files, and others are being sent theirs */
    LEARNER_STREAM,      /* it is being sent them; proposals wait in history */
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
    rk_zxid synced;     /* what went out with NEWLEADER ends here */
    bool holds_sync_slot;
    bool is_snap_sync; /* which kind of slot */
    bool is_ours;      /* it said that it cuts its log wherever told (RK_LEARNER_CUTS) */
    bool wants_log;    /* its way are log files, not a snapshot */
    struct leader_stream *stream;
    uint32_t syncs_waiting; /* of its clients */
    struct rk_buf deferred; /* REQUEST packets that wait for them, see leader_req.c */
};

/* What waits for a commit, then for a quorum of pings answered: a sync; or a reattach to a session
 * that is not known, which a deposed leader must not refuse. */
struct leader_sync {
    struct rk_link link;
    rk_session_id session; /* of a reattach; 0: a sync */
    int32_t timeout_ms;    /* of a learner's reattach */
    rk_zxid after;         /* everything up to here must be committed first */
    uint64_t round;        /* pings of this round or later confirm it */
    rk_chan_id chan;       /* learner that asked; 0: a client of ours */
    rk_conn_id conn;       /* ours */
    uint32_t request;
};

struct leader {
    int64_t epoch;         /* 0: not chosen yet */
    bool is_epoch_durable; /* acceptedEpoch written */
    int64_t max_accepted;
    uint64_t info_bits; /* voters (bits of the quorum) that have told their acceptedEpoch */
    uint64_t ack_epoch_bits;
    uint64_t new_leader_bits;
    bool is_sync_due;      /* somebody waits to be synchronised until delivery goes on */
    bool is_current_asked; /* currentEpoch is being written */
    int64_t began_ms;
    int64_t phase_deadline_ms;
    int64_t alone_ms; /* since when too few may still come to choose an epoch; INT64_MAX: enough */
    struct rk_link learners;
    int64_t next_ping_ms;
    uint64_t ping_round;
    struct rk_link syncs; /* in order of arrival */
    rk_zxid commit_told;  /* COMMIT and INFORM have gone out up to here */
    uint32_t sync_count;
    struct rk_link streams; /* snapshots and log files that are being sent */
    uint32_t stream_count;
    uint64_t last_reader;
    rk_zxid log_gap;       /* log files are of no use to whoever is behind this */
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

/* -- leader.c, leader_sync.c, leader_stream.c, leader_cast.c, leader_req.c -- */
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
/* A slice of log files (leader_stream.c). */
void rk_leader_on_log_slice(struct rk_core *c, const struct rk_event *event);
/* A proposal was made (prep.c): its PROPOSAL packets go out. */
void rk_leader_proposed(struct rk_core *c, const struct rk_proposal *p);
/* Acks moved: COMMIT and INFORM go out, then what is committed is delivered. */
void rk_leader_committed(struct rk_core *c);
/* A learner in step has this one; counts when all that came with it was looked at. */
void rk_leader_on_ack(struct rk_core *c, struct learner *l, rk_zxid zxid);
/* A client of ours asked for a sync; answered by rk_core_sync_done when confirmed. */
void rk_leader_client_sync(struct rk_core *c, rk_conn_id conn, uint32_t request);
/* The same for a reattach that has to be refused: rk_core_decide_reattach, then. False: so many
 * wait already. */
bool rk_leader_client_reattach(struct rk_core *c, rk_conn_id conn, rk_session_id session);
void rk_leader_request(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_revalidate(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_touch(struct rk_core *c, struct learner *l, const struct rk_packet *p);
void rk_leader_hand_over(struct rk_core *c); /* begins it; ends in rk_ens_leave */
/* First thing in every step of a leader: after a standstill longer than syncLimit, or a shorter one
 * and silence before it, others may have elected another one, so the role is left before anything
 * is answered, and this is true. */
bool rk_leader_overslept(struct rk_core *c);
/* The counter is all but used up: a new epoch is due. No proposal may be made with 0xffffffff. */
bool rk_leader_must_roll_over(const struct rk_core *c);
/* A leader that hands over, or has to: nothing may be proposed any more. */
bool rk_leader_takes_no_more(const struct rk_core *c);

#endif
