/* The replicated tree: znodes, their Stat, ACL table, quotas, digest, and the one function that
 * changes them, rk_tree_apply(): total (never fails on a decodable transaction) and deterministic.
 * Reading is by node id. A snapshot is a point in time taken beside changes: between begin and end
 * every change first writes the old image of the node it touches, for each one under way.
 *
 * ZK: DataTree, ReferenceCountedACLCache, DigestCalculator. Replay of Apache's fuzzy snapshots
 * follows the rules of spec-quorum A7 and is the same function as live apply. */
#ifndef RK_TREE_TREE_H
#define RK_TREE_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/opcode.h"
#include "proto/records.h"
#include "proto/txn.h"

/* 0 is no node; ids are reused after a delete. */
typedef uint32_t rk_node_id;
#define RK_NODE_NONE 0u

/* Stored ephemeralOwner values that are not sessions. ZK: EphemeralType. */
#define RK_OWNER_CONTAINER INT64_MIN
#define RK_TTL_MAX         0xffffffffffLL

enum rk_node_kind {
    RK_NODE_PERSISTENT,
    RK_NODE_EPHEMERAL,
    RK_NODE_CONTAINER,
    RK_NODE_TTL,
};

typedef uint32_t (*rk_crc32_fn)(uint32_t crc, const void *data, size_t len); /* as zlib's */

struct rk_tree_config {
    uint64_t seed;        /* of the hash tables */
    bool extended_types;  /* TTL nodes; off: a TTL owner counts as an ephemeral's session */
    bool emulate_353_ttl; /* 3.5.3 layout of TTL owners */
    bool digest;          /* keep the tree digest */
    rk_crc32_fn crc32;
};

struct rk_tree;

/* A fresh tree: /, /zookeeper, /zookeeper/config, /zookeeper/quota as Apache makes them. NULL
 * without memory for the tree itself; whoever runs out later panics. */
struct rk_tree *rk_tree_create(struct rk_mem *mem, const struct rk_tree_config *config);
void rk_tree_destroy(struct rk_tree *t);
/* Walks everything and asserts every invariant (links, counts, digest, hash chains). Tests and sim.
 */
void rk_tree_check(const struct rk_tree *t);

/* -- reading -- */

/* "" is an alias of "/"; anything that is not the exact path of a node is RK_NODE_NONE. */
rk_node_id rk_tree_find(const struct rk_tree *t, struct rk_bytes path);
void rk_tree_stat(const struct rk_tree *t, rk_node_id n,
                  struct rk_stat *ret); /* as clients see it */
void rk_tree_stat_persisted(const struct rk_tree *t, rk_node_id n, struct rk_stat_persisted *ret);
struct rk_bytes rk_tree_data(const struct rk_tree *t,
                             rk_node_id n); /* borrowed until the next change */
struct rk_bytes rk_tree_name(const struct rk_tree *t, rk_node_id n); /* last component, as long */
/* The whole path in the arena ("/" for the root). */
struct rk_bytes rk_tree_path(const struct rk_tree *t, rk_node_id n, struct rk_arena *a);
rk_node_id rk_tree_parent(const struct rk_tree *t, rk_node_id n);
rk_node_id rk_tree_first_child(const struct rk_tree *t, rk_node_id n);
rk_node_id rk_tree_next_sibling(const struct rk_tree *t, rk_node_id n);
uint32_t rk_tree_child_count(const struct rk_tree *t, rk_node_id n);
uint32_t rk_tree_descendant_count(const struct rk_tree *t, rk_node_id n); /* O(1) */
/* count == -1 never; an unknown id (damaged snapshot) gives NULL, which grants nobody but super.
 * The list stays valid until the next rk_tree_apply begins. */
const struct rk_vec_acl *rk_tree_acl(const struct rk_tree *t, rk_node_id n);
enum rk_node_kind rk_tree_kind(const struct rk_tree *t, rk_node_id n);
int64_t rk_tree_owner(const struct rk_tree *t, rk_node_id n); /* stored ephemeralOwner */
enum rk_node_kind rk_tree_kind_of_owner(const struct rk_tree *t, int64_t owner);

/* Nodes of one session, newest first. */
rk_node_id rk_tree_first_of_owner(const struct rk_tree *t, rk_session_id owner);
rk_node_id rk_tree_next_of_owner(const struct rk_tree *t, rk_node_id n);
uint32_t rk_tree_count_of_owner(const struct rk_tree *t, rk_session_id owner);
/* Sessions that own ephemerals, in no order: *cursor = 0 to start, false at the end. */
bool rk_tree_next_owner(const struct rk_tree *t, size_t *cursor, rk_session_id *ret_owner);
/* Containers and TTL nodes, for the reaper; same stepping (a node deleted in between ends the walk
 * early, never badly). */
rk_node_id rk_tree_first_reapable(const struct rk_tree *t);
rk_node_id rk_tree_next_reapable(const struct rk_tree *t, rk_node_id n);

struct rk_tree_counts {
    uint64_t nodes; /* as srvr prints: "/" counted twice as in Apache */
    uint64_t ephemerals;
    uint64_t data_bytes; /* paths + data. ZK: approximate_data_size */
    uint64_t acl_lists;
    uint64_t digest;
};
void rk_tree_counts(const struct rk_tree *t, struct rk_tree_counts *ret);

/* -- changing -- */

/* One watch trigger, in the order Apache fires them. */
struct rk_tree_event {
    enum rk_event_type type;
    struct rk_bytes path; /* borrowed from the txn or the arena */
    const struct rk_vec_acl
        *acl; /* whose READ decides who may see it; valid until the next apply */
};

