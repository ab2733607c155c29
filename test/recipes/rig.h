/* What the recipe cases share: checks that say where they failed, keepers, and sessions that can be
 * ended from outside. A case is a function; it runs against a server that is given by its address.
 */
#ifndef RIG_H
#define RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rookery/recipes.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            rig_fail(__FILE__, __LINE__, #condition, 0, 0);                                        \
        }                                                                                          \
    } while (0)
#define CHECK_RC(wanted, call)                                                                     \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_ != (wanted)) {                                                                     \
            rig_fail(__FILE__, __LINE__, #call, (wanted), rc_);                                    \
        }                                                                                          \
    } while (0)
/* Until it holds, up to ten seconds. */
#define CHECK_SOON(condition)                                                                      \
    do {                                                                                           \
        int64_t until_ = rig_now_ms() + 10000;                                                     \
        while (!(condition) && rig_now_ms() < until_) {                                            \
            usleep(5000);                                                                          \
        }                                                                                          \
        CHECK(condition);                                                                          \
    } while (0)

struct rig {
    const char *hosts;
    const char *name;
    char root[128]; /* of the case, empty at its start */
    struct rk_keeper *a;
    struct rk_keeper *b;
};

void rig_fail(const char *file, int line, const char *text, int wanted, int got)
    __attribute__((noreturn));
int64_t rig_now_ms(void);
/* root/name; one of a few static buffers. */
const char *rig_path(struct rig *rig, const char *name);
struct rk_keeper *rig_keeper(struct rig *rig, int session_timeout_ms);
/* Ends the session at the server behind the keeper's back, as an expiry does: a second handle takes
 * it over and closes it. Returns when the keeper has noticed. */
void rig_end_session(struct rk_keeper *keeper);
/* Takes the server away from the keeper, and gives it back; the session lives for a while. Return
 * when the keeper has noticed. */
void rig_disconnect(struct rk_keeper *keeper);
void rig_reconnect(struct rk_keeper *keeper);
/* Runs fn on a thread. */
struct rig_thread {
    pthread_t thread;
    int (*fn)(void *);
    void *arg;
    int rc;
    _Atomic bool is_done;
};
void rig_start(struct rig_thread *thread, int (*fn)(void *), void *arg);
int rig_join(struct rig_thread *thread);
/* By way of a handle of keeper. */
void rig_create(struct rk_keeper *keeper, const char *path, const char *data);
void rig_set(struct rk_keeper *keeper, const char *path, const char *data);
void rig_delete(struct rk_keeper *keeper, const char *path);
int rig_child_count(struct rk_keeper *keeper, const char *path);
/* First child whose name contains text; malloced, NULL: none. */
char *rig_child(struct rk_keeper *keeper, const char *path, const char *text);

struct rig_case {
    const char *name;
    void (*fn)(struct rig *rig);
};
extern const struct rig_case lock_cases[];
extern const struct rig_case leader_cases[];
extern const struct rig_case sync_cases[];
extern const struct rig_case group_cases[];
extern const struct rig_case cache_cases[];

#endif
