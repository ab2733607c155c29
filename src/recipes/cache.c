/* Caches of nodes, children and trees: one thing with a depth. A thread reads what watches say has
 * changed, and everything after a reconnect: a persistent watch is silent about what happened while
 * the connection was away, and a new session has no watches at all. */
#include "recipes/cache_int.h"

#include <stdlib.h>
#include <string.h>

#define DIRTY_MAX     4096 /* paths; with more everything is read again */
#define NODES_DEFAULT 1000000

/* A list of paths, used as a queue. */
struct rk_paths {
    char **list;
    int count;
    int room;
};

struct rk_cache {
    struct rk_object object; /* first */
    struct rk_cache_options options;
    /* Of the thread. */
    enum rk_link link;
    uint64_t generation;
    uint64_t moves;     /* of the link, until the last look */
    bool has_recursive; /* a persistent watch in this session */
    bool is_stale;      /* read everything */
    bool is_full_told;
    /* Under object.mutex. */
    struct rk_copy copy;
    struct rk_paths dirty;
    bool is_dirty_over;
    bool is_ready;
    uint64_t refresh_wanted;
    uint64_t refresh_done;
};

/* -- Paths ----------------------------------------------------------------------------------------
 */

static bool paths_add(struct rk_paths *p, const char *path)
{
    if (p->count == p->room) {
        int room = p->room == 0 ? 16 : p->room * 2;
        char **list = realloc(p->list, (size_t)room * sizeof(char *));
        if (list == NULL) {
            return false;
        }
        p->list = list;
        p->room = room;
    }
    char *own = strdup(path);
    if (own == NULL) {
        return false;
    }
    p->list[p->count++] = own;
    return true;
}

static void paths_clear(struct rk_paths *p)
{
    for (int i = 0; i < p->count; i++) {
        free(p->list[i]);
    }
    free(p->list);
    *p = (struct rk_paths){0};
}

static void on_event(struct rk_object *object, int type, const char *path)
{
    struct rk_cache *c = (struct rk_cache *)object;
    if (type == ZOO_NOTWATCHING_EVENT || path == NULL) {
        return;
    }
    struct rk_paths *d = &c->dirty;
    bool is_again = d->count > 0 && strcmp(d->list[d->count - 1], path) == 0;
    if (!is_again && (d->count >= DIRTY_MAX || !paths_add(d, path))) {
        c->is_dirty_over = true;
    }
}

/* -- Telling --------------------------------------------------------------------------------------
 */

static void tell(struct rk_cache *c, const struct rk_cache_event *event)
{
    if (c->options.on_event != NULL) {
        c->options.on_event(c, event, c->options.context);
    }
}

static void tell_node(struct rk_cache *c, enum rk_cache_event_type type, const char *path,
                      const struct rk_copy_node *node)
{
    struct rk_cache_event event = {.type = type,
                                   .path = path,
                                   .data = node->data,
                                   .data_bytes = node->data_bytes,
                                   .stat = &node->stat,
                                   .link = c->link};
    tell(c, &event);
}

static void tell_bare(struct rk_cache *c, enum rk_cache_event_type type, enum rk_link link)
{
    struct rk_cache_event event = {.type = type, .link = link};
    tell(c, &event);
}

/* -- Changes of the copy --------------------------------------------------------------------------
 */

/* Leaves first. False without memory for a path: tried again with the next full read. */
static bool remove_subtree(struct rk_cache *c, struct rk_copy_node *top)
{
    bool is_top = false;
    while (!is_top) {
        struct rk_copy_node *leaf = rk_copy_leaf(top);
        is_top = leaf == top;
        char *path = rk_copy_path(&c->copy, leaf);
        if (path == NULL) {
            return false;
        }
        tell_node(c, RK_CACHE_REMOVED, path, leaf);
        pthread_mutex_lock(&c->object.mutex);
        rk_copy_remove(&c->copy, leaf);
        pthread_mutex_unlock(&c->object.mutex);
        free(path);
    }
    return true;
}

/* *ret_node NULL: there is no room, or no parent, whose own event is to come. */
static int add(struct rk_cache *c, const char *path, struct rk_copy_node **ret_node)
{
    *ret_node = NULL;
    if (c->copy.count >= c->options.nodes_max) {
        if (!c->is_full_told) {
            c->is_full_told = true;
            tell_bare(c, RK_CACHE_FULL, c->link);
        }
        return ZOK;
    }
    pthread_mutex_lock(&c->object.mutex);
    int rc = rk_copy_add(&c->copy, path, ret_node);
    pthread_mutex_unlock(&c->object.mutex);
    return rc == ZNONODE ? ZOK : rc;
}

