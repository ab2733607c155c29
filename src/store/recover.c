/* Recovery: snapshot, then logs. Guarantees that the state built is the newest that can be proved
 * complete: a snapshot that is not whole is passed over for an older one only if the logs carry on
 * from there without a hole and reach at least as far as the one passed over, and as every
 * durability mark says. If not, the start ends with one line for the operator. It changes nothing
 * on the disk but three things: an empty directory gets its snapshot.0, the `initialize` file is
 * removed once it has had its effect, and so are marks that another server's TRUNC made untrue.
 *
 * ZK: FileTxnSnapLog.restore, ZKDatabase.loadDataBase (spec-quorum A8). */
#include "store/recover.h"
#include "store/wal_replace.h"

#include <string.h>

#include "store/fresh.h"
#include "store/replay.h"
#include "store/snap_source.h"

#define CANDIDATES_MAX  100u /* ZK: FileSnap.deserialize */
#define INITIALIZE_FILE "initialize"

struct recovery {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    const struct rk_recover_options *options;
    const struct rk_restore_sink *sink;
    struct rk_recovered out;
    struct rk_problem *problem;
    struct rk_store_names snapshots;
    struct rk_store_names logs;
    struct rk_store_names marks;
    uint32_t candidate_count; /* that looked like snapshots */
    rk_zxid passed_zxid;      /* the newest one passed over, -1 if none */
    char passed_name[RK_STORE_NAME_MAX];
    char passed_why[80];
    bool has_cut; /* another server cut a log: see log_walk.h */
    rk_zxid cut_name_zxid;
    rk_zxid cut_zxid;
};

/* -- Snapshots
 * -------------------------------------------------------------------------------------- */

static void pass_over(struct recovery *r, const struct rk_store_name *item, const char *why)
{
    r->out.bad_snapshots++;
    if (item->zxid > r->passed_zxid && !rk_store_name_is_unfinished(item->name)) {
        r->passed_zxid = item->zxid;
        memcpy(r->passed_name, item->name, sizeof(r->passed_name));
        rk_store_name_show(r->passed_why, sizeof(r->passed_why), why);
    }
}

/* What ends the recovery rather than the candidate. */
static bool is_fatal(enum rk_err err)
{
    return err == RK_ERR_NOMEM;
}

static enum rk_err load_candidate(struct recovery *r, const struct rk_store_name *item,
                                  bool *ret_is_good)
{
    struct rk_snap_info info;
    const char *why = "";
    *ret_is_good = false;
    enum rk_err err = r->sink->begin(r->sink->ctx);
    if (err != RK_OK) {
        rk_problem_set(r->problem, "no state can be built: %s", rk_err_text(err));
        return err;
    }
    err = rk_snap_read(r->mem, r->disk, item->name, r->options->record_bytes_max, r->sink, &info,
                       &why);
    if (err == RK_OK) {
        err = r->sink->snapshot_done(r->sink->ctx, item->zxid, info.has_digest, info.digest_zxid,
                                     info.digest);
    }
    if (is_fatal(err)) {
        rk_problem_set(r->problem, "%s cannot be loaded: %s", item->name, rk_err_text(err));
        return err;
    }
    if (err != RK_OK) {
        pass_over(r, item, *why != '\0' ? why : rk_err_text(err));
        return RK_OK;
    }
    *ret_is_good = true;
    r->out.snapshot_zxid = item->zxid;
    rk_store_name_show(r->out.snapshot_name, sizeof(r->out.snapshot_name), item->name);
    return RK_OK;
}

/* Apache's quick look, without which a file is no candidate at all. */
static enum rk_err looks_good(struct recovery *r, const char *name, bool *ret_looks)
{
    struct rk_snap_stream *stream = NULL;
    enum rk_err err = rk_snap_stream_create(r->mem, r->disk, name, &stream);
    rk_snap_stream_destroy(stream);
    *ret_looks = err == RK_OK;
    if (err == RK_ERR_CORRUPT || err == RK_ERR_IO || err == RK_ERR_NOT_FOUND) {
        return RK_OK;
    }
    if (err != RK_OK) {
        rk_problem_set(r->problem, "%s cannot be opened: %s", name, rk_err_text(err));
    }
    return err;
}

