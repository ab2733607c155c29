/* Clocks, threads, strings and names for the recipes. */
#include "recipes/recipes_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0) {
        return 0; /* cannot fail for these clocks */
    }
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t rk_rec_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t rk_rec_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t rk_rec_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? RK_FOREVER : rk_rec_now_ms() + timeout_ms;
}

bool rk_rec_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return false;
    }
    bool is_ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
                 pthread_cond_init(cond, &attr) == 0;
    pthread_condattr_destroy(&attr);
    return is_ok;
}

void rk_rec_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ms)
{
    if (deadline_ms == RK_FOREVER) {
        pthread_cond_wait(cond, mutex);
        return;
    }
    struct timespec t = {.tv_sec = (time_t)(deadline_ms / 1000),
                         .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    pthread_cond_timedwait(cond, mutex, &t);
}

int rk_rec_thread(pthread_t *ret_thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(ret_thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status == 0 ? ZOK : ZSYSTEMERROR;
}

char *rk_rec_join(const char *parent, const char *name)
{
    size_t head = strlen(parent);
    size_t tail = strlen(name);
    if (head == 1u) {
        head = 0; /* the root */
    }
    char *path = malloc(head + 1u + tail + 1u);
    if (path == NULL) {
        return NULL;
    }
    memcpy(path, parent, head);
    path[head] = '/';
    memcpy(path + head + 1u, name, tail + 1u);
    return path;
}

const char *rk_rec_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

char *rk_rec_parent(const char *path)
{
    size_t bytes = (size_t)(rk_rec_name(path) - path);
    if (bytes > 1u) {
        bytes--; /* without the slash, unless it is the root */
    }
    return strndup(path, bytes);
}

void *rk_rec_memdup(const void *data, int bytes)
{
    char *copy = malloc((size_t)bytes + 1u);
    if (copy == NULL) {
        return NULL;
    }
    if (bytes > 0) {
        memcpy(copy, data, (size_t)bytes);
    }
    copy[bytes] = '\0';
    return copy;
}

bool rk_rec_is_data(const void *data, int bytes)
{
    return bytes == 0 || (bytes > 0 && data != NULL);
}

/* What the server refuses for certain is left to the server; this keeps our own joins sound. */
bool rk_rec_is_path(const char *path)
{
    if (path == NULL || path[0] != '/') {
        return false;
    }
    size_t bytes = strlen(path);
    return (bytes == 1u || path[bytes - 1u] != '/') && strstr(path, "//") == NULL;
}

bool rk_rec_is_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

void rk_rec_uuid(char text[RK_UUID_CHARS + 1u])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    size_t have = 0;
    while (have < sizeof(bytes)) {
        ssize_t got = getrandom(bytes + have, sizeof(bytes) - have, 0);
        if (got > 0) {
            have += (size_t)got;
        } else if (errno != EINTR) {
            /* A kernel without it: unique among the processes of a machine will have to do. */
            int64_t seed[2] = {rk_rec_now_ms() ^ (int64_t)(uintptr_t)text, rk_rec_wall_ms()};
            memcpy(bytes, seed, sizeof(bytes));
            have = sizeof(bytes);
        }
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0fu) | 0x40u);
    bytes[8] = (uint8_t)((bytes[8] & 0x3fu) | 0x80u);
    size_t at = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[bytes[i] >> 4];
        text[at++] = digits[bytes[i] & 0x0fu];
    }
    text[at] = '\0';
}

bool rk_rec_is_lost(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONEXPIRED ||
           rc == ZINVALIDSTATE || rc == ZCLOSING || rc == ZSESSIONMOVED || rc == ZTHROTTLEDOP;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void rk_rec_strings_sort(struct String_vector *strings)
{
    if (strings->count > 0) {
        qsort(strings->data, (size_t)strings->count, sizeof(strings->data[0]), compare_strings);
    }
}

bool rk_rec_strings_have(const struct String_vector *sorted, const char *text)
{
    return sorted->count > 0 && bsearch(&text, sorted->data, (size_t)sorted->count,
                                        sizeof(sorted->data[0]), compare_strings) != NULL;
}

bool rk_rec_strings_alloc(struct String_vector *ret, int count)
{
    ret->count = count;
    ret->data = calloc((size_t)count + 1u, sizeof(char *));
    return ret->data != NULL;
}
