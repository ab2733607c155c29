/* doctor: looks at what servers commonly suffer from, and says what to do. */
#include "cli/x_doctor.h"

#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 10000, WARNED = 5 };

static const char *const level_names[] = {"OK", "WARN", "FAIL"};

void rk_x_finding(struct rk_x_doctor *d, enum rk_x_level level, const char *check,
                  const char *advice, const char *form, ...)
{
    char text[1024];
    va_list args;
    va_start(args, form);
    (void)vsnprintf(text, sizeof text, form, args);
    va_end(args);
    d->counts[level]++;
    if (rk_cli_is_json(d->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "level", json_string(level_names[level]));
        (void)json_object_set_new(object, "check", json_string(check));
        (void)json_object_set_new(object, "finding", rk_cli_json_text(text));
        (void)json_object_set_new(object, "advice",
                                  advice != NULL ? json_string(advice) : json_null());
        rk_cli_emit(d->cli, object);
        return;
    }
    static const enum rk_cli_colour colours[] = {RK_CLI_GREEN, RK_CLI_YELLOW, RK_CLI_RED};
    char *safe = rk_cli_safe(text, strlen(text));
    rk_cli_paint(d->cli, colours[level], "%-5s", level_names[level]);
    rk_cli_print(d->cli, " %-11s %s\n", check, safe != NULL ? safe : "");
    free(safe);
    if (advice != NULL)
        rk_cli_print(d->cli, "                  -> %s\n", advice);
}

/* -- The configuration */

const char *rk_x_setting(const struct rk_x_doctor *d, const char *key, const char *fallback)
{
    for (int i = d->setting_count; i-- > 0;)
        if (strcmp(d->settings[i].key, key) == 0)
            return d->settings[i].value;
    return fallback;
}

int64_t rk_x_setting_number(const struct rk_x_doctor *d, const char *key, int64_t fallback)
{
    int64_t value;
    const char *text = rk_x_setting(d, key, NULL);
    return text != NULL && rk_cli_number(text, INT64_MIN, INT64_MAX, &value) ? value : fallback;
}

static char *trimmed(const char *from, size_t bytes)
{
    while (bytes > 0 && strchr(" \t\r\n\f", from[bytes - 1]) != NULL)
        bytes--;
    size_t skip = 0;
    while (skip < bytes && strchr(" \t\f", from[skip]) != NULL)
        skip++;
    return rk_x_dup_bytes(from + skip, bytes - skip);
}

static void take_setting(struct rk_x_doctor *d, const char *file, const char *line, int number)
{
    line += strspn(line, " \t\f");
    if (*line == '#' || *line == '!' || *line == '\0' || *line == '\n' || *line == '\r')
        return;
    size_t key_bytes = strcspn(line, "=:\n");
    /* The colons of a value must not end a key that has an = behind it. */
    if (line[key_bytes] == ':' && strncmp(line, "server.", 7) == 0)
        key_bytes = strcspn(line, "=\n");
    if (line[key_bytes] != '=' && line[key_bytes] != ':') {
        rk_x_finding(d, RK_X_FAIL, "config", "write key=value, or put # in front of the line",
                     "%s, line %d is no setting", file, number);
        return;
    }
    d->settings = rk_x_resize(d->settings, (size_t)(d->setting_count + 1) * sizeof *d->settings);
    d->settings[d->setting_count++] =
        (struct rk_x_setting){.key = trimmed(line, key_bytes),
                              .value = trimmed(line + key_bytes + 1, strlen(line + key_bytes + 1)),
                              .line = number};
}

static bool read_one(struct rk_x_doctor *d, const char *file)
{
    FILE *in = fopen(file, "re");
    if (in == NULL) {
        rk_x_finding(d, RK_X_FAIL, "config", "name the file: rookery-cli doctor /path/zoo.cfg",
                     "%s cannot be read: %s", file, strerror(errno));
        return false;
    }
    char line[8192];
    for (int number = 1; number <= LINES_MAX && fgets(line, sizeof line, in) != NULL; number++)
        take_setting(d, file, line, number);
    bool is_good = !ferror(in);
    if (!is_good)
        rk_x_finding(d, RK_X_FAIL, "config", "look at the disk", "%s cannot be read: %s", file,
                     strerror(errno));
    (void)fclose(in); /* was only read */
    return is_good;
}

static void take_members(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->setting_count; i++) {
        if (strncmp(d->settings[i].key, "server.", 7) != 0)
            continue;
        struct rk_x_member m;
        char *line = rk_x_format("%s=%s", d->settings[i].key, d->settings[i].value);
        if (rk_x_member_parse(line, &m)) {
            d->members =
                rk_x_resize(d->members, (size_t)(d->member_count + 1) * sizeof *d->members);
            d->members[d->member_count++] = m;
        } else {
            rk_x_finding(d, RK_X_FAIL, "config",
                         "write server.N=host:quorumPort:electionPort[:role][;[host:]clientPort]",
                         "line %d: %s is no server", d->settings[i].line, line);
        }
        free(line);
    }
}

