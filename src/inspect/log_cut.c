/* rookery-log repair --truncate: ends a log before its first damage. What is damage, and whether a
 * start stops at it, is the store's to say (wal_scan.h, log_walk.h). Guarantees that the original
 * stays as damaged.<name>, that nothing happens unless somebody agreed to what is lost, that no
 * server of ours starts there meanwhile, and that a crash at any time leaves either the damage
 * where it was or the history without it: later logs go first, the newest of them before the
 * others.
 *
 * It refuses where nothing is gained: if a snapshot is newer than the damage, so that a start does
 * not need what is damaged, the later logs are worth more than what would be cut. */
#include "inspect/log_verbs.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/log_file.h"
#include "store/log_walk.h"

#define BACKUP "damaged."

struct cut {
    struct rk_ins_tool *tool;
    const char *path;
    const char *name;
    rk_zxid name_zxid;
    struct rk_ins_files dirs; /* of the log, and of the snapshots */
    struct rk_store_names logs;
    struct rk_store_names marks;
    struct rk_store_names snapshots;

    uint64_t kept;
    rk_zxid last; /* -1: none */
    struct rk_wal_tail tail;
    bool is_undecoded; /* tail is a record that is whole, and no transaction */
    rk_zxid undecoded;
    struct rk_ins_behind lost;
};

static enum rk_err list(struct cut *c)
{
    struct rk_mem *mem = c->tool->mem;
    const struct rk_disk *port = &c->dirs.port;
    enum rk_err err = rk_store_names_list(mem, port, RK_DIR_LOG, RK_NAME_LOG, &c->logs);
    if (err == RK_OK) {
        err = rk_store_names_list(mem, port, RK_DIR_LOG, RK_NAME_MARK, &c->marks);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(mem, port, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &c->snapshots);
    }
    return err;
}

/* -- Judging
 * ------------------------------------------------------------------------------------------ */

static bool is_txn(struct rk_bytes payload, struct rk_arena *arena)
{
    struct rk_txn txn;
    rk_arena_reset(arena);
    return rk_txn_decode(payload, arena, RK_INS_LIMIT_BYTES, &txn) == RK_OK;
}

static void take(struct cut *c, const struct rk_wal_record *record, uint64_t offset, bool is_good)
{
    if (is_good) {
        c->last = record->zxid;
        c->kept++;
        return;
    }
    c->is_undecoded = true;
    c->undecoded = record->zxid;
    c->tail = (struct rk_wal_tail){
        .verdict = RK_WAL_TAIL_DAMAGED, .offset = offset, .why = "it is no transaction"};
    (void)snprintf(c->tail.evidence, sizeof(c->tail.evidence), "its checksum is right");
}

/* What a start finds in the log. */
static enum rk_err judge(struct cut *c)
{
    struct rk_mem *mem = c->tool->mem;
    struct rk_wal_scan s;
    struct rk_arena arena;
    enum rk_wal_step step = RK_WAL_STEP_RECORD;
    enum rk_err err = rk_wal_scan_open(&s, mem, &c->dirs.port, c->name);
    if (err != RK_OK) {
        return err;
    }
    rk_arena_init(&arena, mem);
    while (err == RK_OK && step == RK_WAL_STEP_RECORD && !c->is_undecoded) {
        struct rk_wal_record record;
        uint64_t offset = s.pos;
        err = rk_wal_scan_next(&s, c->last, &step, &record);
        if (err == RK_OK && step == RK_WAL_STEP_RECORD) {
            take(c, &record, offset, is_txn(record.payload, &arena));
        }
    }
    if (err == RK_OK && !c->is_undecoded) {
        err = rk_wal_scan_judge(&s, c->last, &c->tail);
    }
    rk_arena_deinit(&arena);
    rk_wal_scan_close(&s);
    if (err == RK_OK && c->tail.verdict == RK_WAL_TAIL_DAMAGED) {
        err = rk_ins_log_behind(mem, &c->dirs.port, c->name, c->tail.offset, c->last, &c->lost);
    }
    return err;
}

