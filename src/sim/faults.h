/* The options of a seed: what exists in its world at all, and how much of it. Each feature and each
 * fault is off in a good part of the seeds, so that rare combinations get seeds of their own. */
#ifndef RK_SIM_FAULTS_H
#define RK_SIM_FAULTS_H

#include "core/core.h"
#include "sim/faults_disk.h"
#include "store/snap.h"
#include "store/wal.h"

/* Relative weights of what clients send. */
#define RK_SIM_OP_TABLE(X)                                                                         \
    X(CREATE)                                                                                      \
    X(DELETE)                                                                                      \
    X(SET_DATA)                                                                                    \
    X(SET_ACL)                                                                                     \
    X(MULTI)                                                                                       \
    X(GET_DATA)                                                                                    \
    X(EXISTS)                                                                                      \
    X(GET_CHILDREN)                                                                                \
    X(GET_ACL)                                                                                     \
    X(ADD_WATCH)                                                                                   \
    X(REMOVE_WATCHES)                                                                              \
    X(MULTI_READ)                                                                                  \
    X(SYNC)                                                                                        \
    X(PING)                                                                                        \
    X(MISC_READ)                                                                                   \
    X(AUTH)                                                                                        \
    X(QUOTA)                                                                                       \
    X(RUDE)                                                                                        \
    X(CLOSE_SESSION)                                                                               \
    X(DISCONNECT)

enum sim_op {
#define RK_SIM_OP_ENUM(name) SIM_OP_##name,
    RK_SIM_OP_TABLE(RK_SIM_OP_ENUM)
#undef RK_SIM_OP_ENUM
        SIM_OP_COUNT
};

/* What may befall an ensemble, see mishap.h. */
#define RK_SIM_MISHAP_TABLE(X)                                                                     \
    X(CRASH, "crash")                                                                              \
    X(CRASH_AT_CALL, "crash at a disk call")                                                       \
    X(CRASH_IN_TURN, "crash between steps and effects")                                            \
    X(CRASH_ALL, "crash of all")                                                                   \
    X(CRASH_MANY, "crash of all but one")                                                          \
    X(STOP, "orderly stop")                                                                        \
    X(WIPE, "loss of a disk")                                                                      \
    X(FREEZE, "standstill")                                                                        \
    X(ISOLATE, "one server is cut off")                                                            \
    X(ISOLATE_ONE_WAY, "one server is not heard, or does not hear")                                \
    X(SPLIT, "two camps")                                                                          \
    X(BRIDGE, "two camps with one server in both")                                                 \
    X(EDGE, "one path is cut in one direction")                                                    \
    X(SLOW_DISK, "slow disk")                                                                      \
    X(FULL_DISK, "full disk")                                                                      \
    X(CLOCK, "step of the wall clock")                                                             \
    X(HAND_OVER, "the leader is asked to hand over")                                               \
    X(PURGE, "purge")                                                                              \
    X(IN_SYNC, "a server goes, or is cut off, in the middle of a synchronisation")

enum sim_mishap_kind {
#define RK_SIM_MISHAP_ENUM(name, text) SIM_MISHAP_##name,
    RK_SIM_MISHAP_TABLE(RK_SIM_MISHAP_ENUM)
#undef RK_SIM_MISHAP_ENUM
        SIM_MISHAP_COUNT
};

#define SIM_MISHAPS_MAX 64u

struct sim_client_options {
    uint32_t count;
    uint32_t library_count;  /* of them, the first ones: the machine of src/client */
    uint32_t request_budget; /* of all clients together */
    uint32_t weights[SIM_OP_COUNT];
    uint32_t path_count; /* of the universe of paths */
    uint32_t depth_max;  /* requests outstanding per client */
    uint32_t value_bytes_max;
    int64_t think_us_max;
    uint32_t watch_pct;      /* reads that set a watch */
    uint32_t sequential_pct; /* creates */
    uint32_t ephemeral_pct;
    uint32_t versioned_pct;  /* writes that expect a version */
    uint32_t restricted_pct; /* ACLs that are not open */
    uint32_t rude_pct;       /* connections that misbehave from the start */
    int32_t timeout_ms_max;
    bool is_faithful;      /* they ping in time, whatever they think about */
    bool forgets_sessions; /* some reconnects start a new session */
};

