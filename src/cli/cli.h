/* The context that commands of rookery-cli run in: the session, waiting, Ctrl-C, events of watches.
 * Output is in out.h, calls to the server in call.h.
 *
 * One thread, the main one, runs commands and does all printing. The library's threads run
 * completions and watchers: those store what they were given and call rk_cli_wake, nothing else. */
#ifndef RK_CLI_CLI_H
#define RK_CLI_CLI_H

#include "cli/command.h"
#include <zookeeper/zookeeper.h>

/* How the program was started; fixed from then on, but for what is said. */
struct rk_cli_options {
    const char *server;  /* -server: "host:port,[::1]:port/chroot"; `connect` changes it */
    int timeout_ms;      /* -timeout: of the session, default 30,000 */
    int wait_ms;         /* how long a command waits for a connection */
    int request_ms;      /* over it a request counts as lost; 0: the session's timeout */
    bool is_read_only;   /* -r */
    bool is_json;        /* --json */
    bool is_zkcli;       /* --zkcli: speak exactly as zkCli does, greeting and all */
    bool is_interactive; /* commands come from a terminal, line by line */
    bool is_colour;      /* stdout is a terminal, and neither --no-color nor NO_COLOR */
    bool is_debug;       /* --debug: the library's log on stderr */
    bool is_fail_fast;   /* -e: a script ends with its first error */
};

const struct rk_cli_options *rk_cli_options(const struct rk_cli *cli);

/* -- The session --------------------------------------------------------------------------------
 */

/* Of the session; NULL when there is none (never in a command that is not RK_CLI_OFFLINE). */
zhandle_t *rk_cli_handle(struct rk_cli *cli);

/* Another session, with the same timeouts and auth, for commands that talk to two servers or to
 * each server by itself. Waits until connected, at most wait_ms. On failure NULL with the reason
 * printed, unless is_quiet. Its session events are not printed. End it with rk_cli_hang_up (not
 * zookeeper_close), which forgets calls that still wait. */
zhandle_t *rk_cli_dial(struct rk_cli *cli, const char *hosts, int wait_ms, bool is_quiet);
void rk_cli_hang_up(struct rk_cli *cli, zhandle_t *zh);

/* -- Waiting ------------------------------------------------------------------------------------
 */

enum rk_cli_wait { RK_CLI_WOKEN, RK_CLI_TIMED_OUT, RK_CLI_INTERRUPTED };

/* Sleeps until rk_cli_wake, Ctrl-C or the timeout (-1: none), printing watch events that come
 * meanwhile. May return WOKEN for no reason: look again at what was waited for. INTERRUPTED is
 * returned again and again until the command has ended. */
enum rk_cli_wait rk_cli_wait(struct rk_cli *cli, int timeout_ms);
/* From any thread and from signal handlers. */
void rk_cli_wake(struct rk_cli *cli);
/* Ctrl-C (or SIGTERM) since the command began. Loops that do not wait ask this. */
bool rk_cli_is_stopped(const struct rk_cli *cli);
/* Milliseconds of a clock that never goes back. */
int64_t rk_cli_now_ms(void);

/* Runs a program with the terminal as it was before line editing, with Ctrl-C going to it; waits
 * for its end. The exit status as shells have it (128 + signal), or -1 with an error printed when
 * it could not be started. The session stays alive meanwhile. */
int rk_cli_spawn(struct rk_cli *cli, char *const argv[]);

/* -- Watches ------------------------------------------------------------------------------------
 */

/* What calls with is_watch register: prints the event as zkCli does ("WATCHER::"), or as JSON, on
 * the main thread, unless printwatches is off. Context: the struct rk_cli. */
void rk_cli_watcher(zhandle_t *zh, int type, int state, const char *path, void *context);

/* Commands that follow watches themselves: between begin and end, events of rk_cli_watcher go to fn
 * (on the main thread, in rk_cli_wait) instead of being printed. What watches that were set
 * meanwhile tell after the end goes nowhere. type and state: ZOO_*_EVENT, ZOO_*_STATE of
 * zookeeper.h; zxid -1 where the server does not say. fn NULL: print again. */
typedef void (*rk_cli_event_fn)(struct rk_cli *cli, void *context, int type, int state,
                                const char *path, int64_t zxid);
void rk_cli_on_event(struct rk_cli *cli, rk_cli_event_fn fn, void *context);

/* "NodeDataChanged", "SyncConnected" ...: as Java prints them. */
const char *rk_cli_event_name(int type);
const char *rk_cli_state_name(int state);

#endif
