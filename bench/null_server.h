/* The floor for speed: a server that parses frames and answers canned bytes from one thread. */
#ifndef RK_BENCH_NULL_SERVER_H
#define RK_BENCH_NULL_SERVER_H

#include "base/mem.h"
#include "options.h"

/* Serves until SIGTERM or SIGINT; the exit status. */
int rk_bench_null_serve(const struct rk_bench_options *o, struct rk_mem *mem);

#endif
