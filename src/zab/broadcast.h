/* The broadcast phase of Zab on the leader: proposals in zxid order, acknowledgements, commits in
 * the same order. A standalone server is the leader of an ensemble of one: its own durable log is
 * the quorum. Zab paper, phase 3; ZK: Leader.propose, processAck, tryToCommit. */
#ifndef RK_ZAB_BROADCAST_H
#define RK_ZAB_BROADCAST_H

#include "base/bytes.h"
#include "base/list.h"
#include "zab/quorum.h"

/* One transaction: proposed and not delivered yet, in a learner's tail, or in history. On the wire
 * it is one packet, PROPOSAL or INFORM: zxid and payload with 20 bytes around them. Those are
 * written for each that is sent; keeping a packet here would be a second copy of every payload. */
struct rk_proposal {
    struct rk_proposal *next;
    rk_zxid zxid;
    struct rk_link changes; /* core's pending changes whose last writer this is */
    uint32_t request;       /* core's request that waits for it, 0 = nobody */
    /* What core worked out for the digest when it made this one; says nothing while has_hint is
     * false. */
    bool has_hint;
    uint32_t hint_crc;
    uint64_t hint_before, hint_after;
    uint32_t len;
    uint8_t payload[]; /* header, body, digest as in the log */
};

struct rk_broadcast {
    struct rk_mem *mem;
    struct rk_quorum quorum;
    rk_zxid acked[RK_QUORUM_VOTERS_MAX];
    struct rk_proposal *first; /* oldest not delivered */
    struct rk_proposal *last;
    struct rk_proposal *spare; /* small ones to be used again */
    uint32_t spare_count;
    rk_zxid last_proposed;
    rk_zxid last_committed;
    rk_zxid last_delivered;
    uint64_t inflight_bytes;
    uint32_t inflight_count;
};

/* One that is not proposed here: what another leader proposed, or what a log holds. The payload is
 * copied, request is 0. Memory out: panics. */
struct rk_proposal *rk_proposal_create(struct rk_mem *mem, rk_zxid zxid, struct rk_bytes payload);
/* Any proposal of this memory port that nobody else holds; its list of changes is empty. */
void rk_proposal_free(struct rk_mem *mem, struct rk_proposal *take_p);
/* What it takes in memory. */
size_t rk_proposal_bytes(const struct rk_proposal *p);

/* Everything up to last_zxid is history. Of raw memory, or again after rk_broadcast_deinit: a new
 * epoch begins with last_zxid = epoch << 32, so that its first proposal is epoch << 32 | 1. */
void rk_broadcast_init(struct rk_broadcast *b, struct rk_mem *mem, const struct rk_quorum *quorum,
                       rk_zxid last_zxid);
void rk_broadcast_deinit(struct rk_broadcast *b);
/* The zxid the next proposal will have. */
rk_zxid rk_broadcast_next_zxid(const struct rk_broadcast *b);
/* Takes its place in the order; payload is copied and must carry rk_broadcast_next_zxid(). The
 * result is borrowed until it is delivered. */
struct rk_proposal *rk_broadcast_propose(struct rk_broadcast *b, struct rk_bytes payload,
                                         uint32_t request);
/* server_id holds everything up to zxid durably. Ids without vote and older zxids change nothing.
 */
void rk_broadcast_ack(struct rk_broadcast *b, int64_t server_id, rk_zxid zxid);
/* server_id is brought up to date anew and may cut its log back to zxid, which is committed: what
 * it acknowledged behind it counts no more, until it acknowledges it again. */
void rk_broadcast_forget_ack(struct rk_broadcast *b, int64_t server_id, rk_zxid zxid);
/* What would be delivered next, NULL if nothing. */
const struct rk_proposal *rk_broadcast_peek(const struct rk_broadcast *b);
/* The next committed proposal in order, NULL if there is none yet. Deliver it, then release it. */
struct rk_proposal *rk_broadcast_deliver(struct rk_broadcast *b);
void rk_broadcast_release(struct rk_broadcast *b, struct rk_proposal *p);
/* The oldest that is not delivered, committed or not; p->next is the one after it. NULL: none. */
const struct rk_proposal *rk_broadcast_first(const struct rk_broadcast *b);
/* Hands out everything that is not delivered, oldest first and linked by next: the leader steps
 * down and its log still has them. The caller frees them with rk_proposal_free. No acknowledgement
 * is left, and the last one delivered is the last one proposed. */
struct rk_proposal *rk_broadcast_take_all(struct rk_broadcast *b) RK_MUST_CHECK;

#endif
