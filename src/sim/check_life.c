/* The checker over crashes and restarts, and what the disk is told to keep or to cut. */
#include "sim/check_int.h"

static void go_down(struct sim_check *c)
{
    rk_check_free_conns(c);
    rk_check_drop_snap_model(c);
    c->is_up = false;
    c->is_serving = false;
    c->is_log_full = false;
    c->is_stopping = false;
    c->is_handing_over = false;
    c->must_compare = false;
}

void rk_sim_check_crashed(struct sim_check *c)
{
    go_down(c);
    c->last_crash_zxid = c->model.zxid;
}

void rk_sim_check_stopped(struct sim_check *c)
{
    struct sim_txn **items;
    if (!c->is_ensemble) {
        CHECK(c, rk_check_in_flight(c, &items) == 0, "an orderly stop left zxid %llx behind",
              (unsigned long long)c->head->zxid);
    }
    rk_sim_check_crashed(c);
}

/* -- What the disk has -- */

void rk_sim_check_durable(struct sim_check *c, rk_zxid zxid)
{
    if (!c->is_ensemble) {
        return; /* as soon as the core knows */
    }
    struct sim_txn *to = rk_truth_cut(c->head, zxid);
    CHECK(c, to != NULL && to->zxid == zxid, "server %u synced zxid %llx, which it does not log",
          c->index + 1, (unsigned long long)zxid);
    rk_truth_durable(c->w->truth, c->index, to);
    c->kept = to;
}

void rk_sim_check_truncating(struct sim_check *c, rk_zxid zxid)
{
    struct sim_txn *log = c->is_replacing ? c->other : c->head;
    struct sim_txn *keep = rk_truth_cut(log, zxid);
    rk_truth_not_durable(c->w->truth, c->index, keep, log);
    for (const struct sim_txn *t = log; t != keep; t = t->prev) {
        /* The leader will send it again; but a quorum must hold it at any time. */
        CHECK(c, !t->is_committed || rk_truth_has_quorum(c->w->truth, t),
              "server %u cuts its log behind %llx; zxid %llx is committed, and no quorum holds it "
              "any more: LOST",
              c->index + 1, (unsigned long long)zxid, (unsigned long long)t->zxid);
        if (t->is_committed) {
            RK_MARK(c->w, COMMITTED_CUT);
        }
    }
    c->kept = rk_truth_cut(c->kept, zxid);
    if (c->is_replacing) {
        c->other = keep;
    }
    RK_MARK(c->w, LOG_CUT);
}

void rk_sim_check_truncated(struct sim_check *c, rk_zxid zxid)
{
    if (!c->is_replacing) {
        c->head = rk_truth_cut(c->head, zxid);
    }
}

void rk_sim_check_wiped(struct sim_check *c)
{
    RK_ASSERT(!c->is_up);
    /* What it acknowledged it did have; its bits in the truth stay. */
    c->kept = NULL;
    c->head = NULL;
    c->other = NULL;
    c->is_replacing = false;
    c->is_wiped = true;
}

bool rk_sim_check_is_whole(const struct sim_check *c)
{
    return !c->is_wiped;
}

bool rk_sim_check_is_virgin(const struct sim_check *c)
{
    return !c->is_wiped && c->head == NULL && c->model.zxid == 0;
}

void rk_sim_check_reloaded(struct sim_check *c, const struct rk_core *core)
{
    if (c->is_replacing) {
        /* What replaced it was not stored, or was it. */
        c->head = rk_truth_is_before(rk_check_resolve(c, rk_core_last_zxid(core)), c->other)
                      ? c->other
                      : c->head;
    }
    rk_check_reach(c, rk_core_last_zxid(core));
    CHECK(c, rk_truth_is_before(c->kept, c->at) || c->is_replacing,
          "server %u had synced zxid %llx, and reads %llx: LOST", c->index + 1,
          (unsigned long long)c->kept->zxid, (unsigned long long)c->model.zxid);
    /* The store has seen to it that what it reads stays. */
    c->is_replacing = false;
    c->head = c->at;
    c->kept = c->at;
    rk_truth_durable(c->w->truth, c->index, c->at);
    rk_check_compare(c, &c->model, core, "reload");
}

/* -- Restart -- */

/* One server: the model as it is at zxid, which recovery came to. */
static struct sim_txn *catch_up(struct sim_check *c, struct sim_model *m, rk_zxid zxid,
                                const char *what)
{
    struct sim_txn **items;
    rk_zxid last = c->head == NULL ? 0 : c->head->zxid;
    CHECK(c, zxid >= c->model.zxid, "%s: zxid %llx was shown, recovered is %llx: LOST", what,
          (unsigned long long)c->model.zxid, (unsigned long long)zxid);
    CHECK(c, zxid <= last, "%s: recovered is %llx, but only %llx was ever written", what,
          (unsigned long long)zxid, (unsigned long long)last);
    struct sim_txn *to = rk_truth_find(c->w->truth, zxid);
    uint32_t count = rk_truth_path(c->w->truth, c->at, to, &items);
    for (uint32_t i = 0; i < count; i++) {
        rk_check_apply(c, m, items[i], &c->out);
    }
    return to;
}

