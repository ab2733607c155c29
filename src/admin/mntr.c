/* mntr: every number of Apache's that has a meaning here, under its name, then our own. What cannot
 * happen to this server, as ensembles cannot to a standalone one, is printed as zero, as Apache
 * does; what is not measured, because its threads and queues do not exist here, is left out
 * (docs/internals/admin.md lists both). ZK: MonitorCommand, DefaultMetricsProvider.dump,
 * ServerMetrics. */
#include "admin/admin_int.h"

#include "proto/opcode.h"

/* Numbers of one answer. */
struct view {
    struct rk_admin *a;
    struct rk_buf *b;
    const struct rk_metrics *m;
    struct rk_shell_stats shell;
    struct rk_tree_counts tree;
    enum rk_admin_role role;
    struct rk_ensemble_report report;
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_member(const struct view *v)
{
    return v->role != RK_ROLE_STANDALONE;
}

static void put_value(struct view *v, const char *name, uint64_t value)
{
    rk_admin_put_number(v->b, "", name, (int64_t)value);
}

/* -- Gauges
 * ----------------------------------------------------------------------------------------- */

static void put_latency(struct view *v)
{
    const struct rk_summary *s = &v->m->latency_ms;
    rk_admin_put_key(v->b, "", "avg_latency");
    rk_admin_put_average(v->b, s->sum, s->count);
    rk_buf_put_u8(v->b, '\n');
    put_value(v, "max_latency", s->max);
    put_value(v, "min_latency", s->count == 0 ? 0 : s->min);
}

static uint64_t count_local_sessions(const struct rk_sessions *sessions)
{
    uint64_t count = 0;
    size_t cursor = 0;
    for (struct rk_session *s = rk_sessions_next(sessions, &cursor, NULL); s != NULL;
         s = rk_sessions_next(sessions, &cursor, s)) {
        count += s->is_local;
    }
    return count;
}

static void put_gauges(struct view *v)
{
    struct rk_admin *a = v->a;
    struct rk_watch_counts watches;
    rk_watch_counts(rk_core_watches(a->core), &watches);
    put_latency(v);
    put_value(v, "packets_received", v->m->packets_received);
    put_value(v, "packets_sent", v->m->packets_sent);
    put_value(v, "num_alive_connections", v->shell.conn_count);
    put_value(v, "outstanding_requests", rk_core_outstanding(a->core));
    put_value(v, "uptime", (uint64_t)(a->sources.now_ms(a->sources.ctx) - a->start_ms));
    put_value(v, "znode_count", v->tree.nodes);
    put_value(v, "watch_count", watches.total);
    put_value(v, "ephemerals_count", v->tree.ephemerals);
    put_value(v, "approximate_data_size", v->tree.data_bytes);
    put_value(v, "global_sessions", rk_sessions_replicated_count(rk_core_sessions(a->core)));
    put_value(v, "local_sessions", count_local_sessions(rk_core_sessions(a->core)));
    rk_admin_put_number(
        v->b, "", "open_file_descriptor_count",
        a->sources.open_files(a->sources.ctx, v->shell.conn_count + v->shell.closing_count));
    rk_admin_put_number(v->b, "", "max_file_descriptor_count",
                        a->sources.max_files(a->sources.ctx));
    rk_admin_put_key(v->b, "", "connection_drop_probability");
    rk_admin_put_double(v->b, (double)rk_core_connect_drop_ppm(a->core) / 1000000);
    rk_buf_put_u8(v->b, '\n');
    rk_admin_put_number(v->b, "", "last_client_response_size", v->m->last_response_bytes);
    rk_admin_put_number(v->b, "", "max_client_response_size", v->m->max_response_bytes);
    rk_admin_put_number(v->b, "", "min_client_response_size", v->m->min_response_bytes);
    put_value(v, "auth_failed_count", v->m->auth_failed_count);
    put_value(v, "outstanding_tls_handshake", 0);
    put_value(v, "non_mtls_remote_conn_count", 0); /* Apache counts behind TLS only, too */
    put_value(v, "non_mtls_local_conn_count", 0);
    rk_admin_put_quotas(a, v->b);
}

/* -- Counters
 * --------------------------------------------------------------------------------------- */

/* Of the core, under the same name. Others of rk_metrics are put together below or are our own. */
#define CORE_COUNTERS(X)                                                                           \
    X(commit_count)                                                                                \
    X(proposal_count)                                                                              \
    X(connection_request_count)                                                                    \
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
    X(outstanding_changes_queued)                                                                  \
    X(snap_count)                                                                                  \
    X(snapshot_error_count)                                                                        \
    X(diff_count)                                                                                  \
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
    X(ttl_node_deleted_count)

/* What cannot happen here: TLS, HTTP, watches that outlive a connection, caches of answers. Apache
 * prints zero, too. */
static const char *const zero_counters[] = {
    "snapshot_rate_limited_count",
    "restore_error_count",
    "restore_rate_limited_count",
    "add_dead_watcher_stall_time",
    "dead_watchers_queued",
    "dead_watchers_cleared",
    "response_packet_cache_hits",
    "response_packet_cache_misses",
    "response_packet_get_children_cache_hits",
    "response_packet_get_children_cache_misses",
    "unsuccessful_handshake",
    "insecure_admin_count",
    "tls_handshake_exceeded",
    "skip_learner_request_to_next_processor_count",
    "requests_not_forwarded_to_commit_processor",
};

/* What cannot happen to a standalone server; of a member they are not counted, and left out. */
static const char *const standalone_zero_counters[] = {
    "request_commit_queued",
};

static uint64_t count_ops(const struct rk_metrics *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof(m->op_count) / sizeof(m->op_count[0]); i++) {
        sum += m->op_count[i];
    }
    return sum;
}

