/* rookery-sim: the simulator's command line. Ends with `N passed, N failed, N skipped`. */
#include "base/bug.h"
#include "sim/campaign.h"
#include "sim/enumerate.h"
#include "sim/recipe.h"
#include "sim/shrink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Below this many seeds a mark that was not hit says nothing. */
#define SEEDS_FOR_MARKS 500u
#define TWICE_EVERY     16u
#define SEEDS_DEFAULT   1000u
#define SHRINK_TRIES    600u

static const char usage[] =
    "usage: rookery-sim [--seeds A..B | --seed N | --enumerate | --point N] [options]\n"
    "  --seeds A..B   run these seeds (default 1..1000)\n"
    "  --seed N       run one seed in this process\n"
    "  --enumerate    crash a script at every disk call, with everything that may survive\n"
    "  --point N      one crash point of the enumeration\n"
    "  --nodes N      an ensemble of 3 or 5 servers; mix: the seed decides (default: 1 server)\n"
    "  --recipe FILE  one run as a recipe has it (see --shrink)\n"
    "  --shrink FILE  with --seed or --recipe, of a run that fails: make it smaller, and write "
    "the\n"
    "                 recipe of what is left to FILE\n"
    "  --jobs N       processes (default 1)\n"
    "  --time S       stop beginning seeds after S seconds; with no end of seeds given, go on\n"
    "                 until then\n"
    "  --stop         at the first failure\n"
    "  --trace        with --seed and --point: one line per transition on standard output\n"
    "  --folder DIR   where the traces of failures go (default .)\n"
#ifdef RK_BUGS
    "  --bug NAME     with this known bug\n"
    "  --bugs         lists them\n"
#endif
    ;

/* Of the core or the store: a failure of the seed like any other. */
_Noreturn void rk_panic(const char *file, int line, const char *what)
{
    char text[600];
    (void)snprintf(text, sizeof(text), "%s:%d: panic: %s", file, line, what);
    rk_sim_end_badly(text);
}

struct args {
    bool is_enumeration;
    bool is_one;
    bool has_trace;
    bool stops;
    bool has_end;
    uint64_t first;
    uint64_t last;
    uint32_t jobs;
    uint32_t seconds;
    const char *folder;
    const char *recipe;
    const char *shrink_to;
    struct sim_size size;
};

static bool parse_number(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-') {
        return false;
    }
    *ret = value;
    return true;
}

static bool parse_range(const char *text, struct args *a)
{
    char first[32];
    const char *dots = strstr(text, "..");
    if (dots == NULL || (size_t)(dots - text) >= sizeof(first)) {
        return false;
    }
    memcpy(first, text, (size_t)(dots - text));
    first[dots - text] = '\0';
    a->has_end = dots[2] != '\0';
    return parse_number(first, &a->first) &&
           (!a->has_end || (parse_number(dots + 2, &a->last) && a->last >= a->first));
}

static bool parse_size(const char *text, struct sim_size *ret)
{
    uint64_t count = 0;
    if (strcmp(text, "mix") == 0) {
        *ret = (struct sim_size){.is_ensemble = true};
        return true;
    }
    if (!parse_number(text, &count) || count == 0 || count > RK_SIM_NODES_MAX) {
        return false;
    }
    *ret = (struct sim_size){.is_ensemble = count > 1, .count = (uint32_t)count};
    return true;
}

#ifdef RK_BUGS
static const struct {
    const char *name, *where, *issue, *text;
} bugs[] = {
#define BUG_ROW(name, where, issue, text) {#name, #where, issue, text},
    RK_BUG_TABLE(BUG_ROW)
#undef BUG_ROW
};

static bool take_bug(const char *name)
{
    for (uint32_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++) {
        if (strcmp(bugs[i].name, name) == 0) {
            rk_bug_active = i + 1;
            return true;
        }
    }
    return false;
}

static int list_bugs(void)
{
    for (uint32_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++) {
        printf("%s\t%s\t%s\t%s\n", bugs[i].name, bugs[i].where, bugs[i].issue, bugs[i].text);
    }
    return 0;
}
#endif

