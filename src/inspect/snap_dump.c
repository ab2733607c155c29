/* rookery-snapshot dump, grep and summary.
 *
 * ZK: SnapshotFormatter, SnapshotRecursiveSummary. Java's order of siblings and sessions is that of
 * its hash tables and means nothing; here it is that of the file, or by name. */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "inspect/acl_map.h"
#include "inspect/match.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/skeleton.h"
#include "inspect/snapshots.h"
#include "inspect/tally.h"
#include "inspect/txn_show.h"

const char rk_ins_snap_dump_help[] =
    "prints the nodes and sessions of a snapshot\n"
    "\n"
    "The text is that of Apache's SnapshotFormatter; nodes come in the order of the file.\n"
    "  -d, --data    the data as base64, not only its length\n"
    "      --json    sizes only, in the form that ncdu reads (as -json of SnapshotFormatter)\n"
    "  -l, --lines   a JSON object per node and line: path, Stat, ACL; with -d the data, too\n"
    "Plain, .gz and .snappy files. The whole file is checked before the first line comes out.\n";

const char rk_ins_snap_grep_help[] =
    "prints the paths of the nodes that are looked for\n"
    "\n"
    "  -p, --path GLOB       * and ? stay within a component, ** does not\n"
    "  -P, --path-regex RE   the same by extended regular expression\n"
    "  -d, --data RE         whose data match\n"
    "  -a, --acl RE          one of whose ACL entries, as scheme:id:perms (perms of cdrwa), "
    "matches\n"
    "  -o, --owner ID        that this session owns (0x...)\n"
    "  -e, --ephemerals      that a session owns\n"
    "  -c, --count           only how many\n"
    "  -l, --lines           a JSON object each, as of dump\n"
    "All that are given have to match. Exit status 1: there is none.\n";

#define SESSIONS_MAX 100000000u

struct dump {
    struct rk_ins_tool *tool;
    struct rk_ins_snap snap;
    struct rk_ins_acl_map acls;
    struct rk_ins_tally sessions; /* ephemerals by owner */
    bool has_data;
    bool is_json;
    bool is_lines;
    rk_zxid last;

    struct rk_ins_pattern path;
    struct rk_ins_pattern data;
    struct rk_ins_pattern acl;
    bool has_owner;
    int64_t owner;
    bool is_owned;
    bool is_count;
    uint64_t count;
};

/* Kept: nodes name them. */
static enum rk_err keep_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct dump *d = ctx;
    rk_ins_acl_map_add(&d->acls, id, acl);
    return RK_OK;
}

/* -- As SnapshotFormatter
 * ----------------------------------------------------------------------------- */

static void put_hex_line(FILE *to, const char *name, int64_t v)
{
    (void)fprintf(to, "  %s = ", name);
    rk_ins_put_hex16(to, v);
    (void)fputc('\n', to);
}

static void put_date_line(FILE *to, const char *name, int64_t ms)
{
    (void)fprintf(to, "  %s = ", name);
    rk_ins_put_long_date(to, ms);
    (void)fputc('\n', to);
}

static void text_node(struct dump *d, struct rk_bytes path, struct rk_bytes data,
                      const struct rk_stat_persisted *stat)
{
    FILE *to = d->tool->out;
    (void)fputs("----\n", to);
    rk_ins_put_text(to, rk_ins_shown_path(path));
    (void)fputc('\n', to);
    put_hex_line(to, "cZxid", stat->czxid);
    put_date_line(to, "ctime", stat->ctime);
    put_hex_line(to, "mZxid", stat->mzxid);
    put_date_line(to, "mtime", stat->mtime);
    put_hex_line(to, "pZxid", stat->pzxid);
    (void)fprintf(
        to, "  cversion = %" PRId32 "\n  dataVersion = %" PRId32 "\n  aclVersion = %" PRId32 "\n",
        stat->cversion, stat->version, stat->aversion);
    put_hex_line(to, "ephemeralOwner", stat->ephemeral_owner);
    if (d->has_data) {
        (void)fputs("  data = ", to);
        rk_ins_put_base64(to, data);
        (void)fputc('\n', to);
    } else {
        (void)fprintf(to, "  dataLength = %" PRIu32 "\n", data.len);
    }
}

