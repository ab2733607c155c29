/* watch and exec-on-change: what changes, as it changes. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_follow.h"
#include "cli/x_run.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct env {
    char *event, *path, *zxid, *server;
    char *list[5];
};

static void make_env(struct rk_cli *cli, const struct rk_x_change *c, const char *path,
                     struct env *ret)
{
    ret->event = rk_x_format("ROOKERY_EVENT=%s", rk_x_change_name(c->type));
    ret->path = rk_x_format("ROOKERY_PATH=%s", c->path != NULL ? c->path : path);
    ret->zxid = rk_x_format("ROOKERY_ZXID=0x%" PRIx64, (uint64_t)(c->zxid < 0 ? 0 : c->zxid));
    ret->server = rk_x_format("ROOKERY_SERVER=%s", rk_cli_options(cli)->server);
    char *list[] = {ret->event, ret->path, ret->zxid, ret->server, NULL};
    memcpy(ret->list, list, sizeof list);
}

static void free_env(struct env *env)
{
    for (int i = 0; env->list[i] != NULL; i++)
        free(env->list[i]);
}

/* -- watch */

struct watch {
    struct rk_cli *cli;
    const char *path, *exec;
    bool shows_data;
    int64_t shown;
};

/* The data of a created or changed node as they are now, which may be later than the change. */
static bool fetch(struct watch *w, const struct rk_x_change *c, struct rk_cli_value *ret_value)
{
    bool has = w->shows_data && (c->type == RK_X_CREATED || c->type == RK_X_CHANGED);
    return has && rk_cli_get(w->cli, NULL, c->path, false, ret_value, NULL) == ZOK;
}

static void show_json(struct watch *w, const struct rk_x_change *c, const char *when,
                      const struct rk_cli_value *value)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "event", json_string(rk_x_change_name(c->type)));
    (void)json_object_set_new(object, "time", json_string(when));
    if (c->path != NULL)
        (void)json_object_set_new(object, "path", rk_cli_json_text(c->path));
    if (c->zxid >= 0) {
        char *zxid = rk_x_format("0x%" PRIx64, (uint64_t)c->zxid);
        (void)json_object_set_new(object, "zxid", json_string(zxid));
        free(zxid);
    }
    if (value != NULL)
        (void)rk_cli_json_data(object, value->data, value->bytes);
    rk_cli_emit(w->cli, object);
}

static void show_text(struct watch *w, const struct rk_x_change *c, const char *when,
                      const struct rk_cli_value *value)
{
    static const enum rk_cli_colour colours[] = {RK_CLI_GREEN, RK_CLI_YELLOW, RK_CLI_RED,
                                                 RK_CLI_BOLD, RK_CLI_BOLD};
    rk_cli_paint(w->cli, RK_CLI_DIM, "%s ", when);
    rk_cli_paint(w->cli, colours[c->type], "%s", rk_x_change_name(c->type));
    if (c->path != NULL) {
        rk_cli_print(w->cli, " ");
        rk_cli_put_name(w->cli, c->path);
    } else {
        rk_cli_print(w->cli, c->type == RK_X_GAP ? ": changes may have been missed here" : "");
    }
    if (value != NULL && value->data != NULL) {
        char *safe = rk_cli_safe(value->data, (size_t)value->bytes);
        rk_cli_print(w->cli, " = %s", safe != NULL ? safe : "");
        free(safe);
    }
    rk_cli_print(w->cli, "\n");
}

static int run_exec(struct watch *w, const struct rk_x_change *c)
{
    struct env env;
    struct rk_x_run run;
    const char *const argv[] = {"/bin/sh", "-c", w->exec, NULL};
    make_env(w->cli, c, w->path, &env);
    int status = RK_CLI_FAILED;
    if (rk_x_run_start(w->cli, argv, env.list, "", 0, &run))
        status = rk_x_run_wait(&run);
    free_env(&env);
    return status;
}

