/* Sessions: a hash of all of them by id and, beside it, buckets of the tracked ones by expiry time.
 * Buckets are a sorted array; every bucket boundary is a multiple of the tick, so there are at most
 * (longest timeout / tick + 2) of them, new ones come at or near the end and the due ones go from
 * the front. Within a bucket sessions stand in the order in which they came into it: the order of
 * expiry is the same on every run. The first bucket is never empty, which makes "when is something
 * due" one look; empty ones further back are kept for the next session to come by, and swept when
 * they are many.
 *
 * Guarantees that a touch that does not change the bucket (nearly all of them) is two comparisons.
 * Left to others: what closing means, who owns a session, when to write what.
 * ZK: SessionTrackerImpl, ExpiryQueue. */
#include "session/session.h"

#include <string.h>

#define NOT_TRACKED INT64_MIN

/* Empty buckets kept at least before a sweep. */
#define EMPTY_KEPT 64u

/* Password generator: java.util.Random's constants and ZooKeeper's seed. */
#define PASSWORD_SEED     UINT64_C(0xb3415c00)
#define RANDOM_MULTIPLIER UINT64_C(0x5deece66d)
#define RANDOM_INCREMENT  UINT64_C(0xb)
#define RANDOM_MASK       ((UINT64_C(1) << 48) - 1)

struct rk_session_bucket {
    struct rk_link sessions; /* in_bucket links */
    int64_t expires_ms;
    size_t count;
};

struct rk_sessions {
    struct rk_mem *mem;
    int64_t tick_ms;
    struct rk_map by_id;
    struct rk_session_bucket **buckets; /* [first, end) by expires_ms */
    size_t first;
    size_t end;
    size_t cap;
    size_t empty_count; /* of the buckets in use */
};

_Static_assert(sizeof(struct rk_session) <= 96, "a session and its share of the hash: 128 bytes");

/* -- buckets ----------------------------------------------------------------------------------- */

/* The first bucket that is due at expires_ms or later; s->end if none. */
static size_t bucket_at_or_after(const struct rk_sessions *s, int64_t expires_ms)
{
    size_t low = s->first;
    size_t high = s->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->buckets[middle]->expires_ms < expires_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    RK_ASSERT(low >= s->first);
    RK_ASSERT(low <= s->end);
    return low;
}

static struct rk_session_bucket *bucket_of(const struct rk_sessions *s,
                                           const struct rk_session *session)
{
    size_t at = bucket_at_or_after(s, session->expires_ms);
    RK_ASSERT(at < s->end);
    RK_ASSERT(s->buckets[at]->expires_ms == session->expires_ms);
    return s->buckets[at];
}

static void free_bucket(struct rk_sessions *s, struct rk_session_bucket *bucket)
{
    RK_ASSERT(bucket->count == 0);
    RK_ASSERT(rk_list_empty(&bucket->sessions));
    rk_mem_free(s->mem, bucket, sizeof(*bucket));
}

/* Room for one more at the end: by moving down to the start of the array when half of it lies
 * unused there, or by growing. */
static void make_room(struct rk_sessions *s)
{
    if (s->end < s->cap) {
        return;
    }
    size_t each = sizeof(s->buckets[0]);
    if (s->first > 0 && s->first >= s->cap / 2) {
        memmove(s->buckets, s->buckets + s->first, (s->end - s->first) * each);
        s->end -= s->first;
        s->first = 0;
    } else {
        size_t cap = s->cap == 0 ? 16 : s->cap * 2;
        s->buckets = rk_mem_must_resize(s->mem, s->buckets, s->cap * each, cap * each);
        s->cap = cap;
    }
    RK_ASSERT(s->end < s->cap);
}

/* The bucket of this boundary, made if there is none. */
static struct rk_session_bucket *get_bucket(struct rk_sessions *s, int64_t expires_ms)
{
    size_t at = bucket_at_or_after(s, expires_ms);
    if (at < s->end && s->buckets[at]->expires_ms == expires_ms) {
        return s->buckets[at];
    }
    struct rk_session_bucket *bucket = rk_mem_must_alloc(s->mem, sizeof(*bucket));
    rk_list_init(&bucket->sessions);
    bucket->expires_ms = expires_ms;
    bucket->count = 0;
    if (at == s->first && s->first > 0) {
        s->first--;
        at--;
    } else {
        size_t before = at - s->first;
        make_room(s);
        at = s->first + before;
        memmove(s->buckets + at + 1, s->buckets + at, (s->end - at) * sizeof(s->buckets[0]));
        s->end++;
    }
    s->buckets[at] = bucket;
    s->empty_count++;
    return bucket;
}

