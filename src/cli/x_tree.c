/* tree and du: the shape of a subtree, and what it weighs. */
#include "cli/out.h"
#include "cli/walk.h"
#include "cli/x_base.h"
#include "cli/x_place.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1 << 20 };

/* -- tree */

struct tree {
    struct rk_cli *cli;
    bool shows_sizes, shows_paths;
    struct rk_x_text indent; /* four characters a level: whether a line goes down there */
    int64_t nodes, bytes, ephemerals, unreadable;
};

static void draw_branch(struct tree *t, const struct rk_walk_node *node)
{
    size_t depth = (size_t)node->depth;
    for (size_t level = 0; level + 1 < depth; level++)
        rk_cli_print(t->cli, "%s", t->indent.at[level] == '|' ? "│   " : "    ");
    if (depth > 0)
        rk_cli_print(t->cli, "%s", node->is_last ? "└── " : "├── ");
    if (depth > 0 && t->indent.bytes >= depth)
        t->indent.bytes = depth - 1;
    if (depth > 0)
        rk_x_text_add(&t->indent, node->is_last ? " " : "|", 1);
}

static void draw(struct tree *t, const struct rk_walk_node *node, enum rk_x_type type)
{
    draw_branch(t, node);
    const char *name = node->depth == 0 || t->shows_paths ? node->path : rk_x_path_name(node->path);
    rk_cli_print(t->cli, "%s",
                 rk_cli_code(t->cli, type == RK_X_EPHEMERAL ? RK_CLI_YELLOW : RK_CLI_PLAIN));
    rk_cli_put_name(t->cli, name);
    rk_cli_print(t->cli, "%s", rk_cli_code(t->cli, RK_CLI_PLAIN));
    if (type != RK_X_PERSISTENT)
        rk_cli_paint(t->cli, RK_CLI_DIM, "  %s", rk_x_type_name(type));
    if (t->shows_sizes && node->has_stat) {
        char size[16];
        rk_x_size_text(node->stat.dataLength, size);
        rk_cli_paint(t->cli, RK_CLI_DIM, "  %s, %d children", size, node->stat.numChildren);
    }
    if (node->rc != ZOK)
        rk_cli_paint(t->cli, RK_CLI_RED, "  no permission");
    rk_cli_print(t->cli, "\n");
}

static void emit_node(struct rk_cli *cli, const struct rk_walk_node *node, enum rk_x_type type)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "path", rk_cli_json_text(node->path));
    (void)json_object_set_new(object, "depth", json_integer(node->depth));
    if (node->has_stat) {
        (void)json_object_set_new(object, "type", json_string(rk_x_type_name(type)));
        (void)json_object_set_new(object, "dataLength", json_integer(node->stat.dataLength));
        (void)json_object_set_new(object, "numChildren", json_integer(node->stat.numChildren));
    }
    if (node->rc != ZOK)
        (void)json_object_set_new(object, "unreadable", json_true());
    rk_cli_emit(cli, object);
}

static void count_in_tree(struct tree *t, const struct rk_walk_node *node)
{
    enum rk_x_type type = node->has_stat ? rk_x_type_of(&node->stat) : RK_X_PERSISTENT;
    t->nodes++;
    t->bytes += node->has_stat ? node->stat.dataLength : 0;
    t->ephemerals += type == RK_X_EPHEMERAL;
    t->unreadable += node->rc != ZOK;
    if (rk_cli_is_json(t->cli))
        emit_node(t->cli, node, type);
    else
        draw(t, node, type);
}

