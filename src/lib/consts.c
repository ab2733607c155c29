/* The constants of the C interface, as data of the library: programs compiled long ago hold copies
 * of them by size (copy relocations), so neither sizes nor values may change. */
#include "zookeeper/zookeeper.h"

#include <string.h>

const int ZOOKEEPER_WRITE = 1 << 0;
const int ZOOKEEPER_READ = 1 << 1;

const int ZOO_PERSISTENT = 0;
const int ZOO_EPHEMERAL = 1;
const int ZOO_PERSISTENT_SEQUENTIAL = 2;
const int ZOO_EPHEMERAL_SEQUENTIAL = 3;
const int ZOO_CONTAINER = 4;
const int ZOO_PERSISTENT_WITH_TTL = 5;
const int ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL = 6;
const int ZOO_SEQUENCE = 1 << 1;

const int ZOO_EXPIRED_SESSION_STATE = -112;
const int ZOO_AUTH_FAILED_STATE = -113;
const int ZOO_CONNECTING_STATE = 1;
const int ZOO_ASSOCIATING_STATE = 2;
const int ZOO_CONNECTED_STATE = 3;
const int ZOO_READONLY_STATE = 5;
const int ZOO_SSL_CONNECTING_STATE = 7;
const int ZOO_NOTCONNECTED_STATE = 999;

const int ZOO_CREATED_EVENT = 1;
const int ZOO_DELETED_EVENT = 2;
const int ZOO_CHANGED_EVENT = 3;
const int ZOO_CHILD_EVENT = 4;
const int ZOO_SESSION_EVENT = -1;
const int ZOO_NOTWATCHING_EVENT = -2;

const int ZOO_PERM_READ = 1 << 0;
const int ZOO_PERM_WRITE = 1 << 1;
const int ZOO_PERM_CREATE = 1 << 2;
const int ZOO_PERM_DELETE = 1 << 3;
const int ZOO_PERM_ADMIN = 1 << 4;
const int ZOO_PERM_ALL = 0x1f;

/* The interface has no const here; nobody may write to them all the same. */
struct Id ZOO_ANYONE_ID_UNSAFE = {(char *)"world", (char *)"anyone"};
struct Id ZOO_AUTH_IDS = {(char *)"auth", (char *)""};
static struct ACL open_acl[] = {{0x1f, {(char *)"world", (char *)"anyone"}}};
static struct ACL read_acl[] = {{0x01, {(char *)"world", (char *)"anyone"}}};
static struct ACL creator_acl[] = {{0x1f, {(char *)"auth", (char *)""}}};
struct ACL_vector ZOO_OPEN_ACL_UNSAFE = {1, open_acl};
struct ACL_vector ZOO_READ_ACL_UNSAFE = {1, read_acl};
struct ACL_vector ZOO_CREATOR_ALL_ACL = {1, creator_acl};

static const struct {
    int code;
    const char *text;
} texts[] = {
    {ZOK, "ok"},
    {ZSYSTEMERROR, "system error"},
    {ZRUNTIMEINCONSISTENCY, "run time inconsistency"},
    {ZDATAINCONSISTENCY, "data inconsistency"},
    {ZCONNECTIONLOSS, "connection loss"},
    {ZMARSHALLINGERROR, "marshalling error"},
    {ZUNIMPLEMENTED, "unimplemented"},
    {ZOPERATIONTIMEOUT, "operation timeout"},
    {ZBADARGUMENTS, "bad arguments"},
    {ZINVALIDSTATE, "invalid zhandle state"},
    {ZNEWCONFIGNOQUORUM,
     "no quorum of new config is connected and up-to-date with the leader of last committed config "
     "- try invoking reconfiguration after new servers are connected and synced"},
    {ZRECONFIGINPROGRESS,
     "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"},
    {ZSSLCONNECTIONERROR, "tls connection error"},
    {ZAPIERROR, "api error"},
    {ZNONODE, "no node"},
    {ZNOAUTH, "not authenticated"},
    {ZBADVERSION, "bad version"},
    {ZNOCHILDRENFOREPHEMERALS, "no children for ephemerals"},
    {ZNODEEXISTS, "node exists"},
    {ZNOTEMPTY, "not empty"},
    {ZSESSIONEXPIRED, "session expired"},
    {ZINVALIDCALLBACK, "invalid callback"},
    {ZINVALIDACL, "invalid acl"},
    {ZAUTHFAILED, "authentication failed"},
    {ZCLOSING, "zookeeper is closing"},
    {ZNOTHING, "(not error) no server responses to process"},
    {ZSESSIONMOVED, "session moved to another server, so operation is ignored"},
    {ZNOTREADONLY, "state-changing request is passed to read-only server"},
    {ZEPHEMERALONLOCALSESSION, "attempt to create ephemeral node on a local session"},
    {ZNOWATCHER, "the watcher couldn't be found"},
    {ZRECONFIGDISABLED,
     "attempts to perform a reconfiguration operation when reconfiguration feature is disable"},
    {ZSESSIONCLOSEDREQUIRESASLAUTH,
     "session closed by server because client is required to do SASL authentication"},
    {ZTHROTTLEDOP, "Operation was throttled due to high load"},
    {-12, "unknown session"},
    {-122, "request timeout"},
    {-125, "quota exceeded"},
};

const char *zerror(int c)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].code == c)
            return texts[i].text;
    }
    return c > 0 ? strerrordesc_np(c) ? strerrordesc_np(c) : "unknown error" : "unknown error";
}

const char *zoo_version_str(void)
{
    return ZOO_VERSION;
}

static void create_init(zoo_op_t *op, int type, const char *path, const char *value, int valuelen,
                        const struct ACL_vector *acl, int mode)
{
    if (mode == ZOO_CONTAINER)
        type = ZOO_CREATE_CONTAINER_OP;
    if (mode == ZOO_PERSISTENT_WITH_TTL || mode == ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL)
        type = ZOO_CREATE_TTL_OP;
    *op = (zoo_op_t){.type = type};
    op->create_op.path = path;
    op->create_op.data = value;
    op->create_op.datalen = valuelen;
    op->create_op.acl = acl;
    op->create_op.flags = mode;
}

void zoo_create_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                        const struct ACL_vector *acl, int mode, char *path_buffer,
                        int path_buffer_len)
{
    create_init(op, ZOO_CREATE_OP, path, value, valuelen, acl, mode);
    op->create_op.buf = path_buffer;
    op->create_op.buflen = path_buffer_len;
}

void zoo_create2_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                         const struct ACL_vector *acl, int mode, char *path_buffer,
                         int path_buffer_len)
{
    create_init(op, ZOO_CREATE2_OP, path, value, valuelen, acl, mode);
    op->create_op.buf = path_buffer;
    op->create_op.buflen = path_buffer_len;
}

void zoo_delete_op_init(zoo_op_t *op, const char *path, int version)
{
    *op = (zoo_op_t){.type = ZOO_DELETE_OP};
    op->delete_op.path = path;
    op->delete_op.version = version;
}

void zoo_set_op_init(zoo_op_t *op, const char *path, const char *buffer, int buflen, int version,
                     struct Stat *stat)
{
    *op = (zoo_op_t){.type = ZOO_SETDATA_OP};
    op->set_op.path = path;
    op->set_op.data = buffer;
    op->set_op.datalen = buflen;
    op->set_op.version = version;
    op->set_op.stat = stat;
}

void zoo_check_op_init(zoo_op_t *op, const char *path, int version)
{
    *op = (zoo_op_t){.type = ZOO_CHECK_OP};
    op->check_op.path = path;
    op->check_op.version = version;
}