static void recovered_alone(struct sim_check *c, const struct rk_core *core, rk_zxid zxid)
{
    struct sim_txn **items;
    uint32_t in_flight = rk_check_in_flight(c, &items);
    rk_zxid before = c->model.zxid;
    c->at = catch_up(c, &c->model, zxid, "restart");
    rk_check_compare(c, &c->model, core, "restart");
    if (zxid > before) {
        RK_MARK(c->w, TXNS_SURVIVED);
    }
    if (in_flight > 0 && c->at != c->head) {
        RK_MARK(c->w, TXNS_LOST);
    }
    c->head = c->at;
    rk_truth_durable(c->w->truth, c->index, c->at);
    rk_truth_forget_after(c->w->truth, c->at);
    if (c->at != NULL) {
        rk_truth_commit(c->w->truth, c->at, c->index);
    }
    c->durable = zxid;
    c->is_serving = true;
    c->is_leading = true;
}

/* A member of an ensemble may come back with anything between what it had synced and what it had
 * handed to its log. */
static struct sim_txn *check_recovered(struct sim_check *c, rk_zxid zxid, const char *what)
{
    struct sim_txn *real = rk_check_resolve(c, zxid);
    bool is_own = rk_truth_is_before(real, c->head);
    bool is_other = c->is_replacing && rk_truth_is_before(real, c->other);
    CHECK(c, is_own || is_other, "%s: server %u recovers zxid %llx, which it never logged", what,
          c->index + 1, (unsigned long long)zxid);
    bool is_stored = c->is_replacing && rk_truth_is_before(c->replaced_by, real);
    CHECK(c, is_stored || rk_truth_is_before(c->kept, real),
          "%s: server %u had synced zxid %llx, and recovers %llx: LOST", what, c->index + 1,
          (unsigned long long)c->kept->zxid, (unsigned long long)zxid);
    return real;
}

static void recovered_member(struct sim_check *c, const struct rk_core *core, rk_zxid zxid)
{
    struct sim_txn *real = check_recovered(c, zxid, "restart");
    if (rk_truth_is_before(real, c->head) && real != c->head) {
        RK_MARK(c->w, TXNS_LOST);
    } else if (real != NULL && real != c->kept) {
        RK_MARK(c->w, TXNS_SURVIVED);
    }
    rk_truth_durable(c->w->truth, c->index, real);
    rk_sim_model_deinit(&c->model);
    rk_check_model_at(c, real, &c->model);
    c->model.zxid = zxid;
    c->at = real;
    c->head = real;
    c->kept = real;
    c->is_replacing = false;
    rk_check_compare(c, &c->model, core, "restart");
}

void rk_sim_check_recovered(struct sim_check *c, const struct rk_core *core,
                            const struct rk_recovered *recovered, int64_t now_ms)
{
    rk_zxid zxid = rk_core_last_zxid(core);
    CHECK(c, recovered->last_zxid == zxid || (recovered->last_zxid == -1 && zxid == 0),
          "recovery reports zxid %llx, the core has %llx", (unsigned long long)recovered->last_zxid,
          (unsigned long long)zxid);
    if (c->is_ensemble) {
        recovered_member(c, core, zxid);
    } else {
        recovered_alone(c, core, zxid);
    }
    c->is_up = true;
    c->restarts++;
    rk_check_sessions_restart(c, now_ms);
    c->room_ms = now_ms;
}

rk_zxid rk_sim_check_probe(struct sim_check *c, struct sim_disk *disk, const char *what)
{
    struct rk_mem mem;
    struct rk_recovered recovered;
    struct rk_problem problem;
    struct sim_model model;
    rk_mem_libc_init(&mem, 0);
    struct rk_core *core = rk_core_create(&mem, &c->config);
    struct rk_restore_sink sink = rk_core_restore_sink(core);
    struct rk_disk port = rk_sim_disk_port(disk);
    struct rk_recover_options options = {.record_bytes_max = c->config.record_bytes_max,
                                         .db_autocreate = true};
    enum rk_err err = rk_recover(&mem, &port, &options, &sink, &recovered, &problem);
    CHECK(c, err == RK_OK, "%s: the server would not start: %s", what, problem.text);
    rk_zxid zxid = rk_core_last_zxid(core);
    if (c->is_ensemble) {
        rk_check_model_at(c, check_recovered(c, zxid, what), &model);
        model.zxid = zxid;
    } else {
        rk_sim_model_copy(&model, &c->model);
        (void)catch_up(c, &model, zxid, what);
    }
    rk_check_compare(c, &model, core, what);
    rk_sim_model_deinit(&model);
    rk_core_destroy(core);
    RK_ASSERT(mem.used_bytes == 0);
    c->w->stats.probes++;
    RK_MARK(c->w, PROBE);
    return zxid;
}
