/* Walking over logs, damaged places included. Guarantees that every whole record is visited, in the
 * order of the files, whatever lies between them. */
#include "inspect/logs.h"

#include <inttypes.h>

enum rk_ins_exit rk_ins_logs_open(struct rk_ins_logs *l, struct rk_ins_tool *t, const char *path)
{
    *l = (struct rk_ins_logs){.tool = t, .path = path, .is_dir = rk_ins_is_dir(path)};
    enum rk_err err = l->is_dir ? rk_ins_files_open_dirs(&l->files, t->mem, path, NULL, RK_INS_READ)
                                : rk_ins_files_open_file(&l->files, t->mem, path, RK_NAME_LOG);
    if (err != RK_OK) {
        return rk_ins_cannot(t, "opened", path, err);
    }
    err = rk_store_names_list(t->mem, &l->files.port, RK_DIR_LOG, RK_NAME_LOG, &l->names);
    if (err != RK_OK) {
        rk_ins_files_close(&l->files);
        return rk_ins_cannot(t, "listed", path, err);
    }
    if (l->files.odd > 0) {
        rk_ins_complain(t, "%s holds %u files whose names cannot be printed; passed over", path,
                        l->files.odd);
    }
    if (l->names.count == 0) {
        rk_ins_complain(t, "%s holds no logs", path);
        rk_ins_logs_close(l);
        return RK_INS_IO;
    }
    return RK_INS_OK;
}

void rk_ins_logs_close(struct rk_ins_logs *l)
{
    rk_store_names_deinit(&l->names);
    rk_ins_files_close(&l->files);
}

const char *rk_ins_logs_name(const struct rk_ins_logs *l, uint32_t index)
{
    return l->is_dir ? l->names.items[index].name : l->path;
}

struct walk {
    struct rk_ins_logs *logs;
    const struct rk_ins_visitor *v;
    const char *name;
    struct rk_ins_log log;
    rk_zxid last;
    enum rk_ins_exit status;
    bool is_over; /* the visitor wants no more */
};

/* Where no record is: goes on behind it, if there is more. */
static enum rk_err pass(struct walk *w, enum rk_ins_found found, const char *why, bool *ret_goes_on)
{
    uint64_t from = w->log.pos;
    const char *what = found == RK_INS_BROKEN ? why : "";
    enum rk_err err = rk_ins_log_resync(&w->log, w->last, ret_goes_on);
    if (err != RK_OK) {
        return err;
    }
    if (!*ret_goes_on) {
        if (w->v->end != NULL) {
            w->v->end(w->v->ctx, w->name, from, what);
        }
        return RK_OK;
    }
    if (w->log.pos == from) {
        return RK_OK; /* it has been written meanwhile */
    }
    w->status = RK_INS_DAMAGED;
    what = found == RK_INS_BROKEN ? why : "nothing was written here";
    if (w->v->hole != NULL) {
        w->v->hole(w->v->ctx, w->name, from, w->log.pos, w->last, what);
    } else {
        rk_ins_complain(w->logs->tool,
                        "%s: damaged from offset %" PRIu64 " to %" PRIu64 ", behind zxid 0x%" PRIx64
                        ": %s",
                        w->name, from, w->log.pos, (uint64_t)w->last, what);
    }
    return RK_OK;
}

static enum rk_err walk_file(struct walk *w)
{
    bool goes_on = true;
    while (goes_on && !w->is_over) {
        enum rk_ins_found found;
        struct rk_ins_record r;
        enum rk_err err = rk_ins_log_next(&w->log, &found, &r);
        if (err == RK_OK && (found == RK_INS_BROKEN || found == RK_INS_END)) {
            err = pass(w, found, r.why, &goes_on);
        } else if (err == RK_OK) {
            bool is_good = found == RK_INS_RECORD && r.is_decoded;
            w->status = is_good ? w->status : RK_INS_DAMAGED;
            w->last = is_good && r.txn.header.zxid > w->last ? r.txn.header.zxid : w->last;
            w->is_over = w->v->record != NULL && !w->v->record(w->v->ctx, found, &r);
        }
        if (err != RK_OK) {
            return err;
        }
    }
    return RK_OK;
}

enum rk_ins_exit rk_ins_logs_walk(struct rk_ins_logs *l, const struct rk_ins_visitor *v)
{
    struct walk w = {.logs = l, .v = v, .status = RK_INS_OK};
    for (uint32_t i = 0; i < l->names.count && !w.is_over; i++) {
        w.name = rk_ins_logs_name(l, i);
        w.last = -1;
        enum rk_err err =
            rk_ins_log_open(&w.log, l->tool->mem, &l->files.port, l->names.items[i].name);
        if (err == RK_ERR_MALFORMED) {
            rk_ins_complain(l->tool, "%s does not begin as a transaction log", w.name);
            w.status = l->is_dir ? RK_INS_DAMAGED : RK_INS_USAGE;
            continue;
        }
        if (err == RK_ERR_NOT_FOUND && l->is_dir) {
            continue; /* purged by the server just now */
        }
        if (err != RK_OK) {
            return rk_ins_cannot(l->tool, "opened", w.name, err);
        }
        w.is_over = v->file != NULL && !v->file(v->ctx, w.name, &w.log);
        err = walk_file(&w);
        rk_ins_log_close(&w.log);
        if (err != RK_OK) {
            return rk_ins_cannot(l->tool, "read", w.name, err);
        }
    }
    return w.status;
}
