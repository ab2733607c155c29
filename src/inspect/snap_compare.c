/* rookery-snapshot compare: two snapshots in one tree of names. Either what Apache's
 * SnapshotComparer prints (which subtrees grew by how much), or every node that is not the same.
 *
 * ZK: SnapshotComparer */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/skeleton.h"
#include "inspect/snapshots.h"

const char rk_ins_snap_compare_help[] =
    "compares two snapshots\n"
    "\n"
    "Without -b and -n: a line for each node that is only on the left (-), only on the right (+), "
    "or\n"
    "differs (!), with what differs: data, acl, stat. Exit status 1: there is such a node.\n"
    "  -l, --left FILE, -r, --right FILE   or as two words\n"
    "As SnapshotComparer, depth by depth:\n"
    "  -b, --bytes N        subtrees whose size differs by more than N bytes\n"
    "  -n, --nodes N        or by more than N nodes\n"
    "  -d, --debug X        what was compared\n"
    "  -i, --interactive X  ask for each depth: enter for the next, a number for that one, or a "
    "path\n"
    "                       to see what is directly below it\n"
    "Memory is needed for the names, about 200 bytes a node, not for data.\n";

struct compare {
    struct rk_ins_tool *tool;
    struct rk_ins_skeleton tree;
    struct rk_map acls; /* of the side being read: id to hash */
    struct rk_arena arena;
    unsigned side;
    const char *paths[2];
    uint32_t *order;  /* nodes by depth, then path */
    uint32_t *starts; /* of each depth in order; one more at the end */
    uint32_t depths;
    int64_t bytes;
    int64_t nodes;
    bool is_debug;
    bool is_interactive;
};

struct acl_hash {
    struct rk_map_entry entry;
    uint32_t hash;
};

/* Ids differ between servers; what they stand for is compared. */
static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct compare *c = ctx;
    uint64_t hash = c->tree.seed + (uint64_t)acl->count;
    for (int32_t i = 0; i < acl->count; i++) {
        const struct rk_acl *a = &acl->items[i];
        hash = rk_hash_bytes(a->id.scheme.data, a->id.scheme.len, hash + (uint32_t)a->perms);
        hash = rk_hash_bytes(a->id.id.data, a->id.id.len, hash);
    }
    if (rk_map_find(&c->acls, (uint64_t)id) == NULL) {
        struct acl_hash *item = rk_arena_alloc(&c->arena, sizeof(*item));
        item->hash = (uint32_t)hash;
        rk_map_insert(&c->acls, &item->entry, (uint64_t)id);
    }
    return RK_OK;
}

