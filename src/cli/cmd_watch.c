/* addWatch, removewatches, printwatches. ZK: AddWatchCommand, RemoveWatchesCommand, ZooKeeperMain.
 */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <string.h>
#include <strings.h>

static int run_add_watch(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    const char *mode = rk_cli_flag(args, "m", "PERSISTENT_RECURSIVE");
    bool is_recursive = strcasecmp(mode, "PERSISTENT_RECURSIVE") == 0;
    int rc;

    if (!is_recursive && strcasecmp(mode, "PERSISTENT") != 0)
        return rk_cli_show_usage(cli, args->command);
    rc = rk_cli_add_watch(cli, NULL, path, is_recursive);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    rk_cli_emit(cli, json_pack("{s:o, s:s}", "path", rk_cli_json_text(path), "mode",
                               is_recursive ? "PERSISTENT_RECURSIVE" : "PERSISTENT"));
    return RK_CLI_OK;
}

static const struct rk_cli_flag add_watch_flags[] = {
    {.name = "m",
     .value = "mode",
     .help = "PERSISTENT or PERSISTENT_RECURSIVE (the default)",
     .kind = RK_CLI_WATCH_MODE},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_add_watch = {
    .name = "addWatch",
    .usage =
        "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is "
        "PERSISTENT_RECURSIVE",
    .summary = "be told of every change of a node, or of a whole subtree",
    .help = "Until removewatches, or the end of the session. A recursive watch tells of nodes "
            "below that are made, "
            "changed and deleted, a plain one of changes of the list of children instead.",
    .flags = add_watch_flags,
    .args = "p",
    .args_min = 1,
    .args_max = 1,
    .run = run_add_watch,
};

static int run_removewatches(struct rk_cli *cli, const struct rk_cli_args *args)
{
    static const struct {
        const char *flag;
        int type;
    } types[] = {{"c", 1}, {"d", 2}, {"p", 4}, {"r", 5}};
    const char *path = rk_cli_arg(args, 0);
    int type = 3;
    int rc;

    for (size_t i = 0; type == 3 && i < sizeof types / sizeof types[0]; i++)
        if (rk_cli_has(args, types[i].flag))
            type = types[i].type;
    rc = rk_cli_remove_watches(cli, NULL, path, type, rk_cli_has(args, "l"));
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    rk_cli_emit(cli, json_pack("{s:o}", "path", rk_cli_json_text(path)));
    return RK_CLI_OK;
}

static const struct rk_cli_flag removewatches_flags[] = {
    {.name = "c", .help = "child watcher type"},
    {.name = "d", .help = "data watcher type"},
    {.name = "p", .help = "persistent watcher type"},
    {.name = "r", .help = "persistent recursive watcher type"},
    {.name = "a", .help = "any watcher type"},
    {.name = "l", .help = "remove locally when there is no server connection"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_removewatches = {
    .name = "removewatches",
    .usage = "path [-c|-d|-a] [-l]",
    .summary = "stop being told of a node",
    .help =
        "Without a type all of this session's watches of the node. -p and -r remove the two kinds "
        "that addWatch sets.",
    .flags = removewatches_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_removewatches,
};

static int run_printwatches(struct rk_cli *cli, const struct rk_cli_args *args)
{
    if (args->count > 0)
        cli->prints_watches = strcmp(args->values[0], "on") == 0;
    else
        rk_cli_print(cli, "printwatches is %s\n", cli->prints_watches ? "on" : "off");
    rk_cli_emit(cli, json_pack("{s:b}", "printwatches", cli->prints_watches));
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_printwatches = {
    .name = "printwatches",
    .usage = "on|off",
    .summary = "print events of watches, or not; without an argument: which of both it is",
    .args = "o-",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_printwatches,
};
