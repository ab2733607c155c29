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
 *   were sent on one connection and did not time out;
 * - a watch event is given before the completion of any later reply of its connection;
 * - a request is never sent twice: when its connection is lost it completes with CONNECTION_LOSS;
 *   one that waits for a connection does so once every server has failed (again) meanwhile;
 * - nothing is lost or leaked when memory runs out: the request is refused with SYSTEM_ERROR, or
 *   the connection is given up, and the session lives on.
 *
 * Paths that cross this line are the server's (with chroot): rk_client_path adds the chroot,
 * rk_client_strip takes it off; WATCH effects are stripped already. */
#ifndef RK_CLIENT_CLIENT_H
#define RK_CLIENT_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"
#include "client/event.h"

struct rk_client;

#define RK_CLIENT_PASSWORD_BYTES 16u
#define RK_CLIENT_SERVERS_MAX    1024u /* in SERVERS */
#define RK_CLIENT_ADDRS_MAX      64u   /* in RESOLVED; more are left out */
#define RK_CLIENT_AUTHS_MAX      256u
#define RK_CLIENT_AUTH_BYTES_MAX (1024u * 1024u) /* of one; scheme and auth */

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
    uint32_t requests_max;          /* accepted, and not yet answered or given up */
    uint64_t request_bytes_max;     /* of those that wait for a connection */
    uint32_t connect_timeout_ms;    /* 0: session timeout / number of addresses, as Java */
    uint32_t backoff_min_ms;        /* wait after each server has failed once, doubled ... */
    uint32_t backoff_max_ms;        /* ... up to this or an eighth of the session timeout,
                                       each time drawn between half and whole; 0: 100 ms, 5 s */
    uint32_t set_watches_bytes_max; /* of one setWatches request; 0: 128 KiB, as Java */
};

/* RK_ERR_INVALID for a malformed chroot, session timeout or a limit of 0, RK_ERR_NOMEM. */
enum rk_err rk_client_create(const struct rk_client_config *config,
                             struct rk_client **ret_client) RK_MUST_CHECK;
/* Requests without an answer are forgotten: send CLOSE first. Accepts NULL. */
void rk_client_destroy(struct rk_client *client);

void rk_client_step(struct rk_client *client, const struct rk_client_event *event,
                    struct rk_client_effects *out);

enum rk_client_state rk_client_state(const struct rk_client *client);
rk_session_id rk_client_session(const struct rk_client *client);
const uint8_t *rk_client_password(const struct rk_client *client);
/* Negotiated; asked for before that. */
int32_t rk_client_timeout_ms(const struct rk_client *client);
rk_zxid rk_client_last_zxid(const struct rk_client *client);
/* Accepted and not yet completed. */
uint32_t rk_client_requests(const struct rk_client *client);
/* The connection over which it talks to a server or tries one; 0 without one. */
uint64_t rk_client_conn(const struct rk_client *client);

/* chroot + path into b ("/" under a chroot is the chroot itself). Checks the path as the server
 * will (is_sequential: the part that the server appends is still missing): false if it is
 * malformed, with b as it was, or if b has failed. */
bool rk_client_path(const struct rk_client *client, struct rk_bytes path, bool is_sequential,
                    struct rk_buf *b) RK_MUST_CHECK;
/* A path of the server without chroot; a path outside of it as it is. Borrowed from path. */
struct rk_bytes rk_client_strip(const struct rk_client *client, struct rk_bytes path);

#endif
