/* The committed transactions kept for learners, and the choice of how one is brought up to date:
 * as a table, and against servers that elect, crash and come back in a plain model of Zab. */
#include "zab/history.h"

#include "base/mem_libc.h"
#include "base/prng.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

#define Z(epoch, counter) ((rk_zxid)(((uint64_t)(epoch) << 32) | (uint64_t)(counter)))

struct fixture {
    struct rk_mem mem;
    struct rk_history h;
};

/* Five transactions are kept. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    rk_mem_libc_init(&f->mem, 0);
    rk_history_init(&f->h, &f->mem, 5, 1000000, 1000000);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rk_history_deinit(&f->h);
    size_t held = f->mem.used_bytes;
    free(f);
    return held == 0 ? 0 : 1;
}

static void add(struct fixture *f, int64_t epoch, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        rk_history_add_copy(&f->h, Z(epoch, i), rk_bytes_of(&i, sizeof(i)));
    }
}

static void check_bounds(struct fixture *f, rk_zxid min, rk_zxid max)
{
    rk_zxid found_min;
    rk_zxid found_max;
    rk_history_bounds(&f->h, INT64_MAX - 1, &found_min, &found_max);
    assert_int_equal(found_min, min);
    assert_int_equal(found_max, max);
}

/* -- the ring ---------------------------------------------------------------------------------- */

static void an_empty_history_stands_at_what_is_applied(void **state)
{
    struct fixture *f = *state;
    rk_zxid min;
    rk_zxid max;
    rk_history_bounds(&f->h, Z(2, 7), &min, &max);
    assert_int_equal(min, Z(2, 7));
    assert_int_equal(max, Z(2, 7));
    assert_int_equal(rk_history_seek(&f->h, 0), 0);
    assert_int_equal(f->mem.used_bytes, 0);
}

static void the_last_ones_are_kept(void **state)
{
    struct fixture *f = *state;
    add(f, 1, 1, 3);
    check_bounds(f, Z(1, 1), Z(1, 3));
    add(f, 1, 4, 200);
    check_bounds(f, Z(1, 196), Z(1, 200));
    for (uint32_t i = 0; i < 5; i++) {
        const struct rk_proposal *p = rk_history_at(&f->h, i);
        uint32_t counter = 196 + i;
        assert_int_equal(p->zxid, Z(1, counter));
        assert_int_equal(p->len, 4);
        assert_memory_equal(p->payload, &counter, 4);
    }
    expect_assert_failure((void)rk_history_at(&f->h, 5));
}

static void whichever_limit_is_reached_first_counts(void **state)
{
    struct fixture *f = *state;
    char big[3000] = "";
    f->h.keep_bytes = 7000;
    for (uint32_t i = 1; i <= 4; i++) {
        rk_history_add_copy(&f->h, Z(1, i), rk_bytes_of(big, sizeof(big)));
        assert_true(f->h.bytes <= 7000);
    }
    check_bounds(f, Z(1, 3), Z(1, 4));
    f->h.keep_bytes = 1;
    rk_history_add_copy(&f->h, Z(1, 5), rk_bytes_of(big, sizeof(big)));
    check_bounds(f, Z(1, 5), Z(1, 5)); /* the newest stays whatever its size */
}

static void delivered_proposals_are_taken(void **state)
{
    struct fixture *f = *state;
    struct rk_quorum q;
    struct rk_broadcast b;
    rk_quorum_init_single(&q, 1);
    rk_broadcast_init(&b, &f->mem, &q, Z(1, 0));
    for (uint32_t i = 1; i <= 20; i++) {
        (void)rk_broadcast_propose(&b, rk_bytes_str("payload"), 0);
        rk_broadcast_ack(&b, 1, Z(1, i));
        rk_history_add(&f->h, rk_broadcast_deliver(&b));
    }
    rk_broadcast_deinit(&b);
    check_bounds(f, Z(1, 16), Z(1, 20));
    assert_null(rk_history_at(&f->h, 0)->next);
}

