/* The table of honoured keys: finding one, reading its values as Java reads them, saying what it
 * accepts. Where Apache takes a default in silence for a value it cannot read, we refuse it:
 * whoever wrote it meant something. */
#include "server/config_keys.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct rk_key keys[RK_KEY_COUNT] = {
#define RK_KEY_ROW(id, key_name, doc, key_kind, key_min, key_max, def, key_flags)                  \
    [RK_KEY_##id] = {.name = (key_name),                                                           \
                     .doc_name = (doc),                                                            \
                     .kind = RK_KIND_##key_kind,                                                   \
                     .flags = (key_flags),                                                         \
                     .min = (key_min),                                                             \
                     .max = (key_max),                                                             \
                     .preset = (def)},
    RK_CONFIG_KEYS(RK_KEY_ROW)
#undef RK_KEY_ROW
};

const struct rk_key *rk_key_of(enum rk_key_id id)
{
    RK_ASSERT(id < RK_KEY_COUNT);
    return &keys[id];
}

enum rk_key_id rk_key_find(const char *name)
{
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        if (strcmp(keys[id].name, name) == 0 ||
            (keys[id].doc_name != NULL && strcmp(keys[id].doc_name, name) == 0)) {
            return id;
        }
    }
    return RK_KEY_COUNT;
}

/* -- Values
 * ----------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int digit_of(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Digits of one base up to the end of the text, at least one; false if they are none or over
 * INT64_MAX. */
static bool parse_digits(const char *text, int base, int64_t *ret)
{
    int64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        int digit = digit_of(*text);
        if (digit >= base || value > (INT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    *ret = value;
    return true;
}

/* ZK: Integer.parseInt, Long.parseLong; with is_decode Integer.decode, which getInteger uses. */
static bool parse_int(const char *text, bool is_decode, int64_t *ret)
{
    bool is_negative = *text == '-';
    int base = 10;
    int64_t value;
    if (*text == '-' || *text == '+') {
        text++;
    }
    if (is_decode && (strncasecmp(text, "0x", 2) == 0 || *text == '#')) {
        text += *text == '#' ? 1 : 2;
        base = 16;
    } else if (is_decode && text[0] == '0' && text[1] != '\0') {
        text++;
        base = 8;
    }
    if (!parse_digits(text, base, &value)) {
        return false;
    }
    *ret = is_negative ? -value : value;
    return true;
}

/* "64m": a number with k, m or g behind it. */
static bool parse_bytes(const char *text, int64_t *ret)
{
    static const char units[] = "kmg";
    char digits[RK_NUM_MAX];
    size_t len = strlen(text);
    int64_t value;
    if (len == 0 || len >= sizeof(digits) || is_digit(text[len - 1]) ||
        strncasecmp(text, "0x", 2) == 0) {
        return parse_int(text, true, ret);
    }
    const char *unit = strchr(units, text[len - 1] | 0x20);
    if (unit == NULL) {
        return false;
    }
    unsigned shift = 10u * ((unsigned)(unit - units) + 1u);
    memcpy(digits, text, len - 1);
    digits[len - 1] = '\0';
    if (!parse_int(digits, false, &value) || value < 0 || value > INT64_MAX >> shift) {
        return false;
    }
    *ret = value << shift;
    return true;
}

/* "0.02" in millionths; what comes behind the sixth decimal counts for nothing. */
static bool parse_ppm(const char *text, int64_t *ret)
{
    int64_t value = 0;
    int decimals = -1;
    bool has_digit = false;
    for (; *text != '\0'; text++) {
        if (*text == '.' && decimals < 0) {
            decimals = 0;
        } else if (!is_digit(*text)) {
            return false;
        } else {
            has_digit = true;
            decimals += decimals >= 0 ? 1 : 0;
            if (decimals <= 6) {
                value = value * 10 + (*text - '0');
            }
            if (value > INT64_C(1) << 40) {
                return false;
            }
        }
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 6; i++) {
        value *= 10;
    }
    *ret = value;
    return has_digit;
}

/* "0.33", "-1" in millionths. */
static bool parse_factor(const char *text, int64_t *ret)
{
    bool is_negative = *text == '-';
    if (!parse_ppm(text + is_negative, ret)) {
        return false;
    }
    *ret = is_negative ? -*ret : *ret;
    return true;
}

/* A bare number is hours. ZK: Time.parseTimeInterval (3.10) */
static bool parse_hours(const char *text, int64_t *ret)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 3600000}, {"ms", 1},      {"s", 1000},
                 {"m", 60000},  {"h", 3600000}, {"d", 86400000}};
    char digits[RK_NUM_MAX];
    size_t at = strspn(text, "+-0123456789");
    int64_t value;
    if (at == 0 || at >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, at);
    digits[at] = '\0';
    if (!parse_int(digits, false, &value)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(text + at, units[i].unit) == 0) {
            if (value > INT64_MAX / units[i].ms || value < -INT64_MAX / units[i].ms) {
                return false;
            }
            *ret = value * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool parse_either(const char *text, const char *yes, const char *no, int64_t *ret)
{
    bool is_yes = strcasecmp(text, yes) == 0;
    if (!is_yes && strcasecmp(text, no) != 0) {
        return false;
    }
    *ret = is_yes;
    return true;
}

bool rk_key_parse(const struct rk_key *key, const char *text, int64_t *ret_value)
{
    int64_t value = 0;
    bool is_good = false;
    switch (key->kind) {
    case RK_KIND_TEXT:
        *ret_value = 0;
        return true;
    case RK_KIND_INT:
        is_good = parse_int(text, false, &value);
        break;
    case RK_KIND_DECODE:
        is_good = parse_int(text, true, &value);
        break;
    case RK_KIND_BYTES:
        is_good = parse_bytes(text, &value);
        break;
    case RK_KIND_BOOL:
        is_good = parse_either(text, "true", "false", &value);
        break;
    case RK_KIND_YES_NO:
        is_good = parse_either(text, "yes", "no", &value);
        break;
    case RK_KIND_PPM:
        is_good = parse_ppm(text, &value);
        break;
    case RK_KIND_FACTOR:
        is_good = parse_factor(text, &value);
        break;
    case RK_KIND_HOURS:
        is_good = parse_hours(text, &value);
        break;
    }
    if (!is_good || value < key->min || value > key->max) {
        return false;
    }
    *ret_value = value;
    return true;
}

static void number_form(const struct rk_key *key, const char *what, char *out, size_t cap)
{
    bool has_min = key->min > RK_I32_MIN;
    bool has_max = key->max < RK_I32_MAX;
    if (has_min && has_max) {
        (void)snprintf(out, cap, "%s from %lld to %lld", what, (long long)key->min,
                       (long long)key->max);
    } else if (has_min) {
        (void)snprintf(out, cap, "%s of at least %lld", what, (long long)key->min);
    } else {
        (void)snprintf(out, cap, "%s", what);
    }
}

void rk_key_form(const struct rk_key *key, char *out, size_t cap)
{
    switch (key->kind) {
    case RK_KIND_TEXT:
        (void)snprintf(out, cap, "a text");
        break;
    case RK_KIND_INT:
        number_form(key, "a whole decimal number", out, cap);
        break;
    case RK_KIND_DECODE:
        number_form(key, "a whole number (decimal, 0x hexadecimal or 0 octal)", out, cap);
        break;
    case RK_KIND_BYTES:
        number_form(key, "a number of bytes, also with k, m or g behind it,", out, cap);
        break;
    case RK_KIND_BOOL:
        (void)snprintf(out, cap, "true or false");
        break;
    case RK_KIND_YES_NO:
        (void)snprintf(out, cap, "yes or no");
        break;
    case RK_KIND_PPM:
        (void)snprintf(out, cap, "a decimal fraction from 0 to 1");
        break;
    case RK_KIND_FACTOR:
        (void)snprintf(out, cap, "a decimal number");
        break;
    case RK_KIND_HOURS:
        (void)snprintf(out, cap, "a whole number of hours, or one with ms, s, m, h or d behind it");
        break;
    }
}

/* -- Names
 * ------------------------------------------------------------------------------------------ */

/* The same by Java's names that all our keys have, then documentation names. */
static const char *honoured_at(size_t index)
{
    if (index < RK_KEY_COUNT) {
        return keys[index].name;
    }
    size_t left = index - RK_KEY_COUNT;
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        if (keys[id].doc_name != NULL && left-- == 0) {
            return keys[id].doc_name;
        }
    }
    return NULL;
}

