/* Quotas: which paths have one, and the text that limits and usage are kept in. ZK: PathTrie,
 * StatsTrack, Quotas. The nodes under /zookeeper/quota are the tree's; this only reads and writes
 * what is in them. */
#ifndef RK_TREE_QUOTA_H
#define RK_TREE_QUOTA_H

#include "base/map.h"

#define RK_QUOTA_ROOT   "/zookeeper/quota"
#define RK_QUOTA_LIMITS "zookeeper_limits"
#define RK_QUOTA_STATS  "zookeeper_stats"

struct rk_quota_node;

/* The paths with a quota, as a trie. */
struct rk_quotas {
    struct rk_mem *mem;
    struct rk_map edges; /* (parent, name) to node */
    uint64_t seed;
    uint64_t id_last;
    uint32_t count; /* registered paths */
};

void rk_quotas_init(struct rk_quotas *q, struct rk_mem *mem, uint64_t seed);
void rk_quotas_deinit(struct rk_quotas *q);
/* prefix is "/a/b"; the root ("" or "/") is ignored, as in Apache. Again is a no-op. */
void rk_quotas_add(struct rk_quotas *q, struct rk_bytes prefix);
void rk_quotas_remove(struct rk_quotas *q, struct rk_bytes prefix);
/* The longest registered path that path is or is below, as a view of path; null if there is none.
 */
struct rk_bytes rk_quotas_deepest(const struct rk_quotas *q, struct rk_bytes path);

/* What a limits or stats node says: -1 for what is missing or not a number. */
struct rk_quota_track {
    int64_t count;
    int64_t bytes;
    int64_t count_hard;
    int64_t bytes_hard;
    bool has_count_hard; /* the key is there, and is kept when written back */
    bool has_bytes_hard;
};

#define RK_QUOTA_TEXT_MAX 192u

/* Never fails: what cannot be read is skipped, unknown keys are dropped. */
void rk_quota_parse(struct rk_bytes text, struct rk_quota_track *ret);
/* "count=1,bytes=2", and "=;byteHardLimit=3;countHardLimit=4" behind it if those keys are there. */
size_t rk_quota_format(const struct rk_quota_track *track, uint8_t out[RK_QUOTA_TEXT_MAX]);

#endif