static void line_node(struct dump *d, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                      const struct rk_stat_persisted *stat)
{
    FILE *to = d->tool->out;
    const struct rk_vec_acl *acl = rk_ins_acl_map_find(&d->acls, acl_id);
    (void)fputs("{\"path\":", to);
    rk_ins_json_text(to, rk_ins_shown_path(path));
    (void)fprintf(to,
                  ",\"czxid\":\"0x%" PRIx64 "\",\"mzxid\":\"0x%" PRIx64 "\",\"pzxid\":\"0x%" PRIx64
                  "\",\"ctime\":%" PRId64 ",\"mtime\":%" PRId64 ",\"version\":%" PRId32
                  ",\"cversion\":%" PRId32 ",\"aversion\":%" PRId32
                  ",\"ephemeralOwner\":\"0x%" PRIx64 "\",\"dataLength\":%" PRIu32,
                  (uint64_t)stat->czxid, (uint64_t)stat->mzxid, (uint64_t)stat->pzxid, stat->ctime,
                  stat->mtime, stat->version, stat->cversion, stat->aversion,
                  (uint64_t)stat->ephemeral_owner, data.len);
    if (d->has_data) {
        (void)fputs(",\"data\":", to);
        rk_ins_json_data(to, data);
    }
    (void)fprintf(to, ",\"aclId\":%" PRId64 ",\"acl\":", acl_id);
    if (acl != NULL) {
        rk_ins_json_acl(to, acl);
    } else {
        (void)fputs("null", to);
    }
    (void)fputs("}\n", to);
}

static enum rk_err show_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct dump *d = ctx;
    if (d->is_lines) {
        line_node(d, path, data, acl_id, stat);
        return rk_ins_printed(d->tool);
    }
    text_node(d, path, data, stat);
    d->last = stat->mzxid > d->last ? stat->mzxid : d->last;
    d->last = stat->pzxid > d->last ? stat->pzxid : d->last;
    if (stat->ephemeral_owner != 0) {
        rk_ins_tally_add(&d->sessions, rk_bytes_of(&stat->ephemeral_owner, 8), 1, 0);
    }
    return rk_ins_printed(d->tool);
}

static enum rk_err show_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct dump *d = ctx;
    const struct rk_ins_tally_item *item =
        (struct rk_ins_tally_item *)rk_bytemap_find(&d->sessions.map, rk_bytes_of(&id, 8));
    rk_ins_put_hex16(d->tool->out, id);
    (void)fprintf(d->tool->out, ", %" PRId32 ", %" PRIu64 "\n", timeout_ms,
                  item != NULL ? item->count : 0);
    return rk_ins_printed(d->tool);
}

static enum rk_ins_exit print_text(struct dump *d, const struct rk_snap_info *info)
{
    struct rk_snap_info again;
    struct rk_restore_sink sink = rk_ins_sink(d);
    FILE *to = d->tool->out;
    sink.acl = keep_acl;
    sink.node = show_node;
    if (!d->is_lines) {
        /* The root is counted twice there. */
        (void)fprintf(to, "ZNode Details (count=%" PRIu64 "):\n", info->node_count + 1);
    }
    d->last = d->snap.name_zxid;
    enum rk_ins_exit status = rk_ins_snap_read(&d->snap, &sink, &again);
    if (status != RK_INS_OK || d->is_lines) {
        return status;
    }
    (void)fputs("----\nSession Details (sid, timeout, ephemeralCount):\n", to);
    sink = rk_ins_sink(d);
    sink.session = show_session;
    status = rk_ins_snap_read(&d->snap, &sink, &again);
    (void)fprintf(to, "----\nLast zxid: 0x%" PRIx64 "\n", (uint64_t)d->last);
    return status;
}

/* -- Sizes: ncdu's form and the summary
 * --------------------------------------------------------------- */

struct sizes {
    struct rk_ins_tool *tool;
    struct rk_ins_snap snap;
    struct rk_ins_skeleton tree;
};

static enum rk_err size_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct sizes *s = ctx;
    struct rk_ins_side info = {.data_bytes = data.len};
    (void)acl_id;
    (void)stat;
    return rk_ins_skeleton_add(&s->tree, 0, path, &info);
}

