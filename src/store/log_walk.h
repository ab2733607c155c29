/* The log files as one sequence of records, from what is known already on, checked for holes and
 * for damage. What replay, truncation and the reading of a disk DIFF have in common. */
#ifndef RK_STORE_LOG_WALK_H
#define RK_STORE_LOG_WALK_H

#include "store/names.h"
#include "store/problem.h"
#include "store/wal_scan.h"

struct rk_log_walk {
    struct rk_mem *mem;
    const struct rk_disk *disk;
    const struct rk_store_names *logs;
    bool allow_holes;
    bool is_synced;     /* sync every file that was read to its end */
    bool has_base;      /* false: the first record there is begins the sequence */
    rk_zxid base_zxid;  /* everything up to here is known already */
    rk_zxid end_zxid;   /* what lies behind is not looked at */
    uint32_t next_file; /* index of the file to be opened next */

    rk_zxid last_zxid;            /* of what is known so far */
    char file[RK_STORE_NAME_MAX]; /* where the last record was */
    uint64_t offset;

    /* The file that is being read. */
    bool is_open;
    struct rk_wal_scan scan;
    rk_zxid last_here; /* -1: none yet */

    /* Where the last file read stopped. */
    bool has_tail;
    char tail_file[RK_STORE_NAME_MAX];
    struct rk_wal_tail tail;
    rk_zxid tail_zxid; /* the last good one of that file, 0 if none */

    char torn_file[RK_STORE_NAME_MAX]; /* the last torn tail passed over, "" */
    uint64_t torn_offset;

    /* The first file that another server cut (wal_scan.h). */
    bool has_cut;
    rk_zxid cut_name_zxid;
    rk_zxid cut_zxid; /* its last record */
};

/* Begins behind base_zxid. mem, disk and logs are borrowed until deinit. */
void rk_log_walk_init(struct rk_log_walk *w, struct rk_mem *mem, const struct rk_disk *disk,
                      const struct rk_store_names *logs, rk_zxid base_zxid);
void rk_log_walk_deinit(struct rk_log_walk *w);
/* The next record behind last_zxid, which becomes its zxid; borrowed until the next call.
 * RK_ERR_END: there is none that is whole, and nothing is wrong with that. With *ret_problem:
 * RK_ERR_CORRUPT is damage, RK_ERR_NOT_FOUND a hole between good records; others as the disk gives
 * them. */
enum rk_err rk_log_walk_next(struct rk_log_walk *w, struct rk_wal_record *ret,
                             struct rk_problem *ret_problem) RK_MUST_CHECK;

#endif
