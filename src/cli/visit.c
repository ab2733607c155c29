/* A walk over a subtree in the order of zkCli's `ls -R` (ZK: ZKUtil.visitSubTreeDFS): a node's
 * children are all visited before the first of them is gone into. The nodes still to be gone into
 * are a stack; the lists of its topmost ones are asked for ahead, so that a walk costs far fewer
 * round trips than nodes. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include <stdlib.h>
#include <string.h>

#define AHEAD 64

/* Of a request; the completion's until is_done, and whoever comes last frees it. Guarded by the
 * shell's lock. */
struct request {
    struct rk_cli *cli;
    bool is_done, is_abandoned;
    int rc;
    struct String_vector names;
};

struct entry {
    char *path;
    struct request *request; /* NULL: not asked for yet */
};

struct visit {
    struct rk_cli *cli;
    bool is_watch;
    rk_cli_visit_fn fn;
    void *context;
    struct entry *stack;
    size_t depth, room;
};

static void free_request(struct request *r)
{
    deallocate_String_vector(&r->names);
    free(r);
}

static void on_names(int rc, const struct String_vector *names, const void *data)
{
    struct request *r = (struct request *)data;
    struct rk_cli *cli = r->cli;
    bool is_abandoned;

    if (rc == ZOK && names && !rk_cli_copy_strings(names, &r->names))
        rc = ZSYSTEMERROR;
    pthread_mutex_lock(&cli->lock);
    r->rc = rc;
    r->is_done = true;
    is_abandoned = r->is_abandoned;
    pthread_mutex_unlock(&cli->lock);
    if (is_abandoned)
        free_request(r);
    else
        rk_cli_wake(cli);
}

static int ask(struct visit *v, struct entry *e)
{
    struct request *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return ZSYSTEMERROR;
    r->cli = v->cli;
    rc = zoo_awget_children(v->cli->zh, e->path, v->is_watch ? rk_cli_watcher_now(v->cli) : NULL,
                            v->cli, on_names, r);
    if (rc != ZOK)
        free_request(r);
    else
        e->request = r;
    return rc;
}

/* Takes path. */
static int push(struct visit *v, char *path)
{
    if (path && v->depth == v->room) {
        size_t room = v->room ? v->room * 2 : 256;
        struct entry *stack = realloc(v->stack, room * sizeof *stack);
        if (!stack) {
            free(path);
            return ZSYSTEMERROR;
        }
        v->stack = stack;
        v->room = room;
    }
    if (!path)
        return ZSYSTEMERROR;
    v->stack[v->depth++] = (struct entry){path, NULL};
    return ZOK;
}

static void drop_entry(struct rk_cli *cli, struct entry *e)
{
    struct request *r = e->request;
    bool is_ours = true;

    if (r) {
        pthread_mutex_lock(&cli->lock);
        is_ours = r->is_done;
        r->is_abandoned = !is_ours;
        pthread_mutex_unlock(&cli->lock);
        if (is_ours)
            free_request(r);
    }
    free(e->path);
}

static int ask_ahead(struct visit *v)
{
    size_t end = v->depth > AHEAD ? v->depth - AHEAD : 0;
    int rc = ZOK;

    for (size_t i = v->depth; rc == ZOK && i > end; i--)
        if (!v->stack[i - 1].request)
            rc = ask(v, &v->stack[i - 1]);
    return rc;
}

static int wait_for(struct visit *v, struct request *r)
{
    int64_t deadline = rk_cli_now_ms() + rk_cli_request_limit_ms(v->cli);

    for (;;) {
        int64_t left = deadline - rk_cli_now_ms();
        bool is_done;
        pthread_mutex_lock(&v->cli->lock);
        is_done = r->is_done;
        pthread_mutex_unlock(&v->cli->lock);
        if (is_done)
            return r->rc;
        if (left <= 0)
            return ZOPERATIONTIMEOUT;
        if (rk_cli_wait(v->cli, (int)left) == RK_CLI_INTERRUPTED)
            return RK_CLI_CUT;
    }
}

/* The topmost node's children: visited in order, and put on the stack in its place. */
static int go_into(struct visit *v)
{
    struct entry top = v->stack[v->depth - 1];
    int rc = wait_for(v, top.request);
    struct String_vector *names = &top.request->names;

    if (rc == ZOK && v->is_watch)
        rk_cli_remember_watch(v->cli, top.path, RK_CLI_WATCH_CHILD);
    if (rc != ZOK && rc != ZNONODE)
        return rc;
    v->depth--;
    rk_cli_sort_strings(names);
    rc = ZOK;
    for (int32_t i = 0; rc == ZOK && i < names->count; i++) {
        char *path = rk_cli_join(top.path, names->data[i]);
        rc = path ? v->fn(v->cli, path, v->context) : ZSYSTEMERROR;
        free(path);
        if (rc == ZOK && rk_cli_is_stopped(v->cli))
            rc = RK_CLI_CUT;
    }
    for (int32_t i = names->count; rc == ZOK && i > 0; i--)
        rc = push(v, rk_cli_join(top.path, names->data[i - 1]));
    drop_entry(v->cli, &top);
    return rc;
}

int rk_cli_visit(struct rk_cli *cli, const char *root, bool is_watch, rk_cli_visit_fn fn,
                 void *context)
{
    struct visit v = {cli, is_watch, fn, context, NULL, 0, 0};
    struct rk_cli_value value = {NULL, -1};
    int rc = rk_cli_get(cli, NULL, root, is_watch, &value, NULL);

    rk_cli_value_free(&value);
    if (rc == ZOK)
        rc = fn(cli, root, context);
    if (rc == ZOK)
        rc = push(&v, strdup(root));
    while (rc == ZOK && v.depth > 0) {
        rc = ask_ahead(&v);
        if (rc == ZOK)
            rc = go_into(&v);
    }
    for (size_t i = 0; i < v.depth; i++)
        drop_entry(cli, &v.stack[i]);
    free(v.stack);
    return rc;
}
