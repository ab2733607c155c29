/* setquota, listquota, delquota. ZK: SetQuotaCommand, ListQuotaCommand, DelQuotaCommand,
 * StatsTrack, Quotas. */
#include "cli/call.h"
#include "cli/cli_int.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define QUOTA  "/zookeeper/quota"
#define LIMITS "zookeeper_limits"
#define STATS  "zookeeper_stats"

/* -- Limits as text -----------------------------------------------------------------------------
 */

/* ZK: StatsTrack: "count=4,bytes=5=;byteHardLimit=10;countHardLimit=10"; the hard ones only if
 * known. */
struct track {
    int64_t count, bytes, hard_count, hard_bytes; /* -1: none */
    bool has_hard_count, has_hard_bytes;
};

static int64_t track_value(const char *text, const char *key, bool *ret_is_there)
{
    size_t bytes = strlen(key);

    *ret_is_there = false;
    while (*text) {
        if (strncmp(text, key, bytes) == 0 && text[bytes] == '=') {
            char *end;
            long long value = strtoll(text + bytes + 1, &end, 10);
            *ret_is_there = true;
            return end == text + bytes + 1 ? -1 : value;
        }
        text += strcspn(text, ",;");
        text += strspn(text, ",;");
    }
    return -1;
}

static struct track parse_track(const char *text)
{
    struct track t;
    bool ignored;

    text = text ? text : "";
    t.count = track_value(text, "count", &ignored);
    t.bytes = track_value(text, "bytes", &ignored);
    t.hard_count = track_value(text, "countHardLimit", &t.has_hard_count);
    t.hard_bytes = track_value(text, "byteHardLimit", &t.has_hard_bytes);
    return t;
}

#define TRACK_BYTES 160
static void format_track(const struct track *t, char ret[TRACK_BYTES])
{
    int used = snprintf(ret, TRACK_BYTES, "count=%" PRId64 ",bytes=%" PRId64, t->count, t->bytes);

    if (t->has_hard_bytes || t->has_hard_count)
        used += snprintf(ret + used, TRACK_BYTES - (size_t)used, "=");
    if (t->has_hard_bytes)
        used += snprintf(ret + used, TRACK_BYTES - (size_t)used, ";byteHardLimit=%" PRId64,
                         t->hard_bytes);
    if (t->has_hard_count)
        snprintf(ret + used, TRACK_BYTES - (size_t)used, ";countHardLimit=%" PRId64, t->hard_count);
}

static json_t *track_object(const struct track *t, bool is_limit)
{
    json_t *object =
        json_pack("{s:I, s:I}", "count", (json_int_t)t->count, "bytes", (json_int_t)t->bytes);
    if (object && is_limit) {
        (void)json_object_set_new(object, "countHardLimit", json_integer(t->hard_count));
        (void)json_object_set_new(object, "byteHardLimit", json_integer(t->hard_bytes));
    }
    return object;
}

static int read_track(struct rk_cli *cli, const char *path, struct track *ret)
{
    struct rk_cli_value value;
    int rc = rk_cli_get(cli, NULL, path, false, &value, NULL);

    if (rc == ZOK) {
        *ret = parse_track(value.data);
        rk_cli_value_free(&value);
    }
    return rc;
}

/* -- Paths --------------------------------------------------------------------------------------
 */

/* Of the quota nodes of one node; all malloced. */
struct places {
    char *node; /* /zookeeper/quota + path */
    char *limits;
    char *stats;
};

static void free_places(struct places *p)
{
    free(p->node);
    free(p->limits);
    free(p->stats);
}

static bool find_places(const char *path, struct places *ret)
{
    memset(ret, 0, sizeof *ret);
    if (asprintf(&ret->node, "%s%s", QUOTA, path) < 0)
        ret->node = NULL;
    if (asprintf(&ret->limits, "%s%s/%s", QUOTA, path, LIMITS) < 0)
        ret->limits = NULL;
    if (asprintf(&ret->stats, "%s%s/%s", QUOTA, path, STATS) < 0)
        ret->stats = NULL;
    if (ret->node && ret->limits && ret->stats)
        return true;
    free_places(ret);
    return false;
}

/* Of paths that are made here, as zkCli's calls refuse them: for the quota of "/". */
static const char *problem_of(const char *path)
{
    static char buffer[300];
    return rk_cli_path_problem(path, false, buffer, sizeof buffer);
}

/* -- setquota -----------------------------------------------------------------------------------
 */

/* What keeps this node from having a quota: another one above or below it. */
struct rival {
    const struct places *own;
    char *path; /* malloced; NULL: none */
};

