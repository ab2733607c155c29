/* What the store's tests share: a fixture with a fake disk and counted memory, transactions that
 * can be told to be the right ones, a sink that checks what it is fed, and shorthands for log and
 * snapshot. */
#ifndef RK_TEST_STORE_SUPPORT_H
#define RK_TEST_STORE_SUPPORT_H

#include "fake_disk.h"

#include "base/mem_libc.h"
#include "store/names.h"
#include "store/recover.h"
#include "store/snap.h"
#include "store/snap_source.h"
#include "store/wal.h"
#include "store/wal_format.h"
#include "store/wal_mark.h"

#include <stdio.h>
#include <string.h>

#include "support/cmocka_all.h"

#define SEEN_MAX 512u

struct tracked; /* a block of memory */

struct fixture {
    struct rk_mem mem;
    struct tracked *tracked;
    struct fake_disk disk;
    struct rk_buf payload;
    struct rk_recover_options options;

    /* What the sink saw in the last recovery. */
    struct rk_restore_sink sink;
    uint32_t begun;
    uint32_t sessions;
    uint32_t acls;
    uint32_t nodes;
    uint32_t mismatches; /* nodes that contradict themselves */
    bool is_fresh;
    rk_zxid snapshot_zxid;
    bool has_digest;
    uint64_t digest;
    rk_zxid seen[SEEN_MAX];
    uint32_t seen_count;
    rk_zxid refuse_txn; /* the sink cannot apply this one; 0 = none */
    bool refuse_nodes;

    struct rk_recovered out;
    struct rk_problem problem;
};

void fixture_open(struct fixture *f);
/* From here on memory is tracked, so that fixture_abandon can give back what a panic left behind.
 * Before the first allocation. */
void fixture_track(struct fixture *f);
/* Instead of fixture_close, after a panic. */
void fixture_abandon(struct fixture *f);
void fixture_close(struct fixture *f); /* checks that no memory and no file was left */

/* setData with data_len bytes made from the zxid; the view is good until the next one. */
struct rk_bytes payload_of(struct fixture *f, rk_zxid zxid, uint32_t data_len);
/* Encodes and appends. */
void append(struct fixture *f, struct rk_wal *w, rk_zxid zxid, uint32_t data_len);
/* A log writer, records first..last with data_len bytes, committed every batch records. Destroys
 * it. */
void write_log(struct fixture *f, rk_zxid first, rk_zxid last, uint32_t data_len, uint32_t batch);
/* Puts an Apache-like log file (no marks) of the records first..last; returns where it ends. */
size_t put_apache_log(struct fixture *f, const char *name, rk_zxid first, rk_zxid last,
                      uint32_t data_len);
struct rk_wal_options wal_options(void);

/* Writes a small snapshot of one session, one ACL, node_count + 4 nodes. */
enum rk_err try_snapshot(struct fixture *f, rk_zxid zxid, enum rk_snap_compression compression,
                         uint32_t node_count, bool has_digest);
void write_snapshot(struct fixture *f, rk_zxid zxid);

/* Recovers into f->out, f->problem, f->seen. */
enum rk_err recover(struct fixture *f);
/* Recovers from a copy of the disk, so that it can be done again and again. */
enum rk_err recover_copy(struct fixture *f);
/* The last recovery saw exactly first..last. */
void assert_seen(const struct fixture *f, rk_zxid first, rk_zxid last);

struct fake_file *log_file(struct fixture *f, const char *name);
/* Offset of the record with this zxid in the file; fails the test if it is not there. */
size_t offset_of(struct fixture *f, const char *name, rk_zxid zxid);
/* End of the last whole record. */
size_t end_of(struct fixture *f, const char *name);

#endif
