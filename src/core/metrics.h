/* Numbers the core keeps for mntr and the four-letter words; names follow Apache's ServerMetrics.
 */
#ifndef RK_CORE_METRICS_H
#define RK_CORE_METRICS_H

#include "base/hist.h"
#include "base/types.h"

/* Counters the core increments: X(field) - the field is the metric's name in mntr. */
#define RK_CORE_COUNTERS(X)                                                                        \
    X(commit_count)                                                                                \
    X(proposal_count)                                                                              \
    X(connection_request_count)                                                                    \
    X(connection_rejected)                                                                         \
    X(connection_drop_count)                                                                       \
    X(connection_revalidate_count)                                                                 \
    X(revalidate_count)                                                                            \
    X(bytes_received_count)                                                                        \
    X(response_bytes)                                                                              \
    X(watch_bytes)                                                                                 \
    X(stale_sessions_expired)                                                                      \
    X(stale_requests)                                                                              \
    X(stale_requests_dropped)                                                                      \
    X(stale_replies)                                                                               \
    X(request_throttle_wait_count)                                                                 \
    X(throttled_ops)                                                                               \
    X(large_requests_rejected)                                                                     \
    X(digest_mismatches_count)                                                                     \
    X(prep_processor_request_queued)                                                               \
    X(sync_processor_request_queued)                                                               \
    X(outstanding_changes_queued)                                                                  \
    X(outstanding_changes_removed)                                                                 \
    X(snap_count)                                                                                  \
    X(diff_count)                                                                                  \
    X(learner_snap_count)                                                                          \
    X(snapshot_error_count)                                                                        \
    X(auth_failed_count)                                                                           \
    X(ensemble_auth_success)                                                                       \
    X(ensemble_auth_fail)                                                                          \
    X(ensemble_auth_skip)                                                                          \
    X(looking_count)                                                                               \
    X(learner_proposal_received_count)                                                             \
    X(learner_commit_received_count)                                                               \
    X(quit_leading_due_to_disloyal_voter)                                                          \
    X(cnxn_closed_without_zk_server_running)                                                       \
    X(unrecoverable_error_count)                                                                   \
    X(ttl_node_created_count)                                                                      \
    X(ttl_node_deleted_count)                                                                      \
    X(quota_exceeded_error)                                                                        \
    X(writes_refused_log_full)

/* Summaries of milliseconds or counts: avg, min, max, cnt, sum. */
#define RK_CORE_SUMMARIES(X)                                                                       \
    X(node_created_watch_count)                                                                    \
    X(node_deleted_watch_count)                                                                    \
    X(node_changed_watch_count)                                                                    \
    X(node_children_watch_count)                                                                   \
    X(readlatency)                                                                                 \
    X(updatelatency)                                                                               \
    X(close_session_prep_time)                                                                     \
    X(snapshottime)                                                                                \
    X(startup_txns_loaded)                                                                         \
    X(connection_token_deficit)                                                                    \
    X(sync_processor_batch_size)                                                                   \
    X(quorum_ack_latency)                                                                          \
    X(inflight_snap_count)                                                                         \
    X(inflight_diff_count)                                                                         \
    X(election_time)                                                                               \
    X(follower_sync_time)                                                                          \
    X(observer_sync_time)                                                                          \
    X(unavailable_time)                                                                            \
    X(leader_unavailable_time)

/* Those of them whose percentiles are kept, too. */
#define RK_CORE_PERCENTILES(X)                                                                     \
    X(readlatency)                                                                                 \
    X(updatelatency)                                                                               \
    X(quorum_ack_latency)

struct rk_summary {
    uint64_t count;
    uint64_t sum;
    uint64_t min; /* UINT64_MAX when empty */
    uint64_t max;
};

struct rk_metrics {
#define RK_METRIC_FIELD(name) uint64_t name;
    RK_CORE_COUNTERS(RK_METRIC_FIELD)
#undef RK_METRIC_FIELD
#define RK_METRIC_FIELD(name) struct rk_summary name;
    RK_CORE_SUMMARIES(RK_METRIC_FIELD)
#undef RK_METRIC_FIELD
#define RK_METRIC_FIELD(name) struct rk_hist name##_hist;
    RK_CORE_PERCENTILES(RK_METRIC_FIELD)
#undef RK_METRIC_FIELD
    /* srvr, stat: Latency, Received, Sent. ZK: ServerStats */
    uint64_t packets_received;
    uint64_t packets_sent;
    struct rk_summary latency_ms;
    /* by opcode: index code for 0..107, 108 createSession, 109 closeSession */
    uint64_t op_count[110];
    int64_t last_response_bytes, min_response_bytes, max_response_bytes; /* -1 before the first */
};

void rk_metrics_init(struct rk_metrics *m);
/* srst */
void rk_metrics_reset(struct rk_metrics *m);
void rk_summary_add(struct rk_summary *s, uint64_t value);

#endif