/* Takes data. *ret_node: in the copy; NULL: no room. */
static int put(struct rk_cache *c, const char *path, char *take_data, int bytes,
               const struct Stat *stat, struct rk_copy_node **ret_node, bool *ret_is_new)
{
    struct rk_copy_node *node = rk_copy_find(&c->copy, path);
    if (node != NULL && node->stat.czxid != stat->czxid) {
        if (!remove_subtree(c, node)) {
            free(take_data);
            return ZSYSTEMERROR;
        }
        node = NULL;
    }
    *ret_is_new = node == NULL;
    int rc = node == NULL ? add(c, path, &node) : ZOK;
    *ret_node = node;
    if (node == NULL) {
        free(take_data);
        return rc;
    }
    bool is_changed = *ret_is_new || node->stat.mzxid != stat->mzxid ||
                      node->stat.aversion != stat->aversion ||
                      (node->data == NULL) != (take_data == NULL); /* read by another identity */
    pthread_mutex_lock(&c->object.mutex);
    if (is_changed) {
        free(node->data);
        node->data = take_data;
        node->data_bytes = bytes;
    } else {
        free(take_data);
    }
    node->stat = *stat;
    pthread_mutex_unlock(&c->object.mutex);
    if (is_changed) {
        tell_node(c, *ret_is_new ? RK_CACHE_ADDED : RK_CACHE_CHANGED, path, node);
    }
    return ZOK;
}

/* -- Reading --------------------------------------------------------------------------------------
 */

static watcher_fn watcher_of(const struct rk_cache *c)
{
    return c->has_recursive ? NULL : rk_object_watcher;
}

static int read_once(struct rk_cache *c, zhandle_t *zh, const char *path, char **ret_data,
                     int *ret_bytes, struct Stat *ret_stat)
{
    watcher_fn fn = watcher_of(c);
    int rc;
    *ret_data = NULL;
    *ret_bytes = 0;
    if (c->options.is_without_data) {
        char byte;
        rc = zoo_wget(zh, path, fn, c->object.cell, &byte, ret_bytes, ret_stat);
        *ret_bytes = 0;
    } else {
        rc = rk_get(zh, path, fn, c->object.cell, ret_data, ret_bytes, ret_stat);
    }
    if (rc == ZNOAUTH) {
        rc = zoo_wexists(zh, path, fn, c->object.cell, ret_stat);
    }
    return rc;
}

static int read_data(struct rk_cache *c, zhandle_t *zh, const char *path, char **ret_data,
                     int *ret_bytes, struct Stat *ret_stat)
{
    bool is_root = strcmp(path, c->copy.root_path) == 0;
    for (;;) {
        int rc = read_once(c, zh, path, ret_data, ret_bytes, ret_stat);
        if (rc == ZNONODE && is_root) {
            /* This leaves the watch that hears of its creation. */
            rc = zoo_wexists(zh, path, watcher_of(c), c->object.cell, ret_stat);
            if (rc == ZOK) {
                continue; /* it was made just now */
            }
        }
        return rc;
    }
}

/* Compares the children there with those in the copy, and puts on todo what is to be read. */
static int merge_children(struct rk_cache *c, struct rk_copy_node *node, const char *path,
                          struct String_vector *names, bool is_all, struct rk_paths *todo)
{
    rk_rec_strings_sort(names);
    for (int i = node->child_count - 1; i >= 0; i--) {
        if (!rk_rec_strings_have(names, node->children[i]->name) &&
            !remove_subtree(c, node->children[i])) {
            return ZSYSTEMERROR;
        }
    }
    for (int i = 0; i < names->count; i++) {
        if (!is_all && rk_copy_has_child(node, names->data[i])) {
            continue;
        }
        char *child = rk_rec_join(path, names->data[i]);
        bool is_ok = child != NULL && paths_add(todo, child);
        free(child);
        if (!is_ok) {
            return ZSYSTEMERROR;
        }
    }
    return ZOK;
}

