/* lock and elect: a program that runs only while a lock is held or leadership lasts. Both stand on
 * the recipes (rookery/recipes.h) with a session of their own; a leader is who holds the lock of
 * all candidates, laid out as Curator's LeaderLatch lays it out. */
#include "cli/cli_int.h"
#include "cli/out.h"
#include "cli/x_base.h"
#include "cli/x_run.h"
#include "cli/x_table.h"

#include <inttypes.h>
#include <rookery/recipes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_MS = 250, LOST_EXIT = 75, DOUBT_MS = 2000 };

/* What the recipes' threads tell the main thread. */
struct news {
    struct rk_cli *cli;
    atomic_bool is_lost, is_unsure;
};

struct held {
    struct rk_cli *cli;
    struct rk_keeper *keeper;
    struct rk_lock *lock;
    struct rk_latch *latch;
    struct news news;
    int64_t token;
    uint64_t generation; /* of the session that holds it */
    int64_t doubt_ms;    /* since when a connected latch does not lead; 0: it does */
    int grace_ms;
    bool ends_when_unsure;
};

static void on_lock(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context)
{
    (void)lock;
    (void)token;
    struct news *news = context;
    atomic_store(&news->is_unsure, hold == RK_HOLD_UNSURE);
    if (hold == RK_HOLD_LOST)
        atomic_store(&news->is_lost, true);
    rk_cli_wake(news->cli);
}

static void on_latch(struct rk_latch *latch, bool is_leader, int64_t token, void *context)
{
    (void)latch;
    (void)token;
    struct news *news = context;
    /* A latch says "no" for a suspended connection, too; the token tells them apart later. */
    atomic_store(&news->is_unsure, !is_leader);
    rk_cli_wake(news->cli);
}

/* The library's log is for --debug. */
static void log_nothing(const char *message)
{
    (void)message;
}

/* In slices, for the sake of Ctrl-C. */
static int wait_connected(struct held *h, int wait_ms)
{
    int64_t until = rk_cli_now_ms() + wait_ms;
    int rc;
    do {
        rc = rk_keeper_wait(h->keeper, wait_ms < SLICE_MS ? wait_ms : SLICE_MS);
        if (rk_cli_is_stopped(h->cli))
            return RK_CLI_STOPPED;
    } while (rc == ZOPERATIONTIMEOUT && rk_cli_now_ms() < until);
    return rk_cli_fail(h->cli, rc == ZOPERATIONTIMEOUT ? ZCONNECTIONLOSS : rc, NULL);
}

static int open_keeper(struct held *h)
{
    const struct rk_cli_options *options = rk_cli_options(h->cli);
    struct rk_keeper_options keeper;
    rk_keeper_options_init(&keeper);
    keeper.session.session_timeout_ms = options->timeout_ms;
    keeper.session.request_timeout_ms = options->request_ms;
    if (!options->is_debug)
        keeper.session.log = log_nothing;
    int rc = rk_keeper_open(options->server, &keeper, &h->keeper);
    if (rc != ZOK)
        return rk_cli_fail(h->cli, rc, NULL);
    for (int i = 0; i < h->cli->auth_count; i++) {
        const struct rk_cli_auth *auth = &h->cli->auths[i];
        rc = rk_keeper_add_auth(h->keeper, auth->scheme, auth->auth, auth->bytes);
        if (rc != ZOK)
            return rk_cli_fail(h->cli, rc, NULL);
    }
    return wait_connected(h, options->wait_ms);
}

/* A lock's place in the queue is given up at the end of a try, so a lock is waited for in one try,
 * on a thread of its own, and Ctrl-C closes the lock under it. */
struct wait {
    struct held *held;
    int timeout_ms, rc;
    atomic_bool is_over;
};

static void *wait_on_thread(void *context)
{
    struct wait *w = context;
    w->rc = rk_lock_acquire(w->held->lock, w->timeout_ms, &w->held->token);
    atomic_store(&w->is_over, true);
    rk_cli_wake(w->held->cli);
    return NULL;
}

/* Closing wakes the waiter with ZCLOSING. */
static void close_what_is_held(struct held *h)
{
    struct rk_lock *lock = h->lock;
    struct rk_latch *latch = h->latch;
    h->lock = NULL;
    h->latch = NULL;
    (void)rk_lock_close(lock);   /* releases; what cannot be released dies with the session */
    (void)rk_latch_close(latch); /* the same */
}

/* Closing a lock wakes who waits in it, but nobody may come to it afterwards: while the thread is
 * in its try, a second one is refused. */
