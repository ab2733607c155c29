/* rookery-log verify: every log judged as a start of our server judges it (store/wal_scan.h), and
 * what lies between the logs. */
#include "inspect/log_verbs.h"

#include <inttypes.h>

#include "inspect/logs.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "store/wal_scan.h"

const char rk_ins_log_verify_help[] =
    "checks a log, or all logs of a directory\n"
    "\n"
    "  -j, --json     one JSON object per file\n"
    "  -s, --strict   a torn tail counts as damage\n"
    "Checked are the header, each record's length, checksum, end byte and contents, the order of\n"
    "zxids and epochs, what lies behind the last record (preallocated space, a torn write or\n"
    "damage), durability marks, and whether a file goes on where the one before ended. A torn "
    "tail\n"
    "is what a crash leaves of a write that nobody was told of: servers pass over it.\n"
    "A gap that a snapshot in the same directory covers is no gap.\n"
    "Exit status: 0 sound, 4 damaged, 5 transactions are missing.\n";

struct report {
    const char *name;
    uint64_t txns;
    uint64_t undecoded; /* right checksum, but no transaction */
    uint64_t first_bad; /* the offset of the first of these */
    uint64_t disorder;  /* zxids that step back */
    uint64_t gaps;
    rk_zxid first;
    rk_zxid last;
    uint32_t epochs;
    uint64_t digests;
    int64_t dbid;
    uint64_t size;
    bool has_mark;
    struct rk_wal_mark mark;
    struct rk_wal_tail tail;
    struct rk_ins_behind behind; /* the damage */
};

struct verify {
    struct rk_ins_tool *tool;
    struct rk_ins_logs logs;
    struct rk_store_names snapshots;
    struct rk_arena arena;
    bool is_json;
    bool is_strict;
    rk_zxid last; /* of the files so far, -1: none */
    enum rk_ins_exit status;
};

static void worsen(struct verify *v, enum rk_ins_exit status)
{
    bool is_worse = v->status == RK_INS_OK || status == RK_INS_DAMAGED;
    v->status = is_worse ? status : v->status;
}

static bool continues(rk_zxid last, rk_zxid next)
{
    return next == last + 1 ||
           (RK_ZXID_EPOCH(next) > RK_ZXID_EPOCH(last) && RK_ZXID_COUNTER(next) == 1);
}

/* A server that starts from that snapshot needs nothing before next. */
static const char *covering(const struct verify *v, rk_zxid next)
{
    for (uint32_t i = 0; i < v->snapshots.count; i++) {
        rk_zxid zxid = v->snapshots.items[i].zxid;
        if (zxid >= next || continues(zxid, next)) {
            return v->snapshots.items[i].name;
        }
    }
    return NULL;
}

static void say_gap(struct verify *v, const char *name, rk_zxid last, rk_zxid next)
{
    const char *snapshot = covering(v, next);
    if (snapshot == NULL) {
        worsen(v, RK_INS_GAP);
    }
    if (v->is_json) {
        return;
    }
    (void)fprintf(v->tool->out, "%s: zxid 0x%" PRIx64 " is followed by 0x%" PRIx64 ": %s%s\n", name,
                  (uint64_t)last, (uint64_t)next,
                  snapshot != NULL ? "no loss, because of " : "transactions are missing",
                  snapshot != NULL ? snapshot : "");
}

static void see_record(struct verify *v, struct report *r, const struct rk_wal_record *record,
                       uint64_t offset)
{
    struct rk_txn txn;
    rk_arena_reset(&v->arena);
    if (rk_txn_decode(record->payload, &v->arena, RK_INS_LIMIT_BYTES, &txn) != RK_OK) {
        r->first_bad = r->undecoded == 0 ? offset : r->first_bad;
        r->undecoded++;
    } else {
        r->digests += txn.has_digest ? 1 : 0;
    }
    rk_zxid before = r->txns > 0 ? r->last : v->last;
    bool has_before = r->txns > 0 || v->last >= 0;
    if (has_before && record->zxid <= before && r->txns > 0) {
        r->disorder++;
    } else if (has_before && record->zxid > before && !continues(before, record->zxid)) {
        r->gaps++;
        say_gap(v, r->name, before, record->zxid);
    }
    if (r->txns == 0 || RK_ZXID_EPOCH(record->zxid) != RK_ZXID_EPOCH(r->last)) {
        r->epochs++;
    }
    r->first = r->txns == 0 ? record->zxid : r->first;
    r->last = r->txns == 0 || record->zxid > r->last ? record->zxid : r->last;
    r->txns++;
}

/* Where a log that is being written seems to be damaged, the next look finds it elsewhere: what was
 * read of it is older than what lies behind. */
