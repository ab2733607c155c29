/* Makes the nodes that a load works on, level by level: the root, then parents and the listed node,
 * then children and keys. Nodes that are there from an earlier run are taken over; keys get the
 * value of this run. */
#include "load.h"

#include "base/assert.h"
#include "proto/zk_error.h"

#define SILENCE_NS UINT64_C(30000000000)

struct level {
    enum rk_bench_request request;
    uint64_t count;
};

struct prepare {
    struct rk_bench_net *net;
    uint64_t open;
    uint64_t done;
    bool has_failed;
    int32_t err;
};

static void fail(struct prepare *p, int32_t err)
{
    p->has_failed = true;
    p->err = err;
}

static void on_reply(void *ctx, struct rk_bench_conn *c, const struct rk_bench_sent *sent,
                     const struct rk_bench_reply *reply)
{
    struct prepare *p = ctx;
    p->open--;
    if (reply->err == RK_ZK_NODE_EXISTS) {
        if (sent->request == RK_BENCH_REQ_PREPARE_KEY) {
            rk_bench_net_send(p->net, c, RK_BENCH_REQ_SET, sent->number, p->net->now_ns);
            p->open++;
            return;
        }
    } else if (reply->err != 0) {
        fail(p, reply->err);
    } else {
        const char *wrong = rk_bench_wire_check(p->net->wire, sent->request, sent->number, reply);
        if (wrong != NULL) {
            rk_bench_result_add_wrong(p->net->result, wrong);
            fail(p, 0);
        }
    }
    p->done++;
}

static bool run_level(struct prepare *p, const struct level *level)
{
    struct rk_bench_net *net = p->net;
    uint64_t next = 0;
    uint32_t turn = 0;
    uint64_t heard_ns = net->now_ns;
    uint64_t done = p->done;
    while (next < level->count || p->open > 0) {
        for (uint32_t tried = 0; next < level->count && tried < net->conn_count;) {
            struct rk_bench_conn *c = &net->conns[turn];
            if (!rk_bench_conn_has_room(net, c)) {
                turn = (turn + 1) % net->conn_count;
                tried++;
                continue;
            }
            rk_bench_net_send(net, c, level->request, next++, net->now_ns);
            p->open++;
        }
        rk_bench_net_turn(net, UINT64_C(100000000));
        rk_bench_net_progress(net, "prepared", p->done);
        if (p->done != done) {
            done = p->done;
            heard_ns = net->now_ns;
        }
        if (p->has_failed || net->result->lost_connections > 0 ||
            net->now_ns - heard_ns > SILENCE_NS) {
            (void)fprintf(stderr,
                          "rookery-bench: preparing nodes failed: error %d, %llu wrong, "
                          "%llu connections lost\n",
                          (int)p->err, (unsigned long long)net->result->wrong,
                          (unsigned long long)net->result->lost_connections);
            return false;
        }
    }
    return true;
}

bool rk_bench_prepare(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    struct prepare p = {.net = net};
    bool is_listed = o->kind == RK_BENCH_CHILDREN;
    bool is_creating = o->kind == RK_BENCH_CREATE;
    bool has_keys = !is_listed && !is_creating && o->kind != RK_BENCH_PING;
    const struct level levels[] = {
        {RK_BENCH_REQ_PREPARE_ROOT, 1},
        {RK_BENCH_REQ_PREPARE_PARENT, is_creating ? o->parents : 0},
        {RK_BENCH_REQ_PREPARE_LIST, is_listed ? 1 : 0},
        {RK_BENCH_REQ_PREPARE_CHILD, is_listed ? o->children : 0},
        {RK_BENCH_REQ_PREPARE_KEY, !has_keys                   ? 0
                                   : o->kind == RK_BENCH_WATCH ? 1
                                                               : o->keys},
    };
    net->hooks = (struct rk_bench_hooks){.ctx = &p, .reply = on_reply};
    net->now_ns = rk_bench_now_ns();
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (!run_level(&p, &levels[i])) {
            return false;
        }
    }
    return true;
}
