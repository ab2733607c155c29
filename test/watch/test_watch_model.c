/* Watch tables against a naive model: thousands of random operations, receivers compared in order,
 * every listing and count compared after each few, nothing held at the end. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/mem_libc.h"
#include "base/prng.h"
#include "watch/watch.h"

enum {
    MODEL_MAX = 4096,
    PATH_MAX_BYTES = 120,
    CONNS = 24,
    OPS = 40000,
};

/* One watch, in order of registration over all; a recursive one has a second entry in the other
 * list. */
struct model_watch {
    enum rk_watch_table table;
    char path[PATH_MAX_BYTES];
    rk_conn_id conn;
    uint32_t modes;
};

struct model_list {
    struct model_watch items[MODEL_MAX];
    size_t count;
};

struct model {
    struct model_list watches;
    struct model_list recursive;
    struct rk_watch_limits limits;
};

static struct model_watch *find(struct model_list *list, enum rk_watch_table table,
                                const char *path, rk_conn_id conn)
{
    for (size_t i = 0; i < list->count; i++) {
        struct model_watch *it = &list->items[i];
        if (it->table == table && it->conn == conn && strcmp(it->path, path) == 0) {
            return it;
        }
    }
    return NULL;
}

static void erase(struct model_list *list, struct model_watch *it)
{
    size_t at = (size_t)(it - list->items);
    assert_true(at < list->count);
    memmove(it, it + 1, (list->count - at - 1) * sizeof(*it));
    list->count--;
}

static struct model_watch *append(struct model_list *list, enum rk_watch_table table,
                                  const char *path, rk_conn_id conn)
{
    assert_true(list->count < MODEL_MAX);
    struct model_watch *it = &list->items[list->count++];
    *it = (struct model_watch){.table = table, .conn = conn};
    (void)snprintf(it->path, sizeof(it->path), "%s", path);
    return it;
}

static size_t count_of_conn(const struct model *m, rk_conn_id conn)
{
    size_t count = 0;
    for (size_t i = 0; i < m->watches.count; i++) {
        count += m->watches.items[i].conn == conn;
    }
    return count;
}

static enum rk_err model_add(struct model *m, enum rk_watch_table table, const char *path,
                             rk_conn_id conn, enum rk_watch_mode mode)
{
    struct model_watch *it = find(&m->watches, table, path, conn);
    if (it == NULL) {
        if (m->limits.total_max != 0 && m->watches.count >= m->limits.total_max) {
            return RK_ERR_TOO_BIG;
        }
        if (m->limits.per_conn_max != 0 && count_of_conn(m, conn) >= m->limits.per_conn_max) {
            return RK_ERR_TOO_BIG;
        }
        it = append(&m->watches, table, path, conn);
    }
    if (mode == RK_WATCH_RECURSIVE && (it->modes & RK_WATCH_RECURSIVE) == 0) {
        (void)append(&m->recursive, table, path, conn);
    }
    it->modes |= (uint32_t)mode;
    return RK_OK;
}

static bool model_clear(struct model *m, struct model_watch *it, uint32_t modes)
{
    bool had = (it->modes & modes) != 0;
    if ((it->modes & modes & RK_WATCH_RECURSIVE) != 0) {
        struct model_watch *beside = find(&m->recursive, it->table, it->path, it->conn);
        assert_non_null(beside);
        erase(&m->recursive, beside);
    }
    it->modes &= ~modes;
    if (it->modes == 0) {
        erase(&m->watches, it);
    }
    return had;
}

/* type by type as spec-client 4.8 has it. */
static bool model_remove(struct model *m, rk_conn_id conn, const char *path,
                         enum rk_watcher_type type)
{
    static const uint32_t modes[2][6] = {
        [RK_WATCH_DATA] = {0, 0, RK_WATCH_STANDARD, 7, RK_WATCH_PERSISTENT, RK_WATCH_RECURSIVE},
        [RK_WATCH_CHILD] = {0, RK_WATCH_STANDARD, 0, 7, RK_WATCH_PERSISTENT, 0},
    };
    bool had = false;
    for (enum rk_watch_table table = RK_WATCH_DATA; table <= RK_WATCH_CHILD; table++) {
        struct model_watch *it = find(&m->watches, table, path, conn);
        if (it != NULL && model_clear(m, it, modes[table][type])) {
            had = true;
        }
    }
    return had;
}