static int look_for_limits(struct rk_cli *cli, const char *quota_path, void *context)
{
    struct rival *rival = context;
    size_t bytes = strlen(quota_path), tail = strlen("/" LIMITS);

    (void)cli;
    if (bytes > tail && strcmp(quota_path + bytes - tail, "/" LIMITS) == 0 &&
        strcmp(quota_path, rival->own->limits) != 0) {
        rival->path = strndup(quota_path + strlen(QUOTA), bytes - tail - strlen(QUOTA));
        return ZNODEEXISTS;
    }
    return ZOK;
}

/* ZOK: no quota above path; ZNODEEXISTS: *ret_above. */
static int look_above(struct rk_cli *cli, const char *path, char **ret_above)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *above = strndup(path, (size_t)(slash - path));
        struct places places;
        int rc;
        if (!above || !find_places(above, &places)) {
            free(above);
            return ZSYSTEMERROR;
        }
        rc = rk_cli_exists(cli, NULL, places.limits, false, NULL);
        free_places(&places);
        if (rc == ZOK) {
            *ret_above = above;
            return ZNODEEXISTS;
        }
        free(above);
        if (rc != ZNONODE)
            return rc;
    }
    return ZOK;
}

/* RK_CLI_OK, else an error was printed. */
static int check_rivals(struct rk_cli *cli, const char *path, const struct places *places)
{
    struct rival rival = {places, NULL};
    char *above = NULL;
    int rc = rk_cli_visit(cli, places->node, false, look_for_limits, &rival);
    int code = RK_CLI_OK;

    if (rc == ZNONODE)
        rc = ZOK;
    if (rc == ZOK)
        rc = look_above(cli, path, &above);
    if (rival.path || above)
        code = rk_cli_error(cli, "%s has a %s %s which has a quota", path,
                            rival.path ? "child" : "parent", rival.path ? rival.path : above);
    else if (rc != ZOK)
        code = rk_cli_fail(cli, rc, places->node);
    free(rival.path);
    free(above);
    return code;
}

static void warn_if_over(struct rk_cli *cli, const struct track *limit, const struct track *used)
{
    if ((limit->count > -1 && limit->count < used->count) ||
        (limit->hard_count > -1 && limit->hard_count < used->count))
        rk_cli_print(
            cli,
            "[Warning]: the count quota you create is less than the existing count:%" PRId64 "\n",
            used->count);
    if ((limit->bytes > -1 && limit->bytes < used->bytes) ||
        (limit->hard_bytes > -1 && limit->hard_bytes < used->bytes))
        rk_cli_print(
            cli,
            "[Warning]: the bytes quota you create is less than the existing bytes:%" PRId64 "\n",
            used->bytes);
}

/* A node that may be there already. */
static int make_node(struct rk_cli *cli, const char *path, const char *data)
{
    int rc = rk_cli_create(cli, NULL, path, data, data ? (int)strlen(data) : -1, NULL,
                           ZOO_PERSISTENT, 0, NULL);
    return rc == ZNODEEXISTS ? ZOK : rc;
}

static int make_way(struct rk_cli *cli, const char *quota_node)
{
    const char *at = quota_node;
    int rc = ZOK;

    do {
        char *path;
        at = strchr(at + 1, '/');
        path = at ? strndup(quota_node, (size_t)(at - quota_node)) : strdup(quota_node);
        if (!path)
            return ZSYSTEMERROR;
        rc = rk_cli_exists(cli, NULL, path, false, NULL);
        if (rc == ZNONODE)
            rc = make_node(cli, path, NULL);
        free(path);
    } while (rc == ZOK && at);
    return rc;
}

static void merge(struct track *into, const struct track *wanted)
{
    if (wanted->count > -1)
        into->count = wanted->count;
    if (wanted->bytes > -1)
        into->bytes = wanted->bytes;
    if (wanted->hard_count > -1)
        into->hard_count = wanted->hard_count;
    if (wanted->hard_bytes > -1)
        into->hard_bytes = wanted->hard_bytes;
    into->has_hard_count = into->has_hard_bytes = true;
}

static int write_quota(struct rk_cli *cli, const struct places *places, const struct track *wanted)
{
    struct track limit, used;
    char text[TRACK_BYTES];
    int rc = make_way(cli, places->node);

    if (rc != ZOK)
        return rc;
    rc = read_track(cli, places->limits, &limit);
    if (rc == ZNONODE) {
        format_track(wanted, text);
        rc = make_node(cli, places->limits, text);
        if (rc == ZOK)
            rc = make_node(cli, places->stats, "count=0,bytes=0");
        if (rc == ZOK)
            rc = read_track(cli, places->stats, &used);
        if (rc == ZOK)
            warn_if_over(cli, wanted, &used);
        return rc;
    }
    if (rc == ZOK)
        rc = read_track(cli, places->stats, &used);
    if (rc != ZOK)
        return rc;
    merge(&limit, wanted);
    warn_if_over(cli, &limit, &used);
    format_track(&limit, text);
    return rk_cli_set(cli, NULL, places->limits, text, (int)strlen(text), -1, NULL);
}

