/* Workers are forked; each does every jobs-th run and reports over a pipe, in records of one size:
 * begun, done, failed. The parent starts a new worker where one has died. The wall clock is looked
 * at here and nowhere else in the simulator. */
#include "sim/campaign.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX     64u
#define RUN_SECONDS_MAX 120u
#define TRY_SECONDS_MAX 20u
#define TRACES_MAX      5u
#define TOLD_MAX        20u
#define REPLAY_BYTES    160u

enum report_kind {
    REPORT_BEGUN,
    REPORT_DONE,
    REPORT_FAILED,
};

struct report {
    enum report_kind kind;
    bool was_twice;
    uint64_t index;
    struct sim_stats stats;
    char text[700];
};

struct worker {
    pid_t pid; /* 0: ended */
    int fd;
    uint64_t next;    /* run that a successor begins with */
    uint64_t current; /* begun and not done */
    bool is_running;
    bool has_said; /* why it failed */
    size_t have;
    struct report in;
};

/* Of a worker: where to report. -1: to people. */
static int report_fd = -1;
static uint64_t report_index;

/* -- In a worker -- */

static void send_report(const struct report *r)
{
    const char *at = (const char *)r;
    size_t left = sizeof(*r);
    while (left > 0) {
        ssize_t n = write(report_fd, at, left);
        if (n < 0 && errno != EINTR) {
            _exit(2); /* nobody listens any more */
        }
        at += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
}

_Noreturn void rk_sim_end_badly(const char *text)
{
    if (report_fd < 0) {
        (void)fflush(NULL);
        (void)fprintf(stderr, "FAIL: %s\n", text);
        _exit(1);
    }
    struct report r = {.kind = REPORT_FAILED, .index = report_index};
    (void)snprintf(r.text, sizeof(r.text), "%s", text);
    send_report(&r);
    _exit(1);
}

static void on_fail(const struct sim_world *w, const char *text)
{
    (void)w;
    rk_sim_end_badly(text);
}

static void run_index(const struct sim_campaign *campaign, uint64_t index)
{
    char replay[REPLAY_BYTES];
    struct sim_options options;
    struct sim_result result;
    struct report r = {.kind = REPORT_BEGUN, .index = index};
    report_index = index;
    send_report(&r);
    campaign->options_of(campaign->ctx, index, &options, replay, sizeof(replay));
    (void)alarm(RUN_SECONDS_MAX);
    rk_sim_run(&options, NULL, &result);
    r.kind = REPORT_DONE;
    r.stats = result.stats;
    if (campaign->twice_every > 0 && index % campaign->twice_every == 0) {
        uint64_t hash = result.trace_hash;
        r.was_twice = true;
        rk_sim_run(&options, NULL, &result);
        if (result.trace_hash != hash) {
            rk_sim_end_badly("the same seed took another course the second time");
        }
    }
    send_report(&r);
}

static int64_t now_ms(void)
{
    struct timeval tv;
    (void)gettimeofday(&tv, NULL); /* cannot fail */
    return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static _Noreturn void work(const struct sim_campaign *campaign, uint64_t first, int64_t until_ms)
{
    for (uint64_t i = first; i < campaign->count; i += campaign->jobs) {
        if (until_ms > 0 && now_ms() >= until_ms) {
            break;
        }
        run_index(campaign, i);
    }
    _exit(0);
}

/* -- In the parent -- */

static void start_worker(const struct sim_campaign *campaign, struct worker *w, int64_t until_ms)
{
    int fds[2];
    (void)fflush(NULL); /* or the child prints it again */
    if (pipe(fds) != 0) {
        rk_sim_end_badly("no pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        rk_sim_end_badly("no process");
    }
    if (pid == 0) {
        (void)close(fds[0]);
        report_fd = fds[1];
        work(campaign, w->next, until_ms);
    }
    (void)close(fds[1]);
    *w = (struct worker){.pid = pid, .fd = fds[0], .next = w->next};
}

/* The whole run again, line by line, for whoever looks into it. */
static void write_trace(const struct sim_campaign *campaign, const struct sim_options *options,
                        const char *replay)
{
    char name[300];
    int len = snprintf(name, sizeof(name), "%s/sim%s.trace", campaign->trace_folder, replay + 1);
    for (int i = (int)strlen(campaign->trace_folder); i < len; i++) {
        name[i] = name[i] == ' ' ? '-' : name[i];
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        FILE *out = fopen(name, "w");
        int null_fd = open("/dev/null", O_WRONLY);
        if (out == NULL || null_fd < 0) {
            _exit(1);
        }
        (void)dup2(null_fd, STDOUT_FILENO); /* its failure has been told */
        (void)dup2(null_fd, STDERR_FILENO);
        (void)alarm(RUN_SECONDS_MAX);
        _exit(rk_sim_campaign_one(options, out));
    }
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
        printf("    trace: %s\n", name);
    }
}

static void tell_failure(const struct sim_campaign *campaign, struct sim_tally *tally,
                         uint64_t index, const char *text)
{
    char replay[REPLAY_BYTES];
    struct sim_options options;
    campaign->options_of(campaign->ctx, index, &options, replay, sizeof(replay));
    tally->failed++;
    if (tally->failed > TOLD_MAX) {
        return; /* counted; enough has been said */
    }
    printf("FAIL %s: %s\n    replay: rookery-sim %s --trace\n", replay, text, replay);
    if (tally->failed <= TRACES_MAX && campaign->trace_folder != NULL) {
        write_trace(campaign, &options, replay);
    }
    (void)fflush(stdout);
}

static void take_report(const struct sim_campaign *campaign, struct sim_tally *tally,
                        struct worker *w)
{
    switch (w->in.kind) {
    case REPORT_BEGUN:
        w->current = w->in.index;
        w->is_running = true;
        w->next = w->in.index + campaign->jobs;
        break;
    case REPORT_DONE:
        w->is_running = false;
        tally->passed++;
        tally->compared += w->in.was_twice;
        rk_sim_stats_add(&tally->stats, &w->in.stats);
        break;
    case REPORT_FAILED:
        w->has_said = true;
        w->in.text[sizeof(w->in.text) - 1] = '\0';
        tell_failure(campaign, tally, w->current, w->in.text);
        break;
    }
}

/* False: the worker has ended. */
static bool read_worker(const struct sim_campaign *campaign, struct sim_tally *tally,
                        struct worker *w)
{
    ssize_t n = read(w->fd, (char *)&w->in + w->have, sizeof(w->in) - w->have);
    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n <= 0) {
        return false;
    }
    w->have += (size_t)n;
    if (w->have == sizeof(w->in)) {
        w->have = 0;
        take_report(campaign, tally, w);
    }
    return true;
}

static void bury(const struct sim_campaign *campaign, struct sim_tally *tally, struct worker *w)
{
    int status = 0;
    (void)close(w->fd);
    (void)waitpid(w->pid, &status, 0);
    w->pid = 0;
    if (!w->is_running || w->has_said) {
        return;
    }
    char text[100];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        (void)snprintf(text, sizeof(text), "still running after %u s", RUN_SECONDS_MAX);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, sizeof(text), "ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(text, sizeof(text), "ended with status %d", WEXITSTATUS(status));
    }
    tell_failure(campaign, tally, w->current, text);
}

