/* The log thread and the snapshot thread of a server, and its start, as coroutines. They do what
 * shell/log_thread.c and shell/snap_thread.c do: group commit, waiting out a full device, ending
 * the process on any other failure of the log; snapshots given up on failure, purges in between. */
#include "sim/node_int.h"

#include <string.h>

#define BOX_BYTES_MAX ((size_t)256 << 20)
#define LOG_RETRY_US  500000
#define MARK_IDLE_US  200000
#define HEADER_BYTES  16u /* of a log file */

/* -- Waiting -- */

void rk_node_threads_init(struct sim_node *n)
{
    struct node_thread *threads[] = {&n->log, &n->snap, &n->boot};
    rk_buf_init(&n->log_answers, &n->w->mem, BOX_BYTES_MAX);
    rk_buf_init(&n->log_slices, &n->w->mem, BOX_BYTES_MAX);
    for (uint32_t i = 0; i < 3; i++) {
        threads[i]->fiber = rk_sim_fiber_create();
        rk_buf_init(&threads[i]->box, &n->w->mem, BOX_BYTES_MAX);
        rk_buf_init(&threads[i]->taken, &n->w->mem, BOX_BYTES_MAX);
    }
}

void rk_node_threads_deinit(struct sim_node *n)
{
    struct node_thread *threads[] = {&n->log, &n->snap, &n->boot};
    rk_buf_deinit(&n->log_answers);
    rk_buf_deinit(&n->log_slices);
    for (uint32_t i = 0; i < 3; i++) {
        rk_sim_fiber_destroy(threads[i]->fiber);
        rk_buf_deinit(&threads[i]->box);
        rk_buf_deinit(&threads[i]->taken);
    }
}

struct node_thread *rk_node_running(struct sim_node *n)
{
    struct node_thread *threads[] = {&n->log, &n->snap, &n->boot};
    for (uint32_t i = 0; i < 3; i++) {
        if (rk_sim_fiber_is_inside(threads[i]->fiber)) {
            return threads[i];
        }
    }
    return NULL;
}

/* Runs the coroutine until it waits again; what it asked for is done then. */
void rk_node_resume(struct sim_node *n, struct node_thread *t)
{
    rk_sim_fiber_resume(t->fiber);
    if (n->is_crash_due && !n->is_dying) {
        rk_node_carry_out_crash(n);
    }
}

static struct node_thread *thread_of(struct sim_node *n, uint64_t which)
{
    return which == 0 ? &n->log : which == 1 ? &n->snap : &n->boot;
}

#define TOKEN_BITS 2u

static void on_wake(struct sim_world *w, void *ctx, uint64_t arg)
{
    struct sim_node *n = ctx;
    struct node_thread *t = thread_of(n, arg & ((1u << TOKEN_BITS) - 1));
    (void)w;
    if (t->token == arg >> TOKEN_BITS && rk_node_postpone(n, on_wake, arg)) {
        return;
    }
    if (t->token == arg >> TOKEN_BITS && !rk_sim_fiber_is_idle(t->fiber)) {
        t->token++;
        t->is_sleeping = false;
        rk_node_resume(n, t);
    }
}

static void wake_after(struct sim_node *n, struct node_thread *t, int64_t us)
{
    uint64_t which = t == &n->log ? 0 : t == &n->snap ? 1 : 2;
    t->token++;
    rk_sim_after(n->w, us, on_wake, n, t->token << TOKEN_BITS | which);
}

void rk_node_sleep(struct sim_node *n, struct node_thread *t, int64_t us)
{
    wake_after(n, t, us);
    rk_sim_fiber_yield(t->fiber);
}

/* Until something is in the box; at most until at_us, unless that is negative. */
static void wait_for_box(struct sim_node *n, struct node_thread *t, int64_t at_us)
{
    while (t->box.len == 0 && !t->must_end && !n->is_dying) {
        if (at_us >= 0 && at_us <= n->w->now_us) {
            break;
        }
        t->is_sleeping = true;
        if (at_us >= 0) {
            rk_node_sleep(n, t, at_us - n->w->now_us);
        } else {
            rk_sim_fiber_yield(t->fiber);
        }
    }
    t->is_sleeping = false;
    struct rk_buf empty = t->taken;
    t->taken = t->box;
    t->box = empty;
    rk_buf_reset(&t->box);
}

