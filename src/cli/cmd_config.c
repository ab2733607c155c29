/* config and reconfig. ZK: GetConfigCommand, ReconfigCommand, ConfigUtils.getClientConfigStr. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE_MAX ((size_t)1024 * 1024)

/* -- config -------------------------------------------------------------------------------------
 */

/* A text that is written to piece by piece. */
struct text {
    char *at;
    size_t bytes;
};

static bool append(struct text *t, const char *from, size_t bytes)
{
    char *at = realloc(t->at, t->bytes + bytes + 1);

    if (!at)
        return false;
    memcpy(at + t->bytes, from, bytes);
    t->at = at;
    t->bytes += bytes;
    t->at[t->bytes] = 0;
    return true;
}

/* The client's address of "host:p:p:role;address": what is behind the ; with 0.0.0.0 for a port
 * alone, as Java prints it. */
static bool append_client(struct text *t, const char *value, size_t bytes)
{
    const char *semicolon = memchr(value, ';', bytes);
    size_t rest;

    if (!semicolon)
        return true;
    rest = bytes - (size_t)(semicolon - value) - 1;
    if (!memchr(semicolon + 1, ':', rest) && !append(t, "0.0.0.0:", 8))
        return false;
    return append(t, semicolon + 1, rest);
}

/* "VERSION host:port,host:port"; malloced, NULL without memory. */
static char *client_config(const char *data)
{
    struct text hosts = {NULL, 0};
    const char *version = "";
    size_t version_bytes = 0;
    bool is_fine = append(&hosts, "", 0), is_first = true;
    char *whole = NULL;

    while (is_fine && *data) {
        size_t bytes = strcspn(data, "\n");
        const char *equals = memchr(data, '=', bytes);
        size_t value_bytes = equals ? bytes - (size_t)(equals - data) - 1 : 0;
        if (equals && strncmp(data, "version=", 8) == 0) {
            version = equals + 1;
            version_bytes = value_bytes;
        } else if (equals && strncmp(data, "server.", 7) == 0) {
            if (!is_first)
                is_fine = append(&hosts, ",", 1);
            is_first = false;
            is_fine = is_fine && append_client(&hosts, equals + 1, value_bytes);
        }
        data += bytes + (data[bytes] == '\n');
    }
    if (is_fine && asprintf(&whole, "%.*s %s", (int)version_bytes, version, hosts.at) < 0)
        whole = NULL;
    free(hosts.at);
    return whole;
}

static int run_config(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_cli_value value;
    struct Stat stat;
    char *clients;
    int rc = rk_cli_get_config(cli, NULL, rk_cli_has(args, "w"), &value, &stat);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, ZOO_CONFIG_NODE);
    clients = client_config(value.data ? value.data : "");
    if (rk_cli_is_json(cli)) {
        json_t *object =
            json_pack("{s:o, s:o}", "clients", rk_cli_json_text(clients ? clients : ""), "stat",
                      rk_cli_json_stat(&stat));
        if (object)
            (void)rk_cli_json_data(object, value.data, value.bytes);
        rk_cli_emit(cli, object);
    } else {
        if (rk_cli_has(args, "c"))
            rk_cli_put_value(cli, clients ? clients : "", clients ? (int)strlen(clients) : 0);
        else
            rk_cli_put_value(cli, value.data, value.bytes);
        rk_cli_print(cli, "\n");
        if (rk_cli_has(args, "s"))
            rk_cli_put_stat(cli, &stat);
    }
    free(clients);
    rk_cli_value_free(&value);
    return RK_CLI_OK;
}