/* Gives up the empty buckets in front, so that the first one is what is due next. */
static void trim_front(struct rk_sessions *s)
{
    while (s->first < s->end && s->buckets[s->first]->count == 0) {
        RK_ASSERT(s->empty_count > 0);
        free_bucket(s, s->buckets[s->first]);
        s->first++;
        s->empty_count--;
    }
    if (s->first == s->end) {
        RK_ASSERT(s->empty_count == 0);
        s->first = 0;
        s->end = 0;
    }
}

/* Gives up all the empty ones when they outnumber the others: paid for by the sessions that left.
 */
static void sweep_empty(struct rk_sessions *s)
{
    if (s->empty_count <= EMPTY_KEPT || s->empty_count <= (s->end - s->first) / 2) {
        return;
    }
    size_t to = s->first;
    for (size_t from = s->first; from < s->end; from++) {
        if (s->buckets[from]->count == 0) {
            free_bucket(s, s->buckets[from]);
        } else {
            s->buckets[to] = s->buckets[from];
            to++;
        }
    }
    s->end = to;
    s->empty_count = 0;
}

static void track(struct rk_sessions *s, struct rk_session *session, int64_t expires_ms)
{
    RK_ASSERT(session->expires_ms == NOT_TRACKED);
    RK_ASSERT(rk_list_empty(&session->in_bucket));
    RK_ASSERT(expires_ms % s->tick_ms == 0);
    struct rk_session_bucket *bucket = get_bucket(s, expires_ms);
    s->empty_count -= bucket->count == 0;
    rk_list_push(&bucket->sessions, &session->in_bucket);
    bucket->count++;
    session->expires_ms = expires_ms;
}

static void untrack(struct rk_sessions *s, struct rk_session *session)
{
    if (session->expires_ms == NOT_TRACKED) {
        RK_ASSERT(rk_list_empty(&session->in_bucket));
        return;
    }
    struct rk_session_bucket *bucket = bucket_of(s, session);
    RK_ASSERT(bucket->count > 0);
    rk_list_unlink(&session->in_bucket);
    bucket->count--;
    session->expires_ms = NOT_TRACKED;
    if (bucket->count == 0) {
        s->empty_count++;
        trim_front(s);
        sweep_empty(s);
    }
}

/* The end of the tick in which due_ms lies. ZK: ExpiryQueue.roundToNextInterval. */
static int64_t round_up(const struct rk_sessions *s, int64_t due_ms)
{
    return (due_ms / s->tick_ms + 1) * s->tick_ms;
}

/* -- the room's functions ---------------------------------------------------------------------- */

