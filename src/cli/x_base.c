/* What the extra commands share: memory, texts, paths, numbers, clocks. See x_base.h. */
#include "cli/x_base.h"

#include "cli/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char line[] = "rookery-cli: out of memory\n";
    /* Nothing can be done about a standard error that is closed. */
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(RK_CLI_FAILED);
}

void *rk_x_alloc(size_t bytes)
{
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    if (p == NULL)
        out_of_memory();
    return p;
}

void *rk_x_resize(void *old, size_t bytes)
{
    void *p = realloc(old, bytes > 0 ? bytes : 1);
    if (p == NULL)
        out_of_memory();
    return p;
}

char *rk_x_dup_bytes(const void *from, size_t bytes)
{
    char *p = rk_x_alloc(bytes + 1);
    if (bytes > 0)
        memcpy(p, from, bytes);
    return p;
}

char *rk_x_dup(const char *text)
{
    return rk_x_dup_bytes(text, strlen(text));
}

char *rk_x_format(const char *form, ...)
{
    char *text;
    va_list args;
    va_start(args, form);
    int bytes = vasprintf(&text, form, args);
    va_end(args);
    if (bytes < 0)
        out_of_memory();
    return text;
}

void rk_x_text_add(struct rk_x_text *t, const void *from, size_t bytes)
{
    if (t->bytes + bytes + 1 > t->room) {
        t->room = (t->bytes + bytes + 1) * 2;
        t->at = rk_x_resize(t->at, t->room);
    }
    if (bytes > 0)
        memcpy(t->at + t->bytes, from, bytes);
    t->bytes += bytes;
    t->at[t->bytes] = '\0';
}

void rk_x_text_free(struct rk_x_text *t)
{
    free(t->at);
    *t = (struct rk_x_text){0};
}

/* -- Paths */

static const char *component_wrong(const char *name, size_t bytes)
{
    if (bytes == 0)
        return "has an empty component";
    if ((bytes == 1 && name[0] == '.') || (bytes == 2 && name[0] == '.' && name[1] == '.'))
        return "has . or .. in it, which ZooKeeper does not resolve";
    return NULL;
}

const char *rk_x_path_wrong(const char *path)
{
    if (path[0] != '/')
        return "does not start with /";
    if (path[1] == '\0')
        return NULL;
    const char *from = path + 1;
    for (;;) {
        const char *end = strchrnul(from, '/');
        const char *wrong = component_wrong(from, (size_t)(end - from));
        if (wrong != NULL)
            return *end == '\0' && end == from ? "ends with /" : wrong;
        if (*end == '\0')
            return NULL;
        from = end + 1;
    }
}

char *rk_x_path_join(const char *parent, const char *name)
{
    return rk_x_format("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name);
}

bool rk_x_path_is_in(const char *root, const char *path)
{
    if (strcmp(root, "/") == 0)
        return path[0] == '/';
    size_t bytes = strlen(root);
    return strncmp(root, path, bytes) == 0 && (path[bytes] == '\0' || path[bytes] == '/');
}

const char *rk_x_path_below(const char *root, const char *path)
{
    if (strcmp(root, "/") == 0)
        return path;
    const char *rest = path + strlen(root);
    return *rest == '\0' ? "/" : rest;
}

char *rk_x_path_at(const char *root, const char *below)
{
    if (strcmp(below, "/") == 0)
        return rk_x_dup(root);
    return rk_x_format("%s%s", strcmp(root, "/") == 0 ? "" : root, below);
}

const char *rk_x_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* "/" alone has nothing behind its slash, so it must not count as a first empty component. */
static int path_key(const char *p)
{
    return *p == '\0' ? 0 : *p == '/' ? 1 : (unsigned char)*p + 1;
}

int rk_x_path_compare(const char *a, const char *b)
{
    if (strcmp(a, "/") == 0)
        a = "";
    if (strcmp(b, "/") == 0)
        b = "";
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    int x = path_key(a), y = path_key(b);
    return x < y ? -1 : x > y;
}

/* -- Numbers */

static const char *take_sign(const char *text, int *ret_sign)
{
    *ret_sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
    return *ret_sign != 0 ? text + 1 : text;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0)
        return false;
    for (; units->name != NULL; units++)
        if (strcasecmp(end, units->name) == 0)
            return !__builtin_mul_overflow((int64_t)value, units->factor, ret_value);
    return false;
}

bool rk_x_parse_size(const char *text, int *ret_sign, int64_t *ret_bytes)
{
    static const struct unit units[] = {{"", 1},         {"b", 1},        {"k", 1 << 10},
                                        {"kb", 1 << 10}, {"m", 1 << 20},  {"mb", 1 << 20},
                                        {"g", 1 << 30},  {"gb", 1 << 30}, {NULL, 0}};
    return parse_with_unit(take_sign(text, ret_sign), units, ret_bytes);
}

bool rk_x_parse_age(const char *text, int *ret_sign, int64_t *ret_ms)
{
    static const struct unit units[] = {{"", 1000},     {"ms", 1},       {"s", 1000}, {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    return parse_with_unit(take_sign(text, ret_sign), units, ret_ms);
}

void rk_x_size_text(int64_t bytes, char out[16])
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        (void)snprintf(out, 16, "%d", bytes > 0 ? (int)bytes : 0);
        return;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < sizeof units - 1; unit++)
        value /= 1024;
    (void)snprintf(out, 16, "%.1f%c", value, units[unit]);
}

void rk_x_time_text(int64_t epoch_ms, char out[32])
{
    time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm tm;
    char day[24];
    if (epoch_ms < 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        (void)snprintf(out, 32, "%" PRId64, epoch_ms);
        return;
    }
    (void)snprintf(out, 32, "%s.%03dZ", day, (int)(epoch_ms % 1000));
}

/* -- Clocks */

static int64_t clock_of(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* both clocks always exist */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t rk_x_clock_ms(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

int64_t rk_x_epoch_ms(void)
{
    return clock_of(CLOCK_REALTIME);
}

void rk_x_sleep_ms(int64_t ms)
{
    if (ms <= 0)
        return;
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL); /* a signal may end it, as promised */
}

/* -- Text */

/* How many bytes follow the first one of a UTF-8 sequence, -1 if none starts so. */
static int utf8_tail(unsigned char c)
{
    if (c < 0x80)
        return 0;
    if (c >= 0xc2 && c < 0xe0)
        return 1;
    if (c >= 0xe0 && c < 0xf0)
        return 2;
    return c >= 0xf0 && c < 0xf5 ? 3 : -1;
}

bool rk_x_is_text(const char *bytes, size_t count)
{
    const unsigned char *p = (const unsigned char *)bytes;
    for (size_t i = 0; i < count;) {
        int tail = utf8_tail(p[i]);
        if (p[i] == 0 || tail < 0 || (size_t)tail >= count - i)
            return false;
        for (int k = 1; k <= tail; k++)
            if ((p[i + (size_t)k] & 0xc0) != 0x80)
                return false;
        /* Overlong forms, surrogates, and what is beyond U+10FFFF. */
        if ((p[i] == 0xe0 && p[i + 1] < 0xa0) || (p[i] == 0xed && p[i + 1] > 0x9f) ||
            (p[i] == 0xf0 && p[i + 1] < 0x90) || (p[i] == 0xf4 && p[i + 1] > 0x8f))
            return false;
        i += (size_t)tail + 1;
    }
    return true;
}
