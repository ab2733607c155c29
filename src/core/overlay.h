/* Pending changes: what proposed but not yet applied transactions will make of the tree, by path.
 * New requests are validated against this on top of the tree, so thousands of writes can be in
 * flight. Each record belongs to the youngest proposal that touched it and goes when that one is
 * applied. ZK: PrepRequestProcessor, ChangeRecord, zks.outstandingChanges. */
#ifndef RK_CORE_OVERLAY_H
#define RK_CORE_OVERLAY_H

#include "base/map.h"
#include "tree/tree.h"
#include "zab/broadcast.h"

/* What a change record says of its node; copied aside while a multi may still fail. */
struct rk_change_state {
    rk_zxid zxid; /* youngest transaction that touched it */
    bool exists;
    struct rk_stat_persisted stat;
    int32_t child_count;
    uint64_t digest;
    rk_zxid data_zxid; /* data below is newer than the tree's until this is applied; 0 = never */
    struct rk_bytes data;
    size_t data_offset;  /* of data in its transaction */
    rk_zxid acl_zxid;    /* likewise */
    struct rk_bytes acl; /* an encoded vector<ACL>, and more behind it */
    size_t acl_offset;   /* of it in its transaction */
};

struct rk_change {
    struct rk_map_entry by_path; /* first: the map's key function relies on it */
    struct rk_link in_proposal;  /* lone while its first transaction is being built */
    struct rk_change_state state;
    uint64_t touched_by; /* serial of the build that touched it last */
    uint32_t path_len;
    uint8_t path[];
};

struct rk_touched {
    struct rk_change *change;
    bool is_new;
    struct rk_change_state before; /* unless is_new */
};

/* A node as the next transaction will find it. */
struct rk_view {
    bool exists;
    struct rk_stat_persisted stat;
    int32_t child_count;
    uint64_t digest; /* what it adds to the tree's as it was found; put needs it untouched */
    struct rk_bytes data;
    const struct rk_vec_acl *acl; /* NULL: damaged, nobody but super */
    rk_node_id node;              /* in the tree, RK_NODE_NONE if only pending */
};

struct rk_overlay {
    struct rk_mem *mem;
    const struct rk_tree *tree;
    rk_crc32_fn crc32; /* NULL: no digests */
    struct rk_bytemap changes;
    uint32_t count;
    struct rk_map_entry *spare; /* records of short paths to be used again, by_path.next */
    uint32_t spare_count;
    uint32_t ephemeral_count; /* records of pending, existing ephemerals */
    uint64_t digest;          /* of the tree as it will be */
    /* the transaction being built */
    struct rk_tree_hint hint; /* of the last put */
    uint64_t serial;
    rk_zxid building; /* 0: none */
    const struct rk_buf *txn;
    uint64_t digest_before;
    uint32_t ephemeral_before;
    struct rk_touched *touched;
    uint32_t touched_count;
    uint32_t touched_cap;
};

void rk_overlay_init(struct rk_overlay *o, struct rk_mem *mem, uint64_t seed);
void rk_overlay_deinit(struct rk_overlay *o);
/* Starts over on a tree without pending changes. */
void rk_overlay_attach(struct rk_overlay *o, const struct rk_tree *tree, rk_crc32_fn crc32);

/* Pending state if there is one, else the tree's; false (and exists false) if there is no such
 * node. The ACL list may live in the arena. applied is the zxid the tree stands at. */
bool rk_overlay_view(const struct rk_overlay *o, struct rk_bytes path, rk_zxid applied,
                     struct rk_arena *a, struct rk_view *ret);
/* The pending record of a path, NULL if nothing is pending. */
const struct rk_change *rk_overlay_find(const struct rk_overlay *o, struct rk_bytes path);

/* One transaction, encoded into txn as it is built: begin, any number of puts, then commit or roll
 * back. */
void rk_overlay_begin(struct rk_overlay *o, rk_zxid zxid, const struct rk_buf *txn);
/* Records the node's new state (its view, as changed by the caller) and updates the digest. The
 * data and ACL of the view stay where they are unless set_data / set_acl follow. */
struct rk_change *rk_overlay_put(struct rk_overlay *o, struct rk_bytes path,
                                 const struct rk_view *view, rk_zxid applied);
/* The value that put just digested is new in this transaction and will lie at offset in its
 * payload. */
void rk_overlay_set_data(struct rk_overlay *o, struct rk_change *change, struct rk_bytes data,
                         size_t offset);
void rk_overlay_set_acl(struct rk_overlay *o, struct rk_change *change, size_t offset);
void rk_overlay_rollback(struct rk_overlay *o);
/* The records now belong to p; their data and ACLs point into its payload. */
void rk_overlay_commit(struct rk_overlay *o, struct rk_proposal *p);
/* p was applied: forget what nobody younger has touched. */
void rk_overlay_applied(struct rk_overlay *o, struct rk_proposal *p);
void rk_overlay_check(const struct rk_overlay *o);

#endif
