/* A client machine in a test: events by calls, effects as lines of text, a server that is played by
 * the test. Every line of effects is collected until rig_expect compares and forgets them:
 *
 *   RESOLVE 0                CONNECT 1 to a          DROP 1
 *   STATE connected new      WATCH 3 3 /a: 1.2       DONE 7 rc=0 zxid=5 "body"
 *   SEND 1 connect session=0 zxid=0 ro=0             SEND 1 get_data 00000000
 *   SEND 1 auth digest:u:p   SEND 1 setWatches zxid=9 data=/a,/b exist= child=/c
 */
#ifndef RK_TEST_CLIENT_RIG_H
#define RK_TEST_CLIENT_RIG_H

#include "base/mem_libc.h"
#include "base/prng.h"
#include "client/client.h"
#include "proto/opcode.h"

#define RIG_XIDS 4096u

struct rig {
    struct rk_mem mem;
    struct rk_client_config config;
    struct rk_client *client;
    int64_t now_ms;
    int64_t wake_ms;
    int32_t result; /* of the last step */
    bool is_quiet;  /* SEND and STATE are not noted */
    char *log;
    size_t log_len;
    size_t log_cap;
    uint64_t conn;          /* the last one asked for */
    int32_t xids[RIG_XIDS]; /* of requests sent and not replied to, a ring */
    uint32_t xid_first;
    uint32_t xid_count;
    uint32_t done; /* completions so far */
};

/* Defaults: a session of 30 s, three servers a b c in that order. */
void rig_init(struct rig *r);
void rig_open(struct rig *r);   /* creates the machine of r->config */
void rig_deinit(struct rig *r); /* and nothing may be left */

void rig_step(struct rig *r, struct rk_client_event *event);
void rig_tick(struct rig *r, int64_t ms); /* so much later */
void rig_servers(struct rig *r, uint32_t count, bool is_new);
/* Answer to RESOLVE: an address of one letter each, "ab" for two; "" for none. */
void rig_resolved(struct rig *r, uint32_t server, const char *addrs);
void rig_connected(struct rig *r, uint64_t conn);
void rig_gone(struct rig *r, uint64_t conn);
void rig_bytes(struct rig *r, uint64_t conn, const void *data, size_t len);
void rig_close(struct rig *r, uint32_t ms);
void rig_auth(struct rig *r, uint64_t tag, const char *scheme, const char *auth);

/* Of the played server. */
void rig_welcome(struct rig *r, rk_session_id session, int32_t timeout_ms, bool is_read_only);
void rig_reply(struct rig *r, rk_zxid zxid, int32_t err, const char *body); /* to the oldest */
void rig_reply_xid(struct rig *r, int32_t xid, rk_zxid zxid, int32_t err);
void rig_event(struct rig *r, int32_t type, const char *path, rk_zxid zxid);

/* The three servers, with an address each. */
void rig_three(struct rig *r);
/* From nothing to connected to server a, session 7, timeout 30 s; forgets the lines. */
void rig_connect(struct rig *r);
void rig_start(struct rig *r); /* init, open, connect */
int32_t rig_request(struct rig *r, uint64_t tag, int32_t op, enum rk_client_watch_kind watch,
                    const char *path, uint64_t watcher, uint32_t timeout_ms);
int32_t rig_get(struct rig *r, uint64_t tag); /* a request without a watch */
/* A watch by a request and its good reply. */
void rig_watch(struct rig *r, enum rk_client_watch_kind kind, const char *path, uint64_t watcher);

void rig_forget(struct rig *r);
void rig_expect(struct rig *r, const char *lines);

#endif
