/* A few cores in a test's hands: channels between them that deliver at once and in order, disks
 * that sync at once unless told not to, clients that speak frames. No time passes but by
 * trio_run. For searching faults there is the simulator; this is for looking at one path. */
#ifndef RK_TEST_CORE_TRIO_H
#define RK_TEST_CORE_TRIO_H

#include "base/mem_libc.h"
#include "core/core.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"

#define TRIO_MAX   5u
#define TRIO_CONNS 16u
#define TRIO_WIRES 256u

struct trio_record {
    rk_zxid zxid;
    uint8_t *bytes;
    uint32_t len;
};

struct trio_inbox {
    rk_conn_id id;
    struct rk_buf bytes;
    size_t at;
    bool is_open, is_closed;
};

struct trio_node {
    struct rk_mem mem;
    bool is_up, is_cut; /* cut: no channel to anybody, both ways */
    bool holds_syncs;   /* what is appended stays volatile */
    struct rk_core *core;
    struct rk_core_config config;
    struct rk_ensemble_config ensemble;
    struct rk_effects fx;
    /* disk */
    struct trio_record *log;
    uint32_t log_count, log_cap, log_durable;
    int64_t accepted, current;
    struct rk_buf snapshot; /* body of the last one that ended, with its zxid */
    rk_zxid snapshot_zxid;
    struct rk_buf snap_part;
    rk_zxid snap_part_zxid;
    bool has_snapshot;
    bool has_no_log; /* what is asked of the log for learners cannot be read */
    uint32_t read_at, reads;
    uint32_t cuts; /* TRUNC */
    struct trio_inbox in[TRIO_CONNS];
    uint32_t notes[128];
    char waiting[300]; /* the last RK_NOTE_WAITING */
    int32_t fatal;     /* status, 0 none */
    uint32_t generation;
};

struct trio_wire {
    bool is_open;
    uint32_t from, to; /* nodes */
    rk_chan_id from_id, to_id;
};

struct trio {
    struct trio_node nodes[TRIO_MAX];
    uint32_t count;
    struct trio_wire wires[TRIO_WIRES];
    uint64_t next_id;
    struct trio_event *first, *last; /* to be delivered */
    int64_t now_ms;
    bool asks_read_only; /* clients say that reading is enough */
    bool is_loud;        /* notes to standard output */
};

/* Nodes 0..count-1 have sids 1..count; fresh disks that may initialise. observers: the last ones.
 */
void trio_init(struct trio *t, uint32_t count, uint32_t observers);
void trio_deinit(struct trio *t);
void trio_start(struct trio *t, uint32_t node);
void trio_kill(struct trio *t, uint32_t node);
void trio_wipe(struct trio *t, uint32_t node); /* its disk, while it is down */
void trio_cut(struct trio *t, uint32_t node, bool is_cut);
/* Everything that is under way arrives, then ms of time pass, one at a time. */
void trio_run(struct trio *t, int64_t ms);
void trio_step_one(struct trio *t); /* one thing that is under way, or one ms */
/* Runs until a leader serves with `followers` learners synced; fails the test after ms. Its index.
 */
uint32_t trio_leader(struct trio *t, uint32_t followers, int64_t ms);

rk_session_id trio_connect(struct trio *t, uint32_t node, uint32_t slot);
/* Sends the handshake of a new connection; what follows from it at other servers is under way. */
void trio_ask_session(struct trio *t, uint32_t node, uint32_t slot, rk_session_id session);
rk_session_id trio_reconnect(struct trio *t, uint32_t node, uint32_t slot, rk_session_id session);
void trio_create(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path);
void trio_create_flags(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path,
                       int32_t flags);
void trio_exists(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, const char *path);
void trio_sync(struct trio *t, uint32_t node, uint32_t slot, int32_t xid);
void trio_close_session(struct trio *t, uint32_t node, uint32_t slot, int32_t xid);
/* The next frame is a reply to xid with err. */
void trio_expect(struct trio *t, uint32_t node, uint32_t slot, int32_t xid, int32_t err);
bool trio_has(struct trio *t, uint32_t node, uint32_t slot);
/* All that are up have the same zxid and the same digest. */
void trio_check_equal(struct trio *t);

#endif
