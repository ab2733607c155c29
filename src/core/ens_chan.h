/* Channels to other servers, and the peers at the other end of the election ones (peers.c). */
#ifndef RK_CORE_ENS_CHAN_H
#define RK_CORE_ENS_CHAN_H

#include "core/core_int.h"
#include "zab/election.h"

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

/* -- channels (peers.c) -- */
struct chan *rk_ens_chan_find(struct rk_core *c, rk_chan_id id);
struct chan *rk_ens_chan_dial(struct rk_core *c, enum rk_chan_port port, struct rk_bytes host,
                              uint16_t number, int32_t timeout_ms);
void rk_ens_chan_send(struct rk_core *c, struct chan *chan, struct rk_bytes bytes);
void rk_ens_chan_pause(struct rk_core *c, struct chan *chan);
/* Parsing goes on with what has come meanwhile. */
void rk_ens_chan_resume(struct rk_core *c, struct chan *chan);
/* Flushed, then closed; its owner has let go of it. Nothing more of it is handled. */
void rk_ens_chan_close(struct rk_core *c, struct chan *chan);
/* Sends e->text-carrying notifications and starts dials, as out says. */
void rk_peers_run(struct rk_core *c, const struct rk_election_out *out);
void rk_peers_on_accepted(struct rk_core *c, struct chan *chan);
void rk_peers_on_bytes(struct rk_core *c, struct chan *chan);
void rk_peers_on_connected(struct rk_core *c, struct chan *chan);
void rk_peers_on_closed(struct rk_core *c, struct chan *chan);

#endif
