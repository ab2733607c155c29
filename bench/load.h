/* The loads, and what they share. */
#ifndef RK_BENCH_LOAD_H
#define RK_BENCH_LOAD_H

#include "net.h"

/* Runs what the options ask for. False: it could not be run, and a line said why; a run with wrong
 * answers is in the result. */
bool rk_bench_load_run(const struct rk_bench_options *o, struct rk_mem *mem,
                       struct rk_bench_result *result) RK_MUST_CHECK;

/* Creates the nodes that the load needs. False: a line said why not. */
bool rk_bench_prepare(struct rk_bench_net *net) RK_MUST_CHECK;

/* Each runs with all sessions open, storm and idle with none. */
bool rk_bench_steady_run(struct rk_bench_net *net) RK_MUST_CHECK;
bool rk_bench_watch_run(struct rk_bench_net *net) RK_MUST_CHECK;
bool rk_bench_storm_run(struct rk_bench_net *net) RK_MUST_CHECK;
bool rk_bench_idle_run(struct rk_bench_net *net) RK_MUST_CHECK;

/* The measured time: CPU, memory and I/O of the servers are read at both ends. */
bool rk_bench_window_begin(struct rk_bench_net *net) RK_MUST_CHECK;
bool rk_bench_window_end(struct rk_bench_net *net) RK_MUST_CHECK;

#endif
