/* What a start makes of the two epoch files, whatever state they are in. */
#include "store_support.h"

#include <stdlib.h>

#define ACCEPTED RK_NAME_ACCEPTED_EPOCH
#define CURRENT  RK_NAME_CURRENT_EPOCH
#define TMP      ".tmp"
#define ABSENT   NULL

struct value {
    const char *text; /* ABSENT: no file */
    int64_t epoch;    /* of what can be read */
    bool is_garbage;
};

static const struct value files[] = {
    {ABSENT, 0, false},      {"0", 0, false},         {"3", 3, false},
    {"4", 4, false},         {"5", 5, false},         {"6\n", 6, false},
    {"7\r\nmore", 7, false}, {"-1", -1, false},       {"2147483647", INT32_MAX, false},
    {"", 0, true},           {"x", 0, true},          {"5 ", 0, true},
    {"-2", 0, true},         {"2147483648", 0, true}, {"99999999999999999999", 0, true},
    {"\n5", 0, true},
};
#define FILES (sizeof(files) / sizeof(files[0]))

/* Leftovers of unfinished writes. */
static const struct value parts[] = {
    {ABSENT, 0, true}, {"", 0, true},   {"junk", 0, true}, {"-1", 0, true},
    {"2", 2, false},   {"5", 5, false}, {"9", 9, false},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static const rk_zxid lasts[] = {
    -1, 0, 77, 0x300000000, 0x500000000, 0x500000007, 0x7fffffff00000001};
#define LASTS (sizeof(lasts) / sizeof(lasts[0]))

static void put(struct fixture *f, const char *name, const char *text)
{
    if (text == ABSENT) {
        fake_disk_drop(&f->disk, RK_DIR_SNAP, name);
    } else {
        fake_disk_put(&f->disk, RK_DIR_SNAP, name, text, strlen(text));
    }
}

static void check_file(struct fixture *f, const char *name, int64_t epoch)
{
    int64_t got = -7;
    assert_int_equal(rk_epoch_read(&f->disk.port, name, &got), RK_OK);
    assert_int_equal(got, epoch);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The rules once more, in another form. False: the start is refused, for what is wrong with name.
 */
static bool expect(const struct value *accepted, const struct value *current,
                   const struct value *part, rk_zxid last_zxid, struct rk_epochs *ret,
                   const char **ret_name)
{
    int64_t last = last_zxid > 0 ? (int64_t)((uint64_t)last_zxid >> 32) : 0;
    bool has_accepted = accepted->text != ABSENT;
    bool has_current = current->text != ABSENT;
    *ret_name = accepted->is_garbage ? ACCEPTED : CURRENT;
    if (accepted->is_garbage || current->is_garbage) {
        return false;
    }
    ret->current = has_current && current->epoch > last ? current->epoch : last;
    ret->accepted = larger(ret->current, has_accepted ? accepted->epoch : 0);
    bool is_covered = !has_accepted || last == 0 || accepted->epoch >= last ||
                      (has_current && current->epoch >= last);
    if (!is_covered) {
        *ret_name = ACCEPTED;
        if (part->is_garbage || part->epoch < last) {
            return false;
        }
        ret->accepted = part->epoch;
    }
    return true;
}

static void try_one(struct fixture *f, const struct value *a, const struct value *c,
                    const struct value *a_part, const struct value *c_part, rk_zxid last)
{
    struct rk_epochs want = {0, 0};
    struct rk_epochs got = {-9, -9};
    struct rk_problem problem;
    const char *name = NULL;
    put(f, ACCEPTED, a->text);
    put(f, CURRENT, c->text);
    put(f, ACCEPTED TMP, a_part->text);
    put(f, CURRENT TMP, c_part->text);
    bool is_good = expect(a, c, a_part, last, &want, &name);
    enum rk_err err = rk_epochs_load(&f->disk.port, last, &got, &problem);
    assert_int_equal(fake_disk_open_count(&f->disk), 0);
    if (!is_good) {
        uint64_t writes = f->disk.writes;
        assert_int_equal(err, RK_ERR_CORRUPT);
        assert_non_null(strstr(problem.text, name));
        assert_int_equal(got.accepted, -9);
        assert_int_equal(f->disk.writes, writes);
        return;
    }
    assert_int_equal(err, RK_OK);
    assert_string_equal(problem.text, "");
    assert_int_equal(got.accepted, want.accepted);
    assert_int_equal(got.current, want.current);
    /* Durable, and nothing is left that another reader would go by. */
    fake_disk_crash(&f->disk, FAKE_CRASH_NONE, NULL);
    check_file(f, ACCEPTED, want.accepted);
    check_file(f, CURRENT, want.current);
    /* The second time there is nothing to do. */
    uint64_t writes = f->disk.writes;
    assert_int_equal(rk_epochs_load(&f->disk.port, last, &got, &problem), RK_OK);
    assert_int_equal(f->disk.writes, writes);
    assert_int_equal(got.accepted, want.accepted);
    assert_int_equal(got.current, want.current);
    assert_null(fake_disk_get(&f->disk, RK_DIR_SNAP, ACCEPTED TMP));
    assert_null(fake_disk_get(&f->disk, RK_DIR_SNAP, CURRENT TMP));
}

static void every_pair(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f);
    for (size_t a = 0; a < FILES; a++) {
        for (size_t c = 0; c < FILES; c++) {
            for (size_t l = 0; l < LASTS; l++) {
                for (size_t p = 0; p < PARTS; p++) {
                    try_one(&f, &files[a], &files[c], &parts[p], &parts[(a + c + l + p) % PARTS],
                            lasts[l]);
                }
            }
        }
    }
    fixture_close(&f);
}

/* By hand, so that the rules can be read. */
static void what_servers_leave(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        const char *current;
        const char *accepted_part;
        const char *current_part;
        rk_zxid last;
        bool is_good;
        int64_t accepted_after;
        int64_t current_after;
    } cases[] = {
        /* A directory of a standalone server, or a new one. */
        {ABSENT, ABSENT, ABSENT, ABSENT, 0, true, 0, 0},
        {ABSENT, ABSENT, ABSENT, ABSENT, 0x200000005, true, 2, 2},
        {ABSENT, ABSENT, ABSENT, ABSENT, -1, true, 0, 0},
        /* In the middle of an epoch; promised to the next one. */
        {"5", "5", ABSENT, ABSENT, 0x500000001, true, 5, 5},
        {"6", "5", ABSENT, ABSENT, 0x500000001, true, 6, 5},
        {"6", "6", ABSENT, ABSENT, 0x500000001, true, 6, 6},
        /* ZOOKEEPER-1653, 2354: the log is of epoch 6, currentEpoch not yet. */
        {"6", "5", ABSENT, ABSENT, 0x600000001, true, 6, 6},
        {"6", "5", ABSENT, "6", 0x600000001, true, 6, 6},
        {"7", "5", ABSENT, "5", 0x600000001, true, 7, 6},
        /* ZOOKEEPER-2307. */
        {"5", "6", ABSENT, ABSENT, 0x500000001, true, 6, 6},
        {"5", "6", ABSENT, ABSENT, 0x600000001, true, 6, 6},
        /* ZOOKEEPER-4269: a rename that failed. */
        {"5", "5", "6", ABSENT, 0x500000001, true, 5, 5},
        {"5", "5", "6", "6", 0x600000001, true, 6, 6},
        {"5", "5", "", "", 0x500000001, true, 5, 5},
        /* Apache where it began with nothing. */
        {"-1", "-1", ABSENT, ABSENT, -1, true, 0, 0},
        {"-1", "-1", ABSENT, ABSENT, 0, true, 0, 0},
        /* Of two servers, or of two times. */
        {"4", "4", ABSENT, ABSENT, 0x600000001, false, 0, 0},
        {"4", "5", "5", "6", 0x600000001, false, 0, 0},
        {"4", ABSENT, ABSENT, ABSENT, 0x600000001, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct rk_epochs got;
        struct rk_problem problem;
        fixture_open(&f);
        put(&f, ACCEPTED, cases[i].accepted);
        put(&f, CURRENT, cases[i].current);
        put(&f, ACCEPTED TMP, cases[i].accepted_part);
        put(&f, CURRENT TMP, cases[i].current_part);
        enum rk_err err = rk_epochs_load(&f.disk.port, cases[i].last, &got, &problem);
        assert_int_equal(err, cases[i].is_good ? RK_OK : RK_ERR_CORRUPT);
        if (cases[i].is_good) {
            assert_int_equal(got.accepted, cases[i].accepted_after);
            assert_int_equal(got.current, cases[i].current_after);
        }
        fixture_close(&f);
    }
}

/* Whatever call fails and whatever the power takes: the next start finds a pair that is as good. */
static void a_start_that_breaks_off_is_done_again(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        const char *current;
        const char *part;
        rk_zxid last;
        struct rk_epochs want;
    } cases[] = {
        {ABSENT, ABSENT, ABSENT, 0x500000001, {5, 5}}, {"6", "5", ABSENT, 0x600000001, {6, 6}},
        {"5", "6", ABSENT, 0x500000001, {6, 6}},       {"5", "5", "6", 0x600000001, {6, 6}},
        {"5", "5", "6", 0x500000001, {5, 5}},          {"-1", "-1", "", 0, {0, 0}},
        {ABSENT, "5", "junk", 0x300000001, {5, 5}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            for (uint64_t seed = 0; seed < 30; seed++) {
                struct fixture f;
                struct rk_prng prng;
                struct rk_epochs got;
                struct rk_problem problem;
                fixture_open(&f);
                rk_prng_init(&prng, seed);
                put(&f, ACCEPTED, cases[i].accepted);
                put(&f, CURRENT, cases[i].current);
                put(&f, ACCEPTED TMP, cases[i].part);
                put(&f, CURRENT TMP, cases[i].part);
                f.disk.fail_at = n;
                f.disk.fail_calls = seed % 2 == 0 ? 0 : UINT32_MAX;
                f.disk.fail_err = RK_ERR_IO;
                enum rk_err err = rk_epochs_load(&f.disk.port, cases[i].last, &got, &problem);
                is_done = f.disk.calls < n;
                assert_true(err == RK_OK || !is_done);
                assert_int_equal(err == RK_OK, problem.text[0] == '\0');
                f.disk.fail_at = 0;
                assert_int_equal(fake_disk_open_count(&f.disk), 0);
                fake_disk_crash(&f.disk, (enum fake_crash)(seed % 3), &prng);
                assert_int_equal(rk_epochs_load(&f.disk.port, cases[i].last, &got, &problem),
                                 RK_OK);
                assert_int_equal(got.accepted, cases[i].want.accepted);
                assert_int_equal(got.current, cases[i].want.current);
                fixture_close(&f);
            }
        }
    }
}

