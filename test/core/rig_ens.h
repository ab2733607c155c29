/* One core as a member of an ensemble, in a test's hands: the rig of rig.h for its clients and its
 * log, and the other servers played by hand, packet by packet. The core has sid RIG_SID, the
 * largest of the voters, so it dials everybody's election port and can be made to lead by their
 * votes. */
#ifndef RK_TEST_CORE_RIG_ENS_H
#define RK_TEST_CORE_RIG_ENS_H

#include "proto/peer.h"
#include "rig.h"

#define RIG_SID      9
#define RIG_WIRES    400u
#define RIG_OWED_MAX 16u
#define RIG_ELECTION 3000u /* + sid: election ports */
#define RIG_QUORUM   2000u /* + sid: quorum ports */
#define RIG_TICK_MS  2000
#define RIG_INIT_LIM 5
#define RIG_SYNC_LIM 3

/* A channel of the core, seen from its other end. */
struct rig_wire {
    rk_chan_id id;
    enum rk_chan_port port;
    uint16_t number;   /* dialed */
    struct rk_buf got; /* from the core, not taken yet */
    size_t at;
    bool is_up;     /* neither end has closed it */
    bool is_closed; /* the core asked for it */
    bool is_paused;
    uint32_t marks; /* RK_FX_CHAN_MARK without answer */
};

struct rig_ens {
    struct rig rig; /* first */
    struct rk_core_config config;
    struct rk_ensemble_config ensemble;
    struct rig_wire wires[RIG_WIRES];
    uint32_t wire_count;
    uint64_t accepted_ids;
    bool holds_epochs; /* epoch files are written only by rig_ens_store */
    struct rk_event owed[RIG_OWED_MAX];
    uint32_t owed_count;
    bool has_voted;                        /* peers answer notifications with a vote for the core */
    int64_t votes_for;                     /* peers vote for this one; 0: for the core */
    int64_t accepted_epoch, current_epoch; /* as stored */
    bool is_fatal;
    uint32_t reads, read_ends; /* RK_FX_LOG_READ and _END */
    struct rk_effect read;     /* the last one */
    uint8_t scratch[4096];
};

/* voters: RIG_SID and voters - 1 others with sids 1, 2, ...; observers have the sids behind those.
 * Change r->ensemble and r->config before rig_ens_start. */
void rig_ens_init(struct rig_ens *r, uint32_t voters, uint32_t observers);
void rig_ens_start(struct rig_ens *r);
void rig_ens_deinit(struct rig_ens *r);
/* All voters vote for the core until it leads (phase discovery). */
void rig_ens_elect(struct rig_ens *r);
/* So many of the voters look for a leader and vote for that one, in the core's own round. */
void rig_ens_turn(struct rig_ens *r, uint32_t count, int64_t leader);
/* All voters vote for this one until the core follows it: the wire to it, FOLLOWERINFO taken. */
uint32_t rig_ens_follow(struct rig_ens *r, int64_t sid);
void rig_ens_store(struct rig_ens *r); /* what is owed of epoch files */
enum rk_peer_state rig_ens_state(const struct rig_ens *r);
enum rk_phase rig_ens_phase(const struct rig_ens *r);
/* Time in steps of at most a quarter tick, as a shell would let it pass. */
void rig_ens_pass(struct rig_ens *r, int64_t ms);

/* Somebody dials the core's quorum port: the wire's number. */
uint32_t rig_ens_dial(struct rig_ens *r);
void rig_ens_hang_up(struct rig_ens *r, uint32_t wire);
void rig_ens_bytes(struct rig_ens *r, uint32_t wire, struct rk_bytes bytes);
void rig_ens_flushed(struct rig_ens *r, uint32_t wire); /* answers one mark */
void rig_ens_send(struct rig_ens *r, uint32_t wire, int32_t type, rk_zxid zxid,
                  struct rk_bytes data);
void rig_ens_info(struct rig_ens *r, uint32_t wire, int32_t type, int64_t sid, int64_t accepted);
void rig_ens_ack_epoch(struct rig_ens *r, uint32_t wire, int32_t current, rk_zxid last);
void rig_ens_ack(struct rig_ens *r, uint32_t wire, rk_zxid zxid);
/* REQUEST with open authinfo ("ip", "127.0.0.1"), or none at all. */
void rig_ens_request(struct rig_ens *r, uint32_t wire, rk_session_id session, int32_t cxid,
                     int32_t op, struct rk_bytes body, bool null_ids);

/* Next packet from the core; its data stays until the next packet is taken. */
struct rk_packet rig_ens_take(struct rig_ens *r, uint32_t wire);
bool rig_ens_has(const struct rig_ens *r, uint32_t wire);
struct rk_packet rig_ens_expect(struct rig_ens *r, uint32_t wire, int32_t type, rk_zxid zxid);
void rig_ens_expect_nothing(const struct rig_ens *r, uint32_t wire);
/* Takes packets until one of this type comes: that one. */
struct rk_packet rig_ens_skip_to(struct rig_ens *r, uint32_t wire, int32_t type);
void rig_ens_forget(struct rig_ens *r, uint32_t wire); /* drops what was got */
bool rig_ens_is_dropped(const struct rig_ens *r, uint32_t wire);

/* A learner from its dial to the end of its ACKEPOCH: what the core answers is left on the wire. */
uint32_t rig_ens_join(struct rig_ens *r, int64_t sid, bool is_observer, rk_zxid last);
/* Elected, with this many followers (sids 1, 2, ...) that have everything, serving: wires 0.. are
 * returned in ret_wires, empty. The zxid of the new epoch. */
rk_zxid rig_ens_serve(struct rig_ens *r, uint32_t followers, uint32_t *ret_wires);

#endif
