/* rookery-snapshot restore-check: the start of a server, without a server and without a change. The
 * store's own recovery runs over a port that pretends to write (files.c), into a tree in memory.
 *
 * What a start does besides is told, too: the snapshot of an empty directory, the `initialize` file
 * and marks that go, the epochs of a member of an ensemble. */
#include "inspect/snap_verbs.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <string.h>

#include "base/map.h"
#include "inspect/files.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/snapshots.h"
#include "store/recover.h"
#include "tree/tree.h"

const char rk_ins_restore_check_help[] =
    "says what a server would start from in a data directory, and changes nothing\n"
    "\n"
    "DATADIR is dataDir or its version-2; DATALOGDIR if that is another one.\n"
    "  -a, --allow-holes   as with -Drookery.allowHoles=true\n"
    "  -t, --trust-empty   as with -Dzookeeper.snapshot.trust.empty=true\n"
    "  -j, --json          one JSON object\n"
    "It needs as much memory as a server. While a server runs there the end of the log may look\n"
    "torn, because it is being written.\n"
    "Exit status: 0 a server starts, 4 it does not.\n";

#define TRIES_MAX 5

struct session {
    struct rk_map_entry entry;
    int32_t timeout_ms;
};

struct state {
    struct rk_mem *mem;
    struct rk_tree *tree;
    struct rk_arena scratch;
    struct rk_map sessions;
    bool has_sessions;
    bool is_fuzzy; /* digests mean something from digest_zxid on */
    rk_zxid digest_zxid;
    uint64_t checked;
    uint64_t mismatches;
    rk_zxid first_mismatch;
};

static void drop_sessions(struct state *s)
{
    struct rk_map_entry *entry;
    while (s->has_sessions && (entry = rk_map_drain(&s->sessions)) != NULL) {
        rk_mem_free(s->mem, entry, sizeof(struct session));
    }
    if (s->has_sessions) {
        rk_map_deinit(&s->sessions);
    }
    s->has_sessions = false;
}

static enum rk_err begin(struct state *s, bool is_fresh)
{
    struct rk_tree_config config = {
        .seed = rk_ins_seed(), .extended_types = true, .digest = true, .crc32 = libdeflate_crc32};
    rk_tree_destroy(s->tree);
    drop_sessions(s);
    s->tree = is_fresh ? rk_tree_create(s->mem, &config) : rk_tree_create_empty(s->mem, &config);
    rk_map_init(&s->sessions, s->mem, rk_ins_seed());
    s->has_sessions = true;
    s->is_fuzzy = false;
    s->checked = 0;
    s->mismatches = 0;
    return s->tree != NULL ? RK_OK : RK_ERR_NOMEM;
}

static enum rk_err on_begin(void *ctx)
{
    return begin(ctx, false);
}

static enum rk_err on_fresh(void *ctx)
{
    return begin(ctx, true);
}

static void add_session(struct state *s, rk_session_id id, int32_t timeout_ms)
{
    struct session *session = (struct session *)rk_map_find(&s->sessions, (uint64_t)id);
    if (session == NULL) {
        session = rk_mem_must_alloc(s->mem, sizeof(*session));
        rk_map_insert(&s->sessions, &session->entry, (uint64_t)id);
    }
    session->timeout_ms = timeout_ms;
}

static enum rk_err on_session(void *ctx, rk_session_id id, int32_t timeout_ms)
{
    struct state *s = ctx;
    if (id == 0 || rk_map_find(&s->sessions, (uint64_t)id) != NULL) {
        return RK_ERR_CORRUPT; /* as in core/restore.c */
    }
    add_session(s, id, timeout_ms);
    return RK_OK;
}

static enum rk_err on_acl(void *ctx, int64_t id, const struct rk_vec_acl *acl)
{
    struct state *s = ctx;
    return rk_tree_load_acl(s->tree, id, acl);
}

