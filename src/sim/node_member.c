/* What a member of an ensemble does beyond a server alone: epoch files and cuts of the log, by the
 * log thread in their turn; reading its own disk again; standing still; and the start, as
 * server/main.c has it. */
#include "sim/node_int.h"

#include "sim/plan.h"
#include "sim/wire.h"

#include <string.h>

#define INITIALIZE_NAME "initialize"

/* -- Jobs of the log thread -- */

static void answer(struct sim_node *n, enum rk_event_kind kind, int64_t number, bool flag)
{
    rk_buf_put_u8(&n->log_answers, (uint8_t)kind);
    rk_buf_put_bool(&n->log_answers, flag);
    rk_buf_put_i64(&n->log_answers, number);
    RK_ASSERT(!n->log_answers.failed);
    rk_node_report_log(n);
}

static enum rk_err store_epoch(struct sim_node *n, int64_t epoch, bool is_current)
{
    const char *name = is_current ? RK_NAME_CURRENT_EPOCH : RK_NAME_ACCEPTED_EPOCH;
    n->asked[is_current] = epoch > n->asked[is_current] ? epoch : n->asked[is_current];
    n->log.work = WORK_STORE_EPOCH;
    enum rk_err err = rk_epoch_write(&n->port, name, epoch);
    n->log.work = WORK_NONE;
    if (err == RK_OK && !n->is_dying) {
        if (epoch < n->stored[is_current]) {
            rk_sim_fail(n->w, "server %u writes %s %lld, it was %lld", n->index + 1, name,
                        (long long)epoch, (long long)n->stored[is_current]);
        }
        n->stored[is_current] = epoch;
        RK_MARK(n->w, EPOCH_STORED);
        answer(n, RK_EV_EPOCH_STORED, epoch, is_current);
    }
    return err;
}

static enum rk_err do_cut(struct sim_node *n, rk_zxid zxid, enum rk_cut cut)
{
    rk_zxid last = 0;
    switch (cut) {
    case RK_CUT_REPLACE:
        return rk_wal_replace_begin(n->wal, zxid);
    case RK_CUT_REPLACED:
        return rk_wal_replace_end(n->wal, zxid);
    case RK_CUT_BEHIND:
        break;
    }
    return rk_wal_truncate(n->wal, zxid, &last);
}

static enum rk_err cut_log(struct sim_node *n, rk_zxid zxid, enum rk_cut cut)
{
    if (cut != RK_CUT_REPLACE) {
        rk_sim_check_truncating(n->check, zxid);
    }
    n->log.work = WORK_TRUNCATE;
    enum rk_err err = do_cut(n, zxid, cut);
    n->log.work = WORK_NONE;
    if (err == RK_OK && !n->is_dying) {
        if (cut != RK_CUT_REPLACE) {
            rk_sim_check_truncated(n->check, zxid);
        }
        n->report_durable = n->report_durable > zxid ? zxid : n->report_durable;
        n->seen_durable = n->seen_durable > zxid ? zxid : n->seen_durable;
        n->log_appended = n->log_appended > zxid ? zxid : n->log_appended;
        answer(n, RK_EV_TRUNCATED, zxid, true);
    }
    return err;
}

enum rk_err rk_node_member_job(struct sim_node *n, enum node_message kind, int64_t number,
                               uint64_t extra, bool flag)
{
    if (kind == MSG_STORE_EPOCH) {
        return store_epoch(n, number, flag);
    }
    RK_ASSERT(kind == MSG_TRUNCATE);
    return cut_log(n, number, (enum rk_cut)extra);
}

void rk_node_give_answers(struct sim_node *n)
{
    struct rk_reader r;
    rk_reader_init(&r, rk_buf_view(&n->log_answers), UINT32_MAX);
    while (rk_reader_left(&r) > 0) {
        enum rk_event_kind kind = (enum rk_event_kind)rk_read_u8(&r);
        bool flag = rk_read_bool(&r);
        int64_t number = rk_read_i64(&r);
        struct rk_event e = rk_node_event(n, kind, 0);
        RK_ASSERT(!r.failed);
        if (kind == RK_EV_EPOCH_STORED) {
            e.u.epoch.file = flag ? RK_EPOCH_CURRENT : RK_EPOCH_ACCEPTED;
            e.u.epoch.epoch = number;
        } else {
            e.u.truncated.zxid = number;
            e.u.truncated.is_ok = flag;
        }
        rk_node_step(n, &e);
    }
    rk_buf_reset(&n->log_answers);
}

/* -- Reading the log for learners -- */

/* Small, so that some are more than one. */
#define LOG_SLICE_BYTES 2000u

