/* Calls that can be ended: each is an asynchronous request and a record that two sides hold. The
 * completion fills the record and wakes the main thread; if that has gone away meanwhile (Ctrl-C,
 * time over), the completion frees the record. All fields are guarded by the shell's lock. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include <rookery/rookery.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct rk_cli *cli;
    zhandle_t *zh;
    bool is_done, is_abandoned;
    int rc;
    struct Stat stat;
    struct rk_cli_value value;
    struct String_vector names;
    struct ACL_vector acl;
    struct ClientInfo_vector who;
    char *path;
    int number;
};

void rk_cli_value_free(struct rk_cli_value *value)
{
    free(value->data);
    value->data = NULL;
    value->bytes = -1;
}

char *rk_cli_join(const char *dir, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < 0 ? NULL : path;
}

static zhandle_t *handle_of(struct rk_cli *cli, zhandle_t *zh)
{
    return zh ? zh : cli->zh;
}

static struct call *begin(struct rk_cli *cli, zhandle_t *zh)
{
    struct call *c = calloc(1, sizeof *c);

    if (c) {
        c->cli = cli;
        c->zh = zh;
        c->value.bytes = -1;
    }
    return c;
}

static void free_call(struct call *c)
{
    free(c->value.data);
    free(c->path);
    deallocate_String_vector(&c->names);
    deallocate_ACL_vector(&c->acl);
    deallocate_ClientInfo_vector(&c->who);
    free(c);
}

/* -- Completions: on a thread of the library ----------------------------------------------------
 */

/* c is filled and nobody else's; from here on it may be gone. */
static void finish(struct call *c, int rc)
{
    struct rk_cli *cli = c->cli;
    bool is_abandoned;

    pthread_mutex_lock(&cli->lock);
    c->rc = rc;
    c->is_done = true;
    is_abandoned = c->is_abandoned;
    pthread_mutex_unlock(&cli->lock);
    if (is_abandoned)
        free_call(c);
    else
        rk_cli_wake(cli);
}

static void keep_stat(struct call *c, const struct Stat *stat)
{
    if (stat)
        c->stat = *stat;
}

static void on_data(int rc, const char *value, int bytes, const struct Stat *stat, const void *data)
{
    struct call *c = (struct call *)data;

    if (rc == ZOK && value && bytes >= 0) {
        c->value.data = malloc((size_t)bytes + 1);
        if (c->value.data) {
            memcpy(c->value.data, value, (size_t)bytes);
            c->value.data[bytes] = 0;
            c->value.bytes = bytes;
        } else {
            rc = ZSYSTEMERROR;
        }
    }
    keep_stat(c, stat);
    finish(c, rc);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct call *c = (struct call *)data;
    keep_stat(c, stat);
    finish(c, rc);
}

static void on_void(int rc, const void *data)
{
    finish((struct call *)data, rc);
}

static void on_string(int rc, const char *value, const void *data)
{
    struct call *c = (struct call *)data;

    c->path = rc == ZOK && value ? strdup(value) : NULL;
    finish(c, rc == ZOK && value && !c->path ? ZSYSTEMERROR : rc);
}

bool rk_cli_copy_strings(const struct String_vector *from, struct String_vector *to)
{
    to->data = calloc((size_t)from->count + 1, sizeof *to->data);
    if (!to->data)
        return false;
    for (; to->count < from->count; to->count++) {
        to->data[to->count] = strdup(from->data[to->count]);
        if (!to->data[to->count])
            return false;
    }
    return true;
}

static void on_strings(int rc, const struct String_vector *strings, const void *data)
{
    struct call *c = (struct call *)data;

    if (rc == ZOK && strings && !rk_cli_copy_strings(strings, &c->names))
        rc = ZSYSTEMERROR;
    finish(c, rc);
}

static void on_strings_stat(int rc, const struct String_vector *strings, const struct Stat *stat,
                            const void *data)
{
    keep_stat((struct call *)data, stat);
    on_strings(rc, strings, data);
}

static bool copy_acl(const struct ACL_vector *from, struct ACL_vector *to)
{
    to->data = calloc((size_t)from->count + 1, sizeof *to->data);
    if (!to->data)
        return false;
    for (; to->count < from->count; to->count++) {
        struct ACL *acl = &to->data[to->count];
        acl->perms = from->data[to->count].perms;
        acl->id.scheme = strdup(from->data[to->count].id.scheme);
        acl->id.id = strdup(from->data[to->count].id.id);
        if (!acl->id.scheme || !acl->id.id) {
            to->count++;
            return false;
        }
    }
    return true;
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data)
{
    struct call *c = (struct call *)data;

    if (rc == ZOK && acl && !copy_acl(acl, &c->acl))
        rc = ZSYSTEMERROR;
    keep_stat(c, stat);
    finish(c, rc);
}

