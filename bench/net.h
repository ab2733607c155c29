/* The client side: sessions over non-blocking sockets in one epoll loop. Knows framing, the
 * handshake, the order of replies and the keeping alive of sessions; what to send and what to think
 * of the answers is the load's. */
#ifndef RK_BENCH_NET_H
#define RK_BENCH_NET_H

#include "base/mem.h"
#include "result.h"
#include "wire.h"

struct sockaddr;

enum rk_bench_conn_state {
    RK_BENCH_CONN_CLOSED,
    RK_BENCH_CONN_CONNECTING,
    RK_BENCH_CONN_HANDSHAKE,
    RK_BENCH_CONN_READY,
    RK_BENCH_CONN_CLOSING, /* closeSession is answered; the server has to hang up */
};

/* A request that waits for its reply. */
struct rk_bench_sent {
    uint64_t start_ns;
    uint64_t number;
    int32_t xid;
    uint8_t request; /* enum rk_bench_request */
};

struct rk_bench_conn {
    uint32_t index;
    enum rk_bench_conn_state state;
    int fd;
    bool is_dirty;
    bool waits_for_room;
    int32_t xid;
    uint32_t timeout_ms;
    uint32_t pongs_due;
    rk_session_id session;
    rk_zxid zxid;
    uint64_t begun_ns; /* when it started to connect */
    uint64_t sent_ns;
    struct rk_buf in; /* the begun frame, if the last read ended inside one */
    struct rk_buf out;
    size_t out_at;
    struct rk_bench_sent *sent; /* a ring, oldest first */
    uint32_t sent_first;
    uint32_t sent_count;
};

struct rk_bench_hooks {
    void *ctx;
    /* Any may be NULL but reply. */
    void (*ready)(void *ctx, struct rk_bench_conn *c);
    /* The reply is borrowed; its err is the load's to judge. */
    void (*reply)(void *ctx, struct rk_bench_conn *c, const struct rk_bench_sent *sent,
                  const struct rk_bench_reply *reply);
    void (*event)(void *ctx, struct rk_bench_conn *c, struct rk_bytes frame);
    /* Hung up as asked for by closeSession. All other ends are counted as lost. */
    void (*closed)(void *ctx, struct rk_bench_conn *c);
};

struct rk_bench_net {
    struct rk_mem *mem;
    const struct rk_bench_options *options;
    const struct rk_bench_wire *wire;
    struct rk_bench_result *result;
    struct rk_bench_hooks hooks;
    int epoll;
    struct rk_bench_conn *conns;
    uint32_t conn_count;
    uint32_t ring; /* power of two: places in a connection's ring */
    uint32_t ready_count;
    uint32_t connecting_count;
    uint64_t now_ns;  /* of what is being handled */
    uint64_t keep_ns; /* when sessions were last looked at for pings */
    uint32_t *dirty;
    uint32_t dirty_count;
    uint8_t *scratch;
    struct rk_bench_addr *addrs;
    uint64_t progress_ns;
    uint64_t progress_ops;
    bool shows_progress;
};

/* conn_count connections, none opened. False: an address is unknown or the machine has no more
 * files; a line said so. */
bool rk_bench_net_init(struct rk_bench_net *net, struct rk_mem *mem,
                       const struct rk_bench_options *o, const struct rk_bench_wire *wire,
                       struct rk_bench_result *result) RK_MUST_CHECK;
void rk_bench_net_deinit(struct rk_bench_net *net);

/* Starts to connect; a failure is a lost connection. */
void rk_bench_net_open(struct rk_bench_net *net, struct rk_bench_conn *c);
/* Opens all and waits until each has its session. False: a line said why not. */
bool rk_bench_net_open_all(struct rk_bench_net *net) RK_MUST_CHECK;
void rk_bench_net_cut(struct rk_bench_net *net, struct rk_bench_conn *c);

bool rk_bench_conn_has_room(const struct rk_bench_net *net, const struct rk_bench_conn *c);
/* Queues a request; it leaves at the end of the turn, or with what else the connection sends. */
void rk_bench_net_send(struct rk_bench_net *net, struct rk_bench_conn *c,
                       enum rk_bench_request request, uint64_t number, uint64_t start_ns);

/* Waits at most that long for something to happen, and handles what does. */
void rk_bench_net_turn(struct rk_bench_net *net, uint64_t wait_ns);
/* Closes every session in order, for at most two seconds. */
void rk_bench_net_close_all(struct rk_bench_net *net);

/* At most once a second, on a terminal only. */
void rk_bench_net_progress(struct rk_bench_net *net, const char *what, uint64_t ops);
void rk_bench_net_progress_end(struct rk_bench_net *net);

#endif
