/* find and grep: nodes by what they are, and by what they hold. */
#include "cli/out.h"
#include "cli/walk.h"
#include "cli/x_base.h"
#include "cli/x_place.h"
#include "cli/x_table.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1 << 20 };

/* -- What both share */

static bool compile(struct rk_cli *cli, const char *pattern, int flags, regex_t *ret_regex)
{
    int rc = regcomp(ret_regex, pattern, REG_EXTENDED | flags);
    if (rc == 0)
        return true;
    char why[128];
    (void)regerror(rc, ret_regex, why, sizeof why);
    (void)rk_cli_misuse(cli, "the pattern is no regular expression: %s", why);
    return false;
}

/* -- find */

/* A number to compare with: more than, less than, or exactly. */
struct bound {
    bool is_set;
    int sign;
    int64_t value;
};

struct find {
    struct rk_cli *cli;
    const char *name, *path;
    bool has_regex;
    regex_t regex;
    struct bound size, age, children, version;
    bool has_type, has_owner, is_long;
    enum rk_x_type type;
    int64_t owner;
    int depth_min;
    int64_t now_ms, found, limit, unreadable;
};

static bool in_bound(const struct bound *b, int64_t value)
{
    if (!b->is_set)
        return true;
    return b->sign > 0 ? value > b->value : b->sign < 0 ? value < b->value : value == b->value;
}

static bool fits_stat(const struct find *f, const struct rk_walk_node *node)
{
    bool asks = f->size.is_set || f->age.is_set || f->children.is_set || f->version.is_set ||
                f->has_type || f->has_owner;
    if (!asks)
        return true;
    if (!node->has_stat)
        return false;
    const struct Stat *s = &node->stat;
    if (f->has_type && rk_x_type_of(s) != f->type)
        return false;
    if (f->has_owner && s->ephemeralOwner != f->owner)
        return false;
    /* Without a sign an age means "at least": nothing is exactly an hour old. */
    int64_t age = f->now_ms - s->mtime;
    bool fits_age =
        f->age.is_set && f->age.sign == 0 ? age >= f->age.value : in_bound(&f->age, age);
    return fits_age && in_bound(&f->size, s->dataLength) &&
           in_bound(&f->children, s->numChildren) && in_bound(&f->version, s->version);
}

static bool fits(const struct find *f, const struct rk_walk_node *node)
{
    if (node->depth < f->depth_min)
        return false;
    if (f->name != NULL && fnmatch(f->name, rk_x_path_name(node->path), 0) != 0)
        return false;
    if (f->path != NULL && fnmatch(f->path, node->path, 0) != 0)
        return false;
    if (f->has_regex && regexec(&f->regex, node->path, 0, NULL, 0) != 0)
        return false;
    return fits_stat(f, node);
}

static void show_found(const struct find *f, const struct rk_walk_node *node)
{
    if (rk_cli_is_json(f->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "path", rk_cli_json_text(node->path));
        if (node->has_stat) {
            enum rk_x_type type = rk_x_type_of(&node->stat);
            (void)json_object_set_new(object, "type", json_string(rk_x_type_name(type)));
            (void)json_object_set_new(object, "stat", rk_cli_json_stat(&node->stat));
        }
        rk_cli_emit(f->cli, object);
        return;
    }
    if (f->is_long && node->has_stat) {
        char size[16], when[32];
        rk_x_size_text(node->stat.dataLength, size);
        rk_x_time_text(node->stat.mtime, when);
        rk_cli_print(f->cli, "%-10s %8s %6d children  v%-5d %s  ",
                     rk_x_type_name(rk_x_type_of(&node->stat)), size, node->stat.numChildren,
                     node->stat.version, when);
    }
    rk_cli_put_name(f->cli, node->path);
    rk_cli_print(f->cli, "\n");
}

static bool read_bound(const struct rk_cli_args *args, const char *flag,
                       bool (*parse)(const char *, int *, int64_t *), struct bound *ret)
{
    const char *text = rk_cli_flag(args, flag, NULL);
    ret->is_set = text != NULL;
    if (text == NULL || parse(text, &ret->sign, &ret->value))
        return true;
    return false;
}

static bool parse_count(const char *text, int *ret_sign, int64_t *ret_count)
{
    return rk_x_parse_size(text, ret_sign, ret_count) && strpbrk(text, "bBkKmMgG") == NULL;
}

