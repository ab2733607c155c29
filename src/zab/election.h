/* Fast leader election (spec-quorum B3, B4), pure: notifications and time in, notifications and a
 * decision out. Runs in every state and keeps answering those who look for a leader. It knows
 * nothing of channels; who carries its messages tells it who can be reached.
 *
 * Beyond Apache, on the same wire: the wait of 200 ms before a decision is cut short when no voter
 * that could still disagree can be reached; who votes for the first time in our round is told our
 * vote; candidates that stay unreachable are left; a server that cannot prove what it held
 * ("amnesiac") votes with zxid -1, which nobody counts, and joins an established leader only, or
 * takes part when it has nothing and every other voter says that it has nothing either
 * (reliability.md 3.4). The rules, their reasons and their tests: docs/internals/zab.md.
 *
 * ZK: FastLeaderElection.lookForLeader, totalOrderPredicate, Vote.equals, QuorumPeer.run. */
#ifndef RK_ZAB_ELECTION_H
#define RK_ZAB_ELECTION_H

#include "proto/peer.h"
#include "zab/quorum.h"

struct rk_vote {
    int64_t leader;
    rk_zxid zxid;
    int64_t round;
    int64_t peer_epoch;
};

struct rk_election_config {
    int64_t my_sid;
    bool is_observer;
    int64_t min_interval_ms; /* fastleader.minNotificationInterval, 200 */
    int64_t max_interval_ms; /* fastleader.maxNotificationInterval, 60000 */
    int64_t finalize_ms;     /* 200 */
};

/* A notification to be sent: to a server, or to every voter but this one. */
struct rk_election_send {
    bool is_to_all;
    int64_t to;
    struct rk_notification message; /* config null: the caller has the text */
};

#define RK_ELECTION_SENDS_MAX 8u

/* What one call asks for. */
struct rk_election_out {
    struct rk_election_send sends[RK_ELECTION_SENDS_MAX];
    uint32_t send_count;
    bool dial_all;   /* begin of an election, or it takes long: see that all voters are dialed */
    bool is_decided; /* state below is the server's from now on; the vote is rk_election_vote */
    enum rk_peer_state state; /* LEADING, FOLLOWING or OBSERVING */
};

struct rk_election {
    struct rk_election_config config;
    struct rk_quorum quorum;
    enum rk_peer_state state;
    int64_t round;           /* the logical clock */
    struct rk_vote vote;     /* what is told while not LOOKING: the winner, see _set_epoch */
    struct rk_vote proposal; /* what is told while LOOKING */
    struct rk_vote initial;
    bool is_started;  /* rk_election_start was called */
    bool is_amnesiac; /* may end during an election, see rk_election_start */
    struct {
        bool has;                       /* in recvset: of this round */
        bool has_out;                   /* in outofelection */
        bool is_reachable;              /* a channel to it is open */
        bool was_reachable;             /* at some time since rk_election_init */
        bool has_spoken;                /* over the present channel, while LOOKING */
        bool has_turned;                /* LEADING: looks since, and votes for somebody else */
        bool is_blank;                  /* last heard LOOKING without any history */
        struct rk_notification in, out; /* config unused; in without has: heard, not counted */
    } voters[RK_QUORUM_VOTERS_MAX];
    int64_t begin_ms;  /* of this election */
    int64_t resend_ms; /* when, while LOOKING */
    int64_t interval_ms;
    int64_t decide_ms;  /* end of the wait before a decision; INT64_MAX: none */
    int64_t abandon_ms; /* end of the wait for the one we vote for to be reachable; INT64_MAX */
};

/* State LOOKING is entered by rk_election_start only; until then it answers nobody. */
void rk_election_init(struct rk_election *e, const struct rk_election_config *config,
                      const struct rk_quorum *quorum);
/* Enters LOOKING with what this server has: the last zxid of its durable log, its currentEpoch. A
 * lone voter decides at once.
 * Amnesiac (a negative zxid says the same): last_zxid and current_epoch are what is left; with both
 * at most 0 nothing is, and then e->is_amnesiac ends by itself when every other voter was heard
 * LOOKING with nothing. An amnesiac server never decides to lead. */
void rk_election_start(struct rk_election *e, rk_zxid last_zxid, int64_t current_epoch,
                       bool is_amnesiac, int64_t now_ms, struct rk_election_out *out);
/* A notification of sid, whoever that is; the caller has handled its config. */
void rk_election_receive(struct rk_election *e, int64_t sid, const struct rk_notification *n,
                         int64_t now_ms, struct rk_election_out *out);
/* Is there an open channel to sid, one that carries messages (no knock)? True again for each new
 * channel, before what comes over it. A voter that becomes reachable while LOOKING gets the
 * proposal again; one that goes may make a decision due. Unreachable counts as "will not disagree"
 * for a voter that was reachable before, or once finalize_ms have passed since rk_election_start:
 * at a cold start nobody has been dialed yet, and a decision without those who are milliseconds
 * away would be overturned. */
void rk_election_set_reachable(struct rk_election *e, int64_t sid, bool is_now, int64_t now_ms,
                               struct rk_election_out *out);
void rk_election_tick(struct rk_election *e, int64_t now_ms, struct rk_election_out *out);
int64_t rk_election_next_due(const struct rk_election *e); /* INT64_MAX: never */
/* After synchronisation the vote that is told carries the new epoch (leader and learners). */
void rk_election_set_epoch(struct rk_election *e, int64_t epoch);
/* Elected, and nobody follows yet: may enough still come? Those whose bits are given (of the
 * quorum) have come; who cannot be reached does not, nor who votes for another in our round or a
 * later one. */
bool rk_election_may_lead(const struct rk_election *e, uint64_t come_bits);
/* The winning vote (not LOOKING) or the proposal (LOOKING): what everybody who asks is told. */
struct rk_vote rk_election_vote(const struct rk_election *e);

/* peer epoch, then zxid, then sid, signed; never a server of weight 0. */
bool rk_vote_is_better(const struct rk_quorum *q, const struct rk_vote *candidate,
                       const struct rk_vote *current);

#endif