/* The process that wrote it may have died between the rename and the sync of the directory, and
 * Apache syncs neither: from now on it is relied upon, so it must last. */
static enum rk_err keep_snapshot(struct recovery *r, const char *name)
{
    const struct rk_disk_ops *ops = r->disk->ops;
    rk_file file;
    enum rk_err err = ops->open(r->disk->ctx, RK_DIR_SNAP, name, RK_OPEN_READ, &file);
    if (err == RK_OK) {
        err = ops->sync(r->disk->ctx, file);
        ops->close(r->disk->ctx, file);
    }
    if (err == RK_OK) {
        err = ops->sync_dir(r->disk->ctx, RK_DIR_SNAP);
    }
    if (err != RK_OK) {
        rk_problem_set(r->problem, "%s cannot be synced: %s", name, rk_err_text(err));
    }
    return err;
}

static enum rk_err load_snapshot(struct recovery *r, bool *ret_is_loaded)
{
    *ret_is_loaded = false;
    for (uint32_t i = r->snapshots.count; i-- > 0 && !*ret_is_loaded;) {
        const struct rk_store_name *item = &r->snapshots.items[i];
        bool looks;
        enum rk_err err = looks_good(r, item->name, &looks);
        if (err != RK_OK) {
            return err;
        }
        if (!looks) {
            pass_over(r, item, "it is no finished snapshot");
            continue;
        }
        if (++r->candidate_count > CANDIDATES_MAX) {
            break;
        }
        err = load_candidate(r, item, ret_is_loaded);
        if (err == RK_OK && *ret_is_loaded) {
            err = keep_snapshot(r, item->name);
        }
        if (err != RK_OK) {
            return err;
        }
    }
    if (!*ret_is_loaded && r->candidate_count > 0) {
        rk_problem_set(
            r->problem,
            "none of the %u snapshots can be loaded; the newest, %s: %s. Restore a snapshot from "
            "a backup, or empty the data directory if other servers hold the data.",
            (unsigned)r->candidate_count, r->passed_name, r->passed_why);
        return RK_ERR_CORRUPT;
    }
    return RK_OK;
}

/* -- No snapshot
 * ------------------------------------------------------------------------------------ */

/* ZK: FileTxnSnapLog.restore: by this file the operator says that an empty directory is meant to be
 * empty. */
enum rk_err rk_initialize_exists(const struct rk_disk *disk, bool *ret)
{
    rk_file file;
    enum rk_err err =
        disk->ops->open(disk->ctx, RK_DIR_DATALOG, INITIALIZE_FILE, RK_OPEN_READ, &file);
    if (err == RK_OK) {
        disk->ops->close(disk->ctx, file);
    } else if (err != RK_ERR_NOT_FOUND) {
        return err;
    }
    *ret = err == RK_OK;
    return RK_OK;
}

static enum rk_err look_for_initialize(struct recovery *r, bool *ret_exists)
{
    enum rk_err err = rk_initialize_exists(r->disk, ret_exists);
    if (err != RK_OK) {
        rk_problem_set(r->problem, "the file %s cannot be opened: %s", INITIALIZE_FILE,
                       rk_err_text(err));
    }
    return err;
}

static enum rk_err remove_initialize(struct recovery *r)
{
    const struct rk_disk_ops *ops = r->disk->ops;
    enum rk_err err = ops->unlink(r->disk->ctx, RK_DIR_DATALOG, INITIALIZE_FILE);
    if (err == RK_OK) {
        err = ops->sync_dir(r->disk->ctx, RK_DIR_DATALOG);
    }
    if (err != RK_OK) {
        rk_problem_set(r->problem, "the file %s cannot be removed: %s", INITIALIZE_FILE,
                       rk_err_text(err));
    }
    return err;
}