static uint32_t hash_acl(const struct compare *c, int64_t id)
{
    const struct acl_hash *item = (const struct acl_hash *)rk_map_find(&c->acls, (uint64_t)id);
    return item != NULL ? item->hash : (uint32_t)id;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct compare *c = ctx;
    uint8_t bytes[60];
    rk_store_i64(bytes, stat->czxid);
    rk_store_i64(bytes + 8, stat->mzxid);
    rk_store_i64(bytes + 16, stat->ctime);
    rk_store_i64(bytes + 24, stat->mtime);
    rk_store_i32(bytes + 32, stat->version);
    rk_store_i32(bytes + 36, stat->cversion);
    rk_store_i32(bytes + 40, stat->aversion);
    rk_store_i64(bytes + 44, stat->ephemeral_owner);
    rk_store_i64(bytes + 52, stat->pzxid);
    struct rk_ins_side info = {
        .data_bytes = data.len,
        .data_hash = data.data == NULL ? 1 : rk_hash_bytes(data.data, data.len, c->tree.seed),
        .acl_hash = hash_acl(c, acl_id),
        .stat_hash = (uint32_t)rk_hash_bytes(bytes, sizeof(bytes), c->tree.seed),
    };
    return rk_ins_skeleton_add(&c->tree, c->side, path, &info);
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static enum rk_ins_exit load(struct compare *c, unsigned side, bool is_told)
{
    struct rk_ins_snap snap;
    struct rk_snap_info info;
    struct timespec start;
    struct rk_restore_sink sink = rk_ins_sink(c);
    sink.acl = on_acl;
    sink.node = on_node;
    (void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail with this clock */
    enum rk_ins_exit status = rk_ins_snap_open(&snap, c->tool, c->paths[side]);
    if (status != RK_INS_OK) {
        return status;
    }
    static struct rk_acl anyone = {31,
                                   {{(const uint8_t *)"world", 5}, {(const uint8_t *)"anyone", 6}}};
    static const struct rk_vec_acl open = {1, &anyone};
    c->side = side;
    rk_map_init(&c->acls, c->tool->mem, rk_ins_seed());
    rk_arena_init(&c->arena, c->tool->mem);
    (void)on_acl(c, -1, &open); /* the id that needs no entry */
    status = rk_ins_snap_read(&snap, &sink, &info);
    rk_map_deinit(&c->acls);
    rk_arena_deinit(&c->arena);
    rk_ins_snap_close(&snap);
    if (status == RK_INS_OK && is_told) {
        (void)fprintf(c->tool->out, "Deserialized snapshot in %s in %f seconds\n",
                      rk_ins_base_name(c->paths[side]), seconds_since(&start));
        (void)fprintf(c->tool->out, "Processed data tree in %f seconds\n", seconds_since(&start));
    }
    return status;
}

static void put_path(struct compare *c, uint32_t node)
{
    struct rk_buf path;
    rk_buf_init(&path, c->tool->mem, SIZE_MAX / 4);
    rk_ins_skeleton_path(&c->tree, node, &path);
    rk_ins_put_text(c->tool->out, rk_buf_view(&path));
    rk_buf_deinit(&path);
}

/* -- Node by node
 * ------------------------------------------------------------------------------------- */

static bool is_same(const struct rk_ins_node *n)
{
    const struct rk_ins_side *l = &n->side[0];
    const struct rk_ins_side *r = &n->side[1];
    return n->is_there[0] && n->is_there[1] && l->data_bytes == r->data_bytes &&
           l->data_hash == r->data_hash && l->acl_hash == r->acl_hash &&
           l->stat_hash == r->stat_hash;
}

static enum rk_ins_exit list_differences(struct compare *c)
{
    FILE *to = c->tool->out;
    uint64_t count = 0;
    uint32_t node = c->tree.count > 0 ? 0 : RK_INS_NODE_NONE;
    for (; node != RK_INS_NODE_NONE; node = rk_ins_skeleton_walk(&c->tree, 0, node)) {
        const struct rk_ins_node *n = &c->tree.nodes[node];
        if (is_same(n)) {
            continue;
        }
        bool is_both = n->is_there[0] && n->is_there[1];
        count++;
        (void)fputs(is_both ? "! " : n->is_there[0] ? "- " : "+ ", to);
        if (node == 0) {
            (void)fputc('/', to);
        }
        put_path(c, node);
        if (is_both) {
            bool has_data = n->side[0].data_bytes != n->side[1].data_bytes ||
                            n->side[0].data_hash != n->side[1].data_hash;
            (void)fputs(has_data ? "  data" : " ", to);
            (void)fputs(n->side[0].acl_hash != n->side[1].acl_hash ? " acl" : "", to);
            (void)fputs(n->side[0].stat_hash != n->side[1].stat_hash ? " stat" : "", to);
        }
        (void)fputc('\n', to);
    }
    return count > 0 ? RK_INS_DIFFERS : RK_INS_OK;
}

/* -- As SnapshotComparer
 * ------------------------------------------------------------------------------ */

static void print_only(struct compare *c, uint32_t node, unsigned side)
{
    const struct rk_ins_side *s = &c->tree.nodes[node].side[side];
    if ((int64_t)s->total_bytes > c->bytes || (int64_t)s->total_count > c->nodes) {
        (void)fputs("Node ", c->tool->out);
        put_path(c, node);
        (void)fprintf(c->tool->out,
                      " found only in %s tree. Descendant size: %" PRIu64
                      ". Descendant count: %" PRIu64 "\n",
                      side == 0 ? "left" : "right", s->total_bytes, s->total_count);
    } else if (c->is_debug || c->is_interactive) {
        (void)fprintf(c->tool->out, "Filtered %s node ", side == 0 ? "left" : "right");
        put_path(c, node);
        (void)fprintf(c->tool->out, " of size %" PRIu64 "\n", s->total_bytes);
    }
}

static void print_both(struct compare *c, uint32_t node)
{
    const struct rk_ins_side *l = &c->tree.nodes[node].side[0];
    const struct rk_ins_side *r = &c->tree.nodes[node].side[1];
    int64_t bytes = (int64_t)(r->total_bytes - l->total_bytes);
    int64_t nodes = (int64_t)(r->total_count - l->total_count);
    if ((bytes < 0 ? -bytes : bytes) > c->bytes || (nodes < 0 ? -nodes : nodes) > c->nodes) {
        (void)fputs("Node ", c->tool->out);
        put_path(c, node);
        (void)fprintf(c->tool->out,
                      " found in both trees. Delta: %" PRId64 " bytes, %" PRId64 " descendants\n",
                      bytes, nodes);
    } else if (c->is_debug || c->is_interactive) {
        (void)fputs("Filtered node ", c->tool->out);
        put_path(c, node);
        (void)fprintf(c->tool->out, " of left size %" PRIu64 ", right size %" PRIu64 "\n",
                      l->total_bytes, r->total_bytes);
    }
}

static uint32_t next_there(const struct compare *c, const uint32_t *list, uint32_t at,
                           uint32_t count, unsigned side)
{
    while (at < count && !c->tree.nodes[list[at]].is_there[side]) {
        at++;
    }
    return at;
}

static void say_step(struct compare *c, uint32_t left, uint32_t right, const char *what)
{
    (void)fputs("Comparing ", c->tool->out);
    put_path(c, left);
    (void)fputs(" to ", c->tool->out);
    put_path(c, right);
    (void)fprintf(c->tool->out, "\n%s\n", what);
}

/* Two lists at once: those of list that are on the left, and those on the right. */
static void compare_list(struct compare *c, const uint32_t *list, uint32_t count)
{
    uint32_t l = next_there(c, list, 0, count, 0);
    uint32_t r = next_there(c, list, 0, count, 1);
    while (l < count || r < count) {
        if (c->is_debug && l < count && r < count) {
            say_step(c, list[l], list[r],
                     l < r   ? "left is less"
                     : l > r ? "right is less"
                             : "same");
        }
        if (l == r) {
            print_both(c, list[l]);
        } else if (l < r) {
            print_only(c, list[l], 0);
        } else {
            print_only(c, list[r], 1);
        }
        uint32_t done = l < r ? l : r;
        l = l == done ? next_there(c, list, l + 1, count, 0) : l;
        r = r == done ? next_there(c, list, r + 1, count, 1) : r;
    }
}

static int compare_nodes(const void *a, const void *b, void *ctx)
{
    const struct rk_ins_skeleton *tree = ctx;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    uint32_t dx = tree->nodes[x].depth;
    uint32_t dy = tree->nodes[y].depth;
    return dx != dy ? (dx < dy ? -1 : 1) : rk_ins_skeleton_compare(tree, x, y);
}

static void sort_by_depth(struct compare *c)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < c->tree.count; i++) {
        deepest = c->tree.nodes[i].depth > deepest ? c->tree.nodes[i].depth : deepest;
    }
    c->depths = deepest + 1;
    c->order = rk_mem_must_alloc(c->tool->mem, c->tree.count * sizeof(*c->order));
    c->starts = rk_mem_must_zalloc(c->tool->mem, (c->depths + 1) * sizeof(*c->starts));
    for (uint32_t i = 0; i < c->tree.count; i++) {
        c->order[i] = i;
        c->starts[c->tree.nodes[i].depth + 1]++;
    }
    for (uint32_t i = 0; i < c->depths; i++) {
        c->starts[i + 1] += c->starts[i];
    }
    qsort_r(c->order, c->tree.count, sizeof(*c->order), compare_nodes, &c->tree);
}

