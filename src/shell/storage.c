/* What the core wants of the disk, and what the threads report back. Guarantees the order in which
 * the core asked: records, epoch files and cuts go through one mailbox; and that the log is cut, or
 * the database read again, only while no snapshot is being written and no purge is under way, which
 * would delete or bring back files under the other's hands. */
#include "shell/shell_int.h"

#include <stdio.h>
#include <string.h>

#define SLICES_MAX 2u /* handed to the snapshot thread and not written yet */

/* -- Effects ---------------------------------------------------------------------------------- */

static void open_log(struct rk_shell *s)
{
    if (!s->is_log_open) {
        rk_log_thread_begin(s->log_thread);
        s->is_log_open = true;
    }
}

static void append(struct rk_shell *s, const struct rk_effect *fx)
{
    RK_ASSERT(fx->u.log.zxid > s->appended);
    RK_ASSERT(s->disk_op == RK_DISK_OP_NONE);
    open_log(s);
    s->appended = fx->u.log.zxid;
    s->stats.log_appended_bytes += fx->len;
    rk_log_thread_append(s->log_thread, fx->u.log.zxid, rk_effects_bytes(&s->fx, fx));
}

static void put_slice(struct rk_shell *s, const struct rk_effect *fx)
{
    rk_snap_thread_put(s->snap_thread, rk_effects_bytes(&s->fx, fx), fx->u.log.is_slice_end);
    if (fx->u.log.is_slice_end) {
        s->slices_in_flight++;
        s->is_slice_due = s->slices_in_flight < SLICES_MAX;
        s->is_slice_owed = !s->is_slice_due;
    }
}

static void ask_for(struct rk_shell *s, enum rk_disk_op op, rk_zxid zxid)
{
    RK_ASSERT(s->disk_op == RK_DISK_OP_NONE);
    s->disk_op = op;
    s->disk_op_zxid = zxid;
    s->is_disk_op_waiting = true;
}

static void read_log(struct rk_shell *s, const struct rk_effect *fx)
{
    struct rk_log_ask ask;
    memset(&ask, 0, sizeof(ask)); /* its bytes are handed over, all of them */
    ask.reader = fx->u.read.reader;
    ask.from = fx->u.read.from;
    ask.to = fx->u.read.to;
    ask.size_permille = fx->u.read.size_permille;
    ask.is_first = fx->u.read.is_first;
    s->reads_open++;
    rk_snap_thread_read(s->snap_thread, &ask);
}

void rk_storage_run_effect(struct rk_shell *s, const struct rk_effect *fx)
{
    switch (fx->kind) {
    case RK_FX_APPEND:
        append(s, fx);
        break;
    case RK_FX_ROLL:
        open_log(s);
        rk_log_thread_roll(s->log_thread);
        break;
    case RK_FX_EPOCH:
        open_log(s);
        rk_log_thread_epoch(s->log_thread, fx->u.epoch.file, fx->u.epoch.epoch);
        break;
    case RK_FX_TRUNCATE:
        ask_for(s, RK_DISK_OP_TRUNCATE, fx->u.log.zxid);
        s->disk_op_cut = fx->u.log.cut;
        break;
    case RK_FX_RELOAD:
        ask_for(s, RK_DISK_OP_RELOAD, 0);
        break;
    case RK_FX_LOG_READ:
        read_log(s, fx);
        break;
    case RK_FX_LOG_READ_END:
        rk_snap_thread_read_end(s->snap_thread, fx->u.read.reader);
        break;
    case RK_FX_SNAP_BEGIN:
        s->snaps_open++;
        rk_snap_thread_open(s->snap_thread, fx->u.log.zxid);
        break;
    case RK_FX_SNAP_BYTES:
        put_slice(s, fx);
        break;
    case RK_FX_SNAP_END:
        rk_snap_thread_finish(s->snap_thread, fx->u.log.has_digest, fx->u.log.zxid,
                              fx->u.log.digest);
        break;
    default:
        RK_ASSERT(fx->kind == RK_FX_SNAP_ABORT);
        rk_snap_thread_abort(s->snap_thread);
        break;
    }
}

/* -- Cutting the log, reading the database again ---------------------------------------------- */

