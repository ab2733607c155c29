/* The command line, files, and the lines that make an ensemble. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config_support.h"

struct dir {
    char path[64];
};

static void make_dir(struct dir *d)
{
    (void)snprintf(d->path, sizeof(d->path), "/tmp/rk-config-XXXXXX");
    assert_non_null(mkdtemp(d->path));
}

static const char *write_file(const struct dir *d, const char *name, const char *text, size_t len)
{
    static char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", d->path, name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    return path;
}

static const char *write_text(const struct dir *d, const char *name, const char *text)
{
    return write_file(d, name, text, strlen(text));
}

static void remove_dir(const struct dir *d)
{
    static const char *const names[] = {"zoo.cfg", "zoo.cfg.dynamic", "myid"};
    for (size_t i = 0; i < 3; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", d->path, names[i]);
        (void)unlink(path); /* not every test makes each */
    }
    assert_int_equal(rmdir(d->path), 0);
}

/* -- Arguments
 * -------------------------------------------------------------------------------------- */

static void without_arguments_it_serves_this_machine_only(void **state)
{
    struct loaded l;
    (void)state;
    load_args(&l, (const char *const[]){NULL});
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.action, RK_CONFIG_RUN);
    assert_int_equal(l.config.message_count, 0);
    assert_string_equal(l.config.shell.listen[0].host, "127.0.0.1");
    assert_int_equal(l.config.shell.listen[0].port, 2181);
    assert_string_equal(l.config.data_dir, "./rookery-data");
    assert_int_equal(l.config.core.tick_ms, 2000);
    unload(&l);
    load_args(&l, (const char *const[]){"-Dzookeeper.clientPort=2182", "-DdataDir=/d", NULL});
    assert_int_equal(l.err, RK_OK);
    assert_string_equal(l.config.shell.listen[0].host, "127.0.0.1");
    assert_int_equal(l.config.shell.listen[0].port, 2182);
    assert_string_equal(l.config.data_dir, "/d");
    unload(&l);
}

static void takes_the_forms_of_apache(void **state)
{
    struct loaded l;
    (void)state;
    load_args(&l, (const char *const[]){"2190", "/d", NULL});
    assert_int_equal(l.err, RK_OK);
    assert_string_equal(l.config.shell.listen[0].host, "");
    assert_int_equal(l.config.shell.listen[0].port, 2190);
    assert_int_equal(l.config.core.tick_ms, 3000);
    unload(&l);
    load_args(&l, (const char *const[]){"2190", "/d", "500", "7", NULL});
    assert_int_equal(l.err, RK_OK);
    assert_int_equal(l.config.core.tick_ms, 500);
    assert_int_equal(l.config.shell.client_conn_max, 7);
    unload(&l);
    load_args(&l, (const char *const[]){"2190x", "/d", NULL});
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_says(&l, RK_LEVEL_ERROR, "command line: clientPort=2190x: this must be");
    unload(&l);
}

static void refuses_what_it_does_not_know(void **state)
{
    static const char *const bad[][6] = {
        {"--frobnicate"}, {"-x"},           {"1", "d", "1", "1", "1"},     {"-D"},
        {"-D=1"},         {"-DtickTime=x"}, {"-Dzookeeper.digest.enabled"}};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct loaded l;
        load_args(&l, bad[i]);
        assert_int_equal(l.err, RK_ERR_INVALID);
        assert_true(says(&l, RK_LEVEL_ERROR, ""));
        unload(&l);
    }
}

