/* Epoch files, cutting the log, reading the database again, and the end that the core asks for; on
 * a real store and a disk that fills up or breaks on command. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "proto/txn.h"
#include "shell/peer_rig.h"

static struct rig r;
static struct rk_shell_config config;

static int setup(void **state)
{
    (void)state;
    peer_config(&config);
    return 0;
}

#define Z(epoch, counter) ((rk_zxid)(epoch) << 32 | (counter))

/* -- what the core asks for ------------------------------------------------------------------- */

static void append(rk_zxid zxid)
{
    struct rk_buf b;
    struct rk_txn txn = {.type = -1};
    txn.header.zxid = zxid;
    txn.header.type = -1;
    txn.body.error.err = -101;
    rk_buf_init(&b, &r.mem, 1000);
    rk_txn_encode(&b, &txn);
    rk_fx_append(&r.shell->fx, zxid, rk_buf_view(&b));
    rk_buf_deinit(&b);
}

static void write_epoch(enum rk_epoch_file file, int64_t epoch)
{
    struct rk_effect *fx = rk_fx_push(&r.shell->fx, RK_FX_EPOCH);
    fx->u.epoch.file = file;
    fx->u.epoch.epoch = epoch;
}

static void ask_cut(rk_zxid zxid, enum rk_cut cut)
{
    struct rk_effect *fx = rk_fx_push(&r.shell->fx, RK_FX_TRUNCATE);
    fx->u.log.zxid = zxid;
    fx->u.log.cut = cut;
}

static void truncate_to(rk_zxid zxid)
{
    ask_cut(zxid, RK_CUT_BEHIND);
}

static bool wait_synced(rk_zxid zxid)
{
    int64_t until = peer_now_ms() + 5000;
    while (peer_now_ms() < until) {
        const struct fake_event *e = fake_last(r.core, RK_EV_LOG_SYNCED, 0);
        if (e != NULL && e->zxid == zxid) {
            return true;
        }
        rig_turn(&r, 0);
    }
    return false;
}

static bool append_some(rk_zxid first, rk_zxid last)
{
    for (rk_zxid z = first; z <= last; z++) {
        append(z);
    }
    peer_go(&r);
    return wait_synced(last);
}

static bool file_holds(const char *name, const char *text)
{
    char path[200];
    char got[100] = "";
    (void)snprintf(path, sizeof(path), "%s/version-2/%s", r.dir, name);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    size_t n = fread(got, 1, sizeof(got) - 1, f);
    (void)fclose(f);
    got[n] = '\0';
    return strcmp(got, text) == 0;
}

static struct rk_shell_stats stats(void)
{
    struct rk_shell_stats s;
    rk_shell_stats(r.shell, &s);
    return s;
}

/* -- epochs ----------------------------------------------------------------------------------- */

static void an_epoch_is_written_behind_the_records(void **state)
{
    (void)state;
    peer_open(&r, &config);
    write_epoch(RK_EPOCH_ACCEPTED, 7);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_EPOCH_STORED, 0, 1, 5000));
    assert_int_equal(fake_last(r.core, RK_EV_EPOCH_STORED, 0)->file, RK_EPOCH_ACCEPTED);
    assert_int_equal(fake_last(r.core, RK_EV_EPOCH_STORED, 0)->epoch, 7);
    assert_true(file_holds("acceptedEpoch", "7"));
    fake_forget_events(r.core);
    append(Z(1, 1));
    write_epoch(RK_EPOCH_CURRENT, 7);
    append(Z(7, 1));
    write_epoch(RK_EPOCH_ACCEPTED, 8);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_EPOCH_STORED, 0, 2, 5000));
    assert_true(file_holds("currentEpoch", "7"));
    assert_true(file_holds("acceptedEpoch", "8"));
    /* Nothing is told before the records in front of it are durable. */
    rk_zxid durable = 0;
    uint32_t stored = 0;
    for (uint32_t i = 0; i < r.core->count; i++) {
        const struct fake_event *e = &r.core->events[i];
        if (e->kind == RK_EV_LOG_SYNCED) {
            assert_true(e->zxid > durable);
            durable = e->zxid;
        } else if (e->kind == RK_EV_EPOCH_STORED) {
            assert_int_equal(e->epoch, stored == 0 ? 7 : 8);
            assert_true(durable >= (stored == 0 ? Z(1, 1) : Z(7, 1)));
            stored++;
        }
    }
    assert_int_equal(durable, Z(7, 1));
    rig_close(&r);
}

