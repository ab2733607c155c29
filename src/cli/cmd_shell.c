/* Commands of the shell itself: help, history, redo, quit, connect, close, addauth, version. ZK:
 * ZooKeeperMain.processZKCmd. */
#include "cli/build.h"
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <stdlib.h>
#include <string.h>

/* -- help ---------------------------------------------------------------------------------------
 */

/* Text broken at blanks into lines of at most 78 columns, indented. */
static void print_wrapped(struct rk_cli *cli, const char *text, int indent)
{
    int column = 0;

    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > 0 && column + 1 + word > 78) {
            rk_cli_print(cli, "\n");
            column = 0;
        }
        if (column == 0) {
            rk_cli_print(cli, "%*s", indent, "");
            column = indent;
        } else {
            rk_cli_print(cli, " ");
            column++;
        }
        rk_cli_print(cli, "%.*s", word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    rk_cli_print(cli, "\n");
}

static json_t *command_object(const struct rk_cli_command *command)
{
    json_t *flags = json_array();

    for (const struct rk_cli_flag *f = command->flags; flags && f && f->name; f++)
        (void)json_array_append_new(flags, json_pack("{s:s, s:s?, s:s}", "name", f->name, "value",
                                                     f->value, "help", f->help));
    return json_pack("{s:s, s:s, s:s, s:s?, s:o}", "command", command->name, "usage",
                     command->usage, "summary", command->summary, "help", command->help, "flags",
                     flags);
}

static void explain(struct rk_cli *cli, const struct rk_cli_command *command)
{
    rk_cli_paint(cli, RK_CLI_BOLD, "%s", command->name);
    rk_cli_print(cli, " %s\n\n", command->usage);
    print_wrapped(cli, command->summary, 4);
    if (command->help) {
        rk_cli_print(cli, "\n");
        print_wrapped(cli, command->help, 4);
    }
    if (command->flags && command->flags[0].name)
        rk_cli_print(cli, "\n");
    for (const struct rk_cli_flag *f = command->flags; f && f->name; f++) {
        char name[64];
        snprintf(name, sizeof name, "-%s%s%s", f->name, f->value ? " " : "",
                 f->value ? f->value : "");
        rk_cli_print(cli, "    %-16s %s\n", name, f->help);
    }
}

static int run_help(struct rk_cli *cli, const struct rk_cli_args *args)
{
    if (args->count > 0) {
        const struct rk_cli_command *command = rk_cli_find(args->values[0]);
        if (!command)
            return rk_cli_misuse(cli, "Command not found: %.200s", args->values[0]);
        explain(cli, command);
        rk_cli_emit(cli, command_object(command));
        return RK_CLI_OK;
    }
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++) {
        rk_cli_paint(cli, RK_CLI_BOLD, "%-21s", (*c)->name);
        rk_cli_print(cli, " %s\n", (*c)->summary);
        if (rk_cli_is_json(cli))
            rk_cli_emit(cli, command_object(*c));
    }
    rk_cli_print(
        cli, "\nhelp COMMAND says more of one. Words with blanks take quotes: set /a \"b c\"\n");
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_help = {
    .name = "help",
    .usage = "[command]",
    .summary = "list the commands, or explain one",
    .args = "c",
    .args_max = 1,
    .traits = RK_CLI_OFFLINE,
    .run = run_help,
};

/* -- history, redo ------------------------------------------------------------------------------
 */

