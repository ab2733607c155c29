/* The snapshot thread: writes the slices that the core serialised, purges old files and reads the
 * log for learners in between. A snapshot that cannot be written is given up with one line; the log
 * still has everything. */
#ifndef RK_SHELL_SNAP_THREAD_H
#define RK_SHELL_SNAP_THREAD_H

#include "shell/log.h"
#include "store/log_slice.h"
#include "store/recover.h"
#include "store/snap.h"

#include <uv.h>

struct rk_snap_thread_config {
    enum rk_snap_compression compression;
    uint32_t purge_keep;
    size_t queue_bytes_max;
};

struct rk_snap_thread;

/* What the thread tells, copied out. Counters only grow. */
struct rk_snap_report {
    uint64_t slices_taken; /* slice ends seen, of whatever snapshot, also of one that had failed */
    uint64_t snapshots_done; /* ended, well or not: the last one is */
    rk_zxid zxid;            /* ... this one */
    bool is_ok;
    uint64_t written;
    uint64_t failed;
    uint64_t purges_done; /* well or not */
    uint64_t purged_files;
};

struct rk_snap_thread *rk_snap_thread_create(struct rk_mem *mem,
                                             const struct rk_snap_thread_config *config,
                                             const struct rk_disk *disk, struct rk_log *log,
                                             uv_async_t *news);
/* Gives an unfinished snapshot up and joins. Accepts NULL. */
void rk_snap_thread_destroy(struct rk_snap_thread *t);

void rk_snap_thread_open(struct rk_snap_thread *t, rk_zxid zxid);
void rk_snap_thread_put(struct rk_snap_thread *t, struct rk_bytes body, bool is_slice_end);
void rk_snap_thread_finish(struct rk_snap_thread *t, bool has_digest, rk_zxid zxid,
                           uint64_t digest);
void rk_snap_thread_abort(struct rk_snap_thread *t);
void rk_snap_thread_purge(struct rk_snap_thread *t);

/* The next slice of a reader, which comes by rk_snap_thread_slices; give up a reader. */
void rk_snap_thread_read(struct rk_snap_thread *t, const struct rk_log_ask *ask);
void rk_snap_thread_read_end(struct rk_snap_thread *t, uint64_t reader);
/* What has been read since the last call, one after the other by rk_snap_next_slice; valid until
 * the next call. */
void rk_snap_thread_slices(struct rk_snap_thread *t, struct rk_bytes *ret);
bool rk_snap_next_slice(struct rk_bytes *slices, uint64_t *ret_reader, struct rk_log_slice *ret);

void rk_snap_thread_report(struct rk_snap_thread *t, struct rk_snap_report *ret);

#endif
