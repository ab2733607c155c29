/* Start: finds the newest good snapshot, replays the logs behind it, and says precisely what is
 * wrong if that cannot be done without guessing (spec-quorum A2.6, A7, A8; reliability.md 3).
 *
 * A bad record is a torn tail only if it can be proved not to have been acknowledged: it lies in
 * the last commit batch that was begun (no record of a later batch, no later file that continues
 * behind it with a gap). Everything else is damage: the start stops with file, offset and what to
 * do. Nothing is ever truncated. */
#ifndef RK_STORE_RECOVER_H
#define RK_STORE_RECOVER_H

#include "proto/restore.h"
#include "store/disk.h"
#include "store/problem.h"

struct rk_recover_options {
    uint32_t record_bytes_max; /* jute.maxbuffer + extrasize */
    bool trust_empty;          /* snapshot.trust.empty */
    bool db_autocreate;        /* zookeeper.db.autocreate */
    bool allow_holes;          /* operator's override: replay over a gap in zxids */
};

struct rk_recovered {
    rk_zxid last_zxid;      /* -1: empty and not trusted (never in standalone) */
    rk_zxid snapshot_zxid;  /* -1: none */
    char snapshot_name[64]; /* "" if none */
    uint64_t txn_count;     /* replayed */
    uint32_t bad_snapshots; /* newer candidates that were passed over */
    bool
        is_fresh; /* nothing was there; now there is a durable snapshot.0, unless last_zxid is -1 */
    char torn_file[64]; /* "" or the log whose unacknowledged tail was passed over */
    uint64_t torn_offset;
};

enum rk_err rk_recover(struct rk_mem *mem, const struct rk_disk *disk,
                       const struct rk_recover_options *options, const struct rk_restore_sink *sink,
                       struct rk_recovered *ret, struct rk_problem *ret_problem) RK_MUST_CHECK;

/* For two different directories only: a snapshot among the logs or a log among the snapshots means
 * that dataDir and dataLogDir were swapped or changed. RK_ERR_INVALID. ZK:
 * FileTxnSnapLog.checkLogDir. */
enum rk_err rk_store_check_dirs(const struct rk_disk *disk,
                                struct rk_problem *ret_problem) RK_MUST_CHECK;

/* -- the small files
 * ------------------------------------------------------------------------------- */

/* currentEpoch / acceptedEpoch: atomically and durably (tmp, sync, rename, sync dir). */
enum rk_err rk_epoch_write(const struct rk_disk *disk, const char *name,
                           int64_t epoch) RK_MUST_CHECK;
/* RK_ERR_NOT_FOUND, RK_ERR_CORRUPT. */
enum rk_err rk_epoch_read(const struct rk_disk *disk, const char *name,
                          int64_t *ret_epoch) RK_MUST_CHECK;

#define RK_NAME_ACCEPTED_EPOCH "acceptedEpoch"
#define RK_NAME_CURRENT_EPOCH  "currentEpoch"

struct rk_epochs {
    int64_t accepted;
    int64_t current;
};
/* The epochs of an ensemble's member at its start (spec-quorum A1.1): missing files are made from
 * last_zxid; a currentEpoch behind the epoch of the last transaction is raised to it if
 * acceptedEpoch allows that (a log with a transaction of epoch E holds the whole initial history of
 * E); an acceptedEpoch behind currentEpoch is raised to it; a leftover .tmp is never in the way.
 * Never lowers anything. RK_ERR_CORRUPT with *ret_problem for a pair that no crash of ours or
 * Apache's can leave. */
enum rk_err rk_epochs_load(const struct rk_disk *disk, rk_zxid last_zxid, struct rk_epochs *ret,
                           struct rk_problem *ret_problem) RK_MUST_CHECK;
/* The marker <dataLogDir>/initialize: this server may begin with nothing (A8). */
enum rk_err rk_initialize_exists(const struct rk_disk *disk, bool *ret) RK_MUST_CHECK;

/* -- purge
 * ------------------------------------------------------------------------------------------ */

/* Keeps the newest `keep` good snapshots and every log needed to replay from the oldest of them;
 * deletes in an order in which any prefix leaves a startable set. ZK: PurgeTxnLog. Removes
 * leftovers of unfinished snapshots as well. */
enum rk_err rk_purge(struct rk_mem *mem, const struct rk_disk *disk, uint32_t keep,
                     uint32_t *ret_deleted, struct rk_problem *ret_problem) RK_MUST_CHECK;

#endif
