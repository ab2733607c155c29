/* What a command of rookery-cli is, and what it is handed when it runs.
 *
 * A command is one entry of a table: `help`, usage errors, completion in the shell and of shells,
 * and the man page are all made of it. Flags are read from the table before run is called, by the
 * rules of Apache's commons-cli as zkCli has them: flags may stand before, between and behind
 * arguments; -sw is -s -w; -v3, -v=3 and -v 3 are the same; names of several letters take one
 * hyphen or two (-depth 3,
 * --depth=3); after -- nothing is a flag. zkCli's command is what counts where it has one.
 *
 * To add a command: a `const struct rk_cli_command rk_cli_cmd_<name>` in a .c file, its address in
 * the table (table.c: those of zkCli; x_table.c: all others), the file in meson.build. */
#ifndef RK_CLI_COMMAND_H
#define RK_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rk_cli;
struct rk_cli_args;

/* Exit codes of rookery-cli, and what run returns. Documented in the man page. */
enum rk_cli_exit {
    RK_CLI_OK = 0,
    RK_CLI_FAILED = 1, /* the server or the command said no: no such node, wrong version ... */
    RK_CLI_USAGE = 2,  /* not understood; nothing was done */
    RK_CLI_NOT_CONNECTED = 3, /* no server, connection lost, session expired, out of time */
    RK_CLI_DENIED = 4,        /* authentication failed, or no permission */
    RK_CLI_STOPPED = 130      /* Ctrl-C (128 + SIGINT, as shells have it) */
};

/* What a word stands for, for completion and for checks. */
enum rk_cli_kind {
    RK_CLI_ANY = 0,     /* text: nothing to complete */
    RK_CLI_PATH = 'p',  /* a node: completed; refused before run with zkCli's words if malformed */
    RK_CLI_PLACE = 'P', /* completed as a node, not checked: may be something else as well */
    RK_CLI_FILE = 'f',  /* a local file */
    RK_CLI_COMMAND_NAME = 'c',
    RK_CLI_ON_OFF = 'o',
    RK_CLI_WATCH_MODE = 'm'
};

struct rk_cli_flag {
    const char *name;      /* without hyphens: "s", "depth" */
    const char *value;     /* NULL: a switch; else the name of its value: "version" */
    const char *help;      /* a few words, for help and man page */
    enum rk_cli_kind kind; /* of the value */
    char group;            /* of flags with the same letter at most one may be given; 0: free */
};

enum rk_cli_trait {
    RK_CLI_OFFLINE = 1u,     /* runs without a connection (rk_cli_handle may be NULL) */
    RK_CLI_UNPARSED = 2u,    /* words are not looked at for flags: all are arguments */
    RK_CLI_SECRET = 4u,      /* its line is not written to the history file */
    RK_CLI_GROUP_NEEDED = 8u /* one flag of a group must be given */
};

struct rk_cli_command {
    const char *name;
    const char *usage; /* what follows the name: "[-s] [-w] path"; for zkCli's commands as there */
    const char *summary; /* one line, no full stop */
    const char *help;    /* more, in sentences; NULL: none. Lines are broken by who prints it. */
    const struct rk_cli_flag *flags; /* ends with a NULL name; NULL: none */
    const char
        *args;    /* an rk_cli_kind a letter, '-' for ANY; the last one goes for all that follow */
    int args_min; /* fewer: usage error */
    int args_max; /* more: usage error; -1: any number */
    unsigned traits;
    /* An rk_cli_exit. Has printed what went wrong if not OK (rk_cli_error and the like). */
    int (*run)(struct rk_cli *cli, const struct rk_cli_args *args);
};

/* All commands, sorted by name; ends with NULL. */
const struct rk_cli_command *const *rk_cli_commands(void);
const struct rk_cli_command *rk_cli_find(const char *name); /* NULL: no such command */

/* Of table.c and x_table.c; end with NULL. */
extern const struct rk_cli_command *const rk_cli_zk_commands[];
extern const struct rk_cli_command *const rk_cli_more_commands[];

/* -- What run is handed -------------------------------------------------------------------------
 */

#define RK_CLI_FLAGS_MAX 24 /* flags of one command */

struct rk_cli_args {
    const struct rk_cli_command *command;
    int count;           /* arguments, without the command's name and without flags */
    const char **values; /* count of them, then NULL */
    const char
        *flags[RK_CLI_FLAGS_MAX]; /* by place in command->flags: NULL not given; "" a switch */
};

bool rk_cli_has(const struct rk_cli_args *args, const char *flag);
/* The flag's value, or fallback if it was not given. */
const char *rk_cli_flag(const struct rk_cli_args *args, const char *flag, const char *fallback);
/* Argument i, NULL beyond the last. */
const char *rk_cli_arg(const struct rk_cli_args *args, int i);

/* A whole decimal number within min..max, nothing before or behind it. */
bool rk_cli_number(const char *text, int64_t min, int64_t max, int64_t *ret);
/* The value of a flag as a number, fallback if not given; else false with a usage error printed. */
bool rk_cli_flag_number(struct rk_cli *cli, const struct rk_cli_args *args, const char *flag,
                        int64_t min, int64_t max, int64_t fallback, int64_t *ret);

#endif
