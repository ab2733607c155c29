/* A core in a test's hands: frames in, effects sorted into what each connection got. The log is the
 * test's: records become durable when it says so. */
#ifndef RK_TEST_CORE_RIG_H
#define RK_TEST_CORE_RIG_H

#include "base/mem_libc.h"
#include "core/core.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"

#define RIG_CONNS 64u

struct rig_inbox {
    struct rk_buf bytes; /* frames sent to this connection, not taken yet */
    size_t at;
    bool is_open;
    bool is_closed; /* the core asked for it */
    bool is_paused;
};

struct rig {
    struct rk_mem mem;
    struct rk_core *core;
    struct rk_core_config config;
    struct rk_effects fx;
    struct rk_buf request;
    struct rig_inbox in[RIG_CONNS];
    int64_t now_ms;
    int64_t wall_ms;
    rk_zxid appended; /* last APPEND effect */
    rk_zxid synced;
    bool is_hasty;     /* no check of everything after each step: for tests of large amounts */
    bool auto_sync;    /* make durable after each step */
    struct rk_buf log; /* records as {int length, payload} */
    struct rk_buf snapshot;
    bool snap_open;
    bool snap_ended;
    bool auto_snap;
    rk_zxid snap_zxid;
    uint32_t notes[128];
    uint32_t rolls;
    bool is_loud; /* notes to standard output */
    /* A member of an ensemble: its other effects, and what is owed after each step (rig_ens.h). */
    void (*other)(struct rig *r, const struct rk_effect *e);
    void (*settle)(struct rig *r);
};

struct rig_reply {
    int32_t xid;
    rk_zxid zxid;
    int32_t err;
    struct rk_bytes body;
};

void rig_config(struct rk_core_config *config);
/* config NULL: rig_config's. Fresh database, started. */
void rig_init(struct rig *r, const struct rk_core_config *config);
/* The same in two steps; rig_prepare leaves out the start. */
void rig_prepare(struct rig *r, const struct rk_core_config *config);
void rig_start(struct rig *r);
void rig_deinit(struct rig *r); /* asserts that no memory is left */
void rig_step(struct rig *r, struct rk_event *e);
void rig_sync(struct rig *r);                /* what was appended is durable now */
void rig_advance(struct rig *r, int64_t ms); /* time passes, with a TICK */

rk_conn_id rig_open(struct rig *r, uint32_t slot);
void rig_close(struct rig *r, uint32_t slot); /* the client went away */
void rig_frame(struct rig *r, uint32_t slot, struct rk_bytes frame);
/* Opens, shakes hands, expects success; the session id. */
rk_session_id rig_connect(struct rig *r, uint32_t slot);
/* Connect request with all fields; the response is in the inbox. */
void rig_handshake(struct rig *r, uint32_t slot, rk_zxid seen, int32_t timeout, rk_session_id id,
                   struct rk_bytes passwd, bool with_read_only);

/* Starts a request in r->request; append the body, then rig_send. */
struct rk_buf *rig_request(struct rig *r, int32_t xid, int32_t op);
void rig_send(struct rig *r, uint32_t slot);
/* Next frame of the connection; fails the test if there is none. */
struct rk_bytes rig_take(struct rig *r, uint32_t slot);
bool rig_has(const struct rig *r, uint32_t slot);
struct rig_reply rig_reply(struct rig *r, uint32_t slot);
/* Next frame is a reply with this xid and err; returns its body. */
struct rk_bytes rig_expect(struct rig *r, uint32_t slot, int32_t xid, int32_t err);
/* Next frame is this event. */
void rig_expect_event(struct rig *r, uint32_t slot, int32_t type, const char *path);
void rig_expect_nothing(struct rig *r, uint32_t slot);

/* Common requests, sent; replies are left in the inbox. */
void rig_create(struct rig *r, uint32_t slot, int32_t xid, const char *path, const char *data,
                int32_t flags);
void rig_get(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch);
void rig_exists(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch);
void rig_children(struct rig *r, uint32_t slot, int32_t xid, const char *path, bool watch);
void rig_set(struct rig *r, uint32_t slot, int32_t xid, const char *path, const char *data,
             int32_t version);
void rig_delete(struct rig *r, uint32_t slot, int32_t xid, const char *path, int32_t version);
void rig_simple(struct rig *r, uint32_t slot, int32_t xid, int32_t op); /* no body */
void rig_auth(struct rig *r, uint32_t slot, const char *scheme, const char *auth);
void rig_put_open_acl(struct rk_buf *b);

#endif
