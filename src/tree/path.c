/* Paths: the parts of a name. What clients may name is proto's rule; whether a path leads to a node
 * is the tree's business; which request validates what is the core's. */
#include "tree/path.h"

#include "proto/path.h"

bool rk_path_is_valid(struct rk_bytes path)
{
    return rk_proto_path_is_valid(path, false);
}

bool rk_path_has_parent(struct rk_bytes path)
{
    bool has_slash = false;
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '\0') {
            return false;
        }
        has_slash |= path.data[i] == '/';
    }
    return has_slash;
}

/* Where the last slash is. */
static uint32_t last_slash(struct rk_bytes path)
{
    uint32_t at = path.len;
    while (at > 0 && path.data[at - 1] != '/') {
        at--;
    }
    RK_ASSERT(at > 0); /* the caller knows that there is one */
    return at - 1;
}

struct rk_bytes rk_path_parent(struct rk_bytes path)
{
    uint32_t slash = last_slash(path);
    RK_ASSERT(slash < path.len);
    return rk_bytes_of(path.data, slash);
}

struct rk_bytes rk_path_name(struct rk_bytes path)
{
    uint32_t start = last_slash(path) + 1;
    RK_ASSERT(start <= path.len);
    return rk_bytes_of(path.data + start, path.len - start);
}

bool rk_path_is_special(struct rk_bytes path)
{
    return rk_bytes_is(path, "/") || rk_bytes_is(path, "/zookeeper") ||
           rk_bytes_is(path, "/zookeeper/quota") || rk_bytes_is(path, "/zookeeper/config");
}

bool rk_path_is_below(struct rk_bytes path, struct rk_bytes prefix)
{
    if (prefix.len == 1 && prefix.data[0] == '/') {
        prefix.len = 0; /* the alias of the root that other paths extend */
    }
    return path.len > prefix.len + 1 && path.data[prefix.len] == '/' &&
           rk_bytes_starts_with(path, prefix);
}

struct rk_bytes rk_path_namespace(struct rk_bytes path)
{
    if (path.len < 2 || path.data[0] != '/') {
        return rk_bytes_str("");
    }
    uint32_t end = 1;
    while (end < path.len && path.data[end] != '/') {
        end++;
    }
    RK_ASSERT(end >= 1);
    return rk_bytes_of(path.data + 1, end - 1);
}
