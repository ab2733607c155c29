/* Which ids the schemes of ACL entries accept, and when an address falls under one. For acl.c. */
#ifndef RK_CORE_ACL_SYNTAX_H
#define RK_CORE_ACL_SYNTAX_H

#include "base/bytes.h"

/* "user:hash": two parts between colons, the first may be empty, colons at the end do not count. */
bool rk_acl_digest_is_valid(struct rk_bytes id);
/* No '@' in it, or primary[/instance]@realm. */
bool rk_acl_sasl_is_valid(struct rk_bytes id);
/* A distinguished name as javax.security.auth.x500.X500Principal takes it: RFC 2253, and of RFC
 * 1779 the quotes, the semicolons and the blanks. Empty is a name too. */
bool rk_acl_x509_is_valid(struct rk_bytes dn);

/* Does the address id fall under expression (address or address/bits)? Never across families. */
bool rk_acl_ip_matches(struct rk_bytes id, struct rk_bytes expression);

#endif
