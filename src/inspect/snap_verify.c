/* rookery-snapshot verify: what a start checks of a snapshot, and what it does not. One pass; the
 * memory it takes is 16 bytes a node, and the ids of sessions and ACLs. */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <string.h>

#include "base/map.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/snapshots.h"
#include "inspect/tally.h"
#include "store/snap_source.h"
#include "tree/tree.h"

const char rk_ins_snap_verify_help[] =
    "checks a snapshot\n"
    "\n"
    "  -j, --json   one JSON object\n"
    "Checked are the seals (Adler-32 over all bytes), the structure, that every node has its "
    "parent\n"
    "and comes once, the digest of the tree where the file has one of the same zxid, sessions and\n"
    "ACL ids. A snapshot that Apache took while it served (fuzzy) may name ACLs and sessions that\n"
    "only the logs explain: these are notes, no damage.\n"
    "Exit status: 0 sound, 4 damaged.\n";

#define IDS_MAX     100000000u
#define SLOTS_FIRST 4096u

struct paths {
    struct rk_mem *mem;
    uint64_t *slots; /* hashes; 0: free */
    uint64_t slot_count;
    uint64_t count;
    uint64_t seed;
};

struct verify {
    struct rk_ins_tool *tool;
    struct rk_ins_snap snap;
    struct paths paths;
    struct rk_ins_tally sessions;
    struct rk_ins_tally acls;
    struct rk_snap_info info;
    const char *why;
    uint64_t digest;
    uint64_t data_bytes;
    uint64_t kinds[4]; /* by enum rk_node_kind */
    uint64_t twice_sessions;
    uint64_t twice_acls;
    uint64_t no_session;
    uint64_t no_acl;
    uint64_t no_parent;
    uint64_t twice;
    char example[160]; /* of the first of these */
};

/* -- The set of paths
 * --------------------------------------------------------------------------------- */

static uint64_t hash_path(const struct paths *p, struct rk_bytes path)
{
    uint64_t hash = rk_hash_bytes(path.data, path.len, p->seed);
    return hash == 0 ? 1 : hash;
}

static uint64_t *slot_of(const struct paths *p, uint64_t hash)
{
    uint64_t at = hash & (p->slot_count - 1);
    while (p->slots[at] != 0 && p->slots[at] != hash) {
        at = (at + 1) & (p->slot_count - 1);
    }
    return &p->slots[at];
}

static bool grow(struct paths *p)
{
    struct paths old = *p;
    p->slot_count = old.slot_count == 0 ? SLOTS_FIRST : old.slot_count * 2;
    p->slots = rk_mem_zalloc(p->mem, p->slot_count * sizeof(*p->slots));
    if (p->slots == NULL) {
        *p = old;
        return false;
    }
    for (uint64_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i] != 0) {
            *slot_of(p, old.slots[i]) = old.slots[i];
        }
    }
    rk_mem_free(p->mem, old.slots, old.slot_count * sizeof(*old.slots));
    return true;
}

/* -- The sink
 * ----------------------------------------------------------------------------------------- */

static bool has(const struct rk_ins_tally *t, int64_t id)
{
    return rk_bytemap_find(&t->map, rk_bytes_of(&id, sizeof(id))) != NULL;
}

static void add(struct rk_ins_tally *t, int64_t id)
{
    rk_ins_tally_add(t, rk_bytes_of(&id, sizeof(id)), 1, 0);
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct verify *v = ctx;
    (void)timeout_ms;
    v->twice_sessions += has(&v->sessions, id) ? 1 : 0;
    add(&v->sessions, id);
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct verify *v = ctx;
    (void)acl;
    v->twice_acls += has(&v->acls, id) ? 1 : 0;
    add(&v->acls, id);
    return RK_OK;
}

static void note(struct verify *v, uint64_t *counter, struct rk_bytes path)
{
    if (v->example[0] == '\0') {
        FILE *to = fmemopen(v->example, sizeof(v->example) - 1, "w");
        if (to != NULL) {
            rk_ins_put_text(to, rk_ins_shown_path(path));
            (void)fclose(to); /* it is cut where it is too long */
        }
    }
    (*counter)++;
}

