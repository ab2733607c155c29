/* The core's state: connections, requests, and everything that hangs off struct rk_core. Private to
 * this room. */
#ifndef RK_CORE_STATE_H
#define RK_CORE_STATE_H

#include "base/list.h"
#include "base/prng.h"
#include "base/slab.h"
#include "core/core.h"
#include "core/overlay.h"

#define RK_CXID_INTERNAL  0
#define RK_REQUEST_NONE   0u
#define RK_DIGEST_HISTORY 1024u

enum conn_state {
    CONN_NEW,     /* no handshake yet */
    CONN_PENDING, /* its createSession is in flight */
    CONN_OPEN,
    CONN_CLOSING, /* close asked for: whatever still comes is dropped */
};

/* One accepted connection. */
struct conn {
    rk_conn_id id;
    enum conn_state state;
    bool has_read_only; /* of the connect request: decides the answer's length */
    bool is_paused;
    bool is_stale;       /* a request of it was dropped: drop the rest, close */
    uint32_t queue_head; /* requests not answered yet, in order of arrival */
    uint32_t queue_tail;
    uint32_t queue_count;
    uint32_t sync_count;      /* of an ensemble's member: syncs among them that are not confirmed */
    uint32_t close_count;     /* closeSessions among them: what logs in behind one is not heard */
    struct rk_link late_link; /* its queue goes on in a later step */
    rk_session_id session;
    struct rk_session *session_ref; /* valid while state is CONN_OPEN or CONN_PENDING */
    uint8_t *held_handshake;        /* connect request that waits for a leader, or NULL */
    uint32_t held_len;
    int32_t timeout_ms;
    struct rk_auth_ids ids;
    /* for cons and stat */
    int64_t established_wall_ms;
    uint64_t received, sent;
    int32_t last_op;
    int64_t last_cxid;
    rk_zxid last_zxid;
    int64_t last_response_ms, last_latency_ms, min_latency_ms, max_latency_ms;
    uint64_t latency_count, latency_sum_ms;
};

enum request_state {
    REQUEST_THROTTLED, /* not admitted yet; frame kept */
    REQUEST_HELD,      /* waits for its turn in the connection's order; frame kept */
    REQUEST_FIXED,     /* as HELD, but the answer is known: err (and close, if is_last) */
    REQUEST_IN_FLIGHT, /* proposed; answered when applied */
    REQUEST_DROPPED,   /* its session is closing: goes with its connection */
};

/* A request that could not be answered in the step in which it came. */
struct request {
    uint32_t next;           /* in the connection's queue */
    uint32_t next_throttled; /* in the global throttle queue */
    enum request_state state;
    bool is_last; /* close the connection after it */
    int32_t xid;
    int32_t op;
    int32_t err;        /* FIXED */
    rk_zxid fixed_zxid; /* FIXED: zxid for the header, INT64_MIN = last applied */
    rk_conn_id conn;
    int64_t received_ms;
    uint8_t *frame; /* body behind the request header, or NULL */
    uint32_t frame_len;
    uint32_t whole_len; /* of the frame as received: large request budget */
};

/* Token bucket of connection_throttle_*. ZK: BlueThrottle. */
struct connect_throttle {
    int64_t tokens;
    int64_t last_fill_ms;
    int64_t last_freeze_ms;
    int32_t drop_ppm;
};

/* A gone connection that had more watches than one step takes off. */
struct past_watcher {
    struct rk_link link;
    rk_conn_id conn;
};

struct snapshot_run {
    bool is_active;
    bool is_waiting; /* END was sent, DONE has not come */
    rk_zxid zxid;
    uint32_t walk; /* the tree's */
    uint64_t digest;
    bool has_digest;
    int64_t started_ms;
    struct rk_buf out;   /* images not handed over yet */
    uint32_t slices_out; /* SNAP_BYTES with is_slice_end not answered */
    /* when the next one is due */
    int64_t txns;
    int64_t bytes;
    int64_t txn_trigger;
    int64_t byte_trigger;
    bool is_wanted; /* triggered while another one ran */
};

struct ensemble; /* ensemble_int.h */

/* A database beside the live one, while a leader's snapshot comes in. */
struct rk_restored {
    struct rk_core *core;
    struct rk_tree *tree;
    struct rk_sessions *sessions;
};

struct rk_core {
    struct rk_mem *mem;
    struct rk_core_config config;
    struct rk_acl_schemes schemes;
    struct rk_prng prng;
    struct rk_arena arena; /* scratch of one request */
    struct rk_arena apply_arena;
    struct rk_effects *fx; /* of the step under way */
    int64_t now_ms;
    int64_t wall_ms;
    bool is_started;
    bool is_shutting_down;
    bool is_log_full;

    /* replicated state */
    struct rk_tree *tree;
    struct rk_sessions *sessions;
    rk_zxid last_zxid; /* applied */
    uint64_t replayed_txns;
    bool was_fresh;
    bool restore_fuzzy; /* an Apache snapshot newer inside than its name: digests wait for
                           digest_zxid */
    rk_zxid restore_digest_zxid;

    struct ensemble *ens; /* NULL: standalone */

    /* proposals */
    struct rk_broadcast broadcast;
    struct rk_overlay overlay;
    struct rk_buf txn; /* the transaction being built */

    /* connections */
    struct conn **conns; /* by slot */
    uint32_t conn_cap;
    uint32_t conn_count;
    rk_session_id next_session_id;
    struct rk_watches *watches;
    struct rk_link past_watchers; /* connections that are gone and whose watches are not yet */
    struct connect_throttle connect_throttle;

    /* requests */
    struct rk_slab requests;
    uint32_t throttled_head;
    uint32_t throttled_tail;
    uint32_t throttled_count;
    uint32_t outstanding;  /* requests in `requests` */
    uint32_t settled;      /* of them FIXED or DROPPED: they need no work, only their turn */
    uint64_t queued_bytes; /* frames kept */
    int64_t large_bytes;   /* frames over the threshold in work */
    bool any_paused;
    struct rk_link late;   /* connections whose queues were stopped by the bound on a step */
    bool is_delivery_held; /* by one of them: its reads come before the next commit */
    size_t step_first;     /* effect bytes before this step */

    /* reaper */
    int64_t reap_next_ms;
    int64_t reap_tokens;
    int64_t reap_filled_ms;
    bool is_reaping;    /* a scan is under way */
    rk_node_id reap_at; /* its last node that was not due */

    struct snapshot_run snap;
    struct rk_metrics metrics;
    struct rk_digest_entry digests[RK_DIGEST_HISTORY];
    uint32_t digest_first;
    uint32_t digest_count;
};

#endif
