/* Calls to the server for commands: as the synchronous ones of zookeeper.h, but ended by Ctrl-C and
 * by a time limit (rk_cli_options.request_ms), with values and lists of any size, and with watch
 * events printed while they wait.
 *
 * All return ZOK, one of ZOO_ERRORS, or RK_CLI_CUT after Ctrl-C: hand it to rk_cli_fail with the
 * path. What a call that was cut short did on the server is not known. ret_ is only set with ZOK;
 * pointers to results that are not wanted may be NULL, unless said. zh NULL: the shell's own
 * session.
 *
 * Not for use in completions or watchers. Many calls at a time: the asynchronous functions of
 * zookeeper.h with rk_cli_wake and rk_cli_wait. */
#ifndef RK_CLI_CALL_H
#define RK_CLI_CALL_H

#include "cli/cli.h"

#define RK_CLI_CUT 1 /* no value of ZOO_ERRORS */

struct rk_cli_value {
    char *data; /* malloced, one byte longer than bytes and 0 there; NULL for a null value */
    int bytes;  /* -1 for a null value */
};
void rk_cli_value_free(struct rk_cli_value *value);

int rk_cli_get(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
               struct rk_cli_value *ret_value, struct Stat *ret_stat);
int rk_cli_exists(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
                  struct Stat *ret_stat);
/* Sorted by bytes. Free with deallocate_String_vector. */
int rk_cli_children(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
                    struct String_vector *ret_names, struct Stat *ret_stat);
/* acl NULL: open to the world. mode: ZOO_PERSISTENT ...; ttl_ms only with the TTL modes. data NULL:
 * a null value. *ret_path is malloced. */
int rk_cli_create(struct rk_cli *cli, zhandle_t *zh, const char *path, const char *data, int bytes,
                  const struct ACL_vector *acl, int mode, int64_t ttl_ms, char **ret_path);
int rk_cli_set(struct rk_cli *cli, zhandle_t *zh, const char *path, const char *data, int bytes,
               int version, struct Stat *ret_stat);
int rk_cli_delete(struct rk_cli *cli, zhandle_t *zh, const char *path, int version);
int rk_cli_get_acl(struct rk_cli *cli, zhandle_t *zh, const char *path, struct ACL_vector *ret_acl,
                   struct Stat *ret_stat);
int rk_cli_set_acl(struct rk_cli *cli, zhandle_t *zh, const char *path, int version,
                   const struct ACL_vector *acl);
int rk_cli_sync(struct rk_cli *cli, zhandle_t *zh, const char *path);
/* Unless rk_cli_is_unanswered says so of what it returned: then results, and what ops name for
 * results, are the call's for good (malloc them, forget them). */
int rk_cli_multi(struct rk_cli *cli, zhandle_t *zh, int count, const zoo_op_t *ops,
                 zoo_op_result_t *results);
/* The answer to a call that ended so may still come. */
bool rk_cli_is_unanswered(int rc);
/* The operation that failed, or count: those before it say ZOK, those behind it
 * ZRUNTIMEINCONSISTENCY. */
int rk_cli_multi_failed(int count, const zoo_op_result_t *results);
int rk_cli_get_config(struct rk_cli *cli, zhandle_t *zh, bool is_watch,
                      struct rk_cli_value *ret_value, struct Stat *ret_stat);
int rk_cli_reconfig(struct rk_cli *cli, zhandle_t *zh, const char *joining, const char *leaving,
                    const char *members, int64_t version, struct rk_cli_value *ret_value,
                    struct Stat *ret_stat);
int rk_cli_add_watch(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_recursive);
/* type: 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive. */
int rk_cli_remove_watches(struct rk_cli *cli, zhandle_t *zh, const char *path, int type,
                          bool is_local);
int rk_cli_ephemerals(struct rk_cli *cli, zhandle_t *zh, const char *prefix,
                      struct String_vector *ret_paths);
int rk_cli_all_children_number(struct rk_cli *cli, zhandle_t *zh, const char *path,
                               int *ret_number);
int rk_cli_who_am_i(struct rk_cli *cli, zhandle_t *zh, struct ClientInfo_vector *ret_who);
int rk_cli_add_auth(struct rk_cli *cli, zhandle_t *zh, const char *scheme, const char *auth,
                    int bytes);

/* dir + "/" + name, malloced; NULL without memory. */
char *rk_cli_join(const char *dir, const char *name);

#endif