bool rk_x_doctor_read(struct rk_x_doctor *d, const char *file)
{
    if (!read_one(d, file))
        return false;
    d->file = rk_x_dup(file);
    const char *dynamic = rk_x_setting(d, "dynamicConfigFile", NULL);
    if (dynamic != NULL && dynamic[0] != '\0') {
        char *name = rk_x_dup(dynamic);
        (void)read_one(d, name); /* was told */
        free(name);
    }
    take_members(d);
    rk_x_finding(d, RK_X_OK, "config", NULL, "%s: %d settings, %d servers", file, d->setting_count,
                 d->member_count);
    return true;
}

void rk_x_doctor_free(struct rk_x_doctor *d)
{
    for (int i = 0; i < d->setting_count; i++) {
        free(d->settings[i].key);
        free(d->settings[i].value);
    }
    free(d->settings);
    free(d->members);
    free(d->file);
}

/* -- The command */

/* The servers to talk to: those named, those of the configuration, those of -server. */
static void hosts_to_ask(const struct rk_x_doctor *d, const struct rk_cli_args *args,
                         struct rk_x_hosts *ret_hosts)
{
    *ret_hosts = (struct rk_x_hosts){0};
    const char *named = rk_cli_flag(args, "servers", NULL);
    if (named != NULL) {
        (void)rk_x_hosts_parse(named, ret_hosts); /* an empty list is an answer */
        return;
    }
    const char *port = rk_x_setting(d, "clientPort", NULL);
    for (int i = 0; i < d->member_count; i++) {
        const struct rk_x_member *m = &d->members[i];
        bool is_any = m->client_host[0] == '\0' || strcmp(m->client_host, "0.0.0.0") == 0 ||
                      strcmp(m->client_host, "::") == 0;
        const char *its_port = m->client_port[0] != '\0' ? m->client_port : port;
        if (its_port != NULL)
            rk_x_hosts_add(ret_hosts, is_any ? m->host : m->client_host, its_port);
    }
    const char *address = rk_x_setting(d, "clientPortAddress", "127.0.0.1");
    if (ret_hosts->count == 0 && port != NULL)
        rk_x_hosts_add(ret_hosts, strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : address, port);
    if (ret_hosts->count == 0)
        (void)rk_x_hosts_parse(rk_cli_options(d->cli)->server, ret_hosts);
}

static const char *default_file(void)
{
    static const char *const files[] = {"/etc/rookery/zoo.cfg", "/etc/zookeeper/conf/zoo.cfg",
                                        "conf/zoo.cfg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (access(files[i], R_OK) == 0)
            return files[i];
    return NULL;
}

static void check_configuration(struct rk_x_doctor *d, const char *file)
{
    if (file == NULL) {
        rk_x_finding(d, RK_X_OK, "config", NULL,
                     "none given and none found: checking the machine and the servers only");
        return;
    }
    if (!rk_x_doctor_read(d, file))
        return;
    rk_x_check_settings(d);
    rk_x_check_members(d);
    rk_x_check_myid(d);
    rk_x_check_disks(d);
    rk_x_check_names(d);
    rk_x_check_ports(d);
}

static int run_doctor(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t timeout;
    if (!rk_cli_flag_number(cli, args, "timeout", 1, 600000, 2000, &timeout))
        return RK_CLI_USAGE;
    struct rk_x_doctor d = {
        .cli = cli, .is_quick = rk_cli_has(args, "quick"), .timeout_ms = (int)timeout};
    const char *file = rk_cli_arg(args, 0) != NULL ? rk_cli_arg(args, 0) : default_file();
    check_configuration(&d, file);
    rk_x_check_machine(&d);
    struct rk_x_hosts hosts;
    hosts_to_ask(&d, args, &hosts);
    if (!rk_cli_has(args, "offline"))
        rk_x_check_servers(&d, &hosts);
    rk_x_hosts_free(&hosts);
    rk_cli_print(cli, "\n%d fine, %d warnings, %d failures\n", d.counts[RK_X_OK],
                 d.counts[RK_X_WARN], d.counts[RK_X_FAIL]);
    rk_x_doctor_free(&d);
    if (rk_cli_is_stopped(cli))
        return RK_CLI_STOPPED;
    return d.counts[RK_X_FAIL] > 0 ? RK_CLI_FAILED : d.counts[RK_X_WARN] > 0 ? WARNED : RK_CLI_OK;
}

static const struct rk_cli_flag doctor_flags[] = {
    {"servers", "list", "servers to ask, instead of those of the configuration", RK_CLI_ANY, 0},
    {"offline", NULL, "ask no servers", RK_CLI_ANY, 0},
    {"quick", NULL, "do not write to the disks to measure them", RK_CLI_ANY, 0},
    {"timeout", "ms", "for each question to a server (2000)", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_doctor = {
    .name = "doctor",
    .usage = "[-servers list] [-offline] [-quick] [-timeout ms] [zoo.cfg]",
    .summary = "look for what servers commonly suffer from",
    .help =
        "To be run where a server runs, as its user. Checks the configuration, myid, the data "
        "directories (room, rights, how long a sync takes), limits and settings of the machine, "
        "names and ports of all members, and, of servers that run, their words, roles and "
        "clocks. Each finding is OK, WARN or FAIL, the last two with what to do. Exit code: 0 "
        "all well, 5 warnings, 1 a failure.",
    .flags = doctor_flags,
    .args = "f",
    .args_min = 0,
    .args_max = 1,
    .traits = RK_CLI_OFFLINE,
    .run = run_doctor,
};
