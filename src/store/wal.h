/* The transaction log in Apache's format (spec-quorum A2), written with group commit: append
 * collects, commit writes everything with one call and syncs once. Nothing is acknowledged before
 * commit returned RK_OK. A started log never appends to an existing file. One thread uses it.
 *
 * Beyond Apache: every record's payload ends with a trailer behind the digest, which Apache's
 * reader ignores, that says where its commit batch began; recovery tells a torn tail from damage by
 * it (store/recover.h). */
#ifndef RK_STORE_WAL_H
#define RK_STORE_WAL_H

#include "store/disk.h"

struct rk_wal_options {
    uint64_t prealloc_bytes;   /* 0 = none */
    uint64_t size_limit_bytes; /* roll when the file reaches it; 0 = never */
    bool force_sync;           /* false: forceSync=no, durability is given up */
    bool direct;    /* RK_OPEN_CREATE_DIRECT, for files that are preallocated and synced */
    uint64_t nonce; /* random: marks the files, so that no client can forge records in its data */
};

struct rk_wal;

struct rk_wal *rk_wal_create(struct rk_mem *mem, const struct rk_disk *disk,
                             const struct rk_wal_options *options);
/* Drops what is not committed, closes the files. Accepts NULL. */
void rk_wal_destroy(struct rk_wal *w);

/* Collects one record; payload as rk_txn_encode makes it (header, body, digest). Copied. */
void rk_wal_append(struct rk_wal *w, rk_zxid zxid, struct rk_bytes payload);
/* The next appended record starts a new file. */
void rk_wal_roll(struct rk_wal *w);
/* Makes everything appended durable, including the directory entry of a new file. RK_ERR_NO_SPACE:
 * nothing is lost, nothing new is durable, call again later (what was appended stays collected).
 * Any other error: the log must not be used any more and the process must end. */
enum rk_err rk_wal_commit(struct rk_wal *w) RK_MUST_CHECK;
/* Bytes collected and not yet committed. */
size_t rk_wal_pending_bytes(const struct rk_wal *w);
/* Makes sure that reserve_bytes more can be written without RK_ERR_NO_SPACE where the file system
 * can promise it; RK_ERR_NO_SPACE if it cannot now. */
enum rk_err rk_wal_reserve(struct rk_wal *w, uint64_t reserve_bytes) RK_MUST_CHECK;

/* Cuts the history behind zxid: drops what is not committed, lowers the durability marks first (so
 * that a crash in between is no damage), deletes every snapshot newer than zxid, then the log files
 * and records behind it, newest first; syncs files and directories. The file is cut right behind
 * the last record <= zxid, as Apache cuts it (spec-quorum A9, with its [R]). The next record starts
 * a new file. A crash at any point leaves a startable set that ends at zxid or behind it.
 *
 * RK_ERR_NOT_FOUND: something is newer than zxid, but what would be left does not lead to exactly
 * zxid: no good snapshot at or before it, a hole or damage in between, or zxid is none of this
 * history's. Nothing was changed, the log can be used as before. Only another server's snapshot
 * helps: once one of zxid is stored here, it can be cut. Any other error: as for a failed commit,
 * the process must end. *ret_last: the highest zxid of a record that is left, 0 if there is none.
 * No purge and no snapshot writer may be at work meanwhile. */
enum rk_err rk_wal_truncate(struct rk_wal *w, rk_zxid zxid, rk_zxid *ret_last) RK_MUST_CHECK;

/* A leader's snapshot of zxid is to take the place of everything (SNAP): begin, before it is
 * written, durably says so and drops what is not committed; end, when it is durable, deletes all
 * else; the next record starts a new file. After a crash in between the directory starts with what
 * it had, or with the snapshot alone (wal_replace.h). RK_ERR_NO_SPACE from begin: call again later;
 * any other error: as for a failed commit. */
enum rk_err rk_wal_replace_begin(struct rk_wal *w, rk_zxid zxid) RK_MUST_CHECK;
enum rk_err rk_wal_replace_end(struct rk_wal *w, rk_zxid zxid) RK_MUST_CHECK;

struct rk_wal_status {
    rk_zxid last_zxid;     /* appended */
    rk_zxid durable_zxid;  /* committed */
    uint64_t file_bytes;   /* used in the current file */
    uint64_t synced_count; /* commits that synced */
    char file_name[40];    /* current, "" before the first record */
};
void rk_wal_status(const struct rk_wal *w, struct rk_wal_status *ret);

#endif
