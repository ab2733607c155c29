/* A walk over a subtree with a window of requests; see walk.h.
 *
 * The nodes that are known but not handed out yet form one list in pre-order. An element is a node,
 * or the sorted rest of a node's children; once a node's answers are in, its children are put right
 * behind it. Only the caller's thread touches the list; a completion fills in its own node and,
 * with the last answer, puts it on the queue of the ready ones, which is all that the lock guards.
 */
#include "cli/walk.h"

#include "cli/x_base.h"
#include "cli/x_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 256, HELD_BYTES_MAX = 32 << 20, PATIENCE_MS = 15000, WAIT_SLICE_MS = 50 };

enum item_kind { ITEM_NODE, ITEM_CHILDREN };

/* What a node still needs: the first answer, the second one if it was read for its data, its stat
 * alone if it may not be read. */
enum item_phase { PHASE_FIRST, PHASE_CHILDREN, PHASE_STAT_ONLY, PHASE_DONE };

struct item {
    enum item_kind kind;
    struct item *next;
    char *path; /* of the node; of the parent, if these are children */
    int depth;

    /* ITEM_CHILDREN, and what a node listed */
    char **names;
    int name_count, name_at;
    size_t held_bytes;

    /* ITEM_NODE */
    struct rk_walk *walk;
    struct item *ready_next;
    enum item_phase phase;
    int pending; /* answers that are still out; the lock's */
    int rc, acl_rc;
    bool has_stat, is_last;
    struct Stat stat;
    char *data;
    int data_bytes;
    struct ACL_vector acl;
};

struct rk_walk {
    zhandle_t *zh;
    struct rk_walk_options options;
    struct item *head;
    int node_count; /* in the list */
    size_t held_bytes;
    int64_t vanished;
    int64_t lost_since_ms; /* 0: not lost */
    struct item *lost;     /* to be asked for again, by ready_next */
    struct item *given;    /* handed out last */
    bool is_root_seen;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item *ready;
    int outstanding;
    bool is_closed; /* nobody's any more: the last answer frees it */
};

static void free_names(struct item *it)
{
    for (int i = it->name_at; i < it->name_count; i++)
        free(it->names[i]);
    free(it->names);
    it->names = NULL;
    it->name_count = it->name_at = 0;
}

static void free_item(struct item *it)
{
    if (it == NULL)
        return;
    it->walk->held_bytes -= it->held_bytes;
    free_names(it);
    rk_x_acl_free(&it->acl);
    free(it->data);
    free(it->path);
    free(it);
}

static void hold(struct item *it, size_t bytes)
{
    struct rk_walk *w = it->walk;
    it->held_bytes += bytes;
    w->held_bytes += bytes;
}

