/* Loads of single operations: get, set, create, exists, children, mix, ping. Closed loop: every
 * session keeps its requests in flight. Open loop (--rate): operation k is due at k/rate after the
 * start whether or not there is room for it, and its latency counts from then, so that a server
 * that stalls cannot hide the requests it kept from being sent. Latency is kept for every request
 * that began within the measured time, also if its reply comes after; throughput counts the replies
 * within it. */
#include "load.h"

#include "base/assert.h"
#include "base/prng.h"

#define SECOND_NS UINT64_C(1000000000)
#define WAIT_NS   UINT64_C(50000000)
#define DRAIN_NS  (10 * SECOND_NS)

enum phase { WARMING, MEASURING, DRAINING };

struct steady {
    struct rk_bench_net *net;
    const struct rk_bench_options *o;
    struct rk_prng prng;
    enum phase phase;
    bool is_open_loop;
    uint64_t number;     /* of the next creation */
    uint64_t sent;       /* within the measured time */
    uint64_t open;       /* sent and not answered */
    uint64_t measure_ns; /* begin of the measured time */
    uint64_t stop_ns;    /* its end, unless count ends it */
    uint64_t due_ns;     /* open loop: of operation 0 */
    uint64_t due_sent;   /* open loop: operations sent since then */
    uint32_t turn;       /* whose turn it is to send */
    uint64_t done;       /* for the progress line */
};

static enum rk_bench_request pick(struct steady *s, uint64_t *ret_number)
{
    const struct rk_bench_options *o = s->o;
    *ret_number = 0;
    switch (o->kind) {
    case RK_BENCH_CREATE:
        *ret_number = s->number++;
        return RK_BENCH_REQ_CREATE;
    case RK_BENCH_CHILDREN:
        return RK_BENCH_REQ_CHILDREN;
    case RK_BENCH_PING:
        return RK_BENCH_REQ_PING;
    default:
        break;
    }
    *ret_number = rk_prng_below(&s->prng, o->keys);
    if (o->kind == RK_BENCH_MIX) {
        return rk_prng_chance(&s->prng, o->write_percent, 100) ? RK_BENCH_REQ_SET
                                                               : RK_BENCH_REQ_GET;
    }
    return o->kind == RK_BENCH_SET      ? RK_BENCH_REQ_SET
           : o->kind == RK_BENCH_EXISTS ? RK_BENCH_REQ_EXISTS
                                        : RK_BENCH_REQ_GET;
}

static bool may_send(const struct steady *s)
{
    if (s->phase == DRAINING) {
        return false;
    }
    return s->phase == WARMING || s->o->count == 0 || s->sent < s->o->count;
}

static void send_one(struct steady *s, struct rk_bench_conn *c, uint64_t start_ns)
{
    uint64_t number;
    enum rk_bench_request request = pick(s, &number);
    rk_bench_net_send(s->net, c, request, number, start_ns);
    s->open++;
    s->sent += s->phase == MEASURING ? 1 : 0;
}

static void fill(struct steady *s, struct rk_bench_conn *c)
{
    while (rk_bench_conn_has_room(s->net, c) && may_send(s)) {
        send_one(s, c, s->net->now_ns);
    }
}

/* Open loop: sends what is due, as far as there is room; says when the next is due. */
static uint64_t send_due(struct steady *s)
{
    struct rk_bench_net *net = s->net;
    uint64_t now_ns = rk_bench_now_ns();
    uint64_t due = (uint64_t)((double)(now_ns - s->due_ns) * (double)s->o->rate / 1e9);
    uint32_t tried = 0;
    while (s->due_sent < due && tried < net->conn_count && may_send(s)) {
        struct rk_bench_conn *c = &net->conns[s->turn];
        s->turn = (s->turn + 1) % net->conn_count;
        if (!rk_bench_conn_has_room(net, c)) {
            tried++;
            continue;
        }
        tried = 0;
        uint64_t at = s->due_ns + (uint64_t)((double)s->due_sent * 1e9 / (double)s->o->rate);
        send_one(s, c, at);
        s->due_sent++;
    }
    uint64_t behind = due - s->due_sent;
    if (behind > 0) {
        if (s->phase == MEASURING && behind > net->result->behind_max) {
            net->result->behind_max = behind;
        }
        return WAIT_NS; /* no room: a reply will wake us */
    }
    uint64_t next = s->due_ns + (uint64_t)((double)(s->due_sent + 1) * 1e9 / (double)s->o->rate);
    return next > now_ns ? next - now_ns : 0;
}

