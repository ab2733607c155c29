/* Rows of config_table.h that only a member of an ensemble uses. ZK: QuorumPeerConfig, QuorumPeer,
 * QuorumCnxManager, FastLeaderElection, Leader, Learner, ZKDatabase. */
#ifndef RK_SERVER_CONFIG_TABLE_ENSEMBLE_H
#define RK_SERVER_CONFIG_TABLE_ENSEMBLE_H

#define RK_CONFIG_ENSEMBLE_KEYS(X)                                                                 \
    /* -- how long -- */                                                                           \
    X(init_limit, "initLimit", NULL, INT, 1, RK_I32_MAX, -1, RK_KEY_ENSEMBLE)                      \
    X(sync_limit, "syncLimit", NULL, INT, 1, RK_I32_MAX, -1, RK_KEY_ENSEMBLE)                      \
    X(connect_limit, "connectToLearnerMasterLimit", NULL, INT, 0, RK_I32_MAX, 0, RK_KEY_ENSEMBLE)  \
    X(connect_retry, "leaderConnectDelayDuringRetryMs", NULL, DECODE, 1, 60000, 20,                \
      RK_KEY_ENSEMBLE)                                                                             \
    X(cnx_timeout, "cnxTimeout", NULL, DECODE, 1, RK_I32_MAX, 5000, RK_KEY_ENSEMBLE)               \
    X(election_min, "fastleader.minNotificationInterval", NULL, DECODE, 1, RK_I32_MAX, 200,        \
      RK_KEY_ENSEMBLE)                                                                             \
    X(election_max, "fastleader.maxNotificationInterval", NULL, DECODE, 1, RK_I32_MAX, 60000,      \
      RK_KEY_ENSEMBLE)                                                                             \
    X(epoch_wait, "leader.maxTimeToWaitForEpoch", "maxTimeToWaitForEpoch", DECODE, -1, RK_I32_MAX, \
      -1, RK_KEY_ENSEMBLE)                                                                         \
    /* -- connections between servers -- */                                                        \
    X(election_alg, "electionAlg", NULL, INT, RK_I32_MIN, RK_I32_MAX, 3, RK_KEY_ENSEMBLE)          \
    X(listen_on_all, "quorumListenOnAllIPs", NULL, BOOL, 0, 1, 0, RK_KEY_ENSEMBLE)                 \
    X(bind_retry, "electionPortBindRetry", NULL, DECODE, 0, RK_I32_MAX, 3, RK_KEY_ENSEMBLE)        \
    X(peer_keep_alive, "tcpKeepAlive", NULL, BOOL, 0, 1, 0, RK_KEY_ENSEMBLE)                       \
    X(peer_accepted, "rookery.peer.accepted", NULL, DECODE, 16, 65536, -1,                         \
      RK_KEY_OWN | RK_KEY_ENSEMBLE)                                                                \
    X(peer_queue, "rookery.peer.queueBytes", NULL, BYTES, 1 << 20, RK_SIZE_MAX, -1,                \
      RK_KEY_OWN | RK_KEY_ENSEMBLE)                                                                \
    /* -- what a leader does for those who follow -- */                                            \
    X(leader_serves, "leaderServes", NULL, YES_NO, 0, 1, 1, RK_KEY_ENSEMBLE)                       \
    X(commit_log_count, "commitLogCount", NULL, DECODE, RK_I32_MIN, RK_I32_MAX, 500,               \
      RK_KEY_ENSEMBLE)                                                                             \
    X(history_bytes, "rookery.history.bytes", NULL, BYTES, 0, RK_SIZE_MAX, INT64_C(64) << 20,      \
      RK_KEY_OWN | RK_KEY_ENSEMBLE)                                                                \
    X(history_pin_bytes, "rookery.history.pinBytes", NULL, BYTES, 0, RK_SIZE_MAX,                  \
      INT64_C(256) << 20, RK_KEY_OWN | RK_KEY_ENSEMBLE)                                            \
    X(snapshot_size_factor, "snapshotSizeFactor", NULL, FACTOR, -RK_SIZE_MAX, RK_SIZE_MAX, 330000, \
      RK_KEY_ENSEMBLE)                                                                             \
    X(snap_syncs, "leader.maxConcurrentSnapSyncs", "maxConcurrentSnapSyncs", DECODE, 1,            \
      RK_I32_MAX, 10, RK_KEY_ENSEMBLE)                                                             \
    X(diff_syncs, "leader.maxConcurrentDiffSyncs", "maxConcurrentDiffSyncs", DECODE, 1,            \
      RK_I32_MAX, 100, RK_KEY_ENSEMBLE)                                                            \
    X(force_snapshot_sync, "forceSnapshotSync", NULL, BOOL, 0, 1, 0, RK_KEY_ENSEMBLE)              \
    /* -- observers -- */                                                                          \
    X(observer_sync, "observer.syncEnabled", "syncEnabled", BOOL, 0, 1, 1, RK_KEY_ENSEMBLE)        \
    X(observer_delay, "observer.election.DelayMs", NULL, DECODE, 0, RK_I32_MAX, 200,               \
      RK_KEY_ENSEMBLE)                                                                             \
    /* -- sessions that the leader does not know -- */                                             \
    X(local_sessions, "localSessionsEnabled", NULL, BOOL, 0, 1, 0, RK_KEY_ENSEMBLE)                \
    X(local_upgrading, "localSessionsUpgradingEnabled", NULL, BOOL, 0, 1, 0, RK_KEY_ENSEMBLE)

#endif