static uint32_t depths_of(const struct compare *c, unsigned side)
{
    uint32_t depths = 0;
    for (uint32_t i = 0; i < c->tree.count; i++) {
        const struct rk_ins_node *n = &c->tree.nodes[i];
        depths = n->is_there[side] && n->depth + 1 > depths ? n->depth + 1 : depths;
    }
    return depths;
}

static void print_info(struct compare *c, unsigned side)
{
    FILE *to = c->tool->out;
    const struct rk_ins_side *root = &c->tree.nodes[0].side[side];
    uint32_t depths = depths_of(c, side);
    (void)fprintf(to, "Node count: %" PRIu64 "\nTotal size: %" PRIu64 "\nMax depth: %" PRIu32 "\n",
                  root->total_count + 1, root->total_bytes, depths);
    for (uint32_t d = 0; d < depths; d++) {
        uint64_t count = 0;
        for (uint32_t i = c->starts[d]; i < c->starts[d + 1]; i++) {
            count += c->tree.nodes[c->order[i]].is_there[side] ? 1 : 0;
        }
        (void)fprintf(to, "Count of nodes at depth %" PRIu32 ": %" PRIu64 "\n", d, count);
    }
    (void)fputc('\n', to);
}

static void compare_depth(struct compare *c, uint32_t depth)
{
    (void)fprintf(c->tool->out, "Analysis for depth %" PRIu32 "\n", depth);
    compare_list(c, c->order + c->starts[depth], c->starts[depth + 1] - c->starts[depth]);
}

