/* One server of an ensemble in a fuzzer's hands: a whole core, and a disk that carries out what the
 * core asked for in order, when it is told to. Channels and clients are the driver's. After every
 * step the core's invariants are looked at. */
#ifndef RK_FUZZ_MEMBER_H
#define RK_FUZZ_MEMBER_H

#include "base/mem_libc.h"
#include "core/core.h"
#include "core/core_int.h"
#include "core/ensemble_int.h"
#include "proto/opcode.h"

#define MEMBER_CONNS    3u
#define MEMBER_TICK_MS  100
#define MEMBER_INIT_LIM 10
#define MEMBER_SYNC_LIM 5

/* Where the input is read; zeros behind its end. */
struct tape {
    const uint8_t *at;
    size_t left;
};
uint8_t tape_byte(struct tape *t);
struct rk_bytes tape_bytes(struct tape *t, size_t max); /* a length, then so many */

struct member_record {
    rk_zxid zxid;
    struct rk_buf bytes;
};

/* Asked of the disk, not done yet. */
struct member_op {
    enum rk_effect_kind kind;
    struct member_record record;
    struct rk_effect fx;
};

struct member {
    struct rk_mem mem, disk_mem;
    struct rk_core_config config;
    struct rk_ensemble_config ensemble;
    struct rk_core *core; /* NULL while down */
    struct rk_effects fx;
    int64_t now_ms;
    bool
        is_fatal; /* what comes behind that effect is nobody's concern, and there is no next step */
    void *ctx;
    void (*on_chan)(struct member *m, const struct rk_effect *fx);
    void (*on_conn)(struct member *m, const struct rk_effect *fx); /* or NULL */
    bool is_open[MEMBER_CONNS];
    rk_session_id last_session;
    /* disk */
    struct member_op *ops;
    uint32_t op_count, op_cap;
    struct member_record *log;
    uint32_t log_count, log_cap;
    rk_zxid log_base; /* what the log begins with */
    int64_t accepted, current;
    struct rk_buf base_snapshot, snapshot,
        snap_part; /* base: at log_base, if that is no fresh one */
    rk_zxid snapshot_zxid, snap_part_zxid;
    bool has_snapshot, is_replacing, is_snapshot_replacing;
    uint32_t slices_owed;
    bool is_snap_done_owed, is_snap_ok, is_reload_owed;
};

/* Sids 1..voters, and observers behind them. */
void member_init(struct member *m, int64_t my_sid, uint32_t voters, uint32_t observers);
void member_deinit(struct member *m); /* down or not; asserts that no memory is left */
void member_start(struct member *m);
void member_kill(struct member *m, bool is_disk_ahead); /* ahead: what was asked of it was done */
void member_step(struct member *m, struct rk_event *e);
void member_tick(struct member *m);
void member_chan(struct member *m, enum rk_event_kind kind, rk_chan_id id, enum rk_chan_port port,
                 struct rk_bytes bytes);

/* The disk does up to `count` of what was asked, and answers. With is_ok false a cut fails. */
void member_disk(struct member *m, uint32_t count, bool is_ok);
void member_snap(struct member *m, bool is_ok); /* one answer about a snapshot or a reload */
bool member_is_busy(const struct member *m);

/* Clients, by slot: the handshake is sent with the opening. */
void member_connect(struct member *m, uint32_t slot, rk_session_id session);
void member_disconnect(struct member *m, uint32_t slot);
/* A write or a read of some kind that choice says. */
void member_request(struct member *m, uint32_t slot, uint8_t choice, struct rk_bytes body);

/* A well-formed transaction of a kind that choice says. */
void member_write_txn(struct rk_buf *b, rk_zxid zxid, uint8_t choice);

#endif
