/* Quotas: the text of limits and usage, which paths a quota covers, usage kept up to date while
 * transactions apply, and verdicts. */
#include "tree_support.h"

#include "tree/quota.h"

static void text(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t count;
        int64_t bytes;
        int64_t count_hard;
        int64_t bytes_hard;
        const char *out;
    } cases[] = {
        {"count=3,bytes=100", 3, 100, -1, -1, "count=3,bytes=100"},
        {"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=6", -1, -1, 6, 20,
         "count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=6"},
        {"countHardLimit=6", -1, -1, 6, -1, "count=-1,bytes=-1=;countHardLimit=6"},
        {"byteHardLimit=6;;,count=2", 2, -1, -1, 6, "count=2,bytes=-1=;byteHardLimit=6"},
        {"", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {NULL, -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"junk", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count=", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count=x,bytes=1x", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count= 1,bytes=+2", -1, 2, -1, -1, "count=-1,bytes=2"},
        {",;,;", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"==,=5;=", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count=1,count=2", 2, -1, -1, -1, "count=2,bytes=-1"},
        {"Count=1,COUNT=2,xcount=3", -1, -1, -1, -1, "count=-1,bytes=-1"},
        {"count=9223372036854775807,bytes=-9223372036854775808", INT64_MAX, INT64_MIN, -1, -1,
         "count=9223372036854775807,bytes=-9223372036854775808"},
        {"count=9223372036854775808,bytes=99999999999999999999", -1, -1, -1, -1,
         "count=-1,bytes=-1"},
        {"other=5,bytes=7", -1, 7, -1, -1, "count=-1,bytes=7"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_quota_track track;
        uint8_t out[RK_QUOTA_TEXT_MAX];
        rk_quota_parse(rk_bytes_str(cases[i].in), &track);
        size_t len = rk_quota_format(&track, out);
        if (track.count != cases[i].count || track.bytes != cases[i].bytes ||
            track.count_hard != cases[i].count_hard || track.bytes_hard != cases[i].bytes_hard ||
            !rk_bytes_is(rk_bytes_of(out, len), cases[i].out)) {
            fail_msg("\"%s\" became \"%.*s\"", cases[i].in, (int)len, out);
        }
    }
    struct rk_quota_track largest = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, true, true};
    uint8_t out[RK_QUOTA_TEXT_MAX];
    assert_in_range(rk_quota_format(&largest, out), 1, RK_QUOTA_TEXT_MAX);
}

static const char *deepest(const struct rk_quotas *q, const char *path)
{
    static char text[64];
    struct rk_bytes found = rk_quotas_deepest(q, rk_bytes_str(path));
    snprintf(text, sizeof(text), "%.*s", (int)found.len, (const char *)found.data);
    return found.data == NULL ? "(none)" : text;
}

static void coverage(void **state)
{
    (void)state;
    struct rk_mem mem;
    struct rk_quotas q;
    rk_mem_libc_init(&mem, 0);
    rk_quotas_init(&q, &mem, 4711);
    assert_string_equal(deepest(&q, "/a/b"), "(none)");
    rk_quotas_add(&q, rk_bytes_str(""));
    rk_quotas_add(&q, rk_bytes_str("/"));
    assert_int_equal(q.count, 0); /* the root's quota is ignored */
    rk_quotas_add(&q, rk_bytes_str("/a/b"));
    rk_quotas_add(&q, rk_bytes_str("/a/b/c/d"));
    rk_quotas_add(&q, rk_bytes_str("/q"));
    rk_quotas_add(&q, rk_bytes_str("/q"));
    assert_int_equal(q.count, 3);
    assert_string_equal(deepest(&q, "/a"), "(none)");
    assert_string_equal(deepest(&q, "/a/b"), "/a/b");
    assert_string_equal(deepest(&q, "/a/b/c"), "/a/b");
    assert_string_equal(deepest(&q, "/a/b/c/d/e/f"), "/a/b/c/d");
    assert_string_equal(deepest(&q, "/a/bb"), "(none)");
    assert_string_equal(deepest(&q, "/qq"), "(none)");
    assert_string_equal(deepest(&q, "/"), "(none)");
    assert_string_equal(deepest(&q, ""), "(none)");
    rk_quotas_remove(&q, rk_bytes_str("/a")); /* on the way, but no quota */
    rk_quotas_remove(&q, rk_bytes_str("/x/y"));
    rk_quotas_remove(&q, rk_bytes_str("/a/b"));
    rk_quotas_remove(&q, rk_bytes_str("/a/b"));
    assert_string_equal(deepest(&q, "/a/b/c"), "(none)");
    assert_string_equal(deepest(&q, "/a/b/c/d"), "/a/b/c/d");
    rk_quotas_remove(&q, rk_bytes_str("/a/b/c/d"));
    rk_quotas_remove(&q, rk_bytes_str("/q"));
    assert_int_equal(q.count, 0);
    assert_int_equal(q.edges.count, 0);
    /* many, and torn down while full */
    char path[64];
    for (int i = 0; i < 3000; i++) {
        snprintf(path, sizeof(path), "/n%d/m%d/k", i % 50, i);
        rk_quotas_add(&q, rk_bytes_str(path));
    }
    assert_string_equal(deepest(&q, "/n7/m57/k/x"), "/n7/m57/k");
    rk_quotas_deinit(&q);
    assert_int_equal(mem.used_bytes, 0);
}

static void set_quota(struct fixture *f, const char *limits)
{
    make(f, "/zookeeper/quota/q", "");
    make(f, "/zookeeper/quota/q/zookeeper_limits", limits);
    make(f, "/zookeeper/quota/q/zookeeper_stats", "whatever the client says");
}

#define STATS "/zookeeper/quota/q/zookeeper_stats"

static void usage_follows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/q", "12345678");
    make(&f, "/q/a", NULL);
    make(&f, "/qq", "not below");
    set_quota(&f, "count=100,bytes=1000");
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=8");
    assert_string_equal(f.events, "created " STATS ", children /zookeeper/quota/q");
    struct rk_stat_persisted before = persisted_of(&f, STATS);
    make(&f, "/q/a/b", "xyz");
    assert_string_equal(f.events, "created /q/a/b, children /q/a");
    assert_string_equal(data_of(&f, STATS), "count=3,bytes=11");
    assert_int_equal(apply(&f, txn_set_data("/q/a", "four", 1)), 0);
    assert_string_equal(data_of(&f, STATS), "count=3,bytes=15");
    assert_int_equal(apply(&f, txn_set_data("/q/a", NULL, 2)), 0);
    assert_int_equal(apply(&f, txn_delete("/q/a/b")), 0);
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=8");
    make(&f, "/qq/x", "elsewhere");
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=8");
    struct rk_stat_persisted after = persisted_of(&f, STATS);
    assert_same_persisted(&before, &after);
    assert_int_equal(stat_of(&f, STATS).data_length, 15);
    /* a failed multi does not count */
    const struct rk_txn elements[] = {txn_create(RK_OP_CREATE, "/q/m", "1", 2), txn_error(-101)};
    (void)apply_multi_as(&f, 0, elements, 2);
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=8");
    /* deleting the limits ends it */
    assert_int_equal(apply(&f, txn_delete("/zookeeper/quota/q/zookeeper_limits")), 0);
    make(&f, "/q/n", "1");
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=8");
    fixture_close(&f);
}

static void junk_is_survived(void **state)
{
    (void)state;
    static const char *const junk[] = {"junk", "", "count=x,bytes=", "=", NULL, ",,;;"};
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        make(&f, "/q", "x");
        set_quota(&f, "count=100");
        assert_int_equal(apply(&f, txn_set_data(STATS, junk[i], 1)), 0);
        make(&f, "/q/a", "12");
        assert_string_equal(data_of(&f, STATS), "count=0,bytes=1"); /* from -1 */
        assert_int_equal(persisted_of(&f, STATS).version, 1);
        fixture_close(&f);
    }
}

