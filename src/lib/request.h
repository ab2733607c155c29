/* The requests of the interface, once for the asynchronous and the synchronous functions. Results
 * as those of zookeeper_async.h. */
#ifndef RK_LIB_REQUEST_H
#define RK_LIB_REQUEST_H

#include "lib/call.h"

struct rk_lib_node {
    const char *path;
    const char *value;
    int value_bytes; /* -1: null */
    const struct ACL_vector *acl;
    int mode;
    int64_t ttl; /* -1: none */
};
/* op: ZOO_CREATE_OP or ZOO_CREATE2_OP; kinds of nodes that have an operation of their own get it.
 */
int rk_lib_request_create(zhandle_t *zh, int op, const struct rk_lib_node *node,
                          const struct rk_lib_to *to);
int rk_lib_request_delete(zhandle_t *zh, const char *path, int version, const struct rk_lib_to *to);
int rk_lib_request_set(zhandle_t *zh, const char *path, const char *value, int value_bytes,
                       int version, const struct rk_lib_to *to);
/* exists, getData, getChildren, getChildren2: a path and whether it is watched. */
int rk_lib_request_read(zhandle_t *zh, int op, const char *path, watcher_fn watcher, void *context,
                        const struct rk_lib_to *to);
/* getData of ZOO_CONFIG_NODE, which has no chroot. */
int rk_lib_request_config(zhandle_t *zh, watcher_fn watcher, void *context,
                          const struct rk_lib_to *to);
int rk_lib_request_reconfig(zhandle_t *zh, const char *joining, const char *leaving,
                            const char *members, int64_t version, const struct rk_lib_to *to);
/* sync, getACL, getEphemerals, getAllChildrenNumber: a path. */
int rk_lib_request_path(zhandle_t *zh, int op, const char *path, const struct rk_lib_to *to);
int rk_lib_request_set_acl(zhandle_t *zh, const char *path, int version,
                           const struct ACL_vector *acl, const struct rk_lib_to *to);
int rk_lib_request_multi(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                         struct rk_lib_to *to);
/* Also local ones, which are answered at once. is_all: every watcher of that type. */
int rk_lib_request_remove(zhandle_t *zh, const char *path, ZooWatcherType type, watcher_fn watcher,
                          void *context, bool is_all, bool is_local, const struct rk_lib_to *to);
int rk_lib_request_add_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode,
                             watcher_fn watcher, void *context, const struct rk_lib_to *to);
int rk_lib_request_reads(zhandle_t *zh, int count, const struct rk_read *reads,
                         struct rk_lib_to *to);
int rk_lib_request_who(zhandle_t *zh, const struct rk_lib_to *to);

/* The default watcher if watch is not 0. */
watcher_fn rk_lib_default_watcher(zhandle_t *zh, int watch);
void *rk_lib_default_context(zhandle_t *zh);

#endif
