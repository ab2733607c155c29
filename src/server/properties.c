/* Reads Java's properties syntax. ZK: QuorumPeerConfig.parse hands zoo.cfg to java.util.Properties,
 * so what that class makes of odd lines is part of the format; the steps below are those of its
 * LineReader.readLine, load0 and loadConvert (JDK 17). Knows nothing of what keys mean. */
#include "server/properties.h"

#include <string.h>

/* -- Logical lines
 * ---------------------------------------------------------------------------------- */

struct line_reader {
    struct rk_bytes text;
    size_t at;
    uint32_t line; /* number of the physical line at `at` */
    char *out;     /* the logical line; as long as the text at most */
    size_t len;
    uint32_t first_line; /* where the logical line begins */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* Takes a line end, of which "\r\n" is one. */
static void take_end(struct line_reader *r)
{
    if (r->text.data[r->at] == '\r' && r->at + 1 < r->text.len && r->text.data[r->at + 1] == '\n') {
        r->at++;
    }
    r->at++;
    r->line++;
}

static void skip_comment(struct line_reader *r)
{
    while (r->at < r->text.len && !is_end(r->text.data[r->at])) {
        r->at++;
    }
}

/* Copies up to the end of the physical line; true if a backslash continues it. */
static bool copy_line(struct line_reader *r)
{
    bool is_escaped = false;
    while (r->at < r->text.len && !is_end(r->text.data[r->at])) {
        uint8_t c = r->text.data[r->at++];
        r->out[r->len++] = (char)c;
        is_escaped = c == '\\' && !is_escaped;
    }
    if (is_escaped) {
        r->len--;
    }
    return is_escaped;
}

/* The next logical line that is neither blank nor a comment, without leading blanks; false at the
 * end of the text. */
static bool next_line(struct line_reader *r)
{
    bool is_continued = false;
    r->len = 0;
    while (r->at < r->text.len) {
        uint8_t c = r->text.data[r->at];
        if (is_blank(c)) {
            r->at++;
        } else if (is_end(c)) {
            take_end(r);
            if (is_continued && r->len > 0) {
                return true; /* a blank line ends what the line before it continued */
            }
            is_continued = false;
        } else if (r->len == 0 && (c == '#' || c == '!')) {
            skip_comment(r);
        } else {
            r->first_line = r->len == 0 ? r->line : r->first_line;
            is_continued = copy_line(r);
            /* A backslash at the very end continues nothing; alone it is an empty key, in Java. */
            bool is_last = r->at + 1 >= r->text.len;
            if (r->at < r->text.len) {
                take_end(r);
            }
            if (is_continued ? is_last : r->len > 0) {
                return true;
            }
        }
    }
    return r->len > 0;
}

/* -- Key and value
 * ---------------------------------------------------------------------------------- */

/* Where the key ends and the value starts. */
static void split(const char *line, size_t len, size_t *ret_key_len, size_t *ret_value)
{
    size_t at = 0;
    bool is_escaped = false;
    bool has_separator = false;
    while (at < len) {
        uint8_t c = (uint8_t)line[at];
        if (!is_escaped && (c == '=' || c == ':' || is_blank(c))) {
            break;
        }
        is_escaped = c == '\\' && !is_escaped;
        at++;
    }
    *ret_key_len = at;
    while (at < len) {
        uint8_t c = (uint8_t)line[at];
        if (!is_blank(c)) {
            if (has_separator || (c != '=' && c != ':')) {
                break;
            }
            has_separator = true;
        }
        at++;
    }
    *ret_value = at;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four digits at `at`; -1 if they are none. */
static int32_t hex4(const char *text, size_t len, size_t at)
{
    int32_t value = 0;
    if (len - at < 4) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static char escaped(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* The character of a \u escape whose digits start at *at, both halves of a surrogate pair if that
 * is what it is. A lone surrogate is '?', as Java prints it. -1 if malformed. */
static int32_t take_unicode(const char *in, size_t len, size_t *at)
{
    int32_t c = hex4(in, len, *at);
    if (c < 0) {
        return -1;
    }
    *at += 4;
    if (c >= 0xd800 && c < 0xdc00 && len - *at >= 6 && in[*at] == '\\' && in[*at + 1] == 'u') {
        int32_t low = hex4(in, len, *at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? '?' : c;
}

/* Undoes escapes and turns ISO-8859-1 into UTF-8. NULL and *ret_what if that cannot be. */
static const char *convert(const char *in, size_t len, struct rk_arena *a, const char **ret_what)
{
    char *out = rk_arena_alloc(a, 2 * len + 1); /* one byte becomes two at most */
    size_t out_len = 0;
    size_t at = 0;
    while (at < len) {
        int32_t c = (uint8_t)in[at++];
        if (c == '\\' && at < len) {
            char next = in[at++];
            c = next == 'u' ? take_unicode(in, len, &at) : (uint8_t)escaped(next);
        }
        if (c < 0) {
            *ret_what = "\\u must be followed by four hexadecimal digits";
            return NULL;
        }
        if (c == 0) {
            *ret_what = "a NUL character can be part of no key or value";
            return NULL;
        }
        out_len += put_utf8(out + out_len, (uint32_t)c);
    }
    out[out_len] = '\0';
    return out;
}

static bool has_non_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)text[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

static struct rk_property *add(struct rk_properties *p, struct rk_arena *a)
{
    if (p->count == p->cap) {
        uint32_t cap = p->cap == 0 ? 32 : 2 * p->cap;
        struct rk_property *items = rk_arena_alloc(a, cap * sizeof(*items));
        if (p->count > 0) {
            memcpy(items, p->items, p->count * sizeof(*items));
        }
        p->items = items;
        p->cap = cap;
    }
    return &p->items[p->count++];
}

enum rk_err rk_properties_parse(struct rk_bytes text, struct rk_arena *a, struct rk_properties *ret,
                                uint32_t *ret_line, const char **ret_what)
{
    struct rk_properties found = {0};
    struct line_reader r = {.text = text, .line = 1, .out = rk_arena_alloc(a, text.len + 1u)};
    while (next_line(&r)) {
        size_t key_len;
        size_t value_at;
        const char *what = NULL;
        split(r.out, r.len, &key_len, &value_at);
        RK_ASSERT(key_len <= value_at && value_at <= r.len);
        const char *key = convert(r.out, key_len, a, &what);
        const char *value =
            what == NULL ? convert(r.out + value_at, r.len - value_at, a, &what) : NULL;
        if (what != NULL) {
            *ret_line = r.first_line;
            *ret_what = what;
            return RK_ERR_MALFORMED;
        }
        *add(&found, a) = (struct rk_property){.key = key,
                                               .value = value,
                                               .line = r.first_line,
                                               .has_non_ascii = has_non_ascii(r.out, r.len)};
    }
    *ret = found;
    return RK_OK;
}
