/* Private to the frame of rookery-cli; commands see cli.h. */
#ifndef RK_CLI_CLI_INT_H
#define RK_CLI_CLI_INT_H

#include "cli/call.h"
#include "cli/out.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#define RK_CLI_LINE_MAX    ((size_t)16 * 1024 * 1024) /* of one line, however it comes in */
#define RK_CLI_EVENTS_MAX  10000                      /* not yet printed */
#define RK_CLI_HISTORY_MAX 1000                       /* lines kept in memory and in the file */
#define RK_CLI_AUTHS_MAX   32
#define RK_CLI_LINKS_MAX   64
#define RK_CLI_WATCHES_MAX 1000000 /* registrations remembered for `removewatches` */

struct rk_cli_auth {
    char *scheme;
    char *auth; /* malloced, ends in 0 */
    int bytes;
};

struct rk_cli_event {
    int type;
    int state;
    int64_t zxid;
    char *path;       /* malloced; NULL for events of the session */
    bool is_followed; /* of a watch that was set between begin and end of rk_cli_on_event */
};

/* What the shell has asked to be told of, as Java's client keeps it. */
enum rk_cli_watch_kind {
    RK_CLI_WATCH_CHILD = 1,
    RK_CLI_WATCH_DATA = 2,
    RK_CLI_WATCH_EXIST = 4,
    RK_CLI_WATCH_PERSISTENT = 8,
    RK_CLI_WATCH_RECURSIVE = 16
};
struct rk_cli_watch {
    char *path;
    unsigned kinds;
};

struct rk_cli {
    struct rk_cli_options options;
    char *server; /* options.server points here */
    zhandle_t *zh;
    struct rk_cli_auth auths[RK_CLI_AUTHS_MAX];
    int auth_count;
    zhandle_t *links[RK_CLI_LINKS_MAX];

    /* Between threads. */
    int wake_fd;
    pthread_mutex_t lock;
    struct rk_cli_event *events; /* a ring */
    int event_first, event_count;
    int64_t events_lost;

    /* Set by signal handlers and by a reader of our output that went away. */
    volatile sig_atomic_t stop_signal; /* 0, SIGINT, SIGTERM ... */
    bool is_output_gone;

    bool prints_watches;
    rk_cli_event_fn event_fn;
    void *event_context;
    void *watches; /* a tree of struct rk_cli_watch by path */
    int watch_count;

    /* Of the line editor, so that events may be printed above the line; NULL without one. */
    void (*on_print)(struct rk_cli *cli, bool is_begin);

    const struct rk_cli_command *running;
    int64_t emitted; /* objects that the running command printed */
    bool is_quitting;
    int exit_code;                     /* of the program, so far */
    int command_count;                 /* as the prompt shows it */
    char *history[RK_CLI_HISTORY_MAX]; /* by number modulo the size */
};

/* -- session.c ----------------------------------------------------------------------------------
 */

/* False with errno. */
bool rk_cli_init(struct rk_cli *cli, const struct rk_cli_options *options);
void rk_cli_deinit(struct rk_cli *cli);
/* Opens a session to cli->server; connecting goes on behind it. False with the reason printed. */
bool rk_cli_connect(struct rk_cli *cli);
/* Ends the session: tells the watcher "Closed". */
void rk_cli_close(struct rk_cli *cli);
bool rk_cli_set_server(struct rk_cli *cli, const char *hosts);
/* Java's isAlive: not closed, expired or failed. */
bool rk_cli_is_alive(const struct rk_cli *cli);
/* Waits at most options.wait_ms; RK_CLI_OK, else with the reason printed. */
int rk_cli_need_connection(struct rk_cli *cli);
/* "CONNECTED": as Java's client names its state. */
const char *rk_cli_session_state(const struct rk_cli *cli);
bool rk_cli_keep_auth(struct rk_cli *cli, const char *scheme, const char *auth, int bytes);

/* -- call.c -------------------------------------------------------------------------------------
 */

/* How long a request is waited for. */
int rk_cli_request_limit_ms(const struct rk_cli *cli);
/* False without memory: *ret holds what was copied so far. */
bool rk_cli_copy_strings(const struct String_vector *from, struct String_vector *ret);
/* By bytes. */
void rk_cli_sort_strings(struct String_vector *strings);