static void a_gap_is_caught(void **state)
{
    struct fixture *f = *state;
    static const rk_zxid wrong[] = {Z(1, 4), Z(1, 5), Z(1, 7), Z(0, 6), Z(0, 100)};
    add(f, 1, 3, 5);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rk_proposal *p = rk_proposal_create(&f->mem, wrong[i], rk_bytes_str("x"));
        expect_assert_failure(rk_history_add(&f->h, p));
        rk_proposal_free(&f->mem, p);
    }
    add(f, 1, 6, 6);
    add(f, 2, 1, 1);
    add(f, 9, 50, 51); /* an epoch may begin anywhere */
    check_bounds(f, Z(1, 5), Z(9, 51));
}

static void seeking_finds_the_first_that_is_not_before(void **state)
{
    struct fixture *f = *state;
    static const struct {
        rk_zxid zxid;
        uint32_t index;
    } cases[] = {
        {-1, 0},      {0, 0},       {Z(1, 3), 0}, {Z(1, 4), 0}, {Z(1, 5), 1},
        {Z(1, 6), 2}, {Z(2, 0), 2}, {Z(2, 1), 2}, {Z(2, 2), 3}, {Z(5, 0), 3},
        {Z(5, 1), 3}, {Z(5, 2), 4}, {Z(5, 3), 5}, {Z(6, 0), 5}, {INT64_MAX, 5},
    };
    add(f, 1, 1, 5);
    add(f, 2, 1, 1);
    add(f, 5, 1, 2);
    check_bounds(f, Z(1, 4), Z(5, 2));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(rk_history_seek(&f->h, cases[i].zxid), cases[i].index);
    }
}

static void what_is_pinned_stays(void **state)
{
    struct fixture *f = *state;
    add(f, 1, 1, 5);
    rk_history_pin(&f->h, Z(1, 3));
    assert_true(rk_history_is_pinned(&f->h));
    add(f, 1, 6, 300);
    assert_true(rk_history_is_pinned(&f->h));
    check_bounds(f, Z(1, 4), Z(1, 300));
    assert_int_equal(f->h.count, 297);
    rk_history_pin(&f->h, Z(1, 299)); /* another one takes its place */
    check_bounds(f, Z(1, 296), Z(1, 300));
    rk_history_unpin(&f->h);
    assert_false(rk_history_is_pinned(&f->h));
    check_bounds(f, Z(1, 296), Z(1, 300));
}

static void a_pin_that_costs_too_much_is_off(void **state)
{
    struct fixture *f = *state;
    add(f, 1, 1, 5);
    size_t one = rk_proposal_bytes(rk_history_at(&f->h, 0));
    f->h.pin_bytes_max = 10 * one;
    rk_history_pin(&f->h, Z(1, 5));
    add(f, 1, 6, 15);
    assert_true(rk_history_is_pinned(&f->h));
    check_bounds(f, Z(1, 6), Z(1, 15));
    add(f, 1, 16, 16);
    assert_false(rk_history_is_pinned(&f->h));
    check_bounds(f, Z(1, 12), Z(1, 16));
    f->h.pin_bytes_max = 2 * one;
    rk_history_pin(&f->h, Z(1, 13)); /* three behind it are here already */
    assert_false(rk_history_is_pinned(&f->h));
    rk_history_pin(&f->h, Z(1, 14));
    assert_true(rk_history_is_pinned(&f->h));
}

static void clearing_forgets_everything(void **state)
{
    struct fixture *f = *state;
    add(f, 1, 1, 5);
    rk_history_pin(&f->h, Z(1, 1));
    rk_history_clear(&f->h, Z(1, 1));
    assert_false(rk_history_is_pinned(&f->h));
    assert_int_equal(f->h.count, 0);
    assert_int_equal(f->h.bytes, 0);
    assert_true(rk_history_reaches(&f->h, Z(1, 1)));
    assert_false(rk_history_reaches(&f->h, Z(1, 0)));
    add(f, 1, 2, 3); /* anything may come first */
    check_bounds(f, Z(1, 2), Z(1, 3));
}