static void end_wait(struct wait *w)
{
    while (!atomic_load(&w->is_over) && rk_lock_acquire(w->held->lock, 0, NULL) != ZINVALIDSTATE)
        continue;
    close_what_is_held(w->held);
}

static int wait_for_lock(struct held *h, int timeout_ms)
{
    struct wait w = {.held = h, .timeout_ms = timeout_ms};
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_on_thread, &w) != 0)
        return ZSYSTEMERROR;
    while (!atomic_load(&w.is_over) && rk_cli_wait(h->cli, 1000) != RK_CLI_INTERRUPTED)
        continue;
    bool is_stopped = rk_cli_is_stopped(h->cli);
    if (is_stopped)
        end_wait(&w);
    (void)pthread_join(thread, NULL);
    return is_stopped ? RK_CLI_CUT : w.rc;
}

/* A latch keeps its place however often it is looked at. */
static int wait_for_latch(struct held *h, int timeout_ms)
{
    int64_t until = rk_cli_now_ms() + timeout_ms;
    while (!rk_latch_is_leader(h->latch, &h->token)) {
        int64_t left = timeout_ms < 0 ? SLICE_MS : until - rk_cli_now_ms();
        if (rk_cli_is_stopped(h->cli))
            return RK_CLI_CUT;
        if (left <= 0)
            return ZOPERATIONTIMEOUT;
        (void)rk_cli_wait(h->cli, left < SLICE_MS ? (int)left : SLICE_MS);
    }
    return ZOK;
}

static int wait_for_it(struct held *h, int timeout_ms, const char *path)
{
    int rc = h->lock != NULL ? wait_for_lock(h, timeout_ms) : wait_for_latch(h, timeout_ms);
    if (rc == ZOPERATIONTIMEOUT)
        return rk_cli_error(h->cli, "%s: not had in time", path);
    return rk_cli_fail(h->cli, rc, path);
}

/* Whether what we hold is gone for good; unsure counts if it was asked for. */
static bool is_gone(struct held *h)
{
    if (atomic_load(&h->news.is_lost))
        return true;
    bool is_unsure = atomic_load(&h->news.is_unsure);
    if (is_unsure && h->ends_when_unsure)
        return true;
    if (h->lock != NULL)
        return rk_lock_state(h->lock) == RK_HOLD_LOST;
    /* A new session, or leadership of another term: the old one is over. */
    int64_t token = 0;
    if (rk_latch_is_leader(h->latch, &token))
        return token != h->token;
    if (rk_keeper_generation(h->keeper) != h->generation)
        return true;
    /* Connected again, the latch looks for its node and leads again with the same token, unless it
     * is gone; that takes a moment. */
    if (!is_unsure || rk_keeper_link(h->keeper) != RK_LINK_CONNECTED) {
        h->doubt_ms = 0;
        return false;
    }
    int64_t now = rk_x_clock_ms();
    if (h->doubt_ms == 0)
        h->doubt_ms = now;
    return now - h->doubt_ms > DOUBT_MS;
}

static int run_held(struct held *h, const struct rk_cli_args *args, const char *path)
{
    char *token = rk_x_format("ROOKERY_TOKEN=%" PRId64, h->token);
    char *where = rk_x_format("ROOKERY_PATH=%s", path);
    char *servers = rk_x_format("ROOKERY_SERVER=%s", rk_cli_options(h->cli)->server);
    char *const env[] = {token, where, servers, NULL};
    struct rk_x_run run;
    int status = RK_CLI_FAILED;
    h->cli->emitted++; /* what is printed is the command's */
    if (rk_x_run_start(h->cli, args->values + 1, env, NULL, 0, &run)) {
        bool is_lost = false, is_stopped = false;
        while (!rk_x_run_is_over(&run) && !is_lost && !is_stopped) {
            is_stopped = rk_cli_wait(h->cli, SLICE_MS) == RK_CLI_INTERRUPTED;
            is_lost = is_gone(h);
        }
        is_lost = is_lost && !rk_x_run_is_over(&run);
        status = rk_x_run_stop(&run, h->grace_ms);
        if (is_lost) {
            (void)rk_cli_error(h->cli, "%s: lost, the command was ended", path);
            status = LOST_EXIT;
        }
    }
    free(token);
    free(where);
    free(servers);
    return status;
}

