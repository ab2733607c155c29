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
    RK_EV_SHUTDOWN,   /* stop taking requests; what is in flight completes; a leader hands over */

    /* -- an ensemble's member only -- */
    RK_EV_CHAN_ACCEPTED,  /* another server dialed one of our ports: chan, port, address */
    RK_EV_CHAN_CONNECTED, /* a RK_FX_CHAN_DIAL succeeded */
    RK_EV_CHAN_BYTES,     /* bytes as they came, any number; none while paused */
    RK_EV_CHAN_FLUSHED,   /* answer to RK_FX_CHAN_MARK */
    RK_EV_CHAN_CLOSED,    /* gone, or the dial failed; the last event of that id, also after
                             RK_FX_CHAN_CLOSE */
    RK_EV_EPOCH_STORED,   /* answer to RK_FX_EPOCH: durable, and so is every record before it */
    RK_EV_TRUNCATED,      /* answer to RK_FX_TRUNCATE */
    RK_EV_LOG_SLICE,      /* answer to RK_FX_LOG_READ, unless the reader was given up */
    RK_EV_RELOADED,       /* answer to RK_FX_RELOAD: the restore sink was fed, or not (is_ok) */
    RK_EV_HAND_OVER,      /* an operator wants another leader */
};

/* Which of a server's ports for other servers. */
enum rk_chan_port {
    RK_PORT_ELECTION,
    RK_PORT_QUORUM,
};

/* What is to become of the history on disk (RK_FX_TRUNCATE). */
enum rk_cut {
    RK_CUT_BEHIND,   /* what is behind zxid goes, newer snapshots too (TRUNC) */
    RK_CUT_REPLACE,  /* a snapshot of zxid, about to be written, will replace everything */
    RK_CUT_REPLACED, /* it is durable: everything else goes */
};

/* The two epoch files. */
enum rk_epoch_file {
    RK_EPOCH_ACCEPTED,
    RK_EPOCH_CURRENT,
};

/* Of RK_EV_LOG_SLICE. */
#define RK_LOG_READERS_MAX 3u
#define RK_LOG_SLICE_BYTES ((size_t)256 << 10)

struct rk_event {
    enum rk_event_kind kind;
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* since 1970; only for times in transactions */
    rk_conn_id conn;
    union {
        struct {
            /* The process stood still, and what others sent meanwhile has not been read: a leader
             * asks itself whether it may still lead, and nothing else is decided. An ordinary
             * TICK follows. Only a leader gets one. */
            bool is_late;
        } tick;
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
        struct {
            rk_chan_id chan;        /* of every RK_EV_CHAN_ event */
            enum rk_chan_port port; /* ACCEPTED */
            struct rk_bytes bytes;  /* ACCEPTED: the other end's IP as text; BYTES: what came;
                                       CLOSED: why, for the log. Borrowed for the step */
        } chan;
        struct {
            enum rk_epoch_file file;
            int64_t epoch;
        } epoch;
        struct {
            rk_zxid zxid; /* as asked for */
            bool is_ok;   /* the log ends at zxid or before it, no snapshot is newer */
        } truncated;
        struct {
            uint64_t reader;
            struct rk_bytes bytes; /* records: int64 zxid, payload with its length (int32); about
                                      RK_LOG_SLICE_BYTES, and one record at least. Borrowed */
            rk_zxid before;        /* the one before the first record of all, 0 if there is none */
            bool is_ok;            /* false: damage, a hole, or too much; bytes are none then */
            bool is_last;          /* ends with `to` */
        } slice;
        struct {
            bool is_ok;
        } reloaded;
    } u;
};

#endif
