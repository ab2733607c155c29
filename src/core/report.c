/* What others may see of the core between steps: copies and const pointers, never its own structs.
 */
#include "core/ensemble_int.h"

rk_zxid rk_core_last_zxid(const struct rk_core *c)
{
    return c->last_zxid;
}

const struct rk_tree *rk_core_tree(const struct rk_core *c)
{
    return c->tree;
}

const struct rk_sessions *rk_core_sessions(const struct rk_core *c)
{
    return c->sessions;
}

const struct rk_watches *rk_core_watches(const struct rk_core *c)
{
    return c->watches;
}

struct rk_metrics *rk_core_metrics(struct rk_core *c)
{
    return &c->metrics;
}

uint32_t rk_core_outstanding(const struct rk_core *c)
{
    return c->outstanding;
}

int32_t rk_core_connect_drop_ppm(const struct rk_core *c)
{
    return c->connect_throttle.drop_ppm;
}

static void fill_report(const struct conn *conn, struct rk_conn_report *ret)
{
    ret->conn = conn->id;
    ret->session = conn->state == CONN_OPEN ? conn->session : 0;
    ret->established_wall_ms = conn->established_wall_ms;
    ret->timeout_ms = conn->timeout_ms;
    ret->received = conn->received;
    ret->sent = conn->sent;
    ret->queued = conn->queue_count;
    ret->last_op = conn->last_op;
    ret->last_cxid = conn->last_cxid;
    ret->last_zxid = conn->last_zxid;
    ret->last_response_ms = conn->last_response_ms;
    ret->last_latency_ms = conn->last_latency_ms;
    ret->min_latency_ms = conn->min_latency_ms;
    ret->max_latency_ms = conn->max_latency_ms;
    ret->latency_count = conn->latency_count;
    ret->latency_sum_ms = conn->latency_sum_ms;
    ret->is_paused = conn->is_paused;
}

bool rk_core_next_conn(const struct rk_core *c, uint32_t *slot, struct rk_conn_report *ret)
{
    while (*slot < c->conn_cap) {
        const struct conn *conn = c->conns[(*slot)++];
        if (conn != NULL) {
            fill_report(conn, ret);
            return true;
        }
    }
    return false;
}

/* ZK: ServerCnxn.resetStats */
void rk_core_reset_conn_stats(struct rk_core *c)
{
    for (uint32_t slot = 0; slot < c->conn_cap; slot++) {
        struct conn *conn = c->conns[slot];
        if (conn == NULL) {
            continue;
        }
        conn->received = 0;
        conn->sent = 0;
        conn->last_op = 0;
        conn->last_cxid = -1;
        conn->last_zxid = -1;
        conn->last_response_ms = 0;
        conn->last_latency_ms = 0;
        conn->min_latency_ms = 0;
        conn->max_latency_ms = 0;
        conn->latency_count = 0;
        conn->latency_sum_ms = 0;
    }
}

void rk_core_reset_server_stats(struct rk_core *c)
{
    rk_metrics_reset(&c->metrics);
    if (c->ens != NULL && c->ens->state == RK_PEER_LEADING) {
        c->ens->leader.last_proposal_bytes = -1;
        c->ens->leader.min_proposal_bytes = -1;
        c->ens->leader.max_proposal_bytes = -1;
    }
}

const struct rk_digest_entry *rk_core_digests(const struct rk_core *c, uint32_t *ret_first,
                                              uint32_t *ret_count, uint32_t *ret_size)
{
    *ret_first = c->digest_first;
    *ret_count = c->digest_count;
    *ret_size = RK_DIGEST_HISTORY;
    return c->digests;
}