/* False: not understood. */
static bool parse_option(struct args *a, const char *name, const char *value)
{
    uint64_t number = 0;
    bool is_number = value != NULL && parse_number(value, &number);
    if (strcmp(name, "--seeds") == 0) {
        return value != NULL && parse_range(value, a);
    }
    if (strcmp(name, "--recipe") == 0) {
        a->recipe = value;
        a->is_one = true;
        return value != NULL;
    }
    if (strcmp(name, "--shrink") == 0) {
        a->shrink_to = value;
        return value != NULL;
    }
    if (strcmp(name, "--nodes") == 0) {
        return value != NULL && parse_size(value, &a->size);
    }
    if (strcmp(name, "--folder") == 0) {
        a->folder = value;
        return value != NULL;
    }
#ifdef RK_BUGS
    if (strcmp(name, "--bug") == 0) {
        return value != NULL && take_bug(value);
    }
#endif
    if (!is_number) {
        return false;
    }
    if (strcmp(name, "--seed") == 0 || strcmp(name, "--point") == 0) {
        a->is_one = true;
        a->is_enumeration = strcmp(name, "--point") == 0;
        a->first = number;
        return true;
    }
    if (strcmp(name, "--jobs") == 0) {
        a->jobs = (uint32_t)number;
        return number > 0 && number <= 64;
    }
    a->seconds = (uint32_t)number;
    return strcmp(name, "--time") == 0 && number > 0;
}

static bool parse(int argc, char **argv, struct args *a)
{
    *a =
        (struct args){.first = 1, .last = SEEDS_DEFAULT, .has_end = true, .jobs = 1, .folder = "."};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            a->has_trace = true;
        } else if (strcmp(argv[i], "--stop") == 0) {
            a->stops = true;
        } else if (strcmp(argv[i], "--enumerate") == 0) {
            a->is_enumeration = true;
        } else if (parse_option(a, argv[i], i + 1 < argc ? argv[i + 1] : NULL)) {
            i++;
        } else {
            return false;
        }
    }
    return a->has_end || a->seconds > 0;
}

/* -- Campaigns -- */

static void seed_options(void *ctx, uint64_t index, struct sim_options *ret, char *ret_replay,
                         size_t room)
{
    const struct args *a = ctx;
    char nodes[16];
    rk_sim_seed_options(a->first + index, &a->size, ret);
    (void)snprintf(nodes, sizeof(nodes), a->size.count == 0 ? "mix" : "%u", a->size.count);
    (void)snprintf(ret_replay, room, "--seed %" PRIu64 "%s%s", a->first + index,
                   a->size.is_ensemble ? " --nodes " : "", a->size.is_ensemble ? nodes : "");
}

static void print_marks(const struct sim_stats *s)
{
    for (uint32_t i = 0; i < SIM_MARK_COUNT; i++) {
        printf("%12" PRIu64 "  %s\n", s->marks[i], rk_sim_mark_text((enum sim_mark)i));
    }
}

static uint32_t check_marks(const struct sim_stats *s, bool is_ensemble)
{
    uint32_t missed = 0;
    for (uint32_t i = 0; i < SIM_MARK_COUNT; i++) {
        if (s->marks[i] == 0 && rk_sim_mark_is_of_ensemble((enum sim_mark)i) == is_ensemble &&
            !rk_sim_mark_is_seldom((enum sim_mark)i)) {
            printf("FAIL mark %s was never hit: %s\n", rk_sim_mark_name((enum sim_mark)i),
                   rk_sim_mark_text((enum sim_mark)i));
            missed++;
        }
    }
    return missed;
}

static void print_summary(const struct sim_campaign *campaign, const struct sim_tally *t)
{
    const struct sim_stats *s = &t->stats;
    double hours = (double)s->simulated_us / 3.6e9;
    double minutes = t->cpu_s / 60;
    printf("%" PRIu64 " runs (%s), %" PRIu64 " of them twice with the same trace; %.1f simulated "
           "hours, %.1f s, %.1f CPU s\n",
           t->passed + t->failed, campaign->what, t->compared, hours, t->wall_s, t->cpu_s);
    printf("per CPU minute: %.0f runs, %.1f simulated hours; per CPU second: %.0f events, %.0f "
           "steps of the core\n",
           (double)(t->passed + t->failed) / minutes, hours / minutes, (double)s->events / t->cpu_s,
           (double)s->steps / t->cpu_s);
    printf("%" PRIu64 " requests, %" PRIu64 " replies, %" PRIu64 " watch events, %" PRIu64
           " transactions, %" PRIu64 " snapshots, %" PRIu64 " disk calls\n",
           s->requests, s->replies, s->watch_events, s->txns, s->snapshots, s->disk_calls);
    printf("%" PRIu64 " crashes, %" PRIu64 " of them at a disk call, and %" PRIu64
           " other outcomes of them\n",
           s->crashes, s->crash_points, s->probes);
}

