/* What servers say to each other, as bytes (spec-quorum B1, B2, C1). Election channels carry an
 * initial message and then length-framed notifications; quorum channels carry packets that have no
 * length of their own. Everything here is hostile until parsed: parsers look at borrowed bytes,
 * allocate nothing and never read past them. ZK: QuorumCnxManager, FastLeaderElection.Messenger,
 * LearnerHandler, Learner. */
#ifndef RK_PROTO_PEER_H
#define RK_PROTO_PEER_H

#include "base/arena.h"
#include "proto/records.h"

/* -- parsing a stream -------------------------------------------------------------------------- */

enum rk_parse {
    RK_PARSE_MORE, /* not all here yet */
    RK_PARSE_OK,
    RK_PARSE_BAD, /* cannot become right any more: close the channel */
};

/* -- election: initial message ----------------------------------------------------------------- */

#define RK_PEER_PROTOCOL_V1       (-65536LL) /* one address */
#define RK_PEER_PROTOCOL_V2       (-65535LL) /* several, joined by '|' */
#define RK_PEER_ADDRESS_BYTES_MAX 2048u
#define RK_PEER_INITIAL_BYTES_MAX (20u + RK_PEER_ADDRESS_BYTES_MAX)

struct rk_peer_initial {
    int64_t version;
    int64_t sid;
    struct rk_bytes addresses; /* "host:port" of the dialer's election address, '|' between them */
};

/* *ret_used: bytes of it. BAD: another version, an address length outside 1..2048, or the ancient
 * form whose first long is not negative. */
enum rk_parse rk_peer_parse_initial(struct rk_bytes in, struct rk_peer_initial *ret,
                                    size_t *ret_used);
/* Version 1. */
void rk_peer_write_initial(struct rk_buf *b, int64_t sid, struct rk_bytes address);
/* The first of the addresses that is no wildcard (0.0.0.0, ::): host without brackets. False: none.
 */
bool rk_peer_first_address(struct rk_bytes addresses, struct rk_bytes *ret_host,
                           uint16_t *ret_port);

/* -- election: notification -------------------------------------------------------------------- */

#define RK_NOTIFICATION_BYTES_MAX 524288u
#define RK_NOTIFICATION_VERSION   2
#define RK_SID_NONE               INT64_MIN /* leader of a vote that proposes nobody */

enum rk_peer_state { /* wire values. ZK: ServerState */
                     RK_PEER_LOOKING = 0,
                     RK_PEER_FOLLOWING = 1,
                     RK_PEER_LEADING = 2,
                     RK_PEER_OBSERVING = 3,
};

struct rk_notification {
    enum rk_peer_state state;
    int64_t leader;
    rk_zxid zxid;
    int64_t round; /* electionEpoch, logical clock */
    int64_t peer_epoch;
    int32_t version;        /* 0 for the 28- and 40-byte forms */
    struct rk_bytes config; /* text; null if there is none */
};

/* One frame (int length, body) off a stream. BAD: length outside 1..524288. */
enum rk_parse rk_peer_parse_frame(struct rk_bytes in, struct rk_bytes *ret_body, size_t *ret_used);
/* False: to be skipped (too short, unknown state, lying config length). ZK: WorkerReceiver.run */
bool rk_peer_parse_notification(struct rk_bytes body, struct rk_notification *ret);
/* Whole frame; version and config as given (version 2 with its config text always, B2). */
void rk_peer_write_notification(struct rk_buf *b, const struct rk_notification *n);

/* -- quorum: packets ----------------------------------------------------------------------------
 */

enum rk_packet_type {
    RK_PACKET_REQUEST = 1,
    RK_PACKET_PROPOSAL = 2,
    RK_PACKET_ACK = 3,
    RK_PACKET_COMMIT = 4,
    RK_PACKET_PING = 5,
    RK_PACKET_REVALIDATE = 6,
    RK_PACKET_SYNC = 7,
    RK_PACKET_INFORM = 8,
    RK_PACKET_COMMIT_AND_ACTIVATE = 9,
    RK_PACKET_NEW_LEADER = 10,
    RK_PACKET_FOLLOWER_INFO = 11,
    RK_PACKET_UP_TO_DATE = 12,
    RK_PACKET_DIFF = 13,
    RK_PACKET_TRUNC = 14,
    RK_PACKET_SNAP = 15,
    RK_PACKET_OBSERVER_INFO = 16,
    RK_PACKET_LEADER_INFO = 17,
    RK_PACKET_ACK_EPOCH = 18,
    RK_PACKET_INFORM_AND_ACTIVATE = 19,
};

const char *rk_packet_name(int32_t type); /* "PROPOSAL", "?" */

#define RK_PEER_PROTOCOL   0x10000
#define RK_PACKET_IDS_MAX  64u   /* authinfo entries accepted */
#define RK_PACKET_INFO_MAX 4096u /* whole packet of a channel that has not said who it is */
#define RK_SNAP_SIGNATURE  "BenWasHere"

struct rk_packet {
    int32_t type;
    rk_zxid zxid;
    struct rk_bytes data; /* null if the packet says so */
    struct rk_bytes ids;  /* authinfo as encoded, count included; null: count was -1 */
    int32_t id_count;     /* -1: null vector */
};

/* The next packet of a stream; data_max bounds data (more is BAD), and every string in ids. Cheap
 * when MORE: no byte is looked at twice but the 16 of the head and authinfo. */
enum rk_parse rk_packet_parse(struct rk_bytes in, uint32_t data_max, struct rk_packet *ret,
                              size_t *ret_used);
/* The entries of ids, one after the other: *at starts at 0; false at the end. Parsed before, so it
 * cannot fail. */
bool rk_packet_next_id(const struct rk_packet *p, size_t *at, struct rk_id *ret);

/* authinfo null. */
void rk_packet_write(struct rk_buf *b, int32_t type, rk_zxid zxid, struct rk_bytes data);
/* In two steps, for data written in place: begin, data into b, end. */
size_t rk_packet_begin(struct rk_buf *b, int32_t type, rk_zxid zxid);
void rk_packet_end(struct rk_buf *b, size_t mark);
/* REQUEST: session, cxid, op, body; ids may be empty but never null on the wire (C5.4). null_ids:
 * createSession, which has none. */
void rk_packet_write_request(struct rk_buf *b, rk_session_id session, int32_t cxid, int32_t op,
                             struct rk_bytes body, const struct rk_id *ids, uint32_t id_count,
                             bool null_ids);

struct rk_packet_request {
    rk_session_id session;
    int32_t cxid;
    int32_t op;
    struct rk_bytes body;
};
bool rk_packet_parse_request(const struct rk_packet *p, struct rk_packet_request *ret);

/* LearnerInfo by length, as LearnerHandler decodes it: 8, 12 or 20 bytes. False: shorter. */
bool rk_packet_parse_learner_info(const struct rk_packet *p, struct rk_learner_info *ret);
/* Behind it, where Apache does not look, ours say what they can, in four bytes: a mark and bits. 0:
 * none of ours. */
#define RK_LEARNER_MARK 0x524b3100u
#define RK_LEARNER_CUTS                                                                            \
    1u /* cuts its log at any zxid, or says that it cannot and loses nothing                       \
        */
#define RK_LEARNER_INFO 24u
uint32_t rk_packet_learner_abilities(const struct rk_packet *p);
/* Touch table of a PING answer: *at = 0 to start; false at the end or at a torn entry. */
bool rk_packet_next_touch(const struct rk_packet *p, size_t *at, rk_session_id *ret_session,
                          int32_t *ret_timeout_ms);

#endif
