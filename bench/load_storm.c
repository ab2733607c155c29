/* Connect storm: each place connects, gets a session, closes it (or, with --no-close, cuts the
 * connection and leaves the session to expire), and begins again once the server has hung up. The
 * latency of an operation is from connecting to the answer that ends it; the time to the session
 * alone is kept beside it. */
#include "load.h"

#define SECOND_NS UINT64_C(1000000000)

struct storm {
    struct rk_bench_net *net;
    bool is_measured;
    bool is_stopping;
    uint64_t done;
    struct rk_hist session_ns;
};

static void finished(struct storm *s, struct rk_bench_conn *c)
{
    s->done++;
    if (s->is_measured && !s->is_stopping) {
        s->net->result->ops++;
        rk_hist_add(&s->net->result->latency_ns, s->net->now_ns - c->begun_ns);
    }
}

static void on_ready(void *ctx, struct rk_bench_conn *c)
{
    struct storm *s = ctx;
    if (s->is_measured) {
        rk_hist_add(&s->session_ns, s->net->now_ns - c->begun_ns);
    }
    if (s->net->options->does_close) {
        rk_bench_net_send(s->net, c, RK_BENCH_REQ_CLOSE, 0, s->net->now_ns);
    } else {
        finished(s, c);
        rk_bench_net_cut(s->net, c);
    }
}

static void on_reply(void *ctx, struct rk_bench_conn *c, const struct rk_bench_sent *sent,
                     const struct rk_bench_reply *reply)
{
    struct storm *s = ctx;
    if (reply->err != 0) {
        rk_bench_result_add_error(s->net->result, reply->err);
        rk_bench_net_cut(s->net, c);
        return;
    }
    const char *wrong = rk_bench_wire_check(s->net->wire, sent->request, sent->number, reply);
    if (wrong != NULL) {
        rk_bench_result_add_wrong(s->net->result, wrong);
    } else {
        finished(s, c);
    }
}

static void run_until(struct storm *s, uint64_t until, uint64_t count)
{
    struct rk_bench_net *net = s->net;
    while (net->now_ns < until && (count == 0 || net->result->ops < count) &&
           net->result->lost_connections <= 100 && net->result->wrong <= 100) {
        for (uint32_t i = 0; i < net->conn_count; i++) {
            if (net->conns[i].state == RK_BENCH_CONN_CLOSED) {
                rk_bench_net_open(net, &net->conns[i]);
            }
        }
        rk_bench_net_turn(net, SECOND_NS / 20);
        rk_bench_net_progress(net, "sessions", s->done);
    }
}

/* Sessions that are on their way end as they would have, but no longer count. */
static void drain(struct storm *s)
{
    struct rk_bench_net *net = s->net;
    uint64_t until = net->now_ns + 5 * SECOND_NS;
    s->is_stopping = true;
    while (net->ready_count + net->connecting_count > 0 && net->now_ns < until) {
        rk_bench_net_turn(net, SECOND_NS / 20);
    }
    net->result->unanswered += net->ready_count + net->connecting_count;
}

bool rk_bench_storm_run(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    struct storm s = {.net = net};
    rk_hist_init(&s.session_ns);
    net->hooks = (struct rk_bench_hooks){.ctx = &s, .ready = on_ready, .reply = on_reply};
    net->now_ns = rk_bench_now_ns();
    run_until(&s, net->now_ns + o->warmup_ms * 1000000u, 0);
    if (!rk_bench_window_begin(net)) {
        return false;
    }
    s.is_measured = true;
    run_until(&s, o->duration_ms > 0 ? net->now_ns + o->duration_ms * 1000000u : UINT64_MAX,
              o->count);
    if (!rk_bench_window_end(net)) {
        return false;
    }
    drain(&s);
    rk_bench_result_add_extra(net->result, "session_p50_us",
                              (double)rk_hist_quantile(&s.session_ns, 500000) / 1000.0);
    rk_bench_result_add_extra(net->result, "session_p99_us",
                              (double)rk_hist_quantile(&s.session_ns, 990000) / 1000.0);
    return true;
}
