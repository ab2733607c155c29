/* Around every disk call of the server: it takes its time, it may fail, and the process or the
 * machine may end right before or right after it. */
#include "sim/node_int.h"

#define SLOW_US_MAX 300000

static bool changes_something(enum sim_disk_call call)
{
    return call != SIM_DISK_LIST && call != SIM_DISK_CLOSE && call != SIM_DISK_SIZE &&
           call != SIM_DISK_READ;
}

/* -- Crashes -- */

static void mark_crash(struct sim_node *n, const struct node_thread *t, enum sim_disk_call call)
{
    bool is_name = call == SIM_DISK_RENAME || call == SIM_DISK_SYNC_DIR || call == SIM_DISK_OPEN;
    switch (t->work) {
    case WORK_START:
        RK_MARK(n->w, CRASH_IN_START);
        break;
    case WORK_APPEND:
        n->w->stats.marks[is_name ? SIM_MARK_CRASH_IN_ROLL : SIM_MARK_CRASH_IN_APPEND]++;
        break;
    case WORK_SNAPSHOT:
        n->w->stats
            .marks[is_name ? SIM_MARK_CRASH_IN_SNAPSHOT_RENAME : SIM_MARK_CRASH_IN_SNAPSHOT]++;
        break;
    case WORK_PURGE:
        RK_MARK(n->w, CRASH_IN_PURGE);
        break;
    case WORK_EPOCH:
        RK_MARK(n->w, CRASH_IN_EPOCH);
        break;
    case WORK_STORE_EPOCH:
        RK_MARK(n->w, CRASH_IN_STORE_EPOCH);
        break;
    case WORK_TRUNCATE:
        RK_MARK(n->w, CRASH_IN_TRUNCATE);
        break;
    case WORK_READ_LOG:
    case WORK_NONE:
        break;
    }
}

static void crash_here(struct sim_node *n, struct node_thread *t, enum sim_disk_call call)
{
    mark_crash(n, t, call);
    n->w->stats.crash_points++;
    n->crash_call = 0;
    n->is_crash_due = true;
    rk_sim_fiber_yield(t->fiber);
    RK_ASSERT(n->is_dying);
}

/* -- Time and faults -- */

static int64_t latency(struct sim_node *n, enum sim_disk_call call)
{
    const struct sim_disk_options *o = &n->w->opt.disk;
    if (n->w->now_us < n->slow_until_us) {
        return rk_sim_delay(n->w, SIM_SITE_DISK_TIME, SLOW_US_MAX);
    }
    switch (call) {
    case SIM_DISK_WRITE:
        return rk_sim_delay(n->w, SIM_SITE_DISK_TIME, o->write_us_max);
    case SIM_DISK_SYNC:
    case SIM_DISK_SYNC_DIR:
        return rk_sim_delay(n->w, SIM_SITE_DISK_TIME, o->sync_us_max);
    case SIM_DISK_ALLOCATE:
    case SIM_DISK_TRUNCATE:
    case SIM_DISK_RENAME:
    case SIM_DISK_UNLINK:
        return o->is_dir_op_slow ? rk_sim_delay(n->w, SIM_SITE_DISK_TIME, o->write_us_max) : 0;
    default:
        return 0;
    }
}

static void mark_fault(struct sim_node *n, const struct node_thread *t, enum sim_disk_call call)
{
    if (t->work == WORK_SNAPSHOT || t->work == WORK_EPOCH) {
        RK_MARK(n->w, FAULT_SNAP);
    } else if (t->work == WORK_PURGE) {
        RK_MARK(n->w, FAULT_PURGE);
    } else if (t->work == WORK_APPEND) {
        enum sim_mark mark = call == SIM_DISK_WRITE      ? SIM_MARK_FAULT_LOG_WRITE
                             : call == SIM_DISK_SYNC     ? SIM_MARK_FAULT_LOG_SYNC
                             : call == SIM_DISK_SYNC_DIR ? SIM_MARK_FAULT_LOG_SYNC_DIR
                                                         : SIM_MARK_FAULT_LOG_OTHER;
        n->w->stats.marks[mark]++;
    }
}

static bool is_faulty(struct sim_node *n, const struct node_thread *t)
{
    const struct sim_disk_options *o = &n->w->opt.disk;
    uint32_t ppm = 0;
    if (n->w->phase != SIM_PHASE_FAULTS || n->is_dying) {
        return false;
    }
    if (t->work == WORK_START) {
        ppm = o->start_fault_ppm;
    } else if (t->work == WORK_APPEND || t->work == WORK_STORE_EPOCH || t->work == WORK_TRUNCATE) {
        ppm = o->log_fault_ppm;
    } else if (t->work != WORK_NONE) {
        ppm = o->snap_fault_ppm;
    }
    return ppm > 0 && rk_sim_chance(&n->w->tape, SIM_SITE_DISK_FAULT, ppm, 1000000);
}

static enum rk_err before(void *ctx, enum sim_disk_call call)
{
    struct sim_node *n = ctx;
    struct node_thread *t = rk_node_running(n);
    if (t == NULL) {
        return RK_OK; /* a look at the files that is not the server's */
    }
    n->w->stats.disk_calls++;
    if (changes_something(call)) {
        n->calls++;
        if (n->calls == n->crash_call && !n->crash_is_after) {
            crash_here(n, t, call);
            return RK_ERR_IO;
        }
        int64_t us = latency(n, call);
        if (us > 0) {
            rk_node_sleep(n, t, us);
        }
    }
    if (n->is_dying) {
        return RK_ERR_IO;
    }
    if (is_faulty(n, t)) {
        mark_fault(n, t, call);
        n->had_read_fault = n->had_read_fault || t->work == WORK_START;
        n->had_fault = true;
        return RK_ERR_IO;
    }
    return RK_OK;
}

static void after(void *ctx, enum sim_disk_call call, const char *name, uint64_t a, uint64_t b,
                  enum rk_err err)
{
    struct sim_node *n = ctx;
    struct node_thread *t = rk_node_running(n);
    if (t == NULL) {
        return;
    }
    rk_sim_trace_line(&n->w->trace, n->w->now_us, rk_sim_disk_call_name(call), a,
                      b << 8 | (uint64_t)err, rk_bytes_str(name));
    if (changes_something(call) && n->calls == n->crash_call && n->crash_is_after) {
        crash_here(n, t, call);
    }
}

void rk_node_set_hooks(struct sim_node *n)
{
    struct sim_disk_hooks hooks = {.ctx = n, .before = before, .after = after};
    rk_sim_disk_set_hooks(n->disk, &hooks);
}
