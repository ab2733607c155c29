/* Operation codes on the wire, in logs and in proposals. ZK: ZooDefs.OpCode. */
#ifndef RK_PROTO_OPCODE_H
#define RK_PROTO_OPCODE_H

#include <stdint.h>

/* X(NAME, code, four-letter code shown by cons, lower_case name used in metrics) */
#define RK_OP_TABLE(X)                                                                             \
    X(NOTIFICATION, 0, "NOTI", notification)                                                       \
    X(CREATE, 1, "CREA", create)                                                                   \
    X(DELETE, 2, "DELE", delete)                                                                   \
    X(EXISTS, 3, "EXIS", exists)                                                                   \
    X(GET_DATA, 4, "GETD", get_data)                                                               \
    X(SET_DATA, 5, "SETD", set_data)                                                               \
    X(GET_ACL, 6, "GETA", get_acl)                                                                 \
    X(SET_ACL, 7, "SETA", set_acl)                                                                 \
    X(GET_CHILDREN, 8, "GETC", get_children)                                                       \
    X(SYNC, 9, "SYNC", sync)                                                                       \
    X(PING, 11, "PING", ping)                                                                      \
    X(GET_CHILDREN2, 12, "GETC", get_children2)                                                    \
    X(CHECK, 13, "CHEC", check)                                                                    \
    X(MULTI, 14, "MULT", multi)                                                                    \
    X(CREATE2, 15, "CREA", create2)                                                                \
    X(RECONFIG, 16, "RECO", reconfig)                                                              \
    X(CHECK_WATCHES, 17, "CHKW", check_watches)                                                    \
    X(REMOVE_WATCHES, 18, "REMW", remove_watches)                                                  \
    X(CREATE_CONTAINER, 19, "CREA", create_container)                                              \
    X(DELETE_CONTAINER, 20, "DELE", delete_container)                                              \
    X(CREATE_TTL, 21, "CREA", create_ttl)                                                          \
    X(MULTI_READ, 22, "MLTR", multi_read)                                                          \
    X(AUTH, 100, "AUTH", auth)                                                                     \
    X(SET_WATCHES, 101, "SETW", set_watches)                                                       \
    X(SASL, 102, "SASL", sasl)                                                                     \
    X(GET_EPHEMERALS, 103, "GETE", get_ephemerals)                                                 \
    X(GET_ALL_CHILDREN_NUMBER, 104, "GETACN", get_all_children_number)                             \
    X(SET_WATCHES2, 105, "STW2", set_watches2)                                                     \
    X(ADD_WATCH, 106, "ADDW", add_watch)                                                           \
    X(WHO_AM_I, 107, "HOMI", who_am_i)                                                             \
    X(CREATE_SESSION, -10, "SESS", create_session)                                                 \
    X(CLOSE_SESSION, -11, "CLOS", close_session)                                                   \
    X(ERROR, -1, "ERRO", error)

enum rk_op {
#define RK_OP_ENUM(name, code, lop, lower) RK_OP_##name = (code),
    RK_OP_TABLE(RK_OP_ENUM)
#undef RK_OP_ENUM
};

/* The text cons shows as lop ("NA" for a code outside the table). Static. */
const char *rk_op_lop(int32_t code);
/* The lower-case name ("unknown" outside the table). Static. */
const char *rk_op_name(int32_t code);

/* Create flags, as clients send them. ZK: CreateMode. */
enum rk_create_mode {
    RK_CREATE_PERSISTENT = 0,
    RK_CREATE_EPHEMERAL = 1,
    RK_CREATE_PERSISTENT_SEQUENTIAL = 2,
    RK_CREATE_EPHEMERAL_SEQUENTIAL = 3,
    RK_CREATE_CONTAINER = 4,
    RK_CREATE_TTL = 5,
    RK_CREATE_TTL_SEQUENTIAL = 6,
};

enum rk_perm {
    RK_PERM_READ = 1,
    RK_PERM_WRITE = 2,
    RK_PERM_CREATE = 4,
    RK_PERM_DELETE = 8,
    RK_PERM_ADMIN = 16,
    RK_PERM_ALL = 31,
};

enum rk_event_type {
    RK_EVENT_NODE_CREATED = 1,
    RK_EVENT_NODE_DELETED = 2,
    RK_EVENT_NODE_DATA_CHANGED = 3,
    RK_EVENT_NODE_CHILDREN_CHANGED = 4,
};

#endif
