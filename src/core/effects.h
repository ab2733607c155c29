/* Effects: everything the core ever asks for, as plain data in the order in which it is to be done.
 * Effects of several steps may be collected before the shell carries them out; rk_effects_reset
 * gives the memory back for the next round. Nothing calls out during a step. */
#ifndef RK_CORE_EFFECTS_H
#define RK_CORE_EFFECTS_H

#include "base/bytes.h"
#include "core/event.h"

enum rk_effect_kind {
    RK_FX_SEND,      /* bytes (whole frames with their lengths) to conn */
    RK_FX_SEND_MANY, /* the same bytes to conn_count connections */
    RK_FX_CLOSE,     /* after what was sent before is flushed; ends in RK_EV_CONN_CLOSED */
    RK_FX_PAUSE,     /* stop reading from conn (frames already read may still come) */
    RK_FX_RESUME,
    RK_FX_APPEND,     /* log record: zxid, bytes (header, body, digest) */
    RK_FX_ROLL,       /* the next record starts a new log file */
    RK_FX_SNAP_BEGIN, /* open a snapshot writer for zxid */
    RK_FX_SNAP_BYTES, /* body bytes for it; answered by RK_EV_SNAP_READY when is_slice_end */
    RK_FX_SNAP_END,   /* finish it: has_digest, digest (of zxid); answered by RK_EV_SNAP_DONE */
    RK_FX_SNAP_ABORT, /* drop it; answered by RK_EV_SNAP_DONE with is_ok false */
    RK_FX_NOTE,       /* a decision worth a log line, see rk_note */

    /* -- an ensemble's member only -- */
    RK_FX_CHAN_DIAL, /* bytes: host, name or address; resolved anew each time. Ends in CONNECTED
                        or CLOSED within timeout_ms */
    RK_FX_CHAN_SEND, /* bytes to chan; more than the shell's bound unsent closes the channel */
    RK_FX_CHAN_SEND_MANY, /* the same bytes to many.count channels */
    RK_FX_CHAN_MARK,      /* RK_EV_CHAN_FLUSHED once little of what was sent so far is unsent */
    RK_FX_CHAN_PAUSE,     /* no RK_EV_CHAN_BYTES until RESUME */
    RK_FX_CHAN_RESUME,
    RK_FX_CHAN_CLOSE, /* after what was sent is flushed, for a second at most; CLOSED follows */
    RK_FX_EPOCH,      /* write an epoch file, by the log thread, behind every append so far */
    RK_FX_TRUNCATE,   /* cut the log behind zxid, delete newer snapshots, by the log thread,
                         behind every append so far; nothing is appended before TRUNCATED */
    RK_FX_LOG_READ,   /* the next slice of the log's records read.from..to for this reader, off the
                         core's thread; ends in RK_EV_LOG_SLICE. A reader begins with is_first, and
                         ends with its last slice, a failure or LOG_READ_END; RK_LOG_READERS_MAX of
                         them, one slice each on its way */
    RK_FX_LOG_READ_END, /* it is given up: a slice on its way is dropped */
    RK_FX_RELOAD,       /* feed the core's restore sink from disk; nothing else is in flight */
    RK_FX_FATAL,        /* the process must end with this status; bytes: one line why */
};

