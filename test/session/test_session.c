/* Sessions: ids and passwords as Apache makes them, expiry by the rule of spec-client 10.1, order
 * of expiry, a naive model under random operations, cost, and what happens when memory is out. */
#include "support/cmocka_all.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "session/session.h"

/* Set, a panic lands there (test/support). */
extern jmp_buf *rk_test_panic_env;

static struct rk_sessions *open_sessions(struct rk_mem *mem, int64_t tick_ms)
{
    rk_mem_libc_init(mem, 0);
    struct rk_sessions *s = rk_sessions_create(mem, 99, tick_ms);
    assert_non_null(s);
    return s;
}

static void close_sessions(struct rk_mem *mem, struct rk_sessions *s)
{
    rk_sessions_check(s);
    rk_sessions_destroy(s);
    assert_int_equal(mem->used_bytes, 0);
}

/* -- ids and passwords ------------------------------------------------------------------------- */

static void passwords_are_apaches(void **state)
{
    (void)state;
    /* Captured from Apache 3.8.0 and 3.9+ (spec-client 17), the others computed by
     * java.util.Random. */
    static const struct {
        uint64_t id;
        uint8_t password[16];
    } cases[] = {
        {0x010000238f1c0000,
         {0xa6, 0x95, 0xdd, 0xbf, 0x3b, 0x0d, 0x69, 0x7b, 0xf4, 0x6f, 0x02, 0xf2, 0x7c, 0x2b, 0x31,
          0x9e}},
        {0x0100001fabc60000,
         {0xd8, 0xa7, 0xc6, 0x14, 0x85, 0xb8, 0x16, 0x2b, 0x76, 0xda, 0x10, 0xdb, 0xd6, 0x50, 0xdd,
          0xb8}},
        {UINT64_C(0x0000000000000000),
         {0xf2, 0x2a, 0xcd, 0x4a, 0x97, 0xe6, 0x9d, 0x6d, 0x20, 0xa4, 0x9b, 0xb6, 0x38, 0xea, 0xdb,
          0x38}},
        {UINT64_C(0x0000000000000001),
         {0x05, 0x4c, 0xc7, 0x4a, 0x37, 0x32, 0x7d, 0xb2, 0x15, 0xe7, 0x02, 0xe2, 0x0c, 0x73, 0xf0,
          0x05}},
        {UINT64_C(0xffffffffffffffff),
         {0x20, 0xf6, 0x2c, 0xb5, 0x64, 0x8d, 0xc2, 0xd7, 0x71, 0x47, 0x1c, 0x8a, 0x24, 0x86, 0xa9,
          0xee}},
        {UINT64_C(0x8000000000000001),
         {0x05, 0x4c, 0xc7, 0x4a, 0x37, 0x32, 0x7d, 0xb2, 0x15, 0xe7, 0x02, 0xe2, 0x0c, 0x73, 0xf0,
          0x05}},
        {UINT64_C(0x0200c0ffee123456),
         {0xbc, 0x7a, 0x1d, 0x96, 0x6d, 0xeb, 0x5c, 0xe8, 0xf1, 0x40, 0x2b, 0x29, 0x69, 0x28, 0xf2,
          0xba}},
        {UINT64_C(0xfe00000000000001),
         {0x05, 0x4c, 0xc7, 0x4a, 0x37, 0x32, 0x7d, 0xb2, 0x15, 0xe7, 0x02, 0xe2, 0x0c, 0x73, 0xf0,
          0x05}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t got[16];
        rk_session_password((rk_session_id)cases[i].id, got);
        assert_memory_equal(got, cases[i].password, sizeof(got));
    }
}

static void first_ids_are_apaches(void **state)
{
    (void)state;
    static const struct {
        uint8_t server_id;
        int64_t clock_ms;
        uint64_t id;
    } cases[] = {
        {1, 0x238f1c, UINT64_C(0x010000238f1c0000)},
        {1, 0, UINT64_C(0x0100000000000000)},
        {0, 0x1082e3, UINT64_C(0x0000001082e30000)},
        {254, 0x123456789a, UINT64_C(0xfe123456789a0000)},
        /* Only 40 bits of the clock have room; the rest goes, the server's byte stays its own. */
        {3, 0x7fedcba987654321, UINT64_C(0x03a9876543210000)},
        {3, -1, UINT64_C(0x03ffffffffff0000)},
        /* The mark of containers is stepped over. */
        {128, 0, UINT64_C(0x8000000000000001)},
        {128, INT64_C(1) << 40, UINT64_C(0x8000000000000001)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rk_session_id got = rk_session_first_id(cases[i].server_id, cases[i].clock_ms);
        assert_int_equal((uint64_t)got, cases[i].id);
    }
}

/* -- expiry ------------------------------------------------------------------------------------ */

static void expiry_is_the_end_of_the_tick_of_the_timeout(void **state)
{
    (void)state;
    static const struct {
        int64_t tick_ms;
        int64_t now_ms;
        int32_t timeout_ms;
        int64_t expires_ms;
    } cases[] = {
        {2000, 0, 4000, 6000},
        {2000, 1, 4000, 6000},
        {2000, 1999, 4000, 6000},
        {2000, 2000, 4000, 8000},
        {2000, 0, 5000, 6000},
        {2000, 1000, 5000, 8000},
        {2000, 0, 3999, 4000},
        {1, 10, 5, 16},
        {3000, 8999, 1, 12000},
        {2000, 0, INT32_MAX, 2147484000},
        {1, INT64_C(1) << 60, INT32_MAX, (INT64_C(1) << 60) + INT64_C(0x80000000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_mem mem;
        struct rk_sessions *s = open_sessions(&mem, cases[i].tick_ms);
        struct rk_session *session = rk_session_add(s, 7, cases[i].timeout_ms);
        assert_int_equal(rk_sessions_next_due(s), INT64_MAX);
        assert_true(rk_session_touch(s, session, cases[i].now_ms));
        assert_int_equal(session->expires_ms, cases[i].expires_ms);
        assert_int_equal(rk_sessions_next_due(s), cases[i].expires_ms);
        assert_null(rk_sessions_pop_expired(s, cases[i].expires_ms - 1));
        assert_ptr_equal(rk_sessions_pop_expired(s, cases[i].expires_ms), session);
        assert_null(rk_sessions_pop_expired(s, cases[i].expires_ms));
        assert_int_equal(rk_sessions_next_due(s), INT64_MAX);
        close_sessions(&mem, s);
    }
}

static void touch_moves_only_later_and_reattach_either_way(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, 2000);
    struct rk_session *session = rk_session_add(s, 1, 10000);
    assert_true(rk_session_touch(s, session, 100));
    assert_int_equal(session->expires_ms, 12000);
    session->touch_ms = 4000;
    assert_true(rk_session_touch(s, session, 100));
    assert_int_equal(session->expires_ms, 12000);
    rk_session_retime(s, session, 4000, 100);
    assert_int_equal(session->expires_ms, 6000);
    rk_session_retime(s, session, 40000, 100);
    assert_int_equal(session->expires_ms, 42000);
    assert_int_equal(session->touch_ms, 40000);
    assert_int_equal(session->timeout_ms, 10000);
    rk_session_retime(s, session, 4000, 0);
    assert_true(rk_session_touch(s, session, 5999));
    assert_int_equal(session->expires_ms, 10000);
    rk_sessions_check(s);
    session->is_closing = true;
    assert_false(rk_session_touch(s, session, 9000));
    assert_int_equal(session->expires_ms, 10000);
    close_sessions(&mem, s);
}

static void pop_all(struct rk_sessions *s, int64_t now_ms, const rk_session_id *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rk_session *session = rk_sessions_pop_expired(s, now_ms);
        assert_non_null(session);
        assert_int_equal(session->id, want[i]);
    }
    assert_null(rk_sessions_pop_expired(s, now_ms));
    rk_sessions_check(s);
}

static void sessions_expire_by_bucket_then_in_order_of_arrival(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, 1000);
    static const struct {
        rk_session_id id;
        int32_t timeout_ms;
    } order[] = {{5, 3000}, {-9, 1000}, {2, 3500}, {8, 1500}, {1, 3000}, {4, 9000}};
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        assert_true(rk_session_touch(s, rk_session_add(s, order[i].id, order[i].timeout_ms), 0));
    }
    assert_int_equal(rk_sessions_next_due(s), 2000);
    assert_true(rk_session_touch(s, rk_session_find(s, -9), 200)); /* same bucket: same place */
    pop_all(s, 1999, NULL, 0);
    pop_all(s, 4000, (rk_session_id[]){-9, 8, 5, 2, 1}, 5);

    /* Put back for lack of room in the log, behind nobody. */
    rk_session_postpone(s, rk_session_find(s, 2), 4000);
    rk_session_postpone(s, rk_session_find(s, -9), 4000);
    assert_int_equal(rk_sessions_next_due(s), 5000);
    pop_all(s, 4999, NULL, 0);
    pop_all(s, 5000, (rk_session_id[]){2, -9}, 2);

    /* A restart orders by id, not by hash. */
    rk_sessions_restart(s, 6500);
    assert_int_equal(rk_sessions_next_due(s), 8000);
    pop_all(s, 20000, (rk_session_id[]){-9, 8, 1, 5, 2, 4}, 6);
    close_sessions(&mem, s);
}