static int run_tree(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t depth;
    if (!rk_cli_flag_number(cli, args, "depth", 0, DEPTH_MAX, -1, &depth))
        return RK_CLI_USAGE;
    const char *root = rk_cli_arg(args, 0) != NULL ? rk_cli_arg(args, 0) : "/";
    struct tree t = {
        .cli = cli, .shows_sizes = rk_cli_has(args, "s"), .shows_paths = rk_cli_has(args, "f")};
    struct rk_walk_options options = {
        .depth_max = (int)depth, .is_stopped = rk_x_is_stopped, .context = cli};
    struct rk_walk *walk = rk_walk_open(rk_cli_handle(cli), root, &options);
    struct rk_walk_node node;
    int rc;
    while ((rc = rk_walk_next(walk, &node)) == 1)
        count_in_tree(&t, &node);
    if (rc == 0) {
        char size[16];
        rk_x_size_text(t.bytes, size);
        rk_cli_print(cli, "\n%" PRId64 " nodes (%" PRId64 " ephemeral), %s%s\n", t.nodes,
                     t.ephemerals, size, t.bytes < 1024 ? " bytes" : "");
    }
    int status = rk_x_walk_end(cli, walk, rc, root, t.unreadable);
    rk_walk_close(walk);
    rk_x_text_free(&t.indent);
    return status;
}

static const struct rk_cli_flag tree_flags[] = {
    {"depth", "n", "levels below the path that are shown", RK_CLI_ANY, 0},
    {"s", NULL, "with the bytes and the number of children of each node", RK_CLI_ANY, 0},
    {"f", NULL, "whole paths instead of names", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_tree = {
    .name = "tree",
    .usage = "[-depth n] [-s] [-f] [path]",
    .summary = "draw a subtree",
    .help =
        "Nodes are shown as they come, so a tree of any size is drawn in bounded memory. The last "
        "line counts nodes, ephemerals and bytes of what was shown.",
    .flags = tree_flags,
    .args = "p",
    .args_min = 0,
    .args_max = 1,
    .run = run_tree,
};

/* -- du */

struct weight {
    char *path;
    int depth;
    int64_t nodes, bytes;
};

struct du {
    struct rk_cli *cli;
    int depth_max;
    struct weight *stack; /* the way from the root to the present node */
    int stack_count, stack_room;
    struct weight *list; /* what is finished and to be shown */
    size_t count, room;
    int64_t unreadable;
};

static void *grow(void *array, size_t count, size_t *room, size_t one)
{
    if (count < *room)
        return array;
    *room = *room * 2 + 64;
    return rk_x_resize(array, *room * one);
}

/* Ends the subtrees that do not hold a node at this depth, and adds them to those above. */
static void fold(struct du *d, int depth)
{
    while (d->stack_count > depth) {
        struct weight *w = &d->stack[--d->stack_count];
        if (d->stack_count > 0) {
            d->stack[d->stack_count - 1].nodes += w->nodes;
            d->stack[d->stack_count - 1].bytes += w->bytes;
        }
        if (w->depth > d->depth_max) {
            free(w->path);
            continue;
        }
        d->list = grow(d->list, d->count, &d->room, sizeof *d->list);
        d->list[d->count++] = *w;
    }
}

static void weigh(struct du *d, const struct rk_walk_node *node)
{
    fold(d, node->depth);
    size_t room = (size_t)d->stack_room;
    d->stack = grow(d->stack, (size_t)d->stack_count, &room, sizeof *d->stack);
    d->stack_room = (int)room;
    d->stack[d->stack_count++] = (struct weight){
        .path = node->depth <= d->depth_max ? rk_x_dup(node->path) : NULL,
        .depth = node->depth,
        .nodes = 1,
        .bytes = node->has_stat ? node->stat.dataLength : 0,
    };
    d->unreadable += node->rc != ZOK;
}

static int by_path(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return rk_x_path_compare(x->path, y->path);
}

static int by_bytes(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : by_path(a, b);
}

static int by_nodes(const void *a, const void *b)
{
    const struct weight *x = a, *y = b;
    return x->nodes != y->nodes ? (x->nodes < y->nodes ? 1 : -1) : by_path(a, b);
}

static void show_weight(struct rk_cli *cli, const struct weight *w, bool is_exact)
{
    if (rk_cli_is_json(cli)) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "path", rk_cli_json_text(w->path));
        (void)json_object_set_new(object, "depth", json_integer(w->depth));
        (void)json_object_set_new(object, "nodes", json_integer(w->nodes));
        (void)json_object_set_new(object, "bytes", json_integer(w->bytes));
        rk_cli_emit(cli, object);
        return;
    }
    char size[16];
    rk_x_size_text(w->bytes, size);
    if (is_exact)
        rk_cli_print(cli, "%12" PRId64 " %10" PRId64 "  ", w->bytes, w->nodes);
    else
        rk_cli_print(cli, "%8s %10" PRId64 "  ", size, w->nodes);
    rk_cli_put_name(cli, w->path);
    rk_cli_print(cli, "\n");
}

