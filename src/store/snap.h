/* Snapshots in Apache's format (spec-quorum A4). The writer takes the body (sessions, ACL map,
 * nodes, as the core serialises it) in slices, adds header, seals, digest and lastZxid sections,
 * compresses, and makes the file appear under its final name only when it is complete and durable.
 */
#ifndef RK_STORE_SNAP_H
#define RK_STORE_SNAP_H

#include "store/disk.h"

enum rk_snap_compression {
    RK_SNAP_PLAIN,
    RK_SNAP_GZIP,
    RK_SNAP_SNAPPY,
};

struct rk_snap_writer;

/* Opens the temporary file (a name that neither we nor Apache take for a snapshot). */
enum rk_err rk_snap_writer_create(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid zxid,
                                  enum rk_snap_compression compression,
                                  struct rk_snap_writer **ret_writer) RK_MUST_CHECK;
enum rk_err rk_snap_writer_put(struct rk_snap_writer *w, struct rk_bytes body) RK_MUST_CHECK;
/* Ends the nodes (the path "/"), seals, syncs, renames, syncs the directory. has_digest false
 * leaves the digest section out (then the lastZxid section too, because Apache would misread it).
 */
enum rk_err rk_snap_writer_finish(struct rk_snap_writer *w, bool has_digest, rk_zxid digest_zxid,
                                  uint64_t digest) RK_MUST_CHECK;
/* Closes; removes the temporary file unless finished. Accepts NULL. */
void rk_snap_writer_destroy(struct rk_snap_writer *w);
uint64_t rk_snap_writer_bytes(const struct rk_snap_writer *w); /* plain bytes so far */

/* "snapshot.1f", "log.1f.gz": zxid from a name as Apache reads it; false if it is none of that
 * kind. */
bool rk_store_parse_name(const char *name, const char *prefix, rk_zxid *ret_zxid);

#endif
