/* Following changes; see x_follow.h. Events come while the main thread waits, in the middle of
 * whatever it waits for: they are only queued there, and looked at when the next change is asked
 * for. */
#include "cli/x_follow.h"

#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/out.h"
#include "cli/x_base.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_MAX = 200000, KNOWN_MAX = 1000000 };

/* What the fallback knows of a node. */
struct known {
    char *path;
    int64_t czxid, mzxid;
};

struct queued {
    struct queued *next;
    int type;
    struct rk_x_change change; /* type < 0: ready to be handed out */
};
enum { READY = -100 };

struct rk_x_follow {
    struct rk_cli *cli;
    char *path;
    bool is_recursive, is_plain, was_lost, is_over, is_overrun;
    bool is_deaf; /* while one session is changed for another */
    struct queued *head, **tail;
    size_t count;
    void *known; /* a tree of struct known by path */
    size_t known_count;
};

const char *rk_x_change_name(enum rk_x_change_type type)
{
    static const char *const names[] = {"created", "changed", "deleted", "gap", "ended"};
    return names[type];
}

static void enqueue(struct rk_x_follow *f, int type, enum rk_x_change_type what, const char *path,
                    int64_t zxid)
{
    if (f->count >= QUEUE_MAX) {
        f->is_overrun = true;
        return;
    }
    struct queued *q = rk_x_alloc(sizeof *q);
    q->type = type;
    q->change.type = what;
    q->change.path = path != NULL ? rk_x_dup(path) : NULL;
    q->change.zxid = zxid;
    *f->tail = q;
    f->tail = &q->next;
    f->count++;
}

static void on_session(struct rk_x_follow *f, int state)
{
    if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
        f->is_over = true;
        enqueue(f, READY, RK_X_ENDED, NULL, -1);
    } else if (state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE) {
        /* Ordinary watches fire for what happened meanwhile, persistent ones do not. */
        if (f->was_lost && !f->is_plain)
            enqueue(f, READY, RK_X_GAP, NULL, -1);
        f->was_lost = false;
    } else {
        f->was_lost = true;
    }
}

static void on_event(struct rk_cli *cli, void *context, int type, int state, const char *path,
                     int64_t zxid)
{
    (void)cli;
    struct rk_x_follow *f = context;
    if (f->is_deaf)
        return;
    if (type == ZOO_SESSION_EVENT) {
        on_session(f, state);
        return;
    }
    if (path == NULL || !rk_x_path_is_in(f->path, path) ||
        (!f->is_recursive && strcmp(f->path, path) != 0))
        return;
    if (f->is_plain) {
        enqueue(f, type, RK_X_CHANGED, path, zxid);
        return;
    }
    if (type == ZOO_CREATED_EVENT)
        enqueue(f, READY, RK_X_CREATED, path, zxid);
    else if (type == ZOO_CHANGED_EVENT)
        enqueue(f, READY, RK_X_CHANGED, path, zxid);
    else if (type == ZOO_DELETED_EVENT)
        enqueue(f, READY, RK_X_DELETED, path, zxid);
}

/* -- The fallback: an ordinary watch on each node ------------------------------------------------
 */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

static struct known *look_up(struct rk_x_follow *f, const char *path)
{
    struct known key = {.path = (char *)(uintptr_t)path};
    struct known **found = tfind(&key, &f->known, by_path);
    return found != NULL ? *found : NULL;
}

static void forget(struct rk_x_follow *f, struct known *k)
{
    (void)tdelete(k, &f->known, by_path);
    f->known_count--;
    free(k->path);
    free(k);
}

/* Sets the data watch of a node (or the one for its creation) and tells what is new of it. Returns
 * ZOK, ZNONODE, or what ended the call. */
