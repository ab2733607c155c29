/* The digest of nodes and tree ("adhash"): the CRC-32 of path, data and Stat of every node, summed.
 * Path and data come first in it, so their CRC is kept, and a change of Stat costs 60 bytes however
 * much data the node has. ZK: DigestCalculator, AdHash, digest version 2. */
#include "tree/tree_int.h"

#define STAT_BYTES 60u

bool rk_tree_is_undigested(struct rk_bytes path)
{
    return rk_bytes_starts_with(path, rk_bytes_str(RK_TREE_ZOOKEEPER "/"));
}

/* Of NULL such functions answer 0, whatever the sum so far. */
static uint32_t add_bytes(rk_crc32_fn crc32, uint32_t crc, struct rk_bytes b)
{
    return b.len == 0 ? crc : crc32(crc, b.data, b.len);
}

static uint32_t content_crc(rk_crc32_fn crc32, struct rk_bytes path, struct rk_bytes data)
{
    RK_ASSERT(crc32 != NULL);
    if (path.len == 1) { /* "/": the root counts under its other name */
        path.len = 0;
    }
    return add_bytes(crc32, add_bytes(crc32, 0, path), data);
}

static uint64_t add_stat(rk_crc32_fn crc32, uint32_t crc, const struct rk_stat_persisted *stat)
{
    uint8_t b[STAT_BYTES];
    rk_store_i64(b, stat->czxid);
    rk_store_i64(b + 8, stat->mzxid);
    rk_store_i64(b + 16, stat->pzxid);
    rk_store_i64(b + 24, stat->ctime);
    rk_store_i64(b + 32, stat->mtime);
    rk_store_i32(b + 40, stat->version);
    rk_store_i32(b + 44, stat->cversion);
    rk_store_i32(b + 48, stat->aversion);
    rk_store_i64(b + 52, stat->ephemeral_owner);
    return crc32(crc, b, sizeof(b));
}

uint64_t rk_tree_node_digest_parts(rk_crc32_fn crc32, struct rk_bytes path, struct rk_bytes data,
                                   const struct rk_stat_persisted *stat, uint32_t *ret_content)
{
    *ret_content = 0;
    if (rk_tree_is_undigested(path)) {
        return 0;
    }
    *ret_content = content_crc(crc32, path, data);
    return add_stat(crc32, *ret_content, stat);
}

uint64_t rk_tree_node_digest(rk_crc32_fn crc32, struct rk_bytes path, struct rk_bytes data,
                             const struct rk_stat_persisted *stat)
{
    uint32_t content;
    return rk_tree_node_digest_parts(crc32, path, data, stat, &content);
}

uint32_t rk_tree_content_crc(const struct rk_tree *t, struct rk_bytes path, struct rk_bytes data)
{
    return t->config.digest ? content_crc(t->config.crc32, path, data) : 0;
}

uint64_t rk_tree_digest(const struct rk_tree *t)
{
    return t->digest;
}

uint64_t rk_tree_digest_of(const struct rk_tree *t, rk_node_id n)
{
    const struct rk_node *node = rk_tree_node(t, n);
    if (!t->config.digest || (rk_node_flags(node) & RK_NODE_NO_DIGEST) != 0) {
        return 0;
    }
    struct rk_stat_persisted stat;
    rk_node_stat(node, &stat);
    return add_stat(t->config.crc32, *rk_table_crc(&t->table, n), &stat);
}