static void compare_below(struct compare *c, const char *path)
{
    struct rk_mem *mem = c->tool->mem;
    uint32_t node = rk_ins_skeleton_find(&c->tree, rk_bytes_str(path));
    (void)fprintf(c->tool->out, "Analysis for node %s\n", path);
    if (node == RK_INS_NODE_NONE) {
        (void)fprintf(c->tool->out, "Path %s is neither found in left tree nor right tree.\n",
                      path);
        return;
    }
    uint32_t count = 0;
    uint32_t child = c->tree.nodes[node].first;
    for (; child != RK_INS_NODE_NONE; child = c->tree.nodes[child].next) {
        count++;
    }
    if (count == 0) {
        return;
    }
    uint32_t *list = rk_mem_must_alloc(mem, count * sizeof(*list));
    uint32_t at = 0;
    for (child = c->tree.nodes[node].first; child != RK_INS_NODE_NONE;
         child = c->tree.nodes[child].next) {
        list[at++] = child;
    }
    compare_list(c, list, count);
    rk_mem_free(mem, list, count * sizeof(*list));
}

static void print_thresholds(struct compare *c)
{
    (void)fprintf(c->tool->out,
                  "Printing analysis for nodes difference larger than %" PRId64
                  " bytes or node count difference larger than %" PRId64 ".\n",
                  c->bytes, c->nodes);
}

/* Does what a person wrote; *depth is where the next empty line leads. */
static void obey(struct compare *c, const char *line, uint32_t *depth)
{
    int64_t number;
    if (line[0] == '\0') {
        compare_depth(c, (*depth)++);
    } else if (line[0] == '/') {
        compare_below(c, line);
    } else if (!rk_ins_number(line, &number)) {
        (void)fputs("Input ", c->tool->out);
        rk_ins_put_text(c->tool->out, rk_bytes_str(line));
        (void)fprintf(c->tool->out,
                      " is not valid. Depth must be in range [0, %" PRIu32
                      "]. Path must be an absolute path which starts with '/'.\n",
                      c->depths - 1);
    } else if (number < 0 || number >= c->depths) {
        (void)fprintf(c->tool->out, "Depth must be in range [0, %" PRIu32 "]\n", c->depths - 1);
        return;
    } else {
        *depth = (uint32_t)number;
        compare_depth(c, *depth);
    }
    (void)fputc('\n', c->tool->out);
}

