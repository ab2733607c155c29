/* The asynchronous functions of the interface; zookeeper_async.h and rookery.h have the contracts.
 */
#include "lib/request.h"
#include "lib/session.h"

#include "proto/opcode.h"

int zoo_acreate(zhandle_t *zh, const char *path, const char *value, int valuelen,
                const struct ACL_vector *acl, int mode, string_completion_t completion,
                const void *data)
{
    return zoo_acreate_ttl(zh, path, value, valuelen, acl, mode, -1, completion, data);
}

int zoo_acreate_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                    const struct ACL_vector *acl, int mode, int64_t ttl,
                    string_completion_t completion, const void *data)
{
    struct rk_lib_node node = {path, value, valuelen, acl, mode, ttl};
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STRING, string, completion, data);
    return rk_lib_request_create(zh, ZOO_CREATE_OP, &node, &to);
}

int zoo_acreate2(zhandle_t *zh, const char *path, const char *value, int valuelen,
                 const struct ACL_vector *acl, int mode, string_stat_completion_t completion,
                 const void *data)
{
    return zoo_acreate2_ttl(zh, path, value, valuelen, acl, mode, -1, completion, data);
}

int zoo_acreate2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                     const struct ACL_vector *acl, int mode, int64_t ttl,
                     string_stat_completion_t completion, const void *data)
{
    struct rk_lib_node node = {path, value, valuelen, acl, mode, ttl};
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STRING_STAT, string_stat, completion, data);
    return rk_lib_request_create(zh, ZOO_CREATE2_OP, &node, &to);
}

int zoo_adelete(zhandle_t *zh, const char *path, int version, void_completion_t completion,
                const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_VOID, void_result, completion, data);
    return rk_lib_request_delete(zh, path, version, &to);
}

int zoo_aset(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
             stat_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STAT, stat, completion, data);
    return rk_lib_request_set(zh, path, buffer, buflen, version, &to);
}

int zoo_aexists(zhandle_t *zh, const char *path, int watch, stat_completion_t completion,
                const void *data)
{
    return zoo_awexists(zh, path, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh),
                        completion, data);
}

int zoo_awexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                 stat_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STAT, stat, completion, data);
    return rk_lib_request_read(zh, ZOO_EXISTS_OP, path, watcher, watcherCtx, &to);
}

int zoo_aget(zhandle_t *zh, const char *path, int watch, data_completion_t completion,
             const void *data)
{
    return zoo_awget(zh, path, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh),
                     completion, data);
}

int zoo_awget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
              data_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_DATA, data, completion, data);
    return rk_lib_request_read(zh, ZOO_GETDATA_OP, path, watcher, watcherCtx, &to);
}

int zoo_aget_children(zhandle_t *zh, const char *path, int watch, strings_completion_t completion,
                      const void *data)
{
    return zoo_awget_children(zh, path, rk_lib_default_watcher(zh, watch),
                              rk_lib_default_context(zh), completion, data);
}

int zoo_awget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                       strings_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STRINGS, strings, completion, data);
    return rk_lib_request_read(zh, ZOO_GETCHILDREN_OP, path, watcher, watcherCtx, &to);
}

int zoo_aget_children2(zhandle_t *zh, const char *path, int watch,
                       strings_stat_completion_t completion, const void *data)
{
    return zoo_awget_children2(zh, path, rk_lib_default_watcher(zh, watch),
                               rk_lib_default_context(zh), completion, data);
}

int zoo_awget_children2(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                        strings_stat_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STRINGS_STAT, strings_stat, completion, data);
    return rk_lib_request_read(zh, ZOO_GETCHILDREN2_OP, path, watcher, watcherCtx, &to);
}

int zoo_async(zhandle_t *zh, const char *path, string_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_STRING, string, completion, data);
    return rk_lib_request_path(zh, ZOO_SYNC_OP, path, &to);
}

int zoo_aget_acl(zhandle_t *zh, const char *path, acl_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_ACLS, acls, completion, data);
    return rk_lib_request_path(zh, ZOO_GETACL_OP, path, &to);
}

