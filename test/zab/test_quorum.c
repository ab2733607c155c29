/* Quorums against a plain model of QuorumMaj and QuorumHierarchical. */
#include "zab/quorum.h"

#include "base/prng.h"

#include <string.h>

#include "support/cmocka_all.h"

/* Voters 10, 11, ...; no groups. */
static void majority_of(struct rk_quorum *q, uint32_t voters)
{
    memset(q, 0, sizeof(*q));
    for (uint32_t i = 0; i < voters; i++) {
        q->voters[i] = 10 + i;
    }
    q->voter_count = voters;
}

/* -- the model: sets are added up as Apache does ------------------------------------------------
 */

static bool model_contains(const struct rk_quorum *q, uint64_t bits)
{
    int64_t total[RK_GROUPS_MAX] = {0};
    int64_t in_set[RK_GROUPS_MAX] = {0};
    uint32_t count = 0;
    uint32_t groups = 0;
    uint32_t agreeing = 0;
    for (uint32_t i = 0; i < q->voter_count; i++) {
        bool is_in = (bits >> i & 1) != 0;
        count += is_in;
        total[q->groups[i]] += q->weights[i];
        in_set[q->groups[i]] += is_in ? q->weights[i] : 0;
    }
    if (!q->is_hierarchical) {
        return count > q->voter_count / 2;
    }
    for (uint32_t i = 0; i < q->group_count; i++) {
        groups += total[i] > 0;
        agreeing += in_set[i] > total[i] / 2;
    }
    return agreeing > groups / 2;
}

static rk_zxid model_acked(const struct rk_quorum *q, const rk_zxid *acked)
{
    rk_zxid best = -1;
    for (uint32_t i = 0; i < q->voter_count; i++) {
        uint64_t bits = 0;
        for (uint32_t j = 0; j < q->voter_count; j++) {
            bits |= acked[j] >= acked[i] ? UINT64_C(1) << j : 0;
        }
        if (acked[i] > best && model_contains(q, bits)) {
            best = acked[i];
        }
    }
    return best;
}

/* -- majority ---------------------------------------------------------------------------------- */

static void one_server_is_its_own_quorum(void **state)
{
    struct rk_quorum q;
    rk_zxid acked[1] = {-1};
    (void)state;
    rk_quorum_init_single(&q, 7);
    assert_int_equal(rk_quorum_index(&q, 7), 0);
    assert_int_equal(rk_quorum_index(&q, 8), -1);
    assert_int_equal(rk_quorum_weight(&q, 7), 1);
    assert_int_equal(rk_quorum_weight(&q, 8), 0);
    assert_false(rk_quorum_contains(&q, 0));
    assert_true(rk_quorum_contains(&q, 1));
    assert_int_equal(rk_quorum_acked(&q, acked), -1);
    acked[0] = 5;
    assert_int_equal(rk_quorum_acked(&q, acked), 5);
}

