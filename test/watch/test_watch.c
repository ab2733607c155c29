/* Watch tables: the sequences that were verified on Apache's server (spec-client 9.3), what the
 * types of removeWatches match, limits, cost in memory and in work, and what happens when memory is
 * out. */
#include "support/cmocka_all.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem_libc.h"
#include "watch/watch.h"

/* Set, a panic lands there (test/support). */
extern jmp_buf *rk_test_panic_env;

struct fixture {
    struct rk_mem mem;
    struct rk_arena arena;
    struct rk_watches *w;
    char log[2048]; /* what connection 1 received */
};

static void open_fixture(struct fixture *f, struct rk_watch_limits limits)
{
    memset(f, 0, sizeof(*f));
    rk_mem_libc_init(&f->mem, 0);
    rk_arena_init(&f->arena, &f->mem);
    f->w = rk_watches_create(&f->mem, 4711, &limits);
    assert_non_null(f->w);
}

static void close_fixture(struct fixture *f)
{
    rk_watches_check(f->w);
    rk_watches_destroy(f->w);
    rk_arena_deinit(&f->arena);
    assert_int_equal(f->mem.used_bytes, 0);
}

static struct rk_bytes bytes(const char *path)
{
    return rk_bytes_str(path);
}

static void add(struct fixture *f, enum rk_watch_table table, const char *path, rk_conn_id conn,
                enum rk_watch_mode mode)
{
    assert_int_equal(rk_watch_add(f->w, table, bytes(path), conn, mode), RK_OK);
}

/* -- the verified sequences -------------------------------------------------------------------- */

static struct rk_watch_hits fire(struct fixture *f, enum rk_watch_table table, const char *path,
                                 const char *event, const struct rk_watch_hits *skip)
{
    struct rk_watch_hits hits;
    rk_watch_fire(f->w, table, bytes(path), skip, &f->arena, &hits);
    for (uint32_t i = 0; i < hits.count; i++) {
        if (hits.conns[i] == 1) {
            size_t len = strlen(f->log);
            (void)snprintf(f->log + len, sizeof(f->log) - len, "%s%s %s", len == 0 ? "" : ", ",
                           event, path);
        }
    }
    return hits;
}

/* The part of spec-client 9.3 that the core does: which change triggers what, in order. */
static void change(struct fixture *f, const char *op, const char *path)
{
    char parent[64];
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent ? 1 : 0] = '\0';
    if (strcmp(op, "create") == 0) {
        (void)fire(f, RK_WATCH_DATA, path, "Created", NULL);
        (void)fire(f, RK_WATCH_CHILD, parent, "Children", NULL);
    } else if (strcmp(op, "set") == 0) {
        (void)fire(f, RK_WATCH_DATA, path, "Data", NULL);
    } else {
        assert_string_equal(op, "delete");
        struct rk_watch_hits told = fire(f, RK_WATCH_DATA, path, "Deleted", NULL);
        (void)fire(f, RK_WATCH_CHILD, path, "Deleted", &told);
        (void)fire(f, RK_WATCH_CHILD, parent, "Children", NULL);
    }
}

/* "data /p", "child /p", "persistent /p", "recursive /p", "remove2 /p", "remove3 /p" or a change.
 */
static void play(struct fixture *f, const char *op, const char *path)
{
    if (strcmp(op, "data") == 0) {
        add(f, RK_WATCH_DATA, path, 1, RK_WATCH_STANDARD);
    } else if (strcmp(op, "child") == 0) {
        add(f, RK_WATCH_CHILD, path, 1, RK_WATCH_STANDARD);
    } else if (strcmp(op, "persistent") == 0) {
        add(f, RK_WATCH_DATA, path, 1, RK_WATCH_PERSISTENT);
        add(f, RK_WATCH_CHILD, path, 1, RK_WATCH_PERSISTENT);
    } else if (strcmp(op, "recursive") == 0) {
        add(f, RK_WATCH_DATA, path, 1, RK_WATCH_RECURSIVE);
    } else if (strncmp(op, "remove", 6) == 0) {
        enum rk_watcher_type type = (enum rk_watcher_type)(op[6] - '0');
        assert_true(rk_watch_remove(f->w, 1, bytes(path), type));
    } else {
        change(f, op, path);
    }
    rk_watches_check(f->w);
}

