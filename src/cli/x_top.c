/* top: who does how much, again and again: servers, clients, the paths that most are waiting on. As
 * far as servers tell: srvr always, mntr, cons and wchp where the whitelist has them. */
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_sample.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 2000, INTERVAL_MS = 2000 };

struct client {
    char *address;
    const char *server;
    int64_t session, queued, received, latency_avg, latency_max;
    double rate; /* requests a second, -1: not known yet */
};

struct path {
    char *path;
    int64_t watchers;
};

/* One look at everything. */
struct look {
    struct rk_x_sample *samples;
    struct rk_x_vitals *vitals;
    struct client *clients;
    int client_count;
    struct path *paths;
    int path_count;
};

struct top {
    struct rk_cli *cli;
    struct rk_x_hosts hosts;
    int rows;
    bool is_screen;
    struct look now, before;
};

static void free_look(struct look *l, int count)
{
    rk_x_sample_free(l->samples, count);
    for (int i = 0; i < l->client_count; i++)
        free(l->clients[i].address);
    for (int i = 0; i < l->path_count; i++)
        free(l->paths[i].path);
    free(l->clients);
    free(l->paths);
    free(l->vitals);
    *l = (struct look){0};
}

/* -- cons: " /127.0.0.1:1[1](queued=0,recved=5,sent=5,sid=0x1,lop=PING,...,avglat=0,maxlat=1)" */

static int64_t number_of(const char *line, const char *end, const char *key)
{
    size_t bytes = strlen(key);
    for (const char *at = line; at + bytes < end; at++)
        if (strncmp(at, key, bytes) == 0 && (at[-1] == '(' || at[-1] == ','))
            return strtoll(at + bytes, NULL, 0);
    return -1;
}

static void add_client(struct look *l, const char *server, const char *line, const char *end)
{
    line += strspn(line, " /");
    const char *address_end = line < end ? memchr(line, '[', (size_t)(end - line)) : NULL;
    if (line < end && *line == '[') { /* an IPv6 address has brackets of its own */
        const char *closing = memchr(line, ']', (size_t)(end - line));
        address_end = closing != NULL ? memchr(closing, '[', (size_t)(end - closing)) : NULL;
    }
    /* Who only asks a word has no session. */
    int64_t session = address_end != NULL ? number_of(line + 1, end, "sid=") : -1;
    if (address_end == NULL || session == -1)
        return;
    l->clients = rk_x_resize(l->clients, (size_t)(l->client_count + 1) * sizeof *l->clients);
    l->clients[l->client_count++] = (struct client){
        .address = rk_x_dup_bytes(line, (size_t)(address_end - line)),
        .server = server,
        .session = session,
        .queued = number_of(line + 1, end, "queued="),
        .received = number_of(line + 1, end, "recved="),
        .latency_avg = number_of(line + 1, end, "avglat="),
        .latency_max = number_of(line + 1, end, "maxlat="),
        .rate = -1,
    };
}

static void read_cons(struct look *l, const char *server, const char *cons)
{
    for (const char *line = cons; *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        add_client(l, server, line, end);
        line = *end == '\0' ? end : end + 1;
    }
}

/* -- wchp: a path on a line, then a line with a tab for each session that watches it */

static void read_wchp(struct look *l, const char *wchp)
{
    int room = l->path_count;
    for (const char *line = wchp; *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        if (line[0] == '/') {
            if (l->path_count == room) {
                room = room * 2 + 64;
                l->paths = rk_x_resize(l->paths, (size_t)room * sizeof *l->paths);
            }
            l->paths[l->path_count++] =
                (struct path){.path = rk_x_dup_bytes(line, (size_t)(end - line))};
        } else if (line[0] == '\t' && l->path_count > 0) {
            l->paths[l->path_count - 1].watchers++;
        }
        line = *end == '\0' ? end : end + 1;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct path *)a)->path, ((const struct path *)b)->path);
}

static int by_watchers(const void *a, const void *b)
{
    const struct path *x = a, *y = b;
    return x->watchers != y->watchers ? (x->watchers < y->watchers ? 1 : -1) : by_name(a, b);
}