struct sim_net_options {
    int64_t delay_us_max;
    uint32_t split_pct; /* deliveries of a part only */
    uint32_t reset_ppm; /* of deliveries */
};

#define RK_SIM_NODES_MAX 7u

/* Between servers. */
struct sim_wire_options {
    int64_t delay_us_max;
    uint32_t split_pct;
    uint32_t reset_ppm;
    uint32_t send_bytes;     /* what a kernel takes off a sender's hands */
    uint32_t receive_bytes;  /* ... and keeps for a receiver */
    uint32_t overflow_ppm;   /* sends after which too much is taken to be unsent */
    uint32_t sync_break_pct; /* of synchronisations */
};

/* Enumeration (scene.h): where the victim goes down once more. */
struct sim_scene_point {
    bool is_on;
    uint32_t scene;
    uint64_t at_call; /* since it came back, 1 = the first; 0: not at a call */
    bool is_after;
    uint32_t at_turn; /* with effects; 0: not in a turn */
    bool is_kill;
    enum sim_persist policy;
    bool takes_leader; /* who is gone for longer */
};

struct sim_ens_options {
    uint32_t count;     /* servers; 0: one alone */
    uint32_t observers; /* of them, the last ones */
    bool is_calm;       /* nothing befalls anybody: one election, no expiry */
    int32_t init_limit;
    int32_t sync_limit;
    int32_t cnx_timeout_ms;
    int64_t connect_retry_ms;
    int64_t election_min_ms, election_max_ms, election_finalize_ms;
    uint32_t commit_log_count;
    uint64_t history_bytes_max;
    uint64_t history_pin_bytes_max;
    int32_t snapshot_size_permille;
    bool says_nothing_more;
    bool force_snapshot_sync;
    uint32_t epoch_txns_max; /* 0: as many as zxids can count */
    uint32_t clock_rate_permille[RK_SIM_NODES_MAX];
    struct sim_wire_options wire;
    int64_t horizon_us; /* mishaps begin before */
    int64_t mishap_us_max;
    uint32_t mishap_count;
    uint32_t mishap_weights[SIM_MISHAP_COUNT];
    uint64_t mishap_mask; /* bits of those that are left out */
    struct sim_scene_point scene;
};

struct sim_node_options {
    struct rk_core_config core;
    struct rk_wal_options wal;
    uint64_t log_reserve_bytes;
    enum rk_snap_compression compression;
    uint32_t purge_keep;
    int64_t purge_every_us; /* 0 = never */
    int64_t epoch_every_us; /* 0 = never */
    int64_t wake_us_max;    /* from a report of a thread to the event */
    uint32_t turn_frames_max;
    uint32_t clock_rate_permille; /* of the monotonic clock */
    bool has_clock_steps;
    uint32_t check_every; /* rk_core_check after one step in so many */
};

struct sim_options {
    uint64_t seed;
    uint32_t nodes;        /* as asked for: 1, or of an ensemble how many, 0: the seed decides */
    uint64_t persist_salt; /* another seed for what survives crashes */
    bool is_script;        /* clients do what the enumeration's script says */
    int64_t duration_us_max;
    struct sim_client_options client;
    struct sim_net_options net;
    struct sim_disk_options disk;
    struct sim_crash_options crash;
    struct sim_node_options node;
    struct sim_ens_options ens;
};

/* Everything from the seed. Texts in the configuration are static. */
void rk_sim_options_draw(struct sim_options *o, struct sim_tape *tape);
/* Turns them into those of an ensemble of so many servers; 0: drawn. */
void rk_sim_options_ensemble(struct sim_options *o, struct sim_tape *tape, uint32_t count);
/* A small, quiet world for the enumeration: variant picks compression, sizes, directories. */
void rk_sim_options_script(struct sim_options *o, uint32_t variant);
#define RK_SIM_SCRIPT_VARIANTS 4u

#endif