static int finish(const struct sim_campaign *campaign, const struct sim_tally *t, bool has_marks,
                  bool is_ensemble)
{
    uint64_t passed = t->passed;
    uint64_t failed = t->failed;
    print_marks(&t->stats);
    if (has_marks) {
        uint32_t missed = check_marks(&t->stats, is_ensemble);
        passed += SIM_MARK_COUNT - missed;
        failed += missed;
    }
    print_summary(campaign, t);
    printf("%" PRIu64 " passed, %" PRIu64 " failed, 0 skipped\n", passed, failed);
    return failed == 0 && t->passed > 0 ? 0 : 1;
}

static int run_seeds(const struct args *a)
{
    struct args args = *a;
    struct sim_tally tally;
    struct sim_campaign campaign = {.what = "seed",
                                    .count = a->has_end ? a->last - a->first + 1 : UINT64_MAX / 2,
                                    .options_of = seed_options,
                                    .ctx = &args,
                                    .jobs = a->jobs,
                                    .seconds = a->seconds,
                                    .twice_every = TWICE_EVERY,
                                    .stops_at_failure = a->stops,
                                    .trace_folder = a->folder};
    rk_sim_campaign_run(&campaign, &tally);
    return finish(&campaign, &tally, tally.passed + tally.failed >= SEEDS_FOR_MARKS,
                  a->size.is_ensemble);
}

static int run_points(const struct args *a, void *points, uint64_t count,
                      void (*options_of)(void *ctx, uint64_t index, struct sim_options *ret,
                                         char *ret_replay, size_t room))
{
    struct sim_tally tally;
    struct sim_campaign campaign = {.what = "crash point",
                                    .count = count,
                                    .options_of = options_of,
                                    .ctx = points,
                                    .jobs = a->jobs,
                                    .seconds = a->seconds,
                                    .stops_at_failure = a->stops,
                                    .trace_folder = a->folder};
    rk_sim_campaign_run(&campaign, &tally);
    return finish(&campaign, &tally, false, false);
}

static int run_enumeration(const struct args *a)
{
    int status = 0;
    if (a->size.is_ensemble) {
        struct sim_scene_points *points = rk_sim_scene_points_create();
        status =
            run_points(a, points, rk_sim_scene_points_count(points), rk_sim_scene_point_options);
        rk_sim_scene_points_destroy(points);
    } else {
        struct sim_points *points = rk_sim_points_create();
        status = run_points(a, points, rk_sim_points_count(points), rk_sim_point_options);
        rk_sim_points_destroy(points);
    }
    return status;
}

/* False: there are not so many. */
static bool read_point(const struct args *a, struct sim_options *ret)
{
    char unused[200];
    uint64_t count = 0;
    if (a->size.is_ensemble) {
        struct sim_scene_points *points = rk_sim_scene_points_create();
        count = rk_sim_scene_points_count(points);
        if (a->first < count) {
            rk_sim_scene_point_options(points, a->first, ret, unused, sizeof(unused));
        }
        rk_sim_scene_points_destroy(points);
    } else {
        struct sim_points *points = rk_sim_points_create();
        count = rk_sim_points_count(points);
        if (a->first < count) {
            rk_sim_point_options(points, a->first, ret, unused, sizeof(unused));
        }
        rk_sim_points_destroy(points);
    }
    if (a->first >= count) {
        (void)fprintf(stderr, "there are %" PRIu64 " points\n", count);
    }
    return a->first < count;
}

static bool read_recipe(const char *path, struct sim_options *ret)
{
    char why[200] = "it cannot be opened";
    FILE *in = fopen(path, "r");
    bool is_ok = in != NULL && rk_sim_recipe_read(in, ret, why, sizeof(why));
    if (in != NULL) {
        (void)fclose(in);
    }
    if (!is_ok) {
        (void)fprintf(stderr, "%s: %s\n", path, why);
    }
    return is_ok;
}

static int run_one(const struct args *a)
{
    struct sim_options options;
    if (a->recipe != NULL) {
        if (!read_recipe(a->recipe, &options)) {
            return 2;
        }
    } else if (a->is_enumeration) {
        if (!read_point(a, &options)) {
            return 2;
        }
    } else {
        rk_sim_seed_options(a->first, &a->size, &options);
    }
    if (a->shrink_to != NULL) {
        return rk_sim_shrink(&options, a->shrink_to, SHRINK_TRIES);
    }
    return rk_sim_campaign_one(&options, a->has_trace ? stdout : NULL);
}

int main(int argc, char **argv)
{
    struct args a;
#ifdef RK_BUGS
    if (argc == 2 && strcmp(argv[1], "--bugs") == 0) {
        return list_bugs();
    }
#endif
    if (!parse(argc, argv, &a)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    rk_sim_campaign_init();
    if (a.is_one) {
        return run_one(&a);
    }
    return a.is_enumeration ? run_enumeration(&a) : run_seeds(&a);
}
