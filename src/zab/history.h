/* The last committed transactions, in order and without gaps, for learners that come back a little
 * behind: what Apache calls committedLog. Every transaction that is applied enters here, also those
 * replayed at the start and those that came by synchronisation. ZK: ZKDatabase.committedLog. */
#ifndef RK_ZAB_HISTORY_H
#define RK_ZAB_HISTORY_H

#include "zab/broadcast.h"

struct rk_history {
    struct rk_mem *mem;
    struct rk_proposal **ring; /* cap is a power of two; grows up to what is pinned */
    uint32_t cap, first, count;
    uint32_t keep_count; /* commitLogCount */
    uint64_t keep_bytes; /* whichever is reached first; the newest is kept whatever its size */
    uint64_t pin_bytes_max;
    uint64_t bytes; /* rk_proposal_bytes of all */
    rk_zxid before; /* the state that the first one was applied to; INT64_MAX: not known */
    rk_zxid pinned; /* those behind it are kept while they fit pin_bytes_max; INT64_MAX: none */
    uint64_t pinned_bytes;
};

void rk_history_init(struct rk_history *h, struct rk_mem *mem, uint32_t keep_count,
                     uint64_t keep_bytes, uint64_t pin_bytes_max);
void rk_history_deinit(struct rk_history *h);
/* Forgets everything: the database is that of zxid now. INT64_MAX: it is not known yet. */
void rk_history_clear(struct rk_history *h, rk_zxid zxid);
/* Takes a delivered proposal of h's memory port. Panics on a zxid that does not follow: within an
 * epoch the next one, or any zxid of a later epoch. */
void rk_history_add(struct rk_history *h, struct rk_proposal *take_p);
/* The same for a payload that is not a proposal yet (replay at the start). */
void rk_history_add_copy(struct rk_history *h, rk_zxid zxid, struct rk_bytes payload);
/* Empty: both are last_applied. */
void rk_history_bounds(const struct rk_history *h, rk_zxid last_applied, rk_zxid *ret_min,
                       rk_zxid *ret_max);
/* Everything behind zxid is here, up to the last. */
bool rk_history_reaches(const struct rk_history *h, rk_zxid zxid);
/* Index of the first transaction with a zxid >= zxid, count if there is none; O(log n). */
uint32_t rk_history_seek(const struct rk_history *h, rk_zxid zxid);
/* Transaction of this index, below count. */
const struct rk_proposal *rk_history_at(const struct rk_history *h, uint32_t index);
/* Keeps those behind zxid although they are more than keep_count (a snapshot of zxid is being
 * sent), up to pin_bytes_max of them; then the pin is off, which rk_history_is_pinned tells. A
 * second pin takes the place of the first; clearing takes it off. */
void rk_history_pin(struct rk_history *h, rk_zxid zxid);
bool rk_history_is_pinned(const struct rk_history *h);
void rk_history_unpin(struct rk_history *h);

/* -- how a learner is brought up to date (spec-quorum C4) ---------------------------------------
 */

enum rk_sync_kind {
    RK_SYNC_DIFF,
    RK_SYNC_TRUNC,
    RK_SYNC_SNAP,
};

/* Which row of the decision table, for logs, metrics and coverage. */
enum rk_sync_reason {
    RK_SYNC_FORCED,            /* 1: forceSnapshotSync */
    RK_SYNC_EQUAL,             /* 2: nothing to send */
    RK_SYNC_AHEAD,             /* 3: TRUNC to max */
    RK_SYNC_AHEAD_OTHER_EPOCH, /* 3: the same, but TRUNC would cross epochs: SNAP */
    RK_SYNC_WALK,              /* 4: DIFF from history, the peer's last is in it */
    RK_SYNC_WALK_NEW_EPOCH,    /* 4: DIFF, the peer stands at the beginning of an epoch */
    RK_SYNC_WALK_OTHER_EPOCH,  /* 4: the peer's last is not in history; TRUNC would cross epochs:
                                  SNAP */
    RK_SYNC_AHEAD_CUT,         /* 3: TRUNC over epochs, to a peer that can */
    RK_SYNC_WALK_CUT,          /* 4: the same, and what is behind it */
    RK_SYNC_BEGINNING,         /* 4: the peer has what the first of history was applied to: DIFF */
    RK_SYNC_DISK,              /* 5: older than history: the log files may have it */
    RK_SYNC_TOO_OLD,           /* 5, 6: SNAP */
    RK_SYNC_NEW_EPOCH_AHEAD,   /* 6: beginning of an epoch beyond max: SNAP */
};

struct rk_sync_plan {
    enum rk_sync_kind kind;
    enum rk_sync_reason reason;
    rk_zxid zxid;   /* of the DIFF or TRUNC packet; SNAP: last_applied */
    uint32_t first; /* index in history of the first transaction to send, count for none */
};

struct rk_sync_question {
    rk_zxid peer;         /* what the learner said it has */
    rk_zxid last_applied; /* history's last, or the beginning of a later epoch */
    bool force_snapshot;
    bool can_use_disk;   /* snapshotSizeFactor >= 0: the log files may be asked */
    bool can_cut_epochs; /* the peer cuts its log at any zxid, or says that it cannot */
};

/* After the plan the learner has what history and last_applied say, whatever its own tail was. What
 * learners were told to be committed must have been applied here: nobody may be asked to cut that.
 *
 * TRUNC stays within one epoch, unless can_cut_epochs: its target is often where a snapshot ended
 * on which the peer's log builds, and Apache's learner, told by Apache's leader in row 3 to cut to
 * what is not in its log, cuts behind the next record instead. A TRUNC in the middle of a walk,
 * which Apache has as well, is one over epochs where histories have no gaps.
 *
 * RK_SYNC_DISK is returned with kind SNAP: log files up to history's min come first, if they lead
 * there; else the snapshot. */
void rk_sync_choose(const struct rk_history *h, const struct rk_sync_question *q,
                    struct rk_sync_plan *ret);

#endif
