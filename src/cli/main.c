/* rookery-cli: options, a session, commands from wherever they come, an exit code. */
#include "cli/build.h"
#include "cli/start.h"
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rk_cli shell;

/* ZK: ZooKeeperMain.main, run: the greeting, for programs that wait for it. */
static void greet(struct rk_cli *cli, bool is_shell)
{
    if (cli->options.is_zkcli && !cli->options.is_json) {
        printf("Connecting to %s\n", cli->options.server);
        if (is_shell)
            printf("Welcome to ZooKeeper!\nJLine support is %s\n",
                   cli->options.is_interactive ? "enabled" : "disabled");
    } else if (cli->options.is_interactive && !cli->options.is_json) {
        printf("rookery-cli %s. help lists the commands, Tab completes, Ctrl-D quits.\n",
               RK_CLI_VERSION);
    }
    rk_cli_flush(cli);
}

static void run(struct rk_cli *cli, const struct rk_cli_start *start)
{
    bool is_shell = start->word_count == 0 && start->text_count == 0;

    greet(cli, is_shell);
    if (!rk_cli_connect(cli)) {
        cli->exit_code = RK_CLI_USAGE;
        return;
    }
    if (start->word_count > 0)
        (void)rk_cli_run_words(cli, start->word_count, start->words);
    else if (start->text_count > 0)
        rk_cli_run_texts(cli, start->texts, start->text_count);
    else if (!cli->options.is_interactive || !rk_cli_interact(cli))
        rk_cli_run_stdin(cli);
}

/* What needs no session: -1 if it is something else. */
static int run_alone(const struct rk_cli_start *start)
{
    if (start->wants_help) {
        rk_cli_print_usage(stdout);
    } else if (start->wants_version) {
        printf("rookery-cli %s\n", RK_CLI_VERSION);
    } else if (start->wants_man) {
        rk_cli_print_man(stdout);
    } else if (start->completion) {
        if (!rk_cli_print_completion(stdout, start->completion)) {
            fprintf(stderr, "rookery-cli: no completion for %s: bash, zsh or fish\n",
                    start->completion);
            return RK_CLI_USAGE;
        }
    } else {
        return -1;
    }
    return fflush(stdout) == 0 ? RK_CLI_OK : RK_CLI_FAILED;
}

/* --complete WORD...: candidates for the last word, one a line; for the scripts of --completion. */
static int complete(int count, char **words)
{
    struct rk_cli_candidates candidates;
    int code = rk_cli_complete_words(&shell, count, words, &candidates);

    for (int i = 0; code == RK_CLI_OK && i < candidates.count; i++)
        printf("%s\n", candidates.list[i]);
    if (code == RK_CLI_OK)
        rk_cli_candidates_free(&candidates);
    return code;
}

int main(int argc, char **argv)
{
    struct rk_cli_start start;
    int code;

    setlocale(LC_CTYPE, "");
    if (argc > 1 && strcmp(argv[1], "--complete") == 0)
        return complete(argc - 2, argv + 2);
    code = rk_cli_start_parse(&start, argc, argv);
    if (code == 0)
        code = run_alone(&start);
    if (code >= 0) {
        rk_cli_start_free(&start);
        return code;
    }
    if (!rk_cli_init(&shell, &start.options)) {
        perror("rookery-cli");
        return RK_CLI_FAILED;
    }
    rk_cli_start_auths(&shell, &start);
    rk_cli_catch_signals(&shell);
    run(&shell, &start);
    rk_cli_flush(&shell);
    code = shell.exit_code;
    rk_cli_deinit(&shell);
    rk_cli_start_free(&start);
    return code;
}
