/* rookery-log summary: what a log is made of. One pass, bounded memory. */
#include "inspect/log_verbs.h"

#include <inttypes.h>
#include <string.h>

#include "inspect/logs.h"
#include "inspect/opts.h"
#include "inspect/out.h"
#include "inspect/tally.h"
#include "inspect/txn_show.h"

const char rk_ins_log_summary_help[] =
    "counts transactions by type, session, subtree and time\n"
    "\n"
    "  -d, --depth N     subtrees to this depth (1)\n"
    "  -n, --top N       so many of the busiest sessions and subtrees (20; 0: all)\n"
    "  -j, --json        one JSON object\n"
    "Bytes are those of whole records. A multi counts once by type and session, and each of its\n"
    "elements by subtree; the bytes of these are the data written.\n";

#define KEYS_MAX    1000000u
#define BUCKETS     60
#define TYPES_MAX   64u
#define SESSION_KEY 20

struct summary {
    struct rk_ins_tool *tool;
    struct rk_ins_logs logs;
    int64_t depth;
    int64_t top;
    bool is_json;
    uint64_t files;
    uint64_t txns;
    uint64_t bytes;
    uint64_t bad;
    rk_zxid first;
    rk_zxid last;
    struct rk_ins_tally types;
    struct rk_ins_tally sessions;
    struct rk_ins_tally subtrees;
    /* Rate: BUCKETS spans of width_ms from time_first on. */
    int64_t time_first;
    int64_t time_last;
    int64_t width_ms;
    uint64_t spans[BUCKETS];
};

/* Makes each span twice as wide until time falls into one. */
static void count_time(struct summary *s, int64_t time)
{
    if (s->txns == 0) {
        s->time_first = s->time_last = time;
        s->width_ms = 1000;
    }
    s->time_last = time > s->time_last ? time : s->time_last;
    /* A clock that was set back counts where the first span is. */
    uint64_t since = time > s->time_first ? (uint64_t)time - (uint64_t)s->time_first : 0;
    while (since / (uint64_t)s->width_ms >= BUCKETS) {
        for (size_t i = 0; i < BUCKETS / 2; i++) {
            s->spans[i] = s->spans[2 * i] + s->spans[2 * i + 1];
        }
        memset(s->spans + BUCKETS / 2, 0, sizeof(s->spans) / 2);
        s->width_ms *= 2;
    }
    s->spans[since / (uint64_t)s->width_ms]++;
}

/* The first depth components; "/" for depth 0. */
static struct rk_bytes subtree_of(struct rk_bytes path, int64_t depth)
{
    int64_t seen = 0;
    for (uint32_t i = 0; i < path.len; i++) {
        if (path.data[i] == '/' && ++seen > depth) {
            return rk_bytes_of(path.data, i == 0 ? 1 : i);
        }
    }
    return path;
}

static bool on_touch(void *ctx, const struct rk_ins_touch *touch)
{
    struct summary *s = ctx;
    if (touch->path.data != NULL) {
        rk_ins_tally_add(&s->subtrees, subtree_of(touch->path, s->depth), 1, touch->data.len);
    }
    return true;
}

static bool on_file(void *ctx, const char *name, const struct rk_ins_log *log)
{
    struct summary *s = ctx;
    (void)name;
    (void)log;
    s->files++;
    return true;
}

static bool on_record(void *ctx, enum rk_ins_found found, const struct rk_ins_record *r)
{
    struct summary *s = ctx;
    char buf[32];
    char session[SESSION_KEY];
    if (found != RK_INS_RECORD || !r->is_decoded) {
        s->bad++;
        return true;
    }
    const struct rk_txn_header *h = &r->txn.header;
    count_time(s, h->time);
    s->first = s->txns == 0 ? h->zxid : s->first;
    s->last = h->zxid;
    s->txns++;
    s->bytes += r->bytes;
    rk_ins_tally_add(&s->types, rk_bytes_str(rk_ins_op_text(h->type, buf)), 1, r->bytes);
    (void)snprintf(session, sizeof(session), "0x%" PRIx64, (uint64_t)h->client_id);
    rk_ins_tally_add(&s->sessions, rk_bytes_str(session), 1, r->bytes);
    rk_ins_txn_touches(s->tool->mem, &r->txn, on_touch, s);
    return true;
}

static void text_tally(struct summary *s, const char *title, struct rk_ins_tally *tally,
                       int64_t top)
{
    FILE *to = s->tool->out;
    size_t count;
    struct rk_ins_tally_item **items = rk_ins_tally_sorted(tally, &count);
    uint64_t rest = tally->rest;
    uint64_t rest_bytes = tally->rest_bytes;
    (void)fprintf(to, "\n%s\n%12s %14s\n", title, "txns", "bytes");
    for (size_t i = 0; i < count; i++) {
        if (top > 0 && i >= (size_t)top) {
            rest += items[i]->count;
            rest_bytes += items[i]->bytes;
            continue;
        }
        (void)fprintf(to, "%12" PRIu64 " %14" PRIu64 "  ", items[i]->count, items[i]->bytes);
        rk_ins_put_text(to, items[i]->key);
        (void)fputc('\n', to);
    }
    if (rest > 0) {
        (void)fprintf(to, "%12" PRIu64 " %14" PRIu64 "  (others)\n", rest, rest_bytes);
    }
    rk_ins_tally_free(tally, items);
}

