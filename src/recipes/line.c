/* Standing in line: sequential nodes below one path, served in their order. Locks, read-write
 * locks, latches and elections are all this.
 *
 * A list that a lagging server gives can name nodes that are gone already, but it cannot lack one
 * that came before ours: whoever has our node has all that was created earlier. So "first" is never
 * wrong, and "not first" is found out by the watch on the node in front. */
#include "recipes/line.h"

#include <stdlib.h>
#include <string.h>

struct rk_line_entry {
    const char *name;
    int64_t number;
    bool is_writer;
};

struct rk_line {
    struct String_vector names;
    struct rk_line_entry *entries;
    int count;
};

static const char *const prefixes[] = {[RK_LINE_LOCK] = "lock-",
                                       [RK_LINE_READ] = "__READ__",
                                       [RK_LINE_WRITE] = "__WRIT__",
                                       [RK_LINE_LATCH] = "latch-"};

const char *rk_line_prefix(enum rk_line_kind kind)
{
    return prefixes[kind];
}

/* The number behind the last `prefix` in name. False: it is not of this line. */
static bool parse(const char *name, const char *prefix, int64_t *ret_number)
{
    const char *at = NULL;
    for (const char *p = strstr(name, prefix); p != NULL; p = strstr(p + 1, prefix)) {
        at = p;
    }
    if (at == NULL) {
        return false;
    }
    at += strlen(prefix);
    char *end = NULL;
    long long number = strtoll(at, &end, 10);
    if (end == at || *end != '\0' || number > INT32_MAX || number < INT32_MIN) {
        return false;
    }
    *ret_number = number;
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct rk_line_entry *x = a;
    const struct rk_line_entry *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void line_free(struct rk_line *line)
{
    free(line->entries);
    deallocate_String_vector(&line->names);
}

static int line_read(zhandle_t *zh, const char *path, enum rk_line_kind kind, struct rk_line *line)
{
    bool is_rw = kind == RK_LINE_READ || kind == RK_LINE_WRITE;
    int rc = zoo_get_children(zh, path, 0, &line->names);
    if (rc != ZOK) {
        return rc;
    }
    line->entries = calloc((size_t)line->names.count + 1u, sizeof(*line->entries));
    if (line->entries == NULL) {
        deallocate_String_vector(&line->names);
        return ZSYSTEMERROR;
    }
    line->count = 0;
    for (int i = 0; i < line->names.count; i++) {
        struct rk_line_entry *e = &line->entries[line->count];
        e->name = line->names.data[i];
        bool is_writer = is_rw && parse(e->name, prefixes[RK_LINE_WRITE], &e->number);
        e->is_writer = is_writer;
        if (is_writer || parse(e->name, prefixes[is_rw ? RK_LINE_READ : kind], &e->number)) {
            line->count++;
        }
    }
    qsort(line->entries, (size_t)line->count, sizeof(*line->entries), compare);
    return ZOK;
}

/* Index of the entry that keeps ours waiting, -1: none; -2: ours is not there. */
static int blocker(const struct rk_line *line, const char *own, enum rk_line_kind kind)
{
    int found = -1;
    for (int i = 0; i < line->count; i++) {
        if (strcmp(line->entries[i].name, own) == 0) {
            return found;
        }
        if (kind != RK_LINE_READ || line->entries[i].is_writer) {
            found = i;
        }
    }
    return -2;
}

/* One look: lists, and sets a watch on the one in front. ZNOTHING: ours is not there; ZNONODE: the
 * one in front is not, or the path. */
static int look(struct rk_try *t, struct rk_object *object, const struct rk_node *node,
                enum rk_line_kind kind, bool *ret_is_first)
{
    struct rk_line line = {0};
    int rc = line_read(t->zh, node->parent, kind, &line);
    if (rc != ZOK) {
        return rc;
    }
    int index = blocker(&line, rk_rec_name(node->path), kind);
    *ret_is_first = index == -1;
    if (index == -2) {
        rc = ZNOTHING;
    } else if (index >= 0) {
        char *path = rk_rec_join(node->parent, line.entries[index].name);
        char byte;
        int bytes = 0;
        rc = path == NULL
                 ? ZSYSTEMERROR
                 : zoo_wget(t->zh, path, rk_object_watcher, object->cell, &byte, &bytes, NULL);
        free(path);
    }
    line_free(&line);
    return rc;
}

int rk_line_place(struct rk_object *object, const struct rk_node *node, enum rk_line_kind kind,
                  int64_t deadline_ms, bool *ret_is_first)
{
    struct rk_try t = {.keeper = object->keeper,
                       .object = object,
                       .deadline_ms = deadline_ms,
                       .generation = node->generation};
    while (rk_try(&t)) {
        bool is_again = true;
        while (is_again) {
            t.rc = look(&t, object, node, kind, ret_is_first);
            is_again = false;
            if (t.rc == ZNONODE) {
                /* The one in front went meanwhile, or everything has. */
                t.rc = zoo_exists(t.zh, node->path, 0, NULL);
                is_again = t.rc == ZOK;
            }
        }
    }
    return t.rc == ZNONODE || t.rc == ZNOTHING ? ZSESSIONEXPIRED : t.rc;
}

int rk_line_acquire(struct rk_object *object, const struct rk_node_plan *plan,
                    enum rk_line_kind kind, int64_t deadline_ms, struct rk_node **ret_node)
{
    struct rk_node *node = NULL;
    for (;;) {
        uint64_t seen = rk_object_pokes(object);
        bool is_first = false;
        int rc = ZOK;
        if (node == NULL) {
            rc = rk_node_create(object->keeper, object, plan, deadline_ms, &node);
        }
        if (rc == ZOK) {
            rc = rk_line_place(object, node, kind, deadline_ms, &is_first);
        }
        if (rc == ZOK && is_first) {
            *ret_node = node;
            return ZOK;
        }
        if (rc == ZOK) {
            rc = rk_object_wait_again(object, seen, deadline_ms);
        } else if (rc == ZSESSIONEXPIRED && rk_rec_now_ms() >= deadline_ms) {
            rc = ZOPERATIONTIMEOUT;
        }
        if (rc != ZOK && node != NULL) {
            (void)rk_node_remove(object->keeper, node, rk_rec_now_ms()); /* else in background */
            node = NULL;
        }
        if (rc != ZOK && rc != ZSESSIONEXPIRED) {
            return rc;
        }
    }
}

int rk_line_list(struct rk_keeper *keeper, const char *path, enum rk_line_kind kind, int timeout_ms,
                 int limit, struct String_vector *ret_data)
{
    if (!rk_rec_is_path(path)) {
        return ZBADARGUMENTS;
    }
    struct rk_try t = {.keeper = keeper, .deadline_ms = rk_rec_deadline(timeout_ms)};
    struct String_vector found = {0};
    while (rk_try(&t)) {
        struct rk_line line = {0};
        deallocate_String_vector(&found);
        found = (struct String_vector){0};
        t.rc = line_read(t.zh, path, kind, &line);
        if (t.rc != ZOK) {
            continue;
        }
        if (!rk_rec_strings_alloc(&found, line.count)) {
            t.rc = ZSYSTEMERROR;
        }
        found.count = 0;
        for (int i = 0; i < line.count && t.rc == ZOK && found.count < limit; i++) {
            char *data = NULL;
            char *child = rk_rec_join(path, line.entries[i].name);
            struct Stat stat;
            int bytes = 0;
            t.rc = child == NULL ? ZSYSTEMERROR
                                 : rk_get(t.zh, child, NULL, NULL, &data, &bytes, &stat);
            free(child);
            if (t.rc == ZNONODE) {
                t.rc = ZOK; /* gone meanwhile */
                continue;
            }
            if (t.rc == ZOK) {
                found.data[found.count] = data != NULL ? data : strdup("");
                t.rc = found.data[found.count] == NULL ? ZSYSTEMERROR : ZOK;
                found.count += t.rc == ZOK;
            }
        }
        line_free(&line);
    }
    if (t.rc == ZOK || t.rc == ZNONODE) {
        *ret_data = found;
        return ZOK;
    }
    deallocate_String_vector(&found);
    return t.rc;
}