static const struct rk_store_name *newest_snapshot(const struct cut *c)
{
    for (uint32_t i = c->snapshots.count; i-- > 0;) {
        if (!rk_store_name_is_unfinished(c->snapshots.items[i].name)) {
            return &c->snapshots.items[i];
        }
    }
    return NULL;
}

/* Walks the logs as a start from the newest snapshot does. *ret_is_here: it stops at this log. Else
 * *ret_problem says where, "" if nowhere. */
static enum rk_err try_start(struct cut *c, bool *ret_is_here, struct rk_problem *ret_problem)
{
    const struct rk_store_name *base = newest_snapshot(c);
    struct rk_log_walk w;
    struct rk_wal_record record = {.zxid = -1};
    enum rk_err err = RK_OK;
    ret_problem->text[0] = '\0';
    rk_log_walk_init(&w, c->tool->mem, &c->dirs.port, &c->logs, base != NULL ? base->zxid : 0);
    w.has_base = base != NULL;
    while (err == RK_OK && (!c->is_undecoded || record.zxid != c->undecoded)) {
        err = rk_log_walk_next(&w, &record, ret_problem);
    }
    *ret_is_here = err == RK_OK || (err == RK_ERR_CORRUPT && strcmp(w.tail_file, c->name) == 0);
    rk_log_walk_deinit(&w);
    bool is_answer = err == RK_ERR_END || err == RK_ERR_CORRUPT || err == RK_ERR_NOT_FOUND;
    return is_answer ? RK_OK : err;
}

static void say_why_not(const struct cut *c, const struct rk_problem *problem)
{
    FILE *to = c->tool->out;
    const struct rk_store_name *base = newest_snapshot(c);
    (void)fprintf(to, "%s is damaged behind zxid 0x%" PRIx64, c->path,
                  (uint64_t)(c->last < 0 ? 0 : c->last));
    if (problem->text[0] != '\0') {
        (void)fprintf(to, ", but what a start stops at is another matter: %s\nNothing was done.\n",
                      problem->text);
        return;
    }
    (void)fprintf(to,
                  ", but a start%s%s does not need that.\nNothing was done. See rookery-snapshot "
                  "restore-check; if the newest snapshot is bad, move it away and come again.\n",
                  base != NULL ? " from " : "", base != NULL ? base->name : "");
}

/* Either says that there is nothing to do here, or why not to do it. */
static bool is_pointless(struct cut *c, enum rk_ins_exit *ret_status)
{
    FILE *to = c->tool->out;
    struct rk_problem problem;
    bool is_here = false;
    *ret_status = RK_INS_OK;
    if (c->tail.verdict == RK_WAL_TAIL_CLEAN) {
        (void)fprintf(to, "%s is not damaged; nothing was done\n", c->path);
        return true;
    }
    if (c->tail.verdict == RK_WAL_TAIL_TORN) {
        (void)fprintf(to,
                      "%s ends with a torn write at offset %" PRIu64
                      ", which servers pass over; nothing was done\n",
                      c->path, c->tail.offset);
        return true;
    }
    enum rk_err err = try_start(c, &is_here, &problem);
    if (err != RK_OK) {
        *ret_status = rk_ins_cannot(c->tool, "read", c->path, err);
        return true;
    }
    if (!is_here) {
        say_why_not(c, &problem);
        *ret_status = RK_INS_REFUSED;
    }
    return !is_here;
}

/* -- What is moved
 * ------------------------------------------------------------------------------------ */

static bool is_later(const struct cut *c, const struct rk_store_name *item)
{
    return item->zxid > c->name_zxid;
}

/* Where name, beside the log, is and goes. */
static enum rk_err paths_of(const struct cut *c, const char *name, char from[RK_INS_PATH_MAX],
                            char to[RK_INS_PATH_MAX])
{
    int n = snprintf(from, RK_INS_PATH_MAX, "%.*s%s", (int)(c->name - c->path), c->path, name);
    bool fits = n > 0 && (size_t)n < RK_INS_PATH_MAX && rk_ins_beside(to, from, BACKUP, "");
    return fits ? RK_OK : RK_ERR_TOO_BIG;
}