static int read_children(struct rk_cache *c, zhandle_t *zh, struct rk_copy_node *node,
                         const char *path, bool is_all, struct rk_paths *todo)
{
    struct String_vector names = {0};
    int rc = zoo_wget_children(zh, path, watcher_of(c), c->object.cell, &names);
    if (rc == ZNOAUTH) {
        return ZOK;
    }
    if (rc == ZOK) {
        rc = merge_children(c, node, path, &names, is_all, todo);
        deallocate_String_vector(&names);
    }
    return rc;
}

/* One path, data and children. is_all: also children that are in the copy already. */
static int read_path(struct rk_cache *c, zhandle_t *zh, const char *path, bool is_all,
                     struct rk_paths *todo)
{
    int depth = rk_copy_depth(&c->copy, path);
    if (depth < 0 || (c->options.depth >= 0 && depth > c->options.depth)) {
        return ZOK;
    }
    char *data = NULL;
    int bytes = 0;
    struct Stat stat;
    struct rk_copy_node *node = NULL;
    bool is_new = false;
    int rc = read_data(c, zh, path, &data, &bytes, &stat);
    if (rc == ZOK) {
        rc = put(c, path, data, bytes, &stat, &node, &is_new);
        bool is_deep = c->options.depth < 0 || depth < c->options.depth;
        bool is_listed = is_all || !c->has_recursive || (is_new && stat.numChildren > 0);
        if (rc == ZOK && node != NULL && is_deep && is_listed) {
            rc = read_children(c, zh, node, path, is_all || is_new, todo);
        }
    }
    if (rc == ZNONODE) {
        node = rk_copy_find(&c->copy, path);
        rc = node == NULL || remove_subtree(c, node) ? ZOK : ZSYSTEMERROR;
    }
    return rc;
}

static bool is_closing(struct rk_cache *c)
{
    pthread_mutex_lock(&c->object.mutex);
    bool is_it = c->object.is_closing;
    pthread_mutex_unlock(&c->object.mutex);
    return is_it;
}

static int read_list(struct rk_cache *c, zhandle_t *zh, struct rk_paths *todo, bool is_all)
{
    int rc = ZOK;
    for (int i = 0; i < todo->count && rc == ZOK; i++) {
        rc = is_closing(c) ? ZCLOSING : read_path(c, zh, todo->list[i], is_all, todo);
    }
    return rc;
}

/* The watch first, then everything. */
static int read_all(struct rk_cache *c, zhandle_t *zh)
{
    bool wants = c->options.depth < 0 && !c->options.is_with_classic_watches;
    if (wants && !c->has_recursive) {
        int rc = rk_add_watch(zh, c->copy.root_path, RK_WATCH_RECURSIVE, rk_object_watcher,
                              c->object.cell);
        c->has_recursive = rc == ZOK;
        if (rc != ZOK && rc != ZUNIMPLEMENTED) {
            return rc;
        }
    }
    struct rk_paths todo = {0};
    int rc = paths_add(&todo, c->copy.root_path) ? read_list(c, zh, &todo, true) : ZSYSTEMERROR;
    paths_clear(&todo);
    return rc;
}

/* -- The thread -----------------------------------------------------------------------------------
 */

static void follow_link(struct rk_cache *c)
{
    struct rk_look look;
    rk_keeper_look(c->object.keeper, &look);
    if (look.generation != c->generation) {
        c->generation = look.generation;
        c->has_recursive = false;
        c->is_stale = true;
        c->link = RK_LINK_SUSPENDED;
        tell_bare(c, RK_CACHE_LINK, RK_LINK_LOST);
    }
    if (look.moves != c->moves) {
        c->moves = look.moves;
        c->is_stale = true; /* also if it went and came back since the last look */
    }
    if (look.link != c->link) {
        c->link = look.link;
        tell_bare(c, RK_CACHE_LINK, look.link);
    }
}

