/* The synchronous functions: the request, a wait, and the answer taken apart in the thread of who
 * waited. zookeeper_sync.h and rookery.h have the contracts. */
#include <stdlib.h>
#include <string.h>

#include "lib/decode.h"
#include "lib/request.h"
#include "proto/opcode.h"

/* rc of the request: waits if it was accepted. */
static int finish(struct rk_lib_wait *wait, int rc)
{
    return rc == ZOK ? rk_lib_wait_end(wait) : rc;
}

static int done(struct rk_lib_wait *wait, int rc)
{
    if (wait->call)
        rk_lib_wait_free(wait);
    return rc;
}

/* For answers without a body. */
static int finish_void(struct rk_lib_wait *wait, int rc)
{
    return done(wait, finish(wait, rc));
}

static int finish_stat(struct rk_lib_wait *wait, int rc, struct Stat *ret_stat)
{
    rc = finish(wait, rc);
    if (rc == ZOK) {
        struct Stat stat;
        struct rk_reader r = rk_lib_reply(wait->call);
        rk_lib_read_stat(&r, &stat);
        if (r.failed)
            rc = ZMARSHALLINGERROR;
        else if (ret_stat)
            *ret_stat = stat;
    }
    return done(wait, rc);
}

static int finish_data(struct rk_lib_wait *wait, int rc, char *buffer, int *buffer_len,
                       struct Stat *ret_stat)
{
    rc = finish(wait, rc);
    if (rc == ZOK) {
        struct Stat stat;
        struct rk_reader r = rk_lib_reply(wait->call);
        struct rk_bytes data = rk_read_bytes(&r);
        rk_lib_read_stat(&r, &stat);
        if (r.failed)
            return done(wait, ZMARSHALLINGERROR);
        int len = data.data ? (int)data.len : -1;
        if (len > *buffer_len)
            len = *buffer_len;
        if (len > 0)
            memcpy(buffer, data.data, (size_t)len);
        *buffer_len = len;
        if (ret_stat)
            *ret_stat = stat;
    }
    return done(wait, rc);
}

static int finish_path(struct rk_lib_wait *wait, int rc, char *buffer, int buffer_len,
                       struct Stat *ret_stat)
{
    rc = finish(wait, rc);
    if (rc == ZOK) {
        struct Stat stat;
        struct rk_reader r = rk_lib_reply(wait->call);
        struct rk_bytes path = rk_read_bytes(&r);
        if (ret_stat)
            rk_lib_read_stat(&r, &stat);
        if (r.failed || !path.data)
            return done(wait, ZMARSHALLINGERROR);
        path = rk_lib_strip(wait->call->zh, path);
        int len = (int)path.len + 1;
        if (len > buffer_len)
            len = buffer_len;
        if (len > 0 && buffer) {
            memcpy(buffer, path.data, (size_t)len - 1);
            buffer[len - 1] = 0;
        }
        if (ret_stat)
            *ret_stat = stat;
    }
    return done(wait, rc);
}

static int finish_strings(struct rk_lib_wait *wait, int rc, struct String_vector *ret,
                          struct Stat *ret_stat)
{
    rc = finish(wait, rc);
    if (rc == ZOK) {
        struct String_vector strings;
        struct Stat stat;
        bool is_stat = wait->call->kind == RK_LIB_STRINGS_STAT;
        rc = rk_lib_strings(wait->call, wait->call->kind == RK_LIB_PATHS, &strings,
                            is_stat ? &stat : NULL);
        if (rc == ZOK && is_stat && ret_stat)
            *ret_stat = stat;
        if (rc == ZOK && ret)
            *ret = strings;
        else
            (void)deallocate_String_vector(&strings); /* always 0 */
    }
    return done(wait, rc);
}

int zoo_create(zhandle_t *zh, const char *path, const char *value, int valuelen,
               const struct ACL_vector *acl, int mode, char *path_buffer, int path_buffer_len)
{
    return zoo_create_ttl(zh, path, value, valuelen, acl, mode, -1, path_buffer, path_buffer_len);
}

