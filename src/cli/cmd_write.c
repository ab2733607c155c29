/* Commands that change nodes: create, set, delete, deleteall, setAcl. ZK: the classes of
 * org.apache.zookeeper.cli of the same names, ZKUtil.deleteRecursive. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ZK: EphemeralType.TTL.maxValue. */
#define TTL_MAX INT64_C(0xffffffffff)

/* -v, as Integer.parseInt; false with an error printed. */
static bool read_version(struct rk_cli *cli, const struct rk_cli_args *args, int *ret)
{
    int64_t version;

    if (!rk_cli_flag_number(cli, args, "v", INT32_MIN, INT32_MAX, -1, &version))
        return false;
    *ret = (int)version;
    return true;
}

/* -- create -------------------------------------------------------------------------------------
 */

/* The mode of a node, or -1 with why not printed. */
static int read_mode(struct rk_cli *cli, const struct rk_cli_args *args, int64_t *ret_ttl)
{
    bool is_e = rk_cli_has(args, "e"), is_s = rk_cli_has(args, "s");
    bool is_c = rk_cli_has(args, "c"), is_t = rk_cli_has(args, "t");
    const char *why = NULL;

    *ret_ttl = 0;
    if (is_c && (is_e || is_s))
        why = "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.";
    else if (is_t && !rk_cli_number(rk_cli_flag(args, "t", ""), INT64_MIN, INT64_MAX, ret_ttl))
        why = "-t argument must be a long value";
    else if (is_t && is_e)
        why = "TTLs cannot be used with Ephemeral znodes";
    else if (is_t && is_c)
        why = "TTLs cannot be used with Container znodes";
    else if (is_t && (*ret_ttl <= 0 || *ret_ttl > TTL_MAX))
        why = "ttl must be positive and cannot be larger than: 1099511627775";
    if (why) {
        rk_cli_misuse(cli, "%s", why);
        return -1;
    }
    if (is_c)
        return ZOO_CONTAINER;
    if (is_e)
        return is_s ? ZOO_EPHEMERAL_SEQUENTIAL : ZOO_EPHEMERAL;
    if (is_s)
        return is_t ? ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL : ZOO_PERSISTENT_SEQUENTIAL;
    return is_t ? ZOO_PERSISTENT_WITH_TTL : ZOO_PERSISTENT;
}

static int say_not_created(struct rk_cli *cli, int rc, const char *path)
{
    if (rc == ZEPHEMERALONLOCALSESSION)
        rk_cli_note(cli, "Unable to create ephemeral node on a local session\n");
    if (rc == ZINVALIDACL)
        rk_cli_note(cli, "KeeperErrorCode = InvalidACL%s%s\n", path ? " for " : "",
                    path ? path : "");
    return rk_cli_fail(cli, rc, path);
}

static int run_create(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    const char *data = rk_cli_arg(args, 1);
    const char *acl_text = rk_cli_arg(args, 2);
    struct ACL_vector acl = {0, NULL};
    int64_t ttl_ms;
    char *created = NULL;
    char *safe;
    int mode = read_mode(cli, args, &ttl_ms);
    bool is_empty;
    int rc;

    if (mode < 0)
        return RK_CLI_USAGE;
    if (data && strlen(data) > INT32_MAX)
        return rk_cli_misuse(cli, "the value is too long");
    if (acl_text && !rk_cli_parse_acl(cli, acl_text, &acl))
        return rk_cli_error(cli, "out of memory");
    is_empty = acl_text && acl.count == 0;
    if (is_empty)
        rc = ZINVALIDACL;
    else
        rc = rk_cli_create(cli, NULL, path, data, data ? (int)strlen(data) : -1,
                           acl_text ? &acl : NULL, mode, ttl_ms, &created);
    deallocate_ACL_vector(&acl);
    /* ZK: ZooKeeper.validateACL, which knows of no path. */
    if (rc != ZOK)
        return say_not_created(cli, rc, is_empty ? NULL : path);
    safe = rk_cli_safe(created, strlen(created));
    rk_cli_note(cli, "Created %s\n", safe ? safe : "");
    rk_cli_emit(cli, json_pack("{s:o}", "path", rk_cli_json_text(created)));
    free(safe);
    free(created);
    return RK_CLI_OK;
}