static void a_restart_of_many_sessions_orders_them_by_id(void **state)
{
    (void)state;
    enum { MANY = 3001 };
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, 2000);
    for (unsigned i = 0; i < MANY; i++) {
        rk_session_id id = (rk_session_id)(i * 7919u % MANY) - 1500;
        (void)rk_session_add(s, id, i % 2 == 0 ? 4000 : 4100);
    }
    rk_sessions_restart(s, 100);
    rk_sessions_check(s);
    for (int i = 0; i < MANY; i++) {
        struct rk_session *session = rk_sessions_pop_expired(s, 6000);
        assert_non_null(session);
        assert_int_equal(session->id, i - 1500);
    }
    assert_null(rk_sessions_pop_expired(s, 6000));
    close_sessions(&mem, s);
}

/* -- against a model --------------------------------------------------------------------------- */

enum { MODEL_IDS = 300, OPS = 60000 };

struct model_session {
    bool is_in;
    bool is_closing;
    bool is_replicated;
    int32_t timeout_ms;
    int32_t touch_ms;
    int64_t expires_ms; /* INT64_MIN: not tracked */
    uint64_t arrived;   /* in its bucket */
};

struct model {
    struct model_session sessions[MODEL_IDS]; /* by id */
    uint64_t arrivals;
    int64_t tick_ms;
};