static void on_number(int rc, int number, const void *data)
{
    struct call *c = (struct call *)data;
    c->number = number;
    finish(c, rc);
}

static void on_who(int rc, const struct ClientInfo_vector *who, const void *data)
{
    struct call *c = (struct call *)data;

    c->who.data = rc == ZOK && who ? calloc((size_t)who->count + 1, sizeof *c->who.data) : NULL;
    for (int32_t i = 0; c->who.data && i < who->count; i++) {
        c->who.data[i].authScheme = strdup(who->data[i].authScheme ? who->data[i].authScheme : "");
        c->who.data[i].user = strdup(who->data[i].user ? who->data[i].user : "");
        c->who.count++;
        if (!c->who.data[i].authScheme || !c->who.data[i].user)
            rc = ZSYSTEMERROR;
    }
    finish(c, rc == ZOK && who && !c->who.data ? ZSYSTEMERROR : rc);
}

/* -- Waiting: on the main thread ----------------------------------------------------------------
 */

int rk_cli_request_limit_ms(const struct rk_cli *cli)
{
    return cli->options.request_ms > 0 ? cli->options.request_ms : cli->options.timeout_ms;
}

/* A login that is refused ends the session: that is why, then. */
static int reason_of(const struct call *c, int rc)
{
    return rc == ZINVALIDSTATE && zoo_state(c->zh) == ZOO_AUTH_FAILED_STATE ? ZAUTHFAILED : rc;
}

/* With ZOK, or any answer, *io is still there and is the caller's; else it is gone, and NULL. sent
 * is what the asynchronous function returned. */
static int await(struct rk_cli *cli, struct call **io, int sent)
{
    struct call *c = *io;
    int64_t deadline = rk_cli_now_ms() + rk_cli_request_limit_ms(cli);
    int rc = ZOK;
    bool is_done;

    if (sent != ZOK) {
        rc = reason_of(c, sent);
        free_call(c);
        *io = NULL;
        return rc;
    }
    for (;;) {
        int64_t left = deadline - rk_cli_now_ms();
        pthread_mutex_lock(&cli->lock);
        is_done = c->is_done;
        pthread_mutex_unlock(&cli->lock);
        if (is_done || rc != ZOK)
            break;
        if (left <= 0)
            rc = ZOPERATIONTIMEOUT;
        else if (rk_cli_wait(cli, (int)left) == RK_CLI_INTERRUPTED)
            rc = RK_CLI_CUT;
    }
    pthread_mutex_lock(&cli->lock);
    is_done = c->is_done;
    c->is_abandoned = !is_done;
    pthread_mutex_unlock(&cli->lock);
    if (is_done)
        return reason_of(c, c->rc);
    *io = NULL;
    return rc;
}

/* As await, for callers that want nothing but the result and perhaps the Stat. */
static int await_stat(struct rk_cli *cli, struct call *c, int sent, struct Stat *ret_stat)
{
    int rc = await(cli, &c, sent);

    if (rc == ZOK && ret_stat)
        *ret_stat = c->stat;
    if (c)
        free_call(c);
    return rc;
}

static int await_value(struct rk_cli *cli, struct call *c, int sent, struct rk_cli_value *ret_value,
                       struct Stat *ret_stat)
{
    int rc = await(cli, &c, sent);

    if (rc == ZOK && ret_stat)
        *ret_stat = c->stat;
    if (rc == ZOK && ret_value) {
        *ret_value = c->value;
        c->value.data = NULL;
    }
    if (c)
        free_call(c);
    return rc;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void rk_cli_sort_strings(struct String_vector *strings)
{
    if (strings->count > 0)
        qsort(strings->data, (size_t)strings->count, sizeof *strings->data, by_bytes);
}

static int await_names(struct rk_cli *cli, struct call *c, int sent,
                       struct String_vector *ret_names, struct Stat *ret_stat)
{
    int rc = await(cli, &c, sent);

