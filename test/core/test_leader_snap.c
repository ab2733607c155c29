/* Snapshots for learners: a point in time, in slices beside live traffic, a few at a time, and what
 * ends one before its time. */
#include "rig_ens.h"

#include "core/ensemble_int.h"
#include "proto/snap_stream.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG_NODES 200
#define BIG_BYTES 8000

/* What a stream held. */
struct seen {
    struct rk_snap_push *push;
    uint32_t nodes, sessions;
    bool has_new, has_gone;
    char changed; /* first byte of /n1 */
    bool is_whole;
};

static enum rk_err see_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct seen *s = ctx;
    (void)id;
    assert_true(timeout_ms > 0);
    s->sessions++;
    return RK_OK;
}

static enum rk_err see_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    (void)ctx;
    (void)id;
    assert_non_null(acl);
    return RK_OK;
}

static enum rk_err see_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                            const struct rk_stat_persisted *stat)
{
    struct seen *s = ctx;
    (void)acl_id;
    assert_non_null(stat);
    s->nodes++;
    s->has_new = s->has_new || rk_bytes_is(path, "/new");
    s->has_gone = s->has_gone || rk_bytes_is(path, "/n2");
    if (rk_bytes_is(path, "/n1")) {
        s->changed = (char)data.data[0];
    }
    return RK_OK;
}

static void see_begin(struct rig_ens *r, struct seen *s)
{
    struct rk_restore_sink sink = {
        .ctx = s, .session = see_session, .acl = see_acl, .node = see_node};
    memset(s, 0, sizeof(*s));
    s->push = rk_snap_push_create(&r->rig.mem, &sink, 1 << 20);
    assert_non_null(s->push);
}

/* Takes what has come of the stream. */
static void see(struct rig_ens *r, uint32_t wire, struct seen *s)
{
    struct rig_wire *w = &r->wires[wire];
    const char *why = "";
    size_t used = 0;
    enum rk_parse parsed = rk_snap_push_bytes(
        s->push, rk_bytes_of(w->got.data + w->at, w->got.len - w->at), &used, &why);
    assert_int_not_equal(parsed, RK_PARSE_BAD);
    if (parsed == RK_PARSE_OK) {
        s->is_whole = true;
        rk_snap_push_destroy(s->push);
        s->push = NULL;
        w->at += used;
    } else {
        w->at = w->got.len;
    }
}

static void see_all(struct rig_ens *r, uint32_t wire, struct seen *s)
{
    see(r, wire, s);
    for (uint32_t i = 0; i < 1000 && !s->is_whole; i++) {
        rig_ens_flushed(r, wire);
        see(r, wire, s);
    }
    assert_true(s->is_whole);
}

/* -- a leader whose history is short ----------------------------------------------------------- */

struct scene {
    struct rig_ens r;
    uint32_t wires[2];
    rk_zxid first, last;
    int32_t xid;
};

static void commit(struct scene *s)
{
    for (uint32_t i = 0; i < 2; i++) {
        rig_ens_ack(&s->r, s->wires[i], s->r.rig.appended);
        rig_ens_forget(&s->r, s->wires[i]);
    }
    s->last = s->r.rig.appended;
    rk_buf_reset(&s->r.rig.in[1].bytes);
    s->r.rig.in[1].at = 0;
}

static void prepare(struct scene *s, uint32_t observers)
{
    memset(s, 0, sizeof(*s));
    rig_ens_init(&s->r, 5, observers);
    s->r.ensemble.commit_log_count = 4;
}

static void fill(struct scene *s)
{
    char data[BIG_BYTES + 1];
    memset(data, 'a', BIG_BYTES);
    data[BIG_BYTES] = '\0';
    for (int32_t i = 1; i <= BIG_NODES; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/n%d", i);
        rig_create(&s->r.rig, 1, ++s->xid, path, data, 0);
        if (i % 50 == 0) {
            commit(s);
        }
    }
    commit(s);
}

/* Two of four followers are in step; client 1 has made /n1 and so on. */
static void serve(struct scene *s)
{
    rig_ens_start(&s->r);
    s->first = rig_ens_serve(&s->r, 2, s->wires);
    rig_open(&s->r.rig, 1);
    rig_handshake(&s->r.rig, 1, 0, 10000, 0, rk_bytes_of("0123456789abcdef", 16), true);
    commit(s);
    fill(s);
}

