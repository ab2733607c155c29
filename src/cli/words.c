/* The words of ZooKeeper's world as zkCli prints them: errors, events, states, Stat, ACL, times,
 * paths. ZK: KeeperException.getCodeMessage, WatchedEvent, StatPrinter, ZKUtil.getPermString,
 * AclParser, PathUtils.validatePath. */
#include "cli/cli_int.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- Errors -------------------------------------------------------------------------------------
 */

/* Later than zookeeper.h of 3.8. */
#define QUOTA_EXCEEDED (-125)

static const struct error {
    int rc;
    const char *name, *text;
    const char *sentence; /* of zkCli, before the path; NULL: "KeeperErrorCode = ..." */
} errors[] = {
    {ZSYSTEMERROR, "SYSTEMERROR", "SystemError", NULL},
    {ZRUNTIMEINCONSISTENCY, "RUNTIMEINCONSISTENCY", "RuntimeInconsistency", NULL},
    {ZDATAINCONSISTENCY, "DATAINCONSISTENCY", "DataInconsistency", NULL},
    {ZCONNECTIONLOSS, "CONNECTIONLOSS", "ConnectionLoss", NULL},
    {ZMARSHALLINGERROR, "MARSHALLINGERROR", "MarshallingError", NULL},
    {ZUNIMPLEMENTED, "UNIMPLEMENTED", "Unimplemented", NULL},
    {ZOPERATIONTIMEOUT, "OPERATIONTIMEOUT", "OperationTimeout", NULL},
    {ZBADARGUMENTS, "BADARGUMENTS", "BadArguments", "Arguments are not valid : "},
    {ZINVALIDSTATE, "INVALIDSTATE", "the session has ended", NULL},
    {ZNEWCONFIGNOQUORUM, "NEWCONFIGNOQUORUM", "NewConfigNoQuorum",
     "No quorum of new config is connected and up-to-date with the leader of last committed config"
     " - try invoking reconfiguration after new servers are connected and synced"},
    {ZRECONFIGINPROGRESS, "RECONFIGINPROGRESS", "ReconfigInProgress",
     "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"},
    {ZAPIERROR, "APIERROR", "APIError", NULL},
    {ZNONODE, "NONODE", "NoNode", "Node does not exist: "},
    {ZNOAUTH, "NOAUTH", "NoAuth", "Insufficient permission : "},
    {ZBADVERSION, "BADVERSION", "BadVersion", "version No is not valid : "},
    {ZNOCHILDRENFOREPHEMERALS, "NOCHILDRENFOREPHEMERALS", "NoChildrenForEphemerals",
     "Ephemerals cannot have children: "},
    {ZNODEEXISTS, "NODEEXISTS", "NodeExists", "Node already exists: "},
    {ZNOTEMPTY, "NOTEMPTY", "Directory not empty", "Node not empty: "},
    {ZSESSIONEXPIRED, "SESSIONEXPIRED", "Session expired", NULL},
    {ZINVALIDCALLBACK, "INVALIDCALLBACK", "Invalid callback", NULL},
    {ZINVALIDACL, "INVALIDACL", "InvalidACL", "Acl is not valid : "},
    {ZAUTHFAILED, "AUTHFAILED", "AuthFailed", NULL},
    {ZCLOSING, "CLOSING", "the session was closed", NULL},
    {ZSESSIONMOVED, "SESSIONMOVED", "Session moved", NULL},
    {ZNOTREADONLY, "NOTREADONLY", "Not a read-only call", "Not a read-only call: "},
    {ZEPHEMERALONLOCALSESSION, "EPHEMERALONLOCALSESSION", "Ephemeral node on local session", NULL},
    {ZNOWATCHER, "NOWATCHER", "No such watcher", NULL},
    {ZRECONFIGDISABLED, "RECONFIGDISABLED", "Reconfig is disabled", NULL},
    {ZSESSIONCLOSEDREQUIRESASLAUTH, "SESSIONCLOSEDREQUIRESASLAUTH",
     "Session closed because client failed to authenticate", NULL},
    {QUOTA_EXCEEDED, "QUOTAEXCEEDED", "Quota has exceeded", "Quota has exceeded : "},
    {ZTHROTTLEDOP, "THROTTLEDOP", "Op throttled due to high load", NULL},
};