/* One attempt. */
static int follow(struct rk_cache *c)
{
    struct rk_try t = {.keeper = c->object.keeper,
                       .object = &c->object,
                       .deadline_ms = rk_rec_now_ms(),
                       .generation = c->generation};
    struct rk_paths dirty;
    pthread_mutex_lock(&c->object.mutex);
    dirty = c->dirty;
    c->dirty = (struct rk_paths){0};
    uint64_t wanted = c->refresh_wanted;
    c->is_stale = c->is_stale || c->is_dirty_over || wanted != c->refresh_done;
    c->is_dirty_over = false;
    pthread_mutex_unlock(&c->object.mutex);
    bool was_stale = c->is_stale;
    c->is_stale = true; /* until all went well */
    while (rk_try(&t)) {
        t.rc = wanted != c->refresh_done ? rk_sync(t.zh, c->copy.root_path) : ZOK;
        if (t.rc == ZOK) {
            t.rc = was_stale ? read_all(c, t.zh) : read_list(c, t.zh, &dirty, false);
        }
    }
    paths_clear(&dirty);
    if (t.rc != ZOK) {
        return t.rc;
    }
    c->is_stale = false;
    pthread_mutex_lock(&c->object.mutex);
    c->refresh_done = wanted;
    bool is_first = !c->is_ready;
    c->is_ready = true;
    pthread_cond_broadcast(&c->object.cond);
    pthread_mutex_unlock(&c->object.mutex);
    if (is_first) {
        tell_bare(c, RK_CACHE_READY, c->link);
    }
    return ZOK;
}

static void cache_run(struct rk_object *object)
{
    struct rk_cache *c = (struct rk_cache *)object;
    bool is_open = true;
    while (is_open) {
        uint64_t seen = rk_object_pokes(object);
        follow_link(c);
        int rc = c->link == RK_LINK_CONNECTED ? follow(c) : ZOK;
        is_open =
            rk_object_wait(object, seen, rc == ZOK ? RK_FOREVER : rk_rec_now_ms() + RK_RETRY_MS);
    }
}

/* -- Open and close -------------------------------------------------------------------------------
 */

void rk_cache_options_init(struct rk_cache_options *options)
{
    *options = (struct rk_cache_options){.depth = RK_CACHE_TREE, .nodes_max = NODES_DEFAULT};
}

static void cache_free(struct rk_cache *c)
{
    while (c->copy.root != NULL) {
        rk_copy_remove(&c->copy, rk_copy_leaf(c->copy.root));
    }
    paths_clear(&c->dirty);
    free(c->copy.root_path);
    free(c);
}

int rk_cache_open(struct rk_keeper *keeper, const char *path,
                  const struct rk_cache_options *options, struct rk_cache **ret_cache)
{
    struct rk_cache_options defaults;
    rk_cache_options_init(&defaults);
    options = options == NULL ? &defaults : options;
    if (keeper == NULL || !rk_rec_is_path(path) || options->depth < -1 || options->nodes_max < 1) {
        return ZBADARGUMENTS;
    }
    struct rk_cache *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return ZSYSTEMERROR;
    }
    c->options = *options;
    c->is_stale = true;
    c->link = RK_LINK_SUSPENDED;
    c->generation = rk_keeper_generation(keeper);
    c->copy.root_path = strdup(path);
    c->object.on_event = on_event;
    int rc = rk_object_open(&c->object, keeper, c->copy.root_path != NULL, cache_run);
    if (rc != ZOK) {
        cache_free(c);
        return rc;
    }
    *ret_cache = c;
    return ZOK;
}

int rk_cache_close(struct rk_cache *c)
{
    if (c == NULL) {
        return ZOK;
    }
    int rc = rk_object_shut(&c->object);
    if (rc != ZOK) {
        return rc;
    }
    zhandle_t *zh = c->has_recursive ? rk_keeper_hold(c->object.keeper) : NULL;
    if (zh != NULL) {
        /* It would fire for ever, and be set again on each connection. */
        (void)zoo_remove_watches(zh, c->copy.root_path, ZWATCHTYPE_ANY, rk_object_watcher,
                                 c->object.cell, 1);
        rk_keeper_release(c->object.keeper);
    }
    rk_object_deinit(&c->object);
    cache_free(c);
    return ZOK;
}

/* -- For readers ----------------------------------------------------------------------------------
 */

int rk_cache_wait(struct rk_cache *c, int timeout_ms)
{
    return rk_object_wait_flag(&c->object, &c->is_ready, timeout_ms);
}