static uint32_t join(struct scene *s, int64_t sid, bool is_observer)
{
    return rig_ens_join(&s->r, sid, is_observer, 0);
}

static void end(struct scene *s)
{
    rig_ens_deinit(&s->r);
}

/* Time passes, and the quorum says that it is there. */
static void pass(struct scene *s, int64_t ms)
{
    while (ms > 0) {
        int64_t step = ms < RIG_TICK_MS ? ms : RIG_TICK_MS;
        rig_ens_pass(&s->r, step);
        for (uint32_t i = 0; i < 2; i++) {
            rig_ens_send(&s->r, s->wires[i], RK_PACKET_PING, s->first, rk_bytes_of("", 0));
            rig_ens_ack(&s->r, s->wires[i], s->r.rig.appended);
        }
        ms -= step;
    }
}

/* -- the stream -------------------------------------------------------------------------------- */

static void a_learner_far_behind_gets_a_snapshot(void **state)
{
    struct scene s;
    struct seen seen;
    uint32_t late;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, s.last);
    see_begin(&s.r, &seen);
    see_all(&s.r, late, &seen);
    assert_int_equal(seen.sessions, 1);
    assert_int_equal(seen.nodes, BIG_NODES + 4); /* root, /zookeeper, its config and quota */
    (void)rig_ens_expect(&s.r, late, RK_PACKET_NEW_LEADER, s.first);
    rig_ens_expect_nothing(&s.r, late);
    rig_create(&s.r.rig, 1, ++s.xid, "/after", "x", 0);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_PROPOSAL, s.last + 1);
    rig_ens_ack(&s.r, late, s.first);
    (void)rig_ens_skip_to(&s.r, late, RK_PACKET_UP_TO_DATE);
    assert_int_equal(rk_core_metrics(s.r.rig.core)->learner_snap_count, 1);
    end(&s);
}

static void slices_wait_for_the_channel(void **state)
{
    struct scene s;
    uint32_t late;
    uint32_t slices = 0;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    while (s.r.wires[late].marks > 0) {
        size_t before = s.r.wires[late].got.len;
        assert_int_equal(s.r.wires[late].marks, 1);
        pass(&s, 500);
        assert_int_equal(s.r.wires[late].got.len, before);
        rig_ens_flushed(&s.r, late);
        assert_true(s.r.wires[late].got.len - before < 600000);
        slices++;
    }
    assert_true(slices >= BIG_NODES * BIG_BYTES / 300000);
    end(&s);
}

/* The heart of it: the stream is of one instant, what follows is everything since, once. */
static void a_snapshot_is_a_point_in_time_and_the_rest_follows_once(void **state)
{
    struct scene s;
    struct seen seen;
    uint32_t late;
    rk_zxid at;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    at = s.last;
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, at);
    see_begin(&s.r, &seen);
    see(&s.r, late, &seen);
    rig_set(&s.r.rig, 1, ++s.xid, "/n1", "z", -1); /* + 1 */
    rig_delete(&s.r.rig, 1, ++s.xid, "/n2", -1);   /* + 2 */
    rig_create(&s.r.rig, 1, ++s.xid, "/new", "x", 0);
    commit(&s);
    for (uint32_t i = 0; i < 20; i++) { /* more than history keeps unpinned */
        rig_set(&s.r.rig, 1, ++s.xid, "/n3", "y", -1);
    }
    commit(&s);
    rig_set(&s.r.rig, 1, ++s.xid, "/n4", "y", -1); /* outstanding */
    rig_ens_expect_nothing(&s.r, late);
    see_all(&s.r, late, &seen);
    assert_int_equal(seen.changed, 'a');
    assert_true(seen.has_gone);
    assert_false(seen.has_new);
    for (rk_zxid z = at + 1; z <= at + 23; z++) {
        (void)rig_ens_expect(&s.r, late, RK_PACKET_PROPOSAL, z);
        (void)rig_ens_expect(&s.r, late, RK_PACKET_COMMIT, z);
    }
    (void)rig_ens_expect(&s.r, late, RK_PACKET_NEW_LEADER, s.first);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_PROPOSAL, at + 24);
    rig_ens_expect_nothing(&s.r, late);
    commit(&s);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_COMMIT, at + 24);
    rig_ens_expect_nothing(&s.r, late);
    end(&s);
}