static enum rk_err on_node(void *ctx, struct rk_bytes path, struct rk_bytes data, int64_t acl_id,
                           const struct rk_stat_persisted *stat)
{
    struct state *s = ctx;
    return rk_tree_load_node(s->tree, path, data, acl_id, stat);
}

static void count_check(struct state *s, bool is_wrong, rk_zxid zxid)
{
    s->first_mismatch = is_wrong && s->mismatches == 0 ? zxid : s->first_mismatch;
    s->mismatches += is_wrong ? 1 : 0;
    s->checked++;
}

static enum rk_err on_snapshot_done(void *ctx, rk_zxid zxid, bool has_digest, rk_zxid digest_zxid,
                                    uint64_t digest)
{
    struct state *s = ctx;
    enum rk_err err = rk_tree_load_done(s->tree);
    if (err != RK_OK) {
        return err;
    }
    s->is_fuzzy = has_digest && digest_zxid > zxid;
    s->digest_zxid = digest_zxid;
    if (has_digest && digest_zxid == zxid && zxid != 0) {
        count_check(s, digest != rk_tree_digest(s->tree), zxid);
    }
    return RK_OK;
}

static enum rk_err on_txn(void *ctx, const struct rk_txn *txn, struct rk_bytes payload)
{
    struct state *s = ctx;
    struct rk_tree_outcome out;
    (void)payload; /* nobody is going to ask for it */
    rk_arena_reset(&s->scratch);
    rk_tree_apply(s->tree, txn, &s->scratch, &out);
    if (txn->type == RK_OP_CREATE_SESSION && txn->header.client_id != 0) {
        add_session(s, txn->header.client_id, txn->body.create_session.time_out);
    } else if (txn->type == RK_OP_CLOSE_SESSION) {
        struct rk_map_entry *entry = rk_map_remove(&s->sessions, (uint64_t)txn->header.client_id);
        rk_mem_free(s->mem, entry, entry != NULL ? sizeof(struct session) : 0);
    }
    if (txn->has_digest && !s->is_fuzzy) {
        count_check(s, out.digest_mismatch, txn->header.zxid);
    }
    s->is_fuzzy = s->is_fuzzy && txn->header.zxid < s->digest_zxid;
    return RK_OK;
}

struct check {
    struct rk_ins_tool *tool;
    struct rk_ins_files files;
    struct state state;
    struct rk_recovered out;
    struct rk_problem problem;
    bool is_json;
    bool has_epochs;
    struct rk_epochs epochs;
};

/* Whether this is a member of an ensemble shows by its epoch files. */
static enum rk_err check_epochs(struct check *c)
{
    int64_t epoch;
    enum rk_err a = rk_epoch_read(&c->files.port, RK_NAME_ACCEPTED_EPOCH, &epoch);
    enum rk_err b = rk_epoch_read(&c->files.port, RK_NAME_CURRENT_EPOCH, &epoch);
    if (a == RK_ERR_NOT_FOUND && b == RK_ERR_NOT_FOUND) {
        return RK_OK;
    }
    enum rk_err err = rk_epochs_load(&c->files.port, c->out.last_zxid < 0 ? 0 : c->out.last_zxid,
                                     &c->epochs, &c->problem);
    c->has_epochs = err == RK_OK;
    return err;
}

static void print_used(struct check *c, const struct rk_store_names *logs)
{
    FILE *to = c->tool->out;
    rk_zxid base = c->out.snapshot_zxid < 0 ? 0 : c->out.snapshot_zxid;
    uint32_t first = 0;
    for (uint32_t i = 0; i < logs->count; i++) {
        first = logs->items[i].zxid <= base ? i : first;
    }
    (void)fprintf(to, "replays: %" PRIu64 " transactions", c->out.txn_count);
    for (uint32_t i = first; i < logs->count; i++) {
        (void)fprintf(to, "%s%s", i == first ? " of " : ", ", logs->items[i].name);
    }
    (void)fputc('\n', to);
    if (c->out.torn_file[0] != '\0') {
        (void)fprintf(to, "passes over: a torn write at offset %" PRIu64 " of %s\n",
                      c->out.torn_offset, c->out.torn_file);
    }
}

