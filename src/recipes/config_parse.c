/* Texts to typed values, the same whatever the locale. Space around a value does not count. */
#include "recipes/config_int.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SPACE      " \t\r\n"
#define TEXT_CHARS 64 /* no number is longer */

/* Without space around it. False: too long for anything but a text. */
static bool trim(const char *text, char out[TEXT_CHARS])
{
    text += strspn(text, SPACE);
    size_t bytes = strlen(text);
    while (bytes > 0 && strchr(SPACE, text[bytes - 1u]) != NULL) {
        bytes--;
    }
    if (bytes == 0 || bytes >= TEXT_CHARS) {
        return false;
    }
    memcpy(out, text, bytes);
    out[bytes] = '\0';
    return true;
}

static bool parse_int(const struct rk_config_key *key, const char *text, int64_t *ret_number)
{
    static const char units[] = "kMG";
    char *end = NULL;
    errno = 0;
    bool is_hex = strncasecmp(text + (text[0] == '-'), "0x", 2) == 0;
    long long number = strtoll(text, &end, is_hex ? 16 : 10);
    if (errno != 0 || end == text) {
        return false;
    }
    int64_t value = number;
    if (*end != '\0') {
        const char *unit = strchr(units, *end);
        if (unit == NULL || end[1] != '\0' ||
            __builtin_mul_overflow(value, (int64_t)1024 << (10 * (unit - units)), &value)) {
            return false;
        }
    }
    bool is_bounded = key->int_min != 0 || key->int_max != 0;
    if (is_bounded && (value < key->int_min || value > key->int_max)) {
        return false;
    }
    *ret_number = value;
    return true;
}

static bool parse_bool(const char *text, bool *ret_boolean)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_boolean = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool parse_double(const char *text, double *ret_real)
{
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    double real = strtod_l(text, &end, c);
    freelocale(c);
    if (errno == ERANGE || end == text || *end != '\0') {
        return false;
    }
    *ret_real = real;
    return true;
}

const char *rk_config_empty(enum rk_config_type type)
{
    return type == RK_CONFIG_TEXT ? "" : "0";
}

bool rk_config_parse(const struct rk_config_key *key, const char *text,
                     struct rk_config_value *value)
{
    char trimmed[TEXT_CHARS];
    if (key->type == RK_CONFIG_TEXT) {
        return true;
    }
    if (!trim(text, trimmed)) {
        return false;
    }
    switch (key->type) {
    case RK_CONFIG_INT:
        return parse_int(key, trimmed, &value->integer);
    case RK_CONFIG_BOOL:
        return parse_bool(trimmed, &value->boolean);
    case RK_CONFIG_DOUBLE:
        return parse_double(trimmed, &value->real);
    case RK_CONFIG_TEXT:
        break;
    }
    return false;
}