static void epochs_wait_for_room(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(1, 1), Z(1, 3)));
    atomic_store(&r.device, RIG_DEVICE_FULL);
    write_epoch(RK_EPOCH_CURRENT, 2);
    append(Z(2, 1));
    write_epoch(RK_EPOCH_ACCEPTED, 3);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_FULL, 0, 1, 5000));
    rig_turn(&r, 700); /* more than one try */
    assert_int_equal(fake_count(r.core, RK_EV_EPOCH_STORED, 0), 0);
    assert_false(wait_synced(Z(2, 1)));
    assert_true(stats().is_log_full);
    atomic_store(&r.device, RIG_DEVICE_GOOD);
    assert_true(peer_wait(&r, RK_EV_EPOCH_STORED, 0, 2, 5000));
    assert_true(wait_synced(Z(2, 1)));
    assert_true(peer_wait(&r, RK_EV_LOG_ROOM, 0, 1, 5000));
    assert_true(file_holds("currentEpoch", "2"));
    assert_true(file_holds("acceptedEpoch", "3"));
    rig_close(&r);
}

static void the_end_does_not_wait_for_room(void **state)
{
    (void)state;
    peer_open(&r, &config);
    atomic_store(&r.device, RIG_DEVICE_FULL);
    write_epoch(RK_EPOCH_CURRENT, 2);
    append(Z(2, 1));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_FULL, 0, 1, 5000));
    int64_t began_ms = peer_now_ms();
    rig_close(&r);
    assert_in_range(peer_now_ms() - began_ms, 0, 2000);
}

/* Runs fn in a child, because it ends the process; its status, and what it logged. */
static int in_child(void (*fn)(void), char *out, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        peer_open(&r, &config);
        r.log.fd = ends[1];
        fn();
        rig_turn(&r, 5000);
        _exit(99); /* still here */
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], out + len, room - 1 - len)) > 0) {
        len += (size_t)n;
    }
    out[len] = '\0';
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void epoch_on_a_broken_disk(void)
{
    atomic_store(&r.device, RIG_DEVICE_BROKEN);
    write_epoch(RK_EPOCH_CURRENT, 2);
    peer_go(&r);
}

static void an_epoch_that_cannot_be_written_ends_the_process(void **state)
{
    (void)state;
    char log[8192];
    assert_int_equal(in_child(epoch_on_a_broken_disk, log, sizeof(log)), RK_EXIT_STORAGE);
    assert_non_null(strstr(log, " ERROR Writing the file currentEpoch failed: "));
    assert_non_null(strstr(log, "Input/output error"));
}

static void fatal(void)
{
    static const char why[] = "COMMIT of 0x100000007, expected 0x100000006";
    struct rk_effects *fx = &r.shell->fx;
    size_t offset = fx->bytes.len;
    rk_buf_put(&fx->bytes, why, sizeof(why) - 1);
    struct rk_effect *e = rk_fx_push(fx, RK_FX_FATAL);
    e->offset = offset;
    e->len = sizeof(why) - 1;
    e->u.status = 12;
    peer_go(&r);
}

static void the_core_can_end_the_process(void **state)
{
    (void)state;
    char log[8192];
    assert_int_equal(in_child(fatal, log, sizeof(log)), 12);
    assert_non_null(strstr(log, " ERROR COMMIT of 0x100000007, expected 0x100000006. The server "
                                "stops now. status=12"));
}

/* -- cutting ---------------------------------------------------------------------------------- */

static void a_cut_goes_back_and_the_log_goes_on_from_there(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(1, 1), Z(1, 10)));
    truncate_to(Z(1, 6));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    const struct fake_event *e = fake_last(r.core, RK_EV_TRUNCATED, 0);
    assert_true(e->is_ok);
    assert_int_equal(e->zxid, Z(1, 6));
    assert_int_equal(r.shell->appended, Z(1, 6));
    fake_forget_events(r.core);
    assert_true(append_some(Z(1, 7), Z(1, 8))); /* was durable before, and is told again */
    assert_true(append_some(Z(2, 1), Z(2, 2)));
    fake_forget_events(r.core);
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_RELOADED, 0)->is_ok);
    assert_int_equal(r.core->restored_zxid, Z(2, 2));
    assert_true(rig_has_logged(&r, "the database was read again from disk last_zxid=0x200000002"));
    rig_close(&r);
}