static const struct error *find_error(int rc)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].rc == rc)
            return &errors[i];
    return NULL;
}

const char *rk_cli_error_name(int rc)
{
    const struct error *e = find_error(rc);
    return e ? e->name : "UNKNOWN";
}

const char *rk_cli_error_text(int rc)
{
    const struct error *e = find_error(rc);
    return e ? e->text : "Unknown error";
}

int rk_cli_exit_of(int rc)
{
    switch (rc) {
    case ZOK:
        return RK_CLI_OK;
    case RK_CLI_CUT:
        return RK_CLI_STOPPED;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZINVALIDSTATE:
    case ZSESSIONEXPIRED:
    case ZSESSIONMOVED:
    case ZCLOSING:
        return RK_CLI_NOT_CONNECTED;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZSESSIONCLOSEDREQUIRESASLAUTH:
        return RK_CLI_DENIED;
    default:
        return RK_CLI_FAILED;
    }
}

/* ZK: CliWrapperException.getMessage. */
static char *sentence_of(int rc, const char *path)
{
    const struct error *e = find_error(rc);
    const char *before = path ? " for " : "";
    char *text = NULL;
    int done;

    if (e && e->sentence && e->sentence[strlen(e->sentence) - 1] != ' ')
        done = asprintf(&text, "%s", e->sentence);
    else if (e && e->sentence)
        done = asprintf(&text, "%s%s", e->sentence, path ? path : "null");
    else if (!e)
        done =
            asprintf(&text, "KeeperErrorCode = Unknown error %d%s%s", rc, before, path ? path : "");
    else
        done = asprintf(&text, "KeeperErrorCode = %s%s%s", e->text, before, path ? path : "");
    return done < 0 ? NULL : text;
}

int rk_cli_fail(struct rk_cli *cli, int rc, const char *path)
{
    char *text;

    if (rc == ZOK || rc == RK_CLI_CUT)
        return rk_cli_exit_of(rc);
    text = sentence_of(rc, path);
    if (rk_cli_is_json(cli)) {
        json_t *error = json_pack("{s:s, s:i, s:o}", "name", rk_cli_error_name(rc), "code", rc,
                                  "message", rk_cli_json_text(text ? text : "out of memory"));
        if (error && path)
            (void)json_object_set_new(error, "path", rk_cli_json_text(path));
        rk_cli_emit(cli, json_pack("{s:o}", "error", error));
    } else {
        rk_cli_error(cli, "%s", text ? text : "out of memory");
    }
    free(text);
    return rk_cli_exit_of(rc);
}

/* -- Events and states --------------------------------------------------------------------------
 */

const char *rk_cli_event_name(int type)
{
    switch (type) {
    case -1:
        return "None";
    case 1:
        return "NodeCreated";
    case 2:
        return "NodeDeleted";
    case 3:
        return "NodeDataChanged";
    case 4:
        return "NodeChildrenChanged";
    case RK_CLI_EVENT_DATA_REMOVED:
        return "DataWatchRemoved";
    case RK_CLI_EVENT_CHILD_REMOVED:
        return "ChildWatchRemoved";
    case RK_CLI_EVENT_GONE:
        return "PersistentWatchRemoved";
    default:
        return "Unknown";
    }
}

const char *rk_cli_state_name(int state)
{
    if (state == ZOO_CONNECTED_STATE)
        return "SyncConnected";
    if (state == ZOO_READONLY_STATE)
        return "ConnectedReadOnly";
    if (state == ZOO_EXPIRED_SESSION_STATE)
        return "Expired";
    if (state == ZOO_AUTH_FAILED_STATE)
        return "AuthFailed";
    if (state == RK_CLI_STATE_CLOSED)
        return "Closed";
    return "Disconnected";
}

/* -- Stat, ACL, time ----------------------------------------------------------------------------
 */

