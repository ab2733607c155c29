/* Commands that read nodes: get, ls, stat, getAcl, getAllChildrenNumber, getEphemerals, sync,
 * whoami. ZK: the classes of org.apache.zookeeper.cli of the same names. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <stdlib.h>

/* `get path watch` of old: anything behind the path is a watch. */
static bool wants_watch(struct rk_cli *cli, const struct rk_cli_args *args, const char *instead)
{
    if (args->count > 1) {
        rk_cli_note(cli, "'%s path [watch]' has been deprecated. Please use '%s' instead.\n",
                    args->command->name, instead);
        return true;
    }
    return rk_cli_has(args, "w");
}

/* Adds "path" and "stat". */
static json_t *node_object(const char *path, const struct Stat *stat)
{
    json_t *object = json_pack("{s:o}", "path", rk_cli_json_text(path));

    if (object && stat && json_object_set_new(object, "stat", rk_cli_json_stat(stat)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* -- get ----------------------------------------------------------------------------------------
 */

static void print_value(struct rk_cli *cli, const struct rk_cli_args *args,
                        const struct rk_cli_value *value)
{
    const char *data = value->data ? value->data : "null";
    int bytes = value->data ? value->bytes : 4;
    char *base64;

    if (rk_cli_has(args, "x")) {
        rk_cli_put_hex(cli, data, bytes);
    } else if (rk_cli_has(args, "b")) {
        base64 = rk_cli_base64(data, (size_t)bytes);
        rk_cli_print(cli, "%s", base64 ? base64 : "");
        free(base64);
    } else {
        rk_cli_put_value(cli, data, bytes);
    }
    rk_cli_print(cli, "\n");
}

static json_t *value_object(const struct rk_cli_args *args, const char *path,
                            const struct rk_cli_value *value, const struct Stat *stat)
{
    json_t *object = node_object(path, stat);
    bool is_fine;

    if (rk_cli_has(args, "b") && value->data) {
        char *base64 = rk_cli_base64(value->data, (size_t)value->bytes);
        is_fine = base64 && json_object_set_new(object, "data_base64", json_string(base64)) == 0;
        free(base64);
    } else {
        is_fine = object && rk_cli_json_data(object, value->data, value->bytes);
    }
    if (!is_fine) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static int run_get(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    bool is_watch = wants_watch(cli, args, "get [-s] [-w] path");
    struct rk_cli_value value;
    struct Stat stat;
    int rc = rk_cli_get(cli, NULL, path, is_watch, &value, &stat);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    if (rk_cli_is_json(cli)) {
        rk_cli_emit(cli, value_object(args, path, &value, &stat));
    } else {
        print_value(cli, args, &value);
        if (rk_cli_has(args, "s"))
            rk_cli_put_stat(cli, &stat);
    }
    rk_cli_value_free(&value);
    return RK_CLI_OK;
}

static const struct rk_cli_flag get_flags[] = {
    {.name = "s", .help = "Print znode stats additionally"},
    {.name = "w", .help = "Watch for changes on the znode"},
    {.name = "b", .help = "Output data in base64 format"},
    {.name = "x", .help = "Output data in hexdump format"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_get = {
    .name = "get",
    .usage = "[-s] [-w] [-b] [-x] path",
    .summary = "print the value of a node",
    .help = "A null value is printed as null. On a terminal, control characters and bytes that are "
            "no UTF-8 are "
            "printed as \\xNN; into a file or pipe the value goes as it is.",
    .flags = get_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_get,
};

/* -- ls -----------------------------------------------------------------------------------------
 */

static int print_path(struct rk_cli *cli, const char *path, void *context)
{
    (void)context;
    if (rk_cli_is_json(cli)) {
        rk_cli_emit(cli, json_pack("{s:o}", "path", rk_cli_json_text(path)));
    } else {
        rk_cli_put_name(cli, path);
        rk_cli_print(cli, "\n");
    }
    return ZOK;
}

static json_t *strings_array(const struct String_vector *strings)
{
    json_t *list = json_array();

    for (int32_t i = 0; list && i < strings->count; i++)
        (void)json_array_append_new(list, rk_cli_json_text(strings->data[i]));
    return list;
}

/* "[a, b]": ZK: java.util.AbstractCollection.toString. */
static void put_strings(struct rk_cli *cli, const struct String_vector *strings)
{
    rk_cli_print(cli, "[");
    for (int32_t i = 0; i < strings->count; i++) {
        if (i > 0)
            rk_cli_print(cli, ", ");
        rk_cli_print(cli, "%s", rk_cli_code(cli, RK_CLI_BLUE));
        rk_cli_put_name(cli, strings->data[i]);
        rk_cli_print(cli, "%s", rk_cli_code(cli, RK_CLI_PLAIN));
    }
    rk_cli_print(cli, "]\n");
}

static int run_ls(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    bool is_watch = wants_watch(cli, args, "ls [-w] path");
    struct String_vector names;
    struct Stat stat;
    int rc;

    if (rk_cli_has(args, "R")) {
        rc = rk_cli_visit(cli, path, is_watch, print_path, NULL);
        return rk_cli_fail(cli, rc, path);
    }
    rc = rk_cli_children(cli, NULL, path, is_watch, &names, &stat);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    if (rk_cli_is_json(cli)) {
        json_t *object = node_object(path, &stat);
        if (object)
            (void)json_object_set_new(object, "children", strings_array(&names));
        rk_cli_emit(cli, object);
    } else {
        put_strings(cli, &names);
        if (rk_cli_has(args, "s"))
            rk_cli_put_stat(cli, &stat);
    }
    deallocate_String_vector(&names);
    return RK_CLI_OK;
}

static const struct rk_cli_flag ls_flags[] = {
    {.name = "s", .help = "stat"},
    {.name = "w", .help = "watch"},
    {.name = "R", .help = "recurse"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_ls = {
    .name = "ls",
    .usage = "[-s] [-w] [-R] path",
    .summary = "list the children of a node",
    .help =
        "With -R the whole subtree, one path a line: the children of a node come before those of "
        "its first child. With -w a change of the list is told of once.",
    .flags = ls_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_ls,
};

/* -- stat ---------------------------------------------------------------------------------------
 */

static int run_stat(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    bool is_watch = wants_watch(cli, args, "stat [-w] path");
    struct Stat stat;
    int rc = rk_cli_exists(cli, NULL, path, is_watch, &stat);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    if (rk_cli_is_json(cli))
        rk_cli_emit(cli, node_object(path, &stat));
    else
        rk_cli_put_stat(cli, &stat);
    return RK_CLI_OK;
}

static const struct rk_cli_flag stat_flags[] = {
    {.name = "w", .help = "watch"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_stat = {
    .name = "stat",
    .usage = "[-w] path",
    .summary = "print the Stat of a node: versions, times, owner, sizes",
    .help = "With -w a node that is not there yet is watched for its creation.",
    .flags = stat_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_stat,
};

/* -- getAcl -------------------------------------------------------------------------------------
 */

static int run_get_acl(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    struct ACL_vector acl;
    struct Stat stat;
    int rc = rk_cli_get_acl(cli, NULL, path, &acl, &stat);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    if (rk_cli_is_json(cli)) {
        json_t *object = node_object(path, &stat);
        if (object)
            (void)json_object_set_new(object, "acl", rk_cli_json_acl(&acl));
        rk_cli_emit(cli, object);
    } else {
        rk_cli_put_acl(cli, &acl);
        if (rk_cli_has(args, "s"))
            rk_cli_put_stat(cli, &stat);
    }
    deallocate_ACL_vector(&acl);
    return RK_CLI_OK;
}

static const struct rk_cli_flag get_acl_flags[] = {
    {.name = "s", .help = "stats"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_get_acl = {
    .name = "getAcl",
    .usage = "[-s] path",
    .summary = "print who may do what with a node",
    .help = "Permissions: c create children, d delete children, r read, w write, a set the ACL.",
    .flags = get_acl_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_get_acl,
};

/* -- getAllChildrenNumber, getEphemerals --------------------------------------------------------
 */

static int run_number(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    int number;
    int rc = rk_cli_all_children_number(cli, NULL, path, &number);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    rk_cli_print(cli, "%d\n", number);
    rk_cli_emit(cli, json_pack("{s:o, s:i}", "path", rk_cli_json_text(path), "count", number));
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_get_all_children_number = {
    .name = "getAllChildrenNumber",
    .usage = "path",
    .summary = "count the nodes below a node",
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_number,
};

static int run_ephemerals(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *prefix = args->count > 0 ? args->values[0] : "/";
    struct String_vector paths;
    int rc = rk_cli_ephemerals(cli, NULL, prefix, &paths);

    if (rc != ZOK)
        return rk_cli_fail(cli, rc, prefix);
    put_strings(cli, &paths);
    if (rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:o}", "ephemerals", strings_array(&paths)));
    deallocate_String_vector(&paths);
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_get_ephemerals = {
    .name = "getEphemerals",
    .usage = "path",
    .summary = "list the ephemeral nodes of this session whose path begins with this",
    .help = "Without a path all of them.",
    .args = "p-",
    .args_min = 0,
    .args_max = -1,
    .run = run_ephemerals,
};

/* -- sync, whoami -------------------------------------------------------------------------------
 */

static int run_sync(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    int rc = rk_cli_sync(cli, NULL, path);

    if (rc == ZOK) {
        rk_cli_print(cli, "Sync is OK\n");
        rk_cli_emit(cli, json_pack("{s:o, s:b}", "path", rk_cli_json_text(path), "ok", 1));
        return RK_CLI_OK;
    }
    if (rc == RK_CLI_CUT || rk_cli_is_json(cli))
        return rk_cli_fail(cli, rc, path);
    rk_cli_print(cli, "Sync has failed. rc=%d\n", rc);
    return rk_cli_exit_of(rc);
}

const struct rk_cli_command rk_cli_cmd_sync = {
    .name = "sync",
    .usage = "path",
    .summary = "make the server catch up with the leader before what follows",
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_sync,
};

static int run_whoami(struct rk_cli *cli, const struct rk_cli_args *args)
{
    struct ClientInfo_vector who;
    json_t *list = NULL;
    int rc = rk_cli_who_am_i(cli, NULL, &who);

    (void)args;
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, NULL);
    rk_cli_print(cli, "Auth scheme: User\n");
    if (rk_cli_is_json(cli))
        list = json_array();
    for (int32_t i = 0; i < who.count; i++) {
        rk_cli_put_name(cli, who.data[i].authScheme);
        rk_cli_print(cli, ": ");
        rk_cli_put_name(cli, who.data[i].user);
        rk_cli_print(cli, "\n");
        if (list)
            (void)json_array_append_new(
                list, json_pack("{s:o, s:o}", "scheme", rk_cli_json_text(who.data[i].authScheme),
                                "user", rk_cli_json_text(who.data[i].user)));
    }
    if (rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:o}", "identities", list));
    deallocate_ClientInfo_vector(&who);
    return RK_CLI_OK;
}

const struct rk_cli_command rk_cli_cmd_whoami = {
    .name = "whoami",
    .usage = "",
    .summary = "print who the server takes this connection for",
    .traits = RK_CLI_UNPARSED,
    .args_max = -1,
    .run = run_whoami,
};
