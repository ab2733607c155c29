/* A snapshot file as the verbs read it: streamed, node by node. */
#ifndef RK_INSPECT_SNAPSHOTS_H
#define RK_INSPECT_SNAPSHOTS_H

#include "inspect/files.h"
#include "store/snap_format.h"
#include "tree/tree.h"

/* Longest string, buffer or ACL of a snapshot that is believed. */
#define RK_INS_SNAP_LIMIT ((uint32_t)64 << 20)

struct rk_ins_snap {
    struct rk_ins_tool *tool;
    struct rk_ins_files files;
    const char *path;
    rk_zxid name_zxid; /* -1: its name does not say */
};

/* A line on err if not RK_INS_OK. */
enum rk_ins_exit rk_ins_snap_open(struct rk_ins_snap *s, struct rk_ins_tool *t, const char *path);
void rk_ins_snap_close(struct rk_ins_snap *s);
/* Reads and checks all of it; sink (session, acl, node) as of rk_snap_parse. Without a line.
 * Unlike the store it begins on files that do not end like a snapshot, too. */
enum rk_err rk_ins_snap_parse(struct rk_ins_snap *s, const struct rk_restore_sink *sink,
                              struct rk_snap_info *ret, const char **ret_why) RK_MUST_CHECK;
/* The same with a line on err; RK_INS_OK if it was broken off because the output failed, which
 * rk_ins_tool_finish tells. */
enum rk_ins_exit rk_ins_snap_read(struct rk_ins_snap *s, const struct rk_restore_sink *sink,
                                  struct rk_snap_info *ret);

/* A sink for both that takes no notice, to be filled in with what does. */
struct rk_restore_sink rk_ins_sink(void *ctx);
/* What a node ends with that was printed: RK_ERR_IO if nobody reads any more. */
enum rk_err rk_ins_printed(const struct rk_ins_tool *t) RK_MUST_CHECK;

/* What a stored ephemeralOwner says, TTL nodes included. */
enum rk_node_kind rk_ins_kind_of(int64_t owner);
/* "" is the root's path in a snapshot. */
struct rk_bytes rk_ins_shown_path(struct rk_bytes path);

#endif