static bool read_type(const struct rk_cli_args *args, struct find *f)
{
    const char *text =
        rk_cli_has(args, "ephemeral") ? "ephemeral" : rk_cli_flag(args, "type", NULL);
    f->has_type = text != NULL;
    for (int i = RK_X_PERSISTENT; text != NULL && i <= RK_X_EPHEMERAL; i++) {
        const char *name = rk_x_type_name((enum rk_x_type)i);
        if (strcmp(text, name) == 0 || (text[0] == name[0] && text[1] == '\0')) {
            f->type = (enum rk_x_type)i;
            return true;
        }
    }
    return text == NULL;
}

static bool read_owner(const struct rk_cli_args *args, struct find *f)
{
    const char *text = rk_cli_flag(args, "owner", NULL);
    f->has_owner = text != NULL;
    if (text == NULL)
        return true;
    char *end;
    errno = 0;
    f->owner = (int64_t)strtoull(text, &end, 16);
    return errno == 0 && end != text && *end == '\0';
}

/* False with a usage error printed. */
static bool read_rules(struct rk_cli *cli, const struct rk_cli_args *args, struct find *f)
{
    const char *wrong = NULL;
    if (!read_bound(args, "size", rk_x_parse_size, &f->size))
        wrong = "-size takes bytes, like 100, +10k or -1M";
    else if (!read_bound(args, "age", rk_x_parse_age, &f->age))
        wrong = "-age takes a time, like 30s, +2h or -7d";
    else if (!read_bound(args, "children", parse_count, &f->children))
        wrong = "-children takes a number, like 0, +10 or -3";
    else if (!read_bound(args, "version", parse_count, &f->version))
        wrong = "-version takes a number, like 0, +10 or -3";
    else if (!read_type(args, f))
        wrong = "-type takes persistent or ephemeral";
    else if (!read_owner(args, f))
        wrong = "-owner takes a session id, like 0x100012345670000";
    if (wrong != NULL) {
        (void)rk_cli_misuse(cli, "%s", wrong);
        return false;
    }
    f->name = rk_cli_flag(args, "name", NULL);
    f->path = rk_cli_flag(args, "path", NULL);
    f->is_long = rk_cli_has(args, "l");
    int64_t depth_min;
    if (!rk_cli_flag_number(cli, args, "mindepth", 0, DEPTH_MAX, 0, &depth_min) ||
        !rk_cli_flag_number(cli, args, "limit", 1, INT64_MAX, INT64_MAX, &f->limit))
        return false;
    f->depth_min = (int)depth_min;
    const char *regex = rk_cli_flag(args, "regex", NULL);
    f->has_regex = regex != NULL && compile(cli, regex, REG_NOSUB, &f->regex);
    return regex == NULL || f->has_regex;
}

static int run_find(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct find f = {.cli = cli, .now_ms = rk_x_epoch_ms()};
    int64_t depth;
    if (!rk_cli_flag_number(cli, args, "depth", 0, DEPTH_MAX, -1, &depth) ||
        !read_rules(cli, args, &f))
        return RK_CLI_USAGE;
    const char *root = rk_cli_arg(args, 0) != NULL ? rk_cli_arg(args, 0) : "/";
    struct rk_walk_options options = {
        .depth_max = (int)depth, .is_stopped = rk_x_is_stopped, .context = cli};
    struct rk_walk *walk = rk_walk_open(rk_cli_handle(cli), root, &options);
    struct rk_walk_node node;
    int rc = 0;
    while (f.found < f.limit && (rc = rk_walk_next(walk, &node)) == 1) {
        f.unreadable += node.rc != ZOK;
        if (fits(&f, &node)) {
            f.found++;
            show_found(&f, &node);
        }
    }
    if (rc == 1)
        rc = 0; /* the limit */
    if (rc == 0 && f.found == 0 && rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:i}", "count", 0));
    int status = rk_x_walk_end(cli, walk, rc, root, f.unreadable);
    rk_walk_close(walk);
    if (f.has_regex)
        regfree(&f.regex);
    return status;
}

