/* rookery-log dump and grep: records as text or JSON.
 *
 * ZK: TxnLogToolkit.dump */
#include "inspect/log_verbs.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/logs.h"
#include "inspect/match.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/txn_show.h"

const char rk_ins_log_dump_help[] =
    "prints the transactions of a log, or of all logs of a directory\n"
    "\n"
    "The text is that of Apache's TxnLogToolkit, but control characters are escaped as \\xNN and "
    "the\n"
    "elements of a multi are decoded.\n"
    "  -j, --json   one JSON object per line\n"
    "  -v           with --json: the data, too, as base64\n"
    "A record whose checksum is wrong is shown behind CRC ERROR. Damaged places are reported on\n"
    "standard error and what is whole behind them is shown; the exit status is 4 then.\n";

const char rk_ins_log_grep_help[] =
    "prints the transactions that are looked for\n"
    "\n"
    "  -p, --path GLOB       that touch such a path; * and ? stay within a component, ** does not\n"
    "  -P, --path-regex RE   the same by extended regular expression\n"
    "  -d, --data RE         that write such data\n"
    "  -s, --session ID      of that session (0x...)\n"
    "  -z, --zxid FROM-TO    in that range; either end may be left out\n"
    "  -t, --type TYPE       create, delete, setData, multi, closeSession ...; also as element\n"
    "      --from TIME       not before: ms since 1970, or 2026-11-23T05:00:00Z\n"
    "      --to TIME         not after\n"
    "  -c, --count           only how many\n"
    "  -j, --json, -v        as of dump\n"
    "All that are given have to match; path, data and type the same element of a multi.\n"
    "Exit status 1: there is none.\n";

struct dump {
    struct rk_ins_tool *tool;
    struct rk_ins_logs logs;
    const char *name;
    bool is_json;
    bool has_data;
    uint64_t count;
    bool is_toolkit; /* called as TxnLogToolkit is */
    bool is_partial; /* as that calls it: the end byte is missing */

    /* grep */
    bool is_grep;
    bool is_count;
    struct rk_ins_pattern path;
    struct rk_ins_pattern data;
    bool has_type;
    int32_t type;
    bool has_session;
    int64_t session;
    int64_t zxid_from;
    int64_t zxid_to;
    int64_t time_from;
    int64_t time_to;
    bool is_hit;
};

static bool on_file(void *ctx, const char *name, const struct rk_ins_log *log)
{
    struct dump *d = ctx;
    d->name = name;
    d->count = d->is_grep ? d->count : 0;
    if (!d->is_json && !d->is_grep) {
        (void)fprintf(d->tool->out,
                      "ZooKeeper Transactional Log File with dbid %" PRId64
                      " txnlog format version %" PRId32 "\n",
                      log->dbid, log->version);
    }
    return true;
}

static void show(struct dump *d, enum rk_ins_found found, const struct rk_ins_record *r)
{
    if (d->is_json) {
        rk_ins_txn_json(d->tool->out, d->tool->mem, d->logs.is_dir ? d->name : NULL, found, r,
                        d->has_data);
        return;
    }
    if (found == RK_INS_BAD_SUM) {
        (void)fputs("CRC ERROR - ", d->tool->out);
        rk_ins_txn_text(d->tool->out, d->tool->mem, r);
    }
    rk_ins_txn_text(d->tool->out, d->tool->mem, r);
}

static bool on_record(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct dump *d = ctx;
    show(d, found, r);
    d->count++;
    return ferror(d->tool->out) == 0;
}

static void on_end(void *ctx, const char *name, uint64_t offset, const char *why)
{
    struct dump *d = ctx;
    d->is_partial = strcmp(why, "its end byte is missing") == 0;
    if (*why != '\0') {
        rk_ins_complain(d->tool, "%s: the records end at offset %" PRIu64 ": %s%s", name, offset,
                        why, d->is_partial ? ". Last transaction was partial." : "");
    }
    if (!d->is_partial && !d->is_json) {
        (void)fprintf(d->tool->out, "EOF reached after %" PRIu64 " txns.\n", d->count);
    }
}

