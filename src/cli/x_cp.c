/* cp, mirror, export and import: flags and words around the copies of x_copy.h. */
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_copy.h"
#include "cli/x_table.h"

#include <stdlib.h>
#include <string.h>

static enum rk_x_exists exists_of(const struct rk_cli_args *args)
{
    if (rk_cli_has(args, "overwrite"))
        return RK_X_EXISTS_IS_SET;
    return rk_cli_has(args, "skip") ? RK_X_EXISTS_STAYS : RK_X_EXISTS_FAILS;
}

/* The copy itself, between begin and end. */
static int copy_somehow(struct rk_x_copy *c, bool makes_parents)
{
    if (c->to.kind == RK_X_FILE) {
        if (!c->is_dry)
            return rk_x_copy_to_file(c);
        rk_x_copy_say(c, "write", c->to.file);
        return RK_CLI_OK;
    }
    int status = makes_parents ? rk_x_copy_make_parents(c) : RK_CLI_OK;
    if (status != RK_CLI_OK)
        return status;
    return c->is_dry || c->compares ? rk_x_copy_mirror(c) : rk_x_copy_nodes(c);
}

static int copy(struct rk_x_copy *c, const char *from, const char *to, bool makes_parents)
{
    int status;
    if (rk_x_copy_begin(c, from, to, &status)) {
        status = copy_somehow(c, makes_parents);
        /* The records on standard output are the output. */
        if (c->to.kind != RK_X_FILE || strcmp(c->to.file, "-") != 0)
            rk_x_copy_report(c, c->compares               ? "mirrored"
                                : c->to.kind == RK_X_FILE ? "written"
                                                          : "copied");
        status = rk_x_copy_exit(c, status);
    }
    rk_x_copy_end(c);
    return status;
}

static int run_cp(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_x_copy c = {.cli = cli,
                          .is_recursive = rk_cli_has(args, "r"),
                          .with_acl = rk_cli_has(args, "acl"),
                          .is_dry = rk_cli_has(args, "dry-run"),
                          .is_plain = rk_cli_has(args, "plain"),
                          .exists = exists_of(args)};
    return copy(&c, rk_cli_arg(args, 0), rk_cli_arg(args, 1), rk_cli_has(args, "p"));
}

static int run_export(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_x_copy c = {
        .cli = cli, .is_recursive = true, .with_acl = !rk_cli_has(args, "no-acl")};
    const char *file = rk_cli_arg(args, 1) != NULL ? rk_cli_arg(args, 1) : "-";
    char *to = strcmp(file, "-") == 0 ? rk_x_dup(file) : rk_x_format("file:%s", file);
    int status = copy(&c, rk_cli_arg(args, 0), to, false);
    free(to);
    return status;
}

static int run_import(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_x_copy c = {.cli = cli,
                          .is_recursive = true,
                          .with_acl = !rk_cli_has(args, "no-acl"),
                          .is_dry = rk_cli_has(args, "dry-run"),
                          .is_plain = rk_cli_has(args, "plain"),
                          .exists = exists_of(args)};
    const char *file = rk_cli_arg(args, 0);
    char *from = strcmp(file, "-") == 0 ? rk_x_dup(file) : rk_x_format("file:%s", file);
    int status = copy(&c, from, rk_cli_arg(args, 1), true);
    free(from);
    return status;
}

static int run_mirror(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct rk_x_copy c = {.cli = cli,
                          .is_recursive = true,
                          .with_acl = rk_cli_has(args, "acl"),
                          .is_dry = rk_cli_has(args, "dry-run"),
                          .is_plain = rk_cli_has(args, "plain"),
                          .compares = true,
                          .deletes = rk_cli_has(args, "delete"),
                          .exists = RK_X_EXISTS_IS_SET};
    return copy(&c, rk_cli_arg(args, 0), rk_cli_arg(args, 1), rk_cli_has(args, "p"));
}

#define PLACES                                                                                     \
    "A place is a path (/a/b), a path on another server (host:2181/a/b), or a file of JSON lines " \
    "(copy.json, file:/tmp/x, - for standard input or output). "