static bool read_flags(struct rk_cli *cli, const struct rk_cli_args *args, struct held *h,
                       int *ret_timeout_ms)
{
    int64_t grace, timeout = -1;
    int sign;
    const char *wait = rk_cli_flag(args, "wait", NULL);
    if (wait != NULL &&
        (!rk_x_parse_age(wait, &sign, &timeout) || sign != 0 || timeout > INT32_MAX)) {
        (void)rk_cli_misuse(cli, "-wait takes a time, like 10s, 500ms or 0");
        return false;
    }
    if (!rk_cli_flag_number(cli, args, "grace", 0, 3600000, 5000, &grace))
        return false;
    h->grace_ms = (int)grace;
    h->ends_when_unsure = rk_cli_has(args, "strict");
    *ret_timeout_ms = (int)timeout;
    return true;
}

static char *own_name(void)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0'; /* a name is for people only */
    return rk_x_format("%s:%d", host, (int)getpid());
}

static int run_with(struct rk_cli *cli, const struct rk_cli_args *args, bool is_election)
{
    struct held h = {.cli = cli, .news = {.cli = cli}};
    int timeout_ms;
    if (!read_flags(cli, args, &h, &timeout_ms))
        return RK_CLI_USAGE;
    const char *path = rk_cli_arg(args, 0);
    char *name = own_name();
    const char *id = rk_cli_flag(args, "id", name);
    int status = open_keeper(&h);
    if (status == RK_CLI_OK) {
        struct rk_lock_options options = {
            .on_change = on_lock, .context = &h.news, .data = id, .data_bytes = (int)strlen(id)};
        int rc = is_election ? rk_latch_open(h.keeper, path, id, on_latch, &h.news, &h.latch)
                             : rk_lock_open(h.keeper, path, &options, &h.lock);
        status = rc == ZOK ? wait_for_it(&h, timeout_ms, path) : rk_cli_fail(cli, rc, path);
    }
    if (status == RK_CLI_OK) {
        /* Told "not the leader" before it became one. */
        if (is_election && rk_latch_is_leader(h.latch, NULL))
            atomic_store(&h.news.is_unsure, false);
        h.generation = rk_keeper_generation(h.keeper);
        status = run_held(&h, args, path);
    }
    close_what_is_held(&h);
    (void)rk_keeper_close(h.keeper); /* nothing of it is open any more */
    free(name);
    return status;
}

static int run_lock(struct rk_cli *cli, const struct rk_cli_args *args)
{
    return run_with(cli, args, false);
}

static int run_elect(struct rk_cli *cli, const struct rk_cli_args *args)
{
    return run_with(cli, args, true);
}

static const struct rk_cli_flag held_flags[] = {
    {"wait", "time", "give up after this long (10s, 500ms, 0: do not wait)", RK_CLI_ANY, 0},
    {"grace", "ms", "between TERM and KILL when the command is ended (5000)", RK_CLI_ANY, 0},
    {"strict", NULL, "end the command as soon as the connection is lost", RK_CLI_ANY, 0},
    {"id", "text", "who we are, for others to read (host:pid)", RK_CLI_ANY, 0},
    {NULL, NULL, NULL, RK_CLI_ANY, 0}};

#define WHILE_HELD                                                                                 \
    "The command gets ROOKERY_TOKEN (a number that grows with every holder: hand it along with "   \
    "whatever is changed, and refuse smaller ones there), ROOKERY_PATH and ROOKERY_SERVER. Its "   \
    "exit code is passed through. If the hold is lost, the command and all of its process group "  \
    "get "                                                                                         \
    "TERM and then KILL, and the exit code is 75. While the connection is lost the hold usually "  \
    "still stands and the command goes on, unless -strict is given. Exit code 1: not had in time."

const struct rk_cli_command rk_cli_cmd_lock = {
    .name = "lock",
    .usage = "[-wait time] [-grace ms] [-strict] [-id text] path -- command [argument ...]",
    .summary = "run a command while holding a lock",
    .help = "The lock is that of Curator's InterProcessMutex and fair. " WHILE_HELD,
    .flags = held_flags,
    .args = "p-",
    .args_min = 2,
    .args_max = -1,
    .traits = RK_CLI_OFFLINE,
    .run = run_lock,
};

const struct rk_cli_command rk_cli_cmd_elect = {
    .name = "elect",
    .usage = "[-wait time] [-grace ms] [-strict] [-id text] path -- command [argument ...]",
    .summary = "run a command while elected leader",
    .help = "Stands for election as Curator's LeaderLatch does. " WHILE_HELD,
    .flags = held_flags,
    .args = "p-",
    .args_min = 2,
    .args_max = -1,
    .traits = RK_CLI_OFFLINE,
    .run = run_elect,
};