/* What the core decided and the shell logs: X(NAME, level, has its text as path/reason) */
#define RK_NOTE_TABLE(X)                                                                           \
    X(SESSION_CREATED, DEBUG, "session created")                                                   \
    X(SESSION_REATTACHED, INFO, "session reattached")                                              \
    X(SESSION_CLOSED, DEBUG, "session closed by its client")                                       \
    X(SESSION_EXPIRED, INFO, "session expired")                                                    \
    X(SESSION_REFUSED, INFO, "reattach refused: session unknown, expired or wrong password")       \
    X(SESSION_STOLEN, INFO, "session moved to a new connection, old one closed")                   \
    X(HANDSHAKE_BAD, WARN, "undecodable connect request, connection closed")                       \
    X(HANDSHAKE_AHEAD, WARN, "client has seen a newer zxid than this server, connection closed")   \
    X(HANDSHAKE_THROTTLED, WARN, "connection throttled")                                           \
    X(FRAME_BAD, WARN, "malformed frame, connection closed")                                       \
    X(REQUEST_BAD, WARN, "undecodable request")                                                    \
    X(OP_UNKNOWN, WARN, "unknown operation, connection closed")                                    \
    X(AUTH_OK, INFO, "authenticated")                                                              \
    X(AUTH_FAILED, WARN, "authentication failed, connection closed")                               \
    X(AUTH_REQUIRED, WARN, "request without required authentication, connection closed")           \
    X(QUOTA_EXCEEDED, WARN, "quota exceeded")                                                      \
    X(LOG_FULL, ERROR, "no room on the log device: writes are refused, reads go on")               \
    X(LOG_ROOM, INFO, "room on the log device again: writes are accepted")                         \
    X(DIGEST_MISMATCH, ERROR, "tree digest differs from the transaction's")                        \
    X(SNAPSHOT_STARTED, INFO, "snapshot started")                                                  \
    X(SNAPSHOT_DONE, INFO, "snapshot done")                                                        \
    X(SNAPSHOT_FAILED, ERROR, "snapshot failed")                                                   \
    X(WATCH_LIMIT, WARN, "watch limit reached")                                                    \
    X(REAPED, DEBUG, "container or expired TTL node deleted")                                      \
    X(LARGE_REQUEST, WARN, "large request over the budget, connection closed")                     \
    X(REQUEST_DROPPED, WARN, "stale request dropped, connection closed")                           \
    X(RESPONSE_TOO_BIG, WARN, "response over the size limit refused")                              \
    X(READ_ONLY, WARN, "nobody leads: clients that accept it may read, nobody may write")          \
    X(LOOKING, INFO, "looking for a leader")                                                       \
    X(WAITING, WARN, "no leader yet")                                                              \
    X(LEADING, INFO, "elected: leading")                                                           \
    X(FOLLOWING, INFO, "elected: following")                                                       \
    X(SERVING, INFO, "serving clients")                                                            \
    X(ROLE_LEFT, WARN, "left the ensemble's service")                                              \
    X(SYNC_BEGAN, INFO, "being brought up to date by the leader")                                  \
    X(SNAP_RECEIVED, INFO, "the leader's snapshot is complete")                                    \
    X(PEER_BAD, WARN, "another server broke the protocol, channel closed")                         \
    X(STRANGER, WARN, "no server of this ensemble: channel refused")                               \
    X(LEADER_EPOCH, INFO, "epoch chosen, to be promised by a quorum")                              \
    X(LEADER_HANDING_OVER, INFO, "handing over: nothing new is proposed")                          \
    X(LEARNER_CONNECTED, INFO, "learner connected")                                                \
    X(LEARNER_REFUSED, WARN, "learner refused")                                                    \
    X(LEARNER_ALARM, ERROR, "learner refused")                                                     \
    X(LEARNER_SYNC, INFO, "learner is brought up to date")                                         \
    X(LEARNER_STREAMED, INFO, "learner has its snapshot or log, and what followed")                \
    X(LEARNER_ACTIVE, INFO, "learner is in step")                                                  \
    X(LEARNER_ODD, WARN, "learner sent something unexpected, ignored")                             \
    X(LEARNER_DROPPED, WARN, "learner dropped")                                                    \
    X(LEARNER_GONE, INFO, "learner closed its channel")

enum rk_note {
#define RK_NOTE_ENUM(name, level, text) RK_NOTE_##name,
    RK_NOTE_TABLE(RK_NOTE_ENUM)
#undef RK_NOTE_ENUM
};

