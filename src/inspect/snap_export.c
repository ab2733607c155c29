/* rookery-snapshot export: a subtree in the form of rookery-cli's export
 * (docs/internals/cli-extras.md), so that `rookery-cli import` brings it back into a living
 * ensemble. Nodes come in the order of the file, in which parents come first. */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "inspect/acl_map.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/skeleton.h"
#include "inspect/snapshots.h"
#include "tree/tree.h"

const char rk_ins_snap_export_help[] =
    "prints a subtree in the form that rookery-cli import reads\n"
    "\n"
    "  -r, --root PATH   the subtree (/); /zookeeper is left out of the whole tree\n"
    "Path, type, data, ACL and Stat of each node, parents first. Containers and TTL nodes are "
    "told, which\n"
    "an export from a server cannot do. Memory is needed for the names, 100 bytes a node.\n";

#define ZOOKEEPER "/zookeeper"

struct exporting {
    struct rk_ins_tool *tool;
    struct rk_ins_snap snap;
    struct rk_ins_skeleton tree; /* for the number of children */
    struct rk_ins_acl_map acls;
    struct rk_bytes root; /* "" for "/" */
    uint64_t count;
};

static enum rk_err keep_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct exporting *e = ctx;
    rk_ins_acl_map_add(&e->acls, id, acl);
    return RK_OK;
}

static enum rk_err name_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                             const struct rk_stat_persisted *stat)
{
    struct exporting *e = ctx;
    struct rk_ins_side info = {.data_bytes = data.len};
    (void)acl_id;
    (void)stat;
    return rk_ins_skeleton_add(&e->tree, 0, path, &info);
}

static bool is_below(struct rk_bytes path, struct rk_bytes root)
{
    return rk_bytes_starts_with(path, root) && (path.len == root.len || path.data[root.len] == '/');
}

static bool is_wanted(const struct exporting *e, struct rk_bytes path)
{
    bool is_whole = e->root.len == 0;
    return is_below(path, e->root) && !(is_whole && is_below(path, rk_bytes_str(ZOOKEEPER)));
}

static int32_t child_count(const struct exporting *e, struct rk_bytes path)
{
    uint32_t node = rk_ins_skeleton_find(&e->tree, path);
    int32_t count = 0;
    if (node == RK_INS_NODE_NONE) {
        return 0; /* the file changed meanwhile */
    }
    for (uint32_t c = e->tree.nodes[node].first; c != RK_INS_NODE_NONE; c = e->tree.nodes[c].next) {
        count++;
    }
    return count;
}

static void put_type(FILE *to, int64_t owner)
{
    enum rk_node_kind kind = rk_ins_kind_of(owner);
    static const char *const names[] = {
        [RK_NODE_PERSISTENT] = "persistent",
        [RK_NODE_EPHEMERAL] = "ephemeral",
        [RK_NODE_CONTAINER] = "container",
        [RK_NODE_TTL] = "ttl",
    };
    (void)fprintf(to, ",\"type\":\"%s\"", names[kind]);
    if (kind == RK_NODE_TTL) {
        (void)fprintf(to, ",\"ttl_ms\":%" PRId64, (int64_t)(owner & RK_TTL_MAX));
    }
}

static void put_acl(FILE *to, const struct rk_vec_acl *acl)
{
    (void)fputs(",\"acl\":[", to);
    for (int32_t i = 0; i < acl->count; i++) {
        char perms[RK_INS_PERMS_MAX];
        rk_ins_perms_text(acl->items[i].perms, perms);
        (void)fputs(i > 0 ? ",{\"scheme\":" : "{\"scheme\":", to);
        rk_ins_json_text(to, acl->items[i].id.scheme);
        (void)fputs(",\"id\":", to);
        rk_ins_json_text(to, acl->items[i].id.id);
        (void)fprintf(to, ",\"perms\":\"%s\"}", perms);
    }
    (void)fputc(']', to);
}

/* As clients see it. */
static void put_stat(FILE *to, const struct rk_stat_persisted *s, uint32_t data_bytes,
                     int32_t children)
{
    int32_t cversion = (int32_t)(2u * (uint32_t)s->cversion - (uint32_t)children);
    (void)fprintf(
        to,
        ",\"stat\":{\"czxid\":\"0x%" PRIx64 "\",\"mzxid\":\"0x%" PRIx64 "\",\"ctime\":%" PRId64
        ",\"mtime\":%" PRId64 ",\"version\":%" PRId32 ",\"cversion\":%" PRId32
        ",\"aversion\":%" PRId32 ",\"ephemeralOwner\":\"0x%" PRIx64 "\",\"dataLength\":%" PRIu32
        ",\"numChildren\":%" PRId32 ",\"pzxid\":\"0x%" PRIx64 "\"}",
        (uint64_t)s->czxid, (uint64_t)s->mzxid, s->ctime, s->mtime, s->version, cversion,
        s->aversion, (uint64_t)s->ephemeral_owner, data_bytes, children, (uint64_t)s->pzxid);
}