/* -- event.c ------------------------------------------------------------------------------------
 */

/* Takes path. From any thread. */
void rk_cli_push_event(struct rk_cli *cli, int type, int state, int64_t zxid, char *take_path);
/* What a watch that is set now is to tell: rk_cli_watcher, or one whose events go to event_fn or
 * nowhere. */
watcher_fn rk_cli_watcher_now(const struct rk_cli *cli);
/* Prints what has come, or hands it to event_fn. */
void rk_cli_drain_events(struct rk_cli *cli);
void rk_cli_remember_watch(struct rk_cli *cli, const char *path, enum rk_cli_watch_kind kind);
/* type as rk_cli_remove_watches; tells of what was removed as Java's client does. */
void rk_cli_forget_watches(struct rk_cli *cli, const char *path, int type);
void rk_cli_forget_all_watches(struct rk_cli *cli);
/* Beyond ZOO_*_EVENT: what Java's client tells of by itself. */
enum { RK_CLI_EVENT_DATA_REMOVED = 5, RK_CLI_EVENT_CHILD_REMOVED = 6, RK_CLI_EVENT_GONE = 7 };
#define RK_CLI_STATE_CLOSED 7

/* -- wait.c -------------------------------------------------------------------------------------
 */

/* Installs the handlers of SIGINT, SIGTERM, SIGHUP and SIGPIPE for this one. */
void rk_cli_catch_signals(struct rk_cli *cli);
/* Sleeps until fd (-1: none) can be read, a wake, a signal or the timeout. True: fd can be read. */
bool rk_cli_poll(struct rk_cli *cli, int fd, int timeout_ms);

/* -- out.c --------------------------------------------------------------------------------------
 */

void rk_cli_flush(struct rk_cli *cli);

/* -- base64.c -----------------------------------------------------------------------------------
 */

char *rk_cli_base64(const char *data, size_t bytes); /* malloced; NULL without memory */
/* *ret_data is malloced and ends in 0. False if it is no base64, or without memory. */
bool rk_cli_unbase64(const char *text, char **ret_data, int *ret_bytes);
/* Without a line end; nothing for no bytes. */
void rk_cli_put_hex(struct rk_cli *cli, const char *data, int bytes);

/* -- args.c -------------------------------------------------------------------------------------
 */

struct rk_cli_words {
    char **list; /* malloced, as are its words; ends in NULL */
    int count;
};
/* A line into words by the rules of zkCli. False without memory. */
bool rk_cli_split(const char *line, struct rk_cli_words *ret);
void rk_cli_words_free(struct rk_cli_words *words);
/* The end of the first command of a -c text: a line end or a ; outside of quotes. */
size_t rk_cli_command_end(const char *text);

/* words[0] is the command's name. values must have room for count + 1 words. ret is filled; false
 * with why (commons-cli's words) in problem. The words themselves are borrowed. */
bool rk_cli_parse_args(const struct rk_cli_command *command, int count, char **words,
                       const char **values, struct rk_cli_args *ret, char *problem,
                       size_t problem_bytes);

/* -- visit.c ------------------------------------------------------------------------------------
 */

/* Every node of a subtree in the order of zkCli's ls -R: the root, its children, then the same for
 * each child. Requests for what comes next are sent ahead. ZOK, or why it ended: fn said a code
 * other than ZOK, the root could not be read, RK_CLI_CUT. Nodes that go meanwhile are left out. */
typedef int (*rk_cli_visit_fn)(struct rk_cli *cli, const char *path, void *context);
int rk_cli_visit(struct rk_cli *cli, const char *root, bool is_watch, rk_cli_visit_fn fn,
                 void *context);

/* -- run.c --------------------------------------------------------------------------------------
 */

/* An exit code; sets cli->exit_code by the rules of scripts. */
int rk_cli_run_words(struct rk_cli *cli, int count, char **words);
/* With history, as typed. Empty lines do nothing. */
int rk_cli_run_line(struct rk_cli *cli, const char *line);
/* What kind argument i of a command is. */
enum rk_cli_kind rk_cli_kind_of(const struct rk_cli_command *command, int i);
const char *rk_cli_history_line(const struct rk_cli *cli, int number); /* NULL: not kept */

#endif
