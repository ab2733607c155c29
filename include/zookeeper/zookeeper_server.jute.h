/* Records between servers and in their files. Part of zookeeper.jute.h, which has the contracts. */
#ifndef ZOOKEEPER_SERVER_JUTE_H_
#define ZOOKEEPER_SERVER_JUTE_H_

#include "zookeeper.jute.h"

#ifdef __cplusplus
extern "C" {
#endif

struct LearnerInfo {
    int64_t serverid;
    int32_t protocolVersion;
    int64_t configVersion;
};
ZOO_JUTE(LearnerInfo)
struct Id_vector {
    int32_t count;
    struct Id *data;
};
ZOO_JUTE_VECTOR(Id_vector)
struct QuorumPacket {
    int32_t type;
    int64_t zxid;
    struct buffer data;
    struct Id_vector authinfo;
};
ZOO_JUTE(QuorumPacket)
struct QuorumAuthPacket {
    int64_t magic;
    int32_t status;
    struct buffer token;
};
ZOO_JUTE(QuorumAuthPacket)
struct FileHeader {
    int32_t magic, version;
    int64_t dbid;
};
ZOO_JUTE(FileHeader)
struct TxnDigest {
    int32_t version;
    int64_t treeDigest;
};
ZOO_JUTE(TxnDigest)
struct TxnHeader {
    int64_t clientId;
    int32_t cxid;
    int64_t zxid, time;
    int32_t type;
};
ZOO_JUTE(TxnHeader)
struct CreateTxnV0 {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t ephemeral;
};
ZOO_JUTE(CreateTxnV0)
struct CreateTxn {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t ephemeral, parentCVersion;
};
ZOO_JUTE(CreateTxn)
struct CreateTTLTxn {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t parentCVersion;
    int64_t ttl;
};
ZOO_JUTE(CreateTTLTxn)
struct CreateContainerTxn {
    char *path;
    struct buffer data;
    struct ACL_vector acl;
    int32_t parentCVersion;
};
ZOO_JUTE(CreateContainerTxn)
struct DeleteTxn {
    char *path;
};
ZOO_JUTE(DeleteTxn)
struct SetDataTxn {
    char *path;
    struct buffer data;
    int32_t version;
};
ZOO_JUTE(SetDataTxn)
struct CheckVersionTxn {
    char *path;
    int32_t version;
};
ZOO_JUTE(CheckVersionTxn)
struct SetACLTxn {
    char *path;
    struct ACL_vector acl;
    int32_t version;
};
ZOO_JUTE(SetACLTxn)
struct SetMaxChildrenTxn {
    char *path;
    int32_t max;
};
ZOO_JUTE(SetMaxChildrenTxn)
struct CreateSessionTxn {
    int32_t timeOut;
};
ZOO_JUTE(CreateSessionTxn)
struct CloseSessionTxn {
    struct String_vector paths2Delete;
};
ZOO_JUTE(CloseSessionTxn)
struct ErrorTxn {
    int32_t err;
};
ZOO_JUTE(ErrorTxn)
struct Txn {
    int32_t type;
    struct buffer data;
};
ZOO_JUTE(Txn)
struct Txn_vector {
    int32_t count;
    struct Txn *data;
};
ZOO_JUTE_VECTOR(Txn_vector)
struct MultiTxn {
    struct Txn_vector txns;
};
ZOO_JUTE(MultiTxn)

#ifdef __cplusplus
}
#endif
#endif