static void memory_is_given_back_in_any_state(void **state)
{
    struct fixture *f = *state;
    struct rk_prng prng;
    rk_prng_init(&prng, 1);
    uint32_t counter = 0;
    for (int round = 0; round < 5000; round++) {
        switch (rk_prng_below(&prng, 12)) {
        case 0:
            rk_history_pin(&f->h, Z(1, counter));
            break;
        case 1:
            rk_history_unpin(&f->h);
            break;
        case 2:
            if (rk_prng_below(&prng, 20) == 0) {
                rk_history_clear(&f->h, Z(1, counter));
            }
            break;
        default:
            counter++;
            add(f, 1, counter, counter);
        }
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < f->h.count; i++) {
            assert_int_equal(rk_history_at(&f->h, i)->zxid, Z(1, counter - f->h.count + 1 + i));
            bytes += rk_proposal_bytes(rk_history_at(&f->h, i));
        }
        assert_int_equal(bytes, f->h.bytes);
        assert_true(rk_history_is_pinned(&f->h) || f->h.count <= 5);
    }
}

/* -- the decision table ------------------------------------------------------------------------ */

/* History: 1:8 1:9 | 2:1 2:2 | 5:1. */
static const struct {
    const char *what;
    rk_zxid peer;
    rk_zxid last_applied; /* 0: 5:1 */
    bool is_empty;        /* no history */
    rk_zxid before;       /* what the first of it was applied to, if it says so */
    bool force, disk, cuts;
    enum rk_sync_kind kind;
    enum rk_sync_reason reason;
    rk_zxid zxid;
    uint32_t first;
} rows[] = {
    {.what = "forced",
     .peer = Z(5, 1),
     .force = true,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_FORCED,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "has everything",
     .peer = Z(5, 1),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_EQUAL,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "stands at the beginning of our epoch",
     .peer = Z(6, 0),
     .last_applied = Z(6, 0),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_EQUAL,
     .zxid = Z(6, 0),
     .first = 5},
    {.what = "has all of history, our epoch has nothing yet",
     .peer = Z(5, 1),
     .last_applied = Z(6, 0),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "ahead in our last epoch",
     .peer = Z(5, 4),
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_AHEAD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "ahead in our last epoch, the next has begun",
     .peer = Z(5, 4),
     .last_applied = Z(6, 0),
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_AHEAD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "ahead in an epoch that left nothing here",
     .peer = Z(6, 4),
     .last_applied = Z(7, 0),
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_AHEAD_OTHER_EPOCH,
     .zxid = Z(7, 0),
     .first = 5},
    {.what = "at the beginning of an epoch beyond",
     .peer = Z(6, 0),
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_NEW_EPOCH_AHEAD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "at the oldest",
     .peer = Z(1, 8),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK,
     .zxid = Z(5, 1),
     .first = 1},
    {.what = "in the middle",
     .peer = Z(2, 1),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK,
     .zxid = Z(5, 1),
     .first = 3},
    {.what = "at the end of an epoch",
     .peer = Z(2, 2),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK,
     .zxid = Z(5, 1),
     .first = 4},
    {.what = "at the beginning of an epoch",
     .peer = Z(2, 0),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK_NEW_EPOCH,
     .zxid = Z(5, 1),
     .first = 2},
    {.what = "at the beginning of an epoch without transactions",
     .peer = Z(4, 0),
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_WALK_NEW_EPOCH,
     .zxid = Z(5, 1),
     .first = 4},
    {.what = "beyond what was kept of an epoch",
     .peer = Z(1, 10),
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_WALK_OTHER_EPOCH,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "in an epoch of which nothing was kept",
     .peer = Z(3, 1),
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_WALK_OTHER_EPOCH,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "one too old",
     .peer = Z(1, 7),
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_TOO_OLD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "one too old, but there are log files",
     .peer = Z(1, 7),
     .disk = true,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_DISK,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "stands where the oldest was applied to",
     .peer = Z(1, 7),
     .before = Z(1, 7),
     .disk = true,
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_BEGINNING,
     .zxid = Z(5, 1),
     .first = 0},
    {.what = "has nothing, and history began with nothing",
     .peer = 0,
     .before = 0,
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_BEGINNING,
     .zxid = Z(5, 1),
     .first = 0},
    {.what = "one of ours, ahead in an epoch that left nothing here",
     .peer = Z(6, 4),
     .last_applied = Z(7, 0),
     .cuts = true,
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_AHEAD_CUT,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "one of ours, beyond what was kept of an epoch",
     .peer = Z(1, 10),
     .cuts = true,
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_WALK_CUT,
     .zxid = Z(1, 9),
     .first = 2},
    {.what = "one of ours, in an epoch of which nothing was kept",
     .peer = Z(3, 1),
     .cuts = true,
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_WALK_CUT,
     .zxid = Z(2, 2),
     .first = 4},
    {.what = "has nothing",
     .peer = 0,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_TOO_OLD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "does not know what it has",
     .peer = -1,
     .disk = true,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_TOO_OLD,
     .zxid = Z(5, 1),
     .first = 5},
    {.what = "no history: equal",
     .peer = Z(3, 3),
     .last_applied = Z(3, 3),
     .is_empty = true,
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_EQUAL,
     .zxid = Z(3, 3)},
    {.what = "no history: ahead",
     .peer = Z(3, 4),
     .last_applied = Z(3, 3),
     .is_empty = true,
     .kind = RK_SYNC_TRUNC,
     .reason = RK_SYNC_AHEAD,
     .zxid = Z(3, 3)},
    {.what = "no history: ahead of a beginning, which is in no log",
     .peer = Z(3, 4),
     .cuts = true,
     .last_applied = Z(3, 0),
     .is_empty = true,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_AHEAD_OTHER_EPOCH,
     .zxid = Z(3, 0)},
    {.what = "no history: behind",
     .peer = Z(3, 2),
     .last_applied = Z(3, 3),
     .is_empty = true,
     .kind = RK_SYNC_SNAP,
     .reason = RK_SYNC_TOO_OLD,
     .zxid = Z(3, 3)},
    {.what = "nobody has anything",
     .peer = 0,
     .last_applied = 0,
     .is_empty = true,
     .kind = RK_SYNC_DIFF,
     .reason = RK_SYNC_EQUAL,
     .zxid = 0},
};