struct rk_sessions *rk_sessions_create(struct rk_mem *mem, uint64_t seed, int64_t tick_ms)
{
    RK_ASSERT(tick_ms > 0);
    struct rk_sessions *s = rk_mem_zalloc(mem, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->mem = mem;
    s->tick_ms = tick_ms;
    rk_map_init(&s->by_id, mem, seed);
    return s;
}

void rk_sessions_destroy(struct rk_sessions *s)
{
    if (s == NULL) {
        return;
    }
    struct rk_map_entry *entry = rk_map_drain(&s->by_id);
    while (entry != NULL) {
        rk_mem_free(s->mem, RK_CONTAINER_OF(entry, struct rk_session, by_id),
                    sizeof(struct rk_session));
        entry = rk_map_drain(&s->by_id);
    }
    rk_map_deinit(&s->by_id);
    for (size_t i = s->first; i < s->end; i++) {
        rk_mem_free(s->mem, s->buckets[i], sizeof(*s->buckets[i]));
    }
    rk_mem_free(s->mem, s->buckets, s->cap * sizeof(s->buckets[0]));
    rk_mem_free(s->mem, s, sizeof(*s));
}

struct rk_session *rk_session_find(const struct rk_sessions *s, rk_session_id id)
{
    struct rk_map_entry *entry = rk_map_find(&s->by_id, (uint64_t)id);
    return entry == NULL ? NULL : RK_CONTAINER_OF(entry, struct rk_session, by_id);
}

struct rk_session *rk_session_add(struct rk_sessions *s, rk_session_id id, int32_t timeout_ms)
{
    struct rk_session *session = rk_mem_must_zalloc(s->mem, sizeof(*session));
    session->id = id;
    session->timeout_ms = timeout_ms;
    session->touch_ms = timeout_ms;
    session->expires_ms = NOT_TRACKED;
    rk_list_init(&session->in_bucket);
    rk_list_init(&session->touched);
    rk_map_insert(&s->by_id, &session->by_id, (uint64_t)id);
    return session;
}

void rk_session_remove(struct rk_sessions *s, struct rk_session *session)
{
    untrack(s, session);
    rk_list_unlink(&session->touched);
    struct rk_map_entry *entry = rk_map_remove(&s->by_id, (uint64_t)session->id);
    RK_ASSERT(entry == &session->by_id);
    rk_mem_free(s->mem, session, sizeof(*session));
}

bool rk_session_touch(struct rk_sessions *s, struct rk_session *session, int64_t now_ms)
{
    if (session->is_closing) {
        return false;
    }
    /* Before the session's boundary the new one is the same or, with a clock that stands still and
     * a shorter timeout, an earlier one; touches never move back. */
    int64_t due_ms = now_ms + session->touch_ms;
    if (due_ms >= session->expires_ms) {
        int64_t expires_ms = round_up(s, due_ms);
        RK_ASSERT(expires_ms > session->expires_ms);
        untrack(s, session);
        track(s, session, expires_ms);
    }
    return true;
}

void rk_session_retime(struct rk_sessions *s, struct rk_session *session, int32_t touch_ms,
                       int64_t now_ms)
{
    session->touch_ms = touch_ms;
    int64_t expires_ms = round_up(s, now_ms + touch_ms);
    if (expires_ms != session->expires_ms) {
        untrack(s, session);
        track(s, session, expires_ms);
    }
}

struct rk_session *rk_sessions_pop_expired(struct rk_sessions *s, int64_t now_ms)
{
    if (s->first == s->end || s->buckets[s->first]->expires_ms > now_ms) {
        return NULL;
    }
    struct rk_link *link = rk_list_first(&s->buckets[s->first]->sessions);
    RK_ASSERT(link != NULL);
    struct rk_session *session = RK_CONTAINER_OF(link, struct rk_session, in_bucket);
    untrack(s, session);
    return session;
}

void rk_session_untrack(struct rk_sessions *s, struct rk_session *session)
{
    untrack(s, session);
}

void rk_sessions_stop(struct rk_sessions *s)
{
    struct rk_session *session;
    while ((session = rk_sessions_pop_expired(s, INT64_MAX)) != NULL) {
        RK_ASSERT(session->expires_ms == NOT_TRACKED);
    }
    RK_ASSERT(s->first == s->end);
}

void rk_session_postpone(struct rk_sessions *s, struct rk_session *session, int64_t now_ms)
{
    untrack(s, session);
    track(s, session, round_up(s, now_ms));
}

int64_t rk_sessions_next_due(const struct rk_sessions *s)
{
    return s->first == s->end ? INT64_MAX : s->buckets[s->first]->expires_ms;
}

struct by_id {
    rk_session_id id;
    struct rk_session *session;
};

/* Merges the sorted runs [from, middle) and [middle, to). */
static void merge_runs(const struct by_id *in, struct by_id *out, size_t from, size_t middle,
                       size_t to)
{
    size_t left = from;
    size_t right = middle;
    for (size_t i = from; i < to; i++) {
        bool is_left = right == to || (left < middle && in[left].id < in[right].id);
        out[i] = in[is_left ? left : right];
        left += is_left;
        right += !is_left;
    }
    RK_ASSERT(left == middle);
    RK_ASSERT(right == to);
}

/* Merge sort through a second half of the same size; returns the half that holds the result. */
static const struct by_id *sort_by_id(struct by_id *all, size_t count)
{
    struct by_id *in = all;
    struct by_id *out = all + count;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t from = 0; from < count; from += 2 * run) {
            size_t middle = count - from < run ? count : from + run;
            size_t to = count - middle < run ? count : middle + run;
            merge_runs(in, out, from, middle, to);
        }
        struct by_id *sorted = out;
        out = in;
        in = sorted;
    }
    return in;
}

/* By id: the order of the hash must not become the order of expiry. */
void rk_sessions_restart(struct rk_sessions *s, int64_t now_ms)
{
    size_t count = s->by_id.count;
    if (count == 0) {
        return;
    }
    struct by_id *all = rk_mem_must_alloc(s->mem, 2 * count * sizeof(all[0]));
    size_t cursor = 0;
    struct rk_session *session = rk_sessions_next(s, &cursor, NULL);
    for (size_t i = 0; i < count; i++) {
        RK_ASSERT(session != NULL);
        untrack(s, session);
        all[i] = (struct by_id){.id = session->id, .session = session};
        session = rk_sessions_next(s, &cursor, session);
    }
    RK_ASSERT(session == NULL);
    const struct by_id *sorted = sort_by_id(all, count);
    for (size_t i = 0; i < count; i++) {
        session = sorted[i].session;
        track(s, session, round_up(s, now_ms + session->touch_ms));
    }
    rk_mem_free(s->mem, all, 2 * count * sizeof(all[0]));
}