static size_t honoured_count(void)
{
    size_t count = RK_KEY_COUNT;
    for (enum rk_key_id id = 0; id < RK_KEY_COUNT; id++) {
        count += keys[id].doc_name != NULL;
    }
    return count;
}

const char *rk_key_name_at(size_t index)
{
    size_t count = honoured_count();
    return index < count ? honoured_at(index) : rk_other_key_name_at(index - count);
}

#define NAME_MAX_LEN 80u

/* Letters that must be changed, added or left out to make b of a; case costs nothing. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t b_len = strlen(b);
    RK_ASSERT(b_len <= NAME_MAX_LEN);
    for (unsigned j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; *a != '\0'; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            bool is_same = (*a | 0x20) == (b[j - 1] | 0x20);
            unsigned cost = diagonal + (is_same ? 0 : 1);
            unsigned step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = cost < step ? cost : step;
        }
    }
    return row[b_len];
}

const char *rk_key_nearest(const char *name)
{
    const char *best = NULL;
    size_t len = strlen(name);
    unsigned best_distance = (unsigned)(len < 8 ? 2 : len / 4) + 1;
    if (len < 3 || len > NAME_MAX_LEN) {
        return NULL;
    }
    for (size_t i = 0; rk_key_name_at(i) != NULL; i++) {
        const char *candidate = rk_key_name_at(i);
        if (strchr(candidate, '*') != NULL) {
            continue;
        }
        unsigned d = distance(name, candidate);
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}