/* The same path of several servers is one. */
static void merge_paths(struct look *l)
{
    int kept = 0;
    if (l->path_count > 0)
        qsort(l->paths, (size_t)l->path_count, sizeof *l->paths, by_name);
    for (int i = 0; i < l->path_count; i++) {
        if (kept > 0 && strcmp(l->paths[kept - 1].path, l->paths[i].path) == 0) {
            l->paths[kept - 1].watchers += l->paths[i].watchers;
            free(l->paths[i].path);
        } else {
            l->paths[kept++] = l->paths[i];
        }
    }
    l->path_count = kept;
    if (kept > 0)
        qsort(l->paths, (size_t)kept, sizeof *l->paths, by_watchers);
}

/* -- A look */

static int by_session(const void *a, const void *b)
{
    const struct client *x = a, *y = b;
    return x->session != y->session ? (x->session < y->session ? -1 : 1) : 0;
}

static int by_rate(const void *a, const void *b)
{
    const struct client *x = a, *y = b;
    if (x->rate != y->rate)
        return x->rate < y->rate ? 1 : -1;
    return x->received != y->received ? (x->received < y->received ? 1 : -1) : 0;
}

static void find_rates(struct top *t)
{
    struct look *now = &t->now, *before = &t->before;
    if (before->client_count > 0)
        qsort(before->clients, (size_t)before->client_count, sizeof *before->clients, by_session);
    for (int i = 0; i < now->client_count && before->samples != NULL; i++) {
        struct client *c = &now->clients[i];
        const struct client *old =
            before->client_count > 0
                ? bsearch(c, before->clients, (size_t)before->client_count, sizeof *c, by_session)
                : NULL;
        double seconds = (double)(now->samples[0].at_ms - before->samples[0].at_ms) / 1000;
        int64_t done = c->received - (old != NULL ? old->received : 0);
        if (seconds > 0 && done >= 0)
            c->rate = (double)done / seconds;
    }
    if (now->client_count > 0)
        qsort(now->clients, (size_t)now->client_count, sizeof *now->clients, by_rate);
}

static void look(struct top *t)
{
    free_look(&t->before, t->hosts.count);
    t->before = t->now;
    t->now = (struct look){0};
    struct look *l = &t->now;
    unsigned words = 1u << RK_X_MNTR | 1u << RK_X_CONS | 1u << RK_X_WCHP;
    l->samples = rk_x_sample_all(&t->hosts, words, TIMEOUT_MS);
    l->vitals = rk_x_alloc((size_t)t->hosts.count * sizeof *l->vitals);
    for (int i = 0; i < t->hosts.count; i++) {
        rk_x_vitals_of(&l->samples[i], &l->vitals[i]);
        if (l->samples[i].answers[RK_X_CONS] != NULL)
            read_cons(l, t->hosts.list[i].text, l->samples[i].answers[RK_X_CONS]);
        if (l->samples[i].answers[RK_X_WCHP] != NULL)
            read_wchp(l, l->samples[i].answers[RK_X_WCHP]);
    }
    merge_paths(l);
    find_rates(t);
}

/* Requests a second of a server, -1: not known yet. */
static double server_rate(const struct top *t, int i)
{
    if (t->before.samples == NULL || !t->now.vitals[i].is_up || !t->before.vitals[i].is_up)
        return -1;
    int64_t done = t->now.vitals[i].received - t->before.vitals[i].received;
    int64_t ms = t->now.samples[i].at_ms - t->before.samples[i].at_ms;
    return done < 0 || ms <= 0 ? -1 : (double)done * 1000 / (double)ms;
}

/* -- Showing it */

static void put_rate(struct rk_cli *cli, double rate)
{
    if (rate < 0)
        rk_cli_print(cli, " %9s", "-");
    else
        rk_cli_print(cli, " %9.1f", rate);
}