void rk_node_send(struct sim_node *n, struct node_thread *t, enum node_message kind, int64_t number,
                  uint64_t extra, bool flag, struct rk_bytes bytes)
{
    rk_buf_put_u8(&t->box, (uint8_t)kind);
    rk_buf_put_bool(&t->box, flag);
    rk_buf_put_i64(&t->box, number);
    rk_buf_put_i64(&t->box, (int64_t)extra);
    rk_buf_put_bytes(&t->box, bytes);
    RK_ASSERT(!t->box.failed);
    if (t->is_sleeping) {
        t->is_sleeping = false;
        wake_after(n, t, rk_sim_delay(n->w, SIM_SITE_NODE, n->w->opt.node.wake_us_max));
    }
}

struct message {
    enum node_message kind;
    bool flag;
    int64_t number;
    uint64_t extra;
    struct rk_bytes bytes;
};

static bool next_message(struct rk_reader *r, struct message *ret)
{
    if (rk_reader_left(r) == 0) {
        return false;
    }
    ret->kind = (enum node_message)rk_read_u8(r);
    ret->flag = rk_read_bool(r);
    ret->number = rk_read_i64(r);
    ret->extra = (uint64_t)rk_read_i64(r);
    ret->bytes = rk_read_bytes(r);
    RK_ASSERT(!r->failed);
    return true;
}

/* -- The log thread -- */

/* The process ends here; the world sees to it. */
static void die(struct sim_node *n, enum rk_err err, const char *what)
{
    if (n->is_dying) {
        return;
    }
    rk_sim_trace_line(&n->w->trace, n->w->now_us, "dies", (uint64_t)err, 0, rk_bytes_str(what));
    n->is_crash_due = true;
    n->died = true;
    rk_sim_fiber_yield(n->log.fiber);
    RK_ASSERT(n->is_dying);
}

static void set_full(struct sim_node *n, bool is_full)
{
    if (n->log_is_full != is_full) {
        n->log_is_full = is_full;
        n->report_is_full = is_full;
        rk_node_report_log(n);
    }
}

static void commit(struct sim_node *n)
{
    struct rk_wal_status before;
    struct rk_wal_status after;
    rk_wal_status(n->wal, &before);
    n->log.work = WORK_APPEND;
    enum rk_err err = rk_wal_commit(n->wal);
    n->log.work = WORK_NONE;
    if (n->is_dying) {
        return;
    }
    if (err == RK_ERR_NO_SPACE) {
        set_full(n, true);
    } else if (err != RK_OK) {
        die(n, err, "commit");
    } else {
        rk_wal_status(n->wal, &after);
        n->batch_start =
            strcmp(before.file_name, after.file_name) == 0 ? before.file_bytes : HEADER_BYTES;
        memcpy(n->batch_name, after.file_name, sizeof(after.file_name));
        if (n->log_records > 1) {
            RK_MARK(n->w, GROUP_COMMIT);
        }
        n->report_durable = n->log_appended;
        n->log_records = 0;
        rk_sim_check_durable(n->check, n->log_appended);
        rk_node_report_log(n);
    }
}

/* Nothing came for a while: what was synced last is marked as durable. */
static void mark(struct sim_node *n)
{
    n->log.work = WORK_APPEND;
    enum rk_err err = rk_wal_commit(n->wal);
    n->log.work = WORK_NONE;
    n->is_mark_late = false;
    if (!n->is_dying && err != RK_OK && err != RK_ERR_NO_SPACE) {
        die(n, err, "mark");
    }
}

static void reserve(struct sim_node *n)
{
    if (n->w->opt.node.log_reserve_bytes == 0) {
        set_full(n, false);
        return;
    }
    n->log.work = WORK_APPEND;
    enum rk_err err = rk_wal_reserve(n->wal, n->w->opt.node.log_reserve_bytes);
    n->log.work = WORK_NONE;
    if (n->is_dying) {
        return;
    }
    if (err == RK_OK || err == RK_ERR_UNSUPPORTED) {
        set_full(n, false);
    } else if (err == RK_ERR_NO_SPACE) {
        set_full(n, true);
    } else {
        die(n, err, "reserve");
    }
}

/* The last so many bytes of what was taken go back to the front of the box. */
static void keep_for_later(struct sim_node *n, size_t left)
{
    struct rk_buf *box = &n->log.box;
    const uint8_t *from = n->log.taken.data + n->log.taken.len - left;
    size_t had = box->len;
    bool is_ok = rk_buf_reserve(box, left);
    RK_ASSERT(is_ok);
    memmove(box->data + left, box->data, had);
    memcpy(box->data, from, left);
    box->len = had + left;
}

