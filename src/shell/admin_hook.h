/* How four-letter words reach who answers them (src/admin): a table of calls handed to the shell
 * when it is created. The calls are made on the loop thread between two steps of the core, so they
 * may read its reports. They must not block and must not call back into the shell, but for its
 * report functions. */
#ifndef RK_SHELL_ADMIN_HOOK_H
#define RK_SHELL_ADMIN_HOOK_H

#include "base/bytes.h"
#include "base/types.h"

/* No answer is longer; one that would be is cut here. */
#define RK_ADMIN_ANSWER_BYTES_MAX (256u << 20)

struct rk_admin_hook {
    void *ctx;
    /* Are the first four bytes of a connection (as a big-endian int) a command? Also true for known
     * words that are not white-listed, whose answer says so. Asked before the length check. */
    bool (*is_word)(void *ctx, int32_t word);
    /* Writes the answer; empty: the connection is closed without one. rest is what had arrived
     * behind the word by then (stmk's mask). conn is the asking connection, which the core knows
     * already. */
    void (*answer)(void *ctx, int32_t word, struct rk_bytes rest, rk_conn_id conn,
                   struct rk_buf *answer);
};

#endif
