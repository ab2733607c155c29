/* Waiting: one poll for the wake-up of other threads, signals, a file and a time; Ctrl-C; other
 * programs. A signal is a flag and a wake-up, no more. */
#include "cli/cli_int.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The shell whose signals are caught: a process has one. */
static struct rk_cli *signalled;

int64_t rk_cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rk_cli_wake(struct rk_cli *cli)
{
    uint64_t one = 1;
    int saved = errno;
    /* A full counter is as good: it wakes as well. */
    if (write(cli->wake_fd, &one, sizeof one) < 0)
        (void)0;
    errno = saved;
}

static void on_signal(int signal)
{
    /* A second Ctrl-C ends a program that does not listen to the first; the interactive shell
     * gives its own answer. */
    if (signalled->stop_signal && !signalled->options.is_interactive)
        _exit(128 + signal);
    if (signalled->stop_signal == 0 || signal != SIGINT)
        signalled->stop_signal = signal;
    rk_cli_wake(signalled);
}

void rk_cli_catch_signals(struct rk_cli *cli)
{
    struct sigaction action;

    signalled = cli;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

bool rk_cli_is_stopped(const struct rk_cli *cli)
{
    return cli->stop_signal != 0 || cli->is_output_gone;
}

bool rk_cli_poll(struct rk_cli *cli, int fd, int timeout_ms)
{
    struct pollfd files[2] = {{cli->wake_fd, POLLIN, 0}, {fd, POLLIN, 0}};
    int ready = poll(files, fd >= 0 ? 2 : 1, timeout_ms);

    if (ready > 0 && files[0].revents) {
        uint64_t count;
        if (read(cli->wake_fd, &count, sizeof count) < 0)
            count = 0;
    }
    return ready > 0 && fd >= 0 && files[1].revents;
}

enum rk_cli_wait rk_cli_wait(struct rk_cli *cli, int timeout_ms)
{
    struct pollfd file = {cli->wake_fd, POLLIN, 0};

    rk_cli_flush(cli);
    rk_cli_drain_events(cli);
    if (rk_cli_is_stopped(cli))
        return RK_CLI_INTERRUPTED;
    if (poll(&file, 1, timeout_ms) > 0) {
        uint64_t count;
        if (read(cli->wake_fd, &count, sizeof count) < 0)
            count = 0;
        rk_cli_drain_events(cli);
        return rk_cli_is_stopped(cli) ? RK_CLI_INTERRUPTED : RK_CLI_WOKEN;
    }
    return rk_cli_is_stopped(cli) ? RK_CLI_INTERRUPTED : RK_CLI_TIMED_OUT;
}

static void run_child(char *const argv[])
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    execvp(argv[0], argv);
    _exit(errno == ENOENT ? 127 : 126);
}

int rk_cli_spawn(struct rk_cli *cli, char *const argv[])
{
    struct sigaction ignore, before_int, before_quit;
    int status = 0;
    pid_t child, ended;

    rk_cli_flush(cli);
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGINT, &ignore, &before_int);
    sigaction(SIGQUIT, &ignore, &before_quit);
    child = fork();
    if (child == 0)
        run_child(argv);
    do {
        ended = child > 0 ? waitpid(child, &status, 0) : -1;
    } while (ended < 0 && child > 0 && errno == EINTR);
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGQUIT, &before_quit, NULL);
    if (ended < 0) {
        rk_cli_error(cli, "%s: %s", argv[0], strerror(errno));
        return -1;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
