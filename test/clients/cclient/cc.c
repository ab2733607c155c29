/* Test of the unmodified C client (libzookeeper_mt): the frame that the cases stand in.
 *
 * Usage: cc DIRECT_HOSTS FORWARDED_HOSTS        all cases, one line each
 *        cc --leave HOSTS TIMEOUT_MS PATH       makes an ephemeral and ends without closing
 *
 * The program talks with its driver over stdin and stdout: a line "@what" asks for something that
 * only the driver can do (restart the server, cut the forwarder), one line of answer says it is
 * done. Lines "ok NAME" and "FAIL NAME: why" are results, all else is noise for the log.
 */
#include "cc.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *cc_hosts;
const char *cc_hosts_forwarded;
const char *cc_program;

static char failure[1024];

void cc_fail(const char *file, int line, const char *format, ...)
{
    if (failure[0] != '\0') {
        return;
    }
    const char *base = strrchr(file, '/');
    int used = snprintf(failure, sizeof failure, "%s:%d: ", base ? base + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure + used, sizeof failure - (size_t)used, format, arguments);
    va_end(arguments);
}

bool cc_has_failed(void)
{
    return failure[0] != '\0';
}

void cc_ask(const char *what)
{
    char answer[64];
    printf("@%s\n", what);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL || strcmp(answer, "done\n") != 0) {
        fprintf(stderr, "the driver did not answer to @%s\n", what);
        exit(2);
    }
}

static void *must_have(size_t bytes)
{
    void *block = calloc(1, bytes);
    if (block == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return block;
}

/* A deadline on the clock that pthread_cond_timedwait() uses by default. */
static struct timespec deadline_from_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += CC_PATIENCE_MS / 1000;
    return at;
}

/* ------------------------------------------------------------------------------ event queues */

struct cc_events {
    pthread_mutex_t lock;
    pthread_cond_t grown;
    size_t count;
    char text[CC_EVENTS_MAX][CC_PATH_BYTES_MAX + 32];
};

struct cc_events *cc_events_create(void)
{
    struct cc_events *events = must_have(sizeof *events);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->grown, NULL);
    return events;
}

static const char *type_name(int type)
{
    if (type == ZOO_CREATED_EVENT) {
        return "created";
    }
    if (type == ZOO_DELETED_EVENT) {
        return "deleted";
    }
    if (type == ZOO_CHANGED_EVENT) {
        return "changed";
    }
    if (type == ZOO_CHILD_EVENT) {
        return "child";
    }
    if (type == ZOO_SESSION_EVENT) {
        return "session";
    }
    return type == ZOO_NOTWATCHING_EVENT ? "notwatching" : "unknown";
}

static const char *state_name(int state)
{
    if (state == ZOO_CONNECTED_STATE) {
        return "connected";
    }
    if (state == ZOO_EXPIRED_SESSION_STATE) {
        return "expired";
    }
    if (state == ZOO_AUTH_FAILED_STATE) {
        return "auth-failed";
    }
    if (state == ZOO_CONNECTING_STATE) {
        return "connecting";
    }
    return state == ZOO_ASSOCIATING_STATE ? "associating" : "other";
}

static void add_event(struct cc_events *events, const char *first, const char *second)
{
    pthread_mutex_lock(&events->lock);
    if (events->count < CC_EVENTS_MAX) {
        snprintf(events->text[events->count], sizeof events->text[0], "%s %s", first, second);
        events->count++;
    }
    pthread_cond_broadcast(&events->grown);
    pthread_mutex_unlock(&events->lock);
}

void cc_watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    /* Watchers with a queue of their own are told session events too; only paths matter there. */
    if (type != ZOO_SESSION_EVENT) {
        if (state != ZOO_CONNECTED_STATE) {
            add_event(context, "wrong state with", type_name(type));
        }
        add_event(context, type_name(type), path);
    }
}

static void on_global(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    struct cc_client *client = context;
    if (type == ZOO_SESSION_EVENT) {
        add_event(client->states, "session", state_name(state));
    } else {
        cc_watch(zh, type, state, path, client->watches);
    }
}

bool cc_events_wait(struct cc_events *events, size_t count)
{
    struct timespec until = deadline_from_now();
    int rc = 0;
    pthread_mutex_lock(&events->lock);
    while (events->count < count && rc == 0) {
        rc = pthread_cond_timedwait(&events->grown, &events->lock, &until);
    }
    bool is_there = events->count >= count;
    pthread_mutex_unlock(&events->lock);
    return is_there;
}

