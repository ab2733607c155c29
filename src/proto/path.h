/* Paths as clients may name them. */
#ifndef RK_PROTO_PATH_H
#define RK_PROTO_PATH_H

#include "base/bytes.h"

/* Exactly what Apache's PathUtils accepts of the same bytes decoded as UTF-8. is_sequential: the
 * server will append a number, so that the last name may still be empty or dots. */
bool rk_proto_path_is_valid(struct rk_bytes path, bool is_sequential);

#endif
