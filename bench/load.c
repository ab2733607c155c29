/* From the options to a load that ran: sessions, nodes, the load, the end of the sessions. */
#include "load.h"

#include "base/assert.h"

static bool read_proc(struct rk_bench_net *net, struct rk_bench_proc *ret)
{
    const struct rk_bench_options *o = net->options;
    if (o->pid_count == 0) {
        return true;
    }
    if (rk_bench_proc_read(o->pids, o->pid_count, ret) != RK_OK) {
        (void)fprintf(stderr, "rookery-bench: --pid: no such process, or it ended\n");
        return false;
    }
    net->result->has_proc = true;
    return true;
}

bool rk_bench_window_begin(struct rk_bench_net *net)
{
    bool is_read = read_proc(net, &net->result->before);
    net->now_ns = rk_bench_now_ns();
    net->result->measured_ns = net->now_ns; /* until the end: the beginning */
    net->result->client_cpu_ns = rk_bench_own_cpu_ns();
    return is_read;
}

bool rk_bench_window_end(struct rk_bench_net *net)
{
    uint64_t now_ns = rk_bench_now_ns();
    RK_ASSERT(now_ns >= net->result->measured_ns);
    net->result->measured_ns = now_ns - net->result->measured_ns;
    net->result->client_cpu_ns = rk_bench_own_cpu_ns() - net->result->client_cpu_ns;
    return read_proc(net, &net->result->after);
}

static bool run(struct rk_bench_net *net)
{
    const struct rk_bench_options *o = net->options;
    if (o->kind == RK_BENCH_STORM) {
        return rk_bench_storm_run(net);
    }
    if (o->kind == RK_BENCH_IDLE) {
        return rk_bench_idle_run(net);
    }
    if (!rk_bench_net_open_all(net) || (o->is_prepared && !rk_bench_prepare(net))) {
        return false;
    }
    return o->kind == RK_BENCH_WATCH ? rk_bench_watch_run(net) : rk_bench_steady_run(net);
}

bool rk_bench_load_run(const struct rk_bench_options *o, struct rk_mem *mem,
                       struct rk_bench_result *result)
{
    struct rk_bench_wire wire;
    struct rk_bench_net net;
    rk_bench_wire_init(&wire, mem, o);
    bool is_run = rk_bench_net_init(&net, mem, o, &wire, result) && run(&net);
    rk_bench_net_progress_end(&net);
    rk_bench_net_close_all(&net);
    rk_bench_net_deinit(&net);
    rk_bench_wire_deinit(&wire);
    return is_run;
}