static void talk(struct compare *c)
{
    char line[4096];
    uint32_t depth = 0;
    while (depth < c->depths) {
        (void)fprintf(c->tool->out,
                      "Current depth is %" PRIu32
                      "\n- Press enter to move to print current depth layer;\n- Type a number to "
                      "jump to and print all nodes at a given depth;\n- Enter an ABSOLUTE path to "
                      "print the immediate subtree of a node. Path must start with '/'.\n",
                      depth);
        (void)fflush(c->tool->out);
        if (fgets(line, sizeof(line), c->tool->in) == NULL) {
            return;
        }
        line[strcspn(line, "\n")] = '\0';
        print_thresholds(c);
        obey(c, line, &depth);
    }
}

static void compare_layers(struct compare *c)
{
    if (c->is_interactive) {
        talk(c);
    } else {
        print_thresholds(c);
        for (uint32_t depth = 0; depth < c->depths; depth++) {
            compare_depth(c, depth);
        }
    }
    (void)fputs("All layers compared.\n", c->tool->out);
}

/* -- The verb
 * ----------------------------------------------------------------------------------------- */

static enum rk_ins_exit run(struct compare *c, bool is_apache)
{
    enum rk_ins_exit status = load(c, 0, is_apache);
    if (status == RK_INS_OK) {
        status = load(c, 1, is_apache);
    }
    if (status != RK_INS_OK || c->tree.count == 0) {
        return status;
    }
    rk_ins_skeleton_done(&c->tree);
    if (!is_apache) {
        return list_differences(c);
    }
    sort_by_depth(c);
    print_info(c, 0);
    print_info(c, 1);
    compare_layers(c);
    rk_mem_free(c->tool->mem, c->order, c->tree.count * sizeof(*c->order));
    rk_mem_free(c->tool->mem, c->starts, (c->depths + 1) * sizeof(*c->starts));
    return RK_INS_OK;
}

enum rk_ins_exit rk_ins_snap_compare(struct rk_ins_tool *t, int argc, char **argv)
{
    struct compare c = {.tool = t, .bytes = -1, .nodes = -1};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {
        {'l', "left", RK_INS_TEXT, &c.paths[0]},
        {'r', "right", RK_INS_TEXT, &c.paths[1]},
        {'b', "bytes", RK_INS_NUMBER, &c.bytes},
        {'n', "nodes", RK_INS_NUMBER, &c.nodes},
        {'d', "debug", RK_INS_FLAG, &c.is_debug},
        {'i', "interactive", RK_INS_FLAG, &c.is_interactive},
    };
    if (!rk_ins_opts(t, opts, sizeof(opts) / sizeof(opts[0]), argc, argv, 0, 2, &files)) {
        return RK_INS_USAGE;
    }
    for (uint32_t i = 0; i < files.count; i++) {
        c.paths[c.paths[0] == NULL ? 0 : 1] = files.items[i];
    }
    if (c.paths[0] == NULL || c.paths[1] == NULL) {
        rk_ins_complain(t, "compare: two snapshots, please");
        return RK_INS_USAGE;
    }
    bool is_apache = c.bytes >= 0 || c.nodes >= 0 || c.is_debug || c.is_interactive;
    if (is_apache) {
        (void)fputs("Successfully parsed options!\n", t->out);
        c.bytes = c.bytes < 0 ? 0 : c.bytes;
        c.nodes = c.nodes < 0 ? 0 : c.nodes;
    }
    rk_ins_skeleton_init(&c.tree, t->mem, UINT32_MAX);
    enum rk_ins_exit status = run(&c, is_apache);
    rk_ins_skeleton_deinit(&c.tree);
    return status;
}