static void show_change(struct watch *w, const struct rk_x_change *c)
{
    char when[32];
    struct rk_cli_value value = {0};
    rk_x_time_text(rk_x_epoch_ms(), when);
    bool has_value = fetch(w, c, &value);
    if (rk_cli_is_json(w->cli))
        show_json(w, c, when, has_value ? &value : NULL);
    else
        show_text(w, c, when, has_value ? &value : NULL);
    rk_cli_value_free(&value);
    w->shown++;
    if (w->exec != NULL && c->type != RK_X_ENDED)
        (void)run_exec(w, c); /* what it says of itself stops nothing */
}

static bool read_time(struct rk_cli *cli, const struct rk_cli_args *args, const char *flag,
                      int64_t *ret_ms)
{
    const char *text = rk_cli_flag(args, flag, NULL);
    int sign;
    if (text == NULL)
        return true;
    if (rk_x_parse_age(text, &sign, ret_ms) && sign == 0 && *ret_ms <= INT32_MAX)
        return true;
    (void)rk_cli_misuse(cli, "-%s takes a time, like 10s, 500ms or 2h", flag);
    return false;
}

static int run_watch(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t limit, for_ms = -1;
    if (!rk_cli_flag_number(cli, args, "n", 1, INT64_MAX, INT64_MAX, &limit) ||
        !read_time(cli, args, "for", &for_ms))
        return RK_CLI_USAGE;
    struct watch w = {.cli = cli,
                      .path = rk_cli_arg(args, 0),
                      .exec = rk_cli_flag(args, "exec", NULL),
                      .shows_data = rk_cli_has(args, "data")};
    int status = RK_CLI_OK;
    struct rk_x_follow *follow = rk_x_follow_open(cli, w.path, !rk_cli_has(args, "node"),
                                                  rk_cli_has(args, "plain"), &status);
    if (follow == NULL)
        return status;
    rk_cli_note(cli, "watching %s%s\n", w.path, rk_x_follow_is_plain(follow) ? " (plain)" : "");
    int64_t until = rk_cli_now_ms() + for_ms;
    int rc = 1;
    while (w.shown < limit && status == RK_CLI_OK) {
        struct rk_x_change change;
        int64_t left = for_ms < 0 ? -1 : until - rk_cli_now_ms();
        rc = for_ms >= 0 && left <= 0 ? 0 : rk_x_follow_next(follow, (int)left, &change);
        if (rc != 1)
            break;
        show_change(&w, &change);
        if (change.type == RK_X_ENDED)
            status = RK_CLI_NOT_CONNECTED;
        free(change.path);
    }
    if (w.shown == 0 && rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:i}", "count", 0));
    rk_x_follow_close(follow);
    return rc < 0 ? RK_CLI_STOPPED : status;
}

