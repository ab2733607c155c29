/* What the files of the client machine share: its state. client_calls.h has the calls. */
#ifndef RK_CLIENT_CLIENT_INT_H
#define RK_CLIENT_CLIENT_INT_H

#include "base/list.h"
#include "base/prng.h"
#include "client/client.h"
#include "client/watches.h"

#define RK_CLIENT_TARGETS_MAX  4096u
#define RK_CLIENT_STEP_BYTES   ((size_t)256 * 1024) /* sent in one step, more or less */
#define RK_CLIENT_KEEP_BYTES   ((size_t)256 * 1024) /* buffers over this are given back */
#define RK_CLIENT_PROBE_BYTES  8u
#define RK_CLIENT_FX_STEP_MAX  32u /* effects of a step besides completions, events and look-ups */
#define RK_CLIENT_NEVER        INT64_MAX
#define RK_CLIENT_XID_EVENT    (-1)
#define RK_CLIENT_XID_PING     (-2)
#define RK_CLIENT_XID_AUTH     (-4)
#define RK_CLIENT_XID_WATCHES  (-8)
#define RK_CLIENT_PROBE_MIN_MS 200 /* ZK: MIN_RW_TIMEOUT */
#define RK_CLIENT_PROBE_MAX_MS 60000

/* An accepted request. */
struct rk_client_pending {
    struct rk_link link; /* of waiting or sent */
    uint64_t tag;
    int32_t op;
    int32_t xid;
    bool is_given_up; /* timed out: the reply will be dropped */
    struct rk_client_watch_order watch;
    int64_t deadline_ms;
    uint32_t heap_at; /* 1 + its place among the deadlines; 0: none */
    uint8_t *body;    /* while it waits; NULL if empty */
    uint32_t body_len;
};

struct rk_client_auth {
    struct rk_link link;
    uint64_t tag;     /* 0: nobody waits */
    bool is_sent;     /* on this connection, not yet answered */
    bool is_answered; /* on this connection */
    bool is_once;     /* a repetition: forgotten when answered */
    uint32_t scheme_len;
    uint32_t auth_len;
    bool is_null; /* auth */
    uint8_t text[];
};

struct rk_client_target {
    struct rk_client_addr addr;
    bool is_new;   /* of the last list only; used while moving */
    bool is_tried; /* while moving */
};

struct rk_client_server {
    struct rk_client_addr *addrs;
    uint32_t count;
    bool is_asked; /* a RESOLVE is under way */
};

/* The connection, or the one that looks for a read-write server. */
struct rk_client_line {
    uint64_t id; /* 0: none */
    struct rk_client_addr addr;
    int64_t deadline_ms; /* of connecting and shaking hands */
};

struct rk_client {
    struct rk_mem *mem;
    struct rk_prng prng;
    struct rk_client_config config;
    uint8_t *chroot;
    int64_t now_ms;

    /* session.c */
    enum rk_client_state state;
    rk_session_id session_id; /* as asked for in the next handshake, once seen_rw */
    uint8_t password[RK_CLIENT_PASSWORD_BYTES];
    bool seen_rw; /* else session_id is made up by a read-only server. ZK: seen_rw_server_before */
    int32_t timeout_ms;
    rk_zxid last_zxid;
    struct rk_client_line line;
    uint64_t last_conn;
    int64_t connected_ms;
    int64_t last_recv_ms;
    int64_t last_send_ms;
    struct rk_buf in;      /* a frame that is not whole yet */
    struct rk_buf in_done; /* one that became whole in this step */
    bool is_leaving;       /* for another server, when what was sent is answered */
    int64_t leave_ms;
    bool is_closing;
    bool is_close_sent;
    int32_t close_xid;
    int64_t close_ms;

    /* servers.c */
    struct rk_client_server *servers;
    uint32_t server_count;
    uint32_t asked_count;
    bool is_list_new;  /* the targets are not yet of this list */
    bool is_rebalance; /* and balance is asked for */
    int64_t settle_ms; /* go on without those who have not answered */
    struct rk_client_target *targets;
    uint32_t target_count;
    uint32_t target_at;
    bool is_moving;    /* picks old or new servers by lot. ZK: reconfig */
    uint32_t move_num; /* take a new one move_num times in move_den */
    uint32_t move_den;
    bool has_fixed; /* this address next */
    struct rk_client_addr fixed;
    uint32_t failures; /* in a row */
    uint32_t rounds;   /* in a row */
    int64_t retry_ms;

    /* probe.c */
    struct rk_client_line probe;
    bool is_probe_open;
    uint32_t probe_at;
    uint32_t probe_delay_ms;
    int64_t probe_ms;
    uint8_t probe_in[RK_CLIENT_PROBE_BYTES];
    uint32_t probe_in_len;

    /* request.c, auth.c */
    struct rk_link waiting;
    struct rk_link sent;
    uint32_t request_count; /* accepted, not completed */
    uint32_t given_up_count;
    uint64_t waiting_bytes;
    struct rk_client_pending **heap;
    uint32_t heap_count;
    uint32_t heap_cap;
    int32_t next_xid;
    struct rk_link auths;
    uint32_t auth_count;
    uint32_t auth_unsent;
    uint32_t auth_tags;

    struct rk_client_watches watches;

    /* effects.c */
    struct rk_client_effect *fx;
    size_t *fx_at; /* beside each: where in out or told its bytes begin */
    uint32_t fx_count;
    uint32_t fx_cap;
    uint32_t fx_at_cap;
    struct rk_buf out;
    int32_t result;
    bool has_more; /* to send: wants another step at once */
};

#endif