static const struct rk_cli_flag config_flags[] = {
    {.name = "s", .help = "stats"},
    {.name = "w", .help = "watch"},
    {.name = "c", .help = "client connection string"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_config = {
    .name = "config",
    .usage = "[-c] [-w] [-s]",
    .summary = "print the members of the ensemble",
    .help = "With -c the version of the configuration and the addresses for clients.",
    .flags = config_flags,
    .args_max = -1,
    .run = run_config,
};

/* -- reconfig -----------------------------------------------------------------------------------
 */

static char *lower(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    for (char *at = copy; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

/* Of a file of lines, those that say who is a member, joined by commas. NULL with errno. */
static char *members_of(FILE *file)
{
    struct text members = {NULL, 0};
    char line[4096];
    bool is_fine = append(&members, "", 0);

    while (is_fine && fgets(line, sizeof line, file)) {
        char *begin = line + strspn(line, " \t");
        begin[strcspn(begin, "\r\n")] = 0;
        if (strncmp(begin, "server.", 7) != 0 && strncmp(begin, "group.", 6) != 0 &&
            strncmp(begin, "weight.", 7) != 0)
            continue;
        if (members.bytes > CONFIG_FILE_MAX) {
            errno = EFBIG;
            is_fine = false;
        }
        is_fine = is_fine && (members.bytes == 0 || append(&members, ",", 1)) &&
                  append(&members, begin, strlen(begin));
    }
    if (is_fine && !ferror(file))
        return members.at;
    free(members.at);
    return NULL;
}

/* NULL with an error printed. */
static char *read_members(struct rk_cli *cli, const char *name)
{
    FILE *file = fopen(name, "re");
    char *members = file ? members_of(file) : NULL;

    if (!members)
        rk_cli_misuse(cli, "Error processing %s: %s", name, strerror(errno));
    else if (!members[0]) {
        rk_cli_misuse(cli, "Error processing %s: no server.N in it", name);
        free(members);
        members = NULL;
    }
    if (file)
        fclose(file);
    return members;
}

/* ZK: ReconfigCommand.parse. The version is hexadecimal there. */
static bool check_reconfig(struct rk_cli *cli, const struct rk_cli_args *args, int64_t *ret_version)
{
    bool is_whole = rk_cli_has(args, "file") || rk_cli_has(args, "members");
    bool is_part = rk_cli_has(args, "add") || rk_cli_has(args, "remove");
    const char *version = rk_cli_flag(args, "v", NULL);
    char *end = NULL;

    *ret_version = -1;
    if (!is_whole && !is_part) {
        rk_cli_show_usage(cli, args->command);
        return false;
    }
    if (version) {
        errno = 0;
        *ret_version = strtoll(version, &end, 16);
        if (errno || end == version || *end || strpbrk(version, "xX \t")) {
            rk_cli_misuse(cli, "-v must be followed by a long (configuration version)");
            return false;
        }
    }
    if (is_whole && is_part) {
        rk_cli_misuse(cli, "Can't use -file or -members together with -add or -remove (mixing"
                           " incremental and non-incremental modes is not allowed)");
        return false;
    }
    if (rk_cli_has(args, "file") && rk_cli_has(args, "members")) {
        rk_cli_misuse(cli,
                      "Can't use -file and -members together (conflicting non-incremental modes)");
        return false;
    }
    return true;
}

static int run_reconfig(struct rk_cli *cli, const struct rk_cli_args *args)
{
    char *joining = lower(rk_cli_flag(args, "add", NULL));
    char *leaving = lower(rk_cli_flag(args, "remove", NULL));
    char *members = lower(rk_cli_flag(args, "members", NULL));
    const char *file = rk_cli_flag(args, "file", NULL);
    struct rk_cli_value value = {NULL, -1};
    struct Stat stat;
    int64_t version;
    int code = RK_CLI_USAGE;

    if (check_reconfig(cli, args, &version) && (!file || (members = read_members(cli, file)))) {
        int rc = rk_cli_reconfig(cli, NULL, joining, leaving, members, version, &value, &stat);
        code = rk_cli_fail(cli, rc, NULL);
        if (rc == ZOK && rk_cli_is_json(cli)) {
            json_t *object = json_pack("{s:o}", "stat", rk_cli_json_stat(&stat));
            if (object)
                (void)rk_cli_json_data(object, value.data, value.bytes);
            rk_cli_emit(cli, object);
        } else if (rc == ZOK) {
            rk_cli_print(cli, "Committed new configuration:\n");
            rk_cli_put_value(cli, value.data, value.bytes);
            rk_cli_print(cli, "\n");
            if (rk_cli_has(args, "s"))
                rk_cli_put_stat(cli, &stat);
        }
    }
    rk_cli_value_free(&value);
    free(joining);
    free(leaving);
    free(members);
    return code;
}

static const struct rk_cli_flag reconfig_flags[] = {
    {.name = "s", .help = "stats"},
    {.name = "v", .value = "version", .help = "required current config version"},
    {.name = "file",
     .value = "path",
     .help = "path of config file to parse for membership",
     .kind = RK_CLI_FILE},
    {.name = "members",
     .value = "servers",
     .help = "comma-separated list of config strings for non-incremental reconfig"},
    {.name = "add",
     .value = "servers",
     .help = "comma-separated list of config strings for new servers"},
    {.name = "remove", .value = "ids", .help = "comma-separated list of server IDs to remove"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_reconfig = {
    .name = "reconfig",
    .usage =
        "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | "
        "[-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
    .summary = "change the members of the ensemble",
    .help = "The version of -v is hexadecimal, as config prints it.",
    .flags = reconfig_flags,
    .args_max = -1,
    .run = run_reconfig,
};
