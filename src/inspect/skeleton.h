/* The nodes of one or two snapshots by name, without their data: what summaries and comparisons
 * need. About 100 bytes a node, so that a tree of many gigabytes fits. */
#ifndef RK_INSPECT_SKELETON_H
#define RK_INSPECT_SKELETON_H

#include "base/bytes.h"
#include "base/err.h"

#define RK_INS_NODE_NONE UINT32_MAX

/* What one of the two snapshots says of a node. */
struct rk_ins_side {
    uint64_t data_bytes;  /* of the node itself */
    uint64_t total_bytes; /* with all below it; after _done */
    uint64_t total_count; /* all below it; after _done */
    uint64_t data_hash;
    uint32_t acl_hash;
    uint32_t stat_hash;
};

struct rk_ins_node {
    uint32_t parent; /* less than its own index; NONE for the root */
    uint32_t first;  /* children, by name; after _done */
    uint32_t next;
    uint32_t depth; /* 0 for the root */
    uint32_t name_len;
    bool is_there[2];
    uint64_t name_at;
    struct rk_ins_side side[2];
};

struct rk_ins_skeleton {
    struct rk_mem *mem;
    struct rk_ins_node *nodes; /* 0 is the root */
    uint32_t count;
    uint32_t cap;
    uint64_t seed;      /* of the hashes: names come from outside */
    uint32_t depth_max; /* what lies deeper is counted with its ancestor there; UINT32_MAX: none */
    uint8_t *names;
    uint64_t names_len;
    uint64_t names_cap;
    uint32_t *slots; /* open addressing: index + 1 */
    uint32_t slot_count;
};

void rk_ins_skeleton_init(struct rk_ins_skeleton *s, struct rk_mem *mem, uint32_t depth_max);
void rk_ins_skeleton_deinit(struct rk_ins_skeleton *s);
/* As snapshots give them: "" first, parents before children. RK_ERR_CORRUPT: no such parent, or it
 * was there before; RK_ERR_NOMEM. *info: data_bytes and the hashes. */
enum rk_err rk_ins_skeleton_add(struct rk_ins_skeleton *s, unsigned side, struct rk_bytes path,
                                const struct rk_ins_side *info) RK_MUST_CHECK;
/* Sums up and sorts. */
void rk_ins_skeleton_done(struct rk_ins_skeleton *s);
/* "/" and "" are the root. */
uint32_t rk_ins_skeleton_find(const struct rk_ins_skeleton *s, struct rk_bytes path);
struct rk_bytes rk_ins_skeleton_name(const struct rk_ins_skeleton *s, uint32_t node);
/* Appends the path to b; nothing for the root. */
void rk_ins_skeleton_path(const struct rk_ins_skeleton *s, uint32_t node, struct rk_buf *b);
/* Next in depth-first order below top (itself first); NONE at the end. */
uint32_t rk_ins_skeleton_walk(const struct rk_ins_skeleton *s, uint32_t top, uint32_t node);
/* Order of two nodes of the same depth by the text of their paths. */
int rk_ins_skeleton_compare(const struct rk_ins_skeleton *s, uint32_t a, uint32_t b);

#endif
