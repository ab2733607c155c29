/* The result of a run as JSON and as text. Both say the same; ratios and verdicts are left to
 * bench/run-all. */
#include "result.h"

#include "base/assert.h"
#include "proto/zk_error.h"

#include <string.h>

static const struct {
    const char *name;
    uint32_t per_million;
} quantiles[] = {
    {"p50", 500000},
    {"p95", 950000},
    {"p99", 990000},
    {"p99.9", 999000},
};

#define QUANTILE_COUNT (sizeof(quantiles) / sizeof(quantiles[0]))

void rk_bench_result_init(struct rk_bench_result *r)
{
    memset(r, 0, sizeof(*r));
    rk_hist_init(&r->latency_ns);
}

void rk_bench_result_add_error(struct rk_bench_result *r, int32_t code)
{
    for (uint32_t i = 0; i < r->error_count; i++) {
        if (r->errors[i].code == code) {
            r->errors[i].count++;
            return;
        }
    }
    if (r->error_count == RK_BENCH_CODES_MAX) {
        /* ZooKeeper has fewer codes than there are places: that many are nonsense. */
        rk_bench_result_add_wrong(r, "more error codes than ZooKeeper has");
        return;
    }
    r->errors[r->error_count].code = code;
    r->errors[r->error_count].count = 1;
    r->error_count++;
}

void rk_bench_result_add_extra(struct rk_bench_result *r, const char *name, double value)
{
    RK_ASSERT(r->extra_count < RK_BENCH_EXTRAS_MAX);
    r->extras[r->extra_count].name = name;
    r->extras[r->extra_count].value = value;
    r->extra_count++;
}

void rk_bench_result_add_wrong(struct rk_bench_result *r, const char *what)
{
    if (r->wrong == 0) {
        (void)snprintf(r->wrong_first, sizeof(r->wrong_first), "%s", what);
    }
    r->wrong++;
}

bool rk_bench_result_is_good(const struct rk_bench_result *r)
{
    return r->wrong == 0 && r->unanswered == 0 && r->lost_connections == 0 &&
           (r->ops > 0 || r->error_count == 0);
}

double rk_bench_ops_per_s(const struct rk_bench_result *r)
{
    return r->measured_ns == 0 ? 0.0 : (double)r->ops * 1e9 / (double)r->measured_ns;
}

static double cpu_ns(const struct rk_bench_result *r)
{
    return r->has_proc ? (double)(r->after.cpu_ns - r->before.cpu_ns) : 0.0;
}

double rk_bench_cpu_us_per_op(const struct rk_bench_result *r)
{
    return r->ops == 0 ? 0.0 : cpu_ns(r) / 1000.0 / (double)r->ops;
}

/* Share of user time in what the ticks saw; half if they saw nothing. */
static double user_share(const struct rk_bench_result *r)
{
    uint64_t user = r->after.user_ticks - r->before.user_ticks;
    uint64_t system = r->after.system_ticks - r->before.system_ticks;
    return user + system == 0 ? 0.5 : (double)user / (double)(user + system);
}

static double client_cores(const struct rk_bench_result *r)
{
    return r->measured_ns == 0 ? 0.0 : (double)r->client_cpu_ns / (double)r->measured_ns;
}

static double mean_us(const struct rk_hist *h)
{
    return h->count == 0 ? 0.0 : (double)h->sum / (double)h->count / 1000.0;
}