static void a_majority_is_more_than_half(void **state)
{
    static const struct {
        uint32_t voters;
        uint64_t bits;
        bool is_quorum;
    } cases[] = {
        {1, 0, false},
        {1, 1, true},
        {2, 1, false},
        {2, 3, true},
        {3, 4, false},
        {3, 5, true},
        {4, 0xc, false},
        {4, 0xd, true},
        {5, 3, false},
        {5, 0x15, true},
        {6, 7, false},
        {6, 0xf, true},
        {64, UINT32_MAX, false},
        {64, UINT64_C(0x1ffffffff), true},
        {3, ~UINT64_C(7) | 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_quorum q;
        majority_of(&q, cases[i].voters);
        assert_int_equal(rk_quorum_contains(&q, cases[i].bits), cases[i].is_quorum);
    }
}

static void a_majority_acknowledges_its_lowest_zxid(void **state)
{
    static const struct {
        uint32_t voters;
        rk_zxid acked[5];
        rk_zxid result;
    } cases[] = {
        {2, {9, 5}, 5},
        {2, {9, -1}, -1},
        {3, {9, 5, 7}, 7},
        {3, {9, -1, -1}, -1},
        {3, {9, -1, 9}, 9},
        {3, {-1, 4, 9}, 4},
        {4, {9, 8, 7, 6}, 7},
        {4, {9, 9, -1, -1}, -1},
        {5, {1, 2, 3, 4, 5}, 3},
        {5, {5, 4, 3, 2, 1}, 3},
        {5, {7, 7, -1, -1, -1}, -1},
        {5, {-1, 7, 2, -1, 9}, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rk_quorum q;
        majority_of(&q, cases[i].voters);
        assert_int_equal(rk_quorum_acked(&q, cases[i].acked), cases[i].result);
    }
}

static void majorities_agree_with_the_model(void **state)
{
    struct rk_prng prng;
    struct rk_quorum q;
    (void)state;
    rk_prng_init(&prng, 1);
    for (uint32_t voters = 1; voters <= RK_QUORUM_VOTERS_MAX; voters++) {
        majority_of(&q, voters);
        for (int round = 0; round < 300; round++) {
            rk_zxid acked[RK_QUORUM_VOTERS_MAX];
            for (uint32_t i = 0; i < voters; i++) {
                acked[i] = (rk_zxid)rk_prng_below(&prng, 8) - 1;
            }
            assert_int_equal(rk_quorum_acked(&q, acked), model_acked(&q, acked));
        }
    }
}

static void every_order_of_three_and_five_agrees_with_the_model(void **state)
{
    (void)state;
    for (uint32_t voters = 3; voters <= 5; voters++) {
        struct rk_quorum q;
        uint32_t combinations = 1;
        majority_of(&q, voters);
        for (uint32_t i = 0; i < voters; i++) {
            combinations *= 6;
        }
        for (uint32_t c = 0; c < combinations; c++) {
            rk_zxid acked[5];
            uint32_t rest = c;
            for (uint32_t i = 0; i < voters; i++) {
                acked[i] = (rk_zxid)(rest % 6) - 1;
                rest /= 6;
            }
            assert_int_equal(rk_quorum_acked(&q, acked), model_acked(&q, acked));
        }
    }
}

/* -- hierarchical ------------------------------------------------------------------------------ */

static void parse(const char *text, struct rk_members *ret)
{
    const char *why = "";
    if (rk_members_parse(rk_bytes_str(text), ret, &why) != RK_OK) {
        fail_msg("%s", why);
    }
}

/* Three groups of three; the third has no weight, and one server of the second weighs two. */
static const char *const grouped = "server.1=a:1:2\nserver.2=a:3:4\nserver.3=a:5:6\n"
                                   "server.4=a:7:8\nserver.5=a:9:10\nserver.6=a:11:12\n"
                                   "server.7=a:13:14\nserver.8=a:15:16\nserver.9=a:17:18\n"
                                   "server.20=a:19:20:observer\n"
                                   "group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9\n"
                                   "weight.6=2\nweight.7=0\nweight.8=0\nweight.9=0";

static void observers_are_no_voters(void **state)
{
    struct rk_members m;
    struct rk_quorum q;
    (void)state;
    parse("server.3=a:1:2\nserver.1=a:3:4:observer\nserver.2=a:5:6", &m);
    rk_quorum_init(&q, &m);
    assert_false(q.is_hierarchical);
    assert_int_equal(q.voter_count, 2);
    assert_int_equal(rk_quorum_index(&q, 1), -1);
    assert_int_equal(rk_quorum_index(&q, 2), 0);
    assert_int_equal(rk_quorum_index(&q, 3), 1);
    assert_int_equal(rk_quorum_weight(&q, 1), 0);
    assert_int_equal(rk_quorum_weight(&q, 3), 1);
}

static uint64_t bits_of(const struct rk_quorum *q, const int64_t *sids, uint32_t count)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= UINT64_C(1) << rk_quorum_index(q, sids[i]);
    }
    return bits;
}