static const struct rk_cli_flag watch_flags[] = {
    {"data", NULL, "with the data of created and changed nodes, as they are when shown", RK_CLI_ANY,
     0},
    {"node", NULL, "the node alone, not what is below it", RK_CLI_ANY, 0},
    {"n", "count", "end after so many changes", RK_CLI_ANY, 0},
    {"for", "time", "end after this long (10s, 2h)", RK_CLI_ANY, 0},
    {"exec", "command", "run by sh for each change, with ROOKERY_EVENT, _PATH and _ZXID",
     RK_CLI_ANY, 0},
    {"plain", NULL, "ordinary watches, as for servers before 3.6", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_watch = {
    .name = "watch",
    .usage = "[-data] [-node] [-n count] [-for time] [-exec command] [-plain] path",
    .summary = "follow the changes of a subtree until Ctrl-C",
    .help =
        "The node need not be there yet. After a lost connection a line `gap` says that changes "
        "may have been missed: a server does not replay them. Servers without persistent "
        "watches are followed with ordinary ones, which may see two quick changes as one.",
    .flags = watch_flags,
    .args = "p",
    .args_min = 1,
    .args_max = 1,
    .run = run_watch,
};

/* -- exec-on-change */

struct react {
    struct rk_cli *cli;
    const char *path;
    const char *const *argv;
    int64_t settle_ms;
    bool is_once;
};

/* The program's status, or why it was not run. */
static int react_to(struct react *r, const struct rk_x_change *c, bool *ret_ran)
{
    *ret_ran = false;
    struct rk_cli_value value = {0};
    struct env env;
    struct rk_x_run run;
    int rc = rk_cli_get(r->cli, NULL, r->path, false, &value, NULL);
    if (rc != ZOK && rc != ZNONODE)
        return rk_cli_fail(r->cli, rc, r->path);
    make_env(r->cli, c, r->path, &env);
    int status = RK_CLI_FAILED;
    if (rk_x_run_start(r->cli, r->argv, env.list, value.data != NULL ? value.data : "",
                       value.data != NULL ? value.bytes : 0, &run)) {
        *ret_ran = true;
        status = rk_x_run_wait(&run);
    }
    free_env(&env);
    rk_cli_value_free(&value);
    return status;
}

/* Takes all that has come, and what comes within the time that things are to be quiet for. */
static int gather(struct rk_x_follow *follow, const struct react *r, struct rk_x_change *last)
{
    struct rk_x_change next;
    int rc;
    while ((rc = rk_x_follow_next(follow, (int)r->settle_ms, &next)) == 1) {
        free(last->path);
        *last = next;
        if (last->type == RK_X_ENDED)
            return 1;
    }
    return rc < 0 ? -1 : 1;
}

static int react_until_end(struct react *r, struct rk_x_follow *follow, int status)
{
    for (;;) {
        struct rk_x_change change;
        int rc = rk_x_follow_next(follow, -1, &change);
        if (rc < 0)
            return RK_CLI_STOPPED;
        if (rc == 0)
            continue;
        rc = gather(follow, r, &change);
        bool is_end = change.type == RK_X_ENDED, ran = false;
        if (rc > 0 && !is_end)
            status = react_to(r, &change, &ran);
        free(change.path);
        if (rc < 0 || rk_cli_is_stopped(r->cli))
            return RK_CLI_STOPPED;
        if (is_end)
            return rk_cli_fail(r->cli, ZSESSIONEXPIRED, r->path);
        if (r->is_once)
            return status;
        if (ran && status != 0)
            rk_cli_note(r->cli, "the command ended with %d\n", status);
    }
}

static int run_exec_on_change(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct react r = {.cli = cli,
                      .path = rk_cli_arg(args, 0),
                      .argv = args->values + 1,
                      .is_once = rk_cli_has(args, "once")};
    if (!read_time(cli, args, "settle", &r.settle_ms))
        return RK_CLI_USAGE;
    int status = RK_CLI_OK;
    struct rk_x_follow *follow =
        rk_x_follow_open(cli, r.path, rk_cli_has(args, "r"), rk_cli_has(args, "plain"), &status);
    if (follow == NULL)
        return status;
    rk_cli_note(cli, "watching %s\n", r.path);
    cli->emitted++; /* what is printed is the command's */
    if (rk_cli_has(args, "initial")) {
        struct rk_x_change none = {.type = RK_X_CHANGED, .zxid = -1};
        bool ran;
        status = react_to(&r, &none, &ran);
    }
    status = react_until_end(&r, follow, status);
    rk_x_follow_close(follow);
    return status;
}

static const struct rk_cli_flag exec_flags[] = {
    {"r", NULL, "changes below the path count, too", RK_CLI_ANY, 0},
    {"initial", NULL, "run it once at the start", RK_CLI_ANY, 0},
    {"once", NULL, "end after the first change with the command's exit code", RK_CLI_ANY, 0},
    {"settle", "time", "wait until nothing has changed for this long (0)", RK_CLI_ANY, 0},
    {"plain", NULL, "ordinary watches, as for servers before 3.6", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_exec_on_change = {
    .name = "exec-on-change",
    .usage = "[-r] [-initial] [-once] [-settle time] [-plain] path -- command [argument ...]",
    .summary = "run a command whenever a node changes",
    .help =
        "The command reads the data of the path, as they are then, on its standard input and has "
        "ROOKERY_EVENT (created, changed, deleted, gap), ROOKERY_PATH (what changed), "
        "ROOKERY_ZXID and ROOKERY_SERVER. One runs at a time; changes that come meanwhile lead "
        "to one more run. It runs after a lost connection, too (gap): something may have "
        "changed.",
    .flags = exec_flags,
    .args = "p-",
    .args_min = 2,
    .args_max = -1,
    .run = run_exec_on_change,
};
