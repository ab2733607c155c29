/* Packets as they pass. */
#include "sim/sniff.h"

#include "proto/peer.h"
#include "proto/snap_stream.h"
#include "sim/check_int.h"
#include "sim/node.h"

#include <string.h>

#define PACKET_BYTES_MAX (16u << 20)

struct sim_sniff {
    struct sim_world *w;
    uint32_t from;
    uint32_t to;
    bool is_receiver;
    bool has_begun_sync;
    bool is_new_leader_sent; /* and no UPTODATE yet */
    bool is_up_to_date;
    bool is_new_leader_acked;  /* of a learner */
    struct rk_snap_push *push; /* a snapshot is passing */
    struct rk_buf in;
};

static enum rk_err no_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    (void)ctx;
    (void)id;
    (void)timeout_ms;
    return RK_OK;
}

static enum rk_err no_acl(void *ctx, int64_t acl_id, const struct rk_vec_acl *acl)
{
    (void)ctx;
    (void)acl_id;
    (void)acl;
    return RK_OK;
}

static enum rk_err no_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    (void)ctx;
    (void)path;
    (void)data;
    (void)acl_id;
    (void)stat;
    return RK_OK;
}

struct sim_sniff *rk_sniff_create(struct sim_world *w, uint32_t from, uint32_t to, bool is_receiver)
{
    struct sim_sniff *s = rk_mem_must_zalloc(&w->mem, sizeof(*s));
    s->w = w;
    s->from = from;
    s->to = to;
    s->is_receiver = is_receiver;
    rk_buf_init(&s->in, &w->mem, (size_t)64 << 20);
    return s;
}

void rk_sniff_destroy(struct sim_sniff *s)
{
    if (s != NULL) {
        rk_snap_push_destroy(s->push);
        rk_buf_deinit(&s->in);
        rk_mem_free(&s->w->mem, s, sizeof(*s));
    }
}

#define SNIFF_CHECK(s, cond, ...)                                                                  \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            rk_sim_fail((s)->w, __VA_ARGS__);                                                      \
        }                                                                                          \
    } while (0)

/* -- From a learner -- */

/* reliability.md 2.G 2, and A5: an older leader takes it badly if the first one is of a proposal.
 */
static void on_ack(struct sim_sniff *s, rk_zxid zxid)
{
    SNIFF_CHECK(s, s->is_new_leader_acked || RK_ZXID_COUNTER(zxid) == 0,
                "server %u acknowledges zxid %llx before NEWLEADER", s->from + 1,
                (unsigned long long)zxid);
    s->is_new_leader_acked = true;
    if (RK_ZXID_COUNTER(zxid) == 0) {
        struct sim_txn *real = NULL;
        int64_t stored = rk_sim_node_epoch(s->w->nodes[s->from], RK_EPOCH_CURRENT);
        SNIFF_CHECK(s, stored >= RK_ZXID_EPOCH(zxid),
                    "server %u acknowledges epoch %lld, on its disk is %lld", s->from + 1,
                    (long long)RK_ZXID_EPOCH(zxid), (long long)stored);
        SNIFF_CHECK(s,
                    !rk_truth_epoch(s->w->truth, RK_ZXID_EPOCH(zxid), &real) || real == NULL ||
                        rk_truth_is_before(real, s->w->checks[s->from]->kept),
                    "server %u acknowledges epoch %lld, and what it began with is not durable",
                    s->from + 1, (long long)RK_ZXID_EPOCH(zxid));
        return;
    }
    const struct sim_txn *t = rk_truth_find(s->w->truth, zxid);
    SNIFF_CHECK(s, t != NULL && rk_truth_is_before(t, s->w->checks[s->from]->kept),
                "server %u acknowledges zxid %llx, which it does not have durably", s->from + 1,
                (unsigned long long)zxid);
}

/* The identities as the leader will know them. */
static void take_ids(struct sim_sniff *s, struct sim_asked *a, const struct rk_packet *p)
{
    struct rk_id id;
    size_t at = 0;
    rk_sim_ids_deinit(&s->w->mem, &a->ids);
    a->ids = (struct sim_ids){.count = 0};
    while (p->id_count > 0 && rk_packet_next_id(p, &at, &id)) {
        rk_sim_ids_add(&s->w->mem, &a->ids, id.scheme, id.id);
    }
}

