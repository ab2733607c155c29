/* rookery-log repair and chop: new files made of what is whole in old ones. The original is never
 * written to.
 *
 * What repair writes has Apache's plain form, without our marks: a record whose checksum had to be
 * computed anew cannot vouch for its batch any more.
 *
 * ZK: TxnLogToolkit (-r), LogChopper */
#include "inspect/log_verbs.h"

#include <inttypes.h>
#include <libdeflate.h>

#include "inspect/logs.h"
#include "inspect/opts.h"
#include "inspect/txn_show.h"

const char rk_ins_log_repair_help[] =
    "writes what can be saved of a damaged log to a new file\n"
    "\n"
    "  -y, --yes         do not ask\n"
    "  -v, --verbose     print all transactions, not only those in question\n"
    "  -o, --output FILE instead of LOG.fixed\n"
    "  -t, --truncate    cut LOG at its first damage instead: the original is kept as "
    "damaged.LOG,\n"
    "                    later logs, which cannot follow any more, as damaged.log.*\n"
    "  -s, --snapshots DIR  with --truncate: where the snapshots are, if not beside the log\n"
    "Without --truncate each record that is whole but for its checksum is shown, and goes to the "
    "new\n"
    "file with a new checksum if you agree; what it says may be wrong, nobody can tell. At a "
    "place\n"
    "where no record can be read the new file ends, because a server must not skip transactions.\n"
    "What is lost is said. LOG.fixed is itself a name of a log: move it over LOG before a server\n"
    "starts in that directory. Exit status: 0 nothing was lost, 4 something was, 6 nothing was "
    "done.\n";

const char rk_ins_log_chop_help[] =
    "copies a log up to a zxid, that one included\n"
    "\n"
    "  -z, --zxid ZXID    the last one (0x...)\n"
    "  -o, --output FILE  instead of LOG.chopped<zxid in decimal>\n"
    "Exit status: 0 done; 1 the log ends there anyway, 2 it does not hold that zxid (nothing is\n"
    "written then); 4 it is damaged before.\n";

struct repair {
    struct rk_ins_tool *tool;
    struct rk_ins_logs logs;
    struct rk_ins_copy *copy;
    const char *path;
    const char *output;
    bool is_agreed;
    bool is_verbose;

    uint64_t kept;
    uint64_t fixed;
    uint64_t left_bad;
    rk_zxid last;
    bool is_stopped;
    bool may_be_torn; /* ... at the end of the file */
    uint64_t stop_offset;
    const char *stop_why;
    struct rk_ins_behind lost;
    bool is_aborted;
};

static void put_record(struct rk_ins_copy *copy, struct rk_bytes payload, int64_t sum)
{
    uint8_t head[RK_WAL_HEAD_BYTES];
    uint8_t end = RK_WAL_END_BYTE;
    rk_store_i64(head, sum);
    rk_store_i32(head + 8, (int32_t)payload.len);
    rk_ins_copy_put(copy, head, sizeof(head));
    rk_ins_copy_put(copy, payload.data, payload.len);
    rk_ins_copy_put(copy, &end, 1);
}

static void begin(struct rk_ins_tool *t, struct rk_ins_copy *copy, const struct rk_ins_log *log,
                  int64_t dbid)
{
    uint8_t header[RK_WAL_HEADER_BYTES];
    (void)fprintf(t->out,
                  "ZooKeeper Transactional Log File with dbid %" PRId64
                  " txnlog format version %" PRId32 "\n",
                  log->dbid, log->version);
    rk_wal_put_header(header, dbid);
    rk_ins_copy_put(copy, header, sizeof(header));
}

static bool on_file(void *ctx, const char *name, const struct rk_ins_log *log)
{
    struct repair *p = ctx;
    (void)name;
    begin(p->tool, p->copy, log, 0);
    return true;
}

static void stop(struct repair *p, uint64_t offset, const char *why)
{
    if (!p->is_stopped) {
        p->is_stopped = true;
        p->stop_offset = offset;
        p->stop_why = why;
    }
}

