/* Printing. Guarantees that bytes from files reach a terminal only as printable characters, so that
 * they can neither move its cursor nor forge a line. */
#include "inspect/out.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Bytes of the UTF-8 character at v[at], with its code; 0 if it is none. */
static uint32_t char_at(struct rk_bytes v, uint32_t at, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = v.data[at];
    uint32_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (n == 0 || first > 0xf4 || v.len - at < n) {
        return 0;
    }
    uint32_t code = n == 1 ? first : first & (0xffu >> (n + 1));
    for (uint32_t i = 1; i < n; i++) {
        if ((v.data[at + i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (v.data[at + i] & 0x3fu);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least[n] || code > 0x10ffff || is_surrogate) {
        return 0;
    }
    *ret_code = code;
    return n;
}

/* Also what turns the direction of a line around or ends it where it seems not to. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f;
}

void rk_ins_put_text(FILE *to, struct rk_bytes v)
{
    uint32_t at = 0;
    while (at < v.len) {
        uint32_t start = at;
        while (at < v.len && is_plain(v.data[at])) {
            at++;
        }
        (void)fwrite(v.data + start, 1, at - start, to);
        if (at == v.len) {
            return;
        }
        uint32_t code = 0;
        uint32_t n = char_at(v, at, &code);
        if (n != 0 && !is_control(code)) {
            (void)fwrite(v.data + at, 1, n, to);
            at += n;
            continue;
        }
        for (uint32_t end = at + (n == 0 ? 1 : n); at < end; at++) {
            (void)fprintf(to, "\\x%02x", v.data[at]);
        }
    }
}

bool rk_ins_is_printable(struct rk_bytes v)
{
    uint32_t code = 0;
    uint32_t n = 1;
    for (uint32_t at = 0; at < v.len && n > 0; at += n) {
        n = char_at(v, at, &code);
        n = is_control(code) ? 0 : n;
    }
    return n > 0;
}

void rk_ins_put_base64(FILE *to, struct rk_bytes v)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint32_t at = 0; at < v.len; at += 3) {
        uint32_t left = v.len - at;
        uint32_t word = (uint32_t)v.data[at] << 16;
        word |= left > 1 ? (uint32_t)v.data[at + 1] << 8 : 0;
        word |= left > 2 ? (uint32_t)v.data[at + 2] : 0;
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63],
                        left > 1 ? digits[word >> 6 & 63] : '=',
                        left > 2 ? digits[word & 63] : '='};
        (void)fwrite(four, 1, sizeof(four), to);
    }
}

void rk_ins_put_hex(FILE *to, int64_t v)
{
    (void)fprintf(to, "%" PRIx64, (uint64_t)v);
}

void rk_ins_put_hex16(FILE *to, int64_t v)
{
    (void)fprintf(to, "0x%014" PRIx64, (uint64_t)v);
}

static bool split(int64_t ms, struct tm *ret)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
    return localtime_r(&seconds, ret) != NULL;
}

void rk_ins_put_date(FILE *to, int64_t ms)
{
    struct tm tm;
    if (!split(ms, &tm)) {
        (void)fprintf(to, "%" PRId64 "ms", ms);
        return;
    }
    int hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    int year = (tm.tm_year % 100 + 100) % 100; /* since 1900 */
    (void)fprintf(to, "%d/%d/%02d, %d:%02d:%02d %s %s", tm.tm_mon + 1, tm.tm_mday, year, hour,
                  tm.tm_min, tm.tm_sec, tm.tm_hour < 12 ? "AM" : "PM", tm.tm_zone);
}

void rk_ins_put_long_date(FILE *to, int64_t ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    if (!split(ms, &tm)) {
        (void)fprintf(to, "%" PRId64 "ms", ms);
        return;
    }
    (void)fprintf(to, "%s %s %02d %02d:%02d:%02d %s %04ld", days[tm.tm_wday], months[tm.tm_mon],
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_zone,
                  1900 + (long)tm.tm_year);
}

/* -- JSON
 * ------------------------------------------------------------------------------------------ */

static bool is_json_plain(uint8_t c)
{
    return is_plain(c) && c != '"' && c != '\\';
}

static uint32_t json_char(FILE *to, struct rk_bytes v, uint32_t at)
{
    uint32_t code = 0;
    uint32_t n = char_at(v, at, &code);
    if (n == 0) {
        (void)fputs("\\ufffd", to);
        return 1;
    }
    if (code == '"' || code == '\\') {
        (void)fputc('\\', to);
        (void)fputc((int)code, to);
    } else if (is_control(code)) {
        (void)fprintf(to, "\\u%04x", code);
    } else {
        (void)fwrite(v.data + at, 1, n, to);
    }
    return n;
}

void rk_ins_json_text(FILE *to, struct rk_bytes v)
{
    if (v.data == NULL) {
        (void)fputs("null", to);
        return;
    }
    (void)fputc('"', to);
    uint32_t at = 0;
    while (at < v.len) {
        uint32_t start = at;
        while (at < v.len && is_json_plain(v.data[at])) {
            at++;
        }
        (void)fwrite(v.data + start, 1, at - start, to);
        at += at < v.len ? json_char(to, v, at) : 0;
    }
    (void)fputc('"', to);
}

bool rk_ins_is_text(struct rk_bytes v)
{
    uint32_t at = 0;
    while (at < v.len && v.data[at] != 0) {
        uint32_t code;
        uint32_t n = char_at(v, at, &code);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    return at == v.len;
}

void rk_ins_json_hex(FILE *to, int64_t v)
{
    (void)fprintf(to, "\"0x%" PRIx64 "\"", (uint64_t)v);
}

void rk_ins_json_data(FILE *to, struct rk_bytes v)
{
    if (v.data == NULL) {
        (void)fputs("null", to);
        return;
    }
    (void)fputc('"', to);
    rk_ins_put_base64(to, v);
    (void)fputc('"', to);
}