int zoo_aset_acl(zhandle_t *zh, const char *path, int version, struct ACL_vector *acl,
                 void_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_VOID, void_result, completion, data);
    return rk_lib_request_set_acl(zh, path, version, acl, &to);
}

int zoo_amulti(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results,
               void_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_MULTI, void_result, completion, data);
    return rk_lib_request_multi(zh, count, ops, results, &to);
}

int zoo_agetconfig(zhandle_t *zh, int watch, data_completion_t completion, const void *data)
{
    return zoo_awgetconfig(zh, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh),
                           completion, data);
}

int zoo_awgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx,
                    data_completion_t completion, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_DATA, data, completion, data);
    return rk_lib_request_config(zh, watcher, watcherCtx, &to);
}

int zoo_areconfig(zhandle_t *zh, const char *joining, const char *leaving, const char *members,
                  int64_t version, data_completion_t dc, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_DATA, data, dc, data);
    return rk_lib_request_reconfig(zh, joining, leaving, members, version, &to);
}

int zoo_aremove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, watcher_fn watcher,
                        void *watcherCtx, int local, void_completion_t *completion,
                        const void *data)
{
    struct rk_lib_to to =
        RK_LIB_TO(RK_LIB_VOID, void_result, (void_completion_t)(uintptr_t)completion, data);
    return rk_lib_request_remove(zh, path, wtype, watcher, watcherCtx, false, local != 0, &to);
}

int zoo_aremove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local,
                            void_completion_t *completion, const void *data)
{
    struct rk_lib_to to =
        RK_LIB_TO(RK_LIB_VOID, void_result, (void_completion_t)(uintptr_t)completion, data);
    return rk_lib_request_remove(zh, path, wtype, NULL, NULL, true, local != 0, &to);
}

int zoo_add_auth(zhandle_t *zh, const char *scheme, const char *cert, int certLen,
                 void_completion_t completion, const void *data)
{
    if (!zh || !scheme || certLen < 0)
        return ZBADARGUMENTS;
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_VOID, void_result, completion, data);
    struct rk_lib_call *call;
    int rc = rk_lib_begin(zh, NULL, false);
    if (rc != ZOK)
        return rc;
    rc = rk_lib_call_begin(zh, &to, &call);
    if (rc != ZOK)
        return rk_lib_abandon(zh, rc);
    struct rk_client_event event = {.type = RK_CLIENT_EV_AUTH};
    event.u.auth.tag = (uint64_t)(uintptr_t)call;
    event.u.auth.scheme = rk_bytes_str(scheme);
    event.u.auth.auth = cert ? rk_bytes_of(cert, (size_t)certLen) : rk_bytes_of("", 0);
    rc = rk_lib_step(zh->s, &event);
    if (rc == ZOK)
        rk_lib_wake_io(zh->s);
    return rk_lib_call_end(zh->s, call, &to, rc);
}

/* -- What Apache's client lacks -- */

int rk_aadd_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode, watcher_fn watcher,
                  void *watcher_context, void_completion_t done, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_VOID, void_result, done, data);
    return rk_lib_request_add_watch(zh, path, mode, watcher, watcher_context, &to);
}

int rk_aget_ephemerals(zhandle_t *zh, const char *prefix, strings_completion_t done,
                       const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_PATHS, strings, done, data);
    return rk_lib_request_path(zh, RK_OP_GET_EPHEMERALS, prefix, &to);
}

int rk_aget_all_children_number(zhandle_t *zh, const char *path, rk_number_completion_t done,
                                const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_NUMBER, number, done, data);
    return rk_lib_request_path(zh, RK_OP_GET_ALL_CHILDREN_NUMBER, path, &to);
}

int rk_awho_am_i(zhandle_t *zh, rk_who_completion_t done, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_WHO, who, done, data);
    return rk_lib_request_who(zh, &to);
}

int rk_amulti_read(zhandle_t *zh, int count, const struct rk_read *reads,
                   rk_reads_completion_t done, const void *data)
{
    struct rk_lib_to to = RK_LIB_TO(RK_LIB_READS, reads, done, data);
    return rk_lib_request_reads(zh, count, reads, &to);
}