static void every_row_of_the_table_is_chosen(void **state)
{
    struct fixture *f = *state;
    uint32_t seen = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rk_sync_question q = {.peer = rows[i].peer,
                                     .last_applied = rows[i].last_applied,
                                     .force_snapshot = rows[i].force,
                                     .can_use_disk = rows[i].disk,
                                     .can_cut_epochs = rows[i].cuts};
        struct rk_sync_plan plan;
        bool is_before = rows[i].reason == RK_SYNC_BEGINNING;
        rk_history_clear(&f->h, is_before ? rows[i].before : INT64_MAX);
        if (!rows[i].is_empty) {
            add(f, 1, 8, 9);
            add(f, 2, 1, 2);
            add(f, 5, 1, 1);
            q.last_applied = q.last_applied == 0 ? Z(5, 1) : q.last_applied;
        }
        rk_sync_choose(&f->h, &q, &plan);
        if (plan.kind != rows[i].kind || plan.reason != rows[i].reason ||
            plan.zxid != rows[i].zxid || plan.first != rows[i].first) {
            fail_msg("%s: kind %d reason %d zxid %llx first %u", rows[i].what, plan.kind,
                     plan.reason, (unsigned long long)plan.zxid, plan.first);
        }
        seen |= 1u << plan.reason;
    }
    assert_int_equal(seen, (1u << (RK_SYNC_NEW_EPOCH_AHEAD + 1)) - 1);
}

/* -- the model: five servers, phases of Zab without messages ------------------------------------
 */

#define SERVERS 5u
#define QUORUM  3u
#define LOG_MAX 64u

struct log {
    rk_zxid items[LOG_MAX];
    uint32_t len;
    uint32_t from; /* those before are in a snapshot only */
};

struct server {
    struct log log;
    int64_t current_epoch;
    bool is_synced; /* with the present leader */
};

struct model {
    struct rk_prng prng;
    struct rk_mem mem;
    struct server servers[SERVERS];
    int64_t epoch;
    bool is_established[16];  /* epochs that a quorum has acknowledged */
    uint32_t initial_len[16]; /* of the history an epoch began with */
    uint32_t seen[16];        /* reasons */
    uint32_t missed;          /* Apache's TRUNC would have been to something that is in no log */
    uint32_t below_snapshot;  /* a TRUNC that takes a new snapshot after all: learners must check */
};

static uint32_t below(struct model *m, uint32_t bound)
{
    return (uint32_t)rk_prng_below(&m->prng, bound);
}

static rk_zxid last_of(const struct log *log)
{
    return log->len == 0 ? 0 : log->items[log->len - 1];
}