static void show_servers(const struct top *t)
{
    struct rk_cli *cli = t->cli;
    rk_cli_paint(cli, RK_CLI_BOLD, "%-24s %-12s %9s %8s %8s %6s %6s %9s %8s", "server", "role",
                 "req/s", "avg ms", "max ms", "conns", "queue", "nodes", "watches");
    rk_cli_print(cli, "\n");
    for (int i = 0; i < t->hosts.count; i++) {
        const struct rk_x_vitals *v = &t->now.vitals[i];
        char *role = rk_cli_safe(v->role, strlen(v->role));
        rk_cli_print(cli, "%-24s %-12s", t->hosts.list[i].text, role != NULL ? role : "");
        free(role);
        if (!v->serves) {
            rk_cli_print(cli, " %s\n", t->now.samples[i].wrong);
            continue;
        }
        put_rate(cli, server_rate(t, i));
        rk_cli_print(cli, " %8.2f %8" PRId64 " %6" PRId64 " %6" PRId64 " %9" PRId64, v->latency_avg,
                     v->latency_max, v->connections, v->outstanding, v->nodes);
        if (v->watches >= 0)
            rk_cli_print(cli, " %8" PRId64 "\n", v->watches);
        else
            rk_cli_print(cli, " %8s\n", "-");
    }
}

static void show_clients(const struct top *t)
{
    struct rk_cli *cli = t->cli;
    if (t->now.client_count == 0)
        return;
    rk_cli_print(cli, "\n");
    rk_cli_paint(cli, RK_CLI_BOLD, "%-24s %-20s %9s %10s %6s %8s %8s  %s", "client", "session",
                 "req/s", "requests", "queue", "avg ms", "max ms", "server");
    rk_cli_print(cli, "\n");
    for (int i = 0; i < t->now.client_count && i < t->rows; i++) {
        const struct client *c = &t->now.clients[i];
        char *address = rk_cli_safe(c->address, strlen(c->address));
        rk_cli_print(cli, "%-24s 0x%-18" PRIx64, address != NULL ? address : "",
                     (uint64_t)c->session);
        free(address);
        put_rate(cli, c->rate);
        rk_cli_print(cli, " %10" PRId64 " %6" PRId64 " %8" PRId64 " %8" PRId64 "  %s\n",
                     c->received, c->queued, c->latency_avg, c->latency_max, c->server);
    }
}

static void show_paths(const struct top *t)
{
    if (t->now.path_count == 0)
        return;
    rk_cli_print(t->cli, "\n");
    rk_cli_paint(t->cli, RK_CLI_BOLD, "%9s  %s", "watchers", "path");
    rk_cli_print(t->cli, "\n");
    for (int i = 0; i < t->now.path_count && i < t->rows; i++) {
        rk_cli_print(t->cli, "%9" PRId64 "  ", t->now.paths[i].watchers);
        rk_cli_put_name(t->cli, t->now.paths[i].path);
        rk_cli_print(t->cli, "\n");
    }
}

static void emit_look(const struct top *t)
{
    json_t *servers = json_array(), *clients = json_array(), *paths = json_array();
    for (int i = 0; i < t->hosts.count; i++) {
        const struct rk_x_vitals *v = &t->now.vitals[i];
        json_t *o = json_pack("{s:o, s:b, s:o}", "server", rk_cli_json_text(t->hosts.list[i].text),
                              "up", v->is_up, "role", rk_cli_json_text(v->role));
        if (v->serves) {
            double rate = server_rate(t, i);
            (void)json_object_set_new(o, "rate", rate < 0 ? json_null() : json_real(rate));
            (void)json_object_set_new(o, "latency_avg", json_real(v->latency_avg));
            (void)json_object_set_new(o, "latency_max", json_integer(v->latency_max));
            (void)json_object_set_new(o, "connections", json_integer(v->connections));
            (void)json_object_set_new(o, "outstanding", json_integer(v->outstanding));
            (void)json_object_set_new(o, "nodes", json_integer(v->nodes));
        }
        (void)json_array_append_new(servers, o);
    }
    for (int i = 0; i < t->now.client_count && i < t->rows; i++) {
        const struct client *c = &t->now.clients[i];
        char session[24];
        (void)snprintf(session, sizeof session, "0x%" PRIx64, (uint64_t)c->session);
        (void)json_array_append_new(
            clients,
            json_pack("{s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:I}", "client",
                      rk_cli_json_text(c->address), "session", session, "server", c->server, "rate",
                      c->rate < 0 ? json_null() : json_real(c->rate), "requests",
                      (json_int_t)c->received, "queued", (json_int_t)c->queued, "latency_avg",
                      (json_int_t)c->latency_avg, "latency_max", (json_int_t)c->latency_max));
    }
    for (int i = 0; i < t->now.path_count && i < t->rows; i++)
        (void)json_array_append_new(
            paths, json_pack("{s:o, s:I}", "path", rk_cli_json_text(t->now.paths[i].path),
                             "watchers", (json_int_t)t->now.paths[i].watchers));
    rk_cli_emit(t->cli, json_pack("{s:I, s:o, s:o, s:o}", "time", (json_int_t)rk_x_epoch_ms(),
                                  "servers", servers, "clients", clients, "paths", paths));
}