const char *cc_events_take(struct cc_events *events)
{
    static char joined[CC_EVENTS_MAX * 64];
    size_t used = 0;
    joined[0] = '\0';
    pthread_mutex_lock(&events->lock);
    for (size_t i = 0; i < events->count && used < sizeof joined - 1; i++) {
        int n = snprintf(joined + used, sizeof joined - used, "%s%s", i == 0 ? "" : "; ",
                         events->text[i]);
        used += (size_t)n;
    }
    events->count = 0;
    pthread_mutex_unlock(&events->lock);
    return joined;
}

/* ------------------------------------------------------------------------------------ clients */

struct cc_client *cc_open_at(const char *hosts, int timeout_ms, const clientid_t *id)
{
    struct cc_client *client = must_have(sizeof *client);
    client->states = cc_events_create();
    client->watches = cc_events_create();
    client->zh = zookeeper_init(hosts, on_global, timeout_ms, id, client, ZOO_NO_LOG_CLIENTENV);
    if (client->zh == NULL) {
        cc_fail(__FILE__, __LINE__, "zookeeper_init(%s) gave no handle", hosts);
    }
    return client;
}

struct cc_client *cc_open(void)
{
    struct cc_client *client = cc_open_at(cc_hosts, CC_SESSION_MS, NULL);
    if (!cc_wait_state(client, ZOO_CONNECTED_STATE)) {
        cc_fail(__FILE__, __LINE__, "no connection to %s", cc_hosts);
    }
    return client;
}

/* Waits for the event of that state, so that a state that came and went is seen too. */
bool cc_wait_state(struct cc_client *client, int state)
{
    char expected[64];
    struct timespec until = deadline_from_now();
    struct cc_events *events = client->states;
    bool is_seen = false;
    int rc = 0;
    snprintf(expected, sizeof expected, "session %s", state_name(state));
    pthread_mutex_lock(&events->lock);
    for (;;) {
        for (size_t i = 0; i < events->count && !is_seen; i++) {
            is_seen = strcmp(events->text[i], expected) == 0;
        }
        if (is_seen || rc != 0) {
            break;
        }
        rc = pthread_cond_timedwait(&events->grown, &events->lock, &until);
    }
    events->count = 0;
    pthread_mutex_unlock(&events->lock);
    return is_seen;
}

bool cc_close(struct cc_client *client)
{
    int rc = zookeeper_close(client->zh);
    client->zh = NULL;
    return rc == ZOK;
}

bool cc_fence(struct cc_client *client)
{
    struct cc_wait *wait = cc_wait_create();
    if (zoo_async(client->zh, "/", cc_on_string, wait) != ZOK) {
        return false;
    }
    const struct cc_result *result = cc_wait_for(wait);
    return result != NULL && result->rc == ZOK;
}

int cc_make(struct cc_client *client, const char *path, const char *text)
{
    return zoo_create(client->zh, path, text, (int)strlen(text), &ZOO_OPEN_ACL_UNSAFE,
                      ZOO_PERSISTENT, NULL, 0);
}

bool cc_is_same_stat(const struct Stat *a, const struct Stat *b)
{
    return a->czxid == b->czxid && a->mzxid == b->mzxid && a->ctime == b->ctime &&
           a->mtime == b->mtime && a->version == b->version && a->cversion == b->cversion &&
           a->aversion == b->aversion && a->ephemeralOwner == b->ephemeralOwner &&
           a->dataLength == b->dataLength && a->numChildren == b->numChildren &&
           a->pzxid == b->pzxid;
}

/* -------------------------------------------------------------------------------- completions */

struct cc_wait {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    struct cc_result result;
};

struct cc_wait *cc_wait_create(void)
{
    struct cc_wait *wait = must_have(sizeof *wait);
    pthread_mutex_init(&wait->lock, NULL);
    pthread_cond_init(&wait->done, NULL);
    return wait;
}

const struct cc_result *cc_wait_for(struct cc_wait *wait)
{
    struct timespec until = deadline_from_now();
    int rc = 0;
    pthread_mutex_lock(&wait->lock);
    while (!wait->is_done && rc == 0) {
        rc = pthread_cond_timedwait(&wait->done, &wait->lock, &until);
    }
    bool is_done = wait->is_done;
    pthread_mutex_unlock(&wait->lock);
    if (!is_done) {
        cc_fail(__FILE__, __LINE__, "a completion did not come");
        return NULL;
    }
    return &wait->result;
}

/* The wait object that a completion got as its const data; the library only passes it along. */
static struct cc_wait *begin(const void *data, int rc)
{
    struct cc_wait *wait = (struct cc_wait *)(uintptr_t)data;
    pthread_mutex_lock(&wait->lock);
    wait->result.rc = rc;
    return wait;
}

static void end(struct cc_wait *wait)
{
    wait->is_done = true;
    pthread_cond_broadcast(&wait->done);
    pthread_mutex_unlock(&wait->lock);
}

