/* Numbers as Java prints them, and the bound of an answer. */
#include "admin/admin_int.h"

#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rk_admin_put(struct rk_buf *b, const char *text)
{
    rk_buf_put(b, text, strlen(text));
}

void rk_admin_put_int(struct rk_buf *b, int64_t v)
{
    char text[RK_NUM_MAX];
    rk_buf_put(b, text, rk_num_dec(text, v));
}

void rk_admin_put_count(struct rk_buf *b, uint64_t v)
{
    rk_admin_put_int(b, (int64_t)v);
}

void rk_admin_put_hex(struct rk_buf *b, uint64_t v)
{
    char text[RK_NUM_MAX];
    rk_buf_put(b, text, rk_num_hex(text, v));
}

/* The fewest digits that read back as v, without the dot; *ret_exponent is that of the first one.
 */
static size_t shortest_digits(double v, char digits[24], int *ret_exponent)
{
    char text[40];
    for (int precision = 0; precision <= 16; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    size_t count = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            digits[count++] = *at;
        }
    }
    *ret_exponent = (int)strtol(at + 1, NULL, 10);
    return count;
}

static void put_decimal(struct rk_buf *b, const char *digits, size_t count, int exponent)
{
    size_t whole = exponent < 0 ? 0 : (size_t)exponent + 1;
    rk_admin_put(b, exponent < 0 ? "0." : "");
    for (int i = -1; i > exponent; i--) {
        rk_buf_put_u8(b, '0');
    }
    for (size_t i = 0; i < count || i < whole; i++) {
        if (i == whole && whole > 0) {
            rk_buf_put_u8(b, '.');
        }
        rk_buf_put_u8(b, (uint8_t)(i < count ? digits[i] : '0'));
    }
    rk_admin_put(b, whole >= count ? ".0" : "");
}

void rk_admin_put_double(struct rk_buf *b, double v)
{
    char digits[24];
    int exponent = 0;
    RK_ASSERT(isfinite(v));
    if (v == 0) {
        rk_admin_put(b, "0.0");
        return;
    }
    if (v < 0) {
        rk_buf_put_u8(b, '-');
        v = -v;
    }
    size_t count = shortest_digits(v, digits, &exponent);
    if (v >= 1e-3 && v < 1e7) {
        put_decimal(b, digits, count, exponent);
        return;
    }
    rk_buf_put_u8(b, (uint8_t)digits[0]);
    rk_buf_put_u8(b, '.');
    if (count > 1) {
        rk_buf_put(b, digits + 1, count - 1);
    } else {
        rk_buf_put_u8(b, '0');
    }
    rk_buf_put_u8(b, 'E');
    rk_admin_put_int(b, exponent);
}

/* Java rounds the exact binary value of the quotient half up, so we work with its mantissa. */
double rk_admin_average(uint64_t sum, uint64_t count)
{
    int exponent;
    if (sum == 0 || count == 0) {
        return 0;
    }
    double fraction = frexp((double)sum / (double)count, &exponent);
    unsigned __int128 scaled = (unsigned __int128)(uint64_t)ldexp(fraction, 53) * 10000u;
    int shift = 53 - exponent;
    if (shift < 53 - 39) {
        return (double)sum / (double)count; /* from 2^39 on neighbours are over 0.0001 apart */
    }
    if (shift >= 127) {
        return 0;
    }
    unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
    uint64_t rounded = (uint64_t)((scaled + half) >> shift);
    return (double)rounded / 10000;
}

void rk_admin_put_average(struct rk_buf *b, uint64_t sum, uint64_t count)
{
    rk_admin_put_double(b, rk_admin_average(sum, count));
}

void rk_admin_put_key(struct rk_buf *b, const char *prefix, const char *name)
{
    rk_admin_put(b, "zk_");
    rk_admin_put(b, prefix);
    rk_admin_put(b, name);
    rk_buf_put_u8(b, '\t');
}

void rk_admin_put_number(struct rk_buf *b, const char *prefix, const char *name, int64_t value)
{
    rk_admin_put_key(b, prefix, name);
    rk_admin_put_int(b, value);
    rk_buf_put_u8(b, '\n');
}

bool rk_admin_is_full(const struct rk_admin *a, const struct rk_buf *b)
{
    return b->failed || b->len > a->config.answer_bytes_max;
}