static int create(zhandle_t *zh, int op, const struct rk_lib_node *node, char *path_buffer,
                  int path_buffer_len, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_STRING, &wait);
    return finish_path(&wait, rk_lib_request_create(zh, op, node, &to), path_buffer,
                       path_buffer_len, stat);
}

int zoo_create_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                   const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer,
                   int path_buffer_len)
{
    struct rk_lib_node node = {path, value, valuelen, acl, mode, ttl};
    return create(zh, ZOO_CREATE_OP, &node, path_buffer, path_buffer_len, NULL);
}

int zoo_create2(zhandle_t *zh, const char *path, const char *value, int valuelen,
                const struct ACL_vector *acl, int mode, char *path_buffer, int path_buffer_len,
                struct Stat *stat)
{
    return zoo_create2_ttl(zh, path, value, valuelen, acl, mode, -1, path_buffer, path_buffer_len,
                           stat);
}

int zoo_create2_ttl(zhandle_t *zh, const char *path, const char *value, int valuelen,
                    const struct ACL_vector *acl, int mode, int64_t ttl, char *path_buffer,
                    int path_buffer_len, struct Stat *stat)
{
    struct Stat unwanted;
    struct rk_lib_node node = {path, value, valuelen, acl, mode, ttl};
    return create(zh, ZOO_CREATE2_OP, &node, path_buffer, path_buffer_len, stat ? stat : &unwanted);
}

int zoo_delete(zhandle_t *zh, const char *path, int version)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_VOID, &wait);
    return finish_void(&wait, rk_lib_request_delete(zh, path, version, &to));
}

int zoo_exists(zhandle_t *zh, const char *path, int watch, struct Stat *stat)
{
    return zoo_wexists(zh, path, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh),
                       stat);
}

int zoo_wexists(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_STAT, &wait);
    int rc = rk_lib_request_read(zh, ZOO_EXISTS_OP, path, watcher, watcherCtx, &to);
    return finish_stat(&wait, rc, stat);
}

int zoo_get(zhandle_t *zh, const char *path, int watch, char *buffer, int *buffer_len,
            struct Stat *stat)
{
    return zoo_wget(zh, path, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh), buffer,
                    buffer_len, stat);
}

/* What may be put into buffer. */
static bool is_buffer(const char *buffer, const int *buffer_len)
{
    return buffer_len && (buffer || *buffer_len <= 0);
}

int zoo_wget(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx, char *buffer,
             int *buffer_len, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    if (!is_buffer(buffer, buffer_len))
        return ZBADARGUMENTS;
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_DATA, &wait);
    int rc = rk_lib_request_read(zh, ZOO_GETDATA_OP, path, watcher, watcherCtx, &to);
    return finish_data(&wait, rc, buffer, buffer_len, stat);
}

int zoo_getconfig(zhandle_t *zh, int watch, char *buffer, int *buffer_len, struct Stat *stat)
{
    return zoo_wgetconfig(zh, rk_lib_default_watcher(zh, watch), rk_lib_default_context(zh), buffer,
                          buffer_len, stat);
}

int zoo_wgetconfig(zhandle_t *zh, watcher_fn watcher, void *watcherCtx, char *buffer,
                   int *buffer_len, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    if (!is_buffer(buffer, buffer_len))
        return ZBADARGUMENTS;
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_DATA, &wait);
    int rc = rk_lib_request_config(zh, watcher, watcherCtx, &to);
    return finish_data(&wait, rc, buffer, buffer_len, stat);
}

int zoo_reconfig(zhandle_t *zh, const char *joining, const char *leaving, const char *members,
                 int64_t version, char *buffer, int *buffer_len, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    if (!is_buffer(buffer, buffer_len))
        return ZBADARGUMENTS;
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_DATA, &wait);
    int rc = rk_lib_request_reconfig(zh, joining, leaving, members, version, &to);
    return finish_data(&wait, rc, buffer, buffer_len, stat);
}

