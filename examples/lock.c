/* Runs a command while holding a lock: lock HOSTS [PATH COMMAND [ARGUMENT]...]
 *
 * Prints: locked with token
 *
 * The command finds its fencing token in RK_TOKEN and should hand it to whatever it writes to: a
 * token never falls, so a resource that refuses smaller ones is safe from a holder that was stopped,
 * lost the lock, and does not know it yet. When the lock is lost the command gets SIGTERM. */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rookery/recipes.h>

static _Atomic pid_t child;
static atomic_bool is_lost;

/* Runs on a thread of the lock. */
static void on_change(struct rk_lock *lock, enum rk_hold hold, int64_t token, void *context)
{
    (void)lock;
    (void)context;
    if (hold == RK_HOLD_UNSURE) {
        fprintf(stderr, "lock: connection lost, token %" PRId64 " may be out of date\n", token);
    }
    if (hold == RK_HOLD_LOST) {
        fprintf(stderr, "lock: lost\n");
        atomic_store(&is_lost, true);
        pid_t pid = atomic_load(&child);
        if (pid > 0) {
            kill(pid, SIGTERM);
        }
    }
}

static int run(char **command, int64_t token)
{
    char text[24];
    int status = 0;
    snprintf(text, sizeof(text), "%" PRId64, token);
    setenv("RK_TOKEN", text, 1);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (pid < 0) {
        perror("fork");
        return 1;
    }
    atomic_store(&child, pid);
    if (atomic_load(&is_lost)) { /* before there was a child to be told */
        kill(pid, SIGTERM);
    }
    waitpid(pid, &status, 0);
    atomic_store(&child, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    struct rk_keeper *keeper = NULL;
    struct rk_lock *lock = NULL;
    struct rk_lock_options options = {.on_change = on_change};
    int64_t token = 0;
    int status = 1;

    char *nothing[] = {"true", NULL};

    if (argc != 2 && argc < 4) {
        fprintf(stderr, "usage: lock HOSTS [PATH COMMAND [ARGUMENT]...]\n");
        return 2;
    }
    const char *path = argc > 2 ? argv[2] : "/example-lock";
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    int rc = rk_keeper_open(argv[1], NULL, &keeper);
    if (rc == ZOK) {
        rc = rk_lock_open(keeper, path, &options, &lock);
    }
    if (rc == ZOK) {
        rc = rk_lock_acquire(lock, 60000, &token);
    }
    if (rc == ZOK) {
        printf("locked with token %" PRId64 "\n", token);
        fflush(stdout);
        status = run(argc > 2 ? argv + 3 : nothing, token);
        rc = rk_lock_release(lock); /* ZSESSIONEXPIRED: it was lost meanwhile */
    }
    if (rc != ZOK) {
        fprintf(stderr, "lock: %s\n", zerror(rc));
    }
    rk_lock_close(lock);
    rk_keeper_close(keeper);
    return rc == ZOK ? status : 1;
}