void rk_node_read_log(struct sim_node *n, struct rk_bytes ask_bytes)
{
    struct rk_problem problem = {.text = ""};
    struct rk_log_slice slice = {.is_ok = false};
    struct rk_log_ask ask;
    RK_ASSERT(ask_bytes.len == sizeof(ask));
    memcpy(&ask, ask_bytes.data, sizeof(ask));
    if (n->slicer == NULL) {
        n->slicer = rk_log_slicer_create(&n->mem, &n->port, RK_LOG_READERS_MAX, LOG_SLICE_BYTES);
    }
    n->snap.work = WORK_READ_LOG;
    rk_log_slicer_next(n->slicer, &ask, &slice, &problem);
    n->snap.work = WORK_NONE;
    if (n->is_dying) {
        return;
    }
    rk_sim_trace_line(&n->w->trace, n->w->now_us, "log slice", ask.reader, (uint64_t)ask.from,
                      rk_bytes_str(problem.text));
    rk_buf_put_i64(&n->log_slices, (int64_t)ask.reader);
    rk_buf_put_i64(&n->log_slices, slice.before);
    rk_buf_put_bool(&n->log_slices, slice.is_ok);
    rk_buf_put_bool(&n->log_slices, slice.is_last);
    rk_buf_put_bytes(&n->log_slices, slice.bytes);
    RK_ASSERT(!n->log_slices.failed);
    rk_node_report_snap(n);
}

void rk_node_give_slices(struct sim_node *n)
{
    struct rk_reader r;
    rk_reader_init(&r, rk_buf_view(&n->log_slices), UINT32_MAX);
    while (rk_reader_left(&r) > 0) {
        struct rk_event e = rk_node_event(n, RK_EV_LOG_SLICE, 0);
        e.u.slice.reader = (uint64_t)rk_read_i64(&r);
        e.u.slice.before = rk_read_i64(&r);
        e.u.slice.is_ok = rk_read_bool(&r);
        e.u.slice.is_last = rk_read_bool(&r);
        e.u.slice.bytes = rk_read_bytes(&r);
        RK_ASSERT(!r.failed);
        n->w->stats.marks[e.u.slice.is_ok ? SIM_MARK_LOG_READ : SIM_MARK_LOG_NOT_READ]++;
        rk_node_step(n, &e);
    }
    rk_buf_reset(&n->log_slices);
}

static void send_read(struct sim_node *n, const struct rk_effect *e)
{
    struct rk_log_ask ask;
    memset(&ask, 0, sizeof(ask)); /* its bytes are handed over, all of them */
    ask.reader = e->u.read.reader;
    ask.from = e->u.read.from;
    ask.to = e->u.read.to;
    ask.size_permille = e->u.read.size_permille;
    ask.is_first = e->u.read.is_first;
    rk_node_send(n, &n->snap, MSG_LOG_READ, 0, 0, false, rk_bytes_of(&ask, sizeof(ask)));
}

/* -- Effects -- */

static void on_fatal(struct sim_world *w, void *ctx, uint64_t incarnation)
{
    struct sim_node *n = ctx;
    (void)w;
    if (n->incarnation == incarnation && n->state != NODE_DOWN) {
        n->died = true;
        rk_node_carry_out_crash(n);
    }
}

/* Only a disk that failed is a reason. */
static void end_fatally(struct sim_node *n, int32_t status, struct rk_bytes why)
{
    rk_sim_trace_line(&n->w->trace, n->w->now_us, "fatal", n->index, (uint64_t)status, why);
    if (!n->had_fault) {
        rk_sim_fail(n->w, "server %u ends itself with status %d: %.*s", n->index + 1, status,
                    (int)why.len, (const char *)why.data);
    }
    n->fatal = status;
    n->frozen_until_us = n->w->now_us + 1;
    rk_sim_after(n->w, 0, on_fatal, n, n->incarnation);
}

void rk_node_member_effect(struct sim_node *n, const struct rk_effect *e, struct rk_bytes bytes)
{
    switch (e->kind) {
    case RK_FX_EPOCH:
        rk_node_send(n, &n->log, MSG_STORE_EPOCH, e->u.epoch.epoch, 0,
                     e->u.epoch.file == RK_EPOCH_CURRENT, bytes);
        break;
    case RK_FX_TRUNCATE:
        rk_node_send(n, &n->log, MSG_TRUNCATE, e->u.log.zxid, (uint64_t)e->u.log.cut, false, bytes);
        break;
    case RK_FX_LOG_READ:
        send_read(n, e);
        break;
    case RK_FX_LOG_READ_END:
        rk_node_send(n, &n->snap, MSG_LOG_READ_END, (int64_t)e->u.read.reader, 0, false, bytes);
        break;
    case RK_FX_RELOAD:
        RK_ASSERT(n->log.box.len == 0 && n->log_records == 0);
        n->is_reload_due = true;
        break;
    case RK_FX_FATAL:
        end_fatally(n, e->u.status, bytes);
        break;
    default:
        rk_wire_effect(n->w->wire, n->index, e, bytes,
                       e->kind == RK_FX_CHAN_SEND_MANY ? n->fx.conns + e->u.many.first : NULL);
        break;
    }
}

