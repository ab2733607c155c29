/* Test of librookery: the frame that the cases stand in.
 *
 * Usage: cl DIRECT_HOSTS FORWARDED_HOSTS [PART OF A NAME]
 *
 * The program talks with its driver as the one of cclient does: "@what" asks for something, "ok
 * NAME" and "FAIL NAME: why" are results. */
#include "cl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *cl_hosts;
const char *cl_hosts_forwarded;

static pthread_mutex_t failure_lock = PTHREAD_MUTEX_INITIALIZER;
static char failure[1024];

void cl_fail(const char *file, int line, const char *format, ...)
{
    pthread_mutex_lock(&failure_lock);
    if (failure[0] == '\0') {
        const char *base = strrchr(file, '/');
        int used = snprintf(failure, sizeof(failure), "%s:%d: ", base ? base + 1 : file, line);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(failure + used, sizeof(failure) - (size_t)used, format, arguments);
        va_end(arguments);
    }
    pthread_mutex_unlock(&failure_lock);
}

bool cl_has_failed(void)
{
    pthread_mutex_lock(&failure_lock);
    bool has = failure[0] != '\0';
    pthread_mutex_unlock(&failure_lock);
    return has;
}

void cl_ask(const char *what)
{
    char answer[64];
    printf("@%s\n", what);
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) == NULL || strcmp(answer, "done\n") != 0) {
        fprintf(stderr, "the driver did not answer to @%s\n", what);
        exit(2);
    }
}

void cl_cut(void)
{
    cl_ask("cut");
    cl_ask("heal");
}

void cl_sleep_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

int64_t cl_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cl_add(struct cl_count *count, int n)
{
    pthread_mutex_lock(&count->lock);
    count->value += n;
    pthread_cond_broadcast(&count->grown);
    pthread_mutex_unlock(&count->lock);
}

int cl_value(struct cl_count *count)
{
    pthread_mutex_lock(&count->lock);
    int value = count->value;
    pthread_mutex_unlock(&count->lock);
    return value;
}

bool cl_wait_for(struct cl_count *count, int least)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += CL_PATIENCE_MS / 1000;
    pthread_mutex_lock(&count->lock);
    int rc = 0;
    while (count->value < least && rc == 0)
        rc = pthread_cond_timedwait(&count->grown, &count->lock, &at);
    bool is_there = count->value >= least;
    pthread_mutex_unlock(&count->lock);
    return is_there;
}

zhandle_t *cl_open(const char *hosts, const struct rk_options *options)
{
    struct rk_options own;
    rk_options_init(&own);
    own.session_timeout_ms = CL_SESSION_MS;
    zhandle_t *zh = rk_open(hosts, options ? options : &own);
    int rc = zh ? rk_wait_connected(zh, CL_PATIENCE_MS) : ZSYSTEMERROR;
    if (rc != ZOK) {
        fprintf(stderr, "no connection to %s: %s\n", hosts, zerror(rc));
        exit(2);
    }
    return zh;
}

int cl_make(zhandle_t *zh, const char *path, const char *value)
{
    return zoo_create(zh, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                      NULL, 0);
}

const char *cl_fresh(zhandle_t *zh)
{
    static char path[64];
    CL_RC(zoo_create(zh, "/cl-", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path,
                     sizeof(path)),
          ZOK);
    return path;
}

static int run_cases(const struct cl_case *cases, const char *only)
{
    int failed = 0;
    for (; cases->name; cases++) {
        if (only && !strstr(cases->name, only))
            continue;
        failure[0] = '\0';
        cases->run();
        if (cl_has_failed()) {
            printf("FAIL %s: %s\n", cases->name, failure);
            failed++;
        } else {
            printf("ok %s\n", cases->name);
        }
        fflush(stdout);
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s DIRECT_HOSTS FORWARDED_HOSTS [PART OF A NAME]\n", argv[0]);
        return 2;
    }
    cl_hosts = argv[1];
    cl_hosts_forwarded = argv[2];
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    const char *only = argc > 3 ? argv[3] : NULL;
    int failed = run_cases(cl_cases_calls, only) + run_cases(cl_cases_poll, only) +
                 run_cases(cl_cases_close, only) + run_cases(cl_cases_crowd, only) +
                 run_cases(cl_cases_session, only) + run_cases(cl_cases_slow, only);
    return failed ? 1 : 0;
}