static void receivers_match_the_verified_sequences(void **state)
{
    (void)state;
    static const struct {
        const char *script; /* "op path; op path" */
        const char *received;
    } cases[] = {
        {"data /d; set /d; set /d", "Data /d"},
        {"data /none; create /none; set /none", "Created /none"},
        {"child /w; set /w; create /w/n2; create /w/n3", "Children /w"},
        {"data /w/n2; child /w/n2; child /w; delete /w/n2", "Deleted /w/n2, Children /w"},
        {"child /w/n3; delete /w/n3", "Deleted /w/n3"},
        {"persistent /p; create /p; set /p; create /p/c; set /p/c; delete /p/c; set /p; delete /p; "
         "create /p",
         "Created /p, Data /p, Children /p, Children /p, Data /p, Deleted /p, Created /p"},
        {"recursive /r; create /r/c; set /r/c; create /r/c/d; set /r; delete /r/c/d; delete /r/c; "
         "delete /r",
         "Created /r/c, Data /r/c, Created /r/c/d, Data /r, Deleted /r/c/d, Deleted /r/c, "
         "Deleted /r"},
        {"recursive /; create /rootchild; set /rootchild; delete /rootchild",
         "Created /rootchild, Data /rootchild, Deleted /rootchild"},
        {"recursive /s; data /s; child /s; set /s; create /s/k; set /s; create /s/k2",
         "Data /s, Created /s/k, Children /s, Data /s, Created /s/k2"},
        {"recursive /w; create /w/m1; set /w/m1; delete /w/m1",
         "Created /w/m1, Data /w/m1, Deleted /w/m1"},
        {"recursive /w; persistent /w; delete /w/e1; delete /w/e2",
         "Deleted /w/e1, Children /w, Deleted /w/e2, Children /w"},
        {"data /a; child /a; remove2 /a; set /a; create /a/b", "Children /a"},
        /* Not in the list, but of the same kind. */
        {"recursive /w; create /wx; create /wx/y; create /w", "Created /w"},
        {"recursive /w; recursive /w/a; recursive /; create /w/a/b", "Created /w/a/b"},
        {"recursive /w; data /w/a; set /w/a; set /w/a", "Data /w/a, Data /w/a"},
        {"recursive /w; remove3 /w; create /w/a", ""},
        {"persistent /p; data /p; remove3 /p; set /p; create /p/c", ""},
        {"persistent /p; data /p; set /p; remove4 /p; set /p", "Data /p"},
        {"persistent /p; data /p; remove4 /p; set /p; set /p; create /p/c", "Data /p"},
        {"recursive /p; persistent /p; remove5 /p; create /p/c; set /p", "Children /p, Data /p"},
        {"child /; create /x; create /y", "Children /"},
        {"data /; set /; set /", "Data /"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        open_fixture(&f, (struct rk_watch_limits){0});
        char script[512];
        (void)snprintf(script, sizeof(script), "%s", cases[i].script);
        char *rest = NULL;
        for (char *step = strtok_r(script, ";", &rest); step != NULL;
             step = strtok_r(NULL, ";", &rest)) {
            char op[16];
            char path[64];
            assert_int_equal(sscanf(step, " %15s %63s", op, path), 2);
            play(&f, op, path);
        }
        assert_string_equal(f.log, cases[i].received);
        close_fixture(&f);
    }
}

/* -- order and duplicates ---------------------------------------------------------------------- */

static void assert_hits(struct fixture *f, const char *path, const rk_conn_id *want, size_t count)
{
    struct rk_watch_hits hits;
    rk_watch_fire(f->w, RK_WATCH_DATA, bytes(path), NULL, &f->arena, &hits);
    assert_int_equal(hits.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(hits.conns[i], want[i]);
    }
}

static void receivers_come_in_order_of_registration_then_nearest_ancestor_first(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    add(&f, RK_WATCH_DATA, "/", 9, RK_WATCH_RECURSIVE);
    add(&f, RK_WATCH_DATA, "/a", 7, RK_WATCH_RECURSIVE);
    add(&f, RK_WATCH_DATA, "/a", 2, RK_WATCH_STANDARD); /* an ancestor's one-shot has no say */
    add(&f, RK_WATCH_DATA, "/a", 4, RK_WATCH_RECURSIVE);
    add(&f, RK_WATCH_DATA, "/a/b", 5, RK_WATCH_STANDARD);
    add(&f, RK_WATCH_DATA, "/a/b", 4, RK_WATCH_PERSISTENT);
    add(&f, RK_WATCH_DATA, "/a/b", 1, RK_WATCH_RECURSIVE);
    add(&f, RK_WATCH_DATA, "/a/b", 3, RK_WATCH_STANDARD);
    assert_hits(&f, "/a/b", (rk_conn_id[]){5, 4, 1, 3, 7, 9}, 6);
    assert_hits(&f, "/a/b", (rk_conn_id[]){4, 1, 7, 9}, 4);
    add(&f, RK_WATCH_DATA, "/a/b", 5, RK_WATCH_STANDARD); /* used up: registered anew, at the end */
    add(&f, RK_WATCH_DATA, "/a/b", 4, RK_WATCH_STANDARD); /* still there: keeps its place */
    assert_hits(&f, "/a/b", (rk_conn_id[]){4, 1, 5, 7, 9}, 5);
    assert_hits(&f, "/a", (rk_conn_id[]){7, 2, 4, 9}, 4);
    assert_hits(&f, "/a/x/y/z", (rk_conn_id[]){7, 4, 9}, 3);
    assert_hits(&f, "/ab", (rk_conn_id[]){9}, 1);
    close_fixture(&f);
}

static void an_excused_connection_loses_its_one_shot_watch_all_the_same(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    add(&f, RK_WATCH_CHILD, "/n", 1, RK_WATCH_STANDARD);
    add(&f, RK_WATCH_CHILD, "/n", 2, RK_WATCH_STANDARD);
    rk_conn_id told[] = {1, 77};
    struct rk_watch_hits hits = {.conns = told, .count = 2};
    /* The result may be written over the list of those excused. */
    rk_watch_fire(f.w, RK_WATCH_CHILD, bytes("/n"), &hits, &f.arena, &hits);
    assert_int_equal(hits.count, 1);
    assert_int_equal(hits.conns[0], 2);
    assert_true(rk_watch_none(f.w));
    close_fixture(&f);
}

static void a_large_fan_out_reaches_everybody_once(void **state)
{
    (void)state;
    enum { MANY = 30000 };
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    for (rk_conn_id conn = 1; conn <= MANY; conn++) {
        add(&f, RK_WATCH_DATA, "/n", conn, RK_WATCH_STANDARD);
        add(&f, RK_WATCH_CHILD, "/n", conn, RK_WATCH_STANDARD);
        add(&f, RK_WATCH_DATA, "/", conn, RK_WATCH_RECURSIVE);
    }
    struct rk_watch_hits told;
    rk_watch_fire(f.w, RK_WATCH_DATA, bytes("/n"), NULL, &f.arena, &told);
    assert_int_equal(told.count, MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(told.conns[i], i + 1);
    }
    told.count = MANY / 2;
    struct rk_watch_hits rest;
    rk_watch_fire(f.w, RK_WATCH_CHILD, bytes("/n"), &told, &f.arena, &rest);
    assert_int_equal(rest.count, MANY / 2);
    for (uint32_t i = 0; i < MANY / 2; i++) {
        assert_int_equal(rest.conns[i], MANY / 2 + i + 1);
    }
    rk_watches_check(f.w);
    for (rk_conn_id conn = 1; conn <= MANY; conn++) {
        rk_watch_remove_conn(f.w, conn);
    }
    assert_true(rk_watch_none(f.w));
    close_fixture(&f);
}

/* -- types ------------------------------------------------------------------------------------- */

static void types_match_what_they_name(void **state)
{
    (void)state;
    enum { DATA = 1, CHILD = 2, PERSISTENT = 4, RECURSIVE = 8 };
    static const unsigned matched[] = {
        [RK_WATCHER_CHILDREN] = CHILD,
        [RK_WATCHER_DATA] = DATA,
        [RK_WATCHER_ANY] = DATA | CHILD | PERSISTENT | RECURSIVE,
        [RK_WATCHER_PERSISTENT] = PERSISTENT,
        [RK_WATCHER_PERSISTENT_RECURSIVE] = RECURSIVE,
    };
    for (unsigned held = 0; held < 16; held++) {
        for (enum rk_watcher_type type = RK_WATCHER_CHILDREN;
             type <= RK_WATCHER_PERSISTENT_RECURSIVE; type++) {
            struct fixture f;
            open_fixture(&f, (struct rk_watch_limits){0});
            if ((held & DATA) != 0) {
                play(&f, "data", "/p");
            }
            if ((held & CHILD) != 0) {
                play(&f, "child", "/p");
            }
            if ((held & PERSISTENT) != 0) {
                play(&f, "persistent", "/p");
            }
            if ((held & RECURSIVE) != 0) {
                play(&f, "recursive", "/p");
            }
            bool want = (held & matched[type]) != 0;
            assert_int_equal(rk_watch_has(f.w, 1, bytes("/p"), type), want);
            assert_false(rk_watch_has(f.w, 2, bytes("/p"), type));
            assert_false(rk_watch_has(f.w, 1, bytes("/q"), type));
            assert_false(rk_watch_remove(f.w, 2, bytes("/p"), type));
            assert_false(rk_watch_remove(f.w, 1, bytes("/q"), type));
            assert_int_equal(rk_watch_remove(f.w, 1, bytes("/p"), type), want);
            assert_false(rk_watch_remove(f.w, 1, bytes("/p"), type));
            unsigned left = held & ~matched[type];
            assert_int_equal(rk_watch_none(f.w), left == 0);
            assert_int_equal(rk_watch_has(f.w, 1, bytes("/p"), RK_WATCHER_DATA),
                             (left & DATA) != 0);
            assert_int_equal(rk_watch_has(f.w, 1, bytes("/p"), RK_WATCHER_PERSISTENT_RECURSIVE),
                             (left & RECURSIVE) != 0);
            close_fixture(&f);
        }
    }
}

/* addWatch checks no path: null, empty, long and odd ones are kept, removed, and never fire by
 * accident. */
static void odd_paths_are_kept_and_removed(void **state)
{
    (void)state;
    static char big[100001];
    memset(big, 'x', sizeof(big) - 1);
    for (size_t i = 0; i < sizeof(big) - 1; i += 2) {
        big[i] = '/';
    }
    const char *const odd[] = {NULL, "", "no-slash", "//", "/a/", "/a//b", "a/b", big};
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    add(&f, RK_WATCH_DATA, "/", 2, RK_WATCH_RECURSIVE);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct rk_bytes path = bytes(odd[i]);
        assert_int_equal(rk_watch_add(f.w, RK_WATCH_DATA, path, 1, RK_WATCH_RECURSIVE), RK_OK);
        assert_true(rk_watch_has(f.w, 1, path, RK_WATCHER_PERSISTENT_RECURSIVE));
        struct rk_watch_hits hits;
        rk_watch_fire(f.w, RK_WATCH_DATA, bytes("/zz"), NULL, &f.arena, &hits);
        assert_int_equal(hits.count, 1);
        rk_watch_fire(f.w, RK_WATCH_DATA, path, NULL, &f.arena, &hits);
        assert_int_equal(hits.conns[0], 1);
        rk_watches_check(f.w);
        assert_true(rk_watch_remove(f.w, 1, path, RK_WATCHER_PERSISTENT_RECURSIVE));
        rk_watches_check(f.w);
    }
    close_fixture(&f);
}