static void on_request(struct sim_sniff *s, const struct rk_packet *p)
{
    struct rk_packet_request q;
    bool is_ok = rk_packet_parse_request(p, &q);
    SNIFF_CHECK(s, is_ok, "server %u sends a malformed REQUEST", s->from + 1);
    if (q.op == RK_OP_CREATE_SESSION) {
        SNIFF_CHECK(s, rk_truth_session(s->w->truth, q.session) == NULL && q.body.len == 4,
                    "server %u asks for session %llx, which exists", s->from + 1,
                    (unsigned long long)q.session);
        struct sim_tsession *ts = rk_truth_session_add(s->w->truth, q.session);
        ts->timeout_ms = rk_load_i32(q.body.data);
        ts->node = s->from;
        return;
    }
    struct sim_asked *a = rk_truth_asked(s->w->truth, q.session, q.cxid);
    if (q.op == RK_OP_SYNC) {
        return;
    }
    SNIFF_CHECK(s,
                a != NULL && a->node == s->from && a->op == q.op &&
                    rk_bytes_equal(rk_sim_bytes(a->body), q.body),
                "server %u forwards a request (session %llx, cxid %d) that nobody sent",
                s->from + 1, (unsigned long long)q.session, q.cxid);
    take_ids(s, a, p);
}

static void on_ack_epoch(struct sim_sniff *s)
{
    int64_t stored = rk_sim_node_epoch(s->w->nodes[s->from], RK_EPOCH_ACCEPTED);
    int64_t offered = s->w->checks[s->from]->offered_epoch;
    SNIFF_CHECK(s, stored >= offered, "server %u promises epoch %lld, on its disk is %lld",
                s->from + 1, (long long)offered, (long long)stored);
}

static void from_learner(struct sim_sniff *s, const struct rk_packet *p)
{
    switch (p->type) {
    case RK_PACKET_ACK_EPOCH:
        on_ack_epoch(s);
        break;
    case RK_PACKET_ACK:
        on_ack(s, p->zxid);
        break;
    case RK_PACKET_REQUEST:
        on_request(s, p);
        break;
    default:
        break;
    }
}

/* -- From a leader -- */

/* Ten times what any seed needs: a learner that is brought up to date, breaks off and comes again
 * for ever does not get anywhere. */
#define SYNCS_MAX 2500u

static void count_sync(struct sim_sniff *s)
{
    const uint64_t *marks = s->w->stats.marks;
    uint64_t syncs =
        marks[SIM_MARK_SYNC_DIFF] + marks[SIM_MARK_SYNC_TRUNC] + marks[SIM_MARK_SYNC_SNAP];
    SNIFF_CHECK(s, syncs < SYNCS_MAX, "server %u brings server %u up to date, again and again",
                s->from + 1, s->to + 1);
}

static void on_first_of_sync(struct sim_sniff *s, int32_t type)
{
    s->is_new_leader_sent = false;
    s->is_up_to_date = false;
    if (type == RK_PACKET_DIFF) {
        RK_MARK(s->w, SYNC_DIFF);
    } else if (type == RK_PACKET_TRUNC) {
        RK_MARK(s->w, SYNC_TRUNC);
    } else {
        struct rk_restore_sink sink = {.session = no_session, .acl = no_acl, .node = no_node};
        s->push = rk_snap_push_create(&s->w->mem, &sink, PACKET_BYTES_MAX);
        RK_ASSERT(s->push != NULL);
        RK_MARK(s->w, SYNC_SNAP);
    }
}

static void on_proposal(struct sim_sniff *s, const struct rk_packet *p)
{
    const struct sim_txn *t = rk_truth_find(s->w->truth, p->zxid);
    SNIFF_CHECK(s, t != NULL, "server %u sends zxid %llx, which nobody proposed", s->from + 1,
                (unsigned long long)p->zxid);
    SNIFF_CHECK(s, rk_truth_is_same(t, p->data),
                "server %u sends zxid %llx, which is something else", s->from + 1,
                (unsigned long long)p->zxid);
}

/* During synchronisation it says what the leader was elected with, which a quorum has yet to take
 * over; once the leader serves it is a fact. */
static void on_commit(struct sim_sniff *s, rk_zxid zxid)
{
    const struct sim_txn *t = rk_truth_find(s->w->truth, zxid);
    SNIFF_CHECK(s, t != NULL, "server %u calls zxid %llx committed, which does not exist",
                s->from + 1, (unsigned long long)zxid);
    SNIFF_CHECK(s,
                !rk_sim_check_is_leading(s->w->checks[s->from]) || t->is_committed ||
                    rk_truth_has_quorum(s->w->truth, t),
                "server %u calls zxid %llx committed, and no quorum holds it (bits %x)",
                s->from + 1, (unsigned long long)zxid, t->durable);
    if (s->is_new_leader_sent && !s->is_up_to_date) {
        RK_MARK(s->w, COMMIT_BEFORE_UPTODATE);
    }
}

static void on_leader_info(struct sim_sniff *s, rk_zxid zxid)
{
    int64_t stored = rk_sim_node_epoch(s->w->nodes[s->from], RK_EPOCH_ACCEPTED);
    SNIFF_CHECK(s, stored >= RK_ZXID_EPOCH(zxid),
                "server %u offers epoch %lld, on its disk is %lld", s->from + 1,
                (long long)RK_ZXID_EPOCH(zxid), (long long)stored);
}