static enum rk_err confirm(struct verify *v, const char *shown, struct report *r)
{
    uint64_t before = UINT64_MAX;
    enum rk_err err = RK_OK;
    while (err == RK_OK && r->tail.verdict == RK_WAL_TAIL_DAMAGED && r->tail.offset != before) {
        struct rk_wal_scan s;
        enum rk_wal_step step = RK_WAL_STEP_RECORD;
        struct rk_wal_record record;
        rk_zxid last_here = -1;
        before = r->tail.offset;
        err = rk_wal_scan_open(&s, v->tool->mem, &v->logs.files.port, shown);
        if (err != RK_OK) {
            return err;
        }
        while (err == RK_OK && step == RK_WAL_STEP_RECORD) {
            err = rk_wal_scan_next(&s, last_here, &step, &record);
            last_here = step == RK_WAL_STEP_RECORD ? record.zxid : last_here;
        }
        if (err == RK_OK) {
            err = rk_wal_scan_judge(&s, last_here, &r->tail);
        }
        rk_wal_scan_close(&s);
    }
    return err;
}

static enum rk_err scan(struct verify *v, const char *shown, struct report *r)
{
    struct rk_wal_scan s;
    enum rk_err err = rk_wal_scan_open(&s, v->tool->mem, &v->logs.files.port, shown);
    if (err != RK_OK) {
        return err;
    }
    r->size = s.size;
    r->dbid = s.dbid;
    r->has_mark = s.has_mark;
    r->mark = s.mark;
    rk_zxid last_here = -1;
    enum rk_wal_step step = RK_WAL_STEP_RECORD;
    while (err == RK_OK && step == RK_WAL_STEP_RECORD) {
        struct rk_wal_record record;
        uint64_t offset = s.pos;
        err = rk_wal_scan_next(&s, last_here, &step, &record);
        if (err == RK_OK && step == RK_WAL_STEP_RECORD) {
            see_record(v, r, &record, offset);
            last_here = record.zxid;
        }
    }
    if (err == RK_OK) {
        err = rk_wal_scan_judge(&s, last_here, &r->tail);
    }
    rk_wal_scan_close(&s);
    if (err == RK_OK) {
        err = confirm(v, shown, r);
    }
    if (err == RK_OK && r->tail.verdict == RK_WAL_TAIL_DAMAGED) {
        err = rk_ins_log_behind(v->tool->mem, &v->logs.files.port, shown, r->tail.offset,
                                r->txns > 0 ? r->last : -1, &r->behind);
    }
    return err;
}

static const char *verdict_text(const struct report *r)
{
    if (r->tail.verdict == RK_WAL_TAIL_DAMAGED || r->undecoded > 0) {
        return "damaged";
    }
    return r->disorder > 0                       ? "disorder"
           : r->tail.verdict == RK_WAL_TAIL_TORN ? "torn"
           : r->tail.is_cut                      ? "cut"
                                                 : "ok";
}

static void print_json(struct verify *v, const struct report *r)
{
    FILE *to = v->tool->out;
    (void)fputs("{\"file\":", to);
    rk_ins_json_text(to, rk_bytes_str(r->name));
    (void)fprintf(to,
                  ",\"verdict\":\"%s\",\"txns\":%" PRIu64 ",\"firstZxid\":\"0x%" PRIx64
                  "\",\"lastZxid\":\"0x%" PRIx64 "\",\"epochs\":%" PRIu32 ",\"digests\":%" PRIu64
                  ",\"size\":%" PRIu64 ",\"used\":%" PRIu64 ",\"writer\":\"%s\",\"gaps\":%" PRIu64
                  ",\"disorder\":%" PRIu64 ",\"undecoded\":%" PRIu64,
                  verdict_text(r), r->txns, (uint64_t)r->first, (uint64_t)r->last, r->epochs,
                  r->digests, r->size, r->tail.offset,
                  rk_wal_is_marked(r->dbid) ? "rookery" : "apache", r->gaps, r->disorder,
                  r->undecoded);
    if (r->tail.verdict != RK_WAL_TAIL_CLEAN) {
        (void)fputs(",\"why\":", to);
        rk_ins_json_text(to, rk_bytes_str(r->tail.why));
        (void)fputs(",\"evidence\":", to);
        rk_ins_json_text(to, rk_bytes_str(r->tail.evidence));
        (void)fprintf(to, ",\"recordsBehind\":%" PRIu64, r->behind.count);
    }
    (void)fputs("}\n", to);
}

