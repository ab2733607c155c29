/* Running somebody else's program beside a session: started, watched, ended.
 *
 * The program has its own process group (and the terminal, if there is one), so that all it started
 * can be ended with it; the kernel ends it (TERM) if rookery-cli dies. Ctrl-Z stops both. */
#ifndef RK_CLI_X_RUN_H
#define RK_CLI_X_RUN_H

#include "cli/cli.h"

#include <pthread.h>
#include <sys/types.h>

struct rk_x_run {
    struct rk_cli *cli;
    pid_t pid; /* 0: none runs */
    pthread_t watcher;
    int terminal; /* what is to be given back, -1: nothing */
    int is_over;  /* atomic: the watcher saw the end */
    int status;   /* as shells have it: 128 + signal */
};

/* argv ends in NULL; env: "NAME=value" in addition to ours, ends in NULL. input: what it reads on
 * its standard input; NULL: our own. False with the reason printed. */
bool rk_x_run_start(struct rk_cli *cli, const char *const argv[], char *const env[],
                    const char *input, int input_bytes, struct rk_x_run *ret_run);
/* True once it has ended; its status is then in run->status. */
bool rk_x_run_is_over(struct rk_x_run *run);
/* Waits for its end. When rookery-cli is told to stop (Ctrl-C, SIGTERM), so is the program. */
int rk_x_run_wait(struct rk_x_run *run);
/* TERM to all of its group, KILL after grace_ms; returns its status. */
int rk_x_run_stop(struct rk_x_run *run, int grace_ms);

#endif
