/* Requests and responses of the protocol. Part of zookeeper.jute.h, which has the contracts. */
#ifndef ZOOKEEPER_REQUEST_JUTE_H_
#define ZOOKEEPER_REQUEST_JUTE_H_

#include "zookeeper.jute.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CreateRequest {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t flags;
};
ZOO_JUTE(CreateRequest)
struct CreateTTLRequest {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t flags;
    int64_t ttl;
};
ZOO_JUTE(CreateTTLRequest)
struct DeleteRequest {
    char *path;
    int32_t version;
};
ZOO_JUTE(DeleteRequest)
struct GetChildrenRequest {
    char *path;
    int32_t watch;
};
ZOO_JUTE(GetChildrenRequest)
struct GetAllChildrenNumberRequest {
    char *path;
};
ZOO_JUTE(GetAllChildrenNumberRequest)
struct GetChildren2Request {
    char *path;
    int32_t watch;
};
ZOO_JUTE(GetChildren2Request)
struct CheckVersionRequest {
    char *path;
    int32_t version;
};
ZOO_JUTE(CheckVersionRequest)
struct GetMaxChildrenRequest {
    char *path;
};
ZOO_JUTE(GetMaxChildrenRequest)
struct GetMaxChildrenResponse {
    int32_t max;
};
ZOO_JUTE(GetMaxChildrenResponse)
struct SetMaxChildrenRequest {
    char *path;
    int32_t max;
};
ZOO_JUTE(SetMaxChildrenRequest)
struct SyncRequest {
    char *path;
};
ZOO_JUTE(SyncRequest)
struct SyncResponse {
    char *path;
};
ZOO_JUTE(SyncResponse)
struct GetACLRequest {
    char *path;
};
ZOO_JUTE(GetACLRequest)
struct SetACLRequest {
    char *path;
    struct ACL_vector acl;
    int32_t version;
};
ZOO_JUTE(SetACLRequest)
struct SetACLResponse {
    struct Stat stat;
};
ZOO_JUTE(SetACLResponse)
struct AddWatchRequest {
    char *path;
    int32_t mode;
};
ZOO_JUTE(AddWatchRequest)
struct WatcherEvent {
    int32_t type, state;
    char *path;
};
ZOO_JUTE(WatcherEvent)
struct ErrorResponse {
    int32_t err;
};
ZOO_JUTE(ErrorResponse)
struct CreateResponse {
    char *path;
};
ZOO_JUTE(CreateResponse)
struct Create2Response {
    char *path;
    struct Stat stat;
};
ZOO_JUTE(Create2Response)
struct ExistsRequest {
    char *path;
    int32_t watch;
};
ZOO_JUTE(ExistsRequest)
struct ExistsResponse {
    struct Stat stat;
};
ZOO_JUTE(ExistsResponse)
struct GetDataResponse {
    struct buffer data;
    struct Stat stat;
};
ZOO_JUTE(GetDataResponse)
struct GetChildrenResponse {
    struct String_vector children;
};
ZOO_JUTE(GetChildrenResponse)
struct GetAllChildrenNumberResponse {
    int32_t totalNumber;
};
ZOO_JUTE(GetAllChildrenNumberResponse)
struct GetChildren2Response {
    struct String_vector children;
    struct Stat stat;
};
ZOO_JUTE(GetChildren2Response)
struct GetACLResponse {
    struct ACL_vector acl;
    struct Stat stat;
};
ZOO_JUTE(GetACLResponse)
struct CheckWatchesRequest {
    char *path;
    int32_t type;
};
ZOO_JUTE(CheckWatchesRequest)
struct RemoveWatchesRequest {
    char *path;
    int32_t type;
};
ZOO_JUTE(RemoveWatchesRequest)
struct GetEphemeralsRequest {
    char *prefixPath;
};
ZOO_JUTE(GetEphemeralsRequest)
struct GetEphemeralsResponse {
    struct String_vector ephemerals;
};
ZOO_JUTE(GetEphemeralsResponse)
struct ClientInfo_vector {
    int32_t count;
    struct ClientInfo *data;
};
ZOO_JUTE_VECTOR(ClientInfo_vector)
struct WhoAmIResponse {
    struct ClientInfo_vector clientInfo;
};
ZOO_JUTE(WhoAmIResponse)

#ifdef __cplusplus
}
#endif
#endif