/* A record whose checksum is wrong. False: the person had enough. */
static bool decide(struct repair *p, const struct rk_ins_record *r, bool *ret_is_fixed)
{
    FILE *to = p->tool->out;
    (void)fputs(p->is_agreed ? "CRC FIXED - " : "CRC ERROR - ", to);
    rk_ins_txn_text(to, p->tool->mem, r);
    enum rk_ins_answer answer =
        p->is_agreed ? RK_INS_YES
                     : rk_ins_ask(p->tool, "Would you like to fix it (Yes/No/Abort) ? ");
    *ret_is_fixed = answer == RK_INS_YES;
    return answer != RK_INS_ABORT;
}

static bool on_record(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct repair *p = ctx;
    bool is_fixed = true;
    if (!p->is_stopped && !r->is_decoded) {
        stop(p, r->offset, "what it says is no transaction");
    }
    if (p->is_stopped) {
        return false;
    }
    if (found == RK_INS_BAD_SUM && !decide(p, r, &is_fixed)) {
        p->is_aborted = true;
        return false;
    }
    if (p->is_verbose) {
        rk_ins_txn_text(p->tool->out, p->tool->mem, r);
    }
    uint32_t sum = libdeflate_adler32(1, r->payload.data, r->payload.len);
    p->fixed += found == RK_INS_BAD_SUM && is_fixed ? 1 : 0;
    p->left_bad += is_fixed ? 0 : 1;
    put_record(p->copy, r->payload, is_fixed ? (int64_t)sum : r->stored_sum);
    p->last = r->txn.header.zxid;
    p->kept++;
    return true;
}

static void on_hole(void *ctx, const char *name, uint64_t from, uint64_t to, rk_zxid last,
                    const char *why)
{
    (void)name;
    (void)to;
    (void)last;
    stop(ctx, from, why);
}

static void on_end(void *ctx, const char *name, uint64_t offset, const char *why)
{
    struct repair *p = ctx;
    (void)name;
    if (*why != '\0') {
        p->may_be_torn = true;
        stop(p, offset, why);
    } else {
        (void)fprintf(p->tool->out, "EOF reached after %" PRIu64 " txns.\n", p->kept);
    }
}

static void report(const struct repair *p)
{
    FILE *to = p->tool->out;
    (void)fprintf(to, "Recovery file %s has been written with %" PRIu64 " fixed CRC error(s)\n",
                  p->output, p->fixed);
    if (p->fixed > 0) {
        (void)fputs("What these transactions say may be wrong; compare with another server.\n", to);
    }
    if (p->left_bad > 0) {
        (void)fprintf(to, "%" PRIu64 " wrong checksums were left; no server reads beyond them\n",
                      p->left_bad);
    }
    if (!p->is_stopped) {
        return;
    }
    (void)fprintf(to, "It ends behind zxid 0x%" PRIx64 ", where at offset %" PRIu64 " of %s %s.\n",
                  (uint64_t)p->last, p->stop_offset, p->path, p->stop_why);
    if (p->may_be_torn) {
        (void)fputs("Nothing that could be read lies behind it: a torn write, or lost.\n", to);
    } else if (p->lost.count == 0) {
        (void)fputs("LOST: what was there.\n", to);
    } else {
        (void)fprintf(to,
                      "LOST: what was there, and %" PRIu64 " transactions behind it, 0x%" PRIx64
                      " to 0x%" PRIx64 ".\n",
                      p->lost.count, (uint64_t)p->lost.first, (uint64_t)p->lost.last);
    }
}

