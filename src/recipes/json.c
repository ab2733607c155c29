/* JSON (RFC 8259) for services: a scanner that keeps its nesting in bits, and a writer. */
#include "recipes/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void skip_space(struct rk_json *j)
{
    while (j->at < j->end &&
           (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) {
        j->at++;
    }
}

static bool take(struct rk_json *j, char c)
{
    skip_space(j);
    if (j->at < j->end && *j->at == c) {
        j->at++;
        return true;
    }
    return false;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool scan_escape(struct rk_json *j)
{
    if (j->at == j->end || strchr("\"\\/bfnrtu", *j->at) == NULL || *j->at == '\0') {
        return false;
    }
    int digits = *j->at++ == 'u' ? 4 : 0;
    for (int i = 0; i < digits; i++) {
        if (j->at == j->end || hex(*j->at) < 0) {
            return false;
        }
        j->at++;
    }
    return true;
}

/* Behind the opening quote. */
static bool scan_string(struct rk_json *j)
{
    while (j->at < j->end) {
        char c = *j->at++;
        if (c == '"') {
            return true;
        }
        if ((unsigned char)c < 0x20 || (c == '\\' && !scan_escape(j))) {
            return false;
        }
    }
    return false;
}

static size_t scan_digits(struct rk_json *j)
{
    const char *from = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9') {
        j->at++;
    }
    return (size_t)(j->at - from);
}

static bool scan_number(struct rk_json *j)
{
    if (j->at < j->end && *j->at == '-') {
        j->at++;
    }
    const char *from = j->at;
    size_t digits = scan_digits(j);
    if (digits == 0 || (digits > 1 && *from == '0')) {
        return false;
    }
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (scan_digits(j) == 0) {
            return false;
        }
    }
    if (j->at < j->end && (*j->at == 'e' || *j->at == 'E')) {
        j->at++;
        if (j->at < j->end && (*j->at == '+' || *j->at == '-')) {
            j->at++;
        }
        return scan_digits(j) > 0;
    }
    return true;
}

static bool scan_word(struct rk_json *j, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t)(j->end - j->at) < bytes || memcmp(j->at, word, bytes) != 0) {
        return false;
    }
    j->at += bytes;
    return true;
}

static bool scan_scalar(struct rk_json *j)
{
    switch (*j->at) {
    case '"':
        j->at++;
        return scan_string(j);
    case 't':
        return scan_word(j, "true");
    case 'f':
        return scan_word(j, "false");
    case 'n':
        return scan_word(j, "null");
    default:
        return scan_number(j);
    }
}

static bool scan_key(struct rk_json *j)
{
    return take(j, '"') && scan_string(j) && take(j, ':');
}

/* One value. objects: bit d is set if level d is an object. */
static bool scan_value(struct rk_json *j)
{
    uint64_t objects = 0;
    unsigned depth = 0;
    for (;;) {
        skip_space(j);
        if (j->at == j->end) {
            return false;
        }
        char c = *j->at;
        bool is_open = c == '{' || c == '[';
        if (is_open) {
            if (depth == RK_JSON_DEPTH_MAX) {
                return false;
            }
            j->at++;
            uint64_t bit = (uint64_t)1 << depth++;
            objects = c == '{' ? objects | bit : objects & ~bit;
            if (!take(j, c == '{' ? '}' : ']')) {
                if (c == '{' && !scan_key(j)) {
                    return false;
                }
                continue;
            }
            depth--;
        } else if (!scan_scalar(j)) {
            return false;
        }
        /* A value has ended: so may those around it. */
        for (;;) {
            if (depth == 0) {
                return true;
            }
            bool is_object = (objects >> (depth - 1u) & 1u) != 0;
            if (take(j, ',')) {
                if (is_object && !scan_key(j)) {
                    return false;
                }
                break;
            }
            if (!take(j, is_object ? '}' : ']')) {
                return false;
            }
            depth--;
        }
    }
}

bool rk_json_is_value(const char *text, size_t bytes)
{
    struct rk_json j = {.at = text, .end = text + bytes};
    if (!scan_value(&j)) {
        return false;
    }
    skip_space(&j);
    return j.at == j.end;
}

bool rk_json_open(struct rk_json *j)
{
    return take(j, '{');
}