static void model_remove_conn(struct model *m, rk_conn_id conn)
{
    for (size_t i = m->watches.count; i-- > 0;) {
        if (m->watches.items[i].conn == conn) {
            (void)model_clear(m, &m->watches.items[i], 7);
        }
    }
}

static void hit(const struct rk_watch_hits *skip, rk_conn_id conn, rk_conn_id *out, size_t *count)
{
    for (size_t i = 0; skip != NULL && i < skip->count; i++) {
        if (skip->conns[i] == conn) {
            return;
        }
    }
    for (size_t i = 0; i < *count; i++) {
        if (out[i] == conn) {
            return;
        }
    }
    out[(*count)++] = conn;
}

static size_t model_fire(struct model *m, enum rk_watch_table table, const char *path,
                         const struct rk_watch_hits *skip, rk_conn_id *out)
{
    size_t count = 0;
    for (size_t i = 0; i < m->watches.count;) {
        struct model_watch *it = &m->watches.items[i];
        size_t before = m->watches.count;
        if (it->table == table && strcmp(it->path, path) == 0) {
            hit(skip, it->conn, out, &count);
            (void)model_clear(m, it, RK_WATCH_STANDARD);
        }
        i += before == m->watches.count;
    }
    char above[PATH_MAX_BYTES];
    (void)snprintf(above, sizeof(above), "%s", path);
    while (table == RK_WATCH_DATA && strcmp(above, "/") != 0) {
        char *slash = strrchr(above, '/');
        slash[slash == above ? 1 : 0] = '\0';
        for (size_t i = 0; i < m->recursive.count; i++) {
            if (strcmp(m->recursive.items[i].path, above) == 0) {
                hit(skip, m->recursive.items[i].conn, out, &count);
            }
        }
    }
    return count;
}

/* -- comparison -------------------------------------------------------------------------------- */

static struct rk_bytes bytes(const char *path)
{
    return rk_bytes_str(path);
}

static void compare_counts(const struct rk_watches *w, const struct model *m)
{
    struct rk_watch_counts got;
    rk_watch_counts(w, &got);
    uint64_t data_total = 0;
    uint64_t data_paths = 0;
    uint64_t data_conns = 0;
    for (size_t i = 0; i < m->watches.count; i++) {
        const struct model_watch *it = &m->watches.items[i];
        if (it->table != RK_WATCH_DATA) {
            continue;
        }
        bool is_path_new = true;
        bool is_conn_new = true;
        for (size_t k = 0; k < i; k++) {
            const struct model_watch *earlier = &m->watches.items[k];
            if (earlier->table == RK_WATCH_DATA) {
                is_path_new = is_path_new && strcmp(earlier->path, it->path) != 0;
                is_conn_new = is_conn_new && earlier->conn != it->conn;
            }
        }
        data_total++;
        data_paths += is_path_new;
        data_conns += is_conn_new;
    }
    assert_int_equal(got.total, m->watches.count);
    assert_int_equal(got.data_total, data_total);
    assert_int_equal(got.data_paths, data_paths);
    assert_int_equal(got.data_conns, data_conns);
    assert_int_equal(rk_watch_none(w), m->watches.count == 0);
}

/* The next data watch of the model at or after *at that is at path (any if NULL) and of conn (any
 * if 0). */
static const struct model_watch *next_data(const struct model *m, size_t *at, const char *path,
                                           rk_conn_id conn)
{
    for (; *at < m->watches.count; (*at)++) {
        const struct model_watch *it = &m->watches.items[*at];
        if (it->table == RK_WATCH_DATA && (path == NULL || strcmp(it->path, path) == 0) &&
            (conn == 0 || it->conn == conn)) {
            (*at)++;
            return it;
        }
    }
    return NULL;
}

