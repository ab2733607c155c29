/* The asynchronous functions. Part of zookeeper.h.
 *
 * Each sends one request and returns: ZOK, and the completion will be called once; or ZBADARGUMENTS
 * (a path that no server takes, a NULL that must not be), ZINVALIDSTATE (the session is over, the
 * handle is being closed), ZSYSTEMERROR (memory), ZAPIERROR (too many requests outstanding), and it
 * will not. Results that completions get are those of enum ZOO_ERRORS; ZCONNECTIONLOSS: the
 * connection broke while the request was on its way, and the server may have carried it out.
 *
 * watch 1 sets a watch for the default watcher of the handle, the ..w.. functions one for a watcher
 * of its own; it is set if the request succeeds (with exists also if there is no node). The same
 * watcher and context on the same node is one watch. data is handed to the completion. */
#ifndef ZOOKEEPER_ASYNC_H_
#define ZOOKEEPER_ASYNC_H_

#include "zookeeper_multi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a node. valuelen -1: null data. mode: a kind of node; the completion gets the path that the
 * node has. The ..2 forms give its Stat too. ttl in milliseconds, with the kinds that have one. */
ZOOAPI int zoo_acreate(zhandle_t *zh, const char *path, const char *value, int valuelen,
                       const struct ACL_vector *acl, int mode, string_completion_t completion,
                       const void *data);
ZOOAPI int zoo_acreate_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                           const struct ACL_vector *acl, int mode, int64_t ttl,
                           string_completion_t completion, const void *data);
ZOOAPI int zoo_acreate2(zhandle_t *zh, const char *path, const char *value, int valuelen,
                        const struct ACL_vector *acl, int mode, string_stat_completion_t completion,
                        const void *data);
ZOOAPI int zoo_acreate2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                            const struct ACL_vector *acl, int mode, int64_t ttl,
                            string_stat_completion_t completion, const void *data);
/* version -1 matches any; else ZBADVERSION if the node has another one. */
ZOOAPI int zoo_adelete(zhandle_t *zh, const char *path, int version, void_completion_t completion,
                       const void *data);
ZOOAPI int zoo_aset(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
                    stat_completion_t completion, const void *data);

ZOOAPI int zoo_aexists(zhandle_t *zh, const char *path, int watch, stat_completion_t completion,
                       const void *data);
ZOOAPI int zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                        stat_completion_t completion, const void *data);
ZOOAPI int zoo_aget(zhandle_t *zh, const char *path, int watch, data_completion_t completion,
                    const void *data);
ZOOAPI int zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                     data_completion_t completion, const void *data);
/* Names without the path in front, in no order. */
ZOOAPI int zoo_aget_children(zhandle_t *zh, const char *path, int watch,
                             strings_completion_t completion, const void *data);
ZOOAPI int zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                              strings_completion_t completion, const void *data);
ZOOAPI int zoo_aget_children2(zhandle_t *zh, const char *path, int watch,
                              strings_stat_completion_t completion, const void *data);
ZOOAPI int zoo_awget_children2(zhandle_t *zh, const char *path, watcher_fn watcher,
                               void *watcherCtx, strings_stat_completion_t completion,
                               const void *data);

/* Completes once the server has seen everything that was committed when the leader got this. */
ZOOAPI int zoo_async(zhandle_t *zh, const char *path, string_completion_t completion,
                     const void *data);

ZOOAPI int zoo_aget_acl(zhandle_t *zh, const char *path, acl_completion_t completion,
                        const void *data);
/* version: of the ACL (Stat.aversion). */
ZOOAPI int zoo_aset_acl(zhandle_t *zh, const char *path, int version, struct ACL_vector *acl,
                        void_completion_t completion, const void *data);

/* All of it or nothing. results[0..count) is filled in before the completion, which gets the first
 * error. ops is borrowed for the call only. */
ZOOAPI int zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
                      void_completion_t completion, const void *data);

/* The ensemble's configuration (ZOO_CONFIG_NODE, without chroot). */
ZOOAPI int zoo_agetconfig(zhandle_t *zh, int watch, data_completion_t completion, const void *data);
ZOOAPI int zoo_awgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx,
                           data_completion_t completion, const void *data);
/* Changes it: servers joining ("server.4=...;2181,...") and leaving ("3,..."), or members, the
 * whole new list; NULL for what is not meant. version: of the configuration it is based on, -1 any.
 */
ZOOAPI int zoo_areconfig(zhandle_t *zh, const char *joining, const char *leaving,
                         const char *members, int64_t version, data_completion_t dc,
                         const void *data);

/* A login of the connection, repeated on every later one. The completion (may be NULL) gets the
 * first answer; ZAUTHFAILED ends the handle. */
ZOOAPI int zoo_add_auth(zhandle_t *zh, const char *scheme, const char *cert, int certLen,
                        void_completion_t completion, const void *data);

/* Removes one watcher (ZNOWATCHER if it is not there), or with watcher NULL and by all every
 * watcher of that type from the path. local 1: does not ask the server, and works without a
 * connection. As in Apache's interface completion is a void_completion_t in spite of its type; it
 * may be NULL. zoo_remove_all_watches waits. */
ZOOAPI int zoo_aremove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype,
                               watcher_fn watcher, void *watcherCtx, int local,
                               void_completion_t *completion, const void *data);
ZOOAPI int zoo_remove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local);
ZOOAPI int zoo_aremove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local,
                                   void_completion_t *completion, const void *data);

#ifdef __cplusplus
}
#endif
#endif
