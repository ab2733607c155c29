/* Values on a stream: as text that is safe on a terminal, as JSON, and as Java's tools print them.
 * Nothing here fails; what a stream could not take shows in ferror (rk_ins_tool_finish). */
#ifndef RK_INSPECT_OUT_H
#define RK_INSPECT_OUT_H

#include <stdio.h>

#include "base/bytes.h"

/* UTF-8 as it is; control characters (C0, DEL, C1) and bytes that are no UTF-8 as \xNN. */
void rk_ins_put_text(FILE *to, struct rk_bytes v);
/* Whether rk_ins_put_text prints it as it is. */
bool rk_ins_is_printable(struct rk_bytes v);
void rk_ins_put_base64(FILE *to, struct rk_bytes v);
/* Long.toHexString */
void rk_ins_put_hex(FILE *to, int64_t v);
/* %#016x as Java prints it: 0x and at least 14 digits. */
void rk_ins_put_hex16(FILE *to, int64_t v);
/* DateFormat SHORT and LONG of the US: 11/23/26, 5:01:55 AM UTC */
void rk_ins_put_date(FILE *to, int64_t ms);
/* Date.toString: Mon Nov 23 05:01:55 UTC 2026 */
void rk_ins_put_long_date(FILE *to, int64_t ms);

/* With its quotes. Bytes that are no UTF-8 become U+FFFD; null for null. */
void rk_ins_json_text(FILE *to, struct rk_bytes v);
void rk_ins_json_hex(FILE *to, int64_t v); /* "0x1f" */
/* Whether rk_ins_json_text tells it exactly: UTF-8, and without a 0. */
bool rk_ins_is_text(struct rk_bytes v);
/* base64 in quotes; null for null. */
void rk_ins_json_data(FILE *to, struct rk_bytes v);

#endif