/* What comes behind records is done when they are durable. False: not now, there is no room. */
static bool member_job(struct sim_node *n, const struct message *m)
{
    if (n->log_records > 0) {
        commit(n);
        n->is_mark_late = true;
    }
    if (n->is_dying || n->log_records > 0) {
        return false;
    }
    enum rk_err err = rk_node_member_job(n, m->kind, m->number, m->extra, m->flag);
    if (err == RK_ERR_NO_SPACE && !n->is_dying) {
        set_full(n, true);
        return false;
    }
    if (err != RK_OK) {
        die(n, err, "epoch or cut");
    }
    return true;
}

static void take_log_messages(struct sim_node *n)
{
    struct rk_reader r;
    struct message m;
    rk_reader_init(&r, rk_buf_view(&n->log.taken), UINT32_MAX);
    while (!n->is_dying) {
        size_t at = rk_reader_left(&r);
        if (!next_message(&r, &m)) {
            break;
        }
        if (m.kind == MSG_APPEND) {
            rk_wal_append(n->wal, m.number, m.bytes);
            n->log_appended = m.number;
            n->log_records++;
        } else if (m.kind == MSG_ROLL) {
            rk_wal_roll(n->wal);
        } else if (!member_job(n, &m) && !n->is_dying) {
            keep_for_later(n, at);
            return;
        }
    }
}

static void log_body(void *ctx)
{
    struct sim_node *n = ctx;
    while (!n->is_dying) {
        int64_t at_us = n->is_mark_late ? n->w->now_us + MARK_IDLE_US : -1;
        if (n->log_is_full && n->log.box.len > 0 && !n->log.must_end &&
            n->w->now_us < n->log_retry_us) {
            rk_node_sleep(n, &n->log, n->log_retry_us - n->w->now_us);
        }
        if (n->is_dying) {
            break;
        }
        wait_for_box(n, &n->log, n->log_is_full ? n->log_retry_us : at_us);
        if (n->is_dying) {
            break;
        }
        bool is_last = n->log.must_end;
        take_log_messages(n);
        if (n->log_is_full && n->w->now_us < n->log_retry_us && !is_last) {
            continue;
        }
        n->log_retry_us = n->w->now_us + LOG_RETRY_US;
        if (n->log_records > 0) {
            commit(n);
            n->is_mark_late = true;
        } else if (n->is_mark_late && n->log.taken.len == 0) {
            mark(n);
        }
        if (n->log_records == 0 && !n->is_dying) {
            reserve(n);
        }
        if (is_last) {
            break;
        }
    }
    rk_wal_destroy(n->wal);
    n->wal = NULL;
}

/* -- The snapshot thread -- */

static void end_snapshot(struct sim_node *n, bool is_ok)
{
    rk_snap_writer_destroy(n->writer);
    n->writer = NULL;
    if (!n->is_dying) {
        n->snaps_done++;
        n->snap_is_ok = is_ok;
        rk_node_report_snap(n);
    }
}

static void open_snapshot(struct sim_node *n, rk_zxid zxid)
{
    n->snap_zxid = zxid;
    enum rk_err err =
        rk_snap_writer_create(&n->mem, &n->port, zxid, n->w->opt.node.compression, &n->writer);
    if (err != RK_OK) {
        n->writer = NULL;
        end_snapshot(n, false);
    }
}

static void put_snapshot(struct sim_node *n, const struct message *m)
{
    if (n->writer != NULL && rk_snap_writer_put(n->writer, m->bytes) != RK_OK) {
        end_snapshot(n, false);
    }
    if (m->flag && !n->is_dying) {
        n->slices_taken++;
        rk_node_report_snap(n);
    }
}

static void finish_snapshot(struct sim_node *n, const struct message *m)
{
    if (n->writer != NULL) {
        enum rk_err err = rk_snap_writer_finish(n->writer, m->flag, m->number, m->extra);
        end_snapshot(n, err == RK_OK);
    }
}

static void purge(struct sim_node *n)
{
    struct rk_problem problem;
    uint32_t deleted = 0;
    n->snap.work = WORK_PURGE;
    enum rk_err err = rk_purge(&n->mem, &n->port, n->w->opt.node.purge_keep, &deleted, &problem);
    if (err == RK_OK && deleted > 0) {
        RK_MARK(n->w, PURGED);
    }
}

static void write_epoch(struct sim_node *n, int64_t epoch)
{
    n->snap.work = WORK_EPOCH;
    n->epoch_tried = epoch;
    if (rk_epoch_write(&n->port, "currentEpoch", epoch) == RK_OK) {
        n->epoch_done = epoch;
        RK_MARK(n->w, EPOCH_WRITTEN);
    }
}

