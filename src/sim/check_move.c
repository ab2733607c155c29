/* The state of a server moves along the history: forward by applying, and, while it serves nobody,
 * to wherever a snapshot from another server or a look at its own disk has brought it. */
#include "sim/check_int.h"

#define CHECKPOINT_EVERY 32u

struct sim_rules rk_check_rules(const struct sim_check *c)
{
    return (struct sim_rules){.extended_types = c->config.extended_types,
                              .skip_acl = c->config.skip_acl,
                              .enforce_quota = c->config.enforce_quota,
                              .digest_scheme = c->config.digest_scheme,
                              .super_digest = c->config.super_digest,
                              .record_bytes_max = c->config.record_bytes_max,
                              .watch_per_conn_max = c->config.watch_per_conn_max,
                              .config_text = rk_truth_config(c->w->truth)};
}

static void keep_checkpoint(struct sim_check *c, struct sim_txn *t, const struct sim_model *m)
{
    if (c->is_ensemble && t->checkpoint == NULL && t->depth % CHECKPOINT_EVERY == 0) {
        t->checkpoint = rk_mem_must_zalloc(c->mem, sizeof(*t->checkpoint));
        rk_sim_model_copy(t->checkpoint, m);
    }
}

void rk_check_model_at(struct sim_check *c, struct sim_txn *at, struct sim_model *ret)
{
    struct sim_txn *from = at;
    struct sim_txn **items;
    while (from != NULL && from->checkpoint == NULL) {
        from = from->prev;
    }
    if (from != NULL) {
        rk_sim_model_copy(ret, from->checkpoint);
    } else {
        struct sim_rules rules = rk_check_rules(c);
        rk_sim_model_init(ret, c->mem, &rules);
    }
    uint32_t count = rk_truth_path(c->w->truth, from, at, &items);
    for (uint32_t i = 0; i < count; i++) {
        rk_check_apply(c, ret, items[i], &c->out);
        keep_checkpoint(c, items[i], ret);
    }
}

static bool is_beginning(rk_zxid zxid)
{
    return RK_ZXID_COUNTER(zxid) == 0;
}

struct sim_txn *rk_check_resolve(struct sim_check *c, rk_zxid zxid)
{
    struct sim_txn *real = NULL;
    if (zxid == 0) {
        return NULL;
    }
    if (is_beginning(zxid)) {
        CHECK(c, rk_truth_epoch(c->w->truth, RK_ZXID_EPOCH(zxid), &real),
              "server %u is at zxid %llx, but that epoch never began", c->index + 1,
              (unsigned long long)zxid);
        return real;
    }
    real = rk_truth_find(c->w->truth, zxid);
    CHECK(c, real != NULL, "server %u is at zxid %llx, which does not exist", c->index + 1,
          (unsigned long long)zxid);
    return real;
}

uint32_t rk_check_in_flight(struct sim_check *c, struct sim_txn ***ret_items)
{
    if (!rk_truth_is_before(c->at, c->head)) {
        return 0;
    }
    return rk_truth_path(c->w->truth, c->at, c->head, ret_items);
}

static void apply_up_to(struct sim_check *c, struct sim_txn *to)
{
    struct sim_txn **items;
    uint32_t count = rk_truth_path(c->w->truth, c->at, to, &items);
    if (c->is_serving && count > 0) {
        rk_truth_commit(c->w->truth, to, c->index);
        count = rk_truth_path(c->w->truth, c->at, to, &items);
    }
    for (uint32_t i = 0; i < count; i++) {
        rk_check_apply(c, &c->model, items[i], &c->out);
        c->at = items[i];
        keep_checkpoint(c, items[i], &c->model);
        rk_check_applied(c, items[i]);
    }
}

void rk_check_advance(struct sim_check *c, rk_zxid zxid)
{
    if (zxid <= c->model.zxid) {
        return;
    }
    struct sim_txn *to = rk_check_resolve(c, zxid);
    CHECK(c, c->is_ensemble || zxid <= c->durable, "zxid %llx is shown, but only %llx is durable",
          (unsigned long long)zxid, (unsigned long long)c->durable);
    CHECK(c, rk_truth_is_before(c->at, to) && (rk_truth_is_before(to, c->head) || !c->is_serving),
          "server %u shows zxid %llx, which is not in its log behind %llx", c->index + 1,
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
    apply_up_to(c, to);
    if (is_beginning(zxid)) {
        c->model.zxid = zxid;
    }
    CHECK(c, c->model.zxid == zxid, "server %u shows zxid %llx in the state of %llx", c->index + 1,
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
}

/* Memory is another one. */
static void jump(struct sim_check *c, rk_zxid zxid, struct sim_txn *to)
{
    CHECK(c, !c->is_serving, "server %u goes from zxid %llx to %llx while it serves", c->index + 1,
          (unsigned long long)c->model.zxid, (unsigned long long)zxid);
    rk_sim_model_deinit(&c->model);
    rk_check_model_at(c, to, &c->model);
    c->model.zxid = zxid;
    c->at = to;
    c->must_compare = true;
    rk_sim_trace_line(&c->w->trace, c->w->now_us, "jump", (uint64_t)zxid, c->index,
                      rk_bytes_str(NULL));
}

/* By a leader's snapshot; it will be durable when that is stored, and its log is no longer what
 * leads to the state. */
void rk_check_replaced(struct sim_check *c, rk_zxid zxid)
{
    struct sim_txn *to = rk_check_resolve(c, zxid);
    jump(c, zxid, to);
    c->other = c->head;
    c->is_replacing = true;
    c->replaced_by = to;
    c->head = to;
    RK_MARK(c->w, STATE_REPLACED);
}

void rk_check_reach(struct sim_check *c, rk_zxid zxid)
{
    if (zxid == c->model.zxid) {
        return;
    }
    struct sim_txn *to = rk_check_resolve(c, zxid);
    bool is_forward = rk_truth_is_before(c->at, to);
    bool is_logged = rk_truth_is_before(to, c->head);
    CHECK(c, !c->is_serving || is_forward,
          "server %u serves zxid %llx behind %llx, which is not what it logged", c->index + 1,
          (unsigned long long)zxid, (unsigned long long)c->model.zxid);
    CHECK(c, is_logged, "server %u is at zxid %llx, which it has not logged", c->index + 1,
          (unsigned long long)zxid);
    if (is_forward && zxid > c->model.zxid) {
        rk_check_advance(c, zxid);
    } else {
        jump(c, zxid, to);
        RK_MARK(c->w, STATE_RELOADED);
    }
}
