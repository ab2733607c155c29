/* What goes into the client machine and what comes out of it. client.h says what it does with it.
 */
#ifndef RK_CLIENT_EVENT_H
#define RK_CLIENT_EVENT_H

#include "base/bytes.h"
#include "proto/zk_error.h"

/* A sockaddr as the shell made it; the machine only copies and compares it. */
#define RK_CLIENT_ADDR_BYTES 28u
struct rk_client_addr {
    uint8_t bytes[RK_CLIENT_ADDR_BYTES];
    uint32_t len;
    uint32_t distance; /* 0 nearest; used with RK_CLIENT_NEAREST only */
};

/* ZK: the state constants of zookeeper.h, without the library's own "not connected". */
enum rk_client_state {
    RK_CLIENT_IDLE, /* no server chosen yet, or waiting for the next try */
    RK_CLIENT_RESOLVING,
    RK_CLIENT_CONNECTING,
    RK_CLIENT_ASSOCIATING, /* connected, waits for the answer to its handshake */
    RK_CLIENT_CONNECTED,
    RK_CLIENT_READ_ONLY,   /* connected to a server without a quorum */
    RK_CLIENT_EXPIRED,     /* terminal */
    RK_CLIENT_AUTH_FAILED, /* terminal */
    RK_CLIENT_CLOSED       /* terminal: CLOSE was answered or given up */
};

/* Results of this machine that no server sends. ZK: ZINVALIDSTATE, ZCLOSING. */
enum rk_client_result { RK_CLIENT_INVALID_STATE = -9, RK_CLIENT_CLOSING = -116 };

/* A watcher is three words of the shell (function, context, whose it is); equal words are the same
 * watcher and get one event only. */
struct rk_client_watcher {
    uint64_t fn; /* not 0 */
    uint64_t ctx;
    uint64_t owner;
};
enum rk_client_watch_kind {
    RK_CLIENT_WATCH_NONE,
    RK_CLIENT_WATCH_DATA,   /* getData; exists on a node that is there */
    RK_CLIENT_WATCH_EXISTS, /* exists: becomes DATA or EXIST by the reply */
    RK_CLIENT_WATCH_CHILD,
    RK_CLIENT_WATCH_PERSISTENT,
    RK_CLIENT_WATCH_RECURSIVE
};

/* -- Events -- */

enum rk_client_event_type {
    RK_CLIENT_EV_TICK,      /* now_ms has reached wake_at_ms; more ticks do no harm */
    RK_CLIENT_EV_SERVERS,   /* the list of servers: at first, and whenever it is changed */
    RK_CLIENT_EV_RESOLVED,  /* answer to RESOLVE; none for one asked before the last SERVERS */
    RK_CLIENT_EV_CONNECTED, /* answer to CONNECT */
    RK_CLIENT_EV_BYTES,     /* from the server; effects point into them */
    RK_CLIENT_EV_GONE,      /* the connection failed or ended; answer to CONNECT as well */
    RK_CLIENT_EV_REQUEST,
    RK_CLIENT_EV_AUTH,           /* zoo_add_auth: kept, sent on every connection */
    RK_CLIENT_EV_REMOVE_WATCHES, /* local: without asking a server */
    RK_CLIENT_EV_NEXT_SERVER,    /* zoo_cycle_next_server: leave this one */
    RK_CLIENT_EV_CLOSE /* ends the session if there is a connection; CLOSED within close_ms */
};

/* With op REMOVE_WATCHES or CHECK_WATCHES, watch, watch_path and watcher say what is removed here
 * once the server has said OK, as in u.remove; fn 0 means every watcher of the path. */
struct rk_client_request {
    uint64_t tag;         /* comes back with the completion */
    int32_t op;           /* proto/opcode.h; not auth, ping, setWatches, sasl, closeSession */
    struct rk_bytes body; /* the encoded record with chroot; copied */
    enum rk_client_watch_kind watch;
    struct rk_bytes watch_path; /* with chroot; copied */
    struct rk_client_watcher watcher;
    uint32_t timeout_ms; /* 0 none; over it: OPERATION_TIMEOUT, a later reply is dropped */
};

