/* Archives over buffers. ZK: recordio.c; unlike there a string may be null (as Java writes it), and
 * lengths below -1 are refused. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "zookeeper/recordio.h"

struct archive {
    uint8_t *data;
    size_t len;
    size_t at;
};

static int put(struct oarchive *oa, const void *data, size_t len)
{
    struct archive *a = oa->priv;
    if (a->len - a->at < len) {
        size_t more = a->len;
        while (more - a->at < len) {
            if (more > INT_MAX / 2)
                return -ENOMEM;
            more *= 2;
        }
        uint8_t *bigger = realloc(a->data, more);
        if (!bigger)
            return -ENOMEM;
        a->data = bigger;
        a->len = more;
    }
    if (len > 0)
        memcpy(a->data + a->at, data, len);
    a->at += len;
    return 0;
}

static int out_record(struct oarchive *oa, const char *tag)
{
    (void)oa;
    (void)tag;
    return 0;
}

static int out_int(struct oarchive *oa, const char *name, const int32_t *value)
{
    (void)name;
    uint8_t raw[4];
    rk_store_i32(raw, *value);
    return put(oa, raw, sizeof(raw));
}

static int out_long(struct oarchive *oa, const char *name, const int64_t *value)
{
    (void)name;
    uint8_t raw[8];
    rk_store_i64(raw, *value);
    return put(oa, raw, sizeof(raw));
}

static int out_bool(struct oarchive *oa, const char *name, const int32_t *value)
{
    (void)name;
    uint8_t raw = *value != 0;
    return put(oa, &raw, 1);
}

static int out_bytes(struct oarchive *oa, const char *data, int32_t len)
{
    int rc = out_int(oa, "", &len);
    return rc == 0 && len > 0 ? put(oa, data, (size_t)len) : rc;
}

static int out_buffer(struct oarchive *oa, const char *name, const struct buffer *value)
{
    (void)name;
    if (value && value->len < -1)
        return -EINVAL;
    return value ? out_bytes(oa, value->buff, value->len) : out_bytes(oa, NULL, -1);
}

static int out_string(struct oarchive *oa, const char *name, char **value)
{
    (void)name;
    size_t len = *value ? strlen(*value) : 0;
    if (len > INT_MAX)
        return -EINVAL;
    return out_bytes(oa, *value, *value ? (int32_t)len : -1);
}

static const uint8_t *take(struct iarchive *ia, size_t len)
{
    struct archive *a = ia->priv;
    if (a->len - a->at < len)
        return NULL;
    a->at += len;
    return a->data + a->at - len;
}

static int in_record(struct iarchive *ia, const char *tag)
{
    (void)ia;
    (void)tag;
    return 0;
}

static int in_int(struct iarchive *ia, const char *name, int32_t *value)
{
    (void)name;
    const uint8_t *raw = take(ia, 4);
    if (!raw)
        return -E2BIG;
    *value = rk_load_i32(raw);
    return 0;
}

static int in_long(struct iarchive *ia, const char *name, int64_t *value)
{
    (void)name;
    const uint8_t *raw = take(ia, 8);
    if (!raw)
        return -E2BIG;
    *value = rk_load_i64(raw);
    return 0;
}

static int in_bool(struct iarchive *ia, const char *name, int32_t *value)
{
    (void)name;
    const uint8_t *raw = take(ia, 1);
    if (!raw)
        return -E2BIG;
    *value = *raw;
    return 0;
}

/* Length and bytes, copied, with a 0 behind them that is not counted. */
static int in_bytes(struct iarchive *ia, char **ret_data, int32_t *ret_len)
{
    int32_t len = 0;
    *ret_data = NULL;
    *ret_len = -1;
    int rc = in_int(ia, "", &len);
    if (rc != 0 || len == -1)
        return rc;
    if (len < 0)
        return -EINVAL;
    const uint8_t *raw = take(ia, (size_t)len);
    if (!raw)
        return -E2BIG;
    *ret_data = malloc((size_t)len + 1);
    if (!*ret_data)
        return -ENOMEM;
    memcpy(*ret_data, raw, (size_t)len);
    (*ret_data)[len] = 0;
    *ret_len = len;
    return 0;
}

static int in_buffer(struct iarchive *ia, const char *name, struct buffer *value)
{
    (void)name;
    return in_bytes(ia, &value->buff, &value->len);
}

static int in_string(struct iarchive *ia, const char *name, char **value)
{
    (void)name;
    int32_t len;
    return in_bytes(ia, value, &len);
}

struct oarchive *create_buffer_oarchive(void)
{
    struct oarchive *oa = malloc(sizeof(*oa));
    struct archive *a = malloc(sizeof(*a));
    uint8_t *data = malloc(128);
    if (!oa || !a || !data) {
        free(oa);
        free(a);
        free(data);
        return NULL;
    }
    *a = (struct archive){.data = data, .len = 128};
    *oa = (struct oarchive){out_record, out_record, out_int,    out_record, out_bool,
                            out_int,    out_long,   out_buffer, out_string, a};
    return oa;
}

void close_buffer_oarchive(struct oarchive **oa, int free_buffer)
{
    struct archive *a = (*oa)->priv;
    if (free_buffer)
        free(a->data);
    free(a);
    free(*oa);
    *oa = NULL;
}

char *get_buffer(struct oarchive *oa)
{
    struct archive *a = oa->priv;
    return (char *)a->data;
}

int get_buffer_len(struct oarchive *oa)
{
    struct archive *a = oa->priv;
    return (int)a->at;
}

struct iarchive *create_buffer_iarchive(char *buffer, int len)
{
    struct iarchive *ia = malloc(sizeof(*ia));
    struct archive *a = malloc(sizeof(*a));
    if (!ia || !a || len < 0) {
        free(ia);
        free(a);
        return NULL;
    }
    *a = (struct archive){.data = (uint8_t *)buffer, .len = (size_t)len};
    *ia = (struct iarchive){in_record, in_record, in_int,    in_record, in_bool,
                            in_int,    in_long,   in_buffer, in_string, a};
    return ia;
}

void close_buffer_iarchive(struct iarchive **ia)
{
    free((*ia)->priv);
    free(*ia);
    *ia = NULL;
}

int64_t zoo_htonll(int64_t v)
{
    uint8_t raw[8];
    rk_store_i64(raw, v);
    memcpy(&v, raw, sizeof(v));
    return v;
}

void deallocate_String(char **s)
{
    free(*s);
    *s = NULL;
}

void deallocate_Buffer(struct buffer *b)
{
    free(b->buff);
    b->buff = NULL;
}

/* ZK: does nothing there either; a vector is freed by the function of its type. */
void deallocate_vector(void *d)
{
    (void)d;
}
