/* deleteall: a subtree in batches, leaves first. ZK: DeleteAllCommand, ZKUtil.deleteInBatch:
 * batches are transactions, ten of them on the way at a time, and the first that fails ends it. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_MAX 10

struct list {
    char **paths;
    size_t count, room;
};

static int add_path(struct rk_cli *cli, const char *path, void *context)
{
    struct list *list = context;

    (void)cli;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 1024;
        char **paths = realloc(list->paths, room * sizeof *paths);
        if (!paths)
            return ZSYSTEMERROR;
        list->paths = paths;
        list->room = room;
    }
    list->paths[list->count] = strdup(path);
    return list->paths[list->count++] ? ZOK : ZSYSTEMERROR;
}

static void free_list(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
}

/* All of the batches. It lives until the last of them is answered, which may be after the command
 * was ended: whoever is last frees it. Guarded by the shell's lock. */
struct work {
    struct rk_cli *cli;
    int in_flight;
    int rc; /* the first that was not ZOK */
    int64_t done;
    bool is_abandoned;
};
struct batch {
    struct work *work;
    int count;
    zoo_op_result_t *results;
    zoo_op_t ops[];
};

static void on_batch(int rc, const void *data)
{
    struct batch *b = (struct batch *)data;
    struct work *w = b->work;
    struct rk_cli *cli = w->cli;
    bool is_last;

    pthread_mutex_lock(&cli->lock);
    w->in_flight--;
    if (rc == ZOK)
        w->done += b->count;
    else if (w->rc == ZOK)
        w->rc = rc;
    is_last = w->is_abandoned && w->in_flight == 0;
    pthread_mutex_unlock(&cli->lock);
    free(b->results);
    free(b);
    if (is_last)
        free(w);
    rk_cli_wake(cli);
}

static int send_batch(struct work *w, char **paths, int count)
{
    struct batch *b = calloc(1, sizeof *b + (size_t)count * sizeof b->ops[0]);
    int rc;

    if (!b)
        return ZSYSTEMERROR;
    b->results = calloc((size_t)count, sizeof *b->results);
    b->work = w;
    b->count = count;
    for (int i = 0; i < count; i++)
        zoo_delete_op_init(&b->ops[i], paths[count - 1 - i], -1);
    pthread_mutex_lock(&w->cli->lock);
    w->in_flight++;
    pthread_mutex_unlock(&w->cli->lock);
    rc = b->results ? zoo_amulti(w->cli->zh, count, b->ops, b->results, on_batch, b) : ZSYSTEMERROR;
    if (rc != ZOK) {
        pthread_mutex_lock(&w->cli->lock);
        w->in_flight--;
        pthread_mutex_unlock(&w->cli->lock);
        free(b->results);
        free(b);
    }
    return rc;
}

/* Waits until at most `limit` batches are on the way. Brings the progress up to date. */
static int settle(struct work *w, int limit, struct rk_cli_progress *progress)
{
    for (;;) {
        int64_t done;
        int in_flight, rc;
        pthread_mutex_lock(&w->cli->lock);
        in_flight = w->in_flight;
        done = w->done;
        rc = w->rc;
        pthread_mutex_unlock(&w->cli->lock);
        rk_cli_progress_add(w->cli, progress, done - progress->done);
        if (in_flight <= limit || (rc != ZOK && limit > 0))
            return rc;
        if (rk_cli_wait(w->cli, -1) == RK_CLI_INTERRUPTED)
            return RK_CLI_CUT;
    }
}

static int delete_list(struct rk_cli *cli, struct list *list, int batch,
                       struct rk_cli_progress *progress)
{
    struct work *w = calloc(1, sizeof *w);
    size_t left = list->count;
    int rc = ZOK, end;
    bool is_idle;

    if (!w)
        return ZSYSTEMERROR;
    w->cli = cli;
    while (rc == ZOK && left > 0) {
        int count = left < (size_t)batch ? (int)left : batch;
        rc = settle(w, IN_FLIGHT_MAX - 1, progress);
        if (rc == ZOK)
            rc = send_batch(w, list->paths + left - (size_t)count, count);
        left -= (size_t)count;
    }
    end = rc == RK_CLI_CUT ? rc : settle(w, 0, progress);
    if (rc == ZOK || end == RK_CLI_CUT)
        rc = end;
    pthread_mutex_lock(&cli->lock);
    is_idle = w->in_flight == 0;
    w->is_abandoned = true;
    pthread_mutex_unlock(&cli->lock);
    if (is_idle)
        free(w);
    return rc;
}

/* -b 0 and less: one by one, and the first refusal is the answer. */
static int delete_singly(struct rk_cli *cli, struct list *list, struct rk_cli_progress *progress,
                         const char **ret_path)
{
    for (size_t i = list->count; i > 0; i--) {
        int rc = rk_cli_delete(cli, NULL, list->paths[i - 1], -1);
        *ret_path = list->paths[i - 1];
        if (rc != ZOK)
            return rc;
        rk_cli_progress_add(cli, progress, 1);
    }
    return ZOK;
}

static int run_deleteall(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    const char *failed = path;
    struct list list = {NULL, 0, 0};
    struct rk_cli_progress progress;
    int64_t batch = 1000;
    int rc, code;

    if (rk_cli_has(args, "b") &&
        !rk_cli_number(rk_cli_flag(args, "b", ""), INT32_MIN, INT32_MAX, &batch))
        return rk_cli_misuse(cli, "-b argument must be an int value");
    rc = rk_cli_visit(cli, path, false, add_path, &list);
    if (rc != ZOK) {
        free_list(&list);
        return rk_cli_fail(cli, rc, path);
    }
    rk_cli_progress_begin(cli, &progress, "deleted", (int64_t)list.count);
    rc = batch > 0 ? delete_list(cli, &list, (int)(batch < 100000 ? batch : 100000), &progress)
                   : delete_singly(cli, &list, &progress, &failed);
    rk_cli_progress_end(cli, &progress);
    code = rk_cli_exit_of(rc);
    if (rc == ZOK)
        rk_cli_emit(cli, json_pack("{s:o, s:I}", "path", rk_cli_json_text(path), "count",
                                   (json_int_t)progress.done));
    else if (batch > 0 && rc != RK_CLI_CUT && !rk_cli_is_json(cli))
        rk_cli_note(cli, "Failed to delete some node(s) in the subtree!\n");
    else
        code = rk_cli_fail(cli, rc, failed);
    free_list(&list);
    return code;
}

static const struct rk_cli_flag deleteall_flags[] = {
    {.name = "b", .value = "batch size", .help = "batch size"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_deleteall = {
    .name = "deleteall",
    .usage = "path [-b batch size]",
    .summary = "delete a node and everything below it",
    .help = "In transactions of 1000 nodes, or what -b says; 0 deletes one by one. Not atomic as a "
            "whole: what was "
            "deleted before an error or Ctrl-C stays deleted. On a terminal shows how far it is.",
    .flags = deleteall_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_deleteall,
};