static void reload(struct rk_shell *s)
{
    /* A member never makes a beginning of its own out of nothing while it runs. */
    struct rk_recover_options options = {.record_bytes_max = 2 * s->config.frame_bytes_max};
    if (s->parts.recover != NULL) {
        options = *s->parts.recover;
    }
    options.db_autocreate = false;
    struct rk_restore_sink sink = rk_core_restore_sink(s->parts.core);
    struct rk_recovered recovered = {.last_zxid = -1};
    struct rk_problem problem = {.text = ""};
    uint64_t began_ns = uv_hrtime();
    enum rk_err err =
        rk_recover(s->parts.mem, s->parts.disk, &options, &sink, &recovered, &problem);
    if (err == RK_OK && recovered.is_fresh) {
        err = RK_ERR_NOT_FOUND;
        (void)snprintf(problem.text, sizeof(problem.text), "neither a snapshot nor a log is left");
    }
    long long took_ms = (long long)((uv_hrtime() - began_ns) / 1000000);
    if (err == RK_OK) {
        rk_log_write(s->parts.log, RK_LEVEL_INFO,
                     "the database was read again from disk last_zxid=0x%llx replayed=%llu "
                     "took_ms=%lld",
                     (unsigned long long)recovered.last_zxid,
                     (unsigned long long)recovered.txn_count, took_ms);
    } else {
        rk_log_write(s->parts.log, RK_LEVEL_ERROR,
                     "the database cannot be read again from disk: %s: %s took_ms=%lld",
                     rk_err_text(err), problem.text, took_ms);
    }
    s->disk_op = RK_DISK_OP_NONE;
    uv_update_time(&s->loop); /* it may have taken long */
    s->has_time = false;
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_RELOADED, 0);
    event.u.reloaded.is_ok = err == RK_OK;
    rk_turn_step(s, &event);
}

static bool is_snap_thread_idle(const struct rk_shell *s)
{
    return s->snaps_open == 0 && s->purges_open == 0;
}

void rk_storage_purge(struct rk_shell *s)
{
    if (s->disk_op != RK_DISK_OP_NONE || s->is_replacing) {
        s->is_purge_owed = true;
        return;
    }
    s->is_purge_owed = false;
    s->purges_open++;
    rk_snap_thread_purge(s->snap_thread);
}

void rk_storage_effects_done(struct rk_shell *s)
{
    if (rk_storage_has_work(s) && s->disk_op == RK_DISK_OP_TRUNCATE) {
        s->is_disk_op_waiting = false;
        open_log(s);
        rk_log_thread_truncate(s->log_thread, s->disk_op_zxid, s->disk_op_cut);
    }
    if (s->is_log_open) {
        s->is_log_open = false;
        rk_log_thread_end(s->log_thread);
        s->must_wake_log = true;
    }
}

bool rk_storage_has_work(const struct rk_shell *s)
{
    return s->is_disk_op_waiting && is_snap_thread_idle(s);
}

bool rk_storage_must_reload(const struct rk_shell *s)
{
    return rk_storage_has_work(s) && s->disk_op == RK_DISK_OP_RELOAD;
}

void rk_storage_reload(struct rk_shell *s)
{
    s->is_disk_op_waiting = false;
    s->is_replacing = false;
    reload(s);
    if (s->is_purge_owed) {
        rk_storage_purge(s);
    }
}

/* -- What the log thread reports -------------------------------------------------------------- */

static void tell_synced(struct rk_shell *s, rk_zxid durable)
{
    if (durable <= s->durable) {
        return;
    }
    s->durable = durable;
    struct rk_event event = rk_turn_event(s, RK_EV_LOG_SYNCED, 0);
    event.u.log_synced.zxid = durable;
    rk_turn_step(s, &event);
}