/* ZK: SetQuotaCommand.checkOptionValue. */
static bool read_quota(struct rk_cli *cli, const struct rk_cli_args *args, struct track *ret)
{
    static const char *const names[] = {"n", "b", "N", "B"};
    int64_t *const values[] = {&ret->count, &ret->bytes, &ret->hard_count, &ret->hard_bytes};

    *ret = (struct track){-1, -1, -1, -1, true, true};
    for (int i = 0; i < 4; i++) {
        bool is_bytes = i % 2 == 1;
        const char *text = rk_cli_flag(args, names[i], NULL);
        int64_t value;
        if (!text)
            continue;
        if (!rk_cli_number(text, is_bytes ? INT64_MIN : INT32_MIN, is_bytes ? INT64_MAX : INT32_MAX,
                           &value)) {
            rk_cli_misuse(cli, "NumberFormatException happens when parsing the option value");
            return false;
        }
        if (is_bytes ? value < 0 : value <= 0) {
            rk_cli_misuse(cli, is_bytes ? "the bytes quota must be greater than or equal to zero"
                                        : "the num quota must be greater than zero");
            return false;
        }
        *values[i] = value;
    }
    return true;
}

static int run_setquota(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    struct places places;
    struct track wanted;
    int rc, code;

    if (strncmp(path, QUOTA, strlen(QUOTA)) == 0)
        return rk_cli_error(cli, "cannot set a quota under the path: %s", QUOTA);
    if (!read_quota(cli, args, &wanted))
        return RK_CLI_USAGE;
    rc = rk_cli_exists(cli, NULL, path, false, NULL);
    if (rc == ZNONODE)
        return rk_cli_error(cli, "%s does not exist.", path);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    if (!find_places(path, &places))
        return rk_cli_error(cli, "out of memory");
    if (problem_of(places.node)) {
        code = rk_cli_misuse(cli, "%s", problem_of(places.node));
    } else {
        code = check_rivals(cli, path, &places);
        if (code == RK_CLI_OK)
            code = rk_cli_fail(cli, write_quota(cli, &places, &wanted), path);
    }
    free_places(&places);
    return code;
}