/* What was committed while the stream was under way may be more than a slice itself. */
static void catching_up_comes_in_slices_too(void **state)
{
    struct scene s;
    struct seen seen;
    uint32_t late;
    rk_zxid at;
    uint32_t rounds = 0;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    at = s.last;
    for (int32_t i = 0; i < 3; i++) {
        fill(&s); /* exist: error transactions; small ones */
    }
    for (int32_t i = 0; i < 100; i++) {
        char data[BIG_BYTES + 1];
        memset(data, 'b', BIG_BYTES);
        data[BIG_BYTES] = '\0';
        rig_set(&s.r.rig, 1, ++s.xid, "/n5", data, -1);
        commit(&s);
    }
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, at);
    see_begin(&s.r, &seen);
    see_all(&s.r, late, &seen);
    while (s.r.wires[late].marks > 0) {
        rig_ens_flushed(&s.r, late);
        rounds++;
    }
    assert_true(rounds >= 3);
    for (rk_zxid z = at + 1; z <= s.last; z++) {
        (void)rig_ens_expect(&s.r, late, RK_PACKET_PROPOSAL, z);
        (void)rig_ens_expect(&s.r, late, RK_PACKET_COMMIT, z);
    }
    (void)rig_ens_expect(&s.r, late, RK_PACKET_NEW_LEADER, s.first);
    end(&s);
}

/* -- a few at a time --------------------------------------------------------------------------- */

/* Each is sent its own point in time; a step sends one slice to one of them. */
static void three_are_sent_theirs_and_the_fourth_waits(void **state)
{
    struct scene s;
    struct seen seen[4];
    uint32_t wires[4];
    rk_zxid at[4];
    (void)state;
    prepare(&s, 2);
    serve(&s);
    for (uint32_t i = 0; i < 3; i++) {
        wires[i] = join(&s, 3 + (int64_t)i, i >= 2);
        at[i] = s.last;
        (void)rig_ens_expect(&s.r, wires[i], RK_PACKET_SNAP, s.last);
        see_begin(&s.r, &seen[i]);
        rig_set(&s.r.rig, 1, ++s.xid, "/n1", i == 0 ? "x" : "y", -1);
        commit(&s);
    }
    wires[3] = join(&s, 6, true);
    rig_ens_expect_nothing(&s.r, wires[3]);
    while (!seen[2].is_whole) { /* the third is faster than the others */
        size_t before = s.r.wires[wires[2]].got.len;
        rig_ens_flushed(&s.r, wires[2]);
        assert_true(s.r.wires[wires[2]].got.len - before < 600000);
        see(&s.r, wires[2], &seen[2]);
        if (seen[2].is_whole) {
            break;
        }
        rig_ens_flushed(&s.r, wires[0]);
        see(&s.r, wires[0], &seen[0]);
    }
    (void)rig_ens_expect(&s.r, wires[3], RK_PACKET_SNAP, s.last);
    at[3] = s.last;
    see_begin(&s.r, &seen[3]);
    for (uint32_t i = 0; i < 4; i++) {
        if (!seen[i].is_whole) {
            see_all(&s.r, wires[i], &seen[i]);
        }
        assert_int_equal(seen[i].nodes, BIG_NODES + 4);
        assert_int_equal(seen[i].changed, i == 0 ? 'a' : i == 1 ? 'x' : 'y');
        for (rk_zxid z = at[i] + 1; z <= s.last; z++) {
            (void)rig_ens_expect(&s.r, wires[i], RK_PACKET_PROPOSAL, z);
            (void)rig_ens_expect(&s.r, wires[i], RK_PACKET_COMMIT, z);
        }
        (void)rig_ens_expect(&s.r, wires[i], RK_PACKET_NEW_LEADER, s.first);
    }
    end(&s);
}

