/* rookery-log repair --truncate: ends a log before its first damage. Guarantees that the original
 * stays as damaged.<name>, that nothing happens unless somebody agreed to what is lost, and that
 * a crash at any time leaves either the damage where it was or the history without it: later logs
 * go first, the newest of them before the others.
 *
 * It refuses where nothing is gained: if a snapshot is newer than the damage, a start does not need
 * what is damaged, and the later logs are worth more than what would be cut. */
#include "inspect/log_verbs.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/logs.h"

#define BACKUP "damaged."

struct cut {
    struct rk_ins_tool *tool;
    const char *path;
    struct rk_ins_logs logs;
    struct rk_ins_files beside; /* the directory of the log, and that of the snapshots */
    struct rk_store_names later;
    struct rk_store_names marks;
    struct rk_store_names snapshots;
    rk_zxid name_zxid;

    uint64_t kept;
    rk_zxid last;
    bool is_found; /* damage */
    bool is_torn_only;
    uint64_t offset;
    const char *why;
    uint64_t lost;
    rk_zxid lost_first;
    rk_zxid lost_last;
};

static void set_damage(struct cut *c, uint64_t offset, const char *why)
{
    if (!c->is_found) {
        c->is_found = true;
        c->offset = offset;
        c->why = why;
    }
}

static bool on_record(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct cut *c = ctx;
    if (found != RK_INS_RECORD || !r->is_decoded) {
        set_damage(c, r->offset,
                   found != RK_INS_RECORD ? "its checksum does not match" : "it is no transaction");
        return true;
    }
    if (c->is_found) {
        c->lost_first = c->lost == 0 ? r->txn.header.zxid : c->lost_first;
        c->lost_last = r->txn.header.zxid;
        c->lost++;
    } else {
        c->last = r->txn.header.zxid;
        c->kept++;
    }
    return true;
}

static void on_hole(void *ctx, const char *name, uint64_t from, uint64_t to, rk_zxid last,
                    const char *why)
{
    (void)name;
    (void)to;
    (void)last;
    set_damage(ctx, from, why);
}

static void on_end(void *ctx, const char *name, uint64_t offset, const char *why)
{
    struct cut *c = ctx;
    (void)name;
    if (*why != '\0' && !c->is_found) {
        c->is_torn_only = true;
        set_damage(c, offset, why);
    }
}

static enum rk_err list(struct cut *c)
{
    struct rk_mem *mem = c->tool->mem;
    const struct rk_disk *port = &c->beside.port;
    enum rk_err err = rk_store_names_list(mem, port, RK_DIR_LOG, RK_NAME_LOG, &c->later);
    if (err == RK_OK) {
        err = rk_store_names_list(mem, port, RK_DIR_LOG, RK_NAME_MARK, &c->marks);
    }
    if (err == RK_OK) {
        err = rk_store_names_list(mem, port, RK_DIR_SNAP, RK_NAME_SNAPSHOT, &c->snapshots);
    }
    return err;
}

/* Either says that there is nothing to do here, or why not to do it. */
static bool is_pointless(struct cut *c, enum rk_ins_exit *ret_status)
{
    FILE *to = c->tool->out;
    *ret_status = RK_INS_OK;
    if (!c->is_found) {
        (void)fprintf(to, "%s is not damaged; nothing was done\n", c->path);
        return true;
    }
    if (c->is_torn_only && strcmp(c->why, "its length is impossible") != 0) {
        (void)fprintf(to,
                      "%s ends with a torn write at offset %" PRIu64
                      ", which servers pass over; nothing was done\n",
                      c->path, c->offset);
        return true;
    }
    for (uint32_t i = 0; i < c->snapshots.count; i++) {
        if (c->snapshots.items[i].zxid > c->last) {
            (void)fprintf(to,
                          "%s is newer than the damage behind zxid 0x%" PRIx64
                          ": a server can start from it without the damaged part.\nNothing was "
                          "done. See rookery-snapshot restore-check; if that snapshot is bad, move "
                          "it away and come again.\n",
                          c->snapshots.items[i].name, (uint64_t)c->last);
            *ret_status = RK_INS_REFUSED;
            return true;
        }
    }
    int pid = rk_ins_files_holder(&c->beside);
    if (pid != 0) {
        rk_ins_complain(c->tool, "the directory is in use by the server with process id %d", pid);
        *ret_status = RK_INS_REFUSED;
        return true;
    }
    return false;
}

static bool is_later(const struct cut *c, const struct rk_store_name *item)
{
    return item->zxid > c->name_zxid;
}

static void say_plan(const struct cut *c)
{
    FILE *to = c->tool->out;
    (void)fprintf(to, "%s is damaged at offset %" PRIu64 ": %s.\n", c->path, c->offset, c->why);
    (void)fprintf(to, "Kept: %" PRIu64 " transactions, up to zxid 0x%" PRIx64 ".\n", c->kept,
                  (uint64_t)c->last);
    (void)fputs("LOST: what is damaged there", to);
    if (c->lost > 0) {
        (void)fprintf(to,
                      ", and %" PRIu64 " whole transactions behind it, 0x%" PRIx64 " to 0x%" PRIx64,
                      c->lost, (uint64_t)c->lost_first, (uint64_t)c->lost_last);
    }
    for (uint32_t i = 0; i < c->later.count; i++) {
        if (is_later(c, &c->later.items[i])) {
            (void)fprintf(to, ",\n      and all of %s, which begins with zxid 0x%" PRIx64,
                          c->later.items[i].name, (uint64_t)c->later.items[i].zxid);
        }
    }
    (void)fputs(".\nThe originals stay as " BACKUP
                "*. The server must be stopped. If other servers "
                "of its ensemble hold the data, empty this one's data directory instead.\n",
                to);
}