static void groups_without_weight_do_not_count(void **state)
{
    static const struct {
        int64_t sids[9];
        uint32_t count;
        bool is_quorum;
    } cases[] = {
        {{0}, 0, false},
        {{1, 2, 4, 6}, 4, true},           /* 2 of 3 and 3 of 4 */
        {{1, 2, 5, 4}, 4, false},          /* 2 of 4 is no majority of the second */
        {{1, 2, 3}, 3, false},             /* one group of two */
        {{1, 2, 3, 7, 8, 9}, 6, false},    /* the third group is nothing */
        {{1, 4, 5, 6, 7, 8, 9}, 7, false}, /* 1 of 3 */
        {{2, 3, 5, 6}, 4, true},
        {{2, 3, 6}, 3, false}, /* 2 of 4 */
        {{1, 2, 3, 4, 5, 6, 7, 8, 9}, 9, true},
    };
    struct rk_members m;
    struct rk_quorum q;
    (void)state;
    parse(grouped, &m);
    rk_quorum_init(&q, &m);
    assert_int_equal(q.voter_count, 9);
    assert_int_equal(rk_quorum_weight(&q, 6), 2);
    assert_int_equal(rk_quorum_weight(&q, 7), 0);
    assert_int_equal(rk_quorum_weight(&q, 20), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bits = bits_of(&q, cases[i].sids, cases[i].count);
        assert_int_equal(rk_quorum_contains(&q, bits), cases[i].is_quorum);
        assert_int_equal(model_contains(&q, bits), cases[i].is_quorum);
    }
}

static void a_hierarchy_acknowledges_what_its_groups_have(void **state)
{
    struct rk_members m;
    struct rk_quorum q;
    /*                   1   2  3   4  5  6  7   8   9 */
    rk_zxid acked[] = {20, 18, 3, 15, 9, 16, 99, 99, 99};
    (void)state;
    parse(grouped, &m);
    rk_quorum_init(&q, &m);
    assert_int_equal(rk_quorum_acked(&q, acked), 15);
    acked[5] = -1;
    assert_int_equal(rk_quorum_acked(&q, acked), -1);
    acked[5] = 17;
    acked[3] = 25;
    assert_int_equal(rk_quorum_acked(&q, acked), 17);
}

static void hierarchies_agree_with_the_model(void **state)
{
    struct rk_prng prng;
    (void)state;
    rk_prng_init(&prng, 2);
    for (int round = 0; round < 20000; round++) {
        struct rk_quorum q;
        rk_zxid acked[RK_QUORUM_VOTERS_MAX];
        majority_of(&q, 1 + (uint32_t)rk_prng_below(&prng, 12));
        q.is_hierarchical = true;
        q.group_count = 1 + (uint32_t)rk_prng_below(&prng, 5);
        for (uint32_t i = 0; i < q.voter_count; i++) {
            q.groups[i] = (uint32_t)rk_prng_below(&prng, q.group_count);
            q.weights[i] = (int64_t)rk_prng_below(&prng, 4);
            acked[i] = (rk_zxid)rk_prng_below(&prng, 8) - 1;
        }
        uint64_t bits = rk_prng_next(&prng) >> 52;
        assert_int_equal(rk_quorum_contains(&q, bits), model_contains(&q, bits));
        assert_int_equal(rk_quorum_acked(&q, acked), model_acked(&q, acked));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_server_is_its_own_quorum),
        cmocka_unit_test(a_majority_is_more_than_half),
        cmocka_unit_test(a_majority_acknowledges_its_lowest_zxid),
        cmocka_unit_test(majorities_agree_with_the_model),
        cmocka_unit_test(every_order_of_three_and_five_agrees_with_the_model),
        cmocka_unit_test(observers_are_no_voters),
        cmocka_unit_test(groups_without_weight_do_not_count),
        cmocka_unit_test(a_hierarchy_acknowledges_what_its_groups_have),
        cmocka_unit_test(hierarchies_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
