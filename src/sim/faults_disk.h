/* The part of a seed's options that is about disks and crashes. */
#ifndef RK_SIM_FAULTS_DISK_H
#define RK_SIM_FAULTS_DISK_H

#include "sim/disk.h"

struct sim_disk_options {
    struct sim_disk_shape shape;
    int64_t write_us_max;
    int64_t sync_us_max;
    bool is_dir_op_slow;
    uint32_t log_fault_ppm; /* of the log's calls; each ends the process */
    uint32_t snap_fault_ppm;
    uint32_t start_fault_ppm;
    bool has_full_episodes;
};

struct sim_crash_options {
    uint32_t count;        /* crashes of the server */
    uint32_t kill_pct;     /* of the process alone */
    uint32_t clean_pct;    /* orderly stops */
    uint32_t at_call_pct;  /* at the boundary of a disk call */
    uint32_t policies;     /* bits of enum sim_persist */
    uint32_t in_start_pct; /* starts that crash */
    uint32_t rot_pct;      /* crashes with damage at rest */
    uint32_t probe_count;  /* other outcomes tried per crash */
    int64_t down_us_max;
    /* Enumeration: the one crash is at this call (1 = first), after it or before it; 0 = off. */
    uint64_t exact_call;
    bool exact_is_after;
    enum sim_persist exact_policy;
    bool exact_is_kill;
};

#endif