int rk_cache_refresh(struct rk_cache *c, int timeout_ms)
{
    if (rk_object_is_own_thread(&c->object)) {
        return ZINVALIDSTATE; /* it would wait for itself */
    }
    int64_t deadline_ms = rk_rec_deadline(timeout_ms);
    int rc = rk_object_enter(&c->object);
    if (rc != ZOK) {
        return rc;
    }
    pthread_mutex_lock(&c->object.mutex);
    uint64_t refresh = ++c->refresh_wanted;
    c->object.pokes++;
    pthread_cond_broadcast(&c->object.cond);
    while (c->refresh_done < refresh && !c->object.is_closing && rk_rec_now_ms() < deadline_ms) {
        rk_rec_cond_wait(&c->object.cond, &c->object.mutex, deadline_ms);
    }
    rc = c->refresh_done >= refresh ? ZOK : c->object.is_closing ? ZCLOSING : ZOPERATIONTIMEOUT;
    pthread_mutex_unlock(&c->object.mutex);
    rk_object_leave(&c->object);
    return rc;
}

int rk_cache_get(struct rk_cache *c, const char *path, char **ret_data, int *ret_bytes,
                 struct Stat *ret_stat)
{
    int rc = ZNONODE;
    pthread_mutex_lock(&c->object.mutex);
    const struct rk_copy_node *node = rk_copy_find(&c->copy, path);
    if (node != NULL) {
        char *data = NULL;
        if (ret_data != NULL && node->data != NULL) {
            data = rk_rec_memdup(node->data, node->data_bytes);
        }
        rc = ret_data != NULL && node->data != NULL && data == NULL ? ZSYSTEMERROR : ZOK;
        if (rc == ZOK && ret_data != NULL) {
            *ret_data = data;
        }
        if (rc == ZOK && ret_bytes != NULL) {
            *ret_bytes = node->data_bytes;
        }
        if (rc == ZOK && ret_stat != NULL) {
            *ret_stat = node->stat;
        }
    }
    pthread_mutex_unlock(&c->object.mutex);
    return rc;
}

int rk_cache_children(struct rk_cache *c, const char *path, struct String_vector *ret_names)
{
    struct String_vector names = {0};
    pthread_mutex_lock(&c->object.mutex);
    const struct rk_copy_node *node = rk_copy_find(&c->copy, path);
    int rc = node == NULL ? ZNONODE : ZOK;
    if (node != NULL && !rk_rec_strings_alloc(&names, node->child_count)) {
        rc = ZSYSTEMERROR;
    }
    names.count = 0;
    for (int i = 0; rc == ZOK && i < node->child_count; i++) {
        names.data[i] = strdup(node->children[i]->name);
        names.count += names.data[i] != NULL;
        rc = names.data[i] == NULL ? ZSYSTEMERROR : ZOK;
    }
    pthread_mutex_unlock(&c->object.mutex);
    if (rc == ZOK) {
        *ret_names = names;
    } else {
        deallocate_String_vector(&names);
    }
    return rc;
}

int rk_cache_count(struct rk_cache *c)
{
    pthread_mutex_lock(&c->object.mutex);
    int count = c->copy.count;
    pthread_mutex_unlock(&c->object.mutex);
    return count;
}

void rk_cache_pairs_free(struct rk_cache_pair *pairs, int count)
{
    for (int i = 0; i < count; i++) {
        free(pairs[i].path);
        free(pairs[i].data);
    }
    free(pairs);
}

int rk_cache_pairs(struct rk_cache *c, struct rk_cache_pair **ret_pairs, int *ret_count)
{
    int count = 0;
    pthread_mutex_lock(&c->object.mutex);
    struct rk_cache_pair *pairs = calloc((size_t)c->copy.count + 1u, sizeof(*pairs));
    int rc = pairs == NULL ? ZSYSTEMERROR : ZOK;
    const struct rk_copy_node *node = c->copy.root;
    while (rc == ZOK && node != NULL) {
        node = rk_copy_next(node); /* not the root itself */
        if (node == NULL) {
            break;
        }
        pairs[count].path = rk_copy_path(&c->copy, node);
        pairs[count].data =
            node->data == NULL ? strdup("") : rk_rec_memdup(node->data, node->data_bytes);
        rc = pairs[count].path == NULL || pairs[count].data == NULL ? ZSYSTEMERROR : ZOK;
        count++;
    }
    pthread_mutex_unlock(&c->object.mutex);
    if (rc == ZOK) {
        *ret_pairs = pairs;
        *ret_count = count;
    } else {
        rk_cache_pairs_free(pairs, count);
    }
    return rc;
}