static void a_learner_that_hangs_up_lets_the_next_one_have_it(void **state)
{
    struct scene s;
    uint32_t wires[4];
    (void)state;
    prepare(&s, 2);
    serve(&s);
    for (uint32_t i = 0; i < 4; i++) {
        wires[i] = join(&s, 3 + (int64_t)i, i >= 2);
    }
    rig_ens_expect_nothing(&s.r, wires[3]);
    rig_ens_hang_up(&s.r, wires[1]);
    (void)rig_ens_expect(&s.r, wires[3], RK_PACKET_SNAP, s.last);
    wires[1] = join(&s, 4, false);
    rig_ens_expect_nothing(&s.r, wires[1]);
    rig_ens_hang_up(&s.r, wires[1]); /* while it waits */
    assert_int_equal(s.r.wires[wires[3]].marks, 1);
    end(&s);
}

static void observers_beyond_the_limit_of_snapshots_are_refused(void **state)
{
    struct scene s;
    uint32_t one;
    uint32_t two;
    uint32_t follower;
    (void)state;
    prepare(&s, 2);
    s.r.ensemble.max_concurrent_snap_syncs = 1;
    serve(&s);
    one = join(&s, 5, true);
    two = join(&s, 6, true);
    follower = join(&s, 3, false);
    assert_false(rig_ens_is_dropped(&s.r, one));
    assert_true(rig_ens_is_dropped(&s.r, two));
    assert_false(rig_ens_is_dropped(&s.r, follower));
    end(&s);
}

static void a_snapshot_for_the_disk_is_written_beside_those_for_learners(void **state)
{
    struct scene s;
    struct seen seen;
    uint32_t late;
    (void)state;
    prepare(&s, 0);
    s.r.config.snap_count = 1000;
    serve(&s);
    late = join(&s, 3, false);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, s.last);
    s.r.rig.snap_ended = false;
    s.r.rig.core->snap.is_wanted = true; /* as the log's length would have it */
    pass(&s, 1000);
    assert_true(s.r.rig.snap_ended);
    see_begin(&s.r, &seen);
    see_all(&s.r, late, &seen);
    s.r.rig.auto_snap = false; /* the writer is slow */
    s.r.rig.core->snap.is_wanted = true;
    pass(&s, 1000);
    assert_true(s.r.rig.snap_open);
    late = join(&s, 4, false);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, s.last);
    see_begin(&s.r, &seen);
    see_all(&s.r, late, &seen);
    assert_true(s.r.rig.snap_open);
    s.r.rig.auto_snap = true;
    while (s.r.rig.snap_open) {
        struct rk_event e = {.kind = RK_EV_SNAP_READY};
        rig_step(&s.r.rig, &e);
    }
    end(&s);
}

/* -- before its time --------------------------------------------------------------------------- */

static void a_stream_without_progress_ends_one_with_progress_does_not(void **state)
{
    struct scene s;
    uint32_t late;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    for (uint32_t i = 0; i < 3; i++) { /* slow: three times initLimit */
        pass(&s, RIG_TICK_MS * (RIG_INIT_LIM - 1));
        assert_false(rig_ens_is_dropped(&s.r, late));
        rig_ens_flushed(&s.r, late);
        assert_int_equal(s.r.wires[late].marks, 1);
    }
    pass(&s, RIG_TICK_MS * (RIG_INIT_LIM + 1));
    assert_true(rig_ens_is_dropped(&s.r, late));
    assert_int_equal(rig_ens_phase(&s.r), RK_PHASE_BROADCAST);
    late = join(&s, 3, false); /* the tree's walk is free again */
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, s.r.rig.appended);
    end(&s);
}

/* The quorum itself needs a snapshot: the phase goes on as long as the stream does (B11). */
static void a_quorum_that_needs_a_snapshot_gets_the_time_for_it(void **state)
{
    struct scene s;
    uint32_t wires[2];
    rk_zxid first;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    s.r.has_voted = true;
    s.r.rig.now_ms += RIG_TICK_MS * (RIG_SYNC_LIM + 1); /* the role ends; elected again */
    rig_ens_elect(&s.r);
    rig_advance(&s.r.rig, 50);
    assert_int_equal(s.r.rig.notes[RK_NOTE_ROLE_LEFT], 1);
    rig_ens_elect(&s.r);
    for (uint32_t i = 0; i < 2; i++) {
        wires[i] = rig_ens_dial(&s.r);
        rig_ens_info(&s.r, wires[i], RK_PACKET_FOLLOWER_INFO, i + 1, 0);
    }
    first = s.r.accepted_epoch * ((int64_t)1 << 32);
    for (uint32_t i = 0; i < 2; i++) {
        (void)rig_ens_expect(&s.r, wires[i], RK_PACKET_LEADER_INFO, first);
        rig_ens_ack_epoch(&s.r, wires[i], 0, 0);
    }
    (void)rig_ens_expect(&s.r, wires[0], RK_PACKET_SNAP, s.last);
    for (uint32_t i = 0; i < 3; i++) {
        rig_ens_pass(&s.r, RIG_TICK_MS * (RIG_INIT_LIM - 1));
        rig_ens_flushed(&s.r, wires[0]);
    }
    assert_int_equal(rig_ens_phase(&s.r), RK_PHASE_SYNCHRONIZATION);
    rig_ens_pass(&s.r, RIG_TICK_MS * (RIG_INIT_LIM + 1)); /* and no longer */
    assert_int_equal(rig_ens_state(&s.r), RK_PEER_LOOKING);
    end(&s);
}

