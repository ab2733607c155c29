/* jute, the encoding of ZooKeeper's records: big-endian numbers, strings and buffers with their
 * length in front. An oarchive collects encoded values, an iarchive takes them from borrowed bytes.
 *
 * Every function returns 0, -E2BIG when the input ends early, -EINVAL for a length that cannot be,
 * -ENOMEM. What deserialising allocates is malloced and freed by the deallocate_ functions. */
#ifndef __RECORDIO_H__
#define __RECORDIO_H__

#include <stdint.h>
#include <sys/types.h>

#ifndef ZOOAPI
#if defined(__GNUC__)
#define ZOOAPI __attribute__((visibility("default")))
#else
#define ZOOAPI
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* len -1 and buff NULL: null, which is not the same as empty. */
struct buffer {
    int32_t len;
    char *buff;
};

/* These free and set to null; they accept what is null already. */
ZOOAPI void deallocate_String(char **s);
ZOOAPI void deallocate_Buffer(struct buffer *b);
ZOOAPI void deallocate_vector(void *d);

/* The tag and name arguments are for encodings that have them; this one does not. */
struct iarchive {
    int (*start_record)(struct iarchive *ia, const char *tag);
    int (*end_record)(struct iarchive *ia, const char *tag);
    int (*start_vector)(struct iarchive *ia, const char *tag, int32_t *count);
    int (*end_vector)(struct iarchive *ia, const char *tag);
    int (*deserialize_Bool)(struct iarchive *ia, const char *name, int32_t *value);
    int (*deserialize_Int)(struct iarchive *ia, const char *name, int32_t *value);
    int (*deserialize_Long)(struct iarchive *ia, const char *name, int64_t *value);
    int (*deserialize_Buffer)(struct iarchive *ia, const char *name, struct buffer *value);
    int (*deserialize_String)(struct iarchive *ia, const char *name, char **value);
    void *priv;
};

struct oarchive {
    int (*start_record)(struct oarchive *oa, const char *tag);
    int (*end_record)(struct oarchive *oa, const char *tag);
    int (*start_vector)(struct oarchive *oa, const char *tag, const int32_t *count);
    int (*end_vector)(struct oarchive *oa, const char *tag);
    int (*serialize_Bool)(struct oarchive *oa, const char *name, const int32_t *value);
    int (*serialize_Int)(struct oarchive *oa, const char *name, const int32_t *value);
    int (*serialize_Long)(struct oarchive *oa, const char *name, const int64_t *value);
    int (*serialize_Buffer)(struct oarchive *oa, const char *name, const struct buffer *value);
    int (*serialize_String)(struct oarchive *oa, const char *name, char **value);
    void *priv;
};

/* NULL without memory. Closing sets *oa to NULL; free_buffer 0 leaves the encoded bytes to whoever
 * took them with get_buffer (malloced). */
ZOOAPI struct oarchive *create_buffer_oarchive(void);
ZOOAPI void close_buffer_oarchive(struct oarchive **oa, int free_buffer);
ZOOAPI char *get_buffer(struct oarchive *oa);
ZOOAPI int get_buffer_len(struct oarchive *oa);

/* buffer is borrowed until close. */
ZOOAPI struct iarchive *create_buffer_iarchive(char *buffer, int len);
ZOOAPI void close_buffer_iarchive(struct iarchive **ia);

/* To network byte order and, being its own inverse, back. */
ZOOAPI int64_t zoo_htonll(int64_t v);

#ifdef __cplusplus
}
#endif
#endif
