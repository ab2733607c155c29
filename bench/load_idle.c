/* Idle sessions: opens them all, lets them be (but for the pings that keep them alive), and tells
 * what the server's resident memory grew by for each. An operation is a session that is open at the
 * end; its latency is what opening it took. */
#include "load.h"

#define SECOND_NS UINT64_C(1000000000)

static void on_ready(void *ctx, struct rk_bench_conn *c)
{
    struct rk_bench_net *net = ctx;
    rk_hist_add(&net->result->latency_ns, net->now_ns - c->begun_ns);
}

bool rk_bench_idle_run(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    struct rk_bench_result *r = net->result;
    net->hooks = (struct rk_bench_hooks){.ctx = net, .ready = on_ready};
    if (!rk_bench_window_begin(net) || !rk_bench_net_open_all(net)) {
        return false;
    }
    uint64_t open_ns = net->now_ns - r->measured_ns;
    uint64_t until = net->now_ns + o->duration_ms * 1000000u;
    while (net->now_ns < until && r->lost_connections == 0 && r->wrong == 0) {
        rk_bench_net_turn(net, SECOND_NS / 20);
        rk_bench_net_progress(net, "sessions", net->ready_count);
    }
    if (!rk_bench_window_end(net)) {
        return false;
    }
    r->ops = net->ready_count;
    rk_bench_result_add_extra(r, "open_s", (double)open_ns / 1e9);
    if (r->has_proc) {
        double grown = (double)r->after.rss_bytes - (double)r->before.rss_bytes;
        rk_bench_result_add_extra(r, "rss_per_session_bytes", grown / (double)o->connections);
    }
    return true;
}
