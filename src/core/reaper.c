/* Containers that lost their last child and TTL nodes whose time is up are deleted by the server
 * itself: a scan every checkIntervalMs, at most maxPerMinute deletes. ZK: ContainerManager. */
#include "core/ensemble_int.h"

#define REAP_SCAN_PER_STEP 1024u

static void fill_tokens(struct rk_core *c)
{
    int64_t per_minute = c->config.container_per_minute;
    int64_t elapsed = c->now_ms - c->reap_filled_ms;
    int64_t more;
    if (elapsed > 60000) {
        elapsed = 60000;
    }
    more = elapsed * per_minute / 60000;
    if (more > 0 || elapsed == 60000) {
        c->reap_filled_ms = c->now_ms;
        c->reap_tokens += more;
    }
    if (c->reap_tokens > per_minute) {
        c->reap_tokens = per_minute;
    }
}

/* ZK: ContainerManager.getCandidates */
static bool is_due(const struct rk_core *c, rk_node_id n)
{
    struct rk_stat_persisted stat;
    int64_t age;
    if (rk_tree_child_count(c->tree, n) > 0) {
        return false;
    }
    rk_tree_stat_persisted(c->tree, n, &stat);
    age = c->wall_ms - stat.mtime;
    if (rk_tree_kind(c->tree, n) == RK_NODE_CONTAINER) {
        return stat.cversion > 0 ||
               (c->config.container_never_used_ms > 0 && age > c->config.container_never_used_ms);
    }
    RK_ASSERT(rk_tree_kind(c->tree, n) == RK_NODE_TTL);
    return age > (rk_tree_owner(c->tree, n) & RK_TTL_MAX);
}

static void reap(struct rk_core *c, rk_node_id n)
{
    struct rk_bytes path = rk_tree_path(c->tree, n, &c->arena);
    c->reap_tokens--;
    rk_fx_note(c->fx, RK_NOTE_REAPED, 0, 0, 0, path);
    if (rk_tree_kind(c->tree, n) == RK_NODE_TTL) {
        c->metrics.ttl_node_deleted_count++;
    }
    rk_prep_delete_container(c, path);
    rk_arena_reset(&c->arena);
}

/* One slice of a scan. Between slices the place is kept by the last node that was not due: those
 * that are due are about to disappear. */
static void scan(struct rk_core *c)
{
    rk_node_id n =
        c->reap_at == RK_NODE_NONE ? RK_NODE_NONE : rk_tree_next_reapable(c->tree, c->reap_at);
    if (n == RK_NODE_NONE) {
        n = rk_tree_first_reapable(c->tree);
    }
    for (uint32_t i = 0; i < REAP_SCAN_PER_STEP; i++) {
        if (n == RK_NODE_NONE) {
            c->is_reaping = false;
            return;
        }
        if (!is_due(c, n)) {
            c->reap_at = n;
        } else if (c->reap_tokens > 0 && !rk_leader_takes_no_more(c)) {
            reap(c, n);
        } else {
            return; /* goes on when the rate allows */
        }
        n = rk_tree_next_reapable(c->tree, n);
    }
}

void rk_core_reap(struct rk_core *c)
{
    if (c->config.container_check_ms <= 0 || c->is_log_full || c->is_shutting_down ||
        !rk_core_is_leading(c) || rk_leader_takes_no_more(c)) {
        return;
    }
    if (!c->is_reaping) {
        if (c->now_ms < c->reap_next_ms) {
            return;
        }
        c->reap_next_ms = c->now_ms + c->config.container_check_ms;
        c->reap_at = RK_NODE_NONE;
        c->is_reaping = true;
    }
    fill_tokens(c);
    scan(c);
}