/* ZK: java.util.Date.toString. */
void rk_cli_time(int64_t ms, char ret[RK_CLI_TIME_BYTES])
{
    int64_t floor_s = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    time_t seconds = (time_t)floor_s;
    struct tm parts;

    if (!localtime_r(&seconds, &parts) ||
        strftime(ret, RK_CLI_TIME_BYTES, "%a %b %d %H:%M:%S %Z %Y", &parts) == 0)
        snprintf(ret, RK_CLI_TIME_BYTES, "%" PRId64 " ms", ms);
}

void rk_cli_put_stat(struct rk_cli *cli, const struct Stat *s)
{
    char ctime_text[RK_CLI_TIME_BYTES], mtime_text[RK_CLI_TIME_BYTES];

    rk_cli_time(s->ctime, ctime_text);
    rk_cli_time(s->mtime, mtime_text);
    rk_cli_print(cli,
                 "cZxid = 0x%" PRIx64 "\nctime = %s\nmZxid = 0x%" PRIx64 "\nmtime = %s\n"
                 "pZxid = 0x%" PRIx64 "\ncversion = %d\ndataVersion = %d\naclVersion = %d\n"
                 "ephemeralOwner = 0x%" PRIx64 "\ndataLength = %d\nnumChildren = %d\n",
                 (uint64_t)s->czxid, ctime_text, (uint64_t)s->mzxid, mtime_text, (uint64_t)s->pzxid,
                 s->cversion, s->version, s->aversion, (uint64_t)s->ephemeralOwner, s->dataLength,
                 s->numChildren);
}

static json_t *hex(int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)value);
    return json_string(text);
}

json_t *rk_cli_json_stat(const struct Stat *s)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:i, s:i, s:i, s:o, s:i, s:i, s:o}", "czxid",
                     hex(s->czxid), "mzxid", hex(s->mzxid), "ctime", (json_int_t)s->ctime, "mtime",
                     (json_int_t)s->mtime, "version", s->version, "cversion", s->cversion,
                     "aversion", s->aversion, "ephemeralOwner", hex(s->ephemeralOwner),
                     "dataLength", s->dataLength, "numChildren", s->numChildren, "pzxid",
                     hex(s->pzxid));
}

void rk_cli_perms(int32_t perms, char ret[6])
{
    static const struct {
        int32_t bit;
        char letter;
    } letters[] = {{4, 'c'}, {8, 'd'}, {1, 'r'}, {2, 'w'}, {16, 'a'}};

    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (perms & letters[i].bit)
            *ret++ = letters[i].letter;
    *ret = 0;
}

void rk_cli_put_acl(struct rk_cli *cli, const struct ACL_vector *acl)
{
    for (int32_t i = 0; i < acl->count; i++) {
        char perms[6];
        rk_cli_perms(acl->data[i].perms, perms);
        rk_cli_print(cli, "'");
        rk_cli_put_name(cli, acl->data[i].id.scheme);
        rk_cli_print(cli, ",'");
        rk_cli_put_name(cli, acl->data[i].id.id);
        rk_cli_print(cli, "\n: %s\n", perms);
    }
}

json_t *rk_cli_json_acl(const struct ACL_vector *acl)
{
    json_t *list = json_array();

    for (int32_t i = 0; list && i < acl->count; i++) {
        char perms[6];
        rk_cli_perms(acl->data[i].perms, perms);
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:s}", "scheme", rk_cli_json_text(acl->data[i].id.scheme),
                            "id", rk_cli_json_text(acl->data[i].id.id), "perms", perms));
    }
    return list;
}

/* ZK: AclParser.getPermFromString. */
static int32_t parse_perms(struct rk_cli *cli, const char *text, size_t bytes)
{
    int32_t perms = 0;

    for (size_t i = 0; i < bytes; i++) {
        switch (text[i]) {
        case 'r':
            perms |= 1;
            break;
        case 'w':
            perms |= 2;
            break;
        case 'c':
            perms |= 4;
            break;
        case 'd':
            perms |= 8;
            break;
        case 'a':
            perms |= 16;
            break;
        default:
            rk_cli_note(cli, "Unknown perm type: %c\n", text[i]);
        }
    }
    return perms;
}

