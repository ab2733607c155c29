/* Events: everything the core ever learns. Time, connections, frames and completions enter here and
 * nowhere else; the same init and the same events give the same effects, byte for byte. */
#ifndef RK_CORE_EVENT_H
#define RK_CORE_EVENT_H

#include "base/bytes.h"
#include "base/types.h"

enum rk_event_kind {
    RK_EV_TICK,        /* time went on; see rk_core_next_due() */
    RK_EV_CONN_OPEN,   /* accepted: conn, address */
    RK_EV_FRAME,       /* one whole frame (without its length) of an open connection */
    RK_EV_CONN_CLOSED, /* gone, whoever closed it; the last event of that conn id */
    RK_EV_LOG_SYNCED,  /* the log is durable up to zxid */
    RK_EV_LOG_FULL,    /* no room on the log device: refuse writes until LOG_ROOM */
    RK_EV_LOG_ROOM,
    RK_EV_SNAP_READY, /* the snapshot writer took what it was given: next slice please */
    RK_EV_SNAP_DONE,  /* finished (is_ok) or failed; zxid is the snapshot's */
    RK_EV_SHUTDOWN,   /* stop taking requests; what is in flight completes */
};

struct rk_event {
    enum rk_event_kind kind;
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* since 1970; only for times in transactions */
    rk_conn_id conn;
    union {
        struct {
            struct rk_bytes address; /* the client's IP as Java prints it, borrowed */
        } open;
        struct {
            struct rk_bytes bytes; /* borrowed for the step */
        } frame;
        struct {
            rk_zxid zxid;
        } log_synced;
        struct {
            rk_zxid zxid;
            bool is_ok;
        } snap_done;
    } u;
};

#endif