static void tell_done(struct rk_shell *s, const struct rk_log_done *done)
{
    struct rk_event event = rk_turn_event(s, done->kind, 0);
    if (done->kind == RK_EV_EPOCH_STORED) {
        event.u.epoch.file = done->file;
        event.u.epoch.epoch = done->number;
        rk_turn_step(s, &event);
        return;
    }
    RK_ASSERT(done->kind == RK_EV_TRUNCATED && s->disk_op == RK_DISK_OP_TRUNCATE);
    s->disk_op = RK_DISK_OP_NONE;
    /* Old snapshots may have higher zxids than the one to come, and a purge keeps the highest. */
    s->is_replacing = s->disk_op_cut == RK_CUT_REPLACE;
    if (done->is_ok) {
        s->appended = s->appended > done->number ? done->number : s->appended;
        s->durable = s->durable > done->number ? done->number : s->durable;
    }
    event.u.truncated.zxid = done->number;
    event.u.truncated.is_ok = done->is_ok;
    rk_turn_step(s, &event);
    if (s->is_purge_owed) {
        rk_storage_purge(s);
    }
}

void rk_storage_report_log(struct rk_shell *s)
{
    struct rk_log_report report;
    struct rk_log_done done;
    if (rk_turn_puts_off(s, &s->log_news)) {
        return;
    }
    rk_turn_begin(s);
    while (rk_log_thread_next_done(s->log_thread, &done)) {
        tell_synced(s, done.durable);
        tell_done(s, &done);
    }
    rk_log_thread_report(s->log_thread, &report);
    tell_synced(s, report.durable);
    if (report.is_full != s->log_report.is_full) {
        struct rk_event event =
            rk_turn_event(s, report.is_full ? RK_EV_LOG_FULL : RK_EV_LOG_ROOM, 0);
        rk_turn_step(s, &event);
    }
    s->log_report = report;
    rk_turn_relieve(s);
}

/* -- What the snapshot thread reports --------------------------------------------------------- */

void rk_storage_next_slice(struct rk_shell *s)
{
    s->is_slice_due = false;
    rk_turn_begin(s);
    struct rk_event event = rk_turn_event(s, RK_EV_SNAP_READY, 0);
    rk_turn_step(s, &event);
}

static void take_snap_counts(struct rk_shell *s, const struct rk_snap_report *report)
{
    uint64_t taken = report->slices_taken - s->snap_report.slices_taken;
    uint64_t done = report->snapshots_done - s->snap_report.snapshots_done;
    uint64_t purged = report->purges_done - s->snap_report.purges_done;
    RK_ASSERT(taken <= s->slices_in_flight);
    RK_ASSERT(done <= s->snaps_open && purged <= s->purges_open);
    s->slices_in_flight -= (uint32_t)taken;
    s->snaps_open -= (uint32_t)done;
    s->purges_open -= (uint32_t)purged;
}

static void take_log_slices(struct rk_shell *s)
{
    struct rk_log_slice slice;
    struct rk_bytes slices;
    uint64_t reader = 0;
    if (s->reads_open == 0) {
        return;
    }
    rk_snap_thread_slices(s->snap_thread, &slices);
    while (rk_snap_next_slice(&slices, &reader, &slice)) {
        struct rk_event event = rk_turn_event(s, RK_EV_LOG_SLICE, 0);
        event.u.slice.reader = reader;
        event.u.slice.bytes = slice.bytes;
        event.u.slice.before = slice.before;
        event.u.slice.is_ok = slice.is_ok;
        event.u.slice.is_last = slice.is_last;
        s->reads_open--;
        rk_turn_step(s, &event);
        rk_turn_relieve(s);
    }
}

void rk_storage_report_snap(struct rk_shell *s)
{
    struct rk_snap_report report;
    if (rk_turn_puts_off(s, &s->snap_news)) {
        return;
    }
    take_log_slices(s);
    rk_snap_thread_report(s->snap_thread, &report);
    take_snap_counts(s, &report);
    if (s->is_slice_owed && s->slices_in_flight < SLICES_MAX) {
        s->is_slice_owed = false;
        s->is_slice_due = true;
    }
    bool is_done = report.snapshots_done != s->snap_report.snapshots_done;
    s->snap_report = report;
    if (is_done) {
        s->is_slice_owed = false;
        s->is_slice_due = false;
        rk_turn_begin(s);
        struct rk_event event = rk_turn_event(s, RK_EV_SNAP_DONE, 0);
        event.u.snap_done.zxid = report.zxid;
        event.u.snap_done.is_ok = report.is_ok;
        rk_turn_step(s, &event);
    }
}