static bool parse_one_acl(struct rk_cli *cli, const char *text, size_t bytes, struct ACL *acl,
                          bool *ret_is_good)
{
    const char *first = memchr(text, ':', bytes);
    const char *last = memrchr(text, ':', bytes);

    *ret_is_good = first && first != last;
    if (!*ret_is_good) {
        rk_cli_note(cli, "%.*s does not have the form scheme:id:perm\n", (int)bytes, text);
        return true;
    }
    acl->perms = parse_perms(cli, last + 1, (size_t)(text + bytes - last) - 1);
    acl->id.scheme = strndup(text, (size_t)(first - text));
    acl->id.id = strndup(first + 1, (size_t)(last - first) - 1);
    return acl->id.scheme && acl->id.id;
}

bool rk_cli_parse_acl(struct rk_cli *cli, const char *text, struct ACL_vector *ret)
{
    struct ACL_vector acl = {0, NULL};
    const char *end = text + strlen(text);
    size_t commas = 1;
    bool is_fine = true;

    /* ZK: String.split: nothing is between the last commas. */
    while (end > text && end[-1] == ',')
        end--;
    for (const char *at = text; at < end; at++)
        commas += *at == ',';
    acl.data = calloc(commas, sizeof *acl.data);
    if (!acl.data)
        return false;
    while (is_fine && text < end) {
        size_t bytes = strcspn(text, ",");
        bool is_good = false;
        is_fine = parse_one_acl(cli, text, bytes, &acl.data[acl.count], &is_good);
        acl.count += is_good;
        text += bytes + (text[bytes] == ',');
    }
    if (!is_fine) {
        deallocate_ACL_vector(&acl);
        return false;
    }
    *ret = acl;
    return true;
}

/* -- Paths --------------------------------------------------------------------------------------
 */

/* The character at *at, in UTF-16 as Java sees it (the first half of a pair); moves on. Bytes that
 * are no UTF-8 are U+FFFD, as Java's decoder has them. */
static unsigned next_char(const unsigned char **at)
{
    unsigned c = *(*at)++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;

    if (c < 0x80)
        return c;
    if (more == 0 || c > 0xf4)
        return 0xfffd;
    c &= 0x3fu >> more;
    for (; more > 0; more--, (*at)++) {
        if ((**at & 0xc0) != 0x80)
            return 0xfffd;
        c = c << 6 | (**at & 0x3fu);
    }
    return c > 0xffff ? 0xd800 : c;
}

/* What is wrong in the middle; `place` counts characters. */
static const char *problem_at(unsigned c, unsigned before, const unsigned char *behind)
{
    bool is_end = *behind == '/' || *behind == 0;

    if (c == '/' && before == '/')
        return "empty node name specified @";
    if (c == '.' && before == '/' &&
        (is_end || (*behind == '.' && (behind[1] == '/' || !behind[1]))))
        return "relative paths not allowed @";
    if ((c > 0 && c <= 0x1f) || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) ||
        (c >= 0xfff0 && c <= 0xffff))
        return "invalid character @";
    return NULL;
}

const char *rk_cli_path_problem(const char *path, bool is_sequential, char *buffer, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)path + 1;
    unsigned before = '/';
    size_t length = strlen(path);
    char *safe;

    if (is_sequential) {
        /* ZK: the server will append digits: one of them is looked at. */
        const char *why = NULL;
        char *whole = NULL;
        if (asprintf(&whole, "%s1", path) >= 0)
            why = rk_cli_path_problem(whole, false, buffer, bytes);
        free(whole);
        return why;
    }
    if (length == 0)
        return "Path length must be > 0";
    if (path[0] != '/')
        return "Path must start with / character";
    if (length == 1)
        return NULL;
    if (path[length - 1] == '/')
        return "Path must not end with / character";
    for (size_t place = 1; *at; place++) {
        unsigned c = next_char(&at);
        const char *why = problem_at(c, before, at);
        if (why) {
            bool is_up = why[0] == 'r' && *at == '.';
            safe = rk_cli_safe(path, length);
            snprintf(buffer, bytes, "Invalid path string \"%.200s\" caused by %s%zu",
                     safe ? safe : "", why, place + is_up);
            free(safe);
            return buffer;
        }
        before = c;
    }
    return NULL;
}
