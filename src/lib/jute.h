/* The records of zookeeper.jute.h as tables, and what walks them. */
#ifndef RK_LIB_JUTE_H
#define RK_LIB_JUTE_H

#include "base/types.h"
#include "zookeeper/zookeeper.jute.h"

enum rk_lib_jute_type {
    RK_LIB_JUTE_BOOL,
    RK_LIB_JUTE_INT,
    RK_LIB_JUTE_LONG,
    RK_LIB_JUTE_STRING,
    RK_LIB_JUTE_BUFFER,
    RK_LIB_JUTE_RECORD /* or a vector, as its shape says */
};
struct rk_lib_jute_field {
    size_t offset;
    enum rk_lib_jute_type type;
    const struct rk_lib_jute_shape *shape; /* of a RECORD */
};
struct rk_lib_jute_shape {
    const struct rk_lib_jute_field *fields; /* of the record, or of an element; NULL: strings */
    uint32_t count;
    size_t element_bytes; /* not 0: a vector {int32_t count; element *data} */
};

int rk_lib_jute_write(const struct rk_lib_jute_shape *shape, struct oarchive *out, const void *v);
int rk_lib_jute_read(const struct rk_lib_jute_shape *shape, struct iarchive *in, void *v);
void rk_lib_jute_free(const struct rk_lib_jute_shape *shape, void *v);
int rk_lib_jute_alloc(const struct rk_lib_jute_shape *shape, void *v, int32_t len);

#endif