static void a_cut_comes_behind_what_was_appended(void **state)
{
    (void)state;
    peer_open(&r, &config);
    atomic_store(&r.device, RIG_DEVICE_SLOW);
    for (rk_zxid z = Z(1, 1); z <= Z(1, 10); z++) {
        append(z);
    }
    truncate_to(Z(1, 4));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_TRUNCATED, 0)->is_ok);
    assert_int_equal(r.core->events[0].kind, RK_EV_LOG_SYNCED); /* what was true when it was */
    assert_int_equal(r.core->events[0].zxid, Z(1, 10));
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_int_equal(r.core->restored_zxid, Z(1, 4));
    assert_true(append_some(Z(1, 5), Z(1, 6)));
    rig_close(&r);
}

static void a_cut_that_leads_nowhere_changes_nothing(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(1, 1), Z(1, 3)));
    assert_true(append_some(Z(2, 1), Z(2, 3)));
    truncate_to(Z(1, 77));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    assert_false(fake_last(r.core, RK_EV_TRUNCATED, 0)->is_ok);
    assert_true(rig_has_logged(&r, "the transaction log cannot be cut"));
    assert_int_equal(r.shell->appended, Z(2, 3));
    assert_true(append_some(Z(2, 4), Z(2, 5)));
    rig_close(&r);
}

/* -- the log, read for learners --------------------------------------------------------------- */

static uint64_t slice_reader;
static bool slice_is_last;
static uint32_t slice_records;
static rk_zxid slice_end;

static void on_slice(struct rk_core *c, const struct rk_event *event, struct rk_effects *fx)
{
    struct rk_reader in;
    (void)c;
    (void)fx;
    if (event->kind != RK_EV_LOG_SLICE) {
        return;
    }
    slice_reader = event->u.slice.reader;
    slice_is_last = event->u.slice.is_last;
    slice_records = 0;
    rk_reader_init(&in, event->u.slice.bytes, UINT32_MAX);
    while (rk_reader_left(&in) > 0) {
        slice_end = rk_read_i64(&in);
        assert_true(rk_read_bytes(&in).len > 0);
        assert_false(in.failed);
        slice_records++;
    }
}

static void read_log(uint64_t reader, rk_zxid from, rk_zxid to)
{
    struct rk_effect *fx = rk_fx_push(&r.shell->fx, RK_FX_LOG_READ);
    fx->u.read.reader = reader;
    fx->u.read.from = from;
    fx->u.read.to = to;
    fx->u.read.is_first = true;
}

static void the_log_is_read_beside_the_loop(void **state)
{
    (void)state;
    peer_open(&r, &config);
    r.core->on_event = on_slice;
    assert_true(append_some(Z(1, 1), Z(1, 9)));
    read_log(41, Z(1, 3), Z(1, 8));
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_SLICE, 0, 1, 5000));
    assert_int_equal(slice_reader, 41);
    assert_int_equal(slice_records, 6);
    assert_int_equal(slice_end, Z(1, 8));
    assert_true(slice_is_last);
    read_log(42, Z(2, 3), Z(2, 8)); /* which is not there */
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_SLICE, 0, 2, 5000));
    assert_int_equal(slice_reader, 42);
    assert_int_equal(slice_records, 0);
    assert_false(slice_is_last);
    assert_true(rig_has_logged(&r, "the log cannot be read for a learner"));
    read_log(43, Z(1, 3), Z(1, 8));
    rk_fx_push(&r.shell->fx, RK_FX_LOG_READ_END)->u.read.reader = 43;
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_SLICE, 0, 3, 5000)); /* it was on its way */
    rig_close(&r);
}

/* -- snapshots in the way --------------------------------------------------------------------- */