static void missing_nodes_are_survived(void **state)
{
    (void)state;
    struct fixture f;
    struct rk_bytes root;
    fixture_open(&f, NULL);
    make(&f, "/zookeeper/quota/q", "");
    make(&f, "/zookeeper/quota/q/zookeeper_limits", "countHardLimit=0");
    make(&f, "/q", "x");
    assert_int_equal(rk_tree_quota_check(f.t, rk_bytes_str("/q/a"), 1, 1, &root), RK_QUOTA_OK);
    assert_true(rk_bytes_is(root, "/q"));
    assert_int_equal(apply(&f, txn_delete("/q")), 0);
    make(&f, STATS, ""); /* of nothing */
    assert_string_equal(data_of(&f, STATS), "count=0,bytes=0");
    make(&f, "/zookeeper/quota/zookeeper_limits", "countHardLimit=0"); /* the root's: ignored */
    make(&f, "/zookeeper/quota/zookeeper_stats", "");
    assert_string_equal(data_of(&f, "/zookeeper/quota/zookeeper_stats"), "count=9,bytes=47");
    make(&f, "/elsewhere", "");
    assert_int_equal(rk_tree_quota_check(f.t, rk_bytes_str("/elsewhere/a"), 1, 1, &root),
                     RK_QUOTA_OK);
    assert_null(root.data);
    assert_string_equal(data_of(&f, "/zookeeper/quota/zookeeper_stats"), "count=9,bytes=47");
    fixture_close(&f);
}

