/* The core: a pure machine that turns events into effects. It owns sessions, the tree, watches, the
 * request pipeline and the broadcast of one server; standalone is an ensemble of one voter through
 * the same propose, log, commit, apply path. Work per step is bounded, queues have a maximum. Apart
 * from rk_core_step nothing changes it; the report functions read it between steps on the same
 * thread. */
#ifndef RK_CORE_CORE_H
#define RK_CORE_CORE_H

#include "core/acl.h"
#include "core/effects.h"
#include "core/ensemble.h"
#include "core/event.h"
#include "core/metrics.h"
#include "proto/restore.h"
#include "session/session.h"
#include "tree/tree.h"
#include "watch/watch.h"

struct rk_core_config {
    uint64_t seed;     /* of everything random */
    uint8_t server_id; /* low byte of myid; 1 when standalone */
    int64_t
        clock_ms; /* for the first session id: monotonic or wall, never going back over restarts */

    int32_t tick_ms;
    int32_t min_session_timeout_ms;
    int32_t max_session_timeout_ms;
    uint32_t frame_bytes_max;  /* jute.maxbuffer */
    uint32_t record_bytes_max; /* jute.maxbuffer + extrasize: strings and buffers */
    uint32_t conn_max;         /* slots: ids' low halves are below this */

    bool extended_types;
    bool emulate_353_ttl;
    bool digest;
    bool close_session_txn; /* closeSessionTxn.enabled */
    bool reconfig_enabled;
    bool skip_acl;
    bool enforce_quota;
    rk_crc32_fn crc32;
    struct rk_digest_alg digest_alg;
    bool digest_scheme; /* DigestAuthenticationProvider.enabled */
    bool sasl_scheme;   /* a provider is configured: ids are valid in ACLs */
    bool x509_scheme;
    struct rk_bytes super_digest;         /* "super:base64..." or null; copied */
    struct rk_bytes enforce_auth_schemes; /* comma list; null = not enforced; copied */
    struct rk_bytes ensemble_names;       /* comma list or null; copied */

    int64_t snap_count;         /* snapCount */
    int64_t snap_size_bytes;    /* <= 0: off */
    uint32_t snap_slice_nodes;  /* nodes serialised per slice */
    int64_t container_check_ms; /* 0 = no reaper */
    int64_t container_per_minute;
    int64_t container_never_used_ms; /* 0 = never */

    uint32_t global_outstanding_max; /* globalOutstandingLimit */
    uint32_t conn_outstanding_max;   /* requests of one connection held by us */
    uint64_t queued_bytes_max;       /* frames held for later, all connections */
    uint64_t inflight_bytes_max;     /* log bytes proposed and not durable */
    uint32_t request_throttle_max;   /* request_throttle_max_requests, 0 = off */
    int64_t throttled_op_wait_ms;    /* 0 = off */
    bool request_throttle_drop_stale;
    bool request_stale_latency_check;
    bool request_stale_connection_check;
    int64_t large_request_threshold; /* -1 = off */
    int64_t large_request_bytes_max;
    /* connection_throttle_* */
    int64_t connect_tokens, connect_fill_time_ms, connect_fill_count, connect_freeze_ms;
    int32_t connect_drop_increase_ppm, connect_drop_decrease_ppm, connect_decrease_ratio_ppm;
    bool connect_weight_enabled;
    int64_t connect_weight_global, connect_weight_local, connect_weight_renew;

    uint32_t watch_per_conn_max; /* 0 = none */
    uint32_t watch_total_max;

    const struct rk_ensemble_config *ensemble; /* NULL: standalone; copied */
};

struct rk_core;

/* NULL without memory. Not serving yet: restore first. */
struct rk_core *rk_core_create(struct rk_mem *mem, const struct rk_core_config *config);
void rk_core_destroy(struct rk_core *c);

/* Fills the core from disk: hand the sink to rk_recover (store), then start; or, when a step asked
 * for RK_FX_RELOAD, then RK_EV_RELOADED. */
struct rk_restore_sink rk_core_restore_sink(struct rk_core *c);
/* Serving begins: sessions get a fresh timeout, orphaned ephemerals go, a snapshot starts if
 * transactions were replayed or the server is fresh. */
void rk_core_start(struct rk_core *c, int64_t now_ms, int64_t wall_ms, struct rk_effects *fx);

void rk_core_step(struct rk_core *c, const struct rk_event *event, struct rk_effects *fx);

/* Monotonic time at which a TICK is needed; INT64_MAX for never. */
int64_t rk_core_next_due(const struct rk_core *c);
/* True once after RK_EV_SHUTDOWN nothing is in flight any more. */
bool rk_core_is_drained(const struct rk_core *c);

/* Asserts every invariant that spans rooms; after every step in the simulator. */
void rk_core_check(const struct rk_core *c);

rk_zxid rk_core_last_zxid(const struct rk_core *c); /* applied */
const struct rk_tree *rk_core_tree(const struct rk_core *c);
const struct rk_sessions *rk_core_sessions(const struct rk_core *c);
const struct rk_watches *rk_core_watches(const struct rk_core *c);
struct rk_metrics *rk_core_metrics(struct rk_core *c);

/* What cons, stat and dump show of a connection. ZK: ServerCnxn.dumpConnectionInfo. */
struct rk_conn_report {
    rk_conn_id conn;
    rk_session_id session; /* 0 before the handshake completed */
    int64_t established_wall_ms;
    int32_t timeout_ms;
    uint64_t received, sent;
    uint32_t queued;   /* requests held or in flight */
    int32_t last_op;   /* enum rk_op; 0 = none ("NA") */
    int64_t last_cxid; /* < 0: none */
    rk_zxid last_zxid;
    int64_t last_response_ms; /* monotonic */
    int64_t last_latency_ms, min_latency_ms, max_latency_ms;
    uint64_t latency_count, latency_sum_ms;
    bool is_paused;
};
/* Open connections by slot: *slot = 0 to start, false at the end. */
bool rk_core_next_conn(const struct rk_core *c, uint32_t *slot, struct rk_conn_report *ret);
void rk_core_reset_conn_stats(struct rk_core *c);   /* crst */
void rk_core_reset_server_stats(struct rk_core *c); /* srst */
uint32_t rk_core_outstanding(const struct rk_core *c);
/* Early random drop of new connections: millionths of them now. */
int32_t rk_core_connect_drop_ppm(const struct rk_core *c);

/* zxid % 128 == 0 digests, oldest first: hash. ret_count of at most 1024. */
struct rk_digest_entry {
    rk_zxid zxid;
    uint64_t digest;
};
const struct rk_digest_entry *rk_core_digests(const struct rk_core *c, uint32_t *ret_first,
                                              uint32_t *ret_count, uint32_t *ret_size);

#endif
