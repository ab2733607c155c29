/* Transactions back from the log files, for a learner that is behind what memory remembers (disk
 * DIFF, spec-quorum C4.2). Reads only, and only what is durable, so that any thread may do it while
 * the log is written; a file that purge or truncation takes away is an error. */
#ifndef RK_STORE_LOG_READ_H
#define RK_STORE_LOG_READ_H

#include "store/disk.h"
#include "store/problem.h"

struct rk_log_read;

/* Of the records from..to; to is durable. RK_ERR_NOT_FOUND with *ret_problem: no log reaches back
 * to from; RK_ERR_IO, RK_ERR_NOMEM. */
enum rk_err rk_log_read_create(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid from,
                               rk_zxid to, struct rk_log_read **ret,
                               struct rk_problem *ret_problem) RK_MUST_CHECK;
void rk_log_read_destroy(struct rk_log_read *r); /* accepts NULL */

/* The next one: its payload (header, body, digest, as it was appended), borrowed until the next
 * call. The first has zxid from, or is the first behind it where there is none of that zxid.
 * RK_ERR_END: it was to, the last. With *ret_problem: RK_ERR_CORRUPT is damage, judged as a start
 * judges it; RK_ERR_NOT_FOUND says that the logs do not hold them all, as after a snapshot from a
 * leader. */
enum rk_err rk_log_read_next(struct rk_log_read *r, rk_zxid *ret_zxid, struct rk_bytes *ret_payload,
                             struct rk_problem *ret_problem) RK_MUST_CHECK;
/* The record before the first that was given out, 0 if the logs begin there: what a learner that
 * has others behind it is cut back to. */
rk_zxid rk_log_read_before(const struct rk_log_read *r);

/* Whether reading from there on costs less than a snapshot: the sizes of the logs behind the one
 * that may hold from, preallocation included, against that of the newest snapshot times factor.
 * Without a snapshot, and with factor 0, there is no limit. ZK:
 * ZKDatabase.calculateTxnLogSizeLimit, FileTxnIterator.getStorageSize, which leaves out the log
 * that is open. */
enum rk_err rk_log_read_is_cheap(struct rk_mem *mem, const struct rk_disk *disk, rk_zxid from,
                                 uint32_t factor_permille, bool *ret) RK_MUST_CHECK;

#endif
