/* The records of the protocol as C structures, with their functions:
 *
 * serialize_X   appends to an oarchive, deserialize_X takes from an iarchive (results as in
 *               recordio.h; after a failure deallocate_X frees what was read so far)
 * deallocate_X  frees what deserialising allocated; the structure itself is the caller's
 * allocate_X    a vector of len elements, zeroed; 0, or -ENOMEM */
#ifndef __ZOOKEEPER_JUTE__
#define __ZOOKEEPER_JUTE__

#include "recordio.h"

#define ZOO_JUTE(name)                                                                             \
    ZOOAPI int serialize_##name(struct oarchive *out, const char *tag, struct name *v);            \
    ZOOAPI int deserialize_##name(struct iarchive *in, const char *tag, struct name *v);           \
    ZOOAPI void deallocate_##name(struct name *v);
#define ZOO_JUTE_VECTOR(name)                                                                      \
    ZOOAPI int serialize_##name(struct oarchive *out, const char *tag, struct name *v);            \
    ZOOAPI int deserialize_##name(struct iarchive *in, const char *tag, struct name *v);           \
    ZOOAPI int allocate_##name(struct name *v, int32_t len);                                       \
    ZOOAPI int deallocate_##name(struct name *v);

#ifdef __cplusplus
extern "C" {
#endif

struct Id {
    char *scheme, *id;
};
ZOO_JUTE(Id)
struct ACL {
    int32_t perms;
    struct Id id;
};
ZOO_JUTE(ACL)
struct Stat {
    int64_t czxid, mzxid, ctime, mtime;
    int32_t version, cversion, aversion;
    int64_t ephemeralOwner;
    int32_t dataLength, numChildren;
    int64_t pzxid;
};
ZOO_JUTE(Stat)
struct StatPersisted {
    int64_t czxid, mzxid, ctime, mtime;
    int32_t version, cversion, aversion;
    int64_t ephemeralOwner, pzxid;
};
ZOO_JUTE(StatPersisted)
struct ClientInfo {
    char *authScheme, *user;
};
ZOO_JUTE(ClientInfo)
struct ConnectRequest {
    int32_t protocolVersion;
    int64_t lastZxidSeen;
    int32_t timeOut;
    int64_t sessionId;
    struct buffer passwd;
    int32_t readOnly; /* since 3.9 */
};
ZOO_JUTE(ConnectRequest)
struct ConnectResponse {
    int32_t protocolVersion, timeOut;
    int64_t sessionId;
    struct buffer passwd;
    int32_t readOnly; /* since 3.9 */
};
ZOO_JUTE(ConnectResponse)
struct String_vector {
    int32_t count;
    char **data;
};
ZOO_JUTE_VECTOR(String_vector)
struct SetWatches {
    int64_t relativeZxid;
    struct String_vector dataWatches;
    struct String_vector existWatches;
    struct String_vector childWatches;
};
ZOO_JUTE(SetWatches)
struct SetWatches2 {
    int64_t relativeZxid;
    struct String_vector dataWatches;
    struct String_vector existWatches;
    struct String_vector childWatches;
    struct String_vector persistentWatches;
    struct String_vector persistentRecursiveWatches;
};
ZOO_JUTE(SetWatches2)
struct RequestHeader {
    int32_t xid, type;
};
ZOO_JUTE(RequestHeader)
struct MultiHeader {
    int32_t type, done, err;
};
ZOO_JUTE(MultiHeader)
struct AuthPacket {
    int32_t type;
    char *scheme;
    struct buffer auth;
};
ZOO_JUTE(AuthPacket)
struct ReplyHeader {
    int32_t xid;
    int64_t zxid;
    int32_t err;
};
ZOO_JUTE(ReplyHeader)
struct GetDataRequest {
    char *path;
    int32_t watch;
};
ZOO_JUTE(GetDataRequest)
struct SetDataRequest {
    char *path;
    struct buffer data;
    int32_t version;
};
ZOO_JUTE(SetDataRequest)
struct ReconfigRequest {
    char *joiningServers, *leavingServers, *newMembers;
    int64_t curConfigId;
};
ZOO_JUTE(ReconfigRequest)
struct SetDataResponse {
    struct Stat stat;
};
ZOO_JUTE(SetDataResponse)
struct GetSASLRequest {
    struct buffer token;
};
ZOO_JUTE(GetSASLRequest)
struct SetSASLRequest {
    struct buffer token;
};
ZOO_JUTE(SetSASLRequest)
struct SetSASLResponse {
    struct buffer token;
};
ZOO_JUTE(SetSASLResponse)
struct ACL_vector {
    int32_t count;
    struct ACL *data;
};
ZOO_JUTE_VECTOR(ACL_vector)

#ifdef __cplusplus
}
#endif

#include "zookeeper_request.jute.h"
#include "zookeeper_server.jute.h"
#endif