/* -- JSON ------------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            (void)fprintf(out, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e) {
            (void)fprintf(out, "\\u%04x", (unsigned)(unsigned char)*c);
        } else {
            (void)fputc(*c, out);
        }
    }
    (void)fputc('"', out);
}

static void put_latency(FILE *out, const struct rk_hist *h)
{
    (void)fprintf(out, "  \"latency_us\": {\"count\": %llu, \"min\": %.1f, \"mean\": %.1f",
                  (unsigned long long)h->count, h->count == 0 ? 0.0 : (double)h->min / 1000.0,
                  mean_us(h));
    for (size_t i = 0; i < QUANTILE_COUNT; i++) {
        (void)fprintf(out, ", \"%s\": %.1f", quantiles[i].name,
                      (double)rk_hist_quantile(h, quantiles[i].per_million) / 1000.0);
    }
    (void)fprintf(out, ", \"max\": %.1f},\n", (double)h->max / 1000.0);
}

static void put_proc(FILE *out, const struct rk_bench_result *r)
{
    if (!r->has_proc) {
        return;
    }
    const struct rk_bench_proc *a = &r->before;
    const struct rk_bench_proc *b = &r->after;
    (void)fprintf(out,
                  "  \"server\": {\"cpu_us_per_op\": %.3f, \"user_share\": %.3f, \"cores\": %.3f, "
                  "\"rss_before_bytes\": %llu, \"rss_bytes\": %llu, \"hwm_bytes\": %llu, "
                  "\"switches_voluntary\": %llu, \"switches_forced\": %llu",
                  rk_bench_cpu_us_per_op(r), user_share(r),
                  r->measured_ns == 0 ? 0.0 : cpu_ns(r) / (double)r->measured_ns,
                  (unsigned long long)a->rss_bytes, (unsigned long long)b->rss_bytes,
                  (unsigned long long)b->hwm_bytes,
                  (unsigned long long)(b->switch_voluntary - a->switch_voluntary),
                  (unsigned long long)(b->switch_forced - a->switch_forced));
    if (a->has_io && b->has_io) {
        (void)fprintf(out, ", \"disk_bytes\": %llu, \"written_bytes\": %llu, \"write_calls\": %llu",
                      (unsigned long long)(b->disk_bytes - a->disk_bytes),
                      (unsigned long long)(b->written_bytes - a->written_bytes),
                      (unsigned long long)(b->write_calls - a->write_calls));
    }
    (void)fprintf(out, "},\n");
}

void rk_bench_result_json(const struct rk_bench_result *r, const struct rk_bench_options *o,
                          FILE *out)
{
    (void)fprintf(out, "{\n  \"load\": ");
    put_text(out, o->load_name != NULL ? o->load_name : "raw-sync");
    (void)fprintf(out,
                  ",\n  \"connections\": %u,\n  \"outstanding\": %u,\n  \"value_bytes\": %u,\n"
                  "  \"keys\": %u,\n  \"children\": %u,\n  \"rate\": %llu,\n  \"servers\": %u,\n",
                  (unsigned)o->connections, (unsigned)o->outstanding, (unsigned)o->value_bytes,
                  (unsigned)o->keys, (unsigned)o->children, (unsigned long long)o->rate,
                  (unsigned)o->server_count);
    (void)fprintf(out,
                  "  \"ops\": %llu,\n  \"seconds\": %.6f,\n  \"ops_per_s\": %.1f,\n"
                  "  \"behind_max\": %llu,\n  \"client_cores\": %.3f,\n",
                  (unsigned long long)r->ops, (double)r->measured_ns / 1e9, rk_bench_ops_per_s(r),
                  (unsigned long long)r->behind_max, client_cores(r));
    put_latency(out, &r->latency_ns);
    put_proc(out, r);
    for (uint32_t i = 0; i < r->extra_count; i++) {
        (void)fprintf(out, "  \"%s\": %.3f,\n", r->extras[i].name, r->extras[i].value);
    }
    (void)fprintf(out, "  \"errors\": {");
    for (uint32_t i = 0; i < r->error_count; i++) {
        (void)fprintf(out, "%s\"%s %d\": %llu", i == 0 ? "" : ", ",
                      rk_zk_error_name(r->errors[i].code), (int)r->errors[i].code,
                      (unsigned long long)r->errors[i].count);
    }
    (void)fprintf(out, "},\n  \"wrong\": %llu,\n  \"wrong_first\": ", (unsigned long long)r->wrong);
    put_text(out, r->wrong_first);
    (void)fprintf(out,
                  ",\n  \"lost_connections\": %llu,\n  \"unanswered\": %llu,\n  \"good\": %s\n}\n",
                  (unsigned long long)r->lost_connections, (unsigned long long)r->unanswered,
                  rk_bench_result_is_good(r) ? "true" : "false");
}

/* -- for people ------------------------------------------------------------------------------- */

