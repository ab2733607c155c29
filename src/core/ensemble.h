/* The core as a member of an ensemble: what it has to be told at the start, and what others may see
 * of it. The machine itself is role.c (which role, and the way between two of them), peers.c
 * (election channels), leader*.c and learner*.c (Zab's phases on either side) and forward.c (client
 * requests on a learner). */
#ifndef RK_CORE_ENSEMBLE_H
#define RK_CORE_ENSEMBLE_H

#include "proto/peer.h"
#include "zab/members.h"

struct rk_core;

struct rk_ensemble_config {
    int64_t my_sid;
    struct rk_members members; /* rk_members_finish'ed, my_sid is in it */
    int32_t init_limit;        /* ticks: to connect and synchronise */
    int32_t sync_limit;        /* ticks: to be heard of */
    int32_t connect_limit_ms;  /* connectToLearnerMasterLimit * tick; 0: initLimit */
    int32_t cnx_timeout_ms;    /* cnxTimeout: election dials, 5000 */
    int64_t connect_retry_ms;  /* leaderConnectDelayDuringRetryMs; our default 20 */
    int64_t epoch_wait_ms; /* leader.maxTimeToWaitForEpoch: for voters that may still turn up, once
                              there are too few of them */
    int64_t election_min_ms, election_max_ms, election_finalize_ms;
    uint32_t commit_log_count;      /* zookeeper.commitLogCount, 500 */
    uint64_t history_bytes_max;     /* rookery.history.bytes: of those */
    uint64_t history_pin_bytes_max; /* rookery.history.pinBytes: while a snapshot is being sent */
    uint32_t max_concurrent_snap_syncs, max_concurrent_diff_syncs; /* observers beyond: refused */
    bool force_snapshot_sync;
    bool says_nothing_more; /* to a leader than Apache's learners do (RK_LEARNER_CUTS): for tests */
    int32_t snapshot_size_permille; /* snapshotSizeFactor: what log files may cost, of a snapshot;
                                       0 no limit, below they are not used */
    bool leader_serves;             /* leaderServes */
    bool local_sessions;            /* localSessionsEnabled */
    bool local_sessions_upgrading;  /* localSessionsUpgradingEnabled */
    bool read_only_mode;            /* readonlymode.enabled */
    bool may_initialize;       /* the marker file was there: having nothing is how it should be */
    bool observer_sync;        /* syncEnabled */
    int64_t observer_delay_ms; /* observer.election.DelayMs */
    uint32_t epoch_txns_max;   /* then another epoch is begun; 0: what zxids can count */
};

/* What the disk said at the start; before rk_core_start. */
void rk_core_set_epochs(struct rk_core *c, int64_t accepted, int64_t current, bool is_blank);

enum rk_phase {
    RK_PHASE_LEAVING, /* what the last role left behind is being made durable */
    RK_PHASE_ELECTION,
    RK_PHASE_DISCOVERY, /* leader: which epoch; learner: connecting, told the epoch */
    RK_PHASE_SYNCHRONIZATION,
    RK_PHASE_BROADCAST, /* clients are served */
};

/* For srvr, stat, mntr, mode and the log. */
struct rk_ensemble_report {
    bool is_standalone;
    enum rk_peer_state state;
    enum rk_phase phase;
    bool is_read_only; /* serving reads without a leader */
    bool is_amnesiac;
    int64_t my_sid;
    int64_t leader_sid; /* RK_SID_NONE: unknown */
    int64_t epoch;      /* current */
    int64_t accepted_epoch;
    rk_zxid last_logged;
    rk_zxid last_committed;
    int64_t election_ms; /* the last one took; -1: none yet */
    int64_t serving_ms;  /* since this role began to serve; 0: it does not */
    /* leader */
    uint32_t learners, synced_followers, synced_observers, synced_non_voting;
    uint32_t pending_syncs;
    uint64_t outstanding_proposals;
    int64_t last_proposal_bytes, min_proposal_bytes, max_proposal_bytes;
    uint64_t quorum_ack_count;
};
void rk_core_ensemble_report(const struct rk_core *c, struct rk_ensemble_report *ret);
/* Serves clients now (not read-only). */
bool rk_core_is_serving(const struct rk_core *c);

struct rk_learner_report {
    int64_t sid;
    bool is_observer;
    bool is_synced;
    rk_zxid last_acked;
    int64_t heard_ms_ago;
};
/* *index = 0 to start, false at the end. */
bool rk_core_next_learner(const struct rk_core *c, uint32_t *index, struct rk_learner_report *ret);

#endif