    if (rc == ZOK && ret_stat)
        *ret_stat = c->stat;
    if (rc == ZOK && ret_names) {
        rk_cli_sort_strings(&c->names);
        *ret_names = c->names;
        memset(&c->names, 0, sizeof c->names);
    }
    if (c)
        free_call(c);
    return rc;
}

/* Every call begins so. */
#define BEGIN(cli, zh, c)                                                                          \
    struct call *c;                                                                                \
    zhandle_t *handle = handle_of(cli, zh);                                                        \
    if (!handle)                                                                                   \
        return ZINVALIDSTATE;                                                                      \
    c = begin(cli, handle);                                                                        \
    if (!c)                                                                                        \
    return ZSYSTEMERROR

/* -- The calls ----------------------------------------------------------------------------------
 */

int rk_cli_get(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
               struct rk_cli_value *ret_value, struct Stat *ret_stat)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await_value(
        cli, c, zoo_awget(handle, path, is_watch ? rk_cli_watcher_now(cli) : NULL, cli, on_data, c),
        ret_value, ret_stat);
    if (rc == ZOK && is_watch)
        rk_cli_remember_watch(cli, path, RK_CLI_WATCH_DATA);
    return rc;
}

int rk_cli_exists(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
                  struct Stat *ret_stat)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await_stat(
        cli, c,
        zoo_awexists(handle, path, is_watch ? rk_cli_watcher_now(cli) : NULL, cli, on_stat, c),
        ret_stat);
    if (is_watch && (rc == ZOK || rc == ZNONODE))
        rk_cli_remember_watch(cli, path, rc == ZOK ? RK_CLI_WATCH_DATA : RK_CLI_WATCH_EXIST);
    return rc;
}

int rk_cli_children(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_watch,
                    struct String_vector *ret_names, struct Stat *ret_stat)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await_names(cli, c,
                     zoo_awget_children2(handle, path, is_watch ? rk_cli_watcher_now(cli) : NULL,
                                         cli, on_strings_stat, c),
                     ret_names, ret_stat);
    if (rc == ZOK && is_watch)
        rk_cli_remember_watch(cli, path, RK_CLI_WATCH_CHILD);
    return rc;
}

int rk_cli_create(struct rk_cli *cli, zhandle_t *zh, const char *path, const char *data, int bytes,
                  const struct ACL_vector *acl, int mode, int64_t ttl_ms, char **ret_path)
{
    bool is_ttl = mode == ZOO_PERSISTENT_WITH_TTL || mode == ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL;
    int rc, sent;
    BEGIN(cli, zh, c);

    if (!acl)
        acl = &ZOO_OPEN_ACL_UNSAFE;
    if (!data)
        bytes = -1;
    sent = is_ttl ? zoo_acreate_ttl(handle, path, data, bytes, acl, mode, ttl_ms, on_string, c)
                  : zoo_acreate(handle, path, data, bytes, acl, mode, on_string, c);
    rc = await(cli, &c, sent);
    if (rc == ZOK && ret_path) {
        *ret_path = c->path;
        c->path = NULL;
    }
    if (c)
        free_call(c);
    return rc;
}

int rk_cli_set(struct rk_cli *cli, zhandle_t *zh, const char *path, const char *data, int bytes,
               int version, struct Stat *ret_stat)
{
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_aset(handle, path, data, data ? bytes : -1, version, on_stat, c),
                      ret_stat);
}

int rk_cli_delete(struct rk_cli *cli, zhandle_t *zh, const char *path, int version)
{
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_adelete(handle, path, version, on_void, c), NULL);
}

int rk_cli_get_acl(struct rk_cli *cli, zhandle_t *zh, const char *path, struct ACL_vector *ret_acl,
                   struct Stat *ret_stat)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await(cli, &c, zoo_aget_acl(handle, path, on_acl, c));
    if (rc == ZOK && ret_stat)
        *ret_stat = c->stat;
    if (rc == ZOK && ret_acl) {
        *ret_acl = c->acl;
        memset(&c->acl, 0, sizeof c->acl);
    }
    if (c)
        free_call(c);
    return rc;
}

int rk_cli_set_acl(struct rk_cli *cli, zhandle_t *zh, const char *path, int version,
                   const struct ACL_vector *acl)
{
    struct ACL_vector copy = *acl;
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_aset_acl(handle, path, version, &copy, on_void, c), NULL);
}

int rk_cli_sync(struct rk_cli *cli, zhandle_t *zh, const char *path)
{
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_async(handle, path, on_string, c), NULL);
}

