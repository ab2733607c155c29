/* Records of znodes. Guarantees that sections are read and written without unaligned access, that a
 * rebuilt record says the same as the old one, and that null data stays apart from empty data.
 * Links between nodes, counts and digests are kept by the tree. */
#include "tree/node.h"

#include <string.h>

_Static_assert(offsetof(struct rk_node_mod, version) + 4 == RK_NODE_MOD_BYTES, "packed size");
_Static_assert(offsetof(struct rk_node_dir, count_below) + 4 == RK_NODE_DIR_BYTES, "packed size");
_Static_assert(offsetof(struct rk_node_ext, next) + 4 == RK_NODE_EXT_BYTES, "packed size");

static size_t dir_offset(uint32_t flags)
{
    return (flags & RK_NODE_MOD) != 0 ? RK_NODE_MOD_BYTES : 0;
}

static size_t ext_offset(uint32_t flags)
{
    return dir_offset(flags) + ((flags & RK_NODE_DIR) != 0 ? RK_NODE_DIR_BYTES : 0);
}

static size_t name_offset(uint32_t flags)
{
    return ext_offset(flags) + ((flags & RK_NODE_EXT) != 0 ? RK_NODE_EXT_BYTES : 0);
}

static size_t record_bytes(uint32_t flags, uint32_t name_len, uint32_t data_len)
{
    return sizeof(struct rk_node) + name_offset(flags) + name_len + data_len;
}

size_t rk_node_bytes(const struct rk_node *n)
{
    return record_bytes(rk_node_flags(n), rk_node_name_len(n), rk_node_data_len(n));
}

static uint32_t sections_for(const struct rk_stat_persisted *stat)
{
    uint32_t flags = 0;
    if (stat->mzxid != stat->czxid || stat->mtime != stat->ctime || stat->version != 0) {
        flags |= RK_NODE_MOD;
    }
    if (stat->pzxid != stat->czxid || stat->cversion != 0) {
        flags |= RK_NODE_DIR;
    }
    if (stat->ephemeral_owner != 0 || stat->aversion != 0) {
        flags |= RK_NODE_EXT;
    }
    return flags;
}

struct rk_node *rk_node_create(struct rk_mem *mem, struct rk_bytes name, struct rk_bytes data,
                               const struct rk_stat_persisted *stat)
{
    RK_ASSERT(name.len <= RK_NODE_NAME_MAX);
    RK_ASSERT(data.data != NULL || data.len == 0);
    RK_ASSERT(data.len != RK_NODE_DATA_NULL);
    uint32_t flags = sections_for(stat);
    struct rk_node *n = rk_mem_must_alloc(mem, record_bytes(flags, name.len, data.len));
    n->czxid = stat->czxid;
    n->ctime = stat->ctime;
    n->parent = RK_NODE_NONE;
    n->acl = 0;
    n->name_bits = flags << 24 | name.len;
    n->data_len = data.data == NULL ? RK_NODE_DATA_NULL : data.len;
    if ((flags & RK_NODE_MOD) != 0) {
        rk_node_put_mod(n, &(struct rk_node_mod){stat->mzxid, stat->mtime, stat->version});
    }
    if ((flags & RK_NODE_DIR) != 0) {
        rk_node_put_dir(n, &(struct rk_node_dir){.pzxid = stat->pzxid, .cversion = stat->cversion});
    }
    if ((flags & RK_NODE_EXT) != 0) {
        rk_node_put_ext(
            n, &(struct rk_node_ext){.owner = stat->ephemeral_owner, .aversion = stat->aversion});
    }
    uint8_t *at = n->tail + name_offset(flags);
    if (name.len > 0) {
        memcpy(at, name.data, name.len);
    }
    if (data.len > 0) {
        memcpy(at + name.len, data.data, data.len);
    }
    return n;
}

void rk_node_destroy(struct rk_mem *mem, struct rk_node *n)
{
    RK_ASSERT(n != NULL);
    rk_mem_free(mem, n, rk_node_bytes(n));
}

struct rk_node *rk_node_with(struct rk_mem *mem, struct rk_node *take_n, uint32_t sections)
{
    uint32_t old_flags = rk_node_flags(take_n);
    uint32_t flags = old_flags | sections;
    RK_ASSERT((sections & ~RK_NODE_SECTIONS) == 0);
    if (flags == old_flags) {
        return take_n;
    }
    uint32_t name_len = rk_node_name_len(take_n);
    uint32_t data_len = rk_node_data_len(take_n);
    struct rk_node *n = rk_mem_must_alloc(mem, record_bytes(flags, name_len, data_len));
    memcpy(n, take_n, sizeof(*n));
    n->name_bits = flags << 24 | name_len;
    struct rk_node_mod mod;
    struct rk_node_dir dir;
    struct rk_node_ext ext;
    if ((flags & RK_NODE_MOD) != 0) {
        rk_node_get_mod(take_n, &mod);
        rk_node_put_mod(n, &mod);
    }
    if ((flags & RK_NODE_DIR) != 0) {
        rk_node_get_dir(take_n, &dir);
        rk_node_put_dir(n, &dir);
    }
    if ((flags & RK_NODE_EXT) != 0) {
        rk_node_get_ext(take_n, &ext);
        rk_node_put_ext(n, &ext);
    }
    memcpy(n->tail + name_offset(flags), take_n->tail + name_offset(old_flags),
           (size_t)name_len + data_len);
    rk_node_destroy(mem, take_n);
    return n;
}

