/* Numbers to text and back. Guarantees exact round trips over the whole range of each type; parsing
 * takes the whole text or nothing and leaves the result untouched on failure. */
#include "base/num.h"

#include <string.h>

/* Writes v's digits, at least width_min of them; returns how many. */
static size_t put_digits(char *out, uint64_t v, unsigned base, size_t width_min)
{
    char digits[RK_NUM_MAX];
    size_t n = 0;
    do {
        digits[RK_NUM_MAX - 1 - n] = "0123456789abcdef"[v % base];
        v /= base;
        n++;
    } while (v != 0);
    while (n < width_min) {
        digits[RK_NUM_MAX - 1 - n] = '0';
        n++;
    }
    RK_ASSERT(n <= RK_NUM_MAX);
    memcpy(out, digits + RK_NUM_MAX - n, n);
    return n;
}

/* Also right for INT64_MIN, whose magnitude int64_t cannot hold. */
static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

size_t rk_num_dec(char *out, int64_t v)
{
    size_t sign = (size_t)(v < 0);
    if (sign != 0) {
        out[0] = '-';
    }
    return sign + put_digits(out + sign, magnitude(v), 10, 1);
}

size_t rk_num_hex(char *out, uint64_t v)
{
    return put_digits(out, v, 16, 1);
}

size_t rk_num_dec10(char *out, int32_t v)
{
    size_t sign = (size_t)(v < 0);
    if (sign != 0) {
        out[0] = '-';
    }
    return sign + put_digits(out + sign, magnitude(v), 10, 10 - sign);
}

bool rk_num_parse_dec(struct rk_bytes text, int64_t *ret_v)
{
    uint32_t at = 0;
    bool is_negative = false;
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        is_negative = text.data[0] == '-';
        at = 1;
    }
    if (at == text.len) {
        return false;
    }
    uint64_t limit = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (c < '0' || c > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)c - '0';
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    RK_ASSERT(value <= limit);
    *ret_v = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static bool hex_digit(uint8_t c, uint64_t *ret_digit)
{
    if (c >= '0' && c <= '9') {
        *ret_digit = (uint64_t)c - '0';
    } else if (c >= 'a' && c <= 'f') {
        *ret_digit = (uint64_t)c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
        *ret_digit = (uint64_t)c - 'A' + 10;
    } else {
        return false;
    }
    return true;
}

bool rk_num_parse_hex(struct rk_bytes text, uint64_t *ret_v)
{
    if (text.len == 0) {
        return false;
    }
    uint64_t value = 0;
    for (uint32_t at = 0; at < text.len; at++) {
        uint64_t digit = 0;
        if (!hex_digit(text.data[at], &digit) || value > UINT64_MAX >> 4) {
            return false;
        }
        value = value << 4 | digit;
    }
    *ret_v = value;
    return true;
}
