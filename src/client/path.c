/* Paths as the user and as the server see them. What is valid is what Apache's PathUtils accepts;
 * the tree room has the server's own check, which clients do not link. */
#include "base/assert.h"
#include "client/client_calls.h"

#define CODE_BAD 0xfffdu

/* The code point at p, of which left > 0 bytes are there, and its length; CODE_BAD if malformed. */
static uint32_t decode(const uint8_t *p, size_t left, size_t *ret_len)
{
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

static bool is_refused(uint32_t code)
{
    return code <= 0x1f || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) ||
           code >= 0xfff0;
}

/* is_open: more will be appended, so that neither nothing nor dots are the whole name. */
static bool is_valid_name(const uint8_t *name, size_t len, bool is_open)
{
    if (!is_open && (len == 0 || (len == 1 && name[0] == '.') ||
                     (len == 2 && name[0] == '.' && name[1] == '.'))) {
        return false;
    }
    for (size_t at = 0; at < len;) {
        size_t code_len;
        if (is_refused(decode(name + at, len - at, &code_len))) {
            return false;
        }
        at += code_len;
    }
    return true;
}

/* ZK: PathUtils.validatePath */
static bool is_valid(struct rk_bytes path, bool is_sequential)
{
    uint32_t start = 1;
    if (path.data == NULL || path.len == 0 || path.data[0] != '/') {
        return false;
    }
    if (path.len == 1) {
        return true;
    }
    for (uint32_t at = 1; at < path.len; at++) {
        if (path.data[at] == '/') {
            if (!is_valid_name(path.data + start, at - start, false)) {
                return false;
            }
            start = at + 1;
        }
    }
    return is_valid_name(path.data + start, path.len - start, is_sequential);
}

bool rk_client_chroot_is_valid(struct rk_bytes chroot)
{
    return chroot.len == 0 || is_valid(chroot, false);
}

/* A valid path starts with a slash, so that chroot + path is valid if both are; "/" under a chroot
 * is the chroot itself, but a name that is still to be completed goes below it. */
bool rk_client_path(const struct rk_client *client, struct rk_bytes path, bool is_sequential,
                    struct rk_buf *b)
{
    size_t before = b->len;
    struct rk_bytes chroot = client->config.chroot;
    if (!is_valid(path, is_sequential)) {
        return false;
    }
    rk_buf_put(b, chroot.data, chroot.len);
    if (chroot.len == 0 || path.len > 1 || is_sequential) {
        rk_buf_put(b, path.data, path.len);
    }
    if (b->failed) {
        b->len = before;
        return false;
    }
    return true;
}

struct rk_bytes rk_client_strip(const struct rk_client *client, struct rk_bytes path)
{
    struct rk_bytes chroot = client->config.chroot;
    if (chroot.len == 0 || path.data == NULL || !rk_bytes_starts_with(path, chroot)) {
        return path;
    }
    if (path.len == chroot.len) {
        return rk_bytes_str("/");
    }
    if (path.data[chroot.len] != '/') {
        return path;
    }
    return rk_bytes_of(path.data + chroot.len, path.len - chroot.len);
}