static void take_snap_message(struct sim_node *n, const struct message *m)
{
    n->snap.work = WORK_SNAPSHOT;
    switch (m->kind) {
    case MSG_SNAP_OPEN:
        open_snapshot(n, m->number);
        break;
    case MSG_SNAP_PUT:
        put_snapshot(n, m);
        break;
    case MSG_SNAP_FINISH:
        finish_snapshot(n, m);
        break;
    case MSG_SNAP_ABORT:
        if (n->writer != NULL) {
            end_snapshot(n, false);
        }
        break;
    case MSG_PURGE:
        purge(n);
        break;
    case MSG_LOG_READ:
        rk_node_read_log(n, m->bytes);
        break;
    case MSG_LOG_READ_END:
        if (n->slicer != NULL) {
            rk_log_slicer_drop(n->slicer, (uint64_t)m->number);
        }
        break;
    default:
        RK_ASSERT(m->kind == MSG_EPOCH);
        write_epoch(n, m->number);
        break;
    }
    n->snap.work = WORK_NONE;
}

static void snap_body(void *ctx)
{
    struct sim_node *n = ctx;
    while (!n->is_dying && !n->snap.must_end) {
        struct rk_reader r;
        struct message m;
        wait_for_box(n, &n->snap, -1);
        rk_reader_init(&r, rk_buf_view(&n->snap.taken), UINT32_MAX);
        while (!n->is_dying && !n->snap.must_end && next_message(&r, &m)) {
            take_snap_message(n, &m);
        }
    }
    rk_snap_writer_destroy(n->writer);
    n->writer = NULL;
    rk_log_slicer_destroy(n->slicer);
    n->slicer = NULL;
}

void rk_node_start_threads(struct sim_node *n)
{
    n->log.must_end = false;
    n->snap.must_end = false;
    n->log_records = 0;
    n->log_is_full = false;
    n->is_mark_late = false;
    n->wal = rk_wal_create(&n->mem, &n->port, &n->w->opt.node.wal);
    rk_buf_reset(&n->log.box);
    rk_buf_reset(&n->snap.box);
    rk_buf_reset(&n->log_slices);
    rk_sim_fiber_start(n->log.fiber, log_body, n);
    rk_sim_fiber_start(n->snap.fiber, snap_body, n);
    rk_node_resume(n, &n->log);
    rk_node_resume(n, &n->snap);
}

/* -- Start -- */

static void on_booted(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    (void)w;
    if (n->incarnation == incarnation && n->state == NODE_STARTING) {
        rk_node_booted(n);
    }
}

/* An epoch file is the last one written, or the one that was being written. */
static void check_epoch(struct sim_node *n)
{
    int64_t epoch = 0;
    enum rk_err err = rk_epoch_read(&n->port, "currentEpoch", &epoch);
    if (n->is_dying || err == RK_ERR_IO) {
        return;
    }
    if (err == RK_ERR_NOT_FOUND ? n->epoch_done != 0
                                : err != RK_OK || epoch < n->epoch_done || epoch > n->epoch_tried) {
        rk_sim_fail(n->w, "epoch file: %s, epoch %lld, must be in %lld..%lld", rk_err_text(err),
                    (long long)epoch, (long long)n->epoch_done, (long long)n->epoch_tried);
    }
}

static void boot_body(void *ctx)
{
    struct sim_node *n = ctx;
    struct rk_restore_sink sink = rk_core_restore_sink(n->core);
    struct rk_recover_options options = rk_node_recover_options(n);
    n->boot.work = WORK_START;
    n->boot_err = RK_OK;
    if (!n->w->opt.disk.shape.is_one_dir) {
        n->boot_err = rk_store_check_dirs(&n->port, &n->problem);
    }
    if (n->boot_err == RK_OK) {
        n->boot_err = rk_recover(&n->mem, &n->port, &options, &sink, &n->recovered, &n->problem);
    }
    if (n->boot_err == RK_OK && rk_sim_is_ensemble(n->w)) {
        n->boot_err = rk_node_load_epochs(n);
    } else if (n->boot_err == RK_OK) {
        check_epoch(n);
    }
    n->boot.work = WORK_NONE;
    if (!n->is_dying) {
        rk_sim_after(n->w, 0, on_booted, n, n->incarnation);
    }
}

void rk_node_start_boot(struct sim_node *n)
{
    rk_sim_fiber_start(n->boot.fiber, boot_body, n);
    rk_node_resume(n, &n->boot);
}