static void snap_begin(rk_zxid zxid)
{
    rk_fx_push(&r.shell->fx, RK_FX_SNAP_BEGIN)->u.log.zxid = zxid;
    peer_go(&r);
}

static void snap_end(enum rk_effect_kind kind, rk_zxid zxid)
{
    rk_fx_push(&r.shell->fx, kind)->u.log.zxid = zxid;
    peer_go(&r);
}

static void a_cut_waits_for_the_snapshot_under_way(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(1, 1), Z(1, 10)));
    snap_begin(Z(1, 9));
    truncate_to(Z(1, 6));
    peer_go(&r);
    rig_turn(&r, 100);
    assert_int_equal(fake_count(r.core, RK_EV_TRUNCATED, 0), 0);
    snap_end(RK_FX_SNAP_ABORT, Z(1, 9));
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_TRUNCATED, 0)->is_ok);
    assert_int_equal(fake_count(r.core, RK_EV_SNAP_DONE, 0), 1);
    snap_begin(Z(1, 6));
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    rig_turn(&r, 100);
    assert_int_equal(fake_count(r.core, RK_EV_RELOADED, 0), 0);
    snap_end(RK_FX_SNAP_ABORT, Z(1, 6));
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_int_equal(r.core->restored_zxid, Z(1, 6));
    rig_close(&r);
}

/* Purging and cutting at once could leave neither the old snapshots nor the new ones. */
static void a_purge_and_a_cut_do_not_meet(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(1, 1), Z(1, 10)));
    for (rk_zxid z = Z(1, 5); z <= Z(1, 10); z++) {
        rk_storage_purge(r.shell);
        truncate_to(Z(1, 10) - (z - Z(1, 5)));
        assert_int_equal(r.shell->purges_open, 1);
        peer_go(&r);
        assert_true(r.shell->is_disk_op_waiting || r.shell->purges_open == 0);
        rk_storage_purge(r.shell); /* comes when the cut is done */
        assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, (uint32_t)(z - Z(1, 5)) + 1, 5000));
        int64_t until = peer_now_ms() + 5000;
        while (r.shell->purges_open > 0 && peer_now_ms() < until) {
            rig_turn(&r, 0);
        }
        assert_int_equal(r.shell->purges_open, 0);
        assert_false(r.shell->is_purge_owed);
    }
    assert_int_equal(r.shell->snap_report.purges_done, 12);
    rig_close(&r);
}

/* -- replacing everything by a leader's snapshot ---------------------------------------------- */

static void put_node(struct rk_buf *b, const char *path)
{
    struct rk_stat_persisted stat = {.czxid = 0};
    rk_buf_put_bytes(b, rk_bytes_str(path));
    rk_buf_put_bytes(b, rk_bytes_str(""));
    rk_buf_put_i64(b, -1); /* open to all */
    rk_proto_write_stat_persisted(b, &stat);
}

/* Of an almost empty tree. */
static void write_snapshot(rk_zxid zxid)
{
    struct rk_effects *fx = &r.shell->fx;
    rk_fx_push(fx, RK_FX_SNAP_BEGIN)->u.log.zxid = zxid;
    struct rk_effect *bytes = rk_fx_push(fx, RK_FX_SNAP_BYTES);
    size_t offset = fx->bytes.len;
    rk_buf_put_i32(&fx->bytes, 0); /* sessions */
    rk_buf_put_i32(&fx->bytes, 0); /* ACLs */
    put_node(&fx->bytes, "");
    put_node(&fx->bytes, "/zookeeper");
    bytes->offset = offset;
    bytes->len = fx->bytes.len - offset;
    bytes->u.log.is_slice_end = true;
    rk_fx_push(fx, RK_FX_SNAP_END)->u.log.zxid = zxid;
    peer_go(&r);
}

static void a_snapshot_takes_the_place_of_everything(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(5, 1), Z(5, 10))); /* no prefix of what the leader has */
    ask_cut(Z(2, 7), RK_CUT_REPLACE);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    rk_storage_purge(r.shell); /* waits, or it would take the new one for the oldest */
    assert_int_equal(r.shell->purges_open, 0);
    write_snapshot(Z(2, 7));
    assert_true(peer_wait(&r, RK_EV_SNAP_DONE, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_SNAP_DONE, 0)->is_ok);
    ask_cut(Z(2, 7), RK_CUT_REPLACED);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 2, 5000));
    assert_true(fake_last(r.core, RK_EV_TRUNCATED, 0)->is_ok);
    assert_false(r.shell->is_purge_owed);
    assert_int_equal(r.shell->appended, Z(2, 7));
    assert_true(append_some(Z(2, 8), Z(2, 9)));
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_RELOADED, 0)->is_ok);
    assert_int_equal(r.core->restored_zxid, Z(2, 9));
    rig_close(&r);
}