static const struct rk_cli_flag setquota_flags[] = {
    {.name = "n", .value = "val", .help = "num soft quota", .group = 'q'},
    {.name = "b", .value = "val", .help = "bytes soft quota", .group = 'q'},
    {.name = "N", .value = "val", .help = "num hard quota", .group = 'q'},
    {.name = "B", .value = "val", .help = "bytes hard quota", .group = 'q'},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_setquota = {
    .name = "setquota",
    .usage = "-n|-b|-N|-B val path",
    .summary = "limit how many nodes or bytes a subtree may have",
    .help = "The server warns in its log of what is over a soft limit, and refuses what would be "
            "over a hard one if it "
            "is set up so (enforceQuota).",
    .flags = setquota_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .traits = RK_CLI_GROUP_NEEDED,
    .run = run_setquota,
};

/* -- listquota ----------------------------------------------------------------------------------
 */

static int list_quota(struct rk_cli *cli, const char *path, const char *safe,
                      const struct places *places)
{
    struct track limit, used;
    char text[TRACK_BYTES];
    int rc;

    if (problem_of(places->limits))
        return rk_cli_misuse(cli, "%s", problem_of(places->limits));
    rc = read_track(cli, places->limits, &limit);
    if (rc == ZOK)
        rc = read_track(cli, places->stats, &used);
    if (rc == ZNONODE)
        return rk_cli_error(cli, "quota for %s does not exist.", safe);
    if (rc != ZOK)
        return rk_cli_fail(cli, rc, path);
    format_track(&limit, text);
    rk_cli_print(cli, "Output quota for %s %s\n", safe, text);
    format_track(&used, text);
    rk_cli_print(cli, "Output stat for %s %s\n", safe, text);
    rk_cli_emit(cli, json_pack("{s:o, s:o, s:o}", "path", rk_cli_json_text(path), "quota",
                               track_object(&limit, true), "used", track_object(&used, false)));
    return RK_CLI_OK;
}

static int run_listquota(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    struct places places;
    char *safe = rk_cli_safe(path, strlen(path));
    int code;

    if (!safe || !find_places(path, &places)) {
        free(safe);
        return rk_cli_error(cli, "out of memory");
    }
    rk_cli_note(cli, "absolute path is %s%s/%s\n", QUOTA, safe, LIMITS);
    code = list_quota(cli, path, safe, &places);
    free_places(&places);
    free(safe);
    return code;
}

const struct rk_cli_command rk_cli_cmd_listquota = {
    .name = "listquota",
    .usage = "path",
    .summary = "print the quota of a node and how much of it is used",
    .help = "-1 is no limit.",
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_listquota,
};

/* -- delquota -----------------------------------------------------------------------------------
 */

/* The limits and every node above them that holds nothing else. */
static int remove_quota(struct rk_cli *cli, const struct places *places)
{
    struct String_vector names;
    char *path = NULL;
    int rc = rk_cli_children(cli, NULL, places->node, false, &names, NULL);

    if (rc != ZOK)
        return rc;
    for (int32_t i = 0; rc == ZOK && i < names.count; i++) {
        char *child = rk_cli_join(places->node, names.data[i]);
        rc = child ? rk_cli_delete(cli, NULL, child, -1) : ZSYSTEMERROR;
        free(child);
    }
    deallocate_String_vector(&names);
    path = rc == ZOK ? strdup(places->node) : NULL;
    while (rc == ZOK && path && strcmp(path, QUOTA) != 0) {
        rc = rk_cli_children(cli, NULL, path, false, &names, NULL);
        if (rc != ZOK)
            break;
        if (names.count > 0) {
            deallocate_String_vector(&names);
            break;
        }
        deallocate_String_vector(&names);
        rc = rk_cli_delete(cli, NULL, path, -1);
        *strrchr(path, '/') = 0;
    }
    free(path);
    return rc;
}

static int clear_limits(struct rk_cli *cli, const struct rk_cli_args *args,
                        const struct places *places)
{
    struct track limit;
    char text[TRACK_BYTES];
    int rc = read_track(cli, places->limits, &limit);

    if (rc != ZOK)
        return rc;
    if (rk_cli_has(args, "n"))
        limit.count = -1;
    if (rk_cli_has(args, "b"))
        limit.bytes = -1;
    if (rk_cli_has(args, "N")) {
        limit.hard_count = -1;
        limit.has_hard_count = true;
    }
    if (rk_cli_has(args, "B")) {
        limit.hard_bytes = -1;
        limit.has_hard_bytes = true;
    }
    format_track(&limit, text);
    return rk_cli_set(cli, NULL, places->limits, text, (int)strlen(text), -1, NULL);
}

static int run_delquota(struct rk_cli *cli, const struct rk_cli_args *args)
{
    const char *path = rk_cli_arg(args, 0);
    bool is_part = rk_cli_has(args, "n") || rk_cli_has(args, "b") || rk_cli_has(args, "N") ||
                   rk_cli_has(args, "B");
    struct places places;
    char *safe;
    int rc, code;

    if (!find_places(path, &places))
        return rk_cli_error(cli, "out of memory");
    if (problem_of(places.limits)) {
        code = rk_cli_misuse(cli, "%s", problem_of(places.limits));
        free_places(&places);
        return code;
    }
    rc = rk_cli_exists(cli, NULL, places.limits, false, NULL);
    safe = rk_cli_safe(path, strlen(path));
    if (rc == ZNONODE) {
        /* ZK: said on stdout, and no error. */
        rk_cli_print(cli, "Quota does not exist for %s\n", safe ? safe : "");
        code = RK_CLI_OK;
    } else {
        if (rc == ZOK)
            rc = is_part ? clear_limits(cli, args, &places) : remove_quota(cli, &places);
        code = rc == ZNONODE ? rk_cli_error(cli, "quota for %s does not exist.", safe ? safe : "")
                             : rk_cli_fail(cli, rc, path);
    }
    free(safe);
    free_places(&places);
    return code;
}

static const struct rk_cli_flag delquota_flags[] = {
    {.name = "n", .help = "num soft quota", .group = 'q'},
    {.name = "b", .help = "bytes soft quota", .group = 'q'},
    {.name = "N", .help = "num hard quota", .group = 'q'},
    {.name = "B", .help = "bytes hard quota", .group = 'q'},
    {.name = NULL},
};
const struct rk_cli_command rk_cli_cmd_delquota = {
    .name = "delquota",
    .usage = "[-n|-b|-N|-B] path",
    .summary = "take away a quota, or one limit of it",
    .flags = delquota_flags,
    .args = "p-",
    .args_min = 1,
    .args_max = -1,
    .run = run_delquota,
};
