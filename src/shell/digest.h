/* The hash of the digest authentication scheme, by the name that Java gives it. */
#ifndef RK_SHELL_DIGEST_H
#define RK_SHELL_DIGEST_H

#include "core/core.h"

/* "SHA1", "SHA-256", "SHA-512", "MD5" and the like, in any case. ZK: DigestAlgEnum
 * (DigestAuthenticationProvider.digestAlg). False: unknown, or this OpenSSL refuses it. */
bool rk_digest_by_name(struct rk_bytes name, struct rk_digest_alg *ret);

#endif