static enum rk_ins_exit load_sizes(struct sizes *s, uint32_t depth_max)
{
    struct rk_snap_info info;
    struct rk_restore_sink sink = rk_ins_sink(s);
    sink.node = size_node;
    rk_ins_skeleton_init(&s->tree, s->tool->mem, depth_max);
    enum rk_ins_exit status = rk_ins_snap_read(&s->snap, &sink, &info);
    if (status == RK_INS_OK) {
        rk_ins_skeleton_done(&s->tree);
    }
    return status;
}

static void ncdu_node(struct sizes *s, uint32_t node, uint64_t number)
{
    FILE *to = s->tool->out;
    const struct rk_ins_node *n = &s->tree.nodes[node];
    (void)fputs(n->first != RK_INS_NODE_NONE ? ",[{\"name\":" : ",{\"name\":", to);
    rk_ins_json_text(to, node == 0 ? rk_bytes_str("/") : rk_ins_skeleton_name(&s->tree, node));
    (void)fprintf(to, ",\"asize\":%" PRIu64 ",\"dsize\":%" PRIu64 ",\"dev\":0,\"ino\":%" PRIu64 "}",
                  n->side[0].data_bytes, n->side[0].data_bytes, number);
}

static enum rk_ins_exit print_ncdu(struct rk_ins_tool *t, const char *path)
{
    struct sizes s = {.tool = t};
    struct timespec now;
    enum rk_ins_exit status = rk_ins_snap_open(&s.snap, t, path);
    if (status != RK_INS_OK) {
        return status;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    status = load_sizes(&s, UINT32_MAX);
    if (status == RK_INS_OK && s.tree.count > 0) {
        (void)fprintf(t->out,
                      "[1,0,{\"progname\":\"rookery-snapshot\",\"progver\":\"0.01\","
                      "\"timestamp\":%" PRId64 "}",
                      (int64_t)now.tv_sec * 1000);
        uint64_t number = 1000;
        uint32_t node = 0;
        uint32_t depth = 0;
        while (node != RK_INS_NODE_NONE) {
            for (; depth > s.tree.nodes[node].depth; depth--) {
                (void)fputc(']', t->out);
            }
            ncdu_node(&s, node, ++number);
            depth = s.tree.nodes[node].depth + (s.tree.nodes[node].first != RK_INS_NODE_NONE);
            node = rk_ins_skeleton_walk(&s.tree, 0, node);
        }
        for (; depth > 0; depth--) {
            (void)fputc(']', t->out);
        }
        (void)fputc(']', t->out);
    }
    rk_ins_skeleton_deinit(&s.tree);
    rk_ins_snap_close(&s.snap);
    return status;
}

const char rk_ins_snap_summary_help[] =
    "counts nodes and bytes below each node, as SnapshotRecursiveSummary does\n"
    "\n"
    "PATH is where it begins (/). DEPTH is how deep it goes into detail (1): 0 is without limit, "
    "1\n"
    "the node and its children, and so on. What lies deeper is counted with what is shown. Nodes\n"
    "without children are not shown. Memory is needed for the nodes shown, not for data.\n";

static void summary_node(struct sizes *s, uint32_t top, uint32_t node, const char *start)
{
    FILE *to = s->tool->out;
    const struct rk_ins_node *n = &s->tree.nodes[node];
    uint32_t level = n->depth - s->tree.nodes[top].depth;
    struct rk_buf path;
    rk_buf_init(&path, s->tool->mem, SIZE_MAX / 4);
    rk_ins_skeleton_path(&s->tree, node, &path);
    for (unsigned line = 0; line < 3; line++) {
        for (uint32_t i = 0; i < level; i++) {
            (void)fputs("--", to);
        }
        if (line == 0) {
            (void)fputc(' ', to);
            rk_ins_put_text(to, node == top ? rk_bytes_str(start) : rk_buf_view(&path));
        } else {
            (void)fprintf(to, line == 1 ? "   children: %" PRIu64 : "   data: %" PRIu64,
                          line == 1 ? n->side[0].total_count : n->side[0].total_bytes);
        }
        (void)fputc('\n', to);
    }
    rk_buf_deinit(&path);
}

static enum rk_ins_exit print_summary(struct sizes *s, const char *start, int64_t depth)
{
    uint32_t top = rk_ins_skeleton_find(&s->tree, rk_bytes_str(start));
    if (top == RK_INS_NODE_NONE) {
        rk_ins_complain(s->tool, "summary: there is no node %s", start);
        return RK_INS_DIFFERS;
    }
    for (uint32_t node = top; node != RK_INS_NODE_NONE;
         node = rk_ins_skeleton_walk(&s->tree, top, node)) {
        uint32_t level = s->tree.nodes[node].depth - s->tree.nodes[top].depth;
        if (s->tree.nodes[node].side[0].total_count > 0 && (depth == 0 || level <= depth)) {
            summary_node(s, top, node, start);
        }
    }
    (void)fputc('\n', s->tool->out);
    return RK_INS_OK;
}

enum rk_ins_exit rk_ins_snap_summary(struct rk_ins_tool *t, int argc, char **argv)
{
    struct sizes s = {.tool = t};
    struct rk_ins_operands words;
    int64_t depth = 1;
    if (!rk_ins_opts(t, NULL, 0, argc, argv, 1, 3, &words)) {
        return RK_INS_USAGE;
    }
    const char *start = words.count > 1 ? words.items[1] : "/";
    if (words.count > 2 && (!rk_ins_number(words.items[2], &depth) || depth < 0)) {
        rk_ins_complain(t, "summary: '%s' is no depth", words.items[2]);
        return RK_INS_USAGE;
    }
    uint32_t base = 0;
    for (const char *c = start; *c != '\0' && start[1] != '\0'; c++) {
        base += *c == '/' ? 1 : 0;
    }
    bool is_whole = depth == 0 || depth >= INT32_MAX;
    enum rk_ins_exit status = rk_ins_snap_open(&s.snap, t, words.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    status = load_sizes(&s, is_whole ? UINT32_MAX : base + (uint32_t)depth);
    if (status == RK_INS_OK) {
        status = print_summary(&s, start, depth);
    }
    rk_ins_skeleton_deinit(&s.tree);
    rk_ins_snap_close(&s.snap);
    return status;
}

/* -- dump and grep
 * ---------------------------------------------------------------------------------- */

static void begin(struct dump *d)
{
    rk_ins_acl_map_init(&d->acls, d->tool->mem);
    rk_ins_tally_init(&d->sessions, d->tool->mem, SESSIONS_MAX);
}

static void end(struct dump *d)
{
    rk_ins_acl_map_deinit(&d->acls);
    rk_ins_tally_deinit(&d->sessions);
}

enum rk_ins_exit rk_ins_snap_dump(struct rk_ins_tool *t, int argc, char **argv)
{
    struct dump d = {.tool = t};
    struct rk_ins_operands files;
    struct rk_snap_info info;
    struct rk_ins_opt opts[] = {{'d', "data", RK_INS_FLAG, &d.has_data},
                                {0, "json", RK_INS_FLAG, &d.is_json},
                                {'l', "lines", RK_INS_FLAG, &d.is_lines}};
    if (!rk_ins_opts(t, opts, 3, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    if (d.is_json && (d.has_data || d.is_lines)) {
        rk_ins_complain(t, "dump: Cannot specify both data dump (-d) and json mode (-json) in same "
                           "call; see --lines");
        return RK_INS_USAGE;
    }
    if (d.is_json) {
        return print_ncdu(t, files.items[0]);
    }
    enum rk_ins_exit status = rk_ins_snap_open(&d.snap, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    begin(&d);
    status = rk_ins_snap_read(&d.snap, NULL, &info);
    if (status == RK_INS_OK) {
        status = print_text(&d, &info);
    }
    end(&d);
    rk_ins_snap_close(&d.snap);
    return status;
}

static bool acl_matches(struct dump *d, const struct rk_vec_acl *acl)
{
    bool is_hit = false;
    struct rk_buf text;
    if (!d->acl.is_set || acl == NULL) {
        return !d->acl.is_set;
    }
    rk_buf_init(&text, d->tool->mem, SIZE_MAX / 4);
    for (int32_t i = 0; i < acl->count && !is_hit; i++) {
        const struct rk_acl *a = &acl->items[i];
        char perms[RK_INS_PERMS_MAX];
        rk_buf_reset(&text);
        rk_buf_put(&text, a->id.scheme.data, a->id.scheme.len);
        rk_buf_put_u8(&text, ':');
        rk_buf_put(&text, a->id.id.data, a->id.id.len);
        rk_buf_put_u8(&text, ':');
        rk_ins_perms_text(a->perms, perms);
        rk_buf_put(&text, perms, strlen(perms));
        is_hit = rk_ins_pattern_matches(&d->acl, rk_buf_view(&text));
    }
    rk_buf_deinit(&text);
    return is_hit;
}

static enum rk_err grep_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct dump *d = ctx;
    bool is_hit = (!d->has_owner || stat->ephemeral_owner == d->owner) &&
                  (!d->is_owned || stat->ephemeral_owner != 0) &&
                  rk_ins_pattern_matches(&d->path, rk_ins_shown_path(path)) &&
                  rk_ins_pattern_matches(&d->data, data) &&
                  acl_matches(d, rk_ins_acl_map_find(&d->acls, acl_id));
    if (!is_hit) {
        return RK_OK;
    }
    d->count++;
    if (d->is_lines) {
        line_node(d, path, data, acl_id, stat);
    } else if (!d->is_count) {
        rk_ins_put_text(d->tool->out, rk_ins_shown_path(path));
        (void)fputc('\n', d->tool->out);
    }
    return rk_ins_printed(d->tool);
}

static enum rk_ins_exit grep(struct dump *d, const char *file)
{
    struct rk_snap_info info;
    struct rk_restore_sink sink = rk_ins_sink(d);
    sink.acl = keep_acl;
    sink.node = grep_node;
    enum rk_ins_exit status = rk_ins_snap_open(&d->snap, d->tool, file);
    if (status != RK_INS_OK) {
        return status;
    }
    begin(d);
    status = rk_ins_snap_read(&d->snap, &sink, &info);
    end(d);
    rk_ins_snap_close(&d->snap);
    if (d->is_count) {
        (void)fprintf(d->tool->out, "%" PRIu64 "\n", d->count);
    }
    return status == RK_INS_OK && d->count == 0 ? RK_INS_DIFFERS : status;
}

enum rk_ins_exit rk_ins_snap_grep(struct rk_ins_tool *t, int argc, char **argv)
{
    struct dump d = {.tool = t, .has_data = true};
    struct rk_ins_operands files;
    const char *path = NULL;
    const char *path_regex = NULL;
    const char *data = NULL;
    const char *acl = NULL;
    const char *owner = NULL;
    struct rk_ins_opt opts[] = {
        {'p', "path", RK_INS_TEXT, &path},        {'P', "path-regex", RK_INS_TEXT, &path_regex},
        {'d', "data", RK_INS_TEXT, &data},        {'a', "acl", RK_INS_TEXT, &acl},
        {'o', "owner", RK_INS_TEXT, &owner},      {'e', "ephemerals", RK_INS_FLAG, &d.is_owned},
        {'c', "count", RK_INS_FLAG, &d.is_count}, {'l', "lines", RK_INS_FLAG, &d.is_lines},
    };
    if (!rk_ins_opts(t, opts, sizeof(opts) / sizeof(opts[0]), argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    d.has_owner = owner != NULL;
    if (owner != NULL && !rk_ins_number(owner, &d.owner)) {
        rk_ins_complain(t, "grep: '%s' is no session", owner);
        return RK_INS_USAGE;
    }
    if (path != NULL) {
        rk_ins_pattern_glob(&d.path, path);
    }
    enum rk_ins_exit status = RK_INS_USAGE;
    if ((path_regex == NULL || rk_ins_pattern_regex(&d.path, t, path_regex)) &&
        (data == NULL || rk_ins_pattern_regex(&d.data, t, data)) &&
        (acl == NULL || rk_ins_pattern_regex(&d.acl, t, acl))) {
        status = grep(&d, files.items[0]);
    }
    rk_ins_pattern_deinit(&d.path);
    rk_ins_pattern_deinit(&d.data);
    rk_ins_pattern_deinit(&d.acl);
    return status;
}