static void paths_of_every_length_are_told_apart(void **state)
{
    (void)state;
    char path[80] = "/";
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    for (size_t len = 2; len < sizeof(path); len++) {
        path[len - 1] = (char)('a' + len % 26);
        add(&f, RK_WATCH_DATA, path, len, RK_WATCH_STANDARD);
        rk_watches_check(f.w);
    }
    for (size_t len = sizeof(path) - 1; len >= 2; len--) {
        assert_hits(&f, path, (rk_conn_id[]){len}, 1);
        path[len - 1] = '\0';
        rk_watches_check(f.w);
    }
    assert_true(rk_watch_none(f.w));
    for (size_t len = 2; len < sizeof(path); len++) {
        path[len - 1] = 'z';
        add(&f, RK_WATCH_CHILD, path, 1, RK_WATCH_STANDARD);
    }
    close_fixture(&f); /* gives all of them back */
}

/* -- limits and cost --------------------------------------------------------------------------- */

static void limits_refuse_new_watches_but_not_more_modes(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){.per_conn_max = 2, .total_max = 3});
    add(&f, RK_WATCH_DATA, "/a", 1, RK_WATCH_STANDARD);
    add(&f, RK_WATCH_DATA, "/a", 1, RK_WATCH_STANDARD); /* again is nothing new */
    add(&f, RK_WATCH_CHILD, "/a", 1, RK_WATCH_STANDARD);
    size_t held = f.mem.used_bytes;
    assert_int_equal(rk_watch_add(f.w, RK_WATCH_DATA, bytes("/b"), 1, RK_WATCH_STANDARD),
                     RK_ERR_TOO_BIG);
    add(&f, RK_WATCH_DATA, "/a", 1, RK_WATCH_RECURSIVE);
    add(&f, RK_WATCH_DATA, "/a", 1, RK_WATCH_PERSISTENT);
    assert_int_equal(f.mem.used_bytes, held);
    add(&f, RK_WATCH_DATA, "/a", 2, RK_WATCH_STANDARD);
    assert_int_equal(rk_watch_add(f.w, RK_WATCH_DATA, bytes("/b"), 2, RK_WATCH_STANDARD),
                     RK_ERR_TOO_BIG);
    assert_int_equal(rk_watch_add(f.w, RK_WATCH_DATA, bytes("/a"), 3, RK_WATCH_STANDARD),
                     RK_ERR_TOO_BIG);
    assert_false(rk_watch_has(f.w, 3, bytes("/a"), RK_WATCHER_ANY));
    struct rk_watch_counts counts;
    rk_watch_counts(f.w, &counts);
    assert_int_equal(counts.total, 3);
    assert_int_equal(counts.data_total, 2);
    assert_int_equal(counts.data_conns, 2);
    assert_int_equal(counts.data_paths, 1);
    rk_watch_remove_conn(f.w, 1);
    add(&f, RK_WATCH_DATA, "/b", 2, RK_WATCH_STANDARD);
    close_fixture(&f);
}