static void understands_options(void **state)
{
    static const struct {
        const char *args[4];
        enum rk_config_action action;
        const char *info;
    } rows[] = {{{"--check-config"}, RK_CONFIG_CHECK, NULL},
                {{"--version"}, RK_CONFIG_VERSION, NULL},
                {{"--help"}, RK_CONFIG_HELP, NULL},
                {{"-h"}, RK_CONFIG_HELP, NULL},
                {{"-Xmx1g"}, RK_CONFIG_RUN, "-Xmx1g is ignored"},
                {{"-D", "zookeeper.snapCount=5"}, RK_CONFIG_RUN, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;
        load_args(&l, rows[i].args);
        assert_int_equal(l.err, RK_OK);
        assert_int_equal(l.action, rows[i].action);
        if (rows[i].info != NULL) {
            expect_says(&l, RK_LEVEL_INFO, rows[i].info);
        }
        unload(&l);
    }
}

static void properties_of_others_are_named(void **state)
{
    struct loaded l;
    (void)state;
    load_args(&l, (const char *const[]){"-Djava.net.preferIPv4Stack=true",
                                        "-Dzookeeper.snapCuont=3", "-Dcom.sun.management.jmxremote",
                                        "-Dzookeeper.log.dir=/x", NULL});
    assert_int_equal(l.err, RK_OK);
    expect_says(&l, RK_LEVEL_WARN, "command line: java.net.preferIPv4Stack has no meaning here");
    expect_says(&l, RK_LEVEL_WARN, "com.sun.management.jmxremote has no meaning here");
    expect_says(&l, RK_LEVEL_WARN, "snapCuont is no key that is known; is snapCount meant?");
    expect_says(&l, RK_LEVEL_WARN, "log.dir has no meaning here: log lines go to stderr");
    unload(&l);
}

/* -- Files
 * ------------------------------------------------------------------------------------------ */

static void reads_the_sample_of_apache(void **state)
{
    static const char sample[] =
        "# The number of milliseconds of each tick\ntickTime=2000\n# The number of ticks that the "
        "initial \n"
        "# synchronization phase can take\ninitLimit=10\nsyncLimit=5\n# do not use /tmp for "
        "storage\n"
        "dataDir=/var/lib/zookeeper\n# the port at which the clients will "
        "connect\nclientPort=2181\n"
        "#maxClientCnxns=60\n#autopurge.snapRetainCount=3\n#autopurge.purgeInterval=1\n";
    struct dir d;
    struct loaded l;
    (void)state;
    make_dir(&d);
    load_args(&l, (const char *const[]){write_text(&d, "zoo.cfg", sample), NULL});
    assert_int_equal(l.err, RK_OK);
    expect_none(&l, RK_LEVEL_WARN);
    assert_int_equal(l.config.core.tick_ms, 2000);
    assert_string_equal(l.config.data_dir, "/var/lib/zookeeper");
    assert_string_equal(l.config.shell.listen[0].host, "");
    unload(&l);
    remove_dir(&d);
}

static void says_when_a_file_cannot_be_read(void **state)
{
    static char huge[(1 << 20) + 2];
    struct dir d;
    struct loaded l;
    (void)state;
    load_args(&l, (const char *const[]){"/nowhere/zoo.cfg", NULL});
    assert_int_equal(l.err, RK_ERR_INVALID);
    assert_int_equal(l.config.error_count, 1);
    expect_says(&l, RK_LEVEL_ERROR, "cannot read /nowhere/zoo.cfg: No such file or directory");
    unload(&l);
    load_args(&l, (const char *const[]){"/tmp", NULL});
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_says(&l, RK_LEVEL_ERROR, "cannot read /tmp: Is a directory");
    unload(&l);
    make_dir(&d);
    memset(huge, '#', sizeof(huge));
    load_args(&l, (const char *const[]){write_file(&d, "zoo.cfg", huge, sizeof(huge)), NULL});
    assert_int_equal(l.err, RK_ERR_INVALID);
    expect_says(&l, RK_LEVEL_ERROR, "longer than a megabyte");
    unload(&l);
    remove_dir(&d);
}

/* -- Members
 * ---------------------------------------------------------------------------------------- */

static void one_server_runs_standalone(void **state)
{
    static const struct {
        const char *text;
        enum rk_log_level level;
        const char *message;
    } rows[] = {
        {"server.1=localhost:2888:3888", RK_LEVEL_WARN, "zoo.cfg:3: only one server is given"},
        {"server.1=h:2888:3888:participant;2181", RK_LEVEL_WARN, "only one server is given"},
        {"server.1=[::1]:2888:3888;[::1]:2181", RK_LEVEL_WARN, "only one server is given"},
        {"server.1=[::1]:2888:3888|h:1:2;[::1]:2181", RK_LEVEL_ERROR, "several addresses"},
        {"server.1=a:1:2\nserver.2=b:1:2:observer", RK_LEVEL_ERROR, "observers without a quorum"},
        {"server.1=a:1:2:OBSERVER", RK_LEVEL_ERROR, "observers without a quorum"},
        {"server.1=a:1:2\nserver.1=b:1:2", RK_LEVEL_WARN,
         "zoo.cfg:4: server.1 is given a second time"},
        {"server.x=a:1:2", RK_LEVEL_ERROR, "zoo.cfg:3: server.x: what follows"},
        {"server.1=a:1", RK_LEVEL_ERROR, "a server must be host:port:port"},
        {"server.1=a:1:2:king", RK_LEVEL_ERROR, "a server must be host:port:port"},
        {"server.1=a:1:2:observer:x", RK_LEVEL_ERROR, "a server must be host:port:port"},
        {"server.1=:1:2", RK_LEVEL_ERROR, "zoo.cfg:3: server.1=:1:2: a server's host"},
        {"server.1=a:1:70000", RK_LEVEL_ERROR, "a server must be host:port:port"},
        {"server.1=a:1:2;h:x", RK_LEVEL_ERROR, "a client address must be [host:]port"},
        {"server.1=", RK_LEVEL_ERROR, "zoo.cfg:3: server.1=: a server"},
        {"group.1=1:2:3", RK_LEVEL_INFO, "group.1 is not used"},
        {"weight.1=1", RK_LEVEL_INFO, "weight.1 is not used"},
        {"group=1:2:3", RK_LEVEL_ERROR, "zoo.cfg:3: group: what follows \"group.\" must be"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;
        load_valid(&l, rows[i].text);
        expect_says(&l, rows[i].level, rows[i].message);
        assert_int_equal(l.err == RK_OK, rows[i].level != RK_LEVEL_ERROR);
        unload(&l);
    }
}

static void its_own_line_tells_the_client_address(void **state)
{
    struct dir d;
    struct loaded l;
    char text[512];
    (void)state;
    make_dir(&d);
    (void)write_text(&d, "myid", "7\nx");
    (void)snprintf(text, sizeof(text), "dataDir=%s\nserver.7=h:1:2;127.0.0.1:2199", d.path);
    load_text(&l, NULL, text);
    assert_int_equal(l.err, RK_OK);
    assert_string_equal(l.config.shell.listen[0].host, "127.0.0.1");
    assert_int_equal(l.config.shell.listen[0].port, 2199);
    unload(&l);
    (void)snprintf(text, sizeof(text), "dataDir=%s\nserver.7=h:1:2;2199\nclientPort=2198", d.path);
    load_text(&l, NULL, text);
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg:2: the client address of this line differs");
    unload(&l);
    (void)snprintf(text, sizeof(text), "dataDir=%s\nserver.8=h:1:2;2199", d.path);
    load_text(&l, NULL, text);
    expect_says(&l, RK_LEVEL_ERROR, "clientPort is not set");
    unload(&l);
    (void)write_text(&d, "myid", "seven");
    (void)snprintf(text, sizeof(text), "dataDir=%s\nserver.7=h:1:2;2199", d.path);
    load_text(&l, NULL, text);
    expect_says(&l, RK_LEVEL_ERROR, "myid: the first line must be a number");
    unload(&l);
    remove_dir(&d);
}

static void reads_a_dynamic_file(void **state)
{
    struct dir d;
    struct loaded l;
    char text[512];
    (void)state;
    make_dir(&d);
    const char *dynamic = write_text(&d, "zoo.cfg.dynamic", "server.1=h:1:2\n");
    (void)snprintf(text, sizeof(text), "dynamicConfigFile=%s", dynamic);
    load_valid(&l, text);
    assert_int_equal(l.err, RK_OK);
    expect_says(&l, RK_LEVEL_WARN, "zoo.cfg.dynamic:1: only one server is given");
    unload(&l);
    (void)snprintf(text, sizeof(text), "dynamicConfigFile=%s\nserver.2=h:1:2", dynamic);
    load_valid(&l, text);
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg:4: server.2 must stand in the file");
    unload(&l);
    (void)write_text(&d, "zoo.cfg.dynamic", "server.1=h:1:2\ntickTime=3\nversion=1");
    (void)snprintf(text, sizeof(text), "dynamicConfigFile=%s", dynamic);
    load_valid(&l, text);
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg.dynamic:2: tickTime may not stand");
    expect_says(&l, RK_LEVEL_ERROR, "zoo.cfg.dynamic:3: version may not stand");
    unload(&l);
    load_valid(&l, "dynamicConfigFile=/nowhere/zoo.cfg.dynamic");
    expect_says(&l, RK_LEVEL_ERROR, "cannot read /nowhere/zoo.cfg.dynamic");
    unload(&l);
    remove_dir(&d);
}

static void prints_what_it_understood(void **state)
{
    struct loaded l;
    char printed[65536] = "";
    FILE *out = tmpfile();
    (void)state;
    load_args(&l, (const char *const[]){"--check-config", "-Dzookeeper.snapCount=0x10",
                                        "-Dzookeeper.ensembleAuthName=a\033[31m", NULL});
    assert_int_equal(l.action, RK_CONFIG_CHECK);
    rk_config_print_messages(&l.config, out);
    rk_config_print(&l.config, out);
    rk_config_print_help(out);
    rewind(out);
    assert_true(fread(printed, 1, sizeof(printed) - 1, out) > 1000);
    (void)fclose(out);
    assert_non_null(strstr(printed, "\nsnapCount=0x10  # command line\n"));
    assert_non_null(strstr(printed, "\ntickTime=2000  # default\n"));
    assert_non_null(strstr(printed, "\nconnection_throttle_drop_increase=0.020000  # default\n"));
    assert_non_null(strstr(printed, "\nforceSync=yes  # default\n"));
    assert_non_null(strstr(printed, "ensembleAuthName=a\\x1b[31m"));
    assert_non_null(strstr(printed, "# the server would start with this"));
    assert_null(strchr(printed, '\033'));
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_it_serves_this_machine_only),
        cmocka_unit_test(takes_the_forms_of_apache),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(understands_options),
        cmocka_unit_test(properties_of_others_are_named),
        cmocka_unit_test(reads_the_sample_of_apache),
        cmocka_unit_test(says_when_a_file_cannot_be_read),
        cmocka_unit_test(one_server_runs_standalone),
        cmocka_unit_test(its_own_line_tells_the_client_address),
        cmocka_unit_test(reads_a_dynamic_file),
        cmocka_unit_test(prints_what_it_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