static const struct rk_cli_flag find_flags[] = {
    {"name", "glob", "the last component of the path fits (*, ?, [a-z])", RK_CLI_ANY, 0},
    {"path", "glob", "the whole path fits; * goes over slashes", RK_CLI_ANY, 0},
    {"regex", "re", "the path has this extended regular expression in it", RK_CLI_ANY, 0},
    {"type", "type", "persistent or ephemeral, or the first letter", RK_CLI_ANY, 't'},
    {"ephemeral", NULL, "-type ephemeral", RK_CLI_ANY, 't'},
    {"owner", "session", "ephemerals of this session", RK_CLI_ANY, 0},
    {"size", "n", "bytes of the data: +10k is more than, -10k less than", RK_CLI_ANY, 0},
    {"age", "time", "since the last change of the data: 2h or +2h, -2h", RK_CLI_ANY, 0},
    {"children", "n", "number of children, with + or - as above", RK_CLI_ANY, 0},
    {"version", "n", "version of the data, with + or - as above", RK_CLI_ANY, 0},
    {"depth", "n", "not further below the path than this", RK_CLI_ANY, 0},
    {"mindepth", "n", "at least this far below the path", RK_CLI_ANY, 0},
    {"limit", "n", "stop after n nodes", RK_CLI_ANY, 0},
    {"l", NULL, "type, size, children, version and time of change with each path", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_find = {
    .name = "find",
    .usage =
        "[path] [-name glob] [-path glob] [-regex re] [-type type|-ephemeral] [-owner session] "
        "[-size n] [-age time] [-children n] [-version n] [-depth n] [-mindepth n] [-limit n] "
        "[-l]",
    .summary = "find nodes by name, type, size, age, owner",
    .help = "All rules that are given must fit. Write a value that starts with a hyphen as "
            "-size=-10k. Ages go by the clock of this machine.",
    .flags = find_flags,
    .args = "p",
    .args_min = 0,
    .args_max = 1,
    .run = run_find,
};

/* -- grep */

struct grep {
    struct rk_cli *cli;
    const char *fixed; /* -F */
    regex_t regex;
    bool is_blind; /* -i with -F */
    bool names_only, counts, numbers, as_text;
    int64_t nodes, unreadable;
};

static const char *find_fixed(const struct grep *g, const char *at, size_t bytes)
{
    size_t length = strlen(g->fixed);
    if (!g->is_blind)
        return memmem(at, bytes, g->fixed, length);
    for (size_t i = 0; i + length <= bytes; i++)
        if (strncasecmp(at + i, g->fixed, length) == 0)
            return at + i;
    return NULL;
}

static bool matches(const struct grep *g, const char *at, size_t bytes)
{
    if (g->fixed != NULL)
        return find_fixed(g, at, bytes) != NULL;
    /* REG_STARTEND: the end is where it says, not at the first 0. */
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)bytes};
    return regexec(&g->regex, at, 1, &range, REG_STARTEND) == 0;
}

static void show_line(const struct grep *g, const char *path, int64_t number, const char *line,
                      size_t bytes)
{
    if (rk_cli_is_json(g->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "path", rk_cli_json_text(path));
        (void)json_object_set_new(object, "line", json_integer(number));
        (void)rk_cli_json_data(object, line, (int)bytes);
        rk_cli_emit(g->cli, object);
        return;
    }
    rk_cli_print(g->cli, "%s", rk_cli_code(g->cli, RK_CLI_BLUE));
    rk_cli_put_name(g->cli, path);
    rk_cli_print(g->cli, "%s:", rk_cli_code(g->cli, RK_CLI_PLAIN));
    if (g->numbers)
        rk_cli_print(g->cli, "%" PRId64 ":", number);
    char *safe = rk_cli_safe(line, bytes);
    rk_cli_print(g->cli, "%s\n", safe != NULL ? safe : "");
    free(safe);
}

static void show_node(const struct grep *g, const char *path, int64_t count, bool is_binary)
{
    if (rk_cli_is_json(g->cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "path", rk_cli_json_text(path));
        (void)json_object_set_new(object, "matches", json_integer(count));
        (void)json_object_set_new(object, "binary", json_boolean(is_binary));
        rk_cli_emit(g->cli, object);
        return;
    }
    rk_cli_put_name(g->cli, path);
    if (g->counts)
        rk_cli_print(g->cli, ":%" PRId64, count);
    else if (!g->names_only)
        rk_cli_print(g->cli, ": binary data matches");
    rk_cli_print(g->cli, "\n");
}