static void show(const struct top *t)
{
    if (rk_cli_is_json(t->cli)) {
        emit_look(t);
        return;
    }
    char when[32];
    rk_x_time_text(rk_x_epoch_ms(), when);
    if (t->is_screen)
        rk_cli_print(t->cli, "\033[H\033[2J");
    rk_cli_print(t->cli, "%s\n", when);
    show_servers(t);
    show_clients(t);
    show_paths(t);
    if (!t->is_screen)
        rk_cli_print(t->cli, "\n");
}

/* False after Ctrl-C. */
static bool pause_for(struct rk_cli *cli, int64_t ms)
{
    int64_t until = rk_cli_now_ms() + ms;
    for (int64_t left = ms; left > 0; left = until - rk_cli_now_ms())
        if (rk_cli_wait(cli, (int)left) == RK_CLI_INTERRUPTED)
            return false;
    return true;
}

static int run_top(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t interval, count, rows;
    if (!rk_cli_flag_number(cli, args, "interval", 100, 3600000, INTERVAL_MS, &interval) ||
        !rk_cli_flag_number(cli, args, "n", 1, INT64_MAX, INT64_MAX, &count) ||
        !rk_cli_flag_number(cli, args, "rows", 1, 10000, 10, &rows))
        return RK_CLI_USAGE;
    bool is_once = rk_cli_has(args, "once");
    struct top t = {.cli = cli,
                    .rows = (int)rows,
                    .is_screen = isatty(STDOUT_FILENO) && !is_once && !rk_cli_is_json(cli)};
    if (!rk_x_ensemble(cli, args->values, args->count, TIMEOUT_MS, &t.hosts))
        return RK_CLI_USAGE;
    bool goes_on = true;
    look(&t);
    /* Rates need two looks. */
    if (is_once) {
        goes_on = pause_for(cli, interval < 1000 ? interval : 1000);
        if (goes_on)
            look(&t);
        count = 1;
    }
    for (int64_t i = 0; goes_on && i < count; i++) {
        show(&t);
        if (i + 1 < count) {
            goes_on = pause_for(cli, interval);
            if (goes_on)
                look(&t);
        }
    }
    int up = 0;
    for (int i = 0; i < t.hosts.count; i++)
        up += t.now.vitals[i].is_up;
    free_look(&t.now, t.hosts.count);
    free_look(&t.before, t.hosts.count);
    rk_x_hosts_free(&t.hosts);
    /* Ctrl-C is how one leaves. */
    return up > 0 ? RK_CLI_OK : RK_CLI_NOT_CONNECTED;
}

static const struct rk_cli_flag top_flags[] = {
    {"interval", "ms", "between two looks (2000)", RK_CLI_ANY, 0},
    {"n", "count", "end after so many looks", RK_CLI_ANY, 0},
    {"once", NULL, "one look, with the rates of one second", RK_CLI_ANY, 0},
    {"rows", "n", "clients and paths that are shown (10)", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_top = {
    .name = "top",
    .usage = "[-interval ms] [-n count] [-once] [-rows n] [host:port ...]",
    .summary = "show a live view of servers, clients and the most watched paths",
    .help = "Redrawn on a terminal, repeated as text elsewhere, one object a look with --json; "
            "Ctrl-C ends "
            "it. Clients come from cons and paths (by the number of sessions that watch them) from "
            "wchp, "
            "where the whitelist has those. wchp is work for a server with many watches.",
    .flags = top_flags,
    .args = "-",
    .args_min = 0,
    .args_max = -1,
    .traits = RK_CLI_OFFLINE,
    .run = run_top,
};