int zoo_set(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version)
{
    return zoo_set2(zh, path, buffer, buflen, version, NULL);
}

int zoo_set2(zhandle_t *zh, const char *path, const char *buffer, int buflen, int version,
             struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_STAT, &wait);
    return finish_stat(&wait, rk_lib_request_set(zh, path, buffer, buflen, version, &to), stat);
}

static int children(zhandle_t *zh, int op, const char *path, watcher_fn watcher, void *context,
                    struct String_vector *strings, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to =
        RK_LIB_TO_WAIT(op == ZOO_GETCHILDREN2_OP ? RK_LIB_STRINGS_STAT : RK_LIB_STRINGS, &wait);
    int rc = rk_lib_request_read(zh, op, path, watcher, context, &to);
    return finish_strings(&wait, rc, strings, stat);
}

int zoo_get_children(zhandle_t *zh, const char *path, int watch, struct String_vector *strings)
{
    return zoo_wget_children(zh, path, rk_lib_default_watcher(zh, watch),
                             rk_lib_default_context(zh), strings);
}

int zoo_wget_children(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                      struct String_vector *strings)
{
    return children(zh, ZOO_GETCHILDREN_OP, path, watcher, watcherCtx, strings, NULL);
}

int zoo_get_children2(zhandle_t *zh, const char *path, int watch, struct String_vector *strings,
                      struct Stat *stat)
{
    return zoo_wget_children2(zh, path, rk_lib_default_watcher(zh, watch),
                              rk_lib_default_context(zh), strings, stat);
}

int zoo_wget_children2(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcherCtx,
                       struct String_vector *strings, struct Stat *stat)
{
    return children(zh, ZOO_GETCHILDREN2_OP, path, watcher, watcherCtx, strings, stat);
}

int zoo_get_acl(zhandle_t *zh, const char *path, struct ACL_vector *acl, struct Stat *stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_ACLS, &wait);
    int rc = finish(&wait, rk_lib_request_path(zh, ZOO_GETACL_OP, path, &to));
    if (rc == ZOK) {
        struct ACL_vector acls;
        struct Stat own;
        rc = rk_lib_acls(wait.call, &acls, &own);
        if (rc == ZOK && stat)
            *stat = own;
        if (rc == ZOK && acl)
            *acl = acls;
        else
            (void)deallocate_ACL_vector(&acls); /* always 0 */
    }
    return done(&wait, rc);
}

int zoo_set_acl(zhandle_t *zh, const char *path, int version, const struct ACL_vector *acl)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_VOID, &wait);
    return finish_void(&wait, rk_lib_request_set_acl(zh, path, version, acl, &to));
}

int zoo_multi(zhandle_t *zh, int count, const zoo_op_t *ops, zoo_op_result_t *results)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_MULTI, &wait);
    int rc = finish(&wait, rk_lib_request_multi(zh, count, ops, results, &to));
    if (wait.call)
        rc = rk_lib_multi_results(wait.call);
    return done(&wait, rc);
}

static int remove_watches(zhandle_t *zh, const char *path, ZooWatcherType type, watcher_fn watcher,
                          void *context, bool is_all, bool is_local)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_VOID, &wait);
    int rc = rk_lib_request_remove(zh, path, type, watcher, context, is_all, is_local, &to);
    return finish_void(&wait, rc);
}

int zoo_remove_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, watcher_fn watcher,
                       void *watcherCtx, int local)
{
    return remove_watches(zh, path, wtype, watcher, watcherCtx, false, local != 0);
}

int zoo_remove_all_watches(zhandle_t *zh, const char *path, ZooWatcherType wtype, int local)
{
    return remove_watches(zh, path, wtype, NULL, NULL, true, local != 0);
}

/* -- What Apache's client lacks -- */