/* The lines of a value that match; shown as they are found, if lines are shown. */
static int64_t match_lines(const struct grep *g, const char *path, const char *data, size_t bytes,
                           bool shows)
{
    int64_t found = 0, number = 0;
    for (size_t at = 0; at < bytes || (at == 0 && bytes == 0);) {
        const char *newline = bytes > at ? memchr(data + at, '\n', bytes - at) : NULL;
        size_t end = newline != NULL ? (size_t)(newline - data) : bytes;
        number++;
        if (matches(g, data + at, end - at)) {
            found++;
            if (shows)
                show_line(g, path, number, data + at, end - at);
            if (g->names_only)
                return found;
        }
        at = end + 1;
    }
    return found;
}

static void grep_node(struct grep *g, const struct rk_walk_node *node)
{
    g->unreadable += node->rc != ZOK;
    if (node->rc != ZOK || node->data == NULL)
        return;
    size_t bytes = (size_t)node->data_bytes;
    bool is_binary = !g->as_text && !rk_x_is_text(node->data, bytes);
    bool shows = !is_binary && !g->counts && !g->names_only;
    int64_t found = is_binary ? matches(g, node->data, bytes)
                              : match_lines(g, node->path, node->data, bytes, shows);
    g->nodes += found > 0;
    if (found > 0 && !shows)
        show_node(g, node->path, found, is_binary);
}

static int run_grep(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t depth;
    if (!rk_cli_flag_number(cli, args, "depth", 0, DEPTH_MAX, -1, &depth))
        return RK_CLI_USAGE;
    const char *pattern = rk_cli_arg(args, 0);
    bool is_fixed = rk_cli_has(args, "F"), is_blind = rk_cli_has(args, "i");
    struct grep g = {.cli = cli,
                     .fixed = is_fixed ? pattern : NULL,
                     .is_blind = is_blind,
                     .names_only = rk_cli_has(args, "l"),
                     .counts = rk_cli_has(args, "c"),
                     .numbers = rk_cli_has(args, "n"),
                     .as_text = rk_cli_has(args, "a")};
    if (!is_fixed && !compile(cli, pattern, is_blind ? REG_ICASE : 0, &g.regex))
        return RK_CLI_USAGE;
    const char *root = rk_cli_arg(args, 1) != NULL ? rk_cli_arg(args, 1) : "/";
    struct rk_walk_options options = {
        .depth_max = (int)depth, .wants_data = true, .is_stopped = rk_x_is_stopped, .context = cli};
    struct rk_walk *walk = rk_walk_open(rk_cli_handle(cli), root, &options);
    struct rk_walk_node node;
    int rc;
    while ((rc = rk_walk_next(walk, &node)) == 1)
        grep_node(&g, &node);
    if (rc == 0 && g.nodes == 0 && rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:i}", "count", 0));
    int status = rk_x_walk_end(cli, walk, rc, root, g.unreadable);
    rk_walk_close(walk);
    if (!is_fixed)
        regfree(&g.regex);
    return status == RK_CLI_OK && g.nodes == 0 ? RK_CLI_FAILED : status;
}

static const struct rk_cli_flag grep_flags[] = {
    {"i", NULL, "upper and lower case are the same", RK_CLI_ANY, 0},
    {"F", NULL, "the pattern is a text, not a regular expression", RK_CLI_ANY, 0},
    {"l", NULL, "paths only", RK_CLI_ANY, 'o'},
    {"c", NULL, "how many lines match, by node", RK_CLI_ANY, 'o'},
    {"n", NULL, "with line numbers", RK_CLI_ANY, 0},
    {"a", NULL, "lines of binary data, too", RK_CLI_ANY, 0},
    {"depth", "n", "not further below the path than this", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_grep = {
    .name = "grep",
    .usage = "[-i] [-F] [-l|-c] [-n] [-a] [-depth n] pattern [path]",
    .summary = "search the data of nodes",
    .help =
        "The pattern is an extended regular expression and is looked for line by line. Data that "
        "are no UTF-8 text are searched as a whole and reported by their path. The exit code is 1 "
        "if nothing was found.",
    .flags = grep_flags,
    .args = "-p",
    .args_min = 1,
    .args_max = 2,
    .run = run_grep,
};