static const struct rk_cli_flag cp_flags[] = {
    {"r", NULL, "with everything below", RK_CLI_ANY, 0},
    {"acl", NULL, "ACLs, too; without it copies are open to the world", RK_CLI_ANY, 0},
    {"overwrite", NULL, "set nodes that are there already", RK_CLI_ANY, 'e'},
    {"skip", NULL, "leave nodes that are there already", RK_CLI_ANY, 'e'},
    {"p", NULL, "create what is missing above the target", RK_CLI_ANY, 0},
    {"plain", NULL, "what a file calls container or ttl becomes persistent", RK_CLI_ANY, 0},
    {"dry-run", NULL, "only say what would be done", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_cp = {
    .name = "cp",
    .usage = "[-r] [-acl] [-overwrite|-skip] [-p] [-plain] [-dry-run] from to",
    .summary = "copy nodes between paths, servers and files",
    .help = PLACES
    "The target is the path of the copy itself, not of a parent. Without -overwrite and -skip a "
    "node "
    "that is there already ends the copy. Ephemeral nodes are left out and named: they belong to a "
    "session. /zookeeper is left out.",
    .flags = cp_flags,
    .args = "PP",
    .args_min = 2,
    .args_max = 2,
    .run = run_cp,
};

static const struct rk_cli_flag mirror_flags[] = {
    {"acl", NULL, "ACLs, too", RK_CLI_ANY, 0},
    {"delete", NULL, "delete what the source does not have", RK_CLI_ANY, 0},
    {"p", NULL, "create what is missing above the target", RK_CLI_ANY, 0},
    {"plain", NULL, "what a file calls container or ttl becomes persistent", RK_CLI_ANY, 0},
    {"dry-run", NULL, "only say what would be done", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_mirror = {
    .name = "mirror",
    .usage = "[-acl] [-delete] [-p] [-plain] [-dry-run] from to",
    .summary = "make one tree like another, changing only what differs",
    .help = PLACES
    "Both trees are compared node by node; what is the same is not touched. A node that changes "
    "between being compared and being set is not overwritten: that is reported, and mirroring "
    "again "
    "mends it. Ephemeral nodes on either side are left alone, and so are nodes above those.",
    .flags = mirror_flags,
    .args = "PP",
    .args_min = 2,
    .args_max = 2,
    .run = run_mirror,
};

static const struct rk_cli_flag export_flags[] = {{"no-acl", NULL, "without ACLs", RK_CLI_ANY, 0},
                                                  {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_export = {
    .name = "export",
    .usage = "[-no-acl] path [file]",
    .summary = "write a subtree with Stat and ACL as JSON lines",
    .help =
        "The path may be on another server (host:2181/a). Without a file, or with -, the lines go "
        "to "
        "standard output. A file is readable by its owner only and takes its name once it is "
        "whole. "
        "It is no picture of one moment: nodes that change meanwhile are as they were when it was "
        "their turn. docs/internals/cli-extras.md has the format.",
    .flags = export_flags,
    .args = "Pf",
    .args_min = 1,
    .args_max = 2,
    .run = run_export,
};

static const struct rk_cli_flag import_flags[] = {
    {"skip", NULL, "leave nodes that are there already", RK_CLI_ANY, 'e'},
    {"overwrite", NULL, "set nodes that are there already, and their ACLs", RK_CLI_ANY, 'e'},
    {"fail", NULL, "end at a node that is there already (default)", RK_CLI_ANY, 'e'},
    {"no-acl", NULL, "do not restore ACLs", RK_CLI_ANY, 0},
    {"plain", NULL, "what a file calls container or ttl becomes persistent", RK_CLI_ANY, 0},
    {"dry-run", NULL, "only say what would be done", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_import = {
    .name = "import",
    .usage = "[-skip|-overwrite|-fail] [-no-acl] [-plain] [-dry-run] file path",
    .summary = "restore what export wrote, below any path",
    .help =
        "What is missing above the path is created. Ephemeral nodes of the file are left out. The "
        "versions and times of a Stat cannot be restored: a server gives its own. ACLs are set as "
        "they are created, so whoever imports must be let in by them.",
    .flags = import_flags,
    .args = "fP",
    .args_min = 2,
    .args_max = 2,
    .run = run_import,
};