enum rk_ins_exit rk_ins_log_dump(struct rk_ins_tool *t, int argc, char **argv)
{
    struct dump d = {.tool = t, .is_toolkit = strcmp(argv[0], "dump") != 0};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {{'j', "json", RK_INS_FLAG, &d.is_json},
                                {'v', "verbose", RK_INS_FLAG, &d.has_data}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_logs_open(&d.logs, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    struct rk_ins_visitor v = {.ctx = &d, .file = on_file, .record = on_record, .end = on_end};
    status = rk_ins_logs_walk(&d.logs, &v);
    rk_ins_logs_close(&d.logs);
    if (d.is_toolkit && status != RK_INS_USAGE && status != RK_INS_IO) {
        status = d.is_partial ? RK_INS_DIFFERS : RK_INS_OK; /* its exit statuses are 1 and 0 */
    }
    return status;
}

/* -- grep
 * ------------------------------------------------------------------------------------------ */

static bool on_touch(void *ctx, const struct rk_ins_touch *touch)
{
    struct dump *d = ctx;
    d->is_hit = (!d->has_type || touch->type == d->type) &&
                rk_ins_pattern_matches(&d->path, touch->path) &&
                rk_ins_pattern_matches(&d->data, touch->data);
    return !d->is_hit;
}

static bool matches(struct dump *d, const struct rk_txn *txn)
{
    const struct rk_txn_header *h = &txn->header;
    if ((d->has_session && h->client_id != d->session) || h->zxid < d->zxid_from ||
        h->zxid > d->zxid_to || h->time < d->time_from || h->time > d->time_to) {
        return false;
    }
    bool wants_touch = d->path.is_set || d->data.is_set;
    if (!wants_touch && (!d->has_type || d->type == txn->type)) {
        return true;
    }
    d->is_hit = false;
    rk_ins_txn_touches(d->tool->mem, txn, on_touch, d);
    return d->is_hit;
}

static bool on_candidate(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct dump *d = ctx;
    if (r->is_decoded && matches(d, &r->txn)) {
        d->count++;
        if (!d->is_count) {
            show(d, found, r);
        }
    }
    return ferror(d->tool->out) == 0;
}

struct words {
    const char *path;
    const char *path_regex;
    const char *data;
    const char *session;
    const char *zxid;
    const char *type;
    const char *from;
    const char *to;
};

static bool complain(struct rk_ins_tool *t, const char *what, const char *value)
{
    rk_ins_complain(t, "grep: '%s' is no %s", value, what);
    return false;
}

static bool understand(struct dump *d, const struct words *w)
{
    struct rk_ins_tool *t = d->tool;
    d->zxid_from = INT64_MIN;
    d->zxid_to = INT64_MAX;
    d->time_from = INT64_MIN;
    d->time_to = INT64_MAX;
    d->has_type = w->type != NULL;
    d->has_session = w->session != NULL;
    if (w->path != NULL && w->path_regex != NULL) {
        rk_ins_complain(t, "grep: either --path or --path-regex");
        return false;
    }
    if (w->type != NULL && !rk_ins_op_parse(w->type, &d->type)) {
        return complain(t, "type of transaction", w->type);
    }
    if (w->session != NULL && !rk_ins_number(w->session, &d->session)) {
        return complain(t, "session", w->session);
    }
    if (w->zxid != NULL && !rk_ins_range(w->zxid, &d->zxid_from, &d->zxid_to)) {
        return complain(t, "range of zxids", w->zxid);
    }
    if (w->from != NULL && !rk_ins_time(w->from, &d->time_from)) {
        return complain(t, "time", w->from);
    }
    if (w->to != NULL && !rk_ins_time(w->to, &d->time_to)) {
        return complain(t, "time", w->to);
    }
    if (w->path != NULL) {
        rk_ins_pattern_glob(&d->path, w->path);
    }
    return (w->path_regex == NULL || rk_ins_pattern_regex(&d->path, t, w->path_regex)) &&
           (w->data == NULL || rk_ins_pattern_regex(&d->data, t, w->data));
}

static enum rk_ins_exit grep(struct dump *d, const char *path)
{
    enum rk_ins_exit status = rk_ins_logs_open(&d->logs, d->tool, path);
    if (status != RK_INS_OK) {
        return status;
    }
    struct rk_ins_visitor v = {.ctx = d, .file = on_file, .record = on_candidate};
    status = rk_ins_logs_walk(&d->logs, &v);
    rk_ins_logs_close(&d->logs);
    if (d->is_count) {
        (void)fprintf(d->tool->out, "%" PRIu64 "\n", d->count);
    }
    return status == RK_INS_OK && d->count == 0 ? RK_INS_DIFFERS : status;
}

enum rk_ins_exit rk_ins_log_grep(struct rk_ins_tool *t, int argc, char **argv)
{
    struct dump d = {.tool = t, .is_grep = true};
    struct words w = {.path = NULL};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {
        {'p', "path", RK_INS_TEXT, &w.path},        {'P', "path-regex", RK_INS_TEXT, &w.path_regex},
        {'d', "data", RK_INS_TEXT, &w.data},        {'s', "session", RK_INS_TEXT, &w.session},
        {'z', "zxid", RK_INS_TEXT, &w.zxid},        {'t', "type", RK_INS_TEXT, &w.type},
        {0, "from", RK_INS_TEXT, &w.from},          {0, "to", RK_INS_TEXT, &w.to},
        {'c', "count", RK_INS_FLAG, &d.is_count},   {'j', "json", RK_INS_FLAG, &d.is_json},
        {'v', "verbose", RK_INS_FLAG, &d.has_data},
    };
    size_t count = sizeof(opts) / sizeof(opts[0]);
    if (!rk_ins_opts(t, opts, count, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = RK_INS_USAGE;
    if (understand(&d, &w)) {
        status = grep(&d, files.items[0]);
    }
    rk_ins_pattern_deinit(&d.path);
    rk_ins_pattern_deinit(&d.data);
    return status;
}
