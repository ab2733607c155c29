/* The synchronous functions: those of zookeeper_async.h, waiting for the answer and returning its
 * result. Part of zookeeper.h where THREADED is defined. On a handle without threads, and from a
 * callback, they return ZINVALIDSTATE.
 *
 * Stats and vectors may be NULL where they are not wanted. A buffer of *len bytes gets as much as
 * it can hold, and *len then says how much (-1: the data is null); Stat.dataLength tells the whole
 * length. A path_buffer always ends in 0. Vectors belong to the caller and are freed with
 * deallocate_String_vector and deallocate_ACL_vector. */
#ifndef ZOOKEEPER_SYNC_H_
#define ZOOKEEPER_SYNC_H_

#include "zookeeper_multi.h"

#ifdef __cplusplus
extern "C" {
#endif

ZOOAPI int zoo_create(zhandle_t *zh, const char *path, const char *value, int valuelen,
                      const struct ACL_vector *acl, int mode, char *path_buffer,
                      int path_buffer_len);
ZOOAPI int zoo_create_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                          const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer,
                          int path_buffer_len);
ZOOAPI int zoo_create2(zhandle_t *zh, const char *path, const char *value, int valuelen,
                       const struct ACL_vector *acl, int mode, char *path_buffer,
                       int path_buffer_len, struct Stat *stat);
ZOOAPI int zoo_create2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                           const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer,
                           int path_buffer_len, struct Stat *stat);
ZOOAPI int zoo_delete(zhandle_t *zh, const char *path, int version);

ZOOAPI int zoo_exists(zhandle_t *zh, const char *path, int watch, struct Stat *stat);
ZOOAPI int zoo_wexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                       struct Stat *stat);
ZOOAPI int zoo_get(zhandle_t *zh, const char *path, int watch, char *buffer, int *buffer_len,
                   struct Stat *stat);
ZOOAPI int zoo_wget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                    char *buffer, int *buffer_len, struct Stat *stat);
ZOOAPI int zoo_getconfig(zhandle_t *zh, int watch, char *buffer, int *buffer_len,
                         struct Stat *stat);
ZOOAPI int zoo_wgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx, char *buffer,
                          int *buffer_len, struct Stat *stat);
ZOOAPI int zoo_reconfig(zhandle_t *zh, const char *joining, const char *leaving,
                        const char *members, int64_t version, char *buffer, int *buffer_len,
                        struct Stat *stat);

ZOOAPI int zoo_set(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version);
ZOOAPI int zoo_set2(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
                    struct Stat *stat);

ZOOAPI int zoo_get_children(zhandle_t *zh, const char *path, int watch,
                            struct String_vector *strings);
ZOOAPI int zoo_wget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                             struct String_vector *strings);
ZOOAPI int zoo_get_children2(zhandle_t *zh, const char *path, int watch,
                             struct String_vector *strings, struct Stat *stat);
ZOOAPI int zoo_wget_children2(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                              struct String_vector *strings, struct Stat *stat);

ZOOAPI int zoo_get_acl(zhandle_t *zh, const char *path, struct ACL_vector *acl, struct Stat *stat);
ZOOAPI int zoo_set_acl(zhandle_t *zh, const char *path, int version, const struct ACL_vector *acl);

ZOOAPI int zoo_multi(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results);

ZOOAPI int zoo_remove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype,
                              watcher_fn watcher, void *watcherCtx, int local);

#ifdef __cplusplus
}
#endif
#endif