static void text_rate(struct summary *s)
{
    FILE *to = s->tool->out;
    (void)fprintf(to, "\nby time, spans of %" PRId64 " s\n%12s %14s\n", s->width_ms / 1000, "txns",
                  "per second");
    size_t end = BUCKETS;
    while (end > 0 && s->spans[end - 1] == 0) {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        (void)fprintf(to, "%12" PRIu64 " %14.1f  ", s->spans[i],
                      (double)s->spans[i] * 1000.0 / (double)s->width_ms);
        /* Unsigned: hostile times may lie as far apart as they please. */
        rk_ins_put_date(to, (int64_t)((uint64_t)s->time_first + i * (uint64_t)s->width_ms));
        (void)fputc('\n', to);
    }
}

static void print_text(struct summary *s)
{
    FILE *to = s->tool->out;
    (void)fprintf(to,
                  "%" PRIu64 " transactions in %" PRIu64 " bytes of %" PRIu64
                  " file(s), zxid 0x%" PRIx64 " to 0x%" PRIx64 "\n",
                  s->txns, s->bytes, s->files, (uint64_t)s->first, (uint64_t)s->last);
    if (s->bad > 0) {
        (void)fprintf(to, "%" PRIu64 " damaged records are not counted\n", s->bad);
    }
    text_tally(s, "by type", &s->types, 0);
    text_tally(s, "by session", &s->sessions, s->top);
    text_tally(s, "by subtree", &s->subtrees, s->top);
    if (s->txns > 0) {
        text_rate(s);
    }
}

static void json_tally(struct summary *s, const char *name, struct rk_ins_tally *tally, int64_t top)
{
    FILE *to = s->tool->out;
    size_t count;
    struct rk_ins_tally_item **items = rk_ins_tally_sorted(tally, &count);
    (void)fprintf(to, ",\"%s\":[", name);
    for (size_t i = 0; i < count && (top == 0 || i < (size_t)top); i++) {
        (void)fputs(i > 0 ? ",{\"key\":" : "{\"key\":", to);
        rk_ins_json_text(to, items[i]->key);
        (void)fprintf(to, ",\"txns\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", items[i]->count,
                      items[i]->bytes);
    }
    (void)fputc(']', to);
    rk_ins_tally_free(tally, items);
}

static void print_json(struct summary *s)
{
    FILE *to = s->tool->out;
    (void)fprintf(to,
                  "{\"txns\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"files\":%" PRIu64
                  ",\"damaged\":%" PRIu64 ",\"firstZxid\":\"0x%" PRIx64
                  "\",\"lastZxid\":\"0x%" PRIx64 "\"",
                  s->txns, s->bytes, s->files, s->bad, (uint64_t)s->first, (uint64_t)s->last);
    json_tally(s, "types", &s->types, 0);
    json_tally(s, "sessions", &s->sessions, s->top);
    json_tally(s, "subtrees", &s->subtrees, s->top);
    (void)fprintf(to, ",\"timeFirst\":%" PRId64 ",\"spanMs\":%" PRId64 ",\"spans\":[",
                  s->time_first, s->width_ms);
    for (size_t i = 0; i < BUCKETS; i++) {
        (void)fprintf(to, "%s%" PRIu64, i > 0 ? "," : "", s->spans[i]);
    }
    (void)fputs("]}\n", to);
}

enum rk_ins_exit rk_ins_log_summary(struct rk_ins_tool *t, int argc, char **argv)
{
    struct summary s = {.tool = t, .depth = 1, .top = 20};
    struct rk_ins_operands files;
    struct rk_ins_opt opts[] = {{'d', "depth", RK_INS_NUMBER, &s.depth},
                                {'n', "top", RK_INS_NUMBER, &s.top},
                                {'j', "json", RK_INS_FLAG, &s.is_json}};
    if (!rk_ins_opts(t, opts, 3, argc, argv, 1, 1, &files)) {
        return RK_INS_USAGE;
    }
    enum rk_ins_exit status = rk_ins_logs_open(&s.logs, t, files.items[0]);
    if (status != RK_INS_OK) {
        return status;
    }
    rk_ins_tally_init(&s.types, t->mem, TYPES_MAX);
    rk_ins_tally_init(&s.sessions, t->mem, KEYS_MAX);
    rk_ins_tally_init(&s.subtrees, t->mem, KEYS_MAX);
    struct rk_ins_visitor v = {.ctx = &s, .file = on_file, .record = on_record};
    status = rk_ins_logs_walk(&s.logs, &v);
    rk_ins_logs_close(&s.logs);
    if (status == RK_INS_OK || status == RK_INS_DAMAGED) {
        if (s.is_json) {
            print_json(&s);
        } else {
            print_text(&s);
        }
    }
    rk_ins_tally_deinit(&s.types);
    rk_ins_tally_deinit(&s.sessions);
    rk_ins_tally_deinit(&s.subtrees);
    return status;
}