static enum rk_ins_exit copy_good(struct repair *p)
{
    struct rk_ins_visitor v = {
        .ctx = p, .file = on_file, .record = on_record, .hole = on_hole, .end = on_end};
    enum rk_ins_exit status = rk_ins_copy_create(p->tool, p->output, p->path, false, &p->copy);
    if (status != RK_INS_OK) {
        return status;
    }
    status = rk_ins_logs_walk(&p->logs, &v);
    if (status != RK_INS_OK && status != RK_INS_DAMAGED) {
        return status;
    }
    if (p->is_aborted) {
        (void)fputs("Recovery aborted.\n", p->tool->out);
        return RK_INS_REFUSED;
    }
    enum rk_err err = RK_OK;
    if (p->is_stopped) {
        err = rk_ins_log_behind(p->tool->mem, &p->logs.files.port, p->logs.names.items[0].name,
                                p->stop_offset, p->last, &p->lost);
    }
    if (err != RK_OK) {
        return rk_ins_cannot(p->tool, "read", p->path, err);
    }
    err = rk_ins_copy_finish(p->copy);
    if (err != RK_OK) {
        return rk_ins_cannot(p->tool, "written", p->output, err);
    }
    report(p);
    bool is_lost = p->is_stopped && !p->may_be_torn;
    return is_lost || p->left_bad > 0 ? RK_INS_DAMAGED : RK_INS_OK;
}

static enum rk_ins_exit repair(struct repair *p)
{
    char fixed[RK_INS_PATH_MAX];
    if (rk_ins_is_dir(p->path)) {
        rk_ins_complain(p->tool, "repair: %s is a directory; name one log", p->path);
        return RK_INS_USAGE;
    }
    if (p->output == NULL && !rk_ins_beside(fixed, p->path, "", ".fixed")) {
        return rk_ins_cannot(p->tool, "named", p->path, RK_ERR_TOO_BIG);
    }
    p->output = p->output != NULL ? p->output : fixed;
    enum rk_ins_exit status = rk_ins_logs_open(&p->logs, p->tool, p->path);
    if (status != RK_INS_OK) {
        return status;
    }
    status = copy_good(p);
    rk_ins_copy_destroy(p->copy);
    rk_ins_logs_close(&p->logs);
    return status;
}

