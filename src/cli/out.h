/* What rookery-cli prints, and how.
 *
 * Two languages, chosen at start. As text: what zkCli prints, results on stdout, remarks and errors
 * on stderr. As JSON (--json): every result is one object on one line of stdout; an error is an
 * object with a member "error"
 * ({"error":{"name":"NONODE","code":-101,"message":"...","path":"/a"}}); remarks are not printed at
 * all. Every command prints one object at least; a command with many results prints one a line as
 * they come and nothing else, or, with none, {"count":0}.
 *
 * So commands say both: `if (rk_cli_is_json(cli)) rk_cli_emit(cli, json) else rk_cli_print(cli,
 * text)`. Names and values may hold escape sequences: what goes to stderr is made harmless here,
 * and only print what of the server passed through rk_cli_safe, rk_cli_put_name or
 * rk_cli_put_value. */
#ifndef RK_CLI_OUT_H
#define RK_CLI_OUT_H

#include "cli/cli.h"
#include <jansson.h>

/* -- Text ---------------------------------------------------------------------------------------
 */

bool rk_cli_is_json(const struct rk_cli *cli);
/* Result text on stdout; nothing in JSON mode. Buffered; flushed when the command ends or waits. */
void rk_cli_print(struct rk_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Remarks on stderr ("Created /a", "absolute path is ..."), with their line end; control characters
 * other than \n and \t as \xNN. Nothing in JSON mode. */
void rk_cli_note(struct rk_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum rk_cli_colour {
    RK_CLI_PLAIN,
    RK_CLI_BOLD,
    RK_CLI_DIM,
    RK_CLI_RED,
    RK_CLI_GREEN,
    RK_CLI_YELLOW,
    RK_CLI_BLUE,
    RK_CLI_CYAN
};
/* As rk_cli_print, coloured if colours are on. Text must be safe. */
#define RK_CLI_FORM __attribute__((format(printf, 3, 4)))
void rk_cli_paint(struct rk_cli *cli, enum rk_cli_colour c, const char *form, ...) RK_CLI_FORM;
/* The escape sequence alone, "" without colours. RK_CLI_PLAIN ends all others. */
const char *rk_cli_code(const struct rk_cli *cli, enum rk_cli_colour colour);

/* A name, path or any one-line text of unknown origin: control characters and bytes that are no
 * UTF-8 become \xNN, \n and \t too. rk_cli_safe: malloced, NULL without memory. */
char *rk_cli_safe(const char *text, size_t bytes);
void rk_cli_put_name(struct rk_cli *cli, const char *name);
/* A value as `get` prints it, without a line end: the bytes as they are into a file or pipe; on a
 * terminal control characters other than \n and \t and broken UTF-8 as \xNN. NULL: "null". */
void rk_cli_put_value(struct rk_cli *cli, const char *data, int bytes);

/* -- Progress -----------------------------------------------------------------------------------
 */

/* A line on stderr that counts ("deleted 1,200 of 5,000  24%  8,000/s"), only if stderr is a
 * terminal and not in JSON mode; redrawn ten times a second at most, wiped at the end. */
struct rk_cli_progress {
    const char *what; /* "deleted" */
    int64_t done;
    int64_t total; /* -1: unknown */
    int64_t begin_ms;
    int64_t drawn_ms;
    bool is_shown;
};
void rk_cli_progress_begin(struct rk_cli *cli, struct rk_cli_progress *p, const char *what,
                           int64_t total);
void rk_cli_progress_add(struct rk_cli *cli, struct rk_cli_progress *p, int64_t count);
void rk_cli_progress_end(struct rk_cli *cli, struct rk_cli_progress *p);

/* -- JSON ---------------------------------------------------------------------------------------
 */

/* Takes the reference, prints it on a line in JSON mode. NULL counts as out of memory: an error. */
void rk_cli_emit(struct rk_cli *cli, json_t *take_object);
/* On one line, without its end; on a terminal with \uNNNN for what might steer it. Malloced, NULL
 * without memory. */
char *rk_cli_json_line(const json_t *object);
/* A string; what is no UTF-8 becomes U+FFFD. */
json_t *rk_cli_json_text(const char *text);
/* Sets object's "data": a string, null for a null value (bytes < 0); a value that is no UTF-8 or
 * has a 0 in it as "data_base64" instead. False without memory. */
bool rk_cli_json_data(json_t *object, const char *data, int bytes);
/* {"czxid":..,"mzxid":..,"ctime":ms,"mtime":ms,"version":..,"cversion":..,"aversion":..,
 * "ephemeralOwner":"0x..","dataLength":..,"numChildren":..,"pzxid":..}; zxids as "0x..". */
json_t *rk_cli_json_stat(const struct Stat *stat);
/* [{"scheme":..,"id":..,"perms":"cdrwa"}] */
json_t *rk_cli_json_acl(const struct ACL_vector *acl);

/* -- Errors -------------------------------------------------------------------------------------
 */

/* One line of any text, made safe here. Prints and returns RK_CLI_FAILED. */
int rk_cli_error(struct rk_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same; returns RK_CLI_USAGE. */
int rk_cli_misuse(struct rk_cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The command's usage line, as zkCli prints it when arguments are missing; returns RK_CLI_USAGE. */
int rk_cli_show_usage(struct rk_cli *cli, const struct rk_cli_command *command);
/* For what a call of call.h or of the library returned: prints as zkCli ("Node does not exist: /a",
 * "KeeperErrorCode = ConnectionLoss for /a"), nothing for RK_CLI_CUT; returns the exit code that
 * goes with rc. path may be NULL. */
int rk_cli_fail(struct rk_cli *cli, int rc, const char *path);
int rk_cli_exit_of(int rc);
/* "NONODE", "UNKNOWN"; and Java's text: "NoNode", "Directory not empty". */
const char *rk_cli_error_name(int rc);
const char *rk_cli_error_text(int rc);

/* -- Things of ZooKeeper ------------------------------------------------------------------------
 */

void rk_cli_put_stat(struct rk_cli *cli, const struct Stat *stat); /* eleven lines, as zkCli */
void rk_cli_put_acl(struct rk_cli *cli, const struct ACL_vector *acl);
/* ms since 1970 as Java's Date.toString in local time: "Mon Nov 23 05:01:37 UTC 2026". */
#define RK_CLI_TIME_BYTES 64
void rk_cli_time(int64_t ms, char ret[RK_CLI_TIME_BYTES]);
/* "cdrwa" of bits; ret has room for 6. */
void rk_cli_perms(int32_t perms, char ret[6]);
/* scheme:id:perm[,...] as zkCli reads it: what is malformed is noted and left out. Free with
 * deallocate_ACL_vector. False without memory. */
bool rk_cli_parse_acl(struct rk_cli *cli, const char *text, struct ACL_vector *ret);
/* NULL, or why Java refuses the path ("Path must start with / character"), in words. */
const char *rk_cli_path_problem(const char *path, bool is_sequential, char *buffer, size_t bytes);

#endif
