/* A log file record by record as it lies there, damaged or not: what dump, grep, summary, repair
 * and compare read. Judging what damage means is the store's business (store/wal_scan.h). */
#ifndef RK_INSPECT_LOG_FILE_H
#define RK_INSPECT_LOG_FILE_H

#include "inspect/files.h"
#include "proto/txn.h"
#include "store/wal_format.h"
#include "store/window.h"

/* Longest string or buffer of a transaction that is decoded; a record has its own limit. */
#define RK_INS_LIMIT_BYTES ((uint32_t)RK_WAL_PAYLOAD_MAX)

enum rk_ins_found {
    RK_INS_RECORD,  /* whole, and its checksum is right */
    RK_INS_BAD_SUM, /* whole but for its checksum */
    RK_INS_BROKEN,  /* no record; why says what is wrong */
    RK_INS_END,     /* nothing was written here, or the file ends */
};

struct rk_ins_record {
    uint64_t offset;
    uint32_t bytes; /* of the whole record */
    int64_t stored_sum;
    uint32_t real_sum;
    struct rk_bytes stored;  /* payload as it lies there; borrowed until the next call */
    struct rk_bytes payload; /* without our trailer */
    bool has_trailer;
    const char *why; /* broken: static */
    bool is_decoded; /* txn is filled in; in the log's arena until the next call */
    enum rk_err decode_err;
    struct rk_txn txn;
};

struct rk_ins_log {
    struct rk_window window;
    struct rk_arena arena;
    uint64_t size;
    uint64_t pos;
    int32_t version;
    int64_t dbid;
    uint32_t trailer_key;
    uint64_t checked_bytes; /* by resync, so far */
};

/* Opens name of the port's RK_DIR_LOG and reads the header. RK_ERR_MALFORMED: it is no log. */
enum rk_err rk_ins_log_open(struct rk_ins_log *l, struct rk_mem *mem, const struct rk_disk *disk,
                            const char *name) RK_MUST_CHECK;
void rk_ins_log_close(struct rk_ins_log *l);
/* What lies at pos; goes behind it if it is a record, good or bad. An error is the disk's. */
enum rk_err rk_ins_log_next(struct rk_ins_log *l, enum rk_ins_found *ret_found,
                            struct rk_ins_record *ret) RK_MUST_CHECK;
/* Behind a broken place or an end: sets pos to the next whole record, if there is one. Records
 * that are no transaction, or whose zxid is not above last_zxid, are none. pos stays where it is,
 * and *ret_is_found is true, if the file was being written: then there is a record now. */
enum rk_err rk_ins_log_resync(struct rk_ins_log *l, rk_zxid last_zxid,
                              bool *ret_is_found) RK_MUST_CHECK;

/* Whole transactions behind a place where none can be read. */
struct rk_ins_behind {
    uint64_t count;
    rk_zxid first;
    rk_zxid last;
};

/* Those of the log name behind offset, with zxids above last. */
enum rk_err rk_ins_log_behind(struct rk_mem *mem, const struct rk_disk *disk, const char *name,
                              uint64_t offset, rk_zxid last,
                              struct rk_ins_behind *ret) RK_MUST_CHECK;

#endif