static bool votes_better(const struct server *a, const struct server *b)
{
    if (a->current_epoch != b->current_epoch) {
        return a->current_epoch > b->current_epoch;
    }
    return last_of(&a->log) > last_of(&b->log);
}

/* What a server says it has: its last transaction, or the beginning of an epoch that it may have
 * been told by a snapshot. */
static rk_zxid claim(struct model *m, const struct server *s)
{
    int64_t epoch = s->current_epoch;
    if (epoch > 0 && m->is_established[epoch] && s->log.len == m->initial_len[epoch] &&
        below(m, 2) == 0) {
        return Z(epoch, 0);
    }
    return last_of(&s->log);
}

static void append(struct log *log, rk_zxid zxid)
{
    assert_true(log->len < LOG_MAX);
    log->items[log->len++] = zxid;
}

static bool has_in_log(const struct log *log, rk_zxid zxid)
{
    for (uint32_t i = log->from; i < log->len; i++) {
        if (log->items[i] == zxid) {
            return true;
        }
    }
    return false;
}

/* The leader's history becomes the server's: by a snapshot, or in its log as far as that reaches.
 */
static void synchronise(struct model *m, struct log *log, const struct log *leader)
{
    uint32_t common = 0;
    uint32_t from = log->from;
    while (common < log->len && common < leader->len &&
           log->items[common] == leader->items[common]) {
        common++;
    }
    *log = *leader;
    log->from = from > common || below(m, 3) == 0 ? leader->len : from;
}

/* Cuts to what must be there; how much is left. */
static uint32_t cut(struct log *log, rk_zxid zxid)
{
    while (log->len > 0 && last_of(log) != zxid) {
        log->len--;
    }
    assert_int_equal(last_of(log), zxid);
    return log->len;
}

/* What the learner has after the plan. */
static void follow_plan(struct model *m, const struct rk_history *h,
                        const struct rk_sync_plan *plan, const struct log *want, struct log *log)
{
    if (plan->kind == RK_SYNC_SNAP) {
        m->missed += plan->reason == RK_SYNC_AHEAD_OTHER_EPOCH && h->count > 0 &&
                     !has_in_log(log, last_of(want));
        *log = *want;
        return;
    }
    if (plan->kind == RK_SYNC_TRUNC) {
        m->below_snapshot += cut(log, plan->zxid) < log->from;
    }
    for (uint32_t i = plan->first; i < h->count; i++) {
        append(log, rk_history_at(h, i)->zxid);
    }
}

/* The learner comes to a leader that has committed len transactions of its log. */
static void check_sync(struct model *m, const struct server *leader, uint32_t len,
                       const struct server *learner)
{
    struct rk_history h;
    struct rk_sync_plan plan;
    struct log want = leader->log;
    struct log result = learner->log;
    struct rk_sync_question q = {.peer = claim(m, learner),
                                 .force_snapshot = below(m, 50) == 0,
                                 .can_use_disk = below(m, 4) == 0,
                                 .can_cut_epochs = below(m, 2) == 0};
    want.len = len;
    uint32_t from = below(m, 4) == 0 ? len : below(m, 2) == 0 ? 0 : below(m, len + 1);
    q.last_applied = last_of(&want);
    if (len == m->initial_len[m->epoch] && below(m, 2) == 0) {
        q.last_applied = Z(m->epoch, 0);
    }
    rk_history_init(&h, &m->mem, 1000, 1000000, 0);
    rk_history_clear(&h, from == 0 ? 0 : want.items[from - 1]);
    for (uint32_t i = from; i < len; i++) {
        rk_history_add_copy(&h, want.items[i], rk_bytes_str("x"));
    }
    rk_sync_choose(&h, &q, &plan);
    m->seen[plan.reason]++;
    follow_plan(m, &h, &plan, &want, &result);
    if (result.len != want.len ||
        memcmp(result.items, want.items, want.len * sizeof(want.items[0])) != 0) {
        fail_msg("reason %d leaves %u transactions of %u", plan.reason, result.len, want.len);
    }
    rk_history_deinit(&h);
}

/* What a quorum has of the leader's log, those who are not synced aside. */
static uint32_t committed_len(const struct model *m)
{
    uint32_t best = 0;
    for (uint32_t len = 1; len <= LOG_MAX; len++) {
        uint32_t holders = 0;
        for (uint32_t i = 0; i < SERVERS; i++) {
            holders += m->servers[i].is_synced && m->servers[i].log.len >= len;
        }
        best = holders >= QUORUM ? len : best;
    }
    return best;
}

