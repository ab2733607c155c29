/* A ring of the last committed transactions, and what to do with a learner. Guarantees that what is
 * handed out has no gaps, and that memory is bounded whatever is pinned. Sending is left to core.
 * ZK: ZKDatabase.addCommittedProposal, LearnerHandler.syncFollower. */
#include "zab/history.h"

#include <string.h>

#include "base/bug.h"

#define RING_CAP_MIN 64u

void rk_history_init(struct rk_history *h, struct rk_mem *mem, uint32_t keep_count,
                     uint64_t keep_bytes, uint64_t pin_bytes_max)
{
    RK_ASSERT(keep_count > 0);
    memset(h, 0, sizeof(*h));
    h->mem = mem;
    h->keep_count = keep_count;
    h->keep_bytes = keep_bytes;
    h->pin_bytes_max = pin_bytes_max;
    h->pinned = INT64_MAX;
    h->before = INT64_MAX;
}

static struct rk_proposal *at(const struct rk_history *h, uint32_t index)
{
    RK_ASSERT(index < h->count);
    return h->ring[(h->first + index) & (h->cap - 1)];
}

const struct rk_proposal *rk_history_at(const struct rk_history *h, uint32_t index)
{
    return at(h, index);
}

static void drop_first(struct rk_history *h)
{
    struct rk_proposal *p = at(h, 0);
    h->before = p->zxid;
    h->bytes -= rk_proposal_bytes(p);
    h->first = (h->first + 1) & (h->cap - 1);
    h->count--;
    rk_proposal_free(h->mem, p);
}

void rk_history_clear(struct rk_history *h, rk_zxid zxid)
{
    while (h->count > 0) {
        drop_first(h);
    }
    RK_ASSERT(h->bytes == 0);
    h->before = zxid;
    rk_history_unpin(h);
}

void rk_history_deinit(struct rk_history *h)
{
    rk_history_clear(h, INT64_MAX);
    rk_mem_free(h->mem, h->ring, h->cap * sizeof(h->ring[0]));
    h->ring = NULL;
    h->cap = 0;
    h->first = 0;
}

static void trim(struct rk_history *h)
{
    while (h->count > 1 && (h->count > h->keep_count || h->bytes > h->keep_bytes) &&
           at(h, 0)->zxid <= h->pinned) {
        drop_first(h);
    }
}

static void grow(struct rk_history *h)
{
    uint32_t cap = h->cap == 0 ? RING_CAP_MIN : 2 * h->cap;
    RK_ASSERT(cap > h->cap);
    struct rk_proposal **ring = rk_mem_must_alloc(h->mem, cap * sizeof(ring[0]));
    for (uint32_t i = 0; i < h->count; i++) {
        ring[i] = at(h, i);
    }
    rk_mem_free(h->mem, h->ring, h->cap * sizeof(h->ring[0]));
    h->ring = ring;
    h->cap = cap;
    h->first = 0;
}

/* A hole here would be a hole in every learner that is brought up to date from it. */
static bool follows(rk_zxid last, rk_zxid next)
{
    return next == last + 1 || RK_ZXID_EPOCH(next) > RK_ZXID_EPOCH(last);
}

void rk_history_add(struct rk_history *h, struct rk_proposal *take_p)
{
    if (h->count > 0) {
        RK_ASSERT(follows(at(h, h->count - 1)->zxid, take_p->zxid));
    }
    if (h->count == h->cap) {
        grow(h);
    }
    take_p->next = NULL;
    h->ring[(h->first + h->count) & (h->cap - 1)] = take_p;
    h->count++;
    h->bytes += rk_proposal_bytes(take_p);
    if (take_p->zxid > h->pinned) {
        h->pinned_bytes += rk_proposal_bytes(take_p);
        if (h->pinned_bytes > h->pin_bytes_max) {
            rk_history_unpin(h);
        }
    }
    trim(h);
}

void rk_history_add_copy(struct rk_history *h, rk_zxid zxid, struct rk_bytes payload)
{
    rk_history_add(h, rk_proposal_create(h->mem, zxid, payload));
}

void rk_history_bounds(const struct rk_history *h, rk_zxid last_applied, rk_zxid *ret_min,
                       rk_zxid *ret_max)
{
    *ret_min = h->count == 0 ? last_applied : at(h, 0)->zxid;
    *ret_max = h->count == 0 ? last_applied : at(h, h->count - 1)->zxid;
    RK_ASSERT(*ret_max <= last_applied);
}

bool rk_history_reaches(const struct rk_history *h, rk_zxid zxid)
{
    return zxid >= h->before || (h->count > 0 && zxid + 1 >= at(h, 0)->zxid);
}