static enum rk_err check_free(const struct cut *c, const char *name)
{
    char from[RK_INS_PATH_MAX];
    char to[RK_INS_PATH_MAX];
    enum rk_err err = paths_of(c, name, from, to);
    if (err == RK_OK && rk_ins_is_taken(to, from)) {
        rk_ins_complain(c->tool, "%s is there from an earlier repair; move it away first", to);
        err = RK_ERR_EXISTS;
    }
    return err;
}

static enum rk_err move_aside(const struct cut *c, const char *name)
{
    char from[RK_INS_PATH_MAX];
    char to[RK_INS_PATH_MAX];
    enum rk_err err = paths_of(c, name, from, to);
    if (err == RK_OK) {
        err = rk_ins_rename(from, to);
    }
    if (err == RK_OK) {
        (void)fprintf(c->tool->out, "%s is now %s\n", from, to);
    }
    return err;
}

/* Later logs, newest first, then marks. */
static enum rk_err each_later(const struct cut *c,
                              enum rk_err (*act)(const struct cut *c, const char *name))
{
    enum rk_err err = RK_OK;
    for (uint32_t i = c->logs.count; i-- > 0 && err == RK_OK;) {
        if (is_later(c, &c->logs.items[i])) {
            err = act(c, c->logs.items[i].name);
        }
    }
    for (uint32_t i = c->marks.count; i-- > 0 && err == RK_OK;) {
        if (c->marks.items[i].zxid >= c->name_zxid) {
            err = act(c, c->marks.items[i].name);
        }
    }
    return err;
}

static enum rk_err copy_prefix(struct cut *c, struct rk_ins_copy *copy)
{
    const struct rk_disk *port = &c->dirs.port;
    uint8_t piece[1 << 16];
    rk_file file;
    enum rk_err err = port->ops->open(port->ctx, RK_DIR_LOG, c->name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    uint64_t at = 0;
    while (at < c->tail.offset && err == RK_OK) {
        uint64_t left = c->tail.offset - at;
        size_t want = left < sizeof(piece) ? (size_t)left : sizeof(piece);
        size_t got = 0;
        err = port->ops->read(port->ctx, file, at, piece, want, &got);
        if (err == RK_OK && got < want) {
            err = RK_ERR_SHORT; /* somebody cuts it meanwhile */
        }
        if (err == RK_OK) {
            rk_ins_copy_put(copy, piece, got);
            at += got;
        }
    }
    port->ops->close(port->ctx, file);
    return err;
}

static enum rk_ins_exit cut_file(struct cut *c)
{
    char from[RK_INS_PATH_MAX];
    char backup[RK_INS_PATH_MAX];
    struct rk_ins_copy *copy = NULL;
    enum rk_err err = paths_of(c, c->name, from, backup);
    if (err == RK_OK && c->kept == 0) {
        /* A log without a record is worse than none: its name counts as a zxid. */
        err = move_aside(c, c->name);
        return err == RK_OK ? RK_INS_OK : rk_ins_cannot(c->tool, "cut", c->path, err);
    }
    enum rk_ins_exit status = rk_ins_copy_create(c->tool, c->path, c->path, true, &copy);
    if (status != RK_INS_OK) {
        return status;
    }
    if (err == RK_OK) {
        err = copy_prefix(c, copy);
    }
    if (err == RK_OK) {
        err = rk_ins_copy_replace(copy, backup);
    }
    rk_ins_copy_destroy(copy);
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "cut", c->path, err);
    }
    (void)fprintf(c->tool->out, "%s ends with zxid 0x%" PRIx64 " now; what it was is %s\n", c->path,
                  (uint64_t)c->last, backup);
    return RK_INS_OK;
}

/* -- The verb
 * ----------------------------------------------------------------------------------------- */

