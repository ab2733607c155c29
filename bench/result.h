/* What a run found, and how it is shown: JSON for programs, a few lines for people. */
#ifndef RK_BENCH_RESULT_H
#define RK_BENCH_RESULT_H

#include "base/hist.h"
#include "options.h"
#include "proc.h"

#include <stdio.h>

#define RK_BENCH_CODES_MAX  32u
#define RK_BENCH_EXTRAS_MAX 24u
#define RK_BENCH_WRONG_MAX  200u

struct rk_bench_result {
    struct rk_hist latency_ns; /* of every operation begun within the measured time */
    uint64_t ops;              /* right answers within the measured time */
    uint64_t measured_ns;
    uint64_t client_cpu_ns; /* of ourselves in that time: near measured_ns we are the limit */
    uint64_t behind_max; /* --rate: most operations ever due but not sent for lack of a free slot */

    struct {
        int32_t code;
        uint64_t count;
    } errors[RK_BENCH_CODES_MAX]; /* by ZooKeeper's code, since the start of the measured time */
    uint32_t error_count;
    uint64_t wrong;                       /* answers that are not what was asked for, at any time */
    char wrong_first[RK_BENCH_WRONG_MAX]; /* what the first one was */
    uint64_t lost_connections;
    uint64_t unanswered; /* requests on lost connections, or still open after the time to drain */

    bool has_proc;
    struct rk_bench_proc before;
    struct rk_bench_proc after;

    /* What only some loads measure. */
    struct {
        const char *name; /* unit last */
        double value;
    } extras[RK_BENCH_EXTRAS_MAX];
    uint32_t extra_count;
};

void rk_bench_result_init(struct rk_bench_result *r);
void rk_bench_result_add_error(struct rk_bench_result *r, int32_t code);
void rk_bench_result_add_extra(struct rk_bench_result *r, const char *name, double value);
/* Remembers the text of the first one. */
void rk_bench_result_add_wrong(struct rk_bench_result *r, const char *what);

/* No wrong answer, none missing, and not every one an error. */
bool rk_bench_result_is_good(const struct rk_bench_result *r);

double rk_bench_ops_per_s(const struct rk_bench_result *r);
/* Server CPU per operation in microseconds; 0 without a pid or an operation. */
double rk_bench_cpu_us_per_op(const struct rk_bench_result *r);

void rk_bench_result_json(const struct rk_bench_result *r, const struct rk_bench_options *o,
                          FILE *out);
void rk_bench_result_print(const struct rk_bench_result *r, const struct rk_bench_options *o,
                           FILE *out);

#endif