static void put_counters(struct view *v)
{
    const struct rk_metrics *m = v->m;
#define PUT_COUNTER(name) put_value(v, #name, m->name);
    CORE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
    put_value(v, "connection_rejected",
              m->connection_rejected + v->shell.refused_client_max + v->shell.refused_total_max);
    put_value(v, "sessionless_connections_expired", v->shell.sessionless_expired);
    /* Every request passes prep there; only what is logged passes the log thread here. */
    put_value(v, "prep_processor_request_queued", count_ops(m) + m->connection_request_count);
    put_value(v, "sync_processor_request_queued", m->proposal_count);
    put_value(v, "outstanding_changes_removed",
              m->outstanding_changes_queued < m->commit_count ? m->outstanding_changes_queued
                                                              : m->commit_count);
    for (size_t i = 0; i < COUNT_OF(zero_counters); i++) {
        put_value(v, zero_counters[i], 0);
    }
    for (size_t i = 0; !is_member(v) && i < COUNT_OF(standalone_zero_counters); i++) {
        put_value(v, standalone_zero_counters[i], 0);
    }
}

/* Those of 3.10: op_count_*. Apache counts one name for every create, for instance. */
static const struct {
    const char *name;
    int32_t codes[5]; /* up to the first 0; 108 createSession, 109 closeSession */
} op_rows[] = {
    {"add_watch", {RK_OP_ADD_WATCH}},
    {"check", {RK_OP_CHECK}},
    {"check_watches", {RK_OP_CHECK_WATCHES}},
    {"close_session", {109}},
    {"create", {RK_OP_CREATE, RK_OP_CREATE2, RK_OP_CREATE_CONTAINER, RK_OP_CREATE_TTL}},
    {"create_session", {108}},
    {"delete", {RK_OP_DELETE, RK_OP_DELETE_CONTAINER}},
    {"exists", {RK_OP_EXISTS}},
    {"get_acl", {RK_OP_GET_ACL}},
    {"get_all_children_number", {RK_OP_GET_ALL_CHILDREN_NUMBER}},
    {"get_children", {RK_OP_GET_CHILDREN, RK_OP_GET_CHILDREN2}},
    {"get_data", {RK_OP_GET_DATA}},
    {"get_ephemerals", {RK_OP_GET_EPHEMERALS}},
    {"multi", {RK_OP_MULTI}},
    {"multi_read", {RK_OP_MULTI_READ}},
    {"ping", {RK_OP_PING}},
    {"reconfig", {RK_OP_RECONFIG}},
    {"remove_watches", {RK_OP_REMOVE_WATCHES}},
    {"set_acl", {RK_OP_SET_ACL}},
    {"set_data", {RK_OP_SET_DATA}},
    {"set_watches", {RK_OP_SET_WATCHES, RK_OP_SET_WATCHES2}},
    {"sync", {RK_OP_SYNC}},
    {"who_am_i", {RK_OP_WHO_AM_I}},
};

static void put_ops(struct view *v)
{
    put_value(v, "op_count_total", count_ops(v->m));
    for (size_t i = 0; i < COUNT_OF(op_rows); i++) {
        uint64_t sum = 0;
        for (size_t j = 0; j < 5 && op_rows[i].codes[j] != 0; j++) {
            sum += v->m->op_count[op_rows[i].codes[j]];
        }
        rk_admin_put_number(v->b, "op_count_", op_rows[i].name, (int64_t)sum);
    }
}

/* -- Summaries
 * -------------------------------------------------------------------------------------- */

