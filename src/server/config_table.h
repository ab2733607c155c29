/* The keys this server honours, as one table. Each has a place in rk_server_config.settings under
 * RK_KEY_<id>. ZK: QuorumPeerConfig.parseProperties for the keys it parses; for the rest the class
 * that reads the system property zookeeper.<name>. */
#ifndef RK_SERVER_CONFIG_TABLE_H
#define RK_SERVER_CONFIG_TABLE_H

#include "base/types.h"
#include "server/config_table_ensemble.h"

enum rk_key_kind {
    RK_KIND_TEXT,
    RK_KIND_INT,    /* Integer.parseInt: decimal */
    RK_KIND_DECODE, /* Integer.getInteger: decimal, 0x hexadecimal, 0 octal */
    RK_KIND_BYTES,  /* DECODE, or decimal with k, m or g behind it (own keys) */
    RK_KIND_BOOL,   /* true, false in any case */
    RK_KIND_YES_NO, /* yes, no */
    RK_KIND_PPM,    /* decimal fraction, kept in millionths */
    RK_KIND_FACTOR, /* decimal number, kept in millionths; may be below 0 */
    RK_KIND_HOURS,  /* hours, or a number with ms, s, m, h or d; kept in ms */
};

/* How a key may be given. */
enum rk_key_flag {
    RK_KEY_BARE = 1,     /* Apache reads -Dname only, without the prefix: -D wins over zoo.cfg */
    RK_KEY_SECRET = 2,   /* its value is never shown */
    RK_KEY_OWN = 4,      /* not Apache's */
    RK_KEY_ENSEMBLE = 8, /* only a member of an ensemble uses it */
};

#define RK_I32_MAX  INT64_C(0x7fffffff)
#define RK_I32_MIN  (-RK_I32_MAX - 1)
#define RK_SIZE_MAX (INT64_C(1) << 50)

/* X(id, name, the name Apache's documentation prints if it differs or NULL, kind, min, max,
 * default, flags). A default of a text is NULL. -1 stands for "not given" where it can be no value.
 */