static enum rk_err start_empty(struct recovery *r, bool is_trusted)
{
    if (r->logs.count > 0 && !r->options->trust_empty) {
        rk_problem_set(r->problem,
                       "there are logs (%s) but no snapshot%s%s, so the state they change is "
                       "unknown. Restore a snapshot "
                       "from a backup; -Dzookeeper.snapshot.trust.empty=true replays the logs on "
                       "an empty state, which "
                       "is right only after an upgrade from before 3.5.",
                       r->logs.items[0].name,
                       r->passed_zxid >= 0 ? " that was finished; the newest is " : "",
                       r->passed_zxid >= 0 ? r->passed_name : "");
        return RK_ERR_CORRUPT;
    }
    enum rk_err err = r->sink->begin(r->sink->ctx);
    if (err == RK_OK) {
        err = r->sink->fresh(r->sink->ctx);
    }
    if (err != RK_OK) {
        rk_problem_set(r->problem, "no empty state can be built: %s", rk_err_text(err));
        return err;
    }
    r->out.is_fresh = r->logs.count == 0;
    r->out.last_zxid = r->logs.count > 0 || is_trusted ? 0 : -1;
    return RK_OK;
}

/* -- Logs
 * ------------------------------------------------------------------------------------------- */

static enum rk_err replay(struct recovery *r)
{
    struct rk_replay replay = {.options = r->options, .sink = r->sink};
    const struct rk_log_walk *walk = &replay.walk;
    rk_log_walk_init(&replay.walk, r->mem, r->disk, &r->logs,
                     r->out.snapshot_zxid < 0 ? 0 : r->out.snapshot_zxid);
    enum rk_err err = rk_replay_logs(&replay, r->problem);
    rk_log_walk_deinit(&replay.walk);
    if (err != RK_OK) {
        return err;
    }
    r->out.last_zxid = walk->last_zxid;
    r->out.txn_count = replay.txn_count;
    r->out.torn_offset = walk->torn_offset;
    rk_store_name_show(r->out.torn_file, sizeof(r->out.torn_file), walk->torn_file);
    r->has_cut = walk->has_cut;
    r->cut_name_zxid = walk->cut_name_zxid;
    r->cut_zxid = walk->cut_zxid;
    err = r->disk->ops->sync_dir(r->disk->ctx, RK_DIR_LOG);
    if (err != RK_OK) {
        rk_problem_set(r->problem, "the directory of the logs cannot be synced: %s",
                       rk_err_text(err));
    }
    return err;
}

/* A snapshot was named after a transaction that was committed then. Its loss is no loss only if the
 * logs reach as far. E<<32 is no transaction: it says where an epoch began. */
static enum rk_err check_passed(struct recovery *r)
{
    if (r->passed_zxid <= r->out.last_zxid || RK_ZXID_COUNTER(r->passed_zxid) == 0) {
        return RK_OK;
    }
    rk_problem_set(
        r->problem,
        "%s cannot be used (%s), and without it the state ends at zxid 0x%llx. Restore the file "
        "from a backup, or empty the data directory if other servers hold the data; "
        "-Drookery.allowHoles=true starts with what can be read.",
        r->passed_name, r->passed_why, (unsigned long long)r->out.last_zxid);
    return RK_ERR_CORRUPT;
}

/* The marks of a log that another server cut, and of the logs behind it, speak of what was cut off.
 */
static bool is_void(const struct recovery *r, const struct rk_store_name *mark)
{
    return r->has_cut && mark->zxid >= r->cut_name_zxid;
}

/* Apache's TRUNC leaves snapshots that are newer than where it cuts (spec-quorum A9). They hold
 * what was cut off, unless they are of a later epoch than all of that. */