static void free_walk(struct rk_walk *w)
{
    free_item(w->given);
    while (w->head != NULL) {
        struct item *next = w->head->next;
        free_item(w->head);
        w->head = next;
    }
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* -- Completions (the handle's thread) */

/* An answer is in: with the last one the node is ready. From here on both may be gone. */
static void answered(struct item *it)
{
    struct rk_walk *w = it->walk;
    (void)pthread_mutex_lock(&w->lock);
    w->outstanding--;
    if (--it->pending == 0) {
        it->ready_next = w->ready;
        w->ready = it;
        (void)pthread_cond_signal(&w->changed);
    }
    bool is_last = w->is_closed && w->outstanding == 0;
    (void)pthread_mutex_unlock(&w->lock);
    if (is_last)
        free_walk(w);
}

static void take_stat(struct item *it, const struct Stat *stat)
{
    if (stat != NULL) {
        it->stat = *stat;
        it->has_stat = true;
    }
}

static void on_data(int rc, const char *value, int value_bytes, const struct Stat *stat,
                    const void *context)
{
    struct item *it = (struct item *)(uintptr_t)context;
    it->rc = rc;
    if (rc == ZOK) {
        take_stat(it, stat);
        it->data_bytes = value == NULL || value_bytes < 0 ? -1 : value_bytes;
        if (it->data_bytes >= 0)
            it->data = rk_x_dup_bytes(value, (size_t)it->data_bytes);
    }
    answered(it);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void on_children(int rc, const struct String_vector *names, const struct Stat *stat,
                        const void *context)
{
    struct item *it = (struct item *)(uintptr_t)context;
    it->rc = rc;
    if (rc == ZOK) {
        /* Read for its data, a node keeps the stat that belongs to them. */
        if (!it->has_stat)
            take_stat(it, stat);
        if (names != NULL && names->count > 0) {
            it->names = rk_x_alloc((size_t)names->count * sizeof *it->names);
            for (int i = 0; i < names->count; i++)
                it->names[i] = rk_x_dup(names->data[i]);
            it->name_count = names->count;
            qsort(it->names, (size_t)it->name_count, sizeof *it->names, by_bytes);
        }
    }
    answered(it);
}

static void on_stat(int rc, const struct Stat *stat, const void *context)
{
    struct item *it = (struct item *)(uintptr_t)context;
    if (rc == ZOK)
        take_stat(it, stat);
    /* Asked for a node that may not be read, this is an extra: the node stays unreadable. */
    if (it->phase == PHASE_FIRST || (rc != ZOK && rc != ZNOAUTH))
        it->rc = rc;
    answered(it);
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *context)
{
    (void)stat;
    struct item *it = (struct item *)(uintptr_t)context;
    it->acl_rc = rc;
    if (rc == ZOK && acl != NULL && acl->count > 0)
        rk_x_acl_copy(acl, &it->acl);
    answered(it);
}

/* -- Requests (the caller's thread) */

static bool is_lost(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONMOVED;
}

static bool may_descend(const struct rk_walk *w, const struct item *it)
{
    return w->options.depth_max < 0 || it->depth < w->options.depth_max;
}

static int send_first(struct item *it)
{
    struct rk_walk *w = it->walk;
    if (w->options.wants_data)
        return zoo_aget(w->zh, it->path, 0, on_data, it);
    if (may_descend(w, it))
        return zoo_aget_children2(w->zh, it->path, 0, on_children, it);
    return zoo_aexists(w->zh, it->path, 0, on_stat, it);
}

static void count_out(struct item *it, int by)
{
    struct rk_walk *w = it->walk;
    (void)pthread_mutex_lock(&w->lock);
    it->pending += by;
    w->outstanding += by;
    (void)pthread_mutex_unlock(&w->lock);
}

/* Sends what the node's phase needs. A request that is not taken counts as answered with that. */
static void ask(struct item *it)
{
    struct rk_walk *w = it->walk;
    bool asks_acl = w->options.wants_acl && it->phase == PHASE_FIRST;
    count_out(it, asks_acl ? 2 : 1);
    int rc;
    if (it->phase == PHASE_FIRST)
        rc = send_first(it);
    else if (it->phase == PHASE_CHILDREN)
        rc = zoo_aget_children2(w->zh, it->path, 0, on_children, it);
    else
        rc = zoo_aexists(w->zh, it->path, 0, on_stat, it);
    if (rc != ZOK) {
        it->rc = rc;
        answered(it);
    }
    if (asks_acl) {
        rc = zoo_aget_acl(w->zh, it->path, on_acl, it);
        if (rc != ZOK) {
            it->acl_rc = rc;
            answered(it);
        }
    }
}

static void ask_again(struct item *it)
{
    it->rc = it->acl_rc = ZOK;
    free_names(it);
    if (it->phase == PHASE_FIRST) {
        rk_x_acl_free(&it->acl);
        free(it->data);
        it->data = NULL;
        it->has_stat = false;
    }
    ask(it);
}

static struct item *new_node(struct rk_walk *w, char *take_path, int depth)
{
    struct item *it = rk_x_alloc(sizeof *it);
    it->kind = ITEM_NODE;
    it->walk = w;
    it->path = take_path;
    it->depth = depth;
    it->data_bytes = -1;
    hold(it, sizeof *it + strlen(take_path));
    w->node_count++;
    return it;
}

/* The children of a node that was answered, right behind it in the list. */
static void list_children(struct item *it)
{
    if (it->name_count == 0)
        return;
    struct item *rest = rk_x_alloc(sizeof *rest);
    rest->kind = ITEM_CHILDREN;
    rest->walk = it->walk;
    rest->path = rk_x_dup(it->path);
    rest->depth = it->depth;
    rest->names = it->names;
    rest->name_count = it->name_count;
    it->names = NULL;
    it->name_count = 0;
    size_t bytes = sizeof *rest + strlen(rest->path);
    for (int i = 0; i < rest->name_count; i++)
        bytes += strlen(rest->names[i]) + 1 + sizeof *rest->names;
    hold(rest, bytes);
    rest->next = it->next;
    it->next = rest;
}

/* Has the node's answers lead to its next phase. */
static void advance(struct item *it)
{
    struct rk_walk *w = it->walk;
    if (is_lost(it->rc) || is_lost(it->acl_rc)) {
        it->ready_next = w->lost;
        w->lost = it;
        return;
    }
    w->lost_since_ms = 0;
    if (it->rc == ZOK && it->acl_rc == ZNONODE)
        it->rc = ZNONODE; /* gone between the two answers */
    if (it->rc == ZNOAUTH && it->phase != PHASE_STAT_ONLY && !it->has_stat) {
        it->phase = PHASE_STAT_ONLY;
        ask(it);
        return;
    }
    if (it->phase == PHASE_FIRST && w->options.wants_data && it->rc == ZOK && may_descend(w, it) &&
        it->stat.numChildren > 0) {
        it->phase = PHASE_CHILDREN;
        ask(it);
        return;
    }
    if (it->phase == PHASE_STAT_ONLY && it->rc == ZOK)
        it->rc = ZNOAUTH;
    it->phase = PHASE_DONE;
    hold(it, it->data_bytes > 0 ? (size_t)it->data_bytes : 0);
    list_children(it);
}

static void take_ready(struct rk_walk *w)
{
    (void)pthread_mutex_lock(&w->lock);
    struct item *it = w->ready;
    w->ready = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    while (it != NULL) {
        struct item *next = it->ready_next;
        it->ready_next = NULL;
        advance(it);
        it = next;
    }
}

static bool is_system(const struct rk_walk *w, const char *path)
{
    return w->options.skips_system && strcmp(path, "/zookeeper") == 0;
}

/* Makes a node of the next name of rest and puts it in front of it; before points at the link that
 * leads to rest. */
static void start_next_child(struct item **before)
{
    struct item *rest = *before;
    char *name = rest->names[rest->name_at++];
    char *path = rk_x_path_join(rest->path, name);
    free(name);
    if (is_system(rest->walk, path)) {
        free(path);
        return;
    }
    struct item *it = new_node(rest->walk, path, rest->depth + 1);
    it->next = rest;
    it->is_last = rest->name_at == rest->name_count;
    *before = it;
    ask(it);
}

static bool is_connected(const struct rk_walk *w)
{
    int state = zoo_state(w->zh);
    return state == ZOO_CONNECTED_STATE || state == ZOO_READONLY_STATE;
}

/* Fills the window, the earliest in the order first. */
static void fill(struct rk_walk *w)
{
    struct item **link = &w->head;
    while (*link != NULL) {
        struct item *it = *link;
        if (it->kind == ITEM_NODE) {
            link = &it->next;
            continue;
        }
        if (it->name_at == it->name_count) {
            *link = it->next;
            free_item(it);
            continue;
        }
        bool is_first = w->node_count == 0;
        if (!is_first &&
            (w->node_count >= w->options.window || w->held_bytes >= w->options.held_bytes_max))
            return;
        start_next_child(link);
        if (*link != it)
            link = &(*link)->next;
    }
}

/* Asks again for what was lost with a connection. Returns ZOK, or why there is no use in it. */
static int recover(struct rk_walk *w)
{
    if (w->lost == NULL)
        return ZOK;
    if (is_unrecoverable(w->zh) != ZOK)
        return zoo_state(w->zh) == ZOO_AUTH_FAILED_STATE ? ZAUTHFAILED : ZSESSIONEXPIRED;
    int64_t now = rk_x_clock_ms();
    if (w->lost_since_ms == 0)
        w->lost_since_ms = now;
    if (now - w->lost_since_ms > w->options.patience_ms)
        return ZCONNECTIONLOSS;
    if (!is_connected(w))
        return ZOK;
    struct item *it = w->lost;
    w->lost = NULL;
    while (it != NULL) {
        struct item *next = it->ready_next;
        it->ready_next = NULL;
        ask_again(it);
        it = next;
    }
    return ZOK;
}

static void wait_a_little(struct rk_walk *w)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_SLICE_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&w->lock);
    if (w->ready == NULL)
        (void)pthread_cond_timedwait(&w->changed, &w->lock, &until);
    (void)pthread_mutex_unlock(&w->lock);
}

struct rk_walk *rk_walk_open(zhandle_t *zh, const char *root, const struct rk_walk_options *options)
{
    struct rk_walk *w = rk_x_alloc(sizeof *w);
    w->zh = zh;
    w->options = *options;
    if (w->options.window <= 0)
        w->options.window = WINDOW;
    if (w->options.held_bytes_max == 0)
        w->options.held_bytes_max = HELD_BYTES_MAX;
    /* Longer than its timeout a session does not last without a connection. */
    if (w->options.patience_ms <= 0) {
        int timeout_ms = zoo_recv_timeout(zh);
        w->options.patience_ms = timeout_ms < PATIENCE_MS ? timeout_ms : PATIENCE_MS;
    }
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&w->lock, NULL);
    w->head = new_node(w, rk_x_dup(root), 0);
    ask(w->head);
    return w;
}