static void say_plan(const struct cut *c)
{
    FILE *to = c->tool->out;
    (void)fprintf(to, "%s is damaged at offset %" PRIu64 ": %s; %s.\n", c->path, c->tail.offset,
                  c->tail.why, c->tail.evidence);
    (void)fprintf(to, "Kept: %" PRIu64 " transactions, up to zxid 0x%" PRIx64 ".\n", c->kept,
                  (uint64_t)(c->last < 0 ? 0 : c->last));
    (void)fputs("LOST: what is damaged there", to);
    if (c->lost.count > 0) {
        (void)fprintf(to,
                      ", and %" PRIu64 " whole transactions behind it, 0x%" PRIx64 " to 0x%" PRIx64,
                      c->lost.count, (uint64_t)c->lost.first, (uint64_t)c->lost.last);
    }
    for (uint32_t i = 0; i < c->logs.count; i++) {
        if (is_later(c, &c->logs.items[i])) {
            (void)fprintf(to, ",\n      and all of %s, which begins with zxid 0x%" PRIx64,
                          c->logs.items[i].name, (uint64_t)c->logs.items[i].zxid);
        }
    }
    (void)fputs(".\nThe originals stay as " BACKUP
                "*. The server must be stopped. If other servers "
                "of its ensemble hold the data, empty this one's data directory instead.\n",
                to);
    if (newest_snapshot(c) == NULL) {
        (void)fputs(
            "No snapshot lies here: if they are elsewhere, say where (--snapshots), because "
            "a newer one may make this unnecessary.\n",
            to);
    }
}

static enum rk_ins_exit cut(struct cut *c, bool is_agreed)
{
    enum rk_ins_exit status = RK_INS_OK;
    enum rk_err err = list(c);
    if (err == RK_OK) {
        err = judge(c);
    }
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "read", c->path, err);
    }
    if (is_pointless(c, &status)) {
        return status;
    }
    say_plan(c);
    err = each_later(c, check_free);
    if (err == RK_OK) {
        err = check_free(c, c->name);
    }
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "cut", c->path, err);
    }
    if (!is_agreed && rk_ins_ask(c->tool, "Cut it (Yes/No) ? ") != RK_INS_YES) {
        (void)fputs("Nothing was done.\n", c->tool->out);
        return RK_INS_REFUSED;
    }
    err = each_later(c, move_aside);
    return err == RK_OK ? cut_file(c) : rk_ins_cannot(c->tool, "cut", c->path, err);
}

static enum rk_ins_exit lock_and_cut(struct cut *c, bool is_agreed)
{
    enum rk_err err = rk_ins_files_lock(&c->dirs);
    if (err == RK_ERR_BUSY) {
        rk_ins_complain(c->tool, "the directory of %s is in use by a server (process id %d)",
                        c->path, rk_ins_files_holder(&c->dirs));
        return RK_INS_REFUSED;
    }
    return err == RK_OK ? cut(c, is_agreed) : rk_ins_cannot(c->tool, "locked", c->path, err);
}

/* "" becomes ".". */
static bool parent_of(const char *path, char out[RK_INS_PATH_MAX])
{
    const char *base = rk_ins_base_name(path);
    int n = snprintf(out, RK_INS_PATH_MAX, "%.*s", (int)(base - path), path);
    if (n == 0) {
        memcpy(out, ".", 2);
    }
    return n >= 0 && (size_t)n < RK_INS_PATH_MAX;
}

enum rk_ins_exit rk_ins_log_cut(struct rk_ins_tool *t, const char *path, const char *snapshots,
                                bool is_agreed)
{
    struct cut c = {.tool = t,
                    .path = path,
                    .name = rk_ins_base_name(path),
                    .last = -1,
                    .logs = {.mem = t->mem},
                    .marks = {.mem = t->mem},
                    .snapshots = {.mem = t->mem}};
    char dir[RK_INS_PATH_MAX];
    if (rk_ins_is_dir(path) || !rk_store_parse_name(c.name, RK_NAME_LOG, &c.name_zxid)) {
        rk_ins_complain(t, "repair: %s is not named as a log", path);
        return RK_INS_USAGE;
    }
    enum rk_err err = RK_ERR_TOO_BIG;
    if (parent_of(path, dir)) {
        err = rk_ins_files_open_dirs(&c.dirs, t->mem, snapshots != NULL ? snapshots : dir, dir,
                                     RK_INS_READ);
    }
    if (err != RK_OK) {
        return rk_ins_cannot(t, "opened", path, err);
    }
    enum rk_ins_exit status = lock_and_cut(&c, is_agreed);
    rk_store_names_deinit(&c.logs);
    rk_store_names_deinit(&c.marks);
    rk_store_names_deinit(&c.snapshots);
    rk_ins_files_close(&c.dirs);
    return status;
}
