/* From words to a command that ran: finding it, reading its flags, checking its paths, connecting,
 * and what is said when one of these fails. Numbers and lines of the history are zkCli's. */
#include "cli/cli_int.h"
#include <stdlib.h>
#include <string.h>

/* -- Commands -----------------------------------------------------------------------------------
 */

static const struct rk_cli_command **sorted;

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct rk_cli_command *const *)a)->name,
                  (*(const struct rk_cli_command *const *)b)->name);
}

const struct rk_cli_command *const *rk_cli_commands(void)
{
    size_t zk = 0, more = 0;

    if (sorted)
        return sorted;
    while (rk_cli_zk_commands[zk])
        zk++;
    while (rk_cli_more_commands[more])
        more++;
    sorted = calloc(zk + more + 1, sizeof *sorted);
    if (!sorted)
        abort(); /* before anything was begun */
    memcpy(sorted, rk_cli_zk_commands, zk * sizeof *sorted);
    memcpy(sorted + zk, rk_cli_more_commands, more * sizeof *sorted);
    qsort(sorted, zk + more, sizeof *sorted, by_name);
    return sorted;
}

const struct rk_cli_command *rk_cli_find(const char *name)
{
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

/* -- Not understood -----------------------------------------------------------------------------
 */

/* Letters that must change, up to `limit`. */
static int distance(const char *a, const char *b, int limit)
{
    int row[32];
    size_t wide = strlen(b);

    if (wide >= 32 || strlen(a) >= 32)
        return limit;
    for (size_t k = 0; k <= wide; k++)
        row[k] = (int)k;
    for (size_t i = 0; a[i]; i++) {
        int before = row[0];
        row[0] = (int)i + 1;
        for (size_t k = 0; k < wide; k++) {
            int change = before + ((a[i] | 32) != (b[k] | 32));
            before = row[k + 1];
            if (row[k + 1] + 1 < change)
                change = row[k + 1] + 1;
            if (row[k] + 1 < change)
                change = row[k] + 1;
            row[k + 1] = change;
        }
    }
    return row[wide] < limit ? row[wide] : limit;
}

static bool is_of_zkcli(const struct rk_cli_command *command)
{
    for (const struct rk_cli_command *const *c = rk_cli_zk_commands; *c; c++)
        if (*c == command)
            return strcmp(command->name, "help") != 0;
    return false;
}

static int say_not_found(struct rk_cli *cli, const char *name)
{
    const struct rk_cli_command *near = NULL;
    int best = 3;

    if (cli->options.is_zkcli) {
        /* ZK: ZooKeeperMain.usage, CommandNotFoundException. */
        rk_cli_note(cli,
                    "ZooKeeper -server host:port -client-configuration properties-file cmd args\n");
        for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++)
            if (is_of_zkcli(*c))
                rk_cli_note(cli, "\t%s %s\n", (*c)->name, (*c)->usage);
        rk_cli_misuse(cli, "Command not found: Command not found %.200s", name);
        return 127;
    }
    for (const struct rk_cli_command *const *c = rk_cli_commands(); *c; c++) {
        int d = distance(name, (*c)->name, best);
        if (d < best) {
            best = d;
            near = *c;
        }
    }
    return rk_cli_misuse(cli, "Command not found: %.200s (%s%s)", name,
                         near ? "did you mean " : "help lists the commands",
                         near ? near->name : "");
}

enum rk_cli_kind rk_cli_kind_of(const struct rk_cli_command *command, int i)
{
    size_t known = command->args ? strlen(command->args) : 0;
    char letter = known == 0 ? '-' : command->args[(size_t)i < known ? (size_t)i : known - 1];
    return letter == '-' ? RK_CLI_ANY : (enum rk_cli_kind)letter;
}

static int check_args(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const struct rk_cli_command *command = args->command;
    bool is_sequential =
        command->args && strcmp(command->name, "create") == 0 && rk_cli_has(args, "s");

    if (args->count < command->args_min ||
        (command->args_max >= 0 && args->count > command->args_max))
        return rk_cli_show_usage(cli, command);
    for (int i = 0; i < args->count; i++) {
        char buffer[300];
        const char *why =
            rk_cli_kind_of(command, i) == RK_CLI_PATH
                ? rk_cli_path_problem(args->values[i], is_sequential, buffer, sizeof buffer)
                : NULL;
        if (why)
            return rk_cli_misuse(cli, "%s", why);
    }
    return RK_CLI_OK;
}

