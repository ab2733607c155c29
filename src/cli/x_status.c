/* status: every server of the ensemble in a line, and what does not go together. */
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_sample.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 3000, KEYS_MAX = 200 };

struct ensemble {
    struct rk_cli *cli;
    struct rk_x_hosts hosts;
    struct rk_x_sample *samples;
    struct rk_x_vitals *vitals;
    int up, serving, voters_up, leader; /* leader: index, -1 */
    int voters;                         /* as the configuration says; 0: not said */
    int64_t newest;
    int differences;
};

/* -- Configurations side by side */

/* What is each server's own affair. */
static bool is_private_key(const char *key)
{
    static const char *const keys[] = {"serverId",
                                       "clientPort",
                                       "secureClientPort",
                                       "dataDir",
                                       "dataLogDir",
                                       "dataDirSize",
                                       "dataLogSize",
                                       "electionPort",
                                       "quorumPort",
                                       "peerType",
                                       "membership",
                                       "clientPortAddress",
                                       "localBindAddress",
                                       "secureClientPortAddress",
                                       "clientPortListenBacklog"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

struct keys {
    char *list[KEYS_MAX];
    int count;
};

static void collect_keys(const char *conf, struct keys *keys)
{
    for (const char *line = conf; line != NULL && *line != '\0';) {
        size_t bytes = strcspn(line, "=\n");
        if (line[bytes] == '=' && bytes > 0 && bytes < 128 && keys->count < KEYS_MAX) {
            char *key = rk_x_dup_bytes(line, bytes);
            bool is_known = is_private_key(key);
            for (int i = 0; i < keys->count; i++)
                is_known = is_known || strcmp(keys->list[i], key) == 0;
            if (is_known)
                free(key);
            else
                keys->list[keys->count++] = key;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
}

static void value_of(const struct ensemble *e, int i, const char *key, char ret[256])
{
    const char *conf = e->samples[i].answers[RK_X_CONF];
    if (!rk_x_four_field(conf, key, ret, 256))
        (void)snprintf(ret, 256, "(not there)");
}

static bool differs(const struct ensemble *e, const char *key)
{
    char first[256], other[256];
    bool has_first = false;
    for (int i = 0; i < e->hosts.count; i++) {
        if (e->samples[i].answers[RK_X_CONF] == NULL)
            continue;
        value_of(e, i, key, has_first ? other : first);
        if (has_first && strcmp(first, other) != 0)
            return true;
        has_first = true;
    }
    return false;
}

static void tell_difference(struct ensemble *e, const char *key, json_t *list)
{
    e->differences++;
    json_t *values = json_object();
    rk_cli_paint(e->cli, RK_CLI_YELLOW, "differs: ");
    char *safe = rk_cli_safe(key, strlen(key));
    rk_cli_print(e->cli, "%s", safe != NULL ? safe : "");
    free(safe);
    for (int i = 0; i < e->hosts.count; i++) {
        if (e->samples[i].answers[RK_X_CONF] == NULL)
            continue;
        char value[256];
        value_of(e, i, key, value);
        (void)json_object_set_new(values, e->hosts.list[i].text, rk_cli_json_text(value));
        safe = rk_cli_safe(value, strlen(value));
        rk_cli_print(e->cli, "  %s: %s", e->hosts.list[i].text, safe != NULL ? safe : "");
        free(safe);
    }
    rk_cli_print(e->cli, "\n");
    (void)json_array_append_new(
        list, json_pack("{s:o, s:o}", "key", rk_cli_json_text(key), "values", values));
}

static json_t *tell_differences(struct ensemble *e)
{
    json_t *list = json_array();
    struct keys keys = {.count = 0};
    for (int i = 0; i < e->hosts.count; i++)
        if (e->samples[i].answers[RK_X_CONF] != NULL)
            collect_keys(e->samples[i].answers[RK_X_CONF], &keys);
    for (int k = 0; k < keys.count; k++) {
        if (differs(e, keys.list[k]))
            tell_difference(e, keys.list[k], list);
        free(keys.list[k]);
    }
    return list;
}

/* -- Servers */

static void summarise(struct ensemble *e)
{
    e->leader = -1;
    for (int i = 0; i < e->hosts.count; i++) {
        const struct rk_x_vitals *v = &e->vitals[i];
        e->up += v->is_up;
        e->serving += v->serves;
        e->voters_up += v->serves && strcmp(v->role, "observer") != 0;
        if (strcmp(v->role, "leader") == 0 || strcmp(v->role, "standalone") == 0)
            e->leader = i;
        if (v->zxid > e->newest)
            e->newest = v->zxid;
        const char *conf = e->samples[i].answers[RK_X_CONF];
        int voters = 0;
        for (const char *line = conf; line != NULL && *line != '\0';) {
            struct rk_x_member m;
            voters += rk_x_member_parse(line, &m) && !m.is_observer;
            line = strchr(line, '\n');
            line = line != NULL ? line + 1 : NULL;
        }
        if (voters > e->voters)
            e->voters = voters;
    }
}

/* How many transactions a server is behind; -1: another epoch, so that nobody can say. */
static int64_t lag_of(const struct ensemble *e, const struct rk_x_vitals *v)
{
    return v->zxid >> 32 == e->newest >> 32 ? e->newest - v->zxid : -1;
}

static void put_number(struct rk_cli *cli, int width, int64_t value)
{
    if (value < 0)
        rk_cli_print(cli, " %*s", width, "-");
    else
        rk_cli_print(cli, " %*" PRId64, width, value);
}

static void show_server(const struct ensemble *e, int i)
{
    struct rk_cli *cli = e->cli;
    const struct rk_x_vitals *v = &e->vitals[i];
    rk_cli_print(cli, "%-24s ", e->hosts.list[i].text);
    enum rk_cli_colour colour = !v->serves       ? RK_CLI_RED
                                : i == e->leader ? RK_CLI_GREEN
                                                 : RK_CLI_PLAIN;
    char *role = rk_cli_safe(v->role, strlen(v->role));
    rk_cli_paint(cli, colour, "%-12s", role != NULL ? role : "");
    free(role);
    if (!v->serves) {
        rk_cli_print(cli, " %s\n", e->samples[i].wrong);
        return;
    }
    char latency[64], size[16] = "-", up[32] = "-";
    (void)snprintf(latency, sizeof latency, "%" PRId64 "/%.1f/%" PRId64, v->latency_min,
                   v->latency_avg, v->latency_max);
    if (v->data_bytes >= 0)
        rk_x_size_text(v->data_bytes, size);
    if (v->uptime_ms >= 0)
        (void)snprintf(up, sizeof up, "%" PRId64 "s", v->uptime_ms / 1000);
    rk_cli_print(cli, " %-14" PRIx64, (uint64_t)v->zxid);
    put_number(cli, 6, lag_of(e, v));
    rk_cli_print(cli, " %14s", latency);
    put_number(cli, 6, v->connections);
    put_number(cli, 6, v->outstanding);
    put_number(cli, 9, v->nodes);
    put_number(cli, 8, v->watches);
    char *version = rk_cli_safe(v->version, strlen(v->version));
    rk_cli_print(cli, " %8s %8s  %s\n", size, up, version != NULL ? version : "");
    free(version);
}

static json_t *server_json(const struct ensemble *e, int i)
{
    const struct rk_x_vitals *v = &e->vitals[i];
    json_t *o = json_pack("{s:o, s:b, s:b, s:o}", "server", rk_cli_json_text(e->hosts.list[i].text),
                          "up", v->is_up, "serving", v->serves, "role", rk_cli_json_text(v->role));
    if (!v->is_up || !v->serves) {
        (void)json_object_set_new(o, "reason", rk_cli_json_text(e->samples[i].wrong));
        return o;
    }
    (void)json_object_set_new(o, "version", rk_cli_json_text(v->version));
    (void)json_object_set_new(o, "zxid", rk_cli_json_text(v->zxid_text));
    (void)json_object_set_new(o, "latency",
                              json_pack("{s:I, s:f, s:I}", "min", (json_int_t)v->latency_min, "avg",
                                        v->latency_avg, "max", (json_int_t)v->latency_max));
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"server_id", v->server_id},
                   {"lag", lag_of(e, v)},
                   {"connections", v->connections},
                   {"outstanding", v->outstanding},
                   {"nodes", v->nodes},
                   {"received", v->received},
                   {"sent", v->sent},
                   {"watches", v->watches},
                   {"ephemerals", v->ephemerals},
                   {"data_bytes", v->data_bytes},
                   {"uptime_ms", v->uptime_ms}};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        if (numbers[k].value >= 0)
            (void)json_object_set_new(o, numbers[k].key, json_integer(numbers[k].value));
    return o;
}

static bool is_healthy(const struct ensemble *e)
{
    return e->leader >= 0 && e->serving == e->hosts.count;
}

static void show_table(const struct ensemble *e)
{
    rk_cli_paint(e->cli, RK_CLI_BOLD, "%-24s %-12s %-14s %6s %14s %6s %6s %9s %8s %8s %8s  %s",
                 "server", "role", "zxid", "lag", "latency ms", "conns", "queue", "nodes",
                 "watches", "data", "uptime", "version");
    rk_cli_print(e->cli, "\n");
    for (int i = 0; i < e->hosts.count; i++)
        show_server(e, i);
    rk_cli_print(e->cli, "%d of %d servers serve", e->serving, e->hosts.count);
    if (e->voters > 0)
        rk_cli_print(e->cli, ", %d of %d voters (a quorum is %d)", e->voters_up, e->voters,
                     e->voters / 2 + 1);
    if (e->leader >= 0)
        rk_cli_print(e->cli, ", %s is %s", e->hosts.list[e->leader].text,
                     e->vitals[e->leader].role);
    else
        rk_cli_paint(e->cli, RK_CLI_RED, ", no leader");
    rk_cli_print(e->cli, "\n");
}

static void emit_status(struct ensemble *e, json_t *take_differences)
{
    json_t *servers = json_array();
    for (int i = 0; i < e->hosts.count; i++)
        (void)json_array_append_new(servers, server_json(e, i));
    json_t *leader = e->leader >= 0 ? rk_cli_json_text(e->hosts.list[e->leader].text) : json_null();
    rk_cli_emit(e->cli, json_pack("{s:b, s:o, s:i, s:i, s:o, s:o}", "healthy", is_healthy(e),
                                  "leader", leader, "serving", e->serving, "voters", e->voters,
                                  "servers", servers, "differences", take_differences));
}

static int run_status(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t timeout;
    if (!rk_cli_flag_number(cli, args, "timeout", 1, 600000, TIMEOUT_MS, &timeout))
        return RK_CLI_USAGE;
    struct ensemble e = {.cli = cli};
    if (!rk_x_ensemble(cli, args->values, args->count, (int)timeout, &e.hosts))
        return RK_CLI_USAGE;
    e.samples = rk_x_sample_all(&e.hosts, 1u << RK_X_MNTR | 1u << RK_X_CONF, (int)timeout);
    e.vitals = rk_x_alloc((size_t)e.hosts.count * sizeof *e.vitals);
    for (int i = 0; i < e.hosts.count; i++) {
        rk_x_vitals_of(&e.samples[i], &e.vitals[i]);
        if (e.vitals[i].is_up && !e.vitals[i].serves && e.samples[i].wrong[0] == '\0')
            (void)snprintf(e.samples[i].wrong, sizeof e.samples[i].wrong,
                           "answers, but serves no clients: no quorum?");
    }
    summarise(&e);
    if (!rk_cli_is_json(cli))
        show_table(&e);
    json_t *differences = tell_differences(&e);
    if (rk_cli_is_json(cli))
        emit_status(&e, differences);
    else
        json_decref(differences);
    int status = e.up == 0 ? RK_CLI_NOT_CONNECTED : is_healthy(&e) ? RK_CLI_OK : RK_CLI_FAILED;
    rk_x_sample_free(e.samples, e.hosts.count);
    rk_x_hosts_free(&e.hosts);
    free(e.vitals);
    return status;
}

static const struct rk_cli_flag status_flags[] = {
    {"timeout", "ms", "for each question to a server (3000)", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_status = {
    .name = "status",
    .usage = "[-timeout ms] [host:port ...]",
    .summary = "show role, zxid, lag, latency and version of every server",
    .help =
        "Asks the servers of -server, or those named, and all others that they know of, with the "
        "words "
        "srvr, mntr and conf; where the whitelist has only srvr, less is shown. No session is "
        "needed. Lag is in transactions behind the newest zxid that was seen. Settings that differ "
        "between servers are listed. Exit code 0: all serve and there is a leader; 1: not so; 3: "
        "no "
        "server answers.",
    .flags = status_flags,
    .args = "-",
    .args_min = 0,
    .args_max = -1,
    .traits = RK_CLI_OFFLINE,
    .run = run_status,
};
