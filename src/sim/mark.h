/* Coverage marks and counters: what a run met. A mark that a campaign of some hundred seeds never
 * hits means that the simulator no longer tests what it claims to, and fails the campaign. */
#ifndef RK_SIM_MARK_H
#define RK_SIM_MARK_H

#include "base/types.h"

/* X(NAME, "what was met") */
#define RK_SIM_MARK_TABLE(X)                                                                       \
    X(CRASH_IN_APPEND, "crash between a log write and its sync")                                   \
    X(CRASH_IN_ROLL, "crash while a log file is begun")                                            \
    X(CRASH_IN_SNAPSHOT, "crash while a snapshot is written")                                      \
    X(CRASH_IN_SNAPSHOT_RENAME, "crash around a snapshot's rename or directory sync")              \
    X(CRASH_IN_PURGE, "crash while old files are purged")                                          \
    X(CRASH_IN_EPOCH, "crash while an epoch file is written")                                      \
    X(CRASH_IN_START, "crash while starting")                                                      \
    X(CRASH_IDLE, "crash with no disk call under way")                                             \
    X(CRASH_KILL, "the process alone died")                                                        \
    X(CRASH_POWER_NONE, "power lost, nothing unsynced survived")                                   \
    X(CRASH_POWER_ALL, "power lost, everything unsynced survived")                                 \
    X(CRASH_POWER_PREFIX, "power lost, a prefix survived")                                         \
    X(CRASH_POWER_SUBSET, "power lost, a subset survived")                                         \
    X(CRASH_POWER_GARBAGE, "power lost, sectors with nonsense")                                    \
    X(POWER_AFTER_KILL, "power lost after a restart from unsynced files")                          \
    X(STOP_CLEAN, "orderly stop")                                                                  \
    X(TXNS_LOST, "transactions in flight were lost by a crash")                                    \
    X(TXNS_SURVIVED, "transactions in flight survived a crash unacknowledged")                     \
    X(EFFECTS_LOST, "a crash between a step and its effects")                                      \
    X(TORN_TAIL, "recovery passed over a torn tail")                                               \
    X(BAD_SNAPSHOT, "recovery passed over a bad snapshot")                                         \
    X(START_FRESH, "start on an empty disk")                                                       \
    X(START_SNAPSHOT_ONLY, "start from a snapshot with nothing to replay")                         \
    X(START_REPLAY, "start that replayed transactions")                                            \
    X(START_REFUSED_EIO, "start refused because files could not be read")                          \
    X(START_REFUSED_ROT, "start refused because of damage")                                        \
    X(START_DESPITE_ROT, "start that was right in spite of damage")                                \
    X(ROT_LOG, "bytes of a log changed at rest")                                                   \
    X(ROT_SNAPSHOT, "bytes of a snapshot changed at rest")                                         \
    X(LOG_LOST, "a log file went missing")                                                         \
    X(PROBE, "another outcome of the same crash was tried")                                        \
    X(FAULT_LOG_WRITE, "a log write failed")                                                       \
    X(FAULT_LOG_SYNC, "a log sync failed")                                                         \
    X(FAULT_LOG_SYNC_DIR, "a sync of the log directory failed")                                    \
    X(FAULT_LOG_OTHER, "another disk call of the log failed")                                      \
    X(FAULT_SNAP, "a disk call of a snapshot failed")                                              \
    X(FAULT_PURGE, "a disk call of a purge failed")                                                \
    X(DISK_FULL, "the server saw a full disk")                                                     \
    X(DISK_ROOM, "the server saw room again")                                                      \
    X(WRITE_REFUSED_FULL, "a write was refused for lack of room")                                  \
    X(SNAP_DONE, "a snapshot was finished")                                                        \
    X(SNAP_FAILED, "a snapshot failed")                                                            \
    X(SNAP_CHECKED, "a finished snapshot was read back and compared")                              \
    X(SNAP_BESIDE_WRITES, "transactions were applied while a snapshot was taken")                  \
    X(SNAP_GZIP, "a gzip snapshot was loaded")                                                     \
    X(SNAP_SNAPPY, "a snappy snapshot was loaded")                                                 \
    X(PURGED, "old files were removed")                                                            \
    X(LOG_ROLLED, "a log file was rolled")                                                         \
    X(GROUP_COMMIT, "one commit for several transactions")                                         \
    X(EPOCH_WRITTEN, "an epoch file was written")                                                  \
    X(SESSION_NEW, "session created")                                                              \
    X(SESSION_REATTACHED, "session reattached")                                                    \
    X(SESSION_REATTACHED_AFTER_CRASH, "session reattached to a restarted server")                  \
    X(SESSION_REFUSED, "reattach refused")                                                         \
    X(SESSION_STOLEN, "session moved from a live connection")                                      \
    X(SESSION_EXPIRED, "session expired")                                                          \
    X(SESSION_EXPIRED_EPHEMERALS, "session with ephemerals expired")                               \
    X(SESSION_CLOSED, "session closed by its client")                                              \
    X(HANDSHAKE_AHEAD, "client ahead of the server turned away")                                   \
    X(HANDSHAKE_BAD, "malformed handshake")                                                        \
    X(EARLY_REQUESTS, "requests sent behind the handshake at once")                                \
    X(PAUSED, "a connection was paused")                                                           \
    X(THROTTLED_OP, "a request was answered THROTTLED_OP")                                         \
    X(WATCH_LIMIT, "the limit of watches was hit")                                                 \
    X(READ_HELD, "a read waited behind a write of its connection")                                 \
    X(MULTI_OK, "a multi succeeded")                                                               \
    X(MULTI_FAILED, "a multi failed half-way")                                                     \
    X(MULTI_READ, "a multiRead was answered")                                                      \
    X(SEQUENTIAL, "a sequential node was created")                                                 \
    X(CONTAINER, "a container was created")                                                        \
    X(TTL, "a TTL node was created")                                                               \
    X(REAPED, "the server deleted a container or TTL node")                                        \
    X(SET_ACL, "a setACL succeeded")                                                               \
    X(NO_AUTH, "a permission was missing")                                                         \
    X(AUTH_OK, "a login")                                                                          \
    X(AUTH_FAILED, "a failed login")                                                               \
    X(AUTH_REQUIRED, "a request without the required login")                                       \
    X(SUPER, "a super user passed an ACL")                                                         \
    X(QUOTA_SET, "a quota was set")                                                                \
    X(QUOTA_EXCEEDED, "a write was refused by a quota")                                            \
    X(EVENT_CREATED, "watch event NodeCreated")                                                    \
    X(EVENT_DELETED, "watch event NodeDeleted")                                                    \
    X(EVENT_DATA, "watch event NodeDataChanged")                                                   \
    X(EVENT_CHILDREN, "watch event NodeChildrenChanged")                                           \
    X(EVENT_PERSISTENT, "event for a persistent watch")                                            \
    X(EVENT_RECURSIVE, "event for a recursive watch")                                              \
    X(EVENT_FILTERED, "event withheld by an ACL")                                                  \
    X(EVENT_CATCH_UP, "missed event delivered by setWatches")                                      \
    X(WATCH_REMOVED, "watches removed on request")                                                 \
    X(OP_UNKNOWN, "unknown operation")                                                             \
    X(OP_MALFORMED, "malformed request answered")                                                  \
    X(FRAME_GARBAGE, "bytes that are no frame")                                                    \
    X(NET_RESET, "connection reset")                                                               \
    X(NET_SPLIT, "a frame came in pieces")                                                         \
    X(CLOCK_STEP, "the wall clock jumped")                                                         \
    X(LIBRARY_CLIENT, "a life of the client machine began")                                        \
    X(LIBRARY_RESUMED, "the client machine came back to its session")                              \
    X(LIBRARY_NO_MEMORY, "the client machine's memory ran out")                                    \
    X(LIVENESS, "everything was answered after the faults ended")