static void on_reply(void *ctx, struct rk_bench_conn *c, const struct rk_bench_sent *sent,
                     const struct rk_bench_reply *reply)
{
    struct steady *s = ctx;
    struct rk_bench_result *result = s->net->result;
    uint64_t now_ns = s->net->now_ns;
    s->open--;
    s->done++;
    if (reply->err != 0) {
        if (s->phase != WARMING) {
            rk_bench_result_add_error(result, reply->err);
        }
    } else {
        const char *wrong = rk_bench_wire_check(s->net->wire, sent->request, sent->number, reply);
        if (wrong != NULL) {
            rk_bench_result_add_wrong(result, wrong);
        } else if (s->phase != WARMING) {
            result->ops += s->phase == MEASURING ? 1 : 0;
            if (sent->start_ns >= s->measure_ns &&
                (s->o->count > 0 || sent->start_ns < s->stop_ns)) {
                rk_hist_add(&result->latency_ns,
                            now_ns > sent->start_ns ? now_ns - sent->start_ns : 0);
            }
        }
    }
    if (!s->is_open_loop) {
        fill(s, c);
    }
}

/* Runs until the time is over, or until as many as asked for are answered. */
static bool run_phase(struct steady *s, uint64_t until_ns, bool is_counted)
{
    struct rk_bench_net *net = s->net;
    while (net->now_ns < until_ns) {
        uint64_t wait_ns = WAIT_NS;
        if (s->is_open_loop && s->phase != DRAINING) {
            wait_ns = send_due(s);
        }
        uint64_t left_ns = until_ns - net->now_ns;
        rk_bench_net_turn(net, wait_ns < left_ns ? wait_ns : left_ns);
        rk_bench_net_progress(net, s->o->load_name, s->done);
        if (net->ready_count == 0 || net->result->wrong > 1000) {
            return false;
        }
        if (s->phase == DRAINING && s->open <= net->result->unanswered) {
            return true;
        }
        if (is_counted && s->sent >= s->o->count && s->open <= net->result->unanswered) {
            return true;
        }
    }
    return true;
}

bool rk_bench_steady_run(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    struct steady s = {.net = net, .o = o, .is_open_loop = o->rate > 0};
    rk_prng_init(&s.prng, o->seed);
    net->hooks = (struct rk_bench_hooks){.ctx = &s, .reply = on_reply};
    net->now_ns = rk_bench_now_ns();

    s.due_ns = net->now_ns;
    s.phase = o->warmup_ms > 0 ? WARMING : MEASURING;
    bool goes_on = true;
    if (o->warmup_ms > 0) {
        for (uint32_t i = 0; !s.is_open_loop && i < net->conn_count; i++) {
            fill(&s, &net->conns[i]);
        }
        goes_on = run_phase(&s, net->now_ns + o->warmup_ms * 1000000u, false);
    }
    if (!rk_bench_window_begin(net)) {
        return false;
    }
    s.phase = MEASURING;
    s.measure_ns = net->now_ns;
    s.stop_ns = o->duration_ms > 0 ? net->now_ns + o->duration_ms * 1000000u : UINT64_MAX;
    for (uint32_t i = 0; goes_on && !s.is_open_loop && i < net->conn_count; i++) {
        fill(&s, &net->conns[i]);
    }
    goes_on = goes_on && run_phase(&s, s.stop_ns, o->count > 0);
    if (!rk_bench_window_end(net)) {
        return false;
    }
    s.phase = DRAINING;
    if (goes_on) {
        RK_MAYBE(run_phase(&s, net->now_ns + DRAIN_NS, false)); /* who is left is counted below */
    }
    if (s.open > net->result->unanswered) {
        net->result->unanswered = s.open;
    }
    return true;
}
