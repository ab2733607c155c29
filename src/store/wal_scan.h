/* Reads one log file record by record, and judges what lies behind the last good one. */
#ifndef RK_STORE_WAL_SCAN_H
#define RK_STORE_WAL_SCAN_H

#include "store/names.h"
#include "store/wal_format.h"
#include "store/wal_mark.h"
#include "store/window.h"

struct rk_wal_scan {
    struct rk_window window;
    uint64_t size; /* of the file */
    uint64_t pos;  /* of the next record */
    rk_zxid name_zxid;
    int64_t dbid;
    uint32_t trailer_key; /* 0: not a marked file */
    bool has_header;
    bool has_mark;
    struct rk_wal_mark mark;
};

enum rk_wal_step {
    RK_WAL_STEP_RECORD,
    RK_WAL_STEP_STOP, /* no (good) record here: rk_wal_scan_judge says why */
};

enum rk_wal_verdict {
    RK_WAL_TAIL_CLEAN,   /* nothing behind the last good record */
    RK_WAL_TAIL_TORN,    /* something was being written and was not acknowledged */
    RK_WAL_TAIL_DAMAGED, /* acknowledged records are gone, or that cannot be ruled out */
};

struct rk_wal_tail {
    enum rk_wal_verdict verdict;
    uint64_t offset;       /* where the good records end */
    bool is_proven;        /* damage: what is missing was surely acknowledged */
    rk_zxid evidence_zxid; /* proven: what was acknowledged went at least so far */
    bool is_cut;           /* clean: another server cut the file here */
    const char *why;       /* what is wrong at offset; static */
    char evidence[160];    /* damage: why it is no torn tail */
};

/* Opens log file name (log.<zxid>) and reads its header and its mark. A file without a good header
 * opens too; it has no records, and rk_wal_scan_judge says what that means. */
enum rk_err rk_wal_scan_open(struct rk_wal_scan *s, struct rk_mem *mem, const struct rk_disk *disk,
                             const char *name) RK_MUST_CHECK;
void rk_wal_scan_close(struct rk_wal_scan *s);
/* The next record, borrowed until the next call. last_zxid is that of the record before it in this
 * file, -1 at the start: a marked file has no record out of order. */
enum rk_err rk_wal_scan_next(struct rk_wal_scan *s, rk_zxid last_zxid, enum rk_wal_step *ret_step,
                             struct rk_wal_record *ret) RK_MUST_CHECK;
/* After RK_WAL_STEP_STOP. Looks at everything up to the end of the file. */
enum rk_err rk_wal_scan_judge(struct rk_wal_scan *s, rk_zxid last_zxid,
                              struct rk_wal_tail *ret) RK_MUST_CHECK;

#endif