static void a_watch_on_a_watched_path_costs_48_bytes(void **state)
{
    (void)state;
    enum { CONNS = 400, PATHS = 500 };
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    char path[32];
    for (unsigned i = 0; i < PATHS; i++) {
        (void)snprintf(path, sizeof(path), "/p%u", i);
        add(&f, RK_WATCH_CHILD, path, 1000, RK_WATCH_STANDARD);
    }
    for (rk_conn_id conn = 1; conn <= CONNS; conn++) {
        add(&f, RK_WATCH_CHILD, "/p0", conn, RK_WATCH_STANDARD);
    }
    size_t before = f.mem.used_bytes;
    for (rk_conn_id conn = 1; conn <= CONNS; conn++) {
        for (unsigned i = 0; i < PATHS; i++) {
            (void)snprintf(path, sizeof(path), "/p%u", i);
            add(&f, RK_WATCH_DATA, path, conn, RK_WATCH_STANDARD);
        }
    }
    /* One unfinished segment of slots and one of the hash may stand empty. */
    size_t slack = (size_t)4096 * 40 + 16384;
    size_t cost = f.mem.used_bytes - before;
    assert_true(cost <= (size_t)CONNS * PATHS * 48 + slack);
    rk_watches_check(f.w);
    close_fixture(&f);
}