static uint64_t orphans(struct check *c)
{
    size_t cursor = 0;
    rk_session_id owner;
    uint64_t count = 0;
    while (rk_tree_next_owner(c->state.tree, &cursor, &owner)) {
        if (rk_map_find(&c->state.sessions, (uint64_t)owner) == NULL) {
            count += rk_tree_count_of_owner(c->state.tree, owner);
        }
    }
    return count;
}

static void print_text(struct check *c, const struct rk_store_names *logs)
{
    FILE *to = c->tool->out;
    struct rk_tree_counts counts;
    rk_tree_counts(c->state.tree, &counts);
    (void)fprintf(to, "starts from: %s\n",
                  c->out.snapshot_name[0] != '\0' ? c->out.snapshot_name
                  : c->out.is_fresh               ? "nothing; the directory is empty"
                                                  : "an empty tree");
    if (c->out.bad_snapshots > 0) {
        (void)fprintf(to, "passes over: %" PRIu32 " newer snapshots that are not whole\n",
                      c->out.bad_snapshots);
    }
    print_used(c, logs);
    (void)fprintf(to,
                  "comes out: zxid 0x%" PRIx64 ", %" PRIu64 " nodes, %" PRIu64
                  " ephemerals, %zu sessions, %" PRIu64
                  " bytes of paths and data, digest 0x%" PRIx64 "\n",
                  (uint64_t)c->out.last_zxid, counts.nodes, counts.ephemerals,
                  c->state.sessions.count, counts.data_bytes, counts.digest);
    (void)fprintf(to, "digests: %" PRIu64 " compared, %" PRIu64 " wrong", c->state.checked,
                  c->state.mismatches);
    if (c->state.mismatches > 0) {
        (void)fprintf(to, ", the first at zxid 0x%" PRIx64, (uint64_t)c->state.first_mismatch);
    }
    (void)fputc('\n', to);
    uint64_t lost = orphans(c);
    if (lost > 0) {
        (void)fprintf(to, "drops: %" PRIu64 " ephemerals without a session (not on a follower)\n",
                      lost);
    }
    if (c->has_epochs) {
        (void)fprintf(to, "epochs: accepted %" PRId64 ", current %" PRId64 "\n", c->epochs.accepted,
                      c->epochs.current);
    }
}

static void print_json(struct check *c)
{
    struct rk_tree_counts counts;
    rk_tree_counts(c->state.tree, &counts);
    (void)fputs("{\"starts\":true,\"snapshot\":", c->tool->out);
    rk_ins_json_text(c->tool->out, rk_bytes_str(c->out.snapshot_name));
    (void)fprintf(c->tool->out,
                  ",\"badSnapshots\":%" PRIu32 ",\"txns\":%" PRIu64 ",\"lastZxid\":\"0x%" PRIx64
                  "\",\"nodes\":%" PRIu64 ",\"ephemerals\":%" PRIu64 ",\"sessions\":%zu"
                  ",\"dataBytes\":%" PRIu64 ",\"digest\":\"0x%" PRIx64
                  "\",\"digestsCompared\":%" PRIu64 ",\"digestsWrong\":%" PRIu64 ",\"tornFile\":",
                  c->out.bad_snapshots, c->out.txn_count, (uint64_t)c->out.last_zxid, counts.nodes,
                  counts.ephemerals, c->state.sessions.count, counts.data_bytes, counts.digest,
                  c->state.checked, c->state.mismatches);
    rk_ins_json_text(c->tool->out, rk_bytes_str(c->out.torn_file));
    (void)fputs("}\n", c->tool->out);
}

