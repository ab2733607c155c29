/* rookery-log compare: where two histories part. Both are read side by side, a record of each in
 * memory. */
#include "inspect/log_verbs.h"

#include <inttypes.h>

#include "inspect/logs.h"
#include "inspect/opts.h"
#include "inspect/txn_show.h"

const char rk_ins_log_compare_help[] =
    "says where two logs, or the logs of two directories, part\n"
    "\n"
    "  -a, --all    every difference, not only the first\n"
    "  -q, --quiet  only the exit status\n"
    "Transactions are compared by zxid: header, contents and digest; not how they lie in the "
    "files.\n"
    "That one begins or ends earlier is said, and is a difference only at the end.\n"
    "Exit status: 0 equal as far as both go and both end alike, 1 not, 4 damaged.\n";

struct side {
    struct rk_ins_tool *tool;
    const char *title;
    struct rk_ins_logs logs;
    uint32_t index;
    struct rk_ins_log log;
    bool is_open;
    bool is_end;
    bool has_any;
    rk_zxid last;
    rk_zxid last_here;
    struct rk_ins_record record;
    enum rk_ins_exit status;
};

/* Opens the next file that is a log; false if there is none or it fails. */
static bool open_next(struct side *s)
{
    while (s->index < s->logs.names.count) {
        const char *name = rk_ins_logs_name(&s->logs, s->index);
        enum rk_err err = rk_ins_log_open(&s->log, s->tool->mem, &s->logs.files.port,
                                          s->logs.names.items[s->index++].name);
        if (err == RK_OK) {
            s->is_open = true;
            s->last_here = -1;
            return true;
        }
        if (err == RK_ERR_NOT_FOUND && s->logs.is_dir) {
            continue; /* purged by the server just now */
        }
        if (err != RK_ERR_MALFORMED) {
            s->status = rk_ins_cannot(s->tool, "opened", name, err);
            return false;
        }
        rk_ins_complain(s->tool, "%s does not begin as a transaction log", name);
        s->status = RK_INS_DAMAGED;
    }
    return false;
}

/* Goes behind a place without a record; closes the file if nothing follows. */
static enum rk_err pass(struct side *s)
{
    bool is_found = false;
    uint64_t from = s->log.pos;
    enum rk_err err = rk_ins_log_resync(&s->log, s->last_here, &is_found);
    if (err == RK_OK && is_found && s->log.pos == from) {
        return RK_OK; /* it has been written meanwhile */
    }
    if (err == RK_OK && is_found) {
        rk_ins_complain(s->tool, "%s: damaged from offset %" PRIu64 " to %" PRIu64,
                        rk_ins_logs_name(&s->logs, s->index - 1), from, s->log.pos);
        s->status = RK_INS_DAMAGED;
    } else if (err == RK_OK) {
        rk_ins_log_close(&s->log);
        s->is_open = false;
    }
    return err;
}

/* The next transaction that was not there before. */
static bool advance(struct side *s)
{
    for (;;) {
        enum rk_ins_found found;
        if (!s->is_open && !open_next(s)) {
            s->is_end = true;
            return false;
        }
        enum rk_err err = rk_ins_log_next(&s->log, &found, &s->record);
        if (err == RK_OK && (found == RK_INS_BROKEN || found == RK_INS_END)) {
            err = pass(s);
            if (err == RK_OK) {
                continue;
            }
        }
        if (err != RK_OK) {
            s->status =
                rk_ins_cannot(s->tool, "read", rk_ins_logs_name(&s->logs, s->index - 1), err);
            s->is_end = true;
            return false;
        }
        if (found == RK_INS_BAD_SUM || !s->record.is_decoded) {
            s->status = RK_INS_DAMAGED;
            continue;
        }
        rk_zxid zxid = s->record.txn.header.zxid;
        s->last_here = zxid > s->last_here ? zxid : s->last_here;
        if (!s->has_any || zxid > s->last) {
            s->has_any = true;
            s->last = zxid;
            return true;
        }
    }
}

struct compare {
    struct rk_ins_tool *tool;
    struct side left;
    struct side right;
    bool is_all;
    bool is_quiet;
    uint64_t equal;
    uint64_t different;
    rk_zxid equal_first;
    rk_zxid equal_last;
};

static void show(struct compare *c, const struct side *s, const char *what)
{
    if (c->is_quiet || (c->different > 0 && !c->is_all)) {
        return;
    }
    (void)fprintf(c->tool->out, "%s %s, offset %" PRIu64 ": ", what,
                  rk_ins_logs_name(&s->logs, s->index - 1), s->record.offset);
    rk_ins_txn_text(c->tool->out, c->tool->mem, &s->record);
}

