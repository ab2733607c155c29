/* Known bugs, put back on purpose: what the simulator has to find (tools/mutants, docs/testing.md).
 * A build with -Dbugs=true knows them all and has at most one at a time; in any other RK_BUG is 0
 * and nothing of this is left. Each stands where its like stood or would stand, in a line or two.
 */
#ifndef RK_BASE_BUG_H
#define RK_BASE_BUG_H

#ifdef RK_BUGS

#include <stdint.h>

/* X(name, where it is to be found, issue, what). ENSEMBLE: among several servers; ALONE: by the
 * simulator of one. An issue of A1..E11 or Q is a row of the catalogue without a number upstream.
 */
#define RK_BUG_TABLE(X)                                                                            \
    /* -- synchronisation -- */                                                                    \
    X(NEWLEADER_ACKED_EARLY, ENSEMBLE, "ZK-3911", "NEWLEADER acked before history is durable")     \
    X(EPOCH_BEFORE_HISTORY, ENSEMBLE, "ZK-4643", "currentEpoch written before the history")        \
    X(ACK_BEFORE_FSYNC, ENSEMBLE, "ZK-4646", "a follower's ACK overtakes its fsync")               \
    X(ACKS_BEFORE_NEWLEADER, ENSEMBLE, "ZK-4685", "proposals acked before NEWLEADER")              \
    X(COMMIT_BEFORE_UPTODATE_LOST, ENSEMBLE, "ZK-4394", "COMMIT before UPTODATE dropped")          \
    X(SERVING_BEFORE_APPLY, ENSEMBLE, "ZK-3023", "serves before the sync's txns are applied")      \
    X(DIFF_ZXID_CLAIMED, ENSEMBLE, "ZK-2355", "a broken DIFF counts as complete")                  \
    X(HISTORY_HOLE, ENSEMBLE, "ZK-4925", "what a sync applies is not kept in history")             \
    X(WALK_SKIPS, ENSEMBLE, "ZK-2418", "a DIFF begins one txn too late")                           \
    X(DIFF_FOR_TRUNC, ENSEMBLE, "ZK-1154", "DIFF to a learner that has too much")                  \
    X(TRUNC_IGNORED, ENSEMBLE, "ZK-1489", "TRUNC cuts nothing")                                    \
    X(TRUNC_KEEPS_SNAPSHOTS, ENSEMBLE, "ZK-4837", "TRUNC leaves newer snapshots")                  \
    X(TRUNC_KEPT_IN_MEMORY, ENSEMBLE, "ZK-5094", "memory keeps what TRUNC cut off the log")        \
    X(SNAP_KEPT_IN_MEMORY, ENSEMBLE, "ZK-3642", "memory keeps a SNAP that is not on disk")         \
    X(SNAP_KEEPS_LOG, ENSEMBLE, "ZK-1549", "the old log stays beside the leader's snapshot")       \
    X(SNAP_LABELLED_NEWER, ENSEMBLE, "ZK-3104", "SNAP labelled newer than its content")            \
    X(SESSIONS_LOST_IN_SYNC, ENSEMBLE, "ZK-1367", "sessions of a sync's txns not tracked")         \
    /* -- leaving a role, voting -- */                                                             \
    X(TAIL_LOST, ENSEMBLE, "ZK-2845", "a deposed leader forgets its log's tail")                   \
    X(APPENDS_FORGOTTEN, ENSEMBLE, "ZK-4712", "appends in the log's queue forgotten")              \
    X(VOTE_OF_APPLIED, ENSEMBLE, "ZK-596", "votes with the applied zxid, not the logged one")      \
    X(VOTE_IGNORES_EPOCH, ENSEMBLE, "ZK-335", "votes compared by zxid alone")                      \
    X(ROUND_NOT_RAISED, ENSEMBLE, "ZK-3109", "a later round of election is not entered")           \
    X(WIPED_VOTES, ENSEMBLE, "ZK-261", "a server whose disk was lost votes")                       \
    X(CLOSING_SURVIVES, ENSEMBLE, "ZK-1496", "a session stays closing when its close is lost")     \
    /* -- epochs -- */                                                                             \
    X(EPOCH_COUNTED_TWICE, ENSEMBLE, "ZK-1081", "an epoch accepted before counts again")           \
    X(EPOCH_OFFERED_EARLY, ENSEMBLE, "ZK-1282", "LEADERINFO before acceptedEpoch is durable")      \
    X(EPOCH_PROMISED_EARLY, ENSEMBLE, "ZK-1291", "ACKEPOCH before acceptedEpoch is durable")       \
    X(EPOCH_BEFORE_QUORUM, ENSEMBLE, "ZK-790", "currentEpoch raised before a quorum accepts")      \
    X(AHEAD_ACCEPTED, ENSEMBLE, "ZK-1192", "leads followers that have more than itself")           \
    /* -- quorums -- */                                                                            \
    X(SERVING_WITHOUT_QUORUM, ENSEMBLE, "A1", "leads before a quorum acked NEWLEADER")             \
    X(QUORUM_OF_HALF, ENSEMBLE, "E3", "one vote less than a quorum is enough")                     \
    X(COMMIT_OF_LESS, ENSEMBLE, "A1", "commits with one ACK less than a quorum")                   \
    X(OBSERVERS_COUNT, ENSEMBLE, "ZK-2959", "observers count in the leader's quorums")             \
    X(ACK_COUNTS_FOR_ALL, ENSEMBLE, "A3", "an ACK counts for everything proposed")                 \
    X(LEADER_ACKS_EARLY, ENSEMBLE, "A1", "the leader counts itself before its fsync")              \
    X(STALE_ACKS_COUNT, ENSEMBLE, "A15", "ACKs count although TRUNC took what they were for")      \
    X(UNCOMMITTED_APPLIED, ENSEMBLE, "ZK-2846", "a COMMIT applies all that is logged")             \
    X(LEADS_WITHOUT_QUORUM, ENSEMBLE, "ZK-1699", "no stepping down when the quorum is gone")       \
    X(REFUSES_UNSURE, ENSEMBLE, "E", "a deposed leader refuses a session of its successor")        \
    X(SYNC_WITHOUT_QUORUM, ENSEMBLE, "ZK-1675", "sync answered by a deposed leader")               \
    X(SILENCE_IGNORED, ENSEMBLE, "R4", "a learner that hears nothing goes on serving")             \
    X(ROLL_OVER_IGNORED, ENSEMBLE, "ZK-1277", "the zxid's counter runs over")                      \
    /* -- sessions and clients -- */                                                               \
    X(EXPIRY_NOT_RESTARTED, ENSEMBLE, "ZK-1367", "a new leader watches over no session")           \
    X(TOUCHES_LOST, ENSEMBLE, "C6", "followers do not tell which sessions are alive")              \
    X(CLOSING_MAY_WRITE, ENSEMBLE, "ZK-1208", "writes of a closing session are accepted")          \
    X(PENDING_EPHEMERALS_STAY, ENSEMBLE, "ZK-1208", "closeSession misses ephemerals in flight")    \
    X(MOVED_NOT_CHECKED, ENSEMBLE, "ZK-710", "writes from where a session has left")               \
    X(ANSWER_OF_ANOTHER, ENSEMBLE, "ZK-1863", "a write answered with another one's outcome")       \
    X(READ_OVERTAKES, ENSEMBLE, "ZK-1863", "a read overtakes its client's write")                  \
    X(CLIENT_AHEAD_TAKEN, ENSEMBLE, "ZK-3994", "a client that saw more is taken")                  \
    X(EVENT_AFTER_REPLY, ENSEMBLE, "D1", "watch event behind the reply")                           \
    X(READ_ZXID_AHEAD, ENSEMBLE, "ZK-1412", "a read's header names a later zxid")                  \
    X(EVENT_WITHOUT_ACL, ENSEMBLE, "CVE-2024-23944", "watch event to who may not read")            \
    /* -- files -- */                                                                              \
    X(SNAPSHOT_WITHOUT_SESSIONS, ENSEMBLE, "ZK-1090", "snapshots hold no sessions")                \
    X(EPOCH_UNSYNCED, ENSEMBLE, "ZK-1653", "epoch file renamed before it is synced")               \
    X(EPOCH_DIR_UNSYNCED, ENSEMBLE, "ZK-1653", "epoch file's directory not synced")                \
    X(EPOCH_PART_FATAL, ENSEMBLE, "ZK-4269", "no start with a leftover acceptedEpoch.tmp")         \
    X(EPOCH_BEHIND_FATAL, ENSEMBLE, "ZK-2307", "no start with currentEpoch behind the log")        \
    X(COMMIT_UNSYNCED, ALONE, "ZK-3595", "the log's commit does not sync")                         \
    X(LOG_DIR_UNSYNCED, ALONE, "B7", "a new log's directory entry is not synced")                  \
    X(SNAPSHOT_UNSYNCED, ALONE, "ZK-2872", "a snapshot gets its name before it is synced")         \
    X(TORN_TAIL_FATAL, ALONE, "ZK-2561", "no start with a torn tail of the log")                   \
    X(DAMAGE_IS_TORN, ALONE, "B6", "a log is cut at any bad record")                               \
    X(PURGE_TAKES_LOG, ALONE, "ZK-2574", "purge takes the log its oldest snapshot needs")          \
    X(PURGE_UNCHECKED, ALONE, "ZK-3231", "purge keeps snapshots that cannot be read")

enum rk_bug {
    RK_BUG_NONE,
#define RK_BUG_ENUM(name, where, issue, text) RK_BUG_##name,
    RK_BUG_TABLE(RK_BUG_ENUM)
#undef RK_BUG_ENUM
        RK_BUG_COUNT
};

extern uint32_t rk_bug_active;

#define RK_BUG(name) (rk_bug_active == RK_BUG_##name)

#else

#define RK_BUG(name) 0

#endif

#endif
