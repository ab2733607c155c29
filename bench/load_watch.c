/* Fan-out: every watcher reads one node with a watch; when all have their answer, the writer sets
 * the node; the round ends when every watcher has its event. Kept are the time from the set to each
 * event (the latency), and to the last one of each round. */
#include "load.h"

#include "base/assert.h"

#define SECOND_NS  UINT64_C(1000000000)
#define SILENCE_NS (20 * SECOND_NS)

struct fanout {
    struct rk_bench_net *net;
    struct rk_bench_conn *writer; /* the last connection */
    uint32_t watchers;
    uint32_t watching; /* of this round: watches that are answered */
    uint32_t told;     /* and events that came */
    bool is_set;       /* the set is answered */
    bool is_measured;
    bool has_failed;
    uint64_t set_ns;
    uint64_t events;
    bool *is_told; /* by connection: twice is wrong */
    struct rk_hist round_ns;
    struct rk_hist set_reply_ns;
};

static void on_reply(void *ctx, struct rk_bench_conn *c, const struct rk_bench_sent *sent,
                     const struct rk_bench_reply *reply)
{
    struct fanout *f = ctx;
    const char *wrong = NULL;
    if (reply->err != 0) {
        rk_bench_result_add_error(f->net->result, reply->err);
        f->has_failed = true;
    } else {
        wrong = rk_bench_wire_check(f->net->wire, sent->request, sent->number, reply);
    }
    if (wrong != NULL) {
        rk_bench_result_add_wrong(f->net->result, wrong);
    }
    if (c == f->writer) {
        f->is_set = true;
        if (f->is_measured) {
            rk_hist_add(&f->set_reply_ns, f->net->now_ns - f->set_ns);
        }
    } else {
        f->watching++;
    }
}

static void on_event(void *ctx, struct rk_bench_conn *c, struct rk_bytes frame)
{
    struct fanout *f = ctx;
    const char *wrong = rk_bench_wire_check_event(f->net->wire, frame);
    if (wrong == NULL && (c == f->writer || f->is_told[c->index] || f->set_ns == 0)) {
        wrong = "event that nobody waits for";
    }
    if (wrong != NULL) {
        rk_bench_result_add_wrong(f->net->result, wrong);
        return;
    }
    f->is_told[c->index] = true;
    f->told++;
    if (f->is_measured) {
        rk_hist_add(&f->net->result->latency_ns, f->net->now_ns - f->set_ns);
        f->net->result->ops++;
    }
}

static bool wait_until(struct fanout *f, const uint32_t *value, uint32_t target, const bool *flag)
{
    struct rk_bench_net *net = f->net;
    uint64_t until = net->now_ns + SILENCE_NS;
    while (*value < target || !*flag) {
        rk_bench_net_turn(net, SECOND_NS / 20);
        rk_bench_net_progress(net, "events", net->result->ops);
        if (f->has_failed || net->result->wrong > 0 || net->result->lost_connections > 0) {
            return false;
        }
        if (net->now_ns > until) {
            net->result->unanswered += target - *value + (*flag ? 0 : 1);
            return false;
        }
    }
    return true;
}

static bool run_round(struct fanout *f)
{
    struct rk_bench_net *net = f->net;
    const bool yes = true;
    f->watching = 0;
    f->told = 0;
    f->is_set = false;
    f->set_ns = 0;
    for (uint32_t i = 0; i < f->watchers; i++) {
        f->is_told[i] = false;
        rk_bench_net_send(net, &net->conns[i], RK_BENCH_REQ_WATCH, 0, net->now_ns);
    }
    if (!wait_until(f, &f->watching, f->watchers, &yes)) {
        return false;
    }
    f->set_ns = rk_bench_now_ns();
    net->now_ns = f->set_ns;
    rk_bench_net_send(net, f->writer, RK_BENCH_REQ_SET, 0, f->set_ns);
    if (!wait_until(f, &f->told, f->watchers, &f->is_set)) {
        return false;
    }
    if (f->is_measured) {
        rk_hist_add(&f->round_ns, net->now_ns - f->set_ns);
    }
    return true;
}

static void report(const struct fanout *f, struct rk_bench_result *r)
{
    rk_bench_result_add_extra(r, "rounds", (double)f->round_ns.count);
    rk_bench_result_add_extra(r, "round_p50_us",
                              (double)rk_hist_quantile(&f->round_ns, 500000) / 1000.0);
    rk_bench_result_add_extra(r, "round_p99_us",
                              (double)rk_hist_quantile(&f->round_ns, 990000) / 1000.0);
    rk_bench_result_add_extra(r, "round_max_us", (double)f->round_ns.max / 1000.0);
    rk_bench_result_add_extra(r, "set_reply_p50_us",
                              (double)rk_hist_quantile(&f->set_reply_ns, 500000) / 1000.0);
}

bool rk_bench_watch_run(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    struct fanout f = {.net = net, .watchers = o->connections};
    f.writer = &net->conns[f.watchers];
    f.is_told = rk_mem_must_zalloc(net->mem, f.watchers * sizeof(f.is_told[0]));
    rk_hist_init(&f.round_ns);
    rk_hist_init(&f.set_reply_ns);
    net->hooks = (struct rk_bench_hooks){.ctx = &f, .reply = on_reply, .event = on_event};
    net->now_ns = rk_bench_now_ns();
    uint64_t until = net->now_ns + o->warmup_ms * 1000000u;
    bool goes_on = true;
    while (goes_on && net->now_ns < until) {
        goes_on = run_round(&f);
    }
    f.is_measured = true;
    bool is_measured = rk_bench_window_begin(net);
    until = o->duration_ms > 0 ? net->now_ns + o->duration_ms * 1000000u : UINT64_MAX;
    while (goes_on && is_measured && net->now_ns < until &&
           (o->count == 0 || f.round_ns.count < o->count)) {
        goes_on = run_round(&f);
    }
    is_measured = is_measured && rk_bench_window_end(net);
    report(&f, net->result);
    rk_mem_free(net->mem, f.is_told, f.watchers * sizeof(f.is_told[0]));
    return is_measured;
}