static void say_parting(struct compare *c)
{
    if (c->different > 0 || c->is_quiet) {
        return;
    }
    if (c->equal > 0) {
        (void)fprintf(c->tool->out,
                      "they part behind zxid 0x%" PRIx64 ", after %" PRIu64
                      " equal transactions from 0x%" PRIx64 " on\n",
                      (uint64_t)c->equal_last, c->equal, (uint64_t)c->equal_first);
    } else {
        (void)fputs("they have no transaction in common before they part\n", c->tool->out);
    }
}

static void meet(struct compare *c)
{
    rk_zxid left = c->left.is_end ? INT64_MAX : c->left.record.txn.header.zxid;
    rk_zxid right = c->right.is_end ? INT64_MAX : c->right.record.txn.header.zxid;
    if (left == right && rk_bytes_equal(c->left.record.payload, c->right.record.payload)) {
        c->equal_first = c->equal == 0 ? left : c->equal_first;
        c->equal_last = left;
        c->equal++;
    } else {
        say_parting(c);
        if (left <= right) {
            show(c, &c->left, "<");
        }
        if (right <= left) {
            show(c, &c->right, ">");
        }
        c->different++;
    }
    if (left <= right) {
        (void)advance(&c->left); /* is_end says it, too */
    }
    if (right <= left) {
        (void)advance(&c->right);
    }
}

/* The one that begins later decides where the comparison begins. */
static void align(struct compare *c)
{
    struct side *s = NULL;
    uint64_t skipped = 0;
    rk_zxid first = 0;
    while (!c->left.is_end && !c->right.is_end) {
        rk_zxid left = c->left.record.txn.header.zxid;
        rk_zxid right = c->right.record.txn.header.zxid;
        struct side *earlier = left < right ? &c->left : &c->right;
        if (left == right || (s != NULL && earlier != s)) {
            break;
        }
        s = earlier;
        first = skipped == 0 ? s->record.txn.header.zxid : first;
        skipped++;
        (void)advance(s); /* is_end says it, too */
    }
    if (skipped > 0 && !c->is_quiet) {
        (void)fprintf(c->tool->out,
                      "%s begins earlier, with %" PRIu64 " transactions from 0x%" PRIx64 " on\n",
                      s->title, skipped, (uint64_t)first);
    }
}

static enum rk_ins_exit run(struct compare *c)
{
    if (advance(&c->left) && advance(&c->right)) {
        align(c);
    } else if (!c->left.has_any) {
        (void)advance(&c->right);
    }
    while ((!c->left.is_end || !c->right.is_end) && (c->is_all || c->different == 0)) {
        meet(c);
    }
    enum rk_ins_exit worst = c->left.status > c->right.status ? c->left.status : c->right.status;
    if (!c->is_quiet && c->different == 0) {
        (void)fprintf(c->tool->out,
                      "equal: %" PRIu64 " transactions, 0x%" PRIx64 " to 0x%" PRIx64 "\n", c->equal,
                      (uint64_t)c->equal_first, (uint64_t)c->equal_last);
    } else if (!c->is_quiet && c->is_all) {
        (void)fprintf(c->tool->out, "%" PRIu64 " equal, %" PRIu64 " different\n", c->equal,
                      c->different);
    }
    return worst != RK_INS_OK ? worst : c->different > 0 ? RK_INS_DIFFERS : RK_INS_OK;
}

static enum rk_ins_exit open_side(struct side *s, struct rk_ins_tool *t, const char *path)
{
    s->tool = t;
    s->title = path;
    return rk_ins_logs_open(&s->logs, t, path);
}

static void close_side(struct side *s)
{
    if (s->is_open) {
        rk_ins_log_close(&s->log);
    }
    rk_ins_logs_close(&s->logs);
}

enum rk_ins_exit rk_ins_log_compare(struct rk_ins_tool *t, int argc, char **argv)
{
    struct compare c = {.tool = t};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {{'a', "all", RK_INS_FLAG, &c.is_all},
                                {'q', "quiet", RK_INS_FLAG, &c.is_quiet}};
    if (!rk_ins_opts(t, opts, 2, argc, argv, 2, 2, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = open_side(&c.left, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    status = open_side(&c.right, t, files.items[1]);
    if (status == RK_INS_OK) {
        status = run(&c);
        close_side(&c.right);
    }
    close_side(&c.left);
    return status;
}