/* -- Reading the disk -- */

struct rk_recover_options rk_node_recover_options(const struct sim_node *n)
{
    return (struct rk_recover_options){.record_bytes_max = n->w->opt.node.core.record_bytes_max,
                                       .db_autocreate = true}; /* as main has it for members */
}

void rk_node_reload(struct sim_node *n)
{
    struct rk_restore_sink sink = rk_core_restore_sink(n->core);
    struct rk_recover_options options = rk_node_recover_options(n);
    struct rk_recovered recovered;
    struct rk_problem problem;
    enum rk_err err = rk_recover(&n->mem, &n->port, &options, &sink, &recovered, &problem);
    rk_sim_trace_line(&n->w->trace, n->w->now_us, "reload", n->index, (uint64_t)err,
                      rk_bytes_str(problem.text));
    if (err != RK_OK) {
        rk_sim_fail(n->w, "server %u cannot read its own disk again: %s", n->index + 1,
                    problem.text);
    }
    rk_sim_check_reloaded(n->check, n->core);
    RK_MARK(n->w, RELOADED);
    struct rk_event e = rk_node_event(n, RK_EV_RELOADED, 0);
    e.u.reloaded.is_ok = true;
    rk_node_step(n, &e);
}

enum rk_err rk_node_load_epochs(struct sim_node *n)
{
    struct rk_epochs epochs = {.accepted = 0};
    enum rk_err err = rk_epochs_load(&n->port, n->recovered.last_zxid, &epochs, &n->problem);
    if (err != RK_OK || n->is_dying) {
        return err;
    }
    const int64_t found[] = {epochs.accepted, epochs.current};
    for (uint32_t i = 0; i < 2; i++) {
        int64_t most = n->asked[i] > RK_ZXID_EPOCH(n->recovered.last_zxid)
                           ? n->asked[i]
                           : RK_ZXID_EPOCH(n->recovered.last_zxid);
        if (found[i] < n->stored[i] || found[i] > most) {
            rk_sim_fail(n->w, "server %u finds epoch %lld (%s) on its disk, must be in %lld..%lld",
                        n->index + 1, (long long)found[i], i == 0 ? "accepted" : "current",
                        (long long)n->stored[i], (long long)most);
        }
        n->stored[i] = found[i];
        n->asked[i] = found[i];
    }
    bool is_blank = n->recovered.last_zxid <= 0 && epochs.accepted == 0 && epochs.current == 0;
    rk_core_set_epochs(n->core, epochs.accepted, epochs.current, is_blank);
    return RK_OK;
}

/* -- Start -- */

/* An operator says that this disk is meant to be empty; again, if the server went down before it
 * had anything. */
static void put_initialize(struct sim_disk *disk)
{
    struct rk_disk port = rk_sim_disk_port(disk);
    rk_file file;
    enum rk_err err =
        port.ops->open(port.ctx, RK_DIR_DATALOG, INITIALIZE_NAME, RK_OPEN_CREATE, &file);
    RK_ASSERT(err == RK_OK);
    err = port.ops->sync(port.ctx, file);
    RK_ASSERT(err == RK_OK);
    port.ops->close(port.ctx, file);
    err = port.ops->sync_dir(port.ctx, RK_DIR_DATALOG);
    RK_ASSERT(err == RK_OK);
}

static void add_member(struct rk_members *members, const struct sim_world *w, uint32_t index)
{
    struct rk_member m = {.sid = index + 1,
                          .is_observer = index >= w->node_count - w->opt.ens.observers,
                          .quorum_port = SIM_QUORUM_PORT,
                          .election_port = SIM_ELECTION_PORT,
                          .has_client = true,
                          .client_host = "0.0.0.0",
                          .client_port = 2181,
                          .group = RK_GROUP_NONE,
                          .weight = 1};
    rk_wire_host(index, m.host);
    enum rk_err err = rk_members_add(members, &m);
    RK_ASSERT(err == RK_OK);
}