size_t rk_sessions_count(const struct rk_sessions *s)
{
    return s->by_id.count;
}

size_t rk_sessions_replicated_count(const struct rk_sessions *s)
{
    size_t count = 0;
    size_t cursor = 0;
    struct rk_session *session = rk_sessions_next(s, &cursor, NULL);
    while (session != NULL) {
        count += session->is_replicated;
        session = rk_sessions_next(s, &cursor, session);
    }
    return count;
}

struct rk_session *rk_sessions_next(const struct rk_sessions *s, size_t *cursor,
                                    struct rk_session *session)
{
    struct rk_map_entry *last = session == NULL ? NULL : &session->by_id;
    struct rk_map_entry *entry = rk_map_next(&s->by_id, cursor, last);
    return entry == NULL ? NULL : RK_CONTAINER_OF(entry, struct rk_session, by_id);
}

bool rk_sessions_next_bucket(const struct rk_sessions *s, int64_t *expires_ms,
                             struct rk_link **ret_head, size_t *ret_count)
{
    size_t at = *expires_ms == INT64_MAX ? s->end : bucket_at_or_after(s, *expires_ms + 1);
    while (at < s->end && s->buckets[at]->count == 0) {
        at++;
    }
    if (at == s->end) {
        return false;
    }
    *expires_ms = s->buckets[at]->expires_ms;
    *ret_head = &s->buckets[at]->sessions;
    *ret_count = s->buckets[at]->count;
    return true;
}

/* ZK: SessionTrackerImpl.initializeNextSessionId; the one value that marks containers is skipped.
 */
rk_session_id rk_session_first_id(uint8_t server_id, int64_t clock_ms)
{
    uint64_t id = (uint64_t)clock_ms << 24 >> 8 | (uint64_t)server_id << 56;
    if (id == UINT64_C(1) << 63) {
        id++;
    }
    return (rk_session_id)id;
}

/* ZK: ZooKeeperServer.generatePasswd, on java.util.Random. */
void rk_session_password(rk_session_id id, uint8_t ret[16])
{
    uint64_t state = ((uint64_t)id ^ PASSWORD_SEED ^ RANDOM_MULTIPLIER) & RANDOM_MASK;
    for (size_t i = 0; i < 16; i += 4) {
        state = (state * RANDOM_MULTIPLIER + RANDOM_INCREMENT) & RANDOM_MASK;
        for (size_t byte = 0; byte < 4; byte++) {
            ret[i + byte] = (uint8_t)(state >> (16 + 8 * byte));
        }
    }
}

/* -- invariants -------------------------------------------------------------------------------- */

static size_t check_bucket(const struct rk_sessions *s, const struct rk_session_bucket *bucket)
{
    size_t count = 0;
    for (const struct rk_link *link = bucket->sessions.next; link != &bucket->sessions;
         link = link->next) {
        const struct rk_session *session =
            RK_CONTAINER_OF(link, const struct rk_session, in_bucket);
        RK_ASSERT(link->next->prev == link);
        RK_ASSERT(session->expires_ms == bucket->expires_ms);
        RK_ASSERT(rk_session_find(s, session->id) == session);
        count++;
    }
    RK_ASSERT(bucket->count == count);
    RK_ASSERT(bucket->expires_ms % s->tick_ms == 0);
    return count;
}

void rk_sessions_check(const struct rk_sessions *s)
{
    size_t tracked_count = 0;
    size_t empty_count = 0;
    RK_ASSERT(s->first <= s->end);
    RK_ASSERT(s->end <= s->cap);
    for (size_t i = s->first; i < s->end; i++) {
        if (i == s->first) {
            RK_ASSERT(s->buckets[i]->count > 0);
        } else {
            RK_ASSERT(s->buckets[i - 1]->expires_ms < s->buckets[i]->expires_ms);
        }
        size_t count = check_bucket(s, s->buckets[i]);
        tracked_count += count;
        empty_count += count == 0;
    }
    RK_ASSERT(s->empty_count == empty_count);
    size_t count = 0;
    size_t cursor = 0;
    struct rk_session *session = rk_sessions_next(s, &cursor, NULL);
    while (session != NULL) {
        bool is_tracked = session->expires_ms != NOT_TRACKED;
        RK_ASSERT(is_tracked == !rk_list_empty(&session->in_bucket));
        RK_ASSERT(session->by_id.key == (uint64_t)session->id);
        tracked_count -= is_tracked;
        count++;
        session = rk_sessions_next(s, &cursor, session);
    }
    RK_ASSERT(tracked_count == 0);
    RK_ASSERT(count == s->by_id.count);
}
