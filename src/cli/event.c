/* Events of watches and of the session: taken from the library's threads into a ring, printed or
 * handed on by the main thread. And what the shell has asked to be told of: Java's client tells of
 * watches that are removed, the C interface does not, so the shell keeps its own book. ZK:
 * ZKWatchManager. */
#include "cli/cli_int.h"
#include <inttypes.h>
#include <rookery/rookery.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static void push(struct rk_cli *cli, struct rk_cli_event event)
{
    struct rk_cli_event *e;

    pthread_mutex_lock(&cli->lock);
    if (cli->event_count == RK_CLI_EVENTS_MAX) {
        /* The oldest ones go: what is true now is worth more. */
        e = &cli->events[cli->event_first];
        free(e->path);
        cli->event_first = (cli->event_first + 1) % RK_CLI_EVENTS_MAX;
        cli->event_count--;
        cli->events_lost++;
    }
    e = &cli->events[(cli->event_first + cli->event_count) % RK_CLI_EVENTS_MAX];
    *e = event;
    cli->event_count++;
    pthread_mutex_unlock(&cli->lock);
    rk_cli_wake(cli);
}

void rk_cli_push_event(struct rk_cli *cli, int type, int state, int64_t zxid, char *take_path)
{
    push(cli, (struct rk_cli_event){type, state, zxid, take_path, false});
}

static void take_event(zhandle_t *zh, int type, int state, const char *path, struct rk_cli *cli,
                       bool is_followed)
{
    bool is_node = type != ZOO_SESSION_EVENT;
    char *copy = is_node && path ? strdup(path) : NULL;

    if (is_node && !copy) {
        pthread_mutex_lock(&cli->lock);
        cli->events_lost++;
        pthread_mutex_unlock(&cli->lock);
        return;
    }
    push(cli,
         (struct rk_cli_event){type, state, is_node ? rk_watch_zxid(zh) : -1, copy, is_followed});
}

void rk_cli_watcher(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    take_event(zh, type, state, path, context, false);
}

/* rk_cli_watcher hears of the session. */
static void follower(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    if (type != ZOO_SESSION_EVENT)
        take_event(zh, type, state, path, context, true);
}

watcher_fn rk_cli_watcher_now(const struct rk_cli *cli)
{
    return cli->event_fn ? follower : rk_cli_watcher;
}

void rk_cli_on_event(struct rk_cli *cli, rk_cli_event_fn fn, void *context)
{
    cli->event_fn = fn;
    cli->event_context = context;
}

/* -- The book of watches ------------------------------------------------------------------------
 */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct rk_cli_watch *)a)->path, ((const struct rk_cli_watch *)b)->path);
}

static struct rk_cli_watch *find_watch(struct rk_cli *cli, const char *path)
{
    struct rk_cli_watch key = {(char *)(uintptr_t)path, 0};
    struct rk_cli_watch **found = tfind(&key, &cli->watches, by_path);
    return found ? *found : NULL;
}

static void free_watch(void *p)
{
    struct rk_cli_watch *watch = p;
    free(watch->path);
    free(watch);
}

static void drop_watch(struct rk_cli *cli, struct rk_cli_watch *watch)
{
    (void)tdelete(watch, &cli->watches, by_path);
    cli->watch_count--;
    free_watch(watch);
}

void rk_cli_remember_watch(struct rk_cli *cli, const char *path, enum rk_cli_watch_kind kind)
{
    struct rk_cli_watch *watch = find_watch(cli, path);

    if (!watch) {
        watch = cli->watch_count < RK_CLI_WATCHES_MAX ? calloc(1, sizeof *watch) : NULL;
        if (!watch)
            return; /* its removal will not be told of */
        watch->path = strdup(path);
        if (!watch->path || !tsearch(watch, &cli->watches, by_path)) {
            free_watch(watch);
            return;
        }
        cli->watch_count++;
    }
    watch->kinds |= (unsigned)kind;
}

void rk_cli_forget_all_watches(struct rk_cli *cli)
{
    tdestroy(cli->watches, free_watch);
    cli->watches = NULL;
    cli->watch_count = 0;
}

/* A watch of one time has fired. */
static void note_fired(struct rk_cli *cli, int type, const char *path)
{
    struct rk_cli_watch *watch = find_watch(cli, path);

    if (!watch)
        return;
    if (type != ZOO_CHILD_EVENT)
        watch->kinds &= ~(unsigned)(RK_CLI_WATCH_DATA | RK_CLI_WATCH_EXIST);
    if (type == ZOO_CHILD_EVENT || type == ZOO_DELETED_EVENT)
        watch->kinds &= ~(unsigned)RK_CLI_WATCH_CHILD;
    if (watch->kinds == 0)
        drop_watch(cli, watch);
}