void cc_on_void(int rc, const void *data)
{
    end(begin(data, rc));
}

void cc_on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct cc_wait *wait = begin(data, rc);
    if (stat != NULL) {
        wait->result.stat = *stat;
    }
    end(wait);
}

void cc_on_data(int rc, const char *value, int value_bytes, const struct Stat *stat,
                const void *data)
{
    struct cc_wait *wait = begin(data, rc);
    wait->result.value_bytes = value_bytes;
    if (value != NULL && value_bytes > 0 && (size_t)value_bytes < sizeof wait->result.value) {
        memcpy(wait->result.value, value, (size_t)value_bytes);
    }
    if (stat != NULL) {
        wait->result.stat = *stat;
    }
    end(wait);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void join_into(char *out, size_t out_bytes, const struct String_vector *strings)
{
    size_t used = 0;
    size_t count = strings->count > 0 ? (size_t)strings->count : 0;
    const char **names = must_have((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = strings->data[i];
    }
    qsort(names, count, sizeof *names, compare_names);
    out[0] = '\0';
    for (size_t i = 0; i < count && used < out_bytes; i++) {
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", i ? " " : "", names[i]);
    }
    free(names);
}

const char *cc_join(const struct String_vector *strings)
{
    static char joined[CC_VALUE_BYTES_MAX];
    join_into(joined, sizeof joined, strings);
    return joined;
}

void cc_on_strings(int rc, const struct String_vector *strings, const void *data)
{
    cc_on_strings_stat(rc, strings, NULL, data);
}

void cc_on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                        const void *data)
{
    struct cc_wait *wait = begin(data, rc);
    if (strings != NULL) {
        join_into(wait->result.children, sizeof wait->result.children, strings);
    }
    if (stat != NULL) {
        wait->result.stat = *stat;
    }
    end(wait);
}

void cc_on_string(int rc, const char *value, const void *data)
{
    cc_on_string_stat(rc, value, NULL, data);
}

void cc_on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data)
{
    struct cc_wait *wait = begin(data, rc);
    if (value != NULL) {
        snprintf(wait->result.path, sizeof wait->result.path, "%s", value);
    }
    if (stat != NULL) {
        wait->result.stat = *stat;
    }
    end(wait);
}

void cc_on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data)
{
    struct cc_wait *wait = begin(data, rc);
    if (acl != NULL && acl->count > 0) {
        wait->result.acl_count = acl->count;
        wait->result.acl_perms = acl->data[0].perms;
        snprintf(wait->result.acl_scheme, sizeof wait->result.acl_scheme, "%s",
                 acl->data[0].id.scheme);
        snprintf(wait->result.acl_id, sizeof wait->result.acl_id, "%s", acl->data[0].id.id);
    }
    if (stat != NULL) {
        wait->result.stat = *stat;
    }
    end(wait);
}

/* --------------------------------------------------------------------------------- the program */

/* Makes a session with an ephemeral, prints its id and password, and ends like a crashed client. */
static int leave_session(const char *hosts, const char *timeout_ms, const char *path)
{
    struct cc_client *client = cc_open_at(hosts, (int)strtol(timeout_ms, NULL, 10), NULL);
    if (!cc_wait_state(client, ZOO_CONNECTED_STATE) ||
        zoo_create(client->zh, path, "left", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0) !=
            ZOK) {
        return 1;
    }
    const clientid_t *id = zoo_client_id(client->zh);
    printf("%016llx ", (unsigned long long)id->client_id);
    for (size_t i = 0; i < sizeof id->passwd; i++) {
        printf("%02x", (unsigned)(unsigned char)id->passwd[i]);
    }
    printf("\n");
    fflush(stdout);
    _exit(0);
}

static void run_cases(const struct cc_case *cases, int *failed)
{
    for (const struct cc_case *one = cases; one->name != NULL; one++) {
        failure[0] = '\0';
        one->run();
        if (cc_has_failed()) {
            printf("FAIL %s: %s\n", one->name, failure);
            (*failed)++;
        } else {
            printf("ok %s\n", one->name);
        }
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    int failed = 0;
    cc_program = argv[0];
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    if (argc == 5 && strcmp(argv[1], "--leave") == 0) {
        return leave_session(argv[2], argv[3], argv[4]);
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECT_HOSTS FORWARDED_HOSTS\n", argv[0]);
        return 2;
    }
    cc_hosts = argv[1];
    cc_hosts_forwarded = argv[2];
    run_cases(cc_cases_node, &failed);
    run_cases(cc_cases_acl, &failed);
    run_cases(cc_cases_async, &failed);
    run_cases(cc_cases_multi, &failed);
    run_cases(cc_cases_watch, &failed);
    run_cases(cc_cases_session, &failed);
    return failed == 0 ? 0 : 1;
}
