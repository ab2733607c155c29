/* How rookery-cli is started: options, environment, files with logins and client settings. */
#ifndef RK_CLI_START_H
#define RK_CLI_START_H

#include "cli/cli_int.h"

struct rk_cli_start_option {
    const char *name;  /* -name and --name; of one letter: -n only */
    const char *other; /* another name, NULL: none */
    const char *value; /* name of its value; NULL: a switch */
    const char *help;
};
/* Ends with a NULL name. */
extern const struct rk_cli_start_option rk_cli_start_options[];

struct rk_cli_start {
    struct rk_cli_options options;
    struct rk_cli_auth auths[RK_CLI_AUTHS_MAX];
    int auth_count;
    const char **texts; /* of -c, in order; malloced */
    int text_count;
    const char *completion; /* --completion bash|zsh|fish */
    char **words;           /* the command on the command line; words[count] is NULL */
    int word_count;
    bool wants_help, wants_version, wants_man;
    bool has_colour, is_colour; /* --color, --no-color; else what the terminal is */
};

/* Reads arguments and environment. 0, or an exit code with the reason on stderr. Logins in argv are
 * blotted out. */
int rk_cli_start_parse(struct rk_cli_start *start, int argc, char **argv);
void rk_cli_start_free(struct rk_cli_start *start);
/* Has sessions that are opened from now on log in. */
void rk_cli_start_auths(struct rk_cli *cli, const struct rk_cli_start *start);

/* -- script.c -----------------------------------------------------------------------------------
 */

/* Texts of -c, one after the other, until quit. */
void rk_cli_run_texts(struct rk_cli *cli, const char *const *texts, int count);
/* Lines of stdin until its end or quit; watch events are printed while it waits. */
void rk_cli_run_stdin(struct rk_cli *cli);

/* -- edit.c -------------------------------------------------------------------------------------
 */

/* The shell for people: lines with editing, history and completion, until quit or Ctrl-D. False:
 * the terminal cannot do it. */
bool rk_cli_interact(struct rk_cli *cli);

/* -- complete.c ---------------------------------------------------------------------------------
 */

#define RK_CLI_CANDIDATES_MAX 20000 /* children of one node that are listed at most */

struct rk_cli_candidates {
    char **list; /* sorted; whole words */
    int count, room;
    int64_t left_out;    /* children that were too many to list */
    bool is_path;        /* more may follow a word without a blank */
    const char *partial; /* in the line: the word that is completed */
};
/* What may stand in place of the last word of line. Asks the server for children of nodes if there
 * is a connection, for two seconds at most. False without memory. */
bool rk_cli_complete(struct rk_cli *cli, const char *line, struct rk_cli_candidates *ret);
/* For --complete: words of a command line of rookery-cli, its own options first, the last one
 * partial. Opens a session if it takes one. An exit code; ret only with RK_CLI_OK. */
int rk_cli_complete_words(struct rk_cli *cli, int count, char **words,
                          struct rk_cli_candidates *ret);
void rk_cli_candidates_free(struct rk_cli_candidates *c);
bool rk_cli_add_candidate(struct rk_cli_candidates *c, const char *word);
/* Bytes that all candidates begin with. */
size_t rk_cli_common_bytes(const struct rk_cli_candidates *c);

/* -- pages.c ------------------------------------------------------------------------------------
 */

void rk_cli_print_usage(FILE *to);
void rk_cli_print_man(FILE *to);
/* False: no such shell. */
bool rk_cli_print_completion(FILE *to, const char *shell);

#endif
