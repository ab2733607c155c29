/* The command line of rookery-bench: what is accepted, what it means, what is refused and that the
 * line about it names the culprit. */
#include "support/cmocka_all.h"

#include "../../bench/options.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 12

/* Splits at blanks; what was said lands in *ret_said, to be freed. */
static enum rk_err parse(struct rk_bench_options *o, const char *line, char **ret_said)
{
    static char text[256];
    char *argv[ARGS_MAX] = {(char[]){"rookery-bench"}};
    int argc = 1;
    size_t len;
    char *said = NULL;
    FILE *complain = open_memstream(&said, &len);
    assert_non_null(complain);
    (void)snprintf(text, sizeof(text), "%s", line);
    char *rest = text;
    char *word;
    while ((word = strsep(&rest, " ")) != NULL) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = word;
    }
    enum rk_err err = rk_bench_options_parse(o, argc, argv, complain);
    assert_int_equal(fclose(complain), 0);
    if (ret_said != NULL) {
        *ret_said = said;
    } else {
        free(said);
    }
    return err;
}

static void defaults_are_those_of_the_help(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "get", NULL), RK_OK);
    assert_int_equal(o.mode, RK_BENCH_LOAD);
    assert_int_equal(o.kind, RK_BENCH_GET);
    assert_int_equal(o.connections, 32);
    assert_int_equal(o.outstanding, 16);
    assert_int_equal(o.value_bytes, 100);
    assert_int_equal(o.duration_ms, 5000);
    assert_int_equal(o.warmup_ms, 1000);
    assert_int_equal(o.server_count, 1);
    assert_string_equal(o.servers[0].host, "127.0.0.1");
    assert_int_equal(o.servers[0].port, 2181);
    assert_true(o.is_prepared);
    assert_true(o.does_close);
}

static void every_load_is_known(void **state)
{
    static const struct {
        const char *name;
        enum rk_bench_kind kind;
    } loads[] = {
        {"get", RK_BENCH_GET},       {"set", RK_BENCH_SET},           {"create", RK_BENCH_CREATE},
        {"exists", RK_BENCH_EXISTS}, {"children", RK_BENCH_CHILDREN}, {"ping", RK_BENCH_PING},
        {"watch", RK_BENCH_WATCH},   {"storm", RK_BENCH_STORM},       {"idle", RK_BENCH_IDLE},
        {"mix0", RK_BENCH_MIX},      {"mix100", RK_BENCH_MIX},
    };
    struct rk_bench_options o;
    (void)state;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        assert_int_equal(parse(&o, loads[i].name, NULL), RK_OK);
        assert_int_equal(o.kind, loads[i].kind);
    }
    assert_int_equal(parse(&o, "mix37", NULL), RK_OK);
    assert_int_equal(o.write_percent, 37);
}

static void a_count_alone_has_no_time_limit_and_no_warm_up(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "set --count 5", NULL), RK_OK);
    assert_int_equal(o.count, 5);
    assert_int_equal(o.duration_ms, 0);
    assert_int_equal(o.warmup_ms, 0);
    assert_int_equal(parse(&o, "set --count=5 --duration=2 --warmup=0.25", NULL), RK_OK);
    assert_int_equal(o.duration_ms, 2000);
    assert_int_equal(o.warmup_ms, 250);
}

static void seconds_have_three_decimals_at_most(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "get --duration 0.5", NULL), RK_OK);
    assert_int_equal(o.duration_ms, 500);
    assert_int_equal(parse(&o, "get --duration 1.05", NULL), RK_OK);
    assert_int_equal(o.duration_ms, 1050);
    assert_int_equal(parse(&o, "get --duration 86400", NULL), RK_OK);
    assert_int_equal(parse(&o, "get --duration 86400.001", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --duration 0", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --duration 0.0005", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --duration .5", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --duration 5.", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --duration -1", NULL), RK_ERR_INVALID);
}

static void servers_are_a_list(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "get --server a:1,[::1]:65535,1.2.3.4:2181", NULL), RK_OK);
    assert_int_equal(o.server_count, 3);
    assert_string_equal(o.servers[0].host, "a");
    assert_string_equal(o.servers[1].host, "::1");
    assert_int_equal(o.servers[1].port, 65535);
    assert_string_equal(o.servers[2].host, "1.2.3.4");
    static const char *const bad[] = {
        "get --server a",    "get --server a:",      "get --server :1",   "get --server a:0",
        "get --server a:1,", "get --server a:65536", "get --server []:1", "get --server a:1x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(parse(&o, bad[i], NULL), RK_ERR_INVALID);
    }
}

static void pids_are_a_list(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "get --pid 1,22,333", NULL), RK_OK);
    assert_int_equal(o.pid_count, 3);
    assert_int_equal(o.pids[2], 333);
    assert_int_equal(parse(&o, "get --pid 0", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --pid 1,", NULL), RK_ERR_INVALID);
    assert_int_equal(parse(&o, "get --pid 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", NULL),
                     RK_ERR_INVALID);
}

static void the_null_server_has_its_own_options(void **state)
{
    struct rk_bench_options o;
    (void)state;
    assert_int_equal(parse(&o, "--null --port 0 --null-file f --null-log thread", NULL), RK_OK);
    assert_int_equal(o.mode, RK_BENCH_NULL);
    assert_int_equal(o.null_port, 0);
    assert_string_equal(o.file, "f");
    assert_int_equal(o.null_log, RK_BENCH_NULL_LOG_THREAD);
    assert_int_equal(parse(&o, "--raw-sync f --count 3", NULL), RK_OK);
    assert_int_equal(o.mode, RK_BENCH_RAW_SYNC);
    assert_string_equal(o.file, "f");
}

static void nonsense_is_named(void **state)
{
    static const struct {
        const char *line;
        const char *named;
    } bad[] = {
        {"fly", "fly"},
        {"mix101", "mix101"},
        {"mixed", "mixed"},
        {"get set", "set"},
        {"get --speed 9", "--speed"},
        {"get --size", "--size"},
        {"get --size -1", "-1"},
        {"get --size 1000001", "1000001"},
        {"get --quiet=yes", "--quiet"},
        {"get --connections 0", "--connections"},
        {"get --outstanding 1e3", "1e3"},
        {"get --root bench", "bench"},
        {"get --root /a/b", "/a/b"},
        {"get --root /..", "/.."},
        {"--null get", "get"},
        {"--null --null-log fast", "fast"},
        {"--connections 1", "load"},
    };
    struct rk_bench_options o;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *said;
        assert_int_equal(parse(&o, bad[i].line, &said), RK_ERR_INVALID);
        assert_non_null(strstr(said, bad[i].named));
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_help),
        cmocka_unit_test(every_load_is_known),
        cmocka_unit_test(a_count_alone_has_no_time_limit_and_no_warm_up),
        cmocka_unit_test(seconds_have_three_decimals_at_most),
        cmocka_unit_test(servers_are_a_list),
        cmocka_unit_test(pids_are_a_list),
        cmocka_unit_test(the_null_server_has_its_own_options),
        cmocka_unit_test(nonsense_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