static void compare_listing(const struct rk_watches *w, const struct model *m)
{
    struct rk_watch_cursor cursor = {0};
    struct rk_bytes path = {0};
    rk_conn_id conn = 0;
    uint64_t seen = 0;
    char current[PATH_MAX_BYTES] = "none yet";
    size_t at = 0;
    while (rk_watch_next(w, &cursor, &path, &conn)) {
        if (!rk_bytes_is(path, current)) {
            assert_null(next_data(m, &at, current, 0)); /* the whole group was listed */
            (void)snprintf(current, sizeof(current), "%.*s", (int)path.len, path.data);
            at = 0;
        }
        const struct model_watch *want = next_data(m, &at, current, 0);
        assert_non_null(want);
        assert_int_equal(conn, want->conn);
        seen++;
    }
    assert_false(rk_watch_next(w, &cursor, &path, &conn)); /* the end is the end */
    struct rk_watch_counts counts;
    rk_watch_counts(w, &counts);
    assert_int_equal(seen, counts.data_total);

    for (rk_conn_id c = 1; c <= CONNS; c++) {
        struct rk_watch_cursor of_conn = {0};
        at = 0;
        while (rk_watch_next_of_conn(w, c, &of_conn, &path)) {
            const struct model_watch *want = next_data(m, &at, NULL, c);
            assert_non_null(want);
            assert_true(rk_bytes_is(path, want->path));
        }
        assert_null(next_data(m, &at, NULL, c));
        assert_false(rk_watch_next_of_conn(w, c, &of_conn, &path));
    }
}

/* -- the run ----------------------------------------------------------------------------------- */

struct run {
    struct rk_mem mem;
    struct rk_arena arena;
    struct rk_prng prng;
    struct rk_watches *w;
    struct model *m;
};

/* A path from a small tree, so that paths meet; some components are long enough to leave the entry.
 */
static void random_path(struct rk_prng *prng, char out[PATH_MAX_BYTES])
{
    static const char *const names[] = {"a", "b", "ab", "a-name-of-more-than-thirty-two-bytes"};
    size_t depth = (size_t)rk_prng_below(prng, 4);
    size_t len = 0;
    (void)snprintf(out, PATH_MAX_BYTES, "/");
    for (size_t i = 0; i < depth; i++) {
        const char *name = names[rk_prng_below(prng, i == 0 ? 4 : 3)];
        len += (size_t)snprintf(out + len, PATH_MAX_BYTES - len, "/%s", name);
    }
}

static void random_fire(struct run *r, const char *path)
{
    enum rk_watch_table table = rk_prng_chance(&r->prng, 1, 3) ? RK_WATCH_CHILD : RK_WATCH_DATA;
    rk_conn_id excused[CONNS * 2];
    struct rk_watch_hits skip = {.conns = excused};
    bool has_skip = rk_prng_chance(&r->prng, 1, 2);
    uint32_t excused_count = has_skip ? (uint32_t)rk_prng_below(&r->prng, CONNS) : 0;
    for (uint32_t i = 0; i < excused_count; i++) {
        excused[skip.count++] = rk_prng_below(&r->prng, CONNS + 3) + 1; /* some watch nothing */
    }
    rk_conn_id want[CONNS * 2];
    size_t want_count = model_fire(r->m, table, path, has_skip ? &skip : NULL, want);
    struct rk_watch_hits got = {0};
    rk_watch_fire(r->w, table, bytes(path), has_skip ? &skip : NULL, &r->arena, &got);
    assert_int_equal(got.count, want_count);
    for (size_t i = 0; i < want_count; i++) {
        assert_int_equal(got.conns[i], want[i]);
    }
    rk_arena_reset(&r->arena);
}

static void random_add(struct run *r, const char *path, rk_conn_id conn)
{
    static const enum rk_watch_mode modes[] = {RK_WATCH_STANDARD, RK_WATCH_STANDARD,
                                               RK_WATCH_PERSISTENT, RK_WATCH_RECURSIVE};
    enum rk_watch_mode mode = modes[rk_prng_below(&r->prng, 4)];
    enum rk_watch_table table = rk_prng_chance(&r->prng, 1, 3) && mode != RK_WATCH_RECURSIVE
                                    ? RK_WATCH_CHILD
                                    : RK_WATCH_DATA;
    enum rk_err want = model_add(r->m, table, path, conn, mode);
    assert_int_equal(rk_watch_add(r->w, table, bytes(path), conn, mode), want);
}

