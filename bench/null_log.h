/* The null server's log: group commit and nothing else. Records go round and round in a file that
 * was written once with zeros, so that a sync never has to change the file's own metadata. */
#ifndef RK_BENCH_NULL_LOG_H
#define RK_BENCH_NULL_LOG_H

#include "base/bytes.h"
#include "options.h"

struct rk_bench_null_log;

/* NULL: a line said why. */
struct rk_bench_null_log *rk_bench_null_log_create(struct rk_mem *mem,
                                                   const struct rk_bench_options *o);
void rk_bench_null_log_destroy(struct rk_bench_null_log *log);

/* Collects a request, filled up with zeros to the length of a record. */
void rk_bench_null_log_append(struct rk_bench_null_log *log, struct rk_bytes request);
bool rk_bench_null_log_has_records(const struct rk_bench_null_log *log);

/* RK_BENCH_NULL_LOG_LOOP: writes and syncs what was collected; a failure ends the process. */
void rk_bench_null_log_commit(struct rk_bench_null_log *log);

/* RK_BENCH_NULL_LOG_THREAD: gives what was collected to the thread, unless that is still busy
 * (false). When it is durable the descriptor becomes readable, and take_done must be called. */
bool rk_bench_null_log_submit(struct rk_bench_null_log *log);
int rk_bench_null_log_fd(const struct rk_bench_null_log *log);
void rk_bench_null_log_take_done(struct rk_bench_null_log *log);

/* For --raw-sync: a file of zeros, durable; -1: a line said why. */
int rk_bench_null_log_open_file(const char *path, uint64_t bytes);

#endif
