/* The broadcast phase on the leader: order, commits by quorum, new epochs, stepping down. */
#include "zab/broadcast.h"

#include "base/mem_libc.h"
#include "base/prng.h"

#include <stdlib.h>
#include <string.h>

#include "support/cmocka_all.h"

struct fixture {
    struct rk_mem mem;
    struct rk_broadcast b;
};

#define EPOCH3 (INT64_C(3) << 32)

/* Servers 1, 2 and 3; the epoch is 3. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct rk_quorum q = {.voters = {1, 2, 3}, .voter_count = 3};
    assert_non_null(f);
    rk_mem_libc_init(&f->mem, 0);
    rk_broadcast_init(&f->b, &f->mem, &q, EPOCH3);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rk_broadcast_deinit(&f->b);
    size_t held = f->mem.used_bytes;
    free(f);
    return held == 0 ? 0 : 1;
}

static struct rk_proposal *propose(struct fixture *f, const char *payload)
{
    return rk_broadcast_propose(&f->b, rk_bytes_str(payload), 7);
}

/* The next one that is delivered must be this; 0: nothing is. */
static void check_delivered(struct fixture *f, rk_zxid zxid)
{
    const struct rk_proposal *next = rk_broadcast_peek(&f->b);
    struct rk_proposal *p = rk_broadcast_deliver(&f->b);
    assert_ptr_equal(next, p);
    assert_int_equal(p == NULL ? 0 : p->zxid, zxid);
    if (p != NULL) {
        assert_int_equal(f->b.last_delivered, zxid);
        rk_broadcast_release(&f->b, p);
    }
}

static void an_epoch_begins_with_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(rk_broadcast_next_zxid(&f->b), EPOCH3 + 1);
    struct rk_proposal *p = propose(f, "abc");
    assert_int_equal(p->zxid, EPOCH3 + 1);
    assert_int_equal(p->request, 7);
    assert_int_equal(p->len, 3);
    assert_memory_equal(p->payload, "abc", 3);
    assert_int_equal(rk_broadcast_next_zxid(&f->b), EPOCH3 + 2);
    assert_int_equal(f->b.inflight_count, 1);
    assert_int_equal(f->b.inflight_bytes, 3);
    check_delivered(f, 0);
}

static void a_quorum_commits_everything_up_to_what_it_has(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        (void)propose(f, "x");
    }
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 4);
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 9, EPOCH3 + 4); /* has no vote */
    rk_broadcast_ack(&f->b, 2, EPOCH3);     /* the acknowledgement of NEWLEADER */
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 2);
    assert_int_equal(f->b.last_committed, EPOCH3 + 2);
    check_delivered(f, EPOCH3 + 1);
    check_delivered(f, EPOCH3 + 2);
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 3, EPOCH3 + 1); /* late: nothing new */
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1); /* older than before */
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 3, EPOCH3 + 4);
    check_delivered(f, EPOCH3 + 3);
    check_delivered(f, EPOCH3 + 4);
    check_delivered(f, 0);
    assert_int_equal(f->b.inflight_count, 0);
    assert_int_equal(f->b.inflight_bytes, 0);
}

static void a_follower_may_be_ahead_of_the_leaders_own_log(void **state)
{
    struct fixture *f = *state;
    (void)propose(f, "x");
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1);
    rk_broadcast_ack(&f->b, 3, EPOCH3 + 1);
    check_delivered(f, EPOCH3 + 1);
}

static void what_a_follower_cut_off_counts_no_more(void **state)
{
    struct fixture *f = *state;
    (void)propose(f, "x");
    (void)propose(f, "y");
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 2);
    rk_broadcast_forget_ack(&f->b, 2, EPOCH3);
    rk_broadcast_forget_ack(&f->b, 9, EPOCH3); /* has no vote */
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 2);
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1);
    check_delivered(f, EPOCH3 + 1);
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 3, EPOCH3 + 2);
    check_delivered(f, EPOCH3 + 2);
    rk_broadcast_forget_ack(&f->b, 3, EPOCH3 + 1); /* what is committed stays so */
    assert_int_equal(f->b.last_committed, EPOCH3 + 2);
    expect_assert_failure(rk_broadcast_forget_ack(&f->b, 3, EPOCH3 + 3));
}

static void what_is_outstanding_can_be_walked(void **state)
{
    struct fixture *f = *state;
    assert_null(rk_broadcast_first(&f->b));
    for (int i = 0; i < 3; i++) {
        (void)propose(f, "x");
    }
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 1);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1);
    rk_zxid zxid = EPOCH3;
    for (const struct rk_proposal *p = rk_broadcast_first(&f->b); p != NULL; p = p->next) {
        assert_int_equal(p->zxid, ++zxid); /* committed or not */
    }
    assert_int_equal(zxid, EPOCH3 + 3);
    check_delivered(f, EPOCH3 + 1);
    assert_int_equal(rk_broadcast_first(&f->b)->zxid, EPOCH3 + 2);
}

static void a_leader_that_steps_down_keeps_its_proposals(void **state)
{
    struct fixture *f = *state;
    char big[1000];
    memset(big, 'b', sizeof(big));
    for (int i = 0; i < 3; i++) {
        (void)propose(f, "small");
    }
    (void)rk_broadcast_propose(&f->b, rk_bytes_of(big, sizeof(big)), 0);
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 4);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 2);
    check_delivered(f, EPOCH3 + 1);
    struct rk_proposal *p = rk_broadcast_take_all(&f->b);
    for (rk_zxid zxid = EPOCH3 + 2; zxid <= EPOCH3 + 4; zxid++) {
        struct rk_proposal *next = p->next;
        assert_int_equal(p->zxid, zxid);
        rk_proposal_free(&f->mem, p);
        p = next;
    }
    assert_null(p);
    assert_null(rk_broadcast_first(&f->b));
    assert_null(rk_broadcast_peek(&f->b));
    assert_null(rk_broadcast_take_all(&f->b));
    assert_int_equal(f->b.inflight_count, 0);
    assert_int_equal(f->b.inflight_bytes, 0);
    assert_int_equal(f->b.last_proposed, f->b.last_delivered);
    /* Acknowledgements of the old role do not commit what may be proposed next. */
    (void)propose(f, "x");
    check_delivered(f, 0);
}