enum rk_ins_exit rk_ins_log_repair(struct rk_ins_tool *t, int argc, char **argv)
{
    struct repair p = {.tool = t, .last = 0};
    struct rk_ins_operands files;
    bool is_cut = false;
    const char *snapshots = NULL;
    struct rk_ins_opt opts[] = {
        {'y', "yes", RK_INS_FLAG, &p.is_agreed},     {'v', "verbose", RK_INS_FLAG, &p.is_verbose},
        {'o', "output", RK_INS_TEXT, &p.output},     {'t', "truncate", RK_INS_FLAG, &is_cut},
        {'s', "snapshots", RK_INS_TEXT, &snapshots},
    };
    if (!rk_ins_opts(t, opts, sizeof(opts) / sizeof(opts[0]), argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    if (is_cut) {
        return rk_ins_log_cut(t, files.items[0], snapshots, p.is_agreed);
    }
    p.path = files.items[0];
    return repair(&p);
}

/* -- chop
 * ------------------------------------------------------------------------------------------- */

struct chop {
    struct rk_ins_tool *tool;
    struct rk_ins_copy *copy;
    const char *path;
    const char *output;
    rk_zxid zxid;
    uint64_t count;
    rk_zxid before;
    bool has_zxid;
    bool is_done;
    bool is_bad;
};

static void say_gap(const struct chop *c, rk_zxid zxid)
{
    bool is_same = RK_ZXID_EPOCH(c->before) == RK_ZXID_EPOCH(zxid);
    if (c->count == 0 || zxid == c->before + 1 || (!is_same && RK_ZXID_COUNTER(zxid) == 1)) {
        return;
    }
    (void)fprintf(c->tool->out, "There is %s gap between %" PRIx64 " and %" PRIx64 "\n",
                  is_same ? "intra-epoch" : "inter-epoch", (uint64_t)c->before, (uint64_t)zxid);
}

static bool chop_file(void *ctx, const char *name, const struct rk_ins_log *log)
{
    struct chop *c = ctx;
    (void)name;
    begin(c->tool, c->copy, log, log->dbid);
    return true;
}

/* Damage behind what is copied is nobody's business. */
static void note_damage(struct chop *c)
{
    c->is_done = c->has_zxid;
    c->is_bad = !c->is_done;
}

static bool chop_record(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct chop *c = ctx;
    if (found != RK_INS_RECORD || !r->is_decoded) {
        note_damage(c);
    }
    if (c->is_bad || c->is_done) {
        return false;
    }
    rk_zxid zxid = r->txn.header.zxid;
    c->has_zxid = c->has_zxid || zxid == c->zxid;
    say_gap(c, zxid);
    c->before = zxid;
    if (zxid > c->zxid) {
        c->is_done = true;
        return false;
    }
    put_record(c->copy, r->stored, r->stored_sum);
    c->count++;
    return true;
}

static void chop_hole(void *ctx, const char *name, uint64_t from, uint64_t to, rk_zxid last,
                      const char *why)
{
    struct chop *c = ctx;
    rk_ins_complain(c->tool,
                    "%s: damaged from offset %" PRIu64 " to %" PRIu64 ", behind zxid 0x%" PRIx64
                    ": %s",
                    name, from, to, (uint64_t)last, why);
    note_damage(c);
}

static enum rk_ins_exit finish_chop(struct chop *c)
{
    FILE *to = c->tool->out;
    if (c->is_bad) {
        rk_ins_complain(c->tool, "%s is damaged before zxid 0x%" PRIx64 "; see repair", c->path,
                        (uint64_t)c->zxid);
        return RK_INS_DAMAGED;
    }
    if (!c->is_done) {
        (void)fprintf(to, "EOF reached after %" PRIu64 " txns.\n", c->count);
        return c->has_zxid ? RK_INS_DIFFERS : RK_INS_USAGE;
    }
    if (!c->has_zxid) {
        (void)fprintf(to, "This log does not contain zxid %" PRIx64 "\n", (uint64_t)c->zxid);
        return RK_INS_USAGE;
    }
    enum rk_err err = rk_ins_copy_finish(c->copy);
    if (err != RK_OK) {
        return rk_ins_cannot(c->tool, "written", c->output, err);
    }
    (void)fprintf(to, "Chopping at %" PRIx64 " new log has %" PRIu64 " records\n",
                  (uint64_t)c->zxid, c->count);
    return RK_INS_OK;
}

static enum rk_ins_exit chop(struct chop *c)
{
    struct rk_ins_logs logs;
    struct rk_ins_visitor v = {
        .ctx = c, .file = chop_file, .record = chop_record, .hole = chop_hole};
    if (rk_ins_is_dir(c->path)) {
        rk_ins_complain(c->tool, "chop: %s is a directory; name one log", c->path);
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_logs_open(&logs, c->tool, c->path);
    if (status != RK_INS_OK) {
        return status;
    }
    status = rk_ins_copy_create(c->tool, c->output, c->path, false, &c->copy);
    if (status == RK_INS_OK) {
        status = rk_ins_logs_walk(&logs, &v);
        if (status == RK_INS_OK || status == RK_INS_DAMAGED) {
            status = finish_chop(c);
        }
    }
    rk_ins_logs_close(&logs);
    rk_ins_copy_destroy(c->copy);
    return status;
}

enum rk_ins_exit rk_ins_log_chop(struct rk_ins_tool *t, int argc, char **argv)
{
    struct chop c = {.tool = t, .zxid = -1};
    struct rk_ins_operands files;
    char suffix[48];
    char chopped[RK_INS_PATH_MAX];
    struct rk_ins_opt opts[] = {{'z', "zxid", RK_INS_NUMBER, &c.zxid},
                                {'o', "output", RK_INS_TEXT, &c.output}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    if (c.zxid < 0) {
        rk_ins_complain(t, "chop: --zxid is missing");
        return RK_INS_USAGE;
    }
    c.path = files.items[0];
    (void)snprintf(suffix, sizeof(suffix), ".chopped%" PRId64, c.zxid);
    if (!rk_ins_beside(chopped, c.path, "", suffix)) {
        return rk_ins_cannot(t, "named", c.path, RK_ERR_TOO_BIG);
    }
    c.output = c.output != NULL ? c.output : chopped;
    return chop(&c);
}