static enum rk_ins_exit say_no(struct check *c)
{
    if (c->is_json) {
        (void)fputs("{\"starts\":false,\"problem\":", c->tool->out);
        rk_ins_json_text(c->tool->out, rk_bytes_str(c->problem.text));
        (void)fputs("}\n", c->tool->out);
    } else {
        (void)fputs("does not start: ", c->tool->out);
        rk_ins_put_text(c->tool->out, rk_bytes_str(c->problem.text));
        (void)fputc('\n', c->tool->out);
    }
    return RK_INS_DAMAGED;
}

/* What is wrong is wrong twice: the log of a running server may look damaged where what was read of
 * it is older than what lies behind, and its old files may go while they are read. */
static enum rk_err recover(struct check *c, const struct rk_recover_options *options,
                           const struct rk_restore_sink *sink)
{
    struct rk_problem before = {.text = ""};
    enum rk_err err = RK_OK;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        err = rk_recover(c->tool->mem, &c->files.port, options, sink, &c->out, &c->problem);
        if (err == RK_OK || strcmp(before.text, c->problem.text) == 0) {
            return err;
        }
        before = c->problem;
    }
    return err;
}

static enum rk_ins_exit run(struct check *c, const struct rk_recover_options *options)
{
    struct rk_restore_sink sink = {.ctx = &c->state,
                                   .begin = on_begin,
                                   .session = on_session,
                                   .acl = on_acl,
                                   .node = on_node,
                                   .snapshot_done = on_snapshot_done,
                                   .fresh = on_fresh,
                                   .txn = on_txn};
    struct rk_store_names logs = {.mem = c->tool->mem};
    enum rk_err err = RK_OK;
    if (rk_ins_files_are_two(&c->files)) {
        err = rk_store_check_dirs(&c->files.port, &c->problem);
    }
    if (err == RK_OK) {
        err = recover(c, options, &sink);
    }
    if (err == RK_OK) {
        err = check_epochs(c);
    }
    if (c->files.odd > 0) {
        rk_ins_complain(c->tool, "files whose names cannot be printed were passed over");
    }
    if (err != RK_OK) {
        return say_no(c);
    }
    if (c->is_json) {
        print_json(c);
        return RK_INS_OK;
    }
    err = rk_store_names_list(c->tool->mem, &c->files.port, RK_DIR_LOG, RK_NAME_LOG, &logs);
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "listed", "the directory of the logs", err);
    }
    print_text(c, &logs);
    rk_store_names_deinit(&logs);
    return RK_INS_OK;
}

enum rk_ins_exit rk_ins_restore_check(struct rk_ins_tool *t, int argc, char **argv)
{
    struct check c = {.tool = t, .state = {.mem = t->mem}};
    struct rk_ins_operands dirs;
    struct rk_recover_options options = {.record_bytes_max = RK_INS_SNAP_LIMIT,
                                         .db_autocreate = true};
    struct rk_ins_opt opts[] = {{'a', "allow-holes", RK_INS_FLAG, &options.allow_holes},
                                {'t', "trust-empty", RK_INS_FLAG, &options.trust_empty},
                                {'j', "json", RK_INS_FLAG, &c.is_json}};
    if (!rk_ins_opts(t, opts, 3, argc, argv, 1, 2, &dirs)) {
        return RK_INS_USAGE;
    }
    enum rk_err err = rk_ins_files_open_dirs(&c.files, t->mem, dirs.items[0],
                                             dirs.count > 1 ? dirs.items[1] : NULL, RK_INS_PRETEND);
    if (err != RK_OK) {
        return rk_ins_cannot(t, "opened", dirs.items[0], err);
    }
    c.files.say = c.is_json ? NULL : t->out;
    int pid = rk_ins_files_holder(&c.files);
    if (pid != 0) {
        rk_ins_complain(t,
                        "a server with process id %d runs here; what it writes meanwhile may "
                        "look torn",
                        pid);
    }
    rk_arena_init(&c.state.scratch, t->mem);
    enum rk_ins_exit status = run(&c, &options);
    rk_tree_destroy(c.state.tree);
    drop_sessions(&c.state);
    rk_arena_deinit(&c.state.scratch);
    rk_ins_files_close(&c.files);
    return status;
}
