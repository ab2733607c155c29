/* Replies as the structures of the interface. Strings of the _in_place forms point into the reply,
 * which they change: every string gets its 0 where the next length stood. The others are malloced
 * one by one, as deallocate_ frees them. All answer ZOK, ZMARSHALLINGERROR for a reply that is
 * none, ZSYSTEMERROR without memory. */
#ifndef RK_LIB_DECODE_H
#define RK_LIB_DECODE_H

#include "lib/lib_int.h"

/* Of a call that was made with ops: types and where the results go. */
struct rk_lib_multi {
    int count;
    struct rk_lib_multi_op {
        int type;
        zoo_op_result_t *result;
    } ops[];
};

struct rk_reader rk_lib_reply(const struct rk_lib_call *call);
void rk_lib_read_stat(struct rk_reader *r, struct Stat *stat);
/* A path of the server as that of the handle; borrowed from path. */
struct rk_bytes rk_lib_strip(const zhandle_t *zh, struct rk_bytes path);
/* The path of a reply, stripped, as a C string in place; NULL is none. */
const char *rk_lib_end_string(struct rk_bytes path);

/* ret->data (the array alone) is freed by the caller. stat may be NULL. is_path: of the server. */
int rk_lib_strings_in_place(struct rk_lib_call *call, bool is_path, struct String_vector *ret,
                            struct Stat *ret_stat);
int rk_lib_strings(struct rk_lib_call *call, bool is_path, struct String_vector *ret,
                   struct Stat *ret_stat);
int rk_lib_acls_in_place(struct rk_lib_call *call, struct ACL_vector *ret, struct Stat *ret_stat);
int rk_lib_acls(struct rk_lib_call *call, struct ACL_vector *ret, struct Stat *ret_stat);
int rk_lib_who(struct rk_lib_call *call, struct ClientInfo_vector *ret);
/* Fills in the results of a transaction and returns the first error. */
int rk_lib_multi_results(struct rk_lib_call *call);
/* ret[0..count) is all zero before, and is freed by rk_read_results_free in any case. */
int rk_lib_read_results(struct rk_lib_call *call, struct rk_read_result *ret, int count);

#endif
