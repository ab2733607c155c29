/* Test of librookery: what its cases share. */
#ifndef CL_H
#define CL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rookery/rookery.h>

#define CL_PATIENCE_MS 20000
#define CL_SESSION_MS  10000

extern const char *cl_hosts;           /* the server */
extern const char *cl_hosts_forwarded; /* through a forwarder that can be cut */

struct cl_case {
    const char *name; /* NULL ends the list */
    void (*run)(void);
};
extern const struct cl_case cl_cases_calls[], cl_cases_close[], cl_cases_crowd[], cl_cases_poll[],
    cl_cases_session[], cl_cases_slow[];

void cl_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool cl_has_failed(void);
#define CL_CHECK(cond)                                                                             \
    do {                                                                                           \
        if (!(cond))                                                                               \
            cl_fail(__FILE__, __LINE__, "%s", #cond);                                              \
    } while (0)
#define CL_RC(call, wanted)                                                                        \
    do {                                                                                           \
        int cl_rc = (call), cl_wanted = (wanted);                                                  \
        if (cl_rc != cl_wanted)                                                                    \
            cl_fail(__FILE__, __LINE__, "%s: %s (%d), not %s", #call, zerror(cl_rc), cl_rc,        \
                    zerror(cl_wanted));                                                            \
    } while (0)

/* Asks the driver: "restart", "kill", "start", "cut", "refuse", "heal", "pause", "resume". */
void cl_ask(const char *what);
/* Ends the connections of the forwarder, which then takes new ones. */
void cl_cut(void);

/* A counter that threads wait for. */
struct cl_count {
    pthread_mutex_t lock;
    pthread_cond_t grown;
    int value;
};
#define CL_COUNT                                                                                   \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }
void cl_add(struct cl_count *count, int n);
int cl_value(struct cl_count *count);
/* False after CL_PATIENCE_MS. */
bool cl_wait_for(struct cl_count *count, int least);
void cl_sleep_ms(int ms);
int64_t cl_now_ms(void);

/* A threaded handle that is connected. */
zhandle_t *cl_open(const char *hosts, const struct rk_options *options);
int cl_make(zhandle_t *zh, const char *path, const char *value);
/* A fresh node "/cl-N" for a case. */
const char *cl_fresh(zhandle_t *zh);

#endif