/* zkCli prints the exception as it is, with its class. */
static const char *class_of(const char *problem)
{
    if (strncmp(problem, "Unrecognized", 12) == 0)
        return "org.apache.commons.cli.UnrecognizedOptionException: ";
    if (strncmp(problem, "Missing argument", 16) == 0)
        return "org.apache.commons.cli.MissingArgumentException: ";
    if (strncmp(problem, "Missing required", 16) == 0)
        return "org.apache.commons.cli.MissingOptionException: ";
    return "org.apache.commons.cli.AlreadySelectedException: ";
}

/* -- Running ------------------------------------------------------------------------------------
 */

static int run_command(struct rk_cli *cli, const struct rk_cli_command *command, int count,
                       char **words)
{
    const char **values = calloc((size_t)count + 1, sizeof *values);
    struct rk_cli_args args;
    char problem[400];
    int code;

    if (!values)
        return rk_cli_error(cli, "out of memory");
    if (cli->options.is_zkcli && !(command->traits & RK_CLI_OFFLINE) && !rk_cli_is_alive(cli)) {
        rk_cli_print(cli, "Not connected\n");
        code = RK_CLI_NOT_CONNECTED;
    } else if (!rk_cli_parse_args(command, count, words, values, &args, problem, sizeof problem)) {
        code = rk_cli_misuse(cli, "%s%s", cli->options.is_zkcli ? class_of(problem) : "", problem);
    } else {
        code = check_args(cli, &args);
        if (code == RK_CLI_OK && !(command->traits & RK_CLI_OFFLINE))
            code = rk_cli_need_connection(cli);
        if (code == RK_CLI_OK)
            code = command->run(cli, &args);
    }
    free(values);
    return code;
}

static void note_exit(struct rk_cli *cli, int code)
{
    if (cli->stop_signal && cli->stop_signal != SIGINT) {
        cli->exit_code = 128 + cli->stop_signal;
        cli->is_quitting = true;
    } else if (cli->options.is_zkcli) {
        /* ZK: a script's status is that of its last command before quit, 1 for most failures. */
        if (!cli->is_quitting)
            cli->exit_code = code == 0 || code == 127 ? code : 1;
    } else if (code != RK_CLI_OK && !cli->options.is_interactive) {
        /* A person has seen it; a script's caller has not. */
        cli->exit_code = code;
    }
    if (cli->is_output_gone || (code != RK_CLI_OK && cli->options.is_fail_fast) ||
        (code == RK_CLI_STOPPED && !cli->options.is_interactive))
        cli->is_quitting = true;
}

int rk_cli_run_words(struct rk_cli *cli, int count, char **words)
{
    const struct rk_cli_command *before = cli->running;
    int64_t emitted_before = cli->emitted;
    const struct rk_cli_command *command = count > 0 ? rk_cli_find(words[0]) : NULL;
    int code;

    if (count == 0)
        return RK_CLI_OK;
    if (!before && cli->options.is_interactive && cli->stop_signal == SIGINT)
        cli->stop_signal = 0;
    cli->running = command;
    cli->emitted = 0;
    code = command ? run_command(cli, command, count, words) : say_not_found(cli, words[0]);
    if (rk_cli_is_json(cli) && cli->emitted == 0)
        rk_cli_emit(cli, code == RK_CLI_OK
                             ? json_pack("{s:b}", "ok", 1)
                             : json_pack("{s:{s:s}}", "error", "message",
                                         code == RK_CLI_STOPPED ? "stopped" : "failed"));
    cli->running = before;
    cli->emitted += emitted_before;
    rk_cli_flush(cli);
    rk_cli_drain_events(cli);
    note_exit(cli, code);
    return code;
}

const char *rk_cli_history_line(const struct rk_cli *cli, int number)
{
    if (number < 0 || number > cli->command_count ||
        number <= cli->command_count - RK_CLI_HISTORY_MAX)
        return NULL;
    return cli->history[number % RK_CLI_HISTORY_MAX];
}

int rk_cli_run_line(struct rk_cli *cli, const char *line)
{
    struct rk_cli_words words;
    char **slot = &cli->history[cli->command_count % RK_CLI_HISTORY_MAX];
    int code = RK_CLI_OK;

    if (!line[0])
        return RK_CLI_OK;
    if (!rk_cli_split(line, &words))
        return rk_cli_error(cli, "out of memory");
    if (words.count > 0 && (words.list[0][0] != '#' || cli->options.is_zkcli)) {
        free(*slot);
        *slot = strdup(line);
        code = rk_cli_run_words(cli, words.count, words.list);
        cli->command_count++;
    }
    rk_cli_words_free(&words);
    return code;
}
