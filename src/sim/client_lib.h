/* Simulated clients that are the client machine (src/client) itself: the same workload, but
 * sessions, reconnects, watches and logins are the machine's business. What it promises at the head
 * of client/client.h is checked here, against the requests and the watches noted on this side. */
#ifndef RK_SIM_CLIENT_LIB_H
#define RK_SIM_CLIENT_LIB_H

#include "client/client.h"
#include "sim/client_int.h"

#define LIB_CONNS   3u
#define LIB_TAGS    2048u
#define LIB_WATCHES 96u
#define LIB_DEPTH   40u /* more than a client has outstanding */

struct lib_conn {
    uint64_t conn; /* the machine's number; 0: free */
    rk_conn_id id; /* the network's; 0: not there yet */
    uint32_t node;
};

struct lib_asked {
    uint64_t tag; /* 0: free */
    int32_t op;
    uint8_t list; /* as in struct asked */
    bool is_sent;
    enum rk_client_watch_kind removed; /* of a removal */
    uint64_t hash;                     /* of operation and body */
    char path[SIM_PATH_BYTES];
};

/* What the machine must tell of. */
struct lib_watch {
    enum watched kind;
    rk_zxid value; /* the last change that is known; for EXIST that it was missing then */
    rk_zxid told;  /* the last event */
    char path[SIM_PATH_BYTES];
};

struct sim_lib {
    struct rk_mem mem;
    struct rk_client *machine; /* NULL: between two lives */
    enum rk_client_state state;
    uint32_t life;
    struct lib_conn conns[LIB_CONNS];
    uint32_t nodes[SIM_NODES_MAX]; /* server number -> node */
    int64_t wake_us;
    int32_t next_list; /* of the request that is being written */
    char next_path[SIM_PATH_BYTES];
    struct lib_asked asked[LIB_TAGS];
    uint64_t tags;     /* given out */
    uint64_t sent_tag; /* the last one that was sent */
    uint64_t answered; /* the last one that was answered, or lost, on this connection */
    uint64_t last_word;
    int32_t sent_xid;
    rk_zxid seen;
    bool had_session;
    bool has_written; /* its last word */
    struct lib_watch watches[LIB_WATCHES];
    uint32_t watch_count;
};

/* client_lib.c: what client.c hands over. */
void rk_lib_create(struct sim_clients *all, struct sim_client *c);
void rk_lib_destroy(struct sim_clients *all, struct sim_client *c);
void rk_lib_act(struct sim_clients *all, struct sim_client *c);
void rk_lib_heal(struct sim_clients *all, struct sim_client *c);
/* The request being written is of path, and sets that watch; then it is in all->out. */
void rk_lib_begin(struct sim_client *c, const char *path, uint32_t list);
void rk_lib_ask(struct sim_clients *all, struct sim_client *c);
void rk_lib_bytes(struct sim_clients *all, struct sim_client *c, rk_conn_id id,
                  struct rk_bytes bytes);
void rk_lib_gone(struct sim_clients *all, struct sim_client *c, rk_conn_id id);

/* client_lib_check.c */
struct lib_asked *rk_lib_asked(struct sim_lib *lib, uint64_t tag); /* NULL: not open */
void rk_lib_check_sent(struct sim_world *w, struct sim_client *c, struct rk_bytes bytes);
void rk_lib_check_complete(struct sim_world *w, struct sim_client *c,
                           const struct rk_client_effect *fx);
void rk_lib_check_watch(struct sim_world *w, struct sim_client *c,
                        const struct rk_client_effect *fx);
void rk_lib_check_state(struct sim_world *w, struct sim_client *c, enum rk_client_state state,
                        bool is_new_session);
/* A life of the machine is over: nothing may be open. */
void rk_lib_check_end(struct sim_world *w, struct sim_client *c);
uint64_t rk_lib_hash(int32_t op, struct rk_bytes body);

#endif
