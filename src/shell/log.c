/* Log lines on one descriptor. Guarantees one write call per line, no byte outside printable UTF-8,
 * no line break but the last byte. A descriptor that does not take a line (a full non-blocking
 * pipe, a closed terminal) costs that line and nothing else: lost lines are counted and told with
 * the next one that gets through. What to say, and never to say secrets, is the callers' part. */
#include "shell/log.h"

#include "base/num.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MS_PER_DAY INT64_C(86400000)

static const struct {
    const char *name;   /* padded for the eye */
    const char *config; /* as in rookery.log.level */
    char journal;       /* syslog's number */
} levels[] = {
    [RK_LEVEL_ERROR] = {"ERROR", "error", '3'},
    [RK_LEVEL_WARN] = {"WARN ", "warn", '4'},
    [RK_LEVEL_INFO] = {"INFO ", "info", '6'},
    [RK_LEVEL_DEBUG] = {"DEBUG", "debug", '7'},
};

/* systemd sets JOURNAL_STREAM=device:inode of the socket it made stderr; a redirected stderr
 * differs. */
static bool goes_to_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (stream == NULL || fstat(fd, &st) != 0) {
        return false;
    }
    const char *colon = strchr(stream, ':');
    if (colon == NULL) {
        return false;
    }
    int64_t device;
    int64_t inode;
    if (!rk_num_parse_dec(rk_bytes_of(stream, (size_t)(colon - stream)), &device) ||
        !rk_num_parse_dec(rk_bytes_str(colon + 1), &inode)) {
        return false;
    }
    return (uint64_t)device == (uint64_t)st.st_dev && (uint64_t)inode == (uint64_t)st.st_ino;
}

void rk_log_init(struct rk_log *log, int fd, enum rk_log_level level)
{
    log->fd = fd;
    log->level = level;
    log->is_journal = goes_to_journal(fd);
    atomic_init(&log->lost, 0);
}

bool rk_log_level_parse(struct rk_bytes text, enum rk_log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (text.len == strlen(levels[i].config) &&
            strncasecmp((const char *)text.data, levels[i].config, text.len) == 0) {
            *ret_level = (enum rk_log_level)i;
            return true;
        }
    }
    return false;
}

bool rk_log_is_on(const struct rk_log *log, enum rk_log_level level)
{
    return level <= log->level;
}

/* Bytes of the printable UTF-8 character at p (shortest form, no surrogates, no control characters
 * of either set, none that turn the direction of a terminal's text); 0 if there is none. */
static size_t printable(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
    }
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len) {
        return 0;
    }
    uint32_t code = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0u) != 0x80u) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3fu);
    }
    bool is_short_form = (len == 3 && code < 0x800) || (len == 4 && code < 0x10000);
    bool is_control = code < 0xa0 || (code >= 0x2028 && code <= 0x202e) ||
                      (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
    bool is_none = code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
    return is_short_form || is_control || is_none ? 0 : len;
}

static const char hex_digits[] = "0123456789abcdef";

/* Escapes text into out until it ends or room does; returns the length, *ret_taken of text's bytes.
 */
static size_t escape(char *out, size_t room, struct rk_bytes text, bool double_backslash,
                     size_t *ret_taken)
{
    size_t used = 0;
    size_t at = 0;
    while (at < text.len) {
        const uint8_t *p = text.data + at;
        size_t len = printable(p, text.len - at);
        bool is_backslash = len == 1 && *p == '\\' && double_backslash;
        size_t need = len == 0 ? 4 : is_backslash ? 2 : len;
        if (need > room - used) {
            break;
        }
        if (len == 0) {
            out[used] = '\\';
            out[used + 1] = 'x';
            out[used + 2] = hex_digits[*p >> 4];
            out[used + 3] = hex_digits[*p & 15];
            at += 1;
        } else {
            out[used] = '\\';
            memcpy(out + used + (is_backslash ? 1 : 0), p, len);
            at += len;
        }
        used += need;
    }
    *ret_taken = at;
    return used;
}