/* Only an ensemble can. */
#define RK_SIM_ENSEMBLE_MARK_TABLE(X)                                                              \
    X(LEADER_SERVES, "a leader began to serve")                                                    \
    X(LEARNER_SERVES, "a learner began to serve")                                                  \
    X(SYNC_DIFF, "DIFF")                                                                           \
    X(SYNC_TRUNC, "TRUNC")                                                                         \
    X(SYNC_SNAP, "SNAP")                                                                           \
    X(SYNC_FORCED, "SNAP, as configured")                                                          \
    X(SYNC_EQUAL, "DIFF of nothing")                                                               \
    X(SYNC_AHEAD, "TRUNC of a learner that has more")                                              \
    X(SYNC_WALK, "DIFF from history")                                                              \
    X(SYNC_WALK_NEW_EPOCH, "DIFF to a learner at the beginning of an epoch")                       \
    X(SYNC_WALK_OTHER_EPOCH, "SNAP to a learner with transactions of another epoch")               \
    X(SYNC_CUT, "TRUNC over epochs")                                                               \
    X(SYNC_BEGINNING, "DIFF to a learner where history begins")                                    \
    X(SYNC_LOG, "log files for a learner behind history")                                          \
    X(SYNC_NO_LOG, "SNAP because the log files do not lead there")                                 \
    X(LOG_READ, "a slice of the log was read for a learner")                                       \
    X(LOG_NOT_READ, "the log could not be read for a learner")                                     \
    X(SYNC_TOO_OLD, "SNAP to a learner behind history")                                            \
    X(SYNC_NEW_EPOCH_AHEAD, "SNAP to a learner at the beginning of an unknown epoch")              \
    X(PROPOSAL_BEFORE_UPTODATE, "a proposal between NEWLEADER and UPTODATE")                       \
    X(COMMIT_BEFORE_UPTODATE, "a commit between NEWLEADER and UPTODATE")                           \
    X(INFORM, "an observer was informed")                                                          \
    X(FORWARDED, "a write came through a learner")                                                 \
    X(SESSION_MOVED, "a write was refused because its session had moved")                          \
    X(SESSION_OTHER_SERVER, "a session went on at another server")                                 \
    X(LOG_CUT, "a log was cut")                                                                    \
    X(COMMITTED_CUT, "a committed transaction was cut off one server's log, for a moment")         \
    X(STATE_REPLACED, "memory was replaced by a leader's snapshot")                                \
    X(STATE_RELOADED, "memory went back to what the disk has")                                     \
    X(RELOADED, "the disk was read again")                                                         \
    X(EPOCH_STORED, "an epoch became durable")                                                     \
    X(CRASH_IN_STORE_EPOCH, "crash while an epoch became durable")                                 \
    X(CRASH_IN_TRUNCATE, "crash while a log was cut")                                              \
    X(WIPED, "a disk was lost")                                                                    \
    X(FROZEN, "a process stood still")                                                             \
    X(SLOW_DISK, "a disk was slow")                                                                \
    X(PARTITION, "servers were cut off from each other")                                           \
    X(PARTITION_BRIDGE, "two camps that one server saw both of")                                   \
    X(PARTITION_ONE_WAY, "a path was cut in one direction")                                        \
    X(CRASH_ALL, "all crashed at once")                                                            \
    X(WIRE_RESET, "a channel was reset")                                                           \
    X(SYNC_BROKEN, "a learner was brought up to date in part")                                     \
    X(GONE_IN_SYNC, "a server was gone in the middle of a synchronisation")                        \
    X(ROLLED_OVER, "all zxids of an epoch were used up")                                           \
    X(STALE_READ, "a read of a state half of syncLimit old")                                       \
    X(DIAL_REFUSED, "a dial was refused")                                                          \
    X(DIAL_TIMED_OUT, "a dial timed out")                                                          \
    X(CHAN_OVERFLOW, "a channel was closed because too much was unsent")                           \
    X(CONVERGED, "after the faults ended a quorum served and agreed")