static enum rk_err put_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                            const struct rk_stat_persisted *stat)
{
    struct exporting *e = ctx;
    FILE *to = e->tool->out;
    if (!is_wanted(e, path)) {
        return RK_OK;
    }
    const struct rk_vec_acl *acl = rk_ins_acl_map_find(&e->acls, acl_id);
    if (acl == NULL) {
        /* Without one an import would open the node to the world. */
        return RK_ERR_UNSUPPORTED;
    }
    struct rk_bytes relative = rk_bytes_of(path.data + e->root.len, path.len - e->root.len);
    (void)fputs("{\"path\":", to);
    rk_ins_json_text(to, rk_ins_shown_path(relative));
    put_type(to, stat->ephemeral_owner);
    bool is_text = rk_ins_is_text(data);
    (void)fputs(is_text ? ",\"data\":" : ",\"data_base64\":", to);
    if (is_text) {
        rk_ins_json_text(to, data);
    } else {
        rk_ins_json_data(to, data);
    }
    put_acl(to, acl);
    put_stat(to, stat, data.len, child_count(e, path));
    (void)fputs("}\n", to);
    e->count++;
    return rk_ins_printed(e->tool);
}

static void put_head(struct exporting *e)
{
    struct timespec now;
    struct tm tm;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    (void)fputs("{\"format\":\"rookery-export\",\"version\":1,\"root\":", e->tool->out);
    rk_ins_json_text(e->tool->out, rk_ins_shown_path(e->root));
    if (gmtime_r(&now.tv_sec, &tm) != NULL) {
        (void)fprintf(e->tool->out, ",\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\"",
                      tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                      tm.tm_sec, now.tv_nsec / 1000000);
    }
    (void)fputs("}\n", e->tool->out);
}

static enum rk_ins_exit put_nodes(struct exporting *e)
{
    struct rk_snap_info info;
    const char *why;
    struct rk_restore_sink sink = rk_ins_sink(e);
    sink.node = put_node;
    put_head(e);
    enum rk_err err = rk_ins_snap_parse(&e->snap, &sink, &info, &why);
    if (err == RK_ERR_UNSUPPORTED) {
        rk_ins_complain(e->tool,
                        "export: the file does not explain the ACL of a node (see verify); broken "
                        "off. It is in the logs behind a snapshot that was taken while writing");
        return RK_INS_DAMAGED;
    }
    if (rk_ins_printed(e->tool) != RK_OK) {
        return RK_INS_OK; /* rk_ins_tool_finish tells */
    }
    if (err != RK_OK) {
        return rk_ins_cannot(e->tool, "read", e->snap.path, err);
    }
    (void)fprintf(e->tool->out, "{\"end\":true,\"nodes\":%" PRIu64 "}\n", e->count);
    return RK_INS_OK;
}

static enum rk_ins_exit run(struct exporting *e)
{
    struct rk_snap_info info;
    struct rk_restore_sink sink = rk_ins_sink(e);
    sink.acl = keep_acl;
    sink.node = name_node;
    enum rk_ins_exit status = rk_ins_snap_read(&e->snap, &sink, &info);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_ins_skeleton_done(&e->tree);
    if (rk_ins_skeleton_find(&e->tree, e->root) == RK_INS_NODE_NONE) {
        rk_ins_complain(e->tool, "export: there is no such node");
        return RK_INS_DIFFERS;
    }
    return put_nodes(e);
}

enum rk_ins_exit rk_ins_snap_export(struct rk_ins_tool *t, int argc, char **argv)
{
    struct exporting e = {.tool = t};
    struct rk_ins_operands files;
    const char *root = "/";
    struct rk_ins_opt opts[] = {{'r', "root", RK_INS_TEXT, &root}};
    if (!rk_ins_opts(t, opts, 1, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    if (root[0] != '/') {
        rk_ins_complain(t, "export: a path begins with /");
        return RK_INS_USAGE;
    }
    e.root = rk_bytes_str(root[1] == '\0' ? "" : root);
    enum rk_ins_exit status = rk_ins_snap_open(&e.snap, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_ins_skeleton_init(&e.tree, t->mem, UINT32_MAX);
    rk_ins_acl_map_init(&e.acls, t->mem);
    status = run(&e);
    rk_ins_acl_map_deinit(&e.acls);
    rk_ins_skeleton_deinit(&e.tree);
    rk_ins_snap_close(&e.snap);
    return status;
}
