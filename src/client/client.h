/* The client machine: one session of one client with a ZooKeeper ensemble. Pure: events in, effects
 * out, no clock, no socket, no allocation but through its rk_mem; src/lib is its shell for real
 * programs, the simulator another one.
 *
 * It chooses servers, connects, shakes hands, keeps the session alive with pings, gives requests
 * their xids and finds their replies, keeps the watches and sets them again after a reconnect,
 * decides what a lost connection means for each request, and ends in CLOSED, EXPIRED or
 * AUTH_FAILED.
 *
 * What it guarantees (ZK: the C client of 3.9, zookeeper.c; ClientCnxn where that one says less):
 * - every accepted request is completed exactly once, in the order of acceptance among those that
 *   were sent on one connection;
 * - a watch event is given before the completion of any later reply of its connection;
 * - a request is never sent twice: when its connection is lost it completes with CONNECTION_LOSS;
 * - nothing is lost or leaked when memory runs out: the request is refused with SYSTEM_ERROR, or
 * the connection is given up, and the session lives on.
 *
 * Paths that cross this line are the server's (with chroot): rk_client_path adds the chroot,
 * rk_client_strip takes it off; WATCH effects are stripped already. */
#ifndef RK_CLIENT_CLIENT_H
#define RK_CLIENT_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/zk_error.h"

struct rk_client;

#define RK_CLIENT_PASSWORD_BYTES 16u
/* A sockaddr as the shell made it; the machine only copies and compares it. */
#define RK_CLIENT_ADDR_BYTES 28u
struct rk_client_addr {
    uint8_t bytes[RK_CLIENT_ADDR_BYTES];
    uint32_t len;
    uint32_t distance; /* 0 nearest; used with RK_CLIENT_NEAREST only */
};

enum rk_client_order {
    RK_CLIENT_SHUFFLED, /* drawn from the seed: spreads clients over the servers */
    RK_CLIENT_AS_GIVEN, /* zoo_deterministic_conn_order */
    RK_CLIENT_NEAREST   /* by distance, shuffled among equals */
};

struct rk_client_config {
    struct rk_mem *mem;
    uint64_t seed;
    int32_t session_timeout_ms; /* asked for; the server's answer counts from then on */
    rk_session_id session_id;   /* 0: a new session */
    uint8_t password[RK_CLIENT_PASSWORD_BYTES];
    bool may_read_only; /* accept a read-only server, and look for a better one meanwhile */
    enum rk_client_order order;
    struct rk_bytes chroot;         /* "" or "/a/b"; copied */
    uint32_t frame_bytes_max;       /* longest reply; a longer one ends the connection */
    uint32_t requests_max;          /* accepted and not yet completed */
    uint64_t request_bytes_max;     /* of those that wait for a connection */
    uint32_t connect_timeout_ms;    /* 0: session timeout / number of servers, as Java */
    uint32_t backoff_min_ms;        /* wait after each server has failed once, doubled ... */
    uint32_t backoff_max_ms;        /* ... up to this, each time drawn between half and whole */
    uint32_t set_watches_bytes_max; /* of one setWatches request; 0: 128 KiB, as Java */
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
    RK_CLIENT_CLOSED       /* terminal: rk_client_close was answered or given up */
};

/* A watcher is two words of the shell (function and context); equal words are the same watcher and
 * get one event only. */
struct rk_client_watcher {
    uint64_t fn;
    uint64_t ctx;
};
enum rk_client_watch_kind {
    RK_CLIENT_WATCH_NONE,
    RK_CLIENT_WATCH_DATA,   /* getData; exists on a node that is there */
    RK_CLIENT_WATCH_EXISTS, /* exists: becomes DATA or EXIST by the reply */
    RK_CLIENT_WATCH_CHILD,
    RK_CLIENT_WATCH_PERSISTENT,
    RK_CLIENT_WATCH_RECURSIVE
};

/* -- Events -------------------------------------------------------------------------------------
 */