static int run_history(struct rk_cli *cli, const struct rk_cli_args *args)
{
    (void)args;
    for (int i = cli->command_count - 10; i <= cli->command_count; i++) {
        const char *line = i >= 0 ? rk_cli_history_line(cli, i) : NULL;
        if (i < 0)
            continue;
        rk_cli_print(cli, "%d - ", i);
        rk_cli_put_name(cli, line ? line : "null");
        rk_cli_print(cli, "\n");
        if (rk_cli_is_json(cli))
            rk_cli_emit(cli, json_pack("{s:i, s:o}", "number", i, "line",
                                       rk_cli_json_text(line ? line : "")));
    }
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_history = {
    .name = "history",
    .usage = "",
    .summary = "print the last eleven lines with their numbers",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_history,
};

static int redo(struct rk_cli *cli, const char *line)
{
    char **slot = &cli->history[cli->command_count % RK_CLI_HISTORY_MAX];
    struct rk_cli_words words;
    char *copy;
    int code;

    if (!rk_cli_split(line, &words))
        return rk_cli_error(cli, "out of memory");
    if (words.count > 0 && strcmp(words.list[0], "redo") == 0) {
        code = rk_cli_misuse(cli, "No redoing redos");
    } else {
        copy = strdup(line);
        if (copy) {
            free(*slot);
            *slot = copy;
        }
        code = rk_cli_run_words(cli, words.count, words.list);
    }
    rk_cli_words_free(&words);
    return code;
}

static int run_redo(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *line;
    int64_t number;

    if (args->count < 1)
        return rk_cli_show_usage(cli, args->command);
    if (!rk_cli_number(args->values[0], INT32_MIN, INT32_MAX, &number) || number < 0 ||
        number >= cli->command_count)
        return rk_cli_misuse(cli, "Command index out of range");
    line = rk_cli_history_line(cli, (int)number);
    if (!line)
        return rk_cli_misuse(cli, "Command index out of range");
    return redo(cli, line);
}

const struct rk_cli_command rk_cli_cmd_redo = {
    .name = "redo",
    .usage = "cmdno",
    .summary = "run a line of the history again",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_redo,
};

/* -- quit, exit ---------------------------------------------------------------------------------
 */

static int run_quit(struct rk_cli *cli, const struct rk_cli_args *args)
{
    (void)args;
    cli->is_quitting = true;
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_quit = {
    .name = "quit",
    .usage = "",
    .summary = "end the session and the shell",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_quit,
};
const struct rk_cli_command rk_cli_cmd_exit = {
    .name = "exit",
    .usage = "",
    .summary = "end the session and the shell",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_quit,
};

/* -- connect, close -----------------------------------------------------------------------------
 */

static int run_connect(struct rk_cli *cli, const struct rk_cli_args *args)
{
    char *before = strdup(cli->server);
    bool is_fine;

    if (!before || (args->count > 0 && !rk_cli_set_server(cli, args->values[0]))) {
        free(before);
        return rk_cli_error(cli, "out of memory");
    }
    is_fine = rk_cli_connect(cli);
    if (!is_fine)
        (void)rk_cli_set_server(cli, before);
    free(before);
    if (!is_fine)
        return RK_CLI_USAGE;
    rk_cli_emit(cli, json_pack("{s:o}", "server", rk_cli_json_text(cli->server)));
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_connect = {
    .name = "connect",
    .usage = "host:port",
    .summary = "end this session and begin another one",
    .help = "Without servers with the same ones. Several servers are separated by commas, a chroot "
            "may follow: "
            "a:2181,[::1]:2182/app.",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_connect,
};

static int run_close(struct rk_cli *cli, const struct rk_cli_args *args)
{
    (void)args;
    rk_cli_close(cli);
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_close = {
    .name = "close",
    .usage = "",
    .summary = "end the session: its ephemeral nodes go; connect begins another one",
    .args_max = -1,
    .traits = RK_CLI_OFFLINE | RK_CLI_UNPARSED,
    .run = run_close,
};

/* -- addauth, version ---------------------------------------------------------------------------
 */

static int run_addauth(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *auth = args->count > 1 ? args->values[1] : "";
    int rc = rk_cli_add_auth(cli, NULL, args->values[0], auth, (int)strnlen(auth, INT32_MAX));

    /* zkCli does not wait, and learns of a failure by an event. */
    return cli->options.is_zkcli && rc != RK_CLI_CUT ? RK_CLI_OK : rk_cli_fail(cli, rc, NULL);
}

const struct rk_cli_command rk_cli_cmd_addauth = {
    .name = "addauth",
    .usage = "scheme auth",
    .summary = "log this session in: addauth digest user:password",
    .help = "The line is not kept in the history file.",
    .args = "--",
    .args_min = 1,
    .args_max = -1,
    .traits = RK_CLI_SECRET,
    .run = run_addauth,
};

static int run_version(struct rk_cli *cli, const struct rk_cli_args *args)
{
    (void)args;
    rk_cli_print(cli, "ZooKeeper CLI version: rookery-cli %s\n", RK_CLI_VERSION);
    rk_cli_emit(cli, json_pack("{s:s}", "version", RK_CLI_VERSION));
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_version = {
    .name = "version",
    .usage = "",
    .summary = "print the version of this program",
    .args_max = 0,
    .traits = RK_CLI_OFFLINE,
    .run = run_version,
};
