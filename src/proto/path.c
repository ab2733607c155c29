/* The rule for paths, which servers and clients check alike. */
#include "proto/path.h"

#define CODE_BAD 0xfffdu /* what Java decodes malformed UTF-8 to; is_refused refuses it */

/* ZK: PathUtils.validatePath. Above U+FFFF Java sees surrogates, which it refuses. */
static bool is_refused(uint32_t code)
{
    return code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
           code >= 0xfff0;
}

/* The code point at p, of which left > 0 bytes are there, and its length. Overlong and surrogate
 * forms are malformed; four-byte forms are refused anyway, so they need no decoding. */
static uint32_t decode(const uint8_t *p, size_t left, size_t *ret_len)
{
    RK_ASSERT(left > 0);
    *ret_len = 1;
    if (p[0] < 0x80) {
        return p[0];
    }
    if (p[0] >= 0xc2 && p[0] <= 0xdf && left >= 2 && (p[1] & 0xc0u) == 0x80) {
        *ret_len = 2;
        return ((uint32_t)(p[0] & 0x1fu) << 6) | (p[1] & 0x3fu);
    }
    if ((p[0] & 0xf0u) == 0xe0 && left >= 3 && (p[1] & 0xc0u) == 0x80 && (p[2] & 0xc0u) == 0x80) {
        uint32_t code =
            ((uint32_t)(p[0] & 0x0fu) << 12) | ((uint32_t)(p[1] & 0x3fu) << 6) | (p[2] & 0x3fu);
        *ret_len = 3;
        return code < 0x800 ? CODE_BAD : code;
    }
    return CODE_BAD;
}

/* Between two slashes: not empty, neither "." nor "..", and no refused character. is_open: more
 * will be appended. */
static bool is_valid_name(const uint8_t *name, size_t len, bool is_open)
{
    if (!is_open && (len == 0 || (len == 1 && name[0] == '.') ||
                     (len == 2 && name[0] == '.' && name[1] == '.'))) {
        return false;
    }
    size_t at = 0;
    while (at < len && name[at] > 0x1f && name[at] < 0x7f) {
        at++; /* nearly all of nearly every name */
    }
    while (at < len) {
        size_t code_len;
        if (is_refused(decode(name + at, len - at, &code_len))) {
            return false;
        }
        at += code_len;
    }
    RK_ASSERT(at == len);
    return true;
}

bool rk_proto_path_is_valid(struct rk_bytes path, bool is_sequential)
{
    if (path.data == NULL || path.len == 0 || path.data[0] != '/') {
        return false;
    }
    if (path.len == 1) {
        return true;
    }
    size_t start = 1;
    for (size_t at = 1; at < path.len; at++) {
        if (path.data[at] == '/') {
            if (!is_valid_name(path.data + start, at - start, false)) {
                return false;
            }
            start = at + 1;
        }
    }
    return is_valid_name(path.data + start, path.len - start, is_sequential);
}