static void random_operation(struct run *r)
{
    char path[PATH_MAX_BYTES];
    random_path(&r->prng, path);
    rk_conn_id conn = rk_prng_below(&r->prng, CONNS) + 1;
    enum rk_watcher_type type = (enum rk_watcher_type)(rk_prng_below(&r->prng, 5) + 1);
    uint64_t dice = rk_prng_below(&r->prng, 100);
    if (dice < 60) {
        random_add(r, path, conn);
    } else if (dice < 80) {
        random_fire(r, path);
    } else if (dice < 98) {
        bool has = rk_watch_has(r->w, conn, bytes(path), type);
        bool want = model_remove(r->m, conn, path, type);
        assert_int_equal(has, want);
        assert_int_equal(rk_watch_remove(r->w, conn, bytes(path), type), want);
        assert_false(rk_watch_has(r->w, conn, bytes(path), type));
    } else {
        model_remove_conn(r->m, conn);
        rk_watch_remove_conn(r->w, conn);
    }
}

static void run_against_model(uint64_t seed, struct rk_watch_limits limits)
{
    static struct model model;
    struct run r = {.m = &model};
    memset(&model, 0, sizeof(model));
    model.limits = limits;
    rk_mem_libc_init(&r.mem, 0);
    rk_arena_init(&r.arena, &r.mem);
    rk_prng_init(&r.prng, seed);
    r.w = rk_watches_create(&r.mem, seed * 31, &limits);
    assert_non_null(r.w);
    for (unsigned op = 0; op < OPS; op++) {
        random_operation(&r);
        if (op % 64 == 0) {
            rk_watches_check(r.w);
            compare_counts(r.w, r.m);
            compare_listing(r.w, r.m);
        }
    }
    assert_true(r.m->watches.count > 0); /* or nothing was tested */
    bool is_emptied = seed % 2 == 0;
    for (rk_conn_id conn = 1; is_emptied && conn <= CONNS; conn++) {
        rk_watch_remove_conn(r.w, conn);
    }
    assert_int_equal(rk_watch_none(r.w), is_emptied);
    rk_watches_check(r.w);
    rk_watches_destroy(r.w);
    rk_arena_deinit(&r.arena);
    assert_int_equal(r.mem.used_bytes, 0);
}

static void random_operations_match_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_against_model(seed, (struct rk_watch_limits){0});
    }
}

static void random_operations_match_a_model_under_limits(void **state)
{
    (void)state;
    run_against_model(11, (struct rk_watch_limits){.per_conn_max = 7, .total_max = 100});
    run_against_model(12, (struct rk_watch_limits){.per_conn_max = 3});
    run_against_model(13, (struct rk_watch_limits){.total_max = 40});
}

/* The same history gives the same receivers in the same order whatever the seed of the hashes. */
static void receivers_do_not_depend_on_the_hash_seed(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_arena arena;
    rk_mem_libc_init(&mem, 0);
    rk_arena_init(&arena, &mem);
    struct rk_watch_hits first = {0};
    for (uint64_t hash_seed = 1; hash_seed <= 5; hash_seed++) {
        struct rk_watches *w = rk_watches_create(&mem, hash_seed, &(struct rk_watch_limits){0});
        struct rk_prng prng;
        rk_prng_init(&prng, 5);
        for (unsigned i = 0; i < 3000; i++) {
            char path[PATH_MAX_BYTES];
            random_path(&prng, path);
            rk_conn_id conn = rk_prng_below(&prng, 1000) + 1;
            enum rk_watch_mode mode =
                rk_prng_chance(&prng, 1, 3) ? RK_WATCH_RECURSIVE : RK_WATCH_STANDARD;
            assert_int_equal(rk_watch_add(w, RK_WATCH_DATA, bytes(path), conn, mode), RK_OK);
        }
        struct rk_watch_hits got = {0};
        rk_watch_fire(w, RK_WATCH_DATA, bytes("/a/b"), NULL, &arena, &got);
        assert_true(got.count > 100);
        if (hash_seed == 1) {
            first = got;
        }
        assert_int_equal(got.count, first.count);
        assert_memory_equal(got.conns, first.conns, got.count * sizeof(got.conns[0]));
        rk_watches_destroy(w);
    }
    rk_arena_deinit(&arena);
    assert_int_equal(mem.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_match_a_model),
        cmocka_unit_test(random_operations_match_a_model_under_limits),
        cmocka_unit_test(receivers_do_not_depend_on_the_hash_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
