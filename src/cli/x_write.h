/* Writing many nodes: a pipeline of asynchronous requests with a window. A session's requests are
 * carried out in their order, so children may follow their parents at once.
 *
 * A lost connection is borne for the session's timeout, at most 15 s: what was out is sent again in
 * its order. A create or set that may have been done already is compared with what is there; a
 * delete of what is gone is done. */
#ifndef RK_CLI_X_WRITE_H
#define RK_CLI_X_WRITE_H

#include "cli/cli.h"
#include "cli/x_record.h"

enum rk_x_write_kind { RK_X_CREATE, RK_X_SET, RK_X_DELETE, RK_X_SET_ACL };
/* Of a create that finds its node there. */
enum rk_x_exists { RK_X_EXISTS_FAILS, RK_X_EXISTS_STAYS, RK_X_EXISTS_IS_SET };

/* All is copied by rk_x_writer_put. */
struct rk_x_write {
    enum rk_x_write_kind kind;
    enum rk_x_exists exists;
    const char *path;
    const char *data; /* NULL: null value */
    int data_bytes;
    const struct ACL_vector *acl; /* NULL: open to the world */
    bool sets_acl;                /* with RK_X_EXISTS_IS_SET */
    enum rk_x_type type;          /* not ephemeral */
    int64_t ttl_ms;
    int version; /* of set, delete and set ACL */
};

/* What became of a write; on the caller's thread, within put and finish. was_there: a create found
 * its node there (and left or set it, as told). */
typedef void (*rk_x_written_fn)(void *context, const struct rk_x_write *write, int rc,
                                bool was_there);

struct rk_x_writer;
struct rk_x_writer *rk_x_writer_open(struct rk_cli *cli, zhandle_t *zh, rk_x_written_fn written,
                                     void *context);
/* ZOK, or what ended the pipeline for good: ZCONNECTIONLOSS, ZSESSIONEXPIRED, RK_CLI_CUT... */
int rk_x_writer_put(struct rk_x_writer *writer, const struct rk_x_write *write);
/* Waits for all that is out. */
int rk_x_writer_finish(struct rk_x_writer *writer);
/* Writes of which nobody knows whether they were done: there are some only after a failure. */
int rk_x_writer_unknown(const struct rk_x_writer *writer);
/* Does not wait: what is out is freed when it is answered. NULL is taken. */
void rk_x_writer_close(struct rk_x_writer *writer);

#endif