int rk_add_watch(zhandle_t *zh, const char *path, enum rk_watch_mode mode, watcher_fn watcher,
                 void *watcher_context)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_VOID, &wait);
    int rc = rk_lib_request_add_watch(zh, path, mode, watcher, watcher_context, &to);
    return finish_void(&wait, rc);
}

int rk_get_ephemerals(zhandle_t *zh, const char *prefix, struct String_vector *ret)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_PATHS, &wait);
    int rc = rk_lib_request_path(zh, RK_OP_GET_EPHEMERALS, prefix, &to);
    return finish_strings(&wait, rc, ret, NULL);
}

int rk_get_all_children_number(zhandle_t *zh, const char *path, int *ret_number)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_NUMBER, &wait);
    int rc = finish(&wait, rk_lib_request_path(zh, RK_OP_GET_ALL_CHILDREN_NUMBER, path, &to));
    if (rc == ZOK) {
        struct rk_reader r = rk_lib_reply(wait.call);
        int32_t number = rk_read_i32(&r);
        if (r.failed)
            rc = ZMARSHALLINGERROR;
        else
            *ret_number = number;
    }
    return done(&wait, rc);
}

int rk_who_am_i(zhandle_t *zh, struct ClientInfo_vector *ret)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_WHO, &wait);
    int rc = finish(&wait, rk_lib_request_who(zh, &to));
    if (rc == ZOK)
        rc = rk_lib_who(wait.call, ret);
    return done(&wait, rc);
}

int rk_multi_read(zhandle_t *zh, int count, const struct rk_read *reads,
                  struct rk_read_result *ret_results)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_READS, &wait);
    int rc = finish(&wait, rk_lib_request_reads(zh, count, reads, &to));
    if (rc == ZOK) {
        memset(ret_results, 0, (size_t)count * sizeof(*ret_results));
        rc = rk_lib_read_results(wait.call, ret_results, count);
        if (rc != ZOK)
            rk_read_results_free(ret_results, count);
    }
    return done(&wait, rc);
}

void rk_read_results_free(struct rk_read_result *results, int count)
{
    for (int i = 0; i < count; i++) {
        deallocate_Buffer(&results[i].data);
        (void)deallocate_String_vector(&results[i].children);
    }
    if (count > 0)
        memset(results, 0, (size_t)count * sizeof(*results));
}

int rk_get(zhandle_t *zh, const char *path, watcher_fn watcher, void *watcher_context,
           char **ret_data, int *ret_bytes, struct Stat *ret_stat)
{
    struct rk_lib_wait wait = {.call = NULL};
    if (!ret_data || !ret_bytes)
        return ZBADARGUMENTS;
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_DATA, &wait);
    int rc =
        finish(&wait, rk_lib_request_read(zh, ZOO_GETDATA_OP, path, watcher, watcher_context, &to));
    if (rc != ZOK)
        return done(&wait, rc);
    struct Stat stat;
    struct rk_reader r = rk_lib_reply(wait.call);
    struct rk_bytes data = rk_read_bytes(&r);
    rk_lib_read_stat(&r, &stat);
    if (r.failed)
        return done(&wait, ZMARSHALLINGERROR);
    char *made = NULL;
    if (data.data) {
        made = malloc((size_t)data.len + 1);
        if (!made)
            return done(&wait, ZSYSTEMERROR);
        memcpy(made, data.data, data.len);
        made[data.len] = 0;
    }
    *ret_data = made;
    *ret_bytes = data.data ? (int)data.len : 0;
    if (ret_stat)
        *ret_stat = stat;
    return done(&wait, ZOK);
}

int rk_sync(zhandle_t *zh, const char *path)
{
    struct rk_lib_wait wait = {.call = NULL};
    struct rk_lib_to to = RK_LIB_TO_WAIT(RK_LIB_STRING, &wait);
    return finish_void(&wait, rk_lib_request_path(zh, ZOO_SYNC_OP, path, &to));
}