enum rk_client_event_type {
    RK_CLIENT_EV_TICK,      /* now_ms has passed wake_at_ms; more ticks do no harm */
    RK_CLIENT_EV_SERVERS,   /* the list of servers: at first, and whenever it is changed */
    RK_CLIENT_EV_RESOLVED,  /* answer to RESOLVE */
    RK_CLIENT_EV_CONNECTED, /* answer to CONNECT */
    RK_CLIENT_EV_BYTES,     /* from the server */
    RK_CLIENT_EV_GONE,      /* the connection failed or ended; answer to CONNECT as well */
    RK_CLIENT_EV_REQUEST,
    RK_CLIENT_EV_AUTH,           /* zoo_add_auth: kept, sent on every connection */
    RK_CLIENT_EV_REMOVE_WATCHES, /* local: without asking a server */
    RK_CLIENT_EV_NEXT_SERVER,    /* zoo_cycle_next_server: leave this one */
    RK_CLIENT_EV_CLOSE /* ends the session if there is one; CLOSED follows within close_ms */
};

struct rk_client_request {
    uint64_t tag;         /* comes back with the completion */
    int32_t op;           /* proto/opcode.h */
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
            struct rk_bytes bytes;
        } bytes;
        struct rk_client_request request;
        struct {
            uint64_t tag; /* 0: nobody waits */
            struct rk_bytes scheme;
            struct rk_bytes auth;
        } auth;
        struct {
            struct rk_bytes path;           /* with chroot */
            enum rk_client_watch_kind kind; /* NONE: any */
            bool is_all;                    /* every watcher of the path, else the one below */
            struct rk_client_watcher watcher;
        } remove;
        struct {
            uint32_t close_ms; /* how long to wait for the answer to closeSession */
        } close;
    } u;
};

/* -- Effects ------------------------------------------------------------------------------------
 */

enum rk_client_effect_type {
    RK_CLIENT_FX_RESOLVE,  /* look up server number u.resolve.server, answer with RESOLVED */
    RK_CLIENT_FX_CONNECT,  /* open a TCP connection; answer with CONNECTED or GONE */
    RK_CLIENT_FX_SEND,     /* to that connection, in order */
    RK_CLIENT_FX_DROP,     /* close it; no event of it is expected any more */
    RK_CLIENT_FX_COMPLETE, /* a request has its answer */
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
            uint64_t conn; /* never used twice */
            uint32_t server;
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
            int32_t result;       /* enum rk_zk_error, of the server or of this machine */
            rk_zxid zxid;         /* of the reply header; 0 without one */
            struct rk_bytes body; /* behind the reply header; empty without one */
        } complete;
        struct {
            int32_t event;        /* of the wire: -1 session, 1..4 node, -2 not watching any more */
            int32_t state;        /* of the wire */
            rk_zxid zxid;         /* 0 before 3.9 */
            struct rk_bytes path; /* without chroot; empty for session events */
            const struct rk_client_watcher *watchers;
            uint32_t
                count; /* without the default watcher, which hears of session events by STATE */
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
    int64_t wake_at_ms; /* a TICK by then; INT64_MAX: none needed */
    int32_t result; /* REQUEST, AUTH, REMOVE_WATCHES: RK_ZK_OK accepted; else nothing was done */
};

/* RK_ERR_INVALID for a malformed chroot or session timeout, RK_ERR_NOMEM. */
enum rk_err rk_client_create(const struct rk_client_config *config,
                             struct rk_client **ret_client) RK_MUST_CHECK;
/* Requests without an answer are forgotten: send CLOSE first. Accepts NULL. */
void rk_client_destroy(struct rk_client *client);

void rk_client_step(struct rk_client *client, const struct rk_client_event *event,
                    struct rk_client_effects *out);

enum rk_client_state rk_client_state(const struct rk_client *client);
rk_session_id rk_client_session(const struct rk_client *client);
const uint8_t *rk_client_password(const struct rk_client *client);
int32_t
rk_client_timeout_ms(const struct rk_client *client); /* negotiated; asked for before that */
rk_zxid rk_client_last_zxid(const struct rk_client *client);
/* Accepted and not yet completed, and the bytes of those not yet sent. */
uint32_t rk_client_requests(const struct rk_client *client);
/* Server number of the connection, -1 without one. */
int32_t rk_client_server(const struct rk_client *client);

/* chroot + path into b ("/" under a chroot is the chroot itself). Checks the path as the server
 * will (is_sequential: the part that the server appends is still missing): false if it is
 * malformed. */
bool rk_client_path(const struct rk_client *client, struct rk_bytes path, bool is_sequential,
                    struct rk_buf *b) RK_MUST_CHECK;
/* A path of the server without chroot; a path outside of it as it is. Borrowed from path. */
struct rk_bytes rk_client_strip(const struct rk_client *client, struct rk_bytes path);

#endif