static void only_the_deepest_counts(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    make(&f, "/q", "");
    make(&f, "/q/in", "");
    set_quota(&f, "count=5");
    make(&f, "/zookeeper/quota/q/in", "");
    make(&f, "/zookeeper/quota/q/in/zookeeper_limits", "count=5");
    make(&f, "/zookeeper/quota/q/in/zookeeper_stats", "");
    make(&f, "/q/in/x", "12345");
    assert_string_equal(data_of(&f, STATS), "count=2,bytes=0");
    assert_string_equal(data_of(&f, "/zookeeper/quota/q/in/zookeeper_stats"), "count=2,bytes=5");
    fixture_close(&f);
}

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *limits;
        int64_t count;
        int64_t bytes;
        enum rk_quota_verdict verdict;
    } cases[] = {
        /* usage is count=2, bytes=8 */
        {"count=3,bytes=-1", 1, 0, RK_QUOTA_OK},
        {"count=2,bytes=-1", 1, 0, RK_QUOTA_SOFT},
        {"count=2,bytes=-1", 0, 100, RK_QUOTA_OK},
        {"count=-1,bytes=10", 1, 2, RK_QUOTA_OK},
        {"count=-1,bytes=10", 1, 3, RK_QUOTA_SOFT},
        {"count=-1,bytes=-1=;countHardLimit=2", 1, 0, RK_QUOTA_HARD},
        {"count=-1,bytes=-1=;countHardLimit=3", 1, 0, RK_QUOTA_OK},
        {"count=1,bytes=-1=;countHardLimit=3", 1, 0, RK_QUOTA_OK}, /* hard hides soft */
        {"count=1,bytes=-1=;countHardLimit=3", 2, 0, RK_QUOTA_HARD},
        {"count=-1,bytes=-1=;byteHardLimit=8", 0, 1, RK_QUOTA_HARD},
        {"count=-1,bytes=-1=;byteHardLimit=8", 0, 0, RK_QUOTA_OK},
        {"count=-1,bytes=-1=;byteHardLimit=5", 0, -1, RK_QUOTA_HARD}, /* still over it */
        {"count=-1,bytes=-1=;byteHardLimit=7", 0, -1, RK_QUOTA_OK},
        {"count=1,bytes=-1=;byteHardLimit=8", 1, 1, RK_QUOTA_HARD}, /* the worse of two */
        {"count=0,bytes=0=;byteHardLimit=0;countHardLimit=0", 0, 0, RK_QUOTA_OK},
        {"junk", 100, 100, RK_QUOTA_OK},
        {NULL, 100, 100, RK_QUOTA_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct rk_bytes root;
        fixture_open(&f, NULL);
        make(&f, "/q", "12345678");
        make(&f, "/q/a", "");
        set_quota(&f, cases[i].limits);
        enum rk_quota_verdict verdict =
            rk_tree_quota_check(f.t, rk_bytes_str("/q/new"), cases[i].count, cases[i].bytes, &root);
        if (verdict != cases[i].verdict) {
            fail_msg("case %zu: %d", i, (int)verdict);
        }
        assert_true(rk_bytes_is(root, "/q"));
        assert_int_equal(rk_tree_quota_check(f.t, rk_bytes_str("/other"), 100, 100, &root),
                         RK_QUOTA_OK);
        assert_null(root.data);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(coverage),
        cmocka_unit_test(usage_follows),
        cmocka_unit_test(junk_is_survived),
        cmocka_unit_test(missing_nodes_are_survived),
        cmocka_unit_test(only_the_deepest_counts),
        cmocka_unit_test(verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