/* The snapshot never came: what was here is still here. */
static void a_replacement_that_fails_changes_nothing(void **state)
{
    (void)state;
    peer_open(&r, &config);
    assert_true(append_some(Z(5, 1), Z(5, 10)));
    ask_cut(Z(2, 7), RK_CUT_REPLACE);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    rk_storage_purge(r.shell);
    snap_begin(Z(2, 7));
    snap_end(RK_FX_SNAP_ABORT, Z(2, 7));
    assert_true(peer_wait(&r, RK_EV_SNAP_DONE, 0, 1, 5000));
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_true(fake_last(r.core, RK_EV_RELOADED, 0)->is_ok);
    assert_int_equal(r.core->restored_zxid, Z(5, 10));
    assert_false(r.shell->is_purge_owed); /* it came */
    assert_true(append_some(Z(6, 1), Z(6, 2)));
    rig_close(&r);
}

static void a_replacement_waits_for_room(void **state)
{
    (void)state;
    peer_open(&r, &config);
    atomic_store(&r.device, RIG_DEVICE_FULL);
    ask_cut(Z(2, 7), RK_CUT_REPLACE);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_LOG_FULL, 0, 1, 5000));
    assert_int_equal(fake_count(r.core, RK_EV_TRUNCATED, 0), 0);
    atomic_store(&r.device, RIG_DEVICE_GOOD);
    assert_true(peer_wait(&r, RK_EV_TRUNCATED, 0, 1, 5000));
    assert_true(peer_wait(&r, RK_EV_LOG_ROOM, 0, 1, 5000));
    rig_close(&r);
}

/* -- reading again ---------------------------------------------------------------------------- */

static void a_reload_of_nothing_says_so(void **state)
{
    (void)state;
    char command[200];
    peer_open(&r, &config);
    (void)snprintf(command, sizeof(command), "rm -f %s/version-2/snapshot.*", r.dir);
    assert_int_equal(system(command), 0);
    uint32_t before = r.core->restores;
    rk_fx_push(&r.shell->fx, RK_FX_RELOAD);
    peer_go(&r);
    assert_true(peer_wait(&r, RK_EV_RELOADED, 0, 1, 5000));
    assert_false(fake_last(r.core, RK_EV_RELOADED, 0)->is_ok);
    assert_true(r.core->restores >= before);
    assert_true(rig_has_logged(&r, "the database cannot be read again from disk"));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_epoch_that_cannot_be_written_ends_the_process, setup),
        cmocka_unit_test_setup(the_core_can_end_the_process, setup),
        cmocka_unit_test_setup(an_epoch_is_written_behind_the_records, setup),
        cmocka_unit_test_setup(epochs_wait_for_room, setup),
        cmocka_unit_test_setup(the_end_does_not_wait_for_room, setup),
        cmocka_unit_test_setup(a_cut_goes_back_and_the_log_goes_on_from_there, setup),
        cmocka_unit_test_setup(a_cut_comes_behind_what_was_appended, setup),
        cmocka_unit_test_setup(a_cut_that_leads_nowhere_changes_nothing, setup),
        cmocka_unit_test_setup(a_cut_waits_for_the_snapshot_under_way, setup),
        cmocka_unit_test_setup(a_purge_and_a_cut_do_not_meet, setup),
        cmocka_unit_test_setup(a_snapshot_takes_the_place_of_everything, setup),
        cmocka_unit_test_setup(a_replacement_that_fails_changes_nothing, setup),
        cmocka_unit_test_setup(a_replacement_waits_for_room, setup),
        cmocka_unit_test_setup(a_reload_of_nothing_says_so, setup),
        cmocka_unit_test_setup(the_log_is_read_beside_the_loop, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