struct rk_effect {
    enum rk_effect_kind kind;
    rk_conn_id conn; /* SEND, CLOSE, PAUSE, RESUME; NOTE: or 0 */
    size_t offset;   /* of those with bytes: into rk_effects.bytes */
    size_t len;
    union {
        struct {
            size_t first; /* into rk_effects.conns */
            uint32_t count;
        } many;
        struct {
            rk_zxid zxid; /* APPEND, SNAP_BEGIN, SNAP_END, TRUNCATE */
            uint64_t digest;
            bool has_digest;
            bool is_slice_end; /* SNAP_BYTES */
            enum rk_cut cut;   /* TRUNCATE */
        } log;
        struct {
            rk_chan_id chan; /* but of SEND_MANY, whose channels are in rk_effects.conns (many) */
            enum rk_chan_port port; /* DIAL */
            uint16_t number;        /* DIAL: TCP port */
            int32_t timeout_ms;     /* DIAL */
        } chan;
        struct {
            enum rk_epoch_file file;
            int64_t epoch;
        } epoch;
        struct {
            uint64_t reader;
            rk_zxid from, to; /* as rk_log_read_create; to is durable */
            bool is_first;
            uint32_t size_permille; /* is_first: fails if it costs more (rk_log_read_is_cheap) */
        } read;
        int32_t status; /* FATAL: spec-quorum A11 */
        struct {
            enum rk_note note;
            rk_session_id session;
            int64_t number; /* error code, zxid, count: by note */
        } note;
    } u;
};

struct rk_effects {
    struct rk_mem *mem;
    struct rk_effect *items;
    size_t count;
    size_t cap;
    struct rk_buf bytes;
    rk_conn_id *conns; /* receivers of SEND_MANY and CHAN_SEND_MANY */
    size_t conn_count;
    size_t conn_cap;
};

void rk_effects_init(struct rk_effects *fx, struct rk_mem *mem);
void rk_effects_deinit(struct rk_effects *fx);
void rk_effects_reset(struct rk_effects *fx);
struct rk_bytes rk_effects_bytes(const struct rk_effects *fx, const struct rk_effect *effect);

/* -- for the core -- */

/* Opens a frame to conn (a SEND next to one for the same conn becomes one effect); write the body
 * to fx->bytes, then end. */
size_t rk_fx_frame_begin(struct rk_effects *fx, rk_conn_id conn);
void rk_fx_frame_end(struct rk_effects *fx, size_t mark);
/* Takes back what was written since begin. */
void rk_fx_frame_cancel(struct rk_effects *fx, size_t mark);
/* One frame of these bytes to many. */
void rk_fx_send_many(struct rk_effects *fx, const rk_conn_id *conns, uint32_t count,
                     struct rk_bytes frame_body);
void rk_fx_conn(struct rk_effects *fx, enum rk_effect_kind kind, rk_conn_id conn);
/* CHAN_MARK, _PAUSE, _RESUME, _CLOSE. */
void rk_fx_chan(struct rk_effects *fx, enum rk_effect_kind kind, rk_chan_id chan);
void rk_fx_chan_send(struct rk_effects *fx, rk_chan_id chan, struct rk_bytes bytes);
void rk_fx_chan_send_many(struct rk_effects *fx, const rk_chan_id *chans, uint32_t count,
                          struct rk_bytes bytes);
/* Bytes written in place: begin, the bytes into fx->bytes, end. */
void rk_fx_chan_begin_many(struct rk_effects *fx, const rk_chan_id *chans, uint32_t count);
void rk_fx_chan_end_many(struct rk_effects *fx);
void rk_fx_chan_dial(struct rk_effects *fx, rk_chan_id chan, enum rk_chan_port port,
                     struct rk_bytes host, uint16_t number, int32_t timeout_ms);
void rk_fx_append(struct rk_effects *fx, rk_zxid zxid, struct rk_bytes payload);
struct rk_effect *rk_fx_push(struct rk_effects *fx, enum rk_effect_kind kind);
void rk_fx_note(struct rk_effects *fx, enum rk_note note, rk_conn_id conn, rk_session_id session,
                int64_t number, struct rk_bytes text);

#endif
