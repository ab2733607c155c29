/* What the kernel knows about server processes: CPU time, memory, bytes to disk, context switches.
 */
#ifndef RK_BENCH_PROC_H
#define RK_BENCH_PROC_H

#include "base/assert.h"
#include "base/err.h"
#include "base/types.h"

/* Sums over all the processes asked for. */
struct rk_bench_proc {
    uint64_t cpu_ns; /* user and system, exact */
    uint64_t user_ticks;
    uint64_t system_ticks; /* the two give the shares only: a tick is 10 ms */
    uint64_t rss_bytes;
    uint64_t hwm_bytes;        /* most ever resident */
    uint64_t disk_bytes;       /* caused to be sent to the disk: /proc/pid/io write_bytes */
    uint64_t written_bytes;    /* passed to write calls, sockets too: wchar */
    uint64_t write_calls;      /* syscw */
    uint64_t switch_voluntary; /* over all threads that are alive */
    uint64_t switch_forced;
    bool has_io; /* /proc/pid/io could be read */
};

/* RK_ERR_NOT_FOUND: one of them is gone. */
enum rk_err rk_bench_proc_read(const int64_t *pids, uint32_t count,
                               struct rk_bench_proc *ret) RK_MUST_CHECK;

/* CLOCK_MONOTONIC. */
uint64_t rk_bench_now_ns(void);
/* CPU time of this process. */
uint64_t rk_bench_own_cpu_ns(void);

#endif
