/* What rookery-bench is told on its command line. */
#ifndef RK_BENCH_OPTIONS_H
#define RK_BENCH_OPTIONS_H

#include "base/assert.h"
#include "base/err.h"
#include "base/types.h"

#include <stdio.h>

#define RK_BENCH_SERVERS_MAX 16u
#define RK_BENCH_PIDS_MAX    16u
#define RK_BENCH_HOST_MAX    256u

enum rk_bench_mode {
    RK_BENCH_LOAD,
    RK_BENCH_NULL,     /* be the null server */
    RK_BENCH_RAW_SYNC, /* write + fdatasync in a loop, nothing else */
    RK_BENCH_HELP,
};

enum rk_bench_kind {
    RK_BENCH_GET,
    RK_BENCH_SET,
    RK_BENCH_CREATE,
    RK_BENCH_EXISTS,
    RK_BENCH_CHILDREN,
    RK_BENCH_MIX, /* sets and gets */
    RK_BENCH_PING,
    RK_BENCH_WATCH,
    RK_BENCH_STORM,
    RK_BENCH_IDLE,
};

enum rk_bench_log_mode {
    RK_BENCH_NULL_LOG_LOOP,   /* the epoll thread writes and syncs, once a turn */
    RK_BENCH_NULL_LOG_THREAD, /* a second thread does while the first goes on reading */
};

struct rk_bench_server {
    char host[RK_BENCH_HOST_MAX];
    uint16_t port;
};

struct rk_bench_options {
    enum rk_bench_mode mode;
    enum rk_bench_kind kind;
    const char *load_name; /* as given: "mix10" */
    uint32_t write_percent;

    struct rk_bench_server servers[RK_BENCH_SERVERS_MAX];
    uint32_t server_count;
    int64_t pids[RK_BENCH_PIDS_MAX];
    uint32_t pid_count;

    uint32_t connections;
    uint32_t outstanding;
    uint32_t value_bytes;
    uint32_t keys;
    uint32_t children;
    uint32_t parents; /* how many nodes the create load spreads its nodes over */
    uint64_t rate;    /* operations a second over all connections; 0: as fast as they go */
    uint64_t count;   /* stop after that many; 0: after the duration */
    uint64_t duration_ms;
    uint64_t warmup_ms;
    uint32_t session_timeout_ms;
    uint64_t seed;
    uint32_t run_id; /* in the names that the create load makes; 0: from the clock */
    const char *root;
    bool does_close; /* storm: end each session with closeSession */
    bool is_prepared;

    const char *json_path; /* NULL: none; "-": standard output, and nothing else there */
    bool is_quiet;         /* no progress line */

    uint16_t null_port;
    const char *file; /* of --null-file or --raw-sync */
    enum rk_bench_log_mode null_log;
    uint32_t record_bytes;
};

/* RK_ERR_INVALID: one line about it has gone to `complain`. The result borrows from argv. */
enum rk_err rk_bench_options_parse(struct rk_bench_options *o, int argc, char **argv,
                                   FILE *complain) RK_MUST_CHECK;
void rk_bench_options_help(FILE *out);

#endif