static enum rk_err see_path(struct verify *v, struct rk_bytes path)
{
    if (v->paths.count * 2 >= v->paths.slot_count && !grow(&v->paths)) {
        return RK_ERR_NOMEM;
    }
    uint64_t *slot = slot_of(&v->paths, hash_path(&v->paths, path));
    if (*slot != 0) {
        note(v, &v->twice, path);
        return RK_OK;
    }
    *slot = hash_path(&v->paths, path);
    v->paths.count++;
    if (path.len == 0) {
        return RK_OK;
    }
    const uint8_t *slash = memrchr(path.data, '/', path.len);
    struct rk_bytes parent =
        rk_bytes_of(path.data, slash != NULL ? (size_t)(slash - path.data) : 0);
    if (path.data[0] != '/' || slash + 1 == path.data + path.len ||
        *slot_of(&v->paths, hash_path(&v->paths, parent)) == 0) {
        note(v, &v->no_parent, path);
    }
    return RK_OK;
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct verify *v = ctx;
    enum rk_node_kind kind = rk_ins_kind_of(stat->ephemeral_owner);
    v->digest += rk_tree_node_digest(libdeflate_crc32, path, data, stat);
    v->data_bytes += data.len;
    v->kinds[kind]++;
    if (kind == RK_NODE_EPHEMERAL && !has(&v->sessions, stat->ephemeral_owner)) {
        note(v, &v->no_session, path);
    }
    if (acl_id != -1 && !has(&v->acls, acl_id)) {
        note(v, &v->no_acl, path);
    }
    return see_path(v, path);
}

/* -- The report
 * --------------------------------------------------------------------------------------- */

static const char *digest_verdict(const struct verify *v)
{
    if (!v->info.has_digest) {
        return "none";
    }
    if (v->info.digest_zxid != v->snap.name_zxid) {
        return "fuzzy";
    }
    return v->info.digest == v->digest ? "right" : "wrong";
}

static bool is_sound(const struct verify *v)
{
    return v->no_parent == 0 && v->twice == 0 && v->twice_sessions == 0 && v->twice_acls == 0 &&
           strcmp(digest_verdict(v), "wrong") != 0;
}

static void print_json(struct verify *v)
{
    FILE *to = v->tool->out;
    (void)fputs("{\"file\":", to);
    rk_ins_json_text(to, rk_bytes_str(v->snap.path));
    (void)fprintf(to,
                  ",\"verdict\":\"%s\",\"nodes\":%" PRIu64 ",\"ephemerals\":%" PRIu64
                  ",\"containers\":%" PRIu64 ",\"ttlNodes\":%" PRIu64 ",\"dataBytes\":%" PRIu64
                  ",\"sessions\":%" PRIu64 ",\"acls\":%" PRIu64 ",\"plainBytes\":%" PRIu64
                  ",\"digest\":\"0x%" PRIx64 "\",\"digestVerdict\":\"%s\"",
                  is_sound(v) ? "ok" : "damaged", v->info.node_count, v->kinds[RK_NODE_EPHEMERAL],
                  v->kinds[RK_NODE_CONTAINER], v->kinds[RK_NODE_TTL], v->data_bytes,
                  v->info.session_count, v->info.acl_count, v->info.plain_bytes, v->digest,
                  digest_verdict(v));
    if (v->info.has_last_zxid) {
        (void)fprintf(to, ",\"lastZxid\":\"0x%" PRIx64 "\"", (uint64_t)v->info.last_zxid);
    }
    (void)fprintf(to,
                  ",\"withoutParent\":%" PRIu64 ",\"twice\":%" PRIu64 ",\"unknownAcl\":%" PRIu64
                  ",\"unknownSession\":%" PRIu64 "}\n",
                  v->no_parent, v->twice, v->no_acl, v->no_session);
}

static void print_count(struct verify *v, uint64_t count, const char *what, const char *weight)
{
    if (count > 0) {
        (void)fprintf(v->tool->out, "%s: %s%" PRIu64 " %s\n", v->snap.path, weight, count, what);
    }
}