static const struct rk_cli_flag create_flags[] = {
    {.name = "e", .help = "ephemeral"},
    {.name = "s", .help = "sequential"},
    {.name = "c", .help = "container"},
    {.name = "t", .value = "ttl", .help = "ttl"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_create = {
    .name = "create",
    .usage = "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
    .summary = "make a node",
    .help =
        "The path that came of it is printed (on stderr, as zkCli does; in JSON on stdout). "
        "An ephemeral node (-e) lives as long as this session: in a shell, until quit. The ttl is "
        "in "
        "milliseconds. An ACL is scheme:id:perms, more of them separated by commas; without one "
        "everybody may do everything.",
    .flags = create_flags,
    .args = "p--",
    .args_min = 1,
    .args_max = -1,
    .run = run_create,
};

/* -- set ----------------------------------------------------------------------------------------
 */

/* What set, setAcl answer with -s, and always as JSON. */
static void show_stat(struct rk_cli *cli, const struct rk_cli_args *args, const char *path,
                      const struct Stat *stat)
{
    if (rk_cli_is_json(cli))
        rk_cli_emit(cli, json_pack("{s:o, s:o}", "path", rk_cli_json_text(path), "stat",
                                   rk_cli_json_stat(stat)));
    else if (rk_cli_has(args, "s"))
        rk_cli_put_stat(cli, stat);
}

static int run_set(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    const char *data = rk_cli_arg(args, 1);
    size_t length = strlen(data);
    char *decoded = NULL;
    int bytes = (int)length;
    struct Stat stat;
    int version, rc;

    if (length > INT32_MAX)
        return rk_cli_misuse(cli, "the value is too long");
    if (!read_version(cli, args, &version))
        return RK_CLI_USAGE;
    if (rk_cli_has(args, "b") && !rk_cli_unbase64(data, &decoded, &bytes))
        return rk_cli_misuse(cli, "-b: the data is no base64");
    rc = rk_cli_set(cli, NULL, path, decoded ? decoded : data, bytes, version, &stat);
    free(decoded);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    show_stat(cli, args, path, &stat);
    return RK_CLI_OK;
}

static const struct rk_cli_flag set_flags[] = {
    {.name = "s", .help = "Print znode stats additionally"},
    {.name = "v", .value = "version", .help = "Set with an expected version"},
    {.name = "b", .help = "Supply data in base64 format"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_set = {
    .name = "set",
    .usage = "path data [-s] [-v version] [-b]",
    .summary = "give a node a value",
    .help = "With -v only if the node still has this version (get -s prints it as dataVersion).",
    .flags = set_flags,
    .args = "p-",
    .args_min = 2,
    .args_max = -1,
    .run = run_set,
};

/* -- delete -------------------------------------------------------------------------------------
 */

static int run_delete(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    int version, rc;

    if (args->count > 1)
        rk_cli_note(cli,
                    "'delete path [version]' has been deprecated. Please use 'delete [-v version]"
                    " path' instead.\n");
    if (!read_version(cli, args, &version))
        return RK_CLI_USAGE;
    rc = rk_cli_delete(cli, NULL, path, version);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    rk_cli_emit(cli, json_pack("{s:o}", "path", rk_cli_json_text(path)));
    return RK_CLI_OK;
}

static const struct rk_cli_flag delete_flags[] = {
    {.name = "v", .value = "version", .help = "version"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_delete = {
    .name = "delete",
    .usage = "[-v version] path",
    .summary = "delete a node that has no children",
    .flags = delete_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_delete,
};

/* -- setAcl -------------------------------------------------------------------------------------
 */

struct acl_walk {
    const struct ACL_vector *acl;
    int version;
    int64_t count;
    int worst; /* of the nodes it could not be set for */
};

/* ZK: a node that refuses is named, and the walk goes on. */
static int set_acl_of(struct rk_cli *cli, const char *path, void *context)
{
    struct acl_walk *walk = context;
    int rc = rk_cli_set_acl(cli, NULL, path, walk->version, walk->acl);
    char *safe;

    if (rc == ZOK) {
        walk->count++;
        return ZOK;
    }
    if (rk_cli_exit_of(rc) == RK_CLI_NOT_CONNECTED || rc == RK_CLI_CUT)
        return rc;
    safe = rk_cli_safe(path, strlen(path));
    rk_cli_print(cli, "KeeperErrorCode = %s for %s\n", rk_cli_error_text(rc), safe ? safe : "");
    free(safe);
    walk->worst = rc;
    return ZOK;
}

static int set_acl_below(struct rk_cli *cli, const char *path, const struct ACL_vector *acl,
                         int version)
{
    struct acl_walk walk = {acl, version, 0, ZOK};
    int rc = rk_cli_visit(cli, path, false, set_acl_of, &walk);

    if (rc == ZOK && walk.worst != ZOK && rk_cli_is_json(cli))
        return rk_cli_fail(cli, walk.worst, path);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    rk_cli_emit(cli, json_pack("{s:o, s:I}", "path", rk_cli_json_text(path), "count",
                               (json_int_t)walk.count));
    return rk_cli_exit_of(walk.worst);
}

static int run_set_acl(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    struct ACL_vector acl;
    struct Stat stat;
    int version, rc, code = RK_CLI_OK;

    if (!read_version(cli, args, &version))
        return RK_CLI_USAGE;
    if (!rk_cli_parse_acl(cli, rk_cli_arg(args, 1), &acl))
        return rk_cli_error(cli, "out of memory");
    if (acl.count == 0) {
        rc = ZINVALIDACL;
        code = rk_cli_fail(cli, rc, NULL);
    } else if (rk_cli_has(args, "R")) {
        code = set_acl_below(cli, path, &acl, version);
    } else {
        rc = rk_cli_set_acl(cli, NULL, path, version, &acl);
        /* The C interface keeps the Stat of the answer to itself. */
        if (rc == ZOK && (rk_cli_is_json(cli) || rk_cli_has(args, "s")))
            rc = rk_cli_get_acl(cli, NULL, path, NULL, &stat);
        if (rc == ZOK)
            show_stat(cli, args, path, &stat);
        else
            code = rk_cli_fail(cli, rc, path);
    }
    deallocate_ACL_vector(&acl);
    return code;
}

static const struct rk_cli_flag set_acl_flags[] = {
    {.name = "s", .help = "stats"},
    {.name = "v", .value = "version", .help = "version"},
    {.name = "R", .help = "recursive"},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_set_acl = {
    .name = "setAcl",
    .usage = "[-s] [-v version] [-R] path acl",
    .summary = "say who may do what with a node",
    .help =
        "The ACL is scheme:id:perms, more of them separated by commas: world:anyone:r, "
        "auth::cdrwa (whoever this connection is), digest:user:hash:cdrwa, ip:10.0.0.0/8:r. The "
        "version of -v is that of the ACL. With -R for the whole subtree.",
    .flags = set_acl_flags,
    .args = "p-",
    .args_min = 2,
    .args_max = -1,
    .run = run_set_acl,
};
