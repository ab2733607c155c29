/* Who may do what: identities of a connection, ACL evaluation, ACL fix-up on create and setACL, the
 * login of the digest scheme. Pure. spec-client 8; ZK: ZooKeeperServer.checkACL,
 * PrepRequestProcessor.fixupACL, DigestAuthenticationProvider, IPAuthenticationProvider. */
#ifndef RK_CORE_ACL_H
#define RK_CORE_ACL_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/records.h"

#define RK_AUTH_IDS_MAX   32u
#define RK_AUTH_BYTES_MAX 4096u

/* One-way hash for the digest scheme, handed in because it lives in a library. */
struct rk_digest_alg {
    void (*hash)(const void *data, size_t len, uint8_t ret[64]);
    size_t len; /* bytes of ret used */
};

/* The identities of one connection: a set in order of arrival, owned copies. */
struct rk_auth_ids {
    struct rk_id *items;
    uint32_t count;
    uint32_t cap;
    uint32_t bytes; /* of scheme and id texts held */
    bool is_super;
};

void rk_auth_ids_init(struct rk_auth_ids *ids);
void rk_auth_ids_deinit(struct rk_auth_ids *ids, struct rk_mem *mem);
/* A second time is a no-op. RK_ERR_TOO_BIG over the bounds, RK_ERR_NOMEM; nothing changed then. */
enum rk_err rk_auth_ids_add(struct rk_auth_ids *ids, struct rk_mem *mem, struct rk_bytes scheme,
                            struct rk_bytes id) RK_MUST_CHECK;
bool rk_auth_ids_has_scheme(const struct rk_auth_ids *ids, struct rk_bytes scheme);

/* Schemes that this server has a provider for. */
struct rk_acl_schemes {
    bool digest;
    bool ip;
    bool sasl;
    bool x509;
};

/* 8.2. acl NULL (damaged) grants nobody but super; an empty list grants everybody. wanted may
 * combine bits, any overlap suffices. */
bool rk_acl_allows(const struct rk_vec_acl *acl, int32_t wanted, const struct rk_auth_ids *ids,
                   const struct rk_acl_schemes *schemes);
/* 8.3. enum rk_zk_error: RK_ZK_OK and *ret in the arena (strings borrowed from in or ids),
 * INVALID_ACL, or MARSHALLING_ERROR for a null id under world or a known scheme. */
int32_t rk_acl_fix(const struct rk_vec_acl *in, const struct rk_auth_ids *ids,
                   const struct rk_acl_schemes *schemes, struct rk_arena *a,
                   struct rk_vec_acl *ret);
/* 4.6: the list as somebody without ADMIN sees it: digest ids without their hash. */
void rk_acl_mask(const struct rk_vec_acl *in, struct rk_arena *a, struct rk_vec_acl *ret);
/* 4.9: the name whoAmI shows. */
struct rk_bytes rk_auth_user(const struct rk_id *id, const struct rk_acl_schemes *schemes);

/* "user:password" -> "user:base64(hash)". ZK: DigestAuthenticationProvider.generateDigest. */
struct rk_bytes rk_auth_digest_id(const struct rk_digest_alg *alg, struct rk_bytes user_password,
                                  struct rk_arena *a);
/* Equality without a time that depends on the content. */
bool rk_auth_equal_secret(struct rk_bytes a, struct rk_bytes b);

/* Addresses as Java prints them (8.4): 4 or 16 bytes to text in ret (at most 46 bytes,
 * NUL-terminated). */
size_t rk_ip_format(const uint8_t *address, size_t address_len, char ret[48]);
/* "10.0.0.0/8", "::1": false if it is no address. ret_len is 4 or 16. */
bool rk_ip_parse(struct rk_bytes text, uint8_t ret[16], size_t *ret_len, uint32_t *ret_bits);

#endif