static void print_proc(const struct rk_bench_result *r, FILE *out)
{
    double share = user_share(r);
    double each = rk_bench_cpu_us_per_op(r);
    (void)fprintf(out, "  server     %.2f us CPU per op (%.2f user, %.2f system), %.2f cores\n",
                  each, each * share, each * (1.0 - share),
                  r->measured_ns == 0 ? 0.0 : cpu_ns(r) / (double)r->measured_ns);
    (void)fprintf(out, "  memory     %.1f MiB resident (%.1f before, %.1f at most)\n",
                  (double)r->after.rss_bytes / 1048576.0, (double)r->before.rss_bytes / 1048576.0,
                  (double)r->after.hwm_bytes / 1048576.0);
    (void)fprintf(out, "  kernel     %llu voluntary and %llu forced context switches",
                  (unsigned long long)(r->after.switch_voluntary - r->before.switch_voluntary),
                  (unsigned long long)(r->after.switch_forced - r->before.switch_forced));
    if (r->before.has_io && r->after.has_io) {
        (void)fprintf(out, ", %.1f MiB to disk, %llu write calls",
                      (double)(r->after.disk_bytes - r->before.disk_bytes) / 1048576.0,
                      (unsigned long long)(r->after.write_calls - r->before.write_calls));
    }
    (void)fprintf(out, "\n");
}

void rk_bench_result_print(const struct rk_bench_result *r, const struct rk_bench_options *o,
                           FILE *out)
{
    (void)fprintf(out, "%s: %u connections x %u outstanding, %u bytes, %u server%s\n",
                  o->load_name != NULL ? o->load_name : "raw-sync", (unsigned)o->connections,
                  (unsigned)o->outstanding, (unsigned)o->value_bytes, (unsigned)o->server_count,
                  o->server_count == 1 ? "" : "s");
    (void)fprintf(out, "  throughput %.0f/s (%llu in %.2f s, client on %.2f cores)\n",
                  rk_bench_ops_per_s(r), (unsigned long long)r->ops, (double)r->measured_ns / 1e9,
                  client_cores(r));
    (void)fprintf(out, "  latency us mean %.1f", mean_us(&r->latency_ns));
    for (size_t i = 0; i < QUANTILE_COUNT; i++) {
        (void)fprintf(out, ", %s %.1f", quantiles[i].name,
                      (double)rk_hist_quantile(&r->latency_ns, quantiles[i].per_million) / 1000.0);
    }
    (void)fprintf(out, ", max %.1f\n", (double)r->latency_ns.max / 1000.0);
    if (r->has_proc) {
        print_proc(r, out);
    }
    for (uint32_t i = 0; i < r->extra_count; i++) {
        (void)fprintf(out, "  %s %.3f\n", r->extras[i].name, r->extras[i].value);
    }
    for (uint32_t i = 0; i < r->error_count; i++) {
        (void)fprintf(out, "  error      %s (%d): %llu\n", rk_zk_error_name(r->errors[i].code),
                      (int)r->errors[i].code, (unsigned long long)r->errors[i].count);
    }
    if (r->wrong + r->lost_connections + r->unanswered > 0) {
        (void)fprintf(
            out, "  WRONG      %llu wrong answers%s%s, %llu connections lost, %llu unanswered\n",
            (unsigned long long)r->wrong, r->wrong > 0 ? ", first: " : "", r->wrong_first,
            (unsigned long long)r->lost_connections, (unsigned long long)r->unanswered);
    }
}
