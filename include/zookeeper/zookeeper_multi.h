/* Operations of a transaction and their results. Part of zookeeper.h. */
#ifndef ZOOKEEPER_MULTI_H_
#define ZOOKEEPER_MULTI_H_

#include "zookeeper_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Filled in by the functions below; what it points to is borrowed until the transaction was sent,
 * buf and stat until its completion. */
typedef struct zoo_op {
    int type;
    union {
        struct {
            const char *path;
            const char *data;
            int datalen;
            char *buf;
            int buflen;
            const struct ACL_vector *acl;
            int flags;
            int64_t ttl;
        } create_op;
        struct {
            const char *path;
            int version;
        } delete_op;
        struct {
            const char *path;
            const char *data;
            int datalen;
            int version;
            struct Stat *stat;
        } set_op;
        struct {
            const char *path;
            int version;
        } check_op;
    };
} zoo_op_t;

/* err: of this operation; ZRUNTIMEINCONSISTENCY: not tried because of another one. value (create)
 * is the path_buffer, stat (set) the stat of the operation; NULL where it did not succeed. */
typedef struct zoo_op_result {
    int err;
    char *value;
    int valuelen;
    struct Stat *stat;
} zoo_op_result_t;

/* Like zoo_create: path_buffer gets the path, cut to path_buffer_len with its 0. */
ZOOAPI void zoo_create_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                               const struct ACL_vector *acl, int mode, char *path_buffer,
                               int path_buffer_len);
/* The same as a create2, which servers before 3.8.2 answer as a create. */
ZOOAPI void zoo_create2_op_init(zoo_op_t *op, const char *path, const char *value, int valuelen,
                                const struct ACL_vector *acl, int mode, char *path_buffer,
                                int path_buffer_len);
/* Like zoo_delete. */
ZOOAPI void zoo_delete_op_init(zoo_op_t *op, const char *path, int version);
/* Like zoo_set2; stat may be NULL. */
ZOOAPI void zoo_set_op_init(zoo_op_t *op, const char *path, const char *buffer, int buflen,
                            int version, struct Stat *stat);
/* The transaction fails unless the node is there and has this version (-1: any). */
ZOOAPI void zoo_check_op_init(zoo_op_t *op, const char *path, int version);

#ifdef __cplusplus
}
#endif
#endif