static void print_text(struct verify *v)
{
    FILE *to = v->tool->out;
    (void)fprintf(to,
                  "%s: %s, %" PRIu64 " nodes (%" PRIu64 " ephemeral, %" PRIu64
                  " container, %" PRIu64 " TTL) with %" PRIu64 " bytes of data, %" PRIu64
                  " sessions, %" PRIu64 " ACLs, %" PRIu64 " bytes\n",
                  v->snap.path, is_sound(v) ? "ok" : "DAMAGED", v->info.node_count,
                  v->kinds[RK_NODE_EPHEMERAL], v->kinds[RK_NODE_CONTAINER], v->kinds[RK_NODE_TTL],
                  v->data_bytes, v->info.session_count, v->info.acl_count, v->info.plain_bytes);
    (void)fprintf(to, "%s: digest 0x%" PRIx64, v->snap.path, v->digest);
    if (v->info.has_digest) {
        (void)fprintf(to, ", the file says 0x%" PRIx64 " of zxid 0x%" PRIx64 ": %s", v->info.digest,
                      (uint64_t)v->info.digest_zxid,
                      strcmp(digest_verdict(v), "fuzzy") == 0
                          ? "of another zxid, comparable after replay only"
                          : digest_verdict(v));
    }
    if (v->info.has_last_zxid) {
        (void)fprintf(to, "; last zxid 0x%" PRIx64, (uint64_t)v->info.last_zxid);
    }
    (void)fputc('\n', to);
    print_count(v, v->no_parent, "nodes without a parent, or with a bad path", "DAMAGED: ");
    print_count(v, v->twice, "nodes that were there before", "DAMAGED: ");
    print_count(v, v->twice_sessions, "sessions that were there before", "DAMAGED: ");
    print_count(v, v->twice_acls, "ACL ids that were there before", "DAMAGED: ");
    print_count(v, v->no_acl, "nodes whose ACL id the file does not explain", "note: ");
    print_count(v, v->no_session, "ephemerals whose session is not in the file", "note: ");
    if (v->example[0] != '\0') {
        (void)fprintf(to, "%s: the first of these is %s\n", v->snap.path, v->example);
    }
}

static enum rk_ins_exit run(struct verify *v, bool is_json)
{
    struct rk_restore_sink sink = {.ctx = v, .session = on_session, .acl = on_acl, .node = on_node};
    const char *why = "";
    enum rk_err err = rk_snap_read(v->tool->mem, &v->snap.files.port, v->snap.files.shown,
                                   RK_INS_SNAP_LIMIT, &sink, &v->info, &why);
    if (err == RK_ERR_CORRUPT) {
        uint64_t nodes = v->kinds[0] + v->kinds[1] + v->kinds[2] + v->kinds[3];
        if (is_json) {
            (void)fputs("{\"file\":", v->tool->out);
            rk_ins_json_text(v->tool->out, rk_bytes_str(v->snap.path));
            (void)fprintf(v->tool->out,
                          ",\"verdict\":\"damaged\",\"why\":\"%s\",\"nodes\":%" PRIu64 "}\n", why,
                          nodes);
        } else {
            (void)fprintf(v->tool->out, "%s: DAMAGED: %s (%" PRIu64 " nodes were read)\n",
                          v->snap.path, why, nodes);
        }
        return RK_INS_DAMAGED;
    }
    if (err != RK_OK) {
        return rk_ins_cannot(v->tool, "read", v->snap.path, err);
    }
    if (is_json) {
        print_json(v);
    } else {
        print_text(v);
    }
    return is_sound(v) ? RK_INS_OK : RK_INS_DAMAGED;
}

enum rk_ins_exit rk_ins_snap_verify(struct rk_ins_tool *t, int argc, char **argv)
{
    struct verify v = {.tool = t, .paths = {.mem = t->mem, .seed = rk_ins_seed()}};
    struct rk_ins_operands files;
    bool is_json = false;
    struct rk_ins_opt opts[] = {{'j', "json", RK_INS_FLAG, &is_json}};
    if (!rk_ins_opts(t, opts, 1, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_snap_open(&v.snap, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_ins_tally_init(&v.sessions, t->mem, IDS_MAX);
    rk_ins_tally_init(&v.acls, t->mem, IDS_MAX);
    status = run(&v, is_json);
    rk_ins_tally_deinit(&v.sessions);
    rk_ins_tally_deinit(&v.acls);
    rk_mem_free(t->mem, v.paths.slots, v.paths.slot_count * sizeof(*v.paths.slots));
    rk_ins_snap_close(&v.snap);
    return status;
}
