/* Running somebody else's program; see x_run.h. A thread waits for its end and wakes the main
 * thread, which alone reaps it, so that its pid is never used after it may be another's. */
#include "cli/x_run.h"

#include "cli/out.h"
#include "cli/x_base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 10000, NOT_FOUND = 127, NOT_STARTED = 126 };

static void *watch_end(void *context)
{
    struct rk_x_run *run = context;
    siginfo_t info;
    while (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    __atomic_store_n(&run->is_over, 1, __ATOMIC_RELEASE);
    rk_cli_wake(run->cli);
    return NULL;
}

/* A file without a name that holds the input; -1 with errno. */
static int input_file(const char *input, size_t bytes)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < bytes;) {
        ssize_t n = write(fd, input + at, bytes - at);
        if (n < 0) {
            (void)close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET); /* of a file in memory: cannot fail */
    return fd;
}

static char **join_env(char *const more[])
{
    size_t ours = 0, theirs = 0;
    while (environ[ours] != NULL)
        ours++;
    while (more != NULL && more[theirs] != NULL)
        theirs++;
    char **all = rk_x_alloc((ours + theirs + 1) * sizeof *all);
    /* The first of a name counts for those who look it up. */
    for (size_t i = 0; i < theirs; i++)
        all[i] = more[i];
    for (size_t i = 0; i < ours; i++)
        all[theirs + i] = environ[i];
    return all;
}

/* In the child; nothing but system calls. */
static _Noreturn void become(const char *const argv[], char **env, int input, pid_t parent,
                             int terminal)
{
    static const int signals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGPIPE, SIGQUIT,
                                  SIGCHLD, SIGTTOU, SIGTTIN, SIGTSTP};
    (void)setpgid(0, 0);
    if (terminal >= 0) {
        (void)signal(SIGTTOU, SIG_IGN);
        (void)tcsetpgrp(terminal, getpid());
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)signal(signals[i], SIG_DFL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(NOT_STARTED);
    if (input >= 0)
        (void)dup2(input, STDIN_FILENO);
    (void)execvpe(argv[0], (char *const *)(uintptr_t)argv, env);
    int error = errno;
    const char *why = error == ENOENT ? ": not found\n" : ": cannot be run\n";
    (void)!write(STDERR_FILENO, argv[0], strlen(argv[0]));
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(error == ENOENT ? NOT_FOUND : NOT_STARTED);
}

static void hand_terminal(const struct rk_x_run *run, pid_t group)
{
    if (run->terminal < 0)
        return;
    sigset_t out, old;
    (void)sigemptyset(&out);
    (void)sigaddset(&out, SIGTTOU);
    (void)pthread_sigmask(SIG_BLOCK, &out, &old);
    (void)tcsetpgrp(run->terminal, group);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

bool rk_x_run_start(struct rk_cli *cli, const char *const argv[], char *const env[],
                    const char *input, int input_bytes, struct rk_x_run *run)
{
    *run = (struct rk_x_run){.cli = cli, .terminal = -1};
    int fd = -1;
    if (input != NULL) {
        fd = input_file(input, input_bytes > 0 ? (size_t)input_bytes : 0);
        if (fd < 0) {
            (void)rk_cli_error(cli, "cannot hold the input: %s", strerror(errno));
            return false;
        }
    }
    bool owns_terminal =
        input == NULL && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
    run->terminal = owns_terminal ? STDIN_FILENO : -1;
    char **all = join_env(env);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(argv, all, fd, parent, run->terminal);
    int error = errno;
    free(all);
    if (fd >= 0)
        (void)close(fd); /* nothing is lost with it */
    if (pid < 0) {
        (void)rk_cli_error(cli, "cannot start %s: %s", argv[0], strerror(error));
        return false;
    }
    (void)setpgid(pid, pid); /* either of both comes first */
    run->pid = pid;
    if (pthread_create(&run->watcher, NULL, watch_end, run) == 0)
        return true;
    (void)rk_cli_error(cli, "cannot watch %s: no thread", argv[0]);
    (void)kill(-pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    hand_terminal(run, getpgrp());
    return false;
}

/* As a shell does with its job: what Ctrl-Z has stopped stops us, too, and goes on with us. Without
 * a shell above us we do not stop, and it just goes on. */
static void follow_stop(struct rk_x_run *run)
{
    siginfo_t info = {0};
    if (run->terminal < 0 || waitid(P_PID, (id_t)run->pid, &info, WSTOPPED | WNOHANG) != 0 ||
        info.si_pid == 0)
        return;
    hand_terminal(run, getpgrp());
    /* The rest of our job, if it is a pipe; then this very thread, so that it is not beyond this
     * line before it goes on. */
    struct sigaction ignore, before;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    (void)sigaction(SIGTSTP, &ignore, &before);
    (void)kill(0, SIGTSTP);
    (void)sigaction(SIGTSTP, &before, NULL);
    (void)raise(SIGTSTP);
    hand_terminal(run, run->pid);
    (void)kill(-run->pid, SIGCONT);
}

bool rk_x_run_is_over(struct rk_x_run *run)
{
    if (run->pid == 0)
        return true;
    if (!__atomic_load_n(&run->is_over, __ATOMIC_ACQUIRE)) {
        follow_stop(run);
        return false;
    }
    int status = 0;
    (void)pthread_join(run->watcher, NULL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    run->pid = 0;
    hand_terminal(run, getpgrp());
    if (run->terminal >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
        (void)!write(STDERR_FILENO, "\n", 1); /* behind the ^C that the terminal has shown */
    return true;
}

int rk_x_run_stop(struct rk_x_run *run, int grace_ms)
{
    if (rk_x_run_is_over(run))
        return run->status;
    int64_t until = rk_x_clock_ms() + grace_ms;
    (void)kill(-run->pid, SIGTERM);
    /* A stopped program does not hear of TERM before it goes on. */
    (void)kill(-run->pid, SIGCONT);
    pid_t group = run->pid;
    /* A group lives as long as a member: those that the program started have as much time. */
    while ((!rk_x_run_is_over(run) || kill(-group, 0) == 0) && rk_x_clock_ms() < until)
        rk_x_sleep_ms(5);
    (void)kill(-group, SIGKILL); /* there may be nobody, which is fine */
    while (!rk_x_run_is_over(run))
        rk_x_sleep_ms(5);
    return run->status;
}

int rk_x_run_wait(struct rk_x_run *run)
{
    while (!rk_x_run_is_over(run))
        if (rk_cli_wait(run->cli, 1000) == RK_CLI_INTERRUPTED)
            return rk_x_run_stop(run, GRACE_MS);
    return run->status;
}