void rk_node_member_config(struct sim_node *n, struct rk_core_config *config,
                           struct rk_ensemble_config *ens)
{
    const struct sim_ens_options *o = &n->w->opt.ens;
    const char *why = "";
    if (rk_sim_check_is_virgin(n->check)) {
        put_initialize(n->disk);
    }
    memset(ens, 0, sizeof(*ens));
    ens->my_sid = n->index + 1;
    rk_members_init(&ens->members);
    for (uint32_t i = 0; i < n->w->node_count; i++) {
        add_member(&ens->members, n->w, i);
    }
    enum rk_err err = rk_members_finish(&ens->members, &why);
    RK_ASSERT(err == RK_OK);
    ens->init_limit = o->init_limit;
    ens->sync_limit = o->sync_limit;
    ens->cnx_timeout_ms = o->cnx_timeout_ms;
    ens->connect_retry_ms = o->connect_retry_ms;
    ens->election_min_ms = o->election_min_ms;
    ens->election_max_ms = o->election_max_ms;
    ens->election_finalize_ms = o->election_finalize_ms;
    ens->epoch_wait_ms = 2 * o->election_finalize_ms;
    ens->commit_log_count = o->commit_log_count;
    ens->history_bytes_max = o->history_bytes_max;
    ens->history_pin_bytes_max = o->history_pin_bytes_max;
    ens->max_concurrent_snap_syncs = 10;
    ens->max_concurrent_diff_syncs = 100;
    ens->force_snapshot_sync = o->force_snapshot_sync;
    ens->snapshot_size_permille = o->snapshot_size_permille;
    ens->says_nothing_more = o->says_nothing_more;
    ens->epoch_txns_max = o->epoch_txns_max;
    ens->leader_serves = true;
    ens->observer_sync = true;
    ens->may_initialize = rk_sim_disk_file(n->disk, RK_DIR_DATALOG, INITIALIZE_NAME) != 0;
    config->server_id = (uint8_t)(n->index + 1);
    config->seed = config->seed * 31 + n->index;
    config->ensemble = ens;
}

void rk_node_member_booted(struct sim_node *n)
{
    n->had_fault = false;
    n->fatal = 0;
    n->is_reload_due = false;
    rk_buf_reset(&n->log_answers);
}

/* -- What is done to it -- */

bool rk_node_postpone(struct sim_node *n, sim_event_fn fn, uint64_t arg)
{
    if (n->w->now_us >= n->frozen_until_us) {
        return false;
    }
    rk_sim_after(n->w, n->frozen_until_us - n->w->now_us, fn, n, arg);
    return true;
}

void rk_sim_node_freeze(struct sim_node *n, int64_t us)
{
    if (n->state == NODE_UP) {
        rk_sim_trace_line(&n->w->trace, n->w->now_us, "FREEZE", n->index, (uint64_t)us,
                          rk_bytes_str(NULL));
        n->frozen_until_us = n->w->now_us + us;
        RK_MARK(n->w, FROZEN);
    }
}

/* What was postponed comes when it was to come. */
void rk_sim_node_thaw(struct sim_node *n)
{
    n->slow_until_us = 0;
    n->crash_call = 0;
    n->crash_turns = 0;
}

bool rk_sim_node_is_frozen(const struct sim_node *n)
{
    return n->w->now_us < n->frozen_until_us;
}

void rk_sim_node_slow_down(struct sim_node *n, int64_t us)
{
    n->slow_until_us = n->w->now_us + us;
    RK_MARK(n->w, SLOW_DISK);
}

void rk_sim_node_hand_over(struct sim_node *n)
{
    if (n->state == NODE_UP && !rk_sim_node_is_frozen(n)) {
        struct rk_event e = rk_node_event(n, RK_EV_HAND_OVER, 0);
        rk_node_step(n, &e);
        rk_node_settle(n);
    }
}

void rk_sim_node_wipe(struct sim_node *n)
{
    RK_ASSERT(n->state == NODE_DOWN);
    rk_sim_trace_line(&n->w->trace, n->w->now_us, "WIPE", n->index, 0, rk_bytes_str(NULL));
    rk_sim_disk_destroy(n->w->disks[n->index]);
    n->disk = rk_sim_disk_create(&n->w->mem, &n->w->tape, &n->w->opt.disk.shape);
    n->w->disks[n->index] = n->disk;
    n->port = rk_sim_disk_port(n->disk);
    rk_node_set_hooks(n);
    memset(n->stored, 0, sizeof(n->stored));
    memset(n->asked, 0, sizeof(n->asked));
    rk_sim_check_wiped(n->check);
    RK_MARK(n->w, WIPED);
}

int64_t rk_sim_node_epoch(const struct sim_node *n, enum rk_epoch_file file)
{
    return n->stored[file == RK_EPOCH_CURRENT];
}

bool rk_sim_node_has_no_power(const struct sim_node *n)
{
    return n->has_no_power;
}

int64_t rk_sim_node_now_ms(const struct sim_node *n)
{
    return n->now_ms;
}

const struct rk_core *rk_sim_node_core(const struct sim_node *n)
{
    return n->state == NODE_UP || n->state == NODE_STOPPING ? n->core : NULL;
}