static void from_leader(struct sim_sniff *s, const struct rk_packet *p)
{
    switch (p->type) {
    case RK_PACKET_DIFF:
    case RK_PACKET_TRUNC:
    case RK_PACKET_SNAP:
        on_first_of_sync(s, p->type);
        count_sync(s);
        s->has_begun_sync = true;
        break;
    case RK_PACKET_PROPOSAL:
        on_proposal(s, p);
        if (s->is_new_leader_sent && !s->is_up_to_date) {
            RK_MARK(s->w, PROPOSAL_BEFORE_UPTODATE);
        }
        break;
    case RK_PACKET_INFORM:
        on_proposal(s, p);
        on_commit(s, p->zxid);
        RK_MARK(s->w, INFORM);
        break;
    case RK_PACKET_COMMIT:
        on_commit(s, p->zxid);
        break;
    case RK_PACKET_NEW_LEADER:
        s->is_new_leader_sent = true;
        break;
    case RK_PACKET_UP_TO_DATE:
        SNIFF_CHECK(s,
                    rk_sim_check_is_leading(s->w->checks[s->from]) ||
                        s->w->checks[s->from]->led_us == s->w->now_us, /* in this very turn */
                    "server %u sends UPTODATE and does not lead", s->from + 1);
        s->is_up_to_date = true;
        break;
    case RK_PACKET_LEADER_INFO:
        on_leader_info(s, p->zxid);
        break;
    default:
        break;
    }
}

/* -- Received -- */

static void received(struct sim_sniff *s, const struct rk_packet *p)
{
    struct sim_check *c = s->w->checks[s->to];
    rk_session_id session;
    int32_t timeout_ms;
    size_t at = 0;
    if (p->type == RK_PACKET_LEADER_INFO) {
        c->offered_epoch = RK_ZXID_EPOCH(p->zxid);
    }
    if (!rk_sim_check_is_leading(c)) {
        return;
    }
    if (p->type == RK_PACKET_PING) {
        while (rk_packet_next_touch(p, &at, &session, &timeout_ms)) {
            rk_check_touched(c, session, timeout_ms);
        }
    } else if (p->type == RK_PACKET_REVALIDATE && p->data.len >= 12) {
        rk_check_touched(c, rk_load_i64(p->data.data), rk_load_i32(p->data.data + 8));
    }
}

/* -- The stream -- */

static bool is_from_learner(int32_t type)
{
    return type == RK_PACKET_REQUEST || type == RK_PACKET_ACK || type == RK_PACKET_FOLLOWER_INFO ||
           type == RK_PACKET_OBSERVER_INFO || type == RK_PACKET_ACK_EPOCH;
}

/* Bytes of what is there that were used; 0: more has to come. */
static size_t take_one(struct sim_sniff *s, struct rk_bytes in)
{
    struct rk_packet p;
    size_t used = 0;
    const char *why = "";
    if (s->push != NULL) {
        enum rk_parse parsed = rk_snap_push_bytes(s->push, in, &used, &why);
        SNIFF_CHECK(s, parsed != RK_PARSE_BAD, "server %u sends a malformed snapshot: %s",
                    s->from + 1, why);
        if (parsed == RK_PARSE_MORE) {
            return in.len;
        }
        rk_snap_push_destroy(s->push);
        s->push = NULL;
        return used;
    }
    enum rk_parse parsed = rk_packet_parse(in, PACKET_BYTES_MAX, &p, &used);
    SNIFF_CHECK(s, parsed != RK_PARSE_BAD, "server %u sends what is no packet", s->from + 1);
    if (parsed == RK_PARSE_MORE) {
        return 0;
    }
    if (s->is_receiver) {
        received(s, &p);
        if (p.type == RK_PACKET_SNAP) {
            on_first_of_sync(s, p.type);
        }
    } else {
        rk_sim_trace_line(&s->w->trace, s->w->now_us, rk_packet_name(p.type), (uint64_t)p.zxid,
                          (uint64_t)s->from << 8 | s->to, rk_bytes_str(NULL));
        if (is_from_learner(p.type)) {
            from_learner(s, &p);
        } else {
            from_leader(s, &p);
        }
    }
    return used;
}

void rk_sniff_take(struct sim_sniff *s, struct rk_bytes bytes)
{
    size_t at = 0;
    s->has_begun_sync = false;
    rk_buf_put(&s->in, bytes.data, bytes.len);
    RK_ASSERT(!s->in.failed);
    while (at < s->in.len) {
        size_t used = take_one(s, rk_bytes_of(s->in.data + at, (uint32_t)(s->in.len - at)));
        if (used == 0) {
            break;
        }
        at += used;
    }
    memmove(s->in.data, s->in.data + at, s->in.len - at);
    s->in.len -= at;
}

bool rk_sniff_has_begun_sync(const struct sim_sniff *s)
{
    return s->has_begun_sync;
}