static void model_track(struct model *m, struct model_session *it, int64_t due_ms)
{
    int64_t expires_ms = (due_ms / m->tick_ms + 1) * m->tick_ms;
    if (expires_ms != it->expires_ms) {
        it->expires_ms = expires_ms;
        it->arrived = ++m->arrivals;
    }
}

static bool model_touch(struct model *m, struct model_session *it, int64_t now_ms)
{
    if (it->is_closing) {
        return false;
    }
    int64_t due_ms = now_ms + it->touch_ms;
    if ((due_ms / m->tick_ms + 1) * m->tick_ms > it->expires_ms) {
        model_track(m, it, due_ms);
    }
    return true;
}

/* The first to expire at or before now_ms, -1 if none. */
static int model_due(const struct model *m, int64_t now_ms)
{
    int due = -1;
    for (int i = 0; i < MODEL_IDS; i++) {
        const struct model_session *it = &m->sessions[i];
        if (!it->is_in || it->expires_ms == INT64_MIN || it->expires_ms > now_ms) {
            continue;
        }
        const struct model_session *best = due < 0 ? NULL : &m->sessions[due];
        if (best == NULL || it->expires_ms < best->expires_ms ||
            (it->expires_ms == best->expires_ms && it->arrived < best->arrived)) {
            due = i;
        }
    }
    return due;
}

static void model_restart(struct model *m, int64_t now_ms)
{
    for (int i = 0; i < MODEL_IDS; i++) {
        if (m->sessions[i].is_in) {
            m->sessions[i].expires_ms = INT64_MIN;
            model_track(m, &m->sessions[i], now_ms + m->sessions[i].touch_ms);
        }
    }
}

