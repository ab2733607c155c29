/* What the generated printers are made of: values as text that is safe in a log line or on a
 * terminal, whatever bytes came in. */
#ifndef RK_PROTO_PRINT_H
#define RK_PROTO_PRINT_H

#include "base/bytes.h"

/* Most bytes of a buffer that are shown. */
#define RK_PROTO_SHOW_DATA_MAX 32u

/* A literal of ours, as it is. */
void rk_proto_show_word(struct rk_buf *b, const char *word);
void rk_proto_show_dec(struct rk_buf *b, int64_t v);
void rk_proto_show_hex(struct rk_buf *b, uint64_t v); /* with 0x */
/* "..." in full; quote, backslash and all outside printable ASCII escaped; null for null. */
void rk_proto_show_text(struct rk_buf *b, struct rk_bytes v);
/* len:"first bytes" and ... if there are more; null for null. */
void rk_proto_show_data(struct rk_buf *b, struct rk_bytes v);
/* len:(hidden); null for null. */
void rk_proto_show_secret(struct rk_buf *b, struct rk_bytes v);

#endif