static void print_tail(struct verify *v, const struct report *r)
{
    FILE *to = v->tool->out;
    const struct rk_wal_tail *tail = &r->tail;
    if (tail->verdict == RK_WAL_TAIL_TORN) {
        (void)fprintf(to,
                      "%s: torn tail at offset %" PRIu64 ": %s. It was never acknowledged, or is "
                      "being written just now\n",
                      r->name, tail->offset, tail->why);
    } else if (tail->verdict == RK_WAL_TAIL_DAMAGED) {
        (void)fprintf(to, "%s: DAMAGED at offset %" PRIu64 ", behind zxid 0x%" PRIx64 ": %s; %s\n",
                      r->name, tail->offset, (uint64_t)r->last, tail->why, tail->evidence);
    }
    if (r->behind.count > 0) {
        (void)fprintf(to,
                      "%s: %" PRIu64 " whole transactions follow behind the damage, 0x%" PRIx64
                      " to 0x%" PRIx64 "\n",
                      r->name, r->behind.count, (uint64_t)r->behind.first,
                      (uint64_t)r->behind.last);
    }
    if (tail->is_cut) {
        (void)fprintf(to, "%s: cut by another server behind 0x%" PRIx64 " (TRUNC)\n", r->name,
                      (uint64_t)r->last);
    }
    if (r->undecoded > 0) {
        (void)fprintf(to,
                      "%s: DAMAGED: %" PRIu64 " records have a right checksum but are no "
                      "transactions, the first at offset %" PRIu64 "\n",
                      r->name, r->undecoded, r->first_bad);
    }
    if (r->disorder > 0) {
        (void)fprintf(to, "%s: %" PRIu64 " zxids step back\n", r->name, r->disorder);
    }
}

static void print_text(struct verify *v, const struct report *r)
{
    FILE *to = v->tool->out;
    (void)fprintf(to, "%s: %s, ", r->name, verdict_text(r));
    if (r->txns == 0) {
        (void)fputs("no transactions", to);
    } else {
        (void)fprintf(to,
                      "%" PRIu64 " transactions 0x%" PRIx64 " to 0x%" PRIx64 " in %" PRIu32
                      " epoch%s, %" PRIu64 " digests",
                      r->txns, (uint64_t)r->first, (uint64_t)r->last, r->epochs,
                      r->epochs == 1 ? "" : "s", r->digests);
    }
    (void)fprintf(to, ", %" PRIu64 " of %" PRIu64 " bytes used, by %s", r->tail.offset, r->size,
                  rk_wal_is_marked(r->dbid) ? "Rookery" : "Apache");
    if (r->has_mark) {
        (void)fprintf(to, ", durable at least to offset %" PRIu64 " (0x%" PRIx64 ")",
                      r->mark.offset, (uint64_t)r->mark.zxid);
    }
    (void)fputc('\n', to);
    print_tail(v, r);
}

static enum rk_ins_exit verify_file(struct verify *v, uint32_t index)
{
    const struct rk_store_name *item = &v->logs.names.items[index];
    struct report r = {.name = rk_ins_logs_name(&v->logs, index)};
    enum rk_err err = scan(v, item->name, &r);
    if (err == RK_ERR_NOT_FOUND && v->logs.is_dir) {
        return RK_INS_OK; /* purged by the server just now */
    }
    if (err != RK_OK) {
        return rk_ins_cannot(v->tool, "read", r.name, err);
    }
    if (r.tail.verdict == RK_WAL_TAIL_DAMAGED || r.undecoded > 0 ||
        (v->is_strict && r.tail.verdict == RK_WAL_TAIL_TORN)) {
        worsen(v, RK_INS_DAMAGED);
    } else if (r.disorder > 0) {
        worsen(v, RK_INS_GAP);
    }
    if (v->is_json) {
        print_json(v, &r);
    } else {
        print_text(v, &r);
    }
    bool has_name = v->logs.is_dir || v->logs.files.has_mark;
    bool is_named_so = r.txns == 0 || r.first == item->zxid || !has_name;
    if (!is_named_so && !v->is_json) {
        (void)fprintf(v->tool->out, "%s: its name does not say its first zxid\n", r.name);
    }
    v->last = r.txns > 0 && r.last > v->last ? r.last : v->last;
    return RK_INS_OK;
}

enum rk_ins_exit rk_ins_log_verify(struct rk_ins_tool *t, int argc, char **argv)
{
    struct verify v = {.tool = t, .last = -1, .status = RK_INS_OK};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {{'j', "json", RK_INS_FLAG, &v.is_json},
                                {'s', "strict", RK_INS_FLAG, &v.is_strict}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_logs_open(&v.logs, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_arena_init(&v.arena, t->mem);
    v.snapshots.mem = t->mem;
    if (v.logs.is_dir) {
        enum rk_err err = rk_store_names_list(t->mem, &v.logs.files.port, RK_DIR_SNAP,
                                              RK_NAME_SNAPSHOT, &v.snapshots);
        status = err == RK_OK ? RK_INS_OK : rk_ins_cannot(t, "listed", files.items[0], err);
    }
    for (uint32_t i = 0; i < v.logs.names.count && status == RK_INS_OK; i++) {
        status = verify_file(&v, i);
    }
    rk_store_names_deinit(&v.snapshots);
    rk_arena_deinit(&v.arena);
    rk_ins_logs_close(&v.logs);
    return status == RK_INS_OK ? v.status : status;
}