size_t rk_log_escape(char *out, size_t cap, struct rk_bytes text)
{
    RK_ASSERT(cap >= 8);
    size_t taken;
    size_t len = escape(out, cap - 1, text, true, &taken);
    if (taken < text.len) {
        /* Once more, so that the mark does not cut a character in two. */
        len = escape(out, cap - 4, text, true, &taken);
        memcpy(out + len, "...", 3);
        len += 3;
    }
    out[len] = '\0';
    return len;
}

static void put_digits(char *out, size_t count, int64_t value)
{
    for (size_t i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void rk_log_time(char out[25], int64_t wall_ms)
{
    int64_t days = wall_ms / MS_PER_DAY;
    int64_t ms = wall_ms % MS_PER_DAY;
    if (ms < 0) {
        ms += MS_PER_DAY;
        days--;
    }
    /* Days to a date: years that start in March, so that the leap day is the last of its year,
     * counted in eras of 400 years (146097 days); 719468 days lie between 0000-03-01 and
     * 1970-01-01. */
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    memcpy(out, "0000-00-00T00:00:00.000Z", 25);
    put_digits(out, 4, year < 0 ? 0 : year % 10000);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, day);
    put_digits(out + 11, 2, ms / 3600000);
    put_digits(out + 14, 2, ms / 60000 % 60);
    put_digits(out + 17, 2, ms / 1000 % 60);
    put_digits(out + 20, 3, ms % 1000);
}

static size_t line_start(const struct rk_log *log, enum rk_log_level level, char *out)
{
    if (log->is_journal) {
        memcpy(out, "<0>", 3);
        out[1] = levels[level].journal;
        return 3;
    }
    struct timespec now;
    int64_t wall_ms = 0;
    if (clock_gettime(CLOCK_REALTIME, &now) == 0) {
        wall_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    }
    rk_log_time(out, wall_ms);
    out[24] = ' ';
    memcpy(out + 25, levels[level].name, 5);
    out[30] = ' ';
    return 31;
}

static bool write_line(int fd, const char *line, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, line + done, len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

void rk_log_write(struct rk_log *log, enum rk_log_level level, const char *format, ...)
{
    if (!rk_log_is_on(log, level)) {
        return;
    }
    char text[RK_LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int full_len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (full_len < 0) {
        full_len = 0;
    }
    size_t len = (size_t)full_len < sizeof(text) ? (size_t)full_len : sizeof(text) - 1;
    bool is_cut = len < (size_t)full_len;

    char line[RK_LOG_LINE_MAX + 128];
    size_t used = line_start(log, level, line);
    uint64_t lost = atomic_exchange_explicit(&log->lost, 0, memory_order_relaxed);
    if (lost != 0) {
        int n = snprintf(line + used, 64, "(%llu lines before this one were lost) ",
                         (unsigned long long)lost);
        used += n > 0 ? (size_t)n : 0;
    }
    size_t taken;
    size_t room = sizeof(line) - used - 4;
    /* A backslash stays single here: fields were doubled by rk_log_escape already. */
    used += escape(line + used, room, rk_bytes_of(text, len), false, &taken);
    if (is_cut || taken < len) {
        memcpy(line + used, "...", 3);
        used += 3;
    }
    line[used] = '\n';
    if (!write_line(log->fd, line, used + 1)) {
        atomic_fetch_add_explicit(&log->lost, lost + 1, memory_order_relaxed);
    }
}

bool rk_log_limit_pass(struct rk_log_limit *limit, int64_t now_ms, uint64_t *ret_suppressed)
{
    if (now_ms - limit->window_ms >= 1000 || now_ms < limit->window_ms || limit->used == 0) {
        limit->window_ms = now_ms;
        limit->used = 0;
    }
    if (limit->used >= limit->burst) {
        limit->suppressed++;
        return false;
    }
    limit->used++;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