struct rk_client_event {
    enum rk_client_event_type type;
    int64_t now_ms; /* monotonic */
    union {
        struct {
            uint32_t count;
            bool is_new_list; /* not at first: rebalance. ZK: ZOOKEEPER-1355 */
        } servers;            /* RESOLVE effects with 0 <= index < count follow */
        struct {
            uint32_t server;
            uint32_t count; /* 0: the name is not known just now */
            const struct rk_client_addr *addrs;
        } resolved;
        struct {
            uint64_t conn;
        } connected, gone;
        struct {
            uint64_t conn;
            struct rk_bytes bytes; /* stay where they are until the next step */
        } bytes;
        struct rk_client_request request;
        struct {
            uint64_t tag; /* 0: nobody waits */
            struct rk_bytes scheme;
            struct rk_bytes auth;
        } auth;
        struct {
            struct rk_bytes path;           /* with chroot */
            enum rk_client_watch_kind kind; /* NONE: any; DATA: EXISTS as well */
            bool is_all;                    /* every watcher of the path, else the one below */
            struct rk_client_watcher watcher;
        } remove;
        struct {
            uint32_t close_ms; /* how long to wait for the answer to closeSession */
        } close;
    } u;
};

/* -- Effects -- */

enum rk_client_effect_type {
    RK_CLIENT_FX_RESOLVE,  /* look up server number u.resolve.server, answer with RESOLVED */
    RK_CLIENT_FX_CONNECT,  /* open a TCP connection; answer with CONNECTED or GONE */
    RK_CLIENT_FX_SEND,     /* to that connection, in order */
    RK_CLIENT_FX_DROP,     /* close it; no event of it is expected any more */
    RK_CLIENT_FX_COMPLETE, /* a request (or an AUTH with a tag) has its answer */
    RK_CLIENT_FX_WATCH,    /* these watchers are told */
    RK_CLIENT_FX_STATE     /* the state, the session or both changed */
};

struct rk_client_effect {
    enum rk_client_effect_type type;
    union {
        struct {
            uint32_t server;
        } resolve;
        struct {
            uint64_t conn; /* never used twice; there may be a second one that looks for a server */
            struct rk_client_addr addr;
        } connect;
        struct {
            uint64_t conn;
            struct rk_bytes bytes;
        } send;
        struct {
            uint64_t conn;
        } drop;
        struct {
            uint64_t tag;
            int32_t op;
            int32_t result;       /* enum rk_zk_error of the server or of this machine,
                                     or enum rk_client_result */
            rk_zxid zxid;         /* of the reply header; 0 without one */
            struct rk_bytes body; /* behind the reply header; empty without one */
        } complete;
        struct {
            int32_t event;        /* of the wire: -1 session, 1..4 node */
            int32_t state;        /* of the wire; for -1: 1 connecting, 3, 5, -112 or -113 */
            rk_zxid zxid;         /* -1 before 3.9, and for what was missed while away */
            struct rk_bytes path; /* without chroot; empty for session events */
            const struct rk_client_watcher *watchers;
            uint32_t count; /* never 0; of a session event: all watchers that watch anything */
        } watch;
        struct {
            enum rk_client_state state;
            bool is_new_session; /* the first handshake of a session */
        } state;
    } u;
};

struct rk_client_effects {
    const struct rk_client_effect *list; /* valid until the next step, with all it points to */
    uint32_t count;
    int64_t wake_at_ms; /* a TICK by then (at once, if it has passed); INT64_MAX: none needed */
    int32_t result; /* REQUEST, AUTH, REMOVE_WATCHES, SERVERS: RK_ZK_OK accepted; else nothing was
                       done. API_ERROR: a limit; SYSTEM_ERROR: memory; NO_WATCHER */
};

#endif