#define RK_CONFIG_KEYS(X)                                                                          \
    /* -- where -- */                                                                              \
    X(data_dir, "dataDir", NULL, TEXT, 0, 0, 0, 0)                                                 \
    X(data_log_dir, "dataLogDir", NULL, TEXT, 0, 0, 0, 0)                                          \
    X(client_port, "clientPort", NULL, INT, 0, 65535, -1, 0)                                       \
    X(client_port_address, "clientPortAddress", NULL, TEXT, 0, 0, 0, 0)                            \
    X(secure_client_port, "secureClientPort", NULL, INT, 0, 65535, -1, 0)                          \
    X(secure_client_port_address, "secureClientPortAddress", NULL, TEXT, 0, 0, 0, 0)               \
    X(listen_backlog, "clientPortListenBacklog", NULL, INT, -1, RK_I32_MAX, -1, 0)                 \
    X(dynamic_config_file, "dynamicConfigFile", NULL, TEXT, 0, 0, 0, 0)                            \
    X(standalone_enabled, "standaloneEnabled", NULL, BOOL, 0, 1, 1, 0)                             \
    X(peer_type, "peerType", NULL, TEXT, 0, 0, 0, 0)                                               \
    RK_CONFIG_ENSEMBLE_KEYS(X)                                                                     \
    /* -- sessions and connections -- */                                                           \
    X(tick_time, "tickTime", NULL, INT, 1, RK_I32_MAX, 3000, 0)                                    \
    X(min_session_timeout, "minSessionTimeout", NULL, INT, -1, RK_I32_MAX, -1, 0)                  \
    X(max_session_timeout, "maxSessionTimeout", NULL, INT, -1, RK_I32_MAX, -1, 0)                  \
    X(max_client_cnxns, "maxClientCnxns", NULL, INT, RK_I32_MIN, RK_I32_MAX, 60, 0)                \
    X(max_cnxns, "maxCnxns", NULL, DECODE, RK_I32_MIN, RK_I32_MAX, 0, 0)                           \
    X(tcp_keep_alive, "clientTcpKeepAlive", NULL, BOOL, 0, 1, 0, 0)                                \
    X(sessionless_timeout, "nio.sessionlessCnxnTimeout", NULL, DECODE, 1, RK_I32_MAX, 10000, 0)    \
    X(close_session_txn, "closeSessionTxn.enabled", NULL, BOOL, 0, 1, 1, 0)                        \
    /* -- sizes and throttles -- */                                                                \
    X(jute_maxbuffer, "jute.maxbuffer", NULL, DECODE, 64, RK_I32_MAX, 0xfffff, RK_KEY_BARE)        \
    X(jute_extrasize, "jute.maxbuffer.extrasize", NULL, DECODE, 0, RK_I32_MAX, -1, 0)              \
    X(global_outstanding_limit, "globalOutstandingLimit", NULL, DECODE, 0, RK_I32_MAX, 1000, 0)    \
    X(request_throttle_max, "request_throttle_max_requests", "requestThrottleLimit", DECODE,       \
      RK_I32_MIN, RK_I32_MAX, 0, 0)                                                                \
    X(request_throttle_drop_stale, "request_throttle_drop_stale", "requestThrottleDropStale",      \
      BOOL, 0, 1, 1, 0)                                                                            \
    X(request_stale_latency_check, "request_stale_latency_check", "requestStaleLatencyCheck",      \
      BOOL, 0, 1, 0, 0)                                                                            \
    X(request_stale_connection_check, "request_stale_connection_check",                            \
      "requestStaleConnectionCheck", BOOL, 0, 1, 1, 0)                                             \
    X(throttled_op_wait_time, "throttled_op_wait_time", "throttledOpWaitTime", DECODE, 0,          \
      RK_I32_MAX, 0, 0)                                                                            \
    X(large_request_threshold, "largeRequestThreshold", NULL, DECODE, -1, RK_I32_MAX, -1, 0)       \
    X(large_request_max_bytes, "largeRequestMaxBytes", NULL, DECODE, 1, RK_I32_MAX, 104857600, 0)  \
    X(connect_tokens, "connection_throttle_tokens", "connectionMaxTokens", DECODE, 0, RK_I32_MAX,  \
      0, 0)                                                                                        \
    X(connect_fill_time, "connection_throttle_fill_time", "connectionTokenFillTime", DECODE, 1,    \
      RK_I32_MAX, 1, 0)                                                                            \
    X(connect_fill_count, "connection_throttle_fill_count", "connectionTokenFillCount", DECODE, 0, \
      RK_I32_MAX, 1, 0)                                                                            \
    X(connect_freeze_time, "connection_throttle_freeze_time", "connectionFreezeTime", DECODE, -1,  \
      RK_I32_MAX, -1, 0)                                                                           \
    X(connect_drop_increase, "connection_throttle_drop_increase", "connectionDropIncrease", PPM,   \
      0, 1000000, 20000, 0)                                                                        \
    X(connect_drop_decrease, "connection_throttle_drop_decrease", "connectionDropDecrease", PPM,   \
      0, 1000000, 2000, 0)                                                                         \
    X(connect_decrease_ratio, "connection_throttle_decrease_ratio", "connectionDecreaseRatio",     \
      PPM, 0, 1000000, 0, 0)                                                                       \
    X(connect_weight_enabled, "connection_throttle_weight_enabled", NULL, BOOL, 0, 1, 0, 0)        \
    X(connect_weight_global, "connection_throttle_global_session_weight", NULL, DECODE, 1,         \
      1000000, 3, 0)                                                                               \
    X(connect_weight_local, "connection_throttle_local_session_weight", NULL, DECODE, 1, 1000000,  \
      1, 0)                                                                                        \
    X(connect_weight_renew, "connection_throttle_renew_session_weight", NULL, DECODE, 1, 1000000,  \
      2, 0)                                                                                        \
    /* -- znodes -- */                                                                             \
    X(extended_types, "extendedTypesEnabled", NULL, BOOL, 0, 1, 0, 0)                              \
    X(emulate_353_ttl, "emulate353TTLNodes", NULL, BOOL, 0, 1, 0, 0)                               \
    X(reconfig_enabled, "reconfigEnabled", NULL, BOOL, 0, 1, 0, 0)                                 \
    X(enforce_quota, "enforceQuota", NULL, BOOL, 0, 1, 0, 0)                                       \
    X(digest, "digest.enabled", NULL, BOOL, 0, 1, 1, 0)                                            \
    X(container_check, "znode.container.checkIntervalMs", NULL, DECODE, 0, RK_I32_MAX, 60000,      \
      RK_KEY_BARE)                                                                                 \
    X(container_per_minute, "znode.container.maxPerMinute", NULL, DECODE, 1, RK_I32_MAX, 10000,    \
      RK_KEY_BARE)                                                                                 \
    X(container_never_used, "znode.container.maxNeverUsedIntervalMs", NULL, DECODE, 0, INT64_MAX,  \
      0, RK_KEY_BARE)                                                                              \
    /* -- who may do what -- */                                                                    \
    X(skip_acl, "skipACL", NULL, YES_NO, 0, 1, 0, 0)                                               \
    X(digest_scheme, "DigestAuthenticationProvider.enabled", NULL, BOOL, 0, 1, 1, 0)               \
    X(super_digest, "DigestAuthenticationProvider.superDigest", NULL, TEXT, 0, 0, 0,               \
      RK_KEY_SECRET)                                                                               \
    X(digest_alg, "DigestAuthenticationProvider.digestAlg", NULL, TEXT, 0, 0, 0, 0)                \
    X(ensemble_names, "ensembleAuthName", NULL, TEXT, 0, 0, 0, 0)                                  \
    X(enforce_auth_enabled, "enforce.auth.enabled", NULL, BOOL, 0, 1, 0, 0)                        \
    X(enforce_auth_schemes, "enforce.auth.schemes", NULL, TEXT, 0, 0, 0, 0)                        \
    X(require_sasl, "sessionRequireClientSASLAuth", NULL, BOOL, 0, 1, 0, 0)                        \
    /* -- disk -- */                                                                               \
    X(snap_count, "snapCount", NULL, DECODE, RK_I32_MIN, RK_I32_MAX, 100000, 0)                    \
    X(snap_size_limit, "snapSizeLimitInKb", NULL, DECODE, INT64_MIN, RK_SIZE_MAX / 1024, 4194304,  \
      0)                                                                                           \
    X(snap_compression, "snapshot.compression.method", NULL, TEXT, 0, 0, 0, 0)                     \
    X(snap_trust_empty, "snapshot.trust.empty", NULL, BOOL, 0, 1, 0, 0)                            \
    X(prealloc_size, "preAllocSize", NULL, INT, INT64_MIN, RK_SIZE_MAX / 1024, 65536, 0)           \
    X(log_size_limit, "txnLogSizeLimitInKb", NULL, DECODE, INT64_MIN, RK_SIZE_MAX / 1024, -1, 0)   \
    X(force_sync, "forceSync", NULL, YES_NO, 0, 1, 1, 0)                                           \
    X(fsync_warn, "fsync.warningthresholdms", NULL, DECODE, 0, INT64_MAX, 1000, 0)                 \
    X(datadir_autocreate, "datadir.autocreate", NULL, BOOL, 0, 1, 1, 0)                            \
    X(db_autocreate, "db.autocreate", NULL, BOOL, 0, 1, 1, 0)                                      \
    X(purge_keep, "autopurge.snapRetainCount", NULL, INT, RK_I32_MIN, RK_I32_MAX, 3, 0)            \
    X(purge_interval, "autopurge.purgeInterval", NULL, HOURS, INT64_MIN, INT64_MAX, 0, 0)          \
    /* -- four-letter words -- */                                                                  \
    X(words, "4lw.commands.whitelist", NULL, TEXT, 0, 0, 0, 0)                                     \
    X(read_only_mode, "readonlymode.enabled", NULL, BOOL, 0, 1, 0, RK_KEY_BARE)                    \
    /* -- this server's own; -1: the default is the shell's, or the machine's -- */                \
    X(log_level, "rookery.log.level", NULL, TEXT, 0, 0, 0, RK_KEY_OWN)                             \
    X(conn_max, "rookery.connections.max", NULL, DECODE, 2, 4194304, -1, RK_KEY_OWN)               \
    X(conn_outstanding, "rookery.requests.perConnection", NULL, DECODE, 1, 1000000, 1000,          \
      RK_KEY_OWN)                                                                                  \
    X(queued_bytes, "rookery.requests.queuedBytes", NULL, BYTES, 1, RK_SIZE_MAX,                   \
      INT64_C(256) << 20, RK_KEY_OWN)                                                              \
    X(inflight_bytes, "rookery.requests.inflightBytes", NULL, BYTES, 1, INT64_C(1) << 30,          \
      INT64_C(64) << 20, RK_KEY_OWN)                                                               \
    X(watch_per_conn, "rookery.watches.perConnection", NULL, DECODE, 0, RK_I32_MAX, 1000000,       \
      RK_KEY_OWN)                                                                                  \
    X(watch_total, "rookery.watches.total", NULL, DECODE, 0, RK_I32_MAX, 20000000, RK_KEY_OWN)     \
    X(input_bytes, "rookery.input.totalBytes", NULL, BYTES, 1, RK_SIZE_MAX, -1, RK_KEY_OWN)        \
    X(output_pause, "rookery.output.pauseBytes", NULL, BYTES, 1, RK_SIZE_MAX, -1, RK_KEY_OWN)      \
    X(output_drop, "rookery.output.dropBytes", NULL, BYTES, 1, RK_SIZE_MAX, -1, RK_KEY_OWN)        \
    X(output_total, "rookery.output.totalBytes", NULL, BYTES, 1, RK_SIZE_MAX, -1, RK_KEY_OWN)      \
    X(output_stall, "rookery.output.stallMs", NULL, DECODE, 1, RK_I32_MAX, -1, RK_KEY_OWN)         \
    X(log_direct, "rookery.log.direct", NULL, BOOL, 0, 1, 1, RK_KEY_OWN)                           \
    X(log_reserve, "rookery.log.reserveBytes", NULL, BYTES, 0, RK_SIZE_MAX, -1, RK_KEY_OWN)        \
    X(shutdown, "rookery.shutdownMs", NULL, DECODE, 0, RK_I32_MAX, -1, RK_KEY_OWN)                 \
    X(slice_nodes, "rookery.snapshot.sliceNodes", NULL, DECODE, 1, 1000000, 2000, RK_KEY_OWN)      \
    X(allow_holes, "rookery.allowHoles", NULL, BOOL, 0, 1, 0, RK_KEY_OWN)                          \
    X(answer_bytes, "rookery.4lw.answerBytes", NULL, BYTES, 4096, INT64_C(256) << 20,              \
      INT64_C(8) << 20, RK_KEY_OWN)

enum rk_key_id {
#define RK_KEY_ENUM(id, name, doc, kind, min, max, def, flags) RK_KEY_##id,
    RK_CONFIG_KEYS(RK_KEY_ENUM)
#undef RK_KEY_ENUM
        RK_KEY_COUNT
};

#endif
