/* Against a real server (apache/capture.py): its log, applied from the first record on, gives its
 * digest after every transaction and, in the end, node for node what its snapshot holds; and its
 * snapshot loads and is written again as the same tree. */
#include "image.h"

struct capture {
    struct fixture f;
    struct rk_tree *snapshot;
    int transactions;
    int failures;
};

static char line[1 << 20];
static uint8_t bytes[1 << 19];

static void apply_payload(struct capture *c, struct rk_bytes payload)
{
    struct rk_txn txn;
    struct rk_tree_outcome out;
    rk_arena_reset(&c->f.arena);
    assert_int_equal(rk_txn_decode(payload, &c->f.arena, 1 << 20, &txn), RK_OK);
    rk_tree_apply(c->f.t, &txn, &c->f.arena, &out);
    if (out.digest_mismatch) {
        fail_msg("zxid 0x%llx (type %d): digest 0x%llx, Apache had 0x%llx",
                 (unsigned long long)txn.header.zxid, txn.type,
                 (unsigned long long)rk_tree_digest(c->f.t),
                 (unsigned long long)txn.digest.tree_digest);
    }
    c->transactions++;
    c->failures += out.result.err != 0 ? 1 : 0;
    /* what prep let through, apply must not refuse */
    if (txn.type != RK_OP_ERROR && txn.type != RK_OP_MULTI) {
        assert_int_equal(out.result.err, 0);
    }
}

/* spec-quorum A4.1: header, sessions, then what the tree writes, up to the terminator. */
static void load_snapshot(struct capture *c, struct rk_bytes file)
{
    struct rk_reader r;
    rk_reader_init(&r, file, 1 << 20);
    rk_read_skip(&r, 16);
    int32_t sessions = rk_read_i32(&r);
    rk_read_skip(&r, (size_t)sessions * 12);
    struct rk_bytes rest = rk_bytes_of(r.at, rk_reader_left(&r));
    struct rk_reader walk = r; /* to find the terminator */
    struct rk_vec_acl list;
    for (int32_t acls = rk_read_i32(&walk); acls > 0; acls--) {
        rk_read_skip(&walk, 8);
        assert_true(rk_proto_read_vec_acl(&walk, &c->f.arena, &list));
    }
    while (!rk_bytes_is(rk_read_bytes(&walk), "/")) {
        (void)rk_read_bytes(&walk);
        rk_read_skip(&walk, 8 + 60);
        assert_false(walk.failed);
    }
    rest.len = (uint32_t)(walk.at - rest.data) - 5;
    c->snapshot = image_load(&c->f.mem, rest);
    assert_int_equal(rk_tree_load_done(c->snapshot), RK_OK);
    rk_tree_check(c->snapshot);
}

static void open_capture(struct capture *c)
{
    memset(c, 0, sizeof(*c));
    fixture_open(&c->f, NULL);
    FILE *file = fopen(RK_TEST_APACHE_CAPTURE, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        assert_non_null(strchr(line, '\n'));
        size_t len = test_unhex(strchr(line, ' ') + 1, bytes, sizeof(bytes));
        if (strncmp(line, "txn ", 4) == 0) {
            apply_payload(c, rk_bytes_of(bytes, len));
        } else {
            load_snapshot(c, rk_bytes_of(bytes, len));
        }
    }
    fclose(file);
    assert_non_null(c->snapshot);
    rk_tree_check(c->f.t);
}

static void close_capture(struct capture *c)
{
    rk_tree_destroy(c->snapshot);
    fixture_close(&c->f);
}

static void log_gives_the_snapshot(void **state)
{
    (void)state;
    struct capture c;
    open_capture(&c);
    assert_in_range(c.transactions, 500, 10000);
    assert_in_range(c.transactions - c.failures, 250, 10000);
    struct image apaches;
    image_take(&apaches, c.snapshot);
    image_compare(&apaches, c.f.t, false);
    image_free(&apaches);
    close_capture(&c);
}

static void snapshot_survives_us(void **state)
{
    (void)state;
    struct capture c;
    struct image apaches;
    struct rk_buf out;
    open_capture(&c);
    image_take(&apaches, c.snapshot);
    rk_buf_init(&out, &c.f.mem, 1 << 24);
    (void)rk_tree_snap_begin(c.snapshot, &out);
    while (!rk_tree_snap_step(c.snapshot, 0, 7)) {
    }
    rk_tree_snap_end(c.snapshot, 0);
    struct rk_tree *again = image_load(&c.f.mem, rk_buf_view(&out));
    image_compare(&apaches, again, false);
    rk_tree_destroy(again);
    rk_buf_deinit(&out);
    image_free(&apaches);
    close_capture(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_gives_the_snapshot),
        cmocka_unit_test(snapshot_survives_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
