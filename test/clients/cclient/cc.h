/* Shared by the cases of the C client test: clients, event queues, completions and checks. */
#ifndef CC_H
#define CC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef THREADED
#error "the synchronous calls of zookeeper.h need -DTHREADED"
#endif
#include <zookeeper/zookeeper.h>

/* How long anything that must happen may take before the case fails. */
#define CC_PATIENCE_MS     20000
#define CC_SESSION_MS      20000
#define CC_EVENTS_MAX      256
#define CC_PATH_BYTES_MAX  256
#define CC_VALUE_BYTES_MAX 4096

struct cc_case {
    const char *name;
    void (*run)(void);
};

extern const struct cc_case cc_cases_node[];
extern const struct cc_case cc_cases_acl[];
extern const struct cc_case cc_cases_async[];
extern const struct cc_case cc_cases_multi[];
extern const struct cc_case cc_cases_watch[];
extern const struct cc_case cc_cases_session[];

/* Where the server is: directly, and through the forwarder that the driver can cut and heal. */
extern const char *cc_hosts;
extern const char *cc_hosts_forwarded;
extern const char *cc_program;

/* Asks the driver for something ("restart", "cut", "heal") and returns when it is done. */
void cc_ask(const char *what);

/* Records why the running case failed; only the first reason counts. */
void cc_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool cc_has_failed(void);

/* A queue of watch events, written as "changed /a", filled by cc_watch() with it as context. */
struct cc_events;
struct cc_events *cc_events_create(void);
void cc_watch(zhandle_t *zh, int type, int state, const char *path, void *context);
/* Waits until `count` events are there; false if they do not come. */
bool cc_events_wait(struct cc_events *events, size_t count);
/* Takes all events out and joins them with "; ". The text lives until the next call. */
const char *cc_events_take(struct cc_events *events);

/* A connected client with its own session; session events and watch events are kept apart. */
struct cc_client {
    zhandle_t *zh;
    struct cc_events *states;
    struct cc_events *watches;
};
struct cc_client *cc_open_at(const char *hosts, int timeout_ms, const clientid_t *id);
struct cc_client *cc_open(void);
bool cc_wait_state(struct cc_client *client, int state);
/* Closes the session on the server. False if the server did not confirm it. */
bool cc_close(struct cc_client *client);
/* Returns once everything the server sent before now went through the completion thread. */
bool cc_fence(struct cc_client *client);

/* What one completion delivered. One object serves every kind of completion. */
struct cc_result {
    int rc;
    int value_bytes;
    char value[CC_VALUE_BYTES_MAX];
    char path[CC_PATH_BYTES_MAX];
    char children[CC_VALUE_BYTES_MAX]; /* sorted, joined with a blank */
    struct Stat stat;
    int acl_count;
    int acl_perms;
    char acl_scheme[64];
    char acl_id[128];
};
struct cc_wait;
struct cc_wait *cc_wait_create(void);
/* The result of the completion that got this wait as its data; NULL if it does not come. */
const struct cc_result *cc_wait_for(struct cc_wait *wait);
void cc_on_void(int rc, const void *data);
void cc_on_stat(int rc, const struct Stat *stat, const void *data);
void cc_on_data(int rc, const char *value, int value_bytes, const struct Stat *stat,
                const void *data);
void cc_on_strings(int rc, const struct String_vector *strings, const void *data);
void cc_on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                        const void *data);
void cc_on_string(int rc, const char *value, const void *data);
void cc_on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data);
void cc_on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data);

/* Joins names sorted, for comparing; returns text valid until the next call. */
const char *cc_join(const struct String_vector *strings);
/* All eleven fields; the struct has padding, so its bytes cannot be compared. */
bool cc_is_same_stat(const struct Stat *a, const struct Stat *b);
/* zoo_create of a persistent open node without looking at the answer's path. */
int cc_make(struct cc_client *client, const char *path, const char *text);

#define CC_CHECK(condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            cc_fail(__FILE__, __LINE__, "%s does not hold", #condition);                           \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CC_RC(call, expected)                                                                      \
    do {                                                                                           \
        int rc_seen = (call);                                                                      \
        if (rc_seen != (expected)) {                                                               \
            cc_fail(__FILE__, __LINE__, "%s = %d (%s), expected %s", #call, rc_seen,               \
                    zerror(rc_seen), #expected);                                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CC_EQ(seen, expected)                                                                      \
    do {                                                                                           \
        long long eq_seen = (long long)(seen), eq_expected = (long long)(expected);                \
        if (eq_seen != eq_expected) {                                                              \
            cc_fail(__FILE__, __LINE__, "%s = %lld, expected %lld", #seen, eq_seen, eq_expected);  \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#define CC_STR(seen, expected)                                                                     \
    do {                                                                                           \
        const char *str_seen = (seen), *str_expected = (expected);                                 \
        if (strcmp(str_seen, str_expected) != 0) {                                                 \
            cc_fail(__FILE__, __LINE__, "%s is \"%s\", expected \"%s\"", #seen, str_seen,          \
                    str_expected);                                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Everything the client was told so far on this queue, in order, and nothing else. */
#define CC_EVENTS(client, queue, expected)                                                         \
    do {                                                                                           \
        CC_CHECK(cc_fence(client));                                                                \
        CC_STR(cc_events_take(queue), expected);                                                   \
    } while (0)

#endif