static void a_watch_set_and_fired_for_ever_takes_no_memory(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, (struct rk_watch_limits){0});
    const char *path = "/a-path/of-more/than-thirty-two/bytes-in-all";
    size_t held = 0;
    for (unsigned i = 0; i < 20000; i++) {
        rk_conn_id conn = 1 + i % 7;
        add(&f, RK_WATCH_DATA, path, conn, RK_WATCH_STANDARD);
        struct rk_watch_hits hits;
        rk_watch_fire(f.w, RK_WATCH_DATA, bytes(path), NULL, &f.arena, &hits);
        assert_int_equal(hits.count, 1);
        rk_arena_reset(&f.arena);
        if (i == 100) {
            held = f.mem.used_bytes;
        }
    }
    assert_int_equal(f.mem.used_bytes, held);
    assert_true(rk_watch_none(f.w));
    close_fixture(&f);
}

/* Memory that is never given back, so that a panic half way leaks nothing. */
struct bump {
    _Alignas(16) uint8_t bytes[4u << 20];
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

/* Everything that allocates. False if there was no memory for the tables themselves. */
static bool use_everything(struct rk_mem *mem)
{
    struct rk_watches *w = rk_watches_create(mem, 1, &(struct rk_watch_limits){0});
    if (w == NULL) {
        return false;
    }
    char path[64];
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(path, sizeof(path), "/some-path-of-more-than-thirty-two-bytes-%u", i);
        assert_int_equal(rk_watch_add(w, RK_WATCH_DATA, bytes(path), i + 1, RK_WATCH_RECURSIVE),
                         RK_OK);
    }
    rk_watches_check(w);
    rk_watches_destroy(w);
    return true;
}