static void compare(const struct rk_sessions *s, const struct model *m)
{
    size_t count = 0;
    size_t replicated = 0;
    for (int i = 0; i < MODEL_IDS; i++) {
        const struct model_session *want = &m->sessions[i];
        const struct rk_session *got = rk_session_find(s, i);
        assert_int_equal(got != NULL, want->is_in);
        if (got != NULL) {
            assert_int_equal(got->id, i);
            assert_int_equal(got->expires_ms, want->expires_ms);
            assert_int_equal(got->timeout_ms, want->timeout_ms);
            assert_int_equal(got->touch_ms, want->touch_ms);
            count++;
            replicated += want->is_replicated;
        }
    }
    assert_int_equal(rk_sessions_count(s), count);
    assert_int_equal(rk_sessions_replicated_count(s), replicated);
    int due = model_due(m, INT64_MAX - 1);
    assert_int_equal(rk_sessions_next_due(s), due < 0 ? INT64_MAX : m->sessions[due].expires_ms);

    /* Stepping meets every session once. */
    bool seen[MODEL_IDS] = {0};
    size_t cursor = 0;
    struct rk_session *it = rk_sessions_next(s, &cursor, NULL);
    while (it != NULL) {
        assert_false(seen[it->id]);
        seen[it->id] = true;
        count--;
        it = rk_sessions_next(s, &cursor, it);
    }
    assert_int_equal(count, 0);

    /* Buckets in order of time, in each the sessions in order of arrival. */
    struct model left = *m;
    int64_t expires_ms = INT64_MIN;
    struct rk_link *head = NULL;
    size_t in_bucket = 0;
    while (rk_sessions_next_bucket(s, &expires_ms, &head, &in_bucket)) {
        assert_true(in_bucket > 0);
        for (struct rk_link *link = head->next; link != head; link = link->next) {
            const struct rk_session *got = RK_CONTAINER_OF(link, struct rk_session, in_bucket);
            int want = model_due(&left, INT64_MAX - 1);
            assert_int_equal(got->id, want);
            assert_int_equal(got->expires_ms, expires_ms);
            left.sessions[want].is_in = false;
            in_bucket--;
        }
        assert_int_equal(in_bucket, 0);
    }
    assert_int_equal(model_due(&left, INT64_MAX - 1), -1);
}

static void random_add(struct rk_sessions *s, struct model *m, struct rk_prng *prng, int id)
{
    int32_t timeout_ms = (int32_t)rk_prng_below(prng, rk_prng_chance(prng, 1, 4) ? 200000 : 5000);
    bool is_replicated = rk_prng_chance(prng, 1, 2);
    m->sessions[id] = (struct model_session){.is_in = true,
                                             .is_replicated = is_replicated,
                                             .timeout_ms = timeout_ms,
                                             .touch_ms = timeout_ms,
                                             .expires_ms = INT64_MIN};
    rk_session_add(s, id, timeout_ms)->is_replicated = is_replicated;
}

static void random_change(struct rk_sessions *s, struct model *m, struct rk_prng *prng, int id,
                          int64_t now_ms)
{
    struct model_session *it = &m->sessions[id];
    struct rk_session *session = rk_session_find(s, id);
    assert_non_null(session);
    uint64_t dice = rk_prng_below(prng, 100);
    if (dice < 70) {
        assert_int_equal(rk_session_touch(s, session, now_ms), model_touch(m, it, now_ms));
    } else if (dice < 80) {
        it->touch_ms = (int32_t)rk_prng_below(prng, 9000);
        model_track(m, it, now_ms + it->touch_ms);
        rk_session_retime(s, session, it->touch_ms, now_ms);
    } else if (dice < 84) {
        it->expires_ms = INT64_MIN;
        model_track(m, it, now_ms);
        rk_session_postpone(s, session, now_ms);
    } else if (dice < 92) {
        it->is_closing = !it->is_closing;
        session->is_closing = it->is_closing;
    } else {
        it->is_in = false;
        rk_session_remove(s, session);
    }
}

static void run_against_model(uint64_t seed, int64_t tick_ms)
{
    static struct model m;
    struct rk_prng prng;
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, tick_ms);
    memset(&m, 0, sizeof(m));
    m.tick_ms = tick_ms;
    rk_prng_init(&prng, seed);
    int64_t now_ms = (int64_t)rk_prng_below(&prng, 100000);
    size_t expired = 0;
    for (unsigned op = 0; op < OPS; op++) {
        now_ms += (int64_t)rk_prng_below(&prng, rk_prng_chance(&prng, 1, 50) ? 3000 : 20);
        int id = (int)rk_prng_below(&prng, MODEL_IDS);
        if (m.sessions[id].is_in) {
            random_change(s, &m, &prng, id, now_ms);
        } else {
            random_add(s, &m, &prng, id);
        }
        if (rk_prng_chance(&prng, 1, 2000)) {
            model_restart(&m, now_ms);
            rk_sessions_restart(s, now_ms);
        }
        /* In slices, as the core does it: leftovers stay due. */
        for (uint64_t slice = rk_prng_below(&prng, 6); slice > 0; slice--) {
            struct rk_session *got = rk_sessions_pop_expired(s, now_ms);
            int want = model_due(&m, now_ms);
            assert_int_equal(got == NULL ? -1 : (int)got->id, want);
            if (got == NULL) {
                break;
            }
            m.sessions[want].expires_ms = INT64_MIN;
            assert_int_equal(got->expires_ms, INT64_MIN);
            expired++;
        }
        if (op % 32 == 0) {
            rk_sessions_check(s);
            compare(s, &m);
        }
    }
    assert_true(expired > 1000); /* or little was tested */
    close_sessions(&mem, s);
}