static void the_initialize_file(void **state)
{
    (void)state;
    struct fixture f;
    bool exists = true;
    fixture_open(&f);
    assert_int_equal(rk_initialize_exists(&f.disk.port, &exists), RK_OK);
    assert_false(exists);
    /* In dataLogDir itself, nowhere else; what is in it does not matter. */
    fake_disk_put(&f.disk, RK_DIR_LOG, "initialize", "", 0);
    fake_disk_put(&f.disk, RK_DIR_SNAP, "initialize", "", 0);
    fake_disk_put(&f.disk, RK_DIR_DATA, "initialize", "", 0);
    assert_int_equal(rk_initialize_exists(&f.disk.port, &exists), RK_OK);
    assert_false(exists);
    fake_disk_put(&f.disk, RK_DIR_DATALOG, "initialize", "", 0);
    assert_int_equal(rk_initialize_exists(&f.disk.port, &exists), RK_OK);
    assert_true(exists);
    f.disk.fail_at = f.disk.calls + 1;
    f.disk.fail_err = RK_ERR_DENIED;
    exists = false;
    assert_int_equal(rk_initialize_exists(&f.disk.port, &exists), RK_ERR_DENIED);
    assert_false(exists);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair),
        cmocka_unit_test(what_servers_leave),
        cmocka_unit_test(a_start_that_breaks_off_is_done_again),
        cmocka_unit_test(the_initialize_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
