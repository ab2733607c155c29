/* srvr, stat, cons, hash: the server and its connections. ZK: StatCommand, ConsCommand,
 * DigestCommand, ServerStats.toString, ServerCnxn.dumpConnectionInfo. */
#include "admin/admin_int.h"

#include "proto/opcode.h"

static void put_address(struct rk_admin *a, struct rk_buf *b, rk_conn_id conn)
{
    char text[64];
    rk_buf_put_u8(b, '/');
    rk_admin_put(b, a->sources.conn_text(a->sources.ctx, conn, text) ? text : "0.0.0.0:0");
}

static void put_pair(struct rk_buf *b, const char *name, int64_t value)
{
    rk_admin_put(b, name);
    rk_admin_put_int(b, value);
}

static void put_session(struct rk_buf *b, const struct rk_conn_report *c)
{
    uint64_t average = c->latency_count == 0 ? 0 : c->latency_sum_ms / c->latency_count;
    rk_admin_put(b, ",sid=0x");
    rk_admin_put_hex(b, (uint64_t)c->session);
    rk_admin_put(b, ",lop=");
    rk_admin_put(b, c->last_op == 0 ? "NA" : rk_op_lop(c->last_op));
    put_pair(b, ",est=", c->established_wall_ms);
    put_pair(b, ",to=", c->timeout_ms);
    if (c->last_cxid >= 0) {
        rk_admin_put(b, ",lcxid=0x");
        rk_admin_put_hex(b, (uint64_t)c->last_cxid);
    }
    rk_admin_put(b, ",lzxid=0x");
    rk_admin_put_hex(b, (uint64_t)c->last_zxid);
    put_pair(b, ",lresp=", c->last_response_ms);
    put_pair(b, ",llat=", c->last_latency_ms);
    put_pair(b, ",minlat=", c->min_latency_ms);
    put_pair(b, ",avglat=", (int64_t)average);
    put_pair(b, ",maxlat=", c->max_latency_ms);
}

/* One line. The word itself counts as received on the connection that asks, which waits for
 * nothing. */
static void put_conn(struct rk_admin *a, struct rk_buf *b, const struct rk_conn_report *c,
                     rk_conn_id asking, bool is_brief)
{
    bool is_asking = c->conn == asking;
    rk_buf_put_u8(b, ' ');
    put_address(a, b, c->conn);
    rk_admin_put(b, is_asking || c->is_paused ? "[0](queued=" : "[1](queued=");
    rk_admin_put_int(b, c->queued);
    rk_admin_put(b, ",recved=");
    rk_admin_put_count(b, c->received + (is_asking ? 1 : 0));
    rk_admin_put(b, ",sent=");
    rk_admin_put_count(b, c->sent);
    if (!is_brief && c->session != 0) {
        put_session(b, c);
    }
    rk_admin_put(b, ")\n");
}

static void put_conns(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking, bool is_brief)
{
    struct rk_conn_report c;
    uint32_t slot = 0;
    while (!rk_admin_is_full(a, b) && rk_core_next_conn(a->core, &slot, &c)) {
        put_conn(a, b, &c, asking, is_brief);
    }
    rk_buf_put_u8(b, '\n');
}

void rk_admin_cons(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking)
{
    put_conns(a, b, asking, false);
}

static void put_latency(struct rk_buf *b, const struct rk_summary *s)
{
    rk_admin_put(b, "Latency min/avg/max: ");
    rk_admin_put_count(b, s->count == 0 ? 0 : s->min);
    rk_buf_put_u8(b, '/');
    rk_admin_put_average(b, s->sum, s->count);
    rk_buf_put_u8(b, '/');
    rk_admin_put_count(b, s->max);
}

void rk_admin_srvr(struct rk_admin *a, struct rk_buf *b, rk_conn_id asking, bool has_clients)
{
    const struct rk_metrics *m = rk_core_metrics(a->core);
    struct rk_shell_stats shell;
    struct rk_tree_counts tree;
    struct rk_ensemble_report report;
    enum rk_admin_role role = rk_admin_role(a, &report);
    a->sources.shell_stats(a->sources.ctx, &shell);
    rk_tree_counts(rk_core_tree(a->core), &tree);
    rk_admin_put(b, "Zookeeper version: ");
    rk_admin_put(b, rk_admin_version());
    rk_buf_put_u8(b, '\n');
    if (role == RK_ROLE_READ_ONLY) {
        rk_admin_put(b, "READ-ONLY mode; serving only read-only clients\n");
    }
    if (has_clients) {
        rk_admin_put(b, "Clients:\n");
        put_conns(a, b, asking, true);
    }
    put_latency(b, &m->latency_ms);
    put_pair(b, "\nReceived: ", (int64_t)m->packets_received);
    put_pair(b, "\nSent: ", (int64_t)m->packets_sent);
    put_pair(b, "\nConnections: ", shell.conn_count);
    put_pair(b, "\nOutstanding: ", rk_core_outstanding(a->core));
    rk_admin_put(b, "\nZxid: 0x");
    rk_admin_put_hex(b, (uint64_t)rk_core_last_zxid(a->core));
    rk_admin_put(b, "\nMode: ");
    rk_admin_put(b, rk_admin_role_text(role));
    put_pair(b, "\nNode count: ", (int64_t)tree.nodes);
    rk_buf_put_u8(b, '\n');
    if (role == RK_ROLE_LEADER) {
        put_pair(b, "Proposal sizes last/min/max: ", report.last_proposal_bytes);
        put_pair(b, "/", report.min_proposal_bytes);
        put_pair(b, "/", report.max_proposal_bytes);
        rk_buf_put_u8(b, '\n');
    }
}

void rk_admin_hash(struct rk_admin *a, struct rk_buf *b)
{
    uint32_t first, count, size;
    const struct rk_digest_entry *ring = rk_core_digests(a->core, &first, &count, &size);
    for (uint32_t i = 0; i < count; i++) {
        const struct rk_digest_entry *entry = &ring[(first + i) % size];
        rk_admin_put_hex(b, (uint64_t)entry->zxid);
        put_pair(b, ": ", (int64_t)entry->digest);
        rk_buf_put_u8(b, '\n');
    }
}
