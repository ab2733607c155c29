/* What workers of the chaos stage share: one mapped file (test_recipes.py reads it, keep in step).
 * The judge stands outside of ZooKeeper: it knows tokens and the machine's monotonic clock only. */
#ifndef WORKER_H
#define WORKER_H

#include <stdatomic.h>
#include <stdint.h>

/* Of a cache only counts are kept: comparisons and errors. */
enum judge_kind { JUDGE_LOCK, JUDGE_RW, JUDGE_SEMAPHORE, JUDGE_LATCH, JUDGE_CACHE, JUDGE_KINDS };

struct judge_count {
    _Atomic int64_t token_max; /* of exclusive holders: the resource's own memory */
    _Atomic int64_t accepted;  /* writes with that token or a greater one */
    _Atomic int64_t refused;   /* writes with an older token */
    _Atomic int64_t acquired;
    _Atomic int64_t errors; /* results that nobody should get */
};

/* One hold. The interval lies within the time in which its node stood, if is_verified. */
struct judge_entry {
    int32_t kind;
    int32_t is_shared; /* a reader */
    int64_t token;
    int64_t begin_ns;
    int64_t end_ns;
    int32_t is_verified;
    int32_t refused; /* writes of this hold that were refused */
    int32_t worker;
    _Atomic int32_t is_whole; /* written last */
};

#define JUDGE_ENTRIES 200000
struct judge {
    _Atomic int64_t is_stopping;
    _Atomic int64_t next;
    struct judge_count kinds[JUDGE_KINDS];
    struct judge_entry entries[JUDGE_ENTRIES];
};

#endif