static void more_history_than_can_be_kept_ends_the_stream(void **state)
{
    struct scene s;
    uint32_t late;
    (void)state;
    prepare(&s, 0);
    s.r.ensemble.history_pin_bytes_max = 20000;
    serve(&s);
    late = join(&s, 3, false);
    rig_ens_flushed(&s.r, late);
    for (uint32_t i = 0; i < 200; i++) {
        rig_set(&s.r.rig, 1, ++s.xid, "/n3", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", -1);
        commit(&s);
    }
    assert_false(rig_ens_is_dropped(&s.r, late));
    rig_ens_flushed(&s.r, late);
    assert_true(rig_ens_is_dropped(&s.r, late));
    late = join(&s, 3, false);
    (void)rig_ens_expect(&s.r, late, RK_PACKET_SNAP, s.last);
    end(&s);
}

static void the_role_may_end_in_the_middle(void **state)
{
    struct scene s;
    uint32_t late;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    late = join(&s, 3, false);
    rig_ens_flushed(&s.r, late);
    s.r.rig.now_ms += RIG_TICK_MS * (RIG_SYNC_LIM + 1);
    rig_advance(&s.r.rig, 0);
    assert_int_equal(rig_ens_state(&s.r), RK_PEER_LOOKING);
    assert_true(rig_ens_is_dropped(&s.r, late));
    s.r.has_voted = true;
    rig_ens_elect(&s.r); /* and the next one can send snapshots again */
    end(&s);
}

static void a_core_may_be_destroyed_in_the_middle(void **state)
{
    struct scene s;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    (void)join(&s, 3, false);
    (void)join(&s, 4, false);
    end(&s);
}

static void a_learner_that_talks_during_its_snapshot_is_dropped(void **state)
{
    struct scene s;
    uint32_t one;
    uint32_t two;
    (void)state;
    prepare(&s, 0);
    serve(&s);
    one = join(&s, 3, false);
    two = join(&s, 4, false);
    rig_ens_ack(&s.r, two, s.first);
    assert_true(rig_ens_is_dropped(&s.r, two));
    rig_ens_ack(&s.r, one, s.first);
    assert_true(rig_ens_is_dropped(&s.r, one));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_learner_far_behind_gets_a_snapshot),
        cmocka_unit_test(slices_wait_for_the_channel),
        cmocka_unit_test(a_snapshot_is_a_point_in_time_and_the_rest_follows_once),
        cmocka_unit_test(catching_up_comes_in_slices_too),
        cmocka_unit_test(three_are_sent_theirs_and_the_fourth_waits),
        cmocka_unit_test(a_learner_that_hangs_up_lets_the_next_one_have_it),
        cmocka_unit_test(observers_beyond_the_limit_of_snapshots_are_refused),
        cmocka_unit_test(a_snapshot_for_the_disk_is_written_beside_those_for_learners),
        cmocka_unit_test(a_stream_without_progress_ends_one_with_progress_does_not),
        cmocka_unit_test(a_quorum_that_needs_a_snapshot_gets_the_time_for_it),
        cmocka_unit_test(more_history_than_can_be_kept_ends_the_stream),
        cmocka_unit_test(the_role_may_end_in_the_middle),
        cmocka_unit_test(a_core_may_be_destroyed_in_the_middle),
        cmocka_unit_test(a_learner_that_talks_during_its_snapshot_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