typedef int (*compare_fn)(const void *, const void *);

static compare_fn order_named(const char *name)
{
    static const struct {
        const char *name;
        compare_fn fn;
    } orders[] = {{"bytes", by_bytes}, {"nodes", by_nodes}, {"path", by_path}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (strcmp(orders[i].name, name) == 0)
            return orders[i].fn;
    return NULL;
}

static void du_end(struct du *d)
{
    for (int i = 0; i < d->stack_count; i++)
        free(d->stack[i].path);
    for (size_t i = 0; i < d->count; i++)
        free(d->list[i].path);
    free(d->stack);
    free(d->list);
}

static int run_du(struct rk_cli *cli, const struct rk_cli_args *args)
{
    int64_t depth, limit;
    if (!rk_cli_flag_number(cli, args, "depth", 0, DEPTH_MAX, 1, &depth) ||
        !rk_cli_flag_number(cli, args, "top", 1, INT32_MAX, INT32_MAX, &limit))
        return RK_CLI_USAGE;
    compare_fn order = order_named(rk_cli_flag(args, "sort", "bytes"));
    if (order == NULL)
        return rk_cli_misuse(cli, "-sort takes bytes, nodes or path");
    const char *root = rk_cli_arg(args, 0) != NULL ? rk_cli_arg(args, 0) : "/";
    struct du d = {.cli = cli, .depth_max = (int)depth};
    struct rk_walk_options options = {
        .depth_max = -1, .is_stopped = rk_x_is_stopped, .context = cli};
    struct rk_walk *walk = rk_walk_open(rk_cli_handle(cli), root, &options);
    struct rk_cli_progress progress;
    rk_cli_progress_begin(cli, &progress, "looked at", -1);
    struct rk_walk_node node;
    int rc;
    while ((rc = rk_walk_next(walk, &node)) == 1) {
        weigh(&d, &node);
        rk_cli_progress_add(cli, &progress, 1);
    }
    rk_cli_progress_end(cli, &progress);
    if (rc == 0) {
        fold(&d, 0);
        qsort(d.list, d.count, sizeof *d.list, order);
        for (size_t i = 0; i < d.count && i < (size_t)limit; i++)
            show_weight(cli, &d.list[i], rk_cli_has(args, "b"));
    }
    int status = rk_x_walk_end(cli, walk, rc, root, d.unreadable);
    rk_walk_close(walk);
    du_end(&d);
    return status;
}

static const struct rk_cli_flag du_flags[] = {
    {"depth", "n", "levels below the path that get a line (1)", RK_CLI_ANY, 0},
    {"sort", "order", "bytes (default), nodes or path", RK_CLI_ANY, 0},
    {"top", "n", "the first n lines only", RK_CLI_ANY, 0},
    {"b", NULL, "exact bytes", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

const struct rk_cli_command rk_cli_cmd_du = {
    .name = "du",
    .usage = "[-depth n] [-sort order] [-top n] [-b] [path]",
    .summary = "show bytes and nodes by subtree",
    .help =
        "A line has the bytes of the data of a node and all below it, their number, and the path. "
        "/zookeeper is counted, too, as it holds memory like all others.",
    .flags = du_flags,
    .args = "p",
    .args_min = 0,
    .args_max = 1,
    .run = run_du,
};