int rk_cli_multi(struct rk_cli *cli, zhandle_t *zh, int count, const zoo_op_t *ops,
                 zoo_op_result_t *results)
{
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_amulti(handle, count, ops, results, on_void, c), NULL);
}

bool rk_cli_is_unanswered(int rc)
{
    return rc == RK_CLI_CUT || rc == ZOPERATIONTIMEOUT;
}

int rk_cli_multi_failed(int count, const zoo_op_result_t *results)
{
    int i = 0;

    while (i < count && (results[i].err == ZOK || results[i].err == ZRUNTIMEINCONSISTENCY))
        i++;
    return i;
}

int rk_cli_get_config(struct rk_cli *cli, zhandle_t *zh, bool is_watch,
                      struct rk_cli_value *ret_value, struct Stat *ret_stat)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await_value(
        cli, c, zoo_awgetconfig(handle, is_watch ? rk_cli_watcher_now(cli) : NULL, cli, on_data, c),
        ret_value, ret_stat);
    if (rc == ZOK && is_watch)
        rk_cli_remember_watch(cli, ZOO_CONFIG_NODE, RK_CLI_WATCH_DATA);
    return rc;
}

int rk_cli_reconfig(struct rk_cli *cli, zhandle_t *zh, const char *joining, const char *leaving,
                    const char *members, int64_t version, struct rk_cli_value *ret_value,
                    struct Stat *ret_stat)
{
    BEGIN(cli, zh, c);
    return await_value(cli, c,
                       zoo_areconfig(handle, joining, leaving, members, version, on_data, c),
                       ret_value, ret_stat);
}

int rk_cli_add_watch(struct rk_cli *cli, zhandle_t *zh, const char *path, bool is_recursive)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await_stat(cli, c,
                    rk_aadd_watch(handle, path,
                                  is_recursive ? RK_WATCH_RECURSIVE : RK_WATCH_PERSISTENT,
                                  rk_cli_watcher_now(cli), cli, on_void, c),
                    NULL);
    if (rc == ZOK)
        rk_cli_remember_watch(cli, path,
                              is_recursive ? RK_CLI_WATCH_RECURSIVE : RK_CLI_WATCH_PERSISTENT);
    return rc;
}

int rk_cli_remove_watches(struct rk_cli *cli, zhandle_t *zh, const char *path, int type,
                          bool is_local)
{
    int rc;

    if (is_local) {
        /* Does not wait. */
        rc = handle_of(cli, zh)
                 ? zoo_remove_all_watches(handle_of(cli, zh), path, (ZooWatcherType)type, 1)
                 : ZINVALIDSTATE;
    } else {
        BEGIN(cli, zh, c);
        /* ZK: the parameter's type is a slip of zookeeper.h; it is the function itself. */
        rc = await_stat(cli, c,
                        zoo_aremove_all_watches(handle, path, (ZooWatcherType)type, 0,
                                                (void_completion_t *)on_void, c),
                        NULL);
    }
    if (rc == ZOK)
        rk_cli_forget_watches(cli, path, type);
    return rc;
}

int rk_cli_ephemerals(struct rk_cli *cli, zhandle_t *zh, const char *prefix,
                      struct String_vector *ret_paths)
{
    BEGIN(cli, zh, c);
    return await_names(cli, c, rk_aget_ephemerals(handle, prefix, on_strings, c), ret_paths, NULL);
}

int rk_cli_all_children_number(struct rk_cli *cli, zhandle_t *zh, const char *path, int *ret_number)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await(cli, &c, rk_aget_all_children_number(handle, path, on_number, c));
    if (rc == ZOK)
        *ret_number = c->number;
    if (c)
        free_call(c);
    return rc;
}

int rk_cli_who_am_i(struct rk_cli *cli, zhandle_t *zh, struct ClientInfo_vector *ret_who)
{
    int rc;
    BEGIN(cli, zh, c);
    rc = await(cli, &c, rk_awho_am_i(handle, on_who, c));
    if (rc == ZOK) {
        *ret_who = c->who;
        memset(&c->who, 0, sizeof c->who);
    }
    if (c)
        free_call(c);
    return rc;
}

int rk_cli_add_auth(struct rk_cli *cli, zhandle_t *zh, const char *scheme, const char *auth,
                    int bytes)
{
    BEGIN(cli, zh, c);
    return await_stat(cli, c, zoo_add_auth(handle, scheme, auth, bytes, on_void, c), NULL);
}