static enum rk_err check_cut(struct recovery *r, const struct rk_wal_mark *mark)
{
    if (r->out.snapshot_zxid <= r->cut_zxid ||
        RK_ZXID_EPOCH(r->out.snapshot_zxid) > RK_ZXID_EPOCH(mark->zxid)) {
        return RK_OK;
    }
    rk_problem_set(
        r->problem,
        "log.%llx was cut behind zxid 0x%llx by another server (TRUNC), but %s is newer and holds "
        "what was cut off. Remove that snapshot to start without it, or empty the data directory "
        "if other servers hold the data.",
        (unsigned long long)r->cut_name_zxid, (unsigned long long)r->cut_zxid,
        r->out.snapshot_name);
    return RK_ERR_CORRUPT;
}

/* Marks outlive their logs: one that says more than was found tells of a lost file. */
static enum rk_err check_marks(struct recovery *r)
{
    for (uint32_t i = 0; i < r->marks.count; i++) {
        struct rk_wal_mark mark;
        const char *name = r->marks.items[i].name;
        enum rk_err err = rk_wal_mark_read(r->disk, name, &mark);
        if (err == RK_OK && is_void(r, &r->marks.items[i])) {
            err = check_cut(r, &mark);
            if (err != RK_OK) {
                return err;
            }
            continue;
        }
        if (err != RK_OK || mark.zxid <= r->out.last_zxid) {
            RK_MAYBE(err == RK_OK); /* an unreadable mark says nothing */
            continue;
        }
        rk_problem_set(
            r->problem,
            "transactions are missing: %s says that log.%llx was durable up to zxid 0x%llx, but "
            "the state found ends at 0x%llx. Restore the missing files from a backup; remove "
            "%s to start without them.",
            name, (unsigned long long)r->marks.items[i].zxid, (unsigned long long)mark.zxid,
            (unsigned long long)(r->out.last_zxid < 0 ? 0 : r->out.last_zxid), name);
        return RK_ERR_CORRUPT;
    }
    return RK_OK;
}

/* The cut was looked into; from now on logs are ours again, and nothing excuses a loss. The mark
 * that proves the cut goes last, so that a start which breaks off here finds it again. */
static enum rk_err drop_void_marks(struct recovery *r)
{
    const struct rk_disk_ops *ops = r->disk->ops;
    for (uint32_t i = r->marks.count; i-- > 0;) {
        const struct rk_store_name *item = &r->marks.items[i];
        enum rk_err err = RK_OK;
        if (is_void(r, item)) {
            err = ops->unlink(r->disk->ctx, RK_DIR_LOG, item->name);
            err = err == RK_ERR_NOT_FOUND ? RK_OK : err;
            if (err == RK_OK) {
                err = ops->sync_dir(r->disk->ctx, RK_DIR_LOG);
            }
        }
        if (err != RK_OK) {
            rk_problem_set(r->problem, "%s, which a TRUNC made untrue, cannot be removed: %s",
                           item->name, rk_err_text(err));
            return err;
        }
    }
    return RK_OK;
}

struct misplaced {
    const char *prefix;
    char name[RK_STORE_NAME_MAX];
};

static void find_misplaced(void *ctx, const char *name)
{
    struct misplaced *m = ctx;
    if (strncmp(name, m->prefix, strlen(m->prefix)) == 0) {
        rk_store_name_show(m->name, sizeof(m->name), name);
    }
}

enum rk_err rk_store_check_dirs(const struct rk_disk *disk, struct rk_problem *ret_problem)
{
    struct misplaced snapshot = {.prefix = RK_NAME_SNAPSHOT "."};
    struct misplaced log = {.prefix = RK_NAME_LOG "."};
    enum rk_err err = disk->ops->list(disk->ctx, RK_DIR_LOG, find_misplaced, &snapshot);
    if (err == RK_OK) {
        err = disk->ops->list(disk->ctx, RK_DIR_SNAP, find_misplaced, &log);
    }
    if (err != RK_OK) {
        rk_problem_set(ret_problem, "the data directories cannot be listed: %s", rk_err_text(err));
        return err;
    }
    if (snapshot.name[0] == '\0' && log.name[0] == '\0') {
        return RK_OK;
    }
    rk_problem_set(
        ret_problem,
        "dataDir and dataLogDir look swapped or were changed: %s lies in %s. Move it where the "
        "configuration says, or correct the configuration.",
        snapshot.name[0] != '\0' ? snapshot.name : log.name,
        snapshot.name[0] != '\0' ? "dataLogDir" : "dataDir");
    return RK_ERR_INVALID;
}