void rk_cli_forget_watches(struct rk_cli *cli, const char *path, int type)
{
    static const struct {
        unsigned kinds;
        int types; /* bits: of which removals it is a part */
        int event;
    } parts[] = {
        {RK_CLI_WATCH_CHILD, 1 << 1 | 1 << 3, RK_CLI_EVENT_CHILD_REMOVED},
        {RK_CLI_WATCH_DATA | RK_CLI_WATCH_EXIST, 1 << 2 | 1 << 3, RK_CLI_EVENT_DATA_REMOVED},
        {RK_CLI_WATCH_PERSISTENT, 1 << 3 | 1 << 4, RK_CLI_EVENT_GONE},
        {RK_CLI_WATCH_RECURSIVE, 1 << 3 | 1 << 5, RK_CLI_EVENT_GONE},
    };
    struct rk_cli_watch *watch = find_watch(cli, path);
    int told = 0;

    for (size_t i = 0; watch && i < sizeof parts / sizeof parts[0]; i++) {
        char *copy;
        if (!(parts[i].types & 1 << type) || !(watch->kinds & parts[i].kinds))
            continue;
        watch->kinds &= ~parts[i].kinds;
        if (told == parts[i].event)
            continue;
        told = parts[i].event;
        copy = strdup(path);
        if (copy)
            rk_cli_push_event(cli, told, ZOO_CONNECTED_STATE, -1, copy);
    }
    if (watch && watch->kinds == 0)
        drop_watch(cli, watch);
}

/* -- Printing -----------------------------------------------------------------------------------
 */

static void print_as_json(struct rk_cli *cli, const struct rk_cli_event *e)
{
    int64_t emitted = cli->emitted;

    rk_cli_emit(cli, json_pack("{s:{s:s, s:s, s:o, s:I}}", "event", "type",
                               rk_cli_event_name(e->type), "state", rk_cli_state_name(e->state),
                               "path", e->path ? rk_cli_json_text(e->path) : json_null(), "zxid",
                               (json_int_t)e->zxid));
    cli->emitted = emitted; /* no result of a command */
}

/* ZK: MyWatcher.process, WatchedEvent.toString of 3.9. */
static void print_as_zkcli(struct rk_cli *cli, const struct rk_cli_event *e)
{
    rk_cli_print(cli,
                 "\nWATCHER::\n\nWatchedEvent state:%s type:%s path:", rk_cli_state_name(e->state),
                 rk_cli_event_name(e->type));
    rk_cli_put_name(cli, e->path ? e->path : "null");
    rk_cli_print(cli, " zxid: %" PRId64 "\n", e->zxid);
}

/* The session's own: to a person only. */
static void print_session(struct rk_cli *cli, const struct rk_cli_event *e)
{
    const char *text = "disconnected: looking for a server";

    if (e->state == ZOO_CONNECTED_STATE)
        text = "connected";
    else if (e->state == ZOO_READONLY_STATE)
        text = "connected, read-only: this server has no quorum";
    else if (e->state == ZOO_EXPIRED_SESSION_STATE)
        text = "session expired: its ephemerals and watches are gone";
    else if (e->state == ZOO_AUTH_FAILED_STATE)
        text = "authentication failed";
    else if (e->state == RK_CLI_STATE_CLOSED)
        text = "closed";
    rk_cli_paint(cli, RK_CLI_DIM, "-- %s", text);
    rk_cli_print(cli, "\n");
}

static void show(struct rk_cli *cli, const struct rk_cli_event *e)
{
    bool is_session = e->type == ZOO_SESSION_EVENT;

    if (is_session && (e->state == ZOO_ASSOCIATING_STATE || e->state == ZOO_NOTCONNECTED_STATE))
        return;
    if (!is_session)
        note_fired(cli, e->type, e->path);
    if (e->is_followed && !cli->event_fn)
        return; /* who asked for it has ended */
    if (cli->event_fn) {
        cli->event_fn(cli, cli->event_context, e->type, e->state, e->path, e->zxid);
        return;
    }
    if (!cli->prints_watches ||
        (is_session && !cli->options.is_zkcli && !cli->options.is_interactive))
        return;
    if (cli->on_print)
        cli->on_print(cli, true);
    if (cli->options.is_json)
        print_as_json(cli, e);
    else if (is_session && !cli->options.is_zkcli)
        print_session(cli, e);
    else
        print_as_zkcli(cli, e);
    if (cli->on_print)
        cli->on_print(cli, false);
}

void rk_cli_drain_events(struct rk_cli *cli)
{
    for (;;) {
        struct rk_cli_event e = {0, 0, 0, NULL, false};
        int64_t lost;
        bool is_more;

        pthread_mutex_lock(&cli->lock);
        lost = cli->events_lost;
        cli->events_lost = 0;
        is_more = cli->event_count > 0;
        if (is_more) {
            e = cli->events[cli->event_first];
            cli->event_first = (cli->event_first + 1) % RK_CLI_EVENTS_MAX;
            cli->event_count--;
        }
        pthread_mutex_unlock(&cli->lock);
        if (lost > 0)
            rk_cli_note(cli, "%" PRId64 " events came faster than they could be printed\n", lost);
        if (!is_more)
            break;
        show(cli, &e);
        free(e.path);
    }
    rk_cli_flush(cli);
}
