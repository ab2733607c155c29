/* The reference model: what a ZooKeeper server must hold and answer, written from the description
 * of the protocol alone (spec-client), in sorted arrays, one request after the other, without any
 * part of the tree or the core. It is slow and simple on purpose. */
#ifndef RK_SIM_MODEL_H
#define RK_SIM_MODEL_H

#include "base/arena.h"
#include "core/core.h"
#include "proto/opcode.h"
#include "proto/zk_error.h"
#include "sim/model_acl.h"

struct sim_znode {
    struct sim_blob *path;
    struct sim_blob *data;
    struct sim_acl *acl; /* NULL: everybody may everything */
    int64_t czxid, mzxid, pzxid, ctime, mtime, owner;
    int32_t version, aversion;
    int32_t creations; /* children ever created here */
};

struct sim_msession {
    rk_session_id id;
    int32_t timeout_ms; /* as created */
};

/* What the model needs to know of the server's configuration. */
struct sim_rules {
    bool extended_types;
    bool skip_acl;
    bool enforce_quota;
    bool digest_scheme;
    struct rk_bytes super_digest;
    uint32_t record_bytes_max;
    uint32_t watch_per_conn_max;
    struct rk_bytes config_text; /* of an ensemble */
};

struct sim_model {
    struct rk_mem *mem;
    struct sim_rules rules;
    rk_zxid zxid;            /* of the state */
    struct sim_znode *nodes; /* by path */
    uint32_t node_count;
    uint32_t node_cap;
    struct sim_msession *sessions; /* by id */
    uint32_t session_count;
    uint32_t session_cap;
    uint32_t quota_count; /* nodes named zookeeper_limits */
};

struct sim_fired {
    enum rk_event_type type;
    struct sim_blob *path;
    struct sim_acl *acl; /* whose READ decides who hears of it */
};

/* Of one transaction or one read. */
struct sim_outcome {
    int32_t err; /* of the reply's header */
    struct rk_buf body;
    bool keep_body; /* although err is set */
    struct sim_fired *events;
    uint32_t event_count;
    uint32_t event_cap;
    uint32_t failed_ops; /* of a multi */
};

/* model.c: the state -- */
void rk_sim_model_init(struct sim_model *m, struct rk_mem *mem, const struct sim_rules *rules);
void rk_sim_model_deinit(struct sim_model *m);
/* to is overwritten without being freed; cheap, values are shared. */
void rk_sim_model_copy(struct sim_model *to, const struct sim_model *from);
struct sim_znode *rk_sim_find(const struct sim_model *m, struct rk_bytes path); /* "" is "/" */
/* Frees nothing: takes blobs over. The path must be free. */
struct sim_znode *rk_sim_insert(struct sim_model *m, const struct sim_znode *node);
void rk_sim_erase(struct sim_model *m, struct sim_znode *node);
/* Everything below path is [first, end). */
void rk_sim_below_path(const struct sim_model *m, struct rk_bytes path, uint32_t *ret_first,
                       uint32_t *ret_end);
uint32_t rk_sim_child_count(const struct sim_model *m, const struct sim_znode *node);
bool rk_sim_is_child(struct rk_bytes parent, struct rk_bytes path);
struct rk_bytes rk_sim_parent_path(struct rk_bytes path);
void rk_sim_stat_of(const struct sim_model *m, const struct sim_znode *node, struct rk_stat *ret);
uint64_t rk_sim_model_digest(const struct sim_model *m); /* spec-quorum A5 */
struct sim_msession *rk_sim_session_of(const struct sim_model *m, rk_session_id id);
bool rk_sim_is_ephemeral(const struct sim_model *m, const struct sim_znode *node);

void rk_sim_outcome_init(struct sim_outcome *out, struct rk_mem *mem);
void rk_sim_outcome_deinit(struct sim_outcome *out);
void rk_sim_outcome_reset(struct sim_outcome *out);

/* model_write.c: transactions (spec-client 4, 5, 7, 10.4) -- */
struct sim_write_request {
    int32_t op;
    struct rk_bytes body;
    rk_session_id session;
    const struct sim_ids *ids;
    rk_zxid zxid;
    int64_t time_ms;
    const struct sim_model *quota_view; /* the state quotas are judged by; NULL: this one */
};
void rk_sim_model_write(struct sim_model *m, const struct sim_write_request *q,
                        struct sim_outcome *out);
void rk_sim_model_create_session(struct sim_model *m, rk_zxid zxid, rk_session_id id,
                                 int32_t timeout_ms);
/* In the order of paths; what of the session is not among them follows. */
void rk_sim_model_close_session(struct sim_model *m, rk_zxid zxid, rk_session_id id,
                                const struct rk_vec_bytes *paths, struct sim_outcome *out);
void rk_sim_model_reap(struct sim_model *m, rk_zxid zxid, struct rk_bytes path,
                       struct sim_outcome *out);
bool rk_sim_path_is_valid(struct rk_bytes path);
/* The answer to a multi of which the operation `failed` has err. */
void rk_sim_put_failed_multi(struct sim_outcome *out, uint32_t count, uint32_t failed, int32_t err);
/* A write that changed nothing but took a zxid. */
bool rk_sim_is_write(int32_t op);

/* model_read.c: reads and watches (spec-client 4.5 to 4.9, 9) -- */
/* Modes of one path in the two tables: bits of 1 one-shot, 2 persistent, 4 recursive. */
struct sim_watch {
    struct sim_blob *path;
    uint32_t data;
    uint32_t child;
};

/* One connection as far as reads see it. */
struct sim_viewer {
    rk_session_id session;
    struct sim_ids ids;
    struct sim_watch *watches;
    uint32_t watch_count;
    uint32_t watch_cap;
};

void rk_sim_model_read(const struct sim_model *m, struct sim_viewer *v, int32_t op,
                       struct rk_bytes body, struct sim_outcome *out);
/* Whether this connection hears of the change, permissions aside; uses its one-shot watches up.
 * *ret_modes: the modes that matched. */
bool rk_sim_watch_fires(struct rk_mem *mem, struct sim_viewer *v, enum rk_event_type type,
                        struct rk_bytes path, uint32_t *ret_modes);
void rk_sim_viewer_deinit(struct rk_mem *mem, struct sim_viewer *v);
/* Body of a reply with its lists sorted, where their order is free. False: it cannot be read. */
bool rk_sim_canonical(struct rk_mem *mem, int32_t op, struct rk_bytes body, struct rk_buf *out);

/* model_quota.c: quotas (spec-client 7) -- */
/* Whether a hard limit forbids it. */
bool rk_sim_quota_forbids(const struct sim_model *view, struct rk_bytes path, int64_t count,
                          int64_t bytes);
/* Brings the usage nodes up to date after a change. */
void rk_sim_quota_refresh(struct sim_model *m);

#endif
