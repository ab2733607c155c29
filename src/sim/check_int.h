/* What the files of the checker share. */
#ifndef RK_SIM_CHECK_INT_H
#define RK_SIM_CHECK_INT_H

#include "sim/check.h"
#include "sim/truth.h"

enum mreq_state {
    MREQ_WAITING, /* read: not answered; write: not proposed */
    MREQ_FIXED,   /* the answer is known */
    MREQ_UNDECODABLE,
    MREQ_PROPOSED, /* in the log's hands */
    MREQ_APPLIED,  /* its outcome is known */
};

/* A request of a connection that must be answered, in order. */
struct mreq {
    struct mreq *next;
    enum mreq_state state;
    int32_t xid;
    int32_t op;
    struct sim_blob *body;
    bool is_last; /* the connection ends with its answer */
    int32_t err;  /* FIXED; APPLIED */
    rk_zxid zxid; /* FIXED: INT64_MIN = that of the state; else the transaction's */
    struct rk_buf result;
    struct sim_ids ids; /* when it came */
    uint64_t step;
    bool was_full; /* the server had said that the log is full */
    int64_t arrived_ms;
    rk_zxid floor; /* everything up to here had been shown to somebody */
};

/* An event, or an inline answer, that must be sent. */
struct mdue {
    struct mdue *next;
    enum rk_event_type type;
    struct sim_blob *path;
    rk_zxid zxid;
    bool is_unordered; /* among those of its zxid */
    int32_t xid;
    int32_t err;
    uint32_t modes;
};

enum mconn_state {
    MCONN_FREE,
    MCONN_NEW,
    MCONN_PENDING,
    MCONN_OPEN,
    MCONN_CLOSED, /* by the server; not yet confirmed */
};

enum mshake {
    MSHAKE_NONE,
    MSHAKE_CLOSE,
    MSHAKE_NEW,
    MSHAKE_REATTACH,
    MSHAKE_REFUSE,
    MSHAKE_OPEN, /* of an ensemble: whatever the leader says, and maybe nothing */
};

struct mframe {
    struct mframe *next;
    struct sim_blob *bytes;
};

struct mconn {
    rk_conn_id id;
    enum mconn_state state;
    struct sim_viewer viewer;
    uint32_t attach; /* sim_tsession.turn of then */
    bool has_read_only;
    int32_t timeout_ms;
    enum mshake shake; /* what the handshake of this step must lead to */
    /* MSHAKE_OPEN: */
    rk_zxid seen;
    rk_session_id wanted; /* the session it asked for; 0: a new one */
    bool has_password;    /* the right one */
    bool is_bad;          /* it could not be read */
    int64_t opened_us;
    bool may_close;  /* a reason to be closed has come up */
    bool must_close; /* ... and this step has to do it */
    bool is_ending;  /* ... as soon as the answer that is due is sent */
    uint64_t closed_step;
    struct mreq *reqs;
    struct mdue *events;
    struct mdue *inlines;
    struct mframe *early;    /* frames that came before the session was there */
    struct mframe *catch_up; /* events of a setWatches whose answer has not come */
};

/* A session as the server must treat it. */
struct msession {
    rk_session_id id;
    rk_conn_id conn; /* 0: none */
    int32_t timeout_ms;
    int64_t touched_ms;
    int64_t late_ms; /* through learners: the latest end that it was given */
    bool is_closing;
    bool is_applied;
};

#define MCONNS     128u
#define REAPED_MAX 4096u

struct sim_check {
    struct sim_world *w;
    struct rk_mem *mem;
    uint32_t index; /* of the server */
    bool is_ensemble;
    struct rk_core_config config;
    struct sim_model model; /* the applied state */
    struct sim_txn *at;     /* ... is that behind this one; NULL: the beginning */
    struct sim_txn *head;   /* the last one handed to the log */
    struct sim_txn *kept;   /* everything up to here is on the disk for good */
    struct sim_txn *other;  /* a snapshot from elsewhere is replacing the log that led here */
    bool is_replacing;
    struct sim_txn *replaced_by; /* the snapshot's */
    struct sim_outcome out;
    struct rk_buf got; /* scratch: bodies in canonical order */
    struct rk_buf must;
    rk_zxid durable; /* as told to the core */
    struct mconn conns[MCONNS];
    struct msession *sessions;
    uint32_t session_count;
    uint32_t session_cap;
    uint64_t step;
    int64_t now_ms;
    int64_t wall_ms;
    struct rk_event event; /* of the step under way; its bytes are borrowed */
    bool is_log_full;
    int64_t room_ms; /* when it last ceased to be full: nothing expires before */
    bool is_stopping;
    bool is_up;
    bool is_serving; /* always, alone */
    bool is_leading; /* always, alone */
    bool is_handing_over;
    int64_t led_us; /* when it ceased to lead */
    bool may_close; /* this step: it ceases to serve, or does not serve */
    bool must_compare;
    bool has_snap_come; /* a leader's snapshot is complete: memory will be replaced by it */
    bool is_reloading;  /* in this step its own disk was read again */
    struct sim_blob *reaped[REAPED_MAX]; /* proposed in this step: was it time? */
    uint32_t reaped_count;
    bool has_snap_model;
    struct sim_model snap_model;
    rk_zxid last_crash_zxid; /* the state served when the server last crashed */
    uint32_t restarts;
    int64_t offered_epoch;           /* by the last LEADERINFO */
    int64_t heard_us[SIM_NODES_MAX]; /* the last word of each other server, on a quorum port */
    bool is_wiped; /* its disk was emptied, and it was not brought up to date since */
};

#define CHECK(c, cond, ...)                                                                        \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            rk_sim_fail((c)->w, __VA_ARGS__);                                                      \
        }                                                                                          \
    } while (0)

#include "sim/check_calls.h"

#endif