static int watch_node(struct rk_x_follow *f, const char *path, bool is_told)
{
    struct Stat stat;
    int rc = rk_cli_exists(f->cli, NULL, path, true, &stat);
    struct known *k = look_up(f, path);
    if (rc == ZNONODE && k != NULL) {
        enqueue(f, READY, RK_X_DELETED, path, -1);
        forget(f, k);
    }
    if (rc != ZOK)
        return rc;
    if (k == NULL && f->known_count >= KNOWN_MAX)
        return ZAPIERROR;
    bool is_new = k == NULL || k->czxid != stat.czxid;
    if (k == NULL) {
        k = rk_x_alloc(sizeof *k);
        k->path = rk_x_dup(path);
        (void)tsearch(k, &f->known, by_path); /* without memory it is told again, that is all */
        f->known_count++;
    }
    if (is_told && (is_new || k->mzxid != stat.mzxid))
        enqueue(f, READY, is_new ? RK_X_CREATED : RK_X_CHANGED, path, stat.mzxid);
    k->czxid = stat.czxid;
    k->mzxid = stat.mzxid;
    return ZOK;
}

struct pending {
    char **paths;
    size_t count, room;
};

static void pending_add(struct pending *t, char *take_path)
{
    if (t->count == t->room) {
        t->room = t->room * 2 + 64;
        t->paths = rk_x_resize(t->paths, t->room * sizeof *t->paths);
    }
    t->paths[t->count++] = take_path;
}

/* Watches the children of a node and puts those that are not known on the list. */
static int watch_children(struct rk_x_follow *f, const char *path, struct pending *pending)
{
    struct String_vector names = {0};
    int rc = rk_cli_children(f->cli, NULL, path, true, &names, NULL);
    if (rc != ZOK)
        return rc;
    for (int i = 0; i < names.count; i++) {
        char *child = rk_x_path_join(path, names.data[i]);
        if (look_up(f, child) == NULL)
            pending_add(pending, child);
        else
            free(child);
    }
    (void)deallocate_String_vector(&names);
    return ZOK;
}

/* A node and all below it that is not known yet. */
static int watch_tree(struct rk_x_follow *f, const char *path, bool is_told)
{
    struct pending pending = {0};
    int rc = ZOK, root_rc = ZOK;
    pending_add(&pending, rk_x_dup(path));
    for (bool is_root = true; pending.count > 0; is_root = false) {
        char *next = pending.paths[--pending.count];
        if (rc == ZOK) {
            rc = watch_node(f, next, is_told);
            if (rc == ZOK && f->is_recursive)
                rc = watch_children(f, next, &pending);
            if (is_root)
                root_rc = rc;
            /* Gone again, or not for us: the others go on. */
            if (rc == ZNONODE || rc == ZNOAUTH)
                rc = ZOK;
        }
        free(next);
    }
    free(pending.paths);
    return rc != ZOK ? rc : root_rc;
}

/* An ordinary watch has fired: looks what it was and sets it again. */
static int look_again(struct rk_x_follow *f, const struct queued *q)
{
    if (q->type == ZOO_CHILD_EVENT && f->is_recursive) {
        struct pending pending = {0};
        int rc = watch_children(f, q->change.path, &pending);
        for (size_t i = 0; i < pending.count; i++) {
            if (rc == ZOK)
                rc = watch_tree(f, pending.paths[i], true);
            if (rc == ZNONODE)
                rc = ZOK;
            free(pending.paths[i]);
        }
        free(pending.paths);
        return rc;
    }
    /* A deleted node that is not the root is watched again by its parent, once it is back. */
    bool is_root = strcmp(q->change.path, f->path) == 0;
    struct known *k = look_up(f, q->change.path);
    if (q->type == ZOO_DELETED_EVENT && !is_root) {
        if (k != NULL) {
            enqueue(f, READY, RK_X_DELETED, q->change.path, q->change.zxid);
            forget(f, k);
        }
        return ZOK;
    }
    return k == NULL ? watch_tree(f, q->change.path, true) : watch_node(f, q->change.path, true);
}

/* -- Open, next, close --------------------------------------------------------------------------
 */

static int begin_plain(struct rk_x_follow *f)
{
    f->is_plain = true;
    int rc = watch_tree(f, f->path, false);
    return rc == ZNONODE ? ZOK : rc;
}

static void drop_queue(struct rk_x_follow *f)
{
    while (f->head != NULL) {
        struct queued *q = f->head;
        f->head = q->next;
        free(q->change.path);
        free(q);
    }
    f->tail = &f->head;
    f->count = 0;
}

/* A server that does not know addWatch ends the session with it, sooner or later: there is no use
 * in the old one, even if it still looks alive. ZK: UnimplementedRequestProcessor. */