static void random_operations_match_a_model(void **state)
{
    (void)state;
    run_against_model(1, 2000);
    run_against_model(2, 100);
    run_against_model(3, 1); /* nearly every session in a bucket of its own: sweeps, moves */
    run_against_model(4, 7);
}

/* -- cost -------------------------------------------------------------------------------------- */

static void a_session_costs_at_most_128_bytes(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, 2000);
    for (int64_t id = 1; id <= MANY; id++) {
        struct rk_session *session = rk_session_add(s, id << 8, 4000 + (int32_t)(id % 36000));
        assert_true(rk_session_touch(s, session, 0));
    }
    assert_true(mem.used_bytes <= (size_t)MANY * 128);
    assert_int_equal(rk_sessions_count(s), MANY);
    rk_sessions_check(s);
    for (int64_t id = 1; id <= MANY; id += 2) {
        rk_session_remove(s, rk_session_find(s, id << 8));
    }
    rk_sessions_check(s);
    close_sessions(&mem, s);
}

/* Sessions that come and go with timeouts of their own leave no trail of empty buckets. */
static void empty_buckets_do_not_pile_up(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_sessions *s = open_sessions(&mem, 1);
    assert_true(rk_session_touch(s, rk_session_add(s, 1, 1), 0)); /* the front stays */
    size_t held = 0;
    for (int32_t i = 0; i < 50000; i++) {
        struct rk_session *session = rk_session_add(s, 2, 1000 + i * 37 % 50000);
        assert_true(rk_session_touch(s, session, 0));
        rk_session_remove(s, session);
        if (i == 1000) {
            held = mem.used_bytes;
        }
    }
    assert_true(mem.used_bytes <= held + 16384);
    rk_sessions_check(s);
    close_sessions(&mem, s);
}

/* -- out of memory ----------------------------------------------------------------------------- */

/* Memory that is never given back, so that a panic half way leaks nothing. */
struct bump {
    _Alignas(16) uint8_t bytes[1u << 20];
    size_t used;
};

static void *bump_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct bump *b = ctx;
    if (new_size == 0 || b->used + new_size > sizeof(b->bytes)) {
        return NULL;
    }
    void *block = b->bytes + b->used;
    b->used += (new_size + 15u) & ~(size_t)15u;
    if (ptr != NULL) {
        memcpy(block, ptr, old_size < new_size ? old_size : new_size);
    }
    return block;
}

static bool use_everything(struct rk_mem *mem)
{
    struct rk_sessions *s = rk_sessions_create(mem, 1, 10);
    if (s == NULL) {
        return false;
    }
    for (int32_t i = 0; i < 40; i++) {
        assert_true(rk_session_touch(s, rk_session_add(s, i, i * 10), 5));
    }
    rk_sessions_check(s);
    rk_sessions_destroy(s);
    return true;
}

/* Sessions are replicated state, without which this server would diverge: creation says so, later
 * calls stop the process. */
static void running_out_of_memory_stops_the_process(void **state)
{
    (void)state;
    static struct bump bump;
    static volatile uint64_t n;
    static volatile unsigned panics;
    struct rk_mem mem = {.resize = bump_resize, .ctx = &bump};
    assert_true(use_everything(&mem));
    uint64_t total = mem.count;
    assert_true(total > 80);
    for (n = 1; n <= total; n++) {
        bump.used = 0;
        mem = (struct rk_mem){.resize = bump_resize, .ctx = &bump, .fail_at = n};
        jmp_buf env;
        rk_test_panic_env = &env;
        if (setjmp(env) == 0) {
            assert_false(use_everything(&mem));
            assert_int_equal(n, 1);
        } else {
            panics++;
        }
        rk_test_panic_env = NULL;
    }
    assert_int_equal(panics, total - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords_are_apaches),
        cmocka_unit_test(first_ids_are_apaches),
        cmocka_unit_test(expiry_is_the_end_of_the_tick_of_the_timeout),
        cmocka_unit_test(touch_moves_only_later_and_reattach_either_way),
        cmocka_unit_test(sessions_expire_by_bucket_then_in_order_of_arrival),
        cmocka_unit_test(a_restart_of_many_sessions_orders_them_by_id),
        cmocka_unit_test(random_operations_match_a_model),
        cmocka_unit_test(a_session_costs_at_most_128_bytes),
        cmocka_unit_test(empty_buckets_do_not_pile_up),
        cmocka_unit_test(running_out_of_memory_stops_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
