/* The log: Apache's line format, its levels and where lines go. What is global here is what the
 * interface makes global: the level and the stream. */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096

ZooLogLevel logLevel = ZOO_LOG_LEVEL_INFO;
static _Atomic(FILE *) log_stream;

FILE *zoo_get_log_stream(void)
{
    FILE *stream = atomic_load(&log_stream);
    return stream ? stream : stderr;
}

void zoo_set_log_stream(FILE *stream)
{
    atomic_store(&log_stream, stream);
}

void zoo_set_debug_level(ZooLogLevel level)
{
    int number = (int)level;
    if (number != 0 && number < ZOO_LOG_LEVEL_ERROR)
        number = ZOO_LOG_LEVEL_ERROR;
    if (number > ZOO_LOG_LEVEL_DEBUG)
        number = ZOO_LOG_LEVEL_DEBUG;
    __atomic_store_n(&logLevel, (ZooLogLevel)number, __ATOMIC_RELAXED);
}

/* ZK: log_message of zk_log.c, threaded. */
static void format_line(char *line, size_t bytes, int level, int at, const char *function,
                        const char *format, va_list args)
{
    static const char *const names[] = {"ZOO_INVALID", "ZOO_ERROR", "ZOO_WARN", "ZOO_INFO",
                                        "ZOO_DEBUG"};
    struct timeval now;
    struct tm local;
    (void)gettimeofday(&now, NULL); /* cannot fail with these arguments */
    if (!localtime_r(&now.tv_sec, &local))
        memset(&local, 0, sizeof(local));
    char date[32] = "";
    (void)strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
    int len = snprintf(line, bytes, "%s,%03d:%ld(0x%lx):%s@%s@%d: ", date,
                       (int)(now.tv_usec / 1000), (long)getpid(), (unsigned long)pthread_self(),
                       names[level >= 1 && level <= 4 ? level : 0], function, at);
    if (len > 0 && (size_t)len < bytes)
        (void)vsnprintf(line + len, bytes - (size_t)len, format, args); /* cut if it is long */
}

static void put_line(log_callback_fn callback, const char *line)
{
    if (callback) {
        callback(line);
        return;
    }
    FILE *stream = zoo_get_log_stream();
    (void)fprintf(stream, "%s\n", line); /* a log that cannot be written is no error of anybody */
    (void)fflush(stream);
}

void log_message(log_callback_fn callback, ZooLogLevel curLevel, int line, const char *funcName,
                 const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    format_line(text, sizeof(text), (int)curLevel, line, funcName, format, args);
    va_end(args);
    put_line(callback, text);
}

bool rk_lib_logs(const struct rk_lib *s, int level)
{
    int most = s->log_level ? s->log_level : (int)__atomic_load_n(&logLevel, __ATOMIC_RELAXED);
    return level <= most;
}

void rk_lib_log(struct rk_lib *s, int level, int line, const char *function, const char *format,
                ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, format);
    format_line(text, sizeof(text), level, line, function, format, args);
    va_end(args);
    size_t bytes = strlen(text) + 1;
    struct rk_lib_log_line *kept = malloc(sizeof(*kept) + bytes);
    if (!kept)
        return; /* without memory the log is what can be spared */
    kept->next = NULL;
    memcpy(kept->text, text, bytes);
    *s->log_last = kept;
    s->log_last = &kept->next;
}

void rk_lib_log_flush(log_callback_fn callback, struct rk_lib_log_line *lines)
{
    while (lines) {
        struct rk_lib_log_line *next = lines->next;
        put_line(callback, lines->text);
        free(lines);
        lines = next;
    }
}