static enum rk_err list_files(struct recovery *r)
{
    enum rk_err err =
        rk_store_names_list(r->mem, r->disk, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &r->snapshots);
    if (err == RK_OK) {
        err = rk_store_names_list(r->mem, r->disk, RK_DIR_LOG, RK_NAME_LOG, &r->logs);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(r->mem, r->disk, RK_DIR_LOG, RK_NAME_MARK, &r->marks);
    }
    if (err != RK_OK) {
        rk_problem_set(r->problem, "the data directories cannot be listed: %s", rk_err_text(err));
    }
    return err;
}

static enum rk_err begin_history(struct recovery *r)
{
    enum rk_err err = rk_fresh_write(r->mem, r->disk);
    if (err != RK_OK) {
        rk_problem_set(r->problem,
                       "the data directory is empty and its first snapshot cannot be written: %s",
                       rk_err_text(err));
    }
    return err;
}

static enum rk_err run(struct recovery *r)
{
    bool is_loaded = false;
    bool has_initialize = false;
    rk_zxid replaced = -1;
    enum rk_err err = rk_replace_settle(r->mem, r->disk, &replaced);
    if (err != RK_OK) {
        rk_problem_set(r->problem,
                       "a leader's snapshot was to replace everything (file " RK_NAME_REPLACE
                       ".<zxid>), which could not be completed: %s",
                       rk_err_text(err));
        return err;
    }
    err = list_files(r);
    if (err == RK_OK) {
        err = look_for_initialize(r, &has_initialize);
    }
    if (err == RK_OK) {
        err = load_snapshot(r, &is_loaded);
    }
    if (err == RK_OK && !is_loaded) {
        err = start_empty(r, has_initialize || r->options->db_autocreate);
    }
    if (err == RK_OK && (is_loaded || r->logs.count > 0)) {
        err = replay(r);
    }
    if (err == RK_OK && !r->options->allow_holes) {
        err = check_passed(r);
    }
    if (err == RK_OK && !r->options->allow_holes) {
        err = check_marks(r);
    }
    if (err == RK_OK && !r->options->allow_holes) {
        err = drop_void_marks(r);
    }
    if (err == RK_OK && r->out.is_fresh && r->out.last_zxid == 0) {
        err = begin_history(r);
    }
    /* Last, so that a start which failed or broke off finds it again. */
    return err == RK_OK && has_initialize ? remove_initialize(r) : err;
}

enum rk_err rk_recover(struct rk_mem *mem, const struct rk_disk *disk,
                       const struct rk_recover_options *options, const struct rk_restore_sink *sink,
                       struct rk_recovered *ret, struct rk_problem *ret_problem)
{
    struct recovery r = {.mem = mem,
                         .disk = disk,
                         .options = options,
                         .sink = sink,
                         .out = {.last_zxid = -1, .snapshot_zxid = -1},
                         .problem = ret_problem,
                         .snapshots = {.mem = mem},
                         .logs = {.mem = mem},
                         .marks = {.mem = mem},
                         .passed_zxid = -1};
    ret_problem->text[0] = '\0';
    enum rk_err err = run(&r);
    rk_store_names_deinit(&r.snapshots);
    rk_store_names_deinit(&r.logs);
    rk_store_names_deinit(&r.marks);
    if (err == RK_OK) {
        *ret = r.out;
    }
    return err;
}
