/* Ranges of the log in slices, for a few readers at a time: what a thread beside the log's does for
 * a leader that brings learners up to date. Memory is one slice and what log_read.h needs. */
#ifndef RK_STORE_LOG_SLICE_H
#define RK_STORE_LOG_SLICE_H

#include "base/bytes.h"
#include "store/log_read.h"

struct rk_log_slicer;

struct rk_log_ask {
    uint64_t reader;
    rk_zxid from, to;       /* as rk_log_read_create */
    uint32_t size_permille; /* as rk_log_read_is_cheap: more is refused */
    bool is_first;          /* this reader begins; the others look at the number alone */
};

struct rk_log_slice {
    bool is_ok, is_last;
    rk_zxid before;        /* rk_log_read_before */
    struct rk_bytes bytes; /* int64 zxid, int32 length, payload; again and again. Borrowed until the
                              next call */
};

/* max readers at a time; a slice ends with the record that takes it over slice_bytes. NULL: no
 * memory. */
struct rk_log_slicer *rk_log_slicer_create(struct rk_mem *mem, const struct rk_disk *disk,
                                           uint32_t max, size_t slice_bytes);
void rk_log_slicer_destroy(struct rk_log_slicer *s); /* accepts NULL */
/* The next slice of the reader. It is over with the last one, and when something is wrong, which
 * *ret_problem says then; an unknown reader is wrong, too. */
void rk_log_slicer_next(struct rk_log_slicer *s, const struct rk_log_ask *ask,
                        struct rk_log_slice *ret, struct rk_problem *ret_problem);
/* Given up; one that is over already is fine. */
void rk_log_slicer_drop(struct rk_log_slicer *s, uint64_t reader);

#endif
