/* Lives and deaths: random appends, commits, rolls, snapshots and purges, a crash at a random call
 * that keeps a random part of what was not synced, a start, and on. After each start the history
 * must hold everything that was acknowledged, nothing that was never appended, in order. */
#include "store_support.h"

#include <stdlib.h>

#define SEEDS 600u

struct life {
    struct fixture f;
    struct rk_prng prng;
    struct rk_wal *wal;
    rk_zxid appended;
    rk_zxid acknowledged;
    rk_zxid snapshot; /* the newest that was finished */
    bool is_dead;     /* a call failed: the power is gone */
};

static void start(struct life *l)
{
    struct rk_wal_options options = wal_options();
    options.nonce = rk_prng_next(&l->prng);
    options.prealloc_bytes =
        rk_prng_chance(&l->prng, 1, 4) ? 0 : UINT64_C(4096) << rk_prng_below(&l->prng, 3);
    options.size_limit_bytes = rk_prng_chance(&l->prng, 1, 3) ? 3000 : 0;
    enum rk_err err = recover(&l->f);
    if (err != RK_OK) {
        print_error("%s\n", l->f.problem.text);
    }
    assert_int_equal(err, RK_OK);
    rk_zxid last = l->f.out.last_zxid;
    assert_in_range(last, l->acknowledged, l->appended);
    for (uint32_t i = 0; i < l->f.seen_count; i++) {
        assert_int_equal(l->f.seen[i], l->f.out.snapshot_zxid + 1 + i);
    }
    assert_int_equal(l->f.out.snapshot_zxid + (rk_zxid)l->f.seen_count, last);
    assert_true(l->f.out.snapshot_zxid >= l->snapshot);
    /* What was read is the history now, acknowledged or not. */
    l->appended = l->acknowledged = last;
    l->wal = rk_wal_create(&l->f.mem, &l->f.disk.port, &options);
    l->is_dead = false;
}

static void note(struct life *l, enum rk_err err)
{
    l->is_dead = l->is_dead || err != RK_OK;
}

static void do_something(struct life *l)
{
    uint32_t deleted = 0;
    switch (rk_prng_below(&l->prng, 24)) {
    case 0:
        rk_wal_roll(l->wal);
        break;
    case 1:
        /* As the server does: of what is durable, and a new log begins. */
        rk_wal_roll(l->wal);
        if (try_snapshot(&l->f, l->acknowledged,
                         (enum rk_snap_compression)rk_prng_below(&l->prng, 3), 5, true) == RK_OK) {
            l->snapshot = l->acknowledged;
        } else {
            l->is_dead = true;
        }
        break;
    case 2:
        note(l, rk_purge(&l->f.mem, &l->f.disk.port, 1 + (uint32_t)rk_prng_below(&l->prng, 3),
                         &deleted, &l->f.problem));
        break;
    case 3:
        note(l, rk_wal_reserve(l->wal, rk_prng_below(&l->prng, 9000)));
        break;
    default:
        for (uint64_t n = rk_prng_below(&l->prng, 6); n > 0 && l->appended < l->snapshot + 400;
             n--) {
            append(&l->f, l->wal, ++l->appended, (uint32_t)rk_prng_below(&l->prng, 700));
        }
        enum rk_err err = rk_wal_commit(l->wal);
        note(l, err);
        l->acknowledged = err == RK_OK ? l->appended : l->acknowledged;
        break;
    }
}

static void live_and_die(uint64_t seed, uint32_t *ret_torn)
{
    struct life *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    fixture_open(&l->f);
    rk_prng_init(&l->prng, seed);
    write_snapshot(&l->f, 0);
    for (uint32_t life = 0; life < 6; life++) {
        start(l);
        *ret_torn += l->f.out.torn_file[0] != '\0';
        l->f.disk.calls = 0;
        l->f.disk.fail_at = 1 + rk_prng_below(&l->prng, 200);
        l->f.disk.fail_calls = UINT32_MAX;
        l->f.disk.fail_err = RK_ERR_IO;
        while (!l->is_dead) {
            do_something(l);
        }
        rk_wal_destroy(l->wal);
        l->f.disk.fail_at = 0;
        fake_disk_crash(&l->f.disk,
                        rk_prng_chance(&l->prng, 1, 5) ? FAKE_CRASH_ALL : FAKE_CRASH_SECTORS,
                        &l->prng);
    }
    start(l);
    rk_wal_destroy(l->wal);
    fixture_close(&l->f);
    free(l);
}

static void nothing_acknowledged_is_ever_lost(void **state)
{
    (void)state;
    uint32_t torn = 0;
    const char *one = getenv("RK_TEST_SEED");
    uint64_t from = one != NULL ? strtoull(one, NULL, 10) : 1;
    uint64_t to = one != NULL ? from : SEEDS;
    for (uint64_t seed = from; seed <= to; seed++) {
        if (one == NULL && seed % 100 == 0) {
            print_message("# %llu seeds\n", (unsigned long long)seed);
        }
        live_and_die(seed, &torn);
    }
    /* The search is worth something only if it gets there. */
    assert_true(one != NULL || torn > SEEDS / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_ever_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