/* Outcome of one operation (each element of a multi has its own). */
struct rk_tree_result {
    int32_t type; /* op of the txn; RK_OP_ERROR for a failed element */
    int32_t err;  /* enum rk_zk_error */
    struct rk_bytes path;
    struct rk_stat stat; /* create*: new node, setData/setACL: after the change */
};

struct rk_tree_outcome {
    struct rk_tree_result result; /* of the txn; for a multi the overall one */
    struct rk_tree_result *sub;   /* multi only */
    uint32_t sub_count;
    struct rk_tree_event *events;
    uint32_t event_count;
    bool digest_mismatch; /* the txn carried a digest that the tree does not have after it */
};

/* Applies a committed transaction (live or from a log). ret and what it points to live in the
 * arena, the strings also in the txn. createSession is a no-op here; closeSession deletes the
 * listed paths, then what the tree still has of that session. Errors of replay (no node, node
 * exists) are results, not failures. Panics when memory is out. */
void rk_tree_apply(struct rk_tree *t, const struct rk_txn *txn, struct rk_arena *a,
                   struct rk_tree_outcome *ret);

struct rk_tree_hint {       /* what is known of a setData when it is proposed */
    uint64_t before, after; /* what the node adds to the digest (rk_tree_node_digest) */
    uint32_t content_crc;   /* of path and new data */
};
/* For the next rk_tree_apply, which must be of that setData. Trusted: it must come from this tree.
 */
void rk_tree_give_hint(struct rk_tree *t, const struct rk_tree_hint *hint);

/* Deletes ephemerals whose owner is not alive, without a txn, as Apache does after loading on a
 * leader or standalone server. Returns how many. */
uint32_t rk_tree_drop_orphans(struct rk_tree *t, rk_zxid zxid,
                              bool (*is_alive)(void *ctx, rk_session_id id), void *ctx);

/* Overwrites /zookeeper/config. */
void rk_tree_set_config(struct rk_tree *t, struct rk_bytes text, rk_zxid version_zxid);

/* -- digest -- */

/* What one node adds to the tree digest (0 below /zookeeper/). ZK: DigestCalculator. */
uint64_t rk_tree_node_digest(rk_crc32_fn crc32, struct rk_bytes path, struct rk_bytes data,
                             const struct rk_stat_persisted *stat);
/* And the CRC that it begins with. */
uint64_t rk_tree_node_digest_parts(rk_crc32_fn crc32, struct rk_bytes path, struct rk_bytes data,
                                   const struct rk_stat_persisted *stat, uint32_t *ret_content);
uint64_t rk_tree_digest(const struct rk_tree *t);
/* The digest of a node as it is now (cached, O(1)). */
uint64_t rk_tree_digest_of(const struct rk_tree *t, rk_node_id n);

/* -- quota (ZK: StatsTrack, PathTrie) -- */

enum rk_quota_verdict {
    RK_QUOTA_OK,
    RK_QUOTA_SOFT, /* over a soft limit: to be logged */
    RK_QUOTA_HARD, /* over a hard limit: refuse if enforced */
};
/* Would adding these at path break the deepest quota above it? ret_root gets that quota's path
 * (null if none), borrowed. ZK: ZooKeeperServer.checkQuota. */
enum rk_quota_verdict rk_tree_quota_check(const struct rk_tree *t, struct rk_bytes path,
                                          int64_t count, int64_t bytes, struct rk_bytes *ret_root);

/* -- snapshot (point in time) -- */

#define RK_TREE_WALKS 4u                              /* so many at a time */
uint32_t rk_tree_snap_count(const struct rk_tree *t); /* under way */
/* Starts one, the lowest walk that is free: appends the ACL map ("int count, {long id,
 * vector<ACL>}") to out, which is the place for old images until rk_tree_snap_end. */
uint32_t rk_tree_snap_begin(struct rk_tree *t, struct rk_buf *out);
/* Serialises up to max_nodes more (ustring path + DataNode, parents first); true: all are out. */
bool rk_tree_snap_step(struct rk_tree *t, uint32_t walk, uint32_t max_nodes);
/* After the last step, or at any time to give up. */
void rk_tree_snap_end(struct rk_tree *t, uint32_t walk);

/* -- loading -- */

/* Into a tree made with rk_tree_create_empty. Parents come before children. */
struct rk_tree *rk_tree_create_empty(struct rk_mem *mem, const struct rk_tree_config *config);
/* Malformed (duplicate id, null list): RK_ERR_CORRUPT. */
enum rk_err rk_tree_load_acl(struct rk_tree *t, int64_t acl_id,
                             const struct rk_vec_acl *acl) RK_MUST_CHECK;
/* path "" is the root. A missing parent, a second node of that path or a bad path: RK_ERR_CORRUPT,
 * told by this call or one of the next, at the latest by rk_tree_load_flush or _done; until then
 * the tree must not be read. Path and data are copied. */
enum rk_err rk_tree_load_node(struct rk_tree *t, struct rk_bytes path, struct rk_bytes data,
                              int64_t acl_id, const struct rk_stat_persisted *stat) RK_MUST_CHECK;
/* What was given so far is in the tree, which may be read then. RK_ERR_CORRUPT as above. */
enum rk_err rk_tree_load_flush(struct rk_tree *t) RK_MUST_CHECK;
/* Adds missing built-in nodes, drops unused ACLs, recounts quotas. RK_ERR_CORRUPT without a root.
 */
enum rk_err rk_tree_load_done(struct rk_tree *t) RK_MUST_CHECK;

#endif