/* scale: how many of the summary's units are one of what is printed. */
static void put_summary(struct rk_buf *b, const char *name, const struct rk_summary *s,
                        uint64_t scale)
{
    rk_admin_put_key(b, "avg_", name);
    rk_admin_put_average(b, s->sum, s->count * scale);
    rk_buf_put_u8(b, '\n');
    rk_admin_put_number(b, "min_", name, s->count == 0 ? 0 : (int64_t)(s->min / scale));
    rk_admin_put_number(b, "max_", name, (int64_t)(s->max / scale));
    rk_admin_put_number(b, "cnt_", name, (int64_t)s->count);
    rk_admin_put_number(b, "sum_", name, (int64_t)(s->sum / scale));
}

static void put_percentiles(struct rk_buf *b, const char *name, const struct rk_hist *h)
{
    rk_admin_put_number(b, "p50_", name, h == NULL ? 0 : (int64_t)rk_hist_quantile(h, 500000));
    rk_admin_put_number(b, "p95_", name, h == NULL ? 0 : (int64_t)rk_hist_quantile(h, 950000));
    rk_admin_put_number(b, "p99_", name, h == NULL ? 0 : (int64_t)rk_hist_quantile(h, 990000));
    rk_admin_put_number(b, "p999_", name, h == NULL ? 0 : (int64_t)rk_hist_quantile(h, 999000));
}

static const char *const zero_summaries[] = {
    "restore_time",
    "time_waiting_empty_pool_in_commit_processor_read_ms",
    "netty_queued_buffer_capacity",
    "socket_closing_time",
};

/* Stages of an ensemble's pipeline: never passed by a standalone server, nor
 * by Apache's; of a member they are not measured, and left out. */
static const char *const standalone_zero_summaries[] = {
    "requests_in_session_queue",
    "pending_session_queue_size",
    "reads_after_write_in_session_queue",
    "reads_issued_from_session_queue",
    "session_queues_drained",
    "write_batch_time_in_commit_processor",
    "concurrent_request_processing_in_commit_processor",
    "read_commit_proc_req_queued",
    "write_commit_proc_req_queued",
    "commit_commit_proc_req_queued",
    "read_commit_proc_issued",
    "write_commit_proc_issued",
    "commit_process_time",
    "learner_request_processor_queue_size",
};

static const char *const zero_percentiles[] = {
    "dead_watchers_cleaner_latency",
    "om_proposal_process_time_ms",
    "om_commit_process_time_ms",
};

static const char *const standalone_zero_percentiles[] = {
    "read_commitproc_time_ms",
    "write_commitproc_time_ms",
    "local_write_committed_time_ms",
    "server_write_committed_time_ms",
    "read_final_proc_time_ms",
    "write_final_proc_time_ms",
    "proposal_latency",
    "proposal_ack_creation_latency",
    "commit_propagation_latency",
};

static void put_zero_summaries(struct rk_buf *b, const char *const *names, size_t count,
                               bool has_percentiles)
{
    static const struct rk_summary zero = {0};
    for (size_t i = 0; i < count; i++) {
        put_summary(b, names[i], &zero, 1);
        if (has_percentiles) {
            put_percentiles(b, names[i], NULL);
        }
    }
}

static void put_summaries(struct view *v)
{
    const struct rk_metrics *m = v->m;
    struct rk_buf *b = v->b;
    put_summary(b, "fsynctime", &v->shell.fsync_us, 1000);
    put_summary(b, "sync_processor_batch_size", &v->shell.commit_records, 1);
    put_summary(b, "snapshottime", &m->snapshottime, 1);
    put_summary(b, "startup_txns_loaded", &m->startup_txns_loaded, 1);
    put_summary(b, "connection_token_deficit", &m->connection_token_deficit, 1);
    put_summary(b, "node_created_watch_count", &m->node_created_watch_count, 1);
    put_summary(b, "node_deleted_watch_count", &m->node_deleted_watch_count, 1);
    put_summary(b, "node_changed_watch_count", &m->node_changed_watch_count, 1);
    put_summary(b, "node_children_watch_count", &m->node_children_watch_count, 1);
    if (v->a->load_ms >= 0) {
        uint64_t ms = (uint64_t)v->a->load_ms;
        struct rk_summary load = {.count = 1, .sum = ms, .min = ms, .max = ms};
        put_summary(b, "dbinittime", &load, 1);
    }
    put_zero_summaries(b, zero_summaries, COUNT_OF(zero_summaries), false);
    put_zero_summaries(b, zero_percentiles, COUNT_OF(zero_percentiles), true);
    if (!is_member(v)) {
        put_zero_summaries(b, standalone_zero_summaries, COUNT_OF(standalone_zero_summaries),
                           false);
        put_zero_summaries(b, standalone_zero_percentiles, COUNT_OF(standalone_zero_percentiles),
                           true);
    }
    put_summary(b, "readlatency", &m->readlatency, 1);
    put_percentiles(b, "readlatency", &m->readlatency_hist);
    put_summary(b, "updatelatency", &m->updatelatency, 1);
    put_percentiles(b, "updatelatency", &m->updatelatency_hist);
    put_summary(b, "election_time", &m->election_time, 1);
    put_summary(b, "follower_sync_time", &m->follower_sync_time, 1);
    put_summary(b, "observer_sync_time", &m->observer_sync_time, 1);
    put_summary(b, "unavailable_time", &m->unavailable_time, 1);
    put_summary(b, "leader_unavailable_time", &m->leader_unavailable_time, 1);
    put_summary(b, "inflight_snap_count", &m->inflight_snap_count, 1);
    put_summary(b, "inflight_diff_count", &m->inflight_diff_count, 1);
    put_summary(b, "quorum_ack_latency", &m->quorum_ack_latency, 1);
    put_percentiles(b, "quorum_ack_latency", &m->quorum_ack_latency_hist);
}