static void a_new_epoch_begins_where_the_role_did(void **state)
{
    struct fixture *f = *state;
    struct rk_quorum q = f->b.quorum;
    (void)propose(f, "x");
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 1);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1);
    check_delivered(f, EPOCH3 + 1);
    (void)propose(f, "y");
    rk_broadcast_deinit(&f->b);
    assert_int_equal(f->mem.used_bytes, 0);
    rk_broadcast_init(&f->b, &f->mem, &q, INT64_C(5) << 32);
    assert_int_equal(propose(f, "z")->zxid, INT64_C(5) << 32 | 1);
    rk_broadcast_ack(&f->b, 1, INT64_C(5) << 32 | 1);
    rk_broadcast_ack(&f->b, 3, INT64_C(5) << 32); /* NEWLEADER */
    check_delivered(f, 0);
    rk_broadcast_ack(&f->b, 3, INT64_C(5) << 32 | 1);
    check_delivered(f, INT64_C(5) << 32 | 1);
}

static void small_ones_are_used_again(void **state)
{
    struct fixture *f = *state;
    (void)propose(f, "x");
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 1);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 1);
    check_delivered(f, EPOCH3 + 1);
    uint64_t count = f->mem.count;
    (void)propose(f, "y");
    assert_int_equal(f->mem.count, count);
    rk_broadcast_ack(&f->b, 1, EPOCH3 + 2);
    rk_broadcast_ack(&f->b, 2, EPOCH3 + 2);
    check_delivered(f, EPOCH3 + 2);
}

static void proposals_of_others_are_copies(void **state)
{
    struct fixture *f = *state;
    static const uint32_t lens[] = {0, 1, 447, 448, 449, 100000};
    char *payload = malloc(100000);
    assert_non_null(payload);
    memset(payload, 'p', 100000);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct rk_bytes bytes = rk_bytes_of(lens[i] == 0 ? NULL : payload, lens[i]);
        struct rk_proposal *p = rk_proposal_create(&f->mem, 42, bytes);
        assert_int_equal(p->zxid, 42);
        assert_int_equal(p->len, lens[i]);
        assert_int_equal(p->request, 0);
        assert_null(p->next);
        assert_true(rk_list_empty(&p->changes));
        assert_int_equal(rk_proposal_bytes(p), f->mem.used_bytes);
        assert_memory_equal(p->payload, payload, lens[i]);
        rk_proposal_free(&f->mem, p);
    }
    assert_int_equal(f->mem.used_bytes, 0);
    free(payload);
}

static void misuse_is_caught(void **state)
{
    struct fixture *f = *state;
    struct rk_proposal *p = propose(f, "x");
    expect_assert_failure(rk_broadcast_ack(&f->b, 1, EPOCH3 + 2)); /* never proposed */
    expect_assert_failure(rk_broadcast_release(&f->b, p));         /* not delivered */
    struct rk_link other;
    rk_list_init(&other);
    rk_list_push(&p->changes, &other);
    expect_assert_failure(rk_proposal_free(&f->mem, p)); /* somebody's last change is in it */
    rk_list_unlink(&other);
}

/* Any order of acknowledgements gives every proposal once, in order, and none before its quorum. */
static void random_acknowledgements_keep_the_order(void **state)
{
    struct fixture *f = *state;
    struct rk_prng prng;
    rk_zxid acked[3] = {EPOCH3, EPOCH3, EPOCH3};
    rk_zxid delivered = EPOCH3;
    rk_prng_init(&prng, 1);
    for (int round = 0; round < 20000; round++) {
        uint64_t what = rk_prng_below(&prng, 8);
        if (what < 3) {
            (void)propose(f, what == 0 ? "one" : "another");
        } else if (what < 7) {
            uint64_t who = rk_prng_below(&prng, 3);
            uint64_t ahead = (uint64_t)(f->b.last_proposed - acked[who]);
            acked[who] += (rk_zxid)rk_prng_below(&prng, ahead + 1);
            rk_broadcast_ack(&f->b, (int64_t)who + 1, acked[who]);
        } else if (rk_broadcast_peek(&f->b) != NULL) {
            int holders = 0;
            check_delivered(f, ++delivered);
            for (int i = 0; i < 3; i++) {
                holders += acked[i] >= delivered;
            }
            assert_true(holders >= 2);
        }
    }
    assert_true(delivered > EPOCH3 + 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_epoch_begins_with_one),
        TEST(a_quorum_commits_everything_up_to_what_it_has),
        TEST(a_follower_may_be_ahead_of_the_leaders_own_log),
        TEST(what_a_follower_cut_off_counts_no_more),
        TEST(what_is_outstanding_can_be_walked),
        TEST(a_leader_that_steps_down_keeps_its_proposals),
        TEST(a_new_epoch_begins_where_the_role_did),
        TEST(small_ones_are_used_again),
        TEST(proposals_of_others_are_copies),
        TEST(misuse_is_caught),
        TEST(random_acknowledgements_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