enum sim_mark {
#define RK_SIM_MARK_ENUM(name, text) SIM_MARK_##name,
    RK_SIM_MARK_TABLE(RK_SIM_MARK_ENUM) RK_SIM_ENSEMBLE_MARK_TABLE(RK_SIM_MARK_ENUM)
#undef RK_SIM_MARK_ENUM
        SIM_MARK_COUNT
};

/* Which of them a campaign must hit. */
bool rk_sim_mark_is_of_ensemble(enum sim_mark mark);
/* ... or may miss: a learner at an epoch's beginning has it from a snapshot, which few get before
 * anything is written; test/zab/test_history.c demands those rows. */
bool rk_sim_mark_is_seldom(enum sim_mark mark);
const char *rk_sim_mark_name(enum sim_mark mark);
const char *rk_sim_mark_text(enum sim_mark mark);

/* What a seed did; sums over seeds. */
struct sim_stats {
    uint64_t seeds;
    uint64_t simulated_us;
    uint64_t events; /* of the world's queue */
    uint64_t steps;  /* of the core */
    uint64_t requests;
    uint64_t replies;
    uint64_t watch_events;
    uint64_t txns;
    uint64_t disk_calls;
    uint64_t crashes;
    uint64_t crash_points; /* crashes at the boundary of a disk call */
    uint64_t probes;
    uint64_t snapshots;
    uint64_t marks[SIM_MARK_COUNT];
};

void rk_sim_stats_add(struct sim_stats *to, const struct sim_stats *from);

#endif
