/* The tables of the records of zookeeper.jute.h and the functions that it declares for each. */
#include "lib/jute.h"

#define COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))
#define FIELD(record, name, type)                                                                  \
    {                                                                                              \
        offsetof(struct record, name), RK_LIB_JUTE_##type, NULL                                    \
    }
#define RECORD(record, name, inner)                                                                \
    {                                                                                              \
        offsetof(struct record, name), RK_LIB_JUTE_RECORD, &shape_##inner                          \
    }
#define JUTE_CODEC(name)                                                                           \
    int serialize_##name(struct oarchive *out, const char *tag, struct name *v)                    \
    {                                                                                              \
        int rc = out->start_record(out, tag);                                                      \
        rc = rc == 0 ? rk_lib_jute_write(&shape_##name, out, v) : rc;                              \
        return rc == 0 ? out->end_record(out, tag) : rc;                                           \
    }                                                                                              \
    int deserialize_##name(struct iarchive *in, const char *tag, struct name *v)                   \
    {                                                                                              \
        int rc = in->start_record(in, tag);                                                        \
        rc = rc == 0 ? rk_lib_jute_read(&shape_##name, in, v) : rc;                                \
        return rc == 0 ? in->end_record(in, tag) : rc;                                             \
    }
#define JUTE(name)                                                                                 \
    JUTE_CODEC(name)                                                                               \
    void deallocate_##name(struct name *v)                                                         \
    {                                                                                              \
        rk_lib_jute_free(&shape_##name, v);                                                        \
    }
#define JUTE_VECTOR(name)                                                                          \
    JUTE_CODEC(name)                                                                               \
    int allocate_##name(struct name *v, int32_t len)                                               \
    {                                                                                              \
        return rk_lib_jute_alloc(&shape_##name, v, len);                                           \
    }                                                                                              \
    int deallocate_##name(struct name *v)                                                          \
    {                                                                                              \
        rk_lib_jute_free(&shape_##name, v);                                                        \
        return 0;                                                                                  \
    }

static const struct rk_lib_jute_field fields_Id[] = {
    FIELD(Id, scheme, STRING),
    FIELD(Id, id, STRING),
};
static const struct rk_lib_jute_shape shape_Id = {fields_Id, COUNT(fields_Id), 0};
JUTE(Id)
static const struct rk_lib_jute_field fields_ACL[] = {
    FIELD(ACL, perms, INT),
    RECORD(ACL, id, Id),
};
static const struct rk_lib_jute_shape shape_ACL = {fields_ACL, COUNT(fields_ACL), 0};
JUTE(ACL)
static const struct rk_lib_jute_field fields_Stat[] = {
    FIELD(Stat, czxid, LONG),      FIELD(Stat, mzxid, LONG),          FIELD(Stat, ctime, LONG),
    FIELD(Stat, mtime, LONG),      FIELD(Stat, version, INT),         FIELD(Stat, cversion, INT),
    FIELD(Stat, aversion, INT),    FIELD(Stat, ephemeralOwner, LONG), FIELD(Stat, dataLength, INT),
    FIELD(Stat, numChildren, INT), FIELD(Stat, pzxid, LONG),
};
static const struct rk_lib_jute_shape shape_Stat = {fields_Stat, COUNT(fields_Stat), 0};
JUTE(Stat)
static const struct rk_lib_jute_field fields_StatPersisted[] = {
    FIELD(StatPersisted, czxid, LONG),   FIELD(StatPersisted, mzxid, LONG),
    FIELD(StatPersisted, ctime, LONG),   FIELD(StatPersisted, mtime, LONG),
    FIELD(StatPersisted, version, INT),  FIELD(StatPersisted, cversion, INT),
    FIELD(StatPersisted, aversion, INT), FIELD(StatPersisted, ephemeralOwner, LONG),
    FIELD(StatPersisted, pzxid, LONG),
};
static const struct rk_lib_jute_shape shape_StatPersisted = {fields_StatPersisted,
                                                             COUNT(fields_StatPersisted), 0};
JUTE(StatPersisted)
static const struct rk_lib_jute_field fields_ClientInfo[] = {
    FIELD(ClientInfo, authScheme, STRING),
    FIELD(ClientInfo, user, STRING),
};
static const struct rk_lib_jute_shape shape_ClientInfo = {fields_ClientInfo,
                                                          COUNT(fields_ClientInfo), 0};
JUTE(ClientInfo)
static const struct rk_lib_jute_field fields_ConnectRequest[] = {
    FIELD(ConnectRequest, protocolVersion, INT), FIELD(ConnectRequest, lastZxidSeen, LONG),
    FIELD(ConnectRequest, timeOut, INT),         FIELD(ConnectRequest, sessionId, LONG),
    FIELD(ConnectRequest, passwd, BUFFER),       FIELD(ConnectRequest, readOnly, BOOL),
};
static const struct rk_lib_jute_shape shape_ConnectRequest = {fields_ConnectRequest,
                                                              COUNT(fields_ConnectRequest), 0};
JUTE(ConnectRequest)
static const struct rk_lib_jute_field fields_ConnectResponse[] = {
    FIELD(ConnectResponse, protocolVersion, INT), FIELD(ConnectResponse, timeOut, INT),
    FIELD(ConnectResponse, sessionId, LONG),      FIELD(ConnectResponse, passwd, BUFFER),
    FIELD(ConnectResponse, readOnly, BOOL),
};
static const struct rk_lib_jute_shape shape_ConnectResponse = {fields_ConnectResponse,
                                                               COUNT(fields_ConnectResponse), 0};
JUTE(ConnectResponse)
static const struct rk_lib_jute_shape shape_String_vector = {NULL, 0, sizeof(char *)};
JUTE_VECTOR(String_vector)
static const struct rk_lib_jute_field fields_SetWatches[] = {
    FIELD(SetWatches, relativeZxid, LONG),
    RECORD(SetWatches, dataWatches, String_vector),
    RECORD(SetWatches, existWatches, String_vector),
    RECORD(SetWatches, childWatches, String_vector),
};
static const struct rk_lib_jute_shape shape_SetWatches = {fields_SetWatches,
                                                          COUNT(fields_SetWatches), 0};
JUTE(SetWatches)
static const struct rk_lib_jute_field fields_SetWatches2[] = {
    FIELD(SetWatches2, relativeZxid, LONG),
    RECORD(SetWatches2, dataWatches, String_vector),
    RECORD(SetWatches2, existWatches, String_vector),
    RECORD(SetWatches2, childWatches, String_vector),
    RECORD(SetWatches2, persistentWatches, String_vector),
    RECORD(SetWatches2, persistentRecursiveWatches, String_vector),
};
static const struct rk_lib_jute_shape shape_SetWatches2 = {fields_SetWatches2,
                                                           COUNT(fields_SetWatches2), 0};
JUTE(SetWatches2)
static const struct rk_lib_jute_field fields_RequestHeader[] = {
    FIELD(RequestHeader, xid, INT),
    FIELD(RequestHeader, type, INT),
};
static const struct rk_lib_jute_shape shape_RequestHeader = {fields_RequestHeader,
                                                             COUNT(fields_RequestHeader), 0};
JUTE(RequestHeader)
static const struct rk_lib_jute_field fields_MultiHeader[] = {
    FIELD(MultiHeader, type, INT),
    FIELD(MultiHeader, done, BOOL),
    FIELD(MultiHeader, err, INT),
};
static const struct rk_lib_jute_shape shape_MultiHeader = {fields_MultiHeader,
                                                           COUNT(fields_MultiHeader), 0};
JUTE(MultiHeader)
static const struct rk_lib_jute_field fields_AuthPacket[] = {
    FIELD(AuthPacket, type, INT),
    FIELD(AuthPacket, scheme, STRING),
    FIELD(AuthPacket, auth, BUFFER),
};
static const struct rk_lib_jute_shape shape_AuthPacket = {fields_AuthPacket,
                                                          COUNT(fields_AuthPacket), 0};
JUTE(AuthPacket)
static const struct rk_lib_jute_field fields_ReplyHeader[] = {
    FIELD(ReplyHeader, xid, INT),
    FIELD(ReplyHeader, zxid, LONG),
    FIELD(ReplyHeader, err, INT),
};
static const struct rk_lib_jute_shape shape_ReplyHeader = {fields_ReplyHeader,
                                                           COUNT(fields_ReplyHeader), 0};
JUTE(ReplyHeader)
static const struct rk_lib_jute_field fields_GetDataRequest[] = {
    FIELD(GetDataRequest, path, STRING),
    FIELD(GetDataRequest, watch, BOOL),
};
static const struct rk_lib_jute_shape shape_GetDataRequest = {fields_GetDataRequest,
                                                              COUNT(fields_GetDataRequest), 0};
JUTE(GetDataRequest)
static const struct rk_lib_jute_field fields_SetDataRequest[] = {
    FIELD(SetDataRequest, path, STRING),
    FIELD(SetDataRequest, data, BUFFER),
    FIELD(SetDataRequest, version, INT),
};
static const struct rk_lib_jute_shape shape_SetDataRequest = {fields_SetDataRequest,
                                                              COUNT(fields_SetDataRequest), 0};
JUTE(SetDataRequest)
static const struct rk_lib_jute_field fields_ReconfigRequest[] = {
    FIELD(ReconfigRequest, joiningServers, STRING),
    FIELD(ReconfigRequest, leavingServers, STRING),
    FIELD(ReconfigRequest, newMembers, STRING),
    FIELD(ReconfigRequest, curConfigId, LONG),
};
static const struct rk_lib_jute_shape shape_ReconfigRequest = {fields_ReconfigRequest,
                                                               COUNT(fields_ReconfigRequest), 0};
JUTE(ReconfigRequest)
static const struct rk_lib_jute_field fields_SetDataResponse[] = {
    RECORD(SetDataResponse, stat, Stat),
};
static const struct rk_lib_jute_shape shape_SetDataResponse = {fields_SetDataResponse,
                                                               COUNT(fields_SetDataResponse), 0};
JUTE(SetDataResponse)
static const struct rk_lib_jute_field fields_GetSASLRequest[] = {
    FIELD(GetSASLRequest, token, BUFFER),
};
static const struct rk_lib_jute_shape shape_GetSASLRequest = {fields_GetSASLRequest,
                                                              COUNT(fields_GetSASLRequest), 0};
JUTE(GetSASLRequest)
static const struct rk_lib_jute_field fields_SetSASLRequest[] = {
    FIELD(SetSASLRequest, token, BUFFER),
};
static const struct rk_lib_jute_shape shape_SetSASLRequest = {fields_SetSASLRequest,
                                                              COUNT(fields_SetSASLRequest), 0};
JUTE(SetSASLRequest)
static const struct rk_lib_jute_field fields_SetSASLResponse[] = {
    FIELD(SetSASLResponse, token, BUFFER),
};
static const struct rk_lib_jute_shape shape_SetSASLResponse = {fields_SetSASLResponse,
                                                               COUNT(fields_SetSASLResponse), 0};
JUTE(SetSASLResponse)
static const struct rk_lib_jute_shape shape_ACL_vector = {fields_ACL, COUNT(fields_ACL),
                                                          sizeof(struct ACL)};
JUTE_VECTOR(ACL_vector)
static const struct rk_lib_jute_field fields_CreateRequest[] = {
    FIELD(CreateRequest, path, STRING),
    FIELD(CreateRequest, data, BUFFER),
    RECORD(CreateRequest, acl, ACL_vector),
    FIELD(CreateRequest, flags, INT),
};
static const struct rk_lib_jute_shape shape_CreateRequest = {fields_CreateRequest,
                                                             COUNT(fields_CreateRequest), 0};
JUTE(CreateRequest)
static const struct rk_lib_jute_field fields_CreateTTLRequest[] = {
    FIELD(CreateTTLRequest, path, STRING),     FIELD(CreateTTLRequest, data, BUFFER),
    RECORD(CreateTTLRequest, acl, ACL_vector), FIELD(CreateTTLRequest, flags, INT),
    FIELD(CreateTTLRequest, ttl, LONG),
};
static const struct rk_lib_jute_shape shape_CreateTTLRequest = {fields_CreateTTLRequest,
                                                                COUNT(fields_CreateTTLRequest), 0};
JUTE(CreateTTLRequest)
static const struct rk_lib_jute_field fields_DeleteRequest[] = {
    FIELD(DeleteRequest, path, STRING),
    FIELD(DeleteRequest, version, INT),
};
static const struct rk_lib_jute_shape shape_DeleteRequest = {fields_DeleteRequest,
                                                             COUNT(fields_DeleteRequest), 0};
JUTE(DeleteRequest)
static const struct rk_lib_jute_field fields_GetChildrenRequest[] = {
    FIELD(GetChildrenRequest, path, STRING),
    FIELD(GetChildrenRequest, watch, BOOL),
};
static const struct rk_lib_jute_shape shape_GetChildrenRequest = {
    fields_GetChildrenRequest, COUNT(fields_GetChildrenRequest), 0};
JUTE(GetChildrenRequest)
static const struct rk_lib_jute_field fields_GetAllChildrenNumberRequest[] = {
    FIELD(GetAllChildrenNumberRequest, path, STRING),
};
static const struct rk_lib_jute_shape shape_GetAllChildrenNumberRequest = {
    fields_GetAllChildrenNumberRequest, COUNT(fields_GetAllChildrenNumberRequest), 0};
JUTE(GetAllChildrenNumberRequest)
static const struct rk_lib_jute_field fields_GetChildren2Request[] = {
    FIELD(GetChildren2Request, path, STRING),
    FIELD(GetChildren2Request, watch, BOOL),
};
static const struct rk_lib_jute_shape shape_GetChildren2Request = {
    fields_GetChildren2Request, COUNT(fields_GetChildren2Request), 0};
JUTE(GetChildren2Request)
static const struct rk_lib_jute_field fields_CheckVersionRequest[] = {
    FIELD(CheckVersionRequest, path, STRING),
    FIELD(CheckVersionRequest, version, INT),
};
static const struct rk_lib_jute_shape shape_CheckVersionRequest = {
    fields_CheckVersionRequest, COUNT(fields_CheckVersionRequest), 0};
JUTE(CheckVersionRequest)
static const struct rk_lib_jute_field fields_GetMaxChildrenRequest[] = {
    FIELD(GetMaxChildrenRequest, path, STRING),
};
static const struct rk_lib_jute_shape shape_GetMaxChildrenRequest = {
    fields_GetMaxChildrenRequest, COUNT(fields_GetMaxChildrenRequest), 0};
JUTE(GetMaxChildrenRequest)
static const struct rk_lib_jute_field fields_GetMaxChildrenResponse[] = {
    FIELD(GetMaxChildrenResponse, max, INT),
};
static const struct rk_lib_jute_shape shape_GetMaxChildrenResponse = {
    fields_GetMaxChildrenResponse, COUNT(fields_GetMaxChildrenResponse), 0};
JUTE(GetMaxChildrenResponse)
static const struct rk_lib_jute_field fields_SetMaxChildrenRequest[] = {
    FIELD(SetMaxChildrenRequest, path, STRING),
    FIELD(SetMaxChildrenRequest, max, INT),
};
static const struct rk_lib_jute_shape shape_SetMaxChildrenRequest = {
    fields_SetMaxChildrenRequest, COUNT(fields_SetMaxChildrenRequest), 0};
JUTE(SetMaxChildrenRequest)
static const struct rk_lib_jute_field fields_SyncRequest[] = {
    FIELD(SyncRequest, path, STRING),
};
static const struct rk_lib_jute_shape shape_SyncRequest = {fields_SyncRequest,
                                                           COUNT(fields_SyncRequest), 0};
JUTE(SyncRequest)
static const struct rk_lib_jute_field fields_SyncResponse[] = {
    FIELD(SyncResponse, path, STRING),
};
static const struct rk_lib_jute_shape shape_SyncResponse = {fields_SyncResponse,
                                                            COUNT(fields_SyncResponse), 0};
JUTE(SyncResponse)
static const struct rk_lib_jute_field fields_GetACLRequest[] = {
    FIELD(GetACLRequest, path, STRING),
};
static const struct rk_lib_jute_shape shape_GetACLRequest = {fields_GetACLRequest,
                                                             COUNT(fields_GetACLRequest), 0};
JUTE(GetACLRequest)
static const struct rk_lib_jute_field fields_SetACLRequest[] = {
    FIELD(SetACLRequest, path, STRING),
    RECORD(SetACLRequest, acl, ACL_vector),
    FIELD(SetACLRequest, version, INT),
};
static const struct rk_lib_jute_shape shape_SetACLRequest = {fields_SetACLRequest,
                                                             COUNT(fields_SetACLRequest), 0};
JUTE(SetACLRequest)
static const struct rk_lib_jute_field fields_SetACLResponse[] = {
    RECORD(SetACLResponse, stat, Stat),
};
static const struct rk_lib_jute_shape shape_SetACLResponse = {fields_SetACLResponse,
                                                              COUNT(fields_SetACLResponse), 0};
JUTE(SetACLResponse)
static const struct rk_lib_jute_field fields_AddWatchRequest[] = {
    FIELD(AddWatchRequest, path, STRING),
    FIELD(AddWatchRequest, mode, INT),
};
static const struct rk_lib_jute_shape shape_AddWatchRequest = {fields_AddWatchRequest,
                                                               COUNT(fields_AddWatchRequest), 0};
JUTE(AddWatchRequest)
static const struct rk_lib_jute_field fields_WatcherEvent[] = {
    FIELD(WatcherEvent, type, INT),
    FIELD(WatcherEvent, state, INT),
    FIELD(WatcherEvent, path, STRING),
};
static const struct rk_lib_jute_shape shape_WatcherEvent = {fields_WatcherEvent,
                                                            COUNT(fields_WatcherEvent), 0};
JUTE(WatcherEvent)
static const struct rk_lib_jute_field fields_ErrorResponse[] = {
    FIELD(ErrorResponse, err, INT),
};
static const struct rk_lib_jute_shape shape_ErrorResponse = {fields_ErrorResponse,
                                                             COUNT(fields_ErrorResponse), 0};
JUTE(ErrorResponse)
static const struct rk_lib_jute_field fields_CreateResponse[] = {
    FIELD(CreateResponse, path, STRING),
};
static const struct rk_lib_jute_shape shape_CreateResponse = {fields_CreateResponse,
                                                              COUNT(fields_CreateResponse), 0};
JUTE(CreateResponse)
static const struct rk_lib_jute_field fields_Create2Response[] = {
    FIELD(Create2Response, path, STRING),
    RECORD(Create2Response, stat, Stat),
};
static const struct rk_lib_jute_shape shape_Create2Response = {fields_Create2Response,
                                                               COUNT(fields_Create2Response), 0};
JUTE(Create2Response)
static const struct rk_lib_jute_field fields_ExistsRequest[] = {
    FIELD(ExistsRequest, path, STRING),
    FIELD(ExistsRequest, watch, BOOL),
};
static const struct rk_lib_jute_shape shape_ExistsRequest = {fields_ExistsRequest,
                                                             COUNT(fields_ExistsRequest), 0};
JUTE(ExistsRequest)
static const struct rk_lib_jute_field fields_ExistsResponse[] = {
    RECORD(ExistsResponse, stat, Stat),
};
static const struct rk_lib_jute_shape shape_ExistsResponse = {fields_ExistsResponse,
                                                              COUNT(fields_ExistsResponse), 0};
JUTE(ExistsResponse)
static const struct rk_lib_jute_field fields_GetDataResponse[] = {
    FIELD(GetDataResponse, data, BUFFER),
    RECORD(GetDataResponse, stat, Stat),
};
static const struct rk_lib_jute_shape shape_GetDataResponse = {fields_GetDataResponse,
                                                               COUNT(fields_GetDataResponse), 0};
JUTE(GetDataResponse)
static const struct rk_lib_jute_field fields_GetChildrenResponse[] = {
    RECORD(GetChildrenResponse, children, String_vector),
};
static const struct rk_lib_jute_shape shape_GetChildrenResponse = {
    fields_GetChildrenResponse, COUNT(fields_GetChildrenResponse), 0};
JUTE(GetChildrenResponse)
static const struct rk_lib_jute_field fields_GetAllChildrenNumberResponse[] = {
    FIELD(GetAllChildrenNumberResponse, totalNumber, INT),
};
static const struct rk_lib_jute_shape shape_GetAllChildrenNumberResponse = {
    fields_GetAllChildrenNumberResponse, COUNT(fields_GetAllChildrenNumberResponse), 0};
JUTE(GetAllChildrenNumberResponse)
static const struct rk_lib_jute_field fields_GetChildren2Response[] = {
    RECORD(GetChildren2Response, children, String_vector),
    RECORD(GetChildren2Response, stat, Stat),
};
static const struct rk_lib_jute_shape shape_GetChildren2Response = {
    fields_GetChildren2Response, COUNT(fields_GetChildren2Response), 0};
JUTE(GetChildren2Response)
static const struct rk_lib_jute_field fields_GetACLResponse[] = {
    RECORD(GetACLResponse, acl, ACL_vector),
    RECORD(GetACLResponse, stat, Stat),
};
static const struct rk_lib_jute_shape shape_GetACLResponse = {fields_GetACLResponse,
                                                              COUNT(fields_GetACLResponse), 0};
JUTE(GetACLResponse)
static const struct rk_lib_jute_field fields_CheckWatchesRequest[] = {
    FIELD(CheckWatchesRequest, path, STRING),
    FIELD(CheckWatchesRequest, type, INT),
};
static const struct rk_lib_jute_shape shape_CheckWatchesRequest = {
    fields_CheckWatchesRequest, COUNT(fields_CheckWatchesRequest), 0};
JUTE(CheckWatchesRequest)
static const struct rk_lib_jute_field fields_RemoveWatchesRequest[] = {
    FIELD(RemoveWatchesRequest, path, STRING),
    FIELD(RemoveWatchesRequest, type, INT),
};
static const struct rk_lib_jute_shape shape_RemoveWatchesRequest = {
    fields_RemoveWatchesRequest, COUNT(fields_RemoveWatchesRequest), 0};
JUTE(RemoveWatchesRequest)
static const struct rk_lib_jute_field fields_GetEphemeralsRequest[] = {
    FIELD(GetEphemeralsRequest, prefixPath, STRING),
};
static const struct rk_lib_jute_shape shape_GetEphemeralsRequest = {
    fields_GetEphemeralsRequest, COUNT(fields_GetEphemeralsRequest), 0};
JUTE(GetEphemeralsRequest)
static const struct rk_lib_jute_field fields_GetEphemeralsResponse[] = {
    RECORD(GetEphemeralsResponse, ephemerals, String_vector),
};
static const struct rk_lib_jute_shape shape_GetEphemeralsResponse = {
    fields_GetEphemeralsResponse, COUNT(fields_GetEphemeralsResponse), 0};
JUTE(GetEphemeralsResponse)
static const struct rk_lib_jute_shape shape_ClientInfo_vector = {
    fields_ClientInfo, COUNT(fields_ClientInfo), sizeof(struct ClientInfo)};
JUTE_VECTOR(ClientInfo_vector)
static const struct rk_lib_jute_field fields_WhoAmIResponse[] = {
    RECORD(WhoAmIResponse, clientInfo, ClientInfo_vector),
};
static const struct rk_lib_jute_shape shape_WhoAmIResponse = {fields_WhoAmIResponse,
                                                              COUNT(fields_WhoAmIResponse), 0};
JUTE(WhoAmIResponse)
static const struct rk_lib_jute_field fields_LearnerInfo[] = {
    FIELD(LearnerInfo, serverid, LONG),
    FIELD(LearnerInfo, protocolVersion, INT),
    FIELD(LearnerInfo, configVersion, LONG),
};
static const struct rk_lib_jute_shape shape_LearnerInfo = {fields_LearnerInfo,
                                                           COUNT(fields_LearnerInfo), 0};
JUTE(LearnerInfo)
static const struct rk_lib_jute_shape shape_Id_vector = {fields_Id, COUNT(fields_Id),
                                                         sizeof(struct Id)};
JUTE_VECTOR(Id_vector)
static const struct rk_lib_jute_field fields_QuorumPacket[] = {
    FIELD(QuorumPacket, type, INT),
    FIELD(QuorumPacket, zxid, LONG),
    FIELD(QuorumPacket, data, BUFFER),
    RECORD(QuorumPacket, authinfo, Id_vector),
};
static const struct rk_lib_jute_shape shape_QuorumPacket = {fields_QuorumPacket,
                                                            COUNT(fields_QuorumPacket), 0};
JUTE(QuorumPacket)
static const struct rk_lib_jute_field fields_QuorumAuthPacket[] = {
    FIELD(QuorumAuthPacket, magic, LONG),
    FIELD(QuorumAuthPacket, status, INT),
    FIELD(QuorumAuthPacket, token, BUFFER),
};
static const struct rk_lib_jute_shape shape_QuorumAuthPacket = {fields_QuorumAuthPacket,
                                                                COUNT(fields_QuorumAuthPacket), 0};
JUTE(QuorumAuthPacket)
static const struct rk_lib_jute_field fields_FileHeader[] = {
    FIELD(FileHeader, magic, INT),
    FIELD(FileHeader, version, INT),
    FIELD(FileHeader, dbid, LONG),
};
static const struct rk_lib_jute_shape shape_FileHeader = {fields_FileHeader,
                                                          COUNT(fields_FileHeader), 0};
JUTE(FileHeader)
static const struct rk_lib_jute_field fields_TxnDigest[] = {
    FIELD(TxnDigest, version, INT),
    FIELD(TxnDigest, treeDigest, LONG),
};
static const struct rk_lib_jute_shape shape_TxnDigest = {fields_TxnDigest, COUNT(fields_TxnDigest),
                                                         0};
JUTE(TxnDigest)
static const struct rk_lib_jute_field fields_TxnHeader[] = {
    FIELD(TxnHeader, clientId, LONG), FIELD(TxnHeader, cxid, INT), FIELD(TxnHeader, zxid, LONG),
    FIELD(TxnHeader, time, LONG),     FIELD(TxnHeader, type, INT),
};
static const struct rk_lib_jute_shape shape_TxnHeader = {fields_TxnHeader, COUNT(fields_TxnHeader),
                                                         0};
JUTE(TxnHeader)
static const struct rk_lib_jute_field fields_CreateTxnV0[] = {
    FIELD(CreateTxnV0, path, STRING),
    FIELD(CreateTxnV0, data, BUFFER),
    RECORD(CreateTxnV0, acl, ACL_vector),
    FIELD(CreateTxnV0, ephemeral, BOOL),
};
static const struct rk_lib_jute_shape shape_CreateTxnV0 = {fields_CreateTxnV0,
                                                           COUNT(fields_CreateTxnV0), 0};
JUTE(CreateTxnV0)
static const struct rk_lib_jute_field fields_CreateTxn[] = {
    FIELD(CreateTxn, path, STRING),        FIELD(CreateTxn, data, BUFFER),
    RECORD(CreateTxn, acl, ACL_vector),    FIELD(CreateTxn, ephemeral, BOOL),
    FIELD(CreateTxn, parentCVersion, INT),
};
static const struct rk_lib_jute_shape shape_CreateTxn = {fields_CreateTxn, COUNT(fields_CreateTxn),
                                                         0};
JUTE(CreateTxn)
static const struct rk_lib_jute_field fields_CreateTTLTxn[] = {
    FIELD(CreateTTLTxn, path, STRING),     FIELD(CreateTTLTxn, data, BUFFER),
    RECORD(CreateTTLTxn, acl, ACL_vector), FIELD(CreateTTLTxn, parentCVersion, INT),
    FIELD(CreateTTLTxn, ttl, LONG),
};
static const struct rk_lib_jute_shape shape_CreateTTLTxn = {fields_CreateTTLTxn,
                                                            COUNT(fields_CreateTTLTxn), 0};
JUTE(CreateTTLTxn)
static const struct rk_lib_jute_field fields_CreateContainerTxn[] = {
    FIELD(CreateContainerTxn, path, STRING),
    FIELD(CreateContainerTxn, data, BUFFER),
    RECORD(CreateContainerTxn, acl, ACL_vector),
    FIELD(CreateContainerTxn, parentCVersion, INT),
};
static const struct rk_lib_jute_shape shape_CreateContainerTxn = {
    fields_CreateContainerTxn, COUNT(fields_CreateContainerTxn), 0};
JUTE(CreateContainerTxn)
static const struct rk_lib_jute_field fields_DeleteTxn[] = {
    FIELD(DeleteTxn, path, STRING),
};
static const struct rk_lib_jute_shape shape_DeleteTxn = {fields_DeleteTxn, COUNT(fields_DeleteTxn),
                                                         0};
JUTE(DeleteTxn)
static const struct rk_lib_jute_field fields_SetDataTxn[] = {
    FIELD(SetDataTxn, path, STRING),
    FIELD(SetDataTxn, data, BUFFER),
    FIELD(SetDataTxn, version, INT),
};
static const struct rk_lib_jute_shape shape_SetDataTxn = {fields_SetDataTxn,
                                                          COUNT(fields_SetDataTxn), 0};
JUTE(SetDataTxn)
static const struct rk_lib_jute_field fields_CheckVersionTxn[] = {
    FIELD(CheckVersionTxn, path, STRING),
    FIELD(CheckVersionTxn, version, INT),
};
static const struct rk_lib_jute_shape shape_CheckVersionTxn = {fields_CheckVersionTxn,
                                                               COUNT(fields_CheckVersionTxn), 0};
JUTE(CheckVersionTxn)
static const struct rk_lib_jute_field fields_SetACLTxn[] = {
    FIELD(SetACLTxn, path, STRING),
    RECORD(SetACLTxn, acl, ACL_vector),
    FIELD(SetACLTxn, version, INT),
};
static const struct rk_lib_jute_shape shape_SetACLTxn = {fields_SetACLTxn, COUNT(fields_SetACLTxn),
                                                         0};
JUTE(SetACLTxn)
static const struct rk_lib_jute_field fields_SetMaxChildrenTxn[] = {
    FIELD(SetMaxChildrenTxn, path, STRING),
    FIELD(SetMaxChildrenTxn, max, INT),
};
static const struct rk_lib_jute_shape shape_SetMaxChildrenTxn = {
    fields_SetMaxChildrenTxn, COUNT(fields_SetMaxChildrenTxn), 0};
JUTE(SetMaxChildrenTxn)
static const struct rk_lib_jute_field fields_CreateSessionTxn[] = {
    FIELD(CreateSessionTxn, timeOut, INT),
};
static const struct rk_lib_jute_shape shape_CreateSessionTxn = {fields_CreateSessionTxn,
                                                                COUNT(fields_CreateSessionTxn), 0};
JUTE(CreateSessionTxn)
static const struct rk_lib_jute_field fields_CloseSessionTxn[] = {
    RECORD(CloseSessionTxn, paths2Delete, String_vector),
};
static const struct rk_lib_jute_shape shape_CloseSessionTxn = {fields_CloseSessionTxn,
                                                               COUNT(fields_CloseSessionTxn), 0};
JUTE(CloseSessionTxn)
static const struct rk_lib_jute_field fields_ErrorTxn[] = {
    FIELD(ErrorTxn, err, INT),
};
static const struct rk_lib_jute_shape shape_ErrorTxn = {fields_ErrorTxn, COUNT(fields_ErrorTxn), 0};
JUTE(ErrorTxn)
static const struct rk_lib_jute_field fields_Txn[] = {
    FIELD(Txn, type, INT),
    FIELD(Txn, data, BUFFER),
};
static const struct rk_lib_jute_shape shape_Txn = {fields_Txn, COUNT(fields_Txn), 0};
JUTE(Txn)
static const struct rk_lib_jute_shape shape_Txn_vector = {fields_Txn, COUNT(fields_Txn),
                                                          sizeof(struct Txn)};
JUTE_VECTOR(Txn_vector)
static const struct rk_lib_jute_field fields_MultiTxn[] = {
    RECORD(MultiTxn, txns, Txn_vector),
};
static const struct rk_lib_jute_shape shape_MultiTxn = {fields_MultiTxn, COUNT(fields_MultiTxn), 0};
JUTE(MultiTxn)
