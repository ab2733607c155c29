/* rookery-bench: from the command line to a load, a null server or a loop of syncs, and to the
 * result on the screen and in a file. Exit status: 0 every answer was right, 1 some were wrong or
 * missing or the run was not possible, 2 bad invocation. */
#include "base/mem_libc.h"
#include "load.h"
#include "null_server.h"
#include "raw_sync.h"

#include <errno.h>
#include <string.h>

static bool show(const struct rk_bench_result *result, const struct rk_bench_options *o)
{
    bool is_on_stdout = o->json_path != NULL && strcmp(o->json_path, "-") == 0;
    if (!is_on_stdout) {
        rk_bench_result_print(result, o, stdout);
    }
    if (o->json_path == NULL) {
        return true;
    }
    FILE *out = is_on_stdout ? stdout : fopen(o->json_path, "we");
    if (out != NULL) {
        rk_bench_result_json(result, o, out);
    }
    if (out == NULL || (is_on_stdout ? fflush(out) : fclose(out)) != 0) {
        (void)fprintf(stderr, "rookery-bench: %s: %s\n", o->json_path, strerror(errno));
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct rk_bench_options options;
    static struct rk_bench_result result;
    struct rk_mem mem;
    if (rk_bench_options_parse(&options, argc, argv, stderr) != RK_OK) {
        return 2;
    }
    rk_mem_libc_init(&mem, 0);
    rk_bench_result_init(&result);
    bool is_run = false;
    switch (options.mode) {
    case RK_BENCH_HELP:
        rk_bench_options_help(stdout);
        return 0;
    case RK_BENCH_NULL:
        return rk_bench_null_serve(&options, &mem);
    case RK_BENCH_RAW_SYNC:
        is_run = rk_bench_raw_sync_run(&options, &result);
        break;
    case RK_BENCH_LOAD:
        if (options.run_id == 0) {
            options.run_id = (uint32_t)(rk_bench_now_ns() >> 16) | 1u;
        }
        is_run = rk_bench_load_run(&options, &mem, &result);
        break;
    }
    bool is_shown = is_run && show(&result, &options);
    return is_shown && rk_bench_result_is_good(&result) ? 0 : 1;
}