/* Those that are still at it, each by its own number. */
static void stop_workers(const struct sim_campaign *campaign, struct worker *workers)
{
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        if (workers[i].pid != 0) {
            workers[i].has_said = true; /* it did not fail */
            (void)kill(workers[i].pid, SIGTERM);
        }
    }
}

static double cpu_seconds(void)
{
    struct rusage use;
    (void)getrusage(RUSAGE_CHILDREN, &use); /* cannot fail */
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

void rk_sim_campaign_run(const struct sim_campaign *campaign, struct sim_tally *ret)
{
    struct worker workers[WORKERS_MAX];
    struct pollfd fds[WORKERS_MAX];
    int64_t begin_ms = now_ms();
    int64_t until_ms = campaign->seconds == 0 ? 0 : begin_ms + 1000 * (int64_t)campaign->seconds;
    double cpu_before = cpu_seconds();
    RK_ASSERT(campaign->jobs > 0 && campaign->jobs <= WORKERS_MAX);
    *ret = (struct sim_tally){.passed = 0};
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        workers[i] = (struct worker){.next = i};
        start_worker(campaign, &workers[i], until_ms);
    }
    for (;;) {
        uint32_t alive = 0;
        for (uint32_t i = 0; i < campaign->jobs; i++) {
            fds[i] =
                (struct pollfd){.fd = workers[i].pid == 0 ? -1 : workers[i].fd, .events = POLLIN};
            alive += workers[i].pid != 0;
        }
        if (alive == 0) {
            break;
        }
        (void)poll(fds, campaign->jobs, -1); /* a signal: look again */
        for (uint32_t i = 0; i < campaign->jobs; i++) {
            struct worker *w = &workers[i];
            if (fds[i].revents == 0 || read_worker(campaign, ret, w)) {
                continue;
            }
            bool has_failed = w->is_running;
            bury(campaign, ret, w);
            if (has_failed && w->next < campaign->count && !campaign->stops_at_failure) {
                start_worker(campaign, w, until_ms);
            }
            if (has_failed && campaign->stops_at_failure) {
                stop_workers(campaign, workers);
            }
        }
    }
    ret->wall_s = (double)(now_ms() - begin_ms) / 1000;
    ret->cpu_s = cpu_seconds() - cpu_before;
}

static _Noreturn void run_for_parent(const struct sim_options *options, int fd)
{
    struct sim_result result;
    struct report r = {.kind = REPORT_DONE};
    report_fd = fd;
    (void)alarm(TRY_SECONDS_MAX);
    rk_sim_run(options, NULL, &result);
    send_report(&r);
    _exit(0);
}

bool rk_sim_campaign_fails(const struct sim_options *options, char *ret_text, size_t room)
{
    int fds[2];
    int status = 0;
    struct report r = {.kind = REPORT_BEGUN};
    size_t have = 0;
    (void)fflush(NULL);
    if (pipe(fds) != 0) {
        rk_sim_end_badly("no pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        rk_sim_end_badly("no process");
    }
    if (pid == 0) {
        (void)close(fds[0]);
        run_for_parent(options, fds[1]);
    }
    (void)close(fds[1]);
    while (have < sizeof(r)) {
        ssize_t n = read(fds[0], (char *)&r + have, sizeof(r) - have);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            break;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    (void)close(fds[0]);
    (void)waitpid(pid, &status, 0);
    if (have == sizeof(r) && r.kind == REPORT_DONE) {
        return false;
    }
    r.text[sizeof(r.text) - 1] = '\0';
    (void)snprintf(ret_text, room, "%s", have == sizeof(r) ? r.text : "it ended without a word");
    return true;
}

void rk_sim_campaign_init(void)
{
    rk_sim_set_on_fail(on_fail);
}

int rk_sim_campaign_one(const struct sim_options *options, FILE *trace_out)
{
    struct sim_result result;
    report_fd = -1;
    rk_sim_run(options, trace_out, &result);
    printf("trace hash %016llx, %llu transactions, %llu crashes\n",
           (unsigned long long)result.trace_hash, (unsigned long long)result.stats.txns,
           (unsigned long long)result.stats.crashes);
    (void)fflush(NULL);
    return 0;
}
