/* Results that clients see in reply headers. ZK: KeeperException.Code. */
#ifndef RK_PROTO_ZK_ERROR_H
#define RK_PROTO_ZK_ERROR_H

#include <stdint.h>

#define RK_ZK_ERROR_TABLE(X)                                                                       \
    X(OK, 0)                                                                                       \
    X(SYSTEM_ERROR, -1)                                                                            \
    X(RUNTIME_INCONSISTENCY, -2)                                                                   \
    X(DATA_INCONSISTENCY, -3)                                                                      \
    X(CONNECTION_LOSS, -4)                                                                         \
    X(MARSHALLING_ERROR, -5)                                                                       \
    X(UNIMPLEMENTED, -6)                                                                           \
    X(OPERATION_TIMEOUT, -7)                                                                       \
    X(BAD_ARGUMENTS, -8)                                                                           \
    X(UNKNOWN_SESSION, -12)                                                                        \
    X(NEW_CONFIG_NO_QUORUM, -13)                                                                   \
    X(RECONFIG_IN_PROGRESS, -14)                                                                   \
    X(API_ERROR, -100)                                                                             \
    X(NO_NODE, -101)                                                                               \
    X(NO_AUTH, -102)                                                                               \
    X(BAD_VERSION, -103)                                                                           \
    X(NO_CHILDREN_FOR_EPHEMERALS, -108)                                                            \
    X(NODE_EXISTS, -110)                                                                           \
    X(NOT_EMPTY, -111)                                                                             \
    X(SESSION_EXPIRED, -112)                                                                       \
    X(INVALID_CALLBACK, -113)                                                                      \
    X(INVALID_ACL, -114)                                                                           \
    X(AUTH_FAILED, -115)                                                                           \
    X(SESSION_MOVED, -118)                                                                         \
    X(NOT_READ_ONLY, -119)                                                                         \
    X(EPHEMERAL_ON_LOCAL_SESSION, -120)                                                            \
    X(NO_WATCHER, -121)                                                                            \
    X(REQUEST_TIMEOUT, -122)                                                                       \
    X(RECONFIG_DISABLED, -123)                                                                     \
    X(SESSION_CLOSED_REQUIRE_SASL_AUTH, -124)                                                      \
    X(QUOTA_EXCEEDED, -125)                                                                        \
    X(THROTTLED_OP, -127)

enum rk_zk_error {
#define RK_ZK_ERROR_ENUM(name, code) RK_ZK_##name = (code),
    RK_ZK_ERROR_TABLE(RK_ZK_ERROR_ENUM)
#undef RK_ZK_ERROR_ENUM
};

/* "NO_NODE" and so on; "UNKNOWN" outside the table. Static. */
const char *rk_zk_error_name(int32_t code);

#endif