uint32_t rk_history_seek(const struct rk_history *h, rk_zxid zxid)
{
    uint32_t low = 0;
    uint32_t high = h->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (at(h, middle)->zxid < zxid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void rk_history_pin(struct rk_history *h, rk_zxid zxid)
{
    RK_ASSERT(zxid < INT64_MAX);
    h->pinned = zxid;
    h->pinned_bytes = 0;
    for (uint32_t i = rk_history_seek(h, zxid + 1); i < h->count; i++) {
        h->pinned_bytes += rk_proposal_bytes(at(h, i));
    }
    if (h->pinned_bytes > h->pin_bytes_max) {
        rk_history_unpin(h);
    }
    trim(h);
}

bool rk_history_is_pinned(const struct rk_history *h)
{
    return h->pinned != INT64_MAX;
}

void rk_history_unpin(struct rk_history *h)
{
    h->pinned = INT64_MAX;
    h->pinned_bytes = 0;
    trim(h);
}

/* -- how a learner is brought up to date ------------------------------------------------------- */

static void plan(struct rk_sync_plan *ret, enum rk_sync_kind kind, enum rk_sync_reason reason,
                 rk_zxid zxid, uint32_t first)
{
    *ret = (struct rk_sync_plan){kind, reason, zxid, first};
}

/* Where a peer with transactions of its own is cut back to is in its history: if one of epoch e was
 * proposed, a quorum had what e began with, so every later leader has it, and of what is here
 * nothing else is as old. */
static bool can_cut(const struct rk_sync_question *q, rk_zxid to)
{
    return q->can_cut_epochs && RK_ZXID_COUNTER(to) != 0;
}

/* Row 3: the peer has more than was ever committed here. */
static void choose_ahead(const struct rk_history *h, const struct rk_sync_question *q, rk_zxid max,
                         struct rk_sync_plan *ret)
{
    if (RK_ZXID_COUNTER(max) != 0 && RK_ZXID_EPOCH(q->peer) == RK_ZXID_EPOCH(max)) {
        plan(ret, RK_BUG(DIFF_FOR_TRUNC) ? RK_SYNC_DIFF : RK_SYNC_TRUNC, RK_SYNC_AHEAD, max,
             h->count);
    } else if (can_cut(q, max)) {
        plan(ret, RK_SYNC_TRUNC, RK_SYNC_AHEAD_CUT, max, h->count);
    } else {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_AHEAD_OTHER_EPOCH, q->last_applied, h->count);
    }
}

/* Row 4: the peer's last lies between the bounds. ZK: LearnerHandler.queueCommittedProposals */
static void choose_walk(const struct rk_history *h, const struct rk_sync_question *q, rk_zxid max,
                        struct rk_sync_plan *ret)
{
    uint32_t first = rk_history_seek(h, q->peer);
    RK_ASSERT(first < h->count);
    if (at(h, first)->zxid == q->peer) {
        plan(ret, RK_SYNC_DIFF, RK_SYNC_WALK, max, first + 1 + RK_BUG(WALK_SKIPS));
    } else if (RK_ZXID_COUNTER(q->peer) == 0) {
        plan(ret, RK_SYNC_DIFF, RK_SYNC_WALK_NEW_EPOCH, max, first);
    } else if (can_cut(q, at(h, first - 1)->zxid)) {
        plan(ret, RK_SYNC_TRUNC, RK_SYNC_WALK_CUT, at(h, first - 1)->zxid, first);
    } else {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_WALK_OTHER_EPOCH, q->last_applied, h->count);
    }
}

void rk_sync_choose(const struct rk_history *h, const struct rk_sync_question *q,
                    struct rk_sync_plan *ret)
{
    /* Nothing but a number as far as is known: it stands at the beginning of an epoch. */
    bool is_new_epoch = RK_ZXID_COUNTER(q->peer) == 0;
    rk_zxid min;
    rk_zxid max;
    rk_history_bounds(h, q->last_applied, &min, &max);
    if (q->force_snapshot) {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_FORCED, q->last_applied, h->count);
    } else if (q->peer == q->last_applied) {
        plan(ret, RK_SYNC_DIFF, RK_SYNC_EQUAL, q->peer, h->count);
    } else if (q->peer > max && !is_new_epoch) {
        choose_ahead(h, q, max, ret);
    } else if (q->peer > max) {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_NEW_EPOCH_AHEAD, q->last_applied, h->count);
    } else if (q->peer >= min) {
        choose_walk(h, q, max, ret);
    } else if (h->count > 0 && q->peer == h->before) {
        plan(ret, RK_SYNC_DIFF, RK_SYNC_BEGINNING, max, 0);
    } else if (q->can_use_disk && q->peer >= 0) {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_DISK, q->last_applied, h->count);
    } else {
        plan(ret, RK_SYNC_SNAP, RK_SYNC_TOO_OLD, q->last_applied, h->count);
    }
}
