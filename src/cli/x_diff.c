/* diff: what two trees do not have in common. */
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_copy.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct diff {
    struct rk_cli *cli;
    bool with_acl, no_ephemerals, shows_data, is_brief;
    int64_t found;
};

static json_t *side(const struct diff *d, const struct rk_x_record *r)
{
    if (r == NULL)
        return json_null();
    json_t *object = rk_x_record_json(r);
    if (!d->shows_data) {
        (void)json_object_del(object, "data"); /* either may be missing */
        (void)json_object_del(object, "data_base64");
    }
    return object;
}

static void put_data(struct rk_cli *cli, const char *mark, const struct rk_x_record *r)
{
    if (r == NULL || r->rc != ZOK)
        return;
    rk_cli_print(cli, "    %s ", mark);
    if (r->data == NULL) {
        rk_cli_print(cli, "(null)\n");
        return;
    }
    char *safe = rk_cli_safe(r->data, (size_t)r->data_bytes);
    rk_cli_print(cli, "%s\n", safe != NULL ? safe : "");
    free(safe);
}

static void report(struct diff *d, const char *change, const struct rk_x_record *a,
                   const struct rk_x_record *b)
{
    d->found++;
    const char *path = a != NULL ? a->path : b->path;
    if (d->is_brief)
        return;
    if (rk_cli_is_json(d->cli)) {
        rk_cli_emit(d->cli, json_pack("{s:o, s:s, s:o, s:o}", "path", rk_cli_json_text(path),
                                      "change", change, "a", side(d, a), "b", side(d, b)));
        return;
    }
    enum rk_cli_colour colour = a == NULL ? RK_CLI_GREEN : b == NULL ? RK_CLI_RED : RK_CLI_YELLOW;
    rk_cli_print(d->cli, "%s%s ", rk_cli_code(d->cli, colour),
                 a == NULL   ? "+"
                 : b == NULL ? "-"
                             : "~");
    rk_cli_put_name(d->cli, path);
    rk_cli_print(d->cli, "%s", rk_cli_code(d->cli, RK_CLI_PLAIN));
    if (a != NULL && b != NULL)
        rk_cli_print(d->cli, "  %s", change);
    rk_cli_print(d->cli, "\n");
    if (d->shows_data && strcmp(change, "acl") != 0) {
        put_data(d->cli, "<", a);
        put_data(d->cli, ">", b);
    }
}

static void compare(struct diff *d, const struct rk_x_pair *pair)
{
    const struct rk_x_record *a = pair->a, *b = pair->b;
    if (d->no_ephemerals &&
        ((a != NULL && a->type == RK_X_EPHEMERAL) || (b != NULL && b->type == RK_X_EPHEMERAL)))
        return;
    if (a == NULL || b == NULL)
        report(d, a == NULL ? "only_b" : "only_a", a, b);
    else if (a->rc != ZOK || b->rc != ZOK)
        report(d, "unreadable", a, b);
    else if (a->type != b->type)
        report(d, "type", a, b);
    else if (!rk_x_copy_same_data(a, b))
        report(d, "data", a, b);
    else if (d->with_acl && a->acl != NULL && b->acl != NULL && !rk_x_acl_equal(a->acl, b->acl))
        report(d, "acl", a, b);
}

static int compare_all(struct diff *d, const struct rk_x_place places[2], zhandle_t *zh[2])
{
    struct rk_x_source_options options = {
        .wants_data = true, .wants_acl = d->with_acl, .needs_order = true};
    struct rk_x_join join = {0};
    int status = RK_CLI_FAILED;
    join.a = rk_x_source_open(d->cli, &places[0], zh[0], &options);
    if (join.a != NULL)
        join.b = rk_x_source_open(d->cli, &places[1], zh[1], &options);
    if (join.b != NULL) {
        struct rk_x_pair pair;
        status = RK_CLI_OK;
        while (rk_x_join_next(&join, &pair, &status) == 1)
            compare(d, &pair);
    }
    rk_x_source_close(join.a);
    rk_x_source_close(join.b);
    return status;
}

static int run_diff(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct diff d = {.cli = cli,
                     .with_acl = rk_cli_has(args, "acl"),
                     .no_ephemerals = rk_cli_has(args, "no-ephemerals"),
                     .shows_data = rk_cli_has(args, "data"),
                     .is_brief = rk_cli_has(args, "q")};
    struct rk_x_place places[2] = {0};
    zhandle_t *zh[2] = {NULL, NULL};
    int status = RK_CLI_OK;
    for (int i = 0; i < 2 && status == RK_CLI_OK; i++) {
        if (!rk_x_place_of(cli, rk_cli_arg(args, i), &places[i]))
            status = RK_CLI_USAGE;
        else if (places[i].kind != RK_X_FILE && (zh[i] = rk_x_place_dial(cli, &places[i])) == NULL)
            status = RK_CLI_NOT_CONNECTED;
    }
    if (status == RK_CLI_OK)
        status = compare_all(&d, places, zh);
    if (status == RK_CLI_OK && rk_cli_is_json(cli) && (d.found == 0 || d.is_brief))
        rk_cli_emit(cli, json_pack("{s:I}", "count", (json_int_t)d.found));
    for (int i = 0; i < 2; i++) {
        rk_x_place_hang_up(cli, &places[i], zh[i]);
        rk_x_place_free(&places[i]);
    }
    return status == RK_CLI_OK && d.found > 0 ? RK_CLI_FAILED : status;
}

static const struct rk_cli_flag diff_flags[] = {
    {"acl", NULL, "compare ACLs, too", RK_CLI_ANY, 0},
    {"data", NULL, "show the data that differ", RK_CLI_ANY, 0},
    {"no-ephemerals", NULL, "leave ephemeral nodes out", RK_CLI_ANY, 0},
    {"q", NULL, "say nothing, only the exit code counts", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_diff = {
    .name = "diff",
    .usage = "[-acl] [-data] [-no-ephemerals] [-q] a b",
    .summary = "compare two trees: paths, servers, files",
    .help =
        "Places as for cp. A line starts with - for a node that only the first tree has, + for one "
        "that "
        "only the second has, ~ for one that differs, with type, data, acl or unreadable behind "
        "it. "
        "Paths are relative to the two roots. The exit code is 0 if they are the same, 1 if not.",
    .flags = diff_flags,
    .args = "PP",
    .args_min = 2,
    .args_max = 2,
    .run = run_diff,
};
