/* The command line of rookery-bench. One table of options serves the parser and the help. Nothing
 * is guessed: an unknown option, a value out of range or one that the load has no use for the
 * meaning of ends with a line that names it. */
#include "options.h"

#include "base/assert.h"
#include "base/num.h"

#include <stdarg.h>
#include <string.h>

enum option_type {
    OPT_FLAG, /* bool: true */
    OPT_NO,   /* bool: false */
    OPT_U32,
    OPT_U64,
    OPT_SECONDS, /* decimal seconds, kept as milliseconds */
    OPT_TEXT,
    OPT_SERVERS,
    OPT_PIDS,
    OPT_PORT,
    OPT_NULL,
    OPT_NULL_LOG,
    OPT_RAW_SYNC,
    OPT_HELP,
};

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;
    uint64_t min;
    uint64_t max;
    const char *help;
};

#define AT(field) offsetof(struct rk_bench_options, field)

static const struct option_row rows[] = {
    {"server", OPT_SERVERS, 0, 0, 0,
     "LIST host:port,... connections go round robin [127.0.0.1:2181]"},
    {"connections", OPT_U32, AT(connections), 1, 100000,
     "N    sessions; for watch the watchers [32]"},
    {"outstanding", OPT_U32, AT(outstanding), 1, 65536, "N    requests in flight per session [16]"},
    {"size", OPT_U32, AT(value_bytes), 0, 1000000, "N           bytes of a value [100]"},
    {"keys", OPT_U32, AT(keys), 1, 10000000,
     "N           nodes that get, set and exists pick from [1000]"},
    {"children", OPT_U32, AT(children), 0, 100000,
     "N       children of the node that is listed [10]"},
    {"parents", OPT_U32, AT(parents), 1, 1000000, "N        parents that create spreads over [1]"},
    {"rate", OPT_U64, AT(rate), 1, 100000000,
     "N           operations a second; latency counts from when each was due"},
    {"count", OPT_U64, AT(count), 1, 1000000000, "N          stop after so many operations"},
    {"duration", OPT_SECONDS, AT(duration_ms), 1, 86400000, "SECONDS [5]"},
    {"warmup", OPT_SECONDS, AT(warmup_ms), 0, 3600000, "SECONDS   [1; 0 with --count]"},
    {"session-timeout", OPT_U32, AT(session_timeout_ms), 1000, 3600000, "MS [30000]"},
    {"seed", OPT_U64, AT(seed), 0, INT64_MAX, "N           of the choice of keys [1]"},
    {"run-id", OPT_U32, AT(run_id), 1, UINT32_MAX,
     "N         part of the names that create makes [clock]"},
    {"root", OPT_TEXT, AT(root), 0, 0, "PATH        node below which all happens [/bench]"},
    {"no-close", OPT_NO, AT(does_close), 0, 0,
     "            storm: cut connections instead of closing sessions"},
    {"no-prepare", OPT_NO, AT(is_prepared), 0, 0, "          the nodes are there already"},
    {"pid", OPT_PIDS, 0, 0, 0, "LIST         server processes to account for (CPU, memory, I/O)"},
    {"json", OPT_TEXT, AT(json_path), 0, 0, "FILE        write the result there too; - for stdout"},
    {"quiet", OPT_FLAG, AT(is_quiet), 0, 0, "            no progress line"},
    {"null", OPT_NULL, 0, 0, 0, "             be the null server: canned answers from one thread"},
    {"port", OPT_PORT, 0, 0, 0,
     "PORT        null: listen there on 127.0.0.1; 0 takes any and prints it"},
    {"null-file", OPT_TEXT, AT(file), 0, 0,
     "FILE   null: writes wait for this file (group commit)"},
    {"null-log", OPT_NULL_LOG, 0, 0, 0, "loop|thread  null: who writes the file [loop]"},
    {"record", OPT_U32, AT(record_bytes), 1, 1048576,
     "N         bytes that a write puts into the file [300]"},
    {"raw-sync", OPT_RAW_SYNC, 0, 0, 0, "FILE    only write + fdatasync in a loop"},
    {"help", OPT_HELP, 0, 0, 0, ""},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct {
    const char *name;
    enum rk_bench_kind kind;
} loads[] = {
    {"get", RK_BENCH_GET},       {"set", RK_BENCH_SET},           {"create", RK_BENCH_CREATE},
    {"exists", RK_BENCH_EXISTS}, {"children", RK_BENCH_CHILDREN}, {"ping", RK_BENCH_PING},
    {"watch", RK_BENCH_WATCH},   {"storm", RK_BENCH_STORM},       {"idle", RK_BENCH_IDLE},
};

static enum rk_err complain_of(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum rk_err complain_of(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("rookery-bench: ", out);
    (void)vfprintf(out, format, args);
    (void)fputs(" (--help lists the options)\n", out);
    va_end(args);
    return RK_ERR_INVALID;
}

static bool parse_u64(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *ret)
{
    int64_t v;
    if (!rk_num_parse_dec(rk_bytes_of(text, len), &v) || v < 0 || (uint64_t)v < min ||
        (uint64_t)v > max) {
        return false;
    }
    *ret = (uint64_t)v;
    return true;
}

/* "2", "0.5", "1.25" as milliseconds. */
static bool parse_seconds(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ms)
{
    const char *dot = strchr(text, '.');
    size_t whole_len = dot != NULL ? (size_t)(dot - text) : strlen(text);
    uint64_t whole;
    uint64_t part = 0;
    if (!parse_u64(text, whole_len, 0, max / 1000, &whole)) {
        return false;
    }
    if (dot != NULL) {
        size_t digits = strlen(dot + 1);
        if (digits < 1 || digits > 3 || !parse_u64(dot + 1, digits, 0, 999, &part)) {
            return false;
        }
        for (; digits < 3; digits++) {
            part *= 10;
        }
    }
    uint64_t ms = whole * 1000 + part;
    if (ms < min || ms > max) {
        return false;
    }
    *ret_ms = ms;
    return true;
}

/* host:port or [v6]:port */
static bool parse_server(const char *text, size_t len, struct rk_bench_server *ret)
{
    size_t colon = len;
    while (colon > 0 && text[colon - 1] != ':') {
        colon--;
    }
    uint64_t port;
    if (colon == 0 || !parse_u64(text + colon, len - colon, 1, UINT16_MAX, &port)) {
        return false;
    }
    const char *host = text;
    size_t host_len = colon - 1;
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    }
    if (host_len == 0 || host_len >= sizeof(ret->host)) {
        return false;
    }
    memcpy(ret->host, host, host_len);
    ret->host[host_len] = '\0';
    ret->port = (uint16_t)port;
    return true;
}

static bool parse_servers(struct rk_bench_options *o, const char *text)
{
    o->server_count = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        if (o->server_count == RK_BENCH_SERVERS_MAX ||
            !parse_server(text, len, &o->servers[o->server_count])) {
            return false;
        }
        o->server_count++;
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

static bool parse_pids(struct rk_bench_options *o, const char *text)
{
    o->pid_count = 0;
    for (;;) {
        size_t len = strcspn(text, ",");
        uint64_t pid;
        if (o->pid_count == RK_BENCH_PIDS_MAX || !parse_u64(text, len, 1, INT32_MAX, &pid)) {
            return false;
        }
        o->pids[o->pid_count++] = (int64_t)pid;
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

static bool parse_root(const char *text)
{
    size_t len = strlen(text);
    return len >= 2 && len <= 64 && text[0] == '/' && strchr(text + 1, '/') == NULL &&
           strcmp(text, "/.") != 0 && strcmp(text, "/..") != 0;
}

static bool parse_load(struct rk_bench_options *o, const char *text)
{
    o->load_name = text;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        if (strcmp(text, loads[i].name) == 0) {
            o->kind = loads[i].kind;
            return true;
        }
    }
    uint64_t percent;
    if (strncmp(text, "mix", 3) == 0 && parse_u64(text + 3, strlen(text + 3), 0, 100, &percent)) {
        o->kind = RK_BENCH_MIX;
        o->write_percent = (uint32_t)percent;
        return true;
    }
    return false;
}

static bool needs_value(enum option_type type)
{
    return type != OPT_FLAG && type != OPT_NO && type != OPT_NULL && type != OPT_HELP;
}

static bool take_number(struct rk_bench_options *o, const struct option_row *row, const char *value)
{
    void *field = (char *)o + row->offset;
    uint64_t v;
    if (row->type == OPT_SECONDS) {
        return parse_seconds(value, row->min, row->max, field);
    }
    if (!parse_u64(value, strlen(value), row->min, row->max, &v)) {
        return false;
    }
    if (row->type == OPT_U32) {
        *(uint32_t *)field = (uint32_t)v;
    } else {
        *(uint64_t *)field = v;
    }
    return true;
}

static bool take_mode(struct rk_bench_options *o, const struct option_row *row, const char *value)
{
    switch (row->type) {
    case OPT_NULL:
        o->mode = RK_BENCH_NULL;
        return true;
    case OPT_HELP:
        o->mode = RK_BENCH_HELP;
        return true;
    case OPT_RAW_SYNC:
        o->mode = RK_BENCH_RAW_SYNC;
        o->file = value;
        return true;
    default:
        RK_ASSERT(row->type == OPT_NULL_LOG);
        o->null_log =
            strcmp(value, "thread") == 0 ? RK_BENCH_NULL_LOG_THREAD : RK_BENCH_NULL_LOG_LOOP;
        return strcmp(value, "thread") == 0 || strcmp(value, "loop") == 0;
    }
}

static bool take(struct rk_bench_options *o, const struct option_row *row, const char *value)
{
    void *field = (char *)o + row->offset;
    uint64_t v;
    switch (row->type) {
    case OPT_FLAG:
    case OPT_NO:
        *(bool *)field = row->type == OPT_FLAG;
        return true;
    case OPT_U32:
    case OPT_U64:
    case OPT_SECONDS:
        return take_number(o, row, value);
    case OPT_TEXT:
        *(const char **)field = value;
        return value[0] != '\0';
    case OPT_SERVERS:
        return parse_servers(o, value);
    case OPT_PIDS:
        return parse_pids(o, value);
    case OPT_PORT:
        if (!parse_u64(value, strlen(value), 0, UINT16_MAX, &v)) {
            return false;
        }
        o->null_port = (uint16_t)v;
        return true;
    default:
        return take_mode(o, row, value);
    }
}

static const struct option_row *find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Takes argv[i], and argv[i+1] if that is its value. */
static enum rk_err take_argument(struct rk_bench_options *o, int argc, char **argv, int *i,
                                 FILE *complain)
{
    const char *arg = argv[*i];
    if (strncmp(arg, "--", 2) != 0) {
        if (o->load_name != NULL) {
            return complain_of(complain, "one load at a time: %s or %s?", o->load_name, arg);
        }
        return parse_load(o, arg) ? RK_OK : complain_of(complain, "no such load: %s", arg);
    }
    size_t name_len = strcspn(arg + 2, "=");
    const struct option_row *row = find_row(arg + 2, name_len);
    if (row == NULL) {
        return complain_of(complain, "no such option: %s", arg);
    }
    const char *value = arg[2 + name_len] == '=' ? arg + 3 + name_len : NULL;
    if (value != NULL && !needs_value(row->type)) {
        return complain_of(complain, "--%s takes no value", row->name);
    }
    if (value == NULL && needs_value(row->type)) {
        if (*i + 1 >= argc) {
            return complain_of(complain, "--%s needs a value", row->name);
        }
        (*i)++;
        value = argv[*i];
    }
    if (!take(o, row, value)) {
        return complain_of(complain, "--%s: bad value %s", row->name, value);
    }
    return RK_OK;
}

static void set_defaults(struct rk_bench_options *o)
{
    *o = (struct rk_bench_options){
        .mode = RK_BENCH_LOAD,
        .server_count = 1,
        .connections = 32,
        .outstanding = 16,
        .value_bytes = 100,
        .keys = 1000,
        .children = 10,
        .parents = 1,
        .duration_ms = UINT64_MAX,
        .warmup_ms = UINT64_MAX,
        .session_timeout_ms = 30000,
        .seed = 1,
        .root = "/bench",
        .does_close = true,
        .is_prepared = true,
        .null_port = 2181,
        .record_bytes = 300,
    };
    (void)snprintf(o->servers[0].host, sizeof(o->servers[0].host), "127.0.0.1");
    o->servers[0].port = 2181;
}

enum rk_err rk_bench_options_parse(struct rk_bench_options *o, int argc, char **argv,
                                   FILE *complain)
{
    set_defaults(o);
    for (int i = 1; i < argc; i++) {
        enum rk_err err = take_argument(o, argc, argv, &i, complain);
        if (err != RK_OK) {
            return err;
        }
    }
    if (o->mode == RK_BENCH_LOAD && o->load_name == NULL) {
        return complain_of(complain, "which load?");
    }
    if (o->mode != RK_BENCH_LOAD && o->mode != RK_BENCH_HELP && o->load_name != NULL) {
        return complain_of(complain, "%s: a load needs a server, not --null or --raw-sync",
                           o->load_name);
    }
    if (!parse_root(o->root)) {
        return complain_of(complain, "--root: one node below /, not %s", o->root);
    }
    if (o->warmup_ms == UINT64_MAX) {
        o->warmup_ms = o->count > 0 || o->mode == RK_BENCH_RAW_SYNC ? 0 : 1000;
    }
    if (o->duration_ms == UINT64_MAX) {
        o->duration_ms = o->count > 0 ? 0 : 5000;
    }
    return RK_OK;
}

void rk_bench_options_help(FILE *out)
{
    (void)fputs("usage: rookery-bench LOAD [options]\n"
                "       rookery-bench --null [--port PORT] [--null-file FILE]\n"
                "       rookery-bench --raw-sync FILE [--count N | --duration SECONDS]\n"
                "loads: get set create exists children ping mixNN (NN % sets, the rest gets)\n"
                "       watch (fan-out to all connections) storm (connect and close) idle\n"
                "options:\n",
                out);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        (void)fprintf(out, "  --%s %s\n", rows[i].name, rows[i].help);
    }
}