/* The server's own state cannot do without: creation says so, later calls stop the process. */
static void running_out_of_memory_stops_the_process(void **state)
{
    (void)state;
    static struct bump bump;
    static volatile uint64_t n;
    static volatile unsigned panics;
    struct rk_mem mem = {.resize = bump_resize, .ctx = &bump};
    assert_true(use_everything(&mem));
    uint64_t total = mem.count;
    assert_true(total > 20);
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
        cmocka_unit_test(receivers_match_the_verified_sequences),
        cmocka_unit_test(receivers_come_in_order_of_registration_then_nearest_ancestor_first),
        cmocka_unit_test(an_excused_connection_loses_its_one_shot_watch_all_the_same),
        cmocka_unit_test(a_large_fan_out_reaches_everybody_once),
        cmocka_unit_test(types_match_what_they_name),
        cmocka_unit_test(odd_paths_are_kept_and_removed),
        cmocka_unit_test(paths_of_every_length_are_told_apart),
        cmocka_unit_test(limits_refuse_new_watches_but_not_more_modes),
        cmocka_unit_test(a_watch_on_a_watched_path_costs_48_bytes),
        cmocka_unit_test(a_watch_set_and_fired_for_ever_takes_no_memory),
        cmocka_unit_test(running_out_of_memory_stops_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