static int begin_after_refusal(struct rk_x_follow *f)
{
    rk_cli_note(f->cli, "the server has no persistent watches: watching every node by itself\n");
    f->is_deaf = true;
    rk_cli_close(f->cli);
    if (!rk_cli_connect(f->cli) || rk_cli_need_connection(f->cli) != RK_CLI_OK)
        return ZCONNECTIONLOSS;
    rk_cli_drain_events(f->cli); /* what the old session still had to say */
    drop_queue(f);
    f->was_lost = f->is_over = f->is_deaf = false;
    return begin_plain(f);
}

struct rk_x_follow *rk_x_follow_open(struct rk_cli *cli, const char *path, bool is_recursive,
                                     bool is_plain, int *ret_exit)
{
    struct rk_x_follow *f = rk_x_alloc(sizeof *f);
    f->cli = cli;
    f->path = rk_x_dup(path);
    f->is_recursive = is_recursive;
    f->is_plain = is_plain;
    f->tail = &f->head;
    rk_cli_on_event(cli, on_event, f);
    int rc = is_plain ? begin_plain(f) : rk_cli_add_watch(cli, NULL, path, is_recursive);
    if (rc == ZUNIMPLEMENTED)
        rc = begin_after_refusal(f);
    if (rc == ZOK)
        return f;
    *ret_exit = rc == RK_CLI_CUT ? RK_CLI_STOPPED : rk_cli_fail(cli, rc, path);
    rk_x_follow_close(f);
    return NULL;
}

/* Takes the first of the queue; 0: there was nothing to hand out in it. */
static int take(struct rk_x_follow *f, struct rk_x_change *ret_change)
{
    struct queued *q = f->head;
    f->head = q->next;
    if (f->head == NULL)
        f->tail = &f->head;
    f->count--;
    if (q->type == READY) {
        *ret_change = q->change;
        free(q);
        return 1;
    }
    int rc = look_again(f, q);
    bool is_fatal = rc != ZOK && rc != ZNONODE && rc != ZNOAUTH && rc != RK_CLI_CUT;
    if (is_fatal) {
        (void)rk_cli_fail(f->cli, rc, q->change.path);
        enqueue(f, READY, RK_X_ENDED, NULL, -1);
    }
    free(q->change.path);
    free(q);
    return 0;
}

int rk_x_follow_next(struct rk_x_follow *f, int timeout_ms, struct rk_x_change *ret_change)
{
    int64_t until = rk_cli_now_ms() + timeout_ms;
    for (;;) {
        if (rk_cli_is_stopped(f->cli))
            return -1;
        if (f->head != NULL && take(f, ret_change) == 1)
            return 1;
        if (f->head != NULL)
            continue;
        if (f->is_overrun) {
            f->is_overrun = false;
            *ret_change = (struct rk_x_change){.type = RK_X_GAP, .zxid = -1};
            return 1;
        }
        int64_t left = timeout_ms < 0 ? 1000 : until - rk_cli_now_ms();
        if (left <= 0)
            return 0;
        (void)rk_cli_wait(f->cli, left > 1000 ? 1000 : (int)left);
    }
}

bool rk_x_follow_is_plain(const struct rk_x_follow *f)
{
    return f->is_plain;
}

static void free_known(void *p)
{
    struct known *k = p;
    free(k->path);
    free(k);
}

static void on_removed(int rc, const void *context)
{
    (void)rc; /* without a connection the session's end will do it */
    (void)context;
}

void rk_x_follow_close(struct rk_x_follow *f)
{
    if (f == NULL)
        return;
    /* The session may go on: its watch should not. Not waited for: Ctrl-C is how one gets here.
     * Servers before 3.9 know no type for persistent watches alone. The
     * completion is given as zookeeper.h has it: a pointer to one in name, the function itself in
     * fact. */
    if (!f->is_over && !f->is_plain)
        (void)zoo_aremove_all_watches(rk_cli_handle(f->cli), f->path, ZWATCHTYPE_ANY, 1,
                                      (void_completion_t *)(uintptr_t)on_removed, NULL);
    rk_cli_on_event(f->cli, NULL, NULL);
    drop_queue(f);
    tdestroy(f->known, free_known);
    free(f->path);
    free(f);
}