struct rk_node *rk_node_with_data(struct rk_mem *mem, struct rk_node *take_n, struct rk_bytes data)
{
    RK_ASSERT(data.data != NULL || data.len == 0);
    RK_ASSERT(data.len != RK_NODE_DATA_NULL);
    struct rk_node *n = take_n;
    uint32_t flags = rk_node_flags(n);
    size_t old_bytes = rk_node_bytes(n);
    size_t new_bytes = record_bytes(flags, rk_node_name_len(n), data.len);
    if (new_bytes != old_bytes) {
        n = rk_mem_must_resize(mem, n, old_bytes, new_bytes);
    }
    n->data_len = data.data == NULL ? RK_NODE_DATA_NULL : data.len;
    if (data.len > 0) {
        memcpy(n->tail + name_offset(flags) + rk_node_name_len(n), data.data, data.len);
    }
    return n;
}

struct rk_bytes rk_node_name(const struct rk_node *n)
{
    return rk_bytes_of(n->tail + name_offset(rk_node_flags(n)), rk_node_name_len(n));
}

struct rk_bytes rk_node_data(const struct rk_node *n)
{
    if (n->data_len == RK_NODE_DATA_NULL) {
        return (struct rk_bytes){NULL, 0};
    }
    return rk_bytes_of(n->tail + name_offset(rk_node_flags(n)) + rk_node_name_len(n), n->data_len);
}

void rk_node_get_mod(const struct rk_node *n, struct rk_node_mod *ret)
{
    *ret = (struct rk_node_mod){.mzxid = n->czxid, .mtime = n->ctime};
    if ((rk_node_flags(n) & RK_NODE_MOD) != 0) {
        memcpy(ret, n->tail, RK_NODE_MOD_BYTES);
    }
}

void rk_node_get_dir(const struct rk_node *n, struct rk_node_dir *ret)
{
    uint32_t flags = rk_node_flags(n);
    if ((flags & RK_NODE_DIR) != 0) {
        memcpy(ret, n->tail + dir_offset(flags), RK_NODE_DIR_BYTES);
    } else {
        *ret = (struct rk_node_dir){.pzxid = n->czxid};
    }
}

void rk_node_get_ext(const struct rk_node *n, struct rk_node_ext *ret)
{
    uint32_t flags = rk_node_flags(n);
    *ret = (struct rk_node_ext){.owner = 0};
    if ((flags & RK_NODE_EXT) != 0) {
        memcpy(ret, n->tail + ext_offset(flags), RK_NODE_EXT_BYTES);
    }
}

void rk_node_put_mod(struct rk_node *n, const struct rk_node_mod *v)
{
    RK_ASSERT((rk_node_flags(n) & RK_NODE_MOD) != 0);
    memcpy(n->tail, v, RK_NODE_MOD_BYTES);
}

void rk_node_put_dir(struct rk_node *n, const struct rk_node_dir *v)
{
    uint32_t flags = rk_node_flags(n);
    RK_ASSERT((flags & RK_NODE_DIR) != 0);
    memcpy(n->tail + dir_offset(flags), v, RK_NODE_DIR_BYTES);
}

void rk_node_put_ext(struct rk_node *n, const struct rk_node_ext *v)
{
    uint32_t flags = rk_node_flags(n);
    RK_ASSERT((flags & RK_NODE_EXT) != 0);
    memcpy(n->tail + ext_offset(flags), v, RK_NODE_EXT_BYTES);
}

void rk_node_stat(const struct rk_node *n, struct rk_stat_persisted *ret)
{
    struct rk_node_mod mod;
    struct rk_node_dir dir;
    struct rk_node_ext ext;
    rk_node_get_mod(n, &mod);
    rk_node_get_dir(n, &dir);
    rk_node_get_ext(n, &ext);
    *ret = (struct rk_stat_persisted){
        .czxid = n->czxid,
        .mzxid = mod.mzxid,
        .ctime = n->ctime,
        .mtime = mod.mtime,
        .version = mod.version,
        .cversion = dir.cversion,
        .aversion = ext.aversion,
        .ephemeral_owner = ext.owner,
        .pzxid = dir.pzxid,
    };
}
