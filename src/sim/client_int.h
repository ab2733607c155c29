/* What the files of the simulated clients share. */
#ifndef RK_SIM_CLIENT_INT_H
#define RK_SIM_CLIENT_INT_H

#include "proto/frame.h"
#include "sim/client.h"
#include "sim/model.h"
#include "sim/net.h"

#define SIM_CLIENTS_MAX 40u
#define SIM_PATHS_MAX   64u
#define SIM_PATH_BYTES  96u
#define SIM_ASKED_MAX   64u
#define SIM_WATCHED_MAX 24u
#define SIM_USERS       3u
#define SIM_MADE_MAX    8u

enum client_state {
    CLIENT_OFF,
    CLIENT_SHAKING,
    CLIENT_TALKING,
};

/* A request under way, as far as the client needs to know. */
struct asked {
    int32_t xid;
    int32_t op;
    uint8_t list; /* the watch it sets: 1 + enum watched, or 0 */
    char path[SIM_PATH_BYTES];
};

enum watched {
    WATCHED_DATA,
    WATCHED_EXIST,
    WATCHED_CHILD,
    WATCHED_PERSISTENT,
    WATCHED_RECURSIVE,
    WATCHED_COUNT
};

struct watch_list {
    char paths[SIM_WATCHED_MAX][SIM_PATH_BYTES];
    uint32_t count;
};

struct sim_lib;

struct sim_client {
    struct sim_lib *lib; /* it is the machine of src/client; NULL: it is one of ours */
    uint32_t index;
    uint32_t node; /* the server it talks to */
    enum client_state state;
    rk_conn_id conn;
    rk_session_id session;
    uint8_t password[16];
    int32_t timeout_ms;
    bool has_read_only;
    bool is_last_word_said; /* heal */
    bool is_last_word_answered;
    int32_t last_word_xid;
    bool is_spoiled; /* it sent what the server will wait for in vain */
    rk_zxid seen;
    int32_t next_xid;
    int64_t talk_us; /* when it has something to say again */
    int64_t sent_us; /* last time something was sent */
    uint64_t token;  /* of the act that counts */
    struct rk_buf in;
    struct asked asked[SIM_ASKED_MAX]; /* a ring */
    uint32_t asked_first;
    uint32_t asked_count;
    struct watch_list watched[WATCHED_COUNT];
    bool is_user[SIM_USERS];
    uint32_t script_at;
};

struct sim_clients {
    struct sim_world *w;
    struct sim_client clients[SIM_CLIENTS_MAX];
    uint32_t count;
    char paths[SIM_PATHS_MAX][SIM_PATH_BYTES];
    uint32_t path_count;
    char made[SIM_MADE_MAX][SIM_PATH_BYTES]; /* sequential names that came back */
    uint32_t made_total;
    uint32_t sent;
    uint32_t values; /* every value written is another one */
    struct rk_buf out;
};

/* client_op.c: one request into all->out, with its frame; false if there is nothing to say. */
void rk_user_request(struct sim_clients *all, struct sim_client *c, enum sim_op op);
/* Behind a reconnect: logins and watches. */
void rk_user_resume(struct sim_clients *all, struct sim_client *c);
void rk_user_login(struct sim_clients *all, struct sim_client *c, uint32_t user);
void rk_user_simple(struct sim_clients *all, struct sim_client *c, int32_t op);
/* The enumeration's script: false when it is over. */
bool rk_user_script(struct sim_clients *all, struct sim_client *c);
void rk_user_create(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                    int32_t flags);
void rk_user_get(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                 bool watch);
void rk_user_set(struct sim_clients *all, struct sim_client *c, const char *path);

void rk_user_remember_name(struct sim_clients *all,
                           struct rk_bytes body); /* client.c, of a create */
enum sim_op rk_user_draw_op(struct sim_clients *all);
void rk_user_act_after(struct sim_clients *all, struct sim_client *c, int64_t us);

/* client_rude.c */
void rk_user_rude(struct sim_clients *all, struct sim_client *c);
/* A connect request that is not right, or not nice. */
void rk_user_rude_handshake(struct sim_clients *all, struct sim_client *c);

/* client.c */
void rk_user_send(struct sim_clients *all, struct sim_client *c); /* what is in all->out */
int32_t rk_user_ask(struct sim_clients *all, struct sim_client *c, int32_t op, const char *path,
                    uint32_t list); /* begins a frame */
void rk_user_asked_end(struct sim_clients *all, struct sim_client *c);
void rk_user_put_handshake(struct sim_clients *all, const struct sim_client *c, rk_zxid seen,
                           rk_session_id session, struct rk_bytes password);
const char *rk_user_path(struct sim_clients *all);

#endif