static enum rk_err move_aside(const struct cut *c, const char *name)
{
    char from[RK_INS_PATH_MAX];
    char to[RK_INS_PATH_MAX];
    const char *base = rk_ins_base_name(c->path);
    int n = snprintf(from, sizeof(from), "%.*s%s", (int)(base - c->path), c->path, name);
    if (n <= 0 || (size_t)n >= sizeof(from) || !rk_ins_beside(to, from, BACKUP, "")) {
        return RK_ERR_TOO_BIG;
    }
    enum rk_err err = rk_ins_rename(from, to);
    if (err == RK_OK) {
        (void)fprintf(c->tool->out, "%s is now %s\n", from, to);
    }
    return err;
}

static enum rk_err move_later(const struct cut *c)
{
    enum rk_err err = RK_OK;
    for (uint32_t i = c->later.count; i-- > 0 && err == RK_OK;) {
        if (is_later(c, &c->later.items[i])) {
            err = move_aside(c, c->later.items[i].name);
        }
    }
    for (uint32_t i = c->marks.count; i-- > 0 && err == RK_OK;) {
        if (c->marks.items[i].zxid >= c->name_zxid) {
            err = move_aside(c, c->marks.items[i].name);
        }
    }
    return err;
}

static enum rk_err copy_prefix(struct cut *c, struct rk_ins_copy *copy)
{
    const struct rk_disk *port = &c->logs.files.port;
    uint8_t piece[1 << 16];
    rk_file file;
    enum rk_err err =
        port->ops->open(port->ctx, RK_DIR_LOG, c->logs.names.items[0].name, RK_OPEN_READ, &file);
    if (err != RK_OK) {
        return err;
    }
    uint64_t at = 0;
    while (at < c->offset && err == RK_OK) {
        size_t want = c->offset - at < sizeof(piece) ? (size_t)(c->offset - at) : sizeof(piece);
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

static enum rk_err cut_file(struct cut *c)
{
    char backup[RK_INS_PATH_MAX];
    struct rk_ins_copy *copy = NULL;
    if (c->kept == 0) {
        /* A log without a record is worse than none: its name counts as a zxid. */
        return move_aside(c, rk_ins_base_name(c->path));
    }
    if (!rk_ins_beside(backup, c->path, BACKUP, "")) {
        return RK_ERR_TOO_BIG;
    }
    enum rk_err err = rk_ins_copy_create(c->tool->mem, c->path, true, &copy);
    if (err == RK_OK) {
        err = copy_prefix(c, copy);
    }
    if (err == RK_OK) {
        err = rk_ins_copy_replace(copy, backup);
    }
    rk_ins_copy_destroy(copy);
    if (err == RK_OK) {
        (void)fprintf(c->tool->out, "%s ends with zxid 0x%" PRIx64 " now; what it was is %s\n",
                      c->path, (uint64_t)c->last, backup);
    }
    return err;
}

static enum rk_ins_exit cut(struct cut *c, bool is_agreed)
{
    struct rk_ins_visitor v = {.ctx = c, .record = on_record, .hole = on_hole, .end = on_end};
    enum rk_ins_exit status = rk_ins_logs_walk(&c->logs, &v);
    if (status != RK_INS_OK && status != RK_INS_DAMAGED) {
        return status;
    }
    enum rk_err err = list(c);
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "listed", c->path, err);
    }
    if (is_pointless(c, &status)) {
        return status;
    }
    say_plan(c);
    if (!is_agreed && rk_ins_ask(c->tool, "Cut it (Yes/No) ? ") != RK_INS_YES) {
        (void)fputs("Nothing was done.\n", c->tool->out);
        return RK_INS_REFUSED;
    }
    err = move_later(c);
    if (err == RK_OK) {
        err = cut_file(c);
    }
    return err == RK_OK ? RK_INS_OK : rk_ins_cannot(c->tool, "cut", c->path, err);
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
    struct cut c = {.tool = t, .path = path, .why = ""};
    char dir[RK_INS_PATH_MAX];
    if (rk_ins_is_dir(path) ||
        !rk_store_parse_name(rk_ins_base_name(path), RK_NAME_LOG, &c.name_zxid)) {
        rk_ins_complain(t, "repair: %s is not named as a log", path);
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_logs_open(&c.logs, t, path);
    if (status != RK_INS_OK) {
        return status;
    }
    enum rk_err err = RK_ERR_TOO_BIG;
    if (parent_of(path, dir)) {
        err = rk_ins_files_open_dirs(&c.beside, t->mem, snapshots != NULL ? snapshots : dir, dir,
                                     RK_INS_READ);
    }
    if (err == RK_OK) {
        c.later.mem = c.marks.mem = c.snapshots.mem = t->mem;
        status = cut(&c, is_agreed);
        rk_store_names_deinit(&c.later);
        rk_store_names_deinit(&c.marks);
        rk_store_names_deinit(&c.snapshots);
        rk_ins_files_close(&c.beside);
    } else {
        status = rk_ins_cannot(t, "opened", dir, err);
    }
    rk_ins_logs_close(&c.logs);
    return status;
}
