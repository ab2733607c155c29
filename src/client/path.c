/* Paths as the user and as the server see them. */
#include "proto/path.h"
#include "client/client_calls.h"

bool rk_client_chroot_is_valid(struct rk_bytes chroot)
{
    return chroot.len == 0 || rk_proto_path_is_valid(chroot, false);
}

/* A valid path starts with a slash, so that chroot + path is valid if both are; "/" under a chroot
 * is the chroot itself, but a name that is still to be completed goes below it. */
bool rk_client_path(const struct rk_client *client, struct rk_bytes path, bool is_sequential,
                    struct rk_buf *b)
{
    size_t before = b->len;
    struct rk_bytes chroot = client->config.chroot;
    if (!rk_proto_path_is_valid(path, is_sequential)) {
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