/* -- Our own
 * ---------------------------------------------------------------------------------------- */

/* The limits' other side: what is held now, what was turned away. */
static void put_own(struct view *v)
{
    const struct rk_shell_stats *s = &v->shell;
    put_value(v, "rookery_connections_peak", s->conn_peak);
    put_value(v, "rookery_connections_closing", s->closing_count);
    put_value(v, "rookery_connections_accepted", s->accepted);
    put_value(v, "rookery_connections_refused_no_fd", s->refused_no_fd);
    put_value(v, "rookery_connections_garbage", s->garbage);
    put_value(v, "rookery_connections_dropped_slow", s->dropped_slow);
    put_value(v, "rookery_connections_stalled", s->stalled_count);
    put_value(v, "rookery_input_bytes", s->input_bytes);
    put_value(v, "rookery_output_bytes", s->output_bytes);
    put_value(v, "rookery_bytes_read", s->bytes_read);
    put_value(v, "rookery_bytes_written", s->bytes_written);
    put_value(v, "rookery_turns", s->turns);
    put_value(v, "rookery_words", s->words);
    put_value(v, "rookery_log_bytes", s->log_appended_bytes);
    put_value(v, "rookery_log_is_full", s->is_log_full);
    put_value(v, "rookery_writes_refused_log_full", v->m->writes_refused_log_full);
    put_value(v, "rookery_quota_exceeded", v->m->quota_exceeded_error);
    put_value(v, "rookery_snapshots_written", s->snapshots_written);
    put_value(v, "rookery_snapshots_failed", s->snapshots_failed);
    put_value(v, "rookery_purged_files", s->purged_files);
    put_value(v, "rookery_memory_bytes", v->a->mem->used_bytes);
    put_value(v, "rookery_acl_lists", v->tree.acl_lists);
}

static void put_peers(struct view *v)
{
    const struct rk_shell_stats *s = &v->shell;
    put_value(v, "rookery_peer_channels", s->peer_chans);
    put_value(v, "rookery_peer_accepted", s->peer_accepted);
    put_value(v, "rookery_peer_refused", s->peer_refused);
    put_value(v, "rookery_peer_dials", s->peer_dials);
    put_value(v, "rookery_peer_dials_failed", s->peer_dials_failed);
    put_value(v, "rookery_peer_bytes_read", s->peer_bytes_read);
    put_value(v, "rookery_peer_bytes_written", s->peer_bytes_written);
    put_value(v, "rookery_peer_queue_bytes", s->peer_queue_bytes);
}

void rk_admin_mntr(struct rk_admin *a, struct rk_buf *b)
{
    struct view v = {.a = a, .b = b, .m = rk_core_metrics(a->core)};
    v.role = rk_admin_role(a, &v.report);
    a->sources.shell_stats(a->sources.ctx, &v.shell);
    rk_tree_counts(rk_core_tree(a->core), &v.tree);
    rk_admin_put_key(b, "", "version");
    rk_admin_put(b, rk_admin_version());
    rk_buf_put_u8(b, '\n');
    rk_admin_put_key(b, "", "server_state");
    rk_admin_put(b, rk_admin_role_text(v.role));
    rk_buf_put_u8(b, '\n');
    if (is_member(&v)) {
        rk_admin_put_member_gauges(a, b, v.role, &v.report);
    }
    put_gauges(&v);
    put_counters(&v);
    put_ops(&v);
    put_summaries(&v);
    put_own(&v);
    if (is_member(&v)) {
        put_peers(&v);
        rk_admin_put_member_own(a, b, &v.report);
    }
}
