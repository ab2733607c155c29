/* Cutting the history on disk back to a zxid (TRUNC, spec-quorum A9): first a plan, for which the
 * files are only read, then its execution. For wal_file.c, which owns the log. */
#ifndef RK_STORE_WAL_TRUNCATE_H
#define RK_STORE_WAL_TRUNCATE_H

#include "store/names.h"

struct rk_cut_log; /* what is to become of a log file */

struct rk_cut {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    rk_zxid zxid;
    struct rk_store_names snapshots;
    struct rk_store_names parts;
    struct rk_store_names logs;
    struct rk_store_names marks;
    struct rk_cut_log *plan; /* one per log */
    uint32_t first;          /* logs before it are too old to matter */
    rk_zxid last_zxid;       /* of the records that will be left; 0: none */
    bool has_work;
    bool logs_first;
};

/* RK_ERR_NOT_FOUND: no good snapshot, with the logs behind it, leads to exactly zxid, so nothing
 * may be cut; RK_ERR_IO, RK_ERR_NOMEM. Whatever it returns: deinit. */
enum rk_err rk_cut_plan(struct rk_cut *c, struct rk_mem *mem, const struct rk_disk *disk,
                        rk_zxid zxid) RK_MUST_CHECK;
/* No file of ours may be open for writing. with_mark: the log that was cut gets a durability mark.
 */
enum rk_err rk_cut_carry_out(struct rk_cut *c, bool with_mark) RK_MUST_CHECK;
void rk_cut_deinit(struct rk_cut *c);

#endif
