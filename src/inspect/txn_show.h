/* Transactions as TxnLogToolkit prints them, and as lines of JSON. */
#ifndef RK_INSPECT_TXN_SHOW_H
#define RK_INSPECT_TXN_SHOW_H

#include "inspect/log_file.h"

/* Request.op2String of 3.8; "unknown N" for others. Static, or in buf. */
const char *rk_ins_op_text(int32_t type, char buf[32]);
/* The type that such a word names, as the text or with the table's lower-case name; false: none.
 */
bool rk_ins_op_parse(const char *word, int32_t *ret);

/* With its line end. mem: scratch for the elements of a multi, which are decoded where Apache's
 * tool prints their bytes. */
void rk_ins_txn_text(FILE *to, struct rk_mem *mem, const struct rk_ins_record *r);
/* One object on one line. has_data: with the data as base64. file may be NULL. */
void rk_ins_txn_json(FILE *to, struct rk_mem *mem, const char *file, enum rk_ins_found found,
                     const struct rk_ins_record *r, bool has_data);
/* [{"perms":31,"scheme":"world","id":"anyone"}] */
void rk_ins_json_acl(FILE *to, const struct rk_vec_acl *acl);

/* What a transaction touches, the elements of a multi included. Stops when each returns false. */
struct rk_ins_touch {
    int32_t type;         /* of the element */
    struct rk_bytes path; /* null: none */
    struct rk_bytes data; /* null: none */
};
void rk_ins_txn_touches(struct rk_mem *mem, const struct rk_txn *txn,
                        bool (*each)(void *ctx, const struct rk_ins_touch *touch), void *ctx);

#endif
