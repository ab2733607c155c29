/* Numbers as text, without the locale and without stdio. */
#ifndef RK_BASE_NUM_H
#define RK_BASE_NUM_H

#include "base/bytes.h"

#define RK_NUM_MAX 24u

/* Each writes at most RK_NUM_MAX bytes without a final NUL and returns how many. */
size_t rk_num_dec(char *out, int64_t v);
size_t rk_num_hex(char *out, uint64_t v); /* lower case, no leading zeros, "0" for zero */
/* %010d as Java prints it: ten digits at least, a minus sign counts as one of them. */
size_t rk_num_dec10(char *out, int32_t v);
/* Whole text must be a number in range; sign allowed for dec, no blanks. */
bool rk_num_parse_dec(struct rk_bytes text, int64_t *ret_v);
bool rk_num_parse_hex(struct rk_bytes text, uint64_t *ret_v);

#endif