bool rk_json_member(struct rk_json *j, struct rk_json_value *ret_key,
                    struct rk_json_value *ret_value, bool *ret_is_end)
{
    *ret_is_end = take(j, '}');
    if (*ret_is_end) {
        return false;
    }
    (void)take(j, ','); /* the caller checked the whole value before */
    skip_space(j);
    const char *key = j->at + 1;
    if (!take(j, '"') || !scan_string(j)) {
        return false;
    }
    *ret_key = (struct rk_json_value){.text = key, .bytes = (size_t)(j->at - key) - 1u};
    if (!take(j, ':')) {
        return false;
    }
    skip_space(j);
    ret_value->text = j->at;
    if (!scan_value(j)) {
        return false;
    }
    ret_value->bytes = (size_t)(j->at - ret_value->text);
    return true;
}

bool rk_json_is(struct rk_json_value value, const char *word)
{
    return strlen(word) == value.bytes && memcmp(value.text, word, value.bytes) == 0;
}

bool rk_json_integer(struct rk_json_value value, int64_t *ret_number)
{
    char text[24];
    if (value.bytes == 0 || value.bytes >= sizeof(text)) {
        return false;
    }
    memcpy(text, value.text, value.bytes);
    text[value.bytes] = '\0';
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *ret_number = number;
    return true;
}

static unsigned hex4(const char *at)
{
    unsigned number = 0;
    for (int i = 0; i < 4; i++) {
        number = number << 4 | (unsigned)hex(at[i]);
    }
    return number;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0u | code >> 6);
        *out++ = (char)(0x80u | (code & 0x3fu));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0u | code >> 12);
        *out++ = (char)(0x80u | (code >> 6 & 0x3fu));
        *out++ = (char)(0x80u | (code & 0x3fu));
    } else {
        *out++ = (char)(0xf0u | code >> 18);
        *out++ = (char)(0x80u | (code >> 12 & 0x3fu));
        *out++ = (char)(0x80u | (code >> 6 & 0x3fu));
        *out++ = (char)(0x80u | (code & 0x3fu));
    }
    return out;
}

/* At the u of an escape that was scanned. Behind it, or NULL. */
static const char *put_unicode(const char *at, const char *end, char **out)
{
    unsigned code = hex4(at + 1);
    at += 5;
    if (code >= 0xd800 && code < 0xdc00) {
        if (end - at < 6 || at[0] != '\\' || at[1] != 'u') {
            return NULL;
        }
        unsigned low = hex4(at + 2);
        if (low < 0xdc00 || low > 0xdfff) {
            return NULL;
        }
        code = 0x10000u + ((code - 0xd800u) << 10) + (low - 0xdc00u);
        at += 6;
    } else if (code == 0 || (code >= 0xdc00 && code < 0xe000)) {
        return NULL;
    }
    *out = put_utf8(*out, code);
    return at;
}

bool rk_json_string(struct rk_json_value value, char **ret_text)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    struct rk_json j = {.at = value.text, .end = value.text + value.bytes};
    if (!take(&j, '"') || !scan_string(&j) || j.at != j.end) {
        return false;
    }
    const char *at = value.text + 1;
    const char *end = j.end - 1;
    char *text = malloc(value.bytes); /* escapes only shrink */
    char *out = text;
    while (text != NULL && at != NULL && at < end) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] == 'u') {
            at = put_unicode(at + 1, end, &out);
        } else {
            *out++ = to[strchr(from, at[1]) - from];
            at += 2;
        }
    }
    if (text == NULL || at == NULL || memchr(text, 0, (size_t)(out - text)) != NULL) {
        free(text);
        return false;
    }
    *out = '\0';
    *ret_text = text;
    return true;
}

/* -- Writing --------------------------------------------------------------------------------------
 */

static void add_bytes(struct rk_text *t, const char *bytes, size_t count)
{
    if (t->is_failed) {
        return;
    }
    if (t->room - t->bytes < count + 1u) {
        size_t room = (t->room + count + 1u) * 2u;
        char *data = realloc(t->data, room);
        if (data == NULL) {
            t->is_failed = true;
            return;
        }
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + t->bytes, bytes, count);
    t->bytes += count;
    t->data[t->bytes] = '\0';
}

void rk_text_add(struct rk_text *t, const char *plain)
{
    add_bytes(t, plain, strlen(plain));
}

void rk_text_add_string(struct rk_text *t, const char *string)
{
    if (string == NULL) {
        rk_text_add(t, "null");
        return;
    }
    rk_text_add(t, "\"");
    for (; *string != '\0'; string++) {
        char escape[8];
        if ((unsigned char)*string < 0x20) {
            (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*string); /* fits */
            rk_text_add(t, escape);
        } else {
            if (*string == '"' || *string == '\\') {
                rk_text_add(t, "\\");
            }
            add_bytes(t, string, 1);
        }
    }
    rk_text_add(t, "\"");
}

void rk_text_add_integer(struct rk_text *t, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, number); /* fits */
    rk_text_add(t, text);
}
