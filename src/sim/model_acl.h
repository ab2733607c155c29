/* The reference model's values and permissions (spec-client 8): shared bytes, identities, ACLs. */
#ifndef RK_SIM_MODEL_ACL_H
#define RK_SIM_MODEL_ACL_H

#include "proto/records.h"

struct sim_model;

/* Shared bytes that never change. NULL stands for null. */
struct sim_blob {
    uint32_t refs;
    uint32_t len;
    uint8_t data[];
};

struct sim_who {
    struct sim_blob *scheme;
    struct sim_blob *id;
};

struct sim_grant {
    int32_t perms;
    struct sim_who who;
};

struct sim_acl {
    uint32_t refs;
    uint32_t count;
    struct sim_grant grants[];
};

/* Identities of a connection. */
struct sim_ids {
    struct sim_who *items;
    uint32_t count;
    uint32_t cap;
};

struct sim_blob *rk_sim_blob(struct rk_mem *mem, struct rk_bytes bytes); /* null gives NULL */
struct sim_blob *rk_sim_blob_ref(struct sim_blob *b);
void rk_sim_blob_drop(struct rk_mem *mem, struct sim_blob *b);
struct rk_bytes rk_sim_bytes(const struct sim_blob *b);

void rk_sim_ids_add(struct rk_mem *mem, struct sim_ids *ids, struct rk_bytes scheme,
                    struct rk_bytes id);
void rk_sim_ids_copy(struct rk_mem *mem, struct sim_ids *to, const struct sim_ids *from);
void rk_sim_ids_deinit(struct rk_mem *mem, struct sim_ids *ids);
bool rk_sim_ids_has_scheme(const struct sim_ids *ids, const char *scheme);
bool rk_sim_allows(const struct sim_model *m, const struct sim_acl *acl, int32_t perms,
                   const struct sim_ids *ids);
/* RK_ZK_OK and a new list, or an error. */
int32_t rk_sim_fix_acl(const struct sim_model *m, const struct rk_vec_acl *asked,
                       const struct sim_ids *ids, struct sim_acl **ret);
struct sim_acl *rk_sim_acl_ref(struct sim_acl *acl);
void rk_sim_acl_drop(struct rk_mem *mem, struct sim_acl *acl);
void rk_sim_acl_write(struct rk_buf *b, const struct sim_acl *acl, bool is_masked);
/* The id that a login with this text gives; false if the text is null. */
bool rk_sim_digest_login(struct rk_mem *mem, struct rk_bytes auth, struct sim_blob **ret_id);
/* The one-way function both sides use: the schemes do not care which. */
void rk_sim_one_way(const void *data, size_t len, uint8_t ret[64]);
#define SIM_ONE_WAY_BYTES 20u
struct rk_bytes rk_sim_user_of(const struct sim_who *who);

#endif
