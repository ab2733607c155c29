/* What the disk alone costs. */
#ifndef RK_BENCH_RAW_SYNC_H
#define RK_BENCH_RAW_SYNC_H

#include "result.h"

/* One record after the other into a preallocated file, each synced; the latency of an operation is
 * that of write + fdatasync. False: a line said why it could not run. */
bool rk_bench_raw_sync_run(const struct rk_bench_options *o,
                           struct rk_bench_result *result) RK_MUST_CHECK;

#endif