/* Of a random majority the best leads; some of it synchronise. True: enough for a quorum. */
static bool elect(struct model *m, struct server **ret_leader)
{
    uint32_t order[SERVERS];
    uint32_t voters = QUORUM + below(m, SERVERS - QUORUM + 1);
    for (uint32_t i = 0; i < SERVERS; i++) {
        uint32_t at = below(m, i + 1);
        order[i] = order[at];
        order[at] = i;
        m->servers[i].is_synced = false;
    }
    struct server *leader = &m->servers[order[0]];
    for (uint32_t i = 1; i < voters; i++) {
        struct server *s = &m->servers[order[i]];
        leader = votes_better(s, leader) ? s : leader;
    }
    leader->is_synced = true;
    leader->current_epoch = m->epoch;
    uint32_t synced = 1;
    for (uint32_t i = below(m, voters); i < voters; i++) {
        struct server *s = &m->servers[order[i]];
        if (s != leader) {
            synchronise(m, &s->log, &leader->log);
            s->current_epoch = m->epoch;
            s->is_synced = true;
            synced++;
        }
    }
    m->initial_len[m->epoch] = leader->log.len;
    m->is_established[m->epoch] = synced >= QUORUM;
    *ret_leader = leader;
    return synced >= QUORUM;
}

/* One epoch: some proposals, each logged by some; learners come and go. */
static void run_epoch(struct model *m)
{
    struct server *leader;
    m->epoch++;
    if (!elect(m, &leader)) {
        return;
    }
    uint32_t applied = leader->log.len;
    for (uint32_t left = 1 + below(m, 8), counter = 1; left > 0; left--) {
        if (below(m, 3) != 0) {
            append(&leader->log, Z(m->epoch, counter++));
        }
        struct server *s = &m->servers[below(m, SERVERS)];
        if (s->is_synced && s != leader) {
            for (uint32_t n = below(m, leader->log.len - s->log.len + 1); n > 0; n--) {
                append(&s->log, leader->log.items[s->log.len]);
            }
        }
        uint32_t committed = committed_len(m);
        applied += below(m, committed - applied + 1);
        struct server *learner = &m->servers[below(m, SERVERS)];
        if (learner != leader) {
            check_sync(m, leader, applied, learner);
            if (below(m, 4) == 0) {
                struct log given = leader->log; /* some of what is proposed follows at once */
                given.len = applied;
                synchronise(m, &learner->log, &given);
                for (uint32_t i = applied; i < leader->log.len && (i < committed || below(m, 2));
                     i++) {
                    append(&learner->log, leader->log.items[i]);
                }
                learner->current_epoch = m->epoch;
                learner->is_synced = true;
            }
        }
    }
}

static void learners_end_with_the_leaders_history(void **state)
{
    struct model *m = calloc(1, sizeof(*m));
    (void)state;
    assert_non_null(m);
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        rk_prng_init(&m->prng, seed);
        rk_mem_libc_init(&m->mem, 0);
        memset(m->servers, 0, sizeof(m->servers));
        for (m->epoch = 0; m->epoch < 6;) {
            run_epoch(m);
        }
        assert_int_equal(m->mem.used_bytes, 0);
    }
    for (int reason = RK_SYNC_FORCED; reason <= RK_SYNC_NEW_EPOCH_AHEAD; reason++) {
        if (m->seen[reason] == 0) {
            fail_msg("reason %d was never reached", reason);
        }
    }
    assert_true(m->missed > 0);
    assert_true(m->below_snapshot > 0);
    free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_history_stands_at_what_is_applied),
        TEST(the_last_ones_are_kept),
        TEST(whichever_limit_is_reached_first_counts),
        TEST(delivered_proposals_are_taken),
        TEST(a_gap_is_caught),
        TEST(seeking_finds_the_first_that_is_not_before),
        TEST(what_is_pinned_stays),
        TEST(a_pin_that_costs_too_much_is_off),
        TEST(clearing_forgets_everything),
        TEST(memory_is_given_back_in_any_state),
        TEST(every_row_of_the_table_is_chosen),
        cmocka_unit_test(learners_end_with_the_leaders_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
