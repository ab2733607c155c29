/* Walks a record by its table: encodes, decodes, frees. Records nest three deep at most, and so do
 * the calls here. */
#include "lib/jute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What every vector of zookeeper.jute.h looks like. */
struct vector {
    int32_t count;
    char *data;
};
_Static_assert(sizeof(struct vector) == sizeof(struct String_vector), "vectors look alike");
_Static_assert(sizeof(struct vector) == sizeof(struct ACL_vector), "vectors look alike");

static int write_field(const struct rk_lib_jute_field *field, struct oarchive *out,
                       const char *record)
{
    /* The archive's functions take strings and records without const and do not change them. */
    char *at = (char *)(uintptr_t)record + field->offset;
    switch (field->type) {
    case RK_LIB_JUTE_BOOL:
        return out->serialize_Bool(out, "", (const int32_t *)(void *)at);
    case RK_LIB_JUTE_INT:
        return out->serialize_Int(out, "", (const int32_t *)(void *)at);
    case RK_LIB_JUTE_LONG:
        return out->serialize_Long(out, "", (const int64_t *)(void *)at);
    case RK_LIB_JUTE_STRING:
        return out->serialize_String(out, "", (char **)(void *)at);
    case RK_LIB_JUTE_BUFFER:
        return out->serialize_Buffer(out, "", (const struct buffer *)(void *)at);
    case RK_LIB_JUTE_RECORD:
        return rk_lib_jute_write(field->shape, out, at);
    }
    return -EINVAL;
}

static int write_fields(const struct rk_lib_jute_shape *shape, struct oarchive *out,
                        const char *record)
{
    int rc = 0;
    for (uint32_t i = 0; i < shape->count && rc == 0; i++)
        rc = write_field(&shape->fields[i], out, record);
    return rc;
}

int rk_lib_jute_write(const struct rk_lib_jute_shape *shape, struct oarchive *out, const void *v)
{
    if (!shape->element_bytes)
        return write_fields(shape, out, v);
    const struct vector *vector = v;
    int rc = out->start_vector(out, "", &vector->count);
    for (int32_t i = 0; i < vector->count && rc == 0; i++) {
        char *element = vector->data + (size_t)i * shape->element_bytes;
        rc = shape->fields ? write_fields(shape, out, element)
                           : out->serialize_String(out, "", (char **)(void *)element);
    }
    return rc == 0 ? out->end_vector(out, "") : rc;
}

static int read_field(const struct rk_lib_jute_field *field, struct iarchive *in, char *record)
{
    char *at = record + field->offset;
    switch (field->type) {
    case RK_LIB_JUTE_BOOL:
        return in->deserialize_Bool(in, "", (int32_t *)(void *)at);
    case RK_LIB_JUTE_INT:
        return in->deserialize_Int(in, "", (int32_t *)(void *)at);
    case RK_LIB_JUTE_LONG:
        return in->deserialize_Long(in, "", (int64_t *)(void *)at);
    case RK_LIB_JUTE_STRING:
        return in->deserialize_String(in, "", (char **)(void *)at);
    case RK_LIB_JUTE_BUFFER:
        return in->deserialize_Buffer(in, "", (struct buffer *)(void *)at);
    case RK_LIB_JUTE_RECORD:
        return rk_lib_jute_read(field->shape, in, at);
    }
    return -EINVAL;
}

/* Zeroes the record first, so that a half-read one can be freed. */
/* So that a record may be freed wherever reading it has ended. */
static void clear_fields(const struct rk_lib_jute_shape *shape, char *record)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct rk_lib_jute_field *field = &shape->fields[i];
        char *at = record + field->offset;
        if (field->type == RK_LIB_JUTE_STRING)
            memset(at, 0, sizeof(void *));
        else if (field->type == RK_LIB_JUTE_BUFFER)
            memset(at, 0, sizeof(struct buffer));
        else if (field->type == RK_LIB_JUTE_RECORD && field->shape->element_bytes)
            memset(at, 0, sizeof(struct vector));
        else if (field->type == RK_LIB_JUTE_RECORD)
            clear_fields(field->shape, at);
    }
}

static int read_fields(const struct rk_lib_jute_shape *shape, struct iarchive *in, char *record)
{
    clear_fields(shape, record);
    int rc = 0;
    for (uint32_t i = 0; i < shape->count && rc == 0; i++)
        rc = read_field(&shape->fields[i], in, record);
    return rc;
}

int rk_lib_jute_read(const struct rk_lib_jute_shape *shape, struct iarchive *in, void *v)
{
    if (!shape->element_bytes)
        return read_fields(shape, in, v);
    struct vector *vector = v;
    int32_t count = 0;
    *vector = (struct vector){0};
    int rc = in->start_vector(in, "", &count);
    /* The count is only believed element by element: the vector doubles as they come. */
    int32_t room = 0;
    for (int32_t i = 0; i < count && rc == 0; i++) {
        if (i == room) {
            int32_t more = room ? room > count / 2 ? count : room * 2 : count < 64 ? count : 64;
            char *data = realloc(vector->data, (size_t)more * shape->element_bytes);
            if (!data)
                return -ENOMEM;
            memset(data + (size_t)room * shape->element_bytes, 0,
                   (size_t)(more - room) * shape->element_bytes);
            vector->data = data;
            room = more;
        }
        char *element = vector->data + (size_t)i * shape->element_bytes;
        vector->count = i + 1;
        rc = shape->fields ? read_fields(shape, in, element)
                           : in->deserialize_String(in, "", (char **)(void *)element);
    }
    return rc == 0 ? in->end_vector(in, "") : rc;
}

static void free_fields(const struct rk_lib_jute_shape *shape, char *record)
{
    for (uint32_t i = 0; i < shape->count; i++) {
        char *at = record + shape->fields[i].offset;
        if (shape->fields[i].type == RK_LIB_JUTE_STRING)
            deallocate_String((char **)(void *)at);
        if (shape->fields[i].type == RK_LIB_JUTE_BUFFER)
            deallocate_Buffer((struct buffer *)(void *)at);
        if (shape->fields[i].type == RK_LIB_JUTE_RECORD)
            rk_lib_jute_free(shape->fields[i].shape, at);
    }
}

void rk_lib_jute_free(const struct rk_lib_jute_shape *shape, void *v)
{
    if (!shape->element_bytes) {
        free_fields(shape, v);
        return;
    }
    struct vector *vector = v;
    if (!vector->data)
        return;
    for (int32_t i = 0; i < vector->count; i++) {
        char *element = vector->data + (size_t)i * shape->element_bytes;
        if (shape->fields)
            free_fields(shape, element);
        else
            deallocate_String((char **)(void *)element);
    }
    free(vector->data);
    vector->data = NULL;
}

int rk_lib_jute_alloc(const struct rk_lib_jute_shape *shape, void *v, int32_t len)
{
    struct vector *vector = v;
    *vector = (struct vector){0};
    if (len <= 0)
        return 0;
    vector->data = calloc((size_t)len, shape->element_bytes);
    if (!vector->data)
        return -ENOMEM;
    vector->count = len;
    return 0;
}
