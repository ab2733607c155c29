/* Base64 (RFC 4648, with padding) and the dump of hexadecimal digits that zkCli prints. ZK:
 * Base64OutputFormatter, HexDumpOutputFormatter (Netty's prettyHexDump). */
#include "cli/cli_int.h"
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *rk_cli_base64(const char *data, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)data;
    char *text = bytes < SIZE_MAX / 2 ? malloc((bytes + 2) / 3 * 4 + 1) : NULL;
    char *out = text;

    if (!text)
        return NULL;
    for (size_t i = 0; i < bytes; i += 3) {
        size_t have = bytes - i < 3 ? bytes - i : 3;
        uint32_t bits = (uint32_t)at[i] << 16;
        if (have > 1)
            bits |= (uint32_t)at[i + 1] << 8;
        if (have > 2)
            bits |= at[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = have > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = have > 2 ? digits[bits & 63] : '=';
    }
    *out = 0;
    return text;
}

static int digit_of(char c)
{
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* ZK: Base64.getDecoder: no blanks, padding may be left out. */
bool rk_cli_unbase64(const char *text, char **ret_data, int *ret_bytes)
{
    size_t length = strlen(text);
    size_t used = 0;
    unsigned char *data;

    if (length % 4 == 0)
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    if (length % 4 == 1 || length > INT32_MAX)
        return false;
    data = malloc(length / 4 * 3 + 4);
    if (!data)
        return false;
    for (size_t i = 0; i < length; i += 4) {
        size_t have = length - i < 4 ? length - i : 4;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < have ? digit_of(text[i + k]) : 0;
            if (digit < 0) {
                free(data);
                return false;
            }
            bits = bits << 6 | (uint32_t)digit;
        }
        data[used++] = (unsigned char)(bits >> 16);
        if (have > 2)
            data[used++] = (unsigned char)(bits >> 8);
        if (have > 3)
            data[used++] = (unsigned char)bits;
    }
    data[used] = 0;
    *ret_data = (char *)data;
    *ret_bytes = (int)used;
    return true;
}

void rk_cli_put_hex(struct rk_cli *cli, const char *data, int bytes)
{
    static const char line[] =
        "+--------+-------------------------------------------------+----------------+";

    if (bytes <= 0)
        return;
    rk_cli_print(cli,
                 "         +-------------------------------------------------+\n"
                 "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n%s",
                 line);
    for (int row = 0; row < bytes; row += 16) {
        char text[17];
        rk_cli_print(cli, "\n|%08x|", (unsigned)row);
        for (int i = 0; i < 16; i++) {
            bool is_there = row + i < bytes;
            unsigned char c = is_there ? (unsigned char)data[row + i] : ' ';
            if (is_there)
                rk_cli_print(cli, " %02x", (unsigned)c);
            else
                rk_cli_print(cli, "   ");
            text[i] = c > 0x1f && c < 0x7f ? (char)c : '.';
        }
        text[16] = 0;
        rk_cli_print(cli, " |%s|", text);
    }
    rk_cli_print(cli, "\n%s", line);
}