static void hand_out(struct item *it, struct rk_walk_node *ret_node)
{
    *ret_node = (struct rk_walk_node){
        .path = it->path,
        .depth = it->depth,
        .rc = it->rc,
        .acl_rc = it->acl_rc,
        .is_last = it->is_last,
        .has_stat = it->has_stat,
        .stat = it->stat,
        .data = it->data,
        .data_bytes = it->data_bytes,
        .acl = &it->acl,
    };
}

/* Takes the first node off the list. 1: it is to be handed out, 0: it vanished, below 0: the end.
 */
static int take_head(struct rk_walk *w, struct rk_walk_node *ret_node)
{
    struct item *it = w->head;
    w->head = it->next;
    it->next = NULL;
    w->node_count--;
    w->given = it;
    bool is_root = !w->is_root_seen;
    w->is_root_seen = true;
    if (it->rc == ZOK || it->rc == ZNOAUTH) {
        hand_out(it, ret_node);
        return 1;
    }
    if (it->rc != ZNONODE || is_root)
        return it->rc;
    w->vanished++;
    return 0;
}

int rk_walk_next(struct rk_walk *w, struct rk_walk_node *ret_node)
{
    free_item(w->given);
    w->given = NULL;
    for (;;) {
        if (w->options.is_stopped != NULL && w->options.is_stopped(w->options.context))
            return ZCLOSING;
        take_ready(w);
        int rc = recover(w);
        if (rc != ZOK)
            return rc;
        fill(w);
        if (w->head == NULL)
            return 0;
        if (w->head->kind == ITEM_NODE && w->head->phase == PHASE_DONE) {
            rc = take_head(w, ret_node);
            if (rc != 0)
                return rc;
            free_item(w->given);
            w->given = NULL;
            continue;
        }
        wait_a_little(w);
    }
}

int64_t rk_walk_vanished(const struct rk_walk *w)
{
    return w->vanished;
}

void rk_walk_close(struct rk_walk *w)
{
    if (w == NULL)
        return;
    /* Every request that was taken is answered, at the latest when its handle is closed. */
    (void)pthread_mutex_lock(&w->lock);
    bool is_idle = w->outstanding == 0;
    w->is_closed = true;
    (void)pthread_mutex_unlock(&w->lock);
    if (is_idle)
        free_walk(w);
}
