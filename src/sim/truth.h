/* The history as it must be: every transaction that any server ever logged, what it follows, who
 * holds it durably, and which of them are committed. Transactions form a tree, because a deposed
 * leader may have logged what nobody else has; the committed ones are one path in it, and what is
 * on that path stays (reliability.md 5.1, 5.3). A server alone is the simplest case.
 *
 * E<<32, the zxid that every server shows at the beginning of epoch E, is no transaction; it stands
 * for the state that the leader of E began with. */
#ifndef RK_SIM_TRUTH_H
#define RK_SIM_TRUTH_H

#include "sim/model.h"
#include "sim/world.h"

/* A write of a client, as it came to a server. */
struct sim_asked {
    struct sim_asked *next;
    rk_session_id session;
    int32_t cxid;
    int32_t op;
    struct sim_blob *body;
    struct sim_ids ids;
    uint32_t node;
    uint32_t attach; /* its connection's */
    uint64_t seq;    /* order of arrival */
    rk_zxid floor;   /* everything up to here had been shown to somebody by then */
    bool is_linked;
};

struct sim_txn {
    struct sim_txn *next_in_bucket;
    struct sim_txn *prev; /* NULL: it is the first */
    rk_zxid zxid;
    uint32_t depth; /* transactions before it */
    int32_t type;
    int32_t op; /* of the request; the type for internal ones */
    rk_session_id session;
    int32_t cxid;
    int64_t time_ms;
    int32_t timeout_ms; /* createSession */
    struct sim_blob *payload;
    struct sim_blob *body;
    struct sim_ids ids;
    bool is_request;   /* a client asked for it */
    rk_zxid floor;     /* what had been shown when the request came: it must come after that */
    int32_t refused;   /* RK_ZK_SESSION_MOVED or _EXPIRED: it was not even looked at */
    uint32_t proposer; /* node */
    uint64_t step;     /* of the proposer's checker */
    uint32_t durable;  /* bits of nodes that hold it durably */
    bool is_committed;
    int64_t committed_us;
    struct sim_model *checkpoint; /* the state behind it, or NULL */
    /* What quotas are judged by: the state that was applied when it was proposed. In the middle of
     * a step that is not known exactly: the end of the step may be right as well. */
    bool has_quota_view;
    bool has_late_view;
    struct sim_model quota_view;
    struct sim_model late_view;
};

/* A session as everybody together knows it. */
struct sim_tsession {
    rk_session_id id;
    int32_t timeout_ms;
    uint32_t node;           /* that has its client, as far as known */
    uint32_t attaches;       /* handshakes that gave it to a connection */
    uint32_t turn;           /* ... of those each was asked for after the one before was there */
    uint32_t attach;         /* the latest turn that a proposal came from */
    int64_t attached_us;     /* the last one */
    rk_conn_id wanted_by[2]; /* the last two handshakes that asked for it, on any server */
    int64_t wanted_us[2];
    bool is_created; /* createSession was proposed */
    bool is_taken;   /* its client was told of it */
    bool is_close_proposed;
    bool is_closed; /* and that was committed */
};

struct sim_truth;

struct sim_truth *rk_truth_create(struct sim_world *w);
void rk_truth_destroy(struct sim_truth *t);

/* What /zookeeper/config holds; "" alone. */
struct rk_bytes rk_truth_config(const struct sim_truth *t);

/* -- transactions -- */
struct sim_txn *rk_truth_find(const struct sim_truth *t, rk_zxid zxid); /* NULL */
/* A new one behind prev; the caller fills in the rest. */
struct sim_txn *rk_truth_add(struct sim_truth *t, struct sim_txn *prev, rk_zxid zxid,
                             struct rk_bytes payload);
/* The same transaction. A closeSession without a body comes back from a log without its digest,
 * because Apache would take one for the body. */
bool rk_truth_is_same(const struct sim_txn *txn, struct rk_bytes payload);
/* A server alone gives the zxids behind prev again: what it had there never happened. */
void rk_truth_forget_after(struct sim_truth *t, const struct sim_txn *prev);
/* Whether a is b or lies on the way to it; NULL is before everything. */
bool rk_truth_is_before(const struct sim_txn *a, const struct sim_txn *b);
/* The last one of at's path whose zxid is not above zxid; NULL: none. */
struct sim_txn *rk_truth_cut(struct sim_txn *at, rk_zxid zxid);
/* The path from behind `from` (which must be before `to`) up to `to`, in order, into an array of
 * the truth's own that lasts until the next call. Returns how many. */
uint32_t rk_truth_path(struct sim_truth *t, const struct sim_txn *from, struct sim_txn *to,
                       struct sim_txn ***ret_items);

/* -- what is known of them -- */
/* Node has everything up to `to` on its disk for good. */
void rk_truth_durable(struct sim_truth *t, uint32_t node, struct sim_txn *to);
/* Node no longer has what lies between keep and head. */
void rk_truth_not_durable(struct sim_truth *t, uint32_t node, const struct sim_txn *keep,
                          struct sim_txn *head);
bool rk_truth_has_quorum(const struct sim_truth *t, const struct sim_txn *txn);
/* Somebody shows, or acts on, the state behind txn: it and all before it are committed. Fails if
 * that contradicts what was committed before, or if no quorum ever held it. */
void rk_truth_commit(struct sim_truth *t, struct sim_txn *txn, uint32_t node);
struct sim_txn *rk_truth_committed(const struct sim_truth *t); /* the last one; NULL */
/* The zxid up to which everything had been committed at that time. */
rk_zxid rk_truth_committed_at(const struct sim_truth *t, int64_t at_us);

/* -- epochs -- */
/* Node leads epoch from now on, beginning with the state behind real. */
void rk_truth_begin_epoch(struct sim_truth *t, int64_t epoch, uint32_t node, struct sim_txn *real);
/* False: that epoch never began. */
bool rk_truth_epoch(const struct sim_truth *t, int64_t epoch, struct sim_txn **ret_real);
int64_t rk_truth_epoch_us(const struct sim_truth *t, int64_t epoch); /* when it began */
uint32_t rk_truth_epochs(const struct sim_truth *t);                 /* how many began */

/* -- requests and sessions -- */
struct sim_asked *rk_truth_ask(struct sim_truth *t, rk_session_id session, int32_t cxid,
                               uint32_t node);
struct sim_asked *rk_truth_asked(const struct sim_truth *t, rk_session_id session, int32_t cxid);
/* The largest zxid that any client was shown. */
rk_zxid rk_truth_shown(const struct sim_truth *t);
void rk_truth_show(struct sim_truth *t, rk_zxid zxid);
struct sim_tsession *rk_truth_session(struct sim_truth *t, rk_session_id id); /* NULL */
struct sim_tsession *rk_truth_session_add(struct sim_truth *t, rk_session_id id);

#endif
